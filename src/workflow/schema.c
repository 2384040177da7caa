/* SPDX-License-Identifier: Apache-2.0
 *
 * The JSON Schema of workflow files, made from the table of keys. It lets through what ((name))
 * may stand for: a text wherever a number or a bool is meant, or a list or map of texts.
 */
#include "workflow/schema.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "workflow/keys.h"

static void decref(json_t **json)
{
    json_decref(*json);
}

/* Takes value, also on failure. */
static bool put(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value) == 0;
}

static json_t *reference(const char *scope)
{
    return json_pack("{s:s+}", "$ref", "#/$defs/", scope);
}

static const char *definition_name(enum wfe_scope scope)
{
    static const char *const names[WFE_N_SCOPES] = {
#define SCOPE_NAME(name, title, type) [WFE_SCOPE_##name] = #name,
        WFE_SCOPES(SCOPE_NAME)
#undef SCOPE_NAME
    };
    return names[scope];
}

static json_t *placeholder_or(const char *type)
{
    return json_pack("{s:[s, s]}", "type", type, "string");
}

static json_t *words_of(const char *words)
{
    json_t *list = json_array();
    for (const char *w = words; list && *w;) {
        size_t len = strcspn(w, "|");
        if (json_array_append_new(list, json_stringn(w, len))) {
            json_decref(list);
            return NULL;
        }
        w += len + (w[len] == '|');
    }
    return list;
}

/* What WFE_KEY_NODE is, by how the reference writes it. */
static json_t *written_as(const char *words)
{
    static const struct {
        const char *words;
        const char *schema;
    } shapes[] = {
        {"list of texts", "{\"type\": [\"array\", \"string\"], \"items\": "
                          "{\"$ref\": \"#/$defs/TEXT\"}}"},
        {"list, or path of one", "{\"type\": [\"array\", \"string\"]}"},
        {"list of names or of maps", "{\"type\": \"array\", \"items\": {\"anyOf\": ["
                                     "{\"$ref\": \"#/$defs/SECRET_USE\"}, "
                                     "{\"type\": \"string\"}]}}"},
        {"list of ports", "{\"type\": \"array\", \"items\": "
                          "{\"type\": [\"integer\", \"string\"]}}"},
        {"list of `exit`, `timeout`, `oom`, `infrastructure`, `output`",
         "{\"type\": [\"array\", \"string\"], \"items\": {\"enum\": [\"exit\", \"timeout\", "
         "\"oom\", \"infrastructure\", \"output\"]}}"},
        {"map of names to values", "{\"type\": \"object\"}"},
        {"map, by `type`", "{\"type\": \"object\"}"},
        {"any value", "{}"},
    };
    for (size_t i = 0; words && i < sizeof shapes / sizeof *shapes; i++) {
        if (strcmp(shapes[i].words, words) == 0)
            return json_loads(shapes[i].schema, 0, NULL);
    }
    return NULL;
}

/* A list or map of texts may be a value, too. */
static json_t *or_placeholder(json_t *list, json_t *map)
{
    json_t *any = json_array();
    if (map)
        json_array_append_new(any, map);
    json_array_append_new(any, list);
    json_array_append_new(any, reference("PLACEHOLDER"));
    return json_pack("{s:o}", "anyOf", any);
}

static json_t *texts(void)
{
    return json_pack("{s:s, s:o}", "type", "array", "items", reference("TEXT"));
}

static json_t *value_of(const wfe_key *key)
{
    switch (key->kind) {
    case WFE_KEY_TEXT:
        return key->words ? json_pack("{s:o}", "enum", words_of(key->words))
                          : json_pack("{s:[s, s, s]}", "type", "string", "number", "boolean");
    case WFE_KEY_TEXTS:
        return or_placeholder(texts(), NULL);
    case WFE_KEY_TEXT_OR_TEXTS:
        return json_pack("{s:[o, o]}", "anyOf", reference("TEXT"), texts());
    case WFE_KEY_PAIRS:
        return or_placeholder(reference("PAIRS"), NULL);
    case WFE_KEY_TEXTS_OR_PAIRS:
        return or_placeholder(texts(), reference("PAIRS"));
    case WFE_KEY_BOOL:
        return placeholder_or("boolean");
    case WFE_KEY_COUNT:
    case WFE_KEY_COUNT_TEXT:
        return placeholder_or("integer");
    case WFE_KEY_NUMBER:
    case WFE_KEY_NUMBER_TEXT:
    case WFE_KEY_DURATION:
    case WFE_KEY_BYTES:
    case WFE_KEY_SIZE_TEXT:
        return placeholder_or("number");
    case WFE_KEY_MAP:
        return reference(definition_name(key->sub));
    case WFE_KEY_LIST:
        return json_pack(
            "{s:s, s:o}", "type", "array", "items",
            key->sub == WFE_SCOPE_VOLUME
                ? json_pack("{s:[o, o]}", "anyOf", reference("VOLUME"), reference("TEXT"))
                : reference(definition_name(key->sub)));
    case WFE_KEY_TABLE:
        return json_pack("{s:s, s:o}", "type", "object", "additionalProperties",
                         reference(definition_name(key->sub)));
    case WFE_KEY_STEP:
        return reference("STEP");
    case WFE_KEY_CONDITION:
        return reference("CONDITION");
    case WFE_KEY_CONDITIONS:
        return json_pack("{s:s, s:o}", "type", "array", "items", reference("CONDITION"));
    case WFE_KEY_TYPES:
        return json_pack("{s:s, s:{s:s}}", "type", "object", "additionalProperties", "type",
                         "string");
    case WFE_KEY_TYPE:
        return json_pack("{s:s}", "type", "string");
    case WFE_KEY_REFUSED:
        return json_pack("{s:{}}", "not");
    case WFE_KEY_NODE:
        return written_as(key->words);
    case WFE_KEY_IGNORED:
    case WFE_KEY_SILENT:
        break;
    }
    return json_object();
}

static bool add_key(json_t *properties, json_t *required, const wfe_key *key)
{
    bool needed = key->fallback && strcmp(key->fallback, "required") == 0;
    json_t *value = value_of(key);
    return value && put(value, "description", json_string(key->doc)) &&
                   (!key->fallback || needed ||
                    put(value, "$comment", json_sprintf("default: %s", key->fallback)))
               ? put(properties, key->name, value) &&
                     (!needed || json_array_append_new(required, json_string(key->name)) == 0)
               : (json_decref(value), false);
}

static json_t *definition_of(enum wfe_scope scope)
{
    _cleanup_(decref) json_t *properties = json_object();
    _cleanup_(decref) json_t *required = json_array();
    size_t n;
    const wfe_key *keys = wfe_keys_of(scope, &n);
    bool ok = properties && required;
    for (size_t i = 0; ok && i < n; i++)
        ok = add_key(properties, required, &keys[i]);
    if (!ok)
        return NULL;
    json_t *definition = json_pack("{s:s, s:O, s:O}", "type", "object", "properties", properties,
                                   "required", required);
    bool open = scope == WFE_SCOPE_FILE; /* _templates and x-anything */
    if (definition &&
        !(open ? put(definition, "patternProperties", json_pack("{s:{}}", "^(_|x-)")) : true))
        return NULL;
    if (definition && !put(definition, "additionalProperties", json_false()))
        return NULL;
    return definition;
}

/* `config` by `type`. */
static bool add_configs(json_t *definitions)
{
    static const struct {
        const char *type;
        enum wfe_scope scope;
    } configs[] = {{"containerd", WFE_SCOPE_CONTAINERD},
                   {"shell", WFE_SCOPE_SHELL},
                   {"workflow", WFE_SCOPE_CALL}};
    json_t *all = json_array();
    bool ok = all != NULL;
    for (size_t i = 0; ok && i < sizeof configs / sizeof *configs; i++)
        ok = json_array_append_new(
                 all, json_pack("{s:{s:{s:{s:s}}, s:[s]}, s:{s:{s:o}}}", "if", "properties", "type",
                                "const", configs[i].type, "required", "type", "then", "properties",
                                "config", reference(definition_name(configs[i].scope)))) == 0;
    /* Without a type it is a shell step. */
    ok = ok &&
         json_array_append_new(all, json_pack("{s:{s:{s:[s]}}, s:{s:{s:o}}}", "if", "not",
                                              "required", "type", "then", "properties", "config",
                                              reference(definition_name(WFE_SCOPE_SHELL)))) == 0;
    ok = put(json_object_get(definitions, "STEP"), "allOf", all) && ok;
    return ok;
}

char *wfe_plan_schema(void)
{
    _cleanup_(decref) json_t *definitions = json_object();
    bool ok =
        put(definitions, "TEXT",
            json_pack("{s:[s, s, s]}", "type", "string", "number", "boolean")) &&
        put(definitions, "PLACEHOLDER",
            json_pack("{s:s, s:s}", "type", "string", "pattern", "^\\(\\([A-Za-z0-9_.]+\\)\\)$")) &&
        put(definitions, "PAIRS",
            json_pack("{s:s, s:{s:[s, s, s, s]}}", "type", "object", "additionalProperties", "type",
                      "string", "number", "boolean", "null"));
    for (int scope = WFE_SCOPE_FILE; ok && scope < WFE_N_SCOPES; scope++)
        ok = put(definitions, definition_name((enum wfe_scope)scope),
                 definition_of((enum wfe_scope)scope));
    ok = ok && add_configs(definitions);
    if (!ok)
        return NULL;
    _cleanup_(decref) json_t *schema =
        json_pack("{s:s, s:s, s:s, s:O}", "$schema", "https://json-schema.org/draft/2020-12/schema",
                  "title", "wfe workflow", "$ref", "#/$defs/FILE", "$defs", definitions);
    /* From the library's allocator into ours: the caller frees with free(). */
    char *dumped = schema ? json_dumps(schema, JSON_INDENT(2)) : NULL;
    _cleanup_(wfe_buf_done) wfe_buf out = WFE_BUF_INIT(0);
    if (!dumped || wfe_buf_append_str(&out, dumped, NULL) || wfe_buf_append_str(&out, "\n", NULL)) {
        free(dumped);
        return NULL;
    }
    free(dumped);
    return wfe_buf_take(&out, NULL);
}
