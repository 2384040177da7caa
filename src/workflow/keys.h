/* SPDX-License-Identifier: Apache-2.0
 *
 * Every key of a workflow file, described once: where it may stand, what its value is, its limits,
 * its default, what it does. The reader, the JSON schema and docs/workflow-reference.md come from
 * this table.
 */
#ifndef WFE_WORKFLOW_KEYS_H
#define WFE_WORKFLOW_KEYS_H

#include <stddef.h>
#include <stdint.h>

/* scope, what it is called in messages, its struct */
#define WFE_SCOPES(X)                                                                              \
    X(FILE, "a workflow file", wfe_raw_file)                                                       \
    X(WORKFLOW, "a workflow", wfe_raw_workflow)                                                    \
    X(STEP, "a step", wfe_raw_step)                                                                \
    X(CONTAINERD, "the config of a containerd step", wfe_raw_container)                            \
    X(SHELL, "the config of a shell step", wfe_plan_shell)                                         \
    X(CALL, "the config of a workflow step", wfe_raw_call)                                         \
    X(CONDITION, "a condition", wfe_raw_condition)                                                 \
    X(RETRY, "retry", wfe_raw_retry)                                                               \
    X(ERROR_BEHAVIOR, "error_behavior", wfe_raw_error_behavior)                                    \
    X(OUTPUT, "an output of a step", wfe_raw_reference)                                            \
    X(INPUT, "an input of a step", wfe_raw_reference)                                              \
    X(SECRET_USE, "a secret of a step", wfe_raw_secret_use)                                        \
    X(VOLUME, "a volume", wfe_raw_volume)                                                          \
    X(TLS, "tls", wfe_raw_tls)                                                                     \
    X(REGISTRY_AUTH, "registry_auth", wfe_raw_auth)                                                \
    X(SERVICE, "a service", wfe_raw_service)                                                       \
    X(READINESS, "readiness", wfe_raw_readiness)                                                   \
    X(HTTP, "http", wfe_raw_http)                                                                  \
    X(SECRET, "a secret", wfe_raw_secret)                                                          \
    X(SHARED_VOLUME, "shared_volume", wfe_raw_shared_volume)

enum wfe_scope {
    WFE_SCOPE_NONE,
#define WFE_SCOPE_ENUM_(name, title, type) WFE_SCOPE_##name,
    WFE_SCOPES(WFE_SCOPE_ENUM_)
#undef WFE_SCOPE_ENUM_
        WFE_N_SCOPES
};

/* kind, type of the member it fills, what to call it in a message */
#define WFE_KEY_KINDS(X)                                                                           \
    X(TEXT, const char *, "text")                                                                  \
    X(TEXTS, const char *const *, "a list of texts")                                               \
    X(TEXT_OR_TEXTS, const char *const *, "text or a list of texts")                               \
    X(PAIRS, const char *const *, "a map of texts")                                                \
    X(TEXTS_OR_PAIRS, const char *const *, "a list of texts or a map of texts")                    \
    X(BOOL, bool, "true or false")                                                                 \
    X(COUNT, uint32_t, "a whole number")                                                           \
    X(NUMBER, double, "a number")                                                                  \
    X(DURATION, uint64_t, "a duration")                                                            \
    X(BYTES, uint64_t, "a size")                                                                   \
    X(SIZE_TEXT, const char *, "a size")                                                           \
    X(NUMBER_TEXT, const char *, "a number")                                                       \
    X(COUNT_TEXT, const char *, "a whole number")                                                  \
    X(MAP, const wfe_node *, "a map")   /* of the keys of scope sub */                             \
    X(LIST, const wfe_node *, "a list") /* of maps of scope sub */                                 \
    X(TABLE, const wfe_node *, "a map") /* of names to maps of scope sub */                        \
    X(STEP, const wfe_node *, "a step") /* a hook */                                               \
    X(CONDITION, const wfe_node *, "a condition")                                                  \
    X(CONDITIONS, const wfe_node *, "a list of conditions")                                        \
    X(TYPE, const wfe_node *, "a type")                                                            \
    X(TYPES, const wfe_node *, "a map of names to types")                                          \
    X(NODE, const wfe_node *, "a value")                                                           \
    X(IGNORED, const wfe_node *, "a value") /* accepted, with a warning */                         \
    X(SILENT, const wfe_node *, "a value")  /* accepted, means nothing */                          \
    X(REFUSED, const wfe_node *, "a value") /* known from elsewhere; doc says what to do instead   \
                                             */

enum wfe_key_kind {
#define WFE_KEY_KIND_ENUM_(name, type, title) WFE_KEY_##name,
    WFE_KEY_KINDS(WFE_KEY_KIND_ENUM_)
#undef WFE_KEY_KIND_ENUM_
};

typedef struct wfe_key {
    enum wfe_scope scope;
    const char *name;
    enum wfe_key_kind kind;
    size_t offset;        /* of the member in the scope's struct */
    enum wfe_scope sub;   /* MAP, LIST, TABLE */
    double min, max;      /* COUNT, NUMBER, DURATION (ms), BYTES, SIZE_TEXT, ...; both 0: none */
    const char *words;    /* TEXT: the only ones, "none|host"; NODE: how it is written */
    const char *fallback; /* its default, as documented; NULL: none */
    const char *doc;      /* one sentence, no full stop */
} wfe_key;

extern const wfe_key wfe_keys[];
extern const size_t wfe_n_keys;

/* The keys of a scope are neighbours: the first, and how many. */
const wfe_key *wfe_keys_of(enum wfe_scope scope, size_t *ret_n);
/* NULL when the scope has no such key. */
const wfe_key *wfe_keys_find(enum wfe_scope scope, const char *name);
const char *wfe_scope_title(enum wfe_scope scope);
const char *wfe_key_kind_title(enum wfe_key_kind kind);

/* Most keys a scope has. */
#define WFE_KEYS_MAX 64

#endif
