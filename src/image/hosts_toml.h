/* SPDX-License-Identifier: Apache-2.0
 *
 * containerd's hosts.toml: which hosts to ask in place of a registry, and how to reach them. The
 * text only; which file is read, and its certificates, are the business of registry_hosts.h.
 */
#ifndef WFE_IMAGE_HOSTS_TOML_H
#define WFE_IMAGE_HOSTS_TOML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define WFE_HOSTS_MAX_ENTRIES 32
#define WFE_HOSTS_MAX_FILES 32
#define WFE_HOSTS_MAX_HEADERS 32

typedef struct wfe_hosts_client_cert {
    char *cert_file;
    char *key_file; /* NULL: the key is in cert_file */
} wfe_hosts_client_cert;

/* One host, or what is set for the registry itself. Paths are as in the file, or below its folder
 * where they are relative. All owned. */
typedef struct wfe_hosts_entry {
    char *authority; /* "mirror.example:5000"; NULL: the registry's own default */
    bool is_https;
    char *api_root; /* "/v2", "/some/path/v2", or "" */
    bool can_pull;
    bool can_resolve;
    bool skip_verify;
    uint32_t connect_timeout_ms; /* dial_timeout; 0: not set */
    char **ca_files;             /* NULL-terminated; NULL: none */
    wfe_hosts_client_cert *clients;
    size_t n_clients;
    char **headers; /* "Name: value"; NULL-terminated; NULL: none; may hold secrets */
} wfe_hosts_entry;

/* In the order in which they are to be asked; the last one is the registry itself. */
typedef struct wfe_hosts {
    wfe_hosts_entry *items;
    size_t n;
} wfe_hosts;

/* dir is where the file lies. INVALID, with line and column or with the key; LIMIT, NOMEM. out must
 * be empty. */
int wfe_hosts_toml_parse(const char *text, size_t len, const char *dir, wfe_hosts *out,
                         wfe_error *err);
void wfe_hosts_entry_done(wfe_hosts_entry *entry);
void wfe_hosts_done(wfe_hosts *hosts);

#endif
