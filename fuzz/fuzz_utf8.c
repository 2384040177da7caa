/* SPDX-License-Identifier: Apache-2.0
 *
 * UTF-8 cleaning: the result is well-formed, well-formed text is left alone, cleaning twice is
 * cleaning once.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

static void require(int condition)
{
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char *once = NULL;
    char *twice = NULL;
    size_t once_len = 0;
    size_t twice_len = 0;
    if (wfe_utf8_clean(bytes, len, &once, &once_len, NULL))
        return 0;
    require(once_len <= 3 * len && strlen(once) == once_len && wfe_utf8_is_valid(once, once_len));
    require(wfe_utf8_is_valid(bytes, len) == (once_len == len && memcmp(once, bytes, len) == 0));
    if (wfe_utf8_clean(once, once_len, &twice, &twice_len, NULL) == 0)
        require(twice_len == once_len && memcmp(twice, once, once_len) == 0);
    free(once);
    free(twice);
    return 0;
}
