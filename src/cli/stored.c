/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/stored.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/owner.h"
#include "cli/connection.h"
#include "cli/exit_code.h"
#include "cli/report.h"
#include "store/shared.h"

int wfe_stored_open(wfe_stored *ret, wfe_error *err)
{
    ret->store = NULL;
    int rc = wfe_connection_state_dir(ret->dir, sizeof ret->dir, err);
    return rc ? rc : wfe_run_store_open(ret->dir, true, &ret->store, err);
}

void wfe_stored_close(wfe_stored *stored)
{
    wfe_store_close(stored->store);
    stored->store = NULL;
}

int wfe_stored_open_run(wfe_stored *ret, const char *text, wfe_stored_run **ret_run, wfe_error *err)
{
    int rc = wfe_stored_open(ret, err);
    return rc ? rc : wfe_stored_run_load(ret->store, text, ret_run, err);
}

int wfe_stored_report(const wfe_error *err, bool json)
{
    int code = wfe_report(err, json);
    if (err->kind == WFE_E_NOT_FOUND || err->kind == WFE_E_CONFLICT)
        return WFE_EXIT_USAGE;
    /* A damaged database is no wrong usage. */
    return code == WFE_EXIT_USAGE ? WFE_EXIT_FAILED : code;
}

int wfe_stored_report_plan(const wfe_error *err, bool json)
{
    return strcmp(err->operation, WFE_RUN_STORE_INPUTS) == 0 ? wfe_report_usage(err, json)
                                                             : wfe_stored_report(err, json);
}

/* ---- words ---- */

const char *wfe_stored_state(const wfe_store_run *run)
{
    if (run->is_end || (run->owner && !wfe_store_owner_is_gone(run->owner, run->lease_until_us)))
        return run->state;
    return WFE_STORED_INTERRUPTED;
}

long wfe_stored_owner_pid(const wfe_store_run *run)
{
    return run->owner && wfe_owner_is_alive(run->owner) ? strtol(run->owner, NULL, 10) : 0;
}

void wfe_stored_error(const char *json, wfe_error *ret)
{
    *ret = (wfe_error)WFE_ERROR_INIT;
    json_t *object = json ? json_loads(json, 0, NULL) : NULL;
    const char *kind = json_string_value(json_object_get(object, "kind"));
    const char *message = json_string_value(json_object_get(object, "message"));
    const char *hint = json_string_value(json_object_get(object, "hint"));
    int found = WFE_E_INTERNAL;
    for (int i = WFE_E_INVALID; kind && i >= WFE_E_INTERNAL; i--)
        if (strcmp(kind, wfe_error_kind_name(i)) == 0)
            found = i;
    if (message)
        wfe_error_set(ret, found, "%s", message);
    if (message && hint)
        wfe_error_hint(ret, "%s", hint);
    json_decref(object);
}

/* ---- JSON ---- */

json_t *wfe_stored_time_json(int64_t at_us)
{
    char text[WFE_CLOCK_TEXT_SIZE];
    return at_us ? json_string(wfe_clock_format(at_us, text)) : json_null();
}

json_t *wfe_stored_text_json(const char *text)
{
    json_t *json = text ? json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL) : NULL;
    return json ? json : json_null();
}

json_t *wfe_stored_run_json(const wfe_store_run *run)
{
    long pid = wfe_stored_owner_pid(run);
    json_t *elapsed = run->is_end ? json_real((double)run->elapsed_us / 1000.0) : json_null();
    json_t *owner = pid ? json_integer(pid) : json_null();
    return json_pack("{ss ss ss sI ss sb sb ss? ss? so so so so so}", "run", run->name, "run_id",
                     run->id, "workflow", run->workflow, "number", (json_int_t)run->number, "state",
                     run->state, "over", (int)run->is_end, "interrupted",
                     strcmp(wfe_stored_state(run), WFE_STORED_INTERRUPTED) == 0, "asked",
                     run->asked, "rerun_of", run->rerun_of, "owner_pid", owner, "created_at",
                     wfe_stored_time_json(run->created_at_us), "ended_at",
                     wfe_stored_time_json(run->ended_at_us), "elapsed_ms", elapsed, "error",
                     wfe_stored_text_json(run->error));
}

int wfe_stored_print_json(json_t *json)
{
    size_t flags = JSON_COMPACT | JSON_REAL_PRECISION(15);
    char *text = json ? json_dumps(json, flags) : NULL;
    json_decref(json);
    if (!text) {
        fprintf(stderr, "wfe: out of memory\n");
        return WFE_EXIT_FAILED;
    }
    puts(text);
    free(text);
    return wfe_report_flush(WFE_EXIT_OK);
}
