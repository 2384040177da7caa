/* SPDX-License-Identifier: Apache-2.0
 *
 * The store in a file: SQLite, with a write-ahead log that is synced before a commit counts.
 * Several processes of one machine may have it open; it does not belong on a network file system.
 */
#ifndef WFE_STORE_SQLITE_H
#define WFE_STORE_SQLITE_H

#include "store/store.h"

typedef struct wfe_store_sqlite_options {
    const char *path;    /* of the file; its folder is made (0700), and so is the file (0600) */
    bool must_exist;     /* NOT_FOUND instead of making it */
    uint64_t busy_ms;    /* how long to wait for another process's transaction; 0: 10 s */
    const char *program; /* for people who look into the file: "wfe 0.1.0"; NULL: "wfe" */
} wfe_store_sqlite_options;

/* Opens or makes it, and brings an older schema up to date. A file that is damaged, of a newer wfe,
 * or no store of wfe is INVALID, with what to do in the hint, and stays as it is. DENIED: it cannot
 * be written. UNAVAILABLE: libsqlite3 is missing, or another process keeps the file busy. */
int wfe_store_sqlite_open(const wfe_store_sqlite_options *options, wfe_store **ret, wfe_error *err);

#endif
