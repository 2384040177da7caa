/* SPDX-License-Identifier: Apache-2.0
 *
 * The file: a head, the text, the bytes. The head is written before anything else and never
 * changed: a cut makes a new file and renames it over the old one.
 */
#include "step/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

static const char magic[8] = "WFESPL1\n";
/* Of a text in a file that was found: outputs have limits, and this is above them. */
#define TEXT_MAX ((uint64_t)40 * 1024 * 1024)

typedef struct spool_head {
    char magic[8];
    uint64_t passed;
    uint64_t text_len;
} spool_head;

struct wfe_spool {
    char path[PATH_MAX];
    int fd;
    uint64_t passed;
    char *text; /* owned; NULL: "" */
    size_t text_len;
    off_t begin;    /* of the bytes */
    off_t replayed; /* up to here they were given */
    off_t end;
    bool broken;
};

static int fail(const wfe_spool *spool, int cause, const char *what, wfe_error *err)
{
    return wfe_error_set_errno(err, cause, "cannot %s %s", what, spool->path);
}

static int write_head(const wfe_spool *spool, int fd, uint64_t passed, const char *text, size_t len,
                      wfe_error *err)
{
    spool_head head = {.passed = passed, .text_len = len};
    memcpy(head.magic, magic, sizeof magic);
    int rc = wfe_fd_write_all(fd, &head, sizeof head, err);
    if (!rc && len)
        rc = wfe_fd_write_all(fd, text, len, err);
    if (rc)
        wfe_error_prefix(err, "cannot write %s", spool->path);
    return rc;
}

static int open_file(const wfe_spool *spool, const char *path, int flags, int *ret, wfe_error *err)
{
    *ret = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
    return *ret < 0 ? fail(spool, errno, "open", err) : 0;
}

static bool is_whole(const spool_head *head, off_t size)
{
    return memcmp(head->magic, magic, sizeof magic) == 0 && head->text_len <= TEXT_MAX &&
           (off_t)(sizeof *head + head->text_len) <= size;
}

/* What another process left. A head that is torn is that of a file without bytes. */
static int take_in(wfe_spool *spool, wfe_error *err)
{
    spool_head head;
    struct stat st;
    if (fstat(spool->fd, &st) < 0)
        return fail(spool, errno, "look at", err);
    ssize_t n = pread(spool->fd, &head, sizeof head, 0);
    if (n != (ssize_t)sizeof head || !is_whole(&head, st.st_size)) {
        if (ftruncate(spool->fd, 0) < 0)
            return fail(spool, errno, "begin", err);
        spool->begin = spool->replayed = spool->end = sizeof head;
        return write_head(spool, spool->fd, 0, NULL, 0, err);
    }
    spool->passed = head.passed;
    spool->text_len = head.text_len;
    spool->begin = spool->replayed = (off_t)(sizeof head + head.text_len);
    spool->end = st.st_size;
    if (!head.text_len)
        return 0;
    spool->text = malloc(head.text_len);
    if (!spool->text)
        return wfe_error_nomem(err);
    if (pread(spool->fd, spool->text, head.text_len, sizeof head) != (ssize_t)head.text_len)
        return wfe_error_set(err, WFE_E_IO, "cannot read %s", spool->path);
    return 0;
}

int wfe_spool_open(const char *path, wfe_spool **ret, wfe_error *err)
{
    _cleanup_(wfe_spool_free_p) wfe_spool *spool = calloc(1, sizeof *spool);
    if (!spool)
        return wfe_error_nomem(err);
    spool->fd = -1;
    if (snprintf(spool->path, sizeof spool->path, "%s", path) >= (int)sizeof spool->path)
        return wfe_error_set(err, WFE_E_LIMIT, "path is too long: %s", path);
    int rc = open_file(spool, path, 0, &spool->fd, err);
    if (!rc)
        rc = take_in(spool, err);
    if (!rc)
        *ret = wfe_take(spool);
    return rc;
}

void wfe_spool_free(wfe_spool *spool)
{
    if (!spool)
        return;
    wfe_cleanup_close(&spool->fd);
    free(spool->text);
    free(spool);
}

/* ---- bytes ---- */

/* Whoever finds the file must not take it for the whole. */
static void break_off(wfe_spool *spool)
{
    spool->broken = true;
    (void)!ftruncate(spool->fd, 0);
}

ssize_t wfe_spool_read(wfe_spool *spool, int fifo, void *bytes, size_t size)
{
    if (spool->broken)
        return read(fifo, bytes, size);
    loff_t at = spool->end;
    ssize_t n = splice(fifo, NULL, spool->fd, &at, size, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
    if (n < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EINVAL || errno == EFBIG)) {
        break_off(spool); /* EINVAL: a file system without splice */
        return read(fifo, bytes, size);
    }
    if (n <= 0)
        return n;
    ssize_t got = pread(spool->fd, bytes, (size_t)n, spool->end);
    if (got >= 0 && got != n)
        errno = EIO;
    if (got != n)
        return -1;
    spool->end += n;
    spool->replayed = spool->end;
    return n;
}

ssize_t wfe_spool_replay(wfe_spool *spool, void *bytes, size_t size)
{
    off_t left = spool->end - spool->replayed;
    if (left <= 0)
        return 0;
    ssize_t n = pread(spool->fd, bytes, (off_t)size < left ? size : (size_t)left, spool->replayed);
    if (n > 0)
        spool->replayed += n;
    return n;
}

/* ---- cuts ---- */

uint64_t wfe_spool_passed(const wfe_spool *spool)
{
    return spool->passed;
}

const char *wfe_spool_text(const wfe_spool *spool, size_t *len)
{
    *len = spool->text_len;
    return spool->text ? spool->text : "";
}

uint64_t wfe_spool_bytes(const wfe_spool *spool)
{
    return (uint64_t)(spool->end - spool->begin);
}

bool wfe_spool_is_broken(const wfe_spool *spool)
{
    return spool->broken;
}

int wfe_spool_cut(wfe_spool *spool, uint64_t passed, const char *text, size_t len, wfe_error *err)
{
    char path[PATH_MAX + 8];
    _cleanup_close_ int fd = -1;
    snprintf(path, sizeof path, "%s.new", spool->path);
    int rc = open_file(spool, path, O_TRUNC, &fd, err);
    if (!rc)
        rc = write_head(spool, fd, passed, text, len, err);
    if (!rc && rename(path, spool->path) < 0)
        rc = fail(spool, errno, "replace", err);
    if (rc) {
        unlink(path);
        return rc;
    }
    close(spool->fd);
    spool->fd = wfe_take_fd(&fd);
    spool->passed = passed;
    spool->begin = spool->replayed = spool->end = (off_t)(sizeof(spool_head) + len);
    free(spool->text); /* of what was found; nobody asks for it any more */
    spool->text = NULL;
    spool->text_len = 0;
    return 0;
}
