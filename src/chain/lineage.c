/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "chain/lineage.h"

void ate__lineage_init(struct ate__lineage *v, struct ate__chain *chain, const struct ate_id *id,
                       uint64_t low, uint64_t high)
{
    *v = (struct ate__lineage){.id = *id};
    ate__search_init(&v->search, chain, id, low, high);
}

void ate__lineage_deinit(struct ate__lineage *v)
{
    ate__search_deinit(&v->search);
}

/* A transaction has at most one body event or tombstone of an object. NULL: none. */
static const struct ate__event *event_of(const struct ate__tx *tx, const struct ate_id *id)
{
    for (uint32_t i = 0; i < tx->event_count; i++) {
        const struct ate__event *e = &tx->events[i];
        if (e->form != ATE__DROPPED && e->kind == ATE__EVENT_BODY &&
            ate__id_equal(&e->header.object, id))
            return e;
    }
    return NULL;
}

int ate__lineage_next(struct ate__lineage *v, struct ate__version_at *ret_version)
{
    struct ate__version_at at;
    for (;;) {
        int rc = ate__search_next(&v->search, &at.found);
        if (rc)
            return rc;
        at.event = event_of(&at.found.tx, &v->id);
        if (at.event)
            break;
        ate__found_deinit(&at.found);
    }
    const struct ate__header *h = &at.event->header;
    at.tombstone = ate__header_has(h, ATE__TAG_TOMBSTONE);
    at.creates = !ate__header_has(h, ATE__TAG_PREV);
    at.gap = v->expects && !ate__hash_equal(&at.event->hash, &v->expected);
    v->expects = !at.creates;
    v->expected = h->prev;
    *ret_version = at;
    return 0;
}
