/* SPDX-License-Identifier: Apache-2.0
 *
 * Between the files of the past: past.c has the table, past_record.c how a record changes it,
 * past_reopen.c what runs again after an end, past_load.c reads all of it from a store.
 */
#ifndef WFE_ENGINE_PAST_PRIV_H
#define WFE_ENGINE_PAST_PRIV_H

#include "engine/past.h"

/* The entry of this path, made when it is not there. owner: the path it belongs to, may be NULL. */
int wfe_past_need(wfe_past *past, const char *path, const char *owner, wfe_past_entry **ret,
                  wfe_error *err);
/* What is below the entry is void; the outputs of what was in the same workflow stay in its data.
 */
int wfe_past_begin_anew(wfe_past *past, wfe_past_entry *entry, wfe_error *err);
/* Nothing of the entry counts any more but its attempts; what is below it, too. */
void wfe_past_void(wfe_past *past, wfe_past_entry *entry);

#endif
