#!/usr/bin/env bash
# Everything a change must pass: the layer, header and format checks, then all unit, component and
# integration tests in a plain build (build/) and in one with AddressSanitizer and
# UndefinedBehaviorSanitizer (build-asan/). One line per check and test program; the last line is
# the totals. With CI set, warnings are errors, the fuzz corpora are run, and a skipped test fails.
#
# CHECK_TESTS=REGEX runs only the test programs that match (see `ctest -R`).
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
jobs=$(nproc)
# A good part of a test's time is waiting: for containerd, for a timeout that it is about.
test_jobs=$((jobs + (jobs + 1) / 2))
ci=${CI:-}
[ "$ci" = false ] && ci=
werror=OFF
[ -n "$ci" ] && werror=ON
status=0
logs=()

fail() {
    echo "check: $1" >&2
    status=1
}

# One step with its output in a file, shown only when it fails.
step() {
    local what=$1 log=$2 start=$SECONDS
    shift 2
    if "$@" >"$log" 2>&1; then
        echo "$what: ok ($((SECONDS - start)) s)"
    else
        tail -n 200 "$log" >&2
        fail "$what failed"
        return 1
    fi
}

build() {
    local folder=$1 log=$1/build.log
    shift
    mkdir -p "$folder"
    rm -f "$folder/check.log" "$folder/totals.txt"
    step "configure $folder" "$folder/configure.log" \
        cmake -S . -B "$folder" -G Ninja -DWFE_WERROR=$werror -DWFE_TESTS=ON "$@" &&
        step "build $folder" "$log" cmake --build "$folder" -j "$jobs"
}

# The output of each test program that failed, from ctest's log.
show_failures() {
    local log=$1 number
    sed -nE 's/^ *[0-9]+\/[0-9]+ Test +#([0-9]+): .*\*\*\*.*/\1/p' "$log" | while read -r number; do
        grep -qE "^ *[0-9]+/[0-9]+ Test +#$number: .*\*\*\*Skipped" "$log" && continue
        echo "---- $(sed -nE "s/^ *[0-9]+\/[0-9]+ Test +#$number: ([^ ]+) .*/\1/p" "$log" | head -n 1)"
        grep -a "^$number: " "$log" | cut -d' ' -f2- | grep -avE '^\[ +(RUN|OK) +\]' | tail -n 200
    done >&2
}

run_tests() {
    local folder=$1 log=$1/check.log
    echo "tests in $folder:"
    ctest --test-dir "$folder" -V -j "$test_jobs" --no-tests=error --timeout 600 \
        ${CHECK_TESTS:+-R "$CHECK_TESTS"} 2>&1 | tee "$log" |
        grep -a --line-buffered -E '^ *[0-9]+/[0-9]+ Test +#'
    local rc=${PIPESTATUS[0]}
    logs+=("$log")
    if [ "$rc" -ne 0 ]; then
        show_failures "$log"
        fail "tests in $folder failed"
    fi
}

export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:detect_stack_use_after_return=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}

tools/check-layers.sh || fail "layers"
tools/check-format.sh || fail "format"
if build build; then
    tools/check-headers.sh build || fail "headers"
    built=1
fi
build build-asan -DWFE_SANITIZE=ON && built_asan=1
if [ -n "$ci" ]; then
    FUZZ_SECONDS=0 step "fuzz corpora, built with clang" build/fuzz.log tools/fuzz.sh
fi
[ -n "${built:-}" ] && run_tests build
[ -n "${built_asan:-}" ] && run_tests build-asan

if [ ${#logs[@]} -eq 0 ]; then
    totals="0 passed, 1 failed"
else
    totals=$(tools/totals.sh "${logs[@]}")
    tools/totals.sh --failed "${logs[@]}" | sed 's/^/failed: /' >&2
    tools/totals.sh --skipped "${logs[@]}" | sed 's/^/skipped: /'
    case $totals in
    *skipped) [ -n "$ci" ] && fail "a skipped test is a failure in CI" ;;
    esac
    case $totals in
    *" 0 failed"*) ;;
    *) status=1 ;;
    esac
fi
echo "$totals" >build/totals.txt
echo "$totals"
exit $status
