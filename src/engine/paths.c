/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/paths.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/owner.h"

#define TMPFS_OPTIONS "mode=0700,size=64m"

static int join(const char *folder, const char *name, char **ret, wfe_error *err)
{
    wfe_buf path = WFE_BUF_INIT(0);
    int rc = wfe_buf_printf(&path, err, "%s/%s", folder, name);
    if (!rc && !(*ret = wfe_buf_take(&path, NULL)))
        rc = wfe_error_nomem(err);
    wfe_buf_done(&path);
    return rc;
}

static bool is_tmpfs(const char *path)
{
    struct statfs fs;
    return statfs(path, &fs) == 0 && fs.f_type == TMPFS_MAGIC;
}

/* mkdir of a folder that must not be there: run ids are not used twice at the same time. */
static int make_own(const char *parent, const char *name, mode_t parent_mode, bool again,
                    bool *ret_same, char **ret, wfe_error *err)
{
    _cleanup_free_ char *path = NULL;
    int rc = wfe_fd_make_dirs(parent, parent_mode, err);
    if (!rc)
        rc = join(parent, name, &path, err);
    if (rc)
        return rc;
    bool made = mkdir(path, 0700) == 0;
    if (!made && !(again && errno == EEXIST)) {
        int saved = errno;
        wfe_error_set_errno(err, saved, "cannot make the run's folder %s", path);
        if (saved == EEXIST)
            wfe_error_hint(err, "a run of this id is under way, or was killed: wfe gc");
        return err ? err->kind : WFE_E_IO;
    }
    if (ret_same)
        *ret_same = !made;
    *ret = wfe_take(path);
    return 0;
}

/* Who made it, for whoever finds it later. */
static int write_owner(const char *folder, wfe_error *err)
{
    char owner[WFE_OWNER_TEXT_SIZE];
    _cleanup_free_ char *path = NULL;
    wfe_owner_format(owner);
    int rc = join(folder, "owner", &path, err);
    return rc ? rc : wfe_fd_write_file(path, owner, strlen(owner), 0600, err);
}

static int make_shared(wfe_context *context, const wfe_paths_options *options, wfe_error *err)
{
    int rc = make_own(options->volume_dir, context->run_id, 0711, options->again, NULL,
                      &context->shared_dir, err);
    /* Steps run as users of their own choice. */
    if (!rc && chmod(context->shared_dir, 0777) < 0)
        rc = wfe_error_set_errno(err, errno, "cannot open %s to all users", context->shared_dir);
    return rc;
}

/* Is something mounted there. */
static bool is_mount_point(const char *path)
{
    char parent[PATH_MAX];
    struct stat own, above;
    snprintf(parent, sizeof parent, "%s/..", path);
    return stat(path, &own) == 0 && stat(parent, &above) == 0 && own.st_dev != above.st_dev;
}

/* A tmpfs over the folder, unless it is in one already, as below /run. */
static void cover(wfe_context *context)
{
    if (!is_tmpfs(context->run_dir) &&
        mount("tmpfs", context->run_dir, "tmpfs", MS_NOSUID | MS_NODEV, TMPFS_OPTIONS) < 0)
        wfe_log_warning(&context->log,
                        "cannot mount a tmpfs on %s: %s; secrets are on disk while the run lasts",
                        context->run_dir, strerror(errno));
}

/* Files of the other process may be in use by what it has started: ours get other names. */
static void pass_over_files(wfe_context *context)
{
    DIR *dir = opendir(context->run_dir);
    for (const struct dirent *item; dir && (item = readdir(dir));) {
        unsigned long long n = strtoull(item->d_name, NULL, 10);
        if (n > context->n_files)
            context->n_files = n;
    }
    if (dir)
        closedir(dir);
}

int wfe_paths_make(wfe_context *context, const wfe_paths_options *options, wfe_error *err)
{
    int rc = make_own(options->tmp_dir, context->run_id, 0711, options->again,
                      &context->same_folder, &context->run_dir, err);
    if (!rc && options->for_secrets && !is_mount_point(context->run_dir))
        cover(context);
    if (!rc && options->again)
        pass_over_files(context);
    if (!rc)
        rc = write_owner(context->run_dir, err);
    if (!rc && options->shared)
        rc = make_shared(context, options, err);
    if (rc)
        wfe_paths_remove(context);
    return rc;
}

/* Without memory nothing can be walked through; but for the owner's name the folder is empty by
 * now. */
static bool remove_plainly(const char *path)
{
    char owner[PATH_MAX];
    snprintf(owner, sizeof owner, "%s/owner", path);
    unlink(owner);
    return rmdir(path) == 0;
}

static void remove_tree(wfe_context *context, char **path)
{
    wfe_error error = WFE_ERROR_INIT;
    if (*path && wfe_fd_remove_tree(*path, &error) && !remove_plainly(*path))
        wfe_log_warning(&context->log, "%s", error.message);
    free(*path);
    *path = NULL;
}

void wfe_paths_remove(wfe_context *context)
{
    if (context->run_dir && is_mount_point(context->run_dir))
        umount2(context->run_dir, MNT_DETACH);
    remove_tree(context, &context->run_dir);
    remove_tree(context, &context->shared_dir);
}

int wfe_paths_resolve(const wfe_context *context, const char *path, char **ret, wfe_error *err)
{
    while (path[0] == '.' && path[1] == '/')
        path += 2;
    if (path[0] != '/' && strcmp(path, ".") != 0 && path[0])
        return join(context->working_dir, path, ret, err);
    *ret = strdup(path[0] == '/' ? path : context->working_dir);
    return *ret ? 0 : wfe_error_nomem(err);
}
