/* SPDX-License-Identifier: Apache-2.0 */
#include "containerd/streaming.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/id.h"
#include "containerd/any.h"

WFE_STREAMING_BIDI(WFE_RPC_BIDI_DEFINE)

#define INIT_TYPE "containerd.services.streaming.v1.StreamInit"

struct wfe_streaming {
    char id[32];
    wfe_containerd_call *call; /* NULL once it has ended */
    wfe_streaming_fns fns;
    void *user;
    bool opened;
};

void wfe_streaming_free(wfe_streaming *streaming)
{
    if (!streaming)
        return;
    wfe_containerd_cancel(streaming->call);
    free(streaming);
}
WFE_DEFINE_CLEANUP(wfe_streaming, wfe_streaming_free)

/* The first message only tells that the daemon knows the id. */
static void on_any(const Pb__Any *any, void *user)
{
    wfe_streaming *streaming = user;
    if (streaming->opened) {
        streaming->fns.received(any, streaming->user);
        return;
    }
    streaming->opened = true;
    streaming->fns.opened(streaming->user);
}

static void on_end(const wfe_error *err, void *user)
{
    wfe_streaming *streaming = user;
    streaming->call = NULL;
    streaming->fns.ended(err, streaming->user);
}

const char *wfe_streaming_id(const wfe_streaming *streaming)
{
    return streaming->id;
}

int wfe_streaming_send(wfe_streaming *streaming, const ProtobufCMessage *message,
                       const char *type_url, wfe_error *err)
{
    Pb__Any any;
    if (!streaming->call)
        return 0;
    int rc = wfe_any_pack(message, type_url, &any, err);
    if (rc)
        return rc;
    rc = wfe_streaming_stream_send(streaming->call, &any, false, err);
    wfe_any_done(&any);
    return rc;
}

int wfe_streaming_open(wfe_containerd *containerd, const wfe_streaming_fns *fns, void *user,
                       wfe_streaming **ret, wfe_error *err)
{
    const wfe_containerd_stream_fns rest = {.end = on_end};
    PbStreaming__StreamInit init = PB_STREAMING__STREAM_INIT__INIT;
    _cleanup_(wfe_streaming_free_p) wfe_streaming *streaming = calloc(1, sizeof *streaming);
    char unique[17];
    if (!streaming)
        return wfe_error_nomem(err);
    streaming->fns = *fns;
    streaming->user = user;
    int rc = wfe_id_random(unique, sizeof unique - 1, err);
    if (rc)
        return rc;
    snprintf(streaming->id, sizeof streaming->id, "wfe-%s", unique);
    init.id = streaming->id;
    rc = wfe_streaming_stream(containerd, NULL, streaming->id, on_any, &rest, streaming,
                              &streaming->call, err);
    if (!rc)
        rc = wfe_streaming_send(streaming, &init.base, INIT_TYPE, err);
    if (!rc)
        *ret = wfe_take(streaming);
    return rc;
}
