/* SPDX-License-Identifier: Apache-2.0
 *
 * What a run needs beside its definition and inputs, so that another process goes on with it, or
 * repeats it, in the same way: folders, the containerd, limits, the digests of its images. Kept as
 * JSON with the run. Holds no secret.
 */
#ifndef WFE_ENGINE_RUN_SETTINGS_H
#define WFE_ENGINE_RUN_SETTINGS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/error.h"

/* member; NULL: the default, or what the environment of the process that goes on says */
#define WFE_RUN_SETTINGS_TEXTS(X)                                                                  \
    X(working_dir)                                                                                 \
    X(tmp_dir)                                                                                     \
    X(volume_dir)                                                                                  \
    X(io_dir)                                                                                      \
    X(address)                                                                                     \
    X(namespace_name)                                                                              \
    X(snapshotter)                                                                                 \
    X(runtime)                                                                                     \
    X(tls_ca)                                                                                      \
    X(tls_cert)                                                                                    \
    X(tls_key)                                                                                     \
    X(tls_server_name)                                                                             \
    X(docker_config)                                                                               \
    X(input_file)

typedef struct wfe_run_settings {
#define WFE_RUN_SETTINGS_MEMBER_(name) char *name;
    WFE_RUN_SETTINGS_TEXTS(WFE_RUN_SETTINGS_MEMBER_)
#undef WFE_RUN_SETTINGS_MEMBER_
    char **hosts_dirs; /* NULL-terminated; NULL: the default */
    uint32_t jobs;     /* 0: the default */
    bool keep_on_failure;
    uint64_t log_step_max_bytes; /* 0: the default */
    uint64_t log_run_max_bytes;
    json_t *images; /* {"name as written": "sha256:..."}; NULL: none is known */
} wfe_run_settings;

void wfe_run_settings_done(wfe_run_settings *settings);
/* New reference. NULL without memory. */
json_t *wfe_run_settings_json(const wfe_run_settings *settings);
/* Members that are not known are ignored. NOMEM. */
int wfe_run_settings_read(const json_t *json, wfe_run_settings *ret, wfe_error *err);

#endif
