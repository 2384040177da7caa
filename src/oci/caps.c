/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/caps.h"

#include <stddef.h>
#include <string.h>

#include "base/nearest.h"
#include "base/utf8.h"

#define SHOWN_BYTES 64
#define PREFIX "CAP_"
#define PREFIX_LEN (sizeof PREFIX - 1)

static const char *const names[WFE_OCI_CAP_COUNT] = {
#define NAME_(name, number) [number] = PREFIX #name,
    WFE_OCI_CAPABILITIES(NAME_)
#undef NAME_
};

const char *wfe_oci_cap_name(unsigned number)
{
    return names[number];
}

static int refuse(const char *given, const char *upper, const char *what, wfe_error *err)
{
    /* Without what all of them begin with, which would make any two words alike. */
    const char *bare[WFE_OCI_CAP_COUNT];
    for (unsigned i = 0; i < WFE_OCI_CAP_COUNT; i++)
        bare[i] = names[i] + PREFIX_LEN;
    const char *nearest = wfe_nearest(upper + PREFIX_LEN, bare, WFE_OCI_CAP_COUNT);
    int shown = (int)wfe_utf8_prefix(given, SHOWN_BYTES);
    wfe_error_set(err, WFE_E_INVALID,
                  "%s has '%.*s', must be the name of a capability of Linux, such as NET_ADMIN, or "
                  "ALL",
                  what, shown, given);
    if (nearest)
        wfe_error_hint(err, "did you mean %s?", nearest);
    return WFE_E_INVALID;
}

/* Not strcasecmp() or toupper(), which obey the locale of the program around us. */
static char upper_of(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static int parse_one(const char *text, const char *what, wfe_oci_caps *caps, wfe_error *err)
{
    char upper[SHOWN_BYTES] = PREFIX;
    size_t len = PREFIX_LEN;
    for (const char *p = text; *p && len + 1 < sizeof upper; p++)
        upper[len++] = upper_of(*p);
    upper[len] = '\0';
    const char *name = upper;
    if (strncmp(upper + PREFIX_LEN, PREFIX, PREFIX_LEN) == 0)
        name = upper + PREFIX_LEN;
    if (strcmp(upper + PREFIX_LEN, "ALL") == 0) {
        *caps = WFE_OCI_CAPS_ALL;
        return 0;
    }
    for (unsigned i = 0; i < WFE_OCI_CAP_COUNT; i++) {
        if (strcmp(name, names[i]) == 0) {
            *caps |= (wfe_oci_caps)1 << i;
            return 0;
        }
    }
    return refuse(text, name, what, err);
}

int wfe_oci_caps_parse(const char *const *list, const char *what, wfe_oci_caps *ret, wfe_error *err)
{
    wfe_oci_caps caps = 0;
    int rc = 0;
    for (size_t i = 0; !rc && list && list[i]; i++)
        rc = parse_one(list[i], what, &caps, err);
    if (!rc)
        *ret = caps;
    return rc;
}

wfe_oci_cap_sets wfe_oci_caps_choose(uint32_t uid, bool privileged, wfe_oci_caps add,
                                     wfe_oci_caps drop, wfe_oci_caps available)
{
    wfe_oci_caps give = available ? available & WFE_OCI_CAPS_ALL : WFE_OCI_CAPS_ALL;
    wfe_oci_cap_sets sets = {.bounding = uid == 0 ? WFE_OCI_CAPS_ROOT : 0};
    if (privileged)
        sets.bounding = WFE_OCI_CAPS_ALL;
    if (add == WFE_OCI_CAPS_ALL)
        add &= ~drop;
    sets.bounding = ((sets.bounding & ~drop) | add) & give;
    if (uid != 0)
        sets.ambient = add & give;
    return sets;
}
