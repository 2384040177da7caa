#!/bin/bash
# Runs every benchmark and writes bench/results.md: the machine, the versions, the tables.
set -euo pipefail
build=${1:-build}
here=$(cd "$(dirname "$0")" && pwd)
out=$here/results.md
{
    echo "# Benchmarks"
    echo
    echo "Written by \`make bench\` on $(date -u +%Y-%m-%d): $(nproc) processors, Linux $(uname -r | cut -d- -f1),"
    echo "$(containerd --version | awk '{print "containerd " $3}'), $(runc --version | head -1),"
    echo "$("$build/wfe" version). Alternating runs, medians; machines are noisy, so read the ratios."
    echo
    "$here/step.sh" "$build"
    echo
    "$here/stdout.sh" "$build"
    echo
    "$build/bench/engine"
    echo
    echo "## The store: SQLite, every commit synced, on the file system of ${TMPDIR:-/var/tmp}"
    echo
    "$build/bench/bench_store" "${TMPDIR:-/var/tmp}"
    echo
    "$here/runs.sh" "$build"
    echo
    "$here/pull.sh" "$build"
} | tee "$out.new"
mv "$out.new" "$out"
