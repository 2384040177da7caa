/* SPDX-License-Identifier: Apache-2.0
 *
 * Before a run goes on: what its last process has left in containerd. An attempt that was under way
 * is found there, or was never started, or is lost. Everything else that carries the name of an
 * attempt of this run is of one whose end is recorded, or that was never started, and is removed.
 */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "containerd/wfe_client.h"
#include "engine/run_priv.h"
#include "engine/services.h"
#include "engine/step_name.h"
#include "step/durable.h"

/* Of one step; those before it have been looked at when they were the last. */
#define ATTEMPTS_TO_LOOK_AT 64U

#define SETTLE_MS 500

typedef struct garbage {
    wfe_client *client;
    char *id;
} garbage;

typedef struct look {
    wfe_engine_run *run;
    garbage *list;
    size_t n;
    size_t cap;
    bool was_launching;          /* something was being made when that process ended */
    const wfe_client *hidden_of; /* whose I/O folder hidden is about */
    json_t *hidden;
} look;

static int add(look *l, wfe_client *client, const char *id, wfe_error *err)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 16;
        garbage *larger = realloc(l->list, cap * sizeof *larger);
        if (!larger)
            return wfe_error_nomem(err);
        l->list = larger;
        l->cap = cap;
    }
    l->list[l->n] = (garbage){.client = client, .id = strdup(id)};
    return l->list[l->n++].id ? 0 : wfe_error_nomem(err);
}

/* A folder that was being removed has the container's id behind that of who did it. */
static int find_hidden(look *l, const wfe_client *client, wfe_error *err)
{
    if (l->hidden_of == client)
        return 0;
    json_decref(l->hidden);
    l->hidden_of = client;
    l->hidden = json_object();
    int rc = l->hidden ? 0 : wfe_error_nomem(err);
    DIR *dir = rc ? NULL : opendir(client->io_dir);
    for (const struct dirent *item; dir && !rc && (item = readdir(dir));) {
        const char *mark = item->d_name[0] == '.' ? strrchr(item->d_name, '@') : NULL;
        if (mark && json_object_set_new(l->hidden, mark + 1, json_true()))
            rc = wfe_error_nomem(err);
    }
    if (dir)
        closedir(dir);
    return rc;
}

static int is_there(look *l, const wfe_client *client, const char *id, bool *ret, wfe_error *err)
{
    char path[PATH_MAX];
    int rc = find_hidden(l, client, err);
    *ret = !rc && (json_object_get(l->hidden, id) ||
                   (snprintf(path, sizeof path, "%s/%s", client->io_dir, id) < (int)sizeof path &&
                    access(path, F_OK) == 0));
    return rc;
}

static int add_if_there(look *l, wfe_client *client, const char *id, wfe_error *err)
{
    bool there = false;
    int rc = is_there(l, client, id, &there, err);
    return there ? add(l, client, id, err) : rc;
}

static int find(look *l, wfe_client *client, const char *id, enum wfe_past_found *ret,
                wfe_error *err)
{
    static const enum wfe_past_found words[] = {
        [WFE_STEP_FOUND_NOTHING] = WFE_PAST_FOUND_NOTHING,
        [WFE_STEP_FOUND_IT] = WFE_PAST_FOUND_IT,
        [WFE_STEP_FOUND_LOST] = WFE_PAST_FOUND_LOST,
    };
    enum wfe_step_found found = WFE_STEP_FOUND_LOST;
    int rc = wfe_step_find(client, id, &found, err);
    if (rc)
        return rc;
    *ret = words[found];
    bool there = false;
    if (found == WFE_STEP_FOUND_NOTHING)
        rc = is_there(l, client, id, &there, err);
    l->was_launching = l->was_launching || there;
    return rc || found == WFE_STEP_FOUND_IT ? rc : add(l, client, id, err);
}

static bool is_container(const wfe_engine_run *run, const wfe_past_entry *entry)
{
    return entry->plan_step != WFE_PLAN_NONE && entry->attempt &&
           run->plan->steps[entry->plan_step].type == WFE_PLAN_STEP_CONTAINERD &&
           !wfe_past_is_composite(run->past, entry);
}

static int look_at_step(look *l, wfe_past_entry *entry, wfe_error *err)
{
    wfe_engine_run *run = l->run;
    char name[WFE_ENGINE_STEP_NAME_SIZE], id[WFE_ID_CONTAINER_SIZE];
    wfe_client *client = NULL;
    int rc = wfe_context_client(&run->context, run->plan->steps[entry->plan_step].config.container,
                                &client, err);
    uint32_t first =
        entry->attempt > ATTEMPTS_TO_LOOK_AT ? entry->attempt - ATTEMPTS_TO_LOOK_AT + 1 : 1;
    wfe_engine_step_name(entry->path, name);
    for (uint32_t attempt = first; !rc && attempt <= entry->attempt; attempt++) {
        wfe_id_container(id, run->context.run_id, name, attempt);
        if (attempt == entry->attempt && entry->state == WFE_STEP_IS_RUNNING)
            rc = find(l, client, id, &entry->found, err);
        else
            rc = add_if_there(l, client, id, err);
    }
    /* A restart of the machine empties the folders, mostly: then no trace proves nothing. */
    if (entry->found == WFE_PAST_FOUND_NOTHING && !entry->attempt_began.boot_us)
        entry->found = WFE_PAST_FOUND_LOST;
    return rc;
}

static const wfe_plan_service *plan_of(const wfe_plan *plan, const char *name)
{
    for (uint32_t i = 0; i < plan->n_workflows; i++)
        for (uint32_t k = 0; k < plan->workflows[i].n_services; k++)
            if (strcmp(plan->workflows[i].services[k].name, name) == 0)
                return &plan->workflows[i].services[k];
    return NULL;
}

static int look_at_service(look *l, wfe_past_service *service, wfe_error *err)
{
    wfe_engine_run *run = l->run;
    char name[WFE_ENGINE_SERVICE_NAME_SIZE], id[WFE_ID_CONTAINER_SIZE];
    const wfe_plan_service *plan = plan_of(run->plan, service->name);
    wfe_client *client = NULL;
    if (!plan)
        return 0;
    int rc = wfe_context_client(&run->context, &plan->container, &client, err);
    if (rc)
        return rc;
    wfe_engine_service_name(service->name, name);
    wfe_id_container(id, run->context.run_id, name, 1);
    bool over = service->state == WFE_SERVICE_STOPPED || service->state == WFE_SERVICE_FAILED;
    if (!over && run->netns && !wfe_run_setup_failure(run))
        return find(l, client, id, &service->found, err);
    return over ? add_if_there(l, client, id, err) : add(l, client, id, err);
}

/* The network of the services, whether any of them was recorded or not. */
static int look_at_network(wfe_engine_run *run, wfe_error *err)
{
    const wfe_plan_service *service = NULL;
    wfe_client *client = NULL;
    for (uint32_t i = 0; !service && i < run->plan->n_workflows; i++)
        if (run->plan->workflows[i].n_services)
            service = &run->plan->workflows[i].services[0];
    if (!service || !wfe_services_needed(run->plan))
        return 0;
    int rc = wfe_context_client(&run->context, &service->container, &client, err);
    return rc ? rc : wfe_services_adopt_network(client, run->context.run_id, &run->netns, err);
}

static void on_settled(void *user)
{
    *(bool *)user = true;
}

/* containerd may still be at work for the process that was killed: a task that it makes while its
 * container is removed leaves a shim behind that nobody can find any more. */
static int let_settle(const look *l, wfe_error *err)
{
    wfe_timer *timer = NULL;
    bool done = false;
    if (!l->was_launching)
        return 0;
    int rc = wfe_timer_new(l->run->loop, on_settled, &done, &timer, err);
    if (rc)
        return rc;
    wfe_timer_start(timer, SETTLE_MS);
    rc = wfe_loop_run_until(l->run->loop, &done, err);
    wfe_timer_free(timer);
    return rc;
}

/* All of one client at once. */
static int remove_garbage(look *l, wfe_error *err)
{
    _cleanup_free_ const char **ids = calloc(l->n ? l->n : 1, sizeof *ids);
    int rc = ids ? 0 : wfe_error_nomem(err);
    for (size_t i = 0; !rc && i < l->n; i++) {
        wfe_client *client = l->list[i].client;
        size_t n = 0;
        for (size_t k = i; client && k < l->n; k++) {
            if (l->list[k].client != client)
                continue;
            ids[n++] = l->list[k].id;
            l->list[k].client = NULL;
        }
        if (n)
            rc = wfe_step_remove_left_overs(client, ids, n, err);
    }
    return rc;
}

int wfe_look_back(wfe_engine_run *run, wfe_error *err)
{
    look l = {.run = run};
    int rc = 0;
    for (wfe_past_entry *entry = run->past->first; !rc && entry; entry = entry->next)
        if (is_container(run, entry))
            rc = look_at_step(&l, entry, err);
    if (!rc)
        rc = look_at_network(run, err);
    for (size_t i = 0; !rc && i < run->past->n_services; i++)
        rc = look_at_service(&l, &run->past->services[i], err);
    if (!rc)
        rc = let_settle(&l, err);
    if (!rc)
        rc = remove_garbage(&l, err);
    for (size_t i = 0; i < l.n; i++)
        free(l.list[i].id);
    free(l.list);
    json_decref(l.hidden);
    return rc;
}
