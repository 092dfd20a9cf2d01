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

static bool same_rule(const struct ate__rule *a, const struct ate__rule *b)
{
    return a->who == b->who && a->count == b->count &&
           (!a->count || !memcmp(a->keys, b->keys, 32 * (size_t)a->count));
}

const struct ate__control *ate__control_epoch(const struct ate__control *c)
{
    while (c && !ate__header_has(&c->header, ATE__TAG_EPOCH))
        c = ate__control_before(c);
    return c;
}

bool ate__control_held(const struct ate__control *c)
{
    return c && ate__header_has(&c->header, ATE__TAG_HOLD);
}

bool ate__control_only_holds(const struct ate__control *now, const struct ate__header *next)
{
    static const struct ate__header none;
    const struct ate__header *a = now ? &now->header : &none, *b = next;
    const uint64_t changes = UINT64_C(1) << ATE__TAG_PREV | UINT64_C(1) << ATE__TAG_HOLD;
    const uint64_t always = UINT64_C(1) << ATE__TAG_OBJECT | UINT64_C(1) << ATE__TAG_AUTH;
    bool same = ((a->present | always | changes) == (b->present | changes)) &&
                ate__header_has(a, ATE__TAG_HOLD) != ate__header_has(b, ATE__TAG_HOLD);
    for (int right = 0; right < ATE__RIGHTS && same; right++)
        same = same_rule(&a->auth.rule[right], &b->auth.rule[right]);
    return same && a->epoch.epoch == b->epoch.epoch &&
           ate__hash_equal(&a->epoch.data_key_id, &b->epoch.data_key_id) &&
           ate__bytes_equal(a->epoch.seal_public, b->epoch.seal_public) &&
           ate__bytes_equal(a->recipients, b->recipients) && ate__bytes_equal(a->link, b->link) &&
           ate__bytes_equal(a->namekey.bytes, b->namekey.bytes) &&
           ate__bytes_equal(a->published, b->published) &&
           ate__bytes_equal(a->came_from, b->came_from) && ate__bytes_equal(a->user, b->user);
}
