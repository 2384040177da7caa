/* SPDX-License-Identifier: Apache-2.0
 *
 * What is wrong in a workflow file, for people and for programs.
 */
#ifndef WFE_CLI_DIAGNOSTIC_H
#define WFE_CLI_DIAGNOSTIC_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"
#include "workflow/load.h"

/* "ci.yaml:14:5: error: ...", the line with a mark below, what was meant, what to do. */
void wfe_diagnostic_print(const wfe_diagnostic *diagnostic, FILE *out);
/* New reference; NULL without memory. */
json_t *wfe_diagnostic_json(const wfe_diagnostic *diagnostic);

/* All of them; found may be NULL. */
void wfe_diagnostics_print(const wfe_diagnostics *found, FILE *out);
/* A file that cannot be loaded: on stderr, with how many there are, or as JSON on stdout. */
void wfe_diagnostics_report(const wfe_diagnostics *found, const wfe_error *error, bool json);

#endif
