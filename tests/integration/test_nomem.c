/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory that runs out, at every allocation in turn: each run must succeed in full, or say that
 * there is no memory. No crash, no hang, no leak, nothing left at the daemon.
 *
 * A whole step is tried at a spread of 160 allocations and at the last 100, which are its clean-up;
 * WFE_TEST_NOMEM_ALL=1 tries every one.
 */
#include "failing_malloc.h"

#include <signal.h>
#include <unistd.h>

#include <wfe/wfe.h>

#include "fixtures/images.h"
#include "fixtures/private_containerd.h"
#include "fixtures/wfe_assert.h"

#define STEP_POINTS 160
#define CLEANUP_POINTS 100
#define LIMIT_S 60
#define SCRIPT                                                                                     \
    "echo hi; echo oops >&2; echo '##wfe[output key=value]'; echo 'file=x' >>\"$WFE_OUTPUT\""

static const char *what;
static unsigned long at;

static void on_alarm(int signal_number)
{
    static const char text[] = "\na run with too little memory hangs\n";
    (void)signal_number;
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0)
        _exit(1);
    abort();
}

static int setup(void **state)
{
    int rc = failing_malloc_init();
    signal(SIGALRM, on_alarm);
    if (!rc)
        rc = private_containerd_group_setup(state);
    private_containerd *daemon = *state;
    if (!rc && !daemon->skip_reason[0])
        images_need_busybox(daemon);
    return rc;
}

static int open_client(const private_containerd *daemon, wfe_client **ret, wfe_error *err)
{
    const wfe_client_options options = {
        .size = sizeof options,
        .address = daemon->address,
        .io_dir = daemon->io_dir,
        .state_dir = daemon->dir,
    };
    return wfe_client_new(&options, ret, err);
}

/* What is tried: does its work with the allocator armed, frees everything, and gives what it ended
 * with. *complete tells whether a success was a whole one. */
typedef int (*attempt_fn)(const private_containerd *daemon, bool *complete, wfe_error *err);

static int make_client(const private_containerd *daemon, bool *complete, wfe_error *err)
{
    wfe_client *client = NULL;
    int rc = open_client(daemon, &client, err);
    *complete = client != NULL;
    wfe_client_free(client);
    return rc;
}

static int ask_version(const private_containerd *daemon, bool *complete, wfe_error *err)
{
    wfe_client *client = NULL;
    wfe_daemon_version version = {0};
    int rc = open_client(daemon, &client, err);
    if (!rc)
        rc = wfe_client_daemon_version(client, &version, err);
    *complete = version.version[0] != '\0';
    wfe_client_free(client);
    return rc;
}

static int list_images(const private_containerd *daemon, bool *complete, wfe_error *err)
{
    wfe_client *client = NULL;
    wfe_image_list *list = NULL;
    const wfe_image_ls_options options = {.size = sizeof options, .details = true};
    int rc = open_client(daemon, &client, err);
    if (!rc)
        rc = wfe_image_ls(client, &options, &list, err);
    const wfe_image_info *image = wfe_image_list_at(list, 0);
    *complete = wfe_image_list_length(list) == 1 && strcmp(image->name, IMAGES_BUSYBOX) == 0 &&
                image->unpacked && image->complete && image->platforms[0] && image->size_bytes > 0;
    wfe_image_list_free(list);
    wfe_client_free(client);
    return rc;
}

static int inspect_image(const private_containerd *daemon, bool *complete, wfe_error *err)
{
    wfe_client *client = NULL;
    wfe_image_details *details = NULL;
    const wfe_image_inspect_options options = {.size = sizeof options, .ref = "busybox"};
    int rc = open_client(daemon, &client, err);
    if (!rc)
        rc = wfe_image_inspect(client, &options, &details, err);
    const char *json = details ? wfe_image_details_json(details) : "";
    *complete = strstr(json, "\"chain_id\":\"sha256:") && strstr(json, "\"unpacked\":[\"over") &&
                strstr(json, "\"diff_ids\":[\"") && strstr(json, "\"present\":true");
    wfe_image_details_free(details);
    wfe_client_free(client);
    return rc;
}

/* Not found is what it gives when there is enough memory. */
static int run_missing_image(const private_containerd *daemon, bool *complete, wfe_error *err)
{
    wfe_client *client = NULL;
    wfe_step_result *result = NULL;
    const wfe_step_options step = {
        .size = sizeof step, .image = "docker.io/no/such:1", .run = "true", .pull = "never"};
    int rc = open_client(daemon, &client, err);
    if (!rc)
        rc = wfe_step_run(client, &step, &result, err);
    wfe_step_result_free(result);
    wfe_client_free(client);
    *complete = rc == WFE_E_NOT_FOUND;
    return *complete ? 0 : rc;
}

static bool is_text(const wfe_step_result *result, enum wfe_stream stream, const char *text)
{
    return strcmp(wfe_step_result_stream(result, stream, NULL), text) == 0;
}

static bool is_whole(const wfe_step_result *result)
{
    const char *key = wfe_step_result_output(result, "key");
    const char *file = wfe_step_result_output(result, "file");
    return wfe_step_result_exit_code(result) == 0 && is_text(result, WFE_STDERR, "oops\n") &&
           is_text(result, WFE_STDOUT, "hi\n##wfe[output key=value]\n") && key &&
           strcmp(key, "value") == 0 && file && strcmp(file, "x") == 0;
}

/* No text is fine, half a one is not. */
static bool is_json(char *text)
{
    size_t len = text ? strlen(text) : 0;
    bool fine =
        !text || (len > 2 && text[0] == '{' && text[len - 1] == '}' &&
                  strstr(text, "\"test.exit_code\":0") && strstr(text, "\"key\":\"value\""));
    free(text);
    return fine;
}

static int run_step(const private_containerd *daemon, bool *complete, wfe_error *err)
{
    wfe_client *client = NULL;
    wfe_step_result *result = NULL;
    const char *const env[] = {"A=1", "B=2", NULL};
    const char *const secrets[] = {"TOKEN=hunter2", NULL};
    const char *const ulimits[] = {"nofile=1024", NULL};
    const char *const tmpfs[] = {"/work:size=1m", NULL};
    const wfe_volume volume = {.source = "/tmp", .target = "/mnt/tmp", .readonly = true};
    const wfe_step_options step = {
        .size = sizeof step,
        .image = IMAGES_BUSYBOX,
        .run = SCRIPT,
        .name = "test",
        .user = "root",
        .env = env,
        .secret_env = secrets,
        .ulimits = ulimits,
        .tmpfs = tmpfs,
        .volumes = &volume,
        .n_volumes = 1,
        .memory = "64m",
        .timeout_ms = 60000,
    };
    int rc = open_client(daemon, &client, err);
    if (!rc)
        rc = wfe_step_run(client, &step, &result, err);
    *complete = result && is_whole(result);
    if (result)
        *complete = is_json(wfe_step_result_json(result)) &&
                    is_json(wfe_step_result_data_json(result)) && *complete;
    wfe_step_result_free(result);
    wfe_client_free(client);
    return rc;
}

/* One run in which the n-th allocation fails; false when it never came to that. */
static bool attempt(attempt_fn fn, const private_containerd *daemon, unsigned long n, bool for_good)
{
    wfe_error err = WFE_ERROR_INIT;
    bool complete = false;
    long live = failing.live;
    at = n;
    alarm(LIMIT_S);
    failing_malloc_arm(n, for_good);
    int rc = fn(daemon, &complete, &err);
    unsigned long failed = failing_malloc_disarm();
    alarm(0);
    if (rc == 0 ? !complete : err.kind != WFE_E_NOMEM || rc != err.kind || !failed) {
        print_error("%s, allocation %lu of it failing%s: gave %d, %s\n", what, at,
                    for_good ? " and all after it" : "", rc, complete ? "whole" : "not whole");
        wfe_assert_print(&err);
        fail();
    }
    if (failing.live != live)
        fail_msg("%s, allocation %lu of it failing: %ld blocks leaked", what, at,
                 failing.live - live);
    return failed > 0;
}

/* How many allocations one run makes. The first run also makes those that are made once. */
static unsigned long count(attempt_fn fn, const private_containerd *daemon)
{
    bool complete = false;
    assert_int_equal(fn(daemon, &complete, NULL), 0);
    attempt(fn, daemon, 0, false);
    return failing.count;
}

static void try_every(const char *name, attempt_fn fn, private_containerd *daemon, bool for_good)
{
    what = name;
    unsigned long total = count(fn, daemon), n = 1;
    while (attempt(fn, daemon, n, for_good))
        n++;
    assert_true(n > 1 && n > total / 2);
    print_message("%s: %lu allocations\n", name, n - 1);
}

static unsigned long gcd(unsigned long a, unsigned long b)
{
    return b ? gcd(b, a % b) : a;
}

static void test_nomem__client_is_made_or_not(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    try_every("making a client", make_client, daemon, false);
    try_every("making a client", make_client, daemon, true);
}

static void test_nomem__version_is_told_or_not(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    try_every("asking for the version", ask_version, daemon, false);
    try_every("asking for the version", ask_version, daemon, true);
}

static void test_nomem__images_are_listed_or_not(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    try_every("listing images", list_images, daemon, false);
    try_every("listing images", list_images, daemon, true);
}

static void test_nomem__image_is_inspected_or_not(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    try_every("inspecting an image", inspect_image, daemon, false);
    try_every("inspecting an image", inspect_image, daemon, true);
}

static void test_nomem__missing_image_is_told_or_not(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    try_every("a step with a missing image", run_missing_image, daemon, false);
    try_every("a step with a missing image", run_missing_image, daemon, true);
    private_containerd_assert_clean(daemon);
}

static void test_nomem__step_runs_or_not_and_leaves_nothing(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    what = "a step";
    if (getenv("WFE_TEST_NOMEM_ALL")) {
        try_every(what, run_step, daemon, false);
        private_containerd_assert_clean(daemon);
        return;
    }
    unsigned long total = count(run_step, daemon), stride = total * 5 / 8;
    while (gcd(stride, total) != 1)
        stride++;
    for (unsigned long i = 0; i < STEP_POINTS; i++)
        attempt(run_step, daemon, i * stride % total + 1, false);
    assert_true(total > CLEANUP_POINTS);
    for (unsigned long n = total - CLEANUP_POINTS; n <= total; n++)
        attempt(run_step, daemon, n, false);
    print_message("%s: %d of %lu allocations\n", what, STEP_POINTS + CLEANUP_POINTS, total);
    private_containerd_assert_clean(daemon);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nomem__client_is_made_or_not),
        cmocka_unit_test(test_nomem__version_is_told_or_not),
        cmocka_unit_test(test_nomem__images_are_listed_or_not),
        cmocka_unit_test(test_nomem__image_is_inspected_or_not),
        cmocka_unit_test(test_nomem__missing_image_is_told_or_not),
        cmocka_unit_test(test_nomem__step_runs_or_not_and_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, setup, private_containerd_group_teardown);
}
