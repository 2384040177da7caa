/* SPDX-License-Identifier: Apache-2.0 */
#include "base/owner.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"

#define STAT_MAX_BYTES 4096
#define STARTTIME_FIELD 22 /* proc(5), /proc/pid/stat */

/* Clock ticks since boot at which pid started; 0 when there is no such process. */
static unsigned long long start_time_of(pid_t pid)
{
    char path[64];
    unsigned long long value = 0;
    wfe_buf text = WFE_BUF_INIT(STAT_MAX_BYTES * 2);
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    if (!wfe_fd_read_file(path, STAT_MAX_BYTES, &text, NULL)) {
        /* The second field, the name in parentheses, may itself hold spaces and parentheses. */
        const char *p = strrchr(text.data, ')');
        for (int field = 2; p && field < STARTTIME_FIELD; field++)
            p = strchr(p + 1, ' ');
        if (!p || sscanf(p, " %llu", &value) != 1)
            value = 0;
    }
    wfe_buf_done(&text);
    return value;
}

static void read_boot_id(char out[40])
{
    wfe_buf text = WFE_BUF_INIT(128);
    snprintf(out, 40, "-");
    if (!wfe_fd_read_file("/proc/sys/kernel/random/boot_id", 64, &text, NULL))
        snprintf(out, 40, "%.*s", (int)strcspn(text.data, "\n"), text.data);
    wfe_buf_done(&text);
}

void wfe_owner_format_pid(pid_t pid, char out[WFE_OWNER_TEXT_SIZE])
{
    char boot[40];
    if (!pid)
        pid = getpid();
    read_boot_id(boot);
    snprintf(out, WFE_OWNER_TEXT_SIZE, "%d:%llu:%s", (int)pid, start_time_of(pid), boot);
}

void wfe_owner_format(char out[WFE_OWNER_TEXT_SIZE])
{
    wfe_owner_format_pid(0, out);
}

bool wfe_owner_is_alive(const char *text)
{
    int pid = 0;
    unsigned long long start = 0;
    char boot[40] = "", now[WFE_OWNER_TEXT_SIZE];
    if (sscanf(text, "%d:%llu:%39s", &pid, &start, boot) != 3 || pid <= 0 || !start)
        return false;
    wfe_owner_format_pid(pid, now);
    return strcmp(text, now) == 0;
}
