/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * kem_p384_test.c: MLKEM1024-P384 by itself. As part of HPKE: hpke_test.c.
 */
#include "crypto/kem_form.h"
#include "base/err.h"
#include "crypto/kem.h"
#include "fixed.h"
#include "help.h"
#include "pq.h"
#include <openssl/err.h>

enum { M_PUBLIC = 1568, M_CIPHER = 1568, POINT = 97 };

static const json_t *vector;

static int set_up(void **state)
{
    int rc = pq_set_up(state);
    vector = pq_vector(ATE__KEM_MLKEM1024_P384);
    return rc;
}

static void published(void **state)
{
    (void)state;
    struct ate__buf sk = vector_hex(vector, "skRm"), pk = vector_hex(vector, "pkRm"),
                    enc = vector_hex(vector, "enc"), ss = vector_hex(vector, "shared_secret"),
                    ikm = vector_hex(vector, "ikmE");
    struct ate__key32 seed = pq_key_of(&sk), shared, back;
    uint8_t public_key[ATE__KEM_PUBLIC_MAX], ours[ATE__KEM_ENC_MAX];
    const struct ate__kem_form *kem = &ate__kem_p384_form;
    assert_int_equal(kem->public_of(&seed, public_key), 0);
    assert_true(ate__bytes_equal(ate__bytes(public_key, sizeof public_key), ate__buf_bytes(&pk)));
    assert_int_equal(enc.size, ATE__KEM_ENC_MAX);
    assert_int_equal(kem->decapsulate(&seed, enc.data, &shared), 0);
    assert_true(ate__bytes_equal(ate__bytes(shared.b, 32), ate__buf_bytes(&ss)));

    /* ikmE ends with P-384's ephemeral key; ML-KEM's randomness is OpenSSL's own. */
    struct fixed f;
    assert_int_equal(ikm.size, 32 + 48);
    fixed_init(&f, ikm.data + 32, 48);
    assert_int_equal(kem->encapsulate(public_key, &f.env, ours, &shared), 0);
    assert_memory_equal(ours + M_CIPHER, enc.data + M_CIPHER, POINT);
    assert_memory_not_equal(ours, enc.data, M_CIPHER);
    assert_int_equal(kem->decapsulate(&seed, ours, &back), 0);
    assert_memory_equal(back.b, shared.b, 32);
    ate__buf_deinit(&pk);
    ate__buf_deinit(&enc);
    ate__buf_deinit(&ss);
    ate__buf_deinit(&ikm);
}

/* A scalar that is not below the group's order, or zero, is drawn again. */
static void draws_until_it_fits(void **state)
{
    (void)state;
    struct ate__buf pk = vector_hex(vector, "pkRm");
    uint8_t draws[3 * 48] = {0}, enc[ATE__KEM_ENC_MAX], other[ATE__KEM_ENC_MAX];
    struct ate__key32 shared;
    struct fixed f;
    memset(draws, 0xff, 48);
    draws[2 * 48 + 47] = 1;
    fixed_init(&f, draws, sizeof draws);
    assert_int_equal(ate__kem_p384_form.encapsulate(pk.data, &f.env, enc, &shared), 0);
    assert_int_equal(f.left.size, 0);
    /* The generator of P-384 begins so. */
    assert_hex(enc + M_CIPHER, 9, "04aa87ca22be8b0537");
    uint8_t never[4 * 48];
    memset(never, 0xff, sizeof never);
    fixed_init(&f, never, sizeof never);
    assert_int_equal(ate__kem_p384_form.encapsulate(pk.data, &f.env, other, &shared), ATE_E_BUG);
    ate__buf_deinit(&pk);
}

static void bad_points_are_refused(void **state)
{
    (void)state;
    struct ate__buf pk = vector_hex(vector, "pkRm"), enc = vector_hex(vector, "enc"),
                    sk = vector_hex(vector, "skRm");
    struct ate__key32 seed = pq_key_of(&sk), shared = {{7}};
    uint8_t *point = pk.data + M_PUBLIC, kept[POINT], out[ATE__KEM_ENC_MAX] = {9};
    memcpy(kept, point, POINT);
    for (unsigned i = 0; i < 6; i++) {
        memcpy(point, kept, POINT);
        switch (i) {
        case 0: point[POINT - 1] ^= 1; break;             /* not on the curve */
        case 1: point[0] = 2; break;                      /* compressed */
        case 2: point[0] = 6 | (point[POINT - 1] & 1); break; /* hybrid: another encoding */
        case 3: memset(point, 0, POINT); break;           /* infinity, padded */
        case 4: memset(point + 1, 0xff, 48); break;       /* not below the field's prime */
        default: memset(point + 1, 0, POINT - 1); break;  /* (0, 0) */
        }
        memcpy(enc.data + M_CIPHER, point, POINT);
        assert_int_equal(ate__kem_p384_form.check(pk.data), ATE_MALFORMED);
        assert_int_equal(ate__kem_p384_form.encapsulate(pk.data, &pq_sim.env, out, &shared),
                         ATE_MALFORMED);
        assert_int_equal(ate__kem_p384_form.decapsulate(&seed, enc.data, &shared), ATE_NO_KEY);
        assert_int_equal(shared.b[0], 7);
        assert_int_equal(out[0], 9);
    }
    memcpy(point, kept, POINT);
    assert_int_equal(ate__kem_p384_form.check(pk.data), 0);
    pk.data[0] = 0x01; /* the first coefficient of ML-KEM's key is 3329 */
    pk.data[1] = (uint8_t)((pk.data[1] & 0xf0) | 0x0d);
    assert_int_equal(ate__kem_p384_form.check(pk.data), ATE_MALFORMED);
    assert_int_equal(ERR_peek_error(), 0);
    ate__buf_deinit(&pk);
    ate__buf_deinit(&enc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published),
        cmocka_unit_test(draws_until_it_fits),
        cmocka_unit_test(bad_points_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, pq_tear_down);
}
