/* SPDX-License-Identifier: Apache-2.0 */
#include "workflow/yaml.h"

#include <libfyaml.h>
#include <stdlib.h>
#include <string.h>

#include "base/dynlib.h"
#include "base/utf8.h"
#include "workflow/yaml_priv.h"

#define FYAML_FUNCTIONS(X)                                                                         \
    X(fy_diag_cfg_default)                                                                         \
    X(fy_diag_create)                                                                              \
    X(fy_diag_destroy)                                                                             \
    X(fy_diag_set_collect_errors)                                                                  \
    X(fy_diag_errors_iterate)                                                                      \
    X(fy_parser_create)                                                                            \
    X(fy_parser_destroy)                                                                           \
    X(fy_parser_set_string)                                                                        \
    X(fy_parser_parse)                                                                             \
    X(fy_parser_event_free)                                                                        \
    X(fy_parser_get_stream_error)                                                                  \
    X(fy_token_get_text)                                                                           \
    X(fy_token_start_mark)                                                                         \
    X(fy_token_end_mark)                                                                           \
    X(fy_token_scalar_style)

static struct {
#define FYAML_MEMBER(name) __typeof__(&(name)) name;
    FYAML_FUNCTIONS(FYAML_MEMBER)
#undef FYAML_MEMBER
} lib;

static int load_libfyaml(wfe_error *err)
{
    static const wfe_dynlib_symbol symbols[] = {
#define FYAML_SYMBOL(name) {#name, (void **)&lib.name},
        FYAML_FUNCTIONS(FYAML_SYMBOL)
#undef FYAML_SYMBOL
    };
    if (lib.fy_token_scalar_style)
        return 0;
    return wfe_dynlib_load("libfyaml.so.0", "libfyaml0", symbols, sizeof symbols / sizeof *symbols,
                           err);
}

/* ---- places ---- */

static wfe_plan_pos here(const wfe_yaml *y, struct fy_token *token)
{
    const struct fy_mark *mark = token ? lib.fy_token_start_mark(token) : NULL;
    if (!mark)
        return y->last;
    return (wfe_plan_pos){
        .file = y->file, .line = (uint32_t)mark->line + 1, .column = (uint32_t)mark->column + 1};
}

static uint32_t marked(struct fy_token *token)
{
    const struct fy_mark *start = token ? lib.fy_token_start_mark(token) : NULL;
    const struct fy_mark *end = token ? lib.fy_token_end_mark(token) : NULL;
    if (!start || !end || start->line != end->line || end->column <= start->column)
        return 1;
    return (uint32_t)(end->column - start->column);
}

/* ---- nodes ---- */

/* A tag other than the core schema's is refused: nothing here would act on it. */
static int read_tag(wfe_yaml *y, struct fy_token *tag, wfe_node *node)
{
    if (!tag)
        return 0;
    size_t len = 0;
    const char *text = lib.fy_token_get_text(tag, &len);
    char name[64];
    if (!text || len >= sizeof name) {
        wfe_diagnose_error(y->list, wfe_mark_node(node), "unknown tag");
        return 0;
    }
    memcpy(name, text, len);
    name[len] = '\0';
    static const char core[] = "tag:yaml.org,2002:";
    if (strcmp(name, "tag:yaml.org,2002:str") == 0 || strcmp(name, "!") == 0) {
        node->flags |= WFE_NODE_QUOTED;
    } else if (strncmp(name, core, sizeof core - 1) != 0) {
        wfe_diagnose_error(y->list, wfe_mark_node(node), "unknown tag '%s'", name);
        wfe_diagnose_hint(y->list, "workflow files use no tags but those of YAML itself");
    }
    return 0;
}

static wfe_node *new_node(wfe_yaml *y, enum wfe_node_kind kind, struct fy_token *token)
{
    wfe_node *node = wfe_arena_alloc(y->arena, sizeof *node);
    if (!node)
        return NULL;
    node->kind = (uint8_t)kind;
    node->pos = here(y, token);
    node->length = marked(token);
    node->n_nodes = 1;
    return node;
}

static int add_scalar(wfe_yaml *y, const struct fy_event_scalar_data *event)
{
    wfe_node *node = new_node(y, WFE_NODE_SCALAR, event->value);
    size_t len = 0;
    /* A value that is left out has a token without text. */
    const char *text = event->value ? lib.fy_token_get_text(event->value, &len) : "";
    if (!text)
        text = "", len = 0;
    if (!node || !(node->text = wfe_arena_text(y->arena, text, len)))
        return WFE_E_NOMEM;
    node->n = (uint32_t)len;
    if (event->value && lib.fy_token_scalar_style(event->value) != FYSS_PLAIN)
        node->flags |= WFE_NODE_QUOTED;
    if (strstr(node->text, "(("))
        node->flags |= WFE_NODE_PLACEHOLDER;
    int rc = read_tag(y, event->tag, node);
    return rc ? rc : wfe_yaml_add(y, node, event->anchor != NULL);
}

static int open_collection(wfe_yaml *y, enum wfe_node_kind kind, struct fy_token *token,
                           struct fy_token *tag)
{
    wfe_node *node = new_node(y, kind, token);
    if (!node)
        return WFE_E_NOMEM;
    int rc = read_tag(y, tag, node);
    return rc ? rc : wfe_yaml_open(y, node);
}

static int set_anchor(wfe_yaml *y, struct fy_token *anchor)
{
    size_t len = 0;
    const char *name = anchor ? lib.fy_token_get_text(anchor, &len) : NULL;
    if (!anchor)
        return 0;
    return name ? wfe_yaml_anchor(y, name, len, here(y, anchor)) : WFE_E_NOMEM;
}

static int add_alias(wfe_yaml *y, struct fy_token *anchor)
{
    size_t len = 0;
    const char *name = lib.fy_token_get_text(anchor, &len);
    if (!name)
        return WFE_E_NOMEM;
    wfe_mark mark = {.pos = here(y, anchor), .length = (uint32_t)len + 1};
    if (mark.pos.column > 1)
        mark.pos.column--; /* the token begins behind the asterisk */
    return wfe_yaml_alias(y, name, len, mark);
}

static int on_event(wfe_yaml *y, const struct fy_event *event)
{
    int rc = 0;
    switch (event->type) {
    case FYET_SCALAR:
        rc = set_anchor(y, event->scalar.anchor);
        return rc ? rc : add_scalar(y, &event->scalar);
    case FYET_ALIAS:
        return add_alias(y, event->alias.anchor);
    case FYET_MAPPING_START:
        rc = set_anchor(y, event->mapping_start.anchor);
        return rc ? rc
                  : open_collection(y, WFE_NODE_MAP, event->mapping_start.mapping_start,
                                    event->mapping_start.tag);
    case FYET_SEQUENCE_START:
        rc = set_anchor(y, event->sequence_start.anchor);
        return rc ? rc
                  : open_collection(y, WFE_NODE_LIST, event->sequence_start.sequence_start,
                                    event->sequence_start.tag);
    case FYET_MAPPING_END:
    case FYET_SEQUENCE_END:
        return wfe_yaml_close(y);
    case FYET_DOCUMENT_START:
        return wfe_yaml_document(y, here(y, event->document_start.document_start));
    default:
        return 0;
    }
}

/* ---- the parser ---- */

/* What to do about the mistakes that are made most. */
static void hint_syntax(wfe_yaml *y, const char *message)
{
    static const struct {
        const char *part;
        const char *hint;
    } hints[] = {
        {"tab character", "indent with spaces"},
        {"invalid nested block mapping", "a text that holds ': ' needs quotes around it"},
        {"without closing quote", "the quote that opens a text is missing at its end"},
        {"missing comma in flow", "between two entries, or the closing bracket is missing"},
        {"without a closing bracket", "each '[' and '{' needs its ']' and '}'"},
        {"wrong indentation", "entries of one map or list begin in the same column"},
    };
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++) {
        if (strstr(message, hints[i].part)) {
            wfe_diagnose_hint(y->list, "%s", hints[i].hint);
            return;
        }
    }
}

static void report_syntax(wfe_yaml *y, struct fy_diag *diag)
{
    void *iterator = NULL;
    const struct fy_diag_error *error = lib.fy_diag_errors_iterate(diag, &iterator);
    if (!error || !error->msg) {
        wfe_diagnose_error(y->list, wfe_mark_pos(y->last), "YAML parse error: the text is no YAML");
        return;
    }
    wfe_plan_pos pos = {.file = y->file, .line = 1, .column = 1};
    if (error->line > 0)
        pos.line = (uint32_t)error->line;
    if (error->column > 0)
        pos.column = (uint32_t)error->column;
    int len = (int)strcspn(error->msg, "\n");
    wfe_diagnose_error(y->list, wfe_mark_pos(pos), "YAML parse error: %.*s", len, error->msg);
    hint_syntax(y, error->msg);
}

static int parse_events(wfe_yaml *y, struct fy_parser *parser, struct fy_diag *diag)
{
    int rc = 0;
    struct fy_event *event;
    while (!rc && (event = lib.fy_parser_parse(parser))) {
        rc = on_event(y, event);
        lib.fy_parser_event_free(parser, event);
    }
    if (!rc && lib.fy_parser_get_stream_error(parser)) {
        report_syntax(y, diag);
        rc = WFE_E_INVALID;
    }
    return rc;
}

static int run_parser(wfe_yaml *y, const char *text, size_t len)
{
    struct fy_diag_cfg diag_cfg;
    lib.fy_diag_cfg_default(&diag_cfg);
    diag_cfg.fp = NULL;
    struct fy_diag *diag = lib.fy_diag_create(&diag_cfg);
    if (!diag)
        return WFE_E_NOMEM;
    lib.fy_diag_set_collect_errors(diag, true);
    const struct fy_parse_cfg cfg = {
        .search_path = "",
        .flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_DEFAULT_VERSION_1_2 | FYPCF_JSON_NONE,
        .diag = diag,
    };
    int rc = WFE_E_NOMEM;
    struct fy_parser *parser = lib.fy_parser_create(&cfg);
    if (parser && lib.fy_parser_set_string(parser, text, len) == 0)
        rc = parse_events(y, parser, diag);
    lib.fy_parser_destroy(parser);
    lib.fy_diag_destroy(diag);
    return rc;
}

/* The first byte that is no part of a text: its line, and the characters in front of it. */
static wfe_plan_pos broken_at(const char *text, size_t len, uint32_t file, const char **ret)
{
    wfe_plan_pos pos = {.file = file, .line = 1, .column = 1};
    size_t start = 0, end = len;
    for (; start < len; start = end, pos.line++) {
        const char *newline = memchr(text + start, '\n', len - start);
        end = newline ? (size_t)(newline - text) + 1 : len;
        if (!wfe_utf8_is_valid(text + start, end - start))
            break;
    }
    const char *c = text + start;
    while (c < text + end) {
        size_t n = 1;
        while (c + n < text + end && ((unsigned char)c[n] & 0xc0) == 0x80)
            n++;
        if (!wfe_utf8_is_valid(c, n))
            break;
        c += n;
        pos.column++;
    }
    *ret = c;
    return pos;
}

static void report_broken(const char *text, size_t len, uint32_t file, wfe_diagnostics *list)
{
    const char *at;
    wfe_plan_pos pos = broken_at(text, len, file, &at);
    if (at < text + len && !*at) {
        wfe_diagnose_error(list, wfe_mark_pos(pos), "YAML parse error: a NUL byte");
        return;
    }
    wfe_diagnose_error(list, wfe_mark_pos(pos),
                       "YAML parse error: the line holds bytes that are no UTF-8");
    wfe_diagnose_hint(list, "a workflow file is a text in UTF-8");
}

int wfe_yaml_parse(const char *text, size_t len, uint32_t file, uint32_t *n_nodes, wfe_arena *arena,
                   wfe_diagnostics *list, wfe_node **ret, wfe_error *err)
{
    int rc = load_libfyaml(err);
    if (rc)
        return rc;
    if (!wfe_utf8_is_valid(text, len)) {
        report_broken(text, len, file, list);
        *ret = NULL;
        return 0;
    }
    wfe_yaml y = {.arena = arena,
                  .list = list,
                  .file = file,
                  .n_left = *n_nodes,
                  .last = {.file = file, .line = 1, .column = 1}};
    rc = len ? run_parser(&y, text, len) : 0;
    wfe_yaml_done(&y);
    if (rc == WFE_E_NOMEM)
        return wfe_error_nomem(err);
    *n_nodes = y.n_left;
    *ret = rc && !y.is_over ? NULL : y.root;
    return 0;
}
