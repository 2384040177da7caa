/* SPDX-License-Identifier: Apache-2.0
 *
 *     compile_filters OUTPUT
 *
 * Run by the build: compiles wfe's default filter of system calls (oci/seccomp.h) with libseccomp
 * into the programs that the kernel takes, and writes them as a header for wfe-init. What the
 * runtime would compile anew at every start of a container, a tenth of its time, is compiled once.
 *
 * The result decides as what runc 1.1 makes of the same OCI filter (libcontainer/seccomp):
 * libseccomp's program, here as a search tree, behind a few instructions that answer ENOSYS, not
 * EPERM, to calls that are newer than all that the filter knows, so that programs fall back to
 * older ones. What counts as newer depends on the libseccomp at hand.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "oci/seccomp.h"

#define MAX_INSTRUCTIONS BPF_MAXINSNS
#define MAX_ARCHITECTURES 2
#define X32_BIT 0x40000000U
/* A filter is run once for every number of a call when it is taken up (Linux: kernel/seccomp.c,
 * seccomp_cache_prepare): 1.3 ms for one that compares with each number in turn, 0.5 for a tree. */
#define BINARY_TREE 2

struct machine {
    const char *condition; /* of the preprocessor */
    const char *name;
    struct {
        uint32_t libseccomp;
        uint32_t audit;
    } architectures[MAX_ARCHITECTURES];
};

/* Those that wfe-init knows (init/syscalls.h), with what seccomp.c calls their NO_X32 ABIs. */
static const struct machine machines[] = {
    {"defined(__x86_64__)",
     "amd64",
     {{SCMP_ARCH_X86_64, AUDIT_ARCH_X86_64}, {SCMP_ARCH_X86, AUDIT_ARCH_I386}}},
    {"defined(__aarch64__)",
     "arm64",
     {{SCMP_ARCH_AARCH64, AUDIT_ARCH_AARCH64}, {SCMP_ARCH_ARM, AUDIT_ARCH_ARM}}},
};

static const struct {
    const char *name;
    wfe_oci_caps caps;
} filters[] = {
#define FILTER_(name, caps) {name, caps},
    WFE_OCI_SECCOMP_COMPILED(FILTER_)
#undef FILTER_
};

#define COUNT(list) (sizeof(list) / sizeof *(list))

__attribute__((noreturn)) static void fail(const char *what, const char *on, int code)
{
    fprintf(stderr, "compile_filters: %s %s: %s\n", what, on, strerror(code));
    exit(1);
}

/* ---- the OCI filter, handed to libseccomp ---- */

static uint32_t action_of(const json_t *rule)
{
    if (strcmp(json_string_value(json_object_get(rule, "action")), "SCMP_ACT_ALLOW") == 0)
        return SCMP_ACT_ALLOW;
    return SCMP_ACT_ERRNO((uint32_t)json_integer_value(json_object_get(rule, "errnoRet")));
}

/* The only operator that the default filter uses. */
static struct scmp_arg_cmp comparison_of(const json_t *argument)
{
    if (strcmp(json_string_value(json_object_get(argument, "op")), "SCMP_CMP_MASKED_EQ") != 0)
        fail("cannot compile", "an operator", ENOTSUP);
    return (struct scmp_arg_cmp){
        .arg = (unsigned)json_integer_value(json_object_get(argument, "index")),
        .op = SCMP_CMP_MASKED_EQ,
        .datum_a = (scmp_datum_t)json_integer_value(json_object_get(argument, "value")),
        .datum_b = (scmp_datum_t)json_integer_value(json_object_get(argument, "valueTwo")),
    };
}

/* The highest number of a call on each architecture goes to newest. */
static void add_call(scmp_filter_ctx filter, const struct machine *m, const json_t *rule,
                     const char *name, int newest[MAX_ARCHITECTURES])
{
    const json_t *args = json_object_get(rule, "args");
    struct scmp_arg_cmp compare = {0};
    if (args)
        compare = comparison_of(json_array_get(args, 0));
    int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR)
        return; /* newer than this libseccomp: the runtime ignores it as well */
    int rc = seccomp_rule_add_array(filter, action_of(rule), number, args ? 1 : 0, &compare);
    if (rc)
        fail("cannot add", name, -rc);
    for (size_t i = 0; i < MAX_ARCHITECTURES; i++) {
        number = seccomp_syscall_resolve_name_arch(m->architectures[i].libseccomp, name);
        if (number > newest[i])
            newest[i] = number;
    }
}

static void add_rules(scmp_filter_ctx filter, const struct machine *m, const json_t *oci,
                      int newest[MAX_ARCHITECTURES])
{
    size_t i, k;
    const json_t *rule, *name;
    json_array_foreach(json_object_get(oci, "syscalls"), i, rule)
        json_array_foreach(json_object_get(rule, "names"), k, name)
            add_call(filter, m, rule, json_string_value(name), newest);
}

static json_t *oci_filter(const struct machine *m, wfe_oci_caps caps)
{
    wfe_buf text = WFE_BUF_INIT(WFE_OCI_SECCOMP_MAX_BYTES);
    wfe_oci_seccomp_options options = {
        .architecture = m->name,
        .caps = caps,
        .abis = WFE_OCI_SECCOMP_ABIS_NO_X32,
    };
    if (wfe_oci_seccomp_write(&options, &text, NULL))
        fail("cannot write", "the OCI filter", ENOMEM);
    json_t *json = json_loadb(text.data, text.len, 0, NULL);
    wfe_buf_done(&text);
    if (!json)
        fail("cannot read", "the OCI filter", EINVAL);
    return json;
}

static scmp_filter_ctx new_filter(const struct machine *m, const json_t *oci)
{
    json_int_t denied = json_integer_value(json_object_get(oci, "defaultErrnoRet"));
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO((uint32_t)denied));
    if (!filter)
        fail("cannot make", "a filter", ENOMEM);
    int rc = 0;
    for (size_t i = 0; !rc && i < MAX_ARCHITECTURES; i++) {
        rc = seccomp_arch_add(filter, m->architectures[i].libseccomp);
        if (rc == -EEXIST)
            rc = 0;
    }
    if (!rc)
        rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, BINARY_TREE);
    uint32_t own = seccomp_arch_native();
    bool wanted = own == m->architectures[0].libseccomp || own == m->architectures[1].libseccomp;
    if (!rc && !wanted)
        rc = seccomp_arch_remove(filter, own);
    if (rc)
        fail("cannot set", "architectures", -rc);
    return filter;
}

/* ---- the kernel's program ---- */

struct program {
    struct sock_filter code[MAX_INSTRUCTIONS];
    size_t len;
};

static void put(struct program *p, uint16_t code, uint8_t if_true, uint8_t if_false, uint32_t k)
{
    p->code[p->len++] = (struct sock_filter){code, if_true, if_false, k};
}

/* Calls above the newest known: ENOSYS. Those of x32 are for libseccomp's part, which takes them
 * for another architecture. */
static void put_newer_calls(struct program *p, const struct machine *m,
                            const int newest[MAX_ARCHITECTURES])
{
    for (size_t i = 0; i < MAX_ARCHITECTURES; i++) {
        bool has_x32 = m->architectures[i].audit == AUDIT_ARCH_X86_64;
        uint8_t length = has_x32 ? 4 : 3;
        put(p, BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, arch));
        put(p, BPF_JMP | BPF_JEQ | BPF_K, 0, length, m->architectures[i].audit);
        put(p, BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr));
        if (has_x32)
            put(p, BPF_JMP | BPF_JGE | BPF_K, 2, 0, X32_BIT);
        put(p, BPF_JMP | BPF_JGT | BPF_K, 0, 1, (uint32_t)newest[i]);
        put(p, BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | ENOSYS);
    }
}

static void put_compiled(struct program *p, scmp_filter_ctx filter)
{
    int fd = memfd_create("filter", MFD_CLOEXEC);
    int rc = fd < 0 ? -errno : seccomp_export_bpf(filter, fd);
    size_t room = (MAX_INSTRUCTIONS - p->len) * sizeof *p->code;
    ssize_t len = rc ? -1 : pread(fd, p->code + p->len, room, 0);
    if (len <= 0 || (size_t)len == room || (size_t)len % sizeof *p->code)
        fail("cannot export", "a filter", rc ? -rc : E2BIG);
    p->len += (size_t)len / sizeof *p->code;
    close(fd);
}

static void compile(const struct machine *m, wfe_oci_caps caps, struct program *p)
{
    json_t *oci = oci_filter(m, caps);
    scmp_filter_ctx filter = new_filter(m, oci);
    int newest[MAX_ARCHITECTURES] = {0};
    p->len = 0;
    add_rules(filter, m, oci, newest);
    put_newer_calls(p, m, newest);
    put_compiled(p, filter);
    seccomp_release(filter);
    json_decref(oci);
}

/* ---- the header ---- */

static void write_program(FILE *out, size_t index, const struct program *p)
{
    fprintf(out, "static const struct filter_instruction filter_%zu[] = {\n", index);
    for (size_t i = 0; i < p->len; i++)
        fprintf(out, "    {0x%x, %u, %u, 0x%" PRIx32 "},\n", p->code[i].code, p->code[i].jt,
                p->code[i].jf, p->code[i].k);
    fprintf(out, "};\n");
}

static void write_machine(FILE *out, const struct machine *m)
{
    static struct program program;
    for (size_t i = 0; i < COUNT(filters); i++) {
        compile(m, filters[i].caps, &program);
        write_program(out, i, &program);
    }
    fprintf(out, "static const struct filter filters[] = {\n");
    for (size_t i = 0; i < COUNT(filters); i++)
        fprintf(out, "    {\"%s\", sizeof filter_%zu / sizeof *filter_%zu, filter_%zu},\n",
                filters[i].name, i, i, i);
    fprintf(out, "};\n");
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: compile_filters OUTPUT\n");
        return 2;
    }
    FILE *out = fopen(argv[1], "we");
    if (!out)
        fail("cannot write", argv[1], errno);
    fprintf(out, "/* Generated by tools/compile_filters.c. */\n");
    for (size_t i = 0; i < COUNT(machines); i++) {
        fprintf(out, "#%sif %s\n", i ? "el" : "", machines[i].condition);
        write_machine(out, &machines[i]);
    }
    fprintf(out, "#endif\n");
    if (ferror(out) | fclose(out))
        fail("cannot write", argv[1], errno);
    return 0;
}
