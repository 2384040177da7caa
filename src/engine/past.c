/* SPDX-License-Identifier: Apache-2.0
 *
 * The table.
 */
#include "engine/past_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

/* ---- time ---- */

uint64_t wfe_past_elapsed_us(const wfe_past_time *since)
{
    uint64_t now_boot_us = wfe_clock_boot_us();
    int64_t now_us = wfe_clock_wall_us();
    if (since->boot_us)
        return now_boot_us > since->boot_us ? now_boot_us - since->boot_us : 0;
    return now_us > since->wall_us ? (uint64_t)(now_us - since->wall_us) : 0;
}

uint64_t wfe_past_left_ms(const wfe_past_time *since, uint64_t whole_ms)
{
    uint64_t elapsed_ms = wfe_past_elapsed_us(since) / 1000;
    return elapsed_ms < whole_ms ? whole_ms - elapsed_ms : 0;
}

/* ---- made and gone ---- */

int wfe_past_new(const wfe_plan *plan, wfe_past **ret, wfe_error *err)
{
    wfe_past *past = calloc(1, sizeof *past);
    if (!past)
        return wfe_error_nomem(err);
    past->plan = plan;
    past->by_path = json_object();
    past->by_name = calloc(plan->n_workflows ? plan->n_workflows : 1, sizeof(json_t *));
    if (!past->by_path || !past->by_name) {
        wfe_past_free(past);
        return wfe_error_nomem(err);
    }
    *ret = past;
    return 0;
}

static void free_entry(wfe_past_entry *entry)
{
    wfe_past_clear(entry);
    free(entry->path);
    free(entry);
}

void wfe_past_free(wfe_past *past)
{
    if (!past)
        return;
    while (past->first) {
        wfe_past_entry *entry = past->first;
        past->first = entry->next;
        free_entry(entry);
    }
    for (size_t i = 0; i < past->n_services; i++)
        free(past->services[i].name);
    for (size_t i = 0; i < past->n_old_outputs; i++)
        json_decref(past->old_outputs[i].outputs);
    for (uint32_t i = 0; past->by_name && i < past->plan->n_workflows; i++)
        json_decref(past->by_name[i]);
    free(past->services);
    free(past->stops);
    free(past->old_outputs);
    free(past->by_name);
    json_decref(past->by_path);
    json_decref(past->again);
    json_decref(past->from);
    free(past);
}

/* ---- entries ---- */

wfe_past_entry *wfe_past_find(const wfe_past *past, const char *path)
{
    const json_t *at = json_object_get(past->by_path, path);
    return at ? (wfe_past_entry *)(uintptr_t)json_integer_value(at) : NULL;
}

bool wfe_past_is_composite(const wfe_past *past, const wfe_past_entry *entry)
{
    if (entry->plan_step == WFE_PLAN_NONE)
        return entry->first_child && !entry->first_child->is_hook;
    const wfe_plan_step *step = &past->plan->steps[entry->plan_step];
    return step->type == WFE_PLAN_STEP_PARALLEL || step->type == WFE_PLAN_STEP_WORKFLOW ||
           (step->for_each && !entry->is_item);
}

/* The step of this name in a workflow; WFE_PLAN_NONE. */
static int find_step(wfe_past *past, uint32_t workflow, const char *name, uint32_t *ret,
                     wfe_error *err)
{
    if (!past->by_name[workflow]) {
        json_t *names = json_object();
        for (uint32_t i = 0; names && i < past->plan->n_steps; i++)
            if (past->plan->steps[i].workflow == workflow &&
                json_object_set_new_nocheck(names, past->plan->steps[i].name, json_integer(i))) {
                json_decref(names);
                names = NULL;
            }
        if (!names)
            return wfe_error_nomem(err);
        past->by_name[workflow] = names;
    }
    const json_t *at = json_object_get(past->by_name[workflow], name);
    *ret = at ? (uint32_t)json_integer_value(at) : WFE_PLAN_NONE;
    return 0;
}

/* "unit[2]" of "unit". */
static bool is_item_of(const char *path, const char *owner)
{
    size_t len = strlen(owner);
    return strncmp(path, owner, len) == 0 && path[len] == '[' &&
           path[len + 1 + strspn(path + len + 1, "0123456789")] == ']';
}

/* Which step of the plan it is: its path says so together with what it belongs to. */
static int identify(wfe_past *past, wfe_past_entry *entry, wfe_error *err)
{
    const wfe_past_entry *parent = entry->parent;
    uint32_t workflow = past->plan->main;
    entry->plan_step = WFE_PLAN_NONE;
    if (parent && parent->plan_step == WFE_PLAN_NONE)
        return 0;
    if (parent) {
        const wfe_plan_step *step = &past->plan->steps[parent->plan_step];
        size_t len = strlen(parent->path);
        workflow = step->workflow;
        entry->prefix = parent->prefix;
        if (step->for_each && !parent->is_item && is_item_of(entry->path, parent->path)) {
            entry->is_item = true;
            entry->plan_step = parent->plan_step;
            return 0;
        }
        if (step->type == WFE_PLAN_STEP_WORKFLOW && step->config.call &&
            strncmp(entry->path, parent->path, len) == 0 && entry->path[len] == '/') {
            workflow = step->config.call->workflow;
            entry->prefix = (uint32_t)len + 1;
        }
    }
    int rc = find_step(past, workflow, entry->path + entry->prefix, &entry->plan_step, err);
    if (!rc && entry->plan_step != WFE_PLAN_NONE)
        entry->is_hook = past->plan->steps[entry->plan_step].role != WFE_PLAN_ROLE_STEP;
    return rc;
}

int wfe_past_need(wfe_past *past, const char *path, const char *owner, wfe_past_entry **ret,
                  wfe_error *err)
{
    *ret = wfe_past_find(past, path);
    if (*ret)
        return 0;
    wfe_past_entry *entry = calloc(1, sizeof *entry);
    if (!entry)
        return wfe_error_nomem(err);
    entry->exit_code = -1;
    entry->path = strdup(path);
    entry->parent = owner ? wfe_past_find(past, owner) : NULL;
    int rc = entry->path ? identify(past, entry, err) : wfe_error_nomem(err);
    if (!rc && json_object_set_new_nocheck(past->by_path, path,
                                           json_integer((json_int_t)(uintptr_t)entry)))
        rc = wfe_error_nomem(err);
    if (rc) {
        free_entry(entry);
        return rc;
    }
    if (entry->parent) {
        entry->next_sibling = entry->parent->first_child;
        entry->parent->first_child = entry;
    }
    if (past->last)
        past->last->next = entry;
    else
        past->first = entry;
    past->last = entry;
    *ret = entry;
    return 0;
}

/* ---- what does not count any more ---- */

void wfe_past_clear(wfe_past_entry *entry)
{
    json_decref(entry->outputs);
    free(entry->error);
    entry->outputs = NULL;
    entry->error = NULL;
    entry->reopened = entry->allowed = false;
    entry->tries = 0;
    entry->begin_seq = entry->retry_seq = entry->hooks_seq = entry->end_seq = 0;
    entry->state = entry->outcome = WFE_STEP_IS_PENDING;
    entry->skip = WFE_SKIP_NONE;
    entry->cause = 0;
    entry->exit_code = -1;
    entry->delay_ms = entry->elapsed_us = 0;
}

static void count_old(wfe_past *past, const wfe_past_entry *entry)
{
    static const enum wfe_step_run_state ends[4] = {WFE_STEP_IS_SUCCEEDED, WFE_STEP_IS_FAILED,
                                                    WFE_STEP_IS_SKIPPED, WFE_STEP_IS_CANCELLED};
    for (int i = 0; i < 4; i++)
        if (entry->end_seq && entry->state == ends[i])
            past->n_old[i]++;
}

/* Calls are at most 64 deep, and so is this. */
void wfe_past_void(wfe_past *past, wfe_past_entry *entry)
{
    for (wfe_past_entry *at = entry->first_child; at; at = at->next_sibling)
        wfe_past_void(past, at);
    count_old(past, entry);
    wfe_past_clear(entry);
}

void wfe_past_void_below(wfe_past *past, wfe_past_entry *entry)
{
    for (wfe_past_entry *at = entry ? entry->first_child : NULL; at; at = at->next_sibling)
        wfe_past_void(past, at);
}

int wfe_past_note_attempt(wfe_past *past, const char *path, uint32_t attempt, wfe_error *err)
{
    wfe_past_entry *entry = NULL;
    int rc = wfe_past_need(past, path, NULL, &entry, err);
    if (!rc && entry->used < attempt)
        entry->used = attempt;
    return rc;
}

/* What a step of a block gave stays in the data of its workflow. */
static int keep_old_output(wfe_past *past, const wfe_past_entry *entry, wfe_error *err)
{
    wfe_past_output *larger =
        realloc(past->old_outputs, (past->n_old_outputs + 1) * sizeof *larger);
    if (!larger)
        return wfe_error_nomem(err);
    past->old_outputs = larger;
    larger[past->n_old_outputs++] = (wfe_past_output){
        .step = entry, .attempt = entry->attempt, .seq = wfe_past_outputs_seq(entry)};
    return 0;
}

int wfe_past_begin_anew(wfe_past *past, wfe_past_entry *entry, wfe_error *err)
{
    for (wfe_past_entry *at = entry->first_child; at; at = at->next_sibling) {
        bool same_data = at->prefix == entry->prefix && !at->is_item;
        int rc = same_data ? wfe_past_begin_anew(past, at, err) : 0;
        if (!rc && same_data && at->attempt && wfe_past_is_settled(at))
            rc = keep_old_output(past, at, err);
        if (rc)
            return rc;
        wfe_past_void(past, at);
    }
    return 0;
}
