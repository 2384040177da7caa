/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <wfe/wfe.h>

int main(int argc, char **argv)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_client *client = NULL;
    wfe_step_result *result = NULL;
    wfe_client_options options = {.size = sizeof options, .address = argc > 1 ? argv[1] : NULL};
    wfe_step_options step = {.size = sizeof step,
                             .image = argc > 2 ? argv[2] : "busybox",
                             .run = "echo working; echo \"##wfe[output greeting=hello]\""};
    if (wfe_client_new(&options, &client, &err) || wfe_step_run(client, &step, &result, &err))
        fprintf(stderr, "%s\n%s\n", err.message, err.hint);
    else
        printf("exit code %d, greeting %s\n%s", wfe_step_result_exit_code(result),
               wfe_step_result_output(result, "greeting"),
               wfe_step_result_stream(result, WFE_STDOUT, NULL));
    wfe_step_result_free(result);
    wfe_client_free(client);
    return err.kind ? 1 : 0;
}
