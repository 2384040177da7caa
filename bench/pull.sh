#!/bin/bash
# Pull and unpack of an image of six layers, about 750 MB, from docker-registry on this machine,
# with wfe and with ctr, alternating, on one private containerd whose store is emptied in between:
# wall time and the client's CPU time and peak memory, medians of RUNS (default 5) after one of each
# that is not counted. The image is made of the files of installed Debian packages.
set -euo pipefail
build=$(cd "${1:-build}" && pwd)
runs=${RUNS:-5}
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck disable=SC2086 # commands are lists of words
# shellcheck source=bench/lib.sh
. "$here/lib.sh"

bench_daemon_start "$build"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >"$BENCH_DIR/registry.yml" <<END
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $BENCH_DIR/registry}}
http: {addr: "127.0.0.1:$port"}
END
docker-registry serve "$BENCH_DIR/registry.yml" >"$BENCH_DIR/registry.log" 2>&1 &
registry=$!
trap 'kill $registry; wait $registry 2>/dev/null || true; bench_daemon_stop' EXIT
for _ in $(seq 100); do
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
    sleep 0.1
done
python3 "$here/../tests/fixtures/registry_image.py" --level 6 "127.0.0.1:$port" bench latest debian >/dev/null
image=127.0.0.1:$port/bench:latest

empty() {
    ctr -a "$BENCH_SOCKET" images rm --sync $image >/dev/null
    sync
}
round() {
    bench_measure wfe "$build/wfe" pull --address "$BENCH_SOCKET" -q $image
    empty
    bench_measure ctr ctr -a "$BENCH_SOCKET" images pull --plain-http $image
    empty
}
round
rm -f "$BENCH_DIR/wfe" "$BENCH_DIR/ctr"
for _ in $(seq "$runs"); do round; done

row() { echo "| $1 | $(bench_median wfe "$2") | $(bench_median ctr "$2") |"; }
echo "## Pull of six layers, 750 MB unpacked, $(du -sm "$BENCH_DIR/registry" | cut -f 1) MB to fetch, median of $runs"
echo
echo "| | wfe pull | ctr image pull |"
echo "|---|---|---|"
row "wall, ms" 1
row "client CPU, ms" 2
row "client peak memory, KB" 3
echo
echo "| | found | goal |"
echo "|---|---|---|"
echo "| wall time of wfe pull / ctr image pull | $(bench_ratio wfe ctr) | 0.75 |"
echo "| peak memory of wfe pull, MB | $(bench_median wfe 3 | awk '{printf "%.0f", $1 / 1024}') | 32 |"
