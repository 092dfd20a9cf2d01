/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * chains_keys.c: the stories of the second set: keys that come and go, in all their offices, and
 * payloads that are compressed. What the library does not write yet, though it reads it, is put
 * together here: epochs above 0, root keys, revocations.
 */
#include "ate/proof.h"
#include "bin/ate/fs.h"
#include "crypto/log_key.h"
#include "dio/txn.h"
#include "golden.h"
#include "trust/data_key.h"
#include "unit/chain/draft.h"

/* ---- transactions by hand ---- */

struct by_hand {
    struct golden *g;
    struct ate_txn *t; /* whose snapshot and number it has */
    struct draft d;
};

static const struct ate__key *key_of(const struct golden *g, unsigned n)
{
    return ate__session_key(g->session[n], 0);
}

static void begin(struct golden *g, struct by_hand *b)
{
    *b = (struct by_hand){.g = g, .t = golden_begin(g, NULL)};
    ok(ate__txn_read(b->t));
    draft_init(&b->d, &g->dio->seal.chain_id);
}

/* Its public half, if the chain does not hold it. */
static void bring(struct by_hand *b, unsigned key)
{
    struct ate__trust *trust = b->g->dio->pipe->v->trust(b->g->dio->pipe);
    const struct ate__key *k = key_of(b->g, key);
    if (!ate__trust_has_key(trust, &k->fingerprint))
        draft_item(&b->d, ATE__TAG_PUBLIC_KEY, ate__buf_bytes(&k->public_key));
}

static void sign(struct by_hand *b, unsigned key)
{
    b->d.signer[b->d.signer_count++] = key_of(b->g, key);
}

static void commit(struct by_hand *b)
{
    struct ate__pipe *p = b->g->dio->pipe;
    b->d.in.id = b->t->id;
    b->d.in.time_us = ate__wall_us(p->env);
    p->v->head(b->t->snapshot, &b->d.in.base_size, &b->d.in.base_root);
    struct ate__offer offer = {.encoded = draft_encode(&b->d), .waits = true, .timeout_ms = -1};
    p->v->offer(p, &offer);
    p->v->wait(p, &offer);
    if (offer.result)
        fail_msg("%s: %s", ate__result_name(offer.result), offer.text);
    ate_txn_end(b->t);
    draft_deinit(&b->d);
    simenv_pass_ms(&b->g->sim, 1000);
}

static void revoke(struct golden *g, unsigned key, unsigned by)
{
    struct by_hand b;
    begin(g, &b);
    draft_item(&b.d, ATE__TAG_REVOKE, ate__bytes(&key_of(g, key)->fingerprint, 32));
    bring(&b, by);
    sign(&b, by);
    commit(&b);
}

/* Who becomes a root key signs, too. */
static void change_roots(struct golden *g, bool add, unsigned key, unsigned by)
{
    struct by_hand b;
    const struct ate__key *k = key_of(g, key);
    struct ate__root_change change = {ATE__ROOT_REMOVE, ate__bytes(&k->fingerprint, 32)};
    struct ate__buf header = ATE__BUF_NULL;
    struct ate__header_wr w = ate__header_wr_of(&header);
    if (add)
        change = (struct ate__root_change){ATE__ROOT_ADD, ate__buf_bytes(&k->public_key)};
    begin(g, &b);
    ate__header_keys(&w, ATE__TAG_ROOT, &change, 1);
    ok(ate__header_end(&w));
    draft_event(&b.d, ATE__BARE, ate__buf_bytes(&header), (struct ate_bytes){0});
    bring(&b, by);
    sign(&b, by);
    if (add) {
        bring(&b, key);
        sign(&b, key);
    }
    commit(&b);
    ate__buf_deinit(&header);
}

/* ---- epochs ---- */

struct epoch { /* one that begins */
    struct ate__data_key *below, *key;
    struct ate__key32 name_key;
    uint8_t seal_public[ATE__XWING_PUBLIC], link[ATE__LINK_SIZE], name[ATE__WRAPPED_KEY];
    struct ate__buf sealed[GOLDEN_KEYS];
    struct ate__recipient readers[GOLDEN_KEYS];
    struct ate_hash prints[GOLDEN_KEYS];
    uint32_t count;
};

static void add_reader(struct golden *g, const struct ate__epoch_of *of, unsigned key,
                       struct epoch *e)
{
    const struct ate__key *k = key_of(g, key);
    struct ate__public_parts parts;
    uint32_t at = e->count++;
    ok(ate__public_key_parse(ate__buf_bytes(&k->public_key), &parts));
    ok(ate__data_key_seal(of, e->key, &k->fingerprint, &parts, &e->sealed[key]));
    for (; at && memcmp(&e->prints[at - 1], &k->fingerprint, 32) > 0; at--) {
        e->prints[at] = e->prints[at - 1];
        e->readers[at] = e->readers[at - 1];
    }
    e->prints[at] = k->fingerprint;
    e->readers[at] = (struct ate__recipient){.fingerprint = k->fingerprint,
                                             .method = ATE__SEALED_TO_KEM,
                                             .sealed = ate__buf_bytes(&e->sealed[key])};
}

static void make_epoch(struct golden *g, const struct ate__control *before,
                       const struct ate__epoch_of *of, unsigned readers, struct epoch *e)
{
    struct ate__key32 d;
    ok(ate__data_key_open(of->e, g->session[OWNER], before, &before->header.epoch.data_key_id,
                          &e->below));
    ate__random(of->e->env, &d, sizeof d);
    ok(ate__data_key_new(of->e, &d, &e->key));
    ok(ate__data_key_seal_public(of->e, e->key, ATE__KEM_XWING, e->seal_public));
    for (unsigned i = 0; i < GOLDEN_KEYS; i++)
        if (readers & 1u << i)
            add_reader(g, of, i, e);
    ok(ate__link_make(of, e->key, e->below, e->link));
    ok(ate__name_key_open(of->e, g->session[OWNER], before, before, &e->name_key));
    ok(ate__name_key_wrap(of->e, e->key, of->scope, &e->name_key, e->name));
}

static void write_epoch(const struct ate__epoch_of *of, const struct ate__control *before,
                        const struct epoch *e, struct ate__buf *header)
{
    struct ate__header_wr w = ate__header_wr_of(header);
    struct ate__auth auth = before->header.auth;
    auth.rule[ATE__RIGHT_READ] =
        (struct ate__rule){.who = ATE__RULE_ANY_OF, .count = e->count, .keys = e->prints[0].b};
    ate__header_item(&w, ATE__TAG_OBJECT, ate__bytes(of->scope, sizeof *of->scope));
    ate__header_item(&w, ATE__TAG_PREV, ate__bytes(&before->hash, sizeof before->hash));
    ate__header_auth(&w, &auth);
    ate__header_epoch(&w,
                      &(struct ate__epoch_item){of->epoch, e->key->id, ATE__KEM_XWING,
                                                ate__bytes(e->seal_public, sizeof e->seal_public)});
    ate__header_recipients(&w, e->readers, e->count);
    ate__header_item(&w, ATE__TAG_LINK, ate__bytes(e->link, sizeof e->link));
    ate__header_namekey(
        &w, &(struct ate__namekey_item){true, e->key->id, ate__bytes(e->name, sizeof e->name)});
    ok(ate__header_end(&w));
}

/* The next epoch of a scope of the owner's, for these readers, a bit for each. */
static void next_epoch(struct golden *g, struct ate_id scope, unsigned readers)
{
    struct by_hand b;
    struct epoch e = {.count = 0};
    struct ate__object_facts facts;
    struct ate__buf header = ATE__BUF_NULL;
    begin(g, &b);
    ok(ate__facts_object(g->dio->pipe->v->facts(b.t->snapshot), &scope, &facts));
    struct ate__epoch_of of = {&g->dio->seal, &scope, facts.control->header.epoch.epoch + 1};
    make_epoch(g, facts.control, &of, readers, &e);
    write_epoch(&of, facts.control, &e, &header);
    draft_event(&b.d, ATE__BARE, ate__buf_bytes(&header), (struct ate_bytes){0});
    for (unsigned i = 0; i < GOLDEN_KEYS; i++)
        if (readers & 1u << i)
            bring(&b, i);
    sign(&b, OWNER);
    commit(&b);
    ate__buf_deinit(&header);
    for (unsigned i = 0; i < GOLDEN_KEYS; i++)
        ate__buf_deinit(&e.sealed[i]);
    ate__key32_deinit(&e.name_key);
    ate__data_key_unref(e.key);
    ate__data_key_unref(e.below);
}

struct ate_rule golden_rule(const struct golden *g, const unsigned *keys, size_t count)
{
    enum { AT_ONCE = 8 };
    static struct ate_hash prints[AT_ONCE][GOLDEN_KEYS];
    static unsigned next;
    struct ate_hash *to = prints[next++ % AT_ONCE];
    for (size_t i = 0; i < count; i++)
        to[i] = golden_fingerprint(g, keys[i]);
    return (struct ate_rule){ATE_KEYS, to, count};
}
void golden_put_by(struct golden *g, unsigned key, struct ate_id parent, const char *name,
                   const char *value)
{
    struct ate_txn *t = golden_begin(g, g->session[key]);
    golden_put(t, parent, name, value);
    golden_commit(t, g);
}

/* What a reader saw he keeps; what came after him he does not see, and who came later sees all. */
static struct ate_id write_epochs(struct golden *g)
{
    struct ate_txn *t = golden_begin(g, NULL);
    struct ate_id scope = golden_put(t, ate_top, "scope", "of epoch 0");
    ok(ate_protect(t, scope,
                   &(struct ate_rules){.read = GOLDEN_RULE(g, OWNER, READER),
                                       .write = GOLDEN_RULE(g, OWNER, SECOND)}));
    golden_put(t, scope, "old", "of epoch 0");
    golden_put(t, scope, "changed", "in epoch 0");
    golden_commit(t, g);
    next_epoch(g, scope, 1u << OWNER);
    golden_put_by(g, OWNER, scope, "changed", "in epoch 1");
    golden_put_by(g, OWNER, scope, "new", "of epoch 1");
    next_epoch(g, scope, 1u << OWNER | 1u << SECOND);
    golden_put_by(g, SECOND, scope, "newer", "of epoch 2, by the one who came");
    return scope;
}

void golden_make_epochs(struct golden *g)
{
    golden_create_open(g);
    struct ate_id scope = write_epochs(g);
    /* A reader more within the epoch, by the library. */
    struct ate_txn *t = golden_begin(g, NULL);
    ok(ate_protect(t, scope,
                   &(struct ate_rules){.read = GOLDEN_RULE(g, OWNER, SECOND, STRANGER),
                                       .write = GOLDEN_RULE(g, OWNER, SECOND)}));
    golden_commit(t, g);
    golden_put_by(g, SECOND, scope, "newest", "of epoch 2, too");
    golden_close(g);
}

/* ---- who may no longer, who may now ---- */

/* What he wrote before counts; what he may he may no more. */
void golden_make_revoked(struct golden *g)
{
    golden_create_open(g);
    struct ate_txn *t = golden_begin(g, NULL);
    ok(ate_protect(t, ate_top, &(struct ate_rules){.write = GOLDEN_RULE(g, OWNER, SECOND)}));
    golden_commit(t, g);
    golden_put_by(g, SECOND, ate_top, "by the second", "while he could");
    golden_put_by(g, OWNER, ate_top, "by the owner", "first");
    revoke(g, SECOND, OWNER);
    golden_put_by(g, OWNER, ate_top, "by the owner", "after it");
    revoke(g, READER, READER); /* by himself */
    golden_close(g);
}

static void write_roots(struct golden *g)
{
    change_roots(g, true, SECOND, OWNER);
    change_roots(g, true, READER, SECOND);
    change_roots(g, false, READER, OWNER);
    revoke(g, STRANGER, SECOND);
}

void golden_make_roots(struct golden *g)
{
    golden_create_open(g);
    golden_put_numbered(g, ate_top, 1, 1, 10);
    write_roots(g);
    golden_put_numbered(g, ate_top, 2, 2, 10);
    golden_close(g);
}

static char *log_key_text(const struct golden *g, unsigned key)
{
    struct ate__log_key *log_key;
    static struct ate__buf text;
    ate__buf_clear(&text);
    ok(ate__log_key_of_seed(&key_of(g, key)->seed, &log_key));
    ok(ate__log_key_encode(ate__log_key_public(log_key), &text));
    ok(ate__buf_append(&text, ate__bytes("", 1)));
    ate__log_key_free(log_key);
    return (char *)text.data;
}

static void write_log_keys(struct golden *g)
{
    ok(ate_log_key_add(&g->chain, log_key_text(g, SECOND), NULL));
    simenv_pass_ms(&g->sim, 1000);
    golden_put_numbered(g, ate_top, 3, 3, 10);
    ok(ate_log_key_remove(&g->chain, log_key_text(g, OWNER), NULL));
    simenv_pass_ms(&g->sim, 1000);
}

/* One log key signs what another one signed before. */
void golden_make_log_keys(struct golden *g)
{
    char *first, *text;
    golden_create_open(g);
    golden_put_numbered(g, ate_top, 1, 1, 10);
    ok(ate_checkpoint(&g->chain, &first));
    golden_text(g, ".old.checkpoint", first);
    write_log_keys(g);
    golden_put_numbered(g, ate_top, 4, 4, 10);
    g->chain.session = g->session[SECOND];
    ok(ate_checkpoint(&g->chain, &text));
    golden_text(g, ".checkpoint", text);
    ok(ate_prove(&g->chain, 1, NULL, &text));
    golden_text(g, ".tlog-proof", text);
    ok(ate_log_keys(&g->chain, &text));
    golden_text(g, ".log-keys", text);
    golden_close(g);
}

/* All of these, and then most of the history goes under a certificate. */
void golden_make_offices(struct golden *g)
{
    golden_create_open(g);
    struct ate_id scope = write_epochs(g);
    write_log_keys(g);
    for (unsigned i = 0; i < 300; i++)
        golden_put_numbered(g, ate_top, i % 8, i, 40);
    write_roots(g);
    for (unsigned i = 0; i < 300; i++)
        golden_put_numbered(g, ate_top, i % 8, i, 40);
    golden_compact(g, true);
    golden_put_by(g, SECOND, scope, "newest", "after it");
    golden_close(g);
}

/* ---- compression ---- */

static void put_json(struct ate_txn *t, const char *name, size_t size, unsigned flags)
{
    char text[5000];
    struct ate_object o = {
        .type = "json", .encoding = "json", .name = ate__text_bytes(name), .payload = {text, size}};
    memset(text, ' ', sizeof text);
    for (size_t i = 0; i + 40 < size; i += 40)
        snprintf(text + i, sizeof text - i, "%c\"c%03zu\":[%6zu,null,\"somewhere\"]", i ? ',' : '{',
                 i / 40, i * i % 999983);
    for (size_t i = 0; i < size; i++)
        if (!text[i])
            text[i] = ' ';
    text[size - 1] = '}';
    ok(ate_put_raw(t, &o, flags, NULL));
}

/* In every form in which a payload is stored, private and open; changed, deleted and compacted. */
void golden_make_compressed(struct golden *g)
{
    static char zeros[20000], noise[20000];
    struct ate__buf options = ATE__BUF_NULL;
    struct ate_id id;
    ok(ate__genesis_compression(ATE__COMPRESSION_ZSTD, &options));
    golden_open(g, ATE__STORAGE_CREATE, ate__buf_bytes(&options));
    ate__buf_deinit(&options);
    for (unsigned round = 0; round < 4; round++) {
        struct ate_txn *t = golden_begin(g, NULL);
        golden_put(t, ate_top, "small", round ? "changed" : "");
        put_json(t, "private", 1000 + 900 * round, 0);
        put_json(t, "open", 4900 - 900 * round, ATE_PUBLIC);
        ok(ate_put_as(t, fs_bytes, ate_top, "zeros", &(struct fs_bytes){{zeros, sizeof zeros}},
                      &id));
        ate__random(&g->sim.env, noise, sizeof noise);
        ok(ate_put_as(t, fs_bytes, ate_top, "noise", &(struct fs_bytes){{noise, sizeof noise}},
                      &id));
        golden_commit(t, g);
    }
    struct ate_txn *t = golden_begin(g, NULL);
    ok(ate_delete(t, id, 0));
    ok(ate_put_as(t, fs_bytes, ate_top, "some noise", &(struct fs_bytes){{noise, 1000}}, &id));
    golden_commit(t, g);
    golden_compact(g, false);
    golden_close(g);
}
