/* SPDX-License-Identifier: Apache-2.0
 *
 * The runtime spec of a step: its config, the image's and the machine, brought together for
 * src/oci.
 */
#ifndef WFE_STEP_SPEC_H
#define WFE_STEP_SPEC_H

#include "base/error.h"
#include "oci/image_config.h"
#include "oci/spec.h"
#include "oci/user_db.h"
#include "step/config.h"
#include "step/machine.h"

/* Everything is borrowed during wfe_step_spec_build. */
typedef struct wfe_step_spec_input {
    const wfe_step_config *config;
    const wfe_oci_image_config *image;
    const wfe_oci_identity *identity;
    const wfe_step_machine *machine;
    const char *cgroups_path;
    const char *hostname;
    const wfe_oci_bind *binds; /* wfe's own files */
    size_t n_binds;
    const wfe_oci_device *devices; /* of a privileged step */
    size_t n_devices;
    const char *output_file; /* the step's $WFE_OUTPUT, as the container sees it */
    const char *const *init; /* wfe-init and its options, put before the command; NULL: none */
    bool init_filters; /* it may take up the default filter, in the runtime's place, if it has it */
} wfe_step_spec_input;

/* The spec as JSON, free with free(). INVALID, NOMEM. */
int wfe_step_spec_build(const wfe_step_spec_input *input, char **ret_json, size_t *ret_len,
                        wfe_error *err);

#endif
