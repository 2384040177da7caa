/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/report_page.h"
#include "cli/view.h"
#include "fixtures/synthetic_run.h"
#include "fixtures/wfe_assert.h"

static char folder[] = "/tmp/wfe-report-XXXXXX";
static char path[64];

static int setup(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/run.html", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return wfe_fd_remove_tree(folder, NULL);
}

static synthetic_run begin(void)
{
    synthetic_run run = {0};
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_view_report_new(&synthetic_story_run, path, &run.view, &err), &err);
    return run;
}

/* Ends the run; the page, free with free(). */
static char *end(synthetic_run *run)
{
    wfe_buf page = WFE_BUF_INIT(0);
    wfe_error err = WFE_ERROR_INIT;
    wfe_engine_result result = synthetic_story_result();
    assert_ok(run->view->end(run->view, &result, 1, &err), &err);
    run->view->free(run->view);
    assert_ok(wfe_fd_read_file(path, (size_t)64 * 1024 * 1024, &page, &err), &err);
    return wfe_buf_take(&page, NULL);
}

static void test_view_report__holds_steps_logs_and_outputs(void **state)
{
    (void)state;
    synthetic_run run = begin();
    synthetic_story(&run);
    char *page = end(&run);
    assert_contains(page, "<title>build-and-test: failed</title>");
    assert_contains(page, "<time datetime=\"2026-01-31T12:00:00.000000Z\">2026-01-31 12:00:00 UTC");
    assert_contains(page, "container exited with code 7");
    assert_contains(page, "line 1 of the test\n");
    assert_contains(page, "<span class=\"e\">line 28 of the test</span>");
    assert_contains(page, "日本語のテスト");
    assert_contains(page, "<th scope=\"row\">version</th><td><code>1.2.3</code></td>");
    assert_contains(page, "its condition is false");
    assert_contains(page, "clean</a> (ensure)");
    assert_contains(page, "db</a> (service)");
    assert_contains(page, "the step &#39;lint&#39; has failed, which is allowed");
    free(page);
}

static void test_view_report__has_a_bar_for_each_attempt(void **state)
{
    (void)state;
    synthetic_run run = begin();
    synthetic_story(&run);
    char *page = end(&run);
    /* flaky: from 4.7 s for 0.7 s, and from 7.4 s for 0.7 s, of 8.3 s. */
    assert_contains(page, "<span class=\"bar bad\" style=\"--l:56.627;--w:8.434\"></span>"
                          "<span class=\"bar ok\" style=\"--l:89.157;--w:8.434\"></span>");
    free(page);
}

static void test_view_report__escapes_everything(void **state)
{
    (void)state;
    static const char evil[] = "</pre><script>alert(\"1\")</script><img src='x' onerror=x>&amp;";
    synthetic_run run = begin();
    json_t *outputs = json_pack("{ss ss}", evil, "x", "y", evil);
    synthetic_state(&run, WFE_RUN_RUNNING);
    synthetic_step(&run, evil, evil, WFE_STEP_IS_RUNNING);
    synthetic_step(&run, "x\" onclick=\"y", NULL, WFE_STEP_IS_RUNNING);
    synthetic_line(&run, evil, WFE_STDOUT, evil);
    synthetic_line(&run, evil, WFE_STDERR, "\x1b[31m<b>\x1b[0m");
    synthetic_ok(&run, evil, 10, outputs);
    synthetic_failed(&run, "x\" onclick=\"y", 10, 1, evil, false);
    synthetic_service(&run, evil, WFE_SERVICE_FAILED, evil);
    synthetic_warning(&run, evil);
    json_decref(outputs);
    char *page = end(&run);
    assert_null(strstr(page, "<script"));
    assert_null(strstr(page, "<img"));
    assert_null(strstr(page, "<b>"));
    assert_null(strstr(page, "x\" onclick"));
    assert_null(strchr(page, '\x1b'));
    assert_contains(page, "&lt;/pre&gt;&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&lt;img "
                          "src=&#39;x&#39; onerror=x&gt;&amp;amp;");
    free(page);
}

static void test_view_report__says_which_step_a_warning_is_about(void **state)
{
    (void)state;
    synthetic_run run = begin();
    synthetic_state(&run, WFE_RUN_RUNNING);
    synthetic_step(&run, "a", NULL, WFE_STEP_IS_RUNNING);
    synthetic_step_warning(&run, "a", "too long");
    synthetic_warning(&run, "of the run");
    char *page = end(&run);
    assert_contains(page, "<li>a: too long</li>\n<li>of the run</li>");
    free(page);
}

static void test_view_report__needs_nothing_but_itself(void **state)
{
    (void)state;
    synthetic_run run = begin();
    synthetic_story(&run);
    char *page = end(&run);
    static const char *const others[] = {"http:",   "https:", "//",   "url(",
                                         "@import", "src=",   "<link"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (strstr(page, others[i]))
            fail_msg("the page holds '%s'", others[i]);
    }
    assert_contains(page, "default-src 'none'");
    free(page);
}

static void test_view_report__is_bounded(void **state)
{
    (void)state;
    synthetic_run run = begin();
    char name[32], line[1024];
    memset(line, '<', sizeof line - 1); /* four bytes each in the page */
    line[sizeof line - 1] = '\0';
    synthetic_state(&run, WFE_RUN_RUNNING);
    for (int i = 0; i < 1500; i++) {
        snprintf(name, sizeof name, "step-%d", i);
        synthetic_step(&run, name, NULL, WFE_STEP_IS_RUNNING);
        for (int n = 0; n < 40; n++)
            synthetic_line(&run, name, WFE_STDOUT, line);
        if (i == 1499)
            synthetic_failed(&run, name, 10, 1, "container exited with code 1", false);
        else
            synthetic_ok(&run, name, 10, NULL);
    }
    char *page = end(&run);
    assert_in_range(strlen(page), WFE_REPORT_PAGE_BYTES / 2, 2 * WFE_REPORT_PAGE_BYTES);
    assert_contains(page, "<p>Left out: 500 of 1500 steps");
    assert_contains(page, "<p>Left out: the logs of ");
    assert_contains(page, ">step-1499</span>"); /* what failed is there */
    free(page);
}

static void test_view_report__says_what_it_cut_of_a_log(void **state)
{
    (void)state;
    synthetic_run run = begin();
    char line[64];
    synthetic_step(&run, "a", NULL, WFE_STEP_IS_RUNNING);
    for (int i = 0; i < 20000; i++) {
        snprintf(line, sizeof line, "this is line number %d", i);
        synthetic_line(&run, "a", WFE_STDOUT, line);
    }
    char *page = end(&run);
    assert_contains(page, "this is line number 0\n");
    assert_contains(page, "this is line number 19999\n");
    assert_contains(page, " bytes) are left out here</span>\n");
    assert_null(strstr(page, "this is line number 10000\n"));
    free(page);
}

static void test_view_report__is_refused_before_the_run_when_it_cannot_be_written(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    wfe_view *view = NULL;
    assert_fails(wfe_view_report_new(&synthetic_story_run, "/no/such/folder/run.html", &view, &err),
                 WFE_E_INVALID, &err);
    assert_contains(err.message, "/no/such/folder/run.html");
    assert_null(view);
}

static void test_view_report__leaves_the_old_page_when_there_is_no_new_one(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    wfe_buf page = WFE_BUF_INIT(0);
    assert_ok(wfe_fd_write_file(path, "old", 3, 0644, &err), &err);
    synthetic_run run = begin();
    run.view->free(run.view);
    assert_ok(wfe_fd_read_file(path, 16, &page, &err), &err);
    assert_string_equal(page.data, "old");
    wfe_buf_done(&page);
    unlink(path);
    assert_int_equal(rmdir(folder), 0); /* and nothing beside it */
    assert_int_equal(mkdir(folder, 0700), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_view_report__holds_steps_logs_and_outputs),
        cmocka_unit_test(test_view_report__has_a_bar_for_each_attempt),
        cmocka_unit_test(test_view_report__escapes_everything),
        cmocka_unit_test(test_view_report__says_which_step_a_warning_is_about),
        cmocka_unit_test(test_view_report__needs_nothing_but_itself),
        cmocka_unit_test(test_view_report__is_bounded),
        cmocka_unit_test(test_view_report__says_what_it_cut_of_a_log),
        cmocka_unit_test(test_view_report__is_refused_before_the_run_when_it_cannot_be_written),
        cmocka_unit_test(test_view_report__leaves_the_old_page_when_there_is_no_new_one),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
