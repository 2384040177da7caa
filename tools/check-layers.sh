#!/bin/sh
# Checks the #include lines of src/ and include/: who may use whom, and which file may name which
# library. Checks too that the library neither prints, nor exits, nor reads the environment. Prints
# each offence as file:line with the rule it breaks; exit 1 when there is one.
set -eu
cd "$(dirname "$0")/.."

# shellcheck disable=SC2016 # awk's own variables
find src include -name '*.[ch]' | LC_ALL=C sort | xargs awk '
BEGIN {
    # folder of src: the folders it may use beside itself ("generated": protobuf-c code)
    uses["base"] = ""
    uses["loop"] = "base"
    uses["grpc"] = "base loop"
    uses["containerd"] = "base loop grpc generated"
    # oci: the image config, a pure parser that both resolving and the process need
    uses["image"] = "base loop containerd oci"
    uses["oci"] = "base"
    uses["net"] = "base loop"
    uses["init"] = "" # a program of its own, without a libc; its files include each other by name
    uses["step"] = "base loop grpc containerd image oci net init generated"
    uses["workflow"] = "base"
    uses["store"] = "base"
    uses["engine"] = "base loop grpc containerd image oci net init step workflow store " \
                     "generated"
    # the command drives a run on a loop of its own, draws plans and events, lists stored runs
    uses["cli"] = "base loop containerd workflow store engine"

    # header of a library: the files that may include it
    library["^uv(\\.h|/)"] = "^src/loop/"
    library["^nghttp2/"] = "^src/grpc/"
    library["^openssl/"] = "^src/grpc/tls\\.c$"
    library["^nettle/"] = "^src/base/digest\\.c$"
    library["^protobuf-c/"] = "^src/containerd/"
    library["^archive(_entry)?\\.h"] = "^src/image/"
    library["^curl/"] = "^src/image/"
    library["^libfyaml"] = "^src/workflow/"
    library["^sqlite3"] = "^src/store/"
    library["^dlfcn\\.h"] = "^src/base/dynlib\\.c$"

    split("assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal " \
          "stdalign stdarg stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string tgmath " \
          "threads time uchar wchar wctype", names, " ")
    for (i in names)
        standard[names[i] ".h"] = 1
}
function offence(text) {
    printf "%s:%d: %s\n", FILENAME, FNR, text
    found = 1
}
function may_use(folder, other,    list, i, n) {
    if (folder == other)
        return 1
    n = split(uses[folder], list, " ")
    for (i = 1; i <= n; i++)
        if (list[i] == other)
            return 1
    return 0
}
FNR == 1 {
    split(FILENAME, path, "/")
    folder = path[1] == "src" ? path[2] : "include"
    if (folder != "include" && !(folder in uses)) {
        offence("src/" folder " is not in the table of tools/check-layers.sh")
        folder = "base"
    }
}
/^[ \t]*#[ \t]*include/ {
    quoted = $0 ~ /"/
    name = $0
    sub(/^[ \t]*#[ \t]*include[ \t]*["<]/, "", name)
    sub(/[">].*$/, "", name)
    other = name
    sub(/\/.*$/, "", other)
    if (folder == "include") {
        if (quoted || !((name in standard) || name ~ /^wfe\//))
            offence("a public header includes " name "; only C standard headers and <wfe/...> may be")
        next
    }
    if (!quoted) {
        for (pattern in library)
            if (name ~ pattern && FILENAME !~ library[pattern])
                offence("<" name "> may only be included by " library[pattern])
        if (other in uses)
            offence("write headers of src/ with quotes: \"" name "\"")
        next
    }
    if (name !~ /\// && folder == "init")
        next
    if (name !~ /\//)
        offence("\"" name "\" does not name its folder")
    else if (name ~ /\.pb-c\.h$/) {
        if (!may_use(folder, "generated"))
            offence("src/" folder " may not use generated code; it may use: " uses[folder])
    } else if (!(other in uses))
        offence("\"" name "\" is in no folder of src/")
    else if (!may_use(folder, other))
        offence("src/" folder " may not use src/" other "; it may use: " \
                (uses[folder] == "" ? "nothing of src/" : uses[folder]))
    next
}
folder != "include" && folder != "cli" {
    line = $0
    sub(/\/\/.*$/, "", line)
    if (line ~ /^ \*|^\/\*/)
        next
    if (match(line, /(^|[^a-zA-Z0-9_>.])(printf|vprintf|puts|putchar|perror|exit|quick_exit|getenv|secure_getenv|setenv|putenv)[ ]*\(/))
        offence("the library may not print, exit or use the environment: " substr(line, RSTART, RLENGTH) ")")
    if (line ~ /(^|[^a-zA-Z0-9_])(stdout|stderr)[ ]*[,)]/ && line ~ /(fprintf|fputs|fputc|fwrite|fflush)[ ]*\(/)
        offence("the library may not print")
}
END { exit found }
' || exit 1
echo "layers: ok"
