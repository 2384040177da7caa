/* SPDX-License-Identifier: Apache-2.0
 *
 * Marks the functions that libwfe.so exports; everything else in it is hidden.
 */
#ifndef WFE_EXPORT_H
#define WFE_EXPORT_H

#if defined(__GNUC__)
#define WFE_API __attribute__((visibility("default")))
#else
#define WFE_API
#endif

#endif
