/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs in a state directory: the store in "<dir>/wfe.db", the logs in "<dir>/runs". Makes a run of
 * a plan, gives the recorder that keeps it, and brings back what it takes to go on with it or to
 * repeat it: the definition as it was, inputs, settings.
 *
 * Secrets are not stored. Values of `secrets` are read again from where the workflow says. An input
 * that is used as a registry's password is left out, too: it is asked for again in the file that
 * the run's inputs came from, or has to be given again.
 */
#ifndef WFE_ENGINE_RUN_STORE_H
#define WFE_ENGINE_RUN_STORE_H

#include "engine/past.h"
#include "engine/record_store.h"
#include "engine/run_settings.h"
#include "workflow/plan.h"

#define WFE_RUN_STORE_FILE "wfe.db"
/* A UUID and its NUL. */
#define WFE_RUN_ID_SIZE 37

/* Opens, or makes, the store of a state directory. must_exist: NOT_FOUND when nothing was ever
 * recorded in it. DENIED, IO (the disk is full), INVALID (damaged, of a newer wfe: unchanged) with
 * what to do as hint; UNAVAILABLE without libsqlite3. */
int wfe_run_store_open(const char *state_dir, bool must_exist, wfe_store **ret, wfe_error *err);

/* ---- making a run ---- */

typedef struct wfe_run_store_new {
    const wfe_plan *plan;
    const wfe_run_settings *settings;
    const char *name;     /* of the run; NULL: its workflow's and a number */
    const char *rerun_of; /* id; NULL: it repeats none */
} wfe_run_store_new;

/* The run as its owner knows it. */
typedef struct wfe_run_handle {
    char id[WFE_RUN_ID_SIZE];
    char name[WFE_STORE_NAME_SIZE];
    uint64_t lease;
    uint64_t last_seq; /* recorded so far */
} wfe_run_handle;

/* Stores a new run that belongs to this process. CONFLICT: the name is used. */
int wfe_run_store_create(wfe_store *store, const wfe_run_store_new *run, wfe_run_handle *ret,
                         wfe_error *err);

/* Takes a run over that nobody has, or whose owner is gone, also one that is over; from here on it
 * is this process's. The handle is for a run that goes on with its past. NOT_FOUND. CONFLICT:
 * somebody has it; the message says who. */
int wfe_run_store_claim(wfe_store *store, const wfe_store_run *run, wfe_run_handle *ret,
                        wfe_error *err);

typedef struct wfe_run_store_recorder_options {
    wfe_loop *loop;
    const char *state_dir;
    uint64_t log_step_max_bytes; /* 0: the default */
    uint64_t log_run_max_bytes;
    /* Another process asks for something ("cancel", "kill"); from the loop. NULL: nobody
     * listens. */
    wfe_recorder_asked_fn on_asked;
    void *on_asked_user;
} wfe_run_store_recorder_options;

/* What records the run and keeps its logs. store is taken on success. */
int wfe_run_store_recorder(wfe_store *store, const wfe_run_handle *run,
                           const wfe_run_store_recorder_options *options, wfe_recorder **ret,
                           wfe_error *err);

/* Forgets a run and its logs. NOT_FOUND; CONFLICT: it is under way. */
int wfe_run_store_remove(wfe_store *store, const char *state_dir, const char *run_id,
                         wfe_error *err);

/* ---- a run again ---- */

/* A row of the store, kept; texts that are NULL there are NULL here. */
typedef struct wfe_stored_run {
    wfe_store_run row; /* texts are its own */
    wfe_run_settings settings;
    json_t *inputs;        /* without those that are secret */
    json_t *secret_inputs; /* their names; an array, or NULL */
} wfe_stored_run;

/* The run that text names: id, name, or the beginning of an id. NOT_FOUND, CONFLICT (several),
 * INVALID (its texts are damaged). */
int wfe_stored_run_load(wfe_store *store, const char *text, wfe_stored_run **ret, wfe_error *err);
void wfe_stored_run_free(wfe_stored_run *run);
WFE_DEFINE_CLEANUP(wfe_stored_run, wfe_stored_run_free)
/* Fills in the digests that names of images stood for in the run (settings.images), from what was
 * recorded. */
int wfe_stored_run_images(wfe_store *store, wfe_stored_run *run, wfe_error *err);
/* The path of the workflow file as it was given, in the run's folder; "" when it is not known. Free
 * with free(). */
int wfe_stored_run_file(wfe_store *store, const wfe_stored_run *run, char **ret, wfe_error *err);
/* The plan as it was made, from what is stored; no file of the workflow is read. Secret inputs come
 * from input_texts ("KEY=VALUE", NULL-terminated; may be NULL), then from input_file (NULL: the
 * run's own). Errors whose operation is WFE_RUN_STORE_INPUTS are about those: one is missing or
 * wrong (INVALID), the file cannot be read. All others are the store's; INVALID: what it holds is
 * damaged. */
#define WFE_RUN_STORE_INPUTS "take the inputs given"
int wfe_stored_run_plan(wfe_store *store, const wfe_stored_run *run, const char *input_file,
                        const char *const *input_texts, wfe_plan **ret, wfe_error *err);

#endif
