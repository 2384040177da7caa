/* SPDX-License-Identifier: Apache-2.0
 *
 * Inputs, and ((name)) in the texts of a file.
 */
#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "fixtures/workflow_text.h"

#define HEAD WORKFLOW_HEAD
#define STEP(run) "  steps:\n    - {name: a, config: {run: " run "}}\n"

static const char *const none[] = {NULL};

static void assert_run(const char *text, const char *const *inputs, const char *wanted)
{
    wfe_plan *plan = plan_of(text, inputs);
    assert_string_equal(step_named(plan, "a")->config.shell->run, wanted);
    wfe_plan_free(plan);
}

static void assert_input(const char *text, const char *const *inputs, const char *wanted)
{
    wfe_plan *plan = plan_of(text, inputs);
    char *json = json_dumps(plan->inputs, JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(json, wanted);
    assert_true(plan->complete);
    free(json);
    wfe_plan_free(plan);
}

static void test_values__are_put_into_texts(void **state)
{
    (void)state;
    static const char *const v[] = {"v=1.10", "o={\"k\":[\"x\",2]}", NULL};
    const char *head = HEAD "  inputs: {v: string, o: any, gone: string?}\n";
    char text[512];
    static const char *const cases[][2] = {
        {"make ((v))", "make 1.10"},
        {"((v))", "1.10"},
        {"((inputs.v))-((v))", "1.10-1.10"},
        {"x((o.k.0))((o.k.1))", "xx2"},
        {"'a ((o.k))'", "a [\"x\",2]"},
        {"'((gone))!'", "null!"},
        {"'(( v )) ((v) ((v-)) $((1+2)) ((v+1))'", "(( v )) ((v) ((v-)) $((1+2)) ((v+1))"},
        {"'(((v)))'", "(1.10)"},
        {"\"${V} ((v))\\n\"", "${V} 1.10\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(text, sizeof text, "%s  steps: [{name: a, config: {run: %s}}]\n", head,
                 cases[i][0]);
        assert_run(text, v, cases[i][1]);
    }
}

static void test_values__cannot_change_the_structure(void **state)
{
    (void)state;
    static const char *const evil[] = {"v=x\n    - {name: b, config: {run: rm}}", NULL};
    wfe_plan *plan = plan_of(HEAD "  inputs: {v: string}\n" STEP("((v))"), evil);
    assert_int_equal(plan->n_steps, 1);
    assert_contains(step_named(plan, "a")->config.shell->run, "{name: b");
    wfe_plan_free(plan);
    static const char *const map[] = {"v={\"run\": \"rm\"}", NULL};
    assert_wrong_text(HEAD "  inputs: {v: any}\n  steps: [{name: a, config: ((v))}]\n", map,
                      "cannot come from a value");
    static const char *const list[] = {"v=[{\"name\": \"x\", \"config\": {\"run\": \"rm\"}}]",
                                       NULL};
    assert_wrong_text(HEAD "  inputs: {v: any}\n  steps: ((v))\n", list,
                      "cannot come from a value");
    static const char *const nested[] = {"v=((w))", "w=x", NULL};
    assert_run(HEAD STEP("((v)) ((w))"), nested, "((w)) x");
}

static void test_values__give_lists_and_numbers_their_types(void **state)
{
    (void)state;
    static const char *const v[] = {"c=[\"make\",\"all\"]", "n=3", "s=7", "t=10s", NULL};
    wfe_plan *plan =
        plan_of(HEAD "  inputs: {c: list<string>, n: integer, s: string, t: string}\n"
                     "  steps:\n    - name: a\n      type: containerd\n      retry: {max: ((n))}\n"
                     "      max_parallel: ((s))\n      when: {field: .inputs.s, equals: ((s))}\n"
                     "      config: {image: x, command: ((c)), timeout: ((t)), memory: ((s))g}\n",
                v);
    const wfe_plan_step *step = step_named(plan, "a");
    assert_string_equal(step->config.container->options.command[1], "all");
    assert_null(step->config.container->options.command[2]);
    assert_int_equal(step->config.container->options.timeout_ms, 10000);
    assert_string_equal(step->config.container->options.memory, "7g");
    assert_int_equal(step->retry->max, 3);
    assert_int_equal(step->max_parallel, 7);
    assert_true(json_is_string(step->when->value));
    wfe_plan_free(plan);
}

static void test_values__of_inputs_are_checked(void **state)
{
    (void)state;
    const char *head = HEAD "  inputs: {r: string, n: integer?, l: list<string>?}\n" STEP("((r))");
    static const char *const ok[] = {"r=5", "n=5", "l=[\"a\"]", NULL};
    assert_input(head, ok, "{\"l\":[\"a\"],\"n\":5,\"r\":\"5\"}");
    static const char *const least[] = {"r=a=b", NULL};
    assert_input(head, least, "{\"l\":null,\"n\":null,\"r\":\"a=b\"}");
    assert_wrong_text(head, none, "input 'r' (string) has no value");
    static const char *const wrong[] = {"r=x", "n=many", NULL};
    assert_wrong_text(head, wrong, "input 'n' must be integer?, found \"many\"");
    static const char *const unknown[] = {"r=x", "m=1", NULL};
    assert_wrong_text(head, unknown, "the workflow has no input 'm'");
    static const char *const no_pair[] = {"r=x", "r", NULL};
    assert_wrong_text(head, no_pair, "an input must be NAME=VALUE");
    static const char *const twice[] = {"r=1", "r=2", NULL};
    assert_input(head, twice, "{\"l\":null,\"n\":null,\"r\":\"2\"}");
}

static void test_values__are_free_when_nothing_is_declared(void **state)
{
    (void)state;
    static const char *const some[] = {"a=1", "b=text", "c=[1]", NULL};
    assert_input(HEAD STEP("x"), some, "{\"a\":1,\"b\":\"text\",\"c\":[1]}");
}

static void test_values__for_names_alone_are_no_inputs(void **state)
{
    (void)state;
    static const char *const v[] = {"r=x", "registry=host", NULL};
    assert_input(HEAD "  inputs: {r: string}\n" STEP("((registry)) ((r))"), v, "{\"r\":\"x\"}");
}

static void test_values__come_from_json_and_yaml_files(void **state)
{
    (void)state;
    static const char *const files[] = {"{\"r\": \"x\", \"n\": 2}", "r: x\nn: 2\n",
                                        "  {\"r\": \"x\", \"n\": 2}\n"};
    char path[] = "/tmp/wfe-inputs-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    const char *text = HEAD "  inputs: {r: string, n: integer}\n" STEP("((r))((n))");
    static const char *const on_top[] = {"n=3", NULL};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        wfe_error err = WFE_ERROR_INIT;
        wfe_plan *plan = NULL;
        assert_int_equal(wfe_fd_write_file(path, files[i], strlen(files[i]), 0600, NULL), 0);
        const wfe_plan_load_options options = {
            .text = text, .text_len = strlen(text), .input_file = path, .input_texts = on_top};
        assert_ok(wfe_plan_load(&options, &plan, NULL, &err), &err);
        assert_string_equal(step_named(plan, "a")->config.shell->run, "x3");
        wfe_plan_free(plan);
    }
    unlink(path);
}

static void assert_file_refused(const char *content, const char *part)
{
    char path[] = "/tmp/wfe-inputs-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    wfe_error err = WFE_ERROR_INIT;
    wfe_plan *plan = NULL;
    const char *text = HEAD STEP("x");
    assert_int_equal(wfe_fd_write_file(path, content, strlen(content), 0600, NULL), 0);
    const wfe_plan_load_options options = {
        .text = text, .text_len = strlen(text), .input_file = path};
    assert_fails(wfe_plan_load(&options, &plan, NULL, &err), WFE_E_INVALID, &err);
    assert_contains(err.message, path);
    assert_contains(err.message, part);
    unlink(path);
}

static void test_values__of_a_wrong_file_are_refused(void **state)
{
    (void)state;
    assert_file_refused("[1, 2]", "must be a map of names to values");
    assert_file_refused("{\"a\": ", "it is no JSON");
    assert_file_refused("a: [1\n", "YAML parse error");
}

static void test_values__may_be_open_for_looking_at_a_file(void **state)
{
    (void)state;
    const char *text = HEAD "  inputs: {r: string, n: integer}\n"
                            "  steps:\n    - {name: a, max_parallel: ((n)), type: containerd, "
                            "config: {image: ((r)), memory: ((r)), timeout: ((n)), network: ((r))}}"
                            "\n";
    wfe_plan *plan = NULL;
    wfe_error err = WFE_ERROR_INIT;
    const wfe_plan_load_options options = {.text = text, .text_len = strlen(text), .partial = true};
    assert_ok(wfe_plan_load(&options, &plan, NULL, &err), &err);
    assert_false(plan->complete);
    assert_string_equal(step_named(plan, "a")->config.container->options.image, "((r))");
    wfe_plan_free(plan);
    wfe_diagnostics *found = NULL;
    const char *list = HEAD "  inputs: {t: list<string>}\n"
                            "  steps: [{name: a, for_each: ((t)), config: {run: ((item))}}]\n";
    const wfe_plan_load_options of_list = {.text = list, .text_len = strlen(list), .partial = true};
    assert_ok(wfe_plan_load(&of_list, &plan, &found, &err), &err);
    assert_null(step_named(plan, "a")->for_each->items);
    assert_int_equal(wfe_diagnostics_length(found), 0);
    wfe_plan_free(plan);
    const char *type = HEAD "  inputs: {t: string}\n"
                            "  steps: [{name: a, type: ((t)), config: {run: x}}]\n";
    const wfe_plan_load_options of_type = {.text = type, .text_len = strlen(type), .partial = true};
    assert_ok(wfe_plan_load(&of_type, &plan, NULL, &err), &err);
    assert_non_null(step_named(plan, "a")->config.shell);
    wfe_plan_free(plan);
}

static void test_values__choose_the_workflow(void **state)
{
    (void)state;
    const char *text = "workflows:\n"
                       "  - {id: one, version: 1, inputs: {x: string}, steps: [{name: a, config: "
                       "{run: x}}]}\n"
                       "  - {id: two, version: 1, steps: [{name: b, config: {run: y}}]}\n";
    wfe_plan *plan = NULL;
    wfe_error err = WFE_ERROR_INIT;
    wfe_plan_load_options options = {.text = text, .text_len = strlen(text), .workflow = "two"};
    assert_ok(wfe_plan_load(&options, &plan, NULL, &err), &err);
    assert_string_equal(plan->workflows[plan->main].id, "two");
    wfe_plan_free(plan);
    plan = NULL;
    options.workflow = "tow";
    assert_fails(wfe_plan_load(&options, &plan, NULL, &err), WFE_E_INVALID, &err);
    assert_string_equal(err.message, "Workflow not found: tow");
    assert_string_equal(err.hint, "did you mean 'two'?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values__are_put_into_texts),
        cmocka_unit_test(test_values__cannot_change_the_structure),
        cmocka_unit_test(test_values__give_lists_and_numbers_their_types),
        cmocka_unit_test(test_values__of_inputs_are_checked),
        cmocka_unit_test(test_values__are_free_when_nothing_is_declared),
        cmocka_unit_test(test_values__for_names_alone_are_no_inputs),
        cmocka_unit_test(test_values__come_from_json_and_yaml_files),
        cmocka_unit_test(test_values__of_a_wrong_file_are_refused),
        cmocka_unit_test(test_values__may_be_open_for_looking_at_a_file),
        cmocka_unit_test(test_values__choose_the_workflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
