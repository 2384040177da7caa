/* SPDX-License-Identifier: Apache-2.0
 *
 * See record.h. Someone else may make or remove the record between two calls: creating and updating
 * are tried in turn.
 */
#include "image/record.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define TRIES 5

struct wfe_image_record {
    wfe_containerd *containerd;
    char *lease;
    char *name;
    wfe_image_descriptor target;
    wfe_image_record_fn fn;
    void *user;
    wfe_containerd_call *call;
    int tries_left;
};

WFE_DEFINE_CLEANUP(wfe_image_record, wfe_image_record_free)

void wfe_image_record_free(wfe_image_record *record)
{
    if (!record)
        return;
    wfe_containerd_cancel(record->call);
    wfe_image_descriptor_done(&record->target);
    free(record->lease);
    free(record->name);
    free(record);
}

static int create(wfe_image_record *record, wfe_error *err);
static int update(wfe_image_record *record, wfe_error *err);

/* other: what to try when the daemon answers with that status. */
static void take_reply(wfe_image_record *record, const PbImages__Image *image, const wfe_error *err,
                       int status, int (*other)(wfe_image_record *record, wfe_error *err))
{
    wfe_error problem = *err;
    record->call = NULL;
    if (problem.kind && problem.grpc_status == status && record->tries_left-- > 0) {
        problem = (wfe_error)WFE_ERROR_INIT;
        if (other(record, &problem) == 0)
            return;
    }
    record->fn(problem.kind ? NULL : image, &problem, record->user);
}

static void on_created(const PbImages__CreateImageResponse *reply, const wfe_error *err, void *user)
{
    take_reply(user, reply ? reply->image : NULL, err, WFE_GRPC_ALREADY_EXISTS, update);
}

static void on_updated(const PbImages__UpdateImageResponse *reply, const wfe_error *err, void *user)
{
    take_reply(user, reply ? reply->image : NULL, err, WFE_GRPC_NOT_FOUND, create);
}

static void fill(const wfe_image_record *record, PbImages__Image *image, Pb__Descriptor *target)
{
    *image = (PbImages__Image)PB_IMAGES__IMAGE__INIT;
    *target = (Pb__Descriptor)PB__DESCRIPTOR__INIT;
    target->media_type = record->target.media_type;
    target->digest = (char *)(uintptr_t)record->target.digest;
    target->size = record->target.size_bytes;
    image->name = record->name;
    image->target = target;
}

static int create(wfe_image_record *record, wfe_error *err)
{
    PbImages__Image image;
    Pb__Descriptor target;
    PbImages__CreateImageRequest request = PB_IMAGES__CREATE_IMAGE_REQUEST__INIT;
    const wfe_containerd_options options = {.lease = record->lease, .fail_fast = true};
    fill(record, &image, &target);
    request.image = &image;
    return wfe_images_create(record->containerd, &request, &options, on_created, record,
                             &record->call, err);
}

static int update(wfe_image_record *record, wfe_error *err)
{
    PbImages__Image image;
    Pb__Descriptor target;
    PbImages__UpdateImageRequest request = PB_IMAGES__UPDATE_IMAGE_REQUEST__INIT;
    Pb__FieldMask mask = PB__FIELD_MASK__INIT;
    const char *paths[] = {"target"};
    const wfe_containerd_options options = {.lease = record->lease, .fail_fast = true};
    fill(record, &image, &target);
    mask.n_paths = 1;
    mask.paths = paths;
    request.image = &image;
    request.update_mask = &mask;
    return wfe_images_update(record->containerd, &request, &options, on_updated, record,
                             &record->call, err);
}

int wfe_image_record_put(wfe_containerd *containerd, const char *lease, const char *name,
                         const wfe_image_descriptor *target, wfe_image_record_fn fn, void *user,
                         wfe_image_record **ret, wfe_error *err)
{
    _cleanup_(wfe_image_record_free_p) wfe_image_record *record = calloc(1, sizeof *record);
    if (!record)
        return wfe_error_nomem(err);
    record->containerd = containerd;
    record->fn = fn;
    record->user = user;
    record->tries_left = TRIES;
    record->lease = strdup(lease);
    record->name = strdup(name);
    int rc = record->lease && record->name ? wfe_image_descriptor_copy(&record->target, target, err)
                                           : wfe_error_nomem(err);
    if (!rc)
        rc = create(record, err);
    if (!rc)
        *ret = wfe_take(record);
    return rc;
}
