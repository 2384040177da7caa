/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/dry_run.h"

#include <stdlib.h>

#include "fixtures/captured_out.h"
#include "fixtures/wfe_assert.h"
#include "workflow/load.h"

static const char text[] =
    "workflows:\n"
    "  - id: main\n"
    "    version: 3\n"
    "    inputs: {ref: string, race: bool?}\n"
    "    secrets: {TOKEN: {env: WFE_TEST_NOT_SET}, KEY: {file: key.pem}}\n"
    "    services: {db: {image: 'redis:7', ports: [6379]}}\n"
    "    ensure: {name: clean, config: {run: echo}}\n"
    "    steps:\n"
    "      - {name: a, type: containerd, secrets: [TOKEN, KEY],\n"
    "         config: {image: busybox, run: echo}, outputs: [{name: list, type: list<string>}]}\n"
    "      - name: both\n"
    "        parallel:\n"
    "          - {name: b, config: {run: \"echo 1\\necho 2\"}, retry: {max: 2}}\n"
    "          - {name: c, config: {run: echo}, allow_failure: true}\n"
    "          - {name: d, needs: [b], config: {run: echo}}\n"
    "      - {name: e, for_each: .outputs.list, config: {run: 'echo ((item))'}}\n"
    "      - {name: f, needs: [a], for_each: [1, 2], config: {run: 'echo ((item))'}}\n"
    "      - name: g\n"
    "        when: {all: [{field: .inputs.ref, equals: main},\n"
    "                     {not: {field: .inputs.race, is_null: true}}]}\n"
    "        type: workflow\n"
    "        config: {workflow: other}\n"
    "        on_failure: {name: tell, when: {field: .inputs.ref, not_equals: x},\n"
    "                     config: {run: echo}}\n"
    "  - id: other\n"
    "    version: 1\n"
    "    steps: [{name: x, when: {field: .inputs.ref, equals: main}, config: {run: echo}}]\n"
    "  - {id: unused, version: 1, steps: [{name: y, config: {run: echo}}]}\n";

static char *dry_run(const char *const *inputs, bool json)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_plan *plan = NULL;
    wfe_diagnostics *found = NULL;
    const wfe_plan_load_options options = {
        .path = "ci.yaml", .text = text, .text_len = strlen(text), .input_texts = inputs};
    assert_ok(wfe_plan_load(&options, &plan, &found, &err), &err);
    char *out = NULL;
    size_t len = 0;
    FILE *stream = open_memstream(&out, &len);
    assert_non_null(stream);
    assert_ok(wfe_dry_run(plan, json, stream, &err), &err);
    assert_int_equal(fclose(stream), 0);
    wfe_diagnostics_free(found);
    wfe_plan_free(plan);
    return out;
}

static void test_dry_run__tells_order_conditions_and_hooks(void **state)
{
    (void)state;
    const char *const inputs[] = {"ref=main", "race=true", NULL};
    char *out = dry_run(inputs, false);
    assert_expected("dry-run.txt", out);
    free(out);
}

static void test_dry_run__knows_what_the_inputs_decide(void **state)
{
    (void)state;
    const char *const inputs[] = {"ref=main", NULL};
    char *out = dry_run(inputs, false);
    assert_contains(out, "when all(.inputs.ref equals \"main\", not(.inputs.race is null)): "
                         "false: skipped\n");
    free(out);
}

static void test_dry_run__gives_json(void **state)
{
    (void)state;
    const char *const inputs[] = {"ref=main", NULL};
    char *out = dry_run(inputs, true);
    json_t *json = json_loads(out, 0, NULL);
    assert_non_null(json);
    const json_t *steps = json_object_get(json, "steps");
    assert_int_equal(json_array_size(steps), 11); /* without those of the unused workflow */
    const json_t *d = json_array_get(steps, 4);
    assert_string_equal(json_string_value(json_object_get(d, "step")), "d");
    assert_string_equal(json_string_value(json_object_get(d, "owner")), "both");
    assert_int_equal(json_integer_value(json_object_get(d, "turn")), 3);
    assert_string_equal(json_string_value(json_array_get(json_object_get(d, "needs"), 0)), "b");
    json_decref(json);
    free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dry_run__tells_order_conditions_and_hooks),
        cmocka_unit_test(test_dry_run__knows_what_the_inputs_decide),
        cmocka_unit_test(test_dry_run__gives_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
