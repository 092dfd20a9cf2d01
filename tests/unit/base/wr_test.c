/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "base/err.h"
#include "base/rd.h"
#include "base/wr.h"
#include "lib/check.h"
#include "lib/heap.h"
#include "lib/rnd.h"

static void test_bytes(void **state)
{
    (void)state;
    struct ate__buf b = ATE__BUF_NULL;
    assert_int_equal(ate__buf_append(&b, ate__text_bytes("<")), 0);
    struct ate__wr w = ate__wr_of(&b);
    ate__wr_u8(&w, 1);
    ate__wr_u16(&w, 0x0302);
    ate__wr_u32(&w, 0x07060504);
    ate__wr_u64(&w, 0x0f0e0d0c0b0a0908);
    ate__wr_zeros(&w, 2);
    ate__wr_copy(&w, "xy", 2);
    ate__wr_bytes(&w, ate__bytes(NULL, 0));
    ate__wr_bytes32(&w, ate__text_bytes("z"));
    assert_int_equal(ate__wr_end(&w), 0);
    static const char expected[] = "<\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17"
                                   "\0\0xy\1\0\0\0z";
    assert_int_equal(b.size, sizeof expected - 1);
    assert_memory_equal(b.data, expected, b.size);
    ate__buf_deinit(&b);
}

static void test_varint(void **state)
{
    (void)state;
    static const struct {
        uint64_t value;
        size_t size;
    } table[] = {
        {0, 1},     {127, 1},        {128, 2},         {16383, 2},
        {16384, 3}, {UINT32_MAX, 5}, {1ull << 63, 10}, {UINT64_MAX, 10},
    };
    struct ate__buf b = ATE__BUF_NULL;
    for (size_t i = 0; i < ATE__COUNT_OF(table); i++) {
        ate__buf_clear(&b);
        struct ate__wr w = ate__wr_of(&b);
        ate__wr_varint(&w, table[i].value);
        assert_int_equal(b.size, table[i].size);
        struct ate__rd r = ate__rd_of(ate__buf_bytes(&b));
        assert_true(ate__rd_varint(&r) == table[i].value);
        assert_true(ate__rd_end(&r));
    }
    ate__buf_deinit(&b);
}

static void test_reserve(void **state)
{
    (void)state;
    struct ate__buf b = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&b);
    ate__wr_u8(&w, 9);
    size_t outer = ate__wr_reserve32(&w);
    ate__wr_copy(&w, "ab", 2);
    size_t inner = ate__wr_reserve32(&w);
    ate__wr_zeros(&w, 3);
    ate__wr_fill32(&w, inner);
    size_t empty = ate__wr_reserve32(&w);
    ate__wr_fill32(&w, empty);
    ate__wr_fill32(&w, outer);
    assert_int_equal(ate__wr_end(&w), 0);
    assert_int_equal(b.size, 18);
    assert_memory_equal(b.data, "\11\15\0\0\0ab\3\0\0\0\0\0\0\0\0\0\0", b.size);
    ate__buf_deinit(&b);
}

enum { KINDS = 9 };

/* Writes what `rnd` says, or reads it back and compares. */
static void write_one(struct ate__wr *w, struct rnd *rnd)
{
    uint8_t bytes[300];
    uint64_t kind = rnd_below(rnd, KINDS), v = rnd_u64(rnd) >> rnd_below(rnd, 64);
    size_t size = rnd_below(rnd, sizeof bytes);
    rnd_bytes(rnd, bytes, sizeof bytes);
    switch (kind) {
    case 0: ate__wr_u8(w, (uint8_t)v); break;
    case 1: ate__wr_u16(w, (uint16_t)v); break;
    case 2: ate__wr_u32(w, (uint32_t)v); break;
    case 3: ate__wr_u64(w, v); break;
    case 4: ate__wr_varint(w, v); break;
    case 5: ate__wr_copy(w, bytes, size); break;
    case 6: ate__wr_bytes32(w, ate__bytes(bytes, size)); break;
    case 7: ate__wr_id(w, (const struct ate_id *)bytes); break;
    default: ate__wr_hash(w, (const struct ate_hash *)bytes); break;
    }
}

static void read_one(struct ate__rd *r, struct rnd *rnd)
{
    uint8_t bytes[300], got[300];
    uint64_t kind = rnd_below(rnd, KINDS), v = rnd_u64(rnd) >> rnd_below(rnd, 64);
    size_t size = rnd_below(rnd, sizeof bytes);
    rnd_bytes(rnd, bytes, sizeof bytes);
    switch (kind) {
    case 0: assert_int_equal(ate__rd_u8(r), (uint8_t)v); break;
    case 1: assert_int_equal(ate__rd_u16(r), (uint16_t)v); break;
    case 2: assert_int_equal(ate__rd_u32(r), (uint32_t)v); break;
    case 3: assert_true(ate__rd_u64(r) == v); break;
    case 4: assert_true(ate__rd_varint(r) == v); break;
    case 5:
        ate__rd_copy(r, got, size);
        assert_memory_equal(got, bytes, size);
        break;
    case 6: assert_true(ate__bytes_equal(ate__rd_bytes32(r, size), ate__bytes(bytes, size))); break;
    case 7: {
        struct ate_id id = ate__rd_id(r);
        assert_memory_equal(&id, bytes, sizeof id);
        break;
    }
    default: {
        struct ate_hash hash = ate__rd_hash(r);
        assert_memory_equal(&hash, bytes, sizeof hash);
    }
    }
}

static void test_round_trip(void **state)
{
    (void)state;
    uint64_t seed = rnd_seed(4);
    heap_start();
    for (uint64_t i = 0; i < 300; i++) {
        struct rnd writing = rnd_of(seed + i), reading = writing;
        struct ate__buf b = ATE__BUF_NULL;
        struct ate__wr w = ate__wr_of(&b);
        for (uint64_t n = i; n; n--)
            write_one(&w, &writing);
        assert_int_equal(ate__wr_end(&w), 0);
        struct ate__rd r = ate__rd_of(ate__buf_bytes(&b));
        for (uint64_t n = i; n; n--)
            read_one(&r, &reading);
        assert_true(ate__rd_end(&r));
        ate__buf_deinit(&b);
    }
    heap_stop();
}

static int write_much(void *arg)
{
    struct rnd rnd = rnd_of(*(uint64_t *)arg);
    struct ate__buf b = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&b);
    size_t mark = ate__wr_reserve32(&w);
    for (int i = 0; i < 50; i++)
        write_one(&w, &rnd);
    ate__wr_zeros(&w, 5000);
    ate__wr_fill32(&w, mark);
    size_t size = b.size;
    if (w.failed) {
        /* Sticky: nothing more is written once something was lost. */
        ate__wr_u8(&w, 1);
        assert_int_equal(b.size, size);
    }
    ate__buf_deinit(&b);
    return ate__wr_end(&w);
}

static void test_no_memory(void **state)
{
    (void)state;
    uint64_t seed = rnd_seed(5);
    assert_true(heap_sweep(write_much, &seed, false) > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes),     cmocka_unit_test(test_varint),
        cmocka_unit_test(test_reserve),   cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
