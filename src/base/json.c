/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* About what one value of a document takes. */
#define PROBE_BYTES 256

static bool has_memory(void)
{
    /* volatile: a block that is never used may not be asked for at all. */
    void *volatile block = malloc(PROBE_BYTES);
    free(block);
    return block != NULL;
}

int wfe_json_load(const void *text, size_t len, size_t flags, json_t **ret, wfe_error *err)
{
    json_error_t first, again;
    json_t *value = json_loadb(text, len, flags, &first);
    /* What is wrong with a text is wrong the second time, in the same place. */
    if (!value)
        value = json_loadb(text, len, flags, &again);
    if (value) {
        *ret = value;
        return 0;
    }
    if (!has_memory() || first.position != again.position || strcmp(first.text, again.text) != 0)
        return wfe_error_nomem(err);
    return wfe_error_set(err, WFE_E_INVALID, "it is no JSON: %s (line %d, column %d)", first.text,
                         first.line, first.column);
}
