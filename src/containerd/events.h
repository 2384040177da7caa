/* SPDX-License-Identifier: Apache-2.0
 *
 * Events of containerd. They are hints, not truth: nothing tells when a subscription has begun,
 * nothing is stored, and some are lost or come out of order. Wait and Get are the truth. After a
 * subscription ended, look with Get before subscribing again.
 */
#ifndef WFE_CONTAINERD_EVENTS_H
#define WFE_CONTAINERD_EVENTS_H

#include "containerd/event_types.pb-c.h"
#include "containerd/events.pb-c.h"
#include "containerd/rpc.h"

#define WFE_EVENTS_SERVICE "/containerd.services.events.v1.Events/"
#define WFE_EVENTS_STREAMS(X)                                                                      \
    X(events_subscribe, WFE_EVENTS_SERVICE "Subscribe", PbEvents__SubscribeRequest,                \
      PbEvents__Envelope, pb_events__envelope, NULL, "subscribe to events", 0, WFE_RPC_ONCE)

/* The raw stream: events of all namespaces. */
WFE_EVENTS_STREAMS(WFE_RPC_STREAM_DECLARE)

/* topic, generated type of its payload, C name of that type's descriptor */
#define WFE_EVENTS_TYPES(X)                                                                        \
    X("/tasks/create", "containerd.events.TaskCreate", pb_events__task_create)                     \
    X("/tasks/start", "containerd.events.TaskStart", pb_events__task_start)                        \
    X("/tasks/exit", "containerd.events.TaskExit", pb_events__task_exit)                           \
    X("/tasks/oom", "containerd.events.TaskOOM", pb_events__task_oom)                              \
    X("/tasks/delete", "containerd.events.TaskDelete", pb_events__task_delete)                     \
    X("/tasks/exec-added", "containerd.events.TaskExecAdded", pb_events__task_exec_added)          \
    X("/tasks/exec-started", "containerd.events.TaskExecStarted", pb_events__task_exec_started)    \
    X("/tasks/paused", "containerd.events.TaskPaused", pb_events__task_paused)                     \
    X("/tasks/resumed", "containerd.events.TaskResumed", pb_events__task_resumed)

/* One event of the client's own namespace, borrowed during the callback. payload is the unpacked
 * message of the topic (compare topic, then cast: "/tasks/exit" is a PbEvents__TaskExit), or NULL
 * for a topic that is not in the table above or whose bytes cannot be read. */
typedef struct wfe_event {
    const char *topic;
    const Pb__Timestamp *timestamp; /* may be NULL */
    const ProtobufCMessage *payload;
} wfe_event;
typedef void (*wfe_events_fn)(const wfe_event *event, void *user);

typedef struct wfe_events wfe_events;
/* Events of the client's namespace whose topic matches the regular expression topics (NULL: all
 * topics), until it is freed or end is called: UNAVAILABLE when the connection is lost. It is
 * never begun again by itself, since that would hide what was missed. */
int wfe_events_watch(wfe_containerd *containerd, const char *topics, wfe_events_fn fn,
                     wfe_containerd_end_fn end, void *user, wfe_events **ret, wfe_error *err);
/* Ends the subscription; no callback runs after it. To be called after end as well. NULL is
 * accepted. */
void wfe_events_free(wfe_events *events);

#endif
