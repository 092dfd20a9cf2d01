/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Checkpoints with the lines of witnesses, through the public interface.
 */
#include "ate/proof.h"
#include "api/api.h"
#include "crypto/note.h"
#include "dio/type.h"
#include "trust/checkpoint.h"
#include "unit/dio/world.h"

#define DASH "\xe2\x80\x94 "

static struct world w;
static struct ate_chain chain;
static struct ate__log_key *witness[2];
static const char *const names[2] = {"one.org/w", "two.org/w"};
static char policy[8192];

/* Of a verifier key of two halves the second, ML-DSA-44. */
static void name_witness(unsigned i)
{
    struct ate__buf lines = ATE__BUF_NULL;
    ok(ate__note_keys_encode(names[i], ate__log_key_public(witness[i]), &lines));
    ok(ate__buf_append(&lines, ate__bytes("", 1)));
    size_t at = strlen(policy);
    snprintf(policy + at, sizeof policy - at, "witness W%u %s", i,
             strchr((char *)lines.data, '\n') + 1);
    ate__buf_deinit(&lines);
}

static int begin(void **state)
{
    (void)state;
    world_init(&w, false);
    chain = (struct ate_chain){.dio = w.dio,
                               .pipe = w.dio->pipe,
                               .session = w.session[0],
                               .name = "/notes",
                               .place = "/c/notes"};
    atomic_init(&chain.refs, 1);
    policy[0] = 0;
    for (unsigned i = 0; i < 2; i++) {
        struct ate__key32 seed = {{(uint8_t)(90 + i)}};
        ok(ate__log_key_of_seed(&seed, &witness[i]));
        name_witness(i);
    }
    size_t at = strlen(policy);
    snprintf(policy + at, sizeof policy - at, "group G all W0 W1\nquorum G\n");
    return 0;
}

static int end(void **state)
{
    (void)state;
    world_deinit(&w);
    for (unsigned i = 0; i < 2; i++)
        ate__log_key_free(witness[i]);
    return 0;
}

static struct ate_receipt put(const char *name)
{
    struct ate_receipt receipt;
    struct ate_txn *t = world_begin(&w);
    ok(ate_put_as(t, note, ate_top, name, NOTE("x", 1), NULL));
    ok(ate_txn_commit(t, &receipt));
    ate_txn_end(t);
    return receipt;
}

/* What a witness gives back of it: the note with a line more. Ended with ate__free(). */
static char *cosigned(const char *checkpoint, unsigned i, unsigned by)
{
    struct ate__buf made = ATE__BUF_NULL;
    struct ate__note n;
    struct ate__note_tree tree;
    ok(ate__note_parse(ate__text_bytes(checkpoint), &n));
    ok(ate__note_tree_parse(n.text, &tree));
    ok(ate__note_make(&tree, names[i], witness[by], 1700000000 + i, &made));
    ok(ate__buf_append(&made, ate__bytes("", 1)));
    const char *first = strstr((char *)made.data, "\n" DASH) + 1;
    char *all = ate__format("%s%s", checkpoint, strchr(first, '\n') + 1);
    ate__buf_deinit(&made);
    ate__note_deinit(&n);
    return all;
}

static void witnessed(void **state)
{
    (void)state;
    char *checkpoint, *keys, *proof;
    struct ate_receipt receipt = put("a"), later;
    struct ate_proved p;
    ok(ate_checkpoint(&chain, &checkpoint));
    ok(ate_log_keys(&chain, &keys));
    const struct ate_proof_conf conf = {.log_keys = keys, .policy = policy};
    expect(ate_check_proof(checkpoint, NULL, &conf, &p), ATE_UNTRUSTED);
    expect(ate_witnessed(&chain, checkpoint, policy, &receipt), ATE_UNTRUSTED);
    char *one = cosigned(checkpoint, 0, 0);
    expect(ate_check_proof(one, NULL, &conf, &p), ATE_UNTRUSTED);
    expect(ate_witnessed(&chain, one, policy, &receipt), ATE_UNTRUSTED);
    assert_int_equal(receipt.stage, ATE_DURABLE);
    char *forged = cosigned(one, 1, 0); /* by the key of the other */
    expect(ate_witnessed(&chain, forged, policy, &receipt), ATE_UNTRUSTED);
    char *two = cosigned(one, 1, 1);
    ok(ate_check_proof(two, NULL, &conf, &p));
    assert_int_equal(p.witnesses, 2);
    assert_int_equal(p.witnessed_ns, 1700000000000000000);
    ok(ate_prove(&chain, 1, two, &proof)); /* which then carries the lines */
    ok(ate_check_proof(proof, NULL, &conf, &p));
    assert_true(p.kind == ATE_PROOF_INCLUSION && p.witnesses == 2);
    ok(ate_witnessed(&chain, two, policy, &receipt));
    assert_int_equal(receipt.stage, ATE_WITNESSED);

    later = put("b");
    expect(ate_witnessed(&chain, two, policy, &later), ATE_NOT_FOUND);
    assert_int_equal(later.stage, ATE_DURABLE);
    two[strlen(two) - 20] = two[strlen(two) - 20] == 'A' ? 'B' : 'A';
    expect(ate_witnessed(&chain, two, policy, &receipt), ATE_TAMPERED);
    ate__free(one);
    ate__free(two);
    ate__free(forged);
    ate_free(checkpoint);
    ate_free(keys);
    ate_free(proof);
}

/* The witnesses signed, and who signs the order did not; or it is another head. */
static void of_another(void **state)
{
    (void)state;
    struct ate_receipt receipt = put("a");
    struct ate__buf note = ATE__BUF_NULL;
    struct ate__checkpoint c = {.chain_id = chain.dio->seal.chain_id, .size = 2, .time_s = 1};
    for (unsigned i = 0; i < 2; i++) {
        struct ate__log_key *own;
        ok(ate__log_key_of_seed(&ate__session_key(w.session[0], 0)->seed, &own));
        ate__buf_clear(&note);
        ok(ate__checkpoint_make(&c, i ? own : witness[0], &note));
        ok(ate__buf_append(&note, ate__bytes("", 1)));
        char *one = cosigned((char *)note.data, 0, 0), *two = cosigned(one, 1, 1);
        expect(ate_witnessed(&chain, two, policy, &receipt), i ? ATE_FORKED : ATE_UNTRUSTED);
        assert_int_equal(receipt.stage, ATE_DURABLE);
        ate__free(one);
        ate__free(two);
        ate__log_key_free(own);
    }
    ate__buf_deinit(&note);
}

static void refusals(void **state)
{
    (void)state;
    char *checkpoint;
    struct ate_receipt receipt = put("a"), none = {.stage = ATE_QUEUED};
    ok(ate_checkpoint(&chain, &checkpoint));
    expect(ate_witnessed(&chain, NULL, policy, &receipt), ATE_MISUSE);
    expect(ate_witnessed(&chain, checkpoint, NULL, &receipt), ATE_MISUSE);
    expect(ate_witnessed(&chain, checkpoint, policy, NULL), ATE_MISUSE);
    expect(ate_witnessed(&chain, checkpoint, policy, &none), ATE_MISUSE);
    expect(ate_witnessed(&chain, checkpoint, "quorum none\n", &receipt), ATE_UNTRUSTED);
    expect(ate_witnessed(&chain, checkpoint, "", &receipt), ATE_MALFORMED);
    expect(ate_witnessed(&chain, "x", policy, &receipt), ATE_MALFORMED);
    assert_int_equal(receipt.stage, ATE_DURABLE);
    ate_free(checkpoint);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(witnessed, begin, end),
        cmocka_unit_test_setup_teardown(of_another, begin, end),
        cmocka_unit_test_setup_teardown(refusals, begin, end),
    };
    return cmocka_run_group_tests_name("api/proof_witness", tests, NULL, NULL);
}
