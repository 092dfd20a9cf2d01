/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * chains_algorithms.c: the stories of the third set: keys of every strength and kind, whole and in
 * halves, another hash; what scopes came to have: labels, drop boxes, an end at which they are
 * published; and signatures that several transactions share.
 */
#include "ate/history.h"
#include "ate/proof.h"
#include "dio/txn.h"
#include "golden.h"
#include "unit/chain/draft.h"

const struct golden_kit golden_weak = {{
    {.form = "mldsa44-ed25519-sha512 x-wing"},
    {.form = "mldsa65-ed25519-sha512 x-wing"},
    {.form = "mldsa87-ed448-shake256 mlkem1024-p384"},
    {.form = "mldsa44-ed25519-sha512 x-wing"},
}};
const struct golden_kit golden_strong = {{
    {.form = "mldsa87-ed448-shake256 mlkem1024-p384"},
    {.form = "mldsa87-ed448-shake256 mlkem1024-p384"},
    {.form = "mldsa87-ed448-shake256 mlkem1024-p384"},
    {.form = "mldsa87-ed448-shake256 mlkem1024-p384"},
}};
/* The owner has no part that others seal to, and reads by the symmetric key of the file. */
const struct golden_kit golden_edwards = {{
    {.form = "ed25519"},
    {.form = "ed448 x-wing"},
    {.form = "ed25519 mlkem1024-p384"},
    {.form = "mldsa65-ed25519-sha512 x-wing"},
}};
const struct golden_kit golden_mldsa = {{
    {.form = "mldsa65 x-wing"},
    {.form = "mldsa44 x-wing"},
    {.form = "mldsa87 mlkem1024-p384"},
    {.form = "mldsa44-ed25519-sha512 x-wing"},
}};
const struct golden_kit golden_halves = {{
    {.form = "mldsa65-ed25519-sha512 x-wing", .sealed = true},
    {.form = "mldsa65-ed25519-sha512 x-wing", .holds = ATE__KEY_WRITES},
    {.form = "mldsa65-ed25519-sha512 x-wing", .holds = ATE__KEY_READS, .sealed = true},
    {.form = "mldsa65-ed25519-sha512 x-wing", .holds = ATE__KEY_READS},
}};
const uint16_t golden_plain_edwards[2] = {ATE__SIG_ED25519, ATE__SIG_ED448};
const uint16_t golden_plain_mldsa[3] = {ATE__SIG_MLDSA44, ATE__SIG_MLDSA65, ATE__SIG_MLDSA87};

static void protect(struct golden *g, struct ate_id id, const struct ate_rules *rules)
{
    struct ate_txn *t = golden_begin(g, NULL);
    ok(ate_protect(t, id, rules));
    golden_commit(t, g);
}

/* A scope for the three of them, in a chain of the owner's. */
static struct ate_id begin_scope(struct golden *g)
{
    golden_open(g, ATE__STORAGE_CREATE, (struct ate_bytes){0});
    struct ate_txn *t = golden_begin(g, NULL);
    ok(ate_protect(
        t, ate_top,
        &(struct ate_rules){.read = GOLDEN_RULE(g, OWNER), .write = GOLDEN_RULE(g, OWNER)}));
    struct ate_id scope = golden_put(t, ate_top, "scope", "of epoch 0");
    ok(ate_protect(t, scope,
                   &(struct ate_rules){.read = GOLDEN_RULE(g, OWNER, SECOND, READER),
                                       .write = GOLDEN_RULE(g, OWNER, SECOND)}));
    golden_put(t, scope, "old", "of epoch 0");
    golden_put(t, scope, "changed", "in epoch 0");
    golden_commit(t, g);
    return scope;
}

/* Without a name, which who does not read a scope cannot give. */
static void drop(struct ate_txn *t, struct ate_id parent, const char *value)
{
    char text[80];
    struct ate_id id;
    int n = snprintf(text, sizeof text, "{\"value\":\"%s\"}", value);
    assert_true(n > 0 && (size_t)n < sizeof text);
    struct ate_object o = {
        .type = "json", .encoding = "json", .parent = parent, .payload = {text, (size_t)n}};
    ok(ate_store_raw(t, &o, 0, &id));
}

/* ---- keys of every kind ---- */

/* One transaction that needs the signatures of two. */
static void write_together(struct golden *g, struct ate_id scope)
{
    struct ate_txn *t = golden_begin(g, NULL);
    struct ate_id mine = golden_put(t, scope, "the owner's", "1"),
                  yours = golden_put(t, scope, "the second's", "1");
    ok(ate_protect(t, mine, &(struct ate_rules){.write = GOLDEN_RULE(g, OWNER)}));
    ok(ate_protect(t, yours, &(struct ate_rules){.write = GOLDEN_RULE(g, SECOND)}));
    golden_commit(t, g);
    t = golden_begin(g, g->both);
    golden_put(t, scope, "the owner's", "2");
    golden_put(t, scope, "the second's", "2");
    golden_commit(t, g);
}

static void change_offices(struct golden *g)
{
    g->chain.session = g->both;
    ok(ate_root_add(&g->chain, golden_fingerprint(g, SECOND), NULL));
    simenv_pass_ms(&g->sim, 1000);
    g->chain.session = g->session[SECOND];
    ok(ate_revoke(&g->chain, golden_fingerprint(g, STRANGER), NULL));
    simenv_pass_ms(&g->sim, 1000);
    g->chain.session = g->session[OWNER];
}

static void sign_order(struct golden *g)
{
    char *text;
    ok(ate_checkpoint(&g->chain, &text));
    golden_text(g, ".checkpoint", text);
    ok(ate_prove(&g->chain, 1, NULL, &text));
    golden_text(g, ".tlog-proof", text);
    ok(ate_log_keys(&g->chain, &text));
    golden_text(g, ".log-keys", text);
}

/* All that a key does: it signs, alone and beside another; reads, and is left out; becomes a root
 * key, and ends one. */
void golden_make_by_all(struct golden *g)
{
    struct ate_id scope = begin_scope(g);
    golden_put_by(g, SECOND, scope, "by the second", "in epoch 0");
    protect(g, scope,
            &(struct ate_rules){.read = GOLDEN_RULE(g, OWNER, SECOND),
                                .write = GOLDEN_RULE(g, OWNER, SECOND)});
    golden_put_by(g, OWNER, scope, "changed", "in epoch 1");
    write_together(g, scope);
    change_offices(g);
    golden_put_by(g, SECOND, scope, "newest", "by a root key");
    sign_order(g);
    golden_close(g);
}

/* The second has the half that writes: he drops what he does not read. The reader has the half that
 * reads. */
void golden_make_halves(struct golden *g)
{
    struct ate_id scope = begin_scope(g);
    struct ate_txn *t = golden_begin(g, g->session[SECOND]);
    drop(t, scope, "by the half that writes");
    golden_commit(t, g);
    t = golden_begin(g, NULL);
    struct ate_id open = golden_put(t, ate_top, "open", "to all");
    ok(ate_protect(
        t, open,
        &(struct ate_rules){.read = {.who = ATE_EVERYONE}, .write = GOLDEN_RULE(g, SECOND)}));
    golden_commit(t, g);
    t = golden_begin(g, g->session[SECOND]);
    drop(t, open, "by a half, in clear");
    golden_commit(t, g);
    golden_put_by(g, OWNER, scope, "changed", "by the owner");
    golden_close(g);
}

/* ---- what scopes came to have ---- */

/* Readers with labels: at the start, one who comes in the same epoch, one who goes. */
void golden_make_labels(struct golden *g)
{
    struct ate_id scope = begin_scope(g);
    protect(g, scope,
            &(struct ate_rules){.read = GOLDEN_RULE(g, OWNER, SECOND, READER, STRANGER),
                                .write = GOLDEN_RULE(g, OWNER, SECOND)});
    golden_put_by(g, SECOND, scope, "new", "for four");
    protect(g, scope,
            &(struct ate_rules){.read = GOLDEN_RULE(g, OWNER, SECOND, STRANGER),
                                .write = GOLDEN_RULE(g, OWNER, SECOND)});
    golden_put_by(g, SECOND, scope, "newest", "for three");
    struct ate_txn *t = golden_begin(g, NULL);
    ok(ate_rotate(t, scope));
    golden_commit(t, g);
    golden_put_by(g, OWNER, scope, "changed", "in epoch 2");
    golden_close(g);
}

/* Two scopes are published; one of them is closed again. */
void golden_make_published(struct golden *g)
{
    struct ate_id scope = begin_scope(g);
    protect(g, scope,
            &(struct ate_rules){.read = GOLDEN_RULE(g, OWNER, SECOND),
                                .write = GOLDEN_RULE(g, OWNER, SECOND)});
    golden_put_by(g, SECOND, scope, "new", "of epoch 1");
    struct ate_txn *t = golden_begin(g, NULL);
    struct ate_id other = golden_put(t, scope, "stays open", "a scope in it");
    ok(ate_protect(t, other, &(struct ate_rules){.read = GOLDEN_RULE(g, OWNER)}));
    golden_put(t, other, "in it", "published, too");
    golden_commit(t, g);
    for (unsigned i = 0; i < 2; i++) {
        t = golden_begin(g, NULL);
        ok(ate_publish(t, i ? other : scope));
        golden_commit(t, g);
    }
    golden_put_by(g, OWNER, scope, "after it", "in clear");
    protect(g, scope,
            &(struct ate_rules){.read = GOLDEN_RULE(g, OWNER, READER),
                                .write = GOLDEN_RULE(g, OWNER, SECOND)});
    golden_put_by(g, OWNER, scope, "closed again", "for two");
    golden_put_by(g, OWNER, other, "in the other", "in clear");
    golden_close(g);
}

/* Who may create, and does not read: in two scopes at once, and in the next epoch. */
void golden_make_sealed_writer(struct golden *g)
{
    struct ate_id scope = begin_scope(g);
    struct ate_rules rules = {.read = GOLDEN_RULE(g, OWNER, READER),
                              .write = GOLDEN_RULE(g, OWNER),
                              .append = GOLDEN_RULE(g, OWNER, SECOND)};
    struct ate_txn *t = golden_begin(g, NULL);
    struct ate_id box = golden_put(t, ate_top, "another box", "for the owner");
    ok(ate_protect(
        t, box,
        &(struct ate_rules){.read = GOLDEN_RULE(g, OWNER), .append = GOLDEN_RULE(g, SECOND)}));
    ok(ate_protect(t, scope, &rules));
    golden_commit(t, g);
    t = golden_begin(g, g->session[SECOND]);
    drop(t, scope, "one");
    drop(t, scope, "two");
    drop(t, box, "three");
    golden_commit(t, g);
    t = golden_begin(g, NULL);
    ok(ate_rotate(t, scope));
    golden_commit(t, g);
    t = golden_begin(g, g->session[SECOND]);
    drop(t, scope, "four");
    golden_commit(t, g);
    golden_put_by(g, OWNER, scope, "by the owner", "under the scope's own key");
    golden_close(g);
}

/* ---- signatures of several transactions ---- */

enum { BATCH = 5 };

static void commit_bytes(struct golden *g, struct ate_bytes bytes)
{
    struct ate__pipe *p = g->dio->pipe;
    struct ate__offer offer = {.encoded = bytes, .waits = true, .timeout_ms = -1};
    p->v->offer(p, &offer);
    p->v->wait(p, &offer);
    if (offer.result)
        fail_msg("%s: %s", ate__result_name(offer.result), offer.text);
    simenv_pass_ms(&g->sim, 1000);
}

/* `count` transactions of one object each, which `key` signs together. */
static void make_batch(struct golden *g, struct draft *drafts, unsigned first, uint32_t count,
                       unsigned key)
{
    struct ate__pipe *p = g->dio->pipe;
    struct draft *all[BATCH];
    for (uint32_t i = 0; i < count; i++) {
        struct draft *d = all[i] = &drafts[i];
        struct ate_txn *t = golden_begin(g, NULL);
        ok(ate__txn_read(t));
        draft_init(d, &g->dio->seal.chain_id);
        d->in.id.number = 1 + i;
        memset(d->in.id.origin, (int)(first + 1), sizeof d->in.id.origin);
        d->in.time_us = ate__wall_us(p->env);
        p->v->head(t->snapshot, &d->in.base_size, &d->in.base_root);
        ate_txn_end(t);
        draft_text(d, id_of(first + i), NULL, "of a batch");
    }
    draft_encode_batch(all, count, ate__session_key(g->session[key], 0));
}

/* Of one, two and five; all of it in the log, in another order, only in part, and of two keys in
 * turn. */
void golden_make_batches(struct golden *g)
{
    struct draft one[1], two[2], five[BATCH], others[BATCH];
    struct ate_rule keys = GOLDEN_RULE(g, OWNER, SECOND);
    golden_open(g, ATE__STORAGE_CREATE, (struct ate_bytes){0});
    protect(g, ate_top, &(struct ate_rules){.read = {.who = ATE_EVERYONE}, .write = keys});
    struct ate_txn *t = golden_begin(g, g->session[SECOND]);
    drop(t, ate_top, "by the second, whose key is here from now on");
    golden_commit(t, g);
    make_batch(g, one, 100, 1, OWNER);
    make_batch(g, two, 200, 2, OWNER);
    make_batch(g, five, 300, BATCH, OWNER);
    make_batch(g, others, 400, BATCH, SECOND);
    commit_bytes(g, ate__buf_bytes(&one[0].encoded));
    commit_bytes(g, ate__buf_bytes(&two[1].encoded)); /* the other one was lost */
    for (unsigned i = 0; i < BATCH; i++) {
        commit_bytes(g, ate__buf_bytes(&five[BATCH - 1 - i].encoded));
        if (i % 2)
            commit_bytes(g, ate__buf_bytes(&others[i].encoded));
    }
    golden_put_by(g, OWNER, ate_top, "by the owner", "behind them");
    draft_deinit(&one[0]);
    for (unsigned i = 0; i < BATCH; i++) {
        if (i < 2)
            draft_deinit(&two[i]);
        draft_deinit(&five[i]);
        draft_deinit(&others[i]);
    }
    golden_close(g);
}
