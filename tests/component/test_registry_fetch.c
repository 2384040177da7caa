/* SPDX-License-Identifier: Apache-2.0
 *
 * Fetches from a registry that redirects, breaks off, stalls, lies and is busy.
 */
#include "component/registry_rig.h"

static void serve_well(scripted_request *q, void *user)
{
    const rig *r = user;
    char headers[256];
    if (strstr(scripted_request_path(q), "/blobs/")) {
        scripted_answer_range(q, r->blob, sizeof r->blob);
    } else if (strstr(scripted_request_path(q), "/tags/list")) {
        scripted_answer_text(q, 200, "", "{\"tags\": [\"latest\"]}");
    } else {
        snprintf(headers, sizeof headers,
                 "Content-Type: application/vnd.oci.image.index.v1+json; charset=utf-8\r\n"
                 "Docker-Content-Digest: %s\r\n",
                 r->digest);
        scripted_answer_text(q, 200, headers, "{\"manifest\": 1}");
    }
}

/* ---- what is good ---- */

static void test_registry_fetch__gives_a_blob(void **state)
{
    rig *r = *state;
    rig_serve(r, serve_well);
    outcome o = rig_fetch_blob(r);
    assert_blob_from(&o, r, 0);
    assert_int_equal(o.total_bytes, RIG_BLOB_BYTES);
    assert_string_equal(o.head_host, r->host);
    assert_int_equal(scripted_registry_count(r->server, ""), 1);
    assert_contains(scripted_registry_line(r->server, 0), "GET /v2/test/app/blobs/sha256:");
    outcome_free(&o);
}

static void test_registry_fetch__begins_a_blob_where_it_is_told(void **state)
{
    rig *r = *state;
    rig_serve(r, serve_well);
    outcome o = rig_fetch(r, (wfe_registry_request){.kind = WFE_REGISTRY_BLOB,
                                                    .name = r->digest,
                                                    .offset_bytes = 123456,
                                                    .expected_bytes = RIG_BLOB_BYTES});
    assert_blob_from(&o, r, 123456);
    assert_int_equal(o.total_bytes, RIG_BLOB_BYTES);
    assert_int_equal(scripted_registry_count(r->server, "range=bytes=123456-"), 1);
    outcome_free(&o);
    o = rig_fetch(r, (wfe_registry_request){.kind = WFE_REGISTRY_BLOB,
                                            .name = r->digest,
                                            .offset_bytes = RIG_BLOB_BYTES,
                                            .expected_bytes = RIG_BLOB_BYTES});
    assert_int_equal(o.err.kind, 0);
    assert_int_equal(o.n_data, 0);
    assert_int_equal(scripted_registry_count(r->server, ""), 1);
    outcome_free(&o);
}

static void test_registry_fetch__gives_documents_whole(void **state)
{
    rig *r = *state;
    rig_serve(r, serve_well);
    outcome o = rig_fetch_tag(r);
    assert_text(&o, "{\"manifest\": 1}");
    assert_int_equal(o.n_data, 1);
    assert_string_equal(o.media_type, "application/vnd.oci.image.index.v1+json");
    assert_string_equal(o.digest, r->digest);
    assert_int_equal(o.total_bytes, 15);
    outcome_free(&o);
    o = rig_fetch(r, (wfe_registry_request){.kind = WFE_REGISTRY_TAGS});
    assert_text(&o, "{\"tags\": [\"latest\"]}");
    outcome_free(&o);
    o = rig_fetch(r, (wfe_registry_request){.kind = WFE_REGISTRY_MANIFEST_HEAD, .name = "latest"});
    assert_int_equal(o.err.kind, 0);
    assert_int_equal(o.heads, 1);
    assert_int_equal(o.n_data, 0);
    assert_string_equal(o.digest, r->digest);
    assert_int_equal(o.total_bytes, 15);
    assert_int_equal(scripted_registry_count(r->server, "HEAD /v2/test/app/manifests/latest "), 1);
    outcome_free(&o);
    assert_int_equal(scripted_registry_connections(r->server), 1);
}

static void test_registry_fetch__runs_many_at_once(void **state)
{
    rig *r = *state;
    enum { N = 20 };
    static outcome all[N];
    memset(all, 0, sizeof all);
    rig_serve(r, serve_well);
    r->options.connections_per_host = 4;
    for (int i = 0; i < N; i++)
        rig_start(r, &all[i],
                  &(wfe_registry_request){.kind = WFE_REGISTRY_BLOB, .name = r->digest});
    for (int i = 0; i < N; i++) {
        rig_wait(r, &all[i]);
        assert_blob_from(&all[i], r, 0);
        outcome_free(&all[i]);
    }
    assert_true(scripted_registry_connections(r->server) <= 4);
}

static void serve_chunked(scripted_request *q, void *user)
{
    const rig *r = user;
    scripted_sendf(q, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%zx\r\n",
                   sizeof r->blob);
    scripted_send(q, r->blob, sizeof r->blob);
    scripted_sendf(q, "\r\n0\r\n\r\n");
}

static void test_registry_fetch__takes_bodies_of_unknown_length(void **state)
{
    rig *r = *state;
    rig_serve(r, serve_chunked);
    outcome o = rig_fetch_blob(r);
    assert_blob_from(&o, r, 0);
    assert_int_equal(o.total_bytes, -1);
    outcome_free(&o);
}

/* ---- back-pressure, and ends from inside ---- */

static void test_registry_fetch__gives_nothing_while_paused(void **state)
{
    rig *r = *state;
    static outcome o;
    o = (outcome){.pause_at_bytes = 1};
    rig_serve(r, serve_well);
    rig_start(r, &o,
              &(wfe_registry_request){
                  .kind = WFE_REGISTRY_BLOB, .name = r->digest, .expected_bytes = RIG_BLOB_BYTES});
    uint64_t until = wfe_clock_monotonic_us() + RIG_LIMIT_US;
    while (!o.n_data && wfe_clock_monotonic_us() < until)
        wfe_loop_run_ready(r->loop);
    size_t len = o.data.len;
    assert_true(len > 0 && len < RIG_BLOB_BYTES);
    /* Longer than the stall time: a pause is none. */
    until = wfe_clock_monotonic_us() + 2200 * 1000;
    while (wfe_clock_monotonic_us() < until)
        wfe_loop_run_ready(r->loop);
    assert_int_equal(o.data.len, len);
    assert_false(o.done);
    wfe_registry_fetch_resume(o.fetch);
    assert_int_equal(o.data.len, len);
    rig_wait(r, &o);
    assert_blob_from(&o, r, 0);
    assert_int_equal(scripted_registry_count(r->server, ""), 1);
    outcome_free(&o);
}

static void test_registry_fetch__holds_documents_while_paused(void **state)
{
    rig *r = *state;
    static outcome o;
    o = (outcome){0};
    rig_serve(r, serve_well);
    rig_start(r, &o, &(wfe_registry_request){.kind = WFE_REGISTRY_MANIFEST, .name = "latest"});
    wfe_registry_fetch_pause(o.fetch);
    uint64_t until = wfe_clock_monotonic_us() + RIG_LIMIT_US;
    while (!scripted_registry_count(r->server, "") && wfe_clock_monotonic_us() < until)
        wfe_loop_run_ready(r->loop);
    until = wfe_clock_monotonic_us() + 200 * 1000;
    while (wfe_clock_monotonic_us() < until)
        wfe_loop_run_ready(r->loop);
    assert_int_equal(o.n_data, 0);
    assert_false(o.done);
    wfe_registry_fetch_resume(o.fetch);
    rig_wait(r, &o);
    assert_text(&o, "{\"manifest\": 1}");
    outcome_free(&o);
}

static void test_registry_fetch__can_be_freed_in_each_callback(void **state)
{
    rig *r = *state;
    static outcome a, b;
    rig_serve(r, serve_well);
    const wfe_registry_request blob = {.kind = WFE_REGISTRY_BLOB, .name = r->digest};
    const wfe_registry_request tag = {.kind = WFE_REGISTRY_MANIFEST, .name = "latest"};
    const wfe_registry_request head = {.kind = WFE_REGISTRY_MANIFEST_HEAD, .name = "latest"};
    const wfe_registry_request *const requests[] = {&blob, &tag, &head};
    for (size_t i = 0; i < 3; i++) {
        for (int how = 0; how < 4; how++) {
            a = (outcome){.free_in_head = how == 0,
                          .frees = how == 1   ? &a
                                   : how == 2 ? &b
                                              : NULL,
                          .free_in_done = how == 3};
            b = (outcome){0};
            if (requests[i] == &head && (how == 1 || how == 2))
                continue;
            rig_start(r, &a, requests[i]);
            rig_start(r, &b, requests[i]);
            rig_wait(r, &a);
            rig_wait(r, &b);
            assert_int_equal(a.err.kind, 0);
            assert_int_equal(b.err.kind, 0);
            outcome_free(&a);
            outcome_free(&b);
        }
    }
}

static void test_registry_fetch__can_be_freed_at_any_time(void **state)
{
    rig *r = *state;
    static outcome o;
    rig_serve(r, serve_well);
    for (int turns = 0; turns < 40; turns++) {
        o = (outcome){0};
        rig_start(r, &o, &(wfe_registry_request){.kind = WFE_REGISTRY_BLOB, .name = r->digest});
        for (int i = 0; i < turns && !o.done; i++)
            wfe_loop_run_ready(r->loop);
        bool was_done = o.done;
        wfe_registry_fetch_free(o.fetch);
        o.fetch = NULL;
        for (int i = 0; i < 5; i++)
            wfe_loop_run_ready(r->loop);
        assert_int_equal(o.done, was_done);
        outcome_free(&o);
    }
}

static void test_registry_fetch__ends_with_the_error_of_its_caller(void **state)
{
    rig *r = *state;
    static outcome o;
    rig_serve(r, serve_well);
    static const wfe_registry_kind kinds[] = {WFE_REGISTRY_BLOB, WFE_REGISTRY_MANIFEST};
    for (size_t i = 0; i < 2; i++) {
        o = (outcome){.fail_with = WFE_E_IO};
        rig_start(r, &o, &(wfe_registry_request){.kind = kinds[i], .name = r->digest});
        rig_wait(r, &o);
        assert_int_equal(o.err.kind, WFE_E_IO);
        assert_string_equal(o.err.message, "the caller has no room");
        assert_int_equal(o.n_data, 1);
        outcome_free(&o);
    }
    assert_int_equal(scripted_registry_count(r->server, ""), 2);
}

/* ---- transfers that break ---- */

/* Breaks off after 50,000 bytes, in each answer. */
static void serve_pieces(scripted_request *q, void *user)
{
    const rig *r = user;
    size_t first = 0;
    const char *range = scripted_request_header(q, "Range");
    if (range)
        sscanf(range, "bytes=%zu-", &first);
    size_t left = sizeof r->blob - first, piece = left < 50000 ? left : 50000;
    scripted_sendf(q, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n", range ? 206 : 200, left);
    if (range)
        scripted_sendf(q, "Content-Range: bytes %zu-%zu/%zu\r\n", first, sizeof r->blob - 1,
                       sizeof r->blob);
    scripted_sendf(q, "\r\n");
    scripted_send(q, r->blob + first, piece);
    if (piece < left)
        scripted_close(q, scripted_request_earlier(q) % 2 == 0);
}

static void test_registry_fetch__goes_on_where_it_broke(void **state)
{
    rig *r = *state;
    rig_serve(r, serve_pieces);
    outcome o = rig_fetch_blob(r);
    /* More breaks than tries, but each one brought something. */
    assert_blob_from(&o, r, 0);
    assert_int_equal(o.heads, 1);
    assert_true(scripted_registry_count(r->server, "") >= 6);
    assert_true(scripted_registry_count(r->server, "range=bytes=") >= 5);
    outcome_free(&o);
}

static void serve_without_ranges(scripted_request *q, void *user)
{
    const rig *r = user;
    scripted_sendf(q, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", sizeof r->blob);
    if (scripted_request_earlier(q) == 0) {
        scripted_send(q, r->blob, 100000);
        scripted_close(q, false);
    } else {
        scripted_send(q, r->blob, sizeof r->blob);
    }
}

static void test_registry_fetch__skips_what_it_has_when_the_host_knows_no_ranges(void **state)
{
    rig *r = *state;
    rig_serve(r, serve_without_ranges);
    outcome o = rig_fetch_blob(r);
    assert_blob_from(&o, r, 0);
    assert_int_equal(scripted_registry_count(r->server, "range=bytes=100000-"), 1);
    outcome_free(&o);
}

static void serve_wrong_ranges(scripted_request *q, void *user)
{
    const rig *r = user;
    if (scripted_request_header(q, "Range")) {
        scripted_answer(q, 206, "Content-Range: bytes 0-299999/300000\r\n", r->blob,
                        sizeof r->blob);
        return;
    }
    scripted_answer(q, 200, "", r->blob, sizeof r->blob);
}

static void serve_416(scripted_request *q, void *user)
{
    const rig *r = user;
    if (scripted_request_header(q, "Range"))
        scripted_answer_text(q, 416, "", "");
    else
        scripted_answer(q, 200, "", r->blob, sizeof r->blob);
}

static void test_registry_fetch__asks_for_all_when_ranges_come_wrong(void **state)
{
    rig *r = *state;
    static const scripted_registry_fn servers[] = {serve_wrong_ranges, serve_416};
    for (size_t i = 0; i < 2; i++) {
        rig_serve(r, servers[i]);
        outcome o = rig_fetch(r, (wfe_registry_request){.kind = WFE_REGISTRY_BLOB,
                                                        .name = r->digest,
                                                        .offset_bytes = 1000,
                                                        .expected_bytes = RIG_BLOB_BYTES});
        assert_blob_from(&o, r, 1000);
        assert_int_equal(scripted_registry_count(r->server, ""), 2);
        outcome_free(&o);
        scripted_registry_stop(r->server);
        r->server = NULL;
    }
}

static void serve_stalls(scripted_request *q, void *user)
{
    const rig *r = user;
    if (scripted_request_earlier(q) > 0) {
        scripted_answer_range(q, r->blob, sizeof r->blob);
        return;
    }
    scripted_sendf(q, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", sizeof r->blob);
    scripted_send(q, r->blob, 1000);
    scripted_stall(q);
}

static void test_registry_fetch__asks_again_when_nothing_comes(void **state)
{
    rig *r = *state;
    rig_serve(r, serve_stalls);
    outcome o = rig_fetch_blob(r);
    assert_blob_from(&o, r, 0);
    assert_int_equal(scripted_registry_count(r->server, "range=bytes=1000-"), 1);
    outcome_free(&o);
}

static void serve_nothing(scripted_request *q, void *user)
{
    (void)user;
    scripted_stall(q);
}

static void test_registry_fetch__gives_up_a_host_that_never_answers(void **state)
{
    rig *r = *state;
    rig_serve(r, serve_nothing);
    r->options.retries = 1;
    outcome o = rig_fetch_tag(r);
    assert_error(&o, WFE_E_TIMEOUT, r->host, "");
    assert_true(o.err.retryable);
    assert_int_equal(scripted_registry_count(r->server, ""), 2);
    outcome_free(&o);
}

static void serve_cut(scripted_request *q, void *user)
{
    (void)user;
    scripted_sendf(q, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
    scripted_close(q, false);
}

static void test_registry_fetch__gives_up_what_always_breaks(void **state)
{
    rig *r = *state;
    rig_serve(r, serve_cut);
    outcome o = rig_fetch_tag(r);
    assert_error(&o, WFE_E_UNAVAILABLE, "closed too early", "");
    assert_int_equal(o.heads, 0);
    assert_int_equal(o.n_data, 0);
    assert_int_equal(scripted_registry_count(r->server, ""), 4);
    outcome_free(&o);
}

static void serve_short_chunks(scripted_request *q, void *user)
{
    const rig *r = user;
    if (scripted_request_earlier(q) > 0) {
        scripted_answer_range(q, r->blob, sizeof r->blob);
        return;
    }
    scripted_sendf(q, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n");
    scripted_send(q, r->blob, 1000);
    scripted_sendf(q, "\r\n0\r\n\r\n");
}

static void test_registry_fetch__goes_on_after_a_body_that_is_too_short(void **state)
{
    rig *r = *state;
    rig_serve(r, serve_short_chunks);
    outcome o = rig_fetch_blob(r);
    assert_blob_from(&o, r, 0);
    assert_int_equal(scripted_registry_count(r->server, "range=bytes=1000-"), 1);
    outcome_free(&o);
}

/* ---- hosts that are busy ---- */

static void serve_busy(scripted_request *q, void *user)
{
    int earlier = scripted_request_earlier(q);
    if (earlier == 0)
        scripted_answer_text(q, 429, "Retry-After: 1\r\n", "");
    else if (earlier == 1)
        scripted_answer_text(q, 503, "", "");
    else if (earlier == 2)
        scripted_answer_text(q, 408, "", "");
    else
        serve_well(q, user);
}

static void test_registry_fetch__waits_for_a_busy_host(void **state)
{
    rig *r = *state;
    rig_serve(r, serve_busy);
    outcome o = rig_fetch_tag(r);
    assert_text(&o, "{\"manifest\": 1}");
    assert_int_equal(scripted_registry_count(r->server, ""), 4);
    outcome_free(&o);
}

static void serve_long_wait(scripted_request *q, void *user)
{
    (void)user;
    scripted_answer_text(q, 429, "Retry-After: 3600\r\n",
                         "{\"errors\": [{\"code\": \"TOOMANYREQUESTS\", \"message\": \"slow\"}]}");
}

static void test_registry_fetch__does_not_wait_for_hours(void **state)
{
    rig *r = *state;
    rig_serve(r, serve_long_wait);
    outcome o = rig_fetch_tag(r);
    assert_error(&o, WFE_E_UNAVAILABLE, "429", "wait for 3600 s; at most 3 s");
    assert_contains(o.err.message, "TOOMANYREQUESTS: slow");
    assert_int_equal(o.err.http_status, 429);
    assert_true(o.err.retryable);
    assert_int_equal(scripted_registry_count(r->server, ""), 1);
    outcome_free(&o);
}

static void serve_500(scripted_request *q, void *user)
{
    (void)user;
    scripted_answer_text(q, 500, "", "<html>SOMETHING BROKE</html>");
}

static void test_registry_fetch__gives_up_a_host_that_stays_broken(void **state)
{
    rig *r = *state;
    rig_serve(r, serve_500);
    outcome o = rig_fetch_blob(r);
    assert_error(&o, WFE_E_UNAVAILABLE, "HTTP 500", "try again later");
    assert_contains(o.err.message, r->host);
    assert_contains(o.err.message, r->digest);
    assert_int_equal(scripted_registry_count(r->server, ""), 4);
    outcome_free(&o);
}

/* ---- hosts that lie ---- */

static void serve_other_size(scripted_request *q, void *user)
{
    const rig *r = user;
    scripted_answer(q, 200, "", r->blob, sizeof r->blob - 1);
}

static void test_registry_fetch__refuses_another_size(void **state)
{
    rig *r = *state;
    rig_serve(r, serve_other_size);
    outcome o = rig_fetch_blob(r);
    assert_error(&o, WFE_E_PROTOCOL, "299999 bytes, and it must have 300000 bytes", "");
    assert_int_equal(o.n_data, 0);
    assert_int_equal(scripted_registry_count(r->server, ""), 1);
    outcome_free(&o);
}

static void test_registry_fetch__refuses_more_than_there_should_be(void **state)
{
    rig *r = *state;
    rig_serve(r, serve_chunked);
    outcome o = rig_fetch(r, (wfe_registry_request){.kind = WFE_REGISTRY_BLOB,
                                                    .name = r->digest,
                                                    .expected_bytes = RIG_BLOB_BYTES - 1});
    assert_error(&o, WFE_E_PROTOCOL, "more than its 299999 bytes", "");
    assert_true(o.data.len < RIG_BLOB_BYTES);
    outcome_free(&o);
    o = rig_fetch(
        r, (wfe_registry_request){.kind = WFE_REGISTRY_BLOB, .name = r->digest, .max_bytes = 1000});
    assert_int_equal(o.err.kind, WFE_E_LIMIT);
    assert_contains(o.err.message, "1000 bytes");
    outcome_free(&o);
    o = rig_fetch(r, (wfe_registry_request){
                         .kind = WFE_REGISTRY_MANIFEST, .name = "latest", .max_bytes = 1000});
    assert_int_equal(o.err.kind, WFE_E_LIMIT);
    assert_contains(o.err.message, "1000 bytes");
    assert_int_equal(o.n_data, 0);
    outcome_free(&o);
}

static void test_registry_fetch__refuses_documents_that_are_too_long_by_their_header(void **state)
{
    rig *r = *state;
    rig_serve(r, serve_other_size);
    outcome o = rig_fetch(r, (wfe_registry_request){
                                 .kind = WFE_REGISTRY_MANIFEST, .name = "latest", .max_bytes = 10});
    assert_int_equal(o.err.kind, WFE_E_LIMIT);
    assert_contains(o.err.message, "299999 bytes, at most 10");
    outcome_free(&o);
}

static void serve_other_digest(scripted_request *q, void *user)
{
    (void)user;
    scripted_answer_text(q, 200,
                         "Docker-Content-Digest: sha256:"
                         "0000000000000000000000000000000000000000000000000000000000000000\r\n",
                         "{}");
}

static void test_registry_fetch__refuses_another_digest(void **state)
{
    rig *r = *state;
    rig_serve(r, serve_other_digest);
    outcome o =
        rig_fetch(r, (wfe_registry_request){.kind = WFE_REGISTRY_MANIFEST, .name = r->digest});
    assert_error(&o, WFE_E_PROTOCOL, "sha256:0000", "");
    assert_contains(o.err.message, r->digest);
    assert_int_equal(o.n_data, 0);
    outcome_free(&o);
}

static void serve_encoded(scripted_request *q, void *user)
{
    (void)user;
    scripted_answer_text(q, 200, "Content-Encoding: gzip\r\n", "{}");
}

static void test_registry_fetch__refuses_what_is_encoded(void **state)
{
    rig *r = *state;
    rig_serve(r, serve_encoded);
    outcome o = rig_fetch_tag(r);
    assert_error(&o, WFE_E_PROTOCOL, "encoded", "");
    outcome_free(&o);
}

/* ---- what is not there ---- */

static void serve_tags_only(scripted_request *q, void *user)
{
    (void)user;
    if (strstr(scripted_request_path(q), "/tags/list"))
        scripted_answer_text(q, 200, "", "{\"tags\": [\"3.18\", \"3.19\", \"latest\"]}");
    else
        scripted_answer_text(
            q, 404, "", "{\"errors\": [{\"code\": \"MANIFEST_UNKNOWN\", \"message\": \"none\"}]}");
}

static void test_registry_fetch__tells_the_tags_when_one_is_not_there(void **state)
{
    rig *r = *state;
    rig_serve(r, serve_tags_only);
    static const wfe_registry_kind kinds[] = {WFE_REGISTRY_MANIFEST, WFE_REGISTRY_MANIFEST_HEAD};
    for (size_t i = 0; i < 2; i++) {
        outcome o = rig_fetch(r, (wfe_registry_request){.kind = kinds[i], .name = "latst"});
        assert_error(&o, WFE_E_NOT_FOUND, "it has 3 tags: 3.18, 3.19, latest",
                     "did you mean the tag 'latest'?");
        assert_contains(o.err.message, "test/app:latst not found");
        assert_int_equal(o.err.http_status, 404);
        assert_false(o.err.retryable);
        outcome_free(&o);
    }
}

static void serve_404(scripted_request *q, void *user)
{
    (void)user;
    scripted_answer_text(q, 404, "", "");
}

static void test_registry_fetch__says_what_is_not_found(void **state)
{
    rig *r = *state;
    rig_serve(r, serve_404);
    outcome o = rig_fetch_tag(r);
    assert_error(&o, WFE_E_NOT_FOUND, "test/app:latest not found", "check the name");
    outcome_free(&o);
    o = rig_fetch_blob(r);
    assert_error(&o, WFE_E_NOT_FOUND, r->digest, "");
    outcome_free(&o);
    o = rig_fetch(r, (wfe_registry_request){.kind = WFE_REGISTRY_TAGS});
    assert_error(&o, WFE_E_NOT_FOUND, "list of tags", "");
    outcome_free(&o);
}

static void serve_manifest_as_blob(scripted_request *q, void *user)
{
    (void)user;
    if (strstr(scripted_request_path(q), "/blobs/"))
        scripted_answer_text(q, 200, "", "{\"from\": \"blobs\"}");
    else
        scripted_answer_text(q, 404, "", "");
}

static void test_registry_fetch__looks_for_manifests_among_the_blobs(void **state)
{
    rig *r = *state;
    rig_serve(r, serve_manifest_as_blob);
    outcome o =
        rig_fetch(r, (wfe_registry_request){.kind = WFE_REGISTRY_MANIFEST, .name = r->digest});
    assert_text(&o, "{\"from\": \"blobs\"}");
    outcome_free(&o);
}

static void serve_405(scripted_request *q, void *user)
{
    (void)user;
    scripted_answer_text(q, 405, "", "");
}

static void test_registry_fetch__doubts_that_it_is_a_registry(void **state)
{
    rig *r = *state;
    rig_serve(r, serve_405);
    outcome o =
        rig_fetch(r, (wfe_registry_request){.kind = WFE_REGISTRY_MANIFEST_HEAD, .name = "latest"});
    assert_error(&o, WFE_E_PROTOCOL, "HTTP 405", "is 127.0.0.1");
    assert_int_equal(o.err.http_status, 405);
    outcome_free(&o);
}

static void test_registry_fetch__names_a_host_that_cannot_be_reached(void **state)
{
    rig *r = *state;
    rig_serve(r, serve_well);
    scripted_registry_stop(r->server);
    r->server = NULL;
    outcome o = rig_fetch_tag(r);
    assert_error(&o, WFE_E_UNAVAILABLE, r->host, "check that a registry runs at 127.0.0.1");
    assert_int_equal(o.err.sys_errno, ECONNREFUSED);
    assert_true(o.err.retryable);
    outcome_free(&o);
}

static void test_registry_fetch__refuses_requests_that_no_registry_has(void **state)
{
    rig *r = *state;
    rig_serve(r, serve_well);
    assert_ok(wfe_registry_new(r->loop, &r->options, &r->registry, NULL), NULL);
    const wfe_registry_fetch_fns fns = {.data = outcome_data, .done = outcome_done};
    const wfe_registry_request bad[] = {
        {.kind = WFE_REGISTRY_BLOB, .domain = r->host, .path = "a", .name = "latest"},
        {.kind = WFE_REGISTRY_BLOB, .domain = r->host, .path = "a"},
        {.kind = WFE_REGISTRY_TAGS, .domain = r->host, .path = "a", .name = "latest"},
        {.kind = WFE_REGISTRY_MANIFEST, .domain = r->host, .path = "a", .name = "a/b"},
        {.kind = WFE_REGISTRY_MANIFEST, .domain = r->host, .path = "a", .name = ".x"},
        {.kind = WFE_REGISTRY_MANIFEST, .domain = r->host, .path = "a/../b", .name = "x"},
        {.kind = WFE_REGISTRY_MANIFEST, .domain = r->host, .path = "/a", .name = "x"},
        {.kind = WFE_REGISTRY_MANIFEST, .domain = r->host, .path = "a?b", .name = "x"},
        {.kind = WFE_REGISTRY_MANIFEST, .domain = "../x", .path = "a", .name = "x"},
        {.kind = WFE_REGISTRY_MANIFEST, .domain = "a@b", .path = "a", .name = "x"},
        {.kind = WFE_REGISTRY_MANIFEST, .domain = "", .path = "a", .name = "x"},
        {.kind = WFE_REGISTRY_BLOB,
         .domain = r->host,
         .path = "a",
         .name = r->digest,
         .offset_bytes = 2,
         .expected_bytes = 1},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        wfe_registry_fetch *fetch = NULL;
        wfe_error err = WFE_ERROR_INIT;
        assert_fails(wfe_registry_fetch_start(r->registry, &bad[i], &fns, NULL, &fetch, &err),
                     WFE_E_INVALID, &err);
        assert_null(fetch);
    }
}

/* ---- redirects ---- */

static void redirect(scripted_request *q, int port, const char *to)
{
    char header[300];
    snprintf(header, sizeof header, "Location: http://127.0.0.1:%d%s\r\n", port, to);
    scripted_answer_text(q, 307, header, "");
}

static void serve_redirect(scripted_request *q, void *user)
{
    rig *r = user;
    redirect(q, atomic_load(&r->other_port), "/storage?signature=" RIG_SECRET);
}

static void serve_storage(scripted_request *q, void *user)
{
    const rig *r = user;
    scripted_answer_range(q, r->blob, sizeof r->blob);
}

static void test_registry_fetch__follows_redirects(void **state)
{
    rig *r = *state;
    rig_serve(r, serve_redirect);
    rig_serve_other(r, serve_storage);
    outcome o = rig_fetch_blob(r);
    assert_blob_from(&o, r, 0);
    assert_string_equal(o.head_host, r->host);
    outcome_free(&o);
    o = rig_fetch(
        r, (wfe_registry_request){.kind = WFE_REGISTRY_BLOB, .name = r->digest, .offset_bytes = 5});
    assert_blob_from(&o, r, 5);
    assert_int_equal(scripted_registry_count(r->other, "range=bytes=5-"), 1);
    outcome_free(&o);
}

static void serve_expiring(scripted_request *q, void *user)
{
    const rig *r = user;
    /* The first URL does not live long enough for the second half. */
    if (scripted_request_earlier(q) == 1)
        scripted_answer_text(q, 403, "", "<Error><Code>AccessDenied</Code></Error>");
    else if (scripted_request_earlier(q) == 0) {
        scripted_sendf(q, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", sizeof r->blob);
        scripted_send(q, r->blob, 1000);
        scripted_close(q, false);
    } else
        scripted_answer_range(q, r->blob, sizeof r->blob);
}

static void test_registry_fetch__asks_the_registry_for_another_redirect(void **state)
{
    rig *r = *state;
    rig_serve(r, serve_redirect);
    rig_serve_other(r, serve_expiring);
    outcome o = rig_fetch_blob(r);
    assert_blob_from(&o, r, 0);
    assert_int_equal(scripted_registry_count(r->server, ""), 3);
    outcome_free(&o);
}

static void serve_loop(scripted_request *q, void *user)
{
    rig *r = user;
    redirect(q, atomic_load(&r->own_port), "/again");
}

static void serve_nowhere(scripted_request *q, void *user)
{
    (void)user;
    scripted_answer_text(q, 302, "", "");
}

static void serve_file(scripted_request *q, void *user)
{
    (void)user;
    scripted_answer_text(q, 302, "Location: file:///etc/passwd\r\n", "");
}

static void test_registry_fetch__refuses_redirects_that_lead_nowhere(void **state)
{
    rig *r = *state;
    static const struct {
        scripted_registry_fn fn;
        const char *message;
        int requests;
    } cases[] = {{serve_loop, "more than 10 times", 11},
                 {serve_nowhere, "to nowhere", 1},
                 {serve_file, "no URL of HTTP", 1}};
    for (size_t i = 0; i < 3; i++) {
        rig_serve(r, cases[i].fn);
        outcome o = rig_fetch_blob(r);
        assert_error(&o, WFE_E_PROTOCOL, cases[i].message, "");
        assert_int_equal(scripted_registry_count(r->server, ""), cases[i].requests);
        outcome_free(&o);
        scripted_registry_stop(r->server);
        r->server = NULL;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_CASE(test_registry_fetch__gives_a_blob),
        RIG_CASE(test_registry_fetch__begins_a_blob_where_it_is_told),
        RIG_CASE(test_registry_fetch__gives_documents_whole),
        RIG_CASE(test_registry_fetch__runs_many_at_once),
        RIG_CASE(test_registry_fetch__takes_bodies_of_unknown_length),
        RIG_CASE(test_registry_fetch__gives_nothing_while_paused),
        RIG_CASE(test_registry_fetch__holds_documents_while_paused),
        RIG_CASE(test_registry_fetch__can_be_freed_in_each_callback),
        RIG_CASE(test_registry_fetch__can_be_freed_at_any_time),
        RIG_CASE(test_registry_fetch__ends_with_the_error_of_its_caller),
        RIG_CASE(test_registry_fetch__goes_on_where_it_broke),
        RIG_CASE(test_registry_fetch__skips_what_it_has_when_the_host_knows_no_ranges),
        RIG_CASE(test_registry_fetch__asks_for_all_when_ranges_come_wrong),
        RIG_CASE(test_registry_fetch__asks_again_when_nothing_comes),
        RIG_CASE(test_registry_fetch__gives_up_a_host_that_never_answers),
        RIG_CASE(test_registry_fetch__gives_up_what_always_breaks),
        RIG_CASE(test_registry_fetch__goes_on_after_a_body_that_is_too_short),
        RIG_CASE(test_registry_fetch__waits_for_a_busy_host),
        RIG_CASE(test_registry_fetch__does_not_wait_for_hours),
        RIG_CASE(test_registry_fetch__gives_up_a_host_that_stays_broken),
        RIG_CASE(test_registry_fetch__refuses_another_size),
        RIG_CASE(test_registry_fetch__refuses_more_than_there_should_be),
        RIG_CASE(test_registry_fetch__refuses_documents_that_are_too_long_by_their_header),
        RIG_CASE(test_registry_fetch__refuses_another_digest),
        RIG_CASE(test_registry_fetch__refuses_what_is_encoded),
        RIG_CASE(test_registry_fetch__tells_the_tags_when_one_is_not_there),
        RIG_CASE(test_registry_fetch__says_what_is_not_found),
        RIG_CASE(test_registry_fetch__looks_for_manifests_among_the_blobs),
        RIG_CASE(test_registry_fetch__doubts_that_it_is_a_registry),
        RIG_CASE(test_registry_fetch__names_a_host_that_cannot_be_reached),
        RIG_CASE(test_registry_fetch__refuses_requests_that_no_registry_has),
        RIG_CASE(test_registry_fetch__follows_redirects),
        RIG_CASE(test_registry_fetch__asks_the_registry_for_another_redirect),
        RIG_CASE(test_registry_fetch__refuses_redirects_that_lead_nowhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
