/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/check.h"

#include "image/reference.h"
#include "step/config.h"

int wfe_engine_check_container(const wfe_step_options *options, bool *ret_may_work, wfe_error *err)
{
    wfe_step_options copy = *options;
    wfe_step_config config;
    char name[WFE_IMAGE_REFERENCE_SIZE];
    copy.size = sizeof copy;
    copy.name = "step";
    copy.run_id = "check"; /* or it would be made at random */
    copy.network = NULL;
    copy.volumes = NULL;
    copy.n_volumes = 0;
    copy.has_stdin = false;
    int rc = wfe_step_config_init(&config, &copy, false, err);
    if (rc)
        return rc;
    wfe_step_config_done(&config);
    rc = wfe_image_reference_normalize(options->image, name, err);
    if (rc == WFE_E_INVALID) {
        *ret_may_work = true;
        wfe_error_hint(err, "only an image that containerd has by exactly this name can be meant");
    }
    return rc;
}
