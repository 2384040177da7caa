/* SPDX-License-Identifier: Apache-2.0
 *
 * `wfe validate` as a user runs it.
 */
#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#include "fixtures/wfe_assert.h"
#include "fixtures/wfe_command.h"

#define FILES WFE_SOURCE_DIR "/tests/fixtures/workflows/"

static wfe_command_result run(const char *const *args)
{
    wfe_command_result result;
    const wfe_command_options options = {.args = args, .directory = FILES};
    wfe_command_run(&options, &result);
    return result;
}

static void test_validate__says_ok(void **state)
{
    (void)state;
    wfe_command_result r = run((const char *const[]){"validate", "good/wfe-form.yaml", NULL});
    assert_int_equal(r.exit_code, 0);
    assert_string_equal(r.out, "good/wfe-form.yaml: ok, workflow 'ci' version 3, 7 steps\n");
    assert_string_equal(r.err, "");
    wfe_command_result_done(&r);
}

static void test_validate__reports_eight_mistakes_each_at_its_place(void **state)
{
    (void)state;
    static const char *const wanted[] = {
        "eight-mistakes.yaml:4:3: error: unknown key 'descripton' in a workflow\n"
        "    4 |   descripton: x\n"
        "      |   ^^^^^^^^^^\n"
        "        did you mean description?\n",
        "eight-mistakes.yaml:5:17: error: Unknown type: 'strng'\n"
        "    5 |   inputs: {ref: strng}\n"
        "      |                 ^^^^^\n"
        "        did you mean string?\n",
        "eight-mistakes.yaml:9:47: error: 'memory' is '1gg', must be a size",
        "eight-mistakes.yaml:11:15: error: unknown step 'biuld' in 'needs'\n"
        "   11 |       needs: [biuld]\n"
        "      |               ^^^^^\n"
        "        did you mean build?\n",
        "eight-mistakes.yaml:12:16: error: 'timeout' is '5 minutes', must be a duration",
        "eight-mistakes.yaml:13:31: error: unresolved variable 'sute'\n",
        "eight-mistakes.yaml:14:13: error: Duplicate step name: 'test'\n",
        "eight-mistakes.yaml:15:34: error: unknown key 'equal' in a condition\n",
        "bad/eight-mistakes.yaml: 8 errors, 0 warnings\n",
    };
    wfe_command_result r = run((const char *const[]){"validate", "bad/eight-mistakes.yaml", NULL});
    assert_int_equal(r.exit_code, 2);
    assert_string_equal(r.out, "");
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        assert_contains(r.err, wanted[i]);
    assert_null(strchr(r.err, '\033'));
    wfe_command_result_done(&r);
}

static void test_validate__goes_on_with_the_next_file(void **state)
{
    (void)state;
    wfe_command_result r =
        run((const char *const[]){"validate", "bad/no-id.yaml", "good/wfe-form.yaml", NULL});
    assert_int_equal(r.exit_code, 2);
    assert_contains(r.err, "bad/no-id.yaml:2:3: error: ");
    assert_contains(r.out, "good/wfe-form.yaml: ok");
    wfe_command_result_done(&r);
    r = run((const char *const[]){"validate", "nowhere.yaml", NULL});
    assert_int_equal(r.exit_code, 2);
    assert_contains(r.err, "nowhere.yaml");
    wfe_command_result_done(&r);
    r = run((const char *const[]){"validate", NULL});
    assert_int_equal(r.exit_code, 2);
    assert_contains(r.err, "needs a workflow file");
    wfe_command_result_done(&r);
}

static void test_validate__warnings_are_no_errors_but_with_strict(void **state)
{
    (void)state;
    wfe_command_result r =
        run((const char *const[]){"validate", "bad/warning-unused-input.yaml", NULL});
    assert_int_equal(r.exit_code, 0);
    assert_contains(r.err, ": warning: input 'unused' is not used\n");
    wfe_command_result_done(&r);
    r = run((const char *const[]){"validate", "--strict", "bad/warning-unused-input.yaml", NULL});
    assert_int_equal(r.exit_code, 2);
    wfe_command_result_done(&r);
}

static void test_validate__prints_one_json_object_a_file(void **state)
{
    (void)state;
    wfe_command_result r = run((const char *const[]){"validate", "--json", "bad/unknown-need.yaml",
                                                     "good/wfe-form.yaml", NULL});
    assert_int_equal(r.exit_code, 2);
    assert_string_equal(r.err, "");
    char *second = strchr(r.out, '\n');
    assert_non_null(second);
    json_t *bad = json_loadb(r.out, (size_t)(second - r.out), 0, NULL);
    json_t *good = json_loads(second + 1, 0, NULL);
    assert_non_null(bad);
    assert_non_null(good);
    assert_int_equal(json_integer_value(json_object_get(bad, "version")), 1);
    assert_true(json_is_false(json_object_get(bad, "valid")));
    assert_true(json_is_null(json_object_get(bad, "workflow")));
    const json_t *d = json_array_get(json_object_get(bad, "diagnostics"), 0);
    assert_string_equal(json_string_value(json_object_get(d, "severity")), "error");
    assert_string_equal(json_string_value(json_object_get(d, "file")), "bad/unknown-need.yaml");
    assert_int_equal(json_integer_value(json_object_get(d, "line")), 8);
    assert_int_equal(json_integer_value(json_object_get(d, "column")), 15);
    assert_int_equal(json_integer_value(json_object_get(d, "length")), 2);
    assert_string_equal(json_string_value(json_object_get(d, "suggestion")), "a");
    assert_true(json_is_true(json_object_get(good, "valid")));
    assert_string_equal(json_string_value(json_object_get(good, "workflow")), "ci");
    assert_int_equal(json_integer_value(json_object_get(good, "steps")), 7);
    json_decref(bad);
    json_decref(good);
    wfe_command_result_done(&r);
}

static void test_validate__checks_inputs_that_are_given(void **state)
{
    (void)state;
    wfe_command_result r = run((const char *const[]){"validate", "-i", "limit=many", "-i",
                                                     "targts=[]", "good/several.yaml", NULL});
    assert_int_equal(r.exit_code, 2);
    assert_contains(r.err, "error: input 'limit' must be integer?, found \"many\"\n");
    assert_contains(r.err, "error: the workflow has no input 'targts'\n        did you mean "
                           "targets?\n");
    wfe_command_result_done(&r);
    r = run((const char *const[]){"validate", "-i", "limit=3", "-i", "targets=[\"a\"]",
                                  "good/several.yaml", NULL});
    assert_int_equal(r.exit_code, 0);
    wfe_command_result_done(&r);
}

static void test_validate__draws(void **state)
{
    (void)state;
    wfe_command_result r =
        run((const char *const[]){"validate", "--graph", "dot", "good/wfe-form.yaml", NULL});
    assert_int_equal(r.exit_code, 0);
    assert_contains(r.out, "digraph workflow {");
    wfe_command_result_done(&r);
    r = run((const char *const[]){"validate", "--graph", "dott", "good/wfe-form.yaml", NULL});
    assert_int_equal(r.exit_code, 2);
    assert_contains(r.err, "did you mean dot?");
    wfe_command_result_done(&r);
    r = run((const char *const[]){"validate", "--graph", "dot", "bad/no-id.yaml", NULL});
    assert_int_equal(r.exit_code, 2);
    assert_string_equal(r.out, "");
    wfe_command_result_done(&r);
}

static void test_validate__shows_the_part_of_a_long_line_that_is_meant(void **state)
{
    (void)state;
    char path[] = "/tmp/wfe-validate-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    dprintf(fd, "workflow:\n  id: x\n  version: 1\n  steps:\n    - {name: a, config: {run: \"");
    for (int i = 0; i < 300; i++)
        dprintf(fd, "0123456789");
    dprintf(fd, "\", rnu: x, env: {A: \"%0300d\"}}}\n", 0);
    close(fd);
    wfe_command_result r = run((const char *const[]){"validate", path, NULL});
    unlink(path);
    assert_int_equal(r.exit_code, 2);
    assert_contains(r.err, ":5:3035: error: unknown key 'rnu'");
    char *line = strstr(r.err, "    5 | ... "), *mark = strstr(r.err, "      | ");
    assert_non_null(line);
    assert_non_null(mark);
    /* The mark is below the word: both begin as many characters behind the bar. */
    assert_int_equal(strcspn(mark, "^"), strstr(line, "rnu") - line);
    assert_true(strcspn(line, "\n") < 190);
    wfe_command_result_done(&r);
}

static void test_validate__counts_more_mistakes_than_it_tells(void **state)
{
    (void)state;
    char path[] = "/tmp/wfe-validate-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    dprintf(fd, "workflow: {id: x, version: 1, steps: [");
    for (int i = 0; i < 1500; i++) /* in a line of more than 64 KiB, of two-byte letters */
        dprintf(fd, "{name: a%d, rnu: éééééééééé, config: {run: x}}, ", i);
    dprintf(fd, "]}\n");
    close(fd);
    wfe_command_result r = run((const char *const[]){"validate", path, NULL});
    unlink(path);
    assert_int_equal(r.exit_code, 2);
    assert_contains(r.err, "error: and 501 more, which are not shown: correct these first\n");
    assert_contains(r.err, ": at least 1000 errors, 0 warnings\n");
    /* In the middle: what stands above the mark. */
    const char *line = strstr(r.err + strlen(r.err) / 2, "    1 | ... ");
    assert_non_null(line);
    size_t column = strcspn(strchr(line, '\n') + 1, "^");
    for (; column; column--) {
        line++;
        while (((unsigned char)*line & 0xc0) == 0x80)
            line++;
    }
    assert_memory_equal(line, "rnu: é", strlen("rnu: é"));
    wfe_command_result_done(&r);
}

static void test_validate__prints_the_schema(void **state)
{
    (void)state;
    wfe_command_result r = run((const char *const[]){"validate", "--schema", NULL});
    assert_int_equal(r.exit_code, 0);
    json_t *schema = json_loads(r.out, 0, NULL);
    assert_non_null(json_object_get(schema, "$defs"));
    json_decref(schema);
    wfe_command_result_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_validate__says_ok),
        cmocka_unit_test(test_validate__reports_eight_mistakes_each_at_its_place),
        cmocka_unit_test(test_validate__goes_on_with_the_next_file),
        cmocka_unit_test(test_validate__warnings_are_no_errors_but_with_strict),
        cmocka_unit_test(test_validate__prints_one_json_object_a_file),
        cmocka_unit_test(test_validate__checks_inputs_that_are_given),
        cmocka_unit_test(test_validate__draws),
        cmocka_unit_test(test_validate__counts_more_mistakes_than_it_tells),
        cmocka_unit_test(test_validate__shows_the_part_of_a_long_line_that_is_meant),
        cmocka_unit_test(test_validate__prints_the_schema),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
