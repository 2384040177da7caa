/* SPDX-License-Identifier: Apache-2.0
 *
 * Exit codes of the command; `wfe step` also gives the container's own. 124 to 127 mean what they
 * mean to env(1), timeout(1) and docker.
 */
#ifndef WFE_CLI_EXIT_CODE_H
#define WFE_CLI_EXIT_CODE_H

enum wfe_exit_code {
    WFE_EXIT_OK = 0,
    WFE_EXIT_RUN_FAILED = 1,
    WFE_EXIT_USAGE = 2,     /* wrong usage or an invalid file */
    WFE_EXIT_TIMEOUT = 124, /* the step's own timeout passed */
    WFE_EXIT_FAILED = 125,  /* wfe, containerd or a registry failed */
    WFE_EXIT_NOT_EXECUTABLE = 126,
    WFE_EXIT_NOT_FOUND = 127, /* the command is not in the image */
    WFE_EXIT_INTERRUPTED = 130,
};

#endif
