/* SPDX-License-Identifier: Apache-2.0
 *
 * A network namespace of a run: made by wfe, with loopback up and nothing else, shared by the
 * run's containers. It is a bind mount on a file DIR/OWNER@NAME, so that containers can be put into
 * it by its path, it outlives any one of them, and `wfe gc` finds it when its owner (base/owner.h)
 * has died. Needs root, and a daemon that sees this machine's files.
 */
#ifndef WFE_NET_NETNS_H
#define WFE_NET_NETNS_H

#include <limits.h>
#include <stdbool.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/owner.h"
#include "loop/loop.h"

/* Folder of the namespaces, below the I/O folder of a client: the daemon sees that. */
#define WFE_NETNS_FOLDER "netns"

typedef struct wfe_netns wfe_netns;
/* Once, from the loop. After a failure only wfe_netns_free makes sense. */
typedef void (*wfe_netns_fn)(const wfe_error *err, void *user);

/* name: one word of letters, digits, '-', '_', '.', unique among those this process has (see
 * wfe_id_container); dir is made. The work is done by a child, some milliseconds: done tells.
 * INVALID, CONFLICT (there is one of this name), LIMIT (a path too long), IO. */
int wfe_netns_make(wfe_loop *loop, const char *dir, const char *name, wfe_netns_fn done, void *user,
                   wfe_netns **ret, wfe_error *err);
/* One of this name whose owner is dead becomes this process's: the same namespace, at another path.
 * NOT_FOUND: there is none, or it went with an earlier boot; what is left of it is removed. IO. */
int wfe_netns_adopt(const char *dir, const char *name, wfe_netns **ret, wfe_error *err);
/* Where it is; it can be used once done has told of success. */
const char *wfe_netns_path(const wfe_netns *netns);
/* Removes the namespace's file, and the folder with the last one; the namespace goes with the last
 * process in it. May be called at any time, done is not called then. What cannot be removed is told
 * in err, and stays for `wfe gc`. NULL is accepted. */
int wfe_netns_free(wfe_netns *netns, wfe_error *err);

/* Frees only what is in memory: the namespace stays where it is, for another process. NULL is
 * accepted. */
void wfe_netns_leave(wfe_netns *netns);

/* ---- for `wfe gc` ---- */

/* The owner in the name of a file of DIR; false: it is nothing of wfe's. */
bool wfe_netns_owner(const char *file_name, char out[WFE_OWNER_TEXT_SIZE]);
/* "Already gone" is success. DENIED, IO. */
int wfe_netns_remove(const char *path, wfe_error *err);

#endif
