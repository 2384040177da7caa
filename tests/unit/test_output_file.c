/* SPDX-License-Identifier: Apache-2.0 */
#include "step/output_file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixtures/wfe_assert.h"

typedef struct parsed {
    wfe_outputs outputs;
    wfe_output_file_report report;
} parsed;

static parsed parse_bytes(const char *bytes, size_t len)
{
    parsed p = {0};
    wfe_error err = WFE_ERROR_INIT;
    wfe_outputs_init(&p.outputs);
    assert_ok(wfe_output_file_parse(bytes, len, &p.outputs, &p.report, &err), &err);
    return p;
}

/* Exactly these outputs, as NULL-terminated pairs, and this many bad lines. */
static void assert_parsed(const char *text, size_t len, size_t n_bad, const char *const *pairs)
{
    parsed p = parse_bytes(text, len);
    size_t n = 0;
    for (; pairs[2 * n]; n++) {
        const char *value = wfe_strmap_get(&p.outputs.map, pairs[2 * n]);
        if (!value)
            fail_msg("there is no output '%s'", pairs[2 * n]);
        assert_string_equal(value, pairs[2 * n + 1]);
    }
    assert_int_equal(p.outputs.map.len, n);
    assert_int_equal(p.report.n_bad_lines, n_bad);
    assert_int_equal(p.report.open_block_line, 0);
    wfe_outputs_done(&p.outputs);
}
#define assert_outputs(text, ...)                                                                  \
    assert_parsed((text), sizeof(text) - 1, 0, (const char *const[]){__VA_ARGS__, NULL})
#define assert_bad_lines(text, n_bad, ...)                                                         \
    assert_parsed((text), sizeof(text) - 1, (n_bad), (const char *const[]){__VA_ARGS__, NULL})

/* ---- lines ---- */

static void test_output_file__an_empty_file_has_none(void **state)
{
    (void)state;
    parsed p = parse_bytes("", 0);
    assert_int_equal(p.outputs.map.len, 0);
    assert_int_equal(p.report.n_bad_lines, 0);
    wfe_outputs_done(&p.outputs);
}

static void test_output_file__a_line_is_an_output(void **state)
{
    (void)state;
    assert_outputs("a=1\n", "a", "1");
    assert_outputs("a=1\nb=2\n", "a", "1", "b", "2");
}

static void test_output_file__the_last_line_needs_no_newline(void **state)
{
    (void)state;
    assert_outputs("a=1\nb=2", "a", "1", "b", "2");
}

static void test_output_file__key_is_trimmed_and_value_is_verbatim(void **state)
{
    (void)state;
    assert_outputs("  a b\t=  x \n", "a b", "  x ");
    assert_outputs("a=\n", "a", "");
    assert_outputs("a==b=c\n", "a", "=b=c");
    assert_outputs("a=#no comment\n", "a", "#no comment");
}

static void test_output_file__one_carriage_return_before_the_newline_is_cut(void **state)
{
    (void)state;
    assert_outputs("a=1\r\nb=2\r\r\n", "a", "1", "b", "2\r");
}

static void test_output_file__the_last_one_of_a_key_wins(void **state)
{
    (void)state;
    assert_outputs("a=1\na=2\n", "a", "2");
    assert_outputs("a=1\na<<E\n3\nE\n", "a", "3");
}

static void test_output_file__blank_lines_mean_nothing(void **state)
{
    (void)state;
    assert_outputs("\n \t\n\r\na=1\n\n", "a", "1");
}

static void test_output_file__other_lines_are_counted_and_ignored(void **state)
{
    (void)state;
    assert_bad_lines("nothing\na=1\n=x\n <<E\nb<<\nc<< \n", 5, "a", "1");
    parsed p = parse_bytes("a=1\n\nno\nno\n", 11);
    assert_int_equal(p.report.n_bad_lines, 2);
    assert_int_equal(p.report.first_bad_line, 3);
    wfe_outputs_done(&p.outputs);
}

static void test_output_file__a_nul_becomes_a_replacement_character(void **state)
{
    (void)state;
    assert_outputs("a\0=\0x\n", "a\xEF\xBF\xBD", "\xEF\xBF\xBDx");
    assert_outputs("a<<E\nx\0\nE\n", "a", "x\xEF\xBF\xBD");
}

static void test_output_file__bytes_that_are_no_utf_8_stay(void **state)
{
    (void)state;
    assert_outputs("a=\xFF\xC3\n", "a", "\xFF\xC3");
}

/* ---- blocks ---- */

static void test_output_file__a_block_has_several_lines(void **state)
{
    (void)state;
    assert_outputs("a<<EOF\none\n\n two\nEOF\nb=2\n", "a", "one\n\n two", "b", "2");
}

static void test_output_file__a_block_may_be_empty(void **state)
{
    (void)state;
    assert_outputs("a<<EOF\nEOF\n", "a", "");
    assert_outputs("a<<EOF\n\nEOF\n", "a", "");
    assert_outputs("a<<EOF\n\n\nEOF\n", "a", "\n");
}

static void test_output_file__lines_of_a_block_are_not_read_as_outputs(void **state)
{
    (void)state;
    assert_outputs("a<<EOF\nb=1\nc<<X\nEOF\n", "a", "b=1\nc<<X");
}

static void test_output_file__only_the_very_word_ends_a_block(void **state)
{
    (void)state;
    assert_outputs("a<<EOF\n EOF\nEOF \nEOFX\nEO\nEOF\n", "a", " EOF\nEOF \nEOFX\nEO");
}

static void test_output_file__spaces_around_key_and_word_are_cut(void **state)
{
    (void)state;
    assert_outputs(" a << EOF \nx\nEOF\n", "a", "x");
}

static void test_output_file__a_block_may_end_without_a_newline(void **state)
{
    (void)state;
    assert_outputs("a<<EOF\nx\nEOF", "a", "x");
}

static void test_output_file__carriage_returns_in_a_block_stay(void **state)
{
    (void)state;
    assert_outputs("a<<EOF\r\nx\r\ny\r\nEOF\r\n", "a", "x\r\ny\r");
}

static void test_output_file__the_first_of_equals_sign_and_block_sign_decides(void **state)
{
    (void)state;
    assert_outputs("a=b<<EOF\n", "a", "b<<EOF");
    assert_outputs("a<<E=F\nx\nE=F\n", "a", "x");
    assert_outputs("a<b=c\n", "a<b", "c");
}

static void test_output_file__a_block_without_an_end_gives_no_output(void **state)
{
    (void)state;
    static const char text[] = "a=1\nb<<EOF\nc=3\n";
    parsed p = parse_bytes(text, sizeof text - 1);
    assert_int_equal(p.outputs.map.len, 1);
    assert_int_equal(p.report.open_block_line, 2);
    wfe_outputs_done(&p.outputs);
}

/* ---- with the outputs of stdout ---- */

static void test_output_file__stands_over_what_stdout_said(void **state)
{
    (void)state;
    static const char out[] = "##wfe[output a=out]\n##wfe[output b=out]\n";
    wfe_outputs outputs;
    wfe_output_file_report report;
    wfe_error err = WFE_ERROR_INIT;
    wfe_outputs_init(&outputs);
    assert_ok(wfe_outputs_feed(&outputs, out, sizeof out - 1, &err), &err);
    assert_ok(wfe_outputs_finish(&outputs, &err), &err);
    assert_ok(wfe_output_file_parse("a=file\nc=file\n", 14, &outputs, &report, &err), &err);
    assert_string_equal(wfe_strmap_get(&outputs.map, "a"), "file");
    assert_string_equal(wfe_strmap_get(&outputs.map, "b"), "out");
    assert_string_equal(wfe_strmap_get(&outputs.map, "c"), "file");
    wfe_outputs_done(&outputs);
}

static void test_output_file__too_many_outputs_are_an_error(void **state)
{
    (void)state;
    wfe_outputs outputs;
    wfe_output_file_report report;
    wfe_error err = WFE_ERROR_INIT;
    wfe_buf text = WFE_BUF_INIT(0);
    for (unsigned i = 0; i <= WFE_OUTPUTS_MAX_ITEMS; i++)
        assert_ok(wfe_buf_printf(&text, &err, "k%u=v\n", i), &err);
    wfe_outputs_init(&outputs);
    assert_fails(wfe_output_file_parse(text.data, text.len, &outputs, &report, &err), WFE_E_LIMIT,
                 &err);
    assert_int_equal(outputs.map.len, WFE_OUTPUTS_MAX_ITEMS);
    wfe_outputs_done(&outputs);
    wfe_buf_done(&text);
}

/* ---- the file ---- */

static char path[64];

static int make_file(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    snprintf(path, sizeof path, "/tmp/wfe-output-%d", (int)getpid());
    unlink(path);
    assert_ok(wfe_output_file_create(path, &err), &err);
    return 0;
}

static int remove_file(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

static void test_output_file__is_made_empty_and_for_everybody(void **state)
{
    (void)state;
    struct stat st;
    wfe_error err = WFE_ERROR_INIT;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 0);
    assert_int_equal(st.st_mode & 07777, 0666);
    assert_fails(wfe_output_file_create(path, &err), WFE_E_CONFLICT, &err);
}

/* "k=" and bytes of value, so that the file has exactly len bytes. */
static int read_file_of(off_t len, wfe_outputs *outputs, wfe_error *err)
{
    wfe_output_file_report report;
    int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "k=", 2), 2);
    char block[65536];
    memset(block, 'v', sizeof block);
    for (off_t at = 2; at < len; at += (off_t)sizeof block)
        assert_true(write(fd, block, at + 65536 < len ? 65536 : (size_t)(len - at)) > 0);
    close(fd);
    wfe_outputs_init(outputs);
    return wfe_output_file_read(path, outputs, &report, err);
}

static void test_output_file__is_read_up_to_its_limit(void **state)
{
    (void)state;
    wfe_outputs outputs;
    wfe_error err = WFE_ERROR_INIT;
    const off_t max = (off_t)WFE_OUTPUT_FILE_MAX_BYTES;
    assert_ok(read_file_of(max, &outputs, &err), &err);
    assert_int_equal(strlen(wfe_strmap_get(&outputs.map, "k")), max - 2);
    wfe_outputs_done(&outputs);
    assert_fails(read_file_of(max + 1, &outputs, &err), WFE_E_LIMIT, &err);
    assert_contains(err.message, "16 MiB");
    assert_contains(err.message, "$WFE_OUTPUT");
    assert_int_equal(outputs.map.len, 0);
    wfe_outputs_done(&outputs);
}

static void test_output_file__is_not_followed_when_it_is_a_link(void **state)
{
    (void)state;
    wfe_outputs outputs;
    wfe_output_file_report report;
    wfe_error err = WFE_ERROR_INIT;
    unlink(path);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    wfe_outputs_init(&outputs);
    assert_int_not_equal(wfe_output_file_read(path, &outputs, &report, &err), 0);
    assert_contains(err.message, path);
    wfe_outputs_done(&outputs);
}

#define file_test(name) cmocka_unit_test_setup_teardown(name, make_file, remove_file)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_output_file__an_empty_file_has_none),
        cmocka_unit_test(test_output_file__a_line_is_an_output),
        cmocka_unit_test(test_output_file__the_last_line_needs_no_newline),
        cmocka_unit_test(test_output_file__key_is_trimmed_and_value_is_verbatim),
        cmocka_unit_test(test_output_file__one_carriage_return_before_the_newline_is_cut),
        cmocka_unit_test(test_output_file__the_last_one_of_a_key_wins),
        cmocka_unit_test(test_output_file__blank_lines_mean_nothing),
        cmocka_unit_test(test_output_file__other_lines_are_counted_and_ignored),
        cmocka_unit_test(test_output_file__a_nul_becomes_a_replacement_character),
        cmocka_unit_test(test_output_file__bytes_that_are_no_utf_8_stay),
        cmocka_unit_test(test_output_file__a_block_has_several_lines),
        cmocka_unit_test(test_output_file__a_block_may_be_empty),
        cmocka_unit_test(test_output_file__lines_of_a_block_are_not_read_as_outputs),
        cmocka_unit_test(test_output_file__only_the_very_word_ends_a_block),
        cmocka_unit_test(test_output_file__spaces_around_key_and_word_are_cut),
        cmocka_unit_test(test_output_file__a_block_may_end_without_a_newline),
        cmocka_unit_test(test_output_file__carriage_returns_in_a_block_stay),
        cmocka_unit_test(test_output_file__the_first_of_equals_sign_and_block_sign_decides),
        cmocka_unit_test(test_output_file__a_block_without_an_end_gives_no_output),
        cmocka_unit_test(test_output_file__stands_over_what_stdout_said),
        cmocka_unit_test(test_output_file__too_many_outputs_are_an_error),
        file_test(test_output_file__is_made_empty_and_for_everybody),
        file_test(test_output_file__is_read_up_to_its_limit),
        file_test(test_output_file__is_not_followed_when_it_is_a_link),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
