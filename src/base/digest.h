/* SPDX-License-Identifier: Apache-2.0
 *
 * SHA-256 digests in the form of the OCI image spec (descriptor.md, Digests): "sha256:" and 64
 * lower-case hexadecimal digits. nettle does the work.
 */
#ifndef WFE_BASE_DIGEST_H
#define WFE_BASE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define WFE_DIGEST_SIZE (sizeof "sha256:" + 64)

typedef struct wfe_digest wfe_digest;

/* Is text a well-formed sha256 digest. */
bool wfe_digest_is_valid(const char *text);
/* The digest of bytes, which may be NULL when there are none. */
void wfe_digest_of(const void *bytes, size_t len, char out[WFE_DIGEST_SIZE]);

/* The same in pieces. NOMEM. */
int wfe_digest_new(wfe_digest **ret, wfe_error *err);
void wfe_digest_update(wfe_digest *digest, const void *bytes, size_t len);
/* The digest of all bytes so far; the object can only be freed afterwards. */
void wfe_digest_finish(wfe_digest *digest, char out[WFE_DIGEST_SIZE]);
void wfe_digest_free(wfe_digest *digest);

#endif
