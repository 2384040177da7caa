/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/writer.h"

#include <jansson.h>
#include <stdlib.h>

#include "fixtures/wfe_assert.h"

static void write_something(wfe_oci_writer *w)
{
    static const char *const words[] = {"a", "", "c", NULL};
    wfe_oci_write_object(w, NULL);
    wfe_oci_write_object(w, "empty");
    wfe_oci_write_object_end(w);
    wfe_oci_write_list(w, "none");
    wfe_oci_write_list_end(w);
    wfe_oci_write_texts(w, "words", words);
    wfe_oci_write_list(w, "list");
    wfe_oci_write_object(w, NULL);
    wfe_oci_write_number(w, "n", 0);
    wfe_oci_write_object_end(w);
    wfe_oci_write_number(w, NULL, UINT64_MAX);
    wfe_oci_write_joined(w, NULL, "A\"", "=", "\\b\n");
    wfe_oci_write_list_end(w);
    wfe_oci_write_bool(w, "yes", true);
    wfe_oci_write_bool(w, "no", false);
    wfe_oci_write_text(w, "comma", ",");
    wfe_oci_write_object_end(w);
}

#define SOMETHING                                                                                  \
    "{\"empty\":{},\"none\":[],\"words\":[\"a\",\"\",\"c\"],\"list\":[{\"n\":0},"                  \
    "18446744073709551615,\"A\\\"=\\\\b\\n\"],\"yes\":true,\"no\":false,\"comma\":\",\"}"

static void test_oci_writer__objects_and_lists_have_their_commas(void **state)
{
    (void)state;
    wfe_buf out = WFE_BUF_INIT(0);
    wfe_oci_writer w = {.out = &out};
    write_something(&w);
    assert_int_equal(wfe_oci_write_end(&w), 0);
    assert_string_equal(out.data, SOMETHING);
    assert_int_equal(out.len, strlen(SOMETHING));
    wfe_buf_done(&out);
}

/* Whatever byte below 128 a text has, a reader of JSON gets it back. */
static void test_oci_writer__every_character_comes_back(void **state)
{
    (void)state;
    for (int c = 1; c < 128; c++) {
        const char text[] = {'a', (char)c, (char)c, 'z', (char)c, '\0'};
        wfe_buf out = WFE_BUF_INIT(0);
        wfe_oci_writer w = {.out = &out};
        wfe_oci_write_text(&w, NULL, text);
        assert_int_equal(wfe_oci_write_end(&w), 0);
        json_t *read = json_loads(out.data, JSON_DECODE_ANY, NULL);
        assert_non_null(read);
        assert_string_equal(json_string_value(read), text);
        char *same = json_dumps(read, JSON_ENCODE_ANY);
        assert_string_equal(out.data, same);
        free(same);
        json_decref(read);
        wfe_buf_done(&out);
    }
}

static void test_oci_writer__a_full_buffer_stays_a_failure(void **state)
{
    (void)state;
    for (size_t max = 1; max < strlen(SOMETHING); max++) {
        wfe_buf out = WFE_BUF_INIT(max);
        wfe_oci_writer w = {.out = &out};
        write_something(&w);
        assert_int_equal(wfe_oci_write_end(&w), WFE_E_LIMIT);
        assert_true(out.len <= max);
        wfe_buf_done(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_oci_writer__objects_and_lists_have_their_commas),
        cmocka_unit_test(test_oci_writer__every_character_comes_back),
        cmocka_unit_test(test_oci_writer__a_full_buffer_stays_a_failure),
    };
    return cmocka_run_group_tests_name("oci_writer", tests, NULL, NULL);
}
