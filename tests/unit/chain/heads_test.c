/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Roots at every size and proofs, beyond the heads that are kept in memory.
 */
#include "base/alloc.h"
#include "chain/chain_private.h"
#include "history.h"
#include <stdlib.h>

static struct kit kit;

static int add_leaf(void *arg, const struct ate__history_record *r)
{
    struct ate__frontier *tree = arg;
    struct ate_hash leaf, want, root;
    struct ate__tx tx;
    kit_ok(ate__tx_decode(r->body, ATE__SHA256, &tx));
    kit_ok(ate__tx_leaf(&tx, ATE__SHA256, r->sequence, r->root_time_us, &leaf));
    ate__tx_deinit(&tx);
    kit_ok(ate__frontier_append(tree, &leaf));
    kit_ok(ate__frontier_root(tree, &want));
    kit_ok(ate__chain_root_at(kit.chain, tree->size, &root));
    assert_memory_equal(&root, &want, sizeof root);
    struct ate__proof proof;
    struct ate_hash head;
    uint64_t size;
    ate__chain_head(kit.chain, &size, &head);
    if (r->sequence % 97 == 0) {
        kit_ok(ate__chain_inclusion(kit.chain, r->sequence, size, &proof));
        kit_ok(ate__merkle_check_inclusion(&leaf, r->sequence, size, &proof, &head));
        kit_ok(ate__chain_consistency(kit.chain, tree->size, size, &proof));
        kit_ok(ate__merkle_check_consistency(tree->size, &root, size, &head, &proof));
    }
    return 0;
}

/* More groups than ATE__HEADS_KEPT. */
static void every_size(void **state)
{
    (void)state;
    enum { GROUPS = ATE__HEADS_KEPT + 300 };
    struct ate__frontier tree;
    struct ate_hash root, empty;
    struct ate__proof proof;
    kit_init(&kit, 41);
    kit.memory = true;
    kit_create_ok(&kit);
    struct draft d;
    for (unsigned n = 0; n < GROUPS; n++) {
        kit_begin(&kit, &d);
        draft_text(&d, id_of(1 + n), NULL, "x");
        kit_ok(kit_commit(&kit, &d));
        draft_deinit(&d);
    }
    ate__frontier_init(&tree);
    kit_ok(ate__frontier_root(&tree, &empty));
    kit_ok(ate__chain_root_at(kit.chain, 0, &root));
    assert_memory_equal(&root, &empty, sizeof root);
    kit_ok(ate__chain_history(kit.chain, 0, UINT64_MAX, add_leaf, &tree));
    assert_true(tree.size == GROUPS + 1);
    assert_int_equal(ate__chain_root_at(kit.chain, GROUPS + 2, &root), ATE_NOT_FOUND);
    assert_int_equal(ate__chain_root_at(kit.chain, UINT64_MAX, &root), ATE_NOT_FOUND);
    assert_int_equal(ate__chain_inclusion(kit.chain, 5, 5, &proof), ATE_NOT_FOUND);
    assert_int_equal(ate__chain_inclusion(kit.chain, 5, GROUPS + 2, &proof), ATE_NOT_FOUND);
    assert_int_equal(ate__chain_consistency(kit.chain, 6, 5, &proof), ATE_NOT_FOUND);
    assert_int_equal(ate__chain_consistency(kit.chain, 1, GROUPS + 2, &proof), ATE_NOT_FOUND);
    kit_ok(ate__chain_consistency(kit.chain, 0, 5, &proof));
    assert_int_equal(proof.count, 0);
    kit_deinit(&kit);
}

/* A group of many: roots also within it. */
static void sizes_within_a_group(void **state)
{
    (void)state;
    static struct history h;
    struct draft d;
    kit_init(&kit, 41);
    kit.memory = true;
    history_init(&h, &kit);
    for (unsigned g = 0; g < 9; g++) {
        history_begin(&h);
        for (unsigned n = 0; n < 50; n++) {
            history_draft(&h, &d);
            draft_text(&d, id_of(1 + 50 * g + n), NULL, "x");
            d.signer_count = 0;
            history_add_draft(&h, &d);
        }
        history_end(&h);
    }
    struct ate__chain_conf conf = kit_conf(&kit);
    struct ate__storage *s;
    kit_ok(kit_storage(&kit, 0, &s));
    for (size_t i = 0; i < h.count; i++)
        kit_ok(history_append(&h, i, s));
    kit_ok(kit_chain_open(&kit, &conf, s, 0));
    struct ate__frontier tree;
    ate__frontier_init(&tree);
    kit_ok(ate__chain_history(kit.chain, 0, UINT64_MAX, add_leaf, &tree));
    history_deinit(&h);
    kit_deinit(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_size),
        cmocka_unit_test(sizes_within_a_group),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
