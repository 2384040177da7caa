/* SPDX-License-Identifier: Apache-2.0 */
#include "workflow/config.h"

#include <stdio.h>
#include <string.h>

#define GRACE_MS 10000

/* Marks a key's value when it is there, else the whole map. */
static wfe_mark mark_of(const wfe_node *node, const char *key)
{
    const wfe_node *value = wfe_node_get(node, key);
    return wfe_mark_node(value ? value : node);
}

static bool has_open(const wfe_reader *r, const wfe_node *node, const char *key)
{
    const wfe_node *value = wfe_node_get(node, key);
    return value && wfe_read_is_open(r, value);
}

/* ---- parts of a container ---- */

/* SRC:DST[:ro|rw] */
static int parse_volume(const wfe_reader *r, const wfe_node *node, wfe_volume *out)
{
    const char *text = node->text;
    const char *colon = strchr(text, ':');
    const char *end = strchr(text, '\0');
    const char *mode = strrchr(text, ':');
    if (colon && mode > colon && (strcmp(mode, ":ro") == 0 || strcmp(mode, ":rw") == 0)) {
        out->readonly = mode[2] == 'o';
        end = mode;
    }
    if (!colon || colon == text || end <= colon + 1) {
        wfe_diagnose_error(r->list, wfe_mark_node(node),
                           "a volume must be SOURCE:TARGET[:ro], found '%s'", text);
        return 0;
    }
    out->source = wfe_arena_text(r->memory, text, (size_t)(colon - text));
    out->target = wfe_arena_text(r->memory, colon + 1, (size_t)(end - colon - 1));
    return out->source && out->target ? 0 : WFE_E_NOMEM;
}

static int read_volume(const wfe_reader *r, const wfe_node *node, wfe_volume *out)
{
    if (node->kind == WFE_NODE_SCALAR && !wfe_node_is_null(node)) {
        int rc = wfe_read_text(r, node, "volumes") ? parse_volume(r, node, out) : 0;
        if (rc || !out->target)
            return rc;
    } else {
        wfe_raw_volume raw = {0};
        int rc = wfe_read_map(r, node, WFE_SCOPE_VOLUME, &raw);
        if (rc || !wfe_node_is_map(node))
            return rc;
        *out = (wfe_volume){.source = raw.source, .target = raw.target, .readonly = raw.readonly};
        if (!raw.source && !wfe_node_get(node, "source"))
            wfe_diagnose_error(r->list, wfe_mark_node(node), "a volume must have a 'source'");
        if (!raw.target && !wfe_node_get(node, "target"))
            wfe_diagnose_error(r->list, wfe_mark_node(node), "a volume must have a 'target'");
    }
    const wfe_node *target = wfe_node_get(node, "target");
    if (out->target && out->target[0] != '/' && !strstr(out->target, "(("))
        wfe_diagnose_error(r->list, wfe_mark_node(target ? target : node),
                           "the target of a volume must be an absolute path, found '%s'",
                           out->target);
    return 0;
}

static int read_volumes(const wfe_reader *r, const wfe_node *node, wfe_step_options *options)
{
    if (!node)
        return 0;
    wfe_volume *volumes = wfe_arena_array(r->memory, node->n, sizeof *volumes);
    if (!volumes)
        return WFE_E_NOMEM;
    for (uint32_t i = 0; i < node->n; i++) {
        int rc = read_volume(r, node->items[i], &volumes[i]);
        if (rc)
            return rc;
    }
    options->volumes = volumes;
    options->n_volumes = node->n;
    return 0;
}

static int read_auth(const wfe_reader *r, const wfe_node *node, wfe_plan_container *container)
{
    if (!node)
        return 0;
    wfe_plan_registry_auth *auth = wfe_arena_array(r->memory, node->n, sizeof *auth);
    if (!auth)
        return WFE_E_NOMEM;
    for (uint32_t i = 0; i < node->n; i++) {
        const wfe_node_entry *entry = &node->entries[i];
        wfe_raw_auth raw = {0};
        if (wfe_read_map(r, entry->value, WFE_SCOPE_REGISTRY_AUTH, &raw))
            return WFE_E_NOMEM;
        if (wfe_node_is_map(entry->value) && (!raw.username || !raw.password) &&
            (!wfe_node_get(entry->value, "username") || !wfe_node_get(entry->value, "password")))
            wfe_diagnose_error(r->list, wfe_mark_key(entry),
                               "registry_auth of '%s' must have a 'username' and a 'password'",
                               entry->key);
        auth[i] = (wfe_plan_registry_auth){
            .host = wfe_arena_text(r->memory, entry->key, strlen(entry->key)),
            .username = raw.username,
            .password = raw.password};
        if (!auth[i].host)
            return WFE_E_NOMEM;
    }
    container->registry_auth = auth;
    container->n_registry_auth = node->n;
    return 0;
}

static int read_tls(const wfe_reader *r, const wfe_node *node, wfe_plan_container *container)
{
    wfe_raw_tls raw = {0};
    if (!node)
        return 0;
    if (wfe_read_map(r, node, WFE_SCOPE_TLS, &raw))
        return WFE_E_NOMEM;
    if (!raw.cert != !raw.key)
        wfe_diagnose_error(r->list, wfe_mark_node(node),
                           "'tls' must have both 'cert' and 'key', or neither");
    container->tls_ca = raw.ca;
    container->tls_cert = raw.cert;
    container->tls_key = raw.key;
    return 0;
}

static void check_network(const wfe_reader *r, const char *what, const wfe_node *node,
                          wfe_raw_container *raw)
{
    static const char *const words[] = {"none", "host", "bridge"};
    const char *network = raw->network;
    raw->container.options.network = network;
    if (!network || has_open(r, node, "network") ||
        (strncmp(network, "cni:", 4) == 0 && network[4]))
        return;
    for (size_t i = 0; i < 3; i++) {
        if (strcmp(network, words[i]) == 0)
            return;
    }
    wfe_diagnose_error(r->list, mark_of(node, "network"),
                       "%s has invalid network '%s'. Must be none, host, or bridge", what, network);
    wfe_diagnose_suggest(r->list, network, words, 3);
    wfe_diagnose_hint(r->list, "cni:NAME is a network of CNI");
}

static void check_pull(const wfe_reader *r, const char *what, const wfe_node *node,
                       wfe_raw_container *raw)
{
    static const char *const words[] = {[WFE_PLAN_PULL_IF_NOT_PRESENT] = "if-not-present",
                                        [WFE_PLAN_PULL_ALWAYS] = "always",
                                        [WFE_PLAN_PULL_NEVER] = "never"};
    if (!raw->pull || has_open(r, node, "pull"))
        return;
    for (size_t i = 0; i < 3; i++) {
        if (strcmp(raw->pull, words[i]) == 0) {
            raw->container.pull = (enum wfe_plan_pull)i;
            return;
        }
    }
    wfe_diagnose_error(r->list, mark_of(node, "pull"),
                       "%s has invalid pull policy '%s'. Must be always, if-not-present, or never",
                       what, raw->pull);
    wfe_diagnose_suggest(r->list, raw->pull, words, 3);
}

static void check_command(const wfe_reader *r, const char *what, const wfe_node *node)
{
    const wfe_node *run = wfe_node_get(node, "run");
    const wfe_node *command = wfe_node_get(node, "command");
    if (run && command)
        wfe_diagnose_error(r->list, wfe_mark_node(command),
                           "%s cannot have both 'config.run' and 'config.command'", what);
    else if (run && wfe_node_get(node, "args"))
        wfe_diagnose_error(r->list, mark_of(node, "args"),
                           "%s cannot have both 'config.run' and 'config.args'", what);
    else if (command && wfe_node_get(node, "args"))
        wfe_diagnose_error(r->list, mark_of(node, "args"),
                           "%s cannot have both 'config.command' and 'config.args'", what);
    if (!run && wfe_node_get(node, "shell"))
        wfe_diagnose_error(r->list, mark_of(node, "shell"), "'shell' has no use without 'run'");
    if (command && command->kind == WFE_NODE_LIST && !command->n)
        wfe_diagnose_error(r->list, wfe_mark_node(command), "'command' must not be empty");
}

void wfe_config_container_init(wfe_raw_container *raw)
{
    *raw = (wfe_raw_container){.init = true};
    raw->container.options.size = sizeof raw->container.options;
}

int wfe_config_container_finish(const wfe_reader *r, const char *what, const wfe_node *node,
                                wfe_raw_container *raw)
{
    wfe_plan_container *container = &raw->container;
    const wfe_node *image = wfe_node_get(node, "image");
    enum wfe_scope scope = raw->is_service ? WFE_SCOPE_SERVICE : WFE_SCOPE_CONTAINERD;
    bool misspelt = wfe_node_is_null(image) && wfe_read_is_misspelt(node, scope, "image");
    if (wfe_node_is_null(image) && !misspelt)
        wfe_diagnose_error(r->list, wfe_mark_node(node), "%s must have '%simage'", what,
                           raw->is_service ? "" : "config.");
    else if (image && container->options.image && !container->options.image[0])
        wfe_diagnose_error(r->list, wfe_mark_node(image), "'image' must not be empty");
    check_command(r, what, node);
    check_network(r, what, node, raw);
    check_pull(r, what, node, raw);
    container->options.pull = raw->pull;
    container->options.no_init = !raw->init;
    container->options.output_limit_bytes = (size_t)raw->output_limit_bytes;
    container->options.has_stdin = container->stdin_text != NULL;
    int rc = read_volumes(r, raw->volumes, &container->options);
    if (!rc)
        rc = read_tls(r, raw->tls, container);
    if (!rc)
        rc = read_auth(r, raw->registry_auth, container);
    return rc;
}

int wfe_config_container(const wfe_reader *r, const char *name, const wfe_node *node,
                         const wfe_plan_container **ret)
{
    char what[256];
    wfe_raw_container raw;
    size_t n_errors = wfe_diagnostics_errors(r->list);
    snprintf(what, sizeof what, "Containerd step '%s'", name);
    wfe_config_container_init(&raw);
    int rc = wfe_read_map(r, node, WFE_SCOPE_CONTAINERD, &raw);
    if (!rc)
        rc = wfe_config_container_finish(r, what, node, &raw);
    if (!rc && wfe_diagnostics_errors(r->list) == n_errors)
        rc = wfe_config_container_check(r, node, &raw.container);
    if (rc)
        return rc;
    wfe_plan_container *container = wfe_arena_alloc(r->memory, sizeof *container);
    if (!container)
        return WFE_E_NOMEM;
    *container = raw.container;
    *ret = container;
    return 0;
}

/* ---- shell ---- */

int wfe_config_shell(const wfe_reader *r, const char *name, const wfe_node *node,
                     const wfe_plan_shell **ret)
{
    static const char *const sh[] = {"sh", NULL};
    wfe_plan_shell *shell = wfe_arena_alloc(r->memory, sizeof *shell);
    if (!shell)
        return WFE_E_NOMEM;
    *shell = (wfe_plan_shell){.shell = sh, .grace_ms = GRACE_MS};
    int rc = wfe_read_map(r, node, WFE_SCOPE_SHELL, shell);
    if (rc)
        return rc;
    const wfe_node *run = wfe_node_get(node, "run");
    const wfe_node *file = wfe_node_get(node, "file");
    bool misspelt = wfe_read_is_misspelt(node, WFE_SCOPE_SHELL, "run") ||
                    wfe_read_is_misspelt(node, WFE_SCOPE_SHELL, "file");
    if (wfe_node_is_null(run) && wfe_node_is_null(file) && !misspelt)
        wfe_diagnose_error(r->list, wfe_mark_node(node),
                           "Shell step '%s' must have 'config.run' or 'config.file'", name);
    else if (run && file)
        wfe_diagnose_error(r->list, wfe_mark_node(file),
                           "Shell step '%s' cannot have both 'config.run' and 'config.file'", name);
    *ret = shell;
    return 0;
}

/* ---- workflow ---- */

static bool is_data_path(const wfe_node *node)
{
    return node->kind == WFE_NODE_SCALAR && !(node->flags & WFE_NODE_FROM_VALUE) &&
           (strncmp(node->text, ".inputs.", 8) == 0 || strncmp(node->text, ".outputs.", 9) == 0);
}

static int read_argument(const wfe_reader *r, const wfe_node_entry *entry, wfe_plan_argument *out)
{
    out->name = wfe_arena_text(r->memory, entry->key, strlen(entry->key));
    out->pos = entry->pos;
    if (is_data_path(entry->value))
        out->path = wfe_arena_text(r->memory, entry->value->text, entry->value->n);
    else
        out->value = wfe_arena_keep(r->memory, wfe_node_json(entry->value));
    return out->name && (out->path || out->value) ? 0 : WFE_E_NOMEM;
}

static int read_arguments(const wfe_reader *r, const wfe_node *node, wfe_plan_call *call)
{
    if (!node || !wfe_read_is_map(r, node, "'inputs'"))
        return 0;
    wfe_plan_argument *arguments = wfe_arena_array(r->memory, node->n, sizeof *arguments);
    if (!arguments)
        return WFE_E_NOMEM;
    for (uint32_t i = 0; i < node->n; i++) {
        if (read_argument(r, &node->entries[i], &arguments[i]))
            return WFE_E_NOMEM;
    }
    call->arguments = arguments;
    call->n_arguments = node->n;
    call->has_arguments = true;
    return 0;
}

int wfe_config_call(const wfe_reader *r, const char *name, const wfe_node *node,
                    wfe_plan_call **ret, const char **ret_id, uint32_t *ret_version)
{
    wfe_raw_call raw = {.version = UINT32_MAX};
    wfe_plan_call *call = wfe_arena_alloc(r->memory, sizeof *call);
    if (!call)
        return WFE_E_NOMEM;
    call->workflow = WFE_PLAN_NONE;
    int rc = wfe_read_map(r, node, WFE_SCOPE_CALL, &raw);
    if (!rc)
        rc = read_arguments(r, raw.inputs, call);
    if (rc)
        return rc;
    if (wfe_node_is_null(wfe_node_get(node, "workflow")))
        wfe_diagnose_error(r->list, wfe_mark_node(node),
                           "Workflow step '%s' must have 'config.workflow'", name);
    *ret = call;
    *ret_id = raw.workflow;
    *ret_version = raw.version;
    return 0;
}
