#!/bin/sh
# Makes Debian packages: wfe, libwfe0 and libwfe-dev, for /usr, in build-deb/packages. A build of its
# own, since the folders of an installed system are chosen when it is configured.
set -eu
cd "$(dirname "$0")/.."
build=${BUILD_DEB:-build-deb}
[ -f "$build/build.ninja" ] ||
    cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_INSTALL_PREFIX=/usr \
        -DWFE_TESTS=OFF >/dev/null
cmake --build "$build" >/dev/null
rm -rf "$build/packages"
(cd "$build" && umask 022 && cpack -G DEB >cpack.log 2>&1) || {
    tail -20 "$build/cpack.log" >&2
    exit 1
}
for package in "$build"/packages/*.deb; do
    echo "made $package"
done
