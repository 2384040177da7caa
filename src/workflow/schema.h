/* SPDX-License-Identifier: Apache-2.0
 *
 * What other tools read of the table of keys: the JSON Schema and the reference manual.
 */
#ifndef WFE_WORKFLOW_SCHEMA_H
#define WFE_WORKFLOW_SCHEMA_H

/* docs/workflow.schema.json (JSON Schema 2020-12). Free with free(); NULL without memory. */
char *wfe_plan_schema(void);
/* docs/workflow-reference.md: the tables of keys. Free with free(); NULL without memory. */
char *wfe_plan_reference(void);

#endif
