/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * signers.c: which of the session's keys a transaction needs: the fewest, in the session's order;
 * none where everyone may.
 */
#include "dio/txn.h"

/* Is the right there with the keys chosen so far, or with one more of the session's? */
static int choose(struct ate_txn *t, const struct ate_id *id, enum ate__right right,
                  struct ate__txn_signers *s)
{
    const struct ate__trust *trust = t->dio->pipe->v->trust(t->dio->pipe);
    const struct ate__facts *facts = t->dio->pipe->v->facts(t->snapshot);
    int rc = ate__may(trust, facts, id, right, s->fingerprint, s->count);
    size_t keys = t->session ? ate__session_key_count(t->session) : 0;
    const struct ate__key *half = NULL; /* that may, and cannot sign */
    for (size_t i = 0; rc == ATE_DENIED && i < keys; i++) {
        const struct ate__key *key = ate__session_key(t->session, i);
        int may = ate__may(trust, facts, id, right, &key->fingerprint, 1);
        if (may == ATE_DENIED)
            continue;
        if (may)
            return may;
        if (!key->sign_key) {
            half = key;
            continue;
        }
        if (s->count == ATE__TX_SIGNATURES_MAX)
            return ate__fail(ATE_TOO_BIG, "transaction: it needs more than %d signatures",
                             ATE__TX_SIGNATURES_MAX);
        s->key[s->count] = key;
        s->fingerprint[s->count++] = key->fingerprint;
        return 0;
    }
    return rc == ATE_DENIED && half ? ate__key_signs(half) : rc;
}

/* Nearest ancestor that the snapshot has: where the right to create is looked for. */
static int nearest_existing(struct ate_txn *t, struct ate_id parent, struct ate_id *ret_id)
{
    for (unsigned depth = 0; depth <= ATE__PARENTS_MAX; depth++) {
        const struct ate__change *c = ate__txn_change(t, &parent);
        if (!c || c->existed || ate__id_equal(&parent, &ate_top)) {
            *ret_id = parent;
            return 0;
        }
        parent = c->parent;
    }
    return ate__fail(ATE_TOO_BIG, "transaction: more than %d parents above an object",
                     ATE__PARENTS_MAX);
}

/* Write on the object or on any ancestor. */
static int choose_for_deletion(struct ate_txn *t, const struct ate__change *c,
                               struct ate__txn_signers *s)
{
    const struct ate__facts *facts = t->dio->pipe->v->facts(t->snapshot);
    struct ate_id id = c->id;
    int rc = choose(t, &id, ATE__RIGHT_WRITE, s), first = rc;
    ate__cleanup(ate__freep) char *why = rc ? ate__copy_text(ate__error_text()) : NULL;
    while (rc == ATE_DENIED && !ate__id_equal(&id, &ate_top)) {
        struct ate__object_facts object;
        rc = facts->v->object(facts, &id, &object);
        if (rc)
            return rc;
        id = object.parent;
        rc = choose(t, &id, ATE__RIGHT_WRITE, s);
    }
    if (rc == ATE_DENIED && why)
        return ate__fail(first, "%s", why);
    return rc;
}

static int choose_for_parent(struct ate_txn *t, const struct ate__change *c,
                             struct ate__txn_signers *s)
{
    struct ate_id ancestor;
    int rc = nearest_existing(t, c->parent, &ancestor);
    return rc ? rc : choose(t, &ancestor, ATE__RIGHT_APPEND, s);
}

/* Holds are set and taken away by a root key. */
static int choose_root(struct ate_txn *t, struct ate__txn_signers *s)
{
    const struct ate__trust *trust = t->dio->pipe->v->trust(t->dio->pipe);
    const struct ate__key *key = ate__session_root_key(t->session, trust);
    s->by_root = true;
    for (size_t i = 0; i < s->count; i++)
        if (ate__trust_is_root(trust, &s->fingerprint[i]))
            return 0;
    if (!key || s->count == ATE__TX_SIGNATURES_MAX)
        return ate__fail(ATE_DENIED, "only a root key of the chain holds and releases, and the "
                                     "session has none");
    s->key[s->count] = key;
    s->fingerprint[s->count++] = key->fingerprint;
    return 0;
}

static int choose_for(struct ate_txn *t, const struct ate__change *c, struct ate__txn_signers *s)
{
    int rc = 0;
    switch (c->effect) {
    case ATE__NOTHING: return 0;
    case ATE__DELETES: return choose_for_deletion(t, c, s);
    case ATE__CREATES:
        rc = choose_for_parent(t, c, s);
        return rc || !ate__change_turns_hold(c) ? rc : choose_root(t, s);
    case ATE__REPLACES:
        rc = choose(t, &c->id, ATE__RIGHT_WRITE, s);
        if (!rc && !ate__id_equal(&c->parent, &c->before.parent))
            rc = choose_for_parent(t, c, s);
        break;
    case ATE__RULES: break;
    }
    if (!rc && (ate__change_rules(c) || c->open))
        rc = choose(t, &c->id, ATE__RIGHT_ADMIN, s);
    if (!rc && ate__change_turns_hold(c))
        rc = choose_root(t, s);
    return rc;
}

int ate__txn_signers(struct ate_txn *t, struct ate__txn_signers *ret_signers)
{
    *ret_signers = (struct ate__txn_signers){0};
    for (const struct ate__change *c = t->changes; c; c = c->next) {
        int rc = choose_for(t, c, ret_signers);
        if (rc)
            return rc;
    }
    return 0;
}
