/* SPDX-License-Identifier: Apache-2.0 */
#include "workflow/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "workflow/loader.h"

/* ---- the finished plan ---- */

/* All files with their names: a plan is the same when these are. */
static int hash_files(const wfe_loader *l, char out[WFE_DIGEST_SIZE])
{
    wfe_digest *digest = NULL;
    int rc = wfe_digest_new(&digest, l->err);
    for (uint32_t i = 0; !rc && i < l->n_files; i++) {
        char head[32];
        int len = snprintf(head, sizeof head, "%zu:", l->files[i].len);
        wfe_digest_update(digest, l->files[i].path, strlen(l->files[i].path) + 1);
        wfe_digest_update(digest, head, (size_t)len);
        wfe_digest_update(digest, l->files[i].text, l->files[i].len);
    }
    if (!rc)
        wfe_digest_finish(digest, out);
    wfe_digest_free(digest);
    return rc;
}

static void *keep(wfe_loader *l, const void *array, size_t n, size_t size)
{
    void *copy = wfe_arena_array(l->memory, n, size);
    if (copy && n)
        memcpy(copy, array, n * size);
    return copy;
}

/* The inputs the main workflow declares; all that was given when it declares none. */
static json_t *choose_inputs(const wfe_loader *l)
{
    const wfe_plan_workflow *main = &l->workflows[l->main];
    json_t *inputs = main->n_inputs ? json_object() : json_deep_copy(l->values);
    for (uint32_t i = 0; inputs && i < main->n_inputs; i++) {
        json_t *value = json_object_get(l->values, main->inputs[i].name);
        if (value && json_object_set(inputs, main->inputs[i].name, value)) {
            json_decref(inputs);
            return NULL;
        }
    }
    return inputs;
}

static int make_plan(wfe_loader *l, wfe_plan **ret)
{
    wfe_plan *plan = wfe_arena_alloc(l->memory, sizeof *plan);
    if (!plan)
        return wfe_error_nomem(l->err);
    _Static_assert(sizeof plan->hash >= WFE_DIGEST_SIZE, "a digest fits");
    int rc = hash_files(l, plan->hash);
    if (rc)
        return rc;
    plan->workflows = keep(l, l->workflows, l->n_workflows, sizeof *l->workflows);
    plan->n_workflows = l->n_workflows;
    plan->main = l->main;
    plan->steps = keep(l, l->steps, l->n_steps, sizeof *l->steps);
    plan->n_steps = l->n_steps;
    plan->files = keep(l, l->files, l->n_files, sizeof *l->files);
    plan->n_files = l->n_files;
    plan->inputs = wfe_arena_keep(l->memory, choose_inputs(l));
    plan->given = wfe_arena_keep(l->memory, json_incref(l->values));
    plan->complete = l->complete;
    if (!plan->workflows || !plan->steps || !plan->files || !plan->inputs || !plan->given)
        return wfe_error_nomem(l->err);
    plan->memory = l->memory;
    *ret = plan;
    return 0;
}

void wfe_plan_free(wfe_plan *plan)
{
    if (plan)
        wfe_arena_free(plan->memory);
}

/* ---- loading ---- */

static int load_all(wfe_loader *l)
{
    int rc = wfe_load_files(l);
    if (!rc && l->n_workflows)
        rc = wfe_load_values(l);
    if (!rc && l->n_workflows)
        rc = wfe_load_workflows(l);
    if (!rc && l->n_workflows)
        rc = wfe_load_calls(l);
    if (!rc && l->n_workflows)
        rc = wfe_load_together(l);
    if (!rc && !wfe_diagnostics_errors(l->list))
        rc = wfe_load_lint(l);
    return rc;
}

static int load(wfe_loader *l, wfe_plan **ret)
{
    wfe_plan *plan = NULL;
    int rc = load_all(l);
    if (!rc)
        rc = wfe_diagnostics_finish(l->list, l->files, l->n_files, l->err);
    if (!rc && wfe_diagnostics_errors(l->list))
        return wfe_diagnostics_to_error(l->list, l->err);
    if (!rc && !l->n_workflows)
        rc = wfe_error_set(l->err, WFE_E_INTERNAL, "a file without workflows was not refused");
    if (!rc)
        rc = make_plan(l, &plan);
    if (!rc)
        *ret = plan;
    return rc;
}

int wfe_plan_load(const wfe_plan_load_options *options, wfe_plan **ret,
                  wfe_diagnostics **ret_diagnostics, wfe_error *err)
{
    _cleanup_(wfe_arena_free_p) wfe_arena *tree = wfe_arena_new();
    _cleanup_(wfe_arena_free_p) wfe_arena *memory = wfe_arena_new();
    _cleanup_(wfe_diagnostics_free_p) wfe_diagnostics *list = wfe_diagnostics_new();
    _cleanup_free_ wfe_loader *l = calloc(1, sizeof *l);
    wfe_error local = WFE_ERROR_INIT;
    if (!tree || !memory || !list || !l)
        return wfe_error_nomem(err);
    *l = (wfe_loader){
        .options = options,
        .tree = tree,
        .memory = memory,
        .list = list,
        .reader = {.memory = memory, .list = list, .check_container = options->check_container},
        .err = err ? err : &local,
        .n_nodes_left = WFE_NODE_MAX,
    };
    int rc = load(l, ret);
    free(l->sources);
    free(l->workflows);
    free(l->steps);
    free(l->step_sources);
    wfe_index_done(&l->names);
    wfe_index_done(&l->declared);
    wfe_index_done(&l->used);
    json_decref(l->values);
    if (!rc)
        memory = NULL; /* the plan's */
    if (ret_diagnostics && wfe_diagnostics_length(list))
        *ret_diagnostics = wfe_take(list);
    return rc;
}

/* ---- a plan again ---- */

json_t *wfe_plan_definition(const wfe_plan *plan)
{
    json_t *files = json_array();
    for (uint32_t i = 0; files && i < plan->n_files; i++) {
        json_t *file = json_pack("{s:s, s:s%}", "path", plan->files[i].path, "text",
                                 plan->files[i].text, plan->files[i].len);
        if (json_array_append_new(files, file)) {
            json_decref(files);
            return NULL;
        }
    }
    if (!files)
        return NULL;
    return json_pack("{s:o, s:s, s:O}", "files", files, "workflow", plan->workflows[plan->main].id,
                     "inputs", plan->given);
}

int wfe_plan_from_definition(const json_t *definition, wfe_plan **ret, wfe_error *err)
{
    const json_t *list = json_object_get(definition, "files");
    size_t n = json_array_size(list);
    if (!n || n > WFE_LOAD_MAX_FILES)
        return wfe_error_set(err, WFE_E_INVALID, "the definition of the run has no files");
    _cleanup_free_ wfe_plan_file *files = calloc(n, sizeof *files);
    if (!files)
        return wfe_error_nomem(err);
    for (size_t i = 0; i < n; i++) {
        const json_t *text = json_object_get(json_array_get(list, i), "text");
        files[i].path = json_string_value(json_object_get(json_array_get(list, i), "path"));
        files[i].text = json_string_value(text);
        files[i].len = json_string_length(text);
        if (!files[i].path || !files[i].text)
            return wfe_error_set(err, WFE_E_INVALID,
                                 "the definition of the run has a file without path or text");
    }
    const wfe_plan_load_options options = {
        .path = files[0].path,
        .files = files,
        .n_files = n,
        .workflow = json_string_value(json_object_get(definition, "workflow")),
        .inputs = json_object_get(definition, "inputs"),
    };
    return wfe_plan_load(&options, ret, NULL, err);
}

/* ---- finding ---- */

uint32_t wfe_plan_find_workflow(const wfe_plan *plan, const char *id)
{
    for (uint32_t i = 0; i < plan->n_workflows; i++) {
        if (strcmp(plan->workflows[i].id, id) == 0)
            return i;
    }
    return WFE_PLAN_NONE;
}

uint32_t wfe_plan_find_step(const wfe_plan *plan, uint32_t workflow, const char *name)
{
    for (uint32_t i = 0; i < plan->n_steps; i++) {
        if (plan->steps[i].workflow == workflow && strcmp(plan->steps[i].name, name) == 0)
            return i;
    }
    return WFE_PLAN_NONE;
}

const char *wfe_plan_pos_format(const wfe_plan *plan, wfe_plan_pos pos, char out[WFE_PLAN_POS_SIZE])
{
    const char *path = pos.file < plan->n_files ? plan->files[pos.file].path : "?";
    snprintf(out, WFE_PLAN_POS_SIZE, "%s:%u:%u", path, pos.line, pos.column);
    return out;
}
