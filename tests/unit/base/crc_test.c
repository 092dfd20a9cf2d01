/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "base/crc.h"
#include "lib/check.h"
#include "lib/rnd.h"

typedef uint32_t crc_function(uint32_t seed, const void *data, size_t size);
static crc_function *const both[] = {ate__crc32c, ate__crc32c_portable};

/* RFC 3720, appendix B.4, and the check value of the CRC catalogue. */
static void test_vectors(void **state)
{
    (void)state;
    static const uint8_t read_pdu[48] = {
        0x01, 0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04, 0x00,
        0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x18, 0x28, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    };
    uint8_t zeros[32] = {0}, ones[32], rising[32], falling[32];
    for (int i = 0; i < 32; i++) {
        ones[i] = 0xff;
        rising[i] = (uint8_t)i;
        falling[i] = (uint8_t)(31 - i);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(both[i](0, zeros, 32), 0x8a9136aa);
        assert_int_equal(both[i](0, ones, 32), 0x62a8ab43);
        assert_int_equal(both[i](0, rising, 32), 0x46dd794e);
        assert_int_equal(both[i](0, falling, 32), 0x113fdb5c);
        assert_int_equal(both[i](0, read_pdu, 48), 0xd9963a56);
        assert_int_equal(both[i](0, "123456789", 9), 0xe3069283);
        assert_int_equal(both[i](0, NULL, 0), 0);
        assert_int_equal(both[i](0x12345678, NULL, 0), 0x12345678);
    }
}

/* Both ways agree at every alignment and length, and a cut anywhere continues. */
static void test_continues(void **state)
{
    (void)state;
    struct rnd r = rnd_of(rnd_seed(1));
    uint8_t bytes[300];
    rnd_bytes(&r, bytes, sizeof bytes);
    for (int i = 0; i < 20000; i++) {
        size_t from = rnd_below(&r, 9), size = rnd_below(&r, sizeof bytes - from + 1);
        size_t cut = rnd_below(&r, size + 1);
        uint32_t seed = (uint32_t)rnd_u64(&r);
        uint32_t whole = ate__crc32c(seed, bytes + from, size);
        assert_int_equal(whole, ate__crc32c_portable(seed, bytes + from, size));
        uint32_t part = both[i & 1](seed, bytes + from, cut);
        assert_int_equal(both[i >> 1 & 1](part, bytes + from + cut, size - cut), whole);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_continues),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
