/* SPDX-License-Identifier: Apache-2.0 */
#include "image/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/dynlib.h"

/* An image has a few files for each layer; this many are no image. */
#define ENTRIES_MAX 100000
#define READ_BLOCK_BYTES ((size_t)256 * 1024)

#define ARCHIVE_FUNCTIONS(X)                                                                       \
    X(archive_read_new)                                                                            \
    X(archive_read_support_format_tar)                                                             \
    X(archive_read_support_filter_gzip)                                                            \
    X(archive_read_support_filter_xz)                                                              \
    X(archive_read_support_filter_zstd)                                                            \
    X(archive_read_open_fd)                                                                        \
    X(archive_read_next_header)                                                                    \
    X(archive_read_data)                                                                           \
    X(archive_read_free)                                                                           \
    X(archive_error_string)                                                                        \
    X(archive_entry_pathname)                                                                      \
    X(archive_entry_symlink)                                                                       \
    X(archive_entry_hardlink)                                                                      \
    X(archive_entry_filetype)                                                                      \
    X(archive_entry_size)

static struct {
#define ARCHIVE_MEMBER(name) __typeof__ (&(name))(name);
    ARCHIVE_FUNCTIONS(ARCHIVE_MEMBER)
#undef ARCHIVE_MEMBER
} lib;

struct wfe_image_archive {
    struct archive *reader;
    const char *name;
    unsigned n_entries;
};

static int load_libarchive(wfe_error *err)
{
    static const wfe_dynlib_symbol symbols[] = {
#define ARCHIVE_SYMBOL(name) {#name, (void **)&lib.name},
        ARCHIVE_FUNCTIONS(ARCHIVE_SYMBOL)
#undef ARCHIVE_SYMBOL
    };
    if (lib.archive_entry_size)
        return 0;
    return wfe_dynlib_load("libarchive.so.13", "libarchive13", symbols,
                           sizeof symbols / sizeof *symbols, err);
}

static int damaged(const wfe_image_archive *archive, wfe_error *err)
{
    const char *why = lib.archive_error_string(archive->reader);
    if (archive->n_entries == 0)
        return wfe_error_set(err, WFE_E_INVALID, "%s is no tar archive: %s", archive->name,
                             why ? why : "it cannot be read");
    return wfe_error_set(err, WFE_E_INVALID, "%s is damaged after entry %u: %s", archive->name,
                         archive->n_entries, why ? why : "it cannot be read");
}

int wfe_image_archive_new(int fd, const char *name, wfe_image_archive **ret, wfe_error *err)
{
    int rc = load_libarchive(err);
    if (rc)
        return rc;
    wfe_image_archive *archive = calloc(1, sizeof *archive);
    if (!archive)
        return wfe_error_nomem(err);
    archive->name = name;
    archive->reader = lib.archive_read_new();
    if (!archive->reader) {
        free(archive);
        return wfe_error_nomem(err);
    }
    lib.archive_read_support_format_tar(archive->reader);
    lib.archive_read_support_filter_gzip(archive->reader);
    lib.archive_read_support_filter_xz(archive->reader);
    lib.archive_read_support_filter_zstd(archive->reader);
    if (lib.archive_read_open_fd(archive->reader, fd, READ_BLOCK_BYTES) != ARCHIVE_OK) {
        rc = damaged(archive, err);
        wfe_image_archive_free(archive);
        return rc;
    }
    *ret = archive;
    return 0;
}

void wfe_image_archive_free(wfe_image_archive *archive)
{
    if (!archive)
        return;
    lib.archive_read_free(archive->reader);
    free(archive);
}

/* Adds the components of path to what out holds. */
static bool append_components(const char *path, char *out)
{
    size_t used = strlen(out);
    while (*path) {
        size_t len = strcspn(path, "/");
        if (len == 2 && path[0] == '.' && path[1] == '.') {
            if (used == 0)
                return false;
            while (used > 0 && out[used - 1] != '/')
                used--;
            used -= used > 0;
        } else if (len > 0 && !(len == 1 && path[0] == '.')) {
            if (used + 1 + len >= WFE_IMAGE_ARCHIVE_PATH_SIZE)
                return false;
            if (used)
                out[used++] = '/';
            memcpy(out + used, path, len);
            used += len;
        }
        out[used] = '\0';
        path += len + (path[len] == '/');
    }
    return true;
}

bool wfe_image_archive_join(const char *from, const char *path,
                            char out[WFE_IMAGE_ARCHIVE_PATH_SIZE])
{
    char folder[WFE_IMAGE_ARCHIVE_PATH_SIZE] = "";
    const char *slash = strrchr(from, '/');
    if (slash && path[0] != '/')
        snprintf(folder, sizeof folder, "%.*s", (int)(slash - from), from);
    out[0] = '\0';
    return append_components(folder, out) && append_components(path, out) && out[0];
}

static void fill_entry(struct archive_entry *from, wfe_image_archive_entry *out)
{
    const char *path = lib.archive_entry_pathname(from);
    const char *symlink = lib.archive_entry_symlink(from);
    const char *hardlink = lib.archive_entry_hardlink(from);
    memset(out, 0, sizeof *out);
    out->type = WFE_IMAGE_ARCHIVE_OTHER;
    if (!path || !wfe_image_archive_join("", path, out->path))
        return;
    if (hardlink ? wfe_image_archive_join("", hardlink, out->target)
                 : symlink && wfe_image_archive_join(out->path, symlink, out->target)) {
        out->type = WFE_IMAGE_ARCHIVE_LINK;
    } else if (!hardlink && lib.archive_entry_filetype(from) == S_IFREG) {
        out->type = WFE_IMAGE_ARCHIVE_FILE;
        out->size_bytes = lib.archive_entry_size(from);
    }
}

int wfe_image_archive_next(wfe_image_archive *archive, wfe_image_archive_entry *entry,
                           bool *ret_end, wfe_error *err)
{
    struct archive_entry *found = NULL;
    int status = lib.archive_read_next_header(archive->reader, &found);
    if (status == ARCHIVE_EOF) {
        *ret_end = true;
        return 0;
    }
    if (status != ARCHIVE_OK && status != ARCHIVE_WARN)
        return damaged(archive, err);
    if (archive->n_entries == ENTRIES_MAX)
        return wfe_error_set(err, WFE_E_LIMIT, "%s has more than %d entries", archive->name,
                             ENTRIES_MAX);
    archive->n_entries++;
    fill_entry(found, entry);
    return 0;
}

int wfe_image_archive_read(wfe_image_archive *archive, void *buffer, size_t size, size_t *ret_len,
                           wfe_error *err)
{
    size_t filled = 0;
    while (filled < size) {
        la_ssize_t n =
            lib.archive_read_data(archive->reader, (char *)buffer + filled, size - filled);
        if (n == ARCHIVE_RETRY)
            continue;
        if (n < 0)
            return damaged(archive, err);
        if (n == 0)
            break;
        filled += (size_t)n;
    }
    *ret_len = filled;
    return 0;
}
