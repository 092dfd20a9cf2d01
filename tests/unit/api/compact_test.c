/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Compaction through the public interface. */
#include "ate/ate.h"
#include "api/api.h"
#include "chain/local.h"
#include "lib/check.h"
#include "lib/tmpdir.h"
#include <pthread.h>
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

/* ---- who has the files, and no key ---- */

static enum ate__part header_alone(void *arg, uint32_t event)
{
    (void)arg, (void)event;
    return ATE__PART_HEADER;
}

static int strip(void *arg, const struct ate__record_out *record, struct ate__buf *body,
                 enum ate__remains *ret_remains)
{
    const struct ate_chain *c = arg;
    struct ate__tx tx;
    expect(ate__tx_decode(record->body, c->dio->seal.alg, &tx), 0);
    int rc = ate__tx_reduce_parts(&tx, header_alone, NULL, body);
    ate__tx_deinit(&tx);
    *ret_remains = ATE__REMAINS_SHORTER;
    return rc;
}

static void leave_out_values(struct ate_chain *c)
{
    struct ate__storage *s = ate__chain_storage(ate__local_chain(c->pipe));
    struct ate__rewrite w = {.from = 0, .to = ate_chain_head(c).size, .record = strip, .arg = c};
    struct ate__rewritten done;
    expect(s->v->rewrite(s, &w, &done), 0);
    assert_true(done.end > 2);
}

static void check_left_out(struct ate_chain *c, struct ate_id id)
{
    struct ate_object o;
    struct ate_txn *txn;
    expect(ate_txn_begin(c, NULL, ATE_READ, &txn), 0);
    expect(ate_load_raw(txn, id, 0, &o), ATE_COMPACTED);
    expect(ate_load_raw(txn, id, ATE_NO_PAYLOAD, &o), 0);
    assert_true(o.compacted && o.readable && !o.type);
    ate_txn_end(txn);
}

/* Who has no copy of it is told the same by what its server shows. */
static void check_left_out_at_a_server(struct ate_id id, const char *text)
{
    const struct ate_server_conf conf = {.logs = home, .any_port = true, .no_auth = true};
    char address[600], key[4100];
    struct ate_server *server;
    struct ate_session *s;
    struct ate_chain *c;
    expect(ate_server_start(&conf, &server), 0);
    const char *all = ate_server_address(server), *hash = strchr(all, '#');
    snprintf(address, sizeof address, "%.*s/notes%s", (int)(hash - all - 1), all, hash);
    snprintf(key, sizeof key, "%s/key", home);
    expect(ate_session_open(key, 0, &s), 0);
    expect(ate_chain_open(address, s, 0, NULL, &c), 0);
    check_left_out(c, id);
    check_text(c, text);
    ate_chain_close(c);
    ate_session_close(s);
    ate_server_end(server);
}

/* Every hash and signature holds, and verify, a backup and a load say that the value is gone. */
static void a_value_in_force_is_missed(void **state)
{
    (void)state;
    struct ate_chain *c = open_chain(ATE_CREATE);
    char *text = calloc(1, TEXT + 1), copy[4100];
    struct ate_backed_up backed_up;
    struct ate_verified v;
    struct ate_txn *txn;
    struct ate_id early;
    memset(text, 'x', TEXT);
    expect(ate_txn_begin(c, NULL, 0, &txn), 0);
    expect(ate_put_as(txn, note, ate_top, "early", &(struct note){text}, &early), 0);
    expect(ate_txn_commit(txn, NULL), 0);
    ate_txn_end(txn);
    for (int i = 0; i < 20; i++)
        put_round(c, text, i);
    snprintf(copy, sizeof copy, "%s/copy", home);
    expect(ate_backup(c, copy, NULL, &backed_up), 0);
    leave_out_values(c);
    expect(ate_chain_verify(c, NULL, NULL, &v), 0);
    assert_true(v.damage.what == ATE_OMITTED && v.damage.sequence == 1 && !v.damage.file);
    assert_non_null(strstr(v.damage.text, "is in force and was left out"));
    expect(ate_backup(c, copy, NULL, &backed_up), ATE_OMITTED);
    check_left_out(c, early);
    check_text(c, text);
    ate_chain_close(c);
    check_left_out_at_a_server(early, text);
    free(text);
}

/* ---- votes ---- */

static enum ate_vote keep_odd(void *arg, const struct ate_vote_event *event, bool *ret_header_only)
{
    unsigned *asked = arg;
    assert_false(*ret_header_only);
    if (event->kind != ATE_EVENT_BODY || !event->has_payload)
        return ATE_VOTE_NONE;
    assert_true(event->payload_size >= TEXT);
    assert_memory_equal(&event->parent, &ate_top, sizeof ate_top);
    ++*asked;
    *ret_header_only = event->sequence % 4 == 1;
    return event->sequence % 2 ? ATE_VOTE_KEEP : ATE_VOTE_FORCE_DROP;
}

/* Of the old versions those stay that were voted for; the present one stays in any case. */
static void votes(void **state)
{
    (void)state;
    struct ate_chain *c = open_chain(ATE_CREATE);
    char *text = calloc(1, TEXT + 1);
    for (int i = 0; i < ROUNDS; i++)
        put_round(c, text, i);
    unsigned asked = 0, kept = 0, gone = 0;
    struct ate_compact_conf conf = {.vote = keep_odd, .vote_arg = &asked};
    struct ate_compacted done;
    expect(ate_chain_compact(c, &conf, &done), 0);
    assert_true(asked > 0 && done.payloads > ROUNDS / 2);
    struct ate_history *h;
    struct ate_history_txn t;
    int rc;
    expect(ate_history_start(c, NULL, 0, &h), 0);
    while (!(rc = ate_history_next(h, &t)))
        for (size_t i = 0; i < t.event_count; i++)
            if (t.events[i].kind == ATE_EVENT_BODY) {
                if (t.sequence % 4 == 3)
                    assert_true(t.events[i].has_payload);
                kept += t.events[i].has_payload;
                gone += !t.events[i].has_payload;
            }
    expect(rc, ATE_END);
    ate_history_end(h);
    assert_true(gone == done.payloads && kept >= ROUNDS / 4);
    check_text(c, text);
    ate_chain_close(c);
    free(text);
}

/* ---- by itself ---- */

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    unsigned runs;
    int result;
    struct ate_compacted last;
} ran = {.mutex = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER};

static void on_ran(void *arg, int result, const char *text, const struct ate_compacted *compacted)
{
    assert_ptr_equal(arg, &ran);
    assert_true((result != 0) == (*text != 0));
    pthread_mutex_lock(&ran.mutex);
    ran.runs++;
    ran.result = result;
    ran.last = *compacted;
    pthread_cond_signal(&ran.cond);
    pthread_mutex_unlock(&ran.mutex);
}

static int open_when(unsigned flags, const struct ate_compact_when *when, struct ate_chain **ret)
{
    char path[4100], key[4100];
    struct ate_session *s;
    struct ate_chain_conf conf = {.compact = when};
    snprintf(path, sizeof path, "%s/notes", home);
    snprintf(key, sizeof key, "%s/key", home);
    expect(ate_session_open(key, ATE_CREATE, &s), 0);
    int rc = ate_chain_open(path, s, flags, &conf, ret);
    ate_session_close(s);
    return rc;
}

static void by_itself(void **state)
{
    (void)state;
    struct ate_chain *c = open_chain(ATE_CREATE);
    char *text = calloc(1, TEXT + 1);
    for (int i = 0; i < ROUNDS; i++)
        put_round(c, text, i);
    ate_chain_close(c);
    ran.runs = 0;
    struct ate_compact_when when = {.mode = ATE_COMPACT_ON_OPEN,
                                    .size_min = 1,
                                    .deep = true, /* nothing is old enough: payloads alone go */
                                    .ran = on_ran,
                                    .ran_arg = &ran};
    expect(open_when(0, &when, &c), 0);
    pthread_mutex_lock(&ran.mutex);
    while (!ran.runs)
        pthread_cond_wait(&ran.cond, &ran.mutex);
    pthread_mutex_unlock(&ran.mutex);
    expect(ran.result, 0);
    assert_true(ran.last.payloads > ROUNDS / 2 && ran.last.rewritten && !ran.last.cut_off);
    assert_true(ran.last.bytes_before > ran.last.bytes_after);
    check_text(c, text);
    ate_chain_close(c);
    assert_int_equal(ran.runs, 1);
    /* The default leaves a small log alone, and a chain may be closed with a transaction open. */
    when.size_min = 0;
    struct ate_txn *txn;
    expect(open_when(0, &when, &c), 0);
    expect(ate_txn_begin(c, NULL, ATE_READ, &txn), 0);
    ate_chain_close(c);
    ate_txn_end(txn);
    assert_int_equal(ran.runs, 1);
    free(text);
}

static void by_itself_refused(void **state)
{
    (void)state;
    struct ate_chain *c = open_chain(ATE_CREATE);
    ate_chain_close(c);
    struct ate_compact_when when = {.mode = ATE_COMPACT_ON_OPEN};
    expect(open_when(ATE_READ, &when, &c), ATE_MISUSE);
    when.factor_percent = 100;
    expect(open_when(0, &when, &c), ATE_MISUSE);
    when = (struct ate_compact_when){.mode = (enum ate_compact_mode)7};
    expect(open_when(0, &when, &c), ATE_MISUSE);
    when = (struct ate_compact_when){.mode = ATE_COMPACT_TIMER, .every_s = UINT64_MAX};
    struct ate_chain_conf conf = {.compact = &when};
    expect(ate_chain_open("tcp://127.0.0.1:1/a/b", NULL, 0, &conf, &c), ATE_MISUSE);
    expect(open_when(0, &when, &c), 0);
    ate_chain_close(c);
    /* Without a session centralized chains alone are compacted deeply. */
    char logs[4100];
    struct ate_server *server;
    snprintf(logs, sizeof logs, "%s/logs", home);
    when.deep = true;
    struct ate_server_conf server_conf = {.logs = logs, .any_port = true, .compact = &when};
    expect(ate_server_start(&server_conf, &server), 0);
    ate_server_end(server);
    when = (struct ate_compact_when){.mode = ATE_COMPACT_NEVER, .deep = true};
    expect(open_when(ATE_READ, &when, &c), 0); /* never is never, whatever else it says */
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
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(old_payloads_go, set_up),
        cmocka_unit_test_setup(a_value_in_force_is_missed, set_up),
        cmocka_unit_test_setup(votes, set_up),
        cmocka_unit_test_setup(by_itself, set_up),
        cmocka_unit_test_setup(by_itself_refused, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
