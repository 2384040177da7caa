/* SPDX-License-Identifier: Apache-2.0
 *
 * Unpacks of one image that meet, are stopped and freed, over a real containerd whose content store
 * has the image of many layers.
 */
#include "fixtures/wfe_assert.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/digest.h"
#include "fixtures/pull_group.h"
#include "image/unpack.h"
#include "image/unpack_priv.h"
#include "integration/containerd_session.h"

#define LEASE "test-unpack"
#define TURNS_MAX 200000
#define IDLE_MS 100
#define IDLE_TURNS_MAX 600
#define ROUNDS_MAX 40

typedef struct unpacking {
    session *s;
    wfe_image_unpack *unpack;
    size_t n_layers;
    bool done;
    wfe_error result;
} unpacking;

static void on_plan(size_t first, void *user)
{
    unpacking *u = user;
    for (size_t i = first; i < u->n_layers; i++)
        assert_ok(wfe_image_unpack_ready(u->unpack, i, NULL), NULL);
}

static void on_done(const wfe_error *err, void *user)
{
    unpacking *u = user;
    assert_false(u->done);
    u->result = *err;
    u->done = true;
}

static void start(unpacking *u, session *s, const wfe_image_parts *parts)
{
    static const wfe_image_unpack_fns fns = {.plan = on_plan, .done = on_done};
    wfe_error err = WFE_ERROR_INIT;
    const wfe_image_unpack_request request = {
        .snapshotter = "overlayfs", .lease = LEASE, .parts = parts, .shares_files = true};
    *u = (unpacking){.s = s, .n_layers = parts->document->n_items};
    assert_ok(wfe_image_unpack_start(s->loop, s->containerd, &request, &fns, u, &u->unpack, &err),
              &err);
}

/* Was there anything to do. */
static bool turn(session *s)
{
    int timeout_ms = wfe_loop_timeout_ms(s->loop);
    int n = poll(&(struct pollfd){.fd = wfe_loop_fd(s->loop), .events = POLLIN}, 1,
                 timeout_ms < 0 || timeout_ms > IDLE_MS ? IDLE_MS : timeout_ms);
    wfe_loop_run_ready(s->loop);
    return n > 0;
}

/* ---- the image ---- */

typedef struct walked {
    wfe_image_parts *parts;
    wfe_error err;
    bool done;
} walked;

static void on_walked(wfe_image_parts *parts, const wfe_error *err, void *user)
{
    walked *out = user;
    *out = (walked){.parts = parts, .err = *err, .done = true};
}

static wfe_image_parts *parts_of(session *s, const char *name)
{
    walked out = {0};
    wfe_error err = WFE_ERROR_INIT;
    wfe_image_walk *walk = NULL;
    wfe_image_platform machine;
    PbImages__GetImageRequest get = PB_IMAGES__GET_IMAGE_REQUEST__INIT;
    get.name = (char *)(uintptr_t)name;
    const Pb__Descriptor *target = session_images_get(s, &get, NULL, 0, NULL)->image->target;
    wfe_image_descriptor descriptor = {.media_type = (char *)(uintptr_t)target->media_type,
                                       .size_bytes = target->size};
    snprintf(descriptor.digest, sizeof descriptor.digest, "%s", target->digest);
    wfe_image_platform_host(&machine);
    const wfe_image_walk_request request = {
        .name = name, .target = &descriptor, .machine = &machine};
    assert_ok(wfe_image_walk_start(s->containerd, &request, on_walked, &out, &walk, &err), &err);
    session_run(s, &out.done);
    assert_ok(out.err.kind, &out.err);
    return out.parts;
}

/* The daemon with the image's content, packed, and a lease for what is made of it. */
static private_containerd *daemon_with_packed(void **state, const char *ns, char *name)
{
    private_containerd *daemon = pull_group_daemon_with(state, "wide");
    snprintf(name, PULL_GROUP_NAME_SIZE, "%s",
             pull_group_image_of(pull_group_registry->host, "wide"));
    const char *fetch[] = {"content", "fetch", "--plain-http", name, NULL};
    free(pull_group_ctr(daemon, ns, fetch));
    return daemon;
}

static void lease(private_containerd *daemon, const char *ns)
{
    const char *create[] = {"leases", "create", "--id", LEASE, NULL};
    free(pull_group_ctr(daemon, ns, create));
}

static void unlease(private_containerd *daemon, const char *ns)
{
    const char *drop[] = {"leases", "rm", "--sync", LEASE, NULL};
    free(pull_group_ctr(daemon, ns, drop));
}

static void assert_nothing_half_made(private_containerd *daemon, const char *ns)
{
    const char *list[] = {"snapshots", "ls", NULL};
    char *text = pull_group_ctr(daemon, ns, list);
    if (strstr(text, "extract-"))
        fail_msg("half-made snapshots are left: %s", text);
    free(text);
}

/* ---- two that meet ---- */

static bool gives_way(const unpacking *u)
{
    return u->unpack->state == UNPACK_REMOVING && !u->unpack->failure.kind && u->unpack->prepared;
}

/* Two unpacks at once; the first that gives way to the other is stopped at that moment. Did one? */
static bool stop_the_one_that_gives_way(session *s, const wfe_image_parts *parts)
{
    unpacking both[2];
    unpacking *stopped = NULL;
    for (int i = 0; i < 2; i++)
        start(&both[i], s, parts);
    for (int idle = 0; !both[0].done || !both[1].done;) {
        idle = turn(s) ? 0 : idle + 1;
        if (idle == IDLE_TURNS_MAX)
            fail_msg("an unpack does not end");
        for (int i = 0; !stopped && i < 2; i++) {
            if (both[i].done || !gives_way(&both[i]))
                continue;
            stopped = &both[i];
            wfe_image_unpack_stop(stopped->unpack);
        }
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(both[i].result.kind, &both[i] == stopped ? WFE_E_CANCELLED : 0);
        wfe_image_unpack_free(both[i].unpack);
    }
    return stopped != NULL;
}

static void test_image_unpack__that_gives_way_to_another_can_be_stopped(void **state)
{
    char name[PULL_GROUP_NAME_SIZE];
    private_containerd *daemon = daemon_with_packed(state, "meet", name);
    session s;
    bool met = false;
    session_open(&s, daemon, "meet");
    wfe_image_parts *parts = parts_of(&s, name);
    for (int i = 0; !met && i < ROUNDS_MAX; i++) {
        lease(daemon, "meet");
        met = stop_the_one_that_gives_way(&s, parts);
        assert_nothing_half_made(daemon, "meet");
        unlease(daemon, "meet");
        pull_group_empty_store(daemon);
        const char *fetch[] = {"content", "fetch", "--plain-http", name, NULL};
        free(pull_group_ctr(daemon, "meet", fetch));
    }
    assert_true(met);
    wfe_image_parts_free(parts);
    session_close(&s);
}

/* ---- the end at any time ---- */

/* Frees it after so many turns, stopped before or not; the loop goes on after it. Had it ended? */
static bool free_after(session *s, const wfe_image_parts *parts, int turns, bool stop)
{
    unpacking u;
    start(&u, s, parts);
    for (int i = 0; i < turns && !u.done; i++)
        turn(s);
    bool ended = u.done;
    if (stop && !ended) {
        wfe_image_unpack_stop(u.unpack);
        for (int i = 0; i < 2 && !u.done; i++)
            turn(s);
    }
    wfe_image_unpack_free(u.unpack);
    for (int i = 0; i < 3; i++)
        turn(s);
    return ended;
}

static void test_image_unpack__can_be_freed_at_any_turn_of_the_loop(void **state)
{
    char name[PULL_GROUP_NAME_SIZE];
    private_containerd *daemon = daemon_with_packed(state, "freed", name);
    session s;
    bool ended = false;
    session_open(&s, daemon, "freed");
    wfe_image_parts *parts = parts_of(&s, name);
    for (int turns = 1; !ended; turns += 1 + turns / 4) {
        assert_true(turns < TURNS_MAX);
        for (int stop = 0; !ended && stop < 2; stop++) {
            lease(daemon, "freed");
            ended = free_after(&s, parts, turns, stop);
            unlease(daemon, "freed");
        }
    }
    wfe_image_parts_free(parts);
    session_close(&s);
    assert_nothing_half_made(daemon, "freed");
}

int main(void)
{
#define TEST(name) cmocka_unit_test(test_image_unpack__##name)
    const struct CMUnitTest tests[] = {
        TEST(that_gives_way_to_another_can_be_stopped),
        TEST(can_be_freed_at_any_turn_of_the_loop),
    };
    return cmocka_run_group_tests(tests, pull_group_setup, pull_group_teardown);
}
