/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "base/endian.h"
#include "lib/check.h"
#include "lib/rnd.h"

static void test_order(void **state)
{
    (void)state;
    uint8_t p[9] = {0};
    for (int shift = 0; shift < 2; shift++) {
        uint8_t *q = p + shift;
        ate__store16(q, 0x0201);
        assert_memory_equal(q, "\1\2", 2);
        ate__store32(q, 0x04030201);
        assert_memory_equal(q, "\1\2\3\4", 4);
        ate__store64(q, 0x0807060504030201);
        assert_memory_equal(q, "\1\2\3\4\5\6\7\10", 8);
        assert_int_equal(ate__load16(q), 0x0201);
        assert_int_equal(ate__load32(q), 0x04030201);
        assert_true(ate__load64(q) == 0x0807060504030201);
        ate__store64be(q, 0x0102030405060708);
        assert_memory_equal(q, "\1\2\3\4\5\6\7\10", 8);
    }
}

static void test_round_trip(void **state)
{
    (void)state;
    struct rnd r = rnd_of(rnd_seed(6));
    uint8_t p[8];
    for (int i = 0; i < 1000; i++) {
        uint64_t v = rnd_u64(&r);
        ate__store64(p, v);
        assert_true(ate__load64(p) == v);
        ate__store64be(p, v);
        assert_true(ate__load64(p) == __builtin_bswap64(v));
        ate__store32(p, (uint32_t)v);
        assert_true(ate__load32(p) == (uint32_t)v);
        ate__store16(p, (uint16_t)v);
        assert_true(ate__load16(p) == (uint16_t)v);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
