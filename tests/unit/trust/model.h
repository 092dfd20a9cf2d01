/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * model.h: the simplest state that acceptance can be asked about: a list of objects, looked
 * through.
 *
 * It answers as facts, takes accepted transactions in as docs/format/trust.md says, and keeps
 * nothing that it could find out again. Root of the tree of n transactions: a hash of n.
 */
#pragma once
#include "ate/result.h"
#include "trust/accept.h"
#include <stdlib.h>

struct model_object {
    struct ate_id id;
    bool live, deleted;
    uint64_t sequence; /* of its body or deletion */
    uint64_t created, updated_us;
    struct ate_hash body;
    struct ate_id parent;
    uint32_t collection;
    unsigned tag_count;
    uint8_t tags[2 * ATE__NAME_TAG];
    struct ate__control *control; /* a reference, or NULL */
};
struct model {
    struct ate__facts facts; /* &m->facts is what acceptance gets */
    struct model_object *objects; /* the top is the first */
    size_t count, capacity;
    uint64_t size;  /* transactions taken in */
    uint64_t now_us; /* root time of what is taken in */
    uint64_t asked; /* questions about objects, ever */
    int fail;       /* what the facts answer instead; 0: nothing */
};

static inline struct model *model_of(const struct ate__facts *f)
{
    return (struct model *)(uintptr_t)f;
}

static inline struct model_object *model_find(const struct model *m, const struct ate_id *id)
{
    for (size_t i = 0; i < m->count; i++)
        if (ate__id_equal(&m->objects[i].id, id))
            return &m->objects[i];
    return NULL;
}

static inline struct ate_hash model_root(uint64_t size)
{
    struct ate_hash root;
    if (ate__sha256(ate__bytes(&size, size ? sizeof size : 0), &root))
        abort();
    return root;
}

/* ---- facts ---- */

static inline int model_object(const struct ate__facts *f, const struct ate_id *id,
                               struct ate__object_facts *ret)
{
    struct model *m = model_of(f);
    const struct model_object *o = model_find(m, id);
    m->asked++;
    if (m->fail)
        return m->fail;
    *ret = (struct ate__object_facts){0};
    if (!o)
        return 0;
    ret->live = o->live;
    ret->deleted = o->deleted;
    ret->sequence = o->sequence;
    ret->created_sequence = o->created;
    ret->updated_us = o->updated_us;
    ret->body = o->body;
    ret->parent = o->parent;
    ret->collection = o->collection;
    ret->tag_count = o->tag_count;
    memcpy(ret->tags, o->tags, sizeof ret->tags);
    ret->control = o->control;
    return 0;
}

static inline bool model_has_tag(const struct model_object *o, const uint8_t tag[ATE__NAME_TAG])
{
    for (unsigned i = 0; i < o->tag_count; i++)
        if (!memcmp(o->tags + ATE__NAME_TAG * (size_t)i, tag, ATE__NAME_TAG))
            return true;
    return false;
}

static inline int model_tag_holder(const struct ate__facts *f, const struct ate_id *parent,
                                   const uint8_t tag[ATE__NAME_TAG], struct ate_id *ret_id)
{
    const struct model *m = model_of(f);
    if (m->fail)
        return m->fail;
    for (size_t i = 1; i < m->count; i++) {
        const struct model_object *o = &m->objects[i];
        if (o->live && ate__id_equal(&o->parent, parent) && model_has_tag(o, tag)) {
            *ret_id = o->id;
            return 0;
        }
    }
    return ATE_NOT_FOUND;
}

static inline int model_next_child(const struct ate__facts *f, const struct ate__listing *l,
                                   uint64_t *at, struct ate_id *ret_child)
{
    const struct model *m = model_of(f);
    if (m->fail)
        return m->fail;
    for (size_t i = *at ? (size_t)*at : 1; i < m->count; i++) {
        const struct model_object *o = &m->objects[i];
        if (o->live && ate__id_equal(&o->parent, &l->parent)) {
            *ret_child = o->id;
            *at = i + 1;
            return 0;
        }
    }
    *at = m->count;
    return ATE_END;
}

static inline int model_root_at(const struct ate__facts *f, uint64_t size,
                                struct ate_hash *ret_root)
{
    const struct model *m = model_of(f);
    if (m->fail)
        return m->fail;
    if (size > m->size)
        return ATE_NOT_FOUND;
    *ret_root = model_root(size);
    return 0;
}

/* ---- life ---- */

static inline struct model_object *model_make(struct model *m, const struct ate_id *id)
{
    struct model_object *o = model_find(m, id);
    if (o)
        return o;
    if (m->count == m->capacity) {
        m->capacity = m->capacity ? m->capacity * 2 : 16;
        m->objects = realloc(m->objects, m->capacity * sizeof *m->objects);
        if (!m->objects)
            abort();
    }
    m->objects[m->count] = (struct model_object){.id = *id};
    return &m->objects[m->count++];
}

static inline void model_init(struct model *m)
{
    static const struct ate__facts_vtable vtable = {model_object, model_tag_holder,
                                                    model_next_child, model_root_at};
    *m = (struct model){.facts = {&vtable}};
    model_make(m, &ate__top_id)->live = true;
}

static inline void model_deinit(struct model *m)
{
    for (size_t i = 0; i < m->count; i++)
        ate__control_unref(m->objects[i].control);
    free(m->objects);
}

/* A copy that shares the controls. */
static inline void model_copy(const struct model *from, struct model *to)
{
    *to = *from;
    to->objects = malloc(from->capacity * sizeof *to->objects);
    if (!to->objects)
        abort();
    memcpy(to->objects, from->objects, from->count * sizeof *to->objects);
    for (size_t i = 0; i < to->count; i++)
        ate__control_ref(to->objects[i].control);
}

/* ---- transactions ---- */

static inline void model_take_body(struct model *m, const struct ate__event *e, uint64_t sequence)
{
    struct model_object *o = model_make(m, &e->header.object);
    if (!o->live)
        o->created = sequence;
    o->updated_us = m->now_us;
    o->live = true;
    o->deleted = false;
    o->sequence = sequence;
    o->body = e->hash;
    o->parent = e->header.parent;
    o->collection = e->header.collection;
    o->tag_count = e->header.tag_count;
    if (o->tag_count)
        memcpy(o->tags, e->header.tags, ATE__NAME_TAG * (size_t)o->tag_count);
}

static inline void model_take_control(struct model *m, const struct ate__event *e,
                                      uint64_t sequence)
{
    struct model_object *o = model_make(m, &e->header.object);
    struct ate__control *older = o->control;
    if (ate__control_new(e, sequence, older, &o->control))
        abort();
    ate__control_unref(older);
}

static inline void model_delete(struct model *m, const struct ate_id *id, bool subtree,
                                uint64_t sequence)
{
    struct model_object *o = model_find(m, id);
    if (!o || !o->live)
        return;
    o->live = false;
    o->deleted = true;
    o->sequence = sequence;
    o->tag_count = 0;
    ate__control_unref(o->control);
    o->control = NULL;
    for (size_t i = 1; subtree && i < m->count; i++)
        if (m->objects[i].live && ate__id_equal(&m->objects[i].parent, id))
            model_delete(m, &m->objects[i].id, true, sequence);
}

static inline bool model_is_tombstone(const struct ate__event *e)
{
    return ate__header_has(&e->header, ATE__TAG_TOMBSTONE);
}

static inline void model_take(struct model *m, const struct ate__tx *tx, uint64_t sequence)
{
    for (uint32_t i = 0; i < tx->event_count; i++)
        if (tx->events[i].form == ATE__DROPPED)
            continue;
        else if (tx->events[i].kind == ATE__EVENT_BODY && !model_is_tombstone(&tx->events[i]))
            model_take_body(m, &tx->events[i], sequence);
        else if (tx->events[i].kind == ATE__EVENT_CONTROL)
            model_take_control(m, &tx->events[i], sequence);
    for (uint32_t i = 0; i < tx->event_count; i++)
        if (tx->events[i].form != ATE__DROPPED && tx->events[i].kind == ATE__EVENT_BODY &&
            model_is_tombstone(&tx->events[i]))
            model_delete(m, &tx->events[i].header.object, tx->events[i].header.tombstone, sequence);
    m->size = sequence + 1;
}
