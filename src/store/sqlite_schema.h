/* SPDX-License-Identifier: Apache-2.0
 *
 * The schema of the SQLite store, as the steps from each version to the next one. A step that was
 * released never changes: a new version is a new row at the end. For sqlite_schema.c and for the
 * tests that make files of older versions.
 */
#ifndef WFE_STORE_SQLITE_SCHEMA_H
#define WFE_STORE_SQLITE_SCHEMA_H

/* The newest version. */
#define WFE_SQLITE_SCHEMA_VERSION 2

/* Makes version i + 1 from version i; version 0 has nothing. */
extern const char *const wfe_sqlite_migrations[WFE_SQLITE_SCHEMA_VERSION];

#endif
