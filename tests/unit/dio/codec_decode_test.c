/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "ate/result.h"
#include "base/alloc.h"
#include "base/err.h"
#include "dio/codec.h"
#include "dio/limits.h"
#include "lib/check.h"
#include "lib/heap.h"
#include "sample.h"

struct pair {
    const char *a;
    uint16_t b;
};
ATE_TYPE(pair, ATE_FIELD(a), ATE_FIELD(b));

/* One field of each kind, under a name of one letter. */
struct kinds {
    bool t;
    int8_t i;
    uint8_t u;
    int64_t l;
    uint64_t q;
    float f;
    double d;
    const char *s;
    struct ate_bytes b;
    struct ate_id n;
    struct ate_hash h;
    struct pair o;
    const int16_t *m;
    const struct pair *p;
    const int8_t *v;
    size_t v_count;
    const char *const *w;
    size_t w_count;
    const struct pair *x;
    size_t x_count;
    const struct sample_node *y;
    size_t y_count;
};
ATE_TYPE(kinds, ATE_FIELD(t), ATE_FIELD(i), ATE_FIELD(u), ATE_FIELD(l), ATE_FIELD(q), ATE_FIELD(f),
         ATE_FIELD(d), ATE_FIELD(s), ATE_FIELD(b), ATE_FIELD(n), ATE_FIELD(h), ATE_STRUCT(o, pair),
         ATE_OPTIONAL(m), ATE_OPTIONAL_STRUCT(p, pair), ATE_LIST(v, v_count), ATE_LIST(w, w_count),
         ATE_STRUCT_LIST(x, x_count, pair), ATE_STRUCT_LIST(y, y_count, sample_node));

static int decode(struct ate_bytes payload, struct kinds **ret)
{
    struct ate_bytes exact = exact_copy(payload);
    size_t size = 0;
    void *object = NULL;
    int rc = ate__codec_decode(ate_type_kinds(), exact, &object, &size);
    test_free((void *)exact.data); /* nothing of it is in the object */
    assert_true((rc == 0) == (object != NULL));
    assert_true(rc || size >= sizeof(struct kinds));
    *ret = object;
    return rc;
}

static int decode_hex(const char *hex, struct kinds **ret)
{
    struct arena a = {NULL, 0};
    int rc = decode(arena_hex(&a, hex), ret);
    arena_free(&a);
    return rc;
}

/* A map of the one field. */
static int decode_field(char name, const char *value_hex, struct kinds **ret)
{
    char hex[256];
    (void)snprintf(hex, sizeof hex, "81a1%02x%s", name, value_hex);
    return decode_hex(hex, ret);
}

static void test_accepted(void **state)
{
    (void)state;
    struct kinds *k;
    assert_int_equal(decode_hex("80", &k), 0);
    assert_true(sample_equal(ate_type_kinds(), k, &(struct kinds){.t = false}));
    ate__free(k);
#define FIELD(name, hex, truth)                                                                    \
    do {                                                                                           \
        assert_int_equal(decode_field(name, hex, &k), 0);                                          \
        assert_true(truth);                                                                        \
        ate__free(k);                                                                              \
    } while (0)
    FIELD('t', "c3", k->t);
    FIELD('i', "7f", k->i == 127);
    FIELD('i', "d080", k->i == -128);
    FIELD('i', "d3ffffffffffffff80", k->i == -128);
    FIELD('i', "cf0000000000000001", k->i == 1);
    FIELD('u', "ccff", k->u == 255);
    FIELD('l', "d38000000000000000", k->l == INT64_MIN);
    FIELD('l', "cf7fffffffffffffff", k->l == INT64_MAX);
    FIELD('q', "cfffffffffffffffff", k->q == UINT64_MAX);
    FIELD('f', "ca3fc00000", k->f == 1.5f);
    FIELD('f', "cb3ff8000000000000", k->f == 1.5f);
    FIELD('f', "cb3fb999999999999a", k->f == 0.1f);
    FIELD('f', "cb7ff0000000000000", k->f > 3e38f);
    FIELD('d', "ca3fc00000", k->d == 1.5);
    FIELD('d', "cf0020000000000000", k->d == 9007199254740992.0);
    FIELD('d', "ff", k->d == -1);
    FIELD('s', "a0", k->s && !*k->s);
    FIELD('s', "a3e282ac", !strcmp(k->s, "\xe2\x82\xac"));
    FIELD('b', "c400", k->b.data && !k->b.size);
    FIELD('b', "c4020001", k->b.size == 2 && !memcmp(k->b.data, "\0\1", 2));
    FIELD('n', "c41000112233445566778899aabbccddeeff", k->n.b[15] == 0xff);
    FIELD('o', "82a162cd0102a161a178", k->o.b == 258 && !strcmp(k->o.a, "x"));
    FIELD('m', "d1ff00", *k->m == -256);
    FIELD('p', "80", k->p && !k->p->a);
    FIELD('v', "93 01 ff 7f", k->v_count == 3 && k->v[0] == 1 && k->v[1] == -1 && k->v[2] == 127);
    FIELD('v', "90", !k->v && !k->v_count);
    FIELD('w', "93 a178 c0 a0", k->w_count == 3 && !strcmp(k->w[0], "x") && !k->w[1] && !*k->w[2]);
    FIELD('x', "92 80 81a16207", k->x_count == 2 && !k->x[0].b && k->x[1].b == 7);
    /* nil is as good as missing, for a field of any kind */
    for (const char *p = "tiulqfdsbnhompvwxy"; *p; p++)
        FIELD(*p, "c0", sample_equal(ate_type_kinds(), k, &(struct kinds){.t = false}));
    /* an unknown field is passed over, whatever it is */
    FIELD('z', "82 c0 93 01 c400 d40500 a3ff00ff c2", !k->t);
    FIELD('z', "c70305616263", !k->t);
#undef FIELD
}

static void test_wrong_type(void **state)
{
    (void)state;
    static const struct {
        char name;
        const char *hex, *text;
    } rows[] = {
        {'t', "01", "type kinds, field t: an integer does not fit bool"},
        {'i', "cc80", "type kinds, field i: the integer 128 does not fit int8"},
        {'i', "d1ff7f", "type kinds, field i: the integer -129 does not fit int8"},
        {'i', "c3", "type kinds, field i: true or false does not fit int8"},
        {'i', "ca3f800000", "type kinds, field i: a fraction does not fit int8"},
        {'i', "a131", "type kinds, field i: text does not fit int8"},
        {'u', "ff", "type kinds, field u: the integer -1 does not fit uint8"},
        {'u', "cd0100", "type kinds, field u: the integer 256 does not fit uint8"},
        {'l', "cf8000000000000000",
         "type kinds, field l: the integer 9223372036854775808 does not fit int64"},
        {'q', "ff", "type kinds, field q: the integer -1 does not fit uint64"},
        {'f', "cb7fefffffffffffff", "type kinds, field f: a fraction does not fit float32"},
        {'f', "c3", "type kinds, field f: true or false does not fit float32"},
        {'d', "cf0020000000000002", "type kinds, field d: an integer does not fit float64"},
        {'d', "a34e614e", "type kinds, field d: text does not fit float64"},
        {'s', "c400", "type kinds, field s: bytes does not fit string"},
        {'s', "a100", "type kinds, field s: text with a NUL, or not UTF-8, does not fit string"},
        {'s', "a1ff", "type kinds, field s: text with a NUL, or not UTF-8, does not fit string"},
        {'b', "a161", "type kinds, field b: text does not fit bytes"},
        {'n', "c40f000102030405060708090a0b0c0d0e",
         "type kinds, field n: bytes of 15 bytes does not fit id"},
        {'n', "01", "type kinds, field n: an integer does not fit id"},
        {'h', "c400", "type kinds, field h: bytes of 0 bytes does not fit hash"},
        {'o', "90", "type kinds, field o: a list does not fit struct pair"},
        {'o', "81a162ff", "type kinds, field o.b: the integer -1 does not fit uint16"},
        {'m', "ce00010000", "type kinds, field m: the integer 65536 does not fit optional int16"},
        {'p', "81a16101", "type kinds, field p.a: an integer does not fit string"},
        {'v', "01", "type kinds, field v: an integer does not fit list of int8"},
        {'v', "92 01 c0", "type kinds, field v[1]: nothing does not fit list of int8"},
        {'v', "80", "type kinds, field v: a map does not fit list of int8"},
        {'w', "91 01", "type kinds, field w[0]: an integer does not fit list of string"},
        {'x', "92 80 81a162ce00010000",
         "type kinds, field x[1].b: the integer 65536 does not fit uint16"},
    };
    for (size_t i = 0; i < ATE__COUNT_OF(rows); i++) {
        struct kinds *k;
        int rc = decode_field(rows[i].name, rows[i].hex, &k);
        if (rc != ATE_WRONG_TYPE || strcmp(ate__error_text(), rows[i].text) != 0)
            fail_msg("%c %s: %d, %s", rows[i].name, rows[i].hex, rc, ate__error_text());
    }
}

static void test_malformed(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",                       /* nothing */
        "90",                     /* a list */
        "c0",                     /* nil */
        "8001",                   /* more behind the end */
        "80c1",                   /* the same */
        "81",                     /* no key */
        "81a1",                   /* half a key */
        "81a174",                 /* no value */
        "81a174c1",               /* no such head */
        "810102",                 /* a key that is a number */
        "81c40174c3",             /* a key that is bytes */
        "81a0c3",                 /* an empty key */
        "81a1ffc3",               /* a key that is not UTF-8 */
        "82a174c3a174c3",         /* a key twice */
        "82a17ac3a17ac3",         /* an unknown key twice */
        "83a17ac3a174c3a17a01",   /* the same, apart */
        "81a16f82a16201a16202",   /* a key twice in a struct */
        "81a16f82a17a01a17a02",   /* an unknown key twice in a struct */
        "df00000001",             /* one pair that is not there */
        "dfffffffff",             /* 2^32 - 1 pairs */
        "81a176ddffffffff",       /* 2^32 - 1 items */
        "81a176dd0000000101ff",   /* more behind */
        "81a17adcffff",           /* an unknown list */
        "81a17adfffffffff",       /* an unknown map */
        "81a173dbffffffff",       /* text of 4 GiB */
        "81a162c6ffffffff",       /* bytes of 4 GiB */
        "81a17ac9ffffffff05",     /* an extension of 4 GiB */
    };
    for (size_t i = 0; i < ATE__COUNT_OF(rows); i++) {
        struct kinds *k;
        if (decode_hex(rows[i], &k) != ATE_MALFORMED)
            fail_msg("%s", rows[i]);
    }
    /* A key of 255 bytes is one, of 256 not. */
    for (size_t size = 255; size < 257; size++) {
        uint8_t bytes[300] = {0x81, 0xda, (uint8_t)(size >> 8), (uint8_t)size};
        struct kinds *k;
        memset(bytes + 4, 'k', size);
        bytes[4 + size] = 0xc0;
        int rc = decode(ate__bytes(bytes, 5 + size), &k);
        assert_int_equal(rc, size == 255 ? 0 : ATE_MALFORMED);
        if (!rc)
            ate__free(k);
    }
}

/* A rich object, cut at every byte, and with every byte changed. */
static void test_cut_and_changed(void **state)
{
    (void)state;
    struct rnd r = rnd_of(rnd_seed(3));
    struct arena a = {NULL, 0};
    struct ate__buf buf = ATE__BUF_NULL;
    void *object = sample_make(&a, &r, ate_type_sample()), *back;
    size_t size;
    assert_int_equal(ate__codec_encode(ate_type_sample(), object, ate__bytes(NULL, 0), &buf), 0);
    for (size_t i = 0; i < buf.size; i++) {
        struct ate_bytes cut = exact_copy(ate__bytes(buf.data, i));
        assert_int_equal(ate__codec_decode(ate_type_sample(), cut, &back, &size), ATE_MALFORMED);
        test_free((void *)cut.data);
    }
    size_t fine = 0;
    for (size_t i = 0; i < buf.size; i++) {
        for (int bit = 0; bit < 8; bit++) {
            struct ate_bytes bad = exact_copy(ate__buf_bytes(&buf));
            ((uint8_t *)bad.data)[i] ^= (uint8_t)(1 << bit);
            int rc = ate__codec_decode(ate_type_sample(), bad, &back, &size);
            assert_true(rc == 0 || rc == ATE_MALFORMED || rc == ATE_WRONG_TYPE ||
                        rc == ATE_TOO_BIG);
            test_free((void *)bad.data);
            if (!rc) {
                ate__free(back);
                fine++;
            }
        }
    }
    assert_true(fine > 0);
    ate__buf_deinit(&buf);
    arena_free(&a);
}

static int decode_nodes(const char *prefix_hex, const char *step_hex, size_t steps)
{
    struct arena a = {NULL, 0};
    struct ate_bytes prefix = arena_hex(&a, prefix_hex), step = arena_hex(&a, step_hex);
    uint8_t *bytes = arena_take(&a, prefix.size + steps * step.size + 1);
    memcpy(bytes, prefix.data, prefix.size);
    for (size_t i = 0; i < steps; i++)
        memcpy(bytes + prefix.size + i * step.size, step.data, step.size);
    bytes[prefix.size + steps * step.size] = 0x80;
    void *object = NULL;
    size_t size = 0;
    int rc =
        ate__codec_decode(ate_type_sample_node(),
                          ate__bytes(bytes, prefix.size + steps * step.size + 1), &object, &size);
    ate__free(object);
    arena_free(&a);
    return rc;
}

static void test_depth(void **state)
{
    (void)state;
    /* maps in maps; lists of one map; unknown lists */
    assert_int_equal(decode_nodes("", "81a46e657874", ATE__OBJECT_DEPTH_MAX - 1), 0);
    assert_int_equal(decode_nodes("", "81a46e657874", ATE__OBJECT_DEPTH_MAX), ATE_TOO_BIG);
    assert_int_equal(decode_nodes("", "81a46e657874", 100000), ATE_TOO_BIG);
    assert_int_equal(decode_nodes("", "81a46b69647391", ATE__OBJECT_DEPTH_MAX / 2 - 1), 0);
    assert_int_equal(decode_nodes("", "81a46b69647391", ATE__OBJECT_DEPTH_MAX / 2), ATE_TOO_BIG);
    assert_int_equal(decode_nodes("81a17a", "91", ATE__OBJECT_DEPTH_MAX - 2), 0);
    assert_int_equal(decode_nodes("81a17a", "91", ATE__OBJECT_DEPTH_MAX - 1), ATE_TOO_BIG);
    assert_int_equal(decode_nodes("81a17a", "91", 1000000), ATE_TOO_BIG);
}

/* What is claimed is not allocated; what is there is, within the limit. */
static void test_memory_bound(void **state)
{
    (void)state;
    struct kinds *k;
    ate__schema_forget_all();
    heap_start();
    assert_int_equal(decode_hex("81a178ddffffffff", &k), ATE_MALFORMED);
    assert_int_equal(decode_hex("81a178dd00ffffff80", &k), ATE_MALFORMED);
    ate__schema_forget_all();
    heap_stop();

    /* Empty structs of 1 byte each, 32 bytes in memory: 2,000,000 are under the limit, 200,000 more
     * are not. */
    for (uint32_t count = 2000000; count <= 2200000; count += 200000) {
        uint8_t *bytes = test_malloc(count + 8);
        memcpy(bytes,
               (uint8_t[]){0x81, 0xa1, 'y', 0xdd, (uint8_t)(count >> 24), (uint8_t)(count >> 16),
                           (uint8_t)(count >> 8), (uint8_t)count},
               8);
        memset(bytes + 8, 0x80, count);
        int rc = decode(ate__bytes(bytes, count + 8), &k);
        test_free(bytes);
        assert_int_equal(rc, count == 2000000 ? 0 : ATE_TOO_BIG);
        if (!rc) {
            assert_int_equal(k->y_count, count);
            ate__free(k);
        }
    }
    uint8_t *large = test_calloc(1, (4 << 20) + 1);
    large[0] = 0x80;
    assert_int_equal(decode(ate__bytes(large, (4 << 20) + 1), &k), ATE_TOO_BIG);
    test_free(large);
}

/* More fields than the limit, and the greatest number of unknown ones. */
static void test_field_limit(void **state)
{
    (void)state;
    for (size_t count = ATE__OBJECT_FIELDS_MAX; count <= ATE__OBJECT_FIELDS_MAX + 1; count++) {
        uint8_t *bytes = test_malloc(3 + count * 5);
        struct kinds *k;
        memcpy(bytes, (uint8_t[]){0xde, (uint8_t)(count >> 8), (uint8_t)count}, 3);
        for (size_t i = 0; i < count; i++)
            memcpy(bytes + 3 + i * 5,
                   (uint8_t[]){0xa3, 'k', (uint8_t)('A' + i / 26), (uint8_t)('a' + i % 26), 0xc0},
                   5);
        int rc = decode(ate__bytes(bytes, 3 + count * 5), &k);
        assert_int_equal(rc, count == ATE__OBJECT_FIELDS_MAX ? 0 : ATE_TOO_BIG);
        if (!rc)
            ate__free(k);
        test_free(bytes);
    }
}

/* Many unknown keys in any order, of which one may occur twice, anywhere. */
static void test_keys_twice(void **state)
{
    (void)state;
    struct rnd r = rnd_of(rnd_seed(8));
    for (int i = 0; i < 300; i++) {
        uint8_t bytes[3 + ATE__OBJECT_FIELDS_MAX * 6], keys[ATE__OBJECT_FIELDS_MAX][2];
        size_t count = 2 + rnd_below(&r, ATE__OBJECT_FIELDS_MAX - 1), size = 3;
        bool dup = i % 2;
        for (size_t k = 0; k < count; k++)
            memcpy(keys[k], (uint8_t[]){(uint8_t)('A' + k / 26), (uint8_t)('A' + k % 26)}, 2);
        if (dup)
            memcpy(keys[1], keys[0], 2);
        for (size_t k = count; k > 1; k--) {
            size_t other = rnd_below(&r, k);
            uint8_t key[2];
            memcpy(key, keys[k - 1], 2);
            memcpy(keys[k - 1], keys[other], 2);
            memcpy(keys[other], key, 2);
        }
        memcpy(bytes, (uint8_t[]){0xde, (uint8_t)(count >> 8), (uint8_t)count}, 3);
        for (size_t k = 0; k < count; k++, size += 4)
            memcpy(bytes + size, (uint8_t[]){0xa2, keys[k][0], keys[k][1], 0xc0}, 4);
        struct kinds *object;
        int rc = decode(ate__bytes(bytes, size), &object);
        assert_int_equal(rc, dup ? ATE_MALFORMED : 0);
        if (!rc)
            ate__free(object);
        assert_int_equal(ate__codec_check(ate__bytes(bytes, size), ATE__MSGPACK), rc);
    }
}

static int decode_and_forget(void *arg)
{
    void *object = NULL;
    size_t size;
    int rc = ate__codec_decode(ate_type_sample(), *(struct ate_bytes *)arg, &object, &size);
    ate__free(object);
    ate__schema_forget_all();
    return rc;
}

static void test_memory(void **state)
{
    (void)state;
    struct rnd r = rnd_of(rnd_seed(5));
    struct arena a = {NULL, 0};
    struct ate__buf buf = ATE__BUF_NULL;
    void *object = sample_make(&a, &r, ate_type_sample());
    assert_int_equal(ate__codec_encode(ate_type_sample(), object, ate__bytes(NULL, 0), &buf), 0);
    struct ate_bytes payload = ate__buf_bytes(&buf);
    ate__schema_forget_all();
    assert_int_equal(heap_sweep(decode_and_forget, &payload, false), 4); /* 3 schemas, 1 block */
    ate__buf_deinit(&buf);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted),    cmocka_unit_test(test_wrong_type),
        cmocka_unit_test(test_malformed),   cmocka_unit_test(test_cut_and_changed),
        cmocka_unit_test(test_depth),       cmocka_unit_test(test_memory_bound),
        cmocka_unit_test(test_field_limit), cmocka_unit_test(test_keys_twice),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
