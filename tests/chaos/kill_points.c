/* SPDX-License-Identifier: Apache-2.0
 *
 * Linked into a `wfe` of the tests: counts what a crash could come between, and kills the process
 * at the one it was told. The linker puts the functions below in the place of those of the same
 * name
 * (--wrap), so that nothing of this is in the code that is tested.
 *
 *     WFE_KILL_AT=KIND:N:WHEN   the N-th of its kind, from 1; WHEN is before or after
 *     WFE_KILL_COUNT=FILE       at the end, a line "KIND N" for each kind
 *
 * "after" a call to containerd is when the answer has come and nobody has seen it.
 */
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "containerd/client.h"
#include "step/spool.h"
#include "store/logs.h"
#include "store/sqlite_priv.h"

enum kind { STORE, CALL, LOG, SPOOL, N_KINDS };
static const char *const names[N_KINDS] = {"store", "call", "log", "spool"};

static atomic_long counts[N_KINDS];
static int wanted_kind = -1;
static long wanted;
static bool wanted_after;

static void write_counts(void)
{
    FILE *file = fopen(getenv("WFE_KILL_COUNT"), "w");
    for (int i = 0; file && i < N_KINDS; i++)
        fprintf(file, "%s %ld\n", names[i], atomic_load(&counts[i]));
    if (file)
        fclose(file);
}

static __attribute__((constructor)) void read_wish(void)
{
    const char *wish = getenv("WFE_KILL_AT");
    char kind[16], when[16];
    if (getenv("WFE_KILL_COUNT"))
        atexit(write_counts);
    if (!wish || sscanf(wish, "%15[a-z]:%ld:%15s", kind, &wanted, when) != 3)
        return;
    for (int i = 0; i < N_KINDS; i++)
        if (strcmp(kind, names[i]) == 0)
            wanted_kind = i;
    wanted_after = strcmp(when, "after") == 0;
}

static void die(void)
{
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

/* Is this the one: then the process ends here, or the caller ends it after its work. */
static bool passes(enum kind kind)
{
    long n = atomic_fetch_add(&counts[kind], 1) + 1;
    if ((int)kind != wanted_kind || n != wanted)
        return false;
    if (!wanted_after)
        die();
    return true;
}

/* ---- the store ---- */

int __real_wfe_sqlite_end(wfe_sqlite_store *store, int rc, const char *what, wfe_error *err);
int __wrap_wfe_sqlite_end(wfe_sqlite_store *store, int rc, const char *what, wfe_error *err);
int __wrap_wfe_sqlite_end(wfe_sqlite_store *store, int rc, const char *what, wfe_error *err)
{
    bool last = passes(STORE);
    rc = __real_wfe_sqlite_end(store, rc, what, err);
    if (last)
        die();
    return rc;
}

/* ---- calls ---- */

int __real_wfe_containerd_unary(wfe_containerd *containerd, const wfe_containerd_method *method,
                                const wfe_containerd_options *options, const char *subject,
                                const ProtobufCMessage *request, wfe_containerd_any_fn fn,
                                void *user, wfe_containerd_call **ret, wfe_error *err);
int __wrap_wfe_containerd_unary(wfe_containerd *containerd, const wfe_containerd_method *method,
                                const wfe_containerd_options *options, const char *subject,
                                const ProtobufCMessage *request, wfe_containerd_any_fn fn,
                                void *user, wfe_containerd_call **ret, wfe_error *err);
int __wrap_wfe_containerd_unary(wfe_containerd *containerd, const wfe_containerd_method *method,
                                const wfe_containerd_options *options, const char *subject,
                                const ProtobufCMessage *request, wfe_containerd_any_fn fn,
                                void *user, wfe_containerd_call **ret, wfe_error *err)
{
    if (passes(CALL))
        fn = die; /* in the place of whoever waits for the answer */
    return __real_wfe_containerd_unary(containerd, method, options, subject, request, fn, user, ret,
                                       err);
}

/* ---- bytes ---- */

int __real_wfe_logs_write(wfe_logs *logs, const char *step, unsigned attempt,
                          enum wfe_log_stream stream, const void *bytes, size_t len,
                          wfe_error *err);
int __wrap_wfe_logs_write(wfe_logs *logs, const char *step, unsigned attempt,
                          enum wfe_log_stream stream, const void *bytes, size_t len,
                          wfe_error *err);
int __wrap_wfe_logs_write(wfe_logs *logs, const char *step, unsigned attempt,
                          enum wfe_log_stream stream, const void *bytes, size_t len, wfe_error *err)
{
    bool last = passes(LOG);
    int rc = __real_wfe_logs_write(logs, step, attempt, stream, bytes, len, err);
    if (last)
        die();
    return rc;
}

ssize_t __real_wfe_spool_read(wfe_spool *spool, int fifo, void *bytes, size_t size);
ssize_t __wrap_wfe_spool_read(wfe_spool *spool, int fifo, void *bytes, size_t size);
ssize_t __wrap_wfe_spool_read(wfe_spool *spool, int fifo, void *bytes, size_t size)
{
    bool last = passes(SPOOL);
    ssize_t n = __real_wfe_spool_read(spool, fifo, bytes, size);
    if (last)
        die();
    return n;
}
