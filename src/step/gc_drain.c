/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading what nobody will read any more. A shim that waits for the other end of a FIFO answers no
 * call, not even the one by which containerd wants to undo a task that was cut short; and one that
 * waits for room makes the deletion of its task wait too.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "step/gc_priv.h"

#define CHUNK_BYTES 16384
#define CHUNKS_AT_ONCE 64

typedef struct drain {
    int fd;
    wfe_io *io;
} drain;

struct wfe_gc_drains {
    drain *items;
    size_t len;
};

static void on_readable(unsigned events, void *user)
{
    (void)events;
    char nowhere[CHUNK_BYTES];
    drain *d = user;
    for (int i = 0; i < CHUNKS_AT_ONCE; i++) {
        ssize_t n = read(d->fd, nowhere, sizeof nowhere);
        if (n > 0 || (n < 0 && errno == EINTR))
            continue;
        if (n == 0 || errno != EAGAIN)
            wfe_io_watch(d->io, 0, NULL);
        return;
    }
}

static void open_drain(wfe_gc *gc, wfe_gc_drains *drains, const char *name, const char *stream,
                       int mode)
{
    char path[PATH_MAX + NAME_MAX + 16];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s/%s", gc->client->io_dir, name, stream);
    _cleanup_close_ int fd = open(path, mode | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISFIFO(st.st_mode))
        return;
    drain *d = &drains->items[drains->len];
    *d = (drain){.fd = fd};
    if (mode == O_RDWR) {
        wfe_take_fd(&fd);
        drains->len++;
        return;
    }
    if (wfe_io_new(gc->client->loop, fd, on_readable, d, &d->io, NULL))
        return;
    if (wfe_io_watch(d->io, WFE_IO_READABLE, NULL)) {
        wfe_io_free(d->io);
        return;
    }
    wfe_take_fd(&fd);
    drains->len++;
}

int wfe_gc_drains_new(wfe_gc *gc, wfe_gc_drains **ret, wfe_error *err)
{
    wfe_gc_drains *drains = calloc(1, sizeof *drains);
    size_t room = 3 * gc->found.len;
    if (!drains || (room && !(drains->items = calloc(room, sizeof *drains->items)))) {
        free(drains);
        return wfe_error_nomem(err);
    }
    for (size_t i = 0; i < gc->found.len; i++) {
        const wfe_gc_thing *thing = &gc->found.items[i];
        if (thing->kind == WFE_GC_FOLDER && wfe_gc_is_due(gc, thing)) {
            open_drain(gc, drains, thing->name, "stdout", O_RDONLY);
            open_drain(gc, drains, thing->name, "stderr", O_RDONLY);
            open_drain(gc, drains, thing->name, "stdin", O_RDWR); /* held, for its other end */
        }
    }
    *ret = drains;
    return 0;
}

void wfe_gc_drains_free(wfe_gc_drains *drains)
{
    if (!drains)
        return;
    for (size_t i = 0; i < drains->len; i++) {
        wfe_io_free(drains->items[i].io);
        close(drains->items[i].fd);
    }
    free(drains->items);
    free(drains);
}
