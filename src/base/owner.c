/* SPDX-License-Identifier: Apache-2.0 */
#include "base/owner.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"

#define STAT_MAX_BYTES 4096
#define BOOT_ID_SIZE 40

/* Clock ticks since boot at which pid started; 0 when there is no such process, or only a zombie,
 * whose parent may never look at it. */
static unsigned long long start_time_of(pid_t pid)
{
    char path[64], state = 0;
    unsigned long long value = 0;
    wfe_buf text = WFE_BUF_INIT(0);
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    if (!wfe_fd_read_file(path, STAT_MAX_BYTES, &text, NULL) && text.len) {
        /* The second field, the name in parentheses, may itself hold spaces and parentheses; the
         * start time is the 22nd (proc(5)). */
        const char *rest = strrchr(text.data, ')');
        if (!rest ||
            sscanf(rest + 1,
                   " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d "
                   "%llu",
                   &state, &value) != 2 ||
            state == 'Z' || state == 'X')
            value = 0;
    }
    wfe_buf_done(&text);
    return value;
}

static void read_boot_id(char out[BOOT_ID_SIZE])
{
    wfe_buf text = WFE_BUF_INIT(0);
    snprintf(out, BOOT_ID_SIZE, "-");
    if (!wfe_fd_read_file("/proc/sys/kernel/random/boot_id", 64, &text, NULL) && text.len)
        snprintf(out, BOOT_ID_SIZE, "%.*s", (int)strcspn(text.data, "\n"), text.data);
    wfe_buf_done(&text);
}

/* Numbers of processes mean something only within it. */
static unsigned long long pid_namespace(void)
{
    struct stat st;
    return stat("/proc/self/ns/pid", &st) == 0 ? (unsigned long long)st.st_ino : 0;
}

void wfe_owner_format_pid(pid_t pid, char out[WFE_OWNER_TEXT_SIZE])
{
    char boot[BOOT_ID_SIZE];
    if (!pid)
        pid = getpid();
    read_boot_id(boot);
    snprintf(out, WFE_OWNER_TEXT_SIZE, "%d:%llu:%s:%llu", (int)pid, start_time_of(pid), boot,
             pid_namespace());
}

void wfe_owner_format(char out[WFE_OWNER_TEXT_SIZE])
{
    wfe_owner_format_pid(0, out);
}

/* The parts of a text; false when it has another form. */
static bool parse(const char *text, int *pid, unsigned long long *start, char boot[BOOT_ID_SIZE],
                  unsigned long long *namespace_id)
{
    int end = -1;
    return sscanf(text, "%d:%llu:%39[^:]:%llu%n", pid, start, boot, namespace_id, &end) == 4 &&
           end >= 0 && !text[end] && *pid > 0 && *start && strcmp(boot, "-") != 0;
}

enum wfe_owner_state wfe_owner_look(const char *text)
{
    int pid = 0;
    unsigned long long start = 0, namespace_id = 0;
    char boot[BOOT_ID_SIZE] = "", this_boot[BOOT_ID_SIZE];
    if (!parse(text, &pid, &start, boot, &namespace_id))
        return WFE_OWNER_UNKNOWN;
    read_boot_id(this_boot);
    if (strcmp(boot, this_boot) != 0 || namespace_id != pid_namespace())
        return WFE_OWNER_ELSEWHERE;
    return start_time_of(pid) == start ? WFE_OWNER_ALIVE : WFE_OWNER_DEAD;
}

bool wfe_owner_is_alive(const char *text)
{
    return wfe_owner_look(text) == WFE_OWNER_ALIVE;
}

bool wfe_owner_is_of_other_boot(const char *text)
{
    int pid = 0;
    unsigned long long start = 0, namespace_id = 0;
    char boot[BOOT_ID_SIZE] = "", this_boot[BOOT_ID_SIZE];
    if (!parse(text, &pid, &start, boot, &namespace_id))
        return false;
    read_boot_id(this_boot);
    return strcmp(this_boot, "-") != 0 && strcmp(boot, this_boot) != 0;
}
