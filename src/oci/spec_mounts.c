/* SPDX-License-Identifier: Apache-2.0
 *
 * The "mounts" and "devices" parts of the runtime spec: what every Linux program expects, then what
 * the user wants, with wfe's own files before or after that.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "oci/spec_priv.h"

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

/* All of a mount but its options, whose list is left open. */
static void begin_mount(wfe_oci_writer *w, const char *destination, const char *type,
                        const char *source)
{
    wfe_oci_write_object(w, NULL);
    wfe_oci_write_text(w, "destination", destination);
    wfe_oci_write_text(w, "type", type);
    wfe_oci_write_text(w, "source", source);
    wfe_oci_write_list(w, "options");
}

static void end_mount(wfe_oci_writer *w)
{
    wfe_oci_write_list_end(w);
    wfe_oci_write_object_end(w);
}

static void write_option(wfe_oci_writer *w, const char *text)
{
    wfe_oci_write_text(w, NULL, text);
}

static void write_number_option(wfe_oci_writer *w, const char *name, unsigned long long value)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%llu", value);
    wfe_oci_write_joined(w, NULL, name, "=", digits);
}

/* ---- the system's ---- */

/* A privileged step may write to /sys and to cgroups. */
static void write_system_mount(wfe_oci_writer *w, const struct system_mount *m,
                               const wfe_oci_spec *in)
{
    bool shm = in->shm_size_bytes && strcmp(m->destination, "/dev/shm") == 0;
    begin_mount(w, m->destination, m->type, m->source);
    for (size_t i = 0; i < MAX_MOUNT_OPTIONS && m->options[i]; i++) {
        bool dropped = (in->privileged && strcmp(m->options[i], "ro") == 0) ||
                       (shm && strncmp(m->options[i], "size=", 5) == 0);
        if (!dropped)
            write_option(w, m->options[i]);
    }
    if (shm)
        write_number_option(w, "size", in->shm_size_bytes);
    end_mount(w);
}

/* cgroup v1 has a file system for each of a dozen controllers, and mounting them takes a tenth of
 * the start's time: only steps that have limits to read there get them. v2 is a single mount. */
static bool wants_cgroups(const wfe_oci_spec *in)
{
    return in->cgroup_namespace || in->privileged || in->resources.memory_bytes ||
           in->resources.cpu_quota_us || in->resources.pids;
}

static void write_system_mounts(wfe_oci_writer *w, const wfe_oci_spec *in)
{
    bool bind_sysfs = in->rootless && in->network == WFE_OCI_NETWORK_HOST;
    for (size_t i = 0; i < sizeof system_mounts / sizeof *system_mounts; i++) {
        const struct system_mount *m = &system_mounts[i];
        if (strcmp(m->type, "cgroup") == 0 && !wants_cgroups(in))
            continue;
        if (bind_sysfs && strcmp(m->destination, bound_sysfs.destination) == 0)
            m = &bound_sysfs;
        write_system_mount(w, m, in);
    }
}

/* ---- the user's ---- */

static void write_tmpfs(wfe_oci_writer *w, const wfe_oci_tmpfs *tmpfs)
{
    char mode[16];
    snprintf(mode, sizeof mode, "%o", tmpfs->mode ? tmpfs->mode : 01777);
    begin_mount(w, tmpfs->target, "tmpfs", "tmpfs");
    write_option(w, tmpfs->allow_suid ? "suid" : "nosuid");
    write_option(w, tmpfs->allow_exec ? "exec" : "noexec");
    write_option(w, tmpfs->allow_dev ? "dev" : "nodev");
    write_option(w, tmpfs->readonly ? "ro" : "rw");
    wfe_oci_write_joined(w, NULL, "mode", "=", mode);
    if (tmpfs->size_bytes)
        write_number_option(w, "size", tmpfs->size_bytes);
    if (tmpfs->inodes)
        write_number_option(w, "nr_inodes", tmpfs->inodes);
    if (tmpfs->uid)
        write_number_option(w, "uid", tmpfs->uid);
    if (tmpfs->gid)
        write_number_option(w, "gid", tmpfs->gid);
    end_mount(w);
}

static void write_bind(wfe_oci_writer *w, const wfe_oci_bind *bind)
{
    begin_mount(w, bind->target, "bind", bind->source);
    write_option(w, "rbind");
    write_option(w, "rprivate");
    write_option(w, "nosuid");
    write_option(w, "nodev");
    write_option(w, bind->readonly ? "ro" : "rw");
    end_mount(w);
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
        taken = wfe_path_is_same(in->tmpfs[i].target, target);
    for (size_t i = 0; !taken && i < in->n_volumes; i++)
        taken = wfe_path_is_same(in->volumes[i].target, target);
    return taken;
}

/* From the root down, so that a mount never covers one that was asked for below it. */
static void write_user_mounts(wfe_oci_writer *w, const wfe_oci_spec *in)
{
    _cleanup_free_ struct user_mount *list =
        calloc(in->n_tmpfs + in->n_volumes + N_SCRATCH, sizeof *list);
    if (!list) {
        w->rc = WFE_E_NOMEM;
        return;
    }
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
        list[i].depth = wfe_path_depth(list[i].bind ? list[i].bind->target : list[i].tmpfs->target);
    }
    qsort(list, n, sizeof *list, compare_mounts);
    for (size_t i = 0; i < n; i++) {
        if (list[i].bind)
            write_bind(w, list[i].bind);
        else
            write_tmpfs(w, list[i].tmpfs);
    }
}

/* ---- wfe's own ---- */

/* The runtime makes what a target lacks, and follows the image's symbolic links to it: into a
 * volume, when that is there already. */
static void write_own_files(wfe_oci_writer *w, const wfe_oci_spec *in, bool before_volumes)
{
    for (size_t i = 0; i < in->n_binds; i++) {
        if (in->binds[i].before_volumes == before_volumes)
            write_bind(w, &in->binds[i]);
    }
}

/* ---- devices ---- */

void wfe_oci_spec_devices(wfe_oci_writer *w, const wfe_oci_spec *in)
{
    wfe_oci_write_list(w, "devices");
    for (size_t i = 0; i < in->n_devices; i++) {
        const wfe_oci_device *d = &in->devices[i];
        wfe_oci_write_object(w, NULL);
        wfe_oci_write_text(w, "path", d->path);
        wfe_oci_write_text(w, "type", d->is_char ? "c" : "b");
        wfe_oci_write_number(w, "major", d->major);
        wfe_oci_write_number(w, "minor", d->minor);
        wfe_oci_write_number(w, "fileMode", d->mode);
        wfe_oci_write_number(w, "uid", d->uid);
        wfe_oci_write_number(w, "gid", d->gid);
        wfe_oci_write_object_end(w);
    }
    wfe_oci_write_list_end(w);
}

/* ---- all of them ---- */

void wfe_oci_spec_mounts(wfe_oci_writer *w, const wfe_oci_spec *in)
{
    wfe_oci_write_list(w, "mounts");
    write_system_mounts(w, in);
    write_own_files(w, in, true);
    write_user_mounts(w, in);
    write_own_files(w, in, false);
    wfe_oci_write_list_end(w);
}
