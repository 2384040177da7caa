/* SPDX-License-Identifier: Apache-2.0
 *
 * What a workflow has beside its steps: services, secrets, the shared volume.
 */
#include <ctype.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "workflow/config.h"
#include "workflow/loader.h"

#define SECRETS_MAX 1000
#define PORTS_MAX 64

/* ---- readiness ---- */

static int copy_text(wfe_loader *l, const char *text, const char **ret)
{
    *ret = wfe_arena_text(l->memory, text, strlen(text));
    return *ret ? 0 : WFE_E_NOMEM;
}

/* A pattern the engine cannot compile would fail the run only when the service has started. */
static void check_pattern(wfe_loader *l, const wfe_node *node, const char *pattern)
{
    regex_t regex;
    char why[128];
    int code = regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB);
    if (!code) {
        regfree(&regex);
        return;
    }
    regerror(code, &regex, why, sizeof why);
    wfe_diagnose_error(l->list, wfe_mark_node(node), "'log' is no regular expression: %s", why);
}

static int read_http(wfe_loader *l, const wfe_node *node, wfe_plan_service *out)
{
    wfe_raw_http raw = {.path = "/"};
    int rc = wfe_read_map(&l->reader, node, WFE_SCOPE_HTTP, &raw);
    if (rc)
        return rc;
    if (!raw.port && wfe_node_is_null(wfe_node_get(node, "port")))
        wfe_diagnose_error(l->list, wfe_mark_node(node), "'http' must have a 'port'");
    if (raw.path[0] != '/' || strpbrk(raw.path, " \r\n"))
        wfe_diagnose_error(l->list, wfe_mark_node(wfe_node_get(node, "path")),
                           "'path' must begin with '/' and hold no spaces, found '%s'", raw.path);
    out->probe_port = (uint16_t)raw.port;
    return copy_text(l, raw.path, &out->probe_path);
}

/* The one probe that is named; several are a mistake. */
static int choose_probe(wfe_loader *l, const wfe_node *node, const wfe_raw_readiness *raw,
                        wfe_plan_service *out)
{
    static const struct {
        const char *key;
        enum wfe_plan_probe probe;
    } probes[] = {{"exec", WFE_PLAN_PROBE_EXEC},
                  {"tcp", WFE_PLAN_PROBE_TCP},
                  {"http", WFE_PLAN_PROBE_HTTP},
                  {"log", WFE_PLAN_PROBE_LOG}};
    const char *first = NULL;
    for (size_t i = 0; i < sizeof probes / sizeof *probes; i++) {
        const wfe_node *value = wfe_node_get(node, probes[i].key);
        if (wfe_node_is_null(value))
            continue;
        if (first)
            wfe_diagnose_error(l->list, wfe_mark_node(value),
                               "readiness can be seen in one way only: '%s' or '%s'", first,
                               probes[i].key);
        else
            out->probe = probes[i].probe;
        first = first ? first : probes[i].key;
    }
    if (!first && !out->n_ports)
        wfe_diagnose_error(l->list, wfe_mark_node(node),
                           "readiness must have 'exec', 'tcp', 'http' or 'log', or the service "
                           "'ports', of which the first must accept then");
    if (!first) {
        out->probe = WFE_PLAN_PROBE_TCP;
        out->probe_port = out->n_ports ? out->ports[0] : 0;
    }
    if (raw->tcp)
        out->probe_port = (uint16_t)raw->tcp;
    return raw->http ? read_http(l, raw->http, out) : 0;
}

static int read_readiness(wfe_loader *l, const wfe_node *node, wfe_plan_service *out)
{
    wfe_raw_readiness raw = {.interval_ms = 5000, .timeout_ms = 60000, .retries = 12};
    int rc = node ? wfe_read_map(&l->reader, node, WFE_SCOPE_READINESS, &raw) : 0;
    out->probe_interval_ms = raw.interval_ms;
    out->probe_timeout_ms = raw.timeout_ms;
    out->probe_retries = raw.retries;
    if (rc || !node || !wfe_node_is_map(node))
        return rc;
    out->probe_exec = raw.exec;
    out->probe_pattern = raw.log;
    if (raw.log)
        check_pattern(l, wfe_node_get(node, "log"), raw.log);
    if (raw.exec && !raw.exec[0])
        wfe_diagnose_error(l->list, wfe_mark_node(wfe_node_get(node, "exec")),
                           "'exec' must not be empty");
    return choose_probe(l, node, &raw, out);
}

/* ---- services ---- */

/* It is a host name and, in upper case, a part of a variable's name. */
static void check_name(wfe_loader *l, const wfe_node_entry *entry)
{
    const char *name = entry->key;
    size_t len = strlen(name);
    bool ok = len && len <= 63 && isalnum((unsigned char)name[0]) &&
              isalnum((unsigned char)name[len - 1]);
    for (size_t i = 0; ok && i < len; i++)
        ok = isalnum((unsigned char)name[i]) || name[i] == '-' || name[i] == '_';
    if (!ok)
        wfe_diagnose_error(l->list, wfe_mark_key(entry),
                           "the name of service '%s' must have 1 to 63 letters, digits, '-' or "
                           "'_', with a letter or digit at both ends",
                           name);
    else if (strcasecmp(name, "localhost") == 0)
        wfe_diagnose_error(l->list, wfe_mark_key(entry),
                           "a service cannot be named '%s': that is each container itself", name);
}

static int read_ports(wfe_loader *l, const wfe_node *node, wfe_plan_service *out)
{
    if (wfe_node_is_null(node) || !wfe_read_is_list(&l->reader, node, "'ports'"))
        return 0;
    if (node->n > PORTS_MAX) {
        wfe_diagnose_error(l->list, wfe_mark_node(node), "'ports' has %u items, at most %d",
                           node->n, PORTS_MAX);
        return 0;
    }
    uint16_t *ports = wfe_arena_array(l->memory, node->n, sizeof *ports);
    if (!ports)
        return WFE_E_NOMEM;
    for (uint32_t i = 0; i < node->n; i++) {
        json_t *value = wfe_node_json(node->items[i]);
        if (!value)
            return WFE_E_NOMEM;
        json_int_t port = json_integer_value(value);
        json_decref(value);
        if (port >= 1 && port <= 65535)
            ports[out->n_ports++] = (uint16_t)port;
        else
            wfe_diagnose_error(l->list, wfe_mark_node(node->items[i]),
                               "a port must be a number from 1 to 65535");
    }
    out->ports = ports;
    return 0;
}

static int read_service(wfe_loader *l, const wfe_node_entry *entry, wfe_plan_service *out)
{
    wfe_raw_service raw = {0};
    char what[160];
    size_t n_errors = wfe_diagnostics_errors(l->list);
    snprintf(what, sizeof what, "service '%.100s'", entry->key);
    check_name(l, entry);
    wfe_config_container_init(&raw.c);
    raw.c.is_service = true;
    raw.c.container.options.user = "image";
    int rc = wfe_read_map(&l->reader, entry->value, WFE_SCOPE_SERVICE, &raw);
    if (rc || !wfe_node_is_map(entry->value))
        return rc;
    rc = wfe_config_container_finish(&l->reader, what, entry->value, &raw.c);
    if (!rc && wfe_diagnostics_errors(l->list) == n_errors)
        rc = wfe_config_container_check(&l->reader, entry->value, &raw.c.container);
    out->container = raw.c.container;
    out->pos = entry->pos;
    if (!rc)
        rc = copy_text(l, entry->key, &out->name);
    if (!rc)
        rc = read_ports(l, raw.ports, out);
    return rc ? rc : read_readiness(l, raw.readiness, out);
}

int wfe_load_services(wfe_loader *l, const wfe_node *node, wfe_plan_workflow *workflow)
{
    if (!node)
        return 0;
    if (node->n > WFE_LOAD_MAX_SERVICES) {
        wfe_diagnose_error(l->list, wfe_mark_node(node), "%u services, at most %d", node->n,
                           WFE_LOAD_MAX_SERVICES);
        return 0;
    }
    wfe_plan_service *services = wfe_arena_array(l->memory, node->n, sizeof *services);
    if (!services)
        return WFE_E_NOMEM;
    for (uint32_t i = 0; i < node->n; i++) {
        int rc = read_service(l, &node->entries[i], &services[i]);
        if (rc)
            return rc;
    }
    workflow->services = services;
    workflow->n_services = node->n;
    return 0;
}

/* ---- secrets ---- */

static int read_secret(wfe_loader *l, const wfe_node_entry *entry, wfe_plan_secret *out)
{
    wfe_raw_secret raw = {0};
    int rc = wfe_read_map(&l->reader, entry->value, WFE_SCOPE_SECRET, &raw);
    if (rc || !wfe_node_is_map(entry->value))
        return rc;
    int n = (wfe_node_get(entry->value, "env") != NULL) +
            (wfe_node_get(entry->value, "file") != NULL) +
            (wfe_node_get(entry->value, "command") != NULL);
    bool misspelt = wfe_read_is_misspelt(entry->value, WFE_SCOPE_SECRET, "env") ||
                    wfe_read_is_misspelt(entry->value, WFE_SCOPE_SECRET, "file") ||
                    wfe_read_is_misspelt(entry->value, WFE_SCOPE_SECRET, "command");
    if (n > 1 || (!n && !misspelt))
        wfe_diagnose_error(l->list, wfe_mark_key(entry),
                           "secret '%s' must have one of 'env', 'file' and 'command', has %d",
                           entry->key, n);
    if (raw.command && !raw.command[0])
        wfe_diagnose_error(l->list, wfe_mark_node(wfe_node_get(entry->value, "command")),
                           "'command' must not be empty");
    out->source = raw.command ? WFE_PLAN_SECRET_COMMAND
                  : raw.file  ? WFE_PLAN_SECRET_FILE
                              : WFE_PLAN_SECRET_ENV;
    out->text = raw.file ? raw.file : raw.env;
    out->command = raw.command;
    out->pos = entry->pos;
    return copy_text(l, entry->key, &out->name);
}

int wfe_load_secrets(wfe_loader *l, const wfe_node *node, wfe_plan_workflow *workflow)
{
    if (!node)
        return 0;
    if (node->n > SECRETS_MAX) {
        wfe_diagnose_error(l->list, wfe_mark_node(node), "%u secrets, at most %d", node->n,
                           SECRETS_MAX);
        return 0;
    }
    wfe_plan_secret *secrets = wfe_arena_array(l->memory, node->n, sizeof *secrets);
    if (!secrets)
        return WFE_E_NOMEM;
    workflow->secrets = secrets;
    for (uint32_t i = 0; i < node->n; i++) {
        int rc = read_secret(l, &node->entries[i], &secrets[workflow->n_secrets]);
        if (rc)
            return rc;
        workflow->n_secrets += secrets[workflow->n_secrets].name != NULL;
    }
    return 0;
}

static void find_secret(wfe_loader *l, const wfe_node *node, const char *name, uint32_t *ret)
{
    const wfe_plan_workflow *workflow = &l->workflows[l->workflow];
    const char *words[64];
    size_t n = 0;
    for (uint32_t i = 0; i < workflow->n_secrets; i++) {
        if (strcmp(workflow->secrets[i].name, name) == 0) {
            *ret = i;
            return;
        }
        if (n < 64)
            words[n++] = workflow->secrets[i].name;
    }
    wfe_diagnose_error(l->list, wfe_mark_node(node), "the workflow has no secret '%s'", name);
    wfe_diagnose_suggest(l->list, name, words, n);
    if (!n)
        wfe_diagnose_hint(l->list, "declare it under 'secrets' of the workflow");
}

static int read_secret_use(wfe_loader *l, const wfe_node *node, wfe_plan_secret_use *out)
{
    wfe_raw_secret_use raw = {0};
    int rc = 0;
    out->secret = WFE_PLAN_NONE;
    if (node->kind == WFE_NODE_SCALAR)
        raw.name = wfe_read_text(&l->reader, node, "secrets");
    else
        rc = wfe_read_map(&l->reader, node, WFE_SCOPE_SECRET_USE, &raw);
    if (rc)
        return rc;
    if (!raw.name) {
        if (wfe_node_is_map(node) && wfe_node_is_null(wfe_node_get(node, "name")))
            wfe_diagnose_error(l->list, wfe_mark_node(node), "a secret must have a 'name'");
        return 0;
    }
    if (raw.file && raw.file[0] != '/')
        wfe_diagnose_error(l->list, wfe_mark_node(wfe_node_get(node, "file")),
                           "'file' must be an absolute path, found '%s'", raw.file);
    if (raw.env && (!raw.env[0] || strchr(raw.env, '=')))
        wfe_diagnose_error(l->list, wfe_mark_node(wfe_node_get(node, "env")),
                           "'env' must be the name of a variable, found '%s'", raw.env);
    find_secret(l, node, raw.name, &out->secret);
    out->file = raw.file;
    out->env = raw.env;
    return raw.env || raw.file ? 0 : copy_text(l, raw.name, &out->env);
}

int wfe_load_secret_uses(wfe_loader *l, const wfe_node *node, wfe_plan_step *step)
{
    if (wfe_node_is_null(node) || !wfe_read_is_list(&l->reader, node, "'secrets'"))
        return 0;
    wfe_plan_secret_use *uses = wfe_arena_array(l->memory, node->n, sizeof *uses);
    if (!uses)
        return WFE_E_NOMEM;
    step->secrets = uses;
    for (uint32_t i = 0; i < node->n; i++) {
        wfe_plan_secret_use *use = &uses[step->n_secrets];
        *use = (wfe_plan_secret_use){0};
        int rc = read_secret_use(l, node->items[i], use);
        if (rc)
            return rc;
        step->n_secrets += use->secret != WFE_PLAN_NONE;
    }
    return 0;
}

/* ---- the shared volume ---- */

int wfe_load_shared_volume(wfe_loader *l, const wfe_node *node, wfe_plan_workflow *workflow)
{
    wfe_raw_shared_volume raw = {.mount_path = "/workspace"};
    int rc = node ? wfe_read_map(&l->reader, node, WFE_SCOPE_SHARED_VOLUME, &raw) : 0;
    if (rc || !node)
        return rc;
    if (raw.mount_path[0] != '/' || !raw.mount_path[1])
        wfe_diagnose_error(l->list, wfe_mark_node(wfe_node_get(node, "mount_path")),
                           "'mount_path' must be an absolute path below /, found '%s'",
                           raw.mount_path);
    workflow->shared_volume_bytes = raw.size_bytes;
    return copy_text(l, raw.mount_path, &workflow->shared_volume_path);
}
