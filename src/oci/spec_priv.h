/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of the runtime spec, one file each: spec.c checks the input and puts them together.
 * After the check the only thing that can fail is memory, so each part is a JSON value or NULL.
 */
#ifndef WFE_OCI_SPEC_PRIV_H
#define WFE_OCI_SPEC_PRIV_H

#include "oci/caps.h"
#include "oci/json.h"
#include "oci/spec.h"

/* JSON integers of jansson have no room for UINT64_MAX, "unlimited": this one, of the same width,
 * stands for it until the text is made. Nothing else in a spec is negative. */
#define WFE_OCI_SPEC_UNLIMITED INT64_MIN
#define WFE_OCI_SPEC_UNLIMITED_TEXT ":-9223372036854775808"

json_t *wfe_oci_spec_process(const wfe_oci_spec *in, const wfe_oci_cap_sets *caps);
json_t *wfe_oci_spec_mounts(const wfe_oci_spec *in);
json_t *wfe_oci_spec_devices(const wfe_oci_spec *in);

#endif
