/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "engine/record.h"

typedef struct memory_recorder {
    wfe_recorder fns; /* first: it is what others see */
    wfe_recorded_fn acknowledged;
    void *user;
    uint64_t put;
} memory_recorder;

static void attach(wfe_recorder *recorder, wfe_recorded_fn acknowledged, void *user)
{
    memory_recorder *memory = (memory_recorder *)recorder;
    memory->acknowledged = acknowledged;
    memory->user = user;
}

static int put(wfe_recorder *recorder, const wfe_record *record, wfe_error *err)
{
    (void)err;
    ((memory_recorder *)recorder)->put = record->seq;
    return 0;
}

static int commit(wfe_recorder *recorder, wfe_error *err)
{
    (void)err;
    memory_recorder *memory = (memory_recorder *)recorder;
    wfe_error none = WFE_ERROR_INIT;
    memory->acknowledged(memory->put, &none, memory->user);
    return 0;
}

static void free_memory(wfe_recorder *recorder)
{
    free(recorder);
}

int wfe_recorder_memory_new(wfe_recorder **ret, wfe_error *err)
{
    memory_recorder *memory = calloc(1, sizeof *memory);
    if (!memory)
        return wfe_error_nomem(err);
    memory->fns =
        (wfe_recorder){.attach = attach, .put = put, .commit = commit, .free = free_memory};
    *ret = &memory->fns;
    return 0;
}
