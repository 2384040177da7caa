/* SPDX-License-Identifier: Apache-2.0
 *
 * Removing logs: of one run, and of old ones by age and by size.
 */
#ifndef WFE_STORE_LOG_RETENTION_H
#define WFE_STORE_LOG_RETENTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

typedef struct wfe_log_run_info {
    const char *run_id; /* borrowed during the call */
    uint64_t bytes;
    int64_t written_at_us; /* wall clock: the last write */
} wfe_log_run_info;

typedef struct wfe_log_retention {
    const char *state_dir;
    int64_t before_us;  /* runs that were written last before it are removed; 0: none */
    uint64_t max_bytes; /* then the oldest ones, until all have at most so many; 0: no limit */
    bool dry_run;       /* only tell */
    /* Must the logs of this run stay, whatever their age: it is under way. NULL: none must. */
    bool (*keep)(const char *run_id, void *user);
    /* After each removal, or instead of it. May be NULL. */
    void (*removed)(const wfe_log_run_info *run, void *user);
    void *user;
} wfe_log_retention;

/* Oldest first. Nothing to do is fine. IO, DENIED, NOMEM. */
int wfe_log_retain(const wfe_log_retention *rules, wfe_error *err);
/* No logs is fine. INVALID: no folder can have this name. */
int wfe_log_remove(const char *state_dir, const char *run_id, wfe_error *err);

#endif
