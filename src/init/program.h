/* SPDX-License-Identifier: Apache-2.0
 *
 * The finished wfe-init as bytes inside the library; cmake/init.cmake generates the definitions
 * from the program it has just linked.
 */
#ifndef WFE_INIT_PROGRAM_H
#define WFE_INIT_PROGRAM_H

#include <stddef.h>

extern const unsigned char wfe_init_program[];
extern const size_t wfe_init_program_size;
/* "wfe-init-" and the first 12 hexadecimal digits of the program's SHA-256. */
extern const char wfe_init_program_name[];

#endif
