/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The list of segments: round trip, every byte, every rule. */
#include "redo/meta.h"
#include "base/endian.h"
#include "base/err.h"
#include "crypto/digest.h"
#include "lib/check.h"
#include "lib/heap.h"
#include "lib/rnd.h"

static struct ate__meta example(void)
{
    struct ate__meta m = {.role = ATE__ROLE_MIRROR, .revision = 77, .floor = 30};
    struct ate__meta_entry entries[] = {
        {.id = 4, .first = 0, .end = 10, .length = 5000, .sealed = true},
        {.id = 2, .first = 10, .end = 25, .length = 70000},
        {.id = 9, .first = 25, .end = 30, .length = 500},
    };
    memset(m.chain_id.b, 7, sizeof m.chain_id.b);
    memset(entries[0].head.b, 8, sizeof entries[0].head.b);
    for (size_t i = 0; i < ATE__COUNT_OF(entries); i++)
        assert_int_equal(ate__meta_add(&m, &entries[i]), 0);
    return m;
}

static void encode(const struct ate__meta *m, struct ate__buf *buf)
{
    assert_int_equal(ate__meta_encode(m, buf), 0);
}

/* Makes the hash right again behind a change. */
static void seal(struct ate__buf *buf)
{
    struct ate_hash sha;
    size_t size = buf->size - ATE__META_SHA;
    assert_int_equal(ate__sha256(ate__bytes(buf->data, size), &sha), 0);
    memcpy(buf->data + size, sha.b, sizeof sha.b);
}

static int decode(const struct ate__buf *buf)
{
    struct ate__meta m;
    int rc = ate__meta_decode(ate__buf_bytes(buf), &m);
    if (!rc)
        ate__meta_deinit(&m);
    return rc;
}

static void test_round_trip(void **state)
{
    (void)state;
    struct ate__meta m = example(), got;
    struct ate__buf buf = ATE__BUF_NULL, again = ATE__BUF_NULL;
    encode(&m, &buf);
    assert_int_equal(buf.size, ATE__META_HEAD + 3 * ATE__META_ENTRY + ATE__META_SHA);
    assert_int_equal(ate__meta_decode(ate__buf_bytes(&buf), &got), 0);
    assert_true(got.revision == 77 && got.floor == 30 && got.count == 3);
    assert_int_equal(got.role, ATE__ROLE_MIRROR);
    assert_true(got.segments[0].sealed && !got.segments[1].sealed);
    assert_true(got.segments[1].id == 2 && got.segments[1].end == 25);
    assert_true(ate__hash_equal(&got.segments[0].head, &m.segments[0].head));
    encode(&got, &again);
    assert_true(ate__bytes_equal(ate__buf_bytes(&buf), ate__buf_bytes(&again)));
    ate__meta_deinit(&got);
    ate__meta_deinit(&m);
    ate__buf_deinit(&buf);
    ate__buf_deinit(&again);
}

static void test_every_bit(void **state)
{
    (void)state;
    struct ate__meta m = example();
    struct ate__buf buf = ATE__BUF_NULL;
    encode(&m, &buf);
    for (size_t i = 0; i < buf.size * 8; i++) {
        buf.data[i / 8] ^= (uint8_t)(1u << i % 8);
        assert_int_equal(decode(&buf), ATE_TAMPERED);
        buf.data[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    size_t size = buf.size;
    for (buf.size = 0; buf.size < size; buf.size++)
        assert_int_equal(decode(&buf), ATE_TAMPERED);
    assert_int_equal(decode(&buf), 0);
    assert_int_equal(ate__buf_append(&buf, ate__text_bytes("x")), 0);
    assert_int_equal(decode(&buf), ATE_TAMPERED);
    ate__meta_deinit(&m);
    ate__buf_deinit(&buf);
}

/* One field set, the hash made right. */
static int forged(size_t at, size_t size, uint64_t value)
{
    struct ate__meta m = example();
    struct ate__buf buf = ATE__BUF_NULL;
    encode(&m, &buf);
    for (size_t i = 0; i < size; i++)
        buf.data[at + i] = (uint8_t)(value >> (8 * i));
    seal(&buf);
    int rc = decode(&buf);
    ate__meta_deinit(&m);
    ate__buf_deinit(&buf);
    return rc;
}

static void test_fields(void **state)
{
    (void)state;
    enum {
        FIRST = ATE__META_HEAD,
        SECOND = FIRST + ATE__META_ENTRY,
        LAST = SECOND + ATE__META_ENTRY
    };
    static const struct {
        size_t at, size;
        uint64_t value;
        int result;
    } rows[] = {
        {8, 4, 1, 0},
        {8, 4, 2, ATE_UNSUPPORTED}, /* version */
        {8, 4, 0, ATE_TAMPERED},
        {12, 4, 1, ATE_TAMPERED}, /* bytes */
        {48, 4, 0, ATE_TAMPERED}, /* role */
        {48, 4, 1, 0},
        {48, 4, 3, ATE_UNSUPPORTED},
        {52, 4, 0, ATE_TAMPERED}, /* segments */
        {52, 4, 2, ATE_TAMPERED},
        {52, 4, 4, ATE_TAMPERED},
        {52, 4, ATE__SEGMENTS_MAX + 1, ATE_TAMPERED},
        {56, 8, 0, ATE_TAMPERED}, /* revision */
        {56, 8, UINT64_MAX, 0},
        {64, 8, 29, ATE_TAMPERED}, /* floor */
        {72, 8, 1, 0}, /* generation */
        {80, 8, 1, ATE_TAMPERED}, /* cut-off, of a log that was never compacted */
        {FIRST, 8, 0, ATE_TAMPERED}, /* id */
        {FIRST, 8, UINT64_C(1) << 32, ATE_TAMPERED},
        {FIRST, 8, 9, ATE_TAMPERED}, /* twice */
        {FIRST + 8, 8, 1, ATE_TAMPERED}, /* does not begin at 0 */
        {FIRST + 16, 8, 11, ATE_TAMPERED}, /* overlap */
        {FIRST + 24, 8, 88, ATE_TAMPERED}, /* no room for a group and a footer */
        {SECOND + 24, 8, 87, ATE_TAMPERED},
        {SECOND + 24, 8, 88, 0},
        {SECOND + 24, 8, (64 << 20) + 1, ATE_TAMPERED},
        {SECOND + 8, 8, 11, ATE_TAMPERED}, /* gap */
        {SECOND + 32, 4, 1, 0}, /* sealed */
        {SECOND + 32, 4, 2, ATE_TAMPERED}, /* compacted and not sealed */
        {SECOND + 32, 4, 3, ATE_TAMPERED}, /* compacted, in a log that never was */
        {SECOND + 32, 4, 4, ATE_TAMPERED},
        {SECOND + 36, 4, 1, ATE_TAMPERED}, /* zero */
        {LAST + 32, 4, 1, ATE_TAMPERED}, /* the last is not sealed */
        {LAST + 16, 8, 24, ATE_TAMPERED}, /* ends before it begins */
        {LAST + 16, 8, 31, ATE_TAMPERED}, /* not at the floor */
    };
    for (size_t i = 0; i < ATE__COUNT_OF(rows); i++)
        if (forged(rows[i].at, rows[i].size, rows[i].value) != rows[i].result)
            fail_msg("row %zu", i);
}

static void test_garbage(void **state)
{
    (void)state;
    struct rnd r = rnd_of(rnd_seed(1));
    for (int i = 0; i < 300; i++) {
        struct ate__meta m = example();
        struct ate__buf buf = ATE__BUF_NULL;
        encode(&m, &buf);
        for (int k = 0; k < 3; k++)
            buf.data[16 + rnd_below(&r, buf.size - 16)] = (uint8_t)rnd_u64(&r);
        seal(&buf);
        int rc = decode(&buf);
        assert_true(!rc || rc == ATE_TAMPERED || rc == ATE_UNSUPPORTED);
        ate__meta_deinit(&m);
        ate__buf_deinit(&buf);
    }
}

static int round_trip(void *arg)
{
    struct ate__meta m = {.role = ATE__ROLE_ROOT, .revision = 1}, got;
    struct ate__buf buf = ATE__BUF_NULL;
    (void)arg;
    int rc = ate__meta_add(&m, &(struct ate__meta_entry){.id = 1, .length = 88});
    if (!rc)
        rc = ate__meta_encode(&m, &buf);
    if (!rc)
        rc = ate__meta_decode(ate__buf_bytes(&buf), &got);
    if (!rc)
        ate__meta_deinit(&got);
    ate__meta_deinit(&m);
    ate__buf_deinit(&buf);
    return rc;
}

static void test_memory(void **state)
{
    (void)state;
    assert_true(heap_sweep(round_trip, NULL, false) >= 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_every_bit),
        cmocka_unit_test(test_fields),     cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
