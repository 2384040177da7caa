/* SPDX-License-Identifier: Apache-2.0
 *
 * A client: one connection to one containerd, shared by everything done through it. No other
 * state is global. A client and all that was made from it belong to one thread at a time.
 */
#ifndef WFE_CLIENT_H
#define WFE_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wfe/error.h>
#include <wfe/export.h>
#include <wfe/log.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wfe_client wfe_client;

/* Every text is copied. A NULL or zero member means the default. */
typedef struct wfe_client_options {
    size_t size; /* sizeof(wfe_client_options): lets the struct grow */
    /* /path, unix:///path, tcp://host:port, http://host:port or https://host:port;
     * default /run/containerd/containerd.sock */
    const char *address;
    const char *namespace_name; /* containerd namespace; default "default" */
    const char *snapshotter;    /* default "overlayfs" */
    const char *runtime;        /* default "io.containerd.runc.v2" */
    /* Folder for the FIFOs of running steps; default /run/wfe/io for root, else
     * /tmp/wfe-<uid>/io. The daemon must see it at the same path. */
    const char *io_dir;
    /* Folder for what outlives a step, the program wfe-init among it; default /var/lib/wfe for
     * root, else /tmp/wfe-<uid>. The daemon must see it at the same path; not on a file system
     * mounted noexec. */
    const char *state_dir;
    /* PEM files for https:// (or tcp:// with TLS); NULL: system CA, no client certificate. */
    const char *tls_ca_file;
    const char *tls_cert_file;
    const char *tls_key_file;
    const char *tls_server_name;
    uint32_t connect_timeout_ms; /* default 5,000 */
    wfe_log_fn log;              /* default: nothing is logged */
    void *log_user;
    int log_level; /* a wfe_log_level */
} wfe_client_options;

/* Makes a client; connects nothing yet. options may be NULL. Free with wfe_client_free.
 * INVALID for an address, namespace or snapshotter of no known form, NOMEM. */
WFE_API int wfe_client_new(const wfe_client_options *options, wfe_client **ret, wfe_error *err);
/* Cancels nothing by itself: steps under way must have ended. NULL is accepted. */
WFE_API void wfe_client_free(wfe_client *client);

/* What the daemon says of itself. */
typedef struct wfe_daemon_version {
    char version[64];  /* "1.6.20~ds1", "2.1.9+unknown" */
    char revision[64]; /* may be empty */
} wfe_daemon_version;

/* Connects if need be and asks. NOT_FOUND when the socket does not exist, UNAVAILABLE when nobody
 * listens on it, TIMEOUT when the daemon accepts and does not answer, DENIED. */
WFE_API int wfe_client_daemon_version(wfe_client *client, wfe_daemon_version *out, wfe_error *err);

/* Use from the host's own event loop: wait until the fd is readable or the timeout (in ms, -1 for
 * none) has passed, then dispatch, which runs the callbacks that are due and returns at once. */
WFE_API int wfe_client_fd(const wfe_client *client);
WFE_API int wfe_client_timeout_ms(const wfe_client *client);
WFE_API void wfe_client_dispatch(wfe_client *client);

/* Runs callbacks until *done is true, sleeping in between: for programs with no loop of their own
 * that start several things and wait for them. INTERNAL when nothing is left that could make it
 * true. */
WFE_API int wfe_client_run(wfe_client *client, const bool *done, wfe_error *err);

/* A descriptor of the host's (a signalfd, a pipe) beside the client's own: readable is called from
 * the client's loop whenever it can be read. The descriptor is borrowed until the watch is freed,
 * which must be before the client is. */
typedef struct wfe_watch wfe_watch;
typedef void (*wfe_watch_fn)(int fd, void *user);
WFE_API int wfe_client_watch(wfe_client *client, int fd, wfe_watch_fn readable, void *user,
                             wfe_watch **ret, wfe_error *err);
WFE_API void wfe_watch_free(wfe_watch *watch);

/* The version of this library, "0.1.0". Static. */
WFE_API const char *wfe_version(void);

#ifdef __cplusplus
}
#endif
#endif
