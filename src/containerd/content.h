/* SPDX-License-Identifier: Apache-2.0
 *
 * The content store: blobs by digest, and ingests (unfinished blobs) by reference. Writing is in
 * content_writer.h.
 */
#ifndef WFE_CONTAINERD_CONTENT_H
#define WFE_CONTAINERD_CONTENT_H

#include "base/buf.h"
#include "containerd/content.pb-c.h"
#include "containerd/rpc.h"

#define WFE_CONTENT_SERVICE "/containerd.services.content.v1.Content/"
#define WFE_CONTENT_UNARY(X)                                                                       \
    X(content_info, WFE_CONTENT_SERVICE "Info", PbContent__InfoRequest, PbContent__InfoResponse,   \
      pb_content__info_response, request->digest, "find content", WFE_CONTAINERD_CALL_MS,          \
      WFE_RPC_REPEATABLE)                                                                          \
    X(content_update, WFE_CONTENT_SERVICE "Update", PbContent__UpdateRequest,                      \
      PbContent__UpdateResponse, pb_content__update_response,                                      \
      request->info ? request->info->digest : NULL, "update content", WFE_CONTAINERD_CALL_MS,      \
      WFE_RPC_ONCE)                                                                                \
    X(content_delete, WFE_CONTENT_SERVICE "Delete", PbContent__DeleteContentRequest, Pb__Empty,    \
      pb__empty, request->digest, "delete content", WFE_CONTAINERD_CALL_MS, WFE_RPC_REPEATABLE)    \
    X(content_status, WFE_CONTENT_SERVICE "Status", PbContent__StatusRequest,                      \
      PbContent__StatusResponse, pb_content__status_response, request->ref, "find ingest",         \
      WFE_CONTAINERD_CALL_MS, WFE_RPC_REPEATABLE)                                                  \
    X(content_list_statuses, WFE_CONTENT_SERVICE "ListStatuses", PbContent__ListStatusesRequest,   \
      PbContent__ListStatusesResponse, pb_content__list_statuses_response, NULL, "list ingests",   \
      WFE_CONTAINERD_CALL_MS, WFE_RPC_REPEATABLE)                                                  \
    X(content_abort, WFE_CONTENT_SERVICE "Abort", PbContent__AbortRequest, Pb__Empty, pb__empty,   \
      request->ref, "abort ingest", WFE_CONTAINERD_CALL_MS, WFE_RPC_REPEATABLE)
#define WFE_CONTENT_STREAMS(X)                                                                     \
    X(content_list, WFE_CONTENT_SERVICE "List", PbContent__ListContentRequest,                     \
      PbContent__ListContentResponse, pb_content__list_content_response, NULL, "list content",     \
      WFE_CONTAINERD_CALL_MS, WFE_RPC_REPEATABLE)                                                  \
    X(content_read, WFE_CONTENT_SERVICE "Read", PbContent__ReadContentRequest,                     \
      PbContent__ReadContentResponse, pb_content__read_content_response, request->digest,          \
      "read content", WFE_CONTAINERD_APPLY_MS, WFE_RPC_REPEATABLE)
#define WFE_CONTENT_BIDI(X)                                                                        \
    X(content_write, WFE_CONTENT_SERVICE "Write", PbContent__WriteContentRequest,                  \
      PbContent__WriteContentResponse, pb_content__write_content_response, NULL, "write content",  \
      WFE_CONTAINERD_APPLY_MS, WFE_RPC_ONCE)

WFE_CONTENT_UNARY(WFE_RPC_UNARY_DECLARE)
WFE_CONTENT_STREAMS(WFE_RPC_STREAM_DECLARE)
/* The raw stream; content_writer.h keeps its rules. */
WFE_CONTENT_BIDI(WFE_RPC_BIDI_DECLARE)

/* Longest JSON document (manifest, index, config) read into memory. */
#define WFE_CONTENT_DOCUMENT_MAX_BYTES ((size_t)8 * 1024 * 1024)

/* A whole blob in memory: bytes is borrowed during the callback and NULL on failure. LIMIT when the
 * blob is longer than max_bytes; IO when it ends before size_bytes or has more. */
typedef void (*wfe_content_read_all_fn)(const wfe_buf *bytes, const wfe_error *err, void *user);
typedef struct wfe_content_read_request {
    const char *digest;
    int64_t size_bytes; /* as the descriptor says; -1: not known */
    size_t max_bytes;   /* 0: WFE_CONTENT_DOCUMENT_MAX_BYTES */
} wfe_content_read_request;
/* The digest is not computed again: containerd did at commit. ret may be NULL; what it gets is
 * valid until fn has run or wfe_content_reader_cancel has returned. */
typedef struct wfe_content_reader wfe_content_reader;
int wfe_content_read_all(wfe_containerd *containerd, const wfe_content_read_request *request,
                         const wfe_containerd_options *options, wfe_content_read_all_fn fn,
                         void *user, wfe_content_reader **ret, wfe_error *err);
/* No callback runs after it. NULL is accepted. */
void wfe_content_reader_cancel(wfe_content_reader *reader);

#endif
