/* SPDX-License-Identifier: Apache-2.0 */
#include "containerd/any.h"

#include <stdlib.h>
#include <string.h>

int wfe_any_pack(const ProtobufCMessage *message, const char *type_url, Pb__Any *out,
                 wfe_error *err)
{
    const Pb__Any empty = PB__ANY__INIT;
    size_t len = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = malloc(len + 1);
    if (!bytes)
        return wfe_error_nomem(err);
    *out = empty;
    out->type_url = type_url;
    out->value.len = protobuf_c_message_pack(message, bytes);
    out->value.data = bytes;
    return 0;
}

void wfe_any_done(Pb__Any *any)
{
    if (any->value.data)
        explicit_bzero(any->value.data, any->value.len);
    free(any->value.data);
    any->value.data = NULL;
    any->value.len = 0;
}

ProtobufCMessage *wfe_any_unpack(const Pb__Any *any, const char *type_url,
                                 const ProtobufCMessageDescriptor *descriptor)
{
    if (strcmp(any->type_url, type_url) != 0)
        return NULL;
    return protobuf_c_message_unpack(descriptor, NULL, any->value.len, any->value.data);
}
