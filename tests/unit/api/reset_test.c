/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A chain in a directory that went back, through the public interface: who writes that, who
 * follows, and what is told. At a server: tests/cli/ate_reset_test.py. */
#include "api/api.h"
#include "api/limits.h"
#include "api/reset.h"
#include "ate/ate.h"
#include "lib/check.h"
#include "lib/shell.h"
#include "lib/tmpdir.h"
#include <stdlib.h>

struct note {
    const char *text;
};
ATE_TYPE(note, ATE_FIELD(text));

static char home[4000];

static void expect(int rc, int expected)
{
    if (rc != expected)
        print_error("%s: %s\n", ate_result_name(rc), ate_error());
    assert_int_equal(rc, expected);
}

static const char *path_of(const char *name)
{
    static char path[8][4100];
    static unsigned next;
    char *p = path[next++ % 8];
    snprintf(p, sizeof path[0], "%s/%s", home, name);
    return p;
}

static int open_with(const char *key, const char *name, unsigned flags, const char *state_dir,
                     struct ate_chain **ret)
{
    struct ate_session *s;
    struct ate_chain_conf conf = {.state_dir = state_dir};
    expect(ate_session_open(path_of(key), ATE_CREATE, &s), 0);
    int rc = ate_chain_open(path_of(name), s, flags, &conf, ret);
    ate_session_close(s);
    return rc;
}

static struct ate_chain *open_chain(const char *name, unsigned flags)
{
    struct ate_chain *c;
    expect(open_with("key", name, flags, NULL, &c), 0);
    return c;
}

static void put(const char *chain, const char *name)
{
    struct ate_chain *c = open_chain(chain, ATE_CREATE);
    struct ate_txn *txn;
    struct ate_id id;
    expect(ate_txn_begin(c, NULL, 0, &txn), 0);
    expect(ate_put_as(txn, note, ate_top, name, &(struct note){"a text"}, &id), 0);
    expect(ate_txn_commit(txn, NULL), 0);
    ate_txn_end(txn);
    ate_chain_close(c);
}

static void run(const char *command)
{
    char line[9000];
    snprintf(line, sizeof line, "cd '%s' && %s", home, command);
    assert_int_equal(shell(line), 0);
}

/* `notes` with 5 transactions, seen by this user and by one with another state; `copy` has 3. */
static int set_up(void **state)
{
    (void)state;
    struct ate_backed_up done;
    struct ate_chain *c;
    snprintf(home, sizeof home, "%s", tmpdir_new());
    setenv("HOME", home, 1);
    unsetenv("XDG_STATE_HOME");
    unsetenv("XDG_CONFIG_HOME");
    put("notes", "a");
    put("notes", "b");
    c = open_chain("notes", ATE_READ);
    expect(ate_backup(c, path_of("copy"), NULL, &done), 0);
    ate_chain_close(c);
    put("notes", "c");
    put("notes", "d");
    expect(open_with("key", "notes", ATE_READ, path_of("other"), &c), 0);
    ate_chain_close(c);
    return 0;
}

static int restore(const char *key, const char *to, const struct ate_backup_conf *conf,
                   struct ate_backed_up *ret)
{
    struct ate_chain *c;
    struct ate_session *s;
    char root[ATE_HASH_TEXT];
    expect(ate_session_open(path_of("key"), 0, &s), 0);
    struct ate_chain_conf trust = {.root = ate_hash_text(ate_session_fingerprint(s), root)};
    ate_session_close(s);
    expect(ate_session_open(path_of(key), ATE_CREATE, &s), 0);
    expect(ate_chain_open(path_of("copy"), s, ATE_READ, &trust, &c), 0);
    int rc = ate_restore(c, path_of(to), conf, ret);
    ate_chain_close(c);
    ate_session_close(s);
    return rc;
}

static void those_who_saw_more_follow(void **state)
{
    (void)state;
    struct ate_chain *c;
    struct ate_reset r;
    struct ate_backed_up done;
    run("rm -rf notes");
    expect(restore("key", "notes", &(struct ate_backup_conf){.reset = "a mistake"}, &done), 0);
    assert_true(done.reset);
    uint64_t size = done.head.size - 1;
    c = open_chain("notes", 0); /* who did it is told nothing */
    assert_false(ate_chain_reset(c, &r));
    assert_int_equal(ate_chain_head(c).size, size + 1);
    ate_chain_close(c);
    put("notes", "e");
    expect(open_with("key", "notes", ATE_READ, path_of("other"), &c), 0);
    assert_true(ate_chain_reset(c, &r));
    assert_int_equal(r.sequence, size);
    assert_int_equal(r.seen_size, size + 2);
    assert_int_equal(r.old_size, size + 2);
    assert_int_equal(r.reason, ATE_RESET_RESTORE);
    assert_string_equal(r.text, "a mistake");
    assert_null(r.kept);
    assert_true(r.signed_ns > 0);
    ate_chain_close(c);
    expect(open_with("key", "notes", ATE_READ, path_of("other"), &c), 0);
    assert_false(ate_chain_reset(c, &r)); /* once */
    ate_chain_close(c);
}

static void history_shows_it(void **state)
{
    (void)state;
    struct ate_chain *c;
    struct ate_history *h;
    struct ate_history_txn t;
    struct ate_backed_up done;
    unsigned found = 0;
    expect(restore("key", "again", &(struct ate_backup_conf){.reset = "x"}, &done), 0);
    c = open_chain("again", ATE_READ);
    expect(ate_history_start(c, NULL, 0, &h), 0);
    while (!ate_history_next(h, &t))
        for (size_t i = 0; i < t.event_count; i++) {
            bool is = t.events[i].kind == ATE_EVENT_RESET;
            assert_true(is == (t.events[i].reset != NULL));
            if (is)
                assert_string_equal(t.events[i].reset->text, "x");
            found += is;
        }
    ate_history_end(h);
    ate_chain_close(c);
    assert_int_equal(found, 1);
}

static void not_without_a_root_key(void **state)
{
    (void)state;
    struct ate_backed_up done = {.bytes_copied = 77};
    struct ate_chain *c;
    run("rm -rf notes");
    expect(restore("stranger", "notes", &(struct ate_backup_conf){.reset = "me"}, &done),
           ATE_NO_KEY);
    assert_true(done.bytes_copied == 77);
    expect(open_with("key", "notes", ATE_READ, NULL, &c), ATE_NOT_FOUND); /* nothing was copied */
    c = open_chain("copy", ATE_READ);
    expect(ate_backup(c, path_of("x"), &(struct ate_backup_conf){.reset = "me"}, &done),
           ATE_MISUSE);
    ate_chain_close(c);
}

static void without_it_they_refuse(void **state)
{
    (void)state;
    struct ate_backed_up done;
    struct ate_chain *c;
    run("rm -rf notes");
    expect(restore("key", "notes", NULL, &done), ATE_ROLLED_BACK);
    expect(restore("key", "notes", &(struct ate_backup_conf){.accept_loss = true, .existing = true},
                   &done),
           0);
    assert_false(done.reset);
    expect(open_with("key", "notes", ATE_READ, path_of("other"), &c), ATE_ROLLED_BACK);
    assert_non_null(strstr(ate_error(), "no root key says"));
    /* The same again, with it: what an attempt that was cut short is ended by. */
    expect(
        restore("key", "notes", &(struct ate_backup_conf){.reset = "now", .existing = true}, &done),
        0);
    expect(open_with("key", "notes", ATE_READ, path_of("other"), &c), 0);
    ate_chain_close(c);
}

/* Between the copy and the RESET nobody writes; the same again ends it, and so does who wants none.
 */
static void what_is_cut_short_is_not_written_to(void **state)
{
    (void)state;
    struct ate_backed_up done;
    struct ate_chain *c;
    for (unsigned i = 2; i--;) {
        struct ate_backup_conf conf = {.reset = i ? NULL : "now", .accept_loss = true};
        run("rm -rf notes");
        expect(restore("key", "notes", &(struct ate_backup_conf){.accept_loss = true}, &done), 0);
        run("touch notes/,resetting");
        expect(open_with("key", "notes", 0, NULL, &c), ATE_DENIED);
        assert_non_null(strstr(ate_error(), "restore it again, with --reset"));
        expect(open_with("key", "notes", ATE_CREATE, NULL, &c), ATE_DENIED);
        expect(open_with("key", "notes", ATE_READ, NULL, &c), 0);
        ate_chain_close(c);
        expect(restore("key", "notes", &conf, &done), 0);
        assert_true(done.reset == !i);
        run("! test -e notes/,resetting");
        expect(open_with("key", "notes", 0, NULL, &c), 0);
        ate_chain_close(c);
        expect(open_with("key", "notes", ATE_READ, path_of("other"), &c), i ? ATE_ROLLED_BACK : 0);
        if (!i)
            ate_chain_close(c);
    }
    expect(restore("stranger", "notes", &(struct ate_backup_conf){.reset = "me"}, &done),
           ATE_NO_KEY);
    expect(restore("key", "notes", &(struct ate_backup_conf){.reset = "x"}, &done), ATE_EXISTS);
    run("! test -e notes/,resetting");
    c = open_chain("notes", 0);
    ate_chain_close(c);
}

/* Who did not see how it ended says the same again; whatever else is asked, is not done already. */
static void what_was_said_is_done(void **state)
{
    (void)state;
    struct ate_backed_up first, again;
    struct ate_backup_conf conf = {.reset = "a mistake"};
    run("rm -rf notes");
    expect(restore("key", "notes", &conf, &first), 0);
    for (unsigned i = 0; i < 2; i++) {
        conf.existing = i;
        run("cp -r notes before");
        expect(restore("key", "notes", &conf, &again), 0);
        assert_true(again.reset && again.size_before == first.head.size);
        assert_memory_equal(&again.head, &first.head, sizeof first.head);
        run("diff -r notes before && rm -r before");
    }
    run("mv .local/state/ate/heads seen"); /* the same where nothing is remembered */
    expect(restore("key", "notes", &conf, &again), 0);
    run("rm -rf .local/state/ate/heads && mv seen .local/state/ate/heads");
    expect(restore("key", "notes", &(struct ate_backup_conf){.reset = "another"}, &again),
           ATE_EXISTS);
    expect(
        restore("key", "notes", &(struct ate_backup_conf){.reset = "a mistake", .size = 2}, &again),
        ATE_EXISTS);
    expect(restore("key", "notes", &(struct ate_backup_conf){.existing = true}, &again),
           ATE_ROLLED_BACK);
    expect(restore("stranger", "notes", &conf, &again), ATE_NO_KEY);
    put("notes", "e");
    conf.existing = false;
    expect(restore("key", "notes", &conf, &again), ATE_EXISTS);
}

/* It is not known when that was: the file of an earlier version. */
static void not_over_a_memory_without_a_time(void **state)
{
    (void)state;
    struct ate_backed_up done;
    struct ate_chain *c;
    run("sed -i -e 's/^ate-head 2/ate-head 1/' -e '/^time /d' -e '/^key/d' other/heads/*");
    run("rm -rf notes");
    expect(restore("key", "notes", &(struct ate_backup_conf){.reset = "x"}, &done), 0);
    expect(open_with("key", "notes", ATE_READ, path_of("other"), &c), ATE_ROLLED_BACK);
    assert_non_null(strstr(ate_error(), "signed before"));
}

/* Of a chain that opens up to its damage, less is known than was seen: when that was, and whose
 * keys were in force there, it does not tell. */
static void nothing_is_noted_of_less_than_was_seen(void **state)
{
    (void)state;
    struct ate_backed_up done;
    struct ate_damage damage;
    struct ate_chain *c;
    run("sed -i -e 's/^ate-head 2/ate-head 1/' -e '/^time /d' -e '/^key/d' other/heads/*");
    run("f=$(ls -S notes/,chain/*.seg | head -n 1); "
        "printf XXXX | dd of=$f bs=1 seek=$(($(stat -c %s $f) * 3 / 4)) conv=notrunc status=none");
    expect(open_with("key", "notes", ATE_READ, path_of("other"), &c), 0);
    assert_true(ate_chain_damage(c, &damage) && ate_chain_head(c).size < 5);
    ate_chain_close(c);
    run("rm -rf notes");
    expect(restore("key", "notes", &(struct ate_backup_conf){.reset = "x"}, &done), 0);
    expect(open_with("key", "notes", ATE_READ, path_of("other"), &c), ATE_ROLLED_BACK);
    assert_non_null(strstr(ate_error(), "signed before"));
}

static int repair(const char *key, const struct ate_repair_conf *conf, struct ate_repaired *ret)
{
    struct ate_session *s;
    char root[ATE_HASH_TEXT];
    struct ate_repair_conf with = *conf;
    expect(ate_session_open(path_of("key"), 0, &s), 0);
    with.root = ate_hash_text(ate_session_fingerprint(s), root);
    ate_session_close(s);
    expect(ate_session_open(path_of(key), ATE_CREATE, &s), 0);
    int rc = ate_repair(path_of("notes"), s, &with, ret);
    ate_session_close(s);
    return rc;
}

/* A machine that was set back, and knows nothing of it. */
static void set_back_by_other_means(void **state)
{
    (void)state;
    struct ate_repaired r;
    struct ate_chain *c;
    struct ate_reset told;
    run("rm -rf notes && cp -a copy notes");
    expect(open_with("key", "notes", ATE_READ, path_of("other"), &c), ATE_ROLLED_BACK);
    expect(repair("key", &(struct ate_repair_conf){0}, &r), ATE_ROLLED_BACK);
    expect(repair("key", &(struct ate_repair_conf){.reset = "a snapshot"}, &r), 0);
    assert_false(r.reset);
    expect(repair("stranger", &(struct ate_repair_conf){.reset = "me", .change = true}, &r),
           ATE_NO_KEY);
    expect(repair("key", &(struct ate_repair_conf){.reset = "a snapshot", .change = true}, &r), 0);
    assert_true(r.reset && !r.is_damaged);
    expect(open_with("key", "notes", ATE_READ, path_of("other"), &c), 0);
    assert_true(ate_chain_reset(c, &told));
    assert_int_equal(told.reason, ATE_RESET_REPAIR);
    ate_chain_close(c);
    c = open_chain("notes", 0);
    assert_false(ate_chain_reset(c, &told));
    ate_chain_close(c);
}

static void repaired(void **state)
{
    (void)state;
    struct ate_repaired r;
    struct ate_chain *c;
    struct ate_reset told;
    run("f=$(ls -S notes/,chain/*.seg | head -n 1); "
        "printf XXXX | dd of=$f bs=1 seek=$(($(stat -c %s $f) * 3 / 4)) conv=notrunc status=none");
    int rc = repair("key", &(struct ate_repair_conf){.reset = "a bad block", .change = true}, &r);
    expect(rc, 0);
    assert_true(r.reset);
    rc = open_with("key", "notes", ATE_READ, path_of("other"), &c);
    expect(rc, 0);
    if (r.is_damaged && r.head.size < r.known)
        assert_true(ate_chain_reset(c, &told));
    ate_chain_close(c);
}

/* ---- at a server ---- */

static struct ate_server *serve(uint16_t port)
{
    struct ate_server *s;
    struct ate_server_conf conf = {
        .logs = path_of("logs"), .port = port, .any_port = !port, .no_auth = true};
    expect(ate_server_start(&conf, &s), 0);
    return s;
}

static int any(void *arg, struct ate__trust *trust, bool whole)
{
    (void)arg, (void)trust, (void)whole;
    return 0;
}

/* What who has seen more, and has no mirror, comes to, if so many bytes are the most. */
static int follow(const char *address, const struct ate__anchor *anchor, uint64_t bytes_max)
{
    struct ate_chain c = {.thin = true};
    struct ate__remote_conf conf = {.env = &ate__env_real,
                                    .timeout_ms = 10000,
                                    .anchor = any,
                                    .arg = &c,
                                    .fetch_bytes_max = bytes_max};
    struct ate__pipe *pipe;
    bool is_reset;
    expect(ate__addr_parse(address, &conf.addr), 0);
    expect(ate__memory_open(&c.memory, path_of("follower"), "a place"), 0);
    c.memory.known = true;
    c.memory.size = 9;
    c.memory.time_us = 1;
    int rc = ate__reset_follow(&c, anchor, &conf, ate__fail(ATE_ROLLED_BACK, "less than 9"), &pipe,
                               &is_reset);
    if (!rc)
        pipe->v->unref(pipe);
    c.memory.known = false; /* nothing is to be written */
    ate__memory_close(&c.memory);
    return rc;
}

static void what_is_shown_is_bounded(void **state)
{
    (void)state;
    struct ate_backed_up done;
    struct ate_session *me;
    run("mkdir -p logs");
    expect(ate_session_open(path_of("key"), 0, &me), 0);
    expect(restore("key", "logs/notes", &(struct ate_backup_conf){.reset = "x"}, &done), 0);
    struct ate__anchor mine = {.session = me};
    struct ate_server *s = serve(0);
    char address[1000];
    const char *all = ate_server_address(s), *pins = strchr(all, '#');
    snprintf(address, sizeof address, "%.*snotes%s", (int)(pins - all), all, pins);
    expect(follow(address, &mine, 3000), ATE_ROLLED_BACK);
    assert_non_null(strstr(ate_error(), "less than 9; "));
    assert_non_null(strstr(ate_error(), "more than the 3000 bytes that are fetched without a"));
    expect(follow(address, &mine, ATE__SHOWN_BYTES_MAX), 0);
    mine.has_chain = true; /* who names the chain alone names no key, not even his own */
    expect(follow(address, &mine, ATE__SHOWN_BYTES_MAX), ATE_ROLLED_BACK);
    assert_non_null(strstr(ate_error(), "name it, as --root does"));
    ate_server_end(s);
    ate_session_close(me);
}

static int open_far(const char *address, const char *mirror, struct ate_chain **ret)
{
    struct ate_session *s;
    struct ate_chain_conf conf = {.state_dir = path_of(mirror ? "with" : "without"),
                                  .mirror_dir = mirror};
    expect(ate_session_open(path_of("key"), 0, &s), 0);
    int rc = ate_chain_open(address, s, 0, &conf, ret);
    ate_session_close(s);
    return rc;
}

static const char *load(struct ate_txn *txn, const char *name)
{
    const struct note *n = NULL;
    struct ate_id id;
    expect(ate_find(txn, note, ate_top, name, &id, &n), 0);
    return n->text;
}

/* It is refused, says what there is to do, and that is what there is to do. */
static void expect_again(const char *address, const char *mirror, struct ate_chain *c)
{
    struct ate_reset r;
    struct ate_receipt receipt;
    int rc = ate_chain_sync(c, &receipt);
    for (unsigned i = 0; !rc || rc == ATE_OFFLINE || rc == ATE_TIMEOUT; i++) {
        assert_true(i < 1000);
        rc = ate_chain_sync(c, &receipt);
    }
    expect(rc, ATE_ROLLED_BACK);
    assert_non_null(strstr(ate_error(), "open it again"));
    ate_chain_close(c);
    expect(open_far(address, mirror, &c), 0);
    assert_true(ate_chain_reset(c, &r));
    assert_string_equal(r.text, "the disk died");
    expect(ate_chain_sync(c, &receipt), 0);
    ate_chain_close(c);
}

/* A chain goes back while clients have it open. */
static void those_who_have_it_open_are_told_to_open_it_again(void **state)
{
    (void)state;
    struct ate_backed_up done;
    struct ate_chain *thin, *mirror;
    struct ate_txn *txn;
    run("mkdir -p logs m && mv notes logs/notes");
    struct ate_server *s = serve(0);
    char address[1000];
    const char *all = ate_server_address(s), *pins = strchr(all, '#');
    uint16_t port = (uint16_t)strtoul(strchr(all + strlen("tcp://"), ':') + 1, NULL, 10);
    snprintf(address, sizeof address, "%.*snotes%s", (int)(pins - all), all, pins);
    char dir[4100];
    snprintf(dir, sizeof dir, "%s", path_of("m"));
    expect(open_far(address, NULL, &thin), 0);
    expect(open_far(address, dir, &mirror), 0);
    expect(ate_txn_begin(mirror, NULL, 0, &txn), 0);
    assert_string_equal(load(txn, "d"), "a text");
    ate_server_end(s);
    run("rm -rf logs/notes");
    expect(restore("key", "logs/notes", &(struct ate_backup_conf){.reset = "the disk died"}, &done),
           0);
    s = serve(port);
    assert_string_equal(load(txn, "c"), "a text"); /* the snapshot stays */
    ate_txn_end(txn);
    expect_again(address, NULL, thin);
    expect_again(address, dir, mirror);
    ate_server_end(s);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup(test, set_up)
    const struct CMUnitTest tests[] = {
        TEST(those_who_saw_more_follow),
        TEST(history_shows_it),
        TEST(not_without_a_root_key),
        TEST(without_it_they_refuse),
        TEST(not_over_a_memory_without_a_time),
        TEST(nothing_is_noted_of_less_than_was_seen),
        TEST(set_back_by_other_means),
        TEST(repaired),
        TEST(what_is_shown_is_bounded),
        TEST(what_is_cut_short_is_not_written_to),
        TEST(what_was_said_is_done),
        TEST(those_who_have_it_open_are_told_to_open_it_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
