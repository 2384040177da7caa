/* SPDX-License-Identifier: Apache-2.0
 *
 * See mask.h. Positions count the bytes of a stream, from 1. Three of them matter: all before
 * `undecided` is no part of a match to come, all before `shown` has been appended or masked, and
 * all before `masked` is part of the last `***`. What is between shown and the end is held back,
 * together with the matches found in it.
 */
#include "base/mask.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mask_forms.h"
#include "base/mask_match.h"

typedef struct secret {
    uint8_t *bytes; /* owned */
    size_t len;
} secret;

struct wfe_mask {
    secret *secrets;
    size_t len;
    size_t cap;
    size_t total_bytes;
    wfe_mask_match *match; /* of all secrets; NULL: to be made at the next use */
};

/* [from, to) in positions of the stream. */
typedef struct span {
    uint64_t from;
    uint64_t to;
} span;

struct wfe_mask_stream {
    wfe_mask_match *match; /* NULL: nothing to mask */
    uint32_t state;
    uint64_t at; /* bytes fed and looked at */
    uint64_t shown;
    uint64_t masked;
    uint8_t *held; /* the bytes [shown, at) between two calls */
    size_t held_cap;
    /* Matches that are not yet part of out: in order, apart from each other. */
    span *spans;
    size_t n_spans;
    size_t cap_spans;
};

/* ---- secrets ---- */

wfe_mask *wfe_mask_new(void)
{
    return calloc(1, sizeof(wfe_mask));
}

void wfe_mask_free(wfe_mask *mask)
{
    if (!mask)
        return;
    for (size_t i = 0; i < mask->len; i++) {
        explicit_bzero(mask->secrets[i].bytes, mask->secrets[i].len);
        free(mask->secrets[i].bytes);
    }
    free(mask->secrets);
    wfe_mask_match_unref(mask->match);
    free(mask);
}

bool wfe_mask_is_empty(const wfe_mask *mask)
{
    return !mask || !mask->len;
}

static int check_secret(const wfe_mask *mask, size_t len, wfe_error *err)
{
    if (len < WFE_MASK_MIN_BYTES)
        return wfe_error_set(err, WFE_E_INVALID,
                             "a secret of %zu bytes cannot be masked, it must have at least %zu",
                             len, WFE_MASK_MIN_BYTES);
    if (len > WFE_MASK_MAX_BYTES)
        return wfe_error_set(err, WFE_E_LIMIT, "a secret has %zu bytes, must have at most %zu", len,
                             WFE_MASK_MAX_BYTES);
    if (len > WFE_MASK_MAX_TOTAL_BYTES - mask->total_bytes)
        return wfe_error_set(err, WFE_E_LIMIT,
                             "all secrets together have more than %zu bytes, the most that can be "
                             "masked",
                             WFE_MASK_MAX_TOTAL_BYTES);
    return 0;
}

static bool has_secret(const wfe_mask *mask, const void *bytes, size_t len)
{
    for (size_t i = 0; i < mask->len; i++) {
        if (mask->secrets[i].len == len && memcmp(mask->secrets[i].bytes, bytes, len) == 0)
            return true;
    }
    return false;
}

int wfe_mask_add(wfe_mask *mask, const void *bytes, size_t len, wfe_error *err)
{
    const char *text = bytes;
    while (len && (text[len - 1] == '\n' || text[len - 1] == '\r'))
        len--;
    if (has_secret(mask, bytes, len))
        return 0;
    int rc = check_secret(mask, len, err);
    if (rc)
        return rc;
    if (mask->len == mask->cap) {
        size_t cap = mask->cap ? mask->cap * 2 : 8;
        secret *secrets = reallocarray(mask->secrets, cap, sizeof *secrets);
        if (!secrets)
            return wfe_error_nomem(err);
        mask->secrets = secrets;
        mask->cap = cap;
    }
    uint8_t *copy = malloc(len);
    if (!copy)
        return wfe_error_nomem(err);
    memcpy(copy, bytes, len);
    mask->secrets[mask->len++] = (secret){.bytes = copy, .len = len};
    mask->total_bytes += len;
    wfe_mask_match_unref(wfe_take(mask->match));
    return 0;
}

static int prepare(wfe_mask *mask, wfe_error *err)
{
    if (mask->match)
        return 0;
    _cleanup_(wfe_mask_forms_done) wfe_mask_forms forms = {0};
    for (size_t i = 0; i < mask->len; i++) {
        int rc = wfe_mask_forms_add(&forms, mask->secrets[i].bytes, mask->secrets[i].len, err);
        if (rc)
            return rc;
    }
    return wfe_mask_match_new(&forms, &mask->match, err);
}

/* ---- streams ---- */

static void begin(wfe_mask_stream *stream)
{
    stream->state = 0;
    stream->at = stream->shown = 1;
    stream->masked = 0;
    stream->n_spans = 0;
}

int wfe_mask_stream_new(wfe_mask *mask, wfe_mask_stream **ret, wfe_error *err)
{
    bool empty = wfe_mask_is_empty(mask);
    int rc = empty ? 0 : prepare(mask, err);
    if (rc)
        return rc;
    wfe_mask_stream *stream = calloc(1, sizeof *stream);
    if (!stream)
        return wfe_error_nomem(err);
    stream->match = empty ? NULL : wfe_mask_match_ref(mask->match);
    begin(stream);
    *ret = stream;
    return 0;
}

void wfe_mask_stream_free(wfe_mask_stream *stream)
{
    if (!stream)
        return;
    if (stream->held)
        explicit_bzero(stream->held, stream->held_cap);
    free(stream->held);
    free(stream->spans);
    wfe_mask_match_unref(stream->match);
    free(stream);
}

size_t wfe_mask_stream_held(const wfe_mask_stream *stream)
{
    return (size_t)(stream->at - stream->shown);
}

bool wfe_mask_stream_is_idle(const wfe_mask_stream *stream)
{
    return !stream->state && stream->shown == stream->at && stream->masked != stream->at;
}

/* Adds a match that ends later than all others; those it reaches become one with it. */
static int add_span(wfe_mask_stream *stream, uint64_t from, uint64_t to, wfe_error *err)
{
    if (from <= stream->masked) {
        /* Goes on with the `***` that is in out already; whatever was found since lies within. */
        stream->masked = to;
        stream->n_spans = 0;
        return 0;
    }
    while (stream->n_spans && stream->spans[stream->n_spans - 1].to >= from) {
        span *last = &stream->spans[--stream->n_spans];
        from = last->from < from ? last->from : from;
    }
    if (stream->n_spans == stream->cap_spans) {
        size_t cap = stream->cap_spans ? stream->cap_spans * 2 : 8;
        span *spans = reallocarray(stream->spans, cap, sizeof *spans);
        if (!spans)
            return wfe_error_nomem(err);
        stream->spans = spans;
        stream->cap_spans = cap;
    }
    stream->spans[stream->n_spans++] = (span){.from = from, .to = to};
    return 0;
}

/* The bytes of one call, and what was held back before it, as one sequence. */
typedef struct window {
    const uint8_t *bytes;
    uint64_t begin; /* position of bytes[0] */
    uint64_t held;  /* position of stream->held[0] */
} window;

static int show(wfe_mask_stream *stream, const window *w, uint64_t to, wfe_buf *out, wfe_error *err)
{
    int rc = 0;
    if (stream->shown < w->begin && stream->shown < to) {
        uint64_t end = to < w->begin ? to : w->begin;
        rc = wfe_buf_append(out, stream->held + (stream->shown - w->held),
                            (size_t)(end - stream->shown), err);
        stream->shown = end;
    }
    if (!rc && stream->shown < to) {
        rc = wfe_buf_append(out, w->bytes + (stream->shown - w->begin),
                            (size_t)(to - stream->shown), err);
        stream->shown = to;
    }
    return rc;
}

/* Appends all that no later byte can change: up to undecided, and matches that begin there. */
static int release(wfe_mask_stream *stream, const window *w, uint64_t undecided, wfe_buf *out,
                   wfe_error *err)
{
    size_t used = 0;
    int rc = 0;
    if (stream->shown < stream->masked)
        stream->shown = stream->masked;
    while (!rc && used < stream->n_spans && stream->spans[used].from <= undecided) {
        const span *next = &stream->spans[used++];
        rc = show(stream, w, next->from, out, err);
        if (!rc)
            rc = wfe_buf_append_str(out, WFE_MASK_TEXT, err);
        stream->masked = next->to;
        stream->shown = next->to;
    }
    stream->n_spans -= used;
    if (used)
        memmove(stream->spans, stream->spans + used, stream->n_spans * sizeof *stream->spans);
    return rc ? rc : show(stream, w, undecided, out, err);
}

/* Keeps what is not shown for the next call, in memory of our own. */
static int hold(wfe_mask_stream *stream, const window *w, wfe_error *err)
{
    size_t len = wfe_mask_stream_held(stream);
    size_t old = stream->shown < w->begin ? (size_t)(w->begin - stream->shown) : 0;
    const uint8_t *from = old ? stream->held + (stream->shown - w->held) : NULL;
    uint8_t *held = stream->held;
    if (len > stream->held_cap) {
        size_t cap = stream->held_cap ? stream->held_cap : 64;
        while (cap < len)
            cap *= 2;
        held = malloc(cap);
        if (!held)
            return wfe_error_nomem(err);
        if (old)
            memcpy(held, from, old);
        if (stream->held) {
            explicit_bzero(stream->held, stream->held_cap);
            free(stream->held);
        }
        stream->held = held;
        stream->held_cap = cap;
    } else if (old) {
        memmove(held, from, old);
    }
    if (len > old)
        memcpy(held + old, w->bytes + (stream->shown + old - w->begin), len - old);
    return 0;
}

static int scan(wfe_mask_stream *stream, const window *w, size_t len, wfe_error *err)
{
    const wfe_mask_match *match = stream->match;
    uint32_t state = stream->state;
    for (size_t i = 0; i < len; i++) {
        if (!state)
            i += wfe_mask_match_skip(match, w->bytes + i, len - i);
        state = wfe_mask_match_next(match, state, w->bytes[i]);
        uint32_t longest = match->states[state].longest;
        if (longest) {
            uint64_t end = w->begin + i + 1;
            int rc = add_span(stream, end - longest, end, err);
            if (rc)
                return rc;
        }
    }
    stream->state = state;
    stream->at += len;
    return 0;
}

int wfe_mask_stream_feed(wfe_mask_stream *stream, const void *bytes, size_t len, wfe_buf *out,
                         wfe_error *err)
{
    if (!stream->match || !len)
        return wfe_buf_append(out, bytes, len, err);
    window w = {.bytes = bytes, .begin = stream->at, .held = stream->shown};
    int rc = scan(stream, &w, len, err);
    if (!rc)
        rc = release(stream, &w, stream->at - stream->match->states[stream->state].depth, out, err);
    return rc ? rc : hold(stream, &w, err);
}

int wfe_mask_stream_finish(wfe_mask_stream *stream, wfe_buf *out, wfe_error *err)
{
    window w = {.bytes = NULL, .begin = stream->at, .held = stream->shown};
    int rc = release(stream, &w, stream->at, out, err);
    begin(stream);
    if (stream->held)
        explicit_bzero(stream->held, stream->held_cap);
    return rc;
}

int wfe_mask_text(wfe_mask *mask, const void *bytes, size_t len, wfe_buf *out, wfe_error *err)
{
    _cleanup_(wfe_mask_stream_free_p) wfe_mask_stream *stream = NULL;
    int rc = wfe_mask_stream_new(mask, &stream, err);
    if (!rc)
        rc = wfe_mask_stream_feed(stream, bytes, len, out, err);
    return rc ? rc : wfe_mask_stream_finish(stream, out, err);
}
