/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * RESET: who may say that a chain goes on behind a head, and where he may say so.
 */
#include "world.h"

enum { AFTER_US = 1000 };

static struct world w;
static struct ate__key *other;

static int begin(void **state)
{
    (void)state;
    struct ate__auth open = auth_of(rule_inherit, rule_inherit, rule_everyone, rule_inherit);
    other = world_key(NULL, 10);
    world_init_of(&w, 1, &open, &(struct terms){0});
    w.m.now_us = UINT64_C(1609459200000000) + AFTER_US;
    plant(&w, id_of(1), ate__top_id);
    return 0;
}

static int end(void **state)
{
    (void)state;
    world_deinit(&w);
    ate__key_free(other);
    return 0;
}

static struct ate__reset_item here(void)
{
    return (struct ate__reset_item){.size = w.m.size,
                                    .root = model_root(w.m.size),
                                    .reason = ATE__RESET_RESTORE,
                                    .text = ate__text_bytes("the disk died")};
}

static struct draft *reset_by(struct ate_hash fingerprint, const struct ate__reset_item *item)
{
    struct draft *d = draft_new(&w);
    draft_reset(d, item);
    draft_sign(d, fingerprint);
    return d;
}

static void a_root_key_may(void **state)
{
    (void)state;
    struct ate__reset_item item = here();
    commit(&w, reset_by(w.root->fingerprint, &item));
    item = here();
    item.old_size = item.size + 7;
    item.old_root = hash_of(9);
    item.reason = ATE__RESET_ADOPT;
    item.text = ate__bytes(NULL, 0);
    commit(&w, reset_by(w.root->fingerprint, &item));
    plant(&w, id_of(2), ate__top_id);
}

static void nobody_else_may(void **state)
{
    (void)state;
    struct ate__reset_item item = here();
    struct draft *d = draft_new(&w);
    draft_reset(d, &item);
    expect(&w, d, ATE_DENIED, "no root key signs");
    expect(&w, reset_by(other->fingerprint, &item), ATE_DENIED, "no root key signs");
}

static void a_root_key_that_ended_may_not(void **state)
{
    (void)state;
    struct ate_hash one = other->fingerprint;
    struct ate__root_change add = {ATE__ROOT_ADD, ate__buf_bytes(&other->public_key)};
    struct draft *d = draft_new(&w);
    draft_sign(d, w.root->fingerprint);
    draft_sign(d, one);
    draft_keys(d, ATE__TAG_ROOT, &add, 1);
    commit(&w, d);
    struct ate__reset_item item = here();
    commit(&w, reset_by(one, &item));
    d = draft_new(&w);
    draft_sign(d, w.root->fingerprint);
    draft_item(d, ATE__TAG_REVOKE, ate__bytes(&one, sizeof one));
    commit(&w, d);
    item = here();
    expect(&w, reset_by(one, &item), ATE_DENIED, NULL);
}

static void only_directly_behind_the_head_that_it_names(void **state)
{
    (void)state;
    struct ate__reset_item item = here();
    struct draft *d;
    item.root = hash_of(5);
    expect(&w, reset_by(w.root->fingerprint, &item), ATE_FORKED, "directly behind");
    item = here();
    item.size--;
    item.root = model_root(item.size);
    expect(&w, reset_by(w.root->fingerprint, &item), ATE_FORKED, "directly behind");
    item = here();
    item.size++;
    expect(&w, reset_by(w.root->fingerprint, &item), ATE_FORKED, "directly behind");
    item = here();
    d = reset_by(w.root->fingerprint, &item); /* signed on an older base */
    d->base_size = 1;
    d->base_root = model_root(1);
    expect(&w, d, ATE_FORKED, "directly behind");
    item.size = 1; /* and one that names it: what was signed there counts nowhere else */
    item.root = model_root(1);
    d = reset_by(w.root->fingerprint, &item);
    d->base_size = 1;
    d->base_root = model_root(1);
    expect(&w, d, ATE_FORKED, "directly behind");
}

static void it_is_alone(void **state)
{
    (void)state;
    struct ate__reset_item item = here();
    struct draft *d = reset_by(w.root->fingerprint, &item);
    draft_reset(d, &item);
    expect(&w, d, ATE_MALFORMED, "alone");
    d = reset_by(w.root->fingerprint, &item);
    draft_create(d, id_of(3), ate__top_id);
    expect(&w, d, ATE_MALFORMED, "alone");
}

static int accept_at(uint64_t root_time_us)
{
    struct ate__reset_item item = here();
    struct ate__verdict v;
    struct draft *d = reset_by(w.root->fingerprint, &item);
    int rc = ate__accept(w.t, &w.m.facts, draft_tx(d), w.m.size, root_time_us, &v);
    draft_free(d);
    return rc;
}

static void signed_no_later_than_it_is_ordered(void **state)
{
    (void)state;
    uint64_t signed_us = w.m.now_us - AFTER_US;
    assert_int_equal(accept_at(signed_us), 0);
    assert_int_equal(accept_at(UINT64_MAX), 0); /* of a forecast */
    assert_int_equal(accept_at(signed_us - 1), ATE_DENIED);
    assert_non_null(strstr(ate__error_text(), "clock"));
}

/* Who may take clients back to before something was kept has removed it. */
static void an_archive_never_goes_back(void **state)
{
    (void)state;
    ate__cleanup(ate__buf_deinit) struct ate__buf options = ATE__BUF_NULL;
    struct ate__verdict v;
    world_deinit(&w);
    must(!ate__genesis_worm(0, &options));
    world_init_of(&w, 1, NULL, &(struct terms){.options = ate__buf_bytes(&options)});
    w.m.now_us = UINT64_C(1609459200000000) + AFTER_US;
    struct ate__reset_item item = here();
    expect(&w, reset_by(w.root->fingerprint, &item), ATE_DENIED, "an archive never goes back");
    struct draft *d = reset_by(w.root->fingerprint, &item);
    assert_int_equal(ate__accept_kept(w.t, &w.m.facts, draft_tx(d), w.m.size, &v), ATE_DENIED);
    draft_free(d);
}

/* What compaction left is judged as well: place and keys. */
static void in_what_was_kept(void **state)
{
    (void)state;
    struct ate__verdict v;
    struct ate__reset_item item = here();
    struct draft *d = reset_by(w.root->fingerprint, &item);
    assert_int_equal(ate__accept_kept(w.t, &w.m.facts, draft_tx(d), w.m.size, &v), 0);
    assert_int_equal(ate__accept_kept(w.t, &w.m.facts, draft_tx(d), w.m.size + 1, &v), ATE_FORKED);
    draft_free(d);
    d = reset_by(other->fingerprint, &item);
    assert_int_equal(ate__accept_kept(w.t, &w.m.facts, draft_tx(d), w.m.size, &v), ATE_DENIED);
    draft_free(d);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_root_key_may),
        TEST(nobody_else_may),
        TEST(a_root_key_that_ended_may_not),
        TEST(only_directly_behind_the_head_that_it_names),
        TEST(it_is_alone),
        TEST(signed_no_later_than_it_is_ordered),
        TEST(an_archive_never_goes_back),
        TEST(in_what_was_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
