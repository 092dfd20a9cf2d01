/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * values.c: what is in force is whole.
 */
#include "chain/values.h"
#include "base/err.h"
#include "base/text.h"
#include "chain/chain_private.h"

static int in_force(struct ate__chain *c, const struct ate__event *e, bool *ret_in_force)
{
    struct ate__view_snapshot s;
    struct ate__view_newest newest;
    int rc = ate__chain_view_begin(c, &s);
    if (rc)
        return rc;
    rc = ate__view_newest(&s, &e->header.object, &newest);
    ate__chain_view_end(c, &s);
    if (rc && rc != ATE_NOT_FOUND)
        return rc;
    *ret_in_force = !rc && !newest.deleted && ate__hash_equal(&newest.hash, &e->hash);
    return 0;
}

/* A reader's view stands still while the log that it reads from is compacted. */
static bool is_behind(const struct ate__chain *c)
{
    struct ate__storage_state state;
    c->storage->v->state(c->storage, &state);
    return !state.writable && state.generation != c->generation;
}

static int left_out(const struct ate__chain *c, const struct ate__event *e, uint64_t sequence)
{
    char id[ATE__ID_TEXT];
    if (is_behind(c))
        return ate__fail(ATE_STALE, "another process compacted the chain since it was opened here");
    return ate__fail(ATE_OMITTED,
                     "object %s: its value, of transaction %llu, is in force and was left out",
                     ate__id_text(&e->header.object, id), (unsigned long long)sequence);
}

int ate__chain_check_values(struct ate__chain *c, const struct ate__tx *tx, uint64_t sequence)
{
    bool found = false;
    int rc = 0;
    for (uint32_t i = 0; i < tx->event_count && !rc; i++) {
        const struct ate__event *e = &tx->events[i];
        if (e->form != ATE__STRIPPED || e->kind != ATE__EVENT_BODY)
            continue;
        rc = in_force(c, e, &found);
        if (!rc && found)
            rc = left_out(c, e, sequence);
    }
    return rc;
}

static int check_record(void *arg, const struct ate__record_out *record)
{
    struct ate__chain *c = arg;
    struct ate__tx tx;
    int rc = ate__chain_check_wanted(c);
    if (rc || record->identity)
        return rc;
    rc = ate__tx_decode(record->body, ate__trust_alg(c->trust), &tx);
    if (rc)
        return rc;
    rc = ate__chain_check_values(c, &tx, record->sequence);
    ate__tx_deinit(&tx);
    return rc;
}

int ate__chain_check_all_values(struct ate__chain *c)
{
    struct ate__storage *s = c->storage;
    return c->trust ? s->v->scan(s, 0, ate__chain_published(c),
                                 &(struct ate__scan){NULL, check_record, c})
                    : 0;
}
