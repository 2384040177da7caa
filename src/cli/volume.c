/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/volume.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

static int invalid(const char *text, const char *why, wfe_error *err)
{
    return wfe_error_set(err, WFE_E_INVALID,
                         "--volume is '%s': %s; must be SOURCE:TARGET or SOURCE:TARGET:ro", text,
                         why);
}

static int absolute_source(const char *source, char **ret, wfe_error *err)
{
    char here[PATH_MAX];
    if (source[0] == '/') {
        *ret = strdup(source);
        return *ret ? 0 : wfe_error_nomem(err);
    }
    if (!getcwd(here, sizeof here))
        return wfe_error_set_errno(err, errno, "the current folder cannot be used");
    if (strcmp(source, ".") == 0)
        *ret = strdup(here);
    else if (asprintf(ret, "%s/%s", here, source) < 0)
        *ret = NULL;
    return *ret ? 0 : wfe_error_nomem(err);
}

int wfe_volume_parse(const char *text, wfe_volume *out, wfe_error *err)
{
    _cleanup_free_ char *copy = strdup(text);
    if (!copy)
        return wfe_error_nomem(err);
    char *target = strchr(copy, ':');
    if (!target || target == copy)
        return invalid(text, "there is no source", err);
    *target++ = '\0';
    if (target[0] != '/') {
        invalid(text, "the target is no absolute path", err);
        if (strstr(target, ":/"))
            wfe_error_hint(err, "a path that has a colon cannot be given here; give a link to it");
        return WFE_E_INVALID;
    }
    bool readonly = false;
    char *mode = strchr(target, ':');
    if (mode) {
        *mode++ = '\0';
        readonly = strcmp(mode, "ro") == 0;
        if (!readonly && strcmp(mode, "rw") != 0)
            return invalid(text, "the mode is neither ro nor rw", err);
    }
    char *source = NULL;
    int rc = absolute_source(copy, &source, err);
    if (rc)
        return rc;
    char *target_copy = strdup(target);
    if (!target_copy) {
        free(source);
        return wfe_error_nomem(err);
    }
    *out = (wfe_volume){.source = source, .target = target_copy, .readonly = readonly};
    return 0;
}

void wfe_volume_done(wfe_volume *volume)
{
    free((char *)volume->source);
    free((char *)volume->target);
    *volume = (wfe_volume){0};
}
