/* SPDX-License-Identifier: Apache-2.0 */
#include "step/devices.h"

#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/utf8.h"

#define DEV "/dev"
#define FIRST_ROOM 64

/* Below the folder: made anew in each container. */
static bool is_the_container_s_own(const char *name)
{
    static const char *const own[] = {"/console", "/ptmx", "/pts", "/shm", "/mqueue", "/fd"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        if (strcmp(name, own[i]) == 0)
            return true;
    }
    return false;
}

static int make_room(wfe_step_devices *devices, wfe_error *err)
{
    if (devices->n < devices->room)
        return 0;
    if (devices->n == WFE_STEP_DEVICES_MAX)
        return wfe_error_set(err, WFE_E_LIMIT,
                             "/dev has more than %d device nodes, too many for a privileged step",
                             WFE_STEP_DEVICES_MAX);
    size_t room = devices->room ? 2 * devices->room : FIRST_ROOM;
    wfe_oci_device *list = realloc(devices->list, room * sizeof *list);
    if (!list)
        return wfe_error_nomem(err);
    devices->list = list;
    devices->room = room;
    return 0;
}

static int add(wfe_step_devices *devices, const char *name, const struct stat *st, wfe_error *err)
{
    bool is_char = S_ISCHR(st->st_mode);
    if ((!is_char && !S_ISBLK(st->st_mode)) || !wfe_utf8_is_valid(name, strlen(name)))
        return 0;
    int rc = make_room(devices, err);
    if (rc)
        return rc;
    wfe_oci_device device = {
        .is_char = is_char,
        .major = major(st->st_rdev),
        .minor = minor(st->st_rdev),
        .mode = st->st_mode & 07777,
        .uid = st->st_uid,
        .gid = st->st_gid,
    };
    if (asprintf(&device.path, DEV "%s", name) < 0)
        return wfe_error_nomem(err);
    devices->list[devices->n++] = device;
    return 0;
}

int wfe_step_devices_find(const char *folder, wfe_step_devices *out, wfe_error *err)
{
    size_t skip = strlen(folder);
    char *const roots[] = {(char *)folder, NULL};
    FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_XDEV | FTS_NOCHDIR, NULL);
    int rc = walk ? 0 : wfe_error_nomem(err);
    FTSENT *entry;
    while (!rc && (errno = 0, entry = fts_read(walk))) {
        const char *name = entry->fts_path + skip;
        if (is_the_container_s_own(name))
            fts_set(walk, entry, FTS_SKIP);
        else if (entry->fts_info == FTS_DEFAULT) /* neither file, folder nor link */
            rc = add(out, name, entry->fts_statp, err);
    }
    if (!rc && errno == ENOMEM)
        rc = wfe_error_nomem(err);
    if (walk)
        fts_close(walk);
    return rc;
}

void wfe_step_devices_done(wfe_step_devices *devices)
{
    for (size_t i = 0; i < devices->n; i++)
        free(devices->list[i].path);
    free(devices->list);
    *devices = (wfe_step_devices){0};
}
