/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

int wfe_fd_read_file(const char *path, size_t max_bytes, wfe_buf *out, wfe_error *err)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return wfe_error_set_errno(err, errno, "cannot open '%s'", path);
    for (;;) {
        int rc = wfe_buf_reserve(out, 4096, err);
        if (rc)
            return rc;
        ssize_t n = read(fd, out->data + out->len, out->cap - out->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return wfe_error_set_errno(err, errno, "cannot read '%s'", path);
        if (n == 0)
            return 0;
        out->len += (size_t)n;
        out->data[out->len] = '\0';
        if (out->len > max_bytes)
            return wfe_error_set(err, WFE_E_LIMIT, "%s is longer than %zu bytes", path, max_bytes);
    }
}

int wfe_fd_write_all(int fd, const void *bytes, size_t len, wfe_error *err)
{
    const char *p = bytes;
    while (len) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return wfe_error_set_errno(err, errno, "cannot write");
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

int wfe_fd_write_file(const char *path, const void *bytes, size_t len, mode_t mode, wfe_error *err)
{
    char temporary[PATH_MAX];
    if (snprintf(temporary, sizeof temporary, "%s.XXXXXX", path) >= (int)sizeof temporary)
        return wfe_error_set(err, WFE_E_LIMIT, "path is too long: %s", path);
    _cleanup_close_ int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return wfe_error_set_errno(err, errno, "cannot create '%s'", temporary);
    int rc = wfe_fd_write_all(fd, bytes, len, err);
    if (!rc && fchmod(fd, mode) < 0)
        rc = wfe_error_set_errno(err, errno, "cannot set the mode of '%s'", temporary);
    if (!rc && rename(temporary, path) < 0)
        rc = wfe_error_set_errno(err, errno, "cannot rename '%s' to '%s'", temporary, path);
    if (rc)
        unlink(temporary);
    return rc;
}

int wfe_fd_create_file(const char *path, const void *bytes, size_t len, mode_t mode, wfe_error *err)
{
    _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return wfe_error_set_errno(err, errno, "cannot create '%s'", path);
    int rc = wfe_fd_write_all(fd, bytes, len, err);
    if (rc)
        wfe_error_prefix(err, "%s", path);
    else if (fchmod(fd, mode) < 0)
        rc = wfe_error_set_errno(err, errno, "cannot set the mode of '%s'", path);
    if (rc)
        unlink(path);
    return rc;
}

int wfe_fd_make_dirs(const char *path, mode_t mode, wfe_error *err)
{
    char partial[PATH_MAX];
    struct stat st;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return 0;
    if (snprintf(partial, sizeof partial, "%s", path) >= (int)sizeof partial)
        return wfe_error_set(err, WFE_E_LIMIT, "path is too long: %s", path);
    for (char *p = partial + 1;; p++) {
        char c = *p;
        if (c != '/' && c != '\0')
            continue;
        *p = '\0';
        if (mkdir(partial, mode) < 0 && errno != EEXIST)
            return wfe_error_set_errno(err, errno, "cannot create folder '%s'", partial);
        *p = c;
        if (c == '\0')
            break;
    }
    if (stat(path, &st) < 0)
        return wfe_error_set_errno(err, errno, "cannot look at '%s'", path);
    if (!S_ISDIR(st.st_mode))
        return wfe_error_set_errno(err, ENOTDIR, "%s", path);
    return 0;
}

static int check_one_dir(const char *path, wfe_error *err)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return wfe_error_set_errno(err, errno, "cannot look at '%s'", path);
    bool foreign = st.st_uid != 0 && st.st_uid != geteuid();
    bool open_to_all = (st.st_mode & (S_IWGRP | S_IWOTH)) && !(st.st_mode & S_ISVTX);
    if (!foreign && !open_to_all)
        return 0;
    if (foreign)
        wfe_error_set(err, WFE_E_DENIED, "folder '%s' belongs to user %u", path,
                      (unsigned)st.st_uid);
    else
        wfe_error_set(err, WFE_E_DENIED, "others may write to folder '%s' (mode %04o)", path,
                      (unsigned)(st.st_mode & 07777));
    wfe_error_hint(err, "who can replace what is in it could replace what a step runs and reads; "
                        "choose a folder of your own");
    return WFE_E_DENIED;
}

int wfe_fd_check_dir_is_safe(const char *path, wfe_error *err)
{
    char parent[PATH_MAX];
    int rc = check_one_dir(path, err);
    if (rc || geteuid() == 0 ||
        snprintf(parent, sizeof parent, "%s/..", path) >= (int)sizeof parent)
        return rc;
    return check_one_dir(parent, err);
}
