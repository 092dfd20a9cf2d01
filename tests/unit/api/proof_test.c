/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Checkpoints and proofs through the public interface, of a chain on a simulated disk. What the
 * programs make of them is tests/cli's.
 */
#include "ate/proof.h"
#include "api/api.h"
#include "crypto/keyfile.h"
#include "trust/checkpoint.h"
#include "dio/type.h"
#include "lib/heap.h"
#include "unit/dio/world.h"

static struct world w;
static struct ate_chain chain;
static char chain_text[ATE_HASH_TEXT], root_text[ATE_HASH_TEXT];

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
    ate_hash_text(w.dio->seal.chain_id, chain_text);
    ate_hash_text(ate_session_fingerprint(w.session[0]), root_text);
    return 0;
}

static int end(void **state)
{
    (void)state;
    world_deinit(&w);
    return 0;
}

static void put(const char *name)
{
    struct ate_txn *t = world_begin(&w);
    ok(ate_put_as(t, note, ate_top, name, NOTE("x", 1), NULL));
    ok(ate_txn_commit(t, NULL));
    ate_txn_end(t);
}

static void proofs(void **state)
{
    (void)state;
    char *first, *second, *keys, *inclusion, *since;
    struct ate_proved p;
    put("a");
    ok(ate_checkpoint(&chain, &first));
    put("b");
    ok(ate_prove(&chain, 1, first, &inclusion));
    ok(ate_prove_since(&chain, first, NULL, &since)); /* signs a new one */
    ok(ate_checkpoint(&chain, &second));
    ok(ate_log_keys(&chain, &keys));
    const struct ate_proof_conf of_keys = {.log_keys = keys}, of_chain = {.chain = chain_text},
                                of_root = {.root = root_text};
    const struct ate_proof_conf *conf[] = {&of_keys, &of_chain, &of_root, NULL};
    for (size_t i = 0; i < ATE__COUNT_OF(conf); i++) {
        ok(ate_check_proof(inclusion, conf[i] ? NULL : w.session[0], conf[i], &p));
        assert_true(p.kind == ATE_PROOF_INCLUSION && p.sequence == 1 && p.head.size == 2);
        assert_true(p.root_time_ns > 0 && p.signed_ns / 1000000000 == p.root_time_ns / 1000000000);
        ok(ate_check_proof(since, conf[i] ? NULL : w.session[0], conf[i], &p));
        assert_true(p.kind == ATE_PROOF_CONSISTENCY && p.older.size == 2 && p.head.size == 3);
    }
    ok(ate_check_proof(second, NULL, &of_keys, &p));
    assert_true(p.kind == ATE_PROOF_CHECKPOINT && p.head.size == 3);
    struct ate_hash fingerprint;
    struct ate__log_key *key;
    ok(ate__log_key_of_seed(&ate__session_key(w.session[0], 0)->seed, &key));
    ok(ate__fingerprint(ate__log_key_public(key), &fingerprint));
    assert_memory_equal(&p.log_key, &fingerprint, sizeof fingerprint);
    ate__log_key_free(key);

    p.head.size = 77;
    expect(ate_check_proof(second, NULL, &of_chain, &p), ATE_UNTRUSTED);
    expect(ate_check_proof(inclusion, NULL, NULL, &p), ATE_UNTRUSTED);
    expect(ate_check_proof(inclusion, w.session[1], NULL, &p), ATE_UNTRUSTED);
    expect(ate_check_proof("", NULL, &of_keys, &p), ATE_MALFORMED);
    expect(ate_check_proof(NULL, NULL, &of_keys, &p), ATE_MISUSE);
    expect(ate_check_proof(inclusion, NULL, &(struct ate_proof_conf){.chain = "short"}, &p),
           ATE_MALFORMED);
    expect(ate_check_proof(inclusion, NULL, &(struct ate_proof_conf){.log_keys = "x"}, &p),
           ATE_MALFORMED);
    assert_true(p.head.size == 77); /* written on success only */
    ate_free(first);
    ate_free(second);
    ate_free(keys);
    ate_free(inclusion);
    ate_free(since);
}

static void refusals(void **state)
{
    (void)state;
    char *checkpoint, *text = NULL, *proof;
    put("a");
    ok(ate_checkpoint(&chain, &checkpoint));
    expect(ate_prove(&chain, 2, checkpoint, &text), ATE_NOT_FOUND);
    expect(ate_prove(&chain, UINT64_MAX, checkpoint, &text), ATE_NOT_FOUND);
    expect(ate_prove(&chain, 0, "no checkpoint", &text), ATE_MALFORMED);
    expect(ate_prove_since(&chain, NULL, checkpoint, &text), ATE_MISUSE);
    expect(ate_prove_since(&chain, "x", checkpoint, &text), ATE_MALFORMED);

    put("b"); /* the older one must not be the newer one */
    char *newer;
    ok(ate_checkpoint(&chain, &newer));
    expect(ate_prove_since(&chain, newer, checkpoint, &text), ATE_NOT_FOUND);

    char *changed = ate__copy_text(checkpoint);
    changed[strlen(changed) - 10] ^= 1;
    int rc = ate_prove(&chain, 0, changed, &text);
    assert_true(rc == ATE_TAMPERED || rc == ATE_MALFORMED);
    *strrchr(changed, ' ') = 0; /* without the second half */
    char *half = ate__copy_text(checkpoint);
    *(strrchr(half, ' ') - strlen("\xe2\x80\x94 ate/") - 43) = 0;
    expect(ate_prove(&chain, 0, half, &text), ATE_UNTRUSTED);
    ate__free(changed);
    ate__free(half);

    /* Who has not the key signs nothing, and proves by what was signed last. */
    chain.session = w.session[1];
    expect(ate_checkpoint(&chain, &text), ATE_NO_KEY);
    chain.session = NULL;
    expect(ate_checkpoint(&chain, &text), ATE_NO_KEY);
    ok(ate_prove(&chain, 2, NULL, &proof));
    ate_free(proof);
    /* Where nothing can be remembered nothing is signed. */
    chain.session = w.session[0];
    chain.place = NULL;
    expect(ate_checkpoint(&chain, &text), ATE_UNSUPPORTED);
    expect(ate_prove(&chain, 1, NULL, &text), ATE_NOT_FOUND);
    assert_null(text);
    ate_free(checkpoint);
    ate_free(newer);
}

/* A checkpoint of another history of the same chain. */
static void what_contradicts_is_refused(void **state)
{
    (void)state;
    struct ate__log_key *key;
    struct ate__buf note = ATE__BUF_NULL;
    char *text = NULL;
    put("a");
    ok(ate__log_key_of_seed(&ate__session_key(w.session[0], 0)->seed, &key));
    struct ate__checkpoint c = {.chain_id = w.dio->seal.chain_id, .size = 2};
    static const struct {
        uint64_t size;
        int result;
    } rows[] = {{2, ATE_FORKED}, {1, ATE_FORKED}, {3, ATE_ROLLED_BACK}};
    for (size_t i = 0; i < ATE__COUNT_OF(rows); i++) {
        ate__buf_clear(&note);
        c.size = rows[i].size;
        ok(ate__checkpoint_make(&c, key, &note));
        ok(ate__buf_append(&note, ate__bytes("", 1)));
        expect(ate_prove(&chain, 0, (const char *)note.data, &text), rows[i].result);
        expect(ate_prove_since(&chain, (const char *)note.data, NULL, &text), rows[i].result);
    }
    memset(c.chain_id.b, 7, sizeof c.chain_id.b);
    ate__buf_clear(&note);
    ok(ate__checkpoint_make(&c, key, &note));
    ok(ate__buf_append(&note, ate__bytes("", 1)));
    expect(ate_prove_since(&chain, (const char *)note.data, NULL, &text), ATE_WRONG_CHAIN);
    assert_null(text);
    ate__buf_deinit(&note);
    ate__log_key_free(key);
}

/* The text of the log key that follows from this key file's seed. */
static char *log_key_of(int session, struct ate_hash *ret_fingerprint)
{
    struct ate__buf text = ATE__BUF_NULL;
    struct ate__log_key *key;
    ok(ate__log_key_of_seed(&ate__session_key(w.session[session], 0)->seed, &key));
    ok(ate__fingerprint(ate__log_key_public(key), ret_fingerprint));
    ok(ate__log_key_encode(ate__log_key_public(key), &text));
    ok(ate__buf_append(&text, ate__bytes("", 1)));
    ate__log_key_free(key);
    return (char *)text.data;
}

static size_t log_key_count(void)
{
    char *keys;
    size_t lines = 0;
    ok(ate_log_keys(&chain, &keys));
    for (const char *at = keys; (at = strchr(at, '\n')); at++)
        lines++;
    ate_free(keys);
    return lines / 2;
}

/* Whoever has a root key says who may sign. */
static void log_keys_change(void **state)
{
    (void)state;
    struct ate_hash fingerprint;
    struct ate_receipt receipt;
    char print[ATE_HASH_TEXT], *text = log_key_of(1, &fingerprint), *checkpoint;
    ate_hash_text(fingerprint, print);
    put("a");
    chain.session = w.session[1];
    expect(ate_checkpoint(&chain, &checkpoint), ATE_NO_KEY);
    expect(ate_log_key_add(&chain, text, NULL), ATE_DENIED);
    chain.session = NULL;
    expect(ate_log_key_add(&chain, text, NULL), ATE_DENIED);
    chain.session = w.session[0];
    expect(ate_log_key_add(&chain, NULL, NULL), ATE_MISUSE);
    expect(ate_log_key_add(&chain, "x", NULL), ATE_MALFORMED);
    expect(ate_log_key_remove(&chain, print, NULL), ATE_CONFLICT);
    ok(ate_log_key_add(&chain, text, &receipt));
    assert_true(receipt.sequence == 2 && receipt.stage == ATE_DURABLE);
    expect(ate_log_key_add(&chain, text, NULL), ATE_CONFLICT);
    assert_int_equal(log_key_count(), 2);

    chain.session = w.session[1];
    ok(ate_checkpoint(&chain, &checkpoint));
    ate_free(checkpoint);
    expect(ate_log_key_remove(&chain, print, NULL), ATE_DENIED);
    chain.session = w.session[0];
    ok(ate_log_key_remove(&chain, print, NULL));
    assert_int_equal(log_key_count(), 1);
    ok(ate_log_key_add(&chain, text, NULL)); /* once more, and by its text */
    ok(ate_log_key_remove(&chain, text, NULL));
    expect(ate_log_key_remove(&chain, "x", NULL), ATE_MALFORMED);
    chain.session = w.session[1];
    expect(ate_checkpoint(&chain, &checkpoint), ATE_NO_KEY);
    ate_free(text);
}

/* Every allocation refused in turn. */
static void without_memory(void **state)
{
    char *checkpoint, *proof;
    heap_start();
    begin(state);
    put("a");
    ok(ate_checkpoint(&chain, &checkpoint));
    ok(ate_prove(&chain, 1, checkpoint, &proof));
    const struct ate_proof_conf conf = {.chain = chain_text};
    int rc = ATE_E_MEMORY;
    for (uint64_t n = 1; rc; n++) {
        struct ate_proved p;
        char *text = NULL;
        heap_fail(n, n % 2);
        rc = ate_check_proof(proof, NULL, &conf, &p);
        if (!rc)
            rc = ate_prove(&chain, 1, checkpoint, &text);
        if (!rc) {
            ate_free(text);
            rc = ate_checkpoint(&chain, &text);
        }
        heap_fail(0, false);
        if (rc)
            expect(rc, ATE_E_MEMORY);
        if (!rc)
            ate_free(text);
    }
    struct ate_hash ignored;
    char *log_key = log_key_of(1, &ignored);
    rc = ATE_E_MEMORY;
    for (uint64_t n = 1; rc; n++) {
        heap_fail(n, n % 2);
        rc = ate_log_key_add(&chain, log_key, NULL);
        heap_fail(0, false);
        if (rc && rc != ATE_CONFLICT) /* committed, and then the answer was short of memory */
            expect(rc, ATE_E_MEMORY);
        if (rc == ATE_CONFLICT)
            break;
    }
    assert_int_equal(log_key_count(), 2);
    ate_free(log_key);
    ate_free(checkpoint);
    ate_free(proof);
    end(state);
    heap_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(proofs, begin, end),
        cmocka_unit_test_setup_teardown(refusals, begin, end),
        cmocka_unit_test_setup_teardown(what_contradicts_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(log_keys_change, begin, end),
        cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
