/* SPDX-License-Identifier: Apache-2.0
 *
 * See registry_hosts.h. Which folder counts, and what one without a hosts.toml means (certificates
 * as docker has them), follows containerd (docs/hosts.md).
 */
#include "image/registry_hosts.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/strv.h"
#include "image/secret.h"

#define CERTIFICATES_MAX_BYTES ((size_t)4 * 1024 * 1024)
#define DOCKER_HUB "docker.io"
#define DOCKER_HUB_HOST "registry-1.docker.io"

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The folder of a domain below one root; NULL with 0 when there is none. */
static int find_folder_below(const char *root, const char *domain, char **ret, wfe_error *err)
{
    char *candidates[3] = {NULL};
    const char *colon = strrchr(domain, ':');
    int n = 0, rc = 0;
    if (colon && colon > domain && !strchr(colon, ']'))
        n = asprintf(&candidates[0], "%s/%.*s_%s_", root, (int)(colon - domain), domain, colon + 1);
    if (n >= 0)
        n = asprintf(&candidates[1], "%s/%s", root, domain);
    if (n >= 0)
        n = asprintf(&candidates[2], "%s/_default", root);
    if (n < 0)
        rc = wfe_error_nomem(err);
    for (int i = 0; !rc && i < 3 && !*ret; i++) {
        if (candidates[i] && is_folder(candidates[i]))
            *ret = wfe_take(candidates[i]);
    }
    for (int i = 0; i < 3; i++)
        free(candidates[i]);
    return rc;
}

static int find_folder(const char *const *dirs, const char *domain, char **ret, wfe_error *err)
{
    int rc = 0;
    for (size_t i = 0; !rc && dirs && dirs[i] && !*ret; i++)
        rc = find_folder_below(dirs[i], domain, ret, err);
    return rc;
}

/* ---- folders as docker has them ---- */

static bool has_suffix(const char *name, const char *suffix)
{
    size_t len = strlen(name), suffix_len = strlen(suffix);
    return len > suffix_len && strcmp(name + len - suffix_len, suffix) == 0;
}

static int add_ca(wfe_hosts_entry *entry, const char *dir, const char *name, wfe_error *err)
{
    size_t n = entry->ca_files ? wfe_strv_length((const char *const *)entry->ca_files) : 0;
    char **files = n < WFE_HOSTS_MAX_FILES
                       ? realloc(entry->ca_files, (n + 2) * sizeof *entry->ca_files)
                       : NULL;
    if (!files)
        return n < WFE_HOSTS_MAX_FILES
                   ? wfe_error_nomem(err)
                   : wfe_error_set(err, WFE_E_LIMIT, "more than %d certificates in %s",
                                   WFE_HOSTS_MAX_FILES, dir);
    entry->ca_files = files;
    files[n] = files[n + 1] = NULL;
    if (asprintf(&files[n], "%s/%s", dir, name) < 0) {
        files[n] = NULL;
        return wfe_error_nomem(err);
    }
    return 0;
}

static int add_client(wfe_hosts_entry *entry, const char *dir, const char *name, wfe_error *err)
{
    if (entry->n_clients)
        return 0; /* only one can be shown, see use_client */
    entry->clients = calloc(1, sizeof *entry->clients);
    if (!entry->clients)
        return wfe_error_nomem(err);
    entry->n_clients = 1;
    int stem = (int)(strlen(name) - strlen(".cert"));
    if (asprintf(&entry->clients->cert_file, "%s/%s", dir, name) < 0) {
        entry->clients->cert_file = NULL;
        return wfe_error_nomem(err);
    }
    if (asprintf(&entry->clients->key_file, "%s/%.*s.key", dir, stem, name) < 0) {
        entry->clients->key_file = NULL;
        return wfe_error_nomem(err);
    }
    return 0;
}

static int read_docker_folder(const char *dir, wfe_hosts_entry *entry, wfe_error *err)
{
    DIR *folder = opendir(dir);
    if (!folder)
        return wfe_error_set_errno(err, errno, "cannot read the folder %s", dir);
    int rc = 0;
    for (const struct dirent *item; !rc && (item = readdir(folder));) {
        if (has_suffix(item->d_name, ".crt"))
            rc = add_ca(entry, dir, item->d_name, err);
        else if (has_suffix(item->d_name, ".cert"))
            rc = add_client(entry, dir, item->d_name, err);
    }
    closedir(folder);
    return rc;
}

/* ---- entries ---- */

static int default_entries(const char *dir, wfe_hosts *out, wfe_error *err)
{
    out->items = calloc(1, sizeof *out->items);
    if (!out->items)
        return wfe_error_nomem(err);
    out->n = 1;
    out->items[0].can_pull = out->items[0].can_resolve = true;
    return dir ? read_docker_folder(dir, &out->items[0], err) : 0;
}

static int read_entries(const char *dir, char **ret_file, wfe_hosts *out, wfe_error *err)
{
    if (!dir)
        return default_entries(NULL, out, err);
    _cleanup_free_ char *path = NULL;
    wfe_buf text = WFE_BUF_INIT(0);
    wfe_error why = WFE_ERROR_INIT;
    if (asprintf(&path, "%s/hosts.toml", dir) < 0) {
        path = NULL;
        return wfe_error_nomem(err);
    }
    int rc = wfe_fd_read_file(path, (size_t)256 * 1024, &text, &why);
    if (rc == WFE_E_NOT_FOUND) {
        wfe_buf_done(&text);
        return default_entries(dir, out, err);
    }
    if (!rc)
        rc = wfe_hosts_toml_parse(text.data ? text.data : "", text.len, dir, out, &why);
    if (rc) {
        wfe_error_copy(err, &why);
        wfe_error_prefix(err, "%s", path);
    } else {
        *ret_file = wfe_take(path);
    }
    wfe_secret_buf_done(&text); /* headers may hold credentials */
    return rc;
}

/* The part of "host:port" or "[::1]:port" before the port. */
static void host_alone(const char *domain, char *out, size_t size)
{
    const char *colon = strrchr(domain, ':');
    size_t len = colon && !strchr(colon, ']') ? (size_t)(colon - domain) : strlen(domain);
    snprintf(out, size, "%.*s", (int)len, domain);
}

/* The registry's own host. A local one is asked by plain HTTP, as docker and containerd do; what
 * speaks TLS there answers in a way that shows it. */
static int set_default(wfe_registry_host *host, const char *domain, wfe_error *err)
{
    char bare[256];
    host_alone(domain, bare, sizeof bare);
    bool is_hub = strcmp(domain, DOCKER_HUB) == 0;
    bool is_local = wfe_http_host_is_local(bare) && !has_suffix(domain, ":443");
    free(host->entry.api_root);
    host->entry.authority = strdup(is_hub ? DOCKER_HUB_HOST : domain);
    host->entry.api_root = strdup("/v2");
    host->entry.is_https = !is_local;
    host->entry.can_pull = host->entry.can_resolve = true;
    host->may_be_https = is_local;
    return host->entry.authority && host->entry.api_root ? 0 : wfe_error_nomem(err);
}

static int read_certificate(const char *path, wfe_buf *all, wfe_error *err)
{
    wfe_buf one = WFE_BUF_INIT(0);
    int rc = wfe_fd_read_file(path, CERTIFICATES_MAX_BYTES, &one, err);
    if (!rc && !(one.data && strstr(one.data, "-----BEGIN ")))
        rc = wfe_error_set(err, WFE_E_INVALID, "%s holds no certificate in PEM form", path);
    if (!rc)
        rc = wfe_buf_append(all, one.data, one.len, err);
    if (!rc)
        rc = wfe_buf_append_str(all, "\n", err);
    wfe_buf_done(&one);
    return rc;
}

static int read_certificates(wfe_registry_host *host, wfe_error *err)
{
    wfe_buf all = WFE_BUF_INIT(CERTIFICATES_MAX_BYTES);
    wfe_error why = WFE_ERROR_INIT;
    int rc = 0;
    for (size_t i = 0; !rc && host->entry.ca_files && host->entry.ca_files[i]; i++)
        rc = read_certificate(host->entry.ca_files[i], &all, &why);
    if (rc) {
        wfe_buf_done(&all);
        if (rc == WFE_E_NOT_FOUND) /* which would be said of an image */
            rc = why.kind = WFE_E_INVALID;
        wfe_error_copy(err, &why);
        wfe_error_prefix(err, "CA certificates for the registry host '%s'", host->entry.authority);
        return rc;
    }
    host->tls.ca_len = all.len;
    host->tls.ca_pem = host->ca_pem = all.len ? wfe_buf_take(&all, NULL) : NULL;
    return 0;
}

static void use_client(wfe_registry_host *host, const wfe_log *log)
{
    const wfe_hosts_entry *entry = &host->entry;
    if (!entry->n_clients)
        return;
    host->tls.cert_file = entry->clients[0].cert_file;
    host->tls.key_file = entry->clients[0].key_file;
    if (entry->n_clients > 1)
        wfe_log_warning(log, "registry host '%s': of %zu client certificates only %s is used",
                        entry->authority, entry->n_clients, entry->clients[0].cert_file);
}

static int prepare(wfe_registry_hosts *hosts, wfe_hosts *entries, const wfe_log *log,
                   wfe_error *err)
{
    hosts->items = calloc(entries->n, sizeof *hosts->items);
    if (!hosts->items)
        return wfe_error_nomem(err);
    for (size_t i = 0; i < entries->n; i++) {
        wfe_registry_host *host = &hosts->items[hosts->n++];
        host->entry = entries->items[i];
        entries->items[i] = (wfe_hosts_entry){0};
        int rc = host->entry.authority ? 0 : set_default(host, hosts->domain, err);
        if (!rc)
            rc = read_certificates(host, err);
        if (rc)
            return rc;
        use_client(host, log);
        host->tls.skip_verify = host->entry.skip_verify;
        host->is_upstream = strcmp(host->entry.authority, hosts->domain) == 0 ||
                            (strcmp(hosts->domain, DOCKER_HUB) == 0 &&
                             strcmp(host->entry.authority, DOCKER_HUB_HOST) == 0);
    }
    return 0;
}

int wfe_registry_hosts_load(const char *const *dirs, const char *domain, const wfe_log *log,
                            wfe_registry_hosts **ret, wfe_error *err)
{
    _cleanup_free_ char *dir = NULL;
    wfe_hosts entries = {0};
    wfe_registry_hosts *hosts = calloc(1, sizeof *hosts);
    if (!hosts || !(hosts->domain = strdup(domain))) {
        wfe_registry_hosts_free(hosts);
        return wfe_error_nomem(err);
    }
    int rc = find_folder(dirs, domain, &dir, err);
    if (!rc)
        rc = read_entries(dir, &hosts->file, &entries, err);
    if (!rc)
        rc = prepare(hosts, &entries, log, err);
    wfe_hosts_done(&entries);
    if (rc) {
        wfe_registry_hosts_free(hosts);
        return rc;
    }
    *ret = hosts;
    return 0;
}

void wfe_registry_hosts_free(wfe_registry_hosts *hosts)
{
    if (!hosts)
        return;
    for (size_t i = 0; i < hosts->n; i++) {
        wfe_hosts_entry_done(&hosts->items[i].entry);
        free(hosts->items[i].ca_pem);
    }
    free(hosts->items);
    free(hosts->file);
    free(hosts->domain);
    free(hosts);
}
