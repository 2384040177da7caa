/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs and their owners in memory. A change is prepared whole before anything is touched, so that a
 * lack of memory changes nothing.
 */
#include "store/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "store/memory_priv.h"

int wfe_memory_reserve(void **array, size_t *cap, size_t len, size_t n, size_t size, wfe_error *err)
{
    size_t wanted = *cap ? *cap : 8;
    while (wanted < len + n)
        wanted *= 2;
    if (wanted == *cap)
        return 0;
    void *larger = realloc(*array, wanted * size);
    if (!larger)
        return wfe_error_nomem(err);
    *array = larger;
    *cap = wanted;
    return 0;
}

int wfe_memory_copy(const char *text, const char **ret, wfe_error *err)
{
    char *copy = text ? strdup(text) : NULL;
    if (text && !copy)
        return wfe_error_nomem(err);
    *ret = copy;
    return 0;
}

void wfe_memory_drop(const char *text)
{
    free((char *)(uintptr_t)text);
}

static void replace(const char **text, const char *other)
{
    wfe_memory_drop(*text);
    *text = other;
}

wfe_memory_run *wfe_memory_find(const wfe_memory_store *store, const char *run_id)
{
    for (size_t i = store->n_runs; i-- > 0;)
        if (strcmp(store->runs[i]->row.id, run_id) == 0)
            return store->runs[i];
    return NULL;
}

/* ---- freeing ---- */

void wfe_memory_step_free(wfe_memory_step *step)
{
    const wfe_store_step *row = &step->row;
    const char *const texts[] = {row->path,  row->parent, row->role,   row->state, row->container,
                                 row->owner, row->cause,  row->reason, row->error};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        wfe_memory_drop(texts[i]);
    free(step);
}

void wfe_memory_output_free(wfe_memory_output *output)
{
    wfe_memory_drop(output->row.step);
    wfe_memory_drop(output->row.name);
    wfe_memory_drop(output->row.value);
    free(output);
}

void wfe_memory_event_done(wfe_store_event *event)
{
    wfe_memory_drop(event->kind);
    wfe_memory_drop(event->step);
    wfe_memory_drop(event->event);
}

void wfe_memory_run_free(wfe_memory_run *run)
{
    if (!run)
        return;
    const wfe_store_run *row = &run->row;
    const char *const texts[] = {row->id,    row->name,   row->workflow, row->state,
                                 row->owner, row->asked,  row->hash,     row->rerun_of,
                                 row->error, row->inputs, row->options,  row->outputs};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        wfe_memory_drop(texts[i]);
    for (size_t i = 0; i < run->n_steps; i++)
        wfe_memory_step_free(run->steps[i]);
    for (size_t i = 0; i < run->n_outputs; i++)
        wfe_memory_output_free(run->outputs[i]);
    for (size_t i = 0; i < run->n_events; i++)
        wfe_memory_event_done(&run->events[i]);
    free(run->step_table.buckets);
    free(run->output_table.buckets);
    free(run->steps);
    free(run->outputs);
    free(run->events);
    free(run);
}

WFE_DEFINE_CLEANUP(wfe_memory_run, wfe_memory_run_free)

static void close_store(wfe_store *fns)
{
    wfe_memory_store *store = (wfe_memory_store *)fns;
    for (size_t i = 0; i < store->n_runs; i++)
        wfe_memory_run_free(store->runs[i]);
    for (size_t i = 0; i < store->n_definitions; i++) {
        free(store->definitions[i].hash);
        free(store->definitions[i].bytes);
    }
    for (size_t i = 0; i < store->n_counters; i++)
        free(store->counters[i].stem);
    free(store->runs);
    free(store->definitions);
    free(store->counters);
    free(store);
}

/* ---- a new run ---- */

/* *ret_is_new: the definition was added as the last one. */
static int put_definition(wfe_memory_store *store, const wfe_store_new_run *run, bool *ret_is_new,
                          wfe_error *err)
{
    for (size_t i = 0; i < store->n_definitions; i++) {
        const wfe_memory_definition *old = &store->definitions[i];
        if (strcmp(old->hash, run->hash) != 0)
            continue;
        *ret_is_new = false;
        return old->len == run->definition_len &&
                       (!old->len || memcmp(old->bytes, run->definition, old->len) == 0)
                   ? 0
                   : wfe_store_hash_is_used(run->hash, err);
    }
    int rc = wfe_memory_reserve((void **)&store->definitions, &store->cap_definitions,
                                store->n_definitions, 1, sizeof *store->definitions, err);
    if (rc)
        return rc;
    _cleanup_free_ char *hash = strdup(run->hash);
    _cleanup_free_ char *bytes = malloc(run->definition_len + 1);
    if (!hash || !bytes)
        return wfe_error_nomem(err);
    if (run->definition_len)
        memcpy(bytes, run->definition, run->definition_len);
    bytes[run->definition_len] = '\0';
    store->definitions[store->n_definitions++] = (wfe_memory_definition){
        .hash = wfe_take(hash), .bytes = wfe_take(bytes), .len = run->definition_len};
    *ret_is_new = true;
    return 0;
}

static void drop_last_definition(wfe_memory_store *store)
{
    wfe_memory_definition *last = &store->definitions[--store->n_definitions];
    free(last->hash);
    free(last->bytes);
}

static int find_counter(wfe_memory_store *store, const char *stem, wfe_memory_counter **ret,
                        wfe_error *err)
{
    for (size_t i = 0; i < store->n_counters; i++)
        if (strcmp(store->counters[i].stem, stem) == 0) {
            *ret = &store->counters[i];
            return 0;
        }
    int rc = wfe_memory_reserve((void **)&store->counters, &store->cap_counters, store->n_counters,
                                1, sizeof *store->counters, err);
    if (rc)
        return rc;
    char *copy = strdup(stem);
    if (!copy)
        return wfe_error_nomem(err);
    *ret = &store->counters[store->n_counters++];
    **ret = (wfe_memory_counter){.stem = copy};
    return 0;
}

static int64_t lease_end(uint64_t lease_ms)
{
    return lease_ms ? wfe_clock_wall_us() + (int64_t)lease_ms * 1000 : 0;
}

static int make_run(const wfe_store_new_run *from, const char *name, wfe_memory_run **ret,
                    wfe_error *err)
{
    _cleanup_(wfe_memory_run_free_p) wfe_memory_run *run = calloc(1, sizeof *run);
    if (!run)
        return wfe_error_nomem(err);
    const struct {
        const char *text;
        const char **place;
    } texts[] = {
        {from->id, &run->row.id},
        {name, &run->row.name},
        {from->workflow, &run->row.workflow},
        {from->state, &run->row.state},
        {from->owner, &run->row.owner},
        {from->hash, &run->row.hash},
        {from->rerun_of, &run->row.rerun_of},
        {from->inputs, &run->row.inputs},
        {from->options, &run->row.options},
    };
    int rc = 0;
    for (size_t i = 0; !rc && i < sizeof texts / sizeof *texts; i++)
        rc = wfe_memory_copy(texts[i].text, texts[i].place, err);
    if (rc)
        return rc;
    run->row.lease = from->owner ? 1 : 0;
    run->row.lease_until_us = lease_end(from->lease_ms);
    run->row.created_at_us = wfe_clock_wall_us();
    *ret = wfe_take(run);
    return 0;
}

static bool name_is_used(const wfe_memory_store *store, const char *name)
{
    for (size_t i = 0; i < store->n_runs; i++)
        if (strcmp(store->runs[i]->row.name, name) == 0)
            return true;
    return false;
}

/* The next number of the counter, and the name; one that somebody chose for another run is passed
 * over. */
static int choose_name(const wfe_memory_store *store, const wfe_store_new_run *run,
                       const wfe_memory_counter *counter, wfe_store_made_run *made, wfe_error *err)
{
    char stem[WFE_STORE_NAME_SIZE];
    made->number = counter->last + 1;
    if (run->name) {
        strcpy(made->name, run->name); /* it was checked */
        return name_is_used(store, run->name) ? wfe_store_name_is_used(run->name, err) : 0;
    }
    wfe_store_name_stem(run->workflow, stem);
    wfe_store_name(stem, made->number, made->name);
    while (name_is_used(store, made->name))
        wfe_store_name(stem, ++made->number, made->name);
    return 0;
}

static int create_run(wfe_store *fns, const wfe_store_new_run *from, wfe_store_made_run *ret,
                      wfe_error *err)
{
    wfe_memory_store *store = (wfe_memory_store *)fns;
    char stem[WFE_STORE_NAME_SIZE];
    wfe_store_made_run made = {.lease = from->owner ? 1 : 0};
    wfe_memory_counter *counter = NULL;
    wfe_memory_run *run = NULL;
    bool is_new = false;
    int rc = wfe_store_check_run(from, err);
    if (!rc && wfe_memory_find(store, from->id))
        rc = wfe_store_id_is_used(from->id, err);
    if (rc)
        return rc;
    wfe_store_name_stem(from->workflow, stem);
    rc = wfe_memory_reserve((void **)&store->runs, &store->cap_runs, store->n_runs, 1,
                            sizeof(wfe_memory_run *), err);
    if (!rc)
        rc = find_counter(store, stem, &counter, err);
    if (!rc)
        rc = choose_name(store, from, counter, &made, err);
    if (!rc)
        rc = put_definition(store, from, &is_new, err);
    if (rc)
        return rc;
    rc = make_run(from, made.name, &run, err);
    if (rc) {
        if (is_new)
            drop_last_definition(store);
        return rc;
    }
    counter->last = made.number;
    run->row.number = made.number;
    run->row.key = ++store->last_key;
    store->runs[store->n_runs++] = run;
    *ret = made;
    return 0;
}

/* ---- owners ---- */

static bool is_free(const wfe_memory_run *run)
{
    return !run->row.owner || wfe_store_owner_is_gone(run->row.owner, run->row.lease_until_us);
}

static int take(wfe_memory_run *run, const char *owner, uint64_t lease_ms, uint64_t *ret_lease,
                wfe_error *err)
{
    const char *copy = NULL;
    int rc = wfe_memory_copy(owner, &copy, err);
    if (rc)
        return rc;
    replace(&run->row.owner, copy);
    run->row.lease_until_us = lease_end(lease_ms);
    *ret_lease = ++run->row.lease;
    return 0;
}

static int claim(wfe_store *fns, const char *run_id, const char *owner, uint64_t lease_ms,
                 bool force, uint64_t *ret_lease, wfe_error *err)
{
    wfe_memory_run *run = wfe_memory_find((wfe_memory_store *)fns, run_id);
    if (!run)
        return wfe_store_no_run(run_id, err);
    if (!force && !is_free(run))
        return wfe_store_is_taken(run->row.name, run->row.owner, err);
    return take(run, owner, lease_ms, ret_lease, err);
}

static int claim_next(wfe_store *fns, const char *owner, uint64_t lease_ms, char *ret_id,
                      size_t id_size, uint64_t *ret_lease, wfe_error *err)
{
    wfe_memory_store *store = (wfe_memory_store *)fns;
    for (size_t i = 0; i < store->n_runs; i++) {
        wfe_memory_run *run = store->runs[i];
        if (run->row.is_end || !is_free(run))
            continue;
        if (strlen(run->row.id) >= id_size)
            return wfe_error_set(err, WFE_E_LIMIT, "the id of a run is longer than %zu bytes",
                                 id_size);
        int rc = take(run, owner, lease_ms, ret_lease, err);
        if (!rc)
            snprintf(ret_id, id_size, "%s", run->row.id);
        return rc;
    }
    return wfe_store_no_claimable(err);
}

static int renew(wfe_store *fns, const char *run_id, uint64_t lease, uint64_t lease_ms,
                 bool *ret_asked, wfe_error *err)
{
    wfe_memory_run *run = wfe_memory_find((wfe_memory_store *)fns, run_id);
    if (!run)
        return wfe_store_no_run(run_id, err);
    if (run->row.lease != lease || !run->row.owner)
        return wfe_store_is_lost(run->row.name, run->row.owner, err);
    run->row.lease_until_us = lease_end(lease_ms);
    if (ret_asked)
        *ret_asked = run->row.asked != NULL;
    return 0;
}

static int release(wfe_store *fns, const char *run_id, uint64_t lease, wfe_error *err)
{
    (void)err;
    wfe_memory_run *run = wfe_memory_find((wfe_memory_store *)fns, run_id);
    if (run && run->row.lease == lease) {
        replace(&run->row.owner, NULL);
        run->row.lease_until_us = 0;
    }
    return 0;
}

static int ask(wfe_store *fns, const char *run_id, const char *what, wfe_error *err)
{
    wfe_memory_run *run = wfe_memory_find((wfe_memory_store *)fns, run_id);
    const char *copy = NULL;
    if (!run)
        return wfe_store_no_run(run_id, err);
    if (run->row.is_end)
        return wfe_store_is_over(run->row.name, run->row.state, err);
    int rc = wfe_memory_copy(what, &copy, err);
    if (!rc)
        replace(&run->row.asked, copy);
    return rc;
}

/* ---- the end of a run ---- */

static void drop_definition_of(wfe_memory_store *store, const char *hash)
{
    for (size_t i = 0; i < store->n_runs; i++)
        if (strcmp(store->runs[i]->row.hash, hash) == 0)
            return;
    for (size_t i = 0; i < store->n_definitions; i++) {
        wfe_memory_definition *definition = &store->definitions[i];
        if (strcmp(definition->hash, hash) != 0)
            continue;
        wfe_memory_definition unused = *definition;
        *definition = store->definitions[store->n_definitions - 1];
        store->definitions[store->n_definitions - 1] = unused;
        drop_last_definition(store);
        return;
    }
}

static int remove_run(wfe_store *fns, const char *run_id, wfe_error *err)
{
    wfe_memory_store *store = (wfe_memory_store *)fns;
    wfe_memory_run *run = wfe_memory_find(store, run_id);
    if (!run)
        return wfe_store_no_run(run_id, err);
    if (!is_free(run))
        return wfe_store_is_taken(run->row.name, run->row.owner, err);
    size_t i = 0;
    while (store->runs[i] != run)
        i++;
    memmove(&store->runs[i], &store->runs[i + 1], (--store->n_runs - i) * sizeof *store->runs);
    drop_definition_of(store, run->row.hash);
    wfe_memory_run_free(run);
    return 0;
}

static int tidy(wfe_store *fns, wfe_error *err)
{
    (void)fns;
    (void)err;
    return 0;
}

int wfe_store_memory_open(wfe_store **ret, wfe_error *err)
{
    wfe_memory_store *store = calloc(1, sizeof *store);
    if (!store)
        return wfe_error_nomem(err);
    store->fns = (wfe_store){
        .create_run = create_run,
        .record = wfe_memory_record,
        .claim = claim,
        .claim_next = claim_next,
        .renew = renew,
        .release = release,
        .ask = ask,
        .find = wfe_memory_find_run,
        .runs = wfe_memory_runs,
        .steps = wfe_memory_steps,
        .outputs = wfe_memory_outputs,
        .events = wfe_memory_events,
        .definition = wfe_memory_definition_read,
        .remove = remove_run,
        .tidy = tidy,
        .close = close_store,
    };
    *ret = &store->fns;
    return 0;
}
