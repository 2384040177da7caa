/* SPDX-License-Identifier: Apache-2.0
 *
 * Do the fields of a condition exist, and have they a type that can be compared that way. Only
 * asked of a workflow that declares inputs or outputs.
 */
#include <string.h>

#include "base/buf.h"
#include "workflow/condition.h"

#define SHOWN_NAMES 20

typedef struct checker {
    wfe_diagnostics *list;
    const wfe_plan_workflow *workflow;
    const wfe_index *step_outputs;
} checker;

static const wfe_plan_field *find_field(const wfe_plan_field *fields, uint32_t n, const char *name,
                                        size_t len)
{
    for (uint32_t i = 0; i < n; i++) {
        if (strlen(fields[i].name) == len && memcmp(fields[i].name, name, len) == 0)
            return &fields[i];
    }
    return NULL;
}

static bool is_step_output(const checker *c, const char *name, size_t len)
{
    return wfe_index_get(c->step_outputs, name, len) != WFE_INDEX_NONE;
}

static wfe_mark mark_of(const wfe_plan_condition *condition)
{
    return (wfe_mark){.pos = condition->pos, .length = (uint32_t)strlen(condition->path)};
}

static void unknown_field(const checker *c, const wfe_plan_condition *condition, const char *kind,
                          const wfe_plan_field *fields, uint32_t n, const char *name)
{
    _cleanup_(wfe_buf_done) wfe_buf known = WFE_BUF_INIT(512);
    const char *words[SHOWN_NAMES];
    uint32_t shown = n < SHOWN_NAMES ? n : SHOWN_NAMES;
    for (uint32_t i = 0; i < shown; i++) {
        words[i] = fields[i].name;
        (void)wfe_buf_printf(&known, NULL, "%s%s", i ? ", " : "", fields[i].name);
    }
    wfe_diagnose_error(c->list, mark_of(condition),
                       "Condition references unknown %s field '%s'. Available %ss: [%s]", kind,
                       name, kind, known.data ? known.data : "");
    for (size_t i = 0; *kind == 'o' && i < c->step_outputs->cap && shown < SHOWN_NAMES; i++) {
        if (c->step_outputs->slots[i].text)
            words[shown++] = c->step_outputs->slots[i].text;
    }
    wfe_diagnose_suggest(c->list, name, words, shown);
    if (*kind == 'o')
        wfe_diagnose_hint(c->list, "the step that gives it says so: outputs: [{name: %s}]", name);
}

/* A step that is skipped gives nothing, so an output of any type may be asked whether it is there.
 */
static void check_type(const checker *c, const wfe_plan_condition *condition,
                       const wfe_plan_type *type, bool input)
{
    enum wfe_plan_type_kind kind = type->kind;
    bool number = kind == WFE_PLAN_NUMBER || kind == WFE_PLAN_INTEGER;
    const char *allowed = NULL;
    if (kind == WFE_PLAN_ANY)
        return;
    if (condition->op >= WFE_PLAN_GT && condition->op <= WFE_PLAN_LTE && !number)
        allowed = "type number, integer or any";
    else if (condition->op == WFE_PLAN_CONTAINS && kind != WFE_PLAN_STRING && kind != WFE_PLAN_LIST)
        allowed = "type string, list or any";
    else if (input && condition->op >= WFE_PLAN_IS_NULL && !type->optional)
        allowed = "an optional type (T?) or of type any";
    if (allowed)
        wfe_diagnose_error(c->list, mark_of(condition), "'%s' needs a field of %s, but '%s' is %s",
                           wfe_condition_name(condition->op), allowed, condition->path, type->text);
}

static void check_comparison(const checker *c, const wfe_plan_condition *condition)
{
    const char *path = condition->path + (*condition->path == '.');
    size_t first = strcspn(path, ".");
    if (!path[first] || !path[first + 1]) {
        wfe_diagnose_error(c->list, mark_of(condition),
                           "Condition field path '%s' must have at least two segments (e.g. "
                           "'.inputs.name')",
                           condition->path);
        return;
    }
    const char *name = path + first + 1;
    size_t len = strcspn(name, ".");
    bool input = first == 6 && memcmp(path, "inputs", first) == 0;
    if (!input && !(first == 7 && memcmp(path, "outputs", first) == 0)) {
        wfe_diagnose_error(c->list, mark_of(condition),
                           "Condition field path '%s' must start with 'inputs' or 'outputs', got "
                           "'%.*s'",
                           condition->path, (int)first, path);
        return;
    }
    const wfe_plan_field *fields = input ? c->workflow->inputs : c->workflow->outputs;
    uint32_t n = input ? c->workflow->n_inputs : c->workflow->n_outputs;
    const wfe_plan_field *field = find_field(fields, n, name, len);
    char word[128];
    snprintf(word, sizeof word, "%.*s", (int)len, name);
    if (field && !name[len])
        check_type(c, condition, &field->type, input);
    else if (!field && (input || !is_step_output(c, name, len)))
        unknown_field(c, condition, input ? "input" : "output", fields, n, word);
}

static void check(const checker *c, const wfe_plan_condition *condition)
{
    if (condition->op < WFE_PLAN_ALL && condition->path)
        check_comparison(c, condition);
    for (uint32_t i = 0; i < condition->n_children; i++)
        check(c, &condition->children[i]);
}

void wfe_condition_check(wfe_diagnostics *list, const wfe_plan_workflow *workflow,
                         const wfe_plan_condition *condition, const wfe_index *step_outputs)
{
    const checker c = {.list = list, .workflow = workflow, .step_outputs = step_outputs};
    if (workflow->n_inputs || workflow->n_outputs)
        check(&c, condition);
}
