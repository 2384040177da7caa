/* SPDX-License-Identifier: Apache-2.0 */
#include "step/files.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/id.h"
#include "base/owner.h"
#include "oci/host_files.h"
#include "step/init_file.h"
#include "step/output_file.h"

#define HOST_HOSTS "/etc/hosts"
#define HOST_RESOLV_CONF "/etc/resolv.conf"
/* The stub of systemd-resolved listens on the machine's loopback; its real servers are here. */
#define RESOLVED_CONF "/run/systemd/resolve/resolv.conf"
#define RESOLVED_STUB "127.0.0.53"

/* In the step's folder; the container can write all of them. */
#define OUTPUT "output"
#define RECORD "exit"
#define HOSTS "hosts"
#define HOSTNAME "hostname"
#define RESOLV_CONF "resolv.conf"
#define STAT_BLOCK_BYTES 512 /* stat(3type): st_blocks */

/* The path of a file in a folder, which its owner frees. */
static int set_path(char **to, const char *dir, const char *name, wfe_error *err)
{
    size_t dir_len = strlen(dir), size = strlen(name) + 1;
    char *path = malloc(dir_len + 1 + size);
    if (!path)
        return wfe_error_nomem(err);
    memcpy(path, dir, dir_len);
    path[dir_len] = '/';
    memcpy(path + dir_len + 1, name, size);
    free(*to);
    *to = path;
    return 0;
}

/* Below /.wfe, where the user mounts nothing. An image can make a link of it that leads to where
 * the user mounts something: what is needed for the mounts is made in the image then, not in the
 * user's folder. */
static void add_own(wfe_step_files *files, const char *source, const char *target, bool readonly)
{
    files->binds[files->n_binds++] = (wfe_oci_bind){
        .source = source, .target = target, .readonly = readonly, .before_volumes = true};
}

/* In /etc, which the user may mount as a whole. */
static int write_bound(wfe_step_files *files, const char *path, const char *target,
                       const wfe_buf *text, wfe_error *err)
{
    int rc = wfe_fd_create_file(path, text->data ? text->data : "", text->len, 0644, err);
    if (!rc)
        files->binds[files->n_binds++] = (wfe_oci_bind){.source = path, .target = target};
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
    int rc = set_path(&files->hosts, files->dir, HOSTS, err);
    if (!rc)
        rc = set_path(&files->hostname, files->dir, HOSTNAME, err);
    if (!rc)
        rc = build_hosts(config, hostname, &text, err);
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
    int rc = set_path(&files->resolv_conf, files->dir, RESOLV_CONF, err);
    if (!rc)
        rc = wfe_oci_resolv_conf_build(&resolv, &text, err);
    if (!rc)
        rc = write_bound(files, files->resolv_conf, "/etc/resolv.conf", &text, err);
    wfe_buf_done(&machine);
    wfe_buf_done(&text);
    return rc;
}

static int make_init(wfe_step_files *files, const char *state_dir, wfe_error *err)
{
    char init[PATH_MAX + 64];
    _cleanup_free_ char *dir = NULL, *record = NULL;
    int rc = set_path(&dir, state_dir, "bin", err);
    if (!rc)
        rc = wfe_init_file_place(dir, init, sizeof init, err);
    if (!rc && !(files->init = strdup(init)))
        rc = wfe_error_nomem(err);
    if (!rc)
        rc = wfe_id_random(stpcpy(files->init_target, WFE_STEP_INIT_PREFIX), WFE_STEP_INIT_DIGITS,
                           err);
    if (!rc)
        rc = set_path(&record, files->dir, RECORD, err);
    if (!rc)
        rc = wfe_init_record_create(record, err);
    if (rc)
        return rc;
    files->record = wfe_take(record);
    add_own(files, files->init, files->init_target, true);
    add_own(files, files->record, WFE_STEP_RECORD_TARGET, false);
    add_own(files, files->stdout_fifo, WFE_STEP_STDOUT_TARGET, false);
    add_own(files, files->stderr_fifo, WFE_STEP_STDERR_TARGET, false);
    return 0;
}

static int make_output(wfe_step_files *files, wfe_error *err)
{
    _cleanup_free_ char *path = NULL;
    int rc = set_path(&path, files->dir, OUTPUT, err);
    if (!rc)
        rc = wfe_output_file_create(path, err);
    if (rc)
        return rc;
    files->output = wfe_take(path);
    add_own(files, files->output, WFE_STEP_OUTPUT_TARGET, false);
    return 0;
}

static int refuse_existing(const char *dir, wfe_error *err)
{
    int rc = wfe_error_set_errno(err, EEXIST, "cannot create folder %s", dir);
    wfe_error_hint(err, "another wfe runs this attempt of the step, or one that was killed left it "
                        "behind: wfe gc removes that");
    return rc;
}

/* Names the folder, which is hidden yet, when it says whose it is. */
static int fill_dir(const wfe_step_files *files, const char *dir, const wfe_step_place *place,
                    wfe_error *err)
{
    _cleanup_free_ char *owner = NULL, *run = NULL;
    int rc = set_path(&owner, files->hidden, WFE_STEP_OWNER_FILE, err);
    if (!rc)
        rc = wfe_fd_create_file(owner, place->owner, strlen(place->owner), 0600, err);
    if (!rc)
        rc = set_path(&run, files->hidden, WFE_STEP_RUN_FILE, err);
    if (!rc && place->run_id)
        rc = wfe_fd_create_file(run, place->run_id, strlen(place->run_id), 0600, err);
    if (rc)
        return rc;
    /* Fails when there is a folder of that name with anything in it, as any step's has. */
    if (rename(files->hidden, dir) == 0)
        return 0;
    if (errno == EEXIST || errno == ENOTEMPTY)
        return refuse_existing(dir, err);
    return wfe_error_set_errno(err, errno, "cannot create folder %s", dir);
}

static int name_fifos(wfe_step_files *files, const char *dir, wfe_error *err)
{
    int rc = set_path(&files->stdin_fifo, dir, "stdin", err);
    if (!rc)
        rc = set_path(&files->stdout_fifo, dir, "stdout", err);
    return rc ? rc : set_path(&files->stderr_fifo, dir, "stderr", err);
}

/* All that is known before the folder is there. Its name is given apart: files->dir says that it
 * is ours. */
static int name_dir(wfe_step_files *files, const wfe_step_place *place, char **ret_dir,
                    wfe_error *err)
{
    wfe_buf name = WFE_BUF_INIT(0);
    int rc = wfe_buf_printf(&name, err, ".%s" WFE_STEP_HIDDEN_MARK "%s", place->owner, place->id);
    if (!rc)
        rc = set_path(&files->hidden, place->io_dir, name.data, err);
    wfe_buf_done(&name);
    if (!rc && strlen(files->hidden) >= PATH_MAX)
        rc =
            wfe_error_set(err, WFE_E_LIMIT, "the I/O folder's path is too long: %s", place->io_dir);
    if (!rc)
        rc = set_path(ret_dir, place->io_dir, place->id, err);
    return rc ? rc : name_fifos(files, *ret_dir, err);
}

/* The folder gets its name when it says whose it is, and loses it before it is taken apart: at any
 * moment `wfe gc` knows its owner. */
static int make_dir(wfe_step_files *files, const wfe_step_place *place, wfe_error *err)
{
    _cleanup_free_ char *dir = NULL;
    int rc = name_dir(files, place, &dir, err);
    if (!rc)
        rc = wfe_fd_make_dirs(place->io_dir, 0700, err);
    if (!rc)
        rc = wfe_fd_check_dir_is_safe(place->io_dir, err);
    if (rc)
        return rc;
    const char *hidden = files->hidden;
    if (mkdir(hidden, 0700) < 0)
        return errno == EEXIST ? refuse_existing(dir, err)
                               : wfe_error_set_errno(err, errno, "cannot create folder %s", hidden);
    rc = fill_dir(files, dir, place, err);
    if (rc)
        wfe_fd_remove_tree(hidden, NULL);
    else
        files->dir = wfe_take(dir);
    return rc;
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

static int find_file(char **to, const char *dir, const char *name, wfe_error *err)
{
    int rc = set_path(to, dir, name, err);
    if (!rc && access(*to, F_OK) < 0) {
        free(*to);
        *to = NULL;
    }
    return rc;
}

int wfe_step_files_adopt(wfe_step_files *files, const wfe_step_place *place, wfe_error *err)
{
    _cleanup_free_ char *dir = NULL, *owner = NULL;
    int rc = name_dir(files, place, &dir, err);
    if (rc)
        return rc;
    if (access(dir, F_OK) < 0)
        return wfe_error_set_errno(err, errno, "cannot use folder %s", dir);
    rc = set_path(&owner, dir, WFE_STEP_OWNER_FILE, err);
    if (!rc)
        rc = find_file(&files->record, dir, RECORD, err);
    if (!rc)
        rc = find_file(&files->output, dir, OUTPUT, err);
    if (!rc)
        rc = wfe_fd_write_file(owner, place->owner, strlen(place->owner), 0600, err);
    if (!rc)
        files->dir = wfe_take(dir);
    return rc;
}

/* A file of holes takes no memory; whether its length is right is seen when it is read. One that is
 * no longer than allowed may take more all the same: the file system rounds up, by megabytes at
 * most, and fallocate takes what it is asked for. */
static bool holds_too_much(const struct stat *st)
{
    const uint64_t max = WFE_OUTPUT_FILE_MAX_BYTES;
    uint64_t held = (uint64_t)st->st_blocks * STAT_BLOCK_BYTES;
    return held > 2 * max || (held > max && (uint64_t)st->st_size > max);
}

/* The names of all that is mounted writable. */
int wfe_step_files_check(const wfe_step_files *files, wfe_error *err)
{
    static const struct {
        const char *name;
        const char *shown;
    } writable[] = {{OUTPUT, "its $WFE_OUTPUT file"},
                    {RECORD, WFE_STEP_RECORD_TARGET},
                    {HOSTS, "/etc/hosts"},
                    {HOSTNAME, "/etc/hostname"},
                    {RESOLV_CONF, "/etc/resolv.conf"}};
    for (size_t i = 0; i < sizeof writable / sizeof *writable; i++) {
        char path[PATH_MAX + NAME_MAX];
        struct stat st;
        snprintf(path, sizeof path, "%s/%s", files->dir, writable[i].name);
        if (lstat(path, &st) == 0 && holds_too_much(&st))
            return wfe_error_set(err, WFE_E_LIMIT,
                                 "the step wrote more than %zu MiB to %s, which is all that is "
                                 "allowed",
                                 WFE_OUTPUT_FILE_MAX_BYTES >> 20, writable[i].shown);
    }
    return 0;
}

int wfe_step_files_remove(wfe_step_files *files, wfe_error *err)
{
    if (!files->dir)
        return 0;
    /* Also with its own name, when it cannot lose that. */
    bool renamed = rename(files->dir, files->hidden) == 0;
    int rc = wfe_fd_remove_tree(files->hidden, err);
    if (!rc && !renamed)
        rc = wfe_fd_remove_tree(files->dir, err);
    if (rc != WFE_E_NOMEM) {
        free(files->dir);
        files->dir = NULL;
    }
    return rc;
}

void wfe_step_files_done(wfe_step_files *files)
{
    char *const paths[] = {files->dir,         files->hidden,      files->stdin_fifo,
                           files->stdout_fifo, files->stderr_fifo, files->record,
                           files->output,      files->hosts,       files->hostname,
                           files->resolv_conf, files->init};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        free(paths[i]);
    *files = (wfe_step_files){0};
}
