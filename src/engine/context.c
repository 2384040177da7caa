/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/context.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strv.h"
#include "containerd/wfe_client.h"
#include "step/keeper.h"

/* Different daemons, or ways to them, in one run. */
#define MAX_CLIENTS 64

typedef struct wfe_client_entry wfe_client_entry;
struct wfe_client_entry {
    wfe_client_entry *next;
    wfe_client *client;
    char *choice[6]; /* what it was made for; NULL: left to the run */
};

static void read_choice(const wfe_plan_container *container, const char *choice[6])
{
    choice[0] = container->containerd_addr;
    choice[1] = container->tls_ca;
    choice[2] = container->tls_cert;
    choice[3] = container->tls_key;
    choice[4] = container->runtime;
    choice[5] = container->snapshotter;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_choice(char *const a[6], const char *const b[6])
{
    for (int i = 0; i < 6; i++)
        if (!same_text(a[i], b[i]))
            return false;
    return true;
}

static void free_entry(wfe_client_entry *entry)
{
    if (!entry)
        return;
    wfe_client_free(entry->client);
    for (int i = 0; i < 6; i++)
        free(entry->choice[i]);
    free(entry);
}

static int make_entry(wfe_context *context, const char *const choice[6], wfe_client_entry **ret,
                      wfe_error *err)
{
    wfe_client_options options = {
        .size = sizeof options,
        .address = choice[0],
        .tls_ca_file = choice[1],
        .tls_cert_file = choice[2],
        .tls_key_file = choice[3],
        .runtime = choice[4],
        .snapshotter = choice[5],
    };
    wfe_client_entry *entry = calloc(1, sizeof *entry);
    int rc = entry ? 0 : wfe_error_nomem(err);
    for (int i = 0; !rc && i < 6; i++) {
        entry->choice[i] = choice[i] ? strdup(choice[i]) : NULL;
        if (choice[i] && !entry->choice[i])
            rc = wfe_error_nomem(err);
    }
    if (!rc && context->make_client)
        rc = context->make_client(context->loop, &options, &entry->client, err,
                                  context->make_client_user);
    else if (!rc)
        rc = wfe_client_new_on(context->loop, &options, &entry->client, err);
    if (rc) {
        free_entry(entry);
        return rc;
    }
    *ret = entry;
    return 0;
}

int wfe_context_client(wfe_context *context, const wfe_plan_container *container, wfe_client **ret,
                       wfe_error *err)
{
    const char *choice[6];
    int n = 0;
    read_choice(container, choice);
    for (wfe_client_entry *entry = context->clients; entry; entry = entry->next, n++) {
        if (same_choice(entry->choice, choice)) {
            *ret = entry->client;
            return 0;
        }
    }
    if (n == MAX_CLIENTS)
        return wfe_error_set(err, WFE_E_LIMIT, "a run may use at most %d different containerds", n);
    wfe_client_entry *entry = NULL;
    int rc = make_entry(context, choice, &entry, err);
    if (rc)
        return rc;
    entry->next = context->clients;
    context->clients = entry;
    *ret = entry->client;
    return 0;
}

int wfe_context_image(const wfe_context *context, const char *name, char **ret, wfe_error *err)
{
    const char *digest = json_string_value(json_object_get(context->images, name));
    if (!digest || strchr(name, '@'))
        return 0;
    if (asprintf(ret, "%s@%s", name, digest) >= 0)
        return 0;
    *ret = NULL;
    return wfe_error_nomem(err);
}

int wfe_context_file(wfe_context *context, const char *suffix, char **ret, wfe_error *err)
{
    wfe_buf path = WFE_BUF_INIT(0);
    int rc = wfe_buf_printf(&path, err, "%s/%llu.%s", context->run_dir,
                            (unsigned long long)++context->n_files, suffix);
    if (rc) {
        wfe_buf_done(&path);
        return rc;
    }
    *ret = wfe_buf_take(&path, NULL);
    return *ret ? 0 : wfe_error_nomem(err);
}

void wfe_context_done(wfe_context *context)
{
    while (context->clients) {
        wfe_client_entry *entry = context->clients;
        context->clients = entry->next;
        free_entry(entry);
    }
    wfe_keeper_free(context->keeper);
    wfe_mask_free(context->mask);
    wfe_strmap_done(&context->service_env);
    wfe_strv_free(context->environment);
    free(context->run_id);
    free(context->working_dir);
    free(context->run_dir);
    free(context->shared_dir);
    json_decref(context->images);
    *context = (wfe_context){0};
}
