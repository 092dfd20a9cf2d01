/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * server.c: servers that are others than they should be, or show another history than before.
 */
#include "attack.h"
#include "base/alloc.h"
#include "lib/tmpdir.h"

static int open_and_close(struct rogue *r, const char *mirror)
{
    struct ate_chain *c = NULL;
    int rc = rogue_open(r, mirror, &c);
    ate_chain_close(c);
    return rc;
}

/* ---- who it is ---- */

/* A man in the middle with a key of his own. */
static void wrong_pin(void)
{
    struct rogue *r = rogue_new(attack_commons());
    r->pin.b[5] ^= 1;
    attack_tried("connected to", open_and_close(r, NULL), ATE_UNTRUSTED);
    rogue_free(r);
}

/* Another chain, of the same owner, under the path that was asked for. */
static void another_path(void)
{
    struct rogue *r = rogue_new(attack_commons());
    r->name = "/other";
    attack_tried("opened", open_and_close(r, NULL), ATE_WRONG_CHAIN);
    rogue_free(r);
}

/* The server takes the root key's place: a genesis of its own making. `adds`: which names the
 * owner's key as one that the same transaction adds. */
static struct past *past_of_eve(bool adds)
{
    struct past *p = past_new(NULL), *q = past_copy(p);
    struct ate__genesis g;
    struct ate__buf body = ATE__BUF_NULL;
    struct draft d;
    attack_must(ate__genesis_decode(p->tx[0].events[0].header.genesis, &g));
    g.root_keys[0] = ate__buf_bytes(&p->key[EVE]->public_key);
    attack_must(ate__genesis_encode(&g, &body));
    ate__tx_deinit(&q->tx[0]);
    ate__buf_deinit(&q->record[0]);
    q->size = 0;
    attack_must(ate__chain_id(ATE__SHA256, ate__buf_bytes(&body), &q->chain_id));
    past_begin(q, &d);
    draft_item(&d, ATE__TAG_GENESIS, ate__buf_bytes(&body));
    if (adds) {
        struct ate__root_change add = {ATE__ROOT_ADD, ate__buf_bytes(&p->key[ROOT]->public_key)};
        struct ate__buf header = ATE__BUF_NULL;
        struct ate__header_wr w = ate__header_wr_of(&header);
        ate__header_keys(&w, ATE__TAG_ROOT, &add, 1);
        attack_must(ate__header_end(&w));
        draft_event(&d, ATE__BARE, ate__buf_bytes(&header), ate__bytes(NULL, 0));
        ate__buf_deinit(&header);
    }
    past_sign(q, &d, EVE);
    past_commit_plain(q, &d);
    ate__buf_deinit(&body);
    past_free(p);
    return q;
}

static void root_key_swapped(void)
{
    struct rogue *r = rogue_new(past_of_eve(false));
    attack_tried("opened", open_and_close(r, NULL), ATE_WRONG_CHAIN);
    attack_tried("mirrored", open_and_close(r, tmpdir_new()), ATE_WRONG_CHAIN);
    rogue_free(r);
}

/* It need not sign what it is added to. */
static void root_key_added(void)
{
    struct rogue *r = rogue_new(past_of_eve(true));
    attack_tried("opened", open_and_close(r, NULL), ATE_BAD_PEER);
    rogue_free(r);
}

static void say_another_id(struct rogue *r, struct ate__msg_opened *m)
{
    (void)r;
    m->chain_id.b[3] ^= 1;
}

static void chain_id_claimed(void)
{
    struct rogue *r = rogue_new(attack_commons());
    r->opened = say_another_id;
    attack_tried("opened", open_and_close(r, NULL), ATE_BAD_PEER);
    rogue_free(r);
}

/* ---- what it showed before ---- */

/* The newest transactions are gone. */
static void rolled_back_mirror(void)
{
    struct rogue *r = rogue_new(attack_commons());
    const char *mirror = tmpdir_new();
    attack_must(open_and_close(r, mirror));
    r->size--;
    attack_tried("a mirror", open_and_close(r, mirror), ATE_ROLLED_BACK);
    rogue_free(r);
}

static void rolled_back_thin(void)
{
    struct rogue *r = rogue_new(attack_commons());
    attack_must(open_and_close(r, NULL));
    r->size--;
    attack_tried("a thin client", open_and_close(r, NULL), ATE_ROLLED_BACK);
    rogue_free(r);
}

/* The last transaction is another than it was, and more came since. */
static void fork_it(struct rogue *r)
{
    struct past *p =
        past_new(&(struct ate__auth){.rule[ATE__RIGHT_WRITE].who = ATE__RULE_EVERYONE});
    past_create(p, -1, 1, 0, "one", "first");
    past_create(p, -1, 2, 1, "two", "another second");
    past_create(p, -1, 3, 1, "three", "third");
    past_free(r->past);
    r->past = p;
    r->size = p->size;
}

static void forked_mirror(void)
{
    struct rogue *r = rogue_new(attack_commons());
    const char *mirror = tmpdir_new();
    attack_must(open_and_close(r, mirror));
    fork_it(r);
    attack_tried("a mirror", open_and_close(r, mirror), ATE_FORKED);
    rogue_free(r);
}

/* A client that stays, while the server changes its story. */
static void forked_thin(void)
{
    struct rogue *r = rogue_new(attack_commons());
    struct ate_chain *c;
    struct ate_receipt receipt;
    attack_must(rogue_open(r, NULL, &c));
    fork_it(r);
    attack_tried("a thin client", ate_chain_sync(c, &receipt), ATE_FORKED);
    ate_chain_close(c);
    rogue_free(r);
}

/* One that comes again, with what it remembers. */
static void forked_meanwhile(void)
{
    struct rogue *r = rogue_new(attack_commons());
    attack_must(open_and_close(r, NULL));
    fork_it(r);
    r->size = 3; /* as many as before */
    attack_tried("a thin client", open_and_close(r, NULL), ATE_FORKED);
    rogue_free(r);
}

/* A chain of the same keys and the same name, made anew. */
static void other_chain_at_the_place(void)
{
    struct rogue *r = rogue_new(attack_commons());
    struct past *p = attack_commons(), *q;
    attack_must(open_and_close(r, NULL));
    struct ate__genesis g;
    struct ate__buf body = ATE__BUF_NULL;
    struct draft d;
    attack_must(ate__genesis_decode(p->tx[0].events[0].header.genesis, &g));
    g.random[0] ^= 1;
    attack_must(ate__genesis_encode(&g, &body));
    q = past_copy(p);
    while (q->size) {
        q->size--;
        ate__tx_deinit(&q->tx[q->size]);
        ate__buf_deinit(&q->record[q->size]);
    }
    attack_must(ate__chain_id(ATE__SHA256, ate__buf_bytes(&body), &q->chain_id));
    past_begin(q, &d);
    draft_item(&d, ATE__TAG_GENESIS, ate__buf_bytes(&body));
    past_sign(q, &d, ROOT);
    past_commit_plain(q, &d);
    for (unsigned i = 1; i < 5; i++)
        past_create(q, ROOT, i, 0, NULL, "x");
    ate__buf_deinit(&body);
    past_free(p);
    past_free(r->past);
    r->past = q;
    r->size = q->size;
    attack_tried("opened again", open_and_close(r, NULL), ATE_WRONG_CHAIN);
    rogue_free(r);
}

/* ---- groups ---- */

static bool alter_2(struct rogue *r, struct ate__msg_group *m, struct ate__buf *records)
{
    (void)r;
    uint8_t *at = memmem(records->data, records->size, "second", 6);
    if (m->first_sequence == 2 && at)
        *at ^= 1;
    return true;
}

/* Changed on the way to a mirror of a chain that nobody signs in: the head closes each group. */
static void altered_group(void)
{
    struct rogue *r = rogue_new(attack_commons());
    r->group = alter_2;
    attack_tried("a mirror", open_and_close(r, tmpdir_new()), ATE_TAMPERED);
    rogue_free(r);
}

/* Transaction 2 is left out, and 3 comes in its place: the heads are those of all of them. */
static bool leave_out_2(struct rogue *r, struct ate__msg_group *m, struct ate__buf *records)
{
    (void)r, (void)records;
    bool left_out = m->first_sequence == 2;
    m->first_sequence -= m->first_sequence > 2;
    return !left_out;
}

static void one_less(struct rogue *r, struct ate__msg_subscribed *m)
{
    (void)r;
    m->head.size--;
}

static void group_left_out(void)
{
    struct past *p = attack_commons();
    past_create(p, -1, 3, 0, NULL, "third");
    struct rogue *r = rogue_new(p);
    r->group = leave_out_2;
    r->subscribed = one_less;
    attack_tried("a mirror", open_and_close(r, tmpdir_new()), ATE_TAMPERED);
    rogue_free(r);
}

/* A history without one of its transactions, told as if there had never been one: what came later
 * was written on top of it. */
static void left_out_of_history(void)
{
    struct past *p = attack_commons(), *without = attack_commons();
    struct draft d;
    past_create(p, -1, 3, 0, NULL, "third, which is to vanish");
    past_create(p, -1, 5, 0, NULL, "fourth");
    past_begin(p, &d);
    struct ate__head base = past_head(p, 4);
    d.in.base_size = base.size;
    d.in.base_root = base.root;
    draft_body(&d, &(struct draft_body){.id = id_of(4)});
    past_commit_plain(p, &d);
    for (uint64_t n = 4; n < p->size; n++)
        past_add(without, ate__buf_bytes(&p->record[n]));
    past_free(p);
    attack_with_stored(without, ATE_FORKED);
}

static bool set_back_clock(struct rogue *r, struct ate__msg_group *m, struct ate__buf *records)
{
    struct ate_hash leaf;
    struct ate__frontier tree;
    (void)records;
    if (m->first_sequence != 2)
        return true;
    m->root_time_us = r->past->time_us[1] - 1;
    ate__frontier_init(&tree);
    for (unsigned i = 0; i < 2; i++)
        attack_must(ate__frontier_append(&tree, &r->past->leaf[i]));
    attack_must(ate__tx_leaf(&r->past->tx[2], ATE__SHA256, 2, m->root_time_us, &leaf));
    attack_must(ate__frontier_append(&tree, &leaf));
    attack_must(ate__frontier_root(&tree, &m->head_after));
    return true;
}

static void time_goes_back(void)
{
    struct rogue *r = rogue_new(attack_commons());
    r->group = set_back_clock;
    attack_tried("a mirror", open_and_close(r, tmpdir_new()), ATE_TAMPERED);
    rogue_free(r);
}

/* ---- commits ---- */

/* It says that it took the transaction in, and shows a history without it. Who commits is told that
 * it may or may not be there, and that the server lies. */
static void say_committed(struct rogue *r, const struct ate__msg_commit *commit,
                          struct ate__msg_committed *m)
{
    struct ate__head head = past_head(r->past, r->size);
    m->receipt = (struct ate__receipt){.sequence = r->size - 1,
                                       .root_time_us = r->past->time_us[r->size - 1],
                                       .size = head.size,
                                       .head = head.root,
                                       .stage = ATE__DURABLE};
    m->inclusion = past_inclusion(r->past, r->size - 1, r->size);
    m->known_size = commit->known.size;
    m->consistency = past_consistency(r->past, commit->known.size, r->size);
}

static int commit(struct rogue *r, const char *mirror)
{
    struct ate_chain *c = NULL;
    struct ate_txn *txn = NULL;
    struct ate_receipt receipt;
    struct ate_object o = {.type = "text", .payload = {"\x80", 1}};
    struct ate_id id;
    int rc = rogue_open(r, mirror, &c);
    if (!rc)
        rc = ate_txn_begin(c, NULL, 0, &txn);
    if (!rc)
        rc = ate_store_raw(txn, &o, 0, &id);
    if (!rc)
        rc = ate_txn_commit(txn, &receipt);
    ate_txn_end(txn);
    ate_chain_close(c);
    return rc;
}

static void commit_swallowed(void)
{
    struct rogue *r = rogue_new(attack_commons());
    r->committed = say_committed;
    attack_tried("a thin client", commit(r, NULL), ATE_UNKNOWN);
    rogue_free(r);
}

static void commit_swallowed_mirror(void)
{
    struct rogue *r = rogue_new(attack_commons());
    r->committed = say_committed;
    attack_tried("a mirror", commit(r, tmpdir_new()), ATE_UNKNOWN);
    rogue_free(r);
}

/* It was sent, and no answer came; another stands in the chain under its origin and number. */
static struct ate_txn_id sent_as(const struct past *p, uint64_t sequence)
{
    struct ate_txn_id id = {.number = p->tx[sequence].id.number, .hash = {{9}}};
    memcpy(id.origin, p->tx[sequence].id.origin, sizeof id.origin);
    return id;
}

static void outcome_of_another(void)
{
    struct past *p = attack_commons();
    const char *dir = tmpdir_new();
    struct ate_receipt receipt;
    struct ate_chain *c;
    attack_write_chain(dir, p, &p->chain_id, p->size);
    attack_must(attack_open_chain(dir, 0, &c));
    attack_tried("under its number", ate_outcome(c, sent_as(p, 2), &receipt), ATE_NOT_FOUND);
    ate_chain_close(c);
    past_free(p);
}

static void say_it_is_there(struct rogue *r, const struct ate__msg_commit *ask,
                            struct ate__msg_committed *m)
{
    say_committed(r, ask, m);
    m->has_signatures_hash = true;
    attack_must(
        ate__tx_signatures_hash(&r->past->tx[r->size - 1], ATE__SHA256, &m->signatures_hash));
}

static void outcome_invented(void)
{
    struct rogue *r = rogue_new(attack_commons());
    struct ate_receipt receipt;
    struct ate_chain *c;
    r->committed = say_it_is_there;
    attack_must(rogue_open(r, NULL, &c));
    attack_tried("a thin client", ate_outcome(c, sent_as(r->past, 2), &receipt), ATE_TAMPERED);
    ate_chain_close(c);
    rogue_free(r);
}

const struct attack attacks_server[] = {
    {"wrong-pin", wrong_pin},
    {"another-path", another_path},
    {"root-key-swapped", root_key_swapped},
    {"root-key-added", root_key_added},
    {"chain-id-claimed", chain_id_claimed},
    {"rolled-back-mirror", rolled_back_mirror},
    {"rolled-back-thin", rolled_back_thin},
    {"forked-mirror", forked_mirror},
    {"forked-thin", forked_thin},
    {"forked-meanwhile", forked_meanwhile},
    {"other-chain-at-the-place", other_chain_at_the_place},
    {"altered-group", altered_group},
    {"group-left-out", group_left_out},
    {"left-out-of-history", left_out_of_history},
    {"time-goes-back", time_goes_back},
    {"commit-swallowed", commit_swallowed},
    {"commit-swallowed-mirror", commit_swallowed_mirror},
    {"outcome-of-another", outcome_of_another},
    {"outcome-invented", outcome_invented},
    {NULL, NULL},
};
