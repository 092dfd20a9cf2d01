/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A chain's public face: life, history, listeners, outcomes, bodies with their authors.
 */
#include "chain/chain.h"
#include "base/alloc.h"
#include "chain/chain_private.h"
#include "kit.h"
#include "lib/heap.h"

static struct kit kit;

static void creating(void **state)
{
    (void)state;
    struct ate__chain_conf conf;
    struct ate__storage *s;
    struct ate__chain *c = NULL;
    kit_init(&kit, 51);
    conf = kit_conf(&kit);
    struct ate_bytes genesis = ate__bytes(kit.genesis, kit.genesis_size);
    /* bytes that are none */
    kit.memory = true;
    kit_ok(kit_storage(&kit, 0, &s));
    assert_int_equal(ate__chain_create(&conf, s, ate__bytes(genesis.data, genesis.size - 1), &c),
                     ATE_MALFORMED);
    kit_ok(kit_storage(&kit, 0, &s));
    int rc = ate__chain_create(&conf, s, ate__text_bytes("\1\0"), &c);
    assert_true(rc > 0);
    /* of another chain than the log is for */
    kit.chain_id.b[0] ^= 1;
    kit_ok(kit_storage(&kit, 0, &s));
    assert_int_equal(ate__chain_create(&conf, s, genesis, &c), ATE_WRONG_CHAIN);
    kit.chain_id.b[0] ^= 1;
    /* a signature that does not hold */
    kit.genesis[kit.genesis_size - 5] ^= 1;
    kit_ok(kit_storage(&kit, 0, &s));
    assert_int_equal(ate__chain_create(&conf, s, genesis, &c), ATE_TAMPERED);
    kit.genesis[kit.genesis_size - 5] ^= 1;
    assert_null(c);
    kit.memory = false;
    kit_create_ok(&kit);
    kit_close(&kit);
    assert_int_equal(kit_create(&kit), ATE_EXISTS);
    kit_ok(kit_storage(&kit, 0, &s));
    assert_int_equal(ate__chain_create(&conf, s, genesis, &c), ATE_EXISTS);
    kit_open_ok(&kit, 0);
    assert_true(kit_size(&kit) == 1);
    struct ate__storage_damage damage;
    assert_false(ate__chain_damage(kit.chain, &damage));
    assert_false(ate__chain_read_only(kit.chain));
    assert_memory_equal(ate__trust_chain_id(ate__chain_trust(kit.chain)), &kit.chain_id, 32);
    ate__chain_close(NULL);
    kit_deinit(&kit);
}

/* ---- history ---- */

struct walk {
    uint64_t next, groups;
    uint64_t stop_at;
};
static int each(void *arg, const struct ate__history_record *r)
{
    struct walk *w = arg;
    struct ate__tx tx;
    assert_true(r->sequence == w->next++);
    kit_ok(ate__tx_decode(r->body, ATE__SHA256, &tx));
    ate__tx_deinit(&tx);
    w->groups += r->last_in_group;
    return r->sequence == w->stop_at ? ATE_CANCELED : 0;
}

static void history(void **state)
{
    (void)state;
    kit_init(&kit, 51);
    kit_create_ok(&kit);
    for (unsigned n = 1; n < 10; n++)
        kit_put_ok(&kit, n, "x");
    struct walk w = {.stop_at = UINT64_MAX};
    kit_ok(ate__chain_history(kit.chain, 0, UINT64_MAX, each, &w));
    assert_true(w.next == 10 && w.groups == 10);
    w = (struct walk){.next = 4, .stop_at = UINT64_MAX};
    kit_ok(ate__chain_history(kit.chain, 4, 7, each, &w));
    assert_true(w.next == 7);
    w = (struct walk){.next = 4, .stop_at = 5};
    assert_int_equal(ate__chain_history(kit.chain, 4, 7, each, &w), ATE_CANCELED);
    assert_true(w.next == 6);
    kit_ok(ate__chain_history(kit.chain, 10, UINT64_MAX, each, &w));
    kit_ok(ate__chain_history(kit.chain, 99, 100, each, &w));
    kit_ok(ate__chain_history(kit.chain, 5, 5, each, &w));
    assert_true(w.next == 6);
    kit_deinit(&kit);
}

/* ---- listeners ---- */

struct ears {
    struct ate__listener listener;
    uint64_t size, times;
};
static void published(struct ate__listener *l, uint64_t size)
{
    struct ears *e = (struct ears *)l;
    assert_true(size > e->size);
    assert_true(size == ate__view_published(ate__chain_view(kit.chain)));
    e->size = size;
    e->times++;
}

static void listening(void **state)
{
    (void)state;
    struct ears a = {.listener = {.published = published}}, b = a;
    kit_init(&kit, 51);
    kit_create_ok(&kit);
    ate__chain_listen(kit.chain, &a.listener);
    kit_put_ok(&kit, 1, "x");
    assert_true(a.size == 2 && a.times == 1);
    ate__chain_listen(kit.chain, &b.listener);
    kit_put_ok(&kit, 1, "y");
    struct draft d;
    kit_begin(&kit, &d);
    draft_body(&d, &(struct draft_body){.id = id_of(5), .parent = id_of(4)});
    assert_int_equal(kit_commit(&kit, &d), ATE_CONFLICT);
    draft_deinit(&d);
    assert_true(a.size == 3 && b.size == 3);
    ate__chain_unlisten(kit.chain, &a.listener);
    ate__chain_unlisten(kit.chain, &a.listener); /* once more is harmless */
    kit_put_ok(&kit, 1, "z");
    assert_true(a.size == 3 && b.size == 4);
    ate__chain_unlisten(kit.chain, &b.listener);
    kit_deinit(&kit);
}

/* ---- outcomes ---- */

static void outcomes(void **state)
{
    (void)state;
    struct ate__receipt r = {.sequence = 5};
    struct draft d;
    kit_init(&kit, 51);
    kit_create_ok(&kit);
    kit_begin(&kit, &d);
    draft_text(&d, id_of(1), NULL, "x");
    assert_int_equal(ate__chain_outcome(kit.chain, &d.in.id, NULL, &r), ATE_NOT_FOUND);
    assert_non_null(strstr(ate__error_text(), "no transaction"));
    assert_true(r.sequence == 5);
    kit_ok(kit_commit(&kit, &d));
    uint64_t time_us = kit.receipt.root_time_us;
    simenv_pass_ms(&kit.sim, 10);
    kit_put_ok(&kit, 2, "y");
    for (unsigned i = 0; i < 2; i++) {
        kit_ok(ate__chain_outcome(kit.chain, &d.in.id, NULL, &r));
        assert_true(r.sequence == 1 && r.root_time_us == time_us && r.size == 3);
        assert_int_equal(r.stage, ATE__DURABLE);
        struct ate__receipt newest = {.sequence = 0};
        kit_ok(ate__chain_sync(kit.chain, &newest));
        assert_true(newest.sequence == 2 && newest.size == 3);
        assert_memory_equal(&newest.head, &r.head, sizeof r.head);
        kit_reopen_ok(&kit);
    }
    draft_deinit(&d);
    kit_deinit(&kit);
}

/* ---- bodies ---- */

static void bodies(void **state)
{
    (void)state;
    struct ate__view_snapshot s;
    struct ate__buf buf = ATE__BUF_NULL;
    struct ate__authors authors;
    struct ate__event e;
    struct draft d;
    struct ate_id one = id_of(1), two = id_of(2);
    kit_init(&kit, 51);
    kit_create_ok(&kit);
    kit_begin(&kit, &d);
    draft_text(&d, one, NULL, "first");
    draft_text(&d, two, NULL, "second");
    d.signer[d.signer_count++] = kit_key(0);
    d.signer[d.signer_count++] = kit_key(1);
    draft_item(&d, ATE__TAG_PUBLIC_KEY, ate__buf_bytes(&kit_key(1)->public_key));
    kit_ok(kit_commit(&kit, &d));
    draft_deinit(&d);
    kit_ok(ate__view_begin(ate__chain_view(kit.chain), 0, &s));
    kit_ok(ate__buf_append(&buf, ate__text_bytes("before")));
    kit_ok(ate__chain_event(kit.chain, &s, &two, &buf, &e, &authors));
    assert_memory_equal(buf.data, "before", 6);
    assert_memory_equal(e.payload.data, "second", 6);
    assert_int_equal(e.payload.size, 6);
    assert_int_equal(authors.count, 2);
    for (unsigned i = 0; i < 2; i++) {
        const struct ate_hash *f = &kit_key(i)->fingerprint;
        assert_true(ate__hash_equal(f, &authors.fingerprint[0]) ||
                    ate__hash_equal(f, &authors.fingerprint[1]));
    }
    kit_put_ok(&kit, 1, "changed");
    kit_ok(ate__chain_event(kit.chain, &s, &one, &buf, &e, NULL)); /* as the snapshot has it */
    assert_memory_equal(e.payload.data, "first", 5);
    struct ate_id none = id_of(9);
    size_t size = buf.size;
    assert_int_equal(ate__chain_event(kit.chain, &s, &none, &buf, &e, NULL), ATE_NOT_FOUND);
    assert_int_equal(buf.size, size);
    ate__view_end(&s);
    ate__buf_deinit(&buf);
    kit_deinit(&kit);
}

/* Bytes that changed on the disk after they were verified. */
static void a_body_that_changed(void **state)
{
    (void)state;
    struct ate__view_snapshot s;
    struct ate__view_body body;
    struct ate__buf buf = ATE__BUF_NULL;
    struct ate__event e;
    struct ate_id id = id_of(1);
    char path[64];
    kit_init(&kit, 51);
    kit_create_ok(&kit);
    kit_put_ok(&kit, 1, "a text of some length");
    kit_ok(ate__view_begin(ate__chain_view(kit.chain), 0, &s));
    kit_ok(ate__view_body(&s, &id, &body));
    snprintf(path, sizeof path, "/c/,chain/%016llx.seg",
             (unsigned long long)(body.position.place >> 32));
    uint64_t at = (body.position.place & UINT32_MAX) * 8 + 24 + body.offset;
    for (uint32_t i = 0; i < body.size; i++) {
        simdisk_flip(kit.disk, path, at + i, 1);
        int rc = ate__chain_event(kit.chain, &s, &id, &buf, &e, NULL);
        if (rc != ATE_TAMPERED || buf.size)
            fail_msg("byte %u: %s: %s", i, ate__result_name(rc), ate__error_text());
        simdisk_flip(kit.disk, path, at + i, 1);
    }
    kit_ok(ate__chain_event(kit.chain, &s, &id, &buf, &e, NULL));
    ate__view_end(&s);
    ate__buf_deinit(&buf);
    kit_deinit(&kit);
}

/* Recovery copies what was not synced into a new segment: bodies are found there. */
static void bodies_after_recovery(void **state)
{
    (void)state;
    unsigned moved = 0, lost = 0;
    for (uint64_t seed = 1; seed < 12; seed++) {
        struct ate__receipt receipt;
        kit_init(&kit, seed);
        kit.sync = ATE__SYNC_NEVER;
        kit_create_ok(&kit);
        for (unsigned n = 1; n < 6; n++)
            kit_put_ok(&kit, n, "a text");
        struct ate__view_body before, after;
        struct ate__view_snapshot s;
        struct ate_id id = id_of(5);
        kit_ok(ate__view_begin(ate__chain_view(kit.chain), 0, &s));
        kit_ok(ate__view_body(&s, &id, &before));
        simdisk_fail(kit.disk, SIMDISK_SYNC, 1, 1, ATE_E_IO);
        assert_int_equal(ate__chain_sync(kit.chain, &receipt), ATE_E_IO);
        if (kit_put(&kit, 7, "goes on")) {
            /* The disk let go of what was shown: no commit until the chain is opened again. */
            assert_non_null(strstr(kit.text, "that were shown are lost"));
            lost++;
            ate__view_end(&s);
            kit_deinit(&kit);
            continue;
        }
        for (unsigned n = 1; n < 6; n++)
            assert_string_equal(kit_text(&kit, n), "a text");
        kit_ok(ate__view_body(&s, &id, &after));
        struct ate__buf part = ATE__BUF_NULL;
        moved +=
            kit.chain->storage->v->read_part(kit.chain->storage, after.sequence, &after.position,
                                             after.offset, after.size, &part) != 0;
        ate__buf_deinit(&part);
        ate__view_end(&s);
        kit_reopen_ok(&kit);
        for (unsigned n = 1; n < 6; n++)
            assert_string_equal(kit_text(&kit, n), "a text");
        assert_string_equal(kit_text(&kit, 7), "goes on");
        kit_deinit(&kit);
    }
    print_message("%u times the bodies had moved, %u times they were lost\n", moved, lost);
    assert_true(moved);
}

/* ---- a log in memory ---- */

struct step {
    struct ate_hash head;
    uint64_t size, records;
    char text[64];
    int repeated, conflict;
};

static int count_record(void *arg, const struct ate__history_record *record)
{
    uint64_t *records = arg;
    assert_true(record->sequence == *records);
    ++*records;
    return 0;
}

/* One step, and all that a chain can be asked. */
static struct step take_step(unsigned n)
{
    struct step s = {.size = 0};
    unsigned object = 1 + n % 7 + n / 11 * 7;
    struct draft d;
    struct ate__object_facts f = kit_facts(&kit, object);
    struct ate__receipt again;
    struct ate__proof proof;
    char text[64];
    snprintf(text, sizeof text, "step %u", n);
    kit_begin(&kit, &d);
    if (n % 11 == 10 && f.live)
        draft_tombstone(&d, id_of(object), f.body, false);
    else
        kit_draft_put(&kit, &d, object, text);
    kit_ok(kit_commit(&kit, &d));
    kit_ok(ate__chain_outcome(kit.chain, &d.in.id, NULL, &again));
    assert_true(again.sequence == kit.receipt.sequence);
    s.repeated = kit_commit(&kit, &d);
    draft_deinit(&d);
    kit_begin(&kit, &d); /* against a version that is not there */
    draft_text(&d, id_of(object), &kit.chain_id, "never");
    s.conflict = kit_commit(&kit, &d);
    draft_deinit(&d);
    ate__chain_head(kit.chain, &s.size, &s.head);
    kit_ok(ate__chain_history(kit.chain, 0, UINT64_MAX, count_record, &s.records));
    kit_ok(ate__chain_inclusion(kit.chain, s.size - 1, s.size, &proof));
    kit_ok(ate__chain_consistency(kit.chain, 1 + n / 2, s.size, &proof));
    kit_ok(ate__chain_sync(kit.chain, &again));
    snprintf(s.text, sizeof s.text, "%s", kit_text(&kit, object));
    return s;
}

/* The same on a disk and in memory: nothing waits for what only a disk does. */
static void in_memory_as_on_a_disk(void **state)
{
    (void)state;
    enum { STEPS = 40 };
    static struct step on_disk[STEPS];
    for (unsigned memory = 0; memory < 2; memory++) {
        kit_init(&kit, 77);
        kit.memory = memory;
        kit_create_ok(&kit);
        for (unsigned n = 0; n < STEPS; n++) {
            struct step s = take_step(n);
            assert_int_equal(s.repeated, 0);
            assert_int_equal(s.conflict, ATE_CONFLICT);
            assert_true(s.size == n + 2 && s.records == s.size);
            if (memory)
                assert_memory_equal(&s, &on_disk[n], sizeof s);
            on_disk[n] = s;
        }
        kit_close(&kit);
        kit_deinit(&kit);
    }
}

/* ---- memory ---- */

static int create_and_commit(void *arg)
{
    struct ate_bytes *encoded = arg;
    struct ate__chain_conf conf = kit_conf(&kit);
    struct ate__storage *s;
    struct ate__chain *c;
    int rc = ate__storage_open_mem(&kit.sim.env, &kit.chain_id, ATE__ROLE_ROOT, &s);
    if (!rc)
        rc = ate__chain_create(&conf, s, ate__bytes(kit.genesis, kit.genesis_size), &c);
    if (rc)
        return rc;
    bool failed = false;
    for (unsigned i = 0; !rc && i < 3; i++) {
        struct ate__offer offer = {.encoded = encoded[i], .waits = true, .timeout_ms = -1};
        ate__chain_wait(c, &offer);
        rc = offer.result;
        assert_true(ate__view_published(ate__chain_view(c)) == (rc ? i + 1 : i + 2));
        if (rc == ATE_E_MEMORY && !failed) { /* refused: nothing was or will be applied */
            failed = true;
            ate__chain_wait(c, &offer);
            rc = offer.result;
        }
    }
    ate__chain_close(c);
    return rc ? rc : failed ? ATE_E_MEMORY : 0;
}

static void lack_of_memory(void **state)
{
    (void)state;
    struct draft d[3];
    struct ate_bytes encoded[3];
    struct ate__auth auth = auth_write(ATE__RULE_EVERYONE);
    kit_init(&kit, 51);
    for (unsigned i = 0; i < 3; i++) {
        struct ate__frontier empty;
        draft_init(&d[i], &kit.chain_id);
        ate__frontier_init(&empty);
        kit_ok(ate__frontier_root(&empty, &d[i].in.base_root));
        d[i].in.id.number = 10 + i;
        draft_body(&d[i],
                   &(struct draft_body){.id = id_of(1 + i), .parent = id_of(i), .name = "x"});
        if (i == 2)
            draft_control(&d[i], id_of(2), NULL, &auth);
        encoded[i] = draft_encode(&d[i]);
    }
    print_message("%llu allocations\n",
                  (unsigned long long)heap_sweep(create_and_commit, encoded, true));
    for (unsigned i = 0; i < 3; i++)
        draft_deinit(&d[i]);
    kit_deinit(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(creating),
        cmocka_unit_test(history),
        cmocka_unit_test(listening),
        cmocka_unit_test(outcomes),
        cmocka_unit_test(bodies),
        cmocka_unit_test(a_body_that_changed),
        cmocka_unit_test(bodies_after_recovery),
        cmocka_unit_test(in_memory_as_on_a_disk),
        cmocka_unit_test(lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
