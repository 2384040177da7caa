/* SPDX-License-Identifier: Apache-2.0
 *
 * Two steps side by side in the program's own event loop, here poll(2). The first one says when it
 * is ready; that cancels the second, from inside the callback.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <wfe/wfe.h>

typedef struct job {
    const char *name;
    wfe_step *step; /* NULL once it has ended */
    struct job *cancels;
} job;

static void on_output(enum wfe_stream stream, const void *bytes, size_t len, void *user)
{
    job *self = user;
    if (stream == WFE_STDOUT && len >= 5 && !memcmp(bytes, "ready", 5) && self->cancels->step)
        wfe_step_cancel(self->cancels->step);
}

static void on_done(wfe_step_result *result, const wfe_error *err, void *user)
{
    job *self = user;
    self->step = NULL;
    if (err->kind == WFE_E_CANCELLED ||
        (result && wfe_step_result_end(result) == WFE_STEP_CANCELLED))
        printf("%s: cancelled\n", self->name);
    else if (err->kind)
        printf("%s: %s\n", self->name, err->message);
    else
        printf("%s: exit code %d\n", self->name, wfe_step_result_exit_code(result));
    wfe_step_result_free(result);
}

static int start(wfe_client *client, job *self, const char *image, const char *script)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_step_options options = {.size = sizeof options,
                                .image = image,
                                .run = script,
                                .name = self->name,
                                .grace_ms = 2000,
                                .on_output = self->cancels ? on_output : NULL,
                                .on_output_user = self};
    if (wfe_step_start(client, &options, on_done, self, &self->step, &err))
        fprintf(stderr, "%s: %s\n%s\n", self->name, err.message, err.hint);
    return err.kind;
}

int main(int argc, char **argv)
{
    const char *image = argc > 2 ? argv[2] : "busybox";
    wfe_error err = WFE_ERROR_INIT;
    wfe_client *client = NULL;
    wfe_client_options options = {.size = sizeof options, .address = argc > 1 ? argv[1] : NULL};
    job second = {.name = "second"};
    job first = {.name = "first", .cancels = &second};
    if (wfe_client_new(&options, &client, &err)) {
        fprintf(stderr, "%s\n%s\n", err.message, err.hint);
        return 1;
    }
    int rc = start(client, &second, image, "sleep 1000");
    if (!rc)
        rc = start(client, &first, image, "echo ready; sleep 0.2; exit 3");
    while (first.step || second.step) {
        struct pollfd fd = {.fd = wfe_client_fd(client), .events = POLLIN};
        poll(&fd, 1, wfe_client_timeout_ms(client));
        wfe_client_dispatch(client);
    }
    wfe_client_free(client);
    return rc ? 1 : 0;
}
