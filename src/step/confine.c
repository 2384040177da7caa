/* SPDX-License-Identifier: Apache-2.0 */
#include "step/confine.h"

#include <stdlib.h>
#include <string.h>

#include "base/strv.h"
#include "oci/seccomp.h"
#include "step/target.h"

static int read_limits(wfe_step_confinement *c, const wfe_step_options *o, wfe_error *err)
{
    int rc = 0;
    if (o->memory)
        rc = wfe_oci_memory_parse(o->memory, &c->resources.memory_bytes, err);
    if (!rc && o->cpu)
        rc = wfe_oci_cpu_parse(o->cpu, &c->resources.cpu_quota_us, err);
    if (!rc && o->pids)
        rc = wfe_oci_pids_parse(o->pids, &c->resources.pids, err);
    if (!rc && o->pids && !o->no_init && c->resources.pids < WFE_OCI_PIDS_MAX)
        c->resources
            .pids++; /* wfe-init is one as well; the kernel takes no more than the maximum */
    if (!rc && o->shm_size)
        rc = wfe_oci_shm_size_parse(o->shm_size, &c->shm_size_bytes, err);
    return rc;
}

static int add_rlimit(wfe_step_confinement *c, const char *text, wfe_error *err)
{
    wfe_oci_rlimit limit;
    int rc = wfe_oci_rlimit_parse(text, &limit, err);
    if (rc)
        return rc;
    for (size_t i = 0; i < c->n_rlimits; i++) {
        if (c->rlimits[i].type == limit.type)
            return wfe_error_set(err, WFE_E_INVALID, "the limit in '%s' is given twice", text);
    }
    c->rlimits[c->n_rlimits++] = limit;
    return 0;
}

static int read_rlimits(wfe_step_confinement *c, const wfe_step_options *o, wfe_error *err)
{
    size_t n = wfe_strv_length(o->ulimits);
    int rc = 0;
    if (!n)
        return 0;
    /* No type may be there twice, so that more entries than types fail before the array ends. */
    c->rlimits = calloc(WFE_OCI_RLIMIT_COUNT + 1, sizeof *c->rlimits);
    if (!c->rlimits)
        return wfe_error_nomem(err);
    for (size_t i = 0; !rc && i < n; i++)
        rc = add_rlimit(c, o->ulimits[i], err);
    return rc;
}

static int read_tmpfs(wfe_step_confinement *c, const wfe_step_options *o, wfe_error *err)
{
    size_t n = wfe_strv_length(o->tmpfs);
    int rc = 0;
    if (n > WFE_STEP_MAX_TMPFS)
        return wfe_error_set(err, WFE_E_LIMIT, "%zu tmpfs mounts, at most %d are allowed", n,
                             WFE_STEP_MAX_TMPFS);
    if (!n)
        return 0;
    c->tmpfs = calloc(n, sizeof *c->tmpfs);
    if (!c->tmpfs)
        return wfe_error_nomem(err);
    for (size_t i = 0; !rc && i < n; i++) {
        rc = wfe_oci_tmpfs_parse(o->tmpfs[i], &c->tmpfs[i], err);
        c->n_tmpfs += !rc;
        if (!rc)
            rc = wfe_step_target_check_mount("tmpfs", c->tmpfs[i].target, NULL, err);
    }
    return rc;
}

static int read_seccomp(wfe_step_confinement *c, const char *text, wfe_error *err)
{
    if (!text || strcmp(text, "default") == 0)
        return 0;
    if (strcmp(text, "unconfined") == 0) {
        c->seccomp = WFE_OCI_SECCOMP_UNCONFINED;
        return 0;
    }
    if (text[strspn(text, " \t\r\n")] != '{')
        return wfe_error_set(err, WFE_E_INVALID,
                             "seccomp is neither default, unconfined nor a profile as JSON");
    int rc = wfe_oci_seccomp_parse(text, strlen(text), NULL, err);
    if (rc)
        return rc;
    c->seccomp = WFE_OCI_SECCOMP_CUSTOM;
    c->seccomp_profile = strdup(text);
    return c->seccomp_profile ? 0 : wfe_error_nomem(err);
}

int wfe_step_confinement_init(wfe_step_confinement *c, const wfe_step_options *o, wfe_error *err)
{
    *c = (wfe_step_confinement){
        .privileged = o->privileged,
        .allow_new_privileges = o->allow_new_privileges,
        .readonly_rootfs = o->read_only,
    };
    int rc = read_limits(c, o, err);
    if (!rc)
        rc = read_rlimits(c, o, err);
    if (!rc)
        rc = read_tmpfs(c, o, err);
    if (!rc)
        rc = wfe_oci_caps_parse(o->cap_add, "cap_add", &c->cap_add, err);
    if (!rc)
        rc = wfe_oci_caps_parse(o->cap_drop, "cap_drop", &c->cap_drop, err);
    if (!rc)
        rc = read_seccomp(c, o->seccomp, err);
    if (!rc && o->apparmor && !(c->apparmor = strdup(o->apparmor)))
        rc = wfe_error_nomem(err);
    if (rc)
        wfe_step_confinement_done(c);
    return rc;
}

void wfe_step_confinement_done(wfe_step_confinement *c)
{
    free(c->rlimits);
    free(c->seccomp_profile);
    free(c->apparmor);
    for (size_t i = 0; i < c->n_tmpfs; i++)
        wfe_oci_tmpfs_done(&c->tmpfs[i]);
    free(c->tmpfs);
    *c = (wfe_step_confinement){0};
}
