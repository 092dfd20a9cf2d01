/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * From changes to bytes: which events a transaction is made of, in which form, and what of them
 * stands in clear.
 */
#include "world.h"

static struct world w;

static void build(struct ate_txn *t, struct ate__tx *ret_tx)
{
    ok(ate__txn_build(t));
    ok(ate__tx_decode(ate__buf_bytes(&t->encoded), ATE__SHA256, ret_tx));
    assert_memory_equal(&ret_tx->hash, &t->own.hash, sizeof ret_tx->hash);
    assert_int_equal(ret_tx->event_count, t->own.event_count);
    for (uint32_t i = 0; i < ret_tx->event_count; i++)
        assert_true(ate__hash_equal(&ret_tx->events[i].hash, &t->own.events[i].event));
}

static void expect_kinds(const struct ate__tx *tx, const char *kinds)
{
    char found[16] = "";
    assert_true(tx->event_count < sizeof found);
    for (uint32_t i = 0; i < tx->event_count; i++)
        found[i] = tx->events[i].kind == ATE__EVENT_CONTROL                     ? 'c'
                   : tx->events[i].kind == ATE__EVENT_PUBLIC_KEY                ? 'k'
                   : ate__header_has(&tx->events[i].header, ATE__TAG_TOMBSTONE) ? 't'
                                                                                : 'b';
    assert_string_equal(found, kinds);
}

static bool holds(const struct ate_txn *t, const char *text)
{
    return memmem(t->encoded.data, t->encoded.size, text, strlen(text));
}

static void private_and_open(void **state)
{
    (void)state;
    struct ate__tx tx;
    struct ate_object open = {.type = "visible-type",
                              .encoding = "json",
                              .payload = ate__text_bytes("{\"a\":\"visible-text\"}"),
                              .name = ate__text_bytes("visible-name")};
    world_init(&w, true);
    struct ate_txn *t = world_begin(&w);
    ok(ate_put_as(t, note, ate_top, "hidden-name", NOTE("hidden-text", 1), NULL));
    ok(ate_put_raw(t, &open, ATE_PUBLIC, NULL));
    build(t, &tx);
    expect_kinds(&tx, "cbb"); /* what opens the second one goes first */
    assert_false(holds(t, "hidden-name") || holds(t, "hidden-text") || holds(t, "note"));
    assert_true(holds(t, "visible-name") && holds(t, "visible-text") && holds(t, "visible-type"));
    const struct ate__event *sealed = &tx.events[1], *clear = &tx.events[2];
    assert_int_equal(sealed->form, ATE__CIPHER);
    assert_true(ate__header_has(&sealed->header, ATE__TAG_CONF));
    assert_int_equal(sealed->header.tag_count, 1);
    assert_int_equal(clear->form, ATE__CLEAR);
    assert_int_equal(clear->salt.size, 16);
    assert_int_equal(clear->header.tag_count, 2);
    assert_int_equal(tx.signature_count, 1);
    ate__tx_deinit(&tx);
    ate_txn_end(t);
    world_deinit(&w);
}

/* Rules before bodies, deletions behind them, then the keys that the chain lacks, each once. */
static void order_of_events(void **state)
{
    (void)state;
    struct ate_id old, folder, other;
    struct ate__tx tx;
    world_init(&w, true);
    struct ate_txn *t = world_begin(&w);
    ok(ate_store(t, note, NOTE("old", 1), &old));
    ok(ate_txn_commit(t, NULL));
    ok(ate_delete(t, old, 0));
    ok(ate_store(t, note, NOTE("folder", 1), &folder));
    ok(ate_store(t, note, NOTE("other", 1), &other));
    struct ate_rules rules = {.read = world_rule(&w, 3), .write = world_rule(&w, 3)};
    ok(ate_protect(t, folder, &rules));
    ok(ate_protect(t, other, &rules));
    build(t, &tx);
    expect_kinds(&tx, "ccbbtk");
    ate__tx_deinit(&tx);
    ok(ate_txn_commit(t, NULL));
    ok(ate_protect(t, folder, &(struct ate_rules){.read = rules.read, .append = rules.write}));
    build(t, &tx);
    expect_kinds(&tx, "c"); /* nothing is sealed anew, and the key is known */
    assert_true(ate__header_has(&tx.events[0].header, ATE__TAG_PREV));
    ate__tx_deinit(&tx);
    ate_txn_end(t);
    world_deinit(&w);
}

/* Every try seals and numbers afresh what it must, and leaves the changes as they are. */
static void built_again(void **state)
{
    (void)state;
    struct ate__tx a, b;
    struct ate_id id;
    world_init(&w, true);
    struct ate_txn *t = world_begin(&w);
    ok(ate_put_as(t, note, ate_top, "name", NOTE("text", 1), &id));
    build(t, &a);
    struct ate__conf_item conf = a.events[0].header.conf;
    ate__tx_deinit(&a);
    build(t, &b);
    assert_memory_not_equal(conf.nonce, b.events[0].header.conf.nonce, sizeof conf.nonce);
    assert_memory_not_equal(conf.version_id, b.events[0].header.conf.version_id,
                            sizeof conf.version_id);
    ate__tx_deinit(&b);
    assert_int_equal(note_named(t, ate_top, "name"), 1);
    ok(ate_txn_commit(t, NULL));
    expect(ate__txn_build(t), ATE_END);
    ok(ate_store(t, note, NOTE("never", 1), &id));
    ok(ate_delete(t, id, 0));
    expect(ate__txn_build(t), ATE_END); /* it never was */
    ate_txn_end(t);
    world_deinit(&w);
}

/* Who may append somewhere, and does not read there, seals a key of its own to the epoch. */
static void without_keys(void **state)
{
    (void)state;
    struct ate_id folder;
    world_init(&w, true);
    struct ate_txn *t = world_begin(&w);
    struct ate_rules rules = {.append = world_rule(&w, 2)};
    ok(ate_store(t, note, NOTE("folder", 1), &folder));
    ok(ate_protect(t, folder, &rules));
    ok(ate_txn_commit(t, NULL));
    ate_txn_end(t);
    for (unsigned i = 0; i < 2; i++) {
        ok(ate__txn_begin(w.dio, i ? w.none : w.session[1], 0, &t));
        ok(ate_push(t, note, folder, NOTE("x", 1), NULL));
        expect(ate_txn_commit(t, NULL), i ? ATE_DENIED : 0);
        ate_txn_cancel(t);
        struct ate_object open = {
            .type = "t", .encoding = "json", .payload = ate__text_bytes("{}"), .parent = folder};
        ok(ate_store_raw(t, &open, ATE_PUBLIC, NULL)); /* needs none */
        expect(ate_txn_commit(t, NULL), i ? ATE_DENIED : 0);
        ate_txn_end(t);
    }
    /* A reader whose public key nobody has. */
    struct ate_hash stranger = {{5}};
    t = world_begin(&w);
    rules = (struct ate_rules){.read = {ATE_KEYS, &stranger, 1}};
    int rc = ate_protect(t, folder, &rules);
    if (!rc)
        rc = ate_txn_commit(t, NULL);
    expect(rc, ATE_NO_KEY);
    ate_txn_end(t);
    world_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(private_and_open),
        cmocka_unit_test(order_of_events),
        cmocka_unit_test(built_again),
        cmocka_unit_test(without_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
