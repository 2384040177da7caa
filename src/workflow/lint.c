/* SPDX-License-Identifier: Apache-2.0
 *
 * What is no mistake but looks like one. Data reach a step as variables, so whether something is
 * used is told from the texts of the files: its name in upper case as a word, or its path.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "workflow/condition.h"
#include "workflow/loader.h"
#include "workflow/variable.h"

#define NAME_MAX_BYTES 256

/* What the files hold, read once: asking for each name alone would take the square of the time. */
typedef struct texts {
    wfe_index variables; /* words in capitals, as $VERSION */
    wfe_index paths;     /* inputs.NAME and outputs.NAME */
} texts;

static bool is_word_letter(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static bool is_name_letter(char c)
{
    return is_word_letter(c) || c == '-';
}

/* Takes the word at text[*at], and the path that it begins. */
static bool add_word(texts *t, const char *text, size_t len, size_t *at)
{
    size_t start = *at, end = start;
    bool capitals = true;
    for (; end < len && is_word_letter(text[end]); end++)
        capitals = capitals && !islower((unsigned char)text[end]);
    *at = end;
    size_t n = end - start;
    if (capitals && !wfe_index_add(&t->variables, text + start, n, 0, NULL))
        return false;
    bool root = (n == 6 && memcmp(text + start, "inputs", n) == 0) ||
                (n == 7 && memcmp(text + start, "outputs", n) == 0);
    if (!root || end + 1 >= len || text[end] != '.')
        return true;
    for (end++; end < len && is_name_letter(text[end]);)
        end++;
    return wfe_index_add(&t->paths, text + start, end - start, 0, NULL);
}

static bool read_texts(const wfe_loader *l, texts *out)
{
    for (uint32_t i = 0; i < l->n_files; i++) {
        const char *text = l->files[i].text;
        for (size_t at = 0; at < l->files[i].len;) {
            if (!is_word_letter(text[at]))
                at++;
            else if (!add_word(out, text, l->files[i].len, &at))
                return false;
        }
    }
    return true;
}

static bool is_variable_somewhere(const texts *t, const char *name)
{
    char variable[WFE_VARIABLE_SIZE];
    if (!wfe_variable_name(name, variable))
        return false;
    /* A name in capitals is the variable's own name, and stands where it is declared. */
    return strcmp(variable, name) == 0 ||
           wfe_index_get(&t->variables, variable, strlen(variable)) != WFE_INDEX_NONE;
}

static bool is_path_somewhere(const texts *t, const char *root, const char *name)
{
    char path[NAME_MAX_BYTES];
    int len = snprintf(path, sizeof path, "%s.%s", root, name);
    /* A name of other letters is not looked for. */
    for (const char *c = name; *c; c++) {
        if (!is_name_letter(*c))
            return true;
    }
    return len >= (int)sizeof path || wfe_index_get(&t->paths, path, (size_t)len) != WFE_INDEX_NONE;
}

/* How a step can come by an input of this name. */
static void hint_unused(wfe_loader *l, const char *name)
{
    char variable[WFE_VARIABLE_SIZE];
    bool in_texts = true;
    for (const char *c = name; *c; c++)
        in_texts = in_texts && is_word_letter(*c);
    wfe_diagnose_hint(
        l->list, "%s; conditions have it as .inputs.%s%s%s%s",
        wfe_variable_name(name, variable) ? "a step has it as a variable in upper case"
                                          : "no variable of a step can have this name",
        name, in_texts ? ", texts as ((" : "", in_texts ? name : "", in_texts ? "))" : "");
}

static void check_inputs(wfe_loader *l, const texts *t, const wfe_plan_workflow *workflow)
{
    for (uint32_t i = 0; i < workflow->n_inputs; i++) {
        const char *name = workflow->inputs[i].name;
        if (wfe_index_get(&l->used, name, strlen(name)) != WFE_INDEX_NONE ||
            is_variable_somewhere(t, name) || is_path_somewhere(t, "inputs", name))
            continue;
        wfe_diagnose_warning(
            l->list, (wfe_mark){.pos = workflow->inputs[i].pos, .length = (uint32_t)strlen(name)},
            "input '%s' is not used", name);
        hint_unused(l, name);
    }
}

/* declared: the outputs of the step's workflow. */
static void check_outputs(wfe_loader *l, const texts *t, const wfe_index *declared,
                          const wfe_plan_step *step)
{
    for (uint32_t i = 0; i < step->n_outputs; i++) {
        const wfe_plan_output *output = &step->outputs[i];
        if (wfe_index_get(declared, output->name, strlen(output->name)) != WFE_INDEX_NONE ||
            is_variable_somewhere(t, output->name) || is_path_somewhere(t, "outputs", output->name))
            continue;
        wfe_diagnose_warning(l->list, (wfe_mark){.pos = output->pos, .length = 1},
                             "nothing reads the output '%s' of step '%s'", output->name,
                             step->name ? step->name : "");
    }
}

static void check_condition(wfe_loader *l, const wfe_plan_step *step)
{
    if (step->when && wfe_condition_constancy(step->when) == WFE_CONDITION_NEVER)
        wfe_diagnose_warning(l->list, (wfe_mark){.pos = step->when->pos, .length = 1},
                             "step '%s' never runs: its condition is never true",
                             step->name ? step->name : "");
    if (step->for_each && step->for_each->items && !json_array_size(step->for_each->items))
        wfe_diagnose_warning(l->list, wfe_mark_pos(step->pos),
                             "step '%s' never runs: the list of its 'for_each' is empty",
                             step->name ? step->name : "");
}

static bool check_steps(wfe_loader *l, const texts *t, uint32_t workflow)
{
    const wfe_plan_workflow *w = &l->workflows[workflow];
    wfe_index declared = {0};
    bool ok = true;
    for (uint32_t i = 0; ok && i < w->n_outputs; i++)
        ok = wfe_index_add(&declared, w->outputs[i].name, strlen(w->outputs[i].name), i, NULL);
    for (uint32_t i = 0; ok && i < w->n_steps; i++) {
        const wfe_plan_step *step = &l->steps[w->first_step + i];
        check_condition(l, step);
        /* Without declared outputs a workflow gives all of them. */
        if (w->n_outputs)
            check_outputs(l, t, &declared, step);
    }
    wfe_index_done(&declared);
    return ok;
}

static bool is_given(const wfe_loader *l, const wfe_plan_workflow *workflow, uint32_t secret)
{
    for (uint32_t i = 0; i < workflow->n_steps; i++) {
        const wfe_plan_step *step = &l->steps[workflow->first_step + i];
        for (uint32_t k = 0; k < step->n_secrets; k++) {
            if (step->secrets[k].secret == secret)
                return true;
        }
    }
    return false;
}

static void check_secrets(wfe_loader *l, const wfe_plan_workflow *workflow)
{
    for (uint32_t i = 0; i < workflow->n_secrets; i++) {
        const wfe_plan_secret *secret = &workflow->secrets[i];
        if (!is_given(l, workflow, i))
            wfe_diagnose_warning(
                l->list, (wfe_mark){.pos = secret->pos, .length = (uint32_t)strlen(secret->name)},
                "secret '%s' is given to no step", secret->name);
    }
}

/* Characters from start to end, plus one. */
static uint32_t column_of(const char *start, const char *end)
{
    uint32_t column = 1;
    for (; start < end; start++)
        column += ((unsigned char)*start & 0xc0) != 0x80;
    return column;
}

/* ${{ }} of other tools is nothing here, and no mistake, since a program's text may hold it. */
static void check_line(wfe_loader *l, wfe_plan_pos pos, const char *line, size_t len)
{
    size_t blank = 0;
    while (blank < len && (line[blank] == ' ' || line[blank] == '\t'))
        blank++;
    const char *at = memmem(line, len, "${{", 3);
    if (!at || line[blank] == '#')
        return;
    const char *end = memmem(at, len - (size_t)(at - line), "}}", 2);
    pos.column = column_of(line, at);
    wfe_diagnose_warning(l->list,
                         (wfe_mark){.pos = pos, .length = end ? column_of(at, end) + 1 : 3},
                         "'${{ }}' is not replaced");
    wfe_diagnose_hint(l->list, "an input is ((name)) in any text; inputs and outputs are variables "
                               "of each step, in capitals");
}

static void check_expressions(wfe_loader *l)
{
    for (uint32_t i = 0; i < l->n_files; i++) {
        const char *text = l->files[i].text, *end = text + l->files[i].len;
        wfe_plan_pos pos = {.file = i, .line = 1};
        for (const char *line = text; line < end; pos.line++) {
            const char *newline = memchr(line, '\n', (size_t)(end - line));
            size_t len = newline ? (size_t)(newline - line) : (size_t)(end - line);
            check_line(l, pos, line, len);
            line += len + 1;
        }
    }
}

int wfe_load_lint(wfe_loader *l)
{
    texts t = {0};
    bool ok = read_texts(l, &t);
    for (uint32_t i = 0; ok && i < l->n_workflows; i++) {
        check_inputs(l, &t, &l->workflows[i]);
        check_secrets(l, &l->workflows[i]);
        ok = check_steps(l, &t, i);
    }
    check_expressions(l);
    wfe_index_done(&t.variables);
    wfe_index_done(&t.paths);
    return ok ? 0 : wfe_error_nomem(l->err);
}
