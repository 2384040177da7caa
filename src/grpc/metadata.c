/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/metadata.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool is_reserved(const char *key)
{
    static const char *const reserved[] = {
        "te",   "content-type", "user-agent", "connection",        "keep-alive",
        "host", "upgrade",      "trailer",    "transfer-encoding", "content-length"};
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) {
        if (strcmp(key, reserved[i]) == 0)
            return true;
    }
    return strncmp(key, "grpc-", 5) == 0;
}

static int check_pair(const wfe_grpc_metadata *pair, wfe_error *err)
{
    const char *key = pair->key ? pair->key : "";
    if (!*key || key[strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789_.-")])
        return wfe_error_set(err, WFE_E_INVALID,
                             "metadata key '%s' must be lower-case letters, digits, '_', '.', '-'",
                             key);
    if (is_reserved(key))
        return wfe_error_set(err, WFE_E_INVALID, "metadata key '%s' is reserved", key);
    for (const char *p = pair->value ? pair->value : "\n"; *p; p++) {
        if (*p < 0x20 || *p > 0x7e)
            return wfe_error_set(err, WFE_E_INVALID,
                                 "the value of metadata '%s' is not printable ASCII", key);
    }
    return 0;
}

int wfe_grpc_metadata_check(const wfe_grpc_metadata *metadata, size_t n, wfe_error *err)
{
    if (n > WFE_GRPC_METADATA_MAX)
        return wfe_error_set(err, WFE_E_INVALID, "%zu metadata pairs, the limit is %d", n,
                             WFE_GRPC_METADATA_MAX);
    int rc = 0;
    for (size_t i = 0; i < n && !rc; i++)
        rc = check_pair(&metadata[i], err);
    return rc;
}

const char *wfe_grpc_timeout_format(uint64_t timeout_ms, char out[WFE_GRPC_TIMEOUT_SIZE])
{
    static const struct {
        char unit;
        uint64_t ms;
    } units[] = {{'m', 1}, {'S', 1000}, {'M', 60000}, {'H', 3600000}};
    const uint64_t most = 99999999; /* eight digits; servers refuse nine */
    size_t i = 0;
    uint64_t n = timeout_ms;
    while (n > most && i + 1 < sizeof units / sizeof *units) {
        i++;
        n = timeout_ms / units[i].ms + (timeout_ms % units[i].ms != 0);
    }
    if (n > most)
        n = most;
    snprintf(out, WFE_GRPC_TIMEOUT_SIZE, "%" PRIu64 "%c", n, units[i].unit);
    return out;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

size_t wfe_grpc_percent_decode(char *text, size_t len)
{
    size_t out = 0;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        int high = c == '%' && i + 2 < len ? hex_digit(text[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
        if (low >= 0) {
            c = (char)(high << 4 | low);
            i += 2;
        }
        text[out++] = c;
    }
    return out;
}
