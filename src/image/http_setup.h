/* SPDX-License-Identifier: Apache-2.0
 *
 * The options of libcurl that every transfer gets.
 */
#ifndef WFE_IMAGE_HTTP_SETUP_H
#define WFE_IMAGE_HTTP_SETUP_H

#include "image/http_priv.h"

typedef struct wfe_http_setup {
    wfe_http_options options; /* the numbers of it */
    char *http_proxy;
    char *https_proxy;
    char *no_proxy;
} wfe_http_setup;

int wfe_http_setup_init(wfe_http_setup *setup, const wfe_http_options *options, wfe_error *err);
void wfe_http_setup_done(wfe_http_setup *setup);
/* Method, URL, limits, proxy and TLS of the request. INVALID, NOMEM, UNAVAILABLE. */
int wfe_http_setup_apply(const wfe_http_setup *setup, const wfe_http_request *request, CURL *easy,
                         wfe_error *err);

#endif
