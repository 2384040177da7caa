/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_settings.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/strv.h"

static const char *environment(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

static int copy(const char *text, char **place, wfe_error *err)
{
    *place = text ? strdup(text) : NULL;
    return text && !*place ? wfe_error_nomem(err) : 0;
}

static int join(const char *dir, const char *name, char **place, wfe_error *err)
{
    if (asprintf(place, "%s/%s", dir, name) >= 0)
        return 0;
    *place = NULL;
    return wfe_error_nomem(err);
}

int wfe_run_settings_path(const char *path, char **place, wfe_error *err)
{
    char here[PATH_MAX];
    if (!path || *path == '/')
        return copy(path, place, err);
    if (!getcwd(here, sizeof here))
        return wfe_error_set_errno(err, errno, "cannot tell the current folder");
    return join(here, path, place, err);
}

const char *wfe_run_settings_tmp_dir(const wfe_run_settings *settings, char *out)
{
    if (settings->tmp_dir)
        snprintf(out, PATH_MAX, "%s", settings->tmp_dir);
    else if (geteuid() == 0)
        snprintf(out, PATH_MAX, "/run/wfe/runs");
    else
        snprintf(out, PATH_MAX, "/tmp/wfe-%u/runs", (unsigned)geteuid());
    return out;
}

static int set_folders(wfe_run_settings *settings, wfe_error *err)
{
    char state_dir[PATH_MAX];
    const char *io_dir = environment("WFE_IO_DIR");
    int rc = wfe_connection_state_dir(state_dir, sizeof state_dir, err);
    if (!rc)
        rc = wfe_run_settings_path("", &settings->working_dir, err);
    if (!rc && strlen(settings->working_dir) > 1) /* the '/' that "" was put behind */
        settings->working_dir[strlen(settings->working_dir) - 1] = '\0';
    if (!rc)
        rc = join(state_dir, "volumes", &settings->volume_dir, err);
    if (!rc)
        rc = copy(io_dir, &settings->io_dir, err);
    /* Steps bind files of the run's folder: the daemon must see it, as it must see the FIFOs. */
    if (!rc && io_dir)
        rc = join(io_dir, "runs", &settings->tmp_dir, err);
    return rc;
}

static int set_connection(wfe_run_settings *settings, const wfe_connection *connection,
                          wfe_error *err)
{
    char address[WFE_CONNECTION_ADDRESS_SIZE];
    const char *name = connection->namespace_name, *snapshotter = connection->snapshotter;
    const struct {
        const char *text;
        char **place;
    } texts[] = {
        {wfe_connection_address(connection, address), &settings->address},
        {name ? name : environment("CONTAINERD_NAMESPACE"), &settings->namespace_name},
        {snapshotter ? snapshotter : environment("CONTAINERD_SNAPSHOTTER"), &settings->snapshotter},
        {connection->runtime, &settings->runtime},
        {connection->tls_server_name, &settings->tls_server_name},
    };
    int rc = 0;
    for (size_t i = 0; !rc && i < sizeof texts / sizeof *texts; i++)
        rc = copy(texts[i].text, texts[i].place, err);
    if (!rc)
        rc = wfe_run_settings_path(connection->tls_ca, &settings->tls_ca, err);
    if (!rc)
        rc = wfe_run_settings_path(connection->tls_cert, &settings->tls_cert, err);
    return rc ? rc : wfe_run_settings_path(connection->tls_key, &settings->tls_key, err);
}

static int set_registry(wfe_run_settings *settings, const wfe_registry_config *registry,
                        wfe_error *err)
{
    int rc = wfe_run_settings_path(registry->docker_config, &settings->docker_config, err);
    if (rc || !registry->hosts_dirs.len)
        return rc;
    settings->hosts_dirs = calloc(registry->hosts_dirs.len + 1, sizeof *settings->hosts_dirs);
    if (!settings->hosts_dirs)
        return wfe_error_nomem(err);
    for (size_t i = 0; !rc && i < registry->hosts_dirs.len; i++)
        rc = wfe_run_settings_path(registry->hosts_dirs.items[i], &settings->hosts_dirs[i], err);
    return rc;
}

int wfe_run_settings_here(const wfe_connection *connection, const wfe_registry_config *registry,
                          wfe_run_settings *ret, wfe_error *err)
{
    int rc = set_folders(ret, err);
    if (!rc)
        rc = set_connection(ret, connection, err);
    return rc ? rc : set_registry(ret, registry, err);
}

void wfe_run_settings_connection(const wfe_run_settings *settings, wfe_connection *ret)
{
    *ret = (wfe_connection){
        .address = settings->address,
        .namespace_name = settings->namespace_name,
        .snapshotter = settings->snapshotter,
        .runtime = settings->runtime,
        .tls_ca = settings->tls_ca,
        .tls_cert = settings->tls_cert,
        .tls_key = settings->tls_key,
        .tls_server_name = settings->tls_server_name,
    };
}

void wfe_run_settings_registry(const wfe_run_settings *settings, wfe_registry_config *ret)
{
    *ret = (wfe_registry_config){
        .docker_config = settings->docker_config,
        .hosts_dirs = {.items = (const char **)settings->hosts_dirs,
                       .len = wfe_strv_length((const char *const *)settings->hosts_dirs)},
    };
}
