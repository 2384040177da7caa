/* SPDX-License-Identifier: Apache-2.0
 *
 * The options every command that talks to containerd has, and the client they make. The address
 * is the first there is of: --address, WFE_CONTAINERD_ADDR, CONTAINERD_ADDRESS, the private daemon
 * if it runs, the rootless socket of this user, /run/containerd/containerd.sock.
 */
#ifndef WFE_CLI_CONNECTION_H
#define WFE_CLI_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>

#include <wfe/client.h>

#include "cli/options.h"
#include "loop/loop.h"

typedef struct wfe_connection {
    const char *address;
    const char *namespace_name;
    const char *snapshotter;
    const char *runtime;
    const char *tls_ca;
    const char *tls_cert;
    const char *tls_key;
    const char *tls_server_name;
    bool verbose;
} wfe_connection;

/* Rows for the options of a command whose struct is `type` with a wfe_connection `member`. */
#define WFE_CONNECTION_OPTIONS(type, member)                                                       \
    {"address",                                                                                    \
     'a',                                                                                          \
     WFE_OPTION_TEXT,                                                                              \
     "ADDRESS",                                                                                    \
     "containerd: a socket's path, or unix://, tcp://, https://",                                  \
     offsetof(type, member.address)},                                                              \
        {"namespace",                                                                              \
         'n',                                                                                      \
         WFE_OPTION_TEXT,                                                                          \
         "NAME",                                                                                   \
         "containerd namespace (default)",                                                         \
         offsetof(type, member.namespace_name)},                                                   \
        {"snapshotter",                                                                            \
         0,                                                                                        \
         WFE_OPTION_TEXT,                                                                          \
         "NAME",                                                                                   \
         "snapshotter (overlayfs)",                                                                \
         offsetof(type, member.snapshotter)},                                                      \
        {"tls-ca",                                                                                 \
         0,                                                                                        \
         WFE_OPTION_TEXT,                                                                          \
         "FILE",                                                                                   \
         "certificates that may sign the server's",                                                \
         offsetof(type, member.tls_ca)},                                                           \
        {"tls-cert",                                                                               \
         0,                                                                                        \
         WFE_OPTION_TEXT,                                                                          \
         "FILE",                                                                                   \
         "client certificate, with --tls-key",                                                     \
         offsetof(type, member.tls_cert)},                                                         \
        {"tls-key",                                                                                \
         0,                                                                                        \
         WFE_OPTION_TEXT,                                                                          \
         "FILE",                                                                                   \
         "key of the client certificate",                                                          \
         offsetof(type, member.tls_key)},                                                          \
        {"tls-server-name",                                                                        \
         0,                                                                                        \
         WFE_OPTION_TEXT,                                                                          \
         "NAME",                                                                                   \
         "name the server's certificate must have",                                                \
         offsetof(type, member.tls_server_name)},                                                  \
    {                                                                                              \
        "verbose", 'V', WFE_OPTION_FLAG, NULL, "tell on stderr what happens",                      \
            offsetof(type, member.verbose)                                                         \
    }

/* Room for wfe_connection_address. */
#define WFE_CONNECTION_ADDRESS_SIZE 512
/* The address the rules above give. Returns out. */
const char *wfe_connection_address(const wfe_connection *connection,
                                   char out[WFE_CONNECTION_ADDRESS_SIZE]);
int wfe_connection_open(const wfe_connection *connection, wfe_client **ret, wfe_error *err);
/* The same on a loop that is there already. What own has set comes before the command's options. */
int wfe_connection_open_on(const wfe_connection *connection, wfe_loop *loop,
                           const wfe_client_options *own, wfe_client **ret, wfe_error *err);

/* Where wfe keeps what must last: WFE_STATE_DIR, else XDG_STATE_HOME/wfe, else /var/lib/wfe for
 * root and ~/.local/state/wfe for others. LIMIT when it does not fit. */
int wfe_connection_state_dir(char *out, size_t size, wfe_error *err);
/* The folder of the private daemon below it. */
int wfe_connection_daemon_dir(char *out, size_t size, wfe_error *err);

#endif
