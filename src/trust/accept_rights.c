/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * accept_rights.c: check 5 for objects: may the claimed keys do what the transaction does?
 *
 *   create     append at the nearest ancestor that existed before
 *   change     write on the object; where it moves, append at the new parent as well
 *   delete     write on the object or any ancestor
 *   control    admin of the object; of one that the transaction creates, nothing beyond creating; a
 *              root key needs none to hold and release what an archive has
 *
 * All of it is judged by the state before: rules and places that the transaction itself brings
 * grant nothing. Where a created object hangs on nothing (its parents are missing or a cycle) there
 * is nobody to ask; the last check refuses it.
 */
#include "base/text.h"
#include "trust/judge.h"
#include "trust/ways.h"

/* An object that lies too deep to be judged is refused like one that may not be changed. */
static int too_deep(struct ate__judge *j, const struct ate__node *n, int rc)
{
    char text[ATE__OBJECT_TEXT];
    if (rc != ATE_TOO_BIG)
        return rc;
    ate__refuse(j, rc, &n->id, 0, "%s: more than %d parents lie above it",
                ate__object_text(&n->id, text), ATE__PARENTS_MAX);
    return 0;
}

static int deny(struct ate__judge *j, const struct ate__node *n, const struct ate_id *asked,
                enum ate__right right, const char *what)
{
    struct ate__holder holder;
    char object[ATE__OBJECT_TEXT], at[ATE__OBJECT_TEXT], text[ATE__HOLDER_TEXT];
    int rc = ate__holder_of(j->facts, asked, right, &holder);
    if (rc)
        return too_deep(j, n, rc);
    ate__holder_text(&holder, right, asked, &j->signers, text);
    ate__object_text(&n->id, object);
    if (ate__id_equal(asked, &n->id))
        ate__refuse(j, ATE_DENIED, &n->id, n->before.sequence, "%s: %s", object, text);
    else
        ate__refuse(j, ATE_DENIED, &n->id, n->before.sequence, "%s: %s %s: %s", object, what,
                    ate__object_text(asked, at), text);
    return 0;
}

/* ---- an object that existed before ---- */

static uint32_t *answer_at(struct ate__node *n, enum ate__right right)
{
    return right == ATE__RIGHT_APPEND ? &n->may_append : &n->may_write;
}

/* By its own rule, else by what its parent answers, which is remembered there. */
static int ask(struct ate__judge *j, const struct ate__node *n, enum ate__right right,
               uint32_t *ret_answer)
{
    const struct ate__rule *rule = ate__control_rule(ate__node_rules(n), right);
    struct ate__holder holder = {rule, n->id};
    if (rule || ate__is_top(&n->id)) {
        *ret_answer = ATE__NO | ate__holder_admits(&holder, &j->signers);
        return 0;
    }
    struct ate__node *parent = ate__node_find(j, &n->before.parent);
    if (!parent)
        return ate__way_ask(j, &n->before.parent, right, ret_answer);
    uint32_t *known = answer_at(parent, right);
    int rc = *known == ATE__UNASKED ? ate__way_ask(j, &parent->id, right, known) : 0;
    if (!rc)
        *ret_answer = *known;
    return rc;
}

static int may_write(struct ate__judge *j, struct ate__node *n)
{
    int rc = n->may_write == ATE__UNASKED ? ask(j, n, ATE__RIGHT_WRITE, &n->may_write) : 0;
    if (!rc && n->may_write == ATE__NO)
        return deny(j, n, &n->id, ATE__RIGHT_WRITE, "");
    return rc ? too_deep(j, n, rc) : ate__judge_need(j, n->may_write);
}

static int may_rule(struct ate__judge *j, const struct ate__node *n)
{
    uint32_t answer = ATE__UNASKED;
    int rc = ate__way_ask(j, &n->id, ATE__RIGHT_ADMIN, &answer);
    if (!rc && answer == ATE__NO)
        return deny(j, n, &n->id, ATE__RIGHT_ADMIN, "");
    return rc ? too_deep(j, n, rc) : ate__judge_need(j, answer);
}

static int may_delete(struct ate__judge *j, const struct ate__node *n)
{
    const struct ate__rule *rule = ate__control_rule(ate__node_rules(n), ATE__RIGHT_WRITE);
    struct ate__holder own = {rule, n->id};
    uint32_t admitted = rule ? ate__holder_admits(&own, &j->signers) : 0;
    struct ate__node *parent;
    if (admitted && (!j->needs || admitted & ATE__ANYBODY))
        return 0;
    int rc = ate__node_of(j, &n->before.parent, &parent);
    if (!rc && parent->may_delete == ATE__UNASKED)
        rc = ate__way_ask(j, &parent->id, ATE__WAY_DELETE, &parent->may_delete);
    if (rc && !(rc == ATE_TOO_BIG && admitted))
        return too_deep(j, n, rc);
    admitted |= parent->may_delete & ~(uint32_t)ATE__NO;
    return admitted ? ate__judge_need(j, admitted) : deny(j, n, &n->id, ATE__RIGHT_WRITE, "");
}

/* ---- below a parent, which may be new itself ---- */

/* The nearest object above that existed before, from the parent on; NULL: it hangs on nothing. A
 * cycle is noticed within a few rounds of it, however many others the transaction has: the way is
 * compared with where it was after 1, 2, 4, ... steps. */
static int anchor_of(struct ate__judge *j, const struct ate_id *parent, struct ate__node **ret)
{
    const struct ate__node *was = NULL;
    struct ate__node *n = NULL;
    for (size_t steps = 1; !n || n != was; steps++) {
        if (!(steps & (steps - 1)))
            was = n;
        int rc = ate__node_of(j, parent, &n);
        if (!rc)
            rc = ate__node_load(j, n);
        if (rc)
            return rc;
        if (!ate__node_created(j, n)) {
            *ret = n->before.live ? n : NULL;
            return 0;
        }
        if (n->may_append != ATE__UNASKED) {
            *ret = n;
            return 0;
        }
        parent = &ate__node_body(j, n)->header.parent;
    }
    *ret = NULL;
    return 0;
}

/* Remembers the answer at the created objects on the way, so that each is walked once. */
static void remember_on_way(struct ate__judge *j, const struct ate_id *parent, uint32_t answer)
{
    for (;;) {
        struct ate__node *n = ate__node_find(j, parent);
        if (!n || !ate__node_created(j, n) || n->may_append != ATE__UNASKED)
            return;
        n->may_append = answer;
        parent = &ate__node_body(j, n)->header.parent;
    }
}

static int may_append(struct ate__judge *j, const struct ate__node *n, const struct ate_id *parent)
{
    struct ate__node *anchor;
    uint32_t answer = ATE__NO | ATE__ANYBODY; /* nobody to ask */
    int rc = anchor_of(j, parent, &anchor);
    if (rc)
        return rc;
    if (anchor) {
        if (anchor->may_append == ATE__UNASKED)
            rc = ask(j, anchor, ATE__RIGHT_APPEND, &anchor->may_append);
        answer = anchor->may_append;
    }
    if (rc)
        return too_deep(j, n, rc);
    remember_on_way(j, parent, answer);
    if (answer != ATE__NO)
        return ate__judge_need(j, answer);
    while (ate__node_created(j, anchor))
        anchor = ate__node_find(j, &ate__node_body(j, anchor)->header.parent);
    return deny(j, n, &anchor->id, ATE__RIGHT_APPEND, "below");
}

/* ---- events ---- */

static int check_body(struct ate__judge *j, struct ate__node *n, const struct ate__event *e)
{
    if (ate__node_created(j, n))
        return may_append(j, n, &e->header.parent);
    if (ate__is_tombstone(e))
        return may_delete(j, n);
    int rc = may_write(j, n);
    if (!rc && ate__node_moved(j, n))
        rc = may_append(j, n, &e->header.parent);
    return rc;
}

static int check_control(struct ate__judge *j, const struct ate__node *n,
                         const struct ate__event *e)
{
    const struct ate__control *now = ate__node_rules(n);
    if (ate__node_created(j, n) ||
        (ate__judge_archive(j) && ate__control_only_holds(now, &e->header) &&
         ate__judge_root_signs(j)))
        return 0;
    return may_rule(j, n);
}

static void check_signers(struct ate__judge *j)
{
    for (size_t i = 0; i < j->signers.count; i++) {
        char text[ATE__HASH_TEXT];
        if (ate__trust_is_revoked(j->t, &j->signers.fingerprints[i]))
            ate__refuse(j, ATE_DENIED, NULL, 0, "signed by %s, which was revoked",
                        ate__hash_text(&j->signers.fingerprints[i], text));
    }
}

/* A refusal costs a walk: no more of them than the verdict names. */
static bool says_enough(const struct ate__judge *j)
{
    return j->result && j->verdict->conflict_count == ATE__CONFLICTS_MAX;
}

int ate__check_rights(struct ate__judge *j)
{
    check_signers(j);
    int rc = 0;
    for (uint32_t i = 0; !rc && i < j->tx->event_count && !says_enough(j); i++) {
        const struct ate__event *e = &j->tx->events[i];
        if (!ate__event_of_object(e))
            continue;
        struct ate__node *n = ate__node_find(j, &e->header.object);
        rc = e->kind == ATE__EVENT_BODY ? check_body(j, n, e) : check_control(j, n, e);
    }
    return rc;
}

/* ---- what needs no right ---- */

static bool asks_nobody(const struct ate__signers *signers, const struct ate__event *e)
{
    if (e->form == ATE__DROPPED)
        return false;
    if (e->kind == ATE__EVENT_PUBLIC_KEY)
        return true;
    const struct ate__holder root = {NULL, ate__top_id};
    return e->kind == ATE__EVENT_REVOKE && !ate__trust_has_key(signers->t, &e->header.revoked) &&
           !ate__holder_admits(&root, signers);
}

static bool brings_only_keys(const struct ate__signers *signers, const struct ate__tx *tx)
{
    for (uint32_t i = 0; i < tx->event_count; i++)
        if (!asks_nobody(signers, &tx->events[i]))
            return false;
    return true;
}

/* *ret_admitted: who has the right that it takes. */
static int check_purpose(const struct ate__signers *s, const struct ate__facts *facts,
                         const struct ate__tx *tx, uint32_t *ret_admitted)
{
    struct ate__holder holder;
    *ret_admitted = ATE__ANYBODY;
    if (!brings_only_keys(s, tx))
        return 0;
    int rc = ate__holder_of(facts, &ate__top_id, ATE__RIGHT_APPEND, &holder);
    if (!rc)
        *ret_admitted = ate__holder_admits(&holder, s);
    if (rc || *ret_admitted)
        return rc;
    rc = ate__may(s->t, facts, &ate__top_id, ATE__RIGHT_APPEND, s->fingerprints, s->count);
    return ate__context(rc, "it brings nothing but keys");
}

int ate__check_purpose(struct ate__judge *j)
{
    uint32_t admitted;
    int rc = check_purpose(&j->signers, j->facts, j->tx, &admitted);
    return rc ? rc : ate__judge_need(j, admitted);
}

int ate__accept_purpose(const struct ate__trust *t, const struct ate__facts *facts,
                        const struct ate__tx *tx)
{
    struct ate_hash keys[ATE__TX_SIGNATURES_MAX];
    const struct ate__signers signers = {t, keys, tx->signature_count};
    uint32_t admitted;
    for (uint32_t i = 0; i < tx->signature_count; i++)
        keys[i] = tx->signatures[i].fingerprint;
    return check_purpose(&signers, facts, tx, &admitted);
}
