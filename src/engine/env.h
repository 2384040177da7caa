/* SPDX-License-Identifier: Apache-2.0
 *
 * The environment that a step is given: the data under upper-cased names, what services add, the
 * step's own, its secrets; later wins.
 */
#ifndef WFE_ENGINE_ENV_H
#define WFE_ENGINE_ENV_H

#include "base/strmap.h"
#include "engine/step_type.h"

/* The kernel takes no single "NAME=value" of more than 128 KiB (MAX_ARG_STRLEN), and one of all
 * arguments and variables that is a quarter of the stack limit, mostly 2 MiB. Data beyond either
 * are left out. */
#define WFE_ENV_VALUE_MAX_BYTES ((size_t)128 * 1024 - 256)
#define WFE_ENV_TOTAL_MAX_BYTES ((size_t)1024 * 1024)

/* Data that were left out. */
typedef struct wfe_env_left_out {
    size_t n;
    char text[256]; /* a warning with their names; "": none */
} wfe_env_left_out;

/* Appends to env what the data say: text as it is, anything else as JSON. Names that are no
 * variable names, and those that decide which programs run (PATH, LD_PRELOAD, ...), are not passed.
 * What is too long is added to left_out. */
int wfe_env_add_data(wfe_strmap *env, const json_t *data, wfe_env_left_out *left_out,
                     wfe_error *err);

/* All of it as "NAME=value", NULL-terminated, on top of base (NULL: nothing): free with
 * wfe_strv_free. */
int wfe_env_build(const wfe_attempt_env *attempt, const char *const *base, const char *const *own,
                  char ***ret, wfe_env_left_out *ret_left_out, wfe_error *err);

/* Adds an entry, which is taken (NULL: there was no memory for it), to a list of the former. */
int wfe_env_append(char ***list, char *entry, wfe_error *err);

#endif
