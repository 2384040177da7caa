/* SPDX-License-Identifier: Apache-2.0
 *
 * The log hook. The library writes nowhere by itself: who embeds it gives a function. No text
 * passed here holds a secret.
 */
#ifndef WFE_BASE_LOG_H
#define WFE_BASE_LOG_H

#include <wfe/log.h>

typedef struct wfe_log {
    wfe_log_fn fn; /* NULL: nothing is logged */
    void *user;
    int level; /* messages above it are not formatted */
} wfe_log;

void wfe_log_write(const wfe_log *log, int level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define wfe_log_error(log, ...) wfe_log_write(log, WFE_LOG_ERROR, __VA_ARGS__)
#define wfe_log_warning(log, ...) wfe_log_write(log, WFE_LOG_WARNING, __VA_ARGS__)
#define wfe_log_info(log, ...) wfe_log_write(log, WFE_LOG_INFO, __VA_ARGS__)
#define wfe_log_debug(log, ...) wfe_log_write(log, WFE_LOG_DEBUG, __VA_ARGS__)

#endif
