/* SPDX-License-Identifier: Apache-2.0
 *
 * Who a step runs as: a user's text looked up in the bytes of the image's own passwd and group
 * files, in the way docker does. The files come from a stranger: a line that is malformed is
 * skipped, and nothing that is wrong or out of range ever becomes root. Pure; the files are read
 * by the caller.
 */
#ifndef WFE_OCI_USER_DB_H
#define WFE_OCI_USER_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define WFE_OCI_USER_FILE_MAX_BYTES ((size_t)4 * 1024 * 1024)
#define WFE_OCI_USER_LINE_MAX_BYTES ((size_t)64 * 1024)
/* NGROUPS_MAX of Linux. */
#define WFE_OCI_USER_MAX_GROUPS ((size_t)65536)

/* Borrowed during wfe_oci_identity_resolve. A file that the image lacks is NULL and 0; one longer
 * than WFE_OCI_USER_FILE_MAX_BYTES, or that could not be read, has unusable set. */
typedef struct wfe_oci_user_file {
    const char *text;
    size_t len;
    bool unusable;
} wfe_oci_user_file;

/* Filled by wfe_oci_identity_resolve; free with wfe_oci_identity_done(). */
typedef struct wfe_oci_identity {
    uint32_t uid;
    uint32_t gid;
    uint32_t *groups; /* supplementary ones without gid itself, each once; NULL when none */
    size_t n_groups;
    char *home;       /* from the passwd file; NULL: not known there */
    bool resolved;    /* false: uid and gid are nobody's, and reason says why */
    char reason[256]; /* "user 'x' is not in the image's /etc/passwd" */
} wfe_oci_identity;

/* Whether resolving text needs the files at all: false for NULL and for "uid:gid", whose HOME the
 * runtime finds by itself. */
bool wfe_oci_identity_needs_files(const char *text);

/* text: "uid", "uid:gid", "name", "name:group", "uid:group", "name:gid"; NULL is 65534:65534.
 * - Digits are always an id, never a name. A uid takes its primary group from passwd when it is
 *   listed there, and 0 when not.
 * - Without a group in text the user's other groups are those of the group file that name it as a
 *   member; with one there are none, as in docker.
 * - of_image: text is the image's own USER, where "" and an empty user before ":group" mean uid 0;
 *   from anybody else they cannot be resolved.
 * What cannot be resolved succeeds, as 65534:65534 with resolved false. NOMEM is the only error. */
int wfe_oci_identity_resolve(const char *text, bool of_image, const wfe_oci_user_file *passwd,
                             const wfe_oci_user_file *group, wfe_oci_identity *ret, wfe_error *err);
/* Accepts an all-zero struct. */
void wfe_oci_identity_done(wfe_oci_identity *identity);

#endif
