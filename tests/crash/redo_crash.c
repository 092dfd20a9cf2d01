/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Power loss at every call that changes the disk, over a scripted load on the redo log alone.
 *
 * After each such call several disks are made as a power loss at that moment may leave them. On
 * each the log is opened again; then every append that had returned 0 under ALWAYS must be there,
 * whole and in order, and of the one that was under way all or nothing. Then the story goes on from
 * there: an interrupted recovery, more appends, a second loss.
 *
 * Then the same with calls that fail once, a sync above all: recovery in the same process, or by
 * the next one in the same boot, or after a power loss.
 *
 * redo_crash SCRIPTS SEEDS   ATE_SEED=n replays from another seed. */
#include "unit/redo/kit.h"
#include <stdlib.h>

enum { RECORDS_MAX = 4096 };

/* What must and what may be there. */
struct world {
    struct kit k;
    struct rnd r;
    uint64_t acked;                 /* records whose append returned 0 */
    uint64_t attempt[RECORDS_MAX];  /* of each */
    uint64_t flight, flight_attempt; /* records of the append under way; 0: none */
    uint64_t attempts;
    bool created;
};
struct counts {
    uint64_t points, torn, kept, second, interrupted, kills, faults;
};
static struct counts counts;
static uint64_t scripts = 8, seeds_each = 5;

/* --- the log under test --- */

static int append(struct world *w, size_t count, size_t size)
{
    assert_true(w->acked + count <= RECORDS_MAX);
    w->flight = count;
    w->flight_attempt = ++w->attempts;
    int rc = kit_append(&w->k, count, size, w->flight_attempt);
    if (rc == ATE_E_NO_SPACE || rc == ATE_READ_ONLY)
        w->flight = 0; /* nothing was written */
    if (rc)
        return rc;
    for (size_t i = 0; i < count; i++)
        w->attempt[w->acked++] = w->flight_attempt;
    w->flight = 0;
    return 0;
}

static int each_record(void *arg, const struct ate__record_out *record)
{
    struct world *w = arg;
    uint64_t attempt;
    if (!kit_record_whole(record->body, record->sequence, &attempt))
        fail_msg("record %llu is not whole", (unsigned long long)record->sequence);
    uint64_t want = record->sequence < w->acked ? w->attempt[record->sequence] : w->flight_attempt;
    if (attempt != want)
        fail_msg("record %llu is of append %llu instead of %llu",
                 (unsigned long long)record->sequence, (unsigned long long)attempt,
                 (unsigned long long)want);
    return 0;
}

/* What the open log shows is what may be there; from now on it must. */
static void check(struct world *w)
{
    struct ate__scan scan = {NULL, each_record, w};
    struct ate__storage_state state = kit_state(&w->k);
    if (state.size != w->acked && state.size != w->acked + w->flight)
        fail_msg("%llu records; %llu were acknowledged, %llu more under way",
                 (unsigned long long)state.size, (unsigned long long)w->acked,
                 (unsigned long long)w->flight);
    int rc = w->k.s->v->scan(w->k.s, 0, UINT64_MAX, &scan);
    if (rc)
        fail_msg("scan: %d %s", rc, ate__error_text());
    assert_int_equal(kit_damage(&w->k).what, ATE_OK);
    counts.kept += w->flight && state.size != w->acked;
    counts.torn += kit_damage(&w->k).trimmed_bytes != 0;
    while (w->acked < state.size)
        w->attempt[w->acked++] = w->flight_attempt;
    w->flight = 0;
}

static void open_again(struct world *w)
{
    int rc = kit_open(&w->k, 0);
    if (rc == ATE_NOT_FOUND && !w->created)
        rc = kit_open(&w->k, ATE__STORAGE_CREATE);
    if (rc)
        fail_msg("open: %d %s", rc, ate__error_text());
    w->created = true;
    assert_true(kit_state(&w->k).writable);
    check(w);
}

/* A reader shows, before anything is repaired, what the writer then shows. */
static void read_first(struct world *w)
{
    int rc = kit_open(&w->k, ATE__STORAGE_READ);
    if (rc) {
        assert_true(rc == ATE_NOT_FOUND && !w->created);
        open_again(w);
        return;
    }
    uint64_t size = kit_state(&w->k).size;
    kit_close(&w->k);
    open_again(w);
    assert_true(w->acked == size);
}

/* --- the script --- */

static int step(struct world *w)
{
    struct ate__storage *s = w->k.s;
    switch (rnd_below(&w->r, 16)) {
    case 0: return rnd_below(&w->r, 2) ? s->v->idle(s) : s->v->rest(s);
    case 1:
    case 2:
    case 3: return s->v->prepare(s);
    case 4: kit_close(&w->k); return kit_open(&w->k, 0);
    case 5: return append(w, 1, 5000 + rnd_below(&w->r, 40000));
    case 6: return append(w, 1 + rnd_below(&w->r, 30), KIT_RECORD_MIN + rnd_below(&w->r, 300));
    case 7: return append(w, 1 + rnd_below(&w->r, 4), 4000 + rnd_below(&w->r, 4000));
    default: return append(w, 1 + rnd_below(&w->r, 3), KIT_RECORD_MIN + rnd_below(&w->r, 2000));
    }
}

/* As far as it goes: the machine may stop meanwhile. */
static void run(struct world *w, unsigned steps)
{
    for (unsigned i = 0; i < steps; i++)
        if (step(w) || !w->k.s)
            break;
}

/* --- what follows a crash --- */

/* The kit stays where it is: its env points into it. */
static void fork_world(struct world *f, const struct world *w, struct simdisk *take_disk,
                       uint64_t seed)
{
    *f = *w;
    kit_take(&f->k, take_disk, seed);
    f->k.conf = w->k.conf;
    f->r = rnd_of(seed);
}

/* The machine stops somewhere in what the world does next, and comes back. */
static void stop_within(struct world *w, uint64_t calls)
{
    simdisk_stop(w->k.disk, 1 + rnd_below(&w->r, calls));
}

static void after_crash(struct world *w)
{
    if (rnd_below(&w->r, 3) == 0) {
        stop_within(w, 14);
        int rc = kit_open(&w->k, 0);
        counts.interrupted += rc != 0;
        kit_abandon(&w->k);
        kit_crash(&w->k, rnd_u64(&w->r));
    }
    if (rnd_below(&w->r, 4) == 0)
        read_first(w);
    else
        open_again(w);
    counts.points++;
    if (rnd_below(&w->r, 2) == 0)
        return;
    if (rnd_below(&w->r, 2) == 0)
        stop_within(w, 30);
    run(w, 1 + (unsigned)rnd_below(&w->r, 6));
    if (rnd_below(&w->r, 4) == 0) {
        kit_kill(&w->k);
        counts.kills++;
    } else {
        kit_crash(&w->k, rnd_u64(&w->r));
    }
    counts.second++;
    open_again(w);
}

/* After each call of the script that changes the disk. */
static void each_call(void *arg, uint64_t number)
{
    struct world *w = arg;
    for (uint64_t i = 0; i < seeds_each; i++) {
        uint64_t seed = rnd_u64(&w->r) ^ number;
        struct world f;
        fork_world(&f, w, simdisk_crash(w->k.disk, seed), seed);
        after_crash(&f);
        kit_deinit(&f.k);
    }
}

static void configure(struct world *w, uint64_t seed)
{
    w->k.conf.pad = seed % 4 == 1;
    w->k.conf.no_prewrite = seed % 4 == 2;
}

static void power_loss(uint64_t seed)
{
    struct world w = {.r = rnd_of(seed)};
    kit_init(&w.k, seed);
    configure(&w, seed);
    simdisk_watch(w.k.disk, each_call, &w);
    kit_open_ok(&w.k, ATE__STORAGE_CREATE);
    w.created = true;
    run(&w, 60);
    kit_close(&w.k);
    simdisk_watch(w.k.disk, NULL, NULL);
    kit_deinit(&w.k);
}

static void test_power_loss(void **state)
{
    (void)state;
    uint64_t seed = rnd_seed(1);
    for (uint64_t i = 0; i < scripts; i++)
        power_loss(seed + i);
    print_message(
        "%llu crash points, %llu torn tails, %llu appends under way kept, %llu recoveries "
        "interrupted, %llu second crashes, %llu kills\n",
        (unsigned long long)counts.points, (unsigned long long)counts.torn,
        (unsigned long long)counts.kept, (unsigned long long)counts.interrupted,
        (unsigned long long)counts.second, (unsigned long long)counts.kills);
    assert_true(counts.torn && counts.kept && counts.interrupted && counts.kills);
}

/* --- calls that fail --- */

/* After a step that failed. */
static void after_fault(struct world *w)
{
    switch (w->k.s ? rnd_below(&w->r, 4) : 1 + rnd_below(&w->r, 3)) {
    case 0:
        while (w->k.s->v->recover(w->k.s)) /* the fault may last for some calls */
            assert_true(kit_state(&w->k).failed);
        assert_false(kit_state(&w->k).failed);
        simdisk_fail(w->k.disk, 0, 0, 0, 0);
        check(w);
        return;
    case 1:
        kit_abandon(&w->k);
        kit_crash(&w->k, rnd_u64(&w->r));
        break;
    default: kit_kill(&w->k);
    }
    open_again(w);
}

/* The n-th call of some kinds fails. Returns false when there were not as many. */
static bool fault_at(uint64_t seed, unsigned kinds, uint64_t n, uint64_t count, int result)
{
    struct world w = {.r = rnd_of(seed)};
    kit_init(&w.k, seed);
    configure(&w, seed);
    kit_open_ok(&w.k, ATE__STORAGE_CREATE);
    w.created = true;
    struct simdisk *first = w.k.disk;
    bool failed = false;
    simdisk_fail(first, kinds, n, count, result);
    for (unsigned i = 0; i < 25; i++) {
        int rc = step(&w);
        failed |= w.k.disk == first && simdisk_failed(first);
        if (rc)
            after_fault(&w);
    }
    kit_crash(&w.k, rnd_u64(&w.r));
    open_again(&w);
    kit_deinit(&w.k);
    counts.faults++;
    return failed;
}

static void test_faults(void **state)
{
    (void)state;
    static const struct {
        unsigned kinds;
        int result;
    } rows[] = {
        {SIMDISK_SYNC, ATE_E_IO},
        {SIMDISK_SYNC | SIMDISK_SYNC_DIR, ATE_E_NO_SPACE},
        {SIMDISK_WRITE, ATE_E_IO},
        {SIMDISK_WRITE | SIMDISK_CREATE, ATE_E_NO_SPACE},
        {SIMDISK_MUTATING, ATE_E_IO},
        {SIMDISK_READ | SIMDISK_OPEN | SIMDISK_STAT | SIMDISK_LIST, ATE_E_IO},
    };
    uint64_t seed = rnd_seed(1);
    for (size_t row = 0; row < ATE__COUNT_OF(rows); row++)
        for (uint64_t n = 1, misses = 0; misses < 3; n++) {
            bool met = false;
            for (uint64_t i = 0; i < scripts; i++)
                met |=
                    fault_at(seed + 1000 * n + i, rows[row].kinds, n, 1 + i % 3, rows[row].result);
            misses = met ? 0 : misses + 1;
        }
    print_message("%llu runs with a fault\n", (unsigned long long)counts.faults);
}

int main(int argc, char **argv)
{
    scripts = argc > 1 ? strtoull(argv[1], NULL, 10) : scripts;
    seeds_each = argc > 2 ? strtoull(argv[2], NULL, 10) : seeds_each;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_power_loss),
        cmocka_unit_test(test_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
