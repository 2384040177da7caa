/* SPDX-License-Identifier: Apache-2.0
 *
 * The services of a run, those of the workflows that it calls included, share one network and one
 * set of variables: what two of them cannot both have.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "workflow/loader.h"

typedef struct meeting {
    wfe_loader *l;
    const wfe_plan_service *services[WFE_LOAD_MAX_SERVICES];
    uint32_t n;
} meeting;

/* Workflows that a run of the main one may call. */
static bool *find_called(const wfe_loader *l)
{
    bool *called = calloc(l->n_workflows + 1, sizeof *called);
    bool more = called != NULL;
    if (called)
        called[l->main] = true;
    while (more) {
        more = false;
        for (uint32_t i = 0; i < l->n_steps; i++) {
            const wfe_plan_call *call = l->step_sources[i].call;
            if (!call || call->workflow == WFE_PLAN_NONE || !called[l->steps[i].workflow] ||
                called[call->workflow])
                continue;
            called[call->workflow] = more = true;
        }
    }
    return called;
}

static wfe_mark mark_of(const wfe_plan_service *service)
{
    return (wfe_mark){.pos = service->pos, .length = (uint32_t)strlen(service->name)};
}

/* As parts of variables: capitals, and "_" for what is no letter or digit. */
static bool is_same_variable(const char *a, const char *b)
{
    for (; *a && *b; a++, b++) {
        int x = isalnum((unsigned char)*a) ? toupper((unsigned char)*a) : '_';
        int y = isalnum((unsigned char)*b) ? toupper((unsigned char)*b) : '_';
        if (x != y)
            return false;
    }
    return !*a && !*b;
}

static bool check_ports(wfe_loader *l, const wfe_plan_service *a, const wfe_plan_service *b)
{
    for (uint32_t i = 0; i < a->n_ports; i++) {
        for (uint32_t k = 0; k < b->n_ports; k++) {
            if (a->ports[i] != b->ports[k])
                continue;
            wfe_diagnose_warning(l->list, mark_of(b), "services '%s' and '%s' both have port %u",
                                 a->name, b->name, a->ports[i]);
            wfe_diagnose_hint(l->list, "all services of a run share one network, as in a pod");
            return true;
        }
    }
    return true;
}

/* False after telling that they cannot be in one run. */
static bool check_pair(wfe_loader *l, const wfe_plan_service *a, const wfe_plan_service *b)
{
    if (strcmp(a->name, b->name) == 0)
        wfe_diagnose_error(l->list, mark_of(b),
                           "two workflows of the run have a service '%s', and all services of a "
                           "run share one network",
                           b->name);
    else if (is_same_variable(a->name, b->name))
        wfe_diagnose_error(l->list, mark_of(b), "services '%s' and '%s' have the same variables",
                           a->name, b->name);
    else
        return check_ports(l, a, b);
    return false;
}

static void add(meeting *m, const wfe_plan_service *service)
{
    bool ok = true;
    for (uint32_t i = 0; ok && i < m->n; i++)
        ok = check_pair(m->l, m->services[i], service);
    if (m->n < WFE_LOAD_MAX_SERVICES)
        m->services[m->n++] = service;
    else
        wfe_diagnose_error(m->l->list, mark_of(service), "a run may have at most %d services",
                           WFE_LOAD_MAX_SERVICES);
}

int wfe_load_together(wfe_loader *l)
{
    _cleanup_free_ bool *called = find_called(l);
    meeting m = {.l = l};
    if (!called)
        return wfe_error_nomem(l->err);
    for (uint32_t i = 0; i < l->n_workflows; i++) {
        for (uint32_t k = 0; called[i] && k < l->workflows[i].n_services; k++) {
            if (l->workflows[i].services[k].name)
                add(&m, &l->workflows[i].services[k]);
        }
    }
    return 0;
}
