#!/usr/bin/env bash
# Runs the tests of crates/tract-kernels, which holds all unsafe code, under a sanitizer. The stable
# compiler brings the sanitizers' runtimes.
#
#   scripts/sanitize.sh address   every test; reuses what fuzz/run.sh has compiled
#   scripts/sanitize.sh thread    the tests of the threads that share an operator
#
# miri is not used: it needs a component of the nightly compiler and supports few vector
# instructions.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_INCREMENTAL=0 RUSTC_BOOTSTRAP=1
host=$(rustc -vV | sed -n 's/^host: //p')

address() {
    # The fuzz targets use the same flags, so the dependencies are compiled once for both.
    source fuzz/flags.sh
    # Documentation tests are left out: they are compiled without these flags.
    CARGO_TARGET_DIR=fuzz/target cargo test --release --locked --target "$host" -p tract-winograd --lib --tests
}

# The standard library is not instrumented. Therefore three things look like races and are suppressed:
# Arc, the test harness, and a helper thread's state behind a Mutex with a condition variable. All
# other reads and writes of the thread pool are checked.
thread() {
    local out=target/sanitize rustix
    mkdir -p "$out"
    # rustix sets a thread's core; it shares nothing between threads.
    rustix=$(env -u RUSTC_BOOTSTRAP cargo build --release --locked --message-format json | sed -n 's|.*"\([^"]*/librustix-[^"]*\.rlib\)".*|\1|p' | tail -n 1)
    printf 'race:%s\n' alloc::sync::Arc test::event library/test/src cores::system::Seat >"$out/harness"
    echo '#[path = "../../crates/tract-winograd/src/cores.rs"] mod cores;' | tee "$out/thread.rs" >"$out/weak.rs"
    echo '#[path = "../../crates/tract-winograd/src/team.rs"] mod team;' >>"$out/thread.rs"
    # A copy with an ordering that is too weak: the sanitizer must report it, or the check is worthless.
    sed 's/self.door.fetch_sub(1, Ordering::SeqCst)/self.door.fetch_sub(1, Ordering::Relaxed)/
        s/self.0.door.load(Ordering::SeqCst)/self.0.door.load(Ordering::Relaxed)/' \
        crates/tract-winograd/src/team.rs >"$out/team.rs"
    echo '#[path = "team.rs"] mod team;' >>"$out/weak.rs"
    for crate in thread weak; do
        rustc --edition 2024 --test -O -g -A dead-code -Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer \
            --extern rustix="$rustix" -L dependency="${rustix%/*}" --target "$host" "$out/$crate.rs" -o "$out/$crate"
    done
    export TSAN_OPTIONS="suppressions=$out/harness"
    for _ in $(seq 20); do
        "$out/thread" --quiet
    done
    if "$out/weak" --quiet >"$out/weak.log" 2>&1 || ! grep -q 'data race.*Board' "$out/weak.log"; then
        echo "the thread sanitizer does not report an ordering that is too weak" >&2
        exit 1
    fi
}

"${1:?address or thread}"
