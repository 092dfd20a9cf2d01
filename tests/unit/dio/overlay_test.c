/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * What a transaction sees: random transactions of two sessions against a model that keeps plain
 * copies; names, moves, deletions with trees, rules, reads of own writes, commit, cancel, conflict;
 * in memory, and on a disk with the chain reopened now and then.
 *
 * Sessions 0 and 1 are readers and writers of the folder "ours", session 0 alone of all else. What
 * the other one may not see gives NO_KEY, by id and by name, and in no list.
 */
#include "lib/rnd.h"
#include "world.h"

enum { OBJECTS = 160, NAMES = 9, STEPS = 320 };

struct object {
    struct ate_id id;
    bool live;
    int parent; /* index; -1: the top */
    int name;   /* 0: none */
    int64_t n;
    bool shared; /* below "ours" */
    bool open;   /* ATE_PUBLIC */
};
struct state {
    struct object object[OBJECTS];
    int count;
};
struct actor {
    unsigned session;
    struct ate_txn *t;
    struct state base, now; /* as it read; with its own changes */
    uint64_t version;       /* of the committed state that it read */
    bool touched[OBJECTS];  /* changed by it */
    bool erased[OBJECTS];   /* by name, not with something above it */
    unsigned changes;
};
struct model {
    struct world w;
    struct rnd r;
    struct state committed;
    uint64_t version, changed_at[OBJECTS]; /* version in which each changed last */
    struct actor actor[2];
    int64_t next_n;
    unsigned commits, conflicts;
};
static struct model m;

static const char *name_of(int name, char text[16])
{
    snprintf(text, 16, "name-%d", name);
    return name ? text : NULL;
}

static struct ate_id id_at(const struct state *s, int object)
{
    return object < 0 ? ate_top : s->object[object].id;
}

static bool may(const struct actor *a, const struct object *o)
{
    return a->session == 0 || o->shared || o->open;
}

/* ---- the model's answers ---- */

static int child_named(const struct state *s, int parent, int name)
{
    for (int i = 0; i < s->count; i++)
        if (s->object[i].live && s->object[i].parent == parent && s->object[i].name == name)
            return i;
    return -1;
}

static bool is_below(const struct state *s, int object, int above)
{
    while (object >= 0 && object != above)
        object = s->object[object].parent;
    return object == above;
}

static void check_object(const struct actor *a, int i)
{
    const struct object *o = &a->now.object[i];
    int64_t want = !o->live ? -ATE_NOT_FOUND : !may(a, o) ? -ATE_NO_KEY : o->n;
    int64_t got = note_at(a->t, o->id);
    if (got != want)
        fail_msg("session %u, object %d: %lld instead of %lld: %s", a->session, i, (long long)got,
                 (long long)want, ate__error_text());
    int rc = ate_exists(a->t, o->id);
    assert_int_equal(rc, o->live ? 0 : ATE_NOT_FOUND);
}

static bool knows_names(const struct actor *a, int parent)
{
    return a->session == 0 || (parent >= 0 && a->now.object[parent].shared);
}

static void check_names(const struct actor *a, int parent)
{
    char text[16];
    if (parent >= 0 && !a->now.object[parent].live)
        return;
    for (int name = 1; name < NAMES; name++) {
        int i = child_named(&a->now, parent, name);
        bool known = i >= 0 && (a->now.object[i].open || a->touched[i]);
        int64_t want = i < 0 ? -ATE_NOT_FOUND : a->now.object[i].n;
        if (!knows_names(a, parent) && !known)
            want = -ATE_NO_KEY;
        int64_t got = note_named(a->t, id_at(&a->now, parent), name_of(name, text));
        if (got != want)
            fail_msg("session %u, %s below %d: %lld instead of %lld: %s", a->session, text, parent,
                     (long long)got, (long long)want, ate__error_text());
    }
}

static void check_list(const struct actor *a, int parent)
{
    struct ate_cursor *c;
    struct ate_object o;
    bool seen[OBJECTS] = {false};
    int rc;
    if (parent >= 0 && !a->now.object[parent].live)
        return;
    ok(ate_children(a->t, id_at(&a->now, parent), &c));
    while (!(rc = ate_next_raw(c, ATE_NO_PAYLOAD, &o))) {
        int i = 0;
        while (i < a->now.count && !ate__id_equal(&a->now.object[i].id, &o.id))
            i++;
        assert_true(i < a->now.count);
        assert_false(seen[i]);
        seen[i] = true;
        assert_true(a->now.object[i].live && a->now.object[i].parent == parent);
        assert_int_equal(o.readable, may(a, &a->now.object[i]));
        char text[16];
        const char *name = name_of(a->now.object[i].name, text);
        if (o.readable) {
            assert_int_equal(o.name.size, name ? strlen(name) : 0);
            assert_true(!name || !memcmp(o.name.data, name, o.name.size));
        } else {
            assert_int_equal(o.name.size, 0);
            assert_null(o.type);
        }
    }
    expect(rc, ATE_END);
    ate_cursor_end(c);
    for (int i = 0; i < a->now.count; i++)
        if (a->now.object[i].live && a->now.object[i].parent == parent)
            assert_true(seen[i]);
}

static void check_all(const struct actor *a)
{
    for (int i = 0; i < a->now.count; i++) {
        check_object(a, i);
        check_list(a, i);
    }
    check_list(a, -1);
    for (int i = -1; i < a->now.count; i += 1 + (int)rnd_below(&m.r, 9))
        check_names(a, i);
}

/* ---- what an actor does ---- */

static void commit(struct actor *a);

static void begin(struct actor *a)
{
    a->t = world_begin_as(&m.w, a->session);
    ate_txn_base(a->t); /* fixes the view */
    a->base = a->now = m.committed;
    a->version = m.version;
    a->changes = 0;
    memset(a->touched, 0, sizeof a->touched);
    memset(a->erased, 0, sizeof a->erased);
}

static int pick_live(const struct actor *a)
{
    for (unsigned tries = 0; tries < 20; tries++) {
        int i = (int)rnd_below(&m.r, (uint64_t)a->now.count);
        if (a->now.object[i].live && (a->session == 0 || a->now.object[i].shared))
            return i;
    }
    return -1;
}

static int pick_parent(const struct actor *a)
{
    int i = pick_live(a);
    if (a->session == 1)
        return i;
    return rnd_below(&m.r, 3) ? i : -1;
}

static void touch(struct actor *a, int i)
{
    a->touched[i] = true;
    a->changes++;
}

static bool shared_at(const struct actor *a, int parent)
{
    return parent >= 0 && a->now.object[parent].shared;
}

static void create(struct actor *a)
{
    char text[16];
    int parent = pick_parent(a), name = (int)rnd_below(&m.r, NAMES);
    if (a->now.count == OBJECTS || m.committed.count > OBJECTS - 4 ||
        (a->session == 1 && parent < 0))
        return;
    /* Objects of both have their places in one array: the other one's are dead here. */
    int i = m.committed.count > a->now.count ? m.committed.count : a->now.count;
    for (unsigned n = 0; n < 2; n++)
        if (m.actor[n].now.count > i)
            i = m.actor[n].now.count;
    if (i >= OBJECTS)
        return;
    struct object o = {.live = true,
                       .parent = parent,
                       .name = name,
                       .n = ++m.next_n,
                       .shared = shared_at(a, parent)};
    struct ate_object raw = {.type = "note", .parent = id_at(&a->now, parent)};
    struct ate_id id;
    if (name && child_named(&a->now, parent, name) >= 0)
        return;
    if (name) {
        ok(ate_put_as(a->t, note, raw.parent, name_of(name, text), NOTE("x", o.n), &id));
    } else {
        ok(ate_push(a->t, note, raw.parent, NOTE("x", o.n), &id));
    }
    o.id = id;
    for (int n = a->now.count; n < i; n++)
        a->now.object[n] = (struct object){.id = {{0xff, (uint8_t)n, 1}}, .parent = -1};
    a->now.object[i] = o;
    a->now.count = i + 1;
    touch(a, i);
}

static void update(struct actor *a)
{
    int i = pick_live(a);
    char text[16];
    if (i < 0)
        return;
    struct object *o = &a->now.object[i];
    o->n = ++m.next_n;
    if (o->name && knows_names(a, o->parent) && rnd_below(&m.r, 2))
        ok(ate_put_as(a->t, note, id_at(&a->now, o->parent), name_of(o->name, text),
                      NOTE("x", o->n), NULL));
    else
        ok(ate_put(a->t, note, o->id, NOTE("x", o->n)));
    touch(a, i);
}

static void move(struct actor *a)
{
    int i = pick_live(a), parent = pick_parent(a), name = (int)rnd_below(&m.r, NAMES);
    char text[16];
    if (i <= 0 || (a->session == 1 && parent < 0)) /* 0 is "ours" itself */
        return;
    struct object *o = &a->now.object[i];
    /* What comes into another scope is sealed anew as far as the session sees it: so it looks at
     * the newest state, and commits at once. */
    bool other_scope = o->shared != shared_at(a, parent);
    if (other_scope && (a->session == 1 || a->version != m.version || a->changes))
        return;
    int rc = ate_move(a->t, o->id, id_at(&a->now, parent), name_of(name, text));
    int holder = name ? child_named(&a->now, parent, name) : -1;
    if (is_below(&a->now, parent, i)) {
        expect(rc, ATE_MISUSE);
        return;
    }
    if (holder >= 0 && holder != i) {
        expect(rc, ATE_EXISTS);
        return;
    }
    ok(rc);
    bool shared = shared_at(a, parent);
    for (int n = 0; n < a->now.count; n++)
        if (a->now.object[n].live && is_below(&a->now, n, i)) {
            if (a->now.object[n].shared != shared)
                touch(a, n);
            a->now.object[n].shared = shared;
        }
    o->parent = parent;
    o->name = name;
    touch(a, i);
    if (other_scope)
        commit(a);
}

static void erase(struct actor *a)
{
    int i = pick_live(a);
    bool tree = rnd_below(&m.r, 3) == 0, has_children = false;
    if (i <= 0)
        return;
    for (int n = 0; n < a->now.count; n++)
        has_children |= a->now.object[n].live && a->now.object[n].parent == i;
    int rc = ate_delete(a->t, a->now.object[i].id, tree ? ATE_TREE : 0);
    if (has_children && !tree) {
        expect(rc, ATE_CONFLICT);
        return;
    }
    ok(rc);
    for (int n = a->now.count; n-- > 0;)
        if (n != i && a->now.object[n].live && is_below(&a->now, n, i)) {
            a->now.object[n].live = false;
            a->touched[n] = true;
        }
    for (int n = 0; n < a->now.count; n++)
        if (a->touched[n] && !a->now.object[n].live)
            a->now.object[n].parent = -1;
    a->now.object[i].live = false;
    a->erased[i] = true;
    touch(a, i);
}

/* ---- committing ---- */

/* Some object that it changed was changed by the other one since. Where names and places of what it
 * did not touch decide, the chain knows better: such conflicts are only allowed, not foreseen. */
static bool must_conflict(const struct actor *a)
{
    for (int i = 0; i < a->base.count; i++)
        if (a->base.object[i].live && m.changed_at[i] > a->version &&
            (a->erased[i] || (a->touched[i] && a->now.object[i].live)))
            return true;
    return false;
}

static bool nobody_else_came(const struct actor *a)
{
    return m.version == a->version;
}

static void take_over(struct actor *a)
{
    for (int i = m.committed.count; i < a->now.count; i++)
        m.committed.object[i] = (struct object){.id = {{0xff, (uint8_t)i, 1}}, .parent = -1};
    if (a->now.count > m.committed.count)
        m.committed.count = a->now.count;
    m.version++;
    for (int i = 0; i < a->now.count; i++)
        if (a->touched[i]) {
            m.committed.object[i] = a->now.object[i];
            m.changed_at[i] = m.version;
        }
    for (bool more = true; more;) { /* a deleted tree takes along what came into it meanwhile */
        more = false;
        for (int i = 0; i < m.committed.count; i++) {
            struct object *o = &m.committed.object[i];
            if (!o->live || o->parent < 0 || m.committed.object[o->parent].live)
                continue;
            o->live = false;
            m.changed_at[i] = m.version;
            more = true;
        }
    }
}

static void commit(struct actor *a)
{
    bool foreseen = must_conflict(a), alone = nobody_else_came(a);
    int rc = ate_txn_commit(a->t, NULL);
    /* STALE_KEY: what it was sealed for is another scope now. */
    if (rc && rc != ATE_CONFLICT && rc != ATE_STALE_KEY)
        fail_msg("commit: %s: %s", ate__result_name(rc), ate__error_text());
    if (alone && rc)
        fail_msg("a conflict with nobody: %s", ate__error_text());
    if (foreseen && a->changes)
        assert_int_not_equal(rc, 0);
    m.commits += !rc;
    m.conflicts += rc != 0;
    if (!rc && a->changes)
        take_over(a);
    ate_txn_end(a->t);
    begin(a);
    check_all(a);
}

static void cancel(struct actor *a)
{
    ate_txn_cancel(a->t);
    a->now = a->base;
    a->changes = 0;
    memset(a->touched, 0, sizeof a->touched);
    memset(a->erased, 0, sizeof a->erased);
}

static void step(struct actor *a)
{
    switch (rnd_below(&m.r, 16)) {
    case 0: commit(a); break;
    case 1: cancel(a); break;
    case 2: check_all(a); break;
    case 3:
    case 4: erase(a); break;
    case 5:
    case 6:
    case 7: move(a); break;
    case 8:
    case 9:
    case 10: update(a); break;
    default: create(a);
    }
    int i = (int)rnd_below(&m.r, (uint64_t)a->now.count);
    check_object(a, i);
    check_list(a, i);
    check_names(a, i);
}

static void set_up(uint64_t seed, bool memory)
{
    struct ate_id id;
    memset(&m, 0, sizeof m);
    world_init(&m.w, memory);
    m.r = rnd_of(seed);
    struct ate_txn *t = world_begin(&m.w);
    struct ate_rules rules = {.read = world_rule(&m.w, 3), .write = world_rule(&m.w, 3)};
    ok(ate_put_as(t, note, ate_top, "name-1", NOTE("ours", 0), &id));
    ok(ate_protect(t, id, &rules));
    ok(ate_txn_commit(t, NULL));
    ate_txn_end(t);
    m.committed.object[0] =
        (struct object){.id = id, .live = true, .parent = -1, .name = 1, .shared = true};
    m.committed.count = 1;
    for (unsigned i = 0; i < 2; i++) {
        m.actor[i].session = i;
        begin(&m.actor[i]);
    }
}

static void run(uint64_t seed, bool memory)
{
    set_up(seed, memory);
    for (unsigned i = 0; i < STEPS; i++) {
        step(&m.actor[rnd_below(&m.r, 3) == 0]);
        if (memory || i % 90 != 89)
            continue;
        for (unsigned n = 0; n < 2; n++)
            ate_txn_end(m.actor[n].t);
        world_reopen(&m.w);
        for (unsigned n = 0; n < 2; n++) {
            begin(&m.actor[n]);
            check_all(&m.actor[n]);
        }
    }
    for (unsigned n = 0; n < 2; n++)
        ate_txn_end(m.actor[n].t);
    world_deinit(&m.w);
}

static void against_a_model(void **state)
{
    (void)state;
    unsigned commits = 0, conflicts = 0;
    uint64_t seed = rnd_seed(1);
    for (uint64_t i = 0; i < 14; i++) {
        run(seed + i, i % 2);
        commits += m.commits;
        conflicts += m.conflicts;
    }
    print_message("%u commits, %u conflicts\n", commits, conflicts);
    assert_true(commits > 40 && conflicts > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(against_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
