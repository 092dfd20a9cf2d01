/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * history.c: histories as a root writes them.
 */
#include "history.h"
#include <stdlib.h>

static struct history_group *last(struct history *h)
{
    return &h->groups[h->count - 1];
}

void history_begin(struct history *h)
{
    assert_true(h->count < HISTORY_GROUPS);
    h->groups[h->count++] = (struct history_group){
        .first_sequence = h->tree.size,
        .root_time_us = h->time_us += 1000,
        .head_before = h->root,
    };
}

void history_add(struct history *h, struct ate_bytes record)
{
    struct history_group *g = last(h);
    struct ate_hash leaf = {{0}};
    struct ate__tx tx;
    assert_true(g->count < HISTORY_RECORDS);
    void *copy = malloc(record.size);
    memcpy(copy, record.data, record.size);
    g->records[g->count++] = ate__bytes(copy, record.size);
    if (!ate__tx_decode(record, ATE__SHA256, &tx)) {
        kit_ok(ate__tx_leaf(&tx, ATE__SHA256, h->tree.size, g->root_time_us, &leaf));
        ate__tx_deinit(&tx);
    }
    kit_ok(ate__frontier_append(&h->tree, &leaf));
}

void history_end(struct history *h)
{
    kit_ok(ate__frontier_root(&h->tree, &h->root));
    last(h)->head_after = h->root;
}

void history_init(struct history *h, struct kit *k)
{
    memset(h, 0, sizeof *h);
    h->k = k;
    h->time_us = 5000000;
    ate__frontier_init(&h->tree);
    kit_ok(ate__frontier_root(&h->tree, &h->root));
    history_begin(h);
    history_add(h, ate__bytes(k->genesis, k->genesis_size));
    history_end(h);
}

void history_deinit(struct history *h)
{
    for (size_t i = 0; i < h->count; i++)
        for (size_t n = 0; n < h->groups[i].count; n++)
            free((void *)(uintptr_t)h->groups[i].records[n].data);
    h->count = 0;
}

void history_draft(struct history *h, struct draft *d)
{
    draft_init(d, &h->k->chain_id);
    memset(d->in.id.origin, h->k->origin, sizeof d->in.id.origin);
    d->in.id.number = ++h->k->number;
    d->in.base_size = last(h)->first_sequence;
    d->in.base_root = last(h)->head_before;
    d->signer[d->signer_count++] = kit_key(0);
}

void history_add_draft(struct history *h, struct draft *d)
{
    history_add(h, draft_encode(d));
    draft_deinit(d);
}

static void add_put(struct history *h, unsigned object)
{
    struct draft d;
    history_draft(h, &d);
    draft_text(&d, id_of(object), NULL, "a text");
    history_add_draft(h, &d);
}

void history_put(struct history *h, unsigned object)
{
    history_begin(h);
    add_put(h, object);
    history_end(h);
}

int history_append(const struct history *h, size_t group, struct ate__storage *s)
{
    const struct history_group *g = &h->groups[group];
    struct ate__group_in in = {
        .first_sequence = g->first_sequence,
        .root_time_us = g->root_time_us,
        .head_before = g->head_before,
        .records = g->records,
        .count = g->count,
    };
    return s->v->append(s, &in);
}

int history_feed(const struct history *h, size_t group, struct ate__chain *c)
{
    const struct history_group *g = &h->groups[group];
    struct ate__group_feed feed = {
        .first_sequence = g->first_sequence,
        .root_time_us = g->root_time_us,
        .records = g->records,
        .count = g->count,
        .head_after = g->head_after,
    };
    return ate__chain_feed(c, &feed);
}

/* ---- what breaks a rule ---- */

static void not_signed(struct history *h)
{
    struct draft d;
    history_draft(h, &d);
    draft_text(&d, id_of(50), NULL, "x");
    d.signer_count = 0;
    history_add_draft(h, &d);
}

static void signed_by_another(struct history *h)
{
    struct draft d;
    history_draft(h, &d);
    draft_text(&d, id_of(50), NULL, "x");
    draft_item(&d, ATE__TAG_PUBLIC_KEY, ate__buf_bytes(&kit_key(1)->public_key));
    d.signer[0] = kit_key(1);
    history_add_draft(h, &d);
}

static void unknown_key_signs_too(struct history *h)
{
    struct draft d;
    history_draft(h, &d);
    draft_text(&d, id_of(50), NULL, "x");
    d.signer[d.signer_count++] = kit_key(2);
    history_add_draft(h, &d);
}

static void changed_after_signing(struct history *h)
{
    struct draft d;
    history_draft(h, &d);
    draft_text(&d, id_of(50), NULL, "some text");
    draft_encode(&d);
    for (size_t i = 0; i + 9 < d.encoded.size; i++)
        if (!memcmp(d.encoded.data + i, "some text", 9))
            d.encoded.data[i] ^= 1;
    history_add(h, ate__buf_bytes(&d.encoded));
    draft_deinit(&d);
}

static void another_version(struct history *h)
{
    struct draft d;
    struct ate_hash prev = {{3}};
    history_draft(h, &d);
    draft_text(&d, id_of(1), &prev, "x");
    history_add_draft(h, &d);
}

static void used_number(struct history *h)
{
    struct draft d;
    history_draft(h, &d);
    d.in.id.number -= 2;
    draft_text(&d, id_of(50), NULL, "x");
    history_add_draft(h, &d);
}

static void another_chain(struct history *h)
{
    struct draft d;
    history_draft(h, &d);
    d.in.chain_id.b[0] ^= 1;
    draft_text(&d, id_of(50), NULL, "x");
    history_add_draft(h, &d);
}

static void another_base(struct history *h)
{
    struct draft d;
    history_draft(h, &d);
    d.in.base_root.b[0] ^= 1;
    draft_text(&d, id_of(50), NULL, "x");
    history_add_draft(h, &d);
}

static void base_to_come(struct history *h)
{
    struct draft d;
    history_draft(h, &d);
    d.in.base_size += 5;
    draft_text(&d, id_of(50), NULL, "x");
    history_add_draft(h, &d);
}

static void cut_short(struct history *h)
{
    struct draft d;
    history_draft(h, &d);
    draft_text(&d, id_of(50), NULL, "x");
    struct ate_bytes whole = draft_encode(&d);
    history_add(h, ate__bytes(whole.data, whole.size - 1));
    draft_deinit(&d);
}

static bool keep_none(void *arg, uint32_t event)
{
    (void)arg, (void)event;
    return false;
}

static void left_out(struct history *h)
{
    struct draft d;
    struct ate__buf reduced = ATE__BUF_NULL;
    history_draft(h, &d);
    draft_text(&d, id_of(50), NULL, "x");
    struct ate__tx tx = draft_tx(&d);
    kit_ok(ate__tx_reduce(&tx, keep_none, NULL, UINT64_MAX, &reduced));
    history_add(h, ate__buf_bytes(&reduced));
    ate__tx_deinit(&tx);
    ate__buf_deinit(&reduced);
    draft_deinit(&d);
}

static void no_parent(struct history *h)
{
    struct draft d;
    history_draft(h, &d);
    draft_body(&d, &(struct draft_body){.id = id_of(50), .parent = id_of(51)});
    history_add_draft(h, &d);
}

static void taken_name(struct history *h)
{
    struct draft d;
    for (unsigned i = 0; i < 2; i++) {
        history_draft(h, &d);
        draft_body(&d, &(struct draft_body){.id = id_of(50 + i), .name = "mine"});
        history_add_draft(h, &d);
    }
}

static void item_of_later(struct history *h)
{
    struct draft d;
    struct ate_id id = id_of(50);
    struct ate__buf header = ATE__BUF_NULL;
    struct ate__header_wr w = ate__header_wr_of(&header);
    history_draft(h, &d);
    draft_text(&d, id, NULL, "x");
    struct ate_bytes whole = draft_encode(&d);
    /* OBJECT becomes a critical tag that nobody knows: 0x0030, behind the rest. */
    ate__header_item(&w, ATE__TAG_OBJECT, ate__bytes(&id, sizeof id));
    kit_ok(ate__header_end(&w));
    uint8_t *at = memmem(d.encoded.data, whole.size, header.data, header.size);
    assert_non_null(at);
    at[0] = 0x30;
    history_add(h, ate__buf_bytes(&d.encoded));
    ate__buf_deinit(&header);
    draft_deinit(&d);
}

static void second_genesis(struct history *h)
{
    struct draft d;
    struct ate__tx tx;
    history_draft(h, &d);
    kit_ok(ate__tx_decode(ate__bytes(h->k->genesis, h->k->genesis_size), ATE__SHA256, &tx));
    draft_item(&d, ATE__TAG_GENESIS, tx.events[0].header.genesis);
    ate__tx_deinit(&tx);
    history_add_draft(h, &d);
}

static void revoked_key(struct history *h)
{
    struct draft d;
    history_draft(h, &d);
    draft_item(&d, ATE__TAG_REVOKE, ate__bytes(&kit_key(0)->fingerprint, 32));
    history_add_draft(h, &d);
    add_put(h, 50);
}

const struct wrong wrongs[] = {
    {"not signed", not_signed, ATE_TAMPERED, "signed by nobody"},
    {"signed by another", signed_by_another, ATE_TAMPERED, "ATE_DENIED"},
    {"an unknown key signs too", unknown_key_signs_too, ATE_TAMPERED, "does not hold this key"},
    {"changed after signing", changed_after_signing, ATE_TAMPERED, "it does not hold"},
    {"of another version", another_version, ATE_TAMPERED, "not the current one"},
    {"a number that was used", used_number, ATE_TAMPERED, "of its origin was committed as"},
    {"of another chain", another_chain, ATE_TAMPERED, "ATE_WRONG_CHAIN"},
    {"on another history", another_base, ATE_TAMPERED, "ATE_FORKED"},
    {"on what is to come", base_to_come, ATE_TAMPERED, "more than come before it"},
    {"cut short", cut_short, ATE_TAMPERED, "ATE_MALFORMED"},
    {"left out", left_out, ATE_TAMPERED, "ATE_OMITTED"},
    {"below nothing", no_parent, ATE_TAMPERED, "ATE_CONFLICT"},
    {"a name that is taken", taken_name, ATE_TAMPERED, "its name below"},
    {"an item of a later version", item_of_later, ATE_UNSUPPORTED, "transaction"},
    {"a second genesis", second_genesis, ATE_UNSUPPORTED, "genesis behind"},
    {"by a key that was revoked", revoked_key, ATE_TAMPERED, "was revoked"},
};
const size_t wrong_count = ATE__COUNT_OF(wrongs);

size_t history_wrong(struct history *h, const struct wrong *w)
{
    for (unsigned i = 1; i < 5; i++)
        history_put(h, i);
    history_begin(h);
    add_put(h, 10);
    w->make(h);
    history_end(h);
    size_t wrong = h->count - 1;
    history_put(h, 20);
    return wrong;
}
