/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/spelling.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* How a message begins, and how it is to begin. */
static const struct {
    const char *library;
    const char *command;
} spellings[] = {
    {"apparmor ", "--apparmor "},
    {"cap_add ", "--cap-add "},
    {"cap_drop ", "--cap-drop "},
    {"command is ", "the command after -- is "},
    {"cpu ", "--cpu "},
    {"dns ", "--dns "},
    {"environment entry ", "--env number "},
    {"extra host ", "--add-host "},
    {"grace ", "--grace "},
    {"hostname ", "--hostname "},
    {"label ", "--label "},
    {"memory ", "--memory "},
    {"network ", "--network "},
    {"pids ", "--pids "},
    {"seccomp ", "--seccomp "},
    {"secret ", "--secret "},
    {"shell is ", "--shell is "},
    {"shm_size ", "--shm-size "},
    {"the namespace ", "--namespace "},
    {"the output limit ", "--output-limit "},
    {"the step has a shell and no run", "--shell is for --run only"},
    {"the step has no image", "--image is empty"},
    {"the step's name ", "--name "},
    {"timeout ", "--timeout "},
    {"tmpfs ", "--tmpfs "},
    {"ulimit ", "--ulimit "},
    {"volume source ", "--volume: source "},
    {"volume target ", "--volume: target "},
    {"working_dir ", "--workdir "},
};

void wfe_spelling_of_command(wfe_error *err)
{
    for (size_t i = 0; err->kind && i < sizeof spellings / sizeof *spellings; i++) {
        size_t len = strlen(spellings[i].library);
        if (strncmp(err->message, spellings[i].library, len) != 0)
            continue;
        char text[WFE_ERROR_MESSAGE_SIZE + 32];
        snprintf(text, sizeof text, "%s%s", spellings[i].command, err->message + len);
        size_t fits = wfe_utf8_prefix(text, sizeof err->message - 1);
        snprintf(err->message, sizeof err->message, "%.*s", (int)fits, text);
        return;
    }
}
