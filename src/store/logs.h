/* SPDX-License-Identifier: Apache-2.0
 *
 * The logs of a run under way: for each attempt of a step a file for each of its streams, and an
 * index that says when what was written. Bytes are with the kernel when write returns, so they
 * survive the end of the process; finish gives what has to be synced to survive the machine's.
 * Opening a run's logs again goes on where its files end.
 *
 * Files are "<state>/runs/<run>/<step>.<attempt>.{stdout,stderr,index}" (log_name.h), 0600 in
 * folders of 0700. Belongs to one thread.
 */
#ifndef WFE_STORE_LOGS_H
#define WFE_STORE_LOGS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "store/log_index.h"

#define WFE_LOGS_FOLDER "runs"
#define WFE_LOGS_STEP_MAX_BYTES_DEFAULT ((uint64_t)256 * 1024 * 1024)
#define WFE_LOGS_RUN_MAX_BYTES_DEFAULT ((uint64_t)4 * 1024 * 1024 * 1024)

typedef struct wfe_logs wfe_logs;

typedef struct wfe_logs_options {
    const char *state_dir;
    const char *run_id;
    /* What is beyond is dropped, and the log says how much: of both streams of an attempt, and of
     * the run. 0: the default. */
    uint64_t step_max_bytes;
    uint64_t run_max_bytes;
} wfe_logs_options;

/* Makes the run's folder, if it is not there. INVALID: the id cannot be the name of a folder. IO,
 * DENIED, NOMEM. */
int wfe_logs_open(const wfe_logs_options *options, wfe_logs **ret, wfe_error *err);
/* Appends to a stream of an attempt; an attempt that is new, or that another process began, is
 * opened. IO (sys_errno ENOSPC: the disk is full), NOMEM. */
int wfe_logs_write(wfe_logs *logs, const char *step, unsigned attempt, enum wfe_log_stream stream,
                   const void *bytes, size_t len, wfe_error *err);
/* Bytes that a stream of an attempt holds, those of earlier processes included. IO, NOMEM. */
int wfe_logs_size(wfe_logs *logs, const char *step, unsigned attempt, enum wfe_log_stream stream,
                  uint64_t *ret, wfe_error *err);
/* The attempt writes nothing more. ret_fds: files to sync and close, -1 where there is none. */
int wfe_logs_finish(wfe_logs *logs, const char *step, unsigned attempt,
                    int ret_fds[WFE_LOG_STREAMS], wfe_error *err);
/* The same, and syncs them here: blocks. */
int wfe_logs_finish_synced(wfe_logs *logs, const char *step, unsigned attempt, wfe_error *err);
/* Closes everything, unsynced. NULL is accepted. */
void wfe_logs_close(wfe_logs *logs);

/* Where the logs of a run are; INVALID: no folder can have this name, LIMIT: too long. */
int wfe_logs_folder(const char *state_dir, const char *run_id, char *out, size_t size,
                    wfe_error *err);

#endif
