/* SPDX-License-Identifier: Apache-2.0
 *
 * The options of the commands that may talk to registries, and what they come to together with the
 * environment. Secrets come from a file or the standard input, never from the command line.
 */
#ifndef WFE_CLI_REGISTRY_H
#define WFE_CLI_REGISTRY_H

#include <wfe/image.h>

#include "cli/options.h"

typedef struct wfe_registry_config {
    const char *user;
    const char *password_file;
    const char *docker_config;
    wfe_option_list hosts_dirs;
} wfe_registry_config;

/* Rows for the options of a command whose struct is `type` with a wfe_registry_config `member`. */
#define WFE_REGISTRY_OPTIONS(type, member)                                                         \
    {"registry-user",                                                                              \
     0,                                                                                            \
     WFE_OPTION_TEXT,                                                                              \
     "NAME",                                                                                       \
     "user for the image's registry, with --registry-password-file",                               \
     offsetof(type, member.user)},                                                                 \
        {"registry-password-file",                                                                 \
         0,                                                                                        \
         WFE_OPTION_TEXT,                                                                          \
         "FILE|-",                                                                                 \
         "file whose first line is that user's password or token",                                 \
         offsetof(type, member.password_file)},                                                    \
        {"docker-config",                                                                          \
         0,                                                                                        \
         WFE_OPTION_TEXT,                                                                          \
         "FILE",                                                                                   \
         "docker's file of logins (~/.docker/config.json)",                                        \
         offsetof(type, member.docker_config)},                                                    \
    {                                                                                              \
        "hosts-dir", 0, WFE_OPTION_LIST, "DIR",                                                    \
            "folder of hosts.toml files (/etc/containerd/certs.d; repeatable)",                    \
            offsetof(type, member.hosts_dirs)                                                      \
    }

/* What a wfe_registry_access points to. */
typedef struct wfe_registry_setup {
    wfe_registry_access
        access; /* for the library; borrows from the rest and from the environment */
    wfe_registry_login login;
    char *password;
    char *docker_config;
} wfe_registry_setup;

/* The login is for the registry of the image that is pulled. Reads the password. INVALID, IO. */
int wfe_registry_setup_init(wfe_registry_setup *setup, const wfe_registry_config *config,
                            wfe_error *err);
/* Also of one that is all zero; the password is overwritten. */
void wfe_registry_setup_done(wfe_registry_setup *setup);

#endif
