/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Where a deep compaction cuts off by itself, at the edges of its rule: a week, an hour, four times
 * what lives; and of chains in which there is nothing to cut. */
#include "chain/chain_private.h"
#include "chain/deep.h"
#include "kit.h"
#include "trust/session.h"

#define DAY_US (UINT64_C(86400) * 1000000)
#define HOUR_US (UINT64_C(3600) * 1000000)

static struct kit kit;

static void begin(uint64_t seed)
{
    kit_init(&kit, seed);
    kit_create_ok(&kit);
}

static void end(void)
{
    kit_deinit(&kit);
}

static uint64_t now_us(void)
{
    return ate__wall_us(&kit.sim.env);
}

/* So much that a genesis beside it is little. */
static void put_much(unsigned object)
{
    char text[10000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    kit_put_ok(&kit, object, text);
}

static uint64_t chosen(void)
{
    struct ate__deep d;
    struct ate__pace pace = {.env = &kit.sim.env};
    struct ate__compact_conf conf = {.deep = true};
    kit_ok(ate__deep_begin(&d, kit.chain, &conf, &pace));
    uint64_t size = d.size;
    ate__deep_end(&d);
    return size;
}

static uint64_t chosen_at(uint64_t wall_us)
{
    simenv_set_wall_us(&kit.sim, wall_us);
    return chosen();
}

/* With something new at that time: what else there is becomes as old as that. */
static uint64_t chosen_beside(uint64_t wall_us)
{
    static unsigned object = 1000;
    simenv_set_wall_us(&kit.sim, wall_us);
    kit_put_ok(&kit, object++, "new");
    return chosen();
}

static struct ate_session *root_session(void)
{
    struct ate_session *session;
    struct ate__key32 seed;
    struct ate__key *key;
    memset(&seed, 0x51, sizeof seed); /* kit_key(0) */
    kit_ok(ate__key_of_seed(&seed, NULL, &key));
    kit_ok(ate__session_new(&session));
    kit_ok(ate__session_add(session, key));
    return session;
}

static void certify(const struct ate__compact_conf *conf)
{
    struct ate__deep d;
    struct ate__pace pace = {.env = &kit.sim.env};
    kit_ok(ate__deep_begin(&d, kit.chain, conf, &pace));
    kit_ok(ate__deep_certify(&d));
    ate__deep_end(&d);
}

static void compact_to_nothing(bool deep)
{
    struct ate__compacted done;
    struct ate__compact_conf conf = {.deep = deep, .cut_off = deep ? UINT64_MAX : 0};
    uint64_t size;
    struct ate_hash root;
    ate__chain_head(kit.chain, &size, &root);
    kit_ok(ate__chain_compact(kit.chain, &conf, &done));
    assert_true(!done.rewritten && !done.payloads && !done.events && !done.cut_off);
    assert_true(kit_size(&kit) == size); /* and no certificate for nothing */
}

/* A mirror to which nothing came yet; a chain with its genesis alone; with one event. */
static void test_nothing_to_cut(void **state)
{
    (void)state;
    struct ate__storage *s;
    struct ate__compacted done;
    kit_init(&kit, 1);
    struct ate__chain_conf conf = kit_conf(&kit);
    kit_ok(ate__storage_open_file(&kit.sim.env, kit.root, ATE__STORAGE_CREATE, &kit.chain_id,
                                  ATE__ROLE_MIRROR, NULL, &s));
    kit_ok(ate__chain_open(&conf, s, 0, &kit.chain));
    kit_ok(ate__chain_begin(kit.chain));
    for (unsigned deep = 0; deep < 2; deep++) {
        struct ate__compact_conf compact = {.deep = deep != 0};
        kit_ok(ate__chain_compact(kit.chain, &compact, &done));
        assert_true(!done.segments && !done.rewritten && !done.cut_off);
    }
    end();
    begin(2);
    compact_to_nothing(false);
    compact_to_nothing(true);
    kit_put_ok(&kit, 1, "one");
    compact_to_nothing(false);
    compact_to_nothing(true);
    kit_reopen_ok(&kit);
    assert_string_equal(kit_text(&kit, 1), "one");
    end();
}

/* What is exactly a week old may go; a microsecond less, and it stays. */
static void test_week(void **state)
{
    (void)state;
    begin(3);
    uint64_t times[4] = {now_us()};
    for (unsigned i = 1; i < 4; i++) {
        times[i] = times[0] + i * HOUR_US / 2 + i;
        simenv_set_wall_us(&kit.sim, times[i]);
        put_much(i);
    }
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(chosen_beside(times[i] + 7 * DAY_US - 1), i);
        assert_int_equal(chosen_beside(times[i] + 7 * DAY_US), i + 1);
    }
    /* A clock that goes back makes nothing older. */
    assert_int_equal(chosen_at(times[0]), 0);
    assert_int_equal(chosen_at(1), 0);
    end();
}

/* A week is longer than this clock has run. */
static void test_young_clock(void **state)
{
    (void)state;
    kit_init(&kit, 4);
    simenv_set_wall_us(&kit.sim, 5);
    kit_create_ok(&kit);
    put_much(1);
    assert_int_equal(chosen(), 0);
    assert_int_equal(chosen_beside(7 * DAY_US + 4), 0);
    assert_int_equal(chosen_beside(7 * DAY_US + 5), 2);
    end();
}

/* A clock that was set forward makes nothing old, nor does the certificate that is stamped by it; a
 * commit beside it does, until the clock is right again. */
static void test_clock_forward(void **state)
{
    (void)state;
    struct ate__compact_conf conf = {.deep = true};
    begin(7);
    conf.session = root_session();
    put_much(1);
    put_much(2);
    uint64_t first_us = now_us(), second_us = first_us + 6 * DAY_US;
    assert_int_equal(chosen_beside(second_us), 0);
    put_much(3);
    assert_int_equal(chosen_at(first_us + 365 * DAY_US), 0);
    assert_int_equal(chosen_beside(first_us + 8 * DAY_US), 3);
    simenv_set_wall_us(&kit.sim, first_us + 365 * DAY_US);
    uint64_t size = kit_size(&kit);
    for (unsigned i = 0; i < 3; i++) {
        certify(&conf);
        assert_int_equal(kit_size(&kit), size + 1);
        assert_int_equal(chosen(), 3);
    }
    assert_int_equal(chosen_beside(first_us + 365 * DAY_US), size);
    assert_int_equal(chosen_at(first_us + 8 * DAY_US), 3);
    ate__session_unref(conf.session);
    end();
}

/* ---- much that is not alive ---- */

struct sizes {
    uint64_t record[128], live;
    size_t count;
};

static int note_size(void *arg, const struct ate__history_record *record)
{
    struct sizes *s = arg;
    struct ate__tx tx;
    assert_true(s->count == record->sequence && s->count < ATE__COUNT_OF(s->record));
    s->record[s->count++] = record->body.size;
    kit_ok(ate__tx_decode(record->body, ATE__SHA256, &tx));
    for (uint32_t i = 0; i < tx.event_count; i++)
        if (tx.events[i].kind == ATE__EVENT_BODY &&
            ate__view_holds(ate__chain_view(kit.chain), &tx.events[i].header.object,
                            &tx.events[i].hash))
            s->live += tx.events[i].whole.size;
    ate__tx_deinit(&tx);
    return 0;
}

/* The first size above which no more than four times what lives is left. */
static uint64_t nearest(void)
{
    struct sizes s = {.count = 0};
    uint64_t above = 0, size = 0;
    kit_ok(ate__chain_history(kit.chain, 0, UINT64_MAX, note_size, &s));
    for (size_t i = 0; i < s.count; i++)
        above += s.record[i];
    while (above > 4 * s.live)
        above -= s.record[size++];
    return size;
}

struct story {
    uint64_t times[100]; /* of each transaction */
    size_t count;
};

static void again(struct story *s, uint64_t wall_us)
{
    simenv_set_wall_us(&kit.sim, wall_us);
    kit_put_ok(&kit, 1, "over and over again, with as many bytes each time");
    ate__view_reclaim(ate__chain_view(kit.chain), 0);
    s->times[s->count++] = wall_us;
}

static void expect_after(struct story *s, uint64_t wall_us, uint64_t expected)
{
    again(s, wall_us);
    assert_int_equal(chosen(), expected);
}

/* One object over and over: it is cut near, but never within the last hour. */
static void test_four_times(void **state)
{
    enum { PUTS = 60 };
    struct story s = {.count = 1};
    (void)state;
    begin(5);
    while (s.count <= PUTS)
        again(&s, now_us() + 1000000);
    uint64_t near = nearest();
    assert_true(near > 20 && near < PUTS);
    assert_int_equal(chosen(), 0); /* within the hour */
    expect_after(&s, s.times[10] + HOUR_US - 1, 10);
    expect_after(&s, s.times[10] + HOUR_US, 11);
    near = nearest() + 1; /* when there is one more */
    expect_after(&s, s.times[near - 1] + HOUR_US - 1, near - 1);
    assert_int_equal(nearest(), near);
    near++;
    expect_after(&s, s.times[near - 1] + HOUR_US, near);
    expect_after(&s, s.times[s.count - 1] + HOUR_US, near + 1);
    assert_int_equal(nearest(), near + 1);
    expect_after(&s, s.times[s.count - 1] + 3 * DAY_US, near + 2);
    uint64_t all = s.count;
    expect_after(&s, s.times[all - 1] + 7 * DAY_US, all);
    end();
}

/* All of it lives: nothing younger than a week goes. */
static void test_all_lives(void **state)
{
    (void)state;
    begin(6);
    for (unsigned i = 1; i <= 40; i++)
        put_much(i);
    assert_int_equal(nearest(), 0);
    uint64_t last_us = now_us();
    assert_int_equal(chosen_beside(last_us + 2 * HOUR_US), 0);
    assert_int_equal(chosen_beside(last_us + 7 * DAY_US - 1), 0);
    assert_int_equal(chosen_beside(last_us + 7 * DAY_US), 41);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_to_cut), cmocka_unit_test(test_week),
        cmocka_unit_test(test_young_clock),    cmocka_unit_test(test_four_times),
        cmocka_unit_test(test_all_lives),      cmocka_unit_test(test_clock_forward),
    };
    return cmocka_run_group_tests_name("chain/cut_off", tests, NULL, NULL);
}
