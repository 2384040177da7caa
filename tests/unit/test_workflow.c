/* SPDX-License-Identifier: Apache-2.0
 *
 * wfe/workflow.h as a program that embeds it sees it, and graphs.
 */
#include <wfe/workflow.h>

#include <stdlib.h>

#include "base/buf.h"
#include "fixtures/wfe_assert.h"

static const char text_ok[] =
    "workflow:\n  id: w\n  version: 3\n  inputs: {ref: string}\n  steps:\n"
    "    - {name: build, config: {run: make $REF}}\n"
    "    - name: checks\n      parallel:\n"
    "        - {name: 'a \"b\" <c> \\', config: {run: x}, ensure: {name: tidy, config: {run: x}}}\n"
    "        - {name: d, for_each: [1, 2, 3], when: {field: .inputs.ref, equals: x}, config: {run: "
    "x}}\n"
    "    - {name: publish, config: {run: x}}\n";

static wfe_workflow *load(const char *text, bool require)
{
    wfe_workflow *workflow = NULL;
    wfe_error err = WFE_ERROR_INIT;
    const wfe_workflow_options options = {.size = sizeof options,
                                          .path = "ci.yaml",
                                          .text = text,
                                          .text_len = strlen(text),
                                          .require_inputs = require};
    assert_ok(wfe_workflow_load(&options, &workflow, &err), &err);
    assert_non_null(workflow);
    return workflow;
}

static void test_workflow__tells_of_a_valid_file(void **state)
{
    (void)state;
    wfe_workflow *workflow = load(text_ok, false);
    assert_true(wfe_workflow_is_valid(workflow));
    assert_string_equal(wfe_workflow_id(workflow), "w");
    assert_int_equal(wfe_workflow_version(workflow), 3);
    assert_int_equal(wfe_workflow_n_steps(workflow), 6);
    assert_int_equal(wfe_workflow_n_diagnostics(workflow), 0);
    assert_null(wfe_workflow_diagnostic_at(workflow, 0));
    wfe_workflow_free(workflow);
    wfe_workflow_free(NULL);
}

static void test_workflow__tells_of_a_wrong_file(void **state)
{
    (void)state;
    char *graph = NULL;
    wfe_error err = WFE_ERROR_INIT;
    wfe_workflow *workflow = load(text_ok, true);
    assert_false(wfe_workflow_is_valid(workflow));
    assert_null(wfe_workflow_id(workflow));
    assert_int_equal(wfe_workflow_n_steps(workflow), 0);
    assert_int_equal(wfe_workflow_n_diagnostics(workflow), 1);
    const wfe_diagnostic *d = wfe_workflow_diagnostic_at(workflow, 0);
    assert_int_equal(d->severity, WFE_SEVERITY_ERROR);
    assert_string_equal(d->file, "ci.yaml");
    assert_int_equal(d->line, 4);
    assert_int_equal(d->column, 12);
    assert_int_equal(d->length, 3);
    assert_string_equal(d->message, "input 'ref' (string) has no value");
    assert_string_equal(d->source_line, "  inputs: {ref: string}");
    assert_fails(wfe_workflow_graph(workflow, WFE_GRAPH_DOT, &graph, &err), WFE_E_INVALID, &err);
    assert_null(graph);
    wfe_workflow_free(workflow);
}

static void test_workflow__keeps_at_most_a_thousand_diagnostics(void **state)
{
    (void)state;
    wfe_buf text = WFE_BUF_INIT(0);
    wfe_buf_append_str(&text, "workflow:\n", NULL);
    for (int i = 0; i < 2000; i++)
        wfe_buf_printf(&text, NULL, "  k%d: 1\n", i);
    wfe_workflow *workflow = load(text.data, false);
    assert_false(wfe_workflow_is_valid(workflow));
    assert_int_equal(wfe_workflow_n_diagnostics(workflow), 1000);
    const wfe_diagnostic *last = wfe_workflow_diagnostic_at(workflow, 999);
    assert_null(last->file);
    assert_string_equal(last->message, "and 1004 more, which are not shown: correct these first");
    assert_string_equal(wfe_workflow_diagnostic_at(workflow, 998)->message,
                        "unknown key 'k998' in a workflow");
    wfe_workflow_free(workflow);
    wfe_buf_done(&text);
}

static void test_workflow__refuses_options_that_make_no_sense(void **state)
{
    (void)state;
    wfe_workflow *workflow = NULL;
    wfe_error err = WFE_ERROR_INIT;
    wfe_workflow_options options = {.size = sizeof options};
    assert_fails(wfe_workflow_load(&options, &workflow, &err), WFE_E_INVALID, &err);
    err = (wfe_error)WFE_ERROR_INIT;
    options.path = "/nowhere/ci.yaml";
    assert_fails(wfe_workflow_load(&options, &workflow, &err), WFE_E_NOT_FOUND, &err);
    assert_contains(err.message, "/nowhere/ci.yaml");
    err = (wfe_error)WFE_ERROR_INIT;
    options.path = "/tmp";
    assert_true(wfe_workflow_load(&options, &workflow, &err) < 0);
    options.size = 0;
    err = (wfe_error)WFE_ERROR_INIT;
    assert_fails(wfe_workflow_load(&options, &workflow, &err), WFE_E_INVALID, &err);
    assert_null(workflow);
}

/* ---- graphs ---- */

static char *graph_of(enum wfe_graph format)
{
    char *out = NULL;
    wfe_error err = WFE_ERROR_INIT;
    wfe_workflow *workflow = load(text_ok, false);
    assert_ok(wfe_workflow_graph(workflow, format, &out, &err), &err);
    wfe_workflow_free(workflow);
    return out;
}

static void test_workflow__draws_dot(void **state)
{
    (void)state;
    char *out = graph_of(WFE_GRAPH_DOT);
    assert_string_equal(out, "digraph workflow {\n  rankdir=LR;\n  node [shape=box];\n"
                             "  s0 [label=\"build\"];\n"
                             "  s1 [label=\"a \\\"b\\\" <c> \\\\\"];\n"
                             "  s2 [label=\"tidy\", style=dashed];\n"
                             "  s3 [label=\"d (x 3, when)\"];\n"
                             "  s4 [label=\"publish\"];\n"
                             "  s0 -> s1;\n"
                             "  s1 -> s2 [label=\"ensure\", style=dashed];\n"
                             "  s0 -> s3;\n  s1 -> s4;\n  s3 -> s4;\n}\n");
    free(out);
}

/* Children of a block wait for each other; what comes after the block waits for the last of them,
 * what its children wait for is told once; what the file says itself stays. */
static void test_workflow__draws_blocks_without_lines_that_others_say(void **state)
{
    (void)state;
    static const char text[] =
        "workflow:\n  id: w\n  version: 1\n  steps:\n"
        "    - {name: a, config: {run: x}}\n"
        "    - name: block\n      parallel:\n"
        "        - {name: b, config: {run: x}}\n"
        "        - {name: c, needs: [b], config: {run: x}}\n"
        "        - {name: inner, parallel: [{name: d, needs: [c], config: {run: x}}]}\n"
        "        - {name: e, config: {run: x}}\n"
        "    - {name: f, config: {run: x}}\n"
        "    - {name: g, needs: [f, a], config: {run: x}}\n";
    char *out = NULL;
    wfe_error err = WFE_ERROR_INIT;
    wfe_workflow *workflow = load(text, false);
    assert_ok(wfe_workflow_graph(workflow, WFE_GRAPH_DOT, &out, &err), &err);
    wfe_workflow_free(workflow);
    assert_contains(out, "  s0 -> s1;\n  s1 -> s2;\n  s2 -> s3;\n  s0 -> s4;\n"
                         "  s3 -> s5;\n  s4 -> s5;\n  s5 -> s6;\n  s0 -> s6;\n}\n");
    free(out);
}

static void test_workflow__draws_mermaid(void **state)
{
    (void)state;
    char *out = graph_of(WFE_GRAPH_MERMAID);
    assert_contains(out, "flowchart LR\n");
    assert_contains(out, "  s1[\"a #quot;b#quot; <c> \\\"]\n");
    assert_contains(out, "  s1 -.->|ensure| s2\n");
    assert_contains(out, "  s3 --> s4\n");
    free(out);
}

static void test_workflow__draws_letters(void **state)
{
    (void)state;
    char *out = graph_of(WFE_GRAPH_ASCII);
    assert_string_equal(out, " 1 +\n"
                             "   +-- build\n"
                             "   |\n"
                             " 2 +\n"
                             "   +-- a \"b\" <c> \\   after build\n"
                             "   |     ensure     tidy\n"
                             "   +-- d (x 3, when)   after build\n"
                             "   |\n"
                             " 3 +\n"
                             "   +-- publish   after a \"b\" <c> \\, d\n");
    free(out);
}

static void test_workflow__draws_svg_that_is_xml(void **state)
{
    (void)state;
    char *out = graph_of(WFE_GRAPH_SVG);
    assert_contains(out, "<svg ");
    assert_contains(out, "a &quot;b&quot; &lt;c&gt; \\");
    assert_null(strstr(out, "<c>"));
    FILE *python = popen("python3 -c 'import sys, xml.dom.minidom as m; m.parse(sys.stdin)'", "w");
    assert_non_null(python);
    assert_true(fputs(out, python) >= 0);
    assert_int_equal(pclose(python), 0);
    free(out);
}

static void test_workflow__refuses_pictures_nobody_can_look_at(void **state)
{
    (void)state;
    wfe_buf text = WFE_BUF_INIT(0);
    char *out = NULL;
    wfe_error err = WFE_ERROR_INIT;
    wfe_buf_append_str(&text, "workflow:\n  id: w\n  version: 1\n  steps:\n", NULL);
    for (int i = 0; i < 2001; i++)
        wfe_buf_printf(&text, NULL, "    - {name: s%d, config: {run: x}}\n", i);
    wfe_workflow *workflow = load(text.data, false);
    assert_fails(wfe_workflow_graph(workflow, WFE_GRAPH_SVG, &out, &err), WFE_E_LIMIT, &err);
    err = (wfe_error)WFE_ERROR_INIT;
    assert_fails(wfe_workflow_graph(workflow, (enum wfe_graph)9, &out, &err), WFE_E_LIMIT, &err);
    wfe_workflow_free(workflow);
    wfe_buf_done(&text);
    workflow = load(text_ok, false);
    err = (wfe_error)WFE_ERROR_INIT;
    assert_fails(wfe_workflow_graph(workflow, (enum wfe_graph)9, &out, &err), WFE_E_INVALID, &err);
    wfe_workflow_free(workflow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_workflow__tells_of_a_valid_file),
        cmocka_unit_test(test_workflow__tells_of_a_wrong_file),
        cmocka_unit_test(test_workflow__keeps_at_most_a_thousand_diagnostics),
        cmocka_unit_test(test_workflow__refuses_options_that_make_no_sense),
        cmocka_unit_test(test_workflow__draws_dot),
        cmocka_unit_test(test_workflow__draws_blocks_without_lines_that_others_say),
        cmocka_unit_test(test_workflow__draws_mermaid),
        cmocka_unit_test(test_workflow__draws_letters),
        cmocka_unit_test(test_workflow__draws_svg_that_is_xml),
        cmocka_unit_test(test_workflow__refuses_pictures_nobody_can_look_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
