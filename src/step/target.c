/* SPDX-License-Identifier: Apache-2.0 */
#include "step/target.h"

#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include "base/path.h"
#include "base/utf8.h"

#define SHOWN_BYTES 64
/* Where wfe-init and its files are mounted: step/files.h. */
#define OWN_FOLDER ".wfe"

static int too_long(const char *what, const char *path, const char *of, size_t len, size_t max,
                    wfe_error *err)
{
    return wfe_error_set(err, WFE_E_LIMIT, "%s '%.*s...' %s %zu bytes, at most %zu are possible",
                         what, (int)wfe_utf8_prefix(path, SHOWN_BYTES), path, of, len, max);
}

int wfe_step_target_check(const char *what, const char *path, wfe_error *err)
{
    size_t len = strlen(path);
    if (path[0] != '/')
        return wfe_error_set(err, WFE_E_INVALID, "%s is '%.*s', must be an absolute path", what,
                             (int)wfe_utf8_prefix(path, SHOWN_BYTES), path);
    if (len >= PATH_MAX)
        return too_long(what, path, "has", len, PATH_MAX - 1, err);
    for (const char *p = path; *p;) {
        p += strspn(p, "/");
        size_t part = strcspn(p, "/");
        if (part > NAME_MAX)
            return too_long(what, path, "has a part of", part, NAME_MAX, err);
        if (part == 2 && strncmp(p, "..", 2) == 0)
            return wfe_error_set(err, WFE_E_INVALID, "%s is '%.*s', must not have '..'", what,
                                 (int)wfe_utf8_prefix(path, SHOWN_BYTES), path);
        p += part;
    }
    return 0;
}

/* How many parts a path has besides ".", and whether the first one is name. */
static size_t parts_of(const char *path, const char *name, bool *ret_first)
{
    size_t n = 0;
    *ret_first = false;
    for (size_t len; (len = wfe_path_next(&path)); path += len) {
        if (++n == 1)
            *ret_first = len == strlen(name) && strncmp(path, name, len) == 0;
    }
    return n;
}

int wfe_step_target_check_mount(const char *what, const char *path, const char *source,
                                wfe_error *err)
{
    bool in_proc, in_dev, in_own, from_proc = false;
    int rc = wfe_step_target_check(what, path, err);
    if (rc)
        return rc;
    size_t n = parts_of(path, "proc", &in_proc);
    (void)parts_of(path, "dev", &in_dev);
    (void)parts_of(path, OWN_FOLDER, &in_own);
    if (source && parts_of(source, "proc", &from_proc) != 1)
        from_proc = false;
    if (n == 0)
        return wfe_error_set(err, WFE_E_INVALID, "%s is '%s', must be a path other than /", what,
                             path);
    if (in_own) {
        wfe_error_set(err, WFE_E_INVALID, "%s is '%.*s', but /" OWN_FOLDER " is wfe's own", what,
                      (int)wfe_utf8_prefix(path, SHOWN_BYTES), path);
        wfe_error_hint(err, "choose another place");
        return WFE_E_INVALID;
    }
    bool covers = (n == 1 && (in_dev || (in_proc && !from_proc))) || (n > 1 && in_proc && !source);
    if (!covers)
        return 0;
    wfe_error_set(err, WFE_E_INVALID, "%s is '%s', which a container needs for itself", what, path);
    if (in_dev)
        wfe_error_hint(err, "mount single files or folders below /dev");
    else
        wfe_error_hint(err, "choose another place, such as /host/proc");
    return WFE_E_INVALID;
}
