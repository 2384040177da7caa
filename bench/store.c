/* SPDX-License-Identifier: Apache-2.0
 *
 * How fast the SQLite store is: transitions recorded in groups of several sizes, one commit each;
 * what recording adds to a run of many steps; the lists of a database of many finished runs.
 * `bench_store FOLDER [RUNS]`: the folder is on the file system to be measured. `bench_store --fill
 * FOLDER RUNS` makes a state directory for runs.sh.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/fd.h"
#include "engine/engine.h"
#include "engine/record_store.h"
#include "engine/step_type.h"
#include "store/sqlite_priv.h"
#include "workflow/load.h"

#define TRANSITIONS 10000
#define GROUP_MAX 1000
#define RUNS_IN_A_ROW 25

/* Of all threads: what a busy machine does not change much. */
static double processor_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void check(int rc, const wfe_error *err)
{
    if (!rc)
        return;
    fprintf(stderr, "%s\n", err->message);
    exit(1);
}

static wfe_store *open_in(const char *folder, const char *name)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_store *store = NULL;
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.db", folder, name);
    check(wfe_store_sqlite_open(&(wfe_store_sqlite_options){.path = path}, &store, &err), &err);
    return store;
}

static wfe_store_made_run make_run(wfe_store *store, const char *id, const char *workflow)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_store_made_run made = {0};
    wfe_store_new_run run = {.id = id,
                             .workflow = workflow,
                             .state = "running",
                             .hash = "sha256:bench",
                             .definition = "steps: []\n",
                             .definition_len = 10,
                             .inputs = "{\"ref\":\"main\"}",
                             .options = "{}",
                             .owner = "1:1:bench:1"};
    check(store->create_run(store, &run, &made, &err), &err);
    return made;
}

/* ---- transitions ---- */

typedef struct step_texts {
    char path[32];
    char ready[32];
    char event[160];
    const char *ready_list[1];
    wfe_store_step_change step;
    wfe_store_output output;
} step_texts;

/* Steps run one after the other: running, then succeeded with an output and the next one ready. */
static wfe_store_transition make_transition(uint64_t seq, step_texts *texts)
{
    bool ends = seq % 2 == 0;
    unsigned long long step = (seq + 1) / 2;
    snprintf(texts->path, sizeof texts->path, "step-%llu", step);
    snprintf(texts->ready, sizeof texts->ready, "step-%llu", step + 1);
    snprintf(
        texts->event, sizeof texts->event,
        "{\"version\":1,\"event\":\"step\",\"seq\":%llu,\"time\":\"2026-01-31T12:00:00.000000Z\","
        "\"step\":\"%s\",\"state\":\"%s\",\"role\":\"step\",\"attempt\":1}",
        (unsigned long long)seq, texts->path, ends ? "succeeded" : "running");
    texts->ready_list[0] = texts->ready;
    texts->step = (wfe_store_step_change){.path = texts->path,
                                          .role = "step",
                                          .state = ends ? "succeeded" : "running",
                                          .is_end = ends,
                                          .begins = !ends,
                                          .attempt = 1,
                                          .exit_code = ends ? 0 : -1};
    texts->output = (wfe_store_output){
        .step = texts->path, .name = "version", .value = "\"1.2.3\"", .attempt = 1};
    return (wfe_store_transition){.seq = seq,
                                  .at_us = wfe_clock_wall_us(),
                                  .kind = "step",
                                  .event = texts->event,
                                  .step = &texts->step,
                                  .outputs = &texts->output,
                                  .n_outputs = ends,
                                  .ready_state = "ready",
                                  .ready = texts->ready_list,
                                  .n_ready = ends};
}

static void measure_transitions(const char *folder, size_t group)
{
    static step_texts texts[GROUP_MAX];
    static wfe_store_transition list[GROUP_MAX];
    wfe_error err = WFE_ERROR_INIT;
    char name[32];
    snprintf(name, sizeof name, "group-%zu", group);
    wfe_store *store = open_in(folder, name);
    wfe_store_made_run made = make_run(store, "bench", "bench");
    size_t total = group == 1 ? TRANSITIONS / 10 : TRANSITIONS;
    uint64_t began_us = wfe_clock_monotonic_us();
    double cpu_us = processor_us();
    for (uint64_t seq = 1; seq <= total; seq += group) {
        for (size_t i = 0; i < group; i++)
            list[i] = make_transition(seq + i, &texts[i]);
        check(store->record(store, "bench", made.lease, list, group, &err), &err);
    }
    double us = (double)(wfe_clock_monotonic_us() - began_us);
    cpu_us = processor_us() - cpu_us;
    printf("| %zu | %zu | %.1f | %.1f | %.2f |\n", total, group, us / (double)total,
           cpu_us / (double)total, us / 1000 / ((double)total / (double)group));
    wfe_store_close(store);
}

/* ---- a run of many steps ---- */

static const wfe_step_type *const types[] = {
    [WFE_PLAN_STEP_CONTAINERD] = &wfe_step_type_noop,
    [WFE_PLAN_STEP_SHELL] = &wfe_step_type_noop,
    [WFE_PLAN_STEP_WORKFLOW] = NULL,
    [WFE_PLAN_STEP_PARALLEL] = NULL,
};

static void on_done(wfe_engine_run *run, void *user)
{
    (void)run;
    *(bool *)user = true;
}

static wfe_plan *make_plan(bool chain, unsigned n_steps)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_buf text = WFE_BUF_INIT(0);
    wfe_plan *plan = NULL;
    check(wfe_buf_append_str(&text, "workflow:\n  id: bench\n  version: 1\n  steps:\n", &err),
          &err);
    if (!chain)
        check(wfe_buf_append_str(&text, "    - name: all\n      parallel:\n", &err), &err);
    for (unsigned i = 0; i < n_steps; i++)
        check(wfe_buf_printf(&text, &err, "%s- {name: s%u, config: {run: 'true'}}\n",
                             chain ? "    " : "        ", i),
              &err);
    wfe_plan_load_options load = {.text = text.data, .text_len = text.len};
    check(wfe_plan_load(&load, &plan, NULL, &err), &err);
    wfe_buf_done(&text);
    return plan;
}

/* recorded: durable, by the thread; else nothing is kept. */
static double run_plan(const char *folder, const wfe_plan *plan, unsigned jobs, bool recorded,
                       const char *name, double *ret_cpu_us)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_loop *loop = NULL;
    wfe_engine_run *run = NULL;
    wfe_logs *logs = NULL;
    bool done = false;
    wfe_engine_options options = {.run_id = "bench",
                                  .jobs = jobs,
                                  .tmp_dir = folder,
                                  .step_types = types,
                                  .done = on_done,
                                  .done_user = &done};
    check(wfe_loop_new(&loop, &err), &err);
    if (recorded) {
        wfe_recorder_store_options record = {
            .loop = loop, .store = open_in(folder, name), .run_id = "bench"};
        record.lease = make_run(record.store, "bench", "bench").lease;
        wfe_logs_options log_options = {.state_dir = folder, .run_id = "bench"};
        check(wfe_logs_open(&log_options, &logs, &err), &err);
        record.logs = logs;
        check(wfe_recorder_store_new(&record, &options.recorder, &err), &err);
    }
    uint64_t began_us = wfe_clock_monotonic_us();
    *ret_cpu_us = processor_us();
    check(wfe_engine_run_new(loop, plan, &options, &run, &err), &err);
    check(wfe_engine_run_start(run, &err), &err);
    check(wfe_loop_run_until(loop, &done, &err), &err);
    double us = (double)(wfe_clock_monotonic_us() - began_us);
    *ret_cpu_us = processor_us() - *ret_cpu_us;
    check(wfe_engine_run_result(run)->error.kind, &wfe_engine_run_result(run)->error);
    wfe_engine_run_free(run);
    wfe_loop_free(loop);
    return us;
}

static void measure_run(const char *folder, bool chain, unsigned n_steps, unsigned jobs)
{
    char name[32];
    wfe_plan *plan = make_plan(chain, n_steps);
    snprintf(name, sizeof name, "run-%d-%u-%u", chain, n_steps, jobs);
    double cpu_us = 0;
    double plain = run_plan(folder, plan, jobs, false, name, &cpu_us) / n_steps;
    double recorded = run_plan(folder, plan, jobs, true, name, &cpu_us) / n_steps;
    printf("| %s of %u | %u | %.1f | %.1f | %.1f |\n", chain ? "a chain" : "one block", n_steps,
           jobs, plain, recorded, cpu_us / n_steps);
    wfe_plan_free(plan);
}

/* ---- many runs ---- */

static const char *const workflows[] = {"build", "test", "deploy", "nightly"};

static void fill(wfe_store *store, size_t n_runs)
{
    wfe_error err = WFE_ERROR_INIT;
    /* Only here: what is being made is no measurement. */
    check(wfe_sqlite_exec((wfe_sqlite_store *)store, "PRAGMA synchronous = OFF", "fill", &err),
          &err);
    for (size_t i = 0; i < n_runs; i++) {
        char id[64];
        step_texts texts[4];
        wfe_store_transition list[4];
        snprintf(id, sizeof id, "%08zx-0000-4000-8000-000000000000", i * 2654435761u % 0xffffffffu);
        wfe_store_made_run made = make_run(store, id, workflows[i % 4]);
        bool fails = i % 10 == 0;
        wfe_store_run_change end = {
            .state = fails ? "failed" : "succeeded",
            .is_end = true,
            .elapsed_us = 1000000,
            .error = fails ? "{\"kind\":\"internal\",\"message\":\"step 'test' failed\"}" : NULL,
            .outputs = "{}"};
        for (uint64_t seq = 1; seq <= 4; seq++)
            list[seq - 1] = make_transition(seq, &texts[seq - 1]);
        list[3].run = &end;
        check(store->record(store, id, made.lease, list, 4, &err), &err);
    }
}

static int count_run(const wfe_store_run *run, void *user)
{
    *(int64_t *)user = run->key;
    return 0;
}

static int count_step(const wfe_store_step *step, void *user)
{
    *(uint64_t *)user += step->seq;
    return 0;
}

static int count_output(const wfe_store_output *output, void *user)
{
    *(uint64_t *)user += output->attempt;
    return 0;
}

static int count_event(const wfe_store_event *event, void *user)
{
    *(uint64_t *)user += event->seq;
    return 0;
}

static int compare_us(const void *a, const void *b)
{
    const uint64_t *one = a, *other = b;
    return (*one > *other) - (*one < *other);
}

static void print_median(const char *what, uint64_t *times, const char *goal)
{
    qsort(times, RUNS_IN_A_ROW, sizeof *times, compare_us);
    printf("| %s | %.2f | %.2f | %s |\n", what, (double)times[RUNS_IN_A_ROW / 2] / 1000,
           (double)times[RUNS_IN_A_ROW - 1] / 1000, goal);
}

/* Each with a store of its own, as a command would: opening counts. */
static void measure_list(const char *folder, const char *what, wfe_store_filter filter)
{
    wfe_error err = WFE_ERROR_INIT;
    uint64_t times[RUNS_IN_A_ROW];
    for (size_t i = 0; i < RUNS_IN_A_ROW; i++) {
        int64_t last = 0;
        uint64_t began_us = wfe_clock_monotonic_us();
        wfe_store *store = open_in(folder, "many");
        check(store->runs(store, &filter, count_run, &last, &err), &err);
        wfe_store_close(store);
        times[i] = wfe_clock_monotonic_us() - began_us;
    }
    print_median(what, times, "50");
}

static void measure_show(const char *folder, const char *what, const char *run)
{
    wfe_error err = WFE_ERROR_INIT;
    uint64_t times[RUNS_IN_A_ROW], sum = 0;
    for (size_t i = 0; i < RUNS_IN_A_ROW; i++) {
        int64_t key = 0;
        char id[64];
        uint64_t began_us = wfe_clock_monotonic_us();
        wfe_store *store = open_in(folder, "many");
        check(store->find(store, run, count_run, &key, &err), &err);
        snprintf(id, sizeof id, "%s", run);
        check(store->steps(store, id, count_step, &sum, &err), &err);
        check(store->outputs(store, id, NULL, count_output, &sum, &err), &err);
        check(store->events(store, id, 0, 0, count_event, &sum, &err), &err);
        wfe_store_close(store);
        times[i] = wfe_clock_monotonic_us() - began_us;
    }
    print_median(what, times, "20");
}

/* For measuring commands: a state directory. */
static int fill_state(const char *folder, size_t n_runs)
{
    wfe_store *store = open_in(folder, "wfe");
    fill(store, n_runs);
    wfe_store_close(store);
    return 0;
}

int main(int argc, char **argv)
{
    wfe_error err = WFE_ERROR_INIT;
    if (argc < 2) {
        fprintf(stderr,
                "usage: bench_store FOLDER [RUNS]\n       bench_store --fill FOLDER RUNS\n");
        return 2;
    }
    if (argc == 4 && strcmp(argv[1], "--fill") == 0)
        return fill_state(argv[2], strtoul(argv[3], NULL, 10));
    char folder[2048], middle[64];
    snprintf(folder, sizeof folder, "%s/bench-store-XXXXXX", argv[1]);
    if (!mkdtemp(folder)) {
        perror(folder);
        return 1;
    }
    size_t n_runs = argc > 2 ? strtoul(argv[2], NULL, 10) : 100000;
    printf("| transitions | in one commit | us each | processor, us each | ms a commit |\n"
           "|---|---|---|---|---|\n");
    for (size_t group = 1; group <= GROUP_MAX; group *= 10)
        measure_transitions(folder, group);
    printf(
        "\n| steps that do nothing | at once | not recorded, us a step | recorded | processor |\n"
        "|---|---|---|---|---|\n");
    for (unsigned jobs = 8; jobs <= 4096; jobs *= 8)
        measure_run(folder, false, 10000, jobs);
    measure_run(folder, true, 100, 8);
    wfe_store *store = open_in(folder, "many");
    fill(store, n_runs);
    wfe_store_close(store);
    printf("\n| of %zu finished runs | median, ms | most, ms | goal |\n|---|---|---|---|\n",
           n_runs);
    measure_list(folder, "newest 50", (wfe_store_filter){.limit = 50});
    measure_list(folder, "a page in the middle",
                 (wfe_store_filter){.limit = 50, .before_key = (int64_t)n_runs / 2});
    measure_list(folder, "of a workflow", (wfe_store_filter){.limit = 50, .workflow = "build"});
    measure_list(folder, "failed", (wfe_store_filter){.limit = 50, .state = "failed"});
    measure_list(folder, "failed, of a workflow",
                 (wfe_store_filter){.limit = 50, .state = "failed", .workflow = "build"});
    measure_list(folder, "none: no such workflow and state",
                 (wfe_store_filter){.limit = 50, .state = "failed", .workflow = "test"});
    measure_list(folder, "open: none", (wfe_store_filter){.limit = 50, .open = true});
    measure_list(folder, "since long ago, of a workflow",
                 (wfe_store_filter){.limit = 50, .since_us = 1, .workflow = "build"});
    measure_list(folder, "since now",
                 (wfe_store_filter){.limit = 50, .since_us = wfe_clock_wall_us()});
    measure_list(folder, "ended long ago: none",
                 (wfe_store_filter){.limit = 50, .ended_before_us = 1});
    snprintf(middle, sizeof middle, "%08zx-0000-4000-8000-000000000000",
             n_runs / 2 * 2654435761u % 0xffffffffu);
    measure_show(folder, "show by id", middle);
    measure_show(folder, "show by name", "nightly-7");
    return wfe_fd_remove_tree(folder, &err) != 0;
}
