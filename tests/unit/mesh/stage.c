/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "stage.h"
#include "base/alloc.h"
#include <stdlib.h>

/* ---- the link ---- */

static struct stage *stage_of_link(struct ate__link *l);

static int link_begin(struct ate__link *base, uint16_t type, uint32_t stream, struct ate__wr *ret_w)
{
    struct stage_link *l = (struct stage_link *)base;
    struct stage *s = stage_of_link(base);
    if (!l->open || l->closing)
        return ate__fail(ATE_OFFLINE, "not open");
    if (!s->room)
        return ate__fail(ATE_BUSY, "no credit");
    l->type = type;
    l->stream = stream;
    ate__buf_clear(&l->writing);
    *ret_w = ate__wr_of(&l->writing);
    return 0;
}

static int link_end(struct ate__link *base, struct ate__wr *w)
{
    struct stage_link *l = (struct stage_link *)base;
    struct stage *s = stage_of_link(base);
    int rc = ate__wr_end(w);
    if (rc)
        return rc;
    assert_true(s->count < STAGE_FRAMES);
    struct stage_frame *f = &s->frame[(s->first + s->count++) % STAGE_FRAMES];
    ate__buf_deinit(&f->body);
    *f = (struct stage_frame){.type = l->type, .stream = l->stream, .body = l->writing};
    l->writing = ATE__BUF_NULL;
    s->room--;
    return 0;
}

static size_t link_room(const struct ate__link *base)
{
    (void)base;
    return 1;
}

static void link_pause(struct ate__link *base, bool paused)
{
    ((struct stage_link *)base)->paused = paused;
}

static void link_close(struct ate__link *base, int result, const char *text)
{
    struct stage_link *l = (struct stage_link *)base;
    (void)text;
    assert_false(l->closing);
    l->closing = true;
    l->result = result;
}

static const struct ate__link_ops link_ops = {
    .begin = link_begin,
    .end = link_end,
    .room = link_room,
    .pause = link_pause,
    .close = link_close,
};

static struct stage *on_stage; /* tests are of one thread, with one stage */

static struct stage *stage_of_link(struct ate__link *l)
{
    (void)l;
    return on_stage;
}

void stage_connected(struct stage *s)
{
    assert_non_null(s->link);
    s->link->open = true;
    s->link->base.events->opened(s->link->base.owner);
}

void stage_lose(struct stage *s, int result)
{
    struct stage_link *l = s->link;
    assert_non_null(l);
    s->link = NULL;
    while (s->count) { /* what was not looked at is lost with it */
        s->first = (s->first + 1) % STAGE_FRAMES;
        s->count--;
    }
    l->open = false;
    l->base.events->closed(l->base.owner, result, "the link is lost");
    ate__buf_deinit(&l->writing);
    free(l);
}

void stage_turn(struct stage *s)
{
    if (s->link && s->link->closing)
        stage_lose(s, s->link->result);
}

void stage_drained(struct stage *s, size_t room)
{
    s->room = room;
    if (s->link && s->link->open)
        s->link->base.events->drained(s->link->base.owner);
}

void stage_pass(struct stage *s, uint64_t ms)
{
    for (uint64_t i = 0; i < ms; i++) {
        simenv_pass_ms(&s->sim, 1);
        for (unsigned n = 0; s->c && s->wake_ms <= ate__monotonic_ms(&s->sim.env); n++) {
            assert_true(n < 10); /* it does not spin */
            s->wake_ms = UINT64_MAX;
            ate__client_tick(s->c);
        }
    }
}

/* ---- the driver ---- */

static struct stage *stage_of(struct ate__client_driver *d)
{
    return ATE__CONTAINER(d, struct stage, driver);
}

static int drive_connect(struct ate__client_driver *d, const struct ate__link_events *events,
                         void *owner, struct ate__link **ret_link)
{
    struct stage *s = stage_of(d);
    s->connects++;
    if (s->connect_result)
        return ate__fail(s->connect_result, "no connection");
    assert_null(s->link);
    s->link = calloc(1, sizeof *s->link);
    assert_non_null(s->link);
    s->link->base = (struct ate__link){.ops = &link_ops, .events = events, .owner = owner};
    *ret_link = &s->link->base;
    return 0;
}

static void drive_wake_at(struct ate__client_driver *d, uint64_t due_ms)
{
    stage_of(d)->wake_ms = due_ms;
}

static int drive_opened(struct ate__client_driver *d, const struct ate__msg_opened *m)
{
    struct stage *s = stage_of(d);
    s->opens++;
    assert_memory_equal(&m->chain_id, &s->past->chain_id, sizeof m->chain_id);
    return s->opened_result ? ate__fail(s->opened_result, "this OPENED is no good") : 0;
}

static void drive_advanced(struct ate__client_driver *d, const struct ate__head *newest, bool firm)
{
    struct stage *s = stage_of(d);
    assert_true(newest->size >= s->newest.size);
    s->newest = *newest;
    s->firm = firm;
}

static int drive_destroyed(struct ate__client_driver *d, struct ate_bytes statement)
{
    (void)d;
    return ate__fail(ATE_NOT_FOUND, "destroyed: %.*s", (int)statement.size,
                     (const char *)statement.data);
}

static void drive_final(struct ate__client_driver *d, int result, const char *text)
{
    struct stage *s = stage_of(d);
    s->finals++;
    s->final_result = result;
    snprintf(s->final_text, sizeof s->final_text, "%s", text);
}

static bool drive_subscribe(struct ate__client_driver *d, struct ate__head *ret_head)
{
    struct stage *s = stage_of(d);
    if (s->subscribe_ready)
        *ret_head = s->taken_in ? past_head(s->past, s->taken_in) : (struct ate__head){0};
    return s->subscribe_ready;
}

static int drive_subscribed(struct ate__client_driver *d, const struct ate__msg_subscribed *m)
{
    struct stage *s = stage_of(d);
    (void)m;
    return s->subscribed_result ? ate__fail(s->subscribed_result, "another history") : 0;
}

static int drive_group(struct ate__client_driver *d, struct ate_bytes body)
{
    struct stage *s = stage_of(d);
    (void)body;
    s->groups++;
    return s->group_result ? ate__fail(s->group_result, "this group is no good") : 0;
}

static int drive_confirm(struct ate__client_driver *d, const struct ate__call *call)
{
    struct stage *s = stage_of(d);
    assert_true(call->receipt.size <= s->taken_in);
    if (s->confirm_later) {
        assert_true(call->ticket && s->tickets < ATE__COUNT_OF(s->ticket));
        s->ticket[s->tickets++] = call->ticket;
        return ATE_END;
    }
    return s->confirm_result ? ate__fail(s->confirm_result, "it is not there") : 0;
}

static void drive_lost(struct ate__client_driver *d)
{
    stage_of(d)->losts++;
}

/* ---- life ---- */

struct stage *stage_new(bool follows, bool creates)
{
    struct ate__auth everyone = auth_write(ATE__RULE_EVERYONE);
    struct stage *s = calloc(1, sizeof *s);
    assert_non_null(s);
    on_stage = s;
    simenv_init(&s->sim, 7, NULL);
    s->past = past_new(&everyone);
    for (unsigned i = 1; i <= 10; i++)
        past_create(s->past, -1, i, 0, NULL, "x");
    s->driver = (struct ate__client_driver){.connect = drive_connect,
                                            .wake_at = drive_wake_at,
                                            .opened = drive_opened,
                                            .advanced = drive_advanced,
                                            .destroyed = drive_destroyed,
                                            .final = drive_final};
    if (follows) {
        s->driver.advanced = NULL;
        s->driver.subscribe = drive_subscribe;
        s->driver.subscribed = drive_subscribed;
        s->driver.group = drive_group;
        s->driver.confirm = drive_confirm;
        s->driver.lost = drive_lost;
    }
    s->conf = (struct ate__client_conf){.env = &s->sim.env,
                                        .path = ate__text_bytes("/past"),
                                        .peer = "server:5000",
                                        .patience_ms = 1000};
    if (creates)
        s->conf.genesis = ate__buf_bytes(&s->past->record[0]);
    s->wake_ms = UINT64_MAX;
    s->room = SIZE_MAX;
    s->subscribe_ready = true;
    must(ate__client_new(&s->conf, &s->driver, &s->c));
    return s;
}

void stage_free(struct stage *s)
{
    if (s->c)
        ate__client_end(s->c);
    s->c = NULL;
    stage_turn(s);
    assert_null(s->link);
    for (size_t i = 0; i < STAGE_FRAMES; i++)
        ate__buf_deinit(&s->frame[i].body);
    past_free(s->past);
    simenv_deinit(&s->sim);
    free(s);
    on_stage = NULL;
}

void stage_final(struct stage *s, int result, const char *sentence)
{
    assert_int_equal(s->finals, 1);
    if (s->final_result != result)
        fail_msg("%s: %s", ate__result_name(s->final_result), s->final_text);
    if (sentence && !strstr(s->final_text, sentence))
        fail_msg("\"%s\" says nothing of \"%s\"", s->final_text, sentence);
    stage_turn(s);
    unsigned connects = s->connects;
    stage_pass(s, 20000);
    assert_int_equal(s->connects, connects);
    assert_null(s->link);
}

/* ---- what the client sent ---- */

bool stage_quiet(struct stage *s)
{
    return !s->count;
}

struct stage_frame *stage_next(struct stage *s, unsigned type)
{
    if (!s->count)
        fail_msg("%s was not sent", ate__message_name(type));
    struct stage_frame *f = &s->frame[s->first];
    if (f->type != type)
        fail_msg("%s was sent, not %s", ate__message_name(f->type), ate__message_name(type));
    s->first = (s->first + 1) % STAGE_FRAMES;
    s->count--;
    return f;
}

struct ate__msg_commit stage_commit(struct stage *s)
{
    struct ate__msg_commit m;
    must(ate__msg_commit_decode(ate__buf_bytes(&stage_next(s, ATE__MSG_COMMIT)->body), &m));
    return m;
}

struct ate__msg_get stage_get(struct stage *s)
{
    struct ate__msg_get m;
    must(ate__msg_get_decode(ate__buf_bytes(&stage_next(s, ATE__MSG_GET)->body), &m));
    return m;
}

/* ---- what the server says ---- */

void stage_say(struct stage *s, uint16_t type, uint32_t stream, struct ate_bytes body)
{
    struct ate__net_frame f = {.type = type, .stream = stream, .body = body};
    assert_non_null(s->link);
    if (!s->link->closing) /* link.h: no frame() comes any more */
        s->link->base.events->frame(s->link->base.owner, &f);
}

#define SAY(name, type_name)                                                                       \
    static void say_##name(struct stage *s, uint32_t stream, const struct ate__msg_##name *m)      \
    {                                                                                              \
        struct ate__buf body = ATE__BUF_NULL;                                                      \
        struct ate__wr w = ate__wr_of(&body);                                                      \
        ate__msg_##name##_encode(&w, m);                                                           \
        must(ate__wr_end(&w));                                                                     \
        stage_say(s, ATE__MSG_##type_name, stream, ate__buf_bytes(&body));                         \
        ate__buf_deinit(&body);                                                                    \
    }
SAY(opened, OPENED)
SAY(committed, COMMITTED)
SAY(rejected, REJECTED)
SAY(subscribed, SUBSCRIBED)

static uint32_t stream_of(const struct stage *s)
{
    const struct stage_frame *last =
        &s->frame[(s->first + s->count + STAGE_FRAMES - 1) % STAGE_FRAMES];
    return last->stream;
}

void stage_say_error(struct stage *s, int result, const char *text)
{
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&body);
    ate__net_error_encode(&w, result, text);
    stage_say(s, ATE__NET_ERROR, stream_of(s), ate__buf_bytes(&body));
    ate__buf_deinit(&body);
}

struct ate__msg_opened stage_opened_at(struct stage *s, uint64_t size)
{
    return (struct ate__msg_opened){.chain_id = s->past->chain_id,
                                    .head = past_head(s->past, size),
                                    .genesis_time_us = s->past->time_us[0],
                                    .inclusion = past_inclusion(s->past, 0, size),
                                    .genesis = ate__buf_bytes(&s->past->record[0])};
}

void stage_say_opened(struct stage *s, const struct ate__msg_opened *m)
{
    say_opened(s, stream_of(s), m);
}

struct ate__msg_committed stage_committed_at(struct stage *s, uint32_t request, uint64_t sequence,
                                             uint64_t size, uint64_t known_size)
{
    struct ate__head head = past_head(s->past, size);
    return (struct ate__msg_committed){
        .request = request,
        .receipt = {.sequence = sequence,
                    .root_time_us = s->past->time_us[sequence],
                    .size = size,
                    .head = head.root,
                    .stage = ATE__DURABLE},
        .known_size = known_size,
        .inclusion = past_inclusion(s->past, sequence, size),
        .consistency = past_consistency(s->past, known_size, size),
    };
}

void stage_say_committed(struct stage *s, const struct ate__msg_committed *m)
{
    say_committed(s, stream_of(s), m);
}

void stage_say_rejected(struct stage *s, uint32_t request, int result, const char *text)
{
    struct ate__msg_rejected m = {
        .request = request, .result = result, .text = ate__text_bytes(text)};
    m.verdict.conflict_count = 1;
    m.verdict.conflicts[0] = (struct ate__conflict){id_of(5), ATE_CONFLICT, 3};
    say_rejected(s, stream_of(s), &m);
}

void stage_say_got(struct stage *s, uint32_t request, uint64_t size, uint64_t known_size)
{
    static struct past_answer answer;
    struct ate__msg_get get = {.kind = ATE__GET_HEAD};
    struct ate__buf body = ATE__BUF_NULL;
    past_answer_get(s->past, &get, size, &answer);
    past_answer_encode(&answer, request, known_size, &body);
    stage_say(s, ATE__MSG_GOT, stream_of(s), ate__buf_bytes(&body));
    past_answer_free(&answer);
    ate__buf_deinit(&body);
}

void stage_say_subscribed(struct stage *s, uint64_t size)
{
    say_subscribed(s, stream_of(s),
                   &(struct ate__msg_subscribed){.head = past_head(s->past, size)});
}

static void open_at(struct stage *s, uint64_t size)
{
    struct ate__msg_opened m = stage_opened_at(s, size);
    stage_connected(s);
    stage_next(s, ATE__MSG_OPEN);
    stage_say_opened(s, &m);
}

void stage_ready(struct stage *s)
{
    ate__client_start(s->c);
    open_at(s, 1);
    ate__client_admit(s->c, ATE__SHA256);
    if (s->driver.subscribe) {
        stage_next(s, ATE__MSG_SUBSCRIBE);
        stage_say_subscribed(s, 1);
    }
}

void stage_ready_again(struct stage *s)
{
    uint64_t size = s->newest.size > 1 ? s->newest.size : 1;
    for (unsigned i = 0; i < 20000 && !s->link; i++)
        stage_pass(s, 1);
    open_at(s, size);
    if (s->driver.subscribe) {
        stage_next(s, ATE__MSG_SUBSCRIBE);
        stage_say_subscribed(s, size);
    }
}

/* ---- calls ---- */

static void on_done(struct ate__call *call)
{
    struct stage_call *c = ATE__CONTAINER(call, struct stage_call, call);
    c->done++;
    if (c->then)
        c->then(c);
}

static struct stage_call *new_call(struct stage *s, enum ate__call_kind kind, int64_t timeout_ms)
{
    struct stage_call *c = calloc(1, sizeof *c);
    assert_non_null(c);
    c->stage = s;
    c->call.kind = kind;
    c->call.done = on_done;
    c->call.deadline_ms =
        timeout_ms < 0 ? UINT64_MAX : ate__monotonic_ms(&s->sim.env) + (uint64_t)timeout_ms;
    return c;
}

struct stage_call *stage_commit_call(struct stage *s, uint64_t sequence, int64_t timeout_ms)
{
    struct stage_call *c = new_call(s, ATE__CALL_COMMIT, timeout_ms);
    const struct ate__tx *tx = &s->past->tx[sequence];
    c->sequence = sequence;
    c->call.tx = tx->encoded;
    c->call.tx_hash = tx->hash;
    c->call.signature_section = tx->signature_section;
    c->call.id = tx->id;
    ate__client_submit(s->c, &c->call);
    return c;
}

struct stage_call *stage_read_call(struct stage *s, enum ate__call_kind kind, int64_t timeout_ms)
{
    struct stage_call *c = new_call(s, kind, timeout_ms);
    c->call.id = s->past->tx[1].id;
    ate__client_submit(s->c, &c->call);
    return c;
}

void stage_call_free(struct stage_call *c)
{
    ate__buf_deinit(&c->call.got);
    free(c);
}

void stage_done_(struct stage_call *c, int expected, int line)
{
    if (c->done != 1)
        fail_msg("line %d: done %u times", line, c->done);
    if (c->call.result != expected)
        fail_msg("line %d: %s (%s), expected %s", line, ate__result_name(c->call.result),
                 c->call.text, ate__result_name(expected));
    stage_call_free(c);
}
