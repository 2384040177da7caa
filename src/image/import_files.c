/* SPDX-License-Identifier: Apache-2.0
 *
 * The first station of an import. An archive is read once, front to back, and the file that says
 * what is in it mostly comes last: so whatever can be a part of an image goes into the content
 * store as it comes, and small JSON files are kept in memory. Everything else is passed over.
 *
 * What goes in before the archive turns out to be none of an image is held by the import's lease
 * only, and is collected after it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/blob.h"
#include "image/import_priv.h"

#define FILES_MAX ((size_t)16384)
#define TEXT_MAX_BYTES ((int64_t)WFE_IMAGE_DOCUMENT_MAX_BYTES)
#define TEXTS_MAX_BYTES ((size_t)64 * 1024 * 1024)
#define PIECE_BYTES ((size_t)1024 * 1024)
#define LINKS_MAX 8

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* "blobs/sha256/<hex>": where OCI layouts keep everything, named by what it must be. */
static bool is_blob(const char *path, char digest[WFE_DIGEST_SIZE])
{
    const char prefix[] = "blobs/sha256/";
    if (strncmp(path, prefix, sizeof prefix - 1) != 0)
        return false;
    snprintf(digest, WFE_DIGEST_SIZE, "sha256:%.64s", path + sizeof prefix - 1);
    return strlen(path) == sizeof prefix - 1 + 64 && wfe_digest_is_valid(digest);
}

/* index.json, manifest.json, <hash>.json, and "sha256:<hash>" as some tools name configs. */
static bool is_text(const char *path)
{
    return !strchr(path, '/') && (strcmp(path, "oci-layout") == 0 || ends_with(path, ".json") ||
                                  strncmp(path, "sha256:", 7) == 0);
}

static bool is_layer(const char *path)
{
    return ends_with(path, ".tar") || ends_with(path, ".tar.gz");
}

static int add_file(wfe_import_files *files, const char *path, wfe_import_file **ret,
                    wfe_error *err)
{
    if (files->len == FILES_MAX)
        return wfe_error_set(err, WFE_E_LIMIT, "the archive has more than %zu files of images",
                             FILES_MAX);
    wfe_import_file *items = realloc(files->items, (files->len + 1) * sizeof *items);
    if (!items)
        return wfe_error_nomem(err);
    files->items = items;
    wfe_import_file *file = &items[files->len];
    memset(file, 0, sizeof *file);
    file->compression = "";
    file->path = strdup(path);
    if (!file->path)
        return wfe_error_nomem(err);
    files->len++;
    *ret = file;
    return 0;
}

static int read_text(wfe_image_archive *archive, const wfe_image_archive_entry *entry,
                     wfe_import_files *files, wfe_error *err)
{
    if (entry->size_bytes > TEXT_MAX_BYTES)
        return wfe_error_set(err, WFE_E_LIMIT, "%s has %lld bytes, at most %lld allowed",
                             entry->path, (long long)entry->size_bytes, (long long)TEXT_MAX_BYTES);
    size_t size = (size_t)entry->size_bytes, len = 0;
    if (files->texts_bytes + size > TEXTS_MAX_BYTES)
        return wfe_error_set(err, WFE_E_LIMIT, "the JSON files have more than %zu bytes in all",
                             TEXTS_MAX_BYTES);
    wfe_import_file *file = NULL;
    int rc = add_file(files, entry->path, &file, err);
    if (rc)
        return rc;
    file->text = malloc(size + 1);
    if (!file->text)
        return wfe_error_nomem(err);
    rc = wfe_image_archive_read(archive, file->text, size, &len, err);
    file->text[len] = '\0';
    file->size_bytes = (int64_t)len;
    files->texts_bytes += len;
    return rc;
}

static const char *compression_of(const unsigned char *bytes, size_t len)
{
    if (len >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b)
        return "gzip";
    if (len >= 4 && memcmp(bytes, "\x28\xb5\x2f\xfd", 4) == 0)
        return "zstd";
    return "";
}

static int open_blob(wfe_import *import, const char *expected, uint64_t size_bytes,
                     wfe_image_blob **ret, wfe_error *err)
{
    char ref[WFE_IMAGE_LEASE_SIZE + 16];
    snprintf(ref, sizeof ref, "%s-%u", import->lease, ++import->n_ingests);
    const wfe_image_blob_request request = {
        .ref = ref, .expected = expected, .size_bytes = size_bytes, .lease = import->lease};
    return wfe_image_blob_new(import->loop, import->containerd, &request, ret, err);
}

static int read_blob(wfe_import *import, wfe_image_archive *archive,
                     const wfe_image_archive_entry *entry, const char *expected,
                     wfe_import_file *file, wfe_error *err)
{
    _cleanup_free_ unsigned char *piece = malloc(PIECE_BYTES);
    _cleanup_(wfe_image_blob_free_p) wfe_image_blob *blob = NULL;
    int rc = piece ? open_blob(import, expected, (uint64_t)entry->size_bytes, &blob, err)
                   : wfe_error_nomem(err);
    bool first = true;
    while (!rc) {
        size_t len = 0;
        rc = wfe_image_archive_read(archive, piece, PIECE_BYTES, &len, err);
        if (rc || len == 0)
            break;
        if (first)
            file->compression = compression_of(piece, len);
        first = false;
        rc = wfe_image_blob_add(blob, piece, len, err);
    }
    file->size_bytes = entry->size_bytes;
    return rc ? rc : wfe_image_blob_commit(blob, file->digest, err);
}

static int read_entry(wfe_import *import, wfe_image_archive *archive,
                      const wfe_image_archive_entry *entry, wfe_import_files *files, wfe_error *err)
{
    char expected[WFE_DIGEST_SIZE];
    bool blob = is_blob(entry->path, expected);
    wfe_import_file *file = NULL;
    if (entry->type == WFE_IMAGE_ARCHIVE_OTHER)
        return 0;
    if (entry->type == WFE_IMAGE_ARCHIVE_FILE && is_text(entry->path))
        return read_text(archive, entry, files, err);
    if (!blob && !is_layer(entry->path))
        return 0;
    int rc = add_file(files, entry->path, &file, err);
    if (rc)
        return rc;
    if (entry->type == WFE_IMAGE_ARCHIVE_FILE)
        return read_blob(import, archive, entry, blob ? expected : NULL, file, err);
    file->target = strdup(entry->target);
    return file->target ? 0 : wfe_error_nomem(err);
}

int wfe_import_read_files(wfe_import *import, int fd, wfe_import_files *out, wfe_error *err)
{
    wfe_image_archive *archive = NULL;
    int rc = wfe_image_archive_new(fd, import->file_name, &archive, err);
    for (;;) {
        wfe_image_archive_entry entry;
        bool end = false;
        if (!rc)
            rc = wfe_image_archive_next(archive, &entry, &end, err);
        if (rc || end)
            break;
        rc = read_entry(import, archive, &entry, out, err);
    }
    wfe_image_archive_free(archive);
    return rc;
}

void wfe_import_files_done(wfe_import_files *files)
{
    for (size_t i = 0; i < files->len; i++) {
        free(files->items[i].path);
        free(files->items[i].target);
        free(files->items[i].text);
    }
    free(files->items);
    memset(files, 0, sizeof *files);
}

const wfe_import_file *wfe_import_find(const wfe_import_files *files, const char *path)
{
    char wanted[WFE_IMAGE_ARCHIVE_PATH_SIZE];
    if (!wfe_image_archive_join("", path, wanted))
        return NULL;
    for (int links = 0; links < LINKS_MAX; links++) {
        const wfe_import_file *found = NULL;
        /* The last of two entries of the same name counts, as with tar itself. */
        for (size_t i = files->len; i > 0 && !found; i--) {
            if (strcmp(files->items[i - 1].path, wanted) == 0)
                found = &files->items[i - 1];
        }
        if (!found || !found->target)
            return found;
        snprintf(wanted, sizeof wanted, "%s", found->target);
    }
    return NULL;
}

int wfe_import_put_text(wfe_import *import, const char *text, size_t len, wfe_image_descriptor *out,
                        wfe_error *err)
{
    char digest[WFE_DIGEST_SIZE];
    _cleanup_(wfe_image_blob_free_p) wfe_image_blob *blob = NULL;
    wfe_digest_of(text, len, digest);
    int rc = open_blob(import, digest, len, &blob, err);
    if (!rc)
        rc = wfe_image_blob_add(blob, text, len, err);
    if (!rc)
        rc = wfe_image_blob_commit(blob, out->digest, err);
    out->size_bytes = (int64_t)len;
    return rc;
}
