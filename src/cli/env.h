/* SPDX-License-Identifier: Apache-2.0
 *
 * The -e option: KEY=VALUE, or KEY alone for the value it has in wfe's own environment, so that a
 * secret is in no list of processes.
 */
#ifndef WFE_CLI_ENV_H
#define WFE_CLI_ENV_H

#include "base/error.h"

/* Gives each entry of the NULL-terminated list (NULL: none) as KEY=VALUE; free *ret with
 * wfe_strv_free. INVALID for a key that is not set, NOMEM. */
int wfe_env_complete(const char *const *list, char ***ret, wfe_error *err);

/* A secret's value comes from a file of at most this many bytes. */
#define WFE_ENV_SECRET_MAX_BYTES ((size_t)64 * 1024)

/* The --secret option: KEY for the value it has in wfe's own environment, KEY=FILE for what the
 * file holds ("-": the standard input) without newlines at its end. Gives each as KEY=VALUE; free
 * *ret with wfe_strv_free. INVALID for a key that is not set, NOT_FOUND and so on for a file,
 * LIMIT, NOMEM; no message holds a value. */
int wfe_env_secrets(const char *const *list, char ***ret, wfe_error *err);

#endif
