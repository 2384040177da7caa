/* SPDX-License-Identifier: Apache-2.0
 *
 * The runtime spec of a step: its config and the image's, brought together for src/oci.
 */
#ifndef WFE_STEP_SPEC_H
#define WFE_STEP_SPEC_H

#include "base/error.h"
#include "image/resolve.h"
#include "step/config.h"
#include "step/result.h"

typedef struct wfe_step_spec_host {
    bool local; /* the daemon shares this machine: look at it */
    const char *cgroups_path;
    const char *hostname;
} wfe_step_spec_host;

/* The spec as JSON, free with free(). What had to be replaced (a user that cannot be resolved) is
 * told in result's warnings. INVALID, NOMEM. */
int wfe_step_spec_build(const wfe_step_config *config, const wfe_image *image,
                        const wfe_step_spec_host *host, wfe_step_result *result, char **ret_json,
                        size_t *ret_len, wfe_error *err);

#endif
