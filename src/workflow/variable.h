/* SPDX-License-Identifier: Apache-2.0
 *
 * The variable in which a step is given an input or an output.
 */
#ifndef WFE_WORKFLOW_VARIABLE_H
#define WFE_WORKFLOW_VARIABLE_H

#include <stdbool.h>

#define WFE_VARIABLE_SIZE 256

/* Its name in capitals. False when it is given in none: it has other characters than letters,
 * digits and "_", begins with a digit, is too long, or would decide which programs run (PATH,
 * LD_PRELOAD, HOME, ...). */
bool wfe_variable_name(const char *name, char out[WFE_VARIABLE_SIZE]);

#endif
