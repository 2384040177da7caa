# shellcheck shell=bash
# What the benchmarks share: a private containerd with the busybox image in it, in a folder of its
# own that is removed at the end. FIFOs are on a tmpfs, as below /run on a machine that has booted;
# BENCH_FIFOS is for those of ctr.
bench_daemon_start() {
    local build=$1 here
    here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
    BENCH_DIR=$(mktemp -d /tmp/wfe-bench.XXXXXX)
    BENCH_SHM=$(mktemp -d /dev/shm/wfe-bench.XXXXXX)
    BENCH_FIFOS=$BENCH_SHM/fifos
    export WFE_STATE_DIR=$BENCH_DIR/state WFE_IO_DIR=$BENCH_SHM/io
    trap 'bench_daemon_stop' EXIT
    BENCH_WFE=$build/wfe
    BENCH_SOCKET=$("$BENCH_WFE" daemon start --json | sed -n 's/.*"address":"\([^"]*\)".*/\1/p')
    "$here/../tools/busybox-image.sh" "$BENCH_DIR/busybox.tar"
    "$BENCH_WFE" image import --address "$BENCH_SOCKET" "$BENCH_DIR/busybox.tar" >/dev/null
}

bench_daemon_stop() {
    "$BENCH_WFE" daemon stop --force >/dev/null || true
    rm -rf "$BENCH_DIR" "$BENCH_SHM"
}

# bench_measure NAME COMMAND...: runs it with its output thrown away and appends "wall_ms cpu_ms
# peak_kb" to the file NAME of the benchmark's folder.
bench_measure() {
    local name=$1
    shift
    "$(dirname "$BENCH_WFE")/bench/measure" "$@" >>"$BENCH_DIR/$name"
}

# bench_median NAME COLUMN
bench_median() {
    awk -v c="$2" '{print $c}' "$BENCH_DIR/$1" | sort -n |
        awk '{v[NR]=$1} END {print NR%2 ? v[(NR+1)/2] : (v[NR/2]+v[NR/2+1])/2}'
}

# bench_ratio A B: of the medians of their wall times.
bench_ratio() {
    awk -v a="$(bench_median "$1" 1)" -v b="$(bench_median "$2" 1)" 'BEGIN {printf "%.3f", a/b}'
}
bench_seconds() { awk -v a="$(bench_median "$1" 1)" 'BEGIN {printf "%.2f", a/1000}'; }
