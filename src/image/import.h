/* SPDX-License-Identifier: Apache-2.0
 *
 * wfe_image_import on the parts of a client, see wfe/image.h, without the details of what it made.
 * It blocks by running the loop, so it may not be called from one of its callbacks.
 */
#ifndef WFE_IMAGE_IMPORT_H
#define WFE_IMAGE_IMPORT_H

#include <wfe/image.h>

#include "containerd/client.h"
#include "loop/loop.h"

int wfe_image_import_run(wfe_loop *loop, wfe_containerd *containerd, const char *snapshotter,
                         const wfe_image_import_options *options, wfe_image_list **ret,
                         wfe_error *err);

#endif
