/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * header.h: the header of an event: canonical items, tag by tag (docs/format/event.md).
 *
 * Item: u16le tag, LEB128 length in its shortest form, bytes. Tags strictly ascend; nothing trails.
 * Tags below 0x8000 are critical: an unknown one makes the transaction ATE_UNSUPPORTED; from 0x8000
 * on they are kept and ignored, and user items live there.
 *
 * In a private scope NAME, TYPE, ENCODING, REPLY_TO and the user items of a body event stand in the
 * ciphertext: a second item list, the *private items*, in the same form, in front of the payload.
 */
#pragma once
#include "base/rd.h"
#include "base/wr.h"
#include "event/limits.h"

/* clang-format off */
/*      name         tag   what it holds */
#define ATE__TAGS(X) \
    X(OBJECT,       0x01) /* id, 16 bytes */ \
    X(PREV,         0x02) /* event hash of the version that this one replaces, 32 */ \
    X(PARENT,       0x03) /* id, u32le collection, 20 */ \
    X(TAG,          0x04) /* name tag, 16; or the private and then the open one, 32 */ \
    X(NAME,         0x05) /* 1..255 bytes */ \
    X(TYPE,         0x06) /* 1..255 bytes of UTF-8 */ \
    X(ENCODING,     0x07) /* u8: 1 MessagePack (never written: the default), 2 JSON */ \
    X(CONF,         0x08) /* u64le epoch, data key id 32, version id 16, nonce 24: 80 bytes */ \
    X(TOMBSTONE,    0x09) /* u8: 0, or 1 SUBTREE */ \
    X(REPLY_TO,     0x0a) /* id, 16 */ \
    X(AUTH,         0x10) /* four rules: read, write, append, admin */ \
    X(EPOCH,        0x11) /* u64le epoch, data key id 32, u16le KEM id, seal public key */ \
    X(RECIPIENTS,   0x12) /* list of (fingerprint, u8 method, sealed, label) */ \
    X(LINK,         0x13) /* D of the epoch before, wrapped: 40 */ \
    X(NAMEKEY,      0x14) /* u8 1 wrapped: data key id 32, 40 bytes; u8 0 clear: 32 bytes */ \
    X(HOLD,         0x15) /* u8 1: in an archive, what lies here is not deleted */ \
    X(PUBLISHED,    0x16) /* D of the scope's last epoch, in clear: 32 */ \
    X(CAME_FROM,    0x17) /* list of ids: scopes that what lies here may still be sealed for */ \
    X(GENESIS,      0x20) /* genesis body; the event is CHAIN */ \
    X(PUBLIC_KEY,   0x21) /* a public key */ \
    X(ROOT,         0x22) /* list of (u8 1 add, public key) and (u8 2 remove, fingerprint) */ \
    X(REVOKE,       0x23) /* fingerprint, 32 */ \
    X(SEALED,       0x24) /* data key id of the epoch 32, a data key sealed to the epoch: 1,200 */ \
    X(HOME,         0x25) /* reserved */ \
    X(MOVED,        0x26) /* reserved */ \
    X(RESET,        0x27) /* old head u64le 32, new head u64le 32, u8 reason, text */ \
    X(SNAPSHOT,     0x28) /* u64le size, root of the tree 32, state root 32: 72 bytes */ \
    X(LOG_KEYS,     0x29) /* as ROOT; the event is CHAIN */ \
    X(COMPACTOR_KEYS, 0x2a) /* as ROOT; the event is CHAIN */
enum ate__tag {
#define ATE__X(name, number) ATE__TAG_##name = number,
    ATE__TAGS(ATE__X)
#undef ATE__X
    ATE__TAG_OPTIONAL = 0x8000
};
/* clang-format on */
enum ate__encoding { ATE__MSGPACK = 1, ATE__JSON = 2 };

enum { ATE__NAME_TAG = 16, ATE__CONF_SIZE = 80, ATE__LINK_SIZE = 40, ATE__SNAPSHOT_SIZE = 72 };
enum { ATE__RESET_SIZE_MIN = 81 }; /* bytes, and those of the text */
enum { ATE__PUBLISHED_SIZE = 32 };

struct ate__conf_item {
    uint64_t epoch;
    struct ate_hash data_key_id;
    uint8_t version_id[16];
    uint8_t nonce[24];
};
/* Of a body whose writer does not read its scope: the data key of CONF, a fresh one, sealed to the
 * seal key of the epoch that has this data key id. */
struct ate__sealed_item {
    struct ate_hash epoch_key_id;
    struct ate_bytes sealed; /* a 32-byte key, sealed to the epoch's; a view */
};
/* As enum ate_who of the public interface. */
enum ate__rule_who { ATE__RULE_INHERIT, ATE__RULE_EVERYONE, ATE__RULE_NOBODY, ATE__RULE_ANY_OF };
struct ate__rule {
    uint8_t who;         /* enum ate__rule_who */
    uint32_t count;      /* at least 1 for ANY_OF, else 0 */
    const uint8_t *keys; /* count * 32 bytes, strictly ascending; a view */
};
enum ate__right {
    ATE__RIGHT_READ,
    ATE__RIGHT_WRITE,
    ATE__RIGHT_APPEND,
    ATE__RIGHT_ADMIN,
    ATE__RIGHTS
};
struct ate__auth {
    struct ate__rule rule[ATE__RIGHTS];
};
struct ate__epoch_item {
    uint64_t epoch;
    struct ate_hash data_key_id;
    uint16_t kem;                /* its id, crypto/algorithm.h */
    struct ate_bytes seal_public; /* a view */
};
enum ate__seal_method { ATE__SEALED_TO_KEM = 1, ATE__WRAPPED_BY_READ_KEY = 2 };
struct ate__recipient {
    struct ate_hash fingerprint;
    uint8_t method;
    struct ate_bytes sealed, label; /* views; label: under the data key, may be empty */
};
enum ate__root_op { ATE__ROOT_ADD = 1, ATE__ROOT_REMOVE = 2 };
struct ate__root_change {
    uint8_t op;
    struct ate_bytes key; /* ADD: the public key; REMOVE: the fingerprint, 32 bytes; a view */
};
/* That whoever signs verified transactions 0 to size - 1 and found this state behind them. */
struct ate__snapshot_item {
    uint64_t size; /* at least 1 */
    struct ate_hash root, state_root; /* docs/format/trust.md, 17 */
};
enum ate__reset_reason { ATE__RESET_RESTORE = 1, ATE__RESET_REPAIR, ATE__RESET_ADOPT };
/* That whoever signs it wants the chain to go on behind these transactions, whatever came behind
 * them before. */
struct ate__reset_item {
    uint64_t old_size; /* that the chain had; 0: not known; else above `size` */
    struct ate_hash old_root; /* zeros where that is not known */
    uint64_t size; /* at least 1 */
    struct ate_hash root;
    uint8_t reason; /* enum ate__reset_reason */
    struct ate_bytes text; /* UTF-8 without NUL, may be empty; a view */
};
struct ate__namekey_item {
    bool wrapped;
    struct ate_hash data_key_id;  /* zero when clear */
    struct ate_bytes bytes;       /* 40 or 32 bytes; a view */
};

/* A decoded item list; all views point into the bytes given. has() tells which are there. */
struct ate__header {
    uint64_t present; /* bit `tag` for each known tag */
    struct ate_id object, parent, reply_to;
    uint32_t collection;
    struct ate_hash prev, revoked;
    const uint8_t *tags; /* tag_count * 16 bytes */
    unsigned tag_count;
    struct ate_bytes name, type;
    uint8_t encoding;    /* ATE__MSGPACK unless the item says otherwise */
    uint8_t tombstone;
    struct ate__conf_item conf;
    struct ate__sealed_item sealed;
    struct ate__auth auth;
    struct ate__epoch_item epoch;
    struct ate_bytes recipients, link, genesis, public_key, root; /* raw; lists were checked */
    struct ate_bytes published; /* D, ATE__PUBLISHED_SIZE bytes */
    struct ate_bytes came_from; /* 16 bytes for each id, strictly ascending; a view */
    struct ate_bytes log_keys, compactor_keys; /* the same */
    struct ate__snapshot_item snapshot;
    struct ate__reset_item reset;
    struct ate_bytes reserved; /* the first reserved item */
    struct ate__namekey_item namekey;
    struct ate_bytes user; /* all items from 0x8000 on, as they stand */
};
static inline bool ate__header_has(const struct ate__header *h, enum ate__tag tag)
{
    return h->present >> tag & 1;
}

enum ate__event_kind {
    ATE__EVENT_BODY,
    ATE__EVENT_CONTROL,
    ATE__EVENT_CHAIN, /* GENESIS, or a change of the keys of services */
    ATE__EVENT_ROOT,
    ATE__EVENT_REVOKE,
    ATE__EVENT_PUBLIC_KEY,
    ATE__EVENT_SNAPSHOT,
    ATE__EVENT_RESET,
    ATE__EVENT_RESERVED /* a kind whose rules a later version brings */
};

/* Reads an item list. Errors: MALFORMED (which item, where), UNSUPPORTED (unknown critical tag,
 * algorithm or encoding), TOO_BIG. */
int ate__header_decode(struct ate_bytes bytes, struct ate__header *ret_header) ATE__CHECK;
/* What kind of event the items make, checking that they are the right ones together (a body event:
 * OBJECT PARENT ..., a tombstone: OBJECT PREV TOMBSTONE and nothing else, ...; with CONF no NAME
 * ENCODING REPLY_TO or user item stands in clear). MALFORMED. */
int ate__header_kind(const struct ate__header *h, enum ate__event_kind *ret_kind) ATE__CHECK;
/* Private items may hold only NAME TYPE ENCODING REPLY_TO and user items. Errors: MALFORMED,
 * UNSUPPORTED, TOO_BIG. */
int ate__private_items_decode(struct ate_bytes bytes, struct ate__header *ret_header) ATE__CHECK;
/* Whether they fit the clear header that they belong to: no TYPE in both, no NAME without TAG.
 * MALFORMED */
int ate__private_items_check(const struct ate__header *clear, const struct ate__header *items)
    ATE__CHECK;

/* The next item of a list in its canonical form; *last_tag starts at -1. Whoever reads a list
 * checks ate__rd_left() first. MALFORMED */
int ate__item_read(struct ate__rd *r, int *last_tag, unsigned *ret_tag, struct ate_bytes *ret_bytes)
    ATE__CHECK;
const char *ate__tag_name(unsigned tag); /* "NAME"; "an item" if unknown */

/* Writes items in ascending order of tag; a lower one after a higher one is our bug (assertion). */
struct ate__header_wr {
    struct ate__wr w;
    int last_tag;
};
struct ate__header_wr ate__header_wr_of(struct ate__buf *buf);
void ate__header_item(struct ate__header_wr *w, unsigned tag, struct ate_bytes bytes);
void ate__header_parent(struct ate__header_wr *w, const struct ate_id *parent, uint32_t collection);
void ate__header_conf(struct ate__header_wr *w, const struct ate__conf_item *conf);
void ate__header_sealed(struct ate__header_wr *w, const struct ate__sealed_item *sealed);
void ate__header_auth(struct ate__header_wr *w, const struct ate__auth *auth);
void ate__header_epoch(struct ate__header_wr *w, const struct ate__epoch_item *epoch);
void ate__header_recipients(struct ate__header_wr *w, const struct ate__recipient *recipients,
                            uint32_t count); /* ascending fingerprints */
/* tag: ROOT, LOG_KEYS or COMPACTOR_KEYS; ascending (op, key) */
void ate__header_keys(struct ate__header_wr *w, enum ate__tag tag,
                      const struct ate__root_change *changes, uint32_t count);
void ate__header_snapshot(struct ate__header_wr *w, const struct ate__snapshot_item *snapshot);
void ate__header_reset(struct ate__header_wr *w, const struct ate__reset_item *reset);
void ate__header_came_from(struct ate__header_wr *w, struct ate_bytes ids); /* ascending */
void ate__header_namekey(struct ate__header_wr *w, const struct ate__namekey_item *namekey);
void ate__header_user(struct ate__header_wr *w, struct ate_bytes user_items);
int ate__header_end(struct ate__header_wr *w) ATE__CHECK; /* 0 or ATE_E_MEMORY */

/* Walks RECIPIENTS: *at starts at 0; false at the end. The item was checked by decode. */
bool ate__recipient_next(struct ate_bytes recipients, size_t *at,
                         struct ate__recipient *ret_recipient);
bool ate__root_next(struct ate_bytes root, size_t *at,
                    struct ate__root_change *ret_change); /* of ROOT and lists like it */
bool ate__rule_has(const struct ate__rule *rule,
                   const struct ate_hash *fingerprint); /* binary search in an any-of rule */
