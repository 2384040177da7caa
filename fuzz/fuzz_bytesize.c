/* SPDX-License-Identifier: Apache-2.0
 *
 * Sizes: what is accepted lies in the range, and what is not leaves the result alone.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytesize.h"

#define MIN_BYTES ((uint64_t)6 << 20)
#define MAX_BYTES ((uint64_t)1 << 50)

static void require(int condition)
{
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char *text = malloc(len + 1);
    if (!text)
        return 0;
    memcpy(text, bytes, len);
    text[len] = '\0';
    uint64_t size = 0;
    wfe_error err = WFE_ERROR_INIT;
    if (wfe_bytesize_parse(text, "memory", MIN_BYTES, MAX_BYTES, &size, &err) == 0)
        require(size >= MIN_BYTES && size <= MAX_BYTES && !err.kind);
    else
        require(err.kind == WFE_E_INVALID && size == 0 &&
                strstr(err.message, "from 6 MiB to 1 PiB"));
    char shown[WFE_BYTESIZE_TEXT_SIZE];
    uint64_t any = 0;
    memcpy(&any, bytes, len < sizeof any ? len : sizeof any);
    require(strlen(wfe_bytesize_format(any, shown)) <= sizeof "1023 EiB");
    free(text);
    return 0;
}
