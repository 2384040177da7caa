/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/registry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

#define PASSWORD_MAX_BYTES ((size_t)64 * 1024)

static const char *const default_hosts_dirs[] = {"/etc/containerd/certs.d", NULL};

/* The first of these that is set and not empty. */
static const char *environment(const char *name, const char *other)
{
    const char *value = getenv(name);
    if (!value || !*value)
        value = other ? getenv(other) : NULL;
    return value && *value ? value : NULL;
}

static int read_all(int fd, char *buffer, size_t size, size_t *ret_len, wfe_error *err)
{
    size_t len = 0;
    while (len < size) {
        ssize_t n = read(fd, buffer + len, size - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return wfe_error_set_errno(err, errno, "cannot read the password");
        if (n == 0)
            break;
        len += (size_t)n;
    }
    *ret_len = len;
    return 0;
}

/* The first line, so that an editor's newline does no harm. */
static int read_password(const char *path, char **ret, wfe_error *err)
{
    bool is_stdin = strcmp(path, "-") == 0;
    _cleanup_close_ int file = is_stdin ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (!is_stdin && file < 0)
        return wfe_error_set_errno(err, errno, "cannot open the password file %s", path);
    _cleanup_free_ char *text = calloc(1, PASSWORD_MAX_BYTES + 1);
    size_t len = 0;
    if (!text)
        return wfe_error_nomem(err);
    int rc = read_all(is_stdin ? STDIN_FILENO : file, text, PASSWORD_MAX_BYTES, &len, err);
    if (!rc && len == PASSWORD_MAX_BYTES)
        rc = wfe_error_set(err, WFE_E_LIMIT, "the password in %s is longer than %zu bytes", path,
                           PASSWORD_MAX_BYTES - 1);
    size_t line = strcspn(text, "\r\n");
    if (!rc && line == 0)
        rc = wfe_error_set(err, WFE_E_INVALID, "there is no password in %s",
                           is_stdin ? "the standard input" : path);
    if (!rc) {
        *ret = strndup(text, line);
        rc = *ret ? 0 : wfe_error_nomem(err);
    }
    explicit_bzero(text, PASSWORD_MAX_BYTES);
    return rc;
}

static int make_login(wfe_registry_setup *setup, const wfe_registry_config *config, wfe_error *err)
{
    if (!config->user != !config->password_file) {
        wfe_error_set(err, WFE_E_INVALID,
                      "--registry-user and --registry-password-file belong together");
        wfe_error_hint(err, "for example: --registry-user me --registry-password-file token.txt");
        return WFE_E_INVALID;
    }
    if (!config->user)
        return 0;
    int rc = read_password(config->password_file, &setup->password, err);
    if (rc)
        return rc;
    setup->login = (wfe_registry_login){.username = config->user, .password = setup->password};
    setup->access.logins = &setup->login;
    setup->access.n_logins = 1;
    return 0;
}

/* $DOCKER_CONFIG is a folder. */
static int find_docker_config(wfe_registry_setup *setup, const wfe_registry_config *config,
                              wfe_error *err)
{
    const char *folder = environment("DOCKER_CONFIG", NULL), *home = environment("HOME", NULL);
    int n = 0;
    if (config->docker_config) {
        if (access(config->docker_config, R_OK) < 0)
            return wfe_error_set_errno(err, errno, "cannot read the docker config %s",
                                       config->docker_config);
        n = asprintf(&setup->docker_config, "%s", config->docker_config);
    } else if (folder) {
        n = asprintf(&setup->docker_config, "%s/config.json", folder);
    } else if (home) {
        n = asprintf(&setup->docker_config, "%s/.docker/config.json", home);
    }
    if (n < 0) {
        setup->docker_config = NULL;
        return wfe_error_nomem(err);
    }
    setup->access.docker_config = setup->docker_config;
    return 0;
}

int wfe_registry_setup_init(wfe_registry_setup *setup, const wfe_registry_config *config,
                            wfe_error *err)
{
    *setup = (wfe_registry_setup){
        .access = {.size = sizeof(wfe_registry_access),
                   .hosts_dirs =
                       config->hosts_dirs.len ? config->hosts_dirs.items : default_hosts_dirs,
                   .http_proxy = environment("http_proxy", NULL),
                   .https_proxy = environment("https_proxy", "HTTPS_PROXY"),
                   .no_proxy = environment("no_proxy", "NO_PROXY")}};
    int rc = make_login(setup, config, err);
    if (!rc)
        rc = find_docker_config(setup, config, err);
    if (rc)
        wfe_registry_setup_done(setup);
    return rc;
}

void wfe_registry_setup_done(wfe_registry_setup *setup)
{
    if (setup->password)
        explicit_bzero(setup->password, strlen(setup->password));
    free(setup->password);
    free(setup->docker_config);
    *setup = (wfe_registry_setup){0};
}
