/* SPDX-License-Identifier: Apache-2.0
 *
 * Transitions in memory, in two passes: the first checks them and makes every row and all room that
 * the second needs; the second cannot fail.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "store/memory_priv.h"

/* ---- tables ---- */

static uint64_t hash_text(uint64_t hash, const char *text)
{
    /* FNV-1a; the NUL keeps "a", "bc" and "ab", "c" apart. */
    for (const unsigned char *p = (const unsigned char *)text;; p++) {
        hash = (hash ^ *p) * 0x100000001b3U;
        if (!*p)
            return hash;
    }
}

static uint64_t hash_step(const wfe_store_step *row)
{
    return hash_text(0xcbf29ce484222325U ^ row->is_service, row->path);
}

static uint64_t hash_output(const wfe_store_output *row)
{
    return hash_text(hash_text(0xcbf29ce484222325U, row->step), row->name);
}

static bool is_same_step(const wfe_memory_entry *a, const wfe_memory_entry *b)
{
    const wfe_store_step *one = &((const wfe_memory_step *)a)->row;
    const wfe_store_step *other = &((const wfe_memory_step *)b)->row;
    return one->is_service == other->is_service && strcmp(one->path, other->path) == 0;
}

static bool is_same_output(const wfe_memory_entry *a, const wfe_memory_entry *b)
{
    const wfe_store_output *one = &((const wfe_memory_output *)a)->row;
    const wfe_store_output *other = &((const wfe_memory_output *)b)->row;
    return strcmp(one->step, other->step) == 0 && strcmp(one->name, other->name) == 0;
}

typedef bool (*same_fn)(const wfe_memory_entry *a, const wfe_memory_entry *b);

static wfe_memory_entry *look_up(const wfe_memory_table *table, const wfe_memory_entry *like,
                                 same_fn same)
{
    if (!table->n_buckets)
        return NULL;
    wfe_memory_entry *entry = table->buckets[like->hash & (table->n_buckets - 1)];
    while (entry && (entry->hash != like->hash || !same(entry, like)))
        entry = entry->next;
    return entry;
}

static void insert(wfe_memory_table *table, wfe_memory_entry *entry)
{
    wfe_memory_entry **bucket = &table->buckets[entry->hash & (table->n_buckets - 1)];
    entry->next = *bucket;
    *bucket = entry;
    table->n++;
}

/* Room for n more. */
static int reserve_table(wfe_memory_table *table, size_t n, wfe_error *err)
{
    size_t wanted = table->n_buckets ? table->n_buckets : 16;
    while (wanted < table->n + n)
        wanted *= 2;
    if (wanted == table->n_buckets)
        return 0;
    wfe_memory_table larger = {.buckets = calloc(wanted, sizeof(wfe_memory_entry *)),
                               .n_buckets = wanted};
    if (!larger.buckets)
        return wfe_error_nomem(err);
    for (size_t i = 0; i < table->n_buckets; i++)
        for (wfe_memory_entry *entry = table->buckets[i], *next; entry; entry = next) {
            next = entry->next;
            insert(&larger, entry);
        }
    free(table->buckets);
    *table = larger;
    return 0;
}

/* ---- the first pass ---- */

/* What one call brings. */
typedef struct batch {
    wfe_memory_run *run;
    wfe_memory_step **steps;
    wfe_memory_output **outputs;
    wfe_store_event *events;
    bool *is_ready; /* of each step: it only became ready */
    bool *begins;   /* of each step */
    size_t n_steps, n_outputs, n_events;
    const char *state; /* of the run, as below: the last one told; NULL: it stays */
    const char *error;
    const char *outputs_text;
    const wfe_store_run_change *change;
} batch;

static void batch_done(batch *b)
{
    for (size_t i = 0; i < b->n_steps; i++)
        if (b->steps[i])
            wfe_memory_step_free(b->steps[i]);
    for (size_t i = 0; i < b->n_outputs; i++)
        if (b->outputs[i])
            wfe_memory_output_free(b->outputs[i]);
    for (size_t i = 0; i < b->n_events; i++)
        wfe_memory_event_done(&b->events[i]);
    wfe_memory_drop(b->state);
    wfe_memory_drop(b->error);
    wfe_memory_drop(b->outputs_text);
    free(b->steps);
    free(b->outputs);
    free(b->events);
    free(b->is_ready);
    free(b->begins);
}

static int add_step(batch *b, const wfe_store_step *from, bool is_ready, bool begins,
                    wfe_error *err)
{
    wfe_memory_step *step = calloc(1, sizeof *step);
    if (!step)
        return wfe_error_nomem(err);
    b->is_ready[b->n_steps] = is_ready;
    b->begins[b->n_steps] = begins;
    b->steps[b->n_steps++] = step;
    wfe_store_step *row = &step->row;
    *row = *from;
    const char **const texts[] = {&row->path,  &row->parent,    &row->role,
                                  &row->state, &row->container, &row->owner,
                                  &row->cause, &row->reason,    &row->error};
    const char *values[sizeof texts / sizeof *texts];
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        values[i] = *texts[i];
        *texts[i] = NULL;
    }
    int rc = 0;
    for (size_t i = 0; !rc && i < sizeof texts / sizeof *texts; i++)
        rc = wfe_memory_copy(values[i], texts[i], err);
    if (!rc)
        step->entry.hash = hash_step(row);
    return rc;
}

static int add_change(batch *b, const wfe_store_transition *t, wfe_error *err)
{
    const wfe_store_step_change *from = t->step;
    wfe_store_step row = {
        .path = from->path,
        .is_service = from->is_service,
        .parent = from->parent,
        .role = from->role,
        .state = from->state,
        .is_end = from->is_end,
        .attempt = from->attempt,
        .container = from->container,
        .owner = b->run->row.owner ? b->run->row.owner : "",
        .lease = b->run->row.lease,
        .exit_code = from->exit_code,
        .cause = from->cause,
        .reason = from->reason,
        .allowed = from->allowed,
        .error = from->error,
        .wake_at_us = from->wake_at_us,
        .begun_at_us = from->begins ? t->at_us : 0,
        .ended_at_us = from->is_end ? t->at_us : 0,
        .elapsed_us = from->elapsed_us,
        .seq = t->seq,
    };
    return add_step(b, &row, false, from->begins, err);
}

static int add_ready(batch *b, const wfe_store_transition *t, wfe_error *err)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < t->n_ready; i++) {
        wfe_store_step row = {
            .path = t->ready[i],
            .state = t->ready_state,
            .owner = b->run->row.owner ? b->run->row.owner : "",
            .lease = b->run->row.lease,
            .exit_code = -1,
            .ready_at_us = t->at_us,
            .seq = t->seq,
        };
        rc = add_step(b, &row, true, false, err);
    }
    return rc;
}

static int add_outputs(batch *b, const wfe_store_transition *t, wfe_error *err)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < t->n_outputs; i++) {
        const wfe_store_output *from = &t->outputs[i];
        wfe_memory_output *output = calloc(1, sizeof *output);
        if (!output)
            return wfe_error_nomem(err);
        b->outputs[b->n_outputs++] = output;
        output->row.attempt = from->attempt;
        rc = wfe_memory_copy(from->step, &output->row.step, err);
        if (!rc)
            rc = wfe_memory_copy(from->name, &output->row.name, err);
        if (!rc)
            rc = wfe_memory_copy(from->value, &output->row.value, err);
        if (!rc)
            output->entry.hash = hash_output(&output->row);
    }
    return rc;
}

static int add_event(batch *b, const wfe_store_transition *t, wfe_error *err)
{
    wfe_store_event *event = &b->events[b->n_events++];
    *event =
        (wfe_store_event){.seq = t->seq, .at_us = t->at_us, .recorded_at_us = wfe_clock_wall_us()};
    int rc = wfe_memory_copy(t->kind, &event->kind, err);
    if (!rc)
        rc = wfe_memory_copy(t->step ? t->step->path : NULL, &event->step, err);
    return rc ? rc : wfe_memory_copy(t->event, &event->event, err);
}

static int add_run(batch *b, const wfe_store_run_change *change, wfe_error *err)
{
    wfe_memory_drop(b->state);
    wfe_memory_drop(b->error);
    b->state = NULL;
    b->error = NULL;
    b->change = change;
    int rc = wfe_memory_copy(change->state, &b->state, err);
    if (!rc)
        rc = wfe_memory_copy(change->error, &b->error, err);
    if (rc)
        return rc;
    wfe_memory_drop(b->outputs_text);
    b->outputs_text = NULL;
    return wfe_memory_copy(change->outputs, &b->outputs_text, err);
}

static int make_room(batch *b, const wfe_store_transition *transitions, size_t n, wfe_error *err)
{
    size_t n_steps = 0, n_outputs = 0;
    for (size_t i = 0; i < n; i++) {
        n_steps += (transitions[i].step ? 1 : 0) + transitions[i].n_ready;
        n_outputs += transitions[i].n_outputs;
    }
    b->steps = calloc(n_steps + 1, sizeof *b->steps);
    b->is_ready = calloc(n_steps + 1, sizeof *b->is_ready);
    b->begins = calloc(n_steps + 1, sizeof *b->begins);
    b->outputs = calloc(n_outputs + 1, sizeof *b->outputs);
    b->events = calloc(n + 1, sizeof *b->events);
    if (!b->steps || !b->is_ready || !b->begins || !b->outputs || !b->events)
        return wfe_error_nomem(err);
    wfe_memory_run *run = b->run;
    int rc = reserve_table(&run->step_table, n_steps, err);
    if (!rc)
        rc = reserve_table(&run->output_table, n_outputs, err);
    if (!rc)
        rc = wfe_memory_reserve((void **)&run->steps, &run->cap_steps, run->n_steps, n_steps,
                                sizeof(wfe_memory_step *), err);
    if (!rc)
        rc = wfe_memory_reserve((void **)&run->outputs, &run->cap_outputs, run->n_outputs,
                                n_outputs, sizeof(wfe_memory_output *), err);
    if (!rc)
        rc = wfe_memory_reserve((void **)&run->events, &run->cap_events, run->n_events, n,
                                sizeof *run->events, err);
    return rc;
}

static int prepare(batch *b, const wfe_store_transition *transitions, size_t n, wfe_error *err)
{
    uint64_t last_seq = b->run->row.last_seq;
    int rc = make_room(b, transitions, n, err);
    for (size_t i = 0; !rc && i < n; i++) {
        const wfe_store_transition *t = &transitions[i];
        if (t->seq <= last_seq)
            continue;
        if (t->seq != last_seq + 1)
            return wfe_store_has_gap(b->run->row.id, last_seq, t->seq, err);
        last_seq = t->seq;
        rc = wfe_store_check_transition(t, err);
        if (!rc)
            rc = add_event(b, t, err);
        if (!rc && t->step)
            rc = add_change(b, t, err);
        if (!rc)
            rc = add_ready(b, t, err);
        if (!rc)
            rc = add_outputs(b, t, err);
        if (!rc && t->run)
            rc = add_run(b, t->run, err);
    }
    return rc;
}

/* ---- the second pass ---- */

static void swap_texts(const char **a, const char **b)
{
    const char *other = *a;
    *a = *b;
    *b = other;
}

/* Everything new takes the place of the old, but what stays as it was. */
static void merge(wfe_memory_step *into, wfe_memory_step *from, bool is_ready, bool begins)
{
    wfe_store_step old = into->row;
    into->row = from->row;
    from->row = old;
    wfe_store_step *row = &into->row;
    if (!row->parent)
        swap_texts(&row->parent, &from->row.parent);
    if (!row->role)
        swap_texts(&row->role, &from->row.role);
    if (!row->container)
        swap_texts(&row->container, &from->row.container);
    if (is_ready) {
        row->attempt = old.attempt;
        row->begun_at_us = old.is_end ? 0 : old.begun_at_us;
    } else {
        row->ready_at_us = old.ready_at_us;
        if (!begins || (old.begun_at_us && !old.is_end))
            row->begun_at_us = old.begun_at_us;
    }
}

static void apply_steps(batch *b)
{
    wfe_memory_run *run = b->run;
    for (size_t i = 0; i < b->n_steps; i++) {
        wfe_memory_step *step = b->steps[i];
        wfe_memory_step *old =
            (wfe_memory_step *)look_up(&run->step_table, &step->entry, is_same_step);
        if (old) {
            merge(old, step, b->is_ready[i], b->begins[i]);
            continue;
        }
        insert(&run->step_table, &step->entry);
        run->steps[run->n_steps++] = step;
        b->steps[i] = NULL;
    }
}

static void apply_outputs(batch *b)
{
    wfe_memory_run *run = b->run;
    for (size_t i = 0; i < b->n_outputs; i++) {
        wfe_memory_output *output = b->outputs[i];
        wfe_memory_output *old =
            (wfe_memory_output *)look_up(&run->output_table, &output->entry, is_same_output);
        if (old) {
            swap_texts(&old->row.value, &output->row.value);
            old->row.attempt = output->row.attempt;
            continue;
        }
        insert(&run->output_table, &output->entry);
        run->outputs[run->n_outputs++] = output;
        b->outputs[i] = NULL;
    }
}

static void apply_run(batch *b)
{
    wfe_store_run *row = &b->run->row;
    if (!b->change)
        return;
    swap_texts(&row->outputs, &b->outputs_text);
    swap_texts(&row->state, &b->state);
    swap_texts(&row->error, &b->error);
    row->is_end = b->change->is_end;
    row->elapsed_us = b->change->elapsed_us;
    row->ended_at_us = row->is_end ? wfe_clock_wall_us() : 0;
    if (!row->is_end)
        return;
    wfe_memory_drop(row->owner);
    wfe_memory_drop(row->asked);
    row->owner = NULL;
    row->asked = NULL;
    row->lease_until_us = 0;
}

int wfe_memory_record(wfe_store *fns, const char *run_id, uint64_t lease,
                      const wfe_store_transition *transitions, size_t n, wfe_error *err)
{
    _cleanup_(batch_done) batch b = {.run = wfe_memory_find((wfe_memory_store *)fns, run_id)};
    if (!b.run)
        return wfe_store_no_run(run_id, err);
    if (b.run->row.lease != lease)
        return wfe_store_is_lost(run_id, b.run->row.owner, err);
    int rc = prepare(&b, transitions, n, err);
    if (rc)
        return rc;
    apply_steps(&b);
    apply_outputs(&b);
    apply_run(&b);
    memcpy(&b.run->events[b.run->n_events], b.events, b.n_events * sizeof *b.events);
    b.run->n_events += b.n_events;
    b.run->row.last_seq += b.n_events;
    b.n_events = 0;
    return 0;
}
