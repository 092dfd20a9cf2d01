/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * addr.h: addresses as text: `tcp://HOST[:PORT]/PATH[#ITEM,ITEM...]` (docs/format/keys.md).
 * Pure: nothing is resolved here.
 *
 * ITEM is `pin=` (repeatable), `root=` (repeatable) or `chain=`, each with 43 characters of
 * base64url; any other is an error. HOST is a name, an IPv4 literal, or an IPv6 literal in
 * brackets. /PATH is the name of a chain (base/name.h), or `/` alone: the server itself.
 */
#pragma once
#include "base/err.h"
#include "base/name.h"
#include "base/wr.h"
#include "net/limits.h"

enum {
    ATE__ADDR_PORT = 5000,
    ATE__ADDR_HOST_MAX = 253, /* bytes, without NUL */
    ATE__ADDR_TEXT_MAX = 4096 /* bytes of the whole text; a printed address is always shorter */
};

struct ate__addr {
    char host[ATE__ADDR_HOST_MAX + 1]; /* lower case; an IPv6 literal without its brackets */
    uint16_t port;
    char path[ATE__CHAIN_NAME_MAX + 1]; /* "/" or the name of a chain */
    struct ate_hash pins[ATE__NET_PINS_MAX], roots[ATE__NET_PINS_MAX], chain;
    size_t pin_count, root_count;
    bool has_chain;
};

/* Errors: ATE_MALFORMED with what and where; ATE_TOO_BIG with the limit. */
int ate__addr_parse(const char *text, struct ate__addr *ret_addr) ATE__CHECK;
/* Appends the whole address in its one form: port always; pins, roots, chain. Parsing it gives
 * the same again. 0 or ATE_E_MEMORY. */
int ate__addr_print(const struct ate__addr *addr, struct ate__buf *buf) ATE__CHECK;
/* True for `tcp://`: text that is meant as an address, not as a directory or @NAME. */
bool ate__addr_is(const char *text);
/* True for a name that is looked up: not for a literal, nor for `localhost`. */
bool ate__addr_host_is_name(const char *host);
/* True for `localhost` and for literals of the loopback network. */
bool ate__addr_host_is_loopback(const char *host);
