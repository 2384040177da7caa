/* SPDX-License-Identifier: Apache-2.0
 *
 * Filling the public wfe_error. Each function accepts err == NULL. An error is set once: a second
 * wfe_error_set on the same struct keeps the first, since the first cause is the one to report.
 */
#ifndef WFE_BASE_ERROR_H
#define WFE_BASE_ERROR_H

#include <stdarg.h>

#include <wfe/error.h>

/* Stores kind and the formatted one-line message (newlines and control characters become
 * spaces). Returns kind, so that `return wfe_error_set(...)` reads well. */
int wfe_error_set(wfe_error *err, int kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int wfe_error_setv(wfe_error *err, int kind, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

/* As wfe_error_set, and appends ": " with the text of sys_errno. The kind is chosen from it
 * (ENOENT: NOT_FOUND, EACCES/EPERM: DENIED, ENOMEM: NOMEM, ECONNREFUSED: UNAVAILABLE, ...; else
 * IO). */
int wfe_error_set_errno(wfe_error *err, int sys_errno, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The one text for a failed allocation. Returns WFE_E_NOMEM. */
int wfe_error_nomem(wfe_error *err);

/* Puts "text: " in front of the message of an error that is set; no-op when it is not. */
void wfe_error_prefix(wfe_error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Says what to do about it. The first hint stays. */
void wfe_error_hint(wfe_error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Says where it happened; each may be NULL to keep what is there. The first value stays. */
void wfe_error_where(wfe_error *err, const char *operation, const char *subject);

/* Copies from into err (if not NULL and not yet set). Returns from->kind. */
int wfe_error_copy(wfe_error *err, const wfe_error *from);

#endif
