/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "base/endian.h"
#include "base/rd.h"
#include "lib/check.h"
#include "lib/rnd.h"

/* A view at the end of a block of its own, so that the sanitizer sees a read behind it. */
static struct ate_bytes exact(const void *data, size_t size)
{
    uint8_t *copy = test_malloc(size ? size : 1);
    if (size)
        memcpy(copy, data, size);
    return ate__bytes(copy, size);
}

static void test_fixed(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0xf0};
    struct ate__rd r = ate__rd_of(ate__bytes(bytes, sizeof bytes));
    assert_int_equal(ate__rd_u8(&r), 1);
    assert_int_equal(ate__rd_u16(&r), 0x0302);
    assert_int_equal(ate__rd_u32(&r), 0x07060504);
    assert_true(ate__rd_u64(&r) == 0x0f0e0d0c0b0a0908);
    assert_int_equal(ate__rd_left(&r), 1);
    assert_true(ate__rd_ok(&r) && !ate__rd_end(&r));
    assert_int_equal(ate__rd_u8(&r), 0xf0);
    assert_true(ate__rd_ok(&r) && ate__rd_end(&r));
    assert_int_equal(ate__rd_u8(&r), 0);
    assert_true(!ate__rd_ok(&r) && !ate__rd_end(&r));
}

/* Every reader on every too short input: fails, gives zeros, stays failed, consumes nothing. */
static void test_over_read(void **state)
{
    (void)state;
    uint8_t ones[64];
    memset(ones, 0x7f, sizeof ones);
    for (size_t size = 0; size < 33; size++) {
        for (int kind = 0; kind < 7; kind++) {
            static const size_t needed[] = {1, 2, 4, 8, 16, 32, 20};
            if (size >= needed[kind])
                continue;
            struct ate_bytes bytes = exact(ones, size);
            struct ate__rd r = ate__rd_of(bytes);
            uint8_t copy[20];
            memset(copy, 1, sizeof copy);
            struct ate_id id = {{1}};
            struct ate_hash hash = {{1}};
            switch (kind) {
            case 0: assert_int_equal(ate__rd_u8(&r), 0); break;
            case 1: assert_int_equal(ate__rd_u16(&r), 0); break;
            case 2: assert_int_equal(ate__rd_u32(&r), 0); break;
            case 3: assert_int_equal(ate__rd_u64(&r), 0); break;
            case 4:
                id = ate__rd_id(&r);
                assert_true(ate__id_equal(&id, &(struct ate_id){{0}}));
                break;
            case 5:
                hash = ate__rd_hash(&r);
                assert_true(ate__hash_is_zero(&hash));
                break;
            default:
                ate__rd_copy(&r, copy, sizeof copy);
                for (size_t i = 0; i < sizeof copy; i++)
                    assert_int_equal(copy[i], 0);
            }
            assert_false(ate__rd_ok(&r));
            assert_int_equal(ate__rd_left(&r), 0);
            assert_int_equal(ate__rd_u8(&r), 0);
            assert_null(ate__rd_bytes(&r, 0).data);
            assert_false(ate__rd_ok(&r) || ate__rd_end(&r));
            test_free((void *)bytes.data);
        }
    }
}

static void test_bytes(void **state)
{
    (void)state;
    struct ate__rd r = ate__rd_of(ate__text_bytes("abcdef"));
    struct ate_bytes view = ate__rd_bytes(&r, 2);
    assert_ptr_equal(view.data, r.data);
    assert_int_equal(view.size, 2);
    assert_int_equal(ate__rd_bytes(&r, 0).size, 0);
    assert_true(ate__rd_ok(&r));
    view = ate__rd_bytes(&r, SIZE_MAX);
    assert_true(!view.data && !view.size && !ate__rd_ok(&r));

    r = ate__rd_of(ate__bytes(NULL, 0));
    assert_true(ate__rd_end(&r));
    assert_int_equal(ate__rd_bytes(&r, 0).size, 0);
    ate__rd_copy(&r, NULL, 0);
    assert_true(ate__rd_end(&r));
    ate__rd_fail(&r);
    assert_false(ate__rd_end(&r));
}

static void test_bytes32(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size, max;
        bool good;
    } table[] = {
        {"\3\0\0\0abc", 7, 3, true},
        {"\3\0\0\0abc", 7, 2, false},
        {"\3\0\0\0ab", 6, 9, false},
        {"\0\0\0\0", 4, 0, true},
        {"\0\0\0", 3, 9, false},
        {"\1\0\0\0", 4, 9, false},
        {"\377\377\377\377abc", 7, SIZE_MAX, false},
    };
    for (size_t i = 0; i < ATE__COUNT_OF(table); i++) {
        struct ate_bytes bytes = exact(table[i].bytes, table[i].size);
        struct ate__rd r = ate__rd_of(bytes);
        struct ate_bytes view = ate__rd_bytes32(&r, table[i].max);
        assert_int_equal(ate__rd_ok(&r), table[i].good);
        assert_int_equal(view.size, table[i].good ? table[i].size - 4 : 0);
        test_free((void *)bytes.data);
    }
}

static void test_count(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        uint32_t max;
        size_t item;
        bool good;
        uint32_t count;
    } table[] = {
        {"\2\0\0\0abcd", 8, 2, 2, true, 2},
        {"\2\0\0\0abc", 7, 2, 2, false, 0},
        {"\2\0\0\0abcd", 8, 1, 2, false, 0},
        {"\0\0\0\0", 4, 0, 9, true, 0},
        {"\377\377\377\377", 4, UINT32_MAX, 1, false, 0},
        {"\377\377\377\377", 4, UINT32_MAX, SIZE_MAX, false, 0},
        {"\5\0\0\0", 4, 5, 0, true, 5},
        {"\6\0\0\0", 4, 5, 0, false, 0},
        {"\2\0\0", 3, 2, 1, false, 0},
        {"\2\0\0\0abcd", 8, 2, SIZE_MAX / 2 + 1, false, 0},
    };
    for (size_t i = 0; i < ATE__COUNT_OF(table); i++) {
        struct ate_bytes bytes = exact(table[i].bytes, table[i].size);
        struct ate__rd r = ate__rd_of(bytes);
        assert_int_equal(ate__rd_count(&r, table[i].max, table[i].item), table[i].count);
        assert_int_equal(ate__rd_ok(&r), table[i].good);
        test_free((void *)bytes.data);
    }
}

static void test_varint(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        bool good;
        uint64_t value;
    } table[] = {
        {"\0", 1, true, 0},
        {"\x7f", 1, true, 127},
        {"\x80\1", 2, true, 128},
        {"\xff\x7f", 2, true, 16383},
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\1", 10, true, UINT64_MAX},
        {"\x80\x80\x80\x80\x80\x80\x80\x80\x80\1", 10, true, UINT64_C(1) << 63},
        {"", 0, false, 0},
        {"\x80", 1, false, 0},
        {"\xff\xff", 2, false, 0},
        {"\x80\0", 2, false, 0},
        {"\xff\0", 2, false, 0},
        {"\x80\x80\0", 3, false, 0},
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\2", 10, false, 0},
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\0", 11, false, 0},
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\0", 10, false, 0},
        {"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\1", 13, false, 0},
    };
    for (size_t i = 0; i < ATE__COUNT_OF(table); i++) {
        struct ate_bytes bytes = exact(table[i].bytes, table[i].size);
        struct ate__rd r = ate__rd_of(bytes);
        assert_true(ate__rd_varint(&r) == table[i].value);
        assert_int_equal(ate__rd_ok(&r), table[i].good);
        assert_int_equal(r.at, table[i].good ? table[i].size : 0);
        test_free((void *)bytes.data);
    }
}

/* Random reads of random bytes: the cursor never leaves them, whatever is asked. */
static void test_random(void **state)
{
    (void)state;
    struct rnd rnd = rnd_of(rnd_seed(3));
    for (int i = 0; i < 5000; i++) {
        uint8_t data[80], to[64];
        size_t size = rnd_below(&rnd, sizeof data + 1);
        rnd_bytes(&rnd, data, size);
        struct ate_bytes bytes = exact(data, size);
        struct ate__rd r = ate__rd_of(bytes);
        while (ate__rd_left(&r)) {
            size_t at = r.at;
            switch (rnd_below(&rnd, 8)) {
            case 0: ate__rd_u8(&r); break;
            case 1: ate__rd_u16(&r); break;
            case 2: ate__rd_u64(&r); break;
            case 3: ate__rd_varint(&r); break;
            case 4: ate__rd_bytes32(&r, (size_t)rnd_below(&rnd, 300)); break;
            case 5: ate__rd_count(&r, (uint32_t)rnd_u64(&rnd), (size_t)rnd_below(&rnd, 4)); break;
            case 6: ate__rd_copy(&r, to, (size_t)rnd_below(&rnd, sizeof to)); break;
            default: ate__rd_bytes(&r, (size_t)rnd_u64(&rnd)); break;
            }
            assert_true(r.at >= at && r.at <= size);
        }
        test_free((void *)bytes.data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fixed),  cmocka_unit_test(test_over_read),
        cmocka_unit_test(test_bytes),  cmocka_unit_test(test_bytes32),
        cmocka_unit_test(test_count),  cmocka_unit_test(test_varint),
        cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
