/* SPDX-License-Identifier: Apache-2.0
 *
 * Masking of secrets: replaces by `***` what would show one, in a text or in a stream of bytes that
 * comes in any pieces. A secret is found as it is and in the ways programs write it: base64 at each
 * of its three alignments (both alphabets, with and without padding, in lines of 64 or 76), in hex,
 * escaped for JSON, for a URL, for a shell; and so is each line of one that has several.
 *
 * What is replaced is the union of all places where any of these is found, also where they overlap,
 * one `***` for each run of such bytes. The time is linear in the bytes, whatever the number of
 * secrets. One thread, as everything of a client.
 */
#ifndef WFE_BASE_MASK_H
#define WFE_BASE_MASK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"

/* Shorter secrets, and shorter lines of longer ones, are not masked: they are found by chance in
 * any text, and what is masked there would tell them. */
#define WFE_MASK_MIN_BYTES ((size_t)4)
/* The longest secret, and all of them together: a byte of secret costs up to a kilobyte of memory.
 */
#define WFE_MASK_MAX_BYTES ((size_t)64 * 1024)
#define WFE_MASK_MAX_TOTAL_BYTES ((size_t)128 * 1024)

#define WFE_MASK_TEXT "***"

typedef struct wfe_mask wfe_mask;

/* NULL without memory. */
wfe_mask *wfe_mask_new(void);
/* Clears the secrets from memory. Streams made of it go on, and keep what they need. */
void wfe_mask_free(wfe_mask *mask);
WFE_DEFINE_CLEANUP(wfe_mask, wfe_mask_free)

/* Copies the secret; newlines at its end do not count. It is masked in texts and in streams made
 * from now on. INVALID: shorter than WFE_MASK_MIN_BYTES, and cannot be masked; LIMIT: too long, or
 * too many; NOMEM. No message holds the secret. */
int wfe_mask_add(wfe_mask *mask, const void *secret, size_t len, wfe_error *err);
/* Nothing to mask: bytes may be passed on as they are. NULL is empty. */
bool wfe_mask_is_empty(const wfe_mask *mask);

/* Appends the masked bytes to out. A NULL mask masks nothing. LIMIT (of out), NOMEM: out holds the
 * masked beginning. */
int wfe_mask_text(wfe_mask *mask, const void *bytes, size_t len, wfe_buf *out, wfe_error *err);

/* ---- streams ---- */

/* One stream of bytes. It holds back only what may be the beginning of a secret: at most the
 * longest form of one. */
typedef struct wfe_mask_stream wfe_mask_stream;

/* NOMEM. */
int wfe_mask_stream_new(wfe_mask *mask, wfe_mask_stream **ret, wfe_error *err);
void wfe_mask_stream_free(wfe_mask_stream *stream);
WFE_DEFINE_CLEANUP(wfe_mask_stream, wfe_mask_stream_free)

/* Appends to out what is now known to be no part of a secret, and `***` for what is. LIMIT (of
 * out), NOMEM: bytes are lost, none of a secret is in out, and the stream may only be freed. */
int wfe_mask_stream_feed(wfe_mask_stream *stream, const void *bytes, size_t len, wfe_buf *out,
                         wfe_error *err);
/* No more bytes: appends what was held back, which is no whole secret. The stream begins anew. */
int wfe_mask_stream_finish(wfe_mask_stream *stream, wfe_buf *out, wfe_error *err);
/* Bytes held back now. */
size_t wfe_mask_stream_held(const wfe_mask_stream *stream);
/* A stream that is new would do the same with the bytes to come. */
bool wfe_mask_stream_is_idle(const wfe_mask_stream *stream);

#endif
