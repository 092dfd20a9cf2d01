/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * tx_hash.c: the hashes of events and transactions (docs/format/event.md, 2, 8 and 9).
 */
#include "base/endian.h"
#include "base/err.h"
#include "crypto/merkle.h"
#include "event/tx_parts.h"

static int hash_event(enum ate__hash_alg alg, struct ate_bytes header, uint64_t payload_size,
                      const struct ate_hash *payload_hash, struct ate_hash *ret_hash)
{
    uint8_t size[8];
    ate__store64(size, payload_size);
    struct ate_bytes fields[] = {
        header,
        ate__bytes(size, sizeof size),
        payload_hash ? ate__bytes(payload_hash->b, sizeof payload_hash->b) : ate__bytes(NULL, 0),
    };
    return ate__hash(alg, "ate event 1", fields, ATE__COUNT_OF(fields), ret_hash);
}

static int hash_payload(enum ate__hash_alg alg, struct ate_bytes salt, struct ate_bytes payload,
                        struct ate_hash *ret_hash)
{
    struct ate_bytes fields[] = {salt, payload};
    return ate__hash(alg, "ate payload 1", fields, ATE__COUNT_OF(fields), ret_hash);
}

int ate__event_rehash(enum ate__hash_alg alg, struct ate__event *e)
{
    if (ate__event_has_payload(e)) {
        int rc = hash_payload(alg, e->salt, e->payload, &e->payload_hash);
        if (rc)
            return rc;
    }
    return hash_event(alg, e->bytes, e->payload_size,
                      e->form == ATE__BARE ? NULL : &e->payload_hash, &e->hash);
}

int ate__event_hash(enum ate__hash_alg alg, const struct ate__event_in *event,
                    struct ate_hash *ret_hash)
{
    struct ate_hash payload_hash;
    if (event->form == ATE__BARE)
        return hash_event(alg, event->header, 0, NULL, ret_hash);
    int rc = hash_payload(alg, event->salt, event->payload, &payload_hash);
    return rc ? rc : hash_event(alg, event->header, event->payload.size, &payload_hash, ret_hash);
}

void ate__tx_hasher_begin(struct ate__hasher *h, enum ate__hash_alg alg, const uint8_t *fixed,
                          struct ate_bytes preconditions, uint32_t event_count)
{
    uint8_t count[4];
    ate__store32(count, event_count);
    ate__hasher_begin(h, alg, "ate tx 1");
    ate__hasher_field(h, ate__bytes(fixed + ATE__TX_CHAIN_ID_AT, 32));
    ate__hasher_field(h, ate__bytes(fixed + ATE__TX_ORIGIN_AT, 16));
    ate__hasher_field(h, ate__bytes(fixed + ATE__TX_NUMBER_AT, 8));
    ate__hasher_field(h, ate__bytes(fixed + ATE__TX_BASE_SIZE_AT, 8));
    ate__hasher_field(h, ate__bytes(fixed + ATE__TX_BASE_ROOT_AT, 32));
    ate__hasher_field(h, ate__bytes(fixed + ATE__TX_TIME_AT, 8));
    ate__hasher_field(h, preconditions);
    ate__hasher_field_size(h, sizeof count + 32 * (uint64_t)event_count);
    ate__hasher_raw(h, ate__bytes(count, sizeof count));
}

int ate__tx_signatures_hash(const struct ate__tx *tx, enum ate__hash_alg alg,
                            struct ate_hash *ret_hash)
{
    return ate__hash(alg, "ate sigs 1", &tx->signature_section, 1, ret_hash);
}

int ate__tx_leaf_of(const struct ate_hash *tx_hash, const struct ate_hash *signatures_hash,
                    uint64_t sequence, uint64_t root_time_us, struct ate_hash *ret_leaf)
{
    uint8_t entry[1 + 8 + 8 + 32 + 32] = {1};
    ate__store64be(entry + 1, sequence);
    ate__store64be(entry + 9, root_time_us);
    memcpy(entry + 17, tx_hash->b, sizeof tx_hash->b);
    memcpy(entry + 49, signatures_hash->b, sizeof signatures_hash->b);
    return ate__leaf_hash(ate__bytes(entry, sizeof entry), ret_leaf);
}

int ate__tx_leaf(const struct ate__tx *tx, enum ate__hash_alg alg, uint64_t sequence,
                 uint64_t root_time_us, struct ate_hash *ret_leaf)
{
    struct ate_hash signatures;
    int rc = ate__tx_signatures_hash(tx, alg, &signatures);
    return rc ? rc : ate__tx_leaf_of(&tx->hash, &signatures, sequence, root_time_us, ret_leaf);
}

int ate__batch_message(enum ate__hash_alg alg, const struct ate_hash *tx_hash,
                       const struct ate__signature *s, struct ate_hash *ret_message)
{
    int rc = ate__batch_check(s);
    if (rc)
        return rc;
    struct ate_hash leaf, root, path[ATE__BATCH_PATH_MAX];
    if (s->path_count)
        memcpy(path, s->path, 32 * (size_t)s->path_count);
    rc = ate__leaf_hash(ate__bytes(tx_hash->b, sizeof tx_hash->b), &leaf);
    if (!rc)
        rc = ate__merkle_root_of_path(&leaf, s->batch_index, s->batch_size, path, s->path_count,
                                      &root);
    if (rc)
        return rc;
    uint8_t size[4];
    ate__store32(size, s->batch_size);
    struct ate_bytes fields[] = {
        ate__bytes(s->fingerprint.b, sizeof s->fingerprint.b),
        ate__bytes(size, sizeof size),
        ate__bytes(root.b, sizeof root.b),
    };
    return ate__hash(alg, "ate batch 1", fields, ATE__COUNT_OF(fields), ret_message);
}
