/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strv.h"
#include "base/utf8.h"
#include "engine/service_priv.h"
#include "engine/step_name.h"
#include "step/durable.h"

/* No step can have such a name, so that no container has the same id. */
/* A step that is being launched is not killed by the first request. */
#define KILL_AGAIN_MS 200

void wfe_service_enter(wfe_service *service, enum wfe_service_state state, const wfe_error *err)
{
    service->state = state;
    service->fns.state(service, state, err, service->user);
}

void wfe_service_fail(wfe_service *service, const wfe_error *err)
{
    wfe_service_probe_stop(service);
    wfe_service_stop(service, false);
    wfe_service_enter(service, WFE_SERVICE_FAILED, err);
}

static bool has_ended_for_the_run(const wfe_service *service)
{
    return service->state == WFE_SERVICE_FAILED || service->state == WFE_SERVICE_STOPPED;
}

/* ---- its output ---- */

/* But for what was told by another process. */
static void tell_line(struct wfe_service_stream *stream, const char *text, size_t len, bool more)
{
    wfe_service *service = stream->service;
    uint64_t bytes = len + !more;
    stream->passed += bytes;
    if (stream->skip && stream->skip >= bytes) {
        stream->skip -= bytes;
        return;
    }
    size_t skipped = stream->skip < len ? (size_t)stream->skip : len;
    stream->skip = 0;
    service->fns.line(service, stream->stream, text + skipped, len - skipped, more, service->user);
}

static void on_line(const char *text, size_t len, bool more, void *user)
{
    struct wfe_service_stream *stream = user;
    wfe_service *service = stream->service;
    size_t kept = len < WFE_SERVICE_TAIL_BYTES ? len : WFE_SERVICE_TAIL_BYTES;
    char *tail = service->tail[service->n_tail++ % WFE_SERVICE_TAIL_LINES];
    if (kept)
        memcpy(tail, text, kept);
    tail[kept] = '\0';
    tell_line(stream, text, len, more);
    wfe_service_probe_line(service, text, len);
}

static bool on_settled(enum wfe_stream which, uint64_t *ret_passed, void *user)
{
    const wfe_service *service = user;
    const struct wfe_service_stream *stream = &service->streams[which == WFE_STDERR];
    *ret_passed = stream->passed;
    return !stream->skip && wfe_lines_is_idle(service->lines[which == WFE_STDERR]);
}

/* The log may have more than was noted. */
static void on_found(enum wfe_stream which, uint64_t passed, void *user)
{
    wfe_service *service = user;
    struct wfe_service_stream *stream = &service->streams[which == WFE_STDERR];
    wfe_error error = WFE_ERROR_INIT;
    uint64_t size = 0;
    stream->passed = passed;
    if (service->fns.log_size &&
        service->fns.log_size(service, which, &size, &error, service->user))
        return; /* whoever keeps the log deals with that */
    stream->skip = size > passed ? size - passed : 0;
}

static void on_output(enum wfe_stream stream, const void *bytes, size_t len, void *user)
{
    wfe_service *service = user;
    wfe_error error = WFE_ERROR_INIT;
    if (wfe_lines_feed(service->lines[stream == WFE_STDERR], bytes, len, &error) &&
        !has_ended_for_the_run(service))
        wfe_service_fail(service, &error);
}

static void on_pull(const wfe_image_pull_progress *progress, void *user)
{
    wfe_service *service = user;
    wfe_event event = {0};
    if (wfe_pulling_tell(&service->pulling, progress, &event))
        service->fns.pull(service, &event, service->user);
}

/* " | "-separated, since an error is one line. */
static void add_tail(const wfe_service *service, wfe_error *err)
{
    char text[WFE_SERVICE_TAIL_LINES * (WFE_SERVICE_TAIL_BYTES + 4)] = "";
    unsigned n =
        service->n_tail < WFE_SERVICE_TAIL_LINES ? service->n_tail : WFE_SERVICE_TAIL_LINES;
    size_t len = 0;
    for (unsigned i = service->n_tail - n; i != service->n_tail; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%s", len ? " | " : "",
                                service->tail[i % WFE_SERVICE_TAIL_LINES]);
    _cleanup_free_ char *clean = NULL;
    if (!len || wfe_utf8_clean(text, len, &clean, NULL, NULL))
        return;
    wfe_error whole = *err;
    whole.kind = 0;
    wfe_error_set(&whole, err->kind, "%s; its last lines: %s", err->message, clean);
    *err = whole;
}

/* ---- its end ---- */

static void explain_end(const wfe_service *service, const wfe_step_result *result, wfe_error *err)
{
    const char *name = service->options.plan->name;
    const char *when =
        service->state == WFE_SERVICE_READY ? "before the run did" : "before it was ready";
    if (wfe_step_result_out_of_memory(result))
        wfe_error_set(err, WFE_E_LIMIT, "service '%s' ran out of memory %s", name, when);
    else
        wfe_error_set(err, WFE_E_UNAVAILABLE, "service '%s' ended with exit code %d %s", name,
                      wfe_step_result_exit_code(result), when);
    add_tail(service, err);
}

static void on_step_done(wfe_step_result *result, const wfe_error *err, void *user)
{
    wfe_service *service = user;
    wfe_error error = *err;
    service->step = NULL;
    wfe_service_probe_stop(service);
    wfe_timer_stop(service->killer);
    for (int i = 0; i < 2; i++)
        wfe_lines_finish(service->lines[i], NULL);
    if (!has_ended_for_the_run(service)) {
        if (result && !service->stopping)
            explain_end(service, result, &error);
        else if (error.kind)
            wfe_error_prefix(&error, "service '%s'", service->options.plan->name);
        wfe_service_enter(service, error.kind ? WFE_SERVICE_FAILED : WFE_SERVICE_STOPPED,
                          error.kind ? &error : NULL);
    }
    wfe_step_result_free(result);
    wfe_leftover left = {.client = service->options.client};
    memcpy(left.id, service->id, sizeof left.id);
    service->fns.ended(service, service->durable ? &left : NULL, service->user);
}

static void kill_again(void *user)
{
    wfe_service *service = user;
    if (!service->step)
        return;
    wfe_step_cancel(service->step);
    wfe_timer_start(service->killer, KILL_AGAIN_MS);
}

void wfe_service_stop(wfe_service *service, bool kill)
{
    if (!service->step)
        return;
    if (!service->stopping) {
        service->stopping = true;
        wfe_service_probe_stop(service);
        wfe_step_cancel(service->step);
    }
    if (kill && !service->killing) {
        service->killing = true;
        kill_again(service);
    }
}

/* ---- its beginning ---- */

static void on_started(void *user)
{
    wfe_service *service = user;
    if (service->stopping || has_ended_for_the_run(service) || service->state == WFE_SERVICE_READY)
        return;
    if (service->state != WFE_SERVICE_RUNNING)
        wfe_service_enter(service, WFE_SERVICE_RUNNING, NULL);
    if (service->state == WFE_SERVICE_RUNNING && !service->stopping)
        wfe_service_probe_begin(service);
}

/* "KEY=VALUE"s of the run's services, then its own. Free with wfe_strv_free. */
static int build_env(const wfe_service *service, char ***ret, wfe_error *err)
{
    const wfe_strmap *shared = service->options.env;
    const char *const *own = service->options.plan->container.options.env;
    _cleanup_(wfe_strv_free_p) char **env =
        calloc(shared->len + wfe_strv_length(own) + 1, sizeof *env);
    if (!env)
        return wfe_error_nomem(err);
    size_t n = 0;
    for (size_t i = 0; i < shared->len; i++, n++) {
        if (asprintf(&env[n], "%s=%s", shared->items[i].key, shared->items[i].value) < 0) {
            env[n] = NULL;
            return wfe_error_nomem(err);
        }
    }
    for (size_t i = 0; own && own[i]; i++, n++) {
        env[n] = strdup(own[i]);
        if (!env[n])
            return wfe_error_nomem(err);
    }
    *ret = wfe_take(env);
    return 0;
}

static int start_step(wfe_service *service, wfe_error *err)
{
    const wfe_service_options *o = &service->options;
    _cleanup_(wfe_strv_free_p) char **env = NULL;
    _cleanup_free_ char *network = NULL;
    int rc = build_env(service, &env, err);
    if (rc)
        return rc;
    if (asprintf(&network, "ns:%s", o->netns) < 0) {
        network = NULL;
        return wfe_error_nomem(err);
    }
    wfe_step_options step = o->plan->container.options;
    step.size = sizeof step;
    step.env = (const char *const *)env;
    step.network = network;
    step.extra_hosts = o->hosts;
    step.user = step.user ? step.user : "image";
    step.name = service->name;
    step.run_id = o->run_id;
    step.attempt = 1;
    step.output_limit_bytes = 1;
    step.on_output = on_output;
    step.on_output_user = service;
    step.on_pull = on_pull;
    step.on_pull_user = service;
    step.on_started = on_started;
    step.on_started_user = service;
    step.is_joined = o->plan->probe == WFE_PLAN_PROBE_EXEC;
    rc = wfe_pulling_init(&service->pulling, o->registry, &o->plan->container, &step, err);
    const wfe_step_durable durable = {.adopt = o->adopt,
                                      .keeper = o->keeper,
                                      .settled = on_settled,
                                      .found = on_found,
                                      .user = service};
    service->durable = o->adopt || o->keeper;
    return rc ? rc
              : wfe_step_start_durable(o->client, &step, service->durable ? &durable : NULL,
                                       on_step_done, service, &service->step, err);
}

/* Every life of a service is in the same log. */
static int find_begin(struct wfe_service_stream *stream, wfe_error *err)
{
    wfe_service *service = stream->service;
    if (service->options.adopt || !service->fns.log_size)
        return 0; /* on_found tells */
    return service->fns.log_size(service, stream->stream, &stream->passed, err, service->user);
}

int wfe_service_start(const wfe_service_options *options, const wfe_service_fns *fns, void *user,
                      wfe_service **ret, wfe_error *err)
{
    wfe_service *service = calloc(1, sizeof *service);
    if (!service)
        return wfe_error_nomem(err);
    service->options = *options;
    service->fns = *fns;
    service->user = user;
    service->state = options->adopt ? options->state : WFE_SERVICE_STARTING;
    wfe_engine_service_name(options->plan->name, service->name);
    wfe_id_container(service->id, options->run_id, service->name, 1);
    int rc = wfe_service_probe_init(service, err);
    for (int i = 0; !rc && i < 2; i++) {
        service->streams[i].service = service;
        service->streams[i].stream = i ? WFE_STDERR : WFE_STDOUT;
        rc = wfe_lines_new(options->mask, on_line, &service->streams[i], &service->lines[i], err);
        if (!rc)
            rc = find_begin(&service->streams[i], err);
    }
    if (!rc)
        rc = wfe_timer_new(options->client->loop, kill_again, service, &service->killer, err);
    if (!rc) {
        rc = start_step(service, err);
        if (rc)
            wfe_error_prefix(err, "service '%s'", options->plan->name);
    }
    if (rc) {
        wfe_service_free(service);
        return rc;
    }
    *ret = service;
    return 0;
}

void wfe_service_free(wfe_service *service)
{
    if (!service)
        return;
    wfe_service_probe_done(service);
    wfe_timer_free(service->killer);
    wfe_pulling_done(&service->pulling);
    wfe_lines_free(service->lines[0]);
    wfe_lines_free(service->lines[1]);
    free(service);
}

const wfe_plan_service *wfe_service_plan(const wfe_service *service)
{
    return service->options.plan;
}
