/* SPDX-License-Identifier: Apache-2.0
 *
 * Going on with stored runs: what `wfe resume` and `wfe run --resume` share.
 */
#ifndef WFE_CLI_RESUME_H
#define WFE_CLI_RESUME_H

#include "cli/options.h"
#include "cli/stored.h"

typedef struct wfe_resume_options {
    const char *const *inputs; /* secret ones, "KEY=VALUE"; NULL-terminated, may be NULL */
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

/* The newest run of the workflow that can be gone on with without being asked for what succeeded:
 * one that was interrupted, or suspended. *ret is its id; NULL: there is none. Free with free(). */
int wfe_resume_newest(wfe_store *store, const char *workflow, char **ret, wfe_error *err);
/* The ids of all interrupted runs, oldest first; NULL-terminated. Free with wfe_strv_free. */
int wfe_resume_interrupted(wfe_store *store, char ***ret, wfe_error *err);
/* One line on stderr when there are some. */
void wfe_resume_remind(void);

#endif
