/* SPDX-License-Identifier: Apache-2.0
 *
 * What a containerd leaves behind when it ends: shims and their containers, mounts, runtime state,
 * and what the shims made outside of the daemon's folder: their sockets (/run/containerd/s/HASH)
 * and runc's state (/run/containerd/runc/NAMESPACE/ID; containerd 1.6: pkg/process/init.go), both
 * at places that the daemon's config cannot change.
 *
 * Shims are shared programs that any containerd on the machine runs: one is this daemon's only if
 * it was started with this daemon's socket as its -address.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "containerd/daemon_priv.h"

#define RUNC_ROOT "/run/containerd/runc"
#define SHIM_SOCKETS "/run/containerd/s/"
#define RUNC_MS 20000
#define SHIM_WAIT_MS 10000
#define SHIMS_MAX 4096
#define MOUNTS_MAX_BYTES ((size_t)64 * 1024 * 1024)
#define UNMOUNT_ROUNDS 4

typedef struct shim_list {
    const wfe_daemon_paths *paths;
    wfe_process *items;
    size_t len;
} shim_list;

static int add_shim(pid_t pid, const char *arguments, size_t len, void *user, wfe_error *err)
{
    shim_list *shims = user;
    uint64_t start = 0;
    if (!wfe_process_has_option(arguments, len, "-address", shims->paths->socket) ||
        !wfe_process_stat(pid, &start, NULL))
        return 0;
    if (shims->len == SHIMS_MAX)
        return wfe_error_set(err, WFE_E_LIMIT, "the daemon in %s has more than %d shims",
                             shims->paths->dir, SHIMS_MAX);
    wfe_process *items = realloc(shims->items, (shims->len + 1) * sizeof *items);
    if (!items)
        return wfe_error_nomem(err);
    shims->items = items;
    shims->items[shims->len++] = (wfe_process){.pid = pid, .start_time = start};
    return 0;
}

static bool is_shim(const shim_list *shims, pid_t pid)
{
    for (size_t i = 0; i < shims->len; i++) {
        if (shims->items[i].pid == pid)
            return true;
    }
    return false;
}

/* A running container's folder below the daemon's state. */
typedef struct bundle {
    const char *namespace_name;
    const char *id;
    char path[PATH_MAX];
} bundle;

typedef int (*bundle_fn)(const bundle *bundle, void *user, wfe_error *err);

static int each_entry(const char *folder,
                      int (*fn)(const char *, const char *, void *, wfe_error *), void *user,
                      wfe_error *err)
{
    DIR *entries = opendir(folder);
    if (!entries)
        return errno == ENOENT || errno == ENOTDIR
                   ? 0
                   : wfe_error_set_errno(err, errno, "cannot open %s", folder);
    int rc = 0;
    struct dirent *entry;
    while (!rc && (entry = readdir(entries))) {
        if (entry->d_name[0] != '.')
            rc = fn(folder, entry->d_name, user, err);
    }
    closedir(entries);
    return rc;
}

typedef struct bundle_walk {
    bundle_fn fn;
    void *user;
    const char *namespace_name;
} bundle_walk;

static int visit_bundle(const char *folder, const char *name, void *user, wfe_error *err)
{
    bundle_walk *walk = user;
    bundle found = {.namespace_name = walk->namespace_name, .id = name};
    snprintf(found.path, sizeof found.path, "%s/%s", folder, name);
    return walk->fn(&found, walk->user, err);
}

static int visit_namespace(const char *folder, const char *name, void *user, wfe_error *err)
{
    bundle_walk *walk = user;
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    walk->namespace_name = name;
    return each_entry(path, visit_bundle, walk, err);
}

static int each_bundle(const wfe_daemon_paths *paths, bundle_fn fn, void *user, wfe_error *err)
{
    char folder[WFE_DAEMON_PATH_SIZE + 64];
    snprintf(folder, sizeof folder, "%s/io.containerd.runtime.v2.task", paths->state);
    bundle_walk walk = {.fn = fn, .user = user};
    return each_entry(folder, visit_namespace, &walk, err);
}

/* The container's first process, when it runs. The file may be older than a reboot and its number
 * taken by someone else: it must be a child of one of this daemon's shims. */
static pid_t running_init(const bundle *found, const shim_list *shims)
{
    char path[PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/init.pid", found->path);
    wfe_buf text = WFE_BUF_INIT(0);
    pid_t pid = 0, parent = 0;
    uint64_t start = 0;
    if (wfe_fd_read_file(path, 64, &text, NULL) == 0)
        pid = (pid_t)atoi(text.data);
    wfe_buf_done(&text);
    bool runs = pid > 0 && wfe_process_stat(pid, &start, &parent) && is_shim(shims, parent);
    return runs ? pid : 0;
}

typedef struct running_count {
    const shim_list *shims;
    size_t n;
    char *ids;
    size_t size;
} running_count;

static void add_id(running_count *count, const char *id)
{
    size_t used = strlen(count->ids);
    if (used + 8 < count->size)
        snprintf(count->ids + used, count->size - used, "%s%s", count->n ? ", " : "", id);
    count->n++;
}

static int count_bundle(const bundle *found, void *user, wfe_error *err)
{
    (void)err;
    running_count *count = user;
    if (!running_init(found, count->shims))
        return 0;
    add_id(count, found->id);
    return 0;
}

/* Of a rootless daemon each shim counts: the numbers in its files are those of its own pid
 * namespace, and a shim ends with its container. */
static int count_shim(pid_t pid, const char *arguments, size_t len, void *user, wfe_error *err)
{
    (void)err;
    running_count *count = user;
    uint64_t start = 0;
    if (!wfe_process_has_option(arguments, len, "-address", count->shims->paths->socket) ||
        !wfe_process_stat(pid, &start, NULL))
        return 0;
    const char *id = "?";
    for (const char *p = arguments; p < arguments + len; p += strlen(p) + 1) {
        const char *next = p + strlen(p) + 1;
        if (strcmp(p, "-id") == 0 && next < arguments + len)
            id = next;
    }
    add_id(count, id);
    return 0;
}

int wfe_daemon_clean_count_running(const wfe_daemon_paths *paths, size_t *ret_n, char *ids,
                                   size_t size, wfe_error *err)
{
    shim_list shims = {.paths = paths};
    running_count count = {.shims = &shims, .ids = ids, .size = size};
    if (geteuid() != 0) {
        int rc = wfe_process_each(count_shim, &count, err);
        if (!rc)
            *ret_n = count.n;
        return rc;
    }
    int rc = wfe_process_each(add_shim, &shims, err);
    if (!rc)
        rc = each_bundle(paths, count_bundle, &count, err);
    free(shims.items);
    if (!rc)
        *ret_n = count.n;
    return rc;
}

/* Is runc's state of that namespace and id about this very bundle: another containerd may run a
 * container of the same name, and runc keeps both at the same place. */
static bool runc_knows(const bundle *found)
{
    char path[PATH_MAX], label[PATH_MAX + 16];
    snprintf(path, sizeof path, RUNC_ROOT "/%s/%s/state.json", found->namespace_name, found->id);
    snprintf(label, sizeof label, "\"bundle=%s\"", found->path);
    wfe_buf text = WFE_BUF_INIT(0);
    bool ours = wfe_fd_read_file(path, (size_t)4 * 1024 * 1024, &text, NULL) == 0 && text.len &&
                strstr(text.data, label);
    wfe_buf_done(&text);
    return ours;
}

typedef struct bundle_end {
    const wfe_daemon_paths *paths;
    const shim_list *shims;
} bundle_end;

/* Kills every process of the container and removes its cgroup. */
static int end_container(const bundle *found, void *user, wfe_error *err)
{
    (void)err;
    const bundle_end *end = user;
    if (runc_knows(found)) {
        char root[PATH_MAX];
        snprintf(root, sizeof root, RUNC_ROOT "/%s", found->namespace_name);
        const char *argv[] = {"runc", "--root", root, "delete", "--force", found->id, NULL};
        int code = 0;
        /* Without runc the first process is killed below, and its PID namespace with it. */
        (void)wfe_daemon_process_run(end->paths, argv, RUNC_MS, &code, NULL);
    }
    pid_t pid = running_init(found, end->shims);
    if (pid > 0)
        kill(pid, SIGKILL);
    return 0;
}

/* The shim's socket, as written in its bundle: plain text in "address" (1.6, 1.7), JSON in
 * "bootstrap.json" (1.7, 2.x). */
static void remove_socket_named_in(const char *folder, const char *file)
{
    char path[PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    wfe_buf text = WFE_BUF_INIT(0);
    if (wfe_fd_read_file(path, 4096, &text, NULL) == 0 && text.len) {
        char *socket_path = strstr(text.data, "unix://" SHIM_SOCKETS);
        if (socket_path) {
            socket_path += sizeof "unix://" - 1;
            socket_path[strcspn(socket_path, "\",} \r\n")] = '\0';
            if (!strchr(socket_path + sizeof SHIM_SOCKETS - 1, '/'))
                unlink(socket_path);
        }
    }
    wfe_buf_done(&text);
}

static int remove_socket(const bundle *found, void *user, wfe_error *err)
{
    (void)user;
    (void)err;
    remove_socket_named_in(found->path, "address");
    remove_socket_named_in(found->path, "bootstrap.json");
    return 0;
}

static int end_shims(const shim_list *shims, wfe_error *err)
{
    for (size_t i = 0; i < shims->len; i++) {
        _cleanup_close_ int pidfd = wfe_process_open(&shims->items[i]);
        if (pidfd < 0)
            continue;
        int rc = wfe_process_signal(pidfd, SIGKILL, err);
        if (rc)
            return rc;
        if (!wfe_process_wait(pidfd, SHIM_WAIT_MS))
            return wfe_error_set(err, WFE_E_TIMEOUT, "shim %d did not end %d ms after SIGKILL",
                                 (int)shims->items[i].pid, SHIM_WAIT_MS);
    }
    return 0;
}

/* mountinfo writes space, tab, newline and backslash as three octal digits (proc(5)). */
static void unescape(char *text)
{
    char *to = text;
    for (const char *p = text; *p; p++) {
        if (p[0] == '\\' && p[1] >= '0' && p[1] <= '3' && p[2] && p[3]) {
            *to++ = (char)((p[1] - '0') * 64 + (p[2] - '0') * 8 + (p[3] - '0'));
            p += 3;
        } else {
            *to++ = *p;
        }
    }
    *to = '\0';
}

/* Unmounts what mountinfo lists below dir, the last mounted first, so that what lies on top goes
 * before what it covers. Gives how many there were. */
static int unmount_once(const char *dir, size_t *ret_n, wfe_error *err)
{
    wfe_buf text = WFE_BUF_INIT(0);
    int rc = wfe_fd_read_file("/proc/self/mountinfo", MOUNTS_MAX_BYTES, &text, err);
    size_t n = 0, dir_len = strlen(dir);
    char *line = rc ? NULL : text.data + text.len;
    while (line && line > text.data) {
        if (line[-1] == '\n')
            *--line = '\0';
        while (line > text.data && line[-1] != '\n')
            line--;
        char point[PATH_MAX];
        if (sscanf(line, "%*d %*d %*s %*s %4095s", point) != 1)
            continue;
        unescape(point);
        if (strncmp(point, dir, dir_len) != 0 || point[dir_len] != '/')
            continue;
        n++;
        umount2(point, MNT_DETACH | UMOUNT_NOFOLLOW);
    }
    wfe_buf_done(&text);
    if (!rc)
        *ret_n = n;
    return rc;
}

static int unmount_below(const char *dir, wfe_error *err)
{
    size_t n = 1;
    for (int round = 0; round < UNMOUNT_ROUNDS && n; round++) {
        int rc = unmount_once(dir, &n, err);
        if (rc)
            return rc;
    }
    if (n)
        return wfe_error_set(err, WFE_E_IO, "%zu mounts below %s cannot be unmounted", n, dir);
    return 0;
}

/* Mounts, sockets and processes of a rootless daemon go with its namespaces, which may take a
 * moment. */
static int clean_rootless(const wfe_daemon_paths *paths, wfe_error *err)
{
    shim_list shims = {.paths = paths};
    int rc = wfe_process_each(add_shim, &shims, err);
    if (!rc)
        rc = end_shims(&shims, err);
    free(shims.items);
    if (!rc)
        rc = wfe_fd_remove_tree(paths->state, err);
    return rc ? rc : wfe_fd_remove_tree(paths->rootlesskit, err);
}

int wfe_daemon_clean(const wfe_daemon_paths *paths, wfe_error *err)
{
    if (geteuid() != 0)
        return clean_rootless(paths, err);
    shim_list shims = {.paths = paths};
    bundle_end end = {.paths = paths, .shims = &shims};
    int rc = wfe_process_each(add_shim, &shims, err);
    if (!rc)
        rc = each_bundle(paths, end_container, &end, err);
    if (!rc)
        rc = end_shims(&shims, err);
    if (!rc)
        rc = each_bundle(paths, remove_socket, NULL, err);
    if (!rc)
        rc = unmount_below(paths->dir, err);
    if (!rc) /* only now: while something is mounted there, this would remove its content */
        rc = wfe_fd_remove_tree(paths->state, err);
    free(shims.items);
    return rc;
}
