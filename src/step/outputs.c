/* SPDX-License-Identifier: Apache-2.0
 *
 * See outputs.h. At any moment a line is in one of three states: its beginning still matches the
 * prefix (matched < PREFIX_LEN), it is an output line under way (matched == PREFIX_LEN), or it is
 * none and its end is awaited (skip). Bytes are held only in the second, and only when the line's
 * end is not in the same piece.
 */
#include "step/outputs.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/utf8.h"

static const char prefix[] = "##wfe[output ";
#define PREFIX_LEN (sizeof prefix - 1)
#define CONTENT_MAX (WFE_OUTPUTS_LINE_MAX_BYTES - PREFIX_LEN)
/* Twice the number of outputs, so that a search soon finds a free slot. */
#define N_SLOTS (2 * WFE_OUTPUTS_MAX_ITEMS)
#define SHOWN_BYTES 64

void wfe_outputs_init(wfe_outputs *outputs)
{
    *outputs = (wfe_outputs){.line = WFE_BUF_INIT(CONTENT_MAX + 1)}; /* 1: a CR before the end */
}

void wfe_outputs_done(wfe_outputs *outputs)
{
    wfe_strmap_done(&outputs->map);
    wfe_buf_done(&outputs->line);
    free(outputs->slots);
    outputs->slots = NULL;
}

/* The bytes as a C string, each NUL as U+FFFD. */
static char *text_of(const char *bytes, size_t len)
{
    static const char replacement[] = "\xEF\xBF\xBD";
    size_t nuls = 0;
    for (size_t i = 0; i < len; i++)
        nuls += bytes[i] == '\0';
    char *text = malloc(len + nuls * (sizeof replacement - 2) + 1);
    if (!text)
        return NULL;
    char *out = text;
    for (size_t i = 0; i < len; i++) {
        if (bytes[i])
            *out++ = bytes[i];
        else
            out = (char *)memcpy(out, replacement, sizeof replacement - 1) + sizeof replacement - 1;
    }
    *out = '\0';
    return text;
}

/* The slot of key, or the free one where it belongs. Keys come from the container: a step that
 * prints thousands of them must not make each of its lines a walk over all (FNV-1a, 64 bits). */
static uint16_t *find_slot(const wfe_outputs *outputs, const char *key)
{
    uint64_t hash = 14695981039346656037U;
    for (const char *p = key; *p; p++)
        hash = (hash ^ (unsigned char)*p) * 1099511628211U;
    for (size_t i = (size_t)(hash ^ hash >> 32) % N_SLOTS;; i = (i + 1) % N_SLOTS) {
        uint16_t *slot = &outputs->slots[i];
        if (!*slot || strcmp(outputs->map.items[*slot - 1].key, key) == 0)
            return slot;
    }
}

static int reach_limit(wfe_outputs *outputs, const char *key, wfe_error *err)
{
    outputs->full = true;
    free(outputs->slots);
    outputs->slots = NULL;
    wfe_buf_done(&outputs->line);
    size_t shown = wfe_utf8_prefix(key, SHOWN_BYTES);
    return wfe_error_set(err, WFE_E_LIMIT,
                         "the outputs of the step are too many: at most %zu MiB in total and %u "
                         "outputs are taken; '%.*s%s' and all after it are dropped",
                         WFE_OUTPUTS_TOTAL_MAX_BYTES >> 20, WFE_OUTPUTS_MAX_ITEMS, (int)shown, key,
                         key[shown] ? "..." : "");
}

/* Takes value. */
static int store(wfe_outputs *outputs, const char *key, char *value, wfe_error *err)
{
    _cleanup_free_ char *owned = value;
    if (!outputs->slots) {
        outputs->slots = calloc(N_SLOTS, sizeof *outputs->slots);
        if (!outputs->slots)
            return wfe_error_nomem(err);
    }
    uint16_t *slot = find_slot(outputs, key);
    wfe_pair *old = *slot ? &outputs->map.items[*slot - 1] : NULL;
    size_t total = outputs->total_bytes + strlen(value);
    total = old ? total - strlen(old->value) : total + strlen(key);
    if (total > WFE_OUTPUTS_TOTAL_MAX_BYTES || (!old && outputs->map.len == WFE_OUTPUTS_MAX_ITEMS))
        return reach_limit(outputs, key, err);
    if (old) {
        free(old->value);
        old->value = wfe_take(owned);
    } else {
        int rc = wfe_strmap_set(&outputs->map, key, value, err);
        if (rc)
            return rc;
        *slot = (uint16_t)outputs->map.len;
    }
    outputs->total_bytes = total;
    return 0;
}

int wfe_outputs_put(wfe_outputs *outputs, const char *key, size_t key_len, const char *value,
                    size_t value_len, wfe_error *err)
{
    if (outputs->full)
        return 0;
    _cleanup_free_ char *key_text = text_of(key, key_len);
    char *value_text = text_of(value, value_len);
    if (!key_text || !value_text) {
        free(value_text);
        return wfe_error_nomem(err);
    }
    return store(outputs, key_text, value_text, err);
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* A whole line, without prefix and newline. */
static int take_line(wfe_outputs *outputs, const char *content, size_t len, wfe_error *err)
{
    if (len && content[len - 1] == '\r')
        len--;
    if (!len || len > CONTENT_MAX || content[len - 1] != ']')
        return 0;
    len--;
    const char *equals = memchr(content, '=', len);
    if (!equals)
        return 0;
    const char *key_end = equals;
    const char *value_bytes = equals + 1;
    size_t value_len = len - (size_t)(value_bytes - content);
    while (content < key_end && is_space(*content))
        content++;
    while (key_end > content && is_space(key_end[-1]))
        key_end--;
    if (key_end == content)
        return 0;
    return wfe_outputs_put(outputs, content, (size_t)(key_end - content), value_bytes, value_len,
                           err);
}

/* The line's end has come; last are the bytes of it that are not held. */
static int end_line(wfe_outputs *outputs, const char *last, size_t len, wfe_error *err)
{
    int rc = 0;
    if (outputs->line.len + len > CONTENT_MAX + 1) {
        /* too long to be an output */
    } else if (!outputs->line.len) {
        rc = take_line(outputs, last, len, err);
    } else {
        rc = wfe_buf_append(&outputs->line, last, len, err);
        if (!rc)
            rc = take_line(outputs, outputs->line.data, outputs->line.len, err);
    }
    wfe_buf_done(&outputs->line);
    outputs->matched = 0;
    return rc;
}

/* The piece ends inside an output line. */
static int hold(wfe_outputs *outputs, const char *bytes, size_t len, wfe_error *err)
{
    int rc = 0;
    bool too_long = outputs->line.len + len > CONTENT_MAX + 1;
    if (!too_long)
        rc = wfe_buf_append(&outputs->line, bytes, len, err);
    if (too_long || rc) {
        wfe_buf_done(&outputs->line);
        outputs->skip = true;
    }
    return rc;
}

int wfe_outputs_feed(wfe_outputs *outputs, const void *bytes, size_t len, wfe_error *err)
{
    const char *p = bytes;
    const char *end = p + len;
    int first_rc = 0;
    while (p < end && !outputs->full) {
        while (!outputs->skip && p < end && outputs->matched < PREFIX_LEN) {
            if (*p == prefix[outputs->matched]) {
                outputs->matched++;
                p++;
            } else {
                outputs->skip = true;
            }
        }
        if (p == end)
            break;
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        const char *stop = newline ? newline : end;
        int rc = 0;
        if (outputs->skip && newline) {
            outputs->skip = false;
            outputs->matched = 0;
        } else if (!outputs->skip) {
            rc = newline ? end_line(outputs, p, (size_t)(stop - p), err)
                         : hold(outputs, p, (size_t)(stop - p), err);
        }
        if (!first_rc)
            first_rc = rc;
        p = newline ? newline + 1 : end;
    }
    return first_rc;
}

int wfe_outputs_save(const wfe_outputs *outputs, wfe_buf *out, wfe_error *err)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < outputs->map.len; i++)
        rc = wfe_buf_printf(out, err, "%s%s=%s]\n", prefix, outputs->map.items[i].key,
                            outputs->map.items[i].value);
    if (!rc && outputs->skip)
        rc = wfe_buf_append_str(out, "-", err); /* no output begins so */
    else if (!rc)
        rc = wfe_buf_append(out, prefix, outputs->matched, err);
    if (!rc && !outputs->skip && outputs->line.len)
        rc = wfe_buf_append(out, outputs->line.data, outputs->line.len, err);
    return rc;
}

int wfe_outputs_finish(wfe_outputs *outputs, wfe_error *err)
{
    int rc = 0;
    if (!outputs->full && !outputs->skip && outputs->matched == PREFIX_LEN)
        rc = end_line(outputs, "", 0, err);
    outputs->skip = false;
    outputs->matched = 0;
    return rc;
}
