/* SPDX-License-Identifier: Apache-2.0
 *
 * See wfe/daemon.h. Owns the order of starting and stopping. Everything is decided from what can
 * be seen (the lock, the processes, the socket), never from what an earlier wfe meant to do: any
 * of them may have been killed between two lines.
 */
#include <wfe/daemon.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/sized.h"
#include "containerd/daemon_priv.h"

#define DEFAULT_TIMEOUT_MS 20000
#define KILL_WAIT_MS 10000
#define POLL_MS 20
#define VERSION_MS 5000
#define LOG_MAX_BYTES (10L * 1024 * 1024)
#define SYSTEM_PROGRAMS "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* Plugins of containerd 1.6, 1.7 and 2.x that a private daemon has no use for; an id that a
 * version does not know is ignored there. They need programs or kernel modules that may be
 * missing, listen on ports, or (nri) make sockets outside of this daemon's folder. */
static const char *const disabled_plugins[] = {
    "io.containerd.grpc.v1.cri",          "io.containerd.cri.v1.images",
    "io.containerd.cri.v1.runtime",       "io.containerd.podsandbox.controller.v1.podsandbox",
    "io.containerd.nri.v1.nri",           "io.containerd.snapshotter.v1.aufs",
    "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
    "io.containerd.snapshotter.v1.zfs",   "io.containerd.snapshotter.v1.blockfile",
    "io.containerd.snapshotter.v1.erofs", "io.containerd.internal.v1.restart",
    "io.containerd.internal.v1.tracing",  "io.containerd.tracing.processor.v1.otlp",
};

static uint32_t or_default(uint32_t timeout_ms)
{
    return timeout_ms ? timeout_ms : DEFAULT_TIMEOUT_MS;
}

static int check_dir(const char *dir, wfe_error *err)
{
    if (!dir || dir[0] != '/')
        return wfe_error_set(err, WFE_E_INVALID, "daemon folder '%s' is not an absolute path",
                             dir ? dir : "");
    /* It is written into a TOML text and into a list of paths. */
    for (const char *p = dir; *p; p++) {
        if ((unsigned char)*p < 0x20 || strchr("\"\\:", *p))
            return wfe_error_set(err, WFE_E_INVALID,
                                 "daemon folder '%s' holds a quote, backslash, colon or control "
                                 "character",
                                 dir);
    }
    return 0;
}

static int fill_paths(const char *dir, const char *binaries_dir, wfe_daemon_paths *out,
                      wfe_error *err)
{
    size_t len = strlen(dir);
    while (len > 1 && dir[len - 1] == '/')
        len--;
    if (len > WFE_DAEMON_DIR_MAX) {
        wfe_error_set(err, WFE_E_INVALID,
                      "daemon folder '%s' is %zu bytes long, at most %d allowed", dir, len,
                      WFE_DAEMON_DIR_MAX);
        wfe_error_hint(err, "the path of a unix socket below it must fit 107 bytes");
        return WFE_E_INVALID;
    }
    memset(out, 0, sizeof *out);
    memcpy(out->dir, dir, len);
    const struct {
        char *to;
        const char *name;
    } files[] = {
        {out->config, "config.toml"},
        {out->root, "root"},
        {out->state, "state"},
        {out->socket, "containerd.sock"},
        {out->ttrpc, "ttrpc.sock"},
        {out->log, "containerd.log"},
        {out->pid_file, "containerd.pid"},
        {out->lock, "lock"},
        {out->temporary, "tmp"},
        {out->opt, "opt"},
        {out->rootlesskit, "rootlesskit"},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        snprintf(files[i].to, WFE_DAEMON_PATH_SIZE, "%s/%s", out->dir, files[i].name);
    snprintf(out->rootlesskit_option, sizeof out->rootlesskit_option, "--state-dir=%s",
             out->rootlesskit);
    int n = snprintf(out->programs, sizeof out->programs, "%s%s%s",
                     binaries_dir ? binaries_dir : "", binaries_dir ? ":" : "", SYSTEM_PROGRAMS);
    if (n >= (int)sizeof out->programs)
        return wfe_error_set(err, WFE_E_LIMIT, "path is too long: %s", binaries_dir);
    return 0;
}

/* Checks the options and works out the paths. The folder need not exist; when it does, its real
 * path is used, since mounts are listed under that. */
static int read_options(const wfe_daemon_options *given, wfe_daemon_options *options,
                        wfe_daemon_paths *paths, wfe_error *err)
{
    if (!given)
        return wfe_error_set(err, WFE_E_INVALID, "there are no daemon options");
    int rc = wfe_sized_copy(given, "wfe_daemon_options", options, sizeof *options, err);
    if (!rc)
        rc = check_dir(options->dir, err);
    if (rc)
        return rc;
    char real[PATH_MAX];
    const char *dir = realpath(options->dir, real) ? real : options->dir;
    if (dir == real && (rc = check_dir(real, err)))
        return rc;
    return fill_paths(dir, options->binaries_dir, paths, err);
}

/* A folder that others can write to could hold their config or their socket. */
static int make_dir(const char *dir, wfe_error *err)
{
    int rc = wfe_fd_make_dirs(dir, 0711, err);
    if (rc)
        return rc;
    struct stat st;
    if (stat(dir, &st) < 0)
        return wfe_error_set_errno(err, errno, "cannot look at %s", dir);
    if (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH))) {
        wfe_error_set(err, WFE_E_DENIED, "daemon folder %s belongs to user %u with mode %04o", dir,
                      (unsigned)st.st_uid, (unsigned)(st.st_mode & 07777));
        wfe_error_hint(err, "it must belong to user %u, and no one else may write to it",
                       (unsigned)geteuid());
        return WFE_E_DENIED;
    }
    return 0;
}

/* One start or stop at a time; the lock goes with the fd, also when its holder is killed. */
static int take_lock(const wfe_daemon_paths *paths, uint32_t timeout_ms, int *ret_fd,
                     wfe_error *err)
{
    _cleanup_close_ int fd = open(paths->lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return wfe_error_set_errno(err, errno, "cannot open %s", paths->lock);
    uint64_t end_us = wfe_clock_monotonic_us() + (uint64_t)timeout_ms * 1000;
    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return wfe_error_set_errno(err, errno, "cannot lock %s", paths->lock);
        if (wfe_clock_monotonic_us() >= end_us)
            return wfe_error_set(err, WFE_E_TIMEOUT,
                                 "another start or stop of the daemon in %s has been under way "
                                 "for %u ms",
                                 paths->dir, (unsigned)timeout_ms);
        poll(NULL, 0, POLL_MS);
    }
    *ret_fd = wfe_take_fd(&fd);
    return 0;
}

static int write_config(const wfe_daemon_paths *paths, wfe_error *err)
{
    wfe_buf text = WFE_BUF_INIT(64 * 1024);
    int rc = wfe_buf_printf(&text, err,
                            "# Written by wfe at each start of this daemon.\n"
                            "version = 2\n"
                            "root = \"%s\"\nstate = \"%s\"\n"
                            "disabled_plugins = [\n",
                            paths->root, paths->state);
    for (size_t i = 0; !rc && i < sizeof disabled_plugins / sizeof *disabled_plugins; i++)
        rc = wfe_buf_printf(&text, err, "  \"%s\",\n", disabled_plugins[i]);
    if (!rc)
        rc = wfe_buf_printf(&text, err,
                            "]\n[grpc]\n  address = \"%s\"\n"
                            "[ttrpc]\n  address = \"%s\"\n"
                            "[plugins.\"io.containerd.internal.v1.opt\"]\n  path = \"%s\"\n",
                            paths->socket, paths->ttrpc, paths->opt);
    if (!rc)
        rc = wfe_fd_write_file(paths->config, text.data, text.len, 0600, err);
    wfe_buf_done(&text);
    return rc;
}

bool wfe_daemon_find_program(const char *folders, const char *name, char *out, size_t size)
{
    for (const char *p = folders; *p;) {
        size_t len = strcspn(p, ":");
        snprintf(out, size, "%.*s/%s", (int)len, p, name);
        struct stat st;
        if (stat(out, &st) == 0 && S_ISREG(st.st_mode) && access(out, X_OK) == 0)
            return true;
        p += len + (p[len] == ':');
    }
    return false;
}

static void fill_status(const wfe_daemon_paths *paths, const wfe_process *process,
                        const char *version, wfe_daemon_status *out)
{
    if (!out)
        return;
    memset(out, 0, sizeof *out);
    out->running = process->pid > 0;
    out->pid = process->pid;
    snprintf(out->socket, sizeof out->socket, "%s", paths->socket);
    snprintf(out->log, sizeof out->log, "%s", paths->log);
    snprintf(out->version, sizeof out->version, "%s", version);
}

/* The last line of the log that says something, for an error message. */
static void last_log_line(const wfe_daemon_paths *paths, char *out, size_t size)
{
    out[0] = '\0';
    _cleanup_close_ int fd = open(paths->log, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    char tail[4096];
    if (fd < 0)
        return;
    off_t end = lseek(fd, 0, SEEK_END);
    off_t from = end > (off_t)sizeof tail - 1 ? end - (off_t)sizeof tail + 1 : 0;
    ssize_t n = pread(fd, tail, sizeof tail - 1, from);
    if (n <= 0)
        return;
    while (n > 0 && (tail[n - 1] == '\n' || tail[n - 1] == '\r'))
        n--;
    tail[n] = '\0';
    const char *line = strrchr(tail, '\n');
    snprintf(out, size, "%.400s", line ? line + 1 : tail);
}

/* Keeps the log of a daemon that is started over and over from growing without end. */
static void limit_log(const wfe_daemon_paths *paths)
{
    struct stat st;
    char old[WFE_DAEMON_PATH_SIZE + 4];
    if (stat(paths->log, &st) < 0 || st.st_size <= LOG_MAX_BYTES)
        return;
    snprintf(old, sizeof old, "%s.1", paths->log);
    rename(paths->log, old);
}

static int wait_until_it_answers(const wfe_daemon_paths *paths, const wfe_process *process,
                                 uint32_t timeout_ms, char *version, size_t size, wfe_error *err)
{
    uint64_t end_us = wfe_clock_monotonic_us() + (uint64_t)timeout_ms * 1000;
    _cleanup_close_ int pidfd = wfe_process_open(process);
    char line[512];
    for (;;) {
        if (pidfd < 0 || wfe_process_wait(pidfd, POLL_MS)) {
            last_log_line(paths, line, sizeof line);
            wfe_error_set(err, WFE_E_UNAVAILABLE, "containerd ended while starting: %s", line);
            wfe_error_hint(err, "see %s", paths->log);
            return WFE_E_UNAVAILABLE;
        }
        uint64_t now_us = wfe_clock_monotonic_us();
        if (now_us >= end_us)
            break;
        uint64_t left_ms = (end_us - now_us) / 1000 + 1;
        if (wfe_daemon_probe(paths, left_ms < VERSION_MS ? (uint32_t)left_ms : VERSION_MS, version,
                             size))
            return 0;
    }
    last_log_line(paths, line, sizeof line);
    wfe_error_set(err, WFE_E_TIMEOUT, "containerd (pid %d) did not answer on %s within %u ms: %s",
                  (int)process->pid, paths->socket, (unsigned)timeout_ms, line);
    wfe_error_hint(err, "see %s", paths->log);
    return WFE_E_TIMEOUT;
}

static int end_process(const wfe_process *process, uint32_t timeout_ms, wfe_error *err)
{
    _cleanup_close_ int pidfd = wfe_process_open(process);
    if (pidfd < 0)
        return 0;
    int rc = wfe_process_signal(pidfd, SIGTERM, err);
    if (rc || wfe_process_wait(pidfd, timeout_ms))
        return rc;
    rc = wfe_process_signal(pidfd, SIGKILL, err);
    if (rc || wfe_process_wait(pidfd, KILL_WAIT_MS))
        return rc;
    return wfe_error_set(err, WFE_E_TIMEOUT, "containerd (pid %d) did not end %u ms after SIGKILL",
                         (int)process->pid, (unsigned)KILL_WAIT_MS);
}

static int launch(const wfe_daemon_paths *paths, wfe_process *process, wfe_error *err)
{
    char program[PATH_MAX];
    if (!wfe_daemon_find_program(paths->programs, "containerd", program, sizeof program)) {
        wfe_error_set(err, WFE_E_NOT_FOUND, "there is no program 'containerd' in %s",
                      paths->programs);
        wfe_error_hint(err, "install the package containerd (as root: apt-get install containerd "
                            "runc)");
        return WFE_E_NOT_FOUND;
    }
    int rc = wfe_fd_make_dirs(paths->temporary, 0700, err);
    if (!rc)
        rc = write_config(paths, err);
    if (rc)
        return rc;
    limit_log(paths);
    const char *argv[] = {program, "--config", paths->config, NULL};
    const char *wrapped[WFE_DAEMON_ROOTLESS_WORDS];
    char wrapper[PATH_MAX];
    bool rootless = geteuid() != 0;
    if (rootless)
        rc = wfe_daemon_rootless_command(paths, argv, wrapper, sizeof wrapper, wrapped, err);
    if (!rc)
        rc = wfe_daemon_process_spawn(paths, rootless ? wrapped : argv, process, err);
    if (!rc)
        rc = wfe_daemon_process_record(paths, process, err);
    return rc;
}

static int start_locked(const wfe_daemon_paths *paths, const wfe_daemon_options *options,
                        wfe_daemon_status *status, wfe_error *err)
{
    wfe_process process;
    char version[sizeof status->version] = "";
    int rc = wfe_daemon_process_find(paths, &process, err);
    if (rc)
        return rc;
    bool ran = process.pid > 0;
    rc = ran ? wfe_daemon_process_record(paths, &process, err) : launch(paths, &process, err);
    if (!rc)
        rc = wait_until_it_answers(paths, &process, or_default(options->start_timeout_ms), version,
                                   sizeof version, err);
    if (rc && !ran && process.pid) {
        end_process(&process, or_default(options->stop_timeout_ms), NULL);
        unlink(paths->pid_file);
    }
    if (!rc)
        fill_status(paths, &process, version, status);
    if (!rc && status)
        status->was_running = ran;
    return rc;
}

int wfe_daemon_start(const wfe_daemon_options *options, wfe_daemon_status *status, wfe_error *err)
{
    wfe_daemon_options checked = {0};
    wfe_daemon_paths paths;
    int rc = read_options(options, &checked, &paths, err);
    if (!rc)
        rc = make_dir(paths.dir, err);
    if (!rc) /* again: only now does the folder have a real path */
        rc = read_options(options, &checked, &paths, err);
    _cleanup_close_ int lock = -1;
    if (!rc)
        rc = take_lock(&paths, or_default(checked.start_timeout_ms), &lock, err);
    if (!rc)
        rc = start_locked(&paths, &checked, status, err);
    wfe_error_where(err, "start the private containerd", checked.dir);
    return rc;
}

static int refuse_while_running(const wfe_daemon_paths *paths, wfe_error *err)
{
    char ids[256] = "";
    size_t n = 0;
    int rc = wfe_daemon_clean_count_running(paths, &n, ids, sizeof ids, err);
    if (rc || n == 0)
        return rc;
    wfe_error_set(err, WFE_E_CONFLICT, "%zu container%s of the daemon in %s still run%s: %s", n,
                  n == 1 ? "" : "s", paths->dir, n == 1 ? "s" : "", ids);
    wfe_error_hint(err, "end them first, or stop with --force, which kills them");
    return WFE_E_CONFLICT;
}

static int stop_locked(const wfe_daemon_paths *paths, const wfe_daemon_options *options, bool force,
                       wfe_error *err)
{
    wfe_process process;
    int rc = force ? 0 : refuse_while_running(paths, err);
    if (!rc)
        rc = wfe_daemon_process_find(paths, &process, err);
    if (!rc && process.pid)
        rc = end_process(&process, or_default(options->stop_timeout_ms), err);
    if (!rc)
        rc = wfe_daemon_clean(paths, err);
    if (rc)
        return rc;
    unlink(paths->pid_file);
    unlink(paths->socket);
    unlink(paths->ttrpc);
    return 0;
}

int wfe_daemon_stop(const wfe_daemon_options *options, bool force, wfe_error *err)
{
    wfe_daemon_options checked = {0};
    wfe_daemon_paths paths;
    int rc = read_options(options, &checked, &paths, err);
    struct stat st;
    if (!rc && stat(paths.dir, &st) < 0)
        return errno == ENOENT ? 0
                               : wfe_error_set_errno(err, errno, "cannot look at %s", paths.dir);
    _cleanup_close_ int lock = -1;
    if (!rc)
        rc = take_lock(&paths, or_default(checked.stop_timeout_ms), &lock, err);
    if (!rc)
        rc = stop_locked(&paths, &checked, force, err);
    wfe_error_where(err, "stop the private containerd", checked.dir);
    return rc;
}

int wfe_daemon_query(const wfe_daemon_options *options, wfe_daemon_status *status, wfe_error *err)
{
    wfe_daemon_options checked = {0};
    wfe_daemon_paths paths;
    wfe_process process;
    char version[sizeof status->version] = "";
    int rc = read_options(options, &checked, &paths, err);
    if (!rc && checked.quick) {
        fill_status(&paths, &(wfe_process){0}, "", status);
        status->running = wfe_daemon_accepts(&paths);
        return 0;
    }
    if (!rc)
        rc = wfe_daemon_process_find(&paths, &process, err);
    if (rc)
        return rc;
    if (process.pid && !wfe_daemon_probe(&paths, VERSION_MS, version, sizeof version))
        version[0] = '\0';
    fill_status(&paths, &process, version, status);
    return 0;
}
