/* SPDX-License-Identifier: Apache-2.0
 *
 * Image references: what is taken fits its bounds and reads back as the same, its short form too;
 * what is refused is refused with a position within the text.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "image/reference.h"

static void require(int condition)
{
    if (!condition)
        abort();
}

static void check_same(const char *text, const char *full)
{
    wfe_error err = WFE_ERROR_INIT;
    char again[WFE_IMAGE_REFERENCE_SIZE];
    require(wfe_image_reference_normalize(text, again, &err) == 0);
    require(strcmp(again, full) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    wfe_image_reference reference;
    char full[WFE_IMAGE_REFERENCE_SIZE];
    wfe_error err = WFE_ERROR_INIT;
    char *text = malloc(len + 1);
    if (!text)
        return 0;
    memcpy(text, bytes, len);
    text[len] = '\0';
    int rc = wfe_image_reference_parse(text, &reference, &err);
    require(rc == err.kind && (rc == 0 || rc == WFE_E_INVALID));
    if (rc == 0) {
        require(reference.domain[0] && reference.path[0]);
        require(reference.tag[0] || reference.digest[0]);
        wfe_image_reference_format(&reference, full);
        check_same(full, full);
        check_same(wfe_image_reference_shorten(full), full);
    } else {
        require(err.message[0]);
    }
    free(text);
    return 0;
}
