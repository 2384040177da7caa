/* SPDX-License-Identifier: Apache-2.0
 *
 * `config` of a step by its type: from the tree to the struct of the plan.
 */
#ifndef WFE_WORKFLOW_CONFIG_H
#define WFE_WORKFLOW_CONFIG_H

#include "workflow/raw.h"
#include "workflow/reader.h"

/* Each: name is the step's, for messages; node its config. *ret is in the reader's memory, also
 * after a mistake. 0 or NOMEM. */
int wfe_config_container(const wfe_reader *r, const char *name, const wfe_node *node,
                         const wfe_plan_container **ret);
int wfe_config_shell(const wfe_reader *r, const char *name, const wfe_node *node,
                     const wfe_plan_shell **ret);
/* The arguments; *ret_id, ret_version: the workflow that is meant, NULL after a mistake. */
int wfe_config_call(const wfe_reader *r, const char *name, const wfe_node *node,
                    wfe_plan_call **ret, const char **ret_id, uint32_t *ret_version);

/* The defaults of a container, and its parts that are maps of their own: after wfe_read_map. */
void wfe_config_container_init(wfe_raw_container *raw);
int wfe_config_container_finish(const wfe_reader *r, const char *what, const wfe_node *node,
                                wfe_raw_container *raw);
/* container_check.c: tells what the loader's check finds wrong with a container; nothing while a
 * value of node, its config, is not known. */
int wfe_config_container_check(const wfe_reader *r, const wfe_node *node,
                               const wfe_plan_container *container);

#endif
