/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "api/records.h"
#include "base/assert.h"
#include "dio/compress.h"

enum { BATCH_RECORDS = 256, BATCH_BYTES = 1 << 20 };

int ate__records_init(struct ate__records *r, struct ate_chain *chain, struct ate_session *session,
                      uint64_t from)
{
    *r = (struct ate__records){.next = from};
    session = session ? session : chain->session;
    r->chain = ate__chain_handle_ref(chain);
    r->session = session ? ate__session_ref(session) : NULL;
    int rc = chain->pipe->v->begin(chain->pipe, &r->snapshot);
    if (rc)
        ate__records_deinit(r);
    return rc;
}

void ate__opened_deinit(struct ate__opened *o)
{
    ate__buf_deinit(&o->plain);
    ate__buf_deinit(&o->unpacked);
}

static void let_present_go(struct ate__records *r)
{
    if (!r->present)
        return;
    for (uint32_t i = 0; r->events && i < r->tx.event_count; i++)
        ate__opened_deinit(&r->events[i]);
    ate__free(r->events);
    r->events = NULL;
    ate__tx_deinit(&r->tx);
    r->present = false;
}

void ate__records_deinit(struct ate__records *r)
{
    let_present_go(r);
    ate__buf_deinit(&r->bytes);
    ate__free(r->batch);
    if (r->snapshot)
        r->chain->pipe->v->end(r->snapshot);
    ate__session_unref(r->session);
    ate__chain_handle_unref(r->chain);
    *r = (struct ate__records){0};
}

static int add_record(void *arg, const struct ate__history_record *record)
{
    struct ate__records *r = arg;
    if (r->batch_count == BATCH_RECORDS ||
        (r->batch_count && r->bytes.size + record->body.size > BATCH_BYTES))
        return ATE_END;
    int rc = ate__grow(&r->batch, &r->batch_capacity, r->batch_count + 1, sizeof *r->batch);
    if (rc)
        return rc;
    r->batch[r->batch_count] =
        (struct record){record->sequence, record->root_time_us, r->bytes.size, record->body.size};
    rc = ate__buf_append(&r->bytes, record->body);
    r->batch_count += rc == 0;
    return rc;
}

static int fill_batch(struct ate__records *r)
{
    struct ate__pipe *p = r->chain->pipe;
    r->batch_count = r->batch_at = 0;
    ate__buf_clear(&r->bytes);
    int rc = p->v->refresh(r->snapshot);
    if (!rc)
        rc = p->v->history(p, r->next, add_record, r);
    if (rc && rc != ATE_END)
        return rc;
    return r->batch_count ? 0 : ATE_END;
}

/* ---- opening ---- */

/* The object, or the nearest one above it that is not deleted since. */
static int still_there(struct ate__records *r, struct ate_id at, struct ate_id *ret_at)
{
    const struct ate__facts *facts = r->chain->pipe->v->facts(r->snapshot);
    struct ate__object_facts object;
    int rc = facts->v->object(facts, &at, &object);
    for (unsigned depth = 0; !rc && !object.live && depth < ATE__PARENTS_MAX; depth++) {
        at = object.parent;
        rc = facts->v->object(facts, &at, &object);
    }
    if (!rc)
        *ret_at = at;
    return rc;
}

/* Where the body lies now, else where it lay: the scope that it was sealed in is above one of them,
 * unless it was moved twice. */
static int data_key_of(struct ate__records *r, const struct ate__header *h,
                       struct ate__data_key **ret_key)
{
    const struct ate__facts *facts = r->chain->pipe->v->facts(r->snapshot);
    const struct ate__seal_env *seal = &r->chain->dio->seal;
    struct ate__object_facts object;
    struct ate_id at = h->object;
    int rc = facts->v->object(facts, &at, &object);
    if (!rc)
        rc =
            object.live ? ate__body_key_open(seal, r->session, facts, &at, h, ret_key) : ATE_NO_KEY;
    if (rc == ATE_NO_KEY)
        rc = still_there(r, h->parent, &at);
    else
        return rc;
    return rc ? rc : ate__body_key_open(seal, r->session, facts, &at, h, ret_key);
}

static int decrypt(struct ate__records *r, const struct ate__event *e, struct ate__opened *o,
                   struct ate__header *items)
{
    ate__cleanup(ate__data_key_unrefp) struct ate__data_key *key = NULL;
    int rc = data_key_of(r, &e->header, &key);
    if (rc == ATE_NOT_FOUND)
        return ATE_NO_KEY;
    return rc ? rc : ate__body_decrypt(&r->chain->dio->seal, key, e, &o->plain, items, &o->stored);
}

static void take_items(struct ate__opened *o, const struct ate__header *h)
{
    o->name = h->name;
    o->encoding = h->encoding;
    if (h->type.size && h->type.size <= ATE__TYPE_MAX) {
        memcpy(o->type_text, h->type.data, h->type.size);
        o->type_text[h->type.size] = 0;
        o->type = o->type_text;
    }
}

static const struct ate__genesis *genesis_of(const struct ate__records *r)
{
    struct ate__pipe *p = r->chain->pipe;
    return ate__trust_genesis(p->v->trust(p));
}

static int open_event(struct ate__records *r, const struct ate__event *e, struct ate__opened *o)
{
    struct ate__header items;
    o->event = e;
    o->readable = true;
    if (e->form == ATE__DROPPED || e->kind != ATE__EVENT_BODY)
        return 0;
    o->stored = e->form == ATE__CLEAR ? e->payload : (struct ate_bytes){0};
    take_items(o, &e->header);
    o->encrypted = ate__header_has(&e->header, ATE__TAG_CONF);
    int rc = !o->encrypted ? 0 : e->form == ATE__CIPHER ? decrypt(r, e, o, &items) : ATE_NO_KEY;
    o->payload_size = ate__payload_size(genesis_of(r), o->stored);
    if (!rc && o->encrypted)
        take_items(o, &items);
    else if (rc == ATE_NO_KEY || rc == ATE_TAMPERED)
        o->readable = false;
    return rc < 0 ? rc : 0;
}

/* A name that does not give its tag is none. */
static int check_name(struct ate__records *r, const struct ate__event *e, struct ate__opened *o)
{
    struct ate_id namer;
    bool holds = false;
    if (!o->name.size)
        return 0;
    int rc = still_there(r, e->header.parent, &namer);
    if (!rc)
        rc =
            ate__name_holds(&r->chain->dio->seal, r->session, r->chain->pipe->v->facts(r->snapshot),
                            &namer, &e->header, o->name, &holds);
    if (!holds)
        o->name = (struct ate_bytes){0};
    return rc < 0 ? rc : 0;
}

int ate__records_open(struct ate__records *r, const struct ate__event *e, struct ate__opened *o)
{
    int rc = r->chain->pipe->v->refresh(r->snapshot);
    if (!rc)
        rc = open_event(r, e, o);
    return rc ? rc : check_name(r, e, o);
}

int ate__opened_object(const struct ate__records *r, struct ate__opened *o,
                       struct ate_object *ret_object)
{
    const struct ate__event *e = o->event;
    struct ate_bytes payload = ate__buf_bytes(&o->unpacked);
    int rc = 0;
    if (e->form == ATE__DROPPED || e->form == ATE__STRIPPED)
        return ate__fail(ATE_COMPACTED, "history: the payload is gone");
    if (e->kind != ATE__EVENT_BODY || ate__header_has(&e->header, ATE__TAG_TOMBSTONE))
        return ate__fail(ATE_MISUSE, "history: not a body event");
    if (!o->readable)
        return ate__fail(ATE_NO_KEY, "history: the session's keys do not open it");
    if (!payload.size && ate__event_has_payload(e))
        rc = ate__payload_unpack(genesis_of(r), o->stored, &o->unpacked, &payload);
    if (rc)
        return ate__context(rc, "history");
    *ret_object = (struct ate_object){
        .type = o->type,
        .encoding = o->encoding == ATE__JSON ? "json" : "msgpack",
        .payload = payload,
        .name = o->name,
        .id = e->header.object,
        .parent = e->header.parent,
        .payload_size = payload.size,
        .readable = true,
        .open = !o->encrypted,
    };
    return 0;
}

void ate__records_unread(struct ate__records *r)
{
    ate__assert(r->present);
    r->next = r->sequence;
    r->batch_at--;
    let_present_go(r);
}

int ate__records_again(struct ate__records *r)
{
    struct ate__pipe *p = r->chain->pipe;
    struct ate__snapshot *fresh;
    if (r->present)
        ate__records_unread(r);
    r->batch_at = r->batch_count = 0;
    int rc = p->v->begin(p, &fresh);
    if (rc)
        return rc;
    p->v->end(r->snapshot);
    r->snapshot = fresh;
    return 0;
}

int ate__records_next(struct ate__records *r)
{
    let_present_go(r);
    int rc = r->batch_at == r->batch_count ? fill_batch(r) : 0;
    if (rc)
        return rc;
    const struct record *record = &r->batch[r->batch_at];
    rc = ate__tx_decode(ate__bytes(r->bytes.data + record->at, record->size),
                        r->chain->dio->seal.alg, &r->tx);
    if (rc)
        return rc;
    r->present = true;
    r->sequence = record->sequence;
    r->root_time_us = record->root_time_us;
    r->events = ate__alloc_array(r->tx.event_count, sizeof *r->events);
    if (!r->events)
        rc = ate__no_memory();
    for (uint32_t i = 0; !rc && i < r->tx.event_count; i++)
        rc = open_event(r, &r->tx.events[i], &r->events[i]);
    for (uint32_t i = 0; !rc && i < r->tx.event_count; i++)
        rc = check_name(r, &r->tx.events[i], &r->events[i]);
    if (rc) {
        let_present_go(r);
        return rc;
    }
    r->batch_at++;
    r->next = record->sequence + 1;
    return 0;
}
