/* SPDX-License-Identifier: Apache-2.0
 *
 * What a plan holds: order, blocks, hooks, failure, configs, services, secrets, calls, items.
 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "fixtures/workflow_text.h"

#define HEAD WORKFLOW_HEAD

static void assert_needs(const wfe_plan *plan, const char *step, const char *wanted)
{
    char text[256] = "";
    const wfe_plan_step *s = step_named(plan, step);
    for (uint32_t i = 0; i < s->n_needs; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i ? " " : "",
                 plan->steps[s->needs[i]].name);
    assert_string_equal(text, wanted);
}

static void test_plan__a_list_is_a_sequence_but_for_needs(void **state)
{
    (void)state;
    wfe_plan *plan = plan_of(HEAD "  steps:\n"
                                  "    - {name: a, config: {run: x}}\n"
                                  "    - {name: b, config: {run: x}}\n"
                                  "    - {name: c, needs: [], config: {run: x}}\n"
                                  "    - {name: d, needs: [a, c, a], config: {run: x}}\n"
                                  "    - {name: e, config: {run: x}}\n"
                                  "    - {name: f, needs: g, config: {run: x}}\n"
                                  "    - {name: g, needs: [b], config: {run: x}}\n",
                             NULL);
    assert_needs(plan, "a", "");
    assert_needs(plan, "b", "a");
    assert_needs(plan, "c", "");
    assert_needs(plan, "d", "a c");
    assert_needs(plan, "e", "d");
    assert_needs(plan, "f", "g");
    assert_needs(plan, "g", "b");
    assert_int_equal(plan->workflows[0].first_step, 0);
    assert_int_equal(plan->workflows[0].n_steps, 7);
    assert_int_equal(plan->steps[0].next_sibling, 1);
    assert_int_equal(plan->steps[6].next_sibling, WFE_PLAN_NONE);
    wfe_plan_free(plan);
}

static void test_plan__blocks_come_before_their_children_and_hooks_behind(void **state)
{
    (void)state;
    wfe_plan *plan = plan_of(HEAD "  steps:\n"
                                  "    - {name: a, config: {run: x}}\n"
                                  "    - name: blk\n"
                                  "      max_parallel: 2\n"
                                  "      fail_fast: true\n"
                                  "      parallel:\n"
                                  "        - {name: p, config: {run: x}, ensure: {name: pe, "
                                  "config: {run: x}}}\n"
                                  "        - {name: q, needs: [p], config: {run: x}}\n"
                                  "      on_failure: {name: bf, config: {run: x}}\n"
                                  "    - {name: z, config: {run: x}}\n"
                                  "  ensure: {name: we, config: {run: x}}\n",
                             NULL);
    static const char *const order[] = {"a", "blk", "p", "pe", "q", "bf", "z", "we"};
    assert_int_equal(plan->n_steps, 8);
    for (size_t i = 0; i < 8; i++)
        assert_string_equal(plan->steps[i].name, order[i]);
    const wfe_plan_step *blk = step_named(plan, "blk");
    assert_int_equal(blk->type, WFE_PLAN_STEP_PARALLEL);
    assert_int_equal(blk->first_child, 2);
    assert_int_equal(blk->max_parallel, 2);
    assert_true(blk->fail_fast);
    assert_int_equal(plan->steps[2].next_sibling, 4);
    assert_int_equal(plan->steps[2].parent, 1);
    assert_int_equal(plan->steps[2].hooks.ensure, 3);
    assert_int_equal(plan->steps[3].role, WFE_PLAN_ROLE_ENSURE);
    assert_int_equal(plan->steps[3].parent, 2);
    assert_int_equal(blk->hooks.on_failure, 5);
    assert_int_equal(plan->workflows[0].hooks.ensure, 7);
    assert_int_equal(plan->workflows[0].hooks.on_success, WFE_PLAN_NONE);
    assert_int_equal(plan->steps[7].parent, WFE_PLAN_NONE);
    assert_needs(plan, "p", "");
    assert_needs(plan, "q", "p");
    assert_needs(plan, "z", "blk");
    wfe_plan_free(plan);
}

static void test_plan__finds_circles_through_blocks(void **state)
{
    (void)state;
    assert_wrong_text(HEAD "  steps:\n    - {name: a, needs: [b], config: {run: x}}\n"
                           "    - {name: b, needs: [c], config: {run: x}}\n"
                           "    - {name: c, needs: [a], config: {run: x}}\n",
                      NULL, "Circular needs: ");
    assert_wrong_text(HEAD "  steps:\n    - name: blk\n      parallel: [{name: p, needs: [z], "
                           "config: {run: x}}]\n"
                           "    - {name: z, config: {run: x}}\n",
                      NULL, "Circular needs: ");
    wfe_plan *plan = plan_of(HEAD "  steps:\n    - name: blk\n      parallel: [{name: p, config: "
                                  "{run: x}}, {name: q, needs: [z], config: {run: x}}]\n"
                                  "    - {name: z, needs: [p], config: {run: x}}\n",
                             NULL);
    assert_needs(plan, "z", "p");
    wfe_plan_free(plan);
}

static void test_plan__a_failure_is_retried_only_when_asked(void **state)
{
    (void)state;
    wfe_plan *plan =
        plan_of(HEAD "  error_behavior: {type: terminate}\n  steps:\n"
                     "    - {name: a, config: {run: x}, ensure: {name: h, config: {run: x}}}\n"
                     "    - {name: b, config: {run: x}, error_behavior: {type: retry}}\n"
                     "    - {name: c, config: {run: x}, retry: {max: 5, interval: 2s, backoff: 3, "
                     "jitter: 0, on: [oom, timeout]}, error_behavior: {type: suspend}}\n"
                     "    - {name: d, config: {run: x}, retry: {}, allow_failure: true}\n"
                     "    - {name: e, config: {run: x}, retry: {max: 0}}\n"
                     "    - {name: f, config: {run: x}, error_behavior: {type: compensate, "
                     "interval: 1h}}\n",
                NULL);
    const wfe_plan_step *a = step_named(plan, "a"), *b = step_named(plan, "b"),
                        *c = step_named(plan, "c"), *d = step_named(plan, "d");
    assert_null(a->retry);
    assert_int_equal(a->on_error, WFE_PLAN_ERROR_TERMINATE);
    assert_int_equal(step_named(plan, "h")->on_error, WFE_PLAN_ERROR_FAIL);
    assert_int_equal(b->on_error, WFE_PLAN_ERROR_FAIL);
    assert_int_equal(b->retry->max, 3);
    assert_int_equal(b->retry->interval_ms, 60000);
    assert_true(b->retry->backoff == 1);
    assert_int_equal(c->on_error, WFE_PLAN_ERROR_SUSPEND);
    assert_int_equal(c->retry->max, 5);
    assert_int_equal(c->retry->on, WFE_PLAN_CAUSE_OOM | WFE_PLAN_CAUSE_TIMEOUT);
    assert_true(c->retry->backoff == 3 && c->retry->jitter == 0);
    assert_int_equal(d->retry->max, 3);
    assert_int_equal(d->retry->on, WFE_PLAN_CAUSE_ALL);
    assert_true(d->allow_failure);
    assert_null(step_named(plan, "e")->retry);
    assert_int_equal(step_named(plan, "f")->on_error, WFE_PLAN_ERROR_COMPENSATE);
    wfe_plan_free(plan);
}

static void test_plan__reads_the_config_of_a_container(void **state)
{
    (void)state;
    wfe_plan *plan = plan_of(
        HEAD "  steps:\n    - name: a\n      type: containerd\n      config:\n"
             "        image: gcc:14\n        run: make\n        shell: [bash, -eu, -c]\n"
             "        env: {A: 1, B: true, C: , D: 'x y', E: 1.10}\n"
             "        volumes: ['.:/src', '/c:/d:ro', {source: /e, target: /f, readonly: true}]\n"
             "        working_dir: /src\n        user: 0:0\n        network: cni:lan\n"
             "        memory: 512m\n        cpu: 0.5\n        pids: 100\n        pull: never\n"
             "        timeout: 1h30m\n        grace: 500\n        init: false\n"
             "        tls: {ca: a, cert: b, key: c}\n        containerd_addr: tcp://h:1\n"
             "        registry_auth: {h: {username: u, password: p}}\n"
             "        cap_add: [NET_ADMIN]\n        read_only: true\n        tmpfs: /tmp\n"
             "        ulimits: {nofile: 1024}\n        labels: [a=b]\n        stdin: hello\n"
             "        output_limit: 2m\n        dns: 1.1.1.1\n        extra_hosts: ['a:1.2.3.4']\n",
        NULL);
    const wfe_plan_container *c = step_named(plan, "a")->config.container;
    const wfe_step_options *o = &c->options;
    assert_int_equal(o->size, sizeof *o);
    assert_string_equal(o->image, "gcc:14");
    assert_string_equal(o->shell[1], "-eu");
    assert_string_equal(o->env[0], "A=1");
    assert_string_equal(o->env[1], "B=true");
    assert_string_equal(o->env[2], "C=");
    assert_string_equal(o->env[3], "D=x y");
    assert_string_equal(o->env[4], "E=1.10");
    assert_null(o->env[5]);
    assert_int_equal(o->n_volumes, 3);
    assert_string_equal(o->volumes[0].source, ".");
    assert_string_equal(o->volumes[0].target, "/src");
    assert_false(o->volumes[0].readonly);
    assert_true(o->volumes[1].readonly && o->volumes[2].readonly);
    assert_string_equal(o->volumes[1].target, "/d");
    assert_string_equal(o->network, "cni:lan");
    assert_string_equal(o->cpu, "0.5");
    assert_string_equal(o->pids, "100");
    assert_int_equal(c->pull, WFE_PLAN_PULL_NEVER);
    assert_int_equal(o->timeout_ms, 5400000);
    assert_int_equal(o->grace_ms, 500);
    assert_true(o->no_init && o->read_only);
    assert_string_equal(c->tls_key, "c");
    assert_string_equal(c->registry_auth[0].host, "h");
    assert_string_equal(o->tmpfs[0], "/tmp");
    assert_string_equal(o->ulimits[0], "nofile=1024");
    assert_string_equal(o->labels[0], "a=b");
    assert_string_equal(c->stdin_text, "hello");
    assert_int_equal(o->output_limit_bytes, 2 * 1024 * 1024);
    wfe_plan_free(plan);
}

static void test_plan__shell_is_the_default_type(void **state)
{
    (void)state;
    wfe_plan *plan = plan_of(HEAD "  steps:\n    - {name: a, config: {run: x}}\n"
                                  "    - {name: b, type: shell, timeout: 5m, config: {file: t.sh, "
                                  "shell: bash, env: {A: b}, timeout: 2s, working_dir: sub}}\n",
                             NULL);
    const wfe_plan_shell *a = step_named(plan, "a")->config.shell,
                         *b = step_named(plan, "b")->config.shell;
    assert_string_equal(a->shell[0], "sh");
    assert_null(a->shell[1]);
    assert_int_equal(a->grace_ms, 10000);
    assert_string_equal(b->file, "t.sh");
    assert_string_equal(b->shell[0], "bash");
    assert_int_equal(b->timeout_ms, 2000);
    assert_int_equal(step_named(plan, "b")->timeout_ms, 300000);
    wfe_plan_free(plan);
}

static void test_plan__reads_services_secrets_and_outputs(void **state)
{
    (void)state;
    wfe_plan *plan = plan_of(
        HEAD "  timeout: 2h\n"
             "  services:\n"
             "    db: {image: 'postgres:16', ports: [5432, 1], readiness: {interval: 1s}}\n"
             "    web: {image: x, user: '0', readiness: {http: {port: 80}, retries: 3}}\n"
             "    log: {image: x, readiness: {log: 'ready|up', timeout: 5s}}\n"
             "    exec: {image: x, readiness: {exec: [pg_isready]}}\n"
             "    none: {image: x}\n"
             "  secrets: {T: {env: CI_T}, F: {file: /f}, C: {command: [pass, x]}}\n"
             "  shared_volume: {size: 1g}\n"
             "  steps:\n    - name: a\n      type: containerd\n"
             "      secrets: [T, {name: F, file: /run/f}, {name: C, env: CC}]\n"
             "      outputs: [{name: n, type: integer}, {name: s}]\n      config: {image: x}\n",
        NULL);
    const wfe_plan_workflow *w = &plan->workflows[0];
    assert_int_equal(w->timeout_ms, 7200000);
    assert_int_equal(w->n_services, 5);
    assert_int_equal(w->services[0].probe, WFE_PLAN_PROBE_TCP);
    assert_int_equal(w->services[0].probe_port, 5432);
    assert_int_equal(w->services[0].probe_interval_ms, 1000);
    assert_int_equal(w->services[0].n_ports, 2);
    assert_string_equal(w->services[0].container.options.user, "image");
    assert_int_equal(w->services[1].probe, WFE_PLAN_PROBE_HTTP);
    assert_string_equal(w->services[1].probe_path, "/");
    assert_int_equal(w->services[1].probe_retries, 3);
    assert_string_equal(w->services[1].container.options.user, "0");
    assert_string_equal(w->services[2].probe_pattern, "ready|up");
    assert_string_equal(w->services[3].probe_exec[0], "pg_isready");
    assert_int_equal(w->services[4].probe, WFE_PLAN_PROBE_NONE);
    assert_int_equal(w->secrets[2].source, WFE_PLAN_SECRET_COMMAND);
    assert_string_equal(w->secrets[2].command[1], "x");
    assert_string_equal(w->shared_volume_path, "/workspace");
    assert_true(w->shared_volume_bytes == 1u << 30);
    const wfe_plan_step *a = step_named(plan, "a");
    assert_int_equal(a->n_secrets, 3);
    assert_string_equal(a->secrets[0].env, "T");
    assert_null(a->secrets[0].file);
    assert_string_equal(a->secrets[1].file, "/run/f");
    assert_null(a->secrets[1].env);
    assert_string_equal(a->secrets[2].env, "CC");
    assert_true(a->outputs[0].typed);
    assert_int_equal(a->outputs[0].type.kind, WFE_PLAN_INTEGER);
    assert_false(a->outputs[1].typed);
    wfe_plan_free(plan);
}

static void test_plan__calls_name_workflows(void **state)
{
    (void)state;
    wfe_plan *plan =
        plan_of("workflows:\n"
                "  - id: main\n    version: 1\n    inputs: {r: string}\n    steps:\n"
                "      - {name: a, type: workflow, config: {workflow: sub, workflow_version: 2, "
                "inputs: {x: "
                ".inputs.r, n: '3'}}}\n"
                "      - {name: b, type: workflow, config: {workflow: sub}}\n"
                "  - id: sub\n    version: 2\n    inputs: {x: string, n: integer, o: bool?}\n"
                "    steps: [{name: s, config: {run: ((x))}}]\n",
                (const char *const[]){"r=1", "x=2", NULL});
    const wfe_plan_call *a = step_named(plan, "a")->config.call,
                        *b = step_named(plan, "b")->config.call;
    assert_int_equal(a->workflow, 1);
    assert_int_equal(a->n_arguments, 2);
    assert_string_equal(a->arguments[0].path, ".inputs.r");
    assert_string_equal(json_string_value(a->arguments[1].value), "3");
    assert_true(a->has_arguments);
    assert_int_equal(b->workflow, 1);
    assert_false(b->has_arguments);
    assert_int_equal(plan->workflows[1].first_step, 2);
    assert_int_equal(wfe_plan_find_workflow(plan, "sub"), 1);
    assert_int_equal(wfe_plan_find_workflow(plan, "no"), WFE_PLAN_NONE);
    wfe_plan_free(plan);
}

/* ---- items ---- */

static wfe_plan_item *item_of(const wfe_plan *plan, const char *json, uint32_t index)
{
    wfe_plan_item *item = NULL;
    wfe_error err = WFE_ERROR_INIT;
    json_t *value = json_loads(json, JSON_DECODE_ANY, NULL);
    assert_ok(wfe_plan_item_new(plan, wfe_plan_find_step(plan, 0, "a"), value, index, &item, &err),
              &err);
    json_decref(value);
    return item;
}

static const char each_text[] = WORKFLOW_HEAD
    "  steps:\n    - name: a\n      type: containerd\n"
    "      for_each: [{os: debian, args: [x, y]}]\n      max_items: 5\n"
    "      when: {field: .inputs.os, equals: ((item.os))}\n"
    "      config: {image: 'app:((item.os))', args: ((item.args)), env: {I: ((index))}"
    ", memory: ((index))g, timeout: ((item.t))}\n";

static void test_plan__items_replace_their_names(void **state)
{
    (void)state;
    wfe_plan *plan = plan_of(each_text, NULL);
    const wfe_plan_step *step = step_named(plan, "a");
    assert_int_equal(json_array_size(step->for_each->items), 1);
    assert_int_equal(step->for_each->max_items, 5);
    assert_string_equal(step->config.container->options.image, "app:((item.os))");
    wfe_plan_item *item =
        item_of(plan, "{\"os\": \"alpine\", \"args\": [\"p\", 1], \"t\": \"5s\"}", 7);
    const wfe_step_options *o = &item->step.config.container->options;
    assert_null(item->step.for_each);
    assert_string_equal(o->image, "app:alpine");
    assert_string_equal(o->args[0], "p");
    assert_string_equal(o->args[1], "1");
    assert_string_equal(o->env[0], "I=7");
    assert_string_equal(o->memory, "7g");
    assert_int_equal(o->timeout_ms, 5000);
    assert_string_equal(json_string_value(item->step.when->value), "alpine");
    wfe_plan_item_free(item);
    wfe_plan_item_free(NULL);
    wfe_plan_free(plan);
}

static void test_plan__a_condition_without_items_is_the_whole_steps(void **state)
{
    (void)state;
    wfe_plan *plan =
        plan_of(WORKFLOW_HEAD "  steps:\n    - {name: a, for_each: .outputs.l, config: {run: x},"
                              " when: {any: [{field: .outputs.l, is_not_null: true}]}}\n"
                              "    - {name: b, for_each: .outputs.l, config: {run: x},"
                              " when: {not: {field: .outputs.l, equals: ((index))}}}\n",
                NULL);
    assert_false(step_named(plan, "a")->for_each->when_of_items);
    assert_non_null(step_named(plan, "a")->when);
    assert_true(step_named(plan, "b")->for_each->when_of_items);
    wfe_plan_item *item = item_of(plan, "1", 0);
    assert_null(item->step.when);
    wfe_plan_item_free(item);
    wfe_plan_free(plan);
}

static void assert_item_refused(const char *json, const char *part)
{
    wfe_plan *plan = plan_of(each_text, NULL);
    wfe_plan_item *item = NULL;
    wfe_error err = WFE_ERROR_INIT;
    json_t *value = json_loads(json, JSON_DECODE_ANY, NULL);
    assert_fails(wfe_plan_item_new(plan, 0, value, 3, &item, &err), WFE_E_INVALID, &err);
    assert_contains(err.message, "item 3 of step 'a'");
    assert_contains(err.message, part);
    assert_null(item);
    json_decref(value);
    wfe_plan_free(plan);
}

static void test_plan__items_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    assert_item_refused("{\"os\": \"x\", \"args\": [], \"t\": \"soon\"}",
                        "'timeout' is 'soon', must be a duration");
    assert_item_refused("{\"os\": \"x\", \"t\": \"1s\"}", "unresolved variable 'item.args'");
    assert_item_refused("{\"os\": \"x\", \"args\": \"y\", \"t\": \"1s\"}",
                        "'args' must be a list of texts");
    assert_item_refused("\"text\"", "unresolved variable 'item.os'");
}

static void test_plan__items_come_from_paths(void **state)
{
    (void)state;
    wfe_plan *plan = plan_of(HEAD "  steps:\n    - {name: a, for_each: .outputs.targets, config: "
                                  "{run: 'echo ((item)) ((index))'}}\n",
                             NULL);
    const wfe_plan_step *step = step_named(plan, "a");
    assert_null(step->for_each->items);
    assert_string_equal(step->for_each->path, ".outputs.targets");
    assert_int_equal(step->for_each->max_items, 1000);
    wfe_plan_item *item = item_of(plan, "[1, \"two\"]", 0);
    assert_string_equal(item->step.config.shell->run, "echo [1,\"two\"] 0");
    wfe_plan_item_free(item);
    wfe_plan_free(plan);
}

/* ---- definitions ---- */

static void test_plan__is_the_same_from_its_definition(void **state)
{
    (void)state;
    wfe_plan *plan =
        plan_of(HEAD "  inputs: {r: string}\n  steps: [{name: a, config: {run: ((r))}}]"
                     "\n",
                (const char *const[]){"r=\xc3\xa9", NULL});
    json_t *definition = wfe_plan_definition(plan);
    assert_non_null(definition);
    wfe_plan *again = NULL;
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_plan_from_definition(definition, &again, &err), &err);
    assert_string_equal(again->hash, plan->hash);
    assert_true(json_equal((json_t *)(uintptr_t)again->inputs, (json_t *)(uintptr_t)plan->inputs));
    assert_string_equal(step_named(again, "a")->config.shell->run, "\xc3\xa9");
    wfe_plan *other = plan_of(HEAD "  steps: [{name: a, config: {run: x}}]\n", NULL);
    assert_string_not_equal(other->hash, plan->hash);
    wfe_plan_free(other);
    wfe_plan_free(again);
    wfe_plan_free(plan);
    json_decref(definition);
    assert_fails(wfe_plan_from_definition(NULL, &again, &err), WFE_E_INVALID, &err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plan__a_list_is_a_sequence_but_for_needs),
        cmocka_unit_test(test_plan__blocks_come_before_their_children_and_hooks_behind),
        cmocka_unit_test(test_plan__finds_circles_through_blocks),
        cmocka_unit_test(test_plan__a_failure_is_retried_only_when_asked),
        cmocka_unit_test(test_plan__reads_the_config_of_a_container),
        cmocka_unit_test(test_plan__shell_is_the_default_type),
        cmocka_unit_test(test_plan__reads_services_secrets_and_outputs),
        cmocka_unit_test(test_plan__calls_name_workflows),
        cmocka_unit_test(test_plan__items_replace_their_names),
        cmocka_unit_test(test_plan__a_condition_without_items_is_the_whole_steps),
        cmocka_unit_test(test_plan__items_that_do_not_fit_are_refused),
        cmocka_unit_test(test_plan__items_come_from_paths),
        cmocka_unit_test(test_plan__is_the_same_from_its_definition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
