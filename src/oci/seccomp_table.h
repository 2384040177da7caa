/* SPDX-License-Identifier: Apache-2.0
 *
 * The system calls of wfe's default filter, by what they are for. It allows what the default
 * profile of docker allows (moby/profiles: seccomp/default.json of 2026), so that a program that
 * runs there runs here. Names are those of all architectures: the runtime ignores what its own
 * libseccomp does not know.
 *
 * Not in the table, hence EPERM for everybody: the kernel's keys (add_key, keyctl, request_key),
 * io_uring_*, userfaultfd, kexec_*, swapon and swapoff, nfsservctl, pivot_root, move_pages, and
 * whatever a newer kernel brings.
 */
#ifndef WFE_OCI_SECCOMP_TABLE_H
#define WFE_OCI_SECCOMP_TABLE_H

/* Allowed for every process. */
#define WFE_OCI_SECCOMP_ALWAYS                                                                                                                       \
    /* files: open, read, write, place */                                                                                                            \
    "open openat openat2 creat close close_range read readv pread64 preadv preadv2 write writev "                                                    \
    "pwrite64 pwritev pwritev2 lseek _llseek sendfile sendfile64 splice tee vmsplice "                                                               \
    "copy_file_range readahead fadvise64 fadvise64_64 fallocate truncate truncate64 ftruncate "                                                      \
    "ftruncate64 sync syncfs fsync fdatasync sync_file_range dup dup2 dup3 pipe pipe2 fcntl "                                                        \
    "fcntl64 flock ioctl memfd_create memfd_secret cachestat name_to_handle_at " /* files: names                                                     \
                                                                                    and folders */                                                   \
    "access faccessat faccessat2 mkdir mkdirat mknod mknodat rmdir link linkat symlink symlinkat "                                                   \
    "readlink readlinkat rename renameat renameat2 unlink unlinkat getdents getdents64 getcwd "                                                      \
    "chdir fchdir umask " /* files: what is known of them */                                                                                         \
    "stat stat64 fstat fstat64 lstat lstat64 newfstatat fstatat64 statx statfs statfs64 fstatfs "                                                    \
    "fstatfs64 statmount listmount chmod fchmod fchmodat fchmodat2 chown chown32 fchown fchown32 "                                                   \
    "fchownat lchown lchown32 utime utimes futimesat utimensat utimensat_time64 "                                                                    \
    "getxattr lgetxattr fgetxattr getxattrat listxattr llistxattr flistxattr listxattrat "                                                           \
    "setxattr lsetxattr fsetxattr setxattrat removexattr lremovexattr fremovexattr "                                                                 \
    "removexattrat "                                                                                                                                 \
    "inotify_init inotify_init1 inotify_add_watch inotify_rm_watch fanotify_mark " /* waiting for                                                    \
                                                                                      files */                                                       \
    "select _newselect pselect6 pselect6_time64 poll ppoll ppoll_time64 epoll_create "                                                               \
    "epoll_create1 epoll_ctl epoll_ctl_old epoll_wait epoll_wait_old epoll_pwait epoll_pwait2 "                                                      \
    "eventfd eventfd2 io_setup io_submit io_cancel io_getevents io_pgetevents "                                                                      \
    "io_pgetevents_time64 io_destroy " /* processes and threads */                                                                                   \
    "fork vfork execve execveat exit exit_group wait4 waitid waitpid getpid getppid gettid "                                                         \
    "getpgid getpgrp setpgid getsid setsid set_tid_address set_thread_area get_thread_area "                                                         \
    "set_robust_list get_robust_list futex futex_time64 futex_wait futex_wake futex_waitv "                                                          \
    "futex_requeue rseq membarrier restart_syscall prctl seccomp pidfd_open pidfd_send_signal "                                                      \
    "process_mrelease landlock_create_ruleset landlock_add_rule landlock_restrict_self "                                                             \
    "uretprobe " /* users and rights */                                                                                                              \
    "getuid getuid32 geteuid geteuid32 getgid getgid32 getegid getegid32 getresuid getresuid32 "                                                     \
    "getresgid getresgid32 getgroups getgroups32 setuid setuid32 setgid setgid32 setreuid "                                                          \
    "setreuid32 setregid setregid32 setresuid setresuid32 setresgid setresgid32 setgroups "                                                          \
    "setgroups32 setfsuid setfsuid32 setfsgid setfsgid32 capget capset " /* memory */                                                                \
    "brk mmap mmap2 munmap mremap mprotect madvise mincore msync mlock mlock2 mlockall munlock "                                                     \
    "munlockall mseal remap_file_pages map_shadow_stack pkey_alloc pkey_free pkey_mprotect " /* signals                                              \
                                                                                              */                                                     \
    "kill tkill tgkill pause alarm sigaltstack sigprocmask sigreturn signalfd signalfd4 "                                                            \
    "rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_tgsigqueueinfo rt_sigreturn "                                                      \
    "rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 " /* time */                                                                               \
    "time times gettimeofday nanosleep clock_gettime clock_gettime64 clock_getres "                                                                  \
    "clock_getres_time64 clock_nanosleep clock_nanosleep_time64 clock_adjtime clock_adjtime64 "                                                      \
    "adjtimex getitimer setitimer timer_create timer_delete timer_getoverrun timer_gettime "                                                         \
    "timer_gettime64 timer_settime timer_settime64 timerfd_create timerfd_gettime "                                                                  \
    "timerfd_gettime64 timerfd_settime timerfd_settime64 " /* scheduling and limits */                                                               \
    "sched_yield sched_getparam sched_setparam sched_getscheduler sched_setscheduler "                                                               \
    "sched_getattr sched_setattr sched_getaffinity sched_setaffinity sched_get_priority_max "                                                        \
    "sched_get_priority_min sched_rr_get_interval sched_rr_get_interval_time64 getpriority "                                                         \
    "setpriority ioprio_get ioprio_set getrlimit ugetrlimit setrlimit prlimit64 getrusage getcpu " /* sockets; socket itself has rules of its own */ \
    "socketcall socketpair bind listen accept accept4 connect shutdown getsockname getpeername "                                                     \
    "getsockopt setsockopt send sendto sendmsg sendmmsg recv recvfrom recvmsg recvmmsg "                                                             \
    "recvmmsg_time64 " /* messages, semaphores and memory between processes */                                                                       \
    "ipc msgget msgctl msgsnd msgrcv semget semctl semop semtimedop semtimedop_time64 shmget "                                                       \
    "shmctl shmat shmdt mq_open mq_unlink mq_notify mq_getsetattr mq_timedsend "                                                                     \
    "mq_timedsend_time64 mq_timedreceive mq_timedreceive_time64 " /* the machine */                                                                  \
    "uname sysinfo getrandom"

/* Allowed from Linux 4.8 on. */
#define WFE_OCI_SECCOMP_KERNEL_4_8 "ptrace process_vm_readv process_vm_writev"

/* Allowed on some architectures: its name, its calls. */
#define WFE_OCI_SECCOMP_BY_ARCHITECTURE(X)                                                         \
    X("amd64", "arch_prctl modify_ldt")                                                            \
    X("386", "modify_ldt")                                                                         \
    X("arm64", "sync_file_range2 arm_sync_file_range arm_fadvise64_64 cacheflush breakpoint "      \
               "set_tls")                                                                          \
    X("arm", "sync_file_range2 arm_sync_file_range arm_fadvise64_64 cacheflush breakpoint "        \
             "set_tls")                                                                            \
    X("ppc64le", "sync_file_range2 swapcontext")                                                   \
    X("riscv64", "riscv_flush_icache riscv_hwprobe")                                               \
    X("s390x", "s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr")

/* Allowed with a capability: its name, its calls. */
#define WFE_OCI_SECCOMP_BY_CAPABILITY(X)                                                           \
    X(BPF, "bpf")                                                                                  \
    X(DAC_READ_SEARCH, "open_by_handle_at")                                                        \
    X(PERFMON, "perf_event_open")                                                                  \
    X(SYS_ADMIN, "clone clone3 unshare setns mount umount umount2 move_mount mount_setattr "       \
                 "open_tree fsopen fsconfig fsmount fspick bpf perf_event_open fanotify_init "     \
                 "lookup_dcookie quotactl quotactl_fd sethostname setdomainname syslog "           \
                 "lsm_list_modules lsm_get_self_attr lsm_set_self_attr")                           \
    X(SYS_BOOT, "reboot")                                                                          \
    X(SYS_CHROOT, "chroot")                                                                        \
    X(SYS_MODULE, "init_module finit_module delete_module")                                        \
    X(SYS_NICE, "mbind get_mempolicy set_mempolicy set_mempolicy_home_node")                       \
    X(SYS_PACCT, "acct")                                                                           \
    X(SYS_PTRACE, "ptrace process_vm_readv process_vm_writev process_madvise kcmp pidfd_getfd")    \
    X(SYS_RAWIO, "ioperm iopl")                                                                    \
    X(SYS_TIME, "clock_settime clock_settime64 settimeofday stime")                                \
    X(SYS_TTY_CONFIG, "vhangup")                                                                   \
    X(SYSLOG, "syslog")

#endif
