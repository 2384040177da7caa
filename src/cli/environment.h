/* SPDX-License-Identifier: Apache-2.0
 *
 * The variables of the environment that the commands read, for the help and the man pages.
 */
#ifndef WFE_CLI_ENVIRONMENT_H
#define WFE_CLI_ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/options.h"

typedef struct wfe_variable {
    const char *name;
    const char *meaning; /* no full stop */
} wfe_variable;

/* Does the command talk to containerd: then these variables matter to it. */
bool wfe_command_connects(const wfe_command *command);
extern const wfe_variable wfe_variables[];
extern const size_t wfe_n_variables;

#endif
