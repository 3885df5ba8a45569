#!/usr/bin/env bash
# The tests of crates/tract-winograd, which holds all unsafe code, under sanitizers; on the stable compiler, with which
# their runtimes come.
#
#   scripts/sanitize.sh address   every test, in what fuzz/run.sh has compiled
#   scripts/sanitize.sh thread    those of the threads that share an operator
#
# Under miri they have not run: it needs a component of the nightly compiler, and knows few vector instructions.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_INCREMENTAL=0 RUSTC_BOOTSTRAP=1
host=$(rustc -vV | sed -n 's/^host: //p')

address() {
    # The flags of the fuzz targets, so that the dependencies are compiled once for both.
    source fuzz/flags.sh
    # Not its documentation, which is compiled without these flags.
    CARGO_TARGET_DIR=fuzz/target cargo test --release --locked --target "$host" -p tract-winograd --lib --tests
}

# The standard library is not instrumented, so that what an Arc and the test harness do among their threads looks like a
# race, and so does what lies behind a Mutex that is waited for: a helper's seat. Whatever else team.rs itself reads and
# writes is seen.
thread() {
    local out=target/sanitize rustix
    mkdir -p "$out"
    # What names a core to the system; nothing in it is shared.
    rustix=$(env -u RUSTC_BOOTSTRAP cargo build --release --locked --message-format json | sed -n 's|.*"\([^"]*/librustix-[^"]*\.rlib\)".*|\1|p' | tail -n 1)
    printf 'race:%s\n' alloc::sync::Arc test::event library/test/src cores::system::Seat >"$out/harness"
    echo '#[path = "../../crates/tract-winograd/src/cores.rs"] mod cores;' | tee "$out/thread.rs" >"$out/weak.rs"
    echo '#[path = "../../crates/tract-winograd/src/team.rs"] mod team;' >>"$out/thread.rs"
    # An ordering that is too weak must be found, or nothing would.
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
        echo "the thread sanitizer does not see a door that keeps nobody out" >&2
        exit 1
    fi
}

"${1:?address or thread}"
