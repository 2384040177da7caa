/* SPDX-License-Identifier: Apache-2.0
 *
 * One step under way, shared by the files that move it along: step.c (start, stop, end), launch.c
 * (from the image to the running command), cleanup.c (back from whatever was reached). Every
 * station sends at most a call or two and names the function that goes on with the reply.
 */
#ifndef WFE_STEP_STEP_PRIV_H
#define WFE_STEP_STEP_PRIV_H

#include <stdbool.h>

#include <wfe/step.h>

#include "base/id.h"
#include "base/owner.h"
#include "containerd/snapshots.h"
#include "containerd/wfe_client.h"
#include "image/resolve.h"
#include "oci/host_files.h"
#include "oci/image_config.h"
#include "oci/user_db.h"
#include "step/capture.h"
#include "step/config.h"
#include "step/durable.h"
#include "step/files.h"
#include "step/machine.h"
#include "step/outputs.h"
#include "step/result.h"
#include "step/source.h"

/* Where a step is. The order is that of a step in which nothing goes wrong. */
enum wfe_step_state {
    WFE_STEP_RESOLVING, /* image resolve under way; nothing made */
    WFE_STEP_LAUNCHING, /* a call that makes something is under way; it is never cut short */
    WFE_STEP_RUNNING,   /* Start was answered; Wait is under way */
    WFE_STEP_DRAINING,  /* the exit status is known; the streams are not at their end */
    WFE_STEP_CLEANING,  /* calls that remove something are under way */
    WFE_STEP_ENDED,
};

struct wfe_step {
    wfe_client *client;
    wfe_step_config config;
    bool is_durable;
    wfe_step_durable durable;
    wfe_step_done_fn done;
    void *user;

    enum wfe_step_state state;
    char id[WFE_ID_CONTAINER_SIZE]; /* of the container, the task and the snapshot */
    char owner[WFE_OWNER_TEXT_SIZE];
    const wfe_image *image;
    const wfe_oci_image_config *image_config; /* of image */
    wfe_step_machine machine;
    wfe_oci_identity identity;
    bool runs_as_image; /* user: image */
    int stop_signal;
    char hostname[WFE_OCI_HOSTNAME_MAX + 1];
    char cgroups_path[2 * WFE_ID_MAX_LENGTH + 4]; /* "": none of its own */
    wfe_step_files files;
    PbSnapshots__PrepareSnapshotResponse *snapshot; /* its mounts */
    char *spec; /* JSON; freed once the container record has it */
    size_t spec_len;
    void (*prepared)(wfe_step *step, const wfe_error *err); /* goes on after prepare.c */
    wfe_error view_error;

    wfe_image_resolve *resolve;
    wfe_image_puller *pull;                                    /* or an unpack of what is there */
    void (*image_ready)(wfe_step *step, const wfe_error *err); /* goes on after image.c */
    wfe_error missing;                                         /* why the image is pulled */
    bool pulled;
    bool unpack_tried;
    wfe_containerd_call *call; /* the one launching or cleaning call under way */
    wfe_containerd_call *kill_call;
    wfe_containerd_call *wait_call;
    wfe_containerd_call *snapshot_call; /* beside call, for the snapshot */
    wfe_containerd_call *life_call;     /* asks whether the daemon answers */
    uint64_t patience_left_ms;          /* after that; 0: all of it is used */

    wfe_capture *captures[2]; /* stdout, stderr; NULL before they are opened */
    wfe_source *source;       /* stdin; NULL: none, or at its end */
    wfe_containerd_call *close_call;
    wfe_outputs outputs;
    uint64_t drained_bytes; /* of both streams at the last look */

    wfe_timer *timeout;    /* of the whole step */
    wfe_timer *retry;      /* of a removal that the daemon cannot do yet */
    wfe_timer *files_look; /* at the files that the command can write */
    wfe_timer *patience;   /* grace after TERM, then the wait after KILL; the drain; the clean-up */

    /* What may exist at the daemon: set before the call that makes it is sent. */
    bool has_view;     /* of the image, for a look at its users */
    bool viewed_again; /* after one of its name was removed */
    bool has_container;
    bool has_snapshot;
    bool has_task;
    bool started; /* the command may run */
    int starts_left;
    bool exited; /* its exit status is known */
    bool asked_for_metrics;
    bool told_of_absence; /* of the daemon */
    int launch_looks;     /* left, before a launch that has to stop is given up */
    bool task_made;       /* Create was answered */

    enum wfe_step_end stop_reason; /* 0: nobody asked it to stop */
    int signals_sent;              /* 1: TERM, 2: KILL */
    int retries;                   /* of removals */
    bool kill_again;               /* what the retry begins with */
    bool only_files_left;          /* to be removed; no call is under way */
    int looks_left;                /* for what may appear yet: see wfe_step_doubt */
    wfe_error failure;             /* the first one; kind 0: none */

    wfe_step_result *result;
    enum wfe_step_phase phase;
    uint64_t phase_began_us; /* monotonic */
};

#define WFE_STEP_DEFAULT_STOP_SIGNAL 15 /* SIGTERM */
#define WFE_STEP_VIEW_KEY_SIZE (WFE_ID_CONTAINER_SIZE + 8)
/* prepare.c: name of the view's snapshot. */
const char *wfe_step_view_key(const wfe_step *step, char out[WFE_STEP_VIEW_KEY_SIZE]);

/* Learns about the machine, and names the step's cgroup there: none when the daemon is rootless,
 * which may make none. */
void wfe_step_look_around(wfe_step *step);

/* Why there is no snapshot or view of the image: what to do about it. */
void wfe_step_explain_snapshot(const wfe_step *step, wfe_error *err);

/* launch.c: begins with the image. */
void wfe_step_launch(wfe_step *step);
/* Makes or opens the FIFOs. */
int wfe_step_open_streams(wfe_step *step, wfe_error *err);
/* There is a task: waits for its end, and starts it unless that has been done. */
void wfe_step_rejoin(wfe_step *step);

/* adopt.c: goes on with what another process has left. */
void wfe_step_adopt(wfe_step *step);
/* Notes in the folder of a durable step that its command is about to be started, how it ended, and
 * that its whole input was written. */
int wfe_step_note_start(wfe_step *step, wfe_error *err);
int wfe_step_note_end(wfe_step *step, wfe_error *err);
void wfe_step_note_stdin(wfe_step *step);

/* step.c: remembers the first failure. */
void wfe_step_fail(wfe_step *step, const wfe_error *err);
/* Logs what and the error's message as a warning, without the step's secrets. */
void wfe_step_log(const wfe_step *step, const char *what, const wfe_error *err);
/* Closes the time account of the phase under way and opens the next one's. */
void wfe_step_enter_phase(wfe_step *step, enum wfe_step_phase phase);
/* Has the step to stop (failure, timeout, cancel) rather than go on launching. */
bool wfe_step_must_stop(const wfe_step *step);
/* The command runs and its exit is waited for; stops it when that was asked for meanwhile. */
void wfe_step_running(wfe_step *step);
/* A stream came to its end, or failed: stop the command, or go on to the clean-up. */
void wfe_step_stream_ended(wfe_step *step);
/* The exit status is known: the streams are next. */
void wfe_step_exited(wfe_step *step, int exit_code);
/* Everything is removed: reports the end and frees the step. */
void wfe_step_end(wfe_step *step);
/* Sends the signal to the command, or to all of its processes when it is KILL. */
void wfe_step_signal(wfe_step *step, int signal_number);

/* There is no connection, and has not been for some seconds. */
bool wfe_step_daemon_is_gone(const wfe_step *step);

/* A call that makes something ended with this error. Without an answer of the daemon it may still
 * be at work: what is not there when it is to be removed is looked for again then. */
void wfe_step_doubt(wfe_step *step, const wfe_error *err);

/* hang.c: starts the timer patience; when it runs out, the next measure is taken. Well before that
 * the daemon is asked whether it still answers at all; when it does not, all is left behind. */
void wfe_step_be_patient(wfe_step *step, uint64_t patience_ms);
/* The timer ran out: true when that was only the time to ask. */
bool wfe_step_asks_for_life(wfe_step *step);
/* Asks the daemon for a sign of life, unless that is under way. */
void wfe_step_ask_for_life(wfe_step *step);

/* cleanup.c: removes what was made, then ends the step. */
void wfe_step_retry_removal(void *step);
void wfe_step_clean_up(wfe_step *step);
/* The exit status came, or cannot be learned, while cleaning. */
void wfe_step_clean_up_exited(wfe_step *step);
/* Wait ended with this error while cleaning. */
void wfe_step_clean_up_waited(wfe_step *step, const wfe_error *err);
/* Ends the step without another call; why continues "since containerd ...". */
void wfe_step_leave_behind(wfe_step *step, const char *why);
/* The clean-up takes too long: the rest is left to `wfe gc`. */
void wfe_step_abandon(wfe_step *step);

#endif
