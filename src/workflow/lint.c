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

#define NAME_MAX_BYTES 256

static bool is_word_letter(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* Does the word, or the part behind a dot, stand anywhere in the files. */
static bool stands_somewhere(const wfe_loader *l, const char *word)
{
    size_t len = strlen(word);
    for (uint32_t i = 0; i < l->n_files; i++) {
        const char *end = l->files[i].text + l->files[i].len;
        const char *p = l->files[i].text;
        while ((p = memmem(p, (size_t)(end - p), word, len)) != NULL) {
            bool begins = p == l->files[i].text || !is_word_letter(p[-1]);
            if (begins && (p + len == end || !is_word_letter(p[len])))
                return true;
            p++;
        }
    }
    return false;
}

/* As the variable of a step: upper case, what is no letter or digit as "_". */
static bool is_variable_somewhere(const wfe_loader *l, const char *name)
{
    char variable[NAME_MAX_BYTES];
    size_t i = 0;
    for (; name[i] && i + 1 < sizeof variable; i++)
        variable[i] = isalnum((unsigned char)name[i]) ? (char)toupper((unsigned char)name[i]) : '_';
    variable[i] = '\0';
    /* A name in capitals is the variable's own name, and stands where it is declared. */
    return strcmp(variable, name) == 0 || stands_somewhere(l, variable);
}

static bool is_path_somewhere(const wfe_loader *l, const char *root, const char *name)
{
    char path[NAME_MAX_BYTES];
    snprintf(path, sizeof path, "%s.%s", root, name);
    return stands_somewhere(l, path);
}

static void check_inputs(wfe_loader *l, const wfe_plan_workflow *workflow)
{
    for (uint32_t i = 0; i < workflow->n_inputs; i++) {
        const char *name = workflow->inputs[i].name;
        if (wfe_index_get(&l->used, name, strlen(name)) != WFE_INDEX_NONE ||
            is_variable_somewhere(l, name) || is_path_somewhere(l, "inputs", name))
            continue;
        wfe_diagnose_warning(
            l->list, (wfe_mark){.pos = workflow->inputs[i].pos, .length = (uint32_t)strlen(name)},
            "input '%s' is not used", name);
        wfe_diagnose_hint(l->list,
                          "a step has it as a variable in upper case, conditions as "
                          ".inputs.%s, texts as ((%s))",
                          name, name);
    }
}

static bool is_declared_output(const wfe_loader *l, const wfe_plan_step *step, const char *name)
{
    const wfe_plan_workflow *workflow = &l->workflows[step->workflow];
    for (uint32_t i = 0; i < workflow->n_outputs; i++) {
        if (strcmp(workflow->outputs[i].name, name) == 0)
            return true;
    }
    return false;
}

static void check_outputs(wfe_loader *l, const wfe_plan_step *step)
{
    for (uint32_t i = 0; i < step->n_outputs; i++) {
        const wfe_plan_output *output = &step->outputs[i];
        /* Without declared outputs a workflow gives all of them. */
        if (!l->workflows[step->workflow].n_outputs || is_declared_output(l, step, output->name) ||
            is_variable_somewhere(l, output->name) || is_path_somewhere(l, "outputs", output->name))
            continue;
        wfe_diagnose_warning(l->list, (wfe_mark){.pos = output->pos, .length = 1},
                             "nothing reads the output '%s' of step '%s'", output->name,
                             step->name ? step->name : "");
    }
}

static void check_step(wfe_loader *l, uint32_t index)
{
    const wfe_plan_step *step = &l->steps[index];
    if (step->when && wfe_condition_constancy(step->when) == WFE_CONDITION_NEVER) {
        wfe_diagnose_warning(l->list, (wfe_mark){.pos = step->when->pos, .length = 1},
                             "step '%s' never runs: its condition is never true",
                             step->name ? step->name : "");
    }
    check_outputs(l, step);
}

static void check_secrets(wfe_loader *l, uint32_t workflow)
{
    for (uint32_t s = 0; s < l->workflows[workflow].n_secrets; s++) {
        bool used = false;
        for (uint32_t i = 0; i < l->n_steps && !used; i++) {
            for (uint32_t k = 0; k < l->steps[i].n_secrets && !used; k++)
                used = l->steps[i].workflow == workflow && l->steps[i].secrets[k].secret == s;
        }
        const wfe_plan_secret *secret = &l->workflows[workflow].secrets[s];
        if (!used)
            wfe_diagnose_warning(
                l->list, (wfe_mark){.pos = secret->pos, .length = (uint32_t)strlen(secret->name)},
                "secret '%s' is given to no step", secret->name);
    }
}

int wfe_load_lint(wfe_loader *l)
{
    for (uint32_t i = 0; i < l->n_workflows; i++) {
        check_inputs(l, &l->workflows[i]);
        check_secrets(l, i);
    }
    for (uint32_t i = 0; i < l->n_steps; i++)
        check_step(l, i);
    return 0;
}
