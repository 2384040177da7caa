/* SPDX-License-Identifier: Apache-2.0
 *
 * What a step runs: argv, environment and working folder, from what the image says and what the
 * step says on top of it.
 */
#ifndef WFE_OCI_PROCESS_H
#define WFE_OCI_PROCESS_H

#include "base/error.h"
#include "base/strmap.h"
#include "oci/image_config.h"

#define WFE_OCI_DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* Borrowed during wfe_oci_process_build; NULL means "not given". Lists are NULL-terminated. */
typedef struct wfe_oci_process_options {
    const char *run;            /* one text for a shell; replaces ENTRYPOINT and CMD */
    const char *const *shell;   /* with run only: the shell's argv, "/bin/sh -c" when NULL; a single
                                 * word gets "-c" after it */
    const char *const *command; /* replaces ENTRYPOINT and CMD; not together with run */
    const char *const *args;    /* replaces CMD, keeps ENTRYPOINT; not together with run, command */
    const wfe_strmap *env;      /* over the image's */
    const char *working_dir;    /* absolute */
} wfe_oci_process_options;

typedef struct wfe_oci_process {
    char **argv;    /* owned, NULL-terminated, at least one, argv[0] not empty */
    wfe_strmap env; /* PATH is always there */
    char *cwd;      /* owned, absolute */
} wfe_oci_process;

/* Fills *ret (free with wfe_oci_process_done). INVALID: run and command together, nothing to run
 * at all, a working folder that is not absolute. NOMEM. */
int wfe_oci_process_build(const wfe_oci_image_config *image, const wfe_oci_process_options *options,
                          wfe_oci_process *ret, wfe_error *err);
/* Accepts an all-zero struct. */
void wfe_oci_process_done(wfe_oci_process *process);

#endif
