/* SPDX-License-Identifier: Apache-2.0
 *
 * One garbage collection, shared by its files: gc.c (the rounds, what is told), gc_find.c (what
 * there is), gc_remove.c (containerd's calls), gc_machine.c, gc_bundle.c and gc_drain.c (this
 * machine). All of them block by running the client's loop.
 */
#ifndef WFE_STEP_GC_PRIV_H
#define WFE_STEP_GC_PRIV_H

#include <wfe/gc.h>

#include <limits.h>

#include "base/owner.h"
#include "containerd/wfe_client.h"
#include "wfe/pair.pb-c.h"

#define WFE_GC_OWNER_LABEL "wfe.owner"

/* Something with an owner. Texts are owned; NULL when there is none. */
typedef struct wfe_gc_thing {
    enum wfe_gc_kind kind;
    enum wfe_owner_state owner_state;
    char *name; /* of a folder: without the path */
    char *owner;
    char *run;
    char *step;
    char *attempt;
    char *snapshotter; /* of a snapshot */
    bool gone;         /* removed in this round */
} wfe_gc_thing;

typedef struct wfe_gc_things {
    wfe_gc_thing *items;
    size_t len;
    size_t cap;
} wfe_gc_things;

typedef struct wfe_gc_drains wfe_gc_drains;

typedef struct wfe_gc {
    wfe_client *client;
    wfe_gc_options options;
    wfe_gc_summary summary;
    wfe_gc_things found; /* in this round */
    wfe_gc_things told;  /* left alone, failed: not looked at again in later rounds */
    wfe_gc_drains *drains;
    const char *const *only; /* containers' ids: nothing else is looked at; NULL: everything is */
    size_t n_only;
    uint64_t found_us; /* monotonic: the dead owners of this round were dead by then */
} wfe_gc;

/* Is it to be removed. */
bool wfe_gc_is_due(const wfe_gc *gc, const wfe_gc_thing *thing);
/* A container that is still there; NULL when there is none of this id. */
const wfe_gc_thing *wfe_gc_container(const wfe_gc *gc, const char *id);
/* Lets the loop run for some time. */
int wfe_gc_pause(wfe_gc *gc, uint64_t ms, wfe_error *err);

void wfe_gc_things_done(wfe_gc_things *things);

/* gc_find.c: fills gc->found, the living and the dead. */
int wfe_gc_find(wfe_gc *gc, wfe_error *err);
/* Copies everything; labels may be NULL. */
int wfe_gc_things_add(wfe_gc_things *things, enum wfe_gc_kind kind, const char *name,
                      Pb__Pair *const *labels, size_t n_labels, wfe_error *err);
/* What the folder's name or the file in it says, "" when neither does; NOT_FOUND when there is no
 * such folder. */
int wfe_gc_read_folder_owner(const wfe_gc *gc, const char *name, char out[WFE_OWNER_TEXT_SIZE],
                             wfe_error *err);
/* The container's id in the name of a folder; NULL when it is no step's folder. Borrowed. */
const char *wfe_gc_folder_id(const char *name);

/* gc_remove.c: removes one thing; "already gone" is success, and so is "somebody else's by now":
 * *ret_found is false then, since its owner removed it between being found and being dead. */
int wfe_gc_remove(wfe_gc *gc, const wfe_gc_thing *thing, bool last_lease, bool *ret_found,
                  wfe_error *err);

/* gc_machine.c: waits until this machine has nothing left of a container that containerd has no
 * task of, and ends it when containerd does not. */
int wfe_gc_clean_machine(wfe_gc *gc, const char *id, wfe_error *err);

/* gc_bundle.c: containerd's folder of the task of this id; false when there is none. */
bool wfe_gc_bundle_find(const wfe_gc *gc, const char *id, char out[PATH_MAX]);
/* Its root file system is unmounted. */
int wfe_gc_bundle_remove(const char *path, wfe_error *err);

/* gc_drain.c: reads the FIFOs of every container that is to go, so that nobody waits for a reader
 * or for room. What cannot be opened is left. NULL is accepted by free. */
int wfe_gc_drains_new(wfe_gc *gc, wfe_gc_drains **ret, wfe_error *err);
void wfe_gc_drains_free(wfe_gc_drains *drains);

#endif
