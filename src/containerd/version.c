/* SPDX-License-Identifier: Apache-2.0 */
#include "containerd/version.h"

WFE_VERSION_UNARY(WFE_RPC_UNARY_DEFINE)

/* No part of a version has more digits; keeps the number far from overflow. */
#define PART_MAX 999999

/* One or more digits at *text, which is moved behind them. */
static bool parse_part(const char **text, unsigned *ret)
{
    unsigned value = 0;
    const char *p = *text;
    for (; *p >= '0' && *p <= '9'; p++) {
        value = value * 10 + (unsigned)(*p - '0');
        if (value > PART_MAX)
            return false;
    }
    if (p == *text)
        return false;
    *text = p;
    *ret = value;
    return true;
}

bool wfe_version_parse(const char *text, wfe_version_number *ret)
{
    wfe_version_number number = {0};
    const char *p = text;
    if (*p == 'v')
        p++;
    if (!parse_part(&p, &number.major) || *p++ != '.' || !parse_part(&p, &number.minor))
        return false;
    if (*p == '.') {
        p++;
        if (!parse_part(&p, &number.patch))
            number.patch = 0; /* "2.0.x" */
    }
    *ret = number;
    return true;
}

bool wfe_version_at_least(const wfe_version_number *version, unsigned major, unsigned minor)
{
    return version->major > major || (version->major == major && version->minor >= minor);
}
