/* SPDX-License-Identifier: Apache-2.0
 *
 * Rules and refusals of all back ends.
 */
#include "store/shared.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/owner.h"

bool wfe_store_owner_is_gone(const char *owner, int64_t lease_until_us)
{
    switch (wfe_owner_look(owner)) {
    case WFE_OWNER_ALIVE:
        return false;
    case WFE_OWNER_DEAD:
        return true;
    case WFE_OWNER_ELSEWHERE:
    case WFE_OWNER_UNKNOWN:
        break;
    }
    /* A state directory is of one machine: of another boot means before the last one. */
    return wfe_owner_is_of_other_boot(owner) ||
           (lease_until_us && lease_until_us < wfe_clock_wall_us());
}

void wfe_store_name(const char *stem, uint64_t number, char out[WFE_STORE_NAME_SIZE])
{
    snprintf(out, WFE_STORE_NAME_SIZE, "%s-%llu", stem, (unsigned long long)number);
}

/* ---- arguments ---- */

static int check_text(const char *text, bool required, const char *what, wfe_error *err)
{
    if (!text || !*text)
        return required ? wfe_error_set(err, WFE_E_INVALID, "%s is missing", what) : 0;
    size_t len = strlen(text);
    if (len > WFE_STORE_VALUE_MAX_BYTES)
        return wfe_error_set(err, WFE_E_LIMIT, "%s has %zu bytes, must have at most %zu", what, len,
                             WFE_STORE_VALUE_MAX_BYTES);
    return 0;
}

int wfe_store_check_run(const wfe_store_new_run *run, wfe_error *err)
{
    int rc = check_text(run->id, true, "the id of the run", err);
    if (!rc)
        rc = check_text(run->workflow, true, "the run's workflow", err);
    if (!rc && run->name)
        rc = wfe_store_check_name(run->name, err);
    if (!rc)
        rc = check_text(run->state, true, "the run's state", err);
    if (!rc)
        rc = check_text(run->hash, true, "the hash of the run's definition", err);
    if (!rc)
        rc = check_text(run->inputs, false, "the text of the run's inputs", err);
    if (!rc)
        rc = check_text(run->options, false, "the text of the run's options", err);
    if (!rc && run->definition_len > WFE_STORE_VALUE_MAX_BYTES)
        rc = wfe_error_set(err, WFE_E_LIMIT,
                           "the run's definition has %zu bytes, must have at most %zu",
                           run->definition_len, WFE_STORE_VALUE_MAX_BYTES);
    return rc;
}

static int check_step(const wfe_store_step_change *step, wfe_error *err)
{
    int rc = check_text(step->path, true, "the path of a step", err);
    if (!rc)
        rc = check_text(step->state, true, "the state of a step", err);
    return rc ? rc : check_text(step->error, false, "the error of a step", err);
}

int wfe_store_check_transition(const wfe_store_transition *t, wfe_error *err)
{
    int rc = check_text(t->kind, true, "the kind of an event", err);
    if (!rc)
        rc = check_text(t->event, true, "the text of an event", err);
    if (!rc && t->step)
        rc = check_step(t->step, err);
    if (!rc && t->run)
        rc = check_text(t->run->state, true, "the state of a run", err);
    if (!rc && t->run)
        rc = check_text(t->run->outputs, false, "the text of a run's outputs", err);
    if (!rc && t->n_ready)
        rc = check_text(t->ready_state, true, "the state of steps that are ready", err);
    for (size_t i = 0; !rc && i < t->n_ready; i++)
        rc = check_text(t->ready[i], true, "the path of a step that is ready", err);
    for (size_t i = 0; !rc && i < t->n_outputs; i++) {
        rc = check_text(t->outputs[i].step, true, "the step of an output", err);
        if (!rc)
            rc = check_text(t->outputs[i].name, true, "the name of an output", err);
        if (!rc)
            rc = check_text(t->outputs[i].value, true, "the value of an output", err);
    }
    return rc;
}

/* ---- refusals ---- */

int wfe_store_no_run(const char *run_id, wfe_error *err)
{
    wfe_error_set(err, WFE_E_NOT_FOUND, "there is no run '%s'", run_id);
    wfe_error_hint(err, "`wfe runs` lists them");
    return WFE_E_NOT_FOUND;
}

int wfe_store_no_claimable(wfe_error *err)
{
    return wfe_error_set(err, WFE_E_NOT_FOUND, "no run waits for an owner");
}

int wfe_store_no_definition(const char *hash, wfe_error *err)
{
    return wfe_error_set(err, WFE_E_NOT_FOUND, "there is no definition %s", hash);
}

/* "process 123", or the text as it is. */
static void describe_owner(const char *owner, char *out, size_t size)
{
    char *end = NULL;
    long pid = strtol(owner, &end, 10);
    bool here = wfe_owner_look(owner) == WFE_OWNER_ALIVE;
    if (pid > 0 && *end == ':')
        snprintf(out, size, "process %ld%s", pid,
                 here ? "" : " of another container or machine, which cannot be seen from here");
    else
        snprintf(out, size, "'%.80s'", owner);
}

int wfe_store_is_taken(const char *run, const char *owner, wfe_error *err)
{
    char text[160];
    describe_owner(owner, text, sizeof text);
    wfe_error_set(err, WFE_E_CONFLICT, "the run '%s' belongs to %s", run, text);
    wfe_error_hint(err, "wait for it to end, or stop it with `wfe cancel %s`", run);
    wfe_error_where(err, NULL, owner);
    return WFE_E_CONFLICT;
}

int wfe_store_is_lost(const char *run, const char *owner, wfe_error *err)
{
    char text[160] = "nobody now";
    if (owner)
        describe_owner(owner, text, sizeof text);
    wfe_error_set(
        err, WFE_E_CONFLICT,
        "the run '%s' was taken from this process, which was held for dead; it belongs to "
        "%s",
        run, text);
    wfe_error_where(err, NULL, owner);
    return WFE_E_CONFLICT;
}

int wfe_store_is_over(const char *run, const char *state, wfe_error *err)
{
    return wfe_error_set(err, WFE_E_CONFLICT, "the run '%s' is over: %s", run, state);
}

int wfe_store_is_ambiguous(const char *text, const char *one, const char *other, wfe_error *err)
{
    return wfe_error_set(err, WFE_E_CONFLICT, "several runs begin with '%s': %s, %s", text, one,
                         other);
}

int wfe_store_id_is_used(const char *run_id, wfe_error *err)
{
    return wfe_error_set(err, WFE_E_CONFLICT, "there is a run '%s' already", run_id);
}

int wfe_store_name_is_used(const char *name, wfe_error *err)
{
    wfe_error_set(err, WFE_E_CONFLICT, "there is a run of the name '%s' already", name);
    wfe_error_hint(err, "choose another name, or remove that run with `wfe rm %s`", name);
    return WFE_E_CONFLICT;
}

int wfe_store_hash_is_used(const char *hash, wfe_error *err)
{
    return wfe_error_set(err, WFE_E_CONFLICT, "another definition is stored as %s", hash);
}

int wfe_store_has_gap(const char *run, uint64_t last_seq, uint64_t seq, wfe_error *err)
{
    return wfe_error_set(err, WFE_E_INVALID,
                         "transition %llu of the run '%s' cannot follow number %llu",
                         (unsigned long long)seq, run, (unsigned long long)last_seq);
}
