/* SPDX-License-Identifier: Apache-2.0
 *
 * Image configs, which come from registries: whatever they say, parsing ends in a struct that keeps
 * its promises or in an error, and a process made from one is complete.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/digest.h"
#include "oci/process.h"

static void require(int condition)
{
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    wfe_error err = WFE_ERROR_INIT;
    _cleanup_(wfe_oci_image_config_free_p) wfe_oci_image_config *config = NULL;
    if (wfe_oci_image_config_parse(bytes, len, &config, &err)) {
        require(err.kind && !config);
        return 0;
    }
    require(config->n_diff_ids >= 1 && !config->diff_ids[config->n_diff_ids]);
    for (size_t i = 0; i < config->n_diff_ids; i++)
        require(wfe_digest_is_valid(config->diff_ids[i]));
    wfe_oci_process process = {0};
    if (wfe_oci_process_build(config, &(wfe_oci_process_options){0}, &process, &err) == 0)
        require(process.argv[0] && process.argv[0][0] && process.cwd[0] == '/' &&
                wfe_strmap_get(&process.env, "PATH"));
    wfe_oci_process_done(&process);
    return 0;
}
