#!/usr/bin/env bash
# Builds every fuzz target and runs one of them.
#
#   fuzz/run.sh                builds only
#   fuzz/run.sh decode 600     runs decode for 600 seconds
#   fuzz/run.sh decode 0       runs decode once over its corpus
set -euo pipefail
cd "$(dirname "$0")"

source ./flags.sh
# With a named target, the flags do not apply to build scripts and macros.
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
