/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/seccomp.h"

#include <stdlib.h>

#include "fixtures/wfe_assert.h"
#include "unit/own_architecture.h"

#define NAMESPACE_FLAGS 0x7E020000

static json_t *filter_for(const wfe_oci_seccomp_options *options)
{
    wfe_buf text = WFE_BUF_INIT(0);
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_oci_seccomp_write(options, &text, &err), &err);
    json_t *filter = json_loads(text.data, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(filter);
    wfe_buf_done(&text);
    return filter;
}

static json_t *filter_of(const char *architecture, wfe_oci_caps caps)
{
    return filter_for(&(wfe_oci_seccomp_options){.architecture = architecture, .caps = caps});
}

static bool names_call(json_t *rule, const char *call)
{
    size_t i;
    json_t *name;
    json_array_foreach(json_object_get(rule, "names"), i, name)
    {
        if (strcmp(json_string_value(name), call) == 0)
            return true;
    }
    return false;
}

static bool arguments_fit(json_t *rule, const uint64_t args[6])
{
    size_t i;
    json_t *arg;
    json_array_foreach(json_object_get(rule, "args"), i, arg)
    {
        uint64_t value = args[json_integer_value(json_object_get(arg, "index"))];
        uint64_t one = (uint64_t)json_integer_value(json_object_get(arg, "value"));
        uint64_t two = (uint64_t)json_integer_value(json_object_get(arg, "valueTwo"));
        assert_string_equal(json_string_value(json_object_get(arg, "op")), "SCMP_CMP_MASKED_EQ");
        if ((value & one) != two)
            return false;
    }
    return true;
}

/* What the filter gives for a call: 0 allowed, else the errno. */
static int decide(json_t *filter, const char *call, uint64_t first, uint64_t second)
{
    const uint64_t args[6] = {first, second};
    size_t i;
    json_t *rule;
    json_array_foreach(json_object_get(filter, "syscalls"), i, rule)
    {
        if (!names_call(rule, call) || !arguments_fit(rule, args))
            continue;
        if (strcmp(json_string_value(json_object_get(rule, "action")), "SCMP_ACT_ALLOW") == 0)
            return 0;
        return (int)json_integer_value(json_object_get(rule, "errnoRet"));
    }
    return (int)json_integer_value(json_object_get(filter, "defaultErrnoRet"));
}

static void assert_calls(json_t *filter, const char *const *calls, int wanted)
{
    for (; *calls; calls++) {
        int found = decide(filter, *calls, 0, 0);
        if (found != wanted)
            fail_msg("%s gives %d, wanted %d", *calls, found, wanted);
    }
}

static void assert_architectures(json_t *filter, const char *wanted)
{
    char *text = json_dumps(json_object_get(filter, "architectures"), JSON_COMPACT);
    assert_string_equal(text ? text : "", wanted);
    free(text);
}

static void test_oci_seccomp__denies_what_docker_denies(void **state)
{
    (void)state;
    static const char *const denied[] = {"mount",
                                         "umount",
                                         "umount2",
                                         "pivot_root",
                                         "unshare",
                                         "setns",
                                         "move_mount",
                                         "open_tree",
                                         "fsopen",
                                         "keyctl",
                                         "add_key",
                                         "request_key",
                                         "bpf",
                                         "perf_event_open",
                                         "reboot",
                                         "kexec_load",
                                         "kexec_file_load",
                                         "init_module",
                                         "finit_module",
                                         "delete_module",
                                         "clock_settime",
                                         "settimeofday",
                                         "stime",
                                         "swapon",
                                         "swapoff",
                                         "acct",
                                         "quotactl",
                                         "ioperm",
                                         "iopl",
                                         "syslog",
                                         "sethostname",
                                         "setdomainname",
                                         "userfaultfd",
                                         "io_uring_setup",
                                         "io_uring_enter",
                                         "io_uring_register",
                                         "open_by_handle_at",
                                         "fanotify_init",
                                         "nfsservctl",
                                         "process_madvise",
                                         "pidfd_getfd",
                                         "kcmp",
                                         "vhangup",
                                         "mbind",
                                         "chroot",
                                         "a_call_of_the_future",
                                         NULL};
    json_t *filter = filter_of("amd64", 0);
    assert_string_equal(json_string_value(json_object_get(filter, "defaultAction")),
                        "SCMP_ACT_ERRNO");
    assert_calls(filter, denied, 1);
    json_decref(filter);
}

static void test_oci_seccomp__allows_what_programs_need(void **state)
{
    (void)state;
    static const char *const allowed[] = {"read",
                                          "write",
                                          "openat",
                                          "openat2",
                                          "execve",
                                          "fork",
                                          "vfork",
                                          "wait4",
                                          "futex",
                                          "futex_waitv",
                                          "rseq",
                                          "mmap",
                                          "brk",
                                          "arch_prctl",
                                          "prctl",
                                          "seccomp",
                                          "ptrace",
                                          "process_vm_readv",
                                          "connect",
                                          "accept4",
                                          "sendmsg",
                                          "recvmsg",
                                          "socketpair",
                                          "socketcall",
                                          "setuid",
                                          "setgroups",
                                          "chown",
                                          "mknod",
                                          "memfd_create",
                                          "statx",
                                          "copy_file_range",
                                          "getrandom",
                                          "clock_gettime",
                                          "clock_gettime64",
                                          "timerfd_create",
                                          "epoll_pwait2",
                                          "pidfd_open",
                                          "landlock_create_ruleset",
                                          "landlock_add_rule",
                                          "close_range",
                                          "fchmodat2",
                                          "inotify_add_watch",
                                          "flock",
                                          "renameat2",
                                          "shmget",
                                          "mq_open",
                                          "capset",
                                          "io_setup",
                                          NULL};
    json_t *filter = filter_of("amd64", 0);
    assert_calls(filter, allowed, 0);
    json_decref(filter);
}

static void test_oci_seccomp__no_name_is_there_twice_in_a_rule(void **state)
{
    (void)state;
    json_t *filter = filter_of(NULL, WFE_OCI_CAPS_ALL);
    json_t *names =
        json_object_get(json_array_get(json_object_get(filter, "syscalls"), 0), "names");
    assert_true(json_array_size(names) > 400);
    json_t *seen = json_object();
    size_t i;
    json_t *name;
    json_array_foreach(names, i, name)
    {
        if (json_object_get(seen, json_string_value(name)))
            fail_msg("%s is there twice", json_string_value(name));
        assert_int_equal(json_object_set_new(seen, json_string_value(name), json_true()), 0);
    }
    json_decref(seen);
    json_decref(filter);
}

static void test_oci_seccomp__capabilities_allow_their_calls(void **state)
{
    (void)state;
    static const struct {
        wfe_oci_caps cap;
        const char *call;
    } cases[] = {
        {WFE_OCI_CAP_BIT(BPF), "bpf"},
        {WFE_OCI_CAP_BIT(DAC_READ_SEARCH), "open_by_handle_at"},
        {WFE_OCI_CAP_BIT(PERFMON), "perf_event_open"},
        {WFE_OCI_CAP_BIT(SYS_ADMIN), "mount"},
        {WFE_OCI_CAP_BIT(SYS_ADMIN), "unshare"},
        {WFE_OCI_CAP_BIT(SYS_ADMIN), "bpf"},
        {WFE_OCI_CAP_BIT(SYS_BOOT), "reboot"},
        {WFE_OCI_CAP_BIT(SYS_CHROOT), "chroot"},
        {WFE_OCI_CAP_BIT(SYS_MODULE), "finit_module"},
        {WFE_OCI_CAP_BIT(SYS_NICE), "mbind"},
        {WFE_OCI_CAP_BIT(SYS_PACCT), "acct"},
        {WFE_OCI_CAP_BIT(SYS_PTRACE), "pidfd_getfd"},
        {WFE_OCI_CAP_BIT(SYS_RAWIO), "iopl"},
        {WFE_OCI_CAP_BIT(SYS_TIME), "clock_settime"},
        {WFE_OCI_CAP_BIT(SYS_TTY_CONFIG), "vhangup"},
        {WFE_OCI_CAP_BIT(SYSLOG), "syslog"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *with = filter_of("amd64", cases[i].cap);
        json_t *without =
            filter_of("amd64", WFE_OCI_CAPS_ALL & ~cases[i].cap & ~WFE_OCI_CAP_BIT(SYS_ADMIN));
        assert_int_equal(decide(with, cases[i].call, 0, 0), 0);
        if (strcmp(cases[i].call, "bpf") != 0)
            assert_int_equal(decide(without, cases[i].call, 0, 0), 1);
        json_decref(with);
        json_decref(without);
    }
}

static void test_oci_seccomp__clone_makes_no_namespaces_without_sys_admin(void **state)
{
    (void)state;
    json_t *filter = filter_of("amd64", WFE_OCI_CAPS_ROOT);
    assert_int_equal(decide(filter, "clone", 0x003D0F00, 0), 0);
    assert_int_equal(decide(filter, "clone", 17, NAMESPACE_FLAGS), 0);
    for (uint64_t flag = 1; flag; flag <<= 1)
        assert_int_equal(decide(filter, "clone", flag | 17, 0), NAMESPACE_FLAGS & flag ? 1 : 0);
    json_decref(filter);
    filter = filter_of("amd64", WFE_OCI_CAP_BIT(SYS_ADMIN));
    assert_int_equal(decide(filter, "clone", NAMESPACE_FLAGS, 0), 0);
    json_decref(filter);
    filter = filter_of("s390x", 0);
    assert_int_equal(decide(filter, "clone", NAMESPACE_FLAGS, 17), 0);
    assert_int_equal(decide(filter, "clone", 0, NAMESPACE_FLAGS), 1);
    json_decref(filter);
}

/* EPERM would break every program of glibc 2.34 or newer that makes a thread. */
static void test_oci_seccomp__clone3_is_missing_without_sys_admin(void **state)
{
    (void)state;
    json_t *filter = filter_of("amd64", WFE_OCI_CAPS_ROOT);
    assert_int_equal(decide(filter, "clone3", 0, 0), 38);
    json_decref(filter);
    filter = filter_of("amd64", WFE_OCI_CAP_BIT(SYS_ADMIN));
    assert_int_equal(decide(filter, "clone3", 0, 0), 0);
    json_decref(filter);
}

static void test_oci_seccomp__sockets_of_the_host_and_of_its_crypto_are_denied(void **state)
{
    (void)state;
    json_t *filter = filter_of("amd64", WFE_OCI_CAPS_ALL);
    for (uint64_t family = 0; family < 64; family++) {
        bool denied = family == 38 || family == 40 || family >= 48;
        assert_int_equal(decide(filter, "socket", family, 0), denied ? 1 : 0);
    }
    /* The kernel ignores the high half, so the filter must too. */
    for (uint64_t high = (uint64_t)1 << 32; high; high <<= 1) {
        assert_int_equal(decide(filter, "socket", high | 38, 0), 1);
        assert_int_equal(decide(filter, "socket", high | 40, 0), 1);
    }
    json_decref(filter);
}

static void test_oci_seccomp__personality_has_five_values(void **state)
{
    (void)state;
    static const uint64_t allowed[] = {0, 8, 0x20000, 0x20008, 0xFFFFFFFF};
    static const uint64_t denied[] = {1, 9, 0x40000, 0x400000, 0x20009, 0xFFFFFFFE, 0xFFFFFFF7};
    json_t *filter = filter_of("amd64", 0);
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
        assert_int_equal(decide(filter, "personality", allowed[i], 0), 0);
    for (size_t i = 0; i < sizeof denied / sizeof *denied; i++)
        assert_int_equal(decide(filter, "personality", denied[i], 0), 1);
    json_decref(filter);
}

static void test_oci_seccomp__an_old_kernel_has_no_ptrace(void **state)
{
    (void)state;
    json_t *filter =
        filter_for(&(wfe_oci_seccomp_options){.architecture = "amd64", .kernel_before_4_8 = true});
    assert_int_equal(decide(filter, "ptrace", 0, 0), 1);
    assert_int_equal(decide(filter, "process_vm_writev", 0, 0), 1);
    json_decref(filter);
}

static void test_oci_seccomp__architectures_have_their_calls_and_32_bit_kin(void **state)
{
    (void)state;
    json_t *filter = filter_of("amd64", 0);
    assert_architectures(filter, "[\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_X86\",\"SCMP_ARCH_X32\"]");
    assert_int_equal(decide(filter, "modify_ldt", 0, 0), 0);
    assert_int_equal(decide(filter, "set_tls", 0, 0), 1);
    json_decref(filter);
    filter = filter_of("arm64", 0);
    assert_architectures(filter, "[\"SCMP_ARCH_AARCH64\",\"SCMP_ARCH_ARM\"]");
    assert_int_equal(decide(filter, "set_tls", 0, 0), 0);
    assert_int_equal(decide(filter, "arch_prctl", 0, 0), 1);
    json_decref(filter);
    filter = filter_of("riscv64", 0);
    assert_int_equal(decide(filter, "riscv_hwprobe", 0, 0), 0);
    json_decref(filter);
}

static void test_oci_seccomp__an_unknown_architecture_gets_the_calls_of_all(void **state)
{
    (void)state;
    static const char *const names[] = {NULL, "", "pdp11"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        json_t *filter = filter_of(names[i], 0);
        assert_null(json_object_get(filter, "architectures"));
        assert_int_equal(decide(filter, "arch_prctl", 0, 0), 0);
        assert_int_equal(decide(filter, "set_tls", 0, 0), 0);
        json_decref(filter);
    }
}

static void test_oci_seccomp__fewer_abis_are_named_when_asked_for(void **state)
{
    (void)state;
    json_t *filter = filter_for(
        &(wfe_oci_seccomp_options){.architecture = "amd64", .abis = WFE_OCI_SECCOMP_ABIS_NO_X32});
    assert_architectures(filter, "[\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_X86\"]");
    json_decref(filter);
    filter = filter_for(
        &(wfe_oci_seccomp_options){.architecture = "amd64", .abis = WFE_OCI_SECCOMP_ABIS_NATIVE});
    assert_architectures(filter, "[\"SCMP_ARCH_X86_64\"]");
    json_decref(filter);
}

static void test_oci_seccomp__the_text_stays_short(void **state)
{
    (void)state;
    json_t *filter = filter_of("amd64", WFE_OCI_CAPS_ROOT);
    char *text = json_dumps(filter, JSON_COMPACT);
    json_decref(filter);
    assert_true(strlen(text) < 8 * 1024); /* goes over the wire with each step */
    free(text);
}

/* ---- profiles of users ---- */

static void assert_refused(const char *text, int kind, const char *message, const char *hint)
{
    wfe_error err = WFE_ERROR_INIT;
    json_t *profile = NULL;
    assert_fails(wfe_oci_seccomp_parse(text, strlen(text), &profile, &err), kind, &err);
    assert_null(profile);
    assert_contains(err.message, "seccomp profile: ");
    assert_contains(err.message, message);
    assert_contains(err.hint, hint);
}

static void test_oci_seccomp__a_profile_of_a_user_is_taken_as_it_is(void **state)
{
    (void)state;
    static const char text[] =
        "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"SCMP_ARCH_X86_64\"],"
        "\"flags\":[\"SECCOMP_FILTER_FLAG_LOG\"],\"syscalls\":[{\"names\":[\"mkdir\"],\"comment\":"
        "\"why\",\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":13,\"args\":[{\"index\":1,\"value\":8,"
        "\"valueTwo\":0,\"op\":\"SCMP_CMP_NE\"}]}]}";
    wfe_error err = WFE_ERROR_INIT;
    json_t *profile = NULL;
    assert_ok(wfe_oci_seccomp_parse(text, sizeof text - 1, &profile, &err), &err);
    json_t *rule = json_array_get(json_object_get(profile, "syscalls"), 0);
    assert_int_equal(json_integer_value(json_object_get(rule, "errnoRet")), 13);
    assert_null(json_object_get(rule, "comment"));
    json_decref(profile);
    assert_ok(wfe_oci_seccomp_parse("{\"defaultAction\":\"SCMP_ACT_LOG\"}", 32, NULL, &err), &err);
}

static void test_oci_seccomp__the_default_filter_passes_the_check_of_profiles(void **state)
{
    (void)state;
    json_t *filter = filter_of("amd64", WFE_OCI_CAPS_ROOT);
    char *text = json_dumps(filter, JSON_COMPACT);
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_oci_seccomp_parse(text, strlen(text), NULL, &err), &err);
    free(text);
    json_decref(filter);
}

static void test_oci_seccomp__profiles_that_are_wrong_say_where(void **state)
{
    (void)state;
#define RULE(inside) "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[" inside "]}"
#define NAMED "\"names\":[\"a\"],\"action\":\"SCMP_ACT_ERRNO\""
    static const struct {
        const char *text, *message, *hint;
    } cases[] = {
        {"", "it is no JSON", ""},
        {"[]", "it is a list, must be an object", ""},
        {"{}", "defaultAction is missing", ""},
        {"{\"defaultAction\":1}", "defaultAction is a number", ""},
        {"{\"defaultAction\":\"SCMP_ACT_ALOW\"}", "SCMP_ACT_ALOW", "did you mean SCMP_ACT_ALLOW"},
        {"{\"defaultAction\":\"SCMP_ACT_NOTIFY\"}", "SCMP_ACT_NOTIFY", ""},
        {"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerPath\":\"/x\"}", "listenerPath", ""},
        {"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"sycalls\":[]}", "sycalls",
         "did you mean syscalls?"},
        {"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"archMap\":[]}", "archMap", "docker's form"},
        {"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"amd64\"]}",
         "architectures[0] is 'amd64'", ""},
        {"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[\"X\"]}", "flags[0] is 'X'", ""},
        {"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":4096}", "must be 0 to 4095",
         ""},
        {"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":{}}", "syscalls is an object", ""},
        {RULE("1"), "syscalls[0] is a number", ""},
        {RULE("{" NAMED ",\"includes\":{}}"), "includes", "docker's form"},
        {RULE("{\"action\":\"SCMP_ACT_ALLOW\"}"), "syscalls[0].names is missing", ""},
        {RULE("{\"names\":[],\"action\":\"SCMP_ACT_ALLOW\"}"), "syscalls[0].names is empty", ""},
        {RULE("{\"names\":[\"\"],\"action\":\"SCMP_ACT_ALLOW\"}"), "syscalls[0].names[0]", ""},
        {RULE("{\"names\":[\"a\"]}"), "syscalls[0].action is missing", ""},
        {RULE("{" NAMED "},{" NAMED ",\"errnoRet\":-1}"), "syscalls[1].errnoRet is -1", ""},
        {RULE("{" NAMED ",\"args\":[{\"index\":6,\"value\":0,\"op\":\"SCMP_CMP_EQ\"}]}"),
         "syscalls[0].args[0].index is 6, must be 0 to 5", ""},
        {RULE("{" NAMED ",\"args\":[{\"index\":0,\"value\":-1,\"op\":\"SCMP_CMP_EQ\"}]}"),
         "args[0].value is -1", ""},
        {RULE("{" NAMED ",\"args\":[{\"index\":0,\"value\":1,\"op\":\"EQ\"}]}"), "args[0].op", ""},
        {RULE("{" NAMED ",\"args\":{}}"), "syscalls[0].args is an object", ""},
        {"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"defaultAction\":\"SCMP_ACT_ALLOW\"}", "no JSON",
         ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_refused(cases[i].text, WFE_E_INVALID, cases[i].message, cases[i].hint);
}

static void test_oci_seccomp__profiles_have_limits(void **state)
{
    (void)state;
    char *text = calloc(1, WFE_OCI_SECCOMP_MAX_BYTES + 2);
    memset(text, ' ', WFE_OCI_SECCOMP_MAX_BYTES + 1);
    assert_refused(text, WFE_E_LIMIT, "at most 1 MiB", "");
    size_t len = (size_t)sprintf(text, "{\"defaultAction\":\"SCMP_ACT_LOG\",\"syscalls\":[1");
    for (size_t i = 0; i < WFE_OCI_SECCOMP_MAX_RULES; i++)
        len += (size_t)sprintf(text + len, ",1");
    sprintf(text + len, "]}");
    assert_refused(text, WFE_E_LIMIT, "4097 rules", "");
    free(text);
}

static void test_oci_seccomp__compiled_filters_are_for_what_they_fit(void **state)
{
    (void)state;
    wfe_oci_seccomp_options options = {.architecture = OWN_ARCHITECTURE,
                                       .abis = WFE_OCI_SECCOMP_ABIS_NO_X32};
    assert_string_equal(wfe_oci_seccomp_compiled(&options), "default");
    options.caps = WFE_OCI_CAP_BIT(CHOWN); /* decides nothing */
    assert_string_equal(wfe_oci_seccomp_compiled(&options), "default");
    options.caps = WFE_OCI_CAPS_ROOT;
    assert_string_equal(wfe_oci_seccomp_compiled(&options), "default+chroot");
    options.caps = WFE_OCI_CAPS_ROOT | WFE_OCI_CAP_BIT(SYS_PTRACE);
    assert_null(wfe_oci_seccomp_compiled(&options));
    options.caps = WFE_OCI_CAPS_ALL;
    assert_null(wfe_oci_seccomp_compiled(&options));
    options.caps = 0;
    options.kernel_before_4_8 = true;
    assert_null(wfe_oci_seccomp_compiled(&options));
    options.kernel_before_4_8 = false;
    options.abis = WFE_OCI_SECCOMP_ABIS_ALL;
    assert_null(wfe_oci_seccomp_compiled(&options));
    options.abis = WFE_OCI_SECCOMP_ABIS_NO_X32;
    options.architecture = "s390x";
    assert_null(wfe_oci_seccomp_compiled(&options));
    options.architecture = NULL;
    assert_null(wfe_oci_seccomp_compiled(&options));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_oci_seccomp__denies_what_docker_denies),
        cmocka_unit_test(test_oci_seccomp__allows_what_programs_need),
        cmocka_unit_test(test_oci_seccomp__no_name_is_there_twice_in_a_rule),
        cmocka_unit_test(test_oci_seccomp__capabilities_allow_their_calls),
        cmocka_unit_test(test_oci_seccomp__clone_makes_no_namespaces_without_sys_admin),
        cmocka_unit_test(test_oci_seccomp__clone3_is_missing_without_sys_admin),
        cmocka_unit_test(test_oci_seccomp__sockets_of_the_host_and_of_its_crypto_are_denied),
        cmocka_unit_test(test_oci_seccomp__personality_has_five_values),
        cmocka_unit_test(test_oci_seccomp__an_old_kernel_has_no_ptrace),
        cmocka_unit_test(test_oci_seccomp__architectures_have_their_calls_and_32_bit_kin),
        cmocka_unit_test(test_oci_seccomp__an_unknown_architecture_gets_the_calls_of_all),
        cmocka_unit_test(test_oci_seccomp__fewer_abis_are_named_when_asked_for),
        cmocka_unit_test(test_oci_seccomp__the_text_stays_short),
        cmocka_unit_test(test_oci_seccomp__compiled_filters_are_for_what_they_fit),
        cmocka_unit_test(test_oci_seccomp__a_profile_of_a_user_is_taken_as_it_is),
        cmocka_unit_test(test_oci_seccomp__the_default_filter_passes_the_check_of_profiles),
        cmocka_unit_test(test_oci_seccomp__profiles_that_are_wrong_say_where),
        cmocka_unit_test(test_oci_seccomp__profiles_have_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
