/* SPDX-License-Identifier: Apache-2.0
 *
 * The private containerd of an ordinary user: the same daemon with the same files, run by
 * rootlesskit inside of a user namespace (in which the user is root), a mount namespace (where
 * /run is a copy that can be written to) and a pid namespace (so that nothing of it outlives it).
 * The network stays the machine's: steps have a network namespace of their own, or ask for it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "containerd/daemon_priv.h"

#define SUBID_MAX_BYTES ((size_t)1024 * 1024)
#define MAX_NAMESPACES "/proc/sys/user/max_user_namespaces"
#define DEBIAN_SWITCH "/proc/sys/kernel/unprivileged_userns_clone"

/* The shims' folder of a root's containerd, which the user could not write to. */
#define SCRIPT "rm -rf /run/containerd; exec \"$@\""

/* Does the file, as subuid(5), have a line for the user, by name or by number. */
static bool has_line(const char *path, const char *name, uid_t uid)
{
    char number[16];
    bool found = false;
    wfe_buf text = WFE_BUF_INIT(2 * SUBID_MAX_BYTES);
    snprintf(number, sizeof number, "%u", (unsigned)uid);
    if (wfe_fd_read_file(path, SUBID_MAX_BYTES, &text, NULL) == 0) {
        for (const char *line = text.data; line && *line; line = strchr(line, '\n')) {
            line += *line == '\n';
            size_t len = strcspn(line, ":\n");
            found |=
                line[len] == ':' && ((len == strlen(name) && strncmp(line, name, len) == 0) ||
                                     (len == strlen(number) && strncmp(line, number, len) == 0));
        }
    }
    wfe_buf_done(&text);
    return found;
}

static bool is_zero(const char *path)
{
    wfe_buf text = WFE_BUF_INIT(256);
    bool zero = wfe_fd_read_file(path, 64, &text, NULL) == 0 && text.len && atoi(text.data) == 0;
    wfe_buf_done(&text);
    return zero;
}

static int need(const wfe_daemon_paths *paths, const char *program, const char *package, char *out,
                size_t size, wfe_error *err)
{
    if (wfe_daemon_find_program(paths->programs, program, out, size))
        return 0;
    wfe_error_set(err, WFE_E_NOT_FOUND,
                  "starting containerd as user %u needs the program '%s', which is not in %s",
                  (unsigned)geteuid(), program, paths->programs);
    wfe_error_hint(err,
                   "install the package %s (as root: apt-get install rootlesskit uidmap), or "
                   "run it with sudo",
                   package);
    return WFE_E_NOT_FOUND;
}

/* The user's name in /etc/passwd; "" when it is elsewhere. */
static void read_name(char *out, size_t size)
{
    unsigned uid = 0;
    char name[64];
    wfe_buf text = WFE_BUF_INIT(2 * SUBID_MAX_BYTES);
    out[0] = '\0';
    if (wfe_fd_read_file("/etc/passwd", SUBID_MAX_BYTES, &text, NULL) == 0) {
        for (const char *line = text.data; line && *line; line = strchr(line, '\n')) {
            line += *line == '\n';
            if (!out[0] && sscanf(line, "%63[^:\n]:%*[^:\n]:%u:", name, &uid) == 2 &&
                uid == geteuid())
                snprintf(out, size, "%s", name);
        }
    }
    wfe_buf_done(&text);
}

static int need_ids(wfe_error *err)
{
    static const char *const files[] = {"/etc/subuid", "/etc/subgid"};
    char name[64];
    read_name(name, sizeof name);
    for (size_t i = 0; name[0] && i < 2; i++) {
        if (has_line(files[i], name, geteuid()))
            continue;
        wfe_error_set(err, WFE_E_DENIED,
                      "%s has no ids for user %s, and a containerd of that user needs some",
                      files[i], name);
        wfe_error_hint(err,
                       "as root: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 "
                       "%s; or start it with sudo",
                       name);
        return WFE_E_DENIED;
    }
    return 0;
}

static int need_namespaces(wfe_error *err)
{
    const char *file = is_zero(MAX_NAMESPACES)  ? MAX_NAMESPACES
                       : is_zero(DEBIAN_SWITCH) ? DEBIAN_SWITCH
                                                : NULL;
    if (!file)
        return 0;
    wfe_error_set(err, WFE_E_DENIED,
                  "the kernel lets ordinary users have no user namespaces: %s is 0", file);
    wfe_error_hint(err, "as root, set it with sysctl; or run containerd with sudo");
    return WFE_E_DENIED;
}

int wfe_daemon_rootless_command(const wfe_daemon_paths *paths, const char *const *argv,
                                char *program, size_t size,
                                const char *out[WFE_DAEMON_ROOTLESS_WORDS], wfe_error *err)
{
    const char *const words[] = {program,
                                 "--net=host",
                                 "--pidns",
                                 "--copy-up=/run",
                                 "--propagation=rslave",
                                 paths->rootlesskit_option,
                                 "/bin/sh",
                                 "-c",
                                 SCRIPT,
                                 "containerd"};
    char helper[WFE_DAEMON_PATH_SIZE];
    size_t n = sizeof words / sizeof *words;
    int rc = need(paths, "rootlesskit", "rootlesskit", program, size, err);
    if (!rc)
        rc = need(paths, "newuidmap", "uidmap", helper, sizeof helper, err);
    if (!rc)
        rc = need_ids(err);
    if (!rc)
        rc = need_namespaces(err);
    if (rc)
        return rc;
    memcpy(out, words, sizeof words);
    for (size_t i = 0; argv[i] && n < WFE_DAEMON_ROOTLESS_WORDS - 1; i++)
        out[n++] = argv[i];
    out[n] = NULL;
    return 0;
}
