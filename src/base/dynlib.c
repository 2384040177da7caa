/* SPDX-License-Identifier: Apache-2.0 */
#include "base/dynlib.h"

#include <dlfcn.h>

int wfe_dynlib_load(const char *soname, const char *package, const wfe_dynlib_symbol *symbols,
                    size_t n_symbols, wfe_error *err)
{
    void *library = dlopen(soname, RTLD_LAZY | RTLD_LOCAL);
    if (!library) {
        wfe_error_set(err, WFE_E_UNAVAILABLE, "cannot load the library %s: %s", soname, dlerror());
        wfe_error_hint(err, "install the package %s", package);
        return WFE_E_UNAVAILABLE;
    }
    for (size_t i = 0; i < n_symbols; i++) {
        void *address = dlsym(library, symbols[i].name);
        if (!address)
            return wfe_error_set(err, WFE_E_UNAVAILABLE, "the library %s has no function %s",
                                 soname, symbols[i].name);
        *symbols[i].address = address;
    }
    return 0;
}
