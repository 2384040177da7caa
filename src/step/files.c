/* SPDX-License-Identifier: Apache-2.0 */
#include "step/files.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/owner.h"
#include "oci/host_files.h"
#include "step/init_file.h"
#include "step/output_file.h"

#define HOST_HOSTS "/etc/hosts"
#define HOST_RESOLV_CONF "/etc/resolv.conf"
/* The stub of systemd-resolved listens on the machine's loopback; its real servers are here. */
#define RESOLVED_CONF "/run/systemd/resolve/resolv.conf"
#define RESOLVED_STUB "127.0.0.53"

static void add_bind(wfe_step_files *files, const char *source, const char *target, bool readonly)
{
    files->binds[files->n_binds++] =
        (wfe_oci_bind){.source = source, .target = target, .readonly = readonly};
}

static int write_bound(wfe_step_files *files, const char *path, const char *target,
                       const wfe_buf *text, wfe_error *err)
{
    int rc = wfe_fd_create_file(path, text->data ? text->data : "", text->len, 0644, err);
    if (!rc)
        add_bind(files, path, target, false);
    return rc;
}

/* On the host's network the machine's own names hold, and come first. */
static int build_hosts(const wfe_step_config *config, const char *hostname, wfe_buf *out,
                       wfe_error *err)
{
    wfe_oci_hosts hosts = {
        .hostname = hostname,
        .extra_hosts = (const char *const *)config->extra_hosts,
    };
    if (config->network == WFE_STEP_NETWORK_HOST)
        (void)wfe_fd_read_file(HOST_HOSTS, WFE_OCI_HOST_FILE_MAX_BYTES / 2, out, NULL);
    return wfe_oci_hosts_build(&hosts, out, err);
}

static int make_hosts(wfe_step_files *files, const wfe_step_config *config, const char *hostname,
                      wfe_error *err)
{
    wfe_buf text = WFE_BUF_INIT(WFE_OCI_HOST_FILE_MAX_BYTES);
    snprintf(files->hosts, sizeof files->hosts, "%s/hosts", files->dir);
    snprintf(files->hostname, sizeof files->hostname, "%s/hostname", files->dir);
    int rc = build_hosts(config, hostname, &text, err);
    if (!rc)
        rc = write_bound(files, files->hosts, "/etc/hosts", &text, err);
    text.len = 0;
    if (!rc)
        rc = wfe_oci_hostname_build(hostname, &text, err);
    if (!rc)
        rc = write_bound(files, files->hostname, "/etc/hostname", &text, err);
    wfe_buf_done(&text);
    return rc;
}

static int make_resolv_conf(wfe_step_files *files, const wfe_step_config *config, wfe_error *err)
{
    wfe_buf machine = WFE_BUF_INIT(WFE_OCI_HOST_FILE_MAX_BYTES);
    wfe_buf text = WFE_BUF_INIT(WFE_OCI_HOST_FILE_MAX_BYTES);
    const size_t max = WFE_OCI_HOST_FILE_MAX_BYTES / 2;
    (void)wfe_fd_read_file(HOST_RESOLV_CONF, max, &machine, NULL);
    bool own_network = config->network != WFE_STEP_NETWORK_HOST;
    if (own_network && machine.data && strstr(machine.data, RESOLVED_STUB)) {
        machine.len = 0;
        (void)wfe_fd_read_file(RESOLVED_CONF, max, &machine, NULL);
    }
    wfe_oci_resolv resolv = {
        .servers = (const char *const *)config->dns,
        .machine_text = machine.data,
        .machine_len = machine.len,
        .own_network = own_network,
    };
    snprintf(files->resolv_conf, sizeof files->resolv_conf, "%s/resolv.conf", files->dir);
    int rc = wfe_oci_resolv_conf_build(&resolv, &text, err);
    if (!rc)
        rc = write_bound(files, files->resolv_conf, "/etc/resolv.conf", &text, err);
    wfe_buf_done(&machine);
    wfe_buf_done(&text);
    return rc;
}

static int make_init(wfe_step_files *files, const char *state_dir, wfe_error *err)
{
    char dir[PATH_MAX];
    snprintf(dir, sizeof dir, "%s/bin", state_dir);
    int rc = wfe_init_file_place(dir, files->init, sizeof files->init, err);
    if (rc)
        return rc;
    snprintf(files->record, sizeof files->record, "%s/exit", files->dir);
    rc = wfe_init_record_create(files->record, err);
    if (rc)
        return rc;
    add_bind(files, files->init, WFE_STEP_INIT_TARGET, true);
    add_bind(files, files->record, WFE_STEP_RECORD_TARGET, false);
    return 0;
}

static int make_output(wfe_step_files *files, wfe_error *err)
{
    char path[sizeof files->output];
    snprintf(path, sizeof path, "%s/output", files->dir);
    int rc = wfe_output_file_create(path, err);
    if (rc)
        return rc;
    memcpy(files->output, path, sizeof path);
    add_bind(files, files->output, WFE_STEP_OUTPUT_TARGET, false);
    return 0;
}

static int refuse_existing(const char *dir, wfe_error *err)
{
    int rc = wfe_error_set_errno(err, EEXIST, "cannot create folder %s", dir);
    wfe_error_hint(err, "another wfe runs this attempt of the step, or one that was killed left it "
                        "behind: wfe gc removes that");
    return rc;
}

static int fill_dir(const wfe_step_files *files, const wfe_step_place *place, wfe_error *err)
{
    char path[PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/" WFE_STEP_OWNER_FILE, files->hidden);
    int rc = wfe_fd_create_file(path, place->owner, strlen(place->owner), 0600, err);
    snprintf(path, sizeof path, "%s/" WFE_STEP_RUN_FILE, files->hidden);
    if (!rc && place->run_id)
        rc = wfe_fd_create_file(path, place->run_id, strlen(place->run_id), 0600, err);
    if (rc)
        return rc;
    /* Fails when there is a folder of that name with anything in it, as any step's has. */
    if (rename(files->hidden, files->dir) == 0)
        return 0;
    if (errno == EEXIST || errno == ENOTEMPTY)
        return refuse_existing(files->dir, err);
    return wfe_error_set_errno(err, errno, "cannot create folder %s", files->dir);
}

static int name_dir(const wfe_step_place *place, char dir[PATH_MAX], char hidden[PATH_MAX],
                    wfe_error *err)
{
    if (snprintf(dir, PATH_MAX, "%s/%s", place->io_dir, place->id) >= PATH_MAX ||
        snprintf(hidden, PATH_MAX, "%s/.%s" WFE_STEP_HIDDEN_MARK "%s", place->io_dir, place->owner,
                 place->id) >= PATH_MAX)
        return wfe_error_set(err, WFE_E_LIMIT, "the I/O folder's path is too long: %s",
                             place->io_dir);
    return 0;
}

static void name_fifos(wfe_step_files *files)
{
    snprintf(files->stdin_fifo, sizeof files->stdin_fifo, "%s/stdin", files->dir);
    snprintf(files->stdout_fifo, sizeof files->stdout_fifo, "%s/stdout", files->dir);
    snprintf(files->stderr_fifo, sizeof files->stderr_fifo, "%s/stderr", files->dir);
}

/* The folder gets its name when it says whose it is, and loses it before it is taken apart: at any
 * moment `wfe gc` knows its owner. */
static int make_dir(wfe_step_files *files, const wfe_step_place *place, wfe_error *err)
{
    char dir[PATH_MAX], hidden[PATH_MAX];
    int rc = name_dir(place, dir, hidden, err);
    if (!rc)
        rc = wfe_fd_make_dirs(place->io_dir, 0700, err);
    if (rc)
        return rc;
    if (mkdir(hidden, 0700) < 0)
        return errno == EEXIST ? refuse_existing(dir, err)
                               : wfe_error_set_errno(err, errno, "cannot create folder %s", hidden);
    memcpy(files->dir, dir, sizeof files->dir);
    memcpy(files->hidden, hidden, sizeof files->hidden);
    rc = fill_dir(files, place, err);
    if (rc) {
        wfe_fd_remove_tree(hidden, NULL);
        files->dir[0] = '\0'; /* what is there is not ours */
        return rc;
    }
    name_fifos(files);
    return 0;
}

int wfe_step_files_make(wfe_step_files *files, const wfe_step_config *config,
                        const wfe_step_place *place, wfe_error *err)
{
    int rc = make_dir(files, place, err);
    if (!rc)
        rc = make_hosts(files, config, place->hostname, err);
    if (!rc && (config->network != WFE_STEP_NETWORK_NONE || config->dns))
        rc = make_resolv_conf(files, config, err);
    if (!rc && config->init)
        rc = make_init(files, place->state_dir, err);
    if (!rc)
        rc = make_output(files, err);
    return rc;
}

static void find_file(const char *dir, const char *name, char *out, size_t size)
{
    snprintf(out, size, "%s/%s", dir, name);
    if (access(out, F_OK) < 0)
        out[0] = '\0';
}

int wfe_step_files_adopt(wfe_step_files *files, const wfe_step_place *place, wfe_error *err)
{
    char dir[PATH_MAX], hidden[PATH_MAX], owner[PATH_MAX + 16];
    int rc = name_dir(place, dir, hidden, err);
    if (rc)
        return rc;
    if (access(dir, F_OK) < 0)
        return wfe_error_set_errno(err, errno, "cannot use folder %s", dir);
    snprintf(owner, sizeof owner, "%s/" WFE_STEP_OWNER_FILE, dir);
    rc = wfe_fd_write_file(owner, place->owner, strlen(place->owner), 0600, err);
    if (rc)
        return rc;
    memcpy(files->dir, dir, sizeof files->dir);
    memcpy(files->hidden, hidden, sizeof files->hidden);
    name_fifos(files);
    find_file(dir, "exit", files->record, sizeof files->record);
    find_file(dir, "output", files->output, sizeof files->output);
    return 0;
}

int wfe_step_files_remove(wfe_step_files *files, wfe_error *err)
{
    if (!files->dir[0])
        return 0;
    /* Also with its own name, when it cannot lose that. */
    bool renamed = rename(files->dir, files->hidden) == 0;
    int rc = wfe_fd_remove_tree(files->hidden, err);
    if (!rc && !renamed)
        rc = wfe_fd_remove_tree(files->dir, err);
    if (rc != WFE_E_NOMEM)
        files->dir[0] = '\0';
    return rc;
}
