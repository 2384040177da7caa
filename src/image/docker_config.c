/* SPDX-License-Identifier: Apache-2.0
 *
 * See docker_config.h. The document stays as it was parsed; entries are read when they are asked
 * for. No message here holds a value of it.
 */
#include "image/docker_config.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "image/secret.h"

#define DOCKER_HUB_SERVER "https://index.docker.io/v1/"

struct wfe_docker_config {
    json_t *root;
};

void wfe_credential_done(wfe_credential *credential)
{
    wfe_secret_free(credential->username);
    wfe_secret_free(credential->password);
    wfe_secret_free(credential->identity_token);
    wfe_secret_free(credential->registry_token);
    *credential = (wfe_credential){0};
}

bool wfe_credential_is_empty(const wfe_credential *credential)
{
    return !credential->username && !credential->password && !credential->identity_token &&
           !credential->registry_token;
}

static int copy_text(const char *text, char **ret, wfe_error *err)
{
    if (text && text[0] && !(*ret = strdup(text)))
        return wfe_error_nomem(err);
    return 0;
}

int wfe_credential_copy(const wfe_credential *from, wfe_credential *out, wfe_error *err)
{
    int rc = copy_text(from->username, &out->username, err);
    if (!rc)
        rc = copy_text(from->password, &out->password, err);
    if (!rc)
        rc = copy_text(from->identity_token, &out->identity_token, err);
    if (!rc)
        rc = copy_text(from->registry_token, &out->registry_token, err);
    if (rc)
        wfe_credential_done(out);
    return rc;
}

/* ---- the document ---- */

/* jansson gives strings back without clearing them. */
static void clear_strings(json_t *value)
{
    const char *key;
    json_t *item;
    size_t i;
    if (json_is_string(value))
        explicit_bzero((char *)(uintptr_t)json_string_value(value), json_string_length(value));
    json_object_foreach(value, key, item) clear_strings(item);
    json_array_foreach(value, i, item) clear_strings(item);
}

static void release(json_t *value)
{
    clear_strings(value);
    json_decref(value);
}

/* jansson shows what it could not read; here that may be a part of a password. */
static int load(const char *text, size_t len, json_t **ret, wfe_error *err)
{
    wfe_error own = WFE_ERROR_INIT;
    int rc = wfe_json_load(text, len, 0, ret, &own);
    if (rc != WFE_E_INVALID)
        return rc ? wfe_error_copy(err, &own) : 0;
    const char *position = strrchr(own.message, '(');
    return wfe_error_set(err, rc, "it is no JSON %s", position ? position : "");
}

static int check_object(const json_t *root, const char *key, wfe_error *err)
{
    const json_t *value = json_object_get(root, key);
    if (!value || json_is_null(value) || json_is_object(value))
        return 0;
    return wfe_error_set(err, WFE_E_INVALID, "'%s' is not an object", key);
}

static int check_text(const json_t *value, const char *key, wfe_error *err)
{
    if (!value || json_is_null(value) || json_is_string(value))
        return 0;
    return wfe_error_set(err, WFE_E_INVALID, "'%s' is not a text", key);
}

static int check(const json_t *root, wfe_error *err)
{
    const char *key;
    json_t *item;
    if (!json_is_object(root))
        return wfe_error_set(err, WFE_E_INVALID, "it is no JSON object");
    int rc = check_object(root, "auths", err);
    if (!rc)
        rc = check_object(root, "credHelpers", err);
    if (!rc)
        rc = check_text(json_object_get(root, "credsStore"), "credsStore", err);
    json_object_foreach(json_object_get(root, "credHelpers"), key, item)
    {
        if (!rc)
            rc = check_text(item, "credHelpers", err);
    }
    return rc;
}

int wfe_docker_config_parse(const char *text, size_t len, wfe_docker_config **ret, wfe_error *err)
{
    if (len > WFE_DOCKER_CONFIG_MAX_BYTES)
        return wfe_error_set(err, WFE_E_LIMIT, "it is longer than %zu bytes",
                             WFE_DOCKER_CONFIG_MAX_BYTES);
    json_t *root = NULL;
    int rc = load(text, len, &root, err);
    if (rc)
        return rc;
    wfe_docker_config *config = calloc(1, sizeof *config);
    rc = config ? check(root, err) : wfe_error_nomem(err);
    if (rc) {
        free(config);
        release(root);
        return rc;
    }
    config->root = root;
    *ret = config;
    return 0;
}

void wfe_docker_config_free(wfe_docker_config *config)
{
    if (!config)
        return;
    release(config->root);
    free(config);
}

/* ---- hosts ---- */

static bool is_docker_hub(const char *host, size_t len)
{
    static const char *const names[] = {"docker.io", "index.docker.io", "registry-1.docker.io"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strlen(names[i]) == len && strncasecmp(host, names[i], len) == 0)
            return true;
    }
    return false;
}

const char *wfe_docker_config_server(const char *host)
{
    return is_docker_hub(host, strlen(host)) ? DOCKER_HUB_SERVER : host;
}

/* The host of a key, which may be a URL with a path. */
static const char *host_of_key(const char *key, size_t *ret_len)
{
    if (strncasecmp(key, "https://", 8) == 0)
        key += 8;
    else if (strncasecmp(key, "http://", 7) == 0)
        key += 7;
    *ret_len = strcspn(key, "/");
    return key;
}

static bool key_is_host(const char *key, const char *host)
{
    size_t len = 0;
    const char *name = host_of_key(key, &len);
    if (strlen(host) == len && strncasecmp(name, host, len) == 0)
        return true;
    return is_docker_hub(host, strlen(host)) && is_docker_hub(name, len);
}

/* The exact key goes before others that mean the same host. */
static json_t *find(const json_t *object, const char *host)
{
    const char *key;
    json_t *item;
    json_t *found = json_object_get(object, wfe_docker_config_server(host));
    if (!found)
        found = json_object_get(object, host);
    if (found)
        return found;
    json_object_foreach((json_t *)(uintptr_t)object, key, item)
    {
        if (key_is_host(key, host))
            return item;
    }
    return NULL;
}

const char *wfe_docker_config_helper(const wfe_docker_config *config, const char *host)
{
    const char *name = json_string_value(find(json_object_get(config->root, "credHelpers"), host));
    if (!name || !name[0])
        name = json_string_value(json_object_get(config->root, "credsStore"));
    return name && name[0] ? name : NULL;
}

/* ---- one entry ---- */

static int decode_digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *found = c ? strchr(digits, c) : NULL;
    return found ? (int)(found - digits) : -1;
}

/* Standard base64 (RFC 4648, 4); padding may be missing. out has room for strlen(text) bytes. */
static bool decode_base64(const char *text, char *out, size_t *ret_len)
{
    unsigned bits = 0, n_bits = 0;
    size_t n = 0, used = 0;
    for (; text[used] && text[used] != '='; used++) {
        int digit = decode_digit(text[used]);
        if (digit < 0)
            return false;
        bits = (bits << 6 | (unsigned)digit) & 0xFFFFFF;
        n_bits += 6;
        if (n_bits >= 8) {
            n_bits -= 8;
            out[n++] = (char)(bits >> n_bits & 0xFF);
        }
    }
    *ret_len = n;
    return used % 4 != 1 && strspn(text + used, "=") == strlen(text + used);
}

/* "user:password" in base64. */
static int read_auth(const char *text, wfe_credential *out, wfe_error *err)
{
    size_t len = 0;
    _cleanup_secret_ char *pair = calloc(1, strlen(text) + 1);
    if (!pair)
        return wfe_error_nomem(err);
    bool valid = decode_base64(text, pair, &len) && strlen(pair) == len;
    char *colon = valid ? strchr(pair, ':') : NULL;
    if (!colon || colon == pair) {
        explicit_bzero(pair, len);
        return wfe_error_set(err, WFE_E_INVALID, "'auth' is not base64 of USER:PASSWORD");
    }
    out->username = strndup(pair, (size_t)(colon - pair));
    out->password = strdup(colon + 1);
    explicit_bzero(pair, len);
    if (!out->username || !out->password)
        return wfe_error_nomem(err);
    return 0;
}

static int read_member(const json_t *entry, const char *key, char **ret, wfe_error *err)
{
    const json_t *value = json_object_get(entry, key);
    int rc = check_text(value, key, err);
    return rc ? rc : copy_text(json_string_value(value), ret, err);
}

static int read_entry(const json_t *entry, wfe_credential *out, wfe_error *err)
{
    if (!json_is_object(entry))
        return wfe_error_set(err, WFE_E_INVALID, "the entry is not an object");
    const json_t *auth = json_object_get(entry, "auth");
    const char *pair = json_string_value(auth);
    int rc = check_text(auth, "auth", err);
    if (!rc && pair && pair[0])
        rc = read_auth(pair, out, err);
    if (!rc && !out->username)
        rc = read_member(entry, "username", &out->username, err);
    if (!rc && !out->password)
        rc = read_member(entry, "password", &out->password, err);
    if (!rc)
        rc = read_member(entry, "identitytoken", &out->identity_token, err);
    if (!rc)
        rc = read_member(entry, "registrytoken", &out->registry_token, err);
    return rc;
}

int wfe_docker_config_find(const wfe_docker_config *config, const char *host, wfe_credential *out,
                           wfe_error *err)
{
    const json_t *entry = find(json_object_get(config->root, "auths"), host);
    if (!entry || json_is_null(entry))
        return 0;
    wfe_credential found = {0};
    int rc = read_entry(entry, &found, err);
    if (rc) {
        wfe_credential_done(&found);
        wfe_error_prefix(err, "auths of '%s'", host);
        return rc;
    }
    *out = found;
    return 0;
}

static int read_answer(const json_t *root, wfe_credential *out, wfe_error *err)
{
    if (!json_is_object(root))
        return wfe_error_set(err, WFE_E_INVALID, "it is no JSON object");
    int rc = read_member(root, "Username", &out->username, err);
    if (!rc)
        rc = read_member(root, "Secret", &out->password, err);
    if (!rc && !out->password)
        rc = wfe_error_set(err, WFE_E_INVALID, "it has no 'Secret'");
    /* How helpers mark an identity token. */
    if (!rc && (!out->username || strcmp(out->username, "<token>") == 0)) {
        out->identity_token = wfe_take(out->password);
        wfe_secret_free(wfe_take(out->username));
    }
    return rc;
}

int wfe_docker_config_parse_answer(const char *text, size_t len, wfe_credential *out,
                                   wfe_error *err)
{
    json_t *root = NULL;
    wfe_credential found = {0};
    int rc = load(text, len, &root, err);
    if (rc)
        return rc;
    rc = read_answer(root, &found, err);
    release(root);
    if (rc) {
        wfe_credential_done(&found);
        return rc;
    }
    *out = found;
    return 0;
}
