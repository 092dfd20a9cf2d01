/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Many transactions verified beside each other: each is asked about once; the first of a batch
 * before the rest of it; the verdicts are those of one after the other, whatever is wrong with
 * which, in whatever order and on how many threads; memory that ends costs nothing but time.
 */
#include "base/alloc.h"
#include "base/workers.h"
#include "lib/heap.h"
#include "lib/rnd.h"
#include "world.h"
#include <pthread.h>

enum { COUNT = 60, BATCH = 12, ALONE = COUNT / BATCH - 1 /* that batch is signed one by one */ };

static struct world w;
static struct draft *drafts[COUNT];

static int begin(void **state)
{
    (void)state;
    struct ate__auth open = auth_write(rule_everyone);
    world_init(&w, 1, &open);
    for (unsigned b = 0; b < COUNT / BATCH; b++) {
        struct ate__buf bytes[BATCH] = {ATE__BUF_NULL};
        struct ate__to_sign s[BATCH];
        for (unsigned i = 0; i < BATCH; i++) {
            struct draft *d = drafts[b * BATCH + i] = draft_new(&w);
            draft_create(d, id_of(b * BATCH + i), ate__top_id);
            s[i] = (struct ate__to_sign){.tx_hash = draft_encode(d),
                                         .ret_bytes = &bytes[i],
                                         .next = i + 1 < BATCH && b != ALONE ? &s[i + 1] : NULL};
        }
        for (unsigned i = 0; i < (b == ALONE ? BATCH : 1); i++)
            assert_int_equal(ate__trust_sign_batch(NULL, w.root, ATE__SHA256, &s[i]), 0);
        for (unsigned i = 0; i < BATCH; i++) {
            struct draft *d = drafts[b * BATCH + i];
            assert_int_equal(ate__tx_encode_signatures(&s[i].signature, 1, &d->encoded), 0);
            draft_decode(d);
            ate__buf_deinit(&bytes[i]);
        }
    }
    return 0;
}

static int end(void **state)
{
    (void)state;
    for (unsigned i = 0; i < COUNT; i++)
        draft_free(drafts[i]);
    world_deinit(&w);
    return 0;
}

/* ---- one run ---- */

struct run {
    struct ate__trust *t;
    bool none[COUNT]; /* there is no transaction there */
    int result[COUNT];
    unsigned asked[COUNT], turn[COUNT], turns;
    pthread_mutex_t mutex;
};

static const struct ate__tx *nth_tx(void *arg, size_t n)
{
    return ((struct run *)arg)->none[n] ? NULL : &drafts[n]->tx;
}

static void verify_nth(void *arg, size_t n)
{
    struct run *r = arg;
    int rc = r->none[n] ? 0 : ate__trust_verify(r->t, &drafts[n]->tx);
    pthread_mutex_lock(&r->mutex);
    r->asked[n]++;
    r->result[n] = rc;
    r->turn[n] = r->turns++;
    pthread_mutex_unlock(&r->mutex);
}

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

static void run(struct run *r, struct ate__workers *workers, size_t count)
{
    pthread_mutex_init(&r->mutex, NULL);
    r->t = fresh_trust();
    ate__trust_each(r->t, workers, count, &(struct ate__signed){nth_tx, verify_nth, r});
    ate__trust_free(r->t);
    pthread_mutex_destroy(&r->mutex);
    for (size_t n = 0; n < COUNT; n++)
        assert_int_equal(r->asked[n], n < count);
}

/* ---- tests ---- */

static void each_once(void **state)
{
    (void)state;
    static const size_t counts[] = {0, 1, 2, BATCH + 1, COUNT};
    for (unsigned threads = 0; threads < 3; threads++) {
        struct ate__workers *workers = NULL;
        if (threads)
            assert_int_equal(ate__workers_new(threads, &workers), 0);
        for (size_t k = 0; k < ATE__COUNT_OF(counts); k++) {
            struct run r = {.turns = 0};
            run(&r, workers, counts[k]);
            for (size_t n = 0; n < counts[k]; n++)
                assert_int_equal(r.result[n], 0);
        }
        ate__workers_unref(workers);
    }
}

/* With one thread the order is seen. */
static void the_first_of_each_batch_first(void **state)
{
    (void)state;
    struct ate__workers *workers;
    struct run r = {.turns = 0};
    assert_int_equal(ate__workers_new(1, &workers), 0);
    run(&r, workers, COUNT);
    unsigned last_head = 0, first_other = COUNT;
    for (unsigned n = 0; n < COUNT; n++) {
        bool head = n % BATCH == 0 || n / BATCH == ALONE;
        if (head && r.turn[n] > last_head)
            last_head = r.turn[n];
        if (!head && r.turn[n] < first_other)
            first_other = r.turn[n];
    }
    assert_true(last_head < first_other);
    ate__workers_unref(workers);
}

/* Some are damaged: those are refused, and none else. */
static void verdicts_do_not_depend_on_the_order(void **state)
{
    (void)state;
    struct rnd rnd = rnd_of(17);
    struct ate__workers *workers;

    assert_int_equal(ate__workers_new(2, &workers), 0);
    for (unsigned turn = 0; turn < 12; turn++) {
        struct run r = {.turns = 0};
        size_t at[COUNT] = {0};
        for (unsigned n = 0; n < COUNT; n++) {
            r.none[n] = rnd_below(&rnd, 8) == 0;
            if (rnd_below(&rnd, 5) == 0)
                at[n] = 1 + rnd_below(&rnd, ATE__SIG_SIZE - 1);
            if (at[n])
                ((uint8_t *)(uintptr_t)drafts[n]->tx.signatures[0].bytes.data)[at[n]] ^= 8;
        }
        run(&r, turn % 3 ? workers : NULL, COUNT);
        for (unsigned n = 0; n < COUNT; n++) {
            assert_int_equal(r.result[n], at[n] && !r.none[n] ? ATE_TAMPERED : 0);
            if (at[n])
                ((uint8_t *)(uintptr_t)drafts[n]->tx.signatures[0].bytes.data)[at[n]] ^= 8;
        }
    }
    ate__workers_unref(workers);
}

static int run_all(void *arg)
{
    struct run *r = arg;
    struct ate__workers *workers;
    int rc = ate__workers_new(1, &workers);
    if (rc)
        return rc;
    memset(r->asked, 0, sizeof r->asked);
    r->turns = 0;
    ate__trust_each(r->t, workers, COUNT, &(struct ate__signed){nth_tx, verify_nth, r});
    for (unsigned n = 0; n < COUNT; n++)
        if (r->asked[n] != 1)
            rc = ATE_MISUSE;
    ate__workers_unref(workers);
    return rc;
}

static void without_memory(void **state)
{
    (void)state;
    struct run r = {.turns = 0};
    pthread_mutex_init(&r.mutex, NULL);
    r.t = fresh_trust();
    for (unsigned n = 0; n < COUNT; n++)
        assert_int_equal(ate__trust_verify(r.t, &drafts[n]->tx), 0); /* remembered from here on */
    assert_true(heap_sweep(run_all, &r, true) > 0);
    ate__trust_free(r.t);
    pthread_mutex_destroy(&r.mutex);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_once),
        cmocka_unit_test(the_first_of_each_batch_first),
        cmocka_unit_test(verdicts_do_not_depend_on_the_order),
        cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
