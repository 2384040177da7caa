/* SPDX-License-Identifier: Apache-2.0
 *
 * Asks, from inside a network namespace, whether something answers on a port of its loopback:
 * 127.0.0.1, and ::1 when that refuses. A child enters the namespace; this process never does.
 */
#ifndef WFE_NET_PROBE_H
#define WFE_NET_PROBE_H

#include <stdint.h>

#include "base/error.h"
#include "loop/loop.h"
#include "net/job.h"

#define WFE_NET_PROBE_PATH_MAX 1024

typedef struct wfe_net_probe {
    const char *netns; /* path of the namespace; NULL: the one we are in */
    uint16_t port;
    /* GET of this path must be answered with a status of 200 to 399; NULL: a connection is enough.
     * Begins with '/', visible ASCII, at most WFE_NET_PROBE_PATH_MAX bytes. */
    const char *http_path;
    uint64_t timeout_ms; /* of the whole */
} wfe_net_probe;

/* Everything is borrowed during the call. done gets an error of kind UNAVAILABLE (nobody listens),
 * TIMEOUT, PROTOCOL (no HTTP, or another status), ... wfe_net_job_cancel ends it without done.
 * INVALID, IO, NOMEM. */
int wfe_net_probe_start(wfe_loop *loop, const wfe_net_probe *probe, wfe_net_job_done_fn done,
                        void *user, wfe_net_job **ret, wfe_error *err);

#endif
