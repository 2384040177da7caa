/* SPDX-License-Identifier: Apache-2.0
 *
 * The grammar of references as docker and containerd's clients have it. The parser walks the text
 * once for each part and reports the first character that cannot be where it is.
 */
#include "image/reference.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define NAME_MAX_LENGTH 255
#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define HEX DIGITS "abcdef"

/* A piece of the text, which stays the one given by the caller: positions are counted in it. */
typedef struct piece {
    const char *start;
    const char *end;
} piece;

static size_t length(piece p)
{
    return (size_t)(p.end - p.start);
}

static int bad(const char *text, const char *at, const char *expected, wfe_error *err)
{
    size_t position = (size_t)(at - text) + 1;
    if (!*at)
        return wfe_error_set(err, WFE_E_INVALID,
                             "image reference '%s' ends at position %zu, expected %s", text,
                             position, expected);
    return wfe_error_set(err, WFE_E_INVALID,
                         "image reference '%s': '%c' at position %zu, expected %s", text, *at,
                         position, expected);
}

static int copy(const char *text, piece from, char *to, size_t size, const char *what,
                wfe_error *err)
{
    if (length(from) >= size)
        return wfe_error_set(err, WFE_E_INVALID,
                             "image reference '%.300s': the %s is %zu characters long, at most "
                             "%zu allowed",
                             text, what, length(from), size - 1);
    memcpy(to, from.start, length(from));
    to[length(from)] = '\0';
    return 0;
}

/* Words of the given characters, joined by single separators; ends where neither fits. */
static const char *skip_words(piece p, const char *characters, const char *separators)
{
    const char *at = p.start;
    for (;;) {
        size_t n = strspn(at, characters);
        if (n > (size_t)(p.end - at))
            n = (size_t)(p.end - at);
        if (n == 0)
            return at;
        at += n;
        if (at >= p.end || !strchr(separators, *at))
            return at;
        at++;
    }
}

static int check_port(const char *text, piece p, wfe_error *err)
{
    for (const char *at = p.start; at < p.end; at++) {
        if (!isdigit((unsigned char)*at))
            return bad(text, at, "a digit of the port", err);
    }
    return length(p) ? 0 : bad(text, p.start, "a port number after ':'", err);
}

static int check_domain(const char *text, piece p, wfe_error *err)
{
    const char *host_end = p.start;
    if (*p.start == '[') {
        host_end = memchr(p.start, ']', length(p));
        if (!host_end)
            return bad(text, p.end, "']' at the end of an IPv6 address", err);
        piece address = {p.start + 1, host_end};
        for (const char *at = address.start; at < address.end; at++) {
            if (!strchr(HEX "ABCDEF:", *at))
                return bad(text, at, "a character of an IPv6 address", err);
        }
        host_end++;
    } else {
        host_end = skip_words(p, LOWER UPPER DIGITS "-", ".");
        if (host_end == p.start || host_end[-1] == '.' || *p.start == '-')
            return bad(text, host_end == p.start ? p.start : host_end - (*p.start != '-'),
                       "a letter or digit of the registry's name", err);
    }
    if (host_end == p.end)
        return 0;
    if (*host_end != ':')
        return bad(text, host_end, "a letter, digit, '-', '.' or ':' of the registry's name", err);
    return check_port(text, (piece){host_end + 1, p.end}, err);
}

/* [a-z0-9]+ joined by '.', '_', '__' or any number of '-' */
static int check_component(const char *text, piece p, wfe_error *err)
{
    const char *at = p.start;
    for (;;) {
        const char *word = at;
        while (at < p.end && strchr(LOWER DIGITS, *at))
            at++;
        if (at == word)
            return bad(text, at, "a lower-case letter or a digit", err);
        if (at == p.end)
            return 0;
        const char *separator = at;
        while (at < p.end && *at == *separator && strchr("._-", *at))
            at++;
        size_t n = (size_t)(at - separator);
        if (n == 0)
            return bad(text, at, "a lower-case letter, a digit, '.', '_', '-', '/', ':' or '@'",
                       err);
        if ((*separator == '.' && n > 1) || (*separator == '_' && n > 2))
            return bad(text, at - 1, "a lower-case letter or a digit", err);
    }
}

static int check_path(const char *text, piece p, wfe_error *err)
{
    const char *start = p.start;
    for (;;) {
        const char *slash = memchr(start, '/', (size_t)(p.end - start));
        piece component = {start, slash ? slash : p.end};
        int rc = check_component(text, component, err);
        if (rc || !slash)
            return rc;
        start = slash + 1;
    }
}

static int check_tag(const char *text, piece p, wfe_error *err)
{
    if (length(p) == 0)
        return bad(text, p.start, "a tag after ':'", err);
    for (const char *at = p.start; at < p.end; at++) {
        const char *allowed = at == p.start ? LOWER UPPER DIGITS "_" : LOWER UPPER DIGITS "_.-";
        if (!strchr(allowed, *at))
            return bad(text, at, "a letter, digit, '_', '.' or '-' of the tag", err);
    }
    return 0;
}

static int check_digest(const char *text, piece p, wfe_error *err)
{
    const char *colon = memchr(p.start, ':', length(p));
    if (!colon)
        return bad(text, p.end, "':' and the hexadecimal digits of the digest", err);
    piece algorithm = {p.start, colon};
    size_t want = 0;
    if (length(algorithm) == 6 && strncmp(p.start, "sha256", 6) == 0)
        want = 64;
    else if (length(algorithm) == 6 && strncmp(p.start, "sha512", 6) == 0)
        want = 128;
    else
        return bad(text, p.start, "a digest algorithm, sha256 or sha512", err);
    size_t n = strspn(colon + 1, HEX);
    if (colon + 1 + n != p.end)
        return bad(text, colon + 1 + n, "a lower-case hexadecimal digit of the digest", err);
    if (n != want)
        return wfe_error_set(err, WFE_E_INVALID,
                             "image reference '%.300s': the digest has %zu hexadecimal digits, "
                             "must be %zu",
                             text, n, want);
    return 0;
}

/* What stands before the first slash is a registry when it cannot be a part of a name. */
static bool is_domain(piece p)
{
    if (length(p) == 9 && strncmp(p.start, "localhost", 9) == 0)
        return true;
    for (const char *at = p.start; at < p.end; at++) {
        if (*at == '.' || *at == ':' || isupper((unsigned char)*at))
            return true;
    }
    return false;
}

/* Cuts domain, path, tag and digest apart; those that are absent are empty. */
static void cut(const char *text, piece *domain, piece *path, piece *tag, piece *digest)
{
    const char *end = text + strlen(text);
    const char *at = strchr(text, '@');
    *digest = at ? (piece){at + 1, end} : (piece){end, end};
    end = at ? at : end;
    const char *slash = memchr(text, '/', (size_t)(end - text));
    *domain = (piece){text, text};
    if (slash && is_domain((piece){text, slash}))
        *domain = (piece){text, slash};
    *path = (piece){domain->end == text ? text : slash + 1, end};
    *tag = (piece){end, end};
    for (const char *p = end; p > path->start; p--) {
        if (p[-1] == '/')
            break;
        if (p[-1] != ':')
            continue;
        *tag = (piece){p, end};
        path->end = p - 1;
        break;
    }
}

static int check(const char *text, piece domain, piece path, piece tag, piece digest,
                 wfe_error *err)
{
    int rc = 0;
    if (strlen(text) == 64 && strspn(text, HEX) == 64) {
        rc = wfe_error_set(err, WFE_E_INVALID, "image reference '%s' is an image ID, not a name",
                           text);
        wfe_error_hint(err, "give the image's name, or name@sha256:...");
        return rc;
    }
    if (length(domain))
        rc = check_domain(text, domain, err);
    if (!rc)
        rc = check_path(text, path, err);
    if (!rc && *path.end == ':')
        rc = check_tag(text, tag, err);
    if (!rc && strchr(text, '@'))
        rc = check_digest(text, digest, err);
    return rc;
}

int wfe_image_reference_parse(const char *text, wfe_image_reference *out, wfe_error *err)
{
    piece domain, path, tag, digest;
    wfe_image_reference parsed = {.domain = "docker.io"};
    if (!*text)
        return wfe_error_set(err, WFE_E_INVALID, "the image reference is empty");
    cut(text, &domain, &path, &tag, &digest);
    int rc = check(text, domain, path, tag, digest, err);
    if (!rc && length(domain))
        rc = copy(text, domain, parsed.domain, sizeof parsed.domain, "registry", err);
    if (rc)
        return rc;
    if (strcmp(parsed.domain, "index.docker.io") == 0)
        snprintf(parsed.domain, sizeof parsed.domain, "docker.io");
    size_t prefix = 0;
    if (strcmp(parsed.domain, "docker.io") == 0 && !memchr(path.start, '/', length(path)))
        prefix = (size_t)snprintf(parsed.path, sizeof parsed.path, "library/");
    rc = copy(text, path, parsed.path + prefix, sizeof parsed.path - prefix, "name", err);
    if (!rc)
        rc = copy(text, tag, parsed.tag, sizeof parsed.tag, "tag", err);
    if (!rc)
        rc = copy(text, digest, parsed.digest, sizeof parsed.digest, "digest", err);
    if (rc)
        return rc;
    if (strlen(parsed.domain) + 1 + strlen(parsed.path) > NAME_MAX_LENGTH)
        return wfe_error_set(err, WFE_E_INVALID,
                             "image reference '%.300s': registry and name are longer than %d "
                             "characters",
                             text, NAME_MAX_LENGTH);
    if (!parsed.tag[0] && !parsed.digest[0])
        snprintf(parsed.tag, sizeof parsed.tag, "latest");
    *out = parsed;
    return 0;
}

const char *wfe_image_reference_format(const wfe_image_reference *reference,
                                       char out[WFE_IMAGE_REFERENCE_SIZE])
{
    snprintf(out, WFE_IMAGE_REFERENCE_SIZE, "%s/%s%s%s%s%s", reference->domain, reference->path,
             reference->tag[0] ? ":" : "", reference->tag, reference->digest[0] ? "@" : "",
             reference->digest);
    return out;
}

int wfe_image_reference_normalize(const char *text, char out[WFE_IMAGE_REFERENCE_SIZE],
                                  wfe_error *err)
{
    wfe_image_reference reference;
    int rc = wfe_image_reference_parse(text, &reference, err);
    if (!rc)
        wfe_image_reference_format(&reference, out);
    return rc;
}

const char *wfe_image_reference_shorten(const char *name)
{
    const char hub[] = "docker.io/", library[] = "docker.io/library/";
    const char *rest = name + sizeof library - 1;
    if (strncmp(name, library, sizeof library - 1) == 0 && *rest && !strchr(rest, '/'))
        return rest;
    rest = name + sizeof hub - 1;
    if (strncmp(name, hub, sizeof hub - 1) != 0)
        return name;
    const char *slash = strchr(rest, '/');
    return slash && !is_domain((piece){rest, slash}) ? rest : name;
}
