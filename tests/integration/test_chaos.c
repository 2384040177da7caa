/* SPDX-License-Identifier: Apache-2.0
 *
 * A run whose wfe is killed at every place that a crash could come between: each commit of the
 * store, each call to containerd, each write of a log, each read of a stream. Each time the run is
 * resumed and has to come to what it comes to without a kill: the same states, outputs and exit
 * codes, each end recorded once, all bytes of the logs once; and nothing may be left.
 *
 * WFE_CHAOS_POINTS is how many of the points of each kind are tried, spread evenly ("all": every
 * one); WFE_CHAOS_PART=I/N takes the I-th of N parts of them, for several at once;
 * WFE_CHAOS_ONLY=KIND:N:WHEN takes that one.
 */
#include "fixtures/wfe_assert.h"

#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "engine/run_store.h"
#include "fixtures/run_group.h"
#include "store/store.h"

#define CHAOS_DIR WFE_BUILD_DIR "/tests/chaos"
#define DEFAULT_POINTS 4
#define EXIT_KILLED (128 + SIGKILL)

/* Ten steps, in a block, with a retry, hooks, an item list, and a service. */
static const char workflow[] =
    "workflow:\n"
    "  id: chaos\n"
    "  version: 1\n"
    "  inputs: {who: string}\n"
    "  services:\n"
    "    web:\n"
    "      image: busybox\n"
    "      run: 'mkdir -p /tmp/w; echo served > /tmp/w/x; exec httpd -f -p 8080 -h /tmp/w'\n"
    "      ports: [8080]\n"
    "      readiness: {tcp: 8080, interval: 50ms}\n"
    "  steps:\n"
    "    - name: version\n"
    "      type: containerd\n"
    "      config: {image: busybox, run: 'echo \"##wfe[output version=1.$WHO]\"'}\n"
    "      outputs: [{name: version}]\n"
    "    - name: build\n"
    "      parallel:\n"
    "        - name: left\n"
    "          type: containerd\n"
    "          config: {image: busybox, run: 'for i in 1 2 3 4 5 6; do echo left $i; usleep 9000;"
    " done; echo \"##wfe[output left=$VERSION]\"'}\n"
    "        - name: right\n"
    "          type: containerd\n"
    "          config: {image: busybox, run: 'for i in 1 2 3 4 5 6; do echo right $i >&2; usleep"
    " 9000; done; echo \"##wfe[output right=$VERSION]\"'}\n"
    "    - name: flaky\n"
    "      type: containerd\n"
    "      retry: {max: 2, interval: 100ms}\n"
    "      config:\n"
    "        image: busybox\n"
    "        user: '0'\n"
    "        volumes: ['.:/work']\n"
    "        run: 'if test -e /work/tried; then echo again; else echo first; touch /work/tried;"
    " exit 4; fi'\n"
    "    - name: fetch\n"
    "      type: containerd\n"
    "      config: {image: busybox, run: 'echo \"##wfe[output page=$(wget -q -O -"
    " http://web:8080/x)]\"'}\n"
    "      on_success: {name: told, type: containerd, config: {image: busybox, run: 'echo told"
    " $PAGE'}}\n"
    "      ensure: {name: swept, type: containerd, config: {image: busybox, run: 'echo swept'}}\n"
    "    - name: each\n"
    "      type: containerd\n"
    "      for_each: [a, b]\n"
    "      config: {image: busybox, run: 'echo item ((item)); echo \"##wfe[output"
    " got=((item))\"]'}\n"
    "    - name: fails\n"
    "      type: containerd\n"
    "      allow_failure: true\n"
    "      config: {image: busybox, run: 'echo bad; exit 9'}\n"
    "      on_failure: {name: mourned, type: containerd, config: {image: busybox, run: 'echo"
    " mourned'}}\n"
    "    - name: last\n"
    "      type: containerd\n"
    "      config: {image: busybox, run: 'echo $LEFT $RIGHT $PAGE'}\n"
    "  ensure: {name: closed, type: containerd, config: {image: busybox, run: 'echo closed'}}\n";

static char state_dir[96];
static json_t *reference; /* what wfe show tells of the run that nobody kills */
static char *reference_logs;

/* ---- commands ---- */

static wfe_command_result command_in(const char *build_dir, const char *kill_at,
                                     const char *const *args)
{
    char wish[64], count[160];
    const char *more[] = {wish, count, NULL};
    wfe_command_result result;
    snprintf(wish, sizeof wish, "WFE_KILL_AT=%s", kill_at ? kill_at : "none");
    snprintf(count, sizeof count, "WFE_KILL_COUNT=%s/counts", run_group_folder);
    wfe_command_options options = {.args = args,
                                   .env = run_group_env(more),
                                   .directory = run_group_folder,
                                   .limit_ms = 120000};
    wfe_command_run_in(build_dir, &options, &result);
    return result;
}
#define WFE(...) command_in(WFE_BUILD_DIR, NULL, (const char *const[]){__VA_ARGS__, NULL})

static wfe_command_result run_until(const char *name, const char *kill_at)
{
    char tried[160];
    snprintf(tried, sizeof tried, "%s/tried", run_group_folder);
    unlink(tried);
    const char *file = run_group_file("chaos.yaml", workflow);
    return command_in(
        CHAOS_DIR, kill_at,
        (const char *const[]){"run", file, "-i", "who=7", "--name", name, "--plain", NULL});
}

/* ---- what became of a run ---- */

/* Without what differs from run to run: names, ids, times. */
static void strip(json_t *json)
{
    static const char *const keys[] = {"run",       "run_id",   "number",     "created_at",
                                       "ended_at",  "begun_at", "elapsed_ms", "owner_pid",
                                       "container", "wake_at",  "at",         "time",
                                       "boot_us",   "delay_ms", "seq",        "images"};
    const char *key;
    json_t *value;
    void *next;
    size_t i;
    for (i = 0; i < sizeof keys / sizeof *keys && json_is_object(json); i++)
        json_object_del(json, keys[i]);
    json_object_foreach_safe(json, next, key, value)
    {
        strip(value);
    }
    json_array_foreach(json, i, value)
    {
        strip(value);
    }
}

static int by_path(const void *a, const void *b)
{
    const char *one = json_string_value(json_object_get(*(json_t *const *)a, "step"));
    const char *other = json_string_value(json_object_get(*(json_t *const *)b, "step"));
    return strcmp(one ? one : "", other ? other : "");
}

/* Steps that ran at once may be told in any order. */
static void sort_steps(json_t *run)
{
    json_t *steps = json_object_get(run, "steps"), *sorted = json_array();
    size_t n = json_array_size(steps);
    json_t **list = calloc(n + 1, sizeof *list);
    for (size_t i = 0; i < n; i++)
        list[i] = json_array_get(steps, i);
    qsort(list, n, sizeof *list, by_path);
    for (size_t i = 0; i < n; i++)
        json_array_append(sorted, list[i]);
    json_object_set_new(run, "steps", sorted);
    free(list);
}

static json_t *show(const char *name)
{
    wfe_command_result result = WFE("show", name, "--json");
    run_group_expect(&result, 0, "");
    json_t *run = json_loads(result.out, 0, NULL);
    assert_non_null(run);
    wfe_command_result_done(&result);
    strip(run);
    sort_steps(run);
    return run;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All lines of all steps with the steps' names, sorted: each step's own order is in its lines. */
static char *logs(const char *name)
{
    wfe_command_result result = WFE("logs", name);
    run_group_expect(&result, 0, "");
    char *lines[256], *next = NULL;
    size_t n = 0;
    for (char *line = strtok_r(result.out, "\n", &next); line; line = strtok_r(NULL, "\n", &next)) {
        assert_true(n < sizeof lines / sizeof *lines);
        lines[n++] = line;
    }
    qsort(lines, n, sizeof *lines, by_text);
    wfe_buf all = WFE_BUF_INIT(0);
    for (size_t i = 0; i < n; i++)
        wfe_buf_printf(&all, NULL, "%s\n", lines[i]);
    wfe_command_result_done(&result);
    return wfe_buf_take(&all, NULL);
}

/* ---- each end is recorded once ---- */

typedef struct ends {
    char seen[128][96];
    size_t n;
    char twice[96];
} ends;

static int note_end(const wfe_store_event *event, void *user)
{
    ends *all = user;
    json_t *json = json_loads(event->event, 0, NULL);
    const char *state = json_string_value(json_object_get(json, "state"));
    char end[96];
    bool is_end = event->step && state &&
                  (!strcmp(state, "succeeded") || !strcmp(state, "failed") ||
                   !strcmp(state, "skipped") || !strcmp(state, "cancelled"));
    snprintf(end, sizeof end, "%s %s", event->kind, event->step ? event->step : "");
    for (size_t i = 0; is_end && i < all->n; i++)
        if (strcmp(all->seen[i], end) == 0)
            snprintf(all->twice, sizeof all->twice, "%s", end);
    if (is_end && all->n < sizeof all->seen / sizeof *all->seen)
        snprintf(all->seen[all->n++], sizeof all->seen[0], "%s", end);
    json_decref(json);
    return 0;
}

static int note_id(const wfe_store_run *run, void *user)
{
    snprintf(user, WFE_RUN_ID_SIZE, "%s", run->id);
    return 0;
}

static void assert_ends_once(const char *name, const char *point)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_store *store = NULL;
    char id[WFE_RUN_ID_SIZE] = "";
    ends *all = calloc(1, sizeof *all);
    assert_ok(wfe_run_store_open(state_dir, true, &store, &err), &err);
    assert_ok(store->find(store, name, note_id, id, &err), &err);
    assert_ok(store->events(store, id, 0, 0, note_end, all, &err), &err);
    wfe_store_close(store);
    if (all->twice[0])
        fail_msg("%s: '%s' ended twice", point, all->twice);
    assert_true(all->n >= 10);
    free(all);
}

/* ---- the points ---- */

static long count_of(const char *kind)
{
    char *text = run_group_read("counts");
    const char *at = strstr(text, kind);
    long n = at ? strtol(at + strlen(kind), NULL, 10) : 0;
    free(text);
    return n;
}

static void fail_with(const char *point, const char *what, const char *is, const char *was)
{
    fprintf(stderr, "%s\ninstead of\n%s\n", is, was); /* longer than cmocka's messages */
    fail_msg("killed at %s: %s", point, what);
}

static void compare(const char *name, const char *point)
{
    json_t *run = show(name);
    if (!json_equal(run, reference)) {
        char *is = json_dumps(run, JSON_INDENT(1) | JSON_SORT_KEYS);
        char *was = json_dumps(reference, JSON_INDENT(1) | JSON_SORT_KEYS);
        fail_with(point, "another end", is, was);
    }
    json_decref(run);
    char *text = logs(name);
    if (strcmp(text, reference_logs) != 0)
        fail_with(point, "other logs", text, reference_logs);
    free(text);
    assert_ends_once(name, point);
}

/* Was it recorded at all: a run that was killed before that never was. */
static bool is_known(const char *name)
{
    wfe_command_result result = WFE("show", name);
    bool known = result.exit_code == 0;
    wfe_command_result_done(&result);
    return known;
}

static void try_point(private_containerd *daemon, const char *kind, long n, const char *when,
                      bool restart)
{
    char point[64], name[64];
    snprintf(point, sizeof point, "%s:%ld:%s", kind, n, when);
    snprintf(name, sizeof name, "%s-%ld-%s", kind, n, when);
    wfe_command_result result = run_until(name, point);
    if (result.exit_code != EXIT_KILLED && result.exit_code != 0)
        fail_msg("killed at %s: the run ended with %d: %s%s", point, result.exit_code, result.out,
                 result.err);
    wfe_command_result_done(&result);
    if (restart)
        private_containerd_restart(daemon);
    if (is_known(name)) {
        result = WFE("resume", name, "--plain");
        if (result.exit_code != 0) {
            fprintf(stderr, "%s%s\n", result.out, result.err);
            fail_msg("killed at %s: resume ended with %d", point, result.exit_code);
        }
        wfe_command_result_done(&result);
        compare(name, point);
        result = WFE("rm", name);
        run_group_expect(&result, 0, "");
        wfe_command_result_done(&result);
    }
    run_group_assert_clean(daemon);
}

static long points_wanted(long all)
{
    const char *text = getenv("WFE_CHAOS_POINTS");
    long n = !text ? DEFAULT_POINTS : strcmp(text, "all") == 0 ? all : strtol(text, NULL, 10);
    return n < all ? n : all;
}

/* To look at one again. */
static bool try_only(private_containerd *daemon, const char *kind, bool restart)
{
    const char *only = getenv("WFE_CHAOS_ONLY");
    char its_kind[16], when[16];
    long n = 0;
    if (!only)
        return false;
    if (sscanf(only, "%15[a-z]:%ld:%15s", its_kind, &n, when) != 3)
        fail_msg("WFE_CHAOS_ONLY is '%s', must be KIND:N:before or KIND:N:after", only);
    if (strcmp(its_kind, kind) == 0)
        try_point(daemon, kind, n, when, restart);
    return true;
}

static void try_kind(void **state, const char *kind, bool restart)
{
    private_containerd *daemon = private_containerd_of(state);
    if (try_only(daemon, kind, restart))
        return;
    const char *part_text = getenv("WFE_CHAOS_PART");
    long part = 1, parts = 1, tried = 0;
    if (part_text && sscanf(part_text, "%ld/%ld", &part, &parts) != 2)
        fail_msg("WFE_CHAOS_PART is '%s', must be I/N", part_text);
    wfe_command_result result = run_until(kind, NULL);
    run_group_expect(&result, 0, "");
    wfe_command_result_done(&result);
    long all = count_of(kind), wanted = points_wanted(all);
    assert_true(all > 10);
    for (long i = 0; i < wanted; i++) {
        if (i % parts != part - 1)
            continue;
        long n = 1 + i * all / wanted;
        bool both = wanted == all;
        if (both || i % 2 == 0)
            try_point(daemon, kind, n, "before", restart);
        if (both || i % 2 == 1)
            try_point(daemon, kind, n, "after", restart);
        tried += both ? 2 : 1;
    }
    result = WFE("rm", kind);
    run_group_expect(&result, 0, "");
    wfe_command_result_done(&result);
    print_message("chaos: %s%s: %ld points tried of %ld: nothing was lost, nothing was left\n",
                  kind, restart ? ", containerd started anew" : "", tried, 2 * all);
}

static void test_chaos__killed_at_commits_of_the_store(void **state)
{
    try_kind(state, "store", false);
}

static void test_chaos__killed_at_calls_to_containerd(void **state)
{
    try_kind(state, "call", false);
}

/* What containerd forgets with its own end is in the folders of the steps. */
static void test_chaos__killed_at_calls_with_containerd_started_anew(void **state)
{
    try_kind(state, "call", true);
}

static void test_chaos__killed_at_writes_of_logs(void **state)
{
    try_kind(state, "log", false);
}

static void test_chaos__killed_at_reads_of_streams(void **state)
{
    try_kind(state, "spool", false);
}

static int setup(void **state)
{
    int rc = run_group_setup(state);
    private_containerd *daemon = *state;
    if (rc || daemon->skip_reason[0])
        return rc;
    snprintf(state_dir, sizeof state_dir, "%s/state-of-wfe", daemon->dir);
    wfe_command_result result = run_until("reference", NULL);
    run_group_expect(&result, 0, "");
    wfe_command_result_done(&result);
    reference = show("reference");
    reference_logs = logs("reference");
    return 0;
}

static int teardown(void **state)
{
    json_decref(reference);
    free(reference_logs);
    return run_group_teardown(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chaos__killed_at_commits_of_the_store),
        cmocka_unit_test(test_chaos__killed_at_calls_to_containerd),
        cmocka_unit_test(test_chaos__killed_at_writes_of_logs),
        cmocka_unit_test(test_chaos__killed_at_reads_of_streams),
        cmocka_unit_test(test_chaos__killed_at_calls_with_containerd_started_anew),
    };
    return cmocka_run_group_tests_name("chaos", tests, setup, teardown);
}
