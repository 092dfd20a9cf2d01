/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * fresh_test.c: what a caller says of a new chain. Archives and compression: also chain_test.c.
 */
#include "api/fresh.h"
#include "base/err.h"
#include "lib/check.h"

static void what_is_said_is_checked(void **state)
{
    (void)state;
    static const struct {
        struct ate_chain_conf conf;
        int created, opened;
    } of[] = {
        {{.strength = 0}, 0, 0},
        {{.strength = 128}, 0, ATE_MISUSE},
        {{.strength = 192}, 0, ATE_MISUSE},
        {{.strength = 256}, 0, ATE_MISUSE},
        {{.strength = 255}, ATE_MISUSE, ATE_MISUSE},
        {{.hash = ATE_SHA256}, 0, ATE_MISUSE},
        {{.hash = ATE_SHA3_256}, 0, ATE_MISUSE},
        {{.hash = 3}, ATE_MISUSE, ATE_MISUSE},
        {{.allow = ATE_ALLOW_ED25519 | ATE_ALLOW_MLDSA44}, 0, ATE_MISUSE},
        {{.allow = 32}, ATE_MISUSE, ATE_MISUSE},
        {{.archive = true}, 0, ATE_MISUSE},
        {{.retention_s = 1}, ATE_MISUSE, ATE_MISUSE},
        {{.compression = ATE_ZSTD}, 0, ATE_MISUSE},
    };
    for (size_t i = 0; i < ATE__COUNT_OF(of); i++) {
        assert_int_equal(ate__fresh_check(&of[i].conf, ATE_CREATE), of[i].created);
        assert_int_equal(ate__fresh_check(&of[i].conf, 0), of[i].opened);
    }
}

static void what_is_made(void **state)
{
    (void)state;
    struct ate_chain_conf conf = {
        .strength = 128, .hash = ATE_SHA3_256, .allow = ATE_ALLOW_ED448 | ATE_ALLOW_MLDSA44};
    struct ate__fresh f = {.strength = 0};
    assert_int_equal(ate__fresh_prepare(&conf, &f), 0);
    struct ate__genesis_conf g = ate__fresh_genesis(&f);
    assert_int_equal(g.strength, 128);
    assert_int_equal(g.hash_alg, ATE__SHA3_256);
    assert_int_equal(g.plain_count, 2);
    assert_int_equal(g.plain[0], ATE__SIG_MLDSA44);
    assert_int_equal(g.plain[1], ATE__SIG_ED448);
    assert_int_equal(g.options.size, 0);
    ate__fresh_deinit(&f);
}

static void what_is_there_is_compared(void **state)
{
    (void)state;
    static const uint8_t ids[] = {1, 0, 2, 0, 5, 0};
    const struct ate__genesis g = {.strength_min = 192,
                                   .hash_alg = ATE__SHA256,
                                   .signature_algorithms = ate__bytes(ids, sizeof ids)};
    static const struct {
        struct ate_chain_conf conf;
        int expected;
        const char *sentence;
    } of[] = {
        {{.strength = 0}, 0, NULL},
        {{.strength = 192, .hash = ATE_SHA256, .allow = ATE_ALLOW_ED25519}, 0, NULL},
        {{.strength = 128}, ATE_EXISTS, "strength 192"},
        {{.strength = 256}, ATE_EXISTS, "strength 192"},
        {{.hash = ATE_SHA3_256}, ATE_EXISTS, "another hash"},
        {{.allow = ATE_ALLOW_MLDSA65}, ATE_EXISTS, "keys of mldsa65"},
        {{.archive = true}, ATE_EXISTS, "is no archive"},
        {{.compression = ATE_ZSTD}, ATE_EXISTS, "does not compress"},
    };
    for (size_t i = 0; i < ATE__COUNT_OF(of); i++) {
        assert_int_equal(ate__fresh_matches(&of[i].conf, &g), of[i].expected);
        if (of[i].sentence)
            assert_non_null(strstr(ate__error_text(), of[i].sentence));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_said_is_checked),
        cmocka_unit_test(what_is_made),
        cmocka_unit_test(what_is_there_is_compared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
