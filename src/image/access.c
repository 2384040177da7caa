/* SPDX-License-Identifier: Apache-2.0 */
#include "image/access.h"

#include <stdlib.h>
#include <string.h>

#include "base/sized.h"
#include "base/strv.h"

#define LOGINS_MAX ((size_t)256)

static void forget(const char *secret)
{
    if (!secret)
        return;
    char *bytes = (char *)(uintptr_t)secret;
    explicit_bzero(bytes, strlen(bytes));
    free(bytes);
}

void wfe_image_access_done(wfe_image_access *access)
{
    for (size_t i = 0; access->logins && i < access->n_logins; i++) {
        forget(access->logins[i].host);
        forget(access->logins[i].username);
        forget(access->logins[i].password);
        forget(access->logins[i].identity_token);
        forget(access->logins[i].registry_token);
    }
    free(access->logins);
    free(access->docker_config);
    wfe_strv_free(access->hosts_dirs);
    forget(access->http_proxy);
    forget(access->https_proxy);
    free(access->no_proxy);
    *access = (wfe_image_access){0};
}

static bool copy_text(const char *from, const char **to)
{
    *to = from ? strdup(from) : NULL;
    return !from || *to;
}

static bool copy_login(const wfe_registry_login *from, wfe_registry_login *to)
{
    return copy_text(from->host, &to->host) && copy_text(from->username, &to->username) &&
           copy_text(from->password, &to->password) &&
           copy_text(from->identity_token, &to->identity_token) &&
           copy_text(from->registry_token, &to->registry_token);
}

static int copy_logins(const wfe_registry_access *given, wfe_image_access *out, wfe_error *err)
{
    if (given->n_logins > LOGINS_MAX)
        return wfe_error_set(err, WFE_E_LIMIT, "%zu logins for registries, at most %zu allowed",
                             given->n_logins, LOGINS_MAX);
    if (given->n_logins == 0)
        return 0;
    out->logins = calloc(given->n_logins, sizeof *out->logins);
    if (!out->logins)
        return wfe_error_nomem(err);
    out->n_logins = given->n_logins;
    for (size_t i = 0; i < given->n_logins; i++) {
        if (given->logins[i].host && !*given->logins[i].host)
            return wfe_error_set(err, WFE_E_INVALID, "a login for registries has an empty host");
        if (!copy_login(&given->logins[i], &out->logins[i]))
            return wfe_error_nomem(err);
    }
    return 0;
}

int wfe_image_access_copy(const wfe_registry_access *options, wfe_image_access *out, wfe_error *err)
{
    wfe_registry_access given = {0};
    *out = (wfe_image_access){0};
    if (!options)
        return 0;
    int rc = wfe_sized_copy(options, "wfe_registry_access", &given, sizeof given, err);
    if (!rc)
        rc = copy_logins(&given, out, err);
    if (!rc)
        rc = wfe_strv_copy(given.hosts_dirs, &out->hosts_dirs, err);
    if (!rc && !(copy_text(given.docker_config, (const char **)&out->docker_config) &&
                 copy_text(given.http_proxy, (const char **)&out->http_proxy) &&
                 copy_text(given.https_proxy, (const char **)&out->https_proxy) &&
                 copy_text(given.no_proxy, (const char **)&out->no_proxy)))
        rc = wfe_error_nomem(err);
    if (rc)
        wfe_image_access_done(out);
    return rc;
}

int wfe_image_access_set_host(wfe_image_access *access, const char *host, wfe_error *err)
{
    for (size_t i = 0; i < access->n_logins; i++) {
        if (!access->logins[i].host && !copy_text(host, &access->logins[i].host))
            return wfe_error_nomem(err);
    }
    return 0;
}

wfe_registry_access wfe_image_access_view(const wfe_image_access *access)
{
    return (wfe_registry_access){
        .size = sizeof(wfe_registry_access),
        .logins = access->logins,
        .n_logins = access->n_logins,
        .docker_config = access->docker_config,
        .hosts_dirs = (const char *const *)access->hosts_dirs,
        .http_proxy = access->http_proxy,
        .https_proxy = access->https_proxy,
        .no_proxy = access->no_proxy,
    };
}
