/* SPDX-License-Identifier: Apache-2.0 */
#include "base/id.h"

#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define RUN_CHARS 12
#define STEP_CHARS 12
#define FNV_OFFSET 2166136261U
#define FNV_PRIME 16777619U

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

int wfe_id_random(char *out, size_t digits, wfe_error *err)
{
    unsigned char bytes[32];
    size_t want = digits / 2;
    ssize_t got = getrandom(bytes, want, 0);
    if (got != (ssize_t)want)
        return wfe_error_set(err, WFE_E_INTERNAL, "the kernel gave no random bytes: %s",
                             strerror(errno));
    for (size_t i = 0; i < want; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    return 0;
}

bool wfe_id_is_valid(const char *text)
{
    size_t len = strlen(text);
    if (!len || len > WFE_ID_MAX_LENGTH || !is_alnum(text[0]) || !is_alnum(text[len - 1]))
        return false;
    for (size_t i = 1; i < len; i++) {
        if (is_alnum(text[i]))
            continue;
        if (!strchr("._-", text[i]) || !is_alnum(text[i - 1]))
            return false;
    }
    return true;
}

/* Appends at most max characters of text as words of letters and digits joined by '-'. */
static size_t append_words(char *out, const char *text, size_t max)
{
    size_t len = 0;
    bool gap = false;
    for (; *text && len < max; text++) {
        if (!is_alnum(*text)) {
            gap = len > 0;
            continue;
        }
        if (gap && len + 1 == max) /* no room for both */
            break;
        if (gap)
            out[len++] = '-';
        gap = false;
        out[len++] = *text;
    }
    if (!len)
        out[len++] = 'x';
    out[len] = '\0';
    return len;
}

/* FNV-1a, 32 bits (draft-eastlake-fnv), of the text and its NUL. */
static uint32_t fnv1a(uint32_t hash, const char *text)
{
    do {
        hash = (hash ^ (unsigned char)*text) * FNV_PRIME;
    } while (*text++);
    return hash;
}

void wfe_id_container(char out[WFE_ID_CONTAINER_SIZE], const char *run, const char *step,
                      unsigned attempt)
{
    char run_part[RUN_CHARS + 2];
    char step_part[STEP_CHARS + 2];
    append_words(run_part, run, RUN_CHARS);
    append_words(step_part, step, STEP_CHARS);
    /* The parts above are for people; the hash tells names apart that were cut to the same. */
    uint32_t hash = fnv1a(fnv1a(FNV_OFFSET, run), step);
    snprintf(out, WFE_ID_CONTAINER_SIZE, "wfe-%s-%s-%08" PRIx32 "-%u", run_part, step_part, hash,
             attempt);
}
