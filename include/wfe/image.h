/* SPDX-License-Identifier: Apache-2.0
 *
 * Images in containerd's store: bringing them in from archives, listing and describing them,
 * writing them to archives, removing them. All of these functions block, running the client's loop
 * meanwhile: none may be called from one of its callbacks.
 */
#ifndef WFE_IMAGE_H
#define WFE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wfe/client.h>
#include <wfe/error.h>
#include <wfe/export.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Members are added at the end only; what comes back from the library is read, never made. */
typedef struct wfe_image_info {
    const char *name;       /* as containerd keeps it: docker.io/library/busybox:latest */
    const char *digest;     /* of the manifest or index the name points to */
    const char *media_type; /* of the same */
    /* What the image for `platform` takes in the content store: manifest, config and layers, as
     * they came from the registry (mostly compressed); -1: not known. */
    int64_t size_bytes;
    int64_t created_at_us; /* wall clock, when the record was made; 0 unknown */
    /* The rest is known after an import and a wfe_image_ls with details; else NULL and false. */
    const char *platform; /* "linux/amd64": the one this machine takes, or the only one there is;
                           * NULL when nothing is there for this machine, or nothing was read */
    const char *const *platforms; /* NULL-terminated: those of which all content is there */
    bool complete;                /* all content for `platform` is there: it can be exported */
    bool unpacked;                /* a container can be made of it with the client's snapshotter */
    bool in_use;                  /* a container of the namespace was made of this name */
} wfe_image_info;

typedef struct wfe_image_list wfe_image_list;

WFE_API size_t wfe_image_list_length(const wfe_image_list *list);
/* Borrowed until the list is freed; NULL when index is out of range. */
WFE_API const wfe_image_info *wfe_image_list_at(const wfe_image_list *list, size_t index);
WFE_API void wfe_image_list_free(wfe_image_list *list);

typedef struct wfe_image_ls_options {
    size_t size; /* sizeof(wfe_image_ls_options): lets the struct grow */
    /* NULL-terminated; an image is listed when one of them fits: a name with or without its tag as
     * docker shortens it ("busybox"), a pattern for one (* ? [...]), or the first hexadecimal
     * digits of a digest. NULL: all images. */
    const char *const *patterns;
    const char *const *filters; /* NULL-terminated, in containerd's own language; NULL: none */
    bool details;               /* read each image's documents as well */
} wfe_image_ls_options;

/* The images of the client's namespace, by name; options may be NULL. Free with
 * wfe_image_list_free. INVALID for a filter that containerd does not understand. */
WFE_API int wfe_image_ls(wfe_client *client, const wfe_image_ls_options *options,
                         wfe_image_list **ret, wfe_error *err);

/* In the functions below a reference names an image as containerd keeps it, or shortened as docker
 * does ("busybox" is docker.io/library/busybox:latest), or by the first hexadecimal digits, at
 * least four, of its digest, with or without "sha256:" in front. Digits that fit several digests
 * are INVALID; all names of one digest are taken. */

typedef struct wfe_image_rm_options {
    size_t size;             /* sizeof(wfe_image_rm_options): lets the struct grow */
    const char *const *refs; /* NULL-terminated; may be NULL with all_unused */
    bool all_unused;         /* also every image that no container was made of */
} wfe_image_rm_options;

/* Removes the names, and waits until containerd has removed what nothing refers to any more, so
 * that its space is free again. A container made of a removed image keeps what it needs. Gives the
 * list of what was removed, with in_use filled in. NOT_FOUND, with nothing removed, when one of the
 * references names no image; an image that someone else removes meanwhile counts as removed. */
WFE_API int wfe_image_rm(wfe_client *client, const wfe_image_rm_options *options,
                         wfe_image_list **ret, wfe_error *err);

typedef struct wfe_image_inspect_options {
    size_t size; /* sizeof(wfe_image_inspect_options): lets the struct grow */
    const char *ref;
    const char *platform; /* "linux/arm64"; NULL: this machine's, or the only one there is */
} wfe_image_inspect_options;

typedef struct wfe_image_details wfe_image_details;

/* Everything about one image. Free with wfe_image_details_free. NOT_FOUND for no such image, or no
 * such platform in it; PROTOCOL for documents that are not what they should be. */
WFE_API int wfe_image_inspect(wfe_client *client, const wfe_image_inspect_options *options,
                              wfe_image_details **ret, wfe_error *err);
/* The same as one JSON object, docs/images.md lists its members; borrowed until it is freed. */
WFE_API const char *wfe_image_details_json(const wfe_image_details *details);
WFE_API void wfe_image_details_free(wfe_image_details *details);

typedef struct wfe_image_export_options {
    size_t size;             /* sizeof(wfe_image_export_options): lets the struct grow */
    const char *const *refs; /* NULL-terminated, at least one */
    /* Written from its current position on, blocking; borrowed. A tar archive that is an OCI image
     * layout and a `docker save` archive at once. The same images give the same bytes. */
    int fd;
    const char *file_name; /* for messages; NULL: "standard output" */
    const char *platform;  /* "linux/arm64"; NULL: this machine's, or the only one there is */
    bool all_platforms;    /* everything that each image names, instead of one platform */
} wfe_image_export_options;

/* Writes the images and gives the list of them, by name. Every blob is checked against its digest
 * and size. NOT_FOUND, with nothing written, when there is no such image or a part of it is not in
 * the content store (the message names it); INVALID, PROTOCOL for a damaged blob, IO; after these
 * two a part of the archive has been written. */
WFE_API int wfe_image_export(wfe_client *client, const wfe_image_export_options *options,
                             wfe_image_list **ret, wfe_error *err);

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
 * snapshotter, and gives the list, with details, of those it made or updated. Every blob is checked
 * against its digest and size. On failure no image record was made or changed, and what was written
 * is left to containerd's garbage collection. INVALID for a folder, an archive of no known form or
 * one that lacks a part, LIMIT, PROTOCOL for a digest that does not match, errors of containerd. */
WFE_API int wfe_image_import(wfe_client *client, const wfe_image_import_options *options,
                             wfe_image_list **ret, wfe_error *err);

#ifdef __cplusplus
}
#endif
#endif
