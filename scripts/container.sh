#!/usr/bin/env bash
# Tests the image's root file system without a container engine. It holds what the Dockerfile
# copies, is mounted read-only, and runs in its own namespaces with no network but loopback, as an
# unprivileged user. The namespaces need root.
#
#   export RUSTFLAGS="-C target-feature=+crt-static"
#   cargo build --release --target x86_64-unknown-linux-gnu
#   scripts/container.sh target/x86_64-unknown-linux-gnu/release/convscope
set -euo pipefail

if [ "${1:-}" != inside ]; then
    binary=$(realpath "${1:?the static binary}")
    cd "$(dirname "$0")/.."
    if ldd "$binary" 2>&1 | grep -q '=>'; then
        echo "not static: $binary" >&2
        exit 1
    fi
    image=$(mktemp -d)
    trap 'rm -rf "$image"' EXIT
    strip --strip-debug -o "$image/convscope" "$binary"
    cp -r models "$image/models"
    rm -rf "$image/models/export"
    cp docs/photos/cat_and_dog.png "$image/photo.png"
    chmod -R a+rX "$image"
    du -sh "$image/convscope"
    unshare --mount --mount-proc --net --pid --fork --kill-child "$0" inside "$image"
    exit
fi

image=$2
ip link set lo up 2>/dev/null || true
mount --bind "$image" "$image"
mount -o remount,bind,ro "$image"
run() { chroot --userspec=65532:65532 "$image" "$@"; }
export CONVSCOPE_LISTEN=0.0.0.0:8080 CONVSCOPE_MODELS=/models

chroot --userspec=65532:65532 "$image" /convscope &
server=$!
for _ in $(seq 100); do
    run /convscope healthcheck 2>/dev/null && break
    sleep 0.2
done
run /convscope healthcheck
run /convscope healthcheck --live
grep -E '^(Uid|CapEff|VmRSS)' "/proc/$server/status"
if touch "$image/written" 2>/dev/null; then
    echo "the root file system is writable" >&2
    exit 1
fi
# The same binary and models, on the command line.
run /convscope predict cats_and_dogs_small_1 /photo.png -o - | head -c 300
echo
kill -TERM "$server"
wait "$server"
echo "exited with $?"
