/* SPDX-License-Identifier: Apache-2.0 */
#include "workflow/types.h"

#include <stdlib.h>

#include "fixtures/wfe_assert.h"

static wfe_plan_type type_of(wfe_arena *arena, const char *text)
{
    wfe_plan_type type;
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_type_parse(arena, text, &type, &err), &err);
    return type;
}

static void test_types__parses_simple_and_nested_ones(void **state)
{
    (void)state;
    wfe_arena *arena = wfe_arena_new();
    wfe_plan_type type = type_of(arena, "string");
    assert_int_equal(type.kind, WFE_PLAN_STRING);
    assert_false(type.optional);
    type = type_of(arena, " bool ? ");
    assert_int_equal(type.kind, WFE_PLAN_BOOL);
    assert_true(type.optional);
    type = type_of(arena, "list<map< integer? >>?");
    assert_int_equal(type.kind, WFE_PLAN_LIST);
    assert_true(type.optional);
    assert_int_equal(type.member->kind, WFE_PLAN_MAP);
    assert_false(type.member->optional);
    assert_int_equal(type.member->member->kind, WFE_PLAN_INTEGER);
    assert_true(type.member->member->optional);
    assert_string_equal(type.text, "list<map< integer? >>?");
    wfe_arena_free(arena);
}

static void test_types__tells_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *message;
    } cases[] = {
        {"", "Empty type string"},
        {"?", "Empty type string"},
        {"list<>", "Empty type string"},
        {"strng", "Unknown type: 'strng'"},
        {"String", "Unknown type: 'String'"},
        {"list", "Unknown type: 'list'"},
        {"string??", "Unknown type: 'string?'"},
        {"set<string>", "Unknown generic type: 'set'"},
        {"list<string", "Malformed generic type: 'list<string'"},
        {"list<string>x", "Malformed generic type: 'list<string>x'"},
        {"list<list<foo>>", "Unknown type: 'foo'"},
        {"string>", "Unknown type: 'string>'"},
    };
    wfe_arena *arena = wfe_arena_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wfe_plan_type type = {.kind = WFE_PLAN_MAP};
        wfe_error err = WFE_ERROR_INIT;
        assert_fails(wfe_type_parse(arena, cases[i].text, &type, &err), WFE_E_INVALID, &err);
        assert_string_equal(err.message, cases[i].message);
        assert_int_equal(type.kind, WFE_PLAN_MAP);
    }
    wfe_arena_free(arena);
}

static void test_types__are_nested_to_a_limit(void **state)
{
    (void)state;
    char text[1024] = "";
    wfe_plan_type type;
    wfe_error err = WFE_ERROR_INIT;
    wfe_arena *arena = wfe_arena_new();
    for (int i = 0; i < WFE_TYPE_MAX_DEPTH + 1; i++)
        strcat(text, "list<");
    strcat(text, "any");
    for (int i = 0; i < WFE_TYPE_MAX_DEPTH + 1; i++)
        strcat(text, ">");
    assert_fails(wfe_type_parse(arena, text, &type, &err), WFE_E_INVALID, &err);
    assert_contains(err.message, "Malformed generic type");
    wfe_arena_free(arena);
}

/* A value, or a text that is converted, as JSON; NULL: refused. */
static void assert_value(const char *type_text, const char *json, bool convert, const char *wanted)
{
    wfe_arena *arena = wfe_arena_new();
    wfe_plan_type type = type_of(arena, type_text);
    json_t *value = json_loads(json, JSON_DECODE_ANY, NULL), *ret = NULL;
    wfe_error err = WFE_ERROR_INIT;
    int rc = wfe_plan_type_check(&type, value, convert, &ret, &err);
    if (!wanted) {
        assert_fails(rc, WFE_E_INVALID, &err);
        assert_contains(err.message, "must be ");
        assert_contains(err.message, type.text);
        assert_null(ret);
    } else {
        assert_ok(rc, &err);
        char *text = json_dumps(ret, JSON_ENCODE_ANY | JSON_COMPACT);
        assert_string_equal(text, wanted);
        free(text);
    }
    json_decref(ret);
    json_decref(value);
    wfe_arena_free(arena);
}

static void test_types__checks_values(void **state)
{
    (void)state;
    assert_value("string", "\"x\"", false, "\"x\"");
    assert_value("string", "1", false, NULL);
    assert_value("string", "null", false, NULL);
    assert_value("string?", "null", false, "null");
    assert_value("number", "1.5", false, "1.5");
    assert_value("number", "1", false, "1");
    assert_value("integer", "1.5", false, NULL);
    assert_value("bool", "\"true\"", false, NULL);
    assert_value("any", "{\"a\":[1]}", false, "{\"a\":[1]}");
    assert_value("list<integer>", "[1,2]", false, "[1,2]");
    assert_value("list<integer>", "[1,\"2\"]", false, NULL);
    assert_value("map<string?>", "{\"a\":null}", false, "{\"a\":null}");
    assert_value("map<string>", "[]", false, NULL);
}

static void test_types__converts_texts(void **state)
{
    (void)state;
    assert_value("string", "\"1\"", true, "\"1\"");
    assert_value("number", "\"1.10\"", true, "1.1000000000000001");
    assert_value("number", "\"1e3\"", true, "1000.0");
    assert_value("integer", "\"007\"", true, "7");
    assert_value("integer", "\"1.0\"", true, NULL);
    assert_value("integer", "\"99999999999999999999\"", true, NULL);
    assert_value("number", "\"abc\"", true, NULL);
    assert_value("number", "\"\"", true, NULL);
    assert_value("number", "\"inf\"", true, NULL);
    assert_value("number", "\".inf\"", true, NULL);
    assert_value("bool", "\"true\"", true, "true");
    assert_value("bool", "\"yes\"", true, NULL);
    assert_value("any", "\"[1, 2]\"", true, "[1,2]");
    assert_value("any", "\"[1, 2\"", true, "\"[1, 2\"");
    assert_value("list<string>", "\"[\\\"a\\\"]\"", true, "[\"a\"]");
    assert_value("list<string>", "\"a\"", true, NULL);
    assert_value("map<integer>", "\"{\\\"a\\\": 1}\"", true, "{\"a\":1}");
    assert_value("integer?", "\"null\"", true, "null");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types__parses_simple_and_nested_ones),
        cmocka_unit_test(test_types__tells_what_is_wrong),
        cmocka_unit_test(test_types__are_nested_to_a_limit),
        cmocka_unit_test(test_types__checks_values),
        cmocka_unit_test(test_types__converts_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
