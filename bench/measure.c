/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs a command with its output thrown away and prints its wall time (ms), its CPU time (user and
 * system, ms) and its peak resident memory (KB) as the kernel accounts them to it. It is this small
 * because the kernel counts the memory of the forked parent into the child's peak.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
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

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: measure COMMAND [ARG...]\n");
        return 2;
    }
    double begin = now_ms();
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, STDIN_FILENO);
        dup2(null, STDOUT_FILENO);
        execvp(argv[1], argv + 1);
        perror(argv[1]);
        _exit(127);
    }
    int status = 0;
    struct rusage usage;
    if (pid < 0 || wait4(pid, &status, 0, &usage) != pid)
        return 1;
    double wall = now_ms() - begin;
    if (status) {
        fprintf(stderr, "measure: %s ended with status %d\n", argv[1], status);
        return 1;
    }
    printf("%.2f %.2f %ld\n", wall, ms_of(usage.ru_utime) + ms_of(usage.ru_stime), usage.ru_maxrss);
    return 0;
}
