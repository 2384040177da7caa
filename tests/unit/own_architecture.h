/* SPDX-License-Identifier: Apache-2.0
 *
 * What images call the architecture that the tests are built for.
 */
#ifndef WFE_TESTS_OWN_ARCHITECTURE_H
#define WFE_TESTS_OWN_ARCHITECTURE_H

#if defined(__x86_64__)
#define OWN_ARCHITECTURE "amd64"
#else
#define OWN_ARCHITECTURE "arm64"
#endif

#endif
