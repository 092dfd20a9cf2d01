/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Threads that have one key sign: who comes alone waits for nobody, who comes while a signature is
 * being made is signed for together with all who did; keys that do not wait for each other, memory
 * that ends in the midst of a batch, many threads at once.
 *
 * The gate of these tests is the mutex of what a trust state remembers: a leader takes it with its
 * signature made and its lead not passed on yet.
 */
#include "trust/sign_queue.h"
#include "lib/heap.h"
#include "trust/state_private.h"
#include "world.h"
#include <sched.h>

enum { THREADS = 24 };

static struct world w;
static struct ate__key *other;

static int begin(void **state)
{
    (void)state;
    struct ate__auth open = auth_write(rule_everyone);
    world_init(&w, 1, &open);
    other = world_key(&w, 2);
    return 0;
}

static int end(void **state)
{
    (void)state;
    ate__key_free(other);
    world_deinit(&w);
    return 0;
}

struct signer {
    pthread_t thread;
    const struct ate__key *key;
    struct ate_hash tx_hash;
    struct ate__buf bytes;
    struct ate__signature signature;
    int result;
};

static void *sign(void *arg)
{
    struct signer *s = arg;
    s->result = ate__trust_sign(w.t, s->key, ATE__SHA256, &s->tx_hash, &s->bytes, &s->signature);
    return NULL;
}

static void start(struct signer *s, unsigned n, const struct ate__key *key)
{
    *s = (struct signer){.key = key, .tx_hash = hash_of(n), .bytes = ATE__BUF_NULL};
    assert_int_equal(pthread_create(&s->thread, NULL, sign, s), 0);
}

static void join(struct signer *s)
{
    pthread_join(s->thread, NULL);
}

/* Whether that key signs just now, and how many wait for it. */
static bool signs(const struct ate__key *key, size_t *ret_waiting)
{
    struct ate__sign_queue *q = &w.t->sign_queue;
    pthread_mutex_lock(&q->mutex);
    const struct ate__sign_round *r = q->rounds;
    while (r && !ate__hash_equal(&r->fingerprint, &key->fingerprint))
        r = r->next;
    *ret_waiting = r ? r->count : 0;
    pthread_mutex_unlock(&q->mutex);
    return r;
}

static bool idle(void)
{
    size_t waiting;
    return !signs(w.root, &waiting) && !signs(other, &waiting);
}

static void close_gate(void)
{
    pthread_mutex_lock(&w.t->verified.mutex);
}

static void open_gate(void)
{
    pthread_mutex_unlock(&w.t->verified.mutex);
}

/* It leads, has taken itself out, and does not get through the gate. */
static void start_first(struct signer *first, const struct ate__key *key)
{
    size_t waiting;
    start(first, 1000, key);
    while (!signs(key, &waiting) || waiting)
        sched_yield();
}

static void let_gather(struct signer *s, unsigned count, const struct ate__key *key)
{
    size_t waiting;
    for (unsigned i = 0; i < count; i++) {
        start(&s[i], i, key);
        while (!signs(key, &waiting) || waiting < i + 1)
            sched_yield();
    }
}

static void holds(const struct signer *s)
{
    struct ate_hash message;
    struct ate__public_parts parts;
    struct ate__verify_key *key;
    assert_int_equal(s->result, 0);
    assert_int_equal(ate__batch_message(ATE__SHA256, &s->tx_hash, &s->signature, &message), 0);
    assert_int_equal(ate__public_key_parse(ate__buf_bytes(&s->key->public_key), &parts), 0);
    assert_int_equal(ate__verify_key_new(parts.signature->id, parts.signature_key, &key), 0);
    assert_int_equal(ate__verify(key, ate__text_bytes("ate/tx/1"),
                                 ate__bytes(&message, sizeof message), s->signature.bytes),
                     0);
    ate__verify_key_free(key);
}

static void done(struct signer *s)
{
    ate__buf_deinit(&s->bytes);
}

/* ---- tests ---- */

static void alone(void **state)
{
    (void)state;
    struct signer s = {.key = w.root, .tx_hash = hash_of(1), .bytes = ATE__BUF_NULL};
    sign(&s);
    holds(&s);
    assert_int_equal(s.signature.batch_size, 1);
    assert_int_equal(s.signature.path_count, 0);
    assert_true(idle());
    done(&s);
}

static void together(void **state)
{
    (void)state;
    struct signer first, s[THREADS] = {{0}};
    close_gate();
    start_first(&first, w.root);
    let_gather(s, THREADS, w.root);
    open_gate();
    join(&first);
    holds(&first);
    assert_int_equal(first.signature.batch_size, 1); /* it waited for nobody */
    done(&first);
    for (unsigned i = 0; i < THREADS; i++) {
        join(&s[i]);
        holds(&s[i]);
        assert_int_equal(s[i].signature.batch_size, THREADS);
        assert_int_equal(s[i].signature.batch_index, i); /* in the order in which they came */
        assert_memory_equal(s[i].signature.bytes.data, s[0].signature.bytes.data, ATE__SIG_SIZE);
    }
    for (unsigned i = 0; i < THREADS; i++)
        done(&s[i]);
    assert_true(idle());
}

/* Keys do not wait for each other. */
static void two_keys(void **state)
{
    (void)state;
    struct signer first[2], s[2][3] = {{{0}}};
    const struct ate__key *keys[] = {w.root, other};
    close_gate();
    for (unsigned k = 0; k < 2; k++)
        start_first(&first[k], keys[k]);
    for (unsigned k = 0; k < 2; k++)
        let_gather(s[k], 3, keys[k]);
    open_gate();
    for (unsigned k = 0; k < 2; k++) {
        join(&first[k]);
        holds(&first[k]);
        done(&first[k]);
        for (unsigned i = 0; i < 3; i++) {
            join(&s[k][i]);
            holds(&s[k][i]);
            assert_int_equal(s[k][i].signature.batch_size, 3);
            done(&s[k][i]);
        }
    }
    assert_true(idle());
}

/* Who led is done, and its session with it, while the next one signs: by a key of its own, which is
 * the same. How far that one got when the gate closes again is a matter of luck; then once more. */
static void the_key_of_who_led_goes(void **state)
{
    (void)state;
    bool tried = false;
    while (!tried) {
        struct ate__key *gone = world_key(&w, 7), *stays = world_key(&w, 7);
        struct signer first, next;
        size_t waiting;
        close_gate();
        start_first(&first, gone);
        let_gather(&next, 1, stays);
        open_gate();
        join(&first);
        done(&first);
        close_gate();
        tried = signs(stays, &waiting);
        ate__key_free(gone);
        if (tried)
            assert_true(signs(stays, &waiting));
        open_gate();
        join(&next);
        holds(&next);
        done(&next);
        assert_false(signs(stays, &waiting));
        ate__key_free(stays);
    }
}

/* A batch for which there is no memory: each of it signs by itself. The first one has made all its
 * allocations when it is at the gate. */
static void without_memory(void **state)
{
    (void)state;
    struct signer first, s[4] = {{0}};
    heap_start();
    start(&first, 1, w.root);
    join(&first);
    done(&first);
    uint64_t allocations = heap_count();
    close_gate();
    start_first(&first, w.root);
    while (heap_count() < 2 * allocations)
        sched_yield();
    let_gather(s, 4, w.root);
    heap_fail(1, false);
    open_gate();
    join(&first);
    for (unsigned i = 0; i < 4; i++) {
        join(&s[i]);
        holds(&s[i]);
        assert_int_equal(s[i].signature.batch_size, 1);
        done(&s[i]);
    }
    assert_true(heap_failed());
    holds(&first);
    done(&first);
    heap_stop();
}

/* ---- many at once ---- */

enum { ROUNDS = 12 };

static void *sign_often(void *arg)
{
    struct signer *s = arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        s->tx_hash.b[9] = (uint8_t)i;
        ate__buf_clear(&s->bytes);
        sign(s);
        if (s->result)
            return "refused";
        struct ate_hash message, proof;
        if (ate__batch_message(ATE__SHA256, &s->tx_hash, &s->signature, &message) ||
            ate__verified_proof(&message, s->signature.bytes, &proof) ||
            !ate__verified_has(&w.t->verified, &proof))
            return "it is not remembered";
    }
    return NULL;
}

static void many(void **state)
{
    (void)state;
    struct signer s[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        s[i] = (struct signer){
            .key = i % 7 ? w.root : other, .tx_hash = hash_of(i), .bytes = ATE__BUF_NULL};
        assert_int_equal(pthread_create(&s[i].thread, NULL, sign_often, &s[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        void *problem;
        pthread_join(s[i].thread, &problem);
        if (problem)
            fail_msg("thread %u: %s", i, (const char *)problem);
        holds(&s[i]);
        done(&s[i]);
    }
    assert_true(idle());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alone),          cmocka_unit_test(together),
        cmocka_unit_test(two_keys),       cmocka_unit_test(the_key_of_who_led_goes),
        cmocka_unit_test(without_memory), cmocka_unit_test(many),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
