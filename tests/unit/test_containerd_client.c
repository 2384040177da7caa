/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_grpc.h"

#include "containerd/content.h"
#include "containerd/events.h"
#include "containerd/images.h"
#include "containerd/introspection.h"
#include "containerd/tasks.h"
#include "containerd/version.h"

static wfe_containerd *client;

static int setup(void **state)
{
    (void)state;
    return wfe_containerd_new(NULL, "ci", &client, NULL);
}

static int teardown(void **state)
{
    (void)state;
    wfe_containerd_free(client);
    client = NULL;
    fake_reset();
    return 0;
}

/* What a callback saw. */
struct seen {
    int calls;
    int ends;
    wfe_error err;
    char text[256];
    size_t bytes;
    wfe_containerd_call *cancel; /* cancelled from within the callback */
};

static void on_image(const PbImages__GetImageResponse *reply, const wfe_error *err, void *user)
{
    struct seen *seen = user;
    seen->calls++;
    seen->err = *err;
    if (reply)
        snprintf(seen->text, sizeof seen->text, "%s", reply->image->target->digest);
    wfe_containerd_cancel(seen->cancel);
}

static wfe_containerd_call *get_image(struct seen *seen, const wfe_containerd_options *options)
{
    PbImages__GetImageRequest request = PB_IMAGES__GET_IMAGE_REQUEST__INIT;
    request.name = "docker.io/library/busybox:latest";
    wfe_containerd_call *call = NULL;
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_images_get(client, &request, options, on_image, seen, &call, &err), &err);
    return call;
}

static void test_containerd_client__sends_the_request_and_its_headers(void **state)
{
    (void)state;
    struct seen seen = {0};
    const wfe_containerd_options options = {.lease = "lease-1"};
    get_image(&seen, &options);
    const wfe_grpc_call *call = fake_last();
    assert_string_equal(call->options.path, "/containerd.services.images.v1.Images/Get");
    assert_string_equal(call->namespace_name, "ci");
    assert_string_equal(call->lease, "lease-1");
    assert_int_equal(call->options.deadline_ms, WFE_CONTAINERD_CALL_MS);
    assert_true(call->options.idempotent);
    assert_true(call->options.wait_for_ready);
    assert_int_equal(call->messages[0].len, 2 + strlen("docker.io/library/busybox:latest"));
    assert_memory_equal(call->messages[0].data,
                        "\x0a\x20"
                        "docker.io/library/busybox:latest",
                        34);
    wfe_grpc_call *running = fake_last();
    fake_end(running, WFE_GRPC_CANCELLED, "bye");
}

static void test_containerd_client__options_override_the_deadline_and_the_waiting(void **state)
{
    (void)state;
    struct seen seen = {0};
    const wfe_containerd_options options = {.deadline_ms = 1500, .fail_fast = true};
    wfe_containerd_cancel(get_image(&seen, &options));
    assert_int_equal(fake_last()->options.deadline_ms, 1500);
    assert_false(fake_last()->options.wait_for_ready);
    assert_string_equal(fake_last()->lease, "");
    assert_true(fake_last()->cancelled);
    assert_int_equal(seen.calls, 0);
}

static void test_containerd_client__unpacks_the_reply(void **state)
{
    (void)state;
    struct seen seen = {0};
    get_image(&seen, NULL);
    Pb__Descriptor target = PB__DESCRIPTOR__INIT;
    target.digest = "sha256:abc";
    PbImages__Image image = PB_IMAGES__IMAGE__INIT;
    image.target = &target;
    PbImages__GetImageResponse reply = PB_IMAGES__GET_IMAGE_RESPONSE__INIT;
    reply.image = &image;
    fake_reply(fake_last(), &reply);
    assert_int_equal(seen.calls, 1);
    assert_int_equal(seen.err.kind, 0);
    assert_string_equal(seen.text, "sha256:abc");
}

static void test_containerd_client__an_error_names_operation_and_subject(void **state)
{
    (void)state;
    struct seen seen = {0};
    get_image(&seen, NULL);
    fake_end(fake_last(), WFE_GRPC_NOT_FOUND, "image \"x\": not found");
    assert_int_equal(seen.calls, 1);
    assert_int_equal(seen.err.kind, WFE_E_NOT_FOUND);
    assert_int_equal(seen.err.grpc_status, WFE_GRPC_NOT_FOUND);
    assert_string_equal(seen.err.message, "failed to get image 'docker.io/library/busybox:latest': "
                                          "image \"x\": not found");
    assert_string_equal(seen.err.operation, "get image");
    assert_string_equal(seen.err.subject, "docker.io/library/busybox:latest");
    assert_string_equal(seen.err.hint, "");
}

static void test_containerd_client__unimplemented_hints_at_the_tcp_port(void **state)
{
    (void)state;
    struct seen seen = {0};
    get_image(&seen, NULL);
    fake_end(fake_last(), WFE_GRPC_UNIMPLEMENTED, "unknown service");
    assert_int_equal(seen.err.kind, WFE_E_UNAVAILABLE);
    assert_contains(seen.err.hint, "containerd's own TCP port serves none of these calls");
    assert_contains(seen.err.hint, "proxy in front of its socket");
}

static void on_plugin(const PbIntrospection__PluginInfoResponse *reply, const wfe_error *err,
                      void *user)
{
    (void)reply;
    ((struct seen *)user)->err = *err;
}

static void test_containerd_client__an_older_daemon_gets_no_such_hint(void **state)
{
    (void)state;
    struct seen seen = {0};
    PbIntrospection__PluginInfoRequest request = PB_INTROSPECTION__PLUGIN_INFO_REQUEST__INIT;
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_introspection_plugin_info(client, &request, NULL, on_plugin, &seen, NULL, &err),
              &err);
    assert_string_equal(fake_last()->namespace_name, "");
    fake_end(fake_last(), WFE_GRPC_UNIMPLEMENTED, "unknown method PluginInfo");
    assert_int_equal(seen.err.kind, WFE_E_UNAVAILABLE);
    assert_string_equal(seen.err.hint, "");
}

static void test_containerd_client__a_broken_reply_is_a_protocol_error(void **state)
{
    (void)state;
    struct seen seen = {0};
    get_image(&seen, NULL);
    fake_reply_bytes(fake_last(), "\x0a\x7f", 2);
    assert_int_equal(seen.calls, 1);
    assert_int_equal(seen.err.kind, WFE_E_PROTOCOL);
    assert_contains(seen.err.message, "failed to get image 'docker.io/library/busybox:latest'");
}

static void on_images(const PbImages__ListImagesResponse *reply, const wfe_error *err, void *user)
{
    struct seen *seen = user;
    assert_null(reply);
    seen->calls++;
    seen->err = *err;
}

static void test_containerd_client__a_reply_that_would_swell_is_a_limit(void **state)
{
    (void)state;
    /* Four million empty images: 8 MiB on the wire, hundreds in memory. */
    size_t len = (size_t)8 * 1024 * 1024;
    uint8_t *bytes = malloc(len);
    assert_non_null(bytes);
    for (size_t i = 0; i < len; i += 2) {
        bytes[i] = 0x0a;
        bytes[i + 1] = 0;
    }
    struct seen seen = {0};
    PbImages__ListImagesRequest request = PB_IMAGES__LIST_IMAGES_REQUEST__INIT;
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_images_list(client, &request, NULL, on_images, &seen, NULL, &err), &err);
    fake_reply_bytes(fake_last(), bytes, len);
    free(bytes);
    assert_int_equal(seen.calls, 1);
    assert_int_equal(seen.err.kind, WFE_E_LIMIT);
    assert_contains(seen.err.message, "failed to list images: the reply of 8388608 bytes");
}

static void test_containerd_client__a_call_that_cannot_start_reports_at_once(void **state)
{
    (void)state;
    struct seen seen = {0};
    PbImages__GetImageRequest request = PB_IMAGES__GET_IMAGE_REQUEST__INIT;
    request.name = "x";
    wfe_containerd_call *call = (wfe_containerd_call *)&seen;
    wfe_error err = WFE_ERROR_INIT;
    fake_start_error = WFE_E_LIMIT;
    assert_fails(wfe_images_get(client, &request, NULL, on_image, &seen, &call, &err), WFE_E_LIMIT,
                 &err);
    assert_ptr_equal(call, &seen);
    assert_string_equal(err.message, "failed to get image 'x': the channel is broken");
    assert_int_equal(seen.calls, 0);
}

static void test_containerd_client__a_call_may_be_cancelled_in_its_own_callback(void **state)
{
    (void)state;
    struct seen seen = {0};
    seen.cancel = get_image(&seen, NULL);
    fake_end(fake_last(), WFE_GRPC_NOT_FOUND, "no");
    assert_int_equal(seen.calls, 1);
}

static void test_containerd_client__a_namespace_must_be_an_identifier(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "a..b", "-a", "a/b", "a b"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        wfe_containerd *other = NULL;
        wfe_error err = WFE_ERROR_INIT;
        assert_fails(wfe_containerd_new(NULL, bad[i], &other, &err), WFE_E_INVALID, &err);
        assert_null(other);
    }
}

static void test_containerd_client__packs_a_task_as_containerd_reads_it(void **state)
{
    (void)state;
    Pb__Mount mount = PB__MOUNT__INIT;
    const char *options[] = {"ro"};
    Pb__Mount *mounts[] = {&mount};
    Pb__Any any = PB__ANY__INIT;
    PbTasks__CreateTaskRequest request = PB_TASKS__CREATE_TASK_REQUEST__INIT;
    mount.type = "bind";
    mount.n_options = 1;
    mount.options = options;
    any.type_url = "T";
    request.container_id = "c1";
    request.n_rootfs = 1;
    request.rootfs = mounts;
    request.stdout = "o";
    request.options = &any;
    uint8_t bytes[128];
    static const char wanted[] = "\x0a\x02"
                                 "c1"
                                 "\x1a\x0a\x0a\x04"
                                 "bind"
                                 "\x22\x02"
                                 "ro"
                                 "\x2a\x01"
                                 "o"
                                 "\x4a\x03\x0a\x01"
                                 "T";
    assert_int_equal(protobuf_c_message_pack(&request.base, bytes), sizeof wanted - 1);
    assert_memory_equal(bytes, wanted, sizeof wanted - 1);
}

/* --- streams ----------------------------------------------------------------------------- */

static void on_chunk(const PbContent__ReadContentResponse *reply, void *user)
{
    struct seen *seen = user;
    seen->calls++;
    seen->bytes += reply->data.len;
    wfe_containerd_cancel(seen->cancel);
}

static void on_end(const wfe_error *err, void *user)
{
    struct seen *seen = user;
    seen->ends++;
    seen->err = *err;
}

static wfe_containerd_call *read_content(struct seen *seen)
{
    PbContent__ReadContentRequest request = PB_CONTENT__READ_CONTENT_REQUEST__INIT;
    request.digest = "sha256:abc";
    wfe_containerd_call *call = NULL;
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_content_read(client, &request, NULL, on_chunk, on_end, seen, &call, &err), &err);
    return call;
}

static void reply_chunk(wfe_grpc_call *call, size_t len)
{
    PbContent__ReadContentResponse reply = PB_CONTENT__READ_CONTENT_RESPONSE__INIT;
    uint8_t data[1024] = {0};
    reply.data.data = data;
    reply.data.len = len;
    fake_reply(call, &reply);
}

static void test_containerd_client__a_stream_gives_each_reply_then_its_end(void **state)
{
    (void)state;
    struct seen seen = {0};
    read_content(&seen);
    assert_true(fake_last()->half_closed);
    reply_chunk(fake_last(), 1000);
    reply_chunk(fake_last(), 24);
    assert_int_equal(seen.ends, 0);
    fake_end(fake_last(), 0, NULL);
    assert_int_equal(seen.calls, 2);
    assert_int_equal(seen.bytes, 1024);
    assert_int_equal(seen.ends, 1);
    assert_int_equal(seen.err.kind, 0);
}

static void test_containerd_client__a_stream_cancelled_by_a_reply_never_ends(void **state)
{
    (void)state;
    struct seen seen = {0};
    seen.cancel = read_content(&seen);
    reply_chunk(fake_last(), 10);
    assert_true(fake_last()->cancelled);
    assert_int_equal(seen.calls, 1);
    assert_int_equal(seen.ends, 0);
}

static void test_containerd_client__a_broken_reply_ends_a_stream(void **state)
{
    (void)state;
    struct seen seen = {0};
    read_content(&seen);
    fake_reply_bytes(fake_last(), "\x12\x7f", 2);
    assert_true(fake_last()->cancelled);
    assert_int_equal(seen.calls, 0);
    assert_int_equal(seen.ends, 1);
    assert_int_equal(seen.err.kind, WFE_E_PROTOCOL);
}

static void on_all(const wfe_buf *bytes, const wfe_error *err, void *user)
{
    struct seen *seen = user;
    seen->ends++;
    seen->err = *err;
    seen->bytes = bytes ? bytes->len : 0;
}

static wfe_content_reader *read_all(struct seen *seen, int64_t size_bytes, size_t max_bytes)
{
    const wfe_content_read_request request = {
        .digest = "sha256:abc", .size_bytes = size_bytes, .max_bytes = max_bytes};
    wfe_content_reader *reader = NULL;
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_content_read_all(client, &request, NULL, on_all, seen, &reader, &err), &err);
    return reader;
}

static void test_containerd_client__a_whole_blob_is_gathered_and_its_size_checked(void **state)
{
    (void)state;
    struct seen seen = {0};
    read_all(&seen, 300, 0);
    reply_chunk(fake_last(), 200);
    reply_chunk(fake_last(), 100);
    fake_end(fake_last(), 0, NULL);
    assert_int_equal(seen.ends, 1);
    assert_int_equal(seen.err.kind, 0);
    assert_int_equal(seen.bytes, 300);

    read_all(&seen, 301, 0);
    reply_chunk(fake_last(), 300);
    fake_end(fake_last(), 0, NULL);
    assert_int_equal(seen.ends, 2);
    assert_int_equal(seen.err.kind, WFE_E_IO);
    assert_contains(seen.err.message, "it has 300 bytes, its descriptor says 301");
}

static void test_containerd_client__a_whole_blob_has_a_limit(void **state)
{
    (void)state;
    struct seen seen = {0};
    read_all(&seen, -1, 250);
    reply_chunk(fake_last(), 200);
    reply_chunk(fake_last(), 100);
    assert_true(fake_last()->cancelled);
    assert_int_equal(seen.ends, 1);
    assert_int_equal(seen.err.kind, WFE_E_LIMIT);
    assert_contains(seen.err.message, "failed to read content 'sha256:abc'");

    const wfe_content_read_request request = {.digest = "sha256:abc", .size_bytes = 1 << 30};
    wfe_error err = WFE_ERROR_INIT;
    assert_fails(wfe_content_read_all(client, &request, NULL, on_all, &seen, NULL, &err),
                 WFE_E_LIMIT, &err);
}

static void test_containerd_client__a_reader_can_be_cancelled(void **state)
{
    (void)state;
    struct seen seen = {0};
    wfe_content_reader *reader = read_all(&seen, -1, 0);
    reply_chunk(fake_last(), 200);
    wfe_content_reader_cancel(reader);
    assert_true(fake_last()->cancelled);
    assert_int_equal(seen.ends, 0);
}

/* --- events ------------------------------------------------------------------------------ */

static void on_event(const wfe_event *event, void *user)
{
    struct seen *seen = user;
    seen->calls++;
    snprintf(seen->text, sizeof seen->text, "%s", event->topic);
    if (strcmp(event->topic, "/tasks/exit") == 0 && event->payload)
        seen->bytes = ((const PbEvents__TaskExit *)(const void *)event->payload)->exit_status;
}

static void send_event(wfe_grpc_call *call, const char *namespace_name, const char *topic,
                       const char *type)
{
    PbEvents__TaskExit task = PB_EVENTS__TASK_EXIT__INIT;
    task.exit_status = 7;
    uint8_t bytes[64];
    Pb__Any any = PB__ANY__INIT;
    any.type_url = type;
    any.value.data = bytes;
    any.value.len = protobuf_c_message_pack(&task.base, bytes);
    PbEvents__Envelope envelope = PB_EVENTS__ENVELOPE__INIT;
    envelope.namespace_ = namespace_name;
    envelope.topic = topic;
    envelope.event = &any;
    fake_reply(call, &envelope);
}

static void test_containerd_client__events_are_of_the_own_namespace(void **state)
{
    (void)state;
    struct seen seen = {0};
    wfe_events *events = NULL;
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_events_watch(client, "^/tasks/\"", on_event, on_end, &seen, &events, &err), &err);
    assert_int_equal(fake_last()->options.deadline_ms, 0);
    assert_non_null(
        strstr(fake_last()->messages[0].data + 2, "namespace==ci,topic~=\"^/tasks/\\\"\""));
    send_event(fake_last(), "other", "/tasks/exit", "containerd.events.TaskExit");
    assert_int_equal(seen.calls, 0);
    send_event(fake_last(), "ci", "/tasks/exit", "containerd.events.TaskExit");
    assert_int_equal(seen.calls, 1);
    assert_int_equal(seen.bytes, 7);
    seen.bytes = 0;
    send_event(fake_last(), "ci", "/tasks/exit", "containerd.events.SomethingElse");
    send_event(fake_last(), "ci", "/images/create", "containerd.services.images.v1.ImageCreate");
    assert_int_equal(seen.calls, 3);
    assert_int_equal(seen.bytes, 0);
    assert_string_equal(seen.text, "/images/create");
    wfe_events_free(events);
    assert_true(fake_last()->cancelled);
    assert_int_equal(seen.ends, 0);
}

static void
test_containerd_client__a_stream_of_events_that_ends_well_is_lost_all_the_same(void **state)
{
    (void)state;
    struct seen seen = {0};
    wfe_events *events = NULL;
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_events_watch(client, NULL, on_event, on_end, &seen, &events, &err), &err);
    fake_end(fake_last(), 0, NULL);
    assert_int_equal(seen.ends, 1);
    assert_int_equal(seen.err.kind, WFE_E_UNAVAILABLE);
    wfe_events_free(events);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_containerd_client__##name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sends_the_request_and_its_headers),
        TEST(options_override_the_deadline_and_the_waiting),
        TEST(unpacks_the_reply),
        TEST(an_error_names_operation_and_subject),
        TEST(unimplemented_hints_at_the_tcp_port),
        TEST(an_older_daemon_gets_no_such_hint),
        TEST(a_broken_reply_is_a_protocol_error),
        TEST(a_reply_that_would_swell_is_a_limit),
        TEST(a_call_that_cannot_start_reports_at_once),
        TEST(a_call_may_be_cancelled_in_its_own_callback),
        TEST(a_namespace_must_be_an_identifier),
        TEST(packs_a_task_as_containerd_reads_it),
        TEST(a_stream_gives_each_reply_then_its_end),
        TEST(a_stream_cancelled_by_a_reply_never_ends),
        TEST(a_broken_reply_ends_a_stream),
        TEST(a_whole_blob_is_gathered_and_its_size_checked),
        TEST(a_whole_blob_has_a_limit),
        TEST(a_reader_can_be_cancelled),
        TEST(events_are_of_the_own_namespace),
        TEST(a_stream_of_events_that_ends_well_is_lost_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
