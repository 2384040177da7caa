/* SPDX-License-Identifier: Apache-2.0
 *
 * Logins from the caller, docker's file and helper programs, which are shell scripts in a folder of
 * this run.
 */
#include "fixtures/wfe_assert.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "image/credential.h"

#define LIMIT_US ((uint64_t)20 * 1000 * 1000)

typedef struct rig {
    char dir[40];
    char config[64];
    wfe_loop *loop;
    wfe_credential_sources sources;
    /* What the lookup gave. */
    bool done;
    bool found;
    wfe_credential credential;
    wfe_error err;
} rig;

static int setup(void **state)
{
    rig *r = calloc(1, sizeof *r);
    strcpy(r->dir, "/tmp/wfe-cred-XXXXXX");
    assert_non_null(mkdtemp(r->dir));
    snprintf(r->config, sizeof r->config, "%s/config.json", r->dir);
    char path[256];
    snprintf(path, sizeof path, "%s:/usr/bin:/bin", r->dir);
    setenv("PATH", path, 1);
    assert_ok(wfe_loop_new(&r->loop, &r->err), &r->err);
    r->sources.docker_config = r->config;
    r->sources.helper_timeout_ms = 10000;
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    rig *r = *state;
    wfe_credential_done(&r->credential);
    wfe_loop_free(r->loop);
    int rc = wfe_fd_remove_tree(r->dir, NULL);
    free(r);
    return rc;
}

static void write_config(const rig *r, const char *text)
{
    assert_ok(wfe_fd_write_file(r->config, text, strlen(text), 0600, NULL), NULL);
}

/* A helper that is asked with "get" and has the server's name as its input. */
static void write_helper(const rig *r, const char *name, const char *body)
{
    char path[128], text[1024];
    snprintf(path, sizeof path, "%s/docker-credential-%s", r->dir, name);
    int n = snprintf(text, sizeof text, "#!/bin/sh\n[ \"$*\" = get ] || exit 9\n%s\n", body);
    assert_ok(wfe_fd_write_file(path, text, (size_t)n, 0700, NULL), NULL);
}

static void on_credential(const wfe_credential *credential, const wfe_error *err, void *user)
{
    rig *r = user;
    r->done = true;
    r->err = *err;
    r->found = credential && !wfe_credential_is_empty(credential);
    wfe_credential_done(&r->credential);
    if (credential)
        assert_ok(wfe_credential_copy(credential, &r->credential, NULL), NULL);
}

static void look_up(rig *r, const char *host)
{
    wfe_credential_lookup *lookup = NULL;
    wfe_error err = WFE_ERROR_INIT;
    r->done = false;
    assert_ok(
        wfe_credential_lookup_start(r->loop, &r->sources, host, on_credential, r, &lookup, &err),
        &err);
    assert_false(r->done);
    assert_ok(wfe_loop_run_until(r->loop, &r->done, &err), &err);
}

static void assert_login(rig *r, const char *host, const char *username, const char *password)
{
    look_up(r, host);
    if (r->err.kind)
        wfe_assert_print(&r->err);
    assert_true(r->found);
    assert_string_equal(r->credential.username, username);
    assert_string_equal(r->credential.password, password);
}

static void assert_none(rig *r, const char *host)
{
    look_up(r, host);
    if (r->err.kind)
        wfe_assert_print(&r->err);
    assert_int_equal(r->err.kind, 0);
    assert_false(r->found);
}

static void assert_failed(rig *r, const char *host, int kind, const char *message)
{
    look_up(r, host);
    assert_int_equal(r->err.kind, kind);
    assert_contains(r->err.message, message);
    assert_null(strstr(r->err.message, "SECRET"));
    assert_false(r->found);
}

static void test_credential__has_none_without_a_file(void **state)
{
    rig *r = *state;
    assert_none(r, "a.example");
    r->sources.docker_config = NULL;
    assert_none(r, "a.example");
}

static void test_credential__takes_what_the_caller_says_first(void **state)
{
    rig *r = *state;
    const wfe_registry_login logins[] = {
        {.host = "docker.io", .username = "own", .password = "word"}};
    r->sources.logins = logins;
    r->sources.n_logins = 1;
    write_config(r, "{\"auths\": {\"docker.io\": {\"auth\": \"bWU6c2VjcmV0\"},"
                    "\"a.example\": {\"auth\": \"bWU6c2VjcmV0\"}}}");
    assert_login(r, "registry-1.docker.io", "own", "word");
    assert_login(r, "a.example", "me", "secret");
    assert_none(r, "b.example");
}

static void test_credential__sees_a_login_made_meanwhile(void **state)
{
    rig *r = *state;
    assert_none(r, "a.example");
    write_config(r, "{\"auths\": {\"a.example\": {\"auth\": \"bWU6c2VjcmV0\"}}}");
    assert_login(r, "a.example", "me", "secret");
}

static void test_credential__asks_helpers_before_the_file(void **state)
{
    rig *r = *state;
    write_helper(r, "one",
                 "read -r s; echo \"{\\\"Username\\\":\\\"$s\\\",\\\"Secret\\\":"
                 "\\\"by one\\\"}\"");
    write_helper(r, "all",
                 "read -r s; echo \"{\\\"Username\\\":\\\"$s\\\",\\\"Secret\\\":"
                 "\\\"by all\\\"}\"");
    write_config(r, "{\"credsStore\": \"all\", \"credHelpers\": {\"a.example:5000\": \"one\"},"
                    "\"auths\": {\"b.example\": {\"auth\": \"bWU6c2VjcmV0\"}}}");
    assert_login(r, "a.example:5000", "a.example:5000", "by one");
    assert_login(r, "b.example", "b.example", "by all");
    assert_login(r, "registry-1.docker.io", "https://index.docker.io/v1/", "by all");
}

static void test_credential__goes_on_to_the_file_when_the_helper_has_none(void **state)
{
    rig *r = *state;
    write_helper(r, "all", "echo 'credentials not found in native keychain'; exit 1");
    write_config(r, "{\"credsStore\": \"all\","
                    "\"auths\": {\"b.example\": {\"auth\": \"bWU6c2VjcmV0\"}}}");
    assert_login(r, "b.example", "me", "secret");
    assert_none(r, "c.example");
}

static void test_credential__marks_identity_tokens_of_helpers(void **state)
{
    rig *r = *state;
    write_helper(r, "all", "echo '{\"Username\": \"<token>\", \"Secret\": \"identity\"}'");
    write_config(r, "{\"credsStore\": \"all\"}");
    look_up(r, "a.example");
    assert_true(r->found);
    assert_null(r->credential.username);
    assert_string_equal(r->credential.identity_token, "identity");
}

static void test_credential__says_what_is_wrong_with_a_helper(void **state)
{
    rig *r = *state;
    write_config(r, "{\"credHelpers\": {\"none\": \"absent\", \"bad\": \"../x\", \"fails\": \"f\","
                    "\"fails2\": \"f2\", \"talks\": \"t\", \"long\": \"l\", \"dies\": \"d\"}}");
    write_helper(r, "f", "echo 'the keychain is locked'; exit 3");
    write_helper(r, "f2", "echo '{\"Secret\": \"SECRET\"'; exit 3");
    write_helper(r, "t", "echo 'SECRET'");
    write_helper(r, "l", "head -c 100000 /dev/zero | tr '\\0' x");
    write_helper(r, "d", "kill -9 $$");
    assert_failed(r, "none", WFE_E_UNAVAILABLE, "docker-credential-absent");
    assert_contains(r->err.hint, "install docker-credential-absent");
    assert_failed(r, "bad", WFE_E_INVALID, "no name of a credential helper");
    assert_failed(r, "fails", WFE_E_UNAVAILABLE, "exit code 3: the keychain is locked");
    assert_failed(r, "fails2", WFE_E_UNAVAILABLE, "exit code 3");
    assert_failed(r, "talks", WFE_E_INVALID, "the answer of the credential helper");
    assert_failed(r, "long", WFE_E_LIMIT, "65536 bytes");
    assert_failed(r, "dies", WFE_E_UNAVAILABLE, "exit code 137");
}

static void test_credential__says_what_is_wrong_with_the_file(void **state)
{
    rig *r = *state;
    write_config(r, "{\"auths\": {\"a\": {\"auth\": \"SECRET!\"}}}");
    assert_failed(r, "a", WFE_E_INVALID, r->config);
    write_config(r, "{\"auths\": SECRET");
    assert_failed(r, "a", WFE_E_INVALID, r->config);
}

/* The child wrote its number into a file; it must be gone, and reaped. */
static pid_t pid_of_helper(const rig *r)
{
    char path[64];
    wfe_buf text = WFE_BUF_INIT(0);
    snprintf(path, sizeof path, "%s/pid", r->dir);
    if (wfe_fd_read_file(path, 100, &text, NULL) != 0 || !text.len ||
        text.data[text.len - 1] != '\n') {
        wfe_buf_done(&text);
        return 0;
    }
    pid_t pid = (pid_t)atoi(text.data);
    wfe_buf_done(&text);
    return pid;
}

static void write_sleeper(const rig *r)
{
    char body[128];
    snprintf(body, sizeof body, "echo $$ >%s/pid\nexec sleep 60", r->dir);
    write_helper(r, "slow", body);
    write_config(r, "{\"credsStore\": \"slow\"}");
}

static void test_credential__kills_a_helper_that_takes_too_long(void **state)
{
    rig *r = *state;
    write_sleeper(r);
    r->sources.helper_timeout_ms = 300;
    assert_failed(r, "a.example", WFE_E_TIMEOUT, "no answer for 'a.example' in 300 ms");
    pid_t pid = pid_of_helper(r);
    assert_true(pid == 0 || kill(pid, 0) < 0);
}

static void test_credential__kills_the_helper_of_a_cancelled_lookup(void **state)
{
    rig *r = *state;
    const struct timespec pause = {.tv_nsec = 5 * 1000 * 1000};
    const uint64_t until = wfe_clock_monotonic_us() + LIMIT_US;
    wfe_credential_lookup *lookup = NULL;
    write_sleeper(r);
    assert_ok(wfe_credential_lookup_start(r->loop, &r->sources, "a.example", on_credential, r,
                                          &lookup, NULL),
              NULL);
    while (!pid_of_helper(r)) {
        assert_true(wfe_clock_monotonic_us() < until);
        wfe_loop_run_ready(r->loop);
        nanosleep(&pause, NULL);
    }
    pid_t pid = pid_of_helper(r);
    assert_int_equal(kill(pid, 0), 0);
    wfe_credential_lookup_cancel(lookup);
    assert_true(kill(pid, 0) < 0 && errno == ESRCH);
    wfe_loop_run_ready(r->loop);
    assert_false(r->done);
}

static void test_credential__does_not_wait_for_what_a_helper_left_behind(void **state)
{
    rig *r = *state;
    char body[256];
    snprintf(body, sizeof body,
             "sleep 60 &\necho $! >%s/pid\necho '{\"Username\": \"u\", \"Secret\": \"p\"}'",
             r->dir);
    write_helper(r, "agent", body);
    write_config(r, "{\"credsStore\": \"agent\"}");
    assert_login(r, "a.example", "u", "p");
    kill(pid_of_helper(r), SIGKILL);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_credential__has_none_without_a_file),
        CASE(test_credential__takes_what_the_caller_says_first),
        CASE(test_credential__sees_a_login_made_meanwhile),
        CASE(test_credential__asks_helpers_before_the_file),
        CASE(test_credential__goes_on_to_the_file_when_the_helper_has_none),
        CASE(test_credential__marks_identity_tokens_of_helpers),
        CASE(test_credential__says_what_is_wrong_with_a_helper),
        CASE(test_credential__says_what_is_wrong_with_the_file),
        CASE(test_credential__kills_a_helper_that_takes_too_long),
        CASE(test_credential__kills_the_helper_of_a_cancelled_lookup),
        CASE(test_credential__does_not_wait_for_what_a_helper_left_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
