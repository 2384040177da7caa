/* SPDX-License-Identifier: Apache-2.0
 *
 * YAML to trees: what scalars mean, aliases and merge keys, positions, limits.
 */
#include "workflow/yaml.h"

#include <stdlib.h>

#include "base/buf.h"
#include "fixtures/wfe_assert.h"

typedef struct parsed {
    wfe_arena *arena;
    wfe_diagnostics *list;
    wfe_node *root;
    uint32_t n_left;
} parsed;

static parsed parse_bytes(const char *text, size_t len)
{
    parsed p = {.arena = wfe_arena_new(), .list = wfe_diagnostics_new(), .n_left = WFE_NODE_MAX};
    wfe_error err = WFE_ERROR_INIT;
    const wfe_plan_file file = {.path = "t.yaml", .text = text, .len = len};
    assert_ok(wfe_yaml_parse(text, len, 0, &p.n_left, p.arena, p.list, &p.root, &err), &err);
    assert_ok(wfe_diagnostics_finish(p.list, &file, 1, &err), &err);
    return p;
}

static void done(parsed *p)
{
    wfe_diagnostics_free(p->list);
    wfe_arena_free(p->arena);
}

static void assert_json(const char *text, const char *wanted)
{
    parsed p = parse_bytes(text, strlen(text));
    if (!p.root)
        fail_msg("%s: %s", text,
                 wfe_diagnostics_length(p.list) ? wfe_diagnostics_at(p.list, 0)->message : "empty");
    json_t *value = wfe_node_json(p.root);
    char *json = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(json, wanted);
    free(json);
    json_decref(value);
    done(&p);
}

static void assert_refused(const char *text, unsigned line, unsigned column, const char *part)
{
    parsed p = parse_bytes(text, strlen(text));
    assert_true(wfe_diagnostics_errors(p.list) > 0);
    const wfe_diagnostic *d = wfe_diagnostics_at(p.list, 0);
    assert_contains(d->message, part);
    assert_int_equal(d->line, line);
    assert_int_equal(d->column, column);
    done(&p);
}

static void test_yaml__reads_scalars_by_the_core_schema(void **state)
{
    (void)state;
    assert_json("[~, null, Null, '', \"null\", ]", "[null,null,null,\"\",\"null\"]");
    assert_json("[true, False, yes, on, 'true']", "[true,false,\"yes\",\"on\",\"true\"]");
    assert_json("[1, -2, +3, 0o17, 0x1F, 007, '1']", "[1,-2,3,15,31,7,\"1\"]");
    assert_json("[1.5, .5, 2., 1e2, -1.25E-1, 1.2.3]", "[1.5,0.5,2.0,100.0,-0.125,\"1.2.3\"]");
    assert_json("[.inf, .nan, 0x, 1_000, 12h]", "[null,null,\"0x\",\"1_000\",\"12h\"]");
    assert_json("[99999999999999999999]", "[1e20]");
    assert_json("a:\nb: 1\n", "{\"a\":null,\"b\":1}");
    assert_json("a: !!str 5\n", "{\"a\":\"5\"}");
    assert_json("a: |\n  one\n  two\nb: >\n  x\n  y\n",
                "{\"a\":\"one\\ntwo\\n\",\"b\":\"x y\\n\"}");
    assert_json("a: \"\\u00e9\\n\"\n", "{\"a\":\"\303\251\\n\"}");
    assert_json("\xef\xbb\xbf"
                "a: 1\n",
                "{\"a\":1}");
}

static void test_yaml__puts_aliases_and_merge_keys_in(void **state)
{
    (void)state;
    assert_json("a: &x [1, 2]\nb: *x\n", "{\"a\":[1,2],\"b\":[1,2]}");
    assert_json("a: &x 1\nb: &x 2\nc: *x\n", "{\"a\":1,\"b\":2,\"c\":2}");
    assert_json("a: &x {k: 1, l: 2}\nb: {<<: *x, k: 3}\n",
                "{\"a\":{\"k\":1,\"l\":2},\"b\":{\"k\":3,\"l\":2}}");
    assert_json("b: {k: 3, <<: {k: 1, m: 4}}\n", "{\"b\":{\"k\":3,\"m\":4}}");
    assert_json("b: {<<: [{k: 1}, {k: 2, m: 4}]}\n", "{\"b\":{\"k\":1,\"m\":4}}");
    assert_json("a: &x {k: 1}\nb: &y {<<: *x, l: 2}\nc: {<<: *y}\n",
                "{\"a\":{\"k\":1},\"b\":{\"k\":1,\"l\":2},\"c\":{\"k\":1,\"l\":2}}");
    assert_json("a: {'<<': 1}\n", "{\"a\":{\"<<\":1}}");
    assert_refused("a: {<<: 1}\n", 1, 9, "merge key resolution failed");
    assert_refused("a: {<<: [{b: 1}, 2]}\n", 1, 18, "merge key resolution failed");
}

static void test_yaml__tells_where_it_is_wrong(void **state)
{
    (void)state;
    assert_refused("a: 1\nb: [1, 2\nc: 3\n", 4, 1, "YAML parse error: ");
    assert_refused("a: *nothing\n", 1, 4, "unknown anchor 'nothing'");
    assert_refused("a: &x [1, *x]\n", 1, 11, "inside of what it names");
    assert_refused("a: 1\na: 2\n", 2, 1, "the key 'a' is there twice");
    assert_refused("{[a]: 1}\n", 1, 2, "a key must be text");
    assert_refused("--- 1\n--- 2\n", 2, 1, "a second document");
    assert_refused("a: !mine 1\n", 1, 10, "unknown tag '!mine'");
    assert_refused("a: b\nc: \xff\n", 2, 4, "no UTF-8");
    assert_refused("a: \"\xc3\xa9\xc3\xa9\" x\n", 1, 9, "YAML parse error");
}

static void test_yaml__counts_columns_in_characters(void **state)
{
    (void)state;
    const char text[] = "a: 1\n\xc3\xa9\xc3\xa9: {x: 2}\n";
    parsed p = parse_bytes(text, strlen(text));
    const wfe_node_entry *entry = &p.root->entries[1];
    assert_int_equal(entry->pos.line, 2);
    assert_int_equal(entry->pos.column, 1);
    assert_int_equal(entry->length, 2);
    assert_int_equal(entry->value->pos.column, 5);
    assert_int_equal(entry->value->entries[0].value->pos.column, 9);
    done(&p);
}

static void test_yaml__an_empty_text_has_no_tree(void **state)
{
    (void)state;
    parsed p = parse_bytes("", 0);
    assert_null(p.root);
    assert_int_equal(wfe_diagnostics_length(p.list), 0);
    done(&p);
    p = parse_bytes("# nothing\n", 10);
    assert_null(p.root);
    done(&p);
}

/* ---- limits ---- */

static wfe_buf repeated(const char *head, const char *part, size_t n, const char *tail)
{
    wfe_buf text = WFE_BUF_INIT(0);
    wfe_buf_append_str(&text, head, NULL);
    for (size_t i = 0; i < n; i++)
        wfe_buf_append_str(&text, part, NULL);
    wfe_buf_append_str(&text, tail, NULL);
    return text;
}

static void assert_limit(wfe_buf text, const char *part)
{
    parsed p = parse_bytes(text.data, text.len);
    if (part) {
        assert_true(wfe_diagnostics_errors(p.list) > 0);
        assert_contains(wfe_diagnostics_at(p.list, 0)->message, part);
    } else {
        assert_int_equal(wfe_diagnostics_errors(p.list), 0);
        assert_non_null(p.root);
    }
    done(&p);
    wfe_buf_done(&text);
}

static void test_yaml__bounds_the_number_of_values(void **state)
{
    (void)state;
    assert_limit(repeated("[", "1,", WFE_NODE_MAX - 1, "]"), NULL);
    assert_limit(repeated("[", "1,", WFE_NODE_MAX, "]"), "more than 100000 values");
    /* Ten times ten times ... of a few bytes each. */
    assert_limit(repeated("a: &a [1,1,1,1,1,1,1,1,1,1]\n"
                          "b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
                          "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
                          "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
                          "e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n",
                          "", 0, ""),
                 "more than 100000 values");
    assert_limit(repeated("a: &a {k: 1}\nb:\n", "- {<<: *a}\n", 30000, ""), NULL);
    assert_limit(repeated("a: &a {k: 1}\nb:\n", "- {<<: [*a, *a]}\n", 30000, ""),
                 "more than 100000 values");
}

static void test_yaml__bounds_the_depth(void **state)
{
    (void)state;
    wfe_buf text = repeated("", "[", WFE_NODE_MAX_HEIGHT, "1");
    for (int i = 0; i < WFE_NODE_MAX_HEIGHT; i++)
        wfe_buf_append_str(&text, "]", NULL);
    assert_limit(text, NULL);
    assert_limit(repeated("", "[", WFE_NODE_MAX_HEIGHT + 1, "1"), "");
    /* Depth that only aliases make. */
    text = repeated("a0: &a0 [1]\n", "", 0, "");
    for (int i = 1; i < 70; i++)
        wfe_buf_printf(&text, NULL, "a%d: &a%d [*a%d]\n", i, i, i - 1);
    assert_limit(text, "nested deeper than 64 levels");
}

static void test_yaml__bounds_the_anchors(void **state)
{
    (void)state;
    wfe_buf text = WFE_BUF_INIT(0);
    for (int i = 0; i <= WFE_YAML_MAX_ANCHORS; i++)
        wfe_buf_printf(&text, NULL, "- &a%d x\n", i);
    assert_limit(text, "more than 1000 anchors");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_yaml__reads_scalars_by_the_core_schema),
        cmocka_unit_test(test_yaml__puts_aliases_and_merge_keys_in),
        cmocka_unit_test(test_yaml__tells_where_it_is_wrong),
        cmocka_unit_test(test_yaml__counts_columns_in_characters),
        cmocka_unit_test(test_yaml__an_empty_text_has_no_tree),
        cmocka_unit_test(test_yaml__bounds_the_number_of_values),
        cmocka_unit_test(test_yaml__bounds_the_depth),
        cmocka_unit_test(test_yaml__bounds_the_anchors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
