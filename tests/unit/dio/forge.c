/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * forge.c: events and transactions by hand.
 */
#include "forge.h"

struct making {
    struct world *w;
    const struct forged *f;
    struct ate_txn *t; /* for its snapshot and its identity */
    const struct ate__facts *facts;
    struct ate__object_facts before;
    struct ate__buf items, payload, header, rules, encoded;
    struct ate__conf_item conf;
    struct ate__event_in event[2];
    uint32_t events;
};

/* One tag, or two: the private one goes first. */
static void tags_of(struct making *m, uint8_t tags[2 * ATE__NAME_TAG], size_t *ret_size)
{
    ate__cleanup(ate__key32_deinit) struct ate__key32 key = {{0}};
    const struct forged *f = m->f;
    bool is_private;
    *ret_size = 0;
    if (f->tag[0]) {
        ok(ate__txn_name_key(m->t, &f->parent, &is_private, &key));
        assert_true(is_private);
        ok(ate__name_tag_private(&key, &f->parent, ate__text_bytes(f->tag[0]), tags));
        *ret_size = ATE__NAME_TAG;
    }
    if (f->tag[1]) {
        ok(ate__name_tag_open(ATE__SHA256, &f->parent, ate__text_bytes(f->tag[1]),
                              tags + *ret_size));
        *ret_size += ATE__NAME_TAG;
    }
}

static void write_items(struct making *m, struct ate__header_wr *w)
{
    if (m->f->name)
        ate__header_item(w, ATE__TAG_NAME, ate__text_bytes(m->f->name));
    ate__header_item(w, ATE__TAG_TYPE, ate__text_bytes("note"));
}

static void encrypt(struct making *m, struct ate__buf *cipher)
{
    ate__cleanup(ate__data_key_unrefp) struct ate__data_key *key = NULL;
    const struct ate__seal_env *e = &m->w->dio->seal;
    const struct ate__control *control;
    struct ate_id scope;
    struct ate__header_wr w = ate__header_wr_of(&m->items);
    write_items(m, &w);
    ok(ate__header_end(&w));
    ok(ate__scope_of(m->facts, m->before.live ? &m->f->id : &m->f->parent, &scope, &control));
    ok(ate__data_key_open(e, m->t->session, control, &control->header.epoch.data_key_id, &key));
    ok(ate__body_encrypt(e, key, control->header.epoch.epoch, &m->f->id, (struct ate_bytes){0},
                         &m->f->parent, 0, ate__buf_bytes(&m->items), ate__buf_bytes(&m->payload),
                         &m->conf, cipher));
    cipher->data[cipher->size - 1] ^= m->f->spoiled;
}

static void add_body(struct making *m, struct ate__buf *cipher)
{
    uint8_t tags[2 * ATE__NAME_TAG];
    size_t tag_size;
    static const uint8_t salt[16] = {1};
    const struct forged *f = m->f;
    tags_of(m, tags, &tag_size);
    ok(ate__codec_encode(ate_type_note(), NOTE("forged", 7), (struct ate_bytes){0}, &m->payload));
    if (!f->clear)
        encrypt(m, cipher);
    struct ate__header_wr w = ate__header_wr_of(&m->header);
    ate__header_item(&w, ATE__TAG_OBJECT, ate__bytes(&f->id, sizeof f->id));
    if (m->before.live)
        ate__header_item(&w, ATE__TAG_PREV, ate__bytes(&m->before.body, sizeof m->before.body));
    ate__header_parent(&w, &f->parent, 0);
    if (tag_size)
        ate__header_item(&w, ATE__TAG_TAG, ate__bytes(tags, tag_size));
    if (f->clear)
        write_items(m, &w);
    else
        ate__header_conf(&w, &m->conf);
    ok(ate__header_end(&w));
    if (f->bare) {
        m->event[m->events++] =
            (struct ate__event_in){.form = ATE__BARE, .header = ate__buf_bytes(&m->header)};
        return;
    }
    m->event[m->events++] = (struct ate__event_in){
        .form = f->clear ? ATE__CLEAR : ATE__CIPHER,
        .header = ate__buf_bytes(&m->header),
        .salt = f->clear ? ate__bytes(salt, sizeof salt) : (struct ate_bytes){0},
        .payload = ate__buf_bytes(f->clear ? &m->payload : cipher),
    };
}

/* What makes a new object open below something private. */
static void add_rules(struct making *m)
{
    struct ate__auth everyone = {.rule[ATE__RIGHT_READ] = {.who = ATE__RULE_EVERYONE}};
    struct ate__header_wr w = ate__header_wr_of(&m->rules);
    ate__header_item(&w, ATE__TAG_OBJECT, ate__bytes(&m->f->id, sizeof m->f->id));
    ate__header_auth(&w, &everyone);
    ok(ate__header_end(&w));
    m->event[m->events++] =
        (struct ate__event_in){.form = ATE__BARE, .header = ate__buf_bytes(&m->rules)};
}

static void sign(struct making *m, const struct ate_hash *hash)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf bytes = ATE__BUF_NULL;
    struct ate__pipe *p = m->w->dio->pipe;
    struct ate__signature signature;
    if (m->f->unsigned_) {
        ok(ate__tx_encode_signatures(NULL, 0, &m->encoded));
        return;
    }
    ok(ate__trust_sign(p->v->trust(p), ate__session_key(m->t->session, 0), ATE__SHA256, hash,
                       &bytes, &signature));
    ok(ate__tx_encode_signatures(&signature, 1, &m->encoded));
}

static void offer_done(struct ate__offer *offer)
{
    (void)offer;
}

static void offer(struct making *m)
{
    struct ate__pipe *p = m->w->dio->pipe;
    struct ate__tx_in in = {
        .chain_id = m->w->dio->seal.chain_id,
        .id = m->t->id,
        .time_us = ate__wall_us(p->env),
        .events = m->event,
        .event_count = m->events,
    };
    struct ate_hash hash;
    p->v->head(m->t->snapshot, &in.base_size, &in.base_root);
    ok(ate__tx_encode(&in, ATE__SHA256, &m->encoded, &hash));
    sign(m, &hash);
    struct ate__offer o = {.encoded = ate__buf_bytes(&m->encoded),
                           .waits = true,
                           .timeout_ms = -1,
                           .done = offer_done};
    p->v->offer(p, &o);
    p->v->wait(p, &o);
    if (o.result)
        fail_msg("forged: %s: %s", ate__result_name(o.result), o.text);
}

void forge(struct world *w, unsigned session, const struct forged *f)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf cipher = ATE__BUF_NULL;
    struct making m = {.w = w, .f = f, .t = world_begin_as(w, session)};
    ok(ate__txn_read(m.t));
    m.facts = w->dio->pipe->v->facts(m.t->snapshot);
    ok(ate__facts_object(m.facts, &f->id, &m.before));
    add_body(&m, &cipher);
    if (f->clear && !f->unsigned_ && !m.before.control)
        add_rules(&m);
    offer(&m);
    ate_txn_end(m.t);
    ate__buf_deinit(&m.items);
    ate__buf_deinit(&m.payload);
    ate__buf_deinit(&m.header);
    ate__buf_deinit(&m.rules);
    ate__buf_deinit(&m.encoded);
}
