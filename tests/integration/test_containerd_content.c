/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing and reading blobs on a real containerd: what test_containerd_content_writer plays with a
 * scripted daemon, against the true one, and blobs of many messages.
 */
#include "containerd_session.h"

#include "base/digest.h"
#include "base/id.h"

#define MIB ((size_t)1024 * 1024)

/* What no image refers to is garbage, and a deletion in one case collects that of the next. */
#define LEASE "test-lease"

static void need_lease(session *s)
{
    PbLeases__CreateRequest request = PB_LEASES__CREATE_REQUEST__INIT;
    PbLeases__ListRequest list = PB_LEASES__LIST_REQUEST__INIT;
    request.id = LEASE;
    if (session_leases_list(s, &list, NULL, 0, NULL)->n_leases == 0)
        session_leases_create(s, &request, NULL, 0, NULL);
}

#define CONTENT_SESSION(s, state)                                                                  \
    SESSION(s, state, "content");                                                                  \
    need_lease(&(s))

/* A blob that is different in each test run. */
typedef struct blob {
    char *bytes;
    size_t len;
    char digest[WFE_DIGEST_SIZE];
    char ref[64];
} blob;

static void blob_init(blob *b, size_t len)
{
    char seed[33];
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_id_random(seed, 32, &err), &err);
    b->len = len;
    b->bytes = malloc(len);
    assert_non_null(b->bytes);
    uint32_t x = (uint32_t)strtoul(seed + 24, NULL, 16) | 1;
    for (size_t i = 0; i < len; i++) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        b->bytes[i] = (char)x;
    }
    wfe_digest_of(b->bytes, len, b->digest);
    snprintf(b->ref, sizeof b->ref, "test-%s", seed);
}

static void blob_done(blob *b)
{
    free(b->bytes);
}

#define BLOB(name, len)                                                                            \
    __attribute__((cleanup(blob_done))) blob name;                                                 \
    blob_init(&(name), (len))

/* One writing of a blob, from where the ingest stands to until bytes or the end. */
struct writing {
    const blob *b;
    wfe_content_writer *writer;
    uint64_t from;      /* where the ingest stood */
    size_t at;          /* next byte to write */
    size_t until;       /* write no further */
    size_t most;        /* bytes seen waiting */
    const char *digest; /* to commit */
    bool opened;
    bool paused; /* stopped at until, not committed */
    bool done;
    bool existed;
    wfe_error err;
};

static void write_more(struct writing *w)
{
    wfe_error err = WFE_ERROR_INIT;
    while (w->at < w->until && wfe_content_writer_pending_bytes(w->writer) < 2 * MIB) {
        size_t n = w->until - w->at < MIB ? w->until - w->at : MIB;
        assert_ok(wfe_content_writer_write(w->writer, w->b->bytes + w->at, n, &err), &err);
        w->at += n;
        size_t pending = wfe_content_writer_pending_bytes(w->writer);
        w->most = pending > w->most ? pending : w->most;
    }
    if (w->at < w->until)
        return;
    if (w->until < w->b->len)
        w->paused = wfe_content_writer_pending_bytes(w->writer) == 0;
    else
        assert_ok(wfe_content_writer_commit(w->writer, w->digest, &err), &err);
}

static void on_opened(uint64_t offset_bytes, void *user)
{
    struct writing *w = user;
    w->opened = true;
    w->from = offset_bytes;
    w->at = (size_t)offset_bytes;
    write_more(w);
}

static void on_writable(void *user)
{
    write_more(user);
}

static void on_done(const wfe_content_written *written, const wfe_error *err, void *user)
{
    struct writing *w = user;
    w->done = true;
    w->err = *err;
    w->existed = written && written->existed;
    if (written)
        assert_string_equal(written->digest, w->digest ? w->digest : w->b->digest);
}

static const wfe_content_writer_fns fns = {on_opened, on_writable, on_done};

static void begin(session *s, struct writing *w, const blob *b, bool expected)
{
    *w = (struct writing){.b = b, .until = b->len, .digest = expected ? NULL : b->digest};
    const wfe_content_writer_request request = {.ref = b->ref,
                                                .expected = expected ? b->digest : NULL,
                                                .total_bytes = b->len,
                                                .lease = LEASE};
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_content_writer_start(s->containerd, s->loop, &request, &fns, w, &w->writer, &err),
              &err);
}

static void finish(session *s, struct writing *w, int wanted)
{
    session_run(s, &w->done);
    assert_fails(w->err.kind, wanted, &w->err);
    wfe_content_writer_free(w->writer);
    w->writer = NULL;
}

static int64_t ingest_offset(session *s, const blob *b, int wanted)
{
    PbContent__StatusRequest request = PB_CONTENT__STATUS_REQUEST__INIT;
    request.ref = b->ref;
    const PbContent__StatusResponse *reply =
        session_content_status(s, &request, NULL, wanted, NULL);
    return reply ? reply->status->offset : -1;
}

static void assert_stored(session *s, const blob *b)
{
    PbContent__InfoRequest request = PB_CONTENT__INFO_REQUEST__INIT;
    request.digest = b->digest;
    const PbContent__InfoResponse *reply = session_content_info(s, &request, NULL, 0, NULL);
    assert_int_equal(reply->info->size, b->len);
}

struct reading {
    const blob *b;
    bool done;
    bool same;
    wfe_error err;
};

static void on_read(const wfe_buf *bytes, const wfe_error *err, void *user)
{
    struct reading *r = user;
    r->done = true;
    r->err = *err;
    r->same = bytes && bytes->len == r->b->len &&
              (!r->b->len || memcmp(bytes->data, r->b->bytes, r->b->len) == 0);
}

static void read_blob(session *s, const blob *b, size_t max_bytes, struct reading *r)
{
    *r = (struct reading){.b = b};
    const wfe_content_read_request request = {
        .digest = b->digest, .size_bytes = -1, .max_bytes = max_bytes};
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_content_read_all(s->containerd, &request, NULL, on_read, r, NULL, &err), &err);
    session_run(s, &r->done);
}

static void test_containerd_content__what_is_written_is_read_back(void **state)
{
    CONTENT_SESSION(s, state);
    BLOB(b, 20 * MIB + 17);
    struct writing w;
    begin(&s, &w, &b, true);
    finish(&s, &w, 0);
    assert_int_equal(w.from, 0);
    assert_false(w.existed);
    assert_true(w.most < 4 * MIB); /* never the whole blob in our memory */
    assert_stored(&s, &b);
    struct reading r;
    read_blob(&s, &b, 32 * MIB, &r);
    assert_ok(r.err.kind, &r.err);
    assert_true(r.same);
    read_blob(&s, &b, 0, &r); /* 8 MiB */
    assert_int_equal(r.err.kind, WFE_E_LIMIT);
}

static void test_containerd_content__a_blob_that_is_there_is_not_written_again(void **state)
{
    CONTENT_SESSION(s, state);
    BLOB(b, 1000);
    struct writing w;
    begin(&s, &w, &b, true);
    finish(&s, &w, 0);
    begin(&s, &w, &b, true);
    finish(&s, &w, 0);
    assert_true(w.existed);
    assert_false(w.opened);
}

static void test_containerd_content__a_blob_of_unknown_digest_is_committed_with_one(void **state)
{
    CONTENT_SESSION(s, state);
    BLOB(b, 3 * MIB);
    struct writing w;
    begin(&s, &w, &b, false);
    finish(&s, &w, 0);
    assert_stored(&s, &b);
}

static void test_containerd_content__writing_goes_on_where_it_was_left(void **state)
{
    CONTENT_SESSION(s, state);
    BLOB(b, 3 * MIB);
    struct writing w;
    begin(&s, &w, &b, true);
    w.until = 2 * MIB;
    session_run(&s, &w.paused);
    for (int i = 0; i < 500 && ingest_offset(&s, &b, 0) < (int64_t)(2 * MIB); i++)
        ;
    assert_int_equal(ingest_offset(&s, &b, 0), 2 * MIB);
    wfe_content_writer_free(w.writer);
    /* The daemon lets the reference go when it sees the stream's end: the writer waits. */
    begin(&s, &w, &b, true);
    finish(&s, &w, 0);
    assert_int_equal(w.from, 2 * MIB);
    assert_stored(&s, &b);
    struct reading r;
    read_blob(&s, &b, 4 * MIB, &r);
    assert_true(r.same);
}

static void test_containerd_content__wrong_bytes_fail_and_leave_no_ingest(void **state)
{
    CONTENT_SESSION(s, state);
    BLOB(b, 2 * MIB);
    BLOB(other, 10);
    struct writing w;
    begin(&s, &w, &b, false);
    w.digest = other.digest;
    finish(&s, &w, WFE_E_CONFLICT);
    assert_int_equal(w.err.grpc_status, WFE_GRPC_FAILED_PRECONDITION);
    assert_contains(w.err.message, "failed to write content 'test-");
    ingest_offset(&s, &b, WFE_E_NOT_FOUND);
    begin(&s, &w, &b, true);
    finish(&s, &w, 0);
    assert_int_equal(w.from, 0);
}

static void test_containerd_content__a_second_writer_waits_for_the_first(void **state)
{
    CONTENT_SESSION(s, state);
    BLOB(b, 2 * MIB);
    struct writing first, second;
    begin(&s, &first, &b, true);
    first.until = MIB;
    session_run(&s, &first.paused);
    begin(&s, &second, &b, true);
    PbContent__ListStatusesRequest list = PB_CONTENT__LIST_STATUSES_REQUEST__INIT;
    session_content_list_statuses(&s, &list, NULL, 0, NULL);
    assert_false(second.done);
    assert_false(second.opened);
    first.until = b.len;
    write_more(&first);
    finish(&s, &first, 0);
    finish(&s, &second, 0);
    assert_true(second.existed);
    assert_false(second.opened);
}

static void test_containerd_content__a_lock_that_stays_is_given_up(void **state)
{
    CONTENT_SESSION(s, state);
    BLOB(b, 2 * MIB);
    struct writing first, second = {.b = &b};
    begin(&s, &first, &b, true);
    first.until = MIB;
    session_run(&s, &first.paused);
    const wfe_content_writer_request request = {.ref = b.ref, .lease = LEASE, .lock_wait_ms = 100};
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_content_writer_start(s.containerd, s.loop, &request, &fns, &second,
                                       &second.writer, &err),
              &err);
    finish(&s, &second, WFE_E_UNAVAILABLE);
    assert_contains(second.err.message, "locked");
    wfe_content_writer_free(first.writer);
}

static void test_containerd_content__a_small_blob_goes_in_one_message(void **state)
{
    CONTENT_SESSION(s, state);
    BLOB(b, 700);
    wfe_strmap labels = {0};
    wfe_strmap_set(&labels, "containerd.io/gc.root", "yes", NULL);
    const wfe_content_writer_request request = {.ref = b.ref, .labels = &labels, .lease = LEASE};
    struct writing w = {.b = &b};
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_content_writer_put(s.containerd, s.loop, &request, b.bytes, b.len, &fns, &w,
                                     &w.writer, &err),
              &err);
    wfe_strmap_done(&labels);
    finish(&s, &w, 0);
    assert_false(w.existed);
    PbContent__InfoRequest info = PB_CONTENT__INFO_REQUEST__INIT;
    info.digest = b.digest;
    const PbContent__InfoResponse *reply = session_content_info(&s, &info, NULL, 0, NULL);
    assert_string_equal(
        wfe_labels_find(reply->info->labels, reply->info->n_labels, "containerd.io/gc.root"),
        "yes");
    struct reading r;
    read_blob(&s, &b, 0, &r);
    assert_true(r.same);
    PbContent__DeleteContentRequest delete = PB_CONTENT__DELETE_CONTENT_REQUEST__INIT;
    delete.digest = b.digest;
    session_content_delete(&s, &delete, NULL, 0, NULL);
    session_content_info(&s, &info, NULL, WFE_E_NOT_FOUND, NULL);
}

/* What an earlier, broken try left under the reference does not spoil a put. */
static void test_containerd_content__a_put_replaces_what_the_ingest_held(void **state)
{
    CONTENT_SESSION(s, state);
    BLOB(b, 700);
    BLOB(rest, 1500);
    snprintf(rest.ref, sizeof rest.ref, "%s", b.ref);
    struct writing w;
    begin(&s, &w, &rest, true);
    w.until = 1000;
    session_run(&s, &w.paused);
    for (int i = 0; i < 500 && ingest_offset(&s, &b, 0) < 1000; i++)
        ;
    wfe_content_writer_free(w.writer);
    w = (struct writing){.b = &b};
    const wfe_content_writer_request request = {.ref = b.ref, .expected = b.digest, .lease = LEASE};
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_content_writer_put(s.containerd, s.loop, &request, b.bytes, b.len, &fns, &w,
                                     &w.writer, &err),
              &err);
    finish(&s, &w, 0);
    assert_stored(&s, &b);
}

static void test_containerd_content__a_blob_of_another_namespace_needs_only_the_commit(void **state)
{
    CONTENT_SESSION(s, state);
    BLOB(b, 2 * MIB);
    struct writing w;
    begin(&s, &w, &b, true);
    finish(&s, &w, 0);
    session other;
    session_open(&other, daemon, "content-other");
    need_lease(&other);
    begin(&other, &w, &b, true);
    finish(&other, &w, 0);
    assert_true(w.opened);
    assert_int_equal(w.from, b.len);
    assert_stored(&other, &b);
    session_close(&other);
}

static void test_containerd_content__reading_what_is_not_there_names_it(void **state)
{
    CONTENT_SESSION(s, state);
    BLOB(b, 10);
    struct reading r;
    read_blob(&s, &b, 0, &r);
    assert_int_equal(r.err.kind, WFE_E_NOT_FOUND);
    assert_contains(r.err.message, "failed to read content 'sha256:");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_containerd_content__what_is_written_is_read_back),
        cmocka_unit_test(test_containerd_content__a_blob_that_is_there_is_not_written_again),
        cmocka_unit_test(test_containerd_content__a_blob_of_unknown_digest_is_committed_with_one),
        cmocka_unit_test(test_containerd_content__writing_goes_on_where_it_was_left),
        cmocka_unit_test(test_containerd_content__wrong_bytes_fail_and_leave_no_ingest),
        cmocka_unit_test(test_containerd_content__a_second_writer_waits_for_the_first),
        cmocka_unit_test(test_containerd_content__a_lock_that_stays_is_given_up),
        cmocka_unit_test(test_containerd_content__a_small_blob_goes_in_one_message),
        cmocka_unit_test(test_containerd_content__a_put_replaces_what_the_ingest_held),
        cmocka_unit_test(
            test_containerd_content__a_blob_of_another_namespace_needs_only_the_commit),
        cmocka_unit_test(test_containerd_content__reading_what_is_not_there_names_it),
    };
    return cmocka_run_group_tests(tests, private_containerd_group_setup,
                                  private_containerd_group_teardown);
}
