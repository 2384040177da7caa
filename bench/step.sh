#!/bin/bash
# One step of `echo` with wfe and with ctr, alternating, on one private containerd with one image:
# wall time of whole commands, and the client's own CPU time and peak memory. Prints medians and
# the ratio. RUNS (default 20) counted runs of each, after 3 that are not counted.
set -euo pipefail
build=$(cd "${1:-build}" && pwd)
runs=${RUNS:-20}
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck disable=SC2086 # commands are lists of words
# shellcheck source=bench/lib.sh
. "$here/lib.sh"

bench_daemon_start "$build"
image=docker.io/library/busybox:latest

# measure NAME COMMAND...: runs it and appends "wall_ms cpu_ms peak_kb" to the file NAME.
measure() {
    local name=$1
    shift
    "$build/bench/measure" "$@" >>"$BENCH_DIR/$name"
}

# One run of each variant. ctr filters no system calls unless told to; wfe does unless told not to.
round() {
    local i=$1 wfe="$build/wfe step --address $BENCH_SOCKET --image $image"
    local ctr="ctr -a $BENCH_SOCKET run --rm"
    measure wfe $wfe -- echo hi
    measure ctr $ctr $image "bench-$i" echo hi
    measure wfe-plain $wfe --seccomp unconfined -- echo hi
    measure ctr-seccomp $ctr --seccomp $image "bench-s$i" echo hi
}

for i in 1 2 3; do round "warm-$i"; done
rm -f "$BENCH_DIR"/wfe* "$BENCH_DIR"/ctr*
for i in $(seq "$runs"); do round "$i"; done

# median NAME COLUMN
median() {
    awk -v c="$2" '{print $c}' "$BENCH_DIR/$1" | sort -n |
        awk '{v[NR]=$1} END {print NR%2 ? v[(NR+1)/2] : (v[NR/2]+v[NR/2+1])/2}'
}
ratio() { awk -v a="$(median "$1" 1)" -v b="$(median "$2" 1)" 'BEGIN {printf "%.3f", a/b}'; }
row() {
    echo "| $1 | $(median wfe "$2") | $(median wfe-plain "$2") | $(median ctr "$2") | $(median ctr-seccomp "$2") |"
}
echo "## One step of \`echo\`, median of $runs"
echo
echo "| | wfe step | wfe step, no filter | ctr run --rm | ctr run --rm --seccomp |"
echo "|---|---|---|---|---|"
row "wall, ms" 1
row "client CPU, ms" 2
row "client peak memory, KB" 3
echo
echo "| wall time of | ratio | goal |"
echo "|---|---|---|"
echo "| wfe step (filter, wfe-init) / ctr run --rm (neither) | $(ratio wfe ctr) | 0.75 |"
echo "| both without a system call filter | $(ratio wfe-plain ctr) | 0.75 |"
echo "| both with one | $(ratio wfe ctr-seccomp) | 0.75 |"
