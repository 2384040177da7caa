/* SPDX-License-Identifier: Apache-2.0
 *
 * Exporting, in three stations: what is there of each image is found out, and whether anything of
 * it is missing, before a byte is written; then the three small files that say what the archive
 * holds are made; then the blobs follow, in the order of their digests, each once. A lease keeps
 * them while that lasts.
 */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/sized.h"
#include "base/strv.h"
#include "containerd/content.h"
#include "image/archive_writer.h"
#include "image/lease.h"
#include "image/list.h"
#include "image/reference.h"
#include "image/select.h"
#include "image/wait.h"

/* One Read asks for this much, so that a slow file stops the daemon. */
#define PIECE_BYTES ((int64_t)4 * 1024 * 1024)
#define BLOBS_MAX ((size_t)100000)

typedef struct export_blob {
    char digest[WFE_DIGEST_SIZE];
    int64_t size_bytes;
} export_blob;

typedef struct exporting {
    wfe_client *client;
    const char *file_name;
    bool all_platforms;
    const wfe_image_platform *platform; /* NULL: this machine's */
    wfe_image_list *list;
    wfe_image_inventory *inventory;
    char lease[WFE_IMAGE_LEASE_SIZE];
    export_blob *blobs;
    size_t n_blobs;
    json_t *index;  /* the "manifests" of index.json */
    json_t *docker; /* manifest.json, as `docker save` writes it */
} exporting;

/* --- what goes in -------------------------------------------------------------------------- */

static int add_blob(exporting *ex, const wfe_image_descriptor *descriptor, wfe_error *err)
{
    if (ex->n_blobs == BLOBS_MAX)
        return wfe_error_set(err, WFE_E_LIMIT, "the images have more than %zu blobs", BLOBS_MAX);
    /* Grows by doubling: a realloc for each power of two. */
    if ((ex->n_blobs & (ex->n_blobs - 1)) == 0) {
        export_blob *more = realloc(ex->blobs, (ex->n_blobs ? 2 * ex->n_blobs : 1) * sizeof *more);
        if (!more)
            return wfe_error_nomem(err);
        ex->blobs = more;
    }
    export_blob *blob = &ex->blobs[ex->n_blobs++];
    memcpy(blob->digest, descriptor->digest, sizeof blob->digest);
    blob->size_bytes = descriptor->size_bytes;
    return 0;
}

static int report_missing(const exporting *ex, const char *name, const char *digest,
                          const wfe_image_variant *variant, wfe_error *err)
{
    char platform[WFE_IMAGE_PLATFORM_TEXT_SIZE];
    bool known = variant && variant->descriptor.has_platform;
    wfe_error_set(err, WFE_E_NOT_FOUND, "image '%s' is incomplete: %s%s%s is not in containerd",
                  name, digest, known ? " of " : "",
                  known ? wfe_image_platform_format(&variant->descriptor.platform, platform) : "");
    wfe_error_hint(err, ex->all_platforms
                            ? "without --all-platforms only this machine's is needed; "
                              "else pull the image for all platforms"
                            : "pull or import the image again");
    return WFE_E_NOT_FOUND;
}

static int add_variant(exporting *ex, const char *name, const wfe_image_variant *variant,
                       wfe_error *err)
{
    if (variant->n_missing)
        return report_missing(ex, name, variant->missing, variant, err);
    int rc = add_blob(ex, &variant->descriptor, err);
    if (!rc)
        rc = add_blob(ex, &variant->document->config, err);
    for (size_t i = 0; !rc && i < variant->document->n_items; i++)
        rc = add_blob(ex, &variant->document->items[i], err);
    return rc;
}

static int add_index_entry(exporting *ex, const char *name, const wfe_image_descriptor *target,
                           wfe_error *err)
{
    wfe_image_reference reference = {.tag = ""};
    (void)wfe_image_reference_parse(name, &reference, NULL);
    const char *tag = reference.tag[0] ? reference.tag : reference.digest;
    json_t *entry =
        json_pack("{ss ss sI s{ss ss}}", "mediaType", target->media_type, "digest", target->digest,
                  "size", (json_int_t)target->size_bytes, "annotations", "io.containerd.image.name",
                  name, "org.opencontainers.image.ref.name", tag[0] ? tag : name);
    return entry && json_array_append_new(ex->index, entry) == 0 ? 0 : wfe_error_nomem(err);
}

static json_t *blob_path(const char *digest)
{
    return json_sprintf("blobs/sha256/%s", strchr(digest, ':') + 1);
}

/* The entry of the same image that came before, for another name of it; NULL. */
static json_t *find_docker_entry(const exporting *ex, const char *config)
{
    size_t i;
    json_t *entry;
    json_array_foreach(ex->docker, i, entry)
    {
        const char *path = json_string_value(json_object_get(entry, "Config"));
        if (path && strcmp(path + strlen("blobs/sha256/"), strchr(config, ':') + 1) == 0)
            return entry;
    }
    return NULL;
}

/* docker knows no digests as names, and no image without a config. */
static int add_docker_entry(exporting *ex, const char *name, const wfe_image_variant *variant,
                            wfe_error *err)
{
    if (!variant->config)
        return 0;
    const char *config = variant->document->config.digest;
    json_t *entry = find_docker_entry(ex, config);
    if (!entry) {
        json_t *layers = json_array();
        for (size_t i = 0; i < variant->document->n_items; i++)
            json_array_append_new(layers, blob_path(variant->document->items[i].digest));
        bool full = json_array_size(layers) == variant->document->n_items;
        entry = json_pack("{so s[] so}", "Config", blob_path(config), "RepoTags", "Layers", layers);
        if (!full || json_array_append(ex->docker, entry)) {
            json_decref(entry);
            return wfe_error_nomem(err);
        }
        json_decref(entry); /* the list's now */
    }
    if (strchr(name, '@'))
        return 0;
    json_t *tag = json_string(wfe_image_reference_shorten(name));
    return json_array_append_new(json_object_get(entry, "RepoTags"), tag) ? wfe_error_nomem(err)
                                                                          : 0;
}

/* Everything that the image names; its own machine's platform is the one for docker. */
static int add_all_platforms(exporting *ex, const char *name, const wfe_image_contents *contents,
                             const wfe_image_variant **ret_main, wfe_error *err)
{
    int rc = 0;
    if (contents->missing_index[0])
        return report_missing(ex, name, contents->missing_index, NULL, err);
    for (size_t i = 0; !rc && i < contents->n_variants; i++)
        rc = add_variant(ex, name, &contents->variants[i], err);
    *ret_main = wfe_image_contents_choose(contents, NULL);
    for (size_t i = 0; !*ret_main && i < contents->n_variants; i++) {
        if (contents->variants[i].config)
            *ret_main = &contents->variants[i];
    }
    return rc;
}

static int add_image(exporting *ex, size_t index, wfe_error *err)
{
    _cleanup_(wfe_image_contents_free_p) wfe_image_contents *contents = NULL;
    const char *name = wfe_image_list_at(ex->list, index)->name;
    const wfe_image_variant *chosen = NULL;
    wfe_image_descriptor target;
    wfe_image_list_target(ex->list, index, &target);
    int rc = wfe_image_contents_read(ex->client, ex->inventory, &target, &contents, err);
    if (rc) {
        wfe_error_prefix(err, "image '%s'", name);
        return rc;
    }
    if (ex->all_platforms) {
        rc = add_all_platforms(ex, name, contents, &chosen, err);
    } else {
        rc = wfe_image_contents_need(contents, name, ex->platform, &chosen, err);
        if (!rc)
            rc = add_variant(ex, name, chosen, err);
    }
    for (size_t i = 0; !rc && i < contents->n_indexes; i++)
        rc = add_blob(ex, &contents->indexes[i], err);
    if (!rc)
        rc = add_index_entry(ex, name, &target, err);
    if (!rc && chosen)
        rc = add_docker_entry(ex, name, chosen, err);
    return rc ? rc : wfe_image_list_set_contents(ex->list, index, contents, false, err);
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const export_blob *)a)->digest, ((const export_blob *)b)->digest);
}

static void sort_blobs(exporting *ex)
{
    size_t n = 0;
    qsort(ex->blobs, ex->n_blobs, sizeof *ex->blobs, compare);
    for (size_t i = 0; i < ex->n_blobs; i++) {
        if (n == 0 || strcmp(ex->blobs[i].digest, ex->blobs[n - 1].digest) != 0)
            ex->blobs[n++] = ex->blobs[i];
    }
    ex->n_blobs = n;
}

/* --- writing ------------------------------------------------------------------------------- */

static int write_text(wfe_image_archive_writer *writer, const char *path, const char *text,
                      wfe_error *err)
{
    size_t len = strlen(text);
    int rc = wfe_image_archive_writer_file(writer, path, (int64_t)len, err);
    return rc ? rc : wfe_image_archive_writer_add(writer, text, len, err);
}

static int write_json(wfe_image_archive_writer *writer, const char *path, json_t *json,
                      wfe_error *err)
{
    _cleanup_free_ char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    return text ? write_text(writer, path, text, err) : wfe_error_nomem(err);
}

typedef struct piece_read {
    wfe_image_wait wait;
    wfe_buf *bytes;
    wfe_error problem;
} piece_read;

static void on_piece(const PbContent__ReadContentResponse *reply, void *user)
{
    piece_read *read = user;
    wfe_buf_append(read->bytes, reply->data.data, reply->data.len, &read->problem);
}

static void on_piece_end(const wfe_error *err, void *user)
{
    piece_read *read = user;
    wfe_image_wait_end(&read->wait, read->problem.kind ? &read->problem : err);
}

static int read_piece(const exporting *ex, const export_blob *blob, int64_t offset, wfe_buf *out,
                      wfe_error *err)
{
    int64_t left = blob->size_bytes - offset;
    PbContent__ReadContentRequest request = PB_CONTENT__READ_CONTENT_REQUEST__INIT;
    request.digest = blob->digest;
    request.offset = offset;
    request.size = left < PIECE_BYTES ? left : PIECE_BYTES;
    const wfe_containerd_options options = {.lease = ex->lease};
    piece_read read = {.wait = {.loop = ex->client->loop}, .bytes = out};
    int rc =
        wfe_image_wait_for(&read.wait,
                           wfe_content_read(ex->client->containerd, &request, &options, on_piece,
                                            on_piece_end, &read, &read.wait.call, err),
                           err);
    if (!rc && out->len != (size_t)request.size)
        rc = wfe_error_set(err, WFE_E_PROTOCOL, "blob %s ends too early in containerd's store",
                           blob->digest);
    return rc;
}

static int write_blob(const exporting *ex, wfe_image_archive_writer *writer,
                      const export_blob *blob, wfe_digest *digest, wfe_error *err)
{
    _cleanup_(wfe_buf_done) wfe_buf piece = WFE_BUF_INIT((size_t)PIECE_BYTES);
    char path[WFE_DIGEST_SIZE + 16], found[WFE_DIGEST_SIZE];
    snprintf(path, sizeof path, "blobs/sha256/%s", strchr(blob->digest, ':') + 1);
    int rc = wfe_image_archive_writer_file(writer, path, blob->size_bytes, err);
    for (int64_t offset = 0; !rc && offset < blob->size_bytes; offset += (int64_t)piece.len) {
        wfe_buf_consume(&piece, piece.len);
        rc = read_piece(ex, blob, offset, &piece, err);
        if (!rc)
            wfe_digest_update(digest, piece.data, piece.len);
        if (!rc)
            rc = wfe_image_archive_writer_add(writer, piece.data, piece.len, err);
    }
    if (!rc)
        wfe_digest_finish(digest, found);
    if (!rc && strcmp(found, blob->digest) != 0)
        rc = wfe_error_set(err, WFE_E_PROTOCOL,
                           "blob %s is damaged in containerd's store: its digest is %s",
                           blob->digest, found);
    return rc;
}

static int write_blobs(const exporting *ex, wfe_image_archive_writer *writer, wfe_error *err)
{
    int rc = wfe_image_archive_writer_folder(writer, "blobs", err);
    if (!rc)
        rc = wfe_image_archive_writer_folder(writer, "blobs/sha256", err);
    for (size_t i = 0; !rc && i < ex->n_blobs; i++) {
        wfe_digest *digest = NULL;
        rc = wfe_digest_new(&digest, err);
        if (!rc)
            rc = write_blob(ex, writer, &ex->blobs[i], digest, err);
        wfe_digest_free(digest);
    }
    return rc;
}

/* docker takes an archive with an empty manifest.json for a broken one. */
static int write_archive(const exporting *ex, int fd, wfe_error *err)
{
    _cleanup_(wfe_image_archive_writer_free_p) wfe_image_archive_writer *writer = NULL;
    int rc = wfe_image_archive_writer_new(fd, ex->file_name, &writer, err);
    if (!rc)
        rc = write_text(writer, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}", err);
    if (!rc) {
        json_t *index = json_pack("{si ss sO}", "schemaVersion", 2, "mediaType",
                                  WFE_IMAGE_TYPE_OCI_INDEX, "manifests", ex->index);
        rc = write_json(writer, "index.json", index, err);
        json_decref(index);
    }
    if (!rc && json_array_size(ex->docker) > 0)
        rc = write_json(writer, "manifest.json", ex->docker, err);
    if (!rc)
        rc = write_blobs(ex, writer, err);
    return rc ? rc : wfe_image_archive_writer_close(writer, err);
}

/* --- all of it ----------------------------------------------------------------------------- */

static int pick(exporting *ex, const char *const *refs, wfe_error *err)
{
    size_t n = wfe_image_list_length(ex->list);
    _cleanup_free_ bool *picked = calloc(n + 1, sizeof *picked);
    int rc = picked ? 0 : wfe_error_nomem(err);
    for (size_t i = 0; !rc && refs[i]; i++)
        rc = wfe_image_select(ex->list, wfe_containerd_namespace(ex->client->containerd), refs[i],
                              picked, err);
    if (!rc)
        wfe_image_list_filter(ex->list, picked);
    return rc;
}

/* The lease keeps what an image's document refers to; one that is gone already is told later. */
static int keep_images(const exporting *ex, wfe_error *err)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < wfe_image_list_length(ex->list); i++)
        rc = wfe_image_lease_keep(ex->client->loop, ex->client->containerd, ex->lease,
                                  wfe_image_list_at(ex->list, i)->digest, err);
    return rc;
}

static int export_under_lease(exporting *ex, int fd, wfe_error *err)
{
    int rc = keep_images(ex, err);
    if (!rc)
        rc = wfe_image_inventory_read(ex->client, &ex->inventory, err);
    for (size_t i = 0; !rc && i < wfe_image_list_length(ex->list); i++)
        rc = add_image(ex, i, err);
    if (!rc) {
        sort_blobs(ex);
        rc = write_archive(ex, fd, err);
    }
    return rc;
}

static int check_options(const wfe_image_export_options *given, wfe_image_platform *platform,
                         wfe_error *err)
{
    if (wfe_strv_length(given->refs) == 0)
        return wfe_error_set(err, WFE_E_INVALID, "no image to export is named");
    if (given->platform && given->all_platforms)
        return wfe_error_set(err, WFE_E_INVALID,
                             "a platform and all platforms cannot both be exported");
    return given->platform ? wfe_image_platform_parse(given->platform, platform, err) : 0;
}

static void exporting_done(exporting *ex)
{
    wfe_image_list_free(ex->list);
    wfe_image_inventory_free(ex->inventory);
    free(ex->blobs);
    json_decref(ex->index);
    json_decref(ex->docker);
}

int wfe_image_export(wfe_client *client, const wfe_image_export_options *options,
                     wfe_image_list **ret, wfe_error *err)
{
    wfe_image_export_options given = {0};
    wfe_image_platform platform;
    if (!options)
        return wfe_error_set(err, WFE_E_INVALID, "there are no export options");
    int rc = wfe_sized_copy(options, "wfe_image_export_options", &given, sizeof given, err);
    if (!rc)
        rc = check_options(&given, &platform, err);
    if (rc)
        return rc;
    exporting ex = {.client = client,
                    .file_name = given.file_name ? given.file_name : "standard output",
                    .all_platforms = given.all_platforms,
                    .platform = given.platform ? &platform : NULL,
                    .index = json_array(),
                    .docker = json_array()};
    rc = ex.index && ex.docker ? wfe_image_list_read(client, NULL, &ex.list, err)
                               : wfe_error_nomem(err);
    if (!rc)
        rc = pick(&ex, given.refs, err);
    if (!rc)
        rc = wfe_image_lease_make(client->loop, client->containerd, "export", ex.lease, err);
    if (!rc) {
        rc = export_under_lease(&ex, given.fd, err);
        wfe_image_lease_drop(client->loop, client->containerd, ex.lease);
    }
    wfe_error_where(err, "export images", ex.file_name);
    if (!rc)
        *ret = wfe_take(ex.list);
    exporting_done(&ex);
    return rc;
}
