/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Copies and the way back through the public interface, beside a handle that writes. */
#include "ate/ate.h"
#include "lib/check.h"
#include "lib/tmpdir.h"
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

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
    static char path[4][4100];
    static unsigned next;
    char *p = path[next++ % 4];
    snprintf(p, sizeof path[0], "%s/%s", home, name);
    return p;
}

static struct ate_chain *open_chain(const char *name, unsigned flags)
{
    struct ate_chain_conf conf = {.segment_bytes = 64 << 10};
    struct ate_session *s;
    struct ate_chain *c;
    expect(ate_session_open(path_of("key"), ATE_CREATE, &s), 0);
    expect(ate_chain_open(path_of(name), s, flags, &conf, &c), 0);
    ate_session_close(s);
    return c;
}

static void put_text(struct ate_chain *c, const char *name, const char *text)
{
    struct ate_txn *txn;
    struct ate_id id;
    expect(ate_txn_begin(c, NULL, 0, &txn), 0);
    expect(ate_put_as(txn, note, ate_top, name, &(struct note){text}, &id), 0);
    expect(ate_txn_commit(txn, NULL), 0);
    ate_txn_end(txn);
}

static void put(struct ate_chain *c, const char *name)
{
    put_text(c, name, "a text");
}

static void tell(void *arg, const char *stage, uint64_t done, uint64_t total)
{
    assert_string_equal(stage, "backup");
    assert_true(done <= total);
    ++*(uint64_t *)arg;
}

static void check(const char *name, const struct ate_head *head)
{
    struct ate_chain *c = open_chain(name, ATE_READ);
    struct ate_head now = ate_chain_head(c);
    assert_true(now.size == head->size);
    assert_memory_equal(&now.root, &head->root, sizeof now.root);
    ate_chain_close(c);
}

/* The handle goes on writing between the copies. */
static void copies(void **state)
{
    (void)state;
    struct ate_chain *c = open_chain("notes", ATE_CREATE);
    struct ate_backed_up done;
    uint64_t calls = 0;
    struct ate_backup_conf conf = {.progress = tell, .progress_arg = &calls};
    put(c, "one");
    expect(ate_backup(c, path_of("copy"), &conf, &done), 0);
    assert_true(calls > 0 && done.head.size == 2 && done.size_before == 0);
    put(c, "two");
    put(c, "three");
    expect(ate_backup(c, path_of("copy"), NULL, &done), 0);
    assert_true(done.head.size == 4 && done.size_before == 2);
    check("copy", &done.head);
    expect(ate_backup(c, path_of("copy"), &(struct ate_backup_conf){.size = 3}, &done), ATE_MISUSE);
    expect(ate_backup(c, path_of("notes"), NULL, &done), ATE_MISUSE);
    expect(ate_backup(c, "", NULL, &done), ATE_MISUSE);
    expect(ate_backup(c, path_of("no/copy"), NULL, &done), ATE_NOT_FOUND);
    ate_chain_close(c);
}

static void and_back(void **state)
{
    (void)state;
    struct ate_chain *c = open_chain("copy", ATE_READ);
    struct ate_backed_up done;
    struct ate_backup_conf conf = {.size = 3};
    expect(ate_restore(c, path_of("back"), &conf, &done), 0);
    assert_true(done.head.size == 3);
    check("back", &done.head);
    expect(ate_restore(c, path_of("back"), NULL, &done), ATE_EXISTS);
    conf = (struct ate_backup_conf){.existing = true};
    expect(ate_restore(c, path_of("back"), &conf, &done), 0);
    assert_true(done.size_before == 3);
    check("back", &done.head);
    conf.size = 2;
    expect(ate_restore(c, path_of("back"), &conf, &done), ATE_ROLLED_BACK);
    conf.size = 100;
    expect(ate_restore(c, path_of("back"), &conf, &done), ATE_NOT_FOUND);
    ate_chain_close(c);
}

static void sign(struct ate_chain *c, int expected)
{
    char *text = NULL;
    expect(ate_checkpoint(c, &text), expected);
    ate_free(text);
}

/* What a copy lacks of what was signed is not signed otherwise there, nor in what comes back. */
static void what_was_signed(void **state)
{
    (void)state;
    struct ate_chain *c = open_chain("signed", ATE_CREATE);
    struct ate_backed_up done;
    struct ate_backup_conf conf = {.size = 2};
    put(c, "one");
    sign(c, 0);
    expect(ate_backup(c, path_of("kept"), NULL, &done), 0);
    put(c, "two");
    sign(c, 0);
    expect(ate_backup(c, path_of("kept"), NULL, &done), 0);
    ate_chain_close(c);
    c = open_chain("kept", ATE_READ);
    expect(ate_restore(c, path_of("short"), &conf, &done), 0);
    ate_chain_close(c);
    c = open_chain("short", 0);
    sign(c, ATE_ROLLED_BACK);
    put(c, "another");
    sign(c, ATE_FORKED);
    ate_chain_close(c);
    c = open_chain("kept", 0);
    put(c, "three");
    sign(c, 0);
    ate_chain_close(c);
    /* the older memory does not take the newer one's place */
    c = open_chain("signed", ATE_READ);
    expect(ate_backup(c, path_of("kept"), NULL, &done), ATE_ROLLED_BACK);
    ate_chain_close(c);
    c = open_chain("kept", 0);
    sign(c, 0);
    ate_chain_close(c);
}

/* Of the size 2 a value was in force that is compacted since. */
static void what_is_refused_is_gone(void **state)
{
    (void)state;
    struct ate_chain *c = open_chain("twice", ATE_CREATE);
    struct ate_backed_up done;
    struct ate_backup_conf conf = {.size = 2};
    struct ate_compact_conf compact = {.gain_percent = 1};
    char text[40000] = {0};
    struct ate_compacted compacted;
    char other[4200];
    memset(text, 'x', sizeof text - 1);
    put_text(c, "one", text);
    put(c, "one");
    put_text(c, "two", text);
    ate_chain_close(c);
    c = open_chain("twice", 0);
    expect(ate_chain_compact(c, &compact, &compacted), 0);
    assert_true(compacted.payloads == 1);
    ate_chain_close(c);
    c = open_chain("twice", ATE_READ);
    expect(ate_restore(c, path_of("none"), &conf, &done), ATE_COMPACTED);
    assert_non_null(strstr(ate_error(), "what was restored"));
    assert_int_equal(access(path_of("none"), F_OK), -1);
    /* A directory that was there stays, with what is in it. */
    assert_int_equal(mkdir(path_of("there"), 0700), 0);
    snprintf(other, sizeof other, "%s/other", path_of("there"));
    assert_int_equal(mkdir(other, 0700), 0);
    expect(ate_restore(c, path_of("there"), &conf, &done), ATE_COMPACTED);
    assert_int_equal(access(path_of("there/,chain"), F_OK), -1);
    assert_int_equal(access(other, F_OK), 0);
    /* And so does a chain, of whatever size. */
    conf.size = 1;
    expect(ate_restore(c, path_of("there"), &conf, &done), 0);
    conf = (struct ate_backup_conf){.size = 2, .existing = true};
    expect(ate_restore(c, path_of("there"), &conf, &done), ATE_COMPACTED);
    assert_int_equal(access(path_of("there/,chain/meta.a"), F_OK), 0);
    conf = (struct ate_backup_conf){.size = 100};
    expect(ate_restore(c, path_of("none"), &conf, &done), ATE_NOT_FOUND);
    assert_int_equal(access(path_of("none"), F_OK), -1);
    expect(ate_restore(c, path_of("none"), NULL, &done), 0);
    ate_chain_close(c);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(home, sizeof home, "%s", tmpdir_new());
    setenv("HOME", home, 1);
    unsetenv("XDG_STATE_HOME");
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(copies), cmocka_unit_test(and_back),
                                       cmocka_unit_test(what_was_signed),
                                       cmocka_unit_test(what_is_refused_is_gone)};
    return cmocka_run_group_tests(tests, set_up, NULL);
}
