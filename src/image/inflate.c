/* SPDX-License-Identifier: Apache-2.0 */
#include "image/inflate.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/dynlib.h"

/* 15: the largest window; 16 more: gzip's header and trailer, checked. */
#define GZIP_WINDOW_BITS (15 + 16)

#define ZLIB_FUNCTIONS(X)                                                                          \
    X(inflateInit2_)                                                                               \
    X(inflate)                                                                                     \
    X(inflateReset)                                                                                \
    X(inflateEnd)

static struct {
#define ZLIB_MEMBER(name) __typeof__ (&(name))(name);
    ZLIB_FUNCTIONS(ZLIB_MEMBER)
#undef ZLIB_MEMBER
} zlib;

struct wfe_inflate {
    z_stream stream;
    bool member_over;
};

static int load_zlib(wfe_error *err)
{
    static const wfe_dynlib_symbol symbols[] = {
#define ZLIB_SYMBOL(name) {#name, (void **)&zlib.name},
        ZLIB_FUNCTIONS(ZLIB_SYMBOL)
#undef ZLIB_SYMBOL
    };
    if (zlib.inflateEnd)
        return 0;
    return wfe_dynlib_load("libz.so.1", "zlib1g", symbols, sizeof symbols / sizeof *symbols, err);
}

int wfe_inflate_new(wfe_inflate **ret, wfe_error *err)
{
    int rc = load_zlib(err);
    if (rc)
        return rc;
    wfe_inflate *inflate = calloc(1, sizeof *inflate);
    if (!inflate || zlib.inflateInit2_(&inflate->stream, GZIP_WINDOW_BITS, ZLIB_VERSION,
                                       (int)sizeof inflate->stream) != Z_OK) {
        free(inflate);
        return wfe_error_nomem(err);
    }
    *ret = inflate;
    return 0;
}

void wfe_inflate_free(wfe_inflate *inflate)
{
    if (!inflate)
        return;
    zlib.inflateEnd(&inflate->stream);
    free(inflate);
}

bool wfe_inflate_is_complete(const wfe_inflate *inflate)
{
    return inflate->member_over;
}

int wfe_inflate_run(wfe_inflate *inflate, const unsigned char **in, size_t *in_len, void *out,
                    size_t size, size_t *ret_len, wfe_error *err)
{
    z_stream *stream = &inflate->stream;
    uInt given = *in_len < UINT_MAX ? (uInt)*in_len : UINT_MAX;
    uInt room = size < UINT_MAX ? (uInt)size : UINT_MAX;
    if (inflate->member_over && given > 0) {
        zlib.inflateReset(stream);
        inflate->member_over = false;
    }
    stream->next_in = (Bytef *)(uintptr_t)*in;
    stream->avail_in = given;
    stream->next_out = out;
    stream->avail_out = room;
    int rc = inflate->member_over ? Z_OK : zlib.inflate(stream, Z_NO_FLUSH);
    /* Z_BUF_ERROR: neither input nor room for more; no failure. */
    if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
        return rc == Z_MEM_ERROR ? wfe_error_nomem(err)
                                 : wfe_error_set(err, WFE_E_PROTOCOL, "the bytes are no gzip: %s",
                                                 stream->msg ? stream->msg : "damaged");
    if (rc == Z_STREAM_END)
        inflate->member_over = true;
    *in += given - stream->avail_in;
    *in_len -= given - stream->avail_in;
    *ret_len = room - stream->avail_out;
    return 0;
}
