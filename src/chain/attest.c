/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "chain/attest.h"
#include "base/err.h"
#include "chain/chain_private.h"
#include <stdlib.h>

static bool is_centralized(const struct ate__chain *c)
{
    return ate__trust_genesis(c->trust)->mode == ATE__CENTRALIZED;
}

/* ---- what is offered ---- */

/* Who releases what an archive holds says so by leaving HOLD out. */
bool ate__tx_takes_signature(const struct ate__tx *tx, bool archive)
{
    for (uint32_t i = 0; i < tx->event_count; i++)
        switch ((enum ate__event_kind)tx->events[i].kind) {
        case ATE__EVENT_CHAIN:
        case ATE__EVENT_ROOT:
        case ATE__EVENT_REVOKE:
        case ATE__EVENT_SNAPSHOT:
        case ATE__EVENT_RESET: return true;
        case ATE__EVENT_CONTROL:
            if (archive)
                return true;
            break;
        default: break;
        }
    return false;
}

/* What may be left out: signed by a key that may, or said by the server itself, and by nobody who
 * is connected to it. */
static bool is_certificate(const struct ate__tx *tx)
{
    for (uint32_t i = 0; i < tx->event_count; i++)
        if (tx->events[i].kind == ATE__EVENT_SNAPSHOT)
            return true;
    return false;
}

/* Those of the proved keys that are named, a bit each; as what is written has them: ascending. */
static int name(struct ate__work *w, uint32_t bits)
{
    struct ate__tx *tx = &w->tx;
    if (__builtin_popcount(bits) > ATE__TX_SIGNATURES_MAX)
        return ate__fail(ATE_TOO_BIG, "commit: it takes %d keys; %d are the most",
                         __builtin_popcount(bits), ATE__TX_SIGNATURES_MAX);
    tx->signature_count = 0;
    for (uint32_t i = 0; i < w->offer->proved_count; i++) {
        if (!(bits >> i & 1))
            continue;
        uint32_t at = tx->signature_count++;
        for (; at && memcmp(&tx->signatures[at - 1].fingerprint, &w->offer->proved[i], 32) > 0;
             at--)
            tx->signatures[at] = tx->signatures[at - 1];
        tx->signatures[at] = (struct ate__signature){.fingerprint = w->offer->proved[i]};
    }
    tx->attested = bits != 0;
    w->named = bits;
    return 0;
}

int ate__attest_check(const struct ate__chain *c, struct ate__work *w)
{
    const struct ate__tx *tx = &w->tx;
    if (!is_centralized(c))
        return 0;
    bool takes = ate__tx_takes_signature(tx, ate__trust_genesis(c->trust)->archive);
    if (tx->attested)
        return ate__fail(ATE_MALFORMED, "commit: who made it is for the server to write into it");
    if (tx->signature_count && !takes)
        return ate__fail(ATE_MALFORMED,
                         "commit: the chain is centralized: its server says who made "
                         "it, and only what a root key has to sign is signed");
    if (tx->signature_count)
        return 0;
    if (is_certificate(tx))
        return w->offer->from_afar || w->offer->proved
                   ? ate__fail(ATE_DENIED, "commit: which transactions may be left out is for the "
                                           "server to say, or for a key that signs it")
                   : 0;
    if (!w->offer->proved)
        return ate__fail(ATE_READ_ONLY,
                         "commit: the chain is centralized: it is written through its "
                         "server, which says who made what");
    w->attests = true;
    return 0;
}

size_t ate__attest_room(const struct ate__offer *offer)
{
    return ate__min(offer->proved_count, ATE__TX_SIGNATURES_MAX) * sizeof(struct ate_hash);
}

/* ---- who it is ---- */

int ate__attest(struct ate__chain *c, const struct ate__facts *facts, struct ate__work *w,
                uint64_t sequence, uint64_t root_time_us, struct ate__verdict *verdict)
{
    struct ate__makers proved = {.keys = w->offer->proved,
                                 .count = w->offer->proved_count,
                                 .from_afar = w->offer->from_afar};
    int rc = ate__accept_proved(c->trust, facts, &w->tx, sequence, root_time_us, &proved, verdict);
    if (!rc)
        verdict->result = rc = name(w, proved.fewest);
    return rc;
}

/* In the place of the section of no signatures that it came with. */
static int put_section(struct ate__chain *c, struct ate__work *w)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf section = ATE__BUF_NULL;
    struct ate_hash named[ATE__TX_SIGNATURES_MAX];
    struct ate__tx *tx = &w->tx;
    size_t before = w->bytes.size, end = before - tx->signature_section.size;
    for (uint32_t i = 0; i < tx->signature_count; i++)
        named[i] = tx->signatures[i].fingerprint;
    int rc = ate__tx_encode_attested(named, tx->signature_count, &section);
    if (!rc && end + section.size > ATE__TX_SIZE_MAX)
        rc = ate__fail(ATE_TOO_BIG, "commit: %zu bytes with who made it; %d are the most",
                       end + section.size, ATE__TX_SIZE_MAX);
    if (rc)
        return rc;
    ate__assert(end + section.size <= before + ate__attest_room(w->offer));
    memcpy(w->copy + end, section.data, section.size);
    w->bytes.size = end + section.size;
    if (w->counted)
        ate__chain_wait_longer(c, w->bytes.size - before);
    tx->encoded = w->bytes;
    tx->signature_section = ate__bytes(w->copy + end, section.size);
    return 0;
}

int ate__attest_write(struct ate__chain *c, struct ate__work *w)
{
    int rc = w->attests && w->named ? put_section(c, w) : 0;
    if (!rc)
        w->offer->attested = w->named;
    return rc;
}

/* ---- what was written ---- */

static int take(void *arg, const struct ate__record_out *record)
{
    struct ate__attested *a = arg;
    struct ate__tx tx;
    if (record->identity)
        return 0;
    /* Who made it stands outside of all hashes of events, of whatever algorithm. */
    int rc = ate__tx_decode(record->body, ATE__SHA256, &tx);
    if (rc)
        return rc;
    a->count = tx.attested ? tx.signature_count : 0;
    for (uint32_t i = 0; i < a->count; i++)
        a->fingerprint[i] = tx.signatures[i].fingerprint;
    ate__tx_deinit(&tx);
    return ATE_END;
}

int ate__attested_at(struct ate__chain *c, uint64_t sequence, struct ate__attested *ret_attested)
{
    ret_attested->count = 0;
    if (!is_centralized(c))
        return 0;
    int rc = c->storage->v->scan(c->storage, sequence, sequence + 1,
                                 &(struct ate__scan){NULL, take, ret_attested});
    if (!rc)
        rc = ate__fail(ATE_COMPACTED, "who made transaction %llu was compacted away",
                       (unsigned long long)sequence);
    return rc == ATE_END ? 0 : rc;
}

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct ate_hash));
}

int ate__attested_of(struct ate__chain *c, const struct ate__offer *offer,
                     struct ate__attested *ret_attested)
{
    ret_attested->count = 0;
    if (!is_centralized(c))
        return 0;
    if (offer->repeat)
        return ate__attested_at(c, offer->receipt.sequence, ret_attested);
    for (uint32_t i = 0; i < offer->proved_count; i++)
        if (offer->attested >> i & 1)
            ret_attested->fingerprint[ret_attested->count++] = offer->proved[i];
    if (ret_attested->count > 1)
        qsort(ret_attested->fingerprint, ret_attested->count, sizeof(struct ate_hash), compare);
    return 0;
}
