/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * rules.c: what an object itself says about who may do what.
 */
#include "dio/txn.h"

/* Lent as a copy: the change or control event it stands in may be replaced. */
static int lend_rule(struct ate_txn *t, const struct ate__rule *rule, struct ate_rule *ret_rule)
{
    struct ate_rule r = {.who = (enum ate_who)rule->who, .key_count = rule->count};
    int rc = 0;
    if (rule->count) {
        struct ate_hash *keys = ate__copy(rule->keys, rule->count * sizeof *keys);
        if (!keys)
            return ate__no_memory();
        r.keys = keys;
        rc = ate__txn_lend(t, keys);
    }
    if (!rc)
        *ret_rule = r;
    return rc;
}

int ate_own_rules(struct ate_txn *t, struct ate_id id, struct ate_rules *ret_rules)
{
    struct ate__object_facts facts;
    struct ate_rules rules = {.read.who = ATE_INHERIT};
    struct ate_rule *each[ATE__RIGHTS] = {&rules.read, &rules.write, &rules.append, &rules.admin};
    int rc = ate__txn_read(t);
    if (!rc)
        rc = ate__txn_need(t, &id, &facts);
    if (rc)
        return rc;
    const struct ate__change *c = ate__txn_change(t, &id);
    const struct ate__auth *auth = c && c->rules   ? &c->auth
                                   : facts.control ? &facts.control->header.auth
                                                   : NULL;
    for (unsigned i = 0; !rc && auth && i < ATE__RIGHTS; i++)
        rc = lend_rule(t, &auth->rule[i], each[i]);
    if (!rc)
        *ret_rules = rules;
    return rc;
}
