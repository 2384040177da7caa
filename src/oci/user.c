/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/user.h"

#include <stddef.h>

/* Reads digits at *p up to the first other byte and moves *p there. */
static bool read_id(const char **p, uint32_t *ret)
{
    uint64_t value = 0;
    const char *start = *p;
    for (; **p >= '0' && **p <= '9'; (*p)++) {
        value = value * 10 + (uint64_t)(**p - '0');
        if (value > WFE_OCI_ID_MAX)
            return false;
    }
    *ret = (uint32_t)value;
    return *p > start;
}

wfe_oci_user wfe_oci_user_parse(const char *text)
{
    const wfe_oci_user nobody = {.uid = WFE_OCI_ID_NOBODY, .gid = WFE_OCI_ID_NOBODY};
    wfe_oci_user user = {.resolved = true};
    if (!text)
        return (wfe_oci_user){
            .uid = nobody.uid, .gid = nobody.gid, .resolved = true, .gid_given = true};
    if (!read_id(&text, &user.uid))
        return nobody;
    if (!*text)
        return user;
    user.gid_given = true;
    if (*text++ != ':' || !read_id(&text, &user.gid) || *text)
        return nobody;
    return user;
}
