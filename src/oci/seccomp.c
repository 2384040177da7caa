/* SPDX-License-Identifier: Apache-2.0
 *
 * The default filter is written as text, not built from JSON values: nothing in it needs escaping,
 * and its four hundred names as values cost a quarter of the instructions of a whole step.
 */
#include "oci/seccomp.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "oci/seccomp_table.h"

#define ENOSYS_OF_LINUX 38
#define EPERM_OF_LINUX 1
/* CLONE_NEWNS, _NEWCGROUP, _NEWUTS, _NEWIPC, _NEWUSER, _NEWPID, _NEWNET. */
#define CLONE_NAMESPACES 0x7E020000
#define LOW_32_BITS 0xFFFFFFFF

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

static const struct {
    const char *name;
    wfe_oci_caps caps;
} compiled[] = {
#define COMPILED_(name, caps) {name, caps},
    WFE_OCI_SECCOMP_COMPILED(COMPILED_)
#undef COMPILED_
};

#if defined(__x86_64__)
#define BUILT_FOR "amd64"
#elif defined(__aarch64__)
#define BUILT_FOR "arm64"
#else
#define BUILT_FOR ""
#endif

/* Families of socket(2) below 48 but AF_ALG (38) and AF_VSOCK (40), as blocks that one masked
 * comparison covers. The kernel looks at the low 32 bits of the argument only and a filter at all
 * 64, so that a plain "greater than 40" would let a process past with a bit above them set. */
static const struct {
    uint32_t mask;
    uint32_t value;
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

/* Whether the list that begins at data[from] has the word; each stands there in quotes. */
static bool has_name(const wfe_buf *out, size_t from, const char *word, size_t len)
{
    const char *end = out->data + out->len;
    for (const char *p = out->data + from; p < end; p++) {
        p = memmem(p, (size_t)(end - p), word, len);
        if (!p)
            return false;
        if (p[-1] == '"' && p[len] == '"')
            return true;
    }
    return false;
}

/* There is room for it. */
static void add_name(wfe_buf *out, const char *word, size_t len)
{
    char *end = out->data + out->len;
    end[0] = '"';
    memcpy(end + 1, word, len);
    memcpy(end + 1 + len, "\",", sizeof "\",");
    out->len += len + 3;
}

/* Adds the words of a text, each with a comma. Groups may share calls; unique says that these do
 * not. from is where the list begins. */
static int add_calls(wfe_buf *out, size_t from, const char *words, bool unique, wfe_error *err)
{
    /* A word and its space become a word and three bytes. */
    int rc = wfe_buf_reserve(out, 2 * strlen(words) + 2, err);
    for (const char *word = words; !rc && *word;) {
        size_t len = strcspn(word, " ");
        if (unique || !has_name(out, from, word, len))
            add_name(out, word, len);
        word += len + strspn(word + len, " ");
    }
    return rc;
}

/* The calls that are allowed whatever their arguments are: one rule with many names costs the
 * wire and the runtime less than many rules. */
static int add_allowed(wfe_buf *out, const wfe_oci_seccomp_options *options, wfe_error *err)
{
    bool known = find_architecture(options->architecture) != NULL;
    int rc = wfe_buf_append_str(out, "{\"names\":[", err);
    size_t from = out->len;
    if (!rc)
        rc = add_calls(out, from, WFE_OCI_SECCOMP_ALWAYS, true, err);
    if (!rc && !options->kernel_before_4_8)
        rc = add_calls(out, from, WFE_OCI_SECCOMP_KERNEL_4_8, true, err);
    /* A name that another architecture has is ignored by the runtime, so that all are right for
     * one that is not known. */
    for (size_t i = 0; !rc && i < sizeof by_architecture / sizeof *by_architecture; i++) {
        if (!known || strcmp(options->architecture, by_architecture[i].name) == 0)
            rc = add_calls(out, from, by_architecture[i].calls, false, err);
    }
    for (size_t i = 0; !rc && i < sizeof by_capability / sizeof *by_capability; i++) {
        if (options->caps & by_capability[i].cap)
            rc = add_calls(out, from, by_capability[i].calls, false, err);
    }
    if (rc)
        return rc;
    out->len--; /* the last comma */
    return wfe_buf_append_str(out, "],\"action\":\"SCMP_ACT_ALLOW\"}", err);
}

static int add_masked(wfe_buf *out, const char *call, unsigned argument, uint32_t mask,
                      uint32_t value, wfe_error *err)
{
    return wfe_buf_printf(
        out, err,
        ",{\"names\":[\"%s\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":%u,"
        "\"value\":%" PRIu32 ",\"valueTwo\":%" PRIu32 ",\"op\":\"SCMP_CMP_MASKED_EQ\"}]}",
        call, argument, mask, value);
}

static int add_socket_rules(wfe_buf *out, wfe_error *err)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < sizeof socket_families / sizeof *socket_families; i++)
        rc = add_masked(out, "socket", 0, socket_families[i].mask, socket_families[i].value, err);
    return rc;
}

static int add_personality_rules(wfe_buf *out, wfe_error *err)
{
    int rc = add_masked(out, "personality", 0, PERSONALITY_OTHER_BITS, 0, err);
    return rc ? rc : add_masked(out, "personality", 0, LOW_32_BITS, LOW_32_BITS, err);
}

/* Without CAP_SYS_ADMIN: clone makes no namespaces. The flags of clone3 are in memory, where no
 * filter can look; ENOSYS makes programs fall back to clone, where EPERM would end them. */
static int add_clone_rules(wfe_buf *out, const wfe_oci_seccomp_options *options, wfe_error *err)
{
    if (options->caps & WFE_OCI_CAP_BIT(SYS_ADMIN))
        return 0;
    const struct architecture *architecture = find_architecture(options->architecture);
    unsigned flags = architecture && strcmp(architecture->name, "s390x") == 0 ? 1 : 0;
    int rc = add_masked(out, "clone", flags, CLONE_NAMESPACES, 0, err);
    return rc ? rc
              : wfe_buf_printf(out, err,
                               ",{\"names\":[\"clone3\"],\"action\":\"SCMP_ACT_ERRNO\","
                               "\"errnoRet\":%d}",
                               ENOSYS_OF_LINUX);
}

static int add_architectures(wfe_buf *out, const struct architecture *architecture,
                             enum wfe_oci_seccomp_abis abis, wfe_error *err)
{
    int rc = wfe_buf_append_str(out, "\"architectures\":[", err);
    for (size_t i = 0; !rc && architecture->filters[i]; i++) {
        bool wanted = i == 0 || abis == WFE_OCI_SECCOMP_ABIS_ALL ||
                      (abis == WFE_OCI_SECCOMP_ABIS_NO_X32 &&
                       strcmp(architecture->filters[i], "SCMP_ARCH_X32") != 0);
        if (wanted)
            rc = wfe_buf_printf(out, err, "%s\"%s\"", i ? "," : "", architecture->filters[i]);
    }
    return rc ? rc : wfe_buf_append_str(out, "],", err);
}

int wfe_oci_seccomp_write(const wfe_oci_seccomp_options *options, wfe_buf *out, wfe_error *err)
{
    const struct architecture *architecture = find_architecture(options->architecture);
    int rc = wfe_buf_printf(
        out, err, "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":%d,", EPERM_OF_LINUX);
    if (!rc && architecture)
        rc = add_architectures(out, architecture, options->abis, err);
    if (!rc)
        rc = wfe_buf_append_str(out, "\"syscalls\":[", err);
    if (!rc)
        rc = add_allowed(out, options, err);
    if (!rc)
        rc = add_socket_rules(out, err);
    if (!rc)
        rc = add_personality_rules(out, err);
    if (!rc)
        rc = add_clone_rules(out, options, err);
    return rc ? rc : wfe_buf_append_str(out, "]}", err);
}

/* The capabilities that make a difference. */
static wfe_oci_caps deciding_caps(wfe_oci_caps caps)
{
    wfe_oci_caps deciding = 0;
    for (size_t i = 0; i < sizeof by_capability / sizeof *by_capability; i++)
        deciding |= by_capability[i].cap;
    return caps & deciding;
}

const char *wfe_oci_seccomp_compiled(const wfe_oci_seccomp_options *options)
{
    bool fits = options->architecture && strcmp(options->architecture, BUILT_FOR) == 0 &&
                options->abis == WFE_OCI_SECCOMP_ABIS_NO_X32 && !options->kernel_before_4_8;
    wfe_oci_caps caps = deciding_caps(options->caps);
    for (size_t i = 0; fits && i < sizeof compiled / sizeof *compiled; i++) {
        if (compiled[i].caps == caps)
            return compiled[i].name;
    }
    return NULL;
}
