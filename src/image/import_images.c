/* SPDX-License-Identifier: Apache-2.0
 *
 * The second station of an import: which images an archive holds, and under which names. An OCI
 * layout says so in index.json. `docker save` says it in manifest.json, which names files; the
 * manifest that containerd needs is made here.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "image/import_priv.h"
#include "image/reference.h"

#define IMAGES_MAX ((size_t)1024)

void wfe_import_images_done(wfe_import_images *images)
{
    for (size_t i = 0; i < images->len; i++) {
        free(images->items[i].name);
        wfe_image_descriptor_done(&images->items[i].target);
    }
    free(images->items);
    memset(images, 0, sizeof *images);
}

/* The name asked for counts instead of the archive's own. */
static int add_image(const wfe_import *import, const char *name, const wfe_image_descriptor *target,
                     wfe_import_images *out, wfe_error *err)
{
    char full[WFE_IMAGE_REFERENCE_SIZE];
    if (out->len == IMAGES_MAX)
        return wfe_error_set(err, WFE_E_LIMIT, "%s names more than %zu images", import->file_name,
                             IMAGES_MAX);
    if (!import->name && !name) {
        wfe_error_set(err, WFE_E_INVALID, "an image in %s has no name", import->file_name);
        wfe_error_hint(err, "give one with --name");
        return WFE_E_INVALID;
    }
    int rc = wfe_image_reference_normalize(import->name ? import->name : name, full, err);
    if (rc)
        return rc;
    wfe_import_image *items = realloc(out->items, (out->len + 1) * sizeof *items);
    if (!items)
        return wfe_error_nomem(err);
    out->items = items;
    wfe_import_image *image = &items[out->len];
    rc = wfe_image_descriptor_copy(&image->target, target, err);
    if (rc)
        return rc;
    out->len++;
    image->name = strdup(full);
    return image->name ? 0 : wfe_error_nomem(err);
}

/* Two images cannot both get the one name asked for; two names of one image can become one. */
static int check_name(const wfe_import *import, wfe_import_images *images, wfe_error *err)
{
    if (!import->name)
        return 0;
    for (size_t i = 1; i < images->len; i++) {
        if (strcmp(images->items[0].target.digest, images->items[i].target.digest) != 0)
            return wfe_error_set(err, WFE_E_INVALID,
                                 "%s holds several images, they cannot all be named '%s'",
                                 import->file_name, import->name);
    }
    while (images->len > 1) {
        wfe_import_image *last = &images->items[--images->len];
        free(last->name);
        wfe_image_descriptor_done(&last->target);
    }
    return 0;
}

/* A reference in full, not just a tag: "busybox:1", "docker.io/library/busybox:1". */
static const char *name_of(const wfe_image_descriptor *descriptor)
{
    if (descriptor->image_name)
        return descriptor->image_name;
    if (descriptor->ref_name && strpbrk(descriptor->ref_name, ":/"))
        return descriptor->ref_name;
    return NULL;
}

static int list_oci(wfe_import *import, const wfe_import_file *index_file, wfe_import_images *out,
                    wfe_error *err)
{
    _cleanup_(wfe_image_document_free_p) wfe_image_document *index = NULL;
    wfe_error problem = WFE_ERROR_INIT;
    int rc = wfe_image_document_parse(index_file->text, (size_t)index_file->size_bytes,
                                      WFE_IMAGE_TYPE_OCI_INDEX, &index, &problem);
    /* The file given is wrong, no peer is. */
    if (rc == WFE_E_PROTOCOL || rc == WFE_E_LIMIT)
        return wfe_error_set(err, WFE_E_INVALID, "index.json of %s: %s", import->file_name,
                             problem.message);
    if (rc)
        return wfe_error_copy(err, &problem);
    size_t *order = calloc(index->n_items + 1, sizeof *order);
    if (!order)
        return wfe_error_nomem(err);
    size_t n = wfe_image_document_order(index, &import->machine, order);
    /* Entries that name a foreign platform are left out, unless nothing else is there: then the
     * walk explains. */
    if (n == 0 && index->n_items > 0) {
        n = 1;
        order[0] = 0;
    }
    for (size_t i = 0; !rc && i < n; i++)
        rc = add_image(import, name_of(&index->items[order[i]]), &index->items[order[i]], out, err);
    free(order);
    return rc;
}

static json_t *descriptor_json(const char *media_type, const wfe_image_descriptor *descriptor)
{
    return json_pack("{s:s, s:s, s:I}", "mediaType", media_type, "digest", descriptor->digest,
                     "size", (json_int_t)descriptor->size_bytes);
}

static const char *layer_type(const char *compression)
{
    if (strcmp(compression, "gzip") == 0)
        return WFE_IMAGE_TYPE_DOCKER_LAYER ".gzip";
    if (strcmp(compression, "zstd") == 0)
        return WFE_IMAGE_TYPE_OCI_LAYER "+zstd";
    return WFE_IMAGE_TYPE_DOCKER_LAYER;
}

static int collect_layers(const wfe_import *import, const wfe_import_files *files,
                          const json_t *paths, json_t *out, wfe_error *err)
{
    size_t i;
    const json_t *path;
    json_array_foreach(paths, i, path)
    {
        const char *text = json_string_value(path);
        const wfe_import_file *file = text ? wfe_import_find(files, text) : NULL;
        if (!file || !file->digest[0])
            return wfe_error_set(err, WFE_E_INVALID, "%s lacks the layer %.200s", import->file_name,
                                 text ? text : "(no path)");
        wfe_image_descriptor layer = {.size_bytes = file->size_bytes};
        memcpy(layer.digest, file->digest, WFE_DIGEST_SIZE);
        if (json_array_append_new(out, descriptor_json(layer_type(file->compression), &layer)))
            return wfe_error_nomem(err);
    }
    return 0;
}

/* The config: a text kept in memory, or (newer docker) a blob that is in the store already. */
static int put_config(wfe_import *import, const wfe_import_files *files, const char *path,
                      wfe_image_descriptor *out, wfe_error *err)
{
    const wfe_import_file *file = path ? wfe_import_find(files, path) : NULL;
    if (!file)
        return wfe_error_set(err, WFE_E_INVALID, "%s lacks the config %.200s", import->file_name,
                             path ? path : "(no path)");
    if (file->text)
        return wfe_import_put_text(import, file->text, (size_t)file->size_bytes, out, err);
    memcpy(out->digest, file->digest, WFE_DIGEST_SIZE);
    out->size_bytes = file->size_bytes;
    return 0;
}

static int put_manifest(wfe_import *import, const wfe_import_files *files, const json_t *image,
                        wfe_image_descriptor *out, wfe_error *err)
{
    wfe_image_descriptor config = {0};
    json_t *layers = json_array();
    int rc = layers ? put_config(import, files, json_string_value(json_object_get(image, "Config")),
                                 &config, err)
                    : wfe_error_nomem(err);
    if (!rc)
        rc = collect_layers(import, files, json_object_get(image, "Layers"), layers, err);
    /* The list is given away to the manifest in any case. */
    json_t *manifest = json_pack(
        "{s:i, s:s, s:o, s:o}", "schemaVersion", 2, "mediaType", WFE_IMAGE_TYPE_DOCKER_MANIFEST,
        "config", descriptor_json(WFE_IMAGE_TYPE_DOCKER_CONFIG, &config), "layers", layers);
    _cleanup_free_ char *text = manifest ? json_dumps(manifest, JSON_COMPACT) : NULL;
    json_decref(manifest);
    if (!rc && !text)
        rc = wfe_error_nomem(err);
    if (!rc)
        rc = wfe_import_put_text(import, text, strlen(text), out, err);
    if (rc)
        return rc;
    out->media_type = strdup(WFE_IMAGE_TYPE_DOCKER_MANIFEST);
    return out->media_type ? 0 : wfe_error_nomem(err);
}

static int add_docker_image(wfe_import *import, const wfe_import_files *files, const json_t *image,
                            wfe_import_images *out, wfe_error *err)
{
    wfe_image_descriptor target = {0};
    const json_t *tags = json_object_get(image, "RepoTags");
    size_t n = json_array_size(tags);
    int rc = put_manifest(import, files, image, &target, err);
    if (!rc && n == 0)
        rc = add_image(import, NULL, &target, out, err);
    for (size_t i = 0; !rc && i < n; i++)
        rc = add_image(import, json_string_value(json_array_get(tags, i)), &target, out, err);
    wfe_image_descriptor_done(&target);
    return rc;
}

static int list_docker(wfe_import *import, const wfe_import_files *files,
                       const wfe_import_file *list_file, wfe_import_images *out, wfe_error *err)
{
    json_t *list = NULL;
    int rc = wfe_json_load(list_file->text, (size_t)list_file->size_bytes, JSON_REJECT_DUPLICATES,
                           &list, err);
    if (!rc && !json_is_array(list))
        rc = wfe_error_set(err, WFE_E_INVALID, "it is no JSON list");
    if (rc)
        wfe_error_prefix(err, "manifest.json of %s", import->file_name);
    for (size_t i = 0; !rc && i < json_array_size(list); i++)
        rc = add_docker_image(import, files, json_array_get(list, i), out, err);
    json_decref(list);
    return rc;
}

int wfe_import_list_images(wfe_import *import, const wfe_import_files *files,
                           wfe_import_images *out, wfe_error *err)
{
    const wfe_import_file *index = wfe_import_find(files, "index.json");
    const wfe_import_file *list = wfe_import_find(files, "manifest.json");
    int rc = 0;
    if (index && index->text)
        rc = list_oci(import, index, out, err);
    else if (list && list->text)
        rc = list_docker(import, files, list, out, err);
    if (!rc)
        rc = check_name(import, out, err);
    if (!rc && out->len == 0) {
        wfe_error_set(err, WFE_E_INVALID,
                      "%s holds no image: it has neither an index.json nor a "
                      "manifest.json that names one",
                      import->file_name);
        wfe_error_hint(err, "an OCI image layout or the output of `docker save` is expected");
        rc = WFE_E_INVALID;
    }
    return rc;
}
