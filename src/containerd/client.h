/* SPDX-License-Identifier: Apache-2.0
 *
 * What all typed containerd calls share: the channel, the namespace header, deadlines, packing and
 * unpacking of protobuf messages. The services themselves are in the files named after them.
 *
 * A request and the options are packed before the function returns and may be freed then; a reply
 * is borrowed during the callback. A wfe_containerd_call is valid until its callback has run or
 * wfe_containerd_cancel has returned.
 */
#ifndef WFE_CONTAINERD_CLIENT_H
#define WFE_CONTAINERD_CLIENT_H

#include <protobuf-c/protobuf-c.h>

#include "base/error.h"
#include "grpc/channel.h"

/* Deadlines (ms). Creating a task waits up to 30 s for the FIFOs' reader, and a create that is cut
 * short leaves a half-made task (containerd 1.6: pkg/process/io.go); deleting one drains its
 * output for up to 10 s. */
#define WFE_CONTAINERD_CALL_MS 30000
#define WFE_CONTAINERD_TASK_CREATE_MS 120000
#define WFE_CONTAINERD_TASK_DELETE_MS 60000
#define WFE_CONTAINERD_APPLY_MS 1800000
/* A daemon behind a slow link fetches an image for as long as it takes. */
#define WFE_CONTAINERD_TRANSFER_MS 21600000

typedef struct wfe_containerd wfe_containerd;
typedef struct wfe_containerd_call wfe_containerd_call;

/* channel is borrowed for the client's life; the namespace is copied. INVALID when it is no
 * identifier. */
int wfe_containerd_new(wfe_grpc_channel *channel, const char *namespace_name, wfe_containerd **ret,
                       wfe_error *err);
/* Calls under way must have ended or been cancelled. NULL is accepted. */
void wfe_containerd_free(wfe_containerd *containerd);
const char *wfe_containerd_namespace(const wfe_containerd *containerd);

/* One attempt's options; NULL means all zero. */
typedef struct wfe_containerd_options {
    const char *lease;    /* containerd-lease header; NULL: none */
    uint64_t deadline_ms; /* 0: the method's own */
    bool fail_fast;       /* report a refused connection instead of waiting for the daemon */
} wfe_containerd_options;

/* A callback whose reply has a type of its own; only the method's deliver knows which. */
typedef void (*wfe_containerd_any_fn)(void);
typedef void (*wfe_containerd_deliver_fn)(wfe_containerd_any_fn fn, const ProtobufCMessage *reply,
                                          const wfe_error *err, void *user);

/* Static facts of one rpc; the services' files define one for each, see rpc.h. */
typedef struct wfe_containerd_method {
    const char *path;      /* "/containerd.services.images.v1.Images/Get" */
    const char *operation; /* for errors: "get image" */
    const ProtobufCMessageDescriptor *reply;
    wfe_containerd_deliver_fn deliver;
    uint64_t deadline_ms; /* 0: none (Wait, Subscribe) */
    bool idempotent;
    bool no_namespace; /* Version, Introspection */
    bool newer;        /* not in every supported version of containerd */
} wfe_containerd_method;

/* fn gets the reply as its generated struct, NULL on failure; err->kind is 0 on success. On failure
 * err names the operation, the subject given and what containerd said.
 * subject: what the call is about, for errors (an id, an image name); may be NULL; copied.
 * ret may be NULL when the call will not be cancelled. */
int wfe_containerd_unary(wfe_containerd *containerd, const wfe_containerd_method *method,
                         const wfe_containerd_options *options, const char *subject,
                         const ProtobufCMessage *request, wfe_containerd_any_fn fn, void *user,
                         wfe_containerd_call **ret, wfe_error *err);

/* A call with one request and many replies. each is called for every reply (its err is NULL), then
 * end once. */
typedef void (*wfe_containerd_end_fn)(const wfe_error *err, void *user);
typedef struct wfe_containerd_stream_fns {
    wfe_containerd_any_fn each;
    wfe_containerd_end_fn end;
    void (*writable)(void *user); /* two-way streams: all that was sent has left; may be NULL */
} wfe_containerd_stream_fns;
int wfe_containerd_server_stream(wfe_containerd *containerd, const wfe_containerd_method *method,
                                 const wfe_containerd_options *options, const char *subject,
                                 const ProtobufCMessage *request,
                                 const wfe_containerd_stream_fns *fns, void *user,
                                 wfe_containerd_call **ret, wfe_error *err);

/* A two-way stream: no request is sent yet. */
int wfe_containerd_bidi_stream(wfe_containerd *containerd, const wfe_containerd_method *method,
                               const wfe_containerd_options *options, const char *subject,
                               const wfe_containerd_stream_fns *fns, void *user,
                               wfe_containerd_call **ret, wfe_error *err);
int wfe_containerd_send(wfe_containerd_call *call, const ProtobufCMessage *request, bool last,
                        wfe_error *err);
/* Bytes sent and not yet written to the connection. */
size_t wfe_containerd_pending_bytes(const wfe_containerd_call *call);

/* Stops and restarts the delivery of a stream's replies; other calls are not held up. */
void wfe_containerd_pause(wfe_containerd_call *call);
void wfe_containerd_resume(wfe_containerd_call *call);

/* No callback runs after it, also from within one of the call's own. NULL is accepted. */
void wfe_containerd_cancel(wfe_containerd_call *call);

#endif
