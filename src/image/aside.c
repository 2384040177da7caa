/* SPDX-License-Identifier: Apache-2.0
 *
 * See aside.h. The stations are Prepare, Apply, and the look for folders that the layer implies.
 */
#include "image/aside.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/id.h"
#include "containerd/diff.h"
#include "image/implied.h"

/* Times of files tell nothing when the clock was set meanwhile by more than this. */
#define CLOCK_SLACK_US ((int64_t)500000)
/* containerd itself has a limit far below: the options of a mount have to fit into a page. */
#define MAX_BELOW 512

struct wfe_image_aside {
    wfe_loop *loop;
    wfe_containerd *containerd;
    wfe_image_aside_fns fns;
    void *user;
    char *snapshotter;
    char *lease;
    const wfe_image_descriptor *layer;
    const char *diff_id;
    char key[128];
    bool prepared;
    bool settled;
    bool dropped;
    char *dir;         /* the snapshot's folder of files */
    struct stat fresh; /* of dir before anything was in it */
    int64_t clock_gap_us;
    wfe_image_implied *implied;
    wfe_containerd_call *call;
    wfe_timer *timer;
    wfe_error failure; /* kind 0: it can be placed, once settled */
};

bool wfe_image_aside_suits(const char *snapshotter)
{
    return strcmp(snapshotter, "overlayfs") == 0 && geteuid() == 0;
}

bool wfe_image_aside_is_busy(const wfe_image_aside *aside)
{
    return !aside->settled && !aside->dropped;
}

void wfe_image_aside_free(wfe_image_aside *aside)
{
    if (!aside)
        return;
    wfe_containerd_cancel(aside->call);
    wfe_timer_free(aside->timer);
    wfe_image_implied_free(aside->implied);
    free(aside->snapshotter);
    free(aside->lease);
    free(aside->dir);
    free(aside);
}

static wfe_containerd_options leased(const wfe_image_aside *aside)
{
    return (wfe_containerd_options){.lease = aside->lease, .fail_fast = true};
}

static int64_t clock_gap_us(void)
{
    return wfe_clock_wall_us() - (int64_t)wfe_clock_monotonic_us();
}

/* ---- the end ---- */

static void gone(wfe_image_aside *aside)
{
    wfe_image_aside_fns fns = aside->fns;
    void *user = aside->user;
    wfe_image_aside_free(aside);
    fns.gone(user);
}

static void on_removed(const Pb__Empty *reply, const wfe_error *err, void *user)
{
    (void)reply;
    (void)err; /* what cannot be removed now goes with the lease */
    wfe_image_aside *aside = user;
    aside->call = NULL;
    gone(aside);
}

static void remove_snapshot(wfe_image_aside *aside)
{
    const wfe_containerd_options options = leased(aside);
    PbSnapshots__RemoveSnapshotRequest request = PB_SNAPSHOTS__REMOVE_SNAPSHOT_REQUEST__INIT;
    request.snapshotter = aside->snapshotter;
    request.key = aside->key;
    if (wfe_snapshots_remove(aside->containerd, &request, &options, on_removed, aside, &aside->call,
                             NULL))
        gone(aside);
}

static void settle(wfe_image_aside *aside, const wfe_error *failure)
{
    aside->settled = true;
    aside->failure = *failure;
    aside->fns.settled(aside->user);
}

/* What every reply checks first. A Prepare is not cut short, so that what it makes is known. */
static bool is_dropped(wfe_image_aside *aside)
{
    aside->call = NULL;
    if (aside->dropped)
        wfe_timer_start(aside->timer, 0);
    return aside->dropped;
}

void wfe_image_aside_drop(wfe_image_aside *aside)
{
    if (aside->dropped)
        return;
    aside->dropped = true;
    if (aside->call && aside->prepared)
        wfe_containerd_cancel(wfe_take(aside->call));
    if (!aside->call)
        wfe_timer_start(aside->timer, 0);
}

/* ---- Apply, and the look at what came of it ---- */

static void look_further(wfe_image_aside *aside)
{
    wfe_error problem = WFE_ERROR_INIT;
    bool done = false;
    int rc = wfe_image_implied_step(aside->implied, &done, &problem);
    if (!rc && !done) {
        wfe_timer_start(aside->timer, 0);
        return;
    }
    /* A daemon that sees other files than we do wrote elsewhere. */
    if (!rc && !wfe_image_implied_found_files(aside->implied))
        rc = wfe_error_set(&problem, WFE_E_UNAVAILABLE, "nothing was unpacked to %s", aside->dir);
    if (!rc && llabs(clock_gap_us() - aside->clock_gap_us) > CLOCK_SLACK_US)
        wfe_error_set(&problem, WFE_E_UNAVAILABLE, "the clock was set meanwhile");
    settle(aside, &problem);
}

static void on_timer(void *user)
{
    wfe_image_aside *aside = user;
    if (!aside->dropped)
        look_further(aside);
    else if (aside->prepared)
        remove_snapshot(aside);
    else
        gone(aside);
}

static void on_applied(const PbDiff__ApplyResponse *reply, const wfe_error *err, void *user)
{
    wfe_image_aside *aside = user;
    wfe_error problem = *err;
    if (is_dropped(aside))
        return;
    const char *applied = !err->kind && reply->applied ? reply->applied->digest : "";
    if (!problem.kind && strcmp(applied, aside->diff_id) != 0)
        wfe_error_set(&problem, WFE_E_PROTOCOL, "layer %s unpacks to %s", aside->layer->digest,
                      applied);
    if (!problem.kind)
        wfe_image_implied_new(aside->dir, &aside->fresh.st_mtim, &aside->implied, &problem);
    if (problem.kind)
        settle(aside, &problem);
    else
        look_further(aside);
}

/* As if on a parent, so that whiteouts become those of overlayfs; the unpacker writes to upperdir
 * and mounts nothing. One that would mount it, as in a user namespace, fails, since lowerdir is
 * missing. */
static int apply(wfe_image_aside *aside, wfe_error *err)
{
    char upper[PATH_MAX + 16];
    PbDiff__ApplyRequest request = PB_DIFF__APPLY_REQUEST__INIT;
    Pb__Descriptor diff = PB__DESCRIPTOR__INIT;
    Pb__Mount mount = PB__MOUNT__INIT;
    Pb__Mount *mounts[] = {&mount};
    const char *options[] = {upper};
    snprintf(upper, sizeof upper, "upperdir=%s", aside->dir);
    diff.media_type = (char *)(uintptr_t)aside->layer->media_type;
    diff.digest = (char *)(uintptr_t)aside->layer->digest;
    diff.size = aside->layer->size_bytes;
    mount.type = mount.source = "overlay";
    mount.options = options;
    mount.n_options = 1;
    request.diff = &diff;
    request.mounts = mounts;
    request.n_mounts = 1;
    const wfe_containerd_options call_options = leased(aside);
    return wfe_diff_apply(aside->containerd, &request, &call_options, on_applied, aside,
                          &aside->call, err);
}

/* ---- Prepare ---- */

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), n = strlen(end);
    return len > n && strcmp(text + len - n, end) == 0;
}

static bool is_empty_folder(const char *path)
{
    const struct dirent *entry = NULL;
    bool empty = true;
    DIR *dir = opendir(path);
    if (!dir)
        return false;
    while (empty && (entry = readdir(dir)))
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    closedir(dir);
    return empty;
}

/* A folder of a snapshot, "<root>/snapshots/<number>/fs", empty, that we see as the daemon does. */
static int look_at_fresh(const char *dir, struct stat *ret, wfe_error *err)
{
    if (dir[0] != '/' || !ends_with(dir, "/fs"))
        return wfe_error_set(err, WFE_E_UNAVAILABLE, "%s is no folder of an overlayfs snapshot",
                             dir);
    if (lstat(dir, ret) != 0)
        return wfe_error_set_errno(err, errno, "cannot look at %s", dir);
    if (!S_ISDIR(ret->st_mode) || !is_empty_folder(dir))
        return wfe_error_set(err, WFE_E_UNAVAILABLE, "%s is no empty folder", dir);
    return 0;
}

static int take_dir(wfe_image_aside *aside, const PbSnapshots__PrepareSnapshotResponse *reply,
                    wfe_error *err)
{
    if (reply->n_mounts != 1 || strcmp(reply->mounts[0]->type, "bind") != 0)
        return wfe_error_set(err, WFE_E_UNAVAILABLE, "snapshotter %s does not work like overlayfs",
                             aside->snapshotter);
    aside->dir = strdup(reply->mounts[0]->source);
    if (!aside->dir)
        return wfe_error_nomem(err);
    return look_at_fresh(aside->dir, &aside->fresh, err);
}

static void on_prepared(const PbSnapshots__PrepareSnapshotResponse *reply, const wfe_error *err,
                        void *user)
{
    wfe_image_aside *aside = user;
    wfe_error problem = *err;
    aside->prepared = !err->kind;
    if (is_dropped(aside))
        return;
    aside->clock_gap_us = clock_gap_us();
    if (problem.kind || take_dir(aside, reply, &problem) || apply(aside, &problem))
        settle(aside, &problem);
}

int wfe_image_aside_start(wfe_loop *loop, wfe_containerd *containerd,
                          const wfe_image_aside_request *request, const wfe_image_aside_fns *fns,
                          void *user, wfe_image_aside **ret, wfe_error *err)
{
    _cleanup_(wfe_image_aside_free_p) wfe_image_aside *aside = calloc(1, sizeof *aside);
    char unique[17];
    if (!aside)
        return wfe_error_nomem(err);
    aside->loop = loop;
    aside->containerd = containerd;
    aside->fns = *fns;
    aside->user = user;
    aside->layer = request->layer;
    aside->diff_id = request->diff_id;
    aside->snapshotter = strdup(request->snapshotter);
    aside->lease = strdup(request->lease);
    int rc = aside->snapshotter && aside->lease ? wfe_id_random(unique, sizeof unique - 1, err)
                                                : wfe_error_nomem(err);
    if (!rc)
        rc = wfe_timer_new(loop, on_timer, aside, &aside->timer, err);
    if (rc)
        return rc;
    snprintf(aside->key, sizeof aside->key, "extract-aside-%s %s", unique, aside->diff_id);
    PbSnapshots__PrepareSnapshotRequest prepare = PB_SNAPSHOTS__PREPARE_SNAPSHOT_REQUEST__INIT;
    prepare.snapshotter = aside->snapshotter;
    prepare.key = aside->key;
    const wfe_containerd_options options = leased(aside);
    rc = wfe_snapshots_prepare(containerd, &prepare, &options, on_prepared, aside, &aside->call,
                               err);
    if (!rc)
        *ret = wfe_take(aside);
    return rc;
}

/* ---- into its place ---- */

/* The value of a mount's option, NULL when it has none. */
static const char *option_of(const Pb__Mount *mount, const char *prefix)
{
    for (size_t i = 0; i < mount->n_options; i++)
        if (strncmp(mount->options[i], prefix, strlen(prefix)) == 0)
            return mount->options[i] + strlen(prefix);
    return NULL;
}

/* Snapshots of one snapshotter are in one folder. */
static bool are_siblings(const char *a, const char *b)
{
    size_t n = 0, slashes = 0;
    for (n = strlen(a); n > 0 && slashes < 2; n--)
        slashes += a[n - 1] == '/';
    return strncmp(a, b, n + 1) == 0;
}

static int complete_folders(const wfe_image_aside *aside, const char *lowerdir, wfe_error *err)
{
    const char *below[MAX_BELOW];
    size_t n = 0;
    char *save = NULL;
    _cleanup_free_ char *list = strdup(lowerdir);
    if (!list)
        return wfe_error_nomem(err);
    for (char *at = strtok_r(list, ":", &save); at; at = strtok_r(NULL, ":", &save)) {
        if (n == MAX_BELOW)
            return wfe_error_set(err, WFE_E_UNAVAILABLE, "there are more than %d layers below",
                                 MAX_BELOW);
        below[n++] = at;
    }
    return wfe_image_implied_complete(aside->implied, below, n, err);
}

/* The layer itself says nothing of its uppermost folder; the snapshotter gave it the owner that it
 * has in the layer below. */
static int exchange(const wfe_image_aside *aside, const char *upper, const struct stat *real,
                    wfe_error *err)
{
    if (chown(aside->dir, real->st_uid, real->st_gid) != 0 ||
        chmod(aside->dir, real->st_mode & 07777) != 0 ||
        renameat2(AT_FDCWD, aside->dir, AT_FDCWD, upper, RENAME_EXCHANGE) != 0)
        return wfe_error_set_errno(err, errno, "cannot put %s in the place of %s", aside->dir,
                                   upper);
    return 0;
}

int wfe_image_aside_place(wfe_image_aside *aside,
                          const PbSnapshots__PrepareSnapshotResponse *prepared, wfe_error *err)
{
    struct stat real;
    if (!aside->settled || aside->dropped || aside->failure.kind)
        return wfe_error_set(err, WFE_E_UNAVAILABLE, "the layer was not unpacked aside");
    const Pb__Mount *mount = prepared->n_mounts == 1 ? prepared->mounts[0] : NULL;
    const char *upper = NULL, *lower = NULL;
    if (mount && strcmp(mount->type, "overlay") == 0) {
        upper = option_of(mount, "upperdir=");
        lower = option_of(mount, "lowerdir=");
    }
    if (!upper || !lower || !are_siblings(aside->dir, upper))
        return wfe_error_set(err, WFE_E_UNAVAILABLE, "snapshotter %s does not work like overlayfs",
                             aside->snapshotter);
    int rc = look_at_fresh(upper, &real, err);
    if (!rc && real.st_dev != aside->fresh.st_dev)
        rc = wfe_error_set(err, WFE_E_UNAVAILABLE, "%s is on another file system", upper);
    if (!rc)
        rc = complete_folders(aside, lower, err);
    return rc ? rc : exchange(aside, upper, &real, err);
}
