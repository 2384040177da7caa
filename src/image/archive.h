/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading a tar archive from a file descriptor, front to back, plain or compressed with gzip, xz
 * or zstd. Nothing is extracted: entries are seen one after the other. The only module that names
 * libarchive, which is loaded at the first use.
 */
#ifndef WFE_IMAGE_ARCHIVE_H
#define WFE_IMAGE_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define WFE_IMAGE_ARCHIVE_PATH_SIZE 1024

enum wfe_image_archive_type {
    WFE_IMAGE_ARCHIVE_FILE = 1,
    WFE_IMAGE_ARCHIVE_LINK = 2,  /* symbolic or hard, see target */
    WFE_IMAGE_ARCHIVE_OTHER = 3, /* a folder, a device, a name too long: not for us */
};

typedef struct wfe_image_archive_entry {
    enum wfe_image_archive_type type;
    char path[WFE_IMAGE_ARCHIVE_PATH_SIZE];   /* from the archive's root: no "./", no ".." */
    char target[WFE_IMAGE_ARCHIVE_PATH_SIZE]; /* of a link, also from the archive's root */
    int64_t size_bytes;                       /* of a file */
} wfe_image_archive_entry;

typedef struct wfe_image_archive wfe_image_archive;
/* fd and name (for messages) are borrowed until it is freed. UNAVAILABLE without libarchive,
 * INVALID for what is no archive. */
int wfe_image_archive_new(int fd, const char *name, wfe_image_archive **ret, wfe_error *err);
void wfe_image_archive_free(wfe_image_archive *archive);
/* The next entry; what was not read of the last one is passed over. *ret_end is set to true, and
 * the entry is untouched, after the last. INVALID for what is no archive or is damaged, LIMIT. */
int wfe_image_archive_next(wfe_image_archive *archive, wfe_image_archive_entry *entry,
                           bool *ret_end, wfe_error *err);
/* The next bytes of the entry; *ret_len is 0 at its end. */
int wfe_image_archive_read(wfe_image_archive *archive, void *buffer, size_t size, size_t *ret_len,
                           wfe_error *err);

/* path relative to the folder of from, as a path from the root: "a/b", "../c" is "c". False when
 * it leaves the root or does not fit. An absolute path counts from the root. */
bool wfe_image_archive_join(const char *from, const char *path,
                            char out[WFE_IMAGE_ARCHIVE_PATH_SIZE]);

#endif
