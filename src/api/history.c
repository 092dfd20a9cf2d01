/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * history.c: all transactions, one by one, opened as far as the session's keys go.
 */
#include "ate/history.h"
#include "api/api.h"
#include "api/records.h"
#include "chain/believe.h"

struct ate_history {
    struct ate__records records;
    struct ate_history_event *events;
    struct ate_rules *rules;      /* of control events; one per event */
    struct ate_hash authors[ATE__TX_SIGNATURES_MAX];
    struct ate_reset reset; /* alone in its transaction */
    char reset_text[ATE__RESET_TEXT_MAX + 1];
    struct ate_hash roots[ATE__ROOT_KEYS_MAX]; /* a transaction has one ROOT: added, removed */
};

int ate_history_start(struct ate_chain *chain, struct ate_session *session, uint64_t from_sequence,
                      struct ate_history **ret_history)
{
    struct ate_history *h = ate__alloc(sizeof *h);
    if (!h)
        return ate__no_memory();
    int rc = ate__records_init(&h->records, chain, session, from_sequence);
    if (rc) {
        ate__free(h);
        return rc;
    }
    *ret_history = h;
    return 0;
}

static void let_go(struct ate_history *h)
{
    ate__free(h->events);
    ate__free(h->rules);
    h->events = NULL;
    h->rules = NULL;
}

void ate_history_end(struct ate_history *h)
{
    if (!h)
        return;
    let_go(h);
    ate__records_deinit(&h->records);
    ate__free(h);
}

enum ate_event_kind ate__event_kind_of(const struct ate__event *e)
{
    switch ((enum ate__event_kind)e->kind) {
    case ATE__EVENT_BODY:
        return ate__header_has(&e->header, ATE__TAG_TOMBSTONE) ? ATE_EVENT_TOMBSTONE
                                                               : ATE_EVENT_BODY;
    case ATE__EVENT_CONTROL: return ATE_EVENT_CONTROL;
    case ATE__EVENT_CHAIN: return ATE_EVENT_CHAIN;
    case ATE__EVENT_ROOT: return ATE_EVENT_ROOT;
    case ATE__EVENT_REVOKE: return ATE_EVENT_REVOKE;
    case ATE__EVENT_PUBLIC_KEY: return ATE_EVENT_PUBLIC_KEY;
    case ATE__EVENT_SNAPSHOT: return ATE_EVENT_CERTIFICATE;
    case ATE__EVENT_RESET: return ATE_EVENT_RESET;
    case ATE__EVENT_RESERVED: break;
    }
    return ATE_EVENT_OTHER;
}

static struct ate_rule rule_of(const struct ate__rule *r)
{
    return (struct ate_rule){(enum ate_who)r->who, (const struct ate_hash *)r->keys, r->count};
}

static size_t count_recipients(struct ate_bytes recipients)
{
    struct ate__recipient ignored;
    size_t n = 0;
    for (size_t at = 0; ate__recipient_next(recipients, &at, &ignored);)
        n++;
    return n;
}

static int show_event(const struct ate__opened *o, struct ate_history_event *e,
                      struct ate_rules *rules)
{
    const struct ate__event *event = o->event;
    const struct ate__header *h = &event->header;
    *e = (struct ate_history_event){.kind = ATE_EVENT_COMPACTED, .event_hash = event->hash};
    if (event->form == ATE__DROPPED)
        return 0;
    e->kind = ate__event_kind_of(event);
    e->id = h->object;
    e->parent = h->parent;
    e->type = o->type;
    e->name = o->name;
    e->encrypted = o->encrypted;
    e->readable = o->readable;
    e->has_payload = ate__event_has_payload(event);
    e->payload_size = o->readable && e->has_payload ? o->payload_size : event->payload_size;
    e->creates = e->kind == ATE_EVENT_BODY && !ate__header_has(h, ATE__TAG_PREV);
    e->subtree = h->tombstone == 1;
    e->epoch = o->encrypted ? h->conf.epoch : h->epoch.epoch;
    e->fingerprint = h->revoked;
    e->certified = h->snapshot.size;
    if (e->kind == ATE_EVENT_PUBLIC_KEY)
        return ate__fingerprint(h->public_key, &e->fingerprint);
    if (e->kind == ATE_EVENT_CONTROL) {
        *rules = (struct ate_rules){rule_of(&h->auth.rule[0]), rule_of(&h->auth.rule[1]),
                                    rule_of(&h->auth.rule[2]), rule_of(&h->auth.rule[3])};
        e->rules = rules;
        e->recipient_count = count_recipients(h->recipients);
    }
    return 0;
}

static void show_reset(struct ate_history *h)
{
    const struct ate__records *r = &h->records;
    const struct ate__reset_item *item = &r->tx.events[0].header.reset;
    memset(h->reset_text, 0, sizeof h->reset_text);
    if (item->text.size)
        memcpy(h->reset_text, item->text.data, item->text.size);
    h->reset = (struct ate_reset){
        .sequence = r->sequence,
        .old_size = item->old_size,
        .signed_ns = ate__ns_of(r->tx.time_us),
        .reason = (enum ate_reset_reason)item->reason,
        .text = h->reset_text,
    };
    h->events[0].reset = &h->reset;
}

static int show_roots(struct ate_history *h, struct ate_bytes list, struct ate_history_event *e)
{
    struct ate__root_change change;
    size_t n = 0;
    e->added = h->roots;
    for (size_t at = 0; ate__root_next(list, &at, &change);) {
        int rc = change.op == ATE__ROOT_ADD ? ate__fingerprint(change.key, &h->roots[n++]) : 0;
        if (rc)
            return rc;
    }
    e->added_count = n;
    e->removed = h->roots + n;
    for (size_t at = 0; ate__root_next(list, &at, &change);)
        if (change.op != ATE__ROOT_ADD)
            memcpy(&h->roots[n++], change.key.data, sizeof h->roots[0]);
    e->removed_count = n - e->added_count;
    return 0;
}

static int show_all(struct ate_history *h)
{
    const struct ate__records *r = &h->records;
    int rc = 0;
    h->events = ate__alloc_array(r->tx.event_count, sizeof *h->events);
    h->rules = ate__alloc_array(r->tx.event_count, sizeof *h->rules);
    if (!h->events || !h->rules)
        return ate__no_memory();
    for (uint32_t i = 0; !rc && i < r->tx.event_count; i++) {
        rc = show_event(&r->events[i], &h->events[i], &h->rules[i]);
        if (!rc && h->events[i].kind == ATE_EVENT_ROOT)
            rc = show_roots(h, r->events[i].event->header.root, &h->events[i]);
    }
    if (!rc && h->events[0].kind == ATE_EVENT_RESET)
        show_reset(h);
    for (uint32_t i = 0; i < r->tx.signature_count; i++)
        h->authors[i] = r->tx.signatures[i].fingerprint;
    return rc;
}

/* What its server wrote by itself has no author: that is the server's word too. */
static void show_grounds(const struct ate__records *r, struct ate_history_txn *t)
{
    static const enum ate_grounds grounds[] = {
        [ATE__BY_SIGNATURES] = ATE_BY_SIGNATURES,
        [ATE__BY_LOG_KEY] = ATE_BY_LOG_KEY,
        [ATE__BY_CERTIFICATE] = ATE_BY_CERTIFICATE,
        [ATE__BY_HOST_KEY] = ATE_BY_HOST_KEY,
    };
    struct ate__pipe *pipe = r->chain->pipe;
    bool is_signed = r->tx.signature_count && !r->tx.attested;
    t->grounds =
        grounds[ate__chain_ground(pipe->v->chain(pipe), is_signed, r->sequence, &t->log_key)];
}

int ate_history_next(struct ate_history *h, struct ate_history_txn *ret_txn)
{
    struct ate__records *r = &h->records;
    let_go(h);
    int rc = ate__check_may_wait();
    if (!rc)
        rc = ate__records_next(r);
    if (rc)
        return rc;
    rc = show_all(h);
    if (rc) {
        ate__records_unread(r);
        return rc;
    }
    *ret_txn = (struct ate_history_txn){
        .sequence = r->sequence,
        .id.number = r->tx.id.number,
        .id.hash = r->tx.hash,
        .tx_hash = r->tx.hash,
        .root_time_ns = ate__ns_of(r->root_time_us),
        .writer_time_ns = ate__ns_of(r->tx.time_us),
        .authors = h->authors,
        .author_count = r->tx.signature_count,
        .verified = true, /* the chain shows nothing that it did not verify */
        .events = h->events,
        .event_count = r->tx.event_count,
    };
    show_grounds(r, ret_txn);
    memcpy(ret_txn->id.origin, r->tx.id.origin, sizeof ret_txn->id.origin);
    return 0;
}

int ate_history_load(struct ate_history *h, size_t event_index, struct ate_object *ret_object)
{
    struct ate__records *r = &h->records;
    if (!r->present || event_index >= r->tx.event_count)
        return ate__fail(ATE_MISUSE, "history: there is no such event");
    int rc = ate__opened_object(r, &r->events[event_index], ret_object);
    if (rc)
        return rc;
    ret_object->sequence = r->sequence;
    ret_object->updated_ns = ate__ns_of(r->root_time_us);
    ret_object->authors = h->authors;
    ret_object->author_count = r->tx.signature_count;
    return 0;
}
