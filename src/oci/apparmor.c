/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/apparmor.h"

#include <string.h>

/* A profile that only complains protects nothing, so it does not count. */
static const char enforced[] = " (enforce)";

bool wfe_oci_apparmor_is_enforced(const char *text, size_t len, const char *profile)
{
    size_t name_len = strlen(profile);
    while (len) {
        const char *end = memchr(text, '\n', len);
        size_t line = end ? (size_t)(end - text) : len;
        if (line == name_len + sizeof enforced - 1 && memcmp(text, profile, name_len) == 0 &&
            memcmp(text + name_len, enforced, sizeof enforced - 1) == 0)
            return true;
        size_t step = end ? line + 1 : line;
        text += step;
        len -= step;
    }
    return false;
}

const char *wfe_oci_apparmor_choose(const char *text, size_t len)
{
    static const char *const known[] = {"wfe-default", "docker-default", "nerdctl-default",
                                        "cri-containerd.apparmor.d"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (wfe_oci_apparmor_is_enforced(text, len, known[i]))
            return known[i];
    }
    return NULL;
}
