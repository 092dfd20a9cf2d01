/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "chain/past_replay.h"

enum { PUBLISH_EVERY = 1024 };

struct replay {
    struct ate__chain *chain;
    uint64_t from, to, told;
    const struct ate_id *parent;
    const struct ate__progress *progress;
    struct ate__replayed *out;
    struct ate__map known; /* ids that lay below the parent at some time */
};

/* What does not concern the children of the parent is left out of the transaction. */
static int choose(struct replay *r, struct ate__tx *tx)
{
    for (uint32_t i = 0; i < tx->event_count; i++) {
        struct ate__event *e = &tx->events[i];
        const struct ate_id *id = &e->header.object;
        if (e->form == ATE__DROPPED)
            continue;
        bool body = e->kind == ATE__EVENT_BODY;
        bool tombstone = body && ate__header_has(&e->header, ATE__TAG_TOMBSTONE);
        bool known = body && ate__map_get(&r->known, id, NULL);
        bool comes = body && !tombstone && !known && ate__id_equal(&e->header.parent, r->parent);
        bool creates = body && !ate__header_has(&e->header, ATE__TAG_PREV);
        int rc = comes ? ate__map_put(&r->known, id, 0) : 0;
        if (!rc && (comes ? !creates : known && creates)) /* its life began out of sight */
            rc = ate__map_put(&r->out->moved_in, id, 0);
        if (rc)
            return rc;
        if (!known && !comes)
            e->form = ATE__DROPPED;
    }
    return 0;
}

static void publish(struct replay *r, uint64_t size)
{
    ate__view_publish(r->out->view, size);
    ate__view_reclaim(r->out->view, 0);
    r->told = size;
    if (r->progress->call)
        r->progress->call(r->progress->arg, "read", size - r->from, r->to - r->from);
}

static int take(void *arg, const struct ate__record_out *record)
{
    struct replay *r = arg;
    struct ate__tx tx;
    if (record->identity)
        return 0;
    int rc = ate__tx_decode(record->body, ate__trust_alg(ate__chain_trust(r->chain)), &tx);
    if (rc)
        return rc;
    if (r->parent)
        rc = choose(r, &tx);
    if (!rc)
        rc = ate__view_install(r->out->view, &tx, record->sequence);
    if (!rc)
        ate__view_place(r->out->view, record->sequence, &record->position, record->root_time_us);
    ate__tx_deinit(&tx);
    if (!rc && record->sequence - r->told >= PUBLISH_EVERY)
        publish(r, record->sequence + 1);
    return rc;
}

int ate__past_replay(struct ate__chain *chain, const struct ate__env *env, uint64_t from,
                     uint64_t to, const struct ate_id *parent, const struct ate__progress *progress,
                     struct ate__replayed *ret)
{
    struct ate__storage *s = ate__chain_storage(chain);
    struct ate__replayed out = {.view = NULL};
    struct replay r = {chain, from, to, from, parent, progress, &out, {0}};
    uint64_t seed[2];
    ate__random(env, seed, sizeof seed);
    ate__map_init(&r.known, sizeof(struct ate_id), seed);
    ate__map_init(&out.moved_in, sizeof(struct ate_id), seed);
    int rc = ate__view_new(env, &out.view);
    if (!rc)
        rc = s->v->scan(s, from, to, &(struct ate__scan){NULL, take, &r});
    ate__map_deinit(&r.known);
    if (rc) {
        ate__replayed_deinit(&out);
        return rc;
    }
    publish(&r, to);
    *ret = out;
    return 0;
}

void ate__replayed_deinit(struct ate__replayed *r)
{
    ate__view_free(r->view);
    ate__map_deinit(&r->moved_in);
}
