/* SPDX-License-Identifier: Apache-2.0
 *
 * The store that forgets everything when it is closed: for runs that need not survive their
 * process, and for tests.
 */
#ifndef WFE_STORE_MEMORY_H
#define WFE_STORE_MEMORY_H

#include "store/store.h"

/* NOMEM. */
int wfe_store_memory_open(wfe_store **ret, wfe_error *err);

#endif
