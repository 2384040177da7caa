/* SPDX-License-Identifier: Apache-2.0
 *
 * Looking ahead: while containerd unpacks one layer, the compression is taken off the lowest one
 * that waits above it. When its turn comes before that is done, it is waited for, since that is
 * sooner than beginning anew. A failure only means that containerd does it all, as it does on a
 * machine that is busy.
 */
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "image/unpack_priv.h"

/* Threads that run beside a pull which is alone on the machine: containerd's unpacker, and at times
 * the registry or this one. */
#define OWN_THREADS 1

/* Without a processor that has nothing to do it is a loss: the bytes are written once more. The
 * kernel tells how many threads run or wait for a processor at this moment (proc(5), loadavg). */
static bool has_idle_processor(void)
{
    wfe_buf text = WFE_BUF_INIT(0);
    long processors = sysconf(_SC_NPROCESSORS_ONLN), running = 0;
    if (wfe_fd_read_file("/proc/loadavg", 256, &text, NULL) == 0 &&
        sscanf(text.data, "%*s %*s %*s %ld/", &running) != 1)
        running = 0;
    wfe_buf_done(&text);
    return processors > 1 && running <= processors + OWN_THREADS;
}

/* A layer takes about so many times its compressed size; those of text take more. */
#define USUAL_RATIO 3

static void on_ahead(uint64_t plain_bytes, const wfe_error *err, void *user)
{
    (void)err;
    wfe_image_unpack *unpack = user;
    size_t layer = unpack->ahead_layer;
    wfe_image_ahead_free(wfe_take(unpack->ahead));
    unpack->layers[layer].plain_bytes = plain_bytes;
    unpack->ahead_left_bytes -=
        plain_bytes < unpack->ahead_left_bytes ? plain_bytes : unpack->ahead_left_bytes;
    if (unpack->state == UNPACK_WAITING && unpack->next == layer)
        wfe_image_unpack_go_on(unpack);
    else
        wfe_image_unpack_look_ahead(unpack);
}

static bool is_worth_it(const wfe_image_unpack *unpack, size_t layer)
{
    const wfe_image_descriptor *blob = &unpack->parts->document->items[layer];
    return unpack->layers[layer].ready && !unpack->layers[layer].ahead_tried &&
           wfe_image_ahead_suits(blob) &&
           (uint64_t)blob->size_bytes < unpack->ahead_left_bytes / USUAL_RATIO;
}

void wfe_image_unpack_look_ahead(wfe_image_unpack *unpack)
{
    if (unpack->ahead || unpack->stopped || unpack->ahead_left_bytes == 0)
        return;
    for (size_t i = unpack->next + 1; i < unpack->n_layers; i++) {
        if (!is_worth_it(unpack, i))
            continue;
        if (!has_idle_processor())
            return;
        const wfe_image_ahead_request request = {.lease = unpack->lease,
                                                 .layer = &unpack->parts->document->items[i],
                                                 .diff_id = unpack->parts->config->diff_ids[i],
                                                 .max_bytes = unpack->ahead_left_bytes};
        unpack->layers[i].ahead_tried = true;
        unpack->ahead_layer = i;
        unpack->looked_ahead = true;
        if (wfe_image_ahead_start(unpack->loop, unpack->containerd, &request, on_ahead, unpack,
                                  &unpack->ahead, NULL))
            unpack->ahead_left_bytes = 0;
        return;
    }
}
