/* SPDX-License-Identifier: Apache-2.0
 *
 * What steps and imports left behind whose process was killed: found by the labels and files that
 * name the process, and removed when that process is known to be dead.
 */
#ifndef WFE_GC_H
#define WFE_GC_H

#include <stdbool.h>
#include <stddef.h>

#include <wfe/client.h>
#include <wfe/error.h>
#include <wfe/export.h>

#ifdef __cplusplus
extern "C" {
#endif

/* name, its text */
#define WFE_GC_KINDS(X)                                                                            \
    X(CONTAINER, "container") /* with its task, its shim and what the runtime keeps of it */       \
    X(SNAPSHOT, "snapshot")   /* active ones and views; never those of images */                   \
    X(FOLDER, "folder")       /* of one step below the I/O folder, with its FIFOs */               \
    X(LEASE, "lease")         /* of an image import, with what it had brought in so far */         \
    X(NETWORK, "network")     /* a network namespace of a run, in the I/O folder */

enum wfe_gc_kind {
#define WFE_GC_KIND_ENUM_(name, text) WFE_GC_##name,
    WFE_GC_KINDS(WFE_GC_KIND_ENUM_)
#undef WFE_GC_KIND_ENUM_
};

/* name, its text */
#define WFE_GC_OUTCOMES(X)                                                                         \
    X(REMOVED, "removed")           /* or somebody else removed it meanwhile */                    \
    X(WOULD_REMOVE, "would remove") /* a dry run */                                                \
    X(LEFT_ALONE, "left alone")     /* whether its owner lives cannot be known; reason says why */ \
    X(FAILED, "failed")             /* it is still there, or part of it; reason says why */

enum wfe_gc_outcome {
#define WFE_GC_OUTCOME_ENUM_(name, text) WFE_GC_##name,
    WFE_GC_OUTCOMES(WFE_GC_OUTCOME_ENUM_)
#undef WFE_GC_OUTCOME_ENUM_
};

/* One thing that was found. Every text is borrowed during the call; "" when there is none. */
typedef struct wfe_gc_item {
    enum wfe_gc_kind kind;
    enum wfe_gc_outcome outcome;
    const char *name; /* id of the container or lease, key of the snapshot, path of the others */
    const char *run;  /* run, step and attempt it belongs to, as its labels say */
    const char *step;
    const char *attempt;
    const char *owner;  /* the process it belonged to, as "pid:start time:boot id:pid namespace" */
    const char *reason; /* of LEFT_ALONE and FAILED, one line */
} wfe_gc_item;

/* Called once for each item, in the order of their removal; it must not use the client. */
typedef void (*wfe_gc_fn)(const wfe_gc_item *item, void *user);

/* NULL or zero members mean the default. */
typedef struct wfe_gc_options {
    size_t size;  /* sizeof(wfe_gc_options) */
    bool dry_run; /* remove nothing, only tell what would be */
    /* Take also what belongs to processes that cannot be seen from here: of an earlier boot,
     * another machine or another pid namespace, or named in a form this version does not know.
     * Right only when no wfe works with this containerd from there. */
    bool all;
    wfe_gc_fn found;
    void *user;
    /* Ids of runs, NULL-terminated: what belongs to them stays, and counts as in use, although the
     * process that made it is gone. Another one will go on with them. */
    const char *const *keep_runs;
} wfe_gc_options;

typedef struct wfe_gc_summary {
    size_t removed;    /* in a dry run: that would be */
    size_t left_alone; /* without those of living owners */
    size_t failed;
    size_t in_use; /* things whose owner is alive */
} wfe_gc_summary;

/* Looks through the client's containerd namespace, for the client's snapshotter, and through its
 * I/O folder, and removes what belongs to dead processes: first the task (KILL to all of its
 * processes, some seconds at most), then the container's record, its snapshots, its folder.
 * Whatever belongs to a living process is not touched, also when that process has just begun;
 * what is gone already counts as removed. On the daemon's own machine it ends, too, what
 * containerd itself has lost sight of: a task whose making was cut short by the death of its
 * client leaves a shim or a container that no call reaches any more; since containerd may still be
 * about to remove these, that can take some 12 seconds.
 *
 * Blocks, running the client's loop. One call at a time works in an I/O folder, others wait; steps
 * may run meanwhile. options and summary may be NULL.
 *
 * 0 when everything was looked at, also when single things could not be removed: see
 * summary->failed. Fails with the errors of the connection when containerd cannot be asked for its
 * containers, with TIMEOUT when another call holds the I/O folder for minutes, INVALID, NOMEM;
 * summary is untouched then, and what was removed stays so. */
WFE_API int wfe_gc_run(wfe_client *client, const wfe_gc_options *options, wfe_gc_summary *summary,
                       wfe_error *err);

#ifdef __cplusplus
}
#endif
#endif
