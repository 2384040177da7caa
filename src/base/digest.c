/* SPDX-License-Identifier: Apache-2.0
 *
 * The only file that names libcrypto's digests.
 */
#include "base/digest.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/dynlib.h"

#define CRYPTO_FUNCTIONS(X)                                                                        \
    X(EVP_MD_CTX_new)                                                                              \
    X(EVP_MD_CTX_free)                                                                             \
    X(EVP_sha256)                                                                                  \
    X(EVP_DigestInit_ex)                                                                           \
    X(EVP_DigestUpdate)                                                                            \
    X(EVP_DigestFinal_ex)

static struct {
#define CRYPTO_MEMBER(name) __typeof__ (&(name))(name);
    CRYPTO_FUNCTIONS(CRYPTO_MEMBER)
#undef CRYPTO_MEMBER
} crypto;

struct wfe_digest {
    EVP_MD_CTX *context;
};

static int load_crypto(wfe_error *err)
{
    static const wfe_dynlib_symbol symbols[] = {
#define CRYPTO_SYMBOL(name) {#name, (void **)&crypto.name},
        CRYPTO_FUNCTIONS(CRYPTO_SYMBOL)
#undef CRYPTO_SYMBOL
    };
    if (crypto.EVP_DigestFinal_ex)
        return 0;
    return wfe_dynlib_load("libcrypto.so.3", "libssl3", symbols, sizeof symbols / sizeof *symbols,
                           err);
}

bool wfe_digest_is_valid(const char *text)
{
    const size_t prefix = sizeof "sha256:" - 1;
    return strlen(text) == WFE_DIGEST_SIZE - 1 && strncmp(text, "sha256:", prefix) == 0 &&
           strspn(text + prefix, "0123456789abcdef") == 64;
}

int wfe_digest_new(wfe_digest **ret, wfe_error *err)
{
    int rc = load_crypto(err);
    if (rc)
        return rc;
    wfe_digest *digest = calloc(1, sizeof *digest);
    if (!digest)
        return wfe_error_nomem(err);
    digest->context = crypto.EVP_MD_CTX_new();
    if (!digest->context || !crypto.EVP_DigestInit_ex(digest->context, crypto.EVP_sha256(), NULL)) {
        wfe_digest_free(digest);
        return wfe_error_nomem(err);
    }
    *ret = digest;
    return 0;
}

int wfe_digest_update(wfe_digest *digest, const void *bytes, size_t len, wfe_error *err)
{
    if (!crypto.EVP_DigestUpdate(digest->context, bytes, len))
        return wfe_error_set(err, WFE_E_INTERNAL, "SHA-256 failed");
    return 0;
}

int wfe_digest_finish(wfe_digest *digest, char out[WFE_DIGEST_SIZE], wfe_error *err)
{
    unsigned char raw[EVP_MAX_MD_SIZE];
    unsigned int len = 0;
    if (!crypto.EVP_DigestFinal_ex(digest->context, raw, &len) || len != 32)
        return wfe_error_set(err, WFE_E_INTERNAL, "SHA-256 failed");
    char *p = out + snprintf(out, WFE_DIGEST_SIZE, "sha256:");
    for (unsigned int i = 0; i < len; i++)
        p += snprintf(p, 3, "%02x", raw[i]);
    return 0;
}

void wfe_digest_free(wfe_digest *digest)
{
    if (!digest)
        return;
    crypto.EVP_MD_CTX_free(digest->context);
    free(digest);
}

int wfe_digest_of(const void *bytes, size_t len, char out[WFE_DIGEST_SIZE], wfe_error *err)
{
    wfe_digest *digest = NULL;
    int rc = wfe_digest_new(&digest, err);
    if (!rc)
        rc = wfe_digest_update(digest, bytes, len, err);
    if (!rc)
        rc = wfe_digest_finish(digest, out, err);
    wfe_digest_free(digest);
    return rc;
}
