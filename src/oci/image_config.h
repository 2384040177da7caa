/* SPDX-License-Identifier: Apache-2.0
 *
 * The image config (image-spec: config.md; the same JSON in docker's images): what an image says
 * about the process to run, and the diff IDs its root file system is made of. The text comes from
 * a registry and is not trusted.
 */
#ifndef WFE_OCI_IMAGE_CONFIG_H
#define WFE_OCI_IMAGE_CONFIG_H

#include <stddef.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/strmap.h"

#define WFE_OCI_IMAGE_CONFIG_MAX_BYTES ((size_t)4 * 1024 * 1024)
/* Most entries of Env, Entrypoint, Cmd and diff_ids, each. */
#define WFE_OCI_IMAGE_CONFIG_MAX_ITEMS ((size_t)4096)

/* Every text and list is owned by the struct. */
typedef struct wfe_oci_image_config {
    char *architecture; /* "amd64"; "" when absent */
    char *os;           /* "linux"; "" when absent */
    char *variant;      /* "v8"; "" when absent */
    char *user;         /* "" when absent */
    char *working_dir;  /* "" when absent */
    char *stop_signal;  /* "SIGTERM", "15"; "" when absent */
    wfe_strmap env;     /* entries without '=' or with an empty name are left out */
    char **entrypoint;  /* NULL-terminated, never NULL; empty when absent */
    char **cmd;         /* NULL-terminated, never NULL; empty when absent */
    char **diff_ids;    /* NULL-terminated, lowest layer first; each a valid sha256 digest */
    size_t n_diff_ids;  /* at least 1 */
} wfe_oci_image_config;

/* INVALID with what is wrong and where ("rootfs.diff_ids[2] is ..."), LIMIT, NOMEM. */
int wfe_oci_image_config_parse(const void *json, size_t len, wfe_oci_image_config **ret,
                               wfe_error *err);
void wfe_oci_image_config_free(wfe_oci_image_config *config);
WFE_DEFINE_CLEANUP(wfe_oci_image_config, wfe_oci_image_config_free)

#endif
