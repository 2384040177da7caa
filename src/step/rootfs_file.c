/* SPDX-License-Identifier: Apache-2.0 */
#include "step/rootfs_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

#define READ_BYTES 4096
#define TRIES 16

/* Opens as a place only: that neither waits nor acts, whatever is there. RESOLVE_IN_ROOT gives
 * EAGAIN when a rename or mount anywhere raced with a "..". */
static int open_place(int root_dirfd, const char *path)
{
    struct open_how how = {
        .flags = O_PATH | O_CLOEXEC,
        .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
    };
    long fd = -1;
    for (int i = 0; i < TRIES; i++) {
        fd = syscall(SYS_openat2, root_dirfd, path, &how, sizeof how);
        if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
            break;
    }
    return (int)fd;
}

static int open_regular(int root_dirfd, const char *path, int *ret_fd, wfe_error *err)
{
    _cleanup_close_ int place = open_place(root_dirfd, path);
    if (place < 0)
        return wfe_error_set_errno(err, errno, "cannot open %s in the image", path);
    struct stat st;
    if (fstat(place, &st) < 0)
        return wfe_error_set_errno(err, errno, "cannot look at %s in the image", path);
    if (!S_ISREG(st.st_mode))
        return wfe_error_set(err, WFE_E_INVALID, "%s in the image is no regular file", path);
    /* The same inode again, for reading: through its name it might be another one by now. */
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", place);
    int fd = open(link, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return wfe_error_set_errno(err, errno, "cannot read %s in the image", path);
    *ret_fd = fd;
    return 0;
}

static int read_all(int fd, const char *path, size_t max, wfe_buf *out, wfe_error *err)
{
    char piece[READ_BYTES];
    size_t total = 0;
    for (;;) {
        ssize_t n = read(fd, piece, sizeof piece);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return wfe_error_set_errno(err, errno, "cannot read %s in the image", path);
        if (n == 0)
            return 0;
        total += (size_t)n;
        if (total > max)
            return wfe_error_set(err, WFE_E_LIMIT,
                                 "%s in the image is too large, at most %zu bytes are allowed",
                                 path, max);
        int rc = wfe_buf_append(out, piece, (size_t)n, err);
        if (rc)
            return rc;
    }
}

int wfe_rootfs_file_read(int root_dirfd, const char *path, size_t max, wfe_buf *out, wfe_error *err)
{
    _cleanup_close_ int fd = -1;
    int rc = open_regular(root_dirfd, path, &fd, err);
    if (rc)
        return rc;
    size_t before = out->len;
    rc = read_all(fd, path, max, out, err);
    if (rc && out->data) {
        out->len = before;
        out->data[before] = '\0';
    }
    return rc;
}
