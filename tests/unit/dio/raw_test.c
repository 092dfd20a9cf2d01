/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Objects without a table: what is refused, what is lent, what a reader without keys sees.
 */
#include "world.h"

static struct world w;

static struct ate_object json(const char *name, const char *payload)
{
    return (struct ate_object){.type = "thing",
                               .encoding = "json",
                               .payload = ate__text_bytes(payload),
                               .name = name ? ate__text_bytes(name) : (struct ate_bytes){0}};
}

static void refused(void **state)
{
    (void)state;
    static char long_type[ATE__TYPE_MAX + 2];
    struct ate_object o = json("a", "{}"), bad;
    struct ate_txn *t, *reading;
    struct ate_id id;
    world_init(&w, true);
    t = world_begin(&w);
    memset(long_type, 't', sizeof long_type - 1);
    expect(ate_store_raw(t, &o, ATE_ABSENT, &id), ATE_MISUSE);
    expect(ate_put_raw(t, &o, ATE_TREE, &id), ATE_MISUSE);
    bad = o, bad.type = NULL;
    expect(ate_put_raw(t, &bad, 0, &id), ATE_MISUSE);
    bad.type = "";
    expect(ate_put_raw(t, &bad, 0, &id), ATE_MISUSE);
    bad.type = long_type;
    expect(ate_put_raw(t, &bad, 0, &id), ATE_MISUSE);
    bad.type = "\xff";
    expect(ate_put_raw(t, &bad, 0, &id), ATE_MISUSE);
    bad = o, bad.encoding = "xml";
    assert_int_not_equal(ate_put_raw(t, &bad, 0, &id), 0);
    static const char *const payloads[] = {"", "[]", "{", "{\"a\":1}x", "{\"a\":1,\"a\":2}", "7"};
    for (size_t i = 0; i < ATE__COUNT_OF(payloads); i++) {
        bad = json("a", payloads[i]);
        expect(ate_store_raw(t, &bad, 0, &id), ATE_MALFORMED);
        expect(ate_put_raw(t, &bad, 0, &id), ATE_MALFORMED);
    }
    bad = o, bad.encoding = NULL; /* "{}" is no MessagePack map */
    expect(ate_put_raw(t, &bad, 0, &id), ATE_MALFORMED);
    static const struct {
        const char *bytes;
        size_t size;
    } names[] = {{"a\0b", 3}, {"a/b", 3}, {".", 1}, {"..", 2}};
    for (size_t i = 0; i < ATE__COUNT_OF(names); i++) {
        bad = o, bad.name = ate__bytes(names[i].bytes, names[i].size);
        expect(ate_store_raw(t, &bad, 0, &id), ATE_MALFORMED);
        expect(ate_put_raw(t, &bad, 0, &id), ATE_MALFORMED);
    }
    bad = o, bad.parent = (struct ate_id){{1, 2, 3}};
    expect(ate_store_raw(t, &bad, 0, &id), ATE_NOT_FOUND);
    expect(ate_put_raw(t, &bad, 0, &id), ATE_NOT_FOUND);
    uint64_t size = world_size(&w);
    ok(ate_txn_commit(t, NULL)); /* none of it left anything */
    assert_true(world_size(&w) == size);
    ok(ate__txn_begin(w.dio, NULL, ATE_READ, &reading));
    expect(ate_store_raw(reading, &o, 0, &id), ATE_READ_ONLY);
    expect(ate_put_raw(reading, &o, 0, &id), ATE_READ_ONLY);
    ate_txn_end(reading);
    ate_txn_end(t);
    world_deinit(&w);
}

static void created_or_replaced(void **state)
{
    (void)state;
    struct ate_object o = json("a\x01\xff", "{\"v\":1}"), found;
    struct ate_id id, same, other = {{9, 9}};
    world_init(&w, true);
    struct ate_txn *t = world_begin(&w);
    for (unsigned i = 0; i < 2; i++) { /* pending, then stored */
        ok(ate_put_raw(t, &o, 0, i ? &same : &id));
        expect(ate_store_raw(t, &o, 0, NULL), ATE_EXISTS);
        expect(ate_put_raw(t, &o, ATE_ABSENT, NULL), ATE_EXISTS);
        ok(ate_find_raw(t, ate_top, o.name, 0, &found));
        assert_true(ate__bytes_equal(found.name, o.name));
        assert_true(ate__bytes_equal(found.payload, o.payload));
        assert_string_equal(found.type, "thing");
        assert_string_equal(found.encoding, "json");
        assert_true(found.readable && !found.open);
        assert_int_equal(found.sequence, 0);
        ok(ate_txn_commit(t, NULL));
    }
    assert_memory_equal(&id, &same, sizeof id);
    ok(ate_load_raw(t, id, 0, &found));
    assert_int_equal(found.sequence, 2);
    assert_int_equal(found.created_sequence, 1);
    /* By its id: where it lies and with its name, whatever the parent says. */
    struct ate_object by_id = json(NULL, "{\"v\":2}");
    by_id.id = id;
    by_id.parent = other;
    by_id.type = "other";
    ok(ate_put_raw(t, &by_id, 0, &same));
    expect(ate_put_raw(t, &by_id, ATE_ABSENT, NULL), ATE_EXISTS);
    ok(ate_txn_commit(t, NULL));
    ok(ate_find_raw(t, ate_top, o.name, 0, &found));
    assert_memory_equal(&found.id, &id, sizeof id);
    assert_string_equal(found.type, "other");
    /* An id of the caller's own. */
    by_id.id = other;
    by_id.parent = id;
    ok(ate_put_raw(t, &by_id, ATE_ABSENT, &same));
    assert_memory_equal(&same, &other, sizeof other);
    ok(ate_txn_commit(t, NULL));
    ok(ate_load_raw(t, other, 0, &found));
    assert_memory_equal(&found.parent, &id, sizeof id);
    assert_int_equal(found.name.size, 0);
    ate_txn_end(t);
    world_deinit(&w);
}

static void parts_of_it(void **state)
{
    (void)state;
    struct ate_object o = json("a", "{\"v\":1}"), bare, full;
    struct ate_id id, missing = {{1}};
    world_init(&w, true);
    struct ate_txn *t = world_begin(&w);
    ok(ate_put_raw(t, &o, ATE_PUBLIC, &id));
    ok(ate_txn_commit(t, NULL));
    expect(ate_load_raw(t, id, ATE_TREE, &full), ATE_MISUSE);
    expect(ate_find_raw(t, ate_top, o.name, ATE_PUBLIC, &full), ATE_MISUSE);
    expect(ate_load_raw(t, missing, 0, &full), ATE_NOT_FOUND);
    expect(ate_find_raw(t, missing, o.name, 0, &full), ATE_NOT_FOUND);
    ok(ate_load_raw(t, id, ATE_NO_PAYLOAD, &bare));
    assert_int_equal(bare.payload.size, 0);
    assert_int_equal(bare.payload_size, o.payload.size);
    assert_int_equal(bare.author_count, 0);
    ok(ate_load_raw(t, id, ATE_AUTHORS, &full));
    struct ate_hash me = world_key(&w, 0);
    assert_int_equal(full.author_count, 1);
    assert_memory_equal(full.authors, &me, sizeof me);
    assert_true(full.open);
    assert_string_equal(bare.type, "thing"); /* still lent */
    ate_txn_end(t);
    world_deinit(&w);
}

/* Without the keys: that it is there, how large it is, and no more. */
static void unreadable(void **state)
{
    (void)state;
    struct ate_object o = json("a", "{\"v\":\"secret\"}"), found;
    struct ate_cursor *c;
    struct ate_id id, open_id;
    world_init(&w, true);
    struct ate_txn *t = world_begin(&w);
    ok(ate_put_raw(t, &o, 0, &id));
    o.name = ate__text_bytes("b");
    ok(ate_put_raw(t, &o, ATE_PUBLIC, &open_id));
    ok(ate_txn_commit(t, NULL));
    ate_txn_end(t);
    for (unsigned i = 0; i < 2; i++) {
        ok(ate__txn_begin(w.dio, i ? w.session[1] : w.none, 0, &t));
        ok(ate_load_raw(t, id, ATE_AUTHORS, &found));
        assert_false(found.readable || found.open);
        assert_null(found.type);
        assert_null(found.encoding);
        assert_int_equal(found.name.size + found.payload.size, 0);
        assert_true(found.payload_size > o.payload.size);
        assert_int_equal(found.author_count, 1);
        expect(ate_find_raw(t, ate_top, ate__text_bytes("a"), 0, &found), ATE_NO_KEY);
        expect(ate_find_raw(t, ate_top, ate__text_bytes("no"), 0, &found), ATE_NO_KEY);
        ok(ate_find_raw(t, ate_top, o.name, 0, &found)); /* its open tag */
        assert_memory_equal(&found.id, &open_id, sizeof open_id);
        assert_true(ate__bytes_equal(found.name, o.name));
        o.id = id;
        struct ate_object by_id = json(NULL, "{}");
        by_id.id = id;
        expect(ate_put_raw(t, &by_id, 0, NULL), ATE_NO_KEY); /* it would lose name and items */
        ok(ate_children(t, ate_top, &c));
        ok(ate_next_raw(c, 0, &found));
        assert_false(found.readable);
        ok(ate_next_raw(c, 0, &found));
        assert_true(found.readable);
        expect(ate_next_raw(c, 0, &found), ATE_END);
        expect(ate_next_raw(c, 0, &found), ATE_END);
        ate_txn_end(t);
    }
    world_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused),
        cmocka_unit_test(created_or_replaced),
        cmocka_unit_test(parts_of_it),
        cmocka_unit_test(unreadable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
