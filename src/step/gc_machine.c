/* SPDX-License-Identifier: Apache-2.0
 *
 * What a container leaves on this machine that containerd knows nothing of. When a client dies
 * while its task is being made, containerd gives the making up: it asks the shim to undo it, for
 * some seconds, and then forgets the shim (containerd 1.6: it lives on, empty) or kills it without
 * the container in it (2.x: runc's state, its cgroup and a process that waits to be started live
 * on). No call reaches either then. They are found by the container's id: the shim by its
 * arguments, runc's state by its place, which no daemon of wfe's or anybody's default changes,
 * containerd's folder of the task by the socket's (gc_bundle.c).
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "containerd/process.h"
#include "step/gc_priv.h"

#define RUNC_ROOT "/run/containerd/runc"
#define SHIM_SOCKETS "/run/containerd/s/"
#define RUNC_MS 20000
#define SHIM_END_MS 10000
/* containerd tries to undo a task for 5 s and to end its shim for 5 s more (containerd 1.6:
 * runtime/v2/manager.go, cleanupTimeout); nothing is forced before it has given up. */
#define UNDO_MS 12000
/* containerd removes the folder of a task by itself when it sees the end of a shim that it knows;
 * it runs the shim's program once more for that. */
#define BUNDLE_MS 5000
#define POLL_MS 20

typedef struct shim_search {
    const char *namespace_name;
    const char *id;
    const char *socket; /* the daemon's */
    wfe_process ours;
    bool foreign; /* another daemon has a shim of this namespace and id */
} shim_search;

static bool is_same_file(const char *a, const char *b)
{
    struct stat first, second;
    if (strcmp(a, b) == 0)
        return true;
    return stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

static const char *value_of(const char *arguments, size_t len, const char *option)
{
    const char *end = arguments + len;
    for (const char *p = arguments; p < end; p += strlen(p) + 1) {
        const char *next = p + strlen(p) + 1;
        if (strcmp(p, option) == 0 && next < end)
            return next;
    }
    return NULL;
}

static int match_shim(pid_t pid, const char *arguments, size_t len, void *user, wfe_error *err)
{
    (void)err;
    shim_search *search = user;
    uint64_t start = 0;
    const char *address = value_of(arguments, len, "-address");
    if (!address || !strstr(arguments, "containerd-shim") ||
        !wfe_process_has_option(arguments, len, "-namespace", search->namespace_name) ||
        !wfe_process_has_option(arguments, len, "-id", search->id) ||
        !wfe_process_stat(pid, &start, NULL))
        return 0;
    if (is_same_file(address, search->socket))
        search->ours = (wfe_process){.pid = pid, .start_time = start};
    else
        search->foreign = true;
    return 0;
}

static int find_shim(const wfe_gc *gc, const char *id, shim_search *out, wfe_error *err)
{
    *out = (shim_search){
        .namespace_name = wfe_containerd_namespace(gc->client->containerd),
        .id = id,
        .socket = wfe_client_socket(gc->client),
    };
    return wfe_process_each(match_shim, out, err);
}

static bool runc_has_it(const shim_search *search)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, RUNC_ROOT "/%s/%s", search->namespace_name, search->id);
    return !search->foreign && access(path, F_OK) == 0;
}

/* ---- forcing ---- */

typedef struct child_end {
    bool done;
    int code;
} child_end;

static void on_child(int code, void *user)
{
    child_end *end = user;
    end->done = true;
    end->code = code;
}

static void on_child_late(void *user)
{
    child_end *end = user;
    end->done = true;
    end->code = -1;
}

static int run_child(wfe_gc *gc, const char *const *argv, int *ret_code, wfe_error *err)
{
    child_end end = {0};
    wfe_child *child = NULL;
    wfe_timer *timer = NULL;
    const wfe_spawn_options spawn = {
        .argv = argv, .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1};
    int rc = wfe_timer_new(gc->client->loop, on_child_late, &end, &timer, err);
    if (!rc)
        rc = wfe_child_spawn(gc->client->loop, &spawn, on_child, &end, &child, err);
    if (!rc) {
        wfe_timer_start(timer, RUNC_MS);
        rc = wfe_loop_run_until(gc->client->loop, &end.done, err);
    }
    if (!rc)
        *ret_code = end.code;
    wfe_child_free(child);
    wfe_timer_free(timer);
    return rc;
}

/* Kills every process of the container, removes its cgroups and runc's state of it. */
static int delete_with_runc(wfe_gc *gc, const shim_search *search, wfe_error *err)
{
    char root[PATH_MAX];
    int code = 0;
    snprintf(root, sizeof root, RUNC_ROOT "/%s", search->namespace_name);
    const char *argv[] = {"runc", "--root", root, "delete", "--force", search->id, NULL};
    int rc = run_child(gc, argv, &code, err);
    if (rc || !runc_has_it(search))
        return rc;
    return wfe_error_set(err, WFE_E_IO, "runc --root %s delete --force %s ended with %d", root,
                         search->id, code);
}

/* The path of the unix socket with this inode, "" when it is no shim's. */
static void find_socket(uint64_t wanted, char out[PATH_MAX])
{
    wfe_buf text = WFE_BUF_INIT(0);
    out[0] = '\0';
    if (wfe_fd_read_file("/proc/net/unix", (size_t)64 * 1024 * 1024, &text, NULL) == 0) {
        char *rest = NULL;
        for (char *line = text.len ? strtok_r(text.data, "\n", &rest) : NULL; line;
             line = strtok_r(NULL, "\n", &rest)) {
            uint64_t inode = 0;
            char path[PATH_MAX] = "";
            if (sscanf(line, "%*s %*s %*s %*s %*s %*s %" SCNu64 " %4095s", &inode, path) == 2 &&
                inode == wanted && strncmp(path, SHIM_SOCKETS, sizeof SHIM_SOCKETS - 1) == 0)
                snprintf(out, PATH_MAX, "%s", path);
        }
    }
    wfe_buf_done(&text);
}

/* Where the shim listens: one of its first descriptors. */
static void shim_socket(pid_t pid, char out[PATH_MAX])
{
    out[0] = '\0';
    for (int fd = 3; fd < 64 && !out[0]; fd++) {
        char link[64], target[64];
        uint64_t inode = 0;
        snprintf(link, sizeof link, "/proc/%d/fd/%d", (int)pid, fd);
        ssize_t n = readlink(link, target, sizeof target - 1);
        if (n <= 0)
            continue;
        target[n] = '\0';
        if (sscanf(target, "socket:[%" SCNu64 "]", &inode) == 1)
            find_socket(inode, out);
    }
}

static int kill_shim(const wfe_process *shim, wfe_error *err)
{
    char path[PATH_MAX];
    _cleanup_close_ int pidfd = wfe_process_open(shim);
    if (pidfd < 0)
        return 0;
    shim_socket(shim->pid, path);
    int rc = wfe_process_signal(pidfd, SIGKILL, err);
    if (rc)
        return rc;
    if (!wfe_process_wait(pidfd, SHIM_END_MS))
        return wfe_error_set(err, WFE_E_TIMEOUT, "shim %d did not end %d s after KILL",
                             (int)shim->pid, SHIM_END_MS / 1000);
    if (path[0])
        unlink(path);
    return 0;
}

/* The folder of a task that has nothing any more: containerd's to remove, or else ours. */
static int remove_bundle(wfe_gc *gc, const char *id, wfe_error *err)
{
    char bundle[PATH_MAX];
    uint64_t until_us = wfe_clock_monotonic_us() + (uint64_t)BUNDLE_MS * 1000;
    while (wfe_gc_bundle_find(gc, id, bundle)) {
        if (wfe_clock_monotonic_us() >= until_us)
            return wfe_gc_bundle_remove(bundle, err);
        int rc = wfe_gc_pause(gc, POLL_MS, err);
        if (rc)
            return rc;
    }
    return 0;
}

static int force(wfe_gc *gc, const shim_search *search, wfe_error *err)
{
    bool has_state = runc_has_it(search);
    int rc = 0;
    if (has_state || search->ours.pid)
        wfe_log_warning(&gc->client->log,
                        "containerd has lost sight of what container '%s' runs in", search->id);
    if (has_state)
        rc = delete_with_runc(gc, search, err);
    if (!rc && search->ours.pid)
        rc = kill_shim(&search->ours, err);
    return rc ? rc : remove_bundle(gc, search->id, err);
}

/* A step of the same name that has begun since: its folder is there before its container. */
static bool is_taken(const wfe_gc *gc, const char *id)
{
    char owner[WFE_OWNER_TEXT_SIZE];
    return wfe_gc_read_folder_owner(gc, id, owner, NULL) == 0 && wfe_owner_is_alive(owner);
}

int wfe_gc_clean_machine(wfe_gc *gc, const char *id, wfe_error *err)
{
    shim_search search;
    char bundle[PATH_MAX];
    if (!wfe_client_is_local(gc->client))
        return 0;
    for (;;) {
        int rc = find_shim(gc, id, &search, err);
        if (rc || is_taken(gc, id) ||
            (!search.ours.pid && !runc_has_it(&search) && !wfe_gc_bundle_find(gc, id, bundle)))
            return rc;
        if (wfe_clock_monotonic_us() - gc->found_us >= (uint64_t)UNDO_MS * 1000)
            return force(gc, &search, err);
        rc = wfe_gc_pause(gc, POLL_MS, err);
        if (rc)
            return rc;
    }
}
