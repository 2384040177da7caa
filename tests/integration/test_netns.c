/* SPDX-License-Identifier: Apache-2.0
 *
 * A network namespace of wfe's own with real containers in it, and what is left of it in the end.
 */
#include "net/netns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixtures/step_group.h"
#include "fixtures/step_run.h"
#include "fixtures/wfe_assert.h"
#include "fixtures/wfe_command.h"
#include "net/probe.h"

typedef struct made {
    wfe_loop *loop;
    wfe_netns *netns;
    bool done;
    wfe_error error;
} made;

static void on_done(const wfe_error *err, void *user)
{
    made *m = user;
    m->done = true;
    m->error = *err;
}

static void folder_of(const private_containerd *daemon, char out[128])
{
    snprintf(out, 128, "%s/" WFE_NETNS_FOLDER, daemon->io_dir);
}

static void begin_in(const char *dir, const char *name, made *m)
{
    wfe_error err = WFE_ERROR_INIT;
    *m = (made){0};
    assert_ok(wfe_loop_new(&m->loop, &err), &err);
    assert_ok(wfe_netns_make(m->loop, dir, name, on_done, m, &m->netns, &err), &err);
}

static void make(const private_containerd *daemon, const char *name, made *m)
{
    wfe_error err = WFE_ERROR_INIT;
    char dir[128];
    folder_of(daemon, dir);
    begin_in(dir, name, m);
    assert_ok(wfe_loop_run_until(m->loop, &m->done, &err), &err);
    assert_ok(m->error.kind, &m->error);
}

static void free_made(made *m)
{
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_netns_free(m->netns, &err), &err);
    wfe_loop_free(m->loop);
}

static bool exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

static void assert_no_folder(const private_containerd *daemon)
{
    char dir[128];
    folder_of(daemon, dir);
    if (exists(dir))
        fail_msg("%s is still there", dir);
}

static wfe_step_options script_in(const made *m, const char *script)
{
    static char network[PATH_MAX + 4];
    snprintf(network, sizeof network, "ns:%s", wfe_netns_path(m->netns));
    wfe_step_options o = step_script(script);
    o.network = network;
    return o;
}

/* The kind of error a probe of this port inside ends with; 0: it connected. */
static int probe(const made *m, uint16_t port)
{
    wfe_error err = WFE_ERROR_INIT;
    made ended = {0};
    wfe_net_job *job = NULL;
    const wfe_net_probe what = {
        .netns = wfe_netns_path(m->netns), .port = port, .timeout_ms = 20000};
    assert_ok(wfe_net_probe_start(m->loop, &what, on_done, &ended, &job, &err), &err);
    assert_ok(wfe_loop_run_until(m->loop, &ended.done, &err), &err);
    return ended.error.kind;
}

/* A listener on the host's loopback. */
static int listen_here(uint16_t *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

/* ---- what is in it ---- */

static void test_netns__has_loopback_up_and_nothing_else(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    made m;
    make(daemon, "only-lo", &m);
    wfe_step_options o = script_in(&m, "ls /sys/class/net; cat /sys/class/net/lo/flags; "
                                       "ping -c 1 -w 5 127.0.0.1 >/dev/null && echo up; "
                                       "wc -l </proc/net/route");
    step_group_expect(&o, o.run, "lo\n0x9\nup\n1\n");
    free_made(&m);
    assert_no_folder(daemon);
    private_containerd_assert_clean(daemon);
}

static void test_netns__hides_the_host(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    made m, host = {0};
    uint16_t port;
    char script[128];
    int fd = listen_here(&port);
    make(daemon, "no-host", &m);
    assert_int_equal(probe(&m, port), WFE_E_UNAVAILABLE);
    snprintf(script, sizeof script, "nc -w 5 127.0.0.1 %u </dev/null && echo reached || echo no",
             port);
    wfe_step_options o = script_in(&m, script);
    step_group_expect(&o, script, "no\n");
    /* It can be reached from here: the probe knows the difference. */
    wfe_error err = WFE_ERROR_INIT;
    wfe_net_job *job = NULL;
    const wfe_net_probe outside = {.port = port, .timeout_ms = 20000};
    assert_ok(wfe_net_probe_start(m.loop, &outside, on_done, &host, &job, &err), &err);
    assert_ok(wfe_loop_run_until(m.loop, &host.done, &err), &err);
    assert_ok(host.error.kind, &host.error);
    close(fd);
    free_made(&m);
}

static void on_step(wfe_step_result *result, const wfe_error *err, void *user)
{
    made *m = user;
    m->done = true;
    m->error = *err;
    wfe_step_result_free(result);
}

/* Two runs may use the same port: each step meets only its own neighbour. */
static void test_netns__connects_the_steps_in_it_and_no_others(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    wfe_error err = WFE_ERROR_INIT;
    made nets[2], steps[2] = {0};
    wfe_step *started[2] = {0};
    for (int i = 0; i < 2; i++) {
        char name[16], script[96];
        snprintf(name, sizeof name, "run%d", i);
        make(daemon, name, &nets[i]);
        snprintf(script, sizeof script, "while :; do echo from-%d | nc -l -p 5432; done", i);
        wfe_step_options o = script_in(&nets[i], script);
        o.name = name;
        o.grace_ms = 1;
        assert_ok(wfe_step_start(step_client_of_group, &o, on_step, &steps[i], &started[i], &err),
                  &err);
    }
    for (int i = 0; i < 2; i++) {
        char wanted[16];
        snprintf(wanted, sizeof wanted, "from-%d\n", i);
        wfe_step_options o = script_in(&nets[i], "i=0; while [ $i -lt 100 ]; do "
                                                 "nc -w 5 127.0.0.1 5432 </dev/null && break; "
                                                 "i=$((i+1)); usleep 100000; done 2>/dev/null");
        step_group_expect(&o, o.run, wanted);
    }
    for (int i = 0; i < 2; i++) {
        wfe_step_cancel(started[i]);
        assert_ok(wfe_client_run(step_client_of_group, &steps[i].done, &err), &err);
        assert_ok(steps[i].error.kind, &steps[i].error);
        free_made(&nets[i]);
    }
    assert_no_folder(daemon);
    private_containerd_assert_clean(daemon);
}

static void test_netns__a_step_says_that_there_is_no_such_namespace(void **state)
{
    private_containerd_of(state);
    wfe_step_options o = step_script("true");
    o.network = "ns:/run/wfe-there-is-no-such";
    wfe_error err = step_group_failure(&o, WFE_E_NOT_FOUND);
    assert_contains(err.message, "/run/wfe-there-is-no-such");
    o.network = "ns:relative";
    err = step_group_failure(&o, WFE_E_INVALID);
    assert_contains(err.message, "absolute");
}

/* ---- making and removing ---- */

static void test_netns__is_removed_also_while_it_is_made(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    char dir[128];
    folder_of(daemon, dir);
    for (int i = 0; i < 10; i++) {
        made m;
        begin_in(dir, "unfinished", &m);
        usleep((useconds_t)i * 300);
        free_made(&m);
        assert_false(m.done);
    }
    assert_no_folder(daemon);
    private_containerd_assert_clean(daemon);
}

static void test_netns__has_a_name_of_its_own(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    wfe_error err = WFE_ERROR_INIT;
    char dir[128];
    folder_of(daemon, dir);
    made first;
    wfe_netns *second = NULL;
    make(daemon, "one", &first);
    assert_fails(wfe_netns_make(first.loop, dir, "one", on_done, &first, &second, &err),
                 WFE_E_CONFLICT, &err);
    assert_true(exists(wfe_netns_path(first.netns)));
    const char *const bad[] = {"", "a/b", "a@b", "a b"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_fails(wfe_netns_make(first.loop, dir, bad[i], on_done, &first, &second, NULL),
                     WFE_E_INVALID, NULL);
    free_made(&first);
}

static void test_netns__needs_root_and_says_so(void **state)
{
    private_containerd_of(state);
    char dir[] = "/tmp/wfe-test-netns.XXXXXX";
    assert_non_null(mkdtemp(dir));
    assert_int_equal(chown(dir, 65534, 65534), 0);
    pid_t pid = fork();
    if (pid == 0) {
        if (setgid(65534) < 0 || setuid(65534) < 0)
            _exit(2);
        made m;
        begin_in(dir, "mine", &m);
        wfe_loop_run_until(m.loop, &m.done, NULL);
        bool good = m.error.kind == WFE_E_DENIED && strstr(m.error.hint, "root");
        good = wfe_netns_free(m.netns, NULL) == 0 && good;
        wfe_loop_free(m.loop);
        _exit(good ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    /* The folder itself went with the last namespace. */
    assert_int_equal(rmdir(dir), -1);
    assert_int_equal(errno, ENOENT);
}

/* ---- wfe gc ---- */

static wfe_command_result gc(const private_containerd *daemon, const char *option)
{
    char address[160], io_dir[96], state_dir[96];
    snprintf(address, sizeof address, "CONTAINERD_ADDRESS=%s", daemon->address);
    snprintf(io_dir, sizeof io_dir, "WFE_IO_DIR=%s", daemon->io_dir);
    snprintf(state_dir, sizeof state_dir, "WFE_STATE_DIR=%s/state-of-wfe", daemon->dir);
    const char *const env[] = {address, io_dir, state_dir, NULL};
    const char *const args[] = {"gc", option, NULL};
    const wfe_command_options options = {.args = args, .env = env};
    wfe_command_result result;
    wfe_command_run(&options, &result);
    if (result.exit_code)
        fail_msg("wfe gc ended with %d: %s", result.exit_code, result.err);
    return result;
}

static void test_netns__gc_takes_those_of_the_dead_and_no_others(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    made mine;
    make(daemon, "alive", &mine);
    int fds[2];
    char dir[128], path[PATH_MAX] = "";
    folder_of(daemon, dir);
    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    if (pid == 0) {
        made m;
        begin_in(dir, "dead", &m);
        wfe_loop_run_until(m.loop, &m.done, NULL);
        ssize_t n = write(fds[1], wfe_netns_path(m.netns), strlen(wfe_netns_path(m.netns)));
        (void)n;
        pause();
        _exit(0);
    }
    assert_true(read(fds[0], path, sizeof path - 1) > 0);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_true(exists(path));
    wfe_command_result result = gc(daemon, "--dry-run");
    assert_contains(result.out, "would remove  network");
    assert_contains(result.out, path);
    assert_null(strstr(result.out, "alive"));
    wfe_command_result_done(&result);
    assert_true(exists(path));
    result = gc(daemon, NULL);
    assert_contains(result.out, path);
    wfe_command_result_done(&result);
    assert_false(exists(path));
    assert_int_equal(probe(&mine, 1), WFE_E_UNAVAILABLE);
    result = gc(daemon, NULL);
    assert_string_equal(result.out, "nothing to do\n");
    wfe_command_result_done(&result);
    close(fds[0]);
    close(fds[1]);
    free_made(&mine);
    assert_no_folder(daemon);
    private_containerd_assert_clean(daemon);
}

static int setup(void **state)
{
    return step_group_setup(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_netns__has_loopback_up_and_nothing_else),
        cmocka_unit_test(test_netns__hides_the_host),
        cmocka_unit_test(test_netns__connects_the_steps_in_it_and_no_others),
        cmocka_unit_test(test_netns__a_step_says_that_there_is_no_such_namespace),
        cmocka_unit_test(test_netns__is_removed_also_while_it_is_made),
        cmocka_unit_test(test_netns__has_a_name_of_its_own),
        cmocka_unit_test(test_netns__needs_root_and_says_so),
        cmocka_unit_test(test_netns__gc_takes_those_of_the_dead_and_no_others),
    };
    return cmocka_run_group_tests(tests, setup, step_group_teardown);
}
