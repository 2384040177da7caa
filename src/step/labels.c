/* SPDX-License-Identifier: Apache-2.0 */
#include "step/labels.h"

#include <stdio.h>

void wfe_step_labels_add(wfe_step_labels *labels, const char *key, const char *value)
{
    Pb__Pair *pair = &labels->pairs[labels->n];
    *pair = (Pb__Pair)PB__PAIR__INIT;
    pair->key = key;
    pair->value = value;
    labels->list[labels->n++] = pair;
}

void wfe_step_labels_fill(wfe_step_labels *labels, const wfe_step *step)
{
    labels->n = 0;
    snprintf(labels->attempt, sizeof labels->attempt, "%u", step->config.attempt);
    wfe_step_labels_add(labels, "wfe.run", step->config.run_id);
    wfe_step_labels_add(labels, "wfe.step", step->config.name);
    wfe_step_labels_add(labels, "wfe.attempt", labels->attempt);
    wfe_step_labels_add(labels, "wfe.owner", step->owner);
}

void wfe_step_labels_add_config(wfe_step_labels *labels, const wfe_step_config *config)
{
    for (size_t i = 0; i < config->labels.len; i++)
        wfe_step_labels_add(labels, config->labels.items[i].key, config->labels.items[i].value);
}
