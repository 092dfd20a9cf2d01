/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * archive.c: what is particular to archives: holds, and deletions one by one.
 */
#include "ate/archive.h"
#include "base/text.h"
#include "dio/txn.h"

bool ate__txn_archive(const struct ate_txn *t)
{
    return ate__txn_genesis(t)->archive;
}

/* ---- holds ---- */

static bool held_before(const struct ate__change *c)
{
    return c->existed && ate__control_held(c->before.control);
}

bool ate__change_held(const struct ate__change *c)
{
    return c->holds ? c->hold : held_before(c);
}

bool ate__change_turns_hold(const struct ate__change *c)
{
    return ate__change_held(c) != held_before(c);
}

static int set_hold(struct ate_txn *t, const struct ate_id *id, bool hold)
{
    struct ate__object_facts facts;
    struct ate__change *c;
    int rc = ate__txn_write(t);
    if (!rc && !ate__txn_archive(t))
        rc = ate__fail(ATE_UNSUPPORTED,
                       "the chain is no archive, and only what an archive keeps is held");
    if (!rc)
        rc = ate__txn_need(t, id, &facts);
    if (!rc)
        rc = ate__txn_touch(t, id, &c);
    if (!rc) {
        c->holds = true;
        c->hold = hold;
    }
    return rc;
}

int ate_hold(struct ate_txn *t, struct ate_id id)
{
    return ate__context(set_hold(t, &id, true), "hold");
}

int ate_release(struct ate_txn *t, struct ate_id id)
{
    return ate__context(set_hold(t, &id, false), "release");
}

/* ---- what keeps an object ---- */

static bool held_here(struct ate_txn *t, const struct ate_id *id,
                      const struct ate__object_facts *facts)
{
    const struct ate__change *c = ate__txn_change(t, id);
    return c ? ate__change_held(c) : ate__control_held(facts->control);
}

/* From the object upwards; facts: its own. */
static int find_hold(struct ate_txn *t, struct ate_id at, struct ate__object_facts facts,
                     struct ate_kept *k)
{
    for (unsigned depth = 0; depth <= ATE__PARENTS_MAX; depth++) {
        if (held_here(t, &at, &facts)) {
            k->held = true;
            k->held_at = at;
            return 0;
        }
        if (ate__is_top(&at))
            return 0;
        at = facts.parent;
        int rc = ate__txn_object(t, &at, &facts);
        if (rc)
            return rc;
    }
    return ate__fail(ATE_TOO_BIG, "more than %d parents above an object", ATE__PARENTS_MAX);
}

static void find_time(const struct ate_txn *t, const struct ate_id *id,
                      const struct ate__object_facts *facts, struct ate_kept *k)
{
    uint64_t retention = ate__txn_genesis(t)->retention_us, since = facts->updated_us;
    const struct ate__change *c = ate__txn_change(t, id);
    if (!retention || since > UINT64_MAX - retention) {
        k->for_ever = true;
    } else if (!(c && c->body) && since) {
        uint64_t until = since + retention;
        k->until_ns = until > INT64_MAX / 1000 ? INT64_MAX : (int64_t)until * 1000;
    }
}

int ate_keeping(struct ate_txn *t, struct ate_id id, struct ate_kept *ret_keeping)
{
    struct ate_kept k = {.archive = ate__txn_archive(t)};
    struct ate__object_facts facts;
    int rc = ate__txn_read(t);
    if (!rc)
        rc = ate__txn_need(t, &id, &facts);
    if (!rc && k.archive) {
        rc = find_hold(t, id, facts, &k);
        if (!ate__is_top(&id))
            find_time(t, &id, &facts, &k);
    }
    if (!rc)
        *ret_keeping = k;
    return rc;
}

/* ---- deletion ---- */

struct below {
    struct ate_id *ids;
    size_t count, capacity;
};

static int add_children(struct ate_txn *t, struct ate_id parent, struct below *b)
{
    struct ate_cursor *cursor;
    struct ate_id child;
    int rc = ate_children(t, parent, &cursor);
    if (rc)
        return rc;
    while (!(rc = ate__txn_next_child(cursor, &child))) {
        if (b->count == ATE__TX_EVENTS_MAX)
            rc = ate__fail(ATE_TOO_BIG,
                           "in an archive each object is deleted by itself, and here are more than "
                           "%d: begin further down",
                           ATE__TX_EVENTS_MAX);
        if (!rc)
            rc = ate__grow(&b->ids, &b->capacity, b->count + 1, sizeof *b->ids);
        if (rc)
            break;
        b->ids[b->count++] = child;
    }
    ate_cursor_end(cursor);
    return rc == ATE_END ? 0 : rc;
}

int ate__txn_delete_each(struct ate_txn *t, struct ate_id id)
{
    struct below b = {0};
    int rc = add_children(t, id, &b);
    for (size_t i = 0; !rc && i < b.count; i++)
        rc = add_children(t, b.ids[i], &b);
    while (!rc && b.count) /* from below, so that none has children when its turn comes */
        rc = ate_delete(t, b.ids[--b.count], 0);
    ate__free(b.ids);
    return rc ? rc : ate_delete(t, id, 0);
}
