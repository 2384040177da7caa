/* SPDX-License-Identifier: Apache-2.0
 *
 * The "process" part of the runtime spec: command, user, capabilities, rlimits.
 */
#include "oci/spec_priv.h"

/* Programs that use select(2) break above it. */
#define NOFILE_SOFT 1024

static void write_env(wfe_oci_writer *w, const wfe_strmap *env)
{
    wfe_oci_write_list(w, "env");
    for (size_t i = 0; env && i < env->len; i++)
        wfe_oci_write_joined(w, NULL, env->items[i].key, "=", env->items[i].value);
    wfe_oci_write_list_end(w);
}

/* The primary group is listed among the additional ones too: without it a process could drop the
 * group and so get past files that deny it (CVE-2023-25173). */
static void write_user(wfe_oci_writer *w, const wfe_oci_spec *in)
{
    wfe_oci_write_object(w, "user");
    wfe_oci_write_number(w, "uid", in->uid);
    wfe_oci_write_number(w, "gid", in->gid);
    wfe_oci_write_list(w, "additionalGids");
    wfe_oci_write_number(w, NULL, in->gid);
    for (size_t i = 0; i < in->n_additional_gids; i++) {
        if (in->additional_gids[i] != in->gid)
            wfe_oci_write_number(w, NULL, in->additional_gids[i]);
    }
    wfe_oci_write_list_end(w);
    wfe_oci_write_object_end(w);
}

static void write_names(wfe_oci_writer *w, const char *key, wfe_oci_caps caps)
{
    wfe_oci_write_list(w, key);
    for (unsigned i = 0; i < WFE_OCI_CAP_COUNT; i++) {
        if (caps >> i & 1)
            wfe_oci_write_text(w, NULL, wfe_oci_cap_name(i));
    }
    wfe_oci_write_list_end(w);
}

/* Empty sets are written out, so that no runtime fills in its own. */
static void write_capabilities(wfe_oci_writer *w, const wfe_oci_cap_sets *caps)
{
    wfe_oci_write_object(w, "capabilities");
    write_names(w, "bounding", caps->bounding);
    write_names(w, "effective", caps->bounding);
    write_names(w, "permitted", caps->bounding);
    if (caps->ambient) {
        write_names(w, "inheritable", caps->ambient);
        write_names(w, "ambient", caps->ambient);
    }
    wfe_oci_write_object_end(w);
}

/* "Unlimited" is the number that it is here. */
static void write_rlimit(wfe_oci_writer *w, const wfe_oci_rlimit *limit)
{
    wfe_oci_write_object(w, NULL);
    wfe_oci_write_text(w, "type", wfe_oci_rlimit_name(limit->type));
    wfe_oci_write_number(w, "hard", limit->hard);
    wfe_oci_write_number(w, "soft", limit->soft);
    wfe_oci_write_object_end(w);
}

static void write_rlimits(wfe_oci_writer *w, const wfe_oci_spec *in)
{
    bool has_nofile = !in->max_open_files;
    wfe_oci_write_list(w, "rlimits");
    for (size_t i = 0; i < in->n_rlimits; i++) {
        write_rlimit(w, &in->rlimits[i]);
        has_nofile |= in->rlimits[i].type == WFE_OCI_RLIMIT_NOFILE;
    }
    if (!has_nofile) {
        wfe_oci_rlimit limit = {.type = WFE_OCI_RLIMIT_NOFILE, .hard = in->max_open_files};
        limit.soft = limit.hard < NOFILE_SOFT ? limit.hard : NOFILE_SOFT;
        write_rlimit(w, &limit);
    }
    wfe_oci_write_list_end(w);
}

void wfe_oci_spec_process(wfe_oci_writer *w, const wfe_oci_spec *in, const wfe_oci_cap_sets *caps)
{
    wfe_oci_write_object(w, "process");
    wfe_oci_write_bool(w, "terminal", false);
    write_user(w, in);
    wfe_oci_write_texts(w, "args", in->argv);
    write_env(w, in->env);
    wfe_oci_write_text(w, "cwd", in->cwd);
    write_capabilities(w, caps);
    if (in->max_open_files || in->n_rlimits)
        write_rlimits(w, in);
    wfe_oci_write_bool(w, "noNewPrivileges", !in->allow_new_privileges && !in->privileged);
    if (in->apparmor_profile && !in->privileged)
        wfe_oci_write_text(w, "apparmorProfile", in->apparmor_profile);
    /* Left out, the step inherits the score of the daemon's shim, which the kernel hardly ever
     * kills. */
    wfe_oci_write_number(w, "oomScoreAdj", 0);
    wfe_oci_write_object_end(w);
}
