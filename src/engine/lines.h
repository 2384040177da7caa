/* SPDX-License-Identifier: Apache-2.0
 *
 * A stream of bytes as lines with its secrets masked, whatever pieces it comes in. A line longer
 * than WFE_EVENT_LINE_BYTES comes in pieces, so that memory is bounded.
 */
#ifndef WFE_ENGINE_LINES_H
#define WFE_ENGINE_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/mask.h"

typedef struct wfe_lines wfe_lines;
/* A line without its newline, borrowed during the call; more: it is not at its end. */
typedef void (*wfe_lines_fn)(const char *text, size_t len, bool more, void *user);

/* mask: borrowed during the call; NULL: nothing is masked. NOMEM. */
int wfe_lines_new(wfe_mask *mask, wfe_lines_fn fn, void *user, wfe_lines **ret, wfe_error *err);
/* fn is called for every line that is complete now. NOMEM: some are lost. */
int wfe_lines_feed(wfe_lines *lines, const void *bytes, size_t len, wfe_error *err);
/* The stream is at its end: what is left is a line, too. */
int wfe_lines_finish(wfe_lines *lines, wfe_error *err);
/* One that is new would do the same with the bytes to come. */
bool wfe_lines_is_idle(const wfe_lines *lines);
void wfe_lines_free(wfe_lines *lines);
WFE_DEFINE_CLEANUP(wfe_lines, wfe_lines_free)

#endif
