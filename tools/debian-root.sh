#!/bin/sh
# Makes a tar of a small Debian root file system with a C compiler and a database, of this
# machine's release and from its own apt source, or does nothing when OUT is there already and holds
# these packages: it takes half a minute and the network. Needs root.
#
#   tools/debian-root.sh OUT
#
# Ends with 77 and the reason when this machine cannot make one: no debootstrap, no apt source of
# Debian, or one that cannot be reached.
set -eu

[ $# -eq 1 ] || {
    echo "usage: debian-root.sh OUT" >&2
    exit 2
}
out=$1
packages=gcc,libc6-dev,redis-server
[ ! -s "$out" ] || [ "$(cat "$out.packages" 2>/dev/null)" != "$packages" ] || exit 0

cannot() {
    echo "debian-root: $*" >&2
    exit 77
}
[ "$(id -u)" = 0 ] || cannot "only root can make it"
command -v debootstrap >/dev/null || cannot "there is no debootstrap; install the package"

# "URL codename" of the first source that is Debian itself, rather than its updates or another's.
# shellcheck disable=SC2016 # apt's own variables
source=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(LABEL) $(COMPONENT)' \
    'Created-By: Packages' 2>/dev/null |
    awk '$3 == "Debian" && $4 == "main" && $2 !~ /-/ { print $1, $2; exit }')
[ -n "$source" ] || cannot "apt has no source of Debian; run apt-get update"
url=${source% *} suite=${source#* }

mkdir -p "$(dirname "$out")"
work=$(mktemp -d "$out.XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT
trap 'exit 1' HUP INT TERM
# Its own words of failure are many; the last lines tell.
if ! debootstrap --variant=minbase --include="$packages" "$suite" "$work/root" "$url" \
    >"$work/log" 2>&1; then
    cannot "debootstrap of $suite from $url failed: $(tail -n 2 "$work/log" | tr '\n' ' ')"
fi
# What it downloaded, and what nobody reads in a test; half of the size.
rm -rf "$work/root/var/cache/apt/archives/"*.deb "$work/root/var/lib/apt/lists/"* \
    "$work/root/usr/share/doc" "$work/root/usr/share/man" "$work/root/usr/share/locale"
# The way to the source that this machine itself takes.
apt-config dump Acquire::http::Proxy >"$work/root/etc/apt/apt.conf.d/00proxy" 2>/dev/null || :
# Device nodes are the runtime's to make.
tar -C "$work/root" --numeric-owner --exclude='./dev/*' -cf "$work/tar" .
rm -f "$out.packages"
mv "$work/tar" "$out"
echo "$packages" >"$out.packages"
