/* SPDX-License-Identifier: Apache-2.0
 *
 * See client.h. A wfe_containerd_call owns its subject and, while it runs, one wfe_grpc_call. It is
 * freed when it has ended or was cancelled, but never while one of its callbacks is on the stack:
 * then the last frame that leaves frees it.
 */
#include "containerd/client.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/id.h"

/* What one reply may take in memory once unpacked: messages of 16 MiB can name very many small
 * members. */
#define UNPACKED_MAX_BYTES ((size_t)256 * 1024 * 1024)

struct wfe_containerd {
    wfe_grpc_channel *channel; /* borrowed */
    char namespace_name[WFE_ID_MAX_LENGTH + 1];
};

struct wfe_containerd_call {
    const wfe_containerd_method *method;
    char *subject;       /* owned; NULL: none */
    wfe_grpc_call *grpc; /* NULL once it has ended */
    wfe_containerd_any_fn fn;
    wfe_containerd_end_fn end; /* NULL for unary calls */
    void (*writable)(void *user);
    void *user;
    unsigned depth; /* own callbacks on the stack */
    bool over;      /* ended or cancelled: no callback may run */
};

int wfe_containerd_new(wfe_grpc_channel *channel, const char *namespace_name, wfe_containerd **ret,
                       wfe_error *err)
{
    if (!wfe_id_is_valid(namespace_name))
        return wfe_error_set(err, WFE_E_INVALID,
                             "'%s' is no namespace: 1 to %d letters and digits, joined by single "
                             "'.', '_' or '-'",
                             namespace_name, WFE_ID_MAX_LENGTH);
    wfe_containerd *containerd = calloc(1, sizeof *containerd);
    if (!containerd)
        return wfe_error_nomem(err);
    containerd->channel = channel;
    strcpy(containerd->namespace_name, namespace_name);
    *ret = containerd;
    return 0;
}

void wfe_containerd_free(wfe_containerd *containerd)
{
    free(containerd);
}

const char *wfe_containerd_namespace(const wfe_containerd *containerd)
{
    return containerd->namespace_name;
}

/* Unpacking with a bound, and with a failed allocation told apart from a broken message. */
typedef struct unpack_budget {
    size_t left_bytes;
    int kind; /* 0, NOMEM or LIMIT */
} unpack_budget;

static void *budget_alloc(void *data, size_t size)
{
    unpack_budget *budget = data;
    if (size > budget->left_bytes) {
        budget->kind = WFE_E_LIMIT;
        return NULL;
    }
    void *bytes = malloc(size ? size : 1);
    if (bytes)
        budget->left_bytes -= size;
    else
        budget->kind = WFE_E_NOMEM;
    return bytes;
}

static void budget_free(void *data, void *bytes)
{
    (void)data;
    free(bytes);
}

static ProtobufCMessage *unpack(const ProtobufCMessageDescriptor *descriptor, const void *bytes,
                                size_t len, wfe_error *err)
{
    unpack_budget budget = {.left_bytes = UNPACKED_MAX_BYTES};
    ProtobufCAllocator allocator = {budget_alloc, budget_free, &budget};
    ProtobufCMessage *message = protobuf_c_message_unpack(descriptor, &allocator, len, bytes);
    if (message)
        return message;
    if (budget.kind == WFE_E_NOMEM)
        wfe_error_nomem(err);
    else if (budget.kind == WFE_E_LIMIT)
        wfe_error_set(err, WFE_E_LIMIT, "the reply of %zu bytes needs more than %zu in memory", len,
                      UNPACKED_MAX_BYTES);
    else
        wfe_error_set(err, WFE_E_PROTOCOL, "the reply of %zu bytes is no valid message", len);
    return NULL;
}

static int pack(const ProtobufCMessage *message, void **ret, size_t *ret_len, wfe_error *err)
{
    size_t len = protobuf_c_message_get_packed_size(message);
    void *bytes = malloc(len ? len : 1);
    if (!bytes)
        return wfe_error_nomem(err);
    *ret_len = protobuf_c_message_pack(message, bytes);
    *ret = bytes;
    return 0;
}

/* Completes an error with what was attempted on what. */
static void explain(wfe_error *err, const wfe_containerd_method *method, const char *subject)
{
    if (!err || !err->kind)
        return;
    /* Without a socket the call is not what has failed: it would have been any other one as well.
     */
    bool no_socket = err->kind == WFE_E_NOT_FOUND && err->sys_errno;
    if (no_socket)
        ;
    else if (subject && *subject)
        wfe_error_prefix(err, "failed to %s '%s'", method->operation, subject);
    else
        wfe_error_prefix(err, "failed to %s", method->operation);
    wfe_error_where(err, method->operation, subject);
    if (err->grpc_status == WFE_GRPC_DEADLINE_EXCEEDED) /* unless the channel knows more */
        wfe_error_hint(err, "containerd hangs, or its machine is overloaded; see its log, or run "
                            "wfe doctor");
    /* Every containerd has these services on its socket, none on its TCP port (containerd 1.6:
     * services/server/server.go, RegisterTCP). */
    if (err->grpc_status == WFE_GRPC_UNIMPLEMENTED && !method->newer)
        wfe_error_hint(err, "containerd's own TCP port serves none of these calls; put a proxy in "
                            "front of its socket (socat, ssh -L, stunnel, haproxy)");
}

static void call_free(wfe_containerd_call *call)
{
    if (!call)
        return;
    free(call->subject);
    free(call);
}
WFE_DEFINE_CLEANUP(wfe_containerd_call, call_free)

static void call_enter(wfe_containerd_call *call)
{
    call->depth++;
}

static void call_leave(wfe_containerd_call *call)
{
    call->depth--;
    if (call->over && !call->depth)
        call_free(call);
}

void wfe_containerd_cancel(wfe_containerd_call *call)
{
    if (!call || call->over)
        return;
    call->over = true;
    wfe_grpc_call_cancel(wfe_take(call->grpc));
    if (!call->depth)
        call_free(call);
}

void wfe_containerd_pause(wfe_containerd_call *call)
{
    if (call->grpc)
        wfe_grpc_call_pause(call->grpc);
}

void wfe_containerd_resume(wfe_containerd_call *call)
{
    if (call->grpc)
        wfe_grpc_call_resume(call->grpc);
}

/* The one callback of a unary call, the last one of a stream. */
static void call_end(wfe_containerd_call *call, const ProtobufCMessage *reply, const wfe_error *err)
{
    wfe_error explained = *err;
    explain(&explained, call->method, call->subject);
    call_enter(call);
    call->over = true;
    if (call->end)
        call->end(&explained, call->user);
    else
        call->method->deliver(call->fn, reply, &explained, call->user);
    call_leave(call);
}

static void on_unary(const void *bytes, size_t len, const wfe_error *err, void *user)
{
    wfe_containerd_call *call = user;
    call->grpc = NULL;
    wfe_error failure = *err;
    ProtobufCMessage *reply =
        failure.kind ? NULL : unpack(call->method->reply, bytes, len, &failure);
    call_end(call, reply, &failure);
    protobuf_c_message_free_unpacked(reply, NULL);
}

static void on_message(wfe_grpc_call *grpc, const void *bytes, size_t len, void *user)
{
    (void)grpc;
    wfe_containerd_call *call = user;
    wfe_error failure = WFE_ERROR_INIT;
    ProtobufCMessage *reply = unpack(call->method->reply, bytes, len, &failure);
    if (!reply) {
        wfe_grpc_call_cancel(wfe_take(call->grpc));
        call_end(call, NULL, &failure);
        return;
    }
    call_enter(call);
    call->method->deliver(call->fn, reply, NULL, call->user);
    call_leave(call);
    protobuf_c_message_free_unpacked(reply, NULL);
}

static void on_done(wfe_grpc_call *grpc, const wfe_error *err, void *user)
{
    (void)grpc;
    wfe_containerd_call *call = user;
    call->grpc = NULL;
    call_end(call, NULL, err);
}

static void on_writable(wfe_grpc_call *grpc, void *user)
{
    (void)grpc;
    wfe_containerd_call *call = user;
    if (!call->writable)
        return;
    call_enter(call);
    call->writable(call->user);
    call_leave(call);
}

static int call_new(const wfe_containerd_method *method, const char *subject, void *user,
                    wfe_containerd_call **ret, wfe_error *err)
{
    _cleanup_(call_free_p) wfe_containerd_call *call = calloc(1, sizeof *call);
    if (!call)
        return wfe_error_nomem(err);
    call->method = method;
    call->user = user;
    if (subject) {
        call->subject = strdup(subject);
        if (!call->subject)
            return wfe_error_nomem(err);
    }
    *ret = wfe_take(call);
    return 0;
}

/* Everything of the gRPC call that comes from the method and the options. */
static void fill_options(const wfe_containerd *containerd, const wfe_containerd_method *method,
                         const wfe_containerd_options *options, wfe_grpc_metadata metadata[2],
                         wfe_grpc_call_options *out)
{
    static const wfe_containerd_options none;
    if (!options)
        options = &none;
    out->path = method->path;
    out->metadata = metadata;
    if (!method->no_namespace)
        metadata[out->n_metadata++] =
            (wfe_grpc_metadata){"containerd-namespace", containerd->namespace_name};
    if (options->lease)
        metadata[out->n_metadata++] = (wfe_grpc_metadata){"containerd-lease", options->lease};
    out->deadline_ms = options->deadline_ms ? options->deadline_ms : method->deadline_ms;
    out->idempotent = method->idempotent;
    out->wait_for_ready = !options->fail_fast;
}

int wfe_containerd_unary(wfe_containerd *containerd, const wfe_containerd_method *method,
                         const wfe_containerd_options *options, const char *subject,
                         const ProtobufCMessage *request, wfe_containerd_any_fn fn, void *user,
                         wfe_containerd_call **ret, wfe_error *err)
{
    wfe_grpc_metadata metadata[2];
    wfe_grpc_call_options grpc_options = {0};
    fill_options(containerd, method, options, metadata, &grpc_options);
    _cleanup_(call_free_p) wfe_containerd_call *call = NULL;
    _cleanup_free_ void *bytes = NULL;
    size_t len = 0;
    int rc = call_new(method, subject, user, &call, err);
    if (!rc)
        rc = pack(request, &bytes, &len, err);
    if (!rc) {
        call->fn = fn;
        rc = wfe_grpc_unary(containerd->channel, &grpc_options, bytes, len, on_unary, call,
                            &call->grpc, err);
    }
    if (rc) {
        explain(err, method, subject);
        return rc;
    }
    if (ret)
        *ret = call;
    (void)wfe_take(call); /* freed by its end */
    return 0;
}

static int start_stream(wfe_containerd *containerd, const wfe_containerd_method *method,
                        const wfe_containerd_options *options, const char *subject,
                        const wfe_containerd_stream_fns *fns, void *user, wfe_containerd_call **ret,
                        wfe_error *err)
{
    wfe_grpc_metadata metadata[2];
    wfe_grpc_call_options grpc_options = {
        .on_message = on_message, .on_done = on_done, .on_writable = on_writable};
    fill_options(containerd, method, options, metadata, &grpc_options);
    _cleanup_(call_free_p) wfe_containerd_call *call = NULL;
    int rc = call_new(method, subject, user, &call, err);
    if (rc)
        return rc;
    call->fn = fns->each;
    call->end = fns->end;
    call->writable = fns->writable;
    grpc_options.user = call;
    rc = wfe_grpc_call_start(containerd->channel, &grpc_options, &call->grpc, err);
    if (rc)
        return rc;
    *ret = wfe_take(call);
    return 0;
}

int wfe_containerd_server_stream(wfe_containerd *containerd, const wfe_containerd_method *method,
                                 const wfe_containerd_options *options, const char *subject,
                                 const ProtobufCMessage *request,
                                 const wfe_containerd_stream_fns *fns, void *user,
                                 wfe_containerd_call **ret, wfe_error *err)
{
    wfe_containerd_call *call = NULL;
    int rc = start_stream(containerd, method, options, subject, fns, user, &call, err);
    if (rc) {
        explain(err, method, subject);
        return rc;
    }
    rc = wfe_containerd_send(call, request, true, err);
    if (rc) {
        wfe_containerd_cancel(call);
        return rc;
    }
    if (ret)
        *ret = call;
    return 0;
}

int wfe_containerd_bidi_stream(wfe_containerd *containerd, const wfe_containerd_method *method,
                               const wfe_containerd_options *options, const char *subject,
                               const wfe_containerd_stream_fns *fns, void *user,
                               wfe_containerd_call **ret, wfe_error *err)
{
    int rc = start_stream(containerd, method, options, subject, fns, user, ret, err);
    if (rc)
        explain(err, method, subject);
    return rc;
}

int wfe_containerd_send(wfe_containerd_call *call, const ProtobufCMessage *request, bool last,
                        wfe_error *err)
{
    if (!call->grpc)
        return 0; /* it has ended: end tells, or told */
    _cleanup_free_ void *bytes = NULL;
    size_t len = 0;
    int rc = pack(request, &bytes, &len, err);
    if (!rc)
        rc = wfe_grpc_call_send(call->grpc, bytes, len, last, err);
    if (rc)
        explain(err, call->method, call->subject);
    return rc;
}

size_t wfe_containerd_pending_bytes(const wfe_containerd_call *call)
{
    return call->grpc ? wfe_grpc_call_pending_bytes(call->grpc) : 0;
}
