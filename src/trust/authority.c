/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * authority.c: who holds a right, which scope an object lies in, and who names its children, in the
 * state before a transaction.
 *
 * All of it are walks from an object to the top along stored parents. They end after
 * ATE__PARENTS_MAX steps, whatever the facts say.
 */
#include "trust/authority.h"
#include "base/err.h"
#include "base/text.h"
#include <stdio.h>

const struct ate_id ate__top_id;
static const struct ate__rule everyone = {.who = ATE__RULE_EVERYONE};

/* ---- the walk ---- */

struct walk {
    const struct ate__facts *facts;
    struct ate_id id; /* of the present object */
    unsigned steps;
    struct ate__object_facts now;
};

static int look(struct walk *w)
{
    char text[ATE__ID_TEXT];
    int rc = ate__facts_object(w->facts, &w->id, &w->now);
    if (rc || w->now.live)
        return rc;
    return ate__fail(ATE_NOT_FOUND, "object %s: there is none", ate__id_text(&w->id, text));
}

static int walk_begin(struct walk *w, const struct ate__facts *facts, const struct ate_id *id)
{
    w->facts = facts;
    w->id = *id;
    w->steps = 0;
    return look(w);
}

/* ATE_END behind the top. */
static int walk_up(struct walk *w)
{
    char text[ATE__ID_TEXT];
    if (ate__is_top(&w->id))
        return ATE_END;
    if (w->steps++ == ATE__PARENTS_MAX)
        return ate__fail(ATE_TOO_BIG, "object %s and more lie above it: %d parents are the most",
                         ate__id_text(&w->id, text), ATE__PARENTS_MAX);
    w->id = w->now.parent;
    return look(w);
}

/* ---- questions ---- */

int ate__holder_of(const struct ate__facts *facts, const struct ate_id *id, enum ate__right right,
                   struct ate__holder *ret_holder)
{
    struct walk w;
    int rc = walk_begin(&w, facts, id);
    for (; !rc; rc = walk_up(&w)) {
        const struct ate__rule *rule = ate__control_rule(w.now.control, right);
        if (rule) {
            *ret_holder = (struct ate__holder){rule, w.id};
            return 0;
        }
    }
    if (rc != ATE_END)
        return rc;
    *ret_holder = (struct ate__holder){right == ATE__RIGHT_READ ? &everyone : NULL, ate__top_id};
    return 0;
}

static uint32_t rule_admits(const struct ate__rule *rule, const struct ate__signers *signers)
{
    uint32_t admitted = 0;
    if (rule->who == ATE__RULE_EVERYONE)
        return ATE__ANYBODY;
    for (size_t i = 0; i < signers->count; i++)
        if (ate__rule_has(rule, &signers->fingerprints[i]) &&
            !ate__trust_is_revoked(signers->t, &signers->fingerprints[i]))
            admitted |= UINT32_C(1) << i;
    return admitted;
}

static uint32_t roots_of(const struct ate__signers *signers)
{
    uint32_t roots = 0;
    for (size_t i = 0; i < signers->count; i++)
        if (ate__trust_is_root(signers->t, &signers->fingerprints[i]))
            roots |= UINT32_C(1) << i;
    return roots;
}

uint32_t ate__holder_admits(const struct ate__holder *holder, const struct ate__signers *signers)
{
    return holder->rule ? rule_admits(holder->rule, signers) : roots_of(signers);
}

int ate__deleter_admits(const struct ate__facts *facts, const struct ate_id *id,
                        const struct ate__signers *signers, bool all, uint32_t *ret_admitted)
{
    struct walk w;
    uint32_t admitted = 0;
    int rc = walk_begin(&w, facts, id);
    for (; !rc; rc = walk_up(&w)) {
        const struct ate__rule *rule = ate__control_rule(w.now.control, ATE__RIGHT_WRITE);
        struct ate__holder holder = {rule, w.id};
        if (rule || ate__is_top(&w.id))
            admitted |= ate__holder_admits(&holder, signers);
        if (admitted && (!all || admitted & ATE__ANYBODY))
            break;
    }
    if (rc && rc != ATE_END)
        return rc;
    *ret_admitted = admitted;
    return 0;
}

int ate__hold_of(const struct ate__facts *facts, const struct ate_id *id, struct ate_id *ret_at,
                 bool *ret_held)
{
    struct walk w;
    int rc = walk_begin(&w, facts, id);
    for (; !rc; rc = walk_up(&w)) {
        if (ate__control_held(w.now.control)) {
            *ret_at = w.id;
            *ret_held = true;
            return 0;
        }
    }
    if (rc == ATE_END)
        *ret_held = false;
    return rc == ATE_END ? 0 : rc;
}

int ate__scope_of(const struct ate__facts *facts, const struct ate_id *id, struct ate_id *ret_scope,
                  const struct ate__control **ret_control)
{
    struct walk w;
    int rc = walk_begin(&w, facts, id);
    for (; !rc; rc = walk_up(&w)) {
        if (ate__control_rule(w.now.control, ATE__RIGHT_READ)) {
            *ret_scope = w.id;
            *ret_control = w.now.control;
            return 0;
        }
    }
    if (rc != ATE_END)
        return rc;
    *ret_scope = ate__top_id;
    *ret_control = NULL;
    return 0;
}

int ate__namer_of(const struct ate__facts *facts, const struct ate_id *id, struct ate_id *ret_namer,
                  const struct ate__control **ret_control)
{
    struct walk w;
    int rc = walk_begin(&w, facts, id);
    for (; !rc; rc = walk_up(&w)) {
        if (w.now.control && ate__header_has(&w.now.control->header, ATE__TAG_NAMEKEY)) {
            *ret_namer = w.id;
            *ret_control = w.now.control;
            return 0;
        }
    }
    if (rc != ATE_END)
        return rc;
    *ret_namer = ate__top_id;
    *ret_control = NULL;
    return 0;
}

static int denied(const struct ate__holder *holder, enum ate__right right, const struct ate_id *id,
                  const struct ate__signers *signers)
{
    char object[ATE__OBJECT_TEXT], text[ATE__HOLDER_TEXT];
    return ate__fail(ATE_DENIED, "%s: %s", ate__object_text(id, object),
                     ate__holder_text(holder, right, id, signers, text));
}

int ate__may(const struct ate__trust *t, const struct ate__facts *facts, const struct ate_id *id,
             enum ate__right right, const struct ate_hash *fingerprints, size_t count)
{
    struct ate__signers signers = {t, fingerprints, count};
    struct ate__holder holder;
    int rc = ate__holder_of(facts, id, right, &holder);
    if (rc)
        return rc;
    return ate__holder_admits(&holder, &signers) ? 0 : denied(&holder, right, id, &signers);
}

/* ---- the sentence ---- */

enum { KEYS_TEXT = 80 /* bytes */ };

/* "7f3k... and 2 more"; the first one whole, as it has to be looked for. */
static void keys_text(const void *keys, size_t count, char *text, size_t capacity)
{
    char first[ATE__HASH_TEXT];
    struct ate_hash fingerprint;
    memcpy(&fingerprint, keys, sizeof fingerprint);
    ate__hash_text(&fingerprint, first);
    if (count > 1)
        snprintf(text, capacity, "%s and %zu more", first, count - 1);
    else
        snprintf(text, capacity, "%s", first);
}

const char *ate__holder_text(const struct ate__holder *holder, enum ate__right right,
                             const struct ate_id *id, const struct ate__signers *signers,
                             char text[ATE__HOLDER_TEXT])
{
    static const char *const rights[ATE__RIGHTS] = {"read", "write", "append", "admin"};
    char by[KEYS_TEXT] = "the root keys", signed_by[KEYS_TEXT] = "nobody", where[KEYS_TEXT] = "",
         at[ATE__OBJECT_TEXT];
    if (holder->rule && holder->rule->who == ATE__RULE_ANY_OF)
        keys_text(holder->rule->keys, holder->rule->count, by, sizeof by);
    else if (holder->rule)
        snprintf(by, sizeof by, "%s",
                 holder->rule->who == ATE__RULE_NOBODY ? "nobody" : "everyone");
    if (holder->rule && !ate__id_equal(&holder->at, id))
        snprintf(where, sizeof where, " (set at %s)", ate__object_text(&holder->at, at));
    if (signers->count)
        keys_text(signers->fingerprints, signers->count, signed_by, sizeof signed_by);
    bool ended = signers->count == 1 && ate__trust_is_revoked(signers->t, signers->fingerprints);
    snprintf(text, ATE__HOLDER_TEXT, "%s%s is held by %s, signed by %s%s", rights[right], where, by,
             signed_by, ended ? ", which was revoked" : "");
    return text;
}
