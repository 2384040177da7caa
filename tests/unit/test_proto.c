/* SPDX-License-Identifier: Apache-2.0
 *
 * Are wfe's messages and rpcs those of containerd? proto_check.py compares the .proto files with
 * the ones Debian ships with containerd's source; here the tables of calls are printed for it, so
 * that what the C code calls, and with which types, is compared as well.
 */
#include "fixtures/wfe_assert.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "containerd/containers.h"
#include "containerd/content.h"
#include "containerd/diff.h"
#include "containerd/events.h"
#include "containerd/images.h"
#include "containerd/introspection.h"
#include "containerd/leases.h"
#include "containerd/namespaces.h"
#include "containerd/snapshots.h"
#include "containerd/streaming.h"
#include "containerd/tasks.h"
#include "containerd/transfer.h"
#include "containerd/version.h"

#define GO_SOURCES "/usr/share/gocode/src"
#define NOT_INSTALLED 77

struct row {
    const wfe_containerd_method *method;
    const char *path;
    const char *request_type;
    const char *reply_type;
    const char *reply_name; /* C name of the descriptor */
    size_t reply_size;
    const ProtobufCMessageDescriptor *reply;
    const char *kind;
};

#define ROW_(call, path, Request, Reply, reply_name, subject, operation, deadline, flags, kind)    \
    {&wfe_##call##_method,      path, #Request, #Reply, #reply_name, sizeof(Reply),                \
     &reply_name##__descriptor, kind},
#define UNARY_(...) ROW_(__VA_ARGS__, "unary")
#define STREAM_(...) ROW_(__VA_ARGS__, "stream")
#define BIDI_(...) ROW_(__VA_ARGS__, "bidi")

static const struct row rows[] = {
    WFE_VERSION_UNARY(UNARY_) WFE_NAMESPACES_UNARY(UNARY_) WFE_INTROSPECTION_UNARY(UNARY_)
        WFE_LEASES_UNARY(UNARY_) WFE_IMAGES_UNARY(UNARY_) WFE_CONTENT_UNARY(UNARY_)
            WFE_CONTENT_STREAMS(STREAM_) WFE_CONTENT_BIDI(BIDI_) WFE_SNAPSHOTS_UNARY(UNARY_)
                WFE_SNAPSHOTS_STREAMS(STREAM_) WFE_DIFF_UNARY(UNARY_) WFE_CONTAINERS_UNARY(UNARY_)
                    WFE_CONTAINERS_STREAMS(STREAM_) WFE_TASKS_UNARY(UNARY_)
                        WFE_EVENTS_STREAMS(STREAM_) WFE_TRANSFER_UNARY(UNARY_)
                            WFE_STREAMING_BIDI(BIDI_)};

#define N_ROWS (sizeof rows / sizeof rows[0])

/* "PbImages__GetImageResponse" and "pb_images__get_image_response" are the same thing. */
static void flatten(const char *name, char out[128])
{
    size_t n = 0;
    for (; *name && n < 127; name++) {
        if (*name != '_')
            out[n++] = (char)(*name >= 'A' && *name <= 'Z' ? *name - 'A' + 'a' : *name);
    }
    out[n] = '\0';
}

static void test_proto__each_method_unpacks_the_reply_its_type_promises(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_ROWS; i++) {
        char type[128], name[128];
        flatten(rows[i].reply_type, type);
        flatten(rows[i].reply_name, name);
        assert_string_equal(type, name);
        assert_ptr_equal(rows[i].method->reply, rows[i].reply);
        assert_int_equal(rows[i].reply_size, rows[i].reply->sizeof_message);
        assert_string_equal(rows[i].method->path, rows[i].path);
    }
}

/* The retry rules: what asks, waits or ends may be sent twice, what makes or changes may not. */
static void test_proto__only_what_asks_waits_or_ends_is_repeated(void **state)
{
    (void)state;
    static const char *const repeatable[] = {
        "Get",          "List",          "Stat",           "Info",          "Read",
        "Wait",         "Delete",        "Remove",         "Kill",          "Mounts",
        "Usage",        "Status",        "Abort",          "Metrics",       "Server",
        "Version",      "Cleanup",       "ListStream",     "DeleteProcess", "ListPids",
        "ListStatuses", "ListResources", "DeleteResource", "Plugins",       "PluginInfo"};
    for (size_t i = 0; i < N_ROWS; i++) {
        const char *name = strrchr(rows[i].path, '/') + 1;
        bool found = false;
        for (size_t j = 0; j < sizeof repeatable / sizeof repeatable[0]; j++)
            found |= strcmp(name, repeatable[j]) == 0;
        if (found != rows[i].method->idempotent)
            fail_msg("%s: idempotent is %d", rows[i].path, rows[i].method->idempotent);
    }
}

static void test_proto__only_wait_and_subscribe_have_no_deadline(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_ROWS; i++) {
        const char *name = strrchr(rows[i].path, '/') + 1;
        bool endless = strcmp(name, "Wait") == 0 || strcmp(name, "Subscribe") == 0;
        if (endless != (rows[i].method->deadline_ms == 0))
            fail_msg("%s: deadline is %d ms", rows[i].path, (int)rows[i].method->deadline_ms);
    }
}

static void test_proto__only_daemon_wide_services_go_without_a_namespace(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_ROWS; i++) {
        bool wide = strstr(rows[i].path, ".version.") || strstr(rows[i].path, ".introspection.");
        if (wide != rows[i].method->no_namespace)
            fail_msg("%s: no_namespace is %d", rows[i].path, rows[i].method->no_namespace);
    }
}

static void run_check(const char *mode)
{
    char command[1024];
    snprintf(command, sizeof command, "python3 '%s/tests/unit/proto_check.py' %s '%s/proto' '%s'",
             WFE_SOURCE_DIR, mode, WFE_SOURCE_DIR, GO_SOURCES);
    FILE *check = popen(command, "w");
    assert_non_null(check);
    for (size_t i = 0; i < N_ROWS; i++)
        fprintf(check, "%s %s %s %s\n", rows[i].path, rows[i].request_type, rows[i].reply_type,
                rows[i].kind);
    int status = pclose(check);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == NOT_INSTALLED) {
        print_error("skipped: golang-github-containerd-containerd-dev is not installed\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_proto__messages_and_rpcs_are_those_of_containerd(void **state)
{
    (void)state;
    run_check("check");
}

static void test_proto__a_changed_field_number_is_noticed(void **state)
{
    (void)state;
    run_check("mutate");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_proto__each_method_unpacks_the_reply_its_type_promises),
        cmocka_unit_test(test_proto__only_what_asks_waits_or_ends_is_repeated),
        cmocka_unit_test(test_proto__only_wait_and_subscribe_have_no_deadline),
        cmocka_unit_test(test_proto__only_daemon_wide_services_go_without_a_namespace),
        cmocka_unit_test(test_proto__messages_and_rpcs_are_those_of_containerd),
        cmocka_unit_test(test_proto__a_changed_field_number_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
