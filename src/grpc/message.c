/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/message.h"

#include <stdlib.h>
#include <string.h>

#include "grpc/status.h"

/* A message announced as longer than this gets its memory as its bytes arrive, so that five bytes
 * from the peer cannot cost the limit. containerd's chunks of content are 1 MiB. */
#define PROMPT_BYTES ((size_t)1024 * 1024 + 4096)

void wfe_grpc_message_put_header(uint8_t out[WFE_GRPC_MESSAGE_HEADER_SIZE], size_t len)
{
    out[0] = 0;
    out[1] = (uint8_t)(len >> 24);
    out[2] = (uint8_t)(len >> 16);
    out[3] = (uint8_t)(len >> 8);
    out[4] = (uint8_t)len;
}

void wfe_grpc_reader_init(wfe_grpc_reader *reader, size_t max_bytes)
{
    *reader = (wfe_grpc_reader){.max_bytes = max_bytes};
}

void wfe_grpc_reader_done(wfe_grpc_reader *reader)
{
    free(reader->data);
    reader->data = NULL;
    reader->cap = 0;
    reader->len = 0;
    reader->header_len = 0;
}

bool wfe_grpc_reader_is_inside(const wfe_grpc_reader *reader)
{
    return reader->header_len > 0;
}

static int check_header(wfe_grpc_reader *reader, wfe_error *err)
{
    const uint8_t *h = reader->header;
    int rc = 0;
    if (h[0] == 1)
        rc = wfe_error_set(err, WFE_E_PROTOCOL,
                           "the peer sent a compressed message, which nobody asked for");
    else if (h[0] != 0)
        rc = wfe_error_set(err, WFE_E_PROTOCOL, "the peer sent a message with the flag byte 0x%02x",
                           h[0]);
    if (rc) {
        if (err)
            err->grpc_status = WFE_GRPC_INTERNAL;
        return rc;
    }
    size_t len = (size_t)h[1] << 24 | (size_t)h[2] << 16 | (size_t)h[3] << 8 | (size_t)h[4];
    if (len > reader->max_bytes) {
        rc = wfe_error_set(err, WFE_E_LIMIT,
                           "the peer sent a message of %zu bytes, the limit is %zu bytes", len,
                           reader->max_bytes);
        if (err)
            err->grpc_status = WFE_GRPC_RESOURCE_EXHAUSTED;
        return rc;
    }
    reader->message_len = len;
    return 0;
}

static int make_room(wfe_grpc_reader *reader, size_t need, wfe_error *err)
{
    if (need <= reader->cap)
        return 0;
    size_t cap = reader->message_len;
    if (cap > PROMPT_BYTES) {
        cap = need > PROMPT_BYTES / 2 ? need * 2 : PROMPT_BYTES;
        if (cap > reader->message_len)
            cap = reader->message_len;
    }
    uint8_t *data = realloc(reader->data, cap);
    if (!data)
        return wfe_error_nomem(err);
    reader->data = data;
    reader->cap = cap;
    return 0;
}

static void take_header(wfe_grpc_reader *reader, const uint8_t **bytes, size_t *len)
{
    size_t n = WFE_GRPC_MESSAGE_HEADER_SIZE - reader->header_len;
    if (n > *len)
        n = *len;
    memcpy(reader->header + reader->header_len, *bytes, n);
    reader->header_len += n;
    *bytes += n;
    *len -= n;
}

int wfe_grpc_reader_take(wfe_grpc_reader *reader, const uint8_t **bytes, size_t *len,
                         const uint8_t **ret_message, size_t *ret_len, wfe_error *err)
{
    *ret_message = NULL;
    *ret_len = 0;
    if (!*len)
        return 0;
    if (reader->header_len < WFE_GRPC_MESSAGE_HEADER_SIZE) {
        take_header(reader, bytes, len);
        if (reader->header_len < WFE_GRPC_MESSAGE_HEADER_SIZE)
            return 0;
        int rc = check_header(reader, err);
        if (rc)
            return rc;
        reader->len = 0;
    }
    if (!*len && reader->message_len)
        return 0;
    size_t missing = reader->message_len - reader->len;
    size_t n = missing < *len ? missing : *len;
    if (n == reader->message_len) {
        *ret_message = *bytes; /* whole in this piece: no copy */
    } else {
        int rc = make_room(reader, reader->len + n, err);
        if (rc)
            return rc;
        memcpy(reader->data + reader->len, *bytes, n);
        reader->len += n;
        if (n == missing)
            *ret_message = reader->data;
    }
    *bytes += n;
    *len -= n;
    if (*ret_message) {
        *ret_len = reader->message_len;
        reader->header_len = 0;
    }
    return 0;
}
