/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing a tar archive to a file descriptor. Nothing in it depends on the time, the user or the
 * machine: the same entries give the same bytes. Names libarchive, as image/archive.h does.
 */
#ifndef WFE_IMAGE_ARCHIVE_WRITER_H
#define WFE_IMAGE_ARCHIVE_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/error.h"

typedef struct wfe_image_archive_writer wfe_image_archive_writer;
/* fd and name (for messages) are borrowed until it is freed. UNAVAILABLE without libarchive. */
int wfe_image_archive_writer_new(int fd, const char *name, wfe_image_archive_writer **ret,
                                 wfe_error *err);
int wfe_image_archive_writer_folder(wfe_image_archive_writer *writer, const char *path,
                                    wfe_error *err);
/* Begins a file; exactly size_bytes of wfe_image_archive_writer_add must follow. IO. */
int wfe_image_archive_writer_file(wfe_image_archive_writer *writer, const char *path,
                                  int64_t size_bytes, wfe_error *err);
int wfe_image_archive_writer_add(wfe_image_archive_writer *writer, const void *bytes, size_t len,
                                 wfe_error *err);
/* Writes the archive's end. */
int wfe_image_archive_writer_close(wfe_image_archive_writer *writer, wfe_error *err);
void wfe_image_archive_writer_free(wfe_image_archive_writer *writer);
WFE_DEFINE_CLEANUP(wfe_image_archive_writer, wfe_image_archive_writer_free)

#endif
