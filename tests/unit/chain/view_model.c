/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * view_model.c: what the view has to say, kept in the plainest way.
 */
#include "view_model.h"
#include <stdlib.h>

static const struct ate_hash chain_id = {{1, 2, 3}};

void model_init(struct model *m, uint64_t seed)
{
    memset(m, 0, sizeof *m);
    simenv_init(&m->sim, seed, NULL);
    m->r = rnd_of(seed);
    /* One, a few, or more than have lists of their own. */
    m->collections = (const unsigned[]){3, 1, 2 * ATE__VIEW_LISTS_MAX}[seed % 3];
    assert_int_equal(ate__view_new(&m->sim.env, &m->view), 0);
}

void model_deinit(struct model *m)
{
    ate__view_free(m->view);
    for (unsigned i = 0; i <= MODEL_OBJECTS; i++) {
        free(m->object[i].versions);
        free(m->object[i].rules);
    }
    simenv_deinit(&m->sim);
}

void model_tag(unsigned tag, uint8_t ret_tag[ATE__NAME_TAG])
{
    memset(ret_tag, 0x30, ATE__NAME_TAG);
    memcpy(ret_tag + 3, &tag, sizeof tag);
}

const struct model_version *model_at(const struct model *m, unsigned object, uint64_t size)
{
    const struct model_object *o = &m->object[object];
    for (size_t i = o->count; i-- > 0;)
        if (o->versions[i].sequence < size)
            return &o->versions[i];
    return NULL;
}

static bool lives(const struct model *m, unsigned object, uint64_t size)
{
    const struct model_version *v = model_at(m, object, size);
    return !object || (v && !v->deleted);
}

unsigned model_children(const struct model *m, unsigned parent, uint64_t size, unsigned ret[])
{
    unsigned n = 0;
    for (unsigned i = 1; i <= MODEL_OBJECTS; i++) {
        const struct model_version *v = model_at(m, i, size);
        if (!v || v->deleted || v->parent != parent)
            continue;
        unsigned at = n++;
        for (; at && model_at(m, ret[at - 1], size)->joined > v->joined; at--)
            ret[at] = ret[at - 1];
        ret[at] = i;
    }
    return n;
}

/* ---- changing it ---- */

static struct model_version *add_version(struct model *m, unsigned object)
{
    struct model_object *o = &m->object[object];
    if (o->count == o->capacity) {
        o->capacity = o->capacity ? o->capacity * 2 : 8;
        o->versions = realloc(o->versions, o->capacity * sizeof *o->versions);
        assert_non_null(o->versions);
    }
    struct model_version *v = &o->versions[o->count++];
    *v = (struct model_version){.sequence = m->next};
    return v;
}

static struct model_rules *add_rules(struct model *m, unsigned object)
{
    struct model_object *o = &m->object[object];
    if (o->rule_count == o->rule_capacity) {
        o->rule_capacity = o->rule_capacity ? o->rule_capacity * 2 : 8;
        o->rules = realloc(o->rules, o->rule_capacity * sizeof *o->rules);
        assert_non_null(o->rules);
    }
    struct model_rules *r = &o->rules[o->rule_count++];
    *r = (struct model_rules){.sequence = m->next};
    return r;
}

static bool is_below(const struct model *m, unsigned object, unsigned above)
{
    while (object && object != above)
        object = model_at(m, object, UINT64_MAX)->parent;
    return object == above;
}

static bool has_tag(const struct model_version *v, unsigned tag)
{
    return (v->tag_count > 0 && v->tag[0] == tag) || (v->tag_count > 1 && v->tag[1] == tag);
}

static bool tag_free(const struct model *m, unsigned parent, unsigned tag, unsigned but)
{
    for (unsigned i = 1; i <= MODEL_OBJECTS; i++) {
        const struct model_version *v = model_at(m, i, UINT64_MAX);
        if (i != but && v && !v->deleted && v->parent == parent && has_tag(v, tag))
            return false;
    }
    return true;
}

/* ---- one transaction ---- */

struct making {
    struct model *m;
    struct draft d;
    bool touched[MODEL_OBJECTS + 1];
    unsigned deleted[MODEL_OBJECTS];
    unsigned deleted_count;
};

static void pick_tags(struct making *k, struct model_version *v, unsigned object)
{
    unsigned wanted = (unsigned)rnd_below(&k->m->r, 3);
    for (unsigned tries = 0; tries < 6 && v->tag_count < wanted; tries++) {
        unsigned tag = (unsigned)rnd_below(&k->m->r, MODEL_TAGS);
        if (!has_tag(v, tag) && tag_free(k->m, v->parent, tag, object))
            v->tag[v->tag_count++] = tag;
    }
}

static void put(struct making *k, unsigned object, unsigned parent)
{
    struct model *m = k->m;
    const struct model_version *before = model_at(m, object, UINT64_MAX);
    struct model_version old = before ? *before : (struct model_version){.deleted = true};
    struct model_version *v = add_version(m, object);
    v->parent = parent;
    v->deleted = true; /* so that its own tags of before are free */
    v->collection = (unsigned)rnd_below(&m->r, m->collections);
    bool joins = old.deleted || old.parent != parent || old.collection != v->collection;
    v->created_sequence = old.deleted ? m->next : old.created_sequence;
    pick_tags(k, v, object);
    v->deleted = false;
    v->joined = joins ? ++m->joins : old.joined;
    v->event = k->d.count;
    uint8_t tags[2 * ATE__NAME_TAG];
    for (unsigned i = 0; i < v->tag_count; i++)
        model_tag(v->tag[i], tags + (size_t)i * ATE__NAME_TAG);
    draft_body(&k->d, &(struct draft_body){
                          .id = id_of(object),
                          .parent = id_of(parent),
                          .collection = v->collection,
                          .prev = old.deleted ? NULL : &old.hash,
                          .tags = tags,
                          .tag_count = v->tag_count,
                          .payload = ate__text_bytes(rnd_below(&m->r, 2) ? "some text" : "x"),
                      });
    k->touched[object] = true;
}

/* The model deletes once all bodies are in; the event may stand before them. */
static void erase(struct making *k, unsigned object, bool subtree)
{
    const struct model_version *v = model_at(k->m, object, UINT64_MAX);
    draft_tombstone(&k->d, id_of(object), v->hash, subtree);
    k->touched[object] = true;
    k->deleted[k->deleted_count++] = object | (subtree ? 0x100u : 0) | (k->d.count - 1) << 16;
}

static void erase_in_model(struct making *k, unsigned object, uint32_t event, bool subtree)
{
    unsigned children[MODEL_OBJECTS];
    unsigned n = subtree ? model_children(k->m, object, UINT64_MAX, children) : 0;
    unsigned parent = model_at(k->m, object, UINT64_MAX)->parent;
    struct model_version *v = add_version(k->m, object);
    v->deleted = true;
    v->parent = parent;
    v->event = event;
    for (unsigned i = 0; i < n; i++)
        erase_in_model(k, children[i], event, true);
}

static unsigned pick_parent(struct making *k, unsigned object)
{
    for (unsigned tries = 0; tries < 10; tries++) {
        unsigned p = (unsigned)rnd_below(&k->m->r, MODEL_OBJECTS + 1);
        bool deleted = false;
        if (!lives(k->m, p, UINT64_MAX) || (object && is_below(k->m, p, object)))
            continue;
        for (unsigned i = 0; i < k->deleted_count; i++)
            deleted |= is_below(k->m, p, k->deleted[i] & 0xff);
        if (!deleted)
            return p;
    }
    return 0;
}

static bool below_deleted(const struct making *k, unsigned object)
{
    for (unsigned i = 0; i < k->deleted_count; i++)
        if (is_below(k->m, object, k->deleted[i] & 0xff))
            return true;
    return false;
}

static bool subtree_touched(const struct making *k, unsigned object)
{
    for (unsigned i = 1; i <= MODEL_OBJECTS; i++)
        if (k->touched[i] && lives(k->m, i, UINT64_MAX) && is_below(k->m, i, object))
            return true;
    return false;
}

static void set_rules(struct making *k, unsigned object)
{
    struct ate__auth auth = auth_write(ATE__RULE_EVERYONE);
    auth.rule[ATE__RIGHT_ADMIN].who = (uint8_t)rnd_below(&k->m->r, 2);
    add_rules(k->m, object)->event = k->d.count;
    draft_control(&k->d, id_of(object), NULL, &auth);
}

static void step(struct making *k)
{
    struct model *m = k->m;
    unsigned object = 1 + (unsigned)rnd_below(&m->r, MODEL_OBJECTS);
    unsigned children[MODEL_OBJECTS];
    if (k->touched[object])
        return;
    if (!lives(m, object, UINT64_MAX)) {
        put(k, object, pick_parent(k, 0));
        if (rnd_below(&m->r, 4) == 0)
            set_rules(k, object);
        return;
    }
    switch (rnd_below(&m->r, 8)) {
    case 0:
    case 1: /* also out of what this transaction deletes */
        put(k, object, pick_parent(k, object));
        break;
    case 2:
        if (!subtree_touched(k, object) && !below_deleted(k, object))
            erase(k, object, true);
        break;
    case 3:
        if (!model_children(m, object, UINT64_MAX, children) && !below_deleted(k, object))
            erase(k, object, false);
        break;
    case 4:
        if (!below_deleted(k, object))
            set_rules(k, object);
        k->touched[object] = true;
        break;
    default:
        if (!below_deleted(k, object))
            put(k, object, model_at(m, object, UINT64_MAX)->parent);
    }
}

static void take_hashes(struct making *k, const struct ate__tx *tx)
{
    for (unsigned i = 0; i <= MODEL_OBJECTS; i++) {
        struct model_object *o = &k->m->object[i];
        for (size_t n = o->count; n-- > 0 && o->versions[n].sequence == k->m->next;) {
            struct model_version *v = &o->versions[n];
            const struct ate__event *e = &tx->events[v->event];
            v->hash = e->hash;
            v->offset =
                (uint32_t)((const uint8_t *)e->whole.data - (const uint8_t *)tx->encoded.data);
            v->size = (uint32_t)e->whole.size;
        }
        for (size_t n = o->rule_count; n-- > 0 && o->rules[n].sequence == k->m->next;)
            o->rules[n].hash = tx->events[o->rules[n].event].hash;
    }
}

void model_install(struct model *m)
{
    struct making k = {.m = m};
    assert_true(m->next < MODEL_SEQUENCES);
    draft_init(&k.d, &chain_id);
    unsigned steps = 1 + (unsigned)rnd_below(&m->r, 5);
    for (unsigned i = 0; i < steps || !k.d.count; i++)
        step(&k);
    for (unsigned i = 0; i < k.deleted_count; i++)
        if (lives(m, k.deleted[i] & 0xff, UINT64_MAX))
            erase_in_model(&k, k.deleted[i] & 0xff, k.deleted[i] >> 16, k.deleted[i] & 0x100);
    struct ate__tx tx = draft_tx(&k.d);
    take_hashes(&k, &tx);
    int rc = ate__view_install(m->view, &tx, m->next);
    if (rc)
        fail_msg("install: %s", ate__error_text());
    m->next++;
    ate__tx_deinit(&tx);
    draft_deinit(&k.d);
}

void model_publish(struct model *m, uint64_t size)
{
    for (; m->published < size; m->published++) {
        m->time_us[m->published] = 1000 * m->published + rnd_below(&m->r, 900);
        struct ate__position position = {m->published * 10, (uint32_t)m->published + 5};
        ate__view_place(m->view, m->published, &position, m->time_us[m->published]);
    }
    ate__view_publish(m->view, size);
}

void model_rollback(struct model *m)
{
    ate__view_rollback(m->view);
    for (unsigned i = 0; i <= MODEL_OBJECTS; i++) {
        struct model_object *o = &m->object[i];
        while (o->count && o->versions[o->count - 1].sequence >= m->published)
            o->count--;
        while (o->rule_count && o->rules[o->rule_count - 1].sequence >= m->published)
            o->rule_count--;
    }
    m->next = m->published;
}

/* ---- comparing ---- */

/* The control event in force; NULL: none. */
static const struct model_rules *rules_at(const struct model *m, unsigned object, uint64_t size)
{
    const struct model_object *o = &m->object[object];
    const struct model_version *v = model_at(m, object, size);
    if (object && (!v || v->deleted))
        return NULL;
    for (size_t i = o->rule_count; i-- > 0;)
        if (o->rules[i].sequence < size)
            return object && o->rules[i].sequence < v->created_sequence ? NULL : &o->rules[i];
    return NULL;
}

static void check_object(const struct model *m, const struct ate__view_snapshot *s, unsigned object)
{
    const struct model_version *v = model_at(m, object, s->size);
    const struct model_rules *rules = rules_at(m, object, s->size);
    struct ate__object_facts f;
    struct ate_id id = id_of(object);
    assert_int_equal(ate__view_object(s, &id, &f), 0);
    assert_true(f.live == lives(m, object, s->size));
    assert_true(f.deleted == (v && v->deleted));
    assert_true(!rules == !f.control);
    if (rules)
        assert_memory_equal(&f.control->hash, &rules->hash, sizeof rules->hash);
    if (!v)
        return;
    assert_true(f.sequence == v->sequence);
    struct ate_id parent = id_of(v->parent);
    assert_memory_equal(&f.parent, &parent, sizeof parent);
    if (v->deleted)
        return;
    assert_memory_equal(&f.body, &v->hash, sizeof v->hash);
    assert_int_equal(f.collection, v->collection);
    assert_int_equal(f.tag_count, v->tag_count);
    assert_true(f.created_sequence == v->created_sequence);
    for (unsigned i = 0; i < v->tag_count; i++) {
        uint8_t tag[ATE__NAME_TAG];
        model_tag(v->tag[i], tag);
        assert_memory_equal(f.tags + (size_t)i * ATE__NAME_TAG, tag, sizeof tag);
    }
    if (v->sequence >= m->published)
        return;
    assert_true(f.created_us == m->time_us[v->created_sequence]);
    assert_true(f.updated_us == m->time_us[v->sequence]);
}

static void check_body(const struct model *m, const struct ate__view_snapshot *s, unsigned object)
{
    const struct model_version *v = model_at(m, object, s->size);
    struct ate__view_body b;
    struct ate_id id = id_of(object);
    if (!v || v->deleted) {
        assert_int_equal(ate__view_body(s, &id, &b), ATE_NOT_FOUND);
        return;
    }
    assert_int_equal(ate__view_body(s, &id, &b), 0);
    assert_true(b.sequence == v->sequence);
    assert_int_equal(b.offset, v->offset);
    assert_int_equal(b.size, v->size);
    assert_memory_equal(&b.hash, &v->hash, sizeof v->hash);
    if (v->sequence >= m->published)
        return;
    assert_true(b.position.place == v->sequence * 10);
    assert_int_equal(b.position.size, v->sequence + 5);
    assert_true(b.updated_us == m->time_us[v->sequence]);
}

/* The n children, or those of one collection, from one end or the other, behind one of them. */
static void check_list(const struct model *m, const struct ate__view_snapshot *s,
                       const struct ate__listing *l, const unsigned children[], unsigned n)
{
    struct ate_id child, want;
    bool begun = !l->has_from, member = !l->has_from;
    uint64_t at = 0;
    int rc = 0;
    for (unsigned i = 0; i < n && l->has_from; i++) {
        want = id_of(children[i]);
        member |= ate__id_equal(&want, &l->from) &&
                  (!l->one || model_at(m, children[i], s->size)->collection == l->collection);
    }
    for (unsigned i = 0; i < n && member; i++) {
        unsigned object = children[l->reverse ? n - 1 - i : i];
        want = id_of(object);
        if (l->one && model_at(m, object, s->size)->collection != l->collection)
            continue;
        if (begun) {
            assert_int_equal(ate__view_next_child(s, l, &at, &child), 0);
            assert_memory_equal(&child, &want, sizeof child);
        }
        begun |= ate__id_equal(&want, &l->from);
    }
    rc = ate__view_next_child(s, l, &at, &child);
    assert_int_equal(rc, member ? ATE_END : ATE_NOT_FOUND);
}

static void check_lists(const struct model *m, const struct ate__view_snapshot *s, unsigned parent,
                        const unsigned children[], unsigned n)
{
    for (unsigned i = 0; i < 32; i++) {
        struct ate__listing l = {.parent = id_of(parent),
                                 .one = i & 1,
                                 .reverse = i & 2,
                                 .has_from = i & 4,
                                 .from =
                                     id_of(n && i & 8 ? children[i % n] : 1 + i % MODEL_OBJECTS)};
        l.collection = n && i & 16 ? model_at(m, children[i % n], s->size)->collection : i % 3;
        check_list(m, s, &l, children, n);
    }
}

static void check_below(const struct model *m, const struct ate__view_snapshot *s, unsigned parent)
{
    unsigned children[MODEL_OBJECTS];
    unsigned n = model_children(m, parent, s->size, children);
    struct ate_id id = id_of(parent), child;
    check_lists(m, s, parent, children, n);
    for (unsigned tag = 0; tag < MODEL_TAGS; tag++) {
        uint8_t bytes[ATE__NAME_TAG];
        model_tag(tag, bytes);
        unsigned holder = 0;
        for (unsigned i = 0; i < n; i++)
            if (has_tag(model_at(m, children[i], s->size), tag))
                holder = children[i];
        int rc = ate__view_tag_holder(s, &id, bytes, &child);
        assert_int_equal(rc, holder ? 0 : ATE_NOT_FOUND);
        struct ate_id want = id_of(holder);
        if (holder)
            assert_memory_equal(&child, &want, sizeof child);
    }
}

/* What was current at some published size is said to be so still only if it is. */
static void check_still(const struct model *m, const struct ate__view_snapshot *s, unsigned object)
{
    struct ate_id id = id_of(object);
    for (unsigned back = 0; back < 40; back += 1 + back / 3) {
        uint64_t seen = m->published - (back < m->published ? back : m->published);
        const struct model_version *then = model_at(m, object, seen);
        if (!then)
            continue;
        const struct model_version *now = model_at(m, object, s->size);
        int rc = ate__view_still(s, &id, then->sequence, seen);
        assert_true(rc == 0 || rc == ATE_NOT_FOUND);
        if (!rc)
            assert_ptr_equal(now, then);
        if (seen >= s->size && now == then)
            assert_int_equal(rc, 0);
    }
}

void model_check(const struct model *m, const struct ate__view_snapshot *s)
{
    for (unsigned i = 0; i <= MODEL_OBJECTS; i++) {
        check_object(m, s, i);
        if (i)
            check_body(m, s, i);
        if (i)
            check_still(m, s, i);
        check_below(m, s, i);
    }
}

void model_check_latest(const struct model *m)
{
    struct ate__view_snapshot s = {m->view, NULL, UINT64_MAX};
    model_check(m, &s);
}
