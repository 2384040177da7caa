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

# One run of each variant. ctr filters no system calls unless told to; wfe does unless told not to.
round() {
    local i=$1 wfe="$build/wfe step --address $BENCH_SOCKET --image $image"
    local ctr="ctr -a $BENCH_SOCKET run --rm --fifo-dir $BENCH_FIFOS"
    bench_measure wfe $wfe -- echo hi
    bench_measure ctr $ctr $image "bench-$i" echo hi
    bench_measure wfe-plain $wfe --seccomp unconfined -- echo hi
    bench_measure ctr-seccomp $ctr --seccomp $image "bench-s$i" echo hi
}

for i in 1 2 3; do round "warm-$i"; done
rm -f "$BENCH_DIR"/wfe* "$BENCH_DIR"/ctr*
for i in $(seq "$runs"); do round "$i"; done

row() {
    echo "| $1 | $(bench_median wfe "$2") | $(bench_median wfe-plain "$2") | $(bench_median ctr "$2") | $(bench_median ctr-seccomp "$2") |"
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
echo "| wfe step (filter, wfe-init) / ctr run --rm (neither) | $(bench_ratio wfe ctr) | 0.75 |"
echo "| both without a system call filter | $(bench_ratio wfe-plain ctr) | 0.75 |"
echo "| both with one | $(bench_ratio wfe ctr-seccomp) | 0.75 |"
