/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Remembered signatures: what a proof stands for, and the limit.
 */
#include "trust/verified.h"
#include "lib/check.h"
#include "lib/heap.h"
#include "trust/limits.h"
#include <stdlib.h>

static struct ate_hash proof_of(unsigned i)
{
    struct ate_hash message = {{(uint8_t)i, (uint8_t)(i >> 8), (uint8_t)(i >> 16)}}, proof;
    if (ate__verified_proof(&message, ate__text_bytes("signature"), &proof))
        abort();
    return proof;
}

static void a_proof_binds_message_and_signature(void **state)
{
    (void)state;
    struct ate_hash message = {{1}}, a, b;
    assert_int_equal(ate__verified_proof(&message, ate__text_bytes("s"), &a), 0);
    assert_int_equal(ate__verified_proof(&message, ate__text_bytes("t"), &b), 0);
    assert_memory_not_equal(&a, &b, sizeof a);
    message.b[0] = 2;
    assert_int_equal(ate__verified_proof(&message, ate__text_bytes("s"), &b), 0);
    assert_memory_not_equal(&a, &b, sizeof a);
}

static void it_remembers_up_to_its_limit(void **state)
{
    (void)state;
    struct ate__verified v;
    unsigned kept = 0;
    ate__verified_init(&v);
    for (unsigned i = 0; i < 3 * ATE__VERIFIED_MAX; i++) {
        struct ate_hash proof = proof_of(i);
        assert_false(ate__verified_has(&v, &proof));
        ate__verified_add(&v, &proof);
        ate__verified_add(&v, &proof); /* once */
        assert_true(ate__verified_has(&v, &proof));
    }
    for (unsigned i = 0; i < 3 * ATE__VERIFIED_MAX; i++) {
        struct ate_hash proof = proof_of(i);
        kept += ate__verified_has(&v, &proof);
    }
    assert_true(kept > ATE__VERIFIED_MAX * 9 / 10 && kept <= ATE__VERIFIED_MAX);
    ate__verified_deinit(&v);
}

/* The newest four of a set stay. */
static void the_oldest_of_a_set_gives_way(void **state)
{
    (void)state;
    struct ate__verified v;
    struct ate_hash proof = {{0}};
    ate__verified_init(&v);
    for (unsigned i = 0; i < 10; i++) {
        proof.b[31] = (uint8_t)i;
        ate__verified_add(&v, &proof);
        for (unsigned k = 0; k <= i; k++) {
            proof.b[31] = (uint8_t)k;
            assert_int_equal(ate__verified_has(&v, &proof), k + 4 > i);
        }
    }
    ate__verified_deinit(&v);
}

static void without_memory_it_remembers_nothing(void **state)
{
    (void)state;
    struct ate__verified v;
    struct ate_hash proof = proof_of(1);
    heap_start();
    ate__verified_init(&v);
    heap_fail(1, false);
    ate__verified_add(&v, &proof);
    assert_false(ate__verified_has(&v, &proof));
    ate__verified_add(&v, &proof);
    assert_true(ate__verified_has(&v, &proof));
    ate__verified_deinit(&v);
    heap_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_proof_binds_message_and_signature),
        cmocka_unit_test(it_remembers_up_to_its_limit),
        cmocka_unit_test(the_oldest_of_a_set_gives_way),
        cmocka_unit_test(without_memory_it_remembers_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
