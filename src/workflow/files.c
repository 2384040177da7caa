/* SPDX-License-Identifier: Apache-2.0
 *
 * The main file and those it includes: reading, parsing, and finding the workflows in them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "workflow/loader.h"
#include "workflow/yaml.h"

#define TOTAL_MAX_BYTES ((size_t)16 * 1024 * 1024)
#define PATH_SIZE 4096

/* The files on the way from the main one to the one being read. */
typedef struct include_chain {
    const struct include_chain *above;
    uint32_t file;
} include_chain;

static int load_file(wfe_loader *l, uint32_t file, const include_chain *above);

/* Where name leads from the folder of the file that includes it, without "./" and "x/../". */
static bool resolve(const char *from, const char *name, char out[PATH_SIZE])
{
    const char *slash = strrchr(from, '/');
    int dir = name[0] == '/' || !slash ? 0 : (int)(slash - from) + 1;
    char joined[PATH_SIZE];
    if (snprintf(joined, sizeof joined, "%.*s%s", dir, from, name) >= (int)sizeof joined)
        return false;
    size_t len = 0;
    const char *rest = joined;
    if (*rest == '/')
        out[len++] = *rest++;
    size_t floor = len; /* what ".." cannot take away */
    while (*rest) {
        size_t part = strcspn(rest, "/");
        bool up = part == 2 && memcmp(rest, "..", 2) == 0;
        if (up && len > floor) {
            len--; /* the slash behind it */
            while (len > floor && out[len - 1] != '/')
                len--;
        } else if (part && !(part == 1 && *rest == '.')) {
            memcpy(out + len, rest, part);
            len += part;
            out[len++] = '/';
            if (up)
                floor = len;
        }
        rest += part + (rest[part] == '/');
    }
    if (len > 1 && out[len - 1] == '/')
        len--;
    out[len] = '\0';
    return true;
}

static const wfe_plan_file *given_file(const wfe_loader *l, const char *path)
{
    for (size_t i = 0; i < l->options->n_files; i++) {
        if (strcmp(l->options->files[i].path, path) == 0)
            return &l->options->files[i];
    }
    return NULL;
}

static int read_text(wfe_loader *l, const char *path, wfe_plan_file *out, wfe_error *err)
{
    _cleanup_(wfe_buf_done) wfe_buf buf = WFE_BUF_INIT(WFE_YAML_MAX_BYTES);
    const wfe_plan_file *given = given_file(l, path);
    const char *text = given ? given->text : NULL;
    size_t len = given ? given->len : 0;
    if (!given && l->options->files)
        return wfe_error_set(err, WFE_E_NOT_FOUND, "it is not part of the definition");
    if (!given) {
        wfe_error error = WFE_ERROR_INIT;
        int rc = wfe_fd_read_file(path, WFE_YAML_MAX_BYTES, &buf, &error);
        if (rc == WFE_E_LIMIT)
            return wfe_error_set(
                err, rc, "'%s' is longer than 4 MiB, the most a workflow file may have", path);
        if (rc)
            return wfe_error_copy(err, &error);
        text = buf.data;
        len = buf.len;
    }
    out->path = wfe_arena_text(l->memory, path, strlen(path));
    out->text = wfe_arena_text(l->memory, text, len);
    out->len = len;
    return out->path && out->text ? 0 : wfe_error_nomem(err);
}

static int add_file(wfe_loader *l, const wfe_plan_file *file, uint32_t *ret)
{
    l->n_bytes += file->len;
    l->files[l->n_files] = *file;
    *ret = l->n_files++;
    return 0;
}

/* ---- includes ---- */

static bool is_circular(wfe_loader *l, const include_chain *chain, const char *path, wfe_mark mark)
{
    for (const include_chain *c = chain; c; c = c->above) {
        if (strcmp(l->files[c->file].path, path) == 0) {
            wfe_diagnose_error(l->list, mark, "Circular include detected: '%s'", path);
            return true;
        }
    }
    return false;
}

static int include(wfe_loader *l, const wfe_node *node, const include_chain *chain)
{
    char path[PATH_SIZE];
    wfe_error error = WFE_ERROR_INIT;
    const char *name = wfe_read_text(&l->reader, node, "include");
    if (!name)
        return 0;
    if (strlen(name) != node->n || !resolve(l->files[chain->file].path, name, path)) {
        wfe_diagnose_error(l->list, wfe_mark_node(node), "the path of the include is too long");
        return 0;
    }
    if (is_circular(l, chain, path, wfe_mark_node(node)))
        return 0;
    for (uint32_t i = 0; i < l->n_files; i++) {
        if (strcmp(l->files[i].path, path) == 0)
            return 0;
    }
    wfe_plan_file file;
    int rc = l->n_files == WFE_LOAD_MAX_FILES
                 ? wfe_error_set(&error, WFE_E_LIMIT, "more than %d files", WFE_LOAD_MAX_FILES)
                 : read_text(l, path, &file, &error);
    if (!rc && l->n_bytes + file.len > TOTAL_MAX_BYTES)
        rc = wfe_error_set(&error, WFE_E_LIMIT, "all files together are longer than 16 MiB");
    if (rc == WFE_E_NOMEM)
        return rc;
    if (rc) {
        wfe_diagnose_error(l->list, wfe_mark_node(node), "Include file not found: %s: %s", path,
                           error.message);
        return 0;
    }
    uint32_t index = 0;
    add_file(l, &file, &index);
    return load_file(l, index, chain);
}

static int load_includes(wfe_loader *l, const wfe_node *root, const include_chain *chain)
{
    const wfe_node *list = wfe_node_get(root, "include");
    if (wfe_node_is_null(list))
        return 0;
    if (list->kind == WFE_NODE_SCALAR)
        return include(l, list, chain);
    if (!wfe_read_is_list(&l->reader, list, "'include'"))
        return 0;
    for (uint32_t i = 0; i < list->n; i++) {
        int rc = include(l, list->items[i], chain);
        if (rc)
            return rc;
    }
    return 0;
}

/* ---- workflows ---- */

static int add_workflow(wfe_loader *l, const wfe_node *node, uint32_t file)
{
    const wfe_node *id = wfe_node_get(node, "id");
    bool has_id = id && id->kind == WFE_NODE_SCALAR && !wfe_node_is_null(id);
    for (uint32_t i = 0; has_id && i < l->n_workflows; i++) {
        if (!l->sources[i].id || strcmp(l->sources[i].id, id->text) != 0)
            continue;
        if (l->sources[i].node->pos.file == file)
            wfe_diagnose_error(l->list, wfe_mark_node(id), "Duplicate workflow ID: '%s'", id->text);
        return 0; /* an earlier file wins */
    }
    if (l->n_workflows == WFE_LOAD_MAX_WORKFLOWS) {
        wfe_diagnose_error(l->list, wfe_mark_node(node), "more than %d workflows",
                           WFE_LOAD_MAX_WORKFLOWS);
        return 0;
    }
    l->sources[l->n_workflows++] =
        (wfe_workflow_source){.node = node, .id = has_id ? id->text : NULL};
    return 0;
}

static int find_workflows(wfe_loader *l, const wfe_node *root, uint32_t file)
{
    wfe_raw_file raw = {0};
    wfe_plan_pos start = {.file = file, .line = 1, .column = 1};
    int rc = wfe_read_map(&l->reader, root, WFE_SCOPE_FILE, &raw);
    if (rc || root->kind != WFE_NODE_MAP)
        return rc;
    if (wfe_node_get(root, "workflow") && wfe_node_get(root, "workflows")) {
        wfe_diagnose_error(l->list, wfe_mark_node(root),
                           "Cannot specify both 'workflow' and 'workflows' in the same file");
        return 0;
    }
    if (!raw.workflow && !raw.workflows) {
        if (!wfe_node_get(root, "workflow") && !wfe_node_get(root, "workflows"))
            wfe_diagnose_error(l->list, wfe_mark_pos(start),
                               "Must specify either 'workflow' or 'workflows'");
        else if (wfe_node_is_null(wfe_node_get(root, "workflow")) && wfe_node_get(root, "workflow"))
            wfe_diagnose_error(l->list, wfe_mark_pos(start), "the workflow is empty");
        else if (wfe_node_get(root, "workflows") &&
                 wfe_node_is_null(wfe_node_get(root, "workflows")))
            wfe_diagnose_error(l->list, wfe_mark_pos(start), "workflows list is empty");
        return 0;
    }
    if (raw.workflow)
        return add_workflow(l, raw.workflow, file);
    if (!raw.workflows->n)
        wfe_diagnose_error(l->list, wfe_mark_node(raw.workflows), "workflows list is empty");
    for (uint32_t i = 0; !rc && i < raw.workflows->n; i++) {
        if (wfe_read_is_map(&l->reader, raw.workflows->items[i], "a workflow"))
            rc = add_workflow(l, raw.workflows->items[i], file);
    }
    return rc;
}

static int load_file(wfe_loader *l, uint32_t file, const include_chain *above)
{
    const include_chain chain = {.above = above, .file = file};
    int rc = wfe_yaml_parse(l->files[file].text, l->files[file].len, file, &l->n_nodes_left,
                            l->tree, l->list, &l->roots[file], l->err);
    if (rc)
        return rc;
    wfe_node *root = l->roots[file];
    if (!root) {
        if (!wfe_diagnostics_errors(l->list))
            wfe_diagnose_error(l->list,
                               wfe_mark_pos((wfe_plan_pos){.file = file, .line = 1, .column = 1}),
                               "Must specify either 'workflow' or 'workflows'");
        return 0;
    }
    rc = find_workflows(l, root, file);
    return rc ? rc : load_includes(l, root, &chain);
}

int wfe_load_files(wfe_loader *l)
{
    const wfe_plan_load_options *o = l->options;
    const char *path = o->path ? o->path : "workflow.yaml";
    wfe_plan_file file = {0};
    int rc = 0;
    l->sources = calloc(WFE_LOAD_MAX_WORKFLOWS, sizeof *l->sources);
    if (!l->sources)
        return wfe_error_nomem(l->err);
    if (o->text && o->text_len > WFE_YAML_MAX_BYTES)
        return wfe_error_set(l->err, WFE_E_LIMIT, "the workflow is longer than 4 MiB");
    if (o->text) {
        file = (wfe_plan_file){.path = wfe_arena_text(l->memory, path, strlen(path)),
                               .text = wfe_arena_text(l->memory, o->text, o->text_len),
                               .len = o->text_len};
        rc = file.path && file.text ? 0 : wfe_error_nomem(l->err);
    } else {
        rc = read_text(l, path, &file, l->err);
    }
    uint32_t index = 0;
    if (!rc)
        rc = add_file(l, &file, &index);
    return rc ? rc : load_file(l, index, NULL);
}
