/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sized.h"

#include <string.h>

/* Nothing has that many options: a larger size was never set. */
#define SIZE_MAX_BYTES 65536

int wfe_sized_copy(const void *given, const char *name, void *out, size_t out_size, wfe_error *err)
{
    size_t size;
    memcpy(&size, given, sizeof size);
    if (size < sizeof size || size > SIZE_MAX_BYTES)
        return wfe_error_set(err, WFE_E_INVALID, "%s.size is %zu, must be sizeof(%s)", name, size,
                             name);
    for (size_t i = out_size; i < size; i++) {
        if (((const unsigned char *)given)[i])
            return wfe_error_set(err, WFE_E_INVALID,
                                 "%s has an option that this version of libwfe does not know",
                                 name);
    }
    memset(out, 0, out_size);
    memcpy(out, given, size < out_size ? size : out_size);
    return 0;
}
