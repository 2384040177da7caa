/* SPDX-License-Identifier: Apache-2.0
 *
 * Durations: what is accepted lies in the range, and its shortest text means the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/duration.h"

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
    uint64_t ms = 0;
    wfe_error err = WFE_ERROR_INIT;
    if (wfe_duration_parse(text, "timeout", 1, WFE_DURATION_MAX_MS, &ms, &err) == 0) {
        require(ms >= 1 && ms <= WFE_DURATION_MAX_MS && !err.kind);
        char again[WFE_DURATION_TEXT_SIZE];
        uint64_t same = 0;
        wfe_duration_format(ms, again);
        require(wfe_duration_parse(again, "timeout", ms, ms, &same, NULL) == 0 && same == ms);
    } else {
        require(err.kind == WFE_E_INVALID && ms == 0 && strstr(err.message, "from 1 ms to 30 d"));
    }
    free(text);
    return 0;
}
