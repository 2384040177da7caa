/* SPDX-License-Identifier: Apache-2.0
 *
 * A run and its services: they start before its first step and are stopped after its last hook.
 * What they tell becomes events of the run; one that fails before all are ready keeps the steps
 * from starting, one that fails later ends the run as error_behavior terminate would.
 */
#include "engine/run_services.h"

#include <string.h>

#include "base/clock.h"
#include "engine/run_priv.h"
#include "engine/services.h"
#include "engine/step_name.h"

static void on_state(const wfe_plan_service *service, enum wfe_service_state state,
                     const wfe_error *err, void *user)
{
    wfe_event event = {
        .kind = WFE_EVENT_SERVICE,
        .service = service->name,
        .service_state = state,
        .exit_code = -1,
        .error = err && err->kind ? err : NULL,
    };
    wfe_journal_put(user, &event, 0);
    wfe_run_turn_soon(user);
}

static void on_recorded(const wfe_plan_service *service, enum wfe_service_state state, void *user)
{
    wfe_event event = {
        .kind = WFE_EVENT_SERVICE,
        .service = service->name,
        .service_state = state,
        .exit_code = -1,
        .at_us = wfe_clock_wall_us(),
    };
    wfe_journal_tell_again(user, &event);
}

/* Its log is that of an only attempt, whenever it begins anew. */
static void log_line(wfe_engine_run *run, const wfe_plan_service *service, enum wfe_stream stream,
                     const char *text, size_t len, bool more)
{
    wfe_recorder *recorder = run->journal.recorder;
    wfe_error error = WFE_ERROR_INIT;
    char name[WFE_ENGINE_SERVICE_NAME_SIZE], line[WFE_EVENT_LINE_BYTES + 1];
    if (!recorder->log || run->broken || len > WFE_EVENT_LINE_BYTES)
        return;
    if (len)
        memcpy(line, text, len);
    if (!more)
        line[len++] = '\n';
    wfe_engine_service_name(service->name, name);
    if (recorder->log(recorder, name, 1, stream, line, len, &error))
        wfe_run_break(run, &error);
}

static void on_line(const wfe_plan_service *service, enum wfe_stream stream, const char *text,
                    size_t len, bool more, void *user)
{
    wfe_event event = {
        .kind = WFE_EVENT_OUTPUT,
        .service = service->name,
        .stream = stream,
        .exit_code = -1,
        .text = text,
        .text_len = len,
        .more = more,
    };
    log_line(user, service, stream, text, len, more);
    wfe_journal_tell(user, &event);
}

static int on_log_size(const wfe_plan_service *service, enum wfe_stream stream, uint64_t *ret,
                       wfe_error *err, void *user)
{
    wfe_engine_run *run = user;
    wfe_recorder *recorder = run->journal.recorder;
    char name[WFE_ENGINE_SERVICE_NAME_SIZE];
    wfe_engine_service_name(service->name, name);
    *ret = 0;
    int rc = recorder->log_size ? recorder->log_size(recorder, name, 1, stream, ret, err) : 0;
    if (rc)
        wfe_run_break(run, err);
    return rc;
}

static void on_left(const wfe_leftover *left, void *user)
{
    wfe_journal_leave(user, left);
}

static void on_pull(const wfe_plan_service *service, const wfe_event *given, void *user)
{
    wfe_event event = *given;
    event.service = service->name;
    wfe_journal_tell(user, &event);
}

static void on_ready(void *user)
{
    wfe_engine_run *run = user;
    wfe_error error = WFE_ERROR_INIT;
    for (size_t i = 0; i < wfe_services_env(run->services)->len; i++) {
        const wfe_pair *pair = &wfe_services_env(run->services)->items[i];
        if (wfe_strmap_set(&run->context.service_env, pair->key, pair->value, &error)) {
            wfe_run_break(run, &error);
            return;
        }
    }
    run->context.network = wfe_services_network(run->services);
    run->context.hosts = wfe_services_hosts(run->services);
    wfe_run_is_set_up(run, &error);
}

static void on_failed(const wfe_error *err, void *user)
{
    wfe_engine_run *run = user;
    wfe_error none = WFE_ERROR_INIT;
    if (!run->main && run->past->running.wall_us) {
        run->service_error = *err; /* its steps had begun */
        wfe_run_is_set_up(run, &none);
    } else if (!run->main) {
        wfe_run_is_set_up(run, err);
    } else {
        wfe_frame_fail(run->main, err);
    }
}

static void on_stopped(const wfe_error *err, void *user)
{
    wfe_engine_run *run = user;
    if (err && err->kind)
        wfe_run_warn(run, NULL, "%s", err->message);
    run->context.network = NULL;
    run->context.hosts = NULL;
    wfe_services_free(run->services);
    run->services = NULL;
    wfe_run_services_stopped(run);
}

static int find_client(const wfe_plan_container *container, wfe_client **ret, wfe_error *err,
                       void *user)
{
    wfe_engine_run *run = user;
    return wfe_context_client(&run->context, container, ret, err);
}

int wfe_run_services_start(wfe_engine_run *run, wfe_error *err)
{
    static const wfe_services_fns fns = {
        .state = on_state,
        .line = on_line,
        .pull = on_pull,
        .ready = on_ready,
        .failed = on_failed,
        .stopped = on_stopped,
        .log_size = on_log_size,
        .left = on_left,
        .recorded = on_recorded,
    };
    const wfe_services_options options = {
        .loop = run->loop,
        .plan = run->plan,
        .run_id = run->context.run_id,
        .mask = run->context.mask,
        .registry = run->context.registry,
        .client = find_client,
        .client_user = run,
        .keeper = run->context.keeper,
        .past = run->past,
        .netns = wfe_take(run->netns),
    };
    return wfe_services_start(&options, &fns, run, &run->services, err);
}

bool wfe_run_services_stop(wfe_engine_run *run, bool kill)
{
    if (!run->services)
        return false;
    wfe_services_stop(run->services, kill);
    return true;
}
