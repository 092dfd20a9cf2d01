/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * tx.h: a transaction as bytes, its hashes, its signatures (docs/format/event.md).
 *
 * An event stands in one of five forms, all under the same event hash, so that 32 bytes can stand
 * for a dropped event, and header, payload hash and length for a dropped payload:
 *
 *   DROPPED    event hash
 *   BARE       header                                     no payload
 *   CLEAR      header, salt 16, payload                   open scopes
 *   CIPHER     header, ciphertext                         private scopes
 *   STRIPPED   header, u64 payload length, payload hash   payload dropped, or left at the root
 */
#pragma once
#include "event/genesis.h"
#include "event/header.h"

enum ate__form {
    ATE__DROPPED = 0,
    ATE__BARE = 1,
    ATE__CLEAR = 2,
    ATE__CIPHER = 3,
    ATE__STRIPPED = 4
};

struct ate__event {
    uint8_t form, kind;           /* enum ate__form, ate__event_kind; no kind when DROPPED */
    struct ate_bytes whole;       /* the event's encoding, from its form byte on */
    struct ate_bytes bytes;       /* header */
    struct ate__header header;    /* decoded */
    struct ate_bytes salt, payload;
    uint64_t payload_size;        /* bytes */
    struct ate_hash payload_hash; /* without payload: not read */
    struct ate_hash hash;         /* event hash */
};
/* The bytes, not what was stripped. */
static inline bool ate__event_has_payload(const struct ate__event *e)
{
    return e->form == ATE__CLEAR || e->form == ATE__CIPHER;
}

enum ate__precondition_kind { ATE__IS_CURRENT = 1, ATE__IS_ABSENT = 2, ATE__TAG_FREE = 3 };
struct ate__precondition {
    uint8_t kind;
    struct ate_id id;     /* the object, or the parent of TAG_FREE */
    struct ate_hash hash; /* IS_CURRENT: event hash of its body; TAG_FREE: tag in the first 16 */
};
struct ate__signature {
    struct ate_hash fingerprint;
    uint32_t batch_size, batch_index, path_count;
    const uint8_t *path;    /* path_count * 32 bytes */
    struct ate_bytes bytes; /* the signature */
};
struct ate__txn_id {
    uint8_t origin[16];
    uint64_t number;
};

struct ate__tx {
    struct ate_bytes encoded;       /* all of it; everything below points into it */
    struct ate_hash chain_id, base_root;
    struct ate__txn_id id;
    uint64_t base_size, time_us;    /* writer's time: a claim */
    uint32_t precondition_count, event_count, signature_count;
    struct ate_bytes preconditions; /* encoded, with their count; see ate__tx_precondition() */
    uint32_t precondition_kinds[4]; /* how many of each kind: they stand in this order */
    struct ate__event *events;      /* owned by the tx */
    struct ate__signature signatures[ATE__TX_SIGNATURES_MAX];
    bool attested; /* the server says who it was: of `signatures` only fingerprints are there */
    struct ate_bytes signature_section;
    struct ate_hash hash;           /* tx_hash */
};

/* Decodes and hashes; `encoded` is borrowed and outlives the tx. ret_tx is to be deinitialised
 * after success. Errors: MALFORMED UNSUPPORTED TOO_BIG E_MEMORY, each saying which event and where.
 */
int ate__tx_decode(struct ate_bytes encoded, enum ate__hash_alg alg, struct ate__tx *ret_tx)
    ATE__CHECK;
void ate__tx_deinit(struct ate__tx *tx);
/* A signature by that key stands in it; what is attested is none. Says nothing of whether it holds.
 */
bool ate__tx_signed_by(const struct ate__tx *tx, const struct ate_hash *fingerprint);
/* One event by itself, as ate__event.whole gives it: hashes and checks it just as ate__tx_decode()
 * does. Errors: MALFORMED UNSUPPORTED TOO_BIG E_MEMORY */
int ate__event_decode(struct ate_bytes whole, enum ate__hash_alg alg, struct ate__event *ret_event)
    ATE__CHECK;
struct ate__precondition ate__tx_precondition(const struct ate__tx *tx, uint32_t index);
/* Hash algorithm of the transaction that is a genesis, before a chain is known: finds GENESIS and
 * reads it. Errors: MALFORMED UNSUPPORTED TOO_BIG E_MEMORY */
int ate__tx_genesis_alg(struct ate_bytes encoded, enum ate__hash_alg *ret_alg) ATE__CHECK;

/* ---- making one ---- */
struct ate__event_in {
    uint8_t form;
    struct ate_bytes header, salt, payload; /* STRIPPED is never made here */
};
struct ate__tx_in {
    struct ate_hash chain_id, base_root;
    struct ate__txn_id id;
    uint64_t base_size, time_us;
    const struct ate__precondition *preconditions; /* any order; encode sorts and removes doubles */
    uint32_t precondition_count;
    const struct ate__event_in *events;
    uint32_t event_count;
};
/* Appends the unsigned part to buf and gives tx_hash. Checks all that decode would check, so what
 * it makes is accepted by it; on failure buf is as it was. Errors: MALFORMED UNSUPPORTED TOO_BIG
 * E_MEMORY, each saying which event and where. */
int ate__tx_encode(const struct ate__tx_in *in, enum ate__hash_alg alg, struct ate__buf *buf,
                   struct ate_hash *ret_hash) ATE__CHECK;
/* For the process that made a transaction and now reads it: encode gives the hashes of its events
 * too (event_count of them), and decode takes them and tx_hash for true in place of hashing again.
 * Never for bytes from elsewhere. Errors: as encode and decode; MISUSE: another number of events.
 */
struct ate__event_hashes {
    struct ate_hash event, payload; /* payload: not set without one */
};
int ate__tx_encode_hashes(const struct ate__tx_in *in, enum ate__hash_alg alg, struct ate__buf *buf,
                          struct ate__event_hashes *ret_events, struct ate_hash *ret_hash)
    ATE__CHECK;
int ate__tx_decode_own(struct ate_bytes encoded, const struct ate__event_hashes *events,
                       uint32_t event_count, const struct ate_hash *hash, struct ate__tx *ret_tx)
    ATE__CHECK;
/* Appends the signature section (count 0: unsigned) behind the unsigned part. Signatures are sorted
 * by fingerprint; on failure buf is as it was. Errors: MALFORMED (also two by one key) TOO_BIG
 * E_MEMORY */
int ate__tx_encode_signatures(const struct ate__signature *signatures, uint32_t count,
                              struct ate__buf *buf) ATE__CHECK;
/* The same of who made it as the server says that orders it: count 1 to ATE__TX_SIGNATURES_MAX, in
 * any order. Errors: MALFORMED: none, or one twice; TOO_BIG E_MEMORY */
int ate__tx_encode_attested(const struct ate_hash *fingerprints, uint32_t count,
                            struct ate__buf *buf) ATE__CHECK;
/* A copy of a transaction for someone who wants only some of its events: those for which keep()
 * gives false become DROPPED; payloads over payload_max bytes become STRIPPED where that is
 * shorter. Appends to buf; on failure buf is as it was. E_MEMORY */
int ate__tx_reduce(const struct ate__tx *tx, bool (*keep)(void *arg, uint32_t event), void *arg,
                   uint64_t payload_max, struct ate__buf *buf) ATE__CHECK;

/* The same where each event is asked what stays of it: its hash alone, its header, all of it. */
enum ate__part { ATE__PART_HASH, ATE__PART_HEADER, ATE__PART_WHOLE };
typedef enum ate__part ate__part_fn(void *arg, uint32_t event);
int ate__tx_reduce_parts(const struct ate__tx *tx, ate__part_fn *part, void *arg,
                         struct ate__buf *buf) ATE__CHECK;

/* ---- hashes ---- */
/* event_hash = H("ate event 1", header, u64 payload length, payload_hash), where
 * payload_hash = H("ate payload 1", salt, payload), or the empty field without payload. E_MEMORY */
int ate__event_hash(enum ate__hash_alg alg, const struct ate__event_in *event,
                    struct ate_hash *ret_hash) ATE__CHECK;
/* leaf = SHA-256(0x00, entry), where
 * entry = 0x01, u64be sequence, u64be root time, tx_hash, H("ate sigs 1", signature section) */
int ate__tx_leaf(const struct ate__tx *tx, enum ate__hash_alg alg, uint64_t sequence,
                 uint64_t root_time_us, struct ate_hash *ret_leaf) ATE__CHECK;
/* The same of the two hashes in it, for who has no more of the transaction. */
int ate__tx_signatures_hash(const struct ate__tx *tx, enum ate__hash_alg alg,
                            struct ate_hash *ret_hash) ATE__CHECK;
int ate__tx_leaf_of(const struct ate_hash *tx_hash, const struct ate_hash *signatures_hash,
                    uint64_t sequence, uint64_t root_time_us, struct ate_hash *ret_leaf) ATE__CHECK;
/* What a signature covers: H("ate batch 1", fingerprint, u32 n, root), where root is the RFC 9162
 * hash over the tx_hashes of the batch. Errors: MALFORMED (the path does not fit) TOO_BIG E_MEMORY
 */
int ate__batch_message(enum ate__hash_alg alg, const struct ate_hash *tx_hash,
                       const struct ate__signature *s, struct ate_hash *ret_message) ATE__CHECK;
