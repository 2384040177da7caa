/* SPDX-License-Identifier: Apache-2.0
 *
 * Garbage collection in rounds: find everything with an owner, remove what belongs to the dead,
 * look again. A second look is needed since calls of a process that was just killed may still be
 * on their way through the daemon.
 *
 * Ids can come back: the same attempt of the same step has the same id. So one collection works in
 * an I/O folder at a time, and each thing's owner is compared again right before it is removed:
 * nobody else removes things of the dead, so what still has its dead owner cannot become a living
 * one's meanwhile.
 */
#include <wfe/gc.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/sized.h"
#include "net/netns.h"
#include "step/durable.h"
#include "step/gc_priv.h"

#define ROUNDS_MAX 5
#define ROUND_PAUSE_MS 200
#define LOCK_POLL_MS 50
#define LOCK_MS 180000

/* ---- things ---- */

void wfe_gc_things_done(wfe_gc_things *things)
{
    for (size_t i = 0; i < things->len; i++) {
        free(things->items[i].name);
        free(things->items[i].owner);
        free(things->items[i].run);
        free(things->items[i].step);
        free(things->items[i].attempt);
        free(things->items[i].snapshotter);
    }
    free(things->items);
    *things = (wfe_gc_things){0};
}

bool wfe_gc_is_due(const wfe_gc *gc, const wfe_gc_thing *thing)
{
    return thing->owner_state == WFE_OWNER_DEAD ||
           (thing->owner_state != WFE_OWNER_ALIVE && gc->options.all);
}

const wfe_gc_thing *wfe_gc_container(const wfe_gc *gc, const char *id)
{
    for (size_t i = 0; i < gc->found.len; i++) {
        const wfe_gc_thing *thing = &gc->found.items[i];
        if (thing->kind == WFE_GC_CONTAINER && !thing->gone && strcmp(thing->name, id) == 0)
            return thing;
    }
    return NULL;
}

static bool was_told(const wfe_gc *gc, const wfe_gc_thing *thing)
{
    for (size_t i = 0; i < gc->told.len; i++) {
        if (gc->told.items[i].kind == thing->kind &&
            strcmp(gc->told.items[i].name, thing->name) == 0)
            return true;
    }
    return false;
}

/* ---- telling ---- */

static const char *text_or_empty(const char *text)
{
    return text ? text : "";
}

static int tell(wfe_gc *gc, const wfe_gc_thing *thing, enum wfe_gc_outcome outcome,
                const char *reason, wfe_error *err)
{
    char path[PATH_MAX];
    size_t *counts[] = {
        [WFE_GC_REMOVED] = &gc->summary.removed,
        [WFE_GC_WOULD_REMOVE] = &gc->summary.removed,
        [WFE_GC_LEFT_ALONE] = &gc->summary.left_alone,
        [WFE_GC_FAILED] = &gc->summary.failed,
    };
    ++*counts[outcome];
    wfe_gc_item item = {
        .kind = thing->kind,
        .outcome = outcome,
        .name = thing->name,
        .run = text_or_empty(thing->run),
        .step = text_or_empty(thing->step),
        .attempt = text_or_empty(thing->attempt),
        .owner = text_or_empty(thing->owner),
        .reason = reason,
    };
    if (thing->kind == WFE_GC_FOLDER || thing->kind == WFE_GC_NETWORK) {
        const char *folder = thing->kind == WFE_GC_NETWORK ? "/" WFE_NETNS_FOLDER : "";
        snprintf(path, sizeof path, "%s%s/%s", gc->client->io_dir, folder, thing->name);
        item.name = path;
    }
    if (gc->options.found)
        gc->options.found(&item, gc->options.user);
    if (outcome == WFE_GC_REMOVED)
        return 0;
    return wfe_gc_things_add(&gc->told, thing->kind, thing->name, NULL, 0, err);
}

static const char *why_left_alone(const wfe_gc_thing *thing)
{
    if (thing->owner_state == WFE_OWNER_ELSEWHERE)
        return "its owner is of another boot, machine or pid namespace";
    return thing->owner && *thing->owner ? "its owner is named in a form unknown to this version"
                                         : "it does not say who owns it";
}

/* ---- runs that go on ---- */

static bool belongs_to_run(const wfe_gc_thing *thing, const char *run)
{
    char id[WFE_ID_CONTAINER_SIZE];
    const char *mark = strrchr(thing->name, '@');
    if (thing->run)
        return strcmp(thing->run, run) == 0;
    if (thing->kind != WFE_GC_NETWORK || !mark)
        return false;
    wfe_id_container(id, run, "network", 1); /* as runs name theirs */
    return strcmp(mark + 1, id) == 0;
}

/* As if their owners lived. */
static void keep_runs(wfe_gc *gc)
{
    for (size_t i = 0; gc->options.keep_runs && i < gc->found.len; i++) {
        wfe_gc_thing *thing = &gc->found.items[i];
        for (const char *const *run = gc->options.keep_runs; *run; run++)
            if (belongs_to_run(thing, *run))
                thing->owner_state = WFE_OWNER_ALIVE;
    }
}

/* ---- one round ---- */

/* What belongs to a container that could not be removed stays with it. */
static bool stays_with_its_container(const wfe_gc *gc, const wfe_gc_thing *thing)
{
    if (thing->kind != WFE_GC_SNAPSHOT && thing->kind != WFE_GC_FOLDER)
        return false;
    const wfe_gc_thing *container = wfe_gc_container(
        gc, thing->kind == WFE_GC_FOLDER ? wfe_gc_folder_id(thing->name) : thing->name);
    return container && !(gc->options.dry_run && wfe_gc_is_due(gc, container));
}

static int remove_thing(wfe_gc *gc, wfe_gc_thing *thing, bool last_lease, wfe_error *err)
{
    wfe_error problem = WFE_ERROR_INIT;
    if (stays_with_its_container(gc, thing))
        return 0;
    if (gc->options.dry_run)
        return tell(gc, thing, WFE_GC_WOULD_REMOVE, "", err);
    bool found = false;
    int rc = wfe_gc_remove(gc, thing, last_lease, &found, &problem);
    if (rc == WFE_E_NOMEM)
        return wfe_error_copy(err, &problem);
    if (rc)
        return tell(gc, thing, WFE_GC_FAILED, problem.message, err);
    thing->gone = true;
    return found ? tell(gc, thing, WFE_GC_REMOVED, "", err) : 0;
}

static bool belongs_to(const wfe_gc_thing *thing, const char *id)
{
    const char *name = thing->name;
    const char *mark = thing->kind == WFE_GC_NETWORK ? strrchr(name, '@') : NULL;
    if (thing->kind == WFE_GC_FOLDER)
        name = wfe_gc_folder_id(name);
    else if (mark)
        name = mark + 1;
    size_t len = strlen(id);
    if (!name || strncmp(name, id, len) != 0)
        return false;
    return !name[len] || (thing->kind == WFE_GC_SNAPSHOT && strcmp(name + len, "-users") == 0);
}

static bool is_wanted(const wfe_gc *gc, const wfe_gc_thing *thing)
{
    for (size_t i = 0; gc->only && i < gc->n_only; i++) {
        if (belongs_to(thing, gc->only[i]))
            return true;
    }
    return !gc->only;
}

static int settle(wfe_gc *gc, wfe_gc_thing *thing, bool first_round, bool last_lease,
                  wfe_error *err)
{
    if (!is_wanted(gc, thing))
        return 0;
    if (thing->owner_state == WFE_OWNER_ALIVE)
        gc->summary.in_use += first_round;
    else if (was_told(gc, thing))
        return 0;
    else if (wfe_gc_is_due(gc, thing))
        return remove_thing(gc, thing, last_lease, err);
    else
        return tell(gc, thing, WFE_GC_LEFT_ALONE, why_left_alone(thing), err);
    return 0;
}

static size_t last_due_lease(const wfe_gc *gc)
{
    size_t last = gc->found.len;
    for (size_t i = 0; i < gc->found.len; i++) {
        if (gc->found.items[i].kind == WFE_GC_LEASE && wfe_gc_is_due(gc, &gc->found.items[i]))
            last = i;
    }
    return last;
}

static int run_round(wfe_gc *gc, bool first, wfe_error *err)
{
    wfe_gc_things_done(&gc->found);
    int rc = wfe_gc_find(gc, err);
    keep_runs(gc);
    gc->found_us = wfe_clock_monotonic_us();
    if (!rc && !gc->options.dry_run)
        rc = wfe_gc_drains_new(gc, &gc->drains, err);
    size_t last_lease = last_due_lease(gc);
    /* In the order of wfe_gc_kind: found in any other, removed in this one. */
    for (int kind = WFE_GC_CONTAINER; kind <= WFE_GC_NETWORK; kind++) {
        for (size_t i = 0; !rc && i < gc->found.len; i++) {
            if ((int)gc->found.items[i].kind == kind)
                rc = settle(gc, &gc->found.items[i], first, i == last_lease, err);
        }
    }
    wfe_gc_drains_free(gc->drains);
    gc->drains = NULL;
    return rc;
}

static int run_rounds(wfe_gc *gc, wfe_error *err)
{
    for (int round = 0; round < ROUNDS_MAX; round++) {
        size_t removed = gc->summary.removed;
        int rc = run_round(gc, round == 0, err);
        if (rc || gc->options.dry_run || gc->summary.removed == removed)
            return rc;
        rc = wfe_gc_pause(gc, ROUND_PAUSE_MS, err);
        if (rc)
            return rc;
    }
    return 0;
}

/* ---- beginning and end ---- */

static void on_pause_over(void *user)
{
    *(bool *)user = true;
}

int wfe_gc_pause(wfe_gc *gc, uint64_t ms, wfe_error *err)
{
    bool over = false;
    wfe_timer *timer = NULL;
    int rc = wfe_timer_new(gc->client->loop, on_pause_over, &over, &timer, err);
    if (rc)
        return rc;
    wfe_timer_start(timer, ms);
    rc = wfe_loop_run_until(gc->client->loop, &over, err);
    wfe_timer_free(timer);
    return rc;
}

/* The I/O folder itself is the lock. Where there is none, there is nothing of it to protect. */
static int lock_io_dir(wfe_gc *gc, int *ret_fd, wfe_error *err)
{
    const char *path = gc->client->io_dir;
    _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : wfe_error_set_errno(err, errno, "cannot open %s", path);
    for (uint64_t waited_ms = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; waited_ms += LOCK_POLL_MS) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return wfe_error_set_errno(err, errno, "cannot lock %s", path);
        if (waited_ms >= LOCK_MS)
            return wfe_error_set(err, WFE_E_TIMEOUT,
                                 "another garbage collection holds %s for more than %d s", path,
                                 LOCK_MS / 1000);
        int rc = wfe_gc_pause(gc, LOCK_POLL_MS, err);
        if (rc)
            return rc;
    }
    *ret_fd = wfe_take_fd(&fd);
    return 0;
}

static int collect(wfe_gc *gc, wfe_error *err)
{
    _cleanup_close_ int lock = -1;
    int rc = gc->options.dry_run ? 0 : lock_io_dir(gc, &lock, err);
    if (!rc)
        rc = run_rounds(gc, err);
    wfe_gc_things_done(&gc->found);
    wfe_gc_things_done(&gc->told);
    return rc;
}

static void note_failed(const wfe_gc_item *item, void *user)
{
    if (item->outcome == WFE_GC_FAILED)
        wfe_error_set(user, WFE_E_IO, "cannot remove %s: %s", item->name, item->reason);
}

int wfe_step_remove_left_overs(wfe_client *client, const char *const *ids, size_t n, wfe_error *err)
{
    wfe_error failed = WFE_ERROR_INIT;
    wfe_gc gc = {.client = client,
                 .options = {.all = true, .found = note_failed, .user = &failed},
                 .only = ids,
                 .n_only = n};
    int rc = n ? collect(&gc, err) : 0;
    return !rc && failed.kind ? wfe_error_copy(err, &failed) : rc;
}

int wfe_gc_run(wfe_client *client, const wfe_gc_options *options, wfe_gc_summary *summary,
               wfe_error *err)
{
    wfe_gc gc = {.client = client};
    int rc = options
                 ? wfe_sized_copy(options, "wfe_gc_options", &gc.options, sizeof gc.options, err)
                 : 0;
    if (!rc)
        rc = collect(&gc, err);
    if (!rc && summary)
        *summary = gc.summary;
    return rc;
}
