/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "mesh/thin_own.h"
#include "base/alloc.h"
#include "base/err.h"

void ate__thin_own_init(struct ate__thin_own *own)
{
    *own = (struct ate__thin_own){.notes = {{0}}};
    pthread_mutex_init(&own->mutex, NULL);
}

void ate__thin_own_deinit(struct ate__thin_own *own)
{
    for (unsigned i = 0; i < ATE__OWN_NOTES; i++)
        ate__free(own->notes[i].ids);
    pthread_mutex_destroy(&own->mutex);
}

/* A public key changes nothing that a snapshot keeps. */
static bool is_narrow(const struct ate__event *e)
{
    if (e->form == ATE__DROPPED)
        return false;
    return e->kind == ATE__EVENT_PUBLIC_KEY ||
           (e->kind == ATE__EVENT_BODY && !ate__header_has(&e->header, ATE__TAG_TOMBSTONE));
}

static void fill(struct ate__own_note *n, const struct ate__tx *tx)
{
    for (uint32_t i = 0; i < tx->event_count && !n->broad; i++)
        n->broad = !is_narrow(&tx->events[i]);
    n->broad = n->broad || tx->event_count > ATE__OWN_IDS_MAX;
    if (n->broad)
        return;
    n->ids = ate__alloc_array(tx->event_count, sizeof *n->ids);
    n->broad = !n->ids;
    for (uint32_t i = 0; i < tx->event_count && n->ids; i++)
        if (tx->events[i].kind == ATE__EVENT_BODY)
            n->ids[n->count++] = tx->events[i].header.object;
}

void ate__thin_own_note(struct ate__thin_own *own, const struct ate__tx *tx, uint64_t sequence)
{
    struct ate__own_note fresh = {.sequence = sequence};
    fill(&fresh, tx);
    pthread_mutex_lock(&own->mutex);
    struct ate__own_note *n = &own->notes[sequence % ATE__OWN_NOTES];
    if (n->sequence < sequence) {
        struct ate__own_note older = *n;
        *n = fresh;
        fresh = older;
    }
    pthread_mutex_unlock(&own->mutex);
    ate__free(fresh.ids);
}

static bool add_touched(const struct ate__own_note *n, struct ate__map *touched)
{
    for (uint32_t i = 0; i < n->count; i++)
        if (ate__map_put(touched, &n->ids[i], 1))
            return false;
    return true;
}

bool ate__thin_own_touched(struct ate__thin_own *own, uint64_t from, uint64_t to,
                           struct ate__map *touched)
{
    bool ours = to - from <= ATE__OWN_NOTES;
    pthread_mutex_lock(&own->mutex);
    for (uint64_t sequence = from; ours && sequence < to; sequence++) {
        const struct ate__own_note *n = &own->notes[sequence % ATE__OWN_NOTES];
        ours = n->sequence == sequence && !n->broad && add_touched(n, touched);
    }
    pthread_mutex_unlock(&own->mutex);
    return ours;
}
