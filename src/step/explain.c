/* SPDX-License-Identifier: Apache-2.0 */
#include "step/explain.h"

#include <stdio.h>
#include <string.h>

/* An empty error that came from the same answer. */
static void begin_anew(wfe_error *err)
{
    *err = (wfe_error){.grpc_status = err->grpc_status};
}

/* containerd: `failed to start shim: failed to resolve runtime path: ...`. */
static bool explain_runtime(const wfe_step_explain_input *in, wfe_error *err)
{
    if (!strstr(err->message, "failed to resolve runtime path"))
        return false;
    bool no_name = strstr(err->message, "invalid runtime name");
    begin_anew(err);
    wfe_error_set(err, no_name ? WFE_E_INVALID : WFE_E_NOT_FOUND,
                  no_name ? "runtime '%s' is no name of a runtime"
                          : "containerd does not find the program of runtime '%s'",
                  in->runtime);
    wfe_error_where(err, "choose runtime", in->runtime);
    wfe_error_hint(err, "a runtime is called io.containerd.runc.v2 or the like, or is the absolute "
                        "path of its shim; see wfe doctor");
    return true;
}

/* runc: `... apparmor failed to apply profile: write /proc/self/attr/exec: no such file ...`. */
static bool explain_apparmor(const wfe_step_explain_input *in, wfe_error *err)
{
    if (!in->apparmor || !strstr(err->message, "apparmor"))
        return false;
    begin_anew(err);
    wfe_error_set(
        err, WFE_E_NOT_FOUND,
        "AppArmor profile '%s' cannot be applied; it is not loaded on containerd's machine",
        in->apparmor);
    wfe_error_where(err, "apply AppArmor profile", in->apparmor);
    wfe_error_hint(err, "load it there with apparmor_parser, or choose unconfined");
    return true;
}

/* runc: `error setting rlimit type 7: operation not permitted`, or `... rlimits for ready process`.
 */
static bool explain_rlimit(wfe_error *err)
{
    if (!strstr(err->message, "setting rlimit"))
        return false;
    begin_anew(err);
    wfe_error_set(err, WFE_E_DENIED, "a ulimit is higher than containerd's machine allows");
    wfe_error_where(err, "set ulimits", NULL);
    wfe_error_hint(err, "the kernel's maximum for nofile is in /proc/sys/fs/nr_open; containerd "
                        "without CAP_SYS_RESOURCE cannot raise its own limits");
    return true;
}

/* Copies what is between the quotes that begin at text; gives what follows. */
static const char *take_quoted(const char *text, char *out, size_t size)
{
    const char *end = *text == '"' ? strchr(text + 1, '"') : NULL;
    if (!end)
        return NULL;
    snprintf(out, size, "%.*s", (int)(end - text - 1), text + 1);
    return end + 1;
}

static const char *why_not_mounted(const char *rest)
{
    static const struct {
        const char *found;
        const char *why;
    } known[] = {
        {"not a directory", "one of them is a folder and the other is not"},
        {"file name too long", "a name in it is too long for the file system"},
        {"inside /proc", "it is inside of /proc"},
        {"not of type proc", "it is inside of /proc"},
        {"too many levels of symbolic links", "there are too many symbolic links in the path"},
        {"permission denied", "permission denied"},
        {"read-only file system", "the mount point cannot be made: read-only file system"},
        {"no such file or directory", "no such file or directory"},
        {"no space left", "no space left on the device"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strstr(rest, known[i].found))
            return known[i].why;
    }
    return NULL;
}

/* runc: `error mounting "SOURCE" to rootfs at "TARGET": ...` (1.1 and newer). */
static bool explain_mount(wfe_error *err)
{
    static const char begin[] = "mounting \"", middle[] = " to rootfs at ";
    char source[WFE_ERROR_SUBJECT_SIZE], target[WFE_ERROR_SUBJECT_SIZE];
    const char *at = strstr(err->message, begin);
    const char *rest = at ? take_quoted(at + sizeof begin - 2, source, sizeof source) : NULL;
    if (!rest || strncmp(rest, middle, sizeof middle - 1) != 0)
        return false;
    rest = take_quoted(rest + sizeof middle - 1, target, sizeof target);
    const char *why = rest ? why_not_mounted(rest) : NULL;
    if (!why)
        return false;
    begin_anew(err);
    wfe_error_set(err, WFE_E_INVALID, "'%s' cannot be mounted at '%s': %s", source, target, why);
    wfe_error_where(err, "mount", target);
    return true;
}

/* runc looks at /dev/null when all is mounted: `error reopening /dev/null inside container: ...`.
 */
static bool explain_dev_null(wfe_error *err)
{
    if (!strstr(err->message, "reopening /dev/null"))
        return false;
    begin_anew(err);
    wfe_error_set(err, WFE_E_INVALID,
                  "what is mounted at /dev/null in the container is not that device");
    wfe_error_where(err, "mount", "/dev/null");
    wfe_error_hint(err, "leave the volume for /dev/null out: each container has a device of its "
                        "own there");
    return true;
}

/* The runtime's first process is a Go program, which needs some threads before the command is
 * there: `runtime/cgo: pthread_create failed: ...`, `fork/exec ...: resource temporarily
 * unavailable`. */
static bool explain_pids(const wfe_step_explain_input *in, wfe_error *err)
{
    if (!in->pids ||
        (!strstr(err->message, "pthread_create failed") && !strstr(err->message, "newosproc") &&
         !strstr(err->message, "resource temporarily unavailable")))
        return false;
    begin_anew(err);
    wfe_error_set(err, WFE_E_LIMIT,
                  "with at most %u processes and threads the container cannot be started",
                  (unsigned)in->pids);
    wfe_error_where(err, "limit processes", NULL);
    wfe_error_hint(err, "give it a pids limit of at least 16: the runtime itself needs some");
    return true;
}

/* With a filter that lets nothing through, the runtime dies before it can tell anything: `cannot
 * start a stopped process`, `... EOF`, `... broken pipe`. */
static bool explain_filter(const wfe_step_explain_input *in, wfe_error *err)
{
    if (!in->own_filter ||
        (!strstr(err->message, "start a stopped process") &&
         !strstr(err->message, "container that has stopped") &&
         !strstr(err->message, "container init") && !strstr(err->message, "seccomp")))
        return false;
    char said[WFE_ERROR_MESSAGE_SIZE];
    snprintf(said, sizeof said, "%s", err->message);
    begin_anew(err);
    wfe_error_set(err, WFE_E_INVALID,
                  "the container cannot be started under the seccomp profile of its own: %.700s",
                  said);
    wfe_error_where(err, "apply seccomp profile", NULL);
    wfe_error_hint(err, "the runtime itself needs execve, openat, write, futex and others to begin "
                        "the command; add to wfe's default profile rather than beginning anew");
    return true;
}

/* The runtime's first process lives under the ulimits too. */
static bool explain_small_ulimit(const wfe_step_explain_input *in, wfe_error *err)
{
    static const struct {
        const char *found;
        const char *limit;
    } known[] = {{"too many open files", "nofile"},
                 {"cannot allocate memory", "as, data or memlock"},
                 {"file too large", "fsize"},
                 {"resource temporarily unavailable", "nproc"}};
    for (size_t i = 0; in->ulimits && i < sizeof known / sizeof *known; i++) {
        if (!strstr(err->message, known[i].found))
            continue;
        begin_anew(err);
        wfe_error_set(err, WFE_E_LIMIT, "under its ulimits the container cannot be started: %s",
                      known[i].found);
        wfe_error_where(err, "set ulimits", NULL);
        wfe_error_hint(err, "raise the ulimit %s: the runtime itself needs some", known[i].limit);
        return true;
    }
    return false;
}

bool wfe_step_explain(const wfe_step_explain_input *in, wfe_error *err)
{
    return explain_runtime(in, err) || explain_apparmor(in, err) || explain_rlimit(err) ||
           explain_mount(err) || explain_dev_null(err) || explain_pids(in, err) ||
           explain_small_ulimit(in, err) || explain_filter(in, err);
}
