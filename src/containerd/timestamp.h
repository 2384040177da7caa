/* SPDX-License-Identifier: Apache-2.0
 *
 * Points in time as containerd sends them: google.protobuf.Timestamp, where Go's zero time
 * (year 1) and an absent member both mean that there is none.
 */
#ifndef WFE_CONTAINERD_TIMESTAMP_H
#define WFE_CONTAINERD_TIMESTAMP_H

#include <stdbool.h>
#include <stdint.h>

#include "google/protobuf/timestamp.pb-c.h"

/* Stores microseconds since 1970 and returns true; false, with nothing stored, for no time at all:
 * NULL, Go's zero time, or nanoseconds out of range. */
bool wfe_timestamp_to_us(const Pb__Timestamp *timestamp, int64_t *ret_wall_us);
Pb__Timestamp wfe_timestamp_from_us(int64_t wall_us);

#endif
