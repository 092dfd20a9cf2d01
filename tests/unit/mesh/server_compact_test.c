/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A server that compacts the chains it has open: while they are written to, by a timer that goes on
 * while a chain is closed, and what its log says.
 */
#include "kit.h"
#include "lines.h"
#include "lib/tmpdir.h"
#include "mesh/server_private.h"
#include "trust/session.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAYLOAD = 20000, HOUR_MS = 3600 * 1000 };

/* --- a clock that can be moved --- */

static _Atomic uint64_t ahead_ms;

static uint64_t monotonic_ms(void *user)
{
    (void)user;
    return ate__clock_monotonic_ms(NULL) + atomic_load(&ahead_ms);
}

static _Atomic uint64_t wall_ahead_us;

static uint64_t wall_us(void *user)
{
    (void)user;
    return ate__clock_wall_us(NULL) + atomic_load(&wall_ahead_us);
}

static uint64_t stopped; /* one that stands */

static uint64_t stopped_ms(void *user)
{
    (void)user;
    return stopped;
}

static struct ate__env moved;

static struct ate__server_conf conf_of(const char *logs, struct ate__compact_rule rule)
{
    struct ate__server_conf conf = kit_conf(logs);
    moved = ate__env_real;
    moved.monotonic_ms = monotonic_ms;
    moved.wall_us = wall_us;
    conf.env = &moved;
    if (!rule.bytes_min)
        rule.bytes_min = 1;
    conf.compact.rule = rule;
    conf.compact.look_ms = 1;
    lines_begin(&conf);
    return conf;
}

/* --- a chain --- */

static struct kit_chain chain;
static struct ate__head known;
static struct ate_hash newest;
static bool there;

static void begin(struct kit_client *c)
{
    chain = kit_chain_new("/joe/notes", true);
    known = kit_create(c, 1, &chain);
    assert_int_equal(known.size, 1);
    there = false;
}

/* One object, over and over. */
static void put(struct kit_client *c, unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        struct ate_hash hash;
        struct kit_put p = {.object = kit_id(1),
                            .prev = there ? &newest : NULL,
                            .payload_size = PAYLOAD,
                            .unsigned_ = true};
        struct ate__buf tx = kit_put(&chain, &known, &p, &hash);
        kit_commit(c, 1, 1, &known, ate__buf_bytes(&tx));
        kit_committed(c, 1, ate__buf_bytes(&tx), &known);
        ate__buf_deinit(&tx);
        newest = hash;
        there = true;
    }
}

static void end(struct kit_client *c, struct ate__server *s)
{
    kit_close(c);
    ate__server_end(s);
    kit_chain_free(&chain);
}

/* --- tests --- */

static void test_while_written(void **state)
{
    (void)state;
    struct ate__server_conf conf =
        conf_of(tmpdir_new(),
                (struct ate__compact_rule){.mode = ATE__COMPACT_SIZE, .growth_bytes = 200000});
    struct ate__server *s = kit_start(&conf);
    struct kit_client *c = kit_connect(s), *other;
    begin(c);
    for (unsigned i = 0; i < 1000 && !lines_count("2 compacted /joe/notes: "); i++)
        put(c, 1);
    lines_wait("2 compacted /joe/notes: ", 1);
    assert_int_equal(lines_count("could not be compacted"), 0);
    put(c, 5);
    /* A subscriber gets all of it, and ends up with the same tree. */
    struct kit_follow follow;
    struct ate__head empty = kit_empty_head();
    other = kit_connect(s);
    assert_int_equal(kit_open(other, 1, &chain).size, known.size);
    kit_follow_init(&follow);
    kit_subscribe(other, 1, &empty);
    assert_int_equal(kit_subscribed(other).size, known.size);
    kit_follow_to(other, &follow, known.size);
    assert_memory_equal(&follow.root, &known.root, sizeof known.root);
    kit_close(other);
    end(c, s);
}

/* The timer of a chain goes on while nobody has it open. */
static void test_timer(void **state)
{
    (void)state;
    struct ate__server_conf conf = conf_of(
        tmpdir_new(), (struct ate__compact_rule){.mode = ATE__COMPACT_TIMER, .every_ms = HOUR_MS});
    conf.server_limits.idle_ms = 20;
    struct ate__server *s = kit_start(&conf);
    struct kit_client *c = kit_connect(s);
    begin(c);
    put(c, 40);
    for (unsigned round = 1; round <= 2; round++) {
        kit_close(c);
        lines_wait("3 closed /joe/notes", round);
        assert_int_equal(lines_count("2 compacted "), round - 1);
        atomic_fetch_add(&ahead_ms, HOUR_MS);
        c = kit_connect(s);
        known = kit_open(c, 1, &chain);
        lines_wait("2 compacted ", round);
        put(c, 40);
    }
    end(c, s);
}

/* In the place of the file that a compaction writes: a directory that is not empty. */
static void stand_in_the_way(const char *logs, bool stand)
{
    char path[512], below[600];
    snprintf(path, sizeof path, "%s/joe/notes/,chain/compact", logs);
    snprintf(below, sizeof below, "%s/below", path);
    if (stand)
        assert_true(!mkdir(path, 0700) && !mkdir(below, 0700));
    else
        assert_true(!rmdir(below) && !rmdir(path));
}

/* What cannot be done is told, with its reason, and stands in nobody's way. */
static void test_failure(void **state)
{
    (void)state;
    const char *logs = tmpdir_new();
    struct ate__server_conf conf =
        conf_of(logs, (struct ate__compact_rule){.mode = ATE__COMPACT_SIZE, .growth_bytes = 1});
    struct ate__server *s = kit_start(&conf);
    struct kit_client *c = kit_connect(s);
    begin(c);
    stand_in_the_way(logs, true);
    for (unsigned i = 0; i < 1000 && !lines_count("could not be compacted"); i++)
        put(c, 1);
    lines_wait("1 /joe/notes could not be compacted, which is tried again: E_", 1);
    assert_int_equal(lines_count("2 compacted "), 0);
    stand_in_the_way(logs, false);
    put(c, 1);
    assert_int_equal(lines_count("could not be compacted"), 1);
    atomic_fetch_add(&ahead_ms, 60000);
    put(c, 1);
    lines_wait("2 compacted ", 1);
    end(c, s);
}

static void test_never(void **state)
{
    (void)state;
    struct ate__server_conf conf =
        conf_of(tmpdir_new(), (struct ate__compact_rule){.mode = ATE__COMPACT_NEVER});
    struct ate__server *s = kit_start(&conf), *refused;
    struct kit_client *c = kit_connect(s);
    begin(c);
    put(c, 60);
    end(c, s);
    assert_int_equal(lines_count("compact"), 0);
    conf.compact.rule =
        (struct ate__compact_rule){.mode = ATE__COMPACT_FACTOR, .factor_percent = 100};
    assert_int_equal(ate__server_start(&conf, &refused), ATE_MISUSE);
}

/* ---- and mirrors that resync ---- */

static struct ate_session *session_of_root(void)
{
    ate__cleanup(ate__secret_deinit) struct ate__secret text = {0};
    struct ate_session *session;
    struct ate__key *key;
    assert_int_equal(ate__key_encode(chain.key, &text), 0);
    assert_int_equal(ate__key_decode(ate__bytes(text.data, text.size), &key), 0);
    assert_int_equal(ate__session_new(&session), 0);
    assert_int_equal(ate__session_add(session, key), 0);
    return session;
}

/* A compaction waits for who takes steps, for a while; then it runs, and the next one waits. */
static void test_hold(void **state)
{
    (void)state;
    struct ate__server s = {.conf.env = &moved};
    struct ate__hosted h = {.server = &s};
    pthread_mutex_init(&h.mutex, NULL);
    moved = ate__env_real;
    moved.monotonic_ms = stopped_ms;
    stopped = 1000;
    assert_true(ate__compact_held_ms(&h) == 0);
    ate__compact_hold(&h);
    assert_true(ate__compact_held_ms(&h) == ATE__RESYNC_STEP_MS);
    stopped += ATE__RESYNC_STEP_MS - 1;
    assert_true(ate__compact_held_ms(&h) == 1);
    stopped++;
    assert_true(ate__compact_held_ms(&h) == 0);
    for (unsigned round = 0; round < 3; round++) {
        uint64_t steps = 0, from_ms = stopped;
        for (ate__compact_hold(&h); ate__compact_held_ms(&h); steps++) {
            stopped += ATE__RESYNC_STEP_MS / 2;
            ate__compact_hold(&h);
        }
        assert_true(stopped - from_ms == ATE__RESYNC_HOLD_MS && steps > 100);
    }
    pthread_mutex_destroy(&h.mutex);
}

/* Receives what RESYNC announced, to the last group. */
static uint64_t take_resync(struct kit_client *c, uint64_t from, uint64_t to)
{
    struct ate__msg_group group;
    for (uint64_t size = from; size < to;) {
        struct kit_frame frame = kit_receive(c);
        if (frame.type == ATE__MSG_GROUP) {
            assert_int_equal(ate__msg_group_decode(ate__buf_bytes(&frame.body), &group), 0);
            size = group.first_sequence + group.count;
        } else {
            assert_true(frame.type == ATE__MSG_LEAVES || frame.type == ATE__MSG_KEPT);
        }
        kit_frame_free(&frame);
    }
    return to;
}

/* Who follows in what was compacted comes to its end, however often another compaction is due
 * meanwhile; it runs when the last step is long ago. */
static void test_resync_holds(void **state)
{
    (void)state;
    struct ate__server_conf conf =
        conf_of(tmpdir_new(), (struct ate__compact_rule){.mode = ATE__COMPACT_NEVER});
    conf.segment_bytes = 256 << 10;
    struct ate__server *s = kit_start(&conf);
    struct kit_client *c = kit_connect(s), *mirror;
    begin(c);
    put(c, 400);
    kit_close(c);
    ate__server_end(s);
    /* A week later, with something new, beside which the rest is old, and a key that may certify.
     */
    atomic_fetch_add(&wall_ahead_us, UINT64_C(8) * 24 * HOUR_MS * 1000);
    s = kit_start(&conf);
    c = kit_connect(s);
    known = kit_open(c, 1, &chain);
    put(c, 1);
    kit_close(c);
    ate__server_end(s);
    conf.compact.rule = (struct ate__compact_rule){
        .mode = ATE__COMPACT_SIZE, .growth_bytes = 200000, .bytes_min = 1};
    conf.compact.deep = true;
    conf.compact.session = session_of_root();
    s = kit_start(&conf);
    c = kit_connect(s);
    known = kit_open(c, 1, &chain);
    for (unsigned i = 0; i < 1000 && !lines_count("2 compacted /joe/notes: "); i++)
        put(c, 1);
    lines_wait("2 compacted /joe/notes: ", 1);
    unsigned before = lines_count("2 compacted ");
    struct ate__head empty = kit_empty_head();
    struct ate__msg_resync resync;
    mirror = kit_connect(s);
    kit_open(mirror, 1, &chain);
    kit_subscribe(mirror, 1, &empty);
    struct kit_frame first = kit_receive(mirror);
    assert_int_equal(first.type, ATE__MSG_RESYNC);
    assert_int_equal(ate__msg_resync_decode(ate__buf_bytes(&first.body), &resync), 0);
    kit_frame_free(&first);
    put(c, 300); /* thirty times as much as makes it due */
    take_resync(mirror, 0, known.size);
    assert_int_equal(lines_count("2 compacted "), before);
    atomic_fetch_add(&ahead_ms, ATE__RESYNC_STEP_MS);
    for (unsigned i = 0; i < 1000 && lines_count("2 compacted ") == before; i++)
        put(c, 1);
    lines_wait("2 compacted ", before + 1);
    kit_close(mirror);
    end(c, s);
    ate__session_unref(conf.compact.session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_while_written), cmocka_unit_test(test_timer),
        cmocka_unit_test(test_failure),       cmocka_unit_test(test_never),
        cmocka_unit_test(test_hold),          cmocka_unit_test(test_resync_holds),
    };
    return cmocka_run_group_tests_name("mesh/server_compact", tests, NULL, NULL);
}
