/* SPDX-License-Identifier: Apache-2.0
 *
 * The tables of docs/workflow-reference.md, made from the table of keys.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/duration.h"
#include "workflow/keys.h"
#include "workflow/schema.h"

/* What a value is, in a cell of a table: "|" would end it. */
static int append_cell(wfe_buf *out, const char *text)
{
    int rc = 0;
    for (const char *c = text; !rc && *c; c++)
        rc = *c == '|' ? wfe_buf_append_str(out, "\\|", NULL) : wfe_buf_append(out, c, 1, NULL);
    return rc;
}

static int append_range(wfe_buf *out, const wfe_key *key)
{
    if (key->min == 0 && key->max == 0)
        return 0;
    switch (key->kind) {
    case WFE_KEY_COUNT:
    case WFE_KEY_NUMBER:
    case WFE_KEY_NUMBER_TEXT:
    case WFE_KEY_COUNT_TEXT:
        return wfe_buf_printf(out, NULL, ", %.15g to %.15g", key->min, key->max);
    case WFE_KEY_DURATION:
        return key->max >= (double)WFE_DURATION_MAX_MS
                   ? wfe_buf_append_str(out, ", at most 30 days", NULL)
                   : 0;
    default:
        return 0;
    }
}

static int append_kind(wfe_buf *out, const wfe_key *key)
{
    const char *words = key->words;
    int rc = words ? append_cell(out, words) : 0;
    if (!words &&
        (key->kind == WFE_KEY_MAP || key->kind == WFE_KEY_LIST || key->kind == WFE_KEY_TABLE))
        rc = wfe_buf_printf(out, NULL, "%s of %s",
                            key->kind == WFE_KEY_LIST    ? "list"
                            : key->kind == WFE_KEY_TABLE ? "map of names"
                                                         : "the keys",
                            wfe_scope_title(key->sub));
    else if (!words)
        rc = append_cell(out, wfe_key_kind_title(key->kind));
    return rc ? rc : append_range(out, key);
}

static int append_row(wfe_buf *out, const wfe_key *key)
{
    static const char *const marks[] = {
        [WFE_KEY_IGNORED] = "accepted and ignored, with a warning: ",
        [WFE_KEY_REFUSED] = "refused: ",
    };
    int rc = wfe_buf_printf(out, NULL, "| `%s` | ", key->name);
    if (!rc)
        rc = append_kind(out, key);
    if (!rc)
        rc = wfe_buf_append_str(out, " | ", NULL);
    if (!rc && key->fallback)
        rc = append_cell(out, key->fallback);
    if (!rc)
        rc = wfe_buf_printf(
            out, NULL, " | %s",
            key->kind < sizeof marks / sizeof *marks && marks[key->kind] ? marks[key->kind] : "");
    if (!rc)
        rc = append_cell(out, key->doc);
    return rc ? rc : wfe_buf_append_str(out, " |\n", NULL);
}

static int append_scope(wfe_buf *out, enum wfe_scope scope)
{
    size_t n;
    const wfe_key *keys = wfe_keys_of(scope, &n);
    const char *title = wfe_scope_title(scope);
    int rc = wfe_buf_printf(out, NULL,
                            "\n## %c%s\n\n| key | value | default | what it does |\n"
                            "|---|---|---|---|\n",
                            toupper((unsigned char)title[0]), title + 1);
    for (size_t i = 0; !rc && i < n; i++)
        rc = append_row(out, &keys[i]);
    return rc;
}

char *wfe_plan_reference(void)
{
    _cleanup_(wfe_buf_done) wfe_buf out = WFE_BUF_INIT(0);
    int rc = wfe_buf_append_str(
        &out,
        "# Every key of a workflow file\n\n"
        "Written from the table that the parser reads (src/workflow/keys_table.h); "
        "`docs/workflow.schema.json` is its JSON Schema. A *duration* is `500ms`, `90s`, `5m`, "
        "`1h30m` or `2d`, a bare number is milliseconds; a *size* is `512m`, `1g`, `64KiB` or a "
        "number of bytes. A text may also be a number or a bool.\n",
        NULL);
    for (int scope = WFE_SCOPE_FILE; !rc && scope < WFE_N_SCOPES; scope++)
        rc = append_scope(&out, (enum wfe_scope)scope);
    return rc ? NULL : wfe_buf_take(&out, NULL);
}
