/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the images of a registry come from: the hosts of its hosts.toml in their order, or the
 * registry itself, with certificates read and ready for use.
 */
#ifndef WFE_IMAGE_REGISTRY_HOSTS_H
#define WFE_IMAGE_REGISTRY_HOSTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "image/hosts_toml.h"
#include "image/http.h"
#include "image/www_authenticate.h"

typedef struct wfe_registry_host {
    wfe_hosts_entry entry; /* authority is never NULL here */
    wfe_http_tls tls;      /* texts below and in entry */
    char *ca_pem;
    bool is_upstream;  /* the registry itself, not a mirror: no "ns" in requests */
    bool may_be_https; /* plain HTTP was only assumed, since the host is a local one */
    /* What the host was found to want, so that the next request brings it at once. */
    wfe_auth_scheme scheme;
} wfe_registry_host;

typedef struct wfe_registry_hosts {
    char *domain;
    char *file; /* the hosts.toml that was read; NULL: there is none */
    wfe_registry_host *items;
    size_t n;
} wfe_registry_hosts;

/* The hosts for a registry ("docker.io", "localhost:5000"), as the first folder below dirs that is
 * there for it says (NULL-terminated list; NULL: none). INVALID, with the file, for one that is
 * wrong; errors of reading it and its certificates. */
int wfe_registry_hosts_load(const char *const *dirs, const char *domain, const wfe_log *log,
                            wfe_registry_hosts **ret, wfe_error *err);
void wfe_registry_hosts_free(wfe_registry_hosts *hosts);

#endif
