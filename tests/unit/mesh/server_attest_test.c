/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A server of a centralized chain: who is asked, what it writes into a transaction, what it
 * refuses, and what it signs.
 */
#include "kit.h"
#include "crypto/log_key.h"
#include "lib/tmpdir.h"
#include "trust/checkpoint.h"

struct world {
    struct ate__server_conf conf;
    struct ate__server *server;
    struct kit_chain chain, another;
    struct kit_client *c;
    struct ate__head known;
    uint32_t request;
};

static struct world world_new(void)
{
    struct world w = {.conf = kit_conf(tmpdir_new())};
    w.conf.host_key = kit_host_key();
    w.server = kit_start(&w.conf);
    w.chain = kit_chain_attested("/c/notes", w.server, ATE__CENTRALIZED);
    w.another = kit_chain_new("/c/other", false);
    w.c = kit_connect(w.server);
    w.known = kit_create(w.c, 1, &w.chain);
    assert_int_equal(w.known.size, 1);
    assert_true(kit_challenged);
    return w;
}

static void world_free(struct world *w)
{
    kit_close(w->c);
    ate__server_end(w->server);
    kit_chain_free(&w->chain);
    kit_chain_free(&w->another);
}

static void expect_error(struct kit_client *c, int result)
{
    struct kit_frame f = kit_receive(c);
    char text[ATE__ERROR_SIZE];
    int rc = 0;
    assert_int_equal(f.type, ATE__NET_ERROR);
    assert_int_equal(ate__net_error_decode(ate__buf_bytes(&f.body), &rc, text), 0);
    assert_int_equal(rc, result);
    kit_frame_free(&f);
}

static void prove(struct world *w, struct kit_client *c, const struct ate__key *key)
{
    struct ate__possession of = kit_possession(c, &w->chain);
    kit_possess(c, 1, &of, key);
}

/* Offered as it is; 0, or what it is rejected for. */
static int offer(struct world *w, struct kit_client *c, struct ate_bytes tx)
{
    uint32_t request = ++w->request;
    kit_commit(c, 1, request, &w->known, tx);
    struct kit_frame f = kit_receive(c);
    struct ate__msg_committed m;
    struct ate__msg_rejected r;
    int rc = 0;
    if (f.type == ATE__MSG_REJECTED) {
        assert_int_equal(ate__msg_rejected_decode(ate__buf_bytes(&f.body), &r), 0);
        rc = r.result;
    } else {
        assert_int_equal(f.type, ATE__MSG_COMMITTED);
        assert_int_equal(ate__msg_committed_decode(ate__buf_bytes(&f.body), &m), 0);
        kit_attested_count = m.attested_count;
        if (m.attested_count)
            memcpy(kit_attested, m.attested, m.attested_count * sizeof kit_attested[0]);
        w->known = (struct ate__head){m.receipt.size, m.receipt.head};
    }
    kit_frame_free(&f);
    return rc;
}

static struct ate__buf draft(struct world *w, uint64_t object)
{
    struct kit_put put = {.object = kit_id(object), .payload_size = 10};
    return kit_put(&w->chain, &w->known, &put, NULL);
}

static int put(struct world *w, struct kit_client *c, uint64_t object)
{
    struct ate__buf tx = draft(w, object);
    int rc = offer(w, c, ate__buf_bytes(&tx));
    ate__buf_deinit(&tx);
    return rc;
}

static bool by_root(const struct world *w)
{
    return kit_attested_count == 1 && ate__hash_equal(&kit_attested[0], &w->chain.key->fingerprint);
}

static struct kit_client *opened(struct world *w)
{
    struct kit_client *c = kit_connect(w->server);
    assert_true(kit_open(c, 1, &w->chain).size > 0);
    assert_true(kit_challenged);
    return c;
}

/* Unsigned, and judged by the key that was proved, which is written into it. */
static void test_attested(void **state)
{
    (void)state;
    struct world w = world_new();
    prove(&w, w.c, w.chain.key);
    kit_put_object(w.c, 1, &w.chain, &w.known, 1);
    assert_true(by_root(&w));
    struct kit_client *c = opened(&w);
    struct kit_follow f;
    kit_follow_init(&f); /* without a key: it may look */
    kit_subscribe(c, 1, &(struct ate__head){.size = 0});
    assert_int_equal(kit_subscribed(c).size, 2);
    kit_follow_to(c, &f, 2);
    kit_close(c);
    world_free(&w);
}

/* The same bytes again: the first answer, with who made it then, whoever asks now. */
static void test_repeat(void **state)
{
    (void)state;
    struct world w = world_new();
    prove(&w, w.c, w.chain.key);
    struct ate__buf tx = draft(&w, 1);
    struct ate__head before = w.known;
    assert_int_equal(offer(&w, w.c, ate__buf_bytes(&tx)), 0);
    struct kit_client *c = opened(&w);
    w.known = before;
    kit_attested_count = 0;
    assert_int_equal(offer(&w, c, ate__buf_bytes(&tx)), 0);
    assert_true(by_root(&w));
    ate__buf_deinit(&tx);
    kit_close(c);
    world_free(&w);
}

/* Nothing proved, a key of nobody's, a key that is proved elsewhere. */
static void test_strangers(void **state)
{
    (void)state;
    struct world w = world_new();
    struct kit_client *c = opened(&w);
    assert_int_equal(put(&w, c, 1), ATE_DENIED);
    prove(&w, c, w.another.key);
    assert_int_equal(put(&w, c, 1), ATE_DENIED);
    struct kit_client *other = opened(&w);
    struct ate__possession of = kit_possession(other, &w.chain);
    of.channel.b[0] ^= 1;
    kit_possess(other, 1, &of, w.chain.key);
    expect_error(other, ATE_NO_ACCESS);
    kit_close(c);
    kit_close(other);
    world_free(&w);
}

/* What a client would have written into it himself. */
static void test_sections(void **state)
{
    (void)state;
    struct world w = world_new();
    prove(&w, w.c, w.chain.key);
    struct ate__buf tx = draft(&w, 1);
    tx.size -= 5; /* the section of no signatures */
    assert_int_equal(ate__tx_encode_attested(&w.chain.key->fingerprint, 1, &tx), 0);
    assert_int_equal(offer(&w, w.c, ate__buf_bytes(&tx)), ATE_MALFORMED);
    ate__buf_deinit(&tx);
    w.chain.centralized = false; /* signs */
    assert_int_equal(put(&w, w.c, 1), ATE_MALFORMED);
    w.chain.centralized = true;
    assert_int_equal(put(&w, w.c, 1), 0);
    world_free(&w);
}

static struct ate__buf revoke(struct world *w, const struct ate__key *signer)
{
    struct ate__buf header = ATE__BUF_NULL;
    struct ate__header_wr h = ate__header_wr_of(&header);
    ate__header_item(&h, ATE__TAG_REVOKE, ate__bytes(&w->chain.key->fingerprint, 32));
    assert_int_equal(ate__header_end(&h), 0);
    struct ate__event_in event = {.form = ATE__BARE, .header = ate__buf_bytes(&header)};
    struct ate__buf tx = kit_tx(&w->chain, &w->known, &event, 1, signer);
    ate__buf_deinit(&header);
    return tx;
}

/* What a root key has to sign it signs; and a key that ends between proof and commit is nobody's.
 */
static void test_revoked(void **state)
{
    (void)state;
    struct world w = world_new();
    prove(&w, w.c, w.chain.key);
    assert_int_equal(put(&w, w.c, 1), 0);
    struct ate__buf tx = revoke(&w, NULL);
    assert_int_equal(offer(&w, w.c, ate__buf_bytes(&tx)), ATE_DENIED);
    ate__buf_deinit(&tx);
    tx = revoke(&w, w.chain.key);
    assert_int_equal(offer(&w, w.c, ate__buf_bytes(&tx)), 0);
    assert_int_equal(kit_attested_count, 0);
    ate__buf_deinit(&tx);
    assert_int_equal(put(&w, w.c, 2), ATE_DENIED);
    world_free(&w);
}

/* A head is signed while there are streams, though nobody asks for a note; what is shown as signed
 * is by the log key of the genesis, and covers all there is. */
static void test_signed(void **state)
{
    (void)state;
    struct world w = world_new();
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr b = ate__wr_of(&body);
    struct ate_bytes key = ate__buf_bytes(&w.chain.log_key);
    struct ate__checkpoint c;
    struct ate__msg_signed m;
    prove(&w, w.c, w.chain.key);
    assert_int_equal(put(&w, w.c, 1), 0);
    ate__msg_checkpoint_encode(&b, &(struct ate__msg_checkpoint){99});
    kit_send(w.c, ATE__MSG_CHECKPOINT, 1, ate__buf_bytes(&body));
    struct kit_frame f = kit_receive(w.c);
    assert_int_equal(f.type, ATE__MSG_SIGNED);
    assert_int_equal(ate__msg_signed_decode(ate__buf_bytes(&f.body), &m), 0);
    assert_int_equal(ate__checkpoint_verify(m.note, &key, 1, &c), 0);
    assert_true(c.size == 2 && ate__hash_equal(&c.root, &w.known.root));
    kit_frame_free(&f);
    ate__buf_deinit(&body);
    world_free(&w);
}

/* Who opens what is sealed to the owner's key has shown that he reads, and makes nothing. */
static void test_reader(void **state)
{
    (void)state;
    struct world w = world_new();
    struct kit_client *c = opened(&w);
    struct ate__possession of = kit_possession(c, &w.chain);
    struct ate__buf sealed = ATE__BUF_NULL;
    struct ate__key32 secret = {{0}};
    kit_readers(c, 1, &of, w.chain.key);
    kit_sealed(c, &sealed);
    assert_int_equal(ate__possession_open(&of, w.chain.key, ate__buf_bytes(&sealed), &secret), 0);
    kit_possess_opened(c, 1, &of, w.chain.key, &secret);
    assert_int_equal(put(&w, c, 1), ATE_DENIED);
    ate__buf_deinit(&sealed);
    kit_close(c);
    world_free(&w);
}

/* KEY: proved on a stream that is open. */
static void prove_later(struct kit_client *c, const struct ate__possession *of,
                        const struct ate__key *key)
{
    struct ate__buf signature = ATE__BUF_NULL, body = ATE__BUF_NULL;
    struct ate__wr wr = ate__wr_of(&body);
    assert_int_equal(ate__possession_prove(of, key, &signature), 0);
    ate__msg_key_encode(
        &wr, &(struct ate__msg_key){ate__buf_bytes(&key->public_key), ate__buf_bytes(&signature)});
    kit_send(c, ATE__MSG_KEY, 1, ate__buf_bytes(&body));
    ate__buf_deinit(&signature);
    ate__buf_deinit(&body);
}

static struct ate__key *some_key(unsigned n)
{
    struct ate__key *key;
    assert_int_equal(ate__key_of_seed(&(struct ate__key32){{9, (uint8_t)n}}, NULL, &key), 0);
    return key;
}

static void test_later(void **state)
{
    (void)state;
    struct world w = world_new();
    struct kit_client *c = opened(&w);
    struct ate__possession of = kit_possession(c, &w.chain);
    assert_int_equal(put(&w, c, 1), ATE_DENIED);
    prove(&w, c, w.another.key);
    assert_int_equal(put(&w, c, 1), ATE_DENIED);
    prove_later(c, &of, w.chain.key);
    assert_int_equal(put(&w, c, 1), 0);
    assert_true(by_root(&w));
    kit_close(c);
    c = opened(&w); /* nothing was proved when it began */
    of = kit_possession(c, &w.chain);
    prove_later(c, &of, w.chain.key);
    assert_int_equal(put(&w, c, 2), 0);
    assert_true(by_root(&w));
    kit_close(c);
    world_free(&w);
}

static void test_later_no_more(void **state)
{
    (void)state;
    struct world w = world_new();
    struct kit_client *c = opened(&w);
    struct ate__possession of = kit_possession(c, &w.chain);
    for (unsigned i = 0; i < ATE__PROVED_MAX - 1; i++) {
        struct ate__key *key = some_key(i);
        prove_later(c, &of, key);
        prove_later(c, &of, key); /* once more: the same one */
        ate__key_free(key);
    }
    assert_int_equal(put(&w, c, 1), ATE_DENIED);
    prove_later(c, &of, w.chain.key);
    assert_int_equal(put(&w, c, 1), 0);
    assert_true(by_root(&w));
    prove_later(c, &of, w.another.key);
    expect_error(c, ATE_TOO_BIG);
    kit_close(c);
    world_free(&w);
}

/* For another connection, another chain, with another number; each counts. */
static void test_later_refused(void **state)
{
    (void)state;
    struct world w = world_new();
    for (unsigned i = 0; i < 3; i++) {
        struct kit_client *c = opened(&w);
        struct ate__possession of = kit_possession(c, &w.chain);
        of.channel.b[0] ^= i == 0;
        of.chain_id.b[0] ^= i == 1;
        of.nonce.b[0] ^= i == 2;
        prove_later(c, &of, w.chain.key);
        expect_error(c, ATE_NO_ACCESS);
        kit_close(c);
    }
    struct kit_client *c = kit_connect(w.server);
    for (uint32_t i = 0; i < ATE__FAILED_SIGNATURES_MAX; i++) {
        kit_open(c, 1, &w.chain);
        struct ate__possession of = kit_possession(c, &w.chain);
        of.chain_id = w.another.id;
        prove_later(c, &of, w.chain.key);
        expect_error(c, ATE_NO_ACCESS);
    }
    assert_int_equal(kit_receive(c).type, 0);
    assert_int_equal(kit_result(c), ATE_BAD_PEER); /* failed-signatures */
    kit_close(c);
    world_free(&w);
}

/* Of another server's log key: not made, and nothing is left. */
static void test_log_key_of_another(void **state)
{
    (void)state;
    struct world w = world_new(), there = world_new();
    struct kit_chain chain = kit_chain_attested("/c/third", there.server, ATE__CENTRALIZED);
    struct kit_client *c = kit_connect(w.server);
    assert_int_equal(kit_create(c, 1, &chain).size, 0);
    assert_int_equal(kit_error, ATE_UNTRUSTED);
    assert_int_equal(kit_open(c, 1, &chain).size, 0);
    assert_int_equal(kit_error, ATE_NOT_FOUND);
    kit_close(c);
    kit_chain_free(&chain);
    world_free(&there);
    world_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attested),
        cmocka_unit_test(test_repeat),
        cmocka_unit_test(test_strangers),
        cmocka_unit_test(test_sections),
        cmocka_unit_test(test_revoked),
        cmocka_unit_test(test_signed),
        cmocka_unit_test(test_reader),
        cmocka_unit_test(test_later),
        cmocka_unit_test(test_later_no_more),
        cmocka_unit_test(test_later_refused),
        cmocka_unit_test(test_log_key_of_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
