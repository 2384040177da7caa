/* SPDX-License-Identifier: Apache-2.0
 *
 * Looking into a runtime spec that was built, and checking it against the schema.
 */
#ifndef WFE_TESTS_OCI_SPEC_JSON_H
#define WFE_TESTS_OCI_SPEC_JSON_H

#include "fixtures/wfe_assert.h"

#include <jansson.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "oci/spec.h"

#define SCHEMA_FOLDER "/usr/share/gocode/src/github.com/opencontainers/runtime-spec/schema"

/* The built spec, parsed again; free with json_decref(). */
static inline json_t *build(const wfe_oci_spec *in)
{
    wfe_error err = WFE_ERROR_INIT;
    char *text = NULL;
    size_t len = 0;
    assert_ok(wfe_oci_spec_build(in, &text, &len, &err), &err);
    assert_int_equal(strlen(text), len);
    assert_null(strchr(text, '\n'));
    json_error_t why;
    json_t *spec = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
    assert_non_null(spec);
    free(text);
    return spec;
}

/* The value at a path such as "process/user/uid" or "mounts/0/type"; NULL when absent. */
static inline json_t *at(json_t *json, const char *path)
{
    char copy[128];
    snprintf(copy, sizeof copy, "%s", path);
    char *rest = NULL;
    for (char *part = strtok_r(copy, "/", &rest); part; part = strtok_r(NULL, "/", &rest))
        json = json_is_array(json) ? json_array_get(json, strtoul(part, NULL, 10))
                                   : json_object_get(json, part);
    return json;
}

static inline void assert_json(json_t *spec, const char *path, const char *wanted)
{
    json_t *found = at(spec, path);
    if (!found)
        fail_msg("%s is missing", path);
    char *text = json_dumps(found, JSON_COMPACT | JSON_ENCODE_ANY);
    assert_non_null(text);
    if (strcmp(text, wanted) != 0)
        fail_msg("%s is %s, wanted %s", path, text, wanted);
    free(text);
}

/* The last mount at a destination; NULL when there is none. */
static inline json_t *mount_at(json_t *spec, const char *destination)
{
    json_t *mounts = at(spec, "mounts");
    for (size_t i = json_array_size(mounts); i > 0; i--) {
        json_t *mount = json_array_get(mounts, i - 1);
        if (strcmp(json_string_value(json_object_get(mount, "destination")), destination) == 0)
            return mount;
    }
    return NULL;
}

static inline void assert_valid_by_schema(const wfe_oci_spec *in)
{
    wfe_error err = WFE_ERROR_INIT;
    char *text = NULL;
    size_t len = 0;
    assert_ok(wfe_oci_spec_build(in, &text, &len, &err), &err);
    char file[] = "/tmp/wfe-spec-XXXXXX";
    int fd = mkstemp(file);
    assert_true(fd >= 0);
    assert_ok(wfe_fd_write_all(fd, text, len, &err), &err);
    close(fd);
    free(text);
    char command[512];
    snprintf(command, sizeof command,
             "/usr/bin/python3 %s/tests/fixtures/check_spec_schema.py %s %s", WFE_SOURCE_DIR,
             SCHEMA_FOLDER, file);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    char said[2048];
    said[fread(said, 1, sizeof said - 1, pipe)] = '\0';
    int status = pclose(pipe);
    unlink(file);
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (code == 77 || code == 127) {
        print_message("SKIP: no schema check: %s\n", code == 127 ? "python3 is missing" : said);
        skip();
    }
    if (code != 0)
        fail_msg("the spec does not fit the schema (exit %d): %s", code, said);
}

#endif
