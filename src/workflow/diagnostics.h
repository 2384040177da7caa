/* SPDX-License-Identifier: Apache-2.0
 *
 * Everything that is found wrong in a set of files, collected while it is checked and put in the
 * order of the files at the end.
 */
#ifndef WFE_WORKFLOW_DIAGNOSTICS_H
#define WFE_WORKFLOW_DIAGNOSTICS_H

#include <stdbool.h>
#include <stdint.h>

#include <wfe/workflow.h>

#include "base/error.h"
#include "workflow/load.h"
#include "workflow/node.h"

/* No more than this many are kept; the rest is counted. */
#define WFE_DIAGNOSTICS_MAX 1000

/* The place that is not in a file. */
#define WFE_PLAN_POS_NOWHERE ((wfe_plan_pos){.file = UINT32_MAX})

wfe_diagnostics *wfe_diagnostics_new(void);

/* What a diagnostic is about. */
typedef struct wfe_mark {
    wfe_plan_pos pos;
    uint32_t length;
} wfe_mark;
wfe_mark wfe_mark_node(const wfe_node *node);
wfe_mark wfe_mark_key(const wfe_node_entry *entry);
wfe_mark wfe_mark_pos(wfe_plan_pos pos);
wfe_mark wfe_mark_nowhere(void);

/* Adds an error or a warning. An allocation that fails is remembered, see wfe_diagnostics_rc. */
void wfe_diagnose(wfe_diagnostics *list, enum wfe_severity severity, wfe_mark mark,
                  const char *format, ...) __attribute__((format(printf, 4, 5)));
void wfe_diagnose_error(wfe_diagnostics *list, wfe_mark mark, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void wfe_diagnose_warning(wfe_diagnostics *list, wfe_mark mark, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Both are about the one added last. The suggestion is the word nearest to text, if any is near. */
void wfe_diagnose_suggest(wfe_diagnostics *list, const char *text, const char *const *words,
                          size_t n_words);
void wfe_diagnose_hint(wfe_diagnostics *list, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Sorts, and fills in the names of files and the source lines. 0 or NOMEM, if any of it failed. */
int wfe_diagnostics_finish(wfe_diagnostics *list, const wfe_plan_file *files, size_t n_files,
                           wfe_error *err);
/* The first error as a wfe_error: "message (file:line:column)". Returns WFE_E_INVALID. */
int wfe_diagnostics_to_error(const wfe_diagnostics *list, wfe_error *err);

WFE_DEFINE_CLEANUP(wfe_diagnostics, wfe_diagnostics_free)

#endif
