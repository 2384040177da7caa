/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of a loop, for the files of this folder.
 */
#ifndef WFE_LOOP_PRIV_H
#define WFE_LOOP_PRIV_H

#include <uv.h>

#include "loop/loop.h"

struct wfe_loop {
    uv_loop_t uv;
};

#endif
