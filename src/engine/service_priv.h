/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of a service, shared by service.c (its container) and service_probe.c (whether it is
 * ready).
 */
#ifndef WFE_ENGINE_SERVICE_PRIV_H
#define WFE_ENGINE_SERVICE_PRIV_H

#include <regex.h>

#include "base/id.h"
#include "engine/lines.h"
#include "engine/pulling.h"
#include "engine/service.h"
#include "engine/step_name.h"
#include "net/job.h"
#include "step/exec.h"

/* The last lines, for the message of a service that ends early. */
#define WFE_SERVICE_TAIL_LINES 5
#define WFE_SERVICE_TAIL_BYTES 120

struct wfe_service {
    wfe_pulling pulling;
    wfe_service_options options;
    wfe_service_fns fns;
    void *user;
    char name[WFE_ENGINE_SERVICE_NAME_SIZE]; /* of its step */
    char id[WFE_ID_CONTAINER_SIZE];
    wfe_step *step; /* NULL once it has ended */
    bool durable;
    enum wfe_service_state state;
    bool stopping;
    bool killing;
    wfe_timer *killer; /* asks again while killing */
    wfe_lines *lines[2];
    struct wfe_service_stream {
        wfe_service *service;
        enum wfe_stream stream;
        uint64_t passed; /* where its next line comes in the log, which holds its earlier lives */
        uint64_t skip;   /* of those to come, what the log has already */
    } streams[2];
    char tail[WFE_SERVICE_TAIL_LINES][WFE_SERVICE_TAIL_BYTES + 1];
    unsigned n_tail; /* lines there have been */

    /* Readiness; only while state is RUNNING. */
    wfe_timer *deadline;   /* it must be ready by then */
    wfe_timer *next_probe; /* after a pause */
    uint64_t began_us;     /* monotonic: when its command was started */
    uint64_t pause_ms;     /* before the next probe */
    uint64_t paused_ms;    /* since a failed probe was last counted */
    uint32_t n_failed;     /* counted */
    unsigned n_execs;
    wfe_net_job *net_probe;
    wfe_step_exec *exec_probe;
    regex_t pattern;
    bool has_pattern;
    bool matched;         /* a line has */
    wfe_error last_probe; /* why the last one failed */
};

/* Enters the state and tells. */
void wfe_service_enter(wfe_service *service, enum wfe_service_state state, const wfe_error *err);
/* It has failed: tells, and stops its container. */
void wfe_service_fail(wfe_service *service, const wfe_error *err);

/* service_probe.c */

/* INVALID for a pattern that is none. */
int wfe_service_probe_init(wfe_service *service, wfe_error *err);
/* Its command has been started. */
void wfe_service_probe_begin(wfe_service *service);
/* A line of its output. */
void wfe_service_probe_line(wfe_service *service, const char *text, size_t len);
void wfe_service_probe_stop(wfe_service *service);
void wfe_service_probe_done(wfe_service *service);

#endif
