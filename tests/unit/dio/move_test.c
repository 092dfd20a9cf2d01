/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Moves to other readers: in one transaction where that holds all of it, else in batches. At every
 * step of it what could be read can be read, and is found by its name; what is due is done once.
 */
#include "dio/objects.h"
#include "world.h"

enum { MANY = 3000, DEEP = 60, EACH = 4000 /* bytes: together more than a transaction */ };

static struct world w;
static struct ate_id from, to, tree;
static struct ate_id many[MANY];
static char text[EACH + 1];

static struct ate_rule readers(unsigned mask, struct ate_hash keys[WORLD_SESSIONS])
{
    struct ate_rule r = world_rule(&w, mask);
    memcpy(keys, r.keys, r.key_count * sizeof *keys);
    r.keys = keys;
    return r;
}

static void commit(struct ate_txn *t)
{
    ok(ate_txn_commit(t, NULL));
    ate_txn_end(t);
}

static struct ate_id make_folder(const char *name, unsigned mask)
{
    struct ate_hash read[WORLD_SESSIONS], write[WORLD_SESSIONS];
    struct ate_rules rules = {.read = readers(mask, read), .write = readers(7, write)};
    struct ate_txn *t = world_begin(&w);
    struct ate_id id;
    ok(ate_put_as(t, note, ate_top, name, NOTE(name, 1), &id));
    ok(ate_protect(t, id, &rules));
    commit(t);
    return id;
}

static struct ate_id parent_of(unsigned i)
{
    return i == 0 || i >= DEEP ? tree : many[i - 1];
}

static void make_tree(unsigned count)
{
    struct ate_txn *t = world_begin(&w);
    ok(ate_put_as(t, note, from, "tree", NOTE("tree", 2), &tree));
    for (unsigned i = 0; i < count; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%u", i);
        ok(ate_put_as(t, note, parent_of(i), name, NOTE(text, i), &many[i]));
        if (i % 1000 == 999)
            ok(ate_txn_commit(t, NULL));
    }
    commit(t);
}

/* From a folder that 0 and 1 read to one that 0 and 2 read; all of them write in both. */
static int set_up(void **state)
{
    (void)state;
    memset(text, 'x', EACH);
    world_init(&w, false);
    from = make_folder("from", 3);
    to = make_folder("to", 5);
    make_tree(MANY);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world_deinit(&w);
    return 0;
}

static unsigned readable(unsigned session, unsigned count)
{
    struct ate_txn *t = world_begin_as(&w, session);
    unsigned n = 0;
    for (unsigned i = 0; i < count; i++) {
        n += note_at(t, many[i]) == i;
        ate_txn_end_loans(t);
    }
    ate_txn_end(t);
    return n;
}

static void expect_names_of(struct ate_session *s, unsigned count)
{
    struct ate_txn *t;
    ok(ate__txn_begin(w.dio, s, 0, &t));
    for (unsigned i = 0; i < count; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%u", i);
        if (note_named(t, parent_of(i), name) != i)
            fail_msg("%s is not found: %s", name, ate__error_text());
        ate_txn_end_loans(t);
    }
    ate_txn_end(t);
}

static void expect_names(unsigned session, unsigned count)
{
    expect_names_of(w.session[session], count);
}

static size_t came_from(struct ate_id id)
{
    struct ate_txn *t = world_begin(&w);
    struct ate__object_facts f;
    ok(ate__txn_read(t));
    ok(ate__txn_object(t, &id, &f));
    size_t count = ate__facts_came_from(&f).size / sizeof id;
    ate_txn_end(t);
    return count;
}

static void move_only(unsigned session, struct ate_id id, struct ate_id parent, const char *name)
{
    struct ate_txn *t = world_begin_as(&w, session);
    ok(ate_move_only(t, id, parent, name));
    commit(t);
}

static struct ate_resealed reseal(unsigned session, struct ate_id id)
{
    struct ate_resealed done;
    struct ate_txn *t = world_begin_as(&w, session);
    ok(ate_reseal(t, id, NULL, NULL, &done));
    ate_txn_end(t);
    return done;
}

/* ---- what does not fit into one transaction ---- */

static void too_big_for_one(void **state)
{
    (void)state;
    struct ate_txn *t = world_begin(&w);
    struct ate_object o;
    expect(ate_move(t, tree, to, "tree"), ATE_TOO_BIG);
    assert_non_null(strstr(ate__error_text(), "ate_move_only()"));
    ok(ate_load_raw(t, tree, 0, &o)); /* nothing of it is left */
    assert_true(ate__id_equal(&o.parent, &from));
    ate_txn_cancel(t);
    ok(ate_move_only(t, tree, to, "moved"));
    commit(t);
    assert_int_equal(came_from(tree), 1);
    assert_int_equal(readable(0, MANY), MANY);
    assert_int_equal(readable(1, MANY), MANY); /* as it was, to who could */
    assert_int_equal(readable(2, MANY), 0);
    expect_names(0, MANY);
    expect_names(1, MANY);
}

static int stop(void *arg, const struct ate_resealed *so_far)
{
    uint64_t *left = arg;
    (void)so_far;
    return (*left)-- ? 0 : ATE_BUSY;
}

/* Broken off behind each second batch, with the chain closed and opened again. */
static void broken_off(void **state)
{
    (void)state;
    uint64_t total = 0;
    move_only(0, tree, to, "tree");
    for (unsigned rounds = 0; came_from(tree); rounds++) {
        struct ate_resealed done;
        uint64_t batches = 1;
        struct ate_txn *t = world_begin(&w);
        int rc = ate_reseal(t, tree, stop, &batches, &done);
        ate_txn_end(t);
        assert_true(rc == 0 || rc == ATE_BUSY);
        assert_true(rounds < MANY / 200);
        total += done.resealed;
        world_reopen(&w);
        assert_int_equal(readable(1, MANY) + readable(2, MANY), MANY);
        assert_int_equal(readable(2, MANY), total);
        assert_int_equal(readable(0, MANY), MANY);
        if (rounds % 3 == 0)
            expect_names(0, MANY);
    }
    assert_int_equal(total, MANY); /* nothing twice */
    assert_int_equal(readable(1, MANY), 0);
    expect_names(0, MANY);
    expect_names(2, MANY);
    assert_int_equal(reseal(2, tree).resealed, 0);
}

/* ---- what else happens to it meanwhile ---- */

/* Where it came from is deleted, or moved itself, or is no scope any more. */
static void what_it_came_from_goes(void **state)
{
    (void)state;
    for (unsigned how = 0; how < 3; how++) {
        if (how) {
            tear_down(NULL);
            set_up(NULL);
        }
        struct ate_rules inherits = {.read.who = ATE_INHERIT};
        move_only(0, tree, to, "tree");
        struct ate_txn *t = world_begin(&w);
        if (how == 0)
            ok(ate_delete(t, from, ATE_TREE));
        else if (how == 1)
            ok(ate_move(t, from, tree, "from"));
        else
            ok(ate_protect(t, from, &inherits));
        commit(t);
        world_reopen(&w);
        assert_int_equal(readable(0, 100), 100);
        assert_int_equal(readable(1, 100), 100);
        expect_names(0, 100);
        expect_names(1, 100);
        struct ate_resealed done = reseal(0, tree);
        assert_int_equal(done.left, 0);
        assert_true(done.resealed >= MANY);
        assert_int_equal(came_from(tree), 0);
        assert_int_equal(readable(2, MANY), MANY);
        expect_names(2, MANY);
    }
}

static void moved_on(void **state)
{
    (void)state;
    struct ate_id third = make_folder("third", 1), inner = many[DEEP / 2];
    move_only(0, tree, to, "tree");
    struct ate_txn *t = world_begin(&w);
    ok(ate_put(t, note, many[1], NOTE("for 0 and 2", 1))); /* of the place in between */
    commit(t);
    move_only(0, tree, third, "tree");
    assert_int_equal(came_from(tree), 2);
    assert_int_equal(readable(0, MANY), MANY);
    assert_int_equal(readable(1, MANY), MANY - 1);
    assert_int_equal(readable(2, MANY), 1);
    expect_names(0, MANY);
    /* A part of it, by itself, in one transaction: it takes no marks along. */
    t = world_begin(&w);
    ok(ate_move(t, inner, to, "inner"));
    commit(t);
    assert_int_equal(came_from(inner), 0);
    assert_int_equal(readable(0, MANY), MANY);
    assert_int_equal(readable(2, MANY), 1 + DEEP - DEEP / 2);
    t = world_begin(&w);
    assert_int_equal(note_named(t, inner, "n31"), 31);
    /* And back, under a scope that it was moved out of. */
    ok(ate_move_only(t, tree, from, "tree"));
    commit(t);
    assert_int_equal(readable(0, MANY), MANY);
    struct ate_resealed done = reseal(0, tree);
    assert_int_equal(done.left, 0);
    assert_int_equal(done.resealed, 1);
    assert_int_equal(readable(1, MANY), MANY - (DEEP - DEEP / 2));
    assert_int_equal(came_from(tree), 0);
}

/* Who reads where it is by now writes, names and looks up there. */
static void written_meanwhile(void **state)
{
    (void)state;
    struct ate_id id;
    move_only(0, tree, to, "tree");
    struct ate_txn *t = world_begin_as(&w, 2);
    ok(ate_put_as(t, note, tree, "new", NOTE("new", 7), &id));
    commit(t);
    t = world_begin(&w);
    assert_int_equal(note_named(t, tree, "new"), 7);
    expect(ate_require_no_child(t, tree, ate__text_bytes("n100")), ATE_EXISTS);
    ok(ate_put_as(t, note, tree, "n100", NOTE("again", 100), &id)); /* no second one */
    assert_true(ate__id_equal(&id, &many[100]));
    commit(t);
    t = world_begin_as(&w, 2);
    assert_int_equal(note_named(t, tree, "n100"), 100);
    ate_txn_end(t);
    t = world_begin_as(&w, 1);
    expect((int)-note_at(t, many[100]), ATE_NO_KEY);
    ate_txn_end(t);
    assert_int_equal(reseal(0, tree).resealed, MANY - 1);
}

/* To where everyone reads, and from there to where some do. */
static void opened_and_closed(void **state)
{
    (void)state;
    struct ate_hash write[WORLD_SESSIONS];
    struct ate_rules open = {.read.who = ATE_EVERYONE, .write = readers(7, write)};
    struct ate_id hall;
    struct ate_txn *t = world_begin(&w);
    ok(ate_put_as(t, note, ate_top, "hall", NOTE("hall", 1), &hall));
    ok(ate_protect(t, hall, &open));
    commit(t);
    move_only(0, tree, hall, "tree");
    assert_int_equal(readable(1, MANY), MANY);
    expect_names(1, MANY);
    assert_int_equal(reseal(1, tree).resealed, MANY);
    expect_names_of(w.none, MANY);
    move_only(0, tree, to, "tree");
    expect_names(1, MANY);
    assert_int_equal(reseal(0, tree).resealed, MANY);
    assert_int_equal(readable(2, MANY), MANY);
    assert_int_equal(readable(1, MANY), 0);
    expect_names(2, MANY);
}

/* ---- rights ---- */

static void who_may(void **state)
{
    (void)state;
    struct ate_hash read[WORLD_SESSIONS], write[WORLD_SESSIONS], admin[WORLD_SESSIONS];
    struct ate_rules rules = {
        .read = readers(7, read), .write = readers(7, write), .admin = readers(1, admin)};
    struct ate_txn *t = world_begin(&w);
    ok(ate_protect(t, from, &rules));
    ok(ate_protect(t, to, &rules));
    commit(t);
    t = world_begin_as(&w, 1); /* who writes, and does not administer */
    ok(ate_move_only(t, tree, to, "tree"));
    expect(ate_txn_commit(t, NULL), ATE_DENIED);
    ate_txn_cancel(t);
    ok(ate_move(t, many[10], to, "some")); /* what fits */
    ok(ate_move_only(t, many[MANY - 1], to, "leaf")); /* nothing lies below it */
    commit(t);
    assert_int_equal(readable(2, MANY), MANY);
    t = world_begin(&w);
    assert_int_equal(note_named(t, many[10], "n11"), 11);
    ate_txn_end(t);
}

static int lie(unsigned session, struct ate_id id, const struct ate_id *ids, size_t count)
{
    struct ate_txn *t = world_begin_as(&w, session);
    struct ate__change *c;
    ok(ate__txn_write(t));
    ok(ate__txn_touch(t, &id, &c));
    ok(ate__txn_came_from(c, ate__bytes(ids, count * sizeof *ids)));
    int rc = ate_txn_commit(t, NULL);
    ate_txn_end(t);
    return rc;
}

/* Who administers a subtree names a scope that it never lay in and that he does not read, beside as
 * many as there may be that do not exist. */
static void a_lie_about_where_it_came_from(void **state)
{
    (void)state;
    enum { IDS = ATE__CAME_FROM_MAX };
    struct ate_hash read[WORLD_SESSIONS], admin[WORLD_SESSIONS];
    struct ate_rules rules = {.read = readers(7, read), .admin = readers(2, admin)};
    struct ate_id ids[IDS + 1] = {0}, id, foreign = make_folder("foreign", 5);
    struct ate_txn *t = world_begin(&w);
    ok(ate_put_as(t, note, foreign, "secret", NOTE("secret", 9), &id));
    ok(ate_protect(t, to, &rules)); /* session 1 administers that, and 2 does not */
    ok(ate_put_as(t, note, to, "there", NOTE("there", 8), &many[0]));
    commit(t);
    for (unsigned i = 0; i < IDS + 1; i++)
        ids[i].b[15] = (uint8_t)(i + 1);
    expect(lie(1, to, ids, IDS + 1), ATE_TOO_BIG);
    ids[IDS - 1] = foreign;
    expect(lie(2, to, ids, IDS), ATE_DENIED);
    ok(lie(1, to, ids, IDS));
    assert_int_equal(came_from(to), IDS);
    world_reopen(&w);
    for (unsigned s = 0; s < WORLD_SESSIONS; s++) {
        t = world_begin_as(&w, s);
        assert_int_equal(note_named(t, to, "there"), 8);
        assert_int_equal(-note_named(t, to, "secret"), ATE_NOT_FOUND);
        assert_int_equal(note_at(t, id), s == 1 ? -ATE_NO_KEY : 9);
        assert_int_equal(note_named(t, foreign, "secret"), s == 1 ? -ATE_NO_KEY : 9);
        ate_txn_end(t);
    }
    assert_int_equal(reseal(2, to).left, 1); /* who reads there, and may not take it back */
    assert_int_equal(came_from(to), IDS);
    assert_int_equal(reseal(1, to).left, 0); /* he need not read what it names */
    assert_int_equal(came_from(to), 0);
}

/* Who does not read all that lies there cannot tell, and lets it be. */
static void a_lie_above_what_one_does_not_read(void **state)
{
    (void)state;
    struct ate_hash read[WORLD_SESSIONS];
    struct ate_rules rules = {.read = readers(4, read)};
    struct ate_id inner;
    struct ate_txn *t = world_begin_as(&w, 2);
    ok(ate_put_as(t, note, to, "inner", NOTE("inner", 1), &inner));
    ok(ate_protect(t, inner, &rules));
    ok(ate_put_as(t, note, inner, "there", NOTE("there", 8), &many[0]));
    commit(t);
    ok(lie(1, to, &from, 1));
    assert_int_equal(reseal(0, to).left, 0);
    assert_int_equal(came_from(to), 1);
    assert_int_equal(reseal(2, to).left, 0);
    assert_int_equal(came_from(to), 0);
}

/* Lies at every level: what a name costs below them has a limit, nothing is looked at twice for
 * the next of them, and what is there is found all the same. */
struct counting {
    struct ate__facts facts;
    const struct ate__facts *of;
    size_t objects;
};
static int count_object(const struct ate__facts *f, const struct ate_id *id,
                        struct ate__object_facts *ret)
{
    struct counting *c = (struct counting *)(uintptr_t)f;
    c->objects++;
    return c->of->v->object(c->of, id, ret);
}

static void lies_at_every_level(void **state)
{
    (void)state;
    enum { LEVELS = 300, IDS = ATE__CAME_FROM_MAX };
    static const struct ate__facts_vtable counted = {.object = count_object};
    struct ate__key32 key;
    struct ate_id ids[IDS], at = to, first = {{0}};
    for (unsigned i = 0; i < IDS; i++)
        ids[i].b[0] = 1, memset(ids[i].b + 1, (int)i, sizeof ids[i].b - 1);
    for (unsigned level = 0; level < LEVELS; level++) {
        struct ate_txn *t = world_begin(&w);
        struct ate__change *c;
        ok(ate_put_as(t, note, at, "below", NOTE("x", level), &at));
        ok(ate__txn_touch(t, &at, &c));
        ok(ate__txn_came_from(c, ate__bytes(ids, sizeof ids)));
        commit(t);
        first = level ? first : at;
    }
    struct ate_txn *t = world_begin(&w);
    ok(ate__txn_read(t));
    for (unsigned deep = 0; deep < 2; deep++) {
        struct counting c = {{&counted}, t->dio->pipe->v->facts(t->snapshot), 0};
        struct ate__way_back way = {.at = deep ? at : first};
        bool missed = false;
        expect(ate__name_key_before(&t->dio->seal, t->session, &c.facts, &way, &missed, &key),
               ATE_END);
        assert_true(missed);
        if (deep) /* each id: the object that names it, and itself */
            assert_in_range(c.objects, 1000, 2 * ATE__WAY_BACK_MAX / IDS);
        else
            assert_in_range(c.objects, 2 * IDS, 2 * IDS + 8);
    }
    assert_int_equal(note_named(t, first, "below"), 1);
    assert_int_equal(-note_named(t, at, "nothing"), ATE_NOT_FOUND);
    ate_txn_end(t);
}

/* ---- above what was not sealed anew ---- */

/* A scope of its own whose bodies still are those of the scope above it is moved, by itself or with
 * what it lies in. */
static void above_what_is_due(void **state)
{
    (void)state;
    for (unsigned how = 0; how < 4; how++) {
        struct ate_hash read[WORLD_SESSIONS], write[WORLD_SESSIONS];
        struct ate_rules own = {.read = readers(how & 1 ? 5 : 3, read), .write = readers(7, write)};
        struct ate_id shelf;
        tear_down(NULL);
        world_init(&w, false);
        from = make_folder("from", 3);
        to = make_folder("to", 5);
        struct ate_txn *t = world_begin(&w);
        ok(ate_put_as(t, note, from, "shelf", NOTE("shelf", 3), &shelf));
        ok(ate_put_as(t, note, shelf, "tree", NOTE("tree", 2), &tree));
        for (unsigned i = 0; i < 100; i++) {
            char name[16];
            snprintf(name, sizeof name, "n%u", i);
            ok(ate_put_as(t, note, parent_of(i), name, NOTE("x", i), &many[i]));
        }
        ok(ate_txn_commit(t, NULL));
        ok(ate_protect_only(t, tree, &own));
        ok(ate_txn_commit(t, NULL));
        if (how & 2)
            ok(ate_move(t, shelf, to, "shelf"));
        else
            ok(ate_move(t, tree, to, "tree"));
        commit(t);
        assert_int_equal(readable(0, 100), 100);
        assert_int_equal(readable(1, 100), 100);
        expect_names(0, 100);
        assert_int_equal(reseal(0, how & 2 ? shelf : tree).left, 0);
        assert_int_equal(came_from(tree) + came_from(shelf), 0);
        assert_int_equal(readable(0, 100), 100);
        assert_int_equal(readable(1, 100), how & 1 ? 0 : 100);
        assert_int_equal(readable(2, 100), how & 1 ? 100 : 0);
        expect_names(how & 1 ? 2 : 1, 100);
    }
}

/* What is sealed for its own scope moves as it is: one body, and no right more. */
static void a_clean_scope(void **state)
{
    (void)state;
    struct ate_hash read[WORLD_SESSIONS], write[WORLD_SESSIONS], admin[WORLD_SESSIONS];
    struct ate_rules own = {
        .read = readers(3, read), .write = readers(7, write), .admin = readers(1, admin)};
    struct ate_id id;
    struct ate_txn *t = world_begin(&w);
    ok(ate_put_as(t, note, from, "own", NOTE("own", 1), &id));
    ok(ate_protect(t, id, &own));
    for (unsigned i = 0; i < 5; i++)
        ok(ate_push(t, note, id, NOTE("x", 100 + i), &many[i]));
    commit(t);
    for (unsigned only = 0; only < 2; only++) {
        t = world_begin_as(&w, only ? 0 : 1);
        ok(only ? ate_move_only(t, id, from, "own") : ate_move(t, id, many[DEEP], "own"));
        commit(t);
        t = world_begin_as(&w, 1);
        for (unsigned i = 0; i < 5; i++)
            assert_int_equal(note_at(t, many[i]), 100 + i);
        ate_txn_end(t);
        assert_int_equal(came_from(id), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        CASE(too_big_for_one),
        CASE(broken_off),
        CASE(what_it_came_from_goes),
        CASE(moved_on),
        CASE(written_meanwhile),
        CASE(opened_and_closed),
        CASE(who_may),
        CASE(above_what_is_due),
        CASE(a_clean_scope),
        CASE(a_lie_about_where_it_came_from),
        CASE(a_lie_above_what_one_does_not_read),
        CASE(lies_at_every_level),
#undef CASE
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
