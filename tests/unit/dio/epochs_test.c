/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Random trees of scopes against a naive model of who reads what, and who finds what by its name:
 * rules set at once and in batches, readers who come and go, epochs, keys that end, publication,
 * moves at once and in batches, changes, reopened in between. Nobody remembers anything: each look
 * is by a session of its own.
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
    unsigned came_from; /* a bit for each thing */
    unsigned key;       /* that names what lies below, once there was an epoch */
    int wrapped_in;     /* NAMEKEY: for this epoch of this scope; -1: in clear */
    unsigned wrapped_epoch;
    unsigned named_under; /* key of its tag; 0: it is open */
    bool named_open;      /* it has an open tag too */
    int64_t n;
    char name[8];
};

static struct world w;
static struct rnd rnd;
static struct thing things[OBJECTS];
static int count;
static unsigned ended; /* mask of sessions */
static unsigned drawn; /* drawn so far */

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

static unsigned key_below(int i)
{
    return things[namer_of(i)].key;
}

static bool has_children(int i)
{
    for (int n = 1; n < count; n++)
        if (things[n].parent == i)
            return true;
    return false;
}

static void written(int i)
{
    int scope = scope_of(i);
    things[i].sealed_in = things[scope].rule > 0 ? scope : -1;
    if (things[scope].rule > 0)
        things[i].epoch = things[scope].epoch_count - 1;
    things[i].named_under = key_below(things[i].parent);
    things[i].named_open = things[i].sealed_in < 0;
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

/* A control event of what has a name key and no scope of its own wraps it for the scope around. */
static void stated(int i)
{
    struct thing *t = &things[i];
    int around = i ? scope_of(t->parent) : 0;
    if (!i || t->rule != INHERIT || !t->epoch_count || t->wrapped_in < 0 ||
        things[around].rule <= 0)
        return;
    t->wrapped_in = around;
    t->wrapped_epoch = things[around].epoch_count - 1;
}

static bool opens(unsigned session, int in, unsigned epoch)
{
    const struct thing *scope = &things[in];
    for (unsigned e = epoch; e < scope->epoch_count; e++)
        if (scope->published[e] || (session < NOBODY_S && scope->epochs[e] >> session & 1))
            return true;
    return false;
}

static bool reads(unsigned session, int i)
{
    return things[i].sealed_in < 0 || opens(session, things[i].sealed_in, things[i].epoch);
}

/* It has the name key in force for what lies below i. */
static bool names(unsigned session, int i)
{
    const struct thing *t = &things[namer_of(i)];
    return t->wrapped_in < 0 || opens(session, t->wrapped_in, t->wrapped_epoch);
}

/* Under the name key in force or, where it was moved, one of where it came from. */
static bool finds(unsigned session, int i)
{
    unsigned before = 0;
    if (!things[i].named_under || things[i].named_open)
        return true;
    if (key_below(things[i].parent) == things[i].named_under && names(session, things[i].parent))
        return true;
    for (int at = things[i].parent; at >= 0; at = things[at].parent)
        before |= things[at].came_from;
    for (int n = 0; n < count; n++) {
        const struct thing *t = &things[n];
        if (before >> n & 1 && t->key == things[i].named_under &&
            (t->wrapped_in < 0 || opens(session, t->wrapped_in, t->wrapped_epoch) ||
             opens(session, n, t->epoch_count - 1))) /* as those did who read it last */
            return true;
    }
    return false;
}

static void begin_epoch(int i, int mask)
{
    struct thing *t = &things[i];
    assert_true(t->epoch_count < EPOCHS);
    if (!t->epoch_count)
        t->key = i && has_children(i) && key_below(t->parent) ? key_below(t->parent) : ++drawn;
    t->wrapped_in = i;
    t->wrapped_epoch = t->epoch_count;
    t->rule = mask & ~(int)ended;
    t->epochs[t->epoch_count++] = (unsigned)t->rule;
    t->published_now = false;
}

static void ruled(int i, int rule, bool rewritten)
{
    struct thing *t = &things[i];
    bool was = t->rule > 0, is = rule > 0, same = t->rule == rule;
    if (is && (!was || t->rule & ~rule))
        begin_epoch(i, rule);
    else if (is)
        t->epochs[t->epoch_count - 1] |= (unsigned)rule;
    if (!is || (was && !(t->rule & ~rule)))
        t->rule = rule;
    stated(i);
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

static bool name_key_is_due(int i)
{
    const struct thing *t = &things[i];
    return i && t->epoch_count && t->wrapped_in >= 0 && t->rule == INHERIT &&
           things[scope_of(i)].rule > 0 && t->wrapped_in != scope_of(i);
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
        struct ate_id parent = things[things[i].parent].id, found;
        int rc = ate__txn_child(t, &(struct ate_place){.parent = parent},
                                ate__text_bytes(things[i].name), &found);
        int result = finds(session, i)                  ? 0
                     : names(session, things[i].parent) ? ATE_NOT_FOUND
                                                        : ATE_NO_KEY;
        if (rc != result || (!session && rc))
            fail_msg("session %u: %s by its name: %s, not %s (key %u, in force %u of %d): %s",
                     session, things[i].name, ate__result_name(rc), ate__result_name(result),
                     things[i].named_under, key_below(things[i].parent), namer_of(things[i].parent),
                     ate__error_text());
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
    for (int n = 0; n < count; n++)
        if (is_below(n, i)) {
            if (n && (is_due(n) || things[n].named_under != key_below(things[n].parent)))
                written(n);
            if (things[n].came_from || name_key_is_due(n))
                stated(n);
            things[n].came_from = 0;
        }
}

static void step_rotate(void)
{
    int i = (int)pick((unsigned)count);
    struct ate_txn *t = world_begin(&w);
    expect(ate_rotate(t, things[i].id), things[i].rule > 0 ? 0 : ATE_MISUSE);
    commit(t);
    if (things[i].rule > 0)
        begin_epoch(i, things[i].rule);
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
    x->wrapped_in = -1;
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
    unsigned under = things[i].named_under;
    written(i);
    if (!names(session, things[i].parent))
        things[i].named_under = under; /* who may not name it leaves its name */
}

/* The scope that it is sealed for is above it, or something above it came from there. */
static bool lies_right(int i)
{
    if (things[i].sealed_in < 0)
        return true;
    for (int at = i; at >= 0; at = things[at].parent)
        if (at == things[i].sealed_in || things[at].came_from >> things[i].sealed_in & 1)
            return true;
    return false;
}

/* Its name key, where it is no scope, is wrapped for what is above it, or came from there. */
static bool names_right(int i)
{
    const struct thing *t = &things[i];
    if (!t->epoch_count || t->rule > 0 || t->wrapped_in < 0)
        return true;
    for (int at = i; at >= 0; at = things[at].parent)
        if (at == t->wrapped_in || things[at].came_from >> t->wrapped_in & 1)
            return true;
    return false;
}

/* What lies below scopes at or below i is not sealed for what will be above it. */
static bool strange_inside(int i, bool inside)
{
    bool found = false;
    for (int n = 1; n < count && !found; n++)
        if (things[n].parent == i)
            found = !names_right(n) || (inside && !lies_right(n)) ||
                    strange_inside(n, inside || things[n].rule > 0);
    return found;
}

static bool shields_below(int i)
{
    for (int n = 1; n < count; n++)
        if (things[n].parent == i &&
            (things[n].rule > 0 || (things[n].epoch_count && things[n].wrapped_in >= 0) ||
             shields_below(n)))
            return true;
    return false;
}

static void step_move(bool only)
{
    int i = (int)pick((unsigned)count), to = (int)pick((unsigned)count);
    if (!i || is_below(to, i))
        return;
    int from = things[i].parent;
    bool named = namer_of(from) == namer_of(to), shield = things[i].rule > 0;
    bool same = scope_of(from) == scope_of(to) && named, marked = false;
    unsigned left = !named && !shield ? 1u << namer_of(from) : 0;
    for (int at = from; !is_below(to, at); at = things[at].parent) {
        left |= things[at].came_from | (things[at].epoch_count ? 1u << at : 0);
        marked |= things[at].came_from != 0;
    }
    bool all = !only && !shield && (!same || marked);
    struct ate_txn *t = world_begin(&w);
    ok(only ? ate_move_only(t, things[i].id, things[to].id, things[i].name)
            : ate_move(t, things[i].id, things[to].id, things[i].name));
    commit(t);
    things[i].parent = to;
    written(i);
    if (all)
        written_below(i);
    bool named_here = !shield && things[i].epoch_count && things[i].wrapped_in >= 0;
    bool asks = (shield && has_children(i)) || named_here || (all && shields_below(i));
    bool says = only ? has_children(i) || named_here
                     : asks && (marked || !names_right(i) || strange_inside(i, shield));
    says = says && left;
    if (says) {
        things[i].came_from |= left;
        stated(i);
    }
}

static void one_run(uint64_t seed)
{
    rnd = rnd_of(seed);
    world_init(&w, false);
    ended = 0;
    count = 1;
    drawn = 1;
    things[0] = (struct thing){
        .parent = -1, .rule = 1, .epochs = {1}, .epoch_count = 1, .key = 1, .wrapped_in = 0};
    protect_thing(0, 1, true);
    for (unsigned step = 0; step < STEPS; step++) {
        switch (pick(19)) {
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
        case 12: step_move(false); break;
        case 13: step_end_key(); break;
        case 14:
        case 15: step_move(true); break;
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
