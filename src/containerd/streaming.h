/* SPDX-License-Identifier: Apache-2.0
 *
 * Streams that another call of ours uses in the daemon, by their id (containerd 1.7 and newer).
 */
#ifndef WFE_CONTAINERD_STREAMING_H
#define WFE_CONTAINERD_STREAMING_H

#include "containerd/rpc.h"
#include "containerd/streaming.pb-c.h"

#define WFE_STREAMING_SERVICE "/containerd.services.streaming.v1.Streaming/"
#define WFE_STREAMING_BIDI(X)                                                                      \
    X(streaming_stream, WFE_STREAMING_SERVICE "Stream", Pb__Any, Pb__Any, pb__any, NULL,           \
      "open stream to containerd", WFE_CONTAINERD_TRANSFER_MS, WFE_RPC_ONCE | WFE_RPC_NEWER)

/* The raw stream. */
WFE_STREAMING_BIDI(WFE_RPC_BIDI_DECLARE)

typedef struct wfe_streaming wfe_streaming;
/* Each may free the stream. */
typedef struct wfe_streaming_fns {
    /* Once: the id can be used from now on. */
    void (*opened)(void *user);
    void (*received)(const Pb__Any *any, void *user);
    /* The end, once; err->kind is 0 when the daemon ended it, as it does when the call that used it
     * is over. */
    void (*ended)(const wfe_error *err, void *user);
} wfe_streaming_fns;

/* Opens one with an id of its own; fns is copied. UNAVAILABLE is told to ended by a daemon that has
 * no such service. */
int wfe_streaming_open(wfe_containerd *containerd, const wfe_streaming_fns *fns, void *user,
                       wfe_streaming **ret, wfe_error *err);
const char *wfe_streaming_id(const wfe_streaming *streaming);
/* After it has ended this does nothing. */
int wfe_streaming_send(wfe_streaming *streaming, const ProtobufCMessage *message,
                       const char *type_url, wfe_error *err);
/* No callback runs after it. NULL is accepted. */
void wfe_streaming_free(wfe_streaming *streaming);

#endif
