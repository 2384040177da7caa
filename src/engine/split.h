/* SPDX-License-Identifier: Apache-2.0
 *
 * Cuts a stream of bytes that comes in any pieces into lines, holding at most one of
 * WFE_EVENT_LINE_BYTES; a longer one is given in pieces.
 */
#ifndef WFE_ENGINE_SPLIT_H
#define WFE_ENGINE_SPLIT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* A line without its newline (and without a CR before it); more: it goes on. */
typedef void (*wfe_split_fn)(const char *text, size_t len, bool more, void *user);

typedef struct wfe_split {
    wfe_buf held;
    bool cut; /* a piece of the line under way was given already */
} wfe_split;

void wfe_split_init(wfe_split *split);
void wfe_split_done(wfe_split *split);
/* NOMEM: the line under way is lost. */
int wfe_split_feed(wfe_split *split, const char *bytes, size_t len, wfe_split_fn fn, void *user,
                   wfe_error *err);
/* The stream has ended: a last line without a newline counts. */
void wfe_split_finish(wfe_split *split, wfe_split_fn fn, void *user);

#endif
