/* SPDX-License-Identifier: Apache-2.0
 *
 * The way "transfer" of a pull: the daemon fetches and unpacks by itself, from containerd 2.0 on.
 * ASKING (its version), OPENING (a stream for logins, one for progress), RUNNING, LOOKING (at the
 * record). What is left, which is mostly nothing, is the other way's work: the image is handed over
 * to it as one that needs no registry, so that records, labels and snapshots are the same whichever
 * way was taken.
 *
 * Logins are ours and are asked for host by host; hosts.toml files and certificates are those of
 * the daemon's machine.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "containerd/any.h"
#include "containerd/images.h"
#include "containerd/streaming.h"
#include "containerd/transfer.h"
#include "containerd/version.h"
#include "image/credential.h"
#include "image/http.h"
#include "image/pull_priv.h"
#include "image/transfer_progress.h"

#define VERSION_MS 10000
#define HELPER_MS 60000

typedef struct transfer {
    wfe_image_puller *pull;
    wfe_containerd_call *call; /* version, transfer or record: one at a time */
    wfe_streaming *auth;
    wfe_streaming *news;
    bool auth_open, news_open;
    wfe_transfer_progress *progress;
    wfe_credential_sources sources;
    wfe_credential_lookup *lookup; /* of the login the daemon waits for */
    bool by_http;                  /* a registry of the daemon's machine */
    bool unpacks;                  /* by the daemon */
    wfe_timer *timer;
    wfe_error failure;
} transfer;

static wfe_containerd *containerd_of(const transfer *t)
{
    return t->pull->client->containerd;
}

static void close_streams(transfer *t)
{
    wfe_credential_lookup_cancel(wfe_take(t->lookup));
    wfe_streaming_free(wfe_take(t->auth));
    wfe_streaming_free(wfe_take(t->news));
    t->auth_open = t->news_open = false;
}

static void transfer_free(wfe_image_puller *pull)
{
    transfer *t = pull->way_data;
    if (!t)
        return;
    wfe_containerd_cancel(t->call);
    close_streams(t);
    wfe_transfer_progress_free(t->progress);
    wfe_timer_free(t->timer);
    free(t);
    pull->way_data = NULL;
}

/* The end comes from a timer: callbacks of lookups may free nothing but themselves. */
static void fail(transfer *t, const wfe_error *err)
{
    if (t->failure.kind)
        return;
    t->failure = *err;
    wfe_timer_start(t->timer, 0);
}

static void on_timer(void *user)
{
    transfer *t = user;
    wfe_error result = t->failure;
    wfe_pull_ended(t->pull, NULL, &result);
}

static void transfer_stop(wfe_image_puller *pull)
{
    wfe_error cancelled = WFE_ERROR_INIT;
    wfe_error_set(&cancelled, WFE_E_CANCELLED, "it was cancelled");
    fail(pull->way_data, &cancelled);
}

/* Goes on in the other way; t is gone afterwards. */
static void hand_over(transfer *t)
{
    wfe_image_puller *pull = t->pull;
    wfe_error problem = WFE_ERROR_INIT;
    transfer_free(pull);
    pull->way = &wfe_pull_ingest;
    if (pull->way->start(pull, &problem))
        wfe_pull_ended(pull, NULL, &problem);
}

/* ---- the record ---- */

static void on_record(const PbImages__GetImageResponse *reply, const wfe_error *err, void *user)
{
    transfer *t = user;
    wfe_error problem = *err;
    const PbImages__Image *image = reply ? reply->image : NULL;
    t->call = NULL;
    if (!problem.kind && (!image || !image->target || !wfe_digest_is_valid(image->target->digest)))
        wfe_error_set(&problem, WFE_E_PROTOCOL, "the image's record points to no sha256 digest");
    if (problem.kind) {
        fail(t, &problem);
        return;
    }
    memcpy(t->pull->reference.digest, image->target->digest, WFE_DIGEST_SIZE);
    t->pull->offline = true;
    t->pull->by_daemon = true;
    wfe_transfer_progress_end(t->progress);
    hand_over(t);
}

static int look(transfer *t, wfe_error *err)
{
    PbImages__GetImageRequest request = PB_IMAGES__GET_IMAGE_REQUEST__INIT;
    request.name = t->pull->name;
    return wfe_images_get(containerd_of(t), &request, NULL, on_record, t, &t->call, err);
}

/* ---- logins ---- */

static int send_login(transfer *t, const wfe_credential *login, wfe_error *err)
{
    PbTransferTypes__AuthResponse response = PB_TRANSFER_TYPES__AUTH_RESPONSE__INIT;
    _cleanup_(wfe_buf_done) wfe_buf header = WFE_BUF_INIT(64 * 1024);
    int rc = 0;
    if (login->registry_token) {
        rc = wfe_buf_printf(&header, err, "Bearer %s", login->registry_token);
        response.authtype = PB_TRANSFER_TYPES__AUTH_TYPE__HEADER;
        response.secret = header.data;
    } else if (login->identity_token) {
        response.authtype = PB_TRANSFER_TYPES__AUTH_TYPE__REFRESH;
        response.secret = login->identity_token;
    } else if (login->username && login->password) {
        response.authtype = PB_TRANSFER_TYPES__AUTH_TYPE__CREDENTIALS;
        response.username = login->username;
        response.secret = login->password;
    }
    if (!rc)
        rc = wfe_streaming_send(t->auth, &response.base, WFE_TRANSFER_AUTH_RESPONSE, err);
    if (header.data)
        explicit_bzero(header.data, header.len);
    return rc;
}

static void on_login(const wfe_credential *login, const wfe_error *err, void *user)
{
    transfer *t = user;
    wfe_error problem = *err;
    t->lookup = NULL;
    if (!problem.kind && t->auth)
        send_login(t, login, &problem);
    if (problem.kind)
        fail(t, &problem);
}

static void on_auth(const Pb__Any *any, void *user)
{
    transfer *t = user;
    wfe_error problem = WFE_ERROR_INIT;
    PbTransferTypes__AuthRequest *request = wfe_transfer_read_auth(any);
    if (t->failure.kind)
        wfe_transfer_free_auth(wfe_take(request));
    else if (!request || t->lookup)
        wfe_error_set(&problem, WFE_E_PROTOCOL, "containerd asked for a login in an odd way");
    else
        wfe_credential_lookup_start(t->pull->client->loop, &t->sources, request->host, on_login, t,
                                    &t->lookup, &problem);
    wfe_transfer_free_auth(request);
    if (problem.kind)
        fail(t, &problem);
}

/* ---- the transfer ---- */

static int open_streams(transfer *t, wfe_error *err);

static bool has_text(const wfe_error *err, const char *text)
{
    return strstr(err->message, text) != NULL;
}

/* containerd hands most of what registries say on as text, with no kind of its own. */
static void sort_error(const transfer *t, wfe_error *err)
{
    if (err->grpc_status == WFE_GRPC_UNKNOWN || err->grpc_status == WFE_GRPC_INTERNAL) {
        if (has_text(err, "401 Unauthorized") || has_text(err, "403 Forbidden") ||
            has_text(err, "authorization failed") || has_text(err, "insufficient_scope"))
            err->kind = WFE_E_DENIED;
        else if (has_text(err, "connection refused") || has_text(err, "no such host") ||
                 has_text(err, "i/o timeout"))
            err->kind = WFE_E_UNAVAILABLE;
    }
    if (err->kind == WFE_E_DENIED)
        wfe_error_hint(err, "check the login for %s: docker's config.json, or --registry-user",
                       t->pull->reference.domain);
}

/* The daemon unpacks only what its own configuration names; the other way can always. */
static bool can_try_again(transfer *t, const wfe_error *err)
{
    if (t->unpacks && err->grpc_status == WFE_GRPC_INVALID_ARGUMENT && has_text(err, "unpack")) {
        t->unpacks = false;
        return true;
    }
    /* Plain HTTP was only assumed. */
    if (t->by_http && err->kind != WFE_E_NOT_FOUND && err->kind != WFE_E_DENIED &&
        err->kind != WFE_E_CANCELLED) {
        t->by_http = false;
        return true;
    }
    return false;
}

static void on_transferred(const Pb__Empty *reply, const wfe_error *err, void *user)
{
    (void)reply;
    transfer *t = user;
    wfe_error problem = *err;
    t->call = NULL;
    close_streams(t);
    if (!problem.kind) {
        look(t, &problem);
    } else {
        sort_error(t, &problem);
        if (can_try_again(t, &problem)) {
            wfe_log_debug(&t->pull->client->log, "%s; once more", problem.message);
            problem = (wfe_error)WFE_ERROR_INIT;
            open_streams(t, &problem);
        }
    }
    if (problem.kind)
        fail(t, &problem);
}

static void fill_platform(const wfe_image_platform *platform, Pb__Platform *out)
{
    out->os = platform->os;
    out->architecture = platform->architecture;
    out->variant = platform->variant;
}

static int pack_source(const transfer *t, Pb__Any *out, wfe_error *err)
{
    PbTransferTypes__RegistryResolver resolver = PB_TRANSFER_TYPES__REGISTRY_RESOLVER__INIT;
    PbTransferTypes__OCIRegistry source = PB_TRANSFER_TYPES__OCIREGISTRY__INIT;
    char *const *dirs = t->pull->access.hosts_dirs;
    resolver.auth_stream = wfe_streaming_id(t->auth);
    if (dirs && dirs[0])
        resolver.host_dir = dirs[0];
    if (t->by_http)
        resolver.default_scheme = "http";
    source.reference = t->pull->name;
    source.resolver = &resolver;
    return wfe_any_pack(&source.base, WFE_TRANSFER_OCI_REGISTRY, out, err);
}

static int pack_destination(const transfer *t, Pb__Any *out, wfe_error *err)
{
    Pb__Platform platform = PB__PLATFORM__INIT, *platforms[] = {&platform};
    PbTransferTypes__UnpackConfiguration unpack = PB_TRANSFER_TYPES__UNPACK_CONFIGURATION__INIT;
    PbTransferTypes__UnpackConfiguration *unpacks[] = {&unpack};
    PbTransferTypes__ImageStore destination = PB_TRANSFER_TYPES__IMAGE_STORE__INIT;
    fill_platform(&t->pull->platform, &platform);
    unpack.platform = &platform;
    unpack.snapshotter = t->pull->client->snapshotter;
    destination.name = t->pull->name;
    destination.platforms = platforms;
    destination.n_platforms = 1;
    destination.unpacks = unpacks;
    destination.n_unpacks = t->unpacks ? 1 : 0;
    return wfe_any_pack(&destination.base, WFE_TRANSFER_IMAGE_STORE, out, err);
}

static int run(transfer *t, wfe_error *err)
{
    Pb__Any source = PB__ANY__INIT, destination = PB__ANY__INIT;
    PbTransfer__TransferOptions options = PB_TRANSFER__TRANSFER_OPTIONS__INIT;
    PbTransfer__TransferRequest request = PB_TRANSFER__TRANSFER_REQUEST__INIT;
    int rc = pack_source(t, &source, err);
    if (!rc)
        rc = pack_destination(t, &destination, err);
    if (!rc) {
        options.progress_stream = wfe_streaming_id(t->news);
        request.source = &source;
        request.destination = &destination;
        request.options = &options;
        rc = wfe_transfer_run(containerd_of(t), &request, NULL, on_transferred, t, &t->call, err);
    }
    wfe_any_done(&source);
    wfe_any_done(&destination);
    return rc;
}

/* ---- streams ---- */

static void run_when_open(transfer *t)
{
    wfe_error problem = WFE_ERROR_INIT;
    if (t->auth_open && t->news_open && !t->failure.kind && run(t, &problem))
        fail(t, &problem);
}

static void on_auth_open(void *user)
{
    transfer *t = user;
    t->auth_open = true;
    run_when_open(t);
}

static void on_news_open(void *user)
{
    transfer *t = user;
    t->news_open = true;
    run_when_open(t);
}

static void on_news(const Pb__Any *any, void *user)
{
    transfer *t = user;
    PbTransferTypes__Progress *news = wfe_transfer_read_progress(any);
    if (news && !t->failure.kind)
        wfe_transfer_progress_take(t->progress, news);
    wfe_transfer_free_progress(news);
}

/* A stream that ends early ends the transfer only when it has not begun: the transfer's own end
 * tells what went wrong. */
static void on_stream_end(const wfe_error *err, void *user)
{
    transfer *t = user;
    if (err->kind && !t->call)
        fail(t, err);
}

static int open_streams(transfer *t, wfe_error *err)
{
    static const wfe_streaming_fns auth = {
        .opened = on_auth_open, .received = on_auth, .ended = on_stream_end};
    static const wfe_streaming_fns news = {
        .opened = on_news_open, .received = on_news, .ended = on_stream_end};
    int rc = wfe_streaming_open(containerd_of(t), &auth, t, &t->auth, err);
    return rc ? rc : wfe_streaming_open(containerd_of(t), &news, t, &t->news, err);
}

/* ---- the version ---- */

static int check_version(const char *text, wfe_error *err)
{
    wfe_version_number version;
    if (!wfe_version_parse(text, &version))
        return wfe_error_set(err, WFE_E_UNAVAILABLE,
                             "containerd calls its version '%.60s': whether it can fetch by itself "
                             "is not known",
                             text);
    if (wfe_version_at_least(&version, 2, 0))
        return 0;
    wfe_error_set(err, WFE_E_UNAVAILABLE,
                  wfe_version_at_least(&version, 1, 7)
                      ? "containerd %.60s cannot fetch by itself as asked: its transfer service "
                        "takes neither hosts.toml files nor plain HTTP, containerd 2.0 or newer "
                        "is needed"
                      : "containerd %.60s has no transfer service, 2.0 or newer is needed",
                  text);
    wfe_error_hint(err, "pull with --via ingest, which works with every version");
    return WFE_E_UNAVAILABLE;
}

static void on_version(const PbVersion__VersionResponse *reply, const wfe_error *err, void *user)
{
    transfer *t = user;
    wfe_error problem = *err;
    t->call = NULL;
    if (t->failure.kind)
        return;
    if (!problem.kind && check_version(reply->version, &problem) && t->pull->may_choose) {
        wfe_log_info(&t->pull->client->log, "%s: wfe fetches '%s' itself", problem.message,
                     t->pull->name);
        hand_over(t);
        return;
    }
    if (!problem.kind) {
        wfe_log_info(&t->pull->client->log, "containerd %s fetches '%s' by itself", reply->version,
                     t->pull->name);
        open_streams(t, &problem);
    }
    if (problem.kind)
        fail(t, &problem);
}

/* As for the other way: a registry of the machine itself is asked by plain HTTP first. */
static bool is_local(const char *domain)
{
    const char *colon = strrchr(domain, ':');
    char host[sizeof(((wfe_image_reference *)0)->domain)];
    size_t len = colon && !strchr(colon, ']') ? (size_t)(colon - domain) : strlen(domain);
    snprintf(host, sizeof host, "%.*s", (int)len, domain);
    return wfe_http_host_is_local(host);
}

static int transfer_start(wfe_image_puller *pull, wfe_error *err)
{
    const wfe_containerd_options options = {.deadline_ms = VERSION_MS, .fail_fast = true};
    Pb__Empty request = PB__EMPTY__INIT;
    transfer *t = calloc(1, sizeof *t);
    if (!t)
        return wfe_error_nomem(err);
    pull->way_data = t;
    t->pull = pull;
    t->unpacks = true;
    t->by_http = is_local(pull->reference.domain);
    t->sources = (wfe_credential_sources){.logins = pull->access.logins,
                                          .n_logins = pull->access.n_logins,
                                          .docker_config = pull->access.docker_config,
                                          .helper_timeout_ms = HELPER_MS};
    int rc = wfe_timer_new(pull->client->loop, on_timer, t, &t->timer, err);
    if (!rc)
        rc = wfe_transfer_progress_new(pull, &t->progress, err);
    if (!rc)
        rc = wfe_version_get(containerd_of(t), &request, &options, on_version, t, &t->call, err);
    return rc;
}

const wfe_pull_way wfe_pull_transfer = {
    .name = "transfer", .start = transfer_start, .stop = transfer_stop, .free = transfer_free};
