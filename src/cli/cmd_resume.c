/* SPDX-License-Identifier: Apache-2.0
 *
 * wfe resume: goes on with runs that were interrupted, suspended, failed or cancelled.
 */
#include "base/cleanup.h"
#include "base/strv.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/report.h"
#include "cli/resume.h"
#include "cli/side_by_side.h"

typedef struct resume_options {
    wfe_option_list inputs;
    const char *input_file;
    wfe_option_list from;
    uint64_t jobs;
    const char *report;
    bool all;
    bool json;
    bool plain;
    bool verbose;
} resume_options;

#define JOBS_MAX 4096

static const wfe_option options[] = {
    {"from", 0, WFE_OPTION_LIST, "STEP",
     "run this step and all that needs it again, also if it succeeded (repeatable)",
     offsetof(resume_options, from)},
    {"all", 0, WFE_OPTION_FLAG, NULL, "all interrupted runs, side by side",
     offsetof(resume_options, all)},
    {"input", 'i', WFE_OPTION_LIST, "KEY=VALUE",
     "an input that is a secret, and was not stored (repeatable)",
     offsetof(resume_options, inputs)},
    {"input-file", 0, WFE_OPTION_TEXT, "FILE", "such inputs from a JSON or YAML file",
     offsetof(resume_options, input_file)},
    {"jobs", 'j', WFE_OPTION_NUMBER, "NUMBER", "steps at once (as the run had it)",
     offsetof(resume_options, jobs)},
    {"report", 0, WFE_OPTION_TEXT, "FILE", "write the run as one page of HTML",
     offsetof(resume_options, report)},
    {"json", 0, WFE_OPTION_FLAG, NULL, "print events as JSON, one a line",
     offsetof(resume_options, json)},
    {"plain", 0, WFE_OPTION_FLAG, NULL, "print lines, also on a terminal",
     offsetof(resume_options, plain)},
    {"verbose", 'V', WFE_OPTION_FLAG, NULL, "tell on stderr what happens",
     offsetof(resume_options, verbose)},
};

static int check_usage(const resume_options *o, int argc, wfe_error *err)
{
    if (argc < 1 && !o->all) {
        wfe_error_set(err, WFE_E_INVALID, "wfe resume needs the name or the id of a run");
        wfe_error_hint(err, "`wfe runs` lists them; --all takes all that were interrupted");
        return WFE_E_INVALID;
    }
    if (o->all && (argc || o->from.len || o->report))
        return wfe_error_set(err, WFE_E_INVALID,
                             "--all takes no RUN, no --from and no --report: these are for one "
                             "run");
    if (o->json && o->plain)
        return wfe_error_set(err, WFE_E_INVALID,
                             "wfe resume takes either --json or --plain, not both");
    if (o->jobs > JOBS_MAX)
        return wfe_error_set(err, WFE_E_INVALID, "--jobs is %llu, must be 1 to %d",
                             (unsigned long long)o->jobs, JOBS_MAX);
    return 0;
}

/* ---- all of them ---- */

typedef struct all_runs {
    char **ids; /* oldest first */
    const wfe_resume_options *resume;
} all_runs;

/* In a process of its own: the runs share nothing but the state directory. */
static int resume_one(size_t index, void *user)
{
    const all_runs *all = user;
    return wfe_resume(all->ids[index], all->resume);
}

static const char *id_of(size_t index, void *user)
{
    const all_runs *all = user;
    return all->ids[index];
}

static int resume_all(const resume_options *o, wfe_resume_options *resume)
{
    wfe_error error = WFE_ERROR_INIT;
    wfe_stored stored = {.store = NULL};
    _cleanup_(wfe_strv_free_p) char **runs = NULL;
    int rc = wfe_stored_open(&stored, &error);
    if (rc == WFE_E_NOT_FOUND)
        return WFE_EXIT_OK; /* nothing was ever recorded */
    if (!rc)
        rc = wfe_resume_interrupted(stored.store, &runs, &error);
    wfe_stored_close(&stored);
    if (rc)
        return wfe_stored_report(&error, o->json);
    /* Several cannot draw on one terminal. */
    resume->plain = !o->json;
    resume->is_one_of_many = true;
    all_runs all = {.ids = runs, .resume = resume};
    const wfe_side_by_side_options many = {
        .n = wfe_strv_length((const char *const *)runs),
        .run = resume_one,
        .name = id_of,
        .user = &all,
    };
    return wfe_side_by_side(&many);
}

static int cmd_resume(const wfe_command *command, void *target, int argc, char **argv)
{
    (void)command;
    const resume_options *o = target;
    wfe_error error = WFE_ERROR_INIT;
    if (check_usage(o, argc, &error))
        return wfe_report_usage(&error, o->json);
    wfe_resume_options resume = {
        .inputs = o->inputs.items,
        .input_file = o->input_file,
        .from = o->from.items,
        .jobs = (uint32_t)o->jobs,
        .report = o->report,
        .json = o->json,
        .plain = o->plain,
        .verbose = o->verbose,
    };
    return o->all ? resume_all(o, &resume) : wfe_resume(argv[0], &resume);
}

const wfe_command wfe_cmd_resume = {
    .name = "resume",
    .usage = "[OPTION...] RUN",
    .summary = "go on with a run",
    .details =
        "A run whose wfe was killed goes on where it was: what is recorded stays, containers\n"
        "that run are waited for, and what they printed meanwhile is read. Of a run that was\n"
        "suspended, failed or cancelled, what succeeded stays; what failed, was stopped or never\n"
        "began runs, with its hooks. With --from STEP that step and all that needs it runs again,\n"
        "too. Files of the workflow are not read, secrets are read again from where the workflow\n"
        "says. Exit codes are those of wfe run; 2 when another process has the run.\n",
    .examples = "  wfe resume build-and-test-42\n"
                "  wfe resume build-and-test-42 --from test\n"
                "  wfe resume --all --plain\n",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .struct_size = sizeof(resume_options),
    .max_operands = 1,
    .run = cmd_resume,
};
