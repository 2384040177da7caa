/* SPDX-License-Identifier: Apache-2.0
 *
 * Files and those they include, given as texts: nothing is read from the disk but where it says so.
 */
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "fixtures/workflow_text.h"
#include "workflow/yaml.h"

#define WF(id, step) "  - {id: " id ", version: 1, steps: [{name: " step ", config: {run: x}}]}\n"

typedef struct named {
    const char *path;
    const char *text;
} named;

#define FILES_MAX 80

static int load(const named *given, size_t n, wfe_plan **ret, wfe_error *err)
{
    wfe_plan_file files[FILES_MAX];
    assert_true(n <= FILES_MAX);
    for (size_t i = 0; i < n; i++)
        files[i] = (wfe_plan_file){
            .path = given[i].path, .text = given[i].text, .len = strlen(given[i].text)};
    const wfe_plan_load_options options = {.path = given[0].path, .files = files, .n_files = n};
    return wfe_plan_load(&options, ret, NULL, err);
}

static void test_files__included_workflows_are_added(void **state)
{
    (void)state;
    static const named files[] = {
        {"d/main.yaml",
         "include: [sub/a.yaml, ./b.yaml]\nworkflows:\n" WF("main", "m") WF("x", "x1")},
        {"d/sub/a.yaml", "include: ../b.yaml\nworkflows:\n" WF("a", "a1") WF("x", "x2")},
        {"d/b.yaml", "workflows:\n" WF("b", "b1") WF("a", "a2")},
    };
    wfe_plan *plan = NULL;
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(load(files, 3, &plan, &err), &err);
    assert_int_equal(plan->n_files, 3);
    assert_int_equal(plan->n_workflows, 4);
    assert_string_equal(plan->workflows[plan->main].id, "main");
    /* The file that includes wins, then the one that comes first. */
    assert_string_equal(
        plan->steps[plan->workflows[wfe_plan_find_workflow(plan, "x")].first_step].name, "x1");
    assert_string_equal(
        plan->steps[plan->workflows[wfe_plan_find_workflow(plan, "a")].first_step].name, "a1");
    wfe_plan_free(plan);
}

static void assert_refused(const named *files, size_t n, const char *message)
{
    wfe_plan *plan = NULL;
    wfe_error err = WFE_ERROR_INIT;
    assert_fails(load(files, n, &plan, &err), WFE_E_INVALID, &err);
    assert_contains(err.message, message);
}

static void test_files__may_not_include_themselves(void **state)
{
    (void)state;
    static const named files[] = {
        {"m.yaml", "include: [a.yaml]\nworkflows:\n" WF("m", "m")},
        {"a.yaml", "include: [./x/../m.yaml]\nworkflows:\n" WF("a", "a")},
    };
    assert_refused(files, 2, "Circular include detected: 'm.yaml' (a.yaml:1:11)");
}

static void test_files__that_are_missing_are_told_with_their_place(void **state)
{
    (void)state;
    static const named files[] = {{"m.yaml", "include: [gone.yaml]\nworkflows:\n" WF("m", "m")}};
    assert_refused(files, 1, "Include file not found: gone.yaml: ");
    assert_refused(files, 1, "(m.yaml:1:11)");
}

static void test_files__are_bounded_in_number(void **state)
{
    (void)state;
    static named files[FILES_MAX];
    static char paths[FILES_MAX][16], texts[FILES_MAX][160];
    for (int i = 0; i < FILES_MAX; i++) {
        snprintf(paths[i], sizeof paths[i], "f%d.yaml", i);
        snprintf(texts[i], sizeof texts[i],
                 "include: [f%d.yaml]\nworkflow: {id: w%d, version: 1, steps: [{name: a, config: "
                 "{run: x}}]}\n",
                 i + 1, i);
        files[i] = (named){paths[i], texts[i]};
    }
    assert_refused(files, FILES_MAX, "more than 64 files");
}

static void test_files__share_the_bound_on_values(void **state)
{
    (void)state;
    wfe_buf text = WFE_BUF_INIT(0);
    wfe_buf_append_str(&text, "_x: [", NULL);
    for (int i = 0; i < 60000; i++)
        wfe_buf_append_str(&text, "1,", NULL);
    wfe_buf_append_str(
        &text, "]\nworkflow: {id: a, version: 1, steps: [{name: a, config: {run: x}}]}", NULL);
    wfe_buf other = WFE_BUF_INIT(0);
    wfe_buf_append_str(&other, "include: [a.yaml]\n", NULL);
    wfe_buf_append_str(&other, text.data, NULL);
    const named files[] = {{"m.yaml", other.data}, {"a.yaml", text.data}};
    assert_refused(files, 2, "more than 100000 values");
    assert_refused(files, 2, "(a.yaml:1:");
    wfe_buf_done(&text);
    wfe_buf_done(&other);
}

static void test_files__longer_than_the_limit_are_not_read(void **state)
{
    (void)state;
    char path[] = "/tmp/wfe-long-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)WFE_YAML_MAX_BYTES + 1), 0);
    close(fd);
    wfe_plan *plan = NULL;
    wfe_error err = WFE_ERROR_INIT;
    const wfe_plan_load_options options = {.path = path};
    assert_fails(wfe_plan_load(&options, &plan, NULL, &err), WFE_E_LIMIT, &err);
    assert_contains(err.message, path);
    assert_contains(err.message, "is longer than 4 MiB");
    unlink(path);
    err = (wfe_error)WFE_ERROR_INIT;
    assert_fails(wfe_plan_load(&options, &plan, NULL, &err), WFE_E_NOT_FOUND, &err);
    assert_contains(err.message, path);
}

static void test_files__mistakes_of_all_of_them_are_told_in_order(void **state)
{
    (void)state;
    static const char main_text[] = "include: [a.yaml]\nworkflow: {id: m, version: 1, stps: []}\n";
    static const char a_text[] = "workflow: {id: a, version: x, steps: [{name: s, config: {}}]}\n";
    const wfe_plan_file files[] = {{"m.yaml", main_text, strlen(main_text)},
                                   {"a.yaml", a_text, strlen(a_text)}};
    const wfe_plan_load_options options = {.path = "m.yaml", .files = files, .n_files = 2};
    wfe_plan *plan = NULL;
    wfe_diagnostics *found = NULL;
    assert_int_equal(wfe_plan_load(&options, &plan, &found, NULL), WFE_E_INVALID);
    assert_int_equal(wfe_diagnostics_errors(found), 3);
    static const struct {
        const char *file;
        unsigned column;
    } wanted[] = {{"m.yaml", 31}, {"a.yaml", 28}, {"a.yaml", 57}};
    for (size_t i = 0; i < 3; i++) {
        const wfe_diagnostic *d = wfe_diagnostics_at(found, i);
        assert_string_equal(d->file, wanted[i].file);
        assert_int_equal(d->column, wanted[i].column);
        assert_non_null(d->source_line);
    }
    assert_string_equal(wfe_diagnostics_at(found, 0)->suggestion, "steps");
    assert_null(wfe_diagnostics_at(found, 3));
    wfe_diagnostics_free(found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files__included_workflows_are_added),
        cmocka_unit_test(test_files__may_not_include_themselves),
        cmocka_unit_test(test_files__that_are_missing_are_told_with_their_place),
        cmocka_unit_test(test_files__are_bounded_in_number),
        cmocka_unit_test(test_files__share_the_bound_on_values),
        cmocka_unit_test(test_files__longer_than_the_limit_are_not_read),
        cmocka_unit_test(test_files__mistakes_of_all_of_them_are_told_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
