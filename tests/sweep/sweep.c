/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Each allocation of the library refused in turn, and then it and all after it; each call to the
 * disk failing in turn, once or several times; disks that are too small: over whole lives of a
 * chain (story.h). No run crashes, leaks, or leaves half a transaction; each failure is said in a
 * documented way; after it the chain opens, and all that was acknowledged is there.
 */
#include "story.h"
#include "ate/ate.h"
#include "lib/rnd.h"

/* What is to be looked at again when a test fails. */
static struct {
    const char *story;
    uint64_t n;
    bool on;
    unsigned kinds, count;
    int result;
} now;

static int say_which(void **state)
{
    (void)state;
    print_message("the last run: %s, call %llu%s; disk: kinds %#x, %u times, %s\n", now.story,
                  (unsigned long long)now.n, now.on ? " and all after it" : "", now.kinds,
                  now.count, ate_result_name(now.result));
    return 0;
}

struct counts {
    uint64_t runs, failed_calls;
};

static void begin_run(struct run *r, const struct story *s)
{
    run_init(r, s);
    heap_start();
}

static void end_run(struct run *r, struct counts *counts)
{
    counts->failed_calls += r->errors;
    counts->runs++;
    run_check(r);
    heap_stop();
    run_deinit(r);
}

/* attempts: of what was refused in turn. */
static void say(const struct story *s, uint64_t attempts, const char *of_what,
                const struct counts *counts)
{
    print_message("%s: about %llu %s, %llu runs, %llu calls failed\n", s->name,
                  (unsigned long long)attempts, of_what, (unsigned long long)counts->runs,
                  (unsigned long long)counts->failed_calls);
    assert_true(counts->failed_calls > counts->runs / 4);
}

/* ---- memory ---- */

static bool without_memory(const struct story *s, uint64_t n, bool on, struct counts *counts)
{
    struct run r;
    now = (typeof(now)){.story = s->name, .n = n, .on = on};
    begin_run(&r, s);
    heap_fail(n, on);
    run_story(&r);
    bool failed = heap_failed();
    end_run(&r, counts);
    return failed;
}

static void sweep_memory(const struct story *s, uint64_t stride)
{
    struct counts counts = {0, 0};
    uint64_t allocations = 0;
    for (unsigned on = 0; on < 2; on++)
        for (uint64_t n = 1; without_memory(s, n, on, &counts); n += on ? 3 * stride : stride)
            allocations = n;
    say(s, allocations, "allocations", &counts);
}

/* ---- the disk ---- */

static const struct {
    unsigned kinds, count;
    int result;
} rows[] = {
    {SIMDISK_MUTATING, 1, ATE_E_IO},
    {SIMDISK_MUTATING, UINT32_MAX, ATE_E_IO},
    {SIMDISK_WRITE | SIMDISK_CREATE, 1, ATE_E_NO_SPACE},
    {SIMDISK_SYNC | SIMDISK_SYNC_DIR, 2, ATE_E_IO},
    {SIMDISK_READ | SIMDISK_OPEN | SIMDISK_STAT | SIMDISK_LIST, 1, ATE_E_IO},
    {SIMDISK_ALL, 3, ATE_E_IO},
};

static bool without_disk(const struct story *s, size_t row, uint64_t n, struct counts *counts)
{
    struct run r;
    now = (typeof(now)){s->name, n, false, rows[row].kinds, rows[row].count, rows[row].result};
    begin_run(&r, s);
    simdisk_fail(r.disk, rows[row].kinds, n, rows[row].count, rows[row].result);
    run_story(&r);
    bool failed = simdisk_failed(r.disk);
    end_run(&r, counts);
    return failed;
}

static void sweep_disk(const struct story *s, uint64_t stride)
{
    struct counts counts = {0, 0};
    uint64_t calls = 0;
    for (size_t row = 0; row < sizeof rows / sizeof rows[0]; row++) {
        uint64_t n = 1;
        for (; without_disk(s, row, n, &counts); n += stride)
            calls = n;
        assert_true(n > 1); /* the story makes such calls */
    }
    say(s, calls, "calls to the disk", &counts);
}

/* A disk that holds so many pages more than it does now. */
static bool on_a_small_disk(const struct story *s, uint64_t pages, struct counts *counts)
{
    struct run r;
    now = (typeof(now)){.story = s->name, .n = pages, .result = ATE_E_NO_SPACE};
    begin_run(&r, s);
    r.limited = true;
    simdisk_limit(r.disk, simdisk_used(r.disk) + pages * 4096);
    run_story(&r);
    bool failed = r.errors != 0;
    end_run(&r, counts);
    return failed;
}

static void sweep_space(const struct story *s)
{
    struct counts counts = {0, 0};
    uint64_t pages = 0;
    while (on_a_small_disk(s, pages, &counts))
        pages += pages < 64 ? 1 : 16;
    say(s, pages, "pages are enough", &counts);
}

/* ---- the stories ---- */

static uint64_t seed;

static void sweep(const char *name, bool has_keys, bool is_signed, enum story_begin begin,
                  uint64_t memory_stride, uint64_t disk_stride)
{
    struct story s;
    story_init(&s, name, has_keys, is_signed, begin, seed);
    struct run r; /* undisturbed; what is made once in a process is made here */
    run_init(&r, &s);
    run_story(&r);
    assert_int_equal(r.errors, 0);
    assert_int_equal(r.acked, s.acked + 2);
    run_check(&r);
    run_deinit(&r);
    sweep_memory(&s, memory_stride);
    sweep_disk(&s, disk_stride);
    sweep_space(&s);
    story_deinit(&s);
}

static void made(void **state)
{
    (void)state;
    sweep("made", false, false, STORY_NEW, 1, 1);
}

static void opened(void **state)
{
    (void)state;
    sweep("opened", false, false, STORY_CLOSED, 1, 1);
}

static void torn(void **state)
{
    (void)state;
    sweep("after a power loss", false, false, STORY_TORN, 1, 1);
}

static void sealed(void **state)
{
    (void)state;
    sweep("private", true, false, STORY_CLOSED, 1, 1);
}

static void signed_and_made(void **state)
{
    (void)state;
    sweep("private, signed, made", true, true, STORY_NEW, 7, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(made, say_which),
        cmocka_unit_test_teardown(opened, say_which),
        cmocka_unit_test_teardown(torn, say_which),
        cmocka_unit_test_teardown(sealed, say_which),
        cmocka_unit_test_teardown(signed_and_made, say_which),
    };
    seed = rnd_seed(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
