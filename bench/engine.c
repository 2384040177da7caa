/* SPDX-License-Identifier: Apache-2.0
 *
 * What the engine costs a step: workflows of steps that do nothing, from their text to the end of
 * the run. Each measurement is a process of its own, so that its peak memory is its own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "engine/engine.h"
#include "engine/step_type.h"
#include "workflow/load.h"

#define ROUNDS 5

enum shape { CHAIN, FAN, GRAPH, N_SHAPES };
static const char *const shape_names[N_SHAPES] = {"a chain", "one block", "a graph, 2 needs each"};

typedef struct numbers {
    double load_us;
    double run_us;
    double peak_bytes; /* growth of the resident memory */
} numbers;

static const wfe_step_type *const types[] = {
    [WFE_PLAN_STEP_CONTAINERD] = &wfe_step_type_noop,
    [WFE_PLAN_STEP_SHELL] = &wfe_step_type_noop,
    [WFE_PLAN_STEP_WORKFLOW] = NULL,
    [WFE_PLAN_STEP_PARALLEL] = NULL,
};

static void die(const char *what, const wfe_error *err)
{
    fprintf(stderr, "bench/engine: %s: %s\n", what, err->message);
    exit(1);
}

static int text_append(wfe_buf *text, const char *format, unsigned a, unsigned b, unsigned c)
{
    return wfe_buf_printf(text, NULL, format, a, b, c);
}

static wfe_buf make_text(enum shape shape, unsigned n)
{
    wfe_buf text = WFE_BUF_INIT(0);
    const char *indent = shape == FAN ? "        " : "    ";
    int rc = wfe_buf_append_str(&text, "workflow:\n  id: bench\n  version: 1\n  steps:\n", NULL);
    if (shape == FAN)
        rc = rc || wfe_buf_append_str(&text, "    - name: all\n      parallel:\n", NULL);
    for (unsigned i = 0; !rc && i < n; i++) {
        rc = wfe_buf_append_str(&text, indent, NULL) ||
             text_append(&text, "- {name: s%u, ", i, 0, 0);
        if (!rc && shape == GRAPH && i > 1)
            rc = text_append(&text, "needs: [s%u, s%u], ", i - 1 - i % 2, i / 2, 0);
        if (!rc)
            rc = wfe_buf_append_str(&text, "config: {run: 'true'}}\n", NULL);
    }
    if (rc)
        exit(1);
    return text;
}

static void on_done(wfe_engine_run *run, void *user)
{
    (void)run;
    *(bool *)user = true;
}

static double resident_bytes(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss * 1024.0;
}

static numbers measure(const wfe_buf *text)
{
    wfe_error error = WFE_ERROR_INIT;
    wfe_loop *loop = NULL;
    wfe_plan *plan = NULL;
    wfe_engine_run *run = NULL;
    bool done = false;
    numbers out = {0};
    wfe_plan_load_options load = {.text = text->data, .text_len = text->len};
    double before = resident_bytes();
    uint64_t at = wfe_clock_monotonic_us();
    if (wfe_plan_load(&load, &plan, NULL, &error))
        die("load", &error);
    out.load_us = (double)(wfe_clock_monotonic_us() - at);
    wfe_engine_options options = {
        .jobs = 8, .tmp_dir = "/tmp", .step_types = types, .done = on_done, .done_user = &done};
    at = wfe_clock_monotonic_us();
    if (wfe_loop_new(&loop, &error) || wfe_engine_run_new(loop, plan, &options, &run, &error) ||
        wfe_engine_run_start(run, &error) || wfe_loop_run_until(loop, &done, &error))
        die("run", &error);
    out.run_us = (double)(wfe_clock_monotonic_us() - at);
    const wfe_engine_result *result = wfe_engine_run_result(run);
    if (result->state != WFE_RUN_SUCCEEDED)
        die("the run", &result->error);
    out.peak_bytes = resident_bytes() - before;
    wfe_engine_run_free(run);
    wfe_plan_free(plan);
    wfe_loop_free(loop);
    return out;
}

static numbers measure_apart(const wfe_buf *text)
{
    int fds[2];
    numbers out = {0};
    if (pipe(fds) < 0)
        exit(1);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        out = measure(text);
        _exit(write(fds[1], &out, sizeof out) != (ssize_t)sizeof out);
    }
    close(fds[1]);
    bool ok = read(fds[0], &out, sizeof out) == (ssize_t)sizeof out;
    close(fds[0]);
    int status = 1;
    waitpid(pid, &status, 0);
    if (!ok || status)
        exit(1);
    return out;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *values)
{
    qsort(values, ROUNDS, sizeof *values, by_value);
    return values[ROUNDS / 2];
}

static void print_row(enum shape shape, unsigned n)
{
    double load[ROUNDS], run[ROUNDS], peak[ROUNDS];
    wfe_buf text = make_text(shape, n);
    for (int i = 0; i < ROUNDS; i++) {
        numbers one = measure_apart(&text);
        load[i] = one.load_us / n;
        run[i] = one.run_us / n;
        peak[i] = one.peak_bytes / n;
    }
    wfe_buf_done(&text);
    double load_us = median(load), run_us = median(run);
    printf("| %s | %u | %.1f | %.1f | %.1f | %.0f |\n", shape_names[shape], n, load_us, run_us,
           load_us + run_us, median(peak));
}

int main(void)
{
    printf("## Steps that do nothing, in process, median of %d\n\n", ROUNDS);
    printf("| steps | number | parse and check, us a step | run, us a step | both (goal 50) | peak "
           "memory, bytes a step (goal 2,048) |\n");
    printf("|---|---|---|---|---|---|\n");
    for (int shape = 0; shape < N_SHAPES; shape++) {
        /* A file may have 100,000 values, and needs are some: the goal is for 10,000 steps, and
         * twice 6,000 shows that twice the steps take twice the time. */
        if (shape == GRAPH)
            print_row(GRAPH, 6000);
        print_row((enum shape)shape, 10000);
        print_row((enum shape)shape, shape == GRAPH ? 12000 : 20000);
    }
    return 0;
}
