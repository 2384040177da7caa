/* SPDX-License-Identifier: Apache-2.0 */
#include "base/owner.h"

#include "fixtures/wfe_assert.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_owner__this_process_is_alive(void **state)
{
    (void)state;
    char text[WFE_OWNER_TEXT_SIZE];
    wfe_owner_format(text);
    assert_int_equal(wfe_owner_look(text), WFE_OWNER_ALIVE);
    assert_true(wfe_owner_is_alive(text));
}

/* Dead already as a zombie: its parent may never look. */
static void test_owner__a_process_that_ended_is_dead(void **state)
{
    (void)state;
    char text[WFE_OWNER_TEXT_SIZE];
    int gate[2];
    assert_int_equal(pipe(gate), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char byte;
        close(gate[1]);
        _exit(read(gate[0], &byte, 1) == 0 ? 0 : 1);
    }
    close(gate[0]);
    wfe_owner_format_pid(pid, text);
    assert_int_equal(wfe_owner_look(text), WFE_OWNER_ALIVE);
    close(gate[1]);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(wfe_owner_look(text), WFE_OWNER_DEAD);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(wfe_owner_look(text), WFE_OWNER_DEAD);
}

/* The number was taken by another process since. */
static void test_owner__another_start_time_is_another_process(void **state)
{
    (void)state;
    char text[WFE_OWNER_TEXT_SIZE], other[WFE_OWNER_TEXT_SIZE];
    wfe_owner_format(text);
    int pid = 0, at = 0;
    unsigned long long start = 0;
    assert_int_equal(sscanf(text, "%d:%llu%n", &pid, &start, &at), 2);
    snprintf(other, sizeof other, "%d:%llu%s", pid, start + 1, text + at);
    assert_int_equal(wfe_owner_look(other), WFE_OWNER_DEAD);
}

static void test_owner__other_boots_and_pid_namespaces_cannot_be_judged(void **state)
{
    (void)state;
    char text[WFE_OWNER_TEXT_SIZE], other[WFE_OWNER_TEXT_SIZE];
    wfe_owner_format(text);
    char *namespace_id = strrchr(text, ':');
    snprintf(other, sizeof other, "%.*s:1", (int)(namespace_id - text), text);
    assert_int_equal(wfe_owner_look(other), WFE_OWNER_ELSEWHERE);
    snprintf(other, sizeof other, "1:1:00000000-0000-0000-0000-000000000000%s", namespace_id);
    assert_int_equal(wfe_owner_look(other), WFE_OWNER_ELSEWHERE);
}

static void test_owner__texts_of_other_forms_are_unknown(void **state)
{
    (void)state;
    char text[WFE_OWNER_TEXT_SIZE];
    static const char *const texts[] = {"",          "me",        "12",         "12:34",
                                        "12:34:a-b", "0:1:a-b:2", "-4:1:a-b:2", "1:0:a-b:2",
                                        "1:1:-:2",   "1:1::2"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(wfe_owner_look(texts[i]), WFE_OWNER_UNKNOWN);
    wfe_owner_format(text);
    strcat(text, "x");
    assert_int_equal(wfe_owner_look(text), WFE_OWNER_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_owner__this_process_is_alive),
        cmocka_unit_test(test_owner__a_process_that_ended_is_dead),
        cmocka_unit_test(test_owner__another_start_time_is_another_process),
        cmocka_unit_test(test_owner__other_boots_and_pid_namespaces_cannot_be_judged),
        cmocka_unit_test(test_owner__texts_of_other_forms_are_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
