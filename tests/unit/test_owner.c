/* SPDX-License-Identifier: Apache-2.0 */
#include "base/owner.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixtures/wfe_assert.h"

/* A child with this name that waits to be killed. */
static pid_t start_child(const char *name)
{
    int ready[2];
    char byte = 0;
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        prctl(PR_SET_NAME, name);
        if (write(ready[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    assert_true(pid > 0);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    return pid;
}

static void end_child(pid_t pid)
{
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_owner__is_alive_while_its_process_is(void **state)
{
    (void)state;
    char text[WFE_OWNER_TEXT_SIZE], again[WFE_OWNER_TEXT_SIZE];
    wfe_owner_format(text);
    wfe_owner_format_pid(getpid(), again);
    assert_string_equal(text, again);
    assert_true(wfe_owner_is_alive(text));
    pid_t pid = start_child("child");
    wfe_owner_format_pid(pid, text);
    assert_true(wfe_owner_is_alive(text));
    end_child(pid);
    assert_false(wfe_owner_is_alive(text));
}

/* The name is the second field of /proc/pid/stat, in parentheses of its own. */
static void test_owner__is_not_misled_by_a_process_s_name(void **state)
{
    (void)state;
    static const char *const names[] = {"a) R 1 2 3", "((", "))", " 9 9 9 9", "x"};
    char plain[WFE_OWNER_TEXT_SIZE];
    wfe_owner_format(plain);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char text[WFE_OWNER_TEXT_SIZE];
        int read_pid = 0;
        unsigned long long start = 0, own = 0;
        pid_t pid = start_child(names[i]);
        wfe_owner_format_pid(pid, text);
        assert_int_equal(sscanf(text, "%d:%llu:", &read_pid, &start), 2);
        assert_int_equal(read_pid, pid);
        assert_int_equal(sscanf(plain, "%*d:%llu:", &own), 1);
        assert_true(start >= own); /* children start after us */
        end_child(pid);
    }
}

static void test_owner__is_another_when_start_time_or_boot_differ(void **state)
{
    (void)state;
    char text[WFE_OWNER_TEXT_SIZE], other[WFE_OWNER_TEXT_SIZE];
    int pid = 0;
    unsigned long long start = 0;
    char boot[40];
    wfe_owner_format(text);
    assert_int_equal(sscanf(text, "%d:%llu:%39s", &pid, &start, boot), 3);
    assert_true(start > 0);
    snprintf(other, sizeof other, "%d:%llu:%s", pid, start + 1, boot);
    assert_false(wfe_owner_is_alive(other));
    assert_false(wfe_owner_is_of_other_boot(text));
    assert_false(wfe_owner_is_of_other_boot(other));
    snprintf(other, sizeof other, "%d:%llu:00000000-0000-0000-0000-000000000000:1", pid, start);
    assert_true(wfe_owner_is_of_other_boot(other));
    assert_int_equal(wfe_owner_look(other), WFE_OWNER_ELSEWHERE);
    snprintf(other, sizeof other, "%d:%llu:00000000-0000-0000-0000-000000000000", pid, start);
    assert_false(wfe_owner_is_of_other_boot(other)); /* of no known form */
    assert_false(wfe_owner_is_alive(other));
}

static void test_owner__of_no_known_form_is_nobody(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "", "1", "1:2", ":::", "abc:def:ghi", "0:0:-", "-1:5:x", "99999999999999999999:1:x",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_false(wfe_owner_is_alive(texts[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_owner__is_alive_while_its_process_is),
        cmocka_unit_test(test_owner__is_not_misled_by_a_process_s_name),
        cmocka_unit_test(test_owner__is_another_when_start_time_or_boot_differ),
        cmocka_unit_test(test_owner__of_no_known_form_is_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
