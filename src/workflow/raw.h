/* SPDX-License-Identifier: Apache-2.0
 *
 * What the reader of keys fills in, one struct for each kind of map in a file: simple values
 * converted, everything else as the node it is, for the code that knows its meaning.
 */
#ifndef WFE_WORKFLOW_RAW_H
#define WFE_WORKFLOW_RAW_H

#include "workflow/node.h"
#include "workflow/plan.h"

typedef struct wfe_raw_file {
    const wfe_node *workflow;
    const wfe_node *workflows;
    const wfe_node *include;
} wfe_raw_file;

typedef struct wfe_raw_workflow {
    const char *id;
    const char *name;
    const char *description;
    uint32_t version; /* UINT32_MAX: none given */
    const wfe_node *inputs;
    const wfe_node *outputs;
    const wfe_node *services;
    const wfe_node *secrets;
    const wfe_node *shared_volume;
    const wfe_node *error_behavior;
    const wfe_node *steps;
    const wfe_node *on_success;
    const wfe_node *on_failure;
    const wfe_node *ensure;
    uint64_t timeout_ms;
    bool fail_fast;
} wfe_raw_workflow;

typedef struct wfe_raw_step {
    const char *name;
    const char *type;
    const wfe_node *config;
    const wfe_node *parallel;
    const wfe_node *needs;
    const wfe_node *when;
    const wfe_node *for_each;
    uint32_t max_items;
    uint32_t max_parallel;
    const wfe_node *inputs;
    const wfe_node *outputs;
    const wfe_node *secrets;
    const wfe_node *retry;
    const wfe_node *error_behavior;
    bool allow_failure;
    bool fail_fast;
    uint64_t timeout_ms;
    const wfe_node *on_success;
    const wfe_node *on_failure;
    const wfe_node *ensure;
} wfe_raw_step;

typedef struct wfe_raw_container {
    wfe_plan_container container;
    uint64_t output_limit_bytes;
    const char *network;
    const char *pull;
    const wfe_node *volumes;
    const wfe_node *tls;
    const wfe_node *registry_auth;
    bool init;
    bool is_service; /* for messages */
} wfe_raw_container;

typedef struct wfe_raw_tls {
    const char *ca;
    const char *cert;
    const char *key;
} wfe_raw_tls;

typedef struct wfe_raw_service {
    wfe_raw_container c;
    const wfe_node *ports;
    const wfe_node *readiness;
} wfe_raw_service;

typedef struct wfe_raw_readiness {
    const char *const *exec;
    uint32_t tcp; /* 0: none */
    const wfe_node *http;
    const char *log;
    uint64_t interval_ms;
    uint64_t timeout_ms;
    uint32_t retries;
} wfe_raw_readiness;

typedef struct wfe_raw_http {
    uint32_t port;
    const char *path;
} wfe_raw_http;

typedef struct wfe_raw_secret {
    const char *env;
    const char *file;
    const char *const *command;
} wfe_raw_secret;

typedef struct wfe_raw_secret_use {
    const char *name;
    const char *env;
    const char *file;
} wfe_raw_secret_use;

typedef struct wfe_raw_call {
    const char *workflow;
    uint32_t version;
    const wfe_node *inputs;
} wfe_raw_call;

typedef struct wfe_raw_retry {
    wfe_plan_retry retry;
    const wfe_node *on;
} wfe_raw_retry;

typedef struct wfe_raw_error_behavior {
    const char *type;
    uint64_t interval_ms;
    uint32_t max_retries;
} wfe_raw_error_behavior;

/* An input or output of a step. */
typedef struct wfe_raw_reference {
    const char *name;
    const wfe_node *type;
} wfe_raw_reference;

typedef struct wfe_raw_shared_volume {
    const char *mount_path;
    uint64_t size_bytes;
} wfe_raw_shared_volume;

typedef struct wfe_raw_volume {
    const char *source;
    const char *target;
    bool readonly;
} wfe_raw_volume;

typedef struct wfe_raw_auth {
    const char *username;
    const char *password;
} wfe_raw_auth;

/* The keys of a condition are compiled by condition.c; here for the schema and the reference. */
typedef struct wfe_raw_condition {
    const wfe_node *any;
} wfe_raw_condition;

#endif
