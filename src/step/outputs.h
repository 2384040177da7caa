/* SPDX-License-Identifier: Apache-2.0
 *
 * The outputs of a step: the lines "##wfe[output key=value]" of its stdout, found while the bytes
 * stream by, and those of its output file (step/output_file.h). Lines that are none cost one
 * memchr; no more than one line of at most 1 MiB is ever held. Not the log: every byte, these lines
 * included, goes there as well.
 */
#ifndef WFE_STEP_OUTPUTS_H
#define WFE_STEP_OUTPUTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/strmap.h"

/* A longer line (without its line end) is no output. */
#define WFE_OUTPUTS_LINE_MAX_BYTES ((size_t)1024 * 1024)
/* Keys and values together, and their number. */
#define WFE_OUTPUTS_TOTAL_MAX_BYTES ((size_t)16 * 1024 * 1024)
#define WFE_OUTPUTS_MAX_ITEMS 4096U

/* Embedded; the fields are private to outputs.c except map. */
typedef struct wfe_outputs {
    /* The outputs so far, in the order of each key's first line, with the value of its last. Bytes
     * as the step printed them, but for NUL, which is replaced by U+FFFD. */
    wfe_strmap map;
    size_t total_bytes;
    wfe_buf line;    /* what follows the prefix, of a line that is not complete yet */
    size_t matched;  /* bytes of the prefix seen at the start of this line */
    bool skip;       /* this line is no output: wait for its end */
    bool full;       /* a limit was reached and reported; nothing more is taken */
    uint16_t *slots; /* hash table over map's keys: index + 1, 0 is free; NULL while empty */
} wfe_outputs;

void wfe_outputs_init(wfe_outputs *outputs);
void wfe_outputs_done(wfe_outputs *outputs);
/* Takes the next bytes of stdout, cut anywhere. LIMIT once, when the outputs pass one of the
 * totals above: the output that did is not taken and every later one is ignored, while feed keeps
 * returning 0. NOMEM: the line under way is lost, later ones are not. */
int wfe_outputs_feed(wfe_outputs *outputs, const void *bytes, size_t len, wfe_error *err);
/* One more output, as if it had been the latest line; the bytes are copied. key is not empty and
 * taken as it is. LIMIT and NOMEM: it is not taken; after a LIMIT that was
 * reported, 0. */
int wfe_outputs_put(wfe_outputs *outputs, const char *key, size_t key_len, const char *value,
                    size_t value_len, wfe_error *err);
/* Appends a text that, fed to outputs that are new, makes them the same: what was found so far, and
 * the line under way. NOMEM. */
int wfe_outputs_save(const wfe_outputs *outputs, wfe_buf *out, wfe_error *err);
/* The stream has ended: a last line without a newline counts. Errors as wfe_outputs_feed. */
int wfe_outputs_finish(wfe_outputs *outputs, wfe_error *err);

#endif
