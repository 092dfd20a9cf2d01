/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * addr.c: addresses as text.
 *
 * The text is cut at the first `#`, `/` and `:` of where each may stand, then each piece is checked
 * by its own rule; every byte of the text belongs to exactly one piece.
 */
#include "net/addr.h"
#include "base/text.h"
#include <arpa/inet.h>
#include <stdio.h>

static const char scheme[] = "tcp://";
enum { SCHEME_SIZE = sizeof scheme - 1, LABEL_MAX = 63, SHOWN = 160 };

/* A piece of the text that is being parsed. */
struct piece {
    const char *text;
    size_t size;
};

static const char *shown_piece(struct piece p, char shown[SHOWN])
{
    return ate__escaped(ate__bytes(p.text, p.size), shown, SHOWN);
}

/* Cuts p at the first `mark`: p keeps what is before it, *ret_rest gets what is behind it. */
static bool cut(struct piece *p, char mark, struct piece *ret_rest)
{
    const char *at = memchr(p->text, mark, p->size);
    if (!at)
        return false;
    size_t size = (size_t)(at - p->text);
    *ret_rest = (struct piece){at + 1, p->size - size - 1};
    p->size = size;
    return true;
}

static bool is_host_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

/* Labels of 1 to 63 letters, digits, `-` and `_`, not starting or ending with `-`. */
static bool is_host_name(const char *text)
{
    size_t label = 0;
    for (const char *at = text;; at++) {
        if (is_host_byte(*at)) {
            if (++label > LABEL_MAX || (label == 1 && *at == '-'))
                return false;
        } else if (*at == '.' || !*at) {
            if (!label || at[-1] == '-')
                return false;
            if (!*at)
                return true;
            label = 0;
        } else {
            return false;
        }
    }
}

/* A last label of digits alone makes it an IPv4 literal, as URLs have it, and then it must be a
 * valid one: `127.1` or `1.2.3.999` is no host name. */
static bool is_numeric(const char *text)
{
    const char *last = strrchr(text, '.');
    last = last ? last + 1 : text;
    return strspn(last, "0123456789") == strlen(last);
}

static int parse_host(struct piece p, bool bracketed, char ret_host[ATE__ADDR_HOST_MAX + 1])
{
    char shown[SHOWN], host[ATE__ADDR_HOST_MAX + 1];
    struct in6_addr ip;
    if (!p.size)
        return ate__fail(ATE_MALFORMED, "address: no host between `tcp://` and the port or path");
    if (p.size > ATE__ADDR_HOST_MAX)
        return ate__fail(ATE_TOO_BIG, "address: a host of %zu bytes; at most %d", p.size,
                         ATE__ADDR_HOST_MAX);
    for (size_t i = 0; i < p.size; i++)
        host[i] = (char)(p.text[i] >= 'A' && p.text[i] <= 'Z' ? p.text[i] + 32 : p.text[i]);
    host[p.size] = 0;
    bool good = bracketed          ? inet_pton(AF_INET6, host, &ip) == 1
                : is_numeric(host) ? inet_pton(AF_INET, host, &ip) == 1
                                   : is_host_name(host);
    if (!good)
        return ate__fail(ATE_MALFORMED, "address: `%s` is not %s", shown_piece(p, shown),
                         bracketed ? "an IPv6 address" : "a host name or an IPv4 address");
    memcpy(ret_host, host, p.size + 1);
    return 0;
}

static int parse_port(struct piece p, uint16_t *ret_port)
{
    char shown[SHOWN];
    unsigned port = 0;
    bool good = p.size >= 1 && p.size <= 5 && p.text[0] != '0';
    for (size_t i = 0; good && i < p.size; i++) {
        good = p.text[i] >= '0' && p.text[i] <= '9';
        port = port * 10 + (unsigned)(p.text[i] - '0');
    }
    if (!good || port > UINT16_MAX)
        return ate__fail(ATE_MALFORMED, "address: `%s` is not a port (1 to 65535)",
                         shown_piece(p, shown));
    *ret_port = (uint16_t)port;
    return 0;
}

/* HOST[:PORT] or [IPV6][:PORT] */
static int parse_authority(struct piece p, struct ate__addr *addr)
{
    struct piece port = {0};
    bool has_port, bracketed = p.size && p.text[0] == '[';
    if (bracketed) {
        struct piece rest;
        p = (struct piece){p.text + 1, p.size - 1};
        if (!cut(&p, ']', &rest))
            return ate__fail(ATE_MALFORMED, "address: `[` without `]`");
        if (rest.size && rest.text[0] != ':')
            return ate__fail(ATE_MALFORMED, "address: what follows `]` is neither `:` nor `/`");
        has_port = rest.size > 0;
        if (has_port)
            port = (struct piece){rest.text + 1, rest.size - 1};
    } else {
        has_port = cut(&p, ':', &port);
    }
    int rc = parse_host(p, bracketed, addr->host);
    addr->port = ATE__ADDR_PORT;
    return rc || !has_port ? rc : parse_port(port, &addr->port);
}

static int parse_path(struct piece p, char ret_path[ATE__CHAIN_NAME_MAX + 1])
{
    if (p.size > 1) {
        int rc = ate__chain_name_check(ate__bytes(p.text, p.size));
        if (rc)
            return ate__context(rc, "address");
    }
    memcpy(ret_path, p.text, p.size);
    ret_path[p.size] = 0;
    return 0;
}

static int add_hash(struct ate_hash *list, size_t *count, const struct ate_hash *hash,
                    const char *what)
{
    for (size_t i = 0; i < *count; i++)
        if (ate__hash_equal(&list[i], hash))
            return ate__fail(ATE_MALFORMED, "address: the same `%s=` twice", what);
    if (*count == ATE__NET_PINS_MAX)
        return ate__fail(ATE_TOO_BIG, "address: more than %d times `%s=`", ATE__NET_PINS_MAX, what);
    list[(*count)++] = *hash;
    return 0;
}

static int parse_item(struct piece item, struct ate__addr *addr)
{
    char shown[SHOWN];
    struct ate_hash hash;
    struct piece name = item, value = {0};
    bool has_value = cut(&name, '=', &value);
    bool is_pin = name.size == 3 && !memcmp(name.text, "pin", 3);
    bool is_root = name.size == 4 && !memcmp(name.text, "root", 4);
    bool is_chain = name.size == 5 && !memcmp(name.text, "chain", 5);
    if (!has_value || !(is_pin || is_root || is_chain))
        return ate__fail(ATE_MALFORMED,
                         "address: unknown item `%s` behind `#`; known are pin=, root= and chain=",
                         shown_piece(item, shown));
    int rc = ate__hash_parse(value.text, value.size, &hash);
    if (rc)
        return ate__context(rc, "address: `%s`", shown_piece(item, shown));
    if (is_pin)
        return add_hash(addr->pins, &addr->pin_count, &hash, "pin");
    if (is_root)
        return add_hash(addr->roots, &addr->root_count, &hash, "root");
    if (addr->has_chain)
        return ate__fail(ATE_MALFORMED, "address: `chain=` twice");
    addr->has_chain = true;
    addr->chain = hash;
    return 0;
}

bool ate__addr_is(const char *text)
{
    return !strncmp(text, scheme, SCHEME_SIZE);
}

int ate__addr_parse(const char *text, struct ate__addr *ret_addr)
{
    struct ate__addr addr = {0};
    size_t size = strnlen(text, ATE__ADDR_TEXT_MAX + 1);
    if (size > ATE__ADDR_TEXT_MAX)
        return ate__fail(ATE_TOO_BIG, "address: more than %d bytes", ATE__ADDR_TEXT_MAX);
    if (!ate__addr_is(text))
        return ate__fail(ATE_MALFORMED, "address: does not start with `%s`", scheme);
    struct piece front = {text + SCHEME_SIZE, size - SCHEME_SIZE}, items;
    bool has_items = cut(&front, '#', &items);
    struct piece host = front, path;
    if (!cut(&host, '/', &path))
        return ate__fail(ATE_MALFORMED, "address: no path; it is %sHOST[:PORT]/PATH", scheme);
    path = (struct piece){path.text - 1, path.size + 1}; /* the `/` is part of it */
    int rc = parse_authority(host, &addr);
    if (!rc)
        rc = parse_path(path, addr.path);
    while (!rc && has_items) {
        struct piece item = items;
        has_items = cut(&item, ',', &items);
        rc = parse_item(item, &addr);
    }
    if (!rc)
        *ret_addr = addr;
    return rc;
}

static void print_text(struct ate__wr *w, const char *text)
{
    ate__wr_copy(w, text, strlen(text));
}

static void print_item(struct ate__wr *w, bool *first, const char *name,
                       const struct ate_hash *hash)
{
    char text[ATE__HASH_TEXT];
    print_text(w, *first ? "#" : ",");
    print_text(w, name);
    print_text(w, ate__hash_text(hash, text));
    *first = false;
}

int ate__addr_print(const struct ate__addr *addr, struct ate__buf *buf)
{
    struct ate__wr w = ate__wr_of(buf);
    size_t start = buf->size;
    char port[8];
    bool first = true, bracketed = strchr(addr->host, ':') != NULL;
    print_text(&w, scheme);
    print_text(&w, bracketed ? "[" : "");
    print_text(&w, addr->host);
    snprintf(port, sizeof port, "%s:%u", bracketed ? "]" : "", addr->port);
    print_text(&w, port);
    print_text(&w, addr->path);
    for (size_t i = 0; i < addr->pin_count; i++)
        print_item(&w, &first, "pin=", &addr->pins[i]);
    for (size_t i = 0; i < addr->root_count; i++)
        print_item(&w, &first, "root=", &addr->roots[i]);
    if (addr->has_chain)
        print_item(&w, &first, "chain=", &addr->chain);
    int rc = ate__wr_end(&w);
    if (rc)
        buf->size = start;
    return rc;
}

bool ate__addr_host_is_name(const char *host)
{
    struct in_addr v4;
    return strcmp(host, "localhost") != 0 && !strchr(host, ':') &&
           inet_pton(AF_INET, host, &v4) != 1;
}

bool ate__addr_host_is_loopback(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (!strcmp(host, "localhost"))
        return true;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}
