/* SPDX-License-Identifier: Apache-2.0
 *
 * Manifests and indexes as a registry may send them: parsing, choosing, describing. The first byte
 * chooses how the document was announced.
 */
#include <stdint.h>
#include <stdlib.h>

#include "image/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const types[] = {"", WFE_IMAGE_TYPE_OCI_INDEX, WFE_IMAGE_TYPE_OCI_MANIFEST,
                                        WFE_IMAGE_TYPE_DOCKER_LIST, WFE_IMAGE_TYPE_DOCKER_MANIFEST};
    wfe_image_document *document = NULL;
    wfe_image_platform machine;
    wfe_buf text = WFE_BUF_INIT(4096);
    if (size == 0)
        return 0;
    const char *type = types[data[0] % (sizeof types / sizeof *types)];
    if (wfe_image_document_parse(data + 1, size - 1, type, &document, NULL))
        return 0;
    wfe_image_platform_set(&machine, "linux", "amd64", "v3");
    size_t *order = calloc(document->n_items + 1, sizeof *order);
    if (order && document->is_index) {
        size_t n = wfe_image_document_order(document, &machine, order);
        if (n > document->n_items)
            abort();
        for (size_t i = 0; i < n; i++) {
            if (order[i] >= document->n_items)
                abort();
        }
        wfe_image_document_platforms(document, &text);
    }
    for (size_t i = 0; i < document->n_items; i++) {
        wfe_image_descriptor copy;
        if (wfe_image_descriptor_copy(&copy, &document->items[i], NULL) == 0)
            wfe_image_descriptor_done(&copy);
    }
    free(order);
    wfe_buf_done(&text);
    wfe_image_document_free(document);
    return 0;
}
