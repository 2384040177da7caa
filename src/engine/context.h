/* SPDX-License-Identifier: Apache-2.0
 *
 * What the attempts of one run share: the loop, clients, folders, environment, the masker. Made and
 * owned by the run.
 */
#ifndef WFE_ENGINE_CONTEXT_H
#define WFE_ENGINE_CONTEXT_H

#include <wfe/client.h>

#include "base/log.h"
#include "base/mask.h"
#include "base/strmap.h"
#include "engine/engine.h"
#include "engine/step_type.h"

struct wfe_client_entry;

struct wfe_context {
    wfe_loop *loop;
    wfe_log log;
    char *run_id;
    char *working_dir;         /* absolute */
    char **environment;        /* of shell steps; may be NULL */
    char *run_dir;             /* the run's own folder, mode 0700; NULL before it is made */
    char *shared_dir;          /* its shared volume on this machine; NULL: none */
    const char *shared_target; /* where containers have it */
    wfe_mask *mask;
    /* What services add to the steps in their network: SVC_<NAME>_HOST and _PORT. */
    wfe_strmap service_env;
    const char *network;      /* of containers that name none: the services'; NULL: their own */
    const char *const *hosts; /* for the /etc/hosts of containers in it; NULL: none */
    wfe_client_make_fn make_client;
    void *make_client_user;
    const wfe_registry_access *registry; /* NULL: none */
    struct wfe_client_entry *clients;
    json_t *images;   /* {"name as written": "sha256:..."}: what names stand for; NULL: nothing */
    uint64_t n_files; /* names in run_dir */
    bool same_folder; /* run_dir is that of an earlier process of the run, with all that is in it */
    bool durable;     /* another process may go on with the run */
    struct wfe_keeper *keeper; /* NULL: attempts end with this process */
};

void wfe_context_done(wfe_context *context);

/* The client for what a container says about its daemon; made at first use, shared, owned by the
 * context. */
int wfe_context_client(wfe_context *context, const wfe_plan_container *container, wfe_client **ret,
                       wfe_error *err);

/* "name@sha256:..." when the run is bound to a digest for this name; *ret stays NULL when it is
 * not. Free with free(). */
int wfe_context_image(const wfe_context *context, const char *name, char **ret, wfe_error *err);

/* A path in the run's folder that nobody else uses: "<run_dir>/<n>.<suffix>". Free with free(). */
int wfe_context_file(wfe_context *context, const char *suffix, char **ret, wfe_error *err);

#endif
