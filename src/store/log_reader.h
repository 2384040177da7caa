/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading logs, also of a run that another process is writing: which attempts there are, what they
 * wrote in the order in which they wrote it, and waiting for more.
 */
#ifndef WFE_STORE_LOG_READER_H
#define WFE_STORE_LOG_READER_H

#include "store/log_index.h"

typedef struct wfe_log_attempt_info {
    const char *step; /* borrowed during the call */
    unsigned attempt;
    uint64_t bytes[WFE_LOG_STREAMS];
    uint64_t dropped[WFE_LOG_STREAMS]; /* not kept, as far as the log says */
    int64_t first_at_us;               /* wall clock; 0: unknown */
    int64_t last_at_us;
} wfe_log_attempt_info;

/* 0: go on; else the list stops with this value. */
typedef int (*wfe_log_attempt_fn)(const wfe_log_attempt_info *info, void *user);

/* The attempts of a run that have a log, by their first time, then by name. None for a run without
 * logs. IO, NOMEM, INVALID. */
int wfe_log_list(const char *state_dir, const char *run_id, wfe_log_attempt_fn fn, void *user,
                 wfe_error *err);

typedef struct wfe_log_reader wfe_log_reader;

typedef struct wfe_log_reader_options {
    const char *state_dir;
    const char *run_id;
    const char *step;
    unsigned attempt;
    bool without[WFE_LOG_STREAMS]; /* streams to leave out */
    int64_t since_us;              /* only what was written then or later; 0: everything */
    uint64_t tail_bytes;           /* of each stream, only its last ones and what comes; 0: all */
} wfe_log_reader_options;

/* Bytes of one stream that were written together, or nearly; they end anywhere, also within a line
 * or a character. */
typedef struct wfe_log_piece {
    enum wfe_log_stream stream;
    int64_t at_us;     /* wall clock; 0: unknown, the index is missing */
    const char *bytes; /* borrowed until the next call */
    size_t len;        /* 0: the stream was cut here */
    uint64_t dropped;  /* of a cut: bytes that were not kept, so far */
} wfe_log_piece;

/* NOT_FOUND: this attempt has no log. IO, NOMEM, INVALID. */
int wfe_log_reader_new(const wfe_log_reader_options *options, wfe_log_reader **ret, wfe_error *err);
/* 1: a piece; 0: there is nothing more now, and may be later; else a failure. */
int wfe_log_reader_next(wfe_log_reader *reader, wfe_log_piece *ret, wfe_error *err);
void wfe_log_reader_free(wfe_log_reader *reader);

/* Waits for something to be written to any log of a run. */
typedef struct wfe_log_watch wfe_log_watch;

/* The run's folder need not be there yet. NOMEM. */
int wfe_log_watch_new(const char *state_dir, const char *run_id, wfe_log_watch **ret,
                      wfe_error *err);
/* Until something may have changed since the last call, or so many ms are over: read then, and wait
 * again. */
void wfe_log_watch_wait(wfe_log_watch *watch, unsigned timeout_ms);
void wfe_log_watch_free(wfe_log_watch *watch);

#endif
