/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * server_resync.c: what a stream gets in the place of groups that were compacted: the leaves of all
 * full tiles below the cut-off, then the groups as compaction has left them (docs/format/wire.md,
 * "Resync").
 *
 *  1. All of it is of one generation of the log: what a compaction leaves of a later part goes
 *     with what it has left of an earlier one. Where another one comes in between, the stream ends
 *     with BUSY, and the client begins again.
 */
#include "base/err.h"
#include "mesh/server_private.h"

int ate__resync_check(struct ate__hosted *h, uint64_t from,
                      struct ate__remains_of_chain *ret_remains)
{
    struct ate__remains_of_chain remains;
    struct ate__storage *storage = ate__chain_storage(h->chain);
    struct ate__storage_state state;
    storage->v->state(storage, &state);
    if (from >= state.cut_off)
        return 0;
    int rc = ate__chain_remains(h->chain, &remains);
    if (rc || from >= remains.kept_end)
        return rc;
    if (ret_remains)
        *ret_remains = remains;
    return ate__fail(ATE_COMPACTED, "the server's log was compacted below transaction %llu",
                     (unsigned long long)remains.cut_off);
}

static int check_generation(struct ate__hosted *h, const struct ate__resyncing *at)
{
    struct ate__storage *storage = ate__chain_storage(h->chain);
    struct ate__storage_state state;
    storage->v->state(storage, &state);
    if (state.generation == at->generation)
        return 0;
    return ate__fail(ATE_BUSY, "the server's log was compacted meanwhile: begin again");
}

static int add_frame(struct ate__groups *to, size_t at, uint16_t type, uint64_t first, uint64_t end)
{
    int rc = ate__grow(&to->frames, &to->capacity, to->count + 1, sizeof *to->frames);
    if (!rc)
        to->frames[to->count++] =
            (struct ate__group_out_frame){type, at, to->bytes.size - at, first, end};
    return rc;
}

/* ---- leaves ---- */

static int put_leaves(struct ate__hosted *h, const struct ate__resyncing *at, size_t bytes_max,
                      struct ate__groups *groups)
{
    struct ate__storage *storage = ate__chain_storage(h->chain);
    struct ate_hash tile[ATE__TILE_LEAVES];
    uint64_t tiles = ate__max(
        ate__min(bytes_max / sizeof tile, ATE__LEAVES_FRAME_MAX / ATE__TILE_LEAVES), (size_t)1);
    uint64_t end = ate__min(at->leaves_end, at->leaves + tiles * ATE__TILE_LEAVES);
    ate__cleanup(ate__buf_deinit) struct ate__buf hashes = ATE__BUF_NULL;
    int rc = 0;
    for (uint64_t first = at->leaves; !rc && first < end; first += ATE__TILE_LEAVES) {
        rc = storage->v->tiles_stored(storage, first, tile);
        if (!rc)
            rc = ate__buf_append(&hashes, ate__bytes(tile, sizeof tile));
    }
    struct ate__wr w = ate__wr_of(&groups->bytes);
    if (!rc)
        ate__msg_leaves_encode(
            &w, &(struct ate__msg_leaves){at->leaves, (uint32_t)(end - at->leaves), hashes.data});
    if (!rc)
        rc = ate__wr_end(&w);
    return rc ? rc : add_frame(groups, 0, ATE__MSG_LEAVES, at->leaves, end);
}

/* ---- what is left ---- */

struct leaving {
    struct ate__groups *groups;
    size_t bytes_max;
    uint64_t next; /* where the range before ended */
    struct ate__group_out group;
    uint32_t count; /* of its records */
    struct ate__buf records;
};

static int put_range(struct leaving *l)
{
    struct ate__groups *to = l->groups;
    struct ate__msg_kept m = {
        .first = l->next,
        .end = l->group.end_sequence,
        .root_time_us = l->group.root_time_us,
        .count = l->count,
        .records = ate__buf_bytes(&l->records),
    };
    size_t at = to->bytes.size;
    struct ate__wr w = ate__wr_of(&to->bytes);
    ate__msg_kept_encode(&w, &m);
    int rc = ate__wr_end(&w);
    if (!rc)
        rc = add_frame(to, at, ATE__MSG_KEPT, m.first, m.end);
    l->next = m.end;
    l->count = 0;
    ate__buf_clear(&l->records);
    return rc || to->bytes.size < l->bytes_max ? rc : ATE_END;
}

static int on_group(void *arg, const struct ate__group_out *group)
{
    struct leaving *l = arg;
    l->group = *group;
    return group->compacted && !group->count ? put_range(l) : 0;
}

static int on_record(void *arg, const struct ate__record_out *record)
{
    struct leaving *l = arg;
    struct ate__wr w = ate__wr_of(&l->records);
    struct ate__kept_record kept = {record->sequence, record->identity, record->body};
    ate__msg_kept_add(&w, &kept);
    l->count++;
    int rc = ate__wr_end(&w);
    return rc || !record->last_in_group ? rc : put_range(l);
}

static int put_kept(struct ate__hosted *h, const struct ate__resyncing *at, uint64_t from,
                    size_t bytes_max, struct ate__groups *groups)
{
    struct ate__storage *storage = ate__chain_storage(h->chain);
    struct leaving l = {.groups = groups, .bytes_max = bytes_max, .next = from};
    int rc =
        storage->v->scan(storage, from, at->kept_end, &(struct ate__scan){on_group, on_record, &l});
    ate__buf_deinit(&l.records);
    return rc == ATE_END ? 0 : rc;
}

int ate__resync_read(struct ate__hosted *h, const struct ate__resyncing *at, uint64_t from,
                     size_t bytes_max, struct ate__groups *groups)
{
    ate__groups_clear(groups);
    groups->end = from;
    groups->to = UINT64_MAX; /* there is more */
    int rc = at->leaves < at->leaves_end ? put_leaves(h, at, bytes_max, groups)
                                         : put_kept(h, at, from, bytes_max, groups);
    int generation_rc = check_generation(h, at);
    return generation_rc ? generation_rc : rc;
}
