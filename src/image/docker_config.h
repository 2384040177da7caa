/* SPDX-License-Identifier: Apache-2.0
 *
 * docker's config.json, as far as it is about logins: `auths`, `credHelpers`, `credsStore`.
 * Reading it only; the helpers it names are run by credential.h.
 */
#ifndef WFE_IMAGE_DOCKER_CONFIG_H
#define WFE_IMAGE_DOCKER_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "base/error.h"

#define WFE_DOCKER_CONFIG_MAX_BYTES ((size_t)1024 * 1024)

/* Who we are to one host. Owned texts, NULL when not there; cleared when freed. */
typedef struct wfe_credential {
    char *username;
    char *password;
    char *identity_token;
    char *registry_token;
} wfe_credential;

void wfe_credential_done(wfe_credential *credential);
bool wfe_credential_is_empty(const wfe_credential *credential);
/* out must be empty. */
int wfe_credential_copy(const wfe_credential *from, wfe_credential *out, wfe_error *err);

typedef struct wfe_docker_config wfe_docker_config;
/* text is borrowed during the call. INVALID, with the key, for a text that is no such file;
 * NOMEM. An entry of `auths` that is wrong is an error only for its own host. */
int wfe_docker_config_parse(const char *text, size_t len, wfe_docker_config **ret, wfe_error *err);
void wfe_docker_config_free(wfe_docker_config *config);
WFE_DEFINE_CLEANUP(wfe_docker_config, wfe_docker_config_free)

/* The name of the program to ask about a host, without "docker-credential-"; NULL when the file
 * itself answers. Borrowed from config. */
const char *wfe_docker_config_helper(const wfe_docker_config *config, const char *host);
/* The file's own entry for the host, as in references or URLs ("docker.io" and
 * "registry-1.docker.io" are one); out stays empty when there is none. INVALID, NOMEM. */
int wfe_docker_config_find(const wfe_docker_config *config, const char *host, wfe_credential *out,
                           wfe_error *err);
/* How helpers call a host: "https://index.docker.io/v1/" for Docker Hub, else the host itself. */
const char *wfe_docker_config_server(const char *host);

/* The answer of a helper to `get`. INVALID, NOMEM. */
int wfe_docker_config_parse_answer(const char *text, size_t len, wfe_credential *out,
                                   wfe_error *err);

#endif
