/* SPDX-License-Identifier: Apache-2.0
 *
 * How the commands print the images they list, bring in, write out or remove.
 */
#ifndef WFE_CLI_IMAGE_LIST_H
#define WFE_CLI_IMAGE_LIST_H

#include <wfe/image.h>

/* One JSON array. Gives the exit code. */
int wfe_image_list_print_json(const wfe_image_list *list);
/* A table. Gives the exit code. */
int wfe_image_list_print_table(const wfe_image_list *list);
/* "verb NAME DIGEST" for each. Gives the exit code. */
int wfe_image_list_print_done(const wfe_image_list *list, const char *verb);

#endif
