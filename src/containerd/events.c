/* SPDX-License-Identifier: Apache-2.0
 *
 * See events.h. The daemon is asked for the client's namespace only, and what comes is checked
 * again, since the stream is not bound to the namespace header (containerd 1.6:
 * events/exchange/exchange.go).
 */
#include "containerd/events.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"

WFE_EVENTS_STREAMS(WFE_RPC_STREAM_DEFINE)

/* Longest filter text sent. */
#define FILTER_MAX_BYTES 4096

struct wfe_events {
    wfe_containerd *containerd;
    wfe_containerd_call *call; /* NULL once it has ended */
    wfe_events_fn fn;
    wfe_containerd_end_fn end;
    void *user;
};

void wfe_events_free(wfe_events *events)
{
    if (!events)
        return;
    wfe_containerd_cancel(events->call);
    free(events);
}
WFE_DEFINE_CLEANUP(wfe_events, wfe_events_free)

static ProtobufCMessage *unpack_payload(const char *topic, const Pb__Any *any)
{
    static const struct {
        const char *topic;
        const char *type_url;
        const ProtobufCMessageDescriptor *descriptor;
    } types[] = {
#define WFE_EVENTS_TYPE_(topic, type_url, name) {topic, type_url, &name##__descriptor},
        WFE_EVENTS_TYPES(WFE_EVENTS_TYPE_)
#undef WFE_EVENTS_TYPE_
    };
    for (size_t i = 0; any && i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(topic, types[i].topic) == 0 && strcmp(any->type_url, types[i].type_url) == 0)
            return protobuf_c_message_unpack(types[i].descriptor, NULL, any->value.len,
                                             any->value.data);
    }
    return NULL;
}

static void events_each(const PbEvents__Envelope *envelope, void *user)
{
    wfe_events *events = user;
    if (strcmp(envelope->namespace_, wfe_containerd_namespace(events->containerd)) != 0)
        return;
    ProtobufCMessage *payload = unpack_payload(envelope->topic, envelope->event);
    const wfe_event event = {
        .topic = envelope->topic, .timestamp = envelope->timestamp, .payload = payload};
    events->fn(&event, events->user);
    protobuf_c_message_free_unpacked(payload, NULL);
}

static void events_end(const wfe_error *err, void *user)
{
    wfe_events *events = user;
    events->call = NULL;
    wfe_error failure = *err;
    if (!failure.kind)
        wfe_error_set(&failure, WFE_E_UNAVAILABLE, "containerd ended the stream of events");
    events->end(&failure, events->user);
}

/* A comma inside one filter means "and"; the text in quotes is read as Go reads a string. */
static int build_filter(const char *namespace_name, const char *topics, wfe_buf *out,
                        wfe_error *err)
{
    int rc = wfe_buf_printf(out, err, "namespace==%s", namespace_name);
    if (rc || !topics)
        return rc;
    rc = wfe_buf_append_str(out, ",topic~=\"", err);
    for (const char *p = topics; *p && !rc; p++) {
        if (*p == '"' || *p == '\\')
            rc = wfe_buf_append(out, "\\", 1, err);
        if (!rc)
            rc = wfe_buf_append(out, p, 1, err);
    }
    return rc ? rc : wfe_buf_append(out, "\"", 1, err);
}

int wfe_events_watch(wfe_containerd *containerd, const char *topics, wfe_events_fn fn,
                     wfe_containerd_end_fn end, void *user, wfe_events **ret, wfe_error *err)
{
    _cleanup_(wfe_buf_done) wfe_buf filter = WFE_BUF_INIT(FILTER_MAX_BYTES);
    int rc = build_filter(wfe_containerd_namespace(containerd), topics, &filter, err);
    if (rc)
        return rc;
    _cleanup_(wfe_events_free_p) wfe_events *events = calloc(1, sizeof *events);
    if (!events)
        return wfe_error_nomem(err);
    *events = (wfe_events){.containerd = containerd, .fn = fn, .end = end, .user = user};
    const char *filters[] = {filter.data};
    PbEvents__SubscribeRequest request = PB_EVENTS__SUBSCRIBE_REQUEST__INIT;
    request.n_filters = 1;
    request.filters = filters;
    rc = wfe_events_subscribe(containerd, &request, NULL, events_each, events_end, events,
                              &events->call, err);
    if (rc)
        return rc;
    *ret = wfe_take(events);
    return 0;
}
