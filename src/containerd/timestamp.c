/* SPDX-License-Identifier: Apache-2.0 */
#include "containerd/timestamp.h"

/* 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z, the range of the protobuf type; the first is what
 * an unset time.Time of Go becomes. */
#define FIRST_SECOND (-62135596800)
#define LAST_SECOND 253402300799

bool wfe_timestamp_to_us(const Pb__Timestamp *timestamp, int64_t *ret_wall_us)
{
    if (!timestamp || timestamp->seconds <= FIRST_SECOND || timestamp->seconds > LAST_SECOND ||
        timestamp->nanos < 0 || timestamp->nanos > 999999999)
        return false;
    *ret_wall_us = timestamp->seconds * 1000000 + timestamp->nanos / 1000;
    return true;
}

Pb__Timestamp wfe_timestamp_from_us(int64_t wall_us)
{
    Pb__Timestamp timestamp = PB__TIMESTAMP__INIT;
    int64_t micros = wall_us % 1000000;
    if (micros < 0)
        micros += 1000000;
    timestamp.seconds = (wall_us - micros) / 1000000;
    timestamp.nanos = (int32_t)(micros * 1000);
    return timestamp;
}
