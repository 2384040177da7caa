/* SPDX-License-Identifier: Apache-2.0
 *
 * Workflow files: whatever the text is, loading it ends in a plan whose indices all lead somewhere
 * and whose steps do not wait in a circle, or in errors with places that are in the file. A part
 * behind a NUL is a second file, "b.yaml", to be included.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/check.h"
#include "workflow/graph.h"
#include "workflow/load.h"

/* libfyaml 0.7 keeps a buffer of some texts with control characters in them. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libfyaml.so";
}

static void require(int condition)
{
    if (!condition)
        abort();
}

static void check_index(uint32_t index, uint32_t n)
{
    require(index == WFE_PLAN_NONE || index < n);
}

static void check_step(const wfe_plan *plan, uint32_t index)
{
    const wfe_plan_step *s = &plan->steps[index];
    require(s->name && s->name[0] && s->workflow < plan->n_workflows);
    require(s->pos.file < plan->n_files && s->pos.line && s->pos.column);
    check_index(s->parent, plan->n_steps);
    check_index(s->first_child, plan->n_steps);
    check_index(s->next_sibling, plan->n_steps);
    check_index(s->hooks.on_success, plan->n_steps);
    check_index(s->hooks.on_failure, plan->n_steps);
    check_index(s->hooks.ensure, plan->n_steps);
    require((s->type == WFE_PLAN_STEP_PARALLEL) == !s->config.shell);
    for (uint32_t i = 0; i < s->n_needs; i++)
        require(s->needs[i] < plan->n_steps && s->needs[i] != index &&
                plan->steps[s->needs[i]].workflow == s->workflow);
    for (uint32_t i = 0; i < s->n_secrets; i++)
        require(s->secrets[i].secret < plan->workflows[s->workflow].n_secrets);
    if (s->type == WFE_PLAN_STEP_CONTAINERD)
        require(s->config.container->options.image != NULL);
}

/* Every step ends when those it waits for do: as many as there are must become ready in turn. */
static void check_order(const wfe_plan *plan)
{
    bool *ended = calloc(plan->n_steps + 1, sizeof *ended);
    uint32_t n = 0, before;
    require(ended != NULL);
    do {
        before = n;
        for (uint32_t i = 0; i < plan->n_steps; i++) {
            const wfe_plan_step *s = &plan->steps[i];
            bool ready = !ended[i];
            for (uint32_t at = i; ready && at != WFE_PLAN_NONE;
                 at = plan->steps[at].role == WFE_PLAN_ROLE_STEP ? plan->steps[at].parent
                                                                 : WFE_PLAN_NONE) {
                for (uint32_t k = 0; ready && k < plan->steps[at].n_needs; k++)
                    ready = ended[plan->steps[at].needs[k]];
            }
            for (uint32_t c = s->first_child; ready && c != WFE_PLAN_NONE;
                 c = plan->steps[c].next_sibling)
                ready = ended[c];
            ended[i] = ended[i] || ready;
            n += ready;
        }
    } while (n > before);
    require(n == plan->n_steps);
    free(ended);
}

static void check_items(const wfe_plan *plan, uint32_t index)
{
    wfe_plan_item *item = NULL;
    wfe_error err = WFE_ERROR_INIT;
    json_t *value = json_pack("{s:s, s:[i, s]}", "a", "((item))", "b", 1, "x");
    if (plan->steps[index].for_each && wfe_plan_item_new(plan, index, value, 3, &item, &err) == 0)
        require(item->step.name && !item->step.for_each);
    wfe_plan_item_free(item);
    json_decref(value);
}

static void check_plan(const wfe_plan *plan)
{
    static const enum wfe_graph graphs[] = {WFE_GRAPH_DOT, WFE_GRAPH_MERMAID, WFE_GRAPH_SVG,
                                            WFE_GRAPH_ASCII};
    require(plan->n_workflows && plan->main < plan->n_workflows);
    for (uint32_t i = 0; i < plan->n_workflows; i++) {
        const wfe_plan_workflow *w = &plan->workflows[i];
        require(w->n_steps && w->first_step + w->n_steps <= plan->n_steps);
    }
    for (uint32_t i = 0; i < plan->n_steps; i++) {
        check_step(plan, i);
        if (i < 20)
            check_items(plan, i);
    }
    if (plan->n_steps < 200)
        check_order(plan);
    for (size_t i = 0; plan->n_steps < 50 && i < sizeof graphs / sizeof *graphs; i++) {
        char *text = NULL;
        if (wfe_plan_graph(plan, graphs[i], &text, NULL) == 0)
            require(text[0]);
        free(text);
    }
}

static void check_found(const wfe_diagnostics *found)
{
    for (size_t i = 0; i < wfe_diagnostics_length(found); i++) {
        const wfe_diagnostic *d = wfe_diagnostics_at(found, i);
        require(d->message && d->message[0] && d->length);
        require(!d->line == !d->source_line || !d->file);
        require(!strchr(d->message, '\n'));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    const char *text = (const char *)bytes;
    const char *end = len ? memchr(text, '\0', len) : NULL;
    size_t first = end ? (size_t)(end - text) : len;
    const wfe_plan_file files[] = {
        {.path = "a.yaml", .text = text, .len = first},
        {.path = "b.yaml", .text = end ? end + 1 : "", .len = end ? len - first - 1 : 0},
    };
    static const char *const inputs[] = {"a=1", "b=[\"x\", {\"c\": 2}]", NULL};
    wfe_plan_load_options options = {.path = "a.yaml",
                                     .files = files,
                                     .n_files = 2,
                                     .partial = len % 2,
                                     .check_container =
                                         len % 5 ? wfe_engine_check_container : NULL};
    if (len % 3 == 0)
        options.input_texts = inputs;
    wfe_plan *plan = NULL;
    wfe_diagnostics *found = NULL;
    wfe_error err = WFE_ERROR_INIT;
    int rc = wfe_plan_load(&options, &plan, &found, &err);
    require((rc == 0) == (plan != NULL) && rc == err.kind);
    require(rc == 0 || wfe_diagnostics_errors(found) > 0 || rc != WFE_E_INVALID);
    check_found(found);
    if (plan)
        check_plan(plan);
    wfe_plan_free(plan);
    wfe_diagnostics_free(found);
    return 0;
}
