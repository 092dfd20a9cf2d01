/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A log takes over what another one holds: in one step, for readers and on the disk. */
#include "compacting.h"
#include "lib/heap.h"
#include "redo/redo.h"
#include <pthread.h>
#include <stdlib.h>

enum { RECORDS = 1200, CUT_OFF = 1000, GAPS_BELOW = 768, SAME = 300, IDS_FROM = 40 };
#define NAME ",mirror"

/* k.s is a log that was compacted; the mirror has the first SAME records of it. */
struct pair {
    struct kit k, mirror;
};

static const struct ate__storage_conf mirror_conf = {.sync = ATE__SYNC_NEVER, .dir_name = NAME};

static int open_mirror(struct pair *p, unsigned flags)
{
    p->mirror = p->k;
    p->mirror.s = NULL;
    int rc = ate__storage_open_file(&p->k.sim.env, p->k.root, flags, &kit_chain, ATE__ROLE_MIRROR,
                                    &mirror_conf, &p->mirror.s);
    if (rc)
        return rc;
    rc = p->mirror.s->v->begin(p->mirror.s);
    compacting_make_tiles(&p->mirror);
    return rc;
}

/* Its segments have numbers that the mirror's have not. */
static void begin(struct pair *p, uint64_t seed, bool memory)
{
    struct compactor c = {.keep_all_from = GAPS_BELOW};
    kit_init(&p->k, seed);
    if (memory) {
        assert_int_equal(
            ate__storage_open_mem(&p->k.sim.env, &kit_chain, ATE__ROLE_MIRROR, &p->k.s), 0);
        compacting_grow(&p->k, RECORDS);
        p->mirror = p->k;
        assert_int_equal(
            ate__storage_open_mem(&p->k.sim.env, &kit_chain, ATE__ROLE_MIRROR, &p->mirror.s), 0);
    } else {
        compacting_open_ok(&p->k, ATE__STORAGE_CREATE);
        ((struct ate__redo *)p->k.s)->rewriting_id = IDS_FROM;
        compacting_grow(&p->k, RECORDS);
        assert_int_equal(compacting_all(&p->k, &c, CUT_OFF, CUT_OFF), 0);
        assert_int_equal(open_mirror(p, ATE__STORAGE_CREATE), 0);
    }
    compacting_grow(&p->mirror, SAME);
}

static void end(struct pair *p)
{
    p->mirror.s->v->close(p->mirror.s);
    kit_deinit(&p->k);
}

static int replace(struct pair *p)
{
    return p->mirror.s->v->replace(p->mirror.s, p->k.s, SAME);
}

/* Which of the two it is, all of it. */
static bool is_new(struct kit *mirror)
{
    struct reading r;
    struct ate__storage_state state = kit_state(mirror);
    assert_true(state.size == SAME || state.size == RECORDS);
    compacting_check(mirror, state.size, &r);
    assert_true(state.role == ATE__ROLE_MIRROR);
    assert_true(state.size == SAME ? !r.missing && !state.cut_off
                                   : r.missing > 200 && state.cut_off == CUT_OFF);
    return state.size == RECORDS;
}

/* ---- tests ---- */

static int note_position(void *arg, const struct ate__record_out *record)
{
    ((struct ate__position *)arg)[record->sequence] = record->position;
    return 0;
}

static void test_file(void **state)
{
    (void)state;
    static struct ate__position at[RECORDS + 100];
    struct ate__buf body = ATE__BUF_NULL;
    struct pair p;
    begin(&p, 1, false);
    uint64_t revision = kit_state(&p.mirror).revision, generation = kit_state(&p.mirror).generation;
    int rc = replace(&p);
    if (rc)
        fail_msg("%d %s", rc, ate__error_text());
    assert_true(is_new(&p.mirror));
    assert_true(kit_state(&p.mirror).revision > revision &&
                kit_state(&p.mirror).generation > generation);
    /* Positions of the other are positions here. */
    assert_int_equal(
        p.k.s->v->scan(p.k.s, 0, RECORDS, &(struct ate__scan){NULL, note_position, at}), 0);
    assert_int_equal(
        p.mirror.s->v->read_part(p.mirror.s, RECORDS - 1, &at[RECORDS - 1], 0, 8, &body), 0);
    ate__buf_deinit(&body);
    /* It goes on as a log does; both numbers are in use now. */
    compacting_grow(&p.mirror, RECORDS + 50);
    assert_int_equal(replace(&p), ATE_MISUSE);
    p.mirror.s->v->close(p.mirror.s);
    assert_int_equal(open_mirror(&p, 0), 0);
    struct reading r;
    compacting_check(&p.mirror, RECORDS + 50, &r);
    end(&p);
}

static void test_refused(void **state)
{
    (void)state;
    struct pair p, memory;
    begin(&p, 2, false);
    begin(&memory, 3, true);
    assert_int_equal(p.mirror.s->v->replace(p.mirror.s, memory.k.s, SAME), ATE_MISUSE);
    assert_int_equal(memory.mirror.s->v->replace(memory.mirror.s, p.k.s, SAME), ATE_MISUSE);
    p.mirror.s->v->close(p.mirror.s);
    assert_int_equal(ate__storage_open_file(&p.k.sim.env, p.k.root, ATE__STORAGE_READ, NULL,
                                            ATE__ROLE_MIRROR, &mirror_conf, &p.mirror.s),
                     0);
    assert_int_equal(replace(&p), ATE_READ_ONLY);
    end(&p);
    memory.mirror.s->v->close(memory.mirror.s);
    kit_deinit(&memory.k);
}

/* A reader in the middle of the old log. */
struct passing {
    struct pair *p;
    uint64_t records;
    bool replaced;
};

static int replace_meanwhile(void *arg, const struct ate__record_out *record)
{
    struct passing *x = arg;
    uint64_t attempt;
    assert_true(kit_record_whole(record->body, record->sequence, &attempt));
    if (++x->records == 100 && !x->replaced) {
        x->replaced = true;
        assert_int_equal(replace(x->p), 0);
    }
    return 0;
}

static void test_readers(void **state)
{
    (void)state;
    for (unsigned memory = 0; memory < 2; memory++) {
        struct pair p;
        struct passing x = {.p = &p};
        begin(&p, 4, memory);
        assert_int_equal(p.mirror.s->v->scan(p.mirror.s, 0, SAME,
                                             &(struct ate__scan){NULL, replace_meanwhile, &x}),
                         0);
        assert_true(x.replaced && x.records >= 100 && x.records <= SAME);
        assert_true(kit_state(&p.mirror).size == RECORDS);
        compacting_grow(&p.mirror, RECORDS + 20);
        end(&p);
    }
}

/* ---- what a power loss leaves, at every call that changes the disk ---- */

struct losses {
    struct pair *p;
    uint64_t seed;
    unsigned old, new;
};

static void lose_power(void *arg, uint64_t number)
{
    struct losses *x = arg;
    for (unsigned i = 0; i < 3; i++) {
        struct pair after;
        kit_take(&after.k, simdisk_crash(x->p->k.disk, x->seed++), number);
        int rc = open_mirror(&after, 0);
        if (rc)
            fail_msg("after call %llu: %d %s", (unsigned long long)number, rc, ate__error_text());
        is_new(&after.mirror) ? x->new ++ : x->old++;
        after.mirror.s->v->close(after.mirror.s);
        assert_int_equal(open_mirror(&after, 0), 0);
        is_new(&after.mirror);
        after.mirror.s->v->close(after.mirror.s);
        kit_deinit(&after.k);
    }
}

static void test_power_loss(void **state)
{
    (void)state;
    struct pair p;
    struct losses x = {.p = &p, .seed = 1};
    begin(&p, 5, false);
    assert_int_equal(p.mirror.s->v->sync(p.mirror.s), 0);
    simdisk_settle(p.k.disk);
    simdisk_watch(p.k.disk, lose_power, &x);
    assert_int_equal(replace(&p), 0);
    simdisk_watch(p.k.disk, NULL, NULL);
    print_message("the old log %u times, the new one %u times\n", x.old, x.new);
    assert_true(x.old > 10 && x.new > 10);
    end(&p);
}

/* Each call fails once: the old log goes on, or the handle has failed and an open tells. */
static void test_faults(void **state)
{
    (void)state;
    unsigned kept = 0, broken = 0;
    bool failed = true;
    for (uint64_t n = 1; failed; n++) {
        struct pair p;
        begin(&p, 6, false);
        assert_int_equal(p.mirror.s->v->sync(p.mirror.s), 0);
        simdisk_fail(p.k.disk, SIMDISK_ALL, n, 1, n % 2 ? ATE_E_IO : ATE_E_NO_SPACE);
        int rc = replace(&p);
        failed = simdisk_failed(p.k.disk);
        simdisk_fail(p.k.disk, 0, 0, 0, 0);
        assert_true(failed || !rc);
        assert_true(rc <= 0);
        if (rc && !kit_state(&p.mirror).failed) {
            assert_false(is_new(&p.mirror));
            assert_int_equal(replace(&p), 0);
            kept++;
        }
        broken += kit_state(&p.mirror).failed;
        p.mirror.s->v->close(p.mirror.s);
        assert_int_equal(open_mirror(&p, 0), 0);
        is_new(&p.mirror);
        end(&p);
    }
    assert_true(kept > 10 && broken > 2);
}

static void test_no_memory(void **state)
{
    (void)state;
    for (unsigned memory = 0; memory < 2; memory++) {
        bool failed = true;
        for (uint64_t n = 1; failed; n++) {
            struct pair p;
            heap_start();
            begin(&p, 7, memory);
            heap_fail(n, false);
            int rc = replace(&p);
            failed = heap_failed();
            heap_fail(0, false);
            assert_true(rc == 0 || rc == ATE_E_MEMORY);
            if (rc && !kit_state(&p.mirror).failed) {
                assert_true(kit_state(&p.mirror).size == SAME);
                assert_int_equal(replace(&p), 0);
            }
            end(&p);
            heap_stop();
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file),    cmocka_unit_test(test_refused),
        cmocka_unit_test(test_readers), cmocka_unit_test(test_power_loss),
        cmocka_unit_test(test_faults),  cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
