/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "dio/codec.h"
#include "ate/result.h"
#include "base/alloc.h"
#include "base/err.h"
#include "dio/json.h"
#include "event/limits.h"
#include "lib/check.h"
#include "sample.h"
#include <locale.h>
#include <stdlib.h>

/* ---- there and back ---- */

static void there_and_back(const struct ate_type *type, struct rnd *r, bool json)
{
    struct arena a = {NULL, 0};
    struct ate__buf first = ATE__BUF_NULL, second = ATE__BUF_NULL;
    struct ate_bytes none = {NULL, 0};
    void *object = sample_make(&a, r, type), *back = NULL;
    size_t size = 0;
    int rc = json ? ate__json_encode(type, object, none, &first)
                  : ate__codec_encode(type, object, none, &first);
    if (rc)
        fail_msg("%s", ate__error_text());
    enum ate__encoding encoding;
    assert_int_equal(ate__encoding_of(ate__buf_bytes(&first), &encoding), 0);
    assert_int_equal(encoding, json ? ATE__JSON : ATE__MSGPACK);
    assert_int_equal(ate__codec_check(ate__buf_bytes(&first), encoding), 0);
    struct ate_bytes exact = exact_copy(ate__buf_bytes(&first));
    rc = ate__codec_decode(type, exact, &back, &size);
    test_free((void *)exact.data);
    if (rc)
        fail_msg("%s", ate__error_text());
    assert_true(sample_equal(type, object, back));
    rc = json ? ate__json_encode(type, back, none, &second)
              : ate__codec_encode(type, back, none, &second);
    assert_int_equal(rc, 0);
    assert_true(ate__bytes_equal(ate__buf_bytes(&first), ate__buf_bytes(&second)));
    /* The same object in the place of itself: nothing is unknown, nothing changes. */
    ate__buf_clear(&second);
    assert_int_equal(ate__codec_encode(type, back, ate__buf_bytes(&first), &second), 0);
    assert_true(ate__bytes_equal(ate__buf_bytes(&first), ate__buf_bytes(&second)));
    ate__free(back);
    ate__buf_deinit(&first);
    ate__buf_deinit(&second);
    arena_free(&a);
}

static void test_random_objects(void **state)
{
    (void)state;
    struct rnd r = rnd_of(rnd_seed(1));
    for (int i = 0; i < 500; i++) {
        there_and_back(ate_type_sample(), &r, false);
        there_and_back(ate_type_sample(), &r, true);
        there_and_back(ate_type_sample_node(), &r, i % 2);
    }
}

/* JSON does not depend on what this locale writes for the point. */
static void test_locale(void **state)
{
    (void)state;
    struct rnd r = rnd_of(rnd_seed(2));
    const char *const names[] = {"de_DE.UTF-8", "de_DE", "fr_FR.UTF-8", "C.UTF-8"};
    size_t i = 0;
    while (i < ATE__COUNT_OF(names) && !setlocale(LC_ALL, names[i]))
        i++;
    printf("# locale %s\n", i < ATE__COUNT_OF(names) ? names[i] : "C");
    for (int k = 0; k < 50; k++)
        there_and_back(ate_type_sample(), &r, true);
    assert_non_null(setlocale(LC_ALL, "C"));
}

/* What one version of a program does not know of the other's objects it keeps. */
struct person_1 {
    const char *name;
    int64_t age;
};
ATE_TYPE_AS(person_1, "person", ATE_FIELD(name), ATE_FIELD(age));
struct person_2 {
    const char *full_name;
    const char *const *tags;
    size_t tag_count;
    const double *score;
};
ATE_TYPE_AS(person_2, "person", ATE_FIELD_AS(full_name, "name"), ATE_LIST(tags, tag_count),
            ATE_OPTIONAL(score));

static void test_versions(void **state)
{
    (void)state;
    const char *const tags[] = {"x", NULL, "z"};
    const double score = 1e100;
    const struct person_2 two = {"Ada", tags, 3, &score};
    for (int json = 0; json < 2; json++) {
        struct ate__buf a = ATE__BUF_NULL, b = ATE__BUF_NULL;
        struct ate_bytes none = {NULL, 0};
        void *p;
        size_t size;
        assert_int_equal(json ? ate__json_encode(ate_type_person_2(), &two, none, &a)
                              : ate__codec_encode(ate_type_person_2(), &two, none, &a),
                         0);
        assert_int_equal(ate__codec_decode(ate_type_person_1(), ate__buf_bytes(&a), &p, &size), 0);
        struct person_1 one = *(struct person_1 *)p;
        assert_true(!strcmp(one.name, "Ada") && one.age == 0);
        one.name = "Ada L.";
        one.age = -36;
        assert_int_equal(ate__codec_encode(ate_type_person_1(), &one, ate__buf_bytes(&a), &b), 0);
        ate__free(p);
        assert_int_equal(ate__codec_decode(ate_type_person_2(), ate__buf_bytes(&b), &p, &size), 0);
        const struct person_2 *back = p;
        assert_true(!strcmp(back->full_name, "Ada L.") && back->tag_count == 3);
        assert_true(!strcmp(back->tags[2], "z") && !back->tags[1] && *back->score == 1e100);
        ate__free(p);
        ate__buf_deinit(&a);
        ate__buf_deinit(&b);
    }
}

/* ---- encodings ---- */

static void test_encodings(void **state)
{
    (void)state;
    enum ate__encoding e = ATE__JSON;
    assert_int_equal(ate__encoding_parse("msgpack", &e), 0);
    assert_int_equal(e, ATE__MSGPACK);
    assert_int_equal(ate__encoding_parse("json", &e), 0);
    assert_int_equal(e, ATE__JSON);
    assert_int_equal(ate__encoding_parse("JSON", &e), ATE_UNSUPPORTED);
    assert_int_equal(ate__encoding_parse("\x1b[2J", &e), ATE_UNSUPPORTED);
    assert_null(strchr(ate__error_text(), '\x1b'));
    assert_string_equal(ate__encoding_name(ATE__MSGPACK), "msgpack");
    assert_string_equal(ate__encoding_name(ATE__JSON), "json");
    for (unsigned c = 0; c < 256; c++) {
        uint8_t byte = (uint8_t)c;
        int rc = ate__encoding_of(ate__bytes(&byte, 1), &e);
        bool msgpack = (c >= 0x80 && c <= 0x8f) || c == 0xde || c == 0xdf;
        bool json = c == '{' || c == ' ' || c == '\t' || c == '\r' || c == '\n';
        assert_int_equal(rc, msgpack || json ? 0 : ATE_MALFORMED);
        if (!rc)
            assert_int_equal(e, json ? ATE__JSON : ATE__MSGPACK);
    }
    assert_int_equal(ate__encoding_of(ate__bytes(NULL, 0), &e), ATE_MALFORMED);
}

static void test_check(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        enum ate__encoding encoding;
        int rc;
    } rows[] = {
        {"\x80", 1, ATE__MSGPACK, 0},
        {"\x81\xa1x\xc0", 4, ATE__MSGPACK, 0},
        {"\x80", 1, ATE__JSON, ATE_MALFORMED},
        {"{}", 2, ATE__MSGPACK, ATE_MALFORMED},
        {"{}", 2, ATE__JSON, 0},
        {" {\"x\":[{}]} ", 12, ATE__JSON, 0},
        {"\x81\x01\xc0", 3, ATE__MSGPACK, ATE_MALFORMED},
        {"\x82\xa1x\xc0\xa1x\xc0", 7, ATE__MSGPACK, ATE_MALFORMED},
        {"\x80\x80", 2, ATE__MSGPACK, ATE_MALFORMED},
        {"\xde\x02\x01", 3, ATE__MSGPACK, ATE_MALFORMED},
        {"{\"x\":1,\"x\":1}", 13, ATE__JSON, ATE_MALFORMED},
        {"{\"\":1}", 6, ATE__JSON, ATE_MALFORMED},
        {"{}{}", 4, ATE__JSON, ATE_MALFORMED},
        {"", 0, ATE__MSGPACK, ATE_MALFORMED},
    };
    for (size_t i = 0; i < ATE__COUNT_OF(rows); i++) {
        struct ate_bytes exact = exact_copy(ate__bytes(rows[i].bytes, rows[i].size));
        if (ate__codec_check(exact, rows[i].encoding) != rows[i].rc)
            fail_msg("row %zu: %s", i, ate__error_text());
        test_free((void *)exact.data);
    }
    /* 513 fields; a payload over the limit */
    size_t size = ATE__PAYLOAD_MAX + 1;
    uint8_t *large = test_calloc(1, size);
    memcpy(large, "\xde\x02\x01", 3);
    assert_int_equal(ate__codec_check(ate__bytes(large, 2000), ATE__MSGPACK), ATE_TOO_BIG);
    assert_int_equal(ate__codec_check(ate__bytes(large, size), ATE__MSGPACK), ATE_TOO_BIG);
    test_free(large);
}

/* A program that asks for a struct gets a sentence with the place at any depth. */
static void test_long_place(void **state)
{
    (void)state;
    uint8_t bytes[200], *p = bytes;
    for (int i = 0; i < 15; i++, p += 7)
        memcpy(p, "\x81\xa4kids\x91", 7);
    memcpy(p, "\x81\xa5label\x01", 8);
    void *object;
    size_t size;
    assert_int_equal(ate__codec_decode(ate_type_sample_node(),
                                       ate__bytes(bytes, (size_t)(p - bytes) + 8), &object, &size),
                     ATE_WRONG_TYPE);
    assert_non_null(strstr(ate__error_text(), "type node, field kids[0].kids[0].kids[0]."));
    assert_non_null(strstr(ate__error_text(), ".label: an integer does not fit string"));
}

/* ---- the worked bytes of docs/format/object.md ---- */

struct address {
    const char *city;
    uint16_t zip;
};
ATE_TYPE(address, ATE_FIELD(city), ATE_FIELD(zip));
struct person {
    const char *name;
    struct ate_id boss;
    int8_t mood;
    double score;
    struct ate_bytes photo;
    const int64_t *age;
    struct address home;
    const char *const *tags;
    size_t tag_count;
    const struct address *past;
    size_t past_count;
};
ATE_TYPE(person, ATE_FIELD(name), ATE_FIELD(boss), ATE_FIELD(mood), ATE_FIELD(score),
         ATE_FIELD(photo), ATE_OPTIONAL(age), ATE_STRUCT(home, address), ATE_LIST(tags, tag_count),
         ATE_STRUCT_LIST(past, past_count, address));

/* The hex digits, up to ';' on each line, of the document's block that begins with ```NAME. */
static struct ate_bytes block_of_document(struct arena *a, const char *name, bool hex)
{
    char path[4096], mark[64];
    const char *root = getenv("ATE_SOURCE_ROOT");
    assert_non_null(root);
    (void)snprintf(path, sizeof path, "%s/docs/format/object.md", root);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char *text = arena_take(a, 64 << 10), *out = arena_take(a, 64 << 10);
    size_t size = fread(text, 1, (64 << 10) - 1, file), count = 0;
    assert_true(size > 0 && feof(file));
    (void)fclose(file);
    (void)snprintf(mark, sizeof mark, "```%s\n", name);
    const char *p = strstr(text, mark);
    assert_non_null(p);
    p += strlen(mark);
    const char *end = strstr(p, "\n```");
    assert_non_null(end);
    for (bool comment = false; p < end; p++) {
        comment = hex && *p != '\n' && (comment || *p == ';');
        if (!comment)
            out[count++] = *p;
    }
    return hex ? arena_hex(a, out) : ate__bytes(out, count);
}

static void test_document(void **state)
{
    (void)state;
    struct arena a = {NULL, 0};
    struct ate_bytes msgpack = block_of_document(&a, "msgpack", true);
    struct ate_bytes json = block_of_document(&a, "json", false), none = {NULL, 0};
    const char *const tags[] = {"a", "b"};
    const struct address past[] = {{"Paris", 7500}};
    struct person ada = {
        .name = "Ada",
        .mood = -3,
        .score = 1.5,
        .photo = {"\x01\x02\xff", 3},
        .home = {"London", 7},
        .tags = tags,
        .tag_count = 2,
        .past = past,
        .past_count = 1,
    };
    for (uint8_t i = 0; i < 16; i++)
        ada.boss.b[i] = (uint8_t)(i * 0x11);
    struct ate__buf buf = ATE__BUF_NULL;
    assert_int_equal(ate__codec_encode(ate_type_person(), &ada, none, &buf), 0);
    assert_true(ate__bytes_equal(ate__buf_bytes(&buf), msgpack));
    ate__buf_clear(&buf);
    assert_int_equal(ate__json_encode(ate_type_person(), &ada, none, &buf), 0);
    assert_true(ate__bytes_equal(ate__buf_bytes(&buf), json));
    for (int i = 0; i < 2; i++) {
        void *back;
        size_t size;
        assert_int_equal(ate__codec_decode(ate_type_person(), i ? json : msgpack, &back, &size), 0);
        assert_true(sample_equal(ate_type_person(), &ada, back));
        ate__free(back);
    }
    ate__buf_deinit(&buf);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_objects), cmocka_unit_test(test_locale),
        cmocka_unit_test(test_versions),       cmocka_unit_test(test_encodings),
        cmocka_unit_test(test_check),          cmocka_unit_test(test_long_place),
        cmocka_unit_test(test_document),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
