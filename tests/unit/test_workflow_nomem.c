/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory that runs out while a file is loaded, at every allocation in turn: it loads in full, or
 * there is no memory; never is a good file told to be wrong, and nothing leaks. libfyaml's own
 * allocations are spared, since it leaks and crashes when they fail.
 */
#include "integration/failing_malloc.h"

#include "fixtures/workflow_text.h"

static const char good_text[] =
    "_t: &t {image: 'x:1', env: {A: 1}}\n"
    "workflows:\n"
    "  - id: m\n    version: 1\n    inputs: {r: string, l: list<string>?}\n"
    "    outputs: {v: string}\n"
    "    services: {db: {image: p, ports: [1], readiness: {tcp: 1}}}\n"
    "    secrets: {T: {env: T}}\n"
    "    steps:\n"
    "      - {name: a, config: {run: 'x ((r))'}, outputs: [{name: v, type: string}]}\n"
    "      - name: b\n        parallel:\n"
    "          - {name: c, type: containerd, secrets: [T], for_each: [1, 2], config: {<<: *t, "
    "args: [((item))]}}\n"
    "          - {name: d, when: {any: [{field: .inputs.l, is_null: true}]}, config: {run: $V}}\n"
    "        ensure: {name: e, type: workflow, config: {workflow: s, inputs: {k: .inputs.r}}}\n"
    "  - {id: s, version: 1, inputs: {k: string}, steps: [{name: z, retry: {}, config: {run: $K "
    "$L}}]}\n";
static const char wrong_text[] =
    "workflow:\n  id: m\n  version: x\n  stps: 1\n  inputs: {a: strng}\n  steps:\n"
    "    - {name: a, needs: [b], config: {rnu: ((x))}}\n"
    "    - {name: a, type: contanerd, when: {field: a}}\n";

typedef struct outcome {
    int rc;
    size_t n_found;
} outcome;

static outcome load(const char *text)
{
    wfe_plan *plan = NULL;
    wfe_diagnostics *found = NULL;
    wfe_error err = WFE_ERROR_INIT;
    outcome out;
    const wfe_plan_load_options options = {
        .text = text, .text_len = strlen(text), .input_texts = (const char *const[]){"r=1", NULL}};
    out.rc = wfe_plan_load(&options, &plan, &found, &err);
    out.n_found = wfe_diagnostics_length(found);
    if (!out.rc) {
        wfe_plan_item *item = NULL;
        json_t *value = json_integer(1);
        int rc =
            value ? wfe_plan_item_new(plan, wfe_plan_find_step(plan, 0, "c"), value, 0, &item, &err)
                  : WFE_E_NOMEM;
        if (rc)
            out.rc = rc;
        wfe_plan_item_free(item);
        json_decref(value);
    }
    wfe_plan_free(plan);
    wfe_diagnostics_free(found);
    return out;
}

static void try_all(const char *text, outcome wanted)
{
    bool done = false;
    (void)load(text); /* what is kept for good: the library, its tables */
    for (unsigned long at = 1; !done; at++) {
        long before = failing.live;
        failing_malloc_arm(at, false);
        outcome is = load(text);
        done = failing_malloc_disarm() == 0;
        if (is.rc != WFE_E_NOMEM && (is.rc != wanted.rc || is.n_found != wanted.n_found))
            fail_msg("allocation %lu: rc %d with %zu found, wanted %d with %zu", at, is.rc,
                     is.n_found, wanted.rc, wanted.n_found);
        if (failing.live != before)
            fail_msg("allocation %lu: %ld blocks leaked", at, failing.live - before);
        assert_true(at < 100000);
    }
}

static void test_nomem__a_good_file_loads_or_there_is_no_memory(void **state)
{
    (void)state;
    outcome all = load(good_text);
    assert_int_equal(all.rc, 0);
    try_all(good_text, all);
}

static void test_nomem__a_wrong_file_is_told_in_full_or_there_is_no_memory(void **state)
{
    (void)state;
    outcome all = load(wrong_text);
    assert_int_equal(all.rc, WFE_E_INVALID);
    assert_true(all.n_found >= 8);
    try_all(wrong_text, all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nomem__a_good_file_loads_or_there_is_no_memory),
        cmocka_unit_test(test_nomem__a_wrong_file_is_told_in_full_or_there_is_no_memory),
    };
    if (failing_malloc_init())
        return 1;
    failing_malloc_spares[0] = "libfyaml";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
