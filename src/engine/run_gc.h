/* SPDX-License-Identifier: Apache-2.0
 *
 * What runs leave on this machine beside containers, and how long they are remembered: old runs,
 * logs by age and size, logs without a run, folders of runs whose process is gone. A run that can
 * be continued is no garbage, nor is anything of it, unless its caller says so.
 */
#ifndef WFE_ENGINE_RUN_GC_H
#define WFE_ENGINE_RUN_GC_H

#include "store/store.h"

/* name, its text */
#define WFE_RUN_GC_KINDS(X)                                                                        \
    X(RUN, "run")       /* with its logs */                                                        \
    X(LOG, "log")       /* of a run, or of none */                                                 \
    X(FOLDER, "folder") /* of a run: temporary files, secrets among them */                        \
    X(VOLUME, "volume") /* shared by the steps of a run */

enum wfe_run_gc_kind {
#define WFE_RUN_GC_KIND_ENUM_(name, text) WFE_RUN_GC_##name,
    WFE_RUN_GC_KINDS(WFE_RUN_GC_KIND_ENUM_)
#undef WFE_RUN_GC_KIND_ENUM_
};

typedef struct wfe_run_gc_item {
    enum wfe_run_gc_kind kind;
    const char *name; /* of the run, or a path; borrowed during the call */
    const char *run;  /* its id */
    int error;        /* 0: removed, or would be in a dry run; else why it is still there: */
    const char *reason;
} wfe_run_gc_item;

typedef struct wfe_run_gc_options {
    const char *state_dir;
    wfe_store *store; /* borrowed; NULL: nothing was ever recorded */
    const char *tmp_dir;
    const char *volume_dir;
    int64_t runs_before_us;  /* runs that ended before are forgotten; 0: none */
    int64_t logs_before_us;  /* logs that were written last before are removed; 0: none */
    uint64_t logs_max_bytes; /* then the oldest ones, until all have at most so many; 0: no limit */
    bool interrupted;        /* runs that could be continued are garbage, too */
    bool dry_run;
    void (*found)(const wfe_run_gc_item *item, void *user);
    void *user;
} wfe_run_gc_options;

/* Runs that are not over and stay: NULL-terminated ids; free with wfe_strv_free. */
int wfe_run_gc_kept(const wfe_run_gc_options *options, char ***ret, wfe_error *err);
/* Removes the rest, kept being the list above; runs that could not be forgotten, since somebody has
 * them by now, are in it afterwards. 0 when everything was looked at: what could not be removed was
 * told. */
int wfe_run_gc(const wfe_run_gc_options *options, char ***kept, wfe_error *err);

#endif
