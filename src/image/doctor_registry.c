/* SPDX-License-Identifier: Apache-2.0
 *
 * The one check of `wfe doctor` that leaves the machine: does a registry answer, and does it take
 * who we are. It asks what a name stands for and fetches nothing.
 */
#include <wfe/doctor.h>

#include <stdio.h>
#include <string.h>

#include "containerd/wfe_client.h"
#include "image/access.h"
#include "image/reference.h"
#include "image/registry.h"

#define CONNECT_MS 5000
#define STALL_MS 5000

/* An image that Docker Hub has; of another registry nobody knows what it has. */
#define HUB "docker.io"
#define HUB_IMAGE "library/busybox"
#define NO_IMAGE "wfe-doctor"

typedef struct question {
    bool done;
    wfe_error error;
} question;

static void on_done(const wfe_error *err, void *user)
{
    question *q = user;
    q->done = true;
    q->error = *err;
}

/* "HOST" alone, or an image of it; *ret_guessed: it has to be no image that is there. */
static int read_name(const char *name, wfe_image_reference *out, bool *ret_guessed, wfe_error *err)
{
    char image[WFE_IMAGE_REFERENCE_SIZE];
    bool is_host = !strchr(name, '/');
    bool is_hub = is_host && strcmp(name, HUB) == 0;
    int len = snprintf(image, sizeof image, "%s%s%s", name, is_host ? "/" : "",
                       is_hub    ? HUB_IMAGE
                       : is_host ? NO_IMAGE
                                 : "");
    *ret_guessed = is_host && !is_hub;
    if (len >= (int)sizeof image)
        return wfe_error_set(err, WFE_E_LIMIT, "the registry's name is longer than %zu bytes",
                             sizeof image - 1);
    int rc = wfe_image_reference_parse(image, out, err);
    /* "localhost" would be a folder of Docker Hub without its port or a dot. */
    if (!rc && is_host && !is_hub && strcmp(out->domain, name) != 0) {
        wfe_error_set(err, WFE_E_INVALID, "'%.200s' is no name of a registry", name);
        wfe_error_hint(err, "it is HOST, HOST:PORT, or an image of it, such as docker.io/library/"
                            "busybox");
        rc = WFE_E_INVALID;
    }
    return rc;
}

/* 0 also when the answer is an error, which is in *out then. */
static int ask(wfe_client *client, const wfe_image_access *access, const wfe_image_reference *image,
               question *out, wfe_error *err)
{
    static const wfe_registry_fetch_fns fns = {.done = on_done};
    const wfe_registry_options options = {
        .docker_config = access->docker_config,
        .hosts_dirs = (const char *const *)access->hosts_dirs,
        .logins = access->logins,
        .n_logins = access->n_logins,
        .http_proxy = access->http_proxy,
        .https_proxy = access->https_proxy,
        .no_proxy = access->no_proxy,
        .log = &client->log,
        .retries = 1,
        .retry_after_max_ms = 1,
        .connect_timeout_ms = CONNECT_MS,
        .stall_timeout_ms = STALL_MS,
    };
    const wfe_registry_request request = {
        .kind = WFE_REGISTRY_MANIFEST_HEAD,
        .domain = image->domain,
        .path = image->path,
        .name = image->digest[0] ? image->digest : image->tag,
    };
    _cleanup_(wfe_registry_free_p) wfe_registry *registry = NULL;
    _cleanup_(wfe_registry_fetch_free_p) wfe_registry_fetch *fetch = NULL;
    int rc = wfe_registry_new(client->loop, &options, &registry, err);
    if (!rc)
        rc = wfe_registry_fetch_start(registry, &request, &fns, out, &fetch, err);
    return rc ? rc : wfe_loop_run_until(client->loop, &out->done, err);
}

static void tell(const wfe_image_reference *image, bool guessed, const wfe_error *found,
                 wfe_finding_fn fn, void *user, enum wfe_finding_level *worst)
{
    char text[WFE_ERROR_MESSAGE_SIZE];
    wfe_finding finding = {.check = "registry", .text = text, .advice = ""};
    bool refused = found->kind == WFE_E_DENIED && found->http_status;
    if (!found->kind || (guessed && found->kind == WFE_E_NOT_FOUND)) {
        snprintf(text, sizeof text, "%s answers", image->domain);
    } else if (guessed && refused) {
        snprintf(text, sizeof text, "%s answers, but tells nothing of an image it does not have",
                 image->domain);
        finding.advice = "to check a login, name an image: --registry HOST/IMAGE";
    } else {
        finding.level = WFE_FINDING_WARNING;
        snprintf(text, sizeof text, "%s", found->message);
        finding.advice =
            found->hint[0] ? found->hint
                           : "images that containerd has can be run, none can be pulled from there";
    }
    if (finding.level > *worst)
        *worst = finding.level;
    fn(&finding, user);
}

int wfe_doctor_registry(wfe_client *client, const char *name, const wfe_registry_access *access,
                        wfe_finding_fn fn, void *user, enum wfe_finding_level *worst,
                        wfe_error *err)
{
    wfe_image_reference image;
    wfe_image_access copy = {0};
    question found = {0};
    bool guessed = false;
    int rc = read_name(name, &image, &guessed, err);
    if (!rc)
        rc = wfe_image_access_copy(access, &copy, err);
    if (!rc)
        rc = wfe_image_access_set_host(&copy, image.domain, err);
    if (rc) {
        wfe_image_access_done(&copy);
        return rc;
    }
    rc = ask(client, &copy, &image, &found, &found.error);
    wfe_image_access_done(&copy);
    if (rc == WFE_E_NOMEM)
        return wfe_error_nomem(err);
    tell(&image, guessed, &found.error, fn, user, worst);
    return 0;
}
