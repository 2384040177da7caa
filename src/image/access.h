/* SPDX-License-Identifier: Apache-2.0
 *
 * A copy of what a caller says about registries (wfe_registry_access), for those who need it later.
 */
#ifndef WFE_IMAGE_ACCESS_H
#define WFE_IMAGE_ACCESS_H

#include <wfe/image.h>

#include "base/error.h"

/* All of it owned, NULL-terminated lists included; all zero is valid and says nothing. */
typedef struct wfe_image_access {
    wfe_registry_login *logins;
    size_t n_logins;
    char *docker_config;
    char **hosts_dirs;
    char *http_proxy;
    char *https_proxy;
    char *no_proxy;
} wfe_image_access;

/* given may be NULL. INVALID, NOMEM; out is all zero then. */
int wfe_image_access_copy(const wfe_registry_access *given, wfe_image_access *out, wfe_error *err);
/* Gives logins without a host this one. */
int wfe_image_access_set_host(wfe_image_access *access, const char *host, wfe_error *err);
/* Passwords are overwritten. */
void wfe_image_access_done(wfe_image_access *access);
/* The same as the caller's form, borrowing from access. */
wfe_registry_access wfe_image_access_view(const wfe_image_access *access);

#endif
