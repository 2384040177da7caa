/* SPDX-License-Identifier: Apache-2.0 */
#include "step/spec.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "oci/image_config.h"
#include "oci/process.h"
#include "oci/spec.h"
#include "oci/user.h"

#define MAX_OPEN_FILES 1048576

static bool has_cgroup_v2(void)
{
    return access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0;
}

/* The hard limit on open files for a step: what programs of today ask for, as far as this machine
 * gives it to us, since the daemon may not be allowed more. */
static uint64_t choose_max_open_files(void)
{
    struct rlimit own;
    if (getrlimit(RLIMIT_NOFILE, &own) < 0)
        return 0;
    return own.rlim_max < MAX_OPEN_FILES ? own.rlim_max : MAX_OPEN_FILES;
}

static wfe_oci_user choose_user(const wfe_step_config *config, wfe_step_result *result)
{
    wfe_oci_user user = wfe_oci_user_parse(config->user);
    if (!user.resolved)
        wfe_step_result_warn(result,
                             "user '%s' is not a number or two (uid or uid:gid); the step ran as "
                             "65534:65534",
                             config->user);
    return user;
}

/* The volumes in the form of src/oci; borrows the config's texts. */
static wfe_oci_bind *binds_of(const wfe_step_config *config)
{
    wfe_oci_bind *binds = calloc(config->n_volumes + 1, sizeof *binds);
    for (size_t i = 0; binds && i < config->n_volumes; i++) {
        binds[i].source = config->volumes[i].source;
        binds[i].target = config->volumes[i].target;
        binds[i].readonly = config->volumes[i].readonly;
    }
    return binds;
}

static int build_process(const wfe_step_config *config, const wfe_image *image,
                         wfe_oci_process *process, wfe_error *err)
{
    _cleanup_(wfe_oci_image_config_free_p) wfe_oci_image_config *image_config = NULL;
    int rc = wfe_oci_image_config_parse(image->config_json, image->config_len, &image_config, err);
    if (rc) {
        wfe_error_prefix(err, "image '%s'", image->name);
        return rc;
    }
    wfe_oci_process_options options = {
        .run = config->run,
        .command = (const char *const *)config->command,
        .args = (const char *const *)config->args,
        .env = &config->env,
        .working_dir = config->working_dir,
    };
    return wfe_oci_process_build(image_config, &options, process, err);
}

int wfe_step_spec_build(const wfe_step_config *config, const wfe_image *image,
                        const wfe_step_spec_host *host, wfe_step_result *result, char **ret_json,
                        size_t *ret_len, wfe_error *err)
{
    _cleanup_(wfe_oci_process_done) wfe_oci_process process = {0};
    int rc = build_process(config, image, &process, err);
    if (rc)
        return rc;
    _cleanup_free_ wfe_oci_bind *volumes = binds_of(config);
    if (!volumes)
        return wfe_error_nomem(err);
    wfe_oci_user user = choose_user(config, result);
    wfe_oci_spec spec = {
        .argv = (const char *const *)process.argv,
        .env = &process.env,
        .cwd = process.cwd,
        .uid = user.uid,
        .gid = user.gid,
        .hostname = host->hostname,
        .volumes = volumes,
        .n_volumes = config->n_volumes,
        .max_open_files = host->local ? choose_max_open_files() : 0,
        .network =
            config->network == WFE_STEP_NETWORK_HOST ? WFE_OCI_NETWORK_HOST : WFE_OCI_NETWORK_NONE,
        .cgroup_namespace = host->local && has_cgroup_v2(),
        .cgroups_path = host->cgroups_path,
        .rootless = host->local && geteuid() != 0,
    };
    return wfe_oci_spec_build(&spec, ret_json, ret_len, err);
}
