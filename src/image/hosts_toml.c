/* SPDX-License-Identifier: Apache-2.0
 *
 * See hosts_toml.h. What containerd ignores (keys it does not know) is ignored; what it would take
 * wrongly is refused with the key's name.
 */
#include "image/hosts_toml.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "base/strv.h"
#include "image/http.h"
#include "image/secret.h"
#include "image/toml.h"

#define DIAL_TIMEOUT_MAX_MS 600000

typedef struct reader {
    const char *dir;
    const char *where; /* "host \"https://mirror\"" or "the file itself" */
} reader;

static int bad(const reader *r, const char *key, const char *what, wfe_error *err)
{
    return wfe_error_set(err, WFE_E_INVALID, "'%s' of %s %s", key, r->where, what);
}

void wfe_hosts_entry_done(wfe_hosts_entry *entry)
{
    free(entry->authority);
    free(entry->api_root);
    wfe_strv_free(entry->ca_files);
    for (size_t i = 0; i < entry->n_clients; i++) {
        free(entry->clients[i].cert_file);
        free(entry->clients[i].key_file);
    }
    free(entry->clients);
    for (size_t i = 0; entry->headers && entry->headers[i]; i++)
        explicit_bzero(entry->headers[i], strlen(entry->headers[i]));
    wfe_strv_free(entry->headers);
}

void wfe_hosts_done(wfe_hosts *hosts)
{
    for (size_t i = 0; i < hosts->n; i++)
        wfe_hosts_entry_done(&hosts->items[i]);
    free(hosts->items);
    *hosts = (wfe_hosts){0};
}

/* ---- values ---- */

/* The number of texts, of an array of texts or of one text alone. */
static size_t n_texts(const json_t *value)
{
    return json_is_string(value) ? 1 : json_array_size(value);
}

static const char *text_at(const json_t *value, size_t i)
{
    return json_string_value(json_is_string(value) ? value : json_array_get(value, i));
}

static int check_texts(const reader *r, const char *key, const json_t *value, size_t max,
                       wfe_error *err)
{
    if (!json_is_string(value) && !json_is_array(value))
        return bad(r, key, "must be a text or a list of texts", err);
    if (n_texts(value) > max)
        return wfe_error_set(err, WFE_E_LIMIT, "'%s' of %s has more than %zu entries", key,
                             r->where, max);
    for (size_t i = 0; i < n_texts(value); i++) {
        if (!text_at(value, i))
            return bad(r, key, "must be a text or a list of texts", err);
    }
    return 0;
}

static char *resolve_path(const reader *r, const char *path)
{
    char *full = NULL;
    if (path[0] == '/')
        return strdup(path);
    return asprintf(&full, "%s/%s", r->dir, path) < 0 ? NULL : full;
}

static int read_bool(const reader *r, const json_t *table, const char *key, bool *out,
                     wfe_error *err)
{
    const json_t *value = json_object_get(table, key);
    if (!value)
        return 0;
    if (!json_is_boolean(value))
        return bad(r, key, "must be true or false", err);
    *out = json_is_true(value);
    return 0;
}

static int read_capabilities(const reader *r, const json_t *table, wfe_hosts_entry *entry,
                             wfe_error *err)
{
    const json_t *value = json_object_get(table, "capabilities");
    entry->can_pull = entry->can_resolve = !value || n_texts(value) == 0;
    if (!value)
        return 0;
    int rc = check_texts(r, "capabilities", value, 16, err);
    for (size_t i = 0; !rc && i < n_texts(value); i++) {
        const char *text = text_at(value, i);
        if (strcmp(text, "pull") == 0)
            entry->can_pull = true;
        else if (strcmp(text, "resolve") == 0)
            entry->can_resolve = true;
        else if (strcmp(text, "push") != 0)
            rc = bad(r, "capabilities", "may hold only \"pull\", \"resolve\" and \"push\"", err);
    }
    return rc;
}

static int read_ca(const reader *r, const json_t *table, wfe_hosts_entry *entry, wfe_error *err)
{
    const json_t *value = json_object_get(table, "ca");
    int rc = value ? check_texts(r, "ca", value, WFE_HOSTS_MAX_FILES, err) : 0;
    if (rc || !value)
        return rc;
    entry->ca_files = calloc(n_texts(value) + 1, sizeof *entry->ca_files);
    if (!entry->ca_files)
        return wfe_error_nomem(err);
    for (size_t i = 0; i < n_texts(value); i++) {
        if (!(entry->ca_files[i] = resolve_path(r, text_at(value, i))))
            return wfe_error_nomem(err);
    }
    return 0;
}

/* One file, or [certificate, key]. */
static int read_client(const reader *r, const json_t *item, wfe_hosts_client_cert *out,
                       wfe_error *err)
{
    if (!json_is_string(item) && json_array_size(item) != 1 && json_array_size(item) != 2)
        return bad(r, "client", "must hold files or pairs of a certificate and a key", err);
    int rc = check_texts(r, "client", item, 2, err);
    if (rc)
        return rc;
    const char *key = n_texts(item) == 2 ? text_at(item, 1) : NULL;
    out->cert_file = resolve_path(r, text_at(item, 0));
    if (key && key[0] && !(out->key_file = resolve_path(r, key)))
        return wfe_error_nomem(err);
    return out->cert_file ? 0 : wfe_error_nomem(err);
}

static int read_clients(const reader *r, const json_t *table, wfe_hosts_entry *entry,
                        wfe_error *err)
{
    const json_t *value = json_object_get(table, "client");
    if (!value)
        return 0;
    if (!json_is_string(value) && !json_is_array(value))
        return bad(r, "client", "must be a text or a list", err);
    size_t n = n_texts(value);
    if (n > WFE_HOSTS_MAX_FILES)
        return wfe_error_set(err, WFE_E_LIMIT, "'client' of %s has more than %d entries", r->where,
                             WFE_HOSTS_MAX_FILES);
    entry->clients = calloc(n + 1, sizeof *entry->clients);
    if (!entry->clients)
        return wfe_error_nomem(err);
    for (size_t i = 0; i < n; i++) {
        const json_t *item = json_is_string(value) ? value : json_array_get(value, i);
        entry->n_clients++;
        int rc = read_client(r, item, &entry->clients[i], err);
        if (rc)
            return rc;
    }
    return 0;
}

static int read_dial_timeout(const reader *r, const json_t *table, wfe_hosts_entry *entry,
                             wfe_error *err)
{
    const json_t *value = json_object_get(table, "dial_timeout");
    uint64_t ms = 0;
    if (!value)
        return 0;
    if (!json_is_string(value) || wfe_duration_parse(json_string_value(value), "dial_timeout", 1,
                                                     DIAL_TIMEOUT_MAX_MS, &ms, NULL) != 0)
        return bad(r, "dial_timeout", "must be a time from \"1ms\" to \"10m\"", err);
    entry->connect_timeout_ms = (uint32_t)ms;
    return 0;
}

/* ---- headers ---- */

/* What could end the line, or is no header name, would change the request (RFC 9110, 5.1, 5.5). */
static bool is_header(const char *name, const char *value)
{
    for (const char *p = name; *p; p++) {
        if (!isalnum((unsigned char)*p) && !strchr("!#$%&'*+-.^_`|~", *p))
            return false;
    }
    for (const char *p = value; *p; p++) {
        if (((unsigned char)*p < 0x20 && *p != '\t') || *p == 0x7f)
            return false;
    }
    return name[0] && value[0];
}

static int add_header(const reader *r, wfe_hosts_entry *entry, const char *name, const char *value,
                      wfe_error *err)
{
    size_t n = entry->headers ? wfe_strv_length((const char *const *)entry->headers) : 0;
    if (!is_header(name, value))
        return bad(r, "header", "holds a name or a value that no header can have", err);
    if (n == WFE_HOSTS_MAX_HEADERS)
        return wfe_error_set(err, WFE_E_LIMIT, "'header' of %s has more than %d headers", r->where,
                             WFE_HOSTS_MAX_HEADERS);
    char **list = realloc(entry->headers, (n + 2) * sizeof *list);
    if (!list)
        return wfe_error_nomem(err);
    entry->headers = list;
    list[n] = list[n + 1] = NULL;
    return asprintf(&list[n], "%s: %s", name, value) < 0 ? (list[n] = NULL, wfe_error_nomem(err))
                                                         : 0;
}

static int read_headers(const reader *r, json_t *table, wfe_hosts_entry *entry, wfe_error *err)
{
    json_t *headers = json_object_get(table, "header");
    const char *name;
    json_t *value;
    if (headers && !json_is_object(headers))
        return bad(r, "header", "must be a table", err);
    json_object_foreach(headers, name, value)
    {
        int rc = check_texts(r, "header", value, WFE_HOSTS_MAX_HEADERS, err);
        for (size_t i = 0; !rc && i < n_texts(value); i++)
            rc = add_header(r, entry, name, text_at(value, i), err);
        if (rc)
            return rc;
    }
    return 0;
}

/* ---- one host ---- */

static int set_api_root(wfe_hosts_entry *entry, const char *path, bool override_path,
                        wfe_error *err)
{
    size_t len = strlen(path);
    while (len && path[len - 1] == '/')
        len--;
    bool ends_in_v2 = len >= 3 && strncmp(path + len - 3, "/v2", 3) == 0;
    if (asprintf(&entry->api_root, "%.*s%s", (int)len, path,
                 override_path || ends_in_v2 ? "" : "/v2") < 0) {
        entry->api_root = NULL;
        return wfe_error_nomem(err);
    }
    return 0;
}

static int read_server(const reader *r, const char *server, bool override_path,
                       wfe_hosts_entry *entry, wfe_error *err)
{
    wfe_http_url url;
    char text[1024];
    int n = snprintf(text, sizeof text, "%s%s", strstr(server, "://") ? "" : "https://", server);
    if (n < 0 || (size_t)n >= sizeof text)
        return bad(r, "server", "is too long for the URL of a host", err);
    wfe_error why = WFE_ERROR_INIT;
    int rc = wfe_http_url_parse(text, &url, &why);
    if (rc == WFE_E_INVALID)
        return wfe_error_set(err, rc, "the address of %s is wrong: %s", r->where, why.message);
    if (rc)
        return wfe_error_copy(err, &why);
    if (url.has_login || url.has_query)
        return wfe_error_set(err, WFE_E_INVALID,
                             "the address of %s may have no user, query or fragment", r->where);
    entry->is_https = url.is_https;
    bool usual_port = url.port == (url.is_https ? 443U : 80U);
    n = usual_port ? asprintf(&entry->authority, "%s", url.host)
                   : asprintf(&entry->authority, "%s:%u", url.host, url.port);
    if (n < 0) {
        entry->authority = NULL;
        return wfe_error_nomem(err);
    }
    return set_api_root(entry, url.path, override_path, err);
}

static int read_entry(const reader *r, const char *server, json_t *table, wfe_hosts_entry *entry,
                      wfe_error *err)
{
    bool override_path = false;
    int rc = read_bool(r, table, "override_path", &override_path, err);
    if (!rc && server)
        rc = read_server(r, server, override_path, entry, err);
    if (!rc)
        rc = read_bool(r, table, "skip_verify", &entry->skip_verify, err);
    if (!rc)
        rc = read_capabilities(r, table, entry, err);
    if (!rc)
        rc = read_ca(r, table, entry, err);
    if (!rc)
        rc = read_clients(r, table, entry, err);
    if (!rc)
        rc = read_dial_timeout(r, table, entry, err);
    if (!rc)
        rc = read_headers(r, table, entry, err);
    return rc;
}

static int read_hosts(json_t *root, const char *dir, wfe_hosts *out, wfe_error *err)
{
    json_t *hosts = json_object_get(root, "host");
    const json_t *server = json_object_get(root, "server");
    const char *key;
    json_t *table;
    size_t n = json_object_size(hosts);
    if (hosts && !json_is_object(hosts))
        return wfe_error_set(err, WFE_E_INVALID, "'host' must be a table");
    if (server && !json_is_string(server))
        return wfe_error_set(err, WFE_E_INVALID, "'server' must be a text");
    if (n > WFE_HOSTS_MAX_ENTRIES)
        return wfe_error_set(err, WFE_E_LIMIT, "more than %d hosts", WFE_HOSTS_MAX_ENTRIES);
    out->items = calloc(n + 1, sizeof *out->items);
    if (!out->items)
        return wfe_error_nomem(err);
    json_object_foreach(hosts, key, table)
    {
        char where[300];
        snprintf(where, sizeof where, "host \"%.256s\"", key);
        const reader r = {.dir = dir, .where = where};
        if (!json_is_object(table))
            return wfe_error_set(err, WFE_E_INVALID, "%s must be a table", where);
        int rc = read_entry(&r, key, table, &out->items[out->n++], err);
        if (rc)
            return rc;
    }
    const reader r = {.dir = dir, .where = "the registry itself"};
    const char *text = json_string_value(server);
    return read_entry(&r, text && text[0] ? text : NULL, root, &out->items[out->n++], err);
}

int wfe_hosts_toml_parse(const char *text, size_t len, const char *dir, wfe_hosts *out,
                         wfe_error *err)
{
    json_t *root = NULL;
    wfe_hosts found = {0};
    int rc = wfe_toml_parse(text, len, &root, err);
    if (rc)
        return rc;
    rc = read_hosts(root, dir, &found, err);
    json_decref(root);
    if (rc) {
        wfe_hosts_done(&found);
        return rc;
    }
    *out = found;
    return 0;
}
