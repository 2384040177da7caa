#!/bin/sh
# Compiles each header of src/ and include/ alone, and the public ones as C++ too: a header is a
# contract and must not need another one before it. check-headers.sh BUILD: a configured and built
# folder, for the generated headers.
set -eu
cd "$(dirname "$0")/.."
build=${1:-build}
flags="-fsyntax-only -Wall -Wextra -Werror -D_GNU_SOURCE -Isrc -Iinclude -isystem $build/proto"
flags="$flags $(pkg-config --cflags libnghttp2 libprotobuf-c libuv jansson libssl sqlite3)"
jobs=$(nproc)
# -include and an empty main file, since "#pragma once in main file" and unused statics would warn.
# shellcheck disable=SC2086 # lists of words
{
    find src include -name '*.h' | LC_ALL=C sort |
        xargs -P "$jobs" -I{} "${CC:-cc}" -std=gnu17 $flags -include {} -x c /dev/null &&
        find include -name '*.h' | LC_ALL=C sort |
        xargs -P "$jobs" -I{} "${CXX:-c++}" -std=c++11 -Wpedantic $flags -include {} -x c++ /dev/null
} || {
    echo "headers: these do not compile alone" >&2
    exit 1
}
echo "headers: ok"
