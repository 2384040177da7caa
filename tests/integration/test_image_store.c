/* SPDX-License-Identifier: Apache-2.0
 *
 * Listing, describing, exporting and removing images of a real containerd: what ctr, docker's form
 * and wfe's own import make of the archives, and what is left in the store.
 */
#include "fixtures/wfe_assert.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <wfe/image.h>

#include "fixtures/images.h"
#include "fixtures/private_containerd.h"

#define PATH_SIZE 160
#define OCI_INDEX "application/vnd.oci.image.index.v1+json"

static char scratch[64]; /* a folder below the daemon's */

static int setup(void **state)
{
    int rc = private_containerd_group_setup(state);
    private_containerd *daemon = *state;
    snprintf(scratch, sizeof scratch, "%s/scratch", daemon->dir);
    if (!rc && !daemon->skip_reason[0])
        rc = mkdir(scratch, 0700);
    return rc;
}

static const char *in_scratch(const char *name)
{
    static char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", scratch, name);
    return path;
}

static void shell(const char *script)
{
    char text[4096];
    snprintf(text, sizeof text, "set -eu; cd %s; %s", scratch, script);
    if (system(text) != 0)
        fail_msg("the script failed: %s", script);
}

static char *ctr(private_containerd *daemon, const char *ns, const char *const *args)
{
    char *out = NULL;
    int code = private_containerd_ctr(daemon, ns, args, &out);
    if (code)
        fail_msg("ctr %s ended with %d: %s", args[0], code, out);
    return out;
}

static void assert_ctr(private_containerd *daemon, const char *ns, const char *const *args,
                       const char *wanted)
{
    char *out = ctr(daemon, ns, args);
    assert_string_equal(out, wanted);
    free(out);
}

static void assert_runs(private_containerd *daemon, const char *ns, const char *script,
                        const char *wanted)
{
    private_containerd_assert_ctr_runs(daemon, ns, IMAGES_BUSYBOX, script, wanted);
}

static void wfe_client_free_c(wfe_client **client)
{
    wfe_client_free(*client);
}

/* A client of a namespace of its own per case. */
#define CLIENT(c, state, ns)                                                                       \
    private_containerd *daemon = private_containerd_of(state);                                     \
    __attribute__((cleanup(wfe_client_free_c))) wfe_client *c = client_of(daemon, (ns))

static wfe_client *client_of(const private_containerd *daemon, const char *ns)
{
    const wfe_client_options options = {
        .size = sizeof options, .address = daemon->address, .namespace_name = ns};
    wfe_client *client = NULL;
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_client_new(&options, &client, &err), &err);
    return client;
}

static wfe_image_list *import(wfe_client *client, const char *file)
{
    int fd = open(in_scratch(file), O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    const wfe_image_import_options options = {.size = sizeof options, .fd = fd, .file_name = file};
    wfe_image_list *list = NULL;
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_image_import(client, &options, &list, &err), &err);
    close(fd);
    return list;
}

static void make_and_import(wfe_client *client, const images_archive *options)
{
    images_make(options, in_scratch("made.tar"));
    wfe_image_list_free(import(client, "made.tar"));
}

/* Exports refs, separated by spaces, into the file. */
static int export_to(wfe_client *client, const char *file, const char *refs,
                     wfe_image_export_options options, wfe_image_list **ret, wfe_error *err)
{
    char text[512], *save = NULL;
    const char *words[8];
    size_t n = 0;
    snprintf(text, sizeof text, "%s", refs);
    for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save))
        words[n++] = word;
    words[n] = NULL;
    options.size = sizeof options;
    options.refs = words;
    options.file_name = file;
    options.fd = open(file[0] == '/' ? file : in_scratch(file),
                      O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(options.fd >= 0);
    int rc = wfe_image_export(client, &options, ret, err);
    close(options.fd);
    return rc;
}

static wfe_image_list *export_ok(wfe_client *client, const char *file, const char *refs,
                                 wfe_image_export_options options)
{
    wfe_image_list *list = NULL;
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(export_to(client, file, refs, options, &list, &err), &err);
    return list;
}

#define EXPORT(client, file, refs, ...)                                                            \
    wfe_image_list_free(                                                                           \
        export_ok((client), (file), (refs), (wfe_image_export_options){.size = 0, __VA_ARGS__}))

static void assert_not_exported(wfe_client *client, const char *refs,
                                wfe_image_export_options options, int kind, const char *text)
{
    wfe_image_list *list = NULL;
    wfe_error err = WFE_ERROR_INIT;
    struct stat st;
    assert_fails(export_to(client, "refused.tar", refs, options, &list, &err), kind, &err);
    assert_null(list);
    assert_contains(err.message, text);
    assert_int_equal(stat(in_scratch("refused.tar"), &st), 0);
    assert_int_equal(st.st_size, 0);
}

static wfe_image_list *list_all(wfe_client *client)
{
    const wfe_image_ls_options options = {.size = sizeof options, .details = true};
    wfe_image_list *list = NULL;
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_image_ls(client, &options, &list, &err), &err);
    return list;
}

/* The names listed for a pattern, each followed by a space. */
static void assert_listed(wfe_client *client, const char *pattern, const char *filter,
                          const char *wanted)
{
    const char *patterns[] = {pattern, NULL}, *filters[] = {filter, NULL};
    const wfe_image_ls_options options = {.size = sizeof options,
                                          .patterns = pattern ? patterns : NULL,
                                          .filters = filter ? filters : NULL};
    wfe_image_list *list = NULL;
    wfe_error err = WFE_ERROR_INIT;
    char found[512] = "";
    assert_ok(wfe_image_ls(client, &options, &list, &err), &err);
    for (size_t i = 0; i < wfe_image_list_length(list); i++) {
        size_t used = strlen(found);
        snprintf(found + used, sizeof found - used, "%s ", wfe_image_list_at(list, i)->name);
    }
    wfe_image_list_free(list);
    assert_string_equal(found, wanted);
}

static json_t *inspect(wfe_client *client, const char *ref, const char *platform)
{
    const wfe_image_inspect_options options = {
        .size = sizeof options, .ref = ref, .platform = platform};
    wfe_image_details *details = NULL;
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_image_inspect(client, &options, &details, &err), &err);
    json_t *json = json_loads(wfe_image_details_json(details), 0, NULL);
    assert_non_null(json);
    wfe_image_details_free(details);
    return json;
}

static const char *text_of(const json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));
    return text ? text : "(none)";
}

/* --- ls and inspect ------------------------------------------------------------------------ */

static void test_image_store__lists_by_patterns_and_filters(void **state)
{
    CLIENT(client, state, "patterns");
    make_and_import(client, NULL);
    make_and_import(client, &(images_archive){.name = "docker.io/library/busybox:1"});
    make_and_import(client, &(images_archive){.name = "localhost:5000/app:2"});
    assert_listed(client, NULL, NULL,
                  "docker.io/library/busybox:1 docker.io/library/busybox:latest "
                  "localhost:5000/app:2 ");
    assert_listed(client, "busybox:1", NULL, "docker.io/library/busybox:1 ");
    assert_listed(client, "localhost*", NULL, "localhost:5000/app:2 ");
    assert_listed(client, "nosuch", NULL, "");
    assert_listed(client, NULL, "name~=app", "localhost:5000/app:2 ");
    assert_listed(client, "busybox", "name~=app", "");
    const char *filters[] = {"name==", "==", NULL};
    const wfe_image_ls_options options = {.size = sizeof options, .filters = filters};
    wfe_image_list *list = NULL;
    wfe_error err = WFE_ERROR_INIT;
    assert_fails(wfe_image_ls(client, &options, &list, &err), WFE_E_INVALID, &err);
}

static void test_image_store__tells_what_state_images_are_in(void **state)
{
    CLIENT(client, state, "states");
    images_make(NULL, in_scratch("made.tar"));
    const char *packed[] = {"images", "import", "--no-unpack", in_scratch("made.tar"), NULL};
    free(ctr(daemon, "states", packed));
    wfe_image_list *list = list_all(client);
    const wfe_image_info *image = wfe_image_list_at(list, 0);
    int64_t size_bytes = image->size_bytes;
    assert_int_equal(wfe_image_list_length(list), 1);
    assert_true(image->complete && !image->unpacked && !image->in_use);
    assert_true(size_bytes > 1000000);
    assert_non_null(image->platform);
    assert_string_equal(image->platforms[0], image->platform);
    assert_null(image->platforms[1]);
    wfe_image_list_free(list);
    list = import(client, "made.tar");
    assert_true(wfe_image_list_at(list, 0)->unpacked);
    assert_true(wfe_image_list_at(list, 0)->size_bytes == size_bytes);
    wfe_image_list_free(list);
    const char *make[] = {"containers", "create", IMAGES_BUSYBOX, "box", NULL};
    const char *drop[] = {"containers", "rm", "box", NULL};
    free(ctr(daemon, "states", make));
    list = list_all(client);
    assert_true(wfe_image_list_at(list, 0)->in_use);
    wfe_image_list_free(list);
    free(ctr(daemon, "states", drop));
}

static void test_image_store__inspects_everything(void **state)
{
    CLIENT(client, state, "inspected");
    make_and_import(client, &(images_archive){.layers = 3, .gzip = true});
    json_t *json = inspect(client, "busybox", NULL);
    const json_t *layers = json_object_get(json, "layers"), *unpacked;
    assert_string_equal(text_of(json, "name"), IMAGES_BUSYBOX);
    assert_string_equal(text_of(json, "digest"), text_of(json, "manifest_digest"));
    assert_int_equal(json_array_size(layers), 3);
    int64_t size = 0;
    for (size_t i = 0; i < 3; i++) {
        const json_t *layer = json_array_get(layers, i);
        size += json_integer_value(json_object_get(layer, "size"));
        assert_true(json_is_true(json_object_get(layer, "present")));
    }
    assert_true(json_integer_value(json_object_get(json, "size")) > size && size > 1000000);
    assert_string_equal(text_of(json_array_get(layers, 0), "diff_id"),
                        text_of(json_array_get(layers, 0), "chain_id"));
    const char *chain_id = text_of(json, "chain_id");
    assert_string_equal(text_of(json_array_get(layers, 2), "chain_id"), chain_id);
    const char *info[] = {"snapshots", "info", chain_id, NULL};
    free(ctr(daemon, "inspected", info));
    unpacked = json_object_get(json, "unpacked");
    assert_int_equal(json_array_size(unpacked), 1);
    assert_string_equal(json_string_value(json_array_get(unpacked, 0)), "overlayfs");
    assert_non_null(json_object_get(json_object_get(json, "config"), "rootfs"));
    assert_true(json_is_true(json_object_get(json, "complete")));
    assert_int_equal(json_array_size(json_object_get(json, "platforms")), 1);
    /* By digits of its digest it is the same. */
    char digits[16];
    snprintf(digits, sizeof digits, "%.8s", text_of(json, "digest") + strlen("sha256:"));
    json_t *again = inspect(client, digits, NULL);
    assert_true(json_equal(json, again));
    json_decref(again);
    json_decref(json);
}

static void test_image_store__inspects_every_platform_of_an_index(void **state)
{
    CLIENT(client, state, "platforms");
    make_and_import(client, &(images_archive){.archs = "s390x,amd64,arm64"});
    json_t *json = inspect(client, "busybox", "linux/s390x");
    const json_t *platforms = json_object_get(json, "platforms");
    assert_string_equal(text_of(json, "media_type"), OCI_INDEX);
    assert_string_equal(text_of(json, "platform"), "linux/s390x");
    assert_int_equal(json_array_size(platforms), 3);
    assert_string_equal(text_of(json_array_get(platforms, 0), "platform"), "linux/s390x");
    assert_string_equal(text_of(json_array_get(platforms, 0), "digest"),
                        text_of(json, "manifest_digest"));
    const char *gone[] = {"content", "rm", text_of(json, "config_digest"), NULL};
    free(ctr(daemon, "platforms", gone));
    json_decref(json);
    json = inspect(client, "busybox", "linux/s390x");
    platforms = json_object_get(json, "platforms");
    assert_true(json_is_false(json_object_get(json, "complete")));
    assert_true(json_is_false(json_object_get(json_array_get(platforms, 0), "present")));
    assert_true(json_is_true(json_object_get(json_array_get(platforms, 1), "present")));
    json_decref(json);
    wfe_image_list *list = list_all(client);
    assert_true(wfe_image_list_at(list, 0)->complete);
    assert_string_equal(wfe_image_list_at(list, 0)->platforms[0], "linux/amd64");
    assert_string_equal(wfe_image_list_at(list, 0)->platforms[1], "linux/arm64");
    assert_null(wfe_image_list_at(list, 0)->platforms[2]);
    wfe_image_list_free(list);
    const wfe_image_inspect_options other = {
        .size = sizeof other, .ref = "busybox", .platform = "linux/riscv64"};
    wfe_image_details *details = NULL;
    wfe_error err = WFE_ERROR_INIT;
    assert_fails(wfe_image_inspect(client, &other, &details, &err), WFE_E_NOT_FOUND, &err);
    assert_contains(err.message, "linux/s390x, linux/amd64, linux/arm64");
}

/* --- export -------------------------------------------------------------------------------- */

static void test_image_store__exports_what_ctr_and_wfe_take(void **state)
{
    CLIENT(client, state, "export-a");
    make_and_import(client, &(images_archive){.layers = 5, .gzip = true});
    wfe_image_list *list = export_ok(client, "a.tar", "busybox", (wfe_image_export_options){0});
    char digest[80];
    assert_int_equal(wfe_image_list_length(list), 1);
    assert_true(wfe_image_list_at(list, 0)->complete);
    snprintf(digest, sizeof digest, "%s", wfe_image_list_at(list, 0)->digest);
    wfe_image_list_free(list);
    images_import_with_ctr(daemon, "export-ctr", in_scratch("a.tar"));
    assert_runs(daemon, "export-ctr", "cat /layers/* | wc -l", "4\n");
    wfe_client *other = client_of(daemon, "export-ctr");
    list = list_all(other);
    assert_int_equal(wfe_image_list_length(list), 1);
    assert_string_equal(wfe_image_list_at(list, 0)->name, IMAGES_BUSYBOX);
    assert_string_equal(wfe_image_list_at(list, 0)->digest, digest);
    wfe_image_list_free(list);
    wfe_client_free(other);
    other = client_of(daemon, "export-wfe");
    list = import(other, "a.tar");
    assert_int_equal(wfe_image_list_length(list), 1);
    assert_string_equal(wfe_image_list_at(list, 0)->name, IMAGES_BUSYBOX);
    assert_string_equal(wfe_image_list_at(list, 0)->digest, digest);
    wfe_image_list_free(list);
    wfe_client_free(other);
    assert_runs(daemon, "export-wfe", "cat /layers/* | wc -l", "4\n");
    private_containerd_assert_clean(daemon);
}

/* docker reads manifest.json alone: so does wfe's import when the rest is taken away. */
static void test_image_store__exports_what_docker_save_writes(void **state)
{
    CLIENT(client, state, "export-docker");
    make_and_import(client, &(images_archive){.layers = 3, .name = "docker.io/team/tool:1"});
    EXPORT(client, "a.tar", "team/tool:1");
    shell("rm -rf t; mkdir t; tar -xf a.tar -C t --exclude index.json --exclude oci-layout;"
          "tar -cf a.tar -C t .;"
          "tar -xOf a.tar ./manifest.json | grep -q '\"RepoTags\":\\[\"team/tool:1\"\\]'");
    wfe_client *other = client_of(daemon, "docker-form");
    wfe_image_list *list = import(other, "a.tar");
    assert_int_equal(wfe_image_list_length(list), 1);
    assert_string_equal(wfe_image_list_at(list, 0)->name, "docker.io/team/tool:1");
    assert_true(wfe_image_list_at(list, 0)->unpacked);
    wfe_image_list_free(list);
    json_t *before = inspect(client, "team/tool:1", NULL),
           *after = inspect(other, "team/tool:1", NULL);
    assert_string_equal(text_of(before, "chain_id"), text_of(after, "chain_id"));
    assert_string_equal(text_of(before, "config_digest"), text_of(after, "config_digest"));
    json_decref(before);
    json_decref(after);
    wfe_client_free(other);
}

static void test_image_store__exports_several_images_always_in_the_same_bytes(void **state)
{
    CLIENT(client, state, "export-many");
    make_and_import(client, NULL);
    make_and_import(client, &(images_archive){.layers = 2, .name = "docker.io/team/tool:1"});
    const char *tag[] = {"images", "tag", IMAGES_BUSYBOX, "docker.io/library/again:1", NULL};
    free(ctr(daemon, "export-many", tag));
    EXPORT(client, "a.tar", "busybox team/tool:1 again:1");
    EXPORT(client, "b.tar", "again:1 team/tool:1 again:1 busybox");
    shell("cmp a.tar b.tar");
    /* A name more of the same image is a tag more for docker, and no blob twice. */
    shell("test $(tar -xOf a.tar manifest.json | grep -o Config | wc -l) = 2;"
          "tar -xOf a.tar manifest.json | grep -q '\\[\"again:1\",\"busybox:latest\"\\]';"
          "test -z \"$(tar -tf a.tar | sort | uniq -d)\"");
    wfe_client *other = client_of(daemon, "many-again");
    wfe_image_list *list = import(other, "a.tar");
    assert_int_equal(wfe_image_list_length(list), 3);
    assert_string_equal(wfe_image_list_at(list, 0)->digest, wfe_image_list_at(list, 1)->digest);
    wfe_image_list_free(list);
    wfe_client_free(other);
}

static void test_image_store__exports_one_platform_or_all(void **state)
{
    CLIENT(client, state, "export-multi");
    make_and_import(client, &(images_archive){.archs = "s390x,amd64,arm64"});
    wfe_image_list *list = export_ok(client, "one.tar", "busybox", (wfe_image_export_options){0});
    assert_string_equal(wfe_image_list_at(list, 0)->media_type, OCI_INDEX);
    wfe_image_list_free(list);
    EXPORT(client, "arm.tar", "busybox", .platform = "linux/arm64");
    EXPORT(client, "all.tar", "busybox", .all_platforms = true);
    /* Folders 2, index, manifest and config of each platform, the layer that all share. */
    shell("count() { tar -tf $1 | grep -c ^blobs; };"
          "test $(count one.tar) = 6; test $(count arm.tar) = 6; test $(count all.tar) = 10");
    wfe_client *other = client_of(daemon, "multi-one");
    list = import(other, "one.tar");
    assert_string_equal(wfe_image_list_at(list, 0)->media_type, OCI_INDEX);
    assert_null(wfe_image_list_at(list, 0)->platforms[1]);
    wfe_image_list_free(list);
    /* What one platform's archive lacks is named. */
    assert_not_exported(other, "busybox", (wfe_image_export_options){.all_platforms = true},
                        WFE_E_NOT_FOUND, "linux/s390x");
    wfe_client_free(other);
    images_import_with_ctr(daemon, "multi-ctr", in_scratch("one.tar"));
    assert_runs(daemon, "multi-ctr", "echo hi", "hi\n");
    images_import_with_ctr(daemon, "multi-all", in_scratch("all.tar"));
    assert_runs(daemon, "multi-all", "echo hi", "hi\n");
    assert_not_exported(client, "busybox", (wfe_image_export_options){.platform = "linux/riscv64"},
                        WFE_E_NOT_FOUND, "linux/s390x, linux/amd64, linux/arm64");
    assert_not_exported(client, "busybox",
                        (wfe_image_export_options){.platform = "arm64", .all_platforms = true},
                        WFE_E_INVALID, "cannot both");
    assert_not_exported(client, "busybox", (wfe_image_export_options){.platform = "linux/"},
                        WFE_E_INVALID, "'linux/'");
}

static void test_image_store__names_what_an_export_lacks(void **state)
{
    CLIENT(client, state, "export-lack");
    make_and_import(client, &(images_archive){.layers = 2, .name = "docker.io/library/lacking:1"});
    json_t *json = inspect(client, "lacking:1", NULL);
    const char *layer = text_of(json_array_get(json_object_get(json, "layers"), 1), "digest");
    const char *gone[] = {"content", "rm", layer, NULL};
    free(ctr(daemon, "export-lack", gone));
    assert_not_exported(client, "lacking:1", (wfe_image_export_options){0}, WFE_E_NOT_FOUND, layer);
    json_decref(json);
    assert_not_exported(client, "nosuch", (wfe_image_export_options){0}, WFE_E_NOT_FOUND, "nosuch");
    assert_not_exported(client, "", (wfe_image_export_options){0}, WFE_E_INVALID, "named");
    wfe_image_list *list = list_all(client);
    assert_false(wfe_image_list_at(list, 0)->complete);
    wfe_image_list_free(list);
    const char *leases[] = {"leases", "ls", "-q", NULL};
    assert_ctr(daemon, "export-lack", leases, "");
}

static void test_image_store__refuses_to_export_a_damaged_blob(void **state)
{
    CLIENT(client, state, "export-bad");
    make_and_import(client, &(images_archive){.layers = 33, .name = "docker.io/library/bad:1"});
    json_t *json = inspect(client, "bad:1", NULL);
    const char *layer = text_of(json_array_get(json_object_get(json, "layers"), 32), "digest");
    char script[1024];
    snprintf(script, sizeof script,
             "file=$(find %s -path '*blobs/sha256/%s'); test -f $file;"
             "chmod u+w $file; printf X | dd of=$file bs=1 seek=600 conv=notrunc 2>/dev/null",
             daemon->dir, layer + strlen("sha256:"));
    shell(script);
    wfe_image_list *list = NULL;
    wfe_error err = WFE_ERROR_INIT;
    assert_fails(export_to(client, "bad.tar", "bad:1", (wfe_image_export_options){0}, &list, &err),
                 WFE_E_PROTOCOL, &err);
    assert_contains(err.message, layer);
    assert_contains(err.message, "damaged");
    json_decref(json);
}

static void test_image_store__says_when_the_disk_is_full(void **state)
{
    CLIENT(client, state, "export-full");
    make_and_import(client, NULL);
    wfe_image_list *list = NULL;
    wfe_error err = WFE_ERROR_INIT;
    assert_fails(
        export_to(client, "/dev/full", "busybox", (wfe_image_export_options){0}, &list, &err),
        WFE_E_IO, &err);
    assert_contains(err.message, "No space left on device");
    const char *leases[] = {"leases", "ls", "-q", NULL};
    assert_ctr(daemon, "export-full", leases, "");
}

/* --- rm ------------------------------------------------------------------------------------ */

static int rm(wfe_client *client, const char *ref, const char *other, bool all_unused,
              wfe_image_list **ret, wfe_error *err)
{
    const char *refs[] = {ref, other, NULL};
    const wfe_image_rm_options options = {
        .size = sizeof options, .refs = refs, .all_unused = all_unused};
    return wfe_image_rm(client, &options, ret, err);
}

static wfe_image_list *rm_ok(wfe_client *client, const char *ref, const char *other, bool all)
{
    wfe_image_list *list = NULL;
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(rm(client, ref, other, all, &list, &err), &err);
    return list;
}

static const char *const content_ls[] = {"content", "ls", "-q", NULL};

static void test_image_store__gives_the_space_of_removed_images_back_at_once(void **state)
{
    CLIENT(client, state, "rm-space");
    make_and_import(client, &(images_archive){.layers = 2});
    make_and_import(client, &(images_archive){.layers = 3, .name = "docker.io/team/tool:1"});
    json_t *json = inspect(client, "team/tool:1", NULL);
    wfe_image_list *list = rm_ok(client, "busybox", "team/tool:1", false);
    assert_int_equal(wfe_image_list_length(list), 2);
    assert_string_equal(wfe_image_list_at(list, 0)->name, IMAGES_BUSYBOX);
    assert_false(wfe_image_list_at(list, 0)->in_use);
    wfe_image_list_free(list);
    assert_ctr(daemon, "rm-space", content_ls, "");
    const char *info[] = {"snapshots", "info", text_of(json, "chain_id"), NULL};
    assert_int_not_equal(private_containerd_ctr(daemon, "rm-space", info, NULL), 0);
    json_decref(json);
    assert_listed(client, NULL, NULL, "");
}

static void test_image_store__removes_all_names_of_a_digest(void **state)
{
    CLIENT(client, state, "rm-digest");
    make_and_import(client, NULL);
    make_and_import(client, &(images_archive){.layers = 2, .name = "docker.io/team/tool:1"});
    const char *tag[] = {"images", "tag", IMAGES_BUSYBOX, "docker.io/library/again:1", NULL};
    free(ctr(daemon, "rm-digest", tag));
    json_t *json = inspect(client, "busybox", NULL);
    char digits[32];
    snprintf(digits, sizeof digits, "%.20s", text_of(json, "digest"));
    json_decref(json);
    wfe_image_list *list = rm_ok(client, digits, NULL, false);
    assert_int_equal(wfe_image_list_length(list), 2);
    wfe_image_list_free(list);
    assert_listed(client, NULL, NULL, "docker.io/team/tool:1 ");
}

static void test_image_store__removes_nothing_when_one_is_not_there(void **state)
{
    CLIENT(client, state, "rm-none");
    make_and_import(client, NULL);
    wfe_image_list *list = NULL;
    wfe_error err = WFE_ERROR_INIT;
    assert_fails(rm(client, "busybox", "nosuch", false, &list, &err), WFE_E_NOT_FOUND, &err);
    assert_contains(err.message, "nosuch");
    assert_listed(client, NULL, NULL, IMAGES_BUSYBOX " ");
    err = (wfe_error)WFE_ERROR_INIT;
    assert_fails(rm(client, NULL, NULL, false, &list, &err), WFE_E_INVALID, &err);
    assert_null(list);
}

static void test_image_store__says_that_a_container_uses_what_it_removes(void **state)
{
    CLIENT(client, state, "rm-used");
    make_and_import(
        client, &(images_archive){.config = "{\"Cmd\":[\"echo\",\"on\"],\"Env\":[\"PATH=/bin\"]}"});
    make_and_import(client, &(images_archive){.layers = 2, .name = "docker.io/team/tool:1"});
    const char *make[] = {"containers", "create", IMAGES_BUSYBOX, "box", NULL};
    const char *start[] = {"tasks", "start", "box", NULL};
    const char *drop[] = {"containers", "rm", "box", NULL};
    free(ctr(daemon, "rm-used", make));
    wfe_image_list *list = rm_ok(client, NULL, NULL, true);
    assert_int_equal(wfe_image_list_length(list), 1);
    assert_string_equal(wfe_image_list_at(list, 0)->name, "docker.io/team/tool:1");
    wfe_image_list_free(list);
    list = rm_ok(client, "busybox", NULL, false);
    assert_true(wfe_image_list_at(list, 0)->in_use);
    wfe_image_list_free(list);
    assert_ctr(daemon, "rm-used", content_ls, "");
    /* What the container needs is still there. */
    assert_ctr(daemon, "rm-used", start, "on\n");
    free(ctr(daemon, "rm-used", drop));
    list = rm_ok(client, NULL, NULL, true);
    assert_int_equal(wfe_image_list_length(list), 0);
    wfe_image_list_free(list);
}

static void test_image_store__leaves_nothing_behind(void **state)
{
    private_containerd_assert_clean(private_containerd_of(state));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_image_store__lists_by_patterns_and_filters),
        cmocka_unit_test(test_image_store__tells_what_state_images_are_in),
        cmocka_unit_test(test_image_store__inspects_everything),
        cmocka_unit_test(test_image_store__inspects_every_platform_of_an_index),
        cmocka_unit_test(test_image_store__exports_what_ctr_and_wfe_take),
        cmocka_unit_test(test_image_store__exports_what_docker_save_writes),
        cmocka_unit_test(test_image_store__exports_several_images_always_in_the_same_bytes),
        cmocka_unit_test(test_image_store__exports_one_platform_or_all),
        cmocka_unit_test(test_image_store__names_what_an_export_lacks),
        cmocka_unit_test(test_image_store__refuses_to_export_a_damaged_blob),
        cmocka_unit_test(test_image_store__says_when_the_disk_is_full),
        cmocka_unit_test(test_image_store__gives_the_space_of_removed_images_back_at_once),
        cmocka_unit_test(test_image_store__removes_all_names_of_a_digest),
        cmocka_unit_test(test_image_store__removes_nothing_when_one_is_not_there),
        cmocka_unit_test(test_image_store__says_that_a_container_uses_what_it_removes),
        cmocka_unit_test(test_image_store__leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, setup, private_containerd_group_teardown);
}
