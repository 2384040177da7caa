/* SPDX-License-Identifier: Apache-2.0 */
#include "image/select.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "image/reference.h"

/* Fewer digits are more likely a slip than a choice. */
#define DIGITS_MIN 4
#define DIGEST_PREFIX "sha256:"

/* The hexadecimal digits of "sha256:12ab" or "12ab"; NULL when it is something else. */
static const char *digits_of(const char *text)
{
    const char *digits = text;
    if (strncmp(text, DIGEST_PREFIX, strlen(DIGEST_PREFIX)) == 0)
        digits += strlen(DIGEST_PREFIX);
    size_t len = strspn(digits, "0123456789abcdef");
    return len >= DIGITS_MIN && len <= 64 && !digits[len] ? digits : NULL;
}

static bool digest_begins(const wfe_image_info *image, const char *digits)
{
    return strncmp(image->digest, DIGEST_PREFIX, strlen(DIGEST_PREFIX)) == 0 &&
           strncmp(image->digest + strlen(DIGEST_PREFIX), digits, strlen(digits)) == 0;
}

static bool pick_name(const wfe_image_list *list, const char *name, bool *picked)
{
    for (size_t i = 0; i < wfe_image_list_length(list); i++) {
        if (strcmp(wfe_image_list_at(list, i)->name, name) == 0)
            return picked[i] = true;
    }
    return false;
}

/* name@digest: any name of that repository that points there. */
static bool pick_repository(const wfe_image_list *list, const wfe_image_reference *wanted,
                            bool *picked)
{
    bool any = false;
    for (size_t i = 0; wanted->digest[0] && i < wfe_image_list_length(list); i++) {
        const wfe_image_info *image = wfe_image_list_at(list, i);
        wfe_image_reference found;
        if (strcmp(image->digest, wanted->digest) != 0 ||
            wfe_image_reference_parse(image->name, &found, NULL) ||
            strcmp(found.domain, wanted->domain) != 0 || strcmp(found.path, wanted->path) != 0)
            continue;
        any = picked[i] = true;
    }
    return any;
}

static int pick_digits(const wfe_image_list *list, const char *digits, bool *picked, bool *ret_any,
                       wfe_error *err)
{
    const wfe_image_info *first = NULL;
    for (size_t i = 0; i < wfe_image_list_length(list); i++) {
        const wfe_image_info *image = wfe_image_list_at(list, i);
        if (!digest_begins(image, digits))
            continue;
        if (first && strcmp(first->digest, image->digest) != 0)
            return wfe_error_set(err, WFE_E_INVALID,
                                 "the digits '%s' fit several images, %s (%.19s) and %s (%.19s)",
                                 digits, first->name, first->digest, image->name, image->digest);
        first = image;
    }
    for (size_t i = 0; first && i < wfe_image_list_length(list); i++)
        picked[i] |= digest_begins(wfe_image_list_at(list, i), digits);
    *ret_any = first != NULL;
    return 0;
}

/* What was meant: compared with names as docker shows them, with and without their tags. */
static void suggest(const wfe_image_list *list, const char *ref, wfe_error *err)
{
    size_t n = wfe_image_list_length(list), n_words = 0;
    char(*untagged)[WFE_IMAGE_REFERENCE_SIZE] = calloc(n + 1, sizeof *untagged);
    const char **words = calloc(2 * n + 1, sizeof *words);
    for (size_t i = 0; untagged && words && i < n; i++) {
        const char *shown = wfe_image_reference_shorten(wfe_image_list_at(list, i)->name);
        const char *slash = strrchr(shown, '/');
        size_t tail = strcspn(slash ? slash : shown, ":@");
        snprintf(untagged[i], sizeof untagged[i], "%.*s",
                 (int)((slash ? (size_t)(slash - shown) : 0) + tail), shown);
        words[n_words++] = shown;
        words[n_words++] = untagged[i];
    }
    const char *near = wfe_nearest(ref, words, n_words);
    if (near)
        wfe_error_hint(err, "did you mean %s?", near);
    free(words);
    free(untagged);
}

static int report_none(const wfe_image_list *list, const char *namespace_name, const char *ref,
                       wfe_error *err)
{
    wfe_error_set(err, WFE_E_NOT_FOUND, "image '%s' not found in containerd (namespace %s)", ref,
                  namespace_name);
    suggest(list, ref, err);
    return WFE_E_NOT_FOUND;
}

int wfe_image_select(const wfe_image_list *list, const char *namespace_name, const char *ref,
                     bool *picked, wfe_error *err)
{
    char full[WFE_IMAGE_REFERENCE_SIZE];
    wfe_image_reference reference;
    wfe_error no_reference = WFE_ERROR_INIT;
    const char *digits = digits_of(ref);
    if (pick_name(list, ref, picked))
        return 0;
    int rc = wfe_image_reference_parse(ref, &reference, &no_reference);
    if (!rc && (pick_name(list, wfe_image_reference_format(&reference, full), picked) ||
                pick_repository(list, &reference, picked)))
        return 0;
    if (digits) {
        bool any = false;
        rc = pick_digits(list, digits, picked, &any, err);
        if (rc || any)
            return rc;
    }
    return rc ? wfe_error_copy(err, &no_reference) : report_none(list, namespace_name, ref, err);
}

static bool is_same_repository(const char *name, const char *pattern)
{
    const char *slash = strrchr(pattern, '/');
    wfe_image_reference found, wanted;
    if (strpbrk(slash ? slash : pattern, ":@"))
        return false;
    return wfe_image_reference_parse(name, &found, NULL) == 0 &&
           wfe_image_reference_parse(pattern, &wanted, NULL) == 0 &&
           strcmp(found.domain, wanted.domain) == 0 && strcmp(found.path, wanted.path) == 0;
}

bool wfe_image_fits(const wfe_image_info *image, const char *pattern)
{
    const char *name = image->name, *shown = wfe_image_reference_shorten(name);
    const char *digits = digits_of(pattern);
    char full[WFE_IMAGE_REFERENCE_SIZE];
    if (strpbrk(pattern, "*?["))
        return fnmatch(pattern, name, 0) == 0 || fnmatch(pattern, shown, 0) == 0;
    if (strcmp(name, pattern) == 0 || (digits && digest_begins(image, digits)))
        return true;
    if (wfe_image_reference_normalize(pattern, full, NULL) == 0 && strcmp(name, full) == 0)
        return true;
    return is_same_repository(name, pattern);
}
