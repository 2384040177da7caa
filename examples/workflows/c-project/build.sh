#!/bin/sh
# Compiles what the cache does not hold yet, and links the program: build.sh CACHE OUT
set -eu
cache=$1 out=$2 compiled=0 objects=""
flags="-O2 -Wall -Wextra -Werror"
for source in calc.c parse.c; do
    # The same source, header, flags and compiler give the same object.
    key=$( (cat "$source" parse.h; echo "$flags"; gcc --version) | sha256sum | cut -c 1-32)
    object=$cache/$key.o
    if [ ! -e "$object" ]; then
        echo "compiling $source"
        # shellcheck disable=SC2086 # several words
        gcc $flags -c -o "$object.$$" "$source"
        mv "$object.$$" "$object"
        compiled=$((compiled + 1))
    else
        echo "$source is in the cache"
    fi
    objects="$objects $object"
done
# shellcheck disable=SC2086
gcc -o "$out/calc" $objects
echo "##wfe[output compiled=$compiled]"
