/* SPDX-License-Identifier: Apache-2.0
 *
 * One service of a run: a container that is started, asked until it is ready, and stopped when the
 * run ends. What all services of a run share is in services.h, its only user.
 */
#ifndef WFE_ENGINE_SERVICE_H
#define WFE_ENGINE_SERVICE_H

#include "base/mask.h"
#include "base/strmap.h"
#include "containerd/wfe_client.h"
#include "engine/event.h"
#include "engine/step_type.h"
#include "workflow/plan.h"

typedef struct wfe_service wfe_service;

/* All from the loop. user is that of wfe_service_start. */
typedef struct wfe_service_fns {
    /* It entered a state, after STARTING; err is set for FAILED, which comes before the container
     * has ended. */
    void (*state)(wfe_service *service, enum wfe_service_state state, const wfe_error *err,
                  void *user);
    /* A line of a stream, masked. */
    void (*line)(wfe_service *service, enum wfe_stream stream, const char *text, size_t len,
                 bool more, void *user);
    /* Its image comes: an event of kind PULL without the service. */
    void (*pull)(wfe_service *service, const wfe_event *event, void *user);
    /* Bytes of a stream that are logged, as line told of them; also from within wfe_service_start.
     * May be NULL: none are. */
    int (*log_size)(wfe_service *service, enum wfe_stream stream, uint64_t *ret, wfe_error *err,
                    void *user);
    /* Once, the last: nothing of its container is left but what left names (NULL: nothing), which
     * is to go when the end is recorded. It may be freed. */
    void (*ended)(wfe_service *service, const wfe_leftover *left, void *user);
} wfe_service_fns;

/* Borrowed until the service has been freed. */
typedef struct wfe_service_options {
    const wfe_plan_service *plan;
    wfe_client *client;
    const char *run_id;
    wfe_mask *mask;
    const wfe_registry_access *registry;
    const char *netns;         /* path */
    const wfe_strmap *env;     /* in front of its own */
    const char *const *hosts;  /* "name:address" */
    struct wfe_keeper *keeper; /* NULL: it ends with this process */
    /* Another process began it, and its container is there; state is the one that it was in. */
    bool adopt;
    enum wfe_service_state state;
} wfe_service_options;

/* INVALID and the like: nothing was started, and no function but log_size is called. */
int wfe_service_start(const wfe_service_options *options, const wfe_service_fns *fns, void *user,
                      wfe_service **ret, wfe_error *err);
/* TERM, the grace, KILL; with kill at once. ended still tells. */
void wfe_service_stop(wfe_service *service, bool kill);
/* It must have ended. NULL is accepted. */
void wfe_service_free(wfe_service *service);
const wfe_plan_service *wfe_service_plan(const wfe_service *service);

#endif
