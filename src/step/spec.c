/* SPDX-License-Identifier: Apache-2.0 */
#include "step/spec.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strv.h"
#include "oci/process.h"

/* -s FILTER --, and the end */
#define EXTRA_WORDS 4

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

static int build_process(const wfe_step_spec_input *in, wfe_oci_process *process, wfe_error *err)
{
    const wfe_step_config *config = in->config;
    wfe_oci_process_options options = {
        .run = config->run,
        .shell = (const char *const *)config->shell,
        .command = (const char *const *)config->command,
        .args = (const char *const *)config->args,
        .env = &config->env,
        .working_dir = config->working_dir,
    };
    int rc = wfe_oci_process_build(in->image, &options, process, err);
    /* The runtime sets HOME as well, but only for users it finds by their number. */
    if (!rc && in->identity->home && !wfe_strmap_get(&process->env, "HOME"))
        rc = wfe_strmap_set(&process->env, "HOME", in->identity->home, err);
    /* Over the image's and the step's own: one that is run by another wfe may have inherited it. */
    if (!rc)
        rc = wfe_strmap_set(&process->env, "WFE_OUTPUT", in->output_file, err);
    return rc;
}

/* The words of wfe-init, when there are any, before those of the command; all are borrowed, only
 * the array is new. */
static const char **prefixed(const char *const *init, const char *filter, char **argv)
{
    size_t n = 0, n_init = wfe_strv_length(init),
           n_argv = wfe_strv_length((const char *const *)argv);
    const char **all = calloc(n_init + n_argv + EXTRA_WORDS, sizeof *all);
    if (!all)
        return NULL;
    for (size_t i = 0; i < n_init; i++)
        all[n++] = init[i];
    if (n_init && filter) {
        all[n++] = "-s";
        all[n++] = filter;
    }
    if (n_init)
        all[n++] = "--";
    for (size_t i = 0; i < n_argv; i++)
        all[n++] = argv[i];
    return all;
}

static void set_confinement(wfe_oci_spec *spec, const wfe_step_confinement *c,
                            const wfe_step_machine *machine)
{
    spec->tmpfs = c->tmpfs;
    spec->n_tmpfs = c->n_tmpfs;
    spec->shm_size_bytes = c->shm_size_bytes;
    spec->readonly_rootfs = c->readonly_rootfs;
    spec->resources = c->resources;
    spec->resources.no_swap_accounting = machine->no_swap_accounting;
    spec->rlimits = c->rlimits;
    spec->n_rlimits = c->n_rlimits;
    spec->privileged = c->privileged;
    spec->cap_add = c->cap_add;
    spec->cap_drop = c->cap_drop;
    spec->allow_new_privileges = c->allow_new_privileges;
    spec->seccomp = c->seccomp;
    spec->seccomp_profile = c->seccomp_profile;
    spec->seccomp_abis = WFE_OCI_SECCOMP_ABIS_NO_X32;
    if (!c->apparmor)
        spec->apparmor_profile = machine->apparmor_profile;
    else if (strcmp(c->apparmor, "unconfined") != 0)
        spec->apparmor_profile = c->apparmor;
}

static void set_machine(wfe_oci_spec *spec, const wfe_step_machine *machine)
{
    spec->cgroup_namespace = machine->cgroup_v2;
    spec->max_open_files = machine->max_open_files;
    spec->available_caps = machine->caps;
    spec->n_cpus = machine->n_cpus;
    spec->rootless = machine->rootless;
    spec->architecture = machine->local ? machine->platform.architecture : NULL;
}

int wfe_step_spec_build(const wfe_step_spec_input *in, char **ret_json, size_t *ret_len,
                        wfe_error *err)
{
    _cleanup_(wfe_oci_process_done) wfe_oci_process process = {0};
    int rc = build_process(in, &process, err);
    if (rc)
        return rc;
    _cleanup_free_ wfe_oci_bind *volumes = binds_of(in->config);
    if (!volumes)
        return wfe_error_nomem(err);
    static const enum wfe_oci_network networks[] = {
        [WFE_STEP_NETWORK_NONE] = WFE_OCI_NETWORK_NONE,
        [WFE_STEP_NETWORK_HOST] = WFE_OCI_NETWORK_HOST,
        [WFE_STEP_NETWORK_PATH] = WFE_OCI_NETWORK_PATH,
    };
    wfe_oci_spec spec = {
        .env = &process.env,
        .cwd = process.cwd,
        .uid = in->identity->uid,
        .gid = in->identity->gid,
        .additional_gids = in->identity->groups,
        .n_additional_gids = in->identity->n_groups,
        .hostname = in->hostname,
        .volumes = volumes,
        .n_volumes = in->config->n_volumes,
        .binds = in->binds,
        .n_binds = in->n_binds,
        .devices = in->devices,
        .n_devices = in->n_devices,
        .network = networks[in->config->network],
        .netns_path = in->config->netns_path,
        .cgroups_path = in->cgroups_path,
    };
    set_machine(&spec, in->machine);
    set_confinement(&spec, &in->config->confinement, in->machine);
    const char *filter = in->init && in->init_filters ? wfe_oci_spec_compiled_filter(&spec) : NULL;
    _cleanup_free_ const char **argv = prefixed(in->init, filter, process.argv);
    if (!argv)
        return wfe_error_nomem(err);
    spec.argv = argv;
    if (filter)
        spec.seccomp = WFE_OCI_SECCOMP_BY_ARGV0;
    return wfe_oci_spec_build(&spec, ret_json, ret_len, err);
}
