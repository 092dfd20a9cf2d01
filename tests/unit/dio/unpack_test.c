/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "dio/unpack.h"
#include "ate/result.h"
#include "dio/limits.h"
#include "lib/check.h"
#include "sample.h"

static int first_of(const char *hex, struct ate__unpacked *ret)
{
    struct arena a = {NULL, 0};
    struct ate_bytes bytes = exact_copy(arena_hex(&a, hex));
    struct ate__rd r = ate__rd_of(bytes);
    int rc = ate__unpack(&r, ret);
    if (!rc && ret->kind != ATE__LIST && ret->kind != ATE__MAP)
        assert_true(ate__rd_end(&r));
    test_free((void *)bytes.data);
    arena_free(&a);
    return rc;
}

/* One value of each head, with what it must give. */
static void test_heads(void **state)
{
    (void)state;
    struct {
        const char *hex;
        enum ate__unpacked_kind kind;
        uint64_t value; /* number, size or count */
    } cases[] = {
        {"00", ATE__UINT, 0},
        {"7f", ATE__UINT, 127},
        {"ff", ATE__INT, (uint64_t)-1},
        {"e0", ATE__INT, (uint64_t)-32},
        {"cc80", ATE__UINT, 128},
        {"cd0100", ATE__UINT, 256},
        {"ce00010000", ATE__UINT, 65536},
        {"cfffffffffffffffff", ATE__UINT, UINT64_MAX},
        {"d080", ATE__INT, (uint64_t)-128},
        {"d07f", ATE__UINT, 127},
        {"d18000", ATE__INT, (uint64_t)-32768},
        {"d280000000", ATE__INT, (uint64_t)INT32_MIN},
        {"d38000000000000000", ATE__INT, (uint64_t)INT64_MIN},
        {"d37fffffffffffffff", ATE__UINT, INT64_MAX},
        {"c0", ATE__NIL, 0},
        {"c2", ATE__BOOL, 0},
        {"c3", ATE__BOOL, 1},
        {"a0", ATE__TEXT, 0},
        {"a3616263", ATE__TEXT, 3},
        {"d90161", ATE__TEXT, 1},
        {"da000161", ATE__TEXT, 1},
        {"db0000000161", ATE__TEXT, 1},
        {"c40161", ATE__BYTES, 1},
        {"c5000161", ATE__BYTES, 1},
        {"c60000000161", ATE__BYTES, 1},
        {"c7020561 62", ATE__EXT, 2},
        {"c800020561 62", ATE__EXT, 2},
        {"c9000000020561 62", ATE__EXT, 2},
        {"d40500", ATE__EXT, 1},
        {"d5050000", ATE__EXT, 2},
        {"d60500000000", ATE__EXT, 4},
        {"d7050000000000000000", ATE__EXT, 8},
        {"d80500000000000000000000000000000000", ATE__EXT, 16},
        {"9101", ATE__LIST, 1},
        {"dc000101", ATE__LIST, 1},
        {"dd0000000101", ATE__LIST, 1},
        {"810102", ATE__MAP, 1},
        {"de00010102", ATE__MAP, 1},
        {"df000000010102", ATE__MAP, 1},
    };
    for (size_t i = 0; i < ATE__COUNT_OF(cases); i++) {
        struct ate__unpacked u;
        assert_int_equal(first_of(cases[i].hex, &u), 0);
        assert_int_equal(u.kind, cases[i].kind);
        uint64_t value = 0;
        switch (u.kind) {
        case ATE__BOOL: value = u.truth; break;
        case ATE__UINT: value = u.uint; break;
        case ATE__INT: value = (uint64_t)u.sint; break;
        case ATE__TEXT:
        case ATE__BYTES:
        case ATE__EXT: value = u.bytes.size; break;
        case ATE__LIST:
        case ATE__MAP: value = u.count; break;
        default: break;
        }
        assert_true(value == cases[i].value);
        assert_non_null(ate__unpacked_text(&u));
    }
}

static void test_floats(void **state)
{
    (void)state;
    struct ate__unpacked u;
    assert_int_equal(first_of("ca3fc00000", &u), 0);
    assert_true(u.kind == ATE__FLOAT && u.is_32 && u.real == 1.5);
    assert_int_equal(first_of("cb3ff8000000000000", &u), 0);
    assert_true(u.kind == ATE__FLOAT && !u.is_32 && u.real == 1.5);
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "c1",
        "cc",
        "cd00",
        "cfffffffffffffff",
        "ca3fc000",
        "cb3ff8",
        "a2 61",
        "d9",
        "d905",
        "da00",
        "dbffffffff61",
        "c4ff00",
        "c6ffffffff",
        "c7",
        "c701",
        "c7ff05",
        "d4",
        "d405",
        "91",
        "dc00",
        "dc0001",
        "ddffffffff",
        "81",
        "8101",
        "de0001",
        "dfffffffff",
        "dfffffffff0102",
        "df8000000000",
    };
    for (size_t i = 0; i < ATE__COUNT_OF(cases); i++) {
        struct ate__unpacked u = {.kind = ATE__EXT};
        assert_int_equal(first_of(cases[i], &u), ATE_MALFORMED);
        assert_int_equal(u.kind, ATE__EXT);
    }
}

/* The whole of a nested value, cut at every byte. */
static void test_whole(void **state)
{
    (void)state;
    struct arena a = {NULL, 0};
    struct ate_bytes bytes = arena_hex(&a, "82 a161 93 01 90 80 a162 81 c3 92 c0 d40500");
    for (size_t size = 0; size <= bytes.size; size++) {
        struct ate_bytes part = exact_copy(ate__bytes(bytes.data, size)), whole = {NULL, 0};
        struct ate__rd r = ate__rd_of(part);
        int rc = ate__unpack_whole(&r, 4, &whole);
        assert_int_equal(rc, size == bytes.size ? 0 : ATE_MALFORMED);
        if (!rc)
            assert_true(whole.data == part.data && whole.size == size && ate__rd_end(&r));
        test_free((void *)part.data);
    }
    arena_free(&a);
}

static void test_depth(void **state)
{
    (void)state;
    uint8_t bytes[ATE__OBJECT_DEPTH_MAX + 2];
    memset(bytes, 0x91, sizeof bytes);
    for (unsigned depth = 1; depth <= ATE__OBJECT_DEPTH_MAX; depth++) {
        struct ate_bytes whole;
        memset(bytes, 0x91, sizeof bytes);
        bytes[depth] = 1;
        struct ate__rd r = ate__rd_of(ate__bytes(bytes, sizeof bytes));
        assert_int_equal(ate__unpack_whole(&r, depth, &whole), 0);
        assert_int_equal(whole.size, depth + 1);
        r = ate__rd_of(ate__bytes(bytes, sizeof bytes));
        assert_int_equal(ate__unpack_whole(&r, depth - 1, &whole), ATE_TOO_BIG);
    }
    memset(bytes, 0x80, sizeof bytes);
    struct ate__rd r = ate__rd_of(ate__bytes(bytes, 1));
    struct ate_bytes whole;
    assert_int_equal(ate__unpack_whole(&r, 0, &whole), ATE_TOO_BIG);
}

/* Bytes at random: a result, never a read outside, and a view inside. */
static void test_random(void **state)
{
    (void)state;
    struct rnd r = rnd_of(rnd_seed(1));
    for (int i = 0; i < 20000; i++) {
        uint8_t bytes[64];
        size_t size = rnd_below(&r, sizeof bytes);
        rnd_bytes(&r, bytes, size);
        struct ate_bytes exact = exact_copy(ate__bytes(bytes, size)), whole = {NULL, 0};
        struct ate__rd rd = ate__rd_of(exact);
        int rc = ate__unpack_whole(&rd, ATE__OBJECT_DEPTH_MAX, &whole);
        assert_true(rc == 0 || rc == ATE_MALFORMED || rc == ATE_TOO_BIG);
        if (!rc)
            assert_true(whole.data == exact.data && whole.size <= size);
        test_free((void *)exact.data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heads), cmocka_unit_test(test_floats), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_whole), cmocka_unit_test(test_depth),  cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
