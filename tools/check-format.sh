#!/bin/sh
# Is every C file in the repository formatted as .clang-format says. `make format` mends it.
set -eu
cd "$(dirname "$0")/.."
git ls-files -z '*.c' '*.h' | xargs -0 clang-format --dry-run -Werror || {
    echo "format: run make format" >&2
    exit 1
}
echo "format: ok"
