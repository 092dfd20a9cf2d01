/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Signatures of transactions: by keys that the chain holds or the transaction brings, over batches,
 * and every byte that they cover changed.
 */
#include "world.h"
#include "lib/heap.h"
#include <pthread.h>

static struct world w;
static struct ate__key *a, *b;

static int begin(void **state)
{
    (void)state;
    struct ate__auth open = auth_write(rule_everyone);
    world_init(&w, 1, &open);
    a = world_key(&w, 2);
    b = world_key(&w, 3);
    return 0;
}

static int end(void **state)
{
    (void)state;
    ate__key_free(a);
    ate__key_free(b);
    world_deinit(&w);
    return 0;
}

static void bring(struct draft *d, const struct ate__key *key)
{
    draft_item(d, ATE__TAG_PUBLIC_KEY, ate__buf_bytes(&key->public_key));
}

/* A trust state of the same chain that remembers nothing. */
static struct ate__trust *fresh_trust(void)
{
    struct world other;
    struct ate__trust *t;
    struct ate__auth open = auth_write(rule_everyone);
    world_init(&other, 1, &open);
    t = ate__steal(&other.t);
    world_deinit(&other);
    return t;
}

static void held_or_brought(void **state)
{
    (void)state;
    struct ate__key *keys[] = {w.root, a, b};
    for (unsigned brought = 0; brought < 4; brought++) {
        struct ate__trust *t = fresh_trust();
        struct draft *d = draft_new(&w);
        draft_create(d, id_of(1), ate__top_id);
        if (brought & 1)
            bring(d, a);
        if (brought & 2)
            bring(d, b);
        const struct ate__tx *tx = draft_tx_signed(d, NULL, keys, 3);
        int rc = ate__trust_verify(t, tx);
        assert_int_equal(rc, brought == 3 ? 0 : ATE_DENIED);
        if (rc)
            assert_non_null(
                strstr(ate__error_text(), "does not hold this key and the transaction"));
        /* Once taken in, the chain holds them. */
        assert_int_equal(ate__trust_apply(t, tx, 1), 0);
        assert_int_equal(ate__trust_verify(t, tx), brought == 3 ? 0 : ATE_DENIED);
        draft_free(d);
        ate__trust_free(t);
    }
}

static void a_root_key_that_is_added_is_brought(void **state)
{
    (void)state;
    struct ate__trust *t = fresh_trust();
    struct ate__key *keys[] = {w.root, a};
    struct ate__root_change change = {ATE__ROOT_ADD, ate__buf_bytes(&a->public_key)};
    struct draft *d = draft_new(&w);
    draft_root(d, &change, 1);
    assert_int_equal(ate__trust_verify(t, draft_tx_signed(d, NULL, keys, 2)), 0);
    draft_free(d);
    ate__trust_free(t);
}

static void no_signature_no_question(void **state)
{
    (void)state;
    struct draft *d = draft_new(&w);
    draft_create(d, id_of(1), ate__top_id);
    assert_int_equal(ate__trust_verify(w.t, draft_tx(d)), 0);
    draft_free(d);
}

static void every_signature_holds(void **state)
{
    (void)state;
    struct ate__key *keys[] = {w.root, a};
    struct ate__trust *t = fresh_trust();
    struct draft *d = draft_new(&w);
    draft_create(d, id_of(1), ate__top_id);
    bring(d, a);
    draft_tx_signed(d, NULL, keys, 2);
    for (unsigned i = 0; i < 2; i++) {
        struct ate__signature *s = &d->tx.signatures[i];
        uint8_t *bytes = (uint8_t *)(uintptr_t)s->bytes.data;
        for (size_t at = 0; at < s->bytes.size; at += 331) {
            bytes[at] ^= 4;
            assert_int_equal(ate__trust_verify(t, &d->tx), ATE_TAMPERED);
            bytes[at] ^= 4;
        }
        s->bytes.size--;
        assert_int_equal(ate__trust_verify(t, &d->tx), ATE_TAMPERED);
        s->bytes.size++;
    }
    assert_int_equal(ate__trust_verify(t, &d->tx), 0);
    /* Of another key, under this one's fingerprint. */
    struct ate_bytes swap = d->tx.signatures[0].bytes;
    d->tx.signatures[0].bytes = d->tx.signatures[1].bytes;
    assert_int_equal(ate__trust_verify(t, &d->tx), ATE_TAMPERED);
    d->tx.signatures[0].bytes = swap;
    draft_free(d);
    ate__trust_free(t);
}

/* Whatever is under tx_hash: a signature does not hold over anything else. */
static void a_signature_covers_the_transaction(void **state)
{
    (void)state;
    struct ate__trust *t = fresh_trust();
    for (unsigned what = 0; what < 7; what++) {
        struct draft *d = draft_new(&w);
        struct ate__buf bytes = ATE__BUF_NULL;
        struct ate__signature s;
        draft_create(d, id_of(1), ate__top_id);
        struct ate_hash hash = draft_encode(d);
        assert_int_equal(ate__trust_sign(NULL, w.root, ATE__SHA256, &hash, &bytes, &s), 0);
        if (what == 1)
            d->chain_id.b[0] ^= 1; /* replayed in another chain */
        if (what == 2)
            d->id.number++; /* replayed as new */
        if (what == 3)
            d->base_root.b[0] ^= 1; /* on another history */
        if (what == 4)
            d->base_size++;
        if (what == 5)
            draft_create(d, id_of(2), ate__top_id); /* with something added */
        if (what == 6)
            draft_require(d, ATE__IS_ABSENT, id_of(9), NULL);
        (void)draft_encode(d);
        assert_int_equal(ate__tx_encode_signatures(&s, 1, &d->encoded), 0);
        assert_int_equal(ate__trust_verify(t, draft_decode(d)), what ? ATE_TAMPERED : 0);
        ate__buf_deinit(&bytes);
        draft_free(d);
    }
    ate__trust_free(t);
}

/* The same message under another context is another statement. */
static void a_signature_of_another_use_does_not_hold(void **state)
{
    (void)state;
    struct ate__trust *t = fresh_trust();
    struct draft *d = draft_new(&w);
    uint8_t bytes[ATE__SIG_SIZE];
    struct ate__signature s = {.fingerprint = w.root->fingerprint,
                               .batch_size = 1,
                               .bytes = ate__bytes(bytes, sizeof bytes)};
    struct ate_hash message;
    draft_create(d, id_of(1), ate__top_id);
    struct ate_hash hash = draft_encode(d);
    assert_int_equal(ate__batch_message(ATE__SHA256, &hash, &s, &message), 0);
    assert_int_equal(ate__sign(w.root->sign_key, ate__text_bytes("ate/proof/1"),
                               ate__bytes(&message, sizeof message), bytes),
                     0);
    assert_int_equal(ate__tx_encode_signatures(&s, 1, &d->encoded), 0);
    assert_int_equal(ate__trust_verify(t, draft_decode(d)), ATE_TAMPERED);
    draft_free(d);
    ate__trust_free(t);
}

/* ---- batches ---- */

enum { BATCH = 5 };

/* Five transactions under one signature by the root key. */
static void make_batch(struct draft *d[BATCH], unsigned first_id)
{
    struct ate__buf bytes[BATCH] = {ATE__BUF_NULL};
    struct ate__to_sign s[BATCH];
    for (unsigned i = 0; i < BATCH; i++) {
        d[i] = draft_new(&w);
        draft_create(d[i], id_of(first_id + i), ate__top_id);
        s[i] = (struct ate__to_sign){.tx_hash = draft_encode(d[i]),
                                     .ret_bytes = &bytes[i],
                                     .next = i + 1 < BATCH ? &s[i + 1] : NULL};
    }
    assert_int_equal(ate__trust_sign_batch(NULL, w.root, ATE__SHA256, s), 0);
    for (unsigned i = 0; i < BATCH; i++) {
        assert_int_equal(ate__tx_encode_signatures(&s[i].signature, 1, &d[i]->encoded), 0);
        draft_decode(d[i]);
        ate__buf_deinit(&bytes[i]);
    }
}

static void free_batch(struct draft *d[BATCH])
{
    for (unsigned i = 0; i < BATCH; i++)
        draft_free(d[i]);
}

static void a_batch_is_verified_once(void **state)
{
    (void)state;
    struct ate__trust *t = fresh_trust();
    struct draft *d[BATCH];
    make_batch(d, 10);
    for (unsigned i = 0; i < BATCH; i++)
        assert_int_equal(ate__trust_verify(t, &d[i]->tx), 0);
    /* The others of the batch with other bytes are not let through by what is remembered: who has
     * not seen the good one would refuse them for ever after. */
    for (unsigned i = 0; i < BATCH; i++) {
        uint8_t *signature = (uint8_t *)(uintptr_t)d[i]->tx.signatures[0].bytes.data;
        signature[100] ^= 1;
        assert_int_equal(ate__trust_verify(t, &d[i]->tx), ATE_TAMPERED);
        signature[100] ^= 1;
    }
    /* A place in the batch that is not its own. */
    d[1]->tx.signatures[0].batch_index = 0;
    assert_int_equal(ate__trust_verify(t, &d[1]->tx), ATE_TAMPERED);
    free_batch(d);
    ate__trust_free(t);
}

/* Of two batches of one size: what one has, the other's transactions get nothing by, remembered or
 * not. */
static void batches_do_not_mix(void **state)
{
    (void)state;
    for (unsigned seen = 0; seen < 2; seen++) {
        struct ate__trust *t = fresh_trust();
        struct draft *d[BATCH], *other[BATCH];
        make_batch(d, 10);
        make_batch(other, 20);
        for (unsigned i = 0; seen && i < BATCH; i++) {
            assert_int_equal(ate__trust_verify(t, &d[i]->tx), 0);
            assert_int_equal(ate__trust_verify(t, &other[i]->tx), 0);
        }
        for (unsigned i = 0; i < BATCH; i++) {
            struct ate__signature *s = &d[i]->tx.signatures[0], good = *s;
            *s = other[i]->tx.signatures[0]; /* all of it */
            assert_int_equal(ate__trust_verify(t, &d[i]->tx), ATE_TAMPERED);
            *s = good;
            s->path = other[i]->tx.signatures[0].path; /* the path alone */
            assert_int_equal(ate__trust_verify(t, &d[i]->tx), ATE_TAMPERED);
            *s = good;
            s->bytes = other[i]->tx.signatures[0].bytes; /* the signature alone */
            assert_int_equal(ate__trust_verify(t, &d[i]->tx), ATE_TAMPERED);
            *s = good;
            assert_int_equal(ate__trust_verify(t, &d[i]->tx), 0);
        }
        /* One that was in no batch, at a free place of a larger tree. */
        struct draft *alone = draft_new(&w);
        draft_create(alone, id_of(30), ate__top_id);
        (void)draft_encode(alone);
        struct ate__signature s = d[4]->tx.signatures[0];
        assert_int_equal(ate__tx_encode_signatures(&s, 1, &alone->encoded), 0);
        assert_int_equal(ate__trust_verify(t, draft_decode(alone)), ATE_TAMPERED);
        draft_free(alone);
        free_batch(d);
        free_batch(other);
        ate__trust_free(t);
    }
}

/* What did not verify is remembered by nobody, whatever else was tried with it. */
static void nothing_false_is_remembered(void **state)
{
    (void)state;
    struct ate__trust *t = fresh_trust();
    struct draft *d[BATCH];
    make_batch(d, 10);
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 0; i < BATCH; i++) {
            uint8_t *signature = (uint8_t *)(uintptr_t)d[i]->tx.signatures[0].bytes.data;
            signature[ATE__SIG_SIZE - 1] ^= 0x10;
            assert_int_equal(ate__trust_verify(t, &d[i]->tx), ATE_TAMPERED);
            signature[ATE__SIG_SIZE - 1] ^= 0x10;
            /* Under the name of another key that the chain holds: none. */
            d[i]->tx.signatures[0].fingerprint = a->fingerprint;
            assert_int_equal(ate__trust_verify(t, &d[i]->tx), ATE_DENIED);
            d[i]->tx.signatures[0].fingerprint = w.root->fingerprint;
        }
    for (unsigned i = 0; i < BATCH; i++)
        assert_int_equal(ate__trust_verify(t, &d[i]->tx), 0);
    free_batch(d);
    ate__trust_free(t);
}

/* ---- making them ---- */

static void what_is_signed_here_holds(void **state)
{
    (void)state;
    struct draft *d = draft_new(&w);
    draft_create(d, id_of(1), ate__top_id);
    draft_tx_signed(d, w.t, &w.root, 1); /* remembered */
    assert_int_equal(ate__trust_verify(w.t, &d->tx), 0);
    struct ate__trust *t = fresh_trust(); /* and true */
    assert_int_equal(ate__trust_verify(t, &d->tx), 0);
    ate__trust_free(t);
    draft_free(d);
}

static void signatures_are_appended(void **state)
{
    (void)state;
    struct ate__buf bytes = ATE__BUF_NULL;
    struct ate__signature s;
    struct ate_hash hash = hash_of(1);
    assert_int_equal(ate__buf_append(&bytes, ate__text_bytes("before")), 0);
    assert_int_equal(ate__trust_sign(w.t, w.root, ATE__SHA256, &hash, &bytes, &s), 0);
    assert_int_equal(bytes.size, 6 + ATE__SIG_SIZE);
    assert_ptr_equal(s.bytes.data, bytes.data + 6);
    assert_int_equal(s.bytes.size, ATE__SIG_SIZE);
    assert_int_equal(s.batch_size, 1);
    assert_int_equal(s.path_count, 0);
    assert_true(ate__hash_equal(&s.fingerprint, &w.root->fingerprint));
    ate__buf_deinit(&bytes);
}

/* Each holds by itself, before somebody who has seen none of the others. */
static void batches_of_every_size(void **state)
{
    (void)state;
    enum { MOST = 130 };
    struct draft *d[MOST];
    struct ate__to_sign s[MOST];
    struct ate__buf bytes[MOST] = {ATE__BUF_NULL};
    for (unsigned i = 0; i < MOST; i++) {
        d[i] = draft_new(&w);
        draft_create(d[i], id_of(100 + i), ate__top_id);
    }
    for (uint32_t n = 1; n <= MOST; n++) {
        struct ate__trust *t = fresh_trust();
        for (uint32_t i = 0; i < n; i++) {
            ate__buf_clear(&bytes[i]);
            s[i] = (struct ate__to_sign){.tx_hash = draft_encode(d[i]),
                                         .ret_bytes = &bytes[i],
                                         .next = i + 1 < n ? &s[i + 1] : NULL};
        }
        assert_int_equal(ate__trust_sign_batch(NULL, w.root, ATE__SHA256, s), 0);
        for (uint32_t k = 0; k < n; k++) {
            uint32_t i = n - 1 - k;
            assert_int_equal(s[i].signature.batch_size, n);
            assert_int_equal(s[i].signature.batch_index, i);
            assert_int_equal(ate__tx_encode_signatures(&s[i].signature, 1, &d[i]->encoded), 0);
            assert_int_equal(ate__trust_verify(t, draft_decode(d[i])), 0);
            if (k)
                continue; /* the first alone is verified, the others are remembered: once is enough
                           */
            d[i]->tx.signatures[0].batch_size = n + 1;
            assert_int_not_equal(ate__trust_verify(t, &d[i]->tx), 0);
        }
        ate__trust_free(t);
    }
    for (unsigned i = 0; i < MOST; i++) {
        draft_free(d[i]);
        ate__buf_deinit(&bytes[i]);
    }
}

static int sign_five(void *arg)
{
    struct ate__buf bytes[BATCH] = {ATE__BUF_NULL};
    struct ate__to_sign s[BATCH];
    (void)arg;
    for (unsigned i = 0; i < BATCH; i++)
        s[i] = (struct ate__to_sign){.tx_hash = hash_of(i),
                                     .ret_bytes = &bytes[i],
                                     .next = i + 1 < BATCH ? &s[i + 1] : NULL};
    int rc = ate__trust_sign_batch(NULL, w.root, ATE__SHA256, s);
    for (unsigned i = 0; i < BATCH; i++) {
        if (rc && bytes[i].size)
            rc = ATE_MISUSE; /* none has one after a failure */
        ate__buf_deinit(&bytes[i]);
    }
    return rc;
}

static void without_memory_none_is_signed(void **state)
{
    (void)state;
    assert_true(heap_sweep(sign_five, NULL, false) > BATCH);
}

/* ---- threads ---- */

static struct ate__trust *shared;

static void *verify_often(void *arg)
{
    const struct ate__tx *tx = arg;
    for (int i = 0; i < 30; i++)
        if (ate__trust_verify(shared, tx))
            return "refused";
    return NULL;
}

static void threads_verify(void **state)
{
    (void)state;
    pthread_t threads[4];
    struct draft *d[4];
    shared = fresh_trust();
    for (unsigned i = 0; i < 4; i++) {
        d[i] = draft_new(&w);
        draft_create(d[i], id_of(i), ate__top_id);
        draft_tx_signed(d[i], NULL, &w.root, 1);
    }
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, verify_often, &d[i]->tx), 0);
    for (unsigned i = 0; i < 4; i++) {
        void *problem;
        pthread_join(threads[i], &problem);
        assert_null(problem);
        draft_free(d[i]);
    }
    ate__trust_free(shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(held_or_brought),
        cmocka_unit_test(a_root_key_that_is_added_is_brought),
        cmocka_unit_test(no_signature_no_question),
        cmocka_unit_test(every_signature_holds),
        cmocka_unit_test(a_signature_covers_the_transaction),
        cmocka_unit_test(a_signature_of_another_use_does_not_hold),
        cmocka_unit_test(a_batch_is_verified_once),
        cmocka_unit_test(batches_do_not_mix),
        cmocka_unit_test(nothing_false_is_remembered),
        cmocka_unit_test(batches_of_every_size),
        cmocka_unit_test(without_memory_none_is_signed),
        cmocka_unit_test(what_is_signed_here_holds),
        cmocka_unit_test(signatures_are_appended),
        cmocka_unit_test(threads_verify),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
