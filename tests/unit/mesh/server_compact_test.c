/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A server that compacts the chains it has open: while they are written to, by a timer that goes on
 * while a chain is closed, and what its log says.
 */
#include "kit.h"
#include "lines.h"
#include "lib/tmpdir.h"
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

static struct ate__env moved;

static struct ate__server_conf conf_of(const char *logs, struct ate__compact_rule rule)
{
    struct ate__server_conf conf = kit_conf(logs);
    moved = ate__env_real;
    moved.monotonic_ms = monotonic_ms;
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_while_written),
        cmocka_unit_test(test_timer),
        cmocka_unit_test(test_failure),
        cmocka_unit_test(test_never),
    };
    return cmocka_run_group_tests_name("mesh/server_compact", tests, NULL, NULL);
}
