/* SPDX-License-Identifier: Apache-2.0 */
#include "workflow/advice.h"

#include <ctype.h>
#include <string.h>

#include "base/nearest.h"

/* Keys of other tools' files, without "-" and "_" and in small letters. What they are here: a key
 * of the same scope, or, with a space in it, a sentence. */
static const struct {
    enum wfe_scope scope;
    const char *theirs;
    const char *ours;
} foreign[] = {
    {WFE_SCOPE_FILE, "jobs", "a file has one 'workflow', which has 'steps'"},
    {WFE_SCOPE_FILE, "on", "nothing triggers a workflow: wfe run does"},
    {WFE_SCOPE_WORKFLOW, "jobs", "steps"},
    {WFE_SCOPE_WORKFLOW, "stages", "steps"},
    {WFE_SCOPE_WORKFLOW, "tasks", "steps"},
    {WFE_SCOPE_WORKFLOW, "on", "nothing triggers a workflow: wfe run does"},
    {WFE_SCOPE_WORKFLOW, "schedule", "nothing triggers a workflow: wfe run does"},
    {WFE_SCOPE_WORKFLOW, "params", "inputs"},
    {WFE_SCOPE_WORKFLOW, "parameters", "inputs"},
    {WFE_SCOPE_WORKFLOW, "variables", "inputs"},
    {WFE_SCOPE_WORKFLOW, "env",
     "'env' belongs in the 'config' of each step; 'inputs' are variables of all steps"},
    {WFE_SCOPE_WORKFLOW, "handlers", "write 'on_success', 'on_failure' and 'ensure'"},
    {WFE_SCOPE_WORKFLOW, "handleron", "write 'on_success', 'on_failure' and 'ensure'"},
    {WFE_SCOPE_WORKFLOW, "finally", "ensure"},
    {WFE_SCOPE_WORKFLOW, "volumes",
     "'volumes' belong in the 'config' of a containerd step; "
     "'shared_volume' is a folder for all steps"},
    {WFE_SCOPE_STEP, "dependson", "needs"},
    {WFE_SCOPE_STEP, "depends", "needs"},
    {WFE_SCOPE_STEP, "requires", "needs"},
    {WFE_SCOPE_STEP, "after", "needs"},
    {WFE_SCOPE_STEP, "if", "when"},
    {WFE_SCOPE_STEP, "condition", "when"},
    {WFE_SCOPE_STEP, "preconditions", "when"},
    {WFE_SCOPE_STEP, "rules", "when"},
    {WFE_SCOPE_STEP, "matrix", "for_each"},
    {WFE_SCOPE_STEP, "strategy", "for_each"},
    {WFE_SCOPE_STEP, "foreach", "for_each"},
    {WFE_SCOPE_STEP, "withitems", "for_each"},
    {WFE_SCOPE_STEP, "loop", "for_each"},
    {WFE_SCOPE_STEP, "continueonerror", "allow_failure"},
    {WFE_SCOPE_STEP, "continueon", "allow_failure"},
    {WFE_SCOPE_STEP, "ignoreerrors", "allow_failure"},
    {WFE_SCOPE_STEP, "finally", "ensure"},
    {WFE_SCOPE_STEP, "always", "ensure"},
    {WFE_SCOPE_STEP, "steps", "parallel"},
    {WFE_SCOPE_STEP, "retrypolicy", "retry"},
    {WFE_SCOPE_STEP, "repeatpolicy", "retry"},
    {WFE_SCOPE_STEP, "timeoutminutes", "timeout"},
    {WFE_SCOPE_STEP, "timeoutsec", "timeout"},
    {WFE_SCOPE_STEP, "uses", "there are no actions: use 'image' and 'run' in 'config'"},
    {WFE_SCOPE_STEP, "with", "what a step does is in its 'config'"},
    {WFE_SCOPE_STEP, "runson", "'type' says where a step runs: containerd or shell"},
    {WFE_SCOPE_STEP, "executor", "'type' says where a step runs: containerd or shell"},
    {WFE_SCOPE_STEP, "container", "write 'type: containerd' and 'config: {image: ...}'"},
    {WFE_SCOPE_STEP, "detach", "what runs beside the steps is one of the workflow's 'services'"},
    {WFE_SCOPE_STEP, "id", "name"},
    {WFE_SCOPE_STEP, "commands", "write 'config: {run: ...}'"},
    {WFE_SCOPE_STEP, "script", "write 'config: {run: ...}'"},
    {WFE_SCOPE_STEP, "cmd", "write 'config: {run: ...}'"},
    {WFE_SCOPE_STEP, "environment", "write 'config: {env: ...}'"},
    {WFE_SCOPE_CONTAINERD, "script", "run"},
    {WFE_SCOPE_CONTAINERD, "cmd", "command"},
    {WFE_SCOPE_CONTAINERD, "entrypoint", "command"},
    {WFE_SCOPE_CONTAINERD, "environment", "env"},
    {WFE_SCOPE_CONTAINERD, "directory", "working_dir"},
    {WFE_SCOPE_CONTAINERD, "dir", "working_dir"},
    {WFE_SCOPE_CONTAINERD, "cwd", "working_dir"},
    {WFE_SCOPE_CONTAINERD, "workdir", "working_dir"},
    {WFE_SCOPE_CONTAINERD, "workingdirectory", "working_dir"},
    {WFE_SCOPE_CONTAINERD, "mounts", "volumes"},
    {WFE_SCOPE_CONTAINERD, "networkmode", "network"},
    {WFE_SCOPE_CONTAINERD, "pullpolicy", "pull"},
    {WFE_SCOPE_SHELL, "commands", "run"},
    {WFE_SCOPE_SHELL, "command", "run"},
    {WFE_SCOPE_SHELL, "script", "run"},
    {WFE_SCOPE_SHELL, "cmd", "run"},
    {WFE_SCOPE_SHELL, "environment", "env"},
    {WFE_SCOPE_SHELL, "directory", "working_dir"},
    {WFE_SCOPE_SHELL, "dir", "working_dir"},
    {WFE_SCOPE_SHELL, "cwd", "working_dir"},
    {WFE_SCOPE_SHELL, "workdir", "working_dir"},
    {WFE_SCOPE_SHELL, "workingdirectory", "working_dir"},
    {WFE_SCOPE_CALL, "params", "inputs"},
    {WFE_SCOPE_CALL, "with", "inputs"},
    {WFE_SCOPE_RETRY, "limit", "max"},
    {WFE_SCOPE_RETRY, "attempts", "max"},
    {WFE_SCOPE_RETRY, "maxattempts", "max"},
    {WFE_SCOPE_RETRY, "maxretries", "max"},
    {WFE_SCOPE_RETRY, "count", "max"},
    {WFE_SCOPE_RETRY, "delay", "interval"},
    {WFE_SCOPE_RETRY, "intervalsec", "interval"},
    {WFE_SCOPE_SERVICE, "environment", "env"},
    {WFE_SCOPE_SERVICE, "entrypoint", "command"},
    {WFE_SCOPE_SERVICE, "healthcheck", "readiness"},
    {WFE_SCOPE_SERVICE, "mounts", "volumes"},
    {WFE_SCOPE_READINESS, "test", "exec"},
    {WFE_SCOPE_READINESS, "cmd", "exec"},
    {WFE_SCOPE_READINESS, "port", "tcp"},
    {WFE_SCOPE_READINESS, "period", "interval"},
};

#define FOREIGN_MAX_BYTES 32

static void simplify(const char *key, char out[FOREIGN_MAX_BYTES])
{
    size_t n = 0;
    for (; *key && n + 1 < FOREIGN_MAX_BYTES; key++) {
        if (*key != '-' && *key != '_')
            out[n++] = (char)tolower((unsigned char)*key);
    }
    out[n] = '\0';
}

/* NULL: it is no word of another tool. */
static const char *find_foreign(enum wfe_scope scope, const char *key)
{
    char simple[FOREIGN_MAX_BYTES];
    simplify(key, simple);
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        if (foreign[i].scope == scope && strcmp(foreign[i].theirs, simple) == 0)
            return foreign[i].ours;
    }
    return NULL;
}

static bool advise_foreign(wfe_diagnostics *list, enum wfe_scope scope, const char *key)
{
    const char *ours = find_foreign(scope, key);
    if (ours && strchr(ours, ' '))
        wfe_diagnose_hint(list, "%s", ours);
    else if (ours)
        wfe_diagnose_hint(list, "here that is '%s'", ours);
    return ours != NULL;
}

static bool is_config(enum wfe_scope scope)
{
    return scope == WFE_SCOPE_CONTAINERD || scope == WFE_SCOPE_SHELL || scope == WFE_SCOPE_CALL;
}

/* It is a key, but of another place. */
static bool advise_place(wfe_diagnostics *list, enum wfe_scope scope, const char *key)
{
    static const enum wfe_scope configs[] = {WFE_SCOPE_CONTAINERD, WFE_SCOPE_SHELL, WFE_SCOPE_CALL};
    enum wfe_scope found = WFE_SCOPE_NONE;
    unsigned n = 0;
    if (scope == WFE_SCOPE_FILE && wfe_keys_find(WFE_SCOPE_WORKFLOW, key)) {
        wfe_diagnose_hint(list, "'%s' belongs in 'workflow'", key);
        return true;
    }
    for (size_t i = 0; i < sizeof configs / sizeof *configs; i++) {
        if (!wfe_keys_find(configs[i], key))
            continue;
        found = n++ ? found : configs[i];
    }
    if (is_config(scope) && wfe_keys_find(WFE_SCOPE_STEP, key)) {
        wfe_diagnose_hint(list, "'%s' belongs in the step, beside 'config'", key);
        return true;
    }
    if (!n || (scope != WFE_SCOPE_STEP && !is_config(scope)))
        return false;
    if (scope == WFE_SCOPE_STEP && n > 1)
        wfe_diagnose_hint(list, "'%s' belongs in the step's 'config'", key);
    else
        wfe_diagnose_hint(list, "'%s' belongs in %s", key, wfe_scope_title(found));
    return true;
}

static const char *find_nearest(enum wfe_scope scope, const char *key)
{
    const char *names[WFE_KEYS_MAX];
    size_t n;
    const wfe_key *keys = wfe_keys_of(scope, &n);
    n = n < WFE_KEYS_MAX ? n : WFE_KEYS_MAX;
    for (size_t i = 0; i < n; i++)
        names[i] = keys[i].name;
    return wfe_nearest(key, names, n);
}

const char *wfe_advice_meant(enum wfe_scope scope, const char *key)
{
    const char *ours = find_foreign(scope, key);
    return ours ? ours : find_nearest(scope, key);
}

void wfe_advise_key(wfe_diagnostics *list, enum wfe_scope scope, const char *key)
{
    if (advise_place(list, scope, key) || advise_foreign(list, scope, key))
        return;
    const char *near = find_nearest(scope, key);
    if (near)
        wfe_diagnose_suggest(list, key, &near, 1);
}

void wfe_advise_map(wfe_diagnostics *list, enum wfe_scope scope)
{
    static const char *const examples[WFE_N_SCOPES] = {
        [WFE_SCOPE_STEP] = "{name: build, config: {run: make}}",
        [WFE_SCOPE_RETRY] = "{max: 3, interval: 5s}",
        [WFE_SCOPE_ERROR_BEHAVIOR] = "{type: retry, max_retries: 3}",
        [WFE_SCOPE_OUTPUT] = "{name: version, type: string}",
        [WFE_SCOPE_SERVICE] = "{image: \"postgres:16\", ports: [5432]}",
        [WFE_SCOPE_READINESS] = "{tcp: 5432}",
        [WFE_SCOPE_HTTP] = "{port: 8080, path: /health}",
        [WFE_SCOPE_SECRET] = "{env: CI_TOKEN}",
        [WFE_SCOPE_SHARED_VOLUME] = "{mount_path: /workspace}",
    };
    if (examples[scope])
        wfe_diagnose_hint(list, "for example %s", examples[scope]);
}
