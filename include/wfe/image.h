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

/* ---- pulling from registries ---- */

/* Who we are to a registry: a user name and a password, or one of the tokens. */
typedef struct wfe_registry_login {
    /* As in references, with the port: "docker.io", "localhost:5000". NULL: the one of the image
     * that is pulled. */
    const char *host;
    const char *username;
    const char *password;
    const char *identity_token; /* exchanged for access tokens */
    const char *registry_token; /* sent as it is */
} wfe_registry_login;

/* How registries are reached; NULL and zero mean none. */
typedef struct wfe_registry_access {
    size_t size;                      /* sizeof(wfe_registry_access): lets the struct grow */
    const wfe_registry_login *logins; /* these go before what docker's file says */
    size_t n_logins;
    const char *docker_config;     /* path of a config.json of docker; may not exist */
    const char *const *hosts_dirs; /* folders like containerd's certs.d; NULL-terminated */
    const char *http_proxy;
    const char *https_proxy;
    const char *no_proxy; /* hosts and domains parted by commas */
} wfe_registry_access;

/* What becomes of a layer, in this order; a layer may begin at any of them. */
#define WFE_IMAGE_PULL_STATES(X)                                                                   \
    X(WAITING, 1, "waiting", "for its turn, or for another process that fetches it")               \
    X(FETCHING, 2, "fetching", "bytes are coming")                                                 \
    X(FETCHED, 3, "fetched", "it is in the store; layers below it are not unpacked yet")           \
    X(UNPACKING, 4, "unpacking", "containerd unpacks it")                                          \
    X(DONE, 5, "done", "fetched and unpacked")                                                     \
    X(PRESENT, 6, "present", "it was unpacked before")

enum wfe_image_pull_state {
#define WFE_IMAGE_PULL_STATE_ENUM_(state, value, name, meaning) WFE_IMAGE_PULL_##state = (value),
    WFE_IMAGE_PULL_STATES(WFE_IMAGE_PULL_STATE_ENUM_)
#undef WFE_IMAGE_PULL_STATE_ENUM_
};
/* "fetching"; "unknown" for any other number. Static. */
WFE_API const char *wfe_image_pull_state_name(enum wfe_image_pull_state state);

typedef struct wfe_image_pull_layer {
    const char *digest;
    uint64_t size_bytes; /* as it comes from the registry */
    uint64_t have_bytes; /* of these, in the store */
    enum wfe_image_pull_state state;
} wfe_image_pull_layer;

/* Borrowed during the callback. */
typedef struct wfe_image_pull_progress {
    const char *name;   /* of the image, in full */
    const char *digest; /* it is known by now what the name stands for; NULL before */
    const wfe_image_pull_layer *layers; /* lowest first; none until the manifest is known */
    size_t n_layers;
    size_t changed;  /* the layer that this is about; n_layers: none */
    bool over;       /* it has ended, well or not: the last call */
    const char *via; /* "ingest" or "transfer": who fetches; static */
} wfe_image_pull_progress;
/* Called from the client's loop at each change of state, and about ten times a second for a layer
 * whose bytes come. */
typedef void (*wfe_image_progress_fn)(const wfe_image_pull_progress *progress, void *user);

/* Every text is copied. NULL and zero mean the default. */
typedef struct wfe_image_pull_options {
    size_t size;          /* sizeof(wfe_image_pull_options): lets the struct grow */
    const char *ref;      /* required; "alpine" is docker.io/library/alpine:latest */
    const char *platform; /* "linux/arm64"; default this machine's */
    /* "ingest": this process fetches and writes to the content store; "transfer": containerd does,
     * 2.0 or newer, with our logins and with the hosts.toml files of its own machine (the first of
     * hosts_dirs). "auto" (default) is transfer for a daemon behind TCP that can, else ingest. */
    const char *via;
    unsigned jobs; /* layers fetched at once; default 3, at most 32 */
    const wfe_registry_access *registry;
    wfe_image_progress_fn progress; /* may be NULL */
    void *progress_user;
} wfe_image_pull_options;

/* Pulls an image: asks the registry what the name stands for, fetches what the content store does
 * not have, unpacks for the client's snapshotter, and at last makes or updates the image's record.
 * Gives a list of that one image. Every byte is checked against its digest and size; on failure the
 * store is as it was. NOT_FOUND (no such image, or nothing for the platform), DENIED (the message
 * names host and login), UNAVAILABLE, TIMEOUT, PROTOCOL (damaged or no image), LIMIT, INVALID,
 * errors of containerd. */
WFE_API int wfe_image_pull(wfe_client *client, const wfe_image_pull_options *options,
                           wfe_image_list **ret, wfe_error *err);

/* The same without blocking, from the client's loop: done is called once; list is the callee's to
 * free, NULL when err->kind is not 0. */
typedef struct wfe_image_puller wfe_image_puller;
typedef void (*wfe_image_pull_done_fn)(wfe_image_list *list, const wfe_error *err, void *user);
WFE_API int wfe_image_pull_start(wfe_client *client, const wfe_image_pull_options *options,
                                 wfe_image_pull_done_fn done, void *user, wfe_image_puller **ret,
                                 wfe_error *err);
/* Asks it to stop; done still tells, CANCELLED unless it ended just then. What was fetched is kept
 * for a day, so that the next pull of the image goes on from there. May be called from any
 * callback; puller is gone when done has been called. */
WFE_API void wfe_image_pull_cancel(wfe_image_puller *puller);

#ifdef __cplusplus
}
#endif
#endif
