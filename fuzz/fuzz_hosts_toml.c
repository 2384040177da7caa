/* SPDX-License-Identifier: Apache-2.0
 *
 * hosts.toml: whatever the text, the registry itself is the last host, every host can be asked
 * for something, paths are whole, and headers cannot become two.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "image/hosts_toml.h"

static void require(int condition)
{
    if (!condition)
        abort();
}

static void check_entry(const wfe_hosts_entry *entry)
{
    require(!entry->authority || (entry->authority[0] && entry->api_root));
    require(!entry->api_root || !entry->api_root[0] || entry->api_root[0] == '/');
    for (size_t i = 0; entry->ca_files && entry->ca_files[i]; i++)
        require(i < WFE_HOSTS_MAX_FILES && entry->ca_files[i][0] == '/');
    require(entry->n_clients <= WFE_HOSTS_MAX_FILES);
    for (size_t i = 0; i < entry->n_clients; i++)
        require(entry->clients[i].cert_file && entry->clients[i].cert_file[0] == '/');
    for (size_t i = 0; entry->headers && entry->headers[i]; i++) {
        require(i < WFE_HOSTS_MAX_HEADERS);
        require(strstr(entry->headers[i], ": ") != NULL);
        require(strpbrk(entry->headers[i], "\r\n") == NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    wfe_hosts hosts = {0};
    wfe_error err = WFE_ERROR_INIT;
    int rc = wfe_hosts_toml_parse((const char *)bytes, len, "/dir", &hosts, &err);
    require(rc == err.kind);
    if (rc) {
        require(!hosts.items && !hosts.n && err.message[0]);
        require(rc == WFE_E_INVALID || rc == WFE_E_LIMIT);
        return 0;
    }
    require(hosts.n >= 1 && hosts.n <= WFE_HOSTS_MAX_ENTRIES + 1);
    for (size_t i = 0; i < hosts.n; i++) {
        check_entry(&hosts.items[i]);
        require(i + 1 == hosts.n || hosts.items[i].authority != NULL);
    }
    wfe_hosts_done(&hosts);
    return 0;
}
