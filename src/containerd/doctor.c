/* SPDX-License-Identifier: Apache-2.0
 *
 * The checks of `wfe doctor`. First those that ask the daemon, then those that look at this
 * machine, which mean something only when the daemon shares it. Each check is one function and one
 * row of the table at the end.
 */
#include <wfe/doctor.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/bytesize.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "containerd/cgroup_list.h"
#include "containerd/introspection.h"
#include "containerd/namespaces.h"
#include "containerd/version.h"
#include "containerd/wfe_client.h"

#define QUESTION_MS 10000
#define DISK_WARNING_BYTES ((uint64_t)2 << 30)
#define DISK_FAILURE_BYTES ((uint64_t)100 << 20)
#define PROGRAM_DIRS                                                                               \
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/containerd/bin"
#define CNI_DIRS "/opt/cni/bin:/usr/lib/cni:/usr/libexec/cni"

typedef struct examination {
    wfe_client *client;
    const char *cni_path;
    wfe_finding_fn fn;
    void *user;
    enum wfe_finding_level worst;
    bool answers;     /* the daemon does */
    bool waited;      /* the question under way has its answer */
    bool found;       /* ... and it is yes */
    char detail[512]; /* ... with this text */
    char root[512];   /* the snapshotter's folder on the daemon's machine, "" unknown */
} examination;

static void tell(examination *e, const char *check, enum wfe_finding_level level,
                 const char *advice, const char *format, ...) __attribute__((format(printf, 5, 6)));

static void tell(examination *e, const char *check, enum wfe_finding_level level,
                 const char *advice, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    wfe_finding finding = {.check = check, .level = level, .text = text, .advice = advice};
    if (level > e->worst)
        e->worst = level;
    e->fn(&finding, e->user);
}

/* ---- the daemon ---- */

static void check_socket(examination *e)
{
    wfe_error error = WFE_ERROR_INIT;
    wfe_daemon_version version;
    if (wfe_client_daemon_version(e->client, &version, &error)) {
        tell(e, "socket", WFE_FINDING_FAILURE, error.hint, "%s", error.message);
        return;
    }
    e->answers = true;
    tell(e, "socket", WFE_FINDING_OK, "", "containerd answers at %s", e->client->address);
    wfe_version_number number;
    if (!wfe_version_parse(version.version, &number))
        tell(e, "version", WFE_FINDING_WARNING, "wfe is tested with containerd 1.6, 1.7 and 2.x",
             "containerd calls itself '%s'", version.version);
    else if (!wfe_version_at_least(&number, 1, 6))
        tell(e, "version", WFE_FINDING_FAILURE, "install containerd 1.6 or newer",
             "containerd %s is too old", version.version);
    else
        tell(e, "version", WFE_FINDING_OK, "", "containerd %s", version.version);
}

static void on_namespaces(const PbNamespaces__ListNamespacesResponse *reply, const wfe_error *err,
                          void *user)
{
    examination *e = user;
    e->waited = true;
    snprintf(e->detail, sizeof e->detail, "%s", err->message);
    for (size_t i = 0; reply && i < reply->n_namespaces; i++) {
        if (strcmp(reply->namespaces[i]->name, wfe_containerd_namespace(e->client->containerd)) ==
            0)
            e->found = true;
    }
}

/* Runs the loop until the answer to the question that was just sent is there. */
static bool wait_for_answer(examination *e, int rc)
{
    e->waited = rc != 0;
    return !rc && !wfe_loop_run_until(e->client->loop, &e->waited, NULL);
}

static void check_namespace(examination *e)
{
    const char *name = wfe_containerd_namespace(e->client->containerd);
    PbNamespaces__ListNamespacesRequest request = PB_NAMESPACES__LIST_NAMESPACES_REQUEST__INIT;
    wfe_containerd_options options = {.deadline_ms = QUESTION_MS, .fail_fast = true};
    if (!e->answers)
        return;
    e->found = false;
    wait_for_answer(e, wfe_namespaces_list(e->client->containerd, &request, &options, on_namespaces,
                                           e, NULL, NULL));
    if (e->detail[0])
        tell(e, "namespace", WFE_FINDING_WARNING, "see the daemon's log", "%s", e->detail);
    else if (e->found)
        tell(e, "namespace", WFE_FINDING_OK, "", "'%s' exists", name);
    else
        tell(e, "namespace", WFE_FINDING_OK, "", "'%s' does not exist yet; its first use makes it",
             name);
}

static const char *plugin_root(const PbIntrospection__Plugin *plugin)
{
    for (size_t i = 0; i < plugin->n_exports; i++) {
        if (strcmp(plugin->exports[i]->key, "root") == 0)
            return plugin->exports[i]->value;
    }
    return "";
}

static void on_plugins(const PbIntrospection__PluginsResponse *reply, const wfe_error *err,
                       void *user)
{
    examination *e = user;
    e->waited = true;
    snprintf(e->detail, sizeof e->detail, "%s", err->kind ? err->message : "it is not installed");
    for (size_t i = 0; reply && i < reply->n_plugins; i++) {
        const PbIntrospection__Plugin *plugin = reply->plugins[i];
        if (strcmp(plugin->id, e->client->snapshotter) != 0)
            continue;
        e->found = !plugin->init_err || !plugin->init_err->code;
        if (!e->found)
            snprintf(e->detail, sizeof e->detail, "%s", plugin->init_err->message);
        snprintf(e->root, sizeof e->root, "%s", plugin_root(plugin));
    }
}

static void check_snapshotter(examination *e)
{
    const char *filter = "type==io.containerd.snapshotter.v1";
    PbIntrospection__PluginsRequest request = PB_INTROSPECTION__PLUGINS_REQUEST__INIT;
    wfe_containerd_options options = {.deadline_ms = QUESTION_MS, .fail_fast = true};
    request.filters = &filter;
    request.n_filters = 1;
    if (!e->answers)
        return;
    e->found = false;
    wait_for_answer(e, wfe_introspection_plugins(e->client->containerd, &request, &options,
                                                 on_plugins, e, NULL, NULL));
    if (e->found)
        tell(e, "snapshotter", WFE_FINDING_OK, "", "'%s' is ready", e->client->snapshotter);
    else
        tell(e, "snapshotter", WFE_FINDING_FAILURE,
             "choose another with --snapshotter, or install what it needs and restart containerd",
             "'%s' cannot be used: %s", e->client->snapshotter, e->detail);
}

/* ---- this machine ---- */

/* Is there an executable file name in one of the folders of a ':'-separated list. */
static bool find_program(const char *dirs, const char *name, char *out, size_t size)
{
    while (*dirs) {
        size_t len = strcspn(dirs, ":");
        snprintf(out, size, "%.*s/%s", (int)len, dirs, name);
        if (access(out, X_OK) == 0)
            return true;
        dirs += len + (dirs[len] == ':');
    }
    return false;
}

static void check_runtime(examination *e)
{
    char shim[512], runc[512];
    if (strcmp(e->client->runtime, WFE_RUNTIME_RUNC) != 0)
        return; /* another runtime's programs are not known here */
    if (!find_program(PROGRAM_DIRS, "containerd-shim-runc-v2", shim, sizeof shim))
        tell(e, "runtime", WFE_FINDING_FAILURE, "install containerd's package",
             "the shim containerd-shim-runc-v2 is not in %s", PROGRAM_DIRS);
    else if (!find_program(PROGRAM_DIRS, "runc", runc, sizeof runc))
        tell(e, "runtime", WFE_FINDING_FAILURE, "install the package runc", "runc is not in %s",
             PROGRAM_DIRS);
    else
        tell(e, "runtime", WFE_FINDING_OK, "", "%s with %s", e->client->runtime, runc);
}

static void check_cgroups(examination *e)
{
    static const char *const needed[] = {"cpu", "memory", "pids"};
    wfe_buf text = WFE_BUF_INIT(65536);
    const char *version = "v2";
    if (wfe_fd_read_file("/sys/fs/cgroup/cgroup.controllers", 32768, &text, NULL)) {
        version = "v1";
        wfe_fd_read_file("/proc/cgroups", 32768, &text, NULL);
    }
    char missing[64] = "";
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        if (!text.data || !wfe_cgroup_list_has(text.data, version[1] == '2', needed[i]))
            snprintf(missing + strlen(missing), sizeof missing - strlen(missing), " %s", needed[i]);
    }
    wfe_buf_done(&text);
    if (wfe_client_is_rootless(e->client))
        tell(e, "cgroups", WFE_FINDING_WARNING, "run containerd as root for steps with limits",
             "containerd is rootless: limits on memory, cpu and pids do not hold");
    else if (missing[0])
        tell(e, "cgroups", WFE_FINDING_WARNING,
             "steps with such limits cannot be started; enable them in the kernel's command line",
             "cgroup %s without:%s", version, missing);
    else
        tell(e, "cgroups", WFE_FINDING_OK, "", "cgroup %s with cpu, memory and pids", version);
}

static void check_cni(examination *e)
{
    const char *dirs = e->cni_path ? e->cni_path : CNI_DIRS;
    char bridge[512];
    if (find_program(dirs, "bridge", bridge, sizeof bridge))
        tell(e, "cni", WFE_FINDING_OK, "", "plugins in %.*s",
             (int)(strlen(bridge) - strlen("/bridge")), bridge);
    else
        tell(e, "cni", WFE_FINDING_WARNING,
             "install the package containernetworking-plugins for steps with a bridge network",
             "there are no CNI plugins in %s", dirs);
}

static void check_seccomp(examination *e)
{
    if (access("/proc/sys/kernel/seccomp/actions_avail", R_OK) == 0)
        tell(e, "seccomp", WFE_FINDING_OK, "", "the kernel filters system calls");
    else
        tell(e, "seccomp", WFE_FINDING_WARNING, "use a kernel built with CONFIG_SECCOMP_FILTER",
             "the kernel cannot filter system calls");
}

static void check_disk(examination *e)
{
    struct statvfs fs;
    char size[WFE_BYTESIZE_TEXT_SIZE];
    if (!e->root[0] || statvfs(e->root, &fs) < 0)
        return;
    uint64_t available = (uint64_t)fs.f_bavail * fs.f_frsize;
    enum wfe_finding_level level = available < DISK_FAILURE_BYTES   ? WFE_FINDING_FAILURE
                                   : available < DISK_WARNING_BYTES ? WFE_FINDING_WARNING
                                                                    : WFE_FINDING_OK;
    tell(e, "disk", level, level ? "free some space, for example by removing images" : "",
         "%s free for snapshots in %s", wfe_bytesize_format(available, size), e->root);
}

static void check_io_dir(examination *e)
{
    wfe_error error = WFE_ERROR_INIT;
    if (wfe_fd_make_dirs(e->client->io_dir, 0700, &error) ||
        wfe_fd_check_dir_is_safe(e->client->io_dir, &error) ||
        (access(e->client->io_dir, W_OK | X_OK) < 0 &&
         wfe_error_set(&error, WFE_E_DENIED, "%s cannot be written to", e->client->io_dir)))
        tell(e, "io folder", WFE_FINDING_FAILURE, "set WFE_IO_DIR to a folder of your own", "%s",
             error.message);
    else
        tell(e, "io folder", WFE_FINDING_OK, "", "%s", e->client->io_dir);
}

typedef struct examination_row {
    void (*check)(examination *e);
    bool local; /* looks at this machine: only when the daemon shares it */
} examination_row;

static const examination_row rows[] = {
    {check_socket, false}, {check_namespace, false}, {check_snapshotter, false},
    {check_runtime, true}, {check_cgroups, true},    {check_cni, true},
    {check_seccomp, true}, {check_disk, true},       {check_io_dir, true},
};

int wfe_doctor_run(wfe_client *client, const char *cni_path, wfe_finding_fn fn, void *user,
                   enum wfe_finding_level *ret_worst, wfe_error *err)
{
    examination *e = calloc(1, sizeof *e);
    if (!e)
        return wfe_error_nomem(err);
    e->client = client;
    e->cni_path = cni_path;
    e->fn = fn;
    e->user = user;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!rows[i].local || wfe_client_is_local(client))
            rows[i].check(e);
    }
    *ret_worst = e->worst;
    free(e);
    return 0;
}
