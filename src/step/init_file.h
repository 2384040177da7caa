/* SPDX-License-Identifier: Apache-2.0
 *
 * The two files that tie a step to its wfe-init (src/init/wfe-init.c): the program, put where the
 * runtime can bind mount it from, and the exit record that it writes. The record tells how a
 * command ended when containerd no longer knows; when both do, containerd's word counts.
 *
 * Who may write the record: the step's user, whoever that is, since wfe-init runs as that user.
 * So its mode is 0666, and what protects it is the folder it lies in, which must be closed to
 * other users of the machine (0700, as a step's I/O folder is); in the container only the file
 * itself is mounted. A step that writes into its own record lies about nobody but itself, and
 * could as well exit with the status of its choice. Readers take it for untrusted text.
 */
#ifndef WFE_STEP_INIT_FILE_H
#define WFE_STEP_INIT_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "init/record.h"

/* How wfe-init's command ended. */
typedef struct wfe_init_record {
    enum wfe_init_reason reason;
    int exit_status;     /* what wfe-init itself ended with: 0..255 */
    int signal;          /* SIGNALLED: which, else 0 */
    int sys_errno;       /* NOT_FOUND, NOT_EXECUTABLE, FAILED: why, else 0 */
    int64_t ended_at_us; /* wall clock, as the container sees it */
} wfe_init_record;

/* Puts the program into dir (made when absent) as "wfe-init-" and part of its digest, mode 0755,
 * and writes its path to out_path. A file of that name is used again only when it is ours or
 * root's, nobody else can write it and its bytes are the same; else it is replaced in one step,
 * so any number of processes may do this at once. Never removes other versions: containers that
 * run may have them mounted. Fails with INVALID (dir is on a file system mounted noexec; the hint
 * says what to do), LIMIT (path longer than size), NOMEM, or as the operating system says. */
int wfe_init_file_place(const char *dir, char *out_path, size_t size, wfe_error *err);

/* Makes an empty record, before the container exists. CONFLICT when path exists. */
int wfe_init_record_create(const char *path, wfe_error *err);

/* Reads the record. NOT_FOUND: there is no whole one (yet). PROTOCOL: it is no record. */
int wfe_init_record_read(const char *path, wfe_init_record *out, wfe_error *err);

/* The same from memory: len bytes, the whole file. path is for messages. */
int wfe_init_record_parse(const char *bytes, size_t len, const char *path, wfe_init_record *out,
                          wfe_error *err);

#endif
