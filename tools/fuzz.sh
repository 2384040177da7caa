#!/usr/bin/env bash
# Builds the libFuzzer targets into build-fuzz/ with clang and runs each for FUZZ_SECONDS (60) from
# its corpus fuzz/corpus/<target>/; 0 only runs the corpus. What a run finds beyond the corpus goes to
# build-fuzz/corpus/<target>/, a crashing input to build-fuzz/crashes/. fuzz.sh [TARGET...]: only those.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
seconds=${FUZZ_SECONDS:-60}
build=${FUZZ_BUILD:-build-fuzz}
case $seconds in
'' | *[!0-9]*)
    echo "fuzz: FUZZ_SECONDS is '$seconds', must be a number of seconds" >&2
    exit 2
    ;;
esac

mkdir -p "$build"
if ! { cmake -S . -B "$build" -G Ninja -DCMAKE_C_COMPILER=clang -DWFE_FUZZ=ON -DWFE_SANITIZE=ON \
    -DWFE_WERROR=ON -DWFE_TESTS=OFF && cmake --build "$build" --target fuzz; } >"$build/build.log" 2>&1; then
    tail -n 100 "$build/build.log" >&2
    echo "fuzz: the build failed" >&2
    exit 1
fi

status=0
for source in fuzz/fuzz_*.c; do
    target=$(basename "$source" .c)
    if [ $# -gt 0 ]; then
        case " $* " in *" $target "*) ;; *) continue ;; esac
    fi
    found=$build/corpus/$target
    seeds=fuzz/corpus/$target
    mkdir -p "$found" "$build/crashes"
    log=$build/$target.log
    how=(-max_total_time="$seconds" "$found")
    [ "$seconds" -eq 0 ] && how=(-runs=0)
    [ -d "$seeds" ] && how+=("$seeds")
    if "$build/fuzz/$target" -max_len=65536 -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$build/crashes/$target-" "${how[@]}" >"$log" 2>&1; then
        executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
        echo "$target: ok, ${executions:-0} executions"
    else
        tail -n 60 "$log" >&2
        echo "$target: FAILED, see $log and $build/crashes/"
        status=1
    fi
done
exit $status
