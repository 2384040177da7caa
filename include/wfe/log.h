/* SPDX-License-Identifier: Apache-2.0
 *
 * The log hook that whoever embeds libwfe may give; the library itself prints nothing.
 */
#ifndef WFE_LOG_H
#define WFE_LOG_H

#ifdef __cplusplus
extern "C" {
#endif

enum wfe_log_level {
    WFE_LOG_ERROR = 0,
    WFE_LOG_WARNING = 1,
    WFE_LOG_INFO = 2,
    WFE_LOG_DEBUG = 3,
};

/* One message: no newline at its end, never a secret in it. text is borrowed during the call. */
typedef void (*wfe_log_fn)(int level, const char *text, void *user);

#ifdef __cplusplus
}
#endif
#endif
