/* SPDX-License-Identifier: Apache-2.0
 *
 * Everything a user writes about a step's confinement, one line each, read by the parsers and put
 * into a spec: what they accept, the builder accepts or refuses with an error, and what comes out
 * is JSON. The first bytes pick the flags; a line begins with the letter of its parser.
 */
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strmap.h"
#include "oci/host_files.h"
#include "oci/spec.h"
#include "oci/stop_signal.h"

#define MAX_ITEMS 16

struct input {
    wfe_oci_spec spec;
    const char *argv[MAX_ITEMS + 1];
    wfe_oci_tmpfs tmpfs[MAX_ITEMS];
    wfe_oci_rlimit rlimits[MAX_ITEMS];
    wfe_oci_bind volumes[MAX_ITEMS];
    size_t n_argv;
};

static void require(int condition)
{
    if (!condition)
        abort();
}

/* "unlimited" is a number too large for this parser of JSON: it gets a smaller one of its width. */
static void check_json(char *text, size_t len)
{
    static const char unlimited[] = "\":18446744073709551615";
    static const char smaller[] = "\":1                   ";
    require(strlen(text) == len);
    for (char *p = text; (p = strstr(p, unlimited)) != NULL; p++)
        memcpy(p, smaller, sizeof smaller - 1);
    json_error_t why;
    json_t *spec = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
    require(spec != NULL);
    json_decref(spec);
}

static void read_texts(const char *line, wfe_error *err)
{
    wfe_buf out = WFE_BUF_INIT(WFE_OCI_HOST_FILE_MAX_BYTES);
    const char *const list[] = {line, NULL};
    int number = 0;
    if (wfe_oci_stop_signal_parse(line, &number, err) == 0)
        require(number >= 1 && number <= WFE_OCI_SIGNAL_MAX);
    wfe_oci_hosts hosts = {.hostname = line, .extra_hosts = list};
    (void)wfe_oci_hosts_build(&hosts, &out, NULL);
    wfe_oci_resolv resolv = {
        .machine_text = line, .machine_len = strlen(line), .own_network = true};
    require(wfe_oci_resolv_conf_build(&resolv, &out, NULL) == 0);
    wfe_buf_done(&out);
}

static void read_line(struct input *in, char *line)
{
    wfe_oci_spec *spec = &in->spec;
    wfe_error err = WFE_ERROR_INIT;
    const char *const list[] = {line + 1, NULL};
    switch (line[0]) {
    case 'm':
        (void)wfe_oci_memory_parse(line + 1, &spec->resources.memory_bytes, &err);
        break;
    case 'h':
        (void)wfe_oci_shm_size_parse(line + 1, &spec->shm_size_bytes, &err);
        break;
    case 'c':
        (void)wfe_oci_cpu_parse(line + 1, &spec->resources.cpu_quota_us, &err);
        break;
    case 'p':
        (void)wfe_oci_pids_parse(line + 1, &spec->resources.pids, &err);
        break;
    case 't':
        if (spec->n_tmpfs < MAX_ITEMS &&
            wfe_oci_tmpfs_parse(line + 1, &in->tmpfs[spec->n_tmpfs], &err) == 0)
            spec->n_tmpfs++;
        break;
    case 'u':
        if (spec->n_rlimits < MAX_ITEMS &&
            wfe_oci_rlimit_parse(line + 1, &in->rlimits[spec->n_rlimits], &err) == 0)
            spec->n_rlimits++;
        break;
    case 'a':
        (void)wfe_oci_caps_parse(list, "cap_add", &spec->cap_add, &err);
        break;
    case 'd':
        (void)wfe_oci_caps_parse(list, "cap_drop", &spec->cap_drop, &err);
        break;
    case 's':
        spec->seccomp_profile = line + 1;
        spec->seccomp = WFE_OCI_SECCOMP_CUSTOM;
        break;
    case 'v':
        if (spec->n_volumes < MAX_ITEMS)
            in->volumes[spec->n_volumes++] = (wfe_oci_bind){.source = "/v", .target = line + 1};
        break;
    case 'w':
        spec->cwd = line + 1;
        break;
    case 'x':
        if (in->n_argv < MAX_ITEMS)
            in->argv[in->n_argv++] = line + 1;
        break;
    default:
        read_texts(line, &err);
    }
    require(!err.kind || err.message[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const char *const architectures[] = {"amd64", "arm64", "s390x", NULL};
    if (len < 2)
        return 0;
    _cleanup_free_ char *text = strndup((const char *)bytes + 2, len - 2);
    require(text != NULL);
    struct input in = {.argv = {"/x"}, .n_argv = 1};
    in.spec = (wfe_oci_spec){
        .argv = in.argv,
        .cwd = "/",
        .uid = bytes[0] & 1,
        .privileged = bytes[0] & 2 && bytes[0] & 4,
        .readonly_rootfs = bytes[0] & 8,
        .allow_new_privileges = bytes[0] & 16,
        .max_open_files = bytes[0] & 32 ? 1024 : 0,
        .cgroup_namespace = bytes[0] & 64,
        .architecture = architectures[bytes[1] & 3],
        .seccomp_abis = (enum wfe_oci_seccomp_abis)((bytes[1] >> 2 & 3) % 3),
        .tmpfs = in.tmpfs,
        .rlimits = in.rlimits,
        .volumes = in.volumes,
    };
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        read_line(&in, line);
    wfe_error err = WFE_ERROR_INIT;
    char *json = NULL;
    size_t json_len = 0;
    int rc = wfe_oci_spec_build(&in.spec, &json, &json_len, &err);
    require(rc == err.kind && (rc != 0) == (json == NULL));
    if (json)
        check_json(json, json_len);
    free(json);
    for (size_t i = 0; i < in.spec.n_tmpfs; i++)
        wfe_oci_tmpfs_done(&in.tmpfs[i]);
    return 0;
}
