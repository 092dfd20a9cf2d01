/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * thin_rights.c: had the signers of what is shown the right to it?
 *
 * A right is looked for as trust/accept.h says, from an object upwards, with two differences: of
 * each object the control event in force before that transaction counts, whatever is in force now;
 * and where an object's current body is younger than the transaction, it may have lain elsewhere
 * then, so that a refusal that is found above it says nothing.
 */
#include "base/text.h"
#include "mesh/thin_private.h"

enum answer { YES, NO, UNSURE };

/* One transaction whose right is asked about. */
struct act {
    const struct ate__thin_answer *a;
    const struct ate__tx *tx;
    uint64_t sequence;
};

bool ate__thin_is_root(struct ate__thin_chain *c, const struct ate_hash *fingerprint,
                       uint64_t sequence)
{
    if (ate__trust_was_root(c->trust, fingerprint))
        return true;
    bool found = false;
    pthread_mutex_lock(&c->mutex);
    for (size_t i = 0; i < c->root_count && !found; i++)
        found = c->roots[i].sequence < sequence &&
                ate__hash_equal(&c->roots[i].fingerprint, fingerprint);
    pthread_mutex_unlock(&c->mutex);
    return found;
}

static bool roots_admit(const struct act *act)
{
    for (uint32_t i = 0; i < act->tx->signature_count; i++)
        if (ate__thin_is_root(act->a->chain, &act->tx->signatures[i].fingerprint, act->sequence))
            return true;
    return false;
}

static bool rule_admits(const struct act *act, const struct ate__rule *rule)
{
    if (rule->who == ATE__RULE_EVERYONE)
        return true;
    for (uint32_t i = 0; i < act->tx->signature_count; i++)
        if (ate__rule_has(rule, &act->tx->signatures[i].fingerprint))
            return true;
    return false;
}

static const struct ate__rule *rule_at(const struct act *act, const struct ate__thin_object *o,
                                       enum ate__right right)
{
    return ate__control_rule(ate__thin_control_before(o, act->sequence), right);
}

static int lost_way(const struct ate__thin_object *o)
{
    char text[ATE__ID_TEXT];
    return ate__fail(ATE_TAMPERED,
                     "object %s: more than %d parents lie above it, or it lies below "
                     "itself",
                     ate__id_text(&o->id, text), ATE__PARENTS_MAX);
}

/* From `id` upwards. */
static int ask(const struct act *act, const struct ate_id *id, enum ate__right right,
               enum answer *ret_answer)
{
    const struct ate__thin_object *o = ate__thin_find(act->a, id);
    bool sure = true;
    for (unsigned steps = 0; steps <= ATE__PARENTS_MAX; steps++) {
        const struct ate__rule *rule = rule_at(act, o, right);
        bool top = ate__is_top(&o->id);
        if (rule || top) {
            bool admitted = rule ? rule_admits(act, rule) : roots_admit(act);
            *ret_answer = admitted ? YES : sure ? NO : UNSURE;
            return 0;
        }
        sure = sure && !(o->sequence >= act->sequence && o->has_prev);
        o = o->above;
    }
    return lost_way(o);
}

static int refuse(const struct act *act, const struct ate__thin_object *o, const char *what)
{
    char text[ATE__OBJECT_TEXT], key[ATE__HASH_TEXT];
    const struct ate__tx *tx = act->tx;
    return ate__fail(ATE_TAMPERED, "%s: transaction %llu %s, signed by %s%s, who had no right to",
                     ate__object_text(&o->id, text), (unsigned long long)act->sequence, what,
                     tx->signature_count ? ate__hash_text(&tx->signatures[0].fingerprint, key)
                                         : "nobody",
                     tx->signature_count > 1 ? " and others" : "");
}

/* Either right at the place will do, where it is not known which of the two was needed. */
static int ask_either(const struct act *act, const struct ate_id *id, enum ate__right one,
                      enum ate__right other, enum answer *ret_answer)
{
    int rc = ask(act, id, one, ret_answer);
    if (!rc && *ret_answer == NO)
        rc = ask(act, id, other, ret_answer);
    return rc;
}

static bool is_archive(const struct act *act)
{
    return ate__trust_genesis(act->a->chain->trust)->archive;
}

/* Created: append at the parent. That a parent which came with it, or later in another form, had
 * no rules before sends the question on upwards, to the nearest that existed. Replaced: write by
 * the object's own rule; where it has none, write at its parent if it stayed where it is, append
 * if it came from elsewhere. */
static int judge_body(const struct act *act, const struct ate__thin_object *o)
{
    const struct ate__rule *own = rule_at(act, o, ATE__RIGHT_WRITE);
    enum answer answer;
    char text[ATE__ID_TEXT];
    int rc = 0;
    if (o->has_prev && is_archive(act))
        return ate__fail(ATE_TAMPERED,
                         "object %s: transaction %llu changed it, and in an archive nothing is",
                         ate__id_text(&o->id, text), (unsigned long long)act->sequence);
    if (!o->has_prev)
        rc = ask(act, &o->parent, ATE__RIGHT_APPEND, &answer);
    else if (own)
        answer = rule_admits(act, own) ? YES : NO;
    else
        rc = ask_either(act, &o->parent, ATE__RIGHT_WRITE, ATE__RIGHT_APPEND, &answer);
    if (!rc && answer == NO)
        rc = refuse(act, o, o->has_prev ? "changed it" : "created it");
    return rc;
}

/* Admin of the object; of one that the same transaction created, nothing beyond creating. In an
 * archive a root key holds and releases, and it alone does. */
static int judge_control(const struct act *act, const struct ate__thin_object *o, size_t index)
{
    const struct ate__control *before = index ? o->controls[index - 1] : NULL;
    const struct ate__control *now = o->controls[index];
    bool top = ate__is_top(&o->id), first = index == 0, held = ate__control_held(now);
    enum answer answer;
    int rc;
    if (held != ate__control_held(before) && !(is_archive(act) && roots_admit(act)))
        return refuse(act, o, held ? "held it" : "released it");
    if (!top && !o->has_prev && o->sequence == act->sequence)
        return 0; /* judge_body() asks */
    if (!top && !o->has_prev && o->sequence > act->sequence)
        return refuse(act, o, "made rules for it before it was there");
    if (ate__control_only_holds(before, &now->header))
        return 0;
    if (!top && first && o->has_prev && o->sequence > act->sequence) /* or created with it? */
        rc = ask_either(act, &o->id, ATE__RIGHT_ADMIN, ATE__RIGHT_APPEND, &answer);
    else
        rc = ask(act, &o->id, ATE__RIGHT_ADMIN, &answer);
    if (!rc && answer == NO)
        rc = refuse(act, o, "made rules for it");
    return rc;
}

static int judge_place(const struct ate__thin_object *o)
{
    const struct ate__thin_object *parent = o->above;
    char text[ATE__ID_TEXT];
    if (parent->has_prev || parent->sequence <= o->sequence)
        return 0;
    return ate__fail(ATE_TAMPERED,
                     "object %s: its parent was created by transaction %llu, after it was put "
                     "there by transaction %llu",
                     ate__id_text(&o->id, text), (unsigned long long)parent->sequence,
                     (unsigned long long)o->sequence);
}

int ate__thin_judge(const struct ate__thin_answer *a, const struct ate__thin_fresh *f)
{
    const struct ate__thin_object *o = f->object;
    int rc = 0;
    if (f->body) {
        struct act act = {a, f->body, o->sequence};
        rc = judge_place(o);
        if (!rc)
            rc = judge_body(&act, o);
    }
    for (size_t i = 0; !rc && i < o->control_count; i++) {
        struct act act = {a, f->control[i], o->controls[i]->sequence};
        rc = judge_control(&act, o, i);
    }
    return rc;
}
