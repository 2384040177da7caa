/* SPDX-License-Identifier: Apache-2.0
 *
 * A growable byte buffer with a hard maximum. Bytes are bytes; data is always followed by a NUL
 * that len does not count, so that a text buffer can be used as a string.
 */
#ifndef WFE_BASE_BUF_H
#define WFE_BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct wfe_buf {
    char *data;       /* owned; NULL while empty */
    size_t len;       /* bytes in use */
    size_t cap;       /* bytes allocated, without the NUL */
    size_t max_bytes; /* 0: no limit but memory */
} wfe_buf;

#define WFE_BUF_INIT(max)                                                                          \
    {                                                                                              \
        .data = NULL, .len = 0, .cap = 0, .max_bytes = (max)                                       \
    }

/* Frees the bytes; the buffer can be used again. */
void wfe_buf_done(wfe_buf *buf);
/* Makes room for extra more bytes. LIMIT when max_bytes would be passed, NOMEM. */
int wfe_buf_reserve(wfe_buf *buf, size_t extra, wfe_error *err);
int wfe_buf_append(wfe_buf *buf, const void *bytes, size_t len, wfe_error *err);
int wfe_buf_append_str(wfe_buf *buf, const char *text, wfe_error *err);
int wfe_buf_printf(wfe_buf *buf, wfe_error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Drops the first n bytes (n <= len), moving the rest to the front. */
void wfe_buf_consume(wfe_buf *buf, size_t n);
/* Gives the bytes away (free with free()); never NULL on success: an empty buffer gives "". */
char *wfe_buf_take(wfe_buf *buf, size_t *ret_len);

#endif
