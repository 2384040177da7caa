/* SPDX-License-Identifier: Apache-2.0
 *
 * Does a private containerd answer: its socket accepts, and Version comes back. A socket that
 * accepts proves little, since the kernel accepts for a daemon that is still starting or hangs.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "containerd/daemon_priv.h"
#include "containerd/version.h"

bool wfe_daemon_accepts(const wfe_daemon_paths *paths)
{
    const char *path = paths->socket;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || strlen(path) >= sizeof address.sun_path)
        return false;
    memcpy(address.sun_path, path, strlen(path) + 1);
    return connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
}

typedef struct probe {
    bool done;
    bool answered;
    char *version;
    size_t size;
} probe;

static void on_version(const PbVersion__VersionResponse *reply, const wfe_error *err, void *user)
{
    probe *state = user;
    state->done = true;
    state->answered = err->kind == 0;
    if (state->answered)
        snprintf(state->version, state->size, "%s", reply->version);
}

static bool ask_version(wfe_loop *loop, wfe_containerd *containerd, uint32_t timeout_ms,
                        probe *state)
{
    const wfe_containerd_options options = {.deadline_ms = timeout_ms, .fail_fast = true};
    Pb__Empty request = PB__EMPTY__INIT;
    wfe_containerd_call *call = NULL;
    if (wfe_version_get(containerd, &request, &options, on_version, state, &call, NULL))
        return false;
    if (wfe_loop_run_until(loop, &state->done, NULL))
        wfe_containerd_cancel(call);
    return state->answered;
}

bool wfe_daemon_probe(const wfe_daemon_paths *paths, uint32_t timeout_ms, char *version,
                      size_t size)
{
    if (!wfe_daemon_accepts(paths))
        return false;
    wfe_loop *loop = NULL;
    wfe_grpc_channel *channel = NULL;
    wfe_containerd *containerd = NULL;
    const wfe_grpc_channel_options options = {.address = paths->socket,
                                              .connect_timeout_ms = timeout_ms};
    probe state = {.version = version, .size = size};
    bool answers = wfe_loop_new(&loop, NULL) == 0 &&
                   wfe_grpc_channel_new(loop, &options, &channel, NULL) == 0 &&
                   wfe_containerd_new(channel, "default", &containerd, NULL) == 0 &&
                   ask_version(loop, containerd, timeout_ms, &state);
    wfe_containerd_free(containerd);
    wfe_grpc_channel_free(channel);
    wfe_loop_free(loop);
    return answers;
}
