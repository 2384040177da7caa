/* SPDX-License-Identifier: Apache-2.0
 *
 * The system calls of wfe-init, without a libc: the trap instruction, the numbers and the few
 * constants of each processor. Results are the kernel's own, a negative errno on failure. The
 * numbers are written out so that a bare cross compiler is enough.
 */
#ifndef WFE_INIT_SYSCALLS_H
#define WFE_INIT_SYSCALLS_H

#if defined(__x86_64__) && defined(__LP64__)
enum {
    SYS_WRITE = 1,
    SYS_CLOSE = 3,
    SYS_MMAP = 9,
    SYS_RT_SIGACTION = 13,
    SYS_RT_SIGPROCMASK = 14,
    SYS_IOCTL = 16,
    SYS_PWRITE64 = 18,
    SYS_GETPID = 39,
    SYS_CLONE = 56,
    SYS_EXECVE = 59,
    SYS_WAIT4 = 61,
    SYS_KILL = 62,
    SYS_FCNTL = 72,
    SYS_SETPGID = 109,
    SYS_GETPGID = 121,
    SYS_RT_SIGTIMEDWAIT = 128,
    SYS_PRCTL = 157,
    SYS_CLOCK_GETTIME = 228,
    SYS_EXIT_GROUP = 231,
    SYS_OPENAT = 257,
    SYS_FACCESSAT = 269,
    SYS_DUP3 = 292,
    SYS_CLOSE_RANGE = 436,
    OPEN_DIRECTORY = 0200000,
};

static inline long syscall6(long number, long a, long b, long c, long d, long e, long f)
{
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

/* The kernel starts a program with argc, argv and the environment on the stack and no return
 * address; the C function gets their place. */
__asm__(".text\n"
        ".globl _start\n"
        ".type _start, @function\n"
        "_start:\n"
        "    xor %ebp, %ebp\n"
        "    mov %rsp, %rdi\n"
        "    and $-16, %rsp\n"
        "    call wfe_init_main\n"
        "    hlt\n"
        ".size _start, . - _start\n");

#elif defined(__aarch64__) && defined(__LP64__) && defined(__AARCH64EL__)
enum {
    SYS_DUP3 = 24,
    SYS_FCNTL = 25,
    SYS_IOCTL = 29,
    SYS_FACCESSAT = 48,
    SYS_OPENAT = 56,
    SYS_CLOSE = 57,
    SYS_WRITE = 64,
    SYS_PWRITE64 = 68,
    SYS_EXIT_GROUP = 94,
    SYS_CLOCK_GETTIME = 113,
    SYS_KILL = 129,
    SYS_RT_SIGACTION = 134,
    SYS_RT_SIGPROCMASK = 135,
    SYS_RT_SIGTIMEDWAIT = 137,
    SYS_SETPGID = 154,
    SYS_GETPGID = 155,
    SYS_PRCTL = 167,
    SYS_GETPID = 172,
    SYS_CLONE = 220,
    SYS_EXECVE = 221,
    SYS_MMAP = 222,
    SYS_WAIT4 = 260,
    SYS_CLOSE_RANGE = 436,
    OPEN_DIRECTORY = 040000,
};

static inline long syscall6(long number, long a, long b, long c, long d, long e, long f)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc #0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
    return x0;
}

__asm__(".text\n"
        ".globl _start\n"
        ".type _start, %function\n"
        "_start:\n"
        "    mov x29, #0\n"
        "    mov x30, #0\n"
        "    mov x0, sp\n"
        "    bl wfe_init_main\n"
        "    brk #1\n"
        ".size _start, . - _start\n");

#else
#error "wfe-init knows the system calls of x86_64 and little-endian aarch64 only"
#endif

/* The same on both processors. */
enum {
    ERRNO_NOENT = 2,
    ERRNO_INTR = 4,
    ERRNO_AGAIN = 11,
    ERRNO_ACCES = 13,
    ERRNO_NODEV = 19,
    ERRNO_NOTDIR = 20,
    ERRNO_ISDIR = 21,
    ERRNO_IO = 5,
    ERRNO_NAMETOOLONG = 36,
    ERRNO_LOOP = 40,
    ERRNO_TIMEDOUT = 110,
    ERRNO_STALE = 116,
    SIGNAL_KILL = 9,
    SIGNAL_CHLD = 17,
    SIGNAL_STOP = 19,
    SIGNAL_LAST = 64,
    SIGMASK_SET = 2, /* SIG_SETMASK */
    SIGMASK_BYTES = 8,
    AT_CURRENT_FOLDER = -100, /* AT_FDCWD */
    OPEN_WRITE_ONLY = 01,
    OPEN_NONBLOCK = 04000,
    OPEN_CLOSE_ON_EXEC = 02000000,
    OPEN_PATH = 010000000,
    FCNTL_SET_FLAGS = 4, /* F_SETFL */
    FCNTL_DUPLICATE_CLOSE_ON_EXEC = 1030,
    CLOCK_WALL = 0, /* CLOCK_REALTIME */
    WAIT_NO_HANG = 1,
    MAP_READ_WRITE = 3,
    MAP_SHARED_ANONYMOUS = 0x21,
    PRCTL_SET_SECCOMP = 22,
    PRCTL_SECCOMP_MODE_FILTER = 2,
    PRCTL_SET_CHILD_SUBREAPER = 36,
    IOCTL_SET_FOREGROUND_GROUP = 0x5410, /* TIOCSPGRP */
};

/* Any pointer or integer as the register that the kernel reads. */
#define ARG(value) ((long)(value))
#define CALL3(number, a, b, c) syscall6((number), ARG(a), ARG(b), ARG(c), 0, 0, 0)
#define CALL4(number, a, b, c, d) syscall6((number), ARG(a), ARG(b), ARG(c), ARG(d), 0, 0)

struct kernel_time {
    long seconds;
    long nanoseconds;
};

/* One instruction of a filter, and a filter (linux/filter.h). */
struct filter_instruction {
    unsigned short code;
    unsigned char if_true;
    unsigned char if_false;
    unsigned int operand;
};

struct filter_program {
    unsigned short length;
    const struct filter_instruction *code;
};

/* All zero is SIG_DFL without flags. */
struct kernel_action {
    unsigned long handler;
    unsigned long flags;
    unsigned long restorer;
    unsigned long mask;
};

#endif
