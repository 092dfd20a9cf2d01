/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Links and states of a client: opening, creating, losing, coming back, ending.
 */
#include "base/err.h"
#include "mesh/client_private.h"
#include "stage.h"
#include <stdlib.h>

/* ---- opening ---- */

static void test_open(void **state)
{
    (void)state;
    struct stage *s = stage_new(false, false);
    struct ate__msg_open open;
    ate__client_start(s->c);
    assert_int_equal(s->connects, 1);
    assert_true(stage_quiet(s));
    struct stage_call *call = stage_commit_call(s, 1, 60000);
    stage_connected(s);
    struct stage_frame *f = stage_next(s, ATE__MSG_OPEN);
    assert_int_equal(f->stream, 1);
    must(ate__msg_open_decode(ate__buf_bytes(&f->body), &open));
    assert_true(ate__bytes_equal(open.path, ate__text_bytes("/past")));
    struct ate__msg_opened m = stage_opened_at(s, 1);
    stage_say_opened(s, &m);
    assert_int_equal(s->opens, 1);
    assert_true(stage_quiet(s)); /* nothing before the chain is known to be the right one */
    ate__client_admit(s->c, ATE__SHA256);
    assert_int_equal(s->newest.size, 1);
    assert_true(s->firm);
    assert_int_equal(stage_commit(s).request, 1);
    assert_false(ate__client_created(s->c));
    stage_free(s);
    stage_done(call, ATE_UNKNOWN);
}

static void test_create(void **state)
{
    (void)state;
    struct stage *s = stage_new(false, true);
    struct ate__msg_create create;
    ate__client_start(s->c);
    stage_connected(s);
    stage_next(s, ATE__MSG_OPEN);
    stage_say_error(s, ATE_NOT_FOUND, "no such chain");
    struct stage_frame *f = stage_next(s, ATE__MSG_CREATE);
    assert_int_equal(f->stream, 2);
    must(ate__msg_create_decode(ate__buf_bytes(&f->body), &create));
    assert_true(ate__bytes_equal(create.genesis, ate__buf_bytes(&s->past->record[0])));
    struct ate__msg_opened m = stage_opened_at(s, 1);
    m.created = true;
    stage_say_opened(s, &m);
    assert_true(ate__client_created(s->c));
    ate__client_admit(s->c, ATE__SHA256);
    stage_free(s);
}

/* Somebody else was faster. */
static void test_exists(void **state)
{
    (void)state;
    for (int gone = 0; gone < 2; gone++) {
        struct stage *s = stage_new(false, true);
        struct ate__buf body = ATE__BUF_NULL;
        struct ate__wr w = ate__wr_of(&body);
        ate__client_start(s->c);
        stage_connected(s);
        stage_next(s, ATE__MSG_OPEN);
        stage_say_error(s, ATE_NOT_FOUND, "no such chain");
        stage_next(s, ATE__MSG_CREATE);
        ate__msg_exists_encode(&w, &(struct ate__msg_exists){{{1, 2, 3}}});
        stage_say(s, ATE__MSG_EXISTS, 2, ate__buf_bytes(&body));
        ate__buf_deinit(&body);
        assert_int_equal(stage_next(s, ATE__MSG_OPEN)->stream, 3);
        if (gone) { /* and is not there after all: not in a circle */
            stage_say_error(s, ATE_NOT_FOUND, "no such chain");
            stage_final(s, ATE_NOT_FOUND, "no such chain");
        } else {
            struct ate__msg_opened m = stage_opened_at(s, 1);
            m.chain_id = s->past->chain_id;
            stage_say_opened(s, &m);
        }
        stage_free(s);
    }
}

/* The answer to CREATE was lost: the chain that is found is the one that was sent. */
static void test_create_lost(void **state)
{
    (void)state;
    struct stage *s = stage_new(false, true);
    ate__client_start(s->c);
    stage_connected(s);
    stage_next(s, ATE__MSG_OPEN);
    stage_say_error(s, ATE_NOT_FOUND, "no such chain");
    stage_next(s, ATE__MSG_CREATE);
    stage_lose(s, ATE_OFFLINE);
    stage_ready_again(s);
    assert_true(ate__client_created(s->c));
    stage_free(s);
}

static void test_refused(void **state)
{
    (void)state;
    static const int results[] = {ATE_NOT_FOUND, ATE_NO_ACCESS, ATE_DENIED, ATE_BUSY,
                                  ATE_MALFORMED, ATE_TAMPERED,  ATE_FORKED};
    for (size_t i = 0; i < ATE__COUNT_OF(results); i++) {
        struct stage *s = stage_new(false, false);
        struct stage_call *call = stage_read_call(s, ATE__CALL_SYNC, -1);
        ate__client_start(s->c);
        stage_connected(s);
        stage_next(s, ATE__MSG_OPEN);
        stage_say_error(s, results[i], "because\x1b[31m");
        stage_final(s, results[i], "server:5000: because\\x1b");
        stage_done(call, results[i]);
        stage_free(s);
    }
}

static void test_opened_is_no_good(void **state)
{
    (void)state;
    struct stage *s = stage_new(false, false);
    s->opened_result = ATE_WRONG_CHAIN;
    ate__client_start(s->c);
    stage_connected(s);
    struct ate__msg_opened m = stage_opened_at(s, 1);
    stage_next(s, ATE__MSG_OPEN);
    stage_say_opened(s, &m);
    assert_int_equal(s->link->result, ATE_WRONG_CHAIN);
    stage_final(s, ATE_WRONG_CHAIN, "no good");
    stage_free(s);
}

/* ---- what no server says ---- */

static void test_broken_protocol(void **state)
{
    (void)state;
    static const struct {
        uint16_t type;
        uint32_t stream;
        const char *body;
    } frames[] = {
        {ATE__MSG_OPENED, 1, "\1"},
        {ATE__MSG_COMMITTED, 1, ""},
        {ATE__MSG_GOT, 1, "xx"},
        {ATE__MSG_REJECTED, 1, "\1"},
        {ATE__MSG_EXISTS, 1, ""},
        {ATE__MSG_SUBSCRIBED, 1, ""},
        {ATE__MSG_GROUP, 1, "x"},
        {ATE__MSG_OPEN, 1, ""},
        {ATE__MSG_COMMIT, 1, ""},
        {ATE__MSG_REDIRECT, 1, ""},
        {999, 1, ""},
        {ATE__MSG_GOT, 2, ""},
        {ATE__NET_ERROR, 1, "x"},
        {ATE__NET_ERROR, 7, "x"},
    };
    for (size_t i = 0; i < ATE__COUNT_OF(frames); i++)
        for (int when = 0; when < 2; when++) { /* while it opens; when it is ready */
            struct stage *s = stage_new(false, false);
            struct stage_call *read = stage_read_call(s, ATE__CALL_SYNC, -1), *commit;
            if (when) {
                stage_ready(s);
            } else {
                ate__client_start(s->c);
                stage_connected(s);
            }
            commit = stage_commit_call(s, 1, -1);
            stage_say(s, frames[i].type, frames[i].stream, ate__text_bytes(frames[i].body));
            stage_final(s, ATE_BAD_PEER, "server:5000");
            stage_done(read, ATE_BAD_PEER);
            stage_done(commit, when ? ATE_UNKNOWN : ATE_BAD_PEER);
            struct stage_call *later = stage_commit_call(s, 2, -1);
            assert_int_equal(later->done, 0); /* never inside submit() */
            stage_pass(s, 1);
            stage_done(later, ATE_BAD_PEER);
            stage_free(s);
        }
}

/* A good answer, on a stream that was never begun. */
static void test_other_stream(void **state)
{
    (void)state;
    struct stage *s = stage_new(false, false);
    stage_ready(s);
    struct stage_call *commit = stage_commit_call(s, 1, -1);
    struct ate__msg_committed m = stage_committed_at(s, stage_commit(s).request, 1, 2, 1);
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&body);
    ate__msg_committed_encode(&w, &m);
    stage_say(s, ATE__MSG_COMMITTED, 2, ate__buf_bytes(&body));
    ate__buf_deinit(&body);
    stage_final(s, ATE_BAD_PEER, "a stream that was not begun");
    stage_done(commit, ATE_UNKNOWN);
    stage_free(s);
}

/* ---- links that are lost ---- */

static void test_back_off(void **state)
{
    (void)state;
    struct stage *s = stage_new(false, false);
    s->conf.patience_ms = 0;
    stage_ready(s);
    uint64_t most = ATE__BACK_OFF_MIN_MS;
    stage_lose(s, ATE_END);
    for (unsigned failure = 1; failure < 14; failure++) {
        uint64_t start = ate__monotonic_ms(&s->sim.env);
        unsigned connects = s->connects;
        s->connect_result = ATE_OFFLINE;
        for (unsigned i = 0; i < 20000 && s->connects == connects; i++)
            stage_pass(s, 1);
        uint64_t waited = ate__monotonic_ms(&s->sim.env) - start;
        assert_true(waited >= most / 2 && waited <= most);
        most = most * 2 < ATE__BACK_OFF_MAX_MS ? most * 2 : ATE__BACK_OFF_MAX_MS;
    }
    /* A link that is good ends it. */
    s->connect_result = 0;
    stage_ready_again(s);
    struct stage_call *call = stage_read_call(s, ATE__CALL_SYNC, -1);
    stage_say_got(s, stage_get(s).request, 2, 1);
    stage_done(call, 0);
    stage_lose(s, ATE_OFFLINE);
    uint64_t start = ate__monotonic_ms(&s->sim.env);
    stage_ready_again(s);
    assert_true(ate__monotonic_ms(&s->sim.env) - start <= ATE__BACK_OFF_MIN_MS);
    stage_free(s);
}

static void test_jitter(void **state)
{
    (void)state;
    uint64_t least = UINT64_MAX, most = 0;
    struct stage *s = stage_new(false, false);
    stage_ready(s);
    for (unsigned i = 0; i < 40; i++) {
        stage_pass(s, 1500); /* good for long enough */
        stage_lose(s, ATE_OFFLINE);
        uint64_t start = ate__monotonic_ms(&s->sim.env);
        stage_ready_again(s);
        uint64_t waited = ate__monotonic_ms(&s->sim.env) - start;
        least = waited < least ? waited : least;
        most = waited > most ? waited : most;
    }
    assert_true(least < most);
    assert_true(most <= ATE__BACK_OFF_MIN_MS);
    stage_free(s);
}

static void test_which_ends_are_final(void **state)
{
    (void)state;
    static const struct {
        int result;
        bool final;
    } ends[] = {
        {ATE_END, false},      {ATE_OFFLINE, false},    {ATE_TIMEOUT, false},
        {ATE_BUSY, false},     {ATE_IN_USE, false},     {ATE_CANCELED, false},
        {ATE_E_MEMORY, false}, {ATE_E_SYSTEM, false},   {ATE_UNTRUSTED, true},
        {ATE_BAD_PEER, true},  {ATE_UNSUPPORTED, true}, {ATE_TOO_BIG, true},
        {ATE_FORKED, true},    {ATE_NO_ACCESS, true},
    };
    for (size_t i = 0; i < ATE__COUNT_OF(ends); i++) {
        struct stage *s = stage_new(false, false);
        stage_ready(s);
        struct stage_call *call = stage_read_call(s, ATE__CALL_SYNC, -1);
        stage_lose(s, ends[i].result);
        if (ends[i].final) {
            stage_final(s, ends[i].result, "the link is lost");
        } else {
            assert_int_equal(s->finals, 0);
            stage_ready_again(s);
            stage_say_got(s, stage_get(s).request, 2, 1);
        }
        stage_done(call, ends[i].final ? ends[i].result : 0);
        stage_free(s);
    }
}

/* ERROR on the stream of a chain that was good before: what may pass is tried again. */
static void test_error_later(void **state)
{
    (void)state;
    struct stage *s = stage_new(false, false);
    stage_ready(s);
    stage_say_error(s, ATE_BUSY, "too many");
    assert_true(s->link->closing);
    stage_turn(s);
    assert_int_equal(s->finals, 0);
    stage_ready_again(s);
    stage_say_error(s, ATE_NOT_FOUND, "it is gone");
    stage_final(s, ATE_NOT_FOUND, "it is gone");
    stage_free(s);
}

/* A server that is not there when the chain is opened. */
static void test_patience(void **state)
{
    (void)state;
    struct stage *s = stage_new(false, false);
    s->connect_result = ATE_OFFLINE;
    uint64_t start = ate__monotonic_ms(&s->sim.env);
    ate__client_start(s->c);
    assert_int_equal(s->finals, 0);
    for (unsigned i = 0; i < 20000 && !s->finals; i++)
        stage_pass(s, 1);
    uint64_t waited = ate__monotonic_ms(&s->sim.env) - start;
    assert_true(waited >= 1000 && waited < 4000);
    stage_final(s, ATE_OFFLINE, "no connection");
    stage_free(s);

    s = stage_new(false, false); /* one that comes in time */
    ate__client_start(s->c);
    stage_lose(s, ATE_OFFLINE);
    stage_ready_again(s);
    assert_int_equal(s->finals, 0);
    stage_free(s);

    s = stage_new(false, false); /* one that ends each link */
    ate__client_start(s->c);
    for (unsigned i = 0; i < 20 && !s->finals; i++) {
        stage_lose(s, ATE_END);
        for (unsigned n = 0; n < 20000 && !s->link && !s->finals; n++)
            stage_pass(s, 1);
    }
    stage_final(s, ATE_OFFLINE, NULL);
    stage_free(s);

    s = stage_new(false, false); /* without a pin */
    s->connect_result = ATE_UNTRUSTED;
    ate__client_start(s->c);
    stage_final(s, ATE_UNTRUSTED, "no connection");
    stage_free(s);
}

/* ---- heads over links ---- */

static void lose_and_open_at(struct stage *s, const struct ate__msg_opened *m)
{
    stage_lose(s, ATE_OFFLINE);
    for (unsigned i = 0; i < 20000 && !s->link; i++)
        stage_pass(s, 1);
    stage_connected(s);
    stage_next(s, ATE__MSG_OPEN);
    stage_say_opened(s, m);
}

static void test_heads_over_links(void **state)
{
    (void)state;
    for (int how = 0; how < 4; how++) {
        struct stage *s = stage_new(false, false);
        stage_ready(s);
        struct stage_call *call = stage_read_call(s, ATE__CALL_SYNC, -1);
        stage_say_got(s, stage_get(s).request, 5, 1);
        stage_done(call, 0);
        struct ate__msg_opened m = stage_opened_at(s, how == 0 ? 4 : how == 3 ? 7 : 5);
        if (how == 1)
            m.head.root.b[0] ^= 1;
        lose_and_open_at(s, &m);
        if (how == 0)
            stage_final(s, ATE_ROLLED_BACK, "shows 4 transactions; 5 were seen");
        else if (how == 1)
            stage_final(s, ATE_FORKED, "another history of 5");
        else
            assert_int_equal(s->finals, 0);
        if (how == 3) { /* claimed; proven by the next answer, from what was verified */
            assert_int_equal(s->newest.size, 5);
            call = stage_read_call(s, ATE__CALL_SYNC, -1);
            struct ate__msg_get get = stage_get(s);
            assert_int_equal(get.known.size, 5);
            stage_say_got(s, get.request, 7, 5);
            stage_done(call, 0);
            assert_int_equal(s->newest.size, 7);
        }
        stage_free(s);
    }
}

static void test_remembered(void **state)
{
    (void)state;
    struct stage *s = stage_new(false, false);
    ate__client_end(s->c);
    s->conf.remembered = past_head(s->past, 6);
    must(ate__client_new(&s->conf, &s->driver, &s->c));
    ate__client_start(s->c);
    stage_connected(s);
    stage_next(s, ATE__MSG_OPEN);
    struct ate__msg_opened m = stage_opened_at(s, 8);
    stage_say_opened(s, &m);
    ate__client_admit(s->c, ATE__SHA256);
    assert_int_equal(s->c->newest.size, 6);
    stage_free(s);
}

/* A server that does not sync each commit may come back shorter, but not shorter than what another
 * one, or it itself when it did, has shown. */
static void test_weak_sync(void **state)
{
    (void)state;
    struct stage *s = stage_new(false, false);
    stage_ready(s);
    struct stage_call *call = stage_read_call(s, ATE__CALL_SYNC, -1);
    stage_say_got(s, stage_get(s).request, 3, 1);
    stage_done(call, 0);
    assert_true(s->firm);
    struct ate__msg_opened m = stage_opened_at(s, 3);
    m.weak_sync = true;
    lose_and_open_at(s, &m);
    call = stage_read_call(s, ATE__CALL_SYNC, -1);
    stage_say_got(s, stage_get(s).request, 9, 3);
    stage_done(call, 0);
    assert_int_equal(s->newest.size, 9);
    assert_false(s->firm);
    s->newest = (struct ate__head){0};
    m = stage_opened_at(s, 4);
    m.weak_sync = true;
    lose_and_open_at(s, &m);
    assert_int_equal(s->finals, 0);
    assert_int_equal(s->c->newest.size, 3);
    m = stage_opened_at(s, 2);
    m.weak_sync = true;
    lose_and_open_at(s, &m);
    stage_final(s, ATE_ROLLED_BACK, "shows 2 transactions; 3 were seen");
    stage_free(s);
}

/* ---- one that follows ---- */

static void test_follow(void **state)
{
    (void)state;
    struct stage *s = stage_new(true, false);
    struct ate__msg_subscribe m;
    s->subscribe_ready = false;
    ate__client_start(s->c);
    stage_connected(s);
    stage_next(s, ATE__MSG_OPEN);
    struct ate__msg_opened opened = stage_opened_at(s, 4);
    stage_say_opened(s, &opened);
    ate__client_admit(s->c, ATE__SHA256);
    assert_true(stage_quiet(s));
    s->subscribe_ready = true;
    s->taken_in = 2;
    ate__client_go_on(s->c);
    must(ate__msg_subscribe_decode(ate__buf_bytes(&stage_next(s, ATE__MSG_SUBSCRIBE)->body), &m));
    assert_int_equal(m.head.size, 2);
    struct stage_call *call = stage_commit_call(s, 4, -1);
    assert_true(stage_quiet(s));
    stage_say_subscribed(s, 4);
    assert_int_equal(stage_commit(s).known.size, 0); /* it needs no proofs */
    stage_say(s, ATE__MSG_GROUP, 1, ate__text_bytes("x"));
    assert_int_equal(s->groups, 1);
    ate__client_pause(s->c, true);
    assert_true(s->link->paused);
    ate__client_pause(s->c, false);
    assert_false(s->link->paused);

    /* The next link goes on from what was taken in, and the commit is sent again. */
    s->taken_in = 3;
    stage_lose(s, ATE_OFFLINE);
    assert_int_equal(s->losts, 1);
    ate__client_pause(s->c, true); /* without a link nothing happens */
    for (unsigned i = 0; i < 20000 && !s->link; i++)
        stage_pass(s, 1);
    stage_connected(s);
    stage_next(s, ATE__MSG_OPEN);
    stage_say_opened(s, &opened);
    must(ate__msg_subscribe_decode(ate__buf_bytes(&stage_next(s, ATE__MSG_SUBSCRIBE)->body), &m));
    assert_int_equal(m.head.size, 3);
    stage_say_subscribed(s, 4);
    stage_commit(s);
    stage_free(s);
    stage_done(call, ATE_UNKNOWN);
}

static void test_follow_ends(void **state)
{
    (void)state;
    struct stage *s = stage_new(true, false);
    s->subscribed_result = ATE_FORKED;
    stage_ready(s);
    stage_final(s, ATE_FORKED, "another history");
    stage_free(s);

    s = stage_new(true, false);
    s->group_result = ATE_BAD_PEER;
    stage_ready(s);
    stage_say(s, ATE__MSG_GROUP, 1, ate__text_bytes("x"));
    stage_final(s, ATE_BAD_PEER, "no good");
    stage_free(s);

    s = stage_new(true, false); /* short of memory: it comes again */
    s->group_result = ATE_E_MEMORY;
    stage_ready(s);
    stage_say(s, ATE__MSG_GROUP, 1, ate__text_bytes("x"));
    assert_int_equal(s->finals, 0);
    stage_turn(s);
    s->group_result = 0;
    stage_ready_again(s);
    assert_int_equal(s->losts, 1);
    stage_free(s);

    s = stage_new(true, false); /* the driver finds out later */
    stage_ready(s);
    ate__client_fail(s->c, ATE_E_MEMORY, "no memory");
    stage_turn(s);
    stage_ready_again(s);
    ate__client_fail(s->c, ATE_TAMPERED, "a group broke a rule");
    stage_final(s, ATE_TAMPERED, "a group broke a rule");
    stage_free(s);
}

/* ---- ends ---- */

static void test_end_at_any_time(void **state)
{
    (void)state;
    for (int when = 0; when < 6; when++) {
        struct stage *s = stage_new(false, false);
        struct stage_call *call = NULL;
        if (when > 0)
            ate__client_start(s->c);
        if (when > 1)
            stage_connected(s);
        if (when > 2) {
            struct ate__msg_opened m = stage_opened_at(s, 1);
            stage_say_opened(s, &m);
        }
        if (when > 3)
            ate__client_admit(s->c, ATE__SHA256);
        call = stage_commit_call(s, 1, 1000);
        if (when > 4)
            stage_lose(s, ATE_OFFLINE);
        ate__client_end(s->c);
        s->c = NULL;
        assert_int_equal(call->done, 1);
        stage_done(call, when > 3 ? ATE_UNKNOWN : ATE_CANCELED);
        if (s->link && s->link->open) { /* what comes while the link closes is nobody's */
            s->link->closing = false;
            stage_say(s, 999, 1, ate__text_bytes(""));
            stage_drained(s, 5);
            s->link->closing = true;
        }
        assert_int_equal(s->finals, 0);
        stage_free(s);
    }
}

static void end_in_done(struct stage_call *c)
{
    struct stage *s = c->stage;
    if (s->c)
        ate__client_end(s->c);
    s->c = NULL;
}

static void test_end_inside_done(void **state)
{
    (void)state;
    struct stage *s = stage_new(false, false);
    stage_ready(s);
    struct stage_call *call = stage_read_call(s, ATE__CALL_SYNC, -1),
                      *other = stage_commit_call(s, 1, -1), *third = stage_commit_call(s, 2, -1);
    call->then = end_in_done;
    stage_say_got(s, stage_get(s).request, 2, 1);
    assert_null(s->c);
    stage_done(call, 0);
    stage_done(other, ATE_UNKNOWN);
    stage_done(third, ATE_UNKNOWN);
    stage_free(s);
}

static struct stage_call *second;

static void submit_in_done(struct stage_call *c)
{
    second = stage_read_call(c->stage, ATE__CALL_SYNC, -1);
    assert_int_equal(second->done, 0);
}

static void test_submit_inside_done(void **state)
{
    (void)state;
    struct stage *s = stage_new(false, false);
    stage_ready(s);
    struct stage_call *call = stage_read_call(s, ATE__CALL_SYNC, -1);
    call->then = submit_in_done;
    stage_say_got(s, stage_get(s).request, 2, 1);
    stage_done(call, 0);
    stage_say_got(s, stage_get(s).request, 2, 2);
    stage_done(second, 0);

    call = stage_read_call(s, ATE__CALL_SYNC, -1); /* also while all of them end */
    call->then = submit_in_done;
    ate__client_end(s->c);
    s->c = NULL;
    stage_done(call, ATE_CANCELED);
    stage_done(second, ATE_CANCELED);
    stage_free(s);
}

/* ---- by chance ----
 *
 * A server that applies what it gets, each transaction once, in the order in which it came; links
 * that are lost at any moment; answers that come late, or not. At the end each call has the one
 * true answer, and the server has each transaction once, in the order of submission. */

enum { CHANCE_CALLS = 9 };
struct chance {
    struct stage *s;
    struct rnd rnd;
    uint64_t applied[CHANCE_CALLS + 1]; /* sequences of the past, in order */
    size_t count;
    struct {
        uint32_t request;
        uint64_t sequence;
    } due[64]; /* answers not said yet */
    size_t due_count;
};

static void serve(struct chance *c)
{
    struct stage *s = c->s;
    struct ate__msg_commit m = stage_commit(s);
    uint64_t sequence = 1;
    while (!ate__bytes_equal(m.tx, s->past->tx[sequence].encoded))
        sequence++;
    bool repeat = false;
    for (size_t i = 0; i < c->count; i++)
        repeat = repeat || c->applied[i] == sequence;
    if (!repeat) {
        assert_int_equal(sequence, c->count + 1); /* in order */
        c->applied[c->count++] = sequence;
    }
    c->due[c->due_count].request = m.request;
    c->due[c->due_count++].sequence = sequence;
}

static void say_one(struct chance *c)
{
    size_t i = rnd_below(&c->rnd, c->due_count);
    uint32_t request = c->due[i].request;
    uint64_t sequence = c->due[i].sequence, size = c->count + 1;
    c->due[i] = c->due[--c->due_count];
    struct ate__msg_committed m =
        stage_committed_at(c->s, request, sequence, size, c->s->c->newest.size);
    stage_say_committed(c->s, &m);
}

static void come_back(struct chance *c)
{
    struct stage *s = c->s;
    stage_lose(s, ATE_OFFLINE);
    c->due_count = 0;
    s->room = 1 + rnd_below(&c->rnd, 5);
    for (unsigned i = 0; i < 20000 && !s->link; i++)
        stage_pass(s, 1);
    stage_connected(s);
    stage_next(s, ATE__MSG_OPEN);
    struct ate__msg_opened m = stage_opened_at(s, c->count + 1);
    stage_say_opened(s, &m);
}

static void test_exactly_once(void **state)
{
    (void)state;
    uint64_t seed = rnd_seed(11);
    for (unsigned round = 0; round < 400; round++) {
        struct chance c = {.s = stage_new(false, false), .rnd = rnd_of(seed + round)};
        struct stage_call *call[CHANCE_CALLS];
        unsigned submitted = 0, done = 0;
        stage_ready(c.s);
        for (unsigned step = 0; step < 5000 && done < CHANCE_CALLS; step++) {
            switch (rnd_below(&c.rnd, 8)) {
            case 0: come_back(&c); break;
            case 1:
            case 2:
                if (submitted < CHANCE_CALLS) {
                    call[submitted] = stage_commit_call(c.s, submitted + 1, -1);
                    submitted++;
                }
                break;
            case 3:
            case 4:
                if (!stage_quiet(c.s))
                    serve(&c);
                break;
            case 5:
                c.s->room = rnd_below(&c.rnd, 3);
                stage_drained(c.s, 1 + rnd_below(&c.rnd, 5));
                break;
            default:
                if (c.due_count)
                    say_one(&c);
                break;
            }
            assert_int_equal(c.s->finals, 0);
            done = 0;
            for (unsigned i = 0; i < submitted; i++)
                done += call[i]->done;
        }
        assert_int_equal(done, CHANCE_CALLS);
        assert_int_equal(c.count, CHANCE_CALLS);
        for (unsigned i = 0; i < CHANCE_CALLS; i++) {
            assert_int_equal(call[i]->call.receipt.sequence, i + 1);
            stage_done(call[i], 0);
        }
        stage_free(c.s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open),
        cmocka_unit_test(test_create),
        cmocka_unit_test(test_exists),
        cmocka_unit_test(test_create_lost),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_opened_is_no_good),
        cmocka_unit_test(test_broken_protocol),
        cmocka_unit_test(test_other_stream),
        cmocka_unit_test(test_back_off),
        cmocka_unit_test(test_jitter),
        cmocka_unit_test(test_which_ends_are_final),
        cmocka_unit_test(test_error_later),
        cmocka_unit_test(test_patience),
        cmocka_unit_test(test_heads_over_links),
        cmocka_unit_test(test_remembered),
        cmocka_unit_test(test_weak_sync),
        cmocka_unit_test(test_follow),
        cmocka_unit_test(test_follow_ends),
        cmocka_unit_test(test_end_at_any_time),
        cmocka_unit_test(test_end_inside_done),
        cmocka_unit_test(test_submit_inside_done),
        cmocka_unit_test(test_exactly_once),
    };
    return cmocka_run_group_tests(tests, NULL, past_end);
}
