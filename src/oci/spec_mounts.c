/* SPDX-License-Identifier: Apache-2.0
 *
 * The "mounts" and "devices" parts of the runtime spec: what every Linux program expects, then what
 * the user wants, then wfe's own files.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "oci/spec_priv.h"

#define put wfe_oci_json_put
#define append wfe_oci_json_append

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

/* What is writable below a read-only root, unless the user mounts something else there. */
static const wfe_oci_tmpfs scratch[] = {
    {.target = (char[]){"/tmp"}, .allow_exec = true},
    {.target = (char[]){"/var/tmp"}, .allow_exec = true},
    {.target = (char[]){"/run"}, .mode = 0755},
};
#define N_SCRATCH (sizeof scratch / sizeof *scratch)

/* Takes options. */
static json_t *make_mount(const char *destination, const char *type, const char *source,
                          json_t *options)
{
    _cleanup_(wfe_oci_json_decref_p) json_t *owned = options;
    _cleanup_(wfe_oci_json_decref_p) json_t *mount = json_object();
    bool ok = put(mount, "destination", json_string(destination)) &&
              put(mount, "type", json_string(type)) && put(mount, "source", json_string(source)) &&
              put(mount, "options", wfe_take(owned));
    return ok ? wfe_take(mount) : NULL;
}

/* ---- the system's ---- */

/* A privileged step may write to /sys and to cgroups. */
static json_t *make_system_options(const struct system_mount *m, const wfe_oci_spec *in)
{
    _cleanup_(wfe_oci_json_decref_p) json_t *options = json_array();
    bool shm = in->shm_size_bytes && strcmp(m->destination, "/dev/shm") == 0;
    bool ok = true;
    for (size_t i = 0; ok && i < MAX_MOUNT_OPTIONS && m->options[i]; i++) {
        bool dropped = (in->privileged && strcmp(m->options[i], "ro") == 0) ||
                       (shm && strncmp(m->options[i], "size=", 5) == 0);
        ok = dropped || append(options, json_string(m->options[i]));
    }
    if (ok && shm)
        ok = append(options, json_sprintf("size=%llu", (unsigned long long)in->shm_size_bytes));
    return ok ? wfe_take(options) : NULL;
}

/* cgroup v1 has a file system for each of a dozen controllers, and mounting them takes a tenth of
 * the start's time: only steps that have limits to read there get them. v2 is a single mount. */
static bool wants_cgroups(const wfe_oci_spec *in)
{
    return in->cgroup_namespace || in->privileged || in->resources.memory_bytes ||
           in->resources.cpu_quota_us || in->resources.pids;
}

static bool add_system_mounts(json_t *mounts, const wfe_oci_spec *in)
{
    bool bind_sysfs = in->rootless && in->network == WFE_OCI_NETWORK_HOST;
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof system_mounts / sizeof *system_mounts; i++) {
        const struct system_mount *m = &system_mounts[i];
        if (strcmp(m->type, "cgroup") == 0 && !wants_cgroups(in))
            continue;
        if (bind_sysfs && strcmp(m->destination, bound_sysfs.destination) == 0)
            m = &bound_sysfs;
        ok = append(mounts,
                    make_mount(m->destination, m->type, m->source, make_system_options(m, in)));
    }
    return ok;
}

/* ---- the user's ---- */

static json_t *make_tmpfs(const wfe_oci_tmpfs *tmpfs)
{
    _cleanup_(wfe_oci_json_decref_p) json_t *options =
        json_pack("[s, s, s, s]", tmpfs->allow_suid ? "suid" : "nosuid",
                  tmpfs->allow_exec ? "exec" : "noexec", tmpfs->allow_dev ? "dev" : "nodev",
                  tmpfs->readonly ? "ro" : "rw");
    bool ok =
        options && append(options, json_sprintf("mode=%o", tmpfs->mode ? tmpfs->mode : 01777));
    if (ok && tmpfs->size_bytes)
        ok = append(options, json_sprintf("size=%llu", (unsigned long long)tmpfs->size_bytes));
    if (ok && tmpfs->inodes)
        ok = append(options, json_sprintf("nr_inodes=%llu", (unsigned long long)tmpfs->inodes));
    if (ok && tmpfs->uid)
        ok = append(options, json_sprintf("uid=%u", tmpfs->uid));
    if (ok && tmpfs->gid)
        ok = append(options, json_sprintf("gid=%u", tmpfs->gid));
    return ok ? make_mount(tmpfs->target, "tmpfs", "tmpfs", wfe_take(options)) : NULL;
}

static json_t *make_bind(const wfe_oci_bind *bind)
{
    const char *const options[] = {
        "rbind", "rprivate", "nosuid", "nodev", bind->readonly ? "ro" : "rw", NULL};
    return make_mount(bind->target, "bind", bind->source, wfe_oci_json_strings(options));
}

/* How many parts a path has: "/a//b/" has two. */
static size_t depth_of(const char *path)
{
    size_t depth = 0;
    for (const char *p = path; *p; p++)
        depth += *p != '/' && (p == path || p[-1] == '/');
    return depth;
}

/* Whether both are the same place, however their slashes are written. */
static bool same_place(const char *a, const char *b)
{
    for (;;) {
        a += strspn(a, "/");
        b += strspn(b, "/");
        size_t len = strcspn(a, "/");
        if (len != strcspn(b, "/") || strncmp(a, b, len) != 0)
            return false;
        if (!len)
            return true;
        a += len;
        b += len;
    }
}

/* One of the user's mounts, whichever pointer is set. */
struct user_mount {
    const wfe_oci_tmpfs *tmpfs;
    const wfe_oci_bind *bind;
    size_t depth;
    size_t index; /* keeps the order given among those of the same depth */
};

static int compare_mounts(const void *a, const void *b)
{
    const struct user_mount *x = a, *y = b;
    if (x->depth != y->depth)
        return x->depth < y->depth ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

static bool is_taken(const wfe_oci_spec *in, const char *target)
{
    bool taken = false;
    for (size_t i = 0; !taken && i < in->n_tmpfs; i++)
        taken = same_place(in->tmpfs[i].target, target);
    for (size_t i = 0; !taken && i < in->n_volumes; i++)
        taken = same_place(in->volumes[i].target, target);
    return taken;
}

/* From the root down, so that a mount never covers one that was asked for below it. */
static bool add_user_mounts(json_t *mounts, const wfe_oci_spec *in)
{
    _cleanup_free_ struct user_mount *list =
        calloc(in->n_tmpfs + in->n_volumes + N_SCRATCH, sizeof *list);
    if (!list)
        return false;
    size_t n = 0;
    for (size_t i = 0; in->readonly_rootfs && i < N_SCRATCH; i++) {
        if (!is_taken(in, scratch[i].target))
            list[n++].tmpfs = &scratch[i];
    }
    for (size_t i = 0; i < in->n_tmpfs; i++)
        list[n++].tmpfs = &in->tmpfs[i];
    for (size_t i = 0; i < in->n_volumes; i++)
        list[n++].bind = &in->volumes[i];
    for (size_t i = 0; i < n; i++) {
        list[i].index = i;
        list[i].depth = depth_of(list[i].bind ? list[i].bind->target : list[i].tmpfs->target);
    }
    qsort(list, n, sizeof *list, compare_mounts);
    bool ok = true;
    for (size_t i = 0; ok && i < n; i++)
        ok = append(mounts, list[i].bind ? make_bind(list[i].bind) : make_tmpfs(list[i].tmpfs));
    return ok;
}

/* ---- devices ---- */

json_t *wfe_oci_spec_devices(const wfe_oci_spec *in)
{
    _cleanup_(wfe_oci_json_decref_p) json_t *list = json_array();
    for (size_t i = 0; i < in->n_devices; i++) {
        const wfe_oci_device *d = &in->devices[i];
        if (!append(list, json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "path", d->path, "type",
                                    d->is_char ? "c" : "b", "major", (json_int_t)d->major, "minor",
                                    (json_int_t)d->minor, "fileMode", (json_int_t)d->mode, "uid",
                                    (json_int_t)d->uid, "gid", (json_int_t)d->gid)))
            return NULL;
    }
    return wfe_take(list);
}

/* ---- all of them ---- */

json_t *wfe_oci_spec_mounts(const wfe_oci_spec *in)
{
    _cleanup_(wfe_oci_json_decref_p) json_t *mounts = json_array();
    bool ok = add_system_mounts(mounts, in) && add_user_mounts(mounts, in);
    for (size_t i = 0; ok && i < in->n_binds; i++)
        ok = append(mounts, make_bind(&in->binds[i]));
    return ok ? wfe_take(mounts) : NULL;
}
