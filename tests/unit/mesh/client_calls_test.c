/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The calls of a client: sent in order, sent again, answered once; answers that lie; time.
 */
#include "base/err.h"
#include "stage.h"
#include <stdlib.h>

/* The next COMMIT is that of this transaction; gives its request. */
static uint32_t sent(struct stage *s, uint64_t sequence)
{
    struct ate__msg_commit m = stage_commit(s);
    assert_true(ate__bytes_equal(m.tx, s->past->tx[sequence].encoded));
    return m.request;
}

static void answer(struct stage *s, uint32_t request, uint64_t sequence, uint64_t size,
                   uint64_t known_size)
{
    struct ate__msg_committed m = stage_committed_at(s, request, sequence, size, known_size);
    stage_say_committed(s, &m);
}

/* ---- commits ---- */

static void test_commit(void **state)
{
    (void)state;
    struct stage *s = stage_new(false, false);
    stage_ready(s);
    struct stage_call *call = stage_commit_call(s, 1, 1000);
    struct ate__msg_commit m = stage_commit(s);
    assert_int_equal(m.known.size, 1);
    answer(s, m.request, 1, 2, 1);
    assert_int_equal(call->call.receipt.sequence, 1);
    assert_int_equal(call->call.receipt.size, 2);
    assert_int_equal(call->call.receipt.stage, ATE__DURABLE);
    assert_int_equal(s->newest.size, 2);
    assert_string_equal(call->call.text, "");
    stage_done(call, 0);
    call = stage_commit_call(s, 2, 1000);
    m = stage_commit(s);
    assert_int_equal(m.known.size, 2);
    answer(s, m.request, 2, 3, 2);
    stage_done(call, 0);
    stage_free(s);
}

static void test_in_order(void **state)
{
    (void)state;
    struct stage *s = stage_new(false, false);
    struct stage_call *call[4];
    for (unsigned i = 0; i < 4; i++) /* before there is a link */
        call[i] = stage_commit_call(s, i + 1, -1);
    stage_ready(s);
    uint32_t request[4];
    for (unsigned i = 0; i < 4; i++)
        request[i] = sent(s, i + 1);
    /* Answers in another order; their heads are one line. */
    answer(s, request[2], 3, 4, 1);
    answer(s, request[0], 1, 4, 4);
    answer(s, request[3], 4, 5, 4);
    answer(s, request[1], 2, 5, 5);
    for (unsigned i = 0; i < 4; i++)
        stage_done(call[i], 0);
    assert_int_equal(s->newest.size, 5);
    stage_free(s);
}

/* A link that is lost before anything was sent, after, and after the server had applied it. */
static void test_lost(void **state)
{
    (void)state;
    struct stage *s = stage_new(false, false);
    stage_ready(s);
    struct stage_call *call[3];
    stage_lose(s, ATE_OFFLINE);
    for (unsigned i = 0; i < 3; i++)
        call[i] = stage_commit_call(s, i + 1, -1);
    stage_ready_again(s);
    uint32_t first = sent(s, 1);
    sent(s, 2);
    sent(s, 3);
    answer(s, first, 1, 2, 1);
    stage_done(call[0], 0);
    stage_lose(s, ATE_OFFLINE);
    stage_ready_again(s);
    sent(s, 2);
    sent(s, 3);
    stage_lose(s, ATE_END);
    s->newest = past_head(s->past, 4); /* the server has applied them meanwhile */
    stage_ready_again(s);
    uint32_t again[2] = {sent(s, 2), sent(s, 3)};
    answer(s, again[0], 2, 4, 2);
    answer(s, again[1], 3, 4, 4);
    stage_done(call[1], 0);
    stage_done(call[2], 0);
    assert_true(stage_quiet(s));
    stage_free(s);
}

static void test_lies(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        int result;
    } lies[] = {
        {"nothing", 0},
        {"another head", ATE_FORKED},
        {"another proof", ATE_FORKED},
        {"another sequence", ATE_TAMPERED},
        {"another time", ATE_TAMPERED},
        {"another path", ATE_TAMPERED},
        {"another transaction", ATE_TAMPERED},
        {"the same head as before", ATE_TAMPERED},
        {"a shorter path", ATE_TAMPERED},
    };
    for (size_t i = 0; i < ATE__COUNT_OF(lies); i++) {
        struct stage *s = stage_new(false, false);
        stage_ready(s);
        struct stage_call *call = stage_commit_call(s, 3, -1), *other = stage_commit_call(s, 4, -1);
        struct ate__msg_committed m = stage_committed_at(s, sent(s, 3), 3, 6, 1);
        switch (i) {
        case 1: m.receipt.head.b[0] ^= 1; break;
        case 2: m.consistency.hash[0].b[0] ^= 1; break;
        case 3: m.receipt.sequence = 4; break;
        case 4: m.receipt.root_time_us++; break;
        case 5: m.inclusion.hash[1].b[0] ^= 1; break;
        case 6: m = stage_committed_at(s, m.request, 5, 6, 1); break;
        case 7:
            m.receipt.size = 1;
            m.receipt.sequence = 0;
            m.receipt.head = past_head(s->past, 1).root;
            m.inclusion.count = 0;
            break;
        case 8: m.inclusion.count--; break;
        default: break;
        }
        stage_say_committed(s, &m);
        if (lies[i].result) {
            stage_final(s, lies[i].result, "server:5000");
            assert_int_equal(s->newest.size, lies[i].result == ATE_FORKED ? 1 : s->newest.size);
            stage_done(call, ATE_UNKNOWN);
            stage_done(other, ATE_UNKNOWN);
        } else {
            stage_done(call, 0);
        }
        stage_free(s);
        if (!lies[i].result)
            stage_done(other, ATE_UNKNOWN);
    }
}

/* Two heads that each extend what was known, but not each other. */
static void test_two_histories(void **state)
{
    (void)state;
    struct stage *s = stage_new(false, false);
    struct past *fork = past_copy(s->past), *real = s->past;
    fork->time_us[2]++;
    must(ate__tx_leaf(&fork->tx[2], ATE__SHA256, 2, fork->time_us[2], &fork->leaf[2]));
    stage_ready(s);
    struct stage_call *one = stage_commit_call(s, 2, -1), *other = stage_commit_call(s, 3, -1);
    uint32_t first = sent(s, 2), next = sent(s, 3);
    answer(s, first, 2, 3, 1);
    stage_done(one, 0);
    s->past = fork;
    answer(s, next, 3, 4, 1); /* from where both began: it cannot be placed */
    assert_int_equal(s->newest.size, 3);
    assert_int_equal(other->done, 0);
    next = sent(s, 3); /* asked again, from the newest */
    struct ate__msg_committed m = stage_committed_at(s, next, 3, 4, 3);
    stage_say_committed(s, &m);
    stage_final(s, ATE_FORKED, "two histories");
    stage_done(other, ATE_UNKNOWN);
    s->past = real;
    past_free(fork);
    stage_free(s);
}

/* A head that cannot be placed is asked about again, alone. */
static void test_misplaced(void **state)
{
    (void)state;
    for (int again = 0; again < 2; again++) {
        struct stage *s = stage_new(false, false);
        stage_ready(s);
        struct stage_call *call[3], *sync;
        for (unsigned i = 0; i < 3; i++)
            call[i] = stage_commit_call(s, i + 1, -1);
        uint32_t request[3] = {sent(s, 1), sent(s, 2), sent(s, 3)};
        answer(s, request[0], 1, 2, 1);
        stage_done(call[0], 0);
        answer(s, request[1], 2, 3, 1); /* proven from elsewhere */
        struct stage_call *later = stage_commit_call(s, 4, -1);
        sync = stage_read_call(s, ATE__CALL_SYNC, -1);
        assert_true(stage_quiet(s)); /* 3 is still under way */
        answer(s, request[2], 3, 4, 2);
        stage_done(call[2], 0);
        struct ate__msg_commit m = stage_commit(s);
        assert_true(ate__bytes_equal(m.tx, s->past->tx[2].encoded));
        assert_int_equal(m.known.size, 4);
        assert_true(stage_quiet(s)); /* alone */
        if (again) {
            answer(s, m.request, 2, 6, 2);
            stage_final(s, ATE_BAD_PEER, "does not start at the head");
        } else {
            answer(s, m.request, 2, 4, 4);
            stage_done(call[1], 0);
            answer(s, sent(s, 4), 4, 5, 4);
            stage_done(later, 0);
            stage_say_got(s, stage_get(s).request, 5, 5);
            stage_done(sync, 0);
        }
        stage_free(s);
        if (again) {
            stage_done(call[1], ATE_UNKNOWN);
            stage_done(later, ATE_BAD_PEER);
            stage_done(sync, ATE_BAD_PEER);
        }
    }
}

static void test_answers_to_nothing(void **state)
{
    (void)state;
    for (int kind = 0; kind < 5; kind++) {
        struct stage *s = stage_new(false, false);
        stage_ready(s);
        struct stage_call *read = stage_read_call(s, ATE__CALL_SYNC, -1),
                          *commit = stage_commit_call(s, 1, -1);
        uint32_t other = stage_get(s).request, request = sent(s, 1);
        if (kind == 0)
            answer(s, 99, 1, 2, 1);
        else if (kind == 1)
            answer(s, other, 1, 2, 1);
        else if (kind == 2)
            stage_say_got(s, request, 2, 1);
        else if (kind == 3)
            stage_say_got(s, 99, 2, 1);
        else
            stage_say_rejected(s, 99, ATE_CONFLICT, "x");
        stage_final(s, ATE_BAD_PEER, NULL);
        stage_done(commit, ATE_UNKNOWN);
        stage_done(read, ATE_BAD_PEER);
        stage_free(s);
    }
}

/* Every cut of a good frame, and every byte of it changed, does no harm. */
static void test_frames_by_chance(void **state)
{
    (void)state;
    struct rnd r = rnd_of(rnd_seed(5));
    for (unsigned i = 0; i < 300; i++) {
        struct stage *s = stage_new(false, false);
        stage_ready(s);
        struct stage_call *commit = stage_commit_call(s, 1, -1);
        struct ate__msg_committed m = stage_committed_at(s, stage_commit(s).request, 1, 2, 1);
        struct ate__buf body = ATE__BUF_NULL;
        struct ate__wr w = ate__wr_of(&body);
        ate__msg_committed_encode(&w, &m);
        if (i % 3 == 0)
            body.size = rnd_below(&r, body.size);
        else
            body.data[rnd_below(&r, body.size)] ^= (uint8_t)(1u << rnd_below(&r, 8));
        stage_say(s, ATE__MSG_COMMITTED, 1, ate__buf_bytes(&body));
        ate__buf_deinit(&body);
        /* The stage is the one thing that no proof covers. */
        bool believed = commit->done && !commit->call.result;
        if (believed)
            assert_memory_equal(&commit->call.receipt.head, &m.receipt.head, sizeof m.receipt.head);
        stage_free(s);
        assert_int_equal(commit->done, 1);
        stage_call_free(commit);
    }
}

/* ---- refusals ---- */

static void test_rejected(void **state)
{
    (void)state;
    struct stage *s = stage_new(false, false);
    stage_ready(s);
    struct stage_call *call = stage_commit_call(s, 1, -1);
    stage_say_rejected(s, sent(s, 1), ATE_CONFLICT, "in the \x1b[1mway\n");
    assert_string_equal(call->call.text, "in the \\x1b[1mway\\x0a");
    assert_int_equal(call->call.verdict.conflict_count, 1);
    struct ate_id five = id_of(5);
    assert_memory_equal(&call->call.verdict.conflicts[0].id, &five, sizeof five);
    stage_done(call, ATE_CONFLICT);

    call = stage_read_call(s, ATE__CALL_OUTCOME, -1);
    struct stage_frame *f = stage_next(s, ATE__MSG_OUTCOME);
    struct ate__msg_outcome m;
    must(ate__msg_outcome_decode(ate__buf_bytes(&f->body), &m));
    assert_memory_equal(&m.id, &s->past->tx[1].id, sizeof m.id);
    stage_say_rejected(s, m.request, ATE_NOT_FOUND, "no");
    stage_done(call, ATE_NOT_FOUND);
    call = stage_read_call(s, ATE__CALL_OUTCOME, -1);
    must(ate__msg_outcome_decode(ate__buf_bytes(&stage_next(s, ATE__MSG_OUTCOME)->body), &m));
    answer(s, m.request, 1, 3, 1);
    assert_int_equal(call->call.receipt.sequence, 1);
    stage_done(call, 0);

    /* What the server says of a commit's base is about that commit; of what was seen, for good. */
    call = stage_commit_call(s, 1, -1);
    stage_say_rejected(s, sent(s, 1), ATE_FORKED, "its base");
    stage_done(call, ATE_FORKED);
    call = stage_commit_call(s, 1, -1);
    stage_say_rejected(s, sent(s, 1), ATE_ROLLED_BACK, "you have verified more");
    stage_final(s, ATE_ROLLED_BACK, "you have verified more");
    stage_done(call, ATE_UNKNOWN);
    stage_free(s);
}

static void test_busy(void **state)
{
    (void)state;
    struct stage *s = stage_new(false, false);
    stage_ready(s);
    struct stage_call *hasty = stage_commit_call(s, 1, -1);
    stage_say_rejected(s, sent(s, 1), ATE_BUSY, "full");
    stage_done(hasty, ATE_BUSY);

    struct stage_call *call = stage_commit_call(s, 1, 1000), *behind;
    call->call.patient = true;
    uint32_t request = sent(s, 1);
    behind = stage_commit_call(s, 2, -1);
    uint32_t other = sent(s, 2);
    stage_say_rejected(s, request, ATE_BUSY, "full");
    struct stage_call *later = stage_commit_call(s, 3, -1);
    assert_true(stage_quiet(s));
    stage_pass(s, 25);
    request = sent(s, 1); /* again, and then what had to wait behind it */
    uint32_t third = sent(s, 3);
    answer(s, request, 1, 2, 1);
    answer(s, other, 2, 3, 2);
    answer(s, third, 3, 4, 3);
    stage_done(call, 0);
    stage_done(behind, 0);
    stage_done(later, 0);

    /* Until its time is over: nothing was applied. */
    call = stage_commit_call(s, 4, 500);
    call->call.patient = true;
    unsigned times = 0;
    for (unsigned ms = 0; ms < 600 && !call->done; ms++) {
        while (!stage_quiet(s)) {
            stage_say_rejected(s, sent(s, 4), ATE_BUSY, "still full");
            times++;
        }
        stage_pass(s, 1);
    }
    assert_true(times >= 3 && times < 12);
    assert_non_null(strstr(call->call.text, "still full"));
    stage_done(call, ATE_BUSY);
    stage_free(s);
}

/* A server that is about to end, or whose machine failed. */
static void test_offline_is_tried_again(void **state)
{
    (void)state;
    struct stage *s = stage_new(false, false);
    stage_ready(s);
    struct stage_call *read = stage_read_call(s, ATE__CALL_SYNC, -1),
                      *call = stage_commit_call(s, 1, -1);
    stage_say_rejected(s, stage_get(s).request, ATE_OFFLINE, "stopping");
    stage_say_rejected(s, sent(s, 1), ATE_OFFLINE, "stopping");
    assert_int_equal(call->done + read->done, 0);
    stage_lose(s, ATE_END);
    stage_ready_again(s);
    answer(s, sent(s, 1), 1, 2, 1);
    stage_done(call, 0);
    stage_say_got(s, stage_get(s).request, 2, 2);
    stage_done(read, 0);

    call = stage_commit_call(s, 2, 300);
    for (unsigned ms = 0; ms < 400 && !call->done; ms++) {
        while (!stage_quiet(s))
            stage_say_rejected(s, sent(s, 2), ATE_OFFLINE, "no memory");
        stage_pass(s, 1);
    }
    stage_done(call, ATE_TIMEOUT);

    /* What lasts, as a full disk does, is said long before the time is over. */
    call = stage_commit_call(s, 3, 30000);
    unsigned ms = 0;
    for (; ms < 30000 && !call->done; ms++) {
        while (!stage_quiet(s))
            stage_say_rejected(s, sent(s, 3), ATE_OFFLINE, "the disk is full");
        stage_pass(s, 1);
    }
    assert_true(ms > 2000 && ms < 5000);
    assert_non_null(strstr(call->call.text, "the disk is full"));
    stage_done(call, ATE_OFFLINE);
    stage_free(s);
}

/* ---- time ---- */

static void test_deadlines(void **state)
{
    (void)state;
    struct stage *s = stage_new(false, false);
    struct stage_call *never = stage_commit_call(s, 1, 100),
                      *read = stage_read_call(s, ATE__CALL_SYNC, 120);
    ate__client_start(s->c);
    stage_pass(s, 99);
    assert_int_equal(never->done, 0);
    stage_pass(s, 1);
    assert_non_null(strstr(never->call.text, "was not reached"));
    stage_done(never, ATE_OFFLINE);
    stage_pass(s, 20);
    stage_done(read, ATE_OFFLINE);

    stage_connected(s);
    stage_next(s, ATE__MSG_OPEN);
    struct ate__msg_opened m = stage_opened_at(s, 1);
    struct stage_call *opening = stage_commit_call(s, 1, 100);
    stage_say_opened(s, &m);
    stage_pass(s, 100); /* reached, but not admitted: it was not sent */
    stage_done(opening, ATE_TIMEOUT);
    ate__client_admit(s->c, ATE__SHA256);

    s->room = 0;
    struct stage_call *waits = stage_commit_call(s, 1, 100);
    stage_pass(s, 100);
    stage_done(waits, ATE_TIMEOUT);
    s->room = SIZE_MAX;

    struct stage_call *call = stage_commit_call(s, 1, 100);
    read = stage_read_call(s, ATE__CALL_SYNC, -1);
    assert_true(stage_commit(s).request);
    assert_true(stage_quiet(s)); /* the sync waits for the commit */
    stage_pass(s, 100);
    assert_non_null(strstr(call->call.text, "may still be applied"));
    stage_done(call, ATE_UNKNOWN);
    stage_say_got(s, stage_get(s).request, 1, 1);
    stage_done(read, 0);

    /* The same transaction again: that it may be there already is not forgotten. */
    stage_lose(s, ATE_OFFLINE);
    s->connect_result = ATE_OFFLINE;
    call = stage_commit_call(s, 1, 100);
    stage_pass(s, 100);
    stage_done(call, ATE_UNKNOWN);
    s->connect_result = 0;
    stage_ready_again(s);
    call = stage_commit_call(s, 1, 100);
    answer(s, sent(s, 1), 1, 2, 1);
    stage_done(call, 0);
    stage_lose(s, ATE_OFFLINE);
    s->connect_result = ATE_OFFLINE;
    call = stage_commit_call(s, 1, 100);
    stage_pass(s, 100);
    stage_done(call, ATE_OFFLINE); /* it is known what became of it */
    stage_free(s);
}

/* Answers to calls that were given up are nobody's, but their heads count. */
static void test_late_answers(void **state)
{
    (void)state;
    struct stage *s = stage_new(false, false);
    stage_ready(s);
    struct stage_call *call = stage_commit_call(s, 1, 50), *read, *rejected;
    uint32_t request = sent(s, 1);
    read = stage_read_call(s, ATE__CALL_OUTCOME, 50);
    stage_next(s, ATE__MSG_OUTCOME);
    rejected = stage_commit_call(s, 2, 50);
    uint32_t other = sent(s, 2);
    stage_pass(s, 50);
    stage_done(call, ATE_UNKNOWN);
    stage_done(rejected, ATE_UNKNOWN);
    stage_done(read, ATE_TIMEOUT);
    answer(s, request, 1, 2, 1);
    assert_int_equal(s->newest.size, 2);
    stage_say_rejected(s, other, ATE_CONFLICT, "late");
    assert_int_equal(s->finals, 0);
    call = stage_commit_call(s, 3, -1);
    struct ate__msg_commit m = stage_commit(s);
    assert_int_equal(m.known.size, 2);
    answer(s, m.request, 3, 4, 2);
    stage_done(call, 0);

    read = stage_read_call(s, ATE__CALL_SYNC, 50); /* a GOT */
    request = stage_get(s).request;
    stage_pass(s, 50);
    stage_done(read, ATE_TIMEOUT);
    stage_say_got(s, request, 5, 4);
    assert_int_equal(s->newest.size, 5);
    stage_say_got(s, request, 6, 1); /* what it was asked at is not known: left alone */
    assert_int_equal(s->newest.size, 5);
    assert_int_equal(s->finals, 0);
    stage_free(s);
}

/* ---- limits ---- */

static void test_credit(void **state)
{
    (void)state;
    struct stage *s = stage_new(false, false);
    stage_ready(s);
    s->room = 2;
    struct stage_call *call[4];
    for (unsigned i = 0; i < 4; i++)
        call[i] = stage_commit_call(s, i + 1, -1);
    uint32_t request[4] = {sent(s, 1), sent(s, 2), 0, 0};
    assert_true(stage_quiet(s));
    stage_drained(s, 1);
    request[2] = sent(s, 3);
    assert_true(stage_quiet(s));
    stage_drained(s, 10);
    request[3] = sent(s, 4);
    for (unsigned i = 0; i < 4; i++) {
        answer(s, request[i], i + 1, i + 2, i + 1);
        stage_done(call[i], 0);
    }
    stage_free(s);
}

static void test_commits_under_way(void **state)
{
    (void)state;
    enum { CALLS = ATE__COMMITS_MAX + 3 };
    struct stage *s = stage_new(false, false);
    struct stage_call **call = calloc(CALLS, sizeof *call);
    stage_ready(s);
    for (unsigned i = 0; i < CALLS; i++) {
        call[i] = stage_commit_call(s, 1, -1);
        call[i]->call.id.number = 1000 + i;
    }
    assert_int_equal(s->count, ATE__COMMITS_MAX);
    stage_say_rejected(s, sent(s, 1), ATE_DENIED, "no");
    assert_int_equal(call[0]->done, 1);
    assert_int_equal(s->count, ATE__COMMITS_MAX); /* one out, one in */
    stage_free(s);
    for (unsigned i = 0; i < CALLS; i++) {
        assert_int_equal(call[i]->done, 1);
        stage_call_free(call[i]);
    }
    free(call);
}

/* Large ones: as many as fit, and one always does. */
static void test_bytes_under_way(void **state)
{
    (void)state;
    struct stage *s = stage_new(false, false);
    struct stage_call *call[4];
    uint8_t *large = calloc(1, ATE__TX_SIZE_MAX);
    stage_ready(s);
    for (unsigned i = 0; i < 4; i++) {
        s->room = 0;
        call[i] = stage_commit_call(s, i + 1, -1);
        call[i]->call.tx = ate__bytes(large, i == 3 ? 10 : 3 << 20);
    }
    stage_drained(s, SIZE_MAX);
    assert_int_equal(s->count, 2);
    uint32_t request = stage_commit(s).request;
    stage_say_rejected(s, request, ATE_DENIED, "no");
    stage_commit(s);
    assert_int_equal(s->count, 2);
    stage_free(s);
    for (unsigned i = 0; i < 4; i++)
        stage_call_free(call[i]);
    free(large);
}

/* ---- reads ---- */

static void test_get(void **state)
{
    (void)state;
    for (int lie = 0; lie < 4; lie++) {
        struct stage *s = stage_new(false, false);
        struct ate_id id = id_of(3);
        stage_ready(s);
        struct stage_call *call = stage_read_call(s, ATE__CALL_SYNC, -1);
        stage_say_got(s, stage_get(s).request, 5, 1);
        stage_done(call, 0);
        struct ate__head head = past_head(s->past, 4);
        call = calloc(1, sizeof *call);
        stage_pass(s, 1);
        s->room = 0;
        struct stage_call *get = stage_read_call(s, ATE__CALL_GET, -1);
        get->call.get =
            (struct ate__msg_get){.at = 4, .kind = ATE__GET_OBJECTS, .id_count = 1, .ids = id.b};
        get->call.at_root = head.root;
        if (lie == 2)
            get->call.at_root.b[0] ^= 1;
        stage_drained(s, SIZE_MAX);
        struct ate__msg_get m = stage_get(s);
        assert_int_equal(m.at, 4);
        assert_int_equal(m.known.size, 5);
        assert_memory_equal(m.ids, id.b, sizeof id.b);
        stage_say_got(s, m.request, lie == 1 ? 5 : 4, lie == 3 ? 2 : 4);
        if (lie == 1)
            stage_final(s, ATE_BAD_PEER, "the server answers at 5");
        else if (lie == 2)
            stage_final(s, ATE_FORKED, "another head of 4");
        assert_int_equal(s->newest.size, 5);
        if (lie == 0 || lie == 3) { /* where its proof starts is of no interest */
            struct ate__msg_got got;
            must(ate__msg_got_decode(ate__buf_bytes(&get->call.got), &got));
            assert_int_equal(get->call.head.size, 4);
        }
        stage_done(get, lie == 1 ? ATE_BAD_PEER : lie == 2 ? ATE_FORKED : 0);
        free(call);
        stage_free(s);
    }
}

static void test_head_lies(void **state)
{
    (void)state;
    struct stage *s = stage_new(false, false);
    struct past *fork = past_copy(s->past), *real = s->past;
    fork->time_us[1]++;
    must(ate__tx_leaf(&fork->tx[1], ATE__SHA256, 1, fork->time_us[1], &fork->leaf[1]));
    stage_ready(s);
    struct stage_call *call = stage_read_call(s, ATE__CALL_SYNC, -1);
    stage_say_got(s, stage_get(s).request, 3, 1);
    assert_int_equal(call->call.receipt.size, 3);
    assert_int_equal(call->call.receipt.sequence, 2);
    stage_done(call, 0);
    call = stage_read_call(s, ATE__CALL_SYNC, -1);
    uint32_t request = stage_get(s).request;
    s->past = fork;
    stage_say_got(s, request, 6, 3);
    s->past = real;
    stage_final(s, ATE_FORKED, "two histories");
    assert_int_equal(s->newest.size, 3);
    stage_done(call, ATE_FORKED);
    past_free(fork);
    stage_free(s);
}

/* ---- one that follows ---- */

static void test_follower_waits_for_groups(void **state)
{
    (void)state;
    struct stage *s = stage_new(true, false);
    stage_ready(s);
    struct stage_call *call = stage_commit_call(s, 2, -1),
                      *sync = stage_read_call(s, ATE__CALL_SYNC, -1);
    answer(s, sent(s, 2), 2, 4, 4);
    assert_int_equal(call->done, 0);
    assert_true(stage_quiet(s)); /* the sync waits for it */
    s->taken_in = 3;
    ate__client_reached(s->c, 3);
    assert_int_equal(call->done, 0);
    s->taken_in = 4;
    ate__client_reached(s->c, 4);
    assert_int_equal(call->call.receipt.sequence, 2);
    stage_done(call, 0);
    stage_say_got(s, stage_get(s).request, 6, 6); /* its turn came with the group */
    assert_int_equal(sync->done, 0);
    s->taken_in = 7;
    ate__client_reached(s->c, 7);
    assert_int_equal(sync->call.receipt.size, 6);
    stage_done(sync, 0);

    call = stage_commit_call(s, 3, -1); /* a repeat: all of it is there already */
    answer(s, sent(s, 3), 3, 7, 7);
    stage_done(call, 0);

    call = stage_commit_call(s, 8, 100); /* the groups do not come in time */
    answer(s, sent(s, 8), 8, 9, 9);
    stage_pass(s, 100);
    stage_done(call, ATE_UNKNOWN);

    call = stage_commit_call(s, 8, -1); /* they do not come over this link */
    answer(s, sent(s, 8), 8, 9, 9);
    stage_lose(s, ATE_OFFLINE);
    stage_ready_again(s);
    answer(s, sent(s, 8), 8, 9, 9);
    s->taken_in = 9;
    ate__client_reached(s->c, 9);
    stage_done(call, 0);
    stage_free(s);
}

/* What confirm() leaves open is asked once, and completes its own call alone. */
static void test_follower_confirms_later(void **state)
{
    (void)state;
    struct stage *s = stage_new(true, false);
    stage_ready(s);
    s->confirm_later = true;
    s->taken_in = 10;
    ate__client_reached(s->c, 10);
    struct stage_call *two = stage_commit_call(s, 2, -1), *three = stage_commit_call(s, 3, 100),
                      *sync = stage_read_call(s, ATE__CALL_SYNC, -1);
    answer(s, sent(s, 2), 2, 4, 4);
    answer(s, sent(s, 3), 3, 4, 4);
    ate__client_reached(s->c, 10);
    assert_int_equal(s->tickets, 2); /* not again */
    assert_int_equal(two->done + three->done, 0);
    assert_true(stage_quiet(s)); /* the sync waits for both */

    ate__client_confirmed(s->c, s->ticket[0], 0);
    assert_int_equal(three->done, 0);
    stage_done(two, 0);
    stage_pass(s, 100); /* it was given up */
    stage_done(three, ATE_UNKNOWN);
    ate__client_confirmed(s->c, s->ticket[1], ate__fail(ATE_TAMPERED, "it is not there"));
    ate__client_confirmed(s->c, s->ticket[0], ate__fail(ATE_TAMPERED, "it is not there"));
    assert_int_equal(s->finals, 0);
    stage_say_got(s, stage_get(s).request, 6, 6);
    assert_int_equal(s->tickets, 3);
    ate__client_confirmed(s->c, s->ticket[2], 0);
    stage_done(sync, 0);

    /* The link is lost: it is answered anew, and asked anew. */
    struct stage_call *four = stage_commit_call(s, 4, -1);
    answer(s, sent(s, 4), 4, 5, 5);
    stage_lose(s, ATE_OFFLINE);
    stage_ready_again(s);
    ate__client_confirmed(s->c, s->ticket[3], 0);
    assert_int_equal(four->done, 0);
    answer(s, sent(s, 4), 4, 5, 5);
    ate__client_confirmed(s->c, s->ticket[3], ATE_TAMPERED);
    assert_int_equal(four->done, 0);
    ate__client_confirmed(s->c, s->ticket[4], 0);
    stage_done(four, 0);

    /* A failure of this machine, then what the history contradicts. */
    struct stage_call *five = stage_commit_call(s, 5, -1), *seven = stage_commit_call(s, 7, -1);
    answer(s, sent(s, 5), 5, 6, 6);
    answer(s, sent(s, 7), 7, 8, 8);
    ate__client_confirmed(s->c, s->ticket[5], ate__fail(ATE_E_IO, "the disk failed"));
    assert_int_equal(s->finals, 0);
    stage_done(five, ATE_UNKNOWN);
    ate__client_confirmed(s->c, s->ticket[6], ate__fail(ATE_TAMPERED, "it is not there"));
    stage_final(s, ATE_TAMPERED, "it is not there");
    stage_done(seven, ATE_UNKNOWN);
    stage_free(s);
}

static void test_follower_disagrees(void **state)
{
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        struct stage *s = stage_new(true, false);
        stage_ready(s);
        struct stage_call *call = stage_commit_call(s, 2, -1);
        answer(s, sent(s, 2), 2, 3, 3);
        s->taken_in = 3;
        s->confirm_result = kind ? ATE_E_IO : ATE_TAMPERED;
        ate__client_reached(s->c, 3);
        if (kind)
            assert_int_equal(s->finals, 0);
        else
            stage_final(s, ATE_TAMPERED, "it is not there");
        stage_done(call, ATE_UNKNOWN);
        stage_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commit),
        cmocka_unit_test(test_in_order),
        cmocka_unit_test(test_lost),
        cmocka_unit_test(test_lies),
        cmocka_unit_test(test_two_histories),
        cmocka_unit_test(test_misplaced),
        cmocka_unit_test(test_answers_to_nothing),
        cmocka_unit_test(test_frames_by_chance),
        cmocka_unit_test(test_rejected),
        cmocka_unit_test(test_busy),
        cmocka_unit_test(test_offline_is_tried_again),
        cmocka_unit_test(test_deadlines),
        cmocka_unit_test(test_late_answers),
        cmocka_unit_test(test_credit),
        cmocka_unit_test(test_commits_under_way),
        cmocka_unit_test(test_bytes_under_way),
        cmocka_unit_test(test_get),
        cmocka_unit_test(test_head_lies),
        cmocka_unit_test(test_follower_waits_for_groups),
        cmocka_unit_test(test_follower_confirms_later),
        cmocka_unit_test(test_follower_disagrees),
    };
    return cmocka_run_group_tests(tests, NULL, past_end);
}
