/* SPDX-License-Identifier: Apache-2.0 */
#include "containerd/labels.h"

#include <string.h>

/* Of a key too long, this much is shown. */
#define KEY_SHOWN 64

int wfe_labels_check(const char *key, const char *value, wfe_error *err)
{
    size_t len = strlen(key) + strlen(value);
    if (!*key)
        return wfe_error_set(err, WFE_E_INVALID, "a label has an empty key");
    if (len > WFE_LABELS_MAX_BYTES)
        return wfe_error_set(err, WFE_E_INVALID,
                             "label '%.*s': key and value are %zu bytes, at most %d are allowed",
                             KEY_SHOWN, key, len, WFE_LABELS_MAX_BYTES);
    return 0;
}

const char *wfe_labels_find(Pb__Pair *const *labels, size_t n_labels, const char *key)
{
    for (size_t i = 0; i < n_labels; i++) {
        if (strcmp(labels[i]->key, key) == 0)
            return labels[i]->value;
    }
    return NULL;
}
