/* SPDX-License-Identifier: Apache-2.0
 *
 * See credential.h. docker's file is read anew for each lookup, which is once for each login: a
 * `docker login` meanwhile counts.
 */
#include "image/credential.h"

#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "image/secret.h"

struct wfe_credential_lookup {
    const wfe_credential_sources *sources;
    wfe_loop *loop;
    char *host;
    wfe_timer *begin; /* so that fn never runs from inside start */
    wfe_docker_config *config;
    wfe_credential_helper *helper;
    wfe_credential_fn fn;
    void *user;
};

static void lookup_free(wfe_credential_lookup *lookup)
{
    wfe_timer_free(lookup->begin);
    wfe_docker_config_free(lookup->config);
    free(lookup->host);
    free(lookup);
}

static void end(wfe_credential_lookup *lookup, const wfe_credential *found, const wfe_error *err)
{
    wfe_credential_fn fn = lookup->fn;
    void *user = lookup->user;
    lookup_free(lookup);
    fn(err->kind ? NULL : found, err, user);
}

/* Names the file in messages of wfe_docker_config_*. */
static int in_file(const wfe_credential_lookup *lookup, int rc, wfe_error *err)
{
    if (rc)
        wfe_error_prefix(err, "docker's configuration %s", lookup->sources->docker_config);
    return rc;
}

static int read_config(wfe_credential_lookup *lookup, wfe_error *err)
{
    const char *path = lookup->sources->docker_config;
    wfe_buf text = WFE_BUF_INIT(0);
    if (!path)
        return 0;
    wfe_error why = WFE_ERROR_INIT;
    int rc = wfe_fd_read_file(path, WFE_DOCKER_CONFIG_MAX_BYTES, &text, &why);
    if (rc == WFE_E_NOT_FOUND) {
        wfe_secret_buf_done(&text);
        return 0;
    }
    if (rc)
        wfe_error_copy(err, &why);
    else
        rc = in_file(lookup, wfe_docker_config_parse(text.data, text.len, &lookup->config, err),
                     err);
    wfe_secret_buf_done(&text);
    return rc;
}

/* What the file itself says, after the helper if there is one. */
static void end_with_file(wfe_credential_lookup *lookup)
{
    wfe_credential found = {0};
    wfe_error err = WFE_ERROR_INIT;
    in_file(lookup, wfe_docker_config_find(lookup->config, lookup->host, &found, &err), &err);
    end(lookup, &found, &err);
    wfe_credential_done(&found);
}

static void on_helper(const wfe_credential *credential, const wfe_error *err, void *user)
{
    wfe_credential_lookup *lookup = user;
    lookup->helper = NULL;
    if (credential && wfe_credential_is_empty(credential))
        end_with_file(lookup);
    else
        end(lookup, credential, err);
}

static const wfe_registry_login *find_login(const wfe_credential_lookup *lookup)
{
    const wfe_credential_sources *sources = lookup->sources;
    const char *server = wfe_docker_config_server(lookup->host);
    for (size_t i = 0; i < sources->n_logins; i++) {
        /* The names of Docker Hub are one. */
        if (strcasecmp(wfe_docker_config_server(sources->logins[i].host), server) == 0)
            return &sources->logins[i];
    }
    return NULL;
}

static void end_with_login(wfe_credential_lookup *lookup, const wfe_registry_login *login)
{
    /* The members are only read. */
    const wfe_credential found = {.username = (char *)(uintptr_t)login->username,
                                  .password = (char *)(uintptr_t)login->password,
                                  .identity_token = (char *)(uintptr_t)login->identity_token,
                                  .registry_token = (char *)(uintptr_t)login->registry_token};
    const wfe_error none = WFE_ERROR_INIT;
    end(lookup, &found, &none);
}

static void on_begin(void *user)
{
    wfe_credential_lookup *lookup = user;
    const wfe_credential nothing = {0};
    wfe_error err = WFE_ERROR_INIT;
    const wfe_registry_login *login = find_login(lookup);
    if (login) {
        end_with_login(lookup, login);
        return;
    }
    if (read_config(lookup, &err) != 0 || !lookup->config) {
        end(lookup, &nothing, &err);
        return;
    }
    const char *helper = wfe_docker_config_helper(lookup->config, lookup->host);
    if (!helper)
        end_with_file(lookup);
    else if (wfe_credential_helper_start(lookup->loop, helper, lookup->host,
                                         lookup->sources->helper_timeout_ms, on_helper, lookup,
                                         &lookup->helper, &err) != 0)
        end(lookup, NULL, &err);
}

int wfe_credential_lookup_start(wfe_loop *loop, const wfe_credential_sources *sources,
                                const char *host, wfe_credential_fn fn, void *user,
                                wfe_credential_lookup **ret, wfe_error *err)
{
    wfe_credential_lookup *lookup = calloc(1, sizeof *lookup);
    if (!lookup)
        return wfe_error_nomem(err);
    lookup->loop = loop;
    lookup->sources = sources;
    lookup->fn = fn;
    lookup->user = user;
    lookup->host = strdup(host);
    int rc = lookup->host ? wfe_timer_new(loop, on_begin, lookup, &lookup->begin, err)
                          : wfe_error_nomem(err);
    if (rc) {
        lookup_free(lookup);
        return rc;
    }
    wfe_timer_start(lookup->begin, 0);
    *ret = lookup;
    return 0;
}

void wfe_credential_lookup_cancel(wfe_credential_lookup *lookup)
{
    if (!lookup)
        return;
    wfe_credential_helper_cancel(lookup->helper);
    lookup_free(lookup);
}
