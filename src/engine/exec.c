/* SPDX-License-Identifier: Apache-2.0
 *
 * An attempt under way: what its type tells on the way to the store and the listener. Bytes are
 * masked first; then they are logged; then lines are told.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "engine/run_priv.h"
#include "engine/secrets.h"
#include "engine/split.h"

typedef struct exec_stream {
    wfe_exec *exec;
    enum wfe_stream stream;
    wfe_mask_stream *mask; /* NULL: there is nothing to mask */
    wfe_split lines;
    uint64_t passed; /* masked bytes since the attempt began, those of other processes included */
    uint64_t skip;   /* of those to come, what the log has already */
} exec_stream;

struct wfe_exec {
    wfe_run_node *node;
    const wfe_step_type *type;
    wfe_attempt *attempt; /* NULL: not started */
    wfe_attempt_secret *secrets;
    exec_stream streams[2];
    bool ended;
};

/* ---- output ---- */

static void on_line(const char *text, size_t len, bool more, void *user)
{
    exec_stream *stream = user;
    wfe_run_node *node = stream->exec->node;
    wfe_event event = {
        .kind = WFE_EVENT_OUTPUT,
        .step = node->path,
        .owner = wfe_run_node_owner_path(node),
        .plan_step = &node->frame->run->plan->steps[node->index],
        .step_state = node->state,
        .attempt = node->attempt,
        .exit_code = -1,
        .stream = stream->stream,
        .text = text,
        .text_len = len,
        .more = more,
    };
    wfe_journal_tell(node->frame->run, &event);
}

static int pass_on(exec_stream *stream, const char *bytes, size_t len, wfe_error *err)
{
    wfe_run_node *node = stream->exec->node;
    wfe_engine_run *run = node->frame->run;
    wfe_recorder *recorder = run->journal.recorder;
    if (!len || run->broken)
        return 0;
    size_t skipped = len < stream->skip ? len : (size_t)stream->skip;
    stream->passed += len;
    stream->skip -= skipped;
    bytes += skipped;
    len -= skipped;
    if (!len)
        return 0;
    int rc = recorder->log ? recorder->log(recorder, node->path, node->attempt, stream->stream,
                                           bytes, len, err)
                           : 0;
    if (!rc && run->on_event)
        rc = wfe_split_feed(&stream->lines, bytes, len, on_line, stream, err);
    return rc;
}

static int mask_and_pass_on(exec_stream *stream, const void *bytes, size_t len, bool last,
                            wfe_error *err)
{
    wfe_buf masked = WFE_BUF_INIT(0);
    int rc = last ? wfe_mask_stream_finish(stream->mask, &masked, err)
                  : wfe_mask_stream_feed(stream->mask, bytes, len, &masked, err);
    if (!rc)
        rc = pass_on(stream, masked.data, masked.len, err);
    wfe_buf_done(&masked);
    return rc;
}

static void on_output(enum wfe_stream which, const void *bytes, size_t len, void *user)
{
    wfe_exec *exec = user;
    exec_stream *stream = &exec->streams[which == WFE_STDERR];
    wfe_error error = WFE_ERROR_INIT;
    int rc = stream->mask ? mask_and_pass_on(stream, bytes, len, false, &error)
                          : pass_on(stream, bytes, len, &error);
    if (rc)
        wfe_run_break(exec->node->frame->run, &error);
}

/* Whoever goes on begins with a masker of its own. */
static bool on_settled(enum wfe_stream which, uint64_t *ret_passed, void *user)
{
    const wfe_exec *exec = user;
    const exec_stream *stream = &exec->streams[which == WFE_STDERR];
    *ret_passed = stream->passed;
    return !stream->skip && (!stream->mask || wfe_mask_stream_is_idle(stream->mask));
}

/* The log may have more than was noted: it has the first of the bytes to come already. */
static void on_found(enum wfe_stream which, uint64_t passed, void *user)
{
    wfe_exec *exec = user;
    wfe_run_node *node = exec->node;
    wfe_recorder *recorder = node->frame->run->journal.recorder;
    exec_stream *stream = &exec->streams[which == WFE_STDERR];
    wfe_error error = WFE_ERROR_INIT;
    uint64_t size = 0;
    stream->passed = passed;
    if (recorder->log_size &&
        recorder->log_size(recorder, node->path, node->attempt, which, &size, &error))
        wfe_run_break(node->frame->run, &error);
    stream->skip = size > passed ? size - passed : 0;
}

static void on_pull(const wfe_event *given, void *user)
{
    wfe_exec *exec = user;
    wfe_run_node *node = exec->node;
    wfe_event event = *given;
    event.step = node->path;
    event.owner = wfe_run_node_owner_path(node);
    event.plan_step = &node->frame->run->plan->steps[node->index];
    event.step_state = node->state;
    event.attempt = node->attempt;
    wfe_journal_tell(node->frame->run, &event);
}

static void finish_streams(wfe_exec *exec)
{
    wfe_error error = WFE_ERROR_INIT;
    for (int i = 0; i < 2; i++) {
        exec_stream *stream = &exec->streams[i];
        if (stream->mask && mask_and_pass_on(stream, NULL, 0, true, &error))
            wfe_run_break(exec->node->frame->run, &error);
        wfe_split_finish(&stream->lines, on_line, stream);
    }
}

/* ---- end ---- */

static void mask_text(wfe_mask *mask, char *text, size_t size)
{
    wfe_buf masked = WFE_BUF_INIT(0);
    if (wfe_mask_text(mask, text, strlen(text), &masked, NULL))
        snprintf(text, size, "(withheld: no memory to look for secrets in it)");
    else
        snprintf(text, size, "%s", masked.data ? masked.data : "");
    wfe_buf_done(&masked);
}

static void mask_error(wfe_engine_run *run, wfe_error *err)
{
    if (wfe_mask_is_empty(run->context.mask))
        return;
    mask_text(run->context.mask, err->message, sizeof err->message);
    mask_text(run->context.mask, err->hint, sizeof err->hint);
    mask_text(run->context.mask, err->subject, sizeof err->subject);
}

static void on_ended(const wfe_attempt_end *given, void *user)
{
    wfe_exec *exec = user;
    wfe_engine_run *run = exec->node->frame->run;
    wfe_attempt_end end = *given;
    exec->ended = true;
    finish_streams(exec);
    mask_error(run, &end.error);
    for (size_t i = 0; end.warnings && end.warnings[i]; i++)
        wfe_run_warn(run, exec->node, "%s", end.warnings[i]);
    wfe_error error = WFE_ERROR_INIT;
    if (end.image && end.image_digest &&
        wfe_journal_image(run, end.image, end.image_digest, &error))
        wfe_run_break(run, &error);
    wfe_leftover left = {0};
    bool leaves = exec->type->leaves && exec->type->leaves(exec->attempt, &left);
    /* Freed by the next turn: the type is still in its own code. */
    exec->node->more->dead_exec = exec;
    exec->node->more->exec = NULL;
    wfe_run_node_attempt_ended(exec->node, &end);
    if (leaves)
        wfe_journal_leave(run, &left);
}

/* ---- start ---- */

static int make_streams(wfe_exec *exec, wfe_error *err)
{
    wfe_mask *mask = exec->node->frame->run->context.mask;
    int rc = 0;
    for (int i = 0; i < 2; i++) {
        exec_stream *stream = &exec->streams[i];
        stream->exec = exec;
        stream->stream = i ? WFE_STDERR : WFE_STDOUT;
        wfe_split_init(&stream->lines);
        if (!rc && !wfe_mask_is_empty(mask))
            rc = wfe_mask_stream_new(mask, &stream->mask, err);
    }
    return rc;
}

int wfe_exec_start(wfe_run_node *node, bool stops, wfe_exec **ret, wfe_error *err)
{
    static const wfe_attempt_fns fns = {.output = on_output,
                                        .pull = on_pull,
                                        .settled = on_settled,
                                        .found = on_found,
                                        .ended = on_ended};
    wfe_engine_run *run = node->frame->run;
    wfe_exec *exec = calloc(1, sizeof *exec);
    if (!exec)
        return wfe_error_nomem(err);
    exec->node = node;
    exec->type = wfe_run_type(run, node->step);
    int rc = make_streams(exec, err);
    if (!rc && node->step->n_secrets)
        rc = wfe_secrets_of_step(run->secrets, node->step, &exec->secrets, err);
    wfe_attempt_env env = {
        .context = &run->context,
        .step = node->step,
        .path = node->path,
        .attempt = node->attempt,
        .data = wfe_scope_data(node->before),
        .secrets = exec->secrets,
        .n_secrets = exec->secrets ? node->step->n_secrets : 0,
        .adopt = node->adopt,
        .found = node->adopt ? node->past->found : WFE_PAST_NOT_LOOKED_AT,
        .stops = stops,
    };
    node->adopt = false;
    if (!rc)
        rc = exec->type->start(&env, &fns, exec, &exec->attempt, err);
    if (rc) {
        mask_error(run, err);
        wfe_exec_free(exec);
        return rc;
    }
    *ret = exec;
    return 0;
}

void wfe_exec_cancel(wfe_exec *exec, bool kill)
{
    if (!exec->ended)
        exec->type->cancel(exec->attempt, kill);
}

void wfe_exec_free(wfe_exec *exec)
{
    if (!exec)
        return;
    if (exec->attempt)
        exec->type->free(exec->attempt);
    for (int i = 0; i < 2; i++) {
        wfe_mask_stream_free(exec->streams[i].mask);
        wfe_split_done(&exec->streams[i].lines);
    }
    free(exec->secrets);
    free(exec);
}
