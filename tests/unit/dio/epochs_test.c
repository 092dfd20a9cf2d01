/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Random trees of scopes against a naive model of who reads what: rules set at once and in batches,
 * readers who come and go, epochs, keys that end, publication, moves, changes, reopened in between.
 * Nobody remembers anything: each look is by a session of its own.
 */
#include "lib/rnd.h"
#include "world.h"

enum { OBJECTS = 28, EPOCHS = 64, STEPS = 110, ALL = 7, NOBODY_S = 3 };
enum { INHERIT = -1, EVERYONE = -2 }; /* else the rule is a mask of sessions */

struct thing {
    struct ate_id id;
    int parent; /* -1: it is the top */
    int rule;
    int sealed_in;       /* -1: in clear */
    unsigned epoch;      /* of that scope, when it was written */
    unsigned epochs[EPOCHS]; /* masks */
    bool published[EPOCHS];
    unsigned epoch_count;
    bool published_now; /* since its private scope ended */
    int64_t n;
    char name[8];
};

static struct world w;
static struct rnd rnd;
static struct thing things[OBJECTS];
static int count;
static unsigned ended; /* mask of sessions */

static unsigned pick(unsigned n)
{
    return (unsigned)rnd_below(&rnd, n);
}

/* ---- the model ---- */

static int scope_of(int i)
{
    while (things[i].rule == INHERIT && things[i].parent >= 0)
        i = things[i].parent;
    return i;
}

static int namer_of(int i)
{
    while (!things[i].epoch_count && things[i].parent >= 0)
        i = things[i].parent;
    return i;
}

static bool is_below(int i, int above)
{
    for (; i >= 0; i = things[i].parent)
        if (i == above)
            return true;
    return false;
}

static void written(int i)
{
    int scope = scope_of(i);
    things[i].sealed_in = things[scope].rule > 0 ? scope : -1;
    if (things[scope].rule > 0)
        things[i].epoch = things[scope].epoch_count - 1;
}

static void written_below(int i)
{
    for (int n = 1; n < count; n++)
        if (things[n].parent == i) {
            written(n);
            if (things[n].rule <= 0)
                written_below(n);
        }
}

static bool reads(unsigned session, int i)
{
    const struct thing *t = &things[i];
    if (t->sealed_in < 0)
        return true;
    const struct thing *scope = &things[t->sealed_in];
    for (unsigned e = t->epoch; e < scope->epoch_count; e++)
        if (scope->published[e] || (session < NOBODY_S && scope->epochs[e] >> session & 1))
            return true;
    return false;
}

static void begin_epoch(struct thing *t, int mask)
{
    assert_true(t->epoch_count < EPOCHS);
    t->rule = mask & ~(int)ended;
    t->epochs[t->epoch_count++] = (unsigned)t->rule;
    t->published_now = false;
}

static void ruled(int i, int rule, bool rewritten)
{
    struct thing *t = &things[i];
    bool was = t->rule > 0, is = rule > 0, same = t->rule == rule;
    if (is && (!was || t->rule & ~rule))
        begin_epoch(t, rule);
    else if (is)
        t->epochs[t->epoch_count - 1] |= (unsigned)rule;
    if (!is || (was && !(t->rule & ~rule)))
        t->rule = rule;
    if (!rewritten || same || (was && is))
        return;
    if (i)
        written(i);
    written_below(i);
}

static bool is_due(int i)
{
    int scope = scope_of(i);
    const struct thing *s = &things[scope];
    if (things[i].sealed_in < 0)
        return s->rule > 0;
    return !(s->rule > 0 || s->published_now) || things[i].sealed_in != scope;
}

/* ---- the chain ---- */

static struct ate_session *fresh(unsigned session)
{
    struct ate_session *s;
    ok(ate__session_new(&s));
    if (session < NOBODY_S) {
        struct ate__key32 seed = {{0}};
        struct ate__key *key;
        memset(&seed, 0x61 + (int)session, sizeof seed);
        ok(ate__key_of_seed(&seed, NULL, &key));
        ok(ate__session_add(s, key));
    }
    return s;
}

static void check_by(unsigned session)
{
    struct ate_session *s = fresh(session);
    struct ate_txn *t;
    ok(ate__txn_begin(w.dio, s, ATE_READ, &t));
    for (int i = 1; i < count; i++) {
        int64_t n = note_at(t, things[i].id),
                expected = reads(session, i) ? things[i].n : -ATE_NO_KEY;
        if (n != expected)
            fail_msg("session %u: %s is %lld, not %lld (sealed in %d, epoch %u, scope %d): %s",
                     session, things[i].name, (long long)n, (long long)expected,
                     things[i].sealed_in, things[i].epoch, scope_of(i), ate__error_text());
        if (!session && note_named(t, things[things[i].parent].id, things[i].name) != things[i].n)
            fail_msg("%s is not found by its name: %s", things[i].name, ate__error_text());
    }
    ate_txn_end(t);
    ate__session_unref(s);
}

static struct ate_rule rule_of_int(int rule, struct ate_hash keys[WORLD_SESSIONS])
{
    if (rule < 0)
        return (struct ate_rule){.who = rule == INHERIT ? ATE_INHERIT : ATE_EVERYONE};
    struct ate_rule r = world_rule(&w, (unsigned)rule);
    memcpy(keys, r.keys, r.key_count * sizeof *keys);
    r.keys = keys;
    return r;
}

static void commit(struct ate_txn *t)
{
    ok(ate_txn_commit(t, NULL));
    ate_txn_end(t);
}

static void step_create(void)
{
    struct thing *t = &things[count];
    struct ate_txn *txn = world_begin(&w);
    if (count == OBJECTS) {
        ate_txn_end(txn);
        return;
    }
    *t = (struct thing){.parent = (int)pick((unsigned)count), .rule = INHERIT, .n = count};
    snprintf(t->name, sizeof t->name, "t%d", count);
    ok(ate_put_as(txn, note, things[t->parent].id, t->name, NOTE("made", t->n), &t->id));
    count++;
    written(count - 1);
    commit(txn);
}

static int pick_rule(int i)
{
    unsigned how = pick(6);
    if (how == 0)
        return EVERYONE;
    if (how == 1 && i)
        return INHERIT;
    int mask = 1 | (int)pick(ALL + 1);
    /* Who has ended is not let in; where it is a reader still, it may stay one. */
    bool stays = things[i].rule > 0 && things[i].rule & (int)ended;
    return stays && pick(2) ? mask | things[i].rule : mask & ~(int)ended;
}

/* At the top the others write, and session 0 rules. */
static void protect_thing(int i, int rule, bool rewrite)
{
    struct ate_hash readers[WORLD_SESSIONS], writers[WORLD_SESSIONS], owner = world_key(&w, 0);
    struct ate_rules rules = {.read = rule_of_int(rule, readers)};
    struct ate_txn *t = world_begin(&w);
    if (!i) {
        rules.write = rule_of_int(ALL, writers);
        rules.admin = (struct ate_rule){ATE_KEYS, &owner, 1};
    }
    ok(rewrite ? ate_protect(t, things[i].id, &rules) : ate_protect_only(t, things[i].id, &rules));
    commit(t);
    ruled(i, rule, rewrite);
}

static void step_rule(bool rewrite)
{
    int i = (int)pick((unsigned)count);
    protect_thing(i, pick_rule(i), rewrite);
}

static void step_end_key(void)
{
    if (ended || pick(3))
        return;
    ended = 1u << 2;
    world_revoke(&w, 2);
}

static void step_reseal(void)
{
    int i = (int)pick((unsigned)count);
    uint64_t due = 0;
    struct ate_resealed done;
    struct ate_txn *t = world_begin(&w);
    for (int n = 1; n < count; n++)
        due += is_below(n, i) && is_due(n);
    ok(ate_reseal(t, things[i].id, NULL, NULL, &done));
    ate_txn_end(t);
    assert_int_equal(done.left, 0);
    assert_true(done.resealed >= due); /* name keys too */
    for (int n = 1; n < count; n++)
        if (is_below(n, i) && is_due(n))
            written(n);
}

static void step_rotate(void)
{
    int i = (int)pick((unsigned)count);
    struct ate_txn *t = world_begin(&w);
    expect(ate_rotate(t, things[i].id), things[i].rule > 0 ? 0 : ATE_MISUSE);
    commit(t);
    if (things[i].rule > 0)
        begin_epoch(&things[i], things[i].rule);
}

static void step_publish(void)
{
    int i = (int)pick((unsigned)count);
    struct thing *x = &things[i];
    struct ate_txn *t = world_begin(&w);
    if (i)
        expect(ate_publish(t, x->id), x->epoch_count ? 0 : ATE_MISUSE);
    commit(t);
    if (!i || !x->epoch_count)
        return;
    x->published[x->epoch_count - 1] = x->published_now = true;
    x->rule = EVERYONE;
}

static void step_change(void)
{
    int i = (int)pick((unsigned)count);
    unsigned session = pick(3);
    if (!i || ended >> session & 1 || !reads(session, i) || !reads(session, scope_of(i)))
        return;
    struct thing *scope = &things[scope_of(i)];
    if (scope->rule > 0 && !(scope->rule >> session & 1))
        return;
    struct ate_txn *t = world_begin_as(&w, session);
    ok(ate_put(t, note, things[i].id, NOTE("changed", things[i].n + 100)));
    commit(t);
    things[i].n += 100;
    written(i);
}

static void step_move(void)
{
    int i = (int)pick((unsigned)count), to = (int)pick((unsigned)count);
    if (!i || is_below(to, i))
        return;
    int from = things[i].parent;
    bool same = scope_of(from) == scope_of(to) && namer_of(from) == namer_of(to);
    bool all = !same && things[i].rule <= 0;
    /* What was left under a scope that it is taken out of would not open there. */
    for (int n = 1; n < count; n++)
        if (n != i && is_below(n, i) && things[n].sealed_in >= 0 &&
            !is_below(things[n].sealed_in, i) && !is_below(to, things[n].sealed_in))
            for (int at = n; at != i; at = things[at].parent)
                if (!all || (at != n && things[at].rule > 0))
                    return;
    struct ate_txn *t = world_begin(&w);
    ok(ate_move(t, things[i].id, things[to].id, things[i].name));
    commit(t);
    things[i].parent = to;
    written(i);
    if (all)
        written_below(i);
}

static void one_run(uint64_t seed)
{
    rnd = rnd_of(seed);
    world_init(&w, false);
    ended = 0;
    count = 1;
    things[0] = (struct thing){.parent = -1, .rule = 1, .epochs = {1}, .epoch_count = 1};
    protect_thing(0, 1, true);
    for (unsigned step = 0; step < STEPS; step++) {
        switch (pick(17)) {
        case 0:
        case 1:
        case 2:
        case 3: step_create(); break;
        case 4:
        case 5: step_rule(true); break;
        case 6:
        case 7: step_rule(false); break;
        case 8: step_reseal(); break;
        case 9: step_rotate(); break;
        case 10: step_publish(); break;
        case 11:
        case 12: step_move(); break;
        case 13: step_end_key(); break;
        default: step_change(); break;
        }
        if (step % 5 == 4)
            for (unsigned session = 0; session <= NOBODY_S; session++)
                check_by(session);
        if (step % 37 == 36)
            world_reopen(&w);
    }
    world_deinit(&w);
}

static void random_scopes(void **state)
{
    (void)state;
    uint64_t seed = rnd_seed(71);
    for (unsigned i = 0; i < 6; i++)
        one_run(seed + i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_scopes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
