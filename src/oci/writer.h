/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON as text, straight into a buffer: the runtime spec as a tree of values cost a quarter of the
 * instructions of a whole step. It knows nothing of what may follow what: each value is written
 * with a comma behind it, and what ends an object or a list takes the last one away. The first
 * failure, which is the buffer's, stays; all that comes later does nothing. Texts have to be UTF-8.
 */
#ifndef WFE_OCI_WRITER_H
#define WFE_OCI_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

typedef struct wfe_oci_writer {
    wfe_buf *out; /* borrowed */
    int rc;       /* WFE_E_LIMIT or WFE_E_NOMEM once it failed */
} wfe_oci_writer;

/* Of all: key is NULL in a list, and is written as it is. */
void wfe_oci_write_object(wfe_oci_writer *w, const char *key);
void wfe_oci_write_object_end(wfe_oci_writer *w);
void wfe_oci_write_list(wfe_oci_writer *w, const char *key);
void wfe_oci_write_list_end(wfe_oci_writer *w);
void wfe_oci_write_text(wfe_oci_writer *w, const char *key, const char *text);
/* One text of two, with what joins them. */
void wfe_oci_write_joined(wfe_oci_writer *w, const char *key, const char *a, const char *join,
                          const char *b);
void wfe_oci_write_number(wfe_oci_writer *w, const char *key, uint64_t value);
void wfe_oci_write_bool(wfe_oci_writer *w, const char *key, bool value);
/* NULL-terminated. */
void wfe_oci_write_texts(wfe_oci_writer *w, const char *key, const char *const *list);
/* Of the whole: takes the last comma away. Returns w->rc. */
int wfe_oci_write_end(wfe_oci_writer *w);

#endif
