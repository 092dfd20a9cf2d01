/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * dns_facts.c: the records of DNS that say whom to trust.
 */
#include "net/dns_facts.h"
#include "base/text.h"

enum {
    TLSA_HEAD = 3, /* bytes: usage, selector, matching type */
    DANE_EE = 3,
    SPKI = 1,
    SHA256 = 1,
    SHOWN = 160
};

/* --- TXT --- */

static const char *shown_text(struct ate_bytes text, char shown[SHOWN])
{
    return ate__escaped(text, shown, SHOWN);
}

/* The strings of the record, put together. */
static int join(struct ate_bytes record, char ret_text[ATE__DNS_RECORD_MAX + 1], size_t *ret_size)
{
    const uint8_t *at = record.data, *end = at + record.size;
    size_t size = 0;
    if (record.size > ATE__DNS_RECORD_MAX)
        return ate__fail(ATE_TOO_BIG, "a TXT record of %zu bytes; at most %d", record.size,
                         ATE__DNS_RECORD_MAX);
    while (at < end) {
        size_t n = *at++;
        if (n > (size_t)(end - at))
            return ate__fail(ATE_MALFORMED, "a TXT record that is cut off");
        memcpy(ret_text + size, at, n);
        size += n;
        at += n;
    }
    ret_text[size] = 0;
    *ret_size = size;
    return 0;
}

/* Takes the next "; NAME=" off, and gives its value; false: it is something else. */
static bool take(struct ate_bytes *text, const char *name, struct ate_bytes *ret_value)
{
    size_t n = strlen(name);
    const char *at = text->data;
    if (text->size < n + 3 || memcmp(at, "; ", 2) || memcmp(at + 2, name, n) || at[n + 2] != '=')
        return false;
    at += n + 3;
    text->size -= n + 3;
    const char *end = text->size ? memchr(at, ';', text->size) : NULL;
    *ret_value = ate__bytes(at, end ? (size_t)(end - at) : text->size);
    *text = ate__bytes(at + ret_value->size, text->size - ret_value->size);
    return true;
}

static int take_hash(struct ate_bytes value, struct ate_hash *ret_hash)
{
    return ate__hash_parse(value.data, value.size, ret_hash);
}

/* The name of a chain; or "/" and "*" behind the name of what lies above it. */
static int take_path(struct ate_bytes *text, char ret_path[ATE__CHAIN_NAME_MAX + 1])
{
    struct ate_bytes path;
    if (!take(text, "path", &path))
        return ate__fail(ATE_MALFORMED, "there is no path= behind it");
    const char *at = path.data;
    bool pattern = path.size >= 2 && !memcmp(at + path.size - 2, "/*", 2);
    struct ate_bytes name = ate__bytes(at, path.size - (pattern ? 2 : 0));
    int rc = pattern && !name.size ? 0 : ate__chain_name_check(name);
    if (!rc && path.size > ATE__CHAIN_NAME_MAX)
        rc = ate__fail(ATE_TOO_BIG, "a path of more than %d bytes", ATE__CHAIN_NAME_MAX);
    if (rc)
        return rc;
    memcpy(ret_path, at, path.size);
    ret_path[path.size] = 0;
    return 0;
}

static int take_hash_and_path(struct ate_bytes value, struct ate_bytes *text,
                              struct ate__dns_fact *fact)
{
    int rc = take_hash(value, &fact->hash);
    return rc ? rc : take_path(text, fact->path);
}

static bool is_plain(struct ate_bytes text)
{
    const char *at = text.data;
    for (size_t i = 0; i < text.size; i++)
        if (at[i] <= ' ' || at[i] > '~')
            return false;
    return text.size > 0;
}

/* Behind "v=ate1". */
static int parse_fact(struct ate_bytes text, struct ate__dns_fact *fact)
{
    struct ate_bytes value;
    int rc = 0;
    if (take(&text, "pin", &value)) {
        fact->kind = ATE__DNS_PIN;
        rc = take_hash(value, &fact->hash);
    } else if (take(&text, "root", &value)) {
        fact->kind = ATE__DNS_ROOT;
        rc = take_hash_and_path(value, &text, fact);
    } else if (take(&text, "chain", &value)) {
        fact->kind = ATE__DNS_CHAIN;
        rc = take_hash_and_path(value, &text, fact);
    } else if (take(&text, "directory", &value)) {
        fact->kind = ATE__DNS_DIRECTORY;
        rc = is_plain(value) ? 0 : ate__fail(ATE_MALFORMED, "a directory without a name");
    } else {
        rc = ate__fail(ATE_MALFORMED, "none of `; pin=`, `; root=`, `; chain=` and `; directory=` "
                                      "follows");
    }
    if (!rc && text.size)
        rc = ate__fail(ATE_MALFORMED, "something follows the fact; a record holds one");
    return rc;
}

int ate__dns_fact_parse(struct ate_bytes record, struct ate__dns_fact *ret_fact)
{
    static const char ours[] = "v=ate1";
    enum { OURS = sizeof ours - 1 };
    char text[ATE__DNS_RECORD_MAX + 1], shown[SHOWN];
    struct ate__dns_fact fact = {.kind = ATE__DNS_NONE};
    size_t size = 0;
    int rc = join(record, text, &size);
    if (rc)
        return rc;
    bool is_ours = size >= OURS && !memcmp(text, ours, OURS) &&
                   (size == OURS || text[OURS] == ';' || text[OURS] == ' ');
    if (is_ours)
        rc = parse_fact(ate__bytes(text + OURS, size - OURS), &fact);
    if (rc)
        return ate__context(rc, "the TXT record `%s`", shown_text(ate__bytes(text, size), shown));
    *ret_fact = fact;
    return 0;
}

size_t ate__dns_fact_covers(const char *pattern, const char *path)
{
    size_t n = strlen(pattern);
    if (n < 2 || pattern[n - 1] != '*')
        return !strcmp(pattern, path) ? SIZE_MAX : 0;
    /* What begins with all before the `*`, and has something behind it. */
    return !strncmp(pattern, path, n - 1) && path[n - 1] ? n : 0;
}

/* --- what they say together --- */

static int add(struct ate_hash *list, size_t *count, const struct ate_hash *hash, const char *what)
{
    for (size_t i = 0; i < *count; i++)
        if (ate__hash_equal(&list[i], hash))
            return 0;
    if (*count == ATE__NET_PINS_MAX)
        return ate__fail(ATE_TOO_BIG, "more than %d records with `%s=`", ATE__NET_PINS_MAX, what);
    list[(*count)++] = *hash;
    return 0;
}

static int add_chain(struct ate__dns_facts *facts, const struct ate__dns_fact *fact)
{
    if (facts->has_chain && !ate__hash_equal(&facts->chain, &fact->hash))
        return ate__fail(ATE_UNTRUSTED, "two records say `chain=` of %s, and not the same",
                         fact->path);
    facts->has_chain = true;
    facts->chain = fact->hash;
    return 0;
}

int ate__dns_facts_of(const struct ate__dns_answer *txt, const char *path,
                      struct ate__dns_facts *ret_facts)
{
    struct ate__dns_facts facts = {.pin_count = 0};
    size_t exact = 0; /* how exact those are that hold so far */
    int rc = 0;
    for (size_t i = 0; !rc && i < txt->count; i++) {
        struct ate__dns_fact fact;
        rc = ate__dns_fact_parse(txt->record[i], &fact);
        if (rc)
            break;
        if (fact.kind == ATE__DNS_PIN)
            rc = add(facts.pins, &facts.pin_count, &fact.hash, "pin");
        size_t covers = fact.kind == ATE__DNS_ROOT || fact.kind == ATE__DNS_CHAIN
                            ? ate__dns_fact_covers(fact.path, path ? path : "")
                            : 0;
        if (!covers || covers < exact)
            continue;
        if (covers > exact) {
            exact = covers;
            facts.root_count = 0;
            facts.has_chain = false;
        }
        rc = fact.kind == ATE__DNS_ROOT ? add(facts.roots, &facts.root_count, &fact.hash, "root")
                                        : add_chain(&facts, &fact);
    }
    if (!rc)
        *ret_facts = facts;
    return rc;
}

/* --- TLSA --- */

int ate__dns_facts_of_tlsa(const struct ate__dns_answer *tlsa, struct ate__dns_facts *ret_facts)
{
    struct ate__dns_facts facts = {.pin_count = 0};
    int rc = 0;
    for (size_t i = 0; !rc && i < tlsa->count; i++) {
        const uint8_t *at = tlsa->record[i].data;
        size_t size = tlsa->record[i].size;
        struct ate_hash pin;
        if (size < TLSA_HEAD)
            return ate__fail(ATE_MALFORMED, "a TLSA record of %zu bytes", size);
        if (at[0] != DANE_EE || at[1] != SPKI || at[2] != SHA256)
            continue;
        if (size != TLSA_HEAD + sizeof pin.b)
            return ate__fail(ATE_MALFORMED, "a TLSA record 3 1 1 of %zu bytes", size);
        memcpy(pin.b, at + TLSA_HEAD, sizeof pin.b);
        rc = add(facts.pins, &facts.pin_count, &pin, "3 1 1");
    }
    if (!rc && tlsa->count && !facts.pin_count)
        rc = ate__fail(ATE_UNSUPPORTED, "it has TLSA records, and none of them is 3 1 1");
    if (!rc)
        *ret_facts = facts;
    return rc;
}
