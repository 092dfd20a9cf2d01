/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A repair through the public interface: what it says, what it keeps, what is forgotten. */
#include "ate/ate.h"
#include "lib/check.h"
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(repair)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
