/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "base/err.h"
#include "base/text.h"
#include "lib/check.h"
#include "lib/heap.h"
#include "lib/rnd.h"

static void test_hex(void **state)
{
    (void)state;
    char text[11];
    uint8_t bytes[5] = {0};
    ate__hex_encode(ate__bytes("\0\x12\xab\xff\x7f", 5), text);
    assert_string_equal(text, "0012abff7f");
    assert_int_equal(ate__hex_decode(text, 10, bytes, 5), 0);
    assert_memory_equal(bytes, "\0\x12\xab\xff\x7f", 5);
    ate__hex_encode(ate__bytes(NULL, 0), text);
    assert_string_equal(text, "");
    assert_int_equal(ate__hex_decode("", 0, bytes, 0), 0);
    static const char *const bad[] = {"0012abff7",  "0012abff7f0",   "0012ABff7f",
                                      "0012abff7g", "0012abff 7",    "0x12abff7f",
                                      "-012abff7f", "0012abff7\xff", "0012abff7f00"};
    memset(bytes, 0x55, sizeof bytes);
    for (size_t i = 0; i < ATE__COUNT_OF(bad); i++) {
        assert_int_equal(ate__hex_decode(bad[i], strlen(bad[i]), bytes, 5), ATE_MALFORMED);
        assert_memory_equal(bytes, "\x55\x55\x55\x55\x55", 5);
        assert_null(strstr(ate__error_text(), "12abff"));
    }
}

/* RFC 4648 section 10, without its padding, and what differs in base64url. */
static void test_b64_vectors(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *text;
    } table[] = {
        {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
        {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff\xbe", "-_--"},
    };
    for (size_t i = 0; i < ATE__COUNT_OF(table); i++) {
        struct ate_bytes bytes = ate__text_bytes(table[i].bytes);
        char text[20];
        uint8_t back[16];
        size_t size = 99;
        ate__b64_encode(bytes, text);
        assert_string_equal(text, table[i].text);
        assert_int_equal(ate__b64_size(bytes.size), strlen(text));
        assert_int_equal(ate__b64_decode(text, strlen(text), back, sizeof back, &size), 0);
        assert_true(ate__bytes_equal(bytes, ate__bytes(back, size)));
        assert_int_equal(ate__b64_decode(text, strlen(text), back, bytes.size, &size), 0);
        if (bytes.size)
            assert_int_equal(ate__b64_decode(text, strlen(text), back, bytes.size - 1, &size),
                             ATE_MALFORMED);
    }
}

static void test_b64_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "Z",   "Zg==", "Zm8=", "Zm9vY", "Zh",   "Zo",    "ZmB", "Zk",    "Zn",       "Zv",
        "Zm9", "Zm-",  "Zm8+", "Zm8/",  "Zm 8", "Zm8\n", "=",   "Zm9v=", "\xff\xff", "Zm9vYh",
    };
    for (size_t i = 0; i < ATE__COUNT_OF(bad); i++) {
        uint8_t back[16] = {0x55};
        size_t size = 99;
        assert_int_equal(ate__b64_decode(bad[i], strlen(bad[i]), back, sizeof back, &size),
                         ATE_MALFORMED);
        assert_int_equal(size, 99);
        assert_int_equal(back[0], 0x55);
    }
}

/* Of all texts of two and three characters those decode that are the encoding of their bytes. */
static void test_base64(void **state)
{
    (void)state;
    static const struct { /* RFC 4648, section 10 */
        const char *bytes, *text;
    } vector[] = {{"", ""},
                  {"f", "Zg=="},
                  {"fo", "Zm8="},
                  {"foo", "Zm9v"},
                  {"foob", "Zm9vYg=="},
                  {"fooba", "Zm9vYmE="},
                  {"foobar", "Zm9vYmFy"},
                  {"\xfb\xff", "+/8="}};
    static const char *const bad[] = {
        "Zg",   "Zg=",    "Zm8",      "Zm9",  "=",      "====", "Z===", "Zh==",
        "Zm9=", "Zm9vYg", "Zm9v====", "-_8=", "Zg==\n", "Z g=", "Zg=v", "Zg==Zg=="};
    uint8_t back[8];
    char text[16];
    size_t size;
    for (size_t i = 0; i < ATE__COUNT_OF(vector); i++) {
        struct ate_bytes bytes = ate__text_bytes(vector[i].bytes);
        ate__base64_encode(bytes, text);
        assert_string_equal(text, vector[i].text);
        assert_int_equal(ate__base64_size(bytes.size), strlen(text));
        assert_int_equal(ate__base64_decode(text, strlen(text), back, bytes.size, &size), 0);
        assert_true(ate__bytes_equal(ate__bytes(back, size), bytes));
        if (bytes.size)
            assert_int_equal(ate__base64_decode(text, strlen(text), back, bytes.size - 1, &size),
                             ATE_MALFORMED);
    }
    for (size_t i = 0; i < ATE__COUNT_OF(bad); i++)
        assert_int_equal(ate__base64_decode(bad[i], strlen(bad[i]), back, sizeof back, &size),
                         ATE_MALFORMED);
}

static void test_decimal(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "00",
                                      "01",
                                      "-1",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "a",
                                      "18446744073709551616",
                                      "1e3",
                                      "99999999999999999999",
                                      "1\n"};
    uint64_t n = 7;
    for (size_t i = 0; i < ATE__COUNT_OF(bad); i++)
        assert_int_equal(ate__decimal_parse(bad[i], strlen(bad[i]), &n), ATE_MALFORMED);
    assert_true(n == 7);
    assert_int_equal(ate__decimal_parse("0", 1, &n), 0);
    assert_true(n == 0);
    assert_int_equal(ate__decimal_parse("18446744073709551615", 20, &n), 0);
    assert_true(n == UINT64_MAX);
}

static void test_lines(void **state)
{
    (void)state;
    struct ate_bytes rest = ate__text_bytes("one\n\nno end"), line;
    assert_true(ate__take_line(&rest, &line));
    assert_true(ate__bytes_equal(line, ate__text_bytes("one")));
    assert_true(ate__take_line(&rest, &line));
    assert_int_equal(line.size, 0);
    assert_false(ate__take_line(&rest, &line));
    assert_true(ate__bytes_equal(rest, ate__text_bytes("no end")));
    rest = ate__bytes(NULL, 0);
    assert_false(ate__take_line(&rest, &line));
}

static void test_b64_one_form(void **state)
{
    (void)state;
    static const char some[] = "AQgwBRhxCDEFIoZkz0189-_ +/=";
    unsigned good = 0;
    for (size_t a = 0; a < 26; a++)
        for (size_t b = 0; b < 26; b++)
            for (size_t c = 0; c < 27; c++) {
                char text[4] = {some[a], some[b], c < 26 ? some[c] : 0, 0}, again[4];
                uint8_t bytes[2];
                size_t size;
                if (ate__b64_decode(text, strlen(text), bytes, 2, &size))
                    continue;
                good++;
                ate__b64_encode(ate__bytes(bytes, size), again);
                assert_string_equal(text, again);
            }
    assert_true(good > 1000);
}

static void test_b64_random(void **state)
{
    (void)state;
    struct rnd r = rnd_of(rnd_seed(7));
    for (int i = 0; i < 3000; i++) {
        uint8_t bytes[60], back[60];
        char text[81];
        size_t size = rnd_below(&r, sizeof bytes + 1), back_size;
        rnd_bytes(&r, bytes, size);
        ate__b64_encode(ate__bytes(bytes, size), text);
        assert_int_equal(ate__b64_decode(text, strlen(text), back, sizeof back, &back_size), 0);
        assert_true(ate__bytes_equal(ate__bytes(bytes, size), ate__bytes(back, back_size)));
    }
}

static void test_ids(void **state)
{
    (void)state;
    struct ate_id id = {{1, 2, 3, 0xff}}, id_back;
    struct ate_hash hash = {{0xfb, 0xff, 0xbe}}, hash_back;
    char id_text[ATE__ID_TEXT], hash_text[ATE__HASH_TEXT];
    assert_string_equal(ate__id_text(&id, id_text), "010203ff000000000000000000000000");
    assert_int_equal(ate__id_parse(id_text, 32, &id_back), 0);
    assert_true(ate__id_equal(&id, &id_back));
    assert_int_equal(ate__id_parse(id_text, 31, &id_back), ATE_MALFORMED);
    assert_string_equal(ate__hash_text(&hash, hash_text),
                        "-_--AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    assert_int_equal(ate__hash_parse(hash_text, 43, &hash_back), 0);
    assert_true(ate__hash_equal(&hash, &hash_back));
    assert_int_equal(ate__hash_parse(hash_text, 42, &hash_back), ATE_MALFORMED);
    assert_int_equal(ate__hash_parse(hash_text, 44, &hash_back), ATE_MALFORMED);
    hash_text[42] = 'B'; /* loose bits */
    assert_int_equal(ate__hash_parse(hash_text, 43, &hash_back), ATE_MALFORMED);
    assert_string_equal(ate__error_text(), "a hash: the last character has bits that mean nothing");
}

static void test_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good;
    } table[] = {
        {"", true},
        {"plain", true},
        {"\xc2\x80", true},
        {"\xdf\xbf", true},
        {"\xe0\xa0\x80", true},
        {"\xed\x9f\xbf", true},
        {"\xee\x80\x80", true},
        {"\xef\xbf\xbf", true},
        {"\xf0\x90\x80\x80", true},
        {"\xf4\x8f\xbf\xbf", true},
        {"a\xe2\x82\xac z", true},
        {"\x80", false},             /* continuation alone */
        {"\xbf", false},
        {"\xc0\x80", false},         /* overlong */
        {"\xc1\xbf", false},
        {"\xe0\x80\x80", false},
        {"\xe0\x9f\xbf", false},
        {"\xf0\x80\x80\x80", false},
        {"\xf0\x8f\xbf\xbf", false},
        {"\xed\xa0\x80", false},     /* surrogates */
        {"\xed\xbf\xbf", false},
        {"\xf4\x90\x80\x80", false}, /* above U+10FFFF */
        {"\xf5\x80\x80\x80", false},
        {"\xf8\x88\x80\x80\x80", false},
        {"\xfe", false},
        {"\xff", false},
        {"\xc2", false},             /* cut */
        {"\xe2\x82", false},
        {"\xf0\x9f\x90", false},
        {"\xc2z", false},            /* continuation missing */
        {"\xe2\x82z", false},
        {"\xf0\x9f\x90z", false},
        {"good\xc2", false},
    };
    for (size_t i = 0; i < ATE__COUNT_OF(table); i++)
        assert_int_equal(ate__utf8_valid(ate__text_bytes(table[i].text)), table[i].good);
    assert_true(ate__utf8_valid(ate__bytes("\0", 1)));
}

static void test_escape(void **state)
{
    (void)state;
    static const struct {
        const char *text, *shown;
    } table[] = {
        {"plain text", "plain text"},
        {"a\\b", "a\\\\b"},
        {"\x1b[31m", "\\x1b[31m"},
        {"a\nb\tc\rd", "a\\x0ab\\x09c\\x0dd"},
        {"\x7f", "\\x7f"},
        {"\xc2\x9b", "\\xc2\\x9b"},                 /* CSI of C1 */
        {"\xc2\xa0", "\xc2\xa0"},
        {"\xe2\x80\xa8\xe2\x80\xa9", "\\xe2\\x80\\xa8\\xe2\\x80\\xa9"},
        {"\xe2\x80\xae", "\\xe2\\x80\\xae"},        /* right-to-left override */
        {"\xe2\x80\xaa\xe2\x80\xad", "\\xe2\\x80\\xaa\\xe2\\x80\\xad"},
        {"\xe2\x81\xa6\xe2\x81\xa9", "\\xe2\\x81\\xa6\\xe2\\x81\\xa9"},
        {"\xe2\x80\x8e\xe2\x80\x8f", "\\xe2\\x80\\x8e\\xe2\\x80\\x8f"},
        {"\xd8\x9c", "\\xd8\\x9c"},
        {"\xe2\x80\xaf\xe2\x81\xa5", "\xe2\x80\xaf\xe2\x81\xa5"},
        {"\xff\xc0\x80", "\\xff\\xc0\\x80"},
        {"\xe2\x82", "\\xe2\\x82"},
        {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\x8c", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\x8c"},
    };
    for (size_t i = 0; i < ATE__COUNT_OF(table); i++) {
        struct ate__buf b = ATE__BUF_NULL;
        char shown[100];
        assert_int_equal(ate__escape(ate__text_bytes(table[i].text), &b), 0);
        assert_true(ate__bytes_equal(ate__buf_bytes(&b), ate__text_bytes(table[i].shown)));
        assert_string_equal(ate__escaped(ate__text_bytes(table[i].text), shown, sizeof shown),
                            table[i].shown);
        ate__buf_deinit(&b);
    }
    char shown[10];
    assert_string_equal(ate__escaped(ate__bytes("\0", 1), shown, sizeof shown), "\\x00");
}

/* What is shown holds no control byte, is valid UTF-8, and tells its input apart from all others.
 */
static void test_escape_random(void **state)
{
    (void)state;
    struct rnd r = rnd_of(rnd_seed(8));
    for (int i = 0; i < 5000; i++) {
        uint8_t bytes[40], back[40];
        size_t size = rnd_below(&r, sizeof bytes + 1), back_size = 0;
        rnd_bytes(&r, bytes, size);
        struct ate__buf b = ATE__BUF_NULL;
        assert_int_equal(ate__escape(ate__bytes(bytes, size), &b), 0);
        assert_true(ate__utf8_valid(ate__buf_bytes(&b)));
        for (size_t at = 0; at < b.size;) {
            assert_true(b.data[at] >= 0x20 && b.data[at] != 0x7f);
            if (b.data[at] != '\\') {
                back[back_size++] = b.data[at++];
            } else if (b.data[at + 1] == '\\') {
                back[back_size++] = '\\';
                at += 2;
            } else {
                assert_int_equal(b.data[at + 1], 'x');
                assert_int_equal(ate__hex_decode((char *)b.data + at + 2, 2, back + back_size, 1),
                                 0);
                back_size++;
                at += 4;
            }
        }
        assert_true(ate__bytes_equal(ate__bytes(bytes, size), ate__bytes(back, back_size)));
        char whole[4 * sizeof bytes + 1], cut[20];
        size_t capacity = 4 + rnd_below(&r, sizeof cut - 3);
        ate__escaped(ate__bytes(bytes, size), whole, sizeof whole);
        assert_true(ate__bytes_equal(ate__text_bytes(whole), ate__buf_bytes(&b)));
        ate__escaped(ate__bytes(bytes, size), cut, capacity);
        size_t cut_size = strlen(cut);
        assert_true(cut_size < capacity && ate__utf8_valid(ate__text_bytes(cut)));
        if (strlen(whole) < capacity) {
            assert_string_equal(cut, whole);
        } else {
            assert_string_equal(cut + cut_size - 3, "...");
            assert_memory_equal(cut, whole, cut_size - 3);
        }
        ate__buf_deinit(&b);
    }
}

static int escape_much(void *arg)
{
    (void)arg;
    struct ate__buf b = ATE__BUF_NULL;
    int rc = ate__escape(ate__text_bytes("\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n"), &b);
    ate__buf_deinit(&b);
    return rc;
}

static void test_no_memory(void **state)
{
    (void)state;
    assert_true(heap_sweep(escape_much, NULL, false) > 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hex),           cmocka_unit_test(test_b64_vectors),
        cmocka_unit_test(test_base64),        cmocka_unit_test(test_decimal),
        cmocka_unit_test(test_b64_refused),   cmocka_unit_test(test_b64_one_form),
        cmocka_unit_test(test_b64_random),    cmocka_unit_test(test_ids),
        cmocka_unit_test(test_utf8),          cmocka_unit_test(test_escape),
        cmocka_unit_test(test_escape_random), cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
