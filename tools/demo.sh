#!/bin/sh
# Shows wfe at work, from nothing: a containerd of its own if none answers, a small image made
# from Debian's busybox-static, one step.
#
#   tools/demo.sh BUILD     (make demo)
#
# DEMO_STOP=1 stops the private containerd at the end; else it stays for the next time.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:-build}" && pwd)
image=docker.io/library/busybox:latest

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
wfe() {
    $as_root env ${WFE_STATE_DIR:+"WFE_STATE_DIR=$WFE_STATE_DIR"} \
        ${WFE_CONTAINERD_ADDR:+"WFE_CONTAINERD_ADDR=$WFE_CONTAINERD_ADDR"} \
        ${CONTAINERD_ADDRESS:+"CONTAINERD_ADDRESS=$CONTAINERD_ADDRESS"} \
        ${CONTAINERD_NAMESPACE:+"CONTAINERD_NAMESPACE=$CONTAINERD_NAMESPACE"} \
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

# shellcheck disable=SC2016 # for the container's shell
script='echo "hello from a container"
echo "  user:     $(id)"
echo "  host:     $(hostname)"
echo "  system:   $(. /etc/os-release && echo "$PRETTY_NAME"), Linux $(uname -r)"
echo "  network:  $(ls /sys/class/net | xargs)"
echo "  processes: $(ls -d /proc/[0-9]* | wc -l)"
echo "##wfe[output greeting=hello]"'
say "running a step: wfe step --image $image --run '...'"
wfe step --image "$image" --name demo --run "$script"
say "the same, as a program sees it: wfe step --json"
wfe step --image "$image" --name demo --json --run 'echo "##wfe[output answer=42]"'

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
