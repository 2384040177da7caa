/* SPDX-License-Identifier: Apache-2.0
 *
 * The exit record: the one line that wfe-init leaves behind, shared by its writer (wfe-init.c,
 * freestanding) and its reader (step/init_file.c). Nothing but constants.
 *
 *   wfe-init 1 REASON STATUS DETAIL ENDED_AT_US <spaces>\n       exactly 128 bytes
 *
 * The file is made with 128 NUL bytes before the container starts, and wfe-init replaces all of
 * them by a single write. A record holds no NUL, so it is whole when no NUL is left: whatever
 * order the kernel copies in and wherever a kill falls, a reader sees a whole record or none. It
 * is not replaced by rename, since the file is the target of a bind mount, which rename cannot
 * touch. The bytes are there from the start so that a disk that fills up during the step cannot
 * take the record away.
 */
#ifndef WFE_INIT_RECORD_H
#define WFE_INIT_RECORD_H

#define WFE_INIT_RECORD_SIZE 128
#define WFE_INIT_RECORD_MAGIC "wfe-init 1 "

/* What wfe-init ends with when it could not do its own work: nothing of the command ran. */
#define WFE_INIT_STATUS_FAILED 125
#define WFE_INIT_STATUS_NOT_EXECUTABLE 126
#define WFE_INIT_STATUS_NOT_FOUND 127
#define WFE_INIT_STATUS_SIGNAL_BASE 128

/* reason, its word in the record, what STATUS and DETAIL are */
#define WFE_INIT_REASONS(X)                                                                        \
    X(EXITED, "exited", "the command's exit status, 0")                                            \
    X(SIGNALLED, "signalled", "128 + the signal, the signal")                                      \
    X(NOT_FOUND, "not-found", "127, errno; EACCES: a folder of PATH is closed to the user")        \
    X(NOT_EXECUTABLE, "not-executable", "126, errno; ENOENT: its interpreter is missing")          \
    X(FAILED, "failed", "125, errno of what wfe-init could not do")

enum wfe_init_reason {
#define WFE_INIT_REASON_ENUM_(reason, word, meaning) WFE_INIT_##reason,
    WFE_INIT_REASONS(WFE_INIT_REASON_ENUM_)
#undef WFE_INIT_REASON_ENUM_
        WFE_INIT_N_REASONS
};

#endif
