/* SPDX-License-Identifier: Apache-2.0
 *
 * The files of one step on this machine: a folder of mode 0700 with its FIFOs, its exit record, its
 * output file and the files of /etc that are bind mounted into it. The folder is the clean-up:
 * removing it removes all of them.
 */
#ifndef WFE_STEP_FILES_H
#define WFE_STEP_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "oci/spec.h"
#include "step/config.h"

#define WFE_STEP_MAX_BINDS 8
/* In the folder: the process that made it (base/owner.h). While it is made and while it is removed
 * the folder's own name says that: ".<owner>@<id>". */
#define WFE_STEP_OWNER_FILE "owner"
#define WFE_STEP_HIDDEN_MARK "@"
/* Of a durable step: its run; when its command was started; how it ended; its input is written. */
#define WFE_STEP_RUN_FILE "run"
#define WFE_STEP_STARTED_FILE "started"
#define WFE_STEP_ENDED_FILE "ended"
#define WFE_STEP_STDIN_FILE "stdin-is-written"
/* Where the container sees wfe-init's record, the FIFOs and the output file. */
#define WFE_STEP_RECORD_TARGET "/.wfe/exit"
#define WFE_STEP_STDOUT_TARGET "/.wfe/stdout"
#define WFE_STEP_STDERR_TARGET "/.wfe/stderr"
#define WFE_STEP_OUTPUT_TARGET "/.wfe/output"

#define WFE_STEP_INIT_PREFIX "/.wfe-init-"
#define WFE_STEP_INIT_DIGITS 16

typedef struct wfe_step_files {
    char *dir; /* NULL: none was made */
    char *hidden;
    char *stdin_fifo;
    char *stdout_fifo;
    char *stderr_fifo;
    char *record; /* NULL: no wfe-init */
    char *output; /* NULL: not made */
    char *hosts;
    char *hostname;
    char *resolv_conf;
    char *init; /* the program; not in dir, shared by all steps */
    /* Where the container sees it. It is trusted to take up the filter of system calls, so that its
     * name is one that no image and no volume can know, in the one folder that they can make
     * neither a link nor a mount of: "/.wfe-init-" and random digits. */
    char init_target[sizeof WFE_STEP_INIT_PREFIX + WFE_STEP_INIT_DIGITS];
    wfe_oci_bind binds[WFE_STEP_MAX_BINDS];
    size_t n_binds;
} wfe_step_files;

/* Where a step's files go and whose they are; all borrowed during the call. */
typedef struct wfe_step_place {
    const char *io_dir;
    const char *state_dir; /* wfe-init is placed below it */
    const char *id;        /* of the container */
    const char *owner;     /* see base/owner.h */
    const char *hostname;
    const char *run_id; /* of a durable step; else NULL */
} wfe_step_place;

/* Makes the folder io_dir/id and everything in it but the FIFOs, and places wfe-init. CONFLICT when
 * the folder exists: another wfe runs this step. On failure call wfe_step_files_remove all the
 * same. */
int wfe_step_files_make(wfe_step_files *files, const wfe_step_config *config,
                        const wfe_step_place *place, wfe_error *err);
/* Fills in where the files are that another process has made, and makes this one their owner.
 * NOT_FOUND: there is no such folder. LIMIT, IO. */
int wfe_step_files_adopt(wfe_step_files *files, const wfe_step_place *place, wfe_error *err);
/* LIMIT: the command has made one of the files that it can write longer than any may be. They are
 * in the memory of this machine (/run), so this is looked at while the command runs. */
int wfe_step_files_check(const wfe_step_files *files, wfe_error *err);
/* After NOMEM it may be called again; else what is left is left. */
int wfe_step_files_remove(wfe_step_files *files, wfe_error *err);
/* Frees the paths and removes nothing. */
void wfe_step_files_done(wfe_step_files *files);

#endif
