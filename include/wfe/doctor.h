/* SPDX-License-Identifier: Apache-2.0
 *
 * Is this machine fit to run steps: one finding for each thing that a step needs.
 */
#ifndef WFE_DOCTOR_H
#define WFE_DOCTOR_H

#include <stddef.h>

#include <wfe/client.h>
#include <wfe/error.h>
#include <wfe/export.h>
#include <wfe/image.h>

#ifdef __cplusplus
extern "C" {
#endif

enum wfe_finding_level {
    WFE_FINDING_OK = 0,
    WFE_FINDING_WARNING = 1, /* some steps will not work, or not as well */
    WFE_FINDING_FAILURE = 2, /* no step will work */
};

/* Texts are borrowed during the call. */
typedef struct wfe_finding {
    const char *check; /* "socket", "version", "snapshotter", ... */
    enum wfe_finding_level level;
    const char *text;   /* what was found */
    const char *advice; /* what to do about it, "" when it is fine */
} wfe_finding;

typedef void (*wfe_finding_fn)(const wfe_finding *finding, void *user);

/* Looks at everything, tells each finding as it is made, and gives the worst level. Fails only
 * when memory runs out; a daemon that does not answer is a finding. Paths of CNI plugins are
 * looked for in cni_path, a ':'-separated list (NULL: the usual places). */
WFE_API int wfe_doctor_run(wfe_client *client, const char *cni_path, wfe_finding_fn fn, void *user,
                           enum wfe_finding_level *ret_worst, wfe_error *err);

/* Asks a registry ("docker.io", "localhost:5000"), or for an image of it ("ghcr.io/me/tool:1"), and
 * tells one finding: does it answer, and does it take who we are. Nothing is fetched; it takes some
 * seconds at most. access says how, NULL: anonymously. *worst becomes worse when the finding is.
 * INVALID for what is no name of a registry, LIMIT, NOMEM. */
WFE_API int wfe_doctor_registry(wfe_client *client, const char *name,
                                const wfe_registry_access *access, wfe_finding_fn fn, void *user,
                                enum wfe_finding_level *worst, wfe_error *err);

#ifdef __cplusplus
}
#endif
#endif
