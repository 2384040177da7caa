/* SPDX-License-Identifier: Apache-2.0
 *
 * gRPC's length-prefixed messages: one flag byte, four bytes of length, the bytes. DATA frames cut
 * the sequence of them anywhere; the reader puts them together again. A length is checked against
 * the limit before anything is allocated for it.
 */
#ifndef WFE_GRPC_MESSAGE_H
#define WFE_GRPC_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define WFE_GRPC_MESSAGE_HEADER_SIZE 5

/* Writes the header of an uncompressed message; len must fit 32 bits. */
void wfe_grpc_message_put_header(uint8_t out[WFE_GRPC_MESSAGE_HEADER_SIZE], size_t len);

typedef struct wfe_grpc_reader {
    size_t max_bytes; /* longest message accepted */
    uint8_t header[WFE_GRPC_MESSAGE_HEADER_SIZE];
    size_t header_len;  /* bytes of header known */
    size_t message_len; /* from the header, once it is whole */
    uint8_t *data;      /* owned; bytes of a message that came in pieces; kept for the next one */
    size_t len;
    size_t cap;
} wfe_grpc_reader;

void wfe_grpc_reader_init(wfe_grpc_reader *reader, size_t max_bytes);
void wfe_grpc_reader_done(wfe_grpc_reader *reader);

/* Takes bytes from the front of *bytes, moving *bytes and *len on. Sets *ret_message, borrowed
 * until the next call or until the memory behind *bytes goes, when one is complete (its length may
 * be 0), else to NULL: then all bytes were taken. LIMIT for a message that is too long, PROTOCOL
 * for a compressed one or a bad flag, NOMEM. */
int wfe_grpc_reader_take(wfe_grpc_reader *reader, const uint8_t **bytes, size_t *len,
                         const uint8_t **ret_message, size_t *ret_len, wfe_error *err);
/* Has a message begun and not ended? */
bool wfe_grpc_reader_is_inside(const wfe_grpc_reader *reader);

#endif
