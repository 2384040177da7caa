/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of the runtime spec, one file each: spec.c checks the input and puts them together.
 * After the check the only thing that can fail is the buffer that the writer keeps.
 */
#ifndef WFE_OCI_SPEC_PRIV_H
#define WFE_OCI_SPEC_PRIV_H

#include "oci/caps.h"
#include "oci/spec.h"
#include "oci/writer.h"

void wfe_oci_spec_process(wfe_oci_writer *w, const wfe_oci_spec *in, const wfe_oci_cap_sets *caps);
void wfe_oci_spec_mounts(wfe_oci_writer *w, const wfe_oci_spec *in);
void wfe_oci_spec_devices(wfe_oci_writer *w, const wfe_oci_spec *in);

#endif
