/* SPDX-License-Identifier: Apache-2.0
 *
 * Shared libraries that only some commands need, loaded at their first use: libcrypto alone costs
 * half as much as a whole step that never uses it. Names the functions once, in an
 * X-macro table; the module that wraps the library owns that table.
 */
#ifndef WFE_BASE_DYNLIB_H
#define WFE_BASE_DYNLIB_H

#include <stddef.h>

#include "base/error.h"

/* Where one function's address goes. */
typedef struct wfe_dynlib_symbol {
    const char *name;
    void **address;
} wfe_dynlib_symbol;

/* Opens soname and fills in every address; never closed again. UNAVAILABLE, naming the library or
 * the symbol that is missing and package as what to install. Not safe to call from two threads at
 * once for the same table; calling it again is harmless. */
int wfe_dynlib_load(const char *soname, const char *package, const wfe_dynlib_symbol *symbols,
                    size_t n_symbols, wfe_error *err);

#endif
