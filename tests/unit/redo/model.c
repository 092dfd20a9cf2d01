/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A storage against a naive model: the list of all records ever appended. */
#include "model.h"
#include <stdlib.h>

struct record {
    size_t size;
    uint64_t group_first, group_end;
    struct ate__position position;
    bool position_known;
};
struct model {
    struct kit k;
    struct rnd r;
    struct record *records;
    size_t count, capacity;
    bool memory;
};

static uint64_t below(struct model *m, uint64_t bound)
{
    return rnd_below(&m->r, bound);
}

static size_t draw_size(struct model *m)
{
    switch (below(m, 20)) {
    case 0: return KIT_RECORD_MIN + below(m, 70000);
    case 1: return KIT_RECORD_MIN + below(m, 8);
    default: return KIT_RECORD_MIN + below(m, 1500);
    }
}

static void append(struct model *m)
{
    size_t count = 1 + below(m, below(m, 4) ? 3 : 40);
    uint64_t first = m->count;
    struct ate_bytes *records = calloc(count, sizeof *records);
    struct ate__position *positions = calloc(count, sizeof *positions);
    for (size_t i = 0; i < count; i++) {
        size_t size = draw_size(m);
        uint8_t *bytes = malloc(size);
        kit_record(bytes, size, first + i, 0);
        records[i] = ate__bytes(bytes, size);
    }
    struct ate__group_in group = {
        .first_sequence = first,
        .root_time_us = 1000000 + first,
        .head_before = kit_head(first),
        .records = records,
        .count = count,
        .ret_positions = below(m, 2) ? positions : NULL,
    };
    assert_int_equal(m->k.s->v->append(m->k.s, &group), 0);
    for (size_t i = 0; i < count; i++) {
        if (m->count == m->capacity) {
            m->capacity = m->capacity * 2 + 64;
            m->records = realloc(m->records, m->capacity * sizeof *m->records);
        }
        m->records[m->count++] = (struct record){records[i].size, first, first + count,
                                                 positions[i], group.ret_positions != NULL};
        free((void *)(uintptr_t)records[i].data);
    }
    free(records);
    free(positions);
}

/* --- reading --- */

struct reading {
    struct model *m;
    uint64_t next;
    bool in_group;
    uint64_t stop; /* the callback ends the scan there */
};

static int each_group(void *arg, const struct ate__group_out *group)
{
    struct reading *c = arg;
    assert_false(c->in_group);
    if (!group->count)
        return 0;
    const struct record *record = &c->m->records[c->next];
    assert_true(group->first_sequence == record->group_first);
    assert_true(group->count == record->group_end - record->group_first);
    c->in_group = true;
    return 0;
}

static int each_record(void *arg, const struct ate__record_out *out)
{
    struct reading *c = arg;
    uint64_t attempt;
    assert_true(out->sequence == c->next && c->next < c->m->count);
    struct record *record = &c->m->records[c->next++];
    assert_true(c->in_group);
    assert_true(out->root_time_us == 1000000 + record->group_first);
    assert_int_equal(out->body.size, record->size);
    assert_true(kit_record_whole(out->body, out->sequence, &attempt));
    assert_true(out->last_in_group == (out->sequence + 1 == record->group_end));
    if (record->position_known)
        assert_true(record->position.place == out->position.place);
    record->position = out->position;
    record->position_known = true;
    c->in_group = !out->last_in_group;
    return out->sequence == c->stop ? ATE_CANCELED : 0;
}

static void scan(struct model *m)
{
    uint64_t from = below(m, m->count + 2), to = from + below(m, m->count + 2);
    struct reading c = {m, from, false, UINT64_MAX};
    bool stops = !below(m, 8) && from < m->count && from < to;
    if (!below(m, 4))
        to = UINT64_MAX;
    if (stops)
        c.stop = from + below(m, (to < m->count ? to : m->count) - from);
    struct ate__scan calls = {below(m, 8) ? each_group : NULL, each_record, &c};
    if (!calls.group)
        return; /* each_record wants it */
    int rc = m->k.s->v->scan(m->k.s, from, to, &calls);
    if (from > m->count) {
        assert_int_equal(rc, ATE_NOT_FOUND);
        return;
    }
    assert_int_equal(rc, stops ? ATE_CANCELED : 0);
    uint64_t end = to < m->count ? to : m->count;
    if (!stops && from < end)
        assert_true(c.next == end);
}

static void load(struct model *m)
{
    struct ate__buf buf = ATE__BUF_NULL;
    uint64_t sequence = below(m, m->count + 1), attempt;
    const struct record *record = &m->records[sequence];
    bool there = sequence < m->count;
    struct ate__position odd = {rnd_u64(&m->r), (uint32_t)below(m, 5000)};
    const struct ate__position *position = !below(m, 10) ? &odd : NULL;
    if (there && record->position_known && below(m, 4))
        position = &record->position;
    assert_int_equal(ate__buf_append(&buf, ate__text_bytes("front")), 0);
    int rc = m->k.s->v->load(m->k.s, sequence, position, &buf);
    if (!there) {
        assert_int_equal(rc, ATE_NOT_FOUND);
        assert_int_equal(buf.size, 5);
    } else {
        assert_int_equal(rc, 0);
        assert_memory_equal(buf.data, "front", 5);
        assert_int_equal(buf.size, 5 + record->size);
        assert_true(kit_record_whole(ate__bytes(buf.data + 5, buf.size - 5), sequence, &attempt));
    }
    ate__buf_deinit(&buf);
}

static void read_part(struct model *m)
{
    struct ate__buf buf = ATE__BUF_NULL;
    if (!m->count)
        return;
    uint64_t sequence = below(m, m->count);
    const struct record *record = &m->records[sequence];
    uint32_t size = (uint32_t)record->size, offset = (uint32_t)below(m, size + 1);
    uint32_t part = (uint32_t)below(m, size - offset + 2);
    const struct ate__position *position =
        record->position_known && below(m, 4) ? &record->position : NULL;
    int rc = m->k.s->v->read_part(m->k.s, sequence, position, offset, part, &buf);
    if (part > size - offset) {
        assert_int_equal(rc, ATE_MALFORMED);
    } else {
        uint8_t *want = malloc(size);
        kit_record(want, size, sequence, 0);
        assert_int_equal(rc, 0);
        assert_int_equal(buf.size, part);
        if (part)
            assert_memory_equal(buf.data, want + offset, part);
        free(want);
    }
    ate__buf_deinit(&buf);
}

/* --- the handle --- */

/* They are of one handle. */
static void forget_positions(struct model *m)
{
    for (size_t i = 0; i < m->count; i++)
        m->records[i].position_known = false;
}

static void reopen(struct model *m)
{
    if (m->memory)
        return;
    if (below(m, 3))
        kit_close(&m->k);
    else
        kit_kill(&m->k);
    forget_positions(m);
    if (!below(m, 3)) {
        kit_open_ok(&m->k, ATE__STORAGE_READ);
        assert_int_equal(kit_damage(&m->k).what, ATE_OK);
        scan(m);
        load(m);
        kit_close(&m->k);
        forget_positions(m);
    }
    kit_open_ok(&m->k, 0);
}

static void check_state(struct model *m)
{
    struct ate__storage_state state = kit_state(&m->k);
    assert_true(state.size == m->count && state.floor <= state.size);
    assert_true(state.writable && !state.failed && !state.full);
    assert_int_equal(kit_damage(&m->k).what, ATE_OK);
    if (m->memory || m->k.conf.sync == ATE__SYNC_ALWAYS)
        assert_true(state.floor == state.size);
}

static void step(struct model *m)
{
    struct ate__storage *s = m->k.s;
    simenv_pass_ms(&m->k.sim, below(m, 20));
    switch (below(m, 24)) {
    case 0: reopen(m); break;
    case 1: assert_int_equal(below(m, 2) ? s->v->idle(s) : s->v->rest(s), 0); break;
    case 2: assert_int_equal(s->v->sync(s), 0); break;
    case 3: assert_int_equal(s->v->prepare(s), 0); break;
    case 4:
    case 5: assert_int_equal(s->v->recover(s), 0); break;
    case 6: assert_int_equal(s->v->refresh(s), 0); break;
    case 7:
    case 8:
    case 9: load(m); break;
    case 10: scan(m); break;
    case 11: read_part(m); break;
    default: append(m);
    }
    check_state(m);
}

void model_run(uint64_t seed, unsigned steps, bool memory, const struct ate__storage_conf *conf)
{
    struct model m = {.r = rnd_of(seed), .memory = memory, .capacity = 64};
    m.records = calloc(m.capacity, sizeof *m.records);
    kit_init(&m.k, seed);
    m.k.conf = *conf;
    if (memory)
        assert_int_equal(ate__storage_open_mem(&m.k.sim.env, &kit_chain, ATE__ROLE_ROOT, &m.k.s),
                         0);
    else
        kit_open_ok(&m.k, ATE__STORAGE_CREATE);
    for (unsigned i = 0; i < steps; i++)
        step(&m);
    kit_check_all(&m.k, m.count);
    if (!memory) {
        kit_close(&m.k);
        kit_open_ok(&m.k, 0);
        kit_check_all(&m.k, m.count);
    }
    kit_deinit(&m.k);
    free(m.records);
}
