# shellcheck shell=bash
# What the benchmarks share: a private containerd with the busybox image in it, in a folder of its
# own that is removed at the end.
bench_daemon_start() {
    local build=$1 here
    here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
    BENCH_DIR=$(mktemp -d /tmp/wfe-bench.XXXXXX)
    export WFE_STATE_DIR=$BENCH_DIR/state WFE_IO_DIR=$BENCH_DIR/io
    trap 'bench_daemon_stop' EXIT
    BENCH_WFE=$build/wfe
    BENCH_SOCKET=$("$BENCH_WFE" daemon start --json | sed -n 's/.*"address":"\([^"]*\)".*/\1/p')
    "$here/../tools/busybox-image.sh" "$BENCH_DIR/busybox.tar"
    "$BENCH_WFE" image import --address "$BENCH_SOCKET" "$BENCH_DIR/busybox.tar" >/dev/null
}

bench_daemon_stop() {
    "$BENCH_WFE" daemon stop --force >/dev/null || true
    rm -rf "$BENCH_DIR"
}
