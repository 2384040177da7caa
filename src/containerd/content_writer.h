/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing one blob into the content store. A writer opens the ingest of a reference, learns how
 * much of it is there already, sends the rest and commits. It keeps the rules of the daemon's Write
 * call: one writer per reference (it waits while another holds it, and ends well when that one
 * completes the blob), the offset on every commit, and an ingest with wrong bytes is thrown away,
 * so that the next try does not go on from them.
 */
#ifndef WFE_CONTAINERD_CONTENT_WRITER_H
#define WFE_CONTAINERD_CONTENT_WRITER_H

#include "base/strmap.h"
#include "containerd/client.h"
#include "loop/loop.h"

/* One message carries at most this much (the daemon takes up to 16 MiB). */
#define WFE_CONTENT_WRITER_CHUNK_BYTES ((size_t)1024 * 1024)
/* Most that can wait to be sent. */
#define WFE_CONTENT_WRITER_PENDING_MAX_BYTES ((size_t)16 * 1024 * 1024)
/* The most that goes in one message together with its commit. */
#define WFE_CONTENT_WRITER_PUT_MAX_BYTES ((size_t)8 * 1024 * 1024)
/* How long to wait for another writer of the same reference. */
#define WFE_CONTENT_WRITER_LOCK_MS 600000

typedef struct wfe_content_writer wfe_content_writer;

/* All texts and labels are copied. */
typedef struct wfe_content_writer_request {
    const char *ref;          /* name of the ingest: "layer-sha256:..." */
    const char *expected;     /* digest; NULL: not known */
    uint64_t total_bytes;     /* 0: not known */
    const wfe_strmap *labels; /* of the finished blob; NULL: none */
    const char *lease;        /* NULL: none */
    uint64_t lock_wait_ms;    /* 0: WFE_CONTENT_WRITER_LOCK_MS */
} wfe_content_writer_request;

typedef struct wfe_content_written {
    const char *digest; /* borrowed during the callback */
    bool existed;       /* the blob was there: nothing was written, labels were not set */
} wfe_content_written;

/* Callbacks may free the writer. */
typedef struct wfe_content_writer_fns {
    /* Once, unless the blob exists: write from offset_bytes of the blob on, then commit.
     * offset_bytes can be the whole of it already. */
    void (*opened)(uint64_t offset_bytes, void *user);
    /* Everything written so far has left; may be NULL. */
    void (*writable)(void *user);
    /* The end, once: written is NULL on failure. The bytes sent stay in the ingest for a later
     * try, unless they were wrong. */
    void (*done)(const wfe_content_written *written, const wfe_error *err, void *user);
} wfe_content_writer_fns;

/* Opens the ingest. INVALID, NOMEM; all else is reported to done. Free with
 * wfe_content_writer_free, after done too. */
int wfe_content_writer_start(wfe_containerd *containerd, wfe_loop *loop,
                             const wfe_content_writer_request *request,
                             const wfe_content_writer_fns *fns, void *user,
                             wfe_content_writer **ret, wfe_error *err);
/* The same for a small blob that is in memory: it goes out in one message together with its commit,
 * replacing what the ingest held. bytes is copied; LIMIT when longer than
 * WFE_CONTENT_WRITER_PUT_MAX_BYTES. Only done is called. */
int wfe_content_writer_put(wfe_containerd *containerd, wfe_loop *loop,
                           const wfe_content_writer_request *request, const void *bytes, size_t len,
                           const wfe_content_writer_fns *fns, void *user, wfe_content_writer **ret,
                           wfe_error *err);
/* After opened. bytes is copied. LIMIT when more than WFE_CONTENT_WRITER_PENDING_MAX_BYTES would
 * wait: stop before, at a few chunks, and go on when writable is called. */
int wfe_content_writer_write(wfe_content_writer *writer, const void *bytes, size_t len,
                             wfe_error *err);
size_t wfe_content_writer_pending_bytes(const wfe_content_writer *writer);
/* All is written. digest: NULL when expected was given; INVALID when neither is. */
int wfe_content_writer_commit(wfe_content_writer *writer, const char *digest, wfe_error *err);
/* Gives up if it is not done; what was sent stays for a later try. NULL is accepted. */
void wfe_content_writer_free(wfe_content_writer *writer);

#endif
