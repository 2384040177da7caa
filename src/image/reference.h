/* SPDX-License-Identifier: Apache-2.0
 *
 * Image references as docker reads them: "alpine" is docker.io/library/alpine:latest. containerd
 * itself takes image names as opaque texts and normalises nothing.
 */
#ifndef WFE_IMAGE_REFERENCE_H
#define WFE_IMAGE_REFERENCE_H

#include "base/error.h"

/* Longest full reference: 255 for domain and path, a tag of 128, a sha512 digest of 135. */
#define WFE_IMAGE_REFERENCE_SIZE 536

/* A normalised reference. digest is "" or "algorithm:hex"; tag is "" only beside a digest. */
typedef struct wfe_image_reference {
    char domain[256]; /* "docker.io", "localhost:5000" */
    char path[256];   /* "library/alpine" */
    char tag[129];
    char digest[136];
} wfe_image_reference;

/* INVALID, with the position (counted from 1) of the first character that is wrong and what is
 * allowed there. */
int wfe_image_reference_parse(const char *text, wfe_image_reference *out, wfe_error *err);
/* domain/path[:tag][@digest]. Returns out. */
const char *wfe_image_reference_format(const wfe_image_reference *reference,
                                       char out[WFE_IMAGE_REFERENCE_SIZE]);
/* Both in one. */
int wfe_image_reference_normalize(const char *text, char out[WFE_IMAGE_REFERENCE_SIZE],
                                  wfe_error *err);
/* The part of a full name that docker shows: "alpine:3" of docker.io/library/alpine:3. It reads
 * back as the same name. Borrowed from name. */
const char *wfe_image_reference_shorten(const char *name);

#endif
