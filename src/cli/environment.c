/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/environment.h"

#include <string.h>

const wfe_variable wfe_variables[] = {
    {"WFE_CONTAINERD_ADDR", "address of containerd, used when there is no --address"},
    {"CONTAINERD_ADDRESS", "the same, when WFE_CONTAINERD_ADDR is not set"},
    {"CONTAINERD_NAMESPACE", "containerd namespace, used when there is no --namespace"},
    {"CONTAINERD_SNAPSHOTTER", "snapshotter, used when there is no --snapshotter"},
    {"WFE_STATE_DIR", "folder for what lasts: the private daemon and the program wfe-init"},
    {"WFE_IO_DIR", "folder for the streams of running steps, which containerd must see too"},
    {"XDG_STATE_HOME", "its folder wfe is the state folder when WFE_STATE_DIR is not set"},
};
const size_t wfe_n_variables = sizeof wfe_variables / sizeof *wfe_variables;

bool wfe_command_connects(const wfe_command *command)
{
    for (size_t i = 0; i < command->n_options; i++) {
        if (strcmp(command->options[i].name, "address") == 0)
            return true;
    }
    return false;
}
