/* SPDX-License-Identifier: Apache-2.0
 *
 * A user's text, passwd file and group file, parted by bytes 0xFE (the first byte: whether the text
 * is the image's own). Whatever the files say, ids stay in range, and root comes only from a text
 * or a line that says 0.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "oci/user.h"
#include "oci/user_db.h"

static void require(int condition)
{
    if (!condition)
        abort();
}

/* Takes the bytes up to the next 0xFE, or all; NUL may be in a file. */
static wfe_oci_user_file take_file(const char **bytes, size_t *len)
{
    const char *end = *len ? memchr(*bytes, 0xFE, *len) : NULL;
    wfe_oci_user_file file = {.text = *bytes, .len = end ? (size_t)(end - *bytes) : *len};
    size_t step = end ? file.len + 1 : file.len;
    *bytes += step;
    *len -= step;
    return file;
}

static void check(const wfe_oci_identity *identity, int may_be_root)
{
    require(identity->uid <= WFE_OCI_ID_MAX && identity->gid <= WFE_OCI_ID_MAX);
    require(identity->n_groups <= WFE_OCI_USER_MAX_GROUPS);
    for (size_t i = 0; i < identity->n_groups; i++) {
        require(identity->groups[i] <= WFE_OCI_ID_MAX && identity->groups[i] != identity->gid);
        require(i == 0 || identity->groups[i - 1] < identity->groups[i]);
    }
    require(!identity->home || identity->home[0] == '/');
    require(identity->resolved == !identity->reason[0]);
    if (!identity->resolved)
        require(identity->uid == WFE_OCI_ID_NOBODY && identity->gid == WFE_OCI_ID_NOBODY &&
                !identity->n_groups && !identity->home);
    require(identity->uid != 0 || may_be_root);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    const char *rest = (const char *)bytes;
    bool of_image = len && (rest[0] & 1);
    if (len) {
        rest++;
        len--;
    }
    wfe_oci_user_file user = take_file(&rest, &len);
    wfe_oci_user_file passwd = take_file(&rest, &len);
    wfe_oci_user_file group = take_file(&rest, &len);
    _cleanup_free_ char *text = strndup(user.text, user.len);
    require(text != NULL);
    /* A uid field of zeros, or a text that begins with them. */
    int may_be_root = of_image || memchr(text, '0', strlen(text)) ||
                      (passwd.len && memmem(passwd.text, passwd.len, ":0", 2));
    wfe_error err = WFE_ERROR_INIT;
    wfe_oci_identity identity = {.uid = 0};
    require(wfe_oci_identity_resolve(text, of_image, &passwd, &group, &identity, &err) == 0);
    check(&identity, may_be_root);
    wfe_oci_identity_done(&identity);
    (void)wfe_oci_identity_needs_files(text);
    return 0;
}
