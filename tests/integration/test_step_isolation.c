/* SPDX-License-Identifier: Apache-2.0
 *
 * What a step can and cannot do, tried from inside: what docker denies by default is denied, what
 * programs need works, and each opt-out opens what it names.
 */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/buf.h"
#include "base/fd.h"
#include "fixtures/images.h"
#include "fixtures/private_containerd.h"
#include "fixtures/step_group.h"
#include "fixtures/step_run.h"
#include "init/program.h"
#include "init/record.h"
#include "step/devices.h"

static int setup(void **state)
{
    return step_group_setup(state);
}

/* Options with the program "attempt" at hand. */
static wfe_step_options attempting(void **state, const char *user)
{
    private_containerd *daemon = private_containerd_of(state);
    wfe_step_options options = step_script(NULL);
    options.user = user;
    step_group_program(daemon, "attempt", &options);
    return options;
}

#define ATTEMPT "/programs/attempt "

/* Not every kernel is built with it. */
static bool has_sysrq(void)
{
    return access("/proc/sysrq-trigger", F_OK) == 0;
}

/* ---- what is denied ---- */

static void test_step_isolation__root_cannot_reach_the_machine(void **state)
{
    wfe_step_options options = attempting(state, "0:0");
    step_group_expect(&options, ATTEMPT "mount umount unshare unshare_user setns pivot_root swapon",
                      "mount EPERM\numount EPERM\nunshare EPERM\nunshare_user EPERM\n"
                      "setns EPERM\npivot_root EPERM\nswapon EPERM\n");
    step_group_expect(&options, ATTEMPT "keyctl add_key bpf perf reboot kexec init_module syslog",
                      "keyctl EPERM\nadd_key EPERM\nbpf EPERM\nperf EPERM\nreboot EPERM\n"
                      "kexec EPERM\ninit_module EPERM\nsyslog EPERM\n");
    step_group_expect(&options, ATTEMPT "clock_settime settimeofday open_by_handle userfaultfd",
                      "clock_settime EPERM\nsettimeofday EPERM\nopen_by_handle EPERM\n"
                      "userfaultfd EPERM\n");
}

static void test_step_isolation__a_user_cannot_reach_the_machine(void **state)
{
    wfe_step_options options = attempting(state, "1000:1000");
    step_group_expect(&options, ATTEMPT "mount unshare unshare_user keyctl bpf perf reboot",
                      "mount EPERM\nunshare EPERM\nunshare_user EPERM\nkeyctl EPERM\nbpf EPERM\n"
                      "perf EPERM\nreboot EPERM\n");
    step_group_expect(&options, ATTEMPT "clock_settime raw_socket packet_socket mknod_disk chroot",
                      "clock_settime EPERM\nraw_socket EPERM\npacket_socket EPERM\n"
                      "mknod_disk EPERM\nchroot EPERM\n");
}

static void test_step_isolation__another_user_s_process_cannot_be_traced(void **state)
{
    wfe_step_options options = attempting(state, "0:0");
    step_group_expect(&options, ATTEMPT "ptrace_other ptrace_own",
                      "ptrace_other EPERM\nptrace_own ok\n");
}

static void test_step_isolation__a_disk_can_be_made_by_root_and_not_opened(void **state)
{
    wfe_step_options options = attempting(state, "0:0");
    step_group_expect(&options, ATTEMPT "mknod_disk open_disk", "mknod_disk ok\nopen_disk EPERM\n");
}

static void test_step_isolation__kernel_settings_cannot_be_written(void **state)
{
    wfe_step_options options = attempting(state, "0:0");
    step_group_expect(&options, ATTEMPT "sysctl sysfs", "sysctl EROFS\nsysfs EROFS\n");
    step_group_expect(&options, ATTEMPT "sysrq", has_sysrq() ? "sysrq EROFS\n" : "sysrq ENOENT\n");
}

static void test_step_isolation__sockets_into_the_hypervisor_and_the_kernel_are_denied(void **state)
{
    wfe_step_options options = attempting(state, "0:0");
    step_group_expect(&options, ATTEMPT "vsock alg_socket unix_socket",
                      "vsock EPERM\nalg_socket EPERM\nunix_socket ok\n");
}

static void test_step_isolation__calls_with_a_fall_back_do_not_exist(void **state)
{
    wfe_step_options options = attempting(state, "0:0");
    step_group_expect(&options, ATTEMPT "clone3 io_uring", "clone3 ENOSYS\nio_uring EPERM\n");
}

/* ---- what a step is ---- */

static void test_step_isolation__has_a_filter_and_no_new_privileges(void **state)
{
    private_containerd_of(state);
    wfe_step_options options = step_script(NULL);
    step_group_expect(&options, "grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status | tr '\\t' ' '",
                      "NoNewPrivs: 1\nSeccomp: 2\n");
}

static void test_step_isolation__has_the_capabilities_of_its_user(void **state)
{
    private_containerd_of(state);
    wfe_step_options options = step_script(NULL);
    const char *script = "grep ^Cap /proc/self/status | tr '\\t' ' '";
    step_group_expect(&options, script,
                      "CapInh: 0000000000000000\nCapPrm: 00000000a80425fb\n"
                      "CapEff: 00000000a80425fb\nCapBnd: 00000000a80425fb\n"
                      "CapAmb: 0000000000000000\n");
    options.user = "1000:1000";
    step_group_expect(&options, script,
                      "CapInh: 0000000000000000\nCapPrm: 0000000000000000\n"
                      "CapEff: 0000000000000000\nCapBnd: 0000000000000000\n"
                      "CapAmb: 0000000000000000\n");
}

static void test_step_isolation__is_in_namespaces_of_its_own(void **state)
{
    private_containerd_of(state);
    static const char *const own[] = {"pid", "ipc", "uts", "mnt", "net"};
    wfe_step_options options = step_script(NULL);
    const char *seen = step_group_out(
        &options, "for n in pid ipc uts mnt net; do readlink /proc/self/ns/$n; done");
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        char path[64], ours[64] = "";
        snprintf(path, sizeof path, "/proc/self/ns/%s", own[i]);
        assert_true(readlink(path, ours, sizeof ours - 1) > 0);
        step_assert_has(seen, own[i]);
        if (strstr(seen, ours))
            fail_msg("the step is in the machine's %s", ours);
    }
}

static void test_step_isolation__sees_only_its_own_processes(void **state)
{
    private_containerd_of(state);
    wfe_step_options options = step_script(NULL);
    step_group_expect(&options,
                      "for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline | cut -c 1-10; done "
                      "2>/dev/null | grep -v -e '^/.wfe-init' -e '^/bin/sh' -e '^tr' -e '^cut'"
                      " -e '^grep'; echo end",
                      "end\n");
    step_group_expect(&options, "head -c 11 /proc/1/cmdline", "/.wfe-init-");
    options.no_init = true;
    step_group_expect(&options, "echo $$; head -c 7 /proc/1/cmdline", "1\n/bin/sh");
}

static void test_step_isolation__has_only_loopback(void **state)
{
    private_containerd_of(state);
    wfe_step_options options = step_script(NULL);
    step_group_expect(&options, "tail -n +3 /proc/net/dev | cut -d : -f 1 | tr -d ' '", "lo\n");
    step_group_expect(&options, "ip -o -4 addr show | tr -s ' ' | cut -d ' ' -f 2,4",
                      "lo 127.0.0.1/8\n");
    step_group_expect(&options, "ip route; echo none", "none\n");
}

static void test_step_isolation__has_its_own_name(void **state)
{
    private_containerd_of(state);
    wfe_step_options options = step_script(NULL);
    char ours[128] = "";
    gethostname(ours, sizeof ours - 1);
    assert_null(strstr(step_group_out(&options, "hostname"), ours));
    options.hostname = "builder-7";
    step_group_expect(&options, "hostname; cat /etc/hostname; grep -c builder-7 /etc/hosts",
                      "builder-7\nbuilder-7\n1\n");
    step_group_expect(&options, "hostname other 2>/dev/null || echo denied", "denied\n");
}

static void test_step_isolation__is_in_a_cgroup_of_its_own(void **state)
{
    private_containerd_of(state);
    wfe_step_options options = step_script("cat /proc/self/cgroup");
    wfe_step_result *result = step_run(step_client_of_group, &options);
    char *text = wfe_step_result_json(result), wanted[160];
    json_t *json = json_loads(text, 0, NULL);
    snprintf(wanted, sizeof wanted, ":/default/%s\n",
             json_string_value(json_object_get(json_object_get(json, "wfe"), "container")));
    /* With cgroup v2 it is the root of its own namespace. */
    if (access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0)
        snprintf(wanted, sizeof wanted, "0::/\n");
    step_assert_has(wfe_step_result_stream(result, WFE_STDOUT, NULL), wanted);
    json_decref(json);
    free(text);
    wfe_step_result_free(result);
}

static void test_step_isolation__is_no_more_and_no_less_likely_to_be_killed(void **state)
{
    private_containerd_of(state);
    wfe_step_options options = step_script(NULL);
    step_group_expect(&options, "cat /proc/self/oom_score_adj", "0\n");
}

static void test_step_isolation__sees_nothing_in_masked_files(void **state)
{
    private_containerd_of(state);
    wfe_step_options options = step_script(NULL);
    step_group_expect(&options,
                      "for f in /proc/kcore /proc/keys /proc/timer_list /proc/interrupts "
                      "/proc/latency_stats /proc/sched_debug; do "
                      "[ ! -e $f ] || head -c 1 $f | wc -c; done | sort -u",
                      "0\n");
    step_group_expect(&options,
                      "for f in /proc/acpi /proc/scsi /sys/firmware "
                      "/sys/devices/virtual/powercap; do [ ! -e $f ] || ls -A $f; done; echo end",
                      "end\n");
}

static void test_step_isolation__cannot_write_read_only_paths(void **state)
{
    private_containerd_of(state);
    wfe_step_options options = step_script(NULL);
    step_group_expect(&options,
                      "for d in /proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger /sys; "
                      "do [ ! -e $d ] || grep -q \" $d [a-z]* ro,\" /proc/self/mounts || "
                      "echo $d is not; done; echo end",
                      "end\n");
}

static void test_step_isolation__has_the_default_devices_and_no_other(void **state)
{
    private_containerd_of(state);
    wfe_step_options options = step_script(NULL);
    step_group_expect(&options, "ls /dev | grep -v ^core$ | tr '\\n' ' '",
                      "fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom"
                      " zero ");
}

/* The runtime follows a link of the image to where wfe's own files are mounted, and would make what
 * is missing there as root. Such an image may only harm itself. */
static void test_step_isolation__an_image_leads_no_mount_of_wfe_s_into_a_volume(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    static const char *const links[] = {".wfe=/src/new/dir", NULL};
    const images_archive image = {.name = "docker.io/test/astray:1", .links = links};
    images_need(daemon, &image);
    char source[96];
    snprintf(source, sizeof source, "%s/astray", daemon->dir);
    assert_int_equal(mkdir(source, 0755), 0);
    wfe_volume volume = {.source = source, .target = "/src"};
    wfe_step_options options = step_script("echo runs");
    options.image = image.name;
    options.volumes = &volume;
    options.n_volumes = 1;
    wfe_step_result *result = NULL;
    wfe_error error = WFE_ERROR_INIT;
    if (wfe_step_run(step_client_of_group, &options, &result, &error) == 0)
        assert_int_equal(wfe_step_result_exit_code(result), 125); /* its record is covered */
    wfe_step_result_free(result);
    options.no_init = true;
    step_group_expect(&options, "ls -A /src", "");
    volume.readonly = true;
    step_group_expect(&options, "ls -A /src", "");
    assert_int_equal(rmdir(source), 0); /* is empty */
}

#define EVIL_SCRIPT "#!/bin/sh\necho evil\n"

/* Runs an image that wants a program of its own to be process 1. What wfe-init finds where its
 * exit record should be is not one, so that it does nothing. */
static void assert_init_is_ours(const char *const *links, wfe_volume *volume, void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    static const char *const files[] = {"init=" EVIL_SCRIPT, NULL};
    static unsigned number;
    char name[64];
    snprintf(name, sizeof name, "docker.io/test/evil:%u", ++number);
    const images_archive image = {.name = name, .files = files, .links = links};
    images_need(daemon, &image);
    wfe_step_options options = step_script("echo runs");
    options.image = name;
    options.volumes = volume;
    options.n_volumes = volume ? 1 : 0;
    wfe_step_result *result = step_run(step_client_of_group, &options);
    char *json = wfe_step_result_json(result);
    assert_non_null(json);
    assert_null(strstr(json, "evil\\n"));
    step_assert_has(json, "cannot open the exit record");
    assert_int_equal(wfe_step_result_exit_code(result), WFE_INIT_STATUS_FAILED);
    free(json);
    wfe_step_result_free(result);
}

/* It is what takes up the filter, and where it is mounted the image cannot know. */
static void test_step_isolation__an_image_puts_nothing_in_the_place_of_wfe_init(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    char source[96], path[128];
    snprintf(source, sizeof source, "%s/evil", daemon->dir);
    snprintf(path, sizeof path, "%s/init", source);
    assert_int_equal(mkdir(source, 0755), 0);
    assert_int_equal(wfe_fd_create_file(path, EVIL_SCRIPT, strlen(EVIL_SCRIPT), 0755, NULL), 0);
    wfe_volume volume = {.source = source, .target = "/data"};
    static const char *const moving[] = {".wfe=/proc/self/cwd", NULL};
    static const char *const covered[] = {"data=/.wfe", NULL};
    assert_init_is_ours(moving, NULL, state);
    assert_init_is_ours(covered, &volume, state);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(source), 0);
}

/* ---- what works ---- */

static void test_step_isolation__devices_work(void **state)
{
    private_containerd_of(state);
    wfe_step_options options = step_script(NULL);
    const char *script = "head -c 3 /dev/zero | wc -c; head -c 5 /dev/urandom | wc -c; "
                         "head -c 5 /dev/random | wc -c; echo x > /dev/null && echo null; "
                         "echo x 2>/dev/null > /dev/full || echo full; "
                         "echo s > /dev/shm/file && cat /dev/shm/file; "
                         "touch /dev/mqueue/q && ls /dev/mqueue; test -c /dev/tty && echo tty; "
                         "test -e /dev/pts/ptmx && echo pts";
    const char *out = "3\n5\n5\nnull\nfull\ns\nq\ntty\npts\n";
    step_group_expect(&options, script, out);
    options.user = NULL; /* nobody */
    step_group_expect(&options, script, out);
}

static void test_step_isolation__a_terminal_can_be_opened(void **state)
{
    wfe_step_options options = attempting(state, "1000:1000");
    step_group_expect(&options, ATTEMPT "terminal", "terminal ok\n");
}

static void test_step_isolation__threads_and_sockets_on_loopback_work(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    wfe_step_options options = step_script(NULL);
    step_group_program(daemon, "use", &options);
    options.user = "1000:1000";
    step_group_expect(&options, "/programs/use threads 16; /programs/use loopback",
                      "16 threads\necho e\n");
}

static void test_step_isolation__a_load_of_processes_and_pipes_works(void **state)
{
    private_containerd_of(state);
    wfe_step_options options = step_script(NULL);
    options.working_dir = "/tmp";
    options.user = "1000:1000";
    step_group_expect(&options,
                      "i=0; while [ $i -lt 200 ]; do (seq 1 50 | sed s/^/$i-/ >f$i; "
                      "sort -r f$i | tail -n 1) & i=$((i+1)); "
                      "[ $((i % 20)) -ne 0 ] || wait; done | wc -l; wait; cat f* | sort -u | wc -l",
                      "200\n10000\n");
}

static void test_step_isolation__root_can_do_what_package_managers_do(void **state)
{
    wfe_step_options options = attempting(state, "0:0");
    step_group_expect(&options, ATTEMPT "chown chroot raw_socket become_user",
                      "chown ok\nchroot ok\nraw_socket ok\nbecome_user ok\n");
    step_group_expect(&options, "touch f; chown 7:8 f; chmod 4755 f; stat -c '%u %g %a' f",
                      "7 8 4755\n");
}

static void test_step_isolation__a_32_bit_program_works(void **state)
{
#if defined(__x86_64__)
    private_containerd *daemon = private_containerd_of(state);
    wfe_step_options options = step_script(NULL);
    step_group_program_in(WFE_SOURCE_DIR, daemon, "bits32", true, &options);
    step_group_expect(&options, "/programs/bits32", "32 bits\n");
#else
    private_containerd_of(state);
#endif
}

/* ---- wfe-init ---- */

/* The one program in the group's state folder: its path, static. */
static const char *placed_init(const private_containerd *daemon, struct stat *st)
{
    static char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/bin/%s", daemon->dir, wfe_init_program_name);
    assert_int_equal(stat(path, st), 0);
    return path;
}

static void assert_init_is_unchanged(const private_containerd *daemon, const struct stat *before)
{
    struct stat now;
    wfe_buf bytes = WFE_BUF_INIT(0);
    const char *path = placed_init(daemon, &now);
    assert_int_equal(wfe_fd_read_file(path, (size_t)1 << 20, &bytes, NULL), 0);
    assert_int_equal(bytes.len, wfe_init_program_size);
    assert_memory_equal(bytes.data, wfe_init_program, bytes.len);
    wfe_buf_done(&bytes);
    assert_int_equal(now.st_ino, before->st_ino);
    assert_int_equal(now.st_nlink, before->st_nlink);
    assert_int_equal(now.st_mode, before->st_mode);
    assert_int_equal(now.st_uid, before->st_uid);
    assert_memory_equal(&now.st_mtim, &before->st_mtim, sizeof now.st_mtim);
}

/* That a program which runs cannot be opened for writing is no protection: steps that ended leave
 * it for the next one. So the errors are those of the mount. */
static void test_step_isolation__root_cannot_change_the_program_that_is_pid_1(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    wfe_step_options options = step_script(NULL);
    struct stat before;
    step_group_out(&options, "true");
    placed_init(daemon, &before);
    step_group_expect(&options,
                      "cd /; i=$(ls -d .wfe-init-*); { echo x >$i; chmod 777 $i; chown 1:1 $i; "
                      "touch $i; } 2>&1 | sed 's/.*: //'",
                      "Read-only file system\nRead-only file system\nRead-only file system\n"
                      "Read-only file system\n");
    step_group_expect(&options,
                      "cd /; i=$(ls -d .wfe-init-*); cp /bin/busybox other; { rm -f $i; "
                      "mv -f other $i; mv $i away; ln $i again; } 2>&1 | sed 's/.*: //'",
                      "Device or resource busy\nDevice or resource busy\n"
                      "Device or resource busy\nInvalid cross-device link\n");
    step_group_expect(&options,
                      "cd /; i=$(ls -d .wfe-init-*); "
                      "mount -o remount,bind,rw $i 2>/dev/null || echo denied; "
                      "umount $i 2>/dev/null || echo denied; "
                      "grep -c \" /$i [^ ]* ro,\" /proc/self/mounts",
                      "denied\ndenied\n1\n");
    assert_init_is_unchanged(daemon, &before);
}

/* ---- opt-outs ---- */

static void test_step_isolation__a_capability_that_is_added_works(void **state)
{
    wfe_step_options options = attempting(state, "0:0");
    const char *const add[] = {"SYS_TIME", "CAP_SYS_PTRACE", NULL};
    options.cap_add = add;
    step_group_expect(&options, ATTEMPT "clock_settime ptrace_other mount",
                      "clock_settime ok\nptrace_other ok\nmount EPERM\n");
    const char *const admin[] = {"SYS_ADMIN", NULL};
    options.cap_add = admin;
    step_group_expect(&options, ATTEMPT "mount unshare clock_settime",
                      "mount ok\nunshare ok\nclock_settime EPERM\n");
}

static void test_step_isolation__a_capability_that_is_dropped_is_gone(void **state)
{
    wfe_step_options options = attempting(state, "0:0");
    const char *const drop[] = {"NET_RAW", "CHOWN", NULL};
    options.cap_drop = drop;
    step_group_expect(&options, ATTEMPT "raw_socket chown chroot",
                      "raw_socket EPERM\nchown EPERM\nchroot ok\n");
    const char *const all[] = {"ALL", NULL};
    options.cap_drop = all;
    step_group_expect(&options,
                      ATTEMPT "raw_socket chroot; grep CapEff /proc/self/status | "
                              "tr '\\t' ' '",
                      "raw_socket EPERM\nchroot EPERM\nCapEff: 0000000000000000\n");
}

/* What each system call ends with, so that it shows what a filter denies. */
static char *denied_calls(wfe_step_options *options, bool no_init)
{
    options->no_init = no_init;
    const char *out = step_group_out(options, "/programs/calls");
    step_assert_has(out, "\nend\n");
    char *copy = strdup(out);
    assert_non_null(copy);
    return copy;
}

/* wfe-init takes up a filter that was compiled when wfe was built; without it the runtime compiles
 * the same one. */
static void test_step_isolation__the_filter_of_wfe_init_is_the_runtime_s(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    static const char *const users[] = {"1000:1000", "0:0"};
    for (size_t i = 0; i < sizeof users / sizeof *users; i++) {
        wfe_step_options options = step_script(NULL);
        options.user = users[i];
        step_group_program(daemon, "calls", &options);
        char *own = denied_calls(&options, false);
        char *runtime_s = denied_calls(&options, true);
        step_assert_has(own, " EPERM\n");
        step_assert_has(own, "own 100000 ffffffffffffffff ENOSYS\n");
        assert_string_equal(own, runtime_s);
        options.seccomp = "unconfined";
        char *none = denied_calls(&options, false);
        assert_string_not_equal(own, none);
        free(own);
        free(runtime_s);
        free(none);
    }
}

static void test_step_isolation__without_a_filter_only_capabilities_hold(void **state)
{
    wfe_step_options options = attempting(state, "0:0");
    options.seccomp = "unconfined";
    step_group_expect(&options, ATTEMPT "keyctl unshare_user mount clone3",
                      "keyctl ok\nunshare_user ok\nmount EPERM\nclone3 EINVAL\n");
    step_group_expect(&options, "grep ^Seccomp: /proc/self/status | tr '\\t' ' '", "Seccomp: 0\n");
}

static void test_step_isolation__a_filter_of_the_user_s_own_holds(void **state)
{
    wfe_step_options options = attempting(state, "0:0");
    options.seccomp = "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"chroot\"],"
                      "\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":38}]}";
    step_group_expect(&options, ATTEMPT "chroot keyctl", "chroot ENOSYS\nkeyctl ok\n");
}

static void test_step_isolation__a_privileged_step_is_not_confined(void **state)
{
    wfe_step_options options = attempting(state, "0:0");
    options.privileged = true;
    step_group_expect(&options, ATTEMPT "mount unshare unshare_user keyctl sysctl sysfs",
                      "mount ok\nunshare ok\nunshare_user ok\nkeyctl ok\nsysctl ok\nsysfs ok\n");
    if (has_sysrq())
        step_group_expect(&options, ATTEMPT "sysrq", "sysrq ok\n");
    step_group_expect(&options, "grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status | tr '\\t' ' '",
                      "NoNewPrivs: 0\nSeccomp: 0\n");
    char ours[64] = "", caps[64] = "";
    FILE *status = fopen("/proc/self/status", "r");
    while (fgets(caps, sizeof caps, status))
        (void)sscanf(caps, "CapBnd: %63s", ours);
    fclose(status);
    step_assert_has(step_group_out(&options, "grep CapEff /proc/self/status"), ours);
    char open_disk[64];
    snprintf(open_disk, sizeof open_disk, "mknod_disk ok\nopen_disk %s\n",
             access("/dev/block/8:0", F_OK) == 0 ? "ok" : "ENXIO");
    step_group_expect(&options, ATTEMPT "mknod_disk open_disk", open_disk);
}

/* Each node of the machine's /dev, with its numbers and its mode. */
static void test_step_isolation__a_privileged_step_has_the_machine_s_devices(void **state)
{
    private_containerd_of(state);
    wfe_step_devices devices = {0};
    wfe_step_options options = step_script(NULL);
    options.privileged = true;
    assert_int_equal(wfe_step_devices_find("/dev", &devices, NULL), 0);
    const char *found = step_group_out(
        &options, "find /dev -type b -o -type c | while read f; do stat -c '%n %t:%T %a' $f; done");
    for (size_t i = 0; i < devices.n; i++) {
        const wfe_oci_device *d = &devices.list[i];
        char line[512];
        snprintf(line, sizeof line, "%s %x:%x %o\n", d->path, d->major, d->minor, d->mode);
        step_assert_has(found, line);
    }
    assert_true(devices.n > 0);
    wfe_step_devices_done(&devices);
    step_group_out(&options, "echo hi >/dev/pts/ptmx && : </dev/full && head -c 1 /dev/random");
    options.user = "1000:1000"; /* the file's mode counts */
    step_group_expect(&options,
                      "! grep -q '^CapBnd:.0*$' /proc/self/status && "
                      "grep ^CapEff /proc/self/status | tr '\\t' ' '",
                      "CapEff: 0000000000000000\n");
}

/* A program that is set-user-ID root, run by another user. */
static void test_step_isolation__new_privileges_are_only_for_who_asks(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    wfe_step_options options = step_script(NULL);
    step_group_program(daemon, "use", &options);
    const char *script = "cp /programs/use /tmp/ids && chmod 4755 /tmp/ids && "
                         "/programs/use as 1000 /tmp/ids ids";
    step_group_expect(&options, script, "1000 1000\n");
    options.allow_new_privileges = true;
    step_group_expect(&options, script, "1000 0\n");
    options.user = "1000:1000"; /* none of its own, root's for sudo */
    step_group_expect(&options, "grep -E '^Cap(Eff|Bnd)' /proc/self/status | tr '\\t' ' '",
                      "CapEff: 0000000000000000\nCapBnd: 00000000a80425fb\n");
}

static void test_step_isolation__leaves_nothing_behind(void **state)
{
    private_containerd_assert_clean(private_containerd_of(state));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_step_isolation__root_cannot_reach_the_machine),
        cmocka_unit_test(test_step_isolation__a_user_cannot_reach_the_machine),
        cmocka_unit_test(test_step_isolation__another_user_s_process_cannot_be_traced),
        cmocka_unit_test(test_step_isolation__a_disk_can_be_made_by_root_and_not_opened),
        cmocka_unit_test(test_step_isolation__kernel_settings_cannot_be_written),
        cmocka_unit_test(
            test_step_isolation__sockets_into_the_hypervisor_and_the_kernel_are_denied),
        cmocka_unit_test(test_step_isolation__calls_with_a_fall_back_do_not_exist),
        cmocka_unit_test(test_step_isolation__has_a_filter_and_no_new_privileges),
        cmocka_unit_test(test_step_isolation__has_the_capabilities_of_its_user),
        cmocka_unit_test(test_step_isolation__is_in_namespaces_of_its_own),
        cmocka_unit_test(test_step_isolation__sees_only_its_own_processes),
        cmocka_unit_test(test_step_isolation__has_only_loopback),
        cmocka_unit_test(test_step_isolation__has_its_own_name),
        cmocka_unit_test(test_step_isolation__is_in_a_cgroup_of_its_own),
        cmocka_unit_test(test_step_isolation__is_no_more_and_no_less_likely_to_be_killed),
        cmocka_unit_test(test_step_isolation__sees_nothing_in_masked_files),
        cmocka_unit_test(test_step_isolation__cannot_write_read_only_paths),
        cmocka_unit_test(test_step_isolation__has_the_default_devices_and_no_other),
        cmocka_unit_test(test_step_isolation__an_image_leads_no_mount_of_wfe_s_into_a_volume),
        cmocka_unit_test(test_step_isolation__an_image_puts_nothing_in_the_place_of_wfe_init),
        cmocka_unit_test(test_step_isolation__devices_work),
        cmocka_unit_test(test_step_isolation__a_terminal_can_be_opened),
        cmocka_unit_test(test_step_isolation__threads_and_sockets_on_loopback_work),
        cmocka_unit_test(test_step_isolation__a_load_of_processes_and_pipes_works),
        cmocka_unit_test(test_step_isolation__root_can_do_what_package_managers_do),
        cmocka_unit_test(test_step_isolation__a_32_bit_program_works),
        cmocka_unit_test(test_step_isolation__root_cannot_change_the_program_that_is_pid_1),
        cmocka_unit_test(test_step_isolation__a_capability_that_is_added_works),
        cmocka_unit_test(test_step_isolation__a_capability_that_is_dropped_is_gone),
        cmocka_unit_test(test_step_isolation__the_filter_of_wfe_init_is_the_runtime_s),
        cmocka_unit_test(test_step_isolation__without_a_filter_only_capabilities_hold),
        cmocka_unit_test(test_step_isolation__a_filter_of_the_user_s_own_holds),
        cmocka_unit_test(test_step_isolation__a_privileged_step_is_not_confined),
        cmocka_unit_test(test_step_isolation__a_privileged_step_has_the_machine_s_devices),
        cmocka_unit_test(test_step_isolation__new_privileges_are_only_for_who_asks),
        cmocka_unit_test(test_step_isolation__leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, setup, step_group_teardown);
}
