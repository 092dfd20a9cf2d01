/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Deep compaction: what is left still opens, verifies, proves, and goes on. */
#include "base/workers.h"
#include "chain/chain_private.h"
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

static void reopen_and_check(void)
{
    for (unsigned flags = 0; flags < 2; flags++) {
        kit_close(&s.k);
        kit_open_ok(&s.k, flags);
        story_check(&s);
    }
    kit_reopen_ok(&s.k);
}

static void test_all_proofs_stay(void **state)
{
    (void)state;
    story_init(&s, 1);
    kit_ok(story_go_on(&s, 1500));
    story_note(&s);
    uint64_t before = s.size;
    struct ate__compacted done = compact_ok(UINT64_MAX);
    print_message("%llu segments, %llu written anew, %llu payloads, %llu events and %llu "
                  "transactions went, %llu -> %llu bytes\n",
                  (unsigned long long)done.segments, (unsigned long long)done.rewritten,
                  (unsigned long long)done.payloads, (unsigned long long)done.events,
                  (unsigned long long)done.transactions, (unsigned long long)done.bytes_before,
                  (unsigned long long)done.bytes_after);
    assert_true(done.cut_off == before && kit_size(&s.k) == before + 1);
    assert_true(done.transactions > 200 && done.bytes_after < done.bytes_before / 4 * 3);
    story_check(&s);
    story_note(&s);
    reopen_and_check();
    story_deinit(&s);
}

/* Written to, compacted further, stopped midway, opened again: over and over. */
static bool cancel_at(void *arg)
{
    uint64_t *left = arg;
    return !(*left)-- || *left > 1u << 30;
}

static void test_again_and_again(void **state)
{
    (void)state;
    unsigned stopped = 0;
    for (uint64_t seed = 10; seed < 14; seed++) {
        story_init(&s, seed);
        struct rnd r = rnd_of(seed);
        for (unsigned round = 0; round < 6; round++) {
            uint64_t left = 200 + rnd_below(&r, 4000), size = kit_size(&s.k);
            struct ate__compacted done;
            struct ate__compact_conf conf = {.deep = true,
                                             .cut_off = size - rnd_below(&r, 100),
                                             .session = s.session,
                                             .gain_percent = 1 + (unsigned)rnd_below(&r, 40)};
            kit_ok(story_go_on(&s, 300));
            story_note(&s);
            if (round % 2)
                conf.cancel = cancel_at, conf.arg = &left;
            int rc = ate__chain_compact(s.k.chain, &conf, &done);
            if (rc != ATE_CANCELED)
                kit_ok(rc);
            stopped += rc != 0;
            story_check_state(&s);
            kit_reopen_ok(&s.k);
            story_check(&s);
        }
        compact_ok(0); /* nothing is older than a week: only what was begun is gone on with */
        compact_ok(UINT64_MAX);
        story_check_state(&s);
        kit_reopen_ok(&s.k);
        story_check(&s);
        story_deinit(&s);
    }
    assert_true(stopped > 3);
}

/* ---- who was there before ---- */

/* What was committed may be sent again: within the window it is known by its identity. */
static void test_repeats(void **state)
{
    (void)state;
    struct draft old, young, other;
    story_init(&s, 50);
    kit_ok(story_go_on(&s, 20));
    kit_begin(&s.k, &old);
    draft_text(&old, id_of(901), NULL, "old");
    kit_ok(kit_commit(&s.k, &old));
    struct ate__object_facts f = kit_facts(&s.k, 901);
    struct draft gone;
    kit_begin(&s.k, &gone);
    draft_tombstone(&gone, id_of(901), f.body, false);
    kit_ok(kit_commit(&s.k, &gone));
    draft_deinit(&gone);
    kit_ok(story_go_on(&s, 780));
    kit_begin(&s.k, &young);
    draft_text(&young, id_of(902), NULL, "young");
    kit_ok(kit_commit(&s.k, &young));
    struct ate__receipt receipt = s.k.receipt, again;
    kit_put_ok(&s.k, 902, "changed");
    /* Room for full tiles above it, and for another last segment. */
    for (unsigned i = 0; i < 300; i++)
        kit_put_ok(&s.k, 903 + i % 3, "and so on");
    assert_true(compact_ok(receipt.sequence + 120).cut_off == receipt.sequence + 120);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(kit_commit(&s.k, &young), 0);
        assert_true(s.k.receipt.sequence == receipt.sequence &&
                    s.k.receipt.root_time_us == receipt.root_time_us);
        kit_ok(ate__chain_outcome(s.k.chain, &young.in.id, NULL, &again));
        assert_true(again.sequence == receipt.sequence);
        kit_begin(&s.k, &other);
        other.in.id = young.in.id;
        draft_text(&other, id_of(950), NULL, "z");
        assert_int_equal(kit_commit(&s.k, &other), ATE_MALFORMED);
        draft_deinit(&other);
        assert_int_equal(kit_commit(&s.k, &old), ATE_STALE);
        kit_reopen_ok(&s.k);
    }
    draft_deinit(&old);
    draft_deinit(&young);
    story_deinit(&s);
}

/* Whoever began before reads on what it saw, and the log opens all the same. */
static void test_readers_hold(void **state)
{
    (void)state;
    struct ate__view_snapshot snapshot;
    struct ate__buf buf = ATE__BUF_NULL;
    struct ate__event event;
    struct ate_id id = id_of(900);
    story_init(&s, 60);
    kit_put_ok(&s.k, 900, "what it saw");
    kit_ok(ate__view_begin(ate__chain_view(s.k.chain), 0, &snapshot));
    struct ate__object_facts f = kit_facts(&s.k, 900);
    struct draft d;
    kit_put_ok(&s.k, 900, "changed");
    f = kit_facts(&s.k, 900);
    kit_begin(&s.k, &d);
    draft_tombstone(&d, id, f.body, false);
    kit_ok(kit_commit(&s.k, &d));
    draft_deinit(&d);
    kit_ok(story_go_on(&s, 900));
    story_note(&s);
    compact_ok(UINT64_MAX);
    kit_ok(ate__chain_event(s.k.chain, &snapshot, &id, &buf, &event, NULL));
    assert_true(event.payload.size == 11 && !memcmp(event.payload.data, "what it saw", 11));
    ate__view_end(&snapshot);
    kit_kill(&s.k); /* as it is now, also for who comes next */
    ate__buf_deinit(&buf);
    kit_open_ok(&s.k, 0);
    story_check(&s);
    story_deinit(&s);
}

/* ---- a disk that changes meanwhile ---- */

static const struct ate__storage_vtable *honest;
struct stealing {
    const struct ate__scan *scan;
    const struct ate__tx *tx;
};

static int pass_group(void *arg, const struct ate__group_out *group)
{
    const struct ate__scan *scan = ((struct stealing *)arg)->scan;
    return scan->group ? scan->group(scan->arg, group) : 0;
}

static enum ate__part steal_part(void *arg, uint32_t event)
{
    const struct ate__event *e = &((const struct stealing *)arg)->tx->events[event];
    struct ate_id stolen = id_of(900);
    bool it = e->form == ATE__DROPPED ||
              (e->kind == ATE__EVENT_BODY && ate__id_equal(&e->header.object, &stolen));
    return it ? ATE__PART_HASH : ATE__PART_WHOLE;
}

static int steal_record(void *arg, const struct ate__record_out *record)
{
    struct stealing *t = arg;
    struct ate__record_out robbed = *record;
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__tx tx;
    if (record->identity)
        return t->scan->record(t->scan->arg, record);
    kit_ok(ate__tx_decode(record->body, ATE__SHA256, &tx));
    t->tx = &tx;
    kit_ok(ate__tx_reduce_parts(&tx, steal_part, t, &body));
    robbed.body = ate__buf_bytes(&body);
    int rc = t->scan->record(t->scan->arg, &robbed);
    ate__tx_deinit(&tx);
    ate__buf_deinit(&body);
    return rc;
}

static int robbed_scan(struct ate__storage *storage, uint64_t from, uint64_t to,
                       const struct ate__scan *scan)
{
    struct stealing t = {.scan = scan};
    return honest->scan(storage, from, to, &(struct ate__scan){pass_group, steal_record, &t});
}

/* Leaves say nothing of which events are left. So that nobody certifies what he did not see. */
static void test_a_disk_that_steals_meanwhile(void **state)
{
    (void)state;
    story_init(&s, 70);
    kit_put_ok(&s.k, 900, "what is there to stay");
    kit_ok(story_go_on(&s, 700));
    story_note(&s);
    compact_ok(UINT64_MAX);
    kit_ok(story_go_on(&s, 700));
    story_note(&s);
    for (unsigned reopened = 0; reopened < 2; reopened++) {
        struct ate__storage *storage = ate__chain_storage(s.k.chain);
        struct ate__compacted done;
        honest = storage->v;
        struct ate__storage_vtable robbing = *honest;
        robbing.scan = robbed_scan;
        storage->v = &robbing;
        assert_int_equal(story_compact(&s, UINT64_MAX, &done), ATE_TAMPERED);
        storage->v = honest;
        assert_true(kit_size(&s.k) == s.size);
        story_check_state(&s);
        kit_reopen_ok(&s.k);
    }
    compact_ok(UINT64_MAX);
    kit_reopen_ok(&s.k);
    story_check(&s);
    assert_string_equal(kit_text(&s.k, 900), "what is there to stay");
    story_deinit(&s);
}

/* ---- votes ---- */

static struct ate__ballot always(void *arg, const struct ate__keep_event *e)
{
    (void)e;
    return (struct ate__ballot){*(const enum ate__vote *)arg, false};
}

/* Another answer each time, which it must not give. */
static struct ate__ballot by_chance(void *arg, const struct ate__keep_event *e)
{
    struct rnd *r = arg;
    (void)e;
    return (struct ate__ballot){(enum ate__vote)rnd_below(r, ATE__FORCE_KEEP + 1),
                                rnd_below(r, 2) != 0};
}

static struct ate__compacted compact_voted(uint64_t seed, const struct ate__keep_plugin *plugin)
{
    struct ate__compacted done;
    story_init(&s, seed);
    struct ate__compact_conf conf = {.deep = true,
                                     .cut_off = UINT64_MAX,
                                     .session = s.session,
                                     .gain_percent = 1,
                                     .plugin = plugin};
    kit_ok(story_go_on(&s, 900));
    story_note(&s);
    ate__view_reclaim(ate__chain_view(s.k.chain), 0);
    kit_ok(ate__chain_compact(s.k.chain, &conf, &done));
    story_check_state(&s);
    kit_reopen_ok(&s.k);
    story_check(&s);
    story_deinit(&s);
    return done;
}

/* Whatever they are: what is left opens, verifies and proves. */
static void test_votes(void **state)
{
    (void)state;
    enum ate__vote vote = ATE__FORCE_DROP;
    const struct ate__keep_plugin all = {always, &vote};
    struct ate__compacted none = compact_voted(60, NULL), done = compact_voted(60, &all);
    assert_true(none.transactions > 100 && none.payloads > 0);
    assert_true(done.transactions == none.transactions && done.events == none.events &&
                done.payloads == none.payloads);
    vote = ATE__KEEP;
    done = compact_voted(60, &all);
    assert_true(!done.transactions && !done.events && !done.payloads);
    for (uint64_t seed = 61; seed < 64; seed++) {
        struct rnd r = rnd_of(seed);
        const struct ate__keep_plugin any = {by_chance, &r};
        done = compact_voted(seed, &any);
        assert_true(done.events > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_proofs_stay),
        cmocka_unit_test(test_again_and_again),
        cmocka_unit_test(test_repeats),
        cmocka_unit_test(test_readers_hold),
        cmocka_unit_test(test_a_disk_that_steals_meanwhile),
        cmocka_unit_test(test_votes),
    };
    return cmocka_run_group_tests_name("chain/deep", tests, NULL, NULL);
}
