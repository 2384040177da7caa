/* SPDX-License-Identifier: Apache-2.0
 *
 * The texts are those of containerd 1.6 with runc 1.1.
 */
#include "step/explain.h"

#include "fixtures/wfe_assert.h"

#define RUNC                                                                                       \
    "failed to create task 'x': failed to create shim task: OCI runtime create failed: runc "      \
    "create failed: unable to start container process: error during container init: "

static const wfe_step_explain_input input = {
    .runtime = "io.containerd.nope.v1", .apparmor = "nope", .pids = 2, .own_filter = true};

static wfe_error from_containerd(const char *text)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_error_set(&err, WFE_E_INTERNAL, "%s", text);
    err.grpc_status = 2;
    return err;
}

static void assert_explained(const char *text, int kind, const char *message)
{
    wfe_error err = from_containerd(text);
    assert_true(wfe_step_explain(&input, &err));
    assert_string_equal(err.message, message);
    assert_int_equal(err.kind, kind);
    assert_int_equal(err.grpc_status, 2);
}

static void test_step_explain__names_the_runtime(void **state)
{
    (void)state;
    assert_explained("failed to create task 'x': failed to start shim: failed to resolve runtime "
                     "path: invalid runtime name nope, correct runtime name should be either "
                     "format like `io.containerd.runc.v1` or a full path to the binary",
                     WFE_E_INVALID, "runtime 'io.containerd.nope.v1' is no name of a runtime");
    assert_explained("failed to create task 'x': failed to start shim: failed to resolve runtime "
                     "path: runtime \"io.containerd.nope.v1\" binary not installed "
                     "\"containerd-shim-nope-v1\": file does not exist",
                     WFE_E_NOT_FOUND,
                     "containerd does not find the program of runtime 'io.containerd.nope.v1'");
}

static void test_step_explain__names_the_apparmor_profile(void **state)
{
    (void)state;
    assert_explained(RUNC "unable to apply apparmor profile: apparmor failed to apply profile: "
                          "write /proc/self/attr/exec: invalid argument: unknown",
                     WFE_E_NOT_FOUND,
                     "AppArmor profile 'nope' cannot be applied; it is not loaded on containerd's "
                     "machine");
    wfe_error err = from_containerd(RUNC "apparmor failed to apply profile: x");
    const wfe_step_explain_input without = {.runtime = "r"};
    assert_false(wfe_step_explain(&without, &err));
}

static void test_step_explain__names_the_mount(void **state)
{
    (void)state;
    assert_explained(RUNC "error mounting \"/tmp\" to rootfs at \"/etc/passwd\": mount "
                          "/tmp:/etc/passwd (via /proc/self/fd/6), flags: 0x5006: not a "
                          "directory: unknown",
                     WFE_E_INVALID,
                     "'/tmp' cannot be mounted at '/etc/passwd': one of them is a folder and the "
                     "other is not");
    assert_explained(RUNC "error mounting \"/tmp\" to rootfs at \"/proc/x\": \"/r/rootfs/proc/x\" "
                          "cannot be mounted because it is inside /proc: unknown",
                     WFE_E_INVALID, "'/tmp' cannot be mounted at '/proc/x': it is inside of /proc");
}

static void test_step_explain__names_ulimits(void **state)
{
    (void)state;
    assert_explained(RUNC "error setting rlimits for ready process: error setting rlimit type 7: "
                          "operation not permitted: unknown",
                     WFE_E_DENIED, "a ulimit is higher than containerd's machine allows");
}

static void test_step_explain__names_a_mount_over_dev_null(void **state)
{
    (void)state;
    assert_explained(RUNC "error reopening /dev/null inside container: open /dev/null: permission "
                          "denied: unknown",
                     WFE_E_INVALID,
                     "what is mounted at /dev/null in the container is not that device");
}

static void test_step_explain__names_the_pids_limit(void **state)
{
    (void)state;
    static const wfe_step_explain_input unlimited = {.runtime = "r"};
    static const char *const texts[] = {
        "failed to create task 'x': runtime/cgo: pthread_create failed: Resource temporarily "
        "unavailable SIGABRT: abort PC=0x7f5307e20eec m=2 sigcode=18446744073709551610",
        RUNC "fork/exec /proc/self/exe: resource temporarily unavailable",
        "failed to create task 'x': runtime: failed to create new OS thread: newosproc",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_explained(texts[i], WFE_E_LIMIT,
                         "with at most 2 processes and threads the container cannot be started");
        wfe_error err = from_containerd(texts[i]);
        assert_false(wfe_step_explain(&unlimited, &err));
    }
}

static void test_step_explain__names_a_filter_of_the_step_s_own(void **state)
{
    (void)state;
    static const wfe_step_explain_input without = {.runtime = "r"};
    static const char *const texts[] = {
        "failed to start task 'x': cannot start a stopped process: unknown",
        "failed to start task 'x': OCI runtime start failed: cannot start a container that has "
        "stopped: unknown",
        RUNC "unable to init seccomp: error loading seccomp filter: operation not permitted",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        wfe_error err = from_containerd(texts[i]);
        assert_true(wfe_step_explain(&input, &err));
        assert_contains(err.message, "under the seccomp profile of its own: failed to ");
        assert_contains(err.hint, "execve");
        err = from_containerd(texts[i]);
        assert_false(wfe_step_explain(&without, &err));
    }
}

static void test_step_explain__names_a_ulimit_that_is_too_small(void **state)
{
    (void)state;
    static const wfe_step_explain_input without = {.runtime = "r"}, with = {.ulimits = true};
    const char *text = RUNC "error closing exec fds: open /proc/self/fd: too many open files";
    wfe_error err = from_containerd(text);
    assert_true(wfe_step_explain(&with, &err));
    assert_string_equal(err.message,
                        "under its ulimits the container cannot be started: too many open files");
    assert_contains(err.hint, "ulimit nofile");
    err = from_containerd(text);
    assert_false(wfe_step_explain(&without, &err));
}

static void test_step_explain__leaves_other_texts_alone(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "mounting \"",
                                        "mounting \"a",
                                        "mounting \"a\" to rootfs at ",
                                        "mounting \"a\" to rootfs at \"b",
                                        "mounting \"a\" to rootfs at \"b\": who knows",
                                        "something else"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        wfe_error err = from_containerd(texts[i]);
        assert_false(wfe_step_explain(&input, &err));
        assert_string_equal(err.message, texts[i]);
        assert_int_equal(err.kind, WFE_E_INTERNAL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_step_explain__names_the_runtime),
        cmocka_unit_test(test_step_explain__names_the_apparmor_profile),
        cmocka_unit_test(test_step_explain__names_the_mount),
        cmocka_unit_test(test_step_explain__names_ulimits),
        cmocka_unit_test(test_step_explain__names_a_mount_over_dev_null),
        cmocka_unit_test(test_step_explain__names_the_pids_limit),
        cmocka_unit_test(test_step_explain__names_a_filter_of_the_step_s_own),
        cmocka_unit_test(test_step_explain__names_a_ulimit_that_is_too_small),
        cmocka_unit_test(test_step_explain__leaves_other_texts_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
