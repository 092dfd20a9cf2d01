/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * compacted.c: what a compaction leaves out that counts, and what is sent again behind one.
 *
 * Left out: all that is there is certified, and a server says that compaction has left this of it,
 * without the one event. Sent again: the chain of a real server, compacted in its files.
 */
#include "attack.h"
#include "api/api.h"
#include "base/alloc.h"
#include "files.h"
#include "lib/tmpdir.h"
#include "resync.h"
#include "trust/session.h"
#include "unit/mesh/kit.h"
#include <stdlib.h>
#include <sys/stat.h>

/* ---- left out ---- */

/* The event of that kind in the last transaction. */
static void left_out(const char *way, struct past *take_p, enum ate__event_kind kind)
{
    struct resync_lie lie = {.shorter = take_p->size - 1, .one = true, .part = ATE__PART_HASH};
    const struct ate__tx *tx = &take_p->tx[lie.shorter];
    while (lie.event < tx->event_count && tx->events[lie.event].kind != kind)
        lie.event++;
    assert_true(lie.event < tx->event_count);
    resync_certify(take_p);
    attack_must(resync_says(take_p, (struct resync_lie){.shorter = UINT64_MAX}));
    attack_tried(way, resync_says(take_p, lie), ATE_OMITTED);
    past_free(take_p);
}

/* Alice's key was stolen, and ended. */
static void without_a_revocation(void)
{
    struct past *p = attack_family();
    struct draft d;
    past_begin(p, &d);
    draft_item(&d, ATE__TAG_REVOKE, ate__bytes(&p->key[ALICE]->fingerprint, 32));
    past_sign(p, &d, ROOT);
    past_commit_plain(p, &d);
    left_out("a key's end", p, ATE__EVENT_REVOKE);
}

static void root_key(struct past *p, uint8_t op, struct ate_bytes key)
{
    struct ate__root_change change = {op, key};
    struct ate__buf header = ATE__BUF_NULL;
    struct ate__header_wr w = ate__header_wr_of(&header);
    struct draft d;
    past_begin(p, &d);
    ate__header_keys(&w, ATE__TAG_ROOT, &change, 1);
    attack_must(ate__header_end(&w));
    draft_event(&d, ATE__BARE, ate__buf_bytes(&header), (struct ate_bytes){0});
    ate__buf_deinit(&header);
    past_sign(p, &d, ROOT);
    if (op == ATE__ROOT_ADD)
        past_sign(p, &d, BOB);
    past_commit_plain(p, &d);
}

/* What was bob's office, and is no more. */
static void without_a_root_change(void)
{
    struct past *p = attack_family();
    root_key(p, ATE__ROOT_ADD, ate__buf_bytes(&p->key[BOB]->public_key));
    root_key(p, ATE__ROOT_REMOVE, ate__bytes(&p->key[BOB]->fingerprint, 32));
    left_out("that a root key is none any more", p, ATE__EVENT_ROOT);
}

/* What was eve's to write is bob's since. */
static void without_a_rule(void)
{
    struct past *p = attack_family();
    past_rule(p, EVE, 5, BOB, BOB);
    left_out("a rule", p, ATE__EVENT_CONTROL);
}

static void without_a_deletion(void)
{
    struct past *p = attack_family();
    struct draft d;
    past_begin(p, &d);
    draft_tombstone(&d, id_of(2), past_body_hash(p, id_of(2)), false);
    past_sign(p, &d, ALICE);
    past_commit_plain(p, &d);
    left_out("a deletion", p, ATE__EVENT_BODY);
}

/* The seed is that of past.c. */
static struct ate_session *owner(void)
{
    struct ate__key32 seed = {{1 + ROOT, 7}};
    struct ate_session *s;
    struct ate__key *key;
    attack_must(ate__key_of_seed(&seed, "", &key));
    attack_must(ate__session_new(&s));
    attack_must(ate__session_add(s, key));
    return s;
}

/* Of a private chain, made by the library. */
static void without_an_epoch(void)
{
    const char *dir = tmpdir_new();
    struct ate_session *s = owner();
    struct ate_chain *c;
    struct ate_txn *txn;
    attack_must(ate_chain_open(dir, s, ATE_CREATE, NULL, &c));
    attack_must(ate_txn_begin(c, NULL, 0, &txn));
    attack_must(ate_rotate(txn, ate_top));
    attack_must(ate_txn_commit(txn, NULL));
    ate_txn_end(txn);
    ate_chain_close(c);
    ate_session_close(s);
    struct past *p = files_history(dir), *keys = past_new(NULL);
    memcpy(p->key, keys->key, sizeof p->key);
    past_free(keys);
    left_out("an epoch", p, ATE__EVENT_CONTROL);
}

/* ---- sent again ---- */

enum { WINDOW = 100 }; /* of the histories of past.c */

/* 3 was there and is deleted, 4 was changed until there are so many transactions. */
static struct past *busy(uint64_t size)
{
    char text[1000] = "";
    struct past *p = attack_commons();
    struct draft d;
    memset(text, 'x', sizeof text - 1);
    past_create(p, -1, 3, 0, NULL, "third");
    past_begin(p, &d);
    draft_tombstone(&d, id_of(3), past_body_hash(p, id_of(3)), false);
    past_commit(p, &d);
    past_create(p, -1, 4, 0, NULL, "fourth");
    while (p->size < size) {
        struct ate__head head = past_head(p, p->size);
        struct ate_hash prev = past_body_hash(p, id_of(4));
        past_begin(p, &d);
        d.in.base_size = head.size;
        d.in.base_root = head.root;
        draft_text(&d, id_of(4), &prev, text);
        past_commit(p, &d);
    }
    return p;
}

static void compact(const char *dir, bool deep)
{
    const struct ate_compact_conf conf = {
        .gain_percent = 1, .deep = deep, .cut_off = ATE_CUT_OFF_NEWEST};
    char text[ATE_HASH_TEXT];
    struct ate_session *s = owner();
    struct ate_chain_conf chain_conf = {
        .root = ate_hash_text(ate__session_key(s, 0)->fingerprint, text)};
    struct ate_compacted done;
    struct ate_chain *c;
    attack_must(ate_chain_open(dir, s, 0, &chain_conf, &c));
    attack_must(ate_chain_compact(c, &conf, &done));
    assert_true(done.rewritten);
    ate_chain_close(c);
    ate_session_close(s);
}

/* 0: it is in the chain a second time. */
static int send_again(const char *logs, const struct past *p, uint64_t sequence)
{
    struct ate__server_conf conf = kit_conf(logs);
    struct ate__server *s = kit_start(&conf);
    struct kit_chain chain = {.path = "/past", .id = p->chain_id, .genesis = p->record[0]};
    struct kit_client *c = kit_connect(s);
    struct ate__head before = kit_open(c, 1, &chain);
    assert_true(before.size >= p->size);
    kit_commit(c, 1, 1, &before, ate__buf_bytes(&p->record[sequence]));
    struct kit_frame f = kit_receive(c);
    struct ate__msg_rejected rejected;
    int rc = 0;
    if (f.type == ATE__MSG_REJECTED) {
        assert_int_equal(ate__msg_rejected_decode(ate__buf_bytes(&f.body), &rejected), 0);
        rc = ate__fail(rejected.result, "%.*s", (int)rejected.text.size,
                       (const char *)rejected.text.data);
    }
    uint16_t type = f.type;
    kit_frame_free(&f);
    struct ate__head after = kit_open(c, 2, &chain);
    if (!rc && after.size == before.size)
        rc = ate__fail(ATE_EXISTS, "it is there already");
    if (!rc && type != ATE__MSG_COMMITTED)
        fail_msg("a frame of type %u", type);
    kit_close(c);
    ate__server_end(s);
    return rc;
}

static void replayed(uint64_t size, uint64_t sequence, int documented)
{
    for (unsigned deep = 0; deep < 2; deep++) {
        char dir[600];
        const char *logs = tmpdir_new();
        struct past *p = busy(size);
        snprintf(dir, sizeof dir, "%s/past", logs);
        assert_int_equal(mkdir(dir, 0700), 0);
        attack_write_chain(dir, p, &p->chain_id, p->size);
        compact(dir, deep);
        attack_tried(deep ? "deep" : "shallow", send_again(logs, p, sequence), documented);
        past_free(p);
    }
}

/* What made an object that was deleted since. */
static void made_again(void)
{
    replayed(WINDOW / 2, 3, ATE_EXISTS);
}

/* A version that was replaced since, with what it replaced. */
static void changed_again(void)
{
    replayed(WINDOW / 2, 6, ATE_EXISTS);
}

/* So long ago that its id may be used again. */
static void made_again_late(void)
{
    replayed(PAST_MAX - 4, 3, ATE_EXISTS);
}

const struct attack attacks_compacted[] = {
    {"compacted-without-a-revocation", without_a_revocation},
    {"compacted-without-a-root-change", without_a_root_change},
    {"compacted-without-a-rule", without_a_rule},
    {"compacted-without-an-epoch", without_an_epoch},
    {"compacted-without-a-deletion", without_a_deletion},
    {"made-again-behind-a-compaction", made_again},
    {"changed-again-behind-a-compaction", changed_again},
    {"made-again-behind-the-window", made_again_late},
    {NULL, NULL},
};
