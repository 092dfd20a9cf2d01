/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A chain that went back: who can say so, and who gives up what he has seen for it. */
#include "chain/reset.h"
#include "history.h"
#include <stdlib.h>

static struct ate_session *owner, *stranger;

static struct ate_session *session_of(unsigned n)
{
    struct ate_session *s;
    struct ate__key *key;
    kit_ok(ate__session_new(&s));
    kit_ok(ate__key_of_seed(&kit_key(n)->seed, NULL, &key));
    kit_ok(ate__session_add(s, key));
    return s;
}

static int set_up(void **state)
{
    (void)state;
    owner = session_of(0);
    stranger = session_of(1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ate__session_unref(owner);
    ate__session_unref(stranger);
    return 0;
}

static void begin(struct kit *k, uint64_t seed, unsigned count)
{
    kit_init(k, seed);
    kit_create_ok(k);
    for (unsigned i = 1; i <= count; i++)
        kit_put_ok(k, i, seed % 2 ? "a text" : "another text");
    simenv_pass_ms(&k->sim, 1000);
}

static int reset(struct kit *k, uint64_t old_size, struct ate__receipt *ret)
{
    struct ate__reset_conf conf = {.session = owner,
                                   .old_size = old_size,
                                   .old_root = {{9}},
                                   .reason = ATE__RESET_RESTORE,
                                   .text = "the disk died"};
    int rc = ate__chain_reset(k->chain, &conf, ret);
    simenv_pass_ms(&k->sim, 1000);
    return rc;
}

/* ---- saying it ---- */

static void test_said(void **state)
{
    (void)state;
    struct kit k;
    struct ate__receipt receipt;
    struct ate__reset found;
    begin(&k, 1, 5);
    kit_ok(reset(&k, 20, &receipt));
    assert_true(receipt.size == 7 && kit_size(&k) == 7);
    kit_put_ok(&k, 1, "goes on");
    kit_reopen_ok(&k);
    struct ate__reset_seen seen = {.size = 9};
    kit_ok(ate__chain_reset_find(k.chain, &seen, &found));
    assert_true(found.sequence == 6 && found.old_size == 20 && found.reason == ATE__RESET_RESTORE &&
                !strcmp(found.text, "the disk died"));
    simenv_pass_ms(&k.sim, 1000);
    kit_ok(reset(&k, 3, &receipt)); /* not above what it has: then nothing is said of it */
    kit_ok(ate__chain_reset_find(
        k.chain, &(struct ate__reset_seen){.size = 9, .time_us = found.signed_us}, &found));
    assert_true(found.sequence == 8 && found.old_size == 0);
    kit_deinit(&k);
}

static void expect(struct kit *k, const struct ate__reset_conf *conf, int result,
                   const char *sentence)
{
    struct ate__receipt receipt = {.size = 77};
    int rc = ate__chain_reset(k->chain, conf, &receipt);
    if (rc != result || !strstr(ate__error_text(), sentence))
        fail_msg("%s: %s", ate__result_name(rc), ate__error_text());
    assert_true(receipt.size == 77 && kit_size(k) == 4);
}

static void test_not_said(void **state)
{
    (void)state;
    struct kit k;
    char text[ATE__RESET_TEXT_MAX + 2];
    struct ate__reset_conf conf = {.session = stranger, .reason = ATE__RESET_REPAIR, .text = ""};
    begin(&k, 2, 3);
    expect(&k, &conf, ATE_NO_KEY, "only a root key");
    assert_int_equal(ate__chain_reset_check(k.chain, &conf), ATE_NO_KEY);
    conf.session = NULL;
    expect(&k, &conf, ATE_NO_KEY, "only a root key");
    conf.session = owner;
    kit_ok(ate__chain_reset_check(k.chain, &conf));
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = 0;
    conf.text = text;
    expect(&k, &conf, ATE_TOO_BIG, "256 bytes");
    assert_int_equal(ate__chain_reset_check(k.chain, &conf), ATE_TOO_BIG);
    conf.text = "\xff";
    expect(&k, &conf, ATE_MALFORMED, "UTF-8");
    assert_int_equal(ate__chain_reset_check(k.chain, &conf), ATE_MALFORMED);
    conf.text = "";
    simenv_set_wall_us(&k.sim, k.sim.wall_us - 60000000);
    expect(&k, &conf, ATE_DENIED, "clock");
    kit_deinit(&k);
}

/* Once it is said, a power loss does not take it back, whatever the chain is asked for else. */
static void test_said_for_good(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 8; seed++) {
        struct kit k;
        struct ate__receipt receipt;
        struct ate__reset found;
        kit_init(&k, 7);
        k.sync = ATE__SYNC_NEVER;
        kit_create_ok(&k);
        kit_put_ok(&k, 1, "a text");
        simenv_pass_ms(&k.sim, 1000);
        kit_ok(reset(&k, 0, &receipt));
        assert_int_equal(receipt.stage, ATE__DURABLE);
        kit_crash(&k, seed);
        kit_open_ok(&k, 0);
        kit_ok(ate__chain_reset_find(k.chain, &(struct ate__reset_seen){.size = 9}, &found));
        kit_deinit(&k);
    }
}

/* The chain of a server is not this machine's to take back, whatever keys are here. */
static void test_not_of_a_mirror(void **state)
{
    (void)state;
    struct kit k, m;
    struct history h;
    struct ate__storage *storage;
    kit_init(&k, 6);
    history_init(&h, &k);
    history_put(&h, 1);
    kit_init(&m, 6);
    m.memory = true;
    struct ate__chain_conf conf = kit_conf(&m);
    kit_ok(ate__storage_open_mem(&m.sim.env, &k.chain_id, ATE__ROLE_MIRROR, &storage));
    kit_ok(kit_chain_open(&m, &conf, storage, 0));
    for (size_t i = 0; i < h.count; i++)
        kit_ok(history_feed(&h, i, m.chain));
    simenv_pass_ms(&m.sim, 3600000);
    uint64_t size = kit_size(&m);
    struct ate__receipt receipt = {.size = 77};
    assert_int_equal(reset(&m, 0, &receipt), ATE_READ_ONLY);
    assert_non_null(strstr(ate__error_text(), "the server's chain"));
    assert_true(receipt.size == 77 && kit_size(&m) == size && size == 2);
    kit_deinit(&m);
    history_deinit(&h);
    kit_deinit(&k);
}

/* ---- following it ---- */

/* What who had seen `size` transactions and then this time knows. */
static int find(struct kit *k, uint64_t size, uint64_t time_us, unsigned key, struct kit *own,
                const char *sentence)
{
    struct ate__reset found = {.sequence = 77};
    struct ate__reset_seen seen = {.size = size,
                                   .time_us = time_us,
                                   .keys = &kit_key(key)->fingerprint,
                                   .key_count = 1,
                                   .own = own ? own->chain : NULL};
    int rc = ate__chain_reset_find(k->chain, &seen, &found);
    if (rc && (found.sequence != 77 || !strstr(ate__error_text(), sentence)))
        fail_msg("%s: %s", ate__result_name(rc), ate__error_text());
    return rc;
}

static void test_each_rule(void **state)
{
    (void)state;
    struct kit k, own, other;
    struct ate__receipt receipt;
    struct ate__reset_seen seen = {.size = 20};
    struct ate__reset at;
    begin(&k, 3, 5);
    uint64_t before_us = ate__chain_last_time(k.chain);
    assert_int_equal(find(&k, 6, before_us, 0, NULL, "no root key says"), ATE_NOT_FOUND);
    kit_ok(reset(&k, 0, &receipt));
    kit_put_ok(&k, 1, "goes on");
    kit_ok(ate__chain_reset_find(k.chain, &seen, &at));
    kit_ok(find(&k, 20, before_us, 0, NULL, ""));
    kit_ok(find(&k, 6, before_us, 0, NULL, ""));
    /* It says nothing of less than it goes back to. */
    assert_int_equal(find(&k, 5, before_us, 0, NULL, "no root key says"), ATE_NOT_FOUND);
    /* Signed later than what was seen, by a key that was one then. */
    kit_ok(find(&k, 20, at.signed_us - 1, 0, NULL, ""));
    assert_int_equal(find(&k, 20, at.signed_us, 0, NULL, "signed before"), ATE_NOT_FOUND);
    assert_int_equal(find(&k, 20, UINT64_MAX, 0, NULL, "signed before"), ATE_NOT_FOUND);
    assert_int_equal(find(&k, 20, before_us, 1, NULL, "no root key any more"), ATE_NOT_FOUND);
    seen.keys = &kit_key(0)->fingerprint; /* of none */
    assert_int_equal(ate__chain_reset_find(k.chain, &seen, &at), ATE_NOT_FOUND);
    seen.keys_named = true;
    assert_int_equal(ate__chain_reset_find(k.chain, &seen, &at), ATE_NOT_FOUND);
    assert_non_null(strstr(ate__error_text(), "--root"));
    /* Back to one's own head; what is too short says nothing. */
    begin(&own, 3, 9);
    kit_ok(find(&k, 10, before_us, 0, &own, ""));
    begin(&other, 4, 9);
    assert_int_equal(find(&k, 10, before_us, 0, &other, "never seen here"), ATE_NOT_FOUND);
    kit_deinit(&other);
    begin(&other, 4, 2);
    kit_ok(find(&k, 10, before_us, 0, &other, ""));
    kit_deinit(&other);
    kit_deinit(&own);
    kit_deinit(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_said),          cmocka_unit_test(test_not_said),
        cmocka_unit_test(test_said_for_good), cmocka_unit_test(test_not_of_a_mirror),
        cmocka_unit_test(test_each_rule),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
