#!/usr/bin/env bash
# Runs the tests of crates/tract-kernels, which holds all unsafe code, under a sanitizer. It uses
# the stable compiler, which brings the runtimes of the sanitizers.
#
#   scripts/sanitize.sh address   every test, in the build folder of fuzz/run.sh
#   scripts/sanitize.sh thread    the tests of the thread pool
#
# The tests have not been run under miri. It needs a component of the nightly compiler, and it
# supports few vector instructions.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_INCREMENTAL=0 RUSTC_BOOTSTRAP=1
host=$(rustc -vV | sed -n 's/^host: //p')

address() {
    # The flags of the fuzz targets, so that the dependencies are compiled once for both.
    source fuzz/flags.sh
    # Without the documentation tests, which are compiled without these flags.
    CARGO_TARGET_DIR=fuzz/target cargo test --release --locked --target "$host" \
        -p tract-kernels --lib --tests
}

# The standard library is not instrumented. So what an Arc and the test harness do between threads
# looks like a race, and so does what a Mutex protects while threads wait for it: the affinity of a
# worker. All other reads and writes of the thread pool are checked.
thread() {
    local out=target/sanitize pool=crates/tract-kernels/src/thread_pool rustix
    mkdir -p "$out"
    # The thread pool uses rustix only to name a core to the system; rustix shares no memory between
    # threads.
    rustix=$(env -u RUSTC_BOOTSTRAP cargo build --release --locked --message-format json |
        sed -n 's|.*"\([^"]*/librustix-[^"]*\.rlib\)".*|\1|p' | tail -n 1)
    printf 'race:%s\n' alloc::sync::Arc test::event library/test/src \
        affinity::system::ThreadAffinity >"$out/suppressions"
    # A copy in which the ordering of an atomic is too weak. The sanitizer must find that race;
    # otherwise it would find nothing at all.
    rm -rf "$out/weak_pool"
    cp -r "$pool" "$out/weak_pool"
    sed -i 's/self.entry.fetch_sub(1, Ordering::SeqCst)/self.entry.fetch_sub(1, Ordering::Relaxed)/
        s/self.0.entry.load(Ordering::SeqCst)/self.0.entry.load(Ordering::Relaxed)/' \
        "$out/weak_pool/job_slot.rs"
    echo "#[path = \"../../$pool/mod.rs\"] mod thread_pool;" >"$out/thread.rs"
    echo '#[path = "weak_pool/mod.rs"] mod thread_pool;' >"$out/weak.rs"
    for crate in thread weak; do
        rustc --edition 2024 --test -O -g -A dead-code -Zsanitizer=thread \
            -Cunsafe-allow-abi-mismatch=sanitizer --extern rustix="$rustix" \
            -L dependency="${rustix%/*}" --target "$host" "$out/$crate.rs" -o "$out/$crate"
    done
    # A backtrace would be printed by the standard library, under a lock that is not instrumented.
    export TSAN_OPTIONS="suppressions=$out/suppressions" RUST_BACKTRACE=0
    for _ in $(seq 20); do
        "$out/thread" --quiet
    done
    if "$out/weak" --quiet >"$out/weak.log" 2>&1 ||
        ! grep -q 'data race.*JobSlot' "$out/weak.log"; then
        echo "the thread sanitizer does not find the race of a weak ordering" >&2
        exit 1
    fi
}

"${1:?address or thread}"
