/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/user_db.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "oci/user.h"

#define SHOWN_BYTES 64
#define PASSWD_FIELDS 7
#define GROUP_FIELDS 4

/* A piece of a file's bytes, not terminated. */
struct span {
    const char *at;
    size_t len;
};

/* A user's text in its two halves; with group.at NULL there is no colon. */
struct wish {
    struct span user;
    struct span group;
    uint32_t uid; /* when user_is_id */
    uint32_t gid; /* when group_is_id */
    bool user_is_id;
    bool group_is_id;
};

/* What the passwd file says of the user; name.at NULL: nothing. */
struct entry {
    struct span name;
    uint32_t uid;
    uint32_t gid;
    struct span home;
};

static bool span_equals(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

static bool all_digits(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
    }
    return text.len > 0;
}

/* False for anything but digits, and above WFE_OCI_ID_MAX: no overflow becomes root. */
static bool read_id(struct span text, uint32_t *ret)
{
    uint64_t value = 0;
    if (!all_digits(text))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        value = value * 10 + (uint64_t)(text.at[i] - '0');
        if (value > WFE_OCI_ID_MAX)
            return false;
    }
    *ret = (uint32_t)value;
    return true;
}

/* ---- lines ---- */

/* Takes the next line off the file, without its end; false at the end of the file. */
static bool next_line(struct span *file, struct span *line)
{
    if (!file->len)
        return false;
    const char *end = memchr(file->at, '\n', file->len);
    line->at = file->at;
    line->len = end ? (size_t)(end - file->at) : file->len;
    size_t step = end ? line->len + 1 : line->len;
    file->at += step;
    file->len -= step;
    return true;
}

/* Splits at ':' into at most max fields, the last one taking the rest; absent ones are empty.
 * Returns how many there are; 0 for a line that no program would take for an entry. */
static size_t split(struct span line, struct span *fields, size_t max)
{
    memset(fields, 0, max * sizeof *fields);
    if (!line.len || line.len > WFE_OCI_USER_LINE_MAX_BYTES || *line.at == '#' ||
        memchr(line.at, '\0', line.len))
        return 0;
    size_t n = 0;
    for (;;) {
        const char *colon = n + 1 < max ? memchr(line.at, ':', line.len) : NULL;
        size_t len = colon ? (size_t)(colon - line.at) : line.len;
        fields[n++] = (struct span){line.at, len};
        if (!colon)
            return n;
        line.at += len + 1;
        line.len -= len + 1;
    }
}

/* name:password:uid:gid:comment:home:shell */
static bool read_passwd_line(struct span line, struct entry *ret)
{
    struct span fields[PASSWD_FIELDS];
    if (split(line, fields, PASSWD_FIELDS) < 4 || !fields[0].len)
        return false;
    *ret = (struct entry){.name = fields[0], .home = fields[5]};
    return read_id(fields[2], &ret->uid) && read_id(fields[3], &ret->gid);
}

/* name:password:gid:member,member */
static bool read_group_line(struct span line, struct span *name, uint32_t *gid,
                            struct span *members)
{
    struct span fields[GROUP_FIELDS];
    if (split(line, fields, GROUP_FIELDS) < 3 || !fields[0].len)
        return false;
    *name = fields[0];
    *members = fields[3];
    return read_id(fields[2], gid);
}

/* The first entry that fits, as libc takes it. */
static bool find_user(const wfe_oci_user_file *passwd, const struct wish *wish, struct entry *ret)
{
    struct span file = {passwd->text, passwd->unusable ? 0 : passwd->len};
    struct span line;
    while (next_line(&file, &line)) {
        struct entry entry;
        if (read_passwd_line(line, &entry) &&
            (wish->user_is_id ? entry.uid == wish->uid : span_equals(entry.name, wish->user))) {
            *ret = entry;
            return true;
        }
    }
    return false;
}

static bool find_group(const wfe_oci_user_file *group, struct span wanted, uint32_t *ret)
{
    struct span file = {group->text, group->unusable ? 0 : group->len};
    struct span line, name, members;
    uint32_t gid;
    while (next_line(&file, &line)) {
        if (read_group_line(line, &name, &gid, &members) && span_equals(name, wanted)) {
            *ret = gid;
            return true;
        }
    }
    return false;
}

/* ---- supplementary groups ---- */

static bool is_member(struct span members, struct span user)
{
    while (members.len) {
        const char *comma = memchr(members.at, ',', members.len);
        size_t len = comma ? (size_t)(comma - members.at) : members.len;
        if (span_equals((struct span){members.at, len}, user))
            return true;
        size_t step = comma ? len + 1 : len;
        members.at += step;
        members.len -= step;
    }
    return false;
}

static int compare_ids(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Sorts the groups, and drops the primary one and what is there twice. */
static void tidy_groups(wfe_oci_identity *identity)
{
    size_t kept = 0;
    if (identity->n_groups)
        qsort(identity->groups, identity->n_groups, sizeof *identity->groups, compare_ids);
    for (size_t i = 0; i < identity->n_groups; i++) {
        uint32_t gid = identity->groups[i];
        if (gid != identity->gid && (!kept || identity->groups[kept - 1] != gid))
            identity->groups[kept++] = gid;
    }
    identity->n_groups = kept;
}

static int add_group(wfe_oci_identity *identity, size_t *cap, uint32_t gid, wfe_error *err)
{
    if (identity->n_groups == *cap) {
        size_t grown = *cap ? *cap * 2 : 16;
        uint32_t *groups = realloc(identity->groups, grown * sizeof *groups);
        if (!groups)
            return wfe_error_nomem(err);
        identity->groups = groups;
        *cap = grown;
    }
    identity->groups[identity->n_groups++] = gid;
    return 0;
}

/* Fills the groups that name the user; the file's size bounds how many there can be. */
static int collect_groups(const wfe_oci_user_file *group, struct span user,
                          wfe_oci_identity *identity, wfe_error *err)
{
    struct span file = {group->text, group->len};
    struct span line, name, members;
    uint32_t gid;
    size_t cap = 0;
    int rc = 0;
    while (!rc && next_line(&file, &line)) {
        if (read_group_line(line, &name, &gid, &members) && is_member(members, user))
            rc = add_group(identity, &cap, gid, err);
    }
    tidy_groups(identity);
    return rc;
}

/* ---- the whole ---- */

static struct wish read_wish(const char *text)
{
    struct wish wish = {.group = {NULL, 0}};
    size_t user = strcspn(text, ":");
    wish.user = (struct span){text, user};
    if (text[user])
        wish.group = (struct span){text + user + 1, strlen(text + user + 1)};
    wish.user_is_id = all_digits(wish.user);
    wish.group_is_id = all_digits(wish.group);
    return wish;
}

bool wfe_oci_identity_needs_files(const char *text)
{
    if (!text)
        return false;
    struct wish wish = read_wish(text);
    return !(wish.user_is_id && wish.group_is_id);
}

__attribute__((format(printf, 2, 3))) static int unresolved(wfe_oci_identity *identity,
                                                            const char *format, ...)
{
    wfe_oci_identity_done(identity);
    identity->uid = identity->gid = WFE_OCI_ID_NOBODY;
    va_list args;
    va_start(args, format);
    vsnprintf(identity->reason, sizeof identity->reason, format, args);
    va_end(args);
    return 0;
}

/* For "%.*s": cut, and at a character. */
static int shown(struct span text)
{
    size_t len = text.len < SHOWN_BYTES ? text.len : SHOWN_BYTES;
    while (len && len < text.len && ((unsigned char)text.at[len] & 0xC0) == 0x80)
        len--;
    return (int)len;
}

static int resolve_group(const struct wish *wish, const wfe_oci_user_file *group,
                         wfe_oci_identity *identity)
{
    if (wish->group_is_id) {
        identity->gid = wish->gid;
        return 0;
    }
    if (find_group(group, wish->group, &identity->gid))
        return 0;
    return unresolved(identity, "group '%.*s' is not in the image's /etc/group%s",
                      shown(wish->group), wish->group.at,
                      group->unusable ? ", which cannot be used" : "");
}

static int resolve(const struct wish *wish, const wfe_oci_user_file *passwd,
                   const wfe_oci_user_file *group, wfe_oci_identity *identity, wfe_error *err)
{
    struct entry entry = {.name = {NULL, 0}};
    bool listed = find_user(passwd, wish, &entry);
    if (!listed && !wish->user_is_id)
        return unresolved(identity, "user '%.*s' is not in the image's /etc/passwd%s",
                          shown(wish->user), wish->user.at,
                          passwd->unusable ? ", which cannot be used" : "");
    /* Group 0 is only right for a user that is known not to be listed. */
    if (passwd->unusable && !wish->group.at)
        return unresolved(identity,
                          "the image's /etc/passwd cannot be used to find the group of "
                          "user '%.*s'",
                          shown(wish->user), wish->user.at);
    identity->uid = listed ? entry.uid : wish->uid;
    identity->gid = listed ? entry.gid : 0;
    identity->resolved = true;
    /* What is no path that JSON can carry is left to the runtime, which then takes "/". */
    if (listed && entry.home.len && *entry.home.at == '/' &&
        wfe_utf8_is_valid(entry.home.at, entry.home.len)) {
        identity->home = strndup(entry.home.at, entry.home.len);
        if (!identity->home)
            return wfe_error_nomem(err);
    }
    if (wish->group.at)
        return resolve_group(wish, group, identity);
    if (!listed)
        return 0;
    if (group->unusable)
        return unresolved(identity,
                          "the image's /etc/group cannot be used to find the groups of "
                          "user '%.*s'",
                          shown(wish->user), wish->user.at);
    int rc = collect_groups(group, entry.name, identity, err);
    if (!rc && identity->n_groups > WFE_OCI_USER_MAX_GROUPS)
        return unresolved(identity, "user '%.*s' is in %zu groups, at most %zu are allowed",
                          shown(wish->user), wish->user.at, identity->n_groups,
                          WFE_OCI_USER_MAX_GROUPS);
    return rc;
}

/* Checks the text; false when identity holds the reason why it is refused. */
static bool check_wish(const char *text, bool of_image, struct wish *wish,
                       wfe_oci_identity *identity)
{
    if (of_image && !wish->user.len) {
        wish->user = (struct span){"0", 1};
        wish->user_is_id = true;
    }
    int len = (int)wfe_utf8_prefix(text, SHOWN_BYTES);
    if (!wish->user.len || (wish->group.at && !wish->group.len) ||
        (wish->group.at && memchr(wish->group.at, ':', wish->group.len))) {
        unresolved(identity, "user '%.*s' has none of the forms USER and USER:GROUP", len, text);
        return false;
    }
    if ((wish->user_is_id && !read_id(wish->user, &wish->uid)) ||
        (wish->group_is_id && !read_id(wish->group, &wish->gid))) {
        unresolved(identity, "user '%.*s' has an id above %u", len, text, WFE_OCI_ID_MAX);
        return false;
    }
    return true;
}

int wfe_oci_identity_resolve(const char *text, bool of_image, const wfe_oci_user_file *passwd,
                             const wfe_oci_user_file *group, wfe_oci_identity *ret, wfe_error *err)
{
    wfe_oci_user_file small_passwd = *passwd, small_group = *group;
    small_passwd.unusable |= passwd->len > WFE_OCI_USER_FILE_MAX_BYTES;
    small_group.unusable |= group->len > WFE_OCI_USER_FILE_MAX_BYTES;
    wfe_oci_identity identity = {.groups = NULL};
    struct wish wish = {.uid = 0};
    int rc = 0;
    if (!text) {
        identity.uid = identity.gid = WFE_OCI_ID_NOBODY;
        identity.resolved = true;
    } else {
        wish = read_wish(text);
        if (check_wish(text, of_image, &wish, &identity))
            rc = resolve(&wish, &small_passwd, &small_group, &identity, err);
    }
    if (rc) {
        wfe_oci_identity_done(&identity);
        return rc;
    }
    *ret = identity;
    return 0;
}

void wfe_oci_identity_done(wfe_oci_identity *identity)
{
    free(identity->groups);
    free(identity->home);
    *identity = (wfe_oci_identity){.groups = NULL};
}
