/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * rebuild.h: writes again what was read, from its decoded fields alone. What was read has one form,
 * so the result must be the same bytes; unit tests and fuzz targets ask for that.
 */
#pragma once
#include "event/tx.h"
#include <stdlib.h>

static inline void rebuild_small(struct ate__header_wr *w, const struct ate__header *h,
                                 enum ate__tag tag)
{
    const uint8_t encoding = h->encoding, tombstone = h->tombstone;
    switch (tag) {
    case ATE__TAG_OBJECT: ate__header_item(w, tag, ate__bytes(h->object.b, 16)); break;
    case ATE__TAG_PREV: ate__header_item(w, tag, ate__bytes(h->prev.b, 32)); break;
    case ATE__TAG_PARENT: ate__header_parent(w, &h->parent, h->collection); break;
    case ATE__TAG_TAG:
        ate__header_item(w, tag, ate__bytes(h->tags, ATE__NAME_TAG * (size_t)h->tag_count));
        break;
    case ATE__TAG_NAME: ate__header_item(w, tag, h->name); break;
    case ATE__TAG_TYPE: ate__header_item(w, tag, h->type); break;
    case ATE__TAG_ENCODING: ate__header_item(w, tag, ate__bytes(&encoding, 1)); break;
    case ATE__TAG_CONF: ate__header_conf(w, &h->conf); break;
    case ATE__TAG_TOMBSTONE: ate__header_item(w, tag, ate__bytes(&tombstone, 1)); break;
    case ATE__TAG_REPLY_TO: ate__header_item(w, tag, ate__bytes(h->reply_to.b, 16)); break;
    case ATE__TAG_AUTH: ate__header_auth(w, &h->auth); break;
    case ATE__TAG_EPOCH: ate__header_epoch(w, &h->epoch); break;
    case ATE__TAG_LINK: ate__header_item(w, tag, h->link); break;
    case ATE__TAG_NAMEKEY: ate__header_namekey(w, &h->namekey); break;
    case ATE__TAG_GENESIS: ate__header_item(w, tag, h->genesis); break;
    case ATE__TAG_PUBLIC_KEY: ate__header_item(w, tag, h->public_key); break;
    case ATE__TAG_REVOKE: ate__header_item(w, tag, ate__bytes(h->revoked.b, 32)); break;
    case ATE__TAG_HOLD: ate__header_item(w, tag, ate__bytes("\1", 1)); break;
    case ATE__TAG_PUBLISHED: ate__header_item(w, tag, h->published); break;
    case ATE__TAG_CAME_FROM: ate__header_came_from(w, h->came_from); break;
    case ATE__TAG_SEALED: ate__header_sealed(w, &h->sealed); break;
    case ATE__TAG_SNAPSHOT: ate__header_snapshot(w, &h->snapshot); break;
    case ATE__TAG_RESET: ate__header_reset(w, &h->reset); break;
    default: abort();
    }
}

static inline void rebuild_recipients(struct ate__header_wr *w, struct ate_bytes list)
{
    struct ate__recipient *all = calloc(ATE__RECIPIENTS_MAX, sizeof *all);
    uint32_t count = 0;
    for (size_t at = 0; all && ate__recipient_next(list, &at, &all[count]);)
        count++;
    ate__header_recipients(w, all, count);
    free(all);
}

static inline void rebuild_keys(struct ate__header_wr *w, enum ate__tag tag, struct ate_bytes list)
{
    struct ate__root_change all[ATE__ROOT_KEYS_MAX + 1];
    uint32_t count = 0;
    for (size_t at = 0; ate__root_next(list, &at, &all[count]);)
        count++;
    ate__header_keys(w, tag, all, count);
}

/* Appends the header again. With more than one reserved item only the first is known: such a
 * header is not written again, and false comes back. */
static inline bool rebuild_header(const struct ate__header *h, struct ate__buf *buf)
{
    struct ate__header_wr w = ate__header_wr_of(buf);
    unsigned reserved = 0;
    for (unsigned tag = 0; tag < 64; tag++) {
        if (!(h->present >> tag & 1))
            continue;
        if (tag == ATE__TAG_RECIPIENTS) {
            rebuild_recipients(&w, h->recipients);
        } else if (tag == ATE__TAG_ROOT) {
            rebuild_keys(&w, ATE__TAG_ROOT, h->root);
        } else if (tag == ATE__TAG_LOG_KEYS) {
            rebuild_keys(&w, ATE__TAG_LOG_KEYS, h->log_keys);
        } else if (tag == ATE__TAG_COMPACTOR_KEYS) {
            rebuild_keys(&w, ATE__TAG_COMPACTOR_KEYS, h->compactor_keys);
        } else if (tag >= ATE__TAG_HOME && tag <= ATE__TAG_MOVED) {
            if (reserved++)
                return false;
            ate__header_item(&w, tag, h->reserved);
        } else {
            rebuild_small(&w, h, (enum ate__tag)tag);
        }
    }
    ate__header_user(&w, h->user);
    return !ate__header_end(&w);
}

static inline bool rebuild_keep_all(void *arg, uint32_t event)
{
    (void)arg;
    (void)event;
    return true;
}

/* Appends the transaction again: through encode where every event is there in full, else through
 * reduce. ret_hash: as encode gave it, else zeros. Aborts where something fails. */
static inline void rebuild_tx(const struct ate__tx *tx, enum ate__hash_alg alg,
                              struct ate__buf *buf, struct ate_hash *ret_hash)
{
    struct ate__event_in *events = calloc(tx->event_count, sizeof *events);
    struct ate__precondition *preconditions =
        calloc(tx->precondition_count + 1, sizeof *preconditions);
    bool whole = events && preconditions;
    for (uint32_t i = 0; i < tx->event_count && whole; i++) {
        const struct ate__event *e = &tx->events[i];
        events[i] = (struct ate__event_in){e->form, e->bytes, e->salt, e->payload};
        whole = e->form != ATE__DROPPED && e->form != ATE__STRIPPED;
    }
    for (uint32_t i = 0; i < tx->precondition_count && whole; i++)
        preconditions[i] = ate__tx_precondition(tx, i);
    struct ate__tx_in in = {tx->chain_id,           tx->base_root, tx->id,
                            tx->base_size,          tx->time_us,   preconditions,
                            tx->precondition_count, events,        tx->event_count};
    *ret_hash = (struct ate_hash){{0}};
    /* What is nearly as big as a transaction may be was not made by encode, which leaves room. */
    if (whole && tx->encoded.size <= ATE__TX_UNSIGNED_MAX) {
        struct ate_hash attested[ATE__TX_SIGNATURES_MAX];
        for (uint32_t i = 0; i < tx->signature_count; i++)
            attested[i] = tx->signatures[i].fingerprint;
        if (ate__tx_encode(&in, alg, buf, ret_hash) ||
            (tx->attested ? ate__tx_encode_attested(attested, tx->signature_count, buf)
                          : ate__tx_encode_signatures(tx->signatures, tx->signature_count, buf)))
            abort();
    } else if (ate__tx_reduce(tx, rebuild_keep_all, NULL, UINT64_MAX, buf)) {
        abort();
    }
    free(preconditions);
    free(events);
}
