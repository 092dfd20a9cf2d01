/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * oracle.h: acceptance once more, as docs/format/trust.md has it, with nothing but loops over all
 * objects and recursion: slow, and independent of the code under test.
 *
 * It gives the result of the first check that fails, or 0. Depth is not its business: whoever asks
 * keeps trees small.
 */
#pragma once
#include "draft.h"

struct oracle {
    const struct model *before;
    struct model after; /* with the transaction taken in, whether it may be or not */
    const struct ate__trust *t;
    const struct ate__tx *tx;
    uint64_t sequence;
};

static inline const struct ate__event *oracle_event(const struct oracle *o, const struct ate_id *id,
                                                    enum ate__event_kind kind)
{
    for (uint32_t i = 0; i < o->tx->event_count; i++)
        if (o->tx->events[i].kind == kind && ate__id_equal(&o->tx->events[i].header.object, id))
            return &o->tx->events[i];
    return NULL;
}
static inline bool oracle_creates(const struct oracle *o, const struct ate_id *id)
{
    const struct ate__event *e = oracle_event(o, id, ATE__EVENT_BODY);
    return e && !ate__header_has(&e->header, ATE__TAG_PREV);
}
static inline bool oracle_signs(const struct oracle *o, const struct ate_hash *key)
{
    for (uint32_t i = 0; i < o->tx->signature_count; i++)
        if (ate__hash_equal(&o->tx->signatures[i].fingerprint, key))
            return true;
    return false;
}
static inline bool oracle_root_signs(const struct oracle *o)
{
    for (uint32_t i = 0; i < o->tx->signature_count; i++)
        if (ate__trust_is_root(o->t, &o->tx->signatures[i].fingerprint))
            return true;
    return false;
}
static inline const struct ate__control *oracle_rules(const struct model *m,
                                                      const struct ate_id *id)
{
    const struct model_object *object = model_find(m, id);
    return object && object->live ? object->control : NULL;
}

/* ---- 1 ---- */

static inline int oracle_form_control(const struct ate__header *h)
{
    const struct ate__rule *read = &h->auth.rule[ATE__RIGHT_READ];
    bool closed = read->who == ATE__RULE_ANY_OF;
    if (read->who == ATE__RULE_NOBODY)
        return ATE_UNSUPPORTED;
    bool named = ate__header_has(h, ATE__TAG_NAMEKEY);
    bool clear = named && !h->namekey.wrapped;
    if (ate__header_has(h, ATE__TAG_EPOCH) != closed)
        return ATE_MALFORMED;
    if (!closed)
        return clear == ate__header_has(h, ATE__TAG_PUBLISHED) ? 0 : ATE_MALFORMED;
    if (!named || clear)
        return ATE_MALFORMED;
    if (!ate__hash_equal(&h->namekey.data_key_id, &h->epoch.data_key_id))
        return ATE_MALFORMED;
    struct ate__recipient entry;
    uint32_t count = 0;
    for (size_t at = 0; ate__recipient_next(h->recipients, &at, &entry); count++)
        if (!ate__rule_has(read, &entry.fingerprint))
            return ATE_MALFORMED;
    return count == read->count ? 0 : ATE_MALFORMED;
}

static inline int oracle_form(const struct oracle *o)
{
    uint32_t roots = 0, services = 0, snapshots = 0;
    for (uint32_t i = 0; i < o->tx->event_count; i++) {
        const struct ate__event *e = &o->tx->events[i];
        if (e->form == ATE__DROPPED)
            return ATE_OMITTED;
        if (e->kind == ATE__EVENT_RESERVED || ate__header_has(&e->header, ATE__TAG_GENESIS))
            return ATE_UNSUPPORTED;
        roots += e->kind == ATE__EVENT_ROOT;
        services += e->kind == ATE__EVENT_CHAIN;
        snapshots += e->kind == ATE__EVENT_SNAPSHOT;
        if (roots > 1 || services > 1 || snapshots > 1 ||
            (e->kind == ATE__EVENT_RESET && o->tx->event_count > 1))
            return ATE_MALFORMED;
        if (e->kind != ATE__EVENT_BODY && e->kind != ATE__EVENT_CONTROL)
            continue;
        for (uint32_t k = 0; k < i; k++) {
            const struct ate__event *other = &o->tx->events[k];
            bool objects = other->kind == ATE__EVENT_BODY || other->kind == ATE__EVENT_CONTROL;
            if (!objects || !ate__id_equal(&other->header.object, &e->header.object))
                continue;
            if (other->kind == e->kind || model_is_tombstone(other) || model_is_tombstone(e))
                return ATE_MALFORMED;
        }
        int rc = e->kind == ATE__EVENT_CONTROL ? oracle_form_control(&e->header) : 0;
        if (rc)
            return rc;
    }
    return 0;
}

/* ---- 2 and 3 ---- */

static inline int oracle_base(const struct oracle *o)
{
    struct ate_hash root = model_root(o->tx->base_size);
    if (!ate__hash_equal(&o->tx->chain_id, ate__trust_chain_id(o->t)))
        return ATE_WRONG_CHAIN;
    if (o->tx->base_size > o->sequence)
        return ATE_MALFORMED;
    if (o->sequence - o->tx->base_size > ate__trust_genesis(o->t)->window)
        return ATE_STALE;
    if (!ate__hash_equal(&root, &o->tx->base_root))
        return ATE_FORKED;
    const struct ate__reset_item *r = &o->tx->events[0].header.reset;
    if (o->tx->events[0].kind == ATE__EVENT_RESET &&
        (r->size != o->tx->base_size || r->size != o->sequence ||
         !ate__hash_equal(&r->root, &o->tx->base_root)))
        return ATE_FORKED;
    for (uint32_t i = 0; i < o->tx->event_count; i++) {
        const struct ate__snapshot_item *s = &o->tx->events[i].header.snapshot;
        if (o->tx->events[i].kind != ATE__EVENT_SNAPSHOT)
            continue;
        root = model_root(s->size);
        if (s->size > o->tx->base_size)
            return ATE_MALFORMED;
        return ate__hash_equal(&root, &s->root) ? 0 : ATE_FORKED;
    }
    return 0;
}

/* ---- 4 ---- */

static inline bool oracle_prev_holds(const struct oracle *o, const struct ate__event *e)
{
    const struct model_object *object = model_find(o->before, &e->header.object);
    bool live = object && object->live, prev = ate__header_has(&e->header, ATE__TAG_PREV);
    if (e->kind == ATE__EVENT_BODY && prev)
        return live && ate__hash_equal(&object->body, &e->header.prev);
    if (e->kind == ATE__EVENT_BODY)
        return !live && !(object && object->deleted &&
                          o->sequence - object->sequence <= ate__trust_genesis(o->t)->window);
    const struct ate__control *now = oracle_rules(o->before, &e->header.object);
    if (!live && !oracle_creates(o, &e->header.object))
        return false;
    return prev ? now && ate__hash_equal(&now->hash, &e->header.prev) : !now;
}

static inline bool oracle_precondition_holds(const struct oracle *o,
                                             const struct ate__precondition *p)
{
    const struct model_object *object = model_find(o->before, &p->id);
    struct ate_id holder;
    if (p->kind == ATE__TAG_FREE)
        return model_tag_holder(&o->before->facts, &p->id, p->hash.b, &holder) == ATE_NOT_FOUND;
    if (p->kind == ATE__IS_ABSENT)
        return !object || !object->live;
    return object && object->live && ate__hash_equal(&object->body, &p->hash);
}

static inline int oracle_before(const struct oracle *o)
{
    for (uint32_t i = 0; i < o->tx->event_count; i++) {
        const struct ate__event *e = &o->tx->events[i];
        if ((e->kind == ATE__EVENT_BODY || e->kind == ATE__EVENT_CONTROL) &&
            !oracle_prev_holds(o, e))
            return ATE_CONFLICT;
    }
    for (uint32_t i = 0; i < o->tx->precondition_count; i++) {
        struct ate__precondition p = ate__tx_precondition(o->tx, i);
        if (!oracle_precondition_holds(o, &p))
            return ATE_CONFLICT;
    }
    return 0;
}

/* ---- 5, objects ---- */

static inline bool oracle_rule_admits(const struct oracle *o, const struct ate__rule *rule)
{
    for (uint32_t i = 0; i < o->tx->signature_count; i++)
        if (ate__rule_has(rule, &o->tx->signatures[i].fingerprint))
            return true;
    return rule->who == ATE__RULE_EVERYONE;
}

static inline bool oracle_may(const struct oracle *o, const struct ate_id *id,
                              enum ate__right right)
{
    const struct ate__control *c = oracle_rules(o->before, id);
    const struct ate__rule *rules = c ? c->header.auth.rule : NULL;
    if (rules && rules[right].who != ATE__RULE_INHERIT)
        return oracle_rule_admits(o, &rules[right]);
    if (rules && right != ATE__RIGHT_WRITE && rules[ATE__RIGHT_WRITE].who != ATE__RULE_INHERIT)
        return oracle_rule_admits(o, &rules[ATE__RIGHT_WRITE]);
    if (ate__is_top(id))
        return oracle_root_signs(o);
    return oracle_may(o, &model_find(o->before, id)->parent, right);
}

static inline bool oracle_may_delete(const struct oracle *o, const struct ate_id *id)
{
    if (oracle_may(o, id, ATE__RIGHT_WRITE))
        return true;
    return !ate__is_top(id) && oracle_may_delete(o, &model_find(o->before, id)->parent);
}

static inline bool oracle_may_append(const struct oracle *o, struct ate_id parent)
{
    for (uint32_t steps = 0; oracle_creates(o, &parent); steps++) {
        if (steps > o->tx->event_count)
            return true; /* a ring hangs on nothing */
        parent = oracle_event(o, &parent, ATE__EVENT_BODY)->header.parent;
    }
    const struct model_object *object = model_find(o->before, &parent);
    return !object || !object->live || oracle_may(o, &parent, ATE__RIGHT_APPEND);
}

static inline bool oracle_event_allowed(const struct oracle *o, const struct ate__event *e)
{
    const struct ate__header *h = &e->header;
    const struct model_object *object = model_find(o->before, &h->object);
    if (e->kind == ATE__EVENT_CONTROL)
        return oracle_creates(o, &h->object) || oracle_may(o, &h->object, ATE__RIGHT_ADMIN);
    if (e->kind != ATE__EVENT_BODY)
        return true;
    if (!ate__header_has(h, ATE__TAG_PREV))
        return oracle_may_append(o, h->parent);
    if (model_is_tombstone(e))
        return oracle_may_delete(o, &h->object);
    bool moves = !ate__id_equal(&h->parent, &object->parent) || h->collection != object->collection;
    return oracle_may(o, &h->object, ATE__RIGHT_WRITE) &&
           (!moves || oracle_may_append(o, h->parent));
}

/* ---- 5, keys ---- */

static inline bool oracle_brings(const struct oracle *o, const struct ate_hash *key)
{
    for (uint32_t i = 0; i < o->tx->event_count; i++) {
        const struct ate__event *e = &o->tx->events[i];
        struct ate__root_change change;
        struct ate_hash fingerprint;
        if (e->kind == ATE__EVENT_PUBLIC_KEY &&
            !ate__fingerprint(e->header.public_key, &fingerprint) &&
            ate__hash_equal(&fingerprint, key))
            return true;
        struct ate_bytes list =
            e->kind == ATE__EVENT_ROOT ? e->header.root : e->header.compactor_keys;
        for (size_t at = 0; ate__root_next(list, &at, &change);)
            if (change.op == ATE__ROOT_ADD && !ate__fingerprint(change.key, &fingerprint) &&
                ate__hash_equal(&fingerprint, key))
                return true;
    }
    return false;
}

static inline bool oracle_names(const struct oracle *o, const struct ate_hash *key)
{
    for (uint32_t i = 0; i < o->tx->event_count; i++)
        for (int right = 0; o->tx->events[i].kind == ATE__EVENT_CONTROL && right < ATE__RIGHTS;
             right++)
            if (ate__rule_has(&o->tx->events[i].header.auth.rule[right], key))
                return true;
    return oracle_signs(o, key);
}

static inline int oracle_public_keys(const struct oracle *o)
{
    struct ate__public_parts parts;
    struct ate_hash fingerprint;
    for (uint32_t i = 0; i < o->tx->event_count; i++) {
        const struct ate__event *e = &o->tx->events[i];
        struct ate__root_change change;
        if (e->kind == ATE__EVENT_PUBLIC_KEY) {
            must(!ate__fingerprint(e->header.public_key, &fingerprint));
            if (ate__trust_has_key(o->t, &fingerprint))
                continue;
            int rc = ate__public_key_parse(e->header.public_key, &parts);
            if (rc)
                return rc;
            if (!oracle_names(o, &fingerprint))
                return ATE_DENIED;
        }
        for (size_t at = 0;
             e->kind == ATE__EVENT_ROOT && ate__root_next(e->header.root, &at, &change);) {
            must(change.op != ATE__ROOT_ADD || !ate__fingerprint(change.key, &fingerprint));
            int rc = change.op == ATE__ROOT_ADD && !ate__trust_has_key(o->t, &fingerprint)
                         ? ate__public_key_parse(change.key, &parts)
                         : 0;
            if (rc)
                return rc;
        }
    }
    return 0;
}

static inline int oracle_root(const struct oracle *o, struct ate_bytes root)
{
    size_t count = ate__trust_root_keys(o->t, NULL, 0);
    struct ate__root_change change;
    if (!oracle_root_signs(o))
        return ATE_DENIED;
    for (size_t at = 0; ate__root_next(root, &at, &change);) {
        struct ate_hash key;
        if (change.op == ATE__ROOT_ADD)
            must(!ate__fingerprint(change.key, &key));
        else
            memcpy(&key, change.key.data, sizeof key);
        bool is_root = ate__trust_is_root(o->t, &key), adds = change.op == ATE__ROOT_ADD;
        if (adds && !oracle_signs(o, &key))
            return ATE_DENIED;
        if (adds == is_root)
            return ATE_CONFLICT;
        count = adds ? count + 1 : count - 1;
    }
    return !count ? ATE_DENIED : count > ATE__ROOT_KEYS_MAX ? ATE_TOO_BIG : 0;
}

static inline int oracle_services(const struct oracle *o, const struct ate__header *h)
{
    struct ate__root_change change;
    if (!oracle_root_signs(o))
        return ATE_DENIED;
    for (size_t at = 0; ate__root_next(h->log_keys, &at, &change);)
        return change.op == ATE__ROOT_ADD ? ATE_MALFORMED : ATE_CONFLICT; /* there is none */
    for (size_t at = 0; ate__root_next(h->compactor_keys, &at, &change);) {
        struct ate_hash key;
        if (change.op == ATE__ROOT_ADD)
            must(!ate__fingerprint(change.key, &key));
        else
            memcpy(&key, change.key.data, sizeof key);
        bool is = ate__trust_has_office(o->t, ATE__COMPACTOR_KEY, &key);
        if ((change.op == ATE__ROOT_ADD) == is)
            return ATE_CONFLICT;
        if (change.op == ATE__ROOT_ADD && ate__trust_is_revoked(o->t, &key))
            return ATE_DENIED;
    }
    return 0;
}

static inline bool oracle_certifies(const struct oracle *o)
{
    for (uint32_t i = 0; i < o->tx->signature_count; i++)
        if (ate__trust_has_office(o->t, ATE__COMPACTOR_KEY, &o->tx->signatures[i].fingerprint))
            return true;
    return oracle_root_signs(o);
}

static inline int oracle_keys(const struct oracle *o)
{
    int rc = oracle_public_keys(o);
    for (uint32_t i = 0; !rc && i < o->tx->event_count; i++) {
        const struct ate__event *e = &o->tx->events[i];
        struct ate__recipient entry;
        if (e->kind == ATE__EVENT_ROOT)
            rc = oracle_root(o, e->header.root);
        if (e->kind == ATE__EVENT_CHAIN)
            rc = oracle_services(o, &e->header);
        if (e->kind == ATE__EVENT_SNAPSHOT && !oracle_certifies(o))
            rc = ATE_DENIED;
        if (e->kind == ATE__EVENT_RESET && !oracle_root_signs(o))
            rc = ATE_DENIED;
        if (e->kind == ATE__EVENT_REVOKE && !oracle_root_signs(o) &&
            !oracle_signs(o, &e->header.revoked))
            rc = ATE_DENIED;
        if (e->kind != ATE__EVENT_CONTROL || !ate__header_has(&e->header, ATE__TAG_RECIPIENTS))
            continue;
        for (size_t at = 0; ate__recipient_next(e->header.recipients, &at, &entry);)
            if (!ate__trust_has_key(o->t, &entry.fingerprint) &&
                !oracle_brings(o, &entry.fingerprint))
                rc = ATE_DENIED;
    }
    return rc;
}

static inline int oracle_rights(const struct oracle *o)
{
    for (uint32_t i = 0; i < o->tx->signature_count; i++)
        if (ate__trust_is_revoked(o->t, &o->tx->signatures[i].fingerprint))
            return ATE_DENIED;
    for (uint32_t i = 0; i < o->tx->event_count; i++)
        if (!oracle_event_allowed(o, &o->tx->events[i]))
            return ATE_DENIED;
    return oracle_keys(o);
}

/* ---- 6 ---- */

/* It lives afterwards, and all above it up to the top. */
static inline bool oracle_placed(const struct oracle *o, struct ate_id id)
{
    for (size_t steps = 0; steps <= o->after.count; steps++) {
        const struct model_object *object = model_find(&o->after, &id);
        if (!object || !object->live)
            return false;
        if (ate__is_top(&id))
            return true;
        id = object->parent;
    }
    return false;
}

static inline const struct ate__header *oracle_scope(const struct oracle *o, struct ate_id id)
{
    for (;; id = model_find(&o->after, &id)->parent) {
        const struct ate__control *c = model_find(&o->after, &id)->control;
        if (c && c->header.auth.rule[ATE__RIGHT_READ].who != ATE__RULE_INHERIT)
            return &c->header;
        if (ate__is_top(&id))
            return NULL;
    }
}

static inline int oracle_body_sealing(const struct oracle *o, const struct ate__event *e)
{
    const struct ate__header *h = &e->header;
    if (model_is_tombstone(e) || !oracle_placed(o, h->object))
        return 0;
    const struct ate__header *scope = oracle_scope(o, h->object);
    bool closed = scope && ate__header_has(scope, ATE__TAG_EPOCH);
    if (!closed)
        return ate__header_has(h, ATE__TAG_CONF) ? ATE_STALE_KEY : 0;
    bool fits = ate__header_has(h, ATE__TAG_CONF) && h->conf.epoch == scope->epoch.epoch &&
                ate__hash_equal(&h->conf.data_key_id, &scope->epoch.data_key_id);
    return fits ? 0 : ATE_STALE_KEY;
}

static inline int oracle_control_sealing(const struct oracle *o, const struct ate__event *e)
{
    const struct ate__control *now = oracle_rules(o->before, &e->header.object);
    const struct ate__header *a = now ? &now->header : NULL, *b = &e->header;
    bool was = a && ate__header_has(a, ATE__TAG_EPOCH), is = ate__header_has(b, ATE__TAG_EPOCH);
    bool given = a && ate__header_has(a, ATE__TAG_PUBLISHED);
    if (!is) {
        bool named = a && ate__header_has(a, ATE__TAG_NAMEKEY);
        /* No drafted key is a real one, so what is published never is the right one. */
        return named == ate__header_has(b, ATE__TAG_NAMEKEY) &&
                       !ate__header_has(b, ATE__TAG_PUBLISHED) && !given
                   ? 0
                   : ATE_MALFORMED;
    }
    const struct ate__control *last = now;
    while (last && !ate__header_has(&last->header, ATE__TAG_EPOCH))
        last = ate__header_has(&last->header, ATE__TAG_PREV) ? last->older : NULL;
    if (!last)
        return b->epoch.epoch ? ATE_MALFORMED : 0;
    a = &last->header;
    bool same_key = ate__hash_equal(&a->epoch.data_key_id, &b->epoch.data_key_id);
    if (!was || b->epoch.epoch != a->epoch.epoch)
        return b->epoch.epoch == a->epoch.epoch + 1 && !same_key &&
                       ate__header_has(b, ATE__TAG_LINK) != given
                   ? 0
                   : ATE_MALFORMED;
    if (b->epoch.epoch != a->epoch.epoch || !same_key ||
        !ate__bytes_equal(a->epoch.seal_public, b->epoch.seal_public) ||
        !ate__bytes_equal(a->link, b->link) ||
        !ate__bytes_equal(a->namekey.bytes, b->namekey.bytes))
        return ATE_MALFORMED;
    for (uint32_t i = 0; i < a->auth.rule[0].count; i++) {
        struct ate_hash key;
        memcpy(&key, a->auth.rule[0].keys + 32 * (size_t)i, sizeof key);
        if (!ate__rule_has(&b->auth.rule[0], &key))
            return ATE_DENIED;
    }
    return 0;
}

static inline int oracle_sealing(const struct oracle *o)
{
    int rc = 0;
    for (uint32_t i = 0; !rc && i < o->tx->event_count; i++) {
        const struct ate__event *e = &o->tx->events[i];
        if (e->kind == ATE__EVENT_BODY)
            rc = oracle_body_sealing(o, e);
        if (e->kind == ATE__EVENT_CONTROL)
            rc = oracle_control_sealing(o, e);
    }
    return rc;
}

/* ---- 7 ---- */

/* A tombstone without SUBTREE leaves no child of before where it was. */
static inline bool oracle_leaves_child(const struct oracle *o, const struct ate__event *e)
{
    for (size_t i = 1; i < o->before->count; i++) {
        const struct model_object *child = &o->before->objects[i];
        const struct ate__event *body = oracle_event(o, &child->id, ATE__EVENT_BODY);
        if (child->live && ate__id_equal(&child->parent, &e->header.object) &&
            !(body &&
              (model_is_tombstone(body) || !ate__id_equal(&body->header.parent, &child->parent))))
            return true;
    }
    return false;
}

static inline bool oracle_tag_taken(const struct oracle *o, const struct ate__event *e)
{
    const struct model_object *own = model_find(&o->after, &e->header.object);
    for (size_t i = 1; i < o->after.count; i++) {
        const struct model_object *other = &o->after.objects[i];
        if (other == own || !other->live || !ate__id_equal(&other->parent, &own->parent))
            continue;
        for (unsigned k = 0; k < own->tag_count; k++)
            if (model_has_tag(other, own->tags + ATE__NAME_TAG * (size_t)k))
                return true;
    }
    return false;
}

static inline int oracle_after(const struct oracle *o)
{
    for (uint32_t i = 0; i < o->tx->event_count; i++) {
        const struct ate__event *e = &o->tx->events[i];
        if (e->kind != ATE__EVENT_BODY && e->kind != ATE__EVENT_CONTROL)
            continue;
        if (model_is_tombstone(e)) {
            if (!e->header.tombstone && oracle_leaves_child(o, e))
                return ATE_CONFLICT;
            continue;
        }
        if (!oracle_placed(o, e->header.object))
            return ATE_CONFLICT;
        if (e->kind == ATE__EVENT_BODY && oracle_tag_taken(o, e))
            return ATE_CONFLICT;
    }
    return 0;
}

static inline int oracle_judge(const struct model *m, const struct ate__trust *t,
                               const struct ate__tx *tx, uint64_t sequence)
{
    struct oracle o = {.before = m, .t = t, .tx = tx, .sequence = sequence};
    int rc = oracle_form(&o);
    if (!rc)
        rc = oracle_base(&o);
    if (!rc)
        rc = oracle_before(&o);
    if (!rc)
        rc = oracle_rights(&o);
    if (rc)
        return rc;
    model_copy(m, &o.after);
    model_take(&o.after, tx, sequence);
    rc = oracle_sealing(&o);
    if (!rc)
        rc = oracle_after(&o);
    model_deinit(&o.after);
    return rc;
}
