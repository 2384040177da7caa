/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* About what one value of a document takes. */
#define PROBE_BYTES 256

static bool has_memory(void)
{
    /* volatile: a block that is never used may not be asked for at all. */
    void *volatile block = malloc(PROBE_BYTES);
    free(block);
    return block != NULL;
}

/* Left to itself, jansson opens /dev/urandom for the four bytes that keep others from choosing keys
 * that collide. Only the first seed that it is given counts, in all threads: one of the program
 * around us stays, and so does ours. */
static void seed_hashes(void)
{
    unsigned seed = 0;
    if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) == (ssize_t)sizeof seed && seed)
        json_object_seed(seed);
}

/* Everything is read twice. When memory runs out for a moment, jansson may not even fail but leave
 * out a character of a text, since its lexer does not look whether its buffer could grow; that can
 * be told only by a second reading that differs. What is wrong with a text, on the other hand, is
 * wrong the second time, in the same place. */
int wfe_json_load(const void *text, size_t len, size_t flags, json_t **ret, wfe_error *err)
{
    json_error_t first = {0}, second = {0};
    seed_hashes();
    json_t *value = json_loadb(text, len, flags, &first);
    json_t *again = json_loadb(text, len, flags, &second);
    int rc = 0;
    if (value && again && json_equal(value, again))
        *ret = json_incref(value);
    else if (value || again || !has_memory() || first.position != second.position ||
             strcmp(first.text, second.text) != 0)
        rc = wfe_error_nomem(err);
    else
        rc = wfe_error_set(err, WFE_E_INVALID, "it is no JSON: %s (line %d, column %d)", first.text,
                           first.line, first.column);
    json_decref(value);
    json_decref(again);
    return rc;
}
