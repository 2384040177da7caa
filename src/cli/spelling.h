/* SPDX-License-Identifier: Apache-2.0
 *
 * The library names an option of a step by its member or in words ("cap_add has ..."); a user of
 * the command knows it as --cap-add.
 */
#ifndef WFE_CLI_SPELLING_H
#define WFE_CLI_SPELLING_H

#include "base/error.h"

/* Puts the command's name of the option at the beginning of the message in place of the library's,
 * when it begins with one. */
void wfe_spelling_of_command(wfe_error *err);

#endif
