#!/usr/bin/env bash
# Builds every target, or runs one for some seconds: fuzz/run.sh, fuzz/run.sh decode 600
# The flags are cargo-fuzz's, without the address sanitizer, which needs a nightly compiler; with one, `cargo fuzz` works too.
set -euo pipefail
cd "$(dirname "$0")"

export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Clink-dead-code -Cdebug-assertions -Coverflow-checks"
# A named target keeps the flags from build scripts and macros.
host=$(rustc -vV | sed -n 's/^host: //p')
cargo build --release --target "$host"

if [ $# -gt 0 ]; then
    python3 seeds.py
    mkdir -p "artifacts/$1"
    exec "target/$host/release/$1" -max_total_time="${2:-60}" -timeout=30 -max_len=65536 -rss_limit_mb=2048 \
        -artifact_prefix="artifacts/$1/" -dict=http.dict "corpus/$1"
fi
