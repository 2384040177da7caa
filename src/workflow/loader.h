/* SPDX-License-Identifier: Apache-2.0
 *
 * A plan while it is being made: what the files of src/workflow that read its parts share. The
 * arrays move while they grow, so they are used by index, and become the plan's at the end.
 */
#ifndef WFE_WORKFLOW_LOADER_H
#define WFE_WORKFLOW_LOADER_H

#include "workflow/diagnostics.h"
#include "workflow/index.h"
#include "workflow/load.h"
#include "workflow/node.h"
#include "workflow/raw.h"
#include "workflow/reader.h"

#define WFE_LOAD_MAX_FILES 64
#define WFE_LOAD_MAX_WORKFLOWS 1000
#define WFE_LOAD_MAX_SERVICES 64
/* Inputs, outputs and secrets of a workflow, outputs of a step. */
#define WFE_LOAD_MAX_DECLARED 1000

/* What the file says about a step and is only looked at when all steps are known. */
typedef struct wfe_step_source {
    const wfe_node *node;
    const wfe_node *needs; /* NULL: the step before it in its list */
    uint32_t before;       /* that step, WFE_PLAN_NONE for the first */
    wfe_plan_call *call;   /* of a workflow step, to be completed */
    const char *call_id;   /* NULL when it is wrong */
    uint32_t call_version; /* UINT32_MAX: any */
    const wfe_node *call_node;
    uint32_t needed_by; /* the last step whose needs were found to name this one */
} wfe_step_source;

/* A workflow of the files, before and while it is read. */
typedef struct wfe_workflow_source {
    const wfe_node *node;
    const char *id; /* NULL: it has none, or it is no text */
    bool wrong;     /* not readable at all */
} wfe_workflow_source;

typedef struct wfe_loader {
    const wfe_plan_load_options *options;
    wfe_arena *tree;   /* nodes: freed at the end */
    wfe_arena *memory; /* the plan's */
    wfe_diagnostics *list;
    wfe_reader reader;
    wfe_error *err;

    wfe_plan_file files[WFE_LOAD_MAX_FILES];
    uint32_t n_files;
    size_t n_bytes; /* of all files */
    uint32_t n_nodes_left;
    wfe_node *roots[WFE_LOAD_MAX_FILES]; /* trees of the files */

    wfe_workflow_source *sources; /* owned; one for each workflow */
    wfe_plan_workflow *workflows; /* owned */
    uint32_t n_workflows;
    uint32_t main;

    wfe_plan_step *steps;          /* owned */
    wfe_step_source *step_sources; /* owned */
    uint32_t n_steps;
    uint32_t cap_steps;

    /* Of the workflow that is being read. */
    uint32_t workflow;
    wfe_index names; /* of its steps */
    const wfe_plan_retry *default_retry;
    enum wfe_plan_on_error default_on_error;

    json_t *values;     /* owned; what was given, of its types */
    wfe_index declared; /* inputs of all workflows */
    wfe_index used;     /* names that ((...)) asked for */
    bool complete;
} wfe_loader;

/* Each: 0 or an error that ends the loading (NOMEM, ...); mistakes are told in list. */

/* files.c: the main file and those it includes, as trees; then the workflows in them. */
int wfe_load_files(wfe_loader *l);
/* values.c: the inputs; then everything that is named in the trees. */
int wfe_load_values(wfe_loader *l);
/* workflows.c: reads all workflows. */
int wfe_load_workflows(wfe_loader *l);
/* Has the list or map more members than may be declared; tells. what: "'outputs'". */
bool wfe_load_is_too_long(wfe_loader *l, const wfe_node *node, const char *what);
/* steps.c: a list of steps. ret_first: the first of it. */
int wfe_load_steps(wfe_loader *l, const wfe_node *list, uint32_t parent, uint32_t *ret_first);
/* A hook; *ret stays WFE_PLAN_NONE without one. */
int wfe_load_hook(wfe_loader *l, const wfe_node *node, enum wfe_plan_role role, uint32_t parent,
                  uint32_t *ret);
/* failure.c: retry and error_behavior. *ret_retry stays as it is without any. */
int wfe_load_retry(wfe_loader *l, const wfe_node *retry, const wfe_node *behavior,
                   const wfe_plan_retry **ret_retry, enum wfe_plan_on_error *ret_on_error);
/* services.c: services, secrets and the shared volume of a workflow. */
int wfe_load_services(wfe_loader *l, const wfe_node *node, wfe_plan_workflow *workflow);
int wfe_load_secrets(wfe_loader *l, const wfe_node *node, wfe_plan_workflow *workflow);
int wfe_load_shared_volume(wfe_loader *l, const wfe_node *node, wfe_plan_workflow *workflow);
int wfe_load_secret_uses(wfe_loader *l, const wfe_node *node, wfe_plan_step *step);
/* order.c: needs of the steps of the workflow that is being read, and cycles among them. first:
 * index of the first of its steps. */
int wfe_load_order(wfe_loader *l, const wfe_plan_workflow *workflow, uint32_t first);
/* paths.c: names of steps of that workflow that are the path of something else. */
void wfe_load_paths(wfe_loader *l, const wfe_plan_workflow *workflow, uint32_t first);
/* calls.c: workflow steps, when all workflows are read. */
int wfe_load_calls(wfe_loader *l);
/* together.c: services that cannot be in one run. */
int wfe_load_together(wfe_loader *l);
/* lint.c: what is no mistake but looks like one. */
int wfe_load_lint(wfe_loader *l);

#endif
