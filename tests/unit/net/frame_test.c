/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "net/hello.h"
#include "lib/check.h"
#include "lib/heap.h"
#include "lib/rnd.h"
#include <ctype.h>
#include <stdlib.h>

static void write_frame(struct ate__buf *buf, uint16_t type, uint32_t stream, const char *body)
{
    struct ate__wr w = ate__wr_of(buf);
    size_t mark = ate__net_frame_begin(&w, type, stream);
    ate__wr_copy(&w, body, strlen(body));
    assert_int_equal(ate__net_frame_end(&w, mark, ATE__NET_FRAME_MAX), 0);
}

static void test_bytes(void **state)
{
    (void)state;
    static const uint8_t expected[] = {
        0x0a, 0,   0, 0, 0x10, 0,    0, 0, 0x07, 0,    0,    0,
        'h',  'i', /* as docs/format/wire.md has it */
        0x08, 0,   0, 0, 0x34, 0x12, 0, 0, 0xef, 0xcd, 0xab, 0x89,
    };
    struct ate__buf buf = ATE__BUF_NULL;
    write_frame(&buf, 16, 7, "hi");
    write_frame(&buf, 0x1234, 0x89abcdef, "");
    assert_int_equal(buf.size, sizeof expected);
    assert_memory_equal(buf.data, expected, sizeof expected);
    struct ate__net_frame frame;
    size_t size;
    assert_int_equal(ate__net_frame_decode(ate__buf_bytes(&buf), 16, &frame, &size), 0);
    assert_int_equal(size, 14);
    assert_int_equal(frame.type, 16);
    assert_int_equal(frame.stream, 7);
    assert_true(ate__bytes_equal(frame.body, ate__text_bytes("hi")));
    ate__buf_drop_front(&buf, size);
    assert_int_equal(ate__net_frame_decode(ate__buf_bytes(&buf), 16, &frame, &size), 0);
    assert_int_equal(size, 12);
    assert_int_equal(frame.type, 0x1234);
    assert_int_equal(frame.stream, 0x89abcdef);
    assert_int_equal(frame.body.size, 0);
    ate__buf_deinit(&buf);
}

/* Every prefix of a frame is incomplete, and the whole of it is not. */
static void test_prefixes(void **state)
{
    (void)state;
    struct ate__buf buf = ATE__BUF_NULL;
    write_frame(&buf, 20, 1, "some bytes of a body");
    struct ate__net_frame frame = {0};
    for (size_t i = 0; i <= buf.size; i++) {
        size_t size = 99;
        int rc = ate__net_frame_decode(ate__bytes(buf.data, i), ATE__NET_FRAME_MAX, &frame, &size);
        assert_int_equal(rc, 0);
        assert_int_equal(size, i == buf.size ? buf.size : 0);
        assert_int_equal(frame.type, i == buf.size ? 20 : 0);
    }
    ate__buf_deinit(&buf);
}

static void test_hostile(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[12];
        size_t size;
        int result;
    } cases[] = {
        {{0, 0, 0, 0}, 4, ATE_BAD_PEER},
        {{7, 0, 0, 0}, 4, ATE_BAD_PEER},
        {{0xff, 0xff, 0xff, 0xff}, 4, ATE_TOO_BIG},
        {{1, 0, 0, 1}, 4, ATE_TOO_BIG},
        {{1, 0x40, 0, 0}, 4, ATE_TOO_BIG},
        {{0, 0x40, 0, 0}, 4, 0},
        {{8, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0}, 12, ATE_BAD_PEER},
        {{8, 0, 0, 0, 1, 0, 0, 0x80, 0, 0, 0, 0}, 12, ATE_BAD_PEER},
        {{8, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0}, 12, ATE_BAD_PEER},
        {{9, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0}, 12, ATE_BAD_PEER}, /* before the body is there */
        {{0x16, 0x03, 0x01, 0x02}, 4, ATE_TOO_BIG},               /* a TLS record */
        {{'G', 'E', 'T', ' '}, 4, ATE_TOO_BIG},
        {{'S', 'S', 'H', '-'}, 4, ATE_TOO_BIG},
    };
    for (size_t i = 0; i < ATE__COUNT_OF(cases); i++) {
        struct ate__net_frame frame;
        size_t size = 99;
        int rc = ate__net_frame_decode(ate__bytes(cases[i].bytes, cases[i].size),
                                       ATE__NET_GREETING_FRAME_MAX, &frame, &size);
        if (rc != cases[i].result || size)
            fail_msg("case %zu: %d, %zu", i, rc, size);
    }
    assert_non_null(strstr(ate__error_text(), "16384"));
}

/* Frames cut anywhere come out as they went in; the decoder allocates nothing. */
static void test_random_splits(void **state)
{
    (void)state;
    struct rnd rnd = rnd_of(rnd_seed(20240901));
    for (int round = 0; round < 200; round++) {
        struct ate__buf sent = ATE__BUF_NULL, in = ATE__BUF_NULL;
        uint32_t count = (uint32_t)rnd_below(&rnd, 20) + 1, got = 0;
        for (uint32_t i = 0; i < count; i++) {
            struct ate__wr w = ate__wr_of(&sent);
            size_t mark = ate__net_frame_begin(&w, (uint16_t)(i + 1), i);
            for (size_t n = rnd_below(&rnd, 300); n; n--)
                ate__wr_u8(&w, (uint8_t)i);
            assert_int_equal(ate__net_frame_end(&w, mark, ATE__NET_FRAME_MAX), 0);
        }
        for (size_t at = 0; at < sent.size;) {
            size_t step = ate__min(sent.size - at, rnd_below(&rnd, 40) + 1), size;
            assert_int_equal(ate__buf_append(&in, ate__bytes(sent.data + at, step)), 0);
            at += step;
            struct ate__net_frame frame;
            while (!ate__net_frame_decode(ate__buf_bytes(&in), 400, &frame, &size) && size) {
                assert_int_equal(frame.type, got + 1);
                assert_int_equal(frame.stream, got);
                for (size_t i = 0; i < frame.body.size; i++)
                    assert_int_equal(((const uint8_t *)frame.body.data)[i], (uint8_t)got);
                ate__buf_drop_front(&in, size);
                got++;
            }
        }
        assert_int_equal(got, count);
        assert_int_equal(in.size, 0);
        ate__buf_deinit(&sent);
        ate__buf_deinit(&in);
    }
}

static void test_too_big_leaves_nothing(void **state)
{
    (void)state;
    struct ate__buf buf = ATE__BUF_NULL;
    write_frame(&buf, 16, 1, "stays");
    size_t before = buf.size;
    struct ate__wr w = ate__wr_of(&buf);
    size_t mark = ate__net_frame_begin(&w, 17, 1);
    ate__wr_zeros(&w, 93);
    assert_int_equal(ate__net_frame_end(&w, mark, 100), ATE_TOO_BIG);
    assert_int_equal(buf.size, before);
    w = ate__wr_of(&buf);
    mark = ate__net_frame_begin(&w, 17, 1);
    ate__wr_zeros(&w, 92);
    assert_int_equal(ate__net_frame_end(&w, mark, 100), 0);
    ate__buf_deinit(&buf);
}

static int write_one(void *arg)
{
    (void)arg;
    struct ate__buf buf = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&buf);
    size_t mark = ate__net_frame_begin(&w, 17, 1);
    ate__wr_zeros(&w, 1000);
    ate__wr_zeros(&w, 100000);
    int rc = ate__net_frame_end(&w, mark, ATE__NET_FRAME_MAX);
    assert_int_equal(buf.size, rc ? 0 : 12 + 101000);
    ate__buf_deinit(&buf);
    return rc;
}

static void test_no_memory(void **state)
{
    (void)state;
    assert_true(heap_sweep(write_one, NULL, false) >= 3);
}

static int error_round(int result, const char *text, char *ret_text)
{
    struct ate__buf buf = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&buf);
    ate__net_error_encode(&w, result, text);
    int got = 0;
    assert_int_equal(ate__net_error_decode(ate__buf_bytes(&buf), &got, ret_text), 0);
    for (size_t i = 0; i < buf.size; i++) {
        int rc = ate__net_error_decode(ate__bytes(buf.data, i), &got, ret_text);
        assert_int_equal(rc, ATE_BAD_PEER);
    }
    assert_int_equal(ate__net_error_decode(ate__buf_bytes(&buf), &got, ret_text), 0);
    ate__wr_u8(&w, 0);
    assert_int_equal(ate__net_error_decode(ate__buf_bytes(&buf), &got, ret_text), ATE_BAD_PEER);
    ate__buf_deinit(&buf);
    return got;
}

static void test_error(void **state)
{
    (void)state;
    char text[ATE__ERROR_SIZE], big[2000];
    assert_int_equal(error_round(ATE_NO_ACCESS, "not yours", text), ATE_NO_ACCESS);
    assert_string_equal(text, "not yours");
    assert_int_equal(error_round(ATE_BUSY, "", text), ATE_BUSY);
    assert_string_equal(text, "");
    /* The peer's machine failed, not this one. */
    assert_int_equal(error_round(ATE_E_NO_SPACE, "the disk is full", text), ATE_OFFLINE);
    assert_int_equal(error_round(ATE_E_BUG, "x", text), ATE_OFFLINE);
    assert_int_equal(error_round(1, "x", text), ATE_BAD_PEER);
    assert_int_equal(error_round(-1, "x", text), ATE_BAD_PEER);
    assert_int_equal(error_round(9999, "x", text), ATE_BAD_PEER);
    error_round(ATE_BUSY, "\x1b[31mred\n", text);
    assert_string_equal(text, "\\x1b[31mred\\x0a");
    memset(big, 'x', sizeof big);
    big[sizeof big - 1] = 0;
    error_round(ATE_BUSY, big, text);
    assert_int_equal(strlen(text), ATE__NET_ERROR_TEXT_MAX);
    uint8_t zero[6] = {0}, claims[8] = {11, 0, 0, 0, 0xff, 0xff, 'x', 'x'};
    int result = 5;
    assert_int_equal(ate__net_error_decode(ate__bytes(zero, 6), &result, text), ATE_BAD_PEER);
    assert_int_equal(ate__net_error_decode(ate__bytes(claims, 8), &result, text), ATE_BAD_PEER);
    assert_int_equal(ate__net_error_decode(ate__bytes(NULL, 0), &result, text), ATE_BAD_PEER);
    assert_int_equal(result, 5);
}

/* --- the worked bytes of docs/format/wire.md --- */

/* The bytes at the start of a line of a worked example; they end at two spaces or another word. */
static size_t line_bytes(const char *line, uint8_t *to)
{
    unsigned byte;
    size_t count = 0;
    if (strncmp(line, "    ", 4) != 0)
        return 0;
    for (line += 4; isxdigit((unsigned char)line[0]) && isxdigit((unsigned char)line[1]) &&
                    (line[2] == ' ' || line[2] == '\n');
         line += 3, count++) {
        sscanf(line, "%2x", &byte);
        to[count] = (uint8_t)byte;
        if (line[2] == '\n' || line[3] == ' ') {
            count++;
            break;
        }
    }
    return count;
}

static void check_documented(int example, struct ate_bytes bytes)
{
    struct ate__net_frame f;
    struct ate__hello hello;
    char text[ATE__ERROR_SIZE];
    size_t size;
    int result;
    assert_int_equal(ate__net_frame_decode(bytes, 100, &f, &size), 0);
    assert_int_equal(size, bytes.size);
    switch (example) {
    case 0:
        assert_int_equal(f.type, 16);
        assert_int_equal(f.stream, 7);
        assert_true(ate__bytes_equal(f.body, ate__text_bytes("hi")));
        break;
    case 1:
        assert_int_equal(f.type, ATE__NET_HELLO);
        assert_int_equal(ate__hello_decode(f.body, &hello), 0);
        assert_string_equal(hello.product, "ate 0.1.0");
        assert_int_equal(hello.version_max, 1);
        break;
    case 2:
        assert_int_equal(f.type, ATE__NET_PING);
        assert_int_equal(f.body.size, 8);
        break;
    default:
        assert_int_equal(f.type, ATE__NET_ERROR);
        assert_int_equal(ate__net_error_decode(f.body, &result, text), 0);
        assert_int_equal(result, ATE_BUSY);
        assert_string_equal(text, "too many");
    }
}

static void test_documented(void **state)
{
    (void)state;
    char path[4096], line[512];
    const char *root = getenv("ATE_SOURCE_ROOT");
    if (!root)
        skip();
    snprintf(path, sizeof path, "%s/docs/format/wire.md", root);
    FILE *doc = fopen(path, "r");
    assert_non_null(doc);
    uint8_t bytes[512];
    size_t size = 0;
    int example = 0;
    while (fgets(line, sizeof line, doc) && strncmp(line, "## Messages", 11) != 0) {
        size_t more = line_bytes(line, bytes + size);
        size += more;
        if (!more && size) {
            check_documented(example++, ate__bytes(bytes, size));
            size = 0;
        }
    }
    fclose(doc);
    assert_int_equal(example, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_random_splits),
        cmocka_unit_test(test_too_big_leaves_nothing),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_error),
        cmocka_unit_test(test_documented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
