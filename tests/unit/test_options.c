/* SPDX-License-Identifier: Apache-2.0
 *
 * The parser of options, and what every command's table must keep to.
 */
#include "cli/options.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/fd.h"
#include "cli/commands.h"
#include "fixtures/wfe_assert.h"

typedef struct target {
    bool flag;
    bool other;
    const char *text;
    wfe_option_list list;
    uint64_t duration_ms;
    uint64_t bytes;
    uint64_t number;
} target;

static const wfe_option rows[] = {
    {"flag", 'f', WFE_OPTION_FLAG, NULL, "a flag", offsetof(target, flag)},
    {"other", 'o', WFE_OPTION_FLAG, NULL, "another", offsetof(target, other)},
    {"text", 't', WFE_OPTION_TEXT, "TEXT", "a text", offsetof(target, text)},
    {"list", 'l', WFE_OPTION_LIST, "ITEM", "a list", offsetof(target, list)},
    {"duration", 0, WFE_OPTION_DURATION, "DURATION", "a duration", offsetof(target, duration_ms)},
    {"bytes", 0, WFE_OPTION_BYTES, "SIZE", "a size", offsetof(target, bytes)},
    {"number", 0, WFE_OPTION_NUMBER, "NUMBER", "a number", offsetof(target, number)},
};
static const wfe_command command = {
    .name = "test command",
    .usage = "[OPTION...] [FILE...]",
    .summary = "a command for tests",
    .details = "Its details.\n",
    .examples = "  wfe test command\n",
    .options = rows,
    .n_options = sizeof rows / sizeof *rows,
    .struct_size = sizeof(target),
    .min_operands = 0,
    .max_operands = 3,
};

#define ARGS_MAX 16

typedef struct parsed {
    target target;
    char *argv[ARGS_MAX];
    int operands;
    bool help;
    int rc;
    wfe_error err;
} parsed;

/* Parses the words of a line; "_" stands for an empty word. */
static void parse(const char *line, parsed *out)
{
    static char text[512];
    char *rest = NULL;
    int argc = 0;
    *out = (parsed){0};
    snprintf(text, sizeof text, "%s", line);
    for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        assert_true(argc < ARGS_MAX);
        out->argv[argc++] = strcmp(word, "_") == 0 ? strchr(word, '\0') : word;
    }
    out->rc = wfe_options_parse(&command, argc, out->argv, &out->target, &out->operands, &out->help,
                                &out->err);
}

static void parse_ok(const char *line, parsed *out)
{
    parse(line, out);
    assert_ok(out->rc, &out->err);
}

static void assert_refused(const char *line, const char *part)
{
    parsed p;
    parse(line, &p);
    assert_fails(p.rc, WFE_E_INVALID, &p.err);
    assert_contains(p.err.message, part);
    wfe_options_free(&command, &p.target);
}

static void test_options__leaves_everything_unset_without_words(void **state)
{
    (void)state;
    static const target nothing;
    parsed p;
    parse_ok("", &p);
    assert_memory_equal(&p.target, &nothing, sizeof nothing);
    assert_int_equal(p.operands, 0);
    assert_false(p.help);
}

static void test_options__takes_long_and_short_forms(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "--flag --text value", "--text=value --flag", "-f -t value", "-ftvalue", "-ft value",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        parsed p;
        parse_ok(lines[i], &p);
        assert_true(p.target.flag);
        assert_false(p.target.other);
        assert_string_equal(p.target.text, "value");
        assert_int_equal(p.operands, 0);
    }
}

static void test_options__joins_short_flags(void **state)
{
    (void)state;
    parsed p;
    parse_ok("-fo", &p);
    assert_true(p.target.flag && p.target.other);
}

static void test_options__takes_values_that_look_like_options(void **state)
{
    (void)state;
    parsed p;
    parse_ok("--text --flag", &p);
    assert_string_equal(p.target.text, "--flag");
    assert_false(p.target.flag);
    parse_ok("--text=", &p);
    assert_string_equal(p.target.text, "");
    parse_ok("--text=a=b", &p);
    assert_string_equal(p.target.text, "a=b");
    parse_ok("--text _", &p);
    assert_string_equal(p.target.text, "");
}

static void test_options__last_value_wins_but_for_lists(void **state)
{
    (void)state;
    parsed p;
    parse_ok("-t one -t two -l a --list=b -lc", &p);
    assert_string_equal(p.target.text, "two");
    assert_int_equal(p.target.list.len, 3);
    assert_string_equal(p.target.list.items[0], "a");
    assert_string_equal(p.target.list.items[1], "b");
    assert_string_equal(p.target.list.items[2], "c");
    assert_null(p.target.list.items[3]);
    wfe_options_free(&command, &p.target);
}

static void test_options__moves_operands_to_the_front(void **state)
{
    (void)state;
    parsed p;
    parse_ok("one -f two -t x -", &p);
    assert_int_equal(p.operands, 3);
    assert_string_equal(p.argv[0], "one");
    assert_string_equal(p.argv[1], "two");
    assert_string_equal(p.argv[2], "-");
    assert_true(p.target.flag);
}

static void test_options__end_at_two_dashes(void **state)
{
    (void)state;
    parsed p;
    parse_ok("-f -- --other -t", &p);
    assert_true(p.target.flag);
    assert_false(p.target.other);
    assert_int_equal(p.operands, 2);
    assert_string_equal(p.argv[0], "--other");
    assert_string_equal(p.argv[1], "-t");
    parse_ok("-- --", &p);
    assert_int_equal(p.operands, 1);
    assert_string_equal(p.argv[0], "--");
}

static void test_options__reads_numbers_with_units(void **state)
{
    (void)state;
    parsed p;
    parse_ok("--duration 1m30s --bytes 64k --number 4294967295", &p);
    assert_int_equal(p.target.duration_ms, 90000);
    assert_int_equal(p.target.bytes, 65536);
    assert_int_equal(p.target.number, 4294967295);
}

static void test_options__names_a_number_that_is_wrong(void **state)
{
    (void)state;
    static const char *const numbers[] = {
        "0", "-1", "+1", "x", "1x", "4294967296", "_", "0x10", "99999999999999999999999"};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char line[64];
        snprintf(line, sizeof line, "--number %s", numbers[i]);
        assert_refused(line, "--number");
    }
    assert_refused("--duration 0", "--duration");
    assert_refused("--duration soon", "--duration");
    assert_refused("--bytes 0", "--bytes");
    assert_refused("--bytes much", "--bytes");
}

static void test_options__needs_arguments_where_they_belong(void **state)
{
    (void)state;
    assert_refused("--text", "--text needs an argument: --text TEXT");
    assert_refused("-t", "--text needs an argument");
    assert_refused("-ft", "--text needs an argument");
    assert_refused("--flag=yes", "--flag takes no argument");
    assert_refused("--flag=", "--flag takes no argument");
}

static void test_options__suggests_what_was_meant(void **state)
{
    (void)state;
    parsed p;
    parse("--flagg", &p);
    assert_fails(p.rc, WFE_E_INVALID, &p.err);
    assert_contains(p.err.message, "'--flagg'");
    assert_contains(p.err.hint, "--flag?");
    parse("--hepl", &p);
    assert_contains(p.err.hint, "--help?");
    parse("--xyzzy", &p);
    assert_contains(p.err.hint, "see wfe test command --help");
    assert_refused("-x", "'-x'");
    assert_refused("-fx", "'-fx'");
    assert_refused("--fla", "'--fla'"); /* no abbreviations: they would break when one is added */
    assert_refused("--=x", "'--=x'");
}

static void test_options__frees_what_was_read_before_a_mistake(void **state)
{
    (void)state;
    assert_refused("-l a -l b --nonsense", "--nonsense");
}

/* ls -l of `wfe step ls -l` is the command's: wfe's own -l must not take it. */
static void test_options__may_end_at_the_first_operand(void **state)
{
    (void)state;
    wfe_command stops = command;
    stops.stops_at_operand = true;
    stops.max_operands = -1;
    char flag[] = "--flag", ls[] = "ls", end[] = "--", x[] = "-x";
    char *argv[] = {flag, ls, flag, end, x, NULL};
    target t = {0};
    bool help = false;
    int operands = 0;
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_options_parse(&stops, 5, argv, &t, &operands, &help, &err), &err);
    assert_int_equal(operands, 4);
    assert_string_equal(argv[0], "ls");
    assert_string_equal(argv[1], "--flag");
    assert_string_equal(argv[2], "--");
    assert_string_equal(argv[3], "-x");
    char *ended[] = {end, x, ls, NULL};
    assert_ok(wfe_options_parse(&stops, 3, ended, &t, &operands, &help, &err), &err);
    assert_int_equal(operands, 2);
    assert_string_equal(ended[0], "-x");
    wfe_options_free(&stops, &t);
}

static void test_options__counts_operands(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    wfe_command one = command;
    char word[] = "x";
    char *argv[] = {word, NULL};
    target t = {0};
    int operands = 0;
    bool help = false;
    assert_refused("a b c d", "too many operands");
    one.min_operands = 1;
    assert_fails(wfe_options_parse(&one, 0, argv, &t, &operands, &help, &err), WFE_E_INVALID, &err);
    assert_contains(err.message, "an operand is missing");
    assert_contains(err.hint, one.usage);
    err = (wfe_error)WFE_ERROR_INIT;
    assert_ok(wfe_options_parse(&one, 1, argv, &t, &operands, &help, &err), &err);
}

static void test_options__help_stops_everything(void **state)
{
    (void)state;
    static const char *const lines[] = {"--help", "-h", "-fh", "a b c d --help", "-f --help --bad"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        parsed p;
        parse_ok(lines[i], &p);
        assert_true(p.help);
    }
    parsed p;
    parse_ok("-- --help", &p);
    assert_false(p.help);
}

static void test_options__help_shows_the_whole_table(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    wfe_options_help(&command, out);
    fclose(out);
    assert_contains(text, "Usage: wfe test command [OPTION...] [FILE...]\n");
    assert_contains(text, "a command for tests");
    assert_contains(text, "Its details.");
    assert_contains(text, "-f, --flag ");
    assert_contains(text, "-t, --text TEXT ");
    assert_contains(text, "    --duration DURATION ");
    assert_contains(text, "-h, --help");
    assert_contains(text, "Examples:\n  wfe test command\n");
    free(text);
}

/* ---- the tables of all commands ---- */

static void assert_row(const wfe_command *c, size_t i)
{
    const wfe_option *option = &c->options[i];
    if (!option->name[0] || !option->help || !option->help[0])
        fail_msg("wfe %s: option %zu has no name or help", c->name, i);
    if (option->help[strlen(option->help) - 1] == '.')
        fail_msg("wfe %s: the help of --%s ends in a full stop", c->name, option->name);
    if ((option->type == WFE_OPTION_FLAG) != !option->argument)
        fail_msg("wfe %s: --%s and its argument do not fit", c->name, option->name);
    if (option->offset >= c->struct_size)
        fail_msg("wfe %s: --%s is stored outside its struct", c->name, option->name);
    if (strcmp(option->name, "help") == 0 || option->letter == 'h')
        fail_msg("wfe %s: --%s is the help's", c->name, option->name);
    for (size_t k = 0; k < i; k++) {
        const wfe_option *other = &c->options[k];
        if (strcmp(option->name, other->name) == 0)
            fail_msg("wfe %s: --%s is there twice", c->name, option->name);
        if (option->letter && option->letter == other->letter)
            fail_msg("wfe %s: -%c is there twice", c->name, option->letter);
        if (option->offset == other->offset)
            fail_msg("wfe %s: --%s and --%s are one member", c->name, option->name, other->name);
    }
}

static void test_options__of_every_command_are_sound(void **state)
{
    (void)state;
    for (size_t i = 0; i < wfe_n_commands; i++) {
        const wfe_command *c = wfe_commands[i];
        assert_true(c->name && c->usage && c->summary && c->examples && c->run);
        assert_true(islower((unsigned char)c->summary[0]));
        assert_int_equal(c->examples[strlen(c->examples) - 1], '\n');
        assert_true(!c->details || c->details[strlen(c->details) - 1] == '\n');
        assert_true(c->n_options < 64);
        for (size_t k = 0; k < c->n_options; k++)
            assert_row(c, k);
    }
}

/* ---- docs/step-reference.md ---- */

static char *read_text(const char *path)
{
    wfe_buf text = WFE_BUF_INIT(1024 * 1024);
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_fd_read_file(path, 512 * 1024, &text, &err), &err);
    assert_non_null(text.data);
    return text.data;
}

static void assert_documented(const char *text, const char *dashes, const char *name)
{
    char quoted[80];
    snprintf(quoted, sizeof quoted, "`%s%s`", dashes, name);
    if (!strstr(text, quoted))
        fail_msg("docs/step-reference.md says nothing of %s", quoted);
}

static void test_options__of_a_step_are_all_in_its_reference(void **state)
{
    (void)state;
    char *text = read_text(WFE_SOURCE_DIR "/docs/step-reference.md");
    for (size_t i = 0; i < wfe_cmd_step.n_options; i++) {
        const wfe_option *option = &wfe_cmd_step.options[i];
        const char letter[] = {option->letter, '\0'};
        assert_documented(text, "--", option->name);
        if (option->letter)
            assert_documented(text, "-", letter);
    }
    free(text);
}

/* Every member of the two structs: the last word before each semicolon. */
static void assert_members_documented(const char *header, const char *type)
{
    char *text = read_text(WFE_SOURCE_DIR "/docs/step-reference.md");
    char command_line[512], name[80];
    size_t members = 0;
    snprintf(command_line, sizeof command_line,
             "gcc -fpreprocessed -dD -E -P -x c '" WFE_SOURCE_DIR "/include/wfe/%s' 2>/dev/null | "
             "sed -n '/^typedef struct %s {/,/^}/p' | grep -o '[a-z_]*;$' | tr -d ';'",
             header, type);
    FILE *pipe = popen(command_line, "r");
    assert_non_null(pipe);
    while (fgets(name, sizeof name, pipe)) {
        name[strcspn(name, "\n")] = '\0';
        if (strcmp(name, type) == 0)
            continue;
        assert_documented(text, "", name);
        members++;
    }
    assert_int_equal(pclose(pipe), 0);
    assert_true(members > 10);
    free(text);
}

static void test_options__of_the_library_are_all_in_the_reference(void **state)
{
    (void)state;
    assert_members_documented("step.h", "wfe_step_options");
    assert_members_documented("client.h", "wfe_client_options");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options__leaves_everything_unset_without_words),
        cmocka_unit_test(test_options__takes_long_and_short_forms),
        cmocka_unit_test(test_options__joins_short_flags),
        cmocka_unit_test(test_options__takes_values_that_look_like_options),
        cmocka_unit_test(test_options__last_value_wins_but_for_lists),
        cmocka_unit_test(test_options__moves_operands_to_the_front),
        cmocka_unit_test(test_options__end_at_two_dashes),
        cmocka_unit_test(test_options__reads_numbers_with_units),
        cmocka_unit_test(test_options__names_a_number_that_is_wrong),
        cmocka_unit_test(test_options__needs_arguments_where_they_belong),
        cmocka_unit_test(test_options__suggests_what_was_meant),
        cmocka_unit_test(test_options__frees_what_was_read_before_a_mistake),
        cmocka_unit_test(test_options__may_end_at_the_first_operand),
        cmocka_unit_test(test_options__counts_operands),
        cmocka_unit_test(test_options__help_stops_everything),
        cmocka_unit_test(test_options__help_shows_the_whole_table),
        cmocka_unit_test(test_options__of_every_command_are_sound),
        cmocka_unit_test(test_options__of_a_step_are_all_in_its_reference),
        cmocka_unit_test(test_options__of_the_library_are_all_in_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
