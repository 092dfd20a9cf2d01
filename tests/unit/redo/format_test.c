/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The bytes of a segment: the worked example of docs/format/redo.md, and that no byte of it can
 * change unseen. */
#include "redo/format.h"
#include "base/crc.h"
#include "base/endian.h"
#include "base/err.h"
#include "base/text.h"
#include "lib/check.h"
#include <stdlib.h>

static const uint64_t salt = 0x0123456789abcdef;

static struct ate__segment_head example_head(void)
{
    struct ate__segment_head head = {.id = 1, .salt = salt, .first_sequence = 0, .capacity = 65536};
    for (size_t i = 0; i < sizeof head.chain_id.b; i++)
        head.chain_id.b[i] = (uint8_t)i;
    return head;
}

/* Header; a group of the records "hello" and "0123456789abcdef"; an idle mark; a footer. */
static void write_example(struct ate__buf *buf, bool padded)
{
    struct ate__wr w = ate__wr_of(buf);
    struct ate__segment_head head = example_head();
    uint32_t seed = ate__salt_seed(salt);
    struct ate__group_head group = {
        .bytes = ATE__GROUP_HEAD + 32 + 40,
        .count = 2,
        .root_time_us = 1700000000000000,
        .head_before = 0x1122334455667788,
    };
    struct ate__group_head idle = {
        .bytes = ATE__GROUP_HEAD,
        .first_sequence = 2,
        .root_time_us = 1700000000000000,
        .floor = 2,
    };
    struct ate__footer footer = {.next_sequence = 2, .count = 2};
    memset(footer.head.b, 0xaa, sizeof footer.head.b);
    memset(footer.sha256.b, 0xbb, sizeof footer.sha256.b);
    head.padded = padded;
    ate__segment_head_write(&w, &head);
    ate__group_head_write(&w, seed, &group);
    ate__record_write(&w, seed, ATE__KIND_TRANSACTION, 0, ate__text_bytes("hello"));
    ate__record_write(&w, seed, ATE__KIND_TRANSACTION, 1, ate__text_bytes("0123456789abcdef"));
    ate__group_head_write(&w, seed, &idle);
    ate__footer_write(&w, seed, &footer);
    assert_int_equal(ate__wr_end(&w), 0);
}

enum { GROUP_AT = ATE__SEGMENT_HEAD, IDLE_AT = GROUP_AT + 136, FOOTER_AT = IDLE_AT + 64 };

/* Each line of the example's bytes stands in the document as it comes out of the encoder. */
static void test_document(void **state)
{
    (void)state;
    struct ate__buf buf = ATE__BUF_NULL;
    char path[4096], line[128], found[512];
    write_example(&buf, false);
    assert_int_equal(buf.size, FOOTER_AT + ATE__FOOTER);
    snprintf(path, sizeof path, "%s/docs/format/redo.md", getenv("ATE_SOURCE_ROOT"));
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    for (size_t at = 0; at < buf.size; at += 16) {
        size_t n = buf.size - at < 16 ? buf.size - at : 16;
        int size = snprintf(line, sizeof line, "    %04zx ", at);
        for (size_t i = 0; i < n; i++)
            size += snprintf(line + size, sizeof line - (size_t)size, " %02x", buf.data[at + i]);
        bool there = false;
        rewind(file);
        while (!there && fgets(found, sizeof found, file))
            there = !strncmp(found, line, strlen(line));
        if (!there)
            fail_msg("not in %s:\n%s", path, line);
    }
    fclose(file);
    ate__buf_deinit(&buf);
}

static void test_read(void **state)
{
    (void)state;
    struct ate__buf buf = ATE__BUF_NULL;
    struct ate__segment_head head;
    struct ate__group_head group;
    struct ate__footer footer;
    struct ate_bytes body;
    uint32_t seed = ate__salt_seed(salt);
    uint64_t sequence;
    size_t at;
    write_example(&buf, false);
    assert_int_equal(ate__segment_head_read(ate__buf_bytes(&buf), &head), ATE__GOOD);
    struct ate__segment_head want = example_head();
    assert_true(head.id == want.id && head.salt == salt && head.capacity == want.capacity);
    assert_true(ate__hash_equal(&head.chain_id, &want.chain_id) && !head.padded);
    struct ate_bytes rest = ate__bytes(buf.data + GROUP_AT, buf.size - GROUP_AT);
    assert_int_equal(ate__group_head_read(rest, seed, false, &group), ATE__GOOD);
    assert_true(group.bytes == 136 && group.count == 2 && group.first_sequence == 0);
    assert_true(group.root_time_us == 1700000000000000 && group.floor == 0);
    assert_true(group.head_before == 0x1122334455667788);
    rest.size = group.bytes;
    assert_int_equal(ate__group_check(rest, seed, &group, &at), ATE__GOOD);
    assert_int_equal(at, group.bytes);
    at = ATE__GROUP_HEAD;
    ate__group_next(rest, &at, &sequence, &body);
    assert_true(sequence == 0 && ate__bytes_equal(body, ate__text_bytes("hello")));
    ate__group_next(rest, &at, &sequence, &body);
    assert_true(sequence == 1 && ate__bytes_equal(body, ate__text_bytes("0123456789abcdef")));
    assert_int_equal(at, group.bytes);
    rest = ate__bytes(buf.data + IDLE_AT, buf.size - IDLE_AT);
    assert_int_equal(ate__group_head_read(rest, seed, false, &group), ATE__GOOD);
    assert_true(!group.count && group.floor == 2 && group.first_sequence == 2);
    rest = ate__bytes(buf.data + FOOTER_AT, buf.size - FOOTER_AT);
    assert_int_equal(ate__footer_read(rest, seed, &footer), ATE__GOOD);
    assert_true(footer.next_sequence == 2 && footer.count == 2 && footer.head.b[31] == 0xaa &&
                footer.sha256.b[0] == 0xbb);
    /* Not where the other is asked for. */
    assert_int_equal(ate__group_head_read(rest, seed, false, &group), ATE__BAD);
    rest = ate__bytes(buf.data + GROUP_AT, buf.size - GROUP_AT);
    assert_int_equal(ate__footer_read(rest, seed, &footer), ATE__BAD);
    /* Under another salt nothing holds. */
    assert_int_equal(ate__group_head_read(rest, ate__salt_seed(salt + 1), false, &group), ATE__BAD);
    ate__buf_deinit(&buf);
}

/* What is read of the whole example. */
static bool all_good(const struct ate__buf *buf, bool padded)
{
    struct ate__segment_head head;
    struct ate__group_head group;
    struct ate__footer footer;
    size_t more = padded ? ATE__PAD_BYTES - ATE__SEGMENT_HEAD : 0, at;
    uint32_t seed = ate__salt_seed(salt);
    if (ate__segment_head_read(ate__buf_bytes(buf), &head) != ATE__GOOD)
        return false;
    struct ate_bytes rest = ate__bytes(buf->data + GROUP_AT + more, 136);
    if (ate__group_head_read(rest, seed, false, &group) != ATE__GOOD || group.count != 2 ||
        ate__group_check(rest, seed, &group, &at) != ATE__GOOD)
        return false;
    rest = ate__bytes(buf->data + IDLE_AT + more, ATE__GROUP_HEAD);
    if (ate__group_head_read(rest, seed, false, &group) != ATE__GOOD)
        return false;
    rest = ate__bytes(buf->data + FOOTER_AT + more, ATE__FOOTER);
    return ate__footer_read(rest, seed, &footer) == ATE__GOOD;
}

static void test_every_bit(void **state)
{
    (void)state;
    for (int padded = 0; padded < 2; padded++) {
        struct ate__buf buf = ATE__BUF_NULL;
        write_example(&buf, padded);
        assert_true(all_good(&buf, padded));
        for (size_t at = 0; at < buf.size; at++)
            for (unsigned bit = 0; bit < 8; bit++) {
                buf.data[at] ^= (uint8_t)(1u << bit);
                if (all_good(&buf, padded))
                    fail_msg("byte %zu, bit %u: not seen", at, bit);
                buf.data[at] ^= (uint8_t)(1u << bit);
            }
        ate__buf_deinit(&buf);
    }
}

static void test_short(void **state)
{
    (void)state;
    struct ate__buf buf = ATE__BUF_NULL;
    struct ate__segment_head head;
    struct ate__group_head group;
    struct ate__footer footer;
    uint32_t seed = ate__salt_seed(salt);
    size_t at;
    write_example(&buf, false);
    for (size_t n = 0; n < ATE__SEGMENT_HEAD; n++)
        assert_int_equal(ate__segment_head_read(ate__bytes(buf.data, n), &head), ATE__BAD);
    for (size_t n = 1; n < ATE__GROUP_HEAD; n++)
        assert_int_equal(
            ate__group_head_read(ate__bytes(buf.data + GROUP_AT, n), seed, false, &group),
            ATE__BAD);
    for (size_t n = 1; n < ATE__FOOTER; n++)
        assert_int_equal(ate__footer_read(ate__bytes(buf.data + FOOTER_AT, n), seed, &footer),
                         ATE__BAD);
    assert_int_equal(
        ate__group_head_read(ate__bytes(buf.data + GROUP_AT, 136), seed, false, &group), ATE__GOOD);
    for (size_t n = ATE__GROUP_HEAD; n < 136; n++) {
        assert_int_equal(ate__group_check(ate__bytes(buf.data + GROUP_AT, n), seed, &group, &at),
                         ATE__BAD);
        assert_int_equal(at, n < 96 ? 64 : 96);
    }
    ate__buf_deinit(&buf);
}

static void test_zeros(void **state)
{
    (void)state;
    static const uint8_t zeros[256];
    struct ate__record_head record;
    struct ate__group_head group;
    assert_int_equal(ate__record_head_read(ate__bytes(zeros, 256), 1, &record), ATE__NOTHING);
    assert_int_equal(ate__record_head_read(ate__bytes(zeros, 3), 1, &record), ATE__NOTHING);
    assert_int_equal(ate__record_head_read(ate__bytes(NULL, 0), 1, &record), ATE__NOTHING);
    assert_int_equal(ate__group_head_read(ate__bytes(zeros, 256), 1, false, &group), ATE__NOTHING);
    assert_true(ate__all_zero(ate__bytes(zeros, 256)));
    uint8_t some[9] = {0};
    for (size_t i = 0; i < sizeof some; i++) {
        some[i] = 1;
        assert_false(ate__all_zero(ate__bytes(some, sizeof some)));
        some[i] = 0;
    }
}

/* A record head with a right checksum and any fields. */
static void forge_head(uint8_t *to, uint32_t seed, uint32_t size, uint16_t kind, uint16_t flags)
{
    ate__store32(to, size);
    ate__store16(to + 4, kind);
    ate__store16(to + 6, flags);
    ate__store64(to + 8, 7);
    ate__store32(to + 16, ate__crc32c(seed, to, 16));
    ate__store32(to + 20, 0);
}

static void test_newer(void **state)
{
    (void)state;
    static const struct {
        uint32_t size;
        uint16_t kind, flags;
        enum ate__soundness verdict;
    } rows[] = {
        {1, 1, 0, ATE__GOOD},
        {1, 2, 0, ATE__GOOD},
        {1, 3, 0, ATE__GOOD},
        {1, 0, 0, ATE__BAD},
        {0, 1, 0, ATE__BAD},
        {0, 0, 0, ATE__BAD},
        {1, 4, 0, ATE__GOOD},
        {1, 5, 0, ATE__GOOD},
        {1, 6, 0, ATE__NEWER},
        {1, 1, ATE__RECORD_SEALED, ATE__GOOD},
        {1, 1, 2, ATE__NEWER},
        {1, 1, 3, ATE__NEWER},
        {1, 5, ATE__RECORD_SEALED, ATE__NEWER},
        {1, 0xffff, 0, ATE__NEWER},
        {1, 2, 1, ATE__NEWER},
        {1, 2, 0x8000, ATE__NEWER},
        {0, 4, 0, ATE__BAD},
        {ATE__GROUP_BYTES_MAX, 2, 0, ATE__GOOD},
        {ATE__GROUP_BYTES_MAX + 1, 2, 0, ATE__BAD},
        {UINT32_MAX, 2, 0, ATE__BAD},
    };
    uint8_t bytes[ATE__RECORD_HEAD];
    struct ate__record_head head;
    for (size_t i = 0; i < ATE__COUNT_OF(rows); i++) {
        forge_head(bytes, 9, rows[i].size, rows[i].kind, rows[i].flags);
        assert_int_equal(ate__record_head_read(ate__bytes(bytes, sizeof bytes), 9, &head),
                         rows[i].verdict);
    }
}

/* A sealed group of the record "hello". */
static void write_sealed(struct ate__buf *buf, uint32_t seed, uint64_t seal_sequence, bool has_seal)
{
    struct ate__wr w = ate__wr_of(buf);
    struct ate_hash seal;
    memset(seal.b, 0xcc, sizeof seal.b);
    struct ate__group_head group = {
        .bytes = ATE__GROUP_HEAD + 32 + (has_seal ? ATE__SEAL : 40),
        .count = 1,
        .sealed = true,
    };
    ate__group_head_write(&w, seed, &group);
    ate__record_write(&w, seed, ATE__KIND_TRANSACTION, 0, ate__text_bytes("hello"));
    if (has_seal)
        ate__seal_write(&w, seed, seal_sequence, &seal);
    else
        ate__record_write(&w, seed, ATE__KIND_TRANSACTION, 1, ate__text_bytes("0123456789abcdef"));
    assert_int_equal(ate__wr_end(&w), 0);
}

static enum ate__soundness check_sealed(const struct ate__buf *buf, uint32_t seed)
{
    struct ate__group_head head;
    size_t at;
    enum ate__soundness verdict = ate__group_head_read(ate__buf_bytes(buf), seed, false, &head);
    if (verdict != ATE__GOOD)
        return verdict;
    if (head.bytes > buf->size)
        return ATE__BAD;
    return ate__group_check(ate__bytes(buf->data, head.bytes), seed, &head, &at);
}

static void test_sealed(void **state)
{
    (void)state;
    uint32_t seed = ate__salt_seed(salt);
    struct ate__buf buf = ATE__BUF_NULL;
    write_sealed(&buf, seed, 1, true);
    assert_int_equal(check_sealed(&buf, seed), ATE__GOOD);
    struct ate_hash seal = ate__group_seal(ate__buf_bytes(&buf));
    assert_int_equal(seal.b[0], 0xcc);
    assert_int_equal(seal.b[31], 0xcc);
    for (size_t bit = 0; bit < 8 * buf.size; bit++) {
        buf.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_not_equal(check_sealed(&buf, seed), ATE__GOOD);
        buf.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    ate__buf_clear(&buf);
    write_sealed(&buf, seed, 0, true); /* of another place */
    assert_int_equal(check_sealed(&buf, seed), ATE__BAD);
    ate__buf_clear(&buf);
    write_sealed(&buf, seed, 1, false); /* another record stands there */
    assert_int_equal(check_sealed(&buf, seed), ATE__BAD);
    ate__buf_clear(&buf);
    struct ate__wr w = ate__wr_of(&buf); /* an idle mark has none */
    ate__group_head_write(
        &w, seed, &(struct ate__group_head){.bytes = ATE__GROUP_HEAD + ATE__SEAL, .sealed = true});
    ate__seal_write(&w, seed, 0, &seal);
    assert_int_equal(ate__wr_end(&w), 0);
    assert_int_equal(check_sealed(&buf, seed), ATE__BAD);
    ate__buf_deinit(&buf);
}

/* The example's segment header with one field set and the checksum made right again. */
static enum ate__soundness forged_segment(size_t at, size_t size, uint64_t value)
{
    struct ate__buf buf = ATE__BUF_NULL;
    struct ate__segment_head head;
    write_example(&buf, false);
    for (size_t i = 0; i < size; i++)
        buf.data[at + i] = (uint8_t)(value >> (8 * i));
    ate__store32(buf.data + 84, ate__crc32c(0, buf.data, 84));
    enum ate__soundness verdict = ate__segment_head_read(ate__buf_bytes(&buf), &head);
    ate__buf_deinit(&buf);
    return verdict;
}

static void test_segment_fields(void **state)
{
    (void)state;
    assert_int_equal(forged_segment(8, 4, 1), ATE__GOOD);
    assert_int_equal(forged_segment(8, 4, 2), ATE__NEWER);  /* version */
    assert_int_equal(forged_segment(8, 4, 0), ATE__BAD);
    assert_int_equal(forged_segment(12, 4, 4), ATE__NEWER); /* flags */
    assert_int_equal(forged_segment(12, 4, 2), ATE__GOOD);
    assert_int_equal(forged_segment(12, 4, 1), ATE__BAD);   /* padded, and no zeros behind */
    assert_int_equal(forged_segment(48, 8, 0), ATE__BAD);   /* id */
    assert_int_equal(forged_segment(48, 8, UINT32_MAX), ATE__GOOD);
    assert_int_equal(forged_segment(48, 8, UINT64_C(1) << 32), ATE__BAD);
    assert_int_equal(forged_segment(72, 8, 65536 - 4096), ATE__BAD); /* capacity */
    assert_int_equal(forged_segment(72, 8, 65536 + 8), ATE__BAD);
    assert_int_equal(forged_segment(72, 8, 64 << 20), ATE__GOOD);
    assert_int_equal(forged_segment(72, 8, (64 << 20) + 4096), ATE__BAD);
    assert_int_equal(forged_segment(80, 4, 1), ATE__BAD); /* zero */
}

static enum ate__soundness group_of(const struct ate__group_head *head)
{
    struct ate__buf buf = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&buf);
    struct ate__group_head got;
    ate__group_head_write(&w, 5, head);
    assert_int_equal(ate__wr_end(&w), 0);
    enum ate__soundness verdict = ate__group_head_read(ate__buf_bytes(&buf), 5, false, &got);
    ate__buf_deinit(&buf);
    return verdict;
}

static void test_group_fields(void **state)
{
    (void)state;
    struct ate__group_head good = {.bytes = 96, .count = 1, .first_sequence = 9, .floor = 9}, h;
    assert_int_equal(group_of(&good), ATE__GOOD);
    h = good, h.floor = 10;
    assert_int_equal(group_of(&h), ATE__BAD);
    h = good, h.bytes = 95;
    assert_int_equal(group_of(&h), ATE__BAD);
    h = good, h.bytes = 88;
    assert_int_equal(group_of(&h), ATE__BAD);
    h = good, h.count = UINT32_MAX;
    assert_int_equal(group_of(&h), ATE__BAD);
    h = good, h.bytes = ATE__GROUP_BYTES_MAX;
    assert_int_equal(group_of(&h), ATE__GOOD);
    h = good, h.bytes = ATE__GROUP_BYTES_MAX + 8;
    assert_int_equal(group_of(&h), ATE__BAD);
    h = good, h.first_sequence = UINT64_MAX;
    assert_int_equal(group_of(&h), ATE__BAD);
    h = good, h.count = 0;
    assert_int_equal(group_of(&h), ATE__BAD);
    h = good, h.count = 0, h.bytes = 64;
    assert_int_equal(group_of(&h), ATE__GOOD);
    h.head_before = 1;
    assert_int_equal(group_of(&h), ATE__BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_document),     cmocka_unit_test(test_read),
        cmocka_unit_test(test_every_bit),    cmocka_unit_test(test_short),
        cmocka_unit_test(test_zeros),        cmocka_unit_test(test_newer),
        cmocka_unit_test(test_sealed),       cmocka_unit_test(test_segment_fields),
        cmocka_unit_test(test_group_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
