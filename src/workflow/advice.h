/* SPDX-License-Identifier: Apache-2.0
 *
 * What to do about a key that does not exist or a value of the wrong shape: the nearest key, the
 * place where it belongs, what the key of another tool is called here, an example.
 */
#ifndef WFE_WORKFLOW_ADVICE_H
#define WFE_WORKFLOW_ADVICE_H

#include "workflow/diagnostics.h"
#include "workflow/keys.h"

/* The key of the scope that was meant by one it does not have, or a sentence about it; NULL: nobody
 * knows. Borrowed from the tables. */
const char *wfe_advice_meant(enum wfe_scope scope, const char *key);
/* Adds to the diagnostic told last, that scope has no such key. */
void wfe_advise_key(wfe_diagnostics *list, enum wfe_scope scope, const char *key);
/* The same for a value that is no map of that scope. */
void wfe_advise_map(wfe_diagnostics *list, enum wfe_scope scope);

#endif
