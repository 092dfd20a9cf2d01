/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * room.c: what a chain takes in while the disk is full: what makes room, and nothing else.
 */
#include "base/err.h"
#include "chain/chain_private.h"

bool ate__tx_frees(const struct ate__tx *tx)
{
    bool frees = false;
    for (uint32_t i = 0; i < tx->event_count; i++) {
        const struct ate__event *e = &tx->events[i];
        if ((e->kind == ATE__EVENT_BODY && ate__header_has(&e->header, ATE__TAG_TOMBSTONE)) ||
            e->kind == ATE__EVENT_SNAPSHOT)
            frees = true;
        else if (e->kind != ATE__EVENT_PUBLIC_KEY)
            return false;
    }
    return frees;
}

void ate__chain_ask_room(struct ate__chain *c)
{
    struct ate__storage_state state;
    c->storage->v->state(c->storage, &state);
    c->full = state.full;
}

int ate__chain_no_room(const char *cause)
{
    return ate__fail(
        ATE_E_NO_SPACE,
        "nothing was applied: the disk is full, and nothing new is taken in until there is room "
        "again: make room there, or delete and compact, which go on, as reading does%s%s",
        cause ? ": " : "", cause ? cause : "");
}

int ate__chain_check_room(struct ate__chain *c, const struct ate__tx *tx)
{
    if (!c->full || ate__tx_frees(tx))
        return 0;
    if (!c->conf.workers) {
        int rc = c->storage->v->prepare(c->storage);
        (void)rc; /* it says the same */
    }
    ate__chain_ask_room(c);
    if (!c->full)
        return 0;
    ate__chain_tick_due(c); /* which tries again, each second */
    return ate__chain_no_room(NULL);
}
