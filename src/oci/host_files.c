/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/host_files.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/utf8.h"

#define SHOWN_BYTES 80
#define NAME_MAX_BYTES 253

static bool is_address(int family, const char *text)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    return inet_pton(family, text, bytes) == 1;
}

/* Copies len bytes as a text; false when they do not fit. */
static bool copy(const char *from, size_t len, char *to, size_t size)
{
    if (len >= size)
        return false;
    memcpy(to, from, len);
    to[len] = '\0';
    return true;
}

/* Labels of letters, digits, '-' and '_', no '-' at their ends. */
static bool is_name(const char *name, size_t len, size_t max)
{
    bool label = false;
    if (!len || len > max)
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = name[i];
        bool plain =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
        bool last = i + 1 == len || name[i + 1] == '.';
        if (c == '.' ? !label : !plain && (c != '-' || !label || last))
            return false;
        label = c != '.';
    }
    return label;
}

int wfe_oci_hostname_check(const char *hostname, wfe_error *err)
{
    if (is_name(hostname, strlen(hostname), WFE_OCI_HOSTNAME_MAX))
        return 0;
    return wfe_error_set(
        err, WFE_E_INVALID,
        "hostname is '%.*s', must be letters, digits, '-', '_' and '.', at most %d "
        "bytes, with no '-' at an end",
        (int)wfe_utf8_prefix(hostname, SHOWN_BYTES), hostname, WFE_OCI_HOSTNAME_MAX);
}

int wfe_oci_dns_check(const char *server, wfe_error *err)
{
    if (is_address(AF_INET, server) || is_address(AF_INET6, server))
        return 0;
    return wfe_error_set(err, WFE_E_INVALID,
                         "dns is '%.*s', must be an address such as 192.0.2.1 or 2001:db8::1",
                         (int)wfe_utf8_prefix(server, SHOWN_BYTES), server);
}

/* "name:address" or "name=address" in its halves; the address has no brackets any more. */
static int read_extra_host(const char *text, char name[NAME_MAX_BYTES + 1],
                           char address[INET6_ADDRSTRLEN], wfe_error *err)
{
    size_t len = strcspn(text, ":=");
    const char *rest = text[len] ? text + len + 1 : "";
    size_t rest_len = strlen(rest);
    bool brackets = rest_len > 2 && rest[0] == '[' && rest[rest_len - 1] == ']';
    bool ok = is_name(text, len, NAME_MAX_BYTES) && copy(text, len, name, NAME_MAX_BYTES + 1) &&
              copy(rest + brackets, rest_len - 2 * brackets, address, INET6_ADDRSTRLEN) &&
              (is_address(AF_INET6, address) || (!brackets && is_address(AF_INET, address)));
    if (ok)
        return 0;
    return wfe_error_set(err, WFE_E_INVALID,
                         "extra host is '%.*s', must be NAME:ADDRESS, such as db:192.0.2.1 or "
                         "db:[2001:db8::1]",
                         (int)wfe_utf8_prefix(text, SHOWN_BYTES), text);
}

int wfe_oci_extra_host_check(const char *text, wfe_error *err)
{
    char name[NAME_MAX_BYTES + 1], address[INET6_ADDRSTRLEN];
    return read_extra_host(text, name, address, err);
}

/* ---- /etc/hosts and /etc/hostname ---- */

static int add_own_line(const wfe_oci_hosts *hosts, wfe_buf *out, wfe_error *err)
{
    const char *address = hosts->address ? hosts->address : "127.0.1.1";
    int rc = wfe_oci_hostname_check(hosts->hostname, err);
    if (!rc && !is_address(AF_INET, address) && !is_address(AF_INET6, address))
        rc = wfe_error_set(err, WFE_E_INVALID, "'%.*s' is no address for hostname '%s'",
                           (int)wfe_utf8_prefix(address, SHOWN_BYTES), address, hosts->hostname);
    if (rc)
        return rc;
    /* A name with a domain can be found by its first label too. */
    size_t label = strcspn(hosts->hostname, ".");
    if (hosts->hostname[label])
        return wfe_buf_printf(out, err, "%s\t%s %.*s\n", address, hosts->hostname, (int)label,
                              hosts->hostname);
    return wfe_buf_printf(out, err, "%s\t%s\n", address, hosts->hostname);
}

int wfe_oci_hosts_build(const wfe_oci_hosts *hosts, wfe_buf *out, wfe_error *err)
{
    int rc = wfe_buf_append_str(out,
                                "127.0.0.1\tlocalhost\n"
                                "::1\tlocalhost ip6-localhost ip6-loopback\n"
                                "ff02::1\tip6-allnodes\n"
                                "ff02::2\tip6-allrouters\n",
                                err);
    if (!rc && hosts->hostname)
        rc = add_own_line(hosts, out, err);
    for (size_t i = 0; !rc && hosts->extra_hosts && hosts->extra_hosts[i]; i++) {
        char name[NAME_MAX_BYTES + 1], address[INET6_ADDRSTRLEN];
        rc = read_extra_host(hosts->extra_hosts[i], name, address, err);
        if (!rc)
            rc = wfe_buf_printf(out, err, "%s\t%s\n", address, name);
    }
    return rc;
}

int wfe_oci_hostname_build(const char *hostname, wfe_buf *out, wfe_error *err)
{
    int rc = wfe_oci_hostname_check(hostname, err);
    return rc ? rc : wfe_buf_printf(out, err, "%s\n", hostname);
}

/* ---- /etc/resolv.conf ---- */

static size_t blanks(const char *text, size_t len)
{
    size_t n = 0;
    while (n < len && (text[n] == ' ' || text[n] == '\t'))
        n++;
    return n;
}

/* Whether the line is the keyword and something more; moves to what is more. */
static bool take_keyword(const char **line, size_t *len, const char *keyword)
{
    size_t n = strlen(keyword);
    if (*len <= n || memcmp(*line, keyword, n) != 0 || !blanks(*line + n, 1))
        return false;
    n += blanks(*line + n, *len - n);
    *line += n;
    *len -= n;
    return *len > 0;
}

/* 127.0.0.0/8 and ::1 are the machine's own; an address with a zone names its interface. */
static bool is_reachable(const char *address, bool own_network)
{
    struct in6_addr v6;
    if (is_address(AF_INET, address))
        return !own_network || strncmp(address, "127.", 4) != 0;
    if (inet_pton(AF_INET6, address, &v6) == 1)
        return !own_network || (!IN6_IS_ADDR_LOOPBACK(&v6) && !IN6_IS_ADDR_LINKLOCAL(&v6) &&
                                !(IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127));
    return false;
}

static int keep_server(const char *line, size_t len, bool own_network, wfe_buf *out, wfe_error *err)
{
    char address[INET6_ADDRSTRLEN];
    size_t n = 0;
    while (n < len && line[n] != ' ' && line[n] != '\t')
        n++;
    if (!copy(line, n, address, sizeof address))
        return 0;
    return is_reachable(address, own_network) ? wfe_buf_printf(out, err, "nameserver %s\n", address)
                                              : 0;
}

/* Keeps what the line says if it makes sense in the step. */
static int keep_line(const wfe_oci_resolv *resolv, const char *line, size_t len, wfe_buf *out,
                     wfe_error *err)
{
    static const char *const kept[] = {"search", "domain", "options", "sortlist"};
    size_t start = blanks(line, len);
    line += start;
    len -= start;
    if (len && line[len - 1] == '\r')
        len--;
    if (take_keyword(&line, &len, "nameserver"))
        return resolv->servers ? 0 : keep_server(line, len, resolv->own_network, out, err);
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        if (take_keyword(&line, &len, kept[i]) && !memchr(line, '\0', len))
            return wfe_buf_printf(out, err, "%s %.*s\n", kept[i], (int)len, line);
    }
    return 0;
}

int wfe_oci_resolv_conf_build(const wfe_oci_resolv *resolv, wfe_buf *out, wfe_error *err)
{
    if (resolv->machine_len > WFE_OCI_HOST_FILE_MAX_BYTES)
        return wfe_error_set(err, WFE_E_LIMIT,
                             "the machine's resolv.conf has %zu bytes, at most %zu MiB are allowed",
                             resolv->machine_len, WFE_OCI_HOST_FILE_MAX_BYTES >> 20);
    int rc = 0;
    size_t n = 0;
    for (; !rc && resolv->servers && resolv->servers[n]; n++) {
        rc = wfe_oci_dns_check(resolv->servers[n], err);
        if (!rc && n >= WFE_OCI_DNS_MAX)
            rc = wfe_error_set(err, WFE_E_INVALID,
                               "dns has more than %d servers, which no program would ask",
                               WFE_OCI_DNS_MAX);
        if (!rc)
            rc = wfe_buf_printf(out, err, "nameserver %s\n", resolv->servers[n]);
    }
    const char *text = resolv->machine_text;
    size_t left = text ? resolv->machine_len : 0;
    while (!rc && left) {
        const char *end = memchr(text, '\n', left);
        size_t line = end ? (size_t)(end - text) : left;
        rc = keep_line(resolv, text, line, out, err);
        size_t step = end ? line + 1 : line;
        text += step;
        left -= step;
    }
    return rc;
}
