/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "dio/json.h"
#include "ate/result.h"
#include "base/alloc.h"
#include "base/err.h"
#include "dio/codec.h"
#include "dio/limits.h"
#include "lib/check.h"
#include "lib/heap.h"
#include "sample.h"
#include <math.h>

struct kinds {
    bool t;
    int64_t l;
    uint64_t q;
    int8_t i;
    float f;
    double d;
    const char *s;
    struct ate_bytes b;
    struct ate_id n;
    struct ate_hash h;
    const double *v;
    size_t v_count;
};
ATE_TYPE(kinds, ATE_FIELD(t), ATE_FIELD(l), ATE_FIELD(q), ATE_FIELD(i), ATE_FIELD(f), ATE_FIELD(d),
         ATE_FIELD(s), ATE_FIELD(b), ATE_FIELD(n), ATE_FIELD(h), ATE_LIST(v, v_count));

#define ZEROS "00000000000000000000000000000000"
#define HASH0 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static void expect(const struct kinds *k, const char *wanted)
{
    struct ate__buf buf = ATE__BUF_NULL;
    int rc = ate__json_encode(ate_type_kinds(), k, ate__bytes(NULL, 0), &buf);
    if (rc)
        fail_msg("%s", ate__error_text());
    assert_int_equal(ate__buf_append(&buf, ate__bytes("", 1)), 0);
    assert_string_equal((const char *)buf.data, wanted);
    ate__buf_deinit(&buf);
}

static void test_written(void **state)
{
    (void)state;
    expect(&(struct kinds){.t = false},
           "{\"t\":false,\"l\":0,\"q\":0,\"i\":0,\"f\":0.0,\"d\":0.0,\"n\":\"" ZEROS
           "\",\"h\":\"" HASH0 "\",\"v\":[]}");
    const double v[] = {0.1,       -0.0, 1e21,     5e-324,    1.7976931348623157e308,
                        123456789, NAN,  INFINITY, -INFINITY, 1.0 / 3};
    expect(&(struct kinds){.t = true,
                           .l = 9007199254740991,
                           .q = 9007199254740992,
                           .i = -128,
                           .f = 0.1f,
                           .d = 100,
                           .s = "\"\\/\b\f\n\r\t\x01\x1f\x7f\xe2\x82\xac",
                           .b = {"\xff\xee", 2},
                           .n.b[15] = 0xab,
                           .v = v,
                           .v_count = 10},
           "{\"t\":true,\"l\":9007199254740991,\"q\":\"9007199254740992\",\"i\":-128,\"f\":0.1,"
           "\"d\":100.0,\"s\":\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\xe2\x82\xac\","
           "\"b\":\"_-4\",\"n\":\"000000000000000000000000000000ab\",\"h\":\"" HASH0
           "\",\"v\":[0.1,-0.0,1e+21,4.94065645841247e-324,1.7976931348623157e+308,123456789.0,"
           "\"NaN\",\"Infinity\",\"-Infinity\",0.3333333333333333]}");
    expect(&(struct kinds){.l = INT64_MIN, .q = UINT64_MAX, .s = "", .b = {"", 0}},
           "{\"t\":false,\"l\":\"-9223372036854775808\",\"q\":\"18446744073709551615\",\"i\":0,"
           "\"f\":0.0,\"d\":0.0,\"s\":\"\",\"b\":\"\",\"n\":\"" ZEROS "\",\"h\":\"" HASH0
           "\",\"v\":[]}");
}

static int decode(const char *json, struct kinds **ret)
{
    struct ate_bytes exact = exact_copy(ate__text_bytes(json));
    void *object = NULL;
    size_t size;
    int rc = ate__json_decode(ate_type_kinds(), exact, 0, &object, &size);
    test_free((void *)exact.data);
    *ret = object;
    return rc;
}

static void test_read(void **state)
{
    (void)state;
    struct kinds *k;
    assert_int_equal(decode(" { \"l\" : \"-9223372036854775808\", \"q\":18446744073709551615, "
                            "\"i\":\"-5\",\"f\":1,\"d\":\"-Infinity\",\"s\":\"\\u20ac\", "
                            "\"v\":[1,2.5,\"NaN\"],\"t\":null,\"new\":{\"x\":[1,{}]} }\n",
                            &k),
                     0);
    assert_true(k->l == INT64_MIN && k->q == UINT64_MAX && k->i == -5 && k->f == 1 && !k->t);
    assert_true(k->d == -INFINITY && !strcmp(k->s, "\xe2\x82\xac") && k->v_count == 3);
    assert_true(k->v[0] == 1 && k->v[1] == 2.5 && isnan(k->v[2]));
    ate__free(k);
    static const struct {
        const char *json, *text;
    } wrong[] = {
        {"{\"i\":128}", "type kinds, field i: the integer 128 does not fit int8"},
        {"{\"i\":\"128\"}", "type kinds, field i: the integer 128 does not fit int8"},
        {"{\"i\":1.0}", "type kinds, field i: a fraction does not fit int8"},
        {"{\"i\":\"\"}", "type kinds, field i: text does not fit int8"},
        {"{\"i\":\"-\"}", "type kinds, field i: text does not fit int8"},
        {"{\"i\":\"-0\"}", "type kinds, field i: text does not fit int8"},
        {"{\"i\":\"01\"}", "type kinds, field i: text does not fit int8"},
        {"{\"i\":\"1 \"}", "type kinds, field i: text does not fit int8"},
        {"{\"q\":\"18446744073709551616\"}", "type kinds, field q: text does not fit uint64"},
        {"{\"q\":18446744073709551616}", "type kinds, field q: a fraction does not fit uint64"},
        {"{\"l\":\"-9223372036854775809\"}", "type kinds, field l: text does not fit int64"},
        {"{\"d\":\"nan\"}", "type kinds, field d: text does not fit float64"},
        {"{\"f\":1e39}", "type kinds, field f: a fraction does not fit float32"},
        {"{\"s\":\"\\u0000\"}",
         "type kinds, field s: text with a NUL, or not UTF-8, does not fit string"},
        {"{\"b\":\"_\"}", "type kinds, field b: text that is not base64url does not fit bytes"},
        {"{\"b\":\"_-5\"}", "type kinds, field b: text that is not base64url does not fit bytes"},
        {"{\"b\":\"+/==\"}", "type kinds, field b: text that is not base64url does not fit bytes"},
        {"{\"b\":[]}", "type kinds, field b: a list does not fit bytes"},
        {"{\"n\":\"00\"}", "type kinds, field n: text of 2 bytes does not fit id"},
        {"{\"h\":\"" ZEROS "\"}", "type kinds, field h: text of 32 bytes does not fit hash"},
    };
    for (size_t i = 0; i < ATE__COUNT_OF(wrong); i++)
        if (decode(wrong[i].json, &k) != ATE_WRONG_TYPE ||
            strcmp(ate__error_text(), wrong[i].text) != 0)
            fail_msg("%s: %s", wrong[i].json, ate__error_text());
    assert_int_equal(decode("{\"t\":true,\"t\":true}", &k), ATE_MALFORMED);
    assert_int_equal(decode("{\"z\":1,\"z\":1}", &k), ATE_MALFORMED);
}

/* What the table does not know stays, by value, in its order. */
static void test_unknown(void **state)
{
    (void)state;
    struct ate_bytes old = ate__text_bytes("{\"zz\": {\"k\":[1,-2,0.5,null,true,"
                                           "18446744073709551615]}, \"s\":\"x\", "
                                           "\"\\u00e4\":1e2}");
    struct ate__buf buf = ATE__BUF_NULL;
    int rc =
        ate__codec_encode(ate_type_sample_node(), &(struct sample_node){.label = "n"}, old, &buf);
    if (rc)
        fail_msg("%s", ate__error_text());
    assert_int_equal(ate__buf_append(&buf, ate__bytes("", 1)), 0);
    assert_string_equal((const char *)buf.data,
                        "{\"label\":\"n\",\"kids\":[],\"zz\":{\"k\":[1,-2,0.5,null,true,"
                        "18446744073709551615]},\"s\":\"x\",\"\xc3\xa4\":100.0}");
    ate__buf_clear(&buf);
    rc = ate__json_encode(ate_type_sample_node(), &(struct sample_node){.label = "n"},
                          ate__text_bytes("{"), &buf);
    assert_int_equal(rc, ATE_MALFORMED);
    assert_int_equal(buf.size, 0);
    ate__buf_deinit(&buf);
}

static int to_json(const char *hex)
{
    struct arena a = {NULL, 0};
    struct ate__buf buf = ATE__BUF_NULL;
    struct ate_bytes exact = exact_copy(arena_hex(&a, hex));
    int rc = ate__json_of_msgpack(exact, &buf);
    assert_true(!rc || !buf.size);
    test_free((void *)exact.data);
    ate__buf_deinit(&buf);
    arena_free(&a);
    return rc;
}

static void test_no_json(void **state)
{
    (void)state;
    assert_int_equal(to_json("80"), 0);
    assert_int_equal(to_json("9201a0"), 0);
    static const char *const rows[] = {"",     "c40161", "d40500",   "8101c0",     "81c0c0",
                                       "8080", "a1ff",   "81a1ff01", "ca7fc00000", "91"};
    for (size_t i = 0; i < ATE__COUNT_OF(rows); i++)
        assert_int_equal(to_json(rows[i]), ATE_MALFORMED);
    char deep[2 * (ATE__OBJECT_DEPTH_MAX + 2) + 1];
    for (size_t i = 0; i < ATE__OBJECT_DEPTH_MAX + 2; i++)
        memcpy(deep + 2 * i, "91", 3);
    memcpy(deep + 2 * (ATE__OBJECT_DEPTH_MAX + 1), "c0", 3);
    assert_int_equal(to_json(deep), ATE_TOO_BIG);
    assert_int_equal(to_json(deep + 2), 0);
}

static int encode_and_forget(void *arg)
{
    struct ate__buf buf = ATE__BUF_NULL;
    void *back = NULL;
    size_t size;
    int rc = ate__json_encode(ate_type_sample(), arg, ate__text_bytes("{\"zz\":1}"), &buf);
    if (!rc)
        rc = ate__json_decode(ate_type_sample(), ate__buf_bytes(&buf), 0, &back, &size);
    ate__free(back);
    ate__buf_deinit(&buf);
    ate__schema_forget_all();
    return rc;
}

static void test_memory(void **state)
{
    (void)state;
    struct rnd r = rnd_of(rnd_seed(9));
    struct arena a = {NULL, 0};
    void *object = sample_make(&a, &r, ate_type_sample());
    ate__schema_forget_all();
    assert_true(heap_sweep(encode_and_forget, object, false) > 8);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_written), cmocka_unit_test(test_read),
        cmocka_unit_test(test_unknown), cmocka_unit_test(test_no_json),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
