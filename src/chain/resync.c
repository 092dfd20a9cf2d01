/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * resync.c: a mirror takes over what compaction has left of its chain at the server.
 */
#include "chain/resync.h"
#include "base/alloc.h"
#include "base/err.h"
#include "chain/believe.h"
#include "chain/chain_private.h"
#include "chain/replace.h"
#include "chain/signed.h"
#include "chain/values.h"
#include "redo/import.h"
#include "redo/segment.h"

enum { ROOM_STEP = 64 << 10, FREE_PART = 8 };

struct ate__resync {
    struct ate__resync_conf conf;
    uint64_t stays_free,
        room_at; /* of the disk; how many bytes that came let it be looked at next */
    struct ate__import *import; /* NULL: it has ended */
    uint64_t leaves, bytes;     /* that came */
    struct ate_hash root;       /* before the next group */
    struct ate__buf note;       /* conf.note */
    struct ate__storage *storage; /* from the end of the import to judge() */
    struct ate__chain *judged;
};

static const struct ate__vfs *vfs_of(const struct ate__resync *r)
{
    return r->conf.chain.env->vfs;
}

/* ---- what comes ---- */

static int note_id(void *arg, const char *file, uint64_t from, uint64_t to)
{
    uint64_t *highest = arg, id;
    (void)from, (void)to;
    if (ate__segment_id_of(file, &id) && id > *highest)
        *highest = id;
    return 0;
}

/* No segment of the mirror has it, nor one of those behind it: so none is taken for another. */
static int free_id(const struct ate__resync_conf *conf, uint64_t *ret_id)
{
    struct ate__storage *s = conf->present ? ate__chain_storage(conf->present) : NULL;
    uint64_t highest = 0;
    int rc = s && conf->dir ? s->v->used(s, note_id, &highest) : 0;
    if (!rc)
        *ret_id = highest + 1;
    return rc;
}

static uint64_t room_of(const struct ate__resync *r)
{
    return r->conf.dir ? vfs_of(r)->room(r->conf.dir) : UINT64_MAX;
}

/* Room for so many bytes more, and for the copy of all in the mirror. */
static int check_room(struct ate__resync *r, uint64_t more)
{
    uint64_t room = room_of(r), wanted = r->bytes + 2 * more;
    r->room_at = r->bytes + more + ROOM_STEP;
    if (room >= r->stays_free && room - r->stays_free >= wanted)
        return 0;
    return ate__fail(ATE_E_NO_SPACE,
                     "what the server sends to begin a mirror with wants %llu bytes more of the "
                     "disk, which has %llu free, and keeps %llu of them",
                     (unsigned long long)wanted, (unsigned long long)room,
                     (unsigned long long)r->stays_free);
}

/* Before it is kept. */
static int count_bytes(struct ate__resync *r, uint64_t bytes)
{
    if (bytes > r->conf.bytes_max - r->bytes)
        return ate__fail(ATE_TOO_BIG,
                         "what the server sends to begin a mirror with is more than %llu bytes",
                         (unsigned long long)r->conf.bytes_max);
    int rc = r->bytes + bytes >= r->room_at ? check_room(r, bytes) : 0;
    r->bytes += rc ? 0 : bytes;
    return rc;
}

static int begin_import(struct ate__resync *r)
{
    struct ate__import_conf conf = {
        .env = r->conf.chain.env,
        .dir = r->conf.dir,
        .dir_name = ATE__RESYNC_NAME,
        .chain_id = r->conf.chain_id,
        .role = ATE__ROLE_MIRROR,
        .cut_off = r->conf.cut_off,
        .kept_end = r->conf.kept_end,
        .kept_root = r->conf.kept_root,
    };
    int rc = free_id(&r->conf, &conf.first_id);
    if (!rc && r->conf.dir)
        rc = ate__import_remove(vfs_of(r), r->conf.dir, ATE__RESYNC_NAME);
    if (rc)
        return rc;
    r->stays_free = ate__min(room_of(r) / FREE_PART, (uint64_t)ATE__RESYNC_FREE_MIB << 20);
    rc = check_room(r, r->conf.cut_off * sizeof(struct ate_hash));
    r->room_at = 0;
    return rc ? rc : ate__import_new(&conf, &r->import);
}

int ate__resync_new(const struct ate__resync_conf *conf, struct ate__resync **ret_resync)
{
    if (conf->end <= conf->cut_off || conf->end < conf->kept_end)
        return ate__fail(ATE_MALFORMED, "a head below the cut-off");
    struct ate__resync *r = ate__alloc(sizeof *r);
    if (!r)
        return ate__no_memory();
    r->conf = *conf;
    r->root = conf->kept_root;
    if (!r->conf.bytes_max)
        r->conf.bytes_max = (uint64_t)(conf->dir ? ATE__RESYNC_MIB_MAX : ATE__RESYNC_MEMORY_MIB_MAX)
                            << 20;
    int rc = ate__buf_append(&r->note, conf->note);
    if (!rc)
        rc = conf->cut_off > r->conf.bytes_max / sizeof(struct ate_hash)
                 ? count_bytes(r, UINT64_MAX)
                 : begin_import(r);
    if (rc) {
        ate__resync_free(r);
        return rc;
    }
    *ret_resync = r;
    return 0;
}

static int check_open(const struct ate__resync *r)
{
    return r->import ? 0 : ate__fail(ATE_MALFORMED, "more than was said");
}

int ate__resync_leaves(struct ate__resync *r, uint64_t first, struct ate_bytes hashes)
{
    struct ate_hash tile[ATE__TILE_LEAVES];
    int rc = check_open(r);
    if (!rc && (first != r->leaves || hashes.size % sizeof tile))
        rc = ate__fail(ATE_MALFORMED, "leaves from %llu, where %llu is next",
                       (unsigned long long)first, (unsigned long long)r->leaves);
    if (!rc)
        rc = count_bytes(r, hashes.size);
    for (size_t at = 0; !rc && at < hashes.size; at += sizeof tile) {
        memcpy(tile, (const uint8_t *)hashes.data + at, sizeof tile);
        rc = ate__import_leaves(r->import, tile);
    }
    if (!rc)
        r->leaves += hashes.size / sizeof tile[0];
    return rc;
}

int ate__resync_range(struct ate__resync *r, const struct ate__import_range *range)
{
    uint64_t bytes = ATE__GROUP_HEAD;
    for (size_t i = 0; i < range->count; i++)
        bytes += ate__record_bytes(range->records[i].body.size);
    int rc = check_open(r);
    if (!rc)
        rc = count_bytes(r, bytes);
    return rc ? rc : ate__import_range(r->import, range);
}

bool ate__resync_is_whole(const struct ate__resync *r)
{
    return r->import && ate__import_size(r->import) == r->conf.end;
}

int ate__resync_group(struct ate__resync *r, const struct ate__group_feed *group)
{
    struct ate__group_in in = {
        .first_sequence = group->first_sequence,
        .root_time_us = group->root_time_us,
        .head_before = r->root,
        .records = group->records,
        .count = group->count,
    };
    uint64_t bytes = ATE__GROUP_HEAD;
    for (size_t i = 0; i < group->count; i++)
        bytes += ate__record_bytes(group->records[i].size);
    int rc = check_open(r);
    if (!rc && (group->first_sequence >= r->conf.end ||
                group->count > r->conf.end - group->first_sequence))
        rc = ate__fail(ATE_MALFORMED, "a group at %llu reaches beyond the head, at %llu",
                       (unsigned long long)group->first_sequence, (unsigned long long)r->conf.end);
    if (!rc)
        rc = count_bytes(r, bytes);
    if (!rc)
        rc = ate__import_group(r->import, &in);
    if (!rc)
        r->root = group->head_after;
    return rc;
}

/* ---- judging ---- */

static int check_known(struct ate__resync *r, const struct ate__known_head *known)
{
    struct ate_hash root;
    if (!known->size || known->size > r->conf.end)
        return 0;
    int rc = ate__chain_root_at(r->judged, known->size, &root);
    if (!rc && !ate__hash_equal(&root, &known->root))
        rc = ate__fail(ATE_FORKED,
                       "the server's history of %llu transactions is another than was seen before",
                       (unsigned long long)known->size);
    return rc;
}

int ate__resync_judge(struct ate__resync *r, const struct ate__known_head *known, size_t count)
{
    struct ate_hash root;
    uint64_t size;
    int rc = check_open(r);
    if (!rc)
        rc = ate__import_end(r->import, &r->storage);
    if (rc)
        return rc;
    ate__import_free(ate__steal(&r->import));
    r->conf.chain.unseen = true;
    rc = ate__chain_open(&r->conf.chain, ate__steal(&r->storage), 0, &r->judged);
    if (rc)
        return rc;
    ate__chain_head(r->judged, &size, &root);
    if (size != r->conf.end || !ate__hash_equal(&root, &r->root))
        rc = ate__fail(ATE_TAMPERED,
                       "the groups up to transaction %llu do not lead to the head that was sent",
                       (unsigned long long)r->conf.end);
    for (size_t i = 0; !rc && i < count; i++)
        rc = check_known(r, &known[i]);
    if (!rc)
        rc = ate__believe_aside(r->judged, ate__buf_bytes(&r->note));
    if (!rc)
        rc = ate__chain_begin(r->judged);
    return rc ? rc : ate__chain_check_all_values(r->judged);
}

/* Kept before it covers what is there, the note covers nothing, and a newer one will come. */
static int keep_note(const struct ate__resync *r, struct ate__chain *c)
{
    struct ate__dir *dir = c->storage->v->dir ? c->storage->v->dir(c->storage) : NULL;
    return r->note.size && dir ? ate__log_signed_put(vfs_of(r), dir, ate__buf_bytes(&r->note)) : 0;
}

int ate__resync_apply(struct ate__resync *r, struct ate__chain *c)
{
    struct ate_hash root;
    uint64_t same;
    ate__assert(r->judged);
    ate__chain_taken(c, &same, &root);
    int rc = keep_note(r, c);
    return rc ? rc : ate__chain_replace(c, ate__steal(&r->judged), same);
}

void ate__resync_free(struct ate__resync *r)
{
    if (!r)
        return;
    ate__chain_close(r->judged);
    ate__import_free(r->import);
    ate__buf_deinit(&r->note);
    if (r->conf.dir) {
        int rc = ate__import_remove(vfs_of(r), r->conf.dir, ATE__RESYNC_NAME);
        (void)rc; /* the next one removes it */
    }
    ate__free(r);
}

/* ---- of a chain that has it all ---- */

/* Above the cut-off payloads are missing at most, which every group may lack. */
static int note_compacted(void *arg, const struct ate__segment_out *segment)
{
    struct ate__remains_of_chain *r = arg;
    if (segment->compacted && segment->first < r->cut_off)
        r->kept_end = segment->end;
    return 0;
}

static int note_end(void *arg, const struct ate__history_record *record)
{
    uint64_t *end = arg;
    *end = record->sequence + 1;
    return record->last_in_group ? ATE_END : 0;
}

int ate__chain_remains(struct ate__chain *c, struct ate__remains_of_chain *ret_remains)
{
    struct ate__remains_of_chain remains = {.cut_off = 0};
    struct ate__storage_state before, after;
    struct ate__storage *s = c->storage;
    uint64_t believed = atomic_load(&c->believed_from);
    s->v->state(s, &before);
    if (!before.cut_off || !believed) {
        *ret_remains = remains;
        return 0;
    }
    remains.cut_off = before.cut_off;
    remains.generation = before.generation;
    int rc = s->v->segments(s, note_compacted, &remains);
    if (!rc)
        rc = ate__chain_history(c, believed - 1, UINT64_MAX, note_end, &remains.certified);
    if (rc && rc != ATE_END)
        return rc;
    s->v->state(s, &after);
    if (after.generation != before.generation || remains.certified <= remains.cut_off)
        return ate__fail(ATE_BUSY, "the chain is being compacted just now");
    *ret_remains = remains;
    return 0;
}
