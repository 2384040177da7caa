/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of log files: "<step>.<attempt>.<suffix>", where everything of the step's path that a file
 * name cannot have, or should not ('/', '[', a leading '.'), is written %XX. Different steps have
 * different names, and a name can be read back.
 */
#ifndef WFE_STORE_LOG_NAME_H
#define WFE_STORE_LOG_NAME_H

#include "base/error.h"

/* Longest file name of Linux, and its NUL. */
#define WFE_LOG_NAME_SIZE 256

/* suffix is at most 8 characters. A path that would be too long is cut, and its digest keeps it
 * apart: it is the one that cannot be read back. */
void wfe_log_name(const char *step, unsigned attempt, const char *suffix,
                  char out[WFE_LOG_NAME_SIZE]);
/* The step's path and the attempt of a name with this suffix; ret_step has WFE_LOG_NAME_SIZE bytes.
 * INVALID: it is none, or its path was cut. */
int wfe_log_name_read(const char *name, const char *suffix, char *ret_step, unsigned *ret_attempt,
                      wfe_error *err);

#endif
