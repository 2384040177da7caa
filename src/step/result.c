/* SPDX-License-Identifier: Apache-2.0
 *
 * The result's accessors and its two JSON forms: the data alone, with the keys WFE has, and the
 * whole. docs/step-result.md describes them.
 */
#include "step/result.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytesize.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/strv.h"
#include "base/utf8.h"

int wfe_step_result_new(wfe_step_result **ret, wfe_error *err)
{
    wfe_step_result *result = calloc(1, sizeof *result);
    if (!result)
        return wfe_error_nomem(err);
    *ret = result;
    return 0;
}

void wfe_step_result_free(wfe_step_result *result)
{
    if (!result)
        return;
    free(result->step);
    free(result->run_id);
    free(result->container_id);
    free(result->image);
    free(result->image_digest);
    free(result->image_target);
    wfe_buf_done(&result->out[0].kept);
    wfe_buf_done(&result->out[1].kept);
    wfe_strmap_done(&result->outputs);
    wfe_strv_free(result->warnings);
    free(result);
}

void wfe_step_result_warn(wfe_step_result *result, const char *format, ...)
{
    char text[WFE_ERROR_MESSAGE_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    char **list = realloc(result->warnings, (result->n_warnings + 2) * sizeof *list);
    if (!list)
        return;
    result->warnings = list;
    list[result->n_warnings] = strdup(text);
    if (list[result->n_warnings])
        result->n_warnings++;
    list[result->n_warnings] = NULL;
}

bool wfe_step_result_out_of_memory(const wfe_step_result *result)
{
    return result->out_of_memory;
}

uint64_t wfe_step_result_peak_memory_bytes(const wfe_step_result *result)
{
    return result->usage.peak_memory_bytes;
}

uint64_t wfe_step_result_cpu_time_us(const wfe_step_result *result)
{
    return result->usage.cpu_time_us;
}

enum wfe_step_end wfe_step_result_end(const wfe_step_result *result)
{
    return result->end;
}

int wfe_step_result_exit_code(const wfe_step_result *result)
{
    return result->exit_code;
}

static const wfe_step_output *output_of(const wfe_step_result *result, enum wfe_stream stream)
{
    return &result->out[stream == WFE_STDERR];
}

const char *wfe_step_result_stream(const wfe_step_result *result, enum wfe_stream stream,
                                   size_t *len)
{
    const wfe_step_output *out = output_of(result, stream);
    if (len)
        *len = out->kept.len;
    return out->kept.data ? out->kept.data : "";
}

uint64_t wfe_step_result_stream_bytes(const wfe_step_result *result, enum wfe_stream stream)
{
    return output_of(result, stream)->bytes;
}

const char *wfe_step_result_output(const wfe_step_result *result, const char *key)
{
    return wfe_strmap_get(&result->outputs, key);
}

size_t wfe_step_result_n_warnings(const wfe_step_result *result)
{
    return result->n_warnings;
}

const char *wfe_step_result_warning(const wfe_step_result *result, size_t index)
{
    return index < result->n_warnings ? result->warnings[index] : NULL;
}

/* ---- JSON ---- */

/* A JSON text of bytes that need not be UTF-8; NULL when memory ran out. */
static json_t *text_of(const char *bytes, size_t len)
{
    _cleanup_free_ char *clean = NULL;
    size_t clean_len = 0;
    if (wfe_utf8_clean(bytes, len, &clean, &clean_len, NULL))
        return NULL;
    return json_stringn_nocheck(clean, clean_len);
}

static int set_clean(json_t *object, const char *key, const char *bytes, size_t len)
{
    _cleanup_free_ char *name = NULL;
    if (wfe_utf8_clean(key, strlen(key), &name, NULL, NULL))
        return -1;
    return json_object_set_new_nocheck(object, name, text_of(bytes, len));
}

/* Sets "<step><suffix>"; takes value, whatever happens. */
static int set_step_key(json_t *data, const char *step, const char *suffix, json_t *value)
{
    _cleanup_free_ char *name = NULL;
    wfe_buf key = WFE_BUF_INIT(0);
    int rc = wfe_utf8_clean(step, strlen(step), &name, NULL, NULL);
    if (!rc)
        rc = wfe_buf_printf(&key, NULL, "%s%s", name, suffix);
    if (rc)
        json_decref(value);
    else
        rc = json_object_set_new_nocheck(data, key.data, value);
    wfe_buf_done(&key);
    return rc;
}

static json_t *stream_text(const wfe_step_result *result, enum wfe_stream stream)
{
    size_t len;
    const char *bytes = wfe_step_result_stream(result, stream, &len);
    return text_of(bytes, len);
}

static json_t *data_json(const wfe_step_result *result)
{
    json_t *data = json_object();
    int rc = data ? 0 : -1;
    for (size_t i = 0; !rc && i < result->outputs.len; i++) {
        const wfe_pair *pair = &result->outputs.items[i];
        rc = set_clean(data, pair->key, pair->value, strlen(pair->value));
    }
    if (!rc)
        rc = set_step_key(data, result->step, ".stdout", stream_text(result, WFE_STDOUT));
    if (!rc)
        rc = set_step_key(data, result->step, ".stderr", stream_text(result, WFE_STDERR));
    if (!rc)
        rc = set_step_key(data, result->step, ".exit_code", json_integer(result->exit_code));
    if (rc) {
        json_decref(data);
        return NULL;
    }
    return data;
}

static const char *end_text(enum wfe_step_end end)
{
    switch (end) {
    case WFE_STEP_TIMED_OUT:
        return "timed out";
    case WFE_STEP_CANCELLED:
        return "cancelled";
    case WFE_STEP_EXITED:
        break;
    }
    return "exited";
}

static json_t *phases_json(const wfe_step_result *result)
{
    json_t *phases = json_object();
#define PHASE_JSON(name, text)                                                                     \
    json_object_set_new(phases, text,                                                              \
                        json_real((double)result->phase_us[WFE_STEP_PHASE_##name] / 1000.0));
    WFE_STEP_PHASES(PHASE_JSON)
#undef PHASE_JSON
    return phases;
}

static json_t *stream_json(const wfe_step_output *out)
{
    return json_pack("{sI sb}", "bytes", (json_int_t)out->bytes, "cut", out->bytes > out->kept.len);
}

static json_t *warnings_json(const wfe_step_result *result)
{
    json_t *list = json_array();
    for (size_t i = 0; i < result->n_warnings; i++)
        json_array_append_new(list, text_of(result->warnings[i], strlen(result->warnings[i])));
    return list;
}

/* A line that says what went wrong, NULL when nothing did. */
static const char *failure_text(const wfe_step_result *result, char *out, size_t size)
{
    char limit[WFE_BYTESIZE_TEXT_SIZE];
    if (result->end == WFE_STEP_TIMED_OUT)
        snprintf(out, size, "container execution timed out after %llums",
                 (unsigned long long)result->timeout_ms);
    else if (result->end == WFE_STEP_CANCELLED)
        snprintf(out, size, "container execution was cancelled");
    else if (result->out_of_memory)
        snprintf(out, size, "container ran out of memory: its limit is %s; it exited with code %d",
                 wfe_bytesize_format(result->memory_limit_bytes, limit), result->exit_code);
    else if (result->exit_code)
        snprintf(out, size, "container exited with code %d", result->exit_code);
    else
        return NULL;
    return out;
}

static json_t *usage_json(const wfe_step_usage *usage)
{
    if (!usage->known)
        return NULL;
    return json_pack("{sI s:f sI}", "peak_memory_bytes", (json_int_t)usage->peak_memory_bytes,
                     "cpu_time_ms", (double)usage->cpu_time_us / 1000.0, "oom_kills",
                     (json_int_t)usage->oom_kills);
}

static json_t *about_json(const wfe_step_result *result)
{
    char started[WFE_CLOCK_TEXT_SIZE], finished[WFE_CLOCK_TEXT_SIZE], failure[160];
    return json_pack(
        "{ss ss* ss* ss* ss* si ss ss so so so so s:f sb so*}", "end", end_text(result->end),
        "error", failure_text(result, failure, sizeof failure), "image", result->image, "digest",
        result->image_digest, "container", result->container_id, "attempt", (int)result->attempt,
        "started_at", wfe_clock_format(result->started_at_us, started), "finished_at",
        wfe_clock_format(result->finished_at_us, finished), "stdout", stream_json(&result->out[0]),
        "stderr", stream_json(&result->out[1]), "phases_ms", phases_json(result), "warnings",
        warnings_json(result), "duration_ms",
        (double)(result->finished_at_us - result->started_at_us) / 1000.0, "out_of_memory",
        (int)result->out_of_memory, "usage", usage_json(&result->usage));
}

static char *dump(json_t *json)
{
    if (!json)
        return NULL;
    char *text = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(9));
    json_decref(json);
    return text;
}

char *wfe_step_result_data_json(const wfe_step_result *result)
{
    return dump(data_json(result));
}

char *wfe_step_result_json(const wfe_step_result *result)
{
    json_t *whole = data_json(result);
    if (whole && json_object_set_new(whole, "wfe", about_json(result))) {
        json_decref(whole);
        return NULL;
    }
    return dump(whole);
}
