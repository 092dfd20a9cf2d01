/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * PROVE, CHECKPOINT, and the log keys that a server shows.
 */
#include "kit.h"
#include "chain/signed.h"
#include "crypto/keyfile.h"
#include "event/header.h"
#include "lib/tmpdir.h"
#include "mesh/server_private.h"
#include "trust/proof.h"
#include <stdlib.h>

struct world {
    struct ate__server *server;
    struct kit_chain chain;
    struct kit_client *c;
    struct ate__head known;
    uint32_t request;
};

static struct world world_new(enum ate__sync sync)
{
    struct ate__server_conf conf = kit_conf(tmpdir_new());
    struct world w = {.chain = kit_chain_new("/w", false)};
    conf.sync = sync;
    w.server = kit_start(&conf);
    w.c = kit_connect(w.server);
    w.known = kit_create(w.c, 1, &w.chain);
    assert_int_equal(w.known.size, 1);
    return w;
}

static void world_free(struct world *w)
{
    kit_close(w->c);
    ate__server_end(w->server);
    kit_chain_free(&w->chain);
}

static void put(struct world *w, uint64_t n)
{
    kit_put_object(w->c, 1, &w->chain, &w->known, n);
}

static struct ate_bytes log_key(const struct world *w)
{
    return ate__log_key_public(w->server->log_key);
}

/* The root key adds the server's log key, or removes it. */
static void name_log_key(struct world *w, bool adds)
{
    struct ate__buf header = ATE__BUF_NULL;
    struct ate__header_wr h = ate__header_wr_of(&header);
    struct ate_hash fingerprint;
    assert_int_equal(ate__fingerprint(log_key(w), &fingerprint), 0);
    struct ate__root_change change = {adds ? ATE__ROOT_ADD : ATE__ROOT_REMOVE,
                                      adds ? log_key(w)
                                           : ate__bytes(&fingerprint, sizeof fingerprint)};
    ate__header_keys(&h, ATE__TAG_LOG_KEYS, &change, 1);
    assert_int_equal(ate__header_end(&h), 0);
    struct ate__event_in event = {.form = ATE__BARE, .header = ate__buf_bytes(&header)};
    struct ate__buf tx = kit_tx(&w->chain, &w->known, &event, 1, w->chain.key);
    kit_commit(w->c, 1, ++w->request + 1000, &w->known, ate__buf_bytes(&tx));
    kit_committed(w->c, w->request + 1000, ate__buf_bytes(&tx), &w->known);
    ate__buf_deinit(&tx);
    ate__buf_deinit(&header);
}

/* --- CHECKPOINT --- */

static void ask_checkpoint(struct world *w)
{
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr b = ate__wr_of(&body);
    ate__msg_checkpoint_encode(&b, &(struct ate__msg_checkpoint){++w->request});
    assert_int_equal(ate__wr_end(&b), 0);
    kit_send(w->c, ATE__MSG_CHECKPOINT, 1, ate__buf_bytes(&body));
    kit_flush(w->c);
    ate__buf_deinit(&body);
}

static struct ate__buf receive_note(struct world *w)
{
    struct ate__buf note = ATE__BUF_NULL;
    struct kit_frame f = kit_receive(w->c);
    struct ate__msg_signed m;
    assert_int_equal(f.type, ATE__MSG_SIGNED);
    assert_int_equal(ate__msg_signed_decode(ate__buf_bytes(&f.body), &m), 0);
    assert_int_equal(m.request, w->request);
    assert_int_equal(ate__buf_append(&note, m.note), 0);
    kit_frame_free(&f);
    return note;
}

/* Asks, and checks that it signs the newest head. */
static struct ate__buf checkpoint(struct world *w)
{
    struct ate_bytes key = log_key(w);
    struct ate__checkpoint c;
    ask_checkpoint(w);
    struct ate__buf note = receive_note(w);
    assert_int_equal(ate__checkpoint_verify(ate__buf_bytes(&note), &key, 1, &c), 0);
    assert_int_equal(c.size, w->known.size);
    assert_memory_equal(&c.root, &w->known.root, sizeof c.root);
    assert_memory_equal(&c.chain_id, &w->chain.id, sizeof c.chain_id);
    return note;
}

static void test_checkpoint(void **state)
{
    (void)state;
    struct world w = world_new(ATE__SYNC_ALWAYS);
    put(&w, 1);
    ask_checkpoint(&w); /* the chain does not name its log key */
    assert_int_equal(kit_rejected(w.c, w.request), ATE_NOT_FOUND);
    name_log_key(&w, true);
    struct ate__buf first = checkpoint(&w), again = checkpoint(&w);
    assert_int_equal(first.size, again.size); /* nothing is signed anew for the same head */
    assert_memory_equal(first.data, again.data, first.size);
    put(&w, 2);
    struct ate__buf second = checkpoint(&w);
    assert_true(first.size != second.size || memcmp(first.data, second.data, first.size) != 0);
    name_log_key(&w, false); /* nobody believes what is there any more */
    ask_checkpoint(&w);
    assert_int_equal(kit_rejected(w.c, w.request), ATE_NOT_FOUND);
    ate__buf_deinit(&first);
    ate__buf_deinit(&again);
    ate__buf_deinit(&second);
    world_free(&w);
}

/* What is signed was synced. */
static void test_weak_sync(void **state)
{
    (void)state;
    struct world w = world_new(ATE__SYNC_NEVER);
    put(&w, 1);
    name_log_key(&w, true);
    struct ate__buf note = checkpoint(&w);
    ate__buf_deinit(&note);
    world_free(&w);
}

/* --- PROVE --- */

static void ask_proof(struct world *w, uint8_t kind, uint64_t first, uint64_t size)
{
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr b = ate__wr_of(&body);
    ate__msg_prove_encode(&b, &(struct ate__msg_prove){++w->request, kind, first, size});
    assert_int_equal(ate__wr_end(&b), 0);
    kit_send(w->c, ATE__MSG_PROVE, 1, ate__buf_bytes(&body));
    kit_flush(w->c);
    ate__buf_deinit(&body);
}

static struct ate__msg_proven receive_proof(struct world *w, uint8_t kind)
{
    struct kit_frame f = kit_receive(w->c);
    struct ate__msg_proven m;
    assert_int_equal(f.type, ATE__MSG_PROVEN);
    assert_int_equal(ate__msg_proven_decode(ate__buf_bytes(&f.body), &m), 0);
    assert_int_equal(m.request, w->request);
    assert_int_equal(m.kind, kind);
    kit_frame_free(&f);
    return m;
}

static void test_proofs(void **state)
{
    (void)state;
    enum { SIZE = 12 };
    struct world w = world_new(ATE__SYNC_ALWAYS);
    struct ate__head head[SIZE + 1] = {[1] = w.known};
    for (uint64_t n = 1; n < SIZE; n++) {
        put(&w, n);
        head[n + 1] = w.known;
    }
    for (uint64_t size = 1; size <= SIZE; size++)
        for (uint64_t n = 0; n < size; n++) {
            struct ate_hash leaf;
            ask_proof(&w, ATE__PROVE_INCLUSION, n, size);
            struct ate__msg_proven m = receive_proof(&w, ATE__PROVE_INCLUSION);
            assert_int_equal(
                ate__tx_leaf_of(&m.tx_hash, &m.signatures_hash, n, m.root_time_us, &leaf), 0);
            assert_int_equal(ate__merkle_check_inclusion(&leaf, n, size, &m.path, &head[size].root),
                             0);
            if (!n)
                continue;
            ask_proof(&w, ATE__PROVE_CONSISTENCY, n, size);
            m = receive_proof(&w, ATE__PROVE_CONSISTENCY);
            assert_int_equal(
                ate__merkle_check_consistency(n, &head[n].root, size, &head[size].root, &m.path),
                0);
        }
    ask_proof(&w, ATE__PROVE_INCLUSION, 0, SIZE + 1); /* beyond what there is */
    assert_int_equal(kit_rejected(w.c, w.request), ATE_NOT_FOUND);
    ask_proof(&w, ATE__PROVE_CONSISTENCY, 1, UINT64_MAX);
    assert_int_equal(kit_rejected(w.c, w.request), ATE_NOT_FOUND);
    world_free(&w);
}

static void expect_end(struct world *w, uint16_t type, struct ate_bytes body, int result)
{
    kit_send(w->c, type, 1, body);
    kit_flush(w->c);
    struct kit_frame f = kit_receive(w->c);
    assert_int_equal(f.type, ATE__NET_ERROR);
    assert_int_equal(ate__net_error_decode(ate__buf_bytes(&f.body), &kit_error, kit_error_text), 0);
    assert_int_equal(kit_error, result);
    kit_frame_free(&f);
    assert_int_equal(kit_open(w->c, 1, &w->chain).size, w->known.size);
}

static void test_malformed(void **state)
{
    (void)state;
    struct world w = world_new(ATE__SYNC_ALWAYS);
    expect_end(&w, ATE__MSG_CHECKPOINT, ate__bytes("\1\0\0", 3), ATE_MALFORMED);
    expect_end(&w, ATE__MSG_CHECKPOINT, ate__bytes("\0\0\0\0", 4), ATE_MALFORMED);
    expect_end(&w, ATE__MSG_PROVE, ate__bytes("\1\0\0\0\3\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0", 21),
               ATE_UNSUPPORTED);
    expect_end(&w, ATE__MSG_PROVE, ate__bytes("\1\0\0\0\1\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0", 21),
               ATE_MALFORMED);
    world_free(&w);
}

/* Many of both under way: each has its own answer. */
static void test_many(void **state)
{
    (void)state;
    enum { MANY = 200 };
    struct world w = world_new(ATE__SYNC_ALWAYS);
    bool answered[MANY] = {false};
    name_log_key(&w, true);
    put(&w, 1);
    uint32_t first = w.request + 1;
    for (unsigned i = 0; i < MANY / 2; i++) {
        ask_checkpoint(&w);
        ask_proof(&w, ATE__PROVE_CONSISTENCY, 1, 3);
    }
    for (unsigned i = 0; i < MANY; i++) {
        struct kit_frame f = kit_receive(w.c);
        struct ate__rd r = ate__rd_of(ate__buf_bytes(&f.body));
        uint32_t n = ate__rd_u32(&r) - first;
        assert_true(n < MANY && !answered[n]);
        assert_int_equal(f.type, n % 2 ? ATE__MSG_PROVEN : ATE__MSG_SIGNED);
        answered[n] = true;
        kit_frame_free(&f);
    }
    world_free(&w);
}

/* --- log keys --- */

static void ask_log_keys(struct world *w)
{
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr b = ate__wr_of(&body);
    ate__msg_get_encode(&b, &(struct ate__msg_get){.request = ++w->request,
                                                   .known = w->known,
                                                   .kind = ATE__GET_LOG_KEYS});
    assert_int_equal(ate__wr_end(&b), 0);
    kit_send(w->c, ATE__MSG_GET, 1, ate__buf_bytes(&body));
    kit_flush(w->c);
    ate__buf_deinit(&body);
}

static void test_log_keys(void **state)
{
    (void)state;
    struct world w = world_new(ATE__SYNC_ALWAYS);
    static const bool adds[] = {true, false, true};
    put(&w, 1);
    for (uint32_t n = 0; n <= ATE__COUNT_OF(adds); n++) {
        struct ate__msg_got m;
        struct ate__shown_tx shown;
        uint32_t count = 0;
        ask_log_keys(&w);
        struct kit_frame f = kit_receive(w.c);
        assert_int_equal(f.type, ATE__MSG_GOT);
        assert_int_equal(ate__msg_got_decode(ate__buf_bytes(&f.body), &m), 0);
        assert_int_equal(m.object_count, 0);
        for (size_t at = 0; ate__msg_got_next(m.txs, &at, &shown); count++) {
            struct ate__tx tx;
            assert_int_equal(ate__tx_decode(shown.record, ATE__SHA256, &tx), 0);
            assert_int_equal(tx.event_count, 1);
            assert_int_equal(tx.events[0].kind, ATE__EVENT_CHAIN);
            ate__tx_deinit(&tx);
        }
        assert_int_equal(count, n); /* additions and removals */
        kit_frame_free(&f);
        if (n < ATE__COUNT_OF(adds))
            name_log_key(&w, adds[n]);
    }
    world_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checkpoint), cmocka_unit_test(test_weak_sync),
        cmocka_unit_test(test_proofs),     cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_many),       cmocka_unit_test(test_log_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
