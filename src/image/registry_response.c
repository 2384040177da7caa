/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading headers and bodies of registries. Texts only.
 */
#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/nearest.h"
#include "base/utf8.h"
#include "image/registry_priv.h"

#define TAGS_SHOWN 10
#define TAGS_COMPARED 10000

bool wfe_registry_parse_size(const char *value, uint64_t *ret)
{
    uint64_t size = 0;
    size_t digits = value ? strspn(value, "0123456789") : 0;
    if (!digits || value[digits])
        return false;
    for (size_t i = 0; i < digits; i++) {
        if (size > (uint64_t)INT64_MAX / 10 - 1)
            return false;
        size = size * 10 + (uint64_t)(value[i] - '0');
    }
    *ret = size;
    return true;
}

/* Digits up to one of the characters of ends; moves behind it. */
static bool take_size(const char **at, char end, uint64_t *ret)
{
    char digits[24];
    size_t n = strspn(*at, "0123456789");
    if (n >= sizeof digits || (*at)[n] != end)
        return false;
    snprintf(digits, sizeof digits, "%.*s", (int)n, *at);
    *at += n + (end != '\0');
    return wfe_registry_parse_size(digits, ret);
}

bool wfe_registry_parse_content_range(const char *value, uint64_t *ret_first, uint64_t *ret_last,
                                      int64_t *ret_total)
{
    uint64_t first = 0, last = 0, total = 0;
    if (!value || strncasecmp(value, "bytes ", 6) != 0)
        return false;
    value += 6;
    if (!take_size(&value, '-', &first) || !take_size(&value, '/', &last) || first > last)
        return false;
    bool is_known = strcmp(value, "*") != 0;
    if (is_known && (!take_size(&value, '\0', &total) || last >= total))
        return false;
    *ret_first = first;
    *ret_last = last;
    *ret_total = is_known ? (int64_t)total : -1;
    return true;
}

uint32_t wfe_registry_retry_after_ms(const char *value)
{
    uint64_t seconds = 0;
    struct tm date = {0};
    if (!value)
        return 0;
    if (!wfe_registry_parse_size(value, &seconds)) {
        /* RFC 9110, 5.6.7: the one form that may be sent. */
        const char *end = strptime(value, "%a, %d %b %Y %H:%M:%S GMT", &date);
        if (!end || *end)
            return 0;
        time_t wait = timegm(&date) - time(NULL);
        seconds = wait > 0 ? (uint64_t)wait : 0;
    }
    return seconds > UINT32_MAX / 1000 ? UINT32_MAX : (uint32_t)(seconds * 1000);
}

static json_t *load(const char *body, size_t len)
{
    json_t *root = NULL;
    if (!body || wfe_json_load(body, len, 0, &root, NULL) != 0)
        return NULL;
    return root;
}

void wfe_registry_error_text(const char *body, size_t len, char *out, size_t size)
{
    out[0] = '\0';
    json_t *root = load(body, len);
    const json_t *first = json_array_get(json_object_get(root, "errors"), 0);
    const char *code = json_string_value(json_object_get(first, "code"));
    const char *message = json_string_value(json_object_get(first, "message"));
    if (!message) /* token servers */
        message = json_string_value(json_object_get(root, "error_description"));
    if (!message)
        message = json_string_value(json_object_get(root, "details"));
    if (code || message) {
        char text[512];
        snprintf(text, sizeof text, "%s%s%s", code ? code : "", code && message ? ": " : "",
                 message ? message : "");
        snprintf(out, size, "%.*s", (int)wfe_utf8_prefix(text, size - 1), text);
    }
    for (char *p = out; *p; p++) {
        if (iscntrl((unsigned char)*p))
            *p = ' ';
    }
    json_decref(root);
}

/* The first few of the list, after a wanted one that is like it. */
static void add_list(wfe_error *err, const char *const *tags, size_t n)
{
    char list[600] = "";
    size_t used = 0;
    for (size_t i = 0; i < n && i < TAGS_SHOWN; i++) {
        int len = snprintf(list + used, sizeof list - used, "%s%.60s", i ? ", " : "", tags[i]);
        if (len < 0 || (size_t)len >= sizeof list - used)
            break;
        used += (size_t)len;
    }
    char message[WFE_ERROR_MESSAGE_SIZE];
    snprintf(message, sizeof message, "%s; it has %zu tag%s: %s%s", err->message, n,
             n == 1 ? "" : "s", list, n > TAGS_SHOWN ? ", ..." : "");
    snprintf(err->message, sizeof err->message, "%s", message);
}

static bool is_tag(const char *text)
{
    size_t len = strlen(text);
    return len && len <= 128 &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == len;
}

static size_t collect_tags(const json_t *list, const char **tags, size_t max)
{
    size_t n = 0, i;
    const json_t *item;
    json_array_foreach((json_t *)(uintptr_t)list, i, item)
    {
        const char *text = json_string_value(item);
        if (text && n < max && is_tag(text))
            tags[n++] = text;
    }
    return n;
}

void wfe_registry_add_tags(wfe_error *err, const char *wanted, const char *body, size_t len)
{
    json_t *root = load(body, len);
    const json_t *list = json_object_get(root, "tags");
    size_t max = json_array_size(list) < TAGS_COMPARED ? json_array_size(list) : TAGS_COMPARED;
    const char **tags = max ? calloc(max, sizeof *tags) : NULL;
    size_t n = tags ? collect_tags(list, tags, max) : 0;
    const char *nearest = n ? wfe_nearest(wanted, tags, n) : NULL;
    if (n)
        add_list(err, tags, n);
    if (nearest)
        wfe_error_hint(err, "did you mean the tag '%s'?", nearest);
    free(tags);
    json_decref(root);
}
