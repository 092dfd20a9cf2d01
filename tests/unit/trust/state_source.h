/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * state_source.h: a model and a list of transactions as what a state root is made from.
 */
#pragma once
#include "model.h"
#include "trust/state_root.h"

struct source_txn {
    struct ate__txn_id id;
    struct ate_hash hash;
};
struct model_source {
    struct ate__state_source source;
    const struct model *m;
    const struct source_txn *txns; /* of the sequences 0 to size - 1 */
    uint64_t size, window;
};

static inline int model_source_object(void *arg, uint64_t *at, struct ate__state_object *ret)
{
    const struct model_source *s = arg;
    while (*at < s->m->count) {
        const struct model_object *o = &s->m->objects[(*at)++];
        bool top = ate__is_top(&o->id);
        if ((top && !o->control) || (!o->live && !o->deleted))
            continue;
        *ret = (struct ate__state_object){.id = o->id, .live = o->live, .sequence = o->sequence};
        if (!top)
            ret->body = o->body;
        if (o->control)
            ret->control = o->control->hash;
        return 0;
    }
    return ATE_END;
}

static inline int model_source_txn(void *arg, uint64_t *at, struct ate__state_txn *ret)
{
    const struct model_source *s = arg;
    uint64_t from = s->size > s->window ? s->size - s->window : 0, sequence = from + (*at)++;
    if (sequence >= s->size)
        return ATE_END;
    *ret = (struct ate__state_txn){sequence, s->txns[sequence].id, s->txns[sequence].hash};
    return 0;
}

/* To be given as &s->source. */
static inline void model_source_init(struct model_source *s, const struct model *m,
                                     const struct source_txn *txns, uint64_t size, uint64_t window)
{
    *s = (struct model_source){
        .source = {model_source_object, model_source_txn, s},
        .m = m,
        .txns = txns,
        .size = size,
        .window = window,
    };
}
