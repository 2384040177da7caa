/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/shell_orphans.h"

#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/id.h"
#include "engine/step_name.h"

/* An environment of a step is at most 1 MiB (env.c). */
#define ENVIRONMENT_MAX ((size_t)4 * 1024 * 1024)
#define LOOKS 100
#define PAUSE_NS 10000000L

static void note_path(const wfe_context *context, const char *path, unsigned attempt,
                      char out[PATH_MAX])
{
    char name[WFE_ENGINE_STEP_NAME_SIZE], id[WFE_ID_CONTAINER_SIZE];
    wfe_engine_step_name(path, name);
    wfe_id_container(id, context->run_id, name, attempt);
    snprintf(out, PATH_MAX, "%s/%s.shell", context->run_dir, id);
}

int wfe_shell_note(const wfe_context *context, const char *path, unsigned attempt,
                   const char *output_path, char **ret, wfe_error *err)
{
    char note[PATH_MAX];
    note_path(context, path, attempt, note);
    *ret = strdup(note);
    if (!*ret)
        return wfe_error_nomem(err);
    return wfe_fd_write_file(note, output_path, strlen(output_path), 0600, err);
}

/* Is this text one of those in the environment. */
static bool has_variable(const char *pid, const char *wanted)
{
    char path[64];
    _cleanup_(wfe_buf_done) wfe_buf text = WFE_BUF_INIT(0);
    snprintf(path, sizeof path, "/proc/%s/environ", pid);
    if (wfe_fd_read_file(path, ENVIRONMENT_MAX, &text, NULL) || !text.len)
        return false;
    for (size_t at = 0; at < text.len;) {
        size_t len = strnlen(text.data + at, text.len - at);
        if (len == strlen(wanted) && memcmp(text.data + at, wanted, len) == 0)
            return true;
        at += len + 1;
    }
    return false;
}

/* How many there are; each is killed. */
static unsigned kill_all(const char *wanted)
{
    unsigned n = 0;
    DIR *dir = opendir("/proc");
    for (const struct dirent *item; dir && (item = readdir(dir));) {
        pid_t pid = (pid_t)strtol(item->d_name, NULL, 10);
        if (!isdigit((unsigned char)item->d_name[0]) || pid == getpid() ||
            !has_variable(item->d_name, wanted))
            continue;
        kill(pid, SIGKILL);
        n++;
    }
    if (dir)
        closedir(dir);
    return n;
}

bool wfe_shell_kill_orphans(const wfe_context *context, const char *path, unsigned attempt)
{
    char note[PATH_MAX], wanted[PATH_MAX + 16];
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    _cleanup_(wfe_buf_done) wfe_buf output = WFE_BUF_INIT(0);
    note_path(context, path, attempt, note);
    if (wfe_fd_read_file(note, PATH_MAX - 1, &output, NULL) || !output.len)
        return !context->same_folder;
    snprintf(wanted, sizeof wanted, "WFE_OUTPUT=%.*s", (int)output.len, output.data);
    unsigned left = kill_all(wanted);
    for (int i = 0; left && i < LOOKS; i++) {
        nanosleep(&pause, NULL);
        left = kill_all(wanted);
    }
    if (left)
        wfe_log_warning(&context->log,
                        "step '%s': %u processes of attempt %u, whose wfe was killed, cannot be "
                        "killed",
                        path, left, attempt);
    unlink(wanted + strlen("WFE_OUTPUT="));
    unlink(note);
    return true;
}
