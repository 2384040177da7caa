/* SPDX-License-Identifier: Apache-2.0 */
#include "step/outputs.h"

#include <stdlib.h>

#include "fixtures/wfe_assert.h"

/* Feeds text in pieces of at most piece bytes, and finishes. */
static void parse(wfe_outputs *outputs, const char *text, size_t len, size_t piece)
{
    wfe_error err = WFE_ERROR_INIT;
    for (size_t at = 0; at < len; at += piece) {
        size_t n = len - at < piece ? len - at : piece;
        assert_ok(wfe_outputs_feed(outputs, text + at, n, &err), &err);
    }
    assert_ok(wfe_outputs_finish(outputs, &err), &err);
}

/* Checks that text gives exactly these outputs, in this order, as NULL-terminated pairs of key and
 * value; in one piece, byte by byte, and cut in two at every position. */
static void assert_outputs_of(const char *text, size_t len, const char *const *pairs)
{
    size_t n = 0;
    while (pairs[2 * n])
        n++;
    for (size_t cut = 0; cut <= len + 1; cut++) {
        wfe_outputs outputs;
        wfe_outputs_init(&outputs);
        if (cut > len) {
            parse(&outputs, text, len, 1);
        } else {
            wfe_error err = WFE_ERROR_INIT;
            assert_ok(wfe_outputs_feed(&outputs, text, cut, &err), &err);
            parse(&outputs, text + cut, len - cut, len);
        }
        assert_int_equal(outputs.map.len, n);
        for (size_t i = 0; i < n; i++) {
            assert_string_equal(outputs.map.items[i].key, pairs[2 * i]);
            assert_string_equal(outputs.map.items[i].value, pairs[2 * i + 1]);
        }
        wfe_outputs_done(&outputs);
    }
}
#define assert_outputs(text, ...)                                                                  \
    assert_outputs_of((text), sizeof(text) - 1, (const char *const[]){__VA_ARGS__, NULL})
#define assert_no_outputs(text)                                                                    \
    assert_outputs_of((text), sizeof(text) - 1, (const char *const[]){NULL})

/* ---- the cases of WFE's own tests ---- */

static void test_outputs__empty(void **state)
{
    (void)state;
    assert_no_outputs("");
}

static void test_outputs__single(void **state)
{
    (void)state;
    assert_outputs("##wfe[output result=success]\n", "result", "success");
}

static void test_outputs__several(void **state)
{
    (void)state;
    assert_outputs("##wfe[output version=1.2.3]\n##wfe[output digest=sha256:abc]\n"
                   "##wfe[output size=42]\n",
                   "version", "1.2.3", "digest", "sha256:abc", "size", "42");
}

static void test_outputs__mixed_with_other_lines(void **state)
{
    (void)state;
    assert_outputs("Building...\n##wfe[output a=1]\nwarning: x\n\n##wfe[output b=2]\nDone.\n", "a",
                   "1", "b", "2");
}

static void test_outputs__none(void **state)
{
    (void)state;
    assert_no_outputs("hello\nworld\n");
}

static void test_outputs__value_with_equals_sign(void **state)
{
    (void)state;
    assert_outputs("##wfe[output url=https://h/p?a=b&c=d]\n", "url", "https://h/p?a=b&c=d");
}

static void test_outputs__malformed_lines_are_ignored(void **state)
{
    (void)state;
    assert_outputs("##wfe[output ]\n##wfe[output no_equals]\n##wfe[output_extra bad=val]\n"
                   "##wfe[output ok=1]\n",
                   "ok", "1");
}

static void test_outputs__duplicate_keys_overwrite(void **state)
{
    (void)state;
    assert_outputs("##wfe[output k=first]\n##wfe[output other=x]\n##wfe[output k=second]\n", "k",
                   "second", "other", "x");
}

/* ---- the grammar ---- */

static void test_outputs__last_line_without_newline_counts(void **state)
{
    (void)state;
    assert_outputs("x\n##wfe[output a=1]", "a", "1");
    assert_outputs("##wfe[output a=1]\r", "a", "1");
}

static void test_outputs__one_carriage_return_before_the_newline_is_cut(void **state)
{
    (void)state;
    assert_outputs("##wfe[output a=1]\r\n##wfe[output b=2]\r\n", "a", "1", "b", "2");
    assert_no_outputs("##wfe[output a=1]\r\r\n");
}

static void test_outputs__a_line_must_start_with_the_prefix_exactly(void **state)
{
    (void)state;
    assert_no_outputs(" ##wfe[output a=1]\n#wfe[output a=1]\n###wfe[output a=1]\n"
                      "##WFE[output a=1]\n##wfe [output a=1]\n##wfe[output\ta=1]\n"
                      "##wfe[output\n a=1]\n##wfe[\n");
}

static void test_outputs__a_line_must_end_with_the_bracket(void **state)
{
    (void)state;
    assert_no_outputs("##wfe[output a=1\n##wfe[output a=1] \n##wfe[output a=1]x\n##wfe[output a=1");
    assert_outputs("##wfe[output a=[1]]]\n", "a", "[1]]");
}

static void test_outputs__key_is_trimmed_and_value_is_verbatim(void **state)
{
    (void)state;
    assert_outputs("##wfe[output  \t key \v = some  value\t]\n", "key", " some  value\t");
    assert_outputs("##wfe[output a b=]\n", "a b", "");
    assert_outputs("##wfe[output a=\xFF\xC3\xA4]\n", "a", "\xFF\xC3\xA4");
}

static void test_outputs__an_empty_key_is_ignored(void **state)
{
    (void)state;
    assert_no_outputs("##wfe[output =value]\n##wfe[output   =value]\n##wfe[output =]\n");
}

static void test_outputs__a_nul_becomes_a_replacement_character(void **state)
{
    (void)state;
    assert_outputs("\0\n##wfe[output a\0=\0x\0]\n##wfe\0[output b=1]\n", "a\xEF\xBF\xBD",
                   "\xEF\xBF\xBDx\xEF\xBF\xBD");
}

/* ---- limits ---- */

/* "##wfe[output k=vvv...]" of exactly len bytes, and tail. */
static char *long_line(size_t len, const char *tail)
{
    char *line = malloc(len + strlen(tail) + 1);
    assert_non_null(line);
    memset(line, 'v', len);
    memcpy(line, "##wfe[output k=", 15);
    line[len - 1] = ']';
    strcpy(line + len, tail);
    return line;
}

static void assert_long_line(size_t len, const char *tail, size_t piece, bool taken)
{
    char *line = long_line(len, tail);
    wfe_outputs outputs;
    wfe_outputs_init(&outputs);
    parse(&outputs, line, strlen(line), piece);
    const char *value = wfe_strmap_get(&outputs.map, "k");
    assert_int_equal(value != NULL, taken);
    if (value)
        assert_int_equal(strlen(value), len - 16);
    wfe_outputs_done(&outputs);
    free(line);
}

static void test_outputs__a_line_of_1_mib_is_taken_and_a_longer_one_is_none(void **state)
{
    (void)state;
    static const size_t pieces[] = {SIZE_MAX / 2, 65536, 4093, 1048575};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        assert_long_line(WFE_OUTPUTS_LINE_MAX_BYTES, "\n", pieces[i], true);
        assert_long_line(WFE_OUTPUTS_LINE_MAX_BYTES, "\r\n", pieces[i], true);
        assert_long_line(WFE_OUTPUTS_LINE_MAX_BYTES, "", pieces[i], true);
        assert_long_line(WFE_OUTPUTS_LINE_MAX_BYTES + 1, "\n", pieces[i], false);
        assert_long_line(WFE_OUTPUTS_LINE_MAX_BYTES + 1, "\r\n", pieces[i], false);
        assert_long_line(WFE_OUTPUTS_LINE_MAX_BYTES + 1, "", pieces[i], false);
    }
}

static void test_outputs__the_line_after_a_too_long_one_counts(void **state)
{
    (void)state;
    char *line = long_line(3 * WFE_OUTPUTS_LINE_MAX_BYTES, "\n##wfe[output next=1]\n");
    wfe_outputs outputs;
    wfe_outputs_init(&outputs);
    parse(&outputs, line, strlen(line), 65536);
    assert_int_equal(outputs.map.len, 1);
    assert_string_equal(wfe_strmap_get(&outputs.map, "next"), "1");
    wfe_outputs_done(&outputs);
    free(line);
}

static void test_outputs__a_line_that_is_none_holds_no_memory(void **state)
{
    (void)state;
    static const char *const starts[] = {"x", "##wfe[output_", "##wfe[outputX"};
    char block[65536];
    memset(block, 'x', sizeof block);
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        wfe_error err = WFE_ERROR_INIT;
        wfe_outputs outputs;
        wfe_outputs_init(&outputs);
        assert_ok(wfe_outputs_feed(&outputs, starts[i], strlen(starts[i]), &err), &err);
        for (int n = 0; n < 256; n++) {
            assert_ok(wfe_outputs_feed(&outputs, block, sizeof block, &err), &err);
            assert_int_equal(outputs.line.cap, 0);
        }
        assert_ok(wfe_outputs_finish(&outputs, &err), &err);
        wfe_outputs_done(&outputs);
    }
}

static void test_outputs__a_long_output_line_never_holds_more_than_1_mib(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    char block[4096];
    memset(block, 'v', sizeof block);
    wfe_outputs outputs;
    wfe_outputs_init(&outputs);
    assert_ok(wfe_outputs_feed(&outputs, "##wfe[output k=", 15, &err), &err);
    size_t most = 0;
    for (int n = 0; n < 2048; n++) {
        assert_ok(wfe_outputs_feed(&outputs, block, sizeof block, &err), &err);
        most = outputs.line.cap > most ? outputs.line.cap : most;
    }
    assert_true(most > 512 * 1024);
    assert_true(most <= WFE_OUTPUTS_LINE_MAX_BYTES);
    assert_int_equal(outputs.line.cap, 0);
    wfe_outputs_done(&outputs);
}

static void test_outputs__passing_the_total_is_reported_once_and_keeps_what_was_there(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    wfe_outputs outputs;
    wfe_outputs_init(&outputs);
    char *line = long_line(WFE_OUTPUTS_LINE_MAX_BYTES, "\n");
    size_t taken = 0;
    int rc = 0;
    for (int i = 0; i < 40 && !rc; i++) {
        line[13] = (char)('A' + i);
        rc = wfe_outputs_feed(&outputs, line, strlen(line), &err);
        taken += !rc;
    }
    assert_fails(rc, WFE_E_LIMIT, &err);
    assert_contains(err.message, "16 MiB");
    assert_int_equal(taken, 16);
    assert_int_equal(outputs.map.len, 16);
    wfe_error again = WFE_ERROR_INIT;
    assert_ok(wfe_outputs_feed(&outputs, "##wfe[output z=1]\n", 18, &again), &again);
    assert_ok(wfe_outputs_finish(&outputs, &again), &again);
    assert_null(wfe_strmap_get(&outputs.map, "z"));
    assert_non_null(wfe_strmap_get(&outputs.map, "A"));
    wfe_outputs_done(&outputs);
    free(line);
}

static void test_outputs__overwriting_one_key_for_ever_stays_in_the_total(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    wfe_outputs outputs;
    wfe_outputs_init(&outputs);
    char *line = long_line(WFE_OUTPUTS_LINE_MAX_BYTES, "\n");
    for (int i = 0; i < 40; i++)
        assert_ok(wfe_outputs_feed(&outputs, line, strlen(line), &err), &err);
    assert_int_equal(outputs.map.len, 1);
    wfe_outputs_done(&outputs);
    free(line);
}

static void test_outputs__more_than_4096_outputs_are_a_limit_error(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    wfe_outputs outputs;
    wfe_outputs_init(&outputs);
    char line[64];
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < WFE_OUTPUTS_MAX_ITEMS; i++) {
            int len = snprintf(line, sizeof line, "##wfe[output key%u=%u]\n", i, i + round);
            assert_ok(wfe_outputs_feed(&outputs, line, (size_t)len, &err), &err);
        }
    }
    assert_int_equal(outputs.map.len, WFE_OUTPUTS_MAX_ITEMS);
    assert_string_equal(outputs.map.items[4095].key, "key4095");
    assert_string_equal(outputs.map.items[4095].value, "4096");
    assert_string_equal(wfe_strmap_get(&outputs.map, "key17"), "18");
    assert_fails(wfe_outputs_feed(&outputs, "##wfe[output more=1]\n", 21, &err), WFE_E_LIMIT, &err);
    assert_contains(err.message, "'more'");
    wfe_outputs_done(&outputs);
}

static void test_outputs__lines_after_the_limit_in_the_same_piece_are_dropped(void **state)
{
    (void)state;
    wfe_outputs outputs;
    wfe_outputs_init(&outputs);
    wfe_error err = WFE_ERROR_INIT;
    char line[64];
    for (unsigned i = 0; i < WFE_OUTPUTS_MAX_ITEMS; i++) {
        int len = snprintf(line, sizeof line, "##wfe[output key%u=x]\n", i);
        assert_ok(wfe_outputs_feed(&outputs, line, (size_t)len, &err), &err);
    }
    static const char both[] = "##wfe[output more=1]\n##wfe[output key0=changed]\n";
    assert_fails(wfe_outputs_feed(&outputs, both, sizeof both - 1, &err), WFE_E_LIMIT, &err);
    assert_string_equal(wfe_strmap_get(&outputs.map, "key0"), "x");
    wfe_outputs_done(&outputs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outputs__empty),
        cmocka_unit_test(test_outputs__single),
        cmocka_unit_test(test_outputs__several),
        cmocka_unit_test(test_outputs__mixed_with_other_lines),
        cmocka_unit_test(test_outputs__none),
        cmocka_unit_test(test_outputs__value_with_equals_sign),
        cmocka_unit_test(test_outputs__malformed_lines_are_ignored),
        cmocka_unit_test(test_outputs__duplicate_keys_overwrite),
        cmocka_unit_test(test_outputs__last_line_without_newline_counts),
        cmocka_unit_test(test_outputs__one_carriage_return_before_the_newline_is_cut),
        cmocka_unit_test(test_outputs__a_line_must_start_with_the_prefix_exactly),
        cmocka_unit_test(test_outputs__a_line_must_end_with_the_bracket),
        cmocka_unit_test(test_outputs__key_is_trimmed_and_value_is_verbatim),
        cmocka_unit_test(test_outputs__an_empty_key_is_ignored),
        cmocka_unit_test(test_outputs__a_nul_becomes_a_replacement_character),
        cmocka_unit_test(test_outputs__a_line_of_1_mib_is_taken_and_a_longer_one_is_none),
        cmocka_unit_test(test_outputs__the_line_after_a_too_long_one_counts),
        cmocka_unit_test(test_outputs__a_line_that_is_none_holds_no_memory),
        cmocka_unit_test(test_outputs__a_long_output_line_never_holds_more_than_1_mib),
        cmocka_unit_test(test_outputs__passing_the_total_is_reported_once_and_keeps_what_was_there),
        cmocka_unit_test(test_outputs__overwriting_one_key_for_ever_stays_in_the_total),
        cmocka_unit_test(test_outputs__more_than_4096_outputs_are_a_limit_error),
        cmocka_unit_test(test_outputs__lines_after_the_limit_in_the_same_piece_are_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
