#!/usr/bin/env bash
# Builds every target, or runs one for some seconds: fuzz/run.sh, fuzz/run.sh decode 600
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
    exec "target/$host/release/$1" -max_total_time="${2:-60}" -timeout=30 -max_len=65536 -rss_limit_mb=2048 \
        -artifact_prefix="artifacts/$1/" -dict="dictionaries/$dictionary.dict" "corpus/$1"
fi
