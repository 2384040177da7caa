/* SPDX-License-Identifier: Apache-2.0
 *
 * Taking gzip off a stream of bytes, piece by piece, several members after each other included. The
 * only module that names zlib, which is loaded at the first use.
 */
#ifndef WFE_IMAGE_INFLATE_H
#define WFE_IMAGE_INFLATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "base/error.h"

typedef struct wfe_inflate wfe_inflate;
/* UNAVAILABLE without zlib, NOMEM. */
int wfe_inflate_new(wfe_inflate **ret, wfe_error *err);
/* Takes some of the input (*in moves on, *in_len falls) and gives up to size bytes. *ret_len is 0
 * when all input is taken and there is no more to give. PROTOCOL for what is no gzip. */
int wfe_inflate_run(wfe_inflate *inflate, const unsigned char **in, size_t *in_len, void *out,
                    size_t size, size_t *ret_len, wfe_error *err);
/* Is this a place where the stream may end. */
bool wfe_inflate_is_complete(const wfe_inflate *inflate);
/* NULL is accepted. */
void wfe_inflate_free(wfe_inflate *inflate);
WFE_DEFINE_CLEANUP(wfe_inflate, wfe_inflate_free)

#endif
