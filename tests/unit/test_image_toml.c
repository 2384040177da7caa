/* SPDX-License-Identifier: Apache-2.0 */
#include "fixtures/wfe_assert.h"

#include "image/toml.h"

/* The text as JSON, members in their order. */
static void assert_is(const char *text, const char *json)
{
    json_t *root = NULL;
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_toml_parse(text, strlen(text), &root, &err), &err);
    char *shown = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    assert_non_null(shown);
    assert_string_equal(shown, json);
    free(shown);
}

static void assert_wrong(const char *text, int kind, const char *message)
{
    json_t *root = NULL;
    wfe_error err = WFE_ERROR_INIT;
    assert_fails(wfe_toml_parse(text, strlen(text), &root, &err), kind, &err);
    assert_null(root);
    assert_contains(err.message, message);
}

static void test_toml__reads_keys_of_every_form(void **state)
{
    (void)state;
    assert_is("", "{}");
    assert_is("# only a comment", "{}");
    assert_is("a = 1\nB-2_c = 2\r\n\"q u\" = 3\n'l\\t' = 4\n",
              "{\"a\":1,\"B-2_c\":2,\"q u\":3,\"l\\\\t\":4}");
    assert_is("a.b . \"c.d\" = 1\na.e = 2", "{\"a\":{\"b\":{\"c.d\":1},\"e\":2}}");
    assert_is("1234 = true", "{\"1234\":true}");
}

static void test_toml__reads_values_of_every_form(void **state)
{
    (void)state;
    assert_is("a = \"x\\t\\\"\\\\\\u00e4\\U0001F600\" # c", "{\"a\":\"x\\t\\\"\\\\ä😀\"}");
    assert_is("a = 'C:\\x' \nb = \"\"", "{\"a\":\"C:\\\\x\",\"b\":\"\"}");
    assert_is("a = true\nb = false", "{\"a\":true,\"b\":false}");
    assert_is("a = -12\nb = 1_000\nc = 0\nd = +7", "{\"a\":-12,\"b\":1000,\"c\":0,\"d\":7}");
    assert_is("a = []\nb = [ 1, # one\n 2,\n]", "{\"a\":[],\"b\":[1,2]}");
    assert_is("a = [[\"c\", \"k\"], 'p']", "{\"a\":[[\"c\",\"k\"],\"p\"]}");
    assert_is("a = {}\nb = { x.y = 1, \"z\" = [2] }",
              "{\"a\":{},\"b\":{\"x\":{\"y\":1},\"z\":[2]}}");
}

static void test_toml__keeps_the_order_of_tables(void **state)
{
    (void)state;
    assert_is("server = 's'\n[host.\"https://b\"]\nx = 1\n[host.\"https://a\"]\n"
              "[host.\"https://b\".header]\nh = 2\n",
              "{\"server\":\"s\",\"host\":{\"https://b\":{\"x\":1,\"header\":{\"h\":2}},"
              "\"https://a\":{}}}");
    assert_is(" [ a . b ] \nc = 1\n[a]\nd = 2", "{\"a\":{\"b\":{\"c\":1},\"d\":2}}");
}

static void test_toml__names_line_and_column_of_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"a", "1:2: expected '='"},
        {"a = ", "1:5: expected a text"},
        {"\n  a = b", "2:7: expected a text"},
        {"a = \"x", "1:7: the text is not closed"},
        {"a = \"x\ny\"", "1:7: the text is not closed"},
        {"a = \"\\x\"", "1:7: unknown escape"},
        {"a = \"\\u12\"", "1:7: the escape needs"},
        {"a = \"\\ud800\"", "1:7: this escape is no character"},
        {"a = \"\\u0000\"", "1:7: this escape is no character"},
        {"a = \"\"\"x\"\"\"", "1:5: a text of several lines"},
        {"a = 1 b = 2", "1:7: expected the end of the line"},
        {"a = 1\na = 2", "2:3: this key has a value already"},
        {"a = 1\na.b = 2", "2:2: this key has a value already, it is no table"},
        {"[a]\n[a]", "2:3: this table was defined before"},
        {"[a]\nb.c = 1\n[a.b.c]", "3:7: this key has a value already, it is no table"},
        {"a = {b = 1}\na.c = 2", "2:2: this table was defined before"},
        {"[[a]]", "1:1: an array of tables"},
        {"[a", "1:3: expected ']'"},
        {"[]", "1:2: expected a key"},
        {"a = [1 2]", "1:8: expected ',' or ']'"},
        {"a = [", "1:6: expected a text"},
        {"a = {b = 1, }", "1:13: expected a key"},
        {"a = {b = 1", "1:11: expected ',' or '}'"},
        {"a = 1.5", "1:5: expected a text"},
        {"a = 2026-01-31", "1:5: expected a text"},
        {"a = 007", "1:5: expected a text"},
        {"a = 0x10", "1:5: expected a text"},
        {"a = 1__0", "1:5: expected a text"},
        {"a = _1", "1:5: expected a text"},
        {"a = trueish", "1:5: expected a text"},
        {"a = 99999999999999999999", "1:5: the number is too large"},
        {"= 1", "1:1: expected a key"},
        {"\xff = 1", "no UTF-8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_wrong(cases[i].text, WFE_E_INVALID, cases[i].message);
}

static void test_toml__bounds_depth_tables_and_length(void **state)
{
    (void)state;
    char text[8192] = "a = ";
    for (int i = 0; i <= WFE_TOML_MAX_DEPTH; i++)
        strcat(text, "[");
    assert_wrong(text, WFE_E_LIMIT, "nested too deep");
    strcpy(text, "a");
    for (int i = 0; i <= WFE_TOML_MAX_DEPTH; i++)
        strcat(text, ".a");
    strcat(text, " = 1");
    assert_wrong(text, WFE_E_LIMIT, "too many parts");
    text[0] = '\0';
    for (int i = 0; i <= WFE_TOML_MAX_TABLES; i++) {
        char line[16];
        snprintf(line, sizeof line, "[t%d]\n", i);
        strcat(text, line);
    }
    assert_wrong(text, WFE_E_LIMIT, "too many tables");
    json_t *root = NULL;
    wfe_error err = WFE_ERROR_INIT;
    assert_fails(wfe_toml_parse("", WFE_TOML_MAX_BYTES + 1, &root, &err), WFE_E_LIMIT, &err);
    wfe_error nul = WFE_ERROR_INIT;
    assert_fails(wfe_toml_parse("a = 1\0", 6, &root, &nul), WFE_E_INVALID, &nul);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_toml__reads_keys_of_every_form),
        cmocka_unit_test(test_toml__reads_values_of_every_form),
        cmocka_unit_test(test_toml__keeps_the_order_of_tables),
        cmocka_unit_test(test_toml__names_line_and_column_of_what_is_wrong),
        cmocka_unit_test(test_toml__bounds_depth_tables_and_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
