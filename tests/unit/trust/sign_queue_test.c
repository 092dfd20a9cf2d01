/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Threads that have one key sign: who comes alone waits for nobody, who comes while a signature is
 * being made is signed for together with all who did; chains of two hashes, memory that ends in the
 * midst of a batch, many threads at once.
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
static struct ate__sign_queue queue;

static int begin(void **state)
{
    (void)state;
    struct ate__auth open = auth_write(rule_everyone);
    world_init(&w, 1, &open);
    ate__sign_queue_init(&queue);
    return 0;
}

static int end(void **state)
{
    (void)state;
    ate__sign_queue_deinit(&queue);
    world_deinit(&w);
    return 0;
}

struct signer {
    pthread_t thread;
    enum ate__hash_alg alg;
    struct ate_hash tx_hash;
    struct ate__buf bytes;
    struct ate__signature signature;
    int result;
};

static void *sign(void *arg)
{
    struct signer *s = arg;
    struct ate__to_sign to = {.trust = w.t, .tx_hash = s->tx_hash, .ret_bytes = &s->bytes};
    s->result = ate__sign_together(&queue, w.root, s->alg, &to);
    s->signature = to.signature;
    return NULL;
}

static void start(struct signer *s, unsigned n, enum ate__hash_alg alg)
{
    *s = (struct signer){.alg = alg, .tx_hash = hash_of(n), .bytes = ATE__BUF_NULL};
    assert_int_equal(pthread_create(&s->thread, NULL, sign, s), 0);
}

static void join(struct signer *s)
{
    pthread_join(s->thread, NULL);
}

/* Who waits, without who signs. */
static unsigned waiting(void)
{
    pthread_mutex_lock(&queue.mutex);
    unsigned count = queue.count;
    pthread_mutex_unlock(&queue.mutex);
    return count;
}

/* A thread signs, and will be at the gate. */
static bool led(void)
{
    pthread_mutex_lock(&queue.mutex);
    bool is = queue.led;
    pthread_mutex_unlock(&queue.mutex);
    return is;
}

static void close_gate(struct signer *first)
{
    pthread_mutex_lock(&w.t->verified.mutex);
    start(first, 1000, ATE__SHA256);
    while (!led() || waiting())
        sched_yield();
}

static void open_gate(void)
{
    pthread_mutex_unlock(&w.t->verified.mutex);
}

static void let_gather(struct signer *s, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        start(&s[i], i, s[i].alg ? s[i].alg : ATE__SHA256);
        while (waiting() < i + 1)
            sched_yield();
    }
}

static void holds(const struct signer *s)
{
    struct ate_hash message;
    struct ate__public_parts parts;
    struct ate__verify_key *key;
    assert_int_equal(s->result, 0);
    assert_int_equal(ate__batch_message(s->alg, &s->tx_hash, &s->signature, &message), 0);
    assert_int_equal(ate__public_key_parse(ate__buf_bytes(&w.root->public_key), &parts), 0);
    assert_int_equal(ate__verify_key_new(parts.signature_key, &key), 0);
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
    struct signer s = {.alg = ATE__SHA256, .tx_hash = hash_of(1), .bytes = ATE__BUF_NULL};
    sign(&s);
    holds(&s);
    assert_int_equal(s.signature.batch_size, 1);
    assert_int_equal(s.signature.path_count, 0);
    assert_false(led());
    done(&s);
}

static void together(void **state)
{
    (void)state;
    struct signer first, s[THREADS] = {{0}};
    close_gate(&first);
    let_gather(s, THREADS);
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
    assert_false(led());
}

static void chains_of_two_hashes(void **state)
{
    (void)state;
    struct signer first, s[6] = {{0}};
    for (unsigned i = 0; i < 6; i++)
        s[i].alg = i % 2 || i == 4 ? ATE__SHA3_256 : ATE__SHA256; /* 0 2 and 1 3 4 5 */
    close_gate(&first);
    let_gather(s, 6);
    open_gate();
    join(&first);
    done(&first);
    for (unsigned i = 0; i < 6; i++) {
        join(&s[i]);
        holds(&s[i]);
        assert_int_equal(s[i].signature.batch_size, s[i].alg == ATE__SHA256 ? 2 : 4);
        done(&s[i]);
    }
    assert_false(led());
}

/* A batch for which there is no memory: each of it signs by itself. The first one has made all its
 * allocations when it is at the gate. */
static void without_memory(void **state)
{
    (void)state;
    struct signer first, s[4] = {{0}};
    heap_start();
    start(&first, 1, ATE__SHA256);
    join(&first);
    done(&first);
    uint64_t allocations = heap_count();
    close_gate(&first);
    while (heap_count() < 2 * allocations)
        sched_yield();
    let_gather(s, 4);
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
        if (ate__batch_message(s->alg, &s->tx_hash, &s->signature, &message) ||
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
        s[i] = (struct signer){.alg = i % 7 ? ATE__SHA256 : ATE__SHA3_256,
                               .tx_hash = hash_of(i),
                               .bytes = ATE__BUF_NULL};
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
    assert_false(led());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alone),
        cmocka_unit_test(together),
        cmocka_unit_test(chains_of_two_hashes),
        cmocka_unit_test(without_memory),
        cmocka_unit_test(many),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
