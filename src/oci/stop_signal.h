/* SPDX-License-Identifier: Apache-2.0
 *
 * Signals by name or number, as images (StopSignal) and users write them.
 */
#ifndef WFE_OCI_STOP_SIGNAL_H
#define WFE_OCI_STOP_SIGNAL_H

#include "base/error.h"

/* The largest signal of Linux on all architectures but mips. */
#define WFE_OCI_SIGNAL_MAX 64

/* "SIGTERM", "TERM", "sigterm", "15", "SIGRTMIN+3", "RTMAX-1"; NULL or "" is SIGTERM. INVALID with
 * the nearest name. */
int wfe_oci_stop_signal_parse(const char *text, int *ret, wfe_error *err);

#endif
