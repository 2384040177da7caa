/* SPDX-License-Identifier: Apache-2.0
 *
 * The output parser: however the stream is cut, the outputs are the same, and they are what a
 * parser of whole lines finds. The first byte says how to cut.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "step/outputs.h"

static void require(int condition)
{
    if (!condition)
        abort();
}

static void parse(wfe_outputs *outputs, const uint8_t *bytes, size_t len, size_t piece)
{
    wfe_outputs_init(outputs);
    for (size_t at = 0; at < len; at += piece)
        wfe_outputs_feed(outputs, bytes + at, len - at < piece ? len - at : piece, NULL);
    wfe_outputs_finish(outputs, NULL);
}

/* Lines that can be outputs, counted the simple way. */
static size_t count_candidates(const uint8_t *bytes, size_t len)
{
    static const char prefix[] = "##wfe[output ";
    size_t n = 0;
    while (len) {
        const uint8_t *newline = memchr(bytes, '\n', len);
        size_t line = newline ? (size_t)(newline - bytes) : len;
        n += line >= sizeof prefix && memcmp(bytes, prefix, sizeof prefix - 1) == 0;
        size_t used = newline ? line + 1 : line;
        bytes += used;
        len -= used;
    }
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (!len)
        return 0;
    size_t piece = (size_t)bytes[0] % 32 + 1;
    bytes++;
    len--;
    wfe_outputs whole, cut;
    parse(&whole, bytes, len, len ? len : 1);
    parse(&cut, bytes, len, piece);
    require(whole.map.len == cut.map.len);
    require(whole.map.len <= count_candidates(bytes, len));
    for (size_t i = 0; i < whole.map.len; i++) {
        require(strcmp(whole.map.items[i].key, cut.map.items[i].key) == 0);
        require(strcmp(whole.map.items[i].value, cut.map.items[i].value) == 0);
        require(whole.map.items[i].key[0] && !strchr(whole.map.items[i].key, '='));
        require(!strpbrk(whole.map.items[i].key, "\n") && !strpbrk(whole.map.items[i].value, "\n"));
    }
    wfe_outputs_done(&whole);
    wfe_outputs_done(&cut);
    return 0;
}
