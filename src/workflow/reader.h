/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading maps by the table of keys: finds mistakes in names and values, converts the rest.
 */
#ifndef WFE_WORKFLOW_READER_H
#define WFE_WORKFLOW_READER_H

#include "base/error.h"
#include "workflow/diagnostics.h"
#include "workflow/keys.h"
#include "workflow/load.h"
#include "workflow/node.h"

typedef struct wfe_reader {
    wfe_arena *memory; /* what is converted is copied to */
    wfe_diagnostics *list;
    wfe_container_check_fn check_container; /* NULL: none */
    bool for_each; /* inside of a step with for_each: ((item)) is not known yet */
} wfe_reader;

/* Reads the map into target, the struct of its scope, which holds the defaults. Mistakes are told;
 * what is wrong keeps its default. 0 or NOMEM. */
int wfe_read_map(const wfe_reader *r, const wfe_node *node, enum wfe_scope scope, void *target);

/* Is the key there, but written wrong: then that was told, and that it is missing need not be. */
bool wfe_read_is_misspelt(const wfe_node *map, enum wfe_scope scope, const char *key);

/* Is node a map of the file; tells when not. what: "'config' of step 'a'". */
bool wfe_read_is_map(const wfe_reader *r, const wfe_node *node, const char *what);
bool wfe_read_is_list(const wfe_reader *r, const wfe_node *node, const char *what);

/* A scalar as text, borrowed from the node: NULL, and told, when it is none. Never NULL for
 * nothing at all (~): that is told as well. */
const char *wfe_read_text(const wfe_reader *r, const wfe_node *node, const char *what);
/* A list of texts, copied, NULL-terminated; *ret stays NULL after a mistake. */
int wfe_read_texts(const wfe_reader *r, const wfe_node *node, const char *what,
                   const char *const **ret);

/* Holds node a placeholder whose value is only known later: nothing can be said of it then. */
bool wfe_read_is_open(const wfe_reader *r, const wfe_node *node);

#endif
