/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "rogue.h"
#include "attack.h"
#include "base/alloc.h"
#include "base/text.h"
#include <stdlib.h>

static void send_body(struct ate__link *l, enum ate__message type, uint32_t stream,
                      struct ate__buf *take_body)
{
    struct ate_bytes body = ate__buf_bytes(take_body);
    (void)!ate__link_send(l, (uint16_t)type, stream, &body, 1);
    ate__buf_deinit(take_body);
}

/* ---- answers ---- */

static void on_open(struct rogue *r, struct ate__link *l, uint32_t stream)
{
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&body);
    struct ate__msg_opened m = {
        .chain_id = r->past->chain_id,
        .head = past_head(r->past, r->size),
        .genesis_time_us = r->past->time_us[0],
        .inclusion = past_inclusion(r->past, 0, r->size),
        .genesis = ate__buf_bytes(&r->past->record[0]),
    };
    if (r->opened)
        r->opened(r, &m);
    ate__msg_opened_encode(&w, &m);
    send_body(l, ATE__MSG_OPENED, stream, &body);
}

static void send_group(struct rogue *r, struct ate__link *l, uint32_t stream, uint64_t sequence)
{
    struct ate__buf body = ATE__BUF_NULL, records = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&body), rw = ate__wr_of(&records);
    struct ate__head after = past_head(r->past, sequence + 1);
    struct ate__msg_group m = {.first_sequence = sequence,
                               .root_time_us = r->past->time_us[sequence],
                               .head_after = after.root,
                               .count = 1};
    ate__msg_group_add(&rw, ate__buf_bytes(&r->past->record[sequence]));
    bool shown = !r->group || r->group(r, &m, &records);
    m.records = ate__buf_bytes(&records);
    ate__msg_group_encode(&w, &m);
    if (shown)
        send_body(l, ATE__MSG_GROUP, stream, &body);
    ate__buf_deinit(&body);
    ate__buf_deinit(&records);
}

static void on_subscribe(struct rogue *r, struct ate__link *l, uint32_t stream,
                         struct ate_bytes bytes)
{
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&body);
    struct ate__msg_subscribe ask;
    struct ate__msg_subscribed m = {.head = past_head(r->past, r->size)};
    if (ate__msg_subscribe_decode(bytes, &ask))
        return;
    uint64_t from = ask.head.size;
    if (from && from <= r->size)
        m.consistency = past_consistency(r->past, from, r->size);
    if (r->subscribed)
        r->subscribed(r, &m);
    ate__msg_subscribed_encode(&w, &m);
    send_body(l, ATE__MSG_SUBSCRIBED, stream, &body);
    for (uint64_t n = from; n < r->size; n++)
        send_group(r, l, stream, n);
}

static void say(struct rogue *r, struct ate__link *l, uint32_t stream, unsigned which)
{
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&body);
    if (!r->said[which].size)
        return;
    ate__msg_note_encode(&w, &(struct ate__msg_note){ate__buf_bytes(&r->said[which])});
    send_body(l, ATE__MSG_NOTE, stream, &body);
}

static void on_get(struct rogue *r, struct ate__link *l, uint32_t stream, struct ate_bytes bytes)
{
    static struct past_answer answer; /* too big for a stack; one loop, one thread */
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__msg_get get;
    if (ate__msg_get_decode(bytes, &get))
        return;
    uint64_t size = get.at && get.at < r->size ? get.at : r->size;
    past_answer_get(r->past, &get, size, &answer);
    if (r->answer)
        r->answer(&answer);
    past_answer_encode(&answer, get.request, get.known.size, &body);
    past_answer_free(&answer);
    send_body(l, ATE__MSG_GOT, stream, &body);
    if (get.kind == ATE__GET_LOG_KEYS) {
        say(r, l, stream, 1);
        ate__buf_clear(&r->said[1]);
    }
}

static void on_commit(struct rogue *r, struct ate__link *l, uint32_t stream, struct ate_bytes bytes)
{
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&body);
    struct ate__msg_committed m = {.known_size = r->size};
    struct ate__msg_rejected rejected = {.result = ATE_DENIED, .text = ate__text_bytes("no")};
    struct ate__msg_commit commit;
    if (ate__msg_commit_decode(bytes, &commit))
        return;
    m.request = rejected.request = commit.request;
    if (r->committed) {
        r->committed(r, &commit, &m);
        ate__msg_committed_encode(&w, &m);
        send_body(l, ATE__MSG_COMMITTED, stream, &body);
    } else {
        ate__msg_rejected_encode(&w, &rejected);
        send_body(l, ATE__MSG_REJECTED, stream, &body);
    }
}

/* As it would answer a commit. */
static void on_outcome(struct rogue *r, struct ate__link *l, uint32_t stream,
                       struct ate_bytes bytes)
{
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&body);
    struct ate__msg_committed m = {.known_size = r->size};
    struct ate__msg_outcome ask;
    if (ate__msg_outcome_decode(bytes, &ask) || !r->committed)
        return;
    m.request = ask.request;
    r->committed(r, &(struct ate__msg_commit){ask.request, ask.known, {NULL, 0}}, &m);
    ate__msg_committed_encode(&w, &m);
    send_body(l, ATE__MSG_COMMITTED, stream, &body);
}

static void refuse(struct ate__link *l, uint32_t stream, uint32_t request)
{
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&body);
    struct ate__msg_rejected m = {
        .request = request, .result = ATE_NOT_FOUND, .text = ate__text_bytes("nothing is signed")};
    ate__msg_rejected_encode(&w, &m);
    send_body(l, ATE__MSG_REJECTED, stream, &body);
}

static void on_checkpoint(struct rogue *r, struct ate__link *l, uint32_t stream,
                          struct ate_bytes bytes)
{
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&body);
    struct ate__msg_checkpoint ask;
    if (ate__msg_checkpoint_decode(bytes, &ask))
        return;
    if (!r->note.size) {
        refuse(l, stream, ask.request);
        return;
    }
    ate__msg_signed_encode(&w, &(struct ate__msg_signed){ask.request, ate__buf_bytes(&r->note)});
    send_body(l, ATE__MSG_SIGNED, stream, &body);
}

static void on_prove(struct rogue *r, struct ate__link *l, uint32_t stream, struct ate_bytes bytes)
{
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&body);
    struct ate__msg_prove ask;
    if (ate__msg_prove_decode(bytes, &ask))
        return;
    if (ask.size > r->size) {
        refuse(l, stream, ask.request);
        return;
    }
    struct ate__msg_proven m = {.request = ask.request, .kind = ask.kind};
    if (ask.kind == ATE__PROVE_INCLUSION) {
        m.path = past_inclusion(r->past, ask.first, ask.size);
        m.root_time_us = r->past->time_us[ask.first];
        m.tx_hash = r->past->tx[ask.first].hash;
        attack_must(
            ate__tx_signatures_hash(&r->past->tx[ask.first], ATE__SHA256, &m.signatures_hash));
    } else {
        m.path = past_consistency(r->past, ask.first, ask.size);
    }
    if (r->proven)
        r->proven(r, &m);
    ate__msg_proven_encode(&w, &m);
    send_body(l, ATE__MSG_PROVEN, stream, &body);
}

/* ---- connections ---- */

struct client {
    struct rogue *r;
    struct ate__link *link;
};

static void on_frame(void *owner, const struct ate__net_frame *f)
{
    struct client *c = owner;
    switch (f->type) {
    case ATE__MSG_OPEN:
    case ATE__MSG_CREATE: on_open(c->r, c->link, f->stream); break;
    case ATE__MSG_SUBSCRIBE: on_subscribe(c->r, c->link, f->stream, f->body); break;
    case ATE__MSG_GET: on_get(c->r, c->link, f->stream, f->body); break;
    case ATE__MSG_COMMIT: on_commit(c->r, c->link, f->stream, f->body); break;
    case ATE__MSG_OUTCOME: on_outcome(c->r, c->link, f->stream, f->body); break;
    case ATE__MSG_CHECKPOINT: on_checkpoint(c->r, c->link, f->stream, f->body); break;
    case ATE__MSG_NOTES: say(c->r, c->link, f->stream, 0); break;
    case ATE__MSG_PROVE: on_prove(c->r, c->link, f->stream, f->body); break;
    default: break;
    }
}

static void on_closed(void *owner, int result, const char *text)
{
    (void)result, (void)text;
    free(owner);
}

static const struct ate__link_events events = {.frame = on_frame, .closed = on_closed};

static int on_accept(void *user, struct ate__link *link, const struct ate__link_events **ret_events,
                     void **ret_owner)
{
    struct client *c = calloc(1, sizeof *c);
    if (!c)
        return ate__no_memory();
    *c = (struct client){user, link};
    *ret_events = &events;
    *ret_owner = c;
    return 0;
}

/* ---- life ---- */

struct rogue *rogue_new(struct past *take_past)
{
    ate__cleanup(ate__secret_deinit) struct ate__secret pem = {0};
    struct rogue *r = calloc(1, sizeof *r);
    assert_non_null(r);
    r->past = take_past;
    r->size = take_past->size;
    attack_must(ate__tls_server_key_generate(&pem));
    attack_must(ate__tls_server_key_load(ate__bytes(pem.data, pem.size), &r->key));
    r->pin = ate__tls_server_key_pin(r->key);
    attack_must(ate__loop_new(&r->loop));
    return r;
}

void rogue_free(struct rogue *r)
{
    ate__acceptor_free(r->listener);
    ate__loop_unref(r->loop);
    ate__tls_server_key_free(r->key);
    past_free(r->past);
    ate__buf_deinit(&r->note);
    ate__buf_deinit(&r->said[0]);
    ate__buf_deinit(&r->said[1]);
    free(r);
}

static void listen_once(struct rogue *r)
{
    static const struct ate__acceptor_events listener_events = {.accept = on_accept};
    struct ate__acceptor_conf conf = {.host = "127.0.0.1",
                                      .key = r->key,
                                      .hello = ate__hello_ours(),
                                      .no_wire_encryption = r->clear};
    if (!r->listener)
        attack_must(ate__acceptor_new(r->loop, &conf, &listener_events, r, &r->listener));
}

const char *rogue_address(struct rogue *r)
{
    listen_once(r);
    char pin[ATE_HASH_TEXT], root[ATE_HASH_TEXT];
    snprintf(r->address, sizeof r->address, "tcp://%s:%u%s#pin=%s,root=%s",
             r->host ? r->host : "127.0.0.1", ate__acceptor_port(r->listener),
             r->name ? r->name : "/past", ate_hash_text(r->pin, pin),
             ate_hash_text(past_print(r->past, ROOT), root));
    return r->address;
}

int rogue_open(struct rogue *r, const char *mirror, struct ate_chain **ret_chain)
{
    struct ate_chain_conf conf = {
        .mirror_dir = mirror,
        .timeout_ms = r->timeout_ms ? r->timeout_ms : 20000,
        .centralized = r->centralized,
    };
    return ate_chain_open(rogue_address(r), r->session, 0, &conf, ret_chain);
}
