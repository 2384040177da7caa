/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/spelling.h"

#include "fixtures/wfe_assert.h"
#include "step/config.h"

/* What the library says about the options, spelled for the command. */
static void assert_spelled(const wfe_step_options *given, const char *begin)
{
    wfe_step_options o = *given;
    wfe_step_config config;
    wfe_error err = WFE_ERROR_INIT;
    o.size = sizeof o;
    if (!o.image)
        o.image = "busybox";
    if (wfe_step_config_init(&config, &o, true, &err) == 0)
        fail_msg("'%s' was not refused", begin);
    wfe_spelling_of_command(&err);
    if (strncmp(err.message, begin, strlen(begin)) != 0)
        fail_msg("'%s' does not begin with '%s'", err.message, begin);
}

#define refused(begin, ...) assert_spelled(&(wfe_step_options){__VA_ARGS__}, begin)
#define LIST(text) ((const char *const[]){text, NULL})

static void test_spelling__is_the_command_s(void **state)
{
    (void)state;
    const wfe_volume no_source = {.source = "/no/such", .target = "/x"};
    const wfe_volume no_target = {.source = "/tmp", .target = "x"};
    refused("--memory is ", .memory = "x");
    refused("--cpu is ", .cpu = "x");
    refused("--pids is ", .pids = "x");
    refused("--shm-size is ", .shm_size = "x");
    refused("--ulimit is ", .ulimits = LIST("x"));
    refused("--tmpfs is ", .tmpfs = LIST("x"));
    refused("--cap-add has ", .cap_add = LIST("x"));
    refused("--cap-drop has ", .cap_drop = LIST("x"));
    refused("--seccomp is ", .seccomp = "x");
    refused("--hostname is ", .hostname = "-");
    refused("--dns is ", .dns = LIST("x"));
    refused("--add-host is ", .extra_hosts = LIST("x"));
    refused("--label is ", .labels = LIST("x"));
    refused("--label 'wfe.a=b'", .labels = LIST("wfe.a=b"));
    refused("--network is ", .network = "x");
    refused("--workdir is ", .working_dir = "x");
    refused("--env number 1 ", .env = LIST("x"));
    refused("--image is ", .image = "");
    refused("--shell is ", .shell = LIST("bash"));
    refused("--output-limit is ", .output_limit_bytes = SIZE_MAX);
    refused("--timeout is ", .timeout_ms = UINT64_MAX);
    refused("--grace is ", .grace_ms = UINT64_MAX);
    refused("--volume: source '/no/such'", .volumes = &no_source, .n_volumes = 1);
    refused("--volume: target is 'x'", .volumes = &no_target, .n_volumes = 1);
}

static void test_spelling__leaves_other_texts_alone(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    wfe_spelling_of_command(&err);
    assert_string_equal(err.message, "");
    wfe_error_set(&err, WFE_E_INVALID, "the memory of cpu is gone");
    wfe_spelling_of_command(&err);
    assert_string_equal(err.message, "the memory of cpu is gone");
}

static void test_spelling__cuts_a_long_text_between_letters(void **state)
{
    (void)state;
    char text[2 * WFE_ERROR_MESSAGE_SIZE] = "shm_size is";
    for (size_t len = strlen(text); len + 2 < sizeof text; len += 2)
        memcpy(text + len, "\xc3\xa4", 3);
    wfe_error err = WFE_ERROR_INIT;
    wfe_error_set(&err, WFE_E_INVALID, "%s", text);
    wfe_spelling_of_command(&err);
    size_t len = strlen(err.message);
    assert_in_range(len, WFE_ERROR_MESSAGE_SIZE - 3, WFE_ERROR_MESSAGE_SIZE - 1);
    assert_memory_equal(err.message + len - 2, "\xc3\xa4", 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spelling__is_the_command_s),
        cmocka_unit_test(test_spelling__leaves_other_texts_alone),
        cmocka_unit_test(test_spelling__cuts_a_long_text_between_letters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
