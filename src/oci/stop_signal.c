/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/stop_signal.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/nearest.h"
#include "base/utf8.h"

#define SHOWN_BYTES 32
/* What glibc leaves of the real-time signals; musl has one more, which nobody can name. */
#define RTMIN 34
#define RTMAX WFE_OCI_SIGNAL_MAX

#define SIGNALS(X)                                                                                 \
    X(HUP)                                                                                         \
    X(INT)                                                                                         \
    X(QUIT)                                                                                        \
    X(ILL)                                                                                         \
    X(TRAP)                                                                                        \
    X(ABRT)                                                                                        \
    X(IOT)                                                                                         \
    X(BUS)                                                                                         \
    X(FPE)                                                                                         \
    X(KILL)                                                                                        \
    X(USR1)                                                                                        \
    X(SEGV)                                                                                        \
    X(USR2)                                                                                        \
    X(PIPE)                                                                                        \
    X(ALRM)                                                                                        \
    X(TERM)                                                                                        \
    X(CHLD)                                                                                        \
    X(CONT)                                                                                        \
    X(STOP)                                                                                        \
    X(TSTP)                                                                                        \
    X(TTIN)                                                                                        \
    X(TTOU)                                                                                        \
    X(URG)                                                                                         \
    X(XCPU)                                                                                        \
    X(XFSZ)                                                                                        \
    X(VTALRM)                                                                                      \
    X(PROF)                                                                                        \
    X(WINCH)                                                                                       \
    X(IO)                                                                                          \
    X(POLL)                                                                                        \
    X(PWR)                                                                                         \
    X(SYS)

static const char *const names[] = {
#define NAME_(name) "SIG" #name,
    SIGNALS(NAME_)
#undef NAME_
        "SIGRTMIN",
    "SIGRTMAX"};
static const int numbers[] = {
#define NUMBER_(name) SIG##name,
    SIGNALS(NUMBER_)
#undef NUMBER_
        RTMIN,
    RTMAX};

static bool read_number(const char *text, int *ret)
{
    int value = 0;
    const char *p = text;
    for (; *p >= '0' && *p <= '9' && value <= WFE_OCI_SIGNAL_MAX; p++)
        value = value * 10 + (*p - '0');
    *ret = value;
    return p > text && !*p && value <= WFE_OCI_SIGNAL_MAX;
}

/* Reads "+3" or "-1" behind SIGRTMIN or SIGRTMAX. */
static bool read_offset(int base, const char *text, int *ret)
{
    int offset = 0;
    bool plus = base == RTMIN && *text == '+';
    if (!plus && !(base == RTMAX && *text == '-'))
        return false;
    if (!read_number(text + 1, &offset) || offset > RTMAX - RTMIN)
        return false;
    *ret = plus ? base + offset : base - offset;
    return true;
}

/* name is in upper case and begins with SIG. */
static bool read_name(const char *name, int *ret)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t len = strlen(names[i]);
        if (strncmp(name, names[i], len) != 0)
            continue;
        *ret = numbers[i];
        if (!name[len] || read_offset(numbers[i], name + len, ret))
            return true;
    }
    return false;
}

int wfe_oci_stop_signal_parse(const char *text, int *ret, wfe_error *err)
{
    int number = SIGTERM;
    if (!text || !*text || (read_number(text, &number) && number > 0)) {
        *ret = number;
        return 0;
    }
    char upper[SHOWN_BYTES] = "SIG";
    size_t len = 3;
    for (const char *p = text; *p && len + 1 < sizeof upper; p++)
        upper[len++] = *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p;
    upper[len] = '\0';
    const char *name = strncmp(upper + 3, "SIG", 3) == 0 ? upper + 3 : upper;
    if (read_name(name, &number)) {
        *ret = number;
        return 0;
    }
    const char *nearest = wfe_nearest(name, names, sizeof names / sizeof *names);
    wfe_error_set(
        err, WFE_E_INVALID,
        "stop signal is '%.*s', must be a name such as SIGTERM or SIGRTMIN+3, or a number "
        "from 1 to %d",
        (int)wfe_utf8_prefix(text, SHOWN_BYTES), text, WFE_OCI_SIGNAL_MAX);
    if (nearest)
        wfe_error_hint(err, "did you mean %s?", nearest);
    return WFE_E_INVALID;
}
