/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Shallow compaction: what goes, what stays, and that nothing else can be told from before. */
#include "chain/compact.h"
#include "base/workers.h"
#include "chain/chain_private.h"
#include "kit.h"
#include <stdlib.h>

enum { OBJECTS = 20, TEXT = 900 };
static struct kit kit;

static const char *text_of(unsigned object, unsigned round)
{
    static _Thread_local char text[TEXT + 1];
    memset(text, 'a' + (int)(round % 26), TEXT);
    snprintf(text, TEXT, "%u %u ", object, round);
    text[strlen(text)] = '.';
    return text;
}

static void put_round(unsigned round)
{
    for (unsigned i = 0; i < OBJECTS; i++)
        kit_put_ok(&kit, 1 + i, text_of(1 + i, round));
}

static void begin(uint64_t seed, unsigned rounds)
{
    kit_init(&kit, seed);
    kit_create_ok(&kit);
    for (unsigned i = 0; i < rounds; i++)
        put_round(i);
}

static void end(void)
{
    kit_close(&kit);
    kit_deinit(&kit);
}

static struct ate__compacted compact_ok(void)
{
    struct ate__compact_conf conf = {.below = 0};
    struct ate__compacted done;
    ate__view_reclaim(ate__chain_view(kit.chain), 0);
    kit_ok(ate__chain_compact(kit.chain, &conf, &done));
    return done;
}

static void check_texts(unsigned round)
{
    for (unsigned i = 0; i < OBJECTS; i++)
        assert_string_equal(kit_text(&kit, 1 + i), text_of(1 + i, round));
}

/* ---- what a log says of itself ---- */

struct seen {
    uint64_t whole, stripped, transactions;
    struct ate_hash leaves[1024];
};

static int see(void *arg, const struct ate__history_record *record)
{
    struct seen *s = arg;
    struct ate__tx tx;
    kit_ok(ate__tx_decode(record->body, ATE__SHA256, &tx));
    for (uint32_t i = 0; i < tx.event_count; i++) {
        s->whole += tx.events[i].form == ATE__CLEAR;
        s->stripped += tx.events[i].form == ATE__STRIPPED;
    }
    assert_true(record->sequence == s->transactions && s->transactions < 1024);
    kit_ok(ate__tx_leaf(&tx, ATE__SHA256, record->sequence, record->root_time_us,
                        &s->leaves[s->transactions++]));
    ate__tx_deinit(&tx);
    return 0;
}

static struct seen *see_all(void)
{
    struct seen *s = calloc(1, sizeof *s);
    kit_ok(ate__chain_history(kit.chain, 0, UINT64_MAX, see, s));
    return s;
}

static void test_payloads_go(void **state)
{
    (void)state;
    struct ate_hash root, root_after;
    uint64_t size;
    begin(1, 48);
    ate__chain_head(kit.chain, &size, &root);
    struct seen *before = see_all();
    struct ate__compacted done = compact_ok();
    struct seen *after = see_all();
    assert_true(done.rewritten > 1 && done.rewritten <= done.segments);
    assert_true(done.payloads > 300 && after->stripped == done.payloads);
    assert_true(after->whole + after->stripped == before->whole);
    assert_true(done.bytes_before - done.bytes_after > done.payloads * (TEXT - 100));
    /* The same transactions, the same leaves, the same tree. */
    assert_memory_equal(before->leaves, after->leaves, sizeof before->leaves);
    check_texts(47);
    assert_int_equal(compact_ok().rewritten, 0); /* there is nothing left to do */
    for (unsigned flags = 0; flags < 2; flags++) {
        kit_close(&kit);
        kit_open_ok(&kit, flags);
        ate__chain_head(kit.chain, &size, &root_after);
        assert_memory_equal(&root, &root_after, sizeof root);
        check_texts(47);
    }
    kit_close(&kit);
    kit_open_ok(&kit, 0);
    put_round(50);
    check_texts(50);
    free(before);
    free(after);
    end();
}

/* Every size has the root and the proofs that it had. */
/* The last segment is never written anew, and here it is the only one. */
static void test_nothing_to_do(void **state)
{
    (void)state;
    begin(9, 0);
    struct ate__compacted done = compact_ok();
    assert_true(!done.segments && !done.rewritten && done.bytes_after == done.bytes_before);
    kit_put_ok(&kit, 1, "it goes on");
    end();
}

static void test_proofs_stay(void **state)
{
    (void)state;
    begin(2, 12);
    uint64_t size = kit_size(&kit);
    struct ate_hash *roots = calloc(size + 1, sizeof *roots);
    for (uint64_t i = 1; i <= size; i++)
        kit_ok(ate__chain_root_at(kit.chain, i, &roots[i]));
    struct seen *seen = see_all();
    assert_true(compact_ok().payloads > 0);
    kit_reopen_ok(&kit);
    for (uint64_t i = 1; i <= size; i++) {
        struct ate__proof proof;
        struct ate_hash root;
        kit_ok(ate__chain_root_at(kit.chain, i, &root));
        assert_memory_equal(&root, &roots[i], sizeof root);
        kit_ok(ate__chain_consistency(kit.chain, i, size, &proof));
        kit_ok(ate__merkle_check_consistency(i, &roots[i], size, &roots[size], &proof));
        kit_ok(ate__chain_inclusion(kit.chain, i - 1, size, &proof));
        kit_ok(
            ate__merkle_check_inclusion(&seen->leaves[i - 1], i - 1, size, &proof, &roots[size]));
    }
    free(seen);
    free(roots);
    end();
}

/* Whoever began before reads on what it saw. */
static void test_readers_hold(void **state)
{
    (void)state;
    begin(3, 10);
    struct ate__view_snapshot s;
    struct ate__event event;
    struct ate__buf buf = ATE__BUF_NULL;
    struct ate_id id = id_of(3);
    kit_ok(ate__view_begin(ate__chain_view(kit.chain), 0, &s));
    for (unsigned i = 10; i < 30; i++)
        put_round(i);
    assert_true(compact_ok().payloads > 0);
    kit_ok(ate__chain_event(kit.chain, &s, &id, &buf, &event, NULL));
    assert_int_equal(event.form, ATE__CLEAR);
    assert_int_equal(event.payload.size, TEXT);
    assert_memory_equal(event.payload.data, text_of(3, 9), TEXT);
    ate__view_end(&s);
    assert_true(compact_ok().payloads > 0);
    check_texts(29);
    ate__buf_deinit(&buf);
    end();
}

/* ---- wishes ---- */

static struct ate__ballot wish(void *arg, const struct ate__keep_event *e)
{
    struct ate_id whole = id_of(3), header = id_of(4), gone = id_of(5);
    unsigned *asked = arg;
    ++*asked;
    if (ate__id_equal(&e->event->header.object, &whole))
        return (struct ate__ballot){ATE__KEEP, false};
    if (ate__id_equal(&e->event->header.object, &header))
        return (struct ate__ballot){ATE__FORCE_KEEP, true};
    if (ate__id_equal(&e->event->header.object, &gone))
        return (struct ate__ballot){ATE__FORCE_DROP, false};
    return (struct ate__ballot){ATE__ABSTAIN, false};
}

static int count_whole(void *arg, const struct ate__history_record *record)
{
    unsigned *count = arg;
    struct ate__tx tx;
    kit_ok(ate__tx_decode(record->body, ATE__SHA256, &tx));
    for (uint32_t i = 0; i < tx.event_count; i++)
        for (unsigned n = 1; n <= OBJECTS; n++) {
            struct ate_id id = id_of(n);
            count[n] +=
                tx.events[i].form == ATE__CLEAR && ate__id_equal(&tx.events[i].header.object, &id);
        }
    ate__tx_deinit(&tx);
    return 0;
}

/* A vote keeps old payloads of one object, and takes no present value from another. */
static void test_votes(void **state)
{
    (void)state;
    unsigned asked = 0, count[OBJECTS + 1] = {0};
    const struct ate__keep_plugin plugin = {wish, &asked};
    struct ate__compact_conf conf = {.plugin = &plugin, .gain_percent = 1};
    struct ate__compacted done;
    begin(7, 30);
    ate__view_reclaim(ate__chain_view(kit.chain), 0);
    kit_ok(ate__chain_compact(kit.chain, &conf, &done));
    assert_true(asked > 0 && done.payloads > 100);
    kit_ok(ate__chain_history(kit.chain, 0, UINT64_MAX, count_whole, count));
    assert_int_equal(count[3], 30);
    for (unsigned n = 1; n <= OBJECTS; n++)
        assert_true(n == 3 || (count[n] >= 1 && count[n] < 20));
    check_texts(29);
    kit_reopen_ok(&kit);
    check_texts(29);
    end();
}

static bool cancel_at(void *arg)
{
    uint64_t *left = arg;
    return !(*left)-- || *left > 1u << 30;
}

/* It stops where it is told to, and what it did stands. */
static void test_canceled(void **state)
{
    (void)state;
    begin(4, 25);
    struct ate__compacted done;
    unsigned stopped = 0;
    for (uint64_t at = 0; at < 1500; at += 83) {
        uint64_t left = at;
        struct ate__compact_conf conf = {.cancel = cancel_at, .arg = &left};
        int rc = ate__chain_compact(kit.chain, &conf, &done);
        assert_true(!rc || rc == ATE_CANCELED);
        stopped += rc != 0;
        check_texts(24);
    }
    assert_true(stopped > 3);
    compact_ok();
    kit_reopen_ok(&kit);
    check_texts(24);
    end();
}

static void test_refused(void **state)
{
    (void)state;
    struct ate__compact_conf conf = {.below = 0};
    struct ate__compacted done;
    begin(5, 12);
    uint64_t digest;
    kit_close(&kit);
    digest = simdisk_digest(kit.disk);
    kit_open_ok(&kit, ATE__STORAGE_READ);
    assert_int_equal(ate__chain_compact(kit.chain, &conf, &done), ATE_READ_ONLY);
    kit_close(&kit);
    assert_true(simdisk_digest(kit.disk) == digest);
    kit_open_ok(&kit, 0);
    simdisk_limit(kit.disk, 4096); /* what the log keeps and gives up is not enough either */
    assert_int_equal(ate__chain_compact(kit.chain, &conf, &done), ATE_E_NO_SPACE);
    simdisk_limit(kit.disk, UINT64_MAX);
    check_texts(11);
    kit_put_ok(&kit, 1, "it goes on");
    compact_ok();
    assert_string_equal(kit_text(&kit, 1), "it goes on");
    end();
}

/* ---- while it is read and written ---- */

struct load {
    struct ate__chain *chain;
    atomic_bool stop;
    atomic_uint reads;
};

static void *read_always(void *arg)
{
    struct load *l = arg;
    struct ate__buf buf = ATE__BUF_NULL;
    for (unsigned n = 0; !atomic_load(&l->stop); n++) {
        struct ate__view_snapshot s;
        struct ate__event event;
        struct ate_id id = id_of(1 + n % OBJECTS);
        kit_ok(ate__view_begin(ate__chain_view(l->chain), 0, &s));
        ate__buf_clear(&buf);
        kit_ok(ate__chain_event(l->chain, &s, &id, &buf, &event, NULL));
        assert_int_equal(event.payload.size, TEXT);
        unsigned object, round;
        assert_int_equal(sscanf(event.payload.data, "%u %u ", &object, &round), 2);
        assert_int_equal(object, 1 + n % OBJECTS);
        assert_memory_equal(event.payload.data, text_of(object, round), TEXT);
        ate__view_end(&s);
        atomic_fetch_add(&l->reads, 1);
    }
    ate__buf_deinit(&buf);
    return NULL;
}

static void test_meanwhile(void **state)
{
    (void)state;
    pthread_t readers[2];
    begin(6, 5);
    struct load load = {.chain = kit.chain};
    for (size_t i = 0; i < ATE__COUNT_OF(readers); i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_always, &load), 0);
    uint64_t payloads = 0;
    for (unsigned round = 5; round < 40; round++) {
        put_round(round);
        if (round % 4 == 0) {
            struct ate__compact_conf conf = {.gain_percent = 1};
            struct ate__compacted done;
            kit_ok(ate__chain_compact(kit.chain, &conf, &done));
            payloads += done.payloads;
        }
        unsigned reads = atomic_load(&load.reads);
        while (atomic_load(&load.reads) == reads)
            sched_yield();
    }
    atomic_store(&load.stop, true);
    for (size_t i = 0; i < ATE__COUNT_OF(readers); i++)
        pthread_join(readers[i], NULL);
    assert_true(payloads > 100);
    check_texts(39);
    kit_reopen_ok(&kit);
    check_texts(39);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_payloads_go),   cmocka_unit_test(test_proofs_stay),
        cmocka_unit_test(test_nothing_to_do), cmocka_unit_test(test_readers_hold),
        cmocka_unit_test(test_canceled),      cmocka_unit_test(test_refused),
        cmocka_unit_test(test_meanwhile),     cmocka_unit_test(test_votes),
    };
    return cmocka_run_group_tests_name("chain/compact", tests, NULL, NULL);
}
