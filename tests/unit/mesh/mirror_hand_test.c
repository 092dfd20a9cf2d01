/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Mirrors that are given groups by hand: such as lie, by one who was not asked, many at a time,
 * over links that are lost; and what is confirmed out of them.
 */
#include "lib/shell.h"
#include "lib/tmpdir.h"
#include "mesh/mirror.h"
#include "past.h"
#include <pthread.h>
#include <stdlib.h>

static const struct ate__env *const env = &ate__env_real;

struct hand {
    struct past *past;
    struct ate__mirror *m;
    unsigned fed;
};

static void on_fed(void *arg)
{
    ((struct hand *)arg)->fed++;
}

static void hand_init(struct hand *h)
{
    struct ate__auth everyone = auth_write(ATE__RULE_EVERYONE);
    *h = (struct hand){.past = past_new(&everyone)};
    struct ate__mirror_conf conf = {.env = env, .fed = on_fed, .arg = h};
    for (unsigned i = 1; i <= 4; i++)
        past_create(h->past, -1, i, 0, NULL, "x");
    assert_int_equal(ate__mirror_new(&conf, &h->m), 0);
    assert_int_equal(ate__mirror_prepare(h->m, &h->past->chain_id), 0);
}

static void hand_deinit(struct hand *h)
{
    ate__mirror_free(h->m);
    past_free(h->past);
}

static void give(struct hand *h, uint64_t first, uint32_t count, const struct ate_hash *head_after)
{
    struct ate__buf records = ATE__BUF_NULL, body = ATE__BUF_NULL;
    struct ate__wr rw = ate__wr_of(&records), w = ate__wr_of(&body);
    for (uint32_t i = 0; i < count; i++)
        ate__msg_group_add(&rw, ate__buf_bytes(&h->past->record[first + i]));
    struct ate__msg_group m = {.first_sequence = first,
                               .root_time_us = h->past->time_us[first],
                               .head_after = *head_after,
                               .count = count,
                               .records = ate__buf_bytes(&records)};
    ate__msg_group_encode(&w, &m);
    assert_int_equal(ate__mirror_group(h->m, ate__buf_bytes(&body)), 0);
    ate__buf_deinit(&records);
    ate__buf_deinit(&body);
}

static void give_good(struct hand *h, uint64_t sequence)
{
    struct ate__head head = past_head(h->past, sequence + 1);
    give(h, sequence, 1, &head.root);
    assert_int_equal(ate__mirror_failure(h->m), 0);
    assert_int_equal(ate__mirror_head(h->m).size, sequence + 1);
}

static void test_groups_that_lie(void **state)
{
    (void)state;
    struct hand h;
    struct ate__head head;
    hand_init(&h);
    give_good(&h, 0);
    give_good(&h, 1);
    head = past_head(h.past, 2);
    give(&h, 2, 1, &head.root); /* another head than it leads to */
    assert_int_equal(ate__mirror_failure(h.m), ATE_TAMPERED);
    assert_int_equal(ate__mirror_failure(h.m), 0); /* told once */
    assert_int_equal(ate__mirror_head(h.m).size, 2);
    head = past_head(h.past, 3);
    give(&h, 2, 1, &head.root); /* nothing more is taken in */
    assert_int_equal(ate__mirror_head(h.m).size, 2);
    struct ate__head from;
    ate__mirror_lost(h.m);
    assert_true(ate__mirror_subscribe(h.m, &from));
    assert_int_equal(from.size, 2);
    give_good(&h, 2);
    head = past_head(h.past, 5);
    give(&h, 4, 1, &head.root); /* one is left out */
    assert_int_equal(ate__mirror_failure(h.m), ATE_FORKED);
    ate__mirror_lost(h.m);
    assert_int_equal(ate__mirror_group(h.m, ate__bytes("garbage", 7)), 0);
    assert_int_equal(ate__mirror_failure(h.m), ATE_BAD_PEER);
    ate__mirror_lost(h.m);
    give_good(&h, 3);
    hand_deinit(&h);
}

/* A mirror of another chain, or of another history than was seen, that a crash left: it stays as it
 * was. */
static void test_not_the_one(void **state)
{
    (void)state;
    char left[256], before[256], line[2048];
    struct hand h;
    hand_init(&h);
    ate__mirror_free(h.m);
    struct ate__mirror_conf conf = {.env = env, .dir = tmpdir_new(), .fed = on_fed, .arg = &h};
    assert_int_equal(ate__mirror_new(&conf, &h.m), 0);
    assert_int_equal(ate__mirror_prepare(h.m, &h.past->chain_id), 0);
    for (uint64_t i = 0; i < 4; i++)
        give_good(&h, i);
    snprintf(left, sizeof left, "%s/left", tmpdir_new());
    snprintf(before, sizeof before, "%s/before", tmpdir_new());
    snprintf(line, sizeof line, "cp -r '%s' '%s' && cp -r '%s' '%s'", conf.dir, left, left, before);
    assert_int_equal(shell(line), 0);
    ate__mirror_free(h.m);
    conf.dir = left;
    snprintf(line, sizeof line, "diff -r '%s' '%s'", before, left);
    for (int i = 0; i < 3; i++) {
        struct ate_hash id = h.past->chain_id;
        conf.remembered = (struct ate__head){.size = i == 1 ? 3 : 0};
        id.b[0] ^= i == 0;
        assert_int_equal(ate__mirror_new(&conf, &h.m), 0);
        assert_int_equal(ate__mirror_head(h.m).size, 4);
        if (i < 2) /* the third is never asked */
            assert_int_equal(ate__mirror_prepare(h.m, &id), i ? ATE_FORKED : ATE_WRONG_CHAIN);
        ate__mirror_free(h.m);
        assert_int_equal(shell(line), 0);
    }
    conf.remembered = (struct ate__head){.size = 0};
    assert_int_equal(ate__mirror_new(&conf, &h.m), 0);
    assert_int_equal(ate__mirror_prepare(h.m, &h.past->chain_id), 0);
    assert_int_not_equal(shell(line), 0);
    give_good(&h, 4);
    hand_deinit(&h);
}

/* Each rule of acceptance holds for a mirror; here one of each kind of refusal. */
static void test_transactions_that_break_rules(void **state)
{
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        struct past *p = past_new(NULL); /* the root key alone may write */
        struct hand h = {.past = p};
        struct ate__mirror_conf conf = {.env = env, .fed = on_fed, .arg = &h};
        struct ate__head head, base = past_head(p, 1);
        struct draft d;
        assert_int_equal(ate__mirror_new(&conf, &h.m), 0);
        assert_int_equal(ate__mirror_prepare(h.m, &p->chain_id), 0);
        give_good(&h, 0);
        past_begin(p, &d);
        d.in.base_size = kind == 0 ? 1 : 0;
        d.in.base_root = kind == 0 ? (struct ate_hash){{1}} : base.root;
        if (kind == 1)
            d.in.chain_id.b[0] ^= 1;
        draft_body(&d, &(struct draft_body){.id = id_of(1)});
        if (kind != 2)
            past_sign(p, &d, kind == 3 ? EVE : ROOT);
        past_commit(p, &d);
        head = past_head(p, 2);
        give(&h, 1, 1, &head.root);
        assert_int_equal(ate__mirror_failure(h.m), ATE_TAMPERED);
        assert_int_equal(ate__mirror_head(h.m).size, 1);
        hand_deinit(&h);
    }
}

static void test_other_genesis(void **state)
{
    (void)state;
    struct hand h;
    struct ate__mirror *m;
    struct ate__mirror_conf conf = {.env = env, .fed = on_fed, .arg = &h};
    hand_init(&h);
    ate__mirror_free(h.m);
    assert_int_equal(ate__mirror_new(&conf, &m), 0);
    h.m = m;
    assert_int_equal(ate__mirror_prepare(m, &(struct ate_hash){{1}}), 0);
    struct ate__head head = past_head(h.past, 1);
    give(&h, 0, 1, &head.root);
    assert_int_equal(ate__mirror_failure(m), ATE_WRONG_CHAIN);
    assert_int_equal(ate__mirror_head(m).size, 0);
    hand_deinit(&h);
}

static void test_subscribed(void **state)
{
    (void)state;
    struct hand h;
    hand_init(&h);
    for (uint64_t i = 0; i < 3; i++)
        give_good(&h, i);
    struct ate__msg_subscribed good = {.head = past_head(h.past, 5)}, m;
    good.consistency = past_consistency(h.past, 3, 5);
    assert_int_equal(ate__mirror_subscribed(h.m, &good), 0);
    assert_int_equal(ate__mirror_target(h.m), 5);
    m = good;
    m.head.root.b[0] ^= 1;
    assert_int_equal(ate__mirror_subscribed(h.m, &m), ATE_FORKED);
    m = good;
    m.consistency.hash[0].b[0] ^= 1;
    assert_int_equal(ate__mirror_subscribed(h.m, &m), ATE_FORKED);
    m = good;
    m.head = past_head(h.past, 2);
    assert_int_equal(ate__mirror_subscribed(h.m, &m), ATE_ROLLED_BACK);
    hand_deinit(&h);
}

/* What COMMITTED says is compared with the history that was taken in. */
static void test_confirm(void **state)
{
    (void)state;
    struct hand h;
    hand_init(&h);
    for (uint64_t i = 0; i < 5; i++)
        give_good(&h, i);
    struct ate__head head = past_head(h.past, 4);
    struct ate__call *call = calloc(1, sizeof *call);
    call->kind = ATE__CALL_COMMIT;
    call->tx_hash = h.past->tx[2].hash;
    call->stored_section = h.past->tx[2].signature_section;
    call->id = h.past->tx[2].id;
    call->receipt = (struct ate__receipt){
        .sequence = 2, .root_time_us = h.past->time_us[2], .size = 4, .head = head.root};
    assert_int_equal(ate__mirror_confirm(h.m, call), 0);
    call->receipt.sequence = 3;
    assert_int_equal(ate__mirror_confirm(h.m, call), ATE_TAMPERED);
    call->receipt.sequence = 2;
    call->receipt.root_time_us++;
    assert_int_equal(ate__mirror_confirm(h.m, call), ATE_TAMPERED);
    call->receipt.root_time_us--;
    call->receipt.head.b[0] ^= 1;
    assert_int_equal(ate__mirror_confirm(h.m, call), ATE_FORKED);
    call->receipt.head.b[0] ^= 1;
    call->kind = ATE__CALL_OUTCOME;
    assert_int_equal(ate__mirror_confirm(h.m, call), 0);
    call->receipt.sequence = 3;
    assert_int_equal(ate__mirror_confirm(h.m, call), ATE_TAMPERED);
    call->id.number = 999;
    assert_int_equal(ate__mirror_confirm(h.m, call), ATE_TAMPERED);
    call->kind = ATE__CALL_SYNC;
    assert_int_equal(ate__mirror_confirm(h.m, call), 0);
    free(call);
    hand_deinit(&h);
}

struct watched {
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t changed;
    bool shut;
    unsigned inside, fed;
};

static void hold(void *arg)
{
    struct watched *w = arg;
    pthread_mutex_lock(&w->mutex);
    w->fed++;
    w->inside++;
    pthread_cond_broadcast(&w->changed);
    while (w->shut)
        pthread_cond_wait(&w->changed, &w->mutex);
    w->inside--;
    pthread_mutex_unlock(&w->mutex);
}

static void shut(struct watched *w, bool shut)
{
    pthread_mutex_lock(&w->mutex);
    w->shut = shut;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->mutex);
}

static void wait_inside(struct watched *w)
{
    pthread_mutex_lock(&w->mutex);
    while (!w->inside)
        pthread_cond_wait(&w->changed, &w->mutex);
    pthread_mutex_unlock(&w->mutex);
}

static unsigned fed_so_far(struct watched *w)
{
    pthread_mutex_lock(&w->mutex);
    unsigned fed = w->fed;
    pthread_mutex_unlock(&w->mutex);
    return fed;
}

static void await_fed(struct watched *w, unsigned seen)
{
    pthread_mutex_lock(&w->mutex);
    while (w->fed == seen)
        pthread_cond_wait(&w->changed, &w->mutex);
    pthread_mutex_unlock(&w->mutex);
}

static int next_answer(struct hand *h, struct watched *w, uint64_t ticket)
{
    uint64_t got;
    int rc;
    for (unsigned seen = fed_so_far(w); !ate__mirror_confirmed(h->m, &got, &rc);
         seen = fed_so_far(w))
        await_fed(w, seen);
    assert_int_equal(got, ticket);
    return rc;
}

static int next_failure(struct hand *h, struct watched *w)
{
    int rc;
    for (unsigned seen = fed_so_far(w); !(rc = ate__mirror_failure(h->m)); seen = fed_so_far(w))
        await_fed(w, seen);
    return rc;
}

/* Answers come in the order of the questions, and for what was taken in before a failure is told.
 * Those of a lost link are dropped. */
static void test_confirm_on_a_worker(void **state)
{
    (void)state;
    enum { QUESTIONS = 5 };
    struct ate__auth everyone = auth_write(ATE__RULE_EVERYONE);
    struct hand h = {.past = past_new(&everyone)};
    struct watched w = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    struct ate__workers *workers;
    assert_int_equal(ate__workers_new(1, &workers), 0);
    struct ate__mirror_conf conf = {.env = env, .workers = workers, .fed = hold, .arg = &w};
    past_create(h.past, -1, 1, 0, NULL, "x");
    assert_int_equal(ate__mirror_new(&conf, &h.m), 0);
    assert_int_equal(ate__mirror_prepare(h.m, &h.past->chain_id), 0);

    struct ate__head one = past_head(h.past, 1), two = past_head(h.past, 2);
    struct ate__call *call = calloc(1, sizeof *call);
    call->kind = ATE__CALL_SYNC;
    call->receipt = (struct ate__receipt){.size = 1, .head = one.root};
    w.shut = true;
    give(&h, 0, 1, &one.root);
    wait_inside(&w); /* the first group is taken in; its worker stays */
    give(&h, 1, 1, &one.root); /* a bad one behind it */
    for (call->ticket = 1; call->ticket <= QUESTIONS; call->ticket++) {
        call->receipt.head.b[0] ^= call->ticket == 3;
        assert_int_equal(ate__mirror_confirm(h.m, call), ATE_END);
        call->receipt.head.b[0] ^= call->ticket == 3;
    }
    shut(&w, false);
    for (uint64_t t = 1; t <= QUESTIONS; t++) {
        assert_int_equal(ate__mirror_failure(h.m), 0);
        assert_int_equal(next_answer(&h, &w, t), t == 3 ? ATE_FORKED : 0);
        assert_true(t != 3 || strstr(ate__error_text(), "not the one of the groups"));
    }
    assert_int_equal(next_failure(&h, &w), ATE_TAMPERED);
    ate__mirror_lost(h.m);

    shut(&w, true);
    give(&h, 1, 1, &two.root);
    wait_inside(&w);
    call->ticket = 10;
    assert_int_equal(ate__mirror_confirm(h.m, call), ATE_END);
    ate__mirror_lost(h.m);
    call->ticket = 11;
    assert_int_equal(ate__mirror_confirm(h.m, call), ATE_END);
    shut(&w, false);
    assert_int_equal(next_answer(&h, &w, 11), 0);
    call->ticket = 12; /* left behind */
    shut(&w, true);
    assert_int_equal(ate__mirror_confirm(h.m, call), ATE_END);
    shut(&w, false);
    free(call);
    hand_deinit(&h);
    ate__workers_unref(workers);
}

static void await_size(struct hand *h, struct watched *w, uint64_t size)
{
    for (unsigned seen = fed_so_far(w); ate__mirror_head(h->m).size < size; seen = fed_so_far(w))
        await_fed(w, seen);
}

static void give_some(struct hand *h, uint64_t first, uint64_t end, uint64_t lie)
{
    for (uint64_t n = first; n < end; n++) {
        struct ate__head head = past_head(h->past, n == lie ? n : n + 1);
        give(h, n, 1, &head.root);
    }
}

/* Groups that wait are looked at together, and taken in one by one: up to the one that lies, and
 * none of a link that is lost, whenever that is. */
static void test_many_wait(void **state)
{
    (void)state;
    enum { SIZE = 12, TURNS = 12 };
    struct hand h = {.past = past_new(NULL)};
    struct watched w = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    struct ate__workers *workers;
    assert_int_equal(ate__workers_new(2, &workers), 0);
    struct ate__mirror_conf conf = {.env = env, .workers = workers, .fed = hold, .arg = &w};
    for (unsigned i = 1; i < SIZE + TURNS; i++)
        past_create(h.past, ROOT, i, 0, NULL, "signed");
    assert_int_equal(ate__mirror_new(&conf, &h.m), 0);
    assert_int_equal(ate__mirror_prepare(h.m, &h.past->chain_id), 0);
    give_some(&h, 0, 1, UINT64_MAX);
    await_size(&h, &w, 1);
    shut(&w, true);
    give_some(&h, 1, 2, UINT64_MAX);
    wait_inside(&w);
    give_some(&h, 2, SIZE, SIZE - 3);
    shut(&w, false);
    assert_int_equal(next_failure(&h, &w), ATE_TAMPERED);
    assert_int_equal(ate__mirror_head(h.m).size, SIZE - 3);
    ate__mirror_lost(h.m);
    give_some(&h, SIZE - 3, SIZE, UINT64_MAX);
    await_size(&h, &w, SIZE);

    for (unsigned turn = 0; turn < TURNS; turn++) {
        struct ate__head head;
        shut(&w, true);
        give_some(&h, ate__mirror_head(h.m).size, ate__mirror_head(h.m).size + 1, UINT64_MAX);
        wait_inside(&w);
        give_some(&h, ate__mirror_head(h.m).size, SIZE + TURNS, UINT64_MAX);
        shut(&w, false);
        ate__mirror_lost(h.m);
        for (unsigned seen = fed_so_far(&w); !ate__mirror_subscribe(h.m, &head);
             seen = fed_so_far(&w))
            await_fed(&w, seen);
        assert_int_equal(ate__mirror_failure(h.m), 0);
        if (head.size == SIZE + TURNS)
            break;
    }
    hand_deinit(&h);
    ate__workers_unref(workers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_groups_that_lie),
        cmocka_unit_test(test_not_the_one),
        cmocka_unit_test(test_transactions_that_break_rules),
        cmocka_unit_test(test_other_genesis),
        cmocka_unit_test(test_subscribed),
        cmocka_unit_test(test_confirm),
        cmocka_unit_test(test_confirm_on_a_worker),
        cmocka_unit_test(test_many_wait),
    };
    return cmocka_run_group_tests(tests, NULL, past_end);
}
