/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/status.h"

#include <nghttp2/nghttp2.h>

#include "fixtures/wfe_assert.h"

static void test_grpc_status__every_code_has_its_name_and_kind(void **state)
{
    (void)state;
    assert_string_equal(wfe_grpc_status_name(0), "OK");
    assert_string_equal(wfe_grpc_status_name(5), "NOT_FOUND");
    assert_string_equal(wfe_grpc_status_name(16), "UNAUTHENTICATED");
    assert_int_equal(wfe_grpc_status_error_kind(0), WFE_OK);
    assert_int_equal(wfe_grpc_status_error_kind(5), WFE_E_NOT_FOUND);
    assert_int_equal(wfe_grpc_status_error_kind(6), WFE_E_CONFLICT);
    assert_int_equal(wfe_grpc_status_error_kind(14), WFE_E_UNAVAILABLE);
    for (int status = 1; status <= 16; status++)
        assert_int_not_equal(wfe_grpc_status_error_kind(status), WFE_OK);
}

static void test_grpc_status__numbers_that_are_no_status_are_unknown(void **state)
{
    (void)state;
    static const int numbers[] = {-1, 17, 1000};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        assert_string_equal(wfe_grpc_status_name(numbers[i]), "UNKNOWN");
        assert_int_equal(wfe_grpc_status_error_kind(numbers[i]), WFE_E_INTERNAL);
    }
}

static void test_grpc_status__http_statuses_map_as_the_protocol_says(void **state)
{
    (void)state;
    static const int table[][2] = {{400, 13}, {401, 16}, {403, 7}, {404, 12}, {429, 14}, {502, 14},
                                   {503, 14}, {504, 14}, {500, 2}, {418, 2},  {302, 2},  {0, 2}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        assert_int_equal(wfe_grpc_status_from_http(table[i][0]), table[i][1]);
}

static void test_grpc_status__http2_error_codes_map_as_the_protocol_says(void **state)
{
    (void)state;
    static const int table[][2] = {
        {NGHTTP2_NO_ERROR, 13},
        {NGHTTP2_PROTOCOL_ERROR, 13},
        {NGHTTP2_INTERNAL_ERROR, 13},
        {NGHTTP2_FLOW_CONTROL_ERROR, 8},
        {NGHTTP2_SETTINGS_TIMEOUT, 13},
        {NGHTTP2_STREAM_CLOSED, 13},
        {NGHTTP2_FRAME_SIZE_ERROR, 13},
        {NGHTTP2_REFUSED_STREAM, 14},
        {NGHTTP2_CANCEL, 1},
        {NGHTTP2_COMPRESSION_ERROR, 13},
        {NGHTTP2_CONNECT_ERROR, 13},
        {NGHTTP2_ENHANCE_YOUR_CALM, 8},
        {NGHTTP2_INADEQUATE_SECURITY, 7},
        {NGHTTP2_HTTP_1_1_REQUIRED, 13},
        {0x7777, 2},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        assert_int_equal(wfe_grpc_status_from_h2((uint32_t)table[i][0]), table[i][1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grpc_status__every_code_has_its_name_and_kind),
        cmocka_unit_test(test_grpc_status__numbers_that_are_no_status_are_unknown),
        cmocka_unit_test(test_grpc_status__http_statuses_map_as_the_protocol_says),
        cmocka_unit_test(test_grpc_status__http2_error_codes_map_as_the_protocol_says),
    };
    return cmocka_run_group_tests_name("grpc_status", tests, NULL, NULL);
}
