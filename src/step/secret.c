/* SPDX-License-Identifier: Apache-2.0 */
#include "step/secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/utf8.h"

/* A text this near to its array's end may have been cut, also at a UTF-8 boundary. */
#define CUT_BYTES 4

static int read_entry(const char *entry, size_t place, wfe_strmap *env, wfe_mask *mask,
                      wfe_error *err)
{
    const char *value = strchr(entry, '=');
    if (!value || value == entry)
        return wfe_error_set(err, WFE_E_INVALID, "secret number %zu is not KEY=VALUE", place);
    value++;
    int rc = wfe_mask_add(mask, value, strlen(value), err);
    if (!rc)
        rc = wfe_strmap_set_pair(env, entry, err);
    wfe_error_prefix(err, "secret '%.*s'", (int)(value - entry - 1), entry);
    return rc;
}

int wfe_step_secret_read(const char *const *list, wfe_strmap *env, wfe_mask **mask, wfe_error *err)
{
    int rc = 0;
    if (!list || !*list)
        return 0;
    if (!*mask && !(*mask = wfe_mask_new()))
        return wfe_error_nomem(err);
    for (size_t i = 0; !rc && list[i]; i++)
        rc = read_entry(list[i], i + 1, env, *mask, err);
    return rc;
}

/* ---- texts ---- */

/* Appends the masked text. cut: its end is missing, so that what may be the beginning of a secret
 * there is masked as well. */
static int mask_into(wfe_mask *mask, const char *text, bool cut, wfe_buf *out)
{
    wfe_mask_stream *stream = NULL;
    int rc = wfe_mask_stream_new(mask, &stream, NULL);
    if (!rc)
        rc = wfe_mask_stream_feed(stream, text, strlen(text), out, NULL);
    if (!rc && cut && wfe_mask_stream_held(stream))
        rc = wfe_buf_append_str(out, WFE_MASK_TEXT, NULL);
    else if (!rc)
        rc = wfe_mask_stream_finish(stream, out, NULL);
    wfe_mask_stream_free(stream);
    return rc;
}

void wfe_step_secret_mask_array(wfe_mask *mask, char *text, size_t size)
{
    if (wfe_mask_is_empty(mask) || !*text)
        return;
    wfe_buf out = WFE_BUF_INIT(0);
    bool cut = strlen(text) + CUT_BYTES >= size;
    if (mask_into(mask, text, cut, &out) || !out.data)
        snprintf(text, size, "%s", WFE_MASK_TEXT);
    else
        snprintf(text, size, "%.*s", (int)wfe_utf8_prefix(out.data, size - 1), out.data);
    wfe_buf_done(&out);
}

int wfe_step_secret_mask_text(wfe_mask *mask, char **text)
{
    if (wfe_mask_is_empty(mask) || !*text || !**text)
        return 0;
    wfe_buf out = WFE_BUF_INIT(0);
    char *masked = NULL;
    if (mask_into(mask, *text, false, &out) == 0 && out.data)
        masked = strdup(out.data);
    wfe_buf_done(&out);
    if (!masked) {
        snprintf(*text, strlen(*text) + 1, "%s", WFE_MASK_TEXT);
        return WFE_E_NOMEM;
    }
    free(*text);
    *text = masked;
    return 0;
}

void wfe_step_secret_mask_error(wfe_mask *mask, wfe_error *err)
{
    if (!err || !err->kind)
        return;
    wfe_step_secret_mask_array(mask, err->operation, sizeof err->operation);
    wfe_step_secret_mask_array(mask, err->subject, sizeof err->subject);
    wfe_step_secret_mask_array(mask, err->message, sizeof err->message);
    wfe_step_secret_mask_array(mask, err->hint, sizeof err->hint);
}
