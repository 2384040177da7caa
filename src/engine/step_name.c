/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/step_name.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

void wfe_engine_step_name(const char *path, char out[WFE_ENGINE_STEP_NAME_SIZE])
{
    uint64_t hash = 14695981039346656037U; /* FNV-1a */
    for (const char *p = path; *p; p++)
        hash = (hash ^ (unsigned char)*p) * 1099511628211U;
    if (strlen(path) < WFE_ENGINE_STEP_NAME_SIZE)
        snprintf(out, WFE_ENGINE_STEP_NAME_SIZE, "%s", path);
    else
        snprintf(out, WFE_ENGINE_STEP_NAME_SIZE, "%.*s-%016llx", WFE_ENGINE_STEP_NAME_SIZE - 18,
                 path, (unsigned long long)hash);
}

void wfe_engine_service_name(const char *service, char out[WFE_ENGINE_SERVICE_NAME_SIZE])
{
    snprintf(out, WFE_ENGINE_SERVICE_NAME_SIZE, "service:%s", service);
}
