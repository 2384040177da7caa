/* SPDX-License-Identifier: Apache-2.0
 *
 * The small pieces below a run: scopes, back-off, lines, variables.
 */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/strmap.h"
#include "base/strv.h"
#include "engine/context.h"
#include "engine/env.h"
#include "engine/event.h"
#include "engine/retry.h"
#include "engine/scope.h"
#include "engine/split.h"
#include "fixtures/wfe_assert.h"

/* ---- scope ---- */

static void add(wfe_scope **scope, const char *key, const char *value, uint64_t seq)
{
    json_t *outputs = json_pack("{ss}", key, value);
    assert_int_equal(wfe_scope_add(scope, outputs, seq, NULL), 0);
    json_decref(outputs);
}

static const char *text(const wfe_scope *scope, const char *key)
{
    const char *value = json_string_value(json_object_get(wfe_scope_data(scope), key));
    return value ? value : "";
}

static void test_engine_parts__joining_scopes_has_one_result_in_any_order(void **state)
{
    (void)state;
    for (int order = 0; order < 2; order++) {
        json_t *inputs = json_pack("{ss}", "k", "input");
        wfe_scope *a = NULL, *b = NULL;
        assert_int_equal(wfe_scope_new(inputs, &a, NULL), 0);
        b = wfe_scope_ref(a);
        add(&a, "k", "early", 3);
        add(&b, "k", "late", 7);
        add(&b, "only", "b", 5);
        assert_int_equal(order ? wfe_scope_join(&a, b, NULL) : wfe_scope_join(&b, a, NULL), 0);
        assert_string_equal(text(order ? a : b, "k"), "late");
        assert_string_equal(text(order ? a : b, "only"), "b");
        wfe_scope_unref(a);
        wfe_scope_unref(b);
        json_decref(inputs);
    }
}

static void test_engine_parts__a_shared_scope_is_copied_when_it_changes(void **state)
{
    (void)state;
    wfe_scope *a = NULL;
    assert_int_equal(wfe_scope_new(NULL, &a, NULL), 0);
    wfe_scope *b = wfe_scope_ref(a);
    add(&b, "k", "v", 1);
    assert_ptr_not_equal(a, b);
    assert_string_equal(text(a, "k"), "");
    assert_string_equal(text(b, "k"), "v");
    wfe_scope *same = b;
    add(&b, "k", "w", 2); /* not shared any more: changed in place */
    assert_ptr_equal(b, same);
    wfe_scope_unref(a);
    wfe_scope_unref(b);
}

static void test_engine_parts__a_scope_counts_its_bytes(void **state)
{
    (void)state;
    wfe_scope *a = NULL;
    assert_int_equal(wfe_scope_new(NULL, &a, NULL), 0);
    add(&a, "key", "12345", 1);
    assert_int_equal(wfe_scope_bytes(a), 3 + 7);
    add(&a, "key", "1", 2);
    assert_int_equal(wfe_scope_bytes(a), 3 + 3);
    json_t *added = wfe_scope_added(a);
    assert_int_equal(json_object_size(added), 1);
    json_decref(added);
    wfe_scope_unref(a);
}

/* ---- back-off ---- */

static void test_engine_parts__back_off_grows_to_its_maximum(void **state)
{
    (void)state;
    wfe_plan_retry retry = {.interval_ms = 1000, .backoff = 2, .max_interval_ms = 5000};
    assert_int_equal(wfe_retry_delay_ms(&retry, 1, 0.5), 1000);
    assert_int_equal(wfe_retry_delay_ms(&retry, 2, 0.5), 2000);
    assert_int_equal(wfe_retry_delay_ms(&retry, 3, 0.5), 4000);
    assert_int_equal(wfe_retry_delay_ms(&retry, 4, 0.5), 5000);
    assert_int_equal(wfe_retry_delay_ms(&retry, 4000000000U, 0.5), 5000);
    retry.max_interval_ms = 0;
    assert_int_equal(wfe_retry_delay_ms(&retry, 4000000000U, 0.5), WFE_RETRY_MAX_DELAY_MS);
}

static void test_engine_parts__jitter_goes_either_way(void **state)
{
    (void)state;
    wfe_plan_retry retry = {.interval_ms = 1000, .backoff = 1, .jitter = 0.2};
    assert_int_equal(wfe_retry_delay_ms(&retry, 1, 0), 800);
    assert_int_equal(wfe_retry_delay_ms(&retry, 1, 0.5), 1000);
    assert_int_equal(wfe_retry_delay_ms(&retry, 1, 1), 1200);
    retry.jitter = 1;
    assert_int_equal(wfe_retry_delay_ms(&retry, 1, 0), 0);
}

/* ---- lines ---- */

typedef struct lines_seen {
    char text[256];
    size_t bytes;
    unsigned n, n_more;
} lines_seen;

static void on_line(const char *line, size_t len, bool more, void *user)
{
    lines_seen *seen = user;
    if (len < 32)
        snprintf(seen->text + strlen(seen->text), sizeof seen->text - strlen(seen->text), "%.*s|",
                 (int)len, line);
    seen->bytes += len;
    seen->n++;
    seen->n_more += more;
}

static void test_engine_parts__lines_are_the_same_in_any_pieces(void **state)
{
    (void)state;
    static const char stream[] = "one\r\n\ntwo\nlast";
    for (size_t piece = 1; piece < sizeof stream; piece++) {
        wfe_split split;
        lines_seen seen = {0};
        wfe_split_init(&split);
        for (size_t at = 0; at < sizeof stream - 1; at += piece) {
            size_t len = sizeof stream - 1 - at < piece ? sizeof stream - 1 - at : piece;
            assert_int_equal(wfe_split_feed(&split, stream + at, len, on_line, &seen, NULL), 0);
        }
        wfe_split_finish(&split, on_line, &seen);
        wfe_split_done(&split);
        assert_string_equal(seen.text, "one||two|last|");
    }
}

static void test_engine_parts__a_long_line_is_held_in_bounded_memory(void **state)
{
    (void)state;
    char piece[1000];
    wfe_split split;
    lines_seen seen = {0};
    memset(piece, 'x', sizeof piece);
    wfe_split_init(&split);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(wfe_split_feed(&split, piece, sizeof piece, on_line, &seen, NULL), 0);
        assert_true(split.held.len <= WFE_EVENT_LINE_BYTES);
    }
    assert_int_equal(wfe_split_feed(&split, "\nend\n", 5, on_line, &seen, NULL), 0);
    wfe_split_finish(&split, on_line, &seen);
    wfe_split_done(&split);
    assert_int_equal(seen.bytes, 1000 * 1000 + 3);
    assert_int_equal(seen.n, seen.n_more + 2);
    assert_string_equal(strrchr(seen.text, 'e'), "end|");
}

/* ---- variables ---- */

static void test_engine_parts__data_are_upper_cased_variables(void **state)
{
    (void)state;
    wfe_strmap env = {0};
    wfe_env_left_out left_out = {0};
    json_t *data =
        json_pack("{ss si sb ss ss ss ss s{ss} sn}", "version", "1 2", "n", 3, "ok", 1, "path",
                  "/x", "Ld_Preload", "y", "a.b", "z", "1st", "w", "map", "k", "v", "none");
    assert_int_equal(wfe_env_add_data(&env, data, &left_out, NULL), 0);
    assert_string_equal(wfe_strmap_get(&env, "VERSION"), "1 2");
    assert_string_equal(wfe_strmap_get(&env, "N"), "3");
    assert_string_equal(wfe_strmap_get(&env, "OK"), "true");
    assert_string_equal(wfe_strmap_get(&env, "MAP"), "{\"k\":\"v\"}");
    assert_int_equal(env.len, 4);
    assert_int_equal(left_out.n, 0);
    wfe_strmap_done(&env);
    json_decref(data);
}

static void test_engine_parts__data_that_the_kernel_would_refuse_are_left_out(void **state)
{
    (void)state;
    wfe_strmap env = {0};
    wfe_env_left_out left_out = {0};
    json_t *data = json_object();
    char *value = malloc(WFE_ENV_VALUE_MAX_BYTES + 1);
    memset(value, 'x', WFE_ENV_VALUE_MAX_BYTES);
    value[WFE_ENV_VALUE_MAX_BYTES] = '\0';
    json_object_set_new(data, "big", json_string(value));
    value[100000] = '\0';
    for (int i = 0; i < 12; i++) {
        char key[8];
        snprintf(key, sizeof key, "k%d", i);
        json_object_set_new(data, key, json_string(value));
    }
    free(value);
    assert_int_equal(wfe_env_add_data(&env, data, &left_out, NULL), 0);
    assert_null(wfe_strmap_get(&env, "BIG"));
    assert_int_equal(env.len, 10); /* of 100,000 bytes each within the total */
    assert_int_equal(left_out.n, 3);
    assert_string_equal(left_out.text, "too long for variables, and left out: BIG, K10, K11");
    wfe_strmap_done(&env);
    json_decref(data);
}

static void test_engine_parts__many_data_that_are_left_out_are_told_in_one_line(void **state)
{
    (void)state;
    wfe_strmap env = {0};
    wfe_env_left_out left_out = {0};
    json_t *data = json_object();
    char *value = malloc(WFE_ENV_VALUE_MAX_BYTES + 1);
    memset(value, 'x', WFE_ENV_VALUE_MAX_BYTES);
    value[WFE_ENV_VALUE_MAX_BYTES] = '\0';
    for (int i = 0; i < 40; i++) {
        char key[32];
        snprintf(key, sizeof key, "some_longer_name_%d", i);
        json_object_set_new(data, key, json_string(value));
    }
    free(value);
    assert_int_equal(wfe_env_add_data(&env, data, &left_out, NULL), 0);
    assert_int_equal(left_out.n, 40);
    assert_in_range(strlen(left_out.text), 200, sizeof left_out.text - 1);
    assert_string_equal(strrchr(left_out.text, ','), ", ...");
    wfe_strmap_done(&env);
    json_decref(data);
}

/* In small letters, as data mostly are, in capitals, and mixed. */
static json_t *blocked_data(const char *const *names, size_t n)
{
    json_t *data = json_pack("{ss}", "other", "data");
    for (size_t i = 0; i < n; i++) {
        char small[32], mixed[32];
        for (size_t k = 0; k <= strlen(names[i]); k++) {
            char c = names[i][k];
            small[k] = (char)tolower(c);
            mixed[k] = k % 2 ? small[k] : c;
        }
        json_object_set_new(data, names[i], json_string("data"));
        json_object_set_new(data, small, json_string("data"));
        json_object_set_new(data, mixed, json_string("data"));
    }
    return data;
}

static void test_engine_parts__env_sets_the_variables_that_data_may_not(void **state)
{
    (void)state;
    static const char *const names[] = {
        "PATH",    "LD_PRELOAD", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "HOME", "SHELL", "USER",
        "LOGNAME", "TERM"};
    static const char *const own[] = {"PATH=own",
                                      "LD_PRELOAD=own",
                                      "LD_LIBRARY_PATH=own",
                                      "DYLD_LIBRARY_PATH=own",
                                      "HOME=own",
                                      "SHELL=own",
                                      "USER=own",
                                      "LOGNAME=own",
                                      "TERM=own",
                                      NULL};
    const size_t n = sizeof names / sizeof *names;
    const wfe_plan_shell shell = {.run = "true"};
    const wfe_plan_step step = {.type = WFE_PLAN_STEP_SHELL, .config = {.shell = &shell}};
    json_t *data = blocked_data(names, n);
    wfe_context context = {0};
    const wfe_attempt_env attempt = {.context = &context, .step = &step, .data = data};
    wfe_env_left_out left_out = {0};
    wfe_error err = WFE_ERROR_INIT;
    char **env = NULL;
    assert_ok(wfe_env_build(&attempt, NULL, NULL, &env, &left_out, &err), &err);
    assert_string_equal(env[0], "OTHER=data");
    assert_null(env[1]);
    wfe_strv_free(env);
    assert_ok(wfe_env_build(&attempt, NULL, own, &env, &left_out, &err), &err);
    assert_int_equal(wfe_strv_length((const char *const *)env), 1 + n);
    for (size_t i = 0; i < n; i++)
        assert_string_equal(env[1 + i], own[i]);
    wfe_strv_free(env);
    assert_int_equal(left_out.n, 0);
    json_decref(data);
}

static void test_engine_parts__variables_of_data_are_over_the_base_and_under_env(void **state)
{
    (void)state;
    static const char *const base[] = {"A=base", "B=base", "C=base", "D=base", NULL};
    static const char *const own[] = {"C=own", "D=own", "E=own", NULL};
    static const char *const wanted[] = {"A=base", "B=data", "C=own", "D=own", "E=own"};
    const size_t n = sizeof wanted / sizeof *wanted;
    const wfe_plan_shell shell = {.run = "true"};
    const wfe_plan_step step = {.type = WFE_PLAN_STEP_SHELL, .config = {.shell = &shell}};
    json_t *data = json_pack("{ss ss ss}", "b", "data", "d", "data", "e", "data");
    wfe_context context = {0};
    const wfe_attempt_env attempt = {.context = &context, .step = &step, .data = data};
    wfe_env_left_out left_out = {0};
    wfe_error err = WFE_ERROR_INIT;
    char **env = NULL;
    assert_ok(wfe_env_build(&attempt, base, own, &env, &left_out, &err), &err);
    assert_int_equal(wfe_strv_length((const char *const *)env), n);
    for (size_t i = 0; i < n; i++)
        assert_string_equal(env[i], wanted[i]);
    wfe_strv_free(env);
    json_decref(data);
}

static bool has_service(const wfe_plan_step *step)
{
    wfe_context context = {0};
    char **env = NULL;
    wfe_env_left_out left_out = {0};
    json_t *data = json_object();
    assert_int_equal(wfe_strmap_set(&context.service_env, "SVC_DB_HOST", "127.0.0.1", NULL), 0);
    const wfe_attempt_env attempt = {.context = &context, .step = step, .data = data};
    assert_int_equal(wfe_env_build(&attempt, NULL, NULL, &env, &left_out, NULL), 0);
    bool has = env[0] && strcmp(env[0], "SVC_DB_HOST=127.0.0.1") == 0;
    wfe_strv_free(env);
    wfe_strmap_done(&context.service_env);
    json_decref(data);
    return has;
}

static void test_engine_parts__services_are_told_to_steps_in_their_network_only(void **state)
{
    (void)state;
    wfe_plan_container container = {.options = {.network = NULL}};
    wfe_plan_step step = {.type = WFE_PLAN_STEP_CONTAINERD, .config = {.container = &container}};
    assert_true(has_service(&step));
    container.options.network = "none";
    assert_false(has_service(&step));
    container.options.network = "host";
    assert_false(has_service(&step));
    const wfe_plan_shell shell = {.run = "true"};
    step = (wfe_plan_step){.type = WFE_PLAN_STEP_SHELL, .config = {.shell = &shell}};
    assert_false(has_service(&step));
}

#define CASE(name) cmocka_unit_test(test_engine_parts__##name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(joining_scopes_has_one_result_in_any_order),
        CASE(a_shared_scope_is_copied_when_it_changes),
        CASE(a_scope_counts_its_bytes),
        CASE(back_off_grows_to_its_maximum),
        CASE(jitter_goes_either_way),
        CASE(lines_are_the_same_in_any_pieces),
        CASE(a_long_line_is_held_in_bounded_memory),
        CASE(data_are_upper_cased_variables),
        CASE(data_that_the_kernel_would_refuse_are_left_out),
        CASE(many_data_that_are_left_out_are_told_in_one_line),
        CASE(env_sets_the_variables_that_data_may_not),
        CASE(variables_of_data_are_over_the_base_and_under_env),
        CASE(services_are_told_to_steps_in_their_network_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
