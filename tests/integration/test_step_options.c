/* SPDX-License-Identifier: Apache-2.0
 *
 * Options of a step that no other program of tests has: names and servers, labels, another
 * snapshotter.
 */
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <wfe/image.h>

#include "fixtures/images.h"
#include "fixtures/private_containerd.h"
#include "fixtures/step_group.h"
#include "fixtures/step_run.h"
#include "fixtures/wfe_assert.h"

static int setup(void **state)
{
    return step_group_setup(state);
}

static void test_step_options__extra_hosts_are_names_of_the_step(void **state)
{
    private_containerd_of(state);
    const char *const hosts[] = {"db:192.0.2.7", "v6:[2001:db8::7]", NULL};
    wfe_step_options options = step_script(NULL);
    options.extra_hosts = hosts;
    step_group_expect(&options, "grep -E '^(192|2001)' /etc/hosts | tr '\t' ' '",
                      "192.0.2.7 db\n2001:db8::7 v6\n");
    step_group_out(&options, "grep -q '^127.0.0.1.*localhost' /etc/hosts");
    options.network = "host";
    step_group_out(&options, "grep -q 192.0.2.7 /etc/hosts && grep -q localhost /etc/hosts");
}

static void test_step_options__dns_servers_are_the_ones_given(void **state)
{
    private_containerd_of(state);
    const char *const dns[] = {"192.0.2.53", "2001:db8::53", NULL};
    wfe_step_options options = step_script(NULL);
    options.network = "host";
    options.dns = dns;
    step_group_expect(&options, "grep ^nameserver /etc/resolv.conf",
                      "nameserver 192.0.2.53\nnameserver 2001:db8::53\n");
}

/* The files of /etc belong to the step: what it writes there stays there. */
static void test_step_options__files_of_etc_are_the_step_s_own(void **state)
{
    private_containerd_of(state);
    wfe_step_options options = step_script(NULL);
    options.network = "host";
    step_group_out(&options, "echo 192.0.2.99 wfe-test-of-hosts >>/etc/hosts && "
                             "echo '# wfe-test' >>/etc/resolv.conf");
    step_group_expect(&options, "grep -c wfe-test /etc/hosts /etc/resolv.conf || :",
                      "/etc/hosts:0\n/etc/resolv.conf:0\n");
    step_group_out(&options, "test -s /etc/resolv.conf");
    assert_int_not_equal(system("grep -q wfe-test /etc/hosts /etc/resolv.conf"), 0);
}

/* ---- labels ---- */

typedef struct looking {
    private_containerd *daemon;
    char *labels;
} looking;

/* While the step runs: the record of the only container. */
static void look_at_record(enum wfe_stream stream, const void *bytes, size_t len, void *user)
{
    looking *l = user;
    char *id = NULL;
    (void)stream;
    (void)bytes;
    (void)len;
    const char *const list[] = {"containers", "ls", "-q", NULL};
    if (l->labels)
        return;
    assert_int_equal(private_containerd_ctr(l->daemon, "default", list, &id), 0);
    id[strcspn(id, "\n")] = '\0';
    const char *const info[] = {"containers", "info", id, NULL};
    assert_int_equal(private_containerd_ctr(l->daemon, "default", info, &l->labels), 0);
    free(id);
}

static void test_step_options__labels_are_on_the_container(void **state)
{
    looking l = {.daemon = private_containerd_of(state)};
    const char *const labels[] = {"team=build", "note=a=b c", NULL};
    wfe_step_options options = step_script("echo up; sleep 1");
    options.labels = labels;
    options.name = "compile";
    options.run_id = "run-7";
    options.attempt = 2;
    options.on_output = look_at_record;
    options.on_output_user = &l;
    wfe_step_result_free(step_run(step_client_of_group, &options));
    assert_non_null(l.labels);
    step_assert_has(l.labels, "\"team\": \"build\"");
    step_assert_has(l.labels, "\"note\": \"a=b c\"");
    step_assert_has(l.labels, "\"wfe.run\": \"run-7\"");
    step_assert_has(l.labels, "\"wfe.step\": \"compile\"");
    step_assert_has(l.labels, "\"wfe.attempt\": \"2\"");
    free(l.labels);
}

/* ---- another snapshotter ---- */

static void test_step_options__another_snapshotter_holds_the_files(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    wfe_client_options client_options = step_client_options(daemon);
    client_options.snapshotter = "native";
    wfe_client *client = step_client_with(&client_options);
    wfe_step_options options = step_script("grep -c ' / overlay ' /proc/mounts; id -u");
    options.user = "app"; /* looked up through a view of that snapshotter */
    wfe_step_result *result = step_run(client, &options); /* unpacked for it on the way */
    step_assert_stream(result, WFE_STDOUT, "0\n1000\n");
    wfe_step_result_free(result);
    wfe_client_free(client);
}

static void test_step_options__leave_nothing_behind(void **state)
{
    private_containerd_assert_clean(private_containerd_of(state));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_step_options__extra_hosts_are_names_of_the_step),
        cmocka_unit_test(test_step_options__dns_servers_are_the_ones_given),
        cmocka_unit_test(test_step_options__files_of_etc_are_the_step_s_own),
        cmocka_unit_test(test_step_options__labels_are_on_the_container),
        cmocka_unit_test(test_step_options__another_snapshotter_holds_the_files),
        cmocka_unit_test(test_step_options__leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, setup, step_group_teardown);
}
