/* SPDX-License-Identifier: Apache-2.0 */
#include "workflow/variable.h"

#include <string.h>

static bool is_blocked(const char *name)
{
    static const char *const names[] = {
        "PATH",    "LD_PRELOAD", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "HOME", "SHELL", "USER",
        "LOGNAME", "TERM"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

bool wfe_variable_name(const char *name, char out[WFE_VARIABLE_SIZE])
{
    size_t len = strlen(name);
    if (!len || len >= WFE_VARIABLE_SIZE || (name[0] >= '0' && name[0] <= '9'))
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = name[i];
        bool lower = c >= 'a' && c <= 'z';
        if (!lower && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '_')
            return false;
        out[i] = lower ? (char)(c - 'a' + 'A') : c;
    }
    out[len] = '\0';
    return !is_blocked(out);
}
