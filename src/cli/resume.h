/* SPDX-License-Identifier: Apache-2.0
 *
 * Going on with stored runs: what `wfe resume` and `wfe run --resume` share.
 */
#ifndef WFE_CLI_RESUME_H
#define WFE_CLI_RESUME_H

#include "cli/options.h"
#include "cli/stored.h"

typedef struct wfe_resume_options {
    /* "KEY=VALUE"; NULL-terminated, may be NULL. Those that are not secret must be as they were. */
    const char *const *inputs;
    const char *input_file;
    const char *const *from; /* paths of steps that run again; NULL-terminated, may be NULL */
    uint32_t jobs;           /* 0: as the run had it */
    const char *report;
    bool json;
    bool plain;
    bool is_one_of_many; /* others go on at the same time, and print to the same place */
    bool verbose;
} wfe_resume_options;

/* Takes the run over and runs it to its end; gives the exit code. */
int wfe_resume(const char *run, const wfe_resume_options *options);

/* What is given to a run that has its inputs already must be what it has (engine/given_inputs.h).
 * plan is the run's; input_file may be NULL. INVALID; NOT_FOUND: the file. */
int wfe_resume_check_inputs(const wfe_stored_run *run, const wfe_plan *plan, const char *input_file,
                            const char *const *inputs, wfe_error *err);

/* What makes two runs those of the same project: ids of workflows are not unique. */
typedef struct wfe_resume_origin {
    const char *workflow;    /* id */
    const char *working_dir; /* this process's */
    const char *file;        /* from there */
} wfe_resume_origin;

/* The newest run of that origin that can be gone on with without being asked for what succeeded:
 * one that was interrupted, or suspended. *ret is its id; NULL: there is none. Free with free().
 * INVALID: a run that may be the one is damaged. */
int wfe_resume_newest(wfe_store *store, const wfe_resume_origin *origin, char **ret,
                      wfe_error *err);
/* The ids of all interrupted runs, oldest first; NULL-terminated. Free with wfe_strv_free. */
int wfe_resume_interrupted(wfe_store *store, char ***ret, wfe_error *err);
/* One line on stderr when there are some. */
void wfe_resume_remind(void);

#endif
