/* SPDX-License-Identifier: Apache-2.0
 *
 * Masking: however the stream is cut, the result is what marking every occurrence of every form by
 * hand gives. Input: a byte that says how to cut, up to three secrets each after a byte with its
 * length, and the text; in it the byte 0xFF stands for the first secret, so that it is met often.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mask.h"
#include "base/mask_forms.h"

#define MAX_TEXT 2048

static void require(int condition)
{
    if (!condition)
        abort();
}

static void mask_simply(const wfe_mask_forms *forms, const uint8_t *text, size_t len, wfe_buf *out)
{
    uint8_t hidden[MAX_TEXT + 1] = {0};
    for (size_t f = 0; f < forms->len; f++) {
        const wfe_mask_form *form = &forms->items[f];
        for (size_t at = 0; at + form->len <= len; at++) {
            if (memcmp(text + at, form->bytes, form->len) == 0)
                memset(hidden + at, 1, form->len);
        }
    }
    for (size_t at = 0; at < len; at++) {
        if (!hidden[at])
            require(wfe_buf_append(out, text + at, 1, NULL) == 0);
        else if (!hidden[at + 1])
            require(wfe_buf_append_str(out, WFE_MASK_TEXT, NULL) == 0);
    }
}

static void mask_in_pieces(wfe_mask *mask, const uint8_t *text, size_t len, size_t piece,
                           wfe_buf *out)
{
    wfe_mask_stream *stream = NULL;
    require(wfe_mask_stream_new(mask, &stream, NULL) == 0);
    for (size_t at = 0; at < len; at += piece)
        require(wfe_mask_stream_feed(stream, text + at, len - at < piece ? len - at : piece, out,
                                     NULL) == 0);
    require(wfe_mask_stream_finish(stream, out, NULL) == 0);
    require(wfe_mask_stream_held(stream) == 0);
    wfe_mask_stream_free(stream);
}

static size_t read_secrets(const uint8_t *bytes, size_t len, wfe_mask *mask, wfe_mask_forms *forms,
                           wfe_buf *first)
{
    size_t at = 0;
    for (int i = 0; i < 3 && at < len; i++) {
        size_t n = bytes[at++] % 40;
        n = n < len - at ? n : len - at;
        if (wfe_mask_add(mask, bytes + at, n, NULL) == 0) {
            size_t cut = n;
            while (cut && (bytes[at + cut - 1] == '\n' || bytes[at + cut - 1] == '\r'))
                cut--;
            require(wfe_mask_forms_add(forms, bytes + at, cut, NULL) == 0);
            if (!first->len)
                require(wfe_buf_append(first, bytes + at, n, NULL) == 0);
        }
        at += n;
    }
    return at;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (!len)
        return 0;
    size_t piece = (size_t)bytes[0] % 24 + 1;
    wfe_mask *mask = wfe_mask_new();
    require(mask != NULL);
    wfe_mask_forms forms = {0};
    wfe_buf first = WFE_BUF_INIT(0), text = WFE_BUF_INIT(MAX_TEXT);
    wfe_buf simple = WFE_BUF_INIT(0), whole = WFE_BUF_INIT(0), cut = WFE_BUF_INIT(0);
    size_t at = 1 + read_secrets(bytes + 1, len - 1, mask, &forms, &first);
    for (int rc = 0; !rc && at < len; at++)
        rc = bytes[at] == 0xFF ? wfe_buf_append(&text, first.data, first.len, NULL)
                               : wfe_buf_append(&text, bytes + at, 1, NULL);
    mask_simply(&forms, (const uint8_t *)text.data, text.len, &simple);
    require(wfe_mask_text(mask, text.data, text.len, &whole, NULL) == 0);
    mask_in_pieces(mask, (const uint8_t *)text.data, text.len, piece, &cut);
    require(simple.len == whole.len && simple.len == cut.len);
    require(!simple.len || memcmp(simple.data, whole.data, simple.len) == 0);
    require(!simple.len || memcmp(simple.data, cut.data, simple.len) == 0);
    wfe_mask_forms_done(&forms);
    wfe_mask_free(mask);
    wfe_buf_done(&first);
    wfe_buf_done(&text);
    wfe_buf_done(&simple);
    wfe_buf_done(&whole);
    wfe_buf_done(&cut);
    return 0;
}
