/* SPDX-License-Identifier: Apache-2.0 */
#include "workflow/types.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/utf8.h"
#include "workflow/scalar.h"

static const struct {
    const char *name;
    enum wfe_plan_type_kind kind;
} simple_types[] = {
    {"string", WFE_PLAN_STRING}, {"number", WFE_PLAN_NUMBER}, {"integer", WFE_PLAN_INTEGER},
    {"bool", WFE_PLAN_BOOL},     {"any", WFE_PLAN_ANY},
};
#define N_SIMPLE (sizeof simple_types / sizeof *simple_types)

const char *const wfe_type_names[] = {"string", "number", "integer", "bool", "any", "list", "map"};
const size_t wfe_n_type_names = sizeof wfe_type_names / sizeof *wfe_type_names;

static void trim(const char **text, size_t *len)
{
    while (*len && (**text == ' ' || **text == '\t')) {
        (*text)++;
        (*len)--;
    }
    while (*len && ((*text)[*len - 1] == ' ' || (*text)[*len - 1] == '\t'))
        (*len)--;
}

static int parse(wfe_arena *arena, const char *text, size_t len, int depth, wfe_plan_type *out,
                 wfe_error *err);

static int parse_generic(wfe_arena *arena, const char *text, size_t len, int depth,
                         wfe_plan_type *out, wfe_error *err)
{
    const char *open = memchr(text, '<', len);
    size_t name_len = (size_t)(open - text);
    if (text[len - 1] != '>' || depth >= WFE_TYPE_MAX_DEPTH)
        return wfe_error_set(err, WFE_E_INVALID, "Malformed generic type: '%.*s'", (int)len, text);
    if (name_len == 4 && memcmp(text, "list", 4) == 0)
        out->kind = WFE_PLAN_LIST;
    else if (name_len == 3 && memcmp(text, "map", 3) == 0)
        out->kind = WFE_PLAN_MAP;
    else
        return wfe_error_set(err, WFE_E_INVALID, "Unknown generic type: '%.*s'", (int)name_len,
                             text);
    wfe_plan_type *member = wfe_arena_alloc(arena, sizeof *member);
    if (!member)
        return wfe_error_nomem(err);
    out->member = member;
    return parse(arena, open + 1, len - name_len - 2, depth + 1, member, err);
}

static int parse(wfe_arena *arena, const char *text, size_t len, int depth, wfe_plan_type *out,
                 wfe_error *err)
{
    trim(&text, &len);
    if (!len)
        return wfe_error_set(err, WFE_E_INVALID, "Empty type string");
    out->text = wfe_arena_text(arena, text, len);
    if (!out->text)
        return wfe_error_nomem(err);
    if (text[len - 1] == '?') {
        out->optional = true;
        len--;
        trim(&text, &len);
        if (!len)
            return wfe_error_set(err, WFE_E_INVALID, "Empty type string");
    }
    if (memchr(text, '<', len))
        return parse_generic(arena, text, len, depth, out, err);
    for (size_t i = 0; i < N_SIMPLE; i++) {
        if (strlen(simple_types[i].name) == len && memcmp(simple_types[i].name, text, len) == 0) {
            out->kind = simple_types[i].kind;
            return 0;
        }
    }
    return wfe_error_set(err, WFE_E_INVALID, "Unknown type: '%.*s'", (int)len, text);
}

int wfe_type_parse(wfe_arena *arena, const char *text, wfe_plan_type *out, wfe_error *err)
{
    wfe_plan_type type = {.kind = WFE_PLAN_ANY};
    int rc = parse(arena, text, strlen(text), 0, &type, err);
    if (!rc)
        *out = type;
    return rc;
}

/* ---- values ---- */

static bool fits(const wfe_plan_type *type, const json_t *value, int depth)
{
    size_t i;
    const char *key;
    json_t *member;
    json_t *mutable = (json_t *)(uintptr_t)value;
    if (json_is_null(value))
        return type->optional || type->kind == WFE_PLAN_ANY;
    switch (type->kind) {
    case WFE_PLAN_ANY:
        return true;
    case WFE_PLAN_STRING:
        return json_is_string(value);
    case WFE_PLAN_NUMBER:
        return json_is_number(value);
    case WFE_PLAN_INTEGER:
        return json_is_integer(value);
    case WFE_PLAN_BOOL:
        return json_is_boolean(value);
    case WFE_PLAN_LIST:
        if (!json_is_array(value) || depth > WFE_TYPE_MAX_DEPTH)
            return false;
        json_array_foreach(mutable, i, member)
        {
            if (!fits(type->member, member, depth + 1))
                return false;
        }
        return true;
    case WFE_PLAN_MAP:
        if (!json_is_object(value) || depth > WFE_TYPE_MAX_DEPTH)
            return false;
        json_object_foreach(mutable, key, member)
        {
            if (!fits(type->member, member, depth + 1))
                return false;
        }
        return true;
    }
    return false;
}

static bool is_kind_of(enum wfe_plan_type_kind type, enum wfe_scalar_kind kind)
{
    switch (type) {
    case WFE_PLAN_BOOL:
        return kind == WFE_SCALAR_BOOL;
    case WFE_PLAN_INTEGER:
        return kind == WFE_SCALAR_INTEGER;
    case WFE_PLAN_NUMBER:
        return kind == WFE_SCALAR_INTEGER || kind == WFE_SCALAR_REAL;
    default:
        return false;
    }
}

/* A text as a value of that type, a new reference; NULL when it is none. */
static int from_text(const wfe_plan_type *type, const json_t *value, json_t **ret, wfe_error *err)
{
    const char *text = json_string_value(value);
    size_t len = json_string_length(value);
    enum wfe_scalar_kind kind = wfe_scalar_plain_kind(text);
    *ret = NULL;
    if (type->optional && kind == WFE_SCALAR_NULL) {
        *ret = json_null();
        return 0;
    }
    if (type->kind >= WFE_PLAN_NUMBER && type->kind <= WFE_PLAN_BOOL) {
        if (is_kind_of(type->kind, kind) && !(*ret = wfe_scalar_json(text, len, 0)))
            return wfe_error_nomem(err);
        return 0;
    }
    int rc = wfe_json_load(text, len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, ret, NULL);
    return rc == WFE_E_NOMEM ? wfe_error_nomem(err) : 0;
}

static int refuse(const wfe_plan_type *type, const json_t *value, wfe_error *err)
{
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    if (!text)
        return wfe_error_nomem(err);
    size_t len = strlen(text);
    size_t shown = wfe_utf8_prefix(text, 80);
    wfe_error_set(err, WFE_E_INVALID, "must be %s, found %.*s%s", type->text, (int)shown, text,
                  shown < len ? "..." : "");
    free(text);
    return WFE_E_INVALID;
}

int wfe_plan_type_check(const wfe_plan_type *type, const json_t *value, bool convert, json_t **ret,
                        wfe_error *err)
{
    if (convert && json_is_string(value) && type->kind != WFE_PLAN_STRING) {
        json_t *converted = NULL;
        int rc = from_text(type, value, &converted, err);
        if (rc)
            return rc;
        if (converted && fits(type, converted, 0)) {
            *ret = converted;
            return 0;
        }
        json_decref(converted);
    }
    if (!fits(type, value, 0))
        return refuse(type, value, err);
    *ret = json_incref((json_t *)(uintptr_t)value);
    return 0;
}
