/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/report.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <wfe/step.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "cli/exit_code.h"

/* As GCC and Clang say it. */
#if defined(__SANITIZE_ADDRESS__)
#define LOOKS_FOR_LEAKS
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LOOKS_FOR_LEAKS
#endif
#endif

static int exit_code_of(const wfe_error *err)
{
    if (strcmp(err->operation, WFE_STEP_OPERATION_EXEC) == 0)
        return err->kind == WFE_E_NOT_FOUND ? WFE_EXIT_NOT_FOUND : WFE_EXIT_NOT_EXECUTABLE;
    if (err->kind == WFE_E_INVALID && !err->grpc_status)
        return WFE_EXIT_USAGE;
    if (err->kind == WFE_E_CANCELLED)
        return WFE_EXIT_INTERRUPTED;
    return WFE_EXIT_FAILED;
}

int wfe_report_error(const wfe_error *err)
{
    fprintf(stderr, "wfe: %s\n", err->message);
    if (err->hint[0])
        fprintf(stderr, "     %s\n", err->hint);
    return exit_code_of(err);
}

int wfe_report_usage(const wfe_error *err, bool json)
{
    int code = wfe_report(err, json);
    return err->kind == WFE_E_NOMEM || err->kind == WFE_E_INTERNAL ? code : WFE_EXIT_USAGE;
}

/* Messages quote what was given, which need not be UTF-8. */
static json_t *clean_text(const char *text)
{
    _cleanup_free_ char *clean = NULL;
    size_t len = 0;
    return wfe_utf8_clean(text, strlen(text), &clean, &len, NULL) ? NULL : json_stringn(clean, len);
}

int wfe_report_error_json(const wfe_error *err)
{
    json_t *json = json_pack("{s:{ss so so so so sb}}", "error", "kind",
                             wfe_error_kind_name(err->kind), "message", clean_text(err->message),
                             "hint", clean_text(err->hint), "operation", clean_text(err->operation),
                             "subject", clean_text(err->subject), "retryable", (int)err->retryable);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    if (text)
        puts(text);
    else
        wfe_report_error(err);
    free(text);
    json_decref(json);
    return wfe_report_flush(exit_code_of(err));
}

int wfe_report(const wfe_error *err, bool json)
{
    return json ? wfe_report_error_json(err) : wfe_report_error(err);
}

void wfe_report_leave(int code)
{
#ifdef LOOKS_FOR_LEAKS
    (void)code;
#else
    _exit(code);
#endif
}

int wfe_report_flush(int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    fprintf(stderr, "wfe: cannot write the standard output: %s\n", strerror(errno));
    return WFE_EXIT_FAILED;
}
