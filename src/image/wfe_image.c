/* SPDX-License-Identifier: Apache-2.0
 *
 * Those public functions of <wfe/image.h> that are short; inspect.c and export.c hold the others.
 */
#include <wfe/image.h>

#include <stdlib.h>

#include "base/sized.h"
#include "base/strv.h"
#include "image/import.h"
#include "image/list.h"
#include "image/select.h"
#include "image/wait.h"

int wfe_image_import(wfe_client *client, const wfe_image_import_options *options,
                     wfe_image_list **ret, wfe_error *err)
{
    _cleanup_(wfe_image_list_free_p) wfe_image_list *list = NULL;
    int rc = wfe_image_import_run(client->loop, client->containerd, client->snapshotter, options,
                                  &list, err);
    if (rc)
        return rc;
    /* The images are in; not to be able to describe them is no failure. */
    (void)wfe_image_list_describe(client, list, NULL);
    *ret = wfe_take(list);
    return 0;
}

/* --- ls ------------------------------------------------------------------------------------ */

static int keep_fitting(wfe_image_list *list, const char *const *patterns, wfe_error *err)
{
    size_t n = wfe_image_list_length(list);
    _cleanup_free_ bool *keep = calloc(n + 1, sizeof *keep);
    if (!keep)
        return wfe_error_nomem(err);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; !keep[i] && patterns[k]; k++)
            keep[i] = wfe_image_fits(wfe_image_list_at(list, i), patterns[k]);
    }
    wfe_image_list_filter(list, keep);
    return 0;
}

int wfe_image_ls(wfe_client *client, const wfe_image_ls_options *options, wfe_image_list **ret,
                 wfe_error *err)
{
    wfe_image_ls_options given = {0};
    _cleanup_(wfe_image_list_free_p) wfe_image_list *list = NULL;
    int rc =
        options ? wfe_sized_copy(options, "wfe_image_ls_options", &given, sizeof given, err) : 0;
    if (!rc)
        rc = wfe_image_list_read(client, given.filters, &list, err);
    if (!rc && given.patterns)
        rc = keep_fitting(list, given.patterns, err);
    if (!rc && given.details)
        rc = wfe_image_list_describe(client, list, err);
    if (!rc)
        *ret = wfe_take(list);
    return rc;
}

/* --- rm ------------------------------------------------------------------------------------ */

WFE_IMAGE_WAIT_CALLBACK(on_deleted, Pb__Empty)

/* sync: answered when what is no longer needed has been collected. */
static int delete_image(wfe_client *client, const wfe_image_list *list, size_t index, bool sync,
                        wfe_error *err)
{
    PbImages__DeleteImageRequest request = PB_IMAGES__DELETE_IMAGE_REQUEST__INIT;
    Pb__Descriptor target = PB__DESCRIPTOR__INIT;
    wfe_image_descriptor descriptor;
    wfe_image_list_target(list, index, &descriptor);
    request.name = wfe_image_list_at(list, index)->name;
    request.sync = sync;
    /* Newer daemons remove it only if it still is what was chosen. */
    target.media_type = descriptor.media_type;
    target.digest = descriptor.digest;
    target.size = descriptor.size_bytes;
    request.target = &target;
    const wfe_containerd_options options = {.deadline_ms = WFE_CONTAINERD_APPLY_MS};
    wfe_image_wait wait = {.loop = client->loop};
    wfe_error problem = WFE_ERROR_INIT;
    int rc = wfe_image_wait_for(&wait,
                                wfe_images_delete(client->containerd, &request, &options,
                                                  on_deleted, &wait, &wait.call, &problem),
                                &problem);
    return rc && problem.grpc_status != WFE_GRPC_NOT_FOUND ? wfe_error_copy(err, &problem) : 0;
}

static int pick(wfe_client *client, const wfe_image_rm_options *given, wfe_image_list *list,
                wfe_error *err)
{
    size_t n = wfe_image_list_length(list);
    _cleanup_free_ bool *picked = calloc(n + 1, sizeof *picked);
    int rc = picked ? 0 : wfe_error_nomem(err);
    for (size_t i = 0; !rc && given->refs && given->refs[i]; i++)
        rc = wfe_image_select(list, wfe_containerd_namespace(client->containerd), given->refs[i],
                              picked, err);
    for (size_t i = 0; !rc && given->all_unused && i < n; i++)
        picked[i] |= !wfe_image_list_at(list, i)->in_use;
    if (!rc)
        wfe_image_list_filter(list, picked);
    return rc;
}

int wfe_image_rm(wfe_client *client, const wfe_image_rm_options *options, wfe_image_list **ret,
                 wfe_error *err)
{
    wfe_image_rm_options given = {0};
    _cleanup_(wfe_image_list_free_p) wfe_image_list *list = NULL;
    if (!options)
        return wfe_error_set(err, WFE_E_INVALID, "there are no options to remove images");
    int rc = wfe_sized_copy(options, "wfe_image_rm_options", &given, sizeof given, err);
    if (!rc && wfe_strv_length(given.refs) == 0 && !given.all_unused)
        rc = wfe_error_set(err, WFE_E_INVALID, "no image to remove is named");
    if (!rc)
        rc = wfe_image_list_read(client, NULL, &list, err);
    if (!rc)
        rc = wfe_image_list_find_users(client, list, err);
    if (!rc)
        rc = pick(client, &given, list, err);
    size_t n = rc ? 0 : wfe_image_list_length(list);
    for (size_t i = 0; !rc && i < n; i++)
        rc = delete_image(client, list, i, i + 1 == n, err);
    if (!rc)
        *ret = wfe_take(list);
    return rc;
}
