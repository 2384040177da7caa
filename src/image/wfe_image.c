/* SPDX-License-Identifier: Apache-2.0
 *
 * The public functions of <wfe/image.h> that need a client.
 */
#include <wfe/image.h>

#include "containerd/wfe_client.h"
#include "image/import.h"

int wfe_image_ls(wfe_client *client, wfe_image_list **ret, wfe_error *err)
{
    return wfe_image_list_run(client->loop, client->containerd, ret, err);
}

int wfe_image_import(wfe_client *client, const wfe_image_import_options *options,
                     wfe_image_list **ret, wfe_error *err)
{
    return wfe_image_import_run(client->loop, client->containerd, client->snapshotter, options, ret,
                                err);
}
