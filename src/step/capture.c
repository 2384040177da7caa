/* SPDX-License-Identifier: Apache-2.0 */
#include "step/capture.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "step/sink.h"
#include "step/stream.h"

struct wfe_capture {
    wfe_capture_options options;
    wfe_stream_reader *reader;
    wfe_sink *sink;        /* NULL: none, or it failed */
    wfe_spool *spool;      /* NULL: none */
    wfe_mask_stream *mask; /* NULL: nothing is masked */
    wfe_buf kept;
    uint64_t bytes;
    bool unsafe; /* the mask has failed: what comes now goes nowhere */
    bool at_end; /* the reader is done; the sink may still hold a rest */
    bool done;
    bool busy;  /* with bytes or the end: what is told of them may be the last thing that is */
    bool freed; /* meanwhile: put off to the end of that */
};

static void destroy(wfe_capture *capture)
{
    wfe_stream_reader_free(capture->reader);
    wfe_spool_free(capture->spool);
    wfe_sink_free(capture->sink);
    wfe_mask_stream_free(capture->mask);
    wfe_buf_done(&capture->kept);
    free(capture);
}

static void report(wfe_capture *capture, const wfe_error *err)
{
    if (capture->done)
        return;
    capture->done = true;
    capture->options.done(capture, err, capture->options.user);
}

static void keep(wfe_capture *capture, const void *bytes, size_t len, wfe_error *err)
{
    size_t room = capture->options.limit_bytes - capture->kept.len;
    wfe_buf_append(&capture->kept, bytes, len < room ? len : room, err);
}

/* A line that a reader of the spool would not see from its beginning is told in the text. */
static int cut_spool(wfe_capture *capture, uint64_t passed, wfe_error *err)
{
    wfe_buf text = WFE_BUF_INIT(0);
    int rc = 0;
    if (capture->options.outputs)
        rc = wfe_outputs_save(capture->options.outputs, &text, err);
    if (!rc)
        rc = wfe_spool_cut(capture->spool, passed, text.data, text.len, err);
    wfe_buf_done(&text);
    return rc;
}

/* What has been dealt with goes, now and then. One that cannot be cut grows. */
static void tidy_spool(wfe_capture *capture)
{
    uint64_t passed = 0;
    if (!capture->spool || wfe_spool_is_broken(capture->spool) ||
        wfe_spool_bytes(capture->spool) < WFE_SPOOL_CUT_BYTES || !capture->options.settled ||
        !capture->options.settled(capture->options.stream, &passed, capture->options.spool_user))
        return;
    (void)cut_spool(capture, passed, NULL);
}

/* Goes on reading, so that the container can be stopped in good order. */
static void break_off(wfe_capture *capture, const wfe_error *err)
{
    wfe_sink_free(capture->sink);
    capture->sink = NULL;
    report(capture, err);
}

static void pass(wfe_capture *capture, const void *bytes, size_t len)
{
    wfe_error error = WFE_ERROR_INIT;
    capture->bytes += len;
    keep(capture, bytes, len, &error);
    if (capture->options.outputs && !error.kind)
        wfe_outputs_feed(capture->options.outputs, bytes, len, &error);
    if (capture->options.listener)
        capture->options.listener(capture->options.stream, bytes, len,
                                  capture->options.listener_user);
    if (capture->sink && !error.kind)
        wfe_sink_write(capture->sink, bytes, len, &error);
    if (capture->sink && wfe_sink_is_blocked(capture->sink))
        wfe_stream_reader_pause(capture->reader);
    if (error.kind)
        break_off(capture, &error);
}

/* Passes on what is no part of a secret. bytes NULL: there are no more. */
static void pass_masked(wfe_capture *capture, const void *bytes, size_t len)
{
    wfe_error error = WFE_ERROR_INIT;
    wfe_buf out = WFE_BUF_INIT(0);
    if (capture->unsafe)
        return;
    if (bytes ? wfe_mask_stream_feed(capture->mask, bytes, len, &out, &error)
              : wfe_mask_stream_finish(capture->mask, &out, &error)) {
        capture->unsafe = true;
        break_off(capture, &error);
    } else if (out.len) {
        pass(capture, out.data, out.len);
    }
    wfe_buf_done(&out);
}

static void on_bytes(const void *bytes, size_t len, void *user)
{
    wfe_capture *capture = user;
    capture->busy = true;
    if (capture->mask)
        pass_masked(capture, bytes, len);
    else
        pass(capture, bytes, len);
    capture->busy = false;
    if (capture->freed)
        destroy(capture);
    else
        tidy_spool(capture);
}

static void on_end(const wfe_error *err, void *user)
{
    wfe_capture *capture = user;
    capture->at_end = true;
    capture->busy = true;
    if (capture->mask)
        pass_masked(capture, NULL, 0);
    capture->busy = false;
    if (capture->freed)
        destroy(capture);
    else if (err->kind || !capture->sink || !wfe_sink_is_blocked(capture->sink))
        report(capture, err);
}

static void on_drained(void *user)
{
    wfe_capture *capture = user;
    wfe_error none = WFE_ERROR_INIT;
    if (capture->at_end)
        report(capture, &none);
    else
        wfe_stream_reader_resume(capture->reader);
}

static void on_sink_failed(const wfe_error *err, void *user)
{
    wfe_capture *capture = user;
    wfe_sink_free(capture->sink);
    capture->sink = NULL;
    if (!capture->at_end)
        wfe_stream_reader_resume(capture->reader);
    report(capture, err);
}

/* Begins where the last cut was. A count that does not begin with 0 is noted before a writer can
 * come. */
static int open_spool(wfe_capture *capture, wfe_error *err)
{
    const wfe_capture_options *options = &capture->options;
    size_t len = 0;
    uint64_t passed = 0;
    int rc = wfe_spool_open(options->spool_path, &capture->spool, err);
    if (rc)
        return rc;
    const char *text = wfe_spool_text(capture->spool, &len);
    if (len && options->outputs)
        rc = wfe_outputs_feed(options->outputs, text, len, err);
    if (!rc && options->adopt && options->found)
        options->found(options->stream, wfe_spool_passed(capture->spool), options->spool_user);
    if (!rc && !options->adopt && options->settled &&
        options->settled(options->stream, &passed, options->spool_user) && passed)
        rc = cut_spool(capture, passed, err);
    return rc;
}

static int open_reader(wfe_loop *loop, wfe_capture *capture, wfe_error *err)
{
    static const wfe_stream_fns stream_fns = {.bytes = on_bytes, .end = on_end};
    const char *path = capture->options.fifo_path;
    if (!capture->options.spool_path)
        return wfe_stream_reader_new(loop, path, &stream_fns, capture, &capture->reader, err);
    int rc = open_spool(capture, err);
    return rc ? rc
              : wfe_stream_reader_new_spooled(loop, path, capture->spool, &stream_fns, capture,
                                              &capture->reader, err);
}

int wfe_capture_new(wfe_loop *loop, const wfe_capture_options *options, wfe_capture **ret,
                    wfe_error *err)
{
    static const wfe_sink_fns sink_fns = {.drained = on_drained, .failed = on_sink_failed};
    wfe_capture *capture = calloc(1, sizeof *capture);
    if (!capture)
        return wfe_error_nomem(err);
    capture->options = *options;
    int rc = 0;
    if (!wfe_mask_is_empty(options->mask))
        rc = wfe_mask_stream_new(options->mask, &capture->mask, err);
    if (!rc && options->sink_fd > 0)
        rc = wfe_sink_new(loop, options->sink_fd,
                          options->stream == WFE_STDOUT ? "stdout" : "stderr", &sink_fns, capture,
                          &capture->sink, err);
    if (!rc)
        rc = open_reader(loop, capture, err);
    if (rc) {
        wfe_capture_free(capture);
        return rc;
    }
    *ret = capture;
    return 0;
}

void wfe_capture_free(wfe_capture *capture)
{
    if (!capture)
        return;
    if (capture->busy)
        capture->freed = true;
    else
        destroy(capture);
}

bool wfe_capture_is_done(const wfe_capture *capture)
{
    return capture->done;
}

bool wfe_capture_is_blocked(const wfe_capture *capture)
{
    return capture->sink && wfe_sink_is_blocked(capture->sink);
}

uint64_t wfe_capture_bytes(const wfe_capture *capture)
{
    return capture->bytes;
}

int wfe_capture_fd(const wfe_capture *capture)
{
    return wfe_stream_reader_fd(capture->reader);
}

void wfe_capture_take(wfe_capture *capture, wfe_buf *out)
{
    *out = capture->kept;
    capture->kept = (wfe_buf)WFE_BUF_INIT(0);
}
