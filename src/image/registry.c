/* SPDX-License-Identifier: Apache-2.0
 *
 * The registry object: options, and what its fetches share (connections, hosts, logins).
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/strv.h"
#include "image/registry_priv.h"
#include "image/secret.h"

#define CONNECTIONS_DEFAULT 8
#define RETRIES_DEFAULT 5
#define RETRIES_MAX 20
#define RETRY_DELAY_DEFAULT_MS 500
#define RETRY_DELAY_MAX_MS 30000
#define RETRY_AFTER_DEFAULT_MS 60000
#define CONNECT_TIMEOUT_DEFAULT_MS 10000
#define STALL_TIMEOUT_DEFAULT_MS 30000
#define HELPER_TIMEOUT_DEFAULT_MS 15000

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
    return value ? value : otherwise;
}

static int copy_text(const char *text, const char **ret, wfe_error *err)
{
    if (text && !(*ret = strdup(text)))
        return wfe_error_nomem(err);
    return 0;
}

static int copy_login(const wfe_registry_login *from, wfe_registry_login *to, wfe_error *err)
{
    if (!from->host || !from->host[0])
        return wfe_error_set(err, WFE_E_INVALID, "a login for a registry names no host");
    if (!from->identity_token && !from->registry_token && !(from->username && from->password))
        return wfe_error_set(err, WFE_E_INVALID,
                             "the login for '%s' has neither user name and password nor a token",
                             from->host);
    int rc = copy_text(from->host, &to->host, err);
    if (!rc)
        rc = copy_text(from->username, &to->username, err);
    if (!rc)
        rc = copy_text(from->password, &to->password, err);
    if (!rc)
        rc = copy_text(from->identity_token, &to->identity_token, err);
    if (!rc)
        rc = copy_text(from->registry_token, &to->registry_token, err);
    return rc;
}

static int copy_logins(wfe_registry *registry, const wfe_registry_options *options, wfe_error *err)
{
    if (!options->n_logins)
        return 0;
    registry->logins = calloc(options->n_logins, sizeof *registry->logins);
    if (!registry->logins)
        return wfe_error_nomem(err);
    for (size_t i = 0; i < options->n_logins; i++) {
        registry->n_logins++;
        int rc = copy_login(&options->logins[i], &registry->logins[i], err);
        if (rc)
            return rc;
    }
    return 0;
}

static void free_logins(wfe_registry *registry)
{
    for (size_t i = 0; i < registry->n_logins; i++) {
        const wfe_registry_login *login = &registry->logins[i];
        const char *const texts[] = {login->host, login->username, login->password,
                                     login->identity_token, login->registry_token};
        for (size_t j = 0; j < sizeof texts / sizeof *texts; j++)
            wfe_secret_free((char *)(uintptr_t)texts[j]);
    }
    free(registry->logins);
}

static int new_http(wfe_registry *registry, const wfe_registry_options *options, wfe_error *err)
{
    const wfe_http_options http = {
        .http_proxy = options->http_proxy,
        .https_proxy = options->https_proxy,
        .no_proxy = options->no_proxy,
        .connections_per_host = or_default(options->connections_per_host, CONNECTIONS_DEFAULT),
        .connect_timeout_ms = or_default(options->connect_timeout_ms, CONNECT_TIMEOUT_DEFAULT_MS),
        .stall_timeout_ms = or_default(options->stall_timeout_ms, STALL_TIMEOUT_DEFAULT_MS),
    };
    return wfe_http_new(registry->loop, &http, &registry->http, err);
}

static int set_options(wfe_registry *registry, const wfe_registry_options *options, wfe_error *err)
{
    if (options->retries > RETRIES_MAX)
        return wfe_error_set(err, WFE_E_INVALID, "%u retries for a registry, at most %d allowed",
                             options->retries, RETRIES_MAX);
    registry->retries = or_default(options->retries, RETRIES_DEFAULT);
    registry->retry_delay_ms = or_default(options->retry_delay_ms, RETRY_DELAY_DEFAULT_MS);
    registry->retry_after_max_ms = or_default(options->retry_after_max_ms, RETRY_AFTER_DEFAULT_MS);
    registry->jitter = (uint32_t)wfe_clock_monotonic_us() | 1;
    if (options->log)
        registry->log = *options->log;
    if (options->docker_config && !(registry->docker_config = strdup(options->docker_config)))
        return wfe_error_nomem(err);
    int rc = wfe_strv_copy(options->hosts_dirs, &registry->hosts_dirs, err);
    if (!rc)
        rc = copy_logins(registry, options, err);
    registry->sources = (wfe_credential_sources){
        .logins = registry->logins,
        .n_logins = registry->n_logins,
        .docker_config = registry->docker_config,
        .helper_timeout_ms = or_default(options->helper_timeout_ms, HELPER_TIMEOUT_DEFAULT_MS)};
    return rc ? rc : new_http(registry, options, err);
}

int wfe_registry_new(wfe_loop *loop, const wfe_registry_options *options, wfe_registry **ret,
                     wfe_error *err)
{
    const wfe_registry_options defaults = {0};
    _cleanup_(wfe_registry_free_p) wfe_registry *registry = calloc(1, sizeof *registry);
    if (!registry)
        return wfe_error_nomem(err);
    registry->loop = loop;
    int rc = set_options(registry, options ? options : &defaults, err);
    if (rc)
        return rc;
    *ret = wfe_take(registry);
    return 0;
}

void wfe_registry_free(wfe_registry *registry)
{
    if (!registry)
        return;
    wfe_registry_grants_free(registry);
    wfe_http_free(registry->http);
    while (registry->domains) {
        wfe_registry_domain *domain = registry->domains;
        registry->domains = domain->next;
        wfe_registry_hosts_free(domain->hosts);
        free(domain);
    }
    free_logins(registry);
    wfe_strv_free(registry->hosts_dirs);
    free(registry->docker_config);
    free(registry);
}

int wfe_registry_find_hosts(wfe_registry *registry, const char *domain, wfe_registry_hosts **ret,
                            wfe_error *err)
{
    for (const wfe_registry_domain *d = registry->domains; d; d = d->next) {
        if (strcmp(d->hosts->domain, domain) == 0) {
            *ret = d->hosts;
            return 0;
        }
    }
    wfe_registry_domain *added = calloc(1, sizeof *added);
    if (!added)
        return wfe_error_nomem(err);
    int rc = wfe_registry_hosts_load((const char *const *)registry->hosts_dirs, domain,
                                     &registry->log, &added->hosts, err);
    if (rc) {
        free(added);
        return rc;
    }
    added->next = registry->domains;
    registry->domains = added;
    *ret = added->hosts;
    return 0;
}

uint64_t wfe_registry_backoff_ms(wfe_registry *registry, unsigned n)
{
    uint64_t whole = registry->retry_delay_ms;
    for (unsigned i = 1; i < n && whole < RETRY_DELAY_MAX_MS; i++)
        whole *= 2;
    if (whole > RETRY_DELAY_MAX_MS)
        whole = RETRY_DELAY_MAX_MS;
    /* xorshift32 */
    registry->jitter ^= registry->jitter << 13;
    registry->jitter ^= registry->jitter >> 17;
    registry->jitter ^= registry->jitter << 5;
    return whole - (whole / 2) * (registry->jitter % 1024) / 1024;
}
