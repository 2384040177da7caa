/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/tmpfs.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytesize.h"
#include "base/nearest.h"
#include "base/utf8.h"
#include "oci/user.h"

#define SHOWN_BYTES 80
#define VALUE_BYTES 32
#define SIZE_MAX_BYTES ((uint64_t)1 << 50)
#define PAGE_BYTES 4096
#define INODES_MAX ((uint64_t)1 << 40)
#define MODE_MAX 07777

#define OPTIONS(X)                                                                                 \
    X(SIZE, "size")                                                                                \
    X(INODES, "nr_inodes")                                                                         \
    X(MODE, "mode")                                                                                \
    X(UID, "uid")                                                                                  \
    X(GID, "gid")                                                                                  \
    X(RW, "rw")                                                                                    \
    X(RO, "ro")                                                                                    \
    X(EXEC, "exec")                                                                                \
    X(NOEXEC, "noexec")                                                                            \
    X(SUID, "suid")                                                                                \
    X(NOSUID, "nosuid")                                                                            \
    X(DEV, "dev")                                                                                  \
    X(NODEV, "nodev")

/* The first N_VALUED ones take a value. */
enum option {
#define OPTION_(name, text) OPTION_##name,
    OPTIONS(OPTION_)
#undef OPTION_
};
#define N_VALUED (OPTION_GID + 1)

static const char *const words[] = {
#define WORD_(name, text) text,
    OPTIONS(WORD_)
#undef WORD_
};
#define N_WORDS (sizeof words / sizeof *words)

static int refuse(const char *text, const char *part, size_t len, const char *allowed,
                  wfe_error *err)
{
    return wfe_error_set(err, WFE_E_INVALID, "tmpfs '%.*s' has '%.*s', %s",
                         (int)wfe_utf8_prefix(text, SHOWN_BYTES), text,
                         (int)(len < SHOWN_BYTES ? len : SHOWN_BYTES), part, allowed);
}

static bool read_number(const char *digits, unsigned base, uint64_t max, uint64_t *ret)
{
    uint64_t value = 0;
    const char *p = digits;
    for (; *p >= '0' && (unsigned)(*p - '0') < base && value <= max; p++)
        value = value * base + (uint64_t)(*p - '0');
    *ret = value;
    return p > digits && !*p && value <= max;
}

static bool set_value(enum option option, const char *value, wfe_oci_tmpfs *tmpfs)
{
    uint64_t number = 0;
    bool ok;
    switch (option) {
    case OPTION_SIZE:
        return wfe_bytesize_parse(value, "size", PAGE_BYTES, SIZE_MAX_BYTES, &tmpfs->size_bytes,
                                  NULL) == 0;
    case OPTION_INODES:
        return read_number(value, 10, INODES_MAX, &tmpfs->inodes) && tmpfs->inodes;
    case OPTION_MODE:
        ok = read_number(value, 8, MODE_MAX, &number) && number;
        tmpfs->mode = (uint32_t)number;
        return ok;
    case OPTION_UID:
        ok = read_number(value, 10, WFE_OCI_ID_MAX, &number);
        tmpfs->uid = (uint32_t)number;
        return ok;
    default:
        ok = read_number(value, 10, WFE_OCI_ID_MAX, &number);
        tmpfs->gid = (uint32_t)number;
        return ok;
    }
}

static void set_flag(enum option option, wfe_oci_tmpfs *tmpfs)
{
    bool on = option == OPTION_RO || option == OPTION_EXEC || option == OPTION_SUID ||
              option == OPTION_DEV;
    if (option == OPTION_RO || option == OPTION_RW)
        tmpfs->readonly = on;
    else if (option == OPTION_EXEC || option == OPTION_NOEXEC)
        tmpfs->allow_exec = on;
    else if (option == OPTION_SUID || option == OPTION_NOSUID)
        tmpfs->allow_suid = on;
    else
        tmpfs->allow_dev = on;
}

/* One option of len bytes. */
static int read_option(const char *text, const char *part, size_t len, wfe_oci_tmpfs *tmpfs,
                       wfe_error *err)
{
    char word[VALUE_BYTES * 2];
    if (!len || len >= sizeof word)
        return refuse(text, part, len, "which is no option of tmpfs", err);
    memcpy(word, part, len);
    word[len] = '\0';
    char *value = strchr(word, '=');
    if (value)
        *value++ = '\0';
    for (size_t i = 0; i < N_WORDS; i++) {
        if (strcmp(word, words[i]) != 0)
            continue;
        if ((i < N_VALUED) != (value != NULL))
            return refuse(text, part, len, value ? "which takes no value" : "which needs a value",
                          err);
        if (value && !set_value((enum option)i, value, tmpfs))
            return refuse(text, part, len,
                          "must be a size such as 64m, an octal mode from 1 to 7777, or a number",
                          err);
        if (!value)
            set_flag((enum option)i, tmpfs);
        return 0;
    }
    refuse(text, part, len,
           "must be size, nr_inodes, mode, uid, gid, rw, ro, or one of exec, suid and dev with or "
           "without no",
           err);
    const char *nearest = wfe_nearest(word, words, N_WORDS);
    if (nearest)
        wfe_error_hint(err, "did you mean %s?", nearest);
    return WFE_E_INVALID;
}

int wfe_oci_tmpfs_parse(const char *text, wfe_oci_tmpfs *ret, wfe_error *err)
{
    wfe_oci_tmpfs tmpfs = {.target = NULL};
    size_t target = strcspn(text, ":");
    if (text[0] != '/' || strspn(text, "/") == target)
        return wfe_error_set(err, WFE_E_INVALID,
                             "tmpfs is '%.*s', must be an absolute path other than /, with options "
                             "after a colon, such as /tmp:size=64m,mode=1777",
                             (int)wfe_utf8_prefix(text, SHOWN_BYTES), text);
    const char *part = text[target] ? text + target + 1 : NULL;
    while (part) {
        size_t len = strcspn(part, ",");
        int rc = read_option(text, part, len, &tmpfs, err);
        if (rc)
            return rc;
        part = part[len] ? part + len + 1 : NULL;
    }
    tmpfs.target = strndup(text, target);
    if (!tmpfs.target)
        return wfe_error_nomem(err);
    *ret = tmpfs;
    return 0;
}

void wfe_oci_tmpfs_done(wfe_oci_tmpfs *tmpfs)
{
    free(tmpfs->target);
    tmpfs->target = NULL;
}
