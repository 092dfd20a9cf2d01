/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * body.c: reading bodies: fetched through the pipe, opened with the session's keys.
 */
#include "base/text.h"
#include "dio/compress.h"
#include "dio/txn.h"

void ate__body_deinit(struct ate__body *b)
{
    ate__buf_deinit(&b->bytes);
    ate__buf_deinit(&b->plain);
    ate__buf_deinit(&b->unpacked);
    *b = (struct ate__body){0};
}

static void take_items(struct ate__body *b, const struct ate__header *h)
{
    b->name = h->name; /* until it was checked */
    b->type = h->type;
    b->encoding = h->encoding;
    b->user = h->user;
    b->has_reply_to = ate__header_has(h, ATE__TAG_REPLY_TO);
    b->reply_to = h->reply_to;
}

const struct ate__genesis *ate__txn_genesis(const struct ate_txn *t)
{
    return ate__trust_genesis(t->dio->pipe->v->trust(t->dio->pipe));
}

/* From the payload as it is stored to what it holds. */
static int unpack(const struct ate_txn *t, unsigned wanted, struct ate__body *b)
{
    const struct ate__genesis *g = ate__txn_genesis(t);
    if (!b->has_payload)
        return 0;
    b->payload_size = ate__payload_size(g, b->payload);
    if (wanted & ATE__BODY_SIZE) {
        b->payload = (struct ate_bytes){0};
        return 0;
    }
    return ate__payload_unpack(g, b->payload, &b->unpacked, &b->payload);
}

/* In the past: who was let into the scope since then has its key all the same. NO_KEY */
static int key_now(struct ate_txn *t, const struct ate_id *id, const struct ate__header *h,
                   struct ate__data_key **ret_key)
{
    struct ate__pipe *now = t->dio->pipe->now;
    const struct ate_hash *key_id = ate__sealing_id(h);
    const struct ate__control *then;
    struct ate__snapshot *s;
    int rc = ate__data_key_holder(t->dio->pipe->v->facts(t->snapshot), id, key_id, &then);
    if (!rc)
        rc = now->v->begin(now, &s);
    if (rc)
        return rc;
    rc = ate__body_key_open(&t->dio->seal, t->session, now->v->facts(s), &then->object, h, ret_key);
    if (rc == ATE_NOT_FOUND)
        rc = ate__fail(ATE_NO_KEY, "it was sealed in a scope that there is no more");
    now->v->end(s);
    return rc;
}

/* That is the key of an epoch of the scope in which it lies or, where something above it got or
 * lost a scope of its own and the body was not written anew since, of another object above it. */
static int body_key(struct ate_txn *t, const struct ate_id *id, const struct ate__header *h,
                    struct ate__data_key **ret_key)
{
    /* The scopes that the snapshot has, not those that this transaction's changes may bring. */
    const struct ate__facts *facts = t->dio->pipe->v->facts(t->snapshot);
    int rc = ate__body_key_open(&t->dio->seal, t->session, facts, id, h, ret_key);
    return rc == ATE_NO_KEY && t->dio->pipe->now ? key_now(t, id, h, ret_key) : rc;
}

int ate__txn_no_key(struct ate_txn *t, const struct ate_id *id)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf bytes = ATE__BUF_NULL;
    ate__cleanup(ate__data_key_unrefp) struct ate__data_key *key = NULL;
    struct ate__event e;
    int rc = t->dio->pipe->v->event(t->snapshot, id, &bytes, &e, NULL);
    if (!rc)
        rc = body_key(t, id, &e.header, &key);
    if (rc < 0)
        return rc;
    return rc ? ate__context(ATE_NO_KEY, "the session's keys do not open the object")
              : ate__fail(ATE_NO_KEY, "the session's keys do not open the object");
}

static int open_private(struct ate_txn *t, const struct ate_id *id, const struct ate__event *e,
                        struct ate__body *b)
{
    ate__cleanup(ate__data_key_unrefp) struct ate__data_key *key = NULL;
    struct ate__header items;
    int rc = body_key(t, id, &e->header, &key);
    if (!rc && e->form == ATE__CIPHER)
        rc = ate__body_decrypt(&t->dio->seal, key, e, &b->plain, &items, &b->payload);
    if (rc)
        return rc;
    b->readable = true;
    b->has_payload = e->form == ATE__CIPHER;
    if (b->has_payload)
        take_items(b, &items);
    if (e->header.type.size)
        b->type = e->header.type;
    b->payload_size = b->payload.size;
    return 0;
}

static int open_event(struct ate_txn *t, const struct ate_id *id, const struct ate__event *e,
                      struct ate__body *b)
{
    b->hash = e->hash;
    b->payload_size = e->payload_size;
    b->compacted = e->form == ATE__STRIPPED;
    if (ate__header_has(&e->header, ATE__TAG_CONF)) {
        int rc = open_private(t, id, e, b);
        return rc == ATE_NO_KEY ? 0 : rc;
    }
    b->readable = b->open = true;
    b->has_payload = e->form == ATE__CLEAR;
    b->payload = e->payload;
    take_items(b, &e->header);
    return 0;
}

static int stored_body(struct ate_txn *t, const struct ate_id *id, unsigned wanted,
                       struct ate__body *b)
{
    const struct ate__facts *facts = t->dio->pipe->v->facts(t->snapshot);
    struct ate__event e;
    int rc = t->dio->pipe->v->event(t->snapshot, id, &b->bytes, &e,
                                    wanted & ATE__BODY_AUTHORS ? &b->authors : NULL);
    bool holds = false;
    if (!rc)
        rc = open_event(t, id, &e, b);
    if (!rc)
        rc = unpack(t, wanted, b);
    if (!rc && b->name.size && wanted & ATE__BODY_NAME)
        rc = ate__name_holds(&t->dio->seal, t->session, facts, &e.header.parent, &e.header, b->name,
                             &holds);
    if (!holds)
        b->name = (struct ate_bytes){0};
    return rc;
}

static void pending_body(const struct ate__change *c, struct ate__body *b)
{
    b->readable = true;
    b->open = c->open;
    b->has_payload = c->has_payload;
    b->name = ate__buf_bytes(&c->name);
    b->type = ate__buf_bytes(&c->type);
    b->payload = ate__buf_bytes(&c->payload);
    b->user = ate__buf_bytes(&c->user);
    b->encoding = c->encoding;
    b->has_reply_to = c->has_reply_to;
    b->reply_to = c->reply_to;
    b->payload_size = c->payload.size;
}

int ate__txn_body(struct ate_txn *t, const struct ate_id *id, unsigned wanted,
                  struct ate__body *ret_body)
{
    struct ate__object_facts facts;
    struct ate__body b = {0};
    int rc = ate__txn_need(t, id, &facts);
    if (rc)
        return rc;
    const struct ate__change *c = ate__txn_change(t, id);
    if (c && c->body)
        pending_body(c, &b);
    else
        rc = stored_body(t, id, wanted, &b);
    if (rc) {
        char text[ATE__ID_TEXT];
        ate__body_deinit(&b);
        return ate__context(rc, "object %s", ate__id_text(id, text));
    }
    *ret_body = b;
    return 0;
}

static int not_readable(const struct ate__change *c)
{
    char text[ATE__ID_TEXT];
    return ate__fail(ATE_NO_KEY,
                     "object %s: it has to be sealed anew, and the session's keys do not open it",
                     ate__id_text(&c->id, text));
}

int ate__body_check_payload(const struct ate__body *b)
{
    return b->compacted ? ate__fail(ATE_COMPACTED, "what it was then was compacted away") : 0;
}

int ate__txn_keep(struct ate_txn *t, struct ate__change *c, const struct ate__body *b)
{
    const struct ate_place place = {c->before.parent, c->before.collection};
    if (!b->readable)
        return not_readable(c);
    ate__buf_clear(&c->user);
    int rc = ate__buf_append(&c->user, b->user);
    if (!rc)
        rc = ate__txn_place(t, c, &place, b->name);
    c->has_reply_to = b->has_reply_to;
    c->reply_to = b->reply_to;
    return rc;
}

int ate__txn_restate(struct ate_txn *t, struct ate__change *c)
{
    ate__cleanup(ate__body_deinit) struct ate__body b = {0};
    char text[ATE__ID_TEXT];
    if (c->body)
        return 0;
    int rc = ate__txn_body(t, &c->id, ATE__BODY_NAME, &b);
    if (!rc && !b.readable)
        rc = not_readable(c);
    if (!rc && b.payload_size && !b.has_payload)
        rc = ate__fail(ATE_NOT_LOCAL, "object %s: its payload is not here",
                       ate__id_text(&c->id, text));
    if (rc)
        return rc;
    ate__buf_clear(&c->type);
    ate__buf_clear(&c->payload);
    rc = ate__buf_append(&c->type, b.type);
    if (!rc)
        rc = ate__buf_append(&c->payload, b.payload);
    if (!rc)
        rc = ate__txn_keep(t, c, &b);
    c->encoding = b.encoding ? b.encoding : ATE__MSGPACK;
    c->has_payload = b.has_payload;
    c->body = rc == 0;
    return rc;
}
