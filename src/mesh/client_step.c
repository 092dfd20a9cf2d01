/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * client_step.c: links and states of a client. client_calls.c has its calls.
 */
#include "base/alloc.h"
#include "base/text.h"
#include "mesh/client_private.h"
#include <stdio.h>

enum { STREAM_FIRST = 1, EXTRA_MS = 1000 /* a link that was good so long is no failure */ };

/* ---- in and out ---- */

void ate__client_enter(struct ate__client *c)
{
    c->depth++;
}

static void client_free(struct ate__client *c)
{
    ate__map_deinit(&c->unsure);
    ate__free(c);
}

void ate__client_leave(struct ate__client *c)
{
    while (c->depth == 1 && c->finished.first) {
        struct ate__call *call = c->finished.first;
        ate__calls_remove(&c->finished, call);
        call->done(call);
    }
    if (!--c->depth && c->ended && !c->link)
        client_free(c);
}

void ate__client_wake(struct ate__client *c, uint64_t due_ms)
{
    if (due_ms >= c->wake_ms || c->ended)
        return;
    c->wake_ms = due_ms;
    c->driver->wake_at(c->driver, due_ms);
}

static void close_link(struct ate__client *c, int result, const char *text)
{
    if (!c->link || c->closing)
        return;
    c->closing = true;
    ate__link_close(c->link, result, text);
}

static void end_all(struct ate__client *c, int result, const char *text)
{
    c->state = ATE__CLIENT_FINAL;
    c->final_result = result;
    snprintf(c->final_text, sizeof c->final_text, "%s", text);
    ate__calls_fail_all(c, result, c->final_text);
    close_link(c, result > 0 ? result : ATE_CANCELED, result > 0 ? c->final_text : NULL);
    c->driver->final(c->driver, c->final_result, c->final_text);
}

void ate__client_final(struct ate__client *c, int result, const char *text)
{
    bool forked = result == ATE_FORKED || result == ATE_ROLLED_BACK;
    if (c->state >= ATE__CLIENT_CONDEMNED || c->ended)
        return;
    if (forked && c->driver->forked && c->driver->forked(c->driver, result, text)) {
        c->state = ATE__CLIENT_CONDEMNED;
        close_link(c, result, text);
        return;
    }
    end_all(c, result, text);
}

void ate__client_condemned(struct ate__client *c, int result, const char *text)
{
    ate__client_enter(c);
    if (c->state == ATE__CLIENT_CONDEMNED && !c->ended)
        end_all(c, result, text);
    ate__client_leave(c);
}

void ate__client_drop_link(struct ate__client *c, int result)
{
    if (c->closing)
        return;
    c->drop_result = result;
    snprintf(c->drop_text, sizeof c->drop_text, "%s", ate__error_text());
    close_link(c, ATE_CANCELED, NULL);
}

/* A result of the driver or of a check: 0; short of memory, the link is taken up again; all else
 * is final. */
static void judge(struct ate__client *c, int rc)
{
    if (rc == ATE_E_MEMORY)
        ate__client_drop_link(c, rc);
    else if (rc)
        ate__client_final(c, rc, ate__error_text());
}

static int bad_peer(const struct ate__client *c, const char *what)
{
    return ate__fail(ATE_BAD_PEER, "%s: %s", c->conf.peer, what);
}

/* ---- sending what begins a stream ---- */

static int begin_frame(struct ate__client *c, enum ate__message type, struct ate__wr *ret_w)
{
    return ate__link_begin(c->link, (uint16_t)type, c->stream, ret_w);
}

/* Nothing else is in the queue of a link that has just opened, so what fails is memory. */
static void sent_first(struct ate__client *c, int rc)
{
    if (rc)
        ate__client_drop_link(c, rc);
}

static void begin_stream(struct ate__client *c)
{
    c->challenged = c->proving = c->reading = false;
    c->proved.count = 0;
    c->stream++;
}

static void send_open(struct ate__client *c)
{
    struct ate__wr w;
    c->state = ATE__CLIENT_OPENING;
    begin_stream(c);
    int rc = begin_frame(c, ATE__MSG_OPEN, &w);
    if (!rc) {
        ate__msg_open_encode(&w, &(struct ate__msg_open){.path = c->conf.path});
        rc = ate__link_end(c->link, &w);
    }
    sent_first(c, rc);
}

static void send_create(struct ate__client *c)
{
    struct ate__wr w;
    c->state = ATE__CLIENT_CREATING;
    begin_stream(c);
    int rc = begin_frame(c, ATE__MSG_CREATE, &w);
    if (!rc) {
        ate__msg_create_encode(
            &w, &(struct ate__msg_create){.path = c->conf.path, .genesis = c->conf.genesis});
        rc = ate__link_end(c->link, &w);
    }
    c->create_sent = true;
    sent_first(c, rc);
}

static void send_notes(struct ate__client *c)
{
    struct ate__wr w;
    int rc = begin_frame(c, ATE__MSG_NOTES, &w);
    if (!rc) {
        ate__msg_notes_encode(&w, &(struct ate__msg_notes){c->conf.note_ms});
        rc = ate__link_end(c->link, &w);
    }
    sent_first(c, rc);
}

static void ready(struct ate__client *c)
{
    c->state = ATE__CLIENT_READY;
    c->ready_ms = ate__client_now(c);
    if (c->conf.notes)
        send_notes(c);
    ate__calls_pump(c);
}

static void send_subscribe(struct ate__client *c, const struct ate__head *from)
{
    struct ate__wr w;
    c->state = ATE__CLIENT_SUBSCRIBING;
    int rc = begin_frame(c, ATE__MSG_SUBSCRIBE, &w);
    if (!rc) {
        ate__msg_subscribe_encode(&w, &(struct ate__msg_subscribe){.head = *from});
        rc = ate__link_end(c->link, &w);
    }
    sent_first(c, rc);
}

/* Up to the next answer that is waited for, or the end of the keys. */
static int answer_challenge(struct ate__client *c)
{
    struct ate__client_said said;
    if (!c->link->encrypted || !c->driver->possess)
        return bad_peer(c, "CHALLENGE where nothing can be proved");
    c->ask.of.channel = c->link->channel;
    do {
        ate__cleanup(ate__buf_wipe) struct ate__buf body = ATE__BUF_NULL;
        struct ate__wr w = ate__wr_of(&body);
        int rc = c->driver->possess(c->driver, &c->ask, &w, &said);
        c->proving = !rc;
        if (rc)
            return rc == ATE_END ? 0 : rc;
        rc = ate__wr_end(&w);
        if (rc)
            return rc;
        struct ate_bytes part = ate__buf_bytes(&body);
        if (said.type == ATE__MSG_POSSESSION)
            ate__keys_note(c, part);
        sent_first(c, ate__link_send(c->link, (uint16_t)said.type, c->stream, &part, 1));
        c->reading = said.type == ATE__MSG_READERS;
        c->ask.sealed = ate__bytes(NULL, 0);
        c->ask.at += !c->reading;
        c->proving = c->reading || said.more;
    } while (!c->closing && c->proving && !c->reading);
    return 0;
}

static void go_on(struct ate__client *c)
{
    struct ate__head from;
    if (c->state != ATE__CLIENT_OPENED || !c->admitted || c->reading)
        return;
    if (c->proving) { /* and not before it is known to be the chain that is wanted */
        c->ask.of.chain_id = c->conf.chain;
        judge(c, answer_challenge(c));
    }
    if (c->closing || c->ended || c->state != ATE__CLIENT_OPENED || c->reading)
        return;
    if (!ate__client_follows(c))
        ready(c);
    else if (c->driver->subscribe(c->driver, &from))
        send_subscribe(c, &from);
}

/* ---- frames that begin a stream ---- */

/* A head as OPENED claims it, against what was verified before. */
static int check_opened_head(struct ate__client *c, const struct ate__head *base,
                             const struct ate__head *head)
{
    if (head->size < base->size)
        return ate__fail(
            ATE_ROLLED_BACK, "%s: the server shows %llu transactions; %llu were seen there before",
            c->conf.peer, (unsigned long long)head->size, (unsigned long long)base->size);
    if (head->size == base->size && !ate__hash_equal(&head->root, &base->root))
        return ate__fail(ATE_FORKED,
                         "%s: another history of %llu transactions than was seen before",
                         c->conf.peer, (unsigned long long)head->size);
    return 0;
}

static struct ate_hash our_chain(const struct ate__client *c)
{
    struct ate__rd r = ate__rd_of(c->conf.genesis); /* u8 version, chain id: event/tx.h */
    (void)ate__rd_u8(&r);
    return ate__rd_hash(&r); /* zeros if there is none */
}

static int on_opened(struct ate__client *c, struct ate_bytes body)
{
    struct ate__msg_opened m;
    if (c->state != ATE__CLIENT_OPENING && c->state != ATE__CLIENT_CREATING)
        return bad_peer(c, "OPENED without a question");
    int rc = ate__client_decoded(c, ate__msg_opened_decode(body, &m));
    if (rc)
        return rc;
    struct ate__head base = c->weak ? c->firm : c->newest;
    if (!ate__client_follows(c))
        rc = check_opened_head(c, &base, &m.head);
    if (!rc)
        rc = ate__client_decoded(c, c->driver->opened(c->driver, &m));
    if (rc || c->ended || c->state >= ATE__CLIENT_CONDEMNED)
        return rc;
    struct ate_hash ours = our_chain(c);
    if (c->create_sent && !c->reached_once && ate__hash_equal(&ours, &m.chain_id))
        c->created = true;
    c->state = ATE__CLIENT_OPENED;
    c->reached_once = c->conf.has_chain = true;
    c->conf.chain = m.chain_id;
    c->refusals = 0;
    c->weak = m.weak_sync;
    c->newest = base.size ? base : m.head;
    ate__calls_mark_reached(c);
    go_on(c);
    return 0;
}

void ate__client_want_notes(struct ate__client *c)
{
    c->conf.notes = true;
}

static void send_close(struct ate__client *c)
{
    sent_first(c, ate__link_send(c->link, ATE__MSG_CLOSE, c->stream, NULL, 0));
}

/* The server says nothing before a key is proved: for the chain that is expected there, or that is
 * created. Who expects none asks for his own to be created, and learns of the one that is there. */
static int answer_unseen(struct ate__client *c)
{
    c->ask.first = true;
    if (c->state == ATE__CLIENT_CREATING) {
        c->ask.of.chain_id = our_chain(c);
    } else if (c->conf.has_chain) {
        c->ask.of.chain_id = c->conf.chain;
    } else if (c->conf.genesis.size) {
        send_close(c);
        if (!c->closing)
            send_create(c);
        return 0;
    } else {
        return ate__fail(ATE_NO_ACCESS,
                         "%s: it shows a chain only to those who prove a key for it, and nothing "
                         "says which chain is meant; an address with chain= does",
                         c->conf.peer);
    }
    return answer_challenge(c);
}

/* Comes in front of OPENED, which says for which chain it is answered; or first of all. */
static int on_challenge(struct ate__client *c, struct ate_bytes body)
{
    struct ate__msg_challenge m;
    if ((c->state != ATE__CLIENT_OPENING && c->state != ATE__CLIENT_CREATING) || c->challenged)
        return bad_peer(c, "CHALLENGE without a question");
    int rc = ate__client_decoded(c, ate__msg_challenge_decode(body, &m));
    if (rc)
        return rc;
    c->challenged = c->proving = true;
    c->ask = (struct ate__client_ask){.of.nonce = m.nonce};
    return m.first ? answer_unseen(c) : 0;
}

static int on_sealed(struct ate__client *c, struct ate_bytes body)
{
    struct ate__msg_sealed m;
    if (!c->reading)
        return bad_peer(c, "SEALED without a question");
    int rc = ate__client_decoded(c, ate__msg_sealed_decode(body, &m));
    c->ask.sealed = m.sealed;
    if (!rc)
        rc = answer_challenge(c);
    if (!rc)
        go_on(c);
    return rc;
}

static int on_exists(struct ate__client *c, struct ate_bytes body)
{
    struct ate__msg_exists m;
    if (c->state != ATE__CLIENT_CREATING)
        return bad_peer(c, "EXISTS without a question");
    int rc = ate__client_decoded(c, ate__msg_exists_decode(body, &m));
    if (rc)
        return rc;
    c->exists = true;
    if (!c->conf.has_chain)
        c->conf.chain = m.chain_id;
    c->conf.has_chain = true;
    send_open(c);
    return 0;
}

static int on_subscribed(struct ate__client *c, struct ate_bytes body)
{
    struct ate__msg_subscribed m;
    if (c->state != ATE__CLIENT_SUBSCRIBING)
        return bad_peer(c, "SUBSCRIBED without a question");
    int rc = ate__client_decoded(c, ate__msg_subscribed_decode(body, &m));
    if (!rc)
        rc = c->driver->subscribed(c->driver, &m);
    if (!rc && !c->ended && c->state == ATE__CLIENT_SUBSCRIBING)
        ready(c);
    return rc;
}

static int on_resync(struct ate__client *c, struct ate_bytes body)
{
    struct ate__msg_resync m;
    if (c->state != ATE__CLIENT_SUBSCRIBING || !c->driver->resync)
        return bad_peer(c, "RESYNC without a question");
    int rc = ate__client_decoded(c, ate__msg_resync_decode(body, &m));
    if (!rc)
        rc = c->driver->resync(c->driver, &m);
    if (!rc && !c->ended && c->state == ATE__CLIENT_SUBSCRIBING)
        ready(c);
    return rc;
}

static int on_note(struct ate__client *c, struct ate_bytes body)
{
    struct ate__msg_note m;
    if (!c->conf.notes)
        return bad_peer(c, "NOTE without a question");
    int rc = ate__client_decoded(c, ate__msg_note_decode(body, &m));
    return rc ? rc : ate__client_decoded(c, c->driver->note(c->driver, &m));
}

/* Of a chain that is destroyed it ends the stream. */
static int on_destroyed(struct ate__client *c, struct ate_bytes body)
{
    struct ate__msg_destroyed m;
    int rc = ate__client_decoded(c, ate__msg_destroyed_decode(body, &m));
    if (!rc && m.request && c->state != ATE__CLIENT_READY)
        rc = bad_peer(c, "DESTROYED without a question");
    if (!rc)
        rc = ate__calls_destroyed(c, &m, body);
    return rc || m.request ? rc : c->driver->destroyed(c->driver, m.statement);
}

/* What a server may say without meaning it for good. */
static bool passes(int result)
{
    switch (result) {
    case ATE_END:
    case ATE_OFFLINE:
    case ATE_TIMEOUT:
    case ATE_BUSY:
    case ATE_IN_USE:
    case ATE_UNKNOWN:
    case ATE_CANCELED: return true;
    default: return result < 0;
    }
}

/* A member may be refused because the server has not opened the chain yet, which goes on. */
static bool asks_again(struct ate__client *c)
{
    bool known = c->reached_once || c->newest.size;
    return c->state <= ATE__CLIENT_CREATING && c->challenged && c->ask.first &&
           ++c->refusals < (known ? ATE__ACCESS_TRIES_AGAIN : ATE__ACCESS_TRIES);
}

/* ERROR ends the stream. */
static int on_error(struct ate__client *c, struct ate_bytes body)
{
    char text[ATE__ERROR_SIZE];
    int result;
    int rc = ate__net_error_decode(body, &result, text);
    if (rc)
        return ate__context(rc, "%s", c->conf.peer);
    rc = ate__fail(result, "%s: %s", c->conf.peer, text);
    uint64_t seen = c->weak ? c->firm.size : c->newest.size;
    if (result == ATE_NOT_FOUND && c->state == ATE__CLIENT_OPENING && seen)
        return ate__fail(ATE_ROLLED_BACK,
                         "%s: it has no such chain; %llu transactions were seen there before, and "
                         "nothing shows that its owner destroyed it (%s)",
                         c->conf.peer, (unsigned long long)seen, text);
    if (result == ATE_NOT_FOUND && c->state == ATE__CLIENT_OPENING && c->conf.genesis.size &&
        !c->reached_once && !c->exists) {
        send_create(c);
        return 0;
    }
    if (result == ATE_NO_ACCESS && asks_again(c)) {
        c->asks_again = true;
        ate__client_drop_link(c, result);
        return 0;
    }
    if (passes(result) && (c->reached_once || result == ATE_OFFLINE)) {
        ate__client_drop_link(c, result);
        return 0;
    }
    return rc;
}

/* ---- events of the link ---- */

static void on_link_opened(void *owner)
{
    struct ate__client *c = owner;
    if (c->ended || c->closing)
        return;
    ate__client_enter(c);
    c->stream = STREAM_FIRST - 1;
    send_open(c);
    ate__client_leave(c);
}

static int take_frame(struct ate__client *c, const struct ate__net_frame *frame)
{
    if (frame->stream != c->stream)
        return bad_peer(c, "a frame of a stream that was not begun");
    switch (frame->type) {
    case ATE__NET_ERROR: return on_error(c, frame->body);
    case ATE__MSG_OPENED: return on_opened(c, frame->body);
    case ATE__MSG_CHALLENGE: return on_challenge(c, frame->body);
    case ATE__MSG_SEALED: return on_sealed(c, frame->body);
    case ATE__MSG_EXISTS: return on_exists(c, frame->body);
    case ATE__MSG_SUBSCRIBED: return on_subscribed(c, frame->body);
    case ATE__MSG_RESYNC: return on_resync(c, frame->body);
    case ATE__MSG_DESTROYED: return on_destroyed(c, frame->body);
    default: break;
    }
    if (c->state != ATE__CLIENT_READY)
        return bad_peer(c, "a frame that is not due yet");
    c->failures = 0;
    switch (frame->type) {
    case ATE__MSG_COMMITTED: return ate__calls_committed(c, frame->body);
    case ATE__MSG_GOT: return ate__calls_got(c, frame->body);
    case ATE__MSG_PROVEN: return ate__calls_proven(c, frame->body);
    case ATE__MSG_SIGNED: return ate__calls_signed(c, frame->body);
    case ATE__MSG_REJECTED: return ate__calls_rejected(c, frame->body);
    case ATE__MSG_NOTE: return on_note(c, frame->body);
    case ATE__MSG_GROUP:
        if (ate__client_follows(c))
            return c->driver->group(c->driver, frame->body);
        break;
    case ATE__MSG_LEAVES:
    case ATE__MSG_KEPT:
        if (c->driver->remains)
            return c->driver->remains(c->driver, frame->type, frame->body);
        break;
    default: break;
    }
    return ate__fail(ATE_BAD_PEER, "%s: %s (type %u), which a client is never sent", c->conf.peer,
                     ate__message_name(frame->type), frame->type);
}

static void on_frame(void *owner, const struct ate__net_frame *frame)
{
    struct ate__client *c = owner;
    if (c->ended || c->closing)
        return;
    ate__client_enter(c);
    judge(c, take_frame(c, frame));
    ate__calls_pump(c);
    ate__client_leave(c);
}

static void on_drained(void *owner)
{
    struct ate__client *c = owner;
    ate__client_enter(c);
    ate__calls_pump(c);
    ate__client_leave(c);
}

/* Half of the back-off is certain, half is drawn, so that clients that were cut off together do
 * not come back together. */
static uint64_t back_off_ms(struct ate__client *c)
{
    uint64_t ms = ATE__BACK_OFF_MIN_MS, drawn;
    for (uint32_t i = 1; i < c->failures && ms < ATE__BACK_OFF_MAX_MS; i++)
        ms *= 2;
    ms = ms < ATE__BACK_OFF_MAX_MS ? ms : ATE__BACK_OFF_MAX_MS;
    ate__random(c->conf.env, &drawn, sizeof drawn);
    return ms / 2 + drawn % (ms / 2 + 1);
}

/* There is no link any more, or none could be had. */
static void lost(struct ate__client *c, int result, const char *text)
{
    uint64_t now = ate__client_now(c);
    bool was_good = c->state == ATE__CLIENT_READY && now - c->ready_ms >= EXTRA_MS;
    snprintf(c->lost_text, sizeof c->lost_text, "%s", text ? text : "");
    ate__calls_unsend(c);
    if (c->driver->lost && c->state > ATE__CLIENT_OPENED)
        c->driver->lost(c->driver);
    bool again = c->asks_again;
    c->asks_again = false;
    if (!passes(result) && !again) {
        ate__client_final(c, result, c->lost_text);
        return;
    }
    c->failures = was_good ? 1 : c->failures + 1;
    c->state = ATE__CLIENT_WAITING;
    if (!c->reached_once && !again && now - c->started_ms >= c->conf.patience_ms) {
        bool ended = result == ATE_END || result == ATE_CANCELED;
        ate__client_final(c, ended ? ATE_OFFLINE : result, c->lost_text);
        return;
    }
    c->retry_ms = now + back_off_ms(c);
    ate__client_wake(c, c->retry_ms);
}

static void on_closed(void *owner, int result, const char *text)
{
    struct ate__client *c = owner;
    ate__client_enter(c);
    bool dropped = c->closing;
    c->link = NULL;
    c->closing = false;
    if (!c->ended && c->state < ATE__CLIENT_CONDEMNED)
        lost(c, dropped ? c->drop_result : result, dropped ? c->drop_text : text);
    ate__client_leave(c);
}

static const struct ate__link_events link_events = {
    .opened = on_link_opened,
    .frame = on_frame,
    .drained = on_drained,
    .closed = on_closed,
};

static void connect_now(struct ate__client *c)
{
    c->state = ATE__CLIENT_CONNECTING;
    int rc = c->driver->connect(c->driver, &link_events, c, &c->link);
    if (rc) {
        c->link = NULL;
        lost(c, rc, ate__error_text());
    }
}

/* ---- the owner's calls ---- */

int ate__client_new(const struct ate__client_conf *conf, struct ate__client_driver *driver,
                    struct ate__client **ret_client)
{
    struct ate__client *c = ate__alloc(sizeof *c);
    uint64_t seed[2];
    if (!c)
        return ate__no_memory();
    c->conf = *conf;
    c->driver = driver;
    c->newest = c->firm = conf->remembered;
    c->wake_ms = UINT64_MAX;
    ate__random(conf->env, seed, sizeof seed);
    ate__map_init(&c->unsure, sizeof(struct ate__txn_id), seed);
    ate__calls_init(&c->commits);
    ate__calls_init(&c->reads);
    ate__calls_init(&c->finished);
    *ret_client = c;
    return 0;
}

void ate__client_start(struct ate__client *c)
{
    ate__assert(c->state == ATE__CLIENT_IDLE);
    ate__client_enter(c);
    c->started_ms = ate__client_now(c);
    connect_now(c);
    ate__client_leave(c);
}

void ate__client_admit(struct ate__client *c, enum ate__hash_alg alg)
{
    ate__client_enter(c);
    c->admitted = true;
    c->conf.alg = alg;
    if (!ate__client_follows(c) && c->newest.size) {
        if (!c->weak)
            c->firm = c->newest;
        c->driver->advanced(c->driver, &c->newest, !c->weak);
    }
    go_on(c);
    ate__client_leave(c);
}

void ate__client_go_on(struct ate__client *c)
{
    ate__client_enter(c);
    go_on(c);
    ate__client_leave(c);
}

void ate__client_tick(struct ate__client *c)
{
    uint64_t now = ate__client_now(c), next;
    ate__client_enter(c);
    c->wake_ms = UINT64_MAX;
    ate__calls_expire(c, now, &next);
    if (c->state == ATE__CLIENT_WAITING) {
        if (now >= c->retry_ms)
            connect_now(c);
        else
            next = next < c->retry_ms ? next : c->retry_ms;
    }
    ate__calls_pump(c);
    ate__client_wake(c, next);
    ate__client_leave(c);
}

void ate__client_reached(struct ate__client *c, uint64_t size)
{
    ate__client_enter(c);
    c->taken_in = size;
    ate__calls_settle(c);
    ate__calls_pump(c); /* a SYNC that waited for what has its answer now */
    ate__client_leave(c);
}

void ate__client_confirmed(struct ate__client *c, uint64_t ticket, int result)
{
    ate__client_enter(c);
    ate__calls_confirmed(c, ticket, result);
    ate__calls_pump(c);
    ate__client_leave(c);
}

void ate__client_pause(struct ate__client *c, bool paused)
{
    if (c->link && !c->closing && !c->ended)
        ate__link_pause(c->link, paused);
}

void ate__client_fail(struct ate__client *c, int result, const char *text)
{
    ate__client_enter(c);
    ate__error_set(text);
    if (result == ATE_E_MEMORY)
        ate__client_drop_link(c, result);
    else
        ate__client_final(c, result, text);
    ate__client_leave(c);
}

void ate__client_no_room(struct ate__client *c, const char *text)
{
    ate__client_enter(c);
    ate__error_set(text);
    ate__calls_fail_all(c, ATE_E_NO_SPACE, text);
    ate__client_drop_link(c, ATE_E_NO_SPACE);
    ate__client_leave(c);
}

void ate__client_end(struct ate__client *c)
{
    ate__client_enter(c);
    c->ended = true;
    ate__calls_fail_all(c, ATE_CANCELED, "the chain was closed");
    close_link(c, ATE_CANCELED, NULL);
    ate__client_leave(c);
}

bool ate__client_created(const struct ate__client *c)
{
    return c->created;
}
