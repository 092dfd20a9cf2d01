/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * draft.h: transactions put together event by event, without the library's own way of making them:
 * good ones, and such as no honest writer makes. What goes wrong here fails the test.
 */
#pragma once
#include "base/err.h"
#include "lib/check.h"
#include "trust/seal.h"
#include "trust/state.h"

enum { DRAFT_SIGNERS = 4, DRAFT_PRECONDITIONS = 16 };

struct draft {
    struct ate__tx_in in; /* events and preconditions are set by draft_encode() */
    struct ate__event_in *events;
    uint32_t count, capacity;
    struct ate__precondition preconditions[DRAFT_PRECONDITIONS];
    uint32_t precondition_count;
    const struct ate__key *signer[DRAFT_SIGNERS];
    uint32_t signer_count;
    void *blocks; /* what lives as long as the draft */
    /* After draft_encode(): */
    struct ate__buf encoded;
    struct ate_hash hash;
    struct ate__event_hashes *hashes; /* of the events, in order */
};

void draft_init(struct draft *d, const struct ate_hash *chain_id);
void draft_deinit(struct draft *d);
/* The bytes, signed; until draft_deinit(). */
struct ate_bytes draft_encode(struct draft *d);
/* Of some, signed together by one key, in this order. */
void draft_encode_batch(struct draft *const *d, uint32_t count, const struct ate__key *key);
/* The same decoded; until ate__tx_deinit(). */
struct ate__tx draft_tx(struct draft *d);

/* All of it is copied. */
struct draft_body {
    struct ate_id id, parent;
    uint32_t collection;
    const struct ate_hash *prev;
    const char *name;            /* with its open tag; NULL: none */
    const uint8_t *tags;         /* in its place: raw tags */
    unsigned tag_count;
    const struct ate__conf_item *conf; /* the payload is a ciphertext then */
    struct ate_bytes payload;    /* data NULL: none */
};
void draft_body(struct draft *d, const struct draft_body *body);
void draft_text(struct draft *d, struct ate_id id, const struct ate_hash *prev, const char *text);
void draft_tombstone(struct draft *d, struct ate_id id, struct ate_hash prev, bool subtree);
/* Rules without a scope: read is inherit or everyone. */
void draft_control(struct draft *d, struct ate_id id, const struct ate_hash *prev,
                   const struct ate__auth *auth);
/* An event of one item: PUBLIC_KEY, ROOT, REVOKE, GENESIS ... */
void draft_item(struct draft *d, enum ate__tag tag, struct ate_bytes bytes);
/* An event with this header. */
void draft_event(struct draft *d, uint8_t form, struct ate_bytes header, struct ate_bytes payload);
void draft_require(struct draft *d, uint8_t kind, struct ate_id id, const struct ate_hash *hash);

struct ate_id id_of(unsigned n); /* 0: the top */
struct ate__auth auth_write(uint8_t who); /* enum ate__rule_who but ANY_OF; the rest inherits */
/* Any of these keys, sorted; for as long as the draft. */
struct ate__rule draft_rule(struct draft *d, const struct ate_hash *keys, uint32_t count);
