/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "crypto/algorithm.h"
#include "base/text.h"
#include "crypto/kem_form.h"
#include "crypto/sign_form.h"
#include "help.h"

static void the_table_is_sound(void **state)
{
    (void)state;
    const struct ate__algorithm *a, *b;
    for (size_t i = 0; (a = ate__algorithm_at(i)); i++) {
        assert_ptr_equal(ate__algorithm(a->id), a);
        assert_ptr_equal(ate__algorithm_named(ate__text_bytes(a->name)), a);
        assert_true(strlen(a->name) <= ATE__ALGORITHM_NAME_MAX);
        assert_true(ate__strength_known(a->strength));
        for (size_t k = 0; k < i; k++) {
            b = ate__algorithm_at(k);
            assert_int_not_equal(a->id, b->id);
            assert_string_not_equal(a->name, b->name);
        }
        if (a->use == ATE__USE_SIGN) {
            const struct ate__sig_form *f = a->sig;
            assert_null(a->kem);
            assert_int_equal(a->public_size,
                             ate__part_public_size(f->mldsa) + ate__part_public_size(f->eddsa));
            assert_int_equal(a->made_size, ate__part_signature_size(f->mldsa) +
                                               ate__part_signature_size(f->eddsa));
            assert_int_equal(a->composite, f->mldsa && f->eddsa);
            assert_int_equal(a->composite, f->label != NULL);
            assert_true(a->public_size <= ATE__SIG_PUBLIC_MAX && a->made_size <= ATE__SIG_SIZE_MAX);
        } else {
            assert_int_equal(a->use, ATE__USE_KEM);
            assert_null(a->sig);
            assert_true(a->public_size <= ATE__KEM_PUBLIC_MAX && a->made_size <= ATE__KEM_ENC_MAX);
        }
    }
}

static void strengths(void **state)
{
    (void)state;
    assert_int_equal(ate__signature_of_strength(128)->id, ATE__SIG_MLDSA44_ED25519);
    assert_int_equal(ate__signature_of_strength(192)->id, ATE__SIG_MLDSA65_ED25519);
    assert_int_equal(ate__signature_of_strength(256)->id, ATE__SIG_MLDSA87_ED448);
    assert_int_equal(ate__kem_of_strength(128)->id, ATE__KEM_XWING);
    assert_int_equal(ate__kem_of_strength(192)->id, ATE__KEM_XWING);
    assert_int_equal(ate__kem_of_strength(256)->id, ATE__KEM_MLKEM1024_P384);
    assert_null(ate__signature_of_strength(100));
    assert_false(ate__strength_known(0));
    assert_false(ate__strength_known(255));
}

static void what_is_unknown_is_not_there(void **state)
{
    (void)state;
    static const char *const name[] = {"", "mldsa6", "mldsa65-ed25519-sha51", "ED25519", "rsa"};
    for (size_t i = 0; i < ATE__COUNT_OF(name); i++)
        assert_null(ate__algorithm_named(ate__text_bytes(name[i])));
    assert_null(ate__algorithm(0));
    assert_null(ate__algorithm(0xff));
    assert_null(ate__algorithm(0xffff));
    assert_null(ate__algorithm(0x1647a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_sound),
        cmocka_unit_test(strengths),
        cmocka_unit_test(what_is_unknown_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
