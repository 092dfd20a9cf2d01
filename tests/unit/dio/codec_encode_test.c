/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "ate/result.h"
#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"
#include "dio/codec.h"
#include "dio/json.h"
#include "dio/limits.h"
#include "event/limits.h"
#include "lib/check.h"
#include "lib/heap.h"
#include "sample.h"

struct pair {
    const char *a;
    const int8_t *b;
};
ATE_TYPE(pair, ATE_FIELD(a), ATE_OPTIONAL(b));
struct outer {
    struct pair in;
    const struct pair *maybe;
    const struct pair *list;
    size_t count;
    struct ate_bytes blob;
};
ATE_TYPE(outer, ATE_STRUCT(in, pair), ATE_OPTIONAL_STRUCT(maybe, pair),
         ATE_STRUCT_LIST(list, count, pair), ATE_FIELD(blob));

static void expect(const struct ate_type *type, const void *object, const char *old_hex,
                   const char *hex)
{
    struct arena a = {NULL, 0};
    struct ate__buf buf = ATE__BUF_NULL;
    struct ate_bytes wanted = arena_hex(&a, hex), old = exact_copy(arena_hex(&a, old_hex));
    int rc = ate__codec_encode(type, object, old, &buf);
    if (rc)
        fail_msg("%d: %s", rc, ate__error_text());
    if (!ate__bytes_equal(ate__buf_bytes(&buf), wanted)) {
        char *text = arena_take(&a, 2 * buf.size + 1);
        ate__hex_encode(ate__buf_bytes(&buf), text);
        fail_msg("got %s", text);
    }
    test_free((void *)old.data);
    ate__buf_deinit(&buf);
    arena_free(&a);
}

static void test_bytes(void **state)
{
    (void)state;
    const int8_t minus = -1;
    expect(ate_type_pair(), &(struct pair){"x", &minus}, "", "82 a161 a178 a162 ff");
    expect(ate_type_pair(), &(struct pair){"", NULL}, "", "81 a161 a0");
    expect(ate_type_pair(), &(struct pair){NULL, NULL}, "", "80");
    expect(ate_type_outer(), &(struct outer){.blob = {"", 0}}, "",
           "83 a2696e 80 a46c697374 90 a4626c6f62 c400");
    const struct pair list[] = {{"y", NULL}, {NULL, &minus}};
    expect(ate_type_outer(), &(struct outer){.in.a = "i", .maybe = list, .list = list, .count = 2},
           "", "83 a2696e 81a161a169 a56d61796265 81a161a179 a46c697374 92 81a161a179 81a162ff");
}

/* What the table does not know stays as it was: every byte, in its order, behind the table's. */
static void test_unknown(void **state)
{
    (void)state;
    const int8_t two = 2;
    /* zz (with an integer in a long form), then b, yy (a map), a, xx (an extension) */
    expect(ate_type_pair(), &(struct pair){"n", &two},
           "85 a27a7a ce00000001 a162 01 a27979 82 0102 a161a0 a161 a178 a27878 d40500",
           "85 a161 a16e a162 02 a27a7a ce00000001 a27979 82 0102 a161a0 a27878 d40500");
    /* The table's own are gone when they are absent. */
    expect(ate_type_pair(), &(struct pair){NULL, NULL}, "82 a161 a178 a17a 01", "81 a17a 01");
    /* In structs inside, but not in lists. */
    expect(ate_type_outer(),
           &(struct outer){.in.a = "i",
                           .maybe = &(struct pair){"m", NULL},
                           .list = &(struct pair){"l", NULL},
                           .count = 1},
           "83 a2696e 82a17a01a161a0 a56d61796265 81a17902 a46c697374 91 81a17803",
           "83 a2696e 82a161a169a17a01 a56d61796265 82a161a16da17902 a46c697374 91 81a161a16c");
    /* The old value of a struct's field may be anything. */
    expect(ate_type_outer(), &(struct outer){.in.a = "i"}, "81 a2696e a178",
           "82 a2696e 81a161a169 a46c697374 90");
}

static int encode(const struct ate_type *type, const void *object, struct ate_bytes old)
{
    struct ate__buf buf = ATE__BUF_NULL;
    assert_int_equal(ate__buf_append(&buf, ate__text_bytes("before")), 0);
    int rc = ate__codec_encode(type, object, old, &buf);
    if (rc)
        assert_true(ate__bytes_equal(ate__buf_bytes(&buf), ate__text_bytes("before")));
    ate__buf_deinit(&buf);
    return rc;
}

static void test_refused(void **state)
{
    (void)state;
    struct ate_bytes none = {NULL, 0};
    const struct pair one = {"\xff", NULL};
    assert_int_equal(encode(ate_type_pair(), &one, none), ATE_WRONG_TYPE);
    assert_string_equal(ate__error_text(),
                        "type pair, field a: bytes that are not UTF-8 in a string");
    const struct outer inner = {.list = (struct pair[]){{"x", NULL}, one}, .count = 2};
    assert_int_equal(encode(ate_type_outer(), &inner, none), ATE_WRONG_TYPE);
    assert_string_equal(ate__error_text(),
                        "type outer, field list[1].a: bytes that are not UTF-8 in a string");
    assert_int_equal(encode(ate_type_outer(), &(struct outer){.count = 1}, none), ATE_MISUSE);
    assert_int_equal(encode(ate_type_outer(), &(struct outer){.blob = {NULL, 1}}, none),
                     ATE_MISUSE);
    assert_int_equal(encode(ate_type_pair(), NULL, none), ATE_MISUSE);
    assert_int_equal(encode(NULL, &one, none), ATE_MISUSE);
    /* The version before: not a map, cut off, a key that is not text, too deep. */
    const struct pair good = {"x", NULL};
    static const char *const olds[] = {"c0", "9101", "81", "82a16101", "810102", "81a001"};
    for (size_t i = 0; i < ATE__COUNT_OF(olds); i++) {
        struct arena a = {NULL, 0};
        assert_int_equal(encode(ate_type_pair(), &good, arena_hex(&a, olds[i])), ATE_MALFORMED);
        arena_free(&a);
    }
    uint8_t deep[100] = {0x81, 0xa1, 'z'};
    memset(deep + 3, 0x91, sizeof deep - 4);
    assert_int_equal(encode(ate_type_pair(), &good, ate__bytes(deep, sizeof deep)), ATE_TOO_BIG);
}

static void test_limits(void **state)
{
    (void)state;
    struct ate_bytes none = {NULL, 0};
    /* Text and bytes: as many as a payload holds, with the rest of the map around them. */
    size_t text_max = ATE__PAYLOAD_MAX - 1 - 2 - 5;
    char *text = test_malloc(text_max + 2);
    memset(text, 't', text_max + 1);
    text[text_max] = 0;
    assert_int_equal(encode(ate_type_pair(), &(struct pair){text, NULL}, none), 0);
    text[text_max] = 't';
    text[text_max + 1] = 0;
    assert_int_equal(encode(ate_type_pair(), &(struct pair){text, NULL}, none), ATE_TOO_BIG);
    assert_string_equal(ate__error_text(),
                        "an object of type pair: over the limit of 4194304 bytes");
    test_free(text);
    struct outer big = {.blob = {&none, SIZE_MAX}};
    assert_int_equal(encode(ate_type_outer(), &big, none), ATE_TOO_BIG);
    big = (struct outer){.list = (const struct pair *)&none, .count = SIZE_MAX};
    assert_int_equal(encode(ate_type_outer(), &big, none), ATE_TOO_BIG);
    /* A struct that holds others of its type, the last one an empty list; one that holds itself. */
    struct sample_node nodes[ATE__OBJECT_DEPTH_MAX] = {{NULL, NULL, 0, NULL}};
    for (size_t i = 0; i < ATE__COUNT_OF(nodes) - 1; i++)
        nodes[i].next = &nodes[i + 1];
    assert_int_equal(encode(ate_type_sample_node(), &nodes[1], none), 0);
    assert_int_equal(encode(ate_type_sample_node(), &nodes[0], none), ATE_TOO_BIG);
    struct sample_node loop = {.kids = &loop, .kid_count = 1};
    assert_int_equal(encode(ate_type_sample_node(), &loop, none), ATE_TOO_BIG);
}

static void test_field_limit(void **state)
{
    (void)state;
    /* 511 fields that the table does not know, and then one more. */
    for (size_t count = ATE__OBJECT_FIELDS_MAX - 1; count <= ATE__OBJECT_FIELDS_MAX; count++) {
        uint8_t *old = test_malloc(3 + count * 5);
        old[0] = 0xde;
        old[1] = (uint8_t)(count >> 8);
        old[2] = (uint8_t)count;
        for (size_t i = 0; i < count; i++)
            memcpy(old + 3 + i * 5,
                   (uint8_t[]){0xa3, 'k', (uint8_t)('A' + i / 26), (uint8_t)('a' + i % 26), 0xc0},
                   5);
        assert_int_equal(
            encode(ate_type_pair(), &(struct pair){"x", NULL}, ate__bytes(old, 3 + count * 5)),
            count < ATE__OBJECT_FIELDS_MAX ? 0 : ATE_TOO_BIG);
        test_free(old);
    }
}

static int encode_and_forget(void *arg)
{
    struct ate__buf buf = ATE__BUF_NULL;
    struct ate_bytes old = {"{\"zz\":[1]}", 10};
    int rc = ate__codec_encode(ate_type_sample(), arg, ate__bytes(NULL, 0), &buf);
    if (!rc)
        rc = ate__codec_encode(ate_type_sample(), arg, old, &buf);
    ate__buf_deinit(&buf);
    ate__schema_forget_all();
    return rc;
}

static void test_memory(void **state)
{
    (void)state;
    struct rnd r = rnd_of(rnd_seed(7));
    struct arena a = {NULL, 0};
    struct sample *object = sample_make(&a, &r, ate_type_sample());
    object->bytes = ate__text_bytes("bytes");
    ate__schema_forget_all();
    assert_true(heap_sweep(encode_and_forget, object, false) > 5);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes),       cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_refused),     cmocka_unit_test(test_limits),
        cmocka_unit_test(test_field_limit), cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
