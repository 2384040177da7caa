/* SPDX-License-Identifier: Apache-2.0
 *
 * The library's surface: the headers, the map of versions and the symbols of libwfe.so name the
 * same functions, and the headers need nothing but a compiler.
 */
#include <ctype.h>
#include <glob.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "fixtures/wfe_assert.h"

#define NAMES_MAX 256
#define LIBRARY WFE_BUILD_DIR "/libwfe.so"

typedef struct names {
    char *items[NAMES_MAX];
    size_t n;
} names;

static void names_add(names *list, const char *name, size_t len)
{
    assert_true(list->n < NAMES_MAX);
    list->items[list->n] = strndup(name, len);
    assert_non_null(list->items[list->n++]);
}

static bool names_has(const names *list, const char *name)
{
    for (size_t i = 0; i < list->n; i++) {
        if (strcmp(list->items[i], name) == 0)
            return true;
    }
    return false;
}

static void names_done(names *list)
{
    for (size_t i = 0; i < list->n; i++)
        free(list->items[i]);
}

/* Every name of `some` is in `all`; says which are not. */
static void assert_all_in(const names *some, const char *some_name, const names *all,
                          const char *all_name)
{
    size_t missing = 0;
    for (size_t i = 0; i < some->n; i++) {
        if (names_has(all, some->items[i]))
            continue;
        print_error("%s is in %s and not in %s\n", some->items[i], some_name, all_name);
        missing++;
    }
    assert_int_equal(missing, 0);
}

/* What a command prints; the test fails when the command does. */
static char *output_of(const char *command)
{
    wfe_buf text = WFE_BUF_INIT(1024 * 1024);
    char part[4096];
    size_t n;
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    while ((n = fread(part, 1, sizeof part, pipe)) > 0)
        assert_ok(wfe_buf_append(&text, part, n, NULL), NULL);
    assert_int_equal(pclose(pipe), 0);
    assert_non_null(text.data);
    return text.data;
}

/* One declaration, comments and preprocessor lines taken out. Every function carries WFE_API; the
 * types of callbacks are typedefs. */
static void read_declaration(const char *text, size_t len, names *out)
{
    const char *paren = memchr(text, '(', len);
    while (len && isspace((unsigned char)*text))
        text++, len--;
    if (!paren || memchr(text, '{', len) || strncmp(text, "typedef", 7) == 0)
        return;
    if (strncmp(text, "WFE_API ", 8) != 0)
        fail_msg("this is no WFE_API function: %.*s", (int)len, text);
    const char *end = paren;
    const char *name = end;
    while (isalnum((unsigned char)name[-1]) || name[-1] == '_')
        name--;
    names_add(out, name, (size_t)(end - name));
}

static void read_headers(names *out)
{
    /* Takes out comments, then directives with the lines that continue them. */
    char *text = output_of("cd " WFE_SOURCE_DIR "/include/wfe && cat *.h | "
                           "gcc -fpreprocessed -dD -E -P -x c - 2>/dev/null | "
                           "sed -e ':a' -e '/\\\\$/{N;s/\\\\\\n//;ba' -e '}' | grep -v '^ *#'");
    const char *begin = text;
    int depth = 0;
    for (const char *p = text; *p; p++) {
        if (*p == '{' && strncmp(begin + strspn(begin, " \n"), "extern", 6) == 0) {
            begin = p + 1;
        } else if (*p == '{') {
            depth++;
        } else if (*p == '}' && depth) {
            depth--;
        } else if (*p == '}') {
            begin = p + 1;
        } else if (*p == ';' && !depth) {
            read_declaration(begin, (size_t)(p - begin), out);
            begin = p + 1;
        }
    }
    free(text);
    assert_true(out->n > 30);
}

static void read_symbols(names *out)
{
    char *text = output_of("nm -D --defined-only --with-symbol-versions " LIBRARY);
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        char type = 0, name[128] = "";
        assert_int_equal(sscanf(line, "%*s %c %127s", &type, name), 2);
        if (type == 'A') /* the version itself */
            continue;
        char *version = strstr(name, "@@");
        if (!version)
            fail_msg("%s has no version", name);
        assert_memory_equal(version, "@@WFE_0.", 8);
        names_add(out, name, (size_t)(version - name));
    }
    free(text);
}

static void read_map(names *out)
{
    char *text = output_of("grep -o '^ *wfe_[a-z0-9_]*;' " WFE_SOURCE_DIR "/src/libwfe.map");
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        char *name = line + strspn(line, " ");
        names_add(out, name, strcspn(name, ";"));
    }
    free(text);
}

static void test_public_headers__name_exactly_what_the_library_exports(void **state)
{
    (void)state;
    names headers = {0}, symbols = {0}, map = {0};
    read_headers(&headers);
    read_symbols(&symbols);
    read_map(&map);
    assert_all_in(&headers, "include/wfe", &map, "src/libwfe.map");
    assert_all_in(&map, "src/libwfe.map", &headers, "include/wfe");
    assert_all_in(&headers, "include/wfe", &symbols, LIBRARY);
    assert_all_in(&symbols, LIBRARY, &headers, "include/wfe");
    names_done(&headers);
    names_done(&symbols);
    names_done(&map);
}

static void test_public_headers__umbrella_includes_every_header(void **state)
{
    (void)state;
    glob_t found;
    assert_int_equal(glob(WFE_SOURCE_DIR "/include/wfe/*.h", 0, NULL, &found), 0);
    char *umbrella = output_of("cat " WFE_SOURCE_DIR "/include/wfe/wfe.h");
    assert_true(found.gl_pathc > 5);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        char line[128];
        const char *name = strrchr(found.gl_pathv[i], '/') + 1;
        if (strcmp(name, "wfe.h") == 0)
            continue;
        snprintf(line, sizeof line, "#include <wfe/%s>\n", name);
        assert_contains(umbrella, line);
    }
    free(umbrella);
    globfree(&found);
}

static void assert_compiles(const char *compiler)
{
    glob_t found;
    assert_int_equal(glob(WFE_SOURCE_DIR "/include/wfe/*.h", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        char command[1024];
        snprintf(
            command, sizeof command,
            "printf '#include <wfe/%s>\\nint used;\\n' | %s -pedantic-errors -Wall -Wextra -Werror "
            "-fsyntax-only -I" WFE_SOURCE_DIR "/include -",
            strrchr(found.gl_pathv[i], '/') + 1, compiler);
        if (system(command) != 0)
            fail_msg("failed: %s", command);
    }
    globfree(&found);
}

static void test_public_headers__compile_alone_as_c11(void **state)
{
    (void)state;
    assert_compiles("gcc -std=c11 -Wstrict-prototypes -x c");
}

static void test_public_headers__compile_alone_as_cpp17(void **state)
{
    (void)state;
    assert_compiles("g++ -std=c++17 -Wold-style-cast -x c++");
}

static void test_public_headers__library_has_its_soname_and_few_needs(void **state)
{
    (void)state;
    char *text = output_of("readelf -d " LIBRARY);
    assert_contains(text, "soname: [libwfe.so.0]");
    assert_null(strstr(text, "libssl"));
    assert_null(strstr(text, "libcrypto"));
    assert_null(strstr(text, "libarchive"));
    assert_null(strstr(text, "RUNPATH"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_public_headers__name_exactly_what_the_library_exports),
        cmocka_unit_test(test_public_headers__umbrella_includes_every_header),
        cmocka_unit_test(test_public_headers__compile_alone_as_c11),
        cmocka_unit_test(test_public_headers__compile_alone_as_cpp17),
        cmocka_unit_test(test_public_headers__library_has_its_soname_and_few_needs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
