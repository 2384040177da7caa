/* SPDX-License-Identifier: Apache-2.0 */
#include "step/machine.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/fd.h"
#include "oci/apparmor.h"

/* What programs of today ask for at most. */
#define MAX_OPEN_FILES 1048576
#define APPARMOR_FILE "/sys/kernel/security/apparmor/profiles"
#define APPARMOR_MAX_BYTES ((size_t)1024 * 1024)

/* Our own limit stands for the daemon's, which without CAP_SYS_RESOURCE cannot give more. */
static uint64_t own_max_open_files(void)
{
    struct rlimit own;
    if (getrlimit(RLIMIT_NOFILE, &own) < 0)
        return 0;
    return own.rlim_max < MAX_OPEN_FILES ? own.rlim_max : MAX_OPEN_FILES;
}

/* Our own bounding set stands for the daemon's. */
static wfe_oci_caps own_caps(void)
{
    wfe_oci_caps caps = 0;
    for (unsigned n = 0; n < WFE_OCI_CAP_COUNT; n++) {
        if (prctl(PR_CAPBSET_READ, n, 0, 0, 0) == 1)
            caps |= (wfe_oci_caps)1 << n;
    }
    return caps;
}

static bool read_apparmor(wfe_buf *text)
{
    return wfe_fd_read_file(APPARMOR_FILE, APPARMOR_MAX_BYTES, text, NULL) == 0;
}

static const char *choose_apparmor(void)
{
    wfe_buf text = WFE_BUF_INIT(2 * APPARMOR_MAX_BYTES);
    const char *profile =
        read_apparmor(&text) ? wfe_oci_apparmor_choose(text.data, text.len) : NULL;
    wfe_buf_done(&text);
    return profile;
}

bool wfe_step_machine_has_apparmor(const char *profile)
{
    wfe_buf text = WFE_BUF_INIT(2 * APPARMOR_MAX_BYTES);
    bool has = read_apparmor(&text) && wfe_oci_apparmor_is_enforced(text.data, text.len, profile);
    wfe_buf_done(&text);
    return has;
}

void wfe_step_machine_look(bool local, bool rootless, wfe_step_machine *out)
{
    *out = (wfe_step_machine){.local = local};
    if (!local)
        return;
    out->cgroup_v2 = access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0;
    out->no_swap_accounting =
        !out->cgroup_v2 && access("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes", F_OK) != 0;
    out->rootless = rootless;
    out->max_open_files = own_max_open_files();
    out->caps = own_caps();
    long cpus = sysconf(_SC_NPROCESSORS_CONF);
    out->n_cpus = cpus > 0 ? (unsigned)cpus : 0;
    wfe_image_platform_host(&out->platform);
    out->apparmor_profile = choose_apparmor();
}
