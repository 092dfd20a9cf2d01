/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * forge.c: events and transactions by hand.
 */
#include "forge.h"
#include "trust/data_key.h"

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
        ok(ate__name_tag_private(&key, &(struct ate_place){.parent = f->parent},
                                 ate__text_bytes(f->tag[0]), tags));
        *ret_size = ATE__NAME_TAG;
    }
    if (f->tag[1]) {
        ok(ate__name_tag_open(ATE__SHA256, &(struct ate_place){.parent = f->parent},
                              ate__text_bytes(f->tag[1]), tags + *ret_size));
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

static int try_offer(struct making *m)
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
    return o.result ? ate__fail(o.result, "%s", o.text) : 0;
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
    ok(try_offer(&m));
    ate_txn_end(m.t);
    ate__buf_deinit(&m.items);
    ate__buf_deinit(&m.payload);
    ate__buf_deinit(&m.header);
    ate__buf_deinit(&m.rules);
    ate__buf_deinit(&m.encoded);
}

/* ---- epochs ---- */

struct epoch_making {
    struct world *w;
    const struct forged_epoch *f;
    struct ate__epoch_of of;
    struct ate__data_key *key, *other, *below;
    struct ate__recipient entry[WORLD_SESSIONS];
    struct ate__buf sealed[WORLD_SESSIONS];
};

static struct ate__data_key *data_key_of(const struct ate__seal_env *e, uint8_t first)
{
    struct ate__key32 d = {{first, 0x5a}};
    struct ate__data_key *key;
    ok(ate__data_key_new(e, &d, &key));
    return key;
}

static void seal_entry(struct epoch_making *m, uint32_t i, unsigned session)
{
    bool wrong = m->f->wrong >> session & 1;
    const struct ate__key *reader = ate__session_key(m->w->session[session], 0);
    const struct ate__key *to =
        wrong && m->f->how == FORGE_TO_ANOTHER ? ate__session_key(m->w->session[0], 0) : reader;
    struct ate__data_key named = wrong && m->f->how == FORGE_ANOTHER_KEY ? *m->other : *m->key;
    struct ate__public_parts parts;
    named.id = m->key->id;
    ok(ate__public_key_parse(ate__buf_bytes(&to->public_key), &parts));
    ok(ate__data_key_seal(&m->of, &named, &reader->fingerprint, &parts, &m->sealed[i]));
    m->sealed[i].data[m->sealed[i].size - 1] ^= wrong && m->f->how == FORGE_NOISE;
    m->entry[i] = (struct ate__recipient){.fingerprint = reader->fingerprint,
                                          .method = ATE__SEALED_TO_KEM,
                                          .sealed = ate__buf_bytes(&m->sealed[i])};
}

static uint32_t seal_entries(struct epoch_making *m, const struct ate_rule *rule)
{
    for (uint32_t i = 0; i < rule->key_count; i++)
        for (unsigned session = 0; session < WORLD_SESSIONS; session++) {
            struct ate_hash fingerprint = world_key(m->w, session);
            if (ate__hash_equal(&fingerprint, &rule->keys[i]))
                seal_entry(m, i, session);
        }
    return (uint32_t)rule->key_count;
}

static void write_name_key(struct epoch_making *m, const struct ate__key32 *right,
                           struct ate__header_wr *w)
{
    static const struct ate__key32 another = {{0x33}};
    uint8_t wrapped[ATE__WRAPPED_KEY];
    ok(ate__name_key_wrap(m->of.e, m->key, m->of.scope,
                          m->f->name_key == FORGE_ANOTHER_KEY ? &another : right, wrapped));
    wrapped[0] ^= m->f->name_key == FORGE_NOISE;
    ate__header_namekey(
        w, &(struct ate__namekey_item){true, m->key->id, ate__bytes(wrapped, sizeof wrapped)});
}

static void write_epoch(struct epoch_making *m, const struct ate__control *last,
                        const struct ate__key32 *name_key, struct ate__buf *header)
{
    uint8_t seal_public[ATE__XWING_PUBLIC], link[ATE__LINK_SIZE];
    struct ate__auth auth = last->header.auth;
    struct ate_rule readers = world_rule(m->w, m->f->readers);
    struct ate__header_wr w = ate__header_wr_of(header);
    uint32_t count = seal_entries(m, &readers);
    auth.rule[ATE__RIGHT_READ] = (struct ate__rule){
        .who = ATE__RULE_ANY_OF, .count = count, .keys = (const uint8_t *)readers.keys};
    ok(ate__data_key_seal_public(m->of.e, m->f->seals_elsewhere ? m->other : m->key, ATE__KEM_XWING,
                                 seal_public));
    ok(ate__link_make(&m->of, m->key, m->f->link_elsewhere ? m->other : m->below, link));
    ate__header_item(&w, ATE__TAG_OBJECT, ate__bytes(m->of.scope, sizeof *m->of.scope));
    ate__header_item(&w, ATE__TAG_PREV, ate__bytes(&last->hash, sizeof last->hash));
    ate__header_auth(&w, &auth);
    ate__header_epoch(&w, &(struct ate__epoch_item){m->of.epoch, m->key->id, ATE__KEM_XWING,
                                                    ate__bytes(seal_public, sizeof seal_public)});
    ate__header_recipients(&w, m->entry, count);
    ate__header_item(&w, ATE__TAG_LINK, ate__bytes(link, sizeof link));
    write_name_key(m, name_key, &w);
    ok(ate__header_end(&w));
}

int forge_epoch(struct world *w, unsigned session, const struct forged_epoch *f)
{
    struct making m = {.w = w, .f = &(struct forged){.id = f->scope}};
    ate__cleanup(ate__key32_deinit) struct ate__key32 name_key = {{0}};
    const struct ate__seal_env *e = &w->dio->seal;
    struct ate__object_facts facts;
    m.t = world_begin_as(w, session);
    ok(ate__txn_read(m.t));
    ok(ate__facts_object(w->dio->pipe->v->facts(m.t->snapshot), &f->scope, &facts));
    const struct ate__control *last = ate__control_epoch(facts.control);
    struct epoch_making made = {.w = w, .f = f, .of = {e, &f->scope, last->header.epoch.epoch + 1}};
    if (f->number)
        made.of.epoch = f->number;
    made.key = data_key_of(e, (uint8_t)(0x40 + made.of.epoch));
    made.other = data_key_of(e, 0x3f);
    ok(ate__data_key_open(e, m.t->session, facts.control, &last->header.epoch.data_key_id,
                          &made.below));
    ok(ate__name_key_open(e, m.t->session, facts.control, facts.control, &name_key));
    write_epoch(&made, facts.control, &name_key, &m.header);
    m.event[m.events++] =
        (struct ate__event_in){.form = ATE__BARE, .header = ate__buf_bytes(&m.header)};
    int rc = try_offer(&m);
    ate_txn_end(m.t);
    ate__data_key_unref(made.key);
    ate__data_key_unref(made.other);
    ate__data_key_unref(made.below);
    for (unsigned i = 0; i < WORLD_SESSIONS; i++)
        ate__buf_deinit(&made.sealed[i]);
    ate__buf_deinit(&m.header);
    ate__buf_deinit(&m.encoded);
    return rc;
}
