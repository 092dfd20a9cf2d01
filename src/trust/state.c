/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * state.c: what a chain's history says about trust as a whole.
 *
 * A query takes a const state: what it locks inside is not part of what the state says.
 */
#include "trust/state.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/err.h"
#include "base/text.h"
#include "trust/policy.h"
#include "trust/state_private.h"

static struct ate__trust *inside(const struct ate__trust *t)
{
    return (struct ate__trust *)(uintptr_t)t;
}

bool ate__brought_next(struct ate__brought *b, struct ate_bytes *ret_public_key,
                       uint32_t *ret_event)
{
    for (; b->event < b->tx->event_count; b->event++, b->at = 0) {
        const struct ate__event *e = &b->tx->events[b->event];
        struct ate__root_change change;
        *ret_event = b->event;
        if (e->form == ATE__DROPPED)
            continue;
        if (e->kind == ATE__EVENT_PUBLIC_KEY && !b->at++) {
            *ret_public_key = e->header.public_key;
            return true;
        }
        struct ate_bytes list =
            e->kind == ATE__EVENT_ROOT ? e->header.root : e->header.compactor_keys;
        while (list.size && ate__root_next(list, &b->at, &change))
            if (change.op == ATE__ROOT_ADD) {
                *ret_public_key = change.key;
                return true;
            }
    }
    return false;
}

/* ---- birth and death ---- */

/* NULL: there is none. */
static const struct ate__event *genesis_event(const struct ate__tx *tx)
{
    for (uint32_t i = 0; i < tx->event_count; i++)
        if (ate__header_has(&tx->events[i].header, ATE__TAG_GENESIS))
            return &tx->events[i];
    return NULL;
}

static int read_genesis(struct ate__trust *t, const struct ate__tx *tx)
{
    const struct ate__event *e = genesis_event(tx);
    if (!e)
        return ate__fail(ATE_MALFORMED, "no event is one");
    int rc = ate__buf_append(&t->body, e->header.genesis);
    if (!rc)
        rc = ate__genesis_decode(ate__buf_bytes(&t->body), &t->genesis);
    if (!rc)
        rc = ate__chain_id(t->genesis.hash_alg, ate__buf_bytes(&t->body), &t->chain_id);
    if (rc)
        return rc;
    if (!ate__hash_equal(&tx->chain_id, &t->chain_id))
        return ate__fail(ATE_MALFORMED, "it names another chain than its genesis makes");
    return 0;
}

static int add_key(struct ate__trust *t, enum ate__office office, struct ate_bytes public_key,
                   uint64_t sequence)
{
    struct ate_hash fingerprint;
    int rc = ate__fingerprint(public_key, &fingerprint);
    if (!rc)
        rc = ate__keyring_add(&t->keyring, &fingerprint, public_key, sequence);
    if (!rc)
        rc = ate__roster_add(&t->roster, office, &fingerprint, sequence);
    return rc;
}

static int add_genesis_roots(struct ate__trust *t, const struct ate__tx *tx)
{
    for (uint32_t i = 0; i < t->genesis.root_key_count; i++) {
        struct ate_hash fingerprint;
        char text[ATE__HASH_TEXT];
        int rc = ate__fingerprint(t->genesis.root_keys[i], &fingerprint);
        if (rc)
            return rc;
        if (!ate__tx_signed_by(tx, &fingerprint))
            return ate__fail(ATE_TAMPERED, "not signed by the root key %s",
                             ate__hash_text(&fingerprint, text));
        rc = ate__policy_check(&t->genesis, t->genesis.root_keys[i]);
        if (rc)
            return ate__context(rc, "root key %s", ate__hash_text(&fingerprint, text));
        rc = add_key(t, ATE__ROOT_KEY, t->genesis.root_keys[i], 0);
        if (rc)
            return rc;
    }
    return 0;
}

static int add_genesis_services(struct ate__trust *t, enum ate__office office,
                                struct ate_bytes list)
{
    struct ate_bytes key;
    for (size_t at = 0; ate__genesis_key_next(list, &at, &key);) {
        int rc = ate__service_key_check(office, key);
        if (!rc && office != ATE__LOG_KEY)
            rc = ate__policy_check(&t->genesis, key);
        if (!rc)
            rc = add_key(t, office, key, 0);
        if (rc)
            return ate__context(rc, office == ATE__LOG_KEY ? "log key" : "compactor key");
    }
    return 0;
}

/* Later keys are looked at by acceptance before they are taken in. */
static int check_genesis_keys(const struct ate__genesis *genesis, const struct ate__tx *tx)
{
    struct ate__brought brought = {.tx = tx};
    struct ate_bytes public_key;
    uint32_t event;
    while (ate__brought_next(&brought, &public_key, &event)) {
        struct ate__public_parts parts;
        int rc = ate__public_key_parse(public_key, &parts);
        if (!rc)
            rc = ate__policy_check(genesis, public_key);
        if (rc)
            return ate__context(rc, "event %u", event);
    }
    return 0;
}

/* Who shows it may be the one who made it, and may show nothing else: a thin client and who checks
 * a proof judge no more of it than this. A key that stands beside the genesis signed nothing. */
static int check_alone(const struct ate__tx *tx)
{
    uint32_t geneses = 0;
    for (uint32_t i = 0; i < tx->event_count; i++) {
        const struct ate__event *e = &tx->events[i];
        bool is_genesis = ate__header_has(&e->header, ATE__TAG_GENESIS);
        if (e->form == ATE__DROPPED)
            continue;
        geneses += is_genesis;
        if (e->kind == ATE__EVENT_ROOT || e->kind == ATE__EVENT_REVOKE ||
            (e->kind == ATE__EVENT_CHAIN && !is_genesis))
            return ate__fail(ATE_MALFORMED, "event %u: transaction 0 names its keys in the genesis",
                             i);
    }
    return geneses == 1 ? 0 : ate__fail(ATE_MALFORMED, "two events are one");
}

static int apply(struct ate__trust *t, const struct ate__tx *tx, uint64_t sequence);

static int begin(struct ate__trust *t, const struct ate__tx *tx)
{
    int rc = read_genesis(t, tx);
    if (!rc)
        rc = check_alone(tx);
    if (rc)
        return rc;
    ate__origins_init(&t->origins, t->seed, t->genesis.window);
    rc = add_genesis_roots(t, tx);
    if (!rc)
        rc = add_genesis_services(t, ATE__LOG_KEY, t->genesis.log_keys);
    if (!rc)
        rc = add_genesis_services(t, ATE__COMPACTOR_KEY, t->genesis.compactor_keys);
    if (!rc)
        rc = check_genesis_keys(&t->genesis, tx);
    if (!rc)
        rc = ate__trust_verify(t, tx);
    return rc ? rc : apply(t, tx, 0);
}

int ate__trust_new(const struct ate__env *env, const struct ate__tx *genesis_tx,
                   struct ate__trust **ret_trust)
{
    ate__cleanup(ate__trust_freep) struct ate__trust *t = ate__alloc(sizeof *t);
    if (!t)
        return ate__no_memory();
    ate__random(env, t->seed, sizeof t->seed);
    ate__keyring_init(&t->keyring, t->seed);
    ate__roster_init(&t->roster, t->seed);
    ate__origins_init(&t->origins, t->seed, ATE__WINDOW_DEFAULT);
    ate__verified_init(&t->verified);
    ate__sign_queue_init(&t->sign_queue);
    int rc = begin(t, genesis_tx);
    if (rc)
        return ate__context(rc, "genesis");
    *ret_trust = ate__steal(&t);
    return 0;
}

void ate__trust_free(struct ate__trust *t)
{
    if (!t)
        return;
    ate__verified_deinit(&t->verified);
    ate__sign_queue_deinit(&t->sign_queue);
    ate__origins_deinit(&t->origins);
    ate__roster_deinit(&t->roster);
    ate__keyring_deinit(&t->keyring);
    ate__buf_deinit(&t->body);
    ate__free(t);
}

/* ---- queries ---- */

const struct ate__genesis *ate__trust_genesis(const struct ate__trust *t)
{
    return &t->genesis;
}

const struct ate_hash *ate__trust_chain_id(const struct ate__trust *t)
{
    return &t->chain_id;
}

enum ate__hash_alg ate__trust_alg(const struct ate__trust *t)
{
    return t->genesis.hash_alg;
}

const uint64_t *ate__trust_seed(const struct ate__trust *t)
{
    return t->seed;
}

size_t ate__trust_office(const struct ate__trust *t, enum ate__office office,
                         struct ate_hash *ret_fingerprints, size_t capacity)
{
    return ate__roster_list(&inside(t)->roster, office, ret_fingerprints, capacity);
}

bool ate__trust_has_office(const struct ate__trust *t, enum ate__office office,
                           const struct ate_hash *fingerprint)
{
    return ate__roster_is(&inside(t)->roster, office, fingerprint);
}

bool ate__trust_next_change(const struct ate__trust *t, enum ate__office office, uint64_t size,
                            size_t *at, uint64_t *ret_sequence)
{
    return ate__roster_next_change(&inside(t)->roster, office, size, at, ret_sequence);
}

bool ate__trust_next_start(const struct ate__trust *t, enum ate__office office,
                           const struct ate_hash *fingerprint, uint64_t size, size_t *at,
                           uint64_t *ret_sequence)
{
    return ate__roster_next_start(&inside(t)->roster, office, fingerprint, size, at, ret_sequence);
}

size_t ate__trust_root_keys(const struct ate__trust *t, struct ate_hash *ret_fingerprints,
                            size_t capacity)
{
    return ate__trust_office(t, ATE__ROOT_KEY, ret_fingerprints, capacity);
}

bool ate__trust_is_root(const struct ate__trust *t, const struct ate_hash *fingerprint)
{
    return ate__trust_has_office(t, ATE__ROOT_KEY, fingerprint);
}

bool ate__trust_was_root(const struct ate__trust *t, const struct ate_hash *fingerprint)
{
    return ate__roster_was(&inside(t)->roster, ATE__ROOT_KEY, fingerprint);
}

bool ate__trust_is_revoked(const struct ate__trust *t, const struct ate_hash *fingerprint)
{
    return ate__roster_is_revoked(&inside(t)->roster, fingerprint);
}

bool ate__trust_has_key(const struct ate__trust *t, const struct ate_hash *fingerprint)
{
    return ate__keyring_has(&inside(t)->keyring, fingerprint);
}

int ate__trust_public_key(const struct ate__trust *t, const struct ate_hash *fingerprint,
                          struct ate__buf *buf)
{
    char text[ATE__HASH_TEXT];
    int rc = ate__keyring_get(&inside(t)->keyring, fingerprint, buf);
    if (rc == ATE_NOT_FOUND)
        return ate__fail(rc, "the chain does not hold the key %s",
                         ate__hash_text(fingerprint, text));
    return rc;
}

int ate__trust_key_sequence(const struct ate__trust *t, const struct ate_hash *fingerprint,
                            uint64_t *ret_sequence)
{
    char text[ATE__HASH_TEXT];
    if (ate__keyring_sequence(&inside(t)->keyring, fingerprint, ret_sequence))
        return 0;
    return ate__fail(ATE_NOT_FOUND, "the chain does not hold the key %s",
                     ate__hash_text(fingerprint, text));
}

int ate__trust_origin(const struct ate__trust *t, const struct ate__txn_id *id,
                      uint64_t *ret_sequence)
{
    return ate__origins_find(&t->origins, id, ret_sequence) ? 0 : ATE_NOT_FOUND;
}

/* ---- transactions ---- */

static int apply_changes(struct ate__trust *t, enum ate__office office, struct ate_bytes list,
                         uint64_t sequence)
{
    struct ate__root_change change;
    for (size_t at = 0; ate__root_next(list, &at, &change);) {
        struct ate_hash fingerprint;
        if (change.op == ATE__ROOT_ADD) {
            int rc = add_key(t, office, change.key, sequence);
            if (rc)
                return rc;
        } else {
            memcpy(&fingerprint, change.key.data, sizeof fingerprint);
            ate__roster_remove(&t->roster, office, &fingerprint, sequence);
        }
    }
    return 0;
}

static int apply_event(struct ate__trust *t, const struct ate__event *e, uint64_t sequence)
{
    struct ate_hash fingerprint;
    int rc;
    if (e->form == ATE__DROPPED)
        return 0;
    switch (e->kind) {
    case ATE__EVENT_PUBLIC_KEY:
        rc = ate__fingerprint(e->header.public_key, &fingerprint);
        return rc ? rc
                  : ate__keyring_add(&t->keyring, &fingerprint, e->header.public_key, sequence);
    case ATE__EVENT_ROOT: return apply_changes(t, ATE__ROOT_KEY, e->header.root, sequence);
    case ATE__EVENT_CHAIN:
        rc = apply_changes(t, ATE__LOG_KEY, e->header.log_keys, sequence);
        return rc ? rc : apply_changes(t, ATE__COMPACTOR_KEY, e->header.compactor_keys, sequence);
    case ATE__EVENT_REVOKE: return ate__roster_revoke(&t->roster, &e->header.revoked, sequence);
    default: return 0;
    }
}

static void take_back(struct ate__trust *t, uint64_t sequence)
{
    ate__keyring_rollback(&t->keyring, sequence);
    ate__roster_rollback(&t->roster, sequence);
    ate__origins_rollback(&t->origins, sequence);
}

static int apply(struct ate__trust *t, const struct ate__tx *tx, uint64_t sequence)
{
    int rc = 0;
    for (uint32_t i = 0; !rc && i < tx->event_count; i++)
        rc = apply_event(t, &tx->events[i], sequence);
    if (!rc)
        rc = ate__origins_add(&t->origins, &tx->id, sequence);
    if (rc)
        take_back(t, sequence);
    else
        t->next = sequence + 1;
    return rc;
}

int ate__trust_apply(struct ate__trust *t, const struct ate__tx *tx, uint64_t sequence)
{
    if (!sequence)
        return 0; /* the genesis was taken in at birth */
    ate__assert(sequence == t->next);
    return apply(t, tx, sequence);
}

void ate__trust_skip(struct ate__trust *t, uint64_t sequence)
{
    if (sequence <= t->next)
        return;
    ate__origins_skip(&t->origins, sequence);
    t->next = sequence;
}

int ate__trust_apply_identity(struct ate__trust *t, const struct ate__txn_id *id, uint64_t sequence)
{
    ate__assert(sequence == t->next);
    int rc = ate__origins_add(&t->origins, id, sequence);
    if (!rc)
        t->next = sequence + 1;
    return rc;
}

void ate__trust_swap(struct ate__trust *t, struct ate__trust *other)
{
    struct ate__origins origins = t->origins;
    uint64_t next = t->next;
    ate__assert(ate__hash_equal(&t->chain_id, &other->chain_id));
    ate__keyring_swap(&t->keyring, &other->keyring);
    ate__roster_swap(&t->roster, &other->roster);
    t->origins = other->origins;
    other->origins = origins;
    t->next = other->next;
    other->next = next;
}

int ate__trust_learn(struct ate__trust *t, const struct ate__tx *tx, uint64_t sequence,
                     size_t *count, size_t count_max)
{
    struct ate__brought brought = {.tx = tx};
    struct ate_bytes public_key;
    uint32_t event;
    int rc = 0;
    while (!rc && ate__brought_next(&brought, &public_key, &event)) {
        struct ate_hash fingerprint;
        rc = ate__fingerprint(public_key, &fingerprint);
        if (rc || ate__keyring_has(&t->keyring, &fingerprint))
            continue;
        rc = ate__policy_check(&t->genesis, public_key);
        if (rc)
            return ate__context(rc, "public key");
        if (*count >= count_max)
            return ate__fail(ATE_TOO_BIG, "more than %zu public keys were shown", count_max);
        rc = ate__keyring_add(&t->keyring, &fingerprint, public_key, sequence);
        *count += !rc;
    }
    return rc;
}

void ate__trust_rollback(struct ate__trust *t, uint64_t sequence)
{
    uint64_t from = sequence ? sequence : 1;
    if (from >= t->next)
        return;
    take_back(t, from);
    t->next = from;
}
