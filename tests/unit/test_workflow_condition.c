/* SPDX-License-Identifier: Apache-2.0
 *
 * `when`: what is true of which data.
 */
#include "fixtures/workflow_text.h"

#include <jansson.h>
#include <stdlib.h>

static const char data_text[] =
    "{\"ref\":\"main\",\"n\":5,\"r\":5.5,\"text5\":\"5\",\"ten\":\"10\",\"yes\":true,\"no\":null,"
    "\"tags\":[\"a\",\"b\",3],\"map\":{\"k\":{\"0\":\"zero\"}},\"empty\":\"\",\"yestext\":"
    "\"true\"}";

/* Evaluates a condition in YAML's flow form. */
static int eval(const char *when, bool *ret, wfe_error *err)
{
    char text[1024];
    snprintf(text, sizeof text,
             WORKFLOW_HEAD "  steps:\n    - {name: a, when: %s, config: {run: x}}\n", when);
    wfe_plan *plan = plan_of(text, NULL);
    json_t *data = json_loads(data_text, 0, NULL);
    assert_non_null(data);
    int rc = wfe_plan_condition_eval(step_named(plan, "a")->when, data, ret, err);
    json_decref(data);
    wfe_plan_free(plan);
    return rc;
}

static void assert_outcome(const char *when, bool wanted)
{
    bool is = !wanted;
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(eval(when, &is, &err), &err);
    if (is != wanted)
        fail_msg("%s is %s", when, is ? "true" : "false");
}

static void assert_all(const char *const *conditions, bool wanted)
{
    for (; *conditions; conditions++)
        assert_outcome(*conditions, wanted);
}

static void test_condition__compares_values(void **state)
{
    (void)state;
    static const char *const yes[] = {
        "{field: .inputs.ref, equals: main}",
        "{field: inputs.ref, equals: main}",
        "{field: ref, equals: main}",
        "{field: .outputs.ref, equals: main}",
        "{field: .inputs.ref, not_equals: dev}",
        "{field: .inputs.n, equals: 5}",
        "{field: .inputs.n, equals: 5.0}",
        "{field: .inputs.n, gt: 4}",
        "{field: .inputs.n, gte: 5}",
        "{field: .inputs.n, lt: 5.1}",
        "{field: .inputs.n, lte: 5}",
        "{field: .inputs.r, gt: 5}",
        "{field: .inputs.yes, equals: true}",
        "{field: .inputs.tags, contains: b}",
        "{field: .inputs.ref, contains: ai}",
        "{field: .inputs.tags.1, equals: b}",
        "{field: .inputs.map.k.0, equals: zero}",
        "{field: .inputs.map, equals: {k: {\"0\": zero}}}",
        "{field: .inputs.tags, equals: [a, b, 3]}",
        "{field: .inputs.empty, equals: ''}",
        "{field: .inputs.empty, is_not_null: true}",
        NULL,
    };
    static const char *const no[] = {
        "{field: .inputs.ref, equals: dev}",
        "{field: .inputs.ref, not_equals: main}",
        "{field: .inputs.n, gt: 5}",
        "{field: .inputs.n, lt: 5}",
        "{field: .inputs.tags, contains: c}",
        "{field: .inputs.tags, equals: [a, b]}",
        "{field: .inputs.tags.9, equals: b}",
        "{field: .inputs.yes, equals: false}",
        "{field: .inputs.map, equals: {k: {}}}",
        "{field: .inputs.ref, equals: [main]}",
        NULL,
    };
    assert_all(yes, true);
    assert_all(no, false);
}

static void test_condition__takes_text_for_what_it_says(void **state)
{
    (void)state;
    static const char *const yes[] = {
        "{field: .outputs.text5, equals: 5}",
        "{field: .inputs.n, equals: '5'}",
        "{field: .outputs.ten, gt: 9}",
        "{field: .outputs.yestext, equals: true}",
        "{field: .inputs.yes, equals: 'true'}",
        "{field: .outputs.tags, contains: '3'}",
        "{field: .outputs.text5, not_equals: 6}",
        "{field: .outputs.ten, contains: 1}",
        NULL,
    };
    static const char *const no[] = {
        "{field: .outputs.text5, equals: 50}",
        "{field: .outputs.yestext, equals: 1}",
        "{field: .outputs.ten, lt: 9}",
        NULL,
    };
    assert_all(yes, true);
    assert_all(no, false);
}

static void test_condition__takes_a_missing_field_for_null(void **state)
{
    (void)state;
    static const char *const yes[] = {
        "{field: .inputs.gone, is_null: true}",
        "{field: .inputs.no, is_null: true}",
        "{field: .inputs.gone, not_equals: x}",
        "{field: .inputs.gone.deeper, is_null: true}",
        "{not: {field: .inputs.gone, equals: x}}",
        "{none: [{field: .inputs.gone, equals: x}]}",
        "{any: [{field: .inputs.gone, equals: x}, {field: .inputs.ref, equals: main}]}",
        NULL,
    };
    static const char *const no[] = {
        "{field: .inputs.gone, equals: x}", "{field: .inputs.gone, gt: 1}",
        "{field: .inputs.gone, lte: 1}",    "{field: .inputs.gone, contains: x}",
        "{field: .inputs.no, contains: x}", "{field: .inputs.gone, is_not_null: true}",
        "{field: .inputs.no, lt: 1}",       NULL,
    };
    assert_all(yes, true);
    assert_all(no, false);
}

#define T "{field: n, equals: 5}"
#define F "{field: n, equals: 6}"

static void test_condition__combines(void **state)
{
    (void)state;
    static const char *const yes[] = {
        "{all: []}",
        "{all: [" T ", " T "]}",
        "{any: [" F ", " T "]}",
        "{none: []}",
        "{none: [" F ", " F "]}",
        "{one_of: [" F ", " T "]}",
        "{not: " F "}",
        "{all: [{any: [" F ", " T "]}, {not: {all: [" F "]}}]}",
        NULL,
    };
    static const char *const no[] = {
        "{all: [" T ", " F "]}",  "{any: []}",    "{any: [" F "]}",
        "{none: [" F ", " T "]}", "{one_of: []}", "{one_of: [" T ", " T "]}",
        "{not: " T "}",           NULL,
    };
    assert_all(yes, true);
    assert_all(no, false);
}

static void assert_eval_fails(const char *when, const char *message)
{
    bool is = true;
    wfe_error err = WFE_ERROR_INIT;
    assert_fails(eval(when, &is, &err), WFE_E_INVALID, &err);
    assert_string_equal(err.message, message);
    assert_true(is); /* untouched */
}

static void test_condition__refuses_what_cannot_be_compared(void **state)
{
    (void)state;
    assert_eval_fails("{field: .inputs.ref, gt: 1}",
                      "cannot compare non-numeric field value: \"main\"");
    assert_eval_fails("{field: .inputs.tags, lt: 1}",
                      "cannot compare non-numeric field value: [\"a\",\"b\",3]");
    assert_eval_fails("{field: .inputs.n, contains: 5}",
                      "Contains requires a string or array field, got number");
    assert_eval_fails("{field: .inputs.map, contains: k}",
                      "Contains requires a string or array field, got object");
}

static void assert_when_is_wrong(const char *when, const char *part)
{
    char text[1024];
    snprintf(text, sizeof text,
             WORKFLOW_HEAD "  steps:\n    - {name: a, when: %s, config: {run: x}}\n", when);
    assert_wrong_text(text, NULL, part);
}

static void test_condition__has_one_operator_or_one_combinator(void **state)
{
    (void)state;
    assert_when_is_wrong("{field: .inputs.a}", "must specify an operator (equals, gt, etc.)");
    assert_when_is_wrong("{field: .inputs.a, equals: null}", "must specify an operator");
    assert_when_is_wrong("{field: .inputs.a, is_null: false}", "must specify an operator");
    assert_when_is_wrong("{field: .inputs.a, gt: 1, lt: 3}",
                         "must specify exactly one operator, found 2");
    assert_when_is_wrong("{}", "Condition combinator must have at least one of: all, any, none, "
                               "one_of, not");
    assert_when_is_wrong("{all: [], any: []}", "must have exactly one of");
    assert_when_is_wrong("{equals: x}", "'equals' needs a 'field' beside it");
    assert_when_is_wrong("{field: .inputs.a, equals: 1, all: []}", "'all' cannot stand beside");
    assert_when_is_wrong("{any: {field: x, equals: 1}}", "'any' must be a list of conditions");
    assert_when_is_wrong("{not: [x]}", "'not' must be a condition, found a list");
    assert_when_is_wrong("{field: .inputs.a, gt: x}", "'gt' must be a number, found text");
    assert_when_is_wrong("{field: '', equals: x}", "'field' must name a value");
    assert_when_is_wrong("yes", "a condition must be a map, found text");
}

static void assert_lookup(const char *json, const char *path, const char *wanted)
{
    json_t *data = json_loads(json, 0, NULL);
    const json_t *found = wfe_plan_lookup(data, path);
    if (!wanted)
        assert_null(found);
    else
        assert_string_equal(json_string_value(found), wanted);
    json_decref(data);
}

static void test_condition__finds_fields(void **state)
{
    (void)state;
    assert_lookup("{\"a\":\"1\"}", ".inputs.a", "1");
    assert_lookup("{\"a\":\"1\"}", ".a", "1");
    assert_lookup("{\"inputs\":{\"a\":\"2\"},\"a\":\"1\"}", ".inputs.a", "2");
    assert_lookup("{\"outputs\":\"x\",\"a\":\"1\"}", ".outputs.a", NULL);
    assert_lookup("{\"a\":[\"x\",\"y\"]}", ".a.1", "y");
    assert_lookup("{\"a\":[\"x\"]}", ".a.1", NULL);
    assert_lookup("{\"a\":[\"x\"]}", ".a.-1", NULL);
    assert_lookup("{\"a\":[\"x\"]}", ".a.99999999999999999999", NULL);
    assert_lookup("{\"a\":{\"0\":\"x\"}}", ".a.0", "x");
    assert_lookup("{\"outputs\":{\"a\":\"1\"},\"a\":\"2\"}", ".inputs.outputs.a", "1");
    assert_lookup("{}", ".outputs.", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_condition__compares_values),
        cmocka_unit_test(test_condition__takes_text_for_what_it_says),
        cmocka_unit_test(test_condition__takes_a_missing_field_for_null),
        cmocka_unit_test(test_condition__combines),
        cmocka_unit_test(test_condition__refuses_what_cannot_be_compared),
        cmocka_unit_test(test_condition__has_one_operator_or_one_combinator),
        cmocka_unit_test(test_condition__finds_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
