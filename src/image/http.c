/* SPDX-License-Identifier: Apache-2.0
 *
 * See http.h. libcurl says which sockets and which timer it waits for; the loop tells it what
 * happened. libcurl may not be entered from its own callbacks, nor a transfer be freed while one of
 * its callbacks runs: starting and resuming are done from a timer (`kick`), and what is freed in
 * a callback waits in `dead` until the outermost call is over (`depth`).
 */
#include "image/http.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "image/http_priv.h"
#include "image/http_setup.h"

typedef struct watch {
    wfe_http *http;
    curl_socket_t fd;
    wfe_io *io;
} watch;

struct wfe_http {
    CURLM *multi;
    wfe_loop *loop;
    wfe_timer *timer; /* libcurl's */
    wfe_timer *kick;
    wfe_http_setup setup;
    wfe_http_transfer *live; /* linked by next */
    wfe_http_transfer *dead;
    unsigned depth; /* calls into libcurl or a callback under way */
    sigset_t signals;
    bool sigpipe_was_pending;
};

struct wfe_http_transfer {
    wfe_http *http;
    wfe_http_transfer *next;
    CURL *easy;
    struct curl_slist *headers; /* may hold credentials */
    char *body;                 /* the same */
    wfe_http_fns fns;
    void *user;
    bool is_added;  /* the multi handle has it */
    bool is_paused; /* by our caller */
    bool is_held;   /* libcurl keeps bytes back since we said so */
    bool wants_start;
    bool wants_resume;
    bool head_given;
    bool ended;
    bool is_dead;
    int refusal; /* what head or data returned */
    wfe_error error;
    char text[CURL_ERROR_SIZE];
};

/* ---- in and out of libcurl ---- */

/* TLS writes to sockets without MSG_NOSIGNAL, so a peer that is gone would kill the program. Only
 * this thread's mask is touched, and a signal that was pending before stays. */
static void hold_sigpipe(wfe_http *http)
{
    sigset_t pipe, pending;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    sigemptyset(&pending);
    sigpending(&pending);
    http->sigpipe_was_pending = sigismember(&pending, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, &http->signals);
}

static void release_sigpipe(wfe_http *http)
{
    const struct timespec now = {0};
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    if (!http->sigpipe_was_pending)
        sigtimedwait(&pipe, NULL, &now);
    pthread_sigmask(SIG_SETMASK, &http->signals, NULL);
}

static void clear_list(struct curl_slist *list)
{
    for (struct curl_slist *item = list; item; item = item->next)
        explicit_bzero(item->data, strlen(item->data));
    wfe_curl_lib.curl_slist_free_all(list);
}

static void destroy(wfe_http_transfer *transfer)
{
    if (transfer->is_added)
        wfe_curl_lib.curl_multi_remove_handle(transfer->http->multi, transfer->easy);
    if (transfer->easy)
        wfe_curl_lib.curl_easy_cleanup(transfer->easy);
    clear_list(transfer->headers);
    if (transfer->body)
        explicit_bzero(transfer->body, strlen(transfer->body));
    free(transfer->body);
    free(transfer);
}

static void enter(wfe_http *http)
{
    if (http->depth++ == 0)
        hold_sigpipe(http);
}

static void leave(wfe_http *http)
{
    if (http->depth > 1) {
        http->depth--;
        return;
    }
    while (http->dead) {
        wfe_http_transfer *transfer = http->dead;
        http->dead = transfer->next;
        destroy(transfer);
    }
    http->depth = 0;
    release_sigpipe(http);
}

/* ---- how transfers go ---- */

/* Gives head to the caller, once. */
static int give_head(wfe_http_transfer *transfer)
{
    if (transfer->head_given)
        return 0;
    transfer->head_given = true;
    if (transfer->fns.head)
        transfer->refusal = transfer->fns.head(&transfer->error, transfer->user);
    return transfer->refusal;
}

static size_t on_write(char *bytes, size_t size, size_t n, void *user)
{
    wfe_http_transfer *transfer = user;
    const size_t len = size * n;
    const size_t fail = len ? 0 : 1; /* any number but len */
    if (transfer->is_dead || transfer->refusal || give_head(transfer) || transfer->is_dead)
        return fail;
    if (transfer->is_paused) {
        transfer->is_held = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    if (len)
        transfer->refusal = transfer->fns.data(bytes, len, &transfer->error, transfer->user);
    return transfer->refusal || transfer->is_dead ? fail : len;
}

static void end(wfe_http_transfer *transfer, wfe_http_failure failure, wfe_error *err)
{
    transfer->ended = true;
    transfer->fns.done(failure, err, transfer->user);
}

static void finish(wfe_http_transfer *transfer, CURLcode code)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_http_failure failure = WFE_HTTP_OK;
    if (code == CURLE_OK)
        give_head(transfer);
    if (transfer->is_dead)
        return;
    if (transfer->refusal) {
        wfe_error_copy(&err, &transfer->error);
        end(transfer, WFE_HTTP_REFUSED, &err);
        return;
    }
    if (code != CURLE_OK) {
        curl_off_t connected_us = 0;
        long sys_errno = 0;
        wfe_curl_lib.curl_easy_getinfo(transfer->easy, CURLINFO_PRETRANSFER_TIME_T, &connected_us);
        wfe_curl_lib.curl_easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &sys_errno);
        failure = wfe_curl_failure(code, connected_us > 0, sys_errno, transfer->text, &err);
    }
    end(transfer, failure, &err);
}

static void collect(wfe_http *http)
{
    int left = 0;
    CURLMsg *message;
    while ((message = wfe_curl_lib.curl_multi_info_read(http->multi, &left))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        CURL *easy = message->easy_handle;
        CURLcode code = message->data.result;
        char *private = NULL;
        wfe_curl_lib.curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
        wfe_http_transfer *transfer = (wfe_http_transfer *)(void *)private;
        wfe_curl_lib.curl_multi_remove_handle(http->multi, easy);
        transfer->is_added = false;
        if (!transfer->is_dead)
            finish(transfer, code);
    }
}

static void happened(wfe_http *http, curl_socket_t fd, int events)
{
    int running = 0;
    enter(http);
    wfe_curl_lib.curl_multi_socket_action(http->multi, fd, events, &running);
    collect(http);
    leave(http);
}

static void on_io(unsigned events, void *user)
{
    const watch *w = user;
    int mask = 0;
    if (events & WFE_IO_READABLE)
        mask |= CURL_CSELECT_IN;
    if (events & WFE_IO_WRITABLE)
        mask |= CURL_CSELECT_OUT;
    happened(w->http, w->fd, mask);
}

static void on_timer(void *user)
{
    happened(user, CURL_SOCKET_TIMEOUT, 0);
}

static int on_curl_timer(CURLM *multi, long timeout_ms, void *user)
{
    (void)multi;
    wfe_http *http = user;
    if (timeout_ms < 0)
        wfe_timer_stop(http->timer);
    else
        wfe_timer_start(http->timer, (uint64_t)timeout_ms);
    return 0;
}

static watch *watch_new(wfe_http *http, curl_socket_t fd)
{
    watch *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->http = http;
    w->fd = fd;
    if (wfe_io_new(http->loop, fd, on_io, w, &w->io, NULL) != 0) {
        free(w);
        return NULL;
    }
    wfe_curl_lib.curl_multi_assign(http->multi, fd, w);
    return w;
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *of_socket)
{
    (void)easy;
    wfe_http *http = user;
    watch *w = of_socket;
    if (what == CURL_POLL_REMOVE) {
        if (w)
            wfe_io_free(w->io);
        free(w);
        wfe_curl_lib.curl_multi_assign(http->multi, fd, NULL);
        return 0;
    }
    if (!w)
        w = watch_new(http, fd);
    if (!w)
        return -1;
    unsigned events = what & CURL_POLL_IN ? WFE_IO_READABLE : 0;
    if (what & CURL_POLL_OUT)
        events |= WFE_IO_WRITABLE;
    return wfe_io_watch(w->io, events, NULL) ? -1 : 0;
}

static void start_or_resume(wfe_http_transfer *transfer)
{
    wfe_http *http = transfer->http;
    if (transfer->wants_start) {
        transfer->wants_start = false;
        CURLMcode code = wfe_curl_lib.curl_multi_add_handle(http->multi, transfer->easy);
        transfer->is_added = code == CURLM_OK;
        if (code != CURLM_OK) {
            wfe_error err = WFE_ERROR_INIT;
            wfe_error_set(&err, code == CURLM_OUT_OF_MEMORY ? WFE_E_NOMEM : WFE_E_INTERNAL,
                          "libcurl cannot start a transfer: %s",
                          wfe_curl_lib.curl_multi_strerror(code));
            end(transfer, WFE_HTTP_FATAL, &err);
        }
        return;
    }
    transfer->wants_resume = false;
    if (transfer->is_held && transfer->is_added && !transfer->is_paused) {
        transfer->is_held = false;
        wfe_curl_lib.curl_easy_pause(transfer->easy, CURLPAUSE_CONT);
    }
}

static void on_kick(void *user)
{
    wfe_http *http = user;
    wfe_http_transfer *transfer = http->live;
    enter(http);
    while (transfer) {
        if (transfer->wants_start || transfer->wants_resume) {
            start_or_resume(transfer);
            transfer = http->live; /* the list may be another one now */
        } else {
            transfer = transfer->next;
        }
    }
    collect(http);
    leave(http);
}

/* ---- the handle ---- */

int wfe_http_new(wfe_loop *loop, const wfe_http_options *options, wfe_http **ret, wfe_error *err)
{
    int rc = wfe_curl_load(err);
    if (rc)
        return rc;
    wfe_http *http = calloc(1, sizeof *http);
    if (!http)
        return wfe_error_nomem(err);
    http->loop = loop;
    http->multi = wfe_curl_lib.curl_multi_init();
    rc = http->multi ? wfe_http_setup_init(&http->setup, options, err) : wfe_error_nomem(err);
    if (!rc)
        rc = wfe_timer_new(loop, on_timer, http, &http->timer, err);
    if (!rc)
        rc = wfe_timer_new(loop, on_kick, http, &http->kick, err);
    if (rc) {
        wfe_http_free(http);
        return rc;
    }
    const wfe_curl *lib = &wfe_curl_lib;
    lib->curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    lib->curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
    lib->curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    lib->curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
    lib->curl_multi_setopt(http->multi, CURLMOPT_MAX_HOST_CONNECTIONS,
                           (long)options->connections_per_host);
    *ret = http;
    return 0;
}

void wfe_http_free(wfe_http *http)
{
    if (!http)
        return;
    if (http->multi) {
        /* Says goodbye on TLS connections that are kept, and takes its sockets off the loop. */
        enter(http);
        wfe_curl_lib.curl_multi_cleanup(http->multi);
        leave(http);
    }
    wfe_timer_free(http->timer);
    wfe_timer_free(http->kick);
    wfe_http_setup_done(&http->setup);
    free(http);
}

/* ---- transfers ---- */

static int add_headers(wfe_http_transfer *transfer, const wfe_http_request *request, wfe_error *err)
{
    for (size_t i = 0; request->headers && request->headers[i]; i++) {
        struct curl_slist *list =
            wfe_curl_lib.curl_slist_append(transfer->headers, request->headers[i]);
        if (!list)
            return wfe_error_nomem(err);
        transfer->headers = list;
    }
    return 0;
}

static int prepare(wfe_http_transfer *transfer, const wfe_http_request *request, wfe_error *err)
{
    const wfe_curl *lib = &wfe_curl_lib;
    transfer->easy = lib->curl_easy_init();
    if (!transfer->easy)
        return wfe_error_nomem(err);
    int rc = add_headers(transfer, request, err);
    if (rc)
        return rc;
    if (request->body && !(transfer->body = strdup(request->body)))
        return wfe_error_nomem(err);
    lib->curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer);
    lib->curl_easy_setopt(transfer->easy, CURLOPT_ERRORBUFFER, transfer->text);
    lib->curl_easy_setopt(transfer->easy, CURLOPT_WRITEFUNCTION, on_write);
    lib->curl_easy_setopt(transfer->easy, CURLOPT_WRITEDATA, transfer);
    lib->curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->headers);
    if (transfer->body)
        lib->curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDS, transfer->body);
    return wfe_http_setup_apply(&transfer->http->setup, request, transfer->easy, err);
}

int wfe_http_start(wfe_http *http, const wfe_http_request *request, const wfe_http_fns *fns,
                   void *user, wfe_http_transfer **ret, wfe_error *err)
{
    wfe_http_transfer *transfer = calloc(1, sizeof *transfer);
    if (!transfer)
        return wfe_error_nomem(err);
    transfer->http = http;
    transfer->fns = *fns;
    transfer->user = user;
    int rc = prepare(transfer, request, err);
    if (rc) {
        destroy(transfer);
        return rc;
    }
    transfer->wants_start = true;
    transfer->next = http->live;
    http->live = transfer;
    wfe_timer_start(http->kick, 0);
    *ret = transfer;
    return 0;
}

int wfe_http_status(wfe_http_transfer *transfer)
{
    long status = 0;
    wfe_curl_lib.curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    return (int)status;
}

const char *wfe_http_header(wfe_http_transfer *transfer, const char *name, size_t index)
{
    struct curl_header *header = NULL;
    CURLHcode code =
        wfe_curl_lib.curl_easy_header(transfer->easy, name, index, CURLH_HEADER, -1, &header);
    return code == CURLHE_OK ? header->value : NULL;
}

const char *wfe_http_redirect_url(wfe_http_transfer *transfer)
{
    char *url = NULL;
    wfe_curl_lib.curl_easy_getinfo(transfer->easy, CURLINFO_REDIRECT_URL, &url);
    return url;
}

void wfe_http_pause(wfe_http_transfer *transfer)
{
    transfer->is_paused = true;
}

void wfe_http_resume(wfe_http_transfer *transfer)
{
    if (!transfer->is_paused)
        return;
    transfer->is_paused = false;
    if (!transfer->is_held || transfer->ended)
        return;
    transfer->wants_resume = true;
    wfe_timer_start(transfer->http->kick, 0);
}

void wfe_http_transfer_free(wfe_http_transfer *transfer)
{
    if (!transfer)
        return;
    wfe_http *http = transfer->http;
    wfe_http_transfer **link = &http->live;
    while (*link != transfer)
        link = &(*link)->next;
    *link = transfer->next;
    transfer->is_dead = true;
    transfer->next = http->dead;
    http->dead = transfer;
    /* In a callback this waits for the outermost one. */
    enter(http);
    leave(http);
}
