/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The genesis body: writing, order of root keys, limits, failures. The table of wrong bodies is
 * tests/vectors/event/genesis.txt.
 */
#include "event/genesis.h"
#include "base/err.h"
#include "lib/check.h"
#include "lib/heap.h"
#include "lib/rnd.h"
#include <stdlib.h>

static uint8_t keys[ATE__ROOT_KEYS_MAX][ATE__KEY_ITEM_MIN];

static struct ate__genesis example(uint32_t root_keys)
{
    struct ate__genesis g = {.format_version = ATE__FORMAT_VERSION,
                             .rules_version = ATE__RULES_VERSION,
                             .hash_alg = ATE__SHA256,
                             .mode = ATE__DISTRIBUTED,
                             .name = ate__text_bytes("/notes"),
                             .root_key_count = root_keys,
                             .window = ATE__WINDOW_DEFAULT,
                             .signature_algorithms = ate__bytes("\1\0", 2),
                             .strength_min = 128};
    for (uint32_t i = 0; i < root_keys && i < ATE__ROOT_KEYS_MAX; i++) {
        /* Not in their order. */
        keys[i][0] = (uint8_t)(i * 37 % ATE__ROOT_KEYS_MAX);
        g.root_keys[i] = ate__bytes(keys[i], sizeof keys[i]);
    }
    return g;
}

static void comes_back(void **state)
{
    (void)state;
    for (uint32_t count = 1; count <= ATE__ROOT_KEYS_MAX; count++) {
        struct ate__genesis g = example(count), h;
        struct ate__buf buf = ATE__BUF_NULL;
        g.random[31] = (uint8_t)count;
        assert_int_equal(ate__buf_append(&buf, ate__text_bytes("before")), 0);
        assert_int_equal(ate__genesis_encode(&g, &buf), 0);
        assert_memory_equal(buf.data, "before", 6);
        assert_int_equal(ate__genesis_decode(ate__bytes(buf.data + 6, buf.size - 6), &h), 0);
        assert_true(ate__bytes_equal(h.name, g.name));
        assert_memory_equal(h.random, g.random, sizeof h.random);
        assert_int_equal(h.root_key_count, count);
        for (uint32_t i = 1; i < count; i++)
            assert_true(memcmp(h.root_keys[i - 1].data, h.root_keys[i].data, 38) < 0);
        assert_int_equal(h.window, ATE__WINDOW_DEFAULT);
        assert_int_equal(h.strength_min, 128);
        assert_true(ate__bytes_equal(h.signature_algorithms, g.signature_algorithms));
        assert_true(ate__bytes_equal(h.log_keys, ate__bytes("\0\0\0\0", 4)));
        assert_true(ate__bytes_equal(h.compactor_keys, h.log_keys));
        assert_int_equal(h.options.size, 0);
        ate__buf_deinit(&buf);
    }
}

/* A body that decode would refuse is not made, and the buffer is as it was. */
static void wrong_ones_are_not_made(void **state)
{
    (void)state;
    enum { CASES = 18 };
    for (int i = 0; i < CASES; i++) {
        struct ate__genesis g = example(2);
        struct ate__buf buf = ATE__BUF_NULL;
        int expected = ATE_MALFORMED;
        switch (i) {
        case 0: g.format_version = 2, expected = ATE_UNSUPPORTED; break;
        case 1: g.rules_version = 2, expected = ATE_UNSUPPORTED; break;
        case 2: g.hash_alg = 9, expected = ATE_UNSUPPORTED; break;
        case 3: g.mode = 3, expected = ATE_UNSUPPORTED; break;
        case 4: g.name = ate__text_bytes("/a/../b"); break;
        case 5: g.root_key_count = 0; break;
        case 6: g.root_keys[1] = g.root_keys[0]; break;
        case 7: g.root_keys[1].size = 37; break;
        case 8: g.root_key_count = ATE__ROOT_KEYS_MAX + 1, expected = ATE_TOO_BIG; break;
        case 9: g.window = 0; break;
        case 10: g.signature_algorithms = ate__bytes("\1\0\2", 3); break;
        case 11: g.strength_min = 200; break;
        case 12: g.options = ate__bytes("\3\0\0", 3), expected = ATE_UNSUPPORTED; break;
        case 13: g.log_keys = ate__bytes("\1\0\0\0", 4); break;
        case 14: g.compactor_keys = ate__bytes("\x41\0\0\0", 4), expected = ATE_TOO_BIG; break;
        case 15: g.options = ate__bytes("\1\0\7\0\0\0\0\0\0\0", 10); break;
        case 16: g.options = ate__bytes("\2\0\2\1\1", 5); break;
        case 17: g.options = ate__bytes("\2\0\1\2", 4), expected = ATE_UNSUPPORTED; break;
        }
        assert_int_equal(ate__buf_append(&buf, ate__text_bytes("before")), 0);
        assert_int_equal(ate__genesis_encode(&g, &buf), expected);
        assert_int_equal(buf.size, 6);
        assert_true(strstr(ate__error_text(), "genesis") == ate__error_text());
        ate__buf_deinit(&buf);
    }
}

static void archives_come_back(void **state)
{
    (void)state;
    static const uint64_t times[] = {0, 1, UINT64_MAX};
    for (size_t i = 0; i < ATE__COUNT_OF(times); i++) {
        struct ate__genesis g = example(1), h;
        struct ate__buf buf = ATE__BUF_NULL, options = ATE__BUF_NULL;
        assert_int_equal(ate__genesis_worm(times[i], &options), 0);
        assert_int_equal(ate__buf_append(&options, ate__bytes("\0\x80\1x", 4)), 0);
        g.options = ate__buf_bytes(&options);
        assert_int_equal(ate__genesis_encode(&g, &buf), 0);
        assert_int_equal(ate__genesis_decode(ate__buf_bytes(&buf), &h), 0);
        assert_true(h.archive);
        assert_true(h.retention_us == times[i]);
        ate__buf_deinit(&buf);
        ate__buf_deinit(&options);
    }
}

static void compression_comes_back(void **state)
{
    (void)state;
    for (unsigned archive = 0; archive < 2; archive++) {
        struct ate__genesis g = example(1), h;
        struct ate__buf buf = ATE__BUF_NULL, options = ATE__BUF_NULL;
        if (archive)
            assert_int_equal(ate__genesis_worm(7, &options), 0);
        assert_int_equal(ate__genesis_compression(ATE__COMPRESSION_ZSTD, &options), 0);
        assert_memory_equal(options.data + options.size - 4, "\2\0\1\1", 4);
        g.options = ate__buf_bytes(&options);
        assert_int_equal(ate__genesis_encode(&g, &buf), 0);
        assert_int_equal(ate__genesis_decode(ate__buf_bytes(&buf), &h), 0);
        assert_int_equal(h.compression, ATE__COMPRESSION_ZSTD);
        assert_true(h.archive == archive);
        g.options = (struct ate_bytes){0};
        ate__buf_clear(&buf);
        assert_int_equal(ate__genesis_encode(&g, &buf), 0);
        assert_int_equal(ate__genesis_decode(ate__buf_bytes(&buf), &h), 0);
        assert_int_equal(h.compression, ATE__COMPRESSION_NONE);
        ate__buf_deinit(&buf);
        ate__buf_deinit(&options);
    }
}

static void keys_of_services_come_back(void **state)
{
    (void)state;
    for (uint32_t count = 0; count <= ATE__SERVICE_KEYS_MAX; count++) {
        struct ate__genesis g = example(count ? count : 1), h;
        struct ate__buf buf = ATE__BUF_NULL, logs = ATE__BUF_NULL, compactors = ATE__BUF_NULL;
        struct ate_bytes key, last = {NULL, 0};
        assert_int_equal(ate__genesis_key_list(g.root_keys, count, &logs), 0);
        assert_int_equal(ate__genesis_key_list(g.root_keys, count ? 1 : 0, &compactors), 0);
        g.log_keys = ate__buf_bytes(&logs);
        g.compactor_keys = ate__buf_bytes(&compactors);
        assert_int_equal(ate__genesis_encode(&g, &buf), 0);
        assert_int_equal(ate__genesis_decode(ate__buf_bytes(&buf), &h), 0);
        uint32_t found = 0;
        for (size_t at = 0; ate__genesis_key_next(h.log_keys, &at, &key); found++, last = key)
            assert_true(!found || memcmp(last.data, key.data, key.size) < 0);
        assert_int_equal(found, count);
        found = 0;
        for (size_t at = 0; ate__genesis_key_next(h.compactor_keys, &at, &key); found++)
            assert_true(ate__bytes_equal(key, g.root_keys[0]));
        assert_int_equal(found, count ? 1 : 0);
        assert_false(h.archive);
        ate__buf_deinit(&buf);
        ate__buf_deinit(&logs);
        ate__buf_deinit(&compactors);
    }
    struct ate__buf logs = ATE__BUF_NULL;
    assert_int_equal(ate__genesis_key_list(NULL, ATE__SERVICE_KEYS_MAX + 1, &logs), ATE_TOO_BIG);
    assert_int_equal(logs.size, 0);
}

static void options_at_the_edge(void **state)
{
    (void)state;
    static uint8_t options[ATE__OPTIONS_MAX + 1] = {0x00, 0x80};
    for (size_t more = 0; more < 2; more++) {
        struct ate__genesis g = example(1), h;
        struct ate__buf buf = ATE__BUF_NULL;
        size_t size = ATE__OPTIONS_MAX - 5 + more;
        options[2] = (uint8_t)((size & 0x7f) | 0x80);
        options[3] = (uint8_t)((size >> 7 & 0x7f) | 0x80);
        options[4] = (uint8_t)(size >> 14);
        g.options = ate__bytes(options, 5 + size);
        assert_int_equal(ate__genesis_encode(&g, &buf), more ? ATE_TOO_BIG : 0);
        if (!more) {
            assert_int_equal(ate__genesis_decode(ate__buf_bytes(&buf), &h), 0);
            assert_int_equal(h.options.size, ATE__OPTIONS_MAX);
        }
        ate__buf_deinit(&buf);
    }
}

static void every_truncation_fails(void **state)
{
    (void)state;
    struct ate__genesis g = example(3), h, before;
    struct ate__buf buf = ATE__BUF_NULL;
    memset(&h, 0x5a, sizeof h);
    before = h;
    assert_int_equal(ate__genesis_encode(&g, &buf), 0);
    for (size_t size = 0; size < buf.size; size++) {
        uint8_t *exact = malloc(size + 1);
        assert_non_null(exact);
        memcpy(exact, buf.data, size);
        assert_int_equal(ate__genesis_decode(ate__bytes(exact, size), &h), ATE_MALFORMED);
        free(exact);
    }
    assert_memory_equal(&h, &before, sizeof h);
    ate__buf_deinit(&buf);
}

/* A flipped bit is refused or gives another body, hence another chain id. */
static void every_flipped_bit_shows(void **state)
{
    (void)state;
    struct ate__genesis g = example(2), h;
    struct ate__buf buf = ATE__BUF_NULL, again = ATE__BUF_NULL;
    struct ate_hash id, other;
    size_t passed = 0;
    assert_int_equal(ate__genesis_encode(&g, &buf), 0);
    assert_int_equal(ate__chain_id(ATE__SHA256, ate__buf_bytes(&buf), &id), 0);
    for (size_t bit = 0; bit < 8 * buf.size; bit++) {
        buf.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (!ate__genesis_decode(ate__buf_bytes(&buf), &h)) {
            passed++;
            ate__buf_clear(&again);
            assert_int_equal(ate__genesis_encode(&h, &again), 0);
            assert_true(ate__bytes_equal(ate__buf_bytes(&again), ate__buf_bytes(&buf)));
            assert_int_equal(ate__chain_id(ATE__SHA256, ate__buf_bytes(&buf), &other), 0);
            assert_false(ate__hash_equal(&id, &other));
        }
        buf.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_true(passed > 32 * 8); /* the random bytes at least */
    ate__buf_deinit(&buf);
    ate__buf_deinit(&again);
}

static int encode_once(void *arg)
{
    struct ate__buf buf = ATE__BUF_NULL;
    int rc = ate__genesis_encode(arg, &buf);
    ate__buf_deinit(&buf);
    return rc;
}

static void survives_want_of_memory(void **state)
{
    (void)state;
    struct ate__genesis g = example(ATE__ROOT_KEYS_MAX);
    assert_true(heap_sweep(encode_once, &g, false) > 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back),
        cmocka_unit_test(wrong_ones_are_not_made),
        cmocka_unit_test(archives_come_back),
        cmocka_unit_test(compression_comes_back),
        cmocka_unit_test(keys_of_services_come_back),
        cmocka_unit_test(options_at_the_edge),
        cmocka_unit_test(every_truncation_fails),
        cmocka_unit_test(every_flipped_bit_shows),
        cmocka_unit_test(survives_want_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
