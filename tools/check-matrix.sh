#!/bin/sh
# Runs the integration tests against containerd 1.6, 1.7 and 2.x and writes
# docs/compatibility.md, a table of test by version. Fails when a test fails or is skipped.
#
#   tools/check-matrix.sh [--fetch] [BUILD]
#
# 1.6 is the containerd installed here (Debian 12); 1.7 and 2.x are Debian's packages of newer
# suites, downloaded through a private apt folder below build/matrix (nothing is installed) from
# the mirror that this machine's own apt uses. --fetch only downloads them. What wfe uses of
# containerd's API beyond that of 1.6 is compared with the definitions of the newest one as well.
set -eu
cd "$(dirname "$0")/.."
matrix=$PWD/build/matrix
fetch_only=no
if [ "${1:-}" = --fetch ]; then
    fetch_only=yes
    shift
fi
build=${1:-build}

say() { echo "check-matrix: $*"; }
die() {
    echo "check-matrix: $*" >&2
    exit 1
}

# The mirror that apt takes the main archive from.
mirror() {
    # shellcheck disable=SC2016 # apt's own variables
    apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' 2>/dev/null |
        sed -n 's/^Debian|Debian|//p' | sort -u | head -n 1
}

# apt with all of its folders below $matrix/apt.
private_apt() {
    apt-get -qq -o Dir::Etc::sourcelist="$matrix/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null \
        -o Dir::Etc::preferencesparts=/dev/null -o Dir::State="$matrix/apt/state" \
        -o Dir::State::status=/dev/null -o Dir::Cache="$matrix/apt/cache" \
        -o Acquire::Languages=none -o APT::Sandbox::User=root "$@"
}

prepare_apt() {
    [ ! -f "$matrix/apt/ready" ] || return 0
    uri=$(mirror)
    [ -n "$uri" ] || die "apt on this machine knows no Debian mirror (run apt-get update)"
    mkdir -p "$matrix/apt/state/lists/partial" "$matrix/apt/cache/archives/partial"
    for name in trixie sid; do
        echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri $name main"
    done >"$matrix/apt/sources.list"
    say "reading the package lists of trixie and sid from $uri"
    private_apt update || die "apt-get update of the private folder failed"
    touch "$matrix/apt/ready"
}

# fetch SUITE: containerd of that suite, unpacked into $matrix/SUITE.
fetch() {
    suite=$1
    [ ! -x "$matrix/$suite/usr/bin/containerd" ] || return 0
    prepare_apt
    say "downloading containerd of $suite"
    rm -rf "$matrix/$suite.part" && mkdir -p "$matrix/$suite.part/deb"
    (cd "$matrix/$suite.part/deb" && private_apt download "containerd/$suite")
    dpkg-deb -x "$matrix/$suite.part/deb/"containerd_*.deb "$matrix/$suite.part"
    rm -rf "${matrix:?}/$suite" && mv "$matrix/$suite.part" "$matrix/$suite"
}

# The definitions of the newest API, which tests/unit/proto_check.py compares its tables with.
fetch_api() {
    [ ! -d "$matrix/api/usr/share/gocode" ] || return 0
    prepare_apt
    say "downloading the definitions of containerd's API of sid"
    rm -rf "$matrix/api.part" && mkdir -p "$matrix/api.part/deb"
    (cd "$matrix/api.part/deb" &&
        private_apt download golang-github-containerd-containerd-api-dev/sid)
    dpkg-deb -x "$matrix/api.part/deb/"*.deb "$matrix/api.part"
    rm -rf "${matrix:?}/api" && mv "$matrix/api.part" "$matrix/api"
}

fetch trixie
fetch sid
fetch_api
[ "$fetch_only" = no ] || exit 0

say "comparing what is newer than 1.6 with the API of sid"
python3 tests/unit/proto_check.py newer /usr/share/gocode/src "$matrix/api/usr/share/gocode/src" ||
    die "the tables of tests/unit/proto_check.py are not those of containerd"

[ "$(id -u)" -eq 0 ] || die "the integration tests need root"
[ -x "$build/wfe" ] || die "there is no $build/wfe; run make"
results=$matrix/results
rm -rf "$results" && mkdir -p "$results"

# run_tests COLUMN FOLDER: all integration tests with the programs of FOLDER ("" for the
# system's); writes $results/COLUMN.cases, a line "test status" for each case.
failed=no
run_tests() {
    column=$1 folder=$2
    version=$(PATH="${folder:+$folder:}$PATH" containerd --version | cut -d ' ' -f 3)
    echo "$version" >"$results/$column.version"
    say "containerd $version: running the integration tests"
    if ! env ${folder:+"WFE_TEST_BINARIES=$folder"} \
        ctest --test-dir "$build" -L integration -j "$(nproc)" --verbose >"$results/$column.log" 2>&1; then
        failed=yes
        say "containerd $version: failed, see $results/$column.log"
    fi
    # cmocka's lines; the list of failures at the end of each program repeats some.
    sed -nE -e 's/^[0-9]+: \[       OK \] (test_[a-z0-9_]+)$/\1 pass/p' \
        -e 's/^[0-9]+: \[  FAILED  \] (test_[a-z0-9_]+)$/\1 **fail**/p' \
        -e 's/^[0-9]+: \[  SKIPPED \] (test_[a-z0-9_]+)$/\1 **skipped**/p' \
        "$results/$column.log" | sort -u >"$results/$column.cases"
    say "containerd $version: $(grep -c ' pass$' "$results/$column.cases" || true) passed," \
        "$(grep -vc ' pass$' "$results/$column.cases" || true) not"
}

run_tests a ""
run_tests b "$matrix/trixie/usr/bin"
run_tests c "$matrix/sid/usr/bin"

table() {
    cat <<END
# Compatibility

The integration tests against three versions of containerd, as \`make check-matrix\` ran them
(runc $(runc --version | sed -n 's/^runc version //p'), Linux $(uname -r | cut -d . -f 1-2)).
1.6 is Debian 12's, 1.7 Debian 13's, 2.x Debian unstable's.

| test | containerd $(cat "$results/a.version") | containerd $(cat "$results/b.version") | containerd $(cat "$results/c.version") |
|---|---|---|---|
END
    for column in a b c; do
        sed "s/^/$column /" "$results/$column.cases"
    done | awk '{ status[$1, $2] = $3; seen[$2] = 1 }
        function cell(column, name) {
            return (column, name) in status ? status[column, name] : "**missing**"
        }
        END {
            for (name in seen) {
                text = name
                sub(/^test_/, "", text)
                sub(/__/, ": ", text)
                gsub(/_/, " ", text)
                printf "| %s | %s | %s | %s |\n", text, cell("a", name), cell("b", name), \
                    cell("c", name)
            }
        }' | sort
}
mkdir -p docs
table >"$results/table"
mv "$results/table" docs/compatibility.md
say "wrote docs/compatibility.md: $(grep -c '^| [a-z]*:\|^| [a-z ]*:' docs/compatibility.md) tests"
if [ "$failed" = yes ] || grep -q '\*\*' docs/compatibility.md; then
    grep '\*\*' docs/compatibility.md >&2 || true
    die "not every test passed with every version"
fi
say "every test passed with every version"
