/* SPDX-License-Identifier: Apache-2.0
 *
 * The folders of a run: one for temporary files and one for its shared volume. Made before the
 * first step, removed after the last hook.
 */
#ifndef WFE_ENGINE_PATHS_H
#define WFE_ENGINE_PATHS_H

#include "engine/context.h"

typedef struct wfe_paths_options {
    const char *tmp_dir;
    const char *volume_dir;
    bool shared;      /* there is a shared volume */
    bool again;       /* another process has made them; what is not there any more is made anew */
    bool for_secrets; /* files with secrets will be there: not on a disk, where that can be had */
} wfe_paths_options;

/* Makes <tmp_dir>/<run id> and, when shared, <volume_dir>/<run id>. */
int wfe_paths_make(wfe_context *context, const wfe_paths_options *options, wfe_error *err);
/* Removes what wfe_paths_make made; what cannot be removed is logged. */
void wfe_paths_remove(wfe_context *context);

/* path itself when it is absolute, else below the run's working folder. Free with free(). */
int wfe_paths_resolve(const wfe_context *context, const char *path, char **ret, wfe_error *err);

#endif
