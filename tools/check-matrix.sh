#!/bin/sh
# Runs the integration tests against containerd 1.6, 1.7 and 2.x and writes
# docs/compatibility.md, a table of test by version. Fails when a test fails or is skipped.
#
#   tools/check-matrix.sh [--fetch] [BUILD]
#
# 1.6 is the containerd installed here (Debian 12); 1.7 and 2.x are Debian's packages of newer
# suites, downloaded through a private apt folder below build/matrix (nothing is installed) from
# the mirror that this machine's own apt uses. --fetch only downloads them.
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

fetch trixie
fetch sid
[ "$fetch_only" = no ] || exit 0
