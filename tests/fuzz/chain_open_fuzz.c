/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * chain_open_fuzz.c: ate__chain_open() on stored history, ate__chain_feed() on groups that a server
 * sent: the same history for both, in a chain where one key alone may write.
 *
 * Input: patches of the genesis (patch.h), then steps: u8 kind, and by kind 0: a good transaction
 * in a group of its own, 1: one with patches, 2: u16 length and a record of those bytes, 3: the
 * next one goes into the present group, 4: time goes back.
 *
 * All groups before the first that is wrong are believed, and none from there on.
 */
#include "base/assert.h"
#include "patch.h"
#include "unit/chain/history.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STEPS = 40 };

/* What is kept of keys lies in memory that leak checkers do not look through. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
    return 1;
}

struct made {
    struct history h;
    size_t good; /* groups before the first wrong one */
    bool wrong, joins;
};

static void begin_group(struct made *m)
{
    if (m->joins && m->h.count > 1 && m->h.groups[m->h.count - 1].count < HISTORY_RECORDS) {
        m->joins = false;
        return;
    }
    history_begin(&m->h);
}

static void end_group(struct made *m, bool wrong)
{
    history_end(&m->h);
    m->wrong |= wrong;
    if (!m->wrong)
        m->good = m->h.count;
    else if (m->good == m->h.count)
        m->good--; /* it was good until now */
}

static void add_patched(struct made *m, struct ate__rd *r, unsigned object, bool patches)
{
    struct draft d;
    begin_group(m);
    history_draft(&m->h, &d);
    draft_text(&d, id_of(object), NULL, "a text");
    struct ate_bytes encoded = draft_encode(&d);
    bool changed = patches && fuzz_patch(r, (void *)(uintptr_t)encoded.data, encoded.size);
    history_add(&m->h, encoded);
    draft_deinit(&d);
    end_group(m, changed);
}

static void make(struct made *m, struct kit *k, struct ate__rd *r)
{
    bool changed = fuzz_patch(r, k->genesis, k->genesis_size);
    history_init(&m->h, k);
    m->wrong = changed;
    m->good = !changed;
    for (unsigned i = 0; i < STEPS && ate__rd_left(r); i++) {
        switch (ate__rd_u8(r) % 5) {
        case 0: add_patched(m, r, 10 + i, false); break;
        case 1: add_patched(m, r, 10 + i, true); break;
        case 2: {
            uint16_t length = ate__rd_u16(r);
            struct ate_bytes bytes = ate__rd_bytes(r, ate__min((size_t)length, ate__rd_left(r)));
            if (!bytes.size)
                return;
            begin_group(m);
            history_add(&m->h, bytes);
            end_group(m, true);
            break;
        }
        case 3: m->joins = true; break;
        default:
            history_begin(&m->h);
            m->h.groups[m->h.count - 1].root_time_us = 1;
            m->h.time_us -= 1000;
            m->joins = true;
            add_patched(m, r, 10 + i, false);
            m->good -= m->good == m->h.count;
            m->wrong = true;
        }
    }
}

static uint64_t size_of(const struct made *m, size_t groups)
{
    return groups ? m->h.groups[groups - 1].first_sequence + m->h.groups[groups - 1].count : 0;
}

static void open_stored(struct made *m, struct kit *k)
{
    struct ate__chain_conf conf = kit_conf(k);
    struct ate__storage *s;
    kit_ok(kit_storage(k, ATE__STORAGE_CREATE, &s));
    for (size_t i = 0; i < m->h.count; i++)
        kit_ok(history_append(&m->h, i, s));
    int rc = kit_chain_open(k, &conf, s, ATE__STORAGE_READ);
    if (rc) {
        ate__assert(m->wrong && !m->good);
        ate__assert(rc == ATE_TAMPERED || rc == ATE_UNSUPPORTED);
        return;
    }
    struct ate__storage_damage damage;
    ate__assert(kit_size(k) == size_of(m, m->good));
    ate__assert(ate__chain_damage(k->chain, &damage) == m->wrong);
    kit_close(k);
}

static void feed(struct made *m, struct kit *k)
{
    struct ate__chain_conf conf = kit_conf(k);
    struct ate__storage *s;
    kit_ok(ate__storage_open_mem(&k->sim.env, &k->chain_id, ATE__ROLE_MIRROR, &s));
    kit_ok(kit_chain_open(k, &conf, s, 0));
    for (size_t i = 0; i < m->h.count; i++) {
        int rc = history_feed(&m->h, i, k->chain);
        ate__assert(!rc == (i < m->good));
        if (rc)
            break;
    }
    ate__assert(!ate__chain_trust(k->chain) || kit_size(k) == size_of(m, m->good));
    kit_close(k);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct made m; /* large */
    struct ate__rd r = ate__rd_of(ate__bytes(data, size));
    struct kit k;
    memset(&m, 0, sizeof m);
    kit_init(&k, 11);
    k.memory = true;
    kit_genesis(&k, NULL, 1000, 7);
    make(&m, &k, &r);
    open_stored(&m, &k);
    feed(&m, &k);
    history_deinit(&m.h);
    kit_deinit(&k);
    return 0;
}
