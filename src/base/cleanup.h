/* SPDX-License-Identifier: Apache-2.0
 *
 * Scope-bound clean-up: `_cleanup_(fn) T *p = NULL;` runs fn(&p) when p goes out of scope.
 * Always initialise such a variable; give its value away only through wfe_take().
 */
#ifndef WFE_BASE_CLEANUP_H
#define WFE_BASE_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(fn) __attribute__((cleanup(fn)))

/* Defines `static inline void fn##_p(T **p)` for use with _cleanup_. fn must accept NULL. */
#define WFE_DEFINE_CLEANUP(type, fn)                                                               \
    static inline void fn##_p(type **p)                                                            \
    {                                                                                              \
        fn(*p);                                                                                    \
    }

/* Moves a pointer out of a cleaned-up variable: returns it and leaves NULL behind. */
#define wfe_take(p)                                                                                \
    __extension__({                                                                                \
        __typeof__(p) wfe_taken_ = (p);                                                            \
        (p) = NULL;                                                                                \
        wfe_taken_;                                                                                \
    })

/* Moves a file descriptor out of a cleaned-up variable: returns it and leaves -1 behind. */
static inline int wfe_take_fd(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

static inline void wfe_cleanup_free(void *p)
{
    free(*(void **)p);
}

static inline void wfe_cleanup_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

#define _cleanup_free_ _cleanup_(wfe_cleanup_free)
#define _cleanup_close_ _cleanup_(wfe_cleanup_close)

#endif
