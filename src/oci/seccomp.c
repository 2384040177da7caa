/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/seccomp.h"

#include <string.h>

#include "base/cleanup.h"
#include "oci/json.h"
#include "oci/seccomp_table.h"

#define ENOSYS_OF_LINUX 38
#define EPERM_OF_LINUX 1
/* CLONE_NEWNS, _NEWCGROUP, _NEWUTS, _NEWIPC, _NEWUSER, _NEWPID, _NEWNET. */
#define CLONE_NAMESPACES 0x7E020000
#define LOW_32_BITS 0xFFFFFFFF

#define put wfe_oci_json_put
#define append wfe_oci_json_append

/* What libseccomp calls the architectures of images, the 32-bit ones that the same kernel runs
 * after each. */
static const struct architecture {
    const char *name;
    const char *filters[4];
} architectures[] = {
    {"amd64", {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"}},
    {"arm64", {"SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"}},
    {"386", {"SCMP_ARCH_X86"}},
    {"arm", {"SCMP_ARCH_ARM"}},
    {"ppc64le", {"SCMP_ARCH_PPC64LE"}},
    {"riscv64", {"SCMP_ARCH_RISCV64"}},
    {"s390x", {"SCMP_ARCH_S390X", "SCMP_ARCH_S390"}},
    {"loong64", {"SCMP_ARCH_LOONGARCH64"}},
    {"mips64le", {"SCMP_ARCH_MIPSEL64", "SCMP_ARCH_MIPSEL", "SCMP_ARCH_MIPSEL64N32"}},
};

static const struct {
    const char *name;
    const char *calls;
} by_architecture[] = {
#define ARCHITECTURE_(name, calls) {name, calls},
    WFE_OCI_SECCOMP_BY_ARCHITECTURE(ARCHITECTURE_)
#undef ARCHITECTURE_
};

static const struct {
    wfe_oci_caps cap;
    const char *calls;
} by_capability[] = {
#define CAPABILITY_(name, calls) {WFE_OCI_CAP_BIT(name), calls},
    WFE_OCI_SECCOMP_BY_CAPABILITY(CAPABILITY_)
#undef CAPABILITY_
};

/* Families of socket(2) below 48 but AF_ALG (38) and AF_VSOCK (40), as blocks that one masked
 * comparison covers. The kernel looks at the low 32 bits of the argument only and a filter at all
 * 64, so that a plain "greater than 40" would let a process past with a bit above them set. */
static const struct {
    json_int_t mask;
    json_int_t value;
} socket_families[] = {
    {LOW_32_BITS ^ 31, 0}, /* 0 to 31 */
    {LOW_32_BITS ^ 3, 32}, /* 32 to 35 */
    {LOW_32_BITS ^ 1, 36}, /* 36, 37 */
    {LOW_32_BITS, 39},     /* 39 */
    {LOW_32_BITS, 41},     /* 41 */
    {LOW_32_BITS ^ 1, 42}, /* 42, 43 */
    {LOW_32_BITS ^ 3, 44}, /* 44 to 47 */
};

/* Kinds of personality(2): PER_LINUX (0) and PER_LINUX32 (8), each also with UNAME26 (0x20000),
 * are those that have no bit beside these two; all bits are the question for the present one. */
#define PERSONALITY_OTHER_BITS (LOW_32_BITS ^ 0x20008)

static const struct architecture *find_architecture(const char *name)
{
    for (size_t i = 0; name && i < sizeof architectures / sizeof *architectures; i++) {
        if (strcmp(name, architectures[i].name) == 0)
            return &architectures[i];
    }
    return NULL;
}

static bool has_name(const json_t *names, const char *name, size_t len)
{
    for (size_t i = 0; i < json_array_size(names); i++) {
        const json_t *one = json_array_get(names, i);
        if (json_string_length(one) == len && memcmp(json_string_value(one), name, len) == 0)
            return true;
    }
    return false;
}

/* Adds the words of a text. Groups may share calls; unique says that these do not. */
static bool add_calls(json_t *names, const char *words, bool unique)
{
    for (const char *word = words; *word;) {
        size_t len = strcspn(word, " ");
        if ((unique || !has_name(names, word, len)) &&
            !append(names, json_stringn_nocheck(word, len)))
            return false;
        word += len + strspn(word + len, " ");
    }
    return true;
}

/* The calls that are allowed whatever their arguments are: one rule with many names costs the
 * wire and the runtime less than many rules. */
static json_t *make_allowed(const wfe_oci_seccomp_options *options)
{
    bool known = find_architecture(options->architecture) != NULL;
    _cleanup_(wfe_oci_json_decref_p) json_t *names = json_array();
    bool ok = add_calls(names, WFE_OCI_SECCOMP_ALWAYS, true);
    if (ok && !options->kernel_before_4_8)
        ok = add_calls(names, WFE_OCI_SECCOMP_KERNEL_4_8, true);
    /* A name that another architecture has is ignored by the runtime, so that all are right for
     * one that is not known. */
    for (size_t i = 0; ok && i < sizeof by_architecture / sizeof *by_architecture; i++) {
        if (!known || strcmp(options->architecture, by_architecture[i].name) == 0)
            ok = add_calls(names, by_architecture[i].calls, false);
    }
    for (size_t i = 0; ok && i < sizeof by_capability / sizeof *by_capability; i++) {
        if (options->caps & by_capability[i].cap)
            ok = add_calls(names, by_capability[i].calls, false);
    }
    _cleanup_(wfe_oci_json_decref_p) json_t *rule = json_object();
    ok = ok && put(rule, "names", wfe_take(names)) &&
         put(rule, "action", json_string("SCMP_ACT_ALLOW"));
    return ok ? wfe_take(rule) : NULL;
}

static json_t *make_masked(const char *call, unsigned argument, json_int_t mask, json_int_t value)
{
    return json_pack("{s:[s], s:s, s:[{s:i, s:I, s:I, s:s}]}", "names", call, "action",
                     "SCMP_ACT_ALLOW", "args", "index", (int)argument, "value", mask, "valueTwo",
                     value, "op", "SCMP_CMP_MASKED_EQ");
}

static bool add_socket_rules(json_t *rules)
{
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof socket_families / sizeof *socket_families; i++)
        ok = append(rules,
                    make_masked("socket", 0, socket_families[i].mask, socket_families[i].value));
    return ok;
}

static bool add_personality_rules(json_t *rules)
{
    return append(rules, make_masked("personality", 0, PERSONALITY_OTHER_BITS, 0)) &&
           append(rules, make_masked("personality", 0, LOW_32_BITS, LOW_32_BITS));
}

/* Without CAP_SYS_ADMIN: clone makes no namespaces. The flags of clone3 are in memory, where no
 * filter can look; ENOSYS makes programs fall back to clone, where EPERM would end them. */
static bool add_clone_rules(json_t *rules, const wfe_oci_seccomp_options *options)
{
    if (options->caps & WFE_OCI_CAP_BIT(SYS_ADMIN))
        return true;
    const struct architecture *architecture = find_architecture(options->architecture);
    unsigned flags = architecture && strcmp(architecture->name, "s390x") == 0 ? 1 : 0;
    return append(rules, make_masked("clone", flags, CLONE_NAMESPACES, 0)) &&
           append(rules, json_pack("{s:[s], s:s, s:i}", "names", "clone3", "action",
                                   "SCMP_ACT_ERRNO", "errnoRet", ENOSYS_OF_LINUX));
}

static json_t *make_architectures(const struct architecture *architecture,
                                  enum wfe_oci_seccomp_abis abis)
{
    _cleanup_(wfe_oci_json_decref_p) json_t *names = json_array();
    bool ok = true;
    for (size_t i = 0; ok && architecture->filters[i]; i++) {
        bool wanted = i == 0 || abis == WFE_OCI_SECCOMP_ABIS_ALL ||
                      (abis == WFE_OCI_SECCOMP_ABIS_NO_X32 &&
                       strcmp(architecture->filters[i], "SCMP_ARCH_X32") != 0);
        ok = !wanted || append(names, json_string(architecture->filters[i]));
    }
    return ok ? wfe_take(names) : NULL;
}

json_t *wfe_oci_seccomp_build(const wfe_oci_seccomp_options *options)
{
    const struct architecture *architecture = find_architecture(options->architecture);
    _cleanup_(wfe_oci_json_decref_p) json_t *rules = json_array();
    bool ok = append(rules, make_allowed(options)) && add_socket_rules(rules) &&
              add_personality_rules(rules) && add_clone_rules(rules, options);
    _cleanup_(wfe_oci_json_decref_p) json_t *filter = json_object();
    ok = ok && put(filter, "defaultAction", json_string("SCMP_ACT_ERRNO")) &&
         put(filter, "defaultErrnoRet", json_integer(EPERM_OF_LINUX)) &&
         (!architecture ||
          put(filter, "architectures", make_architectures(architecture, options->abis))) &&
         put(filter, "syscalls", wfe_take(rules));
    return ok ? wfe_take(filter) : NULL;
}
