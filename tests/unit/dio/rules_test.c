/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Rules as an object has them, and what follows from rules: held against a model.
 */
#include "lib/rnd.h"
#include "world.h"

static struct world w;

static int begin(void **state)
{
    (void)state;
    world_init(&w, true);
    return 0;
}

static int end(void **state)
{
    (void)state;
    world_deinit(&w);
    return 0;
}

static void assert_rule(const struct ate_rule *rule, enum ate_who who, size_t keys)
{
    assert_int_equal(rule->who, who);
    assert_int_equal(rule->key_count, keys);
}

static void what_an_object_sets_itself(void **state)
{
    (void)state;
    struct ate_txn *t = world_begin(&w);
    struct ate_rules own;
    struct ate_id id;
    ok(ate_store(t, note, NOTE("x", 1), &id));
    ok(ate_own_rules(t, id, &own));
    assert_rule(&own.read, ATE_INHERIT, 0);
    assert_rule(&own.admin, ATE_INHERIT, 0);
    ok(ate_txn_commit(t, NULL));

    struct ate_rules rules = {.write = world_rule(&w, 3), .append.who = ATE_EVERYONE};
    ok(ate_protect(t, id, &rules));
    ok(ate_own_rules(t, id, &own)); /* those that wait */
    assert_rule(&own.write, ATE_KEYS, 2);
    ok(ate_txn_commit(t, NULL));
    ok(ate_own_rules(t, id, &own));
    assert_rule(&own.read, ATE_INHERIT, 0);
    assert_rule(&own.write, ATE_KEYS, 2);
    assert_rule(&own.append, ATE_EVERYONE, 0);
    assert_rule(&own.admin, ATE_INHERIT, 0);

    ok(ate_own_rules(t, ate_top, &own)); /* made private to its owner when it was created */
    assert_rule(&own.read, ATE_KEYS, 1);
    struct ate_hash owner = world_key(&w, 0);
    assert_memory_equal(own.read.keys, &owner, sizeof owner);
    expect(ate_own_rules(t, (struct ate_id){{9}}, &own), ATE_NOT_FOUND);
    ate_txn_end(t);
}

/* ---- rules by chance ----
 *
 * The shortest model of docs/format/trust.md, sections 5 and 6, that there is: a row of objects,
 * each with a parent and four rules; all is found out again for each question. What sessions do to
 * the chain is done to it, too, and both have to say the same.
 */

enum { OBJECTS_MAX = 80, RIGHTS = 4, ACTORS = WORLD_SESSIONS + 1, NONE = WORLD_SESSIONS };
enum { READ, WRITE, APPEND, ADMIN };
enum { HISTORIES = 40, LENGTH = 250, DEPTH_MAX = 12 };

struct model_rule {
    enum ate_who who;
    unsigned keys; /* a bit a session */
};
struct model_object {
    struct ate_id id;
    unsigned parent; /* the top: 0, which is its own */
    bool live;
    struct model_rule rule[RIGHTS];
    unsigned drew; /* who set who reads it: he drew the key of that epoch, and may have kept it */
    /* Who could read the present body at some time since it was written; whether the rules are
     * still those for which it was sealed, or readers came or went since. */
    unsigned could;
    bool sealed_for_them;
    bool named; /* it has a name key: who reads it was some keys once */
    bool came;  /* it was moved with what lies below it, and may say where it came from */
    int64_t n;
};
struct model {
    struct world *w;
    struct rnd *rnd;
    struct model_object o[OBJECTS_MAX];
    unsigned count, revoked;
    unsigned done[3]; /* accepted, DENIED, others */
    unsigned partial[2]; /* moves by who may not do all that they could take: done, refused */
};

static unsigned below(struct model *m, unsigned bound)
{
    return (unsigned)rnd_below(m->rnd, bound);
}

static const struct model_rule *in_force(const struct model *m, unsigned at, unsigned right,
                                         unsigned *ret_from)
{
    static const struct model_rule all = {ATE_EVERYONE, 0}, root = {ATE_KEYS, 1};
    for (;; at = m->o[at].parent) {
        const struct model_rule *own = &m->o[at].rule[right];
        if (own->who == ATE_INHERIT && right >= APPEND)
            own = &m->o[at].rule[WRITE];
        if (ret_from)
            *ret_from = at;
        if (own->who != ATE_INHERIT)
            return own;
        if (!at)
            return right == READ ? &all : &root;
    }
}

static bool may(const struct model *m, unsigned at, unsigned right, unsigned actor)
{
    const struct model_rule *r = in_force(m, at, right, NULL);
    return r->who == ATE_EVERYONE ||
           (r->who == ATE_KEYS && actor != NONE && (r->keys & ~m->revoked) >> actor & 1);
}

/* Write on it or on any object above. */
static bool may_delete(const struct model *m, unsigned at, unsigned actor)
{
    for (; at; at = m->o[at].parent)
        if (may(m, at, WRITE, actor))
            return true;
    return may(m, 0, WRITE, actor);
}

static bool lies_in(const struct model *m, unsigned at, unsigned above)
{
    for (; at != above; at = m->o[at].parent)
        if (!at)
            return false;
    return true;
}

static unsigned depth_of(const struct model *m, unsigned at)
{
    unsigned depth = 0;
    for (; at; at = m->o[at].parent)
        depth++;
    return depth;
}

static unsigned readers(const struct model *m, unsigned at)
{
    const struct model_rule *r = in_force(m, at, READ, NULL);
    return r->who == ATE_EVERYONE ? ~0u : r->keys;
}

static unsigned could_read(const struct model *m, unsigned at)
{
    unsigned scope;
    (void)in_force(m, at, READ, &scope);
    return readers(m, at) | m->o[scope].drew;
}

/* Behind each change of rules or places: who may read it now could, if he kept what he had; and of
 * what is still sealed for another scope anybody whom that one lets in. */
static void note_readers(struct model *m)
{
    for (unsigned i = 1; i < m->count; i++)
        m->o[i].could |= m->o[i].sealed_for_them ? could_read(m, i) : ~0u;
}

/* Who writes knows what he wrote, whether or not he may read it. */
static void note_body(struct model *m, unsigned at, unsigned writer, int64_t n)
{
    m->o[at].could = could_read(m, at) | 1u << writer;
    m->o[at].sealed_for_them = true;
    m->o[at].n = n;
}

/* ---- both ---- */

static struct ate_txn *begin_as(struct model *m, unsigned actor)
{
    struct ate_txn *t;
    struct ate_session *s = actor == NONE ? m->w->none : m->w->session[actor];
    ok(ate__txn_begin(m->w->dio, s, 0, &t));
    return t;
}

static bool surely_reads(const struct model *m, unsigned at, unsigned actor)
{
    return m->o[at].sealed_for_them && !(m->revoked >> actor & 1) && readers(m, at) >> actor & 1;
}

/* The call or the commit of it; `expected`: by the model. Who does not read what he changes may be
 * told so instead. Gives whether it is done. */
static bool ends(struct model *m, struct ate_txn *t, int rc, int expected, bool reads,
                 const char *what, int line)
{
    if (!rc)
        rc = ate_txn_commit(t, NULL);
    if (rc != expected && !(rc == ATE_NO_KEY && !reads))
        fail_msg("line %d: %s: %s instead of %s: %s", line, what, ate__result_name(rc),
                 ate__result_name(expected), rc ? ate__error_text() : "");
    ate_txn_end(t);
    m->done[rc == 0 ? 0 : rc == ATE_DENIED ? 1 : 2]++;
    return !rc;
}
#define ENDS(rc, expected, reads) ends(m, t, rc, expected, reads, __func__, __LINE__)

static unsigned pick_live(struct model *m)
{
    unsigned at = below(m, m->count);
    while (!m->o[at].live)
        at = at ? at - 1 : m->count - 1;
    return at;
}

static void random_rules(struct model *m, struct model_rule rule[RIGHTS])
{
    for (unsigned i = 0; i < RIGHTS; i++) {
        unsigned what = below(m, 8);
        rule[i] = (struct model_rule){.who = what < 4    ? ATE_INHERIT
                                             : what == 4 ? ATE_EVERYONE
                                             : what == 5 ? ATE_NOBODY
                                                         : ATE_KEYS};
        if (i == READ && rule[i].who == ATE_NOBODY)
            rule[i].who = ATE_INHERIT;
        if (rule[i].who == ATE_KEYS)
            rule[i].keys = 1 + below(m, (1 << WORLD_SESSIONS) - 1);
        if (i == READ && rule[i].who == ATE_KEYS) { /* one that ended is not let in */
            rule[i].keys &= ~m->revoked;
            rule[i].keys |= !rule[i].keys;
        }
    }
}

static void as_rules(struct model *m, const struct model_rule rule[RIGHTS],
                     struct ate_hash keys[RIGHTS][WORLD_SESSIONS], struct ate_rules *ret_rules)
{
    struct ate_rule *each[RIGHTS] = {&ret_rules->read, &ret_rules->write, &ret_rules->append,
                                     &ret_rules->admin};
    for (unsigned i = 0; i < RIGHTS; i++) {
        *each[i] = (struct ate_rule){.who = rule[i].who, .keys = keys[i]};
        for (unsigned s = 0; s < WORLD_SESSIONS; s++)
            if (rule[i].keys >> s & 1)
                keys[i][each[i]->key_count++] = world_key(m->w, s);
        if (rule[i].who != ATE_KEYS)
            each[i]->keys = NULL;
    }
}

/* ---- what is done ---- */

static void create(struct model *m, unsigned actor)
{
    unsigned parent = pick_live(m);
    if (m->count == OBJECTS_MAX || depth_of(m, parent) == DEPTH_MAX)
        return;
    struct ate_txn *t = begin_as(m, actor);
    struct model_object *o = &m->o[m->count];
    int64_t n = below(m, 1000);
    int rc = ate_push(t, note, m->o[parent].id, NOTE("x", n), &o->id);
    /* A scope whose rules are not inherited is opened by its readers, and sealed to by all. */
    if (!ENDS(rc, may(m, parent, APPEND, actor) ? 0 : ATE_DENIED, readers(m, parent) >> actor & 1))
        return;
    *o = (struct model_object){.id = o->id, .parent = parent, .live = true};
    m->count++;
    note_body(m, m->count - 1, actor, n);
}

static void change(struct model *m, unsigned actor)
{
    unsigned at = pick_live(m);
    int64_t n = below(m, 1000);
    if (!at)
        return;
    struct ate_txn *t = begin_as(m, actor);
    int rc = ate_put(t, note, m->o[at].id, NOTE("y", n));
    if (ENDS(rc, may(m, at, WRITE, actor) ? 0 : ATE_DENIED, surely_reads(m, at, actor)))
        note_body(m, at, actor, n);
}

/* ---- moves ---- */

struct moving {
    unsigned at, parent;
    bool moves;   /* it has another parent by then */
    bool full;    /* who moves it may write all of it, and administers it */
    bool reads;   /* and surely reads all of it */
    uint64_t sequence[OBJECTS_MAX]; /* of what he may not write */
};

static unsigned namer_of(const struct model *m, unsigned at)
{
    while (at && !m->o[at].named)
        at = m->o[at].parent;
    return at;
}

static uint64_t sequence_of(struct model *m, unsigned at)
{
    struct ate_object o;
    struct ate_txn *t = begin_as(m, 0);
    ok(ate_load_raw(t, m->o[at].id, ATE_NO_PAYLOAD, &o));
    ate_txn_end(t);
    return o.sequence;
}

/* Nothing that the object takes along has to be sealed anew, nor to say where it came from. */
static bool moves_as_it_is(const struct model *m, const struct moving *v)
{
    unsigned now, then, from = m->o[v->at].parent;
    (void)in_force(m, from, READ, &now);
    (void)in_force(m, v->parent, READ, &then);
    bool same = now == then && namer_of(m, from) == namer_of(m, v->parent);
    if (!same && m->o[v->at].rule[READ].who != ATE_KEYS)
        return false;
    for (unsigned i = 1; i < m->count; i++) {
        const struct model_object *o = &m->o[i];
        if (!o->live || !lies_in(m, i, v->at))
            continue;
        bool names_on = o->named && o->rule[READ].who != ATE_KEYS;
        if (names_on || o->came || (i != v->at && !o->sealed_for_them))
            return false;
    }
    for (; from; from = m->o[from].parent)
        if (m->o[from].came)
            return false;
    return !m->o[0].came;
}

static bool has_children(const struct model *m, unsigned at)
{
    for (unsigned i = 1; i < m->count; i++)
        if (m->o[i].live && m->o[i].parent == at)
            return true;
    return false;
}

static struct moving look_at(struct model *m, unsigned actor)
{
    struct moving v = {.at = pick_live(m), .parent = pick_live(m)};
    for (unsigned tries = 0; tries < 4 && (!v.at || !has_children(m, v.at)); tries++)
        v.at = pick_live(m);
    v.moves = v.parent != m->o[v.at].parent;
    v.full = may(m, v.at, ADMIN, actor);
    v.reads = surely_reads(m, v.at, actor) && readers(m, v.parent) >> actor & 1;
    for (unsigned i = 1; i < m->count; i++) {
        if (!m->o[i].live || i == v.at || !lies_in(m, i, v.at))
            continue;
        v.reads &= surely_reads(m, i, actor);
        if (!may(m, i, WRITE, actor)) {
            v.full = false;
            v.sequence[i] = sequence_of(m, i);
        }
    }
    return v;
}

/* What had to be sealed anew was, by who may; what he may not write stays as it is. */
static void note_move(struct model *m, const struct moving *v)
{
    for (unsigned i = 1; v->moves && i < m->count; i++) {
        if (!m->o[i].live || i == v->at || !lies_in(m, i, v->at))
            continue;
        m->o[v->at].came = true;
        if (v->sequence[i])
            assert_int_equal(sequence_of(m, i), v->sequence[i]);
        else
            m->o[i].sealed_for_them = false;
    }
    m->o[v->at].parent = v->parent;
}

/* A right that the mover would give himself by the new place does not help him. Who may not write
 * all of it, or does not administer it, moves what can go as it is, and may be refused the rest. */
static void move(struct model *m, unsigned actor)
{
    struct moving v = look_at(m, actor);
    struct model_object *o = &m->o[v.at];
    if (!v.at || depth_of(m, v.parent) + DEPTH_MAX / 2 > DEPTH_MAX)
        return;
    struct ate_txn *t = begin_as(m, actor);
    bool allowed = may(m, v.at, WRITE, actor) && (!v.moves || may(m, v.parent, APPEND, actor));
    int expected = lies_in(m, v.parent, v.at) ? ATE_MISUSE : allowed ? 0 : ATE_DENIED;
    int rc = ate_move(t, o->id, m->o[v.parent].id, NULL);
    if (!rc)
        rc = ate_txn_commit(t, NULL);
    if (!expected && !v.full && !moves_as_it_is(m, &v)) {
        m->partial[rc != 0]++;
        expected = rc == ATE_DENIED ? rc : 0;
    }
    if (!ENDS(rc, expected, v.reads))
        return;
    note_move(m, &v);
    note_readers(m);
    note_body(m, v.at, actor, o->n);
}

static void delete(struct model *m, unsigned actor)
{
    unsigned at = pick_live(m), children = 0;
    bool tree = below(m, 2);
    if (!at || below(m, 3))
        return;
    for (unsigned i = 1; i < m->count; i++)
        children += m->o[i].live && m->o[i].parent == at;
    struct ate_txn *t = begin_as(m, actor);
    int rc = ate_delete(t, m->o[at].id, tree ? ATE_TREE : 0);
    if (!ENDS(rc,
              children && !tree          ? ATE_CONFLICT
              : may_delete(m, at, actor) ? 0
                                         : ATE_DENIED,
              true))
        return;
    for (unsigned i = 1; i < m->count; i++)
        if (i != at && lies_in(m, i, at))
            m->o[i].live = false;
    m->o[at].live = false;
}

/* Rights before the change decide; with `and_change` it writes in the same transaction what only
 * the new rules would let it. */
static void protect(struct model *m, unsigned actor, bool and_change)
{
    struct ate_hash keys[RIGHTS][WORLD_SESSIONS];
    struct model_rule rule[RIGHTS];
    struct ate_rules rules;
    unsigned at = pick_live(m), from;
    if (!at && below(m, 4))
        return;
    random_rules(m, rule);
    as_rules(m, rule, keys, &rules);
    struct ate_txn *t = begin_as(m, actor);
    bool allowed = may(m, at, ADMIN, actor), reads;
    bool was_private = in_force(m, at, READ, &from)->who == ATE_KEYS;
    /* Else it needs the key of the names, which others may have. */
    reads = !was_private && rule[READ].who == ATE_EVERYONE;
    int64_t n = below(m, 1000);
    int rc = ate_protect_only(t, m->o[at].id, &rules);
    if (!rc && and_change && at) {
        rc = ate_put(t, note, m->o[at].id, NOTE("z", n));
        allowed = allowed && may(m, at, WRITE, actor);
        reads = reads && surely_reads(m, at, actor);
    }
    if (!ENDS(rc, allowed ? 0 : ATE_DENIED, reads))
        return;
    bool same = from == at && was_private && rule[READ].who == ATE_KEYS;
    for (unsigned i = 0; i < m->count; i++) {
        unsigned scope;
        (void)in_force(m, i, READ, &scope);
        if (!same && lies_in(m, i, at) && (scope == from || scope == at))
            m->o[i].sealed_for_them = false;
    }
    memcpy(m->o[at].rule, rule, sizeof rule);
    m->o[at].named |= rule[READ].who == ATE_KEYS;
    m->o[at].drew |= 1u << actor;
    note_readers(m);
    if (and_change && at)
        note_body(m, at, actor, n);
}

static void revoke(struct model *m)
{
    unsigned key = 1 + below(m, WORLD_SESSIONS - 1); /* never the root's */
    if (below(m, 60) || m->revoked >> key & 1)
        return;
    world_revoke(m->w, key);
    m->revoked |= 1u << key;
}

/* Who reads what, and what the rules in force are, of one object after the other. */
static void compare(struct model *m, unsigned actor)
{
    struct ate_txn *t = begin_as(m, actor);
    for (unsigned i = 0; i < m->count; i++) {
        struct ate_rules rules;
        const struct ate_rule *each[RIGHTS] = {&rules.read, &rules.write, &rules.append,
                                               &rules.admin};
        expect(ate_exists(t, m->o[i].id), m->o[i].live ? 0 : ATE_NOT_FOUND);
        if (!m->o[i].live)
            continue;
        ok(ate_protection(t, m->o[i].id, &rules));
        for (unsigned right = 0; right < RIGHTS; right++) {
            const struct model_rule *r = in_force(m, i, right, NULL);
            unsigned keys = 0;
            for (size_t k = 0; k < each[right]->key_count; k++)
                for (unsigned s = 0; s < WORLD_SESSIONS; s++) {
                    struct ate_hash key = world_key(m->w, s);
                    keys |= (unsigned)!memcmp(&key, &each[right]->keys[k], sizeof key) << s;
                }
            assert_int_equal(each[right]->who, r->who);
            if (r->who == ATE_KEYS && right == READ) /* an epoch begins without those that ended */
                assert_int_equal(keys & ~m->revoked, r->keys & ~m->revoked);
            else
                assert_int_equal(keys, r->who == ATE_KEYS ? r->keys : 0);
        }
        if (!i)
            continue;
        int64_t n = note_at(t, m->o[i].id);
        if (surely_reads(m, i, actor) || n >= 0)
            assert_int_equal(n, m->o[i].n);
        if (!(m->o[i].could >> actor & 1))
            assert_int_equal(n, -ATE_NO_KEY);
        ate_txn_end_loans(t);
    }
    ate_txn_end(t);
}

static void history(struct rnd *rnd, unsigned done[3], unsigned partial[2])
{
    static struct model m;
    struct world world;
    world_init(&world, true);
    m = (struct model){.w = &world, .rnd = rnd, .count = 1};
    m.o[0] = (struct model_object){
        .live = true, .named = true, .rule[READ] = {ATE_KEYS, 1}, .rule[WRITE] = {ATE_KEYS, 1}};
    for (unsigned i = 0; i < LENGTH; i++) {
        unsigned actor = below(&m, 3) ? below(&m, ACTORS) : 0;
        switch (below(&m, 8)) {
        case 0:
        case 1: create(&m, actor); break;
        case 2:
        case 3: change(&m, actor); break;
        case 4: move(&m, actor); break;
        case 5: delete (&m, actor); break;
        case 6: protect(&m, actor, false); break;
        default: protect(&m, actor, true); break;
        }
        revoke(&m);
        if (i % 10 == 9)
            compare(&m, below(&m, ACTORS));
    }
    for (unsigned actor = 0; actor < ACTORS; actor++)
        compare(&m, actor);
    for (unsigned i = 0; i < 3; i++)
        done[i] += m.done[i];
    partial[0] += m.partial[0];
    partial[1] += m.partial[1];
    world_deinit(&world);
}

static void rules_by_chance(void **state)
{
    (void)state;
    struct rnd rnd = rnd_of(rnd_seed(41));
    unsigned done[3] = {0}, partial[2] = {0};
    for (unsigned i = 0; i < HISTORIES; i++)
        history(&rnd, done, partial);
    printf("# %u done, %u denied, %u refused otherwise; moves by who may do a part: %u, %u\n",
           done[0], done[1], done[2], partial[0], partial[1]);
    assert_true(partial[0] && partial[1]);
    assert_true(done[0] > HISTORIES * LENGTH / 10 && done[1] > HISTORIES * LENGTH / 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_an_object_sets_itself, begin, end),
        cmocka_unit_test(rules_by_chance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
