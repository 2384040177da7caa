/* SPDX-License-Identifier: Apache-2.0
 *
 * What there is that names an owner: containers, snapshots and leases by their labels, folders
 * below the I/O folder by the file in them. Lists come as streams where containerd has them: a
 * reply of many containers can be larger than a message may be.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/id.h"
#include "containerd/containers.h"
#include "containerd/labels.h"
#include "containerd/leases.h"
#include "containerd/snapshots.h"
#include "image/wait.h"
#include "net/netns.h"
#include "step/files.h"
#include "step/gc_priv.h"

#define OWNED_FILTER "labels.\"" WFE_GC_OWNER_LABEL "\""
/* A folder without an owner is of an older wfe, or of nobody. */
#define UNOWNED_FOLDER_S 60

static bool copy_text(char **out, const char *text)
{
    *out = text ? strdup(text) : NULL;
    return *out || !text;
}

int wfe_gc_things_add(wfe_gc_things *things, enum wfe_gc_kind kind, const char *name,
                      Pb__Pair *const *labels, size_t n_labels, wfe_error *err)
{
    if (things->len == things->cap) {
        size_t cap = things->cap ? 2 * things->cap : 16;
        wfe_gc_thing *items = realloc(things->items, cap * sizeof *items);
        if (!items)
            return wfe_error_nomem(err);
        things->items = items;
        things->cap = cap;
    }
    wfe_gc_thing *thing = &things->items[things->len++];
    const char *owner = wfe_labels_find(labels, n_labels, WFE_GC_OWNER_LABEL);
    *thing = (wfe_gc_thing){.kind = kind};
    thing->owner_state = owner ? wfe_owner_look(owner) : WFE_OWNER_UNKNOWN;
    if (!copy_text(&thing->name, name) || !copy_text(&thing->owner, owner) ||
        !copy_text(&thing->run, wfe_labels_find(labels, n_labels, "wfe.run")) ||
        !copy_text(&thing->step, wfe_labels_find(labels, n_labels, "wfe.step")) ||
        !copy_text(&thing->attempt, wfe_labels_find(labels, n_labels, "wfe.attempt")))
        return wfe_error_nomem(err);
    return 0;
}

/* ---- at the daemon ---- */

typedef struct listing {
    wfe_image_wait wait;
    wfe_gc *gc;
    wfe_error error; /* of taking an entry */
} listing;

static void add_snapshot(listing *list, const char *snapshotter, const char *key,
                         Pb__Pair *const *labels, size_t n_labels)
{
    wfe_gc_things *things = &list->gc->found;
    if (wfe_gc_things_add(things, WFE_GC_SNAPSHOT, key, labels, n_labels, &list->error))
        return;
    if (!copy_text(&things->items[things->len - 1].snapshotter, snapshotter))
        wfe_error_nomem(&list->error);
}

static void on_container(const PbContainers__ListContainerMessage *reply, void *user)
{
    listing *list = user;
    const PbContainers__Container *container = reply->container;
    if (!container || list->error.kind ||
        !wfe_labels_find(container->labels, container->n_labels, WFE_GC_OWNER_LABEL))
        return;
    wfe_gc_things_add(&list->gc->found, WFE_GC_CONTAINER, container->id, container->labels,
                      container->n_labels, &list->error);
    /* Those of the client's snapshotter are listed themselves. */
    if (*container->snapshot_key && !list->error.kind &&
        strcmp(container->snapshotter, list->gc->client->snapshotter) != 0)
        add_snapshot(list, container->snapshotter, container->snapshot_key, container->labels,
                     container->n_labels);
}

static void on_snapshots(const PbSnapshots__ListSnapshotsResponse *reply, void *user)
{
    listing *list = user;
    for (size_t i = 0; i < reply->n_info && !list->error.kind; i++) {
        const PbSnapshots__Info *info = reply->info[i];
        if ((info->kind == PB_SNAPSHOTS__KIND__ACTIVE || info->kind == PB_SNAPSHOTS__KIND__VIEW) &&
            wfe_labels_find(info->labels, info->n_labels, WFE_GC_OWNER_LABEL))
            add_snapshot(list, list->gc->client->snapshotter, info->name, info->labels,
                         info->n_labels);
    }
}

static void on_list_end(const wfe_error *err, void *user)
{
    listing *list = user;
    wfe_image_wait_end(&list->wait, list->error.kind ? &list->error : err);
}

static void on_leases(const PbLeases__ListResponse *reply, const wfe_error *err, void *user)
{
    listing *list = user;
    wfe_error error = *err;
    for (size_t i = 0; reply && i < reply->n_leases && !error.kind; i++) {
        const PbLeases__Lease *lease = reply->leases[i];
        if (wfe_labels_find(lease->labels, lease->n_labels, WFE_GC_OWNER_LABEL))
            wfe_gc_things_add(&list->gc->found, WFE_GC_LEASE, lease->id, lease->labels,
                              lease->n_labels, &error);
    }
    wfe_image_wait_end(&list->wait, &error);
}

static int list_containers(wfe_gc *gc, wfe_error *err)
{
    const char *filter = OWNED_FILTER;
    PbContainers__ListContainersRequest request = PB_CONTAINERS__LIST_CONTAINERS_REQUEST__INIT;
    request.filters = &filter;
    request.n_filters = 1;
    const wfe_containerd_options options = {.fail_fast = true};
    listing list = {.wait = {.loop = gc->client->loop}, .gc = gc};
    return wfe_image_wait_for(&list.wait,
                              wfe_containers_list_stream(gc->client->containerd, &request, &options,
                                                         on_container, on_list_end, &list,
                                                         &list.wait.call, err),
                              err);
}

static int list_snapshots(wfe_gc *gc, wfe_error *err)
{
    const char *filter = OWNED_FILTER;
    PbSnapshots__ListSnapshotsRequest request = PB_SNAPSHOTS__LIST_SNAPSHOTS_REQUEST__INIT;
    request.snapshotter = gc->client->snapshotter;
    request.filters = &filter;
    request.n_filters = 1;
    listing list = {.wait = {.loop = gc->client->loop}, .gc = gc};
    return wfe_image_wait_for(&list.wait,
                              wfe_snapshots_list(gc->client->containerd, &request, NULL,
                                                 on_snapshots, on_list_end, &list, &list.wait.call,
                                                 err),
                              err);
}

static int list_leases(wfe_gc *gc, wfe_error *err)
{
    const char *filter = OWNED_FILTER;
    PbLeases__ListRequest request = PB_LEASES__LIST_REQUEST__INIT;
    request.filters = &filter;
    request.n_filters = 1;
    listing list = {.wait = {.loop = gc->client->loop}, .gc = gc};
    return wfe_image_wait_for(&list.wait,
                              wfe_leases_list(gc->client->containerd, &request, NULL, on_leases,
                                              &list, &list.wait.call, err),
                              err);
}

/* ---- on this machine ---- */

/* As wfe_id_container makes them: "wfe-...-<8 hexadecimal digits>-<attempt>". Whatever else is in
 * the folder is not wfe's. */
static bool is_step_id(const char *name)
{
    const char *attempt = strrchr(name, '-');
    if (strncmp(name, "wfe-", 4) != 0 || !wfe_id_is_valid(name) || !attempt ||
        attempt - name < (ptrdiff_t)sizeof "wfe-12345678" - 1 || attempt[-9] != '-')
        return false;
    for (const char *p = attempt - 8; p < attempt; p++) {
        if (!isxdigit((unsigned char)*p))
            return false;
    }
    return attempt[1] && strspn(attempt + 1, "0123456789") == strlen(attempt + 1);
}

const char *wfe_gc_folder_id(const char *name)
{
    const char *mark = *name == '.' ? strstr(name, WFE_STEP_HIDDEN_MARK) : NULL;
    const char *id = mark ? mark + strlen(WFE_STEP_HIDDEN_MARK) : name;
    return is_step_id(id) ? id : NULL;
}

int wfe_gc_read_folder_owner(const wfe_gc *gc, const char *name, char out[WFE_OWNER_TEXT_SIZE],
                             wfe_error *err)
{
    char path[PATH_MAX + 2 * NAME_MAX];
    struct stat st;
    wfe_buf text = WFE_BUF_INIT(0);
    wfe_error problem = WFE_ERROR_INIT;
    out[0] = '\0';
    snprintf(path, sizeof path, "%s/%s", gc->client->io_dir, name);
    if (lstat(path, &st) < 0)
        return wfe_error_set_errno(err, errno, "cannot look at %s", path);
    if (*name == '.') {
        size_t len = strcspn(name + 1, WFE_STEP_HIDDEN_MARK);
        snprintf(out, WFE_OWNER_TEXT_SIZE, "%.*s", (int)len, name + 1);
        return 0;
    }
    snprintf(path, sizeof path, "%s/%s/" WFE_STEP_OWNER_FILE, gc->client->io_dir, name);
    int rc = wfe_fd_read_file(path, WFE_OWNER_TEXT_SIZE - 1, &text, &problem);
    if (!rc && text.len)
        snprintf(out, WFE_OWNER_TEXT_SIZE, "%s", text.data);
    wfe_buf_done(&text);
    return !rc || rc == WFE_E_NOT_FOUND ? 0 : wfe_error_copy(err, &problem);
}

/* The run of a durable step; NULL when there is none. */
static char *read_folder_run(const wfe_gc *gc, const char *name)
{
    char path[PATH_MAX + 2 * NAME_MAX];
    wfe_buf text = WFE_BUF_INIT(0);
    snprintf(path, sizeof path, "%s/%s/" WFE_STEP_RUN_FILE, gc->client->io_dir, name);
    if (wfe_fd_read_file(path, NAME_MAX, &text, NULL) || !text.len)
        wfe_buf_done(&text);
    return wfe_buf_take(&text, NULL);
}

static int add_folder(wfe_gc *gc, const char *name, wfe_error *err)
{
    char path[PATH_MAX + NAME_MAX], owner[WFE_OWNER_TEXT_SIZE];
    struct stat st;
    if (!wfe_gc_folder_id(name))
        return 0;
    snprintf(path, sizeof path, "%s/%s", gc->client->io_dir, name);
    /* One that is gone meanwhile, or that another user made, is nothing of ours. */
    if (lstat(path, &st) < 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid())
        return 0;
    int read = wfe_gc_read_folder_owner(gc, name, owner, NULL);
    if (read == WFE_E_NOT_FOUND ||
        (!read && !*owner && time(NULL) - st.st_mtime < UNOWNED_FOLDER_S))
        return 0;
    Pb__Pair label = PB__PAIR__INIT;
    Pb__Pair *const labels[] = {&label};
    label.key = WFE_GC_OWNER_LABEL;
    label.value = owner;
    int rc = wfe_gc_things_add(&gc->found, WFE_GC_FOLDER, name, labels, 1, err);
    if (!rc)
        gc->found.items[gc->found.len - 1].run = read_folder_run(gc, name);
    if (!rc && !read && !*owner)
        gc->found.items[gc->found.len - 1].owner_state = WFE_OWNER_DEAD;
    return rc;
}

/* A network namespace's file says in its name whose it is. */
static int add_network(wfe_gc *gc, const char *name, wfe_error *err)
{
    char owner[WFE_OWNER_TEXT_SIZE];
    if (!wfe_netns_owner(name, owner))
        return 0;
    Pb__Pair label = PB__PAIR__INIT;
    Pb__Pair *const labels[] = {&label};
    label.key = WFE_GC_OWNER_LABEL;
    label.value = owner;
    return wfe_gc_things_add(&gc->found, WFE_GC_NETWORK, name, labels, 1, err);
}

static int each_entry(wfe_gc *gc, const char *path,
                      int (*add)(wfe_gc *gc, const char *name, wfe_error *err), wfe_error *err)
{
    DIR *entries = opendir(path);
    if (!entries)
        return errno == ENOENT ? 0 : wfe_error_set_errno(err, errno, "cannot open %s", path);
    int rc = 0;
    struct dirent *entry;
    while (!rc && (entry = readdir(entries)))
        rc = add(gc, entry->d_name, err);
    closedir(entries);
    return rc;
}

static int list_networks(wfe_gc *gc, wfe_error *err)
{
    char path[PATH_MAX + sizeof "/" WFE_NETNS_FOLDER];
    snprintf(path, sizeof path, "%s/" WFE_NETNS_FOLDER, gc->client->io_dir);
    return each_entry(gc, path, add_network, err);
}

int wfe_gc_find(wfe_gc *gc, wfe_error *err)
{
    int rc = list_containers(gc, err);
    if (!rc)
        rc = list_snapshots(gc, err);
    if (!rc)
        rc = each_entry(gc, gc->client->io_dir, add_folder, err);
    if (!rc)
        rc = list_networks(gc, err);
    if (!rc)
        rc = list_leases(gc, err);
    return rc;
}
