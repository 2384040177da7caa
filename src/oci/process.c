/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strv.h"

typedef const char *const *list;

/* The three lists, each may be NULL, as one. */
static int join(list first, list second, list third, char ***ret, wfe_error *err)
{
    const list parts[] = {first, second, third};
    size_t n = wfe_strv_length(first) + wfe_strv_length(second) + wfe_strv_length(third);
    _cleanup_(wfe_strv_free_p) char **joined = calloc(n + 1, sizeof *joined);
    if (!joined)
        return wfe_error_nomem(err);
    size_t used = 0;
    for (size_t part = 0; part < sizeof parts / sizeof *parts; part++) {
        for (list p = parts[part]; p && *p; p++) {
            joined[used] = strdup(*p);
            if (!joined[used++])
                return wfe_error_nomem(err);
        }
    }
    *ret = wfe_take(joined);
    return 0;
}

static int check_options(const wfe_oci_process_options *options, wfe_error *err)
{
    if (options->run && options->command)
        return wfe_error_set(err, WFE_E_INVALID,
                             "run and command are given together, only one of them is allowed");
    if (options->args && (options->run || options->command))
        return wfe_error_set(err, WFE_E_INVALID,
                             "args is given together with %s, only one of them is allowed",
                             options->run ? "run" : "command");
    if (options->shell && !options->run)
        return wfe_error_set(err, WFE_E_INVALID, "shell is given without run");
    if (options->shell && (!options->shell[0] || !options->shell[0][0]))
        return wfe_error_set(err, WFE_E_INVALID, "shell is empty");
    if (options->command && (!options->command[0] || !options->command[0][0]))
        return wfe_error_set(err, WFE_E_INVALID, "command is empty");
    if (options->working_dir && options->working_dir[0] != '/')
        return wfe_error_set(err, WFE_E_INVALID, "working_dir is '%s', must be an absolute path",
                             options->working_dir);
    return 0;
}

static int make_argv(const wfe_oci_image_config *image, const wfe_oci_process_options *options,
                     char ***ret, wfe_error *err)
{
    static const char *const default_shell[] = {"/bin/sh", NULL};
    static const char *const dash_c[] = {"-c", NULL};
    const list cmd = (list)image->cmd;
    if (options->run) {
        const char *const script[] = {options->run, NULL};
        list shell = options->shell ? options->shell : default_shell;
        return join(shell, shell[1] ? NULL : dash_c, script, ret, err);
    }
    if (options->command)
        return join(options->command, NULL, NULL, ret, err);
    _cleanup_(wfe_strv_free_p) char **argv = NULL;
    int rc = join((list)image->entrypoint, options->args ? options->args : cmd, NULL, &argv, err);
    if (rc)
        return rc;
    if (!argv[0])
        return wfe_error_set(err, WFE_E_INVALID,
                             "nothing to run: the image has neither ENTRYPOINT nor CMD, and none "
                             "of run, command and args is given");
    if (!argv[0][0])
        return wfe_error_set(err, WFE_E_INVALID, "the command's first word is empty");
    *ret = wfe_take(argv);
    return 0;
}

static int add_env(wfe_strmap *env, const wfe_strmap *more, wfe_error *err)
{
    int rc = 0;
    for (size_t i = 0; !rc && more && i < more->len; i++)
        rc = wfe_strmap_set(env, more->items[i].key, more->items[i].value, err);
    return rc;
}

static int make_env(const wfe_oci_image_config *image, const wfe_oci_process_options *options,
                    wfe_strmap *env, wfe_error *err)
{
    int rc = add_env(env, &image->env, err);
    if (!rc)
        rc = add_env(env, options->env, err);
    if (!rc && !wfe_strmap_get(env, "PATH"))
        rc = wfe_strmap_set(env, "PATH", WFE_OCI_DEFAULT_PATH, err);
    return rc;
}

/* An image's own folder may lack the slash: docker takes it from the root. */
static int make_cwd(const wfe_oci_image_config *image, const wfe_oci_process_options *options,
                    char **ret, wfe_error *err)
{
    const char *dir = options->working_dir ? options->working_dir : image->working_dir;
    if (!dir || !*dir)
        dir = "/";
    if (asprintf(ret, "%s%s", *dir == '/' ? "" : "/", dir) < 0) {
        *ret = NULL;
        return wfe_error_nomem(err);
    }
    return 0;
}

int wfe_oci_process_build(const wfe_oci_image_config *image, const wfe_oci_process_options *options,
                          wfe_oci_process *ret, wfe_error *err)
{
    wfe_oci_process process = {0};
    int rc = check_options(options, err);
    if (!rc)
        rc = make_argv(image, options, &process.argv, err);
    if (!rc)
        rc = make_env(image, options, &process.env, err);
    if (!rc)
        rc = make_cwd(image, options, &process.cwd, err);
    if (rc) {
        wfe_oci_process_done(&process);
        return rc;
    }
    *ret = process;
    return 0;
}

void wfe_oci_process_done(wfe_oci_process *process)
{
    wfe_strv_free(process->argv);
    wfe_strmap_done(&process->env);
    free(process->cwd);
    process->argv = NULL;
    process->cwd = NULL;
}
