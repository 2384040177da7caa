/* SPDX-License-Identifier: Apache-2.0
 *
 * What is sent to a token server and what it answers (distribution: docs, token authentication and
 * OAuth2). Texts only.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "image/registry_priv.h"
#include "image/secret.h"

#define CLIENT_ID "wfe"
#define LIVES_DEFAULT_S 60
#define LIVES_MAX_S 86400
#define FORM_MAX_BYTES ((size_t)256 * 1024)

int wfe_registry_scope(const wfe_auth_challenge *challenge, const char *path, char **ret,
                       wfe_error *err)
{
    int n = challenge->scope && challenge->scope[0] ? asprintf(ret, "%s", challenge->scope)
                                                    : asprintf(ret, "repository:%s:pull", path);
    if (n >= 0)
        return 0;
    *ret = NULL;
    return wfe_error_nomem(err);
}

int wfe_registry_check_realm(const char *realm, bool host_is_https, wfe_error *err)
{
    wfe_http_url url;
    wfe_error why = WFE_ERROR_INIT;
    if (!realm || !realm[0])
        return wfe_error_set(err, WFE_E_PROTOCOL, "it wants a token and does not say from where");
    int rc = wfe_http_url_parse(realm, &url, &why);
    if (rc && rc != WFE_E_INVALID)
        return wfe_error_copy(err, &why);
    if (rc || url.has_login)
        return wfe_error_set(err, WFE_E_PROTOCOL,
                             "it wants a token from what is no address of a token server");
    if (host_is_https && !url.is_https)
        return wfe_error_set(err, WFE_E_DENIED,
                             "it wants a token from %s without TLS, where others could read the "
                             "login",
                             url.host);
    return 0;
}

/* application/x-www-form-urlencoded; right in a query too. */
static int add_encoded(wfe_buf *out, const char *text, wfe_error *err)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    int rc = 0;
    for (const char *p = text; !rc && *p; p++)
        rc = strchr(plain, *p) ? wfe_buf_append(out, p, 1, err)
                               : wfe_buf_printf(out, err, "%%%02X", (unsigned)(unsigned char)*p);
    return rc;
}

static int add_pair(wfe_buf *out, const char *name, const char *value, wfe_error *err)
{
    int rc = wfe_buf_append_str(out, name, err);
    return rc ? rc : add_encoded(out, value, err);
}

static int take_text(wfe_buf *buf, int rc, char **ret, wfe_error *err)
{
    if (!rc && !(*ret = wfe_buf_take(buf, NULL)))
        rc = wfe_error_nomem(err);
    wfe_secret_buf_done(buf);
    return rc;
}

int wfe_registry_token_url(const char *realm, const char *service, const char *scope, char **ret,
                           wfe_error *err)
{
    wfe_buf url = WFE_BUF_INIT(FORM_MAX_BYTES);
    int rc = wfe_buf_append_str(&url, realm, err);
    if (!rc)
        rc = wfe_buf_append_str(&url, strchr(realm, '?') ? "&" : "?", err);
    if (!rc && service)
        rc = add_pair(&url, "service=", service, err);
    if (!rc && service)
        rc = wfe_buf_append_str(&url, "&", err);
    /* Several scopes are parted by blanks in a challenge, and are several parameters here. */
    for (const char *p = scope; !rc && *p;) {
        size_t len = strcspn(p, " ");
        _cleanup_free_ char *one = strndup(p, len);
        rc = one ? add_pair(&url, p == scope ? "scope=" : "&scope=", one, err)
                 : wfe_error_nomem(err);
        p += len;
        p += strspn(p, " ");
    }
    return take_text(&url, rc, ret, err);
}

int wfe_registry_token_form(const wfe_credential *credential, const char *service,
                            const char *scope, char **ret, wfe_error *err)
{
    wfe_buf form = WFE_BUF_INIT(FORM_MAX_BYTES);
    const char *token = credential->identity_token;
    /* Room for all at once, three bytes for one: a buffer that grows leaves copies behind. */
    size_t room = 512 + 3 * (strlen(scope) + (service ? strlen(service) : 0) +
                             (token ? strlen(token)
                                    : strlen(credential->username) + strlen(credential->password)));
    int rc = wfe_buf_reserve(&form, room, err);
    if (!rc)
        rc = wfe_buf_printf(&form, err, "grant_type=%s&client_id=" CLIENT_ID,
                            token ? "refresh_token" : "password");
    if (!rc && service)
        rc = add_pair(&form, "&service=", service, err);
    if (!rc)
        rc = add_pair(&form, "&scope=", scope, err);
    if (!rc && token)
        rc = add_pair(&form, "&refresh_token=", token, err);
    if (!rc && !token)
        rc = add_pair(&form, "&username=", credential->username, err);
    if (!rc && !token)
        rc = add_pair(&form, "&password=", credential->password, err);
    return take_text(&form, rc, ret, err);
}

static void encode_base64(const char *from, size_t len, char *to)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *bytes = (const unsigned char *)from;
    for (size_t i = 0; i < len; i += 3) {
        unsigned bits = (unsigned)bytes[i] << 16;
        bits |= i + 1 < len ? (unsigned)bytes[i + 1] << 8 : 0;
        bits |= i + 2 < len ? bytes[i + 2] : 0;
        *to++ = digits[bits >> 18 & 63];
        *to++ = digits[bits >> 12 & 63];
        *to++ = i + 1 < len ? digits[bits >> 6 & 63] : '=';
        *to++ = i + 2 < len ? digits[bits & 63] : '=';
    }
    *to = '\0';
}

int wfe_registry_basic_value(const wfe_credential *credential, char **ret, wfe_error *err)
{
    static const char prefix[] = "Basic ";
    size_t len = strlen(credential->username) + 1 + strlen(credential->password);
    _cleanup_secret_ char *pair = malloc(len + 1);
    char *value = malloc(sizeof prefix + (len + 2) / 3 * 4);
    if (!pair || !value) {
        if (pair)
            pair[0] = '\0';
        free(value);
        return wfe_error_nomem(err);
    }
    snprintf(pair, len + 1, "%s:%s", credential->username, credential->password);
    memcpy(value, prefix, sizeof prefix);
    encode_base64(pair, len, value + sizeof prefix - 1);
    *ret = value;
    return 0;
}

int wfe_registry_bearer_value(const char *token, char **ret, wfe_error *err)
{
    /* A line end in a token would be another header. */
    for (const char *p = token; *p; p++) {
        if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7f)
            return wfe_error_set(err, WFE_E_PROTOCOL,
                                 "the token holds a character that no header can have");
    }
    if (!token[0])
        return wfe_error_set(err, WFE_E_PROTOCOL, "the token is empty");
    if (asprintf(ret, "Bearer %s", token) < 0) {
        *ret = NULL;
        return wfe_error_nomem(err);
    }
    return 0;
}

static int read_answer(const json_t *root, char **ret_value, uint64_t *ret_lives_ms, wfe_error *err)
{
    const json_t *token = json_object_get(root, "token");
    if (!json_string_length(token))
        token = json_object_get(root, "access_token");
    if (!json_string_length(token))
        return wfe_error_set(err, WFE_E_PROTOCOL, "the answer has neither token nor access_token");
    json_int_t lives_s = json_integer_value(json_object_get(root, "expires_in"));
    if (lives_s <= 0)
        lives_s = LIVES_DEFAULT_S;
    if (lives_s > LIVES_MAX_S)
        lives_s = LIVES_MAX_S;
    *ret_lives_ms = (uint64_t)lives_s * 1000;
    return wfe_registry_bearer_value(json_string_value(token), ret_value, err);
}

static void clear_text(const json_t *root, const char *key)
{
    const json_t *value = json_object_get(root, key);
    if (value && json_is_string(value))
        explicit_bzero((char *)(uintptr_t)json_string_value(value), json_string_length(value));
}

int wfe_registry_token_answer(const char *text, size_t len, char **ret_value,
                              uint64_t *ret_lives_ms, wfe_error *err)
{
    json_t *root = NULL;
    wfe_error why = WFE_ERROR_INIT;
    int rc = wfe_json_load(text, len, 0, &root, &why);
    if (rc == WFE_E_NOMEM)
        return wfe_error_copy(err, &why);
    /* Not jansson's text, which shows a piece of what it read. */
    if (rc)
        return wfe_error_set(err, WFE_E_PROTOCOL, "the answer is no JSON");
    rc = read_answer(root, ret_value, ret_lives_ms, err);
    clear_text(root, "token");
    clear_text(root, "access_token");
    clear_text(root, "refresh_token");
    json_decref(root);
    return rc;
}
