/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * genesis.c: the genesis body. What encode writes goes through decode's checks, so both know one
 * form.
 */
#include "event/genesis.h"
#include "base/endian.h"
#include "base/name.h"
#include "crypto/algorithm.h"
#include "event/field.h"
#include "event/header.h"

/* ---- lists of keys: u32 count, per key u32 length and bytes; strictly ascending ---- */

static int read_keys(struct ate__rd *r, const char *what, uint32_t count_max,
                     struct ate_bytes *ret_keys, uint32_t *ret_count)
{
    uint32_t count;
    int rc = ate__field_count(r, what, count_max, 4 + ATE__KEY_ITEM_MIN, &count);
    if (rc)
        return rc;
    struct ate_bytes last = {NULL, 0};
    for (uint32_t i = 0; i < count; i++) {
        struct ate_bytes key;
        rc = ate__field_bytes(r, "bytes of a public key", ATE__KEY_ITEM_MAX, &key);
        if (rc)
            return ate__context(rc, "%s: key %u", what, i);
        if (key.size < ATE__KEY_ITEM_MIN)
            return ate__fail(ATE_MALFORMED, "%s: key %u of %zu bytes", what, i, key.size);
        if (ate__field_compare(last, key) >= 0)
            return ate__fail(ATE_MALFORMED, "%s: key %u out of order or twice", what, i);
        last = key;
        if (ret_keys)
            ret_keys[i] = key;
    }
    *ret_count = count;
    return 0;
}

static int read_service_keys(struct ate__rd *r, const char *what, struct ate_bytes *ret_list)
{
    size_t at = r->at;
    uint32_t count;
    int rc = read_keys(r, what, ATE__SERVICE_KEYS_MAX, NULL, &count);
    if (rc)
        return rc;
    *ret_list = ate__bytes(r->data + at, r->at - at);
    return 0;
}

/* ---- the rest ---- */

static int read_versions(struct ate__rd *r, struct ate__genesis *g)
{
    g->format_version = ate__rd_u16(r);
    g->rules_version = ate__rd_u16(r);
    g->hash_alg = ate__rd_u8(r);
    g->mode = ate__rd_u8(r);
    if (!ate__rd_ok(r))
        return ate__field_cut(r, "versions");
    if (g->format_version != ATE__FORMAT_VERSION)
        return ate__fail(ATE_UNSUPPORTED, "format version %u", g->format_version);
    if (g->rules_version != ATE__RULES_VERSION)
        return ate__fail(ATE_UNSUPPORTED, "rules version %u", g->rules_version);
    if (!ate__hash_alg_known(g->hash_alg))
        return ate__fail(ATE_UNSUPPORTED, "hash algorithm %u", g->hash_alg);
    if (g->mode != ATE__DISTRIBUTED && g->mode != ATE__CENTRALIZED)
        return ate__fail(ATE_UNSUPPORTED, "trust mode %u", g->mode);
    return 0;
}

static int read_algorithms(struct ate__rd *r, struct ate__genesis *g)
{
    uint32_t count;
    int rc = ate__field_count(r, "signature algorithms", ATE__ALGORITHMS_MAX, 2, &count);
    if (rc)
        return rc;
    if (!count)
        return ate__fail(ATE_MALFORMED, "no signature algorithm is allowed");
    struct ate__rd ids = *r;
    g->signature_algorithms = ate__rd_bytes(r, 2 * (size_t)count);
    for (int last = -1; count; count--) {
        int id = ate__rd_u16(&ids);
        if (id <= last)
            return ate__fail(ATE_MALFORMED, "signature algorithm %d out of order or twice", id);
        const struct ate__algorithm *a = ate__algorithm((unsigned)id);
        if (!a || a->use != ATE__USE_SIGN)
            return ate__fail(ATE_UNSUPPORTED, "signature algorithm %d", id);
        last = id;
    }
    g->strength_min = ate__rd_u16(r);
    if (!ate__rd_ok(r))
        return ate__field_cut(r, "least strength");
    if (!ate__strength_known(g->strength_min))
        return ate__fail(ATE_MALFORMED, "least strength %u is none of 128, 192 and 256",
                         g->strength_min);
    return 0;
}

static int read_option(struct ate__genesis *g, unsigned tag, struct ate_bytes item)
{
    struct ate__rd r = ate__rd_of(item);
    switch (tag) {
    case ATE__GENESIS_WORM:
        g->archive = true;
        g->retention_us = ate__rd_u64(&r);
        return ate__rd_end(&r) ? 0 : ate__fail(ATE_MALFORMED, "WORM of %zu bytes", item.size);
    case ATE__GENESIS_COMPRESSION:
        g->compression = ate__rd_u8(&r);
        if (!ate__rd_end(&r))
            return ate__fail(ATE_MALFORMED, "COMPRESSION of %zu bytes", item.size);
        if (g->compression != ATE__COMPRESSION_ZSTD)
            return ate__fail(ATE_UNSUPPORTED, "COMPRESSION %u", g->compression);
        return 0;
    }
    return tag < ATE__TAG_OPTIONAL ? ate__fail(ATE_UNSUPPORTED, "option 0x%02x", tag) : 0;
}

static int read_options(struct ate__rd *r, struct ate__genesis *g)
{
    int rc = ate__field_bytes(r, "bytes of options", ATE__OPTIONS_MAX, &g->options);
    struct ate__rd items = ate__rd_of(g->options);
    int last_tag = -1;
    while (!rc && ate__rd_left(&items)) {
        unsigned tag;
        struct ate_bytes item;
        rc = ate__item_read(&items, &last_tag, &tag, &item);
        if (!rc)
            rc = read_option(g, tag, item);
    }
    return rc ? ate__context(rc, "options") : 0;
}

static int read_name(struct ate__rd *r, struct ate__genesis *g)
{
    int rc = ate__field_bytes(r, "bytes of the name", ATE__CHAIN_NAME_MAX, &g->name);
    if (!rc)
        rc = ate__chain_name_check(g->name);
    if (rc)
        return ate__context(rc, "name");
    ate__rd_copy(r, g->random, sizeof g->random);
    return ate__rd_ok(r) ? 0 : ate__field_cut(r, "random bytes");
}

static int read_window(struct ate__rd *r, struct ate__genesis *g)
{
    g->window = ate__rd_u64(r);
    if (!ate__rd_ok(r))
        return ate__field_cut(r, "window");
    if (!g->window)
        return ate__fail(ATE_MALFORMED, "window of no sequence");
    if (g->window > ATE__WINDOW_MAX)
        return ate__field_over("sequences of the window", g->window, ATE__WINDOW_MAX);
    return 0;
}

static int read_body(struct ate__rd *r, struct ate__genesis *g)
{
    int rc = read_versions(r, g);
    if (!rc)
        rc = read_name(r, g);
    if (!rc)
        rc = read_keys(r, "root keys", ATE__ROOT_KEYS_MAX, g->root_keys, &g->root_key_count);
    if (!rc && !g->root_key_count)
        return ate__fail(ATE_MALFORMED, "no root key");
    if (!rc)
        rc = read_service_keys(r, "log keys", &g->log_keys);
    if (!rc)
        rc = read_service_keys(r, "compactor keys", &g->compactor_keys);
    if (!rc)
        rc = read_window(r, g);
    if (!rc)
        rc = read_algorithms(r, g);
    if (!rc)
        rc = read_options(r, g);
    if (!rc && !ate__rd_end(r))
        return ate__fail(ATE_MALFORMED, "%zu bytes behind the options", ate__rd_left(r));
    return rc;
}

int ate__genesis_decode(struct ate_bytes body, struct ate__genesis *ret_genesis)
{
    struct ate__rd r = ate__rd_of(body);
    struct ate__genesis g = {0};
    int rc = read_body(&r, &g);
    if (rc)
        return ate__context(rc, "genesis");
    *ret_genesis = g;
    return 0;
}

/* ---- writing ---- */

static void write_list(struct ate__wr *w, struct ate_bytes list)
{
    if (list.size)
        ate__wr_bytes(w, list);
    else
        ate__wr_u32(w, 0);
}

enum { KEYS_MAX = ATE__ROOT_KEYS_MAX };
_Static_assert((int)KEYS_MAX >= ATE__SERVICE_KEYS_MAX, "room for either list");

/* At most KEYS_MAX. */
static void write_keys(struct ate__wr *w, const struct ate_bytes *keys, uint32_t count)
{
    struct ate_bytes sorted[KEYS_MAX];
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = i;
        for (; at && ate__field_compare(keys[i], sorted[at - 1]) < 0; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = keys[i];
    }
    ate__wr_u32(w, count);
    for (uint32_t i = 0; i < count; i++)
        ate__wr_bytes32(w, sorted[i]);
}

int ate__genesis_encode(const struct ate__genesis *g, struct ate__buf *buf)
{
    if (g->root_key_count > ATE__ROOT_KEYS_MAX)
        return ate__field_over("genesis: root keys", g->root_key_count, ATE__ROOT_KEYS_MAX);
    size_t start = buf->size;
    struct ate__wr w = ate__wr_of(buf);
    ate__wr_u16(&w, g->format_version);
    ate__wr_u16(&w, g->rules_version);
    ate__wr_u8(&w, g->hash_alg);
    ate__wr_u8(&w, g->mode);
    ate__wr_bytes32(&w, g->name);
    ate__wr_copy(&w, g->random, sizeof g->random);
    write_keys(&w, g->root_keys, g->root_key_count);
    write_list(&w, g->log_keys);
    write_list(&w, g->compactor_keys);
    ate__wr_u64(&w, g->window);
    ate__wr_u32(&w, (uint32_t)(g->signature_algorithms.size / 2));
    ate__wr_bytes(&w, g->signature_algorithms);
    ate__wr_u16(&w, g->strength_min);
    ate__wr_bytes32(&w, g->options);
    int rc = ate__wr_end(&w);
    struct ate__genesis check;
    if (!rc)
        rc = ate__genesis_decode(ate__bytes(buf->data + start, buf->size - start), &check);
    if (rc)
        buf->size = start;
    return rc;
}

/* ---- what it is made of ---- */

bool ate__genesis_key_next(struct ate_bytes list, size_t *at, struct ate_bytes *ret_key)
{
    struct ate__rd r = ate__rd_of(list);
    (void)ate__rd_bytes(&r, *at ? *at : sizeof(uint32_t));
    struct ate_bytes key = ate__rd_bytes(&r, ate__rd_u32(&r));
    if (!ate__rd_ok(&r))
        return false;
    *ret_key = key;
    *at = r.at;
    return true;
}

int ate__genesis_key_list(const struct ate_bytes *keys, uint32_t count, struct ate__buf *buf)
{
    if (count > ATE__SERVICE_KEYS_MAX)
        return ate__field_over("keys", count, ATE__SERVICE_KEYS_MAX);
    size_t start = buf->size;
    struct ate__wr w = ate__wr_of(buf);
    write_keys(&w, keys, count);
    int rc = ate__wr_end(&w);
    if (rc)
        buf->size = start;
    return rc;
}

static int write_option(enum ate__genesis_option tag, struct ate_bytes item,
                        struct ate__buf *options)
{
    size_t start = options->size;
    struct ate__wr w = ate__wr_of(options);
    ate__wr_u16(&w, (uint16_t)tag);
    ate__wr_varint(&w, item.size);
    ate__wr_bytes(&w, item);
    int rc = ate__wr_end(&w);
    if (rc)
        options->size = start;
    return rc;
}

int ate__genesis_worm(uint64_t retention_us, struct ate__buf *options)
{
    uint8_t item[8];
    ate__store64(item, retention_us);
    return write_option(ATE__GENESIS_WORM, ate__bytes(item, sizeof item), options);
}

int ate__genesis_compression(enum ate__compression algorithm, struct ate__buf *options)
{
    uint8_t item = (uint8_t)algorithm;
    return write_option(ATE__GENESIS_COMPRESSION, ate__bytes(&item, 1), options);
}

bool ate__genesis_allows(const struct ate__genesis *g, unsigned algorithm)
{
    struct ate__rd r = ate__rd_of(g->signature_algorithms);
    while (ate__rd_left(&r))
        if (ate__rd_u16(&r) == algorithm)
            return true;
    return false;
}

int ate__chain_id(enum ate__hash_alg alg, struct ate_bytes body, struct ate_hash *ret_chain_id)
{
    return ate__hash(alg, "ate genesis 1", &body, 1, ret_chain_id);
}
