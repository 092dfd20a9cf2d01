/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "crypto/secret.h"
#include "base/err.h"
#include "crypto/limits.h"
#include "help.h"
#include "lib/heap.h"
#include "lib/rnd.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Reads what was freed, which a sanitizer would rightly refuse. */
__attribute__((no_sanitize("address"))) static bool is_zero(const volatile uint8_t *p, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (p[i])
            return false;
    return true;
}

static void blocks_come_zeroed_and_aligned(void **state)
{
    (void)state;
    static const size_t size[] = {0, 1, 31, 32, 48, 49, 64, 1000, 4096, 32768, 100000};
    void *block[ATE__COUNT_OF(size)];
    for (size_t i = 0; i < ATE__COUNT_OF(size); i++) {
        block[i] = ate__secret_alloc(size[i]);
        assert_non_null(block[i]);
        assert_int_equal((uintptr_t)block[i] % _Alignof(max_align_t), 0);
        assert_true(is_zero(block[i], size[i]));
        memset(block[i], 0xa5, size[i]);
    }
    assert_int_equal(ate__secret_blocks(), ATE__COUNT_OF(size));
    for (size_t i = 0; i < ATE__COUNT_OF(size); i++)
        ate__secret_free(block[i]);
    ate__secret_free(NULL);
    assert_int_equal(ate__secret_blocks(), 0);
}

/* The kernel says it of the pages, in the flags of their mapping. */
static void pages_are_left_out_of_dumps(void **state)
{
    (void)state;
    char line[512];
    bool ours = false, told = false, left_out = false;
    void *block = ate__secret_alloc(32);
    FILE *f = fopen("/proc/self/smaps", "re");
    assert_non_null(block);
    while (f && fgets(line, sizeof line, f)) {
        unsigned long from, to;
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
            ours = (uintptr_t)block >= from && (uintptr_t)block < to;
        if (ours && !strncmp(line, "VmFlags:", 8)) {
            told = true;
            left_out = strstr(line, " dd") != NULL;
        }
    }
    if (f)
        fclose(f);
    ate__secret_free(block);
    if (!told)
        skip(); /* a system that does not say */
    assert_true(left_out);
}

static void freed_blocks_are_wiped(void **state)
{
    (void)state;
    void *keeps_the_chunk = ate__secret_alloc(1);
    assert_non_null(keeps_the_chunk);
    for (size_t size = 1; size < 300; size += 7) {
        uint8_t *block = ate__secret_alloc(size);
        assert_non_null(block);
        memset(block, 0xa5, size);
        ate__secret_free(block);
        assert_true(is_zero(block, size));
    }
    struct ate__secret s;
    assert_int_equal(ate__secret_init(&s, 500), 0);
    assert_int_equal(s.size, 500);
    uint8_t *data = s.data;
    memset(data, 0xa5, 500);
    ate__secret_deinit(&s);
    assert_null(s.data);
    assert_int_equal(s.size, 0);
    assert_true(is_zero(data, 500));
    ate__secret_deinit(&s);
    ate__secret_free(keeps_the_chunk);
}

static void keys_are_wiped(void **state)
{
    (void)state;
    struct ate__key32 key;
    memset(&key, 0xa5, sizeof key);
    ate__key32_deinit(&key);
    assert_true(is_zero(key.b, sizeof key.b));
    ate__wipe(NULL, 0);
}

/* Random allocations, each filled with a pattern of its own, checked when freed. */
static void blocks_do_not_overlap(void **state)
{
    (void)state;
    enum { SLOTS = 200, STEPS = 20000 };
    static struct {
        uint8_t *block;
        size_t size;
        uint8_t fill;
    } slot[SLOTS];
    struct rnd rnd = rnd_of(rnd_seed(1));
    for (unsigned step = 0; step < STEPS + SLOTS; step++) {
        uint64_t i = step < STEPS ? rnd_below(&rnd, SLOTS) : step - STEPS;
        if (slot[i].block) {
            for (size_t k = 0; k < slot[i].size; k++)
                assert_int_equal(slot[i].block[k], slot[i].fill);
            ate__secret_free(slot[i].block);
            slot[i].block = NULL;
        } else if (step < STEPS) {
            slot[i].size = (size_t)rnd_below(&rnd, rnd_below(&rnd, 20) ? 600 : 50000);
            slot[i].fill = (uint8_t)(1 + rnd_below(&rnd, 255));
            slot[i].block = ate__secret_alloc(slot[i].size);
            assert_non_null(slot[i].block);
            assert_true(is_zero(slot[i].block, slot[i].size));
            memset(slot[i].block, slot[i].fill, slot[i].size);
        }
    }
    assert_int_equal(ate__secret_blocks(), 0);
}

static void *churn(void *arg)
{
    for (unsigned i = 0; i < 2000; i++) {
        uint8_t *block = ate__secret_alloc(i % 700);
        if (!block || !is_zero(block, i % 700)) {
            *(bool *)arg = false;
            break;
        }
        memset(block, 0xa5, i % 700);
        ate__secret_free(block);
    }
    return NULL;
}

static void threads_share_the_pages(void **state)
{
    (void)state;
    pthread_t thread[4];
    bool good[4] = {true, true, true, true};
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, churn, &good[i]), 0);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(thread[i], NULL), 0);
        assert_true(good[i]);
    }
    assert_int_equal(ate__secret_blocks(), 0);
}

static void too_much_is_refused(void **state)
{
    (void)state;
    struct ate__secret s = {NULL, 7};
    assert_null(ate__secret_alloc((size_t)ATE__SECRET_MAX + 1));
    assert_null(ate__secret_alloc(SIZE_MAX));
    assert_int_equal(ate__secret_init(&s, SIZE_MAX - 5), ATE_E_MEMORY);
    assert_int_equal(s.size, 7);
    assert_int_equal(ate__secret_blocks(), 0);
}

static int make_a_secret(void *arg)
{
    (void)arg;
    struct ate__secret s;
    int rc = ate__secret_init(&s, 40000);
    if (!rc)
        ate__secret_deinit(&s);
    return rc;
}

static void memory_failures_are_said(void **state)
{
    (void)state;
    assert_true(heap_sweep(make_a_secret, NULL, false) >= 1);
    assert_int_equal(ate__secret_blocks(), 0);
}

static void comparison(void **state)
{
    (void)state;
    uint8_t a[40], b[40];
    memset(a, 3, sizeof a);
    memset(b, 3, sizeof b);
    assert_true(ate__secret_equal(a, b, sizeof a));
    for (unsigned i = 0; i < 8 * sizeof a; i++) {
        b[i / 8] ^= (uint8_t)(1 << i % 8);
        assert_false(ate__secret_equal(a, b, sizeof a));
        b[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    assert_true(ate__secret_equal(a, b, 0));
}

/* In a process of its own: a limit of locked memory that fits nothing does not matter. */
static void works_without_locked_memory(void **state)
{
    (void)state;
    pid_t child = fork();
    assert_int_not_equal(child, -1);
    if (!child) {
        bool good = !setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){0, 0});
        void *block[40];
        for (unsigned i = 0; i < 40; i++)
            good = (block[i] = ate__secret_alloc(4000)) && good;
        for (unsigned i = 0; i < 40; i++)
            ate__secret_free(block[i]);
        _exit(good && !ate__secret_blocks() ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void hardened_process_dumps_no_core(void **state)
{
    (void)state;
    pid_t child = fork();
    assert_int_not_equal(child, -1);
    if (!child) {
        ate__process_harden();
        struct rlimit core;
        bool good = prctl(PR_GET_DUMPABLE) == 0 && !getrlimit(RLIMIT_CORE, &core) &&
                    !core.rlim_cur && !core.rlim_max;
        _exit(good ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_come_zeroed_and_aligned),
        cmocka_unit_test(pages_are_left_out_of_dumps),
        cmocka_unit_test(freed_blocks_are_wiped),
        cmocka_unit_test(keys_are_wiped),
        cmocka_unit_test(blocks_do_not_overlap),
        cmocka_unit_test(threads_share_the_pages),
        cmocka_unit_test(too_much_is_refused),
        cmocka_unit_test(memory_failures_are_said),
        cmocka_unit_test(comparison),
        cmocka_unit_test(works_without_locked_memory),
        cmocka_unit_test(hardened_process_dumps_no_core),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
