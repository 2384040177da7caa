/* SPDX-License-Identifier: Apache-2.0
 *
 * Images in containerd's store: bringing them in from archives, listing them.
 */
#ifndef WFE_IMAGE_H
#define WFE_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include <wfe/client.h>
#include <wfe/error.h>
#include <wfe/export.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wfe_image_info {
    const char *name;       /* as containerd keeps it: docker.io/library/busybox:latest */
    const char *digest;     /* of the manifest or index the name points to */
    const char *media_type; /* of the same */
    int64_t size_bytes;     /* of the target document itself, as in its descriptor */
    int64_t created_at_us;  /* wall clock, when the record was made; 0 unknown */
} wfe_image_info;

typedef struct wfe_image_list wfe_image_list;

/* All images of the client's namespace, by name. Free with wfe_image_list_free. */
WFE_API int wfe_image_ls(wfe_client *client, wfe_image_list **ret, wfe_error *err);
WFE_API size_t wfe_image_list_length(const wfe_image_list *list);
/* Borrowed until the list is freed; NULL when index is out of range. */
WFE_API const wfe_image_info *wfe_image_list_at(const wfe_image_list *list, size_t index);
WFE_API void wfe_image_list_free(wfe_image_list *list);

typedef struct wfe_image_import_options {
    size_t size; /* sizeof(wfe_image_import_options): lets the struct grow */
    /* Read to its end from its current position, blocking; borrowed. An OCI image layout or a
     * `docker save` archive, as tar, plain or compressed with gzip, xz or zstd. */
    int fd;
    const char *file_name; /* for messages; NULL: "standard input" */
    /* Name for the one image of an archive that names none, or instead of the one it has. NULL:
     * as in the archive. Normalised as docker does ("app" is docker.io/library/app:latest). */
    const char *name;
} wfe_image_import_options;

/* Imports every image of the archive for this machine's platform, unpacked for the client's
 * snapshotter, and gives the list of those it made or updated. Every blob is checked against its
 * digest and size. On failure no image record was made or changed, and what was written is left
 * to containerd's garbage collection. INVALID for an archive of no known form, LIMIT, PROTOCOL
 * for a digest that does not match, errors of containerd. */
WFE_API int wfe_image_import(wfe_client *client, const wfe_image_import_options *options,
                             wfe_image_list **ret, wfe_error *err);

#ifdef __cplusplus
}
#endif
#endif
