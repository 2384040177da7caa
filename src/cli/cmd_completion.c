/* SPDX-License-Identifier: Apache-2.0
 *
 * wfe completion bash|zsh|fish.
 */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/completion.h"
#include "cli/exit_code.h"
#include "cli/report.h"

static const struct {
    const char *name;
    void (*write)(FILE *out);
} shells[] = {
    {"bash", wfe_completion_bash},
    {"zsh", wfe_completion_zsh},
    {"fish", wfe_completion_fish},
};

static int cmd_completion(const wfe_command *command, void *target, int argc, char **argv)
{
    (void)command;
    (void)target;
    (void)argc;
    wfe_error error = WFE_ERROR_INIT;
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++) {
        if (strcmp(argv[0], shells[i].name) == 0) {
            shells[i].write(stdout);
            return wfe_report_flush(WFE_EXIT_OK);
        }
    }
    wfe_error_set(&error, WFE_E_INVALID, "the shell is '%s', must be bash, zsh or fish", argv[0]);
    return wfe_report_error(&error);
}

const wfe_command wfe_cmd_completion = {
    .name = "completion",
    .usage = "bash|zsh|fish",
    .summary = "print the completion script of a shell",
    .details = "`make install` puts the scripts where the shells look for them. For one session:\n"
               "load what this prints.\n",
    .examples = "  source <(wfe completion bash)\n"
                "  wfe completion fish | source\n",
    .min_operands = 1,
    .max_operands = 1,
    .run = cmd_completion,
};
