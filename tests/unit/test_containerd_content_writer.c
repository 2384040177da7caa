/* SPDX-License-Identifier: Apache-2.0
 *
 * The rules of the daemon's Write call, with a daemon that answers as the test says.
 */
#include "fake_grpc.h"

#include <poll.h>

#include "containerd/content.h"
#include "containerd/content_writer.h"

#define DIGEST "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define OTHER "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
/* of "hi" */
#define HI_DIGEST "sha256:8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4"

static wfe_containerd *client;
static wfe_loop *loop;
static wfe_content_writer *writer;

struct seen {
    int opened;
    uint64_t offset;
    int writable;
    bool done;
    bool existed;
    char digest[128];
    wfe_error err;
    bool free_when_opened;
    bool free_when_done;
};
static struct seen seen;

static void free_writer(void)
{
    wfe_content_writer_free(writer);
    writer = NULL;
}

static int setup(void **state)
{
    (void)state;
    seen = (struct seen){0};
    return wfe_containerd_new(NULL, "ci", &client, NULL) || wfe_loop_new(&loop, NULL);
}

static int teardown(void **state)
{
    (void)state;
    free_writer();
    wfe_containerd_free(client);
    wfe_loop_free(loop);
    fake_reset();
    return 0;
}

static void on_opened(uint64_t offset_bytes, void *user)
{
    (void)user;
    seen.opened++;
    seen.offset = offset_bytes;
    if (seen.free_when_opened)
        free_writer();
}

static void on_writable(void *user)
{
    (void)user;
    seen.writable++;
}

static void on_done(const wfe_content_written *written, const wfe_error *err, void *user)
{
    (void)user;
    assert_false(seen.done);
    seen.done = true;
    seen.err = *err;
    if (written) {
        seen.existed = written->existed;
        snprintf(seen.digest, sizeof seen.digest, "%s", written->digest);
    }
    if (seen.free_when_done)
        free_writer();
}

static const wfe_content_writer_fns fns = {on_opened, on_writable, on_done};

static void start(const char *expected, const wfe_strmap *labels)
{
    const wfe_content_writer_request request = {.ref = "layer-1",
                                                .expected = expected,
                                                .total_bytes = 10,
                                                .labels = labels,
                                                .lease = "lease-1"};
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_content_writer_start(client, loop, &request, &fns, NULL, &writer, &err), &err);
}

static void put(void)
{
    const wfe_content_writer_request request = {.ref = "config-1"};
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_content_writer_put(client, loop, &request, "hi", 2, &fns, NULL, &writer, &err),
              &err);
}

static void answer(wfe_grpc_call *call, PbContent__WriteAction action, int64_t offset)
{
    PbContent__WriteContentResponse reply = PB_CONTENT__WRITE_CONTENT_RESPONSE__INIT;
    reply.action = action;
    reply.offset = offset;
    fake_reply(call, &reply);
}

/* The n-th message of a Write stream; free with protobuf_c_message_free_unpacked. */
static PbContent__WriteContentRequest *sent(const wfe_grpc_call *call, size_t n)
{
    assert_true(n < call->n_messages);
    void *message =
        protobuf_c_message_unpack(&pb_content__write_content_request__descriptor, NULL,
                                  call->messages[n].len, (const uint8_t *)call->messages[n].data);
    assert_non_null(message);
    return message;
}

static void assert_sent(const wfe_grpc_call *call, size_t n, PbContent__WriteAction action,
                        int64_t offset, size_t len)
{
    PbContent__WriteContentRequest *message = sent(call, n);
    assert_int_equal(message->action, action);
    assert_int_equal(message->offset, offset);
    assert_int_equal(message->data.len, len);
    protobuf_c_message_free_unpacked(&message->base, NULL);
}

/* Runs the loop until another call was started. */
static void wait_for_call(size_t n_before)
{
    for (int i = 0; i < 200 && fake_n_calls == n_before; i++) {
        struct pollfd fd = {.fd = wfe_loop_fd(loop), .events = POLLIN};
        poll(&fd, 1, wfe_loop_timeout_ms(loop) < 0 ? 100 : wfe_loop_timeout_ms(loop));
        wfe_loop_run_ready(loop);
    }
    assert_int_equal(fake_n_calls, n_before + 1);
}

static void test_containerd_content_writer__asks_first_then_writes_then_commits(void **state)
{
    (void)state;
    wfe_strmap labels = {0};
    wfe_strmap_set(&labels, "containerd.io/x", "y", NULL);
    start(DIGEST, &labels);
    wfe_strmap_done(&labels);
    wfe_grpc_call *call = fake_last();
    assert_string_equal(call->options.path, "/containerd.services.content.v1.Content/Write");
    assert_string_equal(call->lease, "lease-1");
    PbContent__WriteContentRequest *stat = sent(call, 0);
    assert_int_equal(stat->action, PB_CONTENT__WRITE_ACTION__STAT);
    assert_string_equal(stat->ref, "layer-1");
    assert_string_equal(stat->expected, DIGEST);
    assert_int_equal(stat->total, 10);
    protobuf_c_message_free_unpacked(&stat->base, NULL);

    answer(call, PB_CONTENT__WRITE_ACTION__STAT, 4);
    assert_int_equal(seen.opened, 1);
    assert_int_equal(seen.offset, 4);
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_content_writer_write(writer, "abc", 3, &err), &err);
    assert_ok(wfe_content_writer_write(writer, "def", 3, &err), &err);
    assert_ok(wfe_content_writer_commit(writer, NULL, &err), &err);
    assert_sent(call, 1, PB_CONTENT__WRITE_ACTION__WRITE, 4, 3);
    assert_sent(call, 2, PB_CONTENT__WRITE_ACTION__WRITE, 7, 3);
    PbContent__WriteContentRequest *commit = sent(call, 3);
    assert_int_equal(commit->action, PB_CONTENT__WRITE_ACTION__COMMIT);
    assert_int_equal(commit->offset, 10);
    assert_int_equal(commit->total, 10);
    assert_string_equal(commit->expected, DIGEST);
    assert_int_equal(commit->n_labels, 1);
    assert_string_equal(commit->labels[0]->key, "containerd.io/x");
    protobuf_c_message_free_unpacked(&commit->base, NULL);
    assert_true(call->half_closed);

    answer(call, PB_CONTENT__WRITE_ACTION__WRITE, 7);
    answer(call, PB_CONTENT__WRITE_ACTION__WRITE, 10);
    answer(call, PB_CONTENT__WRITE_ACTION__COMMIT, 10);
    assert_false(seen.done);
    answer(call, PB_CONTENT__WRITE_ACTION__COMMIT, 10); /* the daemon says it twice */
    fake_end(call, 0, NULL);
    assert_true(seen.done);
    assert_int_equal(seen.err.kind, 0);
    assert_false(seen.existed);
    assert_string_equal(seen.digest, DIGEST);
}

static void test_containerd_content_writer__a_blob_that_exists_is_success(void **state)
{
    (void)state;
    start(DIGEST, NULL);
    fake_end(fake_last(), WFE_GRPC_ALREADY_EXISTS, "content " DIGEST ": already exists");
    assert_true(seen.done);
    assert_int_equal(seen.err.kind, 0);
    assert_true(seen.existed);
    assert_int_equal(seen.opened, 0);
    assert_int_equal(fake_n_calls, 1);
}

static void test_containerd_content_writer__one_that_appears_while_writing_is_too(void **state)
{
    (void)state;
    start(NULL, NULL);
    answer(fake_last(), PB_CONTENT__WRITE_ACTION__STAT, 0);
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_content_writer_write(writer, "0123456789", 10, &err), &err);
    assert_ok(wfe_content_writer_commit(writer, OTHER, &err), &err);
    fake_end(fake_last(), WFE_GRPC_ALREADY_EXISTS, "already exists");
    assert_int_equal(seen.err.kind, 0);
    assert_true(seen.existed);
    assert_string_equal(seen.digest, OTHER);
}

static void test_containerd_content_writer__long_data_goes_in_chunks(void **state)
{
    (void)state;
    start(DIGEST, NULL);
    answer(fake_last(), PB_CONTENT__WRITE_ACTION__STAT, 0);
    size_t len = 2 * WFE_CONTENT_WRITER_CHUNK_BYTES + 5;
    char *bytes = calloc(1, len);
    assert_non_null(bytes);
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_content_writer_write(writer, bytes, len, &err), &err);
    free(bytes);
    assert_int_equal(fake_last()->n_messages, 4);
    assert_sent(fake_last(), 3, PB_CONTENT__WRITE_ACTION__WRITE,
                2 * (int64_t)WFE_CONTENT_WRITER_CHUNK_BYTES, 5);
    assert_true(wfe_content_writer_pending_bytes(writer) > len);
    assert_int_equal(seen.writable, 0);
    fake_drain(fake_last());
    assert_int_equal(seen.writable, 1);
    assert_int_equal(wfe_content_writer_pending_bytes(writer), 0);
}

static void test_containerd_content_writer__refuses_more_than_may_wait(void **state)
{
    (void)state;
    start(DIGEST, NULL);
    answer(fake_last(), PB_CONTENT__WRITE_ACTION__STAT, 0);
    fake_last()->pending_bytes = WFE_CONTENT_WRITER_PENDING_MAX_BYTES - 2;
    wfe_error err = WFE_ERROR_INIT;
    assert_fails(wfe_content_writer_write(writer, "abc", 3, &err), WFE_E_LIMIT, &err);
    wfe_error none = WFE_ERROR_INIT;
    assert_ok(wfe_content_writer_write(writer, "ab", 2, &none), &none);
}

static void test_containerd_content_writer__wrong_bytes_are_thrown_away(void **state)
{
    (void)state;
    start(DIGEST, NULL);
    answer(fake_last(), PB_CONTENT__WRITE_ACTION__STAT, 0);
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_content_writer_write(writer, "wrong", 5, &err), &err);
    assert_ok(wfe_content_writer_commit(writer, NULL, &err), &err);
    fake_end(fake_last(), WFE_GRPC_FAILED_PRECONDITION, "unexpected commit digest");
    assert_false(seen.done);
    assert_int_equal(fake_n_calls, 2);
    assert_string_equal(fake_last()->options.path, "/containerd.services.content.v1.Content/Abort");
    const Pb__Empty empty = PB__EMPTY__INIT;
    fake_reply(fake_last(), &empty);
    assert_true(seen.done);
    assert_int_equal(seen.err.kind, WFE_E_CONFLICT);
    assert_string_equal(seen.err.message,
                        "failed to write content 'layer-1': unexpected commit digest");
}

static void test_containerd_content_writer__the_first_error_outlives_a_failed_abort(void **state)
{
    (void)state;
    start(DIGEST, NULL);
    answer(fake_last(), PB_CONTENT__WRITE_ACTION__STAT, 0);
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_content_writer_commit(writer, NULL, &err), &err);
    fake_end(fake_last(), WFE_GRPC_FAILED_PRECONDITION, "unexpected commit digest");
    fake_end(fake_last(), WFE_GRPC_NOT_FOUND, "no such ingest");
    assert_true(seen.done);
    assert_int_equal(seen.err.kind, WFE_E_CONFLICT);
    assert_contains(seen.err.message, "unexpected commit digest");
}

/* What lies under the reference from an earlier try must not spoil it, and it must not go on for
 * ever either. */
static void test_containerd_content_writer__a_put_is_tried_once_more_after_an_abort(void **state)
{
    (void)state;
    const Pb__Empty empty = PB__EMPTY__INIT;
    put();
    fake_end(fake_last(), WFE_GRPC_FAILED_PRECONDITION, "unexpected commit size");
    assert_string_equal(fake_last()->options.path, "/containerd.services.content.v1.Content/Abort");
    fake_reply(fake_last(), &empty);
    assert_false(seen.done);
    assert_int_equal(fake_n_calls, 3);
    assert_sent(fake_last(), 0, PB_CONTENT__WRITE_ACTION__COMMIT, 0, 2);
    fake_end(fake_last(), WFE_GRPC_FAILED_PRECONDITION, "unexpected commit size, again");
    fake_reply(fake_last(), &empty);
    assert_true(seen.done);
    assert_int_equal(fake_n_calls, 4);
    assert_contains(seen.err.message, "unexpected commit size, again");
}

static void test_containerd_content_writer__waits_for_a_locked_reference(void **state)
{
    (void)state;
    start(DIGEST, NULL);
    fake_end(fake_last(), WFE_GRPC_UNAVAILABLE, "ref layer-1 locked");
    assert_false(seen.done);
    wait_for_call(1);
    assert_string_equal(fake_last()->options.path, "/containerd.services.content.v1.Content/Info");
    fake_end(fake_last(), WFE_GRPC_NOT_FOUND, "not found");
    assert_int_equal(fake_n_calls, 3);
    assert_string_equal(fake_last()->options.path, "/containerd.services.content.v1.Content/Write");
    answer(fake_last(), PB_CONTENT__WRITE_ACTION__STAT, 8);
    assert_int_equal(seen.opened, 1);
    assert_int_equal(seen.offset, 8);
}

static void test_containerd_content_writer__ends_well_when_the_other_writer_completes(void **state)
{
    (void)state;
    start(DIGEST, NULL);
    fake_end(fake_last(), WFE_GRPC_UNAVAILABLE, "ref layer-1 locked");
    wait_for_call(1);
    const PbContent__InfoResponse found = PB_CONTENT__INFO_RESPONSE__INIT;
    fake_reply(fake_last(), &found);
    assert_false(seen.done); /* only opening it takes it under the lease */
    fake_end(fake_last(), WFE_GRPC_ALREADY_EXISTS, "it exists");
    assert_true(seen.done);
    assert_int_equal(seen.err.kind, 0);
    assert_true(seen.existed);
}

static void test_containerd_content_writer__gives_up_on_a_lock_after_its_time(void **state)
{
    (void)state;
    const wfe_content_writer_request request = {.ref = "layer-1", .lock_wait_ms = 1};
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_content_writer_start(client, loop, &request, &fns, NULL, &writer, &err), &err);
    for (int i = 0; i < 10 && !seen.done; i++) {
        size_t n = fake_n_calls;
        fake_end(fake_last(), WFE_GRPC_UNAVAILABLE, "ref layer-1 locked");
        if (!seen.done)
            wait_for_call(n);
    }
    assert_true(seen.done);
    assert_int_equal(seen.err.kind, WFE_E_UNAVAILABLE);
    assert_string_equal(seen.err.message, "failed to write content 'layer-1': ref layer-1 locked");
}

/* It may be on its way back; but it is not waited for as long as for another writer, nor until the
 * deadline of a transfer: the call itself ends at once. */
static void test_containerd_content_writer__asks_again_for_a_daemon_that_is_gone(void **state)
{
    (void)state;
    start(DIGEST, NULL);
    assert_false(fake_last()->options.wait_for_ready);
    fake_end(fake_last(), WFE_GRPC_UNAVAILABLE, "Connection refused");
    assert_false(seen.done);
    wait_for_call(1);
    assert_false(fake_last()->options.wait_for_ready);
    fake_end(fake_last(), WFE_GRPC_UNAVAILABLE, "Connection refused");
    assert_string_equal(fake_last()->options.path, "/containerd.services.content.v1.Content/Write");
    answer(fake_last(), PB_CONTENT__WRITE_ACTION__STAT, 8);
    assert_int_equal(seen.opened, 1);
}

static void
test_containerd_content_writer__a_connection_lost_while_writing_is_an_error(void **state)
{
    (void)state;
    start(DIGEST, NULL);
    answer(fake_last(), PB_CONTENT__WRITE_ACTION__STAT, 0);
    fake_end(fake_last(), WFE_GRPC_UNAVAILABLE, "connection lost");
    assert_true(seen.done);
    assert_int_equal(seen.err.kind, WFE_E_UNAVAILABLE);
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_content_writer_write(writer, "x", 1, &err), &err); /* done told already */
}

static void test_containerd_content_writer__an_end_without_commit_is_an_error(void **state)
{
    (void)state;
    start(DIGEST, NULL);
    answer(fake_last(), PB_CONTENT__WRITE_ACTION__STAT, 0);
    fake_end(fake_last(), 0, NULL);
    assert_true(seen.done);
    assert_int_equal(seen.err.kind, WFE_E_PROTOCOL);
}

static void test_containerd_content_writer__puts_a_small_blob_in_one_message(void **state)
{
    (void)state;
    put();
    assert_int_equal(fake_last()->n_messages, 1);
    assert_true(fake_last()->half_closed);
    PbContent__WriteContentRequest *commit = sent(fake_last(), 0);
    assert_int_equal(commit->action, PB_CONTENT__WRITE_ACTION__COMMIT);
    assert_string_equal(commit->ref, "config-1");
    assert_string_equal(commit->expected, HI_DIGEST);
    assert_int_equal(commit->offset, 0);
    assert_int_equal(commit->total, 2);
    assert_int_equal(commit->data.len, 2);
    protobuf_c_message_free_unpacked(&commit->base, NULL);
    answer(fake_last(), PB_CONTENT__WRITE_ACTION__COMMIT, 2);
    fake_end(fake_last(), 0, NULL);
    assert_true(seen.done);
    assert_int_equal(seen.err.kind, 0);
    assert_string_equal(seen.digest, HI_DIGEST);
    assert_int_equal(seen.opened, 0);
}

static void test_containerd_content_writer__may_be_freed_from_its_callbacks(void **state)
{
    (void)state;
    seen.free_when_opened = true;
    start(DIGEST, NULL);
    answer(fake_last(), PB_CONTENT__WRITE_ACTION__STAT, 0);
    assert_true(fake_last()->cancelled);
    assert_false(seen.done);

    seen = (struct seen){.free_when_done = true};
    put();
    fake_end(fake_last(), WFE_GRPC_INTERNAL, "disk full");
    assert_true(seen.done);
    assert_null(writer);
}

static void test_containerd_content_writer__freeing_it_while_it_waits_is_silent(void **state)
{
    (void)state;
    start(DIGEST, NULL);
    fake_end(fake_last(), WFE_GRPC_UNAVAILABLE, "ref layer-1 locked");
    free_writer();
    assert_false(seen.done);
}

static void test_containerd_content_writer__checks_what_it_is_given(void **state)
{
    (void)state;
    wfe_content_writer_request request = {.ref = ""};
    wfe_error err = WFE_ERROR_INIT;
    assert_fails(wfe_content_writer_start(client, loop, &request, &fns, NULL, &writer, &err),
                 WFE_E_INVALID, &err);
    request = (wfe_content_writer_request){.ref = "r", .expected = "sha256:short"};
    err = (wfe_error)WFE_ERROR_INIT;
    assert_fails(wfe_content_writer_start(client, loop, &request, &fns, NULL, &writer, &err),
                 WFE_E_INVALID, &err);
    assert_null(writer);
    start(NULL, NULL);
    err = (wfe_error)WFE_ERROR_INIT;
    assert_fails(wfe_content_writer_write(writer, "x", 1, &err), WFE_E_CONFLICT, &err);
    answer(fake_last(), PB_CONTENT__WRITE_ACTION__STAT, 0);
    err = (wfe_error)WFE_ERROR_INIT;
    assert_fails(wfe_content_writer_commit(writer, NULL, &err), WFE_E_INVALID, &err);
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(test_containerd_content_writer__##name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(asks_first_then_writes_then_commits),
        TEST(a_blob_that_exists_is_success),
        TEST(one_that_appears_while_writing_is_too),
        TEST(long_data_goes_in_chunks),
        TEST(refuses_more_than_may_wait),
        TEST(wrong_bytes_are_thrown_away),
        TEST(the_first_error_outlives_a_failed_abort),
        TEST(a_put_is_tried_once_more_after_an_abort),
        TEST(waits_for_a_locked_reference),
        TEST(ends_well_when_the_other_writer_completes),
        TEST(gives_up_on_a_lock_after_its_time),
        TEST(asks_again_for_a_daemon_that_is_gone),
        TEST(a_connection_lost_while_writing_is_an_error),
        TEST(an_end_without_commit_is_an_error),
        TEST(puts_a_small_blob_in_one_message),
        TEST(may_be_freed_from_its_callbacks),
        TEST(freeing_it_while_it_waits_is_silent),
        TEST(checks_what_it_is_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
