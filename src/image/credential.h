/* SPDX-License-Identifier: Apache-2.0
 *
 * Who we are to a host: what the caller said, else what docker's config.json and the helper
 * programs it names say. A helper runs as a child process with a deadline, without a shell.
 */
#ifndef WFE_IMAGE_CREDENTIAL_H
#define WFE_IMAGE_CREDENTIAL_H

#include "image/docker_config.h"
#include "image/registry.h"
#include "loop/loop.h"

/* Where to look; borrowed for the life of lookups. */
typedef struct wfe_credential_sources {
    const wfe_registry_login *logins;
    size_t n_logins;
    const char *docker_config; /* NULL: none */
    uint32_t helper_timeout_ms;
} wfe_credential_sources;

/* credential is borrowed, and empty when there is none for this host; NULL on failure. */
typedef void (*wfe_credential_fn)(const wfe_credential *credential, const wfe_error *err,
                                  void *user);

typedef struct wfe_credential_lookup wfe_credential_lookup;
/* fn is called once, never from inside; the handle is gone when it returns. host is copied. */
int wfe_credential_lookup_start(wfe_loop *loop, const wfe_credential_sources *sources,
                                const char *host, wfe_credential_fn fn, void *user,
                                wfe_credential_lookup **ret, wfe_error *err);
/* fn will not run; a helper that runs is killed. NULL is accepted. */
void wfe_credential_lookup_cancel(wfe_credential_lookup *lookup);

/* ---- the helper alone ---- */

typedef struct wfe_credential_helper wfe_credential_helper;
/* name without "docker-credential-". The credential is empty when the helper has none. Otherwise
 * as wfe_credential_lookup_start. INVALID for a name that is no file name. */
int wfe_credential_helper_start(wfe_loop *loop, const char *name, const char *host,
                                uint32_t timeout_ms, wfe_credential_fn fn, void *user,
                                wfe_credential_helper **ret, wfe_error *err);
void wfe_credential_helper_cancel(wfe_credential_helper *helper);

#endif
