/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"

const wfe_command *const wfe_commands[] = {
#define COMMAND_ROW(name) &wfe_cmd_##name,
    WFE_COMMANDS(COMMAND_ROW)
#undef COMMAND_ROW
};
const size_t wfe_n_commands = sizeof wfe_commands / sizeof *wfe_commands;
