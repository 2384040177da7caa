/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the private containerd share: its paths, its processes and its left-overs.
 * daemon.c owns the order of things.
 */
#ifndef WFE_CONTAINERD_DAEMON_PRIV_H
#define WFE_CONTAINERD_DAEMON_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <wfe/daemon.h>

#include "base/error.h"
#include "containerd/process.h"

#define WFE_DAEMON_PATH_SIZE (WFE_DAEMON_DIR_MAX + 32)

/* Where a daemon's things are. */
typedef struct wfe_daemon_paths {
    char dir[WFE_DAEMON_DIR_MAX + 1]; /* real path: no symbolic links, as mountinfo shows it */
    char config[WFE_DAEMON_PATH_SIZE];
    char root[WFE_DAEMON_PATH_SIZE];  /* images, snapshots, metadata: kept */
    char state[WFE_DAEMON_PATH_SIZE]; /* of what runs: dropped at a stop */
    char socket[WFE_DAEMON_PATH_SIZE];
    char ttrpc[WFE_DAEMON_PATH_SIZE];
    char log[WFE_DAEMON_PATH_SIZE];
    char pid_file[WFE_DAEMON_PATH_SIZE];
    char lock[WFE_DAEMON_PATH_SIZE];
    char temporary[WFE_DAEMON_PATH_SIZE]; /* TMPDIR: containerd mounts layers there */
    char opt[WFE_DAEMON_PATH_SIZE];
    char rootlesskit[WFE_DAEMON_PATH_SIZE]; /* its state, of an ordinary user's daemon */
    char rootlesskit_option[WFE_DAEMON_PATH_SIZE + 16]; /* that tells rootlesskit so */
    char programs[512]; /* PATH of the daemon and of what it starts */
} wfe_daemon_paths;

/* daemon_rootless.c: the daemon of an ordinary user, inside of rootlesskit's namespaces. */

#define WFE_DAEMON_ROOTLESS_WORDS 16
/* What to start in place of argv, the daemon's own words: copies them behind rootlesskit's; out is
 * NULL-terminated and borrows. NOT_FOUND and DENIED say what the machine or the user lacks. */
int wfe_daemon_rootless_command(const wfe_daemon_paths *paths, const char *const *argv,
                                char *program, size_t size,
                                const char *out[WFE_DAEMON_ROOTLESS_WORDS], wfe_error *err);
/* The first executable of that name in a ':'-separated list of folders. */
bool wfe_daemon_find_program(const char *folders, const char *name, char *out, size_t size);

/* daemon_process.c: finding, starting and ending processes. */

/* Finds the daemon of these paths: the recorded one, or else any process that was started with
 * this daemon's config file. out->pid is 0 when it does not run. */
int wfe_daemon_process_find(const wfe_daemon_paths *paths, wfe_process *out, wfe_error *err);
int wfe_daemon_process_record(const wfe_daemon_paths *paths, const wfe_process *process,
                              wfe_error *err);
/* Starts argv[0] (a path) detached: a new session, no parent that must wait for it, standard
 * output and error appended to the log. */
int wfe_daemon_process_spawn(const wfe_daemon_paths *paths, const char *const *argv,
                             wfe_process *out, wfe_error *err);
/* Runs a program to its end and gives its exit code; output goes to the log. */
int wfe_daemon_process_run(const wfe_daemon_paths *paths, const char *const *argv,
                           uint32_t timeout_ms, int *ret_exit_code, wfe_error *err);

/* daemon_clean.c: what a daemon leaves behind. */

/* Containers of this daemon whose first process runs; ids (up to size bytes) names them. */
int wfe_daemon_clean_count_running(const wfe_daemon_paths *paths, size_t *ret_n, char *ids,
                                   size_t size, wfe_error *err);
/* Ends containers and shims, unmounts below the folder, drops the state. The daemon itself must
 * have ended. */
int wfe_daemon_clean(const wfe_daemon_paths *paths, wfe_error *err);

/* daemon_probe.c: does it answer. */

/* The first only asks whether the socket accepts; the second is true when Version is answered
 * within timeout_ms as well; version has size bytes. */
bool wfe_daemon_accepts(const wfe_daemon_paths *paths);
bool wfe_daemon_probe(const wfe_daemon_paths *paths, uint32_t timeout_ms, char *version,
                      size_t size);

#endif
