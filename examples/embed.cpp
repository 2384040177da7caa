// SPDX-License-Identifier: Apache-2.0
//
// The same from C++: handles with owners, an error as an exception, a lambda for the output.
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>

#include <wfe/wfe.h>

using Client = std::unique_ptr<wfe_client, decltype(&wfe_client_free)>;
using Result = std::unique_ptr<wfe_step_result, decltype(&wfe_step_result_free)>;

static void check(int rc, const wfe_error &err)
{
    if (rc)
        throw std::runtime_error(std::string(err.message) + "\n" + err.hint);
}

static Client connect(const char *address)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_client_options options{};
    wfe_client *client = nullptr;
    options.size = sizeof options;
    options.address = address;
    check(wfe_client_new(&options, &client, &err), err);
    return Client(client, wfe_client_free);
}

static Result run(const Client &client, const char *image, const char *script, std::string &seen)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_step_options step{};
    wfe_step_result *result = nullptr;
    step.size = sizeof step;
    step.image = image;
    step.run = script;
    step.on_output_user = &seen;
    step.on_output = [](wfe_stream, const void *bytes, size_t len, void *user) {
        static_cast<std::string *>(user)->append(static_cast<const char *>(bytes), len);
    };
    check(wfe_step_run(client.get(), &step, &result, &err), err);
    return Result(result, wfe_step_result_free);
}

int main(int argc, char **argv)
try {
    std::string seen;
    const Client client = connect(argc > 1 ? argv[1] : nullptr);
    const Result result = run(client, argc > 2 ? argv[2] : "busybox",
                              "echo working; echo \"##wfe[output greeting=hello]\"", seen);
    std::printf("exit code %d, greeting %s\n%s", wfe_step_result_exit_code(result.get()),
                wfe_step_result_output(result.get(), "greeting"), seen.c_str());
    return 0;
} catch (const std::exception &failure) {
    std::fprintf(stderr, "%s\n", failure.what());
    return 1;
}
