/* SPDX-License-Identifier: Apache-2.0
 *
 * The accessors, and every key of the JSON forms that docs/step-result.md promises.
 */
#include "step/result.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/fd.h"
#include "fixtures/wfe_assert.h"

static wfe_step_result *result_new(void)
{
    wfe_step_result *result = NULL;
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_step_result_new(&result, &err), &err);
    result->step = strdup("build");
    result->end = WFE_STEP_EXITED;
    result->attempt = 1;
    return result;
}

static void set_stream(wfe_step_result *result, int i, const char *bytes, size_t len,
                       uint64_t total)
{
    result->out[i].kept.max_bytes = 1024;
    assert_ok(wfe_buf_append(&result->out[i].kept, bytes, len, NULL), NULL);
    result->out[i].bytes = total;
}

static json_t *parse(char *text)
{
    json_error_t error;
    assert_non_null(text);
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (!json)
        fail_msg("%s: %s", error.text, text);
    free(text);
    return json;
}

static json_t *at(json_t *json, const char *key)
{
    json_t *value = json_object_get(json, key);
    if (!value)
        fail_msg("there is no key '%s'", key);
    return value;
}

static void assert_text(json_t *json, const char *key, const char *wanted)
{
    assert_string_equal(json_string_value(at(json, key)), wanted);
}

static void test_step_result__is_empty_at_first(void **state)
{
    (void)state;
    wfe_step_result *result = result_new();
    size_t len = 7;
    assert_string_equal(wfe_step_result_stream(result, WFE_STDOUT, &len), "");
    assert_int_equal(len, 0);
    assert_string_equal(wfe_step_result_stream(result, WFE_STDERR, NULL), "");
    assert_int_equal(wfe_step_result_stream_bytes(result, WFE_STDOUT), 0);
    assert_null(wfe_step_result_output(result, "x"));
    assert_int_equal(wfe_step_result_n_warnings(result), 0);
    assert_null(wfe_step_result_warning(result, 0));
    assert_int_equal(wfe_step_result_exit_code(result), 0);
    assert_int_equal(wfe_step_result_end(result), WFE_STEP_EXITED);
    assert_false(wfe_step_result_out_of_memory(result));
    wfe_step_result_free(result);
    wfe_step_result_free(NULL);
}

static void test_step_result__gives_what_it_holds(void **state)
{
    (void)state;
    wfe_step_result *result = result_new();
    size_t len = 0;
    set_stream(result, 0, "out\0put", 7, 7);
    set_stream(result, 1, "errors", 6, 600);
    assert_ok(wfe_strmap_set(&result->outputs, "key", "value", NULL), NULL);
    result->usage = (wfe_step_usage){.known = true, .peak_memory_bytes = 5, .cpu_time_us = 6};
    result->out_of_memory = true;
    result->exit_code = 137;
    assert_memory_equal(wfe_step_result_stream(result, WFE_STDOUT, &len), "out\0put", 8);
    assert_int_equal(len, 7);
    assert_string_equal(wfe_step_result_stream(result, WFE_STDERR, &len), "errors");
    assert_int_equal(wfe_step_result_stream_bytes(result, WFE_STDERR), 600);
    assert_string_equal(wfe_step_result_output(result, "key"), "value");
    assert_int_equal(wfe_step_result_peak_memory_bytes(result), 5);
    assert_int_equal(wfe_step_result_cpu_time_us(result), 6);
    assert_true(wfe_step_result_out_of_memory(result));
    assert_int_equal(wfe_step_result_exit_code(result), 137);
    wfe_step_result_free(result);
}

static void test_step_result__collects_warnings(void **state)
{
    (void)state;
    wfe_step_result *result = result_new();
    for (int i = 0; i < 40; i++)
        wfe_step_result_warn(result, "warning %d", i);
    assert_int_equal(wfe_step_result_n_warnings(result), 40);
    assert_string_equal(wfe_step_result_warning(result, 0), "warning 0");
    assert_string_equal(wfe_step_result_warning(result, 39), "warning 39");
    assert_null(wfe_step_result_warning(result, 40));
    wfe_step_result_free(result);
}

/* ---- JSON ---- */

/* ---- the cases of WFE's own list: output data ---- */

/* What WFE's build_output_data gives for these streams, exit code and outputs (pairs of key and
 * value, NULL-terminated). */
static json_t *output_data(const char *const *pairs, const char *out, const char *err, int code)
{
    wfe_step_result *result = result_new();
    set_stream(result, 0, out, strlen(out), strlen(out));
    set_stream(result, 1, err, strlen(err), strlen(err));
    result->exit_code = code;
    for (size_t i = 0; pairs[i]; i += 2)
        assert_ok(wfe_strmap_set(&result->outputs, pairs[i], pairs[i + 1], NULL), NULL);
    json_t *data = parse(wfe_step_result_data_json(result));
    wfe_step_result_free(result);
    return data;
}

static void test_step_result__output_data_basic(void **state)
{
    (void)state;
    const char *const pairs[] = {"result", "success", NULL};
    json_t *data = output_data(pairs, "hello world\n", "", 0);
    assert_text(data, "result", "success");
    assert_text(data, "build.stdout", "hello world\n");
    assert_text(data, "build.stderr", "");
    assert_true(json_is_integer(at(data, "build.exit_code")));
    assert_int_equal(json_integer_value(at(data, "build.exit_code")), 0);
    json_decref(data);
}

static void test_step_result__output_data_without_outputs_are_the_three_stream_keys(void **state)
{
    (void)state;
    const char *const pairs[] = {NULL};
    json_t *data = output_data(pairs, "out", "err", 1);
    assert_int_equal(json_object_size(data), 3);
    assert_text(data, "build.stdout", "out");
    assert_text(data, "build.stderr", "err");
    assert_int_equal(json_integer_value(at(data, "build.exit_code")), 1);
    json_decref(data);
}

static void test_step_result__output_data_several_outputs(void **state)
{
    (void)state;
    const char *const pairs[] = {"a", "1", "b", "2", "c", "3", NULL};
    json_t *data = output_data(pairs, "", "", 0);
    assert_int_equal(json_object_size(data), 6);
    for (size_t i = 0; pairs[i]; i += 2)
        assert_text(data, pairs[i], pairs[i + 1]); /* texts stay texts */
    json_decref(data);
}

static void test_step_result__output_data_exit_code_minus_1(void **state)
{
    (void)state;
    const char *const pairs[] = {NULL};
    json_t *data = output_data(pairs, "", "", -1);
    assert_int_equal(json_integer_value(at(data, "build.exit_code")), -1);
    json_decref(data);
}

static void test_step_result__data_holds_outputs_and_streams_and_nothing_else(void **state)
{
    (void)state;
    wfe_step_result *result = result_new();
    set_stream(result, 0, "out", 3, 3);
    set_stream(result, 1, "err", 3, 3);
    result->exit_code = 4;
    assert_ok(wfe_strmap_set(&result->outputs, "key", "value", NULL), NULL);
    json_t *data = parse(wfe_step_result_data_json(result));
    assert_int_equal(json_object_size(data), 4);
    assert_text(data, "key", "value");
    assert_text(data, "build.stdout", "out");
    assert_text(data, "build.stderr", "err");
    assert_int_equal(json_integer_value(at(data, "build.exit_code")), 4);
    json_decref(data);
    wfe_step_result_free(result);
}

/* WFE's own keys are last: an output cannot fake an exit code. */
static void test_step_result__outputs_replace_neither_streams_nor_exit_code(void **state)
{
    (void)state;
    wfe_step_result *result = result_new();
    set_stream(result, 0, "out", 3, 3);
    result->exit_code = 4;
    assert_ok(wfe_strmap_set(&result->outputs, "build.exit_code", "0", NULL), NULL);
    assert_ok(wfe_strmap_set(&result->outputs, "build.stdout", "fake", NULL), NULL);
    assert_ok(wfe_strmap_set(&result->outputs, "wfe", "fake", NULL), NULL);
    json_t *data = parse(wfe_step_result_data_json(result));
    assert_int_equal(json_integer_value(at(data, "build.exit_code")), 4);
    assert_text(data, "build.stdout", "out");
    assert_text(data, "wfe", "fake");
    json_decref(data);
    json_t *whole = parse(wfe_step_result_json(result));
    assert_true(json_is_object(at(whole, "wfe")));
    json_decref(whole);
    wfe_step_result_free(result);
}

static void test_step_result__shows_bytes_that_are_no_text(void **state)
{
    (void)state;
    wfe_step_result *result = result_new();
    set_stream(result, 0,
               "a\0b\xff"
               "c",
               5, 5);
    assert_ok(wfe_strmap_set(&result->outputs, "k\xff", "v\xfe", NULL), NULL);
    free(result->step);
    result->step = strdup("s\xff");
    json_t *data = parse(wfe_step_result_data_json(result));
    assert_text(data, "s\xef\xbf\xbd.stdout",
                "a\xef\xbf\xbd"
                "b\xef\xbf\xbd"
                "c");
    assert_text(data, "k\xef\xbf\xbd", "v\xef\xbf\xbd");
    json_decref(data);
    wfe_step_result_free(result);
}

static void fill(wfe_step_result *result)
{
    result->image = strdup("docker.io/library/busybox:latest");
    result->image_digest = strdup("sha256:00");
    result->container_id = strdup("wfe-1");
    result->attempt = 2;
    result->started_at_us = 1700000000000000;
    result->finished_at_us = 1700000001250000;
    result->phase_us[WFE_STEP_PHASE_RUN] = 1000500;
    result->usage = (wfe_step_usage){
        .known = true, .peak_memory_bytes = 4096, .cpu_time_us = 1500, .oom_kills = 1};
    set_stream(result, 0, "out", 3, 1000);
    wfe_step_result_warn(result, "careful");
}

static void test_step_result__tells_what_else_is_known(void **state)
{
    (void)state;
    wfe_step_result *result = result_new();
    fill(result);
    json_t *whole = parse(wfe_step_result_json(result));
    json_t *wfe = at(whole, "wfe");
    assert_text(wfe, "end", "exited");
    assert_null(json_object_get(wfe, "error"));
    assert_text(wfe, "image", "docker.io/library/busybox:latest");
    assert_text(wfe, "digest", "sha256:00");
    assert_text(wfe, "container", "wfe-1");
    assert_int_equal(json_integer_value(at(wfe, "attempt")), 2);
    assert_memory_equal(json_string_value(at(wfe, "started_at")), "2023-11-14T22:13:20", 19);
    assert_memory_equal(json_string_value(at(wfe, "finished_at")), "2023-11-14T22:13:21", 19);
    assert_true(json_number_value(at(wfe, "duration_ms")) == 1250.0);
    assert_int_equal(json_integer_value(at(at(wfe, "stdout"), "bytes")), 1000);
    assert_true(json_is_true(at(at(wfe, "stdout"), "cut")));
    assert_true(json_is_false(at(at(wfe, "stderr"), "cut")));
    assert_true(json_number_value(at(at(wfe, "phases_ms"), "run")) == 1000.5);
    assert_int_equal(json_object_size(at(wfe, "phases_ms")), WFE_STEP_N_PHASES);
    assert_string_equal(json_string_value(json_array_get(at(wfe, "warnings"), 0)), "careful");
    assert_true(json_is_false(at(wfe, "out_of_memory")));
    assert_int_equal(json_integer_value(at(at(wfe, "usage"), "peak_memory_bytes")), 4096);
    assert_true(json_number_value(at(at(wfe, "usage"), "cpu_time_ms")) == 1.5);
    assert_int_equal(json_integer_value(at(at(wfe, "usage"), "oom_kills")), 1);
    json_decref(whole);
    wfe_step_result_free(result);
}

static void test_step_result__leaves_out_what_is_not_known(void **state)
{
    (void)state;
    wfe_step_result *result = result_new();
    json_t *whole = parse(wfe_step_result_json(result));
    json_t *wfe = at(whole, "wfe");
    static const char *const keys[] = {"error", "image", "digest", "container", "usage"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        assert_null(json_object_get(wfe, keys[i]));
    assert_int_equal(json_array_size(at(wfe, "warnings")), 0);
    json_decref(whole);
    wfe_step_result_free(result);
}

static void test_step_result__says_in_words_what_went_wrong(void **state)
{
    (void)state;
    static const struct {
        enum wfe_step_end end;
        bool out_of_memory;
        int exit_code;
        const char *end_text;
        const char *error;
    } cases[] = {
        {WFE_STEP_EXITED, false, 3, "exited", "container exited with code 3"},
        {WFE_STEP_EXITED, true, 137, "exited",
         "container ran out of memory: its limit is 64 MiB; it exited with code 137"},
        {WFE_STEP_TIMED_OUT, false, 143, "timed out", "container execution timed out after 1500ms"},
        {WFE_STEP_CANCELLED, false, 143, "cancelled", "container execution was cancelled"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wfe_step_result *result = result_new();
        result->end = cases[i].end;
        result->out_of_memory = cases[i].out_of_memory;
        result->exit_code = cases[i].exit_code;
        result->timeout_ms = 1500;
        result->memory_limit_bytes = 64 * 1024 * 1024;
        json_t *whole = parse(wfe_step_result_json(result));
        assert_text(at(whole, "wfe"), "end", cases[i].end_text);
        assert_text(at(whole, "wfe"), "error", cases[i].error);
        assert_int_equal(json_is_true(at(at(whole, "wfe"), "out_of_memory")),
                         cases[i].out_of_memory);
        json_decref(whole);
        wfe_step_result_free(result);
    }
}

static void test_step_result__has_every_key_in_its_document(void **state)
{
    (void)state;
    wfe_buf text = WFE_BUF_INIT(1024 * 1024);
    wfe_error err = WFE_ERROR_INIT;
    wfe_step_result *result = result_new();
    const char *key;
    json_t *value;
    fill(result);
    result->exit_code = 1; /* so that there is an error */
    assert_ok(wfe_fd_read_file(WFE_SOURCE_DIR "/docs/step-result.md", 65536, &text, &err), &err);
    json_t *whole = parse(wfe_step_result_json(result));
    json_object_foreach(at(whole, "wfe"), key, value)
    {
        char name[64];
        snprintf(name, sizeof name, "`%s`", key);
        assert_contains(text.data, name);
    }
    json_object_foreach(at(at(whole, "wfe"), "phases_ms"), key, value)
    {
        char name[64];
        snprintf(name, sizeof name, "`%s`", key);
        assert_contains(text.data, name);
    }
    json_object_foreach(at(at(whole, "wfe"), "usage"), key, value) assert_contains(text.data, key);
    json_decref(whole);
    wfe_step_result_free(result);
    wfe_buf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_step_result__is_empty_at_first),
        cmocka_unit_test(test_step_result__gives_what_it_holds),
        cmocka_unit_test(test_step_result__collects_warnings),
        cmocka_unit_test(test_step_result__output_data_basic),
        cmocka_unit_test(test_step_result__output_data_without_outputs_are_the_three_stream_keys),
        cmocka_unit_test(test_step_result__output_data_several_outputs),
        cmocka_unit_test(test_step_result__output_data_exit_code_minus_1),
        cmocka_unit_test(test_step_result__data_holds_outputs_and_streams_and_nothing_else),
        cmocka_unit_test(test_step_result__outputs_replace_neither_streams_nor_exit_code),
        cmocka_unit_test(test_step_result__shows_bytes_that_are_no_text),
        cmocka_unit_test(test_step_result__tells_what_else_is_known),
        cmocka_unit_test(test_step_result__leaves_out_what_is_not_known),
        cmocka_unit_test(test_step_result__says_in_words_what_went_wrong),
        cmocka_unit_test(test_step_result__has_every_key_in_its_document),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
