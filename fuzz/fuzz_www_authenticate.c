/* SPDX-License-Identifier: Apache-2.0
 *
 * WWW-Authenticate headers, one a line: the numbers stay in their bounds, what is answered is one
 * of the challenges, and a header that is wrong takes nothing from those before it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "image/www_authenticate.h"

static void require(int condition)
{
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char *text = malloc(len + 1);
    if (!text)
        return 0;
    memcpy(text, bytes, len);
    text[len] = '\0';
    wfe_auth_challenges all = {0};
    for (char *line = text; line;) {
        char *end = strchr(line, '\n');
        if (end)
            *end = '\0';
        size_t before = all.n;
        wfe_error err = WFE_ERROR_INIT;
        int rc = wfe_auth_challenges_add(&all, line, &err);
        require(rc == err.kind && all.n >= before && all.n <= WFE_AUTH_MAX_CHALLENGES);
        require(rc == 0 || rc == WFE_E_PROTOCOL || rc == WFE_E_LIMIT);
        line = end ? end + 1 : NULL;
    }
    const wfe_auth_challenge *best = wfe_auth_challenges_best(&all);
    require(!best || (best >= all.items && best < all.items + all.n));
    require(!best || best->scheme != WFE_AUTH_OTHER);
    wfe_auth_challenges_done(&all);
    free(text);
    return 0;
}
