#!/bin/sh
# Makes a small image archive from Debian's busybox-static: no network, no other tool than tar.
# The same options give the same bytes.
#
#   tools/busybox-image.sh [options] OUT
#     --format oci|docker   an OCI image layout (default) or what `docker save` writes
#     --layers N            1 to 64; each layer above the first adds the file /layers/N
#     --compress none|gzip  of the layers
#     --name NAME           default docker.io/library/busybox:latest; "" for none
#     --arch LIST           default this machine's; several, separated by commas, make a
#                           multi-platform image of the same files (oci only)
#     --whiteouts           one more layer that deletes /layers/2 and all of /opaque but one file
#     --config JSON         the object "config" of the image config, in place of a PATH and "sh"
#     --file PATH=TEXT      a file in the lowest layer, made or replaced; repeatable. A script, that
#                           begins with "#!", can be executed
#     --link PATH=TARGET    the same for a symbolic link
#     --base TAR            the lowest layer is this tar of a root file system instead of busybox
set -eu

format=oci layers=1 compress=none name=docker.io/library/busybox:latest archs="" whiteouts=no base=""
image_config='{"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],"Cmd":["sh"]}'
die() {
    echo "busybox-image: $*" >&2
    exit 1
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
mkdir "$work/root"

add_entry() { # file|link PATH=TEXT
    case $2 in /* | =* | *..*=*) die "the path in '$2' must be one inside of the image" ;; esac
    case $2 in *=*) ;; *) die "'$2' is not PATH=TEXT" ;; esac
    mkdir -p "$work/root/$(dirname "${2%%=*}")"
    case $1 in
    file)
        printf %s "${2#*=}" >"$work/root/${2%%=*}"
        case ${2#*=} in "#!"*) chmod 755 "$work/root/${2%%=*}" ;; esac
        ;;
    link) ln -s "${2#*=}" "$work/root/${2%%=*}" ;;
    esac
}

umask 022
while [ $# -gt 1 ]; do
    case $1 in
    --format) format=$2 && shift 2 ;;
    --layers) layers=$2 && shift 2 ;;
    --compress) compress=$2 && shift 2 ;;
    --name) name=$2 && shift 2 ;;
    --arch) archs=$2 && shift 2 ;;
    --whiteouts) whiteouts=yes && shift ;;
    --config) image_config=$2 && shift 2 ;;
    --file) add_entry file "$2" && shift 2 ;;
    --link) add_entry link "$2" && shift 2 ;;
    --base) base=$2 && shift 2 ;;
    *) die "unknown option '$1'" ;;
    esac
done
[ $# -eq 1 ] || die "usage: busybox-image.sh [options] OUT"
out=$1
case $format in oci | docker) ;; *) die "--format is '$format', must be oci or docker" ;; esac
case $compress in none | gzip) ;; *) die "--compress is '$compress', must be none or gzip" ;; esac
case $layers in *[!0-9]* | "") die "--layers is '$layers', must be 1 to 64" ;; esac
if [ "$layers" -lt 1 ] || [ "$layers" -gt 64 ]; then
    die "--layers is $layers, must be 1 to 64"
fi

busybox=""
for candidate in /bin/busybox /usr/bin/busybox; do
    [ -z "$busybox" ] && [ -x $candidate ] && busybox=$candidate
done
[ -n "$busybox$base" ] || die "there is no busybox; install the package busybox-static"

machine_arch() {
    case $(uname -m) in
    x86_64) echo amd64 ;;
    aarch64) echo arm64 ;;
    armv7l) echo arm ;;
    i?86) echo 386 ;;
    *) uname -m ;;
    esac
}
[ -n "$archs" ] || archs=$(machine_arch)

image=$work/image
mkdir "$image"

pack() { # FOLDER FILE: a tar of the folder's content, the same bytes each time
    # shellcheck disable=SC2046 # a list of names without spaces
    tar -C "$1" --format=ustar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner \
        -cf "$2" $(cd "$1" && ls -A)
}
hash_of() { sha256sum "$1" | cut -d ' ' -f 1; }
size_of() { stat -c %s "$1"; }

new() { # FILE: standard input, unless an option has made it
    [ -e "$1" ] || [ -L "$1" ] || cat >"$1"
}

make_base() { # FOLDER
    root=$1
    mkdir -p "$root/bin" "$root/etc" "$root/root" "$root/tmp" "$root/opaque" "$root/home/app" \
        "$root/var" "$root/usr"
    chmod 1777 "$root/tmp"
    cp "$busybox" "$root/bin/busybox"
    chmod 755 "$root/bin/busybox"
    # shellcheck disable=SC2016 # for the inner shell
    (cd "$root/bin" && "$busybox" sh -c 'for applet in $(./busybox --list); do
        [ "$applet" = busybox ] || ln -s busybox "$applet"; done')
    echo old >"$root/opaque/old"
    new "$root/etc/passwd" <<'END'
root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
app:x:1000:1000:app:/home/app:/bin/sh
nobody:x:65534:65534:nobody:/nonexistent:/bin/false
END
    new "$root/etc/group" <<'END'
root:x:0:
daemon:x:1:
app:x:1000:
extra:x:2000:app
nogroup:x:65534:
END
    new "$root/etc/os-release" <<'END'
ID=busybox
NAME="BusyBox"
PRETTY_NAME="BusyBox test image"
END
}

# Layers: $work/layer.1, ... and their diff IDs (hash of the plain tar), comma-separated.
diff_ids="" n=0
add_layer() { # FOLDER or TAR
    n=$((n + 1))
    if [ -d "$1" ]; then
        pack "$1" "$work/layer.$n"
        rm -rf "$1"
    else
        cp "$1" "$work/layer.$n"
    fi
    diff_ids="$diff_ids${diff_ids:+,}\"sha256:$(hash_of "$work/layer.$n")\""
    if [ "$compress" = gzip ]; then
        gzip -n "$work/layer.$n"
        mv "$work/layer.$n.gz" "$work/layer.$n"
    fi
}

if [ -n "$base" ]; then
    add_layer "$base"
else
    make_base "$work/root"
    add_layer "$work/root"
fi
i=2
while [ "$i" -le "$layers" ]; do
    mkdir -p "$work/root/layers"
    echo "layer $i" >"$work/root/layers/$i"
    add_layer "$work/root"
    i=$((i + 1))
done
if [ "$whiteouts" = yes ]; then
    mkdir -p "$work/root/layers" "$work/root/opaque"
    : >"$work/root/layers/.wh.2"
    : >"$work/root/opaque/.wh..wh..opq"
    echo new >"$work/root/opaque/new"
    add_layer "$work/root"
fi

config() { # ARCH
    printf '{"architecture":"%s","os":"linux","created":"1970-01-01T00:00:00Z",' "$1"
    printf '"config":%s,"rootfs":{"type":"layers","diff_ids":[%s]}}' "$image_config" "$diff_ids"
}

blobs=$image/blobs/sha256
put_blob() { # FILE: moves it among the blobs, prints digest and size
    blob_hash=$(hash_of "$1")
    blob_size=$(size_of "$1")
    mv "$1" "$blobs/$blob_hash"
    printf '"digest":"sha256:%s","size":%s' "$blob_hash" "$blob_size"
}

make_oci() {
    mkdir -p "$blobs"
    media=application/vnd.oci.image
    layer_type=$media.layer.v1.tar
    [ "$compress" = none ] || layer_type=$layer_type+gzip
    layer_list=""
    i=1
    while [ "$i" -le "$n" ]; do
        layer_list="$layer_list${layer_list:+,}{\"mediaType\":\"$layer_type\",$(put_blob "$work/layer.$i")}"
        i=$((i + 1))
    done
    manifests=""
    for arch in $(echo "$archs" | tr , ' '); do
        config "$arch" >"$work/config"
        printf '{"schemaVersion":2,"mediaType":"%s","config":{"mediaType":"%s",%s},"layers":[%s]}' \
            $media.manifest.v1+json $media.config.v1+json "$(put_blob "$work/config")" \
            "$layer_list" >"$work/manifest"
        target="\"mediaType\":\"$media.manifest.v1+json\",$(put_blob "$work/manifest")"
        platform="\"platform\":{\"os\":\"linux\",\"architecture\":\"$arch\"}"
        manifests="$manifests${manifests:+,}{$target,$platform}"
    done
    case $archs in
    *,*)
        printf '{"schemaVersion":2,"mediaType":"%s","manifests":[%s]}' $media.index.v1+json \
            "$manifests" >"$work/index"
        target="\"mediaType\":\"$media.index.v1+json\",$(put_blob "$work/index")"
        ;;
    *) target="$target,$platform" ;;
    esac
    names=""
    [ -z "$name" ] || names=",\"annotations\":{\"io.containerd.image.name\":\"$name\",\"org.opencontainers.image.ref.name\":\"${name##*:}\"}"
    printf '{"schemaVersion":2,"mediaType":"%s","manifests":[{%s%s}]}' $media.index.v1+json \
        "$target" "$names" >"$image/index.json"
    printf '{"imageLayoutVersion":"1.0.0"}' >"$image/oci-layout"
}

make_docker() {
    config "$archs" >"$work/config"
    config_name=$(hash_of "$work/config").json
    mv "$work/config" "$image/$config_name"
    list=""
    i=1
    while [ "$i" -le "$n" ]; do
        layer=$(hash_of "$work/layer.$i")
        mkdir -p "$image/$layer"
        mv "$work/layer.$i" "$image/$layer/layer.tar"
        echo 1.0 | tr -d '\n' >"$image/$layer/VERSION"
        list="$list${list:+,}\"$layer/layer.tar\""
        i=$((i + 1))
    done
    tags=null
    [ -z "$name" ] || tags="[\"${name#docker.io/library/}\"]"
    printf '[{"Config":"%s","RepoTags":%s,"Layers":[%s]}]' "$config_name" "$tags" "$list" \
        >"$image/manifest.json"
}

case $format,$archs in docker,*,*) die "--format docker holds one architecture only" ;; esac
"make_$format"
pack "$image" "$work/out"
mv "$work/out" "$out"
