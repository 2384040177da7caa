/* SPDX-License-Identifier: Apache-2.0
 *
 * The plan: what a workflow file says, checked and compiled, as plain data. Made once by
 * wfe_plan_load (workflow/load.h), never changed afterwards, freed as a whole. Everything a plan
 * points to belongs to it and lives as long as it does, so that a run may keep pointers into it.
 *
 * Steps of all workflows are one flat array, and everything that names a step is an index into it.
 * The steps of one workflow are neighbours: [first_step, first_step + n_steps), a block before its
 * children, an owner before its hooks, in the order of the file.
 */
#ifndef WFE_WORKFLOW_PLAN_H
#define WFE_WORKFLOW_PLAN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wfe/step.h>

#include "base/error.h"

/* "No such index": no parent, no hook, no block around it. */
#define WFE_PLAN_NONE UINT32_MAX

/* Where something stands, for messages: line and column count from 1, columns in characters. */
typedef struct wfe_plan_pos {
    uint32_t file; /* index in wfe_plan.files */
    uint32_t line;
    uint32_t column;
} wfe_plan_pos;

typedef struct wfe_plan_file {
    const char *path; /* as it was given, or relative to the folder of the main file */
    const char *text;
    size_t len;
} wfe_plan_file;

/* ---- types of inputs and outputs ---- */

enum wfe_plan_type_kind {
    WFE_PLAN_ANY,
    WFE_PLAN_STRING,
    WFE_PLAN_NUMBER,
    WFE_PLAN_INTEGER,
    WFE_PLAN_BOOL,
    WFE_PLAN_LIST,
    WFE_PLAN_MAP,
};

typedef struct wfe_plan_type wfe_plan_type;
struct wfe_plan_type {
    enum wfe_plan_type_kind kind;
    bool optional;               /* T?: null is a value */
    const wfe_plan_type *member; /* of LIST and MAP */
    const char *text;            /* as it is written: "list<string>?" */
};

/* A declared input or output. */
typedef struct wfe_plan_field {
    const char *name;
    wfe_plan_type type;
    wfe_plan_pos pos;
} wfe_plan_field;

/* ---- conditions ---- */

enum wfe_plan_operator {
    WFE_PLAN_EQUALS,
    WFE_PLAN_NOT_EQUALS,
    WFE_PLAN_GT,
    WFE_PLAN_GTE,
    WFE_PLAN_LT,
    WFE_PLAN_LTE,
    WFE_PLAN_CONTAINS,
    WFE_PLAN_IS_NULL,
    WFE_PLAN_IS_NOT_NULL,
    WFE_PLAN_ALL, /* from here on: combinators */
    WFE_PLAN_ANY_OF,
    WFE_PLAN_NONE_OF,
    WFE_PLAN_ONE_OF,
    WFE_PLAN_NOT,
};

typedef struct wfe_plan_condition wfe_plan_condition;
struct wfe_plan_condition {
    enum wfe_plan_operator op;
    const char *path;                   /* a comparison's field: ".inputs.ref" */
    const json_t *value;                /* what it is compared with; NULL for is_null */
    const wfe_plan_condition *children; /* a combinator's, n_children in a row */
    uint32_t n_children;
    wfe_plan_pos pos;
};

/* ---- what a step does ---- */

enum wfe_plan_step_type {
    WFE_PLAN_STEP_CONTAINERD, /* config.container */
    WFE_PLAN_STEP_SHELL,      /* config.shell */
    WFE_PLAN_STEP_WORKFLOW,   /* config.call */
    WFE_PLAN_STEP_PARALLEL,   /* a block: children that run at the same time */
};

enum wfe_plan_pull { WFE_PLAN_PULL_IF_NOT_PRESENT, WFE_PLAN_PULL_ALWAYS, WFE_PLAN_PULL_NEVER };

typedef struct wfe_plan_registry_auth {
    const char *host;
    const char *username;
    const char *password; /* a secret: mask it everywhere */
} wfe_plan_registry_auth;

/* A container, of a step or of a service. */
typedef struct wfe_plan_container {
    /* All texts of the file, ready to be copied and completed: name, run_id, attempt, streams,
     * stdin_fd and registry are not set. env is "KEY=VALUE". Sources of volumes are as written, and
     * relative ones are relative to the folder wfe runs in. */
    wfe_step_options options;
    enum wfe_plan_pull pull;
    const char *containerd_addr; /* NULL: the run's */
    const char *tls_ca;          /* paths of PEM files, NULL: none */
    const char *tls_cert;
    const char *tls_key;
    const char *runtime;     /* NULL: the run's */
    const char *snapshotter; /* NULL: the run's */
    const char *stdin_text;  /* given to the command's standard input; NULL: nothing */
    const wfe_plan_registry_auth *registry_auth;
    uint32_t n_registry_auth;
} wfe_plan_container;

/* A process on this host. */
typedef struct wfe_plan_shell {
    const char *run;          /* the script: "SHELL -c RUN"; NULL with file */
    const char *file;         /* or a script file; NULL with run */
    const char *const *shell; /* argv in front of -c or the file; {"sh", NULL} by default */
    const char *const *env;   /* "KEY=VALUE", NULL-terminated; NULL: none */
    const char *working_dir;  /* NULL: the folder wfe runs in */
    uint64_t timeout_ms;      /* of an attempt; 0: none */
    uint64_t grace_ms;        /* between TERM and KILL */
} wfe_plan_shell;

/* One input of a called workflow. */
typedef struct wfe_plan_argument {
    const char *name;
    const char *path;    /* ".outputs.version": from the caller's data; NULL: value */
    const json_t *value; /* else */
    wfe_plan_pos pos;
} wfe_plan_argument;

/* Another workflow of the file set. */
typedef struct wfe_plan_call {
    uint32_t workflow; /* index */
    const wfe_plan_argument *arguments;
    uint32_t n_arguments;
    bool has_arguments; /* false: it gets what the caller has of its inputs, or all data */
} wfe_plan_call;

/* ---- steps ---- */

/* Why an attempt failed, as retry.on names it; a set of bits. */
enum wfe_plan_cause {
    WFE_PLAN_CAUSE_EXIT = 1,
    WFE_PLAN_CAUSE_TIMEOUT = 2,
    WFE_PLAN_CAUSE_OOM = 4,
    WFE_PLAN_CAUSE_INFRASTRUCTURE = 8, /* wfe, containerd, a registry, or a lost container */
    WFE_PLAN_CAUSE_OUTPUT = 16,        /* a declared output is missing or of another type */
};
#define WFE_PLAN_CAUSE_ALL 31u

typedef struct wfe_plan_retry {
    uint32_t max;             /* attempts after the first; 0: none */
    uint32_t on;              /* set of wfe_plan_cause */
    uint64_t interval_ms;     /* before the first retry */
    uint64_t max_interval_ms; /* the back-off stops growing here */
    double backoff;           /* each interval is the last one times this; at least 1 */
    double jitter;            /* 0 to 1: an interval is changed by up to this part, either way */
} wfe_plan_retry;

/* What happens to the run when a step has failed for good. */
enum wfe_plan_on_error {
    WFE_PLAN_ERROR_FAIL,       /* the run fails; what does not need the step goes on */
    WFE_PLAN_ERROR_TERMINATE,  /* the run ends now: running steps are cancelled */
    WFE_PLAN_ERROR_SUSPEND,    /* the run waits for wfe resume */
    WFE_PLAN_ERROR_COMPENSATE, /* on_failure of the finished steps, newest first; then fails */
};

/* An output a step declares: converted from text, an error when missing or not convertible. */
typedef struct wfe_plan_output {
    const char *name;
    wfe_plan_type type; /* kind STRING when none is given and text is meant to stay text */
    bool typed;         /* a type was given: the output is required and converted */
    wfe_plan_pos pos;
} wfe_plan_output;

/* A secret of the workflow that a step asks for. */
typedef struct wfe_plan_secret_use {
    uint32_t secret;  /* index in the workflow's secrets */
    const char *env;  /* variable it is given in; NULL: not */
    const char *file; /* absolute path in the container, on a tmpfs; NULL: not */
} wfe_plan_secret_use;

typedef struct wfe_plan_for_each {
    const json_t *items; /* a literal list; NULL: path */
    const char *path;    /* ".outputs.targets": a list in the data */
    uint32_t max_items;
    bool when_of_items; /* 'when' has ((item)) or ((index)): each item is asked, not the step */
} wfe_plan_for_each;

/* Hooks of a step, a block or a workflow, each a step of its own (role HOOK). */
typedef struct wfe_plan_hooks {
    uint32_t on_success; /* indices, WFE_PLAN_NONE: none */
    uint32_t on_failure;
    uint32_t ensure;
} wfe_plan_hooks;

enum wfe_plan_role {
    WFE_PLAN_ROLE_STEP,
    WFE_PLAN_ROLE_ON_SUCCESS,
    WFE_PLAN_ROLE_ON_FAILURE,
    WFE_PLAN_ROLE_ENSURE,
};

typedef struct wfe_plan_step {
    const char *name; /* unique in its workflow, hooks and children included */
    enum wfe_plan_step_type type;
    enum wfe_plan_role role;
    uint32_t workflow; /* index of the workflow it is in */
    /* The block it is a child of, for a hook the step it belongs to; WFE_PLAN_NONE at the top of a
     * workflow, and for the workflow's own hooks. */
    uint32_t parent;
    union {
        const wfe_plan_container *container;
        const wfe_plan_shell *shell;
        const wfe_plan_call *call;
    } config; /* NULL for a block */
    /* Of a block: its children are the steps that have it as parent and role STEP; the first of
     * them and, from there, next_sibling. Also links the top steps of a workflow. */
    uint32_t first_child;
    uint32_t next_sibling;
    /* What must have ended before it starts: for a step without `needs`, the one before it in its
     * list. A child of a block starts when the block has and its own needs have ended; a block has
     * ended when its children have. No cycles. A hook has none: it starts when its owner ends. */
    const uint32_t *needs;
    uint32_t n_needs;
    uint32_t max_parallel;             /* children or items at once; 0: no limit of its own */
    const wfe_plan_condition *when;    /* NULL: always */
    const wfe_plan_for_each *for_each; /* NULL: runs once; see wfe_plan_item_new */
    const wfe_plan_retry *retry;       /* NULL: no retries; error_behavior retry is one, too */
    enum wfe_plan_on_error on_error;
    bool allow_failure;  /* its failure does not fail the run */
    bool fail_fast;      /* of a block or for_each: a failing child cancels its siblings */
    uint64_t timeout_ms; /* of all attempts together, waits included; 0: none */
    wfe_plan_hooks hooks;
    const wfe_plan_output *outputs;
    uint32_t n_outputs;
    const wfe_plan_secret_use *secrets;
    uint32_t n_secrets;
    wfe_plan_pos pos;
} wfe_plan_step;

/* ---- services and secrets ---- */

enum wfe_plan_probe {
    WFE_PLAN_PROBE_NONE, /* ready as soon as it runs */
    WFE_PLAN_PROBE_EXEC,
    WFE_PLAN_PROBE_TCP,
    WFE_PLAN_PROBE_HTTP,
    WFE_PLAN_PROBE_LOG,
};

typedef struct wfe_plan_service {
    const char *name;
    wfe_plan_container container;
    const uint16_t *ports;
    uint32_t n_ports;
    enum wfe_plan_probe probe;
    const char *const *probe_exec; /* argv */
    uint16_t probe_port;           /* tcp, http */
    const char *probe_path;        /* http */
    const char *probe_pattern;     /* log: a POSIX extended regular expression, found in a line */
    uint64_t probe_interval_ms;
    uint64_t probe_timeout_ms; /* from its start until it must be ready */
    uint32_t probe_retries;    /* probes that may fail before the service has failed */
    wfe_plan_pos pos;
} wfe_plan_service;

enum wfe_plan_secret_source {
    WFE_PLAN_SECRET_ENV,
    WFE_PLAN_SECRET_FILE,
    WFE_PLAN_SECRET_COMMAND,
};

typedef struct wfe_plan_secret {
    const char *name;
    enum wfe_plan_secret_source source;
    const char *text;           /* variable or path */
    const char *const *command; /* argv, NULL-terminated */
    wfe_plan_pos pos;
} wfe_plan_secret;

/* ---- the whole ---- */

typedef struct wfe_plan_workflow {
    const char *id;
    const char *name; /* NULL: none */
    const char *description;
    uint32_t version;
    const wfe_plan_field *inputs;
    uint32_t n_inputs;
    const wfe_plan_field *outputs;
    uint32_t n_outputs;
    const wfe_plan_service *services;
    uint32_t n_services;
    const wfe_plan_secret *secrets;
    uint32_t n_secrets;
    const char *shared_volume_path; /* in every container of a run; NULL: none */
    uint64_t shared_volume_bytes;   /* 0: no limit */
    uint64_t timeout_ms;            /* of a run; 0: none */
    bool fail_fast;                 /* a failing step cancels those that run */
    wfe_plan_hooks hooks;
    uint32_t first_step; /* index of its first step in the list; next_sibling goes on */
    uint32_t n_steps;    /* all, children and hooks included */
    wfe_plan_pos pos;
} wfe_plan_workflow;

typedef struct wfe_plan wfe_plan;
struct wfe_plan {
    const wfe_plan_workflow *workflows;
    uint32_t n_workflows;
    uint32_t main; /* index of the workflow to run */
    const wfe_plan_step *steps;
    uint32_t n_steps;
    const wfe_plan_file *files; /* the main file first */
    uint32_t n_files;
    /* The inputs, checked and of their types; an object. Begins the data of the run. */
    const json_t *inputs;
    /* Those and what else was given, for ((name)): with it the same files make the same plan. */
    const json_t *given;
    /* Every declared input has a value: false only for a plan that was made to be looked at. */
    bool complete;
    char hash[72]; /* "sha256:...", of all files: the same text gives the same hash */
    void *memory;  /* everything it points to */
};

void wfe_plan_free(wfe_plan *plan);

/* The workflow with this id, WFE_PLAN_NONE without. */
uint32_t wfe_plan_find_workflow(const wfe_plan *plan, const char *id);
/* The step of that workflow with this name, WFE_PLAN_NONE without. */
uint32_t wfe_plan_find_step(const wfe_plan *plan, uint32_t workflow, const char *name);
/* "ci.yaml:14:5". Returns out. */
#define WFE_PLAN_POS_SIZE 256
const char *wfe_plan_pos_format(const wfe_plan *plan, wfe_plan_pos pos,
                                char out[WFE_PLAN_POS_SIZE]);

/* Is the condition true of the data of a run: an object that holds inputs and outputs in one flat
 * name space. A missing field is null: equals is false, not_equals and is_null are true, orderings
 * and contains are false. Text compares with a number or bool by its text. INVALID when a value
 * that is there cannot be compared that way ("cannot compare non-numeric field value: ..."). */
int wfe_plan_condition_eval(const wfe_plan_condition *condition, const json_t *data, bool *ret,
                            wfe_error *err);

/* The value a path names in data (".outputs.targets", "inputs.ref", "a.0.b"): the leading inputs or
 * outputs is dropped when data has no such key, a number is an index into a list, or a key.
 * Borrowed; NULL when there is none. */
const json_t *wfe_plan_lookup(const json_t *data, const char *path);

/* One item of a for_each step: a copy of the step in which ((item)), ((item.key)) and ((index)) are
 * replaced, in config and when; a when that was the whole step's is not asked again and is NULL.
 * Its for_each is NULL; everything else is shared with the plan. */
typedef struct wfe_plan_item {
    wfe_plan_step step;
    void *memory;
} wfe_plan_item;

/* step must have a for_each; index counts from 0. INVALID, with the place in the file, for an item
 * that makes the step wrong (no such member, no number where one is needed); NOMEM. */
int wfe_plan_item_new(const wfe_plan *plan, uint32_t step, const json_t *item, uint32_t index,
                      wfe_plan_item **ret, wfe_error *err);
void wfe_plan_item_free(wfe_plan_item *item);

/* Does value have this type. A text is converted when it can be ("3" to a number, JSON for any,
 * lists and maps) if convert is set. *ret is a new reference. INVALID: "must be T, found V". */
int wfe_plan_type_check(const wfe_plan_type *type, const json_t *value, bool convert, json_t **ret,
                        wfe_error *err);

#endif
