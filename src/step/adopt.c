/* SPDX-License-Identifier: Apache-2.0
 *
 * Going on with a step that another process began: what is in its folder says how far it got. The
 * order in which these files are made is told in durable.h.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "oci/stop_signal.h"
#include "step/ending.h"
#include "step/step_priv.h"

#define NOTE_MAX_BYTES 1024

/* ---- notes ---- */

static int write_note(const wfe_step *step, const char *name, const char *text, wfe_error *err)
{
    char path[PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/%s", step->files.dir, name);
    return wfe_fd_write_file(path, text, strlen(text), 0600, err);
}

/* "" when there is none. */
static void read_note(const wfe_step *step, const char *name, char out[NOTE_MAX_BYTES])
{
    char path[PATH_MAX + 32];
    wfe_buf text = WFE_BUF_INIT(0);
    out[0] = '\0';
    snprintf(path, sizeof path, "%s/%s", step->files.dir, name);
    if (!wfe_fd_read_file(path, NOTE_MAX_BYTES - 1, &text, NULL) && text.len)
        snprintf(out, NOTE_MAX_BYTES, "%s", text.data);
    wfe_buf_done(&text);
}

int wfe_step_note_start(wfe_step *step, wfe_error *err)
{
    char text[NOTE_MAX_BYTES];
    if (!step->is_durable)
        return 0;
    uint64_t elapsed_us = (uint64_t)(wfe_clock_wall_us() - step->result->started_at_us);
    snprintf(text, sizeof text, "%" PRIu64 " %" PRIi64 " %d\n", wfe_clock_boot_us() - elapsed_us,
             step->result->started_at_us, step->stop_signal);
    return write_note(step, WFE_STEP_STARTED_FILE, text, err);
}

int wfe_step_note_end(wfe_step *step, wfe_error *err)
{
    char text[NOTE_MAX_BYTES];
    if (!step->is_durable || !step->exited || !step->files.dir)
        return 0;
    snprintf(text, sizeof text, "%d %d %d\n", step->result->exit_code, (int)step->stop_reason,
             (int)step->result->out_of_memory);
    return write_note(step, WFE_STEP_ENDED_FILE, text, err);
}

void wfe_step_note_stdin(wfe_step *step)
{
    if (step->is_durable) /* without it a successor takes the step for lost, which is safe */
        (void)write_note(step, WFE_STEP_STDIN_FILE, "\n", NULL);
}

/* ---- going on ---- */

static void take_in_start(wfe_step *step)
{
    char text[NOTE_MAX_BYTES];
    uint64_t began_us = 0;
    int64_t wall_us = 0;
    step->stop_signal = WFE_STEP_DEFAULT_STOP_SIGNAL;
    read_note(step, WFE_STEP_STARTED_FILE, text);
    if (sscanf(text, "%" SCNu64 " %" SCNi64 " %d", &began_us, &wall_us, &step->stop_signal) != 3)
        return;
    step->result->started_at_us = wall_us;
    uint64_t elapsed_ms = (wfe_clock_boot_us() - began_us) / 1000;
    if (!step->config.timeout_ms)
        return;
    wfe_timer_start(step->timeout, elapsed_ms < step->config.timeout_ms
                                       ? step->config.timeout_ms - elapsed_ms
                                       : 0);
}

static bool take_in_end(wfe_step *step)
{
    char text[NOTE_MAX_BYTES];
    int code = 0, reason = 0, out_of_memory = 0;
    read_note(step, WFE_STEP_ENDED_FILE, text);
    if (sscanf(text, "%d %d %d", &code, &reason, &out_of_memory) != 3)
        return false;
    step->exited = true;
    step->result->exit_code = code;
    step->stop_reason = (enum wfe_step_end)reason;
    step->result->out_of_memory = out_of_memory;
    return true;
}

static void stop_adopting(wfe_step *step, const wfe_error *err)
{
    wfe_step_fail(step, err);
    wfe_step_clean_up(step);
}

/* A part of its input may have died with its earlier owner. */
static int check_stdin(const wfe_step *step, wfe_error *err)
{
    char text[NOTE_MAX_BYTES];
    read_note(step, WFE_STEP_STDIN_FILE, text);
    if (!step->config.has_stdin || step->exited || text[0])
        return 0;
    return wfe_error_set(err, WFE_E_UNAVAILABLE,
                         "the process that wrote the input of container '%s' died before all was "
                         "written",
                         step->id);
}

/* From here on everything may be there, and is removed at the end. */
static void expect_everything(wfe_step *step)
{
    wfe_step_look_around(step);
    step->has_container = step->has_snapshot = step->has_task = true;
    step->task_made = step->started = true;
    step->state = WFE_STEP_LAUNCHING;
}

void wfe_step_adopt(wfe_step *step)
{
    wfe_error error = WFE_ERROR_INIT;
    const wfe_step_place place = {
        .io_dir = step->client->io_dir, .id = step->id, .owner = step->owner};
    expect_everything(step);
    int rc = wfe_step_files_adopt(&step->files, &place, &error);
    if (!rc) {
        take_in_start(step);
        take_in_end(step);
        rc = check_stdin(step, &error);
    }
    if (!rc)
        rc = wfe_step_open_streams(step, &error);
    if (rc) {
        stop_adopting(step, &error);
    } else if (step->exited) {
        wfe_step_ending_read(step);
        wfe_step_running(step);
    } else {
        wfe_step_rejoin(step);
    }
}
