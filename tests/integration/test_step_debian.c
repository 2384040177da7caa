/* SPDX-License-Identifier: Apache-2.0
 *
 * A Debian as an image, and in it what real steps do, under the default confinement: installing
 * packages as root, compiling, threads.
 */
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <wfe/image.h>

#include "fixtures/images.h"
#include "fixtures/private_containerd.h"
#include "fixtures/step_group.h"
#include "fixtures/step_run.h"
#include "fixtures/wfe_assert.h"

#define IMAGE "docker.io/library/debian:test"

static bool is_there;

static int setup(void **state)
{
    return step_group_setup(state);
}

static void import(const char *path)
{
    wfe_error error = WFE_ERROR_INIT;
    wfe_image_list *list = NULL;
    wfe_image_import_options options = {
        .size = sizeof options,
        .fd = open(path, O_RDONLY | O_CLOEXEC),
        .file_name = path,
    };
    assert_true(options.fd >= 0);
    assert_ok(wfe_image_import(step_client_of_group, &options, &list, &error), &error);
    close(options.fd);
    assert_int_equal(wfe_image_list_length(list), 1);
    wfe_image_list_free(list);
}

/* The image, made when the first test asks for it. */
static void need_debian(private_containerd *daemon)
{
    char path[PATH_MAX];
    if (is_there)
        return;
    snprintf(path, sizeof path, "%s/debian.tar", daemon->dir);
    images_make_debian(IMAGE, path);
    import(path);
    unlink(path);
    is_there = true;
}

static wfe_step_options in_debian(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    need_debian(daemon);
    wfe_step_options options = step_script(NULL);
    options.image = IMAGE;
    return options;
}

#define PROGRAM                                                                                    \
    "#include <pthread.h>\n#include <stdio.h>\n#include <unistd.h>\n"                              \
    "static int sum;\nstatic pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;\n"                  \
    "static void *add(void *p) { pthread_mutex_lock(&lock); sum += *(int *)p;\n"                   \
    "  pthread_mutex_unlock(&lock); return NULL; }\n"                                              \
    "int main(void) { pthread_t t[64]; int n[64];\n"                                               \
    "  for (int i = 0; i < 64; i++) { n[i] = i;\n"                                                 \
    "    if (pthread_create(&t[i], NULL, add, &n[i])) return 1; }\n"                               \
    "  for (int i = 0; i < 64; i++) pthread_join(t[i], NULL);\n"                                   \
    "  printf(\"%d as %d\\n\", sum, (int)getuid()); return 0; }\n"

static void test_step_debian__a_compiler_and_threads_work(void **state)
{
    wfe_step_options options = in_debian(state);
    const char *script = "cd /tmp && cat >t.c <<'END'\n" PROGRAM "END\n"
                         "gcc -O2 -Wall -Wextra -Werror -pthread -o t t.c && ./t";
    step_group_expect(&options, script, "2016 as 0\n");
    options.user = "1000:1000";
    step_group_expect(&options, script, "2016 as 1000\n");
}

/* apt-get changes to a user of its own for the download, dpkg changes owners and modes, and the
 * package's scripts run under chroot. */
static void test_step_debian__root_can_install_a_package(void **state)
{
    wfe_step_options options = in_debian(state);
    options.network = "host";
    options.timeout_ms = 240000;
    const char *const env[] = {"DEBIAN_FRONTEND=noninteractive", NULL};
    options.env = env;
    step_group_expect(&options,
                      "{ apt-get update && "
                      "apt-get install -y --no-install-recommends hello sudo; } >&2 && "
                      "hello && stat -c '%a %U' /usr/bin/sudo && dpkg -V sudo hello",
                      "Hello, world!\n4755 root\n");
}

static void test_step_debian__users_of_its_files_are_found(void **state)
{
    wfe_step_options options = in_debian(state);
    options.user = "www-data";
    step_group_expect(&options, "id", "uid=33(www-data) gid=33(www-data) groups=33(www-data)\n");
    options.user = "games:users";
    step_group_expect(&options, "id -un; id -gn", "games\nusers\n");
}

static void test_step_debian__leaves_nothing_behind(void **state)
{
    private_containerd_assert_clean(private_containerd_of(state));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_step_debian__a_compiler_and_threads_work),
        cmocka_unit_test(test_step_debian__root_can_install_a_package),
        cmocka_unit_test(test_step_debian__users_of_its_files_are_found),
        cmocka_unit_test(test_step_debian__leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, setup, step_group_teardown);
}
