/* SPDX-License-Identifier: Apache-2.0
 *
 * A step's options, checked and copied: the only form in which the rest of src/step sees them.
 * Pure but for looking whether the sources of volumes exist.
 */
#ifndef WFE_STEP_CONFIG_H
#define WFE_STEP_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wfe/step.h>

#include "base/error.h"
#include "base/mask.h"
#include "base/strmap.h"
#include "image/access.h"
#include "step/confine.h"

#define WFE_STEP_DEFAULT_USER "65534:65534"
#define WFE_STEP_DEFAULT_GRACE_MS 10000
#define WFE_STEP_DEFAULT_OUTPUT_BYTES ((size_t)1024 * 1024)
#define WFE_STEP_MAX_OUTPUT_BYTES ((size_t)64 * 1024 * 1024)
#define WFE_STEP_MAX_VOLUMES 256
#define WFE_STEP_MAX_LABELS 64

enum wfe_step_network { WFE_STEP_NETWORK_NONE, WFE_STEP_NETWORK_HOST, WFE_STEP_NETWORK_PATH };

enum wfe_step_pull { WFE_STEP_PULL_IF_NOT_PRESENT, WFE_STEP_PULL_ALWAYS, WFE_STEP_PULL_NEVER };

typedef struct wfe_step_config {
    char *image;
    enum wfe_step_pull pull;
    wfe_image_access access;
    wfe_image_progress_fn on_pull;
    void *on_pull_user;
    char *run;      /* NULL or the script */
    char **command; /* NULL or argv */
    char **args;    /* NULL or argv */
    wfe_strmap env;
    wfe_mask *mask;      /* what is to be seen nowhere: values of env; NULL: nothing */
    wfe_volume *volumes; /* texts owned */
    size_t n_volumes;
    char *working_dir; /* NULL: the image's */
    char **shell;      /* NULL: /bin/sh -c */
    char *user;
    bool strict;
    enum wfe_step_network network;
    char *netns_path; /* with WFE_STEP_NETWORK_PATH */
    wfe_step_confinement confinement;
    char *hostname; /* NULL: made of the run id */
    char **dns;
    char **extra_hosts;
    wfe_strmap labels;
    bool init;
    uint64_t timeout_ms; /* 0: none */
    uint64_t grace_ms;
    char *name;
    char *run_id;
    unsigned attempt;
    size_t output_limit_bytes;
    bool has_stdin;
    int stdin_fd;
    int stdout_fd; /* 0: none */
    int stderr_fd;
    wfe_output_fn on_output;
    void *on_output_user;
    void (*on_started)(void *user);
    void *on_started_user;
    bool is_joined;
} wfe_step_config;

/* local: the daemon sees this machine's files, so that volume sources can be looked at. INVALID
 * with what is wrong, NOT_FOUND for a volume source, NOMEM. */
int wfe_step_config_init(wfe_step_config *config, const wfe_step_options *options, bool local,
                         wfe_error *err);
void wfe_step_config_done(wfe_step_config *config);

#endif
