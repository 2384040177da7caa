/* SPDX-License-Identifier: Apache-2.0
 *
 * A step: one command in one container, from the image to the result, with everything removed
 * afterwards on every path.
 */
#ifndef WFE_STEP_H
#define WFE_STEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wfe/client.h>
#include <wfe/error.h>
#include <wfe/export.h>
#include <wfe/image.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wfe_volume {
    const char *source; /* absolute path on the daemon's machine; must exist */
    const char *target; /* absolute path in the container; made when absent */
    bool readonly;
} wfe_volume;

/* wfe_error.operation when the command itself could not be started: kind NOT_FOUND when it is not
 * in the image, else it is there and cannot be executed. */
#define WFE_STEP_OPERATION_EXEC "start command"

enum wfe_stream { WFE_STDOUT = 1, WFE_STDERR = 2 };

/* Bytes of a stream as they come; borrowed during the call. Called from the client's loop. */
typedef void (*wfe_output_fn)(enum wfe_stream stream, const void *bytes, size_t len, void *user);
typedef void (*wfe_started_fn)(void *user);

/* Every text is copied. NULL and zero mean the default. */
typedef struct wfe_step_options {
    size_t size;       /* sizeof(wfe_step_options): lets the struct grow */
    const char *image; /* required; tried as given, then normalised as docker does */
    /* At most one of run and command. run: "/bin/sh -c RUN". command: argv, in place of the
     * image's ENTRYPOINT and CMD. args: in place of CMD only. All NULL: the image's own. */
    const char *run;
    const char *const *command; /* NULL-terminated */
    const char *const *args;    /* NULL-terminated */
    const char *const *env;     /* NULL-terminated "KEY=VALUE", on top of the image's */
    const wfe_volume *volumes;
    size_t n_volumes;
    const char *const *shell; /* argv for run, NULL-terminated: {"bash", NULL} is bash -c; default
                               * /bin/sh -c */
    const char *working_dir;  /* absolute; default the image's, else "/" */
    /* "uid", "uid:gid", "name", "name:group": names are looked up in the image's own files; "image"
     * takes the image's USER. Default 65534:65534, which is also what a user that cannot be
     * resolved runs as, with a warning. */
    const char *user;
    /* Warnings are errors: a user that cannot be resolved before anything runs (INVALID), all
     * others when the command has ended with 0 (CONFLICT); what it did is done then. */
    bool strict;
    /* "none" (default), "host", or "ns:/path": a network namespace that is there already, at this
     * path on the daemon's machine. */
    const char *network;

    /* Limits, as text; NULL: none. */
    const char *memory;         /* "512m", "1g": at least 6 MiB; no swap beyond it */
    const char *cpu;            /* processors: "0.5", "2" */
    const char *pids;           /* processes and threads */
    const char *shm_size;       /* of /dev/shm; default 64m */
    const char *const *ulimits; /* "nofile=1024:4096", "core=0"; NULL-terminated */

    /* Confinement is on by default; each of these loosens or tightens one part of it. */
    const char *const *cap_add;  /* "NET_ADMIN", "CAP_SYS_PTRACE", "ALL"; NULL-terminated */
    const char *const *cap_drop; /* the same */
    bool privileged;             /* all of it off: every capability and device, no filter */
    bool allow_new_privileges;   /* set-user-ID programs (sudo) work */
    const char *seccomp;         /* "default", "unconfined", or the JSON of an OCI profile */
    const char *apparmor;        /* profile, "unconfined", or NULL: one for containers if loaded */
    bool read_only;              /* the root file system; /tmp, /var/tmp and /run are tmpfs then */
    const char *const *tmpfs;    /* "/work:size=64m,exec"; NULL-terminated */

    const char *hostname;           /* default: from the run id */
    const char *const *dns;         /* addresses, at most 3, for a network that is not none */
    const char *const *extra_hosts; /* "name:address" */
    const char *const *labels;      /* "KEY=VALUE" for the container record; not "wfe.*" */
    /* The command itself is process 1, without wfe-init: it has to reap its orphans, a shell
     * ignores TERM, and its exit status is lost when containerd 1.7 or newer restarts just then. */
    bool no_init;

    uint64_t timeout_ms; /* of the whole step; 0: none; at most 30 days */
    uint64_t grace_ms;   /* between TERM and KILL; default 10,000 */
    const char *name;    /* of the step, for outputs and labels; default "unknown" */
    const char *run_id;  /* of the run it belongs to; default: a new random one */
    unsigned attempt;    /* counts from 1; default 1 */
    /* With has_stdin, stdin_fd is copied to the command's standard input until its end; without,
     * the command reads an end of file at once. Borrowed until the step has ended. */
    bool has_stdin;
    int stdin_fd;
    /* Bytes of each stream kept for the result; default 1 MiB, at most 64 MiB. */
    size_t output_limit_bytes;
    /* Where the streams go as they come; -1 or 0 for nowhere (0, the standard input, is none).
     * Borrowed until the step has ended. A slow reader slows the container, never wfe. */
    int stdout_fd;
    int stderr_fd;
    wfe_output_fn on_output; /* a listener beside the fds; may be NULL */
    void *on_output_user;
    /* Whether the image is pulled: "if-not-present" (default), "always" (the registry is asked what
     * the name stands for; what containerd has is not fetched), "never". */
    const char *pull;
    const wfe_registry_access *registry; /* how; NULL: anonymously */
    wfe_image_progress_fn on_pull;       /* of a pull, if there is one; may be NULL */
    void *on_pull_user;
    /* Called once when the command has been started, unless it is over or being stopped by then;
     * may be NULL. From the client's loop. */
    wfe_started_fn on_started;
    void *on_started_user;
    /* "KEY=VALUE", on top of env, whose values nobody is to see: in the streams, the outputs, the
     * result, an error and the log each is "***", also when it is printed in base64, hex, or
     * escaped. At least 4 bytes each, INVALID else; at most 64 KiB, all together 128 KiB, LIMIT
     * else. NULL-terminated. */
    const char *const *secret_env;
    /* Other processes will be started in the container while it runs (containerd's Tasks.Exec):
     * the runtime puts the filter of system calls on them as well, which makes the step's own start
     * a tenth longer. Without it they have none. */
    bool is_joined;
} wfe_step_options;

typedef struct wfe_step wfe_step;
typedef struct wfe_step_result wfe_step_result;

/* How a step ended; the exit code tells more for EXITED only. */
enum wfe_step_end {
    WFE_STEP_EXITED = 1,    /* by itself, with any exit code */
    WFE_STEP_TIMED_OUT = 2, /* stopped by wfe at its timeout */
    WFE_STEP_CANCELLED = 3, /* stopped by wfe_step_cancel */
};

/* Runs the step to its end and blocks until then. Success means that the container ran and ended;
 * its exit code, timeout or cancel is in the result (free with wfe_step_result_free). Failure
 * means that wfe, containerd or the image prevented it: INVALID, NOT_FOUND (image, volume,
 * command), UNAVAILABLE, TIMEOUT (of the daemon), ... Nothing is left behind in either case. */
WFE_API int wfe_step_run(wfe_client *client, const wfe_step_options *options, wfe_step_result **ret,
                         wfe_error *err);

/* The same without blocking, from the client's loop: done is called once, from
 * wfe_client_dispatch; result is NULL when err->kind is not 0, else the callee's to free. */
typedef void (*wfe_step_done_fn)(wfe_step_result *result, const wfe_error *err, void *user);
WFE_API int wfe_step_start(wfe_client *client, const wfe_step_options *options,
                           wfe_step_done_fn done, void *user, wfe_step **ret, wfe_error *err);
/* Asks the step to stop: TERM, the grace, KILL; done still tells when it has ended. Calling it
 * again kills at once. May be called from any callback. */
WFE_API void wfe_step_cancel(wfe_step *step);

WFE_API enum wfe_step_end wfe_step_result_end(const wfe_step_result *result);
/* 0 to 255; 128 + n when signal n ended the command. */
WFE_API int wfe_step_result_exit_code(const wfe_step_result *result);
/* The kernel killed processes of the step at its memory limit, and the command failed. */
WFE_API bool wfe_step_result_out_of_memory(const wfe_step_result *result);
/* Of all its processes together; 0 when it could not be learned. */
WFE_API uint64_t wfe_step_result_peak_memory_bytes(const wfe_step_result *result);
WFE_API uint64_t wfe_step_result_cpu_time_us(const wfe_step_result *result);
/* The first output_limit_bytes of a stream, NUL-terminated; len may be NULL. Borrowed. */
WFE_API const char *wfe_step_result_stream(const wfe_step_result *result, enum wfe_stream stream,
                                           size_t *len);
/* Bytes the stream had in all; more than len means the kept text was cut. */
WFE_API uint64_t wfe_step_result_stream_bytes(const wfe_step_result *result,
                                              enum wfe_stream stream);
/* Value of an output (a line ##wfe[output key=value] of stdout, or of the file $WFE_OUTPUT), NULL
 * when there is none. Borrowed. */
WFE_API const char *wfe_step_result_output(const wfe_step_result *result, const char *key);
WFE_API size_t wfe_step_result_n_warnings(const wfe_step_result *result);
WFE_API const char *wfe_step_result_warning(const wfe_step_result *result, size_t index);
/* The data of the step as one JSON object (free with free()): each output, "<step>.stdout",
 * "<step>.stderr" and "<step>.exit_code", and nothing else. NULL when memory ran out. */
WFE_API char *wfe_step_result_data_json(const wfe_step_result *result);
/* The same and, under the key "wfe", what else is known: docs/step-result.md. An output that is
 * itself named "wfe" is only in the data. NULL when memory ran out. */
WFE_API char *wfe_step_result_json(const wfe_step_result *result);
WFE_API void wfe_step_result_free(wfe_step_result *result);

#ifdef __cplusplus
}
#endif
#endif
