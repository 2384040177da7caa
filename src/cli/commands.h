/* SPDX-License-Identifier: Apache-2.0
 *
 * Every command of wfe: one cmd_<name>.c each, listed once.
 */
#ifndef WFE_CLI_COMMANDS_H
#define WFE_CLI_COMMANDS_H

#include "cli/options.h"

#define WFE_COMMANDS(X)                                                                            \
    X(run)                                                                                         \
    X(runs)                                                                                        \
    X(show)                                                                                        \
    X(logs)                                                                                        \
    X(cancel)                                                                                      \
    X(resume)                                                                                      \
    X(rerun)                                                                                       \
    X(rm)                                                                                          \
    X(step)                                                                                        \
    X(validate)                                                                                    \
    X(pull)                                                                                        \
    X(image_ls)                                                                                    \
    X(image_inspect)                                                                               \
    X(image_import)                                                                                \
    X(image_export)                                                                                \
    X(image_rm)                                                                                    \
    X(daemon_start)                                                                                \
    X(daemon_stop)                                                                                 \
    X(daemon_status)                                                                               \
    X(gc)                                                                                          \
    X(doctor)                                                                                      \
    X(version)                                                                                     \
    X(completion)

#define WFE_COMMAND_DECLARE_(name) extern const wfe_command wfe_cmd_##name;
WFE_COMMANDS(WFE_COMMAND_DECLARE_)
#undef WFE_COMMAND_DECLARE_

/* All of them, in this order. */
extern const wfe_command *const wfe_commands[];
extern const size_t wfe_n_commands;

#endif
