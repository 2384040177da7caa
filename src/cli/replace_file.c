/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/replace_file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/exit_code.h"

/* For the handler, which can be told nothing. */
static char temporary_to_remove[PATH_MAX];

static void on_signal(int signal)
{
    (void)signal;
    if (temporary_to_remove[0])
        unlink(temporary_to_remove);
    _exit(WFE_EXIT_INTERRUPTED);
}

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal}, old;
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        /* nohup stays in force. */
        if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(signals[i], &action, NULL);
    }
}

/* Signals wait meanwhile, so that there is no moment at which the file is there and one would not
 * remove it. */
static void make_temporary(wfe_replace_file *file)
{
    sigset_t ours, before;
    sigemptyset(&ours);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        sigaddset(&ours, signals[i]);
    sigprocmask(SIG_BLOCK, &ours, &before);
    file->fd = mkostemp(file->temporary, O_CLOEXEC);
    if (file->fd >= 0) {
        memcpy(temporary_to_remove, file->temporary, sizeof temporary_to_remove);
        catch_signals();
    }
    int code = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    errno = code;
}

static int open_temporary(wfe_replace_file *file, wfe_error *err)
{
    const char *slash = strrchr(file->target, '/');
    int folder = slash ? (int)(slash - file->target) + 1 : 0;
    int n = snprintf(file->temporary, sizeof file->temporary, "%.*s.%s.XXXXXX", folder,
                     file->target, file->target + folder);
    if (n < 0 || (size_t)n >= sizeof file->temporary) {
        file->temporary[0] = '\0';
        return wfe_error_set(err, WFE_E_LIMIT, "the path '%.200s' is too long", file->target);
    }
    make_temporary(file);
    if (file->fd < 0) {
        file->temporary[0] = '\0';
        return wfe_error_set_errno(err, errno, "cannot make a file beside %s", file->target);
    }
    mode_t mask = umask(0);
    umask(mask);
    (void)fchmod(file->fd, 0666 & ~mask);
    return 0;
}

int wfe_replace_file_open(const char *path, wfe_replace_file *out, wfe_error *err)
{
    struct stat st;
    memset(out, 0, sizeof *out);
    out->fd = -1;
    if (!realpath(path, out->target)) {
        int n = snprintf(out->target, sizeof out->target, "%s", path);
        if (!*path || n < 0 || (size_t)n >= sizeof out->target)
            return wfe_error_set(err, WFE_E_INVALID, "'%.200s' is no path of a file", path);
    }
    if (stat(out->target, &st) == 0 && S_ISDIR(st.st_mode))
        return wfe_error_set(err, WFE_E_INVALID, "%s is a folder, must be a file", path);
    if (stat(out->target, &st) < 0 || S_ISREG(st.st_mode))
        return open_temporary(out, err);
    out->fd = open(out->target, O_WRONLY | O_CLOEXEC);
    return out->fd < 0 ? wfe_error_set_errno(err, errno, "cannot open %s", path) : 0;
}

int wfe_replace_file_commit(wfe_replace_file *file, wfe_error *err)
{
    int fd = file->fd;
    file->fd = -1;
    if (close(fd) < 0)
        return wfe_error_set_errno(err, errno, "cannot write %s", file->target);
    if (!file->temporary[0])
        return 0;
    if (rename(file->temporary, file->target) < 0)
        return wfe_error_set_errno(err, errno, "cannot replace %s", file->target);
    file->temporary[0] = temporary_to_remove[0] = '\0';
    return 0;
}

void wfe_replace_file_done(wfe_replace_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
    if (file->temporary[0])
        unlink(file->temporary);
    file->temporary[0] = temporary_to_remove[0] = '\0';
}
