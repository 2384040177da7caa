/* SPDX-License-Identifier: Apache-2.0
 *
 * The child answers through a pipe: for each wanted file its error kind, its length and its bytes;
 * before them a record that says whether the mounts worked.
 */
#include "step/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "step/rootfs_file.h"

/* mount(2) takes one page of options. */
#define MOUNT_DATA_MAX 4096
#define LOWER_DIR "lowerdir="

typedef struct answer {
    int rc; /* of the file, or of the mounts in the first record */
    int sys_errno;
    size_t len;
} answer;

/* ---- in the child ---- */

/* Length of the folder part, with its slash, that all paths of a ':'-separated list begin with. */
static size_t common_folder(const char *list)
{
    size_t len = strcspn(list, ":");
    for (const char *p = list; *p; p += strcspn(p, ":"), p += *p == ':') {
        size_t n = 0;
        while (n < len && p[n] == list[n])
            n++;
        len = n;
    }
    while (len && list[len - 1] != '/')
        len--;
    return len;
}

/* The list without the common part of its paths, which becomes the working folder: images of many
 * layers would not fit the page of options otherwise. */
static int append_lower(wfe_buf *data, const char *list)
{
    char folder[PATH_MAX];
    size_t common = common_folder(list);
    if (!common || common >= sizeof folder)
        return wfe_buf_printf(data, NULL, LOWER_DIR "%s", list);
    snprintf(folder, sizeof folder, "%.*s", (int)common, list);
    if (chdir(folder) < 0)
        return -1;
    int rc = wfe_buf_append_str(data, LOWER_DIR, NULL);
    for (const char *p = list; !rc && *p;) {
        size_t len = strcspn(p, ":");
        rc = wfe_buf_append(data, p + common, len - common, NULL);
        p += len;
        if (!rc && *p)
            rc = wfe_buf_append(data, p++, 1, NULL);
    }
    return rc;
}

static int mount_one(const wfe_rootfs_mount *m, const char *dir)
{
    unsigned long flags = 0;
    int rc = 0;
    wfe_buf data = WFE_BUF_INIT(MOUNT_DATA_MAX * 16);
    for (size_t i = 0; !rc && i < m->n_options; i++) {
        const char *option = m->options[i];
        if (strcmp(option, "ro") == 0)
            flags |= MS_RDONLY;
        else if (strcmp(option, "bind") == 0 || strcmp(option, "rbind") == 0)
            flags |= MS_BIND | MS_REC;
        else if (strcmp(option, "rw") != 0) {
            rc = data.len ? wfe_buf_append(&data, ",", 1, NULL) : 0;
            if (!rc && strncmp(option, LOWER_DIR, strlen(LOWER_DIR)) == 0)
                rc = append_lower(&data, option + strlen(LOWER_DIR));
            else if (!rc)
                rc = wfe_buf_append_str(&data, option, NULL);
        }
    }
    if (!rc && data.len >= MOUNT_DATA_MAX) {
        errno = E2BIG;
        rc = -1;
    }
    if (!rc)
        rc = mount(m->source, dir, m->type, flags, data.data);
    wfe_buf_done(&data);
    return rc;
}

/* An ordinary user may mount in a user namespace where it is root, and where the users of the
 * image's files are nobody, which is enough to read them. */
static int enter_namespaces(void)
{
    char map[32];
    int len = snprintf(map, sizeof map, "0 %u 1", (unsigned)geteuid());
    if (unshare(CLONE_NEWNS) == 0)
        return 0;
    if (errno != EPERM || unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
        return -1;
    _cleanup_close_ int fd = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
    return fd >= 0 && write(fd, map, (size_t)len) == len ? 0 : -1;
}

static int mount_all(const wfe_rootfs_mount *mounts, size_t n_mounts, const char *dir)
{
    if (enter_namespaces() < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return -1;
    for (size_t i = 0; i < n_mounts; i++) {
        if (mount_one(&mounts[i], dir))
            return -1;
    }
    return open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* Never returns to the code of the process this is a copy of. */
static _Noreturn void run_child(int pipe_fd, const wfe_rootfs_mount *mounts, size_t n_mounts,
                                const char *dir, const wfe_rootfs_want *wants, size_t n_wants)
{
    int root = mount_all(mounts, n_mounts, dir);
    answer first = {.rc = root < 0 ? WFE_E_IO : 0, .sys_errno = root < 0 ? errno : 0};
    int rc = wfe_fd_write_all(pipe_fd, &first, sizeof first, NULL);
    for (size_t i = 0; !rc && root >= 0 && i < n_wants; i++) {
        wfe_buf bytes = WFE_BUF_INIT(0);
        answer one = {0};
        one.rc = wfe_rootfs_file_read(root, wants[i].path, wants[i].max_bytes, &bytes, NULL);
        one.len = one.rc ? 0 : bytes.len;
        rc = wfe_fd_write_all(pipe_fd, &one, sizeof one, NULL);
        if (!rc && one.len)
            rc = wfe_fd_write_all(pipe_fd, bytes.data, one.len, NULL);
        wfe_buf_done(&bytes);
    }
    _exit(0);
}

/* ---- in the parent ---- */

static bool read_all(int fd, void *out, size_t len)
{
    char *p = out;
    while (len) {
        ssize_t n = read(fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        p += n;
        len -= (size_t)n;
    }
    return true;
}

static int read_answers(int fd, wfe_rootfs_want *wants, size_t n_wants, wfe_error *err)
{
    answer first, one;
    if (!read_all(fd, &first, sizeof first))
        return wfe_error_set(err, WFE_E_IO, "the child that looks into the image died");
    if (first.rc)
        return wfe_error_set_errno(err, first.sys_errno, "cannot mount the image to look into it");
    for (size_t i = 0; i < n_wants; i++) {
        if (!read_all(fd, &one, sizeof one) || one.len > wants[i].max_bytes)
            return wfe_error_set(err, WFE_E_IO, "the child that looks into the image died");
        wants[i].rc = one.rc;
        int rc = wfe_buf_reserve(&wants[i].bytes, one.len, err);
        if (rc)
            return rc;
        if (!read_all(fd, wants[i].bytes.data, one.len))
            return wfe_error_set(err, WFE_E_IO, "the child that looks into the image died");
        wants[i].bytes.len = one.len;
        wants[i].bytes.data[one.len] = '\0';
    }
    return 0;
}

int wfe_rootfs_read(const wfe_rootfs_mount *mounts, size_t n_mounts, const char *dir,
                    wfe_rootfs_want *wants, size_t n_wants, wfe_error *err)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0)
        return wfe_error_set_errno(err, errno, "cannot look into the image");
    pid_t pid = fork();
    if (pid == 0)
        run_child(fds[1], mounts, n_mounts, dir, wants, n_wants);
    int fork_errno = errno;
    close(fds[1]);
    int rc = pid < 0 ? wfe_error_set_errno(err, fork_errno, "cannot look into the image")
                     : read_answers(fds[0], wants, n_wants, err);
    close(fds[0]);
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    return rc;
}
