/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Power loss at every call that changes the disk, over a scripted load on the redo log alone.
 *
 * After each such call several disks are made as a power loss at that moment may leave them. On
 * each the log is opened again; then every append that had returned 0 under ALWAYS must be there,
 * whole and in order, and of the one that was under way all or nothing. Then the story goes on from
 * there: an interrupted recovery, more appends, a second loss.
 *
 * Then power loss, one append, and power loss again; lists torn at any byte; and calls that fail,
 * a sync above all: recovery in the same process, or by the next one in the same boot, or after a
 * power loss.
 *
 * Arguments and environment: point.h. */
#include "point.h"
#include "unit/redo/kit.h"
#include <stdlib.h>

enum { RECORDS_MAX = 4096, SCRIPTS = 8, SEEDS_EACH = 5, IMAGES_MIN = 6000 };

/* What must and what may be there. */
struct world {
    struct kit k;
    struct rnd r;
    uint64_t acked;                 /* records whose append returned 0 */
    uint64_t attempt[RECORDS_MAX];  /* of each */
    uint64_t flight, flight_attempt; /* records of the append under way; 0: none */
    uint64_t attempts;
    bool created;
    const char *story; /* of the script, for its points */
    uint64_t script;
    void (*after)(struct world *w); /* what follows a crash */
};
struct counts {
    uint64_t points, torn, kept, second, interrupted, kills, faults, same_boot, lists;
};
static struct counts counts;

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
        distinct_add(&point_images, simdisk_digest(w->k.disk));
    }
    counts.second++;
    open_again(w);
}

/* Again without anything in between but one append that was acknowledged: no record of before the
 * first loss comes back behind it. */
static void after_one_append(struct world *w)
{
    open_again(w);
    counts.points++;
    int rc = append(w, 1 + rnd_below(&w->r, 3), KIT_RECORD_MIN + rnd_below(&w->r, 6000));
    if (rc)
        fail_msg("append: %d %s", rc, ate__error_text());
    for (unsigned i = 0; i < 3; i++) {
        uint64_t seed = rnd_u64(&w->r);
        struct world f;
        fork_world(&f, w, simdisk_crash(w->k.disk, seed), seed);
        distinct_add(&point_images, simdisk_digest(f.k.disk));
        open_again(&f);
        assert_int_equal(append(&f, 1, KIT_RECORD_MIN), 0);
        check(&f);
        kit_deinit(&f.k);
        counts.second++;
    }
}

static void after_loss(void *arg, struct simdisk *take_disk, uint64_t seed)
{
    const struct world *w = arg;
    struct world f;
    fork_world(&f, w, take_disk, seed);
    w->after(&f);
    kit_deinit(&f.k);
}

static void each_call(void *arg, uint64_t number)
{
    struct world *w = arg;
    point_try(w->story, w->script, number, w->k.disk, after_loss, w);
}

static void configure(struct world *w, uint64_t seed)
{
    w->k.conf.pad = seed % 4 == 1;
    w->k.conf.no_prewrite = seed % 4 == 2;
}

static void script(const char *story, uint64_t seed, unsigned steps, void (*after)(struct world *w))
{
    struct world w = {.r = rnd_of(seed), .story = story, .script = seed, .after = after};
    if (!point_wants_script(story, seed))
        return;
    kit_init(&w.k, seed);
    configure(&w, seed);
    simdisk_watch(w.k.disk, each_call, &w);
    kit_open_ok(&w.k, ATE__STORAGE_CREATE);
    w.created = true;
    run(&w, steps);
    kit_close(&w.k);
    simdisk_watch(w.k.disk, NULL, NULL);
    kit_deinit(&w.k);
}

static void test_power_loss(void **state)
{
    (void)state;
    uint64_t seed = rnd_seed(1);
    for (uint64_t i = 0; i < point_scripts(); i++)
        script("loss", seed + i, 60, after_crash);
    print_message(
        "%llu crash points, %zu distinct images, %llu torn tails, %llu appends under way kept, "
        "%llu recoveries interrupted, %llu second crashes, %llu kills\n",
        (unsigned long long)counts.points, point_images.count, (unsigned long long)counts.torn,
        (unsigned long long)counts.kept, (unsigned long long)counts.interrupted,
        (unsigned long long)counts.second, (unsigned long long)counts.kills);
    if (!point_given())
        assert_true(counts.torn && counts.kept && counts.interrupted && counts.kills);
}

static void test_power_loss_append_power_loss(void **state)
{
    (void)state;
    uint64_t seed = rnd_seed(1);
    counts = (struct counts){.points = 0};
    for (uint64_t i = 0; i < point_scripts(); i++)
        script("twice", seed + 100 + i, 20, after_one_append);
    print_message("%llu crash points, %llu second crashes, %llu torn tails, %zu distinct images "
                  "in all\n",
                  (unsigned long long)counts.points, (unsigned long long)counts.second,
                  (unsigned long long)counts.torn, point_images.count);
    if (!point_given())
        assert_true(counts.torn && counts.kept);
    point_check_images();
}

/* --- a list that is torn --- */

struct lists {
    struct world w;
    struct {
        uint8_t *bytes;
        size_t size;
    } before[2];
};
static const char *const list_paths[2] = {KIT_DIR "/meta.a", KIT_DIR "/meta.b"};

/* One disk on which the write of a list stopped at a byte: before it, or behind it, the new one. */
static void torn_list(struct lists *l, unsigned n, const uint8_t *now, size_t size, size_t cut,
                      bool front)
{
    size_t whole = ate__max(size, l->before[n].size);
    uint8_t *bytes = calloc(1, whole);
    struct world f;
    assert_non_null(bytes);
    memcpy(bytes, front ? l->before[n].bytes : now, front ? l->before[n].size : size);
    if (front)
        memcpy(bytes, now, cut);
    else
        memcpy(bytes, l->before[n].bytes, ate__min(cut, l->before[n].size));
    fork_world(&f, &l->w, simdisk_crash(l->w.k.disk, cut), cut);
    simdisk_put(f.k.disk, list_paths[n], bytes, whole);
    free(bytes);
    distinct_add(&point_images, simdisk_digest(f.k.disk));
    open_again(&f);
    kit_deinit(&f.k);
    counts.lists++;
}

static void each_list_write(void *arg, uint64_t number)
{
    struct lists *l = arg;
    (void)number;
    for (unsigned n = 0; n < 2; n++) {
        size_t size = 0;
        uint8_t *now = NULL;
        if (simdisk_exists(l->w.k.disk, list_paths[n]))
            now = simdisk_get(l->w.k.disk, list_paths[n], &size);
        bool same = size == l->before[n].size && (!size || !memcmp(now, l->before[n].bytes, size));
        if (!same && now && l->w.created)
            for (size_t cut = 0; cut <= size; cut += cut < 96 ? 8 : 24) {
                torn_list(l, n, now, size, cut, true);
                torn_list(l, n, now, size, cut, false);
            }
        free(l->before[n].bytes);
        l->before[n].bytes = now ? now : calloc(1, 1);
        l->before[n].size = size;
    }
}

/* Whatever is left of the one, the other holds. */
static void test_torn_lists(void **state)
{
    (void)state;
    uint64_t seed = rnd_seed(1);
    for (uint64_t i = 0; i < point_scripts() && !point_given(); i++) {
        struct lists *l = calloc(1, sizeof *l);
        assert_non_null(l);
        l->w.r = rnd_of(seed + i);
        for (unsigned n = 0; n < 2; n++)
            l->before[n].bytes = calloc(1, 1);
        kit_init(&l->w.k, seed + i);
        configure(&l->w, seed + i);
        simdisk_watch(l->w.k.disk, each_list_write, l);
        kit_open_ok(&l->w.k, ATE__STORAGE_CREATE);
        l->w.created = true;
        run(&l->w, 30);
        kit_close(&l->w.k);
        simdisk_watch(l->w.k.disk, NULL, NULL);
        kit_deinit(&l->w.k);
        for (unsigned n = 0; n < 2; n++)
            free(l->before[n].bytes);
        free(l);
    }
    print_message("%llu torn lists\n", (unsigned long long)counts.lists);
    if (!point_given())
        assert_true(counts.lists > 100);
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

/* --- a sync that fails once, in the same boot --- */

/* The append that met it is not acknowledged and none is before recovery; what recovery shows is on
 * the disk then, though the pages that the failed sync lost count as clean. */
static bool sync_fails_once(uint64_t seed, uint64_t n, unsigned way)
{
    struct world w = {.r = rnd_of(seed)};
    kit_init(&w.k, seed);
    configure(&w, seed);
    kit_open_ok(&w.k, ATE__STORAGE_CREATE);
    w.created = true;
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(append(&w, 2, 700), 0);
    simdisk_fail(w.k.disk, SIMDISK_SYNC, n, 1, ATE_E_IO);
    int rc = 0;
    for (unsigned i = 0; i < 16 && !rc; i++)
        rc = append(&w, 1 + i % 3, 900 + 3000 * (i % 5));
    bool failed = simdisk_failed(w.k.disk);
    assert_true(failed == (rc != 0));
    if (failed) {
        uint64_t flight = w.flight, attempt = w.flight_attempt;
        assert_int_equal(rc, ATE_E_IO);
        assert_true(kit_state(&w.k).failed);
        assert_true(kit_state(&w.k).size == w.acked);
        assert_int_equal(append(&w, 1, 100), ATE_READ_ONLY);
        assert_int_equal(w.k.s->v->sync(w.k.s), ATE_READ_ONLY);
        assert_int_equal(w.k.s->v->idle(w.k.s), ATE_READ_ONLY);
        w.flight = flight; /* the first of these may stand */
        w.flight_attempt = attempt;
        if (way == 0) {
            rc = w.k.s->v->recover(w.k.s);
            if (rc)
                fail_msg("recover: %d %s", rc, ate__error_text());
            check(&w);
        } else if (way == 1) {
            kit_kill(&w.k);
            open_again(&w); /* in the same boot */
        }
        /* way 2: the power goes at once */
        kit_crash(&w.k, rnd_u64(&w.r));
        open_again(&w);
        assert_int_equal(append(&w, 2, 700), 0);
        kit_crash(&w.k, rnd_u64(&w.r));
        open_again(&w);
        counts.same_boot++;
    }
    kit_deinit(&w.k);
    return failed;
}

static void test_sync_fails_once(void **state)
{
    (void)state;
    uint64_t seed = rnd_seed(1);
    bool met = !point_given();
    for (uint64_t n = 1; met; n++) {
        met = false;
        for (unsigned way = 0; way < 3; way++)
            for (uint64_t i = 0; i < 2 * point_scripts(); i++)
                met |= sync_fails_once(seed + 1000 * n + i, n, way);
    }
    print_message("%llu syncs failed once\n", (unsigned long long)counts.same_boot);
    if (!point_given())
        assert_true(counts.same_boot > 100);
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
    for (size_t row = 0; row < ATE__COUNT_OF(rows) && !point_given(); row++)
        for (uint64_t n = 1, misses = 0; misses < 3; n++) {
            bool met = false;
            for (uint64_t i = 0; i < point_scripts(); i++)
                met |=
                    fault_at(seed + 1000 * n + i, rows[row].kinds, n, 1 + i % 3, rows[row].result);
            misses = met ? 0 : misses + 1;
        }
    print_message("%llu runs with a fault\n", (unsigned long long)counts.faults);
}

int main(int argc, char **argv)
{
    point_init(argc, argv, &(struct point_plan){SCRIPTS, SEEDS_EACH, IMAGES_MIN});
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_power_loss, point_say),
        cmocka_unit_test_teardown(test_power_loss_append_power_loss, point_say),
        cmocka_unit_test(test_torn_lists),
        cmocka_unit_test(test_sync_fails_once),
        cmocka_unit_test(test_faults),
    };
    return cmocka_run_group_tests(tests, NULL, point_deinit);
}
