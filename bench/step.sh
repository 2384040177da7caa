#!/bin/bash
# One step of `echo` with wfe and with ctr, alternating, on one private containerd with one image:
# wall time of whole commands, and the client's own CPU time and peak memory. Prints medians and
# the ratio. RUNS (default 20) counted runs of each, after 3 that are not counted.
set -euo pipefail
build=$(cd "${1:-build}" && pwd)
runs=${RUNS:-20}
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=bench/lib.sh
. "$here/lib.sh"

bench_daemon_start "$build"
image=docker.io/library/busybox:latest
echo_wfe() { "$build/wfe" step --address "$BENCH_SOCKET" --image $image -- echo hi; }
echo_ctr() { ctr -a "$BENCH_SOCKET" run --rm $image "bench-$1" echo hi; }

# usage COMMAND...: runs it and appends "wall_ms cpu_ms peak_kb" to $out
measure() {
    out=$1
    shift
    "$build/bench/measure" "$@" >>"$out"
}

for i in 1 2 3; do
    echo_wfe >/dev/null
    echo_ctr "warm-$i" >/dev/null
done
for i in $(seq "$runs"); do
    measure "$BENCH_DIR/wfe" "$build/wfe" step --address "$BENCH_SOCKET" --image $image -- echo hi
    measure "$BENCH_DIR/ctr" ctr -a "$BENCH_SOCKET" run --rm $image "bench-$i" echo hi
done

# median FILE COLUMN
median() { awk -v c="$2" '{print $c}' "$1" | sort -n | awk '{v[NR]=$1} END {print NR%2 ? v[(NR+1)/2] : (v[NR/2]+v[NR/2+1])/2}'; }
ratio=$(awk -v a="$(median "$BENCH_DIR/wfe" 1)" -v b="$(median "$BENCH_DIR/ctr" 1)" 'BEGIN {printf "%.3f", a/b}')
echo "| step of echo, median of $runs | wfe | ctr run --rm |"
echo "|---|---|---|"
echo "| wall, ms | $(median "$BENCH_DIR/wfe" 1) | $(median "$BENCH_DIR/ctr" 1) |"
echo "| client CPU, ms | $(median "$BENCH_DIR/wfe" 2) | $(median "$BENCH_DIR/ctr" 2) |"
echo "| client peak memory, KB | $(median "$BENCH_DIR/wfe" 3) | $(median "$BENCH_DIR/ctr" 3) |"
echo "| wall ratio | $ratio (goal 0.75) | 1 |"
