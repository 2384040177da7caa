#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares the messages and rpcs of wfe's .proto files with those of containerd.

usage: proto_check.py check|mutate OUR_PROTO_DIR GO_SOURCE_DIR < table of rpcs
       proto_check.py newer GO_SOURCE_DIR NEWER_GO_SOURCE_DIR

The table has a line for each rpc that the C code calls: path, C type of the request, C type of the
reply, "unary", "stream" or "bidi". Both sides are compiled by protoc to descriptor sets, which are
read here without any library. "mutate" moves every field of ours to another number, one at a time,
and expects each to be noticed. "newer" compares the tables of this file, of what came after the
installed version, with the sources of a newer containerd. Exit 0: as it should be; 1: differences, one a line; 77: containerd's
files are not installed.
"""
import copy
import os
import subprocess
import sys
import tempfile

TYPES = dict(enumerate(
    "- double float int64 uint64 int32 fixed64 fixed32 bool string group message bytes uint32 enum "
    "sfixed32 sfixed64 sint32 sint64".split()))

# What containerd got after the version that Debian 12 has: number, type, repeated. A message or rpc
# of ours that is not in the installed files must be here as well.
NEWER_FIELDS = {
    "containerd.types.Platform.os_version": (4, "string", False),
    "containerd.types.Platform.os_features": (5, "string", True),
    "containerd.services.introspection.v1.ServerResponse.pid": (2, "uint64", False),
    "containerd.services.introspection.v1.ServerResponse.pidns": (3, "uint64", False),
    "containerd.services.introspection.v1.ServerResponse.deprecations":
        (4, "containerd.services.introspection.v1.DeprecationWarning", True),
    "containerd.services.introspection.v1.DeprecationWarning.id": (1, "string", False),
    "containerd.services.introspection.v1.DeprecationWarning.message": (2, "string", False),
    "containerd.services.introspection.v1.DeprecationWarning.last_occurrence":
        (3, "google.protobuf.Timestamp", False),
    "containerd.services.introspection.v1.PluginInfoRequest.type": (1, "string", False),
    "containerd.services.introspection.v1.PluginInfoRequest.id": (2, "string", False),
    "containerd.services.introspection.v1.PluginInfoRequest.options":
        (3, "google.protobuf.Any", False),
    "containerd.services.introspection.v1.PluginInfoResponse.plugin":
        (1, "containerd.services.introspection.v1.Plugin", False),
    "containerd.services.introspection.v1.PluginInfoResponse.extra":
        (2, "google.protobuf.Any", False),
    "containerd.services.images.v1.CreateImageRequest.source_date_epoch":
        (2, "google.protobuf.Timestamp", False),
    "containerd.services.images.v1.UpdateImageRequest.source_date_epoch":
        (3, "google.protobuf.Timestamp", False),
    "containerd.services.images.v1.DeleteImageRequest.target":
        (3, "containerd.types.Descriptor", False),
    "containerd.services.snapshots.v1.CommitSnapshotRequest.parent": (5, "string", False),
    "containerd.services.diff.v1.ApplyRequest.sync_fs": (4, "bool", False),
    "containerd.services.diff.v1.DiffRequest.source_date_epoch":
        (6, "google.protobuf.Timestamp", False),
    "containerd.services.containers.v1.Container.sandbox": (11, "string", False),
    "containerd.services.tasks.v1.CreateTaskRequest.task_api_address": (11, "string", False),
    "containerd.services.tasks.v1.CreateTaskRequest.task_api_version": (12, "uint32", False),
    "containerd.services.transfer.v1.TransferRequest.source": (1, "google.protobuf.Any", False),
    "containerd.services.transfer.v1.TransferRequest.destination":
        (2, "google.protobuf.Any", False),
    "containerd.services.transfer.v1.TransferRequest.options":
        (3, "containerd.services.transfer.v1.TransferOptions", False),
    "containerd.services.transfer.v1.TransferOptions.progress_stream": (1, "string", False),
    "containerd.services.streaming.v1.StreamInit.id": (1, "string", False),
    "containerd.types.transfer.OCIRegistry.reference": (1, "string", False),
    "containerd.types.transfer.OCIRegistry.resolver":
        (2, "containerd.types.transfer.RegistryResolver", False),
    "containerd.types.transfer.RegistryResolver.auth_stream": (1, "string", False),
    "containerd.types.transfer.RegistryResolver.headers": (2, "wfe.Pair", True),
    "containerd.types.transfer.RegistryResolver.host_dir": (3, "string", False),
    "containerd.types.transfer.RegistryResolver.default_scheme": (4, "string", False),
    "containerd.types.transfer.ImageStore.name": (1, "string", False),
    "containerd.types.transfer.ImageStore.labels": (2, "wfe.Pair", True),
    "containerd.types.transfer.ImageStore.platforms": (3, "containerd.types.Platform", True),
    "containerd.types.transfer.ImageStore.unpacks":
        (10, "containerd.types.transfer.UnpackConfiguration", True),
    "containerd.types.transfer.UnpackConfiguration.platform":
        (1, "containerd.types.Platform", False),
    "containerd.types.transfer.UnpackConfiguration.snapshotter": (2, "string", False),
    "containerd.types.transfer.AuthRequest.host": (1, "string", False),
    "containerd.types.transfer.AuthRequest.reference": (2, "string", False),
    "containerd.types.transfer.AuthRequest.wwwauthenticate": (3, "string", True),
    "containerd.types.transfer.AuthResponse.authType":
        (1, "containerd.types.transfer.AuthType", False),
    "containerd.types.transfer.AuthResponse.secret": (2, "string", False),
    "containerd.types.transfer.AuthResponse.username": (3, "string", False),
    "containerd.types.transfer.AuthResponse.expire_at": (4, "google.protobuf.Timestamp", False),
    "containerd.types.transfer.Progress.event": (1, "string", False),
    "containerd.types.transfer.Progress.name": (2, "string", False),
    "containerd.types.transfer.Progress.parents": (3, "string", True),
    "containerd.types.transfer.Progress.progress": (4, "int64", False),
    "containerd.types.transfer.Progress.total": (5, "int64", False),
    "containerd.types.transfer.Progress.desc": (6, "containerd.types.Descriptor", False),
    "io.containerd.cgroups.v2.MemoryStat.max_usage": (36, "uint64", False),
    "io.containerd.cgroups.v2.MemoryEvents.oom_group_kill": (6, "uint64", False),
}
NEWER_RPCS = {
    "/containerd.services.introspection.v1.Introspection/PluginInfo":
        ("containerd.services.introspection.v1.PluginInfoRequest",
         "containerd.services.introspection.v1.PluginInfoResponse", False, False),
    "/containerd.services.transfer.v1.Transfer/Transfer":
        ("containerd.services.transfer.v1.TransferRequest", "google.protobuf.Empty", False, False),
    "/containerd.services.streaming.v1.Streaming/Stream":
        ("google.protobuf.Any", "google.protobuf.Any", True, True),
}
NEWER_ENUMS = {
    "containerd.types.transfer.AuthType": {"NONE": 0, "CREDENTIALS": 1, "REFRESH": 2, "HEADER": 3},
}
# What is newer even than the newest containerd that these tables can be compared with (2.1).
UNRELEASED = {
    "containerd.types.Platform.os_features",
    "containerd.services.snapshots.v1.CommitSnapshotRequest.parent",
    "containerd.services.tasks.v1.CreateTaskRequest.task_api_address",
    "containerd.services.tasks.v1.CreateTaskRequest.task_api_version",
}
# Entries of maps, written as messages of their own.
PAIRS = {"wfe.Pair": "string", "wfe.AnyPair": "google.protobuf.Any"}


def members(data):
    """The (number, value) pairs of one encoded message."""
    at = 0

    def varint():
        nonlocal at
        shift = value = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        tag = varint()
        if tag & 7 == 0:
            yield tag >> 3, varint()
        else:
            assert tag & 7 == 2, "descriptors hold varints and bytes only"
            length = varint()
            yield tag >> 3, data[at:at + length]
            at += length


def grouped(data):
    out = {}
    for number, value in members(data):
        out.setdefault(number, []).append(value)
    return out


class Schema:
    """Everything of a descriptor set that reaches the wire, by full name."""

    def __init__(self, path):
        self.fields = {}    # message -> {field name: (number, type, repeated)}
        self.enums = {}     # enum -> {value name: number}
        self.rpcs = {}      # path -> (request, reply, client streams, server streams)
        self.map_types = {}  # synthetic map entry -> type of its value
        self.c_types = {}   # message -> C type, lower case without underscores
        with open(path, "rb") as file:
            for _, data in members(file.read()):
                self.add_file(grouped(data))

    def add_file(self, file):
        package = file.get(2, [b""])[0].decode()
        options = grouped(file.get(8, [b""])[0])
        c_package = grouped(options.get(1019, [b""])[0]).get(6, [b""])[0].decode()
        for message in file.get(4, []):
            self.add_message(package, c_package, grouped(message))
        for enum in file.get(5, []):
            self.add_enum(package, grouped(enum))
        for service in file.get(6, []):
            service = grouped(service)
            for method in map(grouped, service.get(2, [])):
                path = f"/{package}.{service[1][0].decode()}/{method[1][0].decode()}"
                self.rpcs[path] = (method[2][0].decode()[1:], method[3][0].decode()[1:],
                                   bool(method.get(5, [0])[0]), bool(method.get(6, [0])[0]))

    def add_enum(self, scope, enum):
        self.enums[f"{scope}.{enum[1][0].decode()}"] = {
            value[1][0].decode(): value.get(2, [0])[0] for value in map(grouped, enum[2])}

    def add_message(self, scope, c_scope, message):
        name = f"{scope}.{message[1][0].decode()}"
        c_name = c_scope + message[1][0].decode()
        fields = {}
        for field in map(grouped, message.get(2, [])):
            kind = TYPES[field[5][0]]
            if kind in ("message", "enum"):
                kind = field[6][0].decode()[1:]
            fields[field[1][0].decode()] = (field[3][0], kind, field[4][0] == 3)
        self.fields[name] = fields
        self.c_types[name] = c_name.replace("_", "").lower()
        for nested in message.get(3, []):
            self.add_message(name, c_name, grouped(nested))
        for enum in message.get(4, []):
            self.add_enum(name, grouped(enum))
        if grouped(message.get(7, [b""])[0]).get(7) == [1]:
            self.map_types[name] = fields["value"][1]


def same_field(ours, theirs, upstream):
    if ours == theirs:
        return True
    number, kind, repeated = ours
    return (kind in PAIRS and repeated and theirs[2] and number == theirs[0]
            and upstream.map_types.get(theirs[1]) == PAIRS[kind])


def compare_messages(ours, upstream):
    for message, fields in ours.fields.items():
        if message in PAIRS:
            wanted = {"key": (1, "string", False), "value": (2, PAIRS[message], False)}
            if fields != wanted:
                yield f"{message}: {fields}, must be {wanted}"
            continue
        for name, field in fields.items():
            full = f"{message}.{name}"
            theirs = upstream.fields.get(message, {}).get(name) or NEWER_FIELDS.get(full)
            if theirs is None:
                yield f"{full}: not in containerd"
            elif not same_field(field, theirs, upstream):
                yield f"{full}: {field}, containerd has {theirs}"
        if message not in upstream.fields and not any(
                full.startswith(message + ".") for full in NEWER_FIELDS):
            yield f"{message}: not in containerd"


def compare_enums(ours, upstream):
    for enum, values in ours.enums.items():
        theirs = upstream.enums.get(enum) or NEWER_ENUMS.get(enum)
        if values != theirs:
            yield f"{enum}: {values}, containerd has {theirs}"


def compare_rpcs(ours, upstream):
    for path, rpc in ours.rpcs.items():
        theirs = upstream.rpcs.get(path) or NEWER_RPCS.get(path)
        if rpc != theirs:
            yield f"{path}: {rpc}, containerd has {theirs}"


def compare_table(ours, table):
    """The rpcs the C code calls are those of our files, all of them, with the same types."""
    kinds = {(False, False): "unary", (False, True): "stream", (True, True): "bidi"}
    called = set()
    for path, request, reply, kind in table:
        called.add(path)
        if path not in ours.rpcs:
            yield f"{path}: called, but in no .proto file"
            continue
        rpc = ours.rpcs[path]
        wanted = (ours.c_types[rpc[0]], ours.c_types[rpc[1]], kinds[rpc[2:]])
        found = (request.replace("_", "").lower(), reply.replace("_", "").lower(), kind)
        if found != wanted:
            yield f"{path}: the table of calls has {found}, the .proto file {wanted}"
    for path in sorted(set(ours.rpcs) - called):
        yield f"{path}: in a .proto file, but not called"


def compare(ours, upstream, table):
    yield from compare_messages(ours, upstream)
    yield from compare_enums(ours, upstream)
    yield from compare_rpcs(ours, upstream)
    yield from compare_table(ours, table)


def unnoticed_changes(ours, upstream):
    """Each of our fields, moved to a number nobody uses, that the comparison does not notice."""
    for message, fields in ours.fields.items():
        for name, (number, kind, repeated) in fields.items():
            changed = copy.copy(ours)
            changed.fields = {message: dict(fields, **{name: (number + 1000, kind, repeated)})}
            if not list(compare_messages(changed, upstream)):
                yield f"{message}.{name}: another number was not noticed"


def compare_tables(newer):
    """The tables of this file against a newer containerd."""
    for full, field in NEWER_FIELDS.items():
        message, name = full.rsplit(".", 1)
        theirs = newer.fields.get(message, {}).get(name)
        if full in UNRELEASED or message.startswith("io.containerd.cgroups"):
            continue
        if theirs is None:
            yield f"{full}: not in the newer containerd"
        elif not same_field(field, theirs, newer):
            yield f"{full}: {field}, the newer containerd has {theirs}"
    for path, rpc in NEWER_RPCS.items():
        if newer.rpcs.get(path) != rpc:
            yield f"{path}: {rpc}, the newer containerd has {newer.rpcs.get(path)}"
    for enum, values in NEWER_ENUMS.items():
        if newer.enums.get(enum) != values:
            yield f"{enum}: {values}, the newer containerd has {newer.enums.get(enum)}"


def check_newer(go_dir, newer_dir):
    folder = "github.com/containerd/containerd/api"
    with tempfile.TemporaryDirectory() as tmp:
        newer = compile_set(
            os.path.join(tmp, "newer"),
            [newer_dir, "/usr/include", os.path.join(go_dir, "github.com/gogo/googleapis"),
             os.path.join(go_dir, "github.com/gogo/protobuf")],
            list(proto_files(newer_dir, folder + "/services", folder + "/types")),
            "--include_imports")
    found = list(compare_tables(newer))
    print("\n".join(found) if found else
          f"{len(NEWER_FIELDS)} newer fields, {len(NEWER_RPCS)} newer rpcs")
    return 1 if found else 0


def proto_files(root, *folders):
    for folder in folders:
        for path, _, names in sorted(os.walk(os.path.join(root, folder))):
            for name in sorted(names):
                if name.endswith(".proto") and "ttrpc" not in path:
                    yield os.path.relpath(os.path.join(path, name), root)


def compile_set(out, roots, files, *options):
    subprocess.run(["protoc", *("-I" + root for root in roots), *options, "-o", out, *files],
                   check=True, stderr=subprocess.DEVNULL)
    return Schema(out)


def main():
    mode, our_dir, go_dir = sys.argv[1:]
    if mode == "newer":
        return check_newer(our_dir, go_dir)
    containerd = "github.com/containerd/containerd"
    if not os.path.isdir(os.path.join(go_dir, containerd, "api")):
        print(f"no {containerd}/api below {go_dir}")
        return 77
    table = [line.split() for line in sys.stdin if line.strip()]
    with tempfile.TemporaryDirectory() as tmp:
        ours = compile_set(os.path.join(tmp, "ours"), [our_dir, "/usr/include"],
                           list(proto_files(our_dir, "")))
        upstream = compile_set(
            os.path.join(tmp, "upstream"),
            [go_dir, os.path.join(go_dir, "github.com/gogo/protobuf"), "/usr/include",
             os.path.join(go_dir, "github.com/gogo/googleapis")],
            [*proto_files(go_dir, containerd + "/api"),
             containerd + "/runtime/v2/runc/options/oci.proto",
             "github.com/containerd/cgroups/stats/v1/metrics.proto",
             "github.com/containerd/cgroups/v2/stats/metrics.proto", "google/rpc/status.proto"],
            "--include_imports")
    found = list(compare(ours, upstream, table) if mode == "check"
                 else unnoticed_changes(ours, upstream))
    print("\n".join(found) if found else
          f"{sum(map(len, ours.fields.values()))} fields of {len(ours.fields)} messages, "
          f"{len(ours.rpcs)} rpcs")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
