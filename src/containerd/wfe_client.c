/* SPDX-License-Identifier: Apache-2.0
 *
 * The public client handle: options to defaults, construction and destruction, the blocking
 * version call and the three functions of a host's own event loop.
 */
#include "containerd/wfe_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/id.h"
#include "base/sized.h"
#include "containerd/version.h"
#include "grpc/address.h"

#define DEFAULT_ADDRESS "/run/containerd/containerd.sock"
#define DEFAULT_NAMESPACE "default"
#define DEFAULT_SNAPSHOTTER "overlayfs"
#define VERSION_MS 10000

const char *wfe_version(void)
{
    return WFE_VERSION;
}

static int copy_text(const char *given, const char *fallback, char **out, wfe_error *err)
{
    *out = strdup(given && *given ? given : fallback);
    return *out ? 0 : wfe_error_nomem(err);
}

static int check_name(const char *what, const char *name, wfe_error *err)
{
    if (wfe_id_is_valid(name))
        return 0;
    return wfe_error_set(err, WFE_E_INVALID,
                         "%s is '%s', must be 1 to %d letters and digits joined by single '.', "
                         "'_' or '-'",
                         what, name, WFE_ID_MAX_LENGTH);
}

static int set_texts(wfe_client *client, const wfe_client_options *o, wfe_error *err)
{
    char own_io_dir[64] = "/run/wfe/io", own_state_dir[64] = "/var/lib/wfe";
    if (geteuid() != 0) {
        snprintf(own_io_dir, sizeof own_io_dir, "/tmp/wfe-%u/io", (unsigned)geteuid());
        snprintf(own_state_dir, sizeof own_state_dir, "/tmp/wfe-%u", (unsigned)geteuid());
    }
    int rc = copy_text(o->address, DEFAULT_ADDRESS, &client->address, err);
    if (!rc)
        rc = copy_text(o->snapshotter, DEFAULT_SNAPSHOTTER, &client->snapshotter, err);
    if (!rc)
        rc = copy_text(o->runtime, WFE_RUNTIME_RUNC, &client->runtime, err);
    if (!rc)
        rc = copy_text(o->io_dir, own_io_dir, &client->io_dir, err);
    if (!rc)
        rc = copy_text(o->state_dir, own_state_dir, &client->state_dir, err);
    if (!rc)
        rc = check_name("the snapshotter", client->snapshotter, err);
    if (!rc && client->io_dir[0] != '/')
        rc = wfe_error_set(err, WFE_E_INVALID, "the I/O folder is '%s', must be an absolute path",
                           client->io_dir);
    if (!rc && client->state_dir[0] != '/')
        rc = wfe_error_set(err, WFE_E_INVALID, "the state folder is '%s', must be an absolute path",
                           client->state_dir);
    return rc;
}

static int open_channel(wfe_client *client, const wfe_client_options *o, wfe_error *err)
{
    wfe_grpc_tls tls = {
        .ca_file = o->tls_ca_file,
        .cert_file = o->tls_cert_file,
        .key_file = o->tls_key_file,
        .server_name = o->tls_server_name,
    };
    bool has_tls = tls.ca_file || tls.cert_file || tls.key_file || tls.server_name;
    wfe_grpc_channel_options options = {
        .address = client->address,
        .tls = has_tls ? &tls : NULL,
        .log = &client->log,
        .connect_timeout_ms = o->connect_timeout_ms,
    };
    return wfe_grpc_channel_new(client->loop, &options, &client->channel, err);
}

static int make(wfe_loop *loop, const wfe_client_options *options, wfe_client **ret, wfe_error *err)
{
    wfe_client_options o = {0};
    int rc = options ? wfe_sized_copy(options, "wfe_client_options", &o, sizeof o, err) : 0;
    if (rc)
        return rc;
    wfe_client *client = calloc(1, sizeof *client);
    if (!client)
        return wfe_error_nomem(err);
    client->log = (wfe_log){.fn = o.log, .user = o.log_user, .level = o.log_level};
    const char *name = o.namespace_name && *o.namespace_name ? o.namespace_name : DEFAULT_NAMESPACE;
    rc = check_name("the namespace", name, err);
    if (!rc)
        rc = set_texts(client, &o, err);
    client->borrows_loop = loop != NULL;
    client->loop = loop;
    if (!rc && !loop)
        rc = wfe_loop_new(&client->loop, err);
    if (!rc)
        rc = open_channel(client, &o, err);
    if (!rc)
        rc = wfe_containerd_new(client->channel, name, &client->containerd, err);
    if (rc) {
        wfe_client_free(client);
        return rc;
    }
    *ret = client;
    return 0;
}

int wfe_client_new(const wfe_client_options *options, wfe_client **ret, wfe_error *err)
{
    return make(NULL, options, ret, err);
}

int wfe_client_new_on(wfe_loop *loop, const wfe_client_options *options, wfe_client **ret,
                      wfe_error *err)
{
    return make(loop, options, ret, err);
}

void wfe_client_free(wfe_client *client)
{
    if (!client)
        return;
    if (client->image_cache_free)
        client->image_cache_free(client->image_cache);
    wfe_containerd_free(client->containerd);
    wfe_grpc_channel_free(client->channel);
    if (!client->borrows_loop)
        wfe_loop_free(client->loop);
    free(client->address);
    free(client->snapshotter);
    free(client->runtime);
    free(client->io_dir);
    free(client->state_dir);
    free(client);
}

bool wfe_client_is_local(const wfe_client *client)
{
    return client->address[0] == '/' || strncmp(client->address, "unix:", 5) == 0;
}

const char *wfe_client_socket(const wfe_client *client)
{
    const char *path = client->address;
    if (!wfe_client_is_local(client))
        return NULL;
    if (*path != '/')
        path += strlen("unix:");
    while (path[0] == '/' && path[1] == '/')
        path++;
    return path;
}

/* What a connection knows of its peer is what listen(2) was called with. */
static int ask_listener(const char *path, uid_t *ret)
{
    struct sockaddr_un address;
    socklen_t len = 0;
    struct ucred peer;
    socklen_t peer_len = sizeof peer;
    _cleanup_close_ int dir_fd = -1;
    _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || wfe_grpc_address_unix(path, &address, &len, &dir_fd, NULL) ||
        connect(fd, (const struct sockaddr *)&address, len) != 0 ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &peer_len) != 0)
        return -1;
    *ret = peer.uid;
    return 0;
}

/* A daemon of root gives its socket away when its configuration says so ([grpc] uid). */
bool wfe_client_is_rootless(wfe_client *client)
{
    const char *path = wfe_client_socket(client);
    struct stat st;
    if (!path || stat(path, &st) != 0 || st.st_uid == 0)
        return false;
    if (!client->knows_listener)
        client->knows_listener = ask_listener(path, &client->listener) == 0;
    return !client->knows_listener || client->listener != 0;
}

int wfe_client_fd(const wfe_client *client)
{
    return wfe_loop_fd(client->loop);
}

int wfe_client_timeout_ms(const wfe_client *client)
{
    return wfe_loop_timeout_ms(client->loop);
}

void wfe_client_dispatch(wfe_client *client)
{
    wfe_loop_run_ready(client->loop);
}

int wfe_client_run(wfe_client *client, const bool *done, wfe_error *err)
{
    return wfe_loop_run_until(client->loop, done, err);
}

struct wfe_watch {
    int fd;
    wfe_watch_fn readable;
    void *user;
    wfe_io *io;
};

static void on_watched(unsigned events, void *user)
{
    (void)events;
    wfe_watch *watch = user;
    watch->readable(watch->fd, watch->user);
}

int wfe_client_watch(wfe_client *client, int fd, wfe_watch_fn readable, void *user, wfe_watch **ret,
                     wfe_error *err)
{
    wfe_watch *watch = calloc(1, sizeof *watch);
    if (!watch)
        return wfe_error_nomem(err);
    *watch = (wfe_watch){.fd = fd, .readable = readable, .user = user};
    int rc = wfe_io_new(client->loop, fd, on_watched, watch, &watch->io, err);
    if (!rc)
        rc = wfe_io_watch(watch->io, WFE_IO_READABLE, err);
    if (rc) {
        wfe_watch_free(watch);
        return rc;
    }
    *ret = watch;
    return 0;
}

void wfe_watch_free(wfe_watch *watch)
{
    if (!watch)
        return;
    wfe_io_free(watch->io);
    free(watch);
}

/* ---- version ---- */

typedef struct version_question {
    bool done;
    wfe_daemon_version answer;
    wfe_error error;
} version_question;

static void on_version(const PbVersion__VersionResponse *reply, const wfe_error *err, void *user)
{
    version_question *question = user;
    question->done = true;
    question->error = *err;
    if (!reply)
        return;
    snprintf(question->answer.version, sizeof question->answer.version, "%s", reply->version);
    snprintf(question->answer.revision, sizeof question->answer.revision, "%s", reply->revision);
}

int wfe_client_daemon_version(wfe_client *client, wfe_daemon_version *out, wfe_error *err)
{
    version_question question = {0};
    Pb__Empty request = PB__EMPTY__INIT;
    wfe_containerd_options options = {.deadline_ms = VERSION_MS, .fail_fast = true};
    int rc =
        wfe_version_get(client->containerd, &request, &options, on_version, &question, NULL, err);
    if (!rc)
        rc = wfe_loop_run_until(client->loop, &question.done, err);
    if (!rc && question.error.kind)
        rc = wfe_error_copy(err, &question.error);
    if (!rc)
        *out = question.answer;
    return rc;
}
