/* SPDX-License-Identifier: Apache-2.0 */
#include "image/chain.h"

#include <stdio.h>
#include <string.h>

int wfe_image_chain_add(const char *parent, const char *diff_id, char out[WFE_DIGEST_SIZE],
                        wfe_error *err)
{
    if (!wfe_digest_is_valid(diff_id) || (parent[0] && !wfe_digest_is_valid(parent)))
        return wfe_error_set(err, WFE_E_INVALID, "'%.100s' is no sha256 digest",
                             wfe_digest_is_valid(diff_id) ? parent : diff_id);
    if (!parent[0]) {
        memcpy(out, diff_id, WFE_DIGEST_SIZE);
        return 0;
    }
    char both[2 * WFE_DIGEST_SIZE];
    int n = snprintf(both, sizeof both, "%s %s", parent, diff_id);
    wfe_digest_of(both, (size_t)n, out);
    return 0;
}

int wfe_image_chain_of(char *const *diff_ids, size_t n, char out[WFE_DIGEST_SIZE], wfe_error *err)
{
    char chain[WFE_DIGEST_SIZE] = "";
    for (size_t i = 0; i < n; i++) {
        char next[WFE_DIGEST_SIZE];
        int rc = wfe_image_chain_add(chain, diff_ids[i], next, err);
        if (rc)
            return rc;
        memcpy(chain, next, sizeof chain);
    }
    memcpy(out, chain, sizeof chain);
    return 0;
}
