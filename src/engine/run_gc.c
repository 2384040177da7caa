/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/run_gc.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/owner.h"
#include "base/strv.h"
#include "engine/run_store.h"
#include "store/log_retention.h"
#include "store/shared.h"

typedef struct id_list {
    char **items; /* NULL-terminated */
    char **names; /* of the same runs; NULL: not wanted */
    size_t n, cap;
    bool with_names;
    wfe_error *err;
} id_list;

typedef struct collection {
    const wfe_run_gc_options *options;
    const char *const *kept;
    wfe_error *err;
} collection;

static void list_done(id_list *list)
{
    wfe_strv_free(list->items);
    wfe_strv_free(list->names);
}

static bool grow(char ***texts, size_t n, size_t cap)
{
    char **larger = realloc(*texts, cap * sizeof *larger);
    if (!larger)
        return false;
    larger[n] = NULL;
    *texts = larger;
    return true;
}

static int list_add(id_list *list, const char *id, const char *name)
{
    if (list->n + 1 >= list->cap) {
        size_t cap = list->cap ? 2 * list->cap : 32;
        if (!grow(&list->items, list->n, cap) ||
            (list->with_names && !grow(&list->names, list->n, cap)))
            return wfe_error_nomem(list->err);
        list->cap = cap;
    }
    list->items[list->n] = strdup(id);
    list->items[list->n + 1] = NULL;
    if (list->with_names) {
        list->names[list->n] = list->items[list->n] ? strdup(name) : NULL;
        list->names[list->n + 1] = NULL;
    }
    if (!list->items[list->n] || (list->with_names && !list->names[list->n]))
        return wfe_error_nomem(list->err);
    list->n++;
    return 0;
}

static void tell(const collection *c, enum wfe_run_gc_kind kind, const char *name, const char *run,
                 const wfe_error *error)
{
    const wfe_run_gc_item item = {
        .kind = kind, .name = name, .run = run, .error = error->kind, .reason = error->message};
    if (c->options->found)
        c->options->found(&item, c->options->user);
}

static bool is_kept(const collection *c, const char *id)
{
    for (const char *const *kept = c->kept; kept && *kept; kept++)
        if (strcmp(*kept, id) == 0)
            return true;
    return false;
}

/* ---- which runs stay ---- */

typedef struct sorting {
    id_list list;
    bool want_gone; /* those that nobody has, else those that stay */
    bool all_stay;
} sorting;

static int sort_run(const wfe_store_run *run, void *user)
{
    sorting *s = user;
    bool gone = !run->owner || wfe_store_owner_is_gone(run->owner, run->lease_until_us);
    bool wanted = s->want_gone ? gone : s->all_stay || !gone;
    return wanted ? list_add(&s->list, run->id, run->name) : 0;
}

int wfe_run_gc_kept(const wfe_run_gc_options *options, char ***ret, wfe_error *err)
{
    sorting s = {.list = {.err = err}, .all_stay = !options->interrupted};
    const wfe_store_filter filter = {.open = true};
    int rc = options->store ? options->store->runs(options->store, &filter, sort_run, &s, err) : 0;
    if (!rc && !s.list.items && !(s.list.items = calloc(1, sizeof *s.list.items)))
        rc = wfe_error_nomem(err);
    if (rc) {
        list_done(&s.list);
        return rc;
    }
    *ret = s.list.items;
    return 0;
}

/* ---- runs ---- */

static int forget(const collection *c, const id_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        wfe_error error = WFE_ERROR_INIT;
        if (!c->options->dry_run)
            wfe_run_store_remove(c->options->store, c->options->state_dir, list->items[i], &error);
        if (error.kind == WFE_E_NOMEM)
            return wfe_error_copy(c->err, &error);
        tell(c, WFE_RUN_GC_RUN, list->names[i], list->items[i], &error);
    }
    return 0;
}

/* One that has an owner is about to go on. */
static int add_old(const wfe_store_run *run, void *user)
{
    if (run->owner && !wfe_store_owner_is_gone(run->owner, run->lease_until_us))
        return 0;
    return list_add(user, run->id, run->name);
}

static int forget_runs(const collection *c)
{
    wfe_store *store = c->options->store;
    sorting gone = {.list = {.err = c->err, .with_names = true}, .want_gone = true};
    _cleanup_(list_done) id_list old = {.err = c->err, .with_names = true};
    const wfe_store_filter open = {.open = true};
    const wfe_store_filter ended = {.ended_before_us = c->options->runs_before_us};
    int rc = 0;
    if (c->options->interrupted)
        rc = store->runs(store, &open, sort_run, &gone, c->err);
    if (!rc && c->options->runs_before_us)
        rc = store->runs(store, &ended, add_old, &old, c->err);
    if (!rc)
        rc = forget(c, &gone.list);
    if (!rc)
        rc = forget(c, &old);
    if (!rc && !c->options->dry_run && gone.list.n + old.n)
        rc = store->tidy(store, c->err);
    list_done(&gone.list);
    return rc;
}

/* ---- logs ---- */

static bool log_is_kept(const char *run_id, void *user)
{
    return is_kept(user, run_id);
}

static void log_removed(const wfe_log_run_info *run, void *user)
{
    wfe_error none = WFE_ERROR_INIT;
    tell(user, WFE_RUN_GC_LOG, run->run_id, run->run_id, &none);
}

static int nothing(const wfe_store_run *run, void *user)
{
    (void)run;
    (void)user;
    return 0;
}

/* Has the log a run. One that cannot be looked for has. */
static bool has_run(const char *run_id, void *user)
{
    collection *c = user;
    wfe_error error = WFE_ERROR_INIT;
    wfe_store *store = c->options->store;
    return store->find(store, run_id, nothing, NULL, &error) != WFE_E_NOT_FOUND;
}

static int remove_logs(collection *c)
{
    wfe_log_retention rules = {.state_dir = c->options->state_dir,
                               .before_us = c->options->logs_before_us,
                               .max_bytes = c->options->logs_max_bytes,
                               .dry_run = c->options->dry_run,
                               .keep = log_is_kept,
                               .removed = log_removed,
                               .user = c};
    int rc = rules.before_us || rules.max_bytes ? wfe_log_retain(&rules, c->err) : 0;
    if (rc)
        return rc;
    /* The row of a run is there before its logs are. */
    rules.before_us = INT64_MAX;
    rules.max_bytes = 0;
    rules.keep = has_run;
    return wfe_log_retain(&rules, c->err);
}

/* ---- folders ---- */

static int remove_folder(const char *path, wfe_error *err)
{
    /* A tmpfs, where there is one. */
    umount2(path, MNT_DETACH);
    return wfe_fd_remove_tree(path, err);
}

static void remove_one(const collection *c, enum wfe_run_gc_kind kind, const char *path,
                       const char *run)
{
    wfe_error error = WFE_ERROR_INIT;
    if (!c->options->dry_run)
        remove_folder(path, &error);
    tell(c, kind, path, run, &error);
}

/* The process that made the folder, or had it last, is known to be dead. */
static bool is_dead(const char *path)
{
    char file[PATH_MAX + sizeof "/owner"];
    wfe_buf owner = WFE_BUF_INIT(0);
    snprintf(file, sizeof file, "%s/owner", path);
    bool dead =
        wfe_fd_read_file(file, WFE_OWNER_TEXT_SIZE, &owner, NULL) == 0 && owner.len &&
        (wfe_owner_look(owner.data) == WFE_OWNER_DEAD || wfe_owner_is_of_other_boot(owner.data));
    wfe_buf_done(&owner);
    return dead;
}

/* The shared volume of a run has no owner's name in it: it goes with the run's folder, so that one
 * that was kept for looking at stays. */
static void look_at_folder(const collection *c, const char *name)
{
    char path[PATH_MAX], volume[PATH_MAX];
    struct stat st;
    if (snprintf(path, sizeof path, "%s/%s", c->options->tmp_dir, name) >= (int)sizeof path ||
        lstat(path, &st) || !S_ISDIR(st.st_mode) || st.st_uid != geteuid() || is_kept(c, name) ||
        !is_dead(path))
        return;
    if (snprintf(volume, sizeof volume, "%s/%s", c->options->volume_dir, name) <
            (int)sizeof volume &&
        lstat(volume, &st) == 0 && S_ISDIR(st.st_mode))
        remove_one(c, WFE_RUN_GC_VOLUME, volume, name);
    remove_one(c, WFE_RUN_GC_FOLDER, path, name);
}

static int remove_folders(const collection *c)
{
    DIR *dir = opendir(c->options->tmp_dir);
    if (!dir)
        return errno == ENOENT
                   ? 0
                   : wfe_error_set_errno(c->err, errno, "cannot list %s", c->options->tmp_dir);
    for (const struct dirent *item; (item = readdir(dir));)
        if (item->d_name[0] != '.')
            look_at_folder(c, item->d_name);
    closedir(dir);
    return 0;
}

/* One that could not be forgotten, since somebody goes on with it by now, stays. */
static int keep_what_stayed(collection *c, char ***kept)
{
    wfe_run_gc_options all = *c->options;
    char **stayed = NULL;
    all.interrupted = false;
    int rc = wfe_run_gc_kept(&all, &stayed, c->err);
    if (rc)
        return rc;
    wfe_strv_free(*kept);
    *kept = stayed;
    c->kept = (const char *const *)stayed;
    return 0;
}

int wfe_run_gc(const wfe_run_gc_options *options, char ***kept, wfe_error *err)
{
    collection c = {.options = options, .kept = (const char *const *)*kept, .err = err};
    int rc = options->store ? forget_runs(&c) : 0;
    if (!rc && options->store && options->interrupted && !options->dry_run)
        rc = keep_what_stayed(&c, kept);
    if (!rc && options->store)
        rc = remove_logs(&c);
    return rc ? rc : remove_folders(&c);
}
