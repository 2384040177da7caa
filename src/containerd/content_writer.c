/* SPDX-License-Identifier: Apache-2.0
 *
 * See content_writer.h. One call is under way at a time: the Write stream, or between two tries the
 * Info that looks whether somebody else finished the blob, or the Abort of an ingest with wrong
 * bytes. Each callback into the caller is the last thing its function does, since the caller may
 * free the writer there.
 */
#include "containerd/content_writer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/digest.h"
#include "containerd/content.h"
#include "containerd/labels.h"

/* Waiting for another writer of the same reference: at first, then doubled up to the last, each
 * time give or take a half, so that waiting writers do not come back together. */
#define LOCK_RETRY_FIRST_MS 50
#define LOCK_RETRY_LAST_MS 2000
/* A daemon that is started anew answers again by then. */
#define GONE_US ((uint64_t)10000000)

enum writer_state {
    WRITER_OPENING,    /* STAT sent, or the message of a put; nothing answered yet */
    WRITER_OPEN,       /* the caller writes */
    WRITER_COMMITTING, /* COMMIT sent */
    WRITER_WAITING,    /* for the next try: the timer, then Info */
    WRITER_ABORTING,   /* throwing wrong bytes away */
    WRITER_DONE,
};

struct wfe_content_writer {
    wfe_containerd *containerd;
    wfe_content_writer_fns fns;
    void *user;
    char *ref;
    char *digest; /* expected, then what is to be committed; NULL: not known yet */
    char *lease;  /* NULL: none */
    wfe_strmap labels;
    wfe_buf whole; /* of a put: the blob */
    bool is_put;
    bool put_again;       /* a put found the ingest in its way, which was thrown away */
    uint64_t total_bytes; /* 0: not known */
    uint64_t offset;      /* where the next bytes go */
    enum writer_state state;
    wfe_containerd_call *call; /* NULL while none is under way */
    wfe_timer *timer;
    uint64_t retry_ms;
    uint64_t gone_us;    /* monotonic: the daemon is not there since then; 0: it is */
    uint64_t give_up_us; /* monotonic: no more tries after it */
    bool committed;      /* the daemon answered the COMMIT */
    wfe_error failure;   /* reported once the Abort is over */
};

void wfe_content_writer_free(wfe_content_writer *writer)
{
    if (!writer)
        return;
    wfe_containerd_cancel(writer->call);
    wfe_timer_free(writer->timer);
    wfe_strmap_done(&writer->labels);
    wfe_buf_done(&writer->whole);
    free(writer->ref);
    free(writer->digest);
    free(writer->lease);
    free(writer);
}
WFE_DEFINE_CLEANUP(wfe_content_writer, wfe_content_writer_free)

/* Deadlines are those of long transfers: not to be spent on a daemon that is gone. */
static wfe_containerd_options call_options(const wfe_content_writer *writer)
{
    return (wfe_containerd_options){.lease = writer->lease, .fail_fast = true};
}

static void finish(wfe_content_writer *writer, bool existed, const wfe_error *err)
{
    writer->state = WRITER_DONE;
    wfe_containerd_cancel(wfe_take(writer->call));
    const wfe_content_written written = {.digest = writer->digest, .existed = existed};
    writer->fns.done(err->kind ? NULL : &written, err, writer->user);
}

static void finish_well(wfe_content_writer *writer, bool existed)
{
    const wfe_error none = WFE_ERROR_INIT;
    finish(writer, existed, &none);
}

/* --- the stream -------------------------------------------------------------------------- */

static void fill_labels(const wfe_strmap *labels, Pb__Pair *pairs, Pb__Pair **pointers)
{
    for (size_t i = 0; i < labels->len; i++) {
        pairs[i] = (Pb__Pair)PB__PAIR__INIT;
        pairs[i].key = labels->items[i].key;
        pairs[i].value = labels->items[i].value;
        pointers[i] = &pairs[i];
    }
}

/* The offset is on it always: without one the daemon would cut the ingest to nothing. */
static int send_commit(wfe_content_writer *writer, wfe_error *err)
{
    size_t n = writer->labels.len;
    _cleanup_free_ Pb__Pair *pairs = calloc(n + 1, sizeof *pairs);
    _cleanup_free_ Pb__Pair **pointers = calloc(n + 1, sizeof *pointers);
    if (!pairs || !pointers)
        return wfe_error_nomem(err);
    fill_labels(&writer->labels, pairs, pointers);
    PbContent__WriteContentRequest request = PB_CONTENT__WRITE_CONTENT_REQUEST__INIT;
    request.action = PB_CONTENT__WRITE_ACTION__COMMIT;
    request.ref = writer->ref;
    request.offset = (int64_t)writer->offset;
    request.total = (int64_t)(writer->offset + writer->whole.len);
    request.expected = writer->digest;
    request.data.data = (uint8_t *)writer->whole.data;
    request.data.len = writer->whole.len;
    request.n_labels = n;
    request.labels = pointers;
    return wfe_content_write_send(writer->call, &request, true, err);
}

static int send_stat(wfe_content_writer *writer, wfe_error *err)
{
    PbContent__WriteContentRequest request = PB_CONTENT__WRITE_CONTENT_REQUEST__INIT;
    request.action = PB_CONTENT__WRITE_ACTION__STAT;
    request.ref = writer->ref;
    request.total = (int64_t)writer->total_bytes;
    request.expected = writer->digest;
    return wfe_content_write_send(writer->call, &request, false, err);
}

static void on_reply(const PbContent__WriteContentResponse *reply, void *user)
{
    wfe_content_writer *writer = user;
    if (writer->state == WRITER_OPENING && !writer->is_put) {
        writer->state = WRITER_OPEN;
        writer->offset = (uint64_t)reply->offset;
        writer->fns.opened(writer->offset, writer->user);
    } else if (reply->action == PB_CONTENT__WRITE_ACTION__COMMIT) {
        /* The daemon sends its last reply twice. */
        writer->committed = true;
    }
}

static void on_writable(void *user)
{
    wfe_content_writer *writer = user;
    if (writer->state == WRITER_OPEN && writer->fns.writable)
        writer->fns.writable(writer->user);
}

static void retry_later(wfe_content_writer *writer);
static void abort_ingest(wfe_content_writer *writer, const wfe_error *err);

/* Unavailable is a reference that another writer holds ("ref ... locked for ...", containerd's
 * content/local/locks.go), which may take long, or a daemon that is not there, which comes back
 * soon or not at all. */
static bool is_worth_waiting(wfe_content_writer *writer, const wfe_error *err)
{
    uint64_t now_us = wfe_clock_monotonic_us();
    if (strstr(err->message, "locked")) {
        writer->gone_us = 0;
        return now_us < writer->give_up_us;
    }
    if (!writer->gone_us)
        writer->gone_us = now_us;
    return now_us < writer->give_up_us && now_us - writer->gone_us < GONE_US;
}

static void on_end(const wfe_error *err, void *user)
{
    wfe_content_writer *writer = user;
    enum writer_state state = writer->state;
    writer->call = NULL;
    if (err->grpc_status == WFE_GRPC_ALREADY_EXISTS) {
        finish_well(writer, true);
    } else if (err->grpc_status == WFE_GRPC_UNAVAILABLE && state == WRITER_OPENING &&
               is_worth_waiting(writer, err)) {
        retry_later(writer);
    } else if (err->grpc_status == WFE_GRPC_FAILED_PRECONDITION &&
               (state == WRITER_COMMITTING || writer->is_put)) {
        abort_ingest(writer, err);
    } else if (!err->kind && writer->committed) {
        finish_well(writer, false);
    } else {
        wfe_error failure = *err;
        wfe_error_set(&failure, WFE_E_PROTOCOL,
                      "failed to write content '%s': containerd ended the stream before the commit",
                      writer->ref);
        finish(writer, false, &failure);
    }
}

static int open_stream(wfe_content_writer *writer, wfe_error *err)
{
    static const wfe_containerd_stream_fns rest = {.end = on_end, .writable = on_writable};
    const wfe_containerd_options options = call_options(writer);
    int rc = wfe_content_write(writer->containerd, &options, writer->ref, on_reply, &rest, writer,
                               &writer->call, err);
    if (rc)
        return rc;
    writer->state = WRITER_OPENING;
    return writer->is_put ? send_commit(writer, err) : send_stat(writer, err);
}

/* --- between two tries ------------------------------------------------------------------- */

/* Opens the stream again and reports what prevents that. */
static void try_again(wfe_content_writer *writer)
{
    wfe_error err = WFE_ERROR_INIT;
    if (open_stream(writer, &err))
        finish(writer, false, &err);
}

static void on_info(const PbContent__InfoResponse *reply, const wfe_error *err, void *user)
{
    (void)err; /* not there, or not to be learnt: the next try tells */
    wfe_content_writer *writer = user;
    writer->call = NULL;
    /* A lease gets the blob only by opening it. */
    if (reply && !writer->lease)
        finish_well(writer, true);
    else
        try_again(writer);
}

static void on_timer(void *user)
{
    wfe_content_writer *writer = user;
    if (!writer->digest) {
        try_again(writer);
        return;
    }
    wfe_error err = WFE_ERROR_INIT;
    const wfe_containerd_options options = call_options(writer);
    PbContent__InfoRequest request = PB_CONTENT__INFO_REQUEST__INIT;
    request.digest = writer->digest;
    if (wfe_content_info(writer->containerd, &request, &options, on_info, writer, &writer->call,
                         &err))
        finish(writer, false, &err);
}

static void retry_later(wfe_content_writer *writer)
{
    writer->state = WRITER_WAITING;
    uint64_t random = 0;
    if (getrandom(&random, sizeof random, GRND_NONBLOCK) < 0)
        random = wfe_clock_monotonic_us();
    wfe_timer_start(writer->timer, writer->retry_ms / 2 + random % (writer->retry_ms + 1));
    writer->retry_ms *= 2;
    if (writer->retry_ms > LOCK_RETRY_LAST_MS)
        writer->retry_ms = LOCK_RETRY_LAST_MS;
}

/* --- wrong bytes ------------------------------------------------------------------------- */

static void on_aborted(const Pb__Empty *reply, const wfe_error *err, void *user)
{
    (void)reply;
    (void)err; /* an ingest that stays is the lesser news, and expires */
    wfe_content_writer *writer = user;
    writer->call = NULL;
    /* The ingest of an earlier try with another total keeps its bytes beyond those put (containerd
     * 1.6: content/local/store.go, writer): without it the put goes well. */
    if (writer->is_put && !writer->put_again) {
        writer->put_again = true;
        try_again(writer);
        return;
    }
    wfe_error failure = writer->failure;
    finish(writer, false, &failure);
}

static void abort_ingest(wfe_content_writer *writer, const wfe_error *err)
{
    writer->state = WRITER_ABORTING;
    writer->failure = *err;
    const wfe_containerd_options options = call_options(writer);
    PbContent__AbortRequest request = PB_CONTENT__ABORT_REQUEST__INIT;
    request.ref = writer->ref;
    if (wfe_content_abort(writer->containerd, &request, &options, on_aborted, writer, &writer->call,
                          NULL))
        on_aborted(NULL, NULL, writer);
}

/* --- the caller's side ------------------------------------------------------------------- */

static int check_request(const wfe_content_writer_request *request, wfe_error *err)
{
    if (!request->ref || !*request->ref)
        return wfe_error_set(err, WFE_E_INVALID, "content to write has no reference");
    if (request->expected && !wfe_digest_is_valid(request->expected))
        return wfe_error_set(err, WFE_E_INVALID, "'%s' is no sha256 digest", request->expected);
    if (request->total_bytes > INT64_MAX)
        return wfe_error_set(err, WFE_E_INVALID, "content '%s' of %" PRIu64 " bytes is too large",
                             request->ref, request->total_bytes);
    int rc = 0;
    for (size_t i = 0; request->labels && i < request->labels->len && !rc; i++)
        rc = wfe_labels_check(request->labels->items[i].key, request->labels->items[i].value, err);
    return rc;
}

static int copy_text(const char *text, char **ret, wfe_error *err)
{
    if (!text)
        return 0;
    *ret = strdup(text);
    return *ret ? 0 : wfe_error_nomem(err);
}

static int copy_request(wfe_content_writer *writer, const wfe_content_writer_request *request,
                        wfe_error *err)
{
    uint64_t lock_ms = request->lock_wait_ms ? request->lock_wait_ms : WFE_CONTENT_WRITER_LOCK_MS;
    writer->give_up_us = wfe_clock_monotonic_us() + lock_ms * 1000;
    writer->retry_ms = LOCK_RETRY_FIRST_MS;
    writer->total_bytes = request->total_bytes;
    int rc = copy_text(request->ref, &writer->ref, err);
    if (!rc)
        rc = copy_text(request->expected, &writer->digest, err);
    if (!rc)
        rc = copy_text(request->lease, &writer->lease, err);
    for (size_t i = 0; request->labels && i < request->labels->len && !rc; i++)
        rc = wfe_strmap_set(&writer->labels, request->labels->items[i].key,
                            request->labels->items[i].value, err);
    return rc;
}

static int writer_new(wfe_containerd *containerd, wfe_loop *loop,
                      const wfe_content_writer_request *request, const wfe_content_writer_fns *fns,
                      void *user, wfe_content_writer **ret, wfe_error *err)
{
    int rc = check_request(request, err);
    if (rc)
        return rc;
    _cleanup_(wfe_content_writer_free_p) wfe_content_writer *writer = calloc(1, sizeof *writer);
    if (!writer)
        return wfe_error_nomem(err);
    writer->containerd = containerd;
    writer->fns = *fns;
    writer->user = user;
    rc = copy_request(writer, request, err);
    if (!rc)
        rc = wfe_timer_new(loop, on_timer, writer, &writer->timer, err);
    if (!rc)
        *ret = wfe_take(writer);
    return rc;
}

int wfe_content_writer_start(wfe_containerd *containerd, wfe_loop *loop,
                             const wfe_content_writer_request *request,
                             const wfe_content_writer_fns *fns, void *user,
                             wfe_content_writer **ret, wfe_error *err)
{
    _cleanup_(wfe_content_writer_free_p) wfe_content_writer *writer = NULL;
    int rc = writer_new(containerd, loop, request, fns, user, &writer, err);
    if (!rc)
        rc = open_stream(writer, err);
    if (!rc)
        *ret = wfe_take(writer);
    return rc;
}

int wfe_content_writer_put(wfe_containerd *containerd, wfe_loop *loop,
                           const wfe_content_writer_request *request, const void *bytes, size_t len,
                           const wfe_content_writer_fns *fns, void *user, wfe_content_writer **ret,
                           wfe_error *err)
{
    if (len > WFE_CONTENT_WRITER_PUT_MAX_BYTES)
        return wfe_error_set(
            err, WFE_E_LIMIT, "content '%s' is %zu bytes, at most %zu go into one message",
            request->ref ? request->ref : "", len, WFE_CONTENT_WRITER_PUT_MAX_BYTES);
    _cleanup_(wfe_content_writer_free_p) wfe_content_writer *writer = NULL;
    int rc = writer_new(containerd, loop, request, fns, user, &writer, err);
    if (rc)
        return rc;
    writer->is_put = true;
    rc = wfe_buf_append(&writer->whole, bytes, len, err);
    if (!rc && !writer->digest) {
        char digest[WFE_DIGEST_SIZE];
        wfe_digest_of(bytes, len, digest);
        rc = copy_text(digest, &writer->digest, err);
    }
    if (!rc)
        rc = open_stream(writer, err);
    if (!rc)
        *ret = wfe_take(writer);
    return rc;
}

size_t wfe_content_writer_pending_bytes(const wfe_content_writer *writer)
{
    return writer->call ? wfe_containerd_pending_bytes(writer->call) : 0;
}

int wfe_content_writer_write(wfe_content_writer *writer, const void *bytes, size_t len,
                             wfe_error *err)
{
    if (writer->state != WRITER_OPEN)
        return writer->state == WRITER_DONE
                   ? 0
                   : wfe_error_set(err, WFE_E_CONFLICT, "content '%s' is not open for writing",
                                   writer->ref);
    size_t pending = wfe_content_writer_pending_bytes(writer);
    if (len > WFE_CONTENT_WRITER_PENDING_MAX_BYTES ||
        pending > WFE_CONTENT_WRITER_PENDING_MAX_BYTES - len)
        return wfe_error_set(err, WFE_E_LIMIT,
                             "content '%s': %zu bytes wait to be sent, %zu more are too many",
                             writer->ref, pending, len);
    for (size_t done = 0; done < len;) {
        size_t n = len - done;
        if (n > WFE_CONTENT_WRITER_CHUNK_BYTES)
            n = WFE_CONTENT_WRITER_CHUNK_BYTES;
        PbContent__WriteContentRequest request = PB_CONTENT__WRITE_CONTENT_REQUEST__INIT;
        request.action = PB_CONTENT__WRITE_ACTION__WRITE;
        request.offset = (int64_t)writer->offset;
        request.data.data = (uint8_t *)bytes + done;
        request.data.len = n;
        int rc = wfe_content_write_send(writer->call, &request, false, err);
        if (rc)
            return rc;
        writer->offset += n;
        done += n;
    }
    return 0;
}

int wfe_content_writer_commit(wfe_content_writer *writer, const char *digest, wfe_error *err)
{
    if (writer->state != WRITER_OPEN)
        return writer->state == WRITER_DONE
                   ? 0
                   : wfe_error_set(err, WFE_E_CONFLICT, "content '%s' is not open for writing",
                                   writer->ref);
    if (digest ? !wfe_digest_is_valid(digest) : !writer->digest)
        return wfe_error_set(err, WFE_E_INVALID, "content '%s' has no valid digest to commit",
                             writer->ref);
    if (digest) {
        char *copy = NULL;
        int rc = copy_text(digest, &copy, err);
        if (rc)
            return rc;
        free(writer->digest);
        writer->digest = copy;
    }
    int rc = send_commit(writer, err);
    if (!rc)
        writer->state = WRITER_COMMITTING;
    return rc;
}
