/* SPDX-License-Identifier: Apache-2.0
 *
 * rlimits as users write them; see resources.h.
 */
#include <stdbool.h>
#include <string.h>

#include "base/nearest.h"
#include "base/utf8.h"
#include "oci/resources.h"

#define SHOWN_BYTES 64
#define PREFIX "rlimit_"
#define PREFIX_LEN (sizeof PREFIX - 1)

static const char *const names[WFE_OCI_RLIMIT_COUNT] = {
#define NAME_(name, text) [WFE_OCI_RLIMIT_##name] = "RLIMIT_" #name,
    WFE_OCI_RLIMITS(NAME_)
#undef NAME_
};
static const char *const words[WFE_OCI_RLIMIT_COUNT] = {
#define WORD_(name, text) [WFE_OCI_RLIMIT_##name] = (text),
    WFE_OCI_RLIMITS(WORD_)
#undef WORD_
};

const char *wfe_oci_rlimit_name(enum wfe_oci_rlimit_type type)
{
    return names[type];
}

/* Reads the name before '=' and moves *p behind it. */
static int read_type(const char **p, enum wfe_oci_rlimit_type *ret, wfe_error *err)
{
    char word[SHOWN_BYTES];
    size_t len = 0;
    const char *text = *p;
    for (; text[len] && text[len] != '=' && len + 1 < sizeof word; len++)
        word[len] =
            text[len] >= 'A' && text[len] <= 'Z' ? (char)(text[len] - 'A' + 'a') : text[len];
    word[len] = '\0';
    const char *name = strncmp(word, PREFIX, PREFIX_LEN) == 0 ? word + PREFIX_LEN : word;
    for (unsigned i = 0; i < WFE_OCI_RLIMIT_COUNT && text[len] == '='; i++) {
        if (strcmp(name, words[i]) == 0) {
            *ret = i;
            *p = text + len + 1;
            return 0;
        }
    }
    const char *nearest = wfe_nearest(name, words, WFE_OCI_RLIMIT_COUNT);
    wfe_error_set(err, WFE_E_INVALID,
                  "ulimit is '%.*s', must be NAME=SOFT[:HARD], such as nofile=1024:4096 or core=0",
                  (int)wfe_utf8_prefix(text, SHOWN_BYTES), text);
    if (text[len] == '=' && nearest)
        wfe_error_hint(err, "did you mean %s?", nearest);
    else if (text[len] == '=')
        wfe_error_hint(err, "the names are those of setrlimit(2): nofile, nproc, core, stack, ...");
    return WFE_E_INVALID;
}

static bool read_word(const char **p, const char *word)
{
    size_t len = strlen(word);
    if (strncmp(*p, word, len) != 0)
        return false;
    *p += len;
    return true;
}

static bool read_value(const char **p, uint64_t *ret)
{
    if (read_word(p, "unlimited") || read_word(p, "-1")) {
        *ret = WFE_OCI_RLIMIT_UNLIMITED;
        return true;
    }
    const char *start = *p;
    uint64_t value = 0;
    for (; **p >= '0' && **p <= '9'; (*p)++) {
        if (value > WFE_OCI_RLIMIT_MAX / 10)
            return false;
        value = value * 10 + (uint64_t)(**p - '0');
        if (value > WFE_OCI_RLIMIT_MAX)
            return false;
    }
    *ret = value;
    return *p > start;
}

int wfe_oci_rlimit_parse(const char *text, wfe_oci_rlimit *ret, wfe_error *err)
{
    wfe_oci_rlimit limit = {.soft = 0};
    const char *p = text;
    int rc = read_type(&p, &limit.type, err);
    if (rc)
        return rc;
    bool ok = read_value(&p, &limit.soft);
    limit.hard = limit.soft;
    if (ok && *p == ':') {
        p++;
        ok = read_value(&p, &limit.hard);
    }
    int shown = (int)wfe_utf8_prefix(text, SHOWN_BYTES);
    if (!ok || *p)
        return wfe_error_set(err, WFE_E_INVALID,
                             "ulimit is '%.*s', its limits must be numbers from 0 to %llu or "
                             "unlimited, such as %s=1024:4096",
                             shown, text, (unsigned long long)WFE_OCI_RLIMIT_MAX,
                             words[limit.type]);
    if (limit.soft > limit.hard)
        return wfe_error_set(err, WFE_E_INVALID,
                             "ulimit is '%.*s', its soft limit must not be above its hard one",
                             shown, text);
    *ret = limit;
    return 0;
}
