/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * tx_encode.c: writing a transaction, and copies of one with less in it.
 *
 * What is written keeps every rule that reading checks; on failure the buffer is as it was.
 */
#include "base/alloc.h"
#include "event/field.h"
#include "event/tx_parts.h"
#include <stdlib.h>

/* ---- preconditions ---- */

/* The order of their encodings. */
static int compare_preconditions(const void *va, const void *vb)
{
    const struct ate__precondition *a = va, *b = vb;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    int order = memcmp(a->id.b, b->id.b, sizeof a->id.b);
    if (order)
        return order;
    return memcmp(a->hash.b, b->hash.b,
                  ate__precondition_size(a->kind) - ATE__PRECONDITION_SIZE_MIN);
}

static void write_preconditions(struct ate__wr *w, const struct ate__precondition *sorted,
                                uint32_t count)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++)
        kept += !i || compare_preconditions(&sorted[i - 1], &sorted[i]);
    ate__wr_u32(w, kept);
    for (uint32_t i = 0; i < count; i++) {
        const struct ate__precondition *p = &sorted[i];
        if (i && !compare_preconditions(p - 1, p))
            continue;
        ate__wr_u8(w, p->kind);
        ate__wr_id(w, &p->id);
        ate__wr_copy(w, p->hash.b, ate__precondition_size(p->kind) - ATE__PRECONDITION_SIZE_MIN);
    }
}

static int encode_preconditions(const struct ate__tx_in *in, struct ate__wr *w)
{
    const struct ate__precondition *given = in->preconditions;
    bool sorted = true;
    if (in->precondition_count > ATE__TX_PRECONDITIONS_MAX)
        return ate__field_over("preconditions", in->precondition_count, ATE__TX_PRECONDITIONS_MAX);
    for (uint32_t i = 0; i < in->precondition_count; i++) {
        if (!ate__precondition_size(given[i].kind))
            return ate__fail(ATE_MALFORMED, "precondition %u: kind %u is unknown", i,
                             given[i].kind);
        sorted = sorted && (!i || compare_preconditions(&given[i - 1], &given[i]) <= 0);
    }
    if (sorted) {
        write_preconditions(w, given, in->precondition_count);
        return 0;
    }
    size_t size = in->precondition_count * sizeof *given;
    ate__cleanup(ate__freep) struct ate__precondition *copy = ate__copy(given, size);
    if (!copy)
        return ate__no_memory();
    qsort(copy, in->precondition_count, sizeof *copy, compare_preconditions);
    write_preconditions(w, copy, in->precondition_count);
    return 0;
}

/* ---- events ---- */

static void write_event(struct ate__wr *w, const struct ate__event *e)
{
    ate__wr_u8(w, e->form);
    if (e->form == ATE__DROPPED) {
        ate__wr_hash(w, &e->hash);
        return;
    }
    ate__wr_bytes32(w, e->bytes);
    if (e->form == ATE__STRIPPED) {
        ate__wr_u64(w, e->payload_size);
        ate__wr_hash(w, &e->payload_hash);
    } else if (e->form != ATE__BARE) {
        ate__wr_bytes(w, e->salt);
        ate__wr_bytes32(w, e->payload);
    }
}

static int encode_event(const struct ate__event_in *in, enum ate__hash_alg alg, struct ate__wr *w,
                        struct ate__hasher *h, struct ate__event_hashes *ret_hashes)
{
    struct ate__event e = {.form = in->form,
                           .bytes = in->header,
                           .salt = in->salt,
                           .payload = in->payload,
                           .payload_size = in->payload.size};
    if (e.form != ATE__BARE && e.form != ATE__CLEAR && e.form != ATE__CIPHER)
        return ate__fail(ATE_MALFORMED, "form %u is never made", e.form);
    int rc = ate__event_check(&e);
    if (!rc)
        rc = ate__event_rehash(alg, &e);
    if (rc)
        return rc;
    write_event(w, &e);
    ate__hasher_raw(h, ate__bytes(e.hash.b, sizeof e.hash.b));
    if (ret_hashes)
        *ret_hashes = (struct ate__event_hashes){e.hash, e.payload_hash};
    return 0;
}

static int encode_events(const struct ate__tx_in *in, enum ate__hash_alg alg, struct ate__wr *w,
                         struct ate__hasher *h, struct ate__event_hashes *ret_events)
{
    ate__wr_u32(w, in->event_count);
    for (uint32_t i = 0; i < in->event_count; i++) {
        int rc = encode_event(&in->events[i], alg, w, h, ret_events ? &ret_events[i] : NULL);
        if (rc)
            return ate__context(rc, "event %u", i);
    }
    return 0;
}

/* ---- the unsigned part ---- */

static void write_fixed(struct ate__wr *w, const struct ate__tx_in *in)
{
    ate__wr_u8(w, ATE__TX_VERSION);
    ate__wr_hash(w, &in->chain_id);
    ate__wr_copy(w, in->id.origin, sizeof in->id.origin);
    ate__wr_u64(w, in->id.number);
    ate__wr_u64(w, in->base_size);
    ate__wr_hash(w, &in->base_root);
    ate__wr_u64(w, in->time_us);
}

/* Room for the whole at once. What is over a limit is found later. */
static int reserve(const struct ate__tx_in *in, struct ate__buf *buf)
{
    size_t size =
        ATE__TX_FIXED_SIZE + 4 + 4 + (size_t)in->precondition_count * ATE__PRECONDITION_SIZE_MAX;
    for (uint32_t i = 0; i < in->event_count && size <= ATE__TX_SIZE_MAX; i++)
        size += ATE__EVENT_SIZE_MIN + ate__min(in->events[i].header.size, ATE__TX_SIZE_MAX) +
                ATE__SALT_SIZE + ate__min(in->events[i].payload.size, ATE__TX_SIZE_MAX);
    return ate__buf_reserve(buf, ate__min(size, ATE__TX_SIZE_MAX));
}

static int encode(const struct ate__tx_in *in, enum ate__hash_alg alg, struct ate__buf *buf,
                  struct ate__event_hashes *ret_events, struct ate_hash *ret_hash)
{
    if (!in->event_count)
        return ate__fail(ATE_MALFORMED, "a transaction without events");
    if (in->event_count > ATE__TX_EVENTS_MAX)
        return ate__field_over("events", in->event_count, ATE__TX_EVENTS_MAX);
    size_t start = buf->size;
    int rc = reserve(in, buf);
    if (rc)
        return rc;
    struct ate__wr w = ate__wr_of(buf);
    write_fixed(&w, in);
    rc = encode_preconditions(in, &w);
    if (!rc)
        rc = ate__wr_end(&w);
    if (rc)
        return rc;
    const uint8_t *fixed = buf->data + start;
    size_t preconditions_at = start + ATE__TX_FIXED_SIZE;
    ate__cleanup(ate__hasher_deinit) struct ate__hasher h;
    ate__tx_hasher_begin(&h, alg, fixed,
                         ate__bytes(buf->data + preconditions_at, buf->size - preconditions_at),
                         in->event_count);
    rc = encode_events(in, alg, &w, &h, ret_events);
    if (!rc)
        rc = ate__wr_end(&w);
    if (!rc && buf->size - start > ATE__TX_UNSIGNED_MAX)
        rc =
            ate__field_over("bytes before the signatures", buf->size - start, ATE__TX_UNSIGNED_MAX);
    return rc ? rc : ate__hasher_end(&h, ret_hash);
}

int ate__tx_encode_hashes(const struct ate__tx_in *in, enum ate__hash_alg alg, struct ate__buf *buf,
                          struct ate__event_hashes *ret_events, struct ate_hash *ret_hash)
{
    size_t start = buf->size;
    int rc = encode(in, alg, buf, ret_events, ret_hash);
    if (!rc)
        return 0;
    buf->size = start;
    return ate__context(rc, "transaction");
}

int ate__tx_encode(const struct ate__tx_in *in, enum ate__hash_alg alg, struct ate__buf *buf,
                   struct ate_hash *ret_hash)
{
    return ate__tx_encode_hashes(in, alg, buf, NULL, ret_hash);
}

/* ---- signatures ---- */

static void write_signature(struct ate__wr *w, const struct ate__signature *s)
{
    ate__wr_hash(w, &s->fingerprint);
    ate__wr_u32(w, s->batch_size);
    ate__wr_u32(w, s->batch_index);
    ate__wr_u32(w, s->path_count);
    ate__wr_copy(w, s->path, 32 * (size_t)s->path_count);
    ate__wr_bytes32(w, s->bytes);
}

int ate__tx_encode_signatures(const struct ate__signature *signatures, uint32_t count,
                              struct ate__buf *buf)
{
    const struct ate__signature *sorted[ATE__TX_SIGNATURES_MAX];
    if (count > ATE__TX_SIGNATURES_MAX)
        return ate__field_over("signatures", count, ATE__TX_SIGNATURES_MAX);
    for (uint32_t i = 0; i < count; i++) {
        int rc = ate__signature_check(&signatures[i]);
        if (rc)
            return ate__context(rc, "signature %u", i);
        uint32_t at = i;
        int order = 1;
        for (; at; at--) {
            order = memcmp(sorted[at - 1]->fingerprint.b, signatures[i].fingerprint.b, 32);
            if (order <= 0)
                break;
            sorted[at] = sorted[at - 1];
        }
        if (!order)
            return ate__fail(ATE_MALFORMED, "signature %u: a second one of this key", i);
        sorted[at] = &signatures[i];
    }
    size_t start = buf->size;
    struct ate__wr w = ate__wr_of(buf);
    ate__wr_u8(&w, ATE__SECTION_SIGNATURES);
    ate__wr_u32(&w, count);
    for (uint32_t i = 0; i < count; i++)
        write_signature(&w, sorted[i]);
    int rc = ate__wr_end(&w);
    if (rc)
        buf->size = start;
    return rc;
}

/* ---- less of it ---- */

/* Whether what stands for the payload is shorter than it. So a copy never outgrows the limit of a
 * transaction, as dropping an event does not either: those that count are longer than a hash. */
static bool strip_pays(const struct ate__event *e)
{
    return e->form != ATE__STRIPPED && 4 + e->salt.size + e->payload.size > 8 + 32;
}

int ate__tx_reduce_parts(const struct ate__tx *tx, ate__part_fn *part, void *arg,
                         struct ate__buf *buf)
{
    const uint8_t *encoded = tx->encoded.data, *preconditions = tx->preconditions.data;
    size_t start = buf->size, head = (size_t)(preconditions - encoded) + tx->preconditions.size;
    struct ate__wr w = ate__wr_of(buf);
    ate__wr_copy(&w, encoded, head);
    ate__wr_u32(&w, tx->event_count);
    for (uint32_t i = 0; i < tx->event_count; i++) {
        struct ate__event e = tx->events[i];
        enum ate__part stays = part(arg, i);
        if (stays == ATE__PART_HASH)
            e.form = ATE__DROPPED;
        else if (stays == ATE__PART_HEADER && strip_pays(&e))
            e.form = ATE__STRIPPED;
        write_event(&w, &e);
    }
    ate__wr_bytes(&w, tx->signature_section);
    int rc = ate__wr_end(&w);
    if (rc)
        buf->size = start;
    return rc;
}

struct reduction {
    const struct ate__tx *tx;
    bool (*keep)(void *arg, uint32_t event);
    void *arg;
    uint64_t payload_max;
};

static enum ate__part part_of(void *arg, uint32_t event)
{
    const struct reduction *r = arg;
    if (!r->keep(r->arg, event))
        return ATE__PART_HASH;
    return r->tx->events[event].payload_size > r->payload_max ? ATE__PART_HEADER : ATE__PART_WHOLE;
}

int ate__tx_reduce(const struct ate__tx *tx, bool (*keep)(void *arg, uint32_t event), void *arg,
                   uint64_t payload_max, struct ate__buf *buf)
{
    struct reduction r = {tx, keep, arg, payload_max};
    return ate__tx_reduce_parts(tx, part_of, &r, buf);
}

static int compare_hashes(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct ate_hash));
}

int ate__tx_encode_attested(const struct ate_hash *fingerprints, uint32_t count,
                            struct ate__buf *buf)
{
    struct ate_hash sorted[ATE__TX_SIGNATURES_MAX];
    size_t start = buf->size;
    if (count > ATE__TX_SIGNATURES_MAX)
        return ate__field_over("attested fingerprints", count, ATE__TX_SIGNATURES_MAX);
    if (count)
        memcpy(sorted, fingerprints, count * sizeof sorted[0]);
    qsort(sorted, count, sizeof sorted[0], compare_hashes);
    if (!count || !ate__field_ascending(sorted[0].b, count))
        return ate__fail(ATE_MALFORMED, "attested fingerprints: none, or one twice");
    struct ate__wr w = ate__wr_of(buf);
    ate__wr_u8(&w, ATE__SECTION_ATTESTED);
    ate__wr_u32(&w, count);
    ate__wr_copy(&w, sorted, count * sizeof sorted[0]);
    int rc = ate__wr_end(&w);
    if (rc)
        buf->size = start;
    return rc;
}
