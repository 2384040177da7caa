/* SPDX-License-Identifier: Apache-2.0
 *
 * The rows of the table of keys; only keys.c includes this file.
 *
 * X(scope, key, member, kind, detail, default, doc)
 */
#ifndef WFE_WORKFLOW_KEYS_TABLE_H
#define WFE_WORKFLOW_KEYS_TABLE_H

#include "base/duration.h"

#define MS_MAX ((double)WFE_DURATION_MAX_MS)
#define GIB (1024.0 * 1024 * 1024)
#define PIDS_MAX 4194304

/* Details of a row. */
#define FREE .min = 0
#define RANGE(lo, hi) .min = (lo), .max = (hi)
#define ONE_OF(list) .words = (list)
#define OF(name) .sub = WFE_SCOPE_##name
#define WRITTEN(text) .words = (text)

#define FILE_KEYS(X)                                                                               \
    X(FILE, workflow, workflow, MAP, OF(WORKFLOW), NULL, "the workflow, when there is one")        \
    X(FILE, workflows, workflows, LIST, OF(WORKFLOW), NULL,                                        \
      "several workflows, in place of `workflow`; the first is the one that runs unless another "  \
      "is named")                                                                                  \
    X(FILE, include, include, NODE, WRITTEN("list of texts"), NULL,                                \
      "files whose workflows are added, relative to this one; this file's win, then those that "   \
      "come first")

#define WORKFLOW_KEYS(X)                                                                           \
    X(WORKFLOW, id, id, TEXT, FREE, "required",                                                    \
      "its name for `wfe run FILE ID` and `workflow` "                                             \
      "steps")                                                                                     \
    X(WORKFLOW, name, name, TEXT, FREE, NULL, "a title for people")                                \
    X(WORKFLOW, version, version, COUNT, RANGE(0, 4294967294.0), "required",                       \
      "counts up when the workflow changes; `workflow_version` of a step asks for it")             \
    X(WORKFLOW, description, description, TEXT, FREE, NULL, "what it is for")                      \
    X(WORKFLOW, inputs, inputs, TYPES, FREE, NULL,                                                 \
      "what a run is given, each with its type: `string`, `number`, `integer`, `bool`, `any`, "    \
      "`list<T>`, `map<T>`; `T?` may be absent")                                                   \
    X(WORKFLOW, outputs, outputs, TYPES, FREE, NULL, "what a run gives, each an output of a step") \
    X(WORKFLOW, services, services, TABLE, OF(SERVICE), NULL,                                      \
      "containers that live as long as the run, by name")                                          \
    X(WORKFLOW, secrets, secrets, TABLE, OF(SECRET), NULL,                                         \
      "values that are never shown, by name, for the steps that list them")                        \
    X(WORKFLOW, shared_volume, shared_volume, MAP, OF(SHARED_VOLUME), NULL,                        \
      "a folder that all containers of a run share")                                               \
    X(WORKFLOW, error_behavior, error_behavior, MAP, OF(ERROR_BEHAVIOR), NULL,                     \
      "for the steps that have none of their own")                                                 \
    X(WORKFLOW, steps, steps, LIST, OF(STEP), "required", "what it does, one after another")       \
    X(WORKFLOW, on_success, on_success, STEP, FREE, NULL, "a step after a run that succeeded")     \
    X(WORKFLOW, on_failure, on_failure, STEP, FREE, NULL, "a step after a run that failed")        \
    X(WORKFLOW, ensure, ensure, STEP, FREE, NULL,                                                  \
      "a step at the end of every run: success, failure, timeout, cancel")                         \
    X(WORKFLOW, timeout, timeout_ms, DURATION, RANGE(1, MS_MAX), NULL, "of a run")                 \
    X(WORKFLOW, fail_fast, fail_fast, BOOL, FREE, "false",                                         \
      "a step that fails cancels those that run at the same time")

#define STEP_KEYS(X)                                                                               \
    X(STEP, name, name, TEXT, RANGE(1, 128), "required",                                           \
      "unique in the workflow, hooks and children included; at most 128 bytes")                    \
    X(STEP, type, type, TEXT, ONE_OF("containerd|shell|workflow"), "shell",                        \
      "what the step is: a container, a process on this host, or another workflow")                \
    X(STEP, config, config, NODE, WRITTEN("map, by `type`"), NULL, "what the step does")           \
    X(STEP, parallel, parallel, LIST, OF(STEP), NULL,                                              \
      "a block, in place of `type` and `config`: its steps run at the same time")                  \
    X(STEP, needs, needs, NODE, WRITTEN("list of texts"), "the step before it",                    \
      "the steps it waits for; `[]` waits for none")                                               \
    X(STEP, when, when, CONDITION, FREE, NULL,                                                     \
      "the step is skipped when this is not true; what needs it goes on; one with `((item))` is "  \
      "asked for each item")                                                                       \
    X(STEP, for_each, for_each, NODE, WRITTEN("list, or path of one"), NULL,                       \
      "runs the step once for each item of a list or of an output (`.outputs.targets`); "          \
      "`((item))`, `((item.key))` and `((index))` are replaced")                                   \
    X(STEP, max_items, max_items, COUNT, RANGE(1, 100000), "1000",                                 \
      "more items of `for_each` than this are an error")                                           \
    X(STEP, max_parallel, max_parallel, COUNT, RANGE(1, 100000), NULL,                             \
      "items or children of a block that run at once")                                             \
    X(STEP, inputs, inputs, LIST, OF(INPUT), NULL,                                                 \
      "names of data the step uses; means nothing, since a step sees all data of the steps it "    \
      "waited for")                                                                                \
    X(STEP, outputs, outputs, LIST, OF(OUTPUT), NULL, "outputs it must give, with their types")    \
    X(STEP, secrets, secrets, NODE, WRITTEN("list of names or of maps"), NULL,                     \
      "secrets it is given: a name is also its variable")                                          \
    X(STEP, retry, retry, MAP, OF(RETRY), NULL, "tries again when it fails")                       \
    X(STEP, error_behavior, error_behavior, MAP, OF(ERROR_BEHAVIOR), NULL,                         \
      "what follows when it fails for good")                                                       \
    X(STEP, allow_failure, allow_failure, BOOL, FREE, "false",                                     \
      "its failure does not fail the "                                                             \
      "run")                                                                                       \
    X(STEP, fail_fast, fail_fast, BOOL, FREE, "false",                                             \
      "of a block or `for_each`: a child that fails cancels the others")                           \
    X(STEP, timeout, timeout_ms, DURATION, RANGE(1, MS_MAX), NULL,                                 \
      "of the step with all its attempts; `timeout` in `config` is of one attempt")                \
    X(STEP, on_success, on_success, STEP, FREE, NULL, "a step that runs when it succeeded")        \
    X(STEP, on_failure, on_failure, STEP, FREE, NULL, "a step that runs when it failed for good")  \
    X(STEP, ensure, ensure, STEP, FREE, NULL,                                                      \
      "a step that runs at its end: success, failure, timeout, cancel")

#define C container.options
#define CONTAINERD_KEYS(X)                                                                         \
    X(CONTAINERD, image, C.image, TEXT, FREE, "required",                                          \
      "image to run, tried as given, then as docker writes it")                                    \
    X(CONTAINERD, run, C.run, TEXT, FREE, NULL,                                                    \
      "script for the shell, in place of the image's "                                             \
      "ENTRYPOINT and CMD")                                                                        \
    X(CONTAINERD, command, C.command, TEXTS, FREE, NULL,                                           \
      "argv, in place of ENTRYPOINT and CMD; not together with `run`")                             \
    X(CONTAINERD, args, C.args, TEXTS, FREE, NULL, "argv, in place of CMD only")                   \
    X(CONTAINERD, shell, C.shell, TEXT_OR_TEXTS, FREE, "/bin/sh -c", "what `run` is given to")     \
    X(CONTAINERD, env, C.env, TEXTS_OR_PAIRS, FREE, NULL,                                          \
      "environment, on top of the image's and of the data")                                        \
    X(CONTAINERD, volumes, volumes, LIST, OF(VOLUME), NULL, "bind mounts, also as `SRC:DST[:ro]`") \
    X(CONTAINERD, working_dir, C.working_dir, TEXT, FREE, "the image's, else `/`",                 \
      "made when it is not there")                                                                 \
    X(CONTAINERD, user, C.user, TEXT, FREE, "65534:65534",                                         \
      "`uid`, `uid:gid`, `name`, `name:group`, or `image` for the image's own")                    \
    X(CONTAINERD, strict, C.strict, BOOL, FREE, "false",                                           \
      "a user that cannot be resolved is an "                                                      \
      "error")                                                                                     \
    X(CONTAINERD, network, network, TEXT, WRITTEN("none|host|bridge|cni:NAME"), "none",            \
      "`none`: only loopback, or the run's own with services; `host`; `bridge`; `cni:NAME`")       \
    X(CONTAINERD, memory, C.memory, SIZE_TEXT, RANGE(6.0 * 1024 * 1024, 1024 * 1024 * GIB), NULL,  \
      "memory, without swap beyond it")                                                            \
    X(CONTAINERD, cpu, C.cpu, NUMBER_TEXT, RANGE(0.01, 4096), NULL, "processors: `0.5`, `2`")      \
    X(CONTAINERD, pids, C.pids, COUNT_TEXT, RANGE(1, PIDS_MAX), NULL, "processes and threads")     \
    X(CONTAINERD, pull, pull, TEXT, WRITTEN("always|if-not-present|never"), "if-not-present",      \
      "when the image is fetched")                                                                 \
    X(CONTAINERD, containerd_addr, container.containerd_addr, TEXT, FREE, "the run's",             \
      "containerd: `/path`, `unix:///path`, `tcp://h:p`, `http://h:p`, `https://h:p`")             \
    X(CONTAINERD, tls, tls, MAP, OF(TLS), NULL,                                                    \
      "PEM files for a TCP address; the run's are for the run's address alone")                    \
    X(CONTAINERD, registry_auth, registry_auth, TABLE, OF(REGISTRY_AUTH), NULL,                    \
      "user and password, by registry host")                                                       \
    X(CONTAINERD, timeout, C.timeout_ms, DURATION, RANGE(1, MS_MAX), NULL,                         \
      "of an attempt: TERM, `grace`, KILL")                                                        \
    X(CONTAINERD, grace, C.grace_ms, DURATION, RANGE(1, MS_MAX), "10s", "between TERM and KILL")   \
    X(CONTAINERD, init, init, BOOL, FREE, "true",                                                  \
      "wfe-init is process 1: it passes signals on and reaps orphans")                             \
    X(CONTAINERD, stdin, container.stdin_text, TEXT, FREE, NULL, "text for its standard input")    \
    X(CONTAINERD, output_limit, output_limit_bytes, BYTES, RANGE(1, 64.0 * 1024 * 1024), "1m",     \
      "bytes of each stream kept for the result")                                                  \
    X(CONTAINERD, privileged, C.privileged, BOOL, FREE, "false", "no confinement at all")          \
    X(CONTAINERD, cap_add, C.cap_add, TEXTS, FREE, NULL, "capabilities on top of the usual ones")  \
    X(CONTAINERD, cap_drop, C.cap_drop, TEXTS, FREE, NULL, "capabilities to take away")            \
    X(CONTAINERD, allow_new_privileges, C.allow_new_privileges, BOOL, FREE, "false",               \
      "set-user-ID programs work")                                                                 \
    X(CONTAINERD, seccomp, C.seccomp, TEXT, FREE, "default",                                       \
      "`default`, `unconfined`, or the JSON of a profile")                                         \
    X(CONTAINERD, apparmor, C.apparmor, TEXT, FREE, "one that fits, if loaded",                    \
      "name of a loaded profile, or `unconfined`")                                                 \
    X(CONTAINERD, read_only, C.read_only, BOOL, FREE, "false",                                     \
      "the root file system is read-only; `/tmp`, `/var/tmp` and `/run` are in memory then")       \
    X(CONTAINERD, tmpfs, C.tmpfs, TEXT_OR_TEXTS, FREE, NULL,                                       \
      "file systems in memory: `DIR[:OPTIONS]`")                                                   \
    X(CONTAINERD, shm_size, C.shm_size, SIZE_TEXT, RANGE(4096, 1024 * 1024 * GIB), "64m",          \
      "size of `/dev/shm`")                                                                        \
    X(CONTAINERD, ulimits, C.ulimits, TEXTS_OR_PAIRS, FREE, NULL,                                  \
      "limits of processes: `nofile=1024:4096`, or `nofile: 1024`")                                \
    X(CONTAINERD, hostname, C.hostname, TEXT, FREE, "from the run's id",                           \
      "name of the container's "                                                                   \
      "host")                                                                                      \
    X(CONTAINERD, dns, C.dns, TEXT_OR_TEXTS, FREE, "the host's", "servers, at most 3")             \
    X(CONTAINERD, extra_hosts, C.extra_hosts, TEXTS, FREE, NULL,                                   \
      "lines for `/etc/hosts`: `NAME:ADDRESS`")                                                    \
    X(CONTAINERD, labels, C.labels, TEXTS_OR_PAIRS, FREE, NULL, "labels of the container record")  \
    X(CONTAINERD, runtime, container.runtime, TEXT, FREE, "the run's", "containerd runtime")       \
    X(CONTAINERD, snapshotter, container.snapshotter, TEXT, FREE, "the run's",                     \
      "containerd snapshotter")                                                                    \
    X(CONTAINERD, cli, volumes, IGNORED, FREE, NULL,                                               \
      "from old files: no command is called, wfe talks to containerd itself")                      \
    X(CONTAINERD, inputs, volumes, REFUSED, FREE, NULL,                                            \
      "there is no artifact store: share files through `volumes` or `shared_volume`")

#define SHELL_KEYS(X)                                                                              \
    X(SHELL, run, run, TEXT, FREE, NULL, "the script")                                             \
    X(SHELL, file, file, TEXT, FREE, NULL, "or a file with the script")                            \
    X(SHELL, shell, shell, TEXT_OR_TEXTS, FREE, "sh",                                              \
      "what runs it; `-c` is added in front of `run` when it is one word")                         \
    X(SHELL, env, env, TEXTS_OR_PAIRS, FREE, NULL,                                                 \
      "environment, on top of the host's and of the "                                              \
      "data")                                                                                      \
    X(SHELL, working_dir, working_dir, TEXT, FREE, "where wfe runs", "folder it starts in")        \
    X(SHELL, timeout, timeout_ms, DURATION, RANGE(1, MS_MAX), NULL,                                \
      "of an attempt: TERM to all its processes, `grace`, KILL")                                   \
    X(SHELL, grace, grace_ms, DURATION, RANGE(1, MS_MAX), "10s", "between TERM and KILL")          \
    X(SHELL, inputs, run, REFUSED, FREE, NULL,                                                     \
      "there is no artifact store: a shell step sees the host's files")

#define CALL_KEYS(X)                                                                               \
    X(CALL, workflow, workflow, TEXT, FREE, "required", "id of a workflow of the same files")      \
    X(CALL, workflow_version, version, COUNT, RANGE(0, 4294967294.0), "the version there is",      \
      "the version it must have")                                                                  \
    X(CALL, inputs, inputs, NODE, WRITTEN("map of names to values"), "the data of the caller",     \
      "its inputs: values, or paths of the caller's data such as `.outputs.version`")

#define CONDITION_KEYS(X)                                                                          \
    X(CONDITION, field, any, TEXT, FREE, NULL,                                                     \
      "path of the value that is compared: `.inputs.ref`, `.outputs.list.0`; needs exactly one "   \
      "of "                                                                                        \
      "the operators beside it")                                                                   \
    X(CONDITION, equals, any, NODE, WRITTEN("any value"), NULL, "false when there is no value")    \
    X(CONDITION, not_equals, any, NODE, WRITTEN("any value"), NULL, "true when there is no value") \
    X(CONDITION, gt, any, NUMBER, FREE, NULL, "greater; false when there is no value")             \
    X(CONDITION, gte, any, NUMBER, FREE, NULL, "greater or equal")                                 \
    X(CONDITION, lt, any, NUMBER, FREE, NULL, "less")                                              \
    X(CONDITION, lte, any, NUMBER, FREE, NULL, "less or equal")                                    \
    X(CONDITION, contains, any, NODE, WRITTEN("any value"), NULL,                                  \
      "a list has this item, or a text this part")                                                 \
    X(CONDITION, is_null, any, BOOL, FREE, NULL, "`true`: there is no value")                      \
    X(CONDITION, is_not_null, any, BOOL, FREE, NULL, "`true`: there is a value")                   \
    X(CONDITION, all, any, CONDITIONS, FREE, NULL, "true when none of these is false")             \
    X(CONDITION, any, any, CONDITIONS, FREE, NULL, "true when one of these is, or more")           \
    X(CONDITION, none, any, CONDITIONS, FREE, NULL, "true when none of these is")                  \
    X(CONDITION, one_of, any, CONDITIONS, FREE, NULL, "true when exactly one of these is")         \
    X(CONDITION, not, any, CONDITION, FREE, NULL, "true when this one is not")

#define FAILURE_KEYS(X)                                                                            \
    X(RETRY, max, retry.max, COUNT, RANGE(0, 1000), "3", "attempts after the first")               \
    X(RETRY, interval, retry.interval_ms, DURATION, RANGE(0, MS_MAX), "1s",                        \
      "before the first retry; a step that waits holds no slot")                                   \
    X(RETRY, backoff, retry.backoff, NUMBER, RANGE(1, 100), "2",                                   \
      "each interval is the one before times this")                                                \
    X(RETRY, max_interval, retry.max_interval_ms, DURATION, RANGE(0, MS_MAX), "5m",                \
      "no interval is longer")                                                                     \
    X(RETRY, jitter, retry.jitter, NUMBER, RANGE(0, 1), "0.1",                                     \
      "an interval is changed by up to this part of it, at random")                                \
    X(RETRY, on, on, NODE,                                                                         \
      WRITTEN("list of `exit`, `timeout`, `oom`, `infrastructure`, `output`"), "all",              \
      "the failures that are tried again")                                                         \
    X(ERROR_BEHAVIOR, type, type, TEXT, WRITTEN("retry|suspend|terminate|compensate"), "required", \
      "`retry`: tries again; `suspend`: the run waits for `wfe resume`; `terminate`: the run "     \
      "ends "                                                                                      \
      "at once; `compensate`: `on_failure` of the finished steps, newest first")                   \
    X(ERROR_BEHAVIOR, interval, interval_ms, DURATION, RANGE(0, MS_MAX), "60s",                    \
      "of `retry`: between attempts")                                                              \
    X(ERROR_BEHAVIOR, max_retries, max_retries, COUNT, RANGE(0, 1000), "3",                        \
      "of `retry`: attempts after the first")

#define REFERENCE_KEYS(X)                                                                          \
    X(OUTPUT, name, name, TEXT, RANGE(1, 256), "required", "name of the output")                   \
    X(OUTPUT, type, type, TYPE, FREE, NULL,                                                        \
      "its text is converted to this, `any` is JSON; it is an error when it is missing or does "   \
      "not convert")                                                                               \
    X(OUTPUT, path, type, SILENT, FREE, NULL, "means nothing")                                     \
    X(OUTPUT, json_path, type, SILENT, FREE, NULL, "means nothing")                                \
    X(INPUT, name, name, TEXT, RANGE(1, 256), "required", "name of the data")                      \
    X(INPUT, path, type, SILENT, FREE, NULL, "means nothing")                                      \
    X(INPUT, json_path, type, SILENT, FREE, NULL, "means nothing")                                 \
    X(SECRET_USE, name, name, TEXT, FREE, "required", "name of a secret of the workflow")          \
    X(SECRET_USE, env, env, TEXT, FREE, "its name, without `file`", "variable it is given in")     \
    X(SECRET_USE, file, file, TEXT, FREE, NULL, "absolute path of a file in memory it is given in")

#define CONTAINER_PART_KEYS(X)                                                                     \
    X(VOLUME, source, source, TEXT, FREE, "required", "path on containerd's machine; must exist")  \
    X(VOLUME, target, target, TEXT, FREE, "required", "absolute path in the container")            \
    X(VOLUME, readonly, readonly, BOOL, FREE, "false", "no writing")                               \
    X(TLS, ca, ca, TEXT, FREE, NULL, "certificates that are trusted")                              \
    X(TLS, cert, cert, TEXT, FREE, NULL, "the client's certificate")                               \
    X(TLS, key, key, TEXT, FREE, NULL, "its key")                                                  \
    X(REGISTRY_AUTH, username, username, TEXT, FREE, "required", "user")                           \
    X(REGISTRY_AUTH, password, password, TEXT, FREE, "required", "password or token; never shown")

#define S c.container.options
#define SERVICE_KEYS(X)                                                                            \
    X(SERVICE, image, S.image, TEXT, FREE, "required", "image to run")                             \
    X(SERVICE, ports, ports, NODE, WRITTEN("list of ports"), NULL,                                 \
      "ports it listens on; the first is `SVC_<NAME>_PORT`")                                       \
    X(SERVICE, env, S.env, TEXTS_OR_PAIRS, FREE, NULL, "environment, on top of the image's")       \
    X(SERVICE, readiness, readiness, MAP, OF(READINESS), "ready when it runs",                     \
      "how to see that it is ready; steps start when all services are")                            \
    X(SERVICE, command, S.command, TEXTS, FREE, NULL, "argv, in place of ENTRYPOINT and CMD")      \
    X(SERVICE, args, S.args, TEXTS, FREE, NULL, "argv, in place of CMD only")                      \
    X(SERVICE, run, S.run, TEXT, FREE, NULL, "script for the shell, in place of both")             \
    X(SERVICE, shell, S.shell, TEXT_OR_TEXTS, FREE, "/bin/sh -c", "what `run` is given to")        \
    X(SERVICE, user, S.user, TEXT, FREE, "image", "as for a step, but the image's own by default") \
    X(SERVICE, working_dir, S.working_dir, TEXT, FREE, "the image's", "folder it starts in")       \
    X(SERVICE, volumes, c.volumes, LIST, OF(VOLUME), NULL, "bind mounts")                          \
    X(SERVICE, tmpfs, S.tmpfs, TEXT_OR_TEXTS, FREE, NULL, "file systems in memory")                \
    X(SERVICE, shm_size, S.shm_size, SIZE_TEXT, RANGE(4096, 1024 * 1024 * GIB), "64m",             \
      "size of `/dev/shm`")                                                                        \
    X(SERVICE, memory, S.memory, SIZE_TEXT, RANGE(6.0 * 1024 * 1024, 1024 * 1024 * GIB), NULL,     \
      "memory, without swap beyond it")                                                            \
    X(SERVICE, cpu, S.cpu, NUMBER_TEXT, RANGE(0.01, 4096), NULL, "processors")                     \
    X(SERVICE, pids, S.pids, COUNT_TEXT, RANGE(1, PIDS_MAX), NULL, "processes and threads")        \
    X(SERVICE, ulimits, S.ulimits, TEXTS_OR_PAIRS, FREE, NULL, "limits of processes")              \
    X(SERVICE, cap_add, S.cap_add, TEXTS, FREE, NULL, "capabilities on top of the usual ones")     \
    X(SERVICE, cap_drop, S.cap_drop, TEXTS, FREE, NULL, "capabilities to take away")               \
    X(SERVICE, privileged, S.privileged, BOOL, FREE, "false", "no confinement at all")             \
    X(SERVICE, read_only, S.read_only, BOOL, FREE, "false", "the root file system is read-only")   \
    X(SERVICE, pull, c.pull, TEXT, WRITTEN("always|if-not-present|never"), "if-not-present",       \
      "when the image is fetched")                                                                 \
    X(SERVICE, registry_auth, c.registry_auth, TABLE, OF(REGISTRY_AUTH), NULL,                     \
      "user and password, by registry host")                                                       \
    X(SERVICE, grace, S.grace_ms, DURATION, RANGE(1, MS_MAX), "10s",                               \
      "between TERM and KILL at the end of the run")                                               \
    X(READINESS, exec, exec, TEXTS, FREE, NULL, "a command in the container that must succeed")    \
    X(READINESS, tcp, tcp, COUNT, RANGE(1, 65535), "the first port", "a port that must accept")    \
    X(READINESS, http, http, MAP, OF(HTTP), NULL, "an address that must answer with 200 to 399")   \
    X(READINESS, log, log, TEXT, FREE, NULL,                                                       \
      "an extended regular expression that a line of its output must match")                       \
    X(READINESS, interval, interval_ms, DURATION, RANGE(10, MS_MAX), "5s", "between probes")       \
    X(READINESS, timeout, timeout_ms, DURATION, RANGE(10, MS_MAX), "60s",                          \
      "from its start until it must be ready")                                                     \
    X(READINESS, retries, retries, COUNT, RANGE(1, 100000), "12",                                  \
      "probes that may fail before the run does")                                                  \
    X(HTTP, port, port, COUNT, RANGE(1, 65535), "required", "port")                                \
    X(HTTP, path, path, TEXT, FREE, "/", "path of the request")                                    \
    X(SECRET, env, env, TEXT, FREE, NULL, "variable of wfe's own environment")                     \
    X(SECRET, file, file, TEXT, FREE, NULL, "or a file; a newline at its end is cut")              \
    X(SECRET, command, command, TEXTS, FREE, NULL, "or what a command prints; the same")           \
    X(SHARED_VOLUME, mount_path, mount_path, TEXT, FREE, "/workspace",                             \
      "absolute path in each container")                                                           \
    X(SHARED_VOLUME, size, size_bytes, BYTES, RANGE(4096, 1024 * 1024 * GIB), NULL,                \
      "of a file system in memory; without it a folder on containerd's machine")

/* In the order of WFE_SCOPES. */
#define WFE_PLAN_KEYS(X)                                                                           \
    FILE_KEYS(X)                                                                                   \
    WORKFLOW_KEYS(X)                                                                               \
    STEP_KEYS(X)                                                                                   \
    CONTAINERD_KEYS(X)                                                                             \
    SHELL_KEYS(X)                                                                                  \
    CALL_KEYS(X)                                                                                   \
    CONDITION_KEYS(X)                                                                              \
    FAILURE_KEYS(X)                                                                                \
    REFERENCE_KEYS(X)                                                                              \
    CONTAINER_PART_KEYS(X)                                                                         \
    SERVICE_KEYS(X)

#endif
