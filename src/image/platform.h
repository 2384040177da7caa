/* SPDX-License-Identifier: Apache-2.0
 *
 * Platforms of images, and which of several a machine takes: its own first, then those it can run
 * as well (amd64 runs 386, arm64 runs arm), as containerd's own clients choose.
 */
#ifndef WFE_IMAGE_PLATFORM_H
#define WFE_IMAGE_PLATFORM_H

#include "base/error.h"

#define WFE_IMAGE_PLATFORM_WORD_SIZE 32

/* In containerd's words: "linux", "arm64" and "" for the usual variant. */
typedef struct wfe_image_platform {
    char os[WFE_IMAGE_PLATFORM_WORD_SIZE];
    char architecture[WFE_IMAGE_PLATFORM_WORD_SIZE];
    char variant[WFE_IMAGE_PLATFORM_WORD_SIZE];
} wfe_image_platform;

/* Any spelling to containerd's (x86_64 becomes amd64, arm64/v8 becomes arm64). Texts may be NULL;
 * longer ones are cut, and so match nothing. */
void wfe_image_platform_set(wfe_image_platform *out, const char *os, const char *architecture,
                            const char *variant);
/* "linux/arm/v7", or an architecture alone ("arm64" is linux/arm64), as a user gives it. INVALID.
 */
int wfe_image_platform_parse(const char *text, wfe_image_platform *out, wfe_error *err);
/* This machine's. */
void wfe_image_platform_host(wfe_image_platform *out);
/* How well an image of that platform suits the machine: 0 best, -1 not at all. */
int wfe_image_platform_rank(const wfe_image_platform *machine, const wfe_image_platform *image);

#define WFE_IMAGE_PLATFORM_TEXT_SIZE (3 * WFE_IMAGE_PLATFORM_WORD_SIZE + 3)
/* "linux/arm/v7". Returns out. */
const char *wfe_image_platform_format(const wfe_image_platform *platform,
                                      char out[WFE_IMAGE_PLATFORM_TEXT_SIZE]);

#endif
