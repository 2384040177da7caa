/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory that is freed all at once: trees and plans are made of many small pieces that live
 * equally long. Nothing in it moves or is freed alone.
 */
#ifndef WFE_WORKFLOW_ARENA_H
#define WFE_WORKFLOW_ARENA_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

typedef struct wfe_arena wfe_arena;

/* NULL without memory. */
wfe_arena *wfe_arena_new(void);
void wfe_arena_free(wfe_arena *arena);

/* Zeroed bytes, aligned for anything; NULL without memory. */
void *wfe_arena_alloc(wfe_arena *arena, size_t len);
/* Room for n members of size bytes each; NULL also when that is more than memory can hold. */
void *wfe_arena_array(wfe_arena *arena, size_t n, size_t size);
/* A NUL-terminated copy. */
char *wfe_arena_text(wfe_arena *arena, const char *text, size_t len);
/* Takes the reference, on failure too: value lives as long as the arena. NULL for a NULL value
 * and without memory. */
const json_t *wfe_arena_keep(wfe_arena *arena, json_t *value);
/* Has there been no memory for any of it, or for what was made to go into it. */
bool wfe_arena_failed(const wfe_arena *arena);
void wfe_arena_fail(wfe_arena *arena);
/* Bytes handed out, for benchmarks. */
size_t wfe_arena_bytes(const wfe_arena *arena);

WFE_DEFINE_CLEANUP(wfe_arena, wfe_arena_free)

#endif
