/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "crypto/password.h"
#include "base/err.h"
#include "crypto/ossl.h"
#include "help.h"
#include "lib/simenv.h"
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <sys/resource.h>

static struct simenv sim;
static const uint8_t salt[ATE__PASSWORD_SALT] = {1, 2, 3};
static const struct ate_bytes password = {"horse staple", 12}, bound = {"bound", 5},
                              secret = {"a secret of some bytes", 22};

static int set_up(void **state)
{
    (void)state;
    simenv_init(&sim, rnd_seed(8), NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    simenv_deinit(&sim);
    return 0;
}

/* RFC 9106 section 5.3, by the function of OpenSSL that we use: what ours gives it is seen in
 * costs_are_what_is_said(). */
static void published(void **state)
{
    (void)state;
    uint8_t pass[32], salty[16], key[8], ad[12], tag[32];
    uint32_t memory = 32, passes = 3, lanes = 4;
    memset(pass, 1, sizeof pass);
    memset(salty, 2, sizeof salty);
    memset(key, 3, sizeof key);
    memset(ad, 4, sizeof ad);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PASSWORD, pass, sizeof pass),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, salty, sizeof salty),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, key, sizeof key),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_ARGON2_AD, ad, sizeof ad),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_ARGON2_MEMCOST, &memory),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_ITER, &passes),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_ARGON2_LANES, &lanes),
        OSSL_PARAM_construct_end(),
    };
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(ate__ossl_argon2id());
    assert_int_equal(EVP_KDF_derive(ctx, tag, sizeof tag, params), 1);
    EVP_KDF_CTX_free(ctx);
    assert_hex(tag, sizeof tag, "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659");
}

static void seals_and_opens(void **state)
{
    (void)state;
    struct ate__password_cost cost = ate__password_cost();
    uint8_t sealed[64], again[64], plain[22];
    size_t size = secret.size + ATE__PASSWORD_EXTRA;
    assert_int_equal(ate__password_seal(&sim.env, &cost, salt, password, bound, secret, sealed), 0);
    assert_int_equal(ate__password_seal(&sim.env, &cost, salt, password, bound, secret, again), 0);
    assert_memory_not_equal(sealed, again, size); /* another nonce */
    assert_int_equal(ate__password_open(&cost, salt, password, bound, ate__bytes(sealed, size),
                                        plain, sizeof plain),
                     0);
    assert_memory_equal(plain, secret.data, secret.size);

    static const uint8_t other_salt[ATE__PASSWORD_SALT] = {1, 2, 4};
    memset(plain, 0xa5, sizeof plain);
    assert_int_equal(ate__password_open(&cost, other_salt, password, bound,
                                        ate__bytes(sealed, size), plain, sizeof plain),
                     ATE_NO_KEY);
    assert_int_equal(ate__password_open(&cost, salt, ate__text_bytes("horse stapl"), bound,
                                        ate__bytes(sealed, size), plain, sizeof plain),
                     ATE_NO_KEY);
    assert_int_equal(ate__password_open(&cost, salt, password, ate__text_bytes("bouna"),
                                        ate__bytes(sealed, size), plain, sizeof plain),
                     ATE_NO_KEY);
    assert_int_equal(ate__password_open(&cost, salt, password, bound, ate__bytes(sealed, size - 1),
                                        plain, sizeof plain - 1),
                     ATE_NO_KEY);
    assert_int_equal(
        ate__password_open(&cost, salt, password, bound, ate__bytes(sealed, 9), plain, 0),
        ATE_NO_KEY);
    sealed[size / 2] ^= 1;
    assert_int_equal(ate__password_open(&cost, salt, password, bound, ate__bytes(sealed, size),
                                        plain, sizeof plain),
                     ATE_NO_KEY);
    assert_memory_not_equal(plain, secret.data, secret.size);
    assert_int_equal(ERR_peek_error(), 0);
}

/* Each of the three numbers is in what comes out. */
static void costs_are_what_is_said(void **state)
{
    (void)state;
    uint8_t sealed[64], plain[22];
    size_t size = secret.size + ATE__PASSWORD_EXTRA;
    struct ate__password_cost cost = ate__password_cost();
    assert_int_equal(ate__password_seal(&sim.env, &cost, salt, password, bound, secret, sealed), 0);
    for (unsigned i = 0; i < 3; i++) {
        struct ate__password_cost other = cost;
        *(i == 0 ? &other.memory_kib : i == 1 ? &other.passes : &other.lanes) += 1;
        assert_int_equal(ate__password_open(&other, salt, password, bound, ate__bytes(sealed, size),
                                            plain, sizeof plain),
                         ATE_NO_KEY);
    }
}

static void what_is_too_cheap_or_too_dear_is_refused(void **state)
{
    (void)state;
    static const struct {
        struct ate__password_cost cost;
        int expected;
    } of[] = {
        {{65536, 3, 4}, 0},
        {{65536, 3, 1}, 0},
        {{1 << 20, 4, 16}, 0},
        {{65536, 64, 1}, 0},
        {{65535, 3, 4}, ATE_DENIED},
        {{65536, 2, 4}, ATE_DENIED},
        {{65536, 3, 0}, ATE_DENIED},
        {{0, 0, 0}, ATE_DENIED},
        {{8, 1 << 20, 1}, ATE_DENIED},
        {{(1 << 20) + 1, 3, 4}, ATE_TOO_BIG},
        {{65536, 65, 1}, ATE_TOO_BIG},
        {{65536, 3, 17}, ATE_TOO_BIG},
        {{1 << 20, 5, 4}, ATE_TOO_BIG},
        {{UINT32_MAX, UINT32_MAX, UINT32_MAX}, ATE_TOO_BIG},
    };
    for (size_t i = 0; i < ATE__COUNT_OF(of); i++) {
        assert_int_equal(ate__password_cost_check(&of[i].cost), of[i].expected);
        uint8_t sealed[64] = {0}, plain[1];
        if (of[i].expected) /* before any memory is filled */
            assert_int_equal(ate__password_open(&of[i].cost, salt, password, bound,
                                                ate__bytes(sealed, 41), plain, 1),
                             of[i].expected);
    }
}

static uint64_t cpu_us(const struct rusage *u)
{
    return (uint64_t)u->ru_utime.tv_sec * 1000000 + (uint64_t)u->ru_utime.tv_usec +
           (uint64_t)u->ru_stime.tv_sec * 1000000 + (uint64_t)u->ru_stime.tv_usec;
}

/* A thousand files that ask for the most that fits into their fields cost less time than one that
 * is opened, and no memory; and what is opened asks for a known multiple of what is written. */
static void refusals_cost_nothing(void **state)
{
    (void)state;
    static const struct ate__password_cost dear[] = {{UINT32_MAX, 3, 4},
                                                     {65536, UINT32_MAX, 4},
                                                     {65536, 3, UINT32_MAX},
                                                     {ATE__PASSWORD_KIB_MAX, 5, 4},
                                                     {ATE__PASSWORD_KIB_MAX + 1, 3, 4}};
    struct rusage before, refused, opened;
    uint8_t sealed[41] = {0}, plain[1];
    struct ate__password_cost cost = ate__password_cost();
    getrusage(RUSAGE_SELF, &before);
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(ate__password_open(&dear[i % ATE__COUNT_OF(dear)], salt, password, bound,
                                            ate__bytes(sealed, sizeof sealed), plain, 1),
                         ATE_TOO_BIG);
    getrusage(RUSAGE_SELF, &refused);
    assert_int_equal(ate__password_open(&cost, salt, password, bound,
                                        ate__bytes(sealed, sizeof sealed), plain, 1),
                     ATE_NO_KEY);
    getrusage(RUSAGE_SELF, &opened);
    assert_true(cpu_us(&refused) - cpu_us(&before) < cpu_us(&opened) - cpu_us(&refused));
    assert_true(refused.ru_maxrss - before.ru_maxrss < 16 << 10); /* KiB */
    assert_true(ATE__PASSWORD_WORK_MAX / ATE__PASSWORD_KIB_MIN / ATE__PASSWORD_PASSES_MIN <= 21);
    assert_true(ATE__PASSWORD_KIB_MAX / ATE__PASSWORD_KIB_MIN <= 16);
}

static void passwords_are_bounded(void **state)
{
    (void)state;
    static char text[ATE__PASSWORD_MAX + 1];
    struct ate__password_cost cost = ate__password_cost();
    uint8_t sealed[64];
    assert_int_equal(
        ate__password_seal(&sim.env, &cost, salt, ate__bytes(NULL, 0), bound, secret, sealed),
        ATE_MISUSE);
    assert_int_equal(ate__password_seal(&sim.env, &cost, salt, ate__bytes(text, sizeof text), bound,
                                        secret, sealed),
                     ATE_TOO_BIG);
    assert_int_equal(ate__password_seal(&sim.env, &cost, salt, ate__bytes(text, sizeof text - 1),
                                        bound, secret, sealed),
                     0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published),
        cmocka_unit_test(seals_and_opens),
        cmocka_unit_test(costs_are_what_is_said),
        cmocka_unit_test(what_is_too_cheap_or_too_dear_is_refused),
        cmocka_unit_test(refusals_cost_nothing),
        cmocka_unit_test(passwords_are_bounded),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
