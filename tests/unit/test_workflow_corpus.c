/* SPDX-License-Identifier: Apache-2.0
 *
 * Wrong files, each with exactly what is told of it: tests/fixtures/workflows/bad/NAME.yaml and
 * NAME.expected. With WFE_UPDATE_EXPECTED set the second ones are written anew, to be read and
 * committed.
 */
#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "engine/check.h"
#include "fixtures/wfe_assert.h"
#include "workflow/load.h"

#define FOLDER WFE_SOURCE_DIR "/tests/fixtures/workflows"
#define FILES_MIN 60

static void put(wfe_buf *out, const wfe_diagnostic *d)
{
    const char *file = d->file ? strrchr(d->file, '/') : NULL;
    wfe_buf_printf(out, NULL, "%s:%u:%u+%u: %s: %s\n", file ? file + 1 : "-", d->line, d->column,
                   d->length, d->severity == WFE_SEVERITY_ERROR ? "error" : "warning", d->message);
    if (d->suggestion)
        wfe_buf_printf(out, NULL, "  did you mean %s?\n", d->suggestion);
    if (d->hint)
        wfe_buf_printf(out, NULL, "  %s\n", d->hint);
}

/* What is told of the file, with the folder cut out of the messages. */
static void diagnose(const char *path, wfe_buf *out)
{
    wfe_plan *plan = NULL;
    wfe_diagnostics *found = NULL;
    wfe_error err = WFE_ERROR_INIT;
    const wfe_plan_load_options options = {
        .path = path, .partial = true, .check_container = wfe_engine_check_container};
    int rc = wfe_plan_load(&options, &plan, &found, &err);
    assert_int_equal(rc == 0, wfe_diagnostics_errors(found) == 0);
    assert_int_equal(plan != NULL, rc == 0);
    for (size_t i = 0; i < wfe_diagnostics_length(found); i++) {
        const wfe_diagnostic *d = wfe_diagnostics_at(found, i);
        assert_true(d->length >= 1);
        put(out, d);
    }
    wfe_plan_free(plan);
    wfe_diagnostics_free(found);
    for (char *p; out->data && (p = strstr(out->data, FOLDER "/bad/")) != NULL;) {
        size_t len = strlen(FOLDER "/bad/");
        memmove(p, p + len, strlen(p + len) + 1);
        out->len -= len;
    }
}

static bool check_file(const char *folder, const char *name)
{
    char path[512], expected_path[512];
    wfe_buf told = WFE_BUF_INIT(0), expected = WFE_BUF_INIT(0);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    snprintf(expected_path, sizeof expected_path, "%.*s.expected", (int)(strlen(path) - 5), path);
    diagnose(path, &told);
    const char *text = told.data ? told.data : "";
    if (getenv("WFE_UPDATE_EXPECTED"))
        assert_int_equal(wfe_fd_write_file(expected_path, text, strlen(text), 0644, NULL), 0);
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_fd_read_file(expected_path, 1 << 20, &expected, &err), &err);
    bool same = strcmp(text, expected.data ? expected.data : "") == 0;
    if (!same)
        print_error("%s\n--- expected\n%s--- told\n%s", name, expected.data ? expected.data : "",
                    text);
    wfe_buf_done(&told);
    wfe_buf_done(&expected);
    return same;
}

static void test_workflow_corpus__wrong_files_get_exactly_these_diagnostics(void **state)
{
    (void)state;
    int n = 0, wrong = 0;
    DIR *dir = opendir(FOLDER "/bad");
    assert_non_null(dir);
    for (const struct dirent *e; (e = readdir(dir)) != NULL;) {
        size_t len = strlen(e->d_name);
        if (len < 5 || strcmp(e->d_name + len - 5, ".yaml") != 0)
            continue;
        n++;
        wrong += !check_file(FOLDER "/bad", e->d_name);
    }
    closedir(dir);
    assert_int_equal(wrong, 0);
    assert_true(n >= FILES_MIN);
}

static void test_workflow_corpus__good_files_load_without_errors(void **state)
{
    (void)state;
    int n = 0;
    DIR *dir = opendir(FOLDER "/good");
    assert_non_null(dir);
    for (const struct dirent *e; (e = readdir(dir)) != NULL;) {
        char path[512];
        wfe_plan *plan = NULL;
        wfe_error err = WFE_ERROR_INIT;
        if (!strstr(e->d_name, ".yaml"))
            continue;
        snprintf(path, sizeof path, FOLDER "/good/%s", e->d_name);
        const wfe_plan_load_options options = {
            .path = path, .partial = true, .check_container = wfe_engine_check_container};
        assert_ok(wfe_plan_load(&options, &plan, NULL, &err), &err);
        assert_true(plan->n_steps > 0);
        wfe_plan_free(plan);
        n++;
    }
    closedir(dir);
    assert_true(n >= 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_workflow_corpus__wrong_files_get_exactly_these_diagnostics),
        cmocka_unit_test(test_workflow_corpus__good_files_load_without_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
