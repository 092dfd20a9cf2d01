/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * What has to hold over long times: who comes late with what he made long ago, a chain that is read
 * on a clock far from the one it was written on, things that come and go and leave nothing behind,
 * and transactions of which a part is not allowed, trees that would have no top among them.
 */
#include "chain/chain_private.h"
#include "lib/check.h"
#include "story.h"

static struct kit kit;

static void begin(uint64_t seed)
{
    kit_init(&kit, seed);
    kit_create_ok(&kit);
}

/* ---- late ---- */

enum { AWAY = 12, FIRST_AWAY = 500 };

/* Made on the head of then, with the number of then; every third one is signed. */
static void make_away(struct story *s, struct draft *drafts)
{
    for (unsigned i = 0; i < AWAY; i++) {
        char text[40];
        snprintf(text, sizeof text, "made while away, %u", i);
        kit_begin(&s->k, &drafts[i]);
        memset(drafts[i].in.id.origin, 0x77, sizeof drafts[i].in.id.origin);
        drafts[i].in.id.number = 1 + i;
        draft_text(&drafts[i], id_of(FIRST_AWAY + i), NULL, text);
        if (i % 3 == 0)
            drafts[i].signer[drafts[i].signer_count++] = kit_key(1);
        draft_encode(&drafts[i]);
    }
}

static void check_away(struct story *s, unsigned first, unsigned end)
{
    for (unsigned i = first; i < end; i++) {
        char text[40];
        snprintf(text, sizeof text, "made while away, %u", i);
        assert_string_equal(kit_text(&s->k, FIRST_AWAY + i), text);
    }
}

static void compact(struct story *s)
{
    struct ate__compacted done;
    struct ate__compact_conf shallow = {.gain_percent = 1};
    ate__view_reclaim(ate__chain_view(s->k.chain), 0);
    kit_ok(ate__chain_compact(s->k.chain, &shallow, &done));
    kit_ok(story_compact(s, UINT64_MAX, &done));
}

/* A part of it is offered before the chain is compacted, a part after it, a part once more: all of
 * what was acknowledged is there, and what comes too late is told so. */
static void made_while_away(void **state)
{
    (void)state;
    static struct story s;
    static struct draft drafts[AWAY];
    unsigned taken = AWAY / 2;
    story_init(&s, 5);
    kit_ok(story_go_on(&s, 300));
    make_away(&s, drafts);
    for (unsigned i = 0; i < taken; i++)
        kit_ok(kit_commit_bytes(&s.k, ate__buf_bytes(&drafts[i].encoded)));
    compact(&s);
    check_away(&s, 0, taken);
    for (; taken < AWAY; taken++)
        kit_ok(kit_commit_bytes(&s.k, ate__buf_bytes(&drafts[taken].encoded)));
    check_away(&s, 0, AWAY);
    kit_ok(story_go_on(&s, 300));
    compact(&s);
    kit_reopen_ok(&s.k);
    check_away(&s, 0, AWAY);
    for (unsigned i = 0; i < AWAY; i++) { /* never twice */
        uint64_t size = kit_size(&s.k);
        int rc = kit_commit_bytes(&s.k, ate__buf_bytes(&drafts[i].encoded));
        assert_true(!rc || rc == ATE_STALE);
        assert_true(kit_size(&s.k) == size);
        draft_deinit(&drafts[i]);
    }
    check_away(&s, 0, AWAY);
    story_deinit(&s);
}

/* ---- another clock ---- */

#define YEAR_US (UINT64_C(31557600) * 1000000)

/* What was accepted once is read for ever: no rule for what is new is put to it. */
static void on_another_clock(void **state)
{
    (void)state;
    static struct story s;
    struct ate__compacted done;
    struct ate__compact_conf shallow = {.gain_percent = 1};
    story_init(&s, 6);
    kit_ok(story_go_on(&s, 200));
    kit_ok(ate__chain_compact(s.k.chain, &shallow, &done));
    uint64_t then = ate__wall_us(&s.k.sim.env);
    const uint64_t clocks[] = {then + 50 * YEAR_US, then - 20 * YEAR_US, 0, then};
    for (unsigned i = 0; i < ATE__COUNT_OF(clocks); i++) {
        story_note(&s);
        simenv_set_wall_us(&s.k.sim, clocks[i]);
        kit_reopen_ok(&s.k);
        story_check_state(&s);
        kit_put_ok(&s.k, 300 + i, "and it goes on");
    }
    kit_ok(story_compact(&s, UINT64_MAX, &done));
    kit_reopen_ok(&s.k);
    for (unsigned i = 0; i < ATE__COUNT_OF(clocks); i++)
        assert_string_equal(kit_text(&s.k, 300 + i), "and it goes on");
    story_deinit(&s);
}

/* ---- what comes and goes ---- */

static uint64_t live_objects(struct kit *k)
{
    uint64_t count = 0;
    for (unsigned n = 1; n < 2000; n++)
        count += kit_facts(k, n).live;
    return count;
}

/* A request and its answer, deleted afterwards, again and again: objects do not become more, and a
 * log that is compacted does not grow. What is not there cannot be deleted silently. */
static void come_and_gone(void **state)
{
    (void)state;
    static struct story s;
    struct ate__compacted done;
    uint64_t first = 0, gone = 0;
    story_init(&s, 7);
    kit_put_ok(&s.k, 1, "a service");
    for (unsigned round = 0; round < 5; round++) {
        for (unsigned i = 0; i < 200; i++) {
            struct draft d;
            unsigned n = 10 + i + 200 * round;
            kit_put_ok(&s.k, n, "a request");
            kit_begin(&s.k, &d);
            draft_tombstone(&d, id_of(n), kit_facts(&s.k, n).body, false);
            kit_ok(kit_commit(&s.k, &d));
            draft_deinit(&d);
        }
        uint64_t live = live_objects(&s.k);
        first = round ? first : live;
        assert_true(live == first);
        ate__view_reclaim(ate__chain_view(s.k.chain), 0);
        kit_ok(story_compact(&s, UINT64_MAX, &done));
        gone += done.transactions;
    }
    print_message("%u transactions went, %u bytes are left\n", (unsigned)gone,
                  (unsigned)done.bytes_after);
    assert_true(gone > 1000 && done.bytes_after < 2 << 20); /* 2000 groups of a page or more */
    struct draft d;
    kit_begin(&s.k, &d);
    draft_tombstone(&d, id_of(1999), s.k.chain_id, false);
    assert_int_equal(kit_commit(&s.k, &d), ATE_CONFLICT);
    draft_deinit(&d);
    story_deinit(&s);
}

/* ---- all of a transaction, or nothing ---- */

/* The log has not grown and shows nothing of it; the same bytes fail again. */
static void expect_nothing(struct draft *d, unsigned first, unsigned count, int expected)
{
    uint64_t size = kit_size(&kit);
    struct ate__storage_state before, after;
    struct ate__storage *storage = ate__chain_storage(kit.chain);
    storage->v->state(storage, &before);
    for (unsigned again = 0; again < 2; again++) {
        int rc = kit_commit_bytes(&kit, draft_encode(d));
        if (rc != expected)
            fail_msg("%s: %s", ate__result_name(rc), kit.text);
    }
    storage->v->state(storage, &after);
    assert_true(kit_size(&kit) == size && before.size == after.size);
    for (unsigned i = 0; i < count; i++)
        assert_false(kit_facts(&kit, first + i).live);
    draft_deinit(d);
}

static void a_part_that_may_not_be(void **state)
{
    (void)state;
    begin(8);
    kit_put_ok(&kit, 1, "is there");
    for (unsigned bad = 0; bad < 5; bad++) {
        struct draft d;
        kit_begin(&kit, &d);
        for (unsigned i = 0; i < 5; i++)
            draft_text(&d, id_of(10 + i), i == bad ? &kit.chain_id : NULL, "one of five");
        expect_nothing(&d, 10, 5, ATE_CONFLICT);
    }
    assert_string_equal(kit_text(&kit, 1), "is there");
    kit_deinit(&kit);
}

static void object(struct draft *d, unsigned n, unsigned parent)
{
    draft_body(d, &(struct draft_body){.id = id_of(n), .parent = id_of(parent)});
}

/* Rings of two and three objects, in one transaction and closed by a move; a tree too deep. */
static void no_top(void **state)
{
    (void)state;
    struct draft d;
    begin(9);
    for (unsigned length = 2; length <= 3; length++) {
        kit_begin(&kit, &d);
        for (unsigned i = 0; i < length; i++)
            object(&d, 10 + i, 10 + (i + 1) % length);
        expect_nothing(&d, 10, length, ATE_CONFLICT);
        kit_begin(&kit, &d);
        for (unsigned i = 0; i < length; i++)
            object(&d, 100 * length + i, i ? 100 * length + i - 1 : 0);
        kit_ok(kit_commit(&kit, &d));
        draft_deinit(&d);
        struct ate__object_facts f = kit_facts(&kit, 100 * length);
        kit_begin(&kit, &d);
        draft_body(&d, &(struct draft_body){.id = id_of(100 * length),
                                            .parent = id_of(100 * length + length - 1),
                                            .prev = &f.body});
        expect_nothing(&d, 10, 1, ATE_CONFLICT);
    }
    kit_begin(&kit, &d);
    for (unsigned i = 0; i < 10000; i++)
        object(&d, 1000 + i, i ? 999 + i : 0);
    expect_nothing(&d, 1000, 10, ATE_TOO_BIG);
    kit_reopen_ok(&kit);
    kit_deinit(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(made_while_away), cmocka_unit_test(on_another_clock),
        cmocka_unit_test(come_and_gone),   cmocka_unit_test(a_part_that_may_not_be),
        cmocka_unit_test(no_top),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
