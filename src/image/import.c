/* SPDX-License-Identifier: Apache-2.0
 *
 * The flow of an import. One lease holds all that is made until the image records refer to it; if
 * this process dies, `wfe gc` ends the lease, or it ends by itself after a day, and the garbage
 * collector takes the rest. Records come last, so that a failure leaves the image store as it was.
 */
#include "image/import.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/sized.h"
#include "containerd/content.h"
#include "containerd/images.h"
#include "image/import_priv.h"
#include "image/labels.h"
#include "image/lease.h"
#include "image/list.h"
#include "image/unpack.h"
#include "image/wait.h"
#include "image/walk.h"

/* Documents of one image that get labels: indexes and manifests of every platform. */
#define DOCUMENTS_MAX 512
#define DEPTH_MAX 4
#define RECORD_TRIES 5

typedef struct document_read {
    wfe_image_wait wait;
    const char *media_type;
    wfe_image_document *document;
    bool absent;
} document_read;

static void on_document(const wfe_buf *bytes, const wfe_error *err, void *user)
{
    document_read *read = user;
    wfe_error problem = *err;
    read->absent = problem.grpc_status == WFE_GRPC_NOT_FOUND;
    if (!problem.kind)
        wfe_image_document_parse(bytes->data, bytes->len, read->media_type, &read->document,
                                 &problem);
    wfe_image_wait_end(&read->wait, &problem);
}

/* NULL, without an error, when the archive does not have it. */
static int read_document(wfe_import *import, const wfe_image_descriptor *descriptor,
                         wfe_image_document **ret, wfe_error *err)
{
    const wfe_containerd_options options = {.lease = import->lease};
    const wfe_content_read_request request = {.digest = descriptor->digest,
                                              .size_bytes = descriptor->size_bytes,
                                              .max_bytes = WFE_IMAGE_DOCUMENT_MAX_BYTES};
    document_read read = {.wait = {.loop = import->loop}, .media_type = descriptor->media_type};
    wfe_content_reader *reader = NULL;
    wfe_error problem = WFE_ERROR_INIT;
    int rc = wfe_content_read_all(import->containerd, &request, &options, on_document, &read,
                                  &reader, &problem);
    rc = wfe_image_wait_for(&read.wait, rc, &problem);
    if (!read.wait.done)
        wfe_content_reader_cancel(reader);
    if (rc && read.absent)
        return 0;
    if (rc) {
        wfe_error_prefix(&problem, "%s", descriptor->digest);
        return wfe_error_copy(err, &problem);
    }
    *ret = read.document;
    return 0;
}

/* Labels an index or manifest and what is below it, as far as the archive has it. */
static int label_tree(wfe_import *import, const wfe_image_descriptor *descriptor, unsigned depth,
                      unsigned *left, wfe_error *err)
{
    _cleanup_(wfe_image_document_free_p) wfe_image_document *document = NULL;
    if (depth > DEPTH_MAX || *left == 0)
        return wfe_error_set(err, WFE_E_LIMIT,
                             "more than %d documents, or more than %d indexes within each other",
                             DOCUMENTS_MAX, DEPTH_MAX);
    --*left;
    int rc = read_document(import, descriptor, &document, err);
    if (rc || !document)
        return rc;
    rc = wfe_image_label_children(import->loop, import->containerd, import->lease,
                                  descriptor->digest, document, err);
    for (size_t i = 0; !rc && document->is_index && i < document->n_items; i++)
        rc = label_tree(import, &document->items[i], depth + 1, left, err);
    return rc;
}

typedef struct parts_walk {
    wfe_image_wait wait;
    wfe_image_parts *parts;
} parts_walk;

static void on_walked(wfe_image_parts *parts, const wfe_error *err, void *user)
{
    parts_walk *walk = user;
    walk->parts = parts;
    wfe_image_wait_end(&walk->wait, err);
}

static int find_parts(wfe_import *import, const wfe_import_image *image, wfe_image_parts **ret,
                      wfe_error *err)
{
    const wfe_image_walk_request request = {.name = image->name,
                                            .target = &image->target,
                                            .machine = &import->machine,
                                            .lease = import->lease};
    parts_walk walk = {.wait = {.loop = import->loop}};
    wfe_image_walk *handle = NULL;
    wfe_error problem = WFE_ERROR_INIT;
    int rc =
        wfe_image_walk_start(import->containerd, &request, on_walked, &walk, &handle, &problem);
    rc = wfe_image_wait_for(&walk.wait, rc, &problem);
    if (handle && !walk.wait.done)
        wfe_image_walk_cancel(handle);
    if (rc && problem.grpc_status == WFE_GRPC_NOT_FOUND)
        return wfe_error_set(err, WFE_E_INVALID, "%s is incomplete: %s", import->file_name,
                             problem.message);
    if (rc)
        return wfe_error_copy(err, &problem);
    *ret = walk.parts;
    return 0;
}

typedef struct layer_info {
    wfe_image_wait wait;
    int64_t size_bytes;
} layer_info;

static void on_info(const PbContent__InfoResponse *reply, const wfe_error *err, void *user)
{
    layer_info *info = user;
    info->size_bytes = !err->kind && reply->info ? reply->info->size : -1;
    wfe_image_wait_end(&info->wait, err);
}

static int check_layer(wfe_import *import, const wfe_image_descriptor *layer, wfe_error *err)
{
    PbContent__InfoRequest request = PB_CONTENT__INFO_REQUEST__INIT;
    const wfe_containerd_options options = {.lease = import->lease};
    request.digest = layer->digest;
    layer_info info = {.wait = {.loop = import->loop}};
    wfe_error problem = WFE_ERROR_INIT;
    int rc = wfe_image_wait_for(&info.wait,
                                wfe_content_info(import->containerd, &request, &options, on_info,
                                                 &info, &info.wait.call, &problem),
                                &problem);
    if (rc && problem.grpc_status == WFE_GRPC_NOT_FOUND)
        return wfe_error_set(err, WFE_E_INVALID, "%s is incomplete: it lacks the layer %s",
                             import->file_name, layer->digest);
    if (rc)
        return wfe_error_copy(err, &problem);
    if (info.size_bytes != layer->size_bytes)
        return wfe_error_set(err, WFE_E_PROTOCOL,
                             "layer %s has %" PRId64 " bytes, the manifest says %" PRId64,
                             layer->digest, info.size_bytes, layer->size_bytes);
    return 0;
}

static int prepare_image(wfe_import *import, const wfe_import_image *image, wfe_error *err)
{
    _cleanup_(wfe_image_parts_free_p) wfe_image_parts *parts = NULL;
    unsigned left = DOCUMENTS_MAX;
    int rc = label_tree(import, &image->target, 0, &left, err);
    if (!rc)
        rc = find_parts(import, image, &parts, err);
    for (size_t i = 0; !rc && i < parts->document->n_items; i++)
        rc = check_layer(import, &parts->document->items[i], err);
    const wfe_image_unpack_request unpack = {
        .snapshotter = import->snapshotter, .lease = import->lease, .parts = parts};
    if (!rc)
        rc = wfe_image_unpack_run(import->loop, import->containerd, &unpack, err);
    return rc;
}

typedef struct record_call {
    wfe_image_wait wait;
    wfe_image_list *list;
} record_call;

static void take_record(record_call *call, const PbImages__Image *image, const wfe_error *err)
{
    wfe_error problem = *err;
    if (!problem.kind && image)
        wfe_image_list_add(call->list, image, &problem);
    wfe_image_wait_end(&call->wait, &problem);
}

static void on_created(const PbImages__CreateImageResponse *reply, const wfe_error *err, void *user)
{
    take_record(user, reply ? reply->image : NULL, err);
}

static void on_updated(const PbImages__UpdateImageResponse *reply, const wfe_error *err, void *user)
{
    take_record(user, reply ? reply->image : NULL, err);
}

static int create_record(wfe_import *import, PbImages__Image *record, wfe_image_list *list,
                         wfe_error *err)
{
    PbImages__CreateImageRequest request = PB_IMAGES__CREATE_IMAGE_REQUEST__INIT;
    request.image = record;
    const wfe_containerd_options options = {.lease = import->lease};
    record_call call = {.wait = {.loop = import->loop}, .list = list};
    return wfe_image_wait_for(&call.wait,
                              wfe_images_create(import->containerd, &request, &options, on_created,
                                                &call, &call.wait.call, err),
                              err);
}

static int update_record(wfe_import *import, PbImages__Image *record, wfe_image_list *list,
                         wfe_error *err)
{
    PbImages__UpdateImageRequest request = PB_IMAGES__UPDATE_IMAGE_REQUEST__INIT;
    Pb__FieldMask mask = PB__FIELD_MASK__INIT;
    const char *paths[] = {"target"};
    mask.n_paths = 1;
    mask.paths = paths;
    request.image = record;
    request.update_mask = &mask;
    const wfe_containerd_options options = {.lease = import->lease};
    record_call call = {.wait = {.loop = import->loop}, .list = list};
    return wfe_image_wait_for(&call.wait,
                              wfe_images_update(import->containerd, &request, &options, on_updated,
                                                &call, &call.wait.call, err),
                              err);
}

/* Someone else may make or remove the record between two calls: tries both in turn. */
static int put_record(wfe_import *import, const wfe_import_image *image, wfe_image_list *list,
                      wfe_error *err)
{
    PbImages__Image record = PB_IMAGES__IMAGE__INIT;
    Pb__Descriptor target = PB__DESCRIPTOR__INIT;
    target.media_type = image->target.media_type;
    target.digest = image->target.digest;
    target.size = image->target.size_bytes;
    record.name = image->name;
    record.target = &target;
    wfe_error problem = WFE_ERROR_INIT;
    for (int i = 0; i < RECORD_TRIES; i++) {
        problem = (wfe_error)WFE_ERROR_INIT;
        if (create_record(import, &record, list, &problem) == 0)
            return 0;
        if (problem.grpc_status != WFE_GRPC_ALREADY_EXISTS)
            break;
        problem = (wfe_error)WFE_ERROR_INIT;
        if (update_record(import, &record, list, &problem) == 0)
            return 0;
        if (problem.grpc_status != WFE_GRPC_NOT_FOUND)
            break;
    }
    return wfe_error_copy(err, &problem);
}

static int import_images(wfe_import *import, const wfe_import_images *images, wfe_image_list *list,
                         wfe_error *err)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < images->len; i++) {
        /* Names of the same image follow each other. */
        if (i == 0 || strcmp(images->items[i].target.digest, images->items[i - 1].target.digest))
            rc = prepare_image(import, &images->items[i], err);
    }
    for (size_t i = 0; !rc && i < images->len; i++)
        rc = put_record(import, &images->items[i], list, err);
    return rc;
}

static int import_under_lease(wfe_import *import, int fd, wfe_image_list *list, wfe_error *err)
{
    wfe_import_files files = {0};
    wfe_import_images images = {0};
    int rc = wfe_import_read_files(import, fd, &files, err);
    if (!rc)
        rc = wfe_import_list_images(import, &files, &images, err);
    if (!rc)
        rc = import_images(import, &images, list, err);
    wfe_import_images_done(&images);
    wfe_import_files_done(&files);
    return rc;
}

static int check_file(const wfe_import *import, int fd, wfe_error *err)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return wfe_error_set_errno(err, errno, "cannot read %s", import->file_name);
    if (!S_ISDIR(st.st_mode))
        return 0;
    wfe_error_set(err, WFE_E_INVALID, "%s is a folder, must be an archive", import->file_name);
    wfe_error_hint(err,
                   "an OCI layout in a folder goes in with: tar -C %s -c . | wfe image import -",
                   import->file_name);
    return WFE_E_INVALID;
}

int wfe_image_import_run(wfe_loop *loop, wfe_containerd *containerd, const char *snapshotter,
                         const wfe_image_import_options *options, wfe_image_list **ret,
                         wfe_error *err)
{
    wfe_image_import_options given = {0};
    if (!options)
        return wfe_error_set(err, WFE_E_INVALID, "there are no import options");
    int rc = wfe_sized_copy(options, "wfe_image_import_options", &given, sizeof given, err);
    if (rc)
        return rc;
    wfe_import import = {.loop = loop,
                         .containerd = containerd,
                         .snapshotter = snapshotter,
                         .file_name = given.file_name ? given.file_name : "standard input",
                         .name = given.name};
    wfe_image_platform_host(&import.machine);
    _cleanup_(wfe_image_list_free_p) wfe_image_list *list = NULL;
    rc = check_file(&import, given.fd, err);
    if (!rc)
        rc = wfe_image_list_new(&list, err);
    if (!rc)
        rc = wfe_image_lease_make(loop, containerd, "import", import.lease, err);
    if (!rc) {
        rc = import_under_lease(&import, given.fd, list, err);
        wfe_image_lease_drop(loop, containerd, import.lease);
    }
    wfe_error_where(err, "import image", import.file_name);
    if (rc)
        return rc;
    wfe_image_list_sort(list);
    *ret = wfe_take(list);
    return 0;
}
