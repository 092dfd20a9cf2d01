/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * control.c: control events in force.
 */
#include "trust/control.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/err.h"

int ate__control_new(const struct ate__event *event, uint64_t sequence, struct ate__control *older,
                     struct ate__control **ret_control)
{
    ate__assert(event->kind == ATE__EVENT_CONTROL);
    ate__cleanup(ate__control_unrefp) struct ate__control *c = ate__alloc(sizeof *c);
    if (!c)
        return ate__no_memory();
    atomic_init(&c->refs, 1);
    c->object = event->header.object;
    c->sequence = sequence;
    c->hash = event->hash;
    int rc = ate__buf_append(&c->bytes, event->bytes);
    if (!rc)
        rc = ate__header_decode(ate__buf_bytes(&c->bytes), &c->header);
    if (rc)
        return rc;
    c->older = ate__control_ref(older);
    *ret_control = ate__steal(&c);
    return 0;
}

struct ate__control *ate__control_ref(struct ate__control *c)
{
    if (c)
        atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}

void ate__control_unref(struct ate__control *c)
{
    while (c && atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) == 1) {
        struct ate__control *older = c->older;
        ate__buf_deinit(&c->bytes);
        ate__free(c);
        c = older;
    }
}

const struct ate__rule *ate__auth_rule(const struct ate__auth *auth, enum ate__right right)
{
    if (auth->rule[right].who != ATE__RULE_INHERIT)
        return &auth->rule[right];
    bool follows_write = right == ATE__RIGHT_APPEND || right == ATE__RIGHT_ADMIN;
    if (follows_write && auth->rule[ATE__RIGHT_WRITE].who != ATE__RULE_INHERIT)
        return &auth->rule[ATE__RIGHT_WRITE];
    return NULL;
}

const struct ate__rule *ate__control_rule(const struct ate__control *c, enum ate__right right)
{
    return c ? ate__auth_rule(&c->header.auth, right) : NULL;
}
