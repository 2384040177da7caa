#!/bin/bash
# 1 GiB of stdout, as one line and as lines of 100 bytes, with wfe and with ctr, alternating: wall
# time and the client's peak memory, medians of RUNS (default 5), and the growth of wfe's memory
# over a step that prints nothing. The third kind is printed by a program that is itself slower than
# the way of its output: a kilobyte with each system call.
set -euo pipefail
build=$(cd "${1:-build}" && pwd)
runs=${RUNS:-5}
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck disable=SC2086 # commands are lists of words
# shellcheck source=bench/lib.sh
. "$here/lib.sh"

bench_daemon_start "$build"
image=docker.io/library/busybox:latest
one_line='dd if=/dev/zero bs=1M count=1024 2>/dev/null'
lines='f=/dev/shm/f; yes 012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678 | head -c 1048576 >$f; cat $(yes $f | head -n 1024)'
slow='head -c 1073741824 /dev/zero'
wfe="$build/wfe step --address $BENCH_SOCKET --image $image --"
ctr="ctr -a $BENCH_SOCKET run --rm --fifo-dir $BENCH_FIFOS $image"

for i in $(seq "$runs"); do
    bench_measure wfe-nothing $wfe true
    bench_measure wfe-one $wfe sh -c "$one_line"
    bench_measure ctr-one $ctr "one-$i" sh -c "$one_line"
    bench_measure wfe-lines $wfe sh -c "$lines"
    bench_measure ctr-lines $ctr "lines-$i" sh -c "$lines"
    bench_measure wfe-slow $wfe sh -c "$slow"
    bench_measure ctr-slow $ctr "slow-$i" sh -c "$slow"
done

growth() { awk -v a="$(bench_median "$1" 3)" -v b="$(bench_median wfe-nothing 3)" 'BEGIN {print a - b}'; }
echo "## 1 GiB of stdout, median of $runs"
echo
echo "| | wfe step, s | ctr run --rm, s | ratio (goal 0.9) | growth of wfe's memory, KB (goal 4,096) |"
echo "|---|---|---|---|---|"
for kind in one lines slow; do
    case $kind in
    one) name="one line" ;;
    lines) name="lines of 100 bytes" ;;
    slow) name="one line, by a slow program" ;;
    esac
    echo "| $name | $(bench_seconds wfe-$kind) | $(bench_seconds ctr-$kind) | $(bench_ratio wfe-$kind ctr-$kind) | $(growth wfe-$kind) |"
done
