/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "mesh/recent.h"
#include "lib/check.h"
#include "kit.h"

/* What is asked for again comes without the log; what does not fit is read each time. */
static void test_keeps_what_fits(void **state)
{
    (void)state;
    struct kit_chain chain = kit_chain_new("/recent", false);
    struct ate__chain_conf conf = {.env = &ate__env_real};
    struct ate__storage *storage;
    struct ate__chain *c;
    struct ate__recent *small, *large;
    struct ate__recent_tx *a, *b;
    assert_int_equal(ate__storage_open_mem(&ate__env_real, &chain.id, ATE__ROLE_ROOT, &storage), 0);
    assert_int_equal(ate__chain_create(&conf, storage, ate__buf_bytes(&chain.genesis), &c), 0);
    assert_int_equal(ate__recent_new(c, 1, &small), 0);
    assert_int_equal(ate__recent_new(c, 1 << 20, &large), 0);
    assert_int_equal(ate__recent_get(large, 0, &a), 0);
    assert_int_equal(ate__recent_get(large, 0, &b), 0);
    assert_ptr_equal(a, b);
    assert_int_equal(a->tx.hash.b[0], b->tx.hash.b[0]);
    ate__recent_tx_unref(b);
    ate__recent_free(large); /* what was taken stays */
    assert_int_equal(a->sequence, 0);
    assert_true(a->tx.event_count > 0);
    assert_int_equal(ate__recent_get(small, 0, &b), 0);
    assert_ptr_not_equal(a, b);
    ate__recent_tx_unref(a);
    ate__recent_tx_unref(b);
    assert_int_equal(ate__recent_get(small, 77, &a), ATE_TAMPERED);
    ate__recent_free(small);
    ate__recent_free(NULL);
    ate__chain_close(c);
    kit_chain_free(&chain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_keeps_what_fits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
