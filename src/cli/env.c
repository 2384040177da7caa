/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/env.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/strv.h"

/* Only what looks like a variable is repeated: it may be a secret that lost its name. */
static bool looks_like_a_variable(const char *key)
{
    return key[0] && !strchr("0123456789", key[0]) &&
           !key[strspn(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789")];
}

static int refuse(const char *key, size_t place, wfe_error *err)
{
    if (looks_like_a_variable(key))
        wfe_error_set(err, WFE_E_INVALID, "--env %s: %s is not set in wfe's own environment", key,
                      key);
    else
        wfe_error_set(err, WFE_E_INVALID,
                      "--env number %zu is neither KEY=VALUE nor a variable that is set in wfe's "
                      "own environment",
                      place);
    wfe_error_hint(err, "give --env KEY=VALUE, or export KEY before");
    return WFE_E_INVALID;
}

int wfe_env_complete(const char *const *list, char ***ret, wfe_error *err)
{
    size_t n = wfe_strv_length(list);
    _cleanup_(wfe_strv_free_p) char **all = calloc(n + 1, sizeof *all);
    if (!all)
        return wfe_error_nomem(err);
    for (size_t i = 0; i < n; i++) {
        const char *value = strchr(list[i], '=') ? NULL : getenv(list[i]);
        if (!value && !strchr(list[i], '='))
            return refuse(list[i], i + 1, err);
        if (asprintf(&all[i], "%s%s%s", list[i], value ? "=" : "", value ? value : "") < 0) {
            all[i] = NULL;
            return wfe_error_nomem(err);
        }
    }
    *ret = wfe_take(all);
    return 0;
}

/* ---- secrets ---- */

static bool is_key(const char *text, size_t len)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
    return len && strspn(text, letters) >= len && !strchr("0123456789", text[0]);
}

static int read_secret_file(const char *path, wfe_buf *out, wfe_error *err)
{
    wfe_error why = WFE_ERROR_INIT;
    int rc = wfe_fd_read_file(strcmp(path, "-") == 0 ? "/dev/stdin" : path,
                              WFE_ENV_SECRET_MAX_BYTES, out, &why);
    if (rc == WFE_E_LIMIT)
        return wfe_error_set(err, rc, "its file has more than %zu bytes", WFE_ENV_SECRET_MAX_BYTES);
    /* The path is not repeated: it may be the value, given by mistake. */
    if (rc) {
        wfe_error_set(err, rc, "its file cannot be read: %s", strerror(why.sys_errno));
        wfe_error_hint(err, "after KEY= comes the path of a file, never the value itself");
    }
    while (!rc && out->len && strchr("\r\n", out->data[out->len - 1]))
        out->data[--out->len] = '\0';
    if (!rc && out->len && strlen(out->data) != out->len)
        rc = wfe_error_set(err, WFE_E_INVALID, "its file holds a NUL byte");
    return rc;
}

static int refuse_secret(const char *entry, size_t place, wfe_error *err)
{
    if (looks_like_a_variable(entry))
        wfe_error_set(err, WFE_E_INVALID, "--secret %s: it is not set in wfe's own environment",
                      entry);
    else
        wfe_error_set(err, WFE_E_INVALID,
                      "--secret number %zu is neither KEY=FILE nor a variable that is set in wfe's "
                      "own environment",
                      place);
    wfe_error_hint(err, "export KEY before, or give the file that holds its value: "
                        "--secret KEY=FILE");
    return WFE_E_INVALID;
}

static int read_secret(const char *entry, size_t place, char **ret, wfe_error *err)
{
    const char *file = strchr(entry, '=');
    size_t key_len = file ? (size_t)(file - entry) : strlen(entry);
    _cleanup_(wfe_buf_done) wfe_buf text = WFE_BUF_INIT(2 * WFE_ENV_SECRET_MAX_BYTES);
    const char *value = file ? NULL : getenv(entry);
    if (!is_key(entry, key_len) || (!file && !value))
        return refuse_secret(entry, place, err);
    if (file) {
        int rc = read_secret_file(file + 1, &text, err);
        wfe_error_prefix(err, "--secret %.*s", (int)key_len, entry);
        if (rc)
            return rc;
        value = text.data ? text.data : "";
    }
    int len = asprintf(ret, "%.*s=%s", (int)key_len, entry, value);
    if (text.data)
        explicit_bzero(text.data, text.len);
    if (len >= 0)
        return 0;
    *ret = NULL;
    return wfe_error_nomem(err);
}

int wfe_env_secrets(const char *const *list, char ***ret, wfe_error *err)
{
    size_t n = wfe_strv_length(list);
    _cleanup_(wfe_strv_free_p) char **all = calloc(n + 1, sizeof *all);
    if (!all)
        return wfe_error_nomem(err);
    for (size_t i = 0; i < n; i++) {
        int rc = read_secret(list[i], i + 1, &all[i], err);
        if (rc)
            return rc;
    }
    *ret = wfe_take(all);
    return 0;
}
