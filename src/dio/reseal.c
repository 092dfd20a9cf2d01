/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * reseal.c: bodies and name keys that are sealed for another scope than the one in which they lie
 * by now are sealed anew, in batches.
 *
 *  1. What is due is seen from the object itself: its data key is of no epoch of its scope. So a
 *     walk that was broken off goes on wherever another one begins, and finds nothing to do where
 *     all is done.
 *  2. Each batch is a commit of its own. What of it is in the way of others is tried one by one.
 *  3. What the session may not write, or cannot open, is named and left as it is.
 *  4. Below what was moved and says where it came from, names are looked at too. Where nothing was
 *     left, that is taken back at the end; broken off before, the next walk looks at all again.
 */
#include "base/text.h"
#include "dio/txn.h"

enum {
    BATCH_OBJECTS = 256,
    BATCH_BYTES = 1 << 20, /* of payload, beside the largest one */
    TRIES_MAX = 4          /* of one object that others keep changing */
};

struct walk {
    struct ate_txn *t;
    struct ate_id *todo; /* the next at the end */
    size_t count, capacity;
    struct ate_id batch[BATCH_OBJECTS];
    size_t batch_count, batch_bytes;
    bool moved;      /* something at or above what is looked at says where it came from */
    bool unsure;     /* below that is something whose name the session cannot look at */
    bool again;      /* what is looked at was looked at before */
    bool taking_back;
    struct ate__buf marks; /* what was met of it: id, u32 size, CAME_FROM */
    struct ate_resealed so_far;
    ate_reseal_fn *each;
    void *arg;
};

static int report(struct walk *w, const struct ate_id *id, int why)
{
    w->so_far.id = id ? *id : ate_top;
    w->so_far.why = (enum ate_result)why;
    int rc = w->each ? w->each(w->arg, &w->so_far) : 0;
    w->so_far.why = ATE_OK;
    return rc;
}

static int leave(struct walk *w, const struct ate_id *id, int why)
{
    w->so_far.left++;
    return report(w, id, why);
}

/* ---- what is due ---- */

struct due {
    bool body, name_key;
    struct ate_bytes came_from; /* of the snapshot */
};

static bool body_is_due(const struct ate__header *h, const struct ate__control *scope)
{
    bool is_private = scope && ate__header_has(&scope->header, ATE__TAG_EPOCH);
    bool published = scope && ate__header_has(&scope->header, ATE__TAG_PUBLISHED);
    if (!ate__header_has(h, ATE__TAG_CONF))
        return is_private;
    return !(is_private || published) || !ate__epoch_was(scope, ate__sealing_id(h));
}

/* Names below an object that has no private scope of its own any more are for those who read it. */
static bool name_key_is_due(const struct ate__control *own, const struct ate__control *scope)
{
    return own && ate__header_has(&own->header, ATE__TAG_NAMEKEY) && own->header.namekey.wrapped &&
           own->header.auth.rule[ATE__RIGHT_READ].who == ATE__RULE_INHERIT && scope &&
           ate__header_has(&scope->header, ATE__TAG_EPOCH) &&
           !ate__epoch_was(scope, &own->header.namekey.data_key_id);
}

/* Of a body whose data key is the right one: its tags are of names that it was moved away from. */
static int name_is_due(struct walk *w, const struct ate_id *id, const struct ate__header *clear,
                       bool *ret_due)
{
    ate__cleanup(ate__body_deinit) struct ate__body body = {0};
    struct ate_txn *t = w->t;
    const struct ate__facts *facts = t->dio->pipe->v->facts(t->snapshot);
    bool current = true;
    if (!clear->tag_count)
        return 0;
    int rc = ate__txn_body(t, id, ATE__BODY_NAME, &body);
    if (!rc && body.name.size)
        rc = ate__name_is_current(&t->dio->seal, t->session, facts, clear, body.name, &current);
    w->unsure |= rc == ATE_NO_KEY || !body.readable;
    *ret_due = !rc && !current;
    return rc == ATE_NO_KEY ? 0 : rc;
}

/* Who has no name key of where it lies by now leaves its tag as it is. */
static int tag_stays(struct walk *w, const struct ate__header *clear)
{
    ate__cleanup(ate__key32_deinit) struct ate__key32 key = {{0}};
    struct ate_txn *t = w->t;
    bool is_private;
    if (!clear->tag_count)
        return 0;
    int rc = ate__name_key_of(&t->dio->seal, t->session, t->dio->pipe->v->facts(t->snapshot),
                              &clear->parent, &is_private, &key);
    w->unsure |= rc == ATE_NO_KEY;
    return rc == ATE_NO_KEY ? 0 : rc;
}

static int look(struct walk *w, const struct ate_id *id, struct due *ret_due)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf bytes = ATE__BUF_NULL;
    struct ate_txn *t = w->t;
    const struct ate__facts *facts = t->dio->pipe->v->facts(t->snapshot);
    const struct ate__control *scope;
    struct ate__object_facts f;
    struct ate__event e;
    struct ate_id at;
    int rc = ate__facts_object(facts, id, &f);
    if (!rc && !f.live)
        rc = ATE_NOT_FOUND;
    if (!rc)
        rc = ate__scope_of(facts, id, &at, &scope);
    if (!rc && !ate__id_equal(id, &ate_top))
        rc = t->dio->pipe->v->event(t->snapshot, id, &bytes, &e, NULL);
    if (rc)
        return rc;
    ret_due->name_key = name_key_is_due(f.control, scope);
    ret_due->came_from = ate__facts_came_from(&f);
    if (ate__id_equal(id, &ate_top))
        return 0;
    ret_due->body = body_is_due(&e.header, scope);
    bool moved = w->moved; /* its own name it got where it lies: what is below it came along */
    w->moved |= ret_due->came_from.size > 0;
    if (!moved)
        return 0;
    return ret_due->body ? tag_stays(w, &e.header) : name_is_due(w, id, &e.header, &ret_due->body);
}

static int may(struct ate_txn *t, const struct ate_id *id, enum ate__right right)
{
    const struct ate__trust *trust = t->dio->pipe->v->trust(t->dio->pipe);
    const struct ate__facts *facts = t->dio->pipe->v->facts(t->snapshot);
    const struct ate_hash *keys = NULL;
    size_t count = t->session ? ate__session_lend_fingerprints(t->session, &keys) : 0;
    if (right == ATE__RIGHT_WRITE && ate__txn_archive(t))
        return ate__fail(ATE_DENIED, "nothing of an archive is rewritten");
    return ate__may(trust, facts, id, right, keys, count);
}

/* ---- where it came from ---- */

/* Something above it says so. */
static int look_above(struct walk *w, struct ate_id id)
{
    const struct ate__facts *facts = w->t->dio->pipe->v->facts(w->t->snapshot);
    struct ate__object_facts f;
    int rc = ate__facts_object(facts, &id, &f);
    for (unsigned i = 0; !rc && !w->moved && f.live && i <= ATE__PARENTS_MAX; i++) {
        struct ate_id at = f.parent;
        if (ate__id_equal(&id, &ate_top))
            break;
        rc = ate__facts_object(facts, &at, &f);
        w->moved = !rc && ate__facts_came_from(&f).size;
        id = at;
    }
    return rc;
}

static int note_mark(struct walk *w, const struct ate_id *id, struct ate_bytes came_from)
{
    struct ate__wr wr = ate__wr_of(&w->marks);
    ate__wr_id(&wr, id);
    ate__wr_bytes32(&wr, came_from);
    return ate__wr_end(&wr);
}

/* Unless it was moved once more meanwhile. */
static int take_back(struct walk *w, const struct ate_id *id, const struct due *due, bool *ret_made)
{
    struct ate__rd r = ate__rd_of(ate__buf_bytes(&w->marks));
    struct ate__change *c;
    bool same = false;
    while (ate__rd_left(&r) && !same) {
        struct ate_id met = ate__rd_id(&r);
        struct ate_bytes came_from = ate__rd_bytes32(&r, UINT32_MAX);
        same = ate__id_equal(&met, id) && ate__bytes_equal(came_from, due->came_from);
    }
    if (!same)
        return 0;
    int rc = may(w->t, id, ATE__RIGHT_ADMIN);
    if (!rc)
        rc = ate__txn_touch(w->t, id, &c);
    if (!rc)
        rc = ate__txn_came_from(c, (struct ate_bytes){0});
    *ret_made = !rc;
    return rc;
}

/* ---- a batch ---- */

/* What keeps one object from being sealed anew, and not the walk from going on. */
static bool is_of_the_object(int rc)
{
    switch (rc) {
    case ATE_DENIED:
    case ATE_NO_KEY:
    case ATE_NOT_LOCAL:
    case ATE_COMPACTED:
    case ATE_OMITTED:
    case ATE_CONFLICT:
    case ATE_TAMPERED: /* what its writer stored does not open, or is none */
    case ATE_MALFORMED:
    case ATE_UNSUPPORTED:
    case ATE_TOO_BIG: return true;
    default: return false;
    }
}

/* Makes its change, if it needs one; *ret_made. */
static int change(struct walk *w, const struct ate_id *id, bool *ret_made)
{
    struct ate__change *c;
    struct due due = {.body = false};
    int rc = look(w, id, &due);
    *ret_made = false;
    if (rc == ATE_NOT_FOUND) /* gone since */
        return 0;
    if (!rc && w->taking_back)
        return take_back(w, id, &due, ret_made);
    if (!rc && due.came_from.size && !w->again)
        rc = note_mark(w, id, due.came_from);
    if (!rc && due.body)
        rc = may(w->t, id, ATE__RIGHT_WRITE);
    if (!rc && due.name_key)
        rc = may(w->t, id, ATE__RIGHT_ADMIN);
    if (rc || (!due.body && !due.name_key))
        return rc;
    rc = ate__txn_touch(w->t, id, &c);
    if (!rc && due.body)
        rc = ate__txn_restate(w->t, c);
    if (rc)
        return rc;
    c->rewrap = due.name_key;
    w->batch_bytes += c->payload.size;
    *ret_made = true;
    return 0;
}

/* Tried by itself. */
static int one(struct walk *w, const struct ate_id *id)
{
    bool made = true;
    int rc = 0;
    w->again = true;
    for (unsigned tries = 0; tries < TRIES_MAX && made; tries++) {
        ate_txn_cancel(w->t);
        rc = ate_txn_refresh(w->t);
        if (!rc)
            rc = change(w, id, &made);
        if (!rc && made)
            rc = ate_txn_commit(w->t, NULL);
        if (!rc) {
            w->so_far.resealed += made && !w->taking_back;
            return 0;
        }
        if (rc != ATE_CONFLICT)
            break;
    }
    if (!is_of_the_object(rc))
        return rc;
    ate_txn_cancel(w->t);
    return leave(w, id, rc);
}

static int commit(struct walk *w)
{
    size_t count = w->batch_count;
    if (!count)
        return 0;
    w->batch_count = w->batch_bytes = 0;
    int rc = ate_txn_commit(w->t, NULL);
    if (!rc)
        w->so_far.resealed += w->taking_back ? 0 : count;
    else if (!is_of_the_object(rc))
        return rc;
    for (size_t i = 0; rc && i < count; i++) {
        int now = one(w, &w->batch[i]);
        if (now)
            return now;
    }
    w->batch_bytes = 0;
    return report(w, NULL, 0);
}

static int take(struct walk *w, const struct ate_id *id)
{
    bool made = false;
    w->again = false;
    w->so_far.seen++;
    int rc = change(w, id, &made);
    if (rc == ATE_STALE) { /* the view is too old by now, or holds back too much */
        rc = commit(w);
        if (!rc)
            rc = ate_txn_refresh(w->t);
        if (!rc)
            rc = change(w, id, &made);
    }
    if (is_of_the_object(rc)) {
        rc = leave(w, id, rc);
        made = false;
    }
    if (!rc && !made && !w->batch_count)
        ate_txn_cancel(w->t); /* what was only touched */
    if (rc || !made)
        return rc;
    w->batch[w->batch_count++] = *id;
    return w->batch_count == BATCH_OBJECTS || w->batch_bytes >= BATCH_BYTES ? commit(w) : 0;
}

/* ---- the walk ---- */

static int add(struct walk *w, const struct ate_id *id)
{
    int rc = ate__grow(&w->todo, &w->capacity, w->count + 1, sizeof *w->todo);
    if (!rc)
        w->todo[w->count++] = *id;
    return rc;
}

static int add_children(struct walk *w, struct ate_id parent)
{
    struct ate_cursor *cursor;
    struct ate_id child;
    int rc = ate_children(w->t, parent, &cursor);
    if (rc == ATE_NOT_FOUND)
        return 0;
    if (rc)
        return rc;
    while (!(rc = ate__txn_next_child(cursor, &child)) && !(rc = add(w, &child)))
        ;
    ate_cursor_end(cursor);
    return rc == ATE_END ? 0 : rc;
}

static int take_all_back(struct walk *w)
{
    struct ate__rd r = ate__rd_of(ate__buf_bytes(&w->marks));
    int rc = ate_txn_refresh(w->t);
    w->taking_back = true;
    while (!rc && ate__rd_left(&r)) {
        struct ate_id id = ate__rd_id(&r);
        (void)ate__rd_bytes32(&r, UINT32_MAX);
        rc = take(w, &id);
        w->so_far.seen--; /* it was counted */
    }
    return rc ? rc : commit(w);
}

static int go(struct walk *w, struct ate_id id)
{
    int rc = look_above(w, id);
    if (!rc)
        rc = add(w, &id);
    while (!rc && w->count) {
        struct ate_id at = w->todo[--w->count];
        rc = take(w, &at);
        if (!rc)
            rc = add_children(w, at);
        ate_txn_end_loans(w->t);
    }
    if (!rc)
        rc = commit(w);
    return rc || w->so_far.left || w->unsure || !w->marks.size ? rc : take_all_back(w);
}

int ate_reseal(struct ate_txn *t, struct ate_id id, ate_reseal_fn *each, void *arg,
               struct ate_resealed *ret_done)
{
    struct ate__object_facts facts;
    int rc = ate__check_may_wait();
    if (!rc)
        rc = ate__txn_write(t);
    if (!rc && t->changes)
        rc = ate__fail(ATE_MISUSE, "reseal: the transaction has changes of its own");
    if (!rc)
        rc = ate__txn_need(t, &id, &facts);
    if (rc)
        return rc;
    struct walk *w = ate__alloc(sizeof *w);
    if (!w)
        return ate__no_memory();
    w->t = t;
    w->each = each;
    w->arg = arg;
    rc = go(w, id);
    if (rc && !t->frozen)
        ate_txn_cancel(t);
    if (ret_done)
        *ret_done = w->so_far;
    ate__buf_deinit(&w->marks);
    ate__free(w->todo);
    ate__free(w);
    return rc;
}
