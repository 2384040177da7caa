/* SPDX-License-Identifier: Apache-2.0
 *
 * Steps, blocks and hooks, in the order of the file.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "workflow/condition.h"
#include "workflow/config.h"
#include "workflow/item.h"
#include "workflow/loader.h"
#include "workflow/types.h"

static const char *const type_names[] = {"containerd", "shell", "workflow"};
#define N_TYPES (sizeof type_names / sizeof *type_names)

/* Types of older files that wfe does not have, and what does the same. */
static const struct {
    const char *name; /* "cargo-" stands for all that begin with it */
    const char *instead;
} refused_types[] = {
    {"kubernetes", "use type containerd: image, run, command, env, memory and cpu mean the same"},
    {"k8s", "use type containerd: image, run, command, env, memory and cpu mean the same"},
    {"buildkit", "use type containerd with the image moby/buildkit and buildctl-daemonless.sh"},
    {"deno", "use type containerd with the image denoland/deno"},
    {"cargo-", "use type containerd with the image rust and 'run: cargo ...'"},
    {"rust-install", "use type containerd with an image that has the toolchain, such as rust"},
    {"rustup-", "use type containerd with an image that has the toolchain, such as rust"},
    {"git-repo", "use type shell or containerd with 'run: git clone ...'"},
};

typedef struct reading {
    wfe_raw_step raw;
    const wfe_node *node;
    const char *name; /* for messages, never NULL */
    uint32_t index;
    uint32_t parent;
    enum wfe_plan_role role;
} reading;

static int read_step(wfe_loader *l, const wfe_node *node, enum wfe_plan_role role, uint32_t parent,
                     uint32_t before, uint32_t *ret);

static int add_step(wfe_loader *l, uint32_t *ret)
{
    if (l->n_steps == l->cap_steps) {
        uint32_t cap = l->cap_steps ? l->cap_steps * 2 : 64;
        wfe_plan_step *steps = realloc(l->steps, cap * sizeof *steps);
        if (steps)
            l->steps = steps;
        wfe_step_source *sources = realloc(l->step_sources, cap * sizeof *sources);
        if (sources)
            l->step_sources = sources;
        if (!steps || !sources)
            return WFE_E_NOMEM;
        l->cap_steps = cap;
    }
    *ret = l->n_steps++;
    return 0;
}

/* ---- parts of a step ---- */

static wfe_mark mark_of(const wfe_node *node, const char *key)
{
    const wfe_node *value = wfe_node_get(node, key);
    return wfe_mark_node(value ? value : node);
}

static void tell(wfe_loader *l, const reading *s, const char *key, const char *format)
{
    wfe_diagnose_error(l->list, mark_of(s->node, key), format, s->name);
}

static int check_name(wfe_loader *l, reading *s)
{
    if (!s->raw.name) {
        if (wfe_node_is_null(wfe_node_get(s->node, "name")) &&
            !wfe_read_is_misspelt(s->node, WFE_SCOPE_STEP, "name"))
            wfe_diagnose_error(l->list, wfe_mark_node(s->node), "a step must have a 'name'");
        s->name = "unknown";
        return 0;
    }
    s->name = s->raw.name;
    for (const char *c = s->name; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f) {
            tell(l, s, "name", "the name of step '%s' holds a control character");
            break;
        }
    }
    uint32_t before;
    if (!wfe_index_add(&l->names, s->name, strlen(s->name), s->index, &before))
        return WFE_E_NOMEM;
    if (before == WFE_INDEX_NONE)
        return 0;
    tell(l, s, "name", "Duplicate step name: '%s'");
    const wfe_node *first = wfe_node_get(l->step_sources[before].node, "name");
    wfe_diagnose_hint(l->list, "the first one is in line %u", first ? first->pos.line : 0);
    return 0;
}

static bool is_type(const char *name, const char *type)
{
    size_t len = strlen(name);
    return name[len - 1] == '-' ? strncmp(name, type, len) == 0 : strcmp(name, type) == 0;
}

static bool find_name(const char *type, enum wfe_plan_step_type *ret)
{
    for (size_t i = 0; type && i < N_TYPES; i++) {
        if (strcmp(type_names[i], type) == 0) {
            *ret = (enum wfe_plan_step_type)i;
            return true;
        }
    }
    return false;
}

/* False after telling that there is no such type, unless one can be guessed, whose config is to be
 * checked. */
static bool find_type(wfe_loader *l, const reading *s, enum wfe_plan_step_type *ret)
{
    const char *type = s->raw.type;
    if (!type) {
        *ret = WFE_PLAN_STEP_SHELL;
        return wfe_node_is_null(wfe_node_get(s->node, "type"));
    }
    if (find_name(type, ret))
        return true;
    if (wfe_node_get(s->node, "type")->flags & WFE_NODE_UNKNOWN)
        return false; /* a value that is given later says what it is */
    for (size_t i = 0; i < sizeof refused_types / sizeof *refused_types; i++) {
        if (is_type(refused_types[i].name, type)) {
            wfe_diagnose_error(l->list, mark_of(s->node, "type"), "step type '%s' is not supported",
                               type);
            wfe_diagnose_hint(l->list, "%s", refused_types[i].instead);
            return false;
        }
    }
    wfe_diagnose_error(l->list, mark_of(s->node, "type"), "Unknown step type: '%s'", type);
    wfe_diagnose_suggest(l->list, type, type_names, N_TYPES);
    wfe_diagnose_hint(l->list, "step types are containerd, shell and workflow");
    return find_name(wfe_nearest(type, type_names, N_TYPES), ret);
}

static int read_config(wfe_loader *l, const reading *s)
{
    static const char *const titles[] = {"Containerd", "Shell", "Workflow"};
    enum wfe_plan_step_type type;
    wfe_plan_step *step = &l->steps[s->index];
    wfe_step_source *source = &l->step_sources[s->index];
    static const wfe_plan_shell not_known = {0};
    if (!find_type(l, s, &type)) {
        step->config.shell = &not_known; /* of a plan that never runs */
        return 0;
    }
    step->type = type;
    if (!s->raw.config) {
        if (wfe_node_is_null(wfe_node_get(s->node, "config")) &&
            !wfe_read_is_misspelt(s->node, WFE_SCOPE_STEP, "config"))
            wfe_diagnose_error(l->list, mark_of(s->node, "name"),
                               "%s step '%s' must have a 'config' section", titles[type], s->name);
        return 0;
    }
    char what[192];
    snprintf(what, sizeof what, "'config' of step '%s'", s->name);
    if (!wfe_read_is_map(&l->reader, s->raw.config, what))
        return 0;
    if (type == WFE_PLAN_STEP_CONTAINERD)
        return wfe_config_container(&l->reader, s->name, s->raw.config, &step->config.container);
    if (type == WFE_PLAN_STEP_SHELL)
        return wfe_config_shell(&l->reader, s->name, s->raw.config, &step->config.shell);
    source->call_node = s->raw.config;
    int rc = wfe_config_call(&l->reader, s->name, s->raw.config, &source->call, &source->call_id,
                             &source->call_version);
    step->config.call = source->call;
    return rc;
}

static int read_output_type(wfe_loader *l, const wfe_node *node, wfe_plan_output *out)
{
    wfe_error error = WFE_ERROR_INIT;
    const char *text = wfe_read_text(&l->reader, node, "type");
    int rc = text ? wfe_type_parse(l->memory, text, &out->type, &error) : 0;
    if (rc == WFE_E_INVALID) {
        wfe_diagnose_error(l->list, wfe_mark_node(node), "%s", error.message);
        wfe_diagnose_suggest(l->list, text, wfe_type_names, wfe_n_type_names);
        wfe_diagnose_hint(l->list, "types are string, number, integer, bool, any, list<T> and "
                                   "map<T>; T? may be absent");
        rc = 0;
    }
    out->typed = true;
    return rc;
}

/* Adds to outputs, *n of them so far. */
static int read_output(wfe_loader *l, const wfe_node *node, wfe_plan_output *outputs, uint32_t *n)
{
    wfe_raw_reference raw = {0};
    int rc = wfe_read_map(&l->reader, node, WFE_SCOPE_OUTPUT, &raw);
    if (rc)
        return rc;
    if (!raw.name) {
        if (wfe_node_is_map(node) && !wfe_node_get(node, "name"))
            wfe_diagnose_error(l->list, wfe_mark_node(node), "an output must have a 'name'");
        return 0;
    }
    for (uint32_t k = 0; k < *n; k++) {
        if (strcmp(outputs[k].name, raw.name) == 0)
            wfe_diagnose_error(l->list, wfe_mark_node(node), "the output '%s' is there twice",
                               raw.name);
    }
    wfe_plan_output *out = &outputs[(*n)++];
    *out = (wfe_plan_output){
        .name = raw.name, .type = {.kind = WFE_PLAN_STRING, .text = "string"}, .pos = node->pos};
    return raw.type && !wfe_node_is_null(raw.type) ? read_output_type(l, raw.type, out) : 0;
}

static int read_outputs(wfe_loader *l, const wfe_node *list, wfe_plan_step *step)
{
    uint32_t n = 0;
    if (!list || wfe_load_is_too_long(l, list, "'outputs'"))
        return 0;
    wfe_plan_output *outputs = wfe_arena_array(l->memory, list->n, sizeof *outputs);
    if (!outputs)
        return WFE_E_NOMEM;
    for (uint32_t i = 0; i < list->n; i++) {
        int rc = read_output(l, list->items[i], outputs, &n);
        if (rc)
            return rc;
    }
    step->outputs = outputs;
    step->n_outputs = n;
    return 0;
}

static int check_inputs(wfe_loader *l, const wfe_node *list)
{
    for (uint32_t i = 0; list && i < list->n; i++) {
        wfe_raw_reference raw = {0};
        if (wfe_read_map(&l->reader, list->items[i], WFE_SCOPE_INPUT, &raw))
            return WFE_E_NOMEM;
    }
    return 0;
}

/* What a block of parallel steps cannot have. */
static void check_block(wfe_loader *l, const reading *s)
{
    static const char *const keys[] = {"config", "for_each", "retry",    "outputs",
                                       "inputs", "secrets",  "max_items"};
    if (s->raw.type)
        tell(l, s, "type", "Step '%s' cannot have both 'type' and 'parallel'");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (wfe_node_get(s->node, keys[i]))
            wfe_diagnose_error(l->list, mark_of(s->node, keys[i]),
                               "the parallel block '%s' cannot have '%s'", s->name, keys[i]);
    }
    if (!s->raw.parallel->n)
        tell(l, s, "parallel", "the parallel block '%s' has no steps");
}

/* What a hook cannot have. */
static void check_hook(wfe_loader *l, const reading *s)
{
    if (s->role != WFE_PLAN_ROLE_STEP && wfe_node_get(s->node, "needs"))
        tell(l, s, "needs", "the hook '%s' cannot have 'needs': it starts when its step ends");
}

static int read_hooks(wfe_loader *l, const reading *s)
{
    wfe_plan_hooks hooks = {WFE_PLAN_NONE, WFE_PLAN_NONE, WFE_PLAN_NONE};
    bool for_each = l->reader.for_each;
    l->reader.for_each = false; /* hooks are the whole step's, not an item's */
    int rc =
        wfe_load_hook(l, s->raw.on_success, WFE_PLAN_ROLE_ON_SUCCESS, s->index, &hooks.on_success);
    if (!rc)
        rc = wfe_load_hook(l, s->raw.on_failure, WFE_PLAN_ROLE_ON_FAILURE, s->index,
                           &hooks.on_failure);
    if (!rc)
        rc = wfe_load_hook(l, s->raw.ensure, WFE_PLAN_ROLE_ENSURE, s->index, &hooks.ensure);
    l->reader.for_each = for_each;
    l->steps[s->index].hooks = hooks;
    return rc;
}

static int read_parts(wfe_loader *l, reading *s)
{
    const wfe_raw_step *raw = &s->raw;
    bool for_each = l->reader.for_each;
    int rc = 0;
    l->reader.for_each = raw->for_each != NULL;
    if (raw->parallel) {
        check_block(l, s);
    } else if (!raw->type && !wfe_node_get(s->node, "config") && !wfe_node_get(s->node, "type") &&
               !wfe_node_get(s->node, "parallel")) {
        if (!wfe_read_is_misspelt(s->node, WFE_SCOPE_STEP, "config") &&
            !wfe_read_is_misspelt(s->node, WFE_SCOPE_STEP, "parallel"))
            tell(l, s, "name", "Step '%s' must have either 'type' + 'config' or 'parallel'");
    } else if (wfe_node_get(s->node, "parallel") == NULL) {
        rc = read_config(l, s);
    }
    if (!rc && raw->when)
        rc = wfe_condition_compile(l->memory, l->list, raw->when, &l->steps[s->index].when);
    if (!rc && raw->for_each && !raw->parallel)
        rc = wfe_item_prepare(l, s->index, raw);
    l->reader.for_each = for_each;
    if (!rc && !raw->parallel)
        rc = read_outputs(l, raw->outputs, &l->steps[s->index]);
    if (!rc)
        rc = check_inputs(l, raw->inputs);
    if (!rc && raw->secrets)
        rc = wfe_load_secret_uses(l, raw->secrets, &l->steps[s->index]);
    check_hook(l, s);
    return rc;
}

static int read_failure(wfe_loader *l, const reading *s)
{
    const wfe_plan_retry *retry = NULL;
    enum wfe_plan_on_error on_error = WFE_PLAN_ERROR_FAIL;
    /* What a workflow says for its steps is not meant for blocks and hooks. */
    if (!s->raw.parallel && s->role == WFE_PLAN_ROLE_STEP && !s->raw.error_behavior) {
        on_error = l->default_on_error;
        retry = s->raw.retry ? NULL : l->default_retry;
    }
    int rc = wfe_load_retry(l, s->raw.retry, s->raw.error_behavior, &retry, &on_error);
    if (s->raw.parallel)
        retry = NULL;
    l->steps[s->index].retry = retry;
    l->steps[s->index].on_error = on_error;
    return rc;
}

static void fill_step(wfe_loader *l, const reading *s, uint32_t before)
{
    l->steps[s->index] = (wfe_plan_step){
        .name = s->raw.name,
        .type = s->raw.parallel ? WFE_PLAN_STEP_PARALLEL : WFE_PLAN_STEP_SHELL,
        .role = s->role,
        .workflow = l->workflow,
        .parent = s->parent,
        .first_child = WFE_PLAN_NONE,
        .next_sibling = WFE_PLAN_NONE,
        .max_parallel = s->raw.max_parallel,
        .allow_failure = s->raw.allow_failure,
        .fail_fast = s->raw.fail_fast,
        .timeout_ms = s->raw.timeout_ms,
        .hooks = {WFE_PLAN_NONE, WFE_PLAN_NONE, WFE_PLAN_NONE},
        .pos = s->node->pos,
    };
    l->step_sources[s->index] = (wfe_step_source){.node = s->node,
                                                  .needs = s->raw.needs,
                                                  .before = before,
                                                  .call_version = UINT32_MAX,
                                                  .needed_by = WFE_PLAN_NONE};
}

static int read_children(wfe_loader *l, const reading *s)
{
    uint32_t first = WFE_PLAN_NONE;
    int rc = s->raw.parallel ? wfe_load_steps(l, s->raw.parallel, s->index, &first) : 0;
    l->steps[s->index].first_child = first;
    return rc;
}

static int read_step(wfe_loader *l, const wfe_node *node, enum wfe_plan_role role, uint32_t parent,
                     uint32_t before, uint32_t *ret)
{
    reading s = {
        .raw = {.max_items = WFE_ITEM_DEFAULT_MAX}, .node = node, .parent = parent, .role = role};
    const wfe_node *for_each = wfe_node_get(node, "for_each");
    bool outer = l->reader.for_each;
    l->reader.for_each = outer || !wfe_node_is_null(for_each);
    int rc = wfe_read_map(&l->reader, node, WFE_SCOPE_STEP, &s.raw);
    l->reader.for_each = outer;
    if (!rc)
        rc = add_step(l, &s.index);
    if (rc)
        return rc;
    fill_step(l, &s, before);
    rc = check_name(l, &s);
    if (!rc)
        rc = read_parts(l, &s);
    if (!rc)
        rc = read_failure(l, &s);
    if (!rc)
        rc = read_children(l, &s);
    if (!rc)
        rc = read_hooks(l, &s);
    *ret = s.index;
    return rc;
}

int wfe_load_steps(wfe_loader *l, const wfe_node *list, uint32_t parent, uint32_t *ret_first)
{
    uint32_t before = WFE_PLAN_NONE;
    for (uint32_t i = 0; i < list->n; i++) {
        uint32_t index = 0;
        if (!wfe_read_is_map(&l->reader, list->items[i], "a step"))
            continue;
        /* Children of a block do not wait for each other. */
        int rc = read_step(l, list->items[i], WFE_PLAN_ROLE_STEP, parent,
                           parent == WFE_PLAN_NONE ? before : WFE_PLAN_NONE, &index);
        if (rc)
            return rc;
        if (before == WFE_PLAN_NONE)
            *ret_first = index;
        else
            l->steps[before].next_sibling = index;
        before = index;
    }
    return 0;
}

int wfe_load_hook(wfe_loader *l, const wfe_node *node, enum wfe_plan_role role, uint32_t parent,
                  uint32_t *ret)
{
    if (!node)
        return 0;
    return read_step(l, node, role, parent, WFE_PLAN_NONE, ret);
}
