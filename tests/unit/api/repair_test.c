/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A repair through the public interface: what it says, what it keeps, what is forgotten. */
#include "ate/ate.h"
#include "lib/check.h"
#include "lib/shell.h"
#include "lib/tmpdir.h"
#include <stdlib.h>

struct note {
    const char *text;
};
ATE_TYPE(note, ATE_FIELD(text));

enum { NOTES = 30 };
static char home[4000], place[4100];
static struct ate_session *me;

static void expect(int rc, int expected)
{
    if (rc != expected)
        print_error("%s: %s\n", ate_result_name(rc), ate_error());
    assert_int_equal(rc, expected);
}

static int set_up(void **state)
{
    char key[4100];
    (void)state;
    snprintf(home, sizeof home, "%s", tmpdir_new());
    snprintf(place, sizeof place, "%s/notes", home);
    snprintf(key, sizeof key, "%s/key", home);
    setenv("HOME", home, 1);
    unsetenv("XDG_STATE_HOME");
    expect(ate_session_open(key, ATE_CREATE, &me), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ate_session_close(me);
    return 0;
}

static void make_chain(void)
{
    struct ate_chain *c;
    expect(ate_chain_open(place, me, ATE_CREATE, NULL, &c), 0);
    for (int i = 0; i < NOTES; i++) {
        struct ate_txn *txn;
        struct ate_id id;
        char name[16];
        snprintf(name, sizeof name, "note %d", i);
        expect(ate_txn_begin(c, NULL, 0, &txn), 0);
        expect(ate_put_as(txn, note, ate_top, name, &(struct note){"a text"}, &id), 0);
        expect(ate_txn_commit(txn, NULL), 0);
        ate_txn_end(txn);
    }
    ate_chain_close(c);
}

static void flip(long at)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/,chain/0000000000000001.seg", place);
    FILE *f = fopen(path, "r+");
    assert_non_null(f);
    assert_int_equal(fseek(f, at, SEEK_SET), 0);
    int byte = fgetc(f);
    assert_int_equal(fseek(f, at, SEEK_SET), 0);
    fputc(byte ^ 1, f);
    fclose(f);
}

static void sign(int expected)
{
    struct ate_chain *c;
    char *text = NULL;
    expect(ate_chain_open(place, me, 0, NULL, &c), 0);
    expect(ate_checkpoint(c, &text), expected);
    ate_free(text);
    ate_chain_close(c);
}

static void repair(void **state)
{
    (void)state;
    struct ate_repaired r;
    struct ate_repair_conf conf = {.change = true};
    struct ate_chain *c;
    make_chain();
    expect(ate_repair(place, me, &conf, &r), 0);
    assert_true(!r.is_damaged && r.head.size == NOTES + 1 && !r.damaged[0]);
    sign(0);
    flip(30000);
    expect(ate_chain_open(place, me, 0, NULL, &c), ATE_TAMPERED);
    expect(ate_repair(place, me, NULL, &r), 0);
    assert_true(r.is_damaged && r.what == ATE_TAMPERED && r.head.size < NOTES && *r.text);
    expect(ate_chain_open(place, me, 0, NULL, &c), ATE_TAMPERED);
    struct ate_head said = r.head;
    expect(ate_repair(place, NULL, &conf, &r), ATE_UNTRUSTED);
    expect(ate_repair(place, me, &conf, &r), 0);
    assert_true(r.is_damaged && r.head.size == said.size && r.known > said.size);
    assert_string_equal(r.damaged, ",damaged-1");
    /* more was seen here before; that is forgotten */
    expect(ate_chain_open(place, me, 0, NULL, &c), 0);
    assert_true(ate_chain_head(c).size == said.size);
    ate_chain_close(c);
    /* what was signed of it is not signed otherwise */
    sign(ATE_ROLLED_BACK);
    make_chain();
    sign(ATE_FORKED);
    expect(ate_repair("", me, &conf, &r), ATE_MISUSE);
    expect(ate_repair(home, me, &conf, &r), ATE_NOT_FOUND);
}

/* Nothing is damaged, and yet it is not what was there. */
static void what_was_seen(void **state)
{
    (void)state;
    struct ate_repaired r, untouched;
    char line[17000], state_dir[4100];
    snprintf(place, sizeof place, "%s/seen", home);
    snprintf(state_dir, sizeof state_dir, "%s/elsewhere", home);
    memset(&r, 0x5a, sizeof r);
    untouched = r;
    make_chain();
    snprintf(line, sizeof line, "cp -r '%s' '%s.old'", place, place);
    assert_int_equal(shell(line), 0);
    make_chain();
    snprintf(line, sizeof line, "mv '%s' '%s.new' && cp -r '%s.old' '%s'", place, place, place,
             place);
    assert_int_equal(shell(line), 0);
    for (int change = 0; change < 2; change++) {
        struct ate_repair_conf conf = {.change = change};
        expect(ate_repair(place, me, &conf, &r), ATE_ROLLED_BACK);
        assert_non_null(strstr(ate_error(), "no repair brings back"));
        assert_memory_equal(&r, &untouched, sizeof r);
        conf.state_dir = state_dir; /* of somebody who saw nothing there */
        expect(ate_repair(place, me, &conf, &r), 0);
        assert_true(!r.is_damaged && r.head.size == NOTES + 1);
        r = untouched;
    }
    /* It went on otherwise. */
    for (int i = 0; i < 3; i++) {
        struct ate_chain *c;
        struct ate_txn *txn;
        struct ate_id id;
        expect(ate_chain_open(place, me, 0, &(struct ate_chain_conf){.state_dir = state_dir}, &c),
               0);
        for (int k = 0; k < NOTES; k++) {
            expect(ate_txn_begin(c, NULL, 0, &txn), 0);
            expect(ate_put_as(txn, note, ate_top, "x", &(struct note){"other"}, &id), 0);
            expect(ate_txn_commit(txn, NULL), 0);
            ate_txn_end(txn);
        }
        ate_chain_close(c);
    }
    expect(ate_repair(place, me, NULL, &r), ATE_FORKED);
    /* Another one lies there, whose keys are the same. */
    snprintf(line, sizeof line, "rm -rf '%s' && cp -r '%s/notes' '%s'", place, home, place);
    assert_int_equal(shell(line), 0);
    expect(ate_repair(place, me, NULL, &r), ATE_WRONG_CHAIN);
    snprintf(line, sizeof line, "rm -rf '%s' && mv '%s.new' '%s'", place, place, place);
    assert_int_equal(shell(line), 0);
    expect(ate_repair(place, me, NULL, &r), 0);
    assert_true(!r.is_damaged && r.head.size == 2 * NOTES + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repair),
        cmocka_unit_test(what_was_seen),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
