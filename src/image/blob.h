/* SPDX-License-Identifier: Apache-2.0
 *
 * One blob on its way into the content store, in pieces and blocking: the digest is computed as
 * the bytes pass, the daemon's slowness is passed on to the caller, and nothing is committed that
 * is not what it should be.
 */
#ifndef WFE_IMAGE_BLOB_H
#define WFE_IMAGE_BLOB_H

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "containerd/client.h"
#include "loop/loop.h"

typedef struct wfe_image_blob_request {
    const char *ref;      /* name of the ingest, used by no one else; copied */
    const char *expected; /* digest; NULL: not known; copied */
    uint64_t size_bytes;
    const char *lease; /* borrowed until the blob is freed */
} wfe_image_blob_request;

typedef struct wfe_image_blob wfe_image_blob;
/* Blocks until the daemon has opened the ingest. */
int wfe_image_blob_new(wfe_loop *loop, wfe_containerd *containerd,
                       const wfe_image_blob_request *request, wfe_image_blob **ret, wfe_error *err);
int wfe_image_blob_add(wfe_image_blob *blob, const void *bytes, size_t len, wfe_error *err);
/* Commits and gives the digest. PROTOCOL, with nothing kept of it, when size or digest are not
 * what was expected. */
int wfe_image_blob_commit(wfe_image_blob *blob, char out_digest[WFE_DIGEST_SIZE], wfe_error *err);
void wfe_image_blob_free(wfe_image_blob *blob);
WFE_DEFINE_CLEANUP(wfe_image_blob, wfe_image_blob_free)

#endif
