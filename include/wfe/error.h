/* SPDX-License-Identifier: Apache-2.0
 *
 * What every function of libwfe reports when it fails.
 *
 * A function that can fail returns 0, or one of the negative WFE_E_* kinds below, and stores the
 * same kind with its details in the wfe_error the caller passed. The struct lives in the caller's
 * frame, owns nothing, needs no clean-up and may be copied. Passing NULL is allowed everywhere.
 * Outputs of a function are untouched when it fails.
 */
#ifndef WFE_ERROR_H
#define WFE_ERROR_H

#include <stdbool.h>
#include <stddef.h>

#include <wfe/export.h>

#ifdef __cplusplus
extern "C" {
#endif

/* kind, value, name, what it means */
#define WFE_ERROR_KINDS(X)                                                                         \
    X(INVALID, -1, "invalid", "an argument or input is wrong; the same call fails again")          \
    X(NOT_FOUND, -2, "not found", "the thing named does not exist")                                \
    X(UNAVAILABLE, -3, "unavailable", "the peer cannot be reached or refused to work now")         \
    X(TIMEOUT, -4, "timeout", "a deadline passed; the outcome at the peer may be unknown")         \
    X(CANCELLED, -5, "cancelled", "the caller gave up")                                            \
    X(DENIED, -6, "denied", "no permission, or credentials were refused")                          \
    X(CONFLICT, -7, "conflict", "it exists already, or its state does not allow this")             \
    X(LIMIT, -8, "limit", "a documented limit was reached")                                        \
    X(NOMEM, -9, "no memory", "an allocation failed")                                              \
    X(IO, -10, "input/output", "the operating system failed a read, write or open")                \
    X(PROTOCOL, -11, "protocol", "the peer broke its protocol")                                    \
    X(INTERNAL, -12, "internal", "a bug in wfe or in the peer")

enum wfe_error_kind {
    WFE_OK = 0,
#define WFE_ERROR_KIND_ENUM_(kind, value, name, meaning) WFE_E_##kind = (value),
    WFE_ERROR_KINDS(WFE_ERROR_KIND_ENUM_)
#undef WFE_ERROR_KIND_ENUM_
};

/* Sizes of the texts, terminating NUL included; longer texts are cut at a UTF-8 boundary. */
#define WFE_ERROR_MESSAGE_SIZE 1024
#define WFE_ERROR_HINT_SIZE 512
#define WFE_ERROR_OPERATION_SIZE 96
#define WFE_ERROR_SUBJECT_SIZE 256

typedef struct wfe_error {
    int kind;        /* WFE_OK, or a WFE_E_* value */
    int sys_errno;   /* errno of the cause, 0 when it was none */
    int grpc_status; /* gRPC status code 1..16 of the cause, 0 when it was none */
    int http_status; /* HTTP status of the cause, 0 when it was none */
    bool retryable;  /* the same call may succeed later */
    char operation[WFE_ERROR_OPERATION_SIZE]; /* what was attempted: "create task" */
    char subject[WFE_ERROR_SUBJECT_SIZE];     /* on what: an id, a path, file:line:column */
    char message[WFE_ERROR_MESSAGE_SIZE];     /* one line, no newline: what went wrong, in full */
    char hint[WFE_ERROR_HINT_SIZE];           /* what to do about it, may be empty */
} wfe_error;

/* An error that says nothing yet. */
#ifdef __cplusplus
#define WFE_ERROR_INIT                                                                             \
    {                                                                                              \
    }
#else
#define WFE_ERROR_INIT                                                                             \
    {                                                                                              \
        0                                                                                          \
    }
#endif

/* The name of a kind ("not found"), "ok" for WFE_OK, "unknown" for any other number. Static. */
WFE_API const char *wfe_error_kind_name(int kind);

#ifdef __cplusplus
}
#endif
#endif
