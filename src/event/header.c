/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * header.c: reading item lists, and which items make an event together.
 *
 * The form of an item is checked here, once; whoever walks its lists later relies on that. Points
 * on curves and encapsulation keys are not looked into: that is done where a key is first used.
 */
#include "event/header.h"
#include "base/text.h"
#include "crypto/hpke.h"
#include "event/field.h"
#include "event/lists.h"

#define BIT(name) (UINT64_C(1) << ATE__TAG_##name)

static const uint64_t reserved_tags = BIT(HOME) | BIT(MOVED);

const char *ate__tag_name(unsigned tag)
{
    switch (tag) {
#define ATE__X(name, number)                                                                       \
    case number: return #name;
        ATE__TAGS(ATE__X)
#undef ATE__X
    }
    return "an item";
}

int ate__item_read(struct ate__rd *r, int *last_tag, unsigned *ret_tag, struct ate_bytes *ret_bytes)
{
    size_t at = r->at;
    unsigned tag = ate__rd_u16(r);
    uint64_t size = ate__rd_varint(r);
    if (!ate__rd_ok(r))
        return ate__fail(ATE_MALFORMED, "item at byte %zu: no tag and length in shortest form", at);
    if ((int)tag <= *last_tag)
        return ate__fail(ATE_MALFORMED, "item at byte %zu: tag 0x%02x does not come after 0x%02x",
                         at, tag, (unsigned)*last_tag);
    if (size > ate__rd_left(r))
        return ate__fail(ATE_MALFORMED, "%s (0x%02x) at byte %zu: %llu bytes, and %zu follow",
                         ate__tag_name(tag), tag, at, (unsigned long long)size, ate__rd_left(r));
    *ret_bytes = ate__rd_bytes(r, (size_t)size);
    *ret_tag = tag;
    *last_tag = (int)tag;
    return 0;
}

/* ---- the items ---- */

static int wrong_size(struct ate_bytes item)
{
    return ate__fail(ATE_MALFORMED, "%zu bytes are not its size", item.size);
}

static int read_tags(struct ate__header *h, struct ate_bytes item)
{
    if (item.size != ATE__NAME_TAG && item.size != 2 * ATE__NAME_TAG)
        return wrong_size(item);
    h->tags = item.data;
    h->tag_count = (unsigned)(item.size / ATE__NAME_TAG);
    if (h->tag_count == 2 && !memcmp(h->tags, h->tags + ATE__NAME_TAG, ATE__NAME_TAG))
        return ate__fail(ATE_MALFORMED, "the same tag twice");
    return 0;
}

static int read_text(struct ate_bytes item, size_t size_max, struct ate_bytes *ret_text)
{
    if (!item.size)
        return wrong_size(item);
    if (item.size > size_max)
        return ate__field_over("bytes", item.size, size_max);
    *ret_text = item;
    return 0;
}

static int read_type(struct ate__header *h, struct ate_bytes item)
{
    int rc = read_text(item, ATE__TYPE_MAX, &h->type);
    if (!rc && !ate__utf8_valid(item))
        return ate__fail(ATE_MALFORMED, "not UTF-8");
    return rc;
}

static int read_encoding(struct ate__header *h, struct ate_bytes item)
{
    struct ate__rd r = ate__rd_of(item);
    h->encoding = ate__rd_u8(&r);
    if (!ate__rd_end(&r))
        return wrong_size(item);
    if (h->encoding == ATE__MSGPACK)
        return ate__fail(ATE_MALFORMED, "MessagePack is the default and never written");
    if (h->encoding != ATE__JSON)
        return ate__fail(ATE_UNSUPPORTED, "encoding %u", h->encoding);
    return 0;
}

static int read_conf(struct ate__header *h, struct ate_bytes item)
{
    struct ate__rd r = ate__rd_of(item);
    h->conf.epoch = ate__rd_u64(&r);
    h->conf.data_key_id = ate__rd_hash(&r);
    ate__rd_copy(&r, h->conf.version_id, sizeof h->conf.version_id);
    ate__rd_copy(&r, h->conf.nonce, sizeof h->conf.nonce);
    return ate__rd_end(&r) ? 0 : wrong_size(item);
}

static int read_tombstone(struct ate__header *h, struct ate_bytes item)
{
    struct ate__rd r = ate__rd_of(item);
    h->tombstone = ate__rd_u8(&r);
    if (!ate__rd_end(&r))
        return wrong_size(item);
    return h->tombstone <= 1 ? 0 : ate__fail(ATE_MALFORMED, "%u is neither 0 nor 1", h->tombstone);
}

static int read_hold(struct ate_bytes item)
{
    struct ate__rd r = ate__rd_of(item);
    uint8_t hold = ate__rd_u8(&r);
    if (!ate__rd_end(&r))
        return wrong_size(item);
    return hold == 1 ? 0 : ate__fail(ATE_MALFORMED, "%u is not 1", hold);
}

static int read_snapshot(struct ate__header *h, struct ate_bytes item)
{
    struct ate__rd r = ate__rd_of(item);
    h->snapshot.size = ate__rd_u64(&r);
    h->snapshot.root = ate__rd_hash(&r);
    h->snapshot.state_root = ate__rd_hash(&r);
    if (!ate__rd_end(&r))
        return wrong_size(item);
    return h->snapshot.size ? 0 : ate__fail(ATE_MALFORMED, "of no transaction");
}

static int read_reset(struct ate__header *h, struct ate_bytes item)
{
    static const struct ate_hash none;
    struct ate__rd r = ate__rd_of(item);
    struct ate__reset_item *reset = &h->reset;
    reset->old_size = ate__rd_u64(&r);
    reset->old_root = ate__rd_hash(&r);
    reset->size = ate__rd_u64(&r);
    reset->root = ate__rd_hash(&r);
    reset->reason = ate__rd_u8(&r);
    if (!ate__rd_ok(&r))
        return wrong_size(item);
    reset->text = ate__rd_bytes(&r, ate__rd_left(&r));
    if (reset->text.size > ATE__RESET_TEXT_MAX)
        return ate__field_over("bytes of text", reset->text.size, ATE__RESET_TEXT_MAX);
    if (!ate__utf8_valid(reset->text) ||
        (reset->text.size && memchr(reset->text.data, 0, reset->text.size)))
        return ate__fail(ATE_MALFORMED, "not UTF-8, or with a NUL");
    if (!reset->size)
        return ate__fail(ATE_MALFORMED, "to no transaction");
    if (reset->old_size ? reset->old_size <= reset->size
                        : !ate__hash_equal(&reset->old_root, &none))
        return ate__fail(ATE_MALFORMED, "from an old head of %llu transactions to %llu",
                         (unsigned long long)reset->old_size, (unsigned long long)reset->size);
    if (reset->reason < ATE__RESET_RESTORE || reset->reason > ATE__RESET_ADOPT)
        return ate__fail(ATE_UNSUPPORTED, "reason %u", reset->reason);
    return 0;
}

static int read_epoch(struct ate__header *h, struct ate_bytes item)
{
    struct ate__rd r = ate__rd_of(item);
    h->epoch.epoch = ate__rd_u64(&r);
    h->epoch.data_key_id = ate__rd_hash(&r);
    h->epoch.kem = ate__rd_u16(&r);
    h->epoch.seal_public = ate__rd_bytes(&r, ate__rd_left(&r));
    if (!ate__rd_end(&r))
        return wrong_size(item);
    const struct ate__algorithm *kem = ate__algorithm(h->epoch.kem);
    if (!kem || kem->use != ATE__USE_KEM)
        return ate__fail(ATE_UNSUPPORTED, "KEM 0x%04x", h->epoch.kem);
    return h->epoch.seal_public.size == kem->public_size ? 0 : wrong_size(item);
}

static int read_namekey(struct ate__header *h, struct ate_bytes item)
{
    struct ate__rd r = ate__rd_of(item);
    uint8_t wrapped = ate__rd_u8(&r);
    if (wrapped > 1)
        return ate__fail(ATE_MALFORMED, "%u is neither 0 nor 1", wrapped);
    h->namekey.wrapped = wrapped;
    if (wrapped)
        h->namekey.data_key_id = ate__rd_hash(&r);
    h->namekey.bytes = ate__rd_bytes(&r, wrapped ? ATE__WRAPPED_SIZE : 32);
    return ate__rd_end(&r) ? 0 : wrong_size(item);
}

static int read_came_from(struct ate__header *h, struct ate_bytes item)
{
    enum { ID = sizeof(struct ate_id) };
    struct ate__rd r = ate__rd_of(item);
    uint32_t count = ate__rd_u32(&r);
    if (count > ATE__CAME_FROM_MAX)
        return ate__field_over("scopes", count, ATE__CAME_FROM_MAX);
    h->came_from = ate__rd_bytes(&r, (size_t)count * ID);
    if (!ate__rd_end(&r) || !count)
        return wrong_size(item);
    const uint8_t *ids = h->came_from.data;
    for (uint32_t i = 1; i < count; i++)
        if (memcmp(ids + ID * (size_t)(i - 1), ids + ID * (size_t)i, ID) >= 0)
            return ate__fail(ATE_MALFORMED, "ids that do not ascend");
    return 0;
}

static int read_key(struct ate_bytes item, struct ate_bytes *ret_key)
{
    if (item.size > ATE__KEY_ITEM_MAX)
        return ate__field_over("bytes of a public key", item.size, ATE__KEY_ITEM_MAX);
    if (item.size < ATE__KEY_ITEM_MIN)
        return wrong_size(item);
    *ret_key = item;
    return 0;
}

/* What has one size and needs no more than to be read. */
static int read_plain(struct ate__header *h, unsigned tag, struct ate_bytes item)
{
    struct ate__rd r = ate__rd_of(item);
    switch (tag) {
    case ATE__TAG_OBJECT: h->object = ate__rd_id(&r); break;
    case ATE__TAG_PREV: h->prev = ate__rd_hash(&r); break;
    case ATE__TAG_PARENT:
        h->parent = ate__rd_id(&r);
        h->collection = ate__rd_u32(&r);
        break;
    case ATE__TAG_REPLY_TO: h->reply_to = ate__rd_id(&r); break;
    case ATE__TAG_PUBLISHED: h->published = ate__rd_bytes(&r, ATE__PUBLISHED_SIZE); break;
    case ATE__TAG_SEALED:
        h->sealed.epoch_key_id = ate__rd_hash(&r);
        h->sealed.sealed = ate__rd_bytes(&r, ate__rd_left(&r));
        if (!ate__hpke_kem_of_size(h->sealed.sealed.size, sizeof h->sealed.epoch_key_id))
            return wrong_size(item);
        break;
    case ATE__TAG_LINK: h->link = ate__rd_bytes(&r, ATE__LINK_SIZE); break;
    case ATE__TAG_REVOKE: h->revoked = ate__rd_hash(&r); break;
    }
    return ate__rd_end(&r) ? 0 : wrong_size(item);
}

static int read_item(struct ate__header *h, unsigned tag, struct ate_bytes item)
{
    switch ((enum ate__tag)tag) {
    case ATE__TAG_OBJECT:
    case ATE__TAG_PREV:
    case ATE__TAG_PARENT:
    case ATE__TAG_REPLY_TO:
    case ATE__TAG_LINK:
    case ATE__TAG_PUBLISHED:
    case ATE__TAG_SEALED:
    case ATE__TAG_REVOKE: return read_plain(h, tag, item);
    case ATE__TAG_TAG: return read_tags(h, item);
    case ATE__TAG_NAME: return read_text(item, ATE__NAME_MAX, &h->name);
    case ATE__TAG_TYPE: return read_type(h, item);
    case ATE__TAG_ENCODING: return read_encoding(h, item);
    case ATE__TAG_CONF: return read_conf(h, item);
    case ATE__TAG_TOMBSTONE: return read_tombstone(h, item);
    case ATE__TAG_AUTH: return ate__auth_read(item, &h->auth);
    case ATE__TAG_EPOCH: return read_epoch(h, item);
    case ATE__TAG_RECIPIENTS: h->recipients = item; return ate__recipients_check(item);
    case ATE__TAG_NAMEKEY: return read_namekey(h, item);
    case ATE__TAG_GENESIS: h->genesis = item; return item.size ? 0 : wrong_size(item);
    case ATE__TAG_PUBLIC_KEY: return read_key(item, &h->public_key);
    case ATE__TAG_ROOT: h->root = item; return ate__keys_check(item);
    case ATE__TAG_HOLD: return read_hold(item);
    case ATE__TAG_CAME_FROM: return read_came_from(h, item);
    case ATE__TAG_SNAPSHOT: return read_snapshot(h, item);
    case ATE__TAG_RESET: return read_reset(h, item);
    case ATE__TAG_LOG_KEYS: h->log_keys = item; return ate__keys_check(item);
    case ATE__TAG_COMPACTOR_KEYS: h->compactor_keys = item; return ate__keys_check(item);
    case ATE__TAG_HOME:
    case ATE__TAG_MOVED:
        if (!(h->present & reserved_tags))
            h->reserved = item;
        return 0;
    case ATE__TAG_OPTIONAL: break;
    }
    return ate__fail(ATE_UNSUPPORTED, "a critical item of a later version");
}

/* ---- lists ---- */

static int read_list(struct ate__rd *r, struct ate__header *h)
{
    int last_tag = -1;
    while (ate__rd_left(r)) {
        size_t at = r->at;
        unsigned tag;
        struct ate_bytes item;
        int rc = ate__item_read(r, &last_tag, &tag, &item);
        if (rc)
            return rc;
        if (tag >= ATE__TAG_OPTIONAL) {
            if (!h->user.size)
                h->user.data = r->data + at;
            h->user.size += r->at - at;
            continue;
        }
        rc = read_item(h, tag, item);
        if (rc)
            return ate__context(rc, "%s (0x%02x) at byte %zu", ate__tag_name(tag), tag, at);
        h->present |= UINT64_C(1) << tag;
    }
    return 0;
}

int ate__header_decode(struct ate_bytes bytes, struct ate__header *ret_header)
{
    if (bytes.size > ATE__CONTROL_HEADER_MAX)
        return ate__field_over("bytes of a header", bytes.size, ATE__CONTROL_HEADER_MAX);
    struct ate__rd r = ate__rd_of(bytes);
    struct ate__header h = {.encoding = ATE__MSGPACK};
    int rc = read_list(&r, &h);
    if (rc)
        return rc;
    *ret_header = h;
    return 0;
}

int ate__private_items_decode(struct ate_bytes bytes, struct ate__header *ret_header)
{
    static const uint64_t allowed = BIT(NAME) | BIT(TYPE) | BIT(ENCODING) | BIT(REPLY_TO);
    if (bytes.size > ATE__BODY_HEADER_MAX)
        return ate__field_over("bytes of private items", bytes.size, ATE__BODY_HEADER_MAX);
    struct ate__header h;
    int rc = ate__header_decode(bytes, &h);
    if (rc)
        return ate__context(rc, "private items");
    if (h.present & ~allowed)
        return ate__fail(ATE_MALFORMED, "private items: %s stands in the clear header only",
                         ate__tag_name((unsigned)__builtin_ctzll(h.present & ~allowed)));
    *ret_header = h;
    return 0;
}

int ate__private_items_check(const struct ate__header *clear, const struct ate__header *items)
{
    if (ate__header_has(clear, ATE__TAG_TYPE) && ate__header_has(items, ATE__TAG_TYPE))
        return ate__fail(ATE_MALFORMED, "private items: TYPE stands in the clear header already");
    if (ate__header_has(items, ATE__TAG_NAME) && !ate__header_has(clear, ATE__TAG_TAG))
        return ate__fail(ATE_MALFORMED, "private items: NAME without TAG in the clear header");
    return 0;
}

/* ---- kinds ---- */

/* The first row whose lead item is there decides. */
static const struct kind_rule {
    uint64_t lead; /* any of these */
    uint64_t needed, allowed;
    bool user; /* optional items may follow */
    enum ate__event_kind kind;
    const char *name;
} kind_rules[] = {
    {BIT(GENESIS), BIT(GENESIS), BIT(GENESIS), false, ATE__EVENT_CHAIN, "a CHAIN event"},
    {BIT(SNAPSHOT), BIT(SNAPSHOT), BIT(SNAPSHOT), false, ATE__EVENT_SNAPSHOT, "a SNAPSHOT event"},
    {BIT(RESET), BIT(RESET), BIT(RESET), false, ATE__EVENT_RESET, "a RESET event"},
    {BIT(LOG_KEYS) | BIT(COMPACTOR_KEYS), 0, BIT(LOG_KEYS) | BIT(COMPACTOR_KEYS), false,
     ATE__EVENT_CHAIN, "a CHAIN event"},
    {BIT(PUBLIC_KEY), BIT(PUBLIC_KEY), BIT(PUBLIC_KEY), false, ATE__EVENT_PUBLIC_KEY,
     "a PUBLIC_KEY event"},
    {BIT(ROOT), BIT(ROOT), BIT(ROOT), false, ATE__EVENT_ROOT, "a ROOT event"},
    {BIT(REVOKE), BIT(REVOKE), BIT(REVOKE), false, ATE__EVENT_REVOKE, "a REVOKE event"},
    {BIT(TOMBSTONE), BIT(OBJECT) | BIT(PREV) | BIT(TOMBSTONE),
     BIT(OBJECT) | BIT(PREV) | BIT(TOMBSTONE), false, ATE__EVENT_BODY, "a tombstone"},
    {BIT(AUTH), BIT(OBJECT) | BIT(AUTH),
     BIT(OBJECT) | BIT(AUTH) | BIT(PREV) | BIT(EPOCH) | BIT(RECIPIENTS) | BIT(LINK) | BIT(NAMEKEY) |
         BIT(HOLD) | BIT(PUBLISHED) | BIT(CAME_FROM),
     true, ATE__EVENT_CONTROL, "a control event"},
    {BIT(PARENT), BIT(OBJECT) | BIT(PARENT),
     BIT(OBJECT) | BIT(PARENT) | BIT(PREV) | BIT(TAG) | BIT(NAME) | BIT(TYPE) | BIT(ENCODING) |
         BIT(CONF) | BIT(REPLY_TO) | BIT(SEALED),
     true, ATE__EVENT_BODY, "a body event"},
};

static const struct ate_id top;

static int check_body(const struct ate__header *h)
{
    static const uint64_t private_only = BIT(NAME) | BIT(ENCODING) | BIT(REPLY_TO);
    if (ate__id_equal(&h->object, &top))
        return ate__fail(ATE_MALFORMED, "the top has no body and is never deleted");
    if (ate__header_has(h, ATE__TAG_TOMBSTONE))
        return 0;
    if (ate__id_equal(&h->object, &h->parent))
        return ate__fail(ATE_MALFORMED, "an object that is its own PARENT");
    if (ate__header_has(h, ATE__TAG_NAME) && !ate__header_has(h, ATE__TAG_TAG))
        return ate__fail(ATE_MALFORMED, "NAME without TAG");
    if (!ate__header_has(h, ATE__TAG_CONF))
        return ate__header_has(h, ATE__TAG_SEALED) ? ate__fail(ATE_MALFORMED, "SEALED without CONF")
                                                   : 0;
    if (h->present & private_only)
        return ate__fail(ATE_MALFORMED, "%s in clear beside CONF",
                         ate__tag_name((unsigned)__builtin_ctzll(h->present & private_only)));
    if (h->user.size)
        return ate__fail(ATE_MALFORMED, "a user item in clear beside CONF");
    if (h->tag_count > 1)
        return ate__fail(ATE_MALFORMED, "two tags beside CONF");
    return 0;
}

static int check_control(const struct ate__header *h)
{
    bool epoch = ate__header_has(h, ATE__TAG_EPOCH), link = ate__header_has(h, ATE__TAG_LINK);
    if (epoch != ate__header_has(h, ATE__TAG_RECIPIENTS))
        return ate__fail(ATE_MALFORMED, "EPOCH and RECIPIENTS come together");
    if (link && !epoch)
        return ate__fail(ATE_MALFORMED, "LINK without EPOCH");
    if (epoch && ate__header_has(h, ATE__TAG_PUBLISHED))
        return ate__fail(ATE_MALFORMED, "EPOCH and PUBLISHED together");
    if (link && !h->epoch.epoch)
        return ate__fail(ATE_MALFORMED, "LINK in epoch 0, before which there is none");
    return 0;
}

int ate__header_kind(const struct ate__header *h, enum ate__event_kind *ret_kind)
{
    if (h->present & reserved_tags) {
        *ret_kind = ATE__EVENT_RESERVED;
        return 0;
    }
    const struct kind_rule *rule = NULL;
    for (size_t i = 0; i < ATE__COUNT_OF(kind_rules) && !rule; i++)
        if (h->present & kind_rules[i].lead)
            rule = &kind_rules[i];
    if (!rule)
        return ate__fail(ATE_MALFORMED, "no item says what kind of event it is");
    uint64_t missing = rule->needed & ~h->present, strange = h->present & ~rule->allowed;
    if (missing)
        return ate__fail(ATE_MALFORMED, "%s without %s", rule->name,
                         ate__tag_name((unsigned)__builtin_ctzll(missing)));
    if (strange)
        return ate__fail(ATE_MALFORMED, "%s with %s", rule->name,
                         ate__tag_name((unsigned)__builtin_ctzll(strange)));
    if (h->user.size && !rule->user)
        return ate__fail(ATE_MALFORMED, "%s with a user item", rule->name);
    int rc = rule->kind == ATE__EVENT_BODY      ? check_body(h)
             : rule->kind == ATE__EVENT_CONTROL ? check_control(h)
                                                : 0;
    if (rc)
        return ate__context(rc, "%s", rule->name);
    *ret_kind = rule->kind;
    return 0;
}
