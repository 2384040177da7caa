/* SPDX-License-Identifier: Apache-2.0
 *
 * Everything about one image as JSON: the record, what it is for the platform chosen, and every
 * platform it names.
 */
#include <jansson.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/sized.h"
#include "containerd/timestamp.h"
#include "image/chain.h"
#include "image/labels.h"
#include "image/list.h"
#include "image/select.h"
#include "image/wait.h"

struct wfe_image_details {
    char *json;
};

const char *wfe_image_details_json(const wfe_image_details *details)
{
    return details->json;
}

void wfe_image_details_free(wfe_image_details *details)
{
    if (!details)
        return;
    free(details->json);
    free(details);
}

typedef struct inspecting {
    wfe_client *client;
    wfe_image_inventory *inventory;
    wfe_image_contents *contents;
    const wfe_image_variant *chosen;
    json_t *out;
} inspecting;

/* json_object_set_new takes NULL, from a value that could not be made, for an error too. */
static int set(json_t *object, const char *key, json_t *value, wfe_error *err)
{
    return json_object_set_new(object, key, value) ? wfe_error_nomem(err) : 0;
}

/* --- the record ---------------------------------------------------------------------------- */

typedef struct record_call {
    wfe_image_wait wait;
    json_t *out;
} record_call;

static json_t *time_json(const Pb__Timestamp *timestamp)
{
    char text[WFE_CLOCK_TEXT_SIZE];
    int64_t us = 0;
    return wfe_timestamp_to_us(timestamp, &us) ? json_string(wfe_clock_format(us, text))
                                               : json_null();
}

static void on_record(const PbImages__GetImageResponse *reply, const wfe_error *err, void *user)
{
    record_call *call = user;
    wfe_error problem = *err;
    const PbImages__Image *image = reply ? reply->image : NULL;
    json_t *labels = json_object();
    for (size_t i = 0; image && i < image->n_labels && !problem.kind; i++)
        set(labels, image->labels[i]->key, json_string(image->labels[i]->value), &problem);
    if (image) {
        set(call->out, "created_at", time_json(image->created_at), &problem);
        set(call->out, "updated_at", time_json(image->updated_at), &problem);
        set(call->out, "labels", json_incref(labels), &problem);
    } else if (!problem.kind) {
        wfe_error_set(&problem, WFE_E_PROTOCOL, "containerd gave no image");
    }
    json_decref(labels);
    wfe_image_wait_end(&call->wait, &problem);
}

static int add_record(const inspecting *in, const wfe_image_info *image, wfe_error *err)
{
    PbImages__GetImageRequest request = PB_IMAGES__GET_IMAGE_REQUEST__INIT;
    request.name = image->name;
    int rc = set(in->out, "name", json_string(image->name), err);
    if (!rc)
        rc = set(in->out, "digest", json_string(image->digest), err);
    if (!rc)
        rc = set(in->out, "media_type", json_string(image->media_type), err);
    record_call call = {.wait = {.loop = in->client->loop}, .out = in->out};
    return rc ? rc
              : wfe_image_wait_for(&call.wait,
                                   wfe_images_get(in->client->containerd, &request, &wfe_image_ask,
                                                  on_record, &call, &call.wait.call, err),
                                   err);
}

/* --- the platform chosen ------------------------------------------------------------------- */

static json_t *platform_json(const wfe_image_descriptor *descriptor)
{
    char text[WFE_IMAGE_PLATFORM_TEXT_SIZE];
    return descriptor->has_platform
               ? json_string(wfe_image_platform_format(&descriptor->platform, text))
               : json_null();
}

static int add_layers(const inspecting *in, char top[WFE_DIGEST_SIZE], wfe_error *err)
{
    const wfe_image_variant *chosen = in->chosen;
    json_t *layers = json_array();
    int rc = set(in->out, "layers", layers, err);
    top[0] = '\0';
    for (size_t i = 0; !rc && i < chosen->document->n_items; i++) {
        const wfe_image_descriptor *layer = &chosen->document->items[i];
        char chain[WFE_DIGEST_SIZE] = "";
        if (chosen->config) {
            rc = wfe_image_chain_add(top, chosen->config->diff_ids[i], chain, err);
            if (rc)
                return rc;
            memcpy(top, chain, sizeof chain);
        }
        json_t *entry =
            json_pack("{ss ss sI ss* ss* sb}", "digest", layer->digest, "media_type",
                      layer->media_type, "size", (json_int_t)layer->size_bytes, "diff_id",
                      chosen->config ? chosen->config->diff_ids[i] : NULL, "chain_id",
                      chain[0] ? chain : NULL, "present",
                      (int)(wfe_image_inventory_find(in->inventory, layer->digest) != NULL));
        if (!entry || json_array_append_new(layers, entry))
            rc = wfe_error_nomem(err);
    }
    return rc;
}

/* The snapshotters that the config's labels name, and the client's, if the snapshot is there. */
static int add_unpacked(const inspecting *in, const char *chain_id, wfe_error *err)
{
    const wfe_image_stored *stored =
        wfe_image_inventory_find(in->inventory, in->chosen->document->config.digest);
    const char *own = in->client->snapshotter;
    json_t *list = json_array();
    int rc = set(in->out, "unpacked", list, err);
    bool there = false;
    if (!rc)
        rc = wfe_image_is_unpacked(in->client, own, chain_id, &there, err);
    if (!rc && there && json_array_append_new(list, json_string(own)))
        rc = wfe_error_nomem(err);
    for (size_t i = 0; !rc && stored && i < stored->snapshots.len; i++) {
        const char *snapshotter = stored->snapshots.items[i].key;
        if (strcmp(snapshotter, own) == 0)
            continue;
        rc = wfe_image_is_unpacked(in->client, snapshotter, chain_id, &there, err);
        if (!rc && there && json_array_append_new(list, json_string(snapshotter)))
            rc = wfe_error_nomem(err);
    }
    return rc;
}

static int add_config(const inspecting *in, wfe_error *err)
{
    const wfe_buf *text = &in->chosen->config_json;
    json_t *config = NULL;
    if (!in->chosen->config)
        return set(in->out, "config", json_null(), err);
    int rc = wfe_json_load(text->data, text->len, 0, &config, err);
    return rc ? rc : set(in->out, "config", config, err);
}

static int add_chosen(const inspecting *in, wfe_error *err)
{
    const wfe_image_variant *chosen = in->chosen;
    char top[WFE_DIGEST_SIZE] = "";
    int rc = set(in->out, "platform", platform_json(&chosen->descriptor), err);
    if (!rc)
        rc = set(in->out, "manifest_digest", json_string(chosen->descriptor.digest), err);
    if (!rc)
        rc = set(in->out, "complete", json_boolean(chosen->n_missing == 0), err);
    if (rc || !chosen->document)
        return rc;
    rc = set(in->out, "size", json_integer((json_int_t)chosen->size_bytes), err);
    if (!rc)
        rc = set(in->out, "config_digest", json_string(chosen->document->config.digest), err);
    if (!rc)
        rc = add_layers(in, top, err);
    if (!rc)
        rc = set(in->out, "chain_id", top[0] ? json_string(top) : json_null(), err);
    if (!rc)
        rc = add_unpacked(in, top, err);
    return rc ? rc : add_config(in, err);
}

/* --- all platforms ------------------------------------------------------------------------- */

static int add_platforms(const inspecting *in, wfe_error *err)
{
    json_t *list = json_array();
    int rc = set(in->out, "platforms", list, err);
    for (size_t i = 0; !rc && i < in->contents->n_variants; i++) {
        const wfe_image_variant *variant = &in->contents->variants[i];
        json_t *entry =
            json_pack("{so ss sb sb}", "platform", platform_json(&variant->descriptor), "digest",
                      variant->descriptor.digest, "present", (int)(variant->n_missing == 0),
                      "attestation", (int)variant->descriptor.is_attestation);
        if (!entry || json_array_append(list, entry))
            rc = wfe_error_nomem(err);
        if (!rc && variant->size_bytes >= 0)
            rc = set(entry, "size", json_integer((json_int_t)variant->size_bytes), err);
        json_decref(entry);
    }
    return rc;
}

static int describe(inspecting *in, wfe_image_list *list, size_t index,
                    const wfe_image_platform *platform, wfe_error *err)
{
    const wfe_image_info *image = wfe_image_list_at(list, index);
    wfe_image_descriptor target;
    wfe_image_list_target(list, index, &target);
    in->out = json_object();
    int rc =
        in->out ? wfe_image_inventory_read(in->client, &in->inventory, err) : wfe_error_nomem(err);
    if (!rc) {
        rc = wfe_image_contents_read(in->client, in->inventory, &target, &in->contents, err);
        if (rc)
            wfe_error_prefix(err, "image '%s'", image->name);
    }
    if (!rc)
        rc = wfe_image_contents_need(in->contents, image->name, platform, &in->chosen, err);
    if (!rc)
        rc = add_record(in, image, err);
    if (!rc)
        rc = wfe_image_list_find_users(in->client, list, err);
    if (!rc)
        rc = set(in->out, "in_use", json_boolean(image->in_use), err);
    if (!rc)
        rc = add_chosen(in, err);
    return rc ? rc : add_platforms(in, err);
}

static int find_one(wfe_client *client, const char *ref, wfe_image_list *list, size_t *ret,
                    wfe_error *err)
{
    size_t n = wfe_image_list_length(list);
    _cleanup_free_ bool *picked = calloc(n + 1, sizeof *picked);
    int rc = picked ? wfe_image_select(list, wfe_containerd_namespace(client->containerd), ref,
                                       picked, err)
                    : wfe_error_nomem(err);
    for (size_t i = 0; !rc && i < n; i++) {
        if (picked[i]) {
            *ret = i;
            break;
        }
    }
    return rc;
}

static int give(const json_t *json, wfe_image_details **ret, wfe_error *err)
{
    _cleanup_free_ char *text = json_dumps(json, JSON_COMPACT);
    wfe_image_details *details = text ? calloc(1, sizeof *details) : NULL;
    if (!details)
        return wfe_error_nomem(err);
    details->json = wfe_take(text);
    *ret = details;
    return 0;
}

int wfe_image_inspect(wfe_client *client, const wfe_image_inspect_options *options,
                      wfe_image_details **ret, wfe_error *err)
{
    wfe_image_inspect_options given = {0};
    wfe_image_platform platform;
    _cleanup_(wfe_image_list_free_p) wfe_image_list *list = NULL;
    size_t index = 0;
    if (!options)
        return wfe_error_set(err, WFE_E_INVALID, "there are no options to inspect an image");
    int rc = wfe_sized_copy(options, "wfe_image_inspect_options", &given, sizeof given, err);
    if (!rc && !given.ref)
        rc = wfe_error_set(err, WFE_E_INVALID, "no image to inspect is named");
    if (!rc && given.platform)
        rc = wfe_image_platform_parse(given.platform, &platform, err);
    if (!rc)
        rc = wfe_image_list_read(client, NULL, &list, err);
    if (!rc)
        rc = find_one(client, given.ref, list, &index, err);
    if (rc)
        return rc;
    inspecting in = {.client = client};
    rc = describe(&in, list, index, given.platform ? &platform : NULL, err);
    if (!rc)
        rc = give(in.out, ret, err);
    json_decref(in.out);
    wfe_image_contents_free(in.contents);
    wfe_image_inventory_free(in.inventory);
    return rc;
}
