/* SPDX-License-Identifier: Apache-2.0
 *
 * `wfe gc` after `wfe step` and `wfe image import` were killed at any moment: nothing of them is
 * left at the daemon, on disk or in the runtime, and nothing of the living is touched.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "fixtures/images.h"
#include "fixtures/private_containerd.h"
#include "fixtures/wfe_command.h"

#define MAX_ARGS 24
#define STEP_KILLS 50
#define STEP_KILL_WITHIN_MS 250
#define IMPORT_KILLS 10
#define IMPORT_KILL_WITHIN_MS 150
#define LOST_TRIES 8
#define GIVES_UP_MS 30000
#define RUNC_STATE "/run/containerd/runc/default"

/* Every step's name begins with it, and so every container's id has it. */
static char prefix[16];

static char address_env[160];
static char io_env[96];
static char state_env[96];
static unsigned seed;

static int setup(void **state)
{
    int rc = private_containerd_group_setup(state);
    private_containerd *daemon = *state;
    if (!rc && !daemon->skip_reason[0]) {
        images_need_busybox(daemon);
        snprintf(address_env, sizeof address_env, "CONTAINERD_ADDRESS=%s", daemon->address);
        snprintf(io_env, sizeof io_env, "WFE_IO_DIR=%s", daemon->io_dir);
        snprintf(state_env, sizeof state_env, "WFE_STATE_DIR=%s/state-of-wfe", daemon->dir);
        snprintf(prefix, sizeof prefix, "gc%d", (int)getpid());
        seed = (unsigned)getpid();
        printf("random moments from seed %u\n", seed);
    }
    return rc;
}

/* Between 0 and limit; the same ones for the same seed. */
static unsigned random_us(unsigned limit_ms)
{
    return (unsigned)rand_r(&seed) % (limit_ms * 1000);
}

static wfe_command *start(const char *const *args)
{
    const char *const env[] = {address_env, io_env, state_env, NULL};
    wfe_command_options options = {.args = args, .env = env, .limit_ms = 120000};
    return wfe_command_start(&options);
}

/* Runs `wfe args...` to its end. */
static wfe_command_result run(const char *const *args)
{
    wfe_command_result result;
    wfe_command_wait(start(args), &result);
    return result;
}

static void assert_result(const wfe_command_result *result, int exit_code, const char *out)
{
    if (result->exit_code != exit_code || (out && strcmp(result->out, out) != 0))
        fail_msg("exit code %d (expected %d), stdout '%s' (expected '%s'), stderr '%s'",
                 result->exit_code, exit_code, result->out, out ? out : "anything", result->err);
}

/* Runs `wfe gc option`, which must succeed; option may be NULL. The text is freed by the next
 * call. */
static const char *gc(const char *option)
{
    static wfe_command_result result;
    const char *args[] = {"gc", option, NULL};
    wfe_command_result_done(&result);
    result = run(args);
    assert_result(&result, 0, NULL);
    return result.out;
}

static json_t *gc_json(const char *option)
{
    const char *args[] = {"gc", "--json", option, NULL};
    wfe_command_result result = run(args);
    assert_result(&result, 0, NULL);
    json_t *json = json_loads(result.out, 0, NULL);
    if (!json)
        fail_msg("no JSON: '%s'", result.out);
    wfe_command_result_done(&result);
    return json;
}

static json_int_t number(const json_t *json, const char *key)
{
    const json_t *value = json_object_get(json, key);
    if (!json_is_integer(value))
        fail_msg("no number '%s'", key);
    return json_integer_value(value);
}

static wfe_command *start_step(const char *script, const char *user)
{
    static unsigned n;
    char name[24];
    snprintf(name, sizeof name, "%ss%u", prefix, ++n);
    const char *args[] = {"step",  "--name", name,     "--image", "busybox",
                          "--run", script,   "--user", user,      NULL};
    return start(args);
}

static void kill_command(wfe_command *command)
{
    wfe_command_result result;
    kill(wfe_command_pid(command), SIGKILL);
    wfe_command_wait(command, &result);
    wfe_command_result_done(&result);
}

/* A step whose command has begun; then its wfe is killed. */
static void leave_step_behind(const char *script)
{
    wfe_command *command = start_step(script, "0:0");
    wfe_command_wait_for(command, "up");
    kill_command(command);
}

/* How many entries of folder hold text in their name; copies the first. */
static int count_entries(const char *folder, const char *text, char first[NAME_MAX + 1])
{
    DIR *entries = opendir(folder);
    int n = 0;
    struct dirent *entry;
    while (entries && (entry = readdir(entries))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            !strstr(entry->d_name, text))
            continue;
        if (first && n == 0)
            snprintf(first, NAME_MAX + 1, "%s", entry->d_name);
        n++;
    }
    if (entries)
        closedir(entries);
    return n;
}

static int count_cgroups(void)
{
    static const char *const parents[] = {"/sys/fs/cgroup/default", "/sys/fs/cgroup/memory/default",
                                          "/sys/fs/cgroup/pids/default",
                                          "/sys/fs/cgroup/systemd/default"};
    int n = 0;
    for (size_t i = 0; i < sizeof parents / sizeof *parents; i++)
        n += count_entries(parents[i], prefix, NULL);
    return n;
}

static void assert_nothing_left(private_containerd *daemon)
{
    private_containerd_assert_clean(daemon);
    char first[NAME_MAX + 1] = "";
    if (count_entries(daemon->io_dir, "", first))
        fail_msg("the I/O folder still has %s", first);
    if (count_entries(RUNC_STATE, prefix, first))
        fail_msg("runc still has %s", first);
    if (count_cgroups())
        fail_msg("%d cgroups are left", count_cgroups());
}

static int count_containers(private_containerd *daemon)
{
    private_containerd_leftovers left;
    private_containerd_count(daemon, &left);
    return left.containers;
}

/* ---- what is left alone ---- */

static void test_gc__says_that_there_is_nothing_to_do(void **state)
{
    private_containerd_of(state);
    assert_string_equal(gc(NULL), "nothing to do\n");
    json_t *json = gc_json(NULL);
    assert_int_equal(number(json, "removed"), 0);
    assert_int_equal(json_array_size(json_object_get(json, "items")), 0);
    json_decref(json);
}

static void test_gc__leaves_a_living_step_alone(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    wfe_command *command = start_step("echo up; sleep 2; echo done", "0:0");
    wfe_command_wait_for(command, "up");
    json_t *json = gc_json(NULL);
    assert_int_equal(number(json, "removed"), 0);
    assert_int_equal(number(json, "in_use"), 3); /* container, snapshot, folder */
    json_decref(json);
    assert_string_equal(gc("--all"), "nothing to do\n");
    wfe_command_result result;
    wfe_command_wait(command, &result);
    assert_result(&result, 0, "up\ndone\n");
    wfe_command_result_done(&result);
    assert_nothing_left(daemon);
}

/* Steps begin and end while one collection after the other runs. */
static void test_gc__leaves_steps_alone_that_just_begin(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    for (int i = 0; i < 6; i++) {
        wfe_command *command = start_step("echo done", i % 2 ? "root" : "0:0");
        while (kill(wfe_command_pid(command), 0) == 0) {
            assert_string_equal(gc(NULL), "nothing to do\n");
            char status[64];
            snprintf(status, sizeof status, "/proc/%d/fd", (int)wfe_command_pid(command));
            if (count_entries(status, "", NULL) == 0)
                break; /* it has ended and waits for its parent */
        }
        wfe_command_result result;
        wfe_command_wait(command, &result);
        assert_result(&result, 0, "done\n");
        wfe_command_result_done(&result);
    }
    assert_nothing_left(daemon);
}

static void test_gc__leaves_unknown_owners_alone_unless_told(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    const char *args[] = {"containers",   "create", "--label", "wfe.owner=somebody",
                          IMAGES_BUSYBOX, "theirs", NULL};
    assert_int_equal(private_containerd_ctr(daemon, "default", args, NULL), 0);
    const char *out = gc(NULL);
    assert_non_null(strstr(out, "left alone"));
    assert_non_null(strstr(out, "theirs"));
    assert_int_equal(count_containers(daemon), 1);
    assert_non_null(strstr(gc("--all"), "removed"));
    assert_nothing_left(daemon);
}

static void make_folder(const private_containerd *daemon, const char *name, const char *owner,
                        bool old)
{
    char path[PATH_MAX], file[PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/%s", daemon->io_dir, name);
    assert_int_equal(mkdir(path, 0700), 0);
    if (owner) {
        snprintf(file, sizeof file, "%s/owner", path);
        FILE *out = fopen(file, "we");
        assert_non_null(out);
        fputs(owner, out);
        assert_int_equal(fclose(out), 0);
    }
    const struct timespec times[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    if (old)
        assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void remove_folder(const private_containerd *daemon, const char *name)
{
    char path[PATH_MAX], file[PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/%s", daemon->io_dir, name);
    snprintf(file, sizeof file, "%s/owner", path);
    unlink(file);
    assert_int_equal(rmdir(path), 0);
}

static void test_gc__knows_folders_by_the_owner_in_them(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    make_folder(daemon, "wfe-r-old-01234567-1", NULL, true);
    make_folder(daemon, "wfe-r-new-01234567-1", NULL, false);
    make_folder(daemon, "wfe-r-odd-01234567-1", "somebody", true);
    make_folder(daemon, "wfe-not-ours", NULL, true);
    make_folder(daemon, "something", "1:1:a-b:1", true);
    make_folder(daemon, ".hidden", NULL, true);
    json_t *json = gc_json(NULL);
    assert_int_equal(number(json, "removed"), 1);
    assert_int_equal(number(json, "left_alone"), 1);
    json_decref(json);
    assert_int_equal(count_entries(daemon->io_dir, "old", NULL), 0);
    remove_folder(daemon, "wfe-r-new-01234567-1");
    remove_folder(daemon, "wfe-r-odd-01234567-1");
    remove_folder(daemon, "wfe-not-ours");
    remove_folder(daemon, "something");
    remove_folder(daemon, ".hidden");
    assert_nothing_left(daemon);
}

/* ---- what is removed ---- */

static void test_gc__a_dry_run_changes_nothing(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    leave_step_behind("echo up; sleep 100");
    char first[512];
    snprintf(first, sizeof first, "%s", gc("--dry-run"));
    assert_non_null(strstr(first, "would remove  container"));
    assert_non_null(strstr(first, "would remove  snapshot"));
    assert_non_null(strstr(first, "would remove  folder"));
    assert_string_equal(gc("--dry-run"), first);
    private_containerd_leftovers left;
    private_containerd_count(daemon, &left);
    assert_int_equal(left.containers, 1);
    assert_int_equal(left.tasks, 1);
    assert_int_equal(left.snapshots, 1);
    assert_true(left.fifos >= 2); /* and what the shim has of its own */
    gc(NULL);
    assert_nothing_left(daemon);
    assert_string_equal(gc(NULL), "nothing to do\n");
}

static void test_gc__prints_what_it_did_as_json(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    static const char *const kinds[] = {"container", "snapshot", "folder"};
    leave_step_behind("echo up; sleep 100");
    json_t *json = gc_json(NULL);
    assert_true(json_is_false(json_object_get(json, "dry_run")));
    assert_int_equal(number(json, "removed"), 3);
    assert_int_equal(number(json, "failed"), 0);
    const json_t *items = json_object_get(json, "items");
    assert_int_equal(json_array_size(items), 3);
    for (size_t i = 0; i < 3; i++) {
        const char *kind = NULL, *outcome = NULL, *name = NULL, *run_label = NULL, *step = NULL,
                   *attempt = NULL, *owner = NULL, *reason = NULL;
        assert_int_equal(json_unpack(json_array_get(items, i), "{ss ss ss ss ss ss ss ss !}",
                                     "kind", &kind, "outcome", &outcome, "name", &name, "run",
                                     &run_label, "step", &step, "attempt", &attempt, "owner",
                                     &owner, "reason", &reason),
                         0);
        assert_string_equal(kind, kinds[i]);
        assert_string_equal(outcome, "removed");
        assert_non_null(strstr(name, prefix));
        assert_int_equal(*run_label != 0, i < 2);
        assert_int_equal(strncmp(step, prefix, strlen(prefix)) == 0, i < 2);
        assert_string_equal(attempt, i < 2 ? "1" : "");
        assert_non_null(strchr(owner, ':'));
    }
    json_decref(json);
    assert_nothing_left(daemon);
}

static void test_gc__ends_steps_that_are_frozen_or_stuck_in_a_write(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    char id[NAME_MAX + 1];
    leave_step_behind("echo up; sleep 100");
    assert_int_equal(count_entries(daemon->io_dir, prefix, id), 1);
    const char *pause_args[] = {"tasks", "pause", id, NULL};
    assert_int_equal(private_containerd_ctr(daemon, "default", pause_args, NULL), 0);
    leave_step_behind("echo up; exec yes");
    gc(NULL);
    assert_nothing_left(daemon);
}

static void test_gc__two_at_once_share_the_work(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    const char *args[] = {"gc", NULL};
    for (int i = 0; i < 4; i++)
        leave_step_behind("echo up; sleep 100");
    wfe_command *first = start(args), *second = start(args);
    wfe_command_result results[2];
    wfe_command_wait(first, &results[0]);
    wfe_command_wait(second, &results[1]);
    for (int i = 0; i < 2; i++) {
        assert_result(&results[i], 0, NULL);
        wfe_command_result_done(&results[i]);
    }
    assert_nothing_left(daemon);
}

static void test_gc__leaves_nothing_of_steps_killed_at_any_moment(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    static const char *const users[] = {"0:0", "root", "1000:1000", "nobody"};
    for (int i = 0; i < STEP_KILLS; i++) {
        wfe_command *command = start_step("sleep 1", users[i % 4]);
        usleep(random_us(STEP_KILL_WITHIN_MS));
        kill_command(command);
        if (i % 10 == 0) {
            gc(NULL);
            assert_nothing_left(daemon);
        }
    }
    gc(NULL);
    assert_nothing_left(daemon);
}

static void test_gc__leaves_nothing_of_imports_killed_at_any_moment(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    const images_archive archive = {.gzip = true, .layers = 6, .name = "docker.io/library/gc:1"};
    const char *ingests_args[] = {"content", "active", NULL};
    char path[128];
    snprintf(path, sizeof path, "%s/gc.tar", daemon->dir);
    images_make(&archive, path);
    const char *args[] = {"image", "import", path, NULL};
    for (int i = 0; i < IMPORT_KILLS; i++) {
        wfe_command *command = start(args);
        usleep(random_us(IMPORT_KILL_WITHIN_MS));
        kill_command(command);
    }
    gc(NULL);
    assert_nothing_left(daemon);
    char *ingests = NULL;
    assert_int_equal(private_containerd_ctr(daemon, "default", ingests_args, &ingests), 0);
    const char *end_of_header = strchr(ingests, '\n');
    if (end_of_header && end_of_header[1])
        fail_msg("ingests are left:\n%s", ingests);
    free(ingests);
    /* What is there of it serves the next try. */
    wfe_command_result result = run(args);
    assert_result(&result, 0, NULL);
    wfe_command_result_done(&result);
    assert_int_equal(unlink(path), 0);
    assert_nothing_left(daemon);
}

/* ---- what containerd has lost ---- */

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

/* Kills a step's wfe while runc makes the container: the shim finds no reader for its FIFOs, the
 * daemon waits for it and gives up. True when that is what happened. */
static bool lose_a_task(private_containerd *daemon)
{
    char id[NAME_MAX + 1] = "", path[PATH_MAX];
    wfe_command *command = start_step("sleep 1", "0:0");
    for (int i = 0; i < 50000 && !count_entries(RUNC_STATE, prefix, id); i++)
        usleep(100);
    kill_command(command);
    snprintf(path, sizeof path, "%s/state/io.containerd.runtime.v2.task/default/%s", daemon->dir,
             id);
    for (int waited_ms = 0; waited_ms < GIVES_UP_MS && *id; waited_ms += 100) {
        const char *tasks_args[] = {"tasks", "ls", "-q", NULL};
        char *tasks = NULL;
        if (!exists(path))
            return true;
        assert_int_equal(private_containerd_ctr(daemon, "default", tasks_args, &tasks), 0);
        bool known = strstr(tasks, id) != NULL;
        free(tasks);
        if (known && waited_ms > 1000)
            return false;
        poll(NULL, 0, 100);
    }
    return false;
}

/* containerd 1.7 takes everything back before it gives up; 1.6 leaves a shim, 2.x a container. */
static void test_gc__ends_what_containerd_has_lost_sight_of(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    bool expected = strncmp(daemon->version, "1.7", 3) != 0, gave_up = false, lost = false;
    for (int i = 0; i < LOST_TRIES && (!gave_up || lost != expected); i++) {
        private_containerd_leftovers left;
        if (lose_a_task(daemon)) {
            private_containerd_count(daemon, &left);
            gave_up = true;
            lost = lost || left.shims || count_entries(RUNC_STATE, prefix, NULL);
        }
        gc(NULL);
        assert_nothing_left(daemon);
    }
    assert_true(gave_up);
    if (expected)
        assert_true(lost);
}

/* What a containerd that is killed at the wrong moment leaves of a task: its folder alone, which
 * stands in the way of every task of that id. */
static void test_gc__removes_the_folder_of_a_task_that_is_no_more(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    static const char id[] = "wfe-r-bundle-01234567-1";
    char path[PATH_MAX], file[PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/state/io.containerd.runtime.v2.task/default", daemon->dir);
    if (mkdir(path, 0711) < 0)
        assert_int_equal(errno, EEXIST);
    snprintf(path, sizeof path, "%s/state/io.containerd.runtime.v2.task/default/%s", daemon->dir,
             id);
    assert_int_equal(mkdir(path, 0711), 0);
    snprintf(file, sizeof file, "%s/rootfs", path);
    assert_int_equal(mkdir(file, 0711), 0);
    assert_int_equal(mount("tmpfs", file, "tmpfs", 0, NULL), 0);
    snprintf(file, sizeof file, "%s/log", path);
    assert_int_equal(mkfifo(file, 0700), 0);
    make_folder(daemon, id, "1:1:a-b:1", true);
    json_t *json = gc_json(NULL);
    assert_int_equal(number(json, "left_alone"), 1); /* of another boot: not known to be dead */
    json_decref(json);
    assert_true(exists(path));
    json = gc_json("--all");
    assert_int_equal(number(json, "removed"), 1);
    json_decref(json);
    assert_false(exists(path));
    assert_nothing_left(daemon);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gc__says_that_there_is_nothing_to_do),
        cmocka_unit_test(test_gc__leaves_a_living_step_alone),
        cmocka_unit_test(test_gc__leaves_steps_alone_that_just_begin),
        cmocka_unit_test(test_gc__leaves_unknown_owners_alone_unless_told),
        cmocka_unit_test(test_gc__knows_folders_by_the_owner_in_them),
        cmocka_unit_test(test_gc__a_dry_run_changes_nothing),
        cmocka_unit_test(test_gc__prints_what_it_did_as_json),
        cmocka_unit_test(test_gc__ends_steps_that_are_frozen_or_stuck_in_a_write),
        cmocka_unit_test(test_gc__two_at_once_share_the_work),
        cmocka_unit_test(test_gc__leaves_nothing_of_steps_killed_at_any_moment),
        cmocka_unit_test(test_gc__leaves_nothing_of_imports_killed_at_any_moment),
        cmocka_unit_test(test_gc__ends_what_containerd_has_lost_sight_of),
        cmocka_unit_test(test_gc__removes_the_folder_of_a_task_that_is_no_more),
    };
    return cmocka_run_group_tests(tests, setup, private_containerd_group_teardown);
}
