/* SPDX-License-Identifier: Apache-2.0
 *
 * Logging in at a registry: anonymous and other tokens, passwords, and who gets to see them. The
 * "other" server is the token server.
 */
#include "component/registry_rig.h"

#define ME_BASIC "Basic bWU6aHVudGVyMg==" /* me:hunter2 */
#define ME_CONFIG "{\"auths\": {\"%s\": {\"auth\": \"bWU6aHVudGVyMg==\"}}}"

static void write_login(const rig *r)
{
    char text[256];
    snprintf(text, sizeof text, ME_CONFIG, r->host);
    rig_write_config(r, text);
}

static bool has_auth(const scripted_request *q, const char *value)
{
    const char *auth = scripted_request_header(q, "Authorization");
    return auth && strcmp(auth, value) == 0;
}

/* ---- Basic ---- */

static void serve_basic(scripted_request *q, void *user)
{
    const rig *r = user;
    if (!has_auth(q, ME_BASIC))
        scripted_answer_text(q, 401, "WWW-Authenticate: Basic realm=\"x\"\r\n",
                             "{\"errors\": [{\"code\": \"UNAUTHORIZED\", \"message\": \"no\"}]}");
    else if (strstr(scripted_request_path(q), "/blobs/"))
        scripted_answer_range(q, r->blob, sizeof r->blob);
    else
        scripted_answer_text(q, 200, "", "{}");
}

static void test_registry_login__sends_a_password_when_it_is_asked_for(void **state)
{
    rig *r = *state;
    rig_serve(r, serve_basic);
    write_login(r);
    outcome o = rig_fetch_tag(r);
    assert_text(&o, "{}");
    assert_int_equal(scripted_registry_count(r->server, ""), 2);
    assert_int_equal(scripted_registry_count(r->server, "auth=-"), 1);
    outcome_free(&o);
    /* From then on at once. */
    o = rig_fetch_blob(r);
    assert_blob_from(&o, r, 0);
    assert_int_equal(scripted_registry_count(r->server, ""), 3);
    assert_int_equal(scripted_registry_count(r->server, "auth=-"), 1);
    outcome_free(&o);
}

static void test_registry_login__prefers_what_the_caller_says(void **state)
{
    rig *r = *state;
    rig_serve(r, serve_basic);
    const wfe_registry_login login = {.host = r->host, .username = "me", .password = RIG_SECRET};
    rig_write_config(r, "{\"auths\": ");
    r->options.logins = &login;
    r->options.n_logins = 1;
    outcome o = rig_fetch_tag(r);
    assert_text(&o, "{}");
    outcome_free(&o);
}

static void test_registry_login__says_that_there_is_no_login(void **state)
{
    rig *r = *state;
    rig_serve(r, serve_basic);
    outcome o = rig_fetch_tag(r);
    assert_error(&o, WFE_E_DENIED, "wants a user name and a password", "docker login 127.0.0.1");
    assert_contains(o.err.message, r->host);
    assert_int_equal(scripted_registry_count(r->server, ""), 1);
    outcome_free(&o);
}

static void test_registry_login__says_that_the_password_is_refused(void **state)
{
    rig *r = *state;
    const wfe_registry_login login = {
        .host = r->host, .username = "me", .password = "old " RIG_SECRET};
    rig_serve(r, serve_basic);
    r->options.logins = &login;
    r->options.n_logins = 1;
    outcome o = rig_fetch_tag(r);
    assert_error(&o, WFE_E_DENIED, "tried with a user name and password", "docker login");
    assert_contains(o.err.message, "UNAUTHORIZED: no");
    assert_int_equal(o.err.http_status, 401);
    /* A wrong password is not tried again and again: accounts get locked. */
    assert_int_equal(scripted_registry_count(r->server, ""), 2);
    outcome_free(&o);
}

static void test_registry_login__tells_of_a_broken_config(void **state)
{
    rig *r = *state;
    rig_serve(r, serve_basic);
    rig_write_config(r, "{\"auths\": {\"" RIG_SECRET);
    outcome o = rig_fetch_tag(r);
    assert_error(&o, WFE_E_INVALID, r->config, "");
    outcome_free(&o);
}

/* ---- tokens ---- */

/* Wants a token for the scope; the n-th that was given out is "tok-hunter2-n", and the server takes
 * those from the one that token_from says. */
static atomic_int token_from, tokens_given;

static void serve_bearer(scripted_request *q, void *user)
{
    rig *r = user;
    const char *auth = scripted_request_header(q, "Authorization");
    int n = -1;
    char header[300];
    if (auth && sscanf(auth, "Bearer tok-hunter2-%d", &n) == 1 && n >= atomic_load(&token_from)) {
        scripted_answer_range(q, r->blob, sizeof r->blob);
        return;
    }
    snprintf(header, sizeof header,
             "WWW-Authenticate: Bearer realm=\"http://127.0.0.1:%d/token\",service=\"the "
             "service\",scope=\"repository:test/app:pull\"%s\r\n",
             atomic_load(&r->other_port), auth ? ",error=\"invalid_token\"" : "");
    scripted_answer_text(q, 401, header, "");
}

static void give_token(scripted_request *q)
{
    char body[128];
    snprintf(body, sizeof body, "{\"token\": \"tok-hunter2-%d\", \"expires_in\": 300}",
             atomic_fetch_add(&tokens_given, 1));
    scripted_answer_text(q, 200, "Content-Type: application/json\r\n", body);
}

static void serve_tokens(scripted_request *q, void *user)
{
    (void)user;
    give_token(q);
}

static void start_bearer(rig *r, scripted_registry_fn tokens)
{
    atomic_store(&token_from, 0);
    atomic_store(&tokens_given, 0);
    rig_serve_other(r, tokens);
    rig_serve(r, serve_bearer);
}

static void test_registry_login__gets_a_token_without_a_login(void **state)
{
    rig *r = *state;
    start_bearer(r, serve_tokens);
    outcome o = rig_fetch_blob(r);
    assert_blob_from(&o, r, 0);
    assert_string_equal(
        scripted_registry_line(r->other, 0),
        "GET /token?service=the%20service&scope=repository%3Atest%2Fapp%3Apull range=- auth=-");
    outcome_free(&o);
    /* The token is used for its life. */
    o = rig_fetch_blob(r);
    assert_blob_from(&o, r, 0);
    assert_int_equal(scripted_registry_count(r->other, ""), 1);
    assert_int_equal(scripted_registry_count(r->server, ""), 3);
    outcome_free(&o);
}

static void test_registry_login__shares_one_token_among_parallel_fetches(void **state)
{
    rig *r = *state;
    enum { N = 6 };
    static outcome all[N];
    memset(all, 0, sizeof all);
    start_bearer(r, serve_tokens);
    for (int i = 0; i < N; i++)
        rig_start(r, &all[i],
                  &(wfe_registry_request){.kind = WFE_REGISTRY_BLOB, .name = r->digest});
    for (int i = 0; i < N; i++) {
        rig_wait(r, &all[i]);
        assert_blob_from(&all[i], r, 0);
        outcome_free(&all[i]);
    }
    assert_int_equal(scripted_registry_count(r->other, ""), 1);
}

static void test_registry_login__asks_for_another_token_when_one_has_run_out(void **state)
{
    rig *r = *state;
    start_bearer(r, serve_tokens);
    outcome o = rig_fetch_blob(r);
    assert_blob_from(&o, r, 0);
    outcome_free(&o);
    atomic_store(&token_from, 1);
    o = rig_fetch_blob(r);
    assert_blob_from(&o, r, 0);
    assert_int_equal(scripted_registry_count(r->other, ""), 2);
    outcome_free(&o);
    /* But not for ever. */
    atomic_store(&token_from, 1000);
    o = rig_fetch_blob(r);
    assert_error(&o, WFE_E_DENIED, "refuses access", "docker login");
    assert_int_equal(scripted_registry_count(r->other, ""), 4);
    outcome_free(&o);
}

static void serve_post_tokens(scripted_request *q, void *user)
{
    (void)user;
    if (strcmp(scripted_request_method(q), "POST") == 0 &&
        strcmp(scripted_request_body(q),
               "grant_type=password&client_id=wfe&service=the%20service&scope=repository%3Atest"
               "%2Fapp%3Apull&username=me&password=hunter2") == 0)
        give_token(q);
    else
        scripted_answer_text(q, 400, "", "");
}

static void serve_get_tokens(scripted_request *q, void *user)
{
    (void)user;
    if (strcmp(scripted_request_method(q), "GET") != 0)
        scripted_answer_text(q, 404, "", "");
    else if (has_auth(q, ME_BASIC))
        give_token(q);
    else
        scripted_answer_text(q, 401, "", "{\"details\": \"incorrect username or password\"}");
}

static void test_registry_login__gets_a_token_for_a_password(void **state)
{
    rig *r = *state;
    static const scripted_registry_fn servers[] = {serve_post_tokens, serve_get_tokens};
    for (size_t i = 0; i < 2; i++) {
        start_bearer(r, servers[i]);
        write_login(r);
        outcome o = rig_fetch_blob(r);
        assert_blob_from(&o, r, 0);
        assert_int_equal(scripted_registry_count(r->other, ""), i + 1);
        outcome_free(&o);
        wfe_registry_free(r->registry);
        r->registry = NULL;
        scripted_registry_stop(r->server);
        scripted_registry_stop(r->other);
        r->server = r->other = NULL;
    }
}

static void test_registry_login__says_that_the_token_server_refuses(void **state)
{
    rig *r = *state;
    const wfe_registry_login login = {
        .host = r->host, .username = "me", .password = "old " RIG_SECRET};
    start_bearer(r, serve_get_tokens);
    r->options.logins = &login;
    r->options.n_logins = 1;
    outcome o = rig_fetch_blob(r);
    assert_error(&o, WFE_E_DENIED, "tried with a user name and password", "docker login");
    assert_contains(o.err.message, "incorrect username or password");
    assert_contains(o.err.message, r->host);
    assert_int_equal(o.err.http_status, 401);
    outcome_free(&o);
}

static void serve_refresh(scripted_request *q, void *user)
{
    (void)user;
    if (strstr(scripted_request_body(q), "grant_type=refresh_token&") &&
        strstr(scripted_request_body(q), "&refresh_token=identity-hunter2"))
        give_token(q);
    else
        scripted_answer_text(q, 401, "", "");
}

static void test_registry_login__exchanges_an_identity_token(void **state)
{
    rig *r = *state;
    char text[256];
    start_bearer(r, serve_refresh);
    snprintf(text, sizeof text, "{\"auths\": {\"%s\": {\"identitytoken\": \"identity-hunter2\"}}}",
             r->host);
    rig_write_config(r, text);
    outcome o = rig_fetch_blob(r);
    assert_blob_from(&o, r, 0);
    assert_int_equal(scripted_registry_count(r->other, "POST"), 1);
    outcome_free(&o);
    /* There is no other way to use it. */
    wfe_registry_free(r->registry);
    r->registry = NULL;
    snprintf(text, sizeof text, "{\"auths\": {\"%s\": {\"identitytoken\": \"old-hunter2\"}}}",
             r->host);
    rig_write_config(r, text);
    o = rig_fetch_blob(r);
    assert_error(&o, WFE_E_DENIED, "tried with an identity token", "docker login");
    assert_int_equal(scripted_registry_count(r->other, "GET"), 0);
    outcome_free(&o);
}

static void test_registry_login__sends_a_registry_token_as_it_is(void **state)
{
    rig *r = *state;
    char text[256];
    start_bearer(r, serve_tokens);
    snprintf(text, sizeof text, "{\"auths\": {\"%s\": {\"registrytoken\": \"tok-hunter2-0\"}}}",
             r->host);
    rig_write_config(r, text);
    outcome o = rig_fetch_blob(r);
    assert_blob_from(&o, r, 0);
    assert_int_equal(scripted_registry_count(r->other, ""), 0);
    outcome_free(&o);
}

static void serve_shaky_tokens(scripted_request *q, void *user)
{
    (void)user;
    if (scripted_request_earlier(q) == 0)
        scripted_answer_text(q, 503, "Retry-After: 1\r\n", "");
    else if (scripted_request_earlier(q) == 1)
        scripted_close(q, true);
    else
        give_token(q);
}

static void test_registry_login__tries_a_busy_token_server_again(void **state)
{
    rig *r = *state;
    start_bearer(r, serve_shaky_tokens);
    outcome o = rig_fetch_blob(r);
    assert_blob_from(&o, r, 0);
    outcome_free(&o);
}

static void serve_bad_tokens(scripted_request *q, void *user)
{
    (void)user;
    scripted_answer_text(q, 200, "", "{\"token\": \"hunter2\\r\\nX-Evil: 1\"}");
}

static void serve_no_tokens(scripted_request *q, void *user)
{
    (void)user;
    scripted_answer_text(q, 302, "Location: http://127.0.0.1:1/\r\n", "");
}

static void test_registry_login__refuses_answers_that_are_no_token(void **state)
{
    rig *r = *state;
    static const scripted_registry_fn servers[] = {serve_bad_tokens, serve_no_tokens};
    for (size_t i = 0; i < 2; i++) {
        start_bearer(r, servers[i]);
        outcome o = rig_fetch_blob(r);
        assert_error(&o, WFE_E_PROTOCOL, "token", "");
        assert_contains(o.err.message, r->host);
        assert_int_equal(scripted_registry_count(r->server, ""), 1);
        outcome_free(&o);
        scripted_registry_stop(r->server);
        scripted_registry_stop(r->other);
        r->server = r->other = NULL;
    }
}

static void serve_strange_challenge(scripted_request *q, void *user)
{
    (void)user;
    scripted_answer_text(q, 401, "WWW-Authenticate: Negotiate\r\nWWW-Authenticate: =\r\n", "");
}

static void test_registry_login__cannot_answer_every_challenge(void **state)
{
    rig *r = *state;
    rig_serve(r, serve_strange_challenge);
    write_login(r);
    outcome o = rig_fetch_tag(r);
    assert_error(&o, WFE_E_DENIED, "tried anonymously (HTTP 401)", "log in first");
    outcome_free(&o);
}

static void serve_403(scripted_request *q, void *user)
{
    (void)user;
    scripted_answer_text(q, 403, "", "");
}

static void test_registry_login__tells_a_refusal_from_a_missing_login(void **state)
{
    rig *r = *state;
    rig_serve(r, serve_403);
    outcome o = rig_fetch_tag(r);
    assert_error(&o, WFE_E_DENIED, "HTTP 403", "private one");
    assert_int_equal(scripted_registry_count(r->server, ""), 1);
    outcome_free(&o);
}

static void test_registry_login__can_be_cancelled_while_it_waits(void **state)
{
    rig *r = *state;
    enum { N = 3 };
    static outcome all[N];
    memset(all, 0, sizeof all);
    start_bearer(r, serve_tokens);
    for (int turns = 0; turns < 30; turns += 3) {
        for (int i = 0; i < N; i++)
            rig_start(r, &all[i],
                      &(wfe_registry_request){.kind = WFE_REGISTRY_BLOB, .name = r->digest});
        for (int i = 0; i < turns; i++)
            wfe_loop_run_ready(r->loop);
        /* All but the last one go. */
        outcome_free(&all[0]);
        outcome_free(&all[1]);
        rig_wait(r, &all[2]);
        assert_blob_from(&all[2], r, 0);
        outcome_free(&all[2]);
        wfe_registry_free(r->registry);
        r->registry = NULL;
    }
    rig_start(r, &all[0], &(wfe_registry_request){.kind = WFE_REGISTRY_BLOB, .name = r->digest});
    for (int i = 0; i < 5; i++)
        wfe_loop_run_ready(r->loop);
    outcome_free(&all[0]);
}

/* ---- who sees a login ---- */

static void serve_basic_redirect(scripted_request *q, void *user)
{
    rig *r = user;
    char header[200];
    if (!has_auth(q, ME_BASIC)) {
        scripted_answer_text(q, 401, "WWW-Authenticate: Basic realm=\"x\"\r\n", "");
        return;
    }
    bool own = strstr(scripted_request_path(q), "/own") != NULL;
    if (own) {
        scripted_answer_range(q, r->blob, sizeof r->blob);
        return;
    }
    bool inside = strstr(scripted_request_path(q), "/inside/") != NULL;
    snprintf(header, sizeof header, "Location: http://127.0.0.1:%d/own\r\n",
             inside ? atomic_load(&r->own_port) : atomic_load(&r->other_port));
    scripted_answer_text(q, 307, header, "");
}

static void serve_storage(scripted_request *q, void *user)
{
    const rig *r = user;
    scripted_answer_range(q, r->blob, sizeof r->blob);
}

static void test_registry_login__is_not_shown_to_another_host(void **state)
{
    rig *r = *state;
    rig_serve_other(r, serve_storage);
    rig_serve(r, serve_basic_redirect);
    write_login(r);
    char hosts[256];
    snprintf(hosts, sizeof hosts, "server = \"http://%s\"\n[header]\nX-Private = \"yes\"\n",
             r->host);
    rig_write_hosts(r, r->host, hosts);
    outcome o = rig_fetch_blob(r);
    assert_blob_from(&o, r, 0);
    assert_int_equal(scripted_registry_count(r->other, ""), 1);
    assert_int_equal(scripted_registry_count(r->other, "auth=-"), 1);
    outcome_free(&o);
    /* The host itself may see it after a redirect too. */
    o = rig_fetch(r, (wfe_registry_request){
                         .kind = WFE_REGISTRY_BLOB, .path = "inside/app", .name = r->digest});
    assert_blob_from(&o, r, 0);
    assert_int_equal(scripted_registry_count(r->server, "GET /own range=- auth=Basic"), 1);
    outcome_free(&o);
}

static void serve_thief(scripted_request *q, void *user)
{
    rig *r = user;
    char header[200];
    if (strstr(scripted_request_path(q), "/token")) {
        give_token(q);
        return;
    }
    snprintf(header, sizeof header,
             "WWW-Authenticate: Bearer realm=\"http://127.0.0.1:%d/token\"\r\n"
             "WWW-Authenticate: Basic realm=\"x\"\r\n",
             atomic_load(&r->other_port));
    scripted_answer_text(q, 401, header, "");
}

static void serve_redirect_without_login(scripted_request *q, void *user)
{
    rig *r = user;
    char header[200];
    snprintf(header, sizeof header, "Location: http://127.0.0.1:%d/x\r\n",
             atomic_load(&r->other_port));
    scripted_answer_text(q, 307, header, "");
}

static void test_registry_login__is_not_made_for_where_a_redirect_leads(void **state)
{
    rig *r = *state;
    rig_serve_other(r, serve_thief);
    rig_serve(r, serve_redirect_without_login);
    write_login(r);
    outcome o = rig_fetch_blob(r);
    assert_int_equal(o.err.kind, WFE_E_DENIED);
    assert_int_equal(scripted_registry_count(r->other, "/token"), 0);
    assert_int_equal(scripted_registry_count(r->other, "auth=Basic"), 0);
    outcome_free(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_CASE(test_registry_login__sends_a_password_when_it_is_asked_for),
        RIG_CASE(test_registry_login__prefers_what_the_caller_says),
        RIG_CASE(test_registry_login__says_that_there_is_no_login),
        RIG_CASE(test_registry_login__says_that_the_password_is_refused),
        RIG_CASE(test_registry_login__tells_of_a_broken_config),
        RIG_CASE(test_registry_login__gets_a_token_without_a_login),
        RIG_CASE(test_registry_login__shares_one_token_among_parallel_fetches),
        RIG_CASE(test_registry_login__asks_for_another_token_when_one_has_run_out),
        RIG_CASE(test_registry_login__gets_a_token_for_a_password),
        RIG_CASE(test_registry_login__says_that_the_token_server_refuses),
        RIG_CASE(test_registry_login__exchanges_an_identity_token),
        RIG_CASE(test_registry_login__sends_a_registry_token_as_it_is),
        RIG_CASE(test_registry_login__tries_a_busy_token_server_again),
        RIG_CASE(test_registry_login__refuses_answers_that_are_no_token),
        RIG_CASE(test_registry_login__cannot_answer_every_challenge),
        RIG_CASE(test_registry_login__tells_a_refusal_from_a_missing_login),
        RIG_CASE(test_registry_login__can_be_cancelled_while_it_waits),
        RIG_CASE(test_registry_login__is_not_shown_to_another_host),
        RIG_CASE(test_registry_login__is_not_made_for_where_a_redirect_leads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
