/* SPDX-License-Identifier: Apache-2.0
 *
 * What a run looks like from its events: its steps as a tree, its services, its warnings. The
 * views of a run draw this; nothing in it is about how. The texts in it are clean (cli/text.h).
 */
#ifndef WFE_CLI_RUN_MODEL_H
#define WFE_CLI_RUN_MODEL_H

#include "cli/line_log.h"
#include "engine/event.h"

/* Marks of lines in a log. */
enum wfe_line_mark {
    WFE_LINE_STDOUT = 'o',
    WFE_LINE_STDERR = 'e',
    WFE_LINE_ATTEMPT = 'a', /* a new attempt begins: its number */
};

/* From the beginning of an attempt to its end. */
typedef struct wfe_model_span {
    int64_t from_us; /* wall clock */
    int64_t to_us;   /* 0: it goes on */
    bool failed;
} wfe_model_span;

#define WFE_MODEL_SPANS_MAX 32
#define WFE_MODEL_PULL_SIZE 160

typedef struct wfe_model_step wfe_model_step;
struct wfe_model_step {
    char *key;              /* 's' or 'v' (of a service) and the path as the events have it */
    char *path;             /* clean */
    wfe_model_step *parent; /* NULL: the run */
    wfe_model_step *first_child, *last_child, *next_sibling;
    size_t index; /* order of the first event, from 0 */
    enum wfe_plan_role role;
    bool is_service;
    bool is_known; /* an event of its own came; false: only named as an owner */
    enum wfe_step_run_state state;
    enum wfe_service_state service_state;
    enum wfe_skip_reason skip_reason;
    enum wfe_plan_cause cause;
    unsigned attempt;
    size_t n_items; /* of a for_each under way, known or not; 0: it is none */
    int exit_code;  /* -1: none is known */
    bool allowed;
    int64_t begun_at_us; /* wall clock; 0: never ran */
    int64_t ended_at_us; /* 0: goes on */
    uint64_t elapsed_us; /* of an end */
    int64_t wake_at_us;  /* SLEEPING: when the next attempt is due */
    /* Attempts; of more than WFE_MODEL_SPANS_MAX the last ones. */
    wfe_model_span *spans;
    unsigned n_spans;
    json_t *outputs;  /* NULL: none */
    wfe_error *error; /* of a failure, texts clean; NULL: none */
    wfe_line_log log;
    char pull[WFE_MODEL_PULL_SIZE]; /* how far its image is; "": it is not pulled now */
    unsigned n_pulls;               /* events of the pull under way */
};

typedef struct wfe_run_model_options {
    size_t head_bytes; /* of each log; see line_log.h */
    size_t tail_bytes;
    /* Of all logs together; above, each grows to at most 2 KiB. 0: no limit. */
    size_t total_bytes;
    bool ascii; /* texts hold nothing but ASCII */
} wfe_run_model_options;

typedef struct wfe_run_model wfe_run_model;

int wfe_run_model_new(const wfe_run_model_options *options, wfe_run_model **ret, wfe_error *err);
void wfe_run_model_free(wfe_run_model *model);

/* Takes what the event tells. *ret_step (may be NULL) is the step or service it is about, NULL for
 * the run. NOMEM. */
int wfe_run_model_event(wfe_run_model *model, const wfe_event *event, wfe_model_step **ret_step,
                        wfe_error *err);

enum wfe_run_state wfe_run_model_state(const wfe_run_model *model);
int64_t wfe_run_model_begun_at_us(const wfe_run_model *model); /* 0: not yet */
int64_t wfe_run_model_ended_at_us(const wfe_run_model *model); /* 0: not yet */
/* Of steps, without services: items, blocks and hooks count, too. */
typedef struct wfe_model_counts {
    size_t known;
    size_t ended;
    size_t failed; /* allowed or not */
} wfe_model_counts;
const wfe_model_counts *wfe_run_model_counts(const wfe_run_model *model);
/* Steps and services by index. */
size_t wfe_run_model_length(const wfe_run_model *model);
wfe_model_step *wfe_run_model_at(const wfe_run_model *model, size_t index);
/* The first of those without a parent; next_sibling goes on. */
wfe_model_step *wfe_run_model_first(const wfe_run_model *model);
/* Clean texts of the warnings, each behind the path of its step; at most WFE_MODEL_WARNINGS_MAX are
 * kept; n counts all. */
#define WFE_MODEL_WARNINGS_MAX 256
const char *wfe_run_model_warning(const wfe_run_model *model, size_t index);
size_t wfe_run_model_n_warnings(const wfe_run_model *model);

/* Something happens in it: it neither waits for its turn nor has ended. A service that is ready is
 * not live either. */
bool wfe_model_step_is_live(const wfe_model_step *step);
/* Is it one of the n_items of its parent. */
bool wfe_model_step_is_item(const wfe_model_step *step);
bool wfe_model_step_is_end(const wfe_model_step *step);
/* "succeeded", "ready": of the step or the service. */
const char *wfe_model_step_state_name(const wfe_model_step *step);

#endif
