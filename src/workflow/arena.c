/* SPDX-License-Identifier: Apache-2.0 */
#include "workflow/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_FIRST_BYTES ((size_t)4096)
#define CHUNK_MAX_BYTES ((size_t)256 * 1024)

typedef struct chunk {
    struct chunk *next;
    size_t used;
    size_t size;
    alignas(max_align_t) char bytes[];
} chunk;

typedef struct kept {
    struct kept *next;
    json_t *value;
} kept;

struct wfe_arena {
    chunk *chunks; /* the one being filled first */
    kept *kept;
    size_t next_size;
    size_t bytes;
    bool failed;
};

wfe_arena *wfe_arena_new(void)
{
    wfe_arena *arena = calloc(1, sizeof *arena);
    if (arena)
        arena->next_size = CHUNK_FIRST_BYTES;
    return arena;
}

void wfe_arena_free(wfe_arena *arena)
{
    if (!arena)
        return;
    for (kept *k = arena->kept; k; k = k->next)
        json_decref(k->value);
    chunk *next;
    for (chunk *c = arena->chunks; c; c = next) {
        next = c->next;
        free(c);
    }
    free(arena);
}

static chunk *add_chunk(wfe_arena *arena, size_t len)
{
    size_t size = len > arena->next_size ? len : arena->next_size;
    chunk *c = calloc(1, sizeof *c + size);
    if (!c)
        return NULL;
    c->size = size;
    /* A large piece gets a chunk to itself, behind the one being filled. */
    if (arena->chunks && len > arena->next_size) {
        c->next = arena->chunks->next;
        arena->chunks->next = c;
    } else {
        c->next = arena->chunks;
        arena->chunks = c;
    }
    if (arena->next_size < CHUNK_MAX_BYTES)
        arena->next_size *= 2;
    return c;
}

void *wfe_arena_alloc(wfe_arena *arena, size_t len)
{
    const size_t align = alignof(max_align_t) / 2; /* pointers, doubles and 64-bit numbers */
    if (len > SIZE_MAX / 2)
        return NULL;
    len = (len + align - 1) / align * align;
    chunk *c = arena->chunks;
    if (!c || c->size - c->used < len)
        c = add_chunk(arena, len);
    if (!c) {
        arena->failed = true;
        return NULL;
    }
    void *piece = c->bytes + c->used;
    c->used += len;
    arena->bytes += len;
    return piece;
}

void *wfe_arena_array(wfe_arena *arena, size_t n, size_t size)
{
    return n > SIZE_MAX / 2 / size ? NULL : wfe_arena_alloc(arena, n * size);
}

char *wfe_arena_text(wfe_arena *arena, const char *text, size_t len)
{
    char *copy = wfe_arena_alloc(arena, len + 1);
    if (copy && len)
        memcpy(copy, text, len);
    return copy;
}

const json_t *wfe_arena_keep(wfe_arena *arena, json_t *value)
{
    if (!value)
        return NULL;
    kept *k = wfe_arena_alloc(arena, sizeof *k);
    if (!k) {
        json_decref(value);
        return NULL;
    }
    k->value = value;
    k->next = arena->kept;
    arena->kept = k;
    return value;
}

bool wfe_arena_failed(const wfe_arena *arena)
{
    return arena->failed;
}

void wfe_arena_fail(wfe_arena *arena)
{
    arena->failed = true;
}

size_t wfe_arena_bytes(const wfe_arena *arena)
{
    return arena->bytes;
}
