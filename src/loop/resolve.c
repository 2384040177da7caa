/* SPDX-License-Identifier: Apache-2.0
 *
 * See loop.h. The lookup itself cannot be cut short, so a cancelled one frees itself when the
 * resolver is done with it.
 */
#include <netdb.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "loop/loop_priv.h"

struct wfe_resolve {
    uv_getaddrinfo_t uv;
    wfe_resolve_fn fn; /* NULL: cancelled */
    void *user;
};

static void on_done(uv_getaddrinfo_t *uv, int status, struct addrinfo *found)
{
    wfe_resolve *resolve = uv->data;
    wfe_error err = WFE_ERROR_INIT;
    if (status < 0) {
        bool unknown = status == UV_EAI_NONAME || status == UV_EAI_NODATA;
        wfe_error_set(&err, unknown ? WFE_E_NOT_FOUND : WFE_E_UNAVAILABLE,
                      "cannot look up the host: %s", uv_strerror(status));
    }
    if (resolve->fn)
        resolve->fn(status < 0 ? NULL : found, &err, resolve->user);
    uv_freeaddrinfo(found);
    free(resolve);
}

int wfe_resolve_start(wfe_loop *loop, const char *host, const char *port, wfe_resolve_fn fn,
                      void *user, wfe_resolve **ret, wfe_error *err)
{
    _cleanup_free_ wfe_resolve *resolve = calloc(1, sizeof *resolve);
    if (!resolve)
        return wfe_error_nomem(err);
    resolve->fn = fn;
    resolve->user = user;
    resolve->uv.data = resolve;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    int status = uv_getaddrinfo(&loop->uv, &resolve->uv, on_done, host, port, &hints);
    if (status < 0)
        return wfe_error_set_errno(err, -status, "cannot look up the host '%s'", host);
    *ret = wfe_take(resolve);
    return 0;
}

void wfe_resolve_cancel(wfe_resolve *resolve)
{
    if (!resolve)
        return;
    resolve->fn = NULL;
    uv_cancel((uv_req_t *)&resolve->uv);
}
