/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Typed objects through the whole stack: sessions and the shared cache, unknown fields, types.
 */
#include "chain/limits.h"
#include "world.h"

struct wide { /* what another program stores under the same type name */
    const char *text;
    int64_t n;
    const char *extra;
};
static const struct ate_type *wide_type(void)
{
    static const struct ate_field fields[] = {
        {.name = "text",
         .offset = offsetof(struct wide, text),
         .size = sizeof(char *),
         .kind = ATE_STRING},
        {.name = "n", .offset = offsetof(struct wide, n), .size = 8, .kind = ATE_INT},
        {.name = "extra",
         .offset = offsetof(struct wide, extra),
         .size = sizeof(char *),
         .kind = ATE_STRING},
    };
    static const struct ate_type type = {"note",          fields, 3, sizeof(struct wide),
                                         ATE_TYPE_LAYOUT, 0};
    return &type;
}

static struct world w;

/* What one session opened another one does not get from the cache. */
static void a_cache_is_no_key(void **state)
{
    (void)state;
    struct ate_id folder, x;
    world_init(&w, true);
    struct ate_txn *t = world_begin(&w), *other;
    struct ate_rules both = {.append = world_rule(&w, 3)};
    ok(ate_put_as(t, note, ate_top, "folder", NOTE("folder", 1), &folder));
    ok(ate_protect(t, folder, &both));
    ok(ate_txn_commit(t, NULL));
    /* Session 0 of the chain loads it, session 1 may not. */
    assert_int_equal(note_at(t, folder), 1);
    other = world_begin_as(&w, 1);
    assert_int_equal(note_at(other, folder), -ATE_NO_KEY);
    ate_txn_end(other);
    /* The other way round: private to session 1 alone. */
    struct ate_rules open = {.read = {ATE_EVERYONE, NULL, 0}, .append = world_rule(&w, 3)};
    ok(ate_put_as(t, note, ate_top, "open", NOTE("open", 2), &x));
    ok(ate_protect(t, x, &open));
    ok(ate_txn_commit(t, NULL));
    other = world_begin_as(&w, 1);
    struct ate_id own;
    struct ate_rules mine = {.read = world_rule(&w, 2)};
    ok(ate_push(other, note, x, NOTE("own", 3), &own));
    ok(ate_protect(other, own, &mine));
    ok(ate_txn_commit(other, NULL));
    assert_int_equal(note_at(other, own), 3);
    ok(ate_txn_refresh(t));
    assert_int_equal(note_at(t, own), -ATE_NO_KEY);
    assert_int_equal(note_at(other, own), 3);
    assert_int_equal(note_at(t, own), -ATE_NO_KEY);
    ate_txn_end(other);
    ate_txn_end(t);
    world_deinit(&w);
}

/* Each transaction goes on seeing what was there when it began, whoever put what into the cache
 * meanwhile; a loan outlives the object. */
static void shared_objects_are_those_of_the_snapshot(void **state)
{
    (void)state;
    struct ate_id id, other;
    const struct note *old_note = NULL, *again = NULL;
    world_init(&w, true);
    struct ate_txn *t = world_begin(&w);
    ok(ate_store(t, note, NOTE("first", 1), &id));
    ok(ate_store(t, note, NOTE("other", 9), &other));
    ok(ate_txn_commit(t, NULL));
    struct ate_txn *old = world_begin(&w), *later;
    ok(ate_load(old, note, id, &old_note));
    ok(ate_load(old, note, id, &again));
    assert_ptr_equal(old_note, again);
    for (int i = 2; i < 40; i++) {
        ok(ate_put(t, note, id, NOTE("next", i)));
        assert_int_equal(note_at(t, id), i); /* its own change */
        assert_int_equal(note_at(old, id), 1);
        ok(ate_txn_commit(t, NULL));
        later = world_begin(&w);
        assert_int_equal(note_at(later, id), i);
        assert_int_equal(note_at(later, id), i);
        assert_int_equal(note_at(later, other), 9);
        assert_int_equal(note_at(old, id), 1);
        ate_txn_end(later);
    }
    assert_string_equal(old_note->text, "first");
    ok(ate_delete(t, id, 0));
    assert_int_equal(note_at(t, id), -ATE_NOT_FOUND);
    ok(ate_txn_commit(t, NULL));
    assert_int_equal(note_at(t, id), -ATE_NOT_FOUND);
    assert_int_equal(note_at(old, id), 1);
    ok(ate_txn_refresh(old));
    assert_int_equal(note_at(old, id), -ATE_NOT_FOUND);
    assert_string_equal(old_note->text, "first");
    ate_txn_end(old);
    ate_txn_end(t);
    world_deinit(&w);
}

/* What is in the cache is refused by a snapshot that is too old, like anything else. */
static void stale_is_stale(void **state)
{
    (void)state;
    struct ate_id id;
    world_init(&w, true);
    struct ate_txn *t = world_begin(&w), *old = world_begin(&w);
    ok(ate_store(t, note, NOTE("x", 1), &id));
    ok(ate_txn_commit(t, NULL));
    assert_int_equal(note_at(old, id), 1);
    assert_int_equal(note_at(old, id), 1);
    simenv_pass_ms(&w.sim, ATE__VIEW_AGE_MAX + 1);
    ok(ate_store(t, note, NOTE("y", 2), NULL));
    ok(ate_txn_commit(t, NULL));
    assert_int_equal(note_at(old, id), -ATE_STALE);
    ok(ate_txn_refresh(old));
    assert_int_equal(note_at(old, id), 1);
    ate_txn_end(old);
    ate_txn_end(t);
    world_deinit(&w);
}

/* A field that this program's table does not know survives its put, by id and by name, alone and
 * several times in one transaction, and a reopening. */
static void unknown_fields_survive(void **state)
{
    (void)state;
    struct ate_id id;
    int rc;
    world_init(&w, false);
    struct ate_txn *t = world_begin(&w);
    ok(ate__put_as(t, wide_type(), ate_top, "x", &(struct wide){"text", 1, "kept"}, &id));
    ok(ate_txn_commit(t, NULL));
    ok(ate_put(t, note, id, NOTE("a", 2)));
    ok(ate_put_as(t, note, ate_top, "x", NOTE("b", 3), NULL));
    ok(ate_txn_commit(t, NULL));
    ok(ate_put_as(t, note, ate_top, "x", NOTE("c", 4), NULL));
    ok(ate_move(t, id, ate_top, "y"));
    ok(ate_txn_commit(t, NULL));
    ate_txn_end(t);
    world_reopen(&w);
    t = world_begin(&w);
    const struct wide *wide = ate__find(t, wide_type(), ate_top, "y", NULL, &rc);
    ok(rc);
    assert_string_equal(wide->text, "c");
    assert_int_equal(wide->n, 4);
    assert_string_equal(wide->extra, "kept");
    ate_txn_end(t);
    world_deinit(&w);
}

struct thing {
    int32_t n;
};
ATE_TYPE(thing, ATE_FIELD(n));

static void types_are_told_apart(void **state)
{
    (void)state;
    struct ate_id a, b, id;
    const struct thing *thing_ = NULL;
    const struct note *note_;
    struct ate_cursor *c;
    world_init(&w, true);
    struct ate_txn *t = world_begin(&w);
    ok(ate_put_as(t, note, ate_top, "a", NOTE("a", 1), &a));
    ok(ate_put_as(t, thing, ate_top, "b", &(struct thing){2}, &b));
    for (unsigned i = 0; i < 2; i++) {
        expect(ate_load(t, thing, a, &thing_), ATE_WRONG_TYPE);
        assert_non_null(strstr(ate__error_text(), "a note, not a thing"));
        expect(ate_find(t, note, ate_top, "b", &id, &note_), ATE_WRONG_TYPE);
        ok(ate_children(t, ate_top, &c));
        ok(ate_next(c, thing, &id, &thing_)); /* the other one is passed over */
        assert_memory_equal(&id, &b, sizeof id);
        expect(ate_next(c, thing, &id, &thing_), ATE_END);
        ate_cursor_end(c);
        ok(ate_txn_commit(t, NULL));
    }
    /* A put may make it another type. */
    ok(ate_put(t, thing, a, &(struct thing){7}));
    ok(ate_txn_commit(t, NULL));
    ok(ate_load(t, thing, a, &thing_));
    assert_int_equal(thing_->n, 7);
    ate_txn_end(t);
    world_deinit(&w);
}

/* What is lent stays as it was, whatever is committed meanwhile. */
static void loans(void **state)
{
    (void)state;
    struct ate_id id;
    const struct note *one = NULL, *two = NULL, *again = NULL;
    struct note *kept = NULL;
    world_init(&w, true);
    struct ate_txn *t = world_begin(&w);
    ok(ate_store(t, note, NOTE("one", 1), &id));
    ok(ate_txn_commit(t, NULL));
    ok(ate_load(t, note, id, &one));
    ok(ate_load(t, note, id, &again));
    assert_ptr_equal(one, again); /* shared */
    ok(ate_put(t, note, id, NOTE("two", 2)));
    ok(ate_load(t, note, id, &two));
    assert_int_equal(two->n, 2);
    ok(ate_txn_commit(t, NULL));
    assert_string_equal(one->text, "one");
    ok(ate_keep(note, one, &kept));
    ate_txn_end_loans(t);
    assert_string_equal(kept->text, "one");
    ate_free(kept);
    ok(ate_load(t, note, id, &two));
    assert_string_equal(two->text, "two");
    ate_txn_end(t);
    world_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cache_is_no_key),
        cmocka_unit_test(shared_objects_are_those_of_the_snapshot),
        cmocka_unit_test(stale_is_stale),
        cmocka_unit_test(unknown_fields_survive),
        cmocka_unit_test(types_are_told_apart),
        cmocka_unit_test(loans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
