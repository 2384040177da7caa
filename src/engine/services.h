/* SPDX-License-Identifier: Apache-2.0
 *
 * The services of a run: those of its workflow and of all workflows it may call. They start
 * together, in a network namespace of the run's own that its steps join, live until they are
 * stopped, and take the namespace with them. One that fails is told once; what follows from it is
 * the run's business.
 */
#ifndef WFE_ENGINE_SERVICES_H
#define WFE_ENGINE_SERVICES_H

#include <stdbool.h>

#include "base/mask.h"
#include "base/strmap.h"
#include "engine/event.h"
#include "engine/past.h"
#include "engine/step_type.h"
#include "loop/loop.h"
#include "net/netns.h"
#include "workflow/plan.h"

#include <wfe/client.h>
#include <wfe/image.h>

#define WFE_SERVICES_MAX 64U

typedef struct wfe_services wfe_services;

/* All from the loop, never from within a function of this header; user is that of
 * wfe_services_start. */
typedef struct wfe_services_fns {
    /* A service entered a state; err is set for FAILED. */
    void (*state)(const wfe_plan_service *service, enum wfe_service_state state,
                  const wfe_error *err, void *user);
    /* A service is in a state that another process has recorded. May be NULL. */
    void (*recorded)(const wfe_plan_service *service, enum wfe_service_state state, void *user);
    /* A line of a service's stream, masked. */
    void (*line)(const wfe_plan_service *service, enum wfe_stream stream, const char *text,
                 size_t len, bool more, void *user);
    /* Bytes of a service's stream that are logged. May be NULL: none are. */
    int (*log_size)(const wfe_plan_service *service, enum wfe_stream stream, uint64_t *ret,
                    wfe_error *err, void *user);
    /* What is left of a service that has ended, until its end is recorded. May be NULL. */
    void (*left)(const wfe_leftover *left, void *user);
    /* A service's image comes: an event of kind PULL without the service. */
    void (*pull)(const wfe_plan_service *service, const wfe_event *event, void *user);
    /* Once: all are ready. */
    void (*ready)(void *user);
    /* Once, and not after wfe_services_stop: the namespace or a service has failed, before or after
     * ready. The others go on until wfe_services_stop. */
    void (*failed)(const wfe_error *err, void *user);
    /* Once, the last, after wfe_services_stop: everything is removed, but for what err (may be
     * NULL) tells of. Freeing is allowed in here. */
    void (*stopped)(const wfe_error *err, void *user);
} wfe_services_fns;

/* The client for a container of the plan; the run's. */
typedef int (*wfe_services_client_fn)(const wfe_plan_container *container, wfe_client **ret,
                                      wfe_error *err, void *user);

/* Borrowed until the services have been freed. */
typedef struct wfe_services_options {
    wfe_loop *loop;
    const wfe_plan *plan;
    const char *run_id;
    wfe_mask *mask;                      /* may be NULL */
    const wfe_registry_access *registry; /* how images are pulled; NULL: anonymously */
    wfe_services_client_fn client;
    void *client_user;
    struct wfe_keeper *keeper; /* NULL: they end with this process */
    /* What another process has recorded of them; NULL: nothing. Those that are there go on, without
     * telling again what was told. */
    const wfe_past *past;
    wfe_netns *netns; /* of wfe_services_adopt_network; taken. NULL: all start, in a new one */
} wfe_services_options;

/* Are there any. */
bool wfe_services_needed(const wfe_plan *plan);
/* The network of the run's services that another process has made, which becomes ours; *ret stays
 * NULL when it is not there. The client is that of any of them. */
int wfe_services_adopt_network(const wfe_client *client, const char *run_id, wfe_netns **ret,
                               wfe_error *err);

/* INVALID (two services of one name, a daemon that is not on this machine, ...), LIMIT, NOMEM:
 * nothing was started, and no function is called. */
int wfe_services_start(const wfe_services_options *options, const wfe_services_fns *fns, void *user,
                       wfe_services **ret, wfe_error *err);
/* The first time: TERM, each service's grace, KILL; with kill, also later: at once. */
void wfe_services_stop(wfe_services *services, bool kill);
/* After stopped. NULL is accepted. */
void wfe_services_free(wfe_services *services);

/* ---- what steps are given; borrowed until wfe_services_free ---- */

/* "ns:/path": the network of steps that name none. */
const char *wfe_services_network(const wfe_services *services);
/* "NAME:127.0.0.1", NULL-terminated: for their /etc/hosts. */
const char *const *wfe_services_hosts(const wfe_services *services);
/* SVC_<NAME>_HOST, and SVC_<NAME>_PORT of those with a port. */
const wfe_strmap *wfe_services_env(const wfe_services *services);

#endif
