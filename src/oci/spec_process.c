/* SPDX-License-Identifier: Apache-2.0
 *
 * The "process" part of the runtime spec: command, user, capabilities, rlimits.
 */
#include "base/cleanup.h"
#include "oci/spec_priv.h"

/* Programs that use select(2) break above it. */
#define NOFILE_SOFT 1024

#define put wfe_oci_json_put
#define append wfe_oci_json_append

static json_t *make_env(const wfe_strmap *env)
{
    _cleanup_(wfe_oci_json_decref_p) json_t *array = json_array();
    for (size_t i = 0; env && i < env->len; i++) {
        if (!append(array, json_sprintf("%s=%s", env->items[i].key, env->items[i].value)))
            return NULL;
    }
    return wfe_take(array);
}

/* The primary group is listed among the additional ones too: without it a process could drop the
 * group and so get past files that deny it (CVE-2023-25173). */
static json_t *make_user(const wfe_oci_spec *in)
{
    _cleanup_(wfe_oci_json_decref_p) json_t *user = json_object();
    _cleanup_(wfe_oci_json_decref_p) json_t *gids = json_array();
    bool ok = put(user, "uid", json_integer(in->uid)) && put(user, "gid", json_integer(in->gid)) &&
              append(gids, json_integer(in->gid));
    for (size_t i = 0; ok && i < in->n_additional_gids; i++) {
        if (in->additional_gids[i] != in->gid)
            ok = append(gids, json_integer(in->additional_gids[i]));
    }
    if (!ok || !put(user, "additionalGids", wfe_take(gids)))
        return NULL;
    return wfe_take(user);
}

static json_t *make_names(wfe_oci_caps caps)
{
    _cleanup_(wfe_oci_json_decref_p) json_t *names = json_array();
    for (unsigned i = 0; i < WFE_OCI_CAP_COUNT; i++) {
        if (caps >> i & 1 && !append(names, json_string(wfe_oci_cap_name(i))))
            return NULL;
    }
    return wfe_take(names);
}

/* Empty sets are written out, so that no runtime fills in its own. */
static json_t *make_capabilities(const wfe_oci_cap_sets *caps)
{
    _cleanup_(wfe_oci_json_decref_p) json_t *sets = json_object();
    bool ok = put(sets, "bounding", make_names(caps->bounding)) &&
              put(sets, "effective", make_names(caps->bounding)) &&
              put(sets, "permitted", make_names(caps->bounding));
    if (ok && caps->ambient)
        ok = put(sets, "inheritable", make_names(caps->ambient)) &&
             put(sets, "ambient", make_names(caps->ambient));
    return ok ? wfe_take(sets) : NULL;
}

static json_t *make_limit(uint64_t value)
{
    return json_integer(value == WFE_OCI_RLIMIT_UNLIMITED ? WFE_OCI_SPEC_UNLIMITED
                                                          : (json_int_t)value);
}

static json_t *make_rlimit(const wfe_oci_rlimit *limit)
{
    _cleanup_(wfe_oci_json_decref_p) json_t *object = json_object();
    bool ok = put(object, "type", json_string(wfe_oci_rlimit_name(limit->type))) &&
              put(object, "hard", make_limit(limit->hard)) &&
              put(object, "soft", make_limit(limit->soft));
    return ok ? wfe_take(object) : NULL;
}

static json_t *make_rlimits(const wfe_oci_spec *in)
{
    _cleanup_(wfe_oci_json_decref_p) json_t *array = json_array();
    bool ok = true, has_nofile = !in->max_open_files;
    for (size_t i = 0; ok && i < in->n_rlimits; i++) {
        ok = append(array, make_rlimit(&in->rlimits[i]));
        has_nofile |= in->rlimits[i].type == WFE_OCI_RLIMIT_NOFILE;
    }
    if (ok && !has_nofile) {
        wfe_oci_rlimit limit = {.type = WFE_OCI_RLIMIT_NOFILE, .hard = in->max_open_files};
        limit.soft = limit.hard < NOFILE_SOFT ? limit.hard : NOFILE_SOFT;
        ok = append(array, make_rlimit(&limit));
    }
    return ok ? wfe_take(array) : NULL;
}

json_t *wfe_oci_spec_process(const wfe_oci_spec *in, const wfe_oci_cap_sets *caps)
{
    bool new_privileges = in->allow_new_privileges || in->privileged;
    _cleanup_(wfe_oci_json_decref_p) json_t *process = json_object();
    bool ok =
        put(process, "terminal", json_false()) && put(process, "user", make_user(in)) &&
        put(process, "args", wfe_oci_json_strings(in->argv)) &&
        put(process, "env", make_env(in->env)) && put(process, "cwd", json_string(in->cwd)) &&
        put(process, "capabilities", make_capabilities(caps)) &&
        ((!in->max_open_files && !in->n_rlimits) || put(process, "rlimits", make_rlimits(in))) &&
        put(process, "noNewPrivileges", json_boolean(!new_privileges)) &&
        (!in->apparmor_profile || in->privileged ||
         put(process, "apparmorProfile", json_string(in->apparmor_profile))) &&
        /* Left out, the step inherits the score of the daemon's shim, which the kernel
         * hardly ever kills. */
        put(process, "oomScoreAdj", json_integer(0));
    return ok ? wfe_take(process) : NULL;
}
