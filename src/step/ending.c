/* SPDX-License-Identifier: Apache-2.0 */
#include "step/ending.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "step/explain.h"
#include "step/init_file.h"
#include "step/output_file.h"

#define CGROUP_ROOT "/sys/fs/cgroup"

/* ---- memory and time ---- */

void wfe_step_ending_set_usage(wfe_step *step, const wfe_step_usage *usage)
{
    wfe_step_result *result = step->result;
    result->usage = *usage;
    result->memory_limit_bytes = step->config.confinement.resources.memory_bytes;
    if (!usage->oom_kills)
        return;
    if (result->exit_code)
        result->out_of_memory = true;
    else
        wfe_step_result_warn(result,
                             "the kernel killed %llu processes at the memory limit; the command "
                             "itself went on and succeeded",
                             (unsigned long long)usage->oom_kills);
}

/* ---- the command that did not run ---- */

static const char *why_not_executable(int sys_errno)
{
    switch (sys_errno) {
    case ENOENT:
        return "its interpreter or loader is missing";
    case ENOEXEC:
        return "it is no program of this machine";
    case EISDIR:
        return "it is a folder";
    case EACCES:
        return "permission denied";
    default:
        return strerror(sys_errno);
    }
}

/* The name of the command, as it was given; the image's own when the step has none. */
static const char *command_name(const wfe_step *step)
{
    const wfe_step_config *config = &step->config;
    if (config->run)
        return config->shell ? config->shell[0] : "/bin/sh";
    if (config->command && config->command[0])
        return config->command[0];
    if (!step->image_config) /* adopted: nobody has looked at the image */
        return "of the image";
    if (step->image_config->entrypoint[0])
        return step->image_config->entrypoint[0];
    if (config->args && config->args[0])
        return config->args[0];
    return step->image_config->cmd[0] ? step->image_config->cmd[0] : "";
}

static void fail_to_run(wfe_step *step, const wfe_init_record *record)
{
    wfe_error error = WFE_ERROR_INIT;
    const char *name = command_name(step);
    switch (record->reason) {
    case WFE_INIT_NOT_FOUND:
        wfe_error_set(&error, WFE_E_NOT_FOUND, "command '%s' is not in the image", name);
        if (record->sys_errno == EACCES)
            wfe_error_hint(&error, "a folder of PATH is closed to the step's user; is it there?");
        break;
    case WFE_INIT_NOT_EXECUTABLE:
        wfe_error_set(&error, WFE_E_DENIED,
                      "command '%s' is in the image and cannot be executed: %s", name,
                      why_not_executable(record->sys_errno));
        break;
    default:
        wfe_error_set(&error, WFE_E_INTERNAL, "wfe-init could not start command '%s': %s", name,
                      strerror(record->sys_errno));
        wfe_step_fail(step, &error);
        return;
    }
    wfe_error_where(&error, WFE_STEP_OPERATION_EXEC, name);
    wfe_step_fail(step, &error);
}

void wfe_step_ending_read(wfe_step *step)
{
    wfe_init_record record;
    wfe_step_usage usage = {0};
    int code = step->result->exit_code;
    if (step->machine.local && step->cgroups_path[0])
        wfe_step_usage_read(CGROUP_ROOT, step->machine.cgroup_v2, step->cgroups_path, &usage);
    if (usage.known)
        wfe_step_ending_set_usage(step, &usage);
    /* Below 128 and above 124 wfe-init may speak for itself rather than for the command. */
    if (!step->files.record || code < WFE_INIT_STATUS_FAILED || code > WFE_INIT_STATUS_NOT_FOUND ||
        wfe_init_record_read(step->files.record, &record, NULL))
        return;
    if (record.reason != WFE_INIT_EXITED && record.reason != WFE_INIT_SIGNALLED)
        fail_to_run(step, &record);
}

/* The words of containerd's ttrpc client (1.6 to 2.x). */
bool wfe_step_ending_is_dead_shim(const wfe_error *err)
{
    return err->kind && strstr(err->message, "ttrpc: closed");
}

static void warn_of_lines(wfe_step_result *result, const wfe_output_file_report *report)
{
    if (report->n_bad_lines)
        wfe_step_result_warn(result,
                             "$WFE_OUTPUT: line %zu is neither key=value nor key<<WORD; %zu line%s "
                             "ignored",
                             report->first_bad_line, report->n_bad_lines,
                             report->n_bad_lines == 1 ? " was" : "s were");
    if (report->open_block_line)
        wfe_step_result_warn(result,
                             "$WFE_OUTPUT: the block that begins in line %zu has no end; it and "
                             "all after it was ignored",
                             report->open_block_line);
}

void wfe_step_ending_read_output_file(wfe_step *step)
{
    wfe_error error = WFE_ERROR_INIT;
    wfe_output_file_report report;
    if (!step->started || !step->files.output)
        return;
    if (wfe_output_file_read(step->files.output, &step->outputs, &report, &error))
        wfe_step_fail(step, &error);
    warn_of_lines(step->result, &report);
}

bool wfe_step_ending_from_record(const wfe_step *step, int *ret_exit_code)
{
    wfe_init_record record;
    if (!step->files.record || wfe_init_record_read(step->files.record, &record, NULL))
        return false;
    *ret_exit_code = record.exit_status;
    return true;
}

/* runc says `mkdir DIR: not a directory`, or `chdir to cwd ("DIR") set in config.json failed:
 * reason` (runc 1.1: libcontainer/init_linux.go). */
static bool explain_working_dir(const wfe_step *step, wfe_error *err)
{
    const char *given = step->config.working_dir;
    const char *dir = given ? given : step->image_config->working_dir;
    char made[WFE_ERROR_MESSAGE_SIZE], entered[WFE_ERROR_MESSAGE_SIZE];
    snprintf(made, sizeof made, "mkdir %s: not a directory", dir);
    snprintf(entered, sizeof entered, "chdir to cwd (\"%s\")", dir);
    if (!dir[0] || (!strstr(err->message, made) && !strstr(err->message, entered)))
        return false;
    bool denied = strstr(err->message, "permission denied");
    bool is_file = strstr(err->message, "not a directory");
    int grpc_status = err->grpc_status;
    if (!denied && !is_file)
        return false;
    *err = (wfe_error){.grpc_status = grpc_status};
    wfe_error_set(err, denied ? WFE_E_DENIED : WFE_E_INVALID, "working directory '%s' %s", dir,
                  denied ? "cannot be entered by the step's user: permission denied"
                         : "is no folder in the image, or lies below a file");
    wfe_error_where(err, "enter working directory", dir);
    return true;
}

/* runc says `exec: "NAME": reason` (runc 1.1: libcontainer/standard_init_linux.go). */
static bool explain(const wfe_step *step, wfe_error *err)
{
    const wfe_step_confinement *confinement = &step->config.confinement;
    const wfe_step_explain_input input = {
        .runtime = step->client->runtime,
        .apparmor = confinement->apparmor ? confinement->apparmor : step->machine.apparmor_profile,
        .pids = confinement->resources.pids,
        .ulimits = confinement->n_rlimits > 0,
        .own_filter = confinement->seccomp == WFE_OCI_SECCOMP_CUSTOM,
    };
    return wfe_step_explain(&input, err);
}

void wfe_step_ending_explain_start(const wfe_step *step, wfe_error *err)
{
    (void)explain(step, err);
}

void wfe_step_ending_explain_create(const wfe_step *step, wfe_error *err)
{
    const char *exec = strstr(err->message, "exec: \"");
    if (explain_working_dir(step, err) || explain(step, err) || !exec)
        return;
    char name[WFE_ERROR_SUBJECT_SIZE];
    const char *first = exec + strlen("exec: \"");
    const char *end = strchr(first, '"');
    snprintf(name, sizeof name, "%.*s", end ? (int)(end - first) : 0, first);
    bool missing = strstr(exec, "not found in $PATH") || strstr(exec, "no such file");
    bool denied = strstr(exec, "permission denied") || strstr(exec, "exec format error") ||
                  strstr(exec, "is a directory");
    if (!missing && !denied)
        return;
    int grpc_status = err->grpc_status;
    bool wrong_format = strstr(exec, "format error");
    *err = (wfe_error){.grpc_status = grpc_status};
    if (missing)
        wfe_error_set(err, WFE_E_NOT_FOUND, "command '%s' is not in the image", name);
    else
        wfe_error_set(err, WFE_E_DENIED, "command '%s' is in the image and cannot be executed: %s",
                      name, why_not_executable(wrong_format ? ENOEXEC : EACCES));
    wfe_error_where(err, WFE_STEP_OPERATION_EXEC, name);
}
