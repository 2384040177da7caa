/* SPDX-License-Identifier: Apache-2.0
 *
 * The index of an attempt's log: which stream wrote when, from which byte on. A header with the
 * step's path, then entries of 16 bytes in the order in which things happened; an entry is written
 * before the bytes that it is about. So streams are merged by the order of entries, not by clocks.
 * The format is described in docs/internals/store.md.
 */
#ifndef WFE_STORE_LOG_INDEX_H
#define WFE_STORE_LOG_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define WFE_LOG_INDEX_SUFFIX "index"
#define WFE_LOG_INDEX_ENTRY_BYTES 16
/* Of a whole index: a million entries. Later bytes have the time of the last one. */
#define WFE_LOG_INDEX_MAX_BYTES ((uint64_t)16 * 1024 * 1024)
#define WFE_LOG_STEP_MAX_BYTES ((size_t)64 * 1024)

enum wfe_log_stream { WFE_LOG_STDOUT, WFE_LOG_STDERR, WFE_LOG_STREAMS };

typedef struct wfe_log_index_entry {
    int64_t at_us; /* wall clock; never 0 */
    enum wfe_log_stream stream;
    bool is_cut;    /* the stream was cut: value is how many bytes were dropped so far */
    uint64_t value; /* else: where in the stream's file the bytes begin */
} wfe_log_index_entry;

void wfe_log_index_encode(const wfe_log_index_entry *entry, uint8_t out[WFE_LOG_INDEX_ENTRY_BYTES]);
/* false: it is none, as at the end of a file that a crash has cut or filled with zeros. */
bool wfe_log_index_decode(const uint8_t bytes[WFE_LOG_INDEX_ENTRY_BYTES], wfe_log_index_entry *ret);

/* Writes the header of a new index. IO, LIMIT: the path is too long. */
int wfe_log_index_begin(int fd, const char *step, uint64_t *ret_len, wfe_error *err);
/* The step's path from the header (free with free()), and where entries begin. INVALID: it is no
 * index, or one of another version. */
int wfe_log_index_read_header(int fd, char **ret_step, uint64_t *ret_len, wfe_error *err);

#endif
