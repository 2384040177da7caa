/* SPDX-License-Identifier: Apache-2.0
 *
 * A call with one request and one reply: the reply is kept until the status says that it counts.
 */
#include <stdlib.h>
#include <string.h>

#include "grpc/channel_priv.h"

static void on_reply(wfe_grpc_call *call, const void *bytes, size_t len, void *user)
{
    (void)user;
    if (call->unary.count++)
        return;
    call->unary.reply = malloc(len + 1);
    if (!call->unary.reply)
        return;
    memcpy(call->unary.reply, bytes, len);
    call->unary.len = len;
}

static void on_done(wfe_grpc_call *call, const wfe_error *err, void *user)
{
    (void)user;
    wfe_error error = *err;
    if (!error.kind && call->unary.count != 1)
        wfe_error_set(&error, WFE_E_PROTOCOL, "%s: the peer answered with %zu messages, not one",
                      call->options.path, call->unary.count);
    else if (!error.kind && !call->unary.reply)
        wfe_error_nomem(&error);
    if (error.kind)
        call->unary.fn(NULL, 0, &error, call->unary.user);
    else
        call->unary.fn(call->unary.reply, call->unary.len, &error, call->unary.user);
}

int wfe_grpc_unary(wfe_grpc_channel *channel, const wfe_grpc_call_options *options,
                   const void *request, size_t len, wfe_grpc_unary_fn fn, void *user,
                   wfe_grpc_call **ret, wfe_error *err)
{
    wfe_grpc_call_options copy = *options;
    copy.on_message = on_reply;
    copy.on_done = on_done;
    copy.on_writable = NULL;
    copy.user = NULL;
    wfe_grpc_call *call = NULL;
    int rc = wfe_grpc_call_start(channel, &copy, &call, err);
    if (rc)
        return rc;
    call->unary.fn = fn;
    call->unary.user = user;
    rc = wfe_grpc_call_send(call, request, len, true, err);
    if (rc) {
        wfe_grpc_call_cancel(call);
        return rc;
    }
    if (ret)
        *ret = call;
    return 0;
}
