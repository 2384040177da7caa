/* SPDX-License-Identifier: Apache-2.0
 *
 * The typed calls on a real containerd. Running tasks is left to the tests of steps.
 */
#include "containerd_session.h"

#include "base/id.h"
#include "containerd/timestamp.h"

#define SNAPSHOTTER "overlayfs"

/* --- the daemon --------------------------------------------------------------------------- */

static void test_containerd_services__version_is_one_wfe_can_read(void **state)
{
    SESSION(s, state, "version");
    const Pb__Empty empty = PB__EMPTY__INIT;
    const PbVersion__VersionResponse *reply = session_version_get(&s, &empty, NULL, 0, NULL);
    assert_string_equal(reply->version, daemon->version);
    assert_true(reply->revision[0] || reply->version[0]);
    wfe_version_number version = {0};
    assert_true(wfe_version_parse(reply->version, &version));
    assert_true(wfe_version_at_least(&version, 1, 6));
}

static void test_containerd_services__plugins_list_overlayfs(void **state)
{
    SESSION(s, state, "plugins");
    PbIntrospection__PluginsRequest request = PB_INTROSPECTION__PLUGINS_REQUEST__INIT;
    const PbIntrospection__PluginsResponse *reply =
        session_introspection_plugins(&s, &request, NULL, 0, NULL);
    const PbIntrospection__Plugin *found = NULL;
    for (size_t i = 0; i < reply->n_plugins; i++) {
        if (strcmp(reply->plugins[i]->id, SNAPSHOTTER) == 0)
            found = reply->plugins[i];
    }
    assert_non_null(found);
    assert_null(found->init_err);
    assert_non_null(wfe_labels_find(found->exports, found->n_exports, "root"));
    assert_true(found->n_platforms > 0);
    assert_string_equal(found->platforms[0]->os, "linux");
}

static void test_containerd_services__server_has_an_identity(void **state)
{
    SESSION(s, state, "server");
    const Pb__Empty empty = PB__EMPTY__INIT;
    const PbIntrospection__ServerResponse *reply =
        session_introspection_server(&s, &empty, NULL, 0, NULL);
    assert_int_equal(strlen(reply->uuid), 36);
    if (reply->pid)
        assert_int_equal(reply->pid, daemon->pid);
}

/* The header is what makes a namespace; without one the daemon refuses. */
static void test_containerd_services__a_call_without_namespace_is_refused(void **state)
{
    SESSION(s, state, "nons");
    wfe_containerd_method method = wfe_images_list_method;
    method.no_namespace = true;
    struct session_wait wait = {.s = &s};
    PbImages__ListImagesRequest request = PB_IMAGES__LIST_IMAGES_REQUEST__INIT;
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_containerd_unary(s.containerd, &method, NULL, NULL, &request.base,
                                   (wfe_containerd_any_fn)session_images_list_done, &wait, NULL,
                                   &err),
              &err);
    session_run(&s, &wait.done);
    assert_int_equal(wait.err.kind, WFE_E_CONFLICT);
    assert_int_equal(wait.err.grpc_status, WFE_GRPC_FAILED_PRECONDITION);
    assert_contains(wait.err.message, "failed to list images: namespace is required");
}

static void test_containerd_services__a_message_of_17_mib_is_over_the_limit(void **state)
{
    SESSION(s, state, "limit");
    size_t len = (size_t)17 * 1024 * 1024;
    char *name = malloc(len + 1);
    assert_non_null(name);
    memset(name, 'a', len);
    name[len] = '\0';
    PbNamespaces__GetNamespaceRequest request = PB_NAMESPACES__GET_NAMESPACE_REQUEST__INIT;
    request.name = name;
    struct session_wait wait = {.s = &s};
    wfe_error err = WFE_ERROR_INIT;
    assert_fails(wfe_namespaces_get(s.containerd, &request, NULL, session_namespaces_get_done,
                                    &wait, NULL, &err),
                 WFE_E_LIMIT, &err);
    free(name);
    assert_contains(err.message, "failed to get namespace");
    /* The connection is none the worse. */
    const Pb__Empty empty = PB__EMPTY__INIT;
    session_version_get(&s, &empty, NULL, 0, NULL);
}

static void test_containerd_services__a_missing_socket_is_reported_at_once(void **state)
{
    private_containerd elsewhere = *private_containerd_of(state);
    snprintf(elsewhere.address, sizeof elsewhere.address, "%s/none.sock", elsewhere.dir);
    __attribute__((cleanup(session_close))) session s;
    session_open(&s, &elsewhere, "default");
    const Pb__Empty empty = PB__EMPTY__INIT;
    const wfe_containerd_options options = {.fail_fast = true};
    wfe_error err = WFE_ERROR_INIT;
    session_version_get(&s, &empty, &options, WFE_E_NOT_FOUND, &err);
    assert_contains(err.message, "/none.sock");
}

/* --- namespaces and leases ---------------------------------------------------------------- */

static void test_containerd_services__namespaces_come_and_go(void **state)
{
    SESSION(s, state, "default");
    Pb__Pair label = PB__PAIR__INIT;
    label.key = "containerd.io/defaults/snapshotter";
    label.value = "native";
    Pb__Pair *labels[] = {&label};
    PbNamespaces__Namespace ns = PB_NAMESPACES__NAMESPACE__INIT;
    ns.name = "come-and-go";
    ns.n_labels = 1;
    ns.labels = labels;
    PbNamespaces__CreateNamespaceRequest create = PB_NAMESPACES__CREATE_NAMESPACE_REQUEST__INIT;
    create.namespace_ = &ns;
    session_namespaces_create(&s, &create, NULL, 0, NULL);
    wfe_error err = WFE_ERROR_INIT;
    session_namespaces_create(&s, &create, NULL, WFE_E_CONFLICT, &err);
    assert_int_equal(err.grpc_status, WFE_GRPC_ALREADY_EXISTS);
    assert_contains(err.message, "failed to create namespace 'come-and-go': ");

    PbNamespaces__GetNamespaceRequest get = PB_NAMESPACES__GET_NAMESPACE_REQUEST__INIT;
    get.name = ns.name;
    const PbNamespaces__GetNamespaceResponse *got = session_namespaces_get(&s, &get, NULL, 0, NULL);
    assert_string_equal(
        wfe_labels_find(got->namespace_->labels, got->namespace_->n_labels, label.key), "native");
    PbNamespaces__ListNamespacesRequest list = PB_NAMESPACES__LIST_NAMESPACES_REQUEST__INIT;
    assert_true(session_namespaces_list(&s, &list, NULL, 0, NULL)->n_namespaces >= 1);

    PbNamespaces__DeleteNamespaceRequest delete = PB_NAMESPACES__DELETE_NAMESPACE_REQUEST__INIT;
    delete.name = ns.name;
    session_namespaces_delete(&s, &delete, NULL, 0, NULL);
    session_namespaces_delete(&s, &delete, NULL, WFE_E_NOT_FOUND, NULL);
}

static void test_containerd_services__leases_come_and_go(void **state)
{
    SESSION(s, state, "leases");
    Pb__Pair label = PB__PAIR__INIT;
    label.key = "wfe.run";
    label.value = "r1";
    Pb__Pair *labels[] = {&label};
    PbLeases__CreateRequest create = PB_LEASES__CREATE_REQUEST__INIT;
    create.id = "lease-1";
    create.n_labels = 1;
    create.labels = labels;
    const PbLeases__CreateResponse *created = session_leases_create(&s, &create, NULL, 0, NULL);
    assert_string_equal(created->lease->id, "lease-1");
    int64_t created_us = 0;
    assert_true(wfe_timestamp_to_us(created->lease->created_at, &created_us));
    wfe_error err = WFE_ERROR_INIT;
    session_leases_create(&s, &create, NULL, WFE_E_CONFLICT, &err);
    assert_int_equal(err.grpc_status, WFE_GRPC_ALREADY_EXISTS);

    PbLeases__ListRequest list = PB_LEASES__LIST_REQUEST__INIT;
    const char *filters[] = {"labels.\"wfe.run\"==r1"};
    list.n_filters = 1;
    list.filters = filters;
    const PbLeases__ListResponse *listed = session_leases_list(&s, &list, NULL, 0, NULL);
    assert_int_equal(listed->n_leases, 1);
    assert_string_equal(listed->leases[0]->id, "lease-1");

    PbLeases__DeleteRequest delete = PB_LEASES__DELETE_REQUEST__INIT;
    delete.id = "lease-1";
    delete.sync = true;
    session_leases_delete(&s, &delete, NULL, 0, NULL);
    assert_int_equal(session_leases_list(&s, &list, NULL, 0, NULL)->n_leases, 0);
    session_leases_delete(&s, &delete, NULL, WFE_E_NOT_FOUND, NULL);
}

static void test_containerd_services__an_unknown_lease_is_not_found(void **state)
{
    SESSION(s, state, "leases");
    PbSnapshots__PrepareSnapshotRequest prepare = PB_SNAPSHOTS__PREPARE_SNAPSHOT_REQUEST__INIT;
    prepare.snapshotter = SNAPSHOTTER;
    prepare.key = "never";
    const wfe_containerd_options options = {.lease = "no-such-lease"};
    wfe_error err = WFE_ERROR_INIT;
    session_snapshots_prepare(&s, &prepare, &options, WFE_E_NOT_FOUND, &err);
    assert_contains(err.message, "failed to prepare snapshot 'never': lease");
}

/* --- images ------------------------------------------------------------------------------- */

static void test_containerd_services__images_come_and_go(void **state)
{
    SESSION(s, state, "images");
    Pb__Descriptor target = PB__DESCRIPTOR__INIT;
    target.media_type = "application/vnd.oci.image.manifest.v1+json";
    target.digest = "sha256:8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4";
    target.size = 2;
    PbImages__Image image = PB_IMAGES__IMAGE__INIT;
    image.name = "docker.io/library/made-up:1";
    image.target = &target;
    PbImages__CreateImageRequest create = PB_IMAGES__CREATE_IMAGE_REQUEST__INIT;
    create.image = &image;
    session_images_create(&s, &create, NULL, 0, NULL);
    wfe_error err = WFE_ERROR_INIT;
    session_images_create(&s, &create, NULL, WFE_E_CONFLICT, &err);
    assert_string_equal(err.subject, image.name);

    PbImages__GetImageRequest get = PB_IMAGES__GET_IMAGE_REQUEST__INIT;
    get.name = image.name;
    const PbImages__GetImageResponse *got = session_images_get(&s, &get, NULL, 0, NULL);
    assert_string_equal(got->image->target->digest, target.digest);
    assert_int_equal(got->image->target->size, 2);

    Pb__Pair label = PB__PAIR__INIT;
    label.key = "a.b/c";
    label.value = "x";
    Pb__Pair *labels[] = {&label};
    const char *paths[] = {"labels.a.b/c"};
    Pb__FieldMask mask = PB__FIELD_MASK__INIT;
    mask.n_paths = 1;
    mask.paths = paths;
    PbImages__UpdateImageRequest update = PB_IMAGES__UPDATE_IMAGE_REQUEST__INIT;
    image.n_labels = 1;
    image.labels = labels;
    update.image = &image;
    update.update_mask = &mask;
    session_images_update(&s, &update, NULL, 0, NULL);

    PbImages__ListImagesRequest list = PB_IMAGES__LIST_IMAGES_REQUEST__INIT;
    const char *filters[] = {"labels.\"a.b/c\"==x"};
    list.n_filters = 1;
    list.filters = filters;
    const PbImages__ListImagesResponse *listed = session_images_list(&s, &list, NULL, 0, NULL);
    assert_int_equal(listed->n_images, 1);
    assert_string_equal(listed->images[0]->name, image.name);

    PbImages__DeleteImageRequest delete = PB_IMAGES__DELETE_IMAGE_REQUEST__INIT;
    delete.name = image.name;
    delete.sync = true;
    session_images_delete(&s, &delete, NULL, 0, NULL);
    session_images_get(&s, &get, NULL, WFE_E_NOT_FOUND, &err);
    assert_contains(err.message, "failed to get image 'docker.io/library/made-up:1': ");
}

static void test_containerd_services__an_image_needs_a_valid_target(void **state)
{
    SESSION(s, state, "images");
    Pb__Descriptor target = PB__DESCRIPTOR__INIT;
    target.media_type = "x/y";
    target.digest = "sha256:short";
    target.size = 2;
    PbImages__Image image = PB_IMAGES__IMAGE__INIT;
    image.name = "bad";
    image.target = &target;
    PbImages__CreateImageRequest create = PB_IMAGES__CREATE_IMAGE_REQUEST__INIT;
    create.image = &image;
    session_images_create(&s, &create, NULL, WFE_E_INVALID, NULL);
}

/* --- snapshots ---------------------------------------------------------------------------- */

static void remove_snapshot(session *s, const char *key, int wanted)
{
    PbSnapshots__RemoveSnapshotRequest request = PB_SNAPSHOTS__REMOVE_SNAPSHOT_REQUEST__INIT;
    request.snapshotter = SNAPSHOTTER;
    request.key = key;
    session_snapshots_remove(s, &request, NULL, wanted, NULL);
}

static PbSnapshots__Info *stat_snapshot(session *s, const char *key, int wanted)
{
    PbSnapshots__StatSnapshotRequest request = PB_SNAPSHOTS__STAT_SNAPSHOT_REQUEST__INIT;
    request.snapshotter = SNAPSHOTTER;
    request.key = key;
    const PbSnapshots__StatSnapshotResponse *reply =
        session_snapshots_stat(s, &request, NULL, wanted, NULL);
    return reply ? reply->info : NULL;
}

struct listing {
    int n;
    bool done;
    wfe_error err;
};

static void on_snapshots(const PbSnapshots__ListSnapshotsResponse *reply, void *user)
{
    ((struct listing *)user)->n += (int)reply->n_info;
}

static void on_list_end(const wfe_error *err, void *user)
{
    struct listing *listing = user;
    listing->err = *err;
    listing->done = true;
}

static int count_snapshots(session *s)
{
    struct listing listing = {0};
    PbSnapshots__ListSnapshotsRequest request = PB_SNAPSHOTS__LIST_SNAPSHOTS_REQUEST__INIT;
    request.snapshotter = SNAPSHOTTER;
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_snapshots_list(s->containerd, &request, NULL, on_snapshots, on_list_end, &listing,
                                 NULL, &err),
              &err);
    session_run(s, &listing.done);
    assert_ok(listing.err.kind, &listing.err);
    return listing.n;
}

static void test_containerd_services__snapshots_grow_from_each_other(void **state)
{
    SESSION(s, state, "snapshots");
    PbLeases__CreateRequest lease = PB_LEASES__CREATE_REQUEST__INIT;
    lease.id = "keep";
    session_leases_create(&s, &lease, NULL, 0, NULL);
    const wfe_containerd_options options = {.lease = "keep"};

    PbSnapshots__PrepareSnapshotRequest prepare = PB_SNAPSHOTS__PREPARE_SNAPSHOT_REQUEST__INIT;
    prepare.snapshotter = SNAPSHOTTER;
    prepare.key = "base-active";
    const PbSnapshots__PrepareSnapshotResponse *prepared =
        session_snapshots_prepare(&s, &prepare, &options, 0, NULL);
    assert_int_equal(prepared->n_mounts, 1);
    assert_string_equal(prepared->mounts[0]->type, "bind");
    session_snapshots_prepare(&s, &prepare, &options, WFE_E_CONFLICT, NULL);

    PbSnapshots__CommitSnapshotRequest commit = PB_SNAPSHOTS__COMMIT_SNAPSHOT_REQUEST__INIT;
    commit.snapshotter = SNAPSHOTTER;
    commit.key = "base-active";
    commit.name = "base";
    session_snapshots_commit(&s, &commit, &options, 0, NULL);
    assert_int_equal(stat_snapshot(&s, "base", 0)->kind, PB_SNAPSHOTS__KIND__COMMITTED);
    assert_null(stat_snapshot(&s, "base-active", WFE_E_NOT_FOUND));

    prepare.key = "top";
    prepare.parent = "base";
    session_snapshots_prepare(&s, &prepare, &options, 0, NULL);
    assert_string_equal(stat_snapshot(&s, "top", 0)->parent, "base");
    PbSnapshots__MountsRequest mounts = PB_SNAPSHOTS__MOUNTS_REQUEST__INIT;
    mounts.snapshotter = SNAPSHOTTER;
    mounts.key = "top";
    assert_string_equal(session_snapshots_mounts(&s, &mounts, NULL, 0, NULL)->mounts[0]->type,
                        "overlay");
    PbSnapshots__ViewSnapshotRequest view = PB_SNAPSHOTS__VIEW_SNAPSHOT_REQUEST__INIT;
    view.snapshotter = SNAPSHOTTER;
    view.key = "look";
    view.parent = "base";
    assert_int_equal(session_snapshots_view(&s, &view, &options, 0, NULL)->n_mounts, 1);
    assert_int_equal(stat_snapshot(&s, "look", 0)->kind, PB_SNAPSHOTS__KIND__VIEW);
    assert_int_equal(count_snapshots(&s), 3);

    PbSnapshots__UsageRequest usage = PB_SNAPSHOTS__USAGE_REQUEST__INIT;
    usage.snapshotter = SNAPSHOTTER;
    usage.key = "base";
    assert_true(session_snapshots_usage(&s, &usage, NULL, 0, NULL)->inodes >= 1);

    remove_snapshot(&s, "base", WFE_E_CONFLICT); /* it has children */
    remove_snapshot(&s, "look", 0);
    remove_snapshot(&s, "top", 0);
    remove_snapshot(&s, "base", 0);
    remove_snapshot(&s, "base", WFE_E_NOT_FOUND);
    PbLeases__DeleteRequest delete = PB_LEASES__DELETE_REQUEST__INIT;
    delete.id = "keep";
    session_leases_delete(&s, &delete, NULL, 0, NULL);
}

static void test_containerd_services__an_unknown_snapshotter_is_invalid(void **state)
{
    SESSION(s, state, "snapshots");
    PbSnapshots__StatSnapshotRequest request = PB_SNAPSHOTS__STAT_SNAPSHOT_REQUEST__INIT;
    request.snapshotter = "no-such-thing";
    request.key = "k";
    wfe_error err = WFE_ERROR_INIT;
    session_snapshots_stat(&s, &request, NULL, WFE_E_INVALID, &err);
    assert_contains(err.message, "no-such-thing");
}

static void test_containerd_services__an_unknown_parent_is_not_found(void **state)
{
    SESSION(s, state, "snapshots");
    PbSnapshots__PrepareSnapshotRequest prepare = PB_SNAPSHOTS__PREPARE_SNAPSHOT_REQUEST__INIT;
    prepare.snapshotter = SNAPSHOTTER;
    prepare.key = "orphan";
    prepare.parent = "no-such-parent";
    session_snapshots_prepare(&s, &prepare, NULL, WFE_E_NOT_FOUND, NULL);
}

/* --- containers --------------------------------------------------------------------------- */

static void create_container(session *s, const char *id, const char *run, int wanted)
{
    Pb__Pair label = PB__PAIR__INIT;
    label.key = "wfe.run";
    label.value = run;
    Pb__Pair *labels[] = {&label};
    Pb__Any spec = PB__ANY__INIT;
    spec.type_url = WFE_TASKS_SPEC_TYPE;
    spec.value.data = (uint8_t *)"{}";
    spec.value.len = 2;
    PbContainers__Container__Runtime runtime = PB_CONTAINERS__CONTAINER__RUNTIME__INIT;
    runtime.name = "io.containerd.runc.v2";
    PbContainers__Container container = PB_CONTAINERS__CONTAINER__INIT;
    container.id = id;
    container.n_labels = 1;
    container.labels = labels;
    container.runtime = &runtime;
    container.spec = &spec;
    PbContainers__CreateContainerRequest request = PB_CONTAINERS__CREATE_CONTAINER_REQUEST__INIT;
    request.container = &container;
    session_containers_create(s, &request, NULL, wanted, NULL);
}

static void on_container(const PbContainers__ListContainerMessage *reply, void *user)
{
    if (reply->container)
        ((struct listing *)user)->n++;
}

static void test_containerd_services__containers_come_and_go(void **state)
{
    SESSION(s, state, "containers");
    create_container(&s, "c1", "r1", 0);
    create_container(&s, "c2", "r2", 0);
    create_container(&s, "c1", "r1", WFE_E_CONFLICT);
    create_container(&s, "not/an/id", "r1", WFE_E_INVALID);

    PbContainers__GetContainerRequest get = PB_CONTAINERS__GET_CONTAINER_REQUEST__INIT;
    get.id = "c1";
    const PbContainers__GetContainerResponse *got = session_containers_get(&s, &get, NULL, 0, NULL);
    assert_string_equal(got->container->spec->type_url, WFE_TASKS_SPEC_TYPE);
    assert_int_equal(got->container->spec->value.len, 2);
    assert_string_equal(got->container->runtime->name, "io.containerd.runc.v2");

    PbContainers__ListContainersRequest list = PB_CONTAINERS__LIST_CONTAINERS_REQUEST__INIT;
    const char *filters[] = {"labels.\"wfe.run\"==r2"};
    list.n_filters = 1;
    list.filters = filters;
    const PbContainers__ListContainersResponse *listed =
        session_containers_list(&s, &list, NULL, 0, NULL);
    assert_int_equal(listed->n_containers, 1);
    assert_string_equal(listed->containers[0]->id, "c2");

    list.n_filters = 0;
    struct listing listing = {0};
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_containers_list_stream(s.containerd, &list, NULL, on_container, on_list_end,
                                         &listing, NULL, &err),
              &err);
    session_run(&s, &listing.done);
    assert_ok(listing.err.kind, &listing.err);
    assert_int_equal(listing.n, 2);

    PbContainers__DeleteContainerRequest delete = PB_CONTAINERS__DELETE_CONTAINER_REQUEST__INIT;
    delete.id = "c1";
    session_containers_delete(&s, &delete, NULL, 0, NULL);
    session_containers_delete(&s, &delete, NULL, WFE_E_NOT_FOUND, NULL);
    delete.id = "c2";
    session_containers_delete(&s, &delete, NULL, 0, NULL);
}

static void test_containerd_services__a_task_of_no_container_is_not_found(void **state)
{
    SESSION(s, state, "tasks");
    PbTasks__GetRequest get = PB_TASKS__GET_REQUEST__INIT;
    get.container_id = "nobody";
    session_tasks_get(&s, &get, NULL, WFE_E_NOT_FOUND, NULL);
    PbTasks__KillRequest kill = PB_TASKS__KILL_REQUEST__INIT;
    kill.container_id = "nobody";
    kill.signal = 9;
    session_tasks_kill(&s, &kill, NULL, WFE_E_NOT_FOUND, NULL);
    PbTasks__DeleteTaskRequest delete = PB_TASKS__DELETE_TASK_REQUEST__INIT;
    delete.container_id = "nobody";
    session_tasks_delete(&s, &delete, NULL, WFE_E_NOT_FOUND, NULL);
    PbTasks__ListTasksRequest list = PB_TASKS__LIST_TASKS_REQUEST__INIT;
    assert_int_equal(session_tasks_list(&s, &list, NULL, 0, NULL)->n_tasks, 0);
}

/* --- events ------------------------------------------------------------------------------- */

struct watching {
    int own;
    int other;
    bool seen;
    bool ended;
};

static void on_event(const wfe_event *event, void *user)
{
    struct watching *watching = user;
    if (strcmp(event->topic, "/containers/create") == 0)
        watching->own++;
    else
        watching->other++;
    watching->seen = true;
}

static void on_events_end(const wfe_error *err, void *user)
{
    struct watching *watching = user;
    assert_int_not_equal(err->kind, 0);
    watching->ended = true;
}

/* Nothing tells when a subscription has begun, so containers are made until one is seen. */
static void test_containerd_services__events_of_the_own_namespace_are_seen(void **state)
{
    SESSION(s, state, "events");
    session other;
    session_open(&other, daemon, "events-other");
    struct watching watching = {0};
    wfe_events *events = NULL;
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_events_watch(s.containerd, "^/containers/create$", on_event, on_events_end,
                               &watching, &events, &err),
              &err);
    int made = 0;
    for (; made < 100 && !watching.seen; made++) {
        char id[16];
        snprintf(id, sizeof id, "c%d", made);
        create_container(&other, id, "r", 0);
        create_container(&s, id, "r", 0);
        PbContainers__DeleteContainerRequest delete = PB_CONTAINERS__DELETE_CONTAINER_REQUEST__INIT;
        delete.id = id;
        session_containers_delete(&s, &delete, NULL, 0, NULL);
        session_containers_delete(&other, &delete, NULL, 0, NULL);
    }
    assert_true(watching.seen);
    assert_true(watching.own <= made);
    assert_int_equal(watching.other, 0);
    assert_false(watching.ended);
    wfe_events_free(events);
    session_close(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_containerd_services__version_is_one_wfe_can_read),
        cmocka_unit_test(test_containerd_services__plugins_list_overlayfs),
        cmocka_unit_test(test_containerd_services__server_has_an_identity),
        cmocka_unit_test(test_containerd_services__a_call_without_namespace_is_refused),
        cmocka_unit_test(test_containerd_services__a_message_of_17_mib_is_over_the_limit),
        cmocka_unit_test(test_containerd_services__a_missing_socket_is_reported_at_once),
        cmocka_unit_test(test_containerd_services__namespaces_come_and_go),
        cmocka_unit_test(test_containerd_services__leases_come_and_go),
        cmocka_unit_test(test_containerd_services__an_unknown_lease_is_not_found),
        cmocka_unit_test(test_containerd_services__images_come_and_go),
        cmocka_unit_test(test_containerd_services__an_image_needs_a_valid_target),
        cmocka_unit_test(test_containerd_services__snapshots_grow_from_each_other),
        cmocka_unit_test(test_containerd_services__an_unknown_snapshotter_is_invalid),
        cmocka_unit_test(test_containerd_services__an_unknown_parent_is_not_found),
        cmocka_unit_test(test_containerd_services__containers_come_and_go),
        cmocka_unit_test(test_containerd_services__a_task_of_no_container_is_not_found),
        cmocka_unit_test(test_containerd_services__events_of_the_own_namespace_are_seen),
    };
    return cmocka_run_group_tests(tests, private_containerd_group_setup,
                                  private_containerd_group_teardown);
}
