/* SPDX-License-Identifier: Apache-2.0
 *
 * Importing archives into a real containerd: every form of archive, what ctr makes of the result,
 * what a garbage collection leaves of it, and what is left after an import that failed.
 */
#include "fixtures/wfe_assert.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixtures/images.h"
#include "fixtures/private_containerd.h"
#include "image/import.h"
#include "integration/containerd_session.h"

#define PATH_SIZE 160

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

/* Runs a shell script in the scratch folder. */
static void shell(const char *script)
{
    char text[4096];
    snprintf(text, sizeof text, "set -eu; cd %s; %s", scratch, script);
    if (system(text) != 0)
        fail_msg("the script failed: %s", script);
}

static int import_named(session *s, const char *file, const char *name, wfe_image_list **ret,
                        wfe_error *err)
{
    int fd = open(in_scratch(file), O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    const wfe_image_import_options options = {
        .size = sizeof options, .fd = fd, .file_name = file, .name = name};
    int rc = wfe_image_import_run(s->loop, s->containerd, "overlayfs", &options, ret, err);
    close(fd);
    return rc;
}

static wfe_image_list *import_ok(session *s, const char *file, const char *name)
{
    wfe_image_list *list = NULL;
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(import_named(s, file, name, &list, &err), &err);
    return list;
}

/* Imports the file and expects one image of that name. */
static void import_one(session *s, const char *file, const char *name)
{
    wfe_image_list *list = import_ok(s, file, NULL);
    assert_int_equal(wfe_image_list_length(list), 1);
    assert_string_equal(wfe_image_list_at(list, 0)->name, name);
    wfe_image_list_free(list);
}

static char *ctr(private_containerd *daemon, const char *namespace_name, const char *const *args)
{
    char *out = NULL;
    int code = private_containerd_ctr(daemon, namespace_name, args, &out);
    if (code)
        fail_msg("ctr %s ended with %d: %s", args[0], code, out);
    return out;
}

static void assert_ctr(private_containerd *daemon, const char *namespace_name,
                       const char *const *args, const char *wanted)
{
    char *out = ctr(daemon, namespace_name, args);
    assert_string_equal(out, wanted);
    free(out);
}

static void assert_runs(private_containerd *daemon, const char *namespace_name, const char *script,
                        const char *wanted)
{
    private_containerd_assert_ctr_runs(daemon, namespace_name, IMAGES_BUSYBOX, script, wanted);
}

/* No image, no lease, no half-unpacked snapshot. */
static void assert_nothing(private_containerd *daemon, const char *namespace_name)
{
    const char *images[] = {"images", "ls", "-q", NULL};
    const char *leases[] = {"leases", "ls", "-q", NULL};
    const char *active[] = {"content", "active", NULL};
    assert_ctr(daemon, namespace_name, images, "");
    assert_ctr(daemon, namespace_name, leases, "");
    private_containerd_assert_clean(daemon);
    /* Unfinished blobs go with the lease, at the garbage collection that its end starts. */
    for (int waited_ms = 0;; waited_ms += 50) {
        char *out = ctr(daemon, namespace_name, active);
        bool left = strstr(out, "wfe-import") != NULL;
        free(out);
        if (!left)
            return;
        if (waited_ms > 10000)
            fail_msg("an unfinished blob is left");
        poll(NULL, 0, 50);
    }
}

static void assert_refused(session *s, const char *file, const char *name, int kind,
                           const char *text)
{
    wfe_image_list *list = NULL;
    wfe_error err = WFE_ERROR_INIT;
    int rc = import_named(s, file, name, &list, &err);
    assert_fails(rc, kind, &err);
    assert_null(list);
    if (!strstr(err.message, text))
        fail_msg("'%s' does not say '%s'", err.message, text);
}

static void check_archive(void **state, const char *ns, const images_archive *options)
{
    SESSION(s, state, ns);
    images_make(options, in_scratch("a.tar"));
    import_one(&s, "a.tar", IMAGES_BUSYBOX);
    assert_runs(daemon, ns, "echo hi; cat /layers/* 2>/dev/null | wc -l",
                options->layers == 5 ? "hi\n4\n" : "hi\n0\n");
    private_containerd_assert_clean(daemon);
}

static void test_image_import__takes_an_oci_layout(void **state)
{
    check_archive(state, "oci", &(images_archive){0});
}

static void test_image_import__takes_an_oci_layout_of_five_compressed_layers(void **state)
{
    check_archive(state, "oci5", &(images_archive){.layers = 5, .gzip = true});
}

static void test_image_import__takes_a_docker_archive(void **state)
{
    check_archive(state, "docker", &(images_archive){.docker = true});
}

static void test_image_import__takes_a_docker_archive_of_five_compressed_layers(void **state)
{
    check_archive(state, "docker5", &(images_archive){.docker = true, .layers = 5, .gzip = true});
}

static void test_image_import__takes_compressed_archives(void **state)
{
    SESSION(s, state, "packed");
    images_make(NULL, in_scratch("a.tar"));
    shell("gzip -c a.tar >a.tar.gz; xz -0 -c a.tar >a.tar.xz; zstd -q -f a.tar -o a.tar.zst");
    import_one(&s, "a.tar.gz", IMAGES_BUSYBOX);
    import_one(&s, "a.tar.xz", IMAGES_BUSYBOX);
    import_one(&s, "a.tar.zst", IMAGES_BUSYBOX);
    assert_runs(daemon, "packed", "echo hi", "hi\n");
}

static void test_image_import__honours_whiteouts(void **state)
{
    SESSION(s, state, "whiteouts");
    images_make(&(images_archive){.layers = 3, .whiteouts = true}, in_scratch("a.tar"));
    import_one(&s, "a.tar", IMAGES_BUSYBOX);
    assert_runs(daemon, "whiteouts", "ls /layers /opaque", "/layers:\n3\n\n/opaque:\nnew\n");
}

static void test_image_import__follows_the_links_of_docker_archives(void **state)
{
    SESSION(s, state, "links");
    images_make(&(images_archive){.docker = true, .layers = 2}, in_scratch("a.tar"));
    /* The same top layer twice, the second time as a link to the first, as docker wrote it. */
    shell("rm -rf t; mkdir t; tar -xf a.tar -C t; cd t;"
          "top=$(sed 's/.*,\"\\([0-9a-f]*\\)\\/layer.tar\"\\].*/\\1/' manifest.json);"
          "mkdir again; ln -s ../$top/layer.tar again/layer.tar;"
          "sed -i \"s/\\\"\\]}\\]$/\\\",\\\"again\\/layer.tar\\\"]}]/\" manifest.json;"
          "sed -i 's/,\\(\"sha256:[0-9a-f]*\"\\)\\]}}$/,\\1,\\1]}}/' *[0-9a-f].json;"
          "tar -cf ../a.tar *");
    import_one(&s, "a.tar", IMAGES_BUSYBOX);
    assert_runs(daemon, "links", "cat /layers/2", "layer 2\n");
}

static void test_image_import__can_be_repeated_and_moves_the_name(void **state)
{
    SESSION(s, state, "again");
    images_make(NULL, in_scratch("a.tar"));
    images_make(&(images_archive){.layers = 2}, in_scratch("b.tar"));
    import_one(&s, "a.tar", IMAGES_BUSYBOX);
    import_one(&s, "a.tar", IMAGES_BUSYBOX);
    assert_runs(daemon, "again", "ls /layers 2>/dev/null; echo end", "end\n");
    import_one(&s, "b.tar", IMAGES_BUSYBOX);
    assert_runs(daemon, "again", "ls /layers; echo end", "2\nend\n");
    const char *list[] = {"images", "ls", "-q", NULL};
    assert_ctr(daemon, "again", list, IMAGES_BUSYBOX "\n");
    private_containerd_assert_clean(daemon);
}

static void test_image_import__survives_a_garbage_collection(void **state)
{
    SESSION(s, state, "gc");
    const char *content[] = {"content", "ls", "-q", NULL};
    const char *make[] = {"leases", "create", "--id", "temporary", NULL};
    const char *drop[] = {"leases", "delete", "--sync", "temporary", NULL};
    images_make(&(images_archive){.docker = true, .layers = 5}, in_scratch("a.tar"));
    import_one(&s, "a.tar", IMAGES_BUSYBOX);
    char *before = ctr(daemon, "gc", content);
    free(ctr(daemon, "gc", make));
    free(ctr(daemon, "gc", drop));
    assert_ctr(daemon, "gc", content, before);
    free(before);
    assert_runs(daemon, "gc", "cat /layers/* | wc -l", "4\n");
}

static void test_image_import__keeps_the_index_of_a_multi_platform_archive(void **state)
{
    SESSION(s, state, "multi");
    images_make(&(images_archive){.archs = "s390x,amd64,arm64"}, in_scratch("a.tar"));
    wfe_image_list *list = import_ok(&s, "a.tar", NULL);
    assert_int_equal(wfe_image_list_length(list), 1);
    assert_string_equal(wfe_image_list_at(list, 0)->media_type,
                        "application/vnd.oci.image.index.v1+json");
    wfe_image_list_free(list);
    assert_runs(daemon, "multi", "echo hi", "hi\n");
}

static void test_image_import__refuses_an_image_of_another_platform(void **state)
{
    SESSION(s, state, "foreign");
    images_make(&(images_archive){.archs = "s390x"}, in_scratch("a.tar"));
    assert_refused(&s, "a.tar", NULL, WFE_E_NOT_FOUND, "linux/s390x");
    images_make(&(images_archive){.archs = "s390x,ppc64le"}, in_scratch("a.tar"));
    assert_refused(&s, "a.tar", NULL, WFE_E_NOT_FOUND, "linux/s390x, linux/ppc64le");
    assert_nothing(daemon, "foreign");
}

static void test_image_import__normalises_the_name_asked_for(void **state)
{
    SESSION(s, state, "names");
    images_make(NULL, in_scratch("a.tar"));
    wfe_image_list *list = import_ok(&s, "a.tar", "app");
    assert_string_equal(wfe_image_list_at(list, 0)->name, "docker.io/library/app:latest");
    wfe_image_list_free(list);
    list = import_ok(&s, "a.tar", "localhost:5000/team/app:1.2");
    assert_string_equal(wfe_image_list_at(list, 0)->name, "localhost:5000/team/app:1.2");
    wfe_image_list_free(list);
    assert_refused(&s, "a.tar", "App", WFE_E_INVALID, "position 1");
    images_make(&(images_archive){.docker = true, .name = "team/tool"}, in_scratch("b.tar"));
    import_one(&s, "b.tar", "docker.io/team/tool:latest");
}

static void test_image_import__needs_a_name_from_somewhere(void **state)
{
    SESSION(s, state, "nameless");
    images_make(&(images_archive){.name = ""}, in_scratch("a.tar"));
    assert_refused(&s, "a.tar", NULL, WFE_E_INVALID, "no name");
    images_make(&(images_archive){.docker = true, .name = ""}, in_scratch("a.tar"));
    assert_refused(&s, "a.tar", NULL, WFE_E_INVALID, "no name");
    assert_nothing(daemon, "nameless");
    wfe_image_list *list = import_ok(&s, "a.tar", "tool");
    assert_string_equal(wfe_image_list_at(list, 0)->name, "docker.io/library/tool:latest");
    wfe_image_list_free(list);
}

static void test_image_import__refuses_a_flipped_byte(void **state)
{
    SESSION(s, state, "flipped");
    /* Content of its own, so that nothing of it is in the store yet. */
    images_make(&(images_archive){.layers = 7}, in_scratch("a.tar"));
    shell("offset=$(grep -abo 'layer 6' a.tar | head -n 1 | cut -d: -f1);"
          "printf X | dd of=a.tar bs=1 seek=$offset conv=notrunc 2>/dev/null");
    assert_refused(&s, "a.tar", NULL, WFE_E_PROTOCOL, "damaged");
    assert_nothing(daemon, "flipped");
}

static void test_image_import__refuses_a_flipped_byte_in_a_docker_archive(void **state)
{
    SESSION(s, state, "flipped-docker");
    images_make(&(images_archive){.docker = true, .layers = 8}, in_scratch("a.tar"));
    shell("offset=$(grep -abo 'layer 7' a.tar | head -n 1 | cut -d: -f1);"
          "printf X | dd of=a.tar bs=1 seek=$offset conv=notrunc 2>/dev/null");
    assert_refused(&s, "a.tar", NULL, WFE_E_PROTOCOL, "the image's config says");
    assert_nothing(daemon, "flipped-docker");
}

static void test_image_import__refuses_truncated_archives(void **state)
{
    SESSION(s, state, "truncated");
    images_make(&(images_archive){.layers = 2}, in_scratch("a.tar"));
    shell("size=$(stat -c %s a.tar); truncate -s $((size / 2)) a.tar");
    assert_refused(&s, "a.tar", NULL, WFE_E_INVALID, "damaged");
    shell("truncate -s 300 a.tar");
    assert_refused(&s, "a.tar", NULL, WFE_E_INVALID, "no tar archive");
    assert_nothing(daemon, "truncated");
}

static void test_image_import__refuses_an_archive_that_lacks_a_layer(void **state)
{
    SESSION(s, state, "lacking");
    images_make(&(images_archive){.layers = 9}, in_scratch("a.tar"));
    shell("rm -rf t; mkdir t; tar -xf a.tar -C t; cd t;"
          "rm $(grep -al 'layer 9' blobs/sha256/*); tar -cf ../a.tar *");
    assert_refused(&s, "a.tar", NULL, WFE_E_INVALID, "lacks the layer");
    images_make(&(images_archive){.docker = true, .layers = 9}, in_scratch("a.tar"));
    shell("rm -rf t; mkdir t; tar -xf a.tar -C t; cd t;"
          "rm $(grep -al 'layer 9' */layer.tar); tar -cf ../a.tar *");
    assert_refused(&s, "a.tar", NULL, WFE_E_INVALID, "lacks the layer");
    assert_nothing(daemon, "lacking");
}

static void test_image_import__refuses_what_is_no_image(void **state)
{
    SESSION(s, state, "nothing");
    shell(
        ": >empty; echo text >text; tar -cf other.tar text; tar -cf none.tar -T /dev/null;"
        "mkdir -p folder; head -c 100000 /dev/urandom >random; gzip -c random >random.gz;"
        "printf '\\037\\213\\010garbage' >broken.gz; printf '\\050\\265\\057\\375no' >broken.zst");
    assert_refused(&s, "folder", NULL, WFE_E_INVALID, "folder is a folder");
    assert_refused(&s, "random", NULL, WFE_E_INVALID, "no tar archive");
    assert_refused(&s, "random.gz", NULL, WFE_E_INVALID, "no tar archive");
    assert_refused(&s, "broken.gz", NULL, WFE_E_INVALID, "no tar archive");
    assert_refused(&s, "broken.zst", NULL, WFE_E_INVALID, "no tar archive");
    assert_refused(&s, "empty", NULL, WFE_E_INVALID, "no tar archive");
    assert_refused(&s, "text", NULL, WFE_E_INVALID, "no tar archive");
    assert_refused(&s, "other.tar", NULL, WFE_E_INVALID, "holds no image");
    assert_refused(&s, "none.tar", NULL, WFE_E_INVALID, "holds no image");
    assert_nothing(daemon, "nothing");
}

static void test_image_import__refuses_json_that_is_none(void **state)
{
    SESSION(s, state, "json");
    shell("echo '{' >index.json; tar -cf a.tar index.json;"
          "echo '{}' >manifest.json; tar -cf b.tar manifest.json;"
          "echo '[{\"Config\":\"../../x\",\"Layers\":[]}]' >manifest.json;"
          "tar -cf c.tar manifest.json;"
          "echo '{\"schemaVersion\":2,\"manifests\":[],\"layers\":[]}' >index.json;"
          "tar -cf d.tar index.json;"
          "head -c 5000000 /dev/zero >index.json; tar -cf e.tar index.json");
    assert_refused(&s, "a.tar", NULL, WFE_E_INVALID, "index.json");
    assert_refused(&s, "b.tar", NULL, WFE_E_INVALID, "manifest.json");
    assert_refused(&s, "c.tar", NULL, WFE_E_INVALID, "lacks the config");
    assert_refused(&s, "d.tar", NULL, WFE_E_INVALID, "at once");
    assert_refused(&s, "e.tar", NULL, WFE_E_LIMIT, "index.json");
    assert_nothing(daemon, "json");
}

static void test_image_import__reports_a_missing_snapshotter(void **state)
{
    SESSION(s, state, "snapshotter");
    images_make(NULL, in_scratch("a.tar"));
    int fd = open(in_scratch("a.tar"), O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    const wfe_image_import_options options = {.size = sizeof options, .fd = fd};
    wfe_image_list *list = NULL;
    wfe_error err = WFE_ERROR_INIT;
    int rc = wfe_image_import_run(s.loop, s.containerd, "nosuch", &options, &list, &err);
    close(fd);
    assert_fails(rc, WFE_E_INVALID, &err);
    assert_non_null(strstr(err.message, "nosuch"));
    assert_nothing(daemon, "snapshotter");
}

/* A child that gets half of the archive and is then killed. */
static void import_and_die(private_containerd *daemon, const char *file)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        session s;
        close(ends[1]);
        session_open(&s, daemon, "died");
        const wfe_image_import_options options = {.size = sizeof options, .fd = ends[0]};
        wfe_image_list *list = NULL;
        wfe_image_import_run(s.loop, s.containerd, "overlayfs", &options, &list, NULL);
        _exit(0);
    }
    close(ends[0]);
    int fd = open(in_scratch(file), O_RDONLY | O_CLOEXEC);
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    for (off_t left = st.st_size / 2; left > 0;) {
        char piece[65536];
        ssize_t n = read(fd, piece, left < (off_t)sizeof piece ? (size_t)left : sizeof piece);
        assert_true(n > 0);
        assert_int_equal(write(ends[1], piece, (size_t)n), n);
        left -= n;
    }
    close(fd);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    close(ends[1]);
}

static void test_image_import__of_a_killed_process_can_be_repeated(void **state)
{
    SESSION(s, state, "died");
    images_make(&(images_archive){.layers = 3, .gzip = true}, in_scratch("a.tar"));
    import_and_die(daemon, "a.tar");
    /* What the dead one made is held by a lease that ends by itself. */
    PbLeases__ListRequest list = PB_LEASES__LIST_REQUEST__INIT;
    PbLeases__ListResponse *leases = session_leases_list(&s, &list, NULL, 0, NULL);
    assert_int_equal(leases->n_leases, 1);
    const char *expires = wfe_labels_find(leases->leases[0]->labels, leases->leases[0]->n_labels,
                                          WFE_LEASES_EXPIRE_LABEL);
    assert_non_null(expires);
    import_one(&s, "a.tar", IMAGES_BUSYBOX);
    PbLeases__DeleteRequest drop = PB_LEASES__DELETE_REQUEST__INIT;
    drop.id = leases->leases[0]->id;
    drop.sync = true;
    session_leases_delete(&s, &drop, NULL, 0, NULL);
    assert_runs(daemon, "died", "cat /layers/* | wc -l", "2\n");
    private_containerd_assert_clean(daemon);
}

static void test_image_import__is_listed(void **state)
{
    SESSION(s, state, "listed");
    images_make(NULL, in_scratch("a.tar"));
    wfe_image_list_free(import_ok(&s, "a.tar", "b"));
    wfe_image_list_free(import_ok(&s, "a.tar", "a:2"));
    wfe_image_list *list = NULL;
    wfe_error err = WFE_ERROR_INIT;
    const wfe_client_options options = {
        .size = sizeof options, .address = daemon->address, .namespace_name = "listed"};
    wfe_client *client = NULL;
    assert_ok(wfe_client_new(&options, &client, &err), &err);
    assert_ok(wfe_image_ls(client, NULL, &list, &err), &err);
    assert_int_equal(wfe_image_list_length(list), 2);
    assert_string_equal(wfe_image_list_at(list, 0)->name, "docker.io/library/a:2");
    assert_string_equal(wfe_image_list_at(list, 1)->name, "docker.io/library/b:latest");
    assert_string_equal(wfe_image_list_at(list, 0)->digest, wfe_image_list_at(list, 1)->digest);
    assert_true(wfe_image_list_at(list, 0)->created_at_us > 0);
    assert_null(wfe_image_list_at(list, 2));
    wfe_image_list_free(list);
    wfe_client_free(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_image_import__takes_an_oci_layout),
        cmocka_unit_test(test_image_import__takes_an_oci_layout_of_five_compressed_layers),
        cmocka_unit_test(test_image_import__takes_a_docker_archive),
        cmocka_unit_test(test_image_import__takes_a_docker_archive_of_five_compressed_layers),
        cmocka_unit_test(test_image_import__takes_compressed_archives),
        cmocka_unit_test(test_image_import__honours_whiteouts),
        cmocka_unit_test(test_image_import__follows_the_links_of_docker_archives),
        cmocka_unit_test(test_image_import__can_be_repeated_and_moves_the_name),
        cmocka_unit_test(test_image_import__survives_a_garbage_collection),
        cmocka_unit_test(test_image_import__keeps_the_index_of_a_multi_platform_archive),
        cmocka_unit_test(test_image_import__refuses_an_image_of_another_platform),
        cmocka_unit_test(test_image_import__normalises_the_name_asked_for),
        cmocka_unit_test(test_image_import__needs_a_name_from_somewhere),
        cmocka_unit_test(test_image_import__refuses_a_flipped_byte),
        cmocka_unit_test(test_image_import__refuses_a_flipped_byte_in_a_docker_archive),
        cmocka_unit_test(test_image_import__refuses_truncated_archives),
        cmocka_unit_test(test_image_import__refuses_an_archive_that_lacks_a_layer),
        cmocka_unit_test(test_image_import__refuses_what_is_no_image),
        cmocka_unit_test(test_image_import__refuses_json_that_is_none),
        cmocka_unit_test(test_image_import__reports_a_missing_snapshotter),
        cmocka_unit_test(test_image_import__of_a_killed_process_can_be_repeated),
        cmocka_unit_test(test_image_import__is_listed),
    };
    return cmocka_run_group_tests(tests, setup, private_containerd_group_teardown);
}
