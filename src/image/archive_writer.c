/* SPDX-License-Identifier: Apache-2.0 */
#include "image/archive_writer.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/dynlib.h"

#define WRITE_BLOCK_BYTES (256 * 1024)

#define ARCHIVE_FUNCTIONS(X)                                                                       \
    X(archive_write_new)                                                                           \
    X(archive_write_set_format_pax_restricted)                                                     \
    X(archive_write_set_bytes_per_block)                                                           \
    X(archive_write_set_bytes_in_last_block)                                                       \
    X(archive_write_open_fd)                                                                       \
    X(archive_write_header)                                                                        \
    X(archive_write_data)                                                                          \
    X(archive_write_close)                                                                         \
    X(archive_write_fail)                                                                          \
    X(archive_write_free)                                                                          \
    X(archive_error_string)                                                                        \
    X(archive_errno)                                                                               \
    X(archive_entry_new)                                                                           \
    X(archive_entry_set_pathname)                                                                  \
    X(archive_entry_set_filetype)                                                                  \
    X(archive_entry_set_perm)                                                                      \
    X(archive_entry_set_size)                                                                      \
    X(archive_entry_set_mtime)                                                                     \
    X(archive_entry_free)

static struct {
#define ARCHIVE_MEMBER(name) __typeof__ (&(name))(name);
    ARCHIVE_FUNCTIONS(ARCHIVE_MEMBER)
#undef ARCHIVE_MEMBER
} lib;

struct wfe_image_archive_writer {
    struct archive *archive;
    const char *name;
    bool closed; /* nothing is left to write */
};

static int load_libarchive(wfe_error *err)
{
    static const wfe_dynlib_symbol symbols[] = {
#define ARCHIVE_SYMBOL(name) {#name, (void **)&lib.name},
        ARCHIVE_FUNCTIONS(ARCHIVE_SYMBOL)
#undef ARCHIVE_SYMBOL
    };
    if (lib.archive_entry_free)
        return 0;
    return wfe_dynlib_load("libarchive.so.13", "libarchive13", symbols,
                           sizeof symbols / sizeof *symbols, err);
}

static int failed(const wfe_image_archive_writer *writer, wfe_error *err)
{
    int code = lib.archive_errno(writer->archive);
    const char *why = lib.archive_error_string(writer->archive);
    if (code > 0)
        return wfe_error_set_errno(err, code, "cannot write %s", writer->name);
    return wfe_error_set(err, WFE_E_IO, "cannot write %s: %s", writer->name,
                         why ? why : "libarchive does not say why");
}

int wfe_image_archive_writer_new(int fd, const char *name, wfe_image_archive_writer **ret,
                                 wfe_error *err)
{
    int rc = load_libarchive(err);
    if (rc)
        return rc;
    _cleanup_(wfe_image_archive_writer_free_p) wfe_image_archive_writer *writer =
        calloc(1, sizeof *writer);
    if (!writer || !(writer->archive = lib.archive_write_new()))
        return wfe_error_nomem(err);
    writer->name = name;
    lib.archive_write_set_format_pax_restricted(writer->archive);
    lib.archive_write_set_bytes_per_block(writer->archive, WRITE_BLOCK_BYTES);
    /* The last block is not filled up: else pipes and files would get different bytes. */
    lib.archive_write_set_bytes_in_last_block(writer->archive, 1);
    if (lib.archive_write_open_fd(writer->archive, fd) != ARCHIVE_OK)
        return failed(writer, err);
    *ret = wfe_take(writer);
    return 0;
}

static int write_entry(wfe_image_archive_writer *writer, const char *path, mode_t type, mode_t perm,
                       int64_t size_bytes, wfe_error *err)
{
    struct archive_entry *entry = lib.archive_entry_new();
    if (!entry)
        return wfe_error_nomem(err);
    lib.archive_entry_set_pathname(entry, path);
    lib.archive_entry_set_filetype(entry, type);
    lib.archive_entry_set_perm(entry, perm);
    lib.archive_entry_set_size(entry, size_bytes);
    lib.archive_entry_set_mtime(entry, 0, 0);
    int status = lib.archive_write_header(writer->archive, entry);
    lib.archive_entry_free(entry);
    return status == ARCHIVE_OK ? 0 : failed(writer, err);
}

int wfe_image_archive_writer_folder(wfe_image_archive_writer *writer, const char *path,
                                    wfe_error *err)
{
    return write_entry(writer, path, S_IFDIR, 0755, 0, err);
}

int wfe_image_archive_writer_file(wfe_image_archive_writer *writer, const char *path,
                                  int64_t size_bytes, wfe_error *err)
{
    return write_entry(writer, path, S_IFREG, 0444, size_bytes, err);
}

int wfe_image_archive_writer_add(wfe_image_archive_writer *writer, const void *bytes, size_t len,
                                 wfe_error *err)
{
    la_ssize_t n = lib.archive_write_data(writer->archive, bytes, len);
    if (n < 0)
        return failed(writer, err);
    if ((size_t)n != len)
        return wfe_error_set(err, WFE_E_INTERNAL, "cannot write %s: an entry is too long",
                             writer->name);
    return 0;
}

int wfe_image_archive_writer_close(wfe_image_archive_writer *writer, wfe_error *err)
{
    if (lib.archive_write_close(writer->archive) != ARCHIVE_OK)
        return failed(writer, err);
    writer->closed = true;
    return 0;
}

void wfe_image_archive_writer_free(wfe_image_archive_writer *writer)
{
    if (!writer)
        return;
    if (writer->archive) {
        /* Half an archive gets no proper end. */
        if (!writer->closed)
            lib.archive_write_fail(writer->archive);
        lib.archive_write_free(writer->archive);
    }
    free(writer);
}
