/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether a service is ready. One probe at a time. At the beginning they follow each other quickly,
 * since most services need less than an interval; of these, only as many count as failed as there
 * have been intervals, so that `retries` means the same with a service that is slow to start.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "engine/service_priv.h"
#include "net/probe.h"

#define FIRST_PAUSE_MS 50
/* One that hangs does not use up the whole time. */
#define PROBE_MIN_MS 5000
/* Bytes of a line that are searched for the pattern. */
#define MATCH_MAX_BYTES ((size_t)4096)

static void probe(void *user);

static uint64_t left_ms(const wfe_service *service)
{
    uint64_t used_ms = (wfe_clock_monotonic_us() - service->began_us) / 1000;
    uint64_t all_ms = service->options.plan->probe_timeout_ms;
    return used_ms < all_ms ? all_ms - used_ms : 0;
}

static void be_ready(wfe_service *service)
{
    wfe_service_probe_stop(service);
    wfe_service_enter(service, WFE_SERVICE_READY, NULL);
}

static void give_up(wfe_service *service, const char *format, unsigned long long number)
{
    wfe_error error = WFE_ERROR_INIT;
    char why[96];
    snprintf(why, sizeof why, format, number);
    const char *last = service->last_probe.message;
    wfe_error_set(&error, WFE_E_TIMEOUT, "service '%s' is not ready %s%s%s",
                  service->options.plan->name, why, *last ? ": " : "", last);
    wfe_service_fail(service, &error);
}

static void on_deadline(void *user)
{
    wfe_service *service = user;
    wfe_error none = WFE_ERROR_INIT;
    if (service->options.plan->probe == WFE_PLAN_PROBE_LOG) {
        wfe_error_set(&none, WFE_E_TIMEOUT, "no line of its output matches '%s'",
                      service->options.plan->probe_pattern);
        service->last_probe = none;
    }
    give_up(service, "after %llu ms", (unsigned long long)service->options.plan->probe_timeout_ms);
}

static void probe_failed(wfe_service *service, const wfe_error *err)
{
    const wfe_plan_service *plan = service->options.plan;
    service->last_probe = *err;
    service->paused_ms += service->pause_ms;
    if (service->paused_ms >= plan->probe_interval_ms) {
        service->paused_ms = 0;
        service->n_failed++;
    }
    if (service->n_failed > plan->probe_retries) {
        give_up(service, "after %llu failed probes", service->n_failed);
        return;
    }
    service->pause_ms = service->pause_ms ? service->pause_ms * 2 : FIRST_PAUSE_MS;
    if (service->pause_ms > plan->probe_interval_ms)
        service->pause_ms = plan->probe_interval_ms;
    wfe_timer_start(service->next_probe, service->pause_ms);
}

static void on_net_probe(const wfe_error *err, void *user)
{
    wfe_service *service = user;
    service->net_probe = NULL;
    if (err->kind)
        probe_failed(service, err);
    else
        be_ready(service);
}

static void on_exec_probe(int exit_code, const wfe_error *err, void *user)
{
    wfe_service *service = user;
    wfe_error error = *err;
    service->exec_probe = NULL;
    if (!error.kind && exit_code)
        wfe_error_set(&error, WFE_E_UNAVAILABLE, "'%s' ended with exit code %d",
                      service->options.plan->probe_exec[0], exit_code);
    if (error.kind)
        probe_failed(service, &error);
    else
        be_ready(service);
}

static int start_exec(wfe_service *service, uint64_t timeout_ms, wfe_error *err)
{
    char exec_id[32];
    snprintf(exec_id, sizeof exec_id, "probe-%u", ++service->n_execs);
    const wfe_step_exec_options options = {
        .container_id = service->id,
        .exec_id = exec_id,
        .argv = service->options.plan->probe_exec,
        .timeout_ms = timeout_ms,
    };
    return wfe_step_exec_start(service->options.client, &options, on_exec_probe, service,
                               &service->exec_probe, err);
}

static int start_net(wfe_service *service, uint64_t timeout_ms, wfe_error *err)
{
    const wfe_plan_service *plan = service->options.plan;
    const wfe_net_probe what = {
        .netns = service->options.netns,
        .port = plan->probe_port,
        .http_path =
            plan->probe == WFE_PLAN_PROBE_HTTP ? (plan->probe_path ? plan->probe_path : "/") : NULL,
        .timeout_ms = timeout_ms,
    };
    return wfe_net_probe_start(service->options.client->loop, &what, on_net_probe, service,
                               &service->net_probe, err);
}

static void probe(void *user)
{
    wfe_service *service = user;
    const wfe_plan_service *plan = service->options.plan;
    wfe_error error = WFE_ERROR_INIT;
    uint64_t most_ms =
        plan->probe_interval_ms > PROBE_MIN_MS ? plan->probe_interval_ms : PROBE_MIN_MS;
    uint64_t timeout_ms = left_ms(service) < most_ms ? left_ms(service) + 1 : most_ms;
    int rc = plan->probe == WFE_PLAN_PROBE_EXEC ? start_exec(service, timeout_ms, &error)
                                                : start_net(service, timeout_ms, &error);
    if (rc == WFE_E_INVALID) {
        wfe_error_prefix(&error, "service '%s'", plan->name);
        wfe_service_fail(service, &error);
    } else if (rc) {
        probe_failed(service, &error);
    }
}

/* ---- for service.c ---- */

int wfe_service_probe_init(wfe_service *service, wfe_error *err)
{
    const wfe_plan_service *plan = service->options.plan;
    wfe_loop *loop = service->options.client->loop;
    int rc = wfe_timer_new(loop, on_deadline, service, &service->deadline, err);
    if (!rc)
        rc = wfe_timer_new(loop, probe, service, &service->next_probe, err);
    if (rc || plan->probe != WFE_PLAN_PROBE_LOG)
        return rc;
    int status = regcomp(&service->pattern, plan->probe_pattern, REG_EXTENDED | REG_NOSUB);
    if (status) {
        char why[128];
        regerror(status, &service->pattern, why, sizeof why);
        return wfe_error_set(err, WFE_E_INVALID,
                             "the pattern of service '%s' is '%s', must be a POSIX extended "
                             "regular expression: %s",
                             plan->name, plan->probe_pattern, why);
    }
    service->has_pattern = true;
    return 0;
}

void wfe_service_probe_begin(wfe_service *service)
{
    service->began_us = wfe_clock_monotonic_us();
    if (service->options.plan->probe == WFE_PLAN_PROBE_NONE || service->matched) {
        be_ready(service);
        return;
    }
    wfe_timer_start(service->deadline, service->options.plan->probe_timeout_ms);
    if (service->options.plan->probe != WFE_PLAN_PROBE_LOG)
        wfe_timer_start(service->next_probe, 0);
}

/* A line may come before containerd has answered that the command was started. */
void wfe_service_probe_line(wfe_service *service, const char *text, size_t len)
{
    char line[MATCH_MAX_BYTES + 1];
    if (!service->has_pattern || service->matched)
        return;
    len = len < MATCH_MAX_BYTES ? len : MATCH_MAX_BYTES;
    for (size_t i = 0; i < len; i++)
        line[i] = text[i] ? text[i] : ' ';
    line[len] = '\0';
    service->matched = regexec(&service->pattern, line, 0, NULL, 0) == 0;
    if (service->matched && service->state == WFE_SERVICE_RUNNING && !service->stopping)
        be_ready(service);
}

void wfe_service_probe_stop(wfe_service *service)
{
    wfe_timer_stop(service->deadline);
    wfe_timer_stop(service->next_probe);
    wfe_net_job_cancel(service->net_probe);
    wfe_step_exec_cancel(service->exec_probe);
    service->net_probe = NULL;
    service->exec_probe = NULL;
}

void wfe_service_probe_done(wfe_service *service)
{
    wfe_net_job_cancel(service->net_probe);
    wfe_step_exec_cancel(service->exec_probe);
    wfe_timer_free(service->deadline);
    wfe_timer_free(service->next_probe);
    if (service->has_pattern)
        regfree(&service->pattern);
}
