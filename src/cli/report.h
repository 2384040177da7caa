/* SPDX-License-Identifier: Apache-2.0
 *
 * How the command tells that something failed: one line with what, on what and why, then what to
 * do about it.
 */
#ifndef WFE_CLI_REPORT_H
#define WFE_CLI_REPORT_H

#include <stdbool.h>

#include "base/error.h"

/* Prints the error on stderr and gives the exit code that fits it: 2 for a wrong argument, 126 and
 * 127 for a command that cannot run, 130 for an interrupt, else 125. */
int wfe_report_error(const wfe_error *err);
/* The same as one JSON object on stdout: {"error": {...}}. */
int wfe_report_error_json(const wfe_error *err);
/* Either, as json says. */
int wfe_report(const wfe_error *err, bool json);
/* The same for an error that was found in what was given, before anything was done: the code is 2
 * also when the error is of another kind, such as a file that is not there. */
int wfe_report_usage(const wfe_error *err, bool json);
/* Ends the process with the code and leaves to the kernel what the process holds: taking it apart
 * first is a twelfth of a short command's processor time. What was printed has been flushed.
 * Returns where a sanitizer will look for leaks. */
void wfe_report_leave(int code);
/* Flushes stdout; 125 with a message when what was printed did not arrive, else code. */
int wfe_report_flush(int code);

#endif
