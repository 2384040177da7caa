/* SPDX-License-Identifier: Apache-2.0
 *
 * The WWW-Authenticate header (RFC 9110, 11.6.1): what a registry wants to see of us.
 */
#ifndef WFE_IMAGE_WWW_AUTHENTICATE_H
#define WFE_IMAGE_WWW_AUTHENTICATE_H

#include <stddef.h>

#include "base/error.h"

/* Longest header, and most challenges over all headers of a response. */
#define WFE_AUTH_HEADER_MAX_BYTES 8192
#define WFE_AUTH_MAX_CHALLENGES 8

typedef enum wfe_auth_scheme { WFE_AUTH_OTHER, WFE_AUTH_BASIC, WFE_AUTH_BEARER } wfe_auth_scheme;

/* Owned texts; NULL where the challenge does not say. */
typedef struct wfe_auth_challenge {
    wfe_auth_scheme scheme;
    char *realm;
    char *service;
    char *scope;
    char *error; /* "invalid_token", "insufficient_scope" */
} wfe_auth_challenge;

typedef struct wfe_auth_challenges {
    wfe_auth_challenge items[WFE_AUTH_MAX_CHALLENGES];
    size_t n;
} wfe_auth_challenges;

/* Adds the challenges of one header. PROTOCOL, with the position, for a header of another form;
 * LIMIT, NOMEM. What was added before stays. */
int wfe_auth_challenges_add(wfe_auth_challenges *challenges, const char *header, wfe_error *err);
void wfe_auth_challenges_done(wfe_auth_challenges *challenges);
/* The one to answer: Bearer before Basic; NULL when there is neither. */
const wfe_auth_challenge *wfe_auth_challenges_best(const wfe_auth_challenges *challenges);

#endif
