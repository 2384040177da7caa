/* SPDX-License-Identifier: Apache-2.0
 *
 * Messages within messages: packing them into google.protobuf.Any and taking them out again. wfe
 * sends bare type names.
 */
#ifndef WFE_CONTAINERD_ANY_H
#define WFE_CONTAINERD_ANY_H

#include <protobuf-c/protobuf-c.h>

#include "base/error.h"
#include "google/protobuf/any.pb-c.h"

/* out is overwritten; type_url is borrowed for its life. Free with wfe_any_done. NOMEM. */
int wfe_any_pack(const ProtobufCMessage *message, const char *type_url, Pb__Any *out,
                 wfe_error *err);
/* What it held is overwritten first: it may have been a password. */
void wfe_any_done(Pb__Any *any);
/* Free with protobuf_c_message_free_unpacked. NULL when it is of another type, or no such message,
 * or for want of memory. */
ProtobufCMessage *wfe_any_unpack(const Pb__Any *any, const char *type_url,
                                 const ProtobufCMessageDescriptor *descriptor);

#endif
