/* SPDX-License-Identifier: Apache-2.0
 *
 * Workflow files: reading them, checking them, showing them. docs/workflow-reference.md describes
 * the files themselves.
 */
#ifndef WFE_WORKFLOW_H
#define WFE_WORKFLOW_H

#include <stdbool.h>
#include <stddef.h>

#include <wfe/error.h>
#include <wfe/export.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Every text is borrowed during the call. NULL and zero mean the default. */
typedef struct wfe_workflow_options {
    size_t size;      /* sizeof(wfe_workflow_options): lets the struct grow */
    const char *path; /* the file; with text, its name in messages and the folder of includes */
    const char *text; /* the text itself, instead of what is in the file; not NUL-terminated */
    size_t text_len;
    const char *workflow; /* id of the workflow that is meant, of several; default: the first */
    /* Values for the declared inputs and for ((name)): a JSON or YAML file that holds an object,
     * and "KEY=VALUE" on top, NULL-terminated. */
    const char *input_file;
    const char *const *inputs;
    bool require_inputs; /* a declared input without a value is an error, as when running */
} wfe_workflow_options;

enum wfe_severity { WFE_SEVERITY_ERROR = 1, WFE_SEVERITY_WARNING = 2 };

/* Something that is wrong, or looks wrong, in a file. */
typedef struct wfe_diagnostic {
    enum wfe_severity severity;
    const char *file;        /* path; NULL: not about a file but about a value that was given */
    unsigned line;           /* from 1; 0: about the whole file */
    unsigned column;         /* from 1, in characters */
    unsigned length;         /* characters to mark, at least 1 */
    const char *message;     /* one line */
    const char *suggestion;  /* the valid word that was meant; NULL: none is near */
    const char *hint;        /* what to do; NULL: nothing to add */
    const char *source_line; /* the line of the file, without its newline; NULL: none */
} wfe_diagnostic;

typedef struct wfe_workflow wfe_workflow;

/* Reads and checks the file and those it includes. Success means that it was checked: what was
 * found is in the diagnostics, and wfe_workflow_is_valid tells whether any of it is an error. Free
 * with wfe_workflow_free. INVALID for options that make no sense, NOT_FOUND and IO for the file,
 * LIMIT when it is too long, UNAVAILABLE without libfyaml, NOMEM. */
WFE_API int wfe_workflow_load(const wfe_workflow_options *options, wfe_workflow **ret,
                              wfe_error *err);
WFE_API void wfe_workflow_free(wfe_workflow *workflow);

WFE_API bool wfe_workflow_is_valid(const wfe_workflow *workflow);
/* Errors and warnings in the order of the files; at most 1,000, of which the
 * last one then tells how many more there are. Borrowed until the
 * workflow is freed; NULL when index is out of range. */
WFE_API size_t wfe_workflow_n_diagnostics(const wfe_workflow *workflow);
WFE_API const wfe_diagnostic *wfe_workflow_diagnostic_at(const wfe_workflow *workflow,
                                                         size_t index);

/* Of the workflow that is meant; NULL and 0 when the file is not valid. */
WFE_API const char *wfe_workflow_id(const wfe_workflow *workflow);
WFE_API unsigned wfe_workflow_version(const wfe_workflow *workflow);
/* With the children of blocks and the hooks. */
WFE_API size_t wfe_workflow_n_steps(const wfe_workflow *workflow);

enum wfe_graph { WFE_GRAPH_DOT = 1, WFE_GRAPH_MERMAID, WFE_GRAPH_SVG, WFE_GRAPH_ASCII };

/* The steps and what waits for what, as text (free with free()): for graphviz, for mermaid, as an
 * SVG picture, or drawn with letters. INVALID when the file is not valid or format is unknown,
 * LIMIT for more steps than a picture can show, NOMEM. */
WFE_API int wfe_workflow_graph(const wfe_workflow *workflow, enum wfe_graph format, char **ret,
                               wfe_error *err);

/* The JSON Schema of workflow files, for editors (free with free()); NULL without memory. */
WFE_API char *wfe_workflow_schema(void);

#ifdef __cplusplus
}
#endif
#endif
