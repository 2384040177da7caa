/* SPDX-License-Identifier: Apache-2.0
 *
 * How the typed calls are made. Each service's header holds one table, a row for each rpc; this
 * file turns a row into the declarations and, in the service's source, into the definitions. So a
 * call costs one row, and its request, its reply and its callback have their own types.
 *
 * A row of a table of unary calls, X(call, path, Request, Reply, reply, subject, operation,
 * deadline, flags), gives
 *
 *     typedef void (*wfe_<call>_fn)(const Reply *reply, const wfe_error *err, void *user);
 *     int wfe_<call>(wfe_containerd *, const Request *, const wfe_containerd_options *,
 *                    wfe_<call>_fn fn, void *user, wfe_containerd_call **ret, wfe_error *err);
 *
 * and a row of server-streaming ones
 *
 *     typedef void (*wfe_<call>_fn)(const Reply *reply, void *user);
 *     int wfe_<call>(wfe_containerd *, const Request *, const wfe_containerd_options *,
 *                    wfe_<call>_fn each, wfe_containerd_end_fn end, void *user,
 *                    wfe_containerd_call **ret, wfe_error *err);
 *
 * A row of two-way ones is the same, but its subject is an argument, since no request is there yet:
 *
 *     int wfe_<call>(wfe_containerd *, const wfe_containerd_options *, const char *subject,
 *                    wfe_<call>_fn each, const wfe_containerd_stream_fns *rest, void *user,
 *                    wfe_containerd_call **ret, wfe_error *err);
 *     int wfe_<call>_send(wfe_containerd_call *, const Request *, bool last, wfe_error *err);
 *
 * where rest gives end and writable. All with the rules of client.h. reply is the C name of Reply's
 * descriptor without "__descriptor"; subject is an expression of `request`; flags are of
 * wfe_rpc_flag.
 */
#ifndef WFE_CONTAINERD_RPC_H
#define WFE_CONTAINERD_RPC_H

#include "containerd/client.h"

enum wfe_rpc_flag {
    WFE_RPC_ONCE = 0,         /* sent again only when the daemon cannot have seen it */
    WFE_RPC_REPEATABLE = 1,   /* asks, or ends what may be ended twice */
    WFE_RPC_NO_NAMESPACE = 2, /* without the namespace header */
    WFE_RPC_NEWER = 4,        /* not in every supported version: UNIMPLEMENTED is an answer */
};

#define WFE_RPC_UNARY_DECLARE(call, path, Request, Reply, reply_name, subject, operation,          \
                              deadline, flags)                                                     \
    typedef void (*wfe_##call##_fn)(const Reply *reply, const wfe_error *err, void *user);         \
    extern const wfe_containerd_method wfe_##call##_method;                                        \
    int wfe_##call(wfe_containerd *containerd, const Request *request,                             \
                   const wfe_containerd_options *options, wfe_##call##_fn fn, void *user,          \
                   wfe_containerd_call **ret, wfe_error *err);

#define WFE_RPC_STREAM_DECLARE(call, path, Request, Reply, reply_name, subject, operation,         \
                               deadline, flags)                                                    \
    typedef void (*wfe_##call##_fn)(const Reply *reply, void *user);                               \
    extern const wfe_containerd_method wfe_##call##_method;                                        \
    int wfe_##call(wfe_containerd *containerd, const Request *request,                             \
                   const wfe_containerd_options *options, wfe_##call##_fn each,                    \
                   wfe_containerd_end_fn end, void *user, wfe_containerd_call **ret,               \
                   wfe_error *err);

#define WFE_RPC_BIDI_DECLARE(call, path, Request, Reply, reply_name, subject_, operation,          \
                             deadline, flags)                                                      \
    typedef void (*wfe_##call##_fn)(const Reply *reply, void *user);                               \
    extern const wfe_containerd_method wfe_##call##_method;                                        \
    int wfe_##call(wfe_containerd *containerd, const wfe_containerd_options *options,              \
                   const char *subject, wfe_##call##_fn each,                                      \
                   const wfe_containerd_stream_fns *rest, void *user, wfe_containerd_call **ret,   \
                   wfe_error *err);                                                                \
    int wfe_##call##_send(wfe_containerd_call *running, const Request *request, bool last,         \
                          wfe_error *err);

#define WFE_RPC_METHOD_(call, path_, reply_name, operation_, deadline, flags)                      \
    const wfe_containerd_method wfe_##call##_method = {                                            \
        .path = (path_),                                                                           \
        .operation = (operation_),                                                                 \
        .reply = &reply_name##__descriptor,                                                        \
        .deliver = wfe_##call##_deliver,                                                           \
        .deadline_ms = (deadline),                                                                 \
        .idempotent = ((flags)&WFE_RPC_REPEATABLE) != 0,                                           \
        .no_namespace = ((flags)&WFE_RPC_NO_NAMESPACE) != 0,                                       \
        .newer = ((flags)&WFE_RPC_NEWER) != 0,                                                     \
    };

#define WFE_RPC_UNARY_DEFINE(call, path, Request, Reply, reply_name, subject, operation, deadline, \
                             flags)                                                                \
    static void wfe_##call##_deliver(wfe_containerd_any_fn fn, const ProtobufCMessage *reply,      \
                                     const wfe_error *err, void *user)                             \
    {                                                                                              \
        ((wfe_##call##_fn)fn)((const Reply *)(const void *)reply, err, user);                      \
    }                                                                                              \
    WFE_RPC_METHOD_(call, path, reply_name, operation, deadline, flags)                            \
    int wfe_##call(wfe_containerd *containerd, const Request *request,                             \
                   const wfe_containerd_options *options, wfe_##call##_fn fn, void *user,          \
                   wfe_containerd_call **ret, wfe_error *err)                                      \
    {                                                                                              \
        return wfe_containerd_unary(containerd, &wfe_##call##_method, options, (subject),          \
                                    (const ProtobufCMessage *)(const void *)request,               \
                                    (wfe_containerd_any_fn)fn, user, ret, err);                    \
    }

#define WFE_RPC_EACH_(call, Reply)                                                                 \
    static void wfe_##call##_deliver(wfe_containerd_any_fn fn, const ProtobufCMessage *reply,      \
                                     const wfe_error *err, void *user)                             \
    {                                                                                              \
        (void)err;                                                                                 \
        ((wfe_##call##_fn)fn)((const Reply *)(const void *)reply, user);                           \
    }

#define WFE_RPC_STREAM_DEFINE(call, path, Request, Reply, reply_name, subject, operation,          \
                              deadline, flags)                                                     \
    WFE_RPC_EACH_(call, Reply)                                                                     \
    WFE_RPC_METHOD_(call, path, reply_name, operation, deadline, flags)                            \
    int wfe_##call(wfe_containerd *containerd, const Request *request,                             \
                   const wfe_containerd_options *options, wfe_##call##_fn each,                    \
                   wfe_containerd_end_fn end, void *user, wfe_containerd_call **ret,               \
                   wfe_error *err)                                                                 \
    {                                                                                              \
        const wfe_containerd_stream_fns fns = {.each = (wfe_containerd_any_fn)each, .end = end};   \
        return wfe_containerd_server_stream(containerd, &wfe_##call##_method, options, (subject),  \
                                            (const ProtobufCMessage *)(const void *)request, &fns, \
                                            user, ret, err);                                       \
    }

#define WFE_RPC_BIDI_DEFINE(call, path, Request, Reply, reply_name, subject_, operation, deadline, \
                            flags)                                                                 \
    WFE_RPC_EACH_(call, Reply)                                                                     \
    WFE_RPC_METHOD_(call, path, reply_name, operation, deadline, flags)                            \
    int wfe_##call(wfe_containerd *containerd, const wfe_containerd_options *options,              \
                   const char *subject, wfe_##call##_fn each,                                      \
                   const wfe_containerd_stream_fns *rest, void *user, wfe_containerd_call **ret,   \
                   wfe_error *err)                                                                 \
    {                                                                                              \
        const wfe_containerd_stream_fns fns = {                                                    \
            .each = (wfe_containerd_any_fn)each, .end = rest->end, .writable = rest->writable};    \
        return wfe_containerd_bidi_stream(containerd, &wfe_##call##_method, options, subject,      \
                                          &fns, user, ret, err);                                   \
    }                                                                                              \
    int wfe_##call##_send(wfe_containerd_call *running, const Request *request, bool last,         \
                          wfe_error *err)                                                          \
    {                                                                                              \
        return wfe_containerd_send(running, (const ProtobufCMessage *)(const void *)request, last, \
                                   err);                                                           \
    }

#endif
