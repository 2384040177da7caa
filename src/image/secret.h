/* SPDX-License-Identifier: Apache-2.0
 *
 * Passwords and tokens: what held one is cleared before its memory goes back.
 */
#ifndef WFE_IMAGE_SECRET_H
#define WFE_IMAGE_SECRET_H

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"

/* NULL is accepted. */
static inline void wfe_secret_free(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
}
WFE_DEFINE_CLEANUP(char, wfe_secret_free)

static inline void wfe_secret_buf_done(wfe_buf *buf)
{
    if (buf->data)
        explicit_bzero(buf->data, buf->cap);
    wfe_buf_done(buf);
}

#define _cleanup_secret_ _cleanup_(wfe_secret_free_p)

#endif
