/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the library itself says in a chain: one event, on the newest head, judged as any other. */
#include "chain/statement.h"
#include "kit.h"

static struct ate__buf header_of(const struct ate_hash *revoked)
{
    struct ate__buf header = ATE__BUF_NULL;
    struct ate__header_wr w = ate__header_wr_of(&header);
    ate__header_item(&w, ATE__TAG_REVOKE, ate__bytes(revoked, sizeof *revoked));
    kit_ok(ate__header_end(&w));
    return header;
}

static void test_said(void **state)
{
    (void)state;
    struct kit k;
    struct ate__receipt receipt;
    struct ate__buf header = header_of(&kit_key(2)->fingerprint);
    kit_init(&k, 1);
    kit_create_ok(&k);
    kit_put_ok(&k, 1, "a text");
    kit_ok(ate__chain_state(k.chain, kit_key(0), ate__buf_bytes(&header), &receipt));
    assert_true(receipt.sequence == 2 && kit_size(&k) == 3);
    assert_true(ate__trust_is_revoked(ate__chain_trust(k.chain), &kit_key(2)->fingerprint));
    kit_put_ok(&k, 1, "another");
    kit_reopen_ok(&k);
    assert_true(kit_size(&k) == 4);
    kit_deinit(&k);
    ate__buf_deinit(&header);
}

static void test_refused(void **state)
{
    (void)state;
    struct kit k;
    struct ate__receipt receipt = {.sequence = 77};
    struct ate__buf header = header_of(&kit_key(2)->fingerprint);
    kit_init(&k, 2);
    kit_create_ok(&k);
    assert_int_equal(ate__chain_state(k.chain, kit_key(1), ate__buf_bytes(&header), &receipt),
                     ATE_DENIED);
    assert_true(receipt.sequence == 77 && kit_size(&k) == 1);
    kit_close(&k);
    kit_open_ok(&k, ATE__STORAGE_READ);
    assert_int_equal(ate__chain_state(k.chain, kit_key(0), ate__buf_bytes(&header), &receipt),
                     ATE_READ_ONLY);
    kit_deinit(&k);
    ate__buf_deinit(&header);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_said),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
