#!/usr/bin/env bash
# Kills a run at every commit of the store, every call to containerd, every write of a log and every
# read of a stream, resumes it each time, and compares (tests/integration/test_chaos.c). CHAOS_POINTS
# (default: all) of each kind; `make check` tries a few. The last line is the sum.
set -uo pipefail
build=$(cd "${1:-build}" && pwd)
cmake --build "$build" --target integration_test_chaos >/dev/null || exit 1
parts=$(nproc)
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
pids=()
for part in $(seq "$parts"); do
    WFE_CHAOS_POINTS=${CHAOS_POINTS:-all} WFE_CHAOS_PART=$part/$parts \
        "$build/tests/integration_test_chaos" >"$logs/$part" 2>&1 &
    pids+=($!)
done
status=0
for pid in "${pids[@]}"; do wait "$pid" || status=1; done
if [ "$status" -ne 0 ]; then
    grep -ahE '^ERROR|^chaos:' "$logs"/* >&2
    echo "chaos: a run was not the same after a kill, or left something behind" >&2
    exit 1
fi
grep -ah '^chaos:' "$logs"/*
grep -ah '^chaos:' "$logs"/* | awk '{
    for (i = 2; i <= NF; i++)
        if ($i == "points") { n += $(i - 1); break }
} END { printf "%d points tried: nothing was lost, nothing was left\n", n }'
