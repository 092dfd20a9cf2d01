/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Reading bodies: names that do not give their tags, made through the layers below, are not shown
 * as names (docs/format/trust.md, 13).
 */
#include "forge.h"
#include "unit/chain/kit.h"

static struct world w;
static const struct ate_id x = {{0xf0, 1}};

/* A chain without a name key, into which everyone may write. */
static void open_names(void)
{
    struct kit k;
    world_init(&w, true);
    struct ate__local_conf conf = {.chain.env = &w.sim.env, .memory = true};
    struct ate__pipe *pipe;
    ate__dio_unref(w.dio);
    kit_init(&k, 1);
    ok(ate__local_create(&conf, NULL, ate__bytes(k.genesis, k.genesis_size), &pipe));
    kit_deinit(&k);
    ok(ate__dio_new(pipe, w.session[0], -1, 1 << 20, &w.dio));
}

/* What a session reads as the name of an object; the rest of it is always there. */
static void expect_name(unsigned session, const char *name)
{
    struct ate_object o, listed;
    struct ate_cursor *c;
    struct ate_txn *t = world_begin_as(&w, session);
    ok(ate_load_raw(t, x, 0, &o));
    assert_true(o.readable);
    assert_string_equal(o.type, "note");
    assert_int_equal(note_at(t, x), 7);
    if (o.name.size != strlen(name) || (o.name.size && memcmp(o.name.data, name, o.name.size)))
        fail_msg("it is shown as \"%.*s\", not as \"%s\"", (int)o.name.size,
                 (const char *)o.name.data, name);
    ok(ate_children(t, o.parent, &c));
    do
        ok(ate_next_raw(c, ATE_NO_PAYLOAD, &listed));
    while (!ate__id_equal(&listed.id, &x));
    assert_true(ate__bytes_equal(listed.name, o.name));
    ate_txn_end(t);
}

static void expect_found(unsigned session, const char *name, int64_t n)
{
    struct ate_txn *t = world_begin_as(&w, session);
    assert_int_equal(note_named(t, ate_top, name), n);
    ate_txn_end(t);
}

static void names_in_clear(void **state)
{
    (void)state;
    static const struct {
        const char *name, *tag, *shown;
    } rows[] = {{"real", "real", "real"}, {"lie", "real", ""}, {NULL, "real", ""}};
    for (size_t i = 0; i < ATE__COUNT_OF(rows); i++) {
        open_names();
        forge(&w, 0,
              &(struct forged){.id = x,
                               .clear = true,
                               .unsigned_ = true,
                               .name = rows[i].name,
                               .tag = {NULL, rows[i].tag}});
        expect_name(0, rows[i].shown);
        expect_name(1, rows[i].shown);
        expect_found(1, "real", 7);
        expect_found(1, "lie", -ATE_NOT_FOUND);
        world_deinit(&w);
    }
}

static void private_names(void **state)
{
    (void)state;
    static const struct {
        const char *name, *tag[2], *shown;
    } rows[] = {
        {"real", {"real", NULL}, "real"}, {"lie", {"real", NULL}, ""}, {NULL, {"real", NULL}, ""},
        {"real", {NULL, "real"}, "real"}, /* found by its open tag, as an older one may be */
        {"lie", {NULL, "real"}, ""},
    };
    for (size_t i = 0; i < ATE__COUNT_OF(rows); i++) {
        world_init(&w, true);
        forge(&w, 0,
              &(struct forged){
                  .id = x, .name = rows[i].name, .tag = {rows[i].tag[0], rows[i].tag[1]}});
        expect_name(0, rows[i].shown);
        expect_found(0, "real", 7);
        expect_found(0, "lie", -ATE_NOT_FOUND);
        world_deinit(&w);
    }
}

/* Open objects under private names carry both tags: the name gives both of them, as far as the
 * reader can tell. Session 1 has no name key. */
static void both_tags(void **state)
{
    (void)state;
    static const struct {
        const char *name, *tag[2], *shown, *to_others;
    } rows[] = {
        {"real", {"real", "real"}, "real", "real"},
        {"real", {"other", "real"}, "", "real"},
        {"real", {"real", "other"}, "", ""},
        {"lie", {"real", "real"}, "", ""},
        {"real", {NULL, "real"}, "real", "real"},
        {"lie", {NULL, "real"}, "", ""},
        {"lie", {"real", NULL}, "", ""},
    };
    for (size_t i = 0; i < ATE__COUNT_OF(rows); i++) {
        world_init(&w, true);
        forge(&w, 0,
              &(struct forged){.id = x,
                               .clear = true,
                               .name = rows[i].name,
                               .tag = {rows[i].tag[0], rows[i].tag[1]}});
        expect_name(0, rows[i].shown);
        expect_name(1, rows[i].to_others);
        world_deinit(&w);
    }
}

/* Someone who may write an object, but not name anything where it lies, leaves its tag and writes
 * another name into it: who has the name key sees that. Who has not cannot tell. */
static void a_writer_without_the_name_key(void **state)
{
    (void)state;
    struct ate_rules rules = {0};
    world_init(&w, true);
    forge(&w, 0, &(struct forged){.id = x, .name = "real", .tag = {"real", NULL}});
    struct ate_txn *t = world_begin(&w);
    rules.read = rules.write = world_rule(&w, 3);
    ok(ate_protect(t, x, &rules));
    ok(ate_txn_commit(t, NULL));
    ate_txn_end(t);
    t = world_begin_as(&w, 1);
    ok(ate_put(t, note, x, NOTE("changed", 7)));
    struct ate__change *c = ate__txn_change(t, &x);
    assert_int_equal(c->name.size, 4);
    memcpy(c->name.data, "fake", 4);
    ok(ate_txn_commit(t, NULL));
    ate_txn_end(t);
    expect_name(0, "");
    expect_name(1, "fake");
    expect_found(0, "real", 7);
    expect_found(0, "fake", -ATE_NOT_FOUND);
    world_deinit(&w);
}

/* What is written over a lie has the name by which it was found, or none. */
static void a_lie_is_not_carried_on(void **state)
{
    (void)state;
    for (unsigned how = 0; how < 4; how++) {
        struct ate_object o = {.id = x,
                               .parent = ate_top,
                               .type = "note",
                               .encoding = "json",
                               .payload = ate__text_bytes("{\"n\":7}")};
        world_init(&w, true);
        forge(&w, 0, &(struct forged){.id = x, .name = "lie", .tag = {"real", NULL}});
        struct ate_txn *t = world_begin(&w);
        if (how == 1 || how == 3)
            o.name = ate__text_bytes("real");
        if (how == 0)
            ok(ate_put(t, note, x, NOTE("changed", 7)));
        else if (how == 1)
            ok(ate_put_as(t, note, ate_top, "real", NOTE("changed", 7), NULL));
        else
            ok(ate_put_raw(t, &o, 0, NULL));
        for (unsigned i = 0; i < 2; i++) { /* before and after the commit */
            assert_int_equal(note_named(t, ate_top, "real"), o.name.size ? 7 : -ATE_NOT_FOUND);
            assert_int_equal(note_named(t, ate_top, "lie"), -ATE_NOT_FOUND);
            ok(ate_txn_commit(t, NULL));
        }
        ate_txn_end(t);
        expect_name(0, o.name.size ? "real" : "");
        world_deinit(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_in_clear),
        cmocka_unit_test(private_names),
        cmocka_unit_test(both_tags),
        cmocka_unit_test(a_writer_without_the_name_key),
        cmocka_unit_test(a_lie_is_not_carried_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
