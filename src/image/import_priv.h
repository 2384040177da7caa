/* SPDX-License-Identifier: Apache-2.0
 *
 * The stations of an import: import_files.c brings an archive's blobs into the content store,
 * import_images.c reads from its JSON files which images they make, import.c unpacks those and
 * makes their records.
 */
#ifndef WFE_IMAGE_IMPORT_PRIV_H
#define WFE_IMAGE_IMPORT_PRIV_H

#include <stdint.h>

#include "base/digest.h"
#include "image/archive.h"
#include "image/import.h"
#include "image/lease.h"
#include "image/manifest.h"
#include "image/platform.h"

typedef struct wfe_import {
    wfe_loop *loop;
    wfe_containerd *containerd;
    const char *snapshotter;
    const char *file_name; /* of the archive, for messages */
    const char *name;      /* asked for; NULL: the archive's own */
    wfe_image_platform machine;
    char lease[WFE_IMAGE_LEASE_SIZE];
    unsigned n_ingests; /* each ingest has a name of its own */
} wfe_import;

/* Something of the archive that an image may refer to by its path. */
typedef struct wfe_import_file {
    char *path;
    char *target;                 /* of a link: another path; NULL for a file */
    char digest[WFE_DIGEST_SIZE]; /* of a blob in the content store; "" for a text */
    int64_t size_bytes;
    const char *compression; /* of a layer: "", "gzip", "zstd"; static */
    char *text;              /* a JSON file, kept in memory; NUL-terminated; NULL for a blob */
} wfe_import_file;

typedef struct wfe_import_files {
    wfe_import_file *items;
    size_t len;
    size_t texts_bytes; /* kept in memory in all */
} wfe_import_files;

/* Reads the archive to its end. */
int wfe_import_read_files(wfe_import *import, int fd, wfe_import_files *out, wfe_error *err);
void wfe_import_files_done(wfe_import_files *files);
/* Follows links; NULL when there is no such file. */
const wfe_import_file *wfe_import_find(const wfe_import_files *files, const char *path);
/* Puts a text into the content store and fills in digest and size. */
int wfe_import_put_text(wfe_import *import, const char *text, size_t len, wfe_image_descriptor *out,
                        wfe_error *err);

/* An image to make: a name for a document. */
typedef struct wfe_import_image {
    char *name; /* normalised */
    wfe_image_descriptor target;
} wfe_import_image;

typedef struct wfe_import_images {
    wfe_import_image *items;
    size_t len;
} wfe_import_images;

/* INVALID when the files make no image, or one has no name. */
int wfe_import_list_images(wfe_import *import, const wfe_import_files *files,
                           wfe_import_images *out, wfe_error *err);
void wfe_import_images_done(wfe_import_images *images);

#endif
