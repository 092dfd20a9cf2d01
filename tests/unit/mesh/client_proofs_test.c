/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * PROVE and CHECKPOINT, as a client sends them and takes their answers; CHALLENGE, as it answers
 * it.
 */
#include "stage.h"
#include <stdlib.h>

static void say_proven(struct stage *s, uint32_t request)
{
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&body);
    ate__msg_proven_encode(
        &w, &(struct ate__msg_proven){.request = request, .kind = ATE__PROVE_CONSISTENCY});
    must(ate__wr_end(&w));
    stage_say(s, ATE__MSG_PROVEN, 1, ate__buf_bytes(&body));
    ate__buf_deinit(&body);
}

static void say_signed(struct stage *s, uint32_t request)
{
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&body);
    ate__msg_signed_encode(&w, &(struct ate__msg_signed){request, ate__text_bytes("note")});
    must(ate__wr_end(&w));
    stage_say(s, ATE__MSG_SIGNED, 1, ate__buf_bytes(&body));
    ate__buf_deinit(&body);
}

static uint32_t asked_proof(struct stage *s)
{
    struct ate__msg_prove m;
    must(ate__msg_prove_decode(ate__buf_bytes(&stage_next(s, ATE__MSG_PROVE)->body), &m));
    return m.request;
}

static uint32_t asked_checkpoint(struct stage *s)
{
    struct ate__msg_checkpoint m;
    must(ate__msg_checkpoint_decode(ate__buf_bytes(&stage_next(s, ATE__MSG_CHECKPOINT)->body), &m));
    return m.request;
}

/* Both are given what was said, and nothing of it is looked at. */
static void answered(void **state)
{
    (void)state;
    for (int lie = 0; lie < 5; lie++) {
        struct stage *s = stage_new(false, false);
        stage_ready(s);
        s->room = 0;
        struct stage_call *prove = stage_read_call(s, ATE__CALL_PROVE, -1),
                          *checkpoint = stage_read_call(s, ATE__CALL_CHECKPOINT, -1);
        prove->call.prove =
            (struct ate__msg_prove){.kind = ATE__PROVE_CONSISTENCY, .first = 1, .size = 3};
        stage_drained(s, SIZE_MAX);
        uint32_t first = asked_proof(s), second = asked_checkpoint(s);
        switch (lie) {
        case 0:
            say_signed(s, second);
            say_proven(s, first);
            assert_true(prove->call.got.size && checkpoint->call.got.size);
            stage_done(prove, 0);
            stage_done(checkpoint, 0);
            stage_free(s);
            continue;
        case 1: say_signed(s, first); break;
        case 2: say_proven(s, second); break;
        case 3: say_proven(s, 99); break;
        default: stage_say(s, ATE__MSG_SIGNED, 1, ate__text_bytes("x"));
        }
        stage_final(s, ATE_BAD_PEER, NULL);
        stage_done(prove, ATE_BAD_PEER);
        stage_done(checkpoint, ATE_BAD_PEER);
        stage_free(s);
    }
}

/* They are asked again over the next link; what is refused ends alone. */
static void asked_again(void **state)
{
    (void)state;
    struct stage *s = stage_new(false, false);
    stage_ready(s);
    struct stage_call *checkpoint = stage_read_call(s, ATE__CALL_CHECKPOINT, -1);
    (void)asked_checkpoint(s);
    stage_lose(s, ATE_OFFLINE);
    stage_ready_again(s);
    stage_say_rejected(s, asked_checkpoint(s), ATE_NOT_FOUND, "nobody signed");
    stage_done(checkpoint, ATE_NOT_FOUND);
    stage_free(s);
}

static bool reads; /* a session with a key that only decrypts */

static struct ate_hash proved_for;

/* Two keys, the second of which may be one that only decrypts. */
static int possess(struct ate__client_driver *d, const struct ate__client_ask *ask,
                   struct ate__wr *w, struct ate__client_said *ret_said)
{
    (void)d;
    bool second = ask->at == 1;
    assert_true(ask->at < 2 && (!ask->sealed.size || (reads && second && ask->sealed.size == 3)));
    assert_true(ask->of.channel.b[0] == 0x11 && ask->of.nonce.b[0] == 0x22);
    ret_said->type = reads && second && !ask->sealed.size ? ATE__MSG_READERS : ATE__MSG_POSSESSION;
    ret_said->more = !second;
    proved_for = ask->of.chain_id;
    ate__wr_u32(w, 77 + ask->at);
    return 0;
}

static void challenge(struct stage *s, uint32_t stream, bool first)
{
    uint8_t body[33] = {0x22};
    body[32] = first;
    stage_say(s, ATE__MSG_CHALLENGE, stream, ate__bytes(body, sizeof body));
}

static void say_challenge(struct stage *s)
{
    challenge(s, 1, false);
}

/* A server that asks who is there is told once it is known to have the chain that is wanted, and
 * before all else. */
static void test_challenge(void **state)
{
    (void)state;
    struct stage *s = stage_new(false, false);
    s->driver.possess = possess;
    ate__client_start(s->c);
    struct stage_call *call = stage_commit_call(s, 1, 60000);
    stage_connected(s);
    s->link->base.encrypted = true;
    s->link->base.channel.b[0] = 0x11;
    stage_next(s, ATE__MSG_OPEN);
    say_challenge(s);
    struct ate__msg_opened m = stage_opened_at(s, 1);
    stage_say_opened(s, &m);
    assert_true(stage_quiet(s));
    ate__client_admit(s->c, ATE__SHA256);
    assert_int_equal(stage_next(s, ATE__MSG_POSSESSION)->body.data[0], 77);
    assert_int_equal(stage_next(s, ATE__MSG_POSSESSION)->body.data[0], 78);
    assert_true(ate__hash_equal(&proved_for, &m.chain_id));
    assert_int_equal(stage_commit(s).request, 1);
    say_challenge(s); /* without a question */
    stage_final(s, ATE_BAD_PEER, "CHALLENGE");
    stage_free(s);
    stage_done(call, ATE_UNKNOWN);
}

static void say_sealed(struct stage *s, const char *what)
{
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&body);
    ate__msg_sealed_encode(&w, &(struct ate__msg_sealed){ate__text_bytes(what)});
    stage_say(s, ATE__MSG_SEALED, 1, ate__buf_bytes(&body));
    ate__buf_deinit(&body);
}

/* READERS goes first, and all else waits for what was sealed; which comes once, and if asked. */
static void test_readers(void **state)
{
    (void)state;
    for (unsigned asked = 0; asked < 2; asked++) {
        struct stage *s = stage_new(false, false);
        reads = asked;
        s->driver.possess = possess;
        ate__client_start(s->c);
        struct stage_call *call = stage_commit_call(s, 1, 60000);
        stage_connected(s);
        s->link->base.encrypted = true;
        s->link->base.channel.b[0] = 0x11;
        stage_next(s, ATE__MSG_OPEN);
        say_challenge(s);
        struct ate__msg_opened m = stage_opened_at(s, 1);
        stage_say_opened(s, &m);
        ate__client_admit(s->c, ATE__SHA256);
        stage_next(s, ATE__MSG_POSSESSION);
        if (asked) {
            stage_next(s, ATE__MSG_READERS);
            assert_true(stage_quiet(s));
            ate__client_go_on(s->c);
            assert_true(stage_quiet(s));
            say_sealed(s, "abc");
        }
        stage_next(s, ATE__MSG_POSSESSION);
        assert_int_equal(stage_commit(s).request, 1);
        say_sealed(s, "abc");
        stage_final(s, ATE_BAD_PEER, "SEALED");
        stage_free(s);
        stage_done(call, ATE_UNKNOWN);
    }
    reads = false;
}

/* In clear text, and twice. */
static void test_challenge_refused(void **state)
{
    (void)state;
    for (unsigned twice = 0; twice < 2; twice++) {
        struct stage *s = stage_new(false, false);
        s->driver.possess = possess;
        ate__client_start(s->c);
        stage_connected(s);
        s->link->base.encrypted = twice;
        stage_next(s, ATE__MSG_OPEN);
        say_challenge(s);
        if (twice)
            say_challenge(s);
        if (!twice) {
            struct ate__msg_opened m = stage_opened_at(s, 1);
            stage_say_opened(s, &m);
            ate__client_admit(s->c, ATE__SHA256);
        }
        assert_true(stage_quiet(s));
        stage_final(s, ATE_BAD_PEER, "CHALLENGE");
        stage_free(s);
    }
}

/* ---- a server that says nothing before a key is proved ---- */

/* creates: has a genesis. chain: expects that one there; NULL: none. */
static struct stage *unseen(bool creates, const struct ate_hash *chain)
{
    struct stage *s = stage_new(false, creates);
    reads = false;
    s->driver.possess = possess;
    if (chain) {
        s->conf.has_chain = true;
        s->conf.chain = *chain;
    }
    ate__client_end(s->c);
    must(ate__client_new(&s->conf, &s->driver, &s->c));
    ate__client_start(s->c);
    stage_connected(s);
    s->link->base.encrypted = true;
    s->link->base.channel.b[0] = 0x11;
    return s;
}

static void expect_proofs(struct stage *s, uint32_t stream, const struct ate_hash *chain)
{
    assert_int_equal(stage_next(s, ATE__MSG_POSSESSION)->stream, stream);
    assert_int_equal(stage_next(s, ATE__MSG_POSSESSION)->stream, stream);
    assert_true(ate__hash_equal(&proved_for, chain));
    assert_true(stage_quiet(s));
}

static void say_exists(struct stage *s, uint32_t stream, const struct ate_hash *chain)
{
    stage_say(s, ATE__MSG_EXISTS, stream, ate__bytes(chain, sizeof *chain));
}

/* It is proved for the chain that is expected there, and once. */
static void test_unseen(void **state)
{
    (void)state;
    const struct ate_hash chain = {{0x77}};
    for (unsigned creates = 0; creates < 2; creates++) {
        struct stage *s = unseen(creates, &chain);
        stage_next(s, ATE__MSG_OPEN);
        challenge(s, 1, true);
        expect_proofs(s, 1, &chain);
        challenge(s, 1, true);
        stage_final(s, ATE_BAD_PEER, "CHALLENGE");
        stage_free(s);
    }
}

/* Who expects none and has a genesis creates, and is told of the one that is there. */
static void test_unseen_is_created(void **state)
{
    (void)state;
    const struct ate_hash there = {{0x78}};
    for (unsigned exists = 0; exists < 2; exists++) {
        struct stage *s = unseen(true, NULL);
        struct ate__msg_opened m = stage_opened_at(s, 1);
        stage_next(s, ATE__MSG_OPEN);
        challenge(s, 1, true);
        assert_int_equal(stage_next(s, ATE__MSG_CLOSE)->stream, 1);
        assert_int_equal(stage_next(s, ATE__MSG_CREATE)->stream, 2);
        assert_true(stage_quiet(s));
        challenge(s, 2, true);
        expect_proofs(s, 2, &m.chain_id);
        if (exists) {
            say_exists(s, 2, &there);
            assert_int_equal(stage_next(s, ATE__MSG_OPEN)->stream, 3);
            challenge(s, 3, true);
            expect_proofs(s, 3, &there);
        }
        stage_free(s);
    }
}

static void test_unseen_and_unnamed(void **state)
{
    (void)state;
    struct stage *s = unseen(false, NULL);
    stage_next(s, ATE__MSG_OPEN);
    challenge(s, 1, true);
    assert_true(stage_quiet(s));
    stage_final(s, ATE_NO_ACCESS, "chain=");
    stage_free(s);
}

/* A member may be refused because the chain is being opened: he asks again, over another link, and
 * more often where it was there before; then it is final. */
static void test_refused_unseen(void **state)
{
    (void)state;
    const struct ate_hash chain = {{0x79}};
    for (unsigned known = 0; known < 2; known++) {
        struct stage *s = unseen(false, &chain);
        unsigned tries = known ? ATE__ACCESS_TRIES_AGAIN : ATE__ACCESS_TRIES;
        if (known) {
            struct ate__msg_opened m = stage_opened_at(s, 1);
            stage_next(s, ATE__MSG_OPEN);
            challenge(s, 1, true);
            expect_proofs(s, 1, &chain);
            stage_say_opened(s, &m);
            stage_lose(s, ATE_OFFLINE);
        }
        for (unsigned i = 0; i < tries; i++) {
            if (i || known) {
                stage_pass(s, 5000);
                stage_connected(s);
                s->link->base.encrypted = true;
                s->link->base.channel.b[0] = 0x11;
            }
            stage_next(s, ATE__MSG_OPEN);
            challenge(s, 1, true);
            stage_next(s, ATE__MSG_POSSESSION);
            stage_next(s, ATE__MSG_POSSESSION);
            stage_say_error(s, ATE_NO_ACCESS, "nothing");
            assert_int_equal(s->finals, i + 1 == tries);
            if (i + 1 < tries)
                stage_turn(s);
        }
        stage_final(s, ATE_NO_ACCESS, "nothing");
        stage_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_challenge),
        cmocka_unit_test(test_challenge_refused),
        cmocka_unit_test(test_readers),
        cmocka_unit_test(answered),
        cmocka_unit_test(asked_again),
        cmocka_unit_test(test_unseen),
        cmocka_unit_test(test_unseen_is_created),
        cmocka_unit_test(test_unseen_and_unnamed),
        cmocka_unit_test(test_refused_unseen),
    };
    return cmocka_run_group_tests(tests, NULL, past_end);
}
