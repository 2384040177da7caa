/* SPDX-License-Identifier: Apache-2.0
 *
 * docker's config.json and the answers of helpers: an error leaves no login behind, and a login
 * that was found can be copied.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "image/docker_config.h"

static void require(int condition)
{
    if (!condition)
        abort();
}

static void check_host(const wfe_docker_config *config, const char *host)
{
    wfe_credential found = {0};
    wfe_error err = WFE_ERROR_INIT;
    int rc = wfe_docker_config_find(config, host, &found, &err);
    require(rc == err.kind && (rc == 0 || rc == WFE_E_INVALID));
    require(rc == 0 || wfe_credential_is_empty(&found));
    wfe_credential copy = {0};
    require(wfe_credential_copy(&found, &copy, NULL) == 0);
    wfe_credential_done(&copy);
    wfe_credential_done(&found);
    const char *helper = wfe_docker_config_helper(config, host);
    require(!helper || helper[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    wfe_docker_config *config = NULL;
    wfe_credential answer = {0};
    wfe_error err = WFE_ERROR_INIT;
    int rc = wfe_docker_config_parse((const char *)bytes, len, &config, &err);
    require(rc == err.kind && !rc == (config != NULL));
    if (config) {
        check_host(config, "docker.io");
        check_host(config, "a");
        check_host(config, "localhost:5000");
    }
    wfe_docker_config_free(config);
    wfe_error why = WFE_ERROR_INIT;
    rc = wfe_docker_config_parse_answer((const char *)bytes, len, &answer, &why);
    require(rc == why.kind && !rc == !wfe_credential_is_empty(&answer));
    wfe_credential_done(&answer);
    return 0;
}
