/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A server that shows its chains to members: what is asked, what holds, what is refused, and how
 * long it lasts.
 */
#include "kit.h"
#include "lib/tmpdir.h"

struct world {
    struct ate__server_conf conf;
    struct ate__server *server;
    struct kit_chain chain, another;
    struct kit_client *c;
    struct ate__head known;
};

static struct world world_new(bool members_only)
{
    struct world w = {.conf = kit_conf(tmpdir_new()),
                      .chain = kit_chain_new("/m/notes", false),
                      .another = kit_chain_new("/m/other", false)};
    w.conf.members_only = members_only;
    w.server = kit_start(&w.conf);
    w.c = kit_connect(w.server);
    w.known = kit_create(w.c, 1, &w.chain);
    assert_int_equal(w.known.size, 1);
    assert_int_equal(kit_challenged, members_only);
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

/* Asks for a secret to this key, and opens it with a half of it that only reads. */
static int open_sealed(const struct ate__possession *of, struct kit_client *c,
                       const struct ate__key *key, struct ate__key32 *ret_secret)
{
    struct ate__buf sealed = ATE__BUF_NULL;
    struct ate__key *half;
    uint8_t bytes[ATE__KEY_SECRET_MAX];
    size_t size = ate__key_secret(key, ATE__KEY_READS, bytes);
    assert_int_equal(ate__key_of_secret(ate__buf_bytes(&key->public_key), ATE__KEY_READS,
                                        ate__bytes(bytes, size), NULL, &half),
                     0);
    assert_null(half->sign_key);
    kit_readers(c, 1, key);
    kit_sealed(c, &sealed);
    int rc = ate__possession_open(of, half, ate__buf_bytes(&sealed), ret_secret);
    ate__key_free(half);
    ate__buf_deinit(&sealed);
    return rc;
}

/* A connection that has opened the chain, and was asked. */
static struct kit_client *opened(struct world *w)
{
    struct kit_client *c = kit_connect(w->server);
    assert_true(kit_open(c, 1, &w->chain).size > 0);
    return c;
}

/* Creates, proves, writes; another connection follows, and each is asked something of its own. */
static void test_member(void **state)
{
    (void)state;
    struct world w = world_new(true);
    struct kit_follow f;
    prove(&w, w.c, w.chain.key);
    kit_put_object(w.c, 1, &w.chain, &w.known, 1);
    struct ate_hash first = kit_nonce;
    struct kit_client *c = opened(&w);
    assert_true(kit_challenged && !ate__hash_equal(&first, &kit_nonce));
    prove(&w, c, w.chain.key);
    kit_follow_init(&f);
    kit_subscribe(c, 1, &(struct ate__head){.size = 0});
    assert_int_equal(kit_subscribed(c).size, 2);
    kit_follow_to(c, &f, 2);
    kit_put_object(w.c, 1, &w.chain, &w.known, 2);
    kit_follow_to(c, &f, 3);
    kit_close(c);
    world_free(&w);
}

/* Whatever is asked before, and with a key of somebody else. */
static void test_strangers(void **state)
{
    (void)state;
    static const uint16_t types[] = {
        ATE__MSG_SUBSCRIBE, ATE__MSG_COMMIT, ATE__MSG_OUTCOME, ATE__MSG_GET,
        ATE__MSG_PROVE,     ATE__MSG_NOTES,  ATE__MSG_DESTROY, ATE__MSG_CHECKPOINT,
    };
    struct world w = world_new(true);
    struct kit_client *c = kit_connect(w.server);
    for (size_t i = 0; i < ATE__COUNT_OF(types); i++) {
        assert_int_equal(kit_open(c, 1, &w.chain).size, 1);
        kit_send(c, types[i], 1, ate__bytes(NULL, 0));
        expect_error(c, ATE_NO_ACCESS);
    }
    assert_int_equal(kit_open(c, 1, &w.chain).size, 1);
    prove(&w, c, w.another.key);
    expect_error(c, ATE_NO_ACCESS);
    kit_close(c);
    world_free(&w);
}

/* A proof of a member's, for what is not the case: another connection, chain or number. */
static void test_for_another(void **state)
{
    (void)state;
    struct world w = world_new(true);
    for (unsigned i = 0; i < 4; i++) {
        struct kit_client *c = opened(&w);
        struct ate__possession of = kit_possession(c, &w.chain), there;
        struct kit_client *other = opened(&w);
        there = kit_possession(other, &w.chain);
        assert_false(ate__hash_equal(&of.channel, &there.channel));
        if (i == 1)
            of.channel = there.channel;
        else if (i == 2)
            of.chain_id = w.another.id;
        else if (i == 3)
            of.nonce = there.nonce;
        kit_possess(c, 1, &of, w.chain.key);
        kit_subscribe(c, 1, &(struct ate__head){.size = 0});
        if (i)
            expect_error(c, ATE_NO_ACCESS);
        else
            assert_int_equal(kit_subscribed(c).size, 1);
        kit_close(other);
        kit_close(c);
    }
    world_free(&w);
}

/* One answer to one question; none where nothing was asked; what is no message. */
static void test_once(void **state)
{
    (void)state;
    struct world w = world_new(true), public = world_new(false);
    prove(&w, w.c, w.chain.key);
    prove(&w, w.c, w.chain.key);
    expect_error(w.c, ATE_BAD_PEER);
    struct kit_client *c = opened(&w);
    kit_send(c, ATE__MSG_POSSESSION, 1, ate__text_bytes("abc"));
    expect_error(c, ATE_MALFORMED);
    kit_close(c);
    prove(&public, public.c, public.chain.key);
    expect_error(public.c, ATE_BAD_PEER);
    world_free(&w);
    world_free(&public);
}

/* Two keys: each signature has to hold, and one of them to be a member's. */
static void test_several(void **state)
{
    (void)state;
    struct world w = world_new(true);
    for (unsigned broken = 0; broken < 3; broken++) {
        struct kit_client *c = opened(&w);
        struct ate__possession of = kit_possession(c, &w.chain);
        struct ate__buf signature[2] = {ATE__BUF_NULL, ATE__BUF_NULL}, body = ATE__BUF_NULL;
        struct ate__wr b = ate__wr_of(&body);
        struct ate__msg_possession m = {.count = 2};
        const struct ate__key *keys[2] = {w.another.key, w.chain.key};
        for (unsigned i = 0; i < 2; i++) {
            assert_int_equal(ate__possession_prove(&of, keys[i], &signature[i]), 0);
            signature[i].data[99] ^= broken == i + 1;
            m.key[i] = (struct ate__possessed){ate__buf_bytes(&keys[i]->public_key),
                                               ate__buf_bytes(&signature[i])};
        }
        ate__msg_possession_encode(&b, &m);
        kit_send(c, ATE__MSG_POSSESSION, 1, ate__buf_bytes(&body));
        kit_subscribe(c, 1, &(struct ate__head){.size = 0});
        if (broken)
            expect_error(c, ATE_NO_ACCESS);
        else
            assert_int_equal(kit_subscribed(c).size, 1);
        ate__buf_deinit(&signature[0]);
        ate__buf_deinit(&signature[1]);
        ate__buf_deinit(&body);
        kit_close(c);
    }
    world_free(&w);
}

static void test_failures_close(void **state)
{
    (void)state;
    struct world w = world_new(true);
    struct kit_client *c = kit_connect(w.server);
    for (unsigned i = 0; i < ATE__FAILED_SIGNATURES_MAX; i++) {
        assert_int_equal(kit_open(c, 1, &w.chain).size, 1);
        prove(&w, c, w.another.key);
        expect_error(c, ATE_NO_ACCESS);
    }
    assert_int_equal(kit_receive(c).type, 0);
    assert_int_equal(kit_result(c), ATE_BAD_PEER);
    kit_close(c);
    world_free(&w);
}

/* A key that revokes itself: streams that it has opened are shown nothing more, new ones nothing.
 */
static void test_revoked(void **state)
{
    (void)state;
    struct world w = world_new(true);
    struct ate__buf header = ATE__BUF_NULL;
    struct ate__header_wr h = ate__header_wr_of(&header);
    struct kit_follow f;
    prove(&w, w.c, w.chain.key);
    struct kit_client *c = opened(&w);
    prove(&w, c, w.chain.key);
    kit_follow_init(&f);
    kit_subscribe(c, 1, &(struct ate__head){.size = 0});
    assert_int_equal(kit_subscribed(c).size, 1);
    kit_follow_to(c, &f, 1);
    ate__header_item(&h, ATE__TAG_REVOKE, ate__bytes(&w.chain.key->fingerprint, 32));
    assert_int_equal(ate__header_end(&h), 0);
    struct ate__event_in event = {.form = ATE__BARE, .header = ate__buf_bytes(&header)};
    struct ate__buf tx = kit_tx(&w.chain, &w.known, &event, 1, w.chain.key);
    kit_commit(w.c, 1, 1, &w.known, ate__buf_bytes(&tx));
    kit_committed(w.c, 1, ate__buf_bytes(&tx), &w.known);
    expect_error(c, ATE_NO_ACCESS); /* and not the group */
    kit_subscribe(w.c, 1, &(struct ate__head){.size = 0});
    expect_error(w.c, ATE_NO_ACCESS);
    struct kit_client *later = opened(&w);
    prove(&w, later, w.chain.key);
    expect_error(later, ATE_NO_ACCESS);
    assert_true(kit_open(later, 1, &w.chain).size > 0);
    struct ate__key32 secret;
    struct ate__possession of = kit_possession(later, &w.chain);
    assert_int_equal(open_sealed(&of, later, w.chain.key, &secret), 0); /* as any other key */
    kit_possess_opened(later, 1, w.chain.key, &secret);
    expect_error(later, ATE_NO_ACCESS);
    kit_close(later);
    kit_close(c);
    ate__buf_deinit(&tx);
    ate__buf_deinit(&header);
    world_free(&w);
}

/* Who says nothing loses the stream, and who has proved a key keeps it. */
static void test_late(void **state)
{
    (void)state;
    struct world w = world_new(true);
    struct kit_client *c;
    kit_close(w.c);
    ate__server_end(w.server);
    w.conf.limits.greeting_ms = 1000;
    w.server = kit_start(&w.conf);
    w.c = opened(&w);
    prove(&w, w.c, w.chain.key);
    c = opened(&w);
    expect_error(c, ATE_TIMEOUT);
    assert_int_equal(kit_open(c, 1, &w.chain).size, 1); /* the id is free again */
    kit_close(c);
    kit_put_object(w.c, 1, &w.chain, &w.known, 1);
    world_free(&w);
}

/* A half that only reads is shown the chain. Another secret, one of another stream, and another
 * key are not; what is sealed opens for no other channel, chain or number. */
static void test_readers(void **state)
{
    (void)state;
    struct world w = world_new(true);
    struct ate__key32 secret = {{0}}, last;
    for (unsigned i = 0; i < 5; i++) {
        struct kit_client *c = opened(&w);
        const struct ate__key *key = i == 3 ? w.another.key : w.chain.key;
        struct ate__possession of = kit_possession(c, &w.chain);
        last = secret;
        assert_int_equal(open_sealed(&of, c, key, &secret), 0);
        if (i == 1)
            secret.b[31] ^= 1;
        kit_possess_opened(c, 1, i == 4 ? w.another.key : key, i == 2 ? &last : &secret);
        kit_subscribe(c, 1, &(struct ate__head){.size = 0});
        if (i)
            expect_error(c, ATE_NO_ACCESS);
        else
            assert_int_equal(kit_subscribed(c).size, 1);
        kit_close(c);
    }
    for (unsigned i = 0; i < 3; i++) {
        struct kit_client *c = opened(&w);
        struct ate__possession of = kit_possession(c, &w.chain);
        (i == 0 ? &of.channel : i == 1 ? &of.chain_id : &of.nonce)->b[5] ^= 1;
        assert_int_equal(open_sealed(&of, c, w.chain.key, &secret), ATE_NO_KEY);
        kit_close(c);
    }
    world_free(&w);
}

/* Twice, without a question, before its answer, and of what is no such key. */
static void test_readers_once(void **state)
{
    (void)state;
    struct world w = world_new(true), public = world_new(false);
    struct ate__key32 secret, none = {{0}};
    struct kit_client *c = opened(&w);
    struct ate__possession of = kit_possession(c, &w.chain);
    assert_int_equal(open_sealed(&of, c, w.chain.key, &secret), 0);
    kit_readers(c, 1, w.chain.key);
    expect_error(c, ATE_BAD_PEER);
    assert_int_equal(kit_open(c, 1, &w.chain).size, 1);
    kit_possess_opened(c, 1, w.chain.key, &secret); /* of the stream before */
    expect_error(c, ATE_NO_ACCESS);
    assert_int_equal(kit_open(c, 1, &w.chain).size, 1);
    kit_possess_opened(c, 1, w.chain.key, &none); /* what nobody drew */
    expect_error(c, ATE_NO_ACCESS);
    assert_int_equal(kit_open(c, 1, &w.chain).size, 1);
    of = kit_possession(c, &w.chain);
    assert_int_equal(open_sealed(&of, c, w.chain.key, &secret), 0);
    kit_possess_opened(c, 1, w.chain.key, &secret);
    kit_possess_opened(c, 1, w.chain.key, &secret);
    expect_error(c, ATE_BAD_PEER);
    assert_int_equal(kit_open(c, 1, &w.chain).size, 1);
    struct ate__key signs = {.public_key = w.chain.key->public_key};
    signs.public_key.size = 6 + ATE__SIG_PUBLIC; /* its other part is behind that */
    kit_readers(c, 1, &signs);
    expect_error(c, ATE_MALFORMED);
    kit_close(c);
    kit_readers(public.c, 1, public.chain.key);
    expect_error(public.c, ATE_BAD_PEER);
    world_free(&w);
    world_free(&public);
}

/* The connection is gone while a proof is judged. */
static void test_gone(void **state)
{
    (void)state;
    struct world w = world_new(true);
    for (unsigned i = 0; i < 20; i++) {
        struct kit_client *c = opened(&w);
        prove(&w, c, i % 2 ? w.chain.key : w.another.key);
        kit_flush(c);
        kit_kill(c);
    }
    world_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_member),       cmocka_unit_test(test_strangers),
        cmocka_unit_test(test_for_another),  cmocka_unit_test(test_once),
        cmocka_unit_test(test_several),      cmocka_unit_test(test_failures_close),
        cmocka_unit_test(test_revoked),      cmocka_unit_test(test_gone),
        cmocka_unit_test(test_late),         cmocka_unit_test(test_readers),
        cmocka_unit_test(test_readers_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
