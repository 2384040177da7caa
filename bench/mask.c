/* SPDX-License-Identifier: Apache-2.0
 *
 * How fast a stream is masked: megabytes per second of a text like a build log, fed in pieces of
 * 64 KiB, with 1, 10 and 100 secrets of 32 bytes, and of a text that is made of their beginnings.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mask.h"

#define PIECE ((size_t)64 * 1024)
#define PIECES 1024

static uint32_t seed = 1;

static unsigned next_random(void)
{
    seed = seed * 1664525u + 1013904223u;
    return seed >> 8;
}

static void make_secret(char *secret, size_t len)
{
    for (size_t i = 0; i < len; i++)
        secret[i] = (char)('!' + next_random() % 94);
}

static void make_log(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned r = next_random() % 64;
        text[i] = i % 90 == 89 ? '\n' : r < 10 ? ' ' : (char)('0' + r);
    }
}

static double measure(wfe_mask *mask, const char *text)
{
    wfe_mask_stream *stream = NULL;
    wfe_buf out = WFE_BUF_INIT(0);
    if (wfe_mask_stream_new(mask, &stream, NULL))
        exit(1);
    uint64_t begin = wfe_clock_monotonic_us();
    for (int i = 0; i < PIECES; i++) {
        if (wfe_mask_stream_feed(stream, text, PIECE, &out, NULL))
            exit(1);
        wfe_buf_consume(&out, out.len);
    }
    uint64_t elapsed_us = wfe_clock_monotonic_us() - begin;
    wfe_mask_stream_free(stream);
    wfe_buf_done(&out);
    return (double)PIECE * PIECES / (double)elapsed_us;
}

int main(void)
{
    char *text = malloc(PIECE), secret[32];
    for (int n = 1; text && n <= 100; n *= 10) {
        wfe_mask *mask = wfe_mask_new();
        for (int i = 0; i < n; i++) {
            make_secret(secret, sizeof secret);
            if (!mask || wfe_mask_add(mask, secret, sizeof secret, NULL))
                return 1;
        }
        make_log(text, PIECE);
        double log = measure(mask, text);
        for (size_t i = 0; i < PIECE; i++)
            text[i] = secret[i % (sizeof secret - 1)];
        printf("%3d secrets: %.0f MB/s of a log, %.0f MB/s of beginnings of a secret\n", n, log,
               measure(mask, text));
        wfe_mask_free(mask);
    }
    free(text);
    return 0;
}
