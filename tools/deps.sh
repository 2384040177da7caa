#!/bin/sh
# Installs the packages of tools/deps.txt that are missing; silent when there is nothing to do.
# Uses sudo when not root. DEPS_LIST=1 only prints what is missing.
set -eu
here=$(dirname "$0")
missing=""
for package in $(sed -n 's/^\([a-z0-9][a-z0-9.+-]*\).*/\1/p' "$here/deps.txt"); do
    case $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true) in
    installed) ;;
    *) missing="$missing $package" ;;
    esac
done
if [ -z "$missing" ]; then
    exit 0
fi
if [ -n "${DEPS_LIST:-}" ]; then
    echo "missing:$missing"
    exit 0
fi
as_root=""
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "deps: these packages are missing and there is no sudo; as root, run:" >&2
        echo "  apt-get install --no-install-recommends$missing" >&2
        exit 1
    fi
    as_root=sudo
fi
echo "deps: installing$missing"
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq
# shellcheck disable=SC2086 # a list of words
$as_root apt-get install -y -qq --no-install-recommends $missing </dev/null >/dev/null
echo "deps: done"
