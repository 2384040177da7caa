/* SPDX-License-Identifier: Apache-2.0 */
#include "step/image.h"

#include <string.h>

#include "image/pull_priv.h"

/* Also ends when a call could not be started: ready may then be called from inside the function
 * that was asked, as the rest of the launch does. */
static void tell(wfe_step *step, const wfe_error *err)
{
    const wfe_error none = WFE_ERROR_INIT;
    bool stopped = step->stop_reason && err->kind == WFE_E_CANCELLED; /* as it was asked to */
    step->image_ready(step, stopped ? &none : err);
}

static wfe_image_pull_options pull_options(const wfe_step *step, wfe_registry_access *access)
{
    *access = wfe_image_access_view(&step->config.access);
    return (wfe_image_pull_options){.size = sizeof(wfe_image_pull_options),
                                    .ref = step->config.image,
                                    .registry = access,
                                    .progress = step->config.on_pull,
                                    .progress_user = step->config.on_pull_user};
}

/* ---- finding and pulling ---- */

static int resolve(wfe_step *step, wfe_error *err);

static void on_pulled(wfe_image_list *list, const wfe_error *err, void *user)
{
    wfe_step *step = user;
    wfe_error error = *err;
    wfe_image_list_free(list);
    step->pull = NULL;
    step->pulled = true;
    if (error.kind && error.kind != WFE_E_CANCELLED && step->missing.kind)
        wfe_error_prefix(&error, "%s", step->missing.message);
    if (error.kind || resolve(step, &error))
        tell(step, &error);
}

static int pull(wfe_step *step, wfe_error *err)
{
    wfe_registry_access access;
    const wfe_image_pull_options options = pull_options(step, &access);
    return wfe_image_pull_start(step->client, &options, on_pulled, step, &step->pull, err);
}

static void on_resolved(const wfe_image *image, const wfe_error *err, void *user)
{
    wfe_step *step = user;
    wfe_error error = *err;
    step->resolve = NULL;
    /* A file of this machine that is not there is containerd's socket. */
    bool absent = err->kind == WFE_E_NOT_FOUND && !err->sys_errno;
    if (absent && !step->pulled && step->config.pull != WFE_STEP_PULL_NEVER) {
        error = (wfe_error)WFE_ERROR_INIT;
        if (pull(step, &error) == 0)
            return;
    }
    if (!error.kind)
        step->image = wfe_image_ref(image);
    tell(step, &error);
}

static int resolve(wfe_step *step, wfe_error *err)
{
    return wfe_image_resolve_start(step->client->image_cache, step->config.image, on_resolved, step,
                                   &step->resolve, err);
}

void wfe_step_image_find(wfe_step *step, void (*ready)(wfe_step *step, const wfe_error *err))
{
    wfe_error error = WFE_ERROR_INIT;
    step->image_ready = ready;
    if (step->config.pull == WFE_STEP_PULL_ALWAYS ? pull(step, &error) : resolve(step, &error))
        tell(step, &error);
}

/* ---- unpacking ---- */

bool wfe_step_image_may_unpack(const wfe_step *step, const wfe_error *err)
{
    return err->grpc_status == WFE_GRPC_NOT_FOUND && !step->unpack_tried && !step->stop_reason &&
           !step->failure.kind;
}

static void on_unpacked(wfe_image_list *list, const wfe_error *err, void *user)
{
    wfe_step *step = user;
    wfe_image_list_free(list);
    step->pull = NULL;
    tell(step, err);
}

void wfe_step_image_unpack(wfe_step *step, void (*ready)(wfe_step *step, const wfe_error *err))
{
    wfe_error error = WFE_ERROR_INIT;
    wfe_registry_access access;
    const wfe_image_pull_options options = pull_options(step, &access);
    step->image_ready = ready;
    step->unpack_tried = true;
    if (wfe_pull_unpack_start(step->client, step->image->name, step->image->target_digest, &options,
                              step->config.pull != WFE_STEP_PULL_NEVER, on_unpacked, step,
                              &step->pull, &error))
        tell(step, &error);
}

bool wfe_step_image_stop(wfe_step *step)
{
    if (step->pull) {
        wfe_image_pull_cancel(step->pull);
        return true;
    }
    wfe_image_resolve_cancel(step->resolve);
    step->resolve = NULL;
    return false;
}
