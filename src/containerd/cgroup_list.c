/* SPDX-License-Identifier: Apache-2.0 */
#include "containerd/cgroup_list.h"

#include <stdio.h>
#include <string.h>

#define BLANKS " \t\n"

static bool is_word(const char *text, const char *name)
{
    size_t len = strlen(name);
    return strcspn(text, BLANKS) == len && strncmp(text, name, len) == 0;
}

static bool v2_has(const char *text, const char *name)
{
    for (text += strspn(text, BLANKS); *text; text += strspn(text, BLANKS)) {
        if (is_word(text, name))
            return true;
        text += strcspn(text, BLANKS);
    }
    return false;
}

/* #subsys_name hierarchy num_cgroups enabled */
static bool v1_has(const char *text, const char *name)
{
    while (text) {
        int enabled = 0;
        if (is_word(text, name) && sscanf(text, "%*s %*u %*u %d", &enabled) == 1)
            return enabled != 0;
        text = strchr(text, '\n');
        text += text != NULL;
    }
    return false;
}

bool wfe_cgroup_list_has(const char *text, bool v2, const char *name)
{
    return v2 ? v2_has(text, name) : v1_has(text, name);
}
