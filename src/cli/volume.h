/* SPDX-License-Identifier: Apache-2.0
 *
 * The -v option: SOURCE:TARGET[:ro|rw].
 */
#ifndef WFE_CLI_VOLUME_H
#define WFE_CLI_VOLUME_H

#include <wfe/step.h>

#include "base/error.h"

/* Fills *out with texts of its own (free with wfe_volume_done). A source that is a relative path
 * is taken from the current folder. INVALID, NOMEM. */
int wfe_volume_parse(const char *text, wfe_volume *out, wfe_error *err);
void wfe_volume_done(wfe_volume *volume);

#endif
