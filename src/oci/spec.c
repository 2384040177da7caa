/* SPDX-License-Identifier: Apache-2.0
 *
 * See spec.h and spec_priv.h.
 */
#include "oci/spec.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/utf8.h"
#include "oci/json.h"
#include "oci/seccomp.h"
#include "oci/spec_priv.h"
#include "oci/user.h"

/* The least that the kernel takes. */
#define CPU_QUOTA_MIN_US 1000

/* What the text of most steps fits into. */
#define TYPICAL_BYTES 12288

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

static int check_tmpfs(const wfe_oci_spec *in, wfe_error *err)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < in->n_tmpfs; i++) {
        const wfe_oci_tmpfs *tmpfs = &in->tmpfs[i];
        rc = check_path(tmpfs->target, "tmpfs target", err);
        if (!rc && strspn(tmpfs->target, "/") == strlen(tmpfs->target))
            rc = wfe_error_set(err, WFE_E_INVALID,
                               "tmpfs target is '%s', must not be the root of the container",
                               tmpfs->target);
    }
    return rc;
}

/* The kernel takes a soft limit above the hard one for an error, as the runtime does two of a
 * kind. */
static int check_rlimits(const wfe_oci_spec *in, wfe_error *err)
{
    unsigned seen = 0;
    for (size_t i = 0; i < in->n_rlimits; i++) {
        const wfe_oci_rlimit *limit = &in->rlimits[i];
        if ((unsigned)limit->type >= WFE_OCI_RLIMIT_COUNT || limit->soft > limit->hard ||
            (limit->hard > WFE_OCI_RLIMIT_MAX && limit->hard != WFE_OCI_RLIMIT_UNLIMITED) ||
            (limit->soft > WFE_OCI_RLIMIT_MAX && limit->soft != WFE_OCI_RLIMIT_UNLIMITED))
            return wfe_error_set(err, WFE_E_INVALID, "ulimit %zu is out of range", i + 1);
        if (seen & 1U << limit->type)
            return wfe_error_set(err, WFE_E_INVALID, "ulimit %s is given more than once",
                                 wfe_oci_rlimit_name(limit->type));
        seen |= 1U << limit->type;
    }
    return 0;
}

static int check_limits(const wfe_oci_spec *in, wfe_error *err)
{
    const wfe_oci_resources *r = &in->resources;
    if (r->memory_bytes > WFE_OCI_MEMORY_MAX_BYTES ||
        (r->memory_bytes && r->memory_bytes < WFE_OCI_MEMORY_MIN_BYTES))
        return wfe_error_set(err, WFE_E_INVALID, "memory is %llu bytes, must be %llu to %llu",
                             (unsigned long long)r->memory_bytes,
                             (unsigned long long)WFE_OCI_MEMORY_MIN_BYTES,
                             (unsigned long long)WFE_OCI_MEMORY_MAX_BYTES);
    if (in->shm_size_bytes > WFE_OCI_SHM_MAX_BYTES)
        return wfe_error_set(err, WFE_E_INVALID, "shm_size is %llu bytes, must be at most %llu",
                             (unsigned long long)in->shm_size_bytes,
                             (unsigned long long)WFE_OCI_SHM_MAX_BYTES);
    if (r->cpu_quota_us && (r->cpu_quota_us < CPU_QUOTA_MIN_US ||
                            r->cpu_quota_us > (uint64_t)WFE_OCI_CPU_MAX * WFE_OCI_CPU_PERIOD_US))
        return wfe_error_set(err, WFE_E_INVALID, "cpu is %llu us of %d, must be at least %d",
                             (unsigned long long)r->cpu_quota_us, WFE_OCI_CPU_PERIOD_US,
                             CPU_QUOTA_MIN_US);
    if (r->pids > WFE_OCI_PIDS_MAX)
        return wfe_error_set(err, WFE_E_INVALID, "pids is %u, must be at most %d", r->pids,
                             WFE_OCI_PIDS_MAX);
    return check_rlimits(in, err);
}

static int check_confinement(const wfe_oci_spec *in, wfe_error *err)
{
    if (in->apparmor_profile)
        return check_text(in->apparmor_profile, "AppArmor", "profile", err);
    return 0;
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
    if (!rc)
        rc = check_tmpfs(in, err);
    for (size_t i = 0; !rc && i < in->n_devices; i++)
        rc = check_path(in->devices[i].path, "device", err);
    if (!rc)
        rc = check_limits(in, err);
    if (!rc)
        rc = check_confinement(in, err);
    if (!rc && in->hostname)
        rc = check_text(in->hostname, "hostname", "text", err);
    if (!rc && in->cgroups_path)
        rc = check_text(in->cgroups_path, "cgroup", "path", err);
    if (!rc && in->network == WFE_OCI_NETWORK_PATH)
        rc = check_path(in->netns_path, "network namespace", err);
    return rc;
}

/* ---- building ---- */

static void write_namespace(wfe_oci_writer *w, const char *type, const char *path)
{
    wfe_oci_write_object(w, NULL);
    wfe_oci_write_text(w, "type", type);
    if (path)
        wfe_oci_write_text(w, "path", path);
    wfe_oci_write_object_end(w);
}

static void write_namespaces(wfe_oci_writer *w, const wfe_oci_spec *in)
{
    wfe_oci_write_list(w, "namespaces");
    write_namespace(w, "pid", NULL);
    write_namespace(w, "ipc", NULL);
    write_namespace(w, "uts", NULL);
    write_namespace(w, "mount", NULL);
    if (in->network == WFE_OCI_NETWORK_NONE)
        write_namespace(w, "network", NULL);
    if (in->network == WFE_OCI_NETWORK_PATH)
        write_namespace(w, "network", in->netns_path);
    if (in->cgroup_namespace)
        write_namespace(w, "cgroup", NULL);
    wfe_oci_write_list_end(w);
}

static void write_masked_paths(wfe_oci_writer *w, const wfe_oci_spec *in)
{
    wfe_oci_write_list(w, "maskedPaths");
    for (size_t i = 0; masked_paths[i]; i++)
        wfe_oci_write_text(w, NULL, masked_paths[i]);
    for (unsigned cpu = 0; cpu < in->n_cpus; cpu++) {
        char path[64];
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%u/thermal_throttle", cpu);
        wfe_oci_write_text(w, NULL, path);
    }
    wfe_oci_write_list_end(w);
}

static void write_linux(wfe_oci_writer *w, const wfe_oci_spec *in)
{
    wfe_oci_resources resources = in->resources;
    resources.all_devices |= in->privileged;
    wfe_oci_write_object(w, "linux");
    write_namespaces(w, in);
    if (in->cgroups_path)
        wfe_oci_write_text(w, "cgroupsPath", in->cgroups_path);
    if (in->n_devices)
        wfe_oci_spec_devices(w, in);
    wfe_oci_resources_write(w, "resources", &resources);
    if (!in->privileged) {
        write_masked_paths(w, in);
        wfe_oci_write_texts(w, "readonlyPaths", readonly_paths);
    }
    wfe_oci_write_object_end(w);
}

/* "linux" stays the last member: add_filter goes on at the end of its text. */
static int write_spec(wfe_buf *out, const wfe_oci_spec *in, const wfe_oci_cap_sets *caps)
{
    wfe_oci_writer w = {.out = out};
    wfe_oci_write_object(&w, NULL);
    wfe_oci_write_text(&w, "ociVersion", WFE_OCI_VERSION);
    wfe_oci_spec_process(&w, in, caps);
    wfe_oci_write_object(&w, "root");
    wfe_oci_write_text(&w, "path", "rootfs");
    wfe_oci_write_bool(&w, "readonly", in->readonly_rootfs);
    wfe_oci_write_object_end(&w);
    if (in->hostname)
        wfe_oci_write_text(&w, "hostname", in->hostname);
    wfe_oci_spec_mounts(&w, in);
    write_linux(&w, in);
    wfe_oci_write_object_end(&w);
    return wfe_oci_write_end(&w);
}

/* ---- the filter ---- */

struct dump {
    wfe_buf *out;
    int rc;
};

static int dump_piece(const char *bytes, size_t len, void *user)
{
    struct dump *dump = user;
    dump->rc = wfe_buf_append(dump->out, bytes, len, NULL);
    return dump->rc ? -1 : 0;
}

/* Into a buffer of ours: json_dumps takes its memory from hooks that the program around us may
 * have set, and the caller frees with free(). */
static int dump_json(const json_t *json, wfe_buf *out)
{
    struct dump dump = {.out = out};
    if (json_dump_callback(json, dump_piece, &dump, JSON_COMPACT) == 0)
        return 0;
    return dump.rc ? dump.rc : WFE_E_NOMEM;
}

static int write_users_filter(const wfe_oci_spec *in, wfe_buf *out, wfe_error *err)
{
    _cleanup_(wfe_oci_json_decref_p) json_t *filter = NULL;
    if (!in->seccomp_profile)
        return wfe_error_set(err, WFE_E_INVALID, "seccomp profile: it is missing");
    int rc = wfe_oci_seccomp_parse(in->seccomp_profile, strlen(in->seccomp_profile), &filter, err);
    return rc ? rc : dump_json(filter, out);
}

static wfe_oci_seccomp_options default_filter(const wfe_oci_spec *in, wfe_oci_caps bounding)
{
    return (wfe_oci_seccomp_options){
        .architecture = in->architecture,
        .caps = bounding,
        .abis = in->seccomp_abis,
        .kernel_before_4_8 = in->kernel_before_4_8,
    };
}

/* out ends with the "linux" section's brace and the spec's own. What has no message of its own is
 * the buffer's failure. */
static int add_filter(const wfe_oci_spec *in, wfe_oci_caps bounding, wfe_buf *out, wfe_error *err)
{
    if (in->privileged || in->seccomp == WFE_OCI_SECCOMP_UNCONFINED ||
        in->seccomp == WFE_OCI_SECCOMP_BY_ARGV0)
        return 0;
    const wfe_oci_seccomp_options options = default_filter(in, bounding);
    out->len -= strlen("}}");
    int rc = wfe_buf_append_str(out, ",\"seccomp\":", NULL);
    if (!rc && in->seccomp == WFE_OCI_SECCOMP_CUSTOM)
        rc = write_users_filter(in, out, err);
    else if (!rc)
        rc = wfe_oci_seccomp_write(&options, out, NULL);
    return rc ? rc : wfe_buf_append_str(out, "}}", NULL);
}

/* A set-user-ID program gets at most what is in the bounding set: sudo of a user needs root's. The
 * user's own programs lose it at exec. */
static wfe_oci_cap_sets choose_caps(const wfe_oci_spec *in)
{
    wfe_oci_cap_sets caps =
        wfe_oci_caps_choose(in->uid, in->privileged, in->cap_add, in->cap_drop, in->available_caps);
    if (in->allow_new_privileges && in->uid != 0)
        caps.bounding |=
            wfe_oci_caps_choose(0, in->privileged, in->cap_add, in->cap_drop, in->available_caps)
                .bounding;
    return caps;
}

/* Without no_new_privs the kernel lets only CAP_SYS_ADMIN take up a filter. */
const char *wfe_oci_spec_compiled_filter(const wfe_oci_spec *in)
{
    if (in->privileged || in->allow_new_privileges || in->seccomp != WFE_OCI_SECCOMP_DEFAULT)
        return NULL;
    const wfe_oci_seccomp_options options = default_filter(in, choose_caps(in).bounding);
    return wfe_oci_seccomp_compiled(&options);
}

int wfe_oci_spec_build(const wfe_oci_spec *in, char **ret_json, size_t *ret_len, wfe_error *err)
{
    const wfe_oci_cap_sets caps = choose_caps(in);
    int rc = check(in, err);
    if (rc)
        return rc;
    _cleanup_(wfe_buf_done) wfe_buf out = WFE_BUF_INIT(WFE_OCI_SPEC_MAX_BYTES);
    rc = wfe_buf_reserve(&out, TYPICAL_BYTES, NULL);
    if (!rc)
        rc = write_spec(&out, in, &caps);
    if (!rc)
        rc = add_filter(in, caps.bounding, &out, err);
    if (rc == WFE_E_LIMIT) /* no effect when it is the user's filter that is too long */
        wfe_error_set(err, rc,
                      "the runtime spec is longer than %zu MiB; its arguments and environment are "
                      "too large",
                      WFE_OCI_SPEC_MAX_BYTES >> 20);
    if (rc == WFE_E_NOMEM)
        wfe_error_nomem(err);
    if (rc)
        return rc;
    *ret_json = wfe_buf_take(&out, ret_len);
    return *ret_json ? 0 : wfe_error_nomem(err);
}
