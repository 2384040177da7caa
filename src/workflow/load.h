/* SPDX-License-Identifier: Apache-2.0
 *
 * Workflow text to a plan: parse, interpolate, check, compile. Reads files and nothing else.
 */
#ifndef WFE_WORKFLOW_LOAD_H
#define WFE_WORKFLOW_LOAD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include <wfe/step.h>
#include <wfe/workflow.h>

#include "base/error.h"
#include "workflow/plan.h"

/* Looks at the options of a container whose values are all known. 0, or INVALID with what is wrong
 * with them; may_work: it need not be. NOMEM. */
typedef int (*wfe_container_check_fn)(const wfe_step_options *options, bool *ret_may_work,
                                      wfe_error *err);

typedef struct wfe_plan_load_options {
    /* The file, or its text. With text, path only names it (NULL: "workflow.yaml") and the folder
     * of its includes. */
    const char *path;
    const char *text;
    size_t text_len;
    /* Given instead of what the disk holds, for this path and for includes: the files of a plan
     * that was made before (wfe_plan_definition). NULL: read the disk. */
    const wfe_plan_file *files;
    size_t n_files;
    const char *workflow; /* id of the one to run; NULL: the first of the file */
    /* Values for inputs and ((name)): an object with values of their types, and "KEY=VALUE" texts
     * on top, which are converted to the type of the input (JSON, else text, when it has none). */
    const json_t *inputs;
    const char *input_file;         /* more of the same, JSON or YAML; on top of inputs */
    const char *const *input_texts; /* NULL-terminated; on top of both */
    /* An input without a value is no error: for looking at a file without running it. */
    bool partial;
    wfe_container_check_fn check_container; /* NULL: none */
} wfe_plan_load_options;

/* What was found wrong, in the order of the files; errors end the loading, warnings do not. */
typedef struct wfe_diagnostics wfe_diagnostics;

size_t wfe_diagnostics_length(const wfe_diagnostics *list);
size_t wfe_diagnostics_errors(const wfe_diagnostics *list);
const wfe_diagnostic *wfe_diagnostics_at(const wfe_diagnostics *list, size_t index);
void wfe_diagnostics_free(wfe_diagnostics *list);

/* Makes the plan. *ret_diagnostics, which may be NULL, gets everything that was found, also when
 * the file is wrong (free it in either case; NULL when there was nothing to tell). INVALID with the
 * first error as message, NOT_FOUND for the file, LIMIT, NOMEM, UNAVAILABLE without libfyaml. */
int wfe_plan_load(const wfe_plan_load_options *options, wfe_plan **ret,
                  wfe_diagnostics **ret_diagnostics, wfe_error *err);

/* What is in a file of inputs, JSON or YAML: an object. New reference. NOT_FOUND, INVALID. */
int wfe_plan_read_inputs(const char *path, json_t **ret, wfe_error *err);

/* The whole definition as one JSON object, for keeping with a run: {"files": [{"path", "text"}],
 * "workflow", "inputs"}. New reference, NULL without memory. */
json_t *wfe_plan_definition(const wfe_plan *plan);
/* The plan again from what wfe_plan_definition gave; reads no file. */
int wfe_plan_from_definition(const json_t *definition, wfe_plan **ret, wfe_error *err);

#endif
