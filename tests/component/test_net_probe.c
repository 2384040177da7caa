/* SPDX-License-Identifier: Apache-2.0
 *
 * Probes and jobs against a listener on this machine's loopback, without a namespace of their own.
 */
#include "net/probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixtures/wfe_assert.h"

typedef struct outcome {
    bool done;
    wfe_error error;
} outcome;

static void on_done(const wfe_error *err, void *user)
{
    outcome *out = user;
    out->done = true;
    out->error = *err;
}

/* A listener on a free port; the first connection gets the answer, when there is one. */
typedef struct peer {
    int fd;
    uint16_t port;
    const char *answer;
    char request[2048];
    pthread_t thread;
} peer;

static void *answer_once(void *user)
{
    peer *p = user;
    int fd = accept(p->fd, NULL, NULL);
    if (fd < 0)
        return NULL;
    size_t len = 0;
    while (p->answer && len < sizeof p->request - 1 && !strstr(p->request, "\r\n\r\n")) {
        ssize_t n = recv(fd, p->request + len, sizeof p->request - 1 - len, 0);
        if (n <= 0)
            break;
        len += (size_t)n;
        p->request[len] = '\0';
    }
    for (size_t i = 0; p->answer && i < strlen(p->answer); i++)
        send(fd, p->answer + i, 1, MSG_NOSIGNAL);
    close(fd);
    return NULL;
}

static void open_peer(peer *p, int family)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr *address = family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
    socklen_t len = family == AF_INET ? sizeof v4 : sizeof v6;
    p->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (p->fd < 0 || bind(p->fd, address, len) < 0) {
        print_message("no address of family %d here: %s\n", family, strerror(errno));
        skip();
    }
    assert_int_equal(listen(p->fd, 4), 0);
    assert_int_equal(getsockname(p->fd, address, &len), 0);
    p->port = ntohs(family == AF_INET ? v4.sin_port : v6.sin6_port);
}

static outcome run_probe(const wfe_net_probe *probe)
{
    wfe_error err = WFE_ERROR_INIT;
    outcome out = {0};
    wfe_loop *loop = NULL;
    wfe_net_job *job = NULL;
    assert_ok(wfe_loop_new(&loop, &err), &err);
    assert_ok(wfe_net_probe_start(loop, probe, on_done, &out, &job, &err), &err);
    assert_ok(wfe_loop_run_until(loop, &out.done, &err), &err);
    wfe_loop_free(loop);
    /* Nothing of it is left, not even a zombie. */
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    return out;
}

static outcome get(const char *path, const char *answer, peer *p)
{
    *p = (peer){.answer = answer};
    open_peer(p, AF_INET);
    assert_int_equal(pthread_create(&p->thread, NULL, answer_once, p), 0);
    const wfe_net_probe probe = {.port = p->port, .http_path = path, .timeout_ms = 20000};
    outcome out = run_probe(&probe);
    pthread_join(p->thread, NULL);
    close(p->fd);
    return out;
}

static void test_net_probe__connects_over_ipv4_and_over_ipv6(void **state)
{
    (void)state;
    const int families[] = {AF_INET, AF_INET6};
    for (size_t i = 0; i < 2; i++) {
        peer p = {0};
        open_peer(&p, families[i]);
        const wfe_net_probe probe = {.port = p.port, .timeout_ms = 20000};
        outcome out = run_probe(&probe);
        assert_ok(out.error.kind, &out.error);
        close(p.fd);
    }
}

static void test_net_probe__says_that_nobody_listens(void **state)
{
    (void)state;
    peer p = {0};
    open_peer(&p, AF_INET);
    close(p.fd);
    const wfe_net_probe probe = {.port = p.port, .timeout_ms = 20000};
    outcome out = run_probe(&probe);
    assert_int_equal(out.error.kind, WFE_E_UNAVAILABLE);
    assert_contains(out.error.message, "cannot connect to port");
}

static void test_net_probe__takes_http_status_200_to_399(void **state)
{
    (void)state;
    peer p;
    outcome out = get("/health?x=1", "HTTP/1.0 200 OK\r\n\r\nfine", &p);
    assert_ok(out.error.kind, &out.error);
    assert_contains(p.request, "GET /health?x=1 HTTP/1.1\r\nHost: localhost:");
    out = get("/", "HTTP/1.1 399 Odd\r\n\r\n", &p);
    assert_ok(out.error.kind, &out.error);
    out = get("/", "HTTP/1.1 503 Starting\r\n\r\n", &p);
    assert_int_equal(out.error.kind, WFE_E_PROTOCOL);
    assert_int_equal(out.error.http_status, 503);
    assert_contains(out.error.message, "503");
    out = get("/", "HTTP/1.1 199 Early\r\n\r\n", &p);
    assert_int_equal(out.error.kind, WFE_E_PROTOCOL);
}

static void test_net_probe__does_not_take_another_protocol_for_http(void **state)
{
    (void)state;
    const char *const answers[] = {"220 smtp.example ESMTP\r\n", "", "HTTP/1.1 ",
                                   "HTTP/1.1 abc\r\n", "\0\0\0\0\0\0\0\0\0\0\0\0"};
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        peer p;
        outcome out = get("/", answers[i], &p);
        assert_int_equal(out.error.kind, WFE_E_PROTOCOL);
        assert_contains(out.error.message, "HTTP");
    }
}

static void test_net_probe__gives_up_when_the_time_is_up(void **state)
{
    (void)state;
    peer p = {0};
    open_peer(&p, AF_INET); /* connections are taken by the kernel, and never answered */
    const wfe_net_probe probe = {.port = p.port, .http_path = "/", .timeout_ms = 50};
    outcome out = run_probe(&probe);
    assert_int_equal(out.error.kind, WFE_E_TIMEOUT);
    assert_contains(out.error.message, "50 ms");
    close(p.fd);
}

static void test_net_probe__refuses_what_is_no_path_or_port(void **state)
{
    (void)state;
    const char *const paths[] = {"", "health", "/a b", "/a\r\nX: y", "/\xC3\xA9"};
    wfe_loop *loop = NULL;
    wfe_net_job *job = NULL;
    assert_ok(wfe_loop_new(&loop, NULL), NULL);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        wfe_error err = WFE_ERROR_INIT;
        const wfe_net_probe probe = {.port = 1, .http_path = paths[i], .timeout_ms = 1000};
        assert_fails(wfe_net_probe_start(loop, &probe, on_done, NULL, &job, &err), WFE_E_INVALID,
                     &err);
    }
    const wfe_net_probe probe = {.timeout_ms = 1000};
    assert_fails(wfe_net_probe_start(loop, &probe, on_done, NULL, &job, NULL), WFE_E_INVALID, NULL);
    wfe_loop_free(loop);
}

/* ---- jobs ---- */

static int sleep_long(const void *task, wfe_error *err)
{
    (void)task;
    (void)err;
    sleep(600);
    return 0;
}

static int die(const void *task, wfe_error *err)
{
    (void)task;
    (void)err;
    kill(getpid(), SIGKILL);
    return 0;
}

static int count_fds(const void *task, wfe_error *err)
{
    int others = 0;
    for (int fd = 4; fd < 256; fd++)
        others += fcntl(fd, F_GETFD) >= 0;
    return others ? wfe_error_set(err, WFE_E_CONFLICT, "%d of %d", others, *(const int *)task) : 0;
}

static int raise_interrupt(const void *task, wfe_error *err)
{
    (void)task;
    (void)err;
    return raise(SIGINT);
}

static outcome run_job(wfe_net_job_fn fn, const void *task)
{
    wfe_error err = WFE_ERROR_INIT;
    outcome out = {0};
    wfe_loop *loop = NULL;
    wfe_net_job *job = NULL;
    assert_ok(wfe_loop_new(&loop, &err), &err);
    assert_ok(wfe_net_job_start(loop, fn, task, 20000, on_done, &out, &job, &err), &err);
    assert_false(out.done);
    assert_ok(wfe_loop_run_until(loop, &out.done, &err), &err);
    wfe_loop_free(loop);
    return out;
}

static void test_net_job__says_that_it_died(void **state)
{
    (void)state;
    outcome out = run_job(die, NULL);
    assert_int_equal(out.error.kind, WFE_E_IO);
    assert_contains(out.error.message, "died");
}

static void test_net_job__holds_no_descriptor_of_ours(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    int task = 42;
    outcome out = run_job(count_fds, &task);
    assert_ok(out.error.kind, &out.error);
    close(fds[0]);
    close(fds[1]);
}

static void test_net_job__runs_no_signal_handler(void **state)
{
    (void)state;
    outcome out = run_job(raise_interrupt, NULL);
    assert_ok(out.error.kind, &out.error);
}

static void test_net_job__is_killed_when_it_is_cancelled(void **state)
{
    (void)state;
    wfe_loop *loop = NULL;
    wfe_net_job *job = NULL;
    outcome out = {0};
    assert_ok(wfe_loop_new(&loop, NULL), NULL);
    assert_ok(wfe_net_job_start(loop, sleep_long, NULL, 600000, on_done, &out, &job, NULL), NULL);
    wfe_net_job_cancel(job);
    wfe_net_job_cancel(NULL);
    wfe_loop_free(loop);
    assert_false(out.done);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_net_probe__connects_over_ipv4_and_over_ipv6),
        cmocka_unit_test(test_net_probe__says_that_nobody_listens),
        cmocka_unit_test(test_net_probe__takes_http_status_200_to_399),
        cmocka_unit_test(test_net_probe__does_not_take_another_protocol_for_http),
        cmocka_unit_test(test_net_probe__gives_up_when_the_time_is_up),
        cmocka_unit_test(test_net_probe__refuses_what_is_no_path_or_port),
        cmocka_unit_test(test_net_job__says_that_it_died),
        cmocka_unit_test(test_net_job__holds_no_descriptor_of_ours),
        cmocka_unit_test(test_net_job__runs_no_signal_handler),
        cmocka_unit_test(test_net_job__is_killed_when_it_is_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
