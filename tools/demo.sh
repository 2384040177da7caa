#!/bin/sh
# Shows wfe at work, from nothing: a containerd of its own if none answers, a small image made
# from Debian's busybox-static, a workflow of several containers.
#
#   tools/demo.sh BUILD     (make demo)
#
# The run is left as a page, BUILD/demo.html.
# DEMO_STOP=1 stops the private containerd at the end; else it stays for the next time.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:-build}" && pwd)
image=docker.io/library/busybox:latest
workflow=examples/workflows/demo.yaml
report=$build/demo.html

say() { printf 'demo: %s\n' "$*"; }
die() {
    echo "demo: $*" >&2
    exit 1
}
[ -x "$build/wfe" ] || die "there is no $build/wfe; run make"

as_root=""
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "containers need root here, and there is no sudo"
    as_root=sudo
    say "containers need root: wfe is run with sudo"
fi
# What the user set for wfe and for the terminal goes through sudo.
wfe() {
    $as_root env ${WFE_STATE_DIR:+"WFE_STATE_DIR=$WFE_STATE_DIR"} \
        ${WFE_IO_DIR:+"WFE_IO_DIR=$WFE_IO_DIR"} \
        ${XDG_STATE_HOME:+"XDG_STATE_HOME=$XDG_STATE_HOME"} \
        ${WFE_CONTAINERD_ADDR:+"WFE_CONTAINERD_ADDR=$WFE_CONTAINERD_ADDR"} \
        ${CONTAINERD_ADDRESS:+"CONTAINERD_ADDRESS=$CONTAINERD_ADDRESS"} \
        ${CONTAINERD_NAMESPACE:+"CONTAINERD_NAMESPACE=$CONTAINERD_NAMESPACE"} \
        ${CONTAINERD_SNAPSHOTTER:+"CONTAINERD_SNAPSHOTTER=$CONTAINERD_SNAPSHOTTER"} \
        ${TERM:+"TERM=$TERM"} ${NO_COLOR:+"NO_COLOR=$NO_COLOR"} \
        ${LANG:+"LANG=$LANG"} ${LC_ALL:+"LC_ALL=$LC_ALL"} \
        "$build/wfe" "$@"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

if images=$(wfe image ls 2>"$work/why"); then
    say "containerd answers"
else
    say "no containerd answers ($(head -n 1 "$work/why"))"
    if [ -n "${WFE_CONTAINERD_ADDR:-}${CONTAINERD_ADDRESS:-}" ]; then
        die "an address is set in the environment, so no private containerd is started"
    fi
    say "starting a private one: wfe daemon start"
    wfe daemon start
    images=$(wfe image ls)
fi

case $images in
*"$image"*) say "the image $image is there" ;;
*)
    say "making an image from busybox-static: tools/busybox-image.sh"
    "$here/busybox-image.sh" --name "$image" "$work/busybox.tar"
    say "bringing it in: wfe image import"
    wfe image import "$work/busybox.tar"
    ;;
esac

cd "$here/.."
say "one step: wfe step --image $image --run 'echo hello from \$(hostname)'"
# shellcheck disable=SC2016 # for the container's shell
wfe step --image "$image" --run 'echo hello from $(hostname)'
say "a workflow: wfe run $workflow -i channel=stable --jobs 4 --report $report"
wfe run "$workflow" -i channel=stable --jobs 4 --report "$report"
say "the same run as a page: $report"

# A containerd that somebody else started is not touched.
case $(wfe daemon status) in
running*)
    if [ "${DEMO_STOP:-}" = 1 ]; then
        say "stopping the private containerd: wfe daemon stop"
        wfe daemon stop
    else
        say "the private containerd goes on; to stop it: ${as_root:+$as_root }$build/wfe daemon stop"
    fi
    ;;
esac
