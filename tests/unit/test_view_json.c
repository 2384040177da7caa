/* SPDX-License-Identifier: Apache-2.0
 *
 * Every line is an object of its own, and every member is one that docs/run-events.md names.
 */
#include <jansson.h>
#include <stdlib.h>

#include "base/fd.h"
#include "cli/view.h"
#include "fixtures/captured_out.h"
#include "fixtures/synthetic_run.h"
#include "fixtures/wfe_assert.h"

static captured_out captured;
static wfe_buf documentation;

static const char *tell(void)
{
    synthetic_run run = {0};
    wfe_error err = WFE_ERROR_INIT;
    captured_out_init(&captured);
    assert_ok(wfe_view_json_new(&synthetic_story_run, captured.out, &run.view, &err), &err);
    synthetic_story(&run);
    wfe_engine_result result = synthetic_story_result();
    assert_ok(run.view->end(run.view, &result, 1, &err), &err);
    run.view->free(run.view);
    return captured_out_take(&captured, NULL);
}

static json_t *next_line(const char **text)
{
    const char *newline = strchr(*text, '\n');
    if (!newline)
        return NULL;
    json_error_t error;
    json_t *json = json_loadb(*text, (size_t)(newline - *text), 0, &error);
    if (!json)
        fail_msg("no JSON: %.*s: %s", (int)(newline - *text), *text, error.text);
    *text = newline + 1;
    return json;
}

static void assert_documented(const char *word)
{
    char quoted[64];
    snprintf(quoted, sizeof quoted, "`%s`", word);
    if (!strstr(documentation.data, quoted))
        fail_msg("%s is not in docs/run-events.md", quoted);
}

static void assert_member(const json_t *event, const char *key, const char *value)
{
    assert_string_equal(json_string_value(json_object_get(event, key)), value);
}

static void test_view_json__writes_documented_objects(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    documentation = (wfe_buf)WFE_BUF_INIT(0);
    assert_ok(wfe_fd_read_file(WFE_SOURCE_DIR "/docs/run-events.md", (size_t)256 * 1024,
                               &documentation, &err),
              &err);
    const char *text = tell();
    size_t n = 0;
    for (json_t *event; (event = next_line(&text)); n++) {
        const char *key;
        json_t *value;
        json_object_foreach(event, key, value) assert_documented(key);
        assert_documented(json_string_value(json_object_get(event, "event")));
        assert_int_equal(json_integer_value(json_object_get(event, "version")), WFE_EVENT_VERSION);
        json_decref(event);
    }
    assert_string_equal(text, "");
    assert_in_range(n, 70, 80);
    wfe_buf_done(&documentation);
    captured_out_done(&captured);
}

static void test_view_json__documents_every_state(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    documentation = (wfe_buf)WFE_BUF_INIT(0);
    assert_ok(wfe_fd_read_file(WFE_SOURCE_DIR "/docs/run-events.md", (size_t)256 * 1024,
                               &documentation, &err),
              &err);
#define DOCUMENTED_KIND(kind, name, when) assert_documented(name);
#define DOCUMENTED_STATE(state, name, is_end, meaning) assert_documented(name);
    WFE_EVENT_KINDS(DOCUMENTED_KIND)
    WFE_RUN_STATES(DOCUMENTED_STATE)
    WFE_STEP_STATES(DOCUMENTED_STATE)
    WFE_SERVICE_STATES(DOCUMENTED_STATE)
    wfe_buf_done(&documentation);
}

static void test_view_json__ends_with_the_result(void **state)
{
    (void)state;
    const char *text = tell();
    json_t *last = NULL;
    for (json_t *event; (event = next_line(&text));) {
        json_decref(last);
        last = event;
    }
    assert_member(last, "event", "result");
    assert_member(last, "state", "failed");
    assert_member(last, "workflow", "build-and-test");
    assert_int_equal(json_integer_value(json_object_get(last, "exit_code")), 1);
    const json_t *failures = json_object_get(last, "failures");
    assert_int_equal(json_array_size(failures), 2);
    assert_member(json_array_get(failures, 0), "step", "unit[2]");
    assert_member(json_array_get(failures, 0), "message", "container exited with code 7");
    json_decref(last);
    captured_out_done(&captured);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_view_json__writes_documented_objects),
        cmocka_unit_test(test_view_json__documents_every_state),
        cmocka_unit_test(test_view_json__ends_with_the_result),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
