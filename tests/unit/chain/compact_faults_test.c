/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Compaction, shallow and deep, while an allocation is refused, a call to the disk fails, or there
 * is no room: it says so, the chain is what it was, is written to, and is compacted afterwards.
 * With the argument `all` at each allocation and each call, else at some of them. */
#include "chain/chain_private.h"
#include "lib/heap.h"
#include "story.h"

enum { POINTS = 24 };

static struct story base;
static bool all; /* points */

static int set_up(void **state)
{
    (void)state;
    story_init(&base, 90);
    kit_ok(story_go_on(&base, 700));
    story_note(&base);
    kit_close(&base.k);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    story_deinit(&base);
    return 0;
}

/* ---- one run ---- */

static struct story s;

static void begin(uint64_t seed)
{
    story_fork(&s, &base, simdisk_clone(base.k.disk), seed);
    kit_open_ok(&s.k, 0);
    ate__view_reclaim(ate__chain_view(s.k.chain), 0);
}

static int compact(bool deep)
{
    struct ate__compacted done;
    struct ate__compact_conf conf = {.gain_percent = 1,
                                     .deep = deep,
                                     .cut_off = deep ? UINT64_MAX : 0,
                                     .session = deep ? s.session : NULL};
    return ate__chain_compact(s.k.chain, &conf, &done);
}

/* What a failure may have left to be put right is, by what the workers do each second then. */
static void put_in_the_end(void)
{
    int rc = 1;
    for (unsigned i = 0; rc && i < 8; i++) {
        simenv_pass_ms(&s.k.sim, 2000);
        ate__chain_tick_run(&s.k.chain->tick);
        rc = kit_put(&s.k, 900, "it goes on");
    }
    if (rc)
        fail_msg("after a failure: %s: %s", ate__result_name(rc), s.k.text);
}

static void end(bool deep)
{
    story_check_state(&s);
    put_in_the_end();
    kit_reopen_ok(&s.k);
    story_check_state(&s);
    ate__view_reclaim(ate__chain_view(s.k.chain), 0);
    kit_ok(compact(deep));
    story_check_state(&s);
    kit_reopen_ok(&s.k);
    story_check_state(&s);
    assert_string_equal(kit_text(&s.k, 900), "it goes on");
    story_deinit(&s);
}

static uint64_t points_of(uint64_t count, uint64_t some)
{
    return all || count < some ? count : some;
}

/* ---- memory ---- */

static uint64_t count_allocations(bool deep)
{
    heap_start();
    begin(1);
    heap_fail(0, false);
    kit_ok(compact(deep));
    uint64_t count = heap_count();
    end(deep);
    heap_stop();
    return count;
}

static void refuse_memory(bool deep)
{
    uint64_t count = count_allocations(deep), refused = 0;
    uint64_t points = points_of(count, 2 * POINTS);
    for (uint64_t i = 0; i < points; i++) {
        uint64_t n = 1 + count * i / points;
        heap_start();
        begin(2 + i);
        heap_fail(n, i % 2);
        int rc = compact(deep);
        bool failed = heap_failed();
        heap_fail(0, false);
        if (rc && rc != ATE_E_MEMORY && rc != ATE_UNKNOWN)
            fail_msg("allocation %llu: %s: %s", (unsigned long long)n, ate__result_name(rc),
                     ate__error_text());
        refused += failed && rc;
        end(deep);
        heap_stop();
    }
    print_message("%llu allocations, refused in %llu runs\n", (unsigned long long)count,
                  (unsigned long long)refused);
    assert_true(refused > points / 2);
}

static void test_memory_shallow(void **state)
{
    (void)state;
    refuse_memory(false);
}

static void test_memory_deep(void **state)
{
    (void)state;
    refuse_memory(true);
}

/* ---- the disk ---- */

static void fail_disk(bool deep, unsigned kinds, int result)
{
    uint64_t failed = 0;
    begin(3);
    uint64_t before = simdisk_count(s.k.disk, kinds);
    kit_ok(compact(deep));
    uint64_t count = simdisk_count(s.k.disk, kinds) - before;
    end(deep);
    uint64_t points = points_of(count, POINTS);
    for (uint64_t i = 0; i < points; i++) {
        uint64_t n = 1 + count * i / points;
        begin(4 + i);
        simdisk_fail(s.k.disk, kinds, n, 1 + i % 3, result);
        int rc = compact(deep);
        failed += rc != 0;
        simdisk_fail(s.k.disk, 0, 0, 0, 0);
        if (rc > 0 && rc != ATE_UNKNOWN && rc != ATE_STALE && rc != ATE_READ_ONLY)
            fail_msg("call %llu: %s: %s", (unsigned long long)n, ate__result_name(rc),
                     ate__error_text());
        end(deep);
    }
    print_message("%llu calls, %llu of %llu runs failed\n", (unsigned long long)count,
                  (unsigned long long)failed, (unsigned long long)points);
    assert_true(failed > points / 4);
}

static void test_reads(void **state)
{
    (void)state;
    fail_disk(false, SIMDISK_READ, ATE_E_IO);
    fail_disk(true, SIMDISK_READ, ATE_E_IO);
}

static void test_writes(void **state)
{
    (void)state;
    fail_disk(false, SIMDISK_MUTATING, ATE_E_IO);
    fail_disk(true, SIMDISK_MUTATING, ATE_E_IO);
}

/* No room in the midst of it: what is there is whole, and may be written to. */
static void test_no_room(void **state)
{
    (void)state;
    for (unsigned deep = 0; deep < 2; deep++) {
        fail_disk(deep, SIMDISK_TAKING, ATE_E_NO_SPACE);
        for (uint64_t room = 0; room < 8; room++) {
            begin(50 + room);
            simdisk_limit(s.k.disk, room * 65536);
            int rc = compact(deep);
            assert_true(!rc || rc == ATE_E_NO_SPACE || rc == ATE_UNKNOWN);
            story_check_state(&s);
            simdisk_limit(s.k.disk, UINT64_MAX);
            end(deep);
        }
    }
}

int main(int argc, char **argv)
{
    all = argc > 1 && !strcmp(argv[1], "all");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_shallow), cmocka_unit_test(test_memory_deep),
        cmocka_unit_test(test_reads),          cmocka_unit_test(test_writes),
        cmocka_unit_test(test_no_room),
    };
    return cmocka_run_group_tests_name("chain/compact_faults", tests, set_up, tear_down);
}
