/* SPDX-License-Identifier: Apache-2.0
 *
 * The only file that names nettle. It is as fast as libcrypto here, and nothing has to be loaded
 * for it: libcrypto's first digest costs more than all the rest of a short command.
 */
#include "base/digest.h"

#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct wfe_digest {
    struct sha256_ctx context;
};

bool wfe_digest_is_valid(const char *text)
{
    const size_t prefix = sizeof "sha256:" - 1;
    return strlen(text) == WFE_DIGEST_SIZE - 1 && strncmp(text, "sha256:", prefix) == 0 &&
           strspn(text + prefix, "0123456789abcdef") == 64;
}

int wfe_digest_new(wfe_digest **ret, wfe_error *err)
{
    wfe_digest *digest = malloc(sizeof *digest);
    if (!digest)
        return wfe_error_nomem(err);
    sha256_init(&digest->context);
    *ret = digest;
    return 0;
}

void wfe_digest_update(wfe_digest *digest, const void *bytes, size_t len)
{
    sha256_update(&digest->context, len, bytes);
}

void wfe_digest_finish(wfe_digest *digest, char out[WFE_DIGEST_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t raw[SHA256_DIGEST_SIZE];
    sha256_digest(&digest->context, sizeof raw, raw);
    char *p = stpcpy(out, "sha256:");
    for (size_t i = 0; i < sizeof raw; i++) {
        *p++ = digits[raw[i] >> 4];
        *p++ = digits[raw[i] & 15];
    }
    *p = '\0';
}

void wfe_digest_free(wfe_digest *digest)
{
    free(digest);
}

void wfe_digest_of(const void *bytes, size_t len, char out[WFE_DIGEST_SIZE])
{
    wfe_digest digest;
    sha256_init(&digest.context);
    wfe_digest_update(&digest, bytes, len);
    wfe_digest_finish(&digest, out);
}
