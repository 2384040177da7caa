/* SPDX-License-Identifier: Apache-2.0
 *
 * A private containerd for machines where none runs: own root, state and socket below one folder,
 * touching no other containerd. It is started detached and goes on when its starter ends. An
 * ordinary user's runs inside of rootlesskit's user, mount and pid namespaces: containers end with
 * it, and limits on memory, cpu and pids do not hold.
 */
#ifndef WFE_DAEMON_H
#define WFE_DAEMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wfe/error.h>
#include <wfe/export.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Longest folder path: the socket paths below it must fit sun_path (108 bytes, unix(7)). */
#define WFE_DAEMON_DIR_MAX 72

typedef struct wfe_daemon_options {
    size_t size;     /* sizeof(wfe_daemon_options): lets the struct grow */
    const char *dir; /* required, absolute: everything of this daemon lives below it */
    /* Folder put first in the daemon's PATH: its containerd, shim and runc are used before the
     * system's. NULL: the system's. */
    const char *binaries_dir;
    uint32_t start_timeout_ms; /* 0: 20,000 */
    uint32_t stop_timeout_ms;  /* 0: 20,000, then it is killed */
    /* For wfe_daemon_query: only tell whether its socket accepts, and the address. No version, no
     * pid, and almost no time. */
    bool quick;
} wfe_daemon_options;

typedef struct wfe_daemon_status {
    bool running;
    int pid;          /* 0 when not running */
    char socket[128]; /* the address to connect to, running or not */
    char log[160];    /* the daemon's log file */
    char version[64]; /* "" when not running or not answering */
    bool was_running; /* wfe_daemon_start: it ran before, as it was started then */
} wfe_daemon_status;

/* Starts it and waits until it answers; a daemon that runs already is success. status may be
 * NULL. NOT_FOUND when there is no containerd program, or no rootlesskit or newuidmap for a user
 * who is not root; DENIED when such a user has no ids in /etc/subuid or may have no namespaces;
 * TIMEOUT when it does not answer (it is stopped again, the message quotes its log's last line). */
WFE_API int wfe_daemon_start(const wfe_daemon_options *options, wfe_daemon_status *status,
                             wfe_error *err);
/* Stops it (TERM, then KILL) by its own pid, checked against the start time that was recorded, and
 * unmounts what it left below dir. One that does not run is success. CONFLICT while containers of
 * it still run, unless force. Images and other data stay. */
WFE_API int wfe_daemon_stop(const wfe_daemon_options *options, bool force, wfe_error *err);
WFE_API int wfe_daemon_query(const wfe_daemon_options *options, wfe_daemon_status *status,
                             wfe_error *err);

#ifdef __cplusplus
}
#endif
#endif
