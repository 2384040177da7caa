/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/connection.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <wfe/daemon.h>

#include "containerd/wfe_client.h"

static const char *environment(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

int wfe_connection_state_dir(char *out, size_t size, wfe_error *err)
{
    const char *own = environment("WFE_STATE_DIR");
    const char *xdg = environment("XDG_STATE_HOME");
    const char *home = environment("HOME");
    int len;
    if (own)
        len = snprintf(out, size, "%s", own);
    else if (xdg)
        len = snprintf(out, size, "%s/wfe", xdg);
    else if (geteuid() == 0 || !home)
        len = snprintf(out, size, "/var/lib/wfe");
    else
        len = snprintf(out, size, "%s/.local/state/wfe", home);
    if (len < 0 || (size_t)len >= size)
        return wfe_error_set(err, WFE_E_LIMIT, "the state folder's path is longer than %zu bytes",
                             size - 1);
    if (out[0] != '/')
        return wfe_error_set(err, WFE_E_INVALID,
                             "the state folder is '%s', must be an absolute path", out);
    return 0;
}

int wfe_connection_daemon_dir(char *out, size_t size, wfe_error *err)
{
    int rc = wfe_connection_state_dir(out, size, err);
    if (rc)
        return rc;
    size_t len = strlen(out);
    int more = snprintf(out + len, size - len, "/daemon");
    if (more < 0 || (size_t)more >= size - len)
        return wfe_error_set(err, WFE_E_LIMIT, "the state folder's path is longer than %zu bytes",
                             size - 1);
    return 0;
}

static bool is_socket(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

/* The private daemon's socket, when that daemon runs. */
static bool private_daemon(char *out, size_t size)
{
    char dir[WFE_DAEMON_DIR_MAX + 1];
    wfe_daemon_status status;
    if (wfe_connection_daemon_dir(dir, sizeof dir, NULL))
        return false;
    wfe_daemon_options options = {.size = sizeof options, .dir = dir, .quick = true};
    if (access(dir, F_OK) < 0 || wfe_daemon_query(&options, &status, NULL) || !status.running)
        return false;
    snprintf(out, size, "%s", status.socket);
    return true;
}

static bool rootless_socket(char *out, size_t size)
{
    const char *runtime_dir = environment("XDG_RUNTIME_DIR");
    if (geteuid() == 0 || !runtime_dir)
        return false;
    snprintf(out, size, "%s/containerd/containerd.sock", runtime_dir);
    return is_socket(out);
}

const char *wfe_connection_address(const wfe_connection *connection,
                                   char out[WFE_CONNECTION_ADDRESS_SIZE])
{
    const char *given = connection->address;
    if (!given)
        given = environment("WFE_CONTAINERD_ADDR");
    if (!given)
        given = environment("CONTAINERD_ADDRESS");
    if (given)
        snprintf(out, WFE_CONNECTION_ADDRESS_SIZE, "%s", given);
    else if (!private_daemon(out, WFE_CONNECTION_ADDRESS_SIZE) &&
             !rootless_socket(out, WFE_CONNECTION_ADDRESS_SIZE))
        snprintf(out, WFE_CONNECTION_ADDRESS_SIZE, "/run/containerd/containerd.sock");
    return out;
}

static void log_to_stderr(int level, const char *text, void *user)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    (void)user;
    fprintf(stderr, "wfe: %s: %s\n", names[level < 0 || level > 3 ? 3 : level], text);
}

/* Fills in what is not set in *options yet; texts go to the buffers. */
static int complete(const wfe_connection *connection, wfe_client_options *options, char *address,
                    char *state_dir, wfe_error *err)
{
    int rc = wfe_connection_state_dir(state_dir, PATH_MAX, err);
    if (rc)
        return rc;
    /* Certificates are for the address they were given with. */
    bool own_tls =
        options->address || options->tls_ca_file || options->tls_cert_file || options->tls_key_file;
    if (!options->address)
        options->address = wfe_connection_address(connection, address);
    if (!options->namespace_name)
        options->namespace_name = connection->namespace_name ? connection->namespace_name
                                                             : environment("CONTAINERD_NAMESPACE");
    if (!options->snapshotter)
        options->snapshotter = connection->snapshotter ? connection->snapshotter
                                                       : environment("CONTAINERD_SNAPSHOTTER");
    if (!options->runtime)
        options->runtime = connection->runtime;
    if (!own_tls) {
        options->tls_ca_file = connection->tls_ca;
        options->tls_cert_file = connection->tls_cert;
        options->tls_key_file = connection->tls_key;
        options->tls_server_name = connection->tls_server_name;
    }
    if (!options->io_dir)
        options->io_dir = environment("WFE_IO_DIR");
    options->state_dir = state_dir;
    return 0;
}

int wfe_connection_open(const wfe_connection *connection, wfe_client **ret, wfe_error *err)
{
    char address[WFE_CONNECTION_ADDRESS_SIZE], state_dir[PATH_MAX];
    wfe_client_options options = {
        .size = sizeof options,
        .log = log_to_stderr,
        .log_level = connection->verbose ? WFE_LOG_DEBUG : WFE_LOG_WARNING,
    };
    int rc = complete(connection, &options, address, state_dir, err);
    return rc ? rc : wfe_client_new(&options, ret, err);
}

int wfe_connection_open_on(const wfe_connection *connection, wfe_loop *loop,
                           const wfe_client_options *own, wfe_client **ret, wfe_error *err)
{
    char address[WFE_CONNECTION_ADDRESS_SIZE], state_dir[PATH_MAX];
    wfe_client_options options = *own;
    int rc = complete(connection, &options, address, state_dir, err);
    return rc ? rc : wfe_client_new_on(loop, &options, ret, err);
}
