/* SPDX-License-Identifier: Apache-2.0 */
#include "base/path.h"

#include <string.h>

size_t wfe_path_next(const char **path)
{
    for (;;) {
        *path += strspn(*path, "/");
        size_t len = strcspn(*path, "/");
        if (len != 1 || **path != '.')
            return len;
        *path += len;
    }
}

size_t wfe_path_depth(const char *path)
{
    size_t depth = 0;
    for (size_t len; (len = wfe_path_next(&path)); path += len)
        depth++;
    return depth;
}

bool wfe_path_is_same(const char *a, const char *b)
{
    for (;;) {
        size_t len = wfe_path_next(&a);
        if (wfe_path_next(&b) != len || strncmp(a, b, len) != 0)
            return false;
        if (!len)
            return true;
        a += len;
        b += len;
    }
}
