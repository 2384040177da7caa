/* SPDX-License-Identifier: Apache-2.0
 *
 * A run that is over goes on: which steps run again. Whether the end has just been read from a
 * record or the command asks for it now, the same rules give the same steps.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "engine/past_priv.h"

enum mark {
    STAYS,
    OPENS, /* a block, for_each or call that begins again; what is in it has marks of its own */
    AGAIN, /* with all that is in it */
};

/* An end that nothing has to be done about. */
static bool is_good(const wfe_past_entry *entry)
{
    if (!entry->end_seq)
        return false;
    switch (entry->state) {
    case WFE_STEP_IS_SUCCEEDED:
        return true;
    case WFE_STEP_IS_FAILED:
        return entry->allowed;
    case WFE_STEP_IS_SKIPPED:
        return entry->skip == WFE_SKIP_WHEN;
    default:
        return false;
    }
}

/* It succeeded, and its on_failure hook took that back. */
static bool is_undone(const wfe_past *past, const wfe_past_entry *entry)
{
    if (entry->outcome != WFE_STEP_IS_SUCCEEDED)
        return false;
    for (const wfe_past_entry *at = entry->first_child; at; at = at->next_sibling)
        if (at->is_hook && at->tries &&
            past->plan->steps[at->plan_step].role == WFE_PLAN_ROLE_ON_FAILURE)
            return true;
    return false;
}

static void open_around(wfe_past_entry *entry)
{
    for (wfe_past_entry *at = entry->parent; at && at->mark == STAYS; at = at->parent)
        at->mark = OPENS;
}

static void mark(wfe_past_entry *entry, enum mark mark)
{
    if (entry->mark < (unsigned)mark)
        entry->mark = mark;
    if (mark != STAYS)
        open_around(entry);
}

/* What is in something that ended well stays, however it ended itself. */
static bool is_inside_good(const wfe_past_entry *entry)
{
    for (const wfe_past_entry *at = entry->parent; at; at = at->parent)
        if (is_good(at))
            return true;
    return false;
}

static void judge(const wfe_past *past, wfe_past_entry *entry)
{
    if (entry->is_hook || entry->plan_step == WFE_PLAN_NONE)
        return;
    if (is_undone(past, entry))
        mark(entry, AGAIN);
    else if (!is_good(entry) && !is_inside_good(entry))
        mark(entry, entry->tries && wfe_past_is_composite(past, entry) ? OPENS : AGAIN);
}

/* ---- what was asked for ---- */

static int ask_for(wfe_past *past, const char *path, wfe_error *err)
{
    wfe_past_entry *entry = wfe_past_find(past, path);
    if (!entry || entry->plan_step == WFE_PLAN_NONE) {
        wfe_error_set(err, WFE_E_NOT_FOUND, "the run has no step '%s'", path);
        wfe_error_hint(err, "`wfe show` lists its steps; a step in a call is CALL/STEP, an item of "
                            "for_each is STEP[N]");
        return WFE_E_NOT_FOUND;
    }
    if (entry->is_hook)
        return wfe_error_set(err, WFE_E_INVALID,
                             "'%s' is a hook: it runs again with the step that it belongs to",
                             path);
    mark(entry, AGAIN);
    return 0;
}

/* ---- what follows from it ---- */

/* Something that it needs runs again. */
static int follows(const wfe_past *past, const wfe_past_entry *entry, bool *ret, wfe_error *err)
{
    const wfe_plan_step *step = &past->plan->steps[entry->plan_step];
    wfe_buf path = WFE_BUF_INIT(0);
    int rc = 0;
    *ret = false;
    for (uint32_t i = 0; !rc && !*ret && i < step->n_needs; i++) {
        wfe_buf_done(&path);
        rc = wfe_buf_printf(&path, err, "%.*s%s", (int)entry->prefix, entry->path,
                            past->plan->steps[step->needs[i]].name);
        const wfe_past_entry *need = rc ? NULL : wfe_past_find(past, path.data);
        *ret = need && need->mark != STAYS;
    }
    wfe_buf_done(&path);
    return rc;
}

/* Until nothing more follows. */
static int spread(const wfe_past *past, wfe_error *err)
{
    for (bool changed = true; changed;) {
        changed = false;
        for (wfe_past_entry *entry = past->first; entry; entry = entry->next) {
            bool again = entry->parent && entry->parent->mark == AGAIN;
            if (entry->mark == AGAIN || entry->plan_step == WFE_PLAN_NONE || entry->is_hook)
                continue;
            int rc = again || entry->is_item ? 0 : follows(past, entry, &again, err);
            if (rc)
                return rc;
            if (!again)
                continue;
            mark(entry, AGAIN);
            changed = true;
        }
    }
    return 0;
}

/* ---- done ---- */

/* Hooks go with what they belong to: a step, a call, the run. */
static bool runs_again(const wfe_past_entry *entry)
{
    if (entry->is_hook)
        return !entry->parent || entry->parent->mark != STAYS || runs_again(entry->parent);
    return entry->mark != STAYS;
}

static bool is_below_again(const wfe_past_entry *entry)
{
    for (const wfe_past_entry *at = entry->parent; at; at = at->parent)
        if (at->mark == AGAIN || (at->is_hook && runs_again(at)))
            return true;
    return false;
}

static int apply(wfe_past *past, wfe_error *err)
{
    json_decref(past->again);
    past->again = json_array();
    if (!past->again)
        return wfe_error_nomem(err);
    for (wfe_past_entry *entry = past->first; entry; entry = entry->next) {
        if (!runs_again(entry) && !is_below_again(entry))
            continue;
        bool opens = entry->mark == OPENS && !is_below_again(entry);
        if (json_array_append_new(past->again, json_string_nocheck(entry->path)))
            return wfe_error_nomem(err);
        wfe_past_clear(entry);
        entry->reopened = opens;
    }
    for (wfe_past_entry *entry = past->first; entry; entry = entry->next)
        entry->mark = STAYS;
    return 0;
}

static void forget_the_run(wfe_past *past)
{
    past->state = WFE_RUN_STARTING;
    past->n_stops = 0;
    past->under_way = (wfe_past_time){0};
    past->running = (wfe_past_time){0};
    memset(past->n_old, 0, sizeof past->n_old);
    for (size_t i = 0; i < past->n_old_outputs; i++)
        json_decref(past->old_outputs[i].outputs);
    past->n_old_outputs = 0;
    for (size_t i = 0; i < past->n_services; i++)
        free(past->services[i].name);
    past->n_services = 0;
}

int wfe_past_reopen(wfe_past *past, const json_t *from, wfe_error *err)
{
    int rc = 0;
    for (wfe_past_entry *entry = past->first; entry; entry = entry->next)
        entry->mark = STAYS;
    for (size_t i = 0; !rc && i < json_array_size(from); i++)
        rc = ask_for(past, json_string_value(json_array_get(from, i)), err);
    if (rc)
        return rc;
    for (wfe_past_entry *entry = past->first; entry; entry = entry->next)
        judge(past, entry);
    rc = spread(past, err);
    if (!rc)
        rc = apply(past, err);
    if (rc)
        return rc;
    json_decref(past->from);
    past->from = json_incref((json_t *)(uintptr_t)from);
    forget_the_run(past);
    return 0;
}
