/* SPDX-License-Identifier: Apache-2.0
 *
 * The bytes of a stream between its FIFO and its log, in a file, so that a process that is killed
 * loses none. They are moved there by splice, which the kernel does whole or not at all: at any
 * moment a byte is in the FIFO or in the file, never in neither or both. What has been dealt with
 * for good is cut off from time to time, with a mark for whoever finds the file: how many bytes
 * have been passed on by then, and a text that stands for the lines that were cut off.
 *
 * A disk that is full costs this safety, not the stream: the bytes are read as they are then.
 */
#ifndef WFE_STEP_SPOOL_H
#define WFE_STEP_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "base/error.h"

/* From here on it is worth to be cut. */
#define WFE_SPOOL_CUT_BYTES ((uint64_t)1024 * 1024)

typedef struct wfe_spool wfe_spool;

/* Opens the file, or makes it (mode 0600). What another process left in it is there to be read. */
int wfe_spool_open(const char *path, wfe_spool **ret, wfe_error *err);
void wfe_spool_free(wfe_spool *spool);
WFE_DEFINE_CLEANUP(wfe_spool, wfe_spool_free)

/* Moves up to size bytes from the FIFO into the file and gives them. As read(2): 0 is the end, -1
 * sets errno. */
ssize_t wfe_spool_read(wfe_spool *spool, int fifo, void *bytes, size_t size);
/* The next bytes of those that were in the file when it was opened; 0: there are no more, -1 sets
 * errno. */
ssize_t wfe_spool_replay(wfe_spool *spool, void *bytes, size_t size);

/* Of the last cut; 0 and "" before the first. The text is borrowed until the next cut. */
uint64_t wfe_spool_passed(const wfe_spool *spool);
const char *wfe_spool_text(const wfe_spool *spool, size_t *len);
/* Bytes in the file since the last cut. */
uint64_t wfe_spool_bytes(const wfe_spool *spool);
/* All that is in the file has been dealt with: replaces it in one step by one without bytes. */
int wfe_spool_cut(wfe_spool *spool, uint64_t passed, const char *text, size_t len, wfe_error *err);
/* Does it keep nothing any more, since the disk was full. */
bool wfe_spool_is_broken(const wfe_spool *spool);

#endif
