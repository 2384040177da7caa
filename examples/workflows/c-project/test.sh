#!/bin/sh
# Runs the program and compares: test.sh PROGRAM
set -eu
calc=$1 tests=0
expect() { # EXPRESSION RESULT
    tests=$((tests + 1))
    got=$("$calc" "$1" 2>&1) || got="error: $got"
    if [ "$got" != "$2" ]; then
        echo "not ok $tests - '$1' gave '$got', expected '$2'"
        exit 1
    fi
    echo "ok $tests - $1 = $2"
}
expect '1 + 2' 3
expect '2 + 3 * 4' 14
expect '(2 + 3) * 4' 20
expect '-7 / 2' -3
expect '1 / 0' 'error: division by zero'
expect '1 +' 'error: a number is missing'
echo "##wfe[output tests=$tests]"
