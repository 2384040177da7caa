/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading the store in memory.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "store/memory_priv.h"

int wfe_memory_find_run(wfe_store *fns, const char *text, wfe_store_run_fn fn, void *user,
                        wfe_error *err)
{
    wfe_memory_store *store = (wfe_memory_store *)fns;
    const wfe_memory_run *found = wfe_memory_find(store, text);
    for (size_t i = 0; !found && i < store->n_runs; i++)
        if (strcmp(store->runs[i]->row.name, text) == 0)
            found = store->runs[i];
    if (!found && strlen(text) < WFE_STORE_MIN_PREFIX)
        return wfe_store_no_run(text, err);
    for (size_t i = 0, len = strlen(text); !found && i < store->n_runs; i++) {
        if (strncmp(store->runs[i]->row.id, text, len) != 0)
            continue;
        for (size_t j = i + 1; j < store->n_runs; j++)
            if (strncmp(store->runs[j]->row.id, text, len) == 0)
                return wfe_store_is_ambiguous(text, store->runs[i]->row.name,
                                              store->runs[j]->row.name, err);
        found = store->runs[i];
    }
    return found ? fn(&found->row, user) : wfe_store_no_run(text, err);
}

static bool passes(const wfe_store_run *run, const wfe_store_filter *filter)
{
    return (!filter->workflow || strcmp(filter->workflow, run->workflow) == 0) &&
           (!filter->state || strcmp(filter->state, run->state) == 0) &&
           (!filter->open || !run->is_end) &&
           (!filter->since_us || run->created_at_us >= filter->since_us) &&
           (!filter->ended_before_us ||
            (run->is_end && run->ended_at_us < filter->ended_before_us)) &&
           (!filter->before_key || run->key < filter->before_key);
}

int wfe_memory_runs(wfe_store *fns, const wfe_store_filter *filter, wfe_store_run_fn fn, void *user,
                    wfe_error *err)
{
    (void)err;
    wfe_memory_store *store = (wfe_memory_store *)fns;
    uint32_t told = 0;
    for (size_t i = store->n_runs; i-- > 0 && (!filter->limit || told < filter->limit);) {
        if (!passes(&store->runs[i]->row, filter))
            continue;
        wfe_store_run run = store->runs[i]->row;
        run.inputs = run.options = run.outputs = NULL;
        int rc = fn(&run, user);
        if (rc)
            return rc;
        told++;
    }
    return 0;
}

int wfe_memory_steps(wfe_store *fns, const char *run_id, wfe_store_step_fn fn, void *user,
                     wfe_error *err)
{
    (void)err;
    const wfe_memory_run *run = wfe_memory_find((wfe_memory_store *)fns, run_id);
    int rc = 0;
    for (size_t i = 0; !rc && run && i < run->n_steps; i++)
        rc = fn(&run->steps[i]->row, user);
    return rc;
}

static int compare_outputs(const void *a, const void *b)
{
    const wfe_memory_output *const *one = a, *const *other = b;
    int order = strcmp((*one)->row.step, (*other)->row.step);
    return order ? order : strcmp((*one)->row.name, (*other)->row.name);
}

int wfe_memory_outputs(wfe_store *fns, const char *run_id, const char *step, wfe_store_output_fn fn,
                       void *user, wfe_error *err)
{
    const wfe_memory_run *run = wfe_memory_find((wfe_memory_store *)fns, run_id);
    if (!run || !run->n_outputs)
        return 0;
    _cleanup_free_ wfe_memory_output **sorted = malloc(run->n_outputs * sizeof *sorted);
    if (!sorted)
        return wfe_error_nomem(err);
    memcpy(sorted, run->outputs, run->n_outputs * sizeof *sorted);
    qsort(sorted, run->n_outputs, sizeof *sorted, compare_outputs);
    int rc = 0;
    for (size_t i = 0; !rc && i < run->n_outputs; i++)
        if (!step || strcmp(sorted[i]->row.step, step) == 0)
            rc = fn(&sorted[i]->row, user);
    return rc;
}

int wfe_memory_events(wfe_store *fns, const char *run_id, uint64_t after_seq, uint32_t limit,
                      wfe_store_event_fn fn, void *user, wfe_error *err)
{
    (void)err;
    const wfe_memory_run *run = wfe_memory_find((wfe_memory_store *)fns, run_id);
    uint32_t told = 0;
    int rc = 0;
    /* Numbers have no gaps: the one after after_seq is at that index. */
    for (size_t i = after_seq; !rc && run && i < run->n_events && (!limit || told < limit);
         i++, told++)
        rc = fn(&run->events[i], user);
    return rc;
}

int wfe_memory_definition_read(wfe_store *fns, const char *hash, char **ret, size_t *ret_len,
                               wfe_error *err)
{
    wfe_memory_store *store = (wfe_memory_store *)fns;
    for (size_t i = 0; i < store->n_definitions; i++) {
        const wfe_memory_definition *definition = &store->definitions[i];
        if (strcmp(definition->hash, hash) != 0)
            continue;
        char *copy = malloc(definition->len + 1);
        if (!copy)
            return wfe_error_nomem(err);
        memcpy(copy, definition->bytes, definition->len + 1);
        *ret = copy;
        *ret_len = definition->len;
        return 0;
    }
    return wfe_store_no_definition(hash, err);
}
