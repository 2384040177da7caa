/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of the public wfe_client: one loop, one channel, one namespace, and the defaults that
 * every step made through it shares. It owns all of them, but for a loop that was given to it.
 */
#ifndef WFE_CONTAINERD_WFE_CLIENT_H
#define WFE_CONTAINERD_WFE_CLIENT_H

#include <sys/types.h>

#include <wfe/client.h>

#include "base/log.h"
#include "containerd/client.h"
#include "grpc/channel.h"
#include "loop/loop.h"

/* The default one; containers share the machine's kernel. */
#define WFE_RUNTIME_RUNC "io.containerd.runc.v2"

struct wfe_client {
    wfe_loop *loop;
    bool borrows_loop;
    wfe_log log;
    wfe_grpc_channel *channel;
    wfe_containerd *containerd;
    char *address;
    char *snapshotter;
    char *runtime;
    char *io_dir;
    char *state_dir;
    /* Of a socket that is not root's: who listens there, once asked. */
    bool knows_listener;
    uid_t listener;
    /* What src/image keeps for the client's life; freed with cache_free. */
    void *image_cache;
    void (*image_cache_free)(void *cache);
};

/* wfe_client_new on a loop that others use as well and that outlives the client. */
int wfe_client_new_on(wfe_loop *loop, const wfe_client_options *options, wfe_client **ret,
                      wfe_error *err);

/* Is the daemon reached through a unix socket, so that it shares this machine's files. */
bool wfe_client_is_local(const wfe_client *client);
/* The path of that socket; NULL when the daemon is not local. Borrowed. */
const char *wfe_client_socket(const wfe_client *client);
/* Does that daemon belong to an ordinary user: neither is its socket root's, nor does root listen
 * there. Who listens is asked once, by a connection; while none can be made, the socket's owner is
 * taken for the daemon's. */
bool wfe_client_is_rootless(wfe_client *client);

#endif
