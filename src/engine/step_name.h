/* SPDX-License-Identifier: Apache-2.0
 *
 * What src/step is told a step or a service is called, from its path in the run. Its container's id
 * is made of it, so that whoever records a run, or takes it over, knows that id without asking.
 */
#ifndef WFE_ENGINE_STEP_NAME_H
#define WFE_ENGINE_STEP_NAME_H

#define WFE_ENGINE_STEP_NAME_SIZE 129

/* The path itself, or when it is too long for a step's name its beginning and a hash. */
void wfe_engine_step_name(const char *path, char out[WFE_ENGINE_STEP_NAME_SIZE]);

#define WFE_ENGINE_SERVICE_NAME_SIZE 160
/* The same of a service; its log has this name, too. */
void wfe_engine_service_name(const char *service, char out[WFE_ENGINE_SERVICE_NAME_SIZE]);

#endif
