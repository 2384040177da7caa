/* SPDX-License-Identifier: Apache-2.0
 *
 * The reader of length-prefixed messages: the input is cut into pieces as its first byte says; the
 * messages must be the same as without cuts, whatever the bytes are.
 */
#include <stdlib.h>
#include <string.h>

#include "grpc/message.h"

#define MAX_BYTES 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A checksum over the messages and the way it ended. */
static uint64_t read_all(const uint8_t *data, size_t size, size_t piece)
{
    wfe_grpc_reader reader;
    wfe_grpc_reader_init(&reader, MAX_BYTES);
    uint64_t sum = 1469598103934665603U;
    int rc = 0;
    for (size_t at = 0; at < size && !rc; at += piece) {
        size_t left = size - at < piece ? size - at : piece;
        /* A copy of exact size: reading past it is seen. */
        uint8_t *copy = malloc(left);
        if (!copy)
            abort();
        memcpy(copy, data + at, left);
        const uint8_t *from = copy;
        while (left && !rc) {
            const uint8_t *message = NULL;
            size_t len = 0;
            wfe_error err = WFE_ERROR_INIT;
            rc = wfe_grpc_reader_take(&reader, &from, &left, &message, &len, &err);
            if (rc != err.kind || (!rc && !message && left) || len > MAX_BYTES ||
                reader.cap > MAX_BYTES)
                abort();
            if (message)
                sum = (sum ^ len) * 1099511628211U;
            for (size_t i = 0; message && i < len; i++)
                sum = (sum ^ message[i]) * 1099511628211U;
        }
        free(copy);
    }
    sum = (sum ^ (uint64_t)(rc + 100)) * 1099511628211U;
    sum ^= wfe_grpc_reader_is_inside(&reader);
    wfe_grpc_reader_done(&reader);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    size_t piece = data[0] ? data[0] : 1;
    if (read_all(data + 1, size - 1, piece) != read_all(data + 1, size - 1, size))
        abort();
    return 0;
}
