/* SPDX-License-Identifier: Apache-2.0 */
#include "store/log_index.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"

/* Eight bytes with the version, the path's length, four zeros; then the path, filled up with zeros
 * to whole entries. */
#define MAGIC "WFELOG1\n"
#define HEADER_BYTES 16

/* The upper four bits of the second number: the stream, and whether it was cut. */
#define KIND_SHIFT 60
#define KIND_STREAM 1u
#define KIND_CUT 2u
#define VALUE_MASK ((1ULL << KIND_SHIFT) - 1)

void wfe_log_index_encode(const wfe_log_index_entry *entry, uint8_t out[WFE_LOG_INDEX_ENTRY_BYTES])
{
    uint64_t kind =
        (entry->stream == WFE_LOG_STDERR ? KIND_STREAM : 0) | (entry->is_cut ? KIND_CUT : 0);
    uint64_t numbers[2] = {htole64((uint64_t)entry->at_us),
                           htole64(kind << KIND_SHIFT | (entry->value & VALUE_MASK))};
    memcpy(out, numbers, sizeof numbers);
}

bool wfe_log_index_decode(const uint8_t bytes[WFE_LOG_INDEX_ENTRY_BYTES], wfe_log_index_entry *ret)
{
    uint64_t numbers[2];
    memcpy(numbers, bytes, sizeof numbers);
    int64_t at_us = (int64_t)le64toh(numbers[0]);
    uint64_t second = le64toh(numbers[1]), kind = second >> KIND_SHIFT;
    if (at_us <= 0 || kind > (KIND_STREAM | KIND_CUT))
        return false;
    *ret = (wfe_log_index_entry){
        .at_us = at_us,
        .stream = kind & KIND_STREAM ? WFE_LOG_STDERR : WFE_LOG_STDOUT,
        .is_cut = (kind & KIND_CUT) != 0,
        .value = second & VALUE_MASK,
    };
    return true;
}

static size_t padded(size_t len)
{
    return (len + WFE_LOG_INDEX_ENTRY_BYTES - 1) / WFE_LOG_INDEX_ENTRY_BYTES *
           WFE_LOG_INDEX_ENTRY_BYTES;
}

int wfe_log_index_begin(int fd, const char *step, uint64_t *ret_len, wfe_error *err)
{
    size_t len = strlen(step), total = HEADER_BYTES + padded(len);
    if (len > WFE_LOG_STEP_MAX_BYTES)
        return wfe_error_set(err, WFE_E_LIMIT, "the path of a step has %zu bytes, at most %zu", len,
                             WFE_LOG_STEP_MAX_BYTES);
    _cleanup_free_ char *header = calloc(1, total);
    if (!header)
        return wfe_error_nomem(err);
    uint32_t number = htole32((uint32_t)len);
    memcpy(header, MAGIC, sizeof MAGIC - 1);
    memcpy(header + 8, &number, sizeof number);
    memcpy(header + HEADER_BYTES, step, len);
    int rc = wfe_fd_write_all(fd, header, total, err);
    if (!rc)
        *ret_len = total;
    return rc;
}

static bool read_at(int fd, void *out, size_t len, off_t offset)
{
    char *p = out;
    while (len) {
        ssize_t n = pread(fd, p, len, offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        p += n;
        offset += n;
        len -= (size_t)n;
    }
    return true;
}

int wfe_log_index_read_header(int fd, char **ret_step, uint64_t *ret_len, wfe_error *err)
{
    char header[HEADER_BYTES];
    uint32_t number = 0;
    bool ok = read_at(fd, header, sizeof header, 0) && memcmp(header, MAGIC, sizeof MAGIC - 1) == 0;
    if (ok)
        memcpy(&number, header + 8, sizeof number);
    size_t len = le32toh(number);
    if (!ok || len > WFE_LOG_STEP_MAX_BYTES)
        return wfe_error_set(err, WFE_E_INVALID, "it is no index of a log");
    _cleanup_free_ char *step = calloc(1, padded(len) + 1);
    if (!step)
        return wfe_error_nomem(err);
    if (!read_at(fd, step, padded(len), HEADER_BYTES) || strlen(step) != len)
        return wfe_error_set(err, WFE_E_INVALID, "the index of a log is cut in its header");
    *ret_step = wfe_take(step);
    *ret_len = HEADER_BYTES + padded(len);
    return 0;
}
