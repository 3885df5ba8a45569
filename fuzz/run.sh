#!/usr/bin/env bash
# Builds every target, runs one for some seconds, or for 0 only over its corpus: fuzz/run.sh, fuzz/run.sh decode 600
set -euo pipefail
cd "$(dirname "$0")"

source ./flags.sh
# A named target keeps the flags from build scripts and macros.
host=$(rustc -vV | sed -n 's/^host: //p')
cargo build --release --locked --target "$host"

if [ $# -gt 0 ]; then
    python3 seeds.py
    mkdir -p "artifacts/$1"
    case $1 in
    decode) dictionary=pictures ;;
    load | derive) dictionary=onnx ;;
    *) dictionary=http ;;
    esac
    seconds=${2:-60}
    limit=-max_total_time=$seconds
    [ "$seconds" != 0 ] || limit=-runs=0
    exec "target/$host/release/$1" "$limit" -timeout=30 -max_len=65536 -rss_limit_mb=2048 \
        -artifact_prefix="artifacts/$1/" -dict="dictionaries/$dictionary.dict" "corpus/$1"
fi
