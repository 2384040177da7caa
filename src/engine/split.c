/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/split.h"

#include <string.h>

#include "engine/event.h"

void wfe_split_init(wfe_split *split)
{
    *split = (wfe_split){.held = WFE_BUF_INIT(0)};
}

void wfe_split_done(wfe_split *split)
{
    wfe_buf_done(&split->held);
}

static void give(wfe_split *split, const char *text, size_t len, bool more, wfe_split_fn fn,
                 void *user)
{
    if (!more && len && text[len - 1] == '\r')
        len--;
    fn(text, len, more, user);
    split->cut = more;
}

/* Bytes of one line, its end included when ended: what is held goes before them. */
static int take(wfe_split *split, const char *bytes, size_t len, bool ended, wfe_split_fn fn,
                void *user, wfe_error *err)
{
    while (split->held.len + len > WFE_EVENT_LINE_BYTES) {
        size_t part = WFE_EVENT_LINE_BYTES - split->held.len;
        int rc = wfe_buf_append(&split->held, bytes, part, err);
        if (rc)
            return rc;
        give(split, split->held.data, split->held.len, true, fn, user);
        split->held.len = 0;
        bytes += part;
        len -= part;
    }
    if (ended && !split->held.len) {
        give(split, bytes, len, false, fn, user);
        return 0;
    }
    int rc = wfe_buf_append(&split->held, bytes, len, err);
    if (!rc && ended) {
        give(split, split->held.data, split->held.len, false, fn, user);
        split->held.len = 0;
    }
    return rc;
}

int wfe_split_feed(wfe_split *split, const char *bytes, size_t len, wfe_split_fn fn, void *user,
                   wfe_error *err)
{
    const char *end = bytes + len;
    while (bytes < end) {
        const char *newline = memchr(bytes, '\n', (size_t)(end - bytes));
        const char *stop = newline ? newline : end;
        int rc = take(split, bytes, (size_t)(stop - bytes), newline != NULL, fn, user, err);
        if (rc)
            return rc;
        bytes = newline ? newline + 1 : end;
    }
    return 0;
}

void wfe_split_finish(wfe_split *split, wfe_split_fn fn, void *user)
{
    if (split->held.len || split->cut)
        give(split, split->held.data ? split->held.data : "", split->held.len, false, fn, user);
    split->held.len = 0;
}
