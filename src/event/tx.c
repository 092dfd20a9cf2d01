/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * tx.c: reading a transaction.
 *
 * 1. One transaction has one encoding, apart from the forms in which events without their payload
 * or without anything stand: lists are sorted, nothing trails, nothing stands twice.
 * 2. Reading comes before hashing, so that garbage costs no hash.
 */
#include "base/alloc.h"
#include "base/assert.h"
#include "event/field.h"
#include "event/tx_parts.h"

/* ---- preconditions ---- */

static int read_preconditions(struct ate__rd *r, struct ate__tx *tx)
{
    size_t start = r->at;
    int rc = ate__field_count(r, "preconditions", ATE__TX_PRECONDITIONS_MAX,
                              ATE__PRECONDITION_SIZE_MIN, &tx->precondition_count);
    if (rc)
        return rc;
    struct ate_bytes last = {NULL, 0};
    for (uint32_t i = 0; i < tx->precondition_count; i++) {
        struct ate__rd peek = *r;
        uint8_t kind = ate__rd_u8(&peek);
        size_t size = ate__precondition_size(kind);
        if (ate__rd_ok(&peek) && !size)
            return ate__fail(ATE_MALFORMED, "precondition %u: kind %u is unknown", i, kind);
        struct ate_bytes one = ate__rd_bytes(r, size);
        if (!ate__rd_ok(r) || !size)
            return ate__field_cut(r, "preconditions");
        if (ate__field_compare(last, one) >= 0)
            return ate__fail(ATE_MALFORMED, "precondition %u: out of order or twice", i);
        last = one;
        tx->precondition_kinds[kind]++;
    }
    tx->preconditions = ate__bytes(r->data + start, r->at - start);
    return 0;
}

struct ate__precondition ate__tx_precondition(const struct ate__tx *tx, uint32_t index)
{
    ate__assert(index < tx->precondition_count);
    size_t at = sizeof(uint32_t);
    uint8_t kind = ATE__IS_CURRENT;
    for (; index >= tx->precondition_kinds[kind]; kind++) {
        at += tx->precondition_kinds[kind] * ate__precondition_size(kind);
        index -= tx->precondition_kinds[kind];
    }
    struct ate__rd r = ate__rd_of(tx->preconditions);
    (void)ate__rd_bytes(&r, at + index * ate__precondition_size(kind));
    struct ate__precondition p = {.kind = ate__rd_u8(&r), .id = ate__rd_id(&r)};
    ate__rd_copy(&r, p.hash.b, ate__precondition_size(kind) - ATE__PRECONDITION_SIZE_MIN);
    ate__assert(ate__rd_ok(&r) && p.kind == kind);
    return p;
}

/* ---- events ---- */

static int read_payload(struct ate__rd *r, struct ate__event *e)
{
    int rc = 0;
    if (e->form == ATE__CLEAR)
        e->salt = ate__rd_bytes(r, ATE__SALT_SIZE);
    if (ate__event_has_payload(e)) {
        rc = ate__field_bytes(r, "bytes of a payload", ATE__CIPHER_MAX, &e->payload);
        e->payload_size = e->payload.size;
    } else if (e->form == ATE__STRIPPED) {
        e->payload_size = ate__rd_u64(r);
        e->payload_hash = ate__rd_hash(r);
    }
    if (!rc && !ate__rd_ok(r))
        return ate__field_cut(r, "payload");
    return rc;
}

/* e: zeros. */
static int read_event(struct ate__rd *r, struct ate__event *e)
{
    size_t start = r->at;
    e->form = ate__rd_u8(r);
    if (e->form > ATE__STRIPPED)
        return ate__fail(ATE_MALFORMED, "form %u is unknown", e->form);
    if (e->form == ATE__DROPPED) {
        e->hash = ate__rd_hash(r);
        if (!ate__rd_ok(r))
            return ate__field_cut(r, "event hash");
    } else {
        int rc = ate__field_bytes(r, "bytes of a header", ATE__CONTROL_HEADER_MAX, &e->bytes);
        if (!rc)
            rc = read_payload(r, e);
        if (!rc)
            rc = ate__event_check(e);
        if (rc)
            return rc;
    }
    e->whole = ate__bytes(r->data + start, r->at - start);
    return 0;
}

int ate__event_decode(struct ate_bytes whole, enum ate__hash_alg alg, struct ate__event *ret_event)
{
    struct ate__rd r = ate__rd_of(whole);
    struct ate__event e = {0};
    int rc = read_event(&r, &e);
    if (!rc && !ate__rd_end(&r))
        rc = ate__fail(ATE_MALFORMED, "%zu bytes behind the event", ate__rd_left(&r));
    if (!rc && e.form != ATE__DROPPED)
        rc = ate__event_rehash(alg, &e);
    if (rc)
        return ate__context(rc, "event");
    *ret_event = e;
    return 0;
}

static int read_events(struct ate__rd *r, struct ate__tx *tx)
{
    int rc =
        ate__field_count(r, "events", ATE__TX_EVENTS_MAX, ATE__EVENT_SIZE_MIN, &tx->event_count);
    if (rc)
        return rc;
    if (!tx->event_count)
        return ate__fail(ATE_MALFORMED, "a transaction without events");
    tx->events = ate__alloc_array(tx->event_count, sizeof *tx->events);
    if (!tx->events)
        return ate__no_memory();
    for (uint32_t i = 0; i < tx->event_count; i++) {
        rc = read_event(r, &tx->events[i]);
        if (rc)
            return ate__context(rc, "event %u", i);
    }
    return 0;
}

/* ---- signatures ---- */

static int read_signature(struct ate__rd *r, struct ate__signature *s)
{
    s->fingerprint = ate__rd_hash(r);
    s->batch_size = ate__rd_u32(r);
    s->batch_index = ate__rd_u32(r);
    int rc = ate__field_count(r, "hashes of a batch path", ATE__BATCH_PATH_MAX, 32, &s->path_count);
    if (rc)
        return rc;
    s->path = ate__rd_bytes(r, 32 * (size_t)s->path_count).data;
    rc = ate__field_bytes(r, "bytes of a signature", ATE__SIGNATURE_MAX, &s->bytes);
    return rc ? rc : ate__signature_check(s);
}

/* Fingerprints that the server vouches for, as centralized chains have them. */
static int read_attested(struct ate__rd *r, size_t start, struct ate__tx *tx)
{
    uint32_t count;
    int rc = ate__field_count(r, "attested fingerprints", ATE__TX_SIGNATURES_MAX, 32, &count);
    if (rc)
        return rc;
    if (!count) /* nobody: a list of no signatures says that already */
        return ate__fail(ATE_MALFORMED, "no attested fingerprint");
    struct ate_bytes list = ate__rd_bytes(r, 32 * (size_t)count);
    if (!ate__field_ascending(list.data, count))
        return ate__fail(ATE_MALFORMED, "attested fingerprints out of order or twice");
    if (!ate__rd_end(r))
        return ate__fail(ATE_MALFORMED, "%zu bytes behind the attested fingerprints",
                         ate__rd_left(r));
    struct ate__rd one = ate__rd_of(list);
    for (uint32_t i = 0; i < count; i++)
        tx->signatures[i].fingerprint = ate__rd_hash(&one);
    tx->signature_count = count;
    tx->attested = true;
    tx->signature_section = ate__bytes(r->data + start, r->at - start);
    return 0;
}

static int read_signatures(struct ate__rd *r, struct ate__tx *tx)
{
    size_t start = r->at;
    uint8_t kind = ate__rd_u8(r);
    if (!ate__rd_ok(r))
        return ate__field_cut(r, "signature section");
    if (kind == ATE__SECTION_ATTESTED)
        return read_attested(r, start, tx);
    if (kind != ATE__SECTION_SIGNATURES)
        return ate__fail(ATE_UNSUPPORTED, "signature section of kind %u", kind);
    int rc = ate__field_count(r, "signatures", ATE__TX_SIGNATURES_MAX, ATE__SIGNATURE_SIZE_MIN,
                              &tx->signature_count);
    for (uint32_t i = 0; !rc && i < tx->signature_count; i++) {
        struct ate__signature *s = &tx->signatures[i];
        rc = read_signature(r, s);
        if (rc)
            return ate__context(rc, "signature %u", i);
        if (i && memcmp(s[-1].fingerprint.b, s->fingerprint.b, sizeof s->fingerprint.b) >= 0)
            return ate__fail(ATE_MALFORMED, "signature %u: out of order or twice", i);
    }
    if (rc)
        return rc;
    if (!ate__rd_end(r))
        return ate__fail(ATE_MALFORMED, "%zu bytes behind the signatures", ate__rd_left(r));
    tx->signature_section = ate__bytes(r->data + start, r->at - start);
    return 0;
}

/* ---- the whole ---- */

static int read_fixed(struct ate__rd *r, struct ate__tx *tx)
{
    uint8_t version = ate__rd_u8(r);
    tx->chain_id = ate__rd_hash(r);
    ate__rd_copy(r, tx->id.origin, sizeof tx->id.origin);
    tx->id.number = ate__rd_u64(r);
    tx->base_size = ate__rd_u64(r);
    tx->base_root = ate__rd_hash(r);
    tx->time_us = ate__rd_u64(r);
    if (r->size && version == ATE__TX_NO_VERSION)
        return ate__fail(ATE_UNSUPPORTED, "sealed by a plug-in: open the chain with it");
    if (r->size && version != ATE__TX_VERSION)
        return ate__fail(ATE_UNSUPPORTED, "version %u", version);
    return ate__rd_ok(r) ? 0 : ate__field_cut(r, "head");
}

/* Everything but the hashes. tx: zeros; its events are freed by the caller, also on failure. */
static int read_tx(struct ate_bytes encoded, struct ate__tx *tx)
{
    if (encoded.size > ATE__TX_SIZE_MAX)
        return ate__field_over("bytes of a transaction", encoded.size, ATE__TX_SIZE_MAX);
    struct ate__rd r = ate__rd_of(encoded);
    tx->encoded = encoded;
    int rc = read_fixed(&r, tx);
    if (!rc)
        rc = read_preconditions(&r, tx);
    if (!rc)
        rc = read_events(&r, tx);
    if (!rc)
        rc = read_signatures(&r, tx);
    return rc;
}

static int hash_tx(struct ate__tx *tx, enum ate__hash_alg alg)
{
    ate__cleanup(ate__hasher_deinit) struct ate__hasher h;
    ate__tx_hasher_begin(&h, alg, tx->encoded.data, tx->preconditions, tx->event_count);
    for (uint32_t i = 0; i < tx->event_count; i++) {
        struct ate__event *e = &tx->events[i];
        int rc = e->form == ATE__DROPPED ? 0 : ate__event_rehash(alg, e);
        if (rc)
            return rc;
        ate__hasher_raw(&h, ate__bytes(e->hash.b, sizeof e->hash.b));
    }
    return ate__hasher_end(&h, &tx->hash);
}

int ate__tx_decode(struct ate_bytes encoded, enum ate__hash_alg alg, struct ate__tx *ret_tx)
{
    struct ate__tx tx = {0};
    int rc = read_tx(encoded, &tx);
    if (!rc)
        rc = hash_tx(&tx, alg);
    if (rc) {
        ate__tx_deinit(&tx);
        return ate__context(rc, "transaction");
    }
    *ret_tx = tx;
    return 0;
}

/* hash_tx() with hashes that are known. */
static int take_hashes(struct ate__tx *tx, const struct ate__event_hashes *events,
                       uint32_t event_count, const struct ate_hash *hash)
{
    if (tx->event_count != event_count)
        return ate__fail(ATE_MISUSE, "hashes of %u events for %u", event_count, tx->event_count);
    for (uint32_t i = 0; i < event_count; i++) {
        tx->events[i].hash = events[i].event;
        tx->events[i].payload_hash = events[i].payload;
    }
    tx->hash = *hash;
    return 0;
}

int ate__tx_decode_own(struct ate_bytes encoded, const struct ate__event_hashes *events,
                       uint32_t event_count, const struct ate_hash *hash, struct ate__tx *ret_tx)
{
    struct ate__tx tx = {0};
    int rc = read_tx(encoded, &tx);
    if (!rc)
        rc = take_hashes(&tx, events, event_count, hash);
    if (rc) {
        ate__tx_deinit(&tx);
        return ate__context(rc, "transaction");
    }
    *ret_tx = tx;
    return 0;
}

void ate__tx_deinit(struct ate__tx *tx)
{
    ate__free(tx->events);
    *tx = (struct ate__tx){0};
}

bool ate__tx_signed_by(const struct ate__tx *tx, const struct ate_hash *fingerprint)
{
    for (uint32_t i = 0; i < tx->signature_count && !tx->attested; i++)
        if (ate__hash_equal(&tx->signatures[i].fingerprint, fingerprint))
            return true;
    return false;
}

int ate__tx_genesis_alg(struct ate_bytes encoded, enum ate__hash_alg *ret_alg)
{
    ate__cleanup(ate__tx_deinit) struct ate__tx tx = {0};
    int rc = read_tx(encoded, &tx);
    if (rc)
        return ate__context(rc, "transaction");
    for (uint32_t i = 0; i < tx.event_count; i++) {
        const struct ate__event *e = &tx.events[i];
        if (e->form == ATE__DROPPED || !ate__header_has(&e->header, ATE__TAG_GENESIS))
            continue;
        struct ate__genesis genesis;
        rc = ate__genesis_decode(e->header.genesis, &genesis);
        if (rc)
            return rc;
        *ret_alg = (enum ate__hash_alg)genesis.hash_alg;
        return 0;
    }
    return ate__fail(ATE_MALFORMED, "transaction: no event is a genesis");
}
