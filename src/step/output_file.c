/* SPDX-License-Identifier: Apache-2.0 */
#include "step/output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fd.h"

#define READ_BYTES ((size_t)64 * 1024)

typedef struct line {
    const char *bytes;
    size_t len; /* without the newline */
} line;

typedef struct reader {
    const char *at;
    const char *end;
    size_t number; /* of the line that was taken last */
} reader;

static bool next_line(reader *r, line *out)
{
    if (r->at == r->end)
        return false;
    const char *newline = memchr(r->at, '\n', (size_t)(r->end - r->at));
    *out = (line){.bytes = r->at, .len = (size_t)((newline ? newline : r->end) - r->at)};
    r->at = newline ? newline + 1 : r->end;
    r->number++;
    return true;
}

static line without_cr(line l)
{
    if (l.len && l.bytes[l.len - 1] == '\r')
        l.len--;
    return l;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static line trimmed(line l)
{
    while (l.len && is_space(l.bytes[0])) {
        l.bytes++;
        l.len--;
    }
    while (l.len && is_space(l.bytes[l.len - 1]))
        l.len--;
    return l;
}

static void note_bad_line(wfe_output_file_report *report, size_t number)
{
    if (!report->n_bad_lines++)
        report->first_bad_line = number;
}

/* The lines of a block; the value is the piece of the file that they are. */
static int take_block(reader *r, line key, line word, wfe_outputs *outputs,
                      wfe_output_file_report *report, wfe_error *err)
{
    size_t first = r->number;
    const char *begin = r->at;
    line l;
    while (next_line(r, &l)) {
        line bare = without_cr(l);
        if (bare.len != word.len || memcmp(bare.bytes, word.bytes, word.len) != 0)
            continue;
        size_t len = (size_t)(l.bytes - begin);
        return wfe_outputs_put(outputs, key.bytes, key.len, begin, len ? len - 1 : 0, err);
    }
    report->open_block_line = first;
    return 0;
}

static int take_line(reader *r, line l, wfe_outputs *outputs, wfe_output_file_report *report,
                     wfe_error *err)
{
    l = without_cr(l);
    const char *equals = memchr(l.bytes, '=', l.len);
    const char *block = memmem(l.bytes, l.len, "<<", 2);
    bool is_block = block && (!equals || block < equals);
    const char *mark = is_block ? block : equals;
    if (!mark) {
        if (trimmed(l).len)
            note_bad_line(report, r->number);
        return 0;
    }
    size_t mark_len = is_block ? 2 : 1;
    line key = trimmed((line){.bytes = l.bytes, .len = (size_t)(mark - l.bytes)});
    line rest = {.bytes = mark + mark_len, .len = l.len - (size_t)(mark - l.bytes) - mark_len};
    line word = trimmed(rest);
    if (!key.len || (is_block && !word.len)) {
        note_bad_line(report, r->number);
        return 0;
    }
    if (is_block)
        return take_block(r, key, word, outputs, report, err);
    return wfe_outputs_put(outputs, key.bytes, key.len, rest.bytes, rest.len, err);
}

int wfe_output_file_parse(const char *bytes, size_t len, wfe_outputs *outputs,
                          wfe_output_file_report *report, wfe_error *err)
{
    reader r = {.at = bytes, .end = len ? bytes + len : bytes};
    line l;
    int rc = 0;
    *report = (wfe_output_file_report){0};
    while (!rc && next_line(&r, &l))
        rc = take_line(&r, l, outputs, report, err);
    return rc;
}

/* ---- the file ---- */

int wfe_output_file_create(const char *path, wfe_error *err)
{
    int rc = wfe_fd_create_file(path, "", 0, 0666, err);
    if (rc)
        wfe_error_prefix(err, "output file");
    return rc;
}

/* All of it, or one byte more than is allowed: its length is what the step made it, and a process
 * outside of the step's pid namespace may be writing still. */
static int read_bytes(int fd, const char *path, wfe_buf *out, wfe_error *err)
{
    while (out->len <= WFE_OUTPUT_FILE_MAX_BYTES) {
        size_t wanted = WFE_OUTPUT_FILE_MAX_BYTES + 1 - out->len;
        if (wanted > READ_BYTES)
            wanted = READ_BYTES;
        int rc = wfe_buf_reserve(out, wanted, err);
        if (rc)
            return rc;
        ssize_t n = read(fd, out->data + out->len, wanted);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return wfe_error_set_errno(err, errno, "cannot read the output file %s", path);
        if (n == 0)
            return 0;
        out->len += (size_t)n;
    }
    return wfe_error_set(err, WFE_E_LIMIT,
                         "the step wrote more than %zu MiB to its $WFE_OUTPUT file, which is all "
                         "that is allowed",
                         WFE_OUTPUT_FILE_MAX_BYTES >> 20);
}

int wfe_output_file_read(const char *path, wfe_outputs *outputs, wfe_output_file_report *report,
                         wfe_error *err)
{
    *report = (wfe_output_file_report){0};
    _cleanup_close_ int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return wfe_error_set_errno(err, errno, "cannot open the output file %s", path);
    wfe_buf bytes = WFE_BUF_INIT(0);
    int rc = read_bytes(fd, path, &bytes, err);
    if (!rc && bytes.len)
        rc = wfe_output_file_parse(bytes.data, bytes.len, outputs, report, err);
    wfe_buf_done(&bytes);
    return rc;
}
