/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of keys against what is written from it, and against the options of a step. With
 * WFE_UPDATE_EXPECTED set, docs/workflow.schema.json and docs/workflow-reference.md are written
 * anew.
 */
#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "cli/commands.h"
#include "fixtures/wfe_assert.h"
#include "workflow/keys.h"
#include "workflow/schema.h"
#include "workflow/yaml.h"

#define DOCS WFE_SOURCE_DIR "/docs/"

static void assert_file(const char *path, char *text)
{
    wfe_buf file = WFE_BUF_INIT(0);
    wfe_error err = WFE_ERROR_INIT;
    assert_non_null(text);
    if (getenv("WFE_UPDATE_EXPECTED"))
        assert_ok(wfe_fd_write_file(path, text, strlen(text), 0644, &err), &err);
    assert_ok(wfe_fd_read_file(path, 1 << 20, &file, &err), &err);
    if (strcmp(file.data, text) != 0)
        fail_msg("%s is not what the table says: run this test with WFE_UPDATE_EXPECTED=1", path);
    wfe_buf_done(&file);
    free(text);
}

static void test_keys__reference_and_schema_are_up_to_date(void **state)
{
    (void)state;
    assert_file(DOCS "workflow.schema.json", wfe_plan_schema());
    assert_file(DOCS "workflow-reference.md", wfe_plan_reference());
}

static void test_keys__rows_are_complete_and_unique(void **state)
{
    (void)state;
    enum wfe_scope last = WFE_SCOPE_NONE;
    bool seen[WFE_N_SCOPES] = {false};
    assert_true(wfe_n_keys > 150);
    for (size_t i = 0; i < wfe_n_keys; i++) {
        const wfe_key *key = &wfe_keys[i];
        assert_true(strlen(key->doc) > 2);
        assert_true(key->doc[strlen(key->doc) - 1] != '.');
        assert_true(key->min <= key->max);
        assert_ptr_equal(wfe_keys_find(key->scope, key->name), key);
        if (key->kind == WFE_KEY_MAP || key->kind == WFE_KEY_LIST || key->kind == WFE_KEY_TABLE)
            assert_true(key->sub != WFE_SCOPE_NONE);
        /* Rows of a scope are neighbours. */
        if (key->scope != last)
            assert_false(seen[key->scope]);
        seen[key->scope] = true;
        last = key->scope;
    }
    for (int scope = WFE_SCOPE_FILE; scope < WFE_N_SCOPES; scope++) {
        size_t n;
        wfe_keys_of((enum wfe_scope)scope, &n);
        assert_true(n > 0 && n <= WFE_KEYS_MAX);
    }
}

/* ---- the options of a step ---- */

static bool is_in(const char *const *list, const char *name)
{
    for (; *list; list++) {
        if (strcmp(*list, name) == 0)
            return true;
    }
    return false;
}

/* An option of `wfe step` is a key of the config of a containerd step. */
static void test_keys__cover_the_options_of_a_step(void **state)
{
    (void)state;
    /* Of the run, or of the command line. */
    static const char *const not_keys[] = {
        "name",          "json",      "address",    "namespace", "verbose",
        "stdin",         "tls-ca",    "tls-cert",   "tls-key",   "tls-server-name",
        "docker-config", "hosts-dir", "no-cleanup", "secret",    NULL}; /* a key of the workflow */
    static const char *const others[][2] = {
        {"volume", "volumes"}, {"workdir", "working_dir"},  {"label", "labels"},
        {"ulimit", "ulimits"}, {"add-host", "extra_hosts"}, {"no-init", "init"},
        {NULL, NULL},
    };
    for (size_t i = 0; i < wfe_cmd_step.n_options; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s", wfe_cmd_step.options[i].name);
        if (is_in(not_keys, name) || strncmp(name, "registry-", 9) == 0)
            continue;
        for (size_t k = 0; others[k][0]; k++) {
            if (strcmp(others[k][0], name) == 0)
                snprintf(name, sizeof name, "%s", others[k][1]);
        }
        for (char *c = name; *c; c++)
            *c = *c == '-' ? '_' : *c;
        if (!wfe_keys_find(WFE_SCOPE_CONTAINERD, name))
            fail_msg("`wfe step --%s` has no key '%s'", wfe_cmd_step.options[i].name, name);
    }
}

/* A member of wfe_step_options is a key, too. */
static void test_keys__cover_the_members_of_the_options(void **state)
{
    (void)state;
    static const char *const not_keys[] = {
        "size",      "name",      "run_id",   "attempt",    "stdin_fd",  "stdout_fd", "stderr_fd",
        "n_volumes", "has_stdin", "registry", "secret_env", "is_joined", NULL};
    static const char *const others[][2] = {{"timeout_ms", "timeout"},
                                            {"grace_ms", "grace"},
                                            {"no_init", "init"},
                                            {"output_limit_bytes", "output_limit"},
                                            {NULL, NULL}};
    char name[80];
    size_t members = 0;
    FILE *pipe = popen("gcc -fpreprocessed -dD -E -P -x c '" WFE_SOURCE_DIR
                       "/include/wfe/step.h' 2>/dev/null | sed -n '/^typedef struct "
                       "wfe_step_options {/,/^}/p' | grep -o '[a-z_]*;$' | tr -d ';'",
                       "r");
    assert_non_null(pipe);
    while (fgets(name, sizeof name, pipe)) {
        name[strcspn(name, "\n")] = '\0';
        if (!*name) /* a function's parameters */
            continue;
        members++;
        if (is_in(not_keys, name) || strncmp(name, "on_", 3) == 0 ||
            strcmp(name, "wfe_step_options") == 0)
            continue;
        for (size_t k = 0; others[k][0]; k++) {
            if (strcmp(others[k][0], name) == 0)
                snprintf(name, sizeof name, "%s", others[k][1]);
        }
        if (!wfe_keys_find(WFE_SCOPE_CONTAINERD, name))
            print_error("wfe_step_options.%s has no key\n", name), fail();
    }
    assert_int_equal(pclose(pipe), 0);
    assert_true(members > 30);
}

/* ---- the schema ---- */

static int add_document(const char *path, wfe_buf *out)
{
    wfe_buf text = WFE_BUF_INIT(0);
    wfe_error err = WFE_ERROR_INIT;
    wfe_arena *arena = wfe_arena_new();
    wfe_diagnostics *list = wfe_diagnostics_new();
    wfe_node *root = NULL;
    uint32_t n_left = WFE_NODE_MAX;
    assert_ok(wfe_fd_read_file(path, WFE_YAML_MAX_BYTES, &text, &err), &err);
    assert_ok(wfe_yaml_parse(text.data, text.len, 0, &n_left, arena, list, &root, &err), &err);
    if (root) {
        json_t *value = wfe_node_json(root);
        char *json = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
        assert_non_null(json);
        assert_int_equal(wfe_buf_printf(out, NULL, "%s\n", json), 0);
        free(json);
        json_decref(value);
    }
    wfe_diagnostics_free(list);
    wfe_arena_free(arena);
    wfe_buf_done(&text);
    return root != NULL;
}

static int add_folder(const char *folder, wfe_buf *out, const char *const *only)
{
    int n = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (const struct dirent *e; (e = readdir(dir)) != NULL;) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (strstr(e->d_name, ".yaml") && (!only || is_in(only, e->d_name)))
            n += add_document(path, out);
    }
    closedir(dir);
    return n;
}

/* What the checker says of the documents, one line each. */
static wfe_buf check(const wfe_buf *documents)
{
    wfe_buf out = WFE_BUF_INIT(0);
    char path[] = "/tmp/wfe-schema-XXXXXX", command[512], chunk[4096];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(wfe_fd_write_file(path, documents->data, documents->len, 0600, NULL), 0);
    snprintf(command, sizeof command,
             "python3 '" WFE_SOURCE_DIR "/tests/fixtures/check_workflow_schema.py' '" DOCS
             "workflow.schema.json' %s",
             path);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, pipe)) > 0;)
        wfe_buf_append(&out, chunk, n, NULL);
    int status = pclose(pipe);
    unlink(path);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
        print_message("skipped: %s", out.data);
        skip();
    }
    assert_int_equal(status, 0);
    assert_non_null(out.data);
    return out;
}

static void test_keys__schema_lets_good_files_through(void **state)
{
    (void)state;
    wfe_buf documents = WFE_BUF_INIT(0);
    int n = add_folder(WFE_SOURCE_DIR "/tests/fixtures/workflows/good", &documents, NULL);
    n += add_folder(WFE_SOURCE_DIR "/examples/workflows", &documents, NULL);
    assert_true(n >= 12);
    wfe_buf said = check(&documents);
    for (char *rest = NULL, *line = strtok_r(said.data, "\n", &rest); line;
         line = strtok_r(NULL, "\n", &rest), n--)
        assert_string_equal(line, "valid");
    assert_int_equal(n, 0);
    wfe_buf_done(&documents);
    wfe_buf_done(&said);
}

static void test_keys__schema_refuses_wrong_shapes(void **state)
{
    (void)state;
    static const char *const shapes[] = {"unknown-step-key.yaml",
                                         "unknown-config-key.yaml",
                                         "unknown-type.yaml",
                                         "unknown-top-key.yaml",
                                         "no-id.yaml",
                                         "no-version.yaml",
                                         "no-steps.yaml",
                                         "steps-a-map.yaml",
                                         "step-not-map.yaml",
                                         "step-without-name.yaml",
                                         "containerd-without-image.yaml",
                                         "containerd-refused-key.yaml",
                                         "when-unknown-operator.yaml",
                                         "key-in-wrong-place.yaml",
                                         "shell-step-of-no-type.yaml",
                                         NULL};
    wfe_buf documents = WFE_BUF_INIT(0);
    int n = add_folder(WFE_SOURCE_DIR "/tests/fixtures/workflows/bad", &documents, shapes);
    assert_int_equal(n, 15);
    wfe_buf said = check(&documents);
    for (char *rest = NULL, *line = strtok_r(said.data, "\n", &rest); line;
         line = strtok_r(NULL, "\n", &rest), n--)
        assert_string_not_equal(line, "valid");
    assert_int_equal(n, 0);
    wfe_buf_done(&documents);
    wfe_buf_done(&said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys__reference_and_schema_are_up_to_date),
        cmocka_unit_test(test_keys__rows_are_complete_and_unique),
        cmocka_unit_test(test_keys__cover_the_options_of_a_step),
        cmocka_unit_test(test_keys__cover_the_members_of_the_options),
        cmocka_unit_test(test_keys__schema_lets_good_files_through),
        cmocka_unit_test(test_keys__schema_refuses_wrong_shapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
