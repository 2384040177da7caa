/* SPDX-License-Identifier: Apache-2.0
 *
 * From names to images that are in a real containerd.
 */
#include "fixtures/wfe_assert.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixtures/images.h"
#include "fixtures/private_containerd.h"
#include "image/chain.h"
#include "image/resolve.h"
#include "integration/containerd_session.h"
#include "oci/image_config.h"

#define NAMESPACE "default"

static int setup(void **state)
{
    int rc = private_containerd_group_setup(state);
    private_containerd *daemon = *state;
    if (!rc && !daemon->skip_reason[0])
        images_need_busybox(daemon);
    return rc;
}

typedef struct resolution {
    bool done;
    const wfe_image *image; /* a reference of its own */
    wfe_error err;
} resolution;

static void on_resolved(const wfe_image *image, const wfe_error *err, void *user)
{
    resolution *out = user;
    out->done = true;
    out->image = image ? wfe_image_ref(image) : NULL;
    out->err = *err;
}

static resolution resolve(session *s, wfe_image_resolver *resolver, const char *name)
{
    resolution out = {0};
    wfe_image_resolve *handle = NULL;
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_image_resolve_start(resolver, name, on_resolved, &out, &handle, &err), &err);
    assert_false(out.done);
    session_run(s, &out.done);
    return out;
}

static wfe_image_resolver *resolver_of(session *s)
{
    wfe_image_resolver *resolver = NULL;
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_image_resolver_new(s->containerd, &resolver, &err), &err);
    return resolver;
}

static void test_image_resolve__finds_an_image_by_any_form_of_its_name(void **state)
{
    SESSION(s, state, NAMESPACE);
    wfe_image_resolver *resolver = resolver_of(&s);
    static const char *const names[] = {"busybox", "busybox:latest", "docker.io/busybox",
                                        "library/busybox", IMAGES_BUSYBOX};
    const wfe_image *first = NULL;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        resolution out = resolve(&s, resolver, names[i]);
        assert_ok(out.err.kind, &out.err);
        assert_string_equal(out.image->name, IMAGES_BUSYBOX);
        /* The documents are read once. */
        assert_true(!first || first == out.image);
        first = out.image;
        wfe_image_unref(out.image);
    }
    wfe_image_resolver_free(resolver);
}

static void test_image_resolve__finds_an_image_by_its_digest(void **state)
{
    SESSION(s, state, NAMESPACE);
    wfe_image_resolver *resolver = resolver_of(&s);
    resolution by_name = resolve(&s, resolver, "busybox");
    assert_ok(by_name.err.kind, &by_name.err);
    static const char *const forms[] = {"busybox@%s", "busybox:latest@%s", "busybox:other@%s"};
    char name[160];
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        snprintf(name, sizeof name, forms[i], by_name.image->target_digest);
        resolution out = resolve(&s, resolver, name);
        assert_ok(out.err.kind, &out.err);
        assert_string_equal(out.image->name, IMAGES_BUSYBOX);
        assert_string_equal(out.image->target_digest, by_name.image->target_digest);
        wfe_image_unref(out.image);
    }
    /* Of another repository, or with another digest, it is another image. */
    snprintf(name, sizeof name, "other@%s", by_name.image->target_digest);
    resolution out = resolve(&s, resolver, name);
    assert_fails(out.err.kind, WFE_E_NOT_FOUND, &out.err);
    snprintf(name, sizeof name, "busybox@sha256:%064d", 0);
    out = resolve(&s, resolver, name);
    assert_fails(out.err.kind, WFE_E_NOT_FOUND, &out.err);
    wfe_image_unref(by_name.image);
    wfe_image_resolver_free(resolver);
}

static void test_image_resolve__gives_config_and_chain(void **state)
{
    SESSION(s, state, "chain");
    char path[160];
    snprintf(path, sizeof path, "%s/five.tar", daemon->dir);
    images_make(&(images_archive){.layers = 5}, path);
    images_import_with_ctr(daemon, "chain", path);
    unlink(path);
    wfe_image_resolver *resolver = resolver_of(&s);
    resolution out = resolve(&s, resolver, "busybox");
    assert_ok(out.err.kind, &out.err);
    wfe_image_resolver_free(resolver);
    /* The image outlives its resolver. */
    assert_int_equal(out.image->n_layers, 5);
    assert_true(out.image->layers_bytes > 1000000);
    assert_string_equal(out.image->target_digest, out.image->manifest_digest);
    wfe_oci_image_config *config = NULL;
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(
        wfe_oci_image_config_parse(out.image->config_json, out.image->config_len, &config, &err),
        &err);
    assert_string_equal(config->cmd[0], "sh");
    wfe_oci_image_config_free(config);
    PbSnapshots__StatSnapshotRequest stat = PB_SNAPSHOTS__STAT_SNAPSHOT_REQUEST__INIT;
    stat.snapshotter = "overlayfs";
    stat.key = out.image->chain_id;
    PbSnapshots__StatSnapshotResponse *found = session_snapshots_stat(&s, &stat, NULL, 0, NULL);
    assert_int_equal(found->info->kind, PB_SNAPSHOTS__KIND__COMMITTED);
    wfe_image_unref(out.image);
}

static void test_image_resolve__says_what_is_not_there_and_what_to_do(void **state)
{
    SESSION(s, state, NAMESPACE);
    wfe_image_resolver *resolver = resolver_of(&s);
    resolution out = resolve(&s, resolver, "nosuch:1");
    assert_fails(out.err.kind, WFE_E_NOT_FOUND, &out.err);
    assert_null(out.image);
    assert_string_equal(out.err.message,
                        "image 'nosuch:1' not found in containerd (namespace default)");
    assert_contains(out.err.hint, "wfe image import");
    assert_contains(out.err.hint, "docker.io/library/nosuch:1");
    out = resolve(&s, resolver, "No Such");
    assert_fails(out.err.kind, WFE_E_INVALID, &out.err);
    assert_contains(out.err.message, "position 1");
    wfe_image_resolver_free(resolver);
}

static void test_image_resolve__takes_a_name_that_is_no_reference(void **state)
{
    SESSION(s, state, NAMESPACE);
    PbImages__GetImageRequest get = PB_IMAGES__GET_IMAGE_REQUEST__INIT;
    PbImages__CreateImageRequest create = PB_IMAGES__CREATE_IMAGE_REQUEST__INIT;
    PbImages__DeleteImageRequest drop = PB_IMAGES__DELETE_IMAGE_REQUEST__INIT;
    PbImages__Image image = PB_IMAGES__IMAGE__INIT;
    get.name = IMAGES_BUSYBOX;
    image.target = session_images_get(&s, &get, NULL, 0, NULL)->image->target;
    image.name = drop.name = "An Odd Name";
    create.image = &image;
    session_images_create(&s, &create, NULL, 0, NULL);
    wfe_image_resolver *resolver = resolver_of(&s);
    resolution out = resolve(&s, resolver, "An Odd Name");
    assert_ok(out.err.kind, &out.err);
    assert_string_equal(out.image->name, "An Odd Name");
    wfe_image_unref(out.image);
    wfe_image_resolver_free(resolver);
    session_images_delete(&s, &drop, NULL, 0, NULL);
}

static void test_image_resolve__lists_the_platforms_of_a_foreign_image(void **state)
{
    SESSION(s, state, "foreign");
    char path[160];
    snprintf(path, sizeof path, "%s/foreign.tar", daemon->dir);
    images_make(&(images_archive){.archs = "s390x,ppc64le"}, path);
    const char *import[] = {"images", "import", "--no-unpack", "--all-platforms", path, NULL};
    char *text = NULL;
    if (private_containerd_ctr(daemon, "foreign", import, &text))
        fail_msg("ctr images import failed");
    free(text);
    unlink(path);
    wfe_image_resolver *resolver = resolver_of(&s);
    resolution out = resolve(&s, resolver, "busybox");
    assert_fails(out.err.kind, WFE_E_NOT_FOUND, &out.err);
    assert_contains(out.err.message, "linux/s390x, linux/ppc64le");
    wfe_image_resolver_free(resolver);
}

static void test_image_resolve__reports_an_image_without_its_content(void **state)
{
    SESSION(s, state, "hollow");
    PbImages__CreateImageRequest create = PB_IMAGES__CREATE_IMAGE_REQUEST__INIT;
    PbImages__Image image = PB_IMAGES__IMAGE__INIT;
    Pb__Descriptor target = PB__DESCRIPTOR__INIT;
    target.media_type = "application/vnd.oci.image.manifest.v1+json";
    target.digest = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    target.size = 10;
    image.name = "docker.io/library/hollow:latest";
    image.target = &target;
    create.image = &image;
    session_images_create(&s, &create, NULL, 0, NULL);
    wfe_image_resolver *resolver = resolver_of(&s);
    resolution out = resolve(&s, resolver, "hollow");
    assert_fails(out.err.kind, WFE_E_NOT_FOUND, &out.err);
    assert_contains(out.err.message, "docker.io/library/hollow:latest");
    assert_contains(out.err.message, target.digest);
    wfe_image_resolver_free(resolver);
}

static void test_image_resolve__can_be_cancelled_at_every_turn_of_the_loop(void **state)
{
    SESSION(s, state, NAMESPACE);
    bool ended = false;
    for (int turns = 0; !ended; turns++) {
        wfe_image_resolver *resolver = resolver_of(&s);
        resolution out = {0};
        wfe_image_resolve *handle = NULL;
        wfe_error err = WFE_ERROR_INIT;
        assert_ok(wfe_image_resolve_start(resolver, "busybox", on_resolved, &out, &handle, &err),
                  &err);
        for (int i = 0; i < turns && !out.done; i++) {
            int timeout_ms = wfe_loop_timeout_ms(s.loop);
            poll(&(struct pollfd){.fd = wfe_loop_fd(s.loop), .events = POLLIN}, 1,
                 timeout_ms < 0 || timeout_ms > 1000 ? 1000 : timeout_ms);
            wfe_loop_run_ready(s.loop);
        }
        ended = out.done;
        if (!ended)
            wfe_image_resolve_cancel(handle);
        wfe_image_unref(out.image);
        wfe_image_resolver_free(resolver);
        assert_true(turns < 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_image_resolve__finds_an_image_by_any_form_of_its_name),
        cmocka_unit_test(test_image_resolve__finds_an_image_by_its_digest),
        cmocka_unit_test(test_image_resolve__gives_config_and_chain),
        cmocka_unit_test(test_image_resolve__says_what_is_not_there_and_what_to_do),
        cmocka_unit_test(test_image_resolve__takes_a_name_that_is_no_reference),
        cmocka_unit_test(test_image_resolve__lists_the_platforms_of_a_foreign_image),
        cmocka_unit_test(test_image_resolve__reports_an_image_without_its_content),
        cmocka_unit_test(test_image_resolve__can_be_cancelled_at_every_turn_of_the_loop),
    };
    return cmocka_run_group_tests(tests, setup, private_containerd_group_teardown);
}
