/* SPDX-License-Identifier: Apache-2.0
 *
 * The functions of libcurl, for the http*.c files: the only ones that name it.
 */
#ifndef WFE_IMAGE_HTTP_PRIV_H
#define WFE_IMAGE_HTTP_PRIV_H

/* Else curl_easy_setopt and others are macros with checks that a pointer cannot go through. */
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#include "base/error.h"
#include "image/http.h"

#define WFE_CURL_FUNCTIONS(X)                                                                      \
    X(curl_global_init)                                                                            \
    X(curl_free)                                                                                   \
    X(curl_easy_init)                                                                              \
    X(curl_easy_cleanup)                                                                           \
    X(curl_easy_setopt)                                                                            \
    X(curl_easy_getinfo)                                                                           \
    X(curl_easy_header)                                                                            \
    X(curl_easy_pause)                                                                             \
    X(curl_easy_strerror)                                                                          \
    X(curl_slist_append)                                                                           \
    X(curl_slist_free_all)                                                                         \
    X(curl_multi_init)                                                                             \
    X(curl_multi_cleanup)                                                                          \
    X(curl_multi_setopt)                                                                           \
    X(curl_multi_add_handle)                                                                       \
    X(curl_multi_remove_handle)                                                                    \
    X(curl_multi_socket_action)                                                                    \
    X(curl_multi_assign)                                                                           \
    X(curl_multi_info_read)                                                                        \
    X(curl_multi_strerror)                                                                         \
    X(curl_url)                                                                                    \
    X(curl_url_set)                                                                                \
    X(curl_url_get)                                                                                \
    X(curl_url_cleanup)

typedef struct wfe_curl {
#define WFE_CURL_MEMBER(name) __typeof__ (&(name))(name);
    WFE_CURL_FUNCTIONS(WFE_CURL_MEMBER)
#undef WFE_CURL_MEMBER
} wfe_curl;

extern wfe_curl wfe_curl_lib;
/* Before anything else of libcurl. UNAVAILABLE. */
int wfe_curl_load(wfe_error *err);

/* What a CURLcode is to us; text is curl's own of this transfer, may be "". connected: the failure
 * came after there was a connection. */
wfe_http_failure wfe_curl_failure(CURLcode code, bool connected, long sys_errno, const char *text,
                                  wfe_error *err);

#endif
