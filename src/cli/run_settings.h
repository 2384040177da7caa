/* SPDX-License-Identifier: Apache-2.0
 *
 * The settings of a run as the command line and the environment give them: complete, with absolute
 * paths, so that they mean the same to whoever goes on with the run.
 */
#ifndef WFE_CLI_RUN_SETTINGS_H
#define WFE_CLI_RUN_SETTINGS_H

#include "cli/connection.h"
#include "cli/registry.h"
#include "engine/run_settings.h"

/* ret is all zero; free with wfe_run_settings_done. Member verbose of the connection is not kept.
 */
int wfe_run_settings_here(const wfe_connection *connection, const wfe_registry_config *registry,
                          wfe_run_settings *ret, wfe_error *err);
/* The other way round; everything is borrowed. */
void wfe_run_settings_connection(const wfe_run_settings *settings, wfe_connection *ret);
void wfe_run_settings_registry(const wfe_run_settings *settings, wfe_registry_config *ret);

/* The folder below which runs have theirs: what is set, or the engine's default. out has PATH_MAX
 * bytes. */
const char *wfe_run_settings_tmp_dir(const wfe_run_settings *settings, char *out);

/* Gives *place a copy of path that does not depend on the current folder; NULL stays NULL. */
int wfe_run_settings_path(const char *path, char **place, wfe_error *err);

#endif
