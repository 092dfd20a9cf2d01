/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * policy_test.c: which keys a chain takes. That each way into a chain asks: accept_keys_test.c,
 * state_test.c, sig_test.c.
 */
#include "trust/policy.h"
#include "base/err.h"
#include "lib/check.h"

static int check(const struct ate__key_form *form, struct ate_bytes algorithms, uint16_t strength)
{
    const struct ate__key32 seed = {{1}};
    const struct ate__genesis g = {.signature_algorithms = algorithms, .strength_min = strength};
    struct ate__key *k;
    assert_int_equal(ate__key_make(form, &seed, "", &k), 0);
    int rc = ate__policy_check(&g, ate__buf_bytes(&k->public_key));
    ate__key_free(k);
    return rc;
}

/* The composites, as a new chain of each strength lists them. */
static const uint8_t composites[] = {1, 0, 4, 0, 5, 0};

static void strengths(void **state)
{
    (void)state;
    static const uint16_t bits[] = {128, 192, 256};
    for (size_t key = 0; key < 3; key++)
        for (size_t chain = 0; chain < 3; chain++) {
            struct ate__key_form form = ate__key_form_of_strength(bits[key]);
            assert_int_equal(check(&form, ate__bytes(composites, sizeof composites), bits[chain]),
                             key >= chain ? 0 : ATE_DENIED);
        }
}

/* The weakest part decides: a key that signs at 256 and is sealed to at 192 has 192. */
static void weakest_part(void **state)
{
    (void)state;
    struct ate__key_form form = {ate__algorithm(ATE__SIG_MLDSA87_ED448),
                                 ate__algorithm(ATE__KEM_XWING)};
    struct ate_bytes all = ate__bytes(composites, sizeof composites);
    assert_int_equal(check(&form, all, 192), 0);
    assert_int_equal(check(&form, all, 256), ATE_DENIED);
    form.kem = NULL;
    assert_int_equal(check(&form, all, 256), 0);
    form = (struct ate__key_form){NULL, ate__algorithm(ATE__KEM_XWING)};
    assert_int_equal(check(&form, all, 192), 0); /* it signs nothing: no algorithm to allow */
    assert_int_equal(check(&form, all, 256), ATE_DENIED);
}

static void what_is_not_allowed(void **state)
{
    (void)state;
    const struct ate__algorithm *a;
    for (size_t i = 0; (a = ate__algorithm_at(i)); i++) {
        struct ate__key_form form = {a, NULL};
        const uint8_t only[] = {(uint8_t)a->id, 0}, other[] = {a->id == 1 ? 2 : 1, 0};
        if (a->use != ATE__USE_SIGN)
            continue;
        assert_int_equal(check(&form, ate__bytes(only, 2), 128), 0);
        assert_int_equal(check(&form, ate__bytes(other, 2), 128), ATE_DENIED);
        assert_int_equal(check(&form, ate__bytes(composites, sizeof composites), 128),
                         a->composite ? 0 : ATE_DENIED);
    }
}

static void what_is_no_key(void **state)
{
    (void)state;
    const struct ate__genesis g = {.signature_algorithms = ate__bytes(composites, 2),
                                   .strength_min = 128};
    assert_int_equal(ate__policy_check(&g, ate__bytes("\xff\0\0\0\0\0", 6)), ATE_UNSUPPORTED);
    assert_int_equal(ate__policy_check(&g, ate__bytes("\x01\0\0\0\0\0", 6)), ATE_MALFORMED);
    assert_int_equal(ate__policy_check(&g, ate__bytes("", 0)), ATE_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strengths),
        cmocka_unit_test(weakest_part),
        cmocka_unit_test(what_is_not_allowed),
        cmocka_unit_test(what_is_no_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
