/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A log that is compacted by a simple rule. */
#include "compacting.h"
#include <stdlib.h>

enum { IDENTITY = 88 };

/* ---- what becomes of a record follows from its sequence ---- */

static enum ate__remains remains_of(uint64_t sequence)
{
    switch (sequence % 8) {
    case 0: return ATE__REMAINS_ALL;
    case 1: return ATE__REMAINS_IDENTITY;
    case 2: return ATE__REMAINS_SHORTER;
    default: return ATE__REMAINS_NOTHING;
    }
}

static struct ate_hash leaf_of(uint64_t sequence)
{
    struct ate_hash leaf;
    struct rnd r = rnd_of(sequence * 31 + 7);
    rnd_bytes(&r, leaf.b, sizeof leaf.b);
    return leaf;
}

static size_t size_of(uint64_t sequence)
{
    return KIT_RECORD_MIN + 100 + sequence % 300;
}

static int decide(void *arg, const struct ate__record_out *record, struct ate__buf *body,
                  enum ate__remains *ret_remains)
{
    struct compactor *c = arg;
    uint8_t bytes[IDENTITY];
    c->records++;
    if (c->result && record->sequence == c->fail_at)
        return c->result;
    enum ate__remains remains = remains_of(record->sequence);
    if (record->sequence >= c->keep_all_from || record->identity ||
        (c->shallow && remains != ATE__REMAINS_SHORTER))
        remains = ATE__REMAINS_ALL;
    *ret_remains = remains;
    if (remains == ATE__REMAINS_ALL || remains == ATE__REMAINS_NOTHING)
        return 0;
    size_t size = remains == ATE__REMAINS_IDENTITY ? IDENTITY : KIT_RECORD_MIN;
    kit_record(bytes, size, record->sequence, 0);
    return ate__buf_append(body, ate__bytes(bytes, size));
}

static void pause_in(void *arg, uint64_t bytes)
{
    struct compactor *c = arg;
    c->paused += bytes;
    if (c->meanwhile)
        c->meanwhile(c->arg);
}

int compacting_run(struct kit *k, struct compactor *c, uint64_t from, uint64_t to, uint64_t cut_off,
                   struct ate__rewritten *ret)
{
    struct ate__rewrite w = {from, to, cut_off, decide, pause_in, c, NULL};
    return k->s->v->rewrite(k->s, &w, ret);
}

int compacting_all(struct kit *k, struct compactor *c, uint64_t to, uint64_t cut_off)
{
    struct ate__rewritten done;
    int rc = 0;
    for (uint64_t from = 0; !rc; from = done.end)
        rc = compacting_run(k, c, from, to, cut_off, &done);
    return rc == ATE_NOT_FOUND ? 0 : rc;
}

/* ---- the log ---- */

bool compacting_seals;

int compacting_try_grow(struct kit *k, uint64_t to, size_t *ret_flight)
{
    int rc = 0;
    for (uint64_t at = kit_state(k).size; at < to && !rc;) {
        struct ate_bytes records[5];
        struct ate_hash leaves[5];
        uint8_t *bytes[5];
        size_t count = (size_t)ate__min(1 + at % 5, to - at);
        for (size_t i = 0; i < count; i++) {
            bytes[i] = malloc(size_of(at + i));
            kit_record(bytes[i], size_of(at + i), at + i, 0);
            records[i] = ate__bytes(bytes[i], size_of(at + i));
            leaves[i] = leaf_of(at + i);
        }
        struct ate_hash seal = kit_head(at + count);
        struct ate__group_in group = {.first_sequence = at,
                                      .root_time_us = 1000000 + at,
                                      .head_before = kit_head(at),
                                      .records = records,
                                      .count = count,
                                      .seal = compacting_seals ? &seal : NULL};
        *ret_flight = count;
        rc = k->s->v->append(k->s, &group);
        if (!rc)
            rc = k->s->v->tiles_append(k->s, leaves, count);
        for (size_t i = 0; i < count; i++)
            free(bytes[i]);
        at += count;
    }
    return rc;
}

void compacting_grow(struct kit *k, uint64_t to)
{
    size_t ignored;
    assert_int_equal(compacting_try_grow(k, to, &ignored), 0);
}

/* A record that is missing has its leaf in the tiles. */
static void missing(struct reading *r, uint64_t sequence)
{
    uint64_t first = sequence - sequence % ATE__TILE_LEAVES;
    struct ate_hash want = leaf_of(sequence);
    assert_true(sequence < kit_state(r->k).cut_off && r->compacted);
    if (first != r->tile_first)
        assert_int_equal(r->k->s->v->tiles_stored(r->k->s, first, r->tile), 0);
    r->tile_first = first;
    assert_memory_equal(&r->tile[sequence - first], &want, sizeof want);
    r->missing++;
}

static int on_group(void *arg, const struct ate__group_out *group)
{
    struct reading *r = arg;
    for (; r->next < group->first_sequence; r->next++)
        missing(r, r->next);
    assert_true(group->end_sequence >= group->first_sequence + group->count);
    assert_true(group->compacted || group->end_sequence == group->first_sequence + group->count);
    r->compacted = group->compacted;
    r->group_end = group->end_sequence;
    return 0;
}

static int on_record(void *arg, const struct ate__record_out *record)
{
    struct reading *r = arg;
    uint64_t attempt;
    for (; r->next < record->sequence; r->next++)
        missing(r, r->next);
    assert_true(record->sequence == r->next && record->sequence < r->group_end);
    assert_true(kit_record_whole(record->body, record->sequence, &attempt));
    assert_true(record->root_time_us <= 1000000 + record->sequence);
    r->identities += record->identity;
    r->records++;
    r->next++;
    return 0;
}

static void scan_all(struct kit *k, uint64_t size, struct reading *ret)
{
    struct ate__storage_state state = kit_state(k);
    struct reading *r = ret;
    *r = (struct reading){.k = k, .tile_first = UINT64_MAX, .compacted = true};
    struct ate__scan scan = {on_group, on_record, r};
    assert_true(state.size == size);
    int rc = k->s->v->scan(k->s, 0, UINT64_MAX, &scan);
    if (rc)
        fail_msg("scan: %d %s", rc, ate__error_text());
    r->compacted = true;
    for (; r->next < size; r->next++)
        missing(r, r->next);
    assert_true(r->records + r->missing == size);
}

int compacting_leaves(void *arg, uint64_t first, struct ate_hash *ret_leaves)
{
    (void)arg;
    for (size_t i = 0; i < ATE__TILE_LEAVES; i++)
        ret_leaves[i] = leaf_of(first + i);
    return 0;
}

/* A chain takes the leaves of missing records from the file, so that they are looked at before
 * anything is written. */
void compacting_make_tiles(struct kit *k)
{
    struct reading r;
    scan_all(k, kit_state(k).size, &r);
    k->s->v->tiles_hold(k->s, compacting_leaves, NULL);
    for (uint64_t i = 0; i < kit_state(k).size; i++) {
        struct ate_hash leaf = leaf_of(i);
        assert_int_equal(k->s->v->tiles_append(k->s, &leaf, 1), 0);
    }
    assert_int_equal(k->s->v->tiles_release(k->s), 0);
}

int compacting_open(struct kit *k, unsigned flags)
{
    int rc = kit_open(k, flags);
    if (!rc)
        compacting_make_tiles(k);
    return rc;
}

void compacting_open_ok(struct kit *k, unsigned flags)
{
    kit_open_ok(k, flags);
    compacting_make_tiles(k);
}

void compacting_check(struct kit *k, uint64_t size, struct reading *ret)
{
    struct ate__buf buf = ATE__BUF_NULL;
    int rc = 0;
    scan_all(k, size, ret);
    for (uint64_t i = 0; i < size; i += 1 + i % 7) {
        uint64_t attempt;
        ate__buf_clear(&buf);
        rc = k->s->v->load(k->s, i, NULL, &buf);
        if (rc == ATE_COMPACTED)
            assert_true(i < kit_state(k).cut_off && (remains_of(i) == ATE__REMAINS_NOTHING ||
                                                     remains_of(i) == ATE__REMAINS_IDENTITY));
        else if (rc || !kit_record_whole(ate__buf_bytes(&buf), i, &attempt))
            fail_msg("load %llu: %d %s", (unsigned long long)i, rc, ate__error_text());
    }
    ate__buf_deinit(&buf);
    kit_check_footers(k);
}
