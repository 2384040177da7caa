/* SPDX-License-Identifier: Apache-2.0
 *
 * Replaces the allocator of the program that includes it (in one file), that of the libraries it
 * uses and of libc's own strdup and the like included, by one whose n-th allocation can be made to
 * fail, and which counts blocks. Only the thread that arms it is concerned.
 *
 * Of libuv one allocation is spared: the table of watched descriptors, which it grows by realloc,
 * and when that fails it aborts the program (uv__io_start). No caller can do anything about that.
 */
#ifndef WFE_TESTS_FAILING_MALLOC_H
#define WFE_TESTS_FAILING_MALLOC_H

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#ifdef __SANITIZE_ADDRESS__
#define REAL(name) __interceptor_##name
#else
#define REAL(name) __libc_##name
#endif

void *REAL(malloc)(size_t size);
void *REAL(calloc)(size_t n, size_t size);
void *REAL(realloc)(void *block, size_t size);
void REAL(free)(void *block);

typedef struct failing_state {
    bool armed;
    bool for_good; /* not only the n-th fails but all that follow */
    bool spared;
    unsigned long count;   /* allocations since it was armed */
    unsigned long fail_at; /* 0: none fails */
    unsigned long failed;
    long live; /* blocks of this thread, allocated minus freed, ever */
} failing_state;

/* volatile: compilers take it that malloc and free change nothing the program can see. */
static __thread volatile failing_state failing;

/* Without it the libraries would go on with libc's own. */
#define FOR_ALL __attribute__((visibility("default")))

/* Names of libraries whose own allocations never fail, nor then libc's for anyone. */
static const char *failing_malloc_spares[4];

/* Called before the sanitizer is ready for what it would add here. */
#define UNCHECKED __attribute__((no_sanitize("address")))

UNCHECKED static bool is_spared(const void *caller)
{
    Dl_info info;
    if (!failing_malloc_spares[0] || !dladdr(caller, &info) || !info.dli_fname)
        return false;
    for (size_t i = 0; i < 4 && failing_malloc_spares[i]; i++) {
        if (strstr(info.dli_fname, failing_malloc_spares[i]))
            return true;
    }
    return strstr(info.dli_fname, "/libc.so") != NULL;
}

UNCHECKED static bool fails_now(const void *caller)
{
    if (!failing.armed || failing.spared || is_spared(caller))
        return false;
    failing.count++;
    if (!failing.fail_at || failing.count < failing.fail_at ||
        (failing.count > failing.fail_at && !failing.for_good))
        return false;
    failing.failed++;
    errno = ENOMEM;
    return true;
}

FOR_ALL void *malloc(size_t size)
{
    void *block = fails_now(__builtin_return_address(0)) ? NULL : REAL(malloc)(size);
    failing.live += block != NULL;
    return block;
}

FOR_ALL void *calloc(size_t n, size_t size)
{
    void *block = fails_now(__builtin_return_address(0)) ? NULL : REAL(calloc)(n, size);
    failing.live += block != NULL;
    return block;
}

FOR_ALL void *realloc(void *block, size_t size)
{
    void *other = fails_now(__builtin_return_address(0)) ? NULL : REAL(realloc)(block, size);
    failing.live += !block && other;
    return other;
}

FOR_ALL void free(void *block)
{
    failing.live -= block != NULL;
    REAL(free)(block);
}

#ifdef __SANITIZE_ADDRESS__
/* The sanitizer's own ones take their memory past malloc. */
static char *copy_of(const char *text, size_t len)
{
    char *copy = malloc(len + 1);
    if (copy) {
        memcpy(copy, text, len);
        copy[len] = '\0';
    }
    return copy;
}

FOR_ALL char *strndup(const char *text, size_t max)
{
    return copy_of(text, strnlen(text, max));
}

FOR_ALL char *strdup(const char *text)
{
    return copy_of(text, strlen(text));
}

FOR_ALL void *reallocarray(void *block, size_t n, size_t size)
{
    size_t bytes = 0;
    if (__builtin_mul_overflow(n, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(block, bytes);
}
#endif

static void *spared_realloc(void *block, size_t size)
{
    failing.spared = true;
    void *other = realloc(block, size);
    failing.spared = false;
    return other;
}

/* Before anything of libuv is used. */
static int failing_malloc_init(void)
{
    return uv_replace_allocator(malloc, spared_realloc, calloc, free);
}

/* Lets the n-th allocation from now on fail (0: none), for_good: and all after it. */
static void failing_malloc_arm(unsigned long n, bool for_good)
{
    failing.fail_at = n;
    failing.for_good = for_good;
    failing.count = 0;
    failing.failed = 0;
    failing.armed = true;
}

/* Back to normal; gives how many allocations failed. */
static unsigned long failing_malloc_disarm(void)
{
    failing.armed = false;
    return failing.failed;
}

#endif
