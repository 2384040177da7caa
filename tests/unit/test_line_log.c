/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/line_log.h"

#include "fixtures/wfe_assert.h"

static void add(wfe_line_log *log, const char *line)
{
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_line_log_add(log, 'o', line, strlen(line), &err), &err);
}

static void assert_next(const wfe_buf *part, size_t *at, const char *wanted)
{
    wfe_log_line line;
    assert_true(wfe_line_log_next(part, at, &line));
    assert_int_equal(line.mark, 'o');
    assert_int_equal(line.len, strlen(wanted));
    assert_memory_equal(line.text, wanted, line.len);
}

static void test_line_log__keeps_the_first_and_the_last_lines(void **state)
{
    (void)state;
    wfe_line_log log = {.head_bytes = 12, .tail_bytes = 12};
    char text[8];
    size_t at = 0;
    for (int i = 0; i < 100; i++) { /* 4 bytes each */
        snprintf(text, sizeof text, "%02d", i);
        add(&log, text);
    }
    assert_next(&log.head, &at, "00");
    assert_next(&log.head, &at, "01");
    assert_next(&log.head, &at, "02");
    assert_int_equal(at, log.head.len);
    assert_true(log.tail.len <= 24);
    assert_int_equal(log.cut_lines + (log.head.len + log.tail.len) / 4, 100);
    assert_int_equal(log.cut_bytes, log.cut_lines * 4);
    at = wfe_line_log_last(&log, 2);
    assert_next(&log.tail, &at, "98");
    assert_next(&log.tail, &at, "99");
    wfe_log_line line;
    assert_false(wfe_line_log_next(&log.tail, &at, &line));
    wfe_line_log_done(&log);
}

static void test_line_log__keeps_the_order_of_lines_of_different_lengths(void **state)
{
    (void)state;
    wfe_line_log log = {.head_bytes = 8, .tail_bytes = 100};
    size_t at = 0;
    add(&log, "a long one");
    add(&log, "b");
    assert_int_equal(log.head.len, 0);
    assert_next(&log.tail, &at, "a long one");
    assert_next(&log.tail, &at, "b");
    wfe_line_log_done(&log);
}

static void test_line_log__takes_a_line_longer_than_its_limit(void **state)
{
    (void)state;
    wfe_line_log log = {.tail_bytes = 4};
    add(&log, "a line of some length");
    assert_int_equal(log.tail.len, 0);
    assert_int_equal(log.cut_lines, 1);
    assert_int_equal(wfe_line_log_last(&log, 20), 0);
    wfe_line_log_done(&log);
}

static void test_line_log__keeps_empty_lines(void **state)
{
    (void)state;
    wfe_line_log log = {.tail_bytes = 100};
    add(&log, "");
    add(&log, "");
    size_t at = wfe_line_log_last(&log, 1);
    assert_int_equal(at, 2);
    assert_next(&log.tail, &at, "");
    assert_int_equal(wfe_line_log_last(&log, 5), 0);
    wfe_line_log_done(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line_log__keeps_the_first_and_the_last_lines),
        cmocka_unit_test(test_line_log__keeps_the_order_of_lines_of_different_lengths),
        cmocka_unit_test(test_line_log__takes_a_line_longer_than_its_limit),
        cmocka_unit_test(test_line_log__keeps_empty_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
