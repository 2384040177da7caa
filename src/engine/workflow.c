/* SPDX-License-Identifier: Apache-2.0
 *
 * The functions of wfe/workflow.h.
 */
#include <wfe/workflow.h>

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/sized.h"
#include "engine/check.h"
#include "workflow/graph.h"
#include "workflow/load.h"
#include "workflow/schema.h"

struct wfe_workflow {
    wfe_plan *plan; /* NULL: not valid */
    wfe_diagnostics *list;
};

static int check_options(const wfe_workflow_options *options, wfe_error *err)
{
    if (!options->path && !options->text)
        return wfe_error_set(err, WFE_E_INVALID, "neither a workflow file nor a text was given");
    return 0;
}

int wfe_workflow_load(const wfe_workflow_options *given, wfe_workflow **ret, wfe_error *err)
{
    wfe_workflow_options options = {0};
    int rc = wfe_sized_copy(given, "wfe_workflow_options", &options, sizeof options, err);
    if (!rc)
        rc = check_options(&options, err);
    if (rc)
        return rc;
    wfe_workflow *workflow = calloc(1, sizeof *workflow);
    if (!workflow)
        return wfe_error_nomem(err);
    const wfe_plan_load_options load = {
        .path = options.path,
        .text = options.text,
        .text_len = options.text_len,
        .workflow = options.workflow,
        .input_file = options.input_file,
        .input_texts = options.inputs,
        .partial = !options.require_inputs,
        .check_container = wfe_engine_check_container,
    };
    wfe_error error = WFE_ERROR_INIT;
    rc = wfe_plan_load(&load, &workflow->plan, &workflow->list, &error);
    if (rc && !wfe_diagnostics_errors(workflow->list)) {
        wfe_workflow_free(workflow);
        return wfe_error_copy(err, &error);
    }
    *ret = workflow;
    return 0;
}

void wfe_workflow_free(wfe_workflow *workflow)
{
    if (!workflow)
        return;
    wfe_plan_free(workflow->plan);
    wfe_diagnostics_free(workflow->list);
    free(workflow);
}

bool wfe_workflow_is_valid(const wfe_workflow *workflow)
{
    return workflow->plan != NULL;
}

size_t wfe_workflow_n_diagnostics(const wfe_workflow *workflow)
{
    return wfe_diagnostics_length(workflow->list);
}

const wfe_diagnostic *wfe_workflow_diagnostic_at(const wfe_workflow *workflow, size_t index)
{
    return wfe_diagnostics_at(workflow->list, index);
}

static const wfe_plan_workflow *main_of(const wfe_workflow *workflow)
{
    return workflow->plan ? &workflow->plan->workflows[workflow->plan->main] : NULL;
}

const char *wfe_workflow_id(const wfe_workflow *workflow)
{
    return workflow->plan ? main_of(workflow)->id : NULL;
}

unsigned wfe_workflow_version(const wfe_workflow *workflow)
{
    return workflow->plan ? main_of(workflow)->version : 0;
}

size_t wfe_workflow_n_steps(const wfe_workflow *workflow)
{
    return workflow->plan ? main_of(workflow)->n_steps : 0;
}

int wfe_workflow_graph(const wfe_workflow *workflow, enum wfe_graph format, char **ret,
                       wfe_error *err)
{
    if (!workflow->plan)
        return wfe_error_set(err, WFE_E_INVALID, "a workflow with errors has no graph");
    return wfe_plan_graph(workflow->plan, format, ret, err);
}

char *wfe_workflow_schema(void)
{
    return wfe_plan_schema();
}
