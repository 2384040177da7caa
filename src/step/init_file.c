/* SPDX-License-Identifier: Apache-2.0 */
#include "step/init_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "init/program.h"

/* ---- the program ---- */

static int refuse_noexec(const char *dir, wfe_error *err)
{
    struct statvfs fs;
    if (statvfs(dir, &fs) < 0)
        return wfe_error_set_errno(err, errno, "cannot look at the file system of %s", dir);
    if (!(fs.f_flag & ST_NOEXEC))
        return 0;
    wfe_error_set(err, WFE_E_INVALID,
                  "cannot place wfe-init in %s: it is on a file system mounted noexec, from which "
                  "no container can execute it",
                  dir);
    wfe_error_hint(err, "use a state folder on a file system without noexec, or run the step with "
                        "init: false");
    return WFE_E_INVALID;
}

/* As many bytes as there are, up to size; -1 on failure. */
static ssize_t read_up_to(int fd, void *bytes, size_t size)
{
    size_t len = 0;
    while (len < size) {
        ssize_t n = read(fd, (char *)bytes + len, size - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        len += (size_t)n;
    }
    return (ssize_t)len;
}

static bool holds_the_program(int fd)
{
    unsigned char bytes[4096];
    size_t at = 0;
    for (;;) {
        ssize_t n = read_up_to(fd, bytes, sizeof bytes);
        if (n < 0 || (size_t)n > wfe_init_program_size - at ||
            memcmp(bytes, wfe_init_program + at, (size_t)n) != 0)
            return false;
        at += (size_t)n;
        if ((size_t)n < sizeof bytes)
            return at == wfe_init_program_size;
    }
}

/* Another user who can write here, or wrote this, chooses what runs as PID 1 of every step. */
static bool is_in_place(const char *path)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return false;
    if (!S_ISREG(st.st_mode) || (st.st_mode & 07777) != 0755)
        return false;
    return (st.st_uid == 0 || st.st_uid == geteuid()) && holds_the_program(fd);
}

int wfe_init_file_place(const char *dir, char *out_path, size_t size, wfe_error *err)
{
    char path[PATH_MAX];
    int len = snprintf(path, sizeof path, "%s/%s", dir, wfe_init_program_name);
    if (len < 0 || (size_t)len >= sizeof path || (size_t)len >= size)
        return wfe_error_set(err, WFE_E_LIMIT, "the path of wfe-init is too long: %s/%s", dir,
                             wfe_init_program_name);
    int rc = wfe_fd_make_dirs(dir, 0755, err);
    if (!rc)
        rc = refuse_noexec(dir, err);
    if (!rc && !is_in_place(path))
        rc = wfe_fd_write_file(path, wfe_init_program, wfe_init_program_size, 0755, err);
    if (rc) {
        wfe_error_where(err, "place wfe-init", dir);
        return rc;
    }
    memcpy(out_path, path, (size_t)len + 1);
    return 0;
}

/* ---- the exit record ---- */

int wfe_init_record_create(const char *path, wfe_error *err)
{
    static const char blank[WFE_INIT_RECORD_SIZE];
    int rc = wfe_fd_create_file(path, blank, sizeof blank, 0666, err);
    if (rc)
        wfe_error_prefix(err, "exit record");
    return rc;
}

static bool parse_reason(const char **p, enum wfe_init_reason *reason)
{
    static const char *const words[WFE_INIT_N_REASONS] = {
#define REASON_WORD_(name, word, meaning) [WFE_INIT_##name] = word " ",
        WFE_INIT_REASONS(REASON_WORD_)
#undef REASON_WORD_
    };
    for (int i = 0; i < WFE_INIT_N_REASONS; i++) {
        size_t len = strlen(words[i]);
        if (strncmp(*p, words[i], len) == 0) {
            *reason = (enum wfe_init_reason)i;
            *p += len;
            return true;
        }
    }
    return false;
}

/* Digits and the space after them. */
static bool parse_number(const char **p, int64_t max, int64_t *number)
{
    int64_t value = 0;
    const char *first = *p;
    for (; **p >= '0' && **p <= '9'; (*p)++) {
        int digit = **p - '0';
        if (value > (max - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *number = value;
    return *p > first && *(*p)++ == ' ';
}

static bool is_consistent(const wfe_init_record *record, int detail)
{
    switch (record->reason) {
    case WFE_INIT_EXITED:
        return detail == 0;
    case WFE_INIT_SIGNALLED:
        return detail > 0 && record->exit_status == WFE_INIT_STATUS_SIGNAL_BASE + detail;
    case WFE_INIT_NOT_FOUND:
        return record->exit_status == WFE_INIT_STATUS_NOT_FOUND;
    case WFE_INIT_NOT_EXECUTABLE:
        return record->exit_status == WFE_INIT_STATUS_NOT_EXECUTABLE;
    case WFE_INIT_FAILED:
        return record->exit_status == WFE_INIT_STATUS_FAILED;
    case WFE_INIT_N_REASONS:
        break;
    }
    return false;
}

/* text is a whole record, its newline replaced by NUL. */
static bool parse_text(const char *text, wfe_init_record *record)
{
    int64_t status = 0;
    int64_t detail = 0;
    const char *p = text + strlen(WFE_INIT_RECORD_MAGIC);
    if (strncmp(text, WFE_INIT_RECORD_MAGIC, strlen(WFE_INIT_RECORD_MAGIC)) != 0 ||
        !parse_reason(&p, &record->reason) || !parse_number(&p, 255, &status) ||
        !parse_number(&p, 4095, &detail) || !parse_number(&p, INT64_MAX, &record->ended_at_us))
        return false;
    record->exit_status = (int)status;
    if (record->reason == WFE_INIT_SIGNALLED)
        record->signal = (int)detail;
    else
        record->sys_errno = (int)detail;
    return p[strspn(p, " ")] == '\0' && is_consistent(record, (int)detail);
}

int wfe_init_record_parse(const char *bytes, size_t len, const char *path, wfe_init_record *out,
                          wfe_error *err)
{
    char text[WFE_INIT_RECORD_SIZE];
    wfe_init_record record = {0};
    if (len < sizeof text || memchr(bytes, '\0', sizeof text))
        return wfe_error_set(err, WFE_E_NOT_FOUND, "there is no whole exit record in %s", path);
    memcpy(text, bytes, sizeof text);
    text[sizeof text - 1] = '\0';
    if (len > sizeof text || bytes[sizeof text - 1] != '\n' || !parse_text(text, &record))
        return wfe_error_set(err, WFE_E_PROTOCOL, "%s is no exit record of wfe-init", path);
    *out = record;
    return 0;
}

int wfe_init_record_read(const char *path, wfe_init_record *out, wfe_error *err)
{
    /* One more, to notice a file that is too long. */
    char bytes[WFE_INIT_RECORD_SIZE + 1];
    _cleanup_close_ int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return wfe_error_set_errno(err, errno, "cannot open the exit record %s", path);
    ssize_t len = read_up_to(fd, bytes, sizeof bytes);
    if (len < 0)
        return wfe_error_set_errno(err, errno, "cannot read the exit record %s", path);
    return wfe_init_record_parse(bytes, (size_t)len, path, out, err);
}
