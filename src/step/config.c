/* SPDX-License-Identifier: Apache-2.0 */
#include "step/config.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/duration.h"
#include "base/id.h"
#include "base/path.h"
#include "base/sized.h"
#include "base/strv.h"
#include "base/utf8.h"
#include "oci/host_files.h"
#include "step/secret.h"
#include "step/target.h"

#define RUN_ID_DIGITS 32
#define NAME_MAX_BYTES 128
#define LABEL_MAX_BYTES 4096 /* containerd's limit of key and value together */
#define SHOWN_BYTES 64
#define NETWORK_PATH_PREFIX "ns:"

static int copy_text(const char *given, char **out, wfe_error *err)
{
    if (!given)
        return 0;
    *out = strdup(given);
    return *out ? 0 : wfe_error_nomem(err);
}

static int copy_texts(wfe_step_config *config, const wfe_step_options *o, wfe_error *err)
{
    int rc = copy_text(o->image, &config->image, err);
    if (!rc)
        rc = copy_text(o->run, &config->run, err);
    if (!rc)
        rc = copy_text(o->working_dir, &config->working_dir, err);
    if (!rc)
        rc = copy_text(o->user ? o->user : WFE_STEP_DEFAULT_USER, &config->user, err);
    if (!rc)
        rc = copy_text(o->name && *o->name ? o->name : "unknown", &config->name, err);
    if (!rc)
        rc = wfe_strv_copy(o->command, &config->command, err);
    if (!rc)
        rc = wfe_strv_copy(o->args, &config->args, err);
    if (!rc)
        rc = wfe_strv_copy(o->shell, &config->shell, err);
    if (!rc)
        rc = copy_text(o->hostname, &config->hostname, err);
    if (!rc)
        rc = wfe_strv_copy(o->dns, &config->dns, err);
    if (!rc)
        rc = wfe_strv_copy(o->extra_hosts, &config->extra_hosts, err);
    return rc;
}

static int choose_run_id(wfe_step_config *config, const wfe_step_options *o, wfe_error *err)
{
    if (o->run_id)
        return copy_text(o->run_id, &config->run_id, err);
    config->run_id = calloc(1, RUN_ID_DIGITS + 1);
    if (!config->run_id)
        return wfe_error_nomem(err);
    return wfe_id_random(config->run_id, RUN_ID_DIGITS, err);
}

/* The message never holds the entry itself: it may be a secret that lost its name. */
static int read_env(wfe_step_config *config, const wfe_step_options *o, const wfe_strmap *secrets,
                    wfe_error *err)
{
    for (size_t i = 0; o->env && o->env[i]; i++) {
        int rc = wfe_strmap_set_pair(&config->env, o->env[i], NULL);
        if (rc == WFE_E_NOMEM)
            return wfe_error_nomem(err);
        if (rc)
            return wfe_error_set(err, WFE_E_INVALID, "environment entry %zu is not KEY=VALUE",
                                 i + 1);
    }
    int rc = 0;
    for (size_t i = 0; !rc && i < secrets->len; i++)
        rc = wfe_strmap_set(&config->env, secrets->items[i].key, secrets->items[i].value, err);
    return rc;
}

/* Labels beginning with "wfe." are how wfe finds its own. */
static int read_labels(wfe_step_config *config, const wfe_step_options *o, wfe_error *err)
{
    for (size_t i = 0; o->labels && o->labels[i]; i++) {
        size_t len = strlen(o->labels[i]);
        int shown = (int)wfe_utf8_prefix(o->labels[i], SHOWN_BYTES);
        int rc = wfe_strmap_set_pair(&config->labels, o->labels[i], NULL);
        if (rc == WFE_E_NOMEM)
            return wfe_error_nomem(err);
        if (rc)
            return wfe_error_set(err, WFE_E_INVALID, "label is '%.*s', must be KEY=VALUE", shown,
                                 o->labels[i]);
        if (len - 1 > LABEL_MAX_BYTES)
            return wfe_error_set(err, WFE_E_LIMIT,
                                 "label '%.*s...' has %zu bytes, at most %d are possible for key "
                                 "and value together",
                                 shown, o->labels[i], len - 1, LABEL_MAX_BYTES);
        if (strncmp(o->labels[i], "wfe.", 4) == 0)
            return wfe_error_set(err, WFE_E_INVALID,
                                 "label '%s': names that begin with 'wfe.' are wfe's own",
                                 o->labels[i]);
    }
    if (config->labels.len > WFE_STEP_MAX_LABELS)
        return wfe_error_set(err, WFE_E_LIMIT, "%zu labels, at most %d are allowed",
                             config->labels.len, WFE_STEP_MAX_LABELS);
    return 0;
}

static int check_hosts(const wfe_step_options *o, wfe_error *err)
{
    int rc = o->hostname ? wfe_oci_hostname_check(o->hostname, err) : 0;
    for (size_t i = 0; !rc && o->dns && o->dns[i]; i++)
        rc = wfe_oci_dns_check(o->dns[i], err);
    if (!rc && wfe_strv_length(o->dns) > WFE_OCI_DNS_MAX)
        rc = wfe_error_set(err, WFE_E_LIMIT, "%zu DNS servers, at most %d are allowed",
                           wfe_strv_length(o->dns), WFE_OCI_DNS_MAX);
    for (size_t i = 0; !rc && o->extra_hosts && o->extra_hosts[i]; i++)
        rc = wfe_oci_extra_host_check(o->extra_hosts[i], err);
    return rc;
}

static int check_volume(const wfe_volume *volume, bool local, wfe_error *err)
{
    if (!volume->source || volume->source[0] != '/')
        return wfe_error_set(err, WFE_E_INVALID, "volume source is '%s', must be an absolute path",
                             volume->source ? volume->source : "");
    int rc = wfe_step_target_check_mount("volume target", volume->target ? volume->target : "",
                                         volume->source, err);
    if (rc)
        return rc;
    struct stat st;
    if (local && stat(volume->source, &st) < 0) {
        wfe_error_set_errno(err, errno, "volume source '%s' cannot be used", volume->source);
        wfe_error_hint(err, "create it first, or correct the path");
        return err ? err->kind : WFE_E_NOT_FOUND;
    }
    return 0;
}

/* What is mounted first would silently be hidden. */
static int check_mounted_once(const wfe_step_config *config, wfe_error *err)
{
    size_t n_volumes = config->n_volumes, n = n_volumes + config->confinement.n_tmpfs;
    for (size_t i = 1; i < n; i++) {
        const char *target = i < n_volumes ? config->volumes[i].target
                                           : config->confinement.tmpfs[i - n_volumes].target;
        for (size_t k = 0; k < i; k++) {
            const char *earlier = k < n_volumes ? config->volumes[k].target
                                                : config->confinement.tmpfs[k - n_volumes].target;
            if (!wfe_path_is_same(target, earlier))
                continue;
            wfe_error_set(err, WFE_E_INVALID, "'%.*s' is mounted at twice",
                          (int)wfe_utf8_prefix(target, SHOWN_BYTES), target);
            wfe_error_hint(err, "give each volume and tmpfs a place of its own");
            return WFE_E_INVALID;
        }
    }
    return 0;
}

static int read_volumes(wfe_step_config *config, const wfe_step_options *o, bool local,
                        wfe_error *err)
{
    if (o->n_volumes > WFE_STEP_MAX_VOLUMES)
        return wfe_error_set(err, WFE_E_LIMIT, "%zu volumes, at most %d are allowed", o->n_volumes,
                             WFE_STEP_MAX_VOLUMES);
    if (!o->n_volumes)
        return 0;
    config->volumes = calloc(o->n_volumes, sizeof *config->volumes);
    if (!config->volumes)
        return wfe_error_nomem(err);
    for (size_t i = 0; i < o->n_volumes; i++) {
        const wfe_volume *given = &o->volumes[i];
        int rc = check_volume(given, local, err);
        if (rc)
            return rc;
        wfe_volume *copy = &config->volumes[config->n_volumes++];
        copy->source = strdup(given->source);
        copy->target = strdup(given->target);
        copy->readonly = given->readonly;
        if (!copy->source || !copy->target)
            return wfe_error_nomem(err);
    }
    return 0;
}

/* Looked at here, since the runtime's own words for a missing one are no help. */
static int read_netns(wfe_step_config *config, const char *path, bool local, wfe_error *err)
{
    struct stat st;
    if (path[0] != '/' || strlen(path) >= PATH_MAX)
        return wfe_error_set(err, WFE_E_INVALID,
                             "network is 'ns:%s', must be ns: and an absolute path", path);
    if (local && stat(path, &st) < 0)
        return wfe_error_set_errno(err, errno, "network namespace '%s' cannot be used", path);
    config->network = WFE_STEP_NETWORK_PATH;
    return copy_text(path, &config->netns_path, err);
}

static int read_network(wfe_step_config *config, const char *network, bool local, wfe_error *err)
{
    if (!network || strcmp(network, "none") == 0)
        config->network = WFE_STEP_NETWORK_NONE;
    else if (strcmp(network, "host") == 0)
        config->network = WFE_STEP_NETWORK_HOST;
    else if (strncmp(network, NETWORK_PATH_PREFIX, strlen(NETWORK_PATH_PREFIX)) == 0)
        return read_netns(config, network + strlen(NETWORK_PATH_PREFIX), local, err);
    else
        return wfe_error_set(err, WFE_E_INVALID, "network is '%s', must be none, host or ns:/path",
                             network);
    return 0;
}

static int check_numbers(const wfe_step_options *o, wfe_error *err)
{
    char max[WFE_DURATION_TEXT_SIZE];
    wfe_duration_format(WFE_DURATION_MAX_MS, max);
    if (o->timeout_ms > WFE_DURATION_MAX_MS)
        return wfe_error_set(err, WFE_E_INVALID, "timeout is %llu ms, must be at most %s",
                             (unsigned long long)o->timeout_ms, max);
    if (o->grace_ms > WFE_DURATION_MAX_MS)
        return wfe_error_set(err, WFE_E_INVALID, "grace is %llu ms, must be at most %s",
                             (unsigned long long)o->grace_ms, max);
    if (o->output_limit_bytes > WFE_STEP_MAX_OUTPUT_BYTES)
        return wfe_error_set(err, WFE_E_INVALID,
                             "the output limit is %zu bytes, must be at most %zu",
                             o->output_limit_bytes, WFE_STEP_MAX_OUTPUT_BYTES);
    return 0;
}

static int check(const wfe_step_options *o, wfe_error *err)
{
    if (!o->image || !*o->image)
        return wfe_error_set(err, WFE_E_INVALID, "the step has no image");
    if (o->run && o->command)
        return wfe_error_set(err, WFE_E_INVALID, "the step has both run and command");
    if (o->shell && !o->run)
        return wfe_error_set(err, WFE_E_INVALID, "the step has a shell and no run");
    if (o->run && o->args)
        return wfe_error_set(err, WFE_E_INVALID, "the step has both run and args");
    int rc = o->working_dir ? wfe_step_target_check("working_dir", o->working_dir, err) : 0;
    if (rc)
        return rc;
    if (o->name && strlen(o->name) > NAME_MAX_BYTES)
        return wfe_error_set(err, WFE_E_INVALID, "the step's name is longer than %d bytes",
                             NAME_MAX_BYTES);
    if (o->run_id && (!*o->run_id || strlen(o->run_id) > NAME_MAX_BYTES))
        return wfe_error_set(err, WFE_E_INVALID, "the run id must have 1 to %d bytes",
                             NAME_MAX_BYTES);
    return check_numbers(o, err);
}

static int read_pull(const char *text, enum wfe_step_pull *out, wfe_error *err)
{
    static const char *const words[] = {[WFE_STEP_PULL_IF_NOT_PRESENT] = "if-not-present",
                                        [WFE_STEP_PULL_ALWAYS] = "always",
                                        [WFE_STEP_PULL_NEVER] = "never"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!text || strcmp(text, words[i]) == 0) {
            *out = (enum wfe_step_pull)i;
            return 0;
        }
    }
    return wfe_error_set(err, WFE_E_INVALID,
                         "pull is '%.100s', must be always, if-not-present or never", text);
}

int wfe_step_config_init(wfe_step_config *config, const wfe_step_options *options, bool local,
                         wfe_error *err)
{
    wfe_step_options copy;
    const wfe_step_options *o = &copy;
    wfe_strmap secrets = {0};
    int rc = wfe_sized_copy(options, "wfe_step_options", &copy, sizeof copy, err);
    if (rc)
        return rc;
    *config = (wfe_step_config){
        .timeout_ms = o->timeout_ms,
        .grace_ms = o->grace_ms ? o->grace_ms : WFE_STEP_DEFAULT_GRACE_MS,
        .attempt = o->attempt ? o->attempt : 1,
        .output_limit_bytes =
            o->output_limit_bytes ? o->output_limit_bytes : WFE_STEP_DEFAULT_OUTPUT_BYTES,
        .has_stdin = o->has_stdin,
        .stdin_fd = o->stdin_fd,
        .stdout_fd = o->stdout_fd,
        .stderr_fd = o->stderr_fd,
        .on_output = o->on_output,
        .on_output_user = o->on_output_user,
        .on_pull = o->on_pull,
        .on_pull_user = o->on_pull_user,
        .on_started = o->on_started,
        .on_started_user = o->on_started_user,
        .is_joined = o->is_joined,
        .strict = o->strict,
        .init = !o->no_init,
    };
    rc = wfe_step_secret_read(o->secret_env, &secrets, &config->mask, err);
    if (!rc)
        rc = check(o, err);
    if (!rc)
        rc = check_hosts(o, err);
    if (!rc)
        rc = wfe_step_confinement_init(&config->confinement, o, err);
    if (!rc)
        rc = read_network(config, o->network, local, err);
    if (!rc)
        rc = copy_texts(config, o, err);
    if (!rc)
        rc = choose_run_id(config, o, err);
    if (!rc)
        rc = read_env(config, o, &secrets, err);
    if (!rc)
        rc = read_labels(config, o, err);
    if (!rc)
        rc = read_volumes(config, o, local, err);
    if (!rc)
        rc = check_mounted_once(config, err);
    if (!rc)
        rc = read_pull(o->pull, &config->pull, err);
    if (!rc)
        rc = wfe_image_access_copy(o->registry, &config->access, err);
    wfe_strmap_done(&secrets);
    if (rc) {
        wfe_step_secret_mask_error(config->mask, err);
        wfe_step_config_done(config);
    }
    return rc;
}

void wfe_step_config_done(wfe_step_config *config)
{
    free(config->image);
    wfe_image_access_done(&config->access);
    free(config->run);
    wfe_strv_free(config->command);
    wfe_strv_free(config->args);
    wfe_strmap_done(&config->env);
    wfe_mask_free(config->mask);
    for (size_t i = 0; i < config->n_volumes; i++) {
        free((char *)config->volumes[i].source);
        free((char *)config->volumes[i].target);
    }
    free(config->volumes);
    wfe_strv_free(config->shell);
    wfe_step_confinement_done(&config->confinement);
    free(config->netns_path);
    free(config->hostname);
    wfe_strv_free(config->dns);
    wfe_strv_free(config->extra_hosts);
    wfe_strmap_done(&config->labels);
    free(config->working_dir);
    free(config->user);
    free(config->name);
    free(config->run_id);
    *config = (wfe_step_config){0};
}
