/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/resources.h"

#include <string.h>

#include "base/bytesize.h"
#include "base/utf8.h"

#define SHOWN_BYTES 64
#define CPU_FRACTION_DIGITS 9
#define NANO ((uint64_t)1000000000)
/* 0.01 of a CPU is 1,000 us, the least that the kernel takes. */
#define CPU_MIN_NANO (NANO / 100)

int wfe_oci_memory_parse(const char *text, uint64_t *ret_bytes, wfe_error *err)
{
    return wfe_bytesize_parse(text, "memory", WFE_OCI_MEMORY_MIN_BYTES, WFE_OCI_MEMORY_MAX_BYTES,
                              ret_bytes, err);
}

int wfe_oci_shm_size_parse(const char *text, uint64_t *ret_bytes, wfe_error *err)
{
    return wfe_bytesize_parse(text, "shm_size", WFE_OCI_SHM_MIN_BYTES, WFE_OCI_SHM_MAX_BYTES,
                              ret_bytes, err);
}

/* Reads "12", "12.5" or ".5" as billionths; no strtod(), which obeys the locale. */
static bool read_cpus(const char *text, uint64_t *ret_nano)
{
    uint64_t whole = 0, fraction = 0, unit = NANO;
    const char *p = text;
    size_t digits = 0;
    for (; *p >= '0' && *p <= '9'; p++, digits++) {
        whole = whole * 10 + (uint64_t)(*p - '0');
        if (whole > WFE_OCI_CPU_MAX)
            return false;
    }
    if (*p == '.') {
        const char *start = ++p;
        for (; *p >= '0' && *p <= '9' && p - start < CPU_FRACTION_DIGITS; p++, digits++) {
            unit /= 10;
            fraction += unit * (uint64_t)(*p - '0');
        }
        if (p == start)
            return false;
    }
    *ret_nano = whole * NANO + fraction;
    return digits && !*p;
}

int wfe_oci_cpu_parse(const char *text, uint64_t *ret_quota_us, wfe_error *err)
{
    uint64_t nano = 0;
    if (!read_cpus(text, &nano) || nano < CPU_MIN_NANO || nano > WFE_OCI_CPU_MAX * NANO)
        return wfe_error_set(err, WFE_E_INVALID,
                             "cpu is '%.*s', must be a number of CPUs such as 0.5, 2 or 1.5, from "
                             "0.01 to %d",
                             (int)wfe_utf8_prefix(text, SHOWN_BYTES), text, WFE_OCI_CPU_MAX);
    *ret_quota_us = nano / (NANO / WFE_OCI_CPU_PERIOD_US);
    return 0;
}

/* The digits at *p; false when there are none or they pass max. */
static bool read_number(const char **p, uint64_t max, uint64_t *ret)
{
    uint64_t value = 0;
    const char *start = *p;
    for (; **p >= '0' && **p <= '9'; (*p)++) {
        if (__builtin_mul_overflow(value, 10U, &value) ||
            __builtin_add_overflow(value, (uint64_t)(**p - '0'), &value) || value > max)
            return false;
    }
    *ret = value;
    return *p > start;
}

int wfe_oci_pids_parse(const char *text, uint32_t *ret, wfe_error *err)
{
    uint64_t value = 0;
    const char *p = text;
    if (!read_number(&p, WFE_OCI_PIDS_MAX, &value) || *p || !value)
        return wfe_error_set(err, WFE_E_INVALID,
                             "pids is '%.*s', must be a number of processes from 1 to %d",
                             (int)wfe_utf8_prefix(text, SHOWN_BYTES), text, WFE_OCI_PIDS_MAX);
    *ret = (uint32_t)value;
    return 0;
}

/* Swap is limited by the sum: as much as memory alone is none (the runtime translates it to 0 for
 * cgroup v2, which counts swap by itself). */
static void write_memory(wfe_oci_writer *w, const wfe_oci_resources *resources)
{
    wfe_oci_write_object(w, "memory");
    wfe_oci_write_number(w, "limit", resources->memory_bytes);
    if (!resources->no_swap_accounting)
        wfe_oci_write_number(w, "swap", resources->memory_bytes);
    wfe_oci_write_object_end(w);
}

/* The runtime itself allows null, zero, full, random, urandom, tty and the ptys. */
static void write_devices(wfe_oci_writer *w, const wfe_oci_resources *resources)
{
    wfe_oci_write_list(w, "devices");
    wfe_oci_write_object(w, NULL);
    wfe_oci_write_bool(w, "allow", resources->all_devices);
    wfe_oci_write_text(w, "access", "rwm");
    wfe_oci_write_object_end(w);
    wfe_oci_write_list_end(w);
}

void wfe_oci_resources_write(wfe_oci_writer *w, const char *key, const wfe_oci_resources *resources)
{
    wfe_oci_write_object(w, key);
    write_devices(w, resources);
    if (resources->memory_bytes)
        write_memory(w, resources);
    if (resources->cpu_quota_us) {
        wfe_oci_write_object(w, "cpu");
        wfe_oci_write_number(w, "quota", resources->cpu_quota_us);
        wfe_oci_write_number(w, "period", WFE_OCI_CPU_PERIOD_US);
        wfe_oci_write_object_end(w);
    }
    if (resources->pids) {
        wfe_oci_write_object(w, "pids");
        wfe_oci_write_number(w, "limit", resources->pids);
        wfe_oci_write_object_end(w);
    }
    wfe_oci_write_object_end(w);
}
