#!/bin/bash
# How long `wfe runs` and `wfe show` take, whole commands, in a state directory of many finished
# runs, and how long a run of a real workflow takes to record: runs.sh BUILD [RUNS].
set -euo pipefail
build=${1:-build}
runs=${2:-100000}
times=25
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=bench/lib.sh
. "$here/lib.sh"
BENCH_WFE=$build/wfe
BENCH_DIR=$(mktemp -d "${TMPDIR:-/var/tmp}/wfe-bench-runs.XXXXXX")
trap 'rm -rf "$BENCH_DIR"' EXIT
export WFE_STATE_DIR=$BENCH_DIR/state
mkdir -m 700 "$WFE_STATE_DIR"
"$build/bench/bench_store" --fill "$WFE_STATE_DIR" "$runs"
cat >"$BENCH_DIR/w.yaml" <<'END'
workflow:
  id: real
  version: 1
  steps:
    - {name: compile, config: {run: 'seq 100000; echo "##wfe[output version=1]"'}}
    - {name: test, config: {run: 'seq 1000 >&2; exit 1'}}
END
"$BENCH_WFE" run "$BENCH_DIR/w.yaml" >/dev/null 2>&1 || true

# row GOAL_MS ARGUMENTS...
row() {
    local goal=$1 name
    shift
    name=$(echo "$*" | tr -c 'a-z0-9\n' _)
    for ((i = 0; i < times; i++)); do
        bench_measure "$name" "$BENCH_WFE" "$@" 2>/dev/null
    done
    echo "| \`wfe $*\` | $(bench_median "$name" 1) | $(sort -n "$BENCH_DIR/$name" | tail -1 |
        cut -d' ' -f1) | $goal |"
}

echo "## Commands in a state directory of $runs finished runs"
echo
echo "| command | median, ms | most, ms | goal |"
echo "|---|---|---|---|"
row 50 runs
row 50 runs --json
row 50 runs --workflow build --state failed
row 50 runs --state open
row 50 runs --since 1h
row 20 show real-1
row 20 show real-1 --json
row 20 show nightly-7
row - logs real-1 test --stderr
row - runs --all --quiet
