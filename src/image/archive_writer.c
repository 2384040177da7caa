/* SPDX-License-Identifier: Apache-2.0
 *
 * See archive_writer.h. libarchive loses memory once a write has failed (3.6: archive_write.c frees
 * the buffers of its last filter only when it is closed, and it does not close after a failure). So
 * it is never told: what cannot be written is thrown away, and the failure is kept here.
 */
#include "image/archive_writer.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/dynlib.h"

#define WRITE_BLOCK_BYTES (256 * 1024)

#define ARCHIVE_FUNCTIONS(X)                                                                       \
    X(archive_write_new)                                                                           \
    X(archive_write_set_format_pax_restricted)                                                     \
    X(archive_write_set_bytes_per_block)                                                           \
    X(archive_write_set_bytes_in_last_block)                                                       \
    X(archive_write_open)                                                                          \
    X(archive_write_header)                                                                        \
    X(archive_write_data)                                                                          \
    X(archive_write_close)                                                                         \
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
    int fd;
    int sys_errno; /* of the write that failed; 0: none has */
    bool given_up; /* nothing is written any more */
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

static la_ssize_t write_bytes(struct archive *archive, void *data, const void *bytes, size_t len)
{
    (void)archive;
    wfe_image_archive_writer *writer = data;
    const char *next = bytes;
    size_t left = len;
    while (left > 0 && !writer->given_up) {
        ssize_t n = write(writer->fd, next, left);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            writer->sys_errno = errno;
            writer->given_up = true;
            break;
        }
        next += n;
        left -= (size_t)n;
    }
    return (la_ssize_t)len;
}

/* status: what libarchive gave. For some texts it needs memory for it ends the process when there
 * is none; nothing can be done about that here. */
static int check(const wfe_image_archive_writer *writer, int status, wfe_error *err)
{
    if (writer->sys_errno)
        return wfe_error_set_errno(err, writer->sys_errno, "cannot write %s", writer->name);
    if (status == ARCHIVE_OK)
        return 0;
    /* libarchive says why, unless it has no memory for that. */
    const char *why = lib.archive_error_string(writer->archive);
    if (!why || lib.archive_errno(writer->archive) == ENOMEM)
        return wfe_error_nomem(err);
    return wfe_error_set(err, WFE_E_IO, "cannot write %s: %s", writer->name, why);
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
    writer->fd = fd;
    if (lib.archive_write_set_format_pax_restricted(writer->archive) != ARCHIVE_OK)
        return wfe_error_nomem(err);
    lib.archive_write_set_bytes_per_block(writer->archive, WRITE_BLOCK_BYTES);
    /* The last block is not filled up: else pipes and files would get different bytes. */
    lib.archive_write_set_bytes_in_last_block(writer->archive, 1);
    rc = check(writer, lib.archive_write_open(writer->archive, writer, NULL, write_bytes, NULL),
               err);
    if (!rc)
        *ret = wfe_take(writer);
    return rc;
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
    return check(writer, status, err);
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
    int rc = check(writer, n < 0 ? (int)n : ARCHIVE_OK, err);
    if (rc)
        return rc;
    if ((size_t)n != len)
        return wfe_error_set(err, WFE_E_INTERNAL, "cannot write %s: an entry is too long",
                             writer->name);
    return 0;
}

int wfe_image_archive_writer_close(wfe_image_archive_writer *writer, wfe_error *err)
{
    int rc = check(writer, lib.archive_write_close(writer->archive), err);
    writer->given_up = true;
    return rc;
}

void wfe_image_archive_writer_free(wfe_image_archive_writer *writer)
{
    if (!writer)
        return;
    /* Half an archive gets no proper end. */
    writer->given_up = true;
    if (writer->archive)
        lib.archive_write_free(writer->archive);
    free(writer);
}
