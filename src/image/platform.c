/* SPDX-License-Identifier: Apache-2.0 */
#include "image/platform.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/nearest.h"

typedef struct spelling {
    const char *found;
    const char *architecture;
    const char *variant; /* NULL: as given */
} spelling;

static const spelling spellings[] = {
    {"x86_64", "amd64", NULL},  {"x86-64", "amd64", NULL}, {"i386", "386", NULL},
    {"i486", "386", NULL},      {"i586", "386", NULL},     {"i686", "386", NULL},
    {"aarch64", "arm64", NULL}, {"armhf", "arm", "v7"},    {"armel", "arm", "v6"},
    {"armv8l", "arm", "v7"},    {"armv7l", "arm", "v7"},   {"armv6l", "arm", "v6"},
    {"armv5tel", "arm", "v5"},
};

/* What Go calls them, as image manifests do (image-spec: image-index.md, "platform"). */
static const char *const architectures[] = {"386",     "amd64",   "arm",      "arm64",  "loong64",
                                            "mips",    "mips64",  "mips64le", "mipsle", "ppc64",
                                            "ppc64le", "riscv64", "s390x",    "wasm"};
#define N_ARCHITECTURES (sizeof architectures / sizeof *architectures)

/* Under any of its spellings. */
static bool is_architecture(const char *word)
{
    bool known = false;
    for (size_t i = 0; !known && i < N_ARCHITECTURES; i++)
        known = strcmp(word, architectures[i]) == 0;
    for (size_t i = 0; !known && i < sizeof spellings / sizeof *spellings; i++)
        known = strcmp(word, spellings[i].found) == 0;
    return known;
}

static void set_word(char out[WFE_IMAGE_PLATFORM_WORD_SIZE], const char *text)
{
    snprintf(out, WFE_IMAGE_PLATFORM_WORD_SIZE, "%s", text ? text : "");
}

void wfe_image_platform_set(wfe_image_platform *out, const char *os, const char *architecture,
                            const char *variant)
{
    set_word(out->os, os);
    set_word(out->architecture, architecture);
    set_word(out->variant, variant);
    for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++) {
        if (strcmp(out->architecture, spellings[i].found) != 0)
            continue;
        set_word(out->architecture, spellings[i].architecture);
        if (spellings[i].variant)
            set_word(out->variant, spellings[i].variant);
        break;
    }
    bool usual = (strcmp(out->architecture, "arm64") == 0 &&
                  (strcmp(out->variant, "v8") == 0 || strcmp(out->variant, "8") == 0)) ||
                 (strcmp(out->architecture, "amd64") == 0 && strcmp(out->variant, "v1") == 0);
    if (usual)
        out->variant[0] = '\0';
    if (strcmp(out->architecture, "arm") == 0 && !out->variant[0])
        set_word(out->variant, "v7");
}

static bool is_word(const char *text, size_t len)
{
    const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    return len > 0 && len < WFE_IMAGE_PLATFORM_WORD_SIZE && strspn(text, letters) >= len;
}

int wfe_image_platform_parse(const char *text, wfe_image_platform *out, wfe_error *err)
{
    char words[3][WFE_IMAGE_PLATFORM_WORD_SIZE] = {"", "", ""};
    size_t n = 0;
    const char *p = text;
    bool good = true;
    do {
        size_t len = strcspn(p, "/");
        good = n < 3 && is_word(p, len);
        if (good)
            snprintf(words[n++], WFE_IMAGE_PLATFORM_WORD_SIZE, "%.*s", (int)len, p);
        p += len;
    } while (good && *p++ == '/');
    /* A single word is an architecture, and the system Linux. */
    if (!good || (n == 1 && !is_architecture(words[0]))) {
        const char *near = good ? wfe_nearest(words[0], architectures, N_ARCHITECTURES) : NULL;
        wfe_error_set(err, WFE_E_INVALID,
                      "the platform is '%.100s', must be OS/ARCHITECTURE or "
                      "OS/ARCHITECTURE/VARIANT, such as linux/arm64",
                      text);
        if (near)
            wfe_error_hint(err, "did you mean linux/%s?", near);
        return WFE_E_INVALID;
    }
    if (n == 1)
        wfe_image_platform_set(out, "linux", words[0], NULL);
    else
        wfe_image_platform_set(out, words[0], words[1], words[2]);
    return 0;
}

void wfe_image_platform_host(wfe_image_platform *out)
{
    struct utsname names;
    bool known = uname(&names) == 0;
    wfe_image_platform_set(out, "linux", known ? names.machine : "", NULL);
}

/* The number of a variant; an absent one counts as the architecture's oldest. */
static int version_of(const char *variant, int oldest)
{
    if (!variant[0])
        return oldest;
    char *end = NULL;
    long n = variant[0] == 'v' ? strtol(variant + 1, &end, 10) : -1;
    return n > 0 && n < 100 && !*end ? (int)n : -1;
}

/* Variants of one architecture: the machine's own, then each older one. */
static int rank_variant(const char *machine, const char *image, int oldest)
{
    int have = version_of(machine, oldest), want = version_of(image, oldest);
    if (have < 0 || want < 0)
        return strcmp(machine, image) == 0 ? 0 : -1;
    return want <= have ? have - want : -1;
}

int wfe_image_platform_rank(const wfe_image_platform *machine, const wfe_image_platform *image)
{
    const int foreign = 1000; /* behind every variant of the machine's own architecture */
    const char *own = machine->architecture, *other = image->architecture;
    if (strcmp(machine->os, image->os) != 0)
        return -1;
    if (strcmp(own, other) == 0) {
        int oldest = strcmp(own, "arm64") == 0 ? 8 : strcmp(own, "arm") == 0 ? 5 : 1;
        return rank_variant(machine->variant, image->variant, oldest);
    }
    if (strcmp(own, "amd64") == 0 && strcmp(other, "386") == 0)
        return foreign;
    if (strcmp(own, "arm64") == 0 && strcmp(other, "arm") == 0) {
        int rank = rank_variant("v8", image->variant, 5);
        return rank < 0 ? -1 : foreign + rank;
    }
    return -1;
}

const char *wfe_image_platform_format(const wfe_image_platform *platform,
                                      char out[WFE_IMAGE_PLATFORM_TEXT_SIZE])
{
    snprintf(out, WFE_IMAGE_PLATFORM_TEXT_SIZE, "%s/%s%s%s",
             platform->os[0] ? platform->os : "unknown",
             platform->architecture[0] ? platform->architecture : "unknown",
             platform->variant[0] ? "/" : "", platform->variant);
    return out;
}
