/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernel: Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/{memory,cpuacct}.rst.
 */
#include "step/usage.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "cgroups/v1.pb-c.h"
#include "cgroups/v2.pb-c.h"
#include "containerd/tasks.h"

#define FILE_MAX_BYTES ((size_t)64 * 1024)

/* The number in a file of one, or behind key in a file of "key number" lines. */
static bool read_number(const char *folder, const char *name, const char *key, uint64_t *out)
{
    char path[PATH_MAX];
    wfe_buf text = WFE_BUF_INIT(2 * FILE_MAX_BYTES);
    bool found = false;
    if (snprintf(path, sizeof path, "%s/%s", folder, name) < (int)sizeof path &&
        wfe_fd_read_file(path, FILE_MAX_BYTES, &text, NULL) == 0) {
        const char *p = text.data;
        size_t key_len = key ? strlen(key) : 0;
        while (key && p && (strncmp(p, key, key_len) != 0 || p[key_len] != ' ')) {
            p = strchr(p, '\n');
            p = p ? p + 1 : NULL;
        }
        found = p && sscanf(p + key_len, "%" SCNu64, out) == 1;
    }
    wfe_buf_done(&text);
    return found;
}

static void read_v2(const char *root, const char *path, wfe_step_usage *out)
{
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s%s", root, path);
    out->known = read_number(folder, "cpu.stat", "usage_usec", &out->cpu_time_us) &&
                 read_number(folder, "memory.events", "oom_kill", &out->oom_kills);
    if (!read_number(folder, "memory.peak", NULL, &out->peak_memory_bytes))
        out->peak_memory_bytes = 0;
}

static void read_v1(const char *root, const char *path, wfe_step_usage *out)
{
    char memory[PATH_MAX], cpu[PATH_MAX];
    uint64_t cpu_ns = 0;
    snprintf(memory, sizeof memory, "%s/memory%s", root, path);
    snprintf(cpu, sizeof cpu, "%s/cpuacct%s", root, path);
    out->known = read_number(memory, "memory.max_usage_in_bytes", NULL, &out->peak_memory_bytes) &&
                 read_number(memory, "memory.oom_control", "oom_kill", &out->oom_kills) &&
                 read_number(cpu, "cpuacct.usage", NULL, &cpu_ns);
    out->cpu_time_us = cpu_ns / 1000;
}

void wfe_step_usage_read(const char *root, bool cgroup_v2, const char *cgroups_path,
                         wfe_step_usage *out)
{
    *out = (wfe_step_usage){0};
    if (cgroup_v2)
        read_v2(root, cgroups_path, out);
    else
        read_v1(root, cgroups_path, out);
    if (!out->known)
        *out = (wfe_step_usage){0};
}

static bool unpack_v1(const void *bytes, size_t len, wfe_step_usage *out)
{
    ProtobufCMessage *message =
        protobuf_c_message_unpack(&pb_cgroups1__metrics__descriptor, NULL, len, bytes);
    const PbCgroups1__Metrics *m = (const void *)message;
    if (!m)
        return false;
    out->known = true;
    if (m->memory && m->memory->usage)
        out->peak_memory_bytes = m->memory->usage->max;
    if (m->cpu && m->cpu->usage)
        out->cpu_time_us = m->cpu->usage->total / 1000;
    if (m->memory_oom_control)
        out->oom_kills = m->memory_oom_control->oom_kill;
    protobuf_c_message_free_unpacked(message, NULL);
    return true;
}

static bool unpack_v2(const void *bytes, size_t len, wfe_step_usage *out)
{
    ProtobufCMessage *message =
        protobuf_c_message_unpack(&pb_cgroups2__metrics__descriptor, NULL, len, bytes);
    const PbCgroups2__Metrics *m = (const void *)message;
    if (!m)
        return false;
    out->known = true;
    if (m->memory)
        out->peak_memory_bytes = m->memory->max_usage;
    if (m->cpu)
        out->cpu_time_us = m->cpu->usage_usec;
    if (m->memory_events)
        out->oom_kills = m->memory_events->oom_kill;
    protobuf_c_message_free_unpacked(message, NULL);
    return true;
}

bool wfe_step_usage_unpack(const char *type_url, const void *bytes, size_t len, wfe_step_usage *out)
{
    wfe_step_usage usage = {0};
    bool ok = false;
    if (strcmp(type_url, WFE_TASKS_CGROUPS_V1_TYPE) == 0)
        ok = unpack_v1(bytes, len, &usage);
    else if (strcmp(type_url, WFE_TASKS_CGROUPS_V2_TYPE) == 0)
        ok = unpack_v2(bytes, len, &usage);
    if (ok)
        *out = usage;
    return ok;
}
