/* SPDX-License-Identifier: Apache-2.0
 *
 * One run of a docker credential helper: the server's name on its stdin, JSON on its stdout. Its
 * end is the end of the process, not of its output, which a daemon it started may hold open.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/utf8.h"
#include "image/credential.h"
#include "image/secret.h"

#define ANSWER_MAX_BYTES ((size_t)64 * 1024)
#define NAME_MAX_LENGTH 100
#define SHOWN_MAX_BYTES 200

struct wfe_credential_helper {
    char program[NAME_MAX_LENGTH + sizeof "docker-credential-"];
    char *host;
    wfe_child *child;
    int out_fd;
    wfe_io *out;
    wfe_timer *deadline;
    uint32_t timeout_ms;
    wfe_buf answer;
    bool too_long;
    bool timed_out;
    wfe_credential_fn fn;
    void *user;
};

static void helper_free(wfe_credential_helper *helper)
{
    wfe_child_free(helper->child);
    wfe_io_free(helper->out);
    wfe_timer_free(helper->deadline);
    wfe_cleanup_close(&helper->out_fd);
    wfe_secret_buf_done(&helper->answer);
    free(helper->host);
    free(helper);
}

static void read_output(wfe_credential_helper *helper)
{
    char bytes[4096];
    ssize_t n;
    while ((n = read(helper->out_fd, bytes, sizeof bytes)) > 0 || (n < 0 && errno == EINTR)) {
        if (n > 0 && wfe_buf_append(&helper->answer, bytes, (size_t)n, NULL) != 0)
            helper->too_long = true;
    }
    explicit_bzero(bytes, sizeof bytes);
    if (n == 0)
        wfe_io_watch(helper->out, 0, NULL);
}

static void on_output(unsigned events, void *user)
{
    (void)events;
    read_output(user);
}

/* What a failed helper said, unless it may be an answer after all. */
static int failed(const wfe_credential_helper *helper, int exit_code, wfe_error *err)
{
    const char *text = helper->answer.data ? helper->answer.data : "";
    size_t len = strcspn(text, "\r\n");
    if (strchr(text, '{') || !wfe_utf8_is_valid(text, len))
        len = 0;
    wfe_error_set(err, WFE_E_UNAVAILABLE,
                  "the credential helper %s failed for '%s': exit code %d%s%.*s", helper->program,
                  helper->host, exit_code, len ? ": " : "",
                  (int)wfe_utf8_prefix(text, len < SHOWN_MAX_BYTES ? len : SHOWN_MAX_BYTES), text);
    wfe_error_hint(err, "log in again, or try: echo %s | %s get", helper->host, helper->program);
    return WFE_E_UNAVAILABLE;
}

static int examine(const wfe_credential_helper *helper, int exit_code, wfe_credential *out,
                   wfe_error *err)
{
    if (helper->timed_out)
        return wfe_error_set(err, WFE_E_TIMEOUT,
                             "the credential helper %s gave no answer for '%s' in %u ms",
                             helper->program, helper->host, helper->timeout_ms);
    if (helper->too_long)
        return wfe_error_set(err, WFE_E_LIMIT,
                             "the credential helper %s answered with more than %zu bytes",
                             helper->program, ANSWER_MAX_BYTES);
    /* docker's own helpers share this text (docker-credential-helpers: credentials/error.go). */
    if (exit_code && helper->answer.data &&
        strstr(helper->answer.data, "credentials not found in native keychain"))
        return 0;
    if (exit_code)
        return failed(helper, exit_code, err);
    int rc = wfe_docker_config_parse_answer(helper->answer.data ? helper->answer.data : "",
                                            helper->answer.len, out, err);
    if (rc)
        wfe_error_prefix(err, "the answer of the credential helper %s", helper->program);
    return rc;
}

static void on_exit_of_child(int exit_code, void *user)
{
    wfe_credential_helper *helper = user;
    wfe_credential found = {0};
    wfe_error err = WFE_ERROR_INIT;
    read_output(helper);
    int rc = examine(helper, exit_code, &found, &err);
    wfe_credential_fn fn = helper->fn;
    void *fn_user = helper->user;
    helper_free(helper);
    fn(rc ? NULL : &found, &err, fn_user);
    wfe_credential_done(&found);
}

static void on_deadline(void *user)
{
    wfe_credential_helper *helper = user;
    helper->timed_out = true;
    kill(wfe_child_pid(helper->child), SIGKILL);
}

/* A pipe that holds the name already, so that nobody has to write: it is far smaller than a
 * pipe's buffer. */
static int fill_input(const char *host, int *ret_fd, wfe_error *err)
{
    _cleanup_close_ int from = -1, to = -1;
    int fds[2];
    const char *server = wfe_docker_config_server(host);
    if (pipe2(fds, O_CLOEXEC) < 0)
        return wfe_error_set_errno(err, errno, "cannot make a pipe");
    from = fds[0];
    to = fds[1];
    if (write(to, server, strlen(server)) != (ssize_t)strlen(server))
        return wfe_error_set_errno(err, errno, "cannot write to a pipe");
    *ret_fd = wfe_take_fd(&from);
    return 0;
}

static int run(wfe_loop *loop, wfe_credential_helper *helper, wfe_error *err)
{
    _cleanup_close_ int in = -1, out = -1;
    int fds[2];
    int rc = fill_input(helper->host, &in, err);
    if (rc)
        return rc;
    if (pipe2(fds, O_CLOEXEC) < 0)
        return wfe_error_set_errno(err, errno, "cannot make a pipe");
    helper->out_fd = fds[0];
    out = fds[1];
    fcntl(helper->out_fd, F_SETFL, O_NONBLOCK);
    rc = wfe_io_new(loop, helper->out_fd, on_output, helper, &helper->out, err);
    if (!rc)
        rc = wfe_timer_new(loop, on_deadline, helper, &helper->deadline, err);
    if (!rc)
        rc = wfe_io_watch(helper->out, WFE_IO_READABLE, err);
    if (rc)
        return rc;
    const char *const argv[] = {helper->program, "get", NULL};
    const wfe_spawn_options options = {
        .argv = argv, .stdin_fd = in, .stdout_fd = out, .stderr_fd = -1};
    rc = wfe_child_spawn(loop, &options, on_exit_of_child, helper, &helper->child, err);
    if (!rc)
        wfe_timer_start(helper->deadline, helper->timeout_ms);
    return rc;
}

static bool is_helper_name(const char *name)
{
    size_t len = strlen(name);
    return len && len <= NAME_MAX_LENGTH &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == len;
}

int wfe_credential_helper_start(wfe_loop *loop, const char *name, const char *host,
                                uint32_t timeout_ms, wfe_credential_fn fn, void *user,
                                wfe_credential_helper **ret, wfe_error *err)
{
    if (!is_helper_name(name))
        return wfe_error_set(err, WFE_E_INVALID,
                             "'%.100s' is no name of a credential helper (letters, digits and ._-)",
                             name);
    wfe_credential_helper *helper = calloc(1, sizeof *helper);
    if (!helper)
        return wfe_error_nomem(err);
    snprintf(helper->program, sizeof helper->program, "docker-credential-%s", name);
    helper->out_fd = -1;
    helper->timeout_ms = timeout_ms;
    helper->answer.max_bytes = ANSWER_MAX_BYTES;
    helper->fn = fn;
    helper->user = user;
    helper->host = strdup(host);
    wfe_error why = WFE_ERROR_INIT;
    /* Room for all of it at once: a buffer that grows leaves copies behind. */
    int rc = helper->host ? wfe_buf_reserve(&helper->answer, ANSWER_MAX_BYTES, &why)
                          : wfe_error_nomem(&why);
    if (!rc)
        rc = run(loop, helper, &why);
    if (rc) {
        helper_free(helper);
        wfe_error_set(err, rc == WFE_E_NOMEM ? rc : WFE_E_UNAVAILABLE, "%s", why.message);
        wfe_error_hint(err, "install docker-credential-%s, or take it out of docker's config.json",
                       name);
        return rc == WFE_E_NOMEM ? rc : WFE_E_UNAVAILABLE;
    }
    *ret = helper;
    return 0;
}

void wfe_credential_helper_cancel(wfe_credential_helper *helper)
{
    if (!helper)
        return;
    pid_t pid = wfe_child_pid(helper->child);
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    helper_free(helper);
}
