/* SPDX-License-Identifier: Apache-2.0 */
#include "store/log_name.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"

/* With it, '.', ten digits, '.' and a suffix of 8 fit into a name. */
#define STEM_MAX 230
/* A cut stem: its beginning, CUT_MARK, and so many digits of the path's digest. */
#define CUT_MARK '~'
#define CUT_DIGITS 32

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
}

/* The length; more than STEM_MAX: it did not fit and is cut between two characters. */
static size_t encode(const char *step, char out[STEM_MAX + 1])
{
    size_t len = 0, total = 0;
    for (const char *p = step; *p; p++) {
        bool plain = is_plain(*p) && !(p == step && *p == '.');
        size_t n = plain ? 1 : 3;
        total += n;
        if (total > STEM_MAX)
            continue;
        if (plain)
            out[len] = *p;
        else
            snprintf(out + len, 4, "%%%02X", (unsigned char)*p);
        len += n;
    }
    out[len] = '\0';
    return total;
}

void wfe_log_name(const char *step, unsigned attempt, const char *suffix,
                  char out[WFE_LOG_NAME_SIZE])
{
    char stem[STEM_MAX + 1];
    if (encode(step, stem) > STEM_MAX) {
        char digest[WFE_DIGEST_SIZE];
        wfe_digest_of(step, strlen(step), digest);
        size_t keep = strlen(stem);
        if (keep > STEM_MAX - CUT_DIGITS - 1)
            keep = STEM_MAX - CUT_DIGITS - 1;
        snprintf(stem + keep, sizeof stem - keep, "%c%.*s", CUT_MARK, CUT_DIGITS,
                 digest + sizeof "sha256:" - 1);
    }
    snprintf(out, WFE_LOG_NAME_SIZE, "%s.%u.%s", stem, attempt, suffix);
}

static int hex_value(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* false when it is no encoded path. */
static bool decode(const char *stem, size_t len, char *out)
{
    for (size_t i = 0; i < len; i++) {
        if (is_plain(stem[i])) {
            *out++ = stem[i];
            continue;
        }
        if (stem[i] != '%' || i + 2 >= len || hex_value(stem[i + 1]) < 0 ||
            hex_value(stem[i + 2]) < 0)
            return false;
        *out++ = (char)(hex_value(stem[i + 1]) * 16 + hex_value(stem[i + 2]));
        i += 2;
    }
    *out = '\0';
    return true;
}

int wfe_log_name_read(const char *name, const char *suffix, char *ret_step, unsigned *ret_attempt,
                      wfe_error *err)
{
    char step[WFE_LOG_NAME_SIZE];
    size_t len = strlen(name), suffix_len = strlen(suffix);
    const char *number = NULL;
    if (len < WFE_LOG_NAME_SIZE && len > suffix_len + 1 && name[len - suffix_len - 1] == '.' &&
        strcmp(name + len - suffix_len, suffix) == 0)
        number = memrchr(name, '.', len - suffix_len - 1);
    char *end = NULL;
    unsigned long attempt = number ? strtoul(number + 1, &end, 10) : 0;
    if (!number || number == name || number[1] < '0' || number[1] > '9' ||
        end != name + len - suffix_len - 1 || attempt > UINT_MAX ||
        !decode(name, (size_t)(number - name), step))
        return wfe_error_set(err, WFE_E_INVALID, "'%s' is not the name of a log", name);
    strcpy(ret_step, step);
    *ret_attempt = (unsigned)attempt;
    return 0;
}
