/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs a command with its output thrown away and prints its wall time (ms), its CPU time (user and
 * system, ms) and its peak resident memory (KB) as the kernel accounts them to it. It is this small
 * because the kernel counts the memory of the forked parent into the child's peak.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static double ms_of(struct timeval tv)
{
    return (double)tv.tv_sec * 1e3 + (double)tv.tv_usec / 1e3;
}

/* As the shells do it that care: without a copy of this process, which the kernel would count as
 * time of the command. */
static int spawn(char **argv, pid_t *ret)
{
    posix_spawn_file_actions_t actions;
    int code = posix_spawn_file_actions_init(&actions);
    if (code)
        return code;
    code = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDWR, 0);
    if (!code)
        code = posix_spawn_file_actions_adddup2(&actions, STDIN_FILENO, STDOUT_FILENO);
    if (!code)
        code = posix_spawnp(ret, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    return code;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: measure COMMAND [ARG...]\n");
        return 2;
    }
    double begin = now_ms();
    pid_t pid = 0;
    int code = spawn(argv + 1, &pid);
    if (code) {
        fprintf(stderr, "%s: %s\n", argv[1], strerror(code));
        return 127;
    }
    int status = 0;
    struct rusage usage;
    if (wait4(pid, &status, 0, &usage) != pid)
        return 1;
    double wall = now_ms() - begin;
    if (status) {
        fprintf(stderr, "measure: %s ended with status %d\n", argv[1], status);
        return 1;
    }
    printf("%.2f %.2f %ld\n", wall, ms_of(usage.ru_utime) + ms_of(usage.ru_stime), usage.ru_maxrss);
    return 0;
}
