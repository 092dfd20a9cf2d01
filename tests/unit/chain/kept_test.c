/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The open of what a deep compaction left: what lacks more than was certified does not open. */
#include "chain/kept.h"
#include "story.h"
#include <stdlib.h>

static struct story s;

static struct ate__compacted compact_ok(uint64_t cut_off)
{
    struct ate__compacted done;
    ate__view_reclaim(ate__chain_view(s.k.chain), 0);
    kit_ok(story_compact(&s, cut_off, &done));
    return done;
}

/* ---- what was left out beyond the certificate ---- */

struct thief {
    uint64_t sequence;   /* the transaction that loses something */
    unsigned event;      /* this one; UINT32_MAX: all of it */
    uint64_t cut_off;    /* raised by hand; 0: not */
    const struct ate__tx *tx;
    bool done;
};

static enum ate__part steal_event(void *arg, uint32_t event)
{
    const struct thief *t = arg;
    return t->tx->events[event].form == ATE__DROPPED || event == t->event ? ATE__PART_HASH
                                                                          : ATE__PART_WHOLE;
}

static int steal(void *arg, const struct ate__record_out *record, struct ate__buf *body,
                 enum ate__remains *ret_remains)
{
    struct thief *t = arg;
    struct ate__tx tx;
    *ret_remains = ATE__REMAINS_ALL;
    if (record->sequence != t->sequence)
        return 0;
    t->done = true;
    *ret_remains = t->event == UINT32_MAX ? ATE__REMAINS_NOTHING : ATE__REMAINS_SHORTER;
    if (t->event == UINT32_MAX)
        return 0;
    kit_ok(ate__tx_decode(record->body, ATE__SHA256, &tx));
    t->tx = &tx;
    kit_ok(ate__tx_reduce_parts(&tx, steal_event, t, body));
    ate__tx_deinit(&tx);
    return 0;
}

/* What whoever holds the disk can make of the log; all its checksums hold. */
static int rob(struct kit *k, struct thief *t)
{
    struct ate__storage *storage;
    struct ate__rewritten done;
    int rc = 0;
    kit_ok(kit_storage(k, 0, &storage));
    kit_ok(ate__chain_open(&(struct ate__chain_conf){.env = &k->sim.env}, storage, 0, &k->chain));
    kit_ok(ate__chain_begin(k->chain));
    for (uint64_t from = 0; !rc; from = done.end) {
        struct ate__rewrite w = {
            .from = from, .to = UINT64_MAX, .cut_off = t->cut_off, .record = steal, .arg = t};
        rc = storage->v->rewrite(storage, &w, &done);
    }
    kit_close(k);
    return rc == ATE_NOT_FOUND ? 0 : rc;
}

struct kept_event {
    uint64_t sequence;
    unsigned event, of; /* how many */
    uint8_t kind;
    bool tombstone;
    struct ate_hash hash;
    bool needed; /* at the cut-off */
};
static struct kept_event kept[4096];
static size_t kept_count;

static int list_kept(void *arg, const struct ate__history_record *record)
{
    struct ate__tx tx;
    (void)arg;
    kit_ok(ate__tx_decode(record->body, ATE__SHA256, &tx));
    for (uint32_t i = 0; i < tx.event_count; i++)
        if (tx.events[i].form != ATE__DROPPED && kept_count < ATE__COUNT_OF(kept))
            kept[kept_count++] =
                (struct kept_event){record->sequence,
                                    i,
                                    tx.event_count,
                                    tx.events[i].kind,
                                    ate__header_has(&tx.events[i].header, ATE__TAG_TOMBSTONE),
                                    tx.events[i].hash,
                                    false};
    ate__tx_deinit(&tx);
    return 0;
}

static bool is_needed(const struct kept_event *e, uint64_t cut_off)
{
    if (e->kind == ATE__EVENT_REVOKE || e->kind == ATE__EVENT_CHAIN ||
        e->kind == ATE__EVENT_PUBLIC_KEY || e->sequence == 0)
        return true;
    if (e->tombstone)
        return e->sequence + STORY_WINDOW >= cut_off;
    for (unsigned n = 0; n < STORY_OBJECTS; n++)
        if (s.objects[n].facts.live && (ate__hash_equal(&e->hash, &s.objects[n].facts.body) ||
                                        ate__hash_equal(&e->hash, &s.objects[n].control)))
            return true;
    return false;
}

/* 0: it is not missed, and all is as it was. */
static int open_robbed(struct thief *t)
{
    static struct story other;
    story_fork(&other, &s, simdisk_clone(s.k.disk), 5);
    int rc = rob(&other.k, t), read_rc;
    if (rc == ATE_MISUSE) { /* the hash of a small event is longer */
        t->event = UINT32_MAX;
        rc = rob(&other.k, t);
    }
    if (rc == ATE_MISUSE) { /* and where there are no full tiles no transaction can be left out */
        t->done = false;
        story_deinit(&other);
        return 0;
    }
    kit_ok(rc);
    rc = kit_open(&other.k, 0);
    if (!rc)
        story_check_state(&other);
    kit_close(&other.k);
    read_rc = kit_open(&other.k, ATE__STORAGE_READ);
    assert_int_equal(rc, read_rc);
    story_deinit(&other);
    return rc;
}

static void test_omissions_are_caught(void **state)
{
    enum { EACH = 4 }; /* bodies of live objects, and tombstones */
    (void)state;
    unsigned needed = 0, caught = 0, harmless = 0;
    unsigned bodies = 0, controls = 0, tombstones = 0, revocations = 0; /* of those needed */
    story_init(&s, 20);
    kit_ok(story_go_on(&s, 1300));
    uint64_t cut_off = compact_ok(UINT64_MAX).cut_off;
    story_note(&s);
    kept_count = 0;
    kit_ok(ate__chain_history(s.k.chain, 0, cut_off, list_kept, NULL));
    for (size_t i = 0; i < kept_count; i++)
        kept[i].needed = is_needed(&kept[i], cut_off);
    kit_ok(story_go_on(&s, 900)); /* the last segment is never written anew */
    story_note(&s);
    kit_close(&s.k);
    for (size_t i = 0; i < kept_count; i++) {
        const struct kept_event *e = &kept[i];
        bool must = e->needed;
        bool body = e->kind == ATE__EVENT_BODY;
        bool rare = must && (!body || (e->tombstone ? tombstones : bodies) < EACH);
        if ((!rare && i % 23) || (e->of > 1 && !e->sequence))
            continue;
        struct thief t = {.sequence = e->sequence, .event = e->event};
        if (e->of == 1 && i % 2)
            t.event = UINT32_MAX;
        int rc = open_robbed(&t);
        if (!t.done)
            continue;
        if (rc && rc != ATE_OMITTED && rc != ATE_TAMPERED)
            fail_msg("%s: %s", ate__result_name(rc), ate__error_text());
        if (must && !rc)
            fail_msg("event %u of %llu, kind %d, is not missed", e->event,
                     (unsigned long long)e->sequence, e->kind);
        needed += must;
        bodies += must && body && !e->tombstone;
        controls += must && e->kind == ATE__EVENT_CONTROL;
        tombstones += must && e->tombstone;
        revocations += must && e->kind == ATE__EVENT_REVOKE;
        caught += rc != 0;
        harmless += rc == 0;
    }
    print_message("%u that are needed (%u bodies, %u controls, %u tombstones, %u revocations), %u "
                  "caught, %u without effect\n",
                  needed, bodies, controls, tombstones, revocations, caught, harmless);
    assert_true(needed > 5 && bodies && controls && tombstones && revocations);
    kit_open_ok(&s.k, 0);
    story_deinit(&s);
}

/* It signed nothing yet, so that no signature needs it: what is left says that it was there. */
static void test_a_key_that_is_missing(void **state)
{
    (void)state;
    struct ate__key32 seed = {{0x77}};
    struct ate__key *key;
    struct draft d;
    kit_ok(ate__key_of_seed(&seed, NULL, &key));
    story_init(&s, 21);
    kit_begin(&s.k, &d);
    struct ate__auth auth = auth_write(ATE__RULE_INHERIT);
    auth.rule[ATE__RIGHT_WRITE] = draft_rule(&d, &key->fingerprint, 1);
    draft_item(&d, ATE__TAG_PUBLIC_KEY, ate__buf_bytes(&key->public_key));
    draft_text(&d, id_of(900), NULL, "for one who is still to come");
    draft_control(&d, id_of(900), NULL, &auth);
    kit_ok(kit_commit(&s.k, &d));
    draft_deinit(&d);
    struct thief t = {.sequence = s.k.receipt.sequence};
    kit_ok(story_go_on(&s, 700));
    story_note(&s);
    compact_ok(UINT64_MAX);
    kit_close(&s.k);
    int rc = open_robbed(&t);
    assert_true(t.done);
    if (rc != ATE_OMITTED)
        fail_msg("%s", ate__result_name(rc));
    assert_non_null(strstr(ate__error_text(), "not the state"));
    kit_open_ok(&s.k, 0);
    story_check(&s);
    story_deinit(&s);
    ate__key_free(key);
}

/* ---- certificates ---- */

static int put_snapshot(uint64_t size, const struct ate_hash *state_root)
{
    struct draft d;
    struct ate__buf item = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&item);
    kit_begin(&s.k, &d);
    ate__wr_u64(&w, size);
    ate__wr_hash(&w, &s.roots[size]);
    ate__wr_hash(&w, state_root);
    draft_item(&d, ATE__TAG_SNAPSHOT, ate__buf_bytes(&item));
    d.signer[d.signer_count++] = kit_key(0);
    int rc = kit_commit(&s.k, &d);
    draft_deinit(&d);
    ate__buf_deinit(&item);
    return rc;
}

static void test_cut_off_needs_a_certificate(void **state)
{
    (void)state;
    struct ate_hash wrong = {{1, 2, 3}};
    story_init(&s, 30);
    kit_ok(story_go_on(&s, 700));
    story_note(&s);
    uint64_t size = s.size;
    kit_close(&s.k);
    /* Raised by hand, and nothing is missing. */
    assert_int_equal(open_robbed(&(struct thief){.sequence = UINT64_MAX, .cut_off = size - 50}),
                     ATE_OMITTED);
    assert_non_null(strstr(ate__error_text(), "nobody has signed"));
    assert_int_equal(open_robbed(&(struct thief){.sequence = UINT64_MAX}), 0);
    kit_open_ok(&s.k, 0);
    /* A root key that signs what is not so. */
    kit_ok(put_snapshot(size - 50, &wrong));
    story_note(&s);
    kit_close(&s.k);
    assert_int_equal(open_robbed(&(struct thief){.sequence = UINT64_MAX, .cut_off = size - 50}),
                     ATE_OMITTED);
    assert_non_null(strstr(ate__error_text(), "not the state"));
    kit_open_ok(&s.k, 0);
    /* It stops nobody: who compacts signs what he finds, and that is what counts. */
    compact_ok(size - 50);
    story_check_state(&s);
    kit_reopen_ok(&s.k);
    /* Without a key: only with a certificate that is there. */
    struct ate__compacted done;
    struct ate__compact_conf conf = {.deep = true, .cut_off = UINT64_MAX, .gain_percent = 1};
    kit_ok(story_go_on(&s, 600));
    story_note(&s);
    uint64_t before = kit_size(&s.k);
    assert_int_equal(ate__chain_compact(s.k.chain, &conf, &done), ATE_NO_KEY);
    assert_true(kit_size(&s.k) == before);
    story_check_state(&s);
    story_deinit(&s);
}

/* ---- a bit of what verify names ---- */

enum { RANGES = 64 };
static struct range {
    char file[64];
    uint64_t from, to;
} ranges[RANGES];
static size_t range_count;

static int note_range(void *arg, const char *file, uint64_t from, uint64_t to)
{
    (void)arg;
    assert_true(range_count < RANGES);
    struct range *r = &ranges[range_count++];
    snprintf(r->file, sizeof r->file, "/c/,chain/%s", file);
    r->from = from;
    r->to = to;
    return 0;
}

static void test_flips_are_caught(void **state)
{
    (void)state;
    unsigned long flips = 0, tiles = 0;
    story_init(&s, 40);
    struct rnd r = rnd_of(40);
    kit_ok(story_go_on(&s, 700));
    story_note(&s);
    compact_ok(UINT64_MAX);
    story_note(&s);
    kit_close(&s.k);
    simdisk_settle(s.k.disk);
    kit_open_ok(&s.k, ATE__STORAGE_READ);
    struct ate__storage *storage = ate__chain_storage(s.k.chain);
    range_count = 0;
    kit_ok(storage->v->used(storage, note_range, NULL));
    kit_close(&s.k);
    for (size_t i = 0; i < range_count; i++) {
        bool tile = strstr(ranges[i].file, "tiles");
        uint64_t step = tile ? 300 : (ranges[i].to - ranges[i].from) / 40 + 1;
        for (uint64_t at = ranges[i].from; at < ranges[i].to; at += 1 + rnd_below(&r, step)) {
            uint8_t mask = (uint8_t)(1u << rnd_below(&r, 8));
            simdisk_flip(s.k.disk, ranges[i].file, at, mask);
            int rc = kit_open(&s.k, ATE__STORAGE_READ);
            struct ate__storage_damage damage = {.what = ATE_OK};
            if (!rc)
                ate__chain_damage(s.k.chain, &damage);
            if (!rc && damage.what == ATE_OK)
                fail_msg("a flip of %s at %llu is not noticed", ranges[i].file,
                         (unsigned long long)at);
            kit_close(&s.k);
            simdisk_flip(s.k.disk, ranges[i].file, at, mask);
            flips++;
            tiles += tile;
        }
    }
    print_message("%lu bits flipped, %lu of them in leaves\n", flips, tiles);
    assert_true(flips > 100 && tiles > 20);
    kit_open_ok(&s.k, 0);
    story_check(&s);
    story_deinit(&s);
}

/* A sparse file may say that it holds any number of leaves: the first hole ends it. */
static void test_holes_are_no_leaves(void **state)
{
    (void)state;
    size_t size;
    unsigned holes = 0;
    story_init(&s, 41);
    kit_ok(story_go_on(&s, 700));
    story_note(&s);
    compact_ok(UINT64_MAX);
    kit_close(&s.k);
    uint8_t *tiles = simdisk_get(s.k.disk, "/c/,chain/tiles", &size);
    assert_true(size > 32 * 256);
    for (size_t i = 0; i < 256; i += 5) {
        uint8_t leaf[32];
        memcpy(leaf, tiles + 32 * i, sizeof leaf);
        memset(tiles + 32 * i, 0, sizeof leaf);
        simdisk_put(s.k.disk, "/c/,chain/tiles", tiles, size);
        assert_int_equal(kit_open(&s.k, ATE__STORAGE_READ), ATE_TAMPERED);
        holes += strstr(ate__error_text(), "and so is its leaf") != NULL;
        memcpy(tiles + 32 * i, leaf, sizeof leaf);
    }
    free(tiles);
    assert_true(holes > 3);
    story_deinit(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_omissions_are_caught),
        cmocka_unit_test(test_a_key_that_is_missing),
        cmocka_unit_test(test_cut_off_needs_a_certificate),
        cmocka_unit_test(test_flips_are_caught),
        cmocka_unit_test(test_holes_are_no_leaves),
    };
    return cmocka_run_group_tests_name("chain/kept", tests, NULL, NULL);
}
