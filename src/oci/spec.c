/* SPDX-License-Identifier: Apache-2.0
 *
 * See spec.h. The input is checked first; after that the only thing that can fail is memory, so
 * each make_ function below gives a JSON value or NULL, and a NULL fails whatever it is put into.
 */
#include "oci/spec.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/utf8.h"
#include "oci/user.h"

/* Programs that use select(2) break above it. */
#define NOFILE_SOFT 1024

static const char *const empty_list[] = {NULL};

/* What docker and containerd leave root (moby: oci/caps/defaults.go). */
static const char *const root_capabilities[] = {"CAP_CHOWN",
                                                "CAP_DAC_OVERRIDE",
                                                "CAP_FSETID",
                                                "CAP_FOWNER",
                                                "CAP_MKNOD",
                                                "CAP_NET_RAW",
                                                "CAP_SETGID",
                                                "CAP_SETUID",
                                                "CAP_SETFCAP",
                                                "CAP_SETPCAP",
                                                "CAP_NET_BIND_SERVICE",
                                                "CAP_SYS_CHROOT",
                                                "CAP_KILL",
                                                "CAP_AUDIT_WRITE",
                                                NULL};

/* What the kernel shows of the machine and not of the container; missing ones are ignored. */
static const char *const masked_paths[] = {"/proc/acpi",
                                           "/proc/asound",
                                           "/proc/interrupts",
                                           "/proc/kcore",
                                           "/proc/keys",
                                           "/proc/latency_stats",
                                           "/proc/timer_list",
                                           "/proc/timer_stats",
                                           "/proc/sched_debug",
                                           "/proc/scsi",
                                           "/sys/firmware",
                                           "/sys/devices/virtual/powercap",
                                           NULL};

static const char *const readonly_paths[] = {
    "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", NULL};

#define MAX_MOUNT_OPTIONS 8
static const struct system_mount {
    const char *destination;
    const char *type;
    const char *source;
    const char *options[MAX_MOUNT_OPTIONS];
} system_mounts[] = {
    {"/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}},
    {"/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}},
    {"/dev/pts",
     "devpts",
     "devpts",
     {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
    {"/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}},
    {"/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}},
    {"/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}},
    {"/sys/fs/cgroup", "cgroup", "cgroup", {"ro", "nosuid", "noexec", "nodev"}},
};
static const struct system_mount bound_sysfs = {
    "/sys", "bind", "/sys", {"rbind", "nosuid", "noexec", "nodev", "ro"}};

/* ---- checking ---- */

static int check_text(const char *text, const char *what, const char *name, wfe_error *err)
{
    if (wfe_utf8_is_valid(text, strlen(text)))
        return 0;
    return wfe_error_set(err, WFE_E_INVALID, "%s %s is not UTF-8 text", what, name);
}

static int check_path(const char *path, const char *what, wfe_error *err)
{
    if (!path || path[0] != '/')
        return wfe_error_set(err, WFE_E_INVALID, "%s is '%s', must be an absolute path", what,
                             path ? path : "");
    return check_text(path, what, "path", err);
}

static int check_binds(const wfe_oci_bind *binds, size_t n, wfe_error *err)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < n; i++) {
        rc = check_path(binds[i].source, "volume source", err);
        if (!rc)
            rc = check_path(binds[i].target, "volume target", err);
        if (!rc && strspn(binds[i].target, "/") == strlen(binds[i].target))
            rc = wfe_error_set(err, WFE_E_INVALID,
                               "volume target is '%s', must not be the root of the container",
                               binds[i].target);
    }
    return rc;
}

static int check_ids(const wfe_oci_spec *in, wfe_error *err)
{
    bool ok = in->uid <= WFE_OCI_ID_MAX && in->gid <= WFE_OCI_ID_MAX;
    for (size_t i = 0; ok && i < in->n_additional_gids; i++)
        ok = in->additional_gids[i] <= WFE_OCI_ID_MAX;
    if (ok)
        return 0;
    return wfe_error_set(err, WFE_E_INVALID, "a user or group id is above %u", WFE_OCI_ID_MAX);
}

static int check_process(const wfe_oci_spec *in, wfe_error *err)
{
    if (!in->argv || !in->argv[0] || !in->argv[0][0])
        return wfe_error_set(err, WFE_E_INVALID, "the command is empty");
    int rc = check_path(in->cwd, "working_dir", err);
    for (size_t i = 0; !rc && in->argv[i]; i++) {
        char index[24];
        snprintf(index, sizeof index, "%zu", i);
        rc = check_text(in->argv[i], "argument", index, err);
    }
    for (size_t i = 0; !rc && in->env && i < in->env->len; i++) {
        const wfe_pair *pair = &in->env->items[i];
        rc = check_text(pair->key, "name of variable", pair->key, err);
        if (!rc)
            rc = check_text(pair->value, "value of variable", pair->key, err);
    }
    return rc;
}

static int check(const wfe_oci_spec *in, wfe_error *err)
{
    int rc = check_process(in, err);
    if (!rc)
        rc = check_ids(in, err);
    if (!rc)
        rc = check_binds(in->volumes, in->n_volumes, err);
    if (!rc)
        rc = check_binds(in->binds, in->n_binds, err);
    if (!rc && in->hostname)
        rc = check_text(in->hostname, "hostname", "text", err);
    if (!rc && in->cgroups_path)
        rc = check_text(in->cgroups_path, "cgroup", "path", err);
    if (!rc && in->network == WFE_OCI_NETWORK_PATH)
        rc = check_path(in->netns_path, "network namespace", err);
    return rc;
}

/* ---- building ---- */

static void decref_p(json_t **json)
{
    json_decref(*json);
}

/* Both take value, and fail for a NULL value too. */
static bool put(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value) == 0;
}

static bool append(json_t *array, json_t *value)
{
    return json_array_append_new(array, value) == 0;
}

static json_t *make_strings(const char *const *list)
{
    _cleanup_(decref_p) json_t *array = json_array();
    for (size_t i = 0; list[i]; i++) {
        if (!append(array, json_string(list[i])))
            return NULL;
    }
    return wfe_take(array);
}

static json_t *make_env(const wfe_strmap *env)
{
    _cleanup_(decref_p) json_t *array = json_array();
    for (size_t i = 0; env && i < env->len; i++) {
        if (!append(array, json_sprintf("%s=%s", env->items[i].key, env->items[i].value)))
            return NULL;
    }
    return wfe_take(array);
}

/* The primary group is listed among the additional ones too: without it a process could drop the
 * group and so get past files that deny it (CVE-2023-25173). */
static json_t *make_user(const wfe_oci_spec *in)
{
    _cleanup_(decref_p) json_t *user = json_object();
    _cleanup_(decref_p) json_t *gids = json_array();
    bool ok = put(user, "uid", json_integer(in->uid)) && put(user, "gid", json_integer(in->gid)) &&
              append(gids, json_integer(in->gid));
    for (size_t i = 0; ok && i < in->n_additional_gids; i++) {
        if (in->additional_gids[i] != in->gid)
            ok = append(gids, json_integer(in->additional_gids[i]));
    }
    if (!ok || !put(user, "additionalGids", wfe_take(gids)))
        return NULL;
    return wfe_take(user);
}

/* Never inheritable or ambient ones: a program run as another user would keep them
 * (CVE-2022-24769). Empty sets are written out, so that no runtime fills in its own. */
static json_t *make_capabilities(uint32_t uid)
{
    static const char *const sets[] = {"bounding", "effective", "permitted"};
    _cleanup_(decref_p) json_t *capabilities = json_object();
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        if (!put(capabilities, sets[i], make_strings(uid == 0 ? root_capabilities : empty_list)))
            return NULL;
    }
    return wfe_take(capabilities);
}

static json_t *make_rlimits(uint64_t max_open_files)
{
    json_int_t hard = (json_int_t)max_open_files;
    return json_pack("[{s:s, s:I, s:I}]", "type", "RLIMIT_NOFILE", "hard", hard, "soft",
                     hard < NOFILE_SOFT ? hard : NOFILE_SOFT);
}

static json_t *make_process(const wfe_oci_spec *in)
{
    _cleanup_(decref_p) json_t *process = json_object();
    bool ok = put(process, "terminal", json_false()) && put(process, "user", make_user(in)) &&
              put(process, "args", make_strings(in->argv)) &&
              put(process, "env", make_env(in->env)) && put(process, "cwd", json_string(in->cwd)) &&
              put(process, "capabilities", make_capabilities(in->uid)) &&
              (!in->max_open_files || put(process, "rlimits", make_rlimits(in->max_open_files))) &&
              put(process, "noNewPrivileges", json_true()) &&
              /* Left out, the step inherits the score of the daemon's shim, which the kernel
               * hardly ever kills. */
              put(process, "oomScoreAdj", json_integer(0));
    return ok ? wfe_take(process) : NULL;
}

static json_t *make_mount(const char *destination, const char *type, const char *source,
                          const char *const *options)
{
    _cleanup_(decref_p) json_t *mount = json_object();
    bool ok = put(mount, "destination", json_string(destination)) &&
              put(mount, "type", json_string(type)) && put(mount, "source", json_string(source)) &&
              put(mount, "options", make_strings(options));
    return ok ? wfe_take(mount) : NULL;
}

static bool add_binds(json_t *mounts, const wfe_oci_bind *binds, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *const options[] = {
            "rbind", "rprivate", "nosuid", "nodev", binds[i].readonly ? "ro" : "rw", NULL};
        if (!append(mounts, make_mount(binds[i].target, "bind", binds[i].source, options)))
            return false;
    }
    return true;
}

static json_t *make_mounts(const wfe_oci_spec *in)
{
    bool bind_sysfs = in->rootless && in->network == WFE_OCI_NETWORK_HOST;
    _cleanup_(decref_p) json_t *mounts = json_array();
    for (size_t i = 0; i < sizeof system_mounts / sizeof *system_mounts; i++) {
        const struct system_mount *m = &system_mounts[i];
        if (bind_sysfs && strcmp(m->destination, bound_sysfs.destination) == 0)
            m = &bound_sysfs;
        if (!append(mounts, make_mount(m->destination, m->type, m->source, m->options)))
            return NULL;
    }
    if (!add_binds(mounts, in->volumes, in->n_volumes) ||
        !add_binds(mounts, in->binds, in->n_binds))
        return NULL;
    return wfe_take(mounts);
}

static json_t *make_namespaces(const wfe_oci_spec *in)
{
    static const char *const always[] = {"pid", "ipc", "uts", "mount"};
    _cleanup_(decref_p) json_t *namespaces = json_array();
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof always / sizeof *always; i++)
        ok = append(namespaces, json_pack("{s:s}", "type", always[i]));
    if (ok && in->network == WFE_OCI_NETWORK_NONE)
        ok = append(namespaces, json_pack("{s:s}", "type", "network"));
    if (ok && in->network == WFE_OCI_NETWORK_PATH)
        ok = append(namespaces, json_pack("{s:s, s:s}", "type", "network", "path", in->netns_path));
    if (ok && in->cgroup_namespace)
        ok = append(namespaces, json_pack("{s:s}", "type", "cgroup"));
    return ok ? wfe_take(namespaces) : NULL;
}

static json_t *make_masked_paths(const wfe_oci_spec *in)
{
    _cleanup_(decref_p) json_t *paths = make_strings(masked_paths);
    for (unsigned cpu = 0; paths && cpu < in->n_cpus; cpu++) {
        if (!append(paths, json_sprintf("/sys/devices/system/cpu/cpu%u/thermal_throttle", cpu)))
            return NULL;
    }
    return wfe_take(paths);
}

static json_t *make_linux(const wfe_oci_spec *in)
{
    _cleanup_(decref_p) json_t *section = json_object();
    bool ok = put(section, "namespaces", make_namespaces(in)) &&
              (!in->cgroups_path || put(section, "cgroupsPath", json_string(in->cgroups_path))) &&
              /* The runtime itself allows null, zero, full, random, urandom, tty and the ptys. */
              put(section, "resources",
                  json_pack("{s:[{s:b, s:s}]}", "devices", "allow", 0, "access", "rwm")) &&
              put(section, "maskedPaths", make_masked_paths(in)) &&
              put(section, "readonlyPaths", make_strings(readonly_paths));
    return ok ? wfe_take(section) : NULL;
}

static json_t *make_spec(const wfe_oci_spec *in)
{
    _cleanup_(decref_p) json_t *spec = json_object();
    bool ok =
        put(spec, "ociVersion", json_string(WFE_OCI_VERSION)) &&
        put(spec, "process", make_process(in)) &&
        put(spec, "root",
            json_pack("{s:s, s:b}", "path", "rootfs", "readonly", (int)in->readonly_rootfs)) &&
        (!in->hostname || put(spec, "hostname", json_string(in->hostname))) &&
        put(spec, "mounts", make_mounts(in)) && put(spec, "linux", make_linux(in));
    return ok ? wfe_take(spec) : NULL;
}

struct dump {
    wfe_buf *out;
    wfe_error *err;
    int rc;
};

static int dump_piece(const char *bytes, size_t len, void *user)
{
    struct dump *dump = user;
    dump->rc = wfe_buf_append(dump->out, bytes, len, dump->err);
    return dump->rc ? -1 : 0;
}

int wfe_oci_spec_build(const wfe_oci_spec *in, char **ret_json, size_t *ret_len, wfe_error *err)
{
    int rc = check(in, err);
    if (rc)
        return rc;
    _cleanup_(decref_p) json_t *spec = make_spec(in);
    if (!spec)
        return wfe_error_nomem(err);
    /* Into a buffer of ours: json_dumps takes its memory from hooks that the program around us may
     * have set, and the caller frees with free(). */
    _cleanup_(wfe_buf_done) wfe_buf out = WFE_BUF_INIT(WFE_OCI_SPEC_MAX_BYTES);
    wfe_error why = WFE_ERROR_INIT;
    struct dump dump = {.out = &out, .err = &why};
    if (json_dump_callback(spec, dump_piece, &dump, JSON_COMPACT) < 0) {
        if (dump.rc != WFE_E_LIMIT)
            return wfe_error_nomem(err);
        return wfe_error_set(err, WFE_E_LIMIT,
                             "the runtime spec is longer than %zu MiB; its arguments and "
                             "environment are too large",
                             WFE_OCI_SPEC_MAX_BYTES >> 20);
    }
    char *json = wfe_buf_take(&out, ret_len);
    if (!json)
        return wfe_error_nomem(err);
    *ret_json = json;
    return 0;
}
