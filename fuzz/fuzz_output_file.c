/* SPDX-License-Identifier: Apache-2.0
 *
 * The reader of $WFE_OUTPUT: every output is a piece of the file, no key is empty, and each line is
 * counted at most once.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "step/output_file.h"

static void require(int condition)
{
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    wfe_outputs outputs;
    wfe_output_file_report report;
    size_t lines = 1;
    for (size_t i = 0; i < len; i++)
        lines += bytes[i] == '\n';
    wfe_outputs_init(&outputs);
    int rc = wfe_output_file_parse((const char *)bytes, len, &outputs, &report, NULL);
    require(rc == 0 || rc == WFE_E_LIMIT);
    require(outputs.map.len + report.n_bad_lines + (report.open_block_line != 0) <= lines);
    require(report.first_bad_line <= lines && report.open_block_line <= lines);
    require(!report.n_bad_lines == !report.first_bad_line);
    int has_nul = len && memchr(bytes, 0, len);
    for (size_t i = 0; i < outputs.map.len; i++) {
        const wfe_pair *pair = &outputs.map.items[i];
        size_t value_len = strlen(pair->value);
        require(pair->key[0] && !strpbrk(pair->key, "=\n"));
        require(has_nul || memmem(bytes, len, pair->key, strlen(pair->key)));
        require(has_nul || !value_len || memmem(bytes, len, pair->value, value_len));
    }
    wfe_outputs_done(&outputs);
    return 0;
}
