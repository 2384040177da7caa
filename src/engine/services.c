/* SPDX-License-Identifier: Apache-2.0
 *
 * See services.h. The namespace comes first, then all services at once. At the end the other way
 * round: the namespace's file is removed when the last container is.
 */
#include "engine/services.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/id.h"
#include "base/strv.h"
#include "containerd/wfe_client.h"
#include "engine/service.h"
#include "net/netns.h"

#define ADDRESS "127.0.0.1"

struct wfe_services {
    wfe_services_options options;
    wfe_services_fns fns;
    void *user;
    const wfe_plan_service *plans[WFE_SERVICES_MAX];
    wfe_client *clients[WFE_SERVICES_MAX];
    wfe_service *list[WFE_SERVICES_MAX]; /* NULL: not started, or ended and freed */
    uint32_t n;
    uint32_t n_open;  /* started and not ended */
    uint32_t n_ready; /* of all n */
    wfe_netns *netns;
    char *network;
    char **hosts;
    wfe_strmap env;
    wfe_timer *later; /* tells from the loop what must not be told from a function of ours */
    bool adopted;     /* the network is that of another process, and so may services be */
    bool begun;       /* in it */
    bool failed;
    bool stopping;
    bool killing; /* asked for at once */
    bool stopped;
};

/* ---- which ones ---- */

/* Marks the workflow and all that its steps may call; seen is one byte for each workflow. */
static void mark_workflow(const wfe_plan *plan, uint32_t index, char *seen)
{
    if (seen[index])
        return;
    seen[index] = 1;
    const wfe_plan_workflow *workflow = &plan->workflows[index];
    for (uint32_t i = 0; i < workflow->n_steps; i++) {
        const wfe_plan_step *step = &plan->steps[workflow->first_step + i];
        if (step->type == WFE_PLAN_STEP_WORKFLOW && step->config.call)
            mark_workflow(plan, step->config.call->workflow, seen);
    }
}

static int add_plan(wfe_services *services, const wfe_plan_service *plan, wfe_error *err)
{
    for (uint32_t i = 0; i < services->n; i++) {
        if (strcmp(services->plans[i]->name, plan->name) == 0)
            return wfe_error_set(err, WFE_E_INVALID,
                                 "two workflows of the run have a service '%s', and all services "
                                 "of a run share one network",
                                 plan->name);
    }
    if (services->n == WFE_SERVICES_MAX)
        return wfe_error_set(err, WFE_E_LIMIT, "a run may have at most %u services",
                             WFE_SERVICES_MAX);
    services->plans[services->n++] = plan;
    return 0;
}

static int collect(wfe_services *services, wfe_error *err)
{
    const wfe_plan *plan = services->options.plan;
    _cleanup_free_ char *seen = calloc(plan->n_workflows, 1);
    if (!seen)
        return wfe_error_nomem(err);
    mark_workflow(plan, plan->main, seen);
    for (uint32_t i = 0; i < plan->n_workflows; i++) {
        for (uint32_t j = 0; seen[i] && j < plan->workflows[i].n_services; j++) {
            int rc = add_plan(services, &plan->workflows[i].services[j], err);
            if (rc)
                return rc;
        }
    }
    return 0;
}

bool wfe_services_needed(const wfe_plan *plan)
{
    for (uint32_t i = 0; i < plan->n_workflows; i++) {
        if (plan->workflows[i].n_services) {
            wfe_services found = {.options = {.plan = plan}};
            return collect(&found, NULL) || found.n;
        }
    }
    return false;
}

/* ---- what steps are given ---- */

/* "my-db" is SVC_MY_DB. */
static int add_env(wfe_services *services, const wfe_plan_service *plan, wfe_error *err)
{
    char name[256], key[sizeof name + 16], port[8];
    size_t len = strlen(plan->name);
    if (len >= sizeof name)
        return wfe_error_set(err, WFE_E_INVALID, "the name of service '%s' is too long",
                             plan->name);
    for (size_t i = 0; i <= len; i++) {
        unsigned char c = (unsigned char)plan->name[i];
        name[i] = (char)(c && !(c < 0x80 && isalnum(c)) ? '_' : toupper(c));
    }
    snprintf(key, sizeof key, "SVC_%s_HOST", name);
    int rc = wfe_strmap_set(&services->env, key, ADDRESS, err);
    if (rc || !plan->n_ports)
        return rc;
    snprintf(key, sizeof key, "SVC_%s_PORT", name);
    snprintf(port, sizeof port, "%u", plan->ports[0]);
    return wfe_strmap_set(&services->env, key, port, err);
}

/* One that is too short to be masked is no help to anybody. */
static int mask_passwords(wfe_services *services, const wfe_plan_container *container,
                          wfe_error *err)
{
    for (uint32_t i = 0; services->options.mask && i < container->n_registry_auth; i++) {
        const char *password = container->registry_auth[i].password;
        if (password &&
            wfe_mask_add(services->options.mask, password, strlen(password), NULL) == WFE_E_NOMEM)
            return wfe_error_nomem(err);
    }
    return 0;
}

static int describe(wfe_services *services, wfe_error *err)
{
    services->hosts = calloc(services->n + 1, sizeof *services->hosts);
    if (!services->hosts)
        return wfe_error_nomem(err);
    for (uint32_t i = 0; i < services->n; i++) {
        if (asprintf(&services->hosts[i], "%s:" ADDRESS, services->plans[i]->name) < 0) {
            services->hosts[i] = NULL;
            return wfe_error_nomem(err);
        }
        int rc = add_env(services, services->plans[i], err);
        if (!rc)
            rc = mask_passwords(services, &services->plans[i]->container, err);
        if (rc)
            return rc;
    }
    return 0;
}

/* The path of the namespace has to mean the same to the daemon as to us. */
static int find_clients(wfe_services *services, wfe_error *err)
{
    for (uint32_t i = 0; i < services->n; i++) {
        const wfe_plan_service *plan = services->plans[i];
        int rc = services->options.client(&plan->container, &services->clients[i], err,
                                          services->options.client_user);
        if (rc)
            return rc;
        if (!wfe_client_is_local(services->clients[i])) {
            rc = wfe_error_set(err, WFE_E_INVALID,
                               "service '%s' is to run at containerd %s, must be on this machine",
                               plan->name, services->clients[i]->address);
            wfe_error_hint(err, "services share a network namespace that wfe makes here; reach "
                                "containerd through its unix socket");
            return rc;
        }
    }
    return 0;
}

/* ---- on the way ---- */

static void fail(wfe_services *services, const wfe_error *err)
{
    if (services->failed || services->stopping)
        return;
    services->failed = true;
    services->fns.failed(err, services->user);
}

static void finish_stop(wfe_services *services)
{
    wfe_error error = WFE_ERROR_INIT;
    if (!services->stopping || services->stopped || services->n_open)
        return;
    services->stopped = true;
    wfe_netns_free(services->netns, &error);
    services->netns = NULL;
    services->fns.stopped(error.kind ? &error : NULL, services->user);
}

static void tell_all_ready(wfe_services *services)
{
    if (services->n_ready == services->n && !services->failed && !services->stopping)
        services->fns.ready(services->user);
}

static void on_state(wfe_service *service, enum wfe_service_state state, const wfe_error *err,
                     void *user)
{
    wfe_services *services = user;
    services->fns.state(wfe_service_plan(service), state, err, services->user);
    if (state == WFE_SERVICE_FAILED) {
        fail(services, err);
    } else if (state == WFE_SERVICE_READY) {
        services->n_ready++;
        tell_all_ready(services);
    }
}

static void on_line(wfe_service *service, enum wfe_stream stream, const char *text, size_t len,
                    bool more, void *user)
{
    wfe_services *services = user;
    services->fns.line(wfe_service_plan(service), stream, text, len, more, services->user);
}

static int on_log_size(wfe_service *service, enum wfe_stream stream, uint64_t *ret, wfe_error *err,
                       void *user)
{
    wfe_services *services = user;
    const wfe_past *past = services->options.past;
    *ret = 0;
    return past && past->last_seq && services->fns.log_size
               ? services->fns.log_size(wfe_service_plan(service), stream, ret, err, services->user)
               : 0;
}

static void on_ended(wfe_service *service, const wfe_leftover *left, void *user)
{
    wfe_services *services = user;
    if (left && services->fns.left)
        services->fns.left(left, services->user);
    for (uint32_t i = 0; i < services->n; i++) {
        if (services->list[i] == service)
            services->list[i] = NULL;
    }
    wfe_service_free(service);
    services->n_open--;
    finish_stop(services);
}

static void on_pull(wfe_service *service, const wfe_event *event, void *user)
{
    wfe_services *services = user;
    services->fns.pull(wfe_service_plan(service), event, services->user);
}

static const wfe_service_fns service_fns = {.state = on_state,
                                            .line = on_line,
                                            .pull = on_pull,
                                            .log_size = on_log_size,
                                            .ended = on_ended};

/* What was recorded of the service; NULL: nothing, or its container went with the network. */
static const wfe_past_service *past_of(const wfe_services *services, uint32_t i)
{
    const wfe_past *past = services->options.past;
    for (size_t k = 0; services->adopted && k < past->n_services; k++)
        if (strcmp(past->services[k].name, services->plans[i]->name) == 0)
            return &past->services[k];
    return NULL;
}

/* Nobody knows how it ended. Before it was ready nothing depended on it yet. */
static bool is_lost(const wfe_past_service *past)
{
    return past->found == WFE_PAST_FOUND_LOST && past->state == WFE_SERVICE_READY;
}

/* It goes on, or is over; false: it starts. */
static bool was_over(wfe_services *services, uint32_t i)
{
    const wfe_past_service *past = past_of(services, i);
    wfe_error error = WFE_ERROR_INIT;
    if (!past)
        return false;
    if (past->state == WFE_SERVICE_STOPPED || past->state == WFE_SERVICE_FAILED) {
        services->n_ready++; /* what follows from it is recorded */
        return true;
    }
    if (!is_lost(past))
        return false;
    wfe_error_set(&error, WFE_E_UNAVAILABLE,
                  "the container of service '%s' is gone: it ended while no wfe looked after it",
                  services->plans[i]->name);
    services->fns.state(services->plans[i], WFE_SERVICE_FAILED, &error, services->user);
    fail(services, &error);
    return true;
}

static void start_one(wfe_services *services, uint32_t i)
{
    wfe_error error = WFE_ERROR_INIT;
    const wfe_past_service *past = past_of(services, i);
    const wfe_service_options options = {
        .keeper = services->options.keeper,
        .adopt = past && past->found == WFE_PAST_FOUND_IT,
        .state = past ? past->state : WFE_SERVICE_STARTING,
        .plan = services->plans[i],
        .client = services->clients[i],
        .run_id = services->options.run_id,
        .mask = services->options.mask,
        .registry = services->options.registry,
        .netns = wfe_netns_path(services->netns),
        .env = &services->env,
        .hosts = wfe_services_hosts(services),
    };
    if (wfe_service_start(&options, &service_fns, services, &services->list[i], &error)) {
        services->fns.state(services->plans[i], WFE_SERVICE_FAILED, &error, services->user);
        fail(services, &error);
        return;
    }
    services->n_open++;
    if (options.adopt && options.state == WFE_SERVICE_READY)
        services->n_ready++;
    if (past && services->fns.recorded)
        services->fns.recorded(services->plans[i], past->state, services->user);
}

/* Those that another process has left are taken over also when the run is at its end already, or
 * one of them has failed: somebody has to stop them. */
static void start_all(wfe_services *services)
{
    for (uint32_t i = 0; i < services->n && !services->stopping; i++)
        if (!past_of(services, i))
            services->fns.state(services->plans[i], WFE_SERVICE_STARTING, NULL, services->user);
    for (uint32_t i = 0; i < services->n; i++) {
        const wfe_past_service *past = past_of(services, i);
        if (was_over(services, i))
            continue;
        if ((!services->failed && !services->stopping) ||
            (past && past->found == WFE_PAST_FOUND_IT))
            start_one(services, i);
        else if (past)
            services->fns.state(services->plans[i], WFE_SERVICE_STOPPED, NULL, services->user);
        if (services->stopping && services->list[i])
            wfe_service_stop(services->list[i], services->killing);
    }
    if (services->adopted)
        tell_all_ready(services);
}

static void on_netns(const wfe_error *err, void *user)
{
    wfe_services *services = user;
    if (err->kind)
        fail(services, err);
    else if (!services->stopping)
        start_all(services);
}

static void on_later(void *user)
{
    wfe_services *services = user;
    if (services->adopted && !services->begun) {
        services->begun = true;
        start_all(services);
    }
    finish_stop(services);
}

/* ---- from outside ---- */

void wfe_services_stop(wfe_services *services, bool kill)
{
    if (services->stopped)
        return;
    services->stopping = true;
    services->killing = services->killing || kill;
    for (uint32_t i = 0; i < services->n; i++) {
        if (services->list[i])
            wfe_service_stop(services->list[i], kill);
    }
    wfe_timer_start(services->later, 0);
}

void wfe_services_free(wfe_services *services)
{
    if (!services)
        return;
    for (uint32_t i = 0; i < services->n; i++)
        wfe_service_free(services->list[i]);
    wfe_netns_free(services->netns, NULL);
    wfe_netns_leave(services->options.netns);
    wfe_timer_free(services->later);
    wfe_strv_free(services->hosts);
    wfe_strmap_done(&services->env);
    free(services->network);
    free(services);
}

static int name_network(const wfe_client *client, const char *run_id, char dir[PATH_MAX],
                        char name[WFE_ID_CONTAINER_SIZE], wfe_error *err)
{
    if (snprintf(dir, PATH_MAX, "%s/" WFE_NETNS_FOLDER, client->io_dir) >= PATH_MAX)
        return wfe_error_set(err, WFE_E_LIMIT, "the I/O folder's path is too long");
    wfe_id_container(name, run_id, "network", 1);
    return 0;
}

int wfe_services_adopt_network(const wfe_client *client, const char *run_id, wfe_netns **ret,
                               wfe_error *err)
{
    char dir[PATH_MAX], name[WFE_ID_CONTAINER_SIZE];
    wfe_error problem = WFE_ERROR_INIT;
    int rc = name_network(client, run_id, dir, name, err);
    if (!rc && wfe_netns_adopt(dir, name, ret, &problem) && problem.kind != WFE_E_NOT_FOUND)
        rc = wfe_error_copy(err, &problem);
    return rc;
}

/* Ready to be told of by the loop, as when it is made. */
static int take_network(wfe_services *services, wfe_error *err)
{
    services->netns = wfe_take(services->options.netns);
    services->adopted = true;
    if (asprintf(&services->network, "ns:%s", wfe_netns_path(services->netns)) < 0) {
        services->network = NULL;
        return wfe_error_nomem(err);
    }
    wfe_timer_start(services->later, 0);
    return 0;
}

static int make_network(wfe_services *services, wfe_error *err)
{
    char dir[PATH_MAX], name[WFE_ID_CONTAINER_SIZE];
    if (services->options.netns)
        return take_network(services, err);
    int rc = name_network(services->clients[0], services->options.run_id, dir, name, err);
    if (rc)
        return rc;
    rc = wfe_netns_make(services->options.loop, dir, name, on_netns, services, &services->netns,
                        err);
    if (!rc && asprintf(&services->network, "ns:%s", wfe_netns_path(services->netns)) < 0) {
        services->network = NULL;
        rc = wfe_error_nomem(err);
    }
    return rc;
}

int wfe_services_start(const wfe_services_options *options, const wfe_services_fns *fns, void *user,
                       wfe_services **ret, wfe_error *err)
{
    wfe_services *services = calloc(1, sizeof *services);
    if (!services)
        return wfe_error_nomem(err);
    services->options = *options;
    services->fns = *fns;
    services->user = user;
    int rc = collect(services, err);
    if (!rc && !services->n)
        rc = wfe_error_set(err, WFE_E_INVALID, "the run has no services");
    if (!rc)
        rc = describe(services, err);
    if (!rc)
        rc = find_clients(services, err);
    if (!rc)
        rc = wfe_timer_new(options->loop, on_later, services, &services->later, err);
    if (!rc)
        rc = make_network(services, err);
    if (rc) {
        wfe_services_free(services);
        return rc;
    }
    *ret = services;
    return 0;
}

const char *wfe_services_network(const wfe_services *services)
{
    return services->network;
}

const char *const *wfe_services_hosts(const wfe_services *services)
{
    return (const char *const *)services->hosts;
}

const wfe_strmap *wfe_services_env(const wfe_services *services)
{
    return &services->env;
}
