/* SPDX-License-Identifier: Apache-2.0
 *
 * What a step waits for. A block is two things here: a child waits for its block's start, and the
 * block's end for its children.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "workflow/loader.h"

#define SHOWN_NAMES 64

/* ---- names to steps ---- */

static void tell_unknown(wfe_loader *l, const wfe_node *node, const char *name, uint32_t first)
{
    const char *words[SHOWN_NAMES];
    size_t n = 0;
    for (uint32_t i = first; i < l->n_steps && n < SHOWN_NAMES; i++) {
        if (l->steps[i].role == WFE_PLAN_ROLE_STEP && l->steps[i].name)
            words[n++] = l->steps[i].name;
    }
    wfe_diagnose_error(l->list, wfe_mark_node(node), "unknown step '%s' in 'needs'", name);
    wfe_diagnose_suggest(l->list, name, words, n);
}

/* Is the step, or a block around it, a hook. */
static bool is_of_hook(const wfe_loader *l, uint32_t step)
{
    for (; step != WFE_PLAN_NONE; step = l->steps[step].parent) {
        if (l->steps[step].role != WFE_PLAN_ROLE_STEP)
            return true;
    }
    return false;
}

/* WFE_PLAN_NONE after telling what is wrong. */
static uint32_t find_need(wfe_loader *l, const wfe_node *node, uint32_t step, uint32_t first)
{
    const char *name = wfe_read_text(&l->reader, node, "needs");
    if (!name)
        return WFE_PLAN_NONE;
    uint32_t found = wfe_index_get(&l->names, name, strlen(name));
    if (found == WFE_INDEX_NONE) {
        tell_unknown(l, node, name, first);
        return WFE_PLAN_NONE;
    }
    if (found == step) {
        wfe_diagnose_error(l->list, wfe_mark_node(node), "step '%s' needs itself", name);
        return WFE_PLAN_NONE;
    }
    if (is_of_hook(l, found) && !is_of_hook(l, step)) {
        wfe_diagnose_error(l->list, wfe_mark_node(node), "'%s' is a hook: nothing can wait for it",
                           name);
        return WFE_PLAN_NONE;
    }
    return found;
}

/* Once, however often it is named. */
static void add_need(wfe_loader *l, uint32_t step, uint32_t *needs, uint32_t *n, uint32_t need)
{
    if (l->step_sources[need].needed_by == step)
        return;
    l->step_sources[need].needed_by = step;
    needs[(*n)++] = need;
}

static int read_needs(wfe_loader *l, uint32_t step, uint32_t first)
{
    const wfe_step_source *source = &l->step_sources[step];
    const wfe_node *node = source->needs;
    bool listed = node && node->kind == WFE_NODE_LIST;
    uint32_t n = 0;
    uint32_t max = listed ? node->n : 1;
    if (node && !listed && !wfe_node_is_null(node) && node->kind != WFE_NODE_SCALAR &&
        !wfe_read_is_list(&l->reader, node, "'needs'"))
        return 0;
    uint32_t *needs = wfe_arena_array(l->memory, max, sizeof *needs);
    if (!needs)
        return WFE_E_NOMEM;
    if (!node && source->before != WFE_PLAN_NONE)
        needs[n++] = source->before;
    for (uint32_t i = 0; node && !wfe_node_is_null(node) && i < max; i++) {
        uint32_t need = find_need(l, listed ? node->items[i] : node, step, first);
        if (need != WFE_PLAN_NONE)
            add_need(l, step, needs, &n, need);
    }
    l->steps[step].needs = needs;
    l->steps[step].n_needs = n;
    return 0;
}

/* ---- cycles ---- */

/* A point of a step's life: its start, or its end. */
typedef struct point {
    uint32_t step;
    bool end;
} point;

typedef struct frame {
    point at;
    uint32_t next;  /* what it waits for comes with this number next */
    uint32_t child; /* of an end: the next child */
} frame;

typedef struct search {
    wfe_loader *l;
    uint32_t first;
    uint8_t *colors; /* of points: 0 new, 1 on the way, 2 done */
    frame *way;      /* each point is on it at most once */
    size_t len;
} search;

static uint8_t *color_of(const search *s, point at)
{
    return &s->colors[2 * (size_t)(at.step - s->first) + at.end];
}

/* What the point waits for next; false when that was all. */
static bool next_need(const search *s, frame *f, point *ret)
{
    const wfe_plan_step *step = &s->l->steps[f->at.step];
    uint32_t k = f->next++;
    if (f->at.end) {
        *ret = (point){.step = k ? f->child : f->at.step, .end = k > 0};
        if (k && f->child != WFE_PLAN_NONE)
            f->child = s->l->steps[f->child].next_sibling;
        return ret->step != WFE_PLAN_NONE;
    }
    bool child = step->role == WFE_PLAN_ROLE_STEP && step->parent != WFE_PLAN_NONE;
    if (k < step->n_needs)
        *ret = (point){.step = step->needs[k], .end = true};
    else
        *ret = (point){.step = step->parent, .end = false};
    return k < step->n_needs || (k == step->n_needs && child);
}

static void tell_cycle(const search *s, point back)
{
    _cleanup_(wfe_buf_done) wfe_buf names = WFE_BUF_INIT(512);
    size_t i = s->len;
    uint32_t shown = WFE_PLAN_NONE;
    while (i > 0 && (s->way[i - 1].at.step != back.step || s->way[i - 1].at.end != back.end))
        i--;
    const wfe_node *at = NULL;
    for (size_t k = i ? i - 1 : 0; k < s->len; k++) {
        uint32_t step = s->way[k].at.step;
        if (!at && s->l->step_sources[step].needs && !s->way[k].at.end)
            at = s->l->step_sources[step].needs;
        if (step != shown && s->l->steps[step].name)
            (void)wfe_buf_printf(&names, NULL, "%s -> ", s->l->steps[step].name);
        shown = step;
    }
    const char *name = s->l->steps[back.step].name;
    if (!at)
        at = s->l->step_sources[back.step].node;
    wfe_diagnose_error(s->l->list, wfe_mark_node(at), "Circular needs: %s%s",
                       names.data ? names.data : "", name ? name : "");
}

static void push(search *s, point at)
{
    *color_of(s, at) = 1;
    s->way[s->len++] = (frame){.at = at, .child = s->l->steps[at.step].first_child};
}

static void walk(search *s, uint32_t step)
{
    const point end = {.step = step, .end = true};
    if (*color_of(s, end))
        return;
    push(s, end);
    while (s->len) {
        point need;
        if (!next_need(s, &s->way[s->len - 1], &need)) {
            *color_of(s, s->way[--s->len].at) = 2;
            continue;
        }
        uint8_t color = *color_of(s, need);
        if (color == 1)
            tell_cycle(s, need);
        else if (color == 0)
            push(s, need);
    }
}

static int find_cycles(wfe_loader *l, uint32_t first)
{
    size_t n = 2 * (size_t)(l->n_steps - first) + 2;
    _cleanup_free_ uint8_t *colors = calloc(n, 1);
    _cleanup_free_ frame *way = calloc(n, sizeof *way);
    if (!colors || !way)
        return WFE_E_NOMEM;
    search s = {.l = l, .first = first, .colors = colors, .way = way};
    for (uint32_t i = first; i < l->n_steps; i++)
        walk(&s, i);
    return 0;
}

int wfe_load_order(wfe_loader *l, const wfe_plan_workflow *workflow, uint32_t first)
{
    for (uint32_t i = first; i < first + workflow->n_steps; i++) {
        int rc = l->steps[i].role == WFE_PLAN_ROLE_STEP ? read_needs(l, i, first) : 0;
        if (rc)
            return rc;
    }
    return find_cycles(l, first);
}
