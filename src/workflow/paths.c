/* SPDX-License-Identifier: Apache-2.0
 *
 * The path of an item is "step[3]", that of a step of a called workflow "call/step". A step whose
 * name is such a path would be one with it in logs, events and records.
 */
#include <string.h>

#include "workflow/loader.h"

/* What the path that the name looks like is of: "[3]" or "[3]/..." behind a step with for_each,
 * "/..." behind a call. NULL: it is none. */
static const char *kind_of_path(const wfe_plan_step *step, const char *rest)
{
    if (*rest == '/')
        return step->type == WFE_PLAN_STEP_WORKFLOW && !step->for_each ? "a step called by" : NULL;
    size_t digits = strspn(rest + 1, "0123456789");
    bool item = digits && rest[1 + digits] == ']' && (!rest[2 + digits] || rest[2 + digits] == '/');
    return item && step->for_each ? "an item of" : NULL;
}

static void check_name(wfe_loader *l, uint32_t index)
{
    const char *name = l->steps[index].name;
    for (const char *at = name; (at = strpbrk(at, "[/")) != NULL; at++) {
        uint32_t step = wfe_index_get(&l->names, name, (size_t)(at - name));
        const char *kind = step != WFE_INDEX_NONE ? kind_of_path(&l->steps[step], at) : NULL;
        if (!kind)
            continue;
        const wfe_node *node = wfe_node_get(l->step_sources[index].node, "name");
        wfe_diagnose_error(l->list, wfe_mark_node(node), "the name '%s' is that of %s step '%s'",
                           name, kind, l->steps[step].name);
        wfe_diagnose_hint(l->list, "give one of the two steps another name");
        return;
    }
}

void wfe_load_paths(wfe_loader *l, const wfe_plan_workflow *workflow, uint32_t first)
{
    for (uint32_t i = first; i < first + workflow->n_steps; i++) {
        if (l->steps[i].name)
            check_name(l, i);
    }
}
