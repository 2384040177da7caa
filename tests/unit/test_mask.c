/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mask.h"

#include <stdlib.h>

#include "base/mask_forms.h"
#include "fixtures/wfe_assert.h"

static wfe_mask *make_mask(const char *const *secrets)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_mask *mask = wfe_mask_new();
    assert_non_null(mask);
    for (; *secrets; secrets++)
        assert_ok(wfe_mask_add(mask, *secrets, strlen(*secrets), &err), &err);
    return mask;
}

static void assert_masked(wfe_mask *mask, const char *text, const char *wanted)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_buf out = WFE_BUF_INIT(0);
    assert_ok(wfe_mask_text(mask, text, strlen(text), &out, &err), &err);
    assert_string_equal(out.data ? out.data : "", wanted);
    wfe_buf_done(&out);
}

#define with_secrets(...) make_mask((const char *const[]){__VA_ARGS__, NULL})

static void test_mask__replaces_every_secret_wherever_it_is(void **state)
{
    (void)state;
    wfe_mask *mask = with_secrets("hunter22", "tr0ub4dor&3");
    assert_masked(mask, "hunter22", "***");
    assert_masked(mask, "a hunter22 b tr0ub4dor&3 c hunter2 d", "a *** b *** c hunter2 d");
    assert_masked(mask, "hunthunter22", "hunt***");
    assert_masked(mask, "", "");
    wfe_mask_free(mask);
}

static void test_mask__leaves_everything_without_secrets(void **state)
{
    (void)state;
    wfe_mask *mask = wfe_mask_new();
    assert_true(wfe_mask_is_empty(mask));
    assert_true(wfe_mask_is_empty(NULL));
    assert_masked(mask, "nothing to hide", "nothing to hide");
    assert_masked(NULL, "nothing to hide", "nothing to hide");
    wfe_mask_free(mask);
    wfe_mask_free(NULL);
}

static void test_mask__hides_all_of_secrets_that_overlap(void **state)
{
    (void)state;
    wfe_mask *mask = with_secrets("abcdef", "defghi", "cdef", "abcdefghijkl");
    assert_masked(mask, "-abcdefghi-", "-***-");
    assert_masked(mask, "-abcdefghijkl-", "-***-");
    assert_masked(mask, "-abcdefghijk-", "-***jk-");
    assert_masked(mask, "-cdef abcde", "-*** abcde");
    assert_masked(mask, "cdefcdef", "***");
    wfe_mask_free(mask);
}

static void test_mask__finds_base64_at_each_alignment(void **state)
{
    (void)state;
    /* printf 'hunter22?>~' | base64, alone and behind one and two bytes, and before others */
    wfe_mask *mask = with_secrets("hunter22?>~");
    assert_masked(mask, "aHVudGVyMjI/Pn4=", "***");
    assert_masked(mask, "aHVudGVyMjI/Pn4", "***");
    assert_masked(mask, "aHVudGVyMjI_Pn4=", "***");
    assert_masked(mask, "eGh1bnRlcjIyPz5+", "eG***");
    assert_masked(mask, "eGh1bnRlcjIyPz5-", "eG***");
    assert_masked(mask, "eHhodW50ZXIyMj8+fg==", "eHh***");
    assert_masked(mask, "eHhodW50ZXIyMj8-fg", "eHh***");
    assert_masked(mask, "aHVudGVyMjI/Pn4K", "***K");
    assert_masked(mask, "aHVudGVyMjI/Pn55eXk=", "***5eXk=");
    wfe_mask_free(mask);
}

/* The base64 of text by the definition, for what surrounds a secret. */
static void encode(const uint8_t *s, size_t len, char *out)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < len; i += 3) {
        uint32_t group = (uint32_t)s[i] << 16 | (i + 1 < len ? (uint32_t)s[i + 1] << 8 : 0) |
                         (i + 2 < len ? s[i + 2] : 0);
        for (unsigned k = 0; k < 4; k++)
            *out++ = i + k > len ? '=' : letters[(group >> (18 - 6 * k)) & 63];
    }
    *out = '\0';
}

static void test_mask__shows_no_more_of_base64_than_its_first_bits(void **state)
{
    (void)state;
    srand(7);
    for (int round = 0; round < 2000; round++) {
        uint8_t bytes[64];
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = (uint8_t)rand();
        size_t before = (size_t)rand() % 12, len = 4 + (size_t)rand() % 30;
        size_t after = (size_t)rand() % 12;
        wfe_error err = WFE_ERROR_INIT;
        wfe_mask *mask = wfe_mask_new();
        bytes[before + len - 1] |= 0x80; /* no newline, which would not count */
        assert_ok(wfe_mask_add(mask, bytes + before, len, &err), &err);
        char text[100];
        encode(bytes, before + len + after, text);
        wfe_buf out = WFE_BUF_INIT(0);
        assert_ok(wfe_mask_text(mask, text, strlen(text), &out, &err), &err);
        const char *stars = strstr(out.data, "***");
        assert_non_null(stars);
        /* Shown: whole characters before the secret, the one that it shares, and what is behind. */
        assert_true((size_t)(stars - out.data) <= (before * 8 + 5) / 6);
        assert_true(strlen(stars + 3) <= (after * 8 + 5) / 6 + 3);
        wfe_buf_done(&out);
        wfe_mask_free(mask);
    }
}

static void test_mask__finds_long_base64_in_lines(void **state)
{
    (void)state;
    char secret[150], text[256], wrapped[256];
    for (size_t i = 0; i < sizeof secret; i++)
        secret[i] = (char)('!' + i * 7 % 90);
    wfe_error err = WFE_ERROR_INIT;
    wfe_mask *mask = wfe_mask_new();
    assert_ok(wfe_mask_add(mask, secret, sizeof secret, &err), &err);
    encode((const uint8_t *)secret, sizeof secret, text);
    snprintf(wrapped, sizeof wrapped, "%.76s\n%.76s\n%s\n", text, text + 76, text + 152);
    assert_masked(mask, wrapped, "***\n");
    snprintf(wrapped, sizeof wrapped, "%.64s\r\n%.64s\r\n%s\r\n", text, text + 64, text + 128);
    assert_masked(mask, wrapped, "***\r\n***\r\n***\r\n");
    wfe_mask_free(mask);
}

static void test_mask__finds_what_is_escaped(void **state)
{
    (void)state;
    wfe_mask *mask = with_secrets("p\"a/s s\\\xC3\xA9\xF0\x9F\x94\x91<'$1");
    assert_masked(mask, "{\"k\":\"p\\\"a/s s\\\\\xC3\xA9\xF0\x9F\x94\x91<'$1\"}",
                  "{\"k\":\"***\"}");
    assert_masked(mask, "\"p\\\"a/s s\\\\\\u00e9\\ud83d\\udd11<'$1\"", "\"***\"");
    assert_masked(mask, "\"p\\\"a/s s\\\\\\u00E9\\uD83D\\uDD11<'$1\"", "\"***\"");
    assert_masked(mask, "\"p\\\"a\\/s s\\\\\\u00e9\\ud83d\\udd11<'$1\"", "\"***\"");
    assert_masked(mask, "\"p\\\"a/s s\\\\\xC3\xA9\xF0\x9F\x94\x91\\u003c'$1\"", "\"***\"");
    assert_masked(mask, "?k=p%22a%2Fs%20s%5C%C3%A9%F0%9F%94%91%3C%27%241&", "?k=***&");
    assert_masked(mask, "?k=p%22a/s%20s%5c%c3%a9%f0%9f%94%91%3c%27%241&", "?k=***&");
    assert_masked(mask, "?k=p%22a%2Fs+s%5C%C3%A9%F0%9F%94%91%3C%27%241&", "?k=***&");
    assert_masked(mask, "+ echo 'p\"a/s s\\\xC3\xA9\xF0\x9F\x94\x91<'\\''$1'", "+ echo '***'");
    assert_masked(mask, "x=\"p\\\"a/s s\\\\\xC3\xA9\xF0\x9F\x94\x91<'\\$1\"", "x=\"***\"");
    assert_masked(mask, "7022612f7320735cc3a9f09f94913c272431", "***");
    assert_masked(mask, "7022612F7320735CC3A9F09F94913C272431", "***");
    wfe_mask_free(mask);
}

static void test_mask__finds_each_line_of_a_secret(void **state)
{
    (void)state;
    wfe_mask *mask = with_secrets("-----BEGIN-----\nMIIEabcd\n  indented\r\nab\n-----END-----\n\n");
    assert_masked(mask, "-----BEGIN-----\nMIIEabcd\n  indented\r\nab\n-----END-----", "***");
    assert_masked(mask, "x MIIEabcd y indented z ab -----END-----\n", "x *** y *** z ab ***\n");
    assert_masked(mask, "TUlJRWFiY2Q=", "***");
    assert_masked(mask, "-----BEGIN-----\\nMIIEabcd\\n  indented\\r\\nab\\n-----END-----", "***");
    wfe_mask_free(mask);
}

static void test_mask__ignores_newlines_at_the_end_of_a_secret(void **state)
{
    (void)state;
    wfe_mask *mask = with_secrets("hunter22\r\n");
    assert_masked(mask, "hunter22!", "***!");
    wfe_mask_free(mask);
}

static void test_mask__refuses_what_it_cannot_mask(void **state)
{
    (void)state;
    wfe_mask *mask = wfe_mask_new();
    wfe_error err = WFE_ERROR_INIT;
    assert_fails(wfe_mask_add(mask, "abc\n", 4, &err), WFE_E_INVALID, &err);
    assert_contains(err.message, "3 bytes");
    assert_null(strstr(err.message, "abc"));
    assert_fails(wfe_mask_add(mask, "", 0, NULL), WFE_E_INVALID, NULL);
    char *large = malloc(WFE_MASK_MAX_BYTES + 1);
    for (size_t i = 0; i <= WFE_MASK_MAX_BYTES; i++)
        large[i] = (char)('a' + i % 26);
    err = (wfe_error)WFE_ERROR_INIT;
    assert_fails(wfe_mask_add(mask, large, WFE_MASK_MAX_BYTES + 1, &err), WFE_E_LIMIT, &err);
    for (size_t i = 0; i < WFE_MASK_MAX_TOTAL_BYTES / WFE_MASK_MAX_BYTES; i++) {
        large[0] = (char)('a' + i);
        assert_ok(wfe_mask_add(mask, large, WFE_MASK_MAX_BYTES, NULL), NULL);
        assert_ok(wfe_mask_add(mask, large, WFE_MASK_MAX_BYTES, NULL), NULL);
    }
    assert_fails(wfe_mask_add(mask, "hunter22", 8, NULL), WFE_E_LIMIT, NULL);
    free(large);
    wfe_mask_free(mask);
}

static void feed(wfe_mask_stream *stream, const char *text, wfe_buf *out, const char *wanted)
{
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_mask_stream_feed(stream, text, strlen(text), out, &err), &err);
    assert_string_equal(out->data ? out->data : "", wanted);
}

static void test_mask__holds_back_only_what_may_begin_a_secret(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    wfe_mask *mask = with_secrets("hunter22", "hunter2299");
    wfe_mask_stream *stream = NULL;
    assert_ok(wfe_mask_stream_new(mask, &stream, &err), &err);
    wfe_mask_free(mask);
    wfe_buf out = WFE_BUF_INIT(0);
    feed(stream, "password: hun", &out, "password: ");
    assert_int_equal(wfe_mask_stream_held(stream), 3);
    feed(stream, "gry", &out, "password: hungry");
    feed(stream, "\nhunter2", &out, "password: hungry\n");
    feed(stream, "2", &out, "password: hungry\n***");
    feed(stream, "9", &out, "password: hungry\n***");
    feed(stream, "9", &out, "password: hungry\n***");
    feed(stream, ".hunter", &out, "password: hungry\n***.");
    assert_ok(wfe_mask_stream_finish(stream, &out, &err), &err);
    assert_string_equal(out.data, "password: hungry\n***.hunter");
    assert_int_equal(wfe_mask_stream_held(stream), 0);
    feed(stream, "22", &out, "password: hungry\n***.hunter22");
    wfe_buf_done(&out);
    wfe_mask_stream_free(stream);
}

static void test_mask__a_secret_that_comes_later_is_for_later_streams(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    wfe_mask *mask = with_secrets("hunter22");
    wfe_mask_stream *stream = NULL;
    assert_ok(wfe_mask_stream_new(mask, &stream, &err), &err);
    assert_ok(wfe_mask_add(mask, "correct horse", 13, &err), &err);
    assert_masked(mask, "correct horse hunter22", "*** ***");
    wfe_buf out = WFE_BUF_INIT(0);
    feed(stream, "correct horse hunter22", &out, "correct horse ***");
    wfe_buf_done(&out);
    wfe_mask_stream_free(stream);
    wfe_mask_free(mask);
}

static void test_mask__a_full_buffer_is_an_error_and_shows_no_secret(void **state)
{
    (void)state;
    wfe_mask *mask = with_secrets("hunter22");
    wfe_error err = WFE_ERROR_INIT;
    wfe_buf out = WFE_BUF_INIT(6);
    assert_fails(wfe_mask_text(mask, "hello hunter22", 14, &out, &err), WFE_E_LIMIT, &err);
    assert_string_equal(out.data, "hello ");
    wfe_buf_done(&out);
    wfe_mask_free(mask);
}

/* ---- against a model that marks every occurrence of every form ---- */

static void mask_simply(const wfe_mask_forms *forms, const uint8_t *text, size_t len, wfe_buf *out)
{
    uint8_t *hidden = calloc(len + 1, 1);
    for (size_t f = 0; f < forms->len; f++) {
        const wfe_mask_form *form = &forms->items[f];
        for (size_t at = 0; at + form->len <= len; at++) {
            if (memcmp(text + at, form->bytes, form->len) == 0)
                memset(hidden + at, 1, form->len);
        }
    }
    for (size_t at = 0; at < len; at++) {
        if (!hidden[at])
            assert_ok(wfe_buf_append(out, text + at, 1, NULL), NULL);
        else if (!hidden[at + 1])
            assert_ok(wfe_buf_append_str(out, WFE_MASK_TEXT, NULL), NULL);
    }
    free(hidden);
}

static void fill(uint8_t *bytes, size_t len, unsigned letters)
{
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)('a' + (unsigned)rand() % letters);
}

/* Secrets and text of few letters, so that they meet and overlap; some forms are put in as well. */
static void try_once(unsigned letters)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_mask *mask = wfe_mask_new();
    wfe_mask_forms forms = {0};
    for (int n = 1 + rand() % 4; n; n--) {
        uint8_t secret[16];
        size_t len = WFE_MASK_MIN_BYTES + (size_t)rand() % 12;
        fill(secret, len, letters);
        assert_ok(wfe_mask_add(mask, secret, len, &err), &err);
        assert_ok(wfe_mask_forms_add(&forms, secret, len, &err), &err);
    }
    uint8_t text[400];
    fill(text, sizeof text, letters);
    for (int n = rand() % 6; n; n--) {
        const wfe_mask_form *form = &forms.items[(size_t)rand() % forms.len];
        memcpy(text + (size_t)rand() % (sizeof text - form->len), form->bytes, form->len);
    }
    wfe_buf wanted = WFE_BUF_INIT(0), got = WFE_BUF_INIT(0);
    mask_simply(&forms, text, sizeof text, &wanted);
    wfe_mask_stream *stream = NULL;
    assert_ok(wfe_mask_stream_new(mask, &stream, &err), &err);
    for (size_t at = 0, n; at < sizeof text; at += n) {
        n = (size_t)rand() % 20;
        n = n < sizeof text - at ? n : sizeof text - at;
        assert_ok(wfe_mask_stream_feed(stream, text + at, n, &got, &err), &err);
    }
    assert_ok(wfe_mask_stream_finish(stream, &got, &err), &err);
    assert_int_equal(got.len, wanted.len);
    assert_memory_equal(got.data, wanted.data, wanted.len);
    wfe_mask_stream_free(stream);
    wfe_buf_done(&wanted);
    wfe_buf_done(&got);
    wfe_mask_forms_done(&forms);
    wfe_mask_free(mask);
}

static void test_mask__agrees_with_a_simple_model_however_the_stream_is_cut(void **state)
{
    (void)state;
    srand(1);
    for (int round = 0; round < 1500; round++)
        try_once(1 + (unsigned)round % 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mask__replaces_every_secret_wherever_it_is),
        cmocka_unit_test(test_mask__leaves_everything_without_secrets),
        cmocka_unit_test(test_mask__hides_all_of_secrets_that_overlap),
        cmocka_unit_test(test_mask__finds_base64_at_each_alignment),
        cmocka_unit_test(test_mask__shows_no_more_of_base64_than_its_first_bits),
        cmocka_unit_test(test_mask__finds_long_base64_in_lines),
        cmocka_unit_test(test_mask__finds_what_is_escaped),
        cmocka_unit_test(test_mask__finds_each_line_of_a_secret),
        cmocka_unit_test(test_mask__ignores_newlines_at_the_end_of_a_secret),
        cmocka_unit_test(test_mask__refuses_what_it_cannot_mask),
        cmocka_unit_test(test_mask__holds_back_only_what_may_begin_a_secret),
        cmocka_unit_test(test_mask__a_secret_that_comes_later_is_for_later_streams),
        cmocka_unit_test(test_mask__a_full_buffer_is_an_error_and_shows_no_secret),
        cmocka_unit_test(test_mask__agrees_with_a_simple_model_however_the_stream_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
