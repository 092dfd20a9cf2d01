/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * chains_central.c: a chain whose server says who made what.
 */
#include "ate/proof.h"
#include "golden.h"

/* Below, OWNER and SECOND each have an object of their own; one transaction takes both keys; and
 * the root key ends SECOND's, which it signs. */
void golden_make_central(struct golden *g)
{
    char *text;
    struct ate_txn *t;
    golden_open(g, ATE__STORAGE_CREATE, (struct ate_bytes){0});
    t = golden_begin(g, NULL);
    struct ate_id first = golden_put(t, ate_top, "first", "the owner's");
    golden_commit(t, g);
    t = golden_begin(g, NULL);
    struct ate_hash second = golden_fingerprint(g, SECOND);
    struct ate_rules rules = {.write = {ATE_KEYS, &second, 1}};
    struct ate_id other = golden_put(t, ate_top, "second", "the other's");
    ok(ate_protect(t, other, &rules));
    golden_commit(t, g);
    t = golden_begin(g, g->both);
    golden_put(t, first, "below the first", "by the owner");
    golden_put(t, other, "below the second", "by the other one");
    golden_commit(t, g);
    ok(ate_revoke(&g->chain, second, NULL));
    simenv_pass_ms(&g->sim, 1000);
    t = golden_begin(g, NULL);
    golden_put(t, first, "after that", "by the owner");
    golden_commit(t, g);
    ok(ate_checkpoint(&g->chain, &text));
    golden_text(g, ".checkpoint", text);
    golden_close(g);
}
