/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Judging what a compaction left: what is missing is seen, what may be missing is not asked for,
 * and rights and keys are judged as ever. Whole histories: keep_test.c.
 */
#include "world.h"

static struct world w;

static int begin(void **state)
{
    (void)state;
    world_init(&w, 1, NULL);
    plant(&w, id_of(1), ate__top_id);
    plant(&w, id_of(2), id_of(1));
    return 0;
}

static int end(void **state)
{
    (void)state;
    world_deinit(&w);
    return 0;
}

static struct draft *by_root(void)
{
    struct draft *d = draft_new(&w);
    draft_sign(d, w.root->fingerprint);
    return d;
}

/* As what was left of it; the draft is released. */
static void expect_kept_(struct draft *take_d, int result, const char *sentence, int line)
{
    struct ate__verdict v;
    int rc = ate__accept_kept(w.t, &w.m.facts, draft_tx(take_d), w.m.size, &v);
    assert_int_equal(rc, v.result);
    if (rc != result || (rc && sentence && !strstr(ate__error_text(), sentence)))
        fail_msg("line %d: %s: %s", line, ate__result_name(rc), rc ? ate__error_text() : "");
    draft_free(take_d);
}
#define expect_kept(take_d, result, sentence) expect_kept_(take_d, result, sentence, __LINE__)

/* ---- what is missing ---- */

static void what_created_it_must_be_there(void **state)
{
    (void)state;
    struct ate_hash some = hash_of(1);
    struct draft *d = by_root();
    draft_body(d, &(struct body){.id = id_of(7), .parent = id_of(1), .prev = &some});
    expect_kept(d, ATE_OMITTED, "what created it was left out");
    d = by_root();
    draft_tombstone(d, id_of(7), some, true);
    expect_kept(d, ATE_OMITTED, "what created it was left out");
    d = by_root();
    draft_control(d, &(struct control){.id = id_of(7), .auth = auth_write(rule_everyone)});
    expect_kept(d, ATE_OMITTED, "what created it was left out");
}

static void its_deletion_must_be_there(void **state)
{
    (void)state;
    struct draft *d = by_root();
    draft_create(d, id_of(2), ate__top_id);
    expect_kept(d, ATE_OMITTED, "its deletion was left out");
}

static void what_it_lies_below_must_be_there(void **state)
{
    (void)state;
    struct draft *d = by_root();
    draft_create(d, id_of(7), id_of(8));
    expect_kept(d, ATE_OMITTED, "does not exist");
    struct ate_hash prev = body_of(&w, id_of(2));
    d = by_root();
    draft_body(d, &(struct body){.id = id_of(2), .parent = id_of(8), .prev = &prev});
    expect_kept(d, ATE_OMITTED, "does not exist");
}

/* ---- what may be missing ---- */

static void versions_and_names_are_not_asked_for(void **state)
{
    (void)state;
    struct ate_hash other = hash_of(1);
    struct draft *d = by_root();
    draft_body(d, &(struct body){.id = id_of(3), .parent = id_of(1), .tag = "a"});
    commit(&w, d);
    d = by_root();
    draft_body(d, &(struct body){.id = id_of(2), .parent = id_of(1), .prev = &other, .tag = "a"});
    draft_require(d, ATE__IS_CURRENT, id_of(1), &other);
    draft_require(d, ATE__IS_ABSENT, id_of(3), NULL);
    d->base_root = hash_of(9);
    expect_kept(d, 0, NULL);
    d = by_root(); /* its child was moved away by what is not there any more */
    draft_tombstone(d, id_of(1), other, false);
    expect_kept(d, 0, NULL);
}

static bool first_only(void *arg, uint32_t event)
{
    (void)arg;
    return event == 0;
}

static void dropped_events_are_passed_over(void **state)
{
    (void)state;
    struct ate__buf bytes = ATE__BUF_NULL;
    struct ate__tx tx;
    struct ate__verdict v;
    struct draft *d = by_root();
    draft_create(d, id_of(5), id_of(1));
    draft_create(d, id_of(6), id_of(99)); /* would be refused */
    draft_control(d, &(struct control){.id = id_of(98), .auth = auth_write(rule_everyone)});
    assert_int_equal(ate__tx_reduce(draft_tx(d), first_only, NULL, UINT64_MAX, &bytes), 0);
    assert_int_equal(ate__tx_decode(ate__buf_bytes(&bytes), ATE__SHA256, &tx), 0);
    assert_int_equal(ate__accept(w.t, &w.m.facts, &tx, w.m.size, 0, &v), ATE_OMITTED);
    assert_int_equal(ate__accept_kept(w.t, &w.m.facts, &tx, w.m.size, &v), 0);
    ate__tx_deinit(&tx);
    ate__buf_deinit(&bytes);
    draft_free(d);
}

/* ---- what is judged as ever ---- */

static void rights_are(void **state)
{
    (void)state;
    struct ate_hash other = hash_of(1), gone = who(3);
    struct draft *d = draft_new(&w);
    draft_create(d, id_of(7), id_of(1));
    draft_sign(d, who(1));
    expect_kept(d, ATE_DENIED, "append");
    d = draft_new(&w);
    draft_body(d, &(struct body){.id = id_of(2), .parent = id_of(1), .prev = &other});
    draft_sign(d, who(1));
    expect_kept(d, ATE_DENIED, "write");
    d = draft_new(&w);
    draft_tombstone(d, id_of(1), other, true);
    draft_sign(d, who(1));
    expect_kept(d, ATE_DENIED, "write");
    d = draft_new(&w);
    draft_control(d, &(struct control){.id = id_of(2), .auth = auth_write(rule_everyone)});
    draft_sign(d, who(1));
    expect_kept(d, ATE_DENIED, "admin");
    rule(&w, id_of(2), auth_write(rule_who(&w, 3)));
    d = by_root();
    draft_item(d, ATE__TAG_REVOKE, ate__bytes(&gone, sizeof gone));
    commit(&w, d);
    d = draft_new(&w);
    draft_body(d, &(struct body){.id = id_of(2), .parent = id_of(1), .prev = &other});
    draft_sign(d, who(3));
    expect_kept(d, ATE_DENIED, "was revoked");
}

static void keys_are(void **state)
{
    (void)state;
    struct ate__root_change change = {ATE__ROOT_REMOVE, ate__bytes(&w.root->fingerprint, 32)};
    struct draft *d = draft_new(&w);
    draft_root(d, &change, 1);
    draft_sign(d, who(1));
    expect_kept(d, ATE_DENIED, "no root key signs");
    d = by_root();
    draft_root(d, &change, 1);
    expect_kept(d, ATE_DENIED, "no root key would be left");
    d = draft_new(&w);
    draft_snapshot(d, &(struct ate__snapshot_item){1, model_root(1), hash_of(1)});
    draft_sign(d, who(1));
    expect_kept(d, ATE_DENIED, "neither a root key nor a compactor key");
    d = by_root();
    d->chain_id.b[0] ^= 1;
    draft_create(d, id_of(7), id_of(1));
    expect_kept(d, ATE_WRONG_CHAIN, NULL);
    /* Who names a key may be gone. */
    struct ate__key *key = world_key(&w, 20);
    d = by_root();
    draft_item(d, ATE__TAG_PUBLIC_KEY, ate__buf_bytes(&key->public_key));
    expect_kept(d, 0, NULL);
    ate__key_free(key);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(what_created_it_must_be_there),
        TEST(its_deletion_must_be_there),
        TEST(what_it_lies_below_must_be_there),
        TEST(versions_and_names_are_not_asked_for),
        TEST(dropped_events_are_passed_over),
        TEST(rights_are),
        TEST(keys_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
