/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Compaction through the public interface. */
#include "ate/ate.h"
#include "lib/check.h"
#include "lib/tmpdir.h"
#include <stdlib.h>

struct note {
    const char *text;
};
ATE_TYPE(note, ATE_FIELD(text));

enum { TEXT = 30000, ROUNDS = 60 };
static char home[4000];

static void expect(int rc, int expected)
{
    if (rc != expected)
        print_error("%s: %s\n", ate_result_name(rc), ate_error());
    assert_int_equal(rc, expected);
}

static struct ate_chain *open_chain(unsigned flags)
{
    char path[4100], key[4100];
    struct ate_session *s;
    struct ate_chain *c;
    snprintf(path, sizeof path, "%s/notes", home);
    snprintf(key, sizeof key, "%s/key", home);
    expect(ate_session_open(key, ATE_CREATE, &s), 0);
    expect(ate_chain_open(path, s, flags, NULL, &c), 0);
    ate_session_close(s);
    return c;
}

static void put_round(struct ate_chain *c, char *text, int round)
{
    struct ate_txn *txn;
    struct ate_id id;
    memset(text, 'a' + round % 26, TEXT);
    expect(ate_txn_begin(c, NULL, 0, &txn), 0);
    expect(ate_put_as(txn, note, ate_top, "note", &(struct note){text}, &id), 0);
    expect(ate_txn_commit(txn, NULL), 0);
    ate_txn_end(txn);
}

struct told {
    uint64_t calls, done, total;
};

static void tell(void *arg, const char *stage, uint64_t done, uint64_t total)
{
    struct told *t = arg;
    assert_string_equal(stage, "compact");
    assert_true(done >= t->done && done <= total);
    *t = (struct told){t->calls + 1, done, total};
}

static void check_text(struct ate_chain *c, const char *text)
{
    struct ate_txn *txn;
    const struct note *n = NULL;
    struct ate_id id;
    expect(ate_txn_begin(c, NULL, ATE_READ, &txn), 0);
    expect(ate_find(txn, note, ate_top, "note", &id, &n), 0);
    assert_string_equal(n->text, text);
    ate_txn_end(txn);
}

/* The history says the same as before; an old payload is COMPACTED, the present one is there. */
static void old_payloads_go(void **state)
{
    (void)state;
    struct ate_chain *c = open_chain(ATE_CREATE);
    char *text = calloc(1, TEXT + 1);
    for (int i = 0; i < ROUNDS; i++)
        put_round(c, text, i);
    struct ate_verified before, after;
    ate_chain_close(c); /* beside a writer the last transaction may not be vouched for yet */
    c = open_chain(0);
    expect(ate_chain_verify(c, NULL, NULL, &before), 0);
    struct told told = {0, 0, 0};
    struct ate_compact_conf conf = {.progress = tell, .progress_arg = &told};
    struct ate_compacted done;
    expect(ate_chain_compact(c, &conf, &done), 0);
    assert_true(done.rewritten && done.files >= done.rewritten && told.calls > 10);
    assert_true(done.payloads > ROUNDS / 2);
    assert_true(done.bytes_before - done.bytes_after > done.payloads * (TEXT - 1000));
    expect(ate_chain_verify(c, NULL, NULL, &after), 0);
    assert_int_equal(after.damage.what, ATE_OK);
    assert_memory_equal(&before.head, &after.head, sizeof after.head);
    assert_true(after.signatures == before.signatures && after.bytes < before.bytes);

    struct ate_history *h;
    struct ate_history_txn t;
    uint64_t gone = 0;
    int rc;
    expect(ate_history_start(c, NULL, 0, &h), 0);
    while (!(rc = ate_history_next(h, &t)))
        for (size_t i = 0; i < t.event_count; i++) {
            struct ate_object o;
            if (t.events[i].kind != ATE_EVENT_BODY)
                continue;
            rc = ate_history_load(h, i, &o);
            assert_true(!rc || rc == ATE_COMPACTED);
            assert_true(t.events[i].has_payload == !rc);
            gone += rc != 0;
        }
    expect(rc, ATE_END);
    ate_history_end(h);
    assert_true(gone == done.payloads);
    check_text(c, text);
    ate_chain_close(c);
    c = open_chain(ATE_READ);
    check_text(c, text);
    expect(ate_chain_compact(c, NULL, &done), ATE_READ_ONLY);
    ate_chain_close(c);
    free(text);
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
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(old_payloads_go, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
